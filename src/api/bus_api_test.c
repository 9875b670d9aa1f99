/* SPDX-License-Identifier: MIT */
/*
 * The bus as its users see it, on a log that a node has begun, in a machine in memory.
 */
#include "api/bus_api.h"

#include <stdio.h>
#include <string.h>

#include "tests/lib/api_sample.h"
#include "tests/lib/cmocka_all.h"

static struct mri_api_sample sample;
static mr_bus *bus;

static int set_up(void **fixture)
{
    (void)fixture;
    mri_api_sample_begin(&sample);
    bus = sample.bus;
    return 0;
}

static int tear_down(void **fixture)
{
    (void)fixture;
    mri_api_sample_end(&sample);
    return 0;
}

static mr_emission emission_of(const char *source, const char *key)
{
    mr_emission emission = mri_api_sample_emission(&sample, 0, source);
    emission.key = key;
    return emission;
}

static uint32_t emit_one(mr_bus *by, const mr_emission *emission)
{
    return mri_api_sample_emit(by, emission).n;
}

static void what_was_emitted_is_found_by_ordinal_and_id(void **fixture)
{
    (void)fixture;
    mr_emission emission = emission_of("bot", NULL);
    emission.name = "fast";
    emission.side = MR_SHORT;
    uint32_t ordinal = emit_one(bus, &emission);
    mr_signal signal;
    mr_ordinal found;
    char id[MR_BUS_ID_BYTES];
    char text[16];
    assert_int_equal(mr_bus_get(bus, (mr_ordinal){ordinal}, &signal), MR_OK);
    assert_string_equal(signal.symbol, sample.symbols[0]);
    assert_string_equal(signal.source, "bot");
    assert_string_equal(signal.name, "fast");
    assert_string_equal(signal.gate, "none");
    assert_int_equal(signal.side, MR_SHORT);
    assert_int_equal(signal.state, MR_GENERATED);
    assert_int_equal(signal.event_time_unix_ns, mri_api_sample_event_time(bus));
    assert_int_equal(mr_bus_id(bus, (mr_ordinal){ordinal}, id), MR_OK);
    assert_int_equal(mr_bus_find(bus, id, &found), MR_OK);
    assert_int_equal(found.n, ordinal);
    (void)snprintf(text, sizeof(text), "%u", ordinal);
    assert_int_equal(mr_bus_find(bus, text, &found), MR_OK);
    id[0] ^= 1;
    assert_int_equal(mr_bus_find(bus, id, &found), MR_NOT_FOUND);
    assert_int_equal(mr_bus_find(bus, "0", &found), MR_NOT_FOUND);
    assert_int_equal(mr_bus_find(bus, "99999999999", &found), MR_NOT_FOUND);
    assert_int_equal(mr_bus_get(bus, (mr_ordinal){ordinal + 1}, &signal), MR_NOT_FOUND);
    assert_int_equal(mr_bus_get(bus, (mr_ordinal){0}, &signal), MR_NOT_FOUND);
}

static void a_name_that_fills_its_place_is_whole(void **fixture)
{
    (void)fixture;
    static const char name[] = "0123456789012345678901234567890123456789012345678901234567890123";
    mr_emission emission = emission_of(name, NULL);
    mr_signal signal;
    assert_int_equal(strlen(name), 64);
    assert_int_equal(mr_bus_get(bus, (mr_ordinal){emit_one(bus, &emission)}, &signal), MR_OK);
    assert_string_equal(signal.source, name);
    assert_string_equal(signal.name, name);
}

static void a_batch_is_whole_or_not_at_all(void **fixture)
{
    (void)fixture;
    mr_emission emissions[3] = {
        emission_of("bot", NULL), emission_of("bot", NULL), emission_of("bot", NULL)};
    mr_emitted emitted[3];
    mr_problem problem = {""};
    mr_signal signal;
    emissions[1].confidence = 2.0;
    assert_int_equal(mr_bus_emit(bus, emissions, 3, MR_ASYNC, emitted, &problem), MR_REFUSED);
    assert_string_equal(problem.text, "signal 2 of 3: confidence: expected a number from 0 to 1");
    assert_int_equal(mr_bus_get(bus, (mr_ordinal){1}, &signal), MR_NOT_FOUND);
    emissions[1].confidence = 1.0;
    assert_int_equal(mr_bus_emit(bus, emissions, 3, MR_ASYNC, emitted, &problem), MR_OK);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(emitted[i].ordinal.n, i + 1);
        assert_false(emitted[i].is_repeated);
    }
    assert_int_equal(mr_bus_emit(bus, emissions, 0, MR_ASYNC, emitted, &problem), MR_EINVAL);
    assert_int_equal(mr_bus_emit(bus, NULL, 1, MR_ASYNC, emitted, &problem), MR_EINVAL);
}

