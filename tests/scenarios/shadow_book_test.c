/* SPDX-License-Identifier: MIT */
/*
 * The shadow book in the whole pipeline: twins earn what their trades earn, every signal that was
 * decided on has its shadow, and a run that was killed or goes on from a snapshot has the same.
 */
#include <stdlib.h>

#include "base/check.h"
#include "base/prng.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/lives.h"
#include "tests/lib/plain_config.h"

enum {
    PRICE = MRI_STORY_PRICE,
    MINUTES = 1500,
    SYMBOLS = 3,
    PRICED = 2, /* symbol 2 has signals and no price */
    WAVE = 40,
    SIGNALS_MAX = 20000
};

/** Waves with noise on two symbols; oracle and bot are wrong often enough to be blocked. */
static struct mri_story *random_story(uint64_t seed)
{
    struct mri_story *story = mri_story_begin(mri_plain_config, SYMBOLS);
    struct mri_prng prng;
    int64_t prices[PRICED] = {PRICE, PRICE / 3};
    mri_prng_init(&prng, seed);
    mri_story_make_brisk(story);
    story->config.gates_coverage_min = 0.0;
    for (int64_t minute = 1; minute <= MINUTES; minute++) {
        bool is_up = minute / WAVE % 2 == 0;
        for (uint32_t i = 0; i < PRICED; i++) {
            int64_t unit = prices[i] / 2000;
            int64_t noise = (int64_t)mri_prng_below(&prng, (uint64_t)(4 * unit)) - 2 * unit;
            prices[i] += (is_up == (i != 1) ? unit : -unit) + noise;
            mri_script_add_close(&story->script, i, minute, prices[i]);
        }
        for (uint32_t i = 0; i < PRICED && minute % 5 == 0; i++) {
            bool is_long = (is_up == (i != 1)) == (mri_prng_below(&prng, 5) != 0);
            mri_script_add_signal(&story->script, i, minute, "oracle", is_long ? 0.9 : -0.9, 2);
        }
        if (minute % 50 == 0) {
            mri_script_add_signal(&story->script, 2, minute, "bot", 0.5, 2);
        }
    }
    return story;
}

/** What the log says of a signal. */
struct life {
    bool is_blocked;
    uint8_t gate;
    unsigned closed;
    unsigned unresolved;
    unsigned trades;
    struct mri_shadow_closed end;
    struct mri_position_opened position;
    struct mri_position_closed trade;
};

static struct life *lives;

static void visit(void *context, const struct mri_event *event)
{
    (void)context;
    assert_true(event->ordinal < SIGNALS_MAX);
    struct life *life = &lives[event->ordinal];
    const struct mri_signal_moved *move = event->body;
    switch (event->type) {
    case MRI_EVENT_SIGNAL_MOVED:
        if (move->to == MR_BLOCKED || move->to == MR_EXPIRED) {
            life->is_blocked = true;
            life->gate = move->gate;
        }
        break;
    case MRI_EVENT_SHADOW_CLOSED:
        life->end = *(const struct mri_shadow_closed *)event->body;
        life->closed++;
        life->unresolved += life->end.exit_price == 0;
        break;
    case MRI_EVENT_POSITION_OPENED:
        life->position = *(const struct mri_position_opened *)event->body;
        break;
    case MRI_EVENT_POSITION_CLOSED:
        life->trades++;
        life->trade = *(const struct mri_position_closed *)event->body;
        break;
    default:
        break;
    }
}

static void read_lives(struct mri_story *story)
{
    free(lives);
    lives = calloc(SIGNALS_MAX, sizeof(*lives));
    MRI_ASSERT(lives != NULL);
    mri_story_walk(story, &(struct mri_story_walker){.context = NULL, .visit = visit});
}

static void check_twin(const struct life *life)
{
    assert_int_equal(life->end.gate, MRI_GATE_NONE);
    assert_int_equal(life->end.entry_price, life->position.price);
    assert_int_equal(life->end.entry_time_unix_ns, life->position.event_time_unix_ns);
    assert_int_equal(life->end.quantity, life->position.quantity);
    assert_int_equal(life->end.stop_price, life->position.stop_price);
    assert_int_equal(life->end.target_price, life->position.target_price);
    assert_int_equal(life->end.slippage_e8, life->trade.slippage_e8);
    assert_int_equal(life->end.exit_price, life->trade.exit_price);
    assert_int_equal(life->end.event_time_unix_ns, life->trade.event_time_unix_ns);
    assert_int_equal(life->end.reason, life->trade.reason);
    assert_int_equal(life->end.gross_e8, life->trade.gross_e8);
    assert_int_equal(life->end.fee_e8, life->trade.fee_e8);
    assert_int_equal(life->end.net_e8, life->trade.net_e8);
}

