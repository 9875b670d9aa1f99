/* SPDX-License-Identifier: MIT */
/*
 * Questions about the past: what they say is what the same question said then.
 */
#include "api/bus_api.h"

#include <stdio.h>
#include <string.h>

#include "base/prng.h"
#include "base/utc.h"
#include "bus/lifecycle.h"
#include "tests/lib/api_sample.h"
#include "tests/lib/cmocka_all.h"

enum { MOMENTS = 60, QUESTIONS = 6, STEPS_BETWEEN = 12, SIGNALS_MAX = 1024, QUESTION_BYTES = 256 };

/** A question with the answer that it got. */
struct answer {
    char question[QUESTION_BYTES];
    uint32_t room;
    uint32_t count;
    bool is_cut;
    mr_ordinal ordinals[SIGNALS_MAX];
    mr_signal signals[SIGNALS_MAX];
};

/** What was seen at a moment. */
struct seen {
    mr_log_token token;
    int64_t event_time_unix_ns;
    struct answer answers[QUESTIONS];
};

static struct mri_api_sample sample;
static mr_bus *bus;
static struct mri_prng prng;
static struct seen seen[MOMENTS];

static int set_up(void **fixture)
{
    (void)fixture;
    mri_api_sample_begin(&sample);
    bus = sample.bus;
    mri_prng_init(&prng, 7);
    return 0;
}

static int tear_down(void **fixture)
{
    (void)fixture;
    mri_api_sample_end(&sample);
    return 0;
}

static uint32_t below(uint32_t count)
{
    return (uint32_t)mri_prng_below(&prng, count);
}

static const char *const sources[] = {"north", "south", "east"};

/* ---- things that happen ---------------------------------------------------------------------- */

static void emit(mr_bus *by)
{
    mr_emission emission = mri_api_sample_emission(&sample, below(2), sources[below(3)]);
    emission.side = below(2) == 0 ? MR_LONG : MR_SHORT;
    emission.name = below(2) == 0 ? "fast" : NULL;
    (void)mri_api_sample_emit(by, &emission);
}

/** Where a signal may go from a state; the same twice: nowhere else. */
static const mr_state ways[MR_STATE_COUNT][2] = {
    [MR_GENERATED] = {MR_EVALUATING, MR_BLOCKED},
    [MR_EVALUATING] = {MR_APPROVED, MR_EXPIRED},
    [MR_APPROVED] = {MR_EXECUTING, MR_BLOCKED},
    [MR_EXECUTING] = {MR_EXECUTED, MR_BLOCKED},
    [MR_EXECUTED] = {MR_LEARNED, MR_LEARNED},
    [MR_BLOCKED] = {MR_LEARNED, MR_LEARNED},
    [MR_EXPIRED] = {MR_LEARNED, MR_LEARNED},
};

static void move(mr_bus *by, uint32_t count)
{
    static const char *const gates[] = {"expected_value", "cooldown"};
    static const char *const reasons[] = {"ev_below_cost", "cooldown"};
    mr_signal signal;
    mr_problem problem = {""};
    if (count == 0) {
        return;
    }
    assert_int_equal(mr_bus_get(by, (mr_ordinal){1 + below(count)}, &signal), MR_OK);
    if (signal.state == MR_LEARNED) {
        return;
    }
    uint32_t which = below(2);
    mr_move move = {.ordinal = signal.ordinal,
        .from = signal.state,
        .to = ways[signal.state][below(2)],
        .reason = reasons[which]};
    move.gate = move.to == MR_BLOCKED || move.to == MR_EXPIRED ? gates[which] : NULL;
    mr_err err = mr_bus_move(by, &move, 1, MR_ASYNC, NULL, &problem);
    if (err != MR_OK) {
        fail_msg("move: %s: %s", mr_err_name(err), problem.text);
    }
}

/* ---- questions ------------------------------------------------------------------------------- */