static void a_key_names_one_signal_whoever_emits_it(void **fixture)
{
    (void)fixture;
    mr_bus *other = mri_api_sample_open(&sample);
    mr_emission emissions[4] = {emission_of("bot", "a"), emission_of("bot", "b"),
        emission_of("bot", "a"), emission_of("else", "a")};
    mr_emitted emitted[4];
    static const bool repeated[4] = {false, true, true, false};
    uint32_t first = emit_one(other, &emissions[1]);
    assert_int_equal(mr_bus_emit(bus, emissions, 4, MR_ASYNC, emitted, NULL), MR_OK);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(emitted[i].is_repeated, repeated[i]);
    }
    assert_int_equal(emitted[1].ordinal.n, first);
    assert_int_equal(emitted[0].ordinal.n, emitted[2].ordinal.n);
    assert_int_not_equal(emitted[0].ordinal.n, emitted[3].ordinal.n);
    assert_int_equal(mr_bus_emit(other, emissions, 4, MR_ASYNC, emitted, NULL), MR_OK);
    for (int i = 0; i < 4; i++) {
        assert_true(emitted[i].is_repeated);
    }
    mr_bus_close(other);
}

static void a_key_of_another_symbol_side_or_name_is_no_repetition(void **fixture)
{
    (void)fixture;
    mr_emission first = emission_of("bot", "a");
    mr_emission plain = emission_of("bot", NULL);
    uint32_t ordinal = emit_one(bus, &first);
    for (int what = 0; what < 4; what++) {
        mr_emission other = first;
        mr_problem problem = {""};
        mr_emitted emitted[2];
        other.symbol = what == 0 ? sample.symbols[1] : other.symbol;
        other.side = what == 1 ? MR_SHORT : other.side;
        other.name = what == 2 ? "fast" : other.name;
        other.confidence = 0.9; /* may be another one: it was reckoned anew */
        const mr_emission both[2] = {plain, other};
        mr_err err = mr_bus_emit(bus, both, 2, MR_ASYNC, emitted, &problem);
        assert_int_equal(err, what == 3 ? MR_OK : MR_REFUSED);
        if (err == MR_OK) {
            assert_int_equal(emitted[1].ordinal.n, ordinal);
            assert_true(emitted[1].is_repeated);
        } else {
            assert_non_null(
                strstr(problem.text, "signal 2 of 2: key: \"a\" is signal 1 already (long "));
        }
        mr_signal signal; /* nothing of a refused batch is there */
        assert_int_equal(
            mr_bus_get(bus, (mr_ordinal){ordinal + 1}, &signal), what == 3 ? MR_OK : MR_NOT_FOUND);
        other.key = "b";
        first.key = "b";
        const mr_emission twice[2] = {first, other};
        err = mr_bus_emit(bus, twice, 2, MR_ASYNC, emitted, &problem);
        first.key = "a";
        assert_int_equal(err, what == 3 ? MR_OK : MR_REFUSED);
        if (err != MR_OK) {
            assert_non_null(strstr(problem.text, "signal 2 of 2: key: \"b\" is of another signal"));
        }
    }
}

static void as_many_keys_as_a_batch_holds_are_told_apart(void **fixture)
{
    (void)fixture;
    enum { COUNT = 2048 };
    static mr_emission emissions[COUNT];
    static mr_emitted emitted[COUNT];
    static char keys[COUNT][8];
    for (int i = 0; i < COUNT; i++) {
        (void)snprintf(keys[i], sizeof(keys[i]), "%d", i % (COUNT / 2));
        emissions[i] = emission_of("bot", keys[i]);
    }
    assert_int_equal(mr_bus_emit(bus, emissions, COUNT, MR_ASYNC, emitted, NULL), MR_OK);
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(emitted[i].is_repeated, i >= COUNT / 2);
        assert_int_equal(emitted[i].ordinal.n, 1 + i % (COUNT / 2));
    }
}

static void of_two_who_move_a_signal_one_wins(void **fixture)
{
    (void)fixture;
    mr_bus *other = mri_api_sample_open(&sample);
    mr_emission emission = emission_of("bot", NULL);
    mr_move move = {.ordinal = {emit_one(bus, &emission)},
        .from = MR_GENERATED,
        .to = MR_BLOCKED,
        .gate = "external",
        .reason = "external"};
    mr_move_conflict conflict;
    mr_problem problem = {""};
    mr_signal signal;
    assert_int_equal(mr_bus_move(other, &move, 1, MR_ASYNC, &conflict, &problem), MR_OK);
    assert_int_equal(mr_bus_move(bus, &move, 1, MR_ASYNC, &conflict, &problem), MR_CONFLICT);
    assert_int_equal(conflict.ordinal.n, move.ordinal.n);
    assert_int_equal(conflict.found, MR_BLOCKED);
    assert_int_equal(mr_bus_get(bus, move.ordinal, &signal), MR_OK);
    assert_int_equal(signal.state, MR_BLOCKED);
    assert_int_equal(signal.moved.n, conflict.winner.n);
    assert_string_equal(signal.gate, "external");
    mr_bus_close(other);
}

