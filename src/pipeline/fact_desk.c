/* SPDX-License-Identifier: MIT */
/*
 * Facts from outside, checked and drafted.
 *
 * Invariants
 *  1. What is drafted is taken by mri_market_apply() behind what the desk's market has: the log
 * never holds a fact that the engines would call damage.
 *  2. A fact is compared with the newest of its symbol and kind, in the log or in the same batch.
 * The very same again is repeated; an older one is refused, and so is another bar or other funding
 * of the same time. Of quotes there may be several of one time: the newest is in force.
 *  3. Checks look at the wall clock; nothing that is drafted holds it.
 */
#include "pipeline/fact_desk.h"

#include "base/exact_math.h"
#include "base/fixed.h"
#include "base/problem.h"
#include "base/text.h"
#include "base/utc.h"
#include "pipeline/clock.h"
#include "pipeline/signal_input.h"

#define SECOND_NS ((int64_t)1000000000)

/** Clocks of two machines differ a little; a quote of a live log that is older says nothing of now.
 */
#define FUTURE_NS ((int64_t)5 * SECOND_NS)
#define LATE_NS   ((int64_t)60 * SECOND_NS)

/** Funding is paid every few hours; a rate is a share of the notional. */
#define INTERVAL_MAX_NS ((int64_t)7 * 86400 * SECOND_NS)
#define RATE_MAX        1.0

enum { SOURCE_BYTES_MAX = 64 };

mr_err mri_fact_desk_init(struct mri_fact_desk *desk, const struct mri_alloc *alloc,
    const struct mri_market *market, bool is_live)
{
    *desk = (struct mri_fact_desk){.alloc = alloc, .market = market, .is_live = is_live};
    return mri_fact_desk_begin(desk, 0, 0);
}

void mri_fact_desk_fini(struct mri_fact_desk *desk)
{
    if (desk != NULL && desk->alloc != NULL) {
        mri_alloc_free(desk->alloc, desk->seen, desk->symbols_max * sizeof(*desk->seen));
        *desk = (struct mri_fact_desk){0};
    }
}

mr_err mri_fact_desk_begin(
    struct mri_fact_desk *desk, int64_t event_time_unix_ns, int64_t wall_unix_ns)
{
    uint32_t symbols_max = desk->market->instruments.count_max;
    if (symbols_max > desk->symbols_max) {
        void *block;
        mr_err err = mri_alloc_array(desk->alloc, symbols_max, sizeof(*desk->seen), &block);
        if (err != MR_OK) {
            return err;
        }
        mri_alloc_free(desk->alloc, desk->seen, desk->symbols_max * sizeof(*desk->seen));
        desk->seen = block;
        desk->symbols_max = symbols_max;
    }
    desk->batch++;
    desk->event_time_unix_ns = event_time_unix_ns;
    desk->wall_unix_ns = wall_unix_ns;
    return MR_OK;
}

/** What the symbol had last, as of the batch so far. */
static struct mri_fact_seen *seen_of(struct mri_fact_desk *desk, uint32_t symbol)
{
    struct mri_fact_seen *seen = &desk->seen[symbol];
    if (seen->batch != desk->batch) {
        const struct mri_market_symbol *known = mri_market_symbol(desk->market, symbol);
        *seen = (struct mri_fact_seen){.batch = desk->batch,
            .candle = known->candle,
            .quote = known->quote,
            .funding = known->funding};
    }
    return seen;
}

/* ---- numbers --------------------------------------------------------------------------------- */

mr_err mri_fact_desk_symbol(
    const struct mri_instrument_spec *spec, enum mri_event_type type, mr_problem *reterr_problem)
{
    const char *kind = type == MRI_EVENT_QUOTE    ? "quote"
                       : type == MRI_EVENT_CANDLE ? "candle"
                                                  : "funding";
    return spec->is_provisional == 0
               ? MR_OK
               : mri_problem(reterr_problem, MR_REFUSED,
                     "symbol: %s is provisional, without an instrument: no %s of it is taken",
                     spec->symbol, kind);
}