static void ask_of_states(char text[static QUESTION_BYTES])
{
    static const char *const forms[] = {"state=%s", "state!=%s", "not state in (%s, learned)",
        "ended=%s", "state in (%s, generated)"};
    uint32_t which = below(5);
    const char *form = forms[which];
    mr_state state = (mr_state)below(MR_STATE_COUNT);
    if (which == 3 && !mri_lifecycle_allows(state, MR_LEARNED)) {
        state = MR_BLOCKED; /* in others no signal ends: they are refused */
    }
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    (void)snprintf(text, QUESTION_BYTES, form, mr_state_text(state));
#pragma GCC diagnostic pop
}

static void ask_of_fields(char text[static QUESTION_BYTES])
{
    uint64_t seq = 1 + mri_prng_below(&prng, mr_log_last(bus->log).n);
    switch (below(7)) {
    case 0:
        (void)snprintf(text, QUESTION_BYTES, "symbol=%s", sample.symbols[below(2)]);
        break;
    case 1:
        (void)snprintf(text, QUESTION_BYTES, "gate=cooldown or side=short");
        break;
    case 2:
        (void)snprintf(text, QUESTION_BYTES, "last_seq>%llu", (unsigned long long)seq);
        break;
    case 3:
        (void)snprintf(
            text, QUESTION_BYTES, "reason!=ev_below_cost and seq<=%llu", (unsigned long long)seq);
        break;
    case 4:
        (void)snprintf(text, QUESTION_BYTES, "age<%um", 1 + below(90));
        break;
    case 5:
        (void)snprintf(text, QUESTION_BYTES, "ordinal>%u", below(30));
        break;
    default:
        (void)snprintf(text, QUESTION_BYTES, "last_seq<=%llu and age>=%us", (unsigned long long)seq,
            below(4000));
        break;
    }
}

static void make_question(struct answer *answer)
{
    char first[QUESTION_BYTES];
    char second[QUESTION_BYTES];
    static const char *const orders[] = {"", " order by time asc", " order by time desc"};
    ask_of_states(first);
    ask_of_fields(second);
    uint32_t kind = below(4);
    (void)snprintf(answer->question, QUESTION_BYTES, "%.100s%s%.100s%s", kind == 1 ? "" : first,
        kind == 0 || kind == 1 ? "" : (kind == 2 ? " and " : " or "), kind == 0 ? "" : second,
        orders[below(3)]);
    answer->room = below(3) == 0 ? 1 + below(5) : SIGNALS_MAX;
}

static void ask_now(struct answer *answer)
{
    mr_bus_page page = {.ordinals = answer->ordinals, .room = answer->room};
    mr_problem problem = {""};
    mr_err err = mr_bus_query(bus, answer->question, &page, &problem);
    if (err != MR_OK) {
        fail_msg("%s: %s: %s", answer->question, mr_err_name(err), problem.text);
    }
    answer->count = page.count;
    for (uint32_t i = 0; i < page.count; i++) {
        assert_int_equal(mr_bus_get(bus, page.ordinals[i], &answer->signals[i]), MR_OK);
    }
}

static void see(struct seen *at)
{
    mr_problem problem = {""};
    assert_int_equal(mr_bus_follow(bus, &problem), MR_OK);
    assert_int_equal(mr_bus_moment(bus, NULL, &at->token, &problem), MR_OK);
    assert_int_equal(at->token.seq, mr_log_last(bus->log).n);
    at->event_time_unix_ns = mri_api_sample_event_time(bus);
    for (uint32_t i = 0; i < QUESTIONS; i++) {
        make_question(&at->answers[i]);
        ask_now(&at->answers[i]);
    }
}

static void assert_same_signal(const mr_signal *a, const mr_signal *b, const char *question)
{
    bool is_same = a->ordinal.n == b->ordinal.n && a->generated.n == b->generated.n &&
                   a->moved.n == b->moved.n && a->last.n == b->last.n && a->state == b->state &&
                   a->ended == b->ended && a->side == b->side && strcmp(a->gate, b->gate) == 0 &&
                   strcmp(a->reason, b->reason) == 0 && strcmp(a->source, b->source) == 0 &&
                   strcmp(a->symbol, b->symbol) == 0 && strcmp(a->name, b->name) == 0 &&
                   a->event_time_unix_ns == b->event_time_unix_ns;
    if (!is_same) {
        fail_msg("%s: signal %u: state %s was %s, last %llu was %llu, moved %llu was %llu",
            question, a->ordinal.n, mr_state_text(a->state), mr_state_text(b->state),
            (unsigned long long)a->last.n, (unsigned long long)b->last.n,
            (unsigned long long)a->moved.n, (unsigned long long)b->moved.n);
    }
}

