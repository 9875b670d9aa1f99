/* SPDX-License-Identifier: MIT */
/*
 * Verbs about events: subscribe, unsubscribe, next, ack, nack, wait.
 *
 * Invariants
 *  1. next and wait are tried once when they are asked for, and again by mri_line_session_resume():
 * the same code answers both.
 */
#include <stdio.h>
#include <string.h>

#include "api/bus_loop.h"
#include "socket/verbs.h"

#define MS_NS ((int64_t)1000000)

static mr_err refuse(const struct mri_line_session *session, struct mri_request_fault *fault,
    enum mri_request_field field, const struct mri_request *request, const char *expected)
{
    const struct mri_request_value *value = &request->fields[field];
    const char *key = mri_request_field_key(field);
    return mri_request_refuse(&session->service->reader, fault, key,
        value->is_given ? value->raw.bytes : NULL, "%s%s expected %s", key,
        value->is_given ? ":" : " is missing:", expected);
}

/** The name is this connection's already: two who read one after the other are two connections. */
static mr_err tell_subscribed(const struct mri_line_session *session,
    const struct mri_request *request, struct mri_request_fault *fault)
{
    (void)refuse(session, fault, MRI_FIELD_SUBSCRIPTION, request, "another name");
    (void)snprintf(fault->problem.text, sizeof(fault->problem.text),
        "subscription: this connection has subscribed as \"%s\" already; go on with it, "
        "unsubscribe "
        "before, or share the name from another connection",
        request->fields[MRI_FIELD_SUBSCRIPTION].text);
    return mri_verb_fail(fault, MR_EXISTS);
}

/** The subscription that the request names; the slot for it when is_new. */
static mr_err find_slot(struct mri_line_session *session, const struct mri_request *request,
    bool is_new, uint32_t *ret_slot, struct mri_request_fault *fault)
{
    const struct mri_request_value *name = &request->fields[MRI_FIELD_SUBSCRIPTION];
    uint32_t free_slot = MRI_LINE_SESSION_SUBSCRIPTIONS_MAX;
    if (!name->is_given) {
        return refuse(session, fault, MRI_FIELD_SUBSCRIPTION, request, "the name of one");
    }
    for (uint32_t i = 0; i < MRI_LINE_SESSION_SUBSCRIPTIONS_MAX; i++) {
        bool is_free = session->subscriptions[i].subscription == NULL;
        if (!is_free && strcmp(session->subscriptions[i].name, name->text) == 0) {
            *ret_slot = i;
            return is_new ? tell_subscribed(session, request, fault) : MR_OK;
        }
        free_slot = is_free && free_slot == MRI_LINE_SESSION_SUBSCRIPTIONS_MAX ? i : free_slot;
    }
    if (!is_new) {
        (void)refuse(session, fault, MRI_FIELD_SUBSCRIPTION, request,
            "one that this connection has subscribed to");
        return mri_verb_fail(fault, MR_NOT_FOUND);
    }
    if (free_slot == MRI_LINE_SESSION_SUBSCRIPTIONS_MAX ||
        session->service->subscriptions == MRI_SERVICE_SUBSCRIPTIONS_MAX) {
        (void)snprintf(fault->problem.text, sizeof(fault->problem.text),
            "at most %d subscriptions a connection, %d in all", MRI_LINE_SESSION_SUBSCRIPTIONS_MAX,
            MRI_SERVICE_SUBSCRIPTIONS_MAX);
        return mri_verb_fail(fault, MR_FULL);
    }
    *ret_slot = free_slot;
    return MR_OK;
}