enum mri_reason mri_fact_desk_price(
    const struct mri_instrument_spec *spec, double value, int64_t *ret_price)
{
    int64_t price;
    if (!mri_is_finite(value)) {
        return MRI_REASON_ROW_NUMBER;
    }
    if (value <= 0.0) {
        return MRI_REASON_ROW_NOT_POSITIVE;
    }
    if (mri_fixed_from_double(value, spec->price_decimals, &price) != MR_OK) {
        return MRI_REASON_ROW_NUMBER;
    }
    double off = mri_abs(mri_fixed_to_double(price, spec->price_decimals) - value);
    if (price == 0 || off > value * 1e-9) {
        return MRI_REASON_ROW_OFF_TICK;
    }
    *ret_price = price;
    return MRI_REASON_NONE;
}

enum mri_reason mri_fact_desk_quantity(
    const struct mri_instrument_spec *spec, double value, int64_t *ret_quantity)
{
    if (!mri_is_finite(value)) {
        return MRI_REASON_ROW_NUMBER;
    }
    if (value < 0.0) {
        return MRI_REASON_ROW_NOT_POSITIVE;
    }
    return mri_fixed_from_double(value, spec->quantity_decimals, ret_quantity) == MR_OK
               ? MRI_REASON_NONE
               : MRI_REASON_ROW_NUMBER;
}

/* ---- checks ---------------------------------------------------------------------------------- */

/** What is being checked. */
struct check {
    const struct mri_fact_desk *desk;
    const struct mri_fact_input *input;
    const struct mri_instrument_spec *spec;
    struct mri_fact_answer *answer;
    mr_problem *problem;
};

static mr_err refuse(const struct check *check, enum mri_reason reason, const char *text)
{
    check->answer->reason = reason;
    return mri_problem(check->problem, MR_REFUSED, "%s", text);
}

static mr_err check_price(const struct check *check, const char *field, int64_t price)
{
    char text[2][MRI_FIXED_TEXT_BYTES];
    const struct mri_instrument_spec *spec = check->spec;
    const char *found = mri_fixed_format(price, spec->price_decimals, text[0]);
    if (price <= 0) {
        check->answer->reason = MRI_REASON_ROW_NOT_POSITIVE;
        return mri_problem(
            check->problem, MR_REFUSED, "%s: expected a price above zero, found %s", field, found);
    }
    if (price % spec->tick != 0) {
        check->answer->reason = MRI_REASON_ROW_OFF_TICK;
        return mri_problem(check->problem, MR_REFUSED,
            "%s: expected a multiple of the tick %s, found %s", field,
            mri_fixed_format(spec->tick, spec->price_decimals, text[1]), found);
    }
    return MR_OK;
}

/** As of a signal: absent, or a name. */
static mr_err check_source(const struct check *check)
{
    struct mri_slice source = check->input->source;
    mr_err err = source.bytes == NULL
                     ? MR_OK
                     : mri_signal_input_check_blank(source, "source", check->problem);
    if (err != MR_OK) {
        check->answer->reason = MRI_REASON_ROW_TEXT;
        return err;
    }
    bool is_good = source.count <= SOURCE_BYTES_MAX && mri_text_is_utf8(source) &&
                   !mri_text_has_control(source);
    return is_good ? MR_OK
                   : refuse(check, MRI_REASON_ROW_TEXT,
                         "source: expected up to 64 bytes of UTF-8 without control characters");
}

static mr_err refuse_time(
    const struct check *check, enum mri_reason reason, const char *why, int64_t other_unix_ns)
{
    char text[2][MRI_UTC_BYTES];
    check->answer->reason = reason;
    return mri_problem(check->problem, MR_REFUSED, "%s: %s %s %s",
        check->input->type == MRI_EVENT_CANDLE ? "close_time" : "time",
        mri_utc_format(check->input->time_unix_ns, text[0]), why,
        mri_utc_format(other_unix_ns, text[1]));
}

