/* SPDX-License-Identifier: MIT */
/*
 * What is kept outside the lifecycle, by the functions of millrace/bus.h.
 */
#include <stdio.h>
#include <string.h>

#include "api/bus_api.h"
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

static uint32_t observe(mr_bus *by, const mr_observation *observation)
{
    uint32_t number = 0;
    mr_problem problem = {""};
    mr_err err = mr_bus_observe(by, observation, MR_GROUP, &number, &problem);
    if (err != MR_OK) {
        fail_msg("observe: %s: %s", mr_err_name(err), problem.text);
    }
    return number;
}

/** How many there are in all. */
static uint32_t count_observed(mr_bus *by)
{
    uint64_t counts[MR_STATE_COUNT];
    uint64_t sum = 0;
    assert_int_equal(mr_bus_observed_counts(by, counts, NULL), MR_OK);
    for (unsigned state = 0; state < MR_STATE_COUNT; state++) {
        sum += counts[state];
    }
    return (uint32_t)sum;
}

static void an_emission_has_an_id_and_keeps_what_was_said(void **fixture)
{
    (void)fixture;
    mr_problem problem = {""};
    char id[MR_BUS_ID_BYTES];
    char ending[16];
    uint32_t found;
    mr_observed observed;
    mr_bus_record record;
    uint32_t number = observe(bus,
        &(mr_observation){.symbol = "BTCUSDT", .source = "gate", .data = "{\"event\":\"WALL\"}"});
    assert_int_equal(number, 1);
    assert_int_equal(mr_bus_observed_id(bus, 1, id, &problem), MR_OK);
    assert_memory_equal(id, "BTCUSDT_", 8);
    (void)snprintf(ending, sizeof(ending), "_%08x", 0x80000001u);
    assert_string_equal(id + strlen(id) - 9, ending);
    assert_int_equal(mr_bus_observed_find(bus, id, &found, &problem), MR_OK);
    assert_int_equal(found, 1);
    id[0] ^= 1;
    assert_int_equal(mr_bus_observed_find(bus, id, &found, &problem), MR_NOT_FOUND);
    assert_int_equal(
        observe(bus, &(mr_observation){.about = 1, .is_moved = true, .to = MR_LEARNED}), 1);
    assert_int_equal(
        observe(bus, &(mr_observation){.about = 1, .is_moved = true, .to = MR_GENERATED}), 1);
    assert_int_equal(observe(bus, &(mr_observation){.about = 1, .data = "{\"note\":1}"}), 1);
    assert_int_equal(mr_bus_observed(bus, 1, &observed, NULL), MR_OK);
    assert_int_equal(observed.state, MR_GENERATED);
    assert_string_equal(observed.source, "gate");
    static const char *const data[4] = {"{\"note\":1}", NULL, NULL, "{\"event\":\"WALL\"}"};
    mr_seq seq = observed.last;
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(mr_bus_read(bus, seq, &record, &problem), MR_OK);
        assert_string_equal(record.kind, "signal.observed");
        assert_int_equal(record.ordinal.n, 0);
        assert_int_equal(record.is_move, i == 1 || i == 2);
        if (data[i] == NULL) {
            assert_null(record.data);
        } else {
            assert_string_equal(record.data, data[i]);
        }
        seq = record.previous;
    }
    assert_int_equal(seq.n, 0);
    assert_string_equal(record.symbol, "BTCUSDT");
}

static void one_without_a_symbol_is_unknown(void **fixture)
{
    (void)fixture;
    mr_problem problem = {""};
    char id[MR_BUS_ID_BYTES];
    static const char *const symbols[] = {NULL, "", "not a name", "\xc3\xa9"};
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(observe(bus, &(mr_observation){.symbol = symbols[i]}), i + 1);
        assert_int_equal(mr_bus_observed_id(bus, i + 1, id, &problem), MR_OK);
        assert_memory_equal(id, "UNKNOWN_", 8);
    }
    assert_int_equal(count_observed(bus), 4);
}

