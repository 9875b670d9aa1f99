/* SPDX-License-Identifier: MIT */
/*
 * The loop is closed: what an outcome teaches is in the very next prediction, and nowhere before.
 * Two logs are told that differ in one bar, and compared event by event.
 */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/prng.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/plain_config.h"
#include "tests/lib/story.h"

enum { PRICE = MRI_STORY_PRICE, EVENTS_MAX = 20000 };

/** An event, kept. */
struct kept {
    uint16_t type;
    uint64_t seq;
    uint32_t ordinal;
    uint32_t body_bytes;
    uint8_t *body;
};

struct tape {
    struct kept events[EVENTS_MAX];
    uint32_t count;
};

static void keep(void *context, const struct mri_event *event)
{
    struct tape *tape = context;
    assert_true(tape->count < EVENTS_MAX);
    struct kept *kept = &tape->events[tape->count++];
    *kept = (struct kept){.type = event->type,
        .seq = event->seq,
        .ordinal = event->ordinal,
        .body_bytes = event->body_bytes,
        .body = malloc(event->body_bytes + 1)};
    MRI_ASSERT(kept->body != NULL);
    memcpy(kept->body, event->body, event->body_bytes);
}

static struct tape *tape_of(const struct mri_story *story)
{
    struct tape *tape = calloc(1, sizeof(*tape));
    MRI_ASSERT(tape != NULL);
    mri_story_walk(story, &(struct mri_story_walker){.context = tape, .visit = keep});
    return tape;
}

static void free_tape(struct tape *tape)
{
    for (uint32_t i = 0; i < tape->count; i++) {
        free(tape->events[i].body);
    }
    free(tape);
}

static bool is_equal(const struct kept *a, const struct kept *b)
{
    return a->type == b->type && a->seq == b->seq && a->ordinal == b->ordinal &&
           a->body_bytes == b->body_bytes && memcmp(a->body, b->body, a->body_bytes) == 0;
}

/** The first event in which two tapes differ. */
static uint32_t first_difference(const struct tape *a, const struct tape *b)
{
    uint32_t i = 0;
    while (i < a->count && i < b->count && is_equal(&a->events[i], &b->events[i])) {
        i++;
    }
    assert_true(i < a->count && i < b->count);
    return i;
}

/**
 * Source a on symbol 0 in the first bar's step view; bar 2 tells its outcome at 1m. Then b alone in
 * a view on symbol 0, and a alone in views on both symbols: no source of the program is awake yet.
 */
static struct tape *told(int64_t close_of_bar_2)
{
    struct mri_story *story = mri_story_begin(mri_plain_config, 2);
    struct mri_script_feed *script = &story->script;
    mri_script_add_signal(script, 0, 0, "a", 0.8, 1);
    for (int64_t minute = 1; minute <= 5; minute++) {
        mri_script_add_close(script, 0, minute, minute == 2 ? close_of_bar_2 : PRICE);
        mri_script_add_close(script, 1, minute, PRICE);
        if (minute == 3) {
            mri_script_add_signal(script, 0, minute, "b", 0.8, 0);
        }
        if (minute >= 4) {
            mri_script_add_signal(script, minute == 5, minute, "a", 0.8, 0);
        }
    }
    mri_story_open(story);
    mri_story_play(story);
    mri_story_close(story);
    struct tape *tape = tape_of(story);
    mri_story_check_replay(story);
    mri_story_end(story);
    return tape;
}

/** The forecasts of the k-th prediction. */
static const struct mri_row_forecast *forecasts(const struct tape *tape, unsigned k)
{
    for (uint32_t i = 0; i < tape->count; i++) {
        const struct kept *kept = &tape->events[i];
        if (kept->type == MRI_EVENT_PREDICTION && k-- == 0) {
            const struct mri_event event = {
                .type = kept->type, .body = kept->body, .body_bytes = kept->body_bytes};
            unsigned count;
            const struct mri_row_forecast *rows = mri_event_rows(&event, 0, &count);
            assert_int_equal(count, MR_HORIZON_COUNT);
            return rows;
        }
    }
    fail_msg("there is no such prediction");
    return NULL;
}