/** The time on its own, and against the clocks. */
static mr_err check_time(const struct check *check)
{
    const struct mri_fact_desk *desk = check->desk;
    int64_t time = check->input->time_unix_ns;
    bool is_candle = check->input->type == MRI_EVENT_CANDLE;
    if (time == 0) {
        return desk->is_live && !is_candle
                   ? MR_OK
                   : refuse(check, MRI_REASON_ROW_TIME,
                         is_candle ? "close_time: expected when the bar closed"
                                   : "time: expected the venue's, this log is simulated");
    }
    if (time < MRI_CLOCK_FIRST_UNIX_NS || time >= MRI_CLOCK_BEYOND_UNIX_NS) {
        return refuse(check, MRI_REASON_ROW_TIME,
            is_candle ? "close_time: expected one from 2000 to 2099"
                      : "time: expected one from 2000 to 2099");
    }
    int64_t now = desk->wall_unix_ns > desk->event_time_unix_ns ? desk->wall_unix_ns
                                                                : desk->event_time_unix_ns;
    if (time > now + FUTURE_NS) {
        return refuse_time(check, MRI_REASON_ROW_FUTURE, "lies after the clock's", now);
    }
    if (desk->is_live && !is_candle && time < desk->event_time_unix_ns - LATE_NS) {
        return refuse_time(
            check, MRI_REASON_ROW_LATE, "lies too long before now,", desk->event_time_unix_ns);
    }
    return MR_OK;
}

/** In order: in a simulated log over all, in a live one for each symbol and kind. */
static mr_err check_order(const struct check *check, int64_t newest_unix_ns)
{
    const struct mri_fact_desk *desk = check->desk;
    int64_t time = check->input->time_unix_ns;
    if (time != 0 && time < newest_unix_ns) {
        return refuse_time(check, MRI_REASON_ROW_BACKWARDS,
            "lies before the newest one of the symbol,", newest_unix_ns);
    }
    if (!desk->is_live && time < desk->event_time_unix_ns) {
        return refuse_time(check, MRI_REASON_ROW_BACKWARDS,
            "lies before the log's event time (facts come in order of time),",
            desk->event_time_unix_ns);
    }
    return MR_OK;
}

/* ---- drafting -------------------------------------------------------------------------------- */

/** The event time of a quote or of funding. */
static int64_t event_time(const struct mri_fact_desk *desk, int64_t venue_unix_ns)
{
    return desk->is_live ? desk->event_time_unix_ns : venue_unix_ns;
}

static void move_time(struct mri_fact_desk *desk, int64_t time_unix_ns)
{
    if (!desk->is_live && time_unix_ns > desk->event_time_unix_ns) {
        desk->event_time_unix_ns = time_unix_ns;
    }
}

static mr_err check_quote(const struct check *check)
{
    const struct mri_fact_input *input = check->input;
    mr_err err = check_price(check, "bid", input->quote.bid);
    if (err == MR_OK) {
        err = check_price(check, "ask", input->quote.ask);
    }
    if (err == MR_OK && input->quote.bid > input->quote.ask) {
        err = refuse(check, MRI_REASON_ROW_CROSSED, "bid: expected one that is not above the ask");
    }
    bool is_below = (input->quote.has_bid_quantity && input->quote.bid_quantity < 0) ||
                    (input->quote.has_ask_quantity && input->quote.ask_quantity < 0);
    if (err == MR_OK && is_below) {
        err = refuse(check, MRI_REASON_ROW_NOT_POSITIVE,
            "bid_quantity and ask_quantity: expected zero or more");
    }
    return err == MR_OK ? check_source(check) : err;
}

static bool is_same_quote(const struct mri_quote *a, const struct mri_quote *b)
{
    return (b->present & MRI_HAS_VENUE_TIME) != 0 && a->present == b->present &&
           a->venue_time_unix_ns == b->venue_time_unix_ns && a->bid == b->bid && a->ask == b->ask &&
           a->bid_quantity == b->bid_quantity && a->ask_quantity == b->ask_quantity;
}

