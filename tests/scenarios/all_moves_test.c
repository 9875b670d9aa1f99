/* SPDX-License-Identifier: MIT */
/*
 * Every pair of states, as a move that another writer tries on signals of a running log.
 */
#include <string.h>

#include "tests/lib/cmocka_all.h"
#include "tests/lib/plain_config.h"
#include "tests/lib/story.h"

enum { PRICE = MRI_STORY_PRICE };

/** What the lifecycle allows, by the letters of the states in their order. */
static bool is_arrow(unsigned from, unsigned to)
{
    static const char letters[] = "geaidbxl";
    const char pair[3] = {letters[from], letters[to], '\0'};
    return strstr("ge gb gx ea eb ex ai ab ax id ib dl bl xl", pair) != NULL;
}

/** A story with a signal in every state; ordinals by state. */
static struct mri_story *full_story(uint32_t ordinals[MR_STATE_COUNT])
{
    struct mri_story *story = mri_story_begin(mri_plain_config, 2);
    int64_t minute = MRI_STORY_WARM_MINUTES;
    mri_story_warm(story);
    (void)mri_story_trade(story, &minute); /* becomes executed */
    for (unsigned i = 0; i < 4; i++) {     /* no price: they wait */
        mri_script_add_signal(&story->script, 1, minute, "waiting", 0.5, i == 0 ? 2 : 600);
    }
    for (unsigned i = 0; i < 40; i++) {
        mri_script_add_close(&story->script, 0, ++minute, PRICE);
    }
    mri_story_play(story);
    (void)mri_story_trade(story, &minute); /* stays executing */
    uint32_t newest = mri_story_newest_of(story, "waiting");
    ordinals[MR_GENERATED] = newest;
    ordinals[MR_EVALUATING] = newest - 1;
    ordinals[MR_APPROVED] = newest - 2;
    for (uint32_t ordinal = 1; ordinal <= story->node.fold.bus.slots.count; ordinal++) {
        unsigned found = mri_story_slot(story, ordinal)->state;
        if (found != MR_GENERATED) {
            ordinals[found] = ordinal;
        }
    }
    return story;
}

/** Try one move; nothing may be written unless it is asked for. */
static mr_err try_move(struct mri_story *story, uint32_t ordinal, unsigned from, unsigned to,
    struct mri_bus_conflict *ret_conflict)
{
    struct mri_bus *bus = &story->node.fold.bus;
    struct mri_batch *batch = &story->node.outputs;
    mri_bus_begin(bus, batch);
    const struct mri_signal_moved move = {
        .signal = mri_batch_ref(batch, mri_story_slot(story, ordinal)->generated_seq),
        .from = (uint8_t)from,
        .to = (uint8_t)to,
        .actor = MRI_ACTOR_EXTERNAL,
        .gate = to == MR_BLOCKED || to == MR_EXPIRED ? MRI_GATE_EXTERNAL : MRI_GATE_NONE,
        .reason = MRI_REASON_EXTERNAL,
    };
    const struct mri_draft draft = {.type = MRI_EVENT_SIGNAL_MOVED, .fixed = &move};
    assert_int_equal(mri_batch_add(batch, &draft, ordinal), MR_OK);
    return mri_bus_append(bus, batch, MR_ASYNC, NULL, ret_conflict);
}

static void every_move_is_made_refused_or_answered_with_the_state_found(void **state)
{
    (void)state;
    uint32_t ordinals[MR_STATE_COUNT] = {0};
    struct mri_story *story = full_story(ordinals);
    struct mri_bus_conflict conflict;
    unsigned conflicts = 0;
    unsigned refusals = 0;
    /* Two of the waiting ones are moved on, as another process does. */
    assert_int_equal(
        try_move(story, ordinals[MR_EVALUATING], MR_GENERATED, MR_EVALUATING, NULL), MR_OK);
    assert_int_equal(
        try_move(story, ordinals[MR_APPROVED], MR_GENERATED, MR_EVALUATING, NULL), MR_OK);
    assert_int_equal(
        try_move(story, ordinals[MR_APPROVED], MR_EVALUATING, MR_APPROVED, NULL), MR_OK);
    uint64_t last_seq = mri_story_last_seq(story);
    for (unsigned real = 0; real < MR_STATE_COUNT; real++) {
        uint32_t ordinal = ordinals[real];
        assert_int_not_equal(ordinal, 0);
        assert_int_equal(mri_story_slot(story, ordinal)->state, real);
        uint64_t moved_seq = mri_story_slot(story, ordinal)->moved_seq;
        for (unsigned pair = 0; pair < MR_STATE_COUNT * MR_STATE_COUNT; pair++) {
            unsigned from = pair / MR_STATE_COUNT;
            unsigned to = pair % MR_STATE_COUNT;
            if (!is_arrow(from, to)) {
                assert_int_equal(try_move(story, ordinal, from, to, &conflict), MR_REFUSED);
                refusals++;
            } else if (from != real) {
                assert_int_equal(try_move(story, ordinal, from, to, &conflict), MR_CONFLICT);
                assert_int_equal(conflict.ordinal, ordinal);
                assert_int_equal(conflict.found, real);
                assert_int_equal(conflict.winner_seq, moved_seq);
                conflicts++;
            }
            assert_int_equal(mri_story_slot(story, ordinal)->state, real);
        }
    }
    assert_int_equal(refusals, MR_STATE_COUNT * (64 - 14));
    assert_int_equal(conflicts, MR_STATE_COUNT * 14 - 14);
    assert_int_equal(mri_story_last_seq(story), last_seq);
    mri_story_end(story);
}

static void every_legal_move_is_made_once(void **state)
{
    (void)state;
    for (unsigned to = 0; to < MR_STATE_COUNT; to++) {
        uint32_t ordinals[MR_STATE_COUNT] = {0};
        struct mri_story *story = full_story(ordinals);
        struct mri_bus_conflict conflict;
        for (unsigned from = 0; from < MR_STATE_COUNT; from++) {
            bool is_resting = from != MR_EVALUATING && from != MR_APPROVED;
            if (is_resting && is_arrow(from, to)) {
                assert_int_equal(try_move(story, ordinals[from], from, to, &conflict), MR_OK);
                assert_int_equal(mri_story_slot(story, ordinals[from])->state, to);
                uint64_t winner = mri_story_last_seq(story);
                assert_int_equal(try_move(story, ordinals[from], from, to, &conflict), MR_CONFLICT);
                assert_int_equal(conflict.found, to);
                assert_int_equal(conflict.winner_seq, winner);
            }
        }
        mri_story_end(story);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_move_is_made_refused_or_answered_with_the_state_found),
        cmocka_unit_test(every_legal_move_is_made_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
