/* SPDX-License-Identifier: MIT */
/*
 * Tests of the checker of histories: a good history passes, and each kind of fault that is planted
 * into it is found.
 */
#include "tests/torture/history.h"

#include <string.h>

#include "base/prng.h"
#include "tests/lib/cmocka_all.h"

enum { OPS = 400, EVENTS = 1000, PROCESSES = 4, PLANTED = 200 };

static struct mri_history_op ops[OPS];
static struct mri_history_event events[EVENTS];
static size_t op_count;
static size_t event_count;
static uint64_t room_words[3][EVENTS + 1];
static uint32_t room_newest[PROCESSES];
static const struct mri_history_room room = {.op_at = room_words[0],
    .answered_at = room_words[1],
    .called_at = room_words[2],
    .newest = room_newest,
    .event_max = EVENTS,
    .process_max = PROCESSES};
static struct mri_prng prng;

static enum mri_history_fault check(void)
{
    size_t place;
    return mri_history_check(ops, op_count, events, event_count, &room, &place);
}

static void put_events(const struct mri_history_op *op)
{
    for (uint32_t k = 0; k < op->count; k++) {
        events[event_count++] = (struct mri_history_event){op->process, op->number + k};
    }
}

/**
 * Operations that take effect one after the other, at moments 10, 20, 30 ..., each called and
 * answered somewhat before and after its moment, so that neighbours overlap.
 */
static void make_history(uint64_t seed)
{
    uint32_t numbers[PROCESSES] = {0};
    uint64_t free_at[PROCESSES] = {0};
    mri_prng_init(&prng, seed);
    op_count = 0;
    event_count = 0;
    while (op_count < OPS && event_count < EVENTS - 4) {
        struct mri_history_op *op = &ops[op_count];
        uint64_t moment = 10 * (op_count + 1);
        uint32_t process = (uint32_t)mri_prng_below(&prng, PROCESSES);
        uint64_t early = moment - mri_prng_below(&prng, 9);
        *op = (struct mri_history_op){.process = process + 1,
            .called = early > free_at[process] ? early : free_at[process] + 1,
            .answered = moment + mri_prng_below(&prng, 25),
            .kind = (enum mri_history_kind)(1 + mri_prng_below(&prng, 3)),
            .answer = MRI_HISTORY_DONE,
            .count = 1 + (uint32_t)mri_prng_below(&prng, 3),
            .number = numbers[process] + 1,
            .expected = event_count,
            .first = event_count + 1};
        if (op->called > moment) {
            op->called = moment; /* it would have been busy: take it later */
            op->answered = moment;
            op->kind = MRI_HISTORY_LOOK;
        }
        free_at[process] = op->answered > free_at[process] ? op->answered : free_at[process];
        if (op->kind == MRI_HISTORY_LOOK) {
            op->last = event_count;
        } else if (op->kind == MRI_HISTORY_APPEND_AFTER && mri_prng_below(&prng, 3) == 0 &&
                   event_count > 0) {
            op->expected = event_count - 1;
            op->answer = MRI_HISTORY_CONFLICT;
        } else {
            op->last = event_count + op->count;
            numbers[process] += op->count;
            put_events(op);
        }
        op_count++;
    }
}

/** Take the last operation back, with its events. */
static void drop_last(void)
{
    op_count--;
    const struct mri_history_op *last = &ops[op_count];
    if (last->kind != MRI_HISTORY_LOOK && last->answer == MRI_HISTORY_DONE) {
        event_count -= last->count;
    }
}

/** One of the operations of a kind and answer. */
static struct mri_history_op *pick(enum mri_history_kind kind, enum mri_history_answer answer)
{
    size_t from = mri_prng_below(&prng, op_count);
    for (size_t i = 0; i < op_count; i++) {
        struct mri_history_op *op = &ops[(from + i) % op_count];
        if (op->kind == kind && op->answer == answer) {
            return op;
        }
    }
    return NULL;
}

static void good_histories_pass(void **fixture)
{
    (void)fixture;
    for (uint64_t seed = 0; seed < PLANTED; seed++) {
        make_history(seed);
        assert_int_equal(check(), MRI_HISTORY_GOOD);
    }
}

static void what_a_dead_process_did_may_be_there_or_not(void **fixture)
{
    (void)fixture;
    for (uint64_t seed = 0; seed < PLANTED; seed++) {
        make_history(seed);
        drop_last();
        struct mri_history_op *op = pick(MRI_HISTORY_APPEND, MRI_HISTORY_DONE);
        op->answer = MRI_HISTORY_NONE;
        op->answered = 0;
        assert_int_equal(check(), MRI_HISTORY_GOOD);
        ops[op_count++] = (struct mri_history_op){.process = 1,
            .number = 100000,
            .count = 2,
            .called = 100000,
            .kind = MRI_HISTORY_APPEND};
        assert_int_equal(check(), MRI_HISTORY_GOOD);
    }
}

static void lost_events_are_found(void **fixture)
{
    (void)fixture;
    for (uint64_t seed = 0; seed < PLANTED; seed++) {
        make_history(seed);
        size_t at = mri_prng_below(&prng, event_count);
        memmove(&events[at], &events[at + 1], (event_count - at - 1) * sizeof(events[0]));
        event_count--;
        assert_int_not_equal(check(), MRI_HISTORY_GOOD);
    }
}