static mr_err draft_quote(
    struct mri_fact_desk *desk, const struct check *check, struct mri_batch *batch)
{
    const struct mri_fact_input *input = check->input;
    struct mri_fact_seen *seen = seen_of(desk, input->symbol);
    const struct mri_quote fixed = {
        .event_time_unix_ns = event_time(desk, input->time_unix_ns),
        .venue_time_unix_ns = input->time_unix_ns,
        .bid = input->quote.bid,
        .ask = input->quote.ask,
        .bid_quantity = input->quote.has_bid_quantity ? input->quote.bid_quantity : 0,
        .ask_quantity = input->quote.has_ask_quantity ? input->quote.ask_quantity : 0,
        .symbol = input->symbol,
        .instrument = input->symbol,
        .present = (uint16_t)((input->quote.has_bid_quantity ? MRI_HAS_BID_QUANTITY : 0) |
                              (input->quote.has_ask_quantity ? MRI_HAS_ASK_QUANTITY : 0) |
                              (input->time_unix_ns != 0 ? MRI_HAS_VENUE_TIME : 0)),
    };
    mr_err err = check_quote(check);
    if (err == MR_OK && is_same_quote(&seen->quote, &fixed)) {
        check->answer->is_repeated = true;
        return MR_OK;
    }
    if (err == MR_OK) {
        err = check_order(check, seen->quote.venue_time_unix_ns);
    }
    if (err == MR_OK) {
        err = mri_batch_add(batch,
            &(struct mri_draft){.type = MRI_EVENT_QUOTE, .fixed = &fixed, .texts = {input->source}},
            0);
    }
    if (err == MR_OK) {
        seen->quote = fixed;
        move_time(desk, fixed.event_time_unix_ns);
    }
    return err;
}

/** A volume is a quantity: sums and means over any number of bars stay finite. */
static mr_err check_volume(const struct check *check)
{
    double volume = check->input->candle.volume;
    unsigned decimals = check->spec->quantity_decimals;
    int64_t quantity;
    char most[MRI_FIXED_TEXT_BYTES];
    check->answer->reason = mri_fact_desk_quantity(check->spec, volume, &quantity);
    return check->answer->reason == MRI_REASON_NONE
               ? MR_OK
               : mri_problem(check->problem, MR_REFUSED,
                     "volume: expected a number from 0 to %s, found %g",
                     mri_fixed_format(INT64_MAX, decimals, most), volume);
}

static mr_err check_candle(const struct check *check)
{
    const struct mri_fact_input *input = check->input;
    const struct {
        const char *field;
        int64_t price;
    } prices[] = {{"open", input->candle.open}, {"high", input->candle.high},
        {"low", input->candle.low}, {"close", input->candle.close}};
    if (input->candle.duration_ns != 0 && input->candle.duration_ns != MRI_BAR_NS) {
        return refuse(check, MRI_REASON_ROW_TIME, "duration: expected bars of one minute");
    }
    if (input->time_unix_ns % MRI_BAR_NS != 0) {
        return refuse(check, MRI_REASON_ROW_TIME, "close_time: expected a full minute");
    }
    for (size_t i = 0; i < MRI_COUNT_OF(prices); i++) {
        mr_err err = check_price(check, prices[i].field, prices[i].price);
        if (err != MR_OK) {
            return err;
        }
    }
    bool is_enclosed =
        input->candle.low <= input->candle.open && input->candle.low <= input->candle.close &&
        input->candle.high >= input->candle.open && input->candle.high >= input->candle.close;
    if (!is_enclosed) {
        return refuse(check, MRI_REASON_ROW_INCONSISTENT,
            "high and low: expected them to enclose open and close");
    }
    return check_volume(check);
}

static bool is_same_candle(const struct mri_candle *a, const struct mri_candle *b)
{
    return a->close_time_unix_ns == b->close_time_unix_ns && a->duration_ns == b->duration_ns &&
           a->open == b->open && a->high == b->high && a->low == b->low && a->close == b->close &&
           a->volume == b->volume;
}

