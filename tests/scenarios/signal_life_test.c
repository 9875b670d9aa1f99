/* SPDX-License-Identifier: MIT */
/*
 * One signal from its emission to what was learned from it: traded, blocked, expired.
 */
#include "tests/lib/cmocka_all.h"
#include "tests/lib/lives.h"
#include "tests/lib/plain_config.h"

enum { PRICE = MRI_STORY_PRICE, HOUR = 61 };

static struct mri_story *warm_story(void)
{
    struct mri_story *story = mri_story_begin(mri_plain_config, 2);
    mri_story_warm(story);
    return story;
}

/** Go on at one price until every signal so far has its last outcome; then end the feed. */
static void finish(struct mri_story *story, int64_t minute, int64_t price)
{
    for (int64_t i = 1; i <= HOUR; i++) {
        mri_script_add_close(&story->script, 0, minute + i, price);
    }
    mri_story_play(story);
    mri_story_end_feed(story);
}

/** A traded signal, its position open. */
struct trade {
    struct mri_story *story;
    uint32_t ordinal;
    int64_t minute; /**< of the bar that filled it */
    struct mri_position position;
};

static struct trade open_trade(void)
{
    struct trade trade = {.story = warm_story(), .minute = MRI_STORY_WARM_MINUTES};
    struct mri_story *story = trade.story;
    trade.ordinal = mri_story_trade(story, &trade.minute);
    assert_int_equal(mri_story_slot(story, trade.ordinal)->state, MR_EXECUTING);
    mri_script_add_close(&story->script, 0, ++trade.minute, PRICE);
    mri_story_play(story);
    trade.position = story->node.fold.wiring.execute.positions[0];
    assert_int_equal(trade.position.ordinal, trade.ordinal);
    assert_true(trade.position.is_open);
    assert_int_equal(mri_story_slot(story, trade.ordinal)->state, MR_EXECUTED);
    return trade;
}

/** End a trade; its life must be whole, and its position closed for this reason. */
static void close_trade(struct trade *trade, enum mri_reason reason, struct mri_life *ret_life)
{
    struct mri_lives lives;
    finish(trade->story, trade->minute, PRICE);
    mri_story_close(trade->story);
    mri_lives_read(&lives, trade->story);
    mri_lives_check_ended(&lives);
    *ret_life = *mri_lives_get(&lives, trade->ordinal);
    mri_lives_fini(&lives);
    assert_int_not_equal(ret_life->closed_seq, 0);
    assert_int_equal(ret_life->exit_reason, reason);
    mri_story_check_replay(trade->story);
}

static void a_traded_signal_has_its_intent_before_its_order_and_its_order_before_its_fill(
    void **state)
{
    (void)state;
    struct trade trade = open_trade();
    struct mri_life life;
    close_trade(&trade, MRI_REASON_TIME, &life);
    const uint64_t in_order[] = {life.state_seqs[MR_GENERATED], life.state_seqs[MR_EVALUATING],
        life.decision_seq, life.state_seqs[MR_APPROVED], life.intent_seqs[MRI_LEG_ENTRY],
        life.state_seqs[MR_EXECUTING], life.sent_seqs[MRI_LEG_ENTRY],
        life.ended_seqs[MRI_LEG_ENTRY], life.opened_seq, life.state_seqs[MR_EXECUTED],
        life.intent_seqs[MRI_LEG_STOP], life.intent_seqs[MRI_LEG_TARGET]};
    for (size_t i = 1; i < MRI_COUNT_OF(in_order); i++) {
        assert_true(in_order[i - 1] < in_order[i]);
    }
    assert_true(life.view_seq < life.state_seqs[MR_EVALUATING]);
    assert_true(life.state_seqs[MR_EXECUTED] < life.state_seqs[MR_LEARNED]);
    assert_int_equal(life.state_seqs[MR_BLOCKED], 0);
    assert_int_equal(life.state_seqs[MR_EXPIRED], 0);
    mri_story_end(trade.story);
}

