/* SPDX-License-Identifier: MIT */
/*
 * Facts from outside: every field that can be wrong has its reason, what is drafted is taken by the
 * market, and nothing but the venue's word gets into it.
 */
#include "pipeline/fact_desk.h"

#include <math.h>
#include <string.h>

#include "base/prng.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/engine_sample.h"
#include "tests/lib/failing_alloc.h"

#define T0     MRI_ENGINE_SAMPLE_T0_UNIX_NS
#define MINUTE MRI_ENGINE_SAMPLE_MINUTE_NS
#define SECOND ((int64_t)1000000000)

enum { SYMBOLS = 2, BID = 10000, ASK = 10002 };

static struct mri_engine_sample sample;
static struct mri_fact_desk desk;
static struct mri_batch batch;
static struct mri_fact_answer answer;
static mr_problem problem;
static int64_t wall;

static void begin(bool is_live)
{
    mri_engine_sample_init(&sample, SYMBOLS);
    assert_int_equal(mri_fact_desk_init(&desk, mri_alloc_system(), &sample.market, is_live), MR_OK);
    assert_int_equal(mri_batch_init(&batch, mri_alloc_system(), 16, 65536), MR_OK);
    wall = T0 + 1000 * MINUTE;
}

static int set_up(void **fixture)
{
    (void)fixture;
    begin(false);
    return 0;
}

static int set_up_live(void **fixture)
{
    (void)fixture;
    begin(true);
    return 0;
}

static int tear_down(void **fixture)
{
    (void)fixture;
    mri_batch_fini(&batch);
    mri_fact_desk_fini(&desk);
    mri_engine_sample_fini(&sample);
    return 0;
}

static struct mri_fact_input quote(int64_t seconds, int64_t bid, int64_t ask)
{
    struct mri_fact_input input = {.type = MRI_EVENT_QUOTE, .time_unix_ns = T0 + seconds * SECOND};
    input.quote.bid = bid;
    input.quote.ask = ask;
    return input;
}

static struct mri_fact_input candle(int64_t minute, int64_t price)
{
    struct mri_fact_input input = {.type = MRI_EVENT_CANDLE, .time_unix_ns = T0 + minute * MINUTE};
    input.candle.open = price;
    input.candle.high = price + 2;
    input.candle.low = price - 2;
    input.candle.close = price + 1;
    input.candle.volume = 3.0;
    return input;
}

static struct mri_fact_input funding(int64_t seconds, double rate)
{
    struct mri_fact_input input = {
        .type = MRI_EVENT_FUNDING, .time_unix_ns = T0 + seconds * SECOND};
    input.funding.rate = rate;
    return input;
}

/** Draft, and let the market take what was drafted: it must. */
static mr_err take(const struct mri_fact_input *input)
{
    problem.text[0] = '\0';
    assert_int_equal(mri_fact_desk_begin(&desk, sample.market.event_time_unix_ns, wall), MR_OK);
    mri_batch_begin(&batch, 1, 1);
    mr_err err = mri_fact_desk_draft(&desk, input, &batch, &answer, &problem);
    for (uint32_t i = 0; i < batch.count; i++) {
        struct mri_event event = mri_batch_event(&batch, i);
        assert_int_equal(mri_market_apply(&sample.market, &event), MR_OK);
    }
    assert_int_equal(err == MR_REFUSED, problem.text[0] != '\0');
    assert_true(err == MR_OK || batch.count == 0);
    return err;
}

static void taken(struct mri_fact_input input)
{
    mr_err err = take(&input);
    if (err != MR_OK || answer.is_repeated) {
        fail_msg("%s: %s", mr_err_name(err), problem.text);
    }
}

static void repeated(struct mri_fact_input input)
{
    assert_int_equal(take(&input), MR_OK);
    assert_true(answer.is_repeated);
    assert_int_equal(batch.count, 0);
}

static void refused(struct mri_fact_input input, enum mri_reason reason)
{
    mr_err err = take(&input);
    if (err != MR_REFUSED || answer.reason != reason) {
        fail_msg("%s, reason %d instead of %d: %s", mr_err_name(err), (int)answer.reason,
            (int)reason, problem.text);
    }
}

#define WITH(input, change)                                                                        \
    do {                                                                                           \
        struct mri_fact_input changed = (input);                                                   \
        changed.change;                                                                            \
        (input) = changed;                                                                         \
    } while (0)