static mr_err draft_gap(
    const struct mri_candle *before, const struct mri_candle *candle, struct mri_batch *batch)
{
    int64_t missing =
        (candle->close_time_unix_ns - before->close_time_unix_ns) / candle->duration_ns - 1;
    if (before->close_time_unix_ns == 0 || missing <= 0) {
        return MR_OK;
    }
    const struct mri_market_gap fixed = {
        .from_unix_ns = before->close_time_unix_ns,
        .to_unix_ns = candle->close_time_unix_ns,
        .missing_bars = (uint32_t)missing,
        .symbol = candle->symbol,
    };
    return mri_batch_add(
        batch, &(struct mri_draft){.type = MRI_EVENT_MARKET_GAP, .fixed = &fixed}, 0);
}

static mr_err draft_candle(
    struct mri_fact_desk *desk, const struct check *check, struct mri_batch *batch)
{
    const struct mri_fact_input *input = check->input;
    struct mri_fact_seen *seen = seen_of(desk, input->symbol);
    const struct mri_candle fixed = {
        .close_time_unix_ns = input->time_unix_ns,
        .duration_ns = MRI_BAR_NS,
        .open = input->candle.open,
        .high = input->candle.high,
        .low = input->candle.low,
        .close = input->candle.close,
        .volume = input->candle.volume + 0.0, /* -0 becomes 0 */
        .symbol = input->symbol,
        .instrument = input->symbol,
    };
    mr_err err = check_candle(check);
    if (err == MR_OK && is_same_candle(&seen->candle, &fixed)) {
        check->answer->is_repeated = true;
        return MR_OK;
    }
    if (err == MR_OK && fixed.close_time_unix_ns == seen->candle.close_time_unix_ns) {
        return refuse(check, MRI_REASON_ROW_DUPLICATE,
            "close_time: the log has another bar of the same time");
    }
    if (err == MR_OK) {
        err = check_order(check, seen->candle.close_time_unix_ns);
    }
    if (err == MR_OK) {
        err = draft_gap(&seen->candle, &fixed, batch);
    }
    if (err == MR_OK) {
        err =
            mri_batch_add(batch, &(struct mri_draft){.type = MRI_EVENT_CANDLE, .fixed = &fixed}, 0);
    }
    if (err == MR_OK) {
        seen->candle = fixed;
        move_time(desk, fixed.close_time_unix_ns);
    }
    return err;
}

static mr_err check_funding(const struct check *check)
{
    const struct mri_fact_input *input = check->input;
    double rate = input->funding.rate;
    if (!mri_is_finite(rate) || mri_abs(rate) > RATE_MAX) {
        return refuse(check, MRI_REASON_ROW_NUMBER,
            "rate: expected a share of the notional from -1 to 1 (0.0001 is one basis point)");
    }
    if (input->funding.interval_ns < 0 || input->funding.interval_ns > INTERVAL_MAX_NS) {
        return refuse(check, MRI_REASON_ROW_TIME, "interval: expected a time of up to 7 days");
    }
    int64_t next = input->funding.next_time_unix_ns;
    int64_t since = event_time(check->desk, input->time_unix_ns);
    if (next != 0 && (next < since || next > since + INTERVAL_MAX_NS)) {
        return refuse(
            check, MRI_REASON_ROW_TIME, "next_time: expected a time at most 7 days after this one");
    }
    return check_source(check);
}

static bool is_same_funding(const struct mri_funding *a, const struct mri_funding *b)
{
    return (b->present & MRI_HAS_FUNDING_VENUE_TIME) != 0 && a->present == b->present &&
           a->venue_time_unix_ns == b->venue_time_unix_ns && a->rate == b->rate &&
           a->interval_ns == b->interval_ns && a->next_time_unix_ns == b->next_time_unix_ns;
}

