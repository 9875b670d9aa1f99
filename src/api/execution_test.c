/* SPDX-License-Identifier: MIT */
/*
 * An executor outside beside a run, both in one machine in memory: what follows from its reports,
 * what is refused, what comes back at a start, and that all of it replays.
 */
#include "millrace/execution.h"

#include <string.h>

#include "tests/lib/api_sample.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/plain_config.h"

enum { ROOM = 8 };

#define TIME_NS (INT64_C(1700018000) * 1000000000)

static struct mri_story *story;
static mr_bus *bus;
static int64_t minute; /* of the newest bar */
static mr_problem problem;

static mr_bus *open_bus(void)
{
    mr_bus *opened = NULL;
    mr_err err = mri_bus_api_open(
        &story->machine.table, mri_alloc_system(), MRI_STORY_FOLDER, &opened, &problem);
    if (err != MR_OK) {
        fail_msg("open: %s: %s", mr_err_name(err), problem.text);
    }
    return opened;
}

static int set_up(void **fixture)
{
    (void)fixture;
    story = mri_story_begin(mri_plain_config, 2);
    story->config.execute_venue = MRI_CHOICE_VENUE_EXTERNAL;
    story->config.log_compare_events = 1000;
    mri_story_warm(story);
    bus = open_bus();
    minute = MRI_STORY_WARM_MINUTES;
    return 0;
}

static int tear_down(void **fixture)
{
    (void)fixture;
    mr_bus_close(bus);
    mri_story_end(story);
    return 0;
}

/* ---- what tests say -------------------------------------------------------------------------- */

/** The open orders: how many, the first in *ret_order. */
static uint32_t open_orders(mr_order *ret_order)
{
    mr_order orders[ROOM];
    uint32_t count;
    assert_int_equal(mr_bus_open_orders(bus, orders, ROOM, &count, &problem), MR_OK);
    *ret_order = orders[0];
    return count;
}

/** Trade until there is an order. */
static mr_order order_one(void)
{
    mr_order order;
    uint32_t ordinal = mri_story_trade(story, &minute);
    assert_int_equal(open_orders(&order), 1);
    assert_int_equal(order.ordinal.n, ordinal);
    assert_string_equal(order.state, "intent");
    assert_string_equal(order.leg, "entry");
    return order;
}

static void decide(void)
{
    assert_int_equal(mri_node_take_foreign(&story->node), MR_OK);
}

static mr_order_report simple(const mr_order *order, const char *status)
{
    return (mr_order_report){.id = order->id, .status = status, .executor = "test"};
}

static mr_order_report fill_of(const mr_order *order, double price)
{
    return (mr_order_report){.id = order->id,
        .status = "filled",
        .symbol = order->symbol,
        .side = order->side == MR_LONG ? "buy" : "sell",
        .venue_order_id = "V-1",
        .executor = "test",
        .time_unix_ns = TIME_NS,
        .has_price = true,
        .has_quantity = true,
        .has_fee = true,
        .price = price,
        .quantity = order->quantity,
        .fee = 0.25};
}

static mr_err report(const mr_order_report *given)
{
    bool is_repeated = true;
    problem.text[0] = '\0';
    mr_err err = mr_bus_order_report(bus, given, MR_GROUP, &is_repeated, &problem);
    return err == MR_OK && is_repeated ? MR_EXISTS : err;
}

static void expect(mr_err wanted, const mr_order_report *given)
{
    mr_err err = report(given);
    if (err != wanted) {
        fail_msg("%s of %s: %s: %s", given->status, given->id, mr_err_name(err), problem.text);
    }
}

static void say(const mr_order *order, const char *status)
{
    const mr_order_report given = simple(order, status);
    expect(MR_OK, &given);
    decide();
}

static void bar(int64_t price)
{
    mri_script_add_close(&story->script, 0, ++minute, price);
    mri_story_play(story);
}

static void expect_state(const mr_order *order, const char *wanted)
{
    mr_order now;
    assert_int_equal(mr_bus_order(bus, order->id, &now, &problem), MR_OK);
    assert_string_equal(now.state, wanted);
    assert_int_equal(now.intent.n, order->intent.n);
}

static uint8_t state_of(mr_ordinal ordinal)
{
    return mri_story_slot(story, ordinal.n)->state;
}

static uint64_t count(uint16_t type, mr_ordinal ordinal)
{
    return mri_story_count(story, type, ordinal.n);
}