static void a_quote_is_taken_with_what_it_has_and_no_more(void **fixture)
{
    (void)fixture;
    struct mri_fact_input input = quote(7, BID, ASK);
    input.source = mri_slice_of("ws");
    input.quote.has_ask_quantity = true;
    input.quote.ask_quantity = 1500;
    input.quote.bid_quantity = 9; /* not given: not kept */
    taken(input);
    struct mri_event event = mri_batch_event(&batch, 0);
    const struct mri_quote *fixed = event.body;
    assert_int_equal(batch.count, 1);
    assert_int_equal(fixed->event_time_unix_ns, T0 + 7 * SECOND);
    assert_int_equal(fixed->venue_time_unix_ns, T0 + 7 * SECOND);
    assert_int_equal(fixed->present, MRI_HAS_ASK_QUANTITY | MRI_HAS_VENUE_TIME);
    assert_int_equal(fixed->ask_quantity, 1500);
    assert_int_equal(fixed->bid_quantity, 0);
    assert_true(mri_slice_is(mri_event_text(&event, MRI_TEXT_quote_source), "ws"));
    assert_int_equal(mri_market_symbol(&sample.market, 0)->price.price, 10001);
    assert_int_equal(sample.market.event_time_unix_ns, T0 + 7 * SECOND);
}

static void each_wrong_field_of_a_quote_has_its_reason(void **fixture)
{
    (void)fixture;
    struct mri_fact_input input;
    static const char long_source[] =
        "01234567890123456789012345678901234567890123456789012345678901234";
    refused(quote(1, 0, ASK), MRI_REASON_ROW_NOT_POSITIVE);
    refused(quote(1, -5, ASK), MRI_REASON_ROW_NOT_POSITIVE);
    refused(quote(1, BID, 0), MRI_REASON_ROW_NOT_POSITIVE);
    refused(quote(1, ASK, BID), MRI_REASON_ROW_CROSSED);
    taken(quote(1, BID, BID)); /* locked is not crossed */
    sample.market.instruments.specs[0].tick = 2;
    refused(quote(2, BID + 1, ASK), MRI_REASON_ROW_OFF_TICK);
    refused(quote(2, BID, ASK + 1), MRI_REASON_ROW_OFF_TICK);
    sample.market.instruments.specs[0].tick = 1;
    input = quote(2, BID, ASK);
    WITH(input, symbol = SYMBOLS);
    refused(input, MRI_REASON_ROW_UNKNOWN_SYMBOL);
    input = quote(2, BID, ASK);
    WITH(input, time_unix_ns = 0);
    refused(input, MRI_REASON_ROW_TIME);
    WITH(input, time_unix_ns = 5);
    refused(input, MRI_REASON_ROW_TIME);
    WITH(input, time_unix_ns = INT64_MAX);
    refused(input, MRI_REASON_ROW_TIME);
    WITH(input, time_unix_ns = wall + 6 * SECOND);
    refused(input, MRI_REASON_ROW_FUTURE);
    input = quote(2, BID, ASK);
    input.quote.has_bid_quantity = true;
    input.quote.bid_quantity = -1;
    refused(input, MRI_REASON_ROW_NOT_POSITIVE);
    input = quote(2, BID, ASK);
    WITH(input, source = mri_slice_of(long_source));
    refused(input, MRI_REASON_ROW_TEXT);
    WITH(input, source = mri_slice_of("a\nb"));
    refused(input, MRI_REASON_ROW_TEXT);
    WITH(input, source = mri_slice_of("\xff"));
    refused(input, MRI_REASON_ROW_TEXT);
    WITH(input, source = mri_slice_of(""));
    refused(input, MRI_REASON_ROW_TEXT);
    WITH(input, source = mri_slice_of("  "));
    refused(input, MRI_REASON_ROW_TEXT);
}

