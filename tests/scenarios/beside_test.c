/* SPDX-License-Identifier: MIT */
/*
 * Other processes append while a node decides: before every append of the node, at random, another
 * one emits or moves a signal. Nothing is lost, everything is decided in the order of the log, and
 * the log replays.
 */
#include "base/prng.h"
#include "bus/lifecycle.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/lives.h"
#include "tests/lib/plain_config.h"

enum { SYMBOLS = 3, MINUTES = 130, SEEDS = 8, SIGNALS_MAX = 4096 };

/** The other process, with a view of the log of its own. */
struct intruder {
    struct mri_story *story;
    struct mri_prng prng;
    unsigned rate; /**< one append in so many comes behind another one; 0: none does */
    bool is_acting;
    bool is_moving;   /**< it moves signals, too */
    bool is_claiming; /**< and claims them; the node finds no lease, and ends the claim */
    bool is_once;     /**< it comes once, when the node is about to append what it has decided */
    mr_log *log;
    struct mri_fold fold;
    struct mri_batch batch;
    uint64_t emitted;
    uint64_t moved;
    uint64_t claimed;
    int64_t (*realtime_unix_ns)(void *context);
};

static struct intruder intruder;

static void open_intruder(struct mri_story *story, uint64_t seed)
{
    intruder = (struct intruder){.story = story};
    mri_prng_init(&intruder.prng, seed);
    struct mri_fold_options options = mri_story_fold_options(story);
    options.os = mri_os_memory_table(story->memory); /* a context of its own: another process */
    options.config = &story->config;
    assert_int_equal(mri_log_open(options.os, mri_alloc_system(), MRI_STORY_FOLDER, NULL,
                         &intruder.log, &story->problem),
        MR_OK);
    assert_int_equal(mri_fold_init(&intruder.fold, &options, &story->problem), MR_OK);
    intruder.fold.bus.log = intruder.log;
    assert_int_equal(mri_batch_init(&intruder.batch, mri_alloc_system(), 4, 65536), MR_OK);
}

static void close_intruder(void)
{
    mri_batch_fini(&intruder.batch);
    mri_fold_fini(&intruder.fold);
    mr_log_close(intruder.log);
}

static void draft_signal(void)
{
    struct mri_bus *bus = &intruder.fold.bus;
    uint32_t symbol = (uint32_t)mri_prng_below(&intruder.prng, SYMBOLS);
    const struct mri_signal_generated fixed = {
        .event_time_unix_ns = bus->event_time_unix_ns,
        .confidence = 0.1 + 0.8 * mri_prng_uniform(&intruder.prng),
        .valid_for_ns = 5 * MRI_SCRIPT_MINUTE_NS,
        .symbol = symbol,
        .instrument = symbol,
        .side = mri_prng_below(&intruder.prng, 2) == 0 ? MR_LONG : MR_SHORT,
        .regime = MRI_REGIME_ABSENT,
    };
    const struct mri_draft draft = {.type = MRI_EVENT_SIGNAL_GENERATED,
        .fixed = &fixed,
        .texts = {[MRI_TEXT_signal_generated_source] = mri_slice_of("intruder"),
            [MRI_TEXT_signal_generated_name] = mri_slice_of("beside")}};
    assert_int_equal(mri_batch_add(&intruder.batch, &draft, intruder.batch.next_ordinal), MR_OK);
    intruder.emitted++;
}

/** Block a signal that waits, if there is one among the newest. */
static void draft_move(void)
{
    struct mri_bus *bus = &intruder.fold.bus;
    for (uint32_t i = 0; i < 8 && i < bus->slots.count; i++) {
        uint32_t ordinal = bus->slots.count - i;
        const struct mri_slot *slot = mri_slots_get(&bus->slots, ordinal);
        if (!mri_lifecycle_allows((mr_state)slot->state, MR_BLOCKED) ||
            slot->state == MR_EXECUTING || mri_claims_seq(&bus->claims, ordinal) != 0) {
            continue;
        }
        const struct mri_signal_moved fixed = {
            .signal = mri_batch_ref(&intruder.batch, slot->generated_seq),
            .from = slot->state,
            .to = MR_BLOCKED,
            .actor = MRI_ACTOR_EXTERNAL,
            .gate = MRI_GATE_EXTERNAL,
            .reason = MRI_REASON_EXTERNAL,
        };
        const struct mri_draft draft = {.type = MRI_EVENT_SIGNAL_MOVED, .fixed = &fixed};
        assert_int_equal(mri_batch_add(&intruder.batch, &draft, ordinal), MR_OK);
        intruder.moved++;
        return;
    }
}