/** The memory that processes share says what the run has; and the log replays. */
static void finish(void)
{
    story->node.compare_seq = 0; /* it is due */
    assert_int_equal(mri_node_compare_if_due(&story->node), MR_OK);
    assert_true(story->node.compare_seq > 0);
    assert_int_equal(story->node.differences, 0);
    mr_bus_close(bus);
    bus = NULL;
    mri_story_close(story);
    mri_story_check_replay(story);
}

/* ---- what follows from reports --------------------------------------------------------------- */

static void nothing_is_filled_from_bars(void **fixture)
{
    (void)fixture;
    mr_order order = order_one();
    for (int i = 0; i < 10; i++) {
        if (i == 5) {
            say(&order, "sent");
            say(&order, "accepted");
        }
        bar(MRI_STORY_PRICE);
    }
    assert_int_equal(state_of(order.ordinal), MR_EXECUTING);
    assert_int_equal(count(MRI_EVENT_ORDER_SENT, order.ordinal), 1);
    assert_int_equal(count(MRI_EVENT_ORDER_FILLED, (mr_ordinal){0}), 0);
    finish();
}

static void a_fill_opens_a_position_and_an_exit_closes_it(void **fixture)
{
    (void)fixture;
    mr_order entry = order_one();
    struct mri_event event;
    say(&entry, "sent");
    say(&entry, "accepted");
    assert_int_equal(state_of(entry.ordinal), MR_EXECUTING);
    mr_order_report fill = fill_of(&entry, entry.reference_price + 1.0);
    expect(MR_OK, &fill);
    decide();
    assert_int_equal(state_of(entry.ordinal), MR_EXECUTED);
    expect_state(&entry, "filled");
    assert_true(mri_story_find(story,
        &(struct mri_story_query){.type = MRI_EVENT_POSITION_OPENED, .ordinal = entry.ordinal.n},
        &event));
    const struct mri_position_opened opened = *(const struct mri_position_opened *)event.body;
    assert_int_equal(opened.venue_mode, MRI_VENUE_EXTERNAL);
    mr_order exit;
    assert_int_equal(open_orders(&exit), 0);
    bar(opened.stop_price); /* the stop is reached: an order to close, at the market */
    assert_int_equal(open_orders(&exit), 1);
    assert_string_equal(exit.leg, "stop");
    assert_int_equal(exit.side, entry.side == MR_LONG ? MR_SHORT : MR_LONG);
    bar(opened.stop_price); /* one at a time */
    assert_int_equal(open_orders(&exit), 1);
    fill = fill_of(&exit, exit.reference_price);
    fill.venue_order_id = "V-2";
    expect(MR_OK, &fill);
    decide();
    assert_int_equal(open_orders(&exit), 0);
    assert_true(mri_story_find(story,
        &(struct mri_story_query){.type = MRI_EVENT_POSITION_CLOSED, .ordinal = entry.ordinal.n},
        &event));
    const struct mri_position_closed *closed = event.body;
    assert_int_equal(closed->reason, MRI_REASON_STOP);
    assert_int_equal(closed->fee_e8, 50000000);
    assert_true(closed->gross_e8 - closed->fee_e8 - closed->slippage_e8 == closed->net_e8);
    assert_int_equal(story->node.fold.wiring.execute.ledger.mismatches, 0);
    assert_int_equal(story->node.fold.wiring.execute.ledger.closes, 1);
    finish();
}

/** Fill the entry at the market. */
static struct mri_position_opened enter(const mr_order *entry)
{
    struct mri_event event;
    const mr_order_report fill = fill_of(entry, entry->reference_price);
    expect(MR_OK, &fill);
    decide();
    assert_true(mri_story_find(story,
        &(struct mri_story_query){.type = MRI_EVENT_POSITION_OPENED, .ordinal = entry->ordinal.n},
        &event));
    return *(const struct mri_position_opened *)event.body;
}

static void expect_closed(mr_ordinal ordinal, enum mri_reason reason)
{
    struct mri_event event;
    mr_order exit;
    assert_int_equal(open_orders(&exit), 1);
    const mr_order_report fill = fill_of(&exit, exit.reference_price);
    expect(MR_OK, &fill);
    decide();
    assert_true(mri_story_find(story,
        &(struct mri_story_query){.type = MRI_EVENT_POSITION_CLOSED, .ordinal = ordinal.n},
        &event));
    assert_int_equal(((const struct mri_position_closed *)event.body)->reason, reason);
    assert_int_equal(story->node.fold.wiring.execute.open_count, 0);
}