static void a_position_is_closed_by_its_stop_at_the_stop(void **state)
{
    (void)state;
    struct trade trade = open_trade();
    bool is_long = trade.position.side == MR_LONG;
    int64_t stop = trade.position.stop_price;
    int64_t beyond = is_long ? stop - 100 : stop + 100;
    struct mri_life life;
    mri_script_add_bar(&trade.story->script, 0, ++trade.minute,
        &(struct mri_script_bar){.open = PRICE,
            .high = is_long ? PRICE : beyond,
            .low = is_long ? beyond : PRICE,
            .close = PRICE});
    close_trade(&trade, MRI_REASON_STOP, &life);
    int64_t cost = (stop * 2 + 9999) / 10000; /* half a spread and slippage: 2 bps, on the tick */
    int64_t expected = is_long ? stop - cost : stop + cost;
    assert_in_range(life.exit_price - expected + 1, 0, 2);
    assert_true(is_long ? life.exit_price < stop : life.exit_price > stop);
    assert_true(life.net_e8 < 0);
    mri_story_end(trade.story);
}

static void a_position_is_closed_by_its_target_at_the_target(void **state)
{
    (void)state;
    struct trade trade = open_trade();
    bool is_long = trade.position.side == MR_LONG;
    int64_t target = trade.position.target_price;
    int64_t beyond = is_long ? target + 100 : target - 100;
    struct mri_life life;
    mri_script_add_bar(&trade.story->script, 0, ++trade.minute,
        &(struct mri_script_bar){.open = PRICE,
            .high = is_long ? beyond : PRICE,
            .low = is_long ? PRICE : beyond,
            .close = PRICE});
    close_trade(&trade, MRI_REASON_TARGET, &life);
    assert_int_equal(life.exit_price, target);
    assert_true(life.net_e8 > 0);
    mri_story_end(trade.story);
}

static void a_bar_that_reaches_stop_and_target_closes_by_the_stop(void **state)
{
    (void)state;
    struct trade trade = open_trade();
    bool is_long = trade.position.side == MR_LONG;
    int64_t stop = trade.position.stop_price;
    int64_t target = trade.position.target_price;
    struct mri_life life;
    mri_script_add_bar(&trade.story->script, 0, ++trade.minute,
        &(struct mri_script_bar){.open = PRICE,
            .high = (is_long ? target : stop) + 100,
            .low = (is_long ? stop : target) - 100,
            .close = PRICE});
    close_trade(&trade, MRI_REASON_STOP, &life);
    mri_story_end(trade.story);
}

static void a_gap_beyond_the_stop_fills_at_the_open(void **state)
{
    (void)state;
    struct trade trade = open_trade();
    bool is_long = trade.position.side == MR_LONG;
    int64_t open = trade.position.stop_price + (is_long ? -5000 : 5000);
    struct mri_event event;
    struct mri_life life;
    mri_script_add_bar(&trade.story->script, 0, ++trade.minute,
        &(struct mri_script_bar){.open = open,
            .high = is_long ? PRICE : open,
            .low = is_long ? open : PRICE,
            .close = PRICE});
    close_trade(&trade, MRI_REASON_STOP, &life);
    const struct mri_story_query query = {
        .type = MRI_EVENT_ORDER_FILLED, .ordinal = trade.ordinal, .after_seq = life.opened_seq};
    assert_true(mri_story_find(trade.story, &query, &event));
    assert_int_equal(((const struct mri_order_filled *)event.body)->reference_price, open);
    mri_story_end(trade.story);
}

static void a_position_is_closed_when_its_time_is_over_at_the_next_open(void **state)
{
    (void)state;
    struct trade trade = open_trade();
    struct mri_life life;
    struct mri_event event;
    close_trade(&trade, MRI_REASON_TIME, &life);
    const struct mri_story_query query = {
        .type = MRI_EVENT_POSITION_CLOSED, .ordinal = trade.ordinal};
    assert_true(mri_story_find(trade.story, &query, &event));
    assert_int_equal(((const struct mri_position_closed *)event.body)->event_time_unix_ns,
        trade.position
            .exit_time_unix_ns); /* half an hour to the minute: an open is a close before */
    mri_story_end(trade.story);
}

/* ---- every gate ------------------------------------------------------------------------------ */