static mr_err read_options(struct mri_line_session *session, const struct mri_request *request,
    mr_subscribe_options *ret_options, struct mri_request_fault *fault)
{
    static const int64_t in_flight[3] = {0, MR_CONSUMER_IN_FLIGHT_MAX, 0};
    static const int64_t deliver[3] = {0, UINT32_MAX, 0};
    static const int64_t ack_wait[3] = {0, MRI_SERVICE_TIMEOUT_MS_MAX, 0};
    const struct mri_request_value *fields = request->fields;
    int64_t max_in_flight = 0;
    int64_t max_deliver = 0;
    int64_t ack_wait_ms = 0;
    mr_err err = mri_verb_integer(
        session, request, MRI_FIELD_MAX_IN_FLIGHT, in_flight, &max_in_flight, fault);
    if (err == MR_OK) {
        err =
            mri_verb_integer(session, request, MRI_FIELD_MAX_DELIVER, deliver, &max_deliver, fault);
    }
    if (err == MR_OK) {
        err = mri_verb_integer(
            session, request, MRI_FIELD_ACK_WAIT_MS, ack_wait, &ack_wait_ms, fault);
    }
    *ret_options = (mr_subscribe_options){
        .kind = fields[MRI_FIELD_KIND].text,
        .symbol = fields[MRI_FIELD_SYMBOL].text,
        .source = fields[MRI_FIELD_SOURCE].text,
        .name = fields[MRI_FIELD_NAME].text,
        .state = fields[MRI_FIELD_STATE].text,
        .is_from_beginning = fields[MRI_FIELD_FROM_BEGINNING].boolean,
        .max_in_flight = (uint32_t)max_in_flight,
        .max_deliver = (uint32_t)max_deliver,
        .ack_wait_ms = (uint32_t)ack_wait_ms,
    };
    return err;
}

mr_err mri_verb_subscribe(struct mri_line_session *session, const struct mri_request *request,
    struct mri_request_fault *reterr_fault)
{
    struct mri_service *service = session->service;
    mr_subscribe_options options;
    struct mri_reply reply;
    uint32_t slot = 0;
    mr_err err = find_slot(session, request, true, &slot, reterr_fault);
    if (err == MR_OK) {
        err = read_options(session, request, &options, reterr_fault);
    }
    if (err != MR_OK) {
        return err;
    }
    struct mri_line_session_subscription *made = &session->subscriptions[slot];
    const char *name = request->fields[MRI_FIELD_SUBSCRIPTION].text;
    err =
        mr_bus_subscribe(service->bus, name, &options, &made->subscription, &reterr_fault->problem);
    if (err != MR_OK) {
        const struct mri_request_place place = {.reader = &service->reader, .fault = reterr_fault};
        made->subscription = NULL;
        mri_request_items_name_field(&place, request->fields);
        return mri_verb_fail(reterr_fault, err);
    }
    (void)snprintf(made->name, sizeof(made->name), "%s", name); /* it is no longer than that */
    service->subscriptions++;
    mri_reply_begin(&reply, session->out, request->id);
    mri_reply_text(&reply, "subscription", made->name);
    return mri_verb_end(session, &reply);
}

mr_err mri_verb_unsubscribe(struct mri_line_session *session, const struct mri_request *request,
    struct mri_request_fault *reterr_fault)
{
    struct mri_reply reply;
    uint32_t slot = 0;
    mr_err err = find_slot(session, request, false, &slot, reterr_fault);
    if (err != MR_OK) {
        return err;
    }
    mr_subscription_close(session->subscriptions[slot].subscription);
    session->subscriptions[slot].subscription = NULL;
    session->service->subscriptions--;
    session->service->freed++;
    mri_reply_begin(&reply, session->out, request->id);
    return mri_verb_end(session, &reply);
}

/* ---- waiting --------------------------------------------------------------------------------- */

mr_err mri_verb_timeout(const struct mri_line_session *session, const struct mri_request *request,
    int64_t *ret_timeout_ms, struct mri_request_fault *reterr_fault)
{
    static const int64_t bounds[3] = {0, MRI_SERVICE_TIMEOUT_MS_MAX, 0};
    return mri_verb_integer(
        session, request, MRI_FIELD_TIMEOUT_MS, bounds, ret_timeout_ms, reterr_fault);
}

void mri_verb_begin_waiting(
    struct mri_line_session *session, const struct mri_request *request, int64_t timeout_ms)
{
    const struct mri_os *os = session->service->os;
    session->waiting.is_waiting = true;
    session->waiting.verb = request->verb;
    session->waiting.deadline_ns = os->boottime_ns(os->context) + timeout_ms * MS_NS;
    session->waiting.due_ns = session->waiting.deadline_ns;
    (void)snprintf(session->waiting.id, sizeof(session->waiting.id), "%.*s", (int)request->id.count,
        request->id.bytes);
}

static mr_err begin_waiting(struct mri_line_session *session, const struct mri_request *request,
    struct mri_request_fault *fault)
{
    int64_t timeout_ms;
    mr_err err = mri_verb_timeout(session, request, &timeout_ms, fault);
    if (err != MR_OK) {
        return err;
    }
    mri_verb_begin_waiting(session, request, timeout_ms);
    mri_line_session_resume(session, false);
    return MR_OK;
}