static void target_and_time_close_a_position_too(void **fixture)
{
    (void)fixture;
    mr_order entry = order_one();
    mr_order exit;
    struct mri_position_opened opened = enter(&entry);
    bar(opened.target_price);
    expect_closed(entry.ordinal, MRI_REASON_TARGET);
    entry = order_one();
    opened = enter(&entry);
    for (int i = 0; i < 29; i++) {
        bar(opened.price);
    }
    assert_int_equal(open_orders(&exit), 0); /* its time is not over yet */
    bar(opened.price);
    bar(opened.price);
    expect_closed(entry.ordinal, MRI_REASON_TIME);
    finish();
}

static void a_position_is_closed_when_its_time_is_over_though_no_price_comes(void **fixture)
{
    (void)fixture;
    mr_order entry = order_one();
    mr_order exit;
    struct mri_position_opened opened = enter(&entry);
    struct mri_tick tick = {
        .event_time_unix_ns = opened.exit_time_unix_ns - 1, .reason = MRI_REASON_TIME_PASSED};
    for (int i = 0; i < 2; i++, tick.event_time_unix_ns++) {
        assert_int_equal(open_orders(&exit), 0);
        mri_node_begin_inputs(&story->node);
        assert_int_equal(mri_batch_add(&story->node.inputs,
                             &(struct mri_draft){.type = MRI_EVENT_TICK, .fixed = &tick}, 0),
            MR_OK);
        assert_int_equal(mri_node_take_inputs(&story->node), MR_OK);
    }
    assert_int_equal(open_orders(&exit), 1);
    assert_string_equal(exit.leg, "time");
    expect_closed(entry.ordinal, MRI_REASON_TIME);
    finish();
}

static void a_position_ends_at_the_venue_where_it_began(void **fixture)
{
    (void)fixture;
    mr_order entry = order_one();
    mr_order exit;
    struct mri_position_opened opened = enter(&entry);
    mr_bus_close(bus);
    mri_story_close(story);
    story->config.execute_venue = MRI_CHOICE_VENUE_PAPER;
    mri_story_open(story);
    bus = open_bus();
    bar(opened.stop_price);
    assert_int_equal(count(MRI_EVENT_ORDER_FILLED, entry.ordinal), 1); /* the entry alone */
    assert_int_equal(open_orders(&exit), 1);
    expect_closed(entry.ordinal, MRI_REASON_STOP);
    uint32_t ordinal = mri_story_trade(story, &minute); /* on paper now */
    bar(MRI_STORY_PRICE);
    assert_int_equal(mri_story_slot(story, ordinal)->state, MR_EXECUTED);
    assert_int_equal(open_orders(&exit), 0);
    mr_bus_close(bus);
    mri_story_close(story);
    story->config.execute_venue = MRI_CHOICE_VENUE_EXTERNAL;
    mri_story_open(story);
    bus = open_bus();
    for (int i = 0; i < 40; i++) {
        bar(MRI_STORY_PRICE);
    }
    assert_int_equal(mri_story_count(story, MRI_EVENT_POSITION_CLOSED, ordinal), 1);
    assert_int_equal(open_orders(&exit), 0); /* it has ended on paper */
    finish();
}

static void a_rejected_or_cancelled_entry_blocks_its_signal(void **fixture)
{
    (void)fixture;
    static const char *const ends[] = {"rejected", "cancelled"};
    for (unsigned i = 0; i < 2; i++) {
        mr_order order = order_one();
        say(&order, "sent");
        say(&order, ends[i]);
        expect_state(&order, ends[i]);
        const struct mri_slot *slot = mri_story_slot(story, order.ordinal.n);
        assert_int_equal(slot->state, MR_BLOCKED);
        assert_int_equal(slot->gate, MRI_GATE_VENUE);
        assert_int_equal(
            slot->reason, i == 0 ? MRI_REASON_VENUE_REJECTED : MRI_REASON_ORDER_CANCELLED);
    }
    finish();
}