/** One signal on symbol 0 at the end of the warm time, and what came of it. */
static void check_blocked(struct mri_story *story, uint32_t ordinal, enum mri_gate gate,
    enum mri_reason reason, int64_t minute)
{
    struct mri_lives lives;
    struct mri_row_gate_number number;
    struct mri_row_gate_code code;
    assert_true(mri_story_gate(story, ordinal, gate, &number, &code));
    assert_int_equal(code.verdict, MRI_VERDICT_BLOCK);
    assert_int_equal(code.reason, reason);
    assert_int_equal(mri_story_slot(story, ordinal)->state, MR_BLOCKED);
    finish(story, minute, PRICE);
    mri_story_close(story);
    mri_lives_read(&lives, story);
    mri_lives_check_ended(&lives);
    const struct mri_life *life = mri_lives_get(&lives, ordinal);
    assert_int_equal(life->gate, gate);
    assert_int_equal(life->reason, reason);
    assert_int_equal(life->intent_seqs[MRI_LEG_ENTRY], 0);
    for (unsigned horizon = 0; horizon < MR_HORIZON_COUNT; horizon++) {
        assert_int_equal(life->statuses[horizon], MRI_OUTCOME_RESOLVED); /* counterfactual */
    }
    mri_lives_fini(&lives);
    mri_story_check_replay(story);
}

/** Settings in force after the warm time. */
static struct mri_story *reopened(struct mri_story *story)
{
    mri_story_close(story);
    mri_story_open(story);
    return story;
}

/** A bar and a signal of a source at the next minute. */
static uint32_t say(struct mri_story *story, int64_t *minute, const char *source, double confidence)
{
    ++*minute;
    mri_script_add_close(&story->script, 0, *minute, PRICE);
    mri_script_add_signal(&story->script, 0, *minute, source, confidence, 1);
    mri_story_play(story);
    uint32_t ordinal = mri_story_newest_of(story, source);
    assert_int_not_equal(ordinal, 0);
    return ordinal;
}

static void coverage_blocks_and_the_signal_is_learned(void **state)
{
    (void)state;
    struct mri_story *story = warm_story();
    int64_t minute = MRI_STORY_WARM_MINUTES;
    story->config.gates_coverage_min = 1.0; /* a source counts as ready only with its input */
    reopened(story);
    mri_script_add_close(&story->script, 1, ++minute, PRICE); /* this symbol has no history */
    mri_script_add_signal(&story->script, 1, minute, "oracle", 0.9, 1);
    mri_story_play(story);
    uint32_t ordinal = mri_story_newest_of(story, "oracle");
    for (int64_t i = 1; i <= HOUR; i++) {
        mri_script_add_close(&story->script, 1, minute + i, PRICE);
    }
    check_blocked(story, ordinal, MRI_GATE_COVERAGE, MRI_REASON_COVERAGE_LOW, minute + HOUR);
    mri_story_end(story);
}

static void expected_value_below_cost_blocks_and_the_signal_is_learned(void **state)
{
    (void)state;
    struct mri_story *story = warm_story();
    int64_t minute = MRI_STORY_WARM_MINUTES;
    story->config.venue_fee = 100.0;
    story->config.venue_half_spread = 100.0;
    story->config.venue_slippage = 100.0;
    reopened(story);
    uint32_t ordinal = say(story, &minute, "oracle", 0.9);
    check_blocked(story, ordinal, MRI_GATE_EXPECTED_VALUE, MRI_REASON_EV_BELOW_COST, minute);
    mri_story_end(story);
}

static void a_signal_against_the_expected_value_is_blocked_as_such(void **state)
{
    (void)state;
    struct mri_story *story = warm_story();
    int64_t minute = MRI_STORY_WARM_MINUTES;
    uint32_t traded = mri_story_trade(story, &minute);
    mr_side side = (mr_side)mri_story_slot(story, traded)->side;
    bool is_found = false;
    for (unsigned i = 0; i < 10 && !is_found; i++) {
        struct mri_row_gate_number number;
        struct mri_row_gate_code code;
        uint32_t ordinal = say(story, &minute, "fool", side == MR_LONG ? -0.1 : 0.1);
        assert_true(mri_story_gate(story, ordinal, MRI_GATE_EXPECTED_VALUE, &number, &code));
        is_found = code.reason == MRI_REASON_EV_OPPOSES_SIDE;
        assert_int_not_equal(code.verdict, MRI_VERDICT_PASS);
    }
    assert_true(is_found);
    finish(story, minute, PRICE);
    mri_story_close(story);
    mri_lives_check(story);
    mri_story_end(story);
}