/** Claim a signal that is free, move one that is claimed, or give it back. */
static void draft_claim(void)
{
    struct mri_bus *bus = &intruder.fold.bus;
    uint32_t back = (uint32_t)mri_prng_below(&intruder.prng, 8);
    if (back >= bus->slots.count) {
        return;
    }
    uint32_t ordinal = bus->slots.count - back;
    const struct mri_slot *slot = mri_slots_get(&bus->slots, ordinal);
    const struct mri_claim *claim = mri_claims_find(&bus->claims, ordinal);
    uint64_t claim_seq = mri_claims_seq(&bus->claims, ordinal);
    bool may_claim = claim_seq == 0 && (claim != NULL || slot->state == MR_GENERATED);
    mr_state next = slot->state == MR_GENERATED    ? MR_EVALUATING
                    : slot->state == MR_EVALUATING ? MR_APPROVED
                                                   : MR_BLOCKED;
    const struct mri_signal_claimed body = {
        .signal = mri_batch_ref(&intruder.batch, slot->generated_seq),
        .claim = claim_seq,
        .lease_ns = claim_seq == 0 ? 1 : 0,
        .act = claim_seq == 0 ? MRI_CLAIM_TAKEN : MRI_CLAIM_RELEASED,
        .from = slot->state,
        .next = (uint8_t)next,
    };
    const struct mri_signal_moved move = {
        .signal = mri_batch_ref(&intruder.batch, slot->generated_seq),
        .evidence = claim_seq,
        .from = slot->state,
        .to = (uint8_t)next,
        .actor = MRI_ACTOR_EXTERNAL,
        .gate = next == MR_BLOCKED ? MRI_GATE_EXTERNAL : MRI_GATE_NONE,
        .reason = MRI_REASON_EXTERNAL,
    };
    bool is_move = claim_seq != 0 && mri_prng_below(&intruder.prng, 2) == 0;
    const struct mri_draft draft = {
        .type = is_move ? MRI_EVENT_SIGNAL_MOVED : MRI_EVENT_SIGNAL_CLAIMED,
        .fixed = is_move ? (const void *)&move : &body,
        .texts = {is_move ? (struct mri_slice){0} : mri_slice_of("intruder")}};
    if (may_claim || claim_seq != 0) {
        assert_int_equal(mri_batch_add(&intruder.batch, &draft, ordinal), MR_OK);
        intruder.claimed += !is_move;
        intruder.moved += is_move;
    }
}

static void act(void)
{
    mr_err followed = mri_fold_follow(&intruder.fold, &intruder.story->problem);
    if (followed != MR_OK) {
        fail_msg("follow: %s: %s", mr_err_name(followed), intruder.story->problem.text);
    }
    assert_int_equal(intruder.fold.damage, MR_OK);
    mri_bus_begin(&intruder.fold.bus, &intruder.batch);
    if (intruder.is_claiming && mri_prng_below(&intruder.prng, 3) != 0) {
        draft_claim();
    } else if (intruder.is_moving && mri_prng_below(&intruder.prng, 2) == 0) {
        draft_move();
    } else {
        draft_signal();
    }
    if (intruder.batch.count > 0) {
        assert_int_equal(
            mri_bus_append(&intruder.fold.bus, &intruder.batch, MR_ASYNC, NULL, NULL), MR_OK);
    }
}

/** The clock is asked before the log's lock is taken: what comes now comes in between. */
static int64_t realtime_with_intruder(void *context)
{
    const struct mri_node *node = &intruder.story->node;
    bool is_deciding =
        node->outputs.count > 0 && node->outputs.base_seq == node->fold.bus.last_seq + 1;
    bool is_due = intruder.rate > 0 && !intruder.is_acting && (is_deciding || !intruder.is_once) &&
                  mri_prng_below(&intruder.prng, intruder.rate) == 0 &&
                  intruder.fold.bus.slots.count < SIGNALS_MAX;
    if (is_due) {
        intruder.is_acting = true;
        intruder.rate = intruder.is_once ? 0 : intruder.rate;
        uint64_t times = intruder.is_claiming ? 1 + mri_prng_below(&intruder.prng, 5) : 1;
        for (uint64_t i = 0; i < times; i++) {
            act();
        }
        intruder.is_acting = false;
    }
    return intruder.realtime_unix_ns(context);
}

static void script_market(struct mri_story *story, struct mri_prng *prng)
{
    int64_t price[SYMBOLS] = {MRI_STORY_PRICE, MRI_STORY_PRICE, MRI_STORY_PRICE};
    for (int64_t minute = 1; minute <= MINUTES; minute++) {
        for (uint32_t i = 0; i < SYMBOLS; i++) {
            price[i] += (int64_t)mri_prng_below(prng, 4001) - 2000;
            mri_script_add_close(&story->script, i, minute, price[i]);
        }
        if (minute % 10 == 3) {
            double confidence = mri_prng_uniform(prng) - 0.5;
            mri_script_add_signal(&story->script, 0, minute, "feed", confidence, 5);
        }
    }
}