static void an_order_in_doubt_stays_open_and_nothing_takes_its_place(void **fixture)
{
    (void)fixture;
    mr_order order = order_one();
    mr_order found;
    say(&order, "sent");
    say(&order, "unknown");
    assert_int_equal(count(MRI_EVENT_ORDER_IN_DOUBT, order.ordinal), 1);
    for (int i = 0; i < 10; i++) {
        mri_script_add_signal(&story->script, 0, minute + 1, "oracle", 0.9, 1);
        bar(MRI_STORY_PRICE);
    }
    assert_int_equal(open_orders(&found), 1);
    assert_string_equal(found.state, "in_doubt");
    assert_string_equal(found.id, order.id);
    assert_int_equal(count(MRI_EVENT_ORDER_INTENT, (mr_ordinal){0}), 1);
    assert_int_equal(state_of(order.ordinal), MR_EXECUTING);
    const mr_order_report fill = fill_of(&order, order.reference_price);
    expect(MR_OK, &fill); /* it was filled after all */
    decide();
    assert_int_equal(state_of(order.ordinal), MR_EXECUTED);
    finish();
}

static void an_exit_that_ends_without_a_fill_is_tried_again_as_another_order(void **fixture)
{
    (void)fixture;
    mr_order entry = order_one();
    const mr_order_report fill = fill_of(&entry, entry.reference_price);
    expect(MR_OK, &fill); /* at once: steps may be left out */
    decide();
    mr_order exits[3];
    for (unsigned i = 0; i < 3; i++) {
        bar(entry.side == MR_LONG ? MRI_STORY_PRICE / 2 : MRI_STORY_PRICE * 2);
        assert_int_equal(open_orders(&exits[i]), 1);
        assert_int_equal(exits[i].attempt, i + 1);
        assert_string_equal(exits[i].leg, "stop");
        for (unsigned k = 0; k < i; k++) {
            assert_string_not_equal(exits[i].id, exits[k].id);
        }
        if (i < 2) {
            say(&exits[i], i == 0 ? "rejected" : "cancelled");
        }
    }
    const mr_order_report late = fill_of(&exits[0], 5000.0);
    expect(MR_CONFLICT, &late); /* an attempt that is over */
    const mr_order_report again = simple(&exits[0], "rejected");
    expect(MR_EXISTS, &again);
    const mr_order_report otherwise = simple(&exits[0], "cancelled");
    expect(MR_CONFLICT, &otherwise);
    for (unsigned i = 0; i < 3; i++) { /* each is what has become of it, not of the newest */
        static const char *const states[] = {"rejected", "cancelled", "intent"};
        mr_order found;
        assert_int_equal(mr_bus_order(bus, exits[i].id, &found, &problem), MR_OK);
        assert_string_equal(found.id, exits[i].id);
        assert_int_equal(found.attempt, i + 1);
        assert_int_equal(found.intent.n, exits[i].intent.n);
        assert_string_equal(found.state, states[i]);
    }
    mr_order_report last = fill_of(&exits[2], 5000.0);
    last.venue_order_id = "V-9";
    expect(MR_OK, &last);
    decide();
    assert_int_equal(count(MRI_EVENT_POSITION_CLOSED, entry.ordinal), 1);
    finish();
}

/* ---- what is refused ------------------------------------------------------------------------- */

static void the_same_report_again_is_one(void **fixture)
{
    (void)fixture;
    mr_order order = order_one();
    static const char *const steps[] = {"sent", "accepted"};
    for (unsigned i = 0; i < 2; i++) {
        const mr_order_report given = simple(&order, steps[i]);
        expect(MR_OK, &given);
        expect(MR_EXISTS, &given);
        decide();
        expect(MR_EXISTS, &given);
    }
    const mr_order_report passed = simple(&order, "sent");
    const mr_order_report fill = fill_of(&order, order.reference_price);
    expect(MR_EXISTS, &passed);
    expect(MR_OK, &fill);
    expect(MR_EXISTS, &fill); /* before the run has decided on it, too */
    decide();
    expect(MR_EXISTS, &fill);
    assert_int_equal(count(MRI_EVENT_ORDER_REPORT, order.ordinal), 3);
    assert_int_equal(count(MRI_EVENT_ORDER_FILLED, order.ordinal), 1);
    assert_int_equal(count(MRI_EVENT_ORDER_DISPUTED, (mr_ordinal){0}), 0);
    finish();
}