/** Ask again, now, as of then. */
static void assert_said_then(mr_bus *by, const struct seen *then)
{
    for (uint32_t i = 0; i < QUESTIONS; i++) {
        const struct answer *answer = &then->answers[i];
        mr_ordinal ordinals[SIGNALS_MAX];
        mr_bus_page page = {.ordinals = ordinals, .room = answer->room};
        mr_problem problem = {""};
        mr_err err = mr_bus_query_at(by, &then->token, answer->question, &page, &problem);
        if (err != MR_OK) {
            fail_msg("%s: %s: %s", answer->question, mr_err_name(err), problem.text);
        }
        if (page.count != answer->count) {
            fail_msg("event %llu: %s: %u signals, there were %u",
                (unsigned long long)then->token.seq, answer->question, page.count, answer->count);
        }
        for (uint32_t k = 0; k < page.count; k++) {
            mr_signal signal;
            assert_int_equal(ordinals[k].n, answer->ordinals[k].n);
            assert_int_equal(
                mr_bus_get_at(by, &then->token, ordinals[k], &signal, &problem), MR_OK);
            assert_same_signal(&signal, &answer->signals[k], answer->question);
        }
    }
}

static void assert_all_said_then(mr_bus *by, uint32_t count)
{
    mr_log_token token;
    mr_problem problem = {""};
    assert_int_equal(mr_bus_moment(by, NULL, &token, &problem), MR_OK);
    uint32_t usual = by->as_of.moment.seek_events;
    for (uint32_t i = 0; i < 2 * count; i++) { /* also where going to an event costs nothing */
        by->as_of.moment.seek_events = i % 2 == 0 ? 1 : usual;
        assert_said_then(by, &seen[below(count)]);
    }
}

/** What is found for a time lies between what was seen up to it and what was seen later. */
static void assert_times_are_found(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        char text[MRI_UTC_BYTES];
        mr_log_token token;
        mr_problem problem = {""};

        (void)mri_utc_format(seen[i].event_time_unix_ns, text);
        mr_err err = mr_bus_moment(bus, text, &token, &problem);
        if (err != MR_OK) {
            fail_msg("%s: %s: %s", text, mr_err_name(err), problem.text);
        }
        for (uint32_t k = 0; k < count; k++) {
            bool is_up_to = seen[k].event_time_unix_ns <= seen[i].event_time_unix_ns;
            assert_true(is_up_to == (seen[k].token.seq <= token.seq));
        }
    }
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void a_question_about_then_is_answered_as_it_was_then(void **fixture)
{
    (void)fixture;
    mr_bus *other = mri_api_sample_open(&sample);
    uint32_t count = 0;
    mr_problem problem = {""};
    for (uint32_t i = 0; i < MOMENTS; i++) {
        for (uint32_t k = 0; k < STEPS_BETWEEN; k++) {
            mr_bus *by = below(2) == 0 ? bus : other;
            assert_int_equal(mr_bus_follow(by, &problem), MR_OK);
            if (below(3) == 0) {
                emit(by);
                count++;
            } else {
                move(by, count);
            }
        }
        see(&seen[i]);
        assert_said_then(bus, &seen[below(i + 1)]);
    }
    assert_all_said_then(bus, MOMENTS);
    assert_int_equal(mr_bus_follow(other, &problem), MR_OK);
    assert_all_said_then(other, MOMENTS);
    mr_bus_close(other);
    mr_bus *fresh = mri_api_sample_open(&sample);
    assert_all_said_then(fresh, MOMENTS);
    mr_bus_close(fresh);
}

