/* SPDX-License-Identifier: MIT */
/*
 * Reports of executors, checked and drafted.
 *
 * Invariants
 *  1. What is drafted as an order.report fits the order table as of the fold: the bus and the
 * engines take it.
 *  2. Numbers that a venue cannot mean, because the books could not hold them, are refused here; so
 * is a quantity that the order's instrument could not hold without changing it.
 *  3. A time is compared with the clock; nothing that is drafted holds the clock's.
 */
#include "pipeline/order_desk.h"

#include <stdio.h>

#include "base/exact_math.h"
#include "base/fixed.h"
#include "base/problem.h"
#include "base/text.h"
#include "base/utc.h"
#include "pipeline/clock.h"
#include "pipeline/signal_input.h"

/** A venue's clock differs from this machine's. A minute, as of a log whose time is ahead of the
 * clock (health): a fill has happened, so it is given more than a price has. */
#define FUTURE_NS ((int64_t)60 * 1000000000)

/** And before its order nothing happens at the venue: a day is given, since the log's time of the
 * order is that of a feed where its signals come from one. */
#define PAST_NS ((int64_t)86400 * 1000000000)

/** A billion of the quote currency: the sums of many such fills fit the books. */
#define MONEY_MAX_E8 ((int64_t)100000000000000000)

struct mri_order_view mri_order_desk_view(const struct mri_fold *fold,
    const struct mri_table_order *order, uint32_t ordinal, unsigned leg)
{
    struct mri_order_view view = {.order = order, .ordinal = ordinal, .leg = leg};
    view.spec = mri_instruments_get(&fold->wiring.market.instruments, order->instrument);
    (void)mri_order_table_id(fold->log_number, ordinal, leg, order->attempt, view.id);
    return view;
}

struct mri_order_view mri_order_desk_at(const struct mri_fold *fold, uint32_t index)
{
    uint32_t ordinal;
    unsigned leg;
    const struct mri_table_order *order =
        mri_order_table_at(&fold->bus.orders, index, &ordinal, &leg);
    return mri_order_desk_view(fold, order, ordinal, leg);
}

mr_err mri_order_desk_find(
    const struct mri_fold *fold, struct mri_slice id, struct mri_order_view *ret_view)
{
    struct mri_order_view view = {.order = NULL};
    unsigned attempt;
    if (mri_order_table_parse_id(fold->log_number, id, &view.ordinal, &view.leg, &attempt) !=
        MR_OK) {
        return MR_NOT_FOUND;
    }
    view.order = mri_order_table_attempt(&fold->bus.orders, view.ordinal, view.leg, attempt);
    if (view.order == NULL) {
        return MR_NOT_FOUND;
    }
    view.spec = mri_instruments_get(&fold->wiring.market.instruments, view.order->instrument);
    (void)mri_order_table_id(fold->log_number, view.ordinal, view.leg, attempt, view.id);
    *ret_view = view;
    return MR_OK;
}

/* ---- fields ---------------------------------------------------------------------------------- */

/** What is being checked. */
struct check {
    const struct mri_fold *fold;
    const struct mri_order_given *given;
    struct mri_order_view view; /**< with has_order */
    struct mri_order_claim claim;
    bool has_order;
    bool is_other_symbol; /**< it names one that is not registered */
    mr_problem *problem;
};

static mr_err refuse(const struct check *check, const char *text)
{
    return mri_problem(check->problem, MR_REFUSED, "%s", text);
}

static mr_err check_text(
    const struct check *check, const char *field, struct mri_slice text, size_t bytes_max)
{
    bool is_good = text.count <= bytes_max && mri_text_is_utf8(text) && !mri_text_has_control(text);
    return is_good ? MR_OK
                   : mri_problem(check->problem, MR_REFUSED,
                         "%s: expected up to %zu bytes of UTF-8 without control characters", field,
                         bytes_max);
}

static mr_err check_texts(const struct check *check)
{
    const struct mri_order_given *given = check->given;
    if (given->order_id.count == 0) {
        return refuse(check, "order_id: the client order id is missing");
    }
    mr_err err = check_text(check, "order_id", given->order_id, MRI_ORDER_TEXT_BYTES_MAX);
    if (err == MR_OK) {
        err = check_text(check, "venue_order_id", given->venue_order_id, MRI_ORDER_TEXT_BYTES_MAX);
    }
    if (err == MR_OK) {
        err = check_text(check, "executor", given->executor, MRI_ORDER_TEXT_BYTES_MAX);
    }
    return err == MR_OK ? check_text(check, "message", given->message, MRI_ORDER_MESSAGE_BYTES_MAX)
                        : err;
}