/** A contradiction: refused with this reason, kept once, and nothing has changed. */
static void expect_dispute(const mr_order_report *given, mr_err wanted, enum mri_reason reason)
{
    struct mri_event event;
    uint64_t before = mri_story_last_seq(story);
    uint64_t positions = count(MRI_EVENT_POSITION_OPENED, (mr_ordinal){0});
    expect(wanted, given);
    assert_non_null(strstr(problem.text, mri_word_text(MRI_VOCABULARY_reason, reason)));
    decide();
    assert_true(mri_story_find(story,
        &(struct mri_story_query){.type = MRI_EVENT_ORDER_DISPUTED, .after_seq = before}, &event));
    const struct mri_order_disputed *dispute = event.body;
    assert_int_equal(dispute->reason, reason);
    assert_int_equal(dispute->cause, 0);
    assert_int_equal(positions, count(MRI_EVENT_POSITION_OPENED, (mr_ordinal){0}));
    uint64_t once = mri_story_last_seq(story);
    expect(wanted, given); /* told again, kept once */
    assert_int_equal(mri_story_last_seq(story), once);
}

static void what_contradicts_the_order_is_refused_kept_and_counted(void **fixture)
{
    (void)fixture;
    mr_order order = order_one();
    mr_order_report given = fill_of(&order, order.reference_price);
    given.quantity = order.quantity * 2.0;
    expect_dispute(&given, MR_CONFLICT, MRI_REASON_QUANTITY_DIFFERS);
    given = fill_of(&order, order.reference_price);
    given.symbol = story->script.instruments[1].symbol;
    expect_dispute(&given, MR_CONFLICT, MRI_REASON_SYMBOL_DIFFERS);
    given.symbol = "NEVER";
    expect_dispute(&given, MR_CONFLICT, MRI_REASON_SYMBOL_DIFFERS);
    given = fill_of(&order, order.reference_price);
    given.side = order.side == MR_LONG ? "sell" : "buy";
    expect_dispute(&given, MR_CONFLICT, MRI_REASON_SIDE_DIFFERS);
    given = fill_of(&order, order.reference_price);
    given.id = "m0000000000000000";
    expect_dispute(&given, MR_NOT_FOUND, MRI_REASON_ORDER_UNKNOWN);
    given.id = "what?";
    expect_dispute(&given, MR_NOT_FOUND, MRI_REASON_ORDER_UNKNOWN);
    given = simple(&order, "accepted");
    given.venue_order_id = "V-7";
    expect(MR_OK, &given);
    decide();
    given = fill_of(&order, order.reference_price);
    expect_dispute(&given, MR_CONFLICT, MRI_REASON_VENUE_ORDER_DIFFERS);
    given = simple(&order, "rejected");
    expect_dispute(&given, MR_CONFLICT, MRI_REASON_ORDER_STEP);
    given = simple(&order, "cancelled");
    expect(MR_OK, &given);
    decide();
    given = fill_of(&order, order.reference_price);
    given.venue_order_id = "V-7";
    expect_dispute(&given, MR_CONFLICT, MRI_REASON_ORDER_OVER);
    given = simple(&order, "rejected");
    expect_dispute(&given, MR_CONFLICT, MRI_REASON_ORDER_OVER);
    assert_int_equal(state_of(order.ordinal), MR_BLOCKED);
    mr_health health;
    assert_int_equal(mr_bus_health(bus, &health, &problem), MR_OK);
    assert_int_equal(health.order_disputes, 10);
    assert_int_equal(health.order_reports, 2);
    assert_int_equal(count(MRI_EVENT_ORDER_DISPUTED, (mr_ordinal){0}), 10);
    finish();
}

static void contradictions_that_take_turns_are_kept_once_each(void **fixture)
{
    (void)fixture;
    mr_order order = order_one();
    mr_order_report twice = fill_of(&order, order.reference_price);
    mr_order_report thrice = twice;
    twice.quantity = order.quantity * 2.0;
    thrice.quantity = order.quantity * 3.0;
    expect_dispute(&twice, MR_CONFLICT, MRI_REASON_QUANTITY_DIFFERS);
    expect_dispute(&thrice, MR_CONFLICT, MRI_REASON_QUANTITY_DIFFERS);
    uint64_t last = mri_story_last_seq(story);
    for (int turn = 0; turn < 3; turn++) {
        expect(MR_CONFLICT, &twice);
        expect(MR_CONFLICT, &thrice);
    }
    assert_int_equal(mri_story_last_seq(story), last);
    finish();
}