static void it_is_so_of_a_log_that_is_run_and_times_are_found(void **fixture)
{
    (void)fixture;
    enum { RUNS = 12 };
    struct mri_story *story = sample.story;
    uint32_t bar = 1;
    for (uint32_t i = 0; i < RUNS; i++) {
        for (uint32_t k = 0; k < 5; k++) {
            emit(bus);
        }
        see(&seen[2 * i]);
        for (uint32_t k = 0; k < 9; k++) {
            bar++;
            for (uint32_t symbol = 0; symbol < MRI_API_SAMPLE_SYMBOLS; symbol++) {
                mri_script_add_close(
                    &story->script, symbol, bar, MRI_STORY_PRICE + (int64_t)below(100) - 50);
            }
        }
        mri_story_open(story);
        mri_story_play(story);
        mri_story_close(story);
        see(&seen[2 * i + 1]);
    }
    assert_all_said_then(bus, 2 * RUNS);
    assert_times_are_found(2 * RUNS);
    mr_bus *fresh = mri_api_sample_open(&sample);
    assert_all_said_then(fresh, 2 * RUNS);
    mr_bus_close(fresh);
}

static void a_signal_that_waited_for_long_is_looked_up(void **fixture)
{
    (void)fixture;
    enum { OTHERS = 2000, SEEK = 16 };
    const mr_move end = {.ordinal = {2},
        .from = MR_GENERATED,
        .to = MR_BLOCKED,
        .gate = "cooldown",
        .reason = "cooldown"};
    mr_problem problem = {""};
    mr_log_token token;
    mr_signal signal;
    emit(bus);
    emit(bus); /* this one waits */
    for (uint32_t i = 3; i < OTHERS; i++) {
        mr_move move = end;
        emit(bus);
        move.ordinal.n = i;
        assert_int_equal(mr_bus_move(bus, &move, 1, MR_ASYNC, NULL, &problem), MR_OK);
    }
    assert_int_equal(mr_bus_moment(bus, NULL, &token, &problem), MR_OK);
    assert_int_equal(mr_bus_move(bus, &end, 1, MR_ASYNC, NULL, &problem), MR_OK);
    mr_log_token now;
    for (uint32_t seek = SEEK; seek <= SEEK * OTHERS; seek *= OTHERS) {
        bus->as_of.moment.seek_events = seek;
        assert_int_equal(mr_bus_moment(bus, NULL, &now, &problem), MR_OK);
        bus->as_of.has_moment = false; /* it is made anew */
        assert_int_equal(mr_bus_get_at(bus, &token, end.ordinal, &signal, &problem), MR_OK);
        assert_int_equal(signal.state, MR_GENERATED);
        assert_int_equal(signal.last.n, signal.generated.n);
        assert_int_equal(bus->as_of.moment.followed, seek == SEEK);
    }
}

static void pages_of_one_moment_do_not_shift(void **fixture)
{
    (void)fixture;
    mr_log_token token;
    mr_problem problem = {""};
    for (uint32_t i = 0; i < 20; i++) {
        emit(bus);
    }
    assert_int_equal(mr_bus_moment(bus, NULL, &token, &problem), MR_OK);
    uint32_t expected = 20;
    mr_bus_page page = {.room = 3};
    mr_ordinal ordinals[3];
    page.ordinals = ordinals;
    do {
        assert_int_equal(mr_bus_query_at(bus, &token, "state=generated", &page, &problem), MR_OK);
        assert_true(page.scanned <= 4);
        for (uint32_t i = 0; i < page.count; i++) {
            assert_int_equal(ordinals[i].n, expected);
            expected--;
        }
        page.beyond = ordinals[page.count - 1];
        emit(bus);
        mr_move blocked = {.ordinal = {expected == 0 ? 1 : expected},
            .from = MR_GENERATED,
            .to = MR_BLOCKED,
            .gate = "cooldown",
            .reason = "cooldown"};
        assert_int_equal(mr_bus_move(bus, &blocked, 1, MR_ASYNC, NULL, &problem), MR_OK);
    } while (page.is_cut);
    assert_int_equal(expected, 0);
}