static mr_err read_words(struct check *check)
{
    const struct mri_order_given *given = check->given;
    unsigned status;
    mr_side side;
    if (mri_word_parse(MRI_VOCABULARY_report_status, given->status, &status) != MR_OK) {
        return mri_signal_input_refuse(check->problem, "status",
            "sent, accepted, filled, rejected, cancelled or unknown", given->status);
    }
    check->claim.status = (enum mri_report_status)status;
    if (given->side.bytes != NULL) {
        if (mri_side_parse(given->side, &side) != MR_OK) {
            return mri_signal_input_refuse(
                check->problem, "side", "long, buy, short or sell", given->side);
        }
        check->claim.side = (uint8_t)side;
    }
    check->claim.instrument = UINT32_MAX;
    check->is_other_symbol =
        given->symbol.bytes != NULL && mri_instruments_find(&check->fold->wiring.market.instruments,
                                           given->symbol, &check->claim.instrument) != MR_OK;
    return MR_OK;
}

static mr_err check_time(const struct check *check, int64_t event_time_unix_ns)
{
    char text[2][MRI_UTC_BYTES];
    int64_t time = check->given->time_unix_ns;
    int64_t clock = check->given->clock_unix_ns;
    int64_t now = clock > event_time_unix_ns ? clock : event_time_unix_ns;
    if (time == 0) {
        return check->claim.status == MRI_REPORT_FILLED
                   ? refuse(check, "time: it is missing; filled needs when the venue filled it")
                   : MR_OK;
    }
    if (time < MRI_CLOCK_FIRST_UNIX_NS || time >= MRI_CLOCK_BEYOND_UNIX_NS) {
        return refuse(check, "time: expected one from 2000 to 2099");
    }
    return time <= now + FUTURE_NS
               ? MR_OK
               : mri_problem(check->problem, MR_REFUSED,
                     "time: %s lies more than a minute after the clock's %s",
                     mri_utc_format(time, text[0]), mri_utc_format(now, text[1]));
}

/** A venue tells nothing of an order before there is one. */
static mr_err check_order_time(const struct check *check)
{
    char text[2][MRI_UTC_BYTES];
    int64_t time = check->given->time_unix_ns;
    if (time == 0 || !check->has_order || time >= check->view.order->intent_unix_ns - PAST_NS) {
        return MR_OK;
    }
    return mri_problem(check->problem, MR_REFUSED,
        "time: %s lies more than a day before its order, of %s", mri_utc_format(time, text[0]),
        mri_utc_format(check->view.order->intent_unix_ns, text[1]));
}

/** Which numbers there must be. */
static mr_err check_presence(const struct check *check)
{
    const struct mri_order_given *given = check->given;
    if (check->claim.status != MRI_REPORT_FILLED) {
        return given->has_price || given->has_quantity || given->has_fee
                   ? refuse(check, "price, quantity and fee: expected of filled alone")
                   : MR_OK;
    }
    const char *missing = !given->has_price      ? "price"
                          : !given->has_quantity ? "quantity"
                          : !given->has_fee      ? "fee"
                                                 : NULL;
    if (missing != NULL) {
        return mri_problem(check->problem, MR_REFUSED,
            "%s: it is missing; filled needs price, quantity, fee (0 when there is none) and time",
            missing);
    }
    if (!(given->price > 0.0) || !mri_is_finite(given->price)) {
        return refuse(check, "price: expected a number above zero, what was paid or got");
    }
    if (!(given->quantity > 0.0) || !mri_is_finite(given->quantity)) {
        return refuse(check, "quantity: expected a number above zero, what was filled");
    }
    return mri_is_finite(given->fee)
               ? MR_OK
               : refuse(
                     check, "fee: expected a number, in the quote currency; 0 when there is none");
}

/**
 * A quantity that the instrument can hold: off its decimals by no more than what computing it in
 * doubles leaves, a thousandth of the last one or the last bit of a double.
 */
static bool read_quantity(const struct mri_instrument_spec *spec, double given, int64_t *ret_value)
{
    if (mri_fixed_from_double(given, spec->quantity_decimals, ret_value) != MR_OK ||
        *ret_value <= 0) {
        return false;
    }
    double off = mri_abs(mri_fixed_to_double(*ret_value, spec->quantity_decimals) - given);
    return off * (double)mri_fixed_power(spec->quantity_decimals) <= 1e-3 || off <= given * 0x1p-52;
}