static void every_signal_has_its_shadow_and_every_trade_its_twin(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 2; seed++) {
        struct mri_story *story = random_story(seed);
        mri_story_open(story);
        mri_story_play(story);
        const struct mri_ledger ledger = story->node.fold.wiring.execute.ledger;
        const struct mri_report report = story->node.fold.wiring.report;
        uint32_t signals = story->node.fold.bus.slots.count;
        uint32_t in_book = story->node.fold.wiring.shadows.book.places.count;
        uint64_t unpriced = story->node.fold.wiring.shadows.book.unpriced;
        unsigned ended = 0;
        unsigned trades = 0;
        int64_t twins_e8 = 0;
        read_lives(story);
        for (uint32_t ordinal = 1; ordinal <= signals; ordinal++) {
            const struct life *life = &lives[ordinal];
            assert_true(life->closed <= 1 && life->trades <= 1);
            ended += life->closed;
            assert_int_equal(life->unresolved, 0);
            if (life->closed > 0 && life->is_blocked) {
                assert_int_equal(life->end.gate, life->gate);
            }
            if (life->trades > 0) {
                assert_int_equal(life->closed, 1);
                check_twin(life);
                twins_e8 += life->end.net_e8;
                trades++;
            }
        }
        print_message("seed %llu: %u signals, %u shadows ended, %llu unpriced, %u trades\n",
            (unsigned long long)seed, signals, ended, (unsigned long long)unpriced, trades);
        assert_int_equal(ended + in_book + unpriced, signals); /* none is lost */
        assert_int_equal(unpriced, MINUTES / 50);              /* those of the bot */
        assert_true(trades > 20 && ended > 5 * trades);
        assert_int_equal(twins_e8, ledger.net_e8);
        assert_int_equal(
            report.shadows[MRI_GATE_NONE].missed_e8 - report.shadows[MRI_GATE_NONE].saved_e8,
            ledger.net_e8);
        mri_story_end_feed(story);
        mri_story_close(story);
        mri_lives_check(story);
        mri_story_check_replay(story);
        mri_story_end(story);
    }
    free(lives);
    lives = NULL;
}

/** Warm up, then play flat bars and two jumps, with the oracle speaking at `first`. */
static struct mri_story *jump_story(bool is_blocked, int64_t jump, uint32_t *ret_ordinal)
{
    struct mri_story *story = mri_story_begin(mri_plain_config, 1);
    int64_t minute = MRI_STORY_WARM_MINUTES;
    if (is_blocked) {
        story->config.gates_exposure_max = 1.0; /* room for no order that a venue takes */
    }
    mri_story_warm(story);
    int64_t price = mri_market_symbol(&story->node.fold.wiring.market, 0)->candle.close;
    uint32_t ordinal = 0;
    for (unsigned i = 0; i < 2; i++) { /* even and odd: long and short */
        mri_script_add_close(&story->script, 0, ++minute, price);
        mri_script_add_signal(&story->script, 0, minute, "oracle", minute % 2 == 0 ? 0.9 : -0.9, 1);
        mri_story_play(story);
        uint32_t newest = mri_story_newest_of(story, "oracle");
        struct mri_row_gate_number number;
        struct mri_row_gate_code code;
        assert_true(mri_story_gate(story, newest, MRI_GATE_EXPECTED_VALUE, &number, &code));
        if (ordinal == 0 && code.verdict == MRI_VERDICT_PASS) {
            ordinal = newest;
        }
    }
    for (unsigned i = 0; i < 40; i++) {
        price += i == 3 ? jump : 0;
        mri_script_add_close(&story->script, 0, ++minute, price);
    }
    mri_story_play(story);
    assert_int_not_equal(ordinal, 0);
    *ret_ordinal = ordinal;
    return story;
}