static void a_second_fill_with_other_numbers_is_refused(void **fixture)
{
    (void)fixture;
    mr_order order = order_one();
    mr_order_report given = fill_of(&order, order.reference_price);
    expect(MR_OK, &given);
    decide();
    given.price += 1.0;
    expect_dispute(&given, MR_CONFLICT, MRI_REASON_FILL_DIFFERS);
    given.price -= 1.0;
    given.fee = 0.26;
    expect_dispute(&given, MR_CONFLICT, MRI_REASON_FILL_DIFFERS);
    given.fee = 0.25;
    given.time_unix_ns++;
    expect_dispute(&given, MR_CONFLICT, MRI_REASON_FILL_DIFFERS);
    given = simple(&order, "cancelled");
    expect_dispute(&given, MR_CONFLICT, MRI_REASON_ORDER_OVER);
    assert_int_equal(story->node.fold.wiring.execute.ledger.fills, 1);
    finish();
}

/** What a venue's time is compared with. */
static int64_t clock_now(void)
{
    const struct mri_os *os = &story->machine.table;
    int64_t event_time = story->node.fold.bus.event_time_unix_ns;
    int64_t clock = os->realtime_unix_ns(os->context);
    return event_time > clock ? event_time : clock;
}

static void a_field_that_cannot_be_is_named_and_nothing_is_written(void **fixture)
{
    (void)fixture;
    mr_order order = order_one();
    static char long_text[1100];
    memset(long_text, 'x', sizeof(long_text) - 1);
    const mr_order_report good = fill_of(&order, order.reference_price);
    struct {
        mr_order_report given;
        const char *field;
    } wrong[24];
    unsigned n = 0;
#define WRONG(member, value, name)                                                                 \
    wrong[n].given = good;                                                                         \
    wrong[n].given.member = (value);                                                               \
    wrong[n++].field = (name)
    WRONG(id, NULL, "order_id");
    WRONG(id, long_text, "order_id");
    WRONG(status, NULL, "status");
    WRONG(status, "partial", "status");
    WRONG(side, "up", "side");
    WRONG(venue_order_id, long_text, "venue_order_id");
    WRONG(executor, "\xff", "executor");
    WRONG(message, long_text, "message");
    WRONG(time_unix_ns, 0, "time");
    WRONG(time_unix_ns, 5, "time");
    WRONG(has_price, false, "price");
    WRONG(price, 0.0, "price");
    WRONG(price, -1.0 / 0.0, "price");
    WRONG(price, 1e12, "price");
    WRONG(price, 1e-9, "price"); /* rounds to zero */
    WRONG(quantity, 0.0 / 0.0, "quantity");
    WRONG(quantity, 1e-9, "quantity");
    WRONG(quantity, order.quantity - 0.0001, "quantity"); /* not in its decimals */
    WRONG(time_unix_ns, clock_now() + INT64_C(100000000000000000), "time"); /* three years */
    WRONG(time_unix_ns, clock_now() + INT64_C(61000000000), "time");
    WRONG(has_fee, false, "fee");
    WRONG(fee, 1e30, "fee");
    WRONG(status, "accepted", "price");
#undef WRONG
    uint64_t before = mri_story_last_seq(story);
    for (unsigned i = 0; i < n; i++) {
        expect(MR_REFUSED, &wrong[i].given);
        if (strncmp(problem.text, wrong[i].field, strlen(wrong[i].field)) != 0) {
            fail_msg("%u: expected %s, found: %s", i, wrong[i].field, problem.text);
        }
    }
    assert_int_equal(mri_story_last_seq(story), before);
    mr_order_report late = good;
    late.time_unix_ns = clock_now() + INT64_C(59000000000); /* a venue's clock may be ahead */
    late.quantity = order.quantity + 1e-12;                 /* a sum of doubles */
    expect(MR_OK, &late);
    decide();
    expect_state(&order, "filled");
    finish();
}