mr_err mri_verb_next(struct mri_line_session *session, const struct mri_request *request,
    struct mri_request_fault *reterr_fault)
{
    mr_err err = find_slot(session, request, false, &session->waiting.slot, reterr_fault);
    return err == MR_OK ? begin_waiting(session, request, reterr_fault) : err;
}

mr_err mri_verb_wait(struct mri_line_session *session, const struct mri_request *request,
    struct mri_request_fault *reterr_fault)
{
    uint64_t last = mri_bus_loop_last(session->service->bus).n;
    const int64_t bounds[3] = {0, INT64_MAX, (int64_t)last};
    int64_t after;
    mr_err err = mri_verb_integer(session, request, MRI_FIELD_AFTER, bounds, &after, reterr_fault);
    if (err != MR_OK) {
        return err;
    }
    if ((uint64_t)after > last) {
        (void)mri_request_refuse(&session->service->reader, reterr_fault, "after",
            request->fields[MRI_FIELD_AFTER].raw.bytes,
            "after: the newest event of the log is %llu", (unsigned long long)last);
        return mri_verb_fail(reterr_fault, MR_REWOUND);
    }
    session->waiting.after = (uint64_t)after;
    return begin_waiting(session, request, reterr_fault);
}

/* ---- acks ------------------------------------------------------------------------------------ */

static mr_err read_seq(struct mri_line_session *session, const struct mri_request *request,
    mr_seq *ret_seq, struct mri_request_fault *fault)
{
    static const int64_t bounds[3] = {1, INT64_MAX, 0};
    int64_t seq;
    if (!request->fields[MRI_FIELD_SEQ].is_given) {
        return refuse(session, fault, MRI_FIELD_SEQ, request, "the number of an event");
    }
    mr_err err = mri_verb_integer(session, request, MRI_FIELD_SEQ, bounds, &seq, fault);
    *ret_seq = (mr_seq){(uint64_t)seq};
    return err;
}

static mr_err end_ack(
    struct mri_line_session *session, const struct mri_request *request, bool is_ack)
{
    struct mri_reply reply;
    session->service->freed++;
    session->counts.acked += is_ack;
    session->service->counts.acked += is_ack;
    mri_reply_begin(&reply, session->out, request->id);
    mri_reply_text(&reply, "durability", "async");
    return mri_verb_end(session, &reply);
}

mr_err mri_verb_ack(struct mri_line_session *session, const struct mri_request *request,
    struct mri_request_fault *reterr_fault)
{
    mr_seq seq = {0};
    uint32_t slot = 0;
    mr_err err = find_slot(session, request, false, &slot, reterr_fault);
    if (err == MR_OK) {
        err = read_seq(session, request, &seq, reterr_fault);
    }
    if (err != MR_OK) {
        return err;
    }
    err =
        mr_subscription_ack(session->subscriptions[slot].subscription, seq, &reterr_fault->problem);
    return err == MR_OK ? end_ack(session, request, true) : mri_verb_fail(reterr_fault, err);
}

mr_err mri_verb_nack(struct mri_line_session *session, const struct mri_request *request,
    struct mri_request_fault *reterr_fault)
{
    static const int64_t bounds[3] = {0, MRI_SERVICE_TIMEOUT_MS_MAX, 0};
    mr_seq seq = {0};
    uint32_t slot = 0;
    int64_t delay_ms = 0;
    mr_err err = find_slot(session, request, false, &slot, reterr_fault);
    if (err == MR_OK) {
        err = read_seq(session, request, &seq, reterr_fault);
    }
    if (err == MR_OK) {
        err =
            mri_verb_integer(session, request, MRI_FIELD_DELAY_MS, bounds, &delay_ms, reterr_fault);
    }
    if (err != MR_OK) {
        return err;
    }
    const struct mri_request_place place = {
        .reader = &session->service->reader, .fault = reterr_fault};
    err = mr_subscription_nack(session->subscriptions[slot].subscription, seq, delay_ms,
        request->fields[MRI_FIELD_REASON].text, &reterr_fault->problem);
    if (err == MR_REFUSED) {
        mri_request_items_name_field(&place, request->fields);
    }
    return err == MR_OK ? end_ack(session, request, false) : mri_verb_fail(reterr_fault, err);
}