static void check_log(struct mri_story *story)
{
    static struct mri_fold fold;
    const struct mri_fold_options options = mri_story_fold_options(story);
    assert_int_equal(mri_fold_init(&fold, &options, &story->problem), MR_OK);
    assert_int_equal(fold.damage, MR_OK);
    uint64_t found = 0;
    for (uint32_t ordinal = 1; ordinal <= fold.bus.slots.count; ordinal++) {
        const struct mri_slot *slot = mri_slots_get(&fold.bus.slots, ordinal);
        bool is_ours = mri_slice_is(mri_intern_text(&fold.bus.sources, slot->source), "intruder");
        found += is_ours;
        assert_int_not_equal(slot->state, MR_GENERATED); /* each was decided on, or moved */
    }
    assert_int_equal(found, intruder.emitted);
    mri_fold_fini(&fold);
}

/** How the intruder behaves. */
struct manner {
    unsigned rate;
    bool is_moving;
    bool is_once;
    bool is_claiming;
};

/** A story with an intruder; how often the node was overtaken, and its engines made anew. */
static void tell(uint64_t seed, const struct manner *manner, uint64_t ret_counts[2])
{
    struct mri_story *story = mri_story_begin(mri_plain_config, SYMBOLS);
    struct mri_prng prng;
    mri_prng_init(&prng, seed);
    story->config.log_snapshot_events = seed % 3 == 0 ? 200 : story->config.log_snapshot_events;
    script_market(story, &prng);
    mri_story_open(story);
    open_intruder(story, seed);
    intruder.is_moving = manner->is_moving;
    intruder.is_once = manner->is_once;
    intruder.is_claiming = manner->is_claiming;
    intruder.realtime_unix_ns = story->machine.table.realtime_unix_ns;
    story->machine.table.realtime_unix_ns = realtime_with_intruder;
    intruder.rate = manner->rate;
    mri_story_play(story);
    intruder.rate = 0;
    mri_story_end_feed(story);
    assert_int_equal(mri_node_take_foreign(&story->node), MR_OK);
    mri_story_end_feed(story); /* what has returned since expires */
    assert_int_equal(story->node.fold.bus.claims.open_count, 0);
    ret_counts[0] += story->node.overtaken;
    ret_counts[1] += story->node.refolds;
    mri_story_close(story);
    close_intruder();
    check_log(story);
    if (!manner->is_moving) {
        mri_lives_check(story);
    }
    mri_story_check_replay(story);
    story->machine.table.realtime_unix_ns = intruder.realtime_unix_ns;
    mri_story_end(story);
}

static void signals_that_come_while_it_decides_are_decided_in_their_turn(void **state)
{
    (void)state;
    static const unsigned rates[] = {2, 5, 50, 150};
    uint64_t counts[2] = {0, 0};
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        const struct manner manner = {.rate = rates[seed % MRI_COUNT_OF(rates)]};
        tell(seed, &manner, counts);
    }
    assert_true(counts[0] > SEEDS); /* else the test has not seen what it is for */
}

static void engines_that_were_not_saved_are_made_anew(void **state)
{
    (void)state;
    uint64_t counts[2] = {0, 0};
    for (uint64_t seed = 201; seed <= 200 + SEEDS; seed++) {
        const struct manner manner = {.rate = 60, .is_once = true};
        tell(seed, &manner, counts);
    }
    assert_int_equal(counts[0], counts[1]); /* nobody had appended before */
    assert_true(counts[1] > 0);
}

static void moves_that_come_while_it_decides_win_or_lose_whole(void **state)
{
    (void)state;
    static const unsigned rates[] = {2, 7, 40};
    uint64_t counts[2] = {0, 0};
    for (uint64_t seed = 101; seed <= 100 + SEEDS; seed++) {
        const struct manner manner = {.rate = rates[seed % MRI_COUNT_OF(rates)], .is_moving = true};
        tell(seed, &manner, counts);
    }
    assert_true(counts[0] > SEEDS);
}

static void claims_that_come_while_it_decides_win_and_return(void **state)
{
    (void)state;
    static const unsigned rates[] = {2, 5, 20};
    uint64_t counts[2] = {0, 0};
    uint64_t claimed = 0;
    uint64_t moved = 0;
    for (uint64_t seed = 301; seed <= 300 + SEEDS; seed++) {
        const struct manner manner = {
            .rate = rates[seed % MRI_COUNT_OF(rates)], .is_moving = true, .is_claiming = true};
        tell(seed, &manner, counts);
        claimed += intruder.claimed;
        moved += intruder.moved;
    }
    assert_true(counts[0] > SEEDS && claimed > 100 && moved > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signals_that_come_while_it_decides_are_decided_in_their_turn),
        cmocka_unit_test(engines_that_were_not_saved_are_made_anew),
        cmocka_unit_test(claims_that_come_while_it_decides_win_and_return),
        cmocka_unit_test(moves_that_come_while_it_decides_win_or_lose_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