static void a_moment_is_said_as_number_time_age_or_token(void **fixture)
{
    (void)fixture;
    char text[MR_LOG_TOKEN_BYTES];
    mr_log_token now;
    mr_log_token token;
    mr_problem problem = {""};
    emit(bus);
    assert_int_equal(mr_bus_moment(bus, NULL, &now, &problem), MR_OK);
    (void)snprintf(text, sizeof(text), "%llu", (unsigned long long)now.seq);
    assert_int_equal(mr_bus_moment(bus, text, &token, &problem), MR_OK);
    assert_int_equal(token.chain_crc, now.chain_crc);
    assert_int_equal(mr_bus_moment(bus, mr_log_token_text(&now, text), &token, &problem), MR_OK);
    assert_int_equal(mr_bus_moment(bus, "0s", &token, &problem), MR_OK);
    assert_int_equal(token.seq, now.seq);
    assert_int_equal(mr_bus_moment(bus, "0", &token, &problem), MR_OK);
    assert_int_equal(token.seq, 0);
    mr_signal signal;
    assert_int_equal(mr_bus_get_at(bus, &token, (mr_ordinal){1}, &signal, &problem), MR_NOT_FOUND);
    assert_int_equal(mr_bus_get_at(bus, &now, (mr_ordinal){1}, &signal, &problem), MR_OK);
    assert_int_equal(mr_bus_moment(bus, "9d", &token, &problem), MR_OK); /* before all */
    assert_int_equal(token.seq < now.seq, 1);
}

static void what_is_no_moment_is_refused(void **fixture)
{
    (void)fixture;
    mr_log_token token;
    mr_problem problem = {""};
    char text[MR_LOG_TOKEN_BYTES];
    emit(bus);
    assert_int_equal(mr_bus_moment(bus, "yesterday", &token, &problem), MR_REFUSED);
    assert_non_null(strstr(problem.text, "yesterday"));
    assert_int_equal(mr_bus_moment(bus, "-1", &token, &problem), MR_REFUSED);
    assert_int_equal(mr_bus_moment(bus, "", &token, &problem), MR_REFUSED);
    (void)snprintf(text, sizeof(text), "%llu", (unsigned long long)mr_log_last(bus->log).n + 1);
    assert_int_equal(mr_bus_moment(bus, text, &token, &problem), MR_REFUSED);
    assert_non_null(strstr(problem.text, "is in the future"));
    assert_int_equal(mr_bus_moment(bus, "2200-01-01T00:00Z", &token, &problem), MR_REFUSED);
    assert_non_null(strstr(problem.text, "is in the future"));
    assert_int_equal(mr_bus_moment(bus, NULL, &token, &problem), MR_OK);
    mr_ordinal ordinals[1];
    mr_bus_page page = {.ordinals = ordinals, .room = 1, .beyond = {4000000000U}};
    assert_int_equal(mr_bus_query_at(bus, &token, "", &page, &problem), MR_NOT_FOUND);
    assert_non_null(strstr(problem.text, "no signal 4000000000 "));
    page.beyond.n = 0;
    token.chain_crc ^= 1;
    assert_int_equal(mr_bus_query_at(bus, &token, "", &page, &problem), MR_REFUSED);
    assert_non_null(strstr(problem.text, "set back"));
    assert_int_equal(
        mr_bus_moment(bus, mr_log_token_text(&token, text), &token, &problem), MR_REFUSED);
    assert_int_equal(mr_bus_moment(NULL, NULL, &token, &problem), MR_EINVAL);
    assert_int_equal(mr_bus_query_at(bus, NULL, "", &page, &problem), MR_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            a_question_about_then_is_answered_as_it_was_then, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            it_is_so_of_a_log_that_is_run_and_times_are_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            a_signal_that_waited_for_long_is_looked_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(pages_of_one_moment_do_not_shift, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            a_moment_is_said_as_number_time_age_or_token, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_moment_is_refused, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
