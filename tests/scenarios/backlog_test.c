/* SPDX-License-Identifier: MIT */
/*
 * A run that begins behind thousands of signals, many of them moved by others later on: it decides
 * on them without saving its engines for each, hears a wish to stop, and a replay agrees.
 */
#include <string.h>

#include "base/prng.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/plain_config.h"
#include "tests/lib/story.h"

enum {
    SIGNALS = 3000,
    MOVED = 2200, /* of the signals, all behind the last one that was emitted */
    BATCH = 50,
    SAVES_MAX = 30,
};

struct moves {
    uint32_t ordinals[SIGNALS];
    uint32_t at;
    uint32_t end;
};

static void draft_moves(void *context, const struct mri_bus *bus, struct mri_batch *batch)
{
    struct moves *moves = context;
    for (; moves->at < moves->end; moves->at++) {
        uint32_t ordinal = moves->ordinals[moves->at];
        const struct mri_slot *slot = mri_slots_get(&bus->slots, ordinal);
        assert_non_null(slot);
        const struct mri_signal_moved move = {.signal = mri_batch_ref(batch, slot->generated_seq),
            .from = slot->state,
            .to = MR_BLOCKED,
            .actor = MRI_ACTOR_EXTERNAL,
            .gate = MRI_GATE_EXTERNAL,
            .reason = MRI_REASON_EXTERNAL};
        const struct mri_draft draft = {.type = MRI_EVENT_SIGNAL_MOVED, .fixed = &move};
        assert_int_equal(mri_batch_add(batch, &draft, ordinal), MR_OK);
    }
}

/** A closed story with signals that nobody has decided on; some are moved, in any order or their
 * own. */
static struct mri_story *backlog_story(bool is_shuffled)
{
    static struct moves moves;
    const struct mri_story_emission emission = {
        .source = "oracle", .confidence = 0.9, .valid_minutes = 5, .count = SIGNALS};
    struct mri_story *story = mri_story_begin(mri_plain_config, 1);
    struct mri_prng prng;
    mri_story_warm(story);
    uint32_t first = story->node.fold.bus.slots.count + 1;
    mri_story_close(story);
    mri_story_emit(story, &emission);
    mri_prng_init(&prng, 7);
    for (uint32_t i = 0; i < SIGNALS; i++) {
        uint32_t other = is_shuffled ? (uint32_t)mri_prng_below(&prng, i + 1) : i;
        moves.ordinals[i] = moves.ordinals[other];
        moves.ordinals[other] = first + i;
    }
    for (moves.at = 0; moves.at < MOVED;) {
        moves.end = moves.at + BATCH < MOVED ? moves.at + BATCH : MOVED;
        mri_story_append(
            story, &(struct mri_story_outsider){.context = &moves, .draft = draft_moves});
    }
    return story;
}

static void check_decided(struct mri_story *story)
{
    assert_int_equal(mri_story_count(story, MRI_EVENT_SUPERSEDED, 0), MOVED);
    assert_int_equal(story->node.fold.early.waiting.count, 0); /* each has had its turn */
    assert_int_equal(story->node.fold.wiring.evaluate.undecided.count, 0);
    assert_int_equal(story->node.fold.bus.foreign_moves, story->node.fold.foreign_applied);
    mri_story_close(story);
    mri_story_check_replay(story);
    mri_story_end(story);
}

static void check_backlog(bool is_shuffled)
{
    struct mri_story *story = backlog_story(is_shuffled);
    mri_story_open(story);
    assert_in_range(story->node.undo.saves, 1, SAVES_MAX);
    assert_int_equal(story->node.undo.restores, 0); /* what loses is not even applied */
    check_decided(story);
}

static void signals_that_others_moved_later_are_decided_without_a_save_for_each(void **state)
{
    (void)state;
    check_backlog(false);
}

static void in_whatever_order_they_were_moved(void **state)
{
    (void)state;
    check_backlog(true);
}

static unsigned looks;

static bool is_stopping_at_the_third_look(void)
{
    return ++looks == 3;
}

static void a_wish_to_stop_is_heard_and_the_next_run_goes_on(void **state)
{
    (void)state;
    struct mri_story *story = backlog_story(false);
    looks = 0;
    story->is_stopping = is_stopping_at_the_third_look;
    assert_int_equal(mri_story_try_open(story), MR_AGAIN);
    assert_non_null(strstr(story->problem.text, "stopped behind event"));
    assert_int_equal(looks, 3);
    uint64_t superseded = mri_story_count(story, MRI_EVENT_SUPERSEDED, 0);
    assert_in_range(superseded, 1, MOVED - 1);
    story->is_stopping = NULL;
    mri_story_open(story);
    check_decided(story);
}

/** The same while it runs: what others bring in meanwhile may be long, too. */
static void it_is_heard_while_the_run_takes_in_what_others_bring(void **state)
{
    (void)state;
    const struct mri_story_emission emission = {
        .source = "oracle", .confidence = 0.9, .valid_minutes = 5, .count = SIGNALS};
    struct mri_story *story = mri_story_begin(mri_plain_config, 1);
    mri_story_warm(story);
    mri_story_close(story);
    story->is_stopping = is_stopping_at_the_third_look;
    looks = 100; /* nothing is wished while it opens */
    mri_story_open(story);
    uint64_t before = mri_story_count(story, MRI_EVENT_DECISION, 0);
    mri_story_emit_beside(story, &emission);
    looks = 0;
    assert_int_equal(mri_node_take_foreign(&story->node), MR_AGAIN);
    assert_true(story->node.is_stopped);
    uint64_t decided = mri_story_count(story, MRI_EVENT_DECISION, 0) - before;
    assert_in_range(decided, 1, SIGNALS - 1);
    assert_int_equal(mri_node_take_foreign(&story->node), MR_OK); /* nothing is lost */
    assert_int_equal(mri_story_count(story, MRI_EVENT_DECISION, 0), before + SIGNALS);
    mri_story_close(story);
    mri_story_check_replay(story);
    mri_story_end(story);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signals_that_others_moved_later_are_decided_without_a_save_for_each),
        cmocka_unit_test(in_whatever_order_they_were_moved),
        cmocka_unit_test(a_wish_to_stop_is_heard_and_the_next_run_goes_on),
        cmocka_unit_test(it_is_heard_while_the_run_takes_in_what_others_bring),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
