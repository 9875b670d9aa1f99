/* SPDX-License-Identifier: MIT */
/*
 * Orders of executors, and their reports.
 *
 * Invariants
 *  1. A report is appended only behind the very events that it was compared with: of two processes
 *     that report the same at once, one is told that it is repeated, or disputed.
 */
#include "api/order.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/fixed.h"
#include "base/problem.h"
#include "log/read/reader.h"
#include "pipeline/stuck_order.h"

MRI_STATIC_ASSERT(MR_ORDER_ID_BYTES == (int)MRI_ORDER_ID_BYTES, "one id");
MRI_STATIC_ASSERT(MR_ORDER_VENUE_ID_BYTES == (int)MRI_ORDER_TEXT_BYTES_MAX + 1, "one text");

static struct mri_slice slice_of(const char *text)
{
    return text == NULL ? (struct mri_slice){0} : mri_slice_of(text);
}

/* ---- orders ---------------------------------------------------------------------------------- */

/** From the newest report back to the first that names the order's id at the venue. */
static mr_err find_venue_id(
    const struct mr_bus *bus, const struct mri_table_order *order, mr_order *ret_order)
{
    mr_log_reader *reader;
    uint64_t seq = order->report_seq;
    if (order->venue_id_hash == 0) {
        return MR_OK;
    }
    mr_err err = mri_bus_api_open_reader(bus, &reader, NULL);
    if (err != MR_OK) {
        return err;
    }
    while (err == MR_OK && seq > order->intent_seq) {
        struct mri_event event;
        err = mri_fold_read(reader, seq, &event, NULL);
        if (err == MR_OK && event.type == MRI_EVENT_ORDER_REPORT) {
            struct mri_slice id = mri_event_text(&event, MRI_TEXT_order_report_venue_order_id);
            if (id.count > 0 && id.count < MR_ORDER_VENUE_ID_BYTES) {
                (void)snprintf(ret_order->venue_order_id, sizeof(ret_order->venue_order_id), "%.*s",
                    (int)id.count, id.bytes);
                break;
            }
        }
        seq = err == MR_OK ? event.ordinal_prev : 0;
    }
    mr_log_reader_close(reader);
    return err == MR_NOT_FOUND ? MR_OK : err; /* that part of the log was removed */
}

mr_err mri_order_fill(
    const struct mr_bus *bus, const struct mri_order_view *view, mr_order *ret_order)
{
    const struct mri_table_order *order = view->order;
    const struct mri_instrument_spec *spec = view->spec;
    int64_t fee_e8;
    if (spec == NULL) {
        return MR_ECORRUPT;
    }
    *ret_order = (mr_order){
        .intent = {order->intent_seq},
        .report = {order->report_seq},
        .ordinal = {view->ordinal},
        .state = mri_order_state_text((enum mri_order_state)order->state),
        .symbol = spec->symbol,
        .venue = spec->venue,
        .native_name = spec->native_name,
        .leg = mri_word_text(MRI_VOCABULARY_leg, view->leg),
        .type = mri_word_text(MRI_VOCABULARY_order_type, order->type),
        .side = (mr_side)order->side,
        .quantity = mri_fixed_to_double(order->quantity, spec->quantity_decimals),
        .filled_quantity = mri_fixed_to_double(
            mri_order_table_filled(&bus->fold.bus.orders, order, &fee_e8), spec->quantity_decimals),
        .reference_price = mri_fixed_to_double(order->reference_price, spec->price_decimals),
        .intent_time_unix_ns = order->intent_unix_ns,
        .reported_time_unix_ns = order->report_unix_ns,
        .attempt = order->attempt + 1u,
        .is_stuck = order->is_told != 0,
    };
    (void)snprintf(ret_order->id, sizeof(ret_order->id), "%s", view->id);
    return find_venue_id(bus, order, ret_order);
}

static mr_err explain(const struct mr_bus *bus, mr_err err, mr_problem *problem)
{
    return err == MR_OK || mri_bus_api_explain_place(bus, err, problem)
               ? err
               : mri_problem(problem, err, "%s: %s", bus->folder, mr_err_text(err));
}

mr_err mr_bus_order(mr_bus *bus, const char *id, mr_order *ret_order, mr_problem *reterr_problem)
{
    struct mri_order_view view;
    if (bus == NULL || id == NULL || ret_order == NULL) {
        return mri_problem(reterr_problem, MR_EINVAL, "a bus, and the id of an order");
    }
    MRI_ASSERT(bus->magic == MRI_BUS_API_MAGIC);
    mr_err err = mri_bus_api_follow(bus, reterr_problem);
    if (err != MR_OK) {
        return err;
    }
    if (mri_order_desk_find(&bus->fold, mri_slice_of(id), &view) != MR_OK) {
        return mri_problem(reterr_problem, MR_NOT_FOUND, "there is no order %.40s", id);
    }
    return explain(bus, mri_order_fill(bus, &view, ret_order), reterr_problem);
}

