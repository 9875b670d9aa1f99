/* SPDX-License-Identifier: MIT */
/*
 * An executor outside whose orders are filled in parts, beside a run: what they add up to, what
 * ends with a part, what is refused, what a start in between finds, and that all of it replays.
 */
#include <string.h>

#include "millrace/execution.h"
#include "tests/lib/api_sample.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/plain_config.h"

#define TIME_NS (INT64_C(1700018000) * 1000000000)

static struct mri_story *story;
static mr_bus *bus;
static int64_t minute; /* of the newest bar */
static mr_problem problem;

static void open_bus(void)
{
    assert_int_equal(mri_bus_api_open(&story->machine.table, mri_alloc_system(), MRI_STORY_FOLDER,
                         &bus, &problem),
        MR_OK);
}

static int set_up(void **fixture)
{
    (void)fixture;
    story = mri_story_begin(mri_plain_config, 2);
    story->config.execute_venue = MRI_CHOICE_VENUE_EXTERNAL;
    story->config.log_compare_events = 1000;
    mri_story_warm(story);
    open_bus();
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

static const struct mri_instrument_spec *spec(void)
{
    return mri_instruments_get(&story->node.fold.wiring.market.instruments, 0);
}

/** The only open order. */
static mr_order only_order(void)
{
    mr_order order = {.id = ""};
    uint32_t count;
    assert_int_equal(mr_bus_open_orders(bus, &order, 1, &count, &problem), MR_OK);
    assert_int_equal(count, 1);
    return order;
}

static uint32_t open_count(void)
{
    uint32_t count;
    assert_int_equal(mr_bus_open_orders(bus, NULL, 0, &count, &problem), MR_OK);
    return count;
}

static mr_order order_one(void)
{
    (void)mri_story_trade(story, &minute);
    return only_order();
}

static void decide(void)
{
    assert_int_equal(mri_node_take_foreign(&story->node), MR_OK);
}

static void bar(int64_t price)
{
    mri_script_add_close(&story->script, 0, ++minute, price);
    mri_story_play(story);
}

/** A fill of so many quantity units at so many price units; the number is its time at the venue. */
static mr_err fill(const mr_order *order, int64_t quantity, int64_t price, int number)
{
    bool is_repeated = false;
    const mr_order_report report = {
        .id = order->id,
        .status = "filled",
        .executor = "test",
        .time_unix_ns = TIME_NS + number,
        .has_price = true,
        .has_quantity = true,
        .has_fee = true,
        .price = mri_fixed_to_double(price, spec()->price_decimals),
        .quantity = mri_fixed_to_double(quantity, spec()->quantity_decimals),
        .fee = 0.25,
    };
    problem.text[0] = '\0';
    mr_err err = mr_bus_order_report(bus, &report, MR_GROUP, &is_repeated, &problem);
    return err == MR_OK && is_repeated ? MR_EXISTS : err;
}

static mr_err report(const mr_order *order, const char *status)
{
    bool is_repeated = false;
    const mr_order_report given = {.id = order->id, .status = status, .executor = "test"};
    mr_err err = mr_bus_order_report(bus, &given, MR_GROUP, &is_repeated, &problem);
    return err == MR_OK && is_repeated ? MR_EXISTS : err;
}

static void say(const mr_order *order, const char *status)
{
    mr_err err = report(order, status);
    if (err != MR_OK) {
        fail_msg("%s: %s: %s", status, mr_err_name(err), problem.text);
    }
    decide();
}

static int64_t units(double quantity)
{
    int64_t value;
    assert_int_equal(mri_fixed_from_double(quantity, spec()->quantity_decimals, &value), MR_OK);
    return value;
}

static void expect_order(const mr_order *order, const char *state, int64_t filled)
{
    mr_order now;
    assert_int_equal(mr_bus_order(bus, order->id, &now, &problem), MR_OK);
    assert_string_equal(now.state, state);
    assert_int_equal(units(now.filled_quantity), filled);
}

static uint8_t state_of(const mr_order *order)
{
    return mri_story_slot(story, order->ordinal.n)->state;
}

static uint64_t count(uint16_t type)
{
    return mri_story_count(story, type, 0);
}

/** The newest event of a kind of an order's signal. */
static const void *newest(uint16_t type, const mr_order *order)
{
    static struct mri_event event;
    uint64_t after = 0;
    const void *body = NULL;
    while (mri_story_find(story,
        &(struct mri_story_query){.type = type, .ordinal = order->ordinal.n, .after_seq = after},
        &event)) {
        body = event.body;
        after = event.seq;
    }
    assert_non_null(body);
    return body;
}

static void finish(void)
{
    assert_int_equal(story->node.fold.wiring.execute.ledger.mismatches, 0);
    mr_bus_close(bus);
    bus = NULL;
    mri_story_close(story);
    mri_story_check_replay(story);
}

/* ---- entries --------------------------------------------------------------------------------- */

static void two_parts_and_a_cancel_are_a_position_of_both_at_their_mean(void **fixture)
{
    (void)fixture;
    mr_order order = order_one();
    int64_t whole = units(order.quantity);
    int64_t third = whole / 3;
    int64_t price = MRI_STORY_PRICE;
    assert_int_equal(fill(&order, third, price, 1), MR_OK);
    decide();
    expect_order(&order, "accepted", third);
    assert_int_equal(state_of(&order), MR_EXECUTING);
    assert_int_equal(count(MRI_EVENT_ORDER_ACCEPTED), 1);
    assert_int_equal(count(MRI_EVENT_POSITION_OPENED), 0);
    assert_int_equal(fill(&order, 1, price + 100, 2), MR_OK);
    decide();
    expect_order(&order, "accepted", third + 1);
    assert_int_equal(count(MRI_EVENT_ORDER_ACCEPTED), 1);
    say(&order, "cancelled");
    expect_order(&order, "cancelled", third + 1);
    assert_int_equal(state_of(&order), MR_EXECUTED);
    int64_t total = third * price + price + 100;
    int64_t mean = (2 * total + third + 1) / (2 * (third + 1));
    const struct mri_order_filled *filled = newest(MRI_EVENT_ORDER_FILLED, &order);
    assert_int_equal(filled->quantity, third + 1);
    assert_int_equal(filled->price, mean);
    assert_int_equal(filled->fee_e8, 50000000);
    const struct mri_position_opened opened =
        *(const struct mri_position_opened *)newest(MRI_EVENT_POSITION_OPENED, &order);
    assert_int_equal(opened.quantity, third + 1);
    assert_int_equal(opened.price, mean);
    assert_int_equal(count(MRI_EVENT_ORDER_FILLED), 1);
    assert_int_equal(count(MRI_EVENT_ORDER_CANCELLED), 0);
    bar(opened.stop_price);
    mr_order exit = only_order();
    assert_int_equal(units(exit.quantity), third + 1); /* what there is, no more */
    assert_int_equal(fill(&exit, third + 1, price, 3), MR_OK);
    decide();
    const struct mri_position_closed *closed = newest(MRI_EVENT_POSITION_CLOSED, &order);
    assert_int_equal(closed->quantity, third + 1);
    assert_int_equal(closed->entry_price, mean);
    assert_int_equal(closed->fee_e8, 75000000);
    finish();
}

static void parts_that_add_up_to_the_order_fill_it(void **fixture)
{
    (void)fixture;
    mr_order order = order_one();
    int64_t whole = units(order.quantity);
    say(&order, "sent");
    assert_int_equal(fill(&order, whole - 3, MRI_STORY_PRICE, 1), MR_OK);
    assert_int_equal(fill(&order, 2, MRI_STORY_PRICE, 2), MR_OK); /* before the run has decided */
    decide();
    say(&order, "unknown");
    expect_order(&order, "in_doubt", whole - 1);
    assert_int_equal(fill(&order, 1, MRI_STORY_PRICE, 3), MR_OK);
    decide();
    expect_order(&order, "filled", whole);
    assert_int_equal(state_of(&order), MR_EXECUTED);
    const struct mri_order_filled *filled = newest(MRI_EVENT_ORDER_FILLED, &order);
    assert_int_equal(filled->quantity, whole);
    assert_int_equal(filled->price, MRI_STORY_PRICE);
    assert_int_equal(filled->fee_e8, 75000000);
    assert_int_equal(report(&order, "cancelled"), MR_CONFLICT);
    finish();
}

static void the_rest_of_an_order_may_be_rejected_too(void **fixture)
{
    (void)fixture;
    mr_order order = order_one();
    say(&order, "accepted");
    assert_int_equal(report(&order, "rejected"), MR_CONFLICT);
    assert_int_equal(fill(&order, 1, MRI_STORY_PRICE, 1), MR_OK);
    say(&order, "rejected");
    expect_order(&order, "rejected", 1);
    assert_int_equal(state_of(&order), MR_EXECUTED);
    assert_int_equal(count(MRI_EVENT_ORDER_REJECTED), 0);
    assert_int_equal(story->node.fold.wiring.execute.open_count, 1);
    finish();
}

static void a_part_that_comes_again_is_one_and_more_than_is_left_is_refused(void **fixture)
{
    (void)fixture;
    mr_order order = order_one();
    int64_t whole = units(order.quantity);
    assert_int_equal(fill(&order, 2, MRI_STORY_PRICE, 1), MR_OK);
    assert_int_equal(fill(&order, 2, MRI_STORY_PRICE, 1), MR_EXISTS);
    assert_int_equal(fill(&order, 2, MRI_STORY_PRICE, 2), MR_OK); /* another one */
    decide();
    assert_int_equal(fill(&order, 2, MRI_STORY_PRICE, 1), MR_EXISTS);
    assert_int_equal(fill(&order, whole - 3, MRI_STORY_PRICE, 3), MR_CONFLICT);
    assert_non_null(strstr(problem.text, "quantity_differs"));
    assert_int_equal(fill(&order, whole, MRI_STORY_PRICE, 3), MR_CONFLICT);
    decide();
    expect_order(&order, "accepted", 4);
    assert_int_equal(count(MRI_EVENT_ORDER_DISPUTED), 2);
    assert_int_equal(fill(&order, whole - 4, MRI_STORY_PRICE, 4), MR_OK);
    decide();
    assert_int_equal(fill(&order, 2, MRI_STORY_PRICE, 2), MR_EXISTS);
    assert_int_equal(fill(&order, 2, MRI_STORY_PRICE, 5), MR_CONFLICT);
    assert_non_null(strstr(problem.text, "fill_differs"));
    assert_int_equal(count(MRI_EVENT_ORDER_REPORT), 3);
    assert_int_equal(story->node.fold.wiring.execute.ledger.fills, 1);
    finish();
}

/* ---- exits ----------------------------------------------------------------------------------- */

static void an_exit_in_parts_closes_the_position_over_several_orders(void **fixture)
{
    (void)fixture;
    mr_order entry = order_one();
    int64_t whole = units(entry.quantity);
    assert_int_equal(fill(&entry, whole, MRI_STORY_PRICE, 1), MR_OK);
    decide();
    const struct mri_position_opened opened =
        *(const struct mri_position_opened *)newest(MRI_EVENT_POSITION_OPENED, &entry);
    bar(opened.stop_price);
    mr_order first = only_order();
    assert_int_equal(fill(&first, 1, opened.stop_price, 2), MR_OK);
    assert_int_equal(fill(&first, 1, opened.stop_price - 7, 3), MR_OK);
    decide();
    bar(opened.stop_price);
    assert_string_equal(only_order().id, first.id); /* it lives: nothing takes its place */
    say(&first, "cancelled");
    assert_int_equal(count(MRI_EVENT_POSITION_CLOSED), 0);
    assert_int_equal(count(MRI_EVENT_ORDER_FILLED), 2);
    assert_int_equal(open_count(), 0);
    mr_bus_close(bus);
    mri_story_close(story); /* a snapshot that has the part */
    mri_story_open(story);
    open_bus();
    bar(opened.stop_price - 11);
    mr_order second = only_order();
    assert_int_equal(second.attempt, 2);
    assert_int_equal(units(second.quantity), whole - 2);
    mr_order found;
    assert_int_equal(mr_bus_order(bus, first.id, &found, &problem), MR_OK);
    assert_int_equal(found.attempt, 1);
    assert_int_equal(units(found.quantity), whole);
    assert_int_equal(units(found.filled_quantity), 2);
    assert_string_equal(found.state, "cancelled");
    assert_int_equal(fill(&first, 1, opened.stop_price, 2), MR_EXISTS); /* of the order before */
    assert_int_equal(fill(&first, 1, opened.stop_price, 9), MR_CONFLICT);
    assert_int_equal(fill(&second, 1, opened.stop_price - 20, 4), MR_OK);
    assert_int_equal(fill(&second, whole - 3, opened.stop_price - 11, 5), MR_OK);
    decide();
    const struct mri_position_closed *closed = newest(MRI_EVENT_POSITION_CLOSED, &entry);
    int64_t total = (whole * opened.stop_price) - 7 - 20 - 11 * (whole - 3);
    assert_int_equal(closed->quantity, whole);
    assert_int_equal(closed->exit_price, (2 * total + whole) / (2 * whole));
    assert_int_equal(closed->fee_e8, 125000000);
    assert_true(closed->gross_e8 - closed->fee_e8 - closed->slippage_e8 == closed->net_e8);
    assert_int_equal(count(MRI_EVENT_ORDER_FILLED), 3);
    assert_int_equal(story->node.fold.wiring.execute.ledger.closes, 1);
    assert_int_equal(story->node.fold.wiring.execute.open_count, 0);
    mr_order next = order_one(); /* the symbol is free, and nothing is left of the parts */
    assert_int_equal(fill(&next, units(next.quantity), MRI_STORY_PRICE, 6), MR_OK);
    decide();
    assert_int_equal(state_of(&next), MR_EXECUTED);
    finish();
}

/* ---- starts in between ----------------------------------------------------------------------- */

static void an_order_with_a_part_is_handed_out_again_after_a_start(void **fixture)
{
    (void)fixture;
    mr_executor *executor;
    mr_order order = order_one();
    mr_order found;
    int64_t whole = units(order.quantity);
    assert_int_equal(fill(&order, 2, MRI_STORY_PRICE, 1), MR_OK);
    decide();
    mr_bus_close(bus);
    mri_story_close(story); /* writes a snapshot */
    assert_int_not_equal(mri_story_check_snapshot(story), 0);
    mri_story_open(story);
    open_bus(); /* from the snapshot */
    assert_int_equal(mr_executor_open(bus, "live", &executor, &problem), MR_OK);
    assert_int_equal(mr_executor_next(executor, &found, &problem), MR_OK);
    assert_string_equal(found.id, order.id);
    assert_string_equal(found.state, "accepted");
    assert_int_equal(units(found.filled_quantity), 2);
    mr_executor_close(executor);
    assert_int_equal(fill(&order, 2, MRI_STORY_PRICE, 1), MR_EXISTS);
    assert_int_equal(fill(&order, 3, MRI_STORY_PRICE, 2), MR_OK);
    assert_int_equal(report(&order, "cancelled"), MR_OK);
    mr_bus_close(bus);
    mri_story_kill(story); /* before it has decided on either */
    mri_story_open(story);
    open_bus();
    assert_int_equal(state_of(&order), MR_EXECUTED);
    expect_order(&order, "cancelled", 5);
    assert_true(whole > 5);
    assert_int_equal(fill(&order, 3, MRI_STORY_PRICE, 2), MR_EXISTS);
    assert_int_equal(fill(&order, 3, MRI_STORY_PRICE, 7), MR_CONFLICT);
    assert_non_null(strstr(problem.text, "order_over"));
    const struct mri_position_opened *opened = newest(MRI_EVENT_POSITION_OPENED, &order);
    assert_int_equal(opened->quantity, 5);
    finish();
    assert_int_not_equal(mri_story_check_snapshot(story), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(two_parts_and_a_cancel_are_a_position_of_both_at_their_mean),
        TEST(parts_that_add_up_to_the_order_fill_it),
        TEST(the_rest_of_an_order_may_be_rejected_too),
        TEST(a_part_that_comes_again_is_one_and_more_than_is_left_is_refused),
        TEST(an_exit_in_parts_closes_the_position_over_several_orders),
        TEST(an_order_with_a_part_is_handed_out_again_after_a_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