static mr_err draft_funding(
    struct mri_fact_desk *desk, const struct check *check, struct mri_batch *batch)
{
    const struct mri_fact_input *input = check->input;
    struct mri_fact_seen *seen = seen_of(desk, input->symbol);
    mr_err err = check_funding(check);
    if (err != MR_OK) {
        return err;
    }
    const struct mri_funding fixed = {
        .event_time_unix_ns = event_time(desk, input->time_unix_ns),
        .venue_time_unix_ns = input->time_unix_ns,
        .next_time_unix_ns = input->funding.next_time_unix_ns,
        .interval_ns = input->funding.interval_ns,
        .rate = input->funding.rate + 0.0, /* -0 becomes 0 */
        .symbol = input->symbol,
        .instrument = input->symbol,
        .present = (uint16_t)((input->funding.interval_ns != 0 ? MRI_HAS_FUNDING_INTERVAL : 0) |
                              (input->funding.next_time_unix_ns != 0 ? MRI_HAS_FUNDING_NEXT : 0) |
                              (input->time_unix_ns != 0 ? MRI_HAS_FUNDING_VENUE_TIME : 0)),
    };
    if (is_same_funding(&seen->funding, &fixed)) {
        check->answer->is_repeated = true;
        return MR_OK;
    }
    if (input->time_unix_ns != 0 && input->time_unix_ns == seen->funding.venue_time_unix_ns) {
        return refuse(
            check, MRI_REASON_ROW_DUPLICATE, "time: the log has other funding of the same time");
    }
    err = check_order(check, seen->funding.venue_time_unix_ns);
    if (err == MR_OK) {
        err = mri_batch_add(batch,
            &(struct mri_draft){
                .type = MRI_EVENT_FUNDING, .fixed = &fixed, .texts = {input->source}},
            0);
    }
    if (err == MR_OK) {
        seen->funding = fixed;
        move_time(desk, fixed.event_time_unix_ns);
    }
    return err;
}

static mr_err draft_quarantined(
    const struct mri_fact_desk *desk, const struct mri_fact_input *input, struct mri_batch *batch)
{
    const struct mri_quarantined fixed = {
        .event_time_unix_ns = desk->event_time_unix_ns,
        .line = input->quarantined.line,
        .symbol = input->symbol,
        .reason = (uint16_t)input->quarantined.reason,
    };
    return mri_batch_add(batch,
        &(struct mri_draft){
            .type = MRI_EVENT_QUARANTINED, .fixed = &fixed, .texts = {input->quarantined.row}},
        0);
}

mr_err mri_fact_desk_draft(struct mri_fact_desk *desk, const struct mri_fact_input *input,
    struct mri_batch *batch, struct mri_fact_answer *ret_answer, mr_problem *reterr_problem)
{
    *ret_answer = (struct mri_fact_answer){0};
    if (input->type == MRI_EVENT_QUARANTINED) {
        return draft_quarantined(desk, input, batch);
    }
    const struct check check = {
        .desk = desk,
        .input = input,
        .spec = mri_instruments_get(&desk->market->instruments, input->symbol),
        .answer = ret_answer,
        .problem = reterr_problem,
    };
    if (check.spec == NULL) {
        return refuse(
            &check, MRI_REASON_ROW_UNKNOWN_SYMBOL, "symbol: expected a registered symbol");
    }
    mr_err err = mri_fact_desk_symbol(check.spec, input->type, reterr_problem);
    if (err != MR_OK) {
        ret_answer->reason = MRI_REASON_ROW_UNKNOWN_SYMBOL;
        return err;
    }
    err = check_time(&check);
    if (err != MR_OK) {
        return err;
    }
    switch (input->type) {
    case MRI_EVENT_QUOTE:
        return draft_quote(desk, &check, batch);
    case MRI_EVENT_CANDLE:
        return draft_candle(desk, &check, batch);
    default:
        MRI_ASSERT(input->type == MRI_EVENT_FUNDING);
        return draft_funding(desk, &check, batch);
    }
}
