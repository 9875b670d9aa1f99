/* SPDX-License-Identifier: MIT */
/*
 * Engines that are held, changed and made again: the very same bytes, with what was noted and
 * without what was not.
 */
#include "pipeline/engine_undo.h"

#include <stdlib.h>

#include "tests/lib/cmocka_all.h"
#include "tests/lib/plain_config.h"
#include "tests/lib/story.h"

enum { STATE_BYTES_MAX = 64 << 20 };

/** Events as the engines apply them: each input before what was decided on it. */
static struct mri_event *events;
static size_t event_count;
static struct mri_buf bodies;

static mr_err keep(void *context, const struct mri_event *event)
{
    (void)context;
    struct mri_event *grown = realloc(events, (event_count + 1) * sizeof(*events));
    assert_non_null(grown);
    events = grown;
    events[event_count] = *event;
    events[event_count].body = (void *)bodies.count; /* its place, until all are there */
    event_count++;
    mri_buf_put(&bodies, event->body, event->body_bytes);
    (void)mri_buf_grow(&bodies, (8 - event->body_bytes % 8) % 8);
    return bodies.err;
}

/** A story with trades, folded; its events are kept. */
static struct mri_story *told_story(struct mri_fold *fold)
{
    const struct mri_fold_visitor keeper = {.input = keep, .output = keep};
    struct mri_story *story = mri_story_begin(mri_plain_config, 2);
    int64_t minute = MRI_STORY_WARM_MINUTES;
    mri_story_warm(story);
    (void)mri_story_trade(story, &minute);
    mri_story_close(story);
    struct mri_fold_options options = mri_story_fold_options(story);
    options.config = &story->config;
    options.is_from_start = true;
    event_count = 0;
    mri_buf_init(&bodies, mri_alloc_system(), STATE_BYTES_MAX);
    assert_int_equal(mri_fold_begin(fold, &options, &story->problem), MR_OK);
    assert_int_equal(mri_fold_run(fold, &keeper, &story->problem), MR_OK);
    for (size_t i = 0; i < event_count; i++) {
        events[i].body = bodies.bytes + (size_t)events[i].body;
    }
    return story;
}

static void end(struct mri_story *story, struct mri_fold *fold)
{
    mri_fold_fini(fold);
    mri_buf_fini(&bodies);
    free(events);
    events = NULL;
    mri_story_end(story);
}

static struct mri_wiring_options options_of(
    const struct mri_story *story, const struct mri_fold *fold)
{
    return (struct mri_wiring_options){.config = &story->config,
        .parse = mri_plain_config,
        .source_names = &fold->bus.sources,
        .is_simulated_market = true};
}

static void save(const struct mri_wiring *wiring, struct mri_buf *bytes)
{
    mri_buf_init(bytes, mri_alloc_system(), STATE_BYTES_MAX);
    mri_wiring_save(wiring, bytes);
    assert_int_equal(bytes->err, MR_OK);
}

static void what_was_noted_is_made_again_and_nothing_else(void **state)
{
    (void)state;
    enum { NOTED = 40, LOST = 4 };
    static struct mri_fold fold;
    static struct mri_wiring wiring;
    struct mri_engine_undo undo;
    struct mri_story *story = told_story(&fold);
    const struct mri_wiring_options options = options_of(story, &fold);
    uint64_t held = 0;
    mri_engine_undo_init(&undo, mri_alloc_system());
    assert_int_equal(mri_wiring_init(&wiring, mri_alloc_system(), &options, NULL), MR_OK);
    for (size_t i = 0; i + LOST < event_count; i++) {
        struct mri_buf before;
        struct mri_buf after;
        assert_int_equal(mri_wiring_apply(&wiring, &events[i]), MR_OK);
        assert_int_equal(mri_engine_undo_note(&undo, &events[i]), MR_OK);
        if (i % NOTED != 0) {
            continue;
        }
        assert_int_equal(mri_engine_undo_hold(&undo, &wiring), MR_OK);
        held++;
        save(&wiring, &before);
        for (size_t k = 1; k <= LOST; k++) {
            assert_int_equal(mri_wiring_apply(&wiring, &events[i + k]), MR_OK);
        }
        assert_int_equal(mri_engine_undo_restore(&undo, &wiring, &options), MR_OK);
        save(&wiring, &after);
        assert_int_equal(after.count, before.count);
        assert_memory_equal(after.bytes, before.bytes, before.count);
        mri_buf_fini(&before);
        mri_buf_fini(&after);
    }
    assert_true(held > 20 && undo.restores == held);
    assert_in_range(undo.saves, 2, held - 1); /* most were held by what was noted */
    mri_engine_undo_fini(&undo);
    mri_wiring_fini(&wiring);
    end(story, &fold);
}

static void what_is_dropped_is_saved_anew(void **state)
{
    (void)state;
    static struct mri_fold fold;
    static struct mri_wiring wiring;
    struct mri_engine_undo undo;
    struct mri_story *story = told_story(&fold);
    const struct mri_wiring_options options = options_of(story, &fold);
    mri_engine_undo_init(&undo, mri_alloc_system());
    assert_int_equal(mri_wiring_init(&wiring, mri_alloc_system(), &options, NULL), MR_OK);
    assert_int_equal(mri_engine_undo_note(&undo, &events[0]), MR_OK);
    assert_int_equal(undo.applied.count, 0); /* nothing is held: it is not noted */
    assert_int_equal(mri_engine_undo_hold(&undo, &wiring), MR_OK);
    assert_int_equal(mri_engine_undo_hold(&undo, &wiring), MR_OK);
    assert_int_equal(undo.saves, 1);
    mri_engine_undo_drop(&undo);
    assert_false(undo.is_taken);
    assert_int_equal(mri_engine_undo_hold(&undo, &wiring), MR_OK);
    assert_int_equal(undo.saves, 2);
    mri_engine_undo_fini(&undo);
    mri_wiring_fini(&wiring);
    end(story, &fold);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_noted_is_made_again_and_nothing_else),
        cmocka_unit_test(what_is_dropped_is_saved_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