static void a_word_about_a_signal_moves_nothing(void **fixture)
{
    (void)fixture;
    mr_emission emission = mri_api_sample_emission(&sample, 0, "bot");
    mr_ordinal ordinal = mri_api_sample_emit(bus, &emission);
    mr_signal signal;
    mr_bus_record record;
    assert_int_equal(
        observe(bus,
            &(mr_observation){
                .ordinal = ordinal, .is_moved = true, .to = MR_LEARNED, .data = "{\"said\":1}"}),
        0);
    assert_int_equal(mr_bus_get(bus, ordinal, &signal), MR_OK);
    assert_int_equal(signal.state, MR_GENERATED);
    assert_int_equal(mr_bus_read(bus, signal.last, &record, NULL), MR_OK);
    assert_string_equal(record.data, "{\"said\":1}");
    assert_int_equal(record.ordinal.n, ordinal.n);
    assert_int_equal(record.previous.n, signal.generated.n);
    assert_int_equal(count_observed(bus), 0);
}

static void handles_number_them_together(void **fixture)
{
    (void)fixture;
    mr_bus *other = mri_api_sample_open(&sample);
    uint64_t counts[MR_STATE_COUNT];
    for (uint32_t i = 0; i < 20; i += 2) {
        assert_int_equal(observe(bus, &(mr_observation){.source = "a"}), i + 1);
        assert_int_equal(observe(other, &(mr_observation){.source = "b"}), i + 2);
    }
    (void)observe(other, &(mr_observation){.about = 1, .is_moved = true, .to = MR_EXPIRED});
    (void)observe(bus, &(mr_observation){.about = 1, .is_moved = true, .to = MR_BLOCKED});
    assert_int_equal(mr_bus_observed_counts(bus, counts, NULL), MR_OK);
    assert_int_equal(count_observed(bus), 20);
    assert_int_equal(counts[MR_GENERATED], 19);
    assert_int_equal(counts[MR_BLOCKED], 1);
    mr_bus_close(other);
    other = mri_api_sample_open(&sample); /* out of the log alone */
    assert_int_equal(mr_bus_observed_counts(other, counts, NULL), MR_OK);
    assert_int_equal(count_observed(other), 20);
    assert_int_equal(counts[MR_BLOCKED], 1);
    uint64_t observed = 0;
    uint64_t signals = 0;
    mr_source_count count;
    for (uint32_t i = 0; mr_bus_source_count(other, i, &count, NULL) == MR_OK; i++) {
        bool is_ours = strcmp(count.source, "a") == 0 || strcmp(count.source, "b") == 0;
        assert_int_equal(count.observed, is_ours ? 10 : 0);
        observed += count.observed;
        signals += count.signals;
    }
    assert_int_equal(observed, 20);
    assert_int_equal(signals, 0);
    mr_bus_close(other);
}

static void what_is_wrong_is_told_and_not_kept(void **fixture)
{
    (void)fixture;
    static char large[MRI_OBSERVATION_BYTES_MAX + 2];
    memset(large, ' ', sizeof(large) - 1);
    mr_problem problem = {""};
    mr_bus_record record;
    mr_observed observed;
    uint32_t found;
    const struct {
        mr_observation observation;
        mr_err err;
    } cases[] = {
        {{.about = 7}, MR_NOT_FOUND},
        {{.ordinal = {7}}, MR_NOT_FOUND},
        {{.about = 1, .ordinal = {1}}, MR_EINVAL},
        {{.is_moved = true, .to = MR_BLOCKED}, MR_REFUSED},
        {{.about = 1, .is_moved = true, .to = (mr_state)8}, MR_EINVAL},
        {{.symbol = "\xff"}, MR_REFUSED},
        {{.source = "\xc3"}, MR_REFUSED},
        {{.data = large}, MR_REFUSED},
    };
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(
            mr_bus_observe(bus, &cases[i].observation, MR_ASYNC, NULL, &problem), cases[i].err);
        assert_true(problem.text[0] != '\0');
    }
    assert_int_equal(count_observed(bus), 0);
    assert_int_equal(mr_bus_observed(bus, 1, &observed, NULL), MR_NOT_FOUND);
    assert_int_equal(mr_bus_observed_find(bus, "no id", &found, &problem), MR_NOT_FOUND);
    assert_int_equal(
        mr_bus_observed_find(bus, "UNKNOWN_1_80000001", &found, &problem), MR_NOT_FOUND);
    assert_int_equal(mr_bus_observed_find(bus, NULL, &found, &problem), MR_EINVAL);
    assert_int_equal(mr_bus_read(bus, (mr_seq){0}, &record, &problem), MR_NOT_FOUND);
    assert_int_equal(mr_bus_read(bus, (mr_seq){1u << 30}, &record, &problem), MR_NOT_FOUND);
    assert_int_equal(mr_bus_observe(NULL, NULL, MR_ASYNC, NULL, &problem), MR_EINVAL);
    large[MRI_OBSERVATION_BYTES_MAX] = '\0';
    assert_int_equal(observe(bus, &(mr_observation){.data = large}), 1);
}