static void the_size_below_the_minimum_blocks_and_the_signal_is_learned(void **state)
{
    (void)state;
    struct mri_story *story = mri_story_begin(mri_plain_config, 1);
    int64_t minute = MRI_STORY_WARM_MINUTES;
    story->config.execute_equity = 1.0;
    mri_story_warm(story);
    uint32_t ordinal = 0;
    for (unsigned i = 0; i < 30 && ordinal == 0; i++) {
        uint32_t said = say(story, &minute, "oracle", i % 2 == 0 ? 0.9 : -0.9);
        struct mri_row_gate_number number;
        struct mri_row_gate_code code;
        ordinal = mri_story_gate(story, said, MRI_GATE_SIZE, &number, &code) ? said : 0;
        if (ordinal != 0) {
            assert_true(number.value < number.threshold);
        }
    }
    check_blocked(story, ordinal, MRI_GATE_SIZE, MRI_REASON_SIZE_BELOW_MINIMUM, minute);
    mri_story_end(story);
}

static void an_open_position_blocks_the_next_signal_of_its_symbol(void **state)
{
    (void)state;
    struct trade trade = open_trade();
    bool is_found = false;
    for (unsigned i = 0; i < 20 && !is_found; i++) {
        struct mri_row_gate_number number;
        struct mri_row_gate_code code;
        uint32_t ordinal = say(trade.story, &trade.minute, "oracle", i % 2 == 0 ? 0.9 : -0.9);
        assert_true(mri_story_gate(trade.story, ordinal, MRI_GATE_POSITION_LIMIT, &number, &code));
        is_found = code.verdict == MRI_VERDICT_BLOCK;
        assert_true(is_found ||
                    trade.story->node.fold.wiring.execute.positions[0].ordinal != trade.ordinal);
        assert_int_equal(code.reason, MRI_REASON_SYMBOL_HAS_POSITION);
    }
    assert_true(is_found);
    mri_story_end(trade.story);
}

static void a_second_approval_on_the_same_side_waits_for_the_cooldown(void **state)
{
    (void)state;
    struct trade trade = open_trade();
    struct mri_row_gate_number number;
    struct mri_row_gate_code code;
    double confidence = trade.position.side == MR_LONG ? 0.9 : -0.9;
    uint32_t ordinal = say(trade.story, &trade.minute, "oracle", confidence);
    assert_true(mri_story_gate(trade.story, ordinal, MRI_GATE_COOLDOWN, &number, &code));
    assert_true(number.threshold == 300.0);
    assert_true(number.value == 120.0); /* the bar of the fill, and this one */
    check_blocked(trade.story, ordinal, MRI_GATE_COOLDOWN, MRI_REASON_COOLDOWN, trade.minute);
    mri_story_end(trade.story);
}

static void an_old_price_blocks_and_the_signal_is_learned(void **state)
{
    (void)state;
    struct mri_story *story = warm_story();
    int64_t minute = MRI_STORY_WARM_MINUTES + 3; /* no bar of symbol 0 for three minutes */
    struct mri_row_gate_number number;
    struct mri_row_gate_code code;
    mri_script_add_signal(&story->script, 0, minute, "oracle", 0.9, 1);
    mri_story_play(story);
    uint32_t ordinal = mri_story_newest_of(story, "oracle");
    assert_true(mri_story_gate(story, ordinal, MRI_GATE_STALE, &number, &code));
    assert_true(number.value == 180.0);
    assert_int_equal(code.reason, MRI_REASON_STALE_PRICE);
    assert_int_equal(mri_story_slot(story, ordinal)->state, MR_BLOCKED);
    finish(story, minute, PRICE);
    mri_story_close(story);
    mri_lives_check(story);
    mri_story_check_replay(story);
    mri_story_end(story);
}