static void what_is_blocked_earns_what_the_same_trade_earns(void **state)
{
    (void)state;
    static const int64_t jumps[] = {PRICE / 10, -PRICE / 10, 0};
    unsigned won = 0;
    unsigned lost = 0;
    for (unsigned i = 0; i < MRI_COUNT_OF(jumps); i++) {
        uint32_t traded;
        uint32_t blocked;
        struct mri_story *story = jump_story(false, jumps[i], &traded);
        read_lives(story);
        const struct life trade = lives[traded];
        mri_story_end(story);
        story = jump_story(true, jumps[i], &blocked);
        read_lives(story);
        const struct life *shadow = &lives[blocked];
        assert_int_equal(traded, blocked);
        assert_int_equal(trade.trades, 1);
        assert_int_equal(shadow->trades, 0);
        assert_int_equal(shadow->end.gate, MRI_GATE_SIZE);
        assert_int_equal(shadow->end.quantity, trade.position.quantity);
        assert_int_equal(shadow->end.exit_price, trade.trade.exit_price);
        assert_int_equal(shadow->end.reason, trade.trade.reason);
        assert_int_equal(shadow->end.gross_e8, trade.trade.gross_e8);
        assert_int_equal(shadow->end.fee_e8, trade.trade.fee_e8);
        assert_int_equal(shadow->end.net_e8, trade.trade.net_e8);
        won += shadow->end.net_e8 > 0;
        lost += shadow->end.net_e8 < 0;
        mri_story_check_replay(story);
        mri_story_end(story);
    }
    assert_true(won > 0 && lost > 0);
    free(lives);
    lives = NULL;
}

static void the_book_goes_on_from_a_snapshot_as_from_the_log(void **state)
{
    (void)state;
    struct mri_story *story = random_story(3);
    char whole[MRI_DIGEST_TEXT_BYTES];
    char resumed[MRI_DIGEST_TEXT_BYTES];
    mri_story_open(story);
    mri_story_play(story);
    mri_story_end_feed(story);
    mri_story_close(story);
    (void)mri_story_digest(story, whole);
    mri_story_end(story);

    story = random_story(3);
    story->config.log_snapshot_events = 3000;
    mri_story_open(story);
    for (uint64_t i = 0; i < MINUTES - 100; i++) {
        assert_int_equal(mri_intake_step(&story->intake, &story->problem), MR_OK);
        assert_int_equal(mri_node_snapshot_if_due(&story->node), MR_OK);
    }
    assert_true(story->node.fold.wiring.shadows.book.counts[MRI_SHADOW_OPEN] > 0);
    mri_story_kill(story);
    assert_int_not_equal(mri_story_check_snapshot(story), 0);
    mri_story_open(story);
    mri_story_play(story);
    mri_story_end_feed(story);
    mri_story_close(story);
    assert_string_equal(mri_story_digest(story, resumed), whole);
    mri_story_check_replay(story);
    mri_story_end(story);
}

/** Decisions do not depend on the book: without it the log is the same, less its events. */
static void switched_off_nothing_else_changes(void **state)
{
    (void)state;
    struct mri_story *with = random_story(4);
    struct mri_story *without = random_story(4);
    without->config.shadow_enabled = MRI_CHOICE_SWITCH_FALSE;
    struct mri_story *const stories[] = {with, without};
    for (unsigned i = 0; i < MRI_COUNT_OF(stories); i++) {
        mri_story_open(stories[i]);
        mri_story_play(stories[i]);
    }
    const struct mri_report *a = &with->node.fold.wiring.report;
    const struct mri_report *b = &without->node.fold.wiring.report;
    uint64_t shadows = mri_story_count(with, MRI_EVENT_SHADOW_CLOSED, 0);
    assert_true(shadows > 100);
    assert_int_equal(mri_story_count(without, MRI_EVENT_SHADOW_CLOSED, 0), 0);
    assert_int_equal(a->events, b->events + shadows);
    assert_int_equal(a->approved, b->approved);
    assert_memory_equal(a->blocked_by_gate, b->blocked_by_gate, sizeof(a->blocked_by_gate));
    assert_memory_equal(&with->node.fold.wiring.execute.ledger,
        &without->node.fold.wiring.execute.ledger, sizeof(struct mri_ledger));
    mri_story_close(without);
    mri_story_check_replay(without);
    mri_story_end(with);
    mri_story_end(without);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_signal_has_its_shadow_and_every_trade_its_twin),
        cmocka_unit_test(what_is_blocked_earns_what_the_same_trade_earns),
        cmocka_unit_test(the_book_goes_on_from_a_snapshot_as_from_the_log),
        cmocka_unit_test(switched_off_nothing_else_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