static void invented_events_are_found(void **fixture)
{
    (void)fixture;
    for (uint64_t seed = 0; seed < PLANTED; seed++) {
        make_history(seed);
        events[event_count++] = (struct mri_history_event){1, 100000};
        assert_int_equal(check(), MRI_HISTORY_INVENTED);
        make_history(seed); /* of one who had a conflict */
        const struct mri_history_op *op = pick(MRI_HISTORY_APPEND_AFTER, MRI_HISTORY_CONFLICT);
        put_events(&(struct mri_history_op){.process = op->process, .number = 200000, .count = 1});
        assert_int_equal(check(), MRI_HISTORY_INVENTED);
    }
}

static void doubled_events_are_found(void **fixture)
{
    (void)fixture;
    for (uint64_t seed = 0; seed < PLANTED; seed++) {
        make_history(seed);
        events[event_count] = events[mri_prng_below(&prng, event_count)];
        event_count++;
        assert_int_equal(check(), MRI_HISTORY_DOUBLED);
    }
}

static void events_that_changed_places_are_found(void **fixture)
{
    (void)fixture;
    for (uint64_t seed = 0; seed < PLANTED; seed++) {
        make_history(seed);
        size_t one = mri_prng_below(&prng, event_count);
        size_t other = (one + 1 + mri_prng_below(&prng, event_count - 1)) % event_count;
        struct mri_history_event kept = events[one];
        events[one] = events[other];
        events[other] = kept;
        assert_int_equal(check(), MRI_HISTORY_LOST);
    }
}

static void a_torn_batch_of_a_dead_process_is_found(void **fixture)
{
    (void)fixture;
    make_history(1);
    drop_last();
    assert_int_equal(check(), MRI_HISTORY_GOOD);
    ops[op_count++] = (struct mri_history_op){
        .process = 2, .number = 5000, .count = 3, .called = 100000, .kind = MRI_HISTORY_APPEND};
    put_events(&(struct mri_history_op){.process = 2, .number = 5000, .count = 2});
    assert_int_equal(check(), MRI_HISTORY_TORN);
    events[event_count++] = (struct mri_history_event){2, 5002};
    assert_int_equal(check(), MRI_HISTORY_GOOD);
}

static void an_append_before_its_time_is_found(void **fixture)
{
    (void)fixture;
    unsigned found = 0;
    for (uint64_t seed = 0; seed < PLANTED; seed++) {
        make_history(seed);
        struct mri_history_op *op = pick(MRI_HISTORY_APPEND, MRI_HISTORY_DONE);
        if (op->last == event_count) {
            continue; /* nothing comes behind it */
        }
        op->called = 1000000; /* it was called after all others had been answered */
        op->answered = 1000001;
        assert_int_equal(check(), MRI_HISTORY_AGAINST_TIME);
        found++;
    }
    assert_true(found > PLANTED / 2);
}

static void two_winners_are_found(void **fixture)
{
    (void)fixture;
    for (uint64_t seed = 0; seed < PLANTED; seed++) {
        make_history(seed);
        struct mri_history_op *one = pick(MRI_HISTORY_APPEND_AFTER, MRI_HISTORY_DONE);
        uint64_t expected = one->expected;
        for (size_t i = 0; i < op_count; i++) {
            if (&ops[i] != one && ops[i].kind == MRI_HISTORY_APPEND_AFTER &&
                ops[i].answer == MRI_HISTORY_DONE) {
                ops[i].expected = expected;
                break;
            }
        }
        assert_int_equal(check(), MRI_HISTORY_TWO_WINNERS);
    }
}

static void a_success_against_what_was_expected_is_found(void **fixture)
{
    (void)fixture;
    for (uint64_t seed = 0; seed < PLANTED; seed++) {
        make_history(seed);
        struct mri_history_op *op = pick(MRI_HISTORY_APPEND_AFTER, MRI_HISTORY_DONE);
        op->expected = EVENTS - 1;
        assert_int_equal(check(), MRI_HISTORY_NOT_EXPECTED);
    }
}

static void false_conflicts_are_found(void **fixture)
{
    (void)fixture;
    for (uint64_t seed = 0; seed < PLANTED; seed++) {
        make_history(seed);
        drop_last();
        ops[op_count++] = (struct mri_history_op){.process = 1,
            .kind = MRI_HISTORY_APPEND_AFTER,
            .answer = MRI_HISTORY_CONFLICT,
            .called = 1000000,
            .answered = 1000001,
            .expected = event_count,
            .count = 1};
        assert_int_equal(check(), MRI_HISTORY_FALSE_CONFLICT);
    }
}

static void false_looks_are_found(void **fixture)
{
    (void)fixture;
    for (uint64_t seed = 0; seed < PLANTED; seed++) {
        make_history(seed);
        struct mri_history_op *op = pick(MRI_HISTORY_LOOK, MRI_HISTORY_DONE);
        op->last = event_count + 1;
        assert_int_equal(check(), MRI_HISTORY_FALSE_LOOK); /* more than there ever was */
        op->last = 0;
        op->called = 1000000;
        op->answered = 1000001;
        assert_int_equal(check(), MRI_HISTORY_FALSE_LOOK); /* less than had been answered */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_histories_pass),
        cmocka_unit_test(what_a_dead_process_did_may_be_there_or_not),
        cmocka_unit_test(lost_events_are_found),
        cmocka_unit_test(invented_events_are_found),
        cmocka_unit_test(doubled_events_are_found),
        cmocka_unit_test(events_that_changed_places_are_found),
        cmocka_unit_test(a_torn_batch_of_a_dead_process_is_found),
        cmocka_unit_test(an_append_before_its_time_is_found),
        cmocka_unit_test(two_winners_are_found),
        cmocka_unit_test(a_success_against_what_was_expected_is_found),
        cmocka_unit_test(false_conflicts_are_found),
        cmocka_unit_test(false_looks_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