static void of_two_processes_that_report_one_is_told_that_it_came_late(void **fixture)
{
    (void)fixture;
    mr_order order = order_one();
    mr_bus *other = open_bus();
    mr_order found;
    assert_int_equal(mr_bus_order(other, order.id, &found, &problem), MR_OK);
    const mr_order_report rejected = simple(&order, "rejected");
    const mr_order_report fill = fill_of(&order, order.reference_price);
    expect(MR_OK, &rejected);
    assert_int_equal(mr_bus_order_report(other, &fill, MR_GROUP, NULL, &problem), MR_CONFLICT);
    bool is_repeated = false;
    assert_int_equal(
        mr_bus_order_report(other, &rejected, MR_GROUP, &is_repeated, &problem), MR_OK);
    assert_true(is_repeated);
    mr_bus_close(other);
    decide();
    assert_int_equal(state_of(order.ordinal), MR_BLOCKED);
    finish();
}

static void a_signal_whose_order_may_live_is_moved_by_reports_alone(void **fixture)
{
    (void)fixture;
    mr_order order = order_one();
    const mr_move move = {.ordinal = order.ordinal,
        .from = MR_EXECUTING,
        .to = MR_BLOCKED,
        .gate = "external",
        .reason = "operator"};
    assert_int_equal(mr_bus_move(bus, &move, 1, MR_ASYNC, NULL, &problem), MR_REFUSED);
    assert_non_null(strstr(problem.text, "order may live"));
    say(&order, "rejected");
    assert_int_equal(mr_bus_move(bus, &move, 1, MR_ASYNC, NULL, &problem), MR_CONFLICT);
    finish();
}

/* ---- taking orders --------------------------------------------------------------------------- */

static void one_executor_is_handed_durable_orders_and_open_ones_first(void **fixture)
{
    (void)fixture;
    mr_executor *executor;
    mr_executor *second;
    mr_order order;
    mr_health health;
    assert_int_equal(mr_executor_open(bus, "live", &executor, &problem), MR_OK);
    assert_int_equal(mr_executor_next(executor, &order, &problem), MR_END);
    mr_bus *other = open_bus();
    assert_int_equal(mr_executor_open(other, "live", &second, &problem), MR_BUSY);
    assert_non_null(strstr(problem.text, "takes the orders"));
    assert_int_equal(mr_bus_health(bus, &health, &problem), MR_OK);
    assert_int_not_equal(health.executor_process, 0);
    mr_order made = order_one();
    assert_int_equal(mr_executor_next(executor, &order, &problem), MR_OK);
    assert_string_equal(order.id, made.id);
    assert_true(mr_log_durable(bus->log).n >= order.intent.n);
    assert_int_equal(mr_executor_ack(executor, &order, &problem), MR_OK);
    assert_int_equal(mr_executor_next(executor, &order, &problem), MR_END);
    say(&made, "sent");
    mr_executor_close(executor); /* it dies: the next is told what is open, and how far it came */
    assert_int_equal(mr_executor_open(other, "live", &second, &problem), MR_OK);
    assert_int_equal(mr_executor_wait(second, 0, &problem), MR_OK);
    assert_int_equal(mr_executor_next(second, &order, &problem), MR_OK);
    assert_string_equal(order.id, made.id);
    assert_string_equal(order.state, "sent");
    assert_int_equal(mr_executor_ack(second, &order, &problem), MR_OK);
    assert_int_equal(mr_executor_next(second, &order, &problem), MR_END);
    say(&made, "rejected");
    mr_executor_close(second);
    assert_int_equal(mr_executor_open(other, "live", &second, &problem), MR_OK);
    assert_int_equal(mr_executor_next(second, &order, &problem), MR_END); /* it has ended */
    mr_executor_close(second);
    mr_bus_close(other);
    finish();
}

static void an_order_that_nobody_reports_on_is_alerted_once_and_shown(void **fixture)
{
    (void)fixture;
    mr_order order = order_one();
    mr_health health;
    struct mri_event event;
    for (int i = 0; i < 5; i++) {
        bar(MRI_STORY_PRICE);
    }
    assert_true(mri_story_find(story,
        &(struct mri_story_query){.type = MRI_EVENT_ALERT, .ordinal = order.ordinal.n}, &event));
    const struct mri_alert *alert = event.body;
    assert_int_equal(alert->reason, MRI_REASON_ORDER_STUCK);
    assert_int_equal(mri_ref_seq(alert->about, event.seq), order.intent.n);
    assert_int_equal(count(MRI_EVENT_ALERT, order.ordinal), 1);
    assert_int_equal(mr_bus_health(bus, &health, &problem), MR_OK);
    assert_string_equal(health.state, "DEGRADED");
    assert_non_null(strstr(health.why, "nobody reports"));
    assert_int_equal(health.stuck_orders, 1);
    assert_int_equal(health.open_orders, 1);
    assert_int_equal(open_orders(&order), 1);
    assert_true(order.is_stuck);
    say(&order, "unknown"); /* somebody is there: it begins anew */
    assert_int_equal(mr_bus_health(bus, &health, &problem), MR_OK);
    assert_int_equal(health.stuck_orders, 0);
    assert_int_equal(health.orders_in_doubt, 1);
    assert_non_null(strstr(health.why, "no executor"));
    for (int i = 0; i < 5; i++) {
        bar(MRI_STORY_PRICE);
    }
    assert_int_equal(count(MRI_EVENT_ALERT, order.ordinal), 2);
    finish();
}