static void each_wrong_field_of_a_bar_has_its_reason(void **fixture)
{
    (void)fixture;
    struct mri_fact_input input;
    int64_t *const prices[] = {
        &input.candle.open, &input.candle.high, &input.candle.low, &input.candle.close};
    for (size_t i = 0; i < MRI_COUNT_OF(prices); i++) {
        input = candle(1, BID);
        *prices[i] = 0;
        refused(input, MRI_REASON_ROW_NOT_POSITIVE);
        input = candle(1, BID);
        sample.market.instruments.specs[0].tick = 3;
        refused(input, MRI_REASON_ROW_OFF_TICK);
        sample.market.instruments.specs[0].tick = 1;
    }
    input = candle(1, BID);
    input.candle.high = input.candle.close - 1;
    refused(input, MRI_REASON_ROW_INCONSISTENT);
    input = candle(1, BID);
    input.candle.low = input.candle.open + 1;
    refused(input, MRI_REASON_ROW_INCONSISTENT);
    const double volumes[] = {(double)NAN, (double)INFINITY, -1.0, 1e300, 1e19};
    for (size_t i = 0; i < MRI_COUNT_OF(volumes); i++) {
        input = candle(1, BID);
        input.candle.volume = volumes[i];
        refused(input, i == 2 ? MRI_REASON_ROW_NOT_POSITIVE : MRI_REASON_ROW_NUMBER);
    }
    input = candle(1, BID);
    input.candle.duration_ns = 5 * MINUTE;
    refused(input, MRI_REASON_ROW_TIME);
    input = candle(1, BID);
    WITH(input, time_unix_ns = T0 + MINUTE + 1);
    refused(input, MRI_REASON_ROW_TIME);
    WITH(input, time_unix_ns = 0);
    refused(input, MRI_REASON_ROW_TIME);
    assert_int_equal(sample.market.event_time_unix_ns, 0);
}

static void each_wrong_field_of_funding_has_its_reason(void **fixture)
{
    (void)fixture;
    const double rates[] = {(double)NAN, (double)INFINITY, -(double)INFINITY, 1.5, -1.5};
    for (size_t i = 0; i < MRI_COUNT_OF(rates); i++) {
        refused(funding(1, rates[i]), MRI_REASON_ROW_NUMBER);
    }
    struct mri_fact_input input = funding(1, -0.0003);
    input.funding.interval_ns = -1;
    refused(input, MRI_REASON_ROW_TIME);
    input.funding.interval_ns = (int64_t)8 * 86400 * SECOND;
    refused(input, MRI_REASON_ROW_TIME);
    input.funding.interval_ns = (int64_t)8 * 3600 * SECOND;
    input.funding.next_time_unix_ns = T0;
    refused(input, MRI_REASON_ROW_TIME);
    input.funding.next_time_unix_ns = T0 + (int64_t)30 * 86400 * SECOND;
    refused(input, MRI_REASON_ROW_TIME);
    input.funding.next_time_unix_ns = T0 + (int64_t)8 * 3600 * SECOND;
    taken(input);
    repeated(input);
    refused(funding(1, -0.0004), MRI_REASON_ROW_DUPLICATE);
    const struct mri_funding *kept = &mri_market_symbol(&sample.market, 0)->funding;
    assert_true(kept->rate == -0.0003);
    assert_int_equal(kept->present,
        MRI_HAS_FUNDING_INTERVAL | MRI_HAS_FUNDING_NEXT | MRI_HAS_FUNDING_VENUE_TIME);
    assert_int_equal(mri_market_symbol(&sample.market, 0)->price.time_unix_ns, 0); /* no price */
}

static void the_same_again_is_repeated_and_another_of_the_time_refused(void **fixture)
{
    (void)fixture;
    taken(candle(1, BID));
    repeated(candle(1, BID));
    refused(candle(1, BID + 1), MRI_REASON_ROW_DUPLICATE);
    taken(candle(2, BID));
    refused(candle(1, BID), MRI_REASON_ROW_BACKWARDS);
    taken(quote(130, BID, ASK));
    repeated(quote(130, BID, ASK));
    taken(quote(130, BID, ASK + 1)); /* a venue may say two in a millisecond */
    refused(quote(129, BID, ASK), MRI_REASON_ROW_BACKWARDS);
}

static void in_a_simulated_log_facts_come_in_order_over_all_symbols(void **fixture)
{
    (void)fixture;
    struct mri_fact_input other = candle(4, BID);
    other.symbol = 1;
    taken(candle(5, BID));
    refused(other, MRI_REASON_ROW_BACKWARDS);
    WITH(other, time_unix_ns = T0 + 5 * MINUTE);
    taken(other);
    refused(funding(5 * 60 - 1, 0.1), MRI_REASON_ROW_BACKWARDS);
}