/** The numbers of a fill, in the decimals of the order's instrument. */
static mr_err read_numbers(struct check *check)
{
    const struct mri_order_given *given = check->given;
    const struct mri_instrument_spec *spec = check->view.spec;
    struct mri_order_claim *claim = &check->claim;
    int64_t value;
    if (claim->status != MRI_REPORT_FILLED || !check->has_order) {
        return MR_OK;
    }
    if (mri_fixed_from_double(given->price, spec->price_decimals, &claim->price) != MR_OK ||
        claim->price <= 0 || claim->price > MONEY_MAX_E8) {
        return mri_problem(check->problem, MR_REFUSED,
            "price: expected one that is above zero in the instrument's %u decimals, and fits, "
            "found %.17g",
            (unsigned)spec->price_decimals, given->price);
    }
    if (!read_quantity(spec, given->quantity, &claim->quantity)) {
        return mri_problem(check->problem, MR_REFUSED,
            "quantity: expected one above zero of up to the instrument's %u decimals, that fits, "
            "found %.17g",
            (unsigned)spec->quantity_decimals, given->quantity);
    }
    if (mri_fixed_from_double(given->fee, MRI_MONEY_DECIMALS, &claim->fee_e8) != MR_OK ||
        claim->fee_e8 > MONEY_MAX_E8 || claim->fee_e8 < -MONEY_MAX_E8) {
        return mri_problem(check->problem, MR_REFUSED,
            "fee: expected up to a billion of the quote currency, found %.17g", given->fee);
    }
    int64_t fee_e8;
    (void)mri_order_table_filled(&check->fold->bus.orders, check->view.order, &fee_e8);
    if (fee_e8 + claim->fee_e8 > MONEY_MAX_E8 || fee_e8 + claim->fee_e8 < -MONEY_MAX_E8) {
        return mri_problem(check->problem, MR_REFUSED,
            "fee: expected up to a billion for all parts of the order, found %.17g more",
            given->fee);
    }
    bool is_fit =
        mri_instrument_value_e8(spec, claim->price, check->view.order->quantity, &value) == MR_OK &&
        value <= MONEY_MAX_E8;
    return is_fit ? MR_OK
                  : mri_problem(check->problem, MR_REFUSED,
                        "price: the order's value is more than a billion at %.17g", given->price);
}

/* ---- drafts ---------------------------------------------------------------------------------- */

static const char *reason_about(enum mri_reason reason)
{
    const struct mri_vocabulary *reasons = mri_vocabulary(MRI_VOCABULARY_reason);
    for (size_t i = 0; i < reasons->count; i++) {
        if (reasons->words[i].value == reason) {
            return reasons->words[i].about;
        }
    }
    return "";
}

/** What was said, and what is known instead. */
static void tell(const struct check *check, enum mri_reason reason, mr_problem *message)
{
    const struct mri_order_given *given = check->given;
    char numbers[120] = "";
    mr_problem said;
    if (check->claim.status == MRI_REPORT_FILLED) {
        (void)mri_problem(
            &said, MR_OK, " %.12g at %.12g, fee %.12g", given->quantity, given->price, given->fee);
        (void)snprintf(numbers, sizeof(numbers), "%.119s", said.text);
    }
    (void)mri_problem(message, MR_OK, "%.*s%s%s%.*s%s%.*s of %.*s: %s (%s)",
        (int)given->status.count, given->status.bytes, numbers,
        given->side.bytes == NULL ? "" : " ", (int)given->side.count,
        given->side.bytes == NULL ? "" : given->side.bytes, given->symbol.bytes == NULL ? "" : " ",
        (int)(given->symbol.count < 40 ? given->symbol.count : 40),
        given->symbol.bytes == NULL ? "" : given->symbol.bytes, (int)given->order_id.count,
        given->order_id.bytes, reason_about(reason),
        check->has_order ? mri_order_state_text((enum mri_order_state)check->view.order->state)
                         : "unknown");
}

