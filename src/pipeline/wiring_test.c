/* SPDX-License-Identifier: MIT */
/*
 * The engines as one: saved, loaded, and loaded from bytes that are not a state.
 */
#include "pipeline/wiring.h"

#include <string.h>

#include "base/prng.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/plain_config.h"
#include "tests/lib/story.h"

enum { STATE_BYTES_MAX = 64 << 20 };

static struct mri_fold fold;

/** A log with trades, folded; its engines as bytes. */
static struct mri_story *folded_story(struct mri_buf *bytes)
{
    struct mri_story *story = mri_story_begin(mri_plain_config, 2);
    int64_t minute = MRI_STORY_WARM_MINUTES;
    story->config.limits_symbols_max = 4;
    story->config.limits_sources_max = 40;
    mri_story_warm(story);
    (void)mri_story_trade(story, &minute);
    mri_story_close(story);
    struct mri_fold_options options = mri_story_fold_options(story);
    options.config = &story->config;
    assert_int_equal(mri_fold_init(&fold, &options, &story->problem), MR_OK);
    mri_buf_init(bytes, mri_alloc_system(), STATE_BYTES_MAX);
    mri_wiring_save(&fold.wiring, bytes);
    assert_int_equal(bytes->err, MR_OK);
    return story;
}

static void end(struct mri_story *story, struct mri_buf *bytes)
{
    mri_fold_fini(&fold);
    mri_buf_fini(bytes);
    mri_story_end(story);
}

/** Load into fresh engines; they are the caller's when it succeeds. */
static mr_err load(
    struct mri_wiring *wiring, struct mri_story *story, const uint8_t *bytes, size_t count)
{
    const struct mri_wiring_options options = {.config = &story->config,
        .parse = mri_plain_config,
        .source_names = &fold.bus.sources,
        .is_simulated_market = true};
    struct mri_unpack unpack;
    assert_int_equal(mri_wiring_init(wiring, mri_alloc_system(), &options, NULL), MR_OK);
    mri_unpack_init(&unpack, bytes, count);
    mr_err err = mri_wiring_load(wiring, &unpack);
    if (err == MR_OK) {
        err = mri_unpack_end(&unpack);
    }
    if (err != MR_OK) {
        mri_wiring_fini(wiring);
    }
    return err;
}

static void what_is_saved_is_loaded(void **state)
{
    (void)state;
    static struct mri_wiring wiring;
    struct mri_buf bytes;
    struct mri_buf again;
    struct mri_story *story = folded_story(&bytes);
    assert_int_equal(load(&wiring, story, bytes.bytes, bytes.count), MR_OK);
    mri_buf_init(&again, mri_alloc_system(), STATE_BYTES_MAX);
    mri_wiring_save(&wiring, &again);
    assert_int_equal(again.count, bytes.count);
    assert_memory_equal(again.bytes, bytes.bytes, bytes.count);
    mri_wiring_fini(&wiring);
    mri_buf_fini(&again);
    end(story, &bytes);
}

static void a_state_that_ends_early_is_refused(void **state)
{
    (void)state;
    static struct mri_wiring wiring;
    struct mri_buf bytes;
    struct mri_story *story = folded_story(&bytes);
    for (size_t count = 0; count < bytes.count; count += 1 + bytes.count / 400) {
        assert_true(load(&wiring, story, bytes.bytes, count) < 0);
    }
    assert_true(load(&wiring, story, bytes.bytes, bytes.count - 1) < 0);
    end(story, &bytes);
}

static void a_state_with_something_behind_it_is_refused(void **state)
{
    (void)state;
    static struct mri_wiring wiring;
    struct mri_buf bytes;
    struct mri_story *story = folded_story(&bytes);
    mri_buf_put(&bytes, "x", 1);
    assert_int_equal(load(&wiring, story, bytes.bytes, bytes.count), MR_ECORRUPT);
    end(story, &bytes);
}

static void another_version_or_other_limits_are_told_apart(void **state)
{
    (void)state;
    static struct mri_wiring wiring;
    struct mri_buf bytes;
    struct mri_story *story = folded_story(&bytes);
    bytes.bytes[0]++;
    assert_int_equal(load(&wiring, story, bytes.bytes, bytes.count), MR_EVERSION);
    bytes.bytes[0]--;
    story->config.limits_symbols_max++;
    assert_int_equal(load(&wiring, story, bytes.bytes, bytes.count), MR_EVERSION);
    end(story, &bytes);
}

/** Snapshots have checksums; this is for whoever forges one: no crash, whatever it says. */
static void a_forged_state_is_an_answer_and_no_crash(void **state)
{
    (void)state;
    static struct mri_wiring wiring;
    struct mri_buf bytes;
    struct mri_story *story = folded_story(&bytes);
    struct mri_prng prng;
    mri_prng_init(&prng, 5);
    for (unsigned i = 0; i < 200; i++) {
        size_t at = mri_prng_below(&prng, i % 2 == 0 ? bytes.count : bytes.count / 20);
        uint8_t kept = bytes.bytes[at];
        bytes.bytes[at] = (uint8_t)mri_prng_below(&prng, 256);
        if (load(&wiring, story, bytes.bytes, bytes.count) == MR_OK) {
            mri_wiring_fini(&wiring);
        }
        bytes.bytes[at] = kept;
    }
    end(story, &bytes);
}

static void what_is_decided_on_is_an_input(void **state)
{
    (void)state;
    static const uint16_t always[] = {MRI_EVENT_CANDLE, MRI_EVENT_QUARANTINED, MRI_EVENT_MARKET_GAP,
        MRI_EVENT_INSTRUMENT, MRI_EVENT_CONFIG, MRI_EVENT_TICK, MRI_EVENT_SESSION, MRI_EVENT_ALERT};
    static const uint16_t never[] = {MRI_EVENT_VIEW, MRI_EVENT_PREDICTION, MRI_EVENT_DECISION,
        MRI_EVENT_SUPERSEDED, MRI_EVENT_ORDER_INTENT, MRI_EVENT_ORDER_SENT,
        MRI_EVENT_ORDER_ACCEPTED, MRI_EVENT_ORDER_FILLED, MRI_EVENT_ORDER_REJECTED,
        MRI_EVENT_ORDER_CANCELLED, MRI_EVENT_POSITION_OPENED, MRI_EVENT_POSITION_CLOSED,
        MRI_EVENT_OUTCOME, MRI_EVENT_FEEDBACK};
    for (size_t i = 0; i < MRI_COUNT_OF(always); i++) {
        assert_true(mri_wiring_is_input(&(struct mri_event){.type = always[i]}));
    }
    for (size_t i = 0; i < MRI_COUNT_OF(never); i++) {
        assert_false(mri_wiring_is_input(&(struct mri_event){.type = never[i]}));
    }
    struct mri_signal_moved move = {.cause = 0};
    struct mri_event event = {
        .type = MRI_EVENT_SIGNAL_MOVED, .seq = 9, .body = &move, .body_bytes = sizeof(move)};
    assert_true(mri_wiring_is_input(&event));
    move.cause = 5;
    assert_false(mri_wiring_is_input(&event));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_saved_is_loaded),
        cmocka_unit_test(a_state_that_ends_early_is_refused),
        cmocka_unit_test(a_state_with_something_behind_it_is_refused),
        cmocka_unit_test(another_version_or_other_limits_are_told_apart),
        cmocka_unit_test(a_forged_state_is_an_answer_and_no_crash),
        cmocka_unit_test(what_is_decided_on_is_an_input),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