static void one_outcome_changes_the_next_prediction_of_its_cells_and_nothing_before(void **state)
{
    (void)state;
    struct tape *up = told(PRICE + 1000);
    struct tape *down = told(PRICE - 1000);
    uint32_t at = first_difference(up, down);
    assert_int_equal(up->events[at].type, MRI_EVENT_CANDLE);
    const struct mri_candle *candle = (const void *)up->events[at].body;
    assert_int_equal(candle->close_time_unix_ns, mri_script_time(2));
    assert_memory_equal(forecasts(up, 0), forecasts(down, 0),
        MR_HORIZON_COUNT * sizeof(struct mri_row_forecast)); /* told before */

    const struct mri_row_forecast *b_up = forecasts(up, 1);
    const struct mri_row_forecast *b_down = forecasts(down, 1);
    const struct mri_row_forecast *a_up = forecasts(up, 2);
    const struct mri_row_forecast *a_down = forecasts(down, 2);
    const struct mri_row_forecast *far_up = forecasts(up, 3);
    const struct mri_row_forecast *far_down = forecasts(down, 3);
    assert_true(a_up[MR_HORIZON_1M].prob_pool > a_down[MR_HORIZON_1M].prob_pool);
    assert_true(a_up[MR_HORIZON_1M].prob_up > a_down[MR_HORIZON_1M].prob_up);
    assert_true(far_up[MR_HORIZON_1M].prob_pool > far_down[MR_HORIZON_1M].prob_pool);
    assert_true(a_up[MR_HORIZON_1M].prob_pool - a_down[MR_HORIZON_1M].prob_pool >
                far_up[MR_HORIZON_1M].prob_pool - far_down[MR_HORIZON_1M].prob_pool);
    assert_true(b_up[MR_HORIZON_1M].prob_pool == b_down[MR_HORIZON_1M].prob_pool);
    for (unsigned horizon = MR_HORIZON_5M; horizon < MR_HORIZON_COUNT; horizon++) {
        assert_true(a_up[horizon].prob_up == a_down[horizon].prob_up);
        assert_true(a_up[horizon].prob_pool == a_down[horizon].prob_pool);
        assert_true(far_up[horizon].prob_up == far_down[horizon].prob_up);
    }
    free_tape(up);
    free_tape(down);
}

struct force {
    uint64_t feedback_seq; /**< the newest so far */
    unsigned predictions;
    unsigned decisions;
    unsigned in_same_batch; /**< feedback decided on the very same input */
    uint64_t feedback_cause;
};

static void check_force(void *context, const struct mri_event *event)
{
    struct force *force = context;
    if (event->type == MRI_EVENT_FEEDBACK) {
        force->feedback_seq = event->seq;
        force->feedback_cause = mri_event_cause(event);
    } else if (event->type == MRI_EVENT_PREDICTION) {
        const struct mri_prediction *prediction = event->body;
        assert_int_equal(mri_ref_seq(prediction->feedback, event->seq), force->feedback_seq);
        force->predictions++;
        force->in_same_batch += mri_event_cause(event) == force->feedback_cause;
    } else if (event->type == MRI_EVENT_DECISION) {
        const struct mri_decision *decision = event->body;
        assert_int_equal(mri_ref_seq(decision->feedback, event->seq), force->feedback_seq);
        force->decisions++;
    }
}

static void every_decision_uses_and_names_the_newest_feedback(void **state)
{
    (void)state;
    struct mri_story *story = mri_story_begin(mri_plain_config, 1);
    struct force force = {0};
    mri_story_warm(story);
    mri_story_walk(story, &(struct mri_story_walker){.context = &force, .visit = check_force});
    assert_true(force.predictions > 50 && force.decisions > 50);
    assert_true(force.in_same_batch > 20); /* the outcome of this bar is in this bar's decision */
    mri_story_end(story);
}

/** A market that is the same up to a minute, and from there on another one for each seed. */
static struct tape *market(uint64_t seed, int64_t same_until, int64_t end)
{
    struct mri_story *story = mri_story_begin(mri_plain_config, 1);
    struct mri_prng prng;
    int64_t price = PRICE;
    mri_prng_init(&prng, 42);
    mri_story_make_brisk(story);
    for (int64_t minute = 1; minute <= end; minute++) {
        if (minute == same_until + 1) {
            mri_prng_init(&prng, seed);
        }
        price += (int64_t)mri_prng_below(&prng, 4001) - 2000;
        mri_script_add_close(&story->script, 0, minute, price);
        if (minute % 5 == 0) {
            mri_script_add_signal(
                &story->script, 0, minute, "bot", minute % 15 == 0 ? -0.6 : 0.6, 2);
        }
    }
    mri_story_open(story);
    mri_story_play(story);
    mri_story_end_feed(story);
    mri_story_close(story);
    struct tape *tape = tape_of(story);
    mri_story_end(story);
    return tape;
}

static void another_future_leaves_every_prediction_before_as_it_is(void **state)
{
    (void)state;
    static const int64_t minutes[] = {7, 121, 200, 333};
    for (size_t i = 0; i < MRI_COUNT_OF(minutes); i++) {
        struct tape *one = market(1, minutes[i], 400);
        struct tape *other = market(2, minutes[i], 400);
        uint32_t at = first_difference(one, other);
        assert_int_equal(one->events[at].type, MRI_EVENT_CANDLE);
        const struct mri_candle *candle = (const void *)one->events[at].body;
        assert_int_equal(candle->close_time_unix_ns, mri_script_time(minutes[i] + 1));
        free_tape(one);
        free_tape(other);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_outcome_changes_the_next_prediction_of_its_cells_and_nothing_before),
        cmocka_unit_test(every_decision_uses_and_names_the_newest_feedback),
        cmocka_unit_test(another_future_leaves_every_prediction_before_as_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