static void bars_that_are_missing_are_told_before_the_next(void **fixture)
{
    (void)fixture;
    taken(candle(1, BID));
    assert_int_equal(batch.count, 1);
    taken(candle(5, BID));
    assert_int_equal(batch.count, 2);
    struct mri_event event = mri_batch_event(&batch, 0);
    assert_int_equal(event.type, MRI_EVENT_MARKET_GAP);
    assert_int_equal(((const struct mri_market_gap *)event.body)->missing_bars, 3);
    assert_int_equal(((const struct mri_market_gap *)event.body)->from_unix_ns, T0 + MINUTE);
}

static void within_a_batch_each_is_compared_with_those_before(void **fixture)
{
    (void)fixture;
    const struct mri_fact_input inputs[] = {
        candle(1, BID), candle(1, BID), candle(3, BID), candle(2, BID)};
    assert_int_equal(mri_fact_desk_begin(&desk, 0, wall), MR_OK);
    mri_batch_begin(&batch, 1, 1);
    for (size_t i = 0; i < 4; i++) {
        mr_err err = mri_fact_desk_draft(&desk, &inputs[i], &batch, &answer, &problem);
        assert_int_equal(err, i == 3 ? MR_REFUSED : MR_OK);
        assert_int_equal(answer.is_repeated, i == 1);
    }
    assert_int_equal(answer.reason, MRI_REASON_ROW_BACKWARDS);
    assert_int_equal(batch.count, 3); /* a bar, a gap, a bar */
    assert_int_equal(mri_fact_desk_begin(&desk, 0, wall), MR_OK);
    mri_batch_begin(&batch, 1, 1); /* nothing of it was appended: it begins anew */
    assert_int_equal(mri_fact_desk_draft(&desk, &inputs[0], &batch, &answer, &problem), MR_OK);
    assert_false(answer.is_repeated);
}

static void in_a_live_log_a_quote_has_the_time_it_came(void **fixture)
{
    (void)fixture;
    assert_int_equal(
        mri_engine_sample_tick(&sample, T0 + 100 * SECOND, MRI_REASON_TIME_PASSED), MR_OK);
    wall = T0 + 100 * SECOND;
    taken(quote(98, BID, ASK));
    const struct mri_quote *kept = &mri_market_symbol(&sample.market, 0)->quote;
    assert_int_equal(kept->event_time_unix_ns, T0 + 100 * SECOND);
    assert_int_equal(kept->venue_time_unix_ns, T0 + 98 * SECOND);
    refused(quote(97, BID, ASK), MRI_REASON_ROW_BACKWARDS);
    refused(quote(106, BID, ASK), MRI_REASON_ROW_FUTURE);
    taken(quote(104, BID, ASK)); /* clocks differ a little */
    struct mri_fact_input input = quote(39, BID, ASK);
    WITH(input, symbol = 1);
    refused(input, MRI_REASON_ROW_LATE);
    WITH(input, time_unix_ns = 0);
    taken(input);
    assert_int_equal(mri_market_symbol(&sample.market, 1)->quote.present, 0);
    taken(input);          /* without a time it is not known to be the same */
    taken(candle(0, BID)); /* a bar comes after its close */
    WITH(input, time_unix_ns = T0 + 101 * SECOND);
    taken(input);
    assert_int_equal(sample.market.event_time_unix_ns, T0 + 100 * SECOND);
}

static void what_is_left_out_is_drafted_with_its_reason(void **fixture)
{
    (void)fixture;
    struct mri_fact_input input = {.type = MRI_EVENT_QUARANTINED, .symbol = UINT32_MAX};
    input.quarantined.reason = MRI_REASON_ROW_CROSSED;
    input.quarantined.line = 12;
    input.quarantined.row = mri_slice_of("{\"bid\":2}");
    taken(input);
    struct mri_event event = mri_batch_event(&batch, 0);
    const struct mri_quarantined *fixed = event.body;
    assert_int_equal(fixed->line, 12);
    assert_int_equal(fixed->reason, MRI_REASON_ROW_CROSSED);
    assert_int_equal(fixed->symbol, UINT32_MAX);
}