static mr_err draft_dispute(const struct check *check, enum mri_reason reason,
    int64_t event_time_unix_ns, struct mri_batch *batch)
{
    mr_problem message;
    tell(check, reason, &message);
    struct mri_slice text = mri_slice_of(message.text);
    uint64_t hash = mri_order_table_dispute_hash(check->given->order_id, check->claim.status, text);
    if (!mri_order_table_knows_dispute(&check->fold->bus.orders, hash)) {
        const struct mri_order_disputed fixed = {
            .intent = check->has_order ? mri_batch_ref(batch, check->view.order->intent_seq) : 0,
            .event_time_unix_ns = event_time_unix_ns,
            .reason = (uint16_t)reason,
            .status = (uint8_t)check->claim.status,
        };
        const struct mri_draft draft = {.type = MRI_EVENT_ORDER_DISPUTED,
            .fixed = &fixed,
            .texts = {[MRI_TEXT_order_disputed_order_id] = check->given->order_id,
                [MRI_TEXT_order_disputed_executor] = check->given->executor,
                [MRI_TEXT_order_disputed_message] = text}};
        mr_err err = mri_batch_add(batch, &draft, check->has_order ? check->view.ordinal : 0);
        if (err != MR_OK) {
            return err;
        }
    }
    return mri_problem_behind(check->problem,
        reason == MRI_REASON_ORDER_UNKNOWN ? MR_NOT_FOUND : MR_CONFLICT, message.text,
        "%s: ", mri_word_text(MRI_VOCABULARY_reason, reason));
}

static mr_err draft_report(
    const struct check *check, int64_t event_time_unix_ns, struct mri_batch *batch)
{
    const struct mri_order_claim *claim = &check->claim;
    const struct mri_table_order *order = check->view.order;
    const struct mri_slot *slot = mri_slots_get(&check->fold->bus.slots, check->view.ordinal);
    const struct mri_order_report fixed = {
        .intent = mri_batch_ref(batch, order->intent_seq),
        .signal = mri_batch_ref(batch, slot->generated_seq),
        .event_time_unix_ns = event_time_unix_ns,
        .venue_time_unix_ns = claim->venue_time_unix_ns,
        .quantity = claim->quantity,
        .price = claim->price,
        .fee_e8 = claim->fee_e8,
        .instrument = order->instrument,
        .side = order->side,
        .leg = (uint8_t)claim->leg,
        .status = (uint8_t)claim->status,
    };
    const struct mri_draft draft = {.type = MRI_EVENT_ORDER_REPORT,
        .fixed = &fixed,
        .texts = {[MRI_TEXT_order_report_venue_order_id] = claim->venue_order_id,
            [MRI_TEXT_order_report_executor] = check->given->executor,
            [MRI_TEXT_order_report_message] = check->given->message}};
    return mri_batch_add(batch, &draft, check->view.ordinal);
}

static mr_err read_report(struct check *check, int64_t event_time_unix_ns)
{
    mr_err err = check_texts(check);
    if (err == MR_OK) {
        err = read_words(check);
    }
    check->has_order =
        err == MR_OK &&
        mri_order_desk_find(check->fold, check->given->order_id, &check->view) == MR_OK &&
        check->view.spec != NULL;
    if (check->has_order) { /* that there is no such order is told before its time */
        err = check_time(check, event_time_unix_ns);
    }
    if (err == MR_OK) {
        err = check_presence(check);
    }
    if (err != MR_OK) {
        return err;
    }
    check->claim.venue_time_unix_ns = check->given->time_unix_ns;
    check->claim.venue_order_id = check->given->venue_order_id;
    err = check_order_time(check);
    return err == MR_OK ? read_numbers(check) : err;
}

mr_err mri_order_desk_draft(const struct mri_fold *fold, const struct mri_order_given *given,
    int64_t event_time_unix_ns, struct mri_batch *batch, struct mri_order_answer *ret_answer,
    mr_problem *reterr_problem)
{
    struct check check = {.fold = fold, .given = given, .problem = reterr_problem};
    *ret_answer = (struct mri_order_answer){.reason = MRI_REASON_NONE};
    mr_err err = read_report(&check, event_time_unix_ns);
    if (err != MR_OK) {
        return err;
    }
    if (!check.has_order) {
        ret_answer->reason = MRI_REASON_ORDER_UNKNOWN;
    } else if (check.is_other_symbol) {
        ret_answer->reason = MRI_REASON_SYMBOL_DIFFERS;
    } else {
        (void)mri_order_table_parse_id(fold->log_number, given->order_id, &check.claim.ordinal,
            &check.claim.leg, &check.claim.attempt); /* it was found by it */
        ret_answer->reason =
            mri_order_table_check(&fold->bus.orders, &check.claim, &ret_answer->is_repeated);
    }
    if (ret_answer->reason != MRI_REASON_NONE) {
        return draft_dispute(&check, ret_answer->reason, event_time_unix_ns, batch);
    }
    return ret_answer->is_repeated ? MR_OK : draft_report(&check, event_time_unix_ns, batch);
}