static void of_a_full_disk_the_folder_is_told(void **fixture)
{
    (void)fixture;
    mr_problem problem = {""};
    char expected[sizeof(bus->folder) + 40];
    (void)snprintf(expected, sizeof(expected), "%s: no space left on the device", bus->folder);
    assert_int_equal(mri_bus_api_explain(bus, MR_ENOSPC, NULL, &problem), MR_ENOSPC);
    assert_string_equal(problem.text, expected);
}

static void moves_that_cannot_be_are_refused_with_the_reason(void **fixture)
{
    (void)fixture;
    mr_emission emission = emission_of("bot", NULL);
    mr_move good = {.ordinal = {emit_one(bus, &emission)},
        .from = MR_GENERATED,
        .to = MR_BLOCKED,
        .gate = "external",
        .reason = "external"};
    mr_problem problem = {""};
    mr_move move = good;
    move.to = MR_EXECUTED;
    assert_int_equal(mr_bus_move(bus, &move, 1, MR_ASYNC, NULL, &problem), MR_REFUSED);
    assert_non_null(strstr(problem.text, "generated to executed"));
    move = good;
    move.to = MR_EVALUATING;
    assert_int_equal(mr_bus_move(bus, &move, 1, MR_ASYNC, NULL, &problem), MR_REFUSED);
    assert_string_equal(problem.text, "gate: only a move to blocked or expired has one, found "
                                      "external of a move to evaluating");
    move = good;
    move.reason = NULL;
    assert_int_equal(mr_bus_move(bus, &move, 1, MR_ASYNC, NULL, &problem), MR_REFUSED);
    move = good;
    move.gate = "no such gate";
    assert_int_equal(mr_bus_move(bus, &move, 1, MR_ASYNC, NULL, &problem), MR_REFUSED);
    assert_non_null(strstr(problem.text, "no such gate"));
    move = good;
    move.ordinal.n = 77;
    assert_int_equal(mr_bus_move(bus, &move, 1, MR_ASYNC, NULL, &problem), MR_NOT_FOUND);
    move = good;
    move.to = (mr_state)99;
    assert_int_equal(mr_bus_move(bus, &move, 1, MR_ASYNC, NULL, &problem), MR_REFUSED);
    assert_int_equal(mr_bus_move(bus, &good, 1, MR_ASYNC, NULL, &problem), MR_OK);
}

static void questions_are_answered_in_pages(void **fixture)
{
    (void)fixture;
    mr_ordinal found[2];
    mr_bus_page page = {.ordinals = found, .room = 2};
    mr_problem problem = {""};
    uint64_t counts[MR_STATE_COUNT];
    for (int i = 0; i < 5; i++) {
        mr_emission emission = emission_of(i % 2 == 0 ? "even" : "odd", NULL);
        (void)emit_one(bus, &emission);
    }
    assert_int_equal(mr_bus_query(bus, "source=even", &page, NULL), MR_OK);
    assert_int_equal(page.count, 2);
    assert_true(page.is_cut);
    assert_int_equal(found[0].n, 5);
    assert_int_equal(found[1].n, 3);
    page.beyond = found[1];
    assert_int_equal(mr_bus_query(bus, "source=even", &page, NULL), MR_OK);
    assert_int_equal(page.count, 1);
    assert_false(page.is_cut);
    assert_int_equal(found[0].n, 1);
    page.beyond.n = 0;
    assert_int_equal(mr_bus_query(bus, "state=generated order by time asc", &page, NULL), MR_OK);
    assert_int_equal(found[0].n, 1);
    assert_int_equal(mr_bus_query(bus, "state=nonsense", &page, &problem), MR_REFUSED);
    assert_non_null(strstr(problem.text, "character 7"));
    page.beyond.n = 6;
    assert_int_equal(mr_bus_query(bus, "", &page, &problem), MR_NOT_FOUND);
    assert_non_null(strstr(problem.text, "no signal 6 "));
    page.beyond.n = 5;
    assert_int_equal(mr_bus_query(bus, "", &page, &problem), MR_OK);
    page.room = 0;
    assert_int_equal(mr_bus_query(bus, "", &page, &problem), MR_EINVAL);
    assert_int_equal(mr_bus_counts(bus, counts, NULL), MR_OK);
    assert_int_equal(counts[MR_GENERATED], 5);
}