static void a_double_is_exactly_a_price_or_none(void **fixture)
{
    (void)fixture;
    const struct mri_instrument_spec spec = mri_engine_sample_spec(0);
    int64_t price = 0;
    assert_int_equal(mri_fact_desk_price(&spec, 81.25, &price), MRI_REASON_NONE);
    assert_int_equal(price, 8125);
    assert_int_equal(
        mri_fact_desk_price(&spec, 0.1 + 0.2, &price), MRI_REASON_NONE); /* 0.30000000000000004 */
    assert_int_equal(price, 30);
    assert_int_equal(mri_fact_desk_price(&spec, 81.255, &price), MRI_REASON_ROW_OFF_TICK);
    assert_int_equal(mri_fact_desk_price(&spec, 0.001, &price), MRI_REASON_ROW_OFF_TICK);
    assert_int_equal(mri_fact_desk_price(&spec, (double)NAN, &price), MRI_REASON_ROW_NUMBER);
    assert_int_equal(mri_fact_desk_price(&spec, (double)INFINITY, &price), MRI_REASON_ROW_NUMBER);
    assert_int_equal(mri_fact_desk_price(&spec, 1e30, &price), MRI_REASON_ROW_NUMBER);
    assert_int_equal(mri_fact_desk_price(&spec, 0.0, &price), MRI_REASON_ROW_NOT_POSITIVE);
    assert_int_equal(mri_fact_desk_price(&spec, -1.0, &price), MRI_REASON_ROW_NOT_POSITIVE);
    assert_int_equal(price, 30);
    assert_int_equal(mri_fact_desk_quantity(&spec, 1.2346, &price), MRI_REASON_NONE);
    assert_int_equal(price, 1235);
    assert_int_equal(mri_fact_desk_quantity(&spec, -0.1, &price), MRI_REASON_ROW_NOT_POSITIVE);
    assert_int_equal(mri_fact_desk_quantity(&spec, (double)NAN, &price), MRI_REASON_ROW_NUMBER);
}

static struct mri_fact_input random_fact(struct mri_prng *prng)
{
    int64_t second = (int64_t)mri_prng_below(prng, 1200);
    int64_t bid = (int64_t)mri_prng_below(prng, 50) - 2;
    struct mri_fact_input input;
    switch (mri_prng_below(prng, 3)) {
    case 0:
        input = quote(second, bid, bid + (int64_t)mri_prng_below(prng, 5) - 1);
        break;
    case 1:
        input = candle(second / 60, bid);
        break;
    default:
        input = funding(second, mri_prng_uniform(prng) * 2.2 - 1.1);
        break;
    }
    input.symbol = (uint32_t)mri_prng_below(prng, SYMBOLS);
    return input;
}

static void whatever_comes_the_market_takes_what_was_drafted(void **fixture)
{
    (void)fixture;
    struct mri_prng prng;
    uint64_t taken_count = 0;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        if (seed > 1) {
            (void)tear_down(NULL);
            begin(seed % 2 == 0);
        }
        mri_prng_init(&prng, seed);
        for (unsigned i = 0; i < 500; i++) {
            struct mri_fact_input input = random_fact(&prng);
            wall = T0 + (int64_t)mri_prng_below(&prng, 1200) * SECOND;
            mr_err err = take(&input); /* applies what it drafts */
            assert_true(err == MR_OK || err == MR_REFUSED);
            assert_true(err == MR_OK || answer.reason != MRI_REASON_NONE);
            taken_count += err == MR_OK;
        }
    }
    assert_true(taken_count > 400);
}

static void a_desk_without_memory_says_so(void **fixture)
{
    (void)fixture;
    struct mri_fact_desk other;
    struct failing_alloc failing;
    failing_alloc_init(&failing, 1);
    assert_int_equal(mri_fact_desk_init(&other, &failing.alloc, &sample.market, false), MR_ENOMEM);
    mri_fact_desk_fini(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            a_quote_is_taken_with_what_it_has_and_no_more, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            each_wrong_field_of_a_quote_has_its_reason, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            each_wrong_field_of_a_bar_has_its_reason, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            each_wrong_field_of_funding_has_its_reason, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            the_same_again_is_repeated_and_another_of_the_time_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            in_a_simulated_log_facts_come_in_order_over_all_symbols, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            bars_that_are_missing_are_told_before_the_next, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            within_a_batch_each_is_compared_with_those_before, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            in_a_live_log_a_quote_has_the_time_it_came, set_up_live, tear_down),
        cmocka_unit_test_setup_teardown(
            what_is_left_out_is_drafted_with_its_reason, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_double_is_exactly_a_price_or_none, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            whatever_comes_the_market_takes_what_was_drafted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_desk_without_memory_says_so, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