static void a_run_goes_on_behind_them(void **fixture)
{
    (void)fixture;
    mr_emission emission = mri_api_sample_emission(&sample, 0, "bot");
    (void)observe(bus, &(mr_observation){.source = "gate"});
    (void)mri_api_sample_emit(bus, &emission);
    (void)observe(bus, &(mr_observation){.about = 1, .is_moved = true, .to = MR_BLOCKED});
    mri_story_open(sample.story);
    mri_script_add_close(&sample.story->script, 0, 2, MRI_STORY_PRICE);
    mri_story_play(sample.story);
    mri_story_close(sample.story);
    mri_story_check_replay(sample.story);
    assert_int_equal(mr_bus_follow(bus, NULL), MR_OK);
    assert_int_equal(observe(bus, &(mr_observation){.source = "gate"}), 2);
    mr_bus *other = mri_api_sample_open(&sample); /* from the snapshot of the run */
    assert_int_equal(count_observed(other), 2);
    assert_true(other->fold.snapshot_seq > 0);
    mr_bus_close(other);
}

/** Readers go on, back, and to other places: what they say is the same. */
static void events_are_read_in_any_order(void **fixture)
{
    (void)fixture;
    enum { EVENTS = 300, READS = 3000 };
    static mr_bus_record records[EVENTS + 1];
    char id[MR_BUS_ID_BYTES];
    char data[32];
    for (unsigned i = 0; i < EVENTS / 3; i++) {
        (void)snprintf(data, sizeof(data), "{\"n\":%u}", i);
        (void)observe(bus, &(mr_observation){.symbol = "BTCUSDT", .data = data});
        (void)observe(bus, &(mr_observation){.about = i + 1, .is_moved = true, .to = MR_BLOCKED});
    }
    uint64_t last = bus->fold.bus.last_seq;
    uint64_t count = last < EVENTS ? last : EVENTS;
    assert_true(count > 200);
    for (uint64_t i = 1; i <= count; i++) {
        assert_int_equal(mr_bus_read(bus, (mr_seq){i}, &records[i], NULL), MR_OK);
    }
    uint64_t state = 1;
    for (unsigned i = 0; i < READS; i++) {
        mr_bus_record record;
        state = state * UINT64_C(6364136223846793005) + 1442695040888963407;
        uint64_t seq = i < count ? count - i : 1 + (state >> 33) % count; /* backwards at first */
        assert_int_equal(mr_bus_read(bus, (mr_seq){seq}, &record, NULL), MR_OK);
        assert_int_equal(record.seq.n, seq);
        assert_ptr_equal(record.kind, records[seq].kind);
        assert_int_equal(record.time_unix_ns, records[seq].time_unix_ns);
        assert_int_equal(record.previous.n, records[seq].previous.n);
        assert_int_equal(record.to, records[seq].to);
    }
    for (unsigned i = EVENTS / 3; i > 0; i--) {
        (void)snprintf(data, sizeof(data), "_%08x", 0x80000000u + i);
        assert_int_equal(mr_bus_observed_id(bus, i, id, NULL), MR_OK);
        assert_string_equal(id + strlen(id) - 9, data);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_emission_has_an_id_and_keeps_what_was_said),
        TEST(one_without_a_symbol_is_unknown),
        TEST(a_word_about_a_signal_moves_nothing),
        TEST(handles_number_them_together),
        TEST(what_is_wrong_is_told_and_not_kept),
        TEST(a_run_goes_on_behind_them),
        TEST(events_are_read_in_any_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