/** Of a handle that has the shared state no more, and cannot read the log. */
static void a_fault_is_not_told_as_a_signal_that_is_not_there(void **fixture)
{
    (void)fixture;
    mr_emission emission = emission_of("bot", NULL);
    mr_ordinal ordinal = {emit_one(bus, &emission)};
    char id[MR_BUS_ID_BYTES];
    unsigned told = 0;
    assert_int_equal(mr_bus_id(bus, ordinal, id), MR_OK);
    for (unsigned call = 1; call <= 40; call++) { /* some are done without */
        mr_bus *other = mri_api_sample_open(&sample);
        mr_ordinal found;
        other->has_state = false;
        mri_os_faults_arm(&sample.story->machine, MRI_OS_CALL_COUNT, call, MR_EIO);
        mr_err err = mr_bus_find(other, id, &found);
        mri_os_faults_arm(&sample.story->machine, MRI_OS_CALL_COUNT, 0, MR_OK);
        assert_true(err == MR_OK || err == MR_EIO);
        told += err == MR_EIO;
        assert_int_equal(mr_bus_find(other, id, &found), MR_OK);
        assert_int_equal(found.n, ordinal.n);
        mr_bus_close(other);
    }
    assert_true(told > 0);
}

static void what_others_emit_ends_a_wait(void **fixture)
{
    (void)fixture;
    mr_bus *other = mri_api_sample_open(&sample);
    mr_emission emission = emission_of("bot", NULL);
    mr_signal signal;
    assert_int_equal(mr_bus_wait(bus, 1, NULL), MR_AGAIN);
    mr_ordinal ordinal = {emit_one(other, &emission)};
    assert_int_equal(mr_bus_wait(bus, -1, NULL), MR_OK);
    assert_int_equal(mr_bus_get(bus, ordinal, &signal), MR_OK);
    assert_int_equal(mr_bus_follow(bus, NULL), MR_OK);
    mr_bus_close(other);
}

static void a_log_that_was_never_run_takes_no_signals(void **fixture)
{
    (void)fixture;
    mr_bus *made;
    mr_log *log;
    mr_problem problem = {""};
    const struct mri_os *os = &sample.story->machine.table;
    const mr_log_options options = {.is_create = true, .segment_bytes = 1024 * 1024};
    assert_int_equal(
        mri_bus_api_open(os, mri_alloc_system(), "/nothing", &made, &problem), MR_EPATH);
    assert_int_equal(mri_log_open(os, mri_alloc_system(), "/new", &options, &log, &problem), MR_OK);
    mr_log_close(log);
    assert_int_equal(mri_bus_api_open(os, mri_alloc_system(), "/new", &made, &problem), MR_REFUSED);
    assert_non_null(strstr(problem.text, "no registered symbols"));
    assert_int_equal(mr_bus_open(NULL, &made, &problem), MR_EINVAL);
}

static void words_are_read_both_ways(void **fixture)
{
    (void)fixture;
    mr_state state;
    mr_side side;
    for (unsigned i = 0; i < MR_STATE_COUNT; i++) {
        assert_int_equal(mr_state_parse(mr_state_text((mr_state)i), &state), MR_OK);
        assert_int_equal(state, i);
    }
    assert_null(mr_state_text((mr_state)MR_STATE_COUNT));
    assert_int_equal(mr_state_parse("nothing", &state), MR_REFUSED);
    assert_int_equal(mr_state_parse(NULL, &state), MR_REFUSED);
    assert_int_equal(mr_side_parse("STRONG_BUY", &side), MR_OK);
    assert_int_equal(side, MR_LONG);
    assert_int_equal(mr_side_parse("hold", &side), MR_REFUSED);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_was_emitted_is_found_by_ordinal_and_id),
        TEST(a_name_that_fills_its_place_is_whole),
        TEST(a_batch_is_whole_or_not_at_all),
        TEST(a_key_names_one_signal_whoever_emits_it),
        TEST(a_key_of_another_symbol_side_or_name_is_no_repetition),
        TEST(as_many_keys_as_a_batch_holds_are_told_apart),
        TEST(of_two_who_move_a_signal_one_wins),
        TEST(of_a_full_disk_the_folder_is_told),
        TEST(moves_that_cannot_be_are_refused_with_the_reason),
        TEST(questions_are_answered_in_pages),
        TEST(a_fault_is_not_told_as_a_signal_that_is_not_there),
        TEST(what_others_emit_ends_a_wait),
        TEST(a_log_that_was_never_run_takes_no_signals),
        cmocka_unit_test(words_are_read_both_ways),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