static void a_killed_run_goes_on_with_its_orders(void **fixture)
{
    (void)fixture;
    mr_order order = order_one();
    say(&order, "sent");
    mr_bus_close(bus);
    mri_story_close(story); /* writes a snapshot */
    mri_story_open(story);
    bus = open_bus(); /* from the snapshot */
    mr_order found;
    assert_int_equal(open_orders(&found), 1);
    assert_string_equal(found.state, "sent");
    mr_order_report fill = fill_of(&order, order.reference_price);
    fill.symbol = story->script.instruments[0].symbol; /* the order's text went with its bus */
    expect(MR_OK, &fill);
    mr_bus_close(bus);
    mri_story_kill(story); /* before it has decided on the fill */
    mri_story_open(story);
    assert_int_equal(state_of(order.ordinal), MR_EXECUTED);
    bus = open_bus();
    expect(MR_EXISTS, &fill);
    assert_int_equal(open_orders(&found), 0);
    assert_int_equal(mr_bus_order(bus, order.id, &found, &problem), MR_OK);
    assert_string_equal(found.venue_order_id, "V-1");
    finish();
    assert_int_not_equal(mri_story_check_snapshot(story), 0);
}

/* ---- what others have learned ---------------------------------------------------------------- */

static void health_says_what_status_says(void **fixture)
{
    (void)fixture;
    mr_health health;
    uint64_t counts[MR_STATE_COUNT];
    assert_int_equal(mr_bus_health(bus, &health, &problem), MR_OK);
    assert_int_equal(mr_bus_counts(bus, counts, &problem), MR_OK);
    assert_memory_equal(health.states, counts, sizeof(counts));
    assert_string_equal(health.venue, "EXTERNAL");
    assert_string_equal(health.mode, "RUN");
    assert_non_null(strstr(health.why, "no executor"));
    assert_int_equal(health.stages[0].done, MRI_STORY_WARM_MINUTES);
    bar(MRI_STORY_PRICE);
    assert_int_equal(mr_bus_health(bus, &health, &problem), MR_OK);
    assert_int_equal(health.stages[0].done, MRI_STORY_WARM_MINUTES + 1);
    assert_int_equal(health.last.n, mri_story_last_seq(story));
    assert_int_equal(health.pending_inputs, 0);
    finish();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_is_filled_from_bars),
        TEST(a_fill_opens_a_position_and_an_exit_closes_it),
        TEST(target_and_time_close_a_position_too),
        TEST(a_position_is_closed_when_its_time_is_over_though_no_price_comes),
        TEST(a_position_ends_at_the_venue_where_it_began),
        TEST(a_rejected_or_cancelled_entry_blocks_its_signal),
        TEST(an_order_in_doubt_stays_open_and_nothing_takes_its_place),
        TEST(an_exit_that_ends_without_a_fill_is_tried_again_as_another_order),
        TEST(the_same_report_again_is_one),
        TEST(what_contradicts_the_order_is_refused_kept_and_counted),
        TEST(contradictions_that_take_turns_are_kept_once_each),
        TEST(a_second_fill_with_other_numbers_is_refused),
        TEST(a_field_that_cannot_be_is_named_and_nothing_is_written),
        TEST(of_two_processes_that_report_one_is_told_that_it_came_late),
        TEST(a_signal_whose_order_may_live_is_moved_by_reports_alone),
        TEST(one_executor_is_handed_durable_orders_and_open_ones_first),
        TEST(an_order_that_nobody_reports_on_is_alerted_once_and_shown),
        TEST(a_killed_run_goes_on_with_its_orders),
        TEST(health_says_what_status_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