static void an_old_signal_blocks_and_is_learned(void **state)
{
    (void)state;
    struct mri_story *story = warm_story();
    struct mri_row_gate_number number;
    struct mri_row_gate_code code;
    int64_t minute = MRI_STORY_WARM_MINUTES;
    /* Symbol 1 has no price yet: its signal waits, and the price comes too late. */
    mri_script_add_signal(&story->script, 1, minute + 1, "oracle", 0.9, 10);
    mri_script_add_close(&story->script, 1, minute + 4, PRICE);
    mri_story_play(story);
    uint32_t ordinal = mri_story_newest_of(story, "oracle");
    assert_true(mri_story_gate(story, ordinal, MRI_GATE_STALE, &number, &code));
    assert_true(number.value == 180.0);
    assert_int_equal(code.reason, MRI_REASON_STALE_SIGNAL);
    finish(story, minute + 4, PRICE);
    mri_story_close(story);
    mri_lives_check(story);
    mri_story_check_replay(story);
    mri_story_end(story);
}

static void of_the_signals_of_one_view_only_the_strongest_is_approved(void **state)
{
    (void)state;
    struct mri_story *story = mri_story_begin(mri_plain_config, 1);
    struct mri_lives lives;
    unsigned duplicates = 0;
    story->config.gates_cooldown = 0;
    mri_story_warm(story);
    finish(story, MRI_STORY_WARM_MINUTES, PRICE);
    mri_story_close(story);
    mri_lives_read(&lives, story);
    mri_lives_check_ended(&lives);
    for (uint32_t ordinal = 1; ordinal <= lives.count; ordinal++) {
        const struct mri_life *life = &lives.items[ordinal];
        if (life->gate != MRI_GATE_VIEW_DUPLICATE) {
            continue;
        }
        unsigned others = 0; /* of its view, that were not blocked as its duplicates */
        for (uint32_t other = 1; other <= lives.count; other++) {
            bool is_rival = lives.items[other].view_seq == life->view_seq &&
                            lives.items[other].gate != MRI_GATE_VIEW_DUPLICATE;
            others += is_rival && (lives.items[other].state_seqs[MR_APPROVED] != 0 ||
                                      lives.items[other].gate == MRI_GATE_SIZE);
        }
        assert_int_equal(others, 1);
        duplicates++;
    }
    assert_true(duplicates > 0);
    mri_lives_fini(&lives);
    mri_story_end(story);
}

/* ---- expiry and ends ------------------------------------------------------------------------- */

static void a_signal_that_nobody_could_decide_on_expires_and_is_learned(void **state)
{
    (void)state;
    struct mri_story *story = warm_story();
    struct mri_lives lives;
    int64_t minute = MRI_STORY_WARM_MINUTES;
    mri_script_add_signal(&story->script, 1, ++minute, "oracle", 0.9, 5); /* has no price */
    for (int64_t i = 0; i < 5; i++) {
        mri_script_add_close(&story->script, 0, ++minute, PRICE);
    }
    mri_story_play(story);
    uint32_t ordinal = mri_story_newest_of(story, "oracle");
    assert_int_equal(mri_story_slot(story, ordinal)->state, MR_GENERATED); /* to the last second */
    mri_script_add_close(&story->script, 0, ++minute, PRICE);
    mri_story_play(story);
    assert_int_equal(mri_story_slot(story, ordinal)->state, MR_EXPIRED);
    finish(story, minute, PRICE);
    mri_story_close(story);
    mri_lives_read(&lives, story);
    mri_lives_check_ended(&lives);
    const struct mri_life *life = mri_lives_get(&lives, ordinal);
    assert_int_equal(life->gate, MRI_GATE_EXPIRY);
    assert_int_equal(life->reason, MRI_REASON_VALID_FOR_ELAPSED);
    assert_int_equal(life->decision_seq, 0);
    for (unsigned horizon = 0; horizon < MR_HORIZON_COUNT; horizon++) {
        assert_int_equal(life->statuses[horizon], MRI_OUTCOME_UNRESOLVED);
        assert_int_equal(life->outcome_reasons[horizon], MRI_REASON_NO_PRICE_SOURCE);
    }
    mri_lives_fini(&lives);
    mri_story_check_replay(story);
    mri_story_end(story);
}

/** Is a signal learned before the feedback about its own step view? */
struct lessons {
    uint64_t view_seq;
    unsigned count; /**< feedbacks about the view so far */
    uint32_t ordinal;
    unsigned at_learned; /**< when the signal was moved to learned */
};

