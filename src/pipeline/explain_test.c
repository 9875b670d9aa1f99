/* SPDX-License-Identifier: MIT */
/*
 * The whole story of a signal, collected from the log.
 */
#include "pipeline/explain.h"

#include "tests/lib/cmocka_all.h"
#include "tests/lib/failing_alloc.h"
#include "tests/lib/lives.h"
#include "tests/lib/plain_config.h"

enum { PRICE = MRI_STORY_PRICE, HOUR = 61 };

/** A told log with one traded signal. */
static struct mri_story *traded_story(uint32_t *ret_ordinal)
{
    struct mri_story *story = mri_story_begin(mri_plain_config, 2);
    int64_t minute = MRI_STORY_WARM_MINUTES;
    mri_story_warm(story);
    *ret_ordinal = mri_story_trade(story, &minute);
    mri_script_add_signal(&story->script, 1, minute, "waiting", 0.5, 5);
    for (int64_t i = 0; i < HOUR; i++) {
        mri_script_add_close(&story->script, 0, ++minute, PRICE);
    }
    mri_story_play(story);
    mri_story_end_feed(story);
    mri_story_close(story);
    return story;
}

static unsigned count_of(const struct mri_explained *explained, uint16_t type)
{
    unsigned count = 0;
    uint32_t at = mri_explain_find(explained, type, 0);
    for (; at < explained->count; at = mri_explain_find(explained, type, at + 1)) {
        count++;
    }
    return count;
}

static void a_traded_signal_is_told_with_all_that_led_to_it_and_came_of_it(void **state)
{
    (void)state;
    static struct mri_fold fold;
    uint32_t ordinal;
    struct mri_story *story = traded_story(&ordinal);
    struct mri_explained explained;
    struct mri_lives lives;
    const struct mri_fold_options options = mri_story_fold_options(story);
    assert_int_equal(mri_fold_init(&fold, &options, &story->problem), MR_OK);
    assert_int_equal(mri_explain_signal(&fold, ordinal, &explained, &story->problem), MR_OK);
    assert_false(explained.is_cut);
    for (uint32_t i = 1; i < explained.count; i++) {
        assert_true(explained.events[i - 1].seq < explained.events[i].seq);
    }
    static const uint16_t own[] = {MRI_EVENT_SIGNAL_GENERATED, MRI_EVENT_SIGNAL_MOVED,
        MRI_EVENT_DECISION, MRI_EVENT_ORDER_INTENT, MRI_EVENT_ORDER_SENT, MRI_EVENT_ORDER_ACCEPTED,
        MRI_EVENT_ORDER_FILLED, MRI_EVENT_ORDER_CANCELLED, MRI_EVENT_POSITION_OPENED,
        MRI_EVENT_POSITION_CLOSED, MRI_EVENT_OUTCOME};
    for (size_t i = 0; i < MRI_COUNT_OF(own); i++) {
        assert_int_equal(count_of(&explained, own[i]), mri_story_count(story, own[i], ordinal));
        assert_true(count_of(&explained, own[i]) > 0);
    }
    assert_int_equal(count_of(&explained, MRI_EVENT_VIEW), 1);
    assert_int_equal(count_of(&explained, MRI_EVENT_PREDICTION), 1);
    mri_lives_read(&lives, story);
    uint32_t view = mri_explain_find(&explained, MRI_EVENT_VIEW, 0);
    assert_int_equal(explained.events[view].seq, mri_lives_get(&lives, ordinal)->view_seq);
    assert_int_equal(explained.events[view + 1].type, MRI_EVENT_PREDICTION);
    mri_lives_fini(&lives);
    mri_explain_fini(&explained);
    mri_fold_fini(&fold);
    mri_story_end(story);
}

static void the_lessons_of_a_step_view_are_told_at_every_horizon(void **state)
{
    (void)state;
    static struct mri_fold fold;
    uint32_t traded;
    struct mri_story *story = traded_story(&traded);
    const struct mri_fold_options options = mri_story_fold_options(story);
    unsigned with_lessons = 0;
    assert_int_equal(mri_fold_init(&fold, &options, &story->problem), MR_OK);
    for (uint32_t ordinal = 1; ordinal <= fold.bus.slots.count; ordinal++) {
        struct mri_explained explained;
        assert_int_equal(mri_explain_signal(&fold, ordinal, &explained, &story->problem), MR_OK);
        uint32_t at = mri_explain_find(&explained, MRI_EVENT_VIEW, 0);
        bool is_step = at < explained.count &&
                       ((const struct mri_view *)explained.events[at].body)->kind == MRI_VIEW_STEP;
        assert_int_equal(count_of(&explained, MRI_EVENT_OUTCOME), MR_HORIZON_COUNT);
        assert_int_equal(count_of(&explained, MRI_EVENT_FEEDBACK), is_step ? MR_HORIZON_COUNT : 0);
        with_lessons += is_step;
        mri_explain_fini(&explained);
    }
    assert_true(with_lessons > 3);
    mri_fold_fini(&fold);
    mri_story_end(story);
}

static void a_signal_without_a_decision_has_no_view(void **state)
{
    (void)state;
    static struct mri_fold fold;
    uint32_t ordinal;
    struct mri_story *story = traded_story(&ordinal);
    struct mri_explained explained;
    const struct mri_fold_options options = mri_story_fold_options(story);
    assert_int_equal(mri_fold_init(&fold, &options, &story->problem), MR_OK);
    for (ordinal = fold.bus.slots.count; mri_slots_get(&fold.bus.slots, ordinal)->symbol != 1;) {
        ordinal--;
    }
    assert_int_equal(mri_explain_signal(&fold, ordinal, &explained, &story->problem), MR_OK);
    assert_int_equal(count_of(&explained, MRI_EVENT_VIEW), 0);
    assert_int_equal(count_of(&explained, MRI_EVENT_DECISION), 0);
    assert_int_equal(count_of(&explained, MRI_EVENT_SIGNAL_MOVED), 2); /* expired, learned */
    mri_explain_fini(&explained);
    mri_fold_fini(&fold);
    mri_story_end(story);
}

static void any_allocation_may_fail_and_nothing_leaks(void **state)
{
    (void)state;
    static struct mri_fold fold;
    uint32_t ordinal;
    struct mri_story *story = traded_story(&ordinal);
    struct failing_alloc failing;
    struct mri_fold_options options = mri_story_fold_options(story);
    unsigned faults = 0;
    failing_alloc_init(&failing, 0);
    options.alloc = &failing.alloc;
    assert_int_equal(mri_fold_init(&fold, &options, &story->problem), MR_OK);
    size_t live_bytes = failing.live_bytes;
    mr_err err = MR_ENOMEM;
    for (unsigned k = 1; err != MR_OK; k++) {
        struct mri_explained explained;
        failing.failing = failing.calls + k;
        err = mri_explain_signal(&fold, ordinal, &explained, &story->problem);
        assert_true(err == MR_OK || err == MR_ENOMEM);
        faults += err != MR_OK;
        if (err == MR_OK) {
            mri_explain_fini(&explained);
        }
        assert_int_equal(failing.live_bytes, live_bytes);
    }
    assert_true(faults > 20);
    mri_fold_fini(&fold);
    assert_int_equal(failing.live_bytes, 0);
    mri_explain_fini(NULL);
    mri_story_end(story);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_traded_signal_is_told_with_all_that_led_to_it_and_came_of_it),
        cmocka_unit_test(the_lessons_of_a_step_view_are_told_at_every_horizon),
        cmocka_unit_test(a_signal_without_a_decision_has_no_view),
        cmocka_unit_test(any_allocation_may_fail_and_nothing_leaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
