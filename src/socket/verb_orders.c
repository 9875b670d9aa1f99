/* SPDX-License-Identifier: MIT */
/*
 * Verbs about orders at a venue outside: orders, report.
 *
 * Invariants
 *  1. An order is not told before its intent is durable: the reply waits for the next sync.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/utc.h"
#include "millrace/execution.h"
#include "socket/fact_line_fields.h"
#include "socket/verbs.h"

/** Beyond this the rest is left out, and said so. */
enum { ORDERS_MAX = 1000 };

static void put_order(
    struct mri_line_session *session, struct mri_reply *reply, const mr_order *order)
{
    char id[MR_BUS_ID_BYTES];
    char time[MRI_UTC_BYTES];
    mri_json_write_object_open(&reply->json);
    mri_reply_text(reply, "order", order->id);
    mri_reply_text(reply, "state", order->state);
    mri_reply_text(reply, "signal", mri_verb_signal_id(session, order->ordinal, id));
    mri_reply_text(reply, "symbol", order->symbol);
    mri_reply_text(reply, "venue", order->venue);
    mri_reply_text(reply, "native_name", order->native_name);
    mri_reply_text(reply, "leg", order->leg);
    mri_reply_text(reply, "type", order->type);
    mri_reply_text(reply, "side", order->side == MR_SHORT ? "sell" : "buy");
    mri_json_write_key(&reply->json, "quantity");
    mri_json_write_number(&reply->json, order->quantity);
    mri_json_write_key(&reply->json, "filled_quantity");
    mri_json_write_number(&reply->json, order->filled_quantity);
    mri_json_write_key(&reply->json, "reference_price");
    mri_json_write_number(&reply->json, order->reference_price);
    mri_reply_count(reply, "attempt", order->attempt);
    mri_reply_text(
        reply, "venue_order_id", order->venue_order_id[0] == '\0' ? NULL : order->venue_order_id);
    mri_reply_bool(reply, "stuck", order->is_stuck);
    mri_reply_text(reply, "time", mri_utc_format(order->intent_time_unix_ns, time));
    mri_reply_count(reply, "seq", order->intent.n);
    mri_json_write_object_close(&reply->json);
}

mr_err mri_verb_orders(struct mri_line_session *session, const struct mri_request *request,
    struct mri_request_fault *reterr_fault)
{
    const struct mri_alloc *alloc = session->service->alloc;
    struct mri_reply reply;
    uint32_t count = 0;
    void *block;
    mr_err err = mri_alloc_array(alloc, ORDERS_MAX, sizeof(mr_order), &block);
    if (err != MR_OK) {
        return mri_verb_fail(reterr_fault, err);
    }
    mr_order *orders = block;
    err = mr_bus_open_orders(
        session->service->bus, orders, ORDERS_MAX, &count, &reterr_fault->problem);
    if (err == MR_OK) {
        mri_reply_begin(&reply, session->out, request->id);
        mri_json_write_key(&reply.json, "orders");
        mri_json_write_array_open(&reply.json);
        for (uint32_t i = 0; i < count && i < ORDERS_MAX; i++) {
            put_order(session, &reply, &orders[i]);
        }
        mri_json_write_array_close(&reply.json);
        mri_reply_count(&reply, "count", count);
        session->is_promising = true;
        session->service->needs_sync = true;
        err = mri_verb_end(session, &reply);
    } else {
        err = mri_verb_fail(reterr_fault, err);
    }
    mri_alloc_free(alloc, orders, ORDERS_MAX * sizeof(*orders));
    return err;
}

static const char *text_of(const struct mri_request *request, enum mri_request_field field)
{
    const struct mri_request_value *value = &request->fields[field];
    return value->is_given ? value->text : NULL;
}

static bool number_of(
    const struct mri_request *request, enum mri_request_field field, double *ret_number)
{
    *ret_number = request->fields[field].number;
    return request->fields[field].is_given;
}