static void count_lessons(void *context, const struct mri_event *event)
{
    struct lessons *lessons = context;
    if (event->type == MRI_EVENT_FEEDBACK) {
        const struct mri_feedback *feedback = event->body;
        lessons->count += mri_ref_seq(feedback->view, event->seq) == lessons->view_seq;
    }
    bool is_learned = event->type == MRI_EVENT_SIGNAL_MOVED && event->ordinal == lessons->ordinal &&
                      ((const struct mri_signal_moved *)event->body)->to == MR_LEARNED;
    if (is_learned) {
        lessons->at_learned = lessons->count;
    }
}

static void a_signal_is_learned_only_after_the_lessons_of_its_step_view(void **state)
{
    (void)state;
    struct mri_story *story = warm_story();
    struct mri_lives lives;
    unsigned checked = 0;
    finish(story, MRI_STORY_WARM_MINUTES, PRICE);
    mri_story_close(story);
    mri_lives_read(&lives, story);
    mri_lives_check_ended(&lives);
    for (uint32_t ordinal = 1; ordinal <= lives.count; ordinal++) {
        struct lessons lessons = {.view_seq = lives.items[ordinal].view_seq, .ordinal = ordinal};
        mri_story_walk(
            story, &(struct mri_story_walker){.context = &lessons, .visit = count_lessons});
        assert_true(lessons.count == 0 || lessons.count == MR_HORIZON_COUNT);
        assert_int_equal(lessons.at_learned, lessons.count);
        checked += lessons.count > 0;
    }
    assert_true(checked > 10);
    mri_lives_fini(&lives);
    mri_story_end(story);
}

static void at_the_end_of_the_feed_every_open_horizon_is_unresolved(void **state)
{
    (void)state;
    struct trade trade = open_trade(); /* its position stays open */
    struct mri_lives lives;
    mri_story_end_feed(trade.story);
    mri_story_close(trade.story);
    mri_lives_read(&lives, trade.story);
    mri_lives_check_ended(&lives);
    const struct mri_life *life = mri_lives_get(&lives, trade.ordinal);
    assert_int_equal(life->statuses[MR_HORIZON_1M], MRI_OUTCOME_RESOLVED);
    for (unsigned horizon = MR_HORIZON_5M; horizon < MR_HORIZON_COUNT; horizon++) {
        assert_int_equal(life->statuses[horizon], MRI_OUTCOME_UNRESOLVED);
        assert_int_equal(life->outcome_reasons[horizon], MRI_REASON_FEED_ENDED);
    }
    assert_int_equal(life->closed_seq, 0);
    mri_lives_fini(&lives);
    mri_story_check_replay(trade.story);
    mri_story_end(trade.story);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            a_traded_signal_has_its_intent_before_its_order_and_its_order_before_its_fill),
        cmocka_unit_test(a_position_is_closed_by_its_stop_at_the_stop),
        cmocka_unit_test(a_position_is_closed_by_its_target_at_the_target),
        cmocka_unit_test(a_bar_that_reaches_stop_and_target_closes_by_the_stop),
        cmocka_unit_test(a_gap_beyond_the_stop_fills_at_the_open),
        cmocka_unit_test(a_position_is_closed_when_its_time_is_over_at_the_next_open),
        cmocka_unit_test(coverage_blocks_and_the_signal_is_learned),
        cmocka_unit_test(expected_value_below_cost_blocks_and_the_signal_is_learned),
        cmocka_unit_test(a_signal_against_the_expected_value_is_blocked_as_such),
        cmocka_unit_test(the_size_below_the_minimum_blocks_and_the_signal_is_learned),
        cmocka_unit_test(an_open_position_blocks_the_next_signal_of_its_symbol),
        cmocka_unit_test(a_second_approval_on_the_same_side_waits_for_the_cooldown),
        cmocka_unit_test(an_old_price_blocks_and_the_signal_is_learned),
        cmocka_unit_test(an_old_signal_blocks_and_is_learned),
        cmocka_unit_test(of_the_signals_of_one_view_only_the_strongest_is_approved),
        cmocka_unit_test(a_signal_that_nobody_could_decide_on_expires_and_is_learned),
        cmocka_unit_test(a_signal_is_learned_only_after_the_lessons_of_its_step_view),
        cmocka_unit_test(at_the_end_of_the_feed_every_open_horizon_is_unresolved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