static int compare_intents(const void *a, const void *b)
{
    uint64_t x = ((const mr_order *)a)->intent.n;
    uint64_t y = ((const mr_order *)b)->intent.n;
    return x < y ? -1 : x > y;
}

mr_err mr_bus_open_orders(
    mr_bus *bus, mr_order *orders, uint32_t room, uint32_t *ret_count, mr_problem *reterr_problem)
{
    uint32_t count = 0;
    if (bus == NULL || ret_count == NULL || (orders == NULL && room > 0)) {
        return mri_problem(reterr_problem, MR_EINVAL, "a bus, and room for orders");
    }
    MRI_ASSERT(bus->magic == MRI_BUS_API_MAGIC);
    mr_err err = mri_bus_api_follow(bus, reterr_problem);
    if (err != MR_OK) {
        return err;
    }
    for (uint32_t i = 0; i < bus->fold.bus.orders.queue.count && err == MR_OK; i++) {
        struct mri_order_view view = mri_order_desk_at(&bus->fold, i);
        if (!mri_order_is_live((enum mri_order_state)view.order->state)) {
            continue;
        }
        err = count < room ? mri_order_fill(bus, &view, &orders[count]) : MR_OK;
        count++;
    }
    if (err == MR_OK) {
        *ret_count = count;
        if (room > 0) {
            qsort(orders, count < room ? count : room, sizeof(*orders), compare_intents);
        }
    }
    return explain(bus, err, reterr_problem);
}

/* ---- reports --------------------------------------------------------------------------------- */

static struct mri_order_given given_of(const struct mr_bus *bus, const mr_order_report *report)
{
    return (struct mri_order_given){
        .order_id = slice_of(report->id),
        .status = slice_of(report->status),
        .symbol = slice_of(report->symbol),
        .side = slice_of(report->side),
        .venue_order_id = slice_of(report->venue_order_id),
        .executor = slice_of(report->executor),
        .message = slice_of(report->message),
        .time_unix_ns = report->time_unix_ns,
        .clock_unix_ns = bus->os->realtime_unix_ns(bus->os->context),
        .price = report->price,
        .quantity = report->quantity,
        .fee = report->fee,
        .has_price = report->has_price,
        .has_quantity = report->has_quantity,
        .has_fee = report->has_fee,
    };
}

mr_err mr_bus_order_report(mr_bus *bus, const mr_order_report *report, mr_durability durability,
    bool *ret_is_repeated, mr_problem *reterr_problem)
{
    struct mri_order_answer answer = {.reason = MRI_REASON_NONE};
    mr_err drafted;
    if (bus == NULL || report == NULL) {
        return mri_problem(reterr_problem, MR_EINVAL, "a bus, and a report");
    }
    MRI_ASSERT(bus->magic == MRI_BUS_API_MAGIC);
    const struct mri_order_given given = given_of(bus, report);
    mr_err err = mri_bus_api_may_append(bus, reterr_problem);
    if (err != MR_OK) {
        return err;
    }
    do {
        err = mri_bus_api_follow(bus, reterr_problem);
        if (err != MR_OK) {
            return err;
        }
        mri_bus_begin(&bus->fold.bus, &bus->batch);
        int64_t now = mri_outside_clock_now(&bus->clock, bus->fold.bus.event_time_unix_ns);
        err = mri_outside_clock_check(&bus->clock, now, reterr_problem);
        if (err != MR_OK) {
            return err;
        }
        drafted =
            mri_order_desk_draft(&bus->fold, &given, now, &bus->batch, &answer, reterr_problem);
        bool is_disputed = drafted == MR_CONFLICT || drafted == MR_NOT_FOUND;
        if (drafted != MR_OK && !is_disputed) {
            return drafted;
        }
        err = bus->batch.count == 0
                  ? MR_OK
                  : mri_bus_append(&bus->fold.bus, &bus->batch, durability, NULL, NULL);
    } while (err == MR_AGAIN);
    if (err != MR_OK && err != MR_EUNKNOWN) {
        return mri_bus_api_explain(bus, err, bus->fold.bus.full, reterr_problem);
    }
    if (drafted != MR_OK) {
        return drafted;
    }
    if (ret_is_repeated != NULL) {
        *ret_is_repeated = answer.is_repeated;
    }
    return err == MR_OK ? MR_OK : mri_bus_api_explain(bus, err, NULL, reterr_problem);
}