static mr_err read_time(const struct mri_line_session *session, const struct mri_request *request,
    int64_t *ret_time, struct mri_request_fault *fault)
{
    const struct mri_request_value *value = &request->fields[MRI_FIELD_TIME];
    *ret_time = 0;
    if (!value->is_given) {
        return MR_OK;
    }
    struct mri_slice text = value->is_text ? mri_slice_of(value->text) : value->raw;
    return mri_fact_line_time(text, ret_time)
               ? MR_OK
               : mri_request_refuse(&session->service->reader, fault, "time", value->raw.bytes,
                     "time: expected one like 2025-05-04T15:34:00Z, or seconds, milliseconds, "
                     "microseconds or nanoseconds since 1970");
}

static mr_err read_report(const struct mri_line_session *session, const struct mri_request *request,
    mr_order_report *report, struct mri_request_fault *fault)
{
    const struct mri_request_reader *reader = &session->service->reader;
    *report = (mr_order_report){
        .id = text_of(request, MRI_FIELD_ORDER),
        .status = text_of(request, MRI_FIELD_STATUS),
        .symbol = text_of(request, MRI_FIELD_SYMBOL),
        .side = text_of(request, MRI_FIELD_SIDE),
        .venue_order_id = text_of(request, MRI_FIELD_VENUE_ORDER_ID),
        .executor = text_of(request, MRI_FIELD_EXECUTOR),
        .message = text_of(request, MRI_FIELD_MESSAGE),
    };
    report->has_price = number_of(request, MRI_FIELD_PRICE, &report->price);
    report->has_quantity = number_of(request, MRI_FIELD_QUANTITY, &report->quantity);
    report->has_fee = number_of(request, MRI_FIELD_FEE, &report->fee);
    if (report->id == NULL || report->id[0] == '\0') {
        return mri_request_refuse(
            reader, fault, "order", NULL, "order is missing: expected a client order id");
    }
    if (report->status == NULL) {
        return mri_request_refuse(reader, fault, "status", NULL,
            "status is missing: expected sent, accepted, filled, rejected, cancelled or unknown");
    }
    return read_time(session, request, &report->time_unix_ns, fault);
}

/** Other surfaces call the field order_id. */
static void say_order(mr_problem *problem)
{
    static const char other[] = "order_id:";
    if (strncmp(problem->text, other, sizeof(other) - 1) == 0) {
        const mr_problem said = *problem;
        (void)snprintf(problem->text, sizeof(problem->text), "order:%.*s",
            (int)(sizeof(said.text) - sizeof(other)), said.text + sizeof(other) - 1);
    }
}

mr_err mri_verb_report(struct mri_line_session *session, const struct mri_request *request,
    struct mri_request_fault *reterr_fault)
{
    struct mri_reply reply;
    mr_order_report report;
    mr_order order;
    bool is_repeated = false;
    bool is_group = true;
    mr_err err = mri_verb_durability(session, request, &is_group, reterr_fault);
    if (err == MR_OK) {
        err = read_report(session, request, &report, reterr_fault);
    }
    if (err != MR_OK) {
        return err;
    }
    mr_bus *bus = session->service->bus;
    err = mr_bus_order_report(bus, &report, MR_ASYNC, &is_repeated, &reterr_fault->problem);
    if (err == MR_REFUSED) {
        const struct mri_request_place place = {
            .reader = &session->service->reader, .fault = reterr_fault};
        say_order(&reterr_fault->problem);
        mri_request_items_name_field(&place, request->fields);
    }
    if (err == MR_OK) {
        err = mr_bus_order(bus, report.id, &order, &reterr_fault->problem);
    }
    if (err != MR_OK) {
        return mri_verb_fail(reterr_fault, err);
    }
    mri_reply_begin(&reply, session->out, request->id);
    mri_reply_text(&reply, "order", order.id);
    mri_reply_text(&reply, "state", order.state);
    mri_reply_bool(&reply, "repeated", is_repeated);
    mri_verb_promise(session, &reply, is_group);
    return mri_verb_end(session, &reply);
}
