/* SPDX-License-Identifier: MIT */
/*
 * Sessions: which verb a line names, and requests that wait.
 *
 * Invariants
 *  1. Every line gets one reply, in order; one that waits gets it before the next line is taken.
 *  2. What is refused has done nothing.
 */
#include "socket/line_session.h"

#include <stdio.h>
#include <string.h>

#include "api/bus_loop.h"
#include "base/check.h"
#include "socket/session_claims.h"
#include "socket/verbs.h"

/* Events that one look at a subscription may pass over: about a millisecond. */
enum { LOOK_EVENTS_MAX = 64 };

void mri_line_session_init(
    struct mri_line_session *session, struct mri_service *service, struct mri_buf *out)
{
    *session = (struct mri_line_session){.service = service, .out = out};
}

void mri_line_session_fini(struct mri_line_session *session)
{
    for (size_t i = 0; i < MRI_COUNT_OF(session->subscriptions); i++) {
        struct mri_line_session_subscription *mine = &session->subscriptions[i];
        if (mine->subscription != NULL) {
            mr_subscription_close(mine->subscription);
            mine->subscription = NULL;
            session->service->subscriptions--;
            session->service->freed++;
        }
    }
    mri_session_claims_give_back(session);
}

/* ---- requests that wait ---------------------------------------------------------------------- */

static void end_waiting(struct mri_line_session *session, struct mri_reply *reply)
{
    session->waiting.is_waiting = false;
    (void)mri_verb_end(session, reply);
}

static void put_fault(struct mri_line_session *session, struct mri_slice id,
    const struct mri_request_fault *fault, uint64_t line)
{
    struct mri_reply reply;
    mri_verb_begin_fault(session, &reply, id, fault, line);
    (void)mri_verb_end(session, &reply);
}

static void resume_wait(struct mri_line_session *session, bool is_over)
{
    struct mri_reply reply;
    uint64_t last = mri_bus_loop_last(session->service->bus).n;
    bool is_grown = last > session->waiting.after;
    if (is_grown || is_over) {
        mri_reply_begin(&reply, session->out, mri_slice_of(session->waiting.id));
        mri_reply_bool(&reply, "grown", is_grown);
        mri_reply_count(&reply, "last", last);
        end_waiting(session, &reply);
    }
}

static void put_event(struct mri_line_session *session, const mr_bus_event *event)
{
    struct mri_reply reply;
    char id[MR_BUS_ID_BYTES];
    mri_reply_begin(&reply, session->out, mri_slice_of(session->waiting.id));
    mri_json_write_key(&reply.json, "event");
    if (event == NULL) {
        mri_json_write_null(&reply.json);
    } else {
        session->counts.delivered++;
        session->service->counts.delivered++;
        mri_reply_event(&reply, event,
            event->ordinal.n == 0 ? NULL : mri_verb_signal_id(session, event->ordinal, id));
    }
    end_waiting(session, &reply);
}

static void resume_next(struct mri_line_session *session, bool is_ending, int64_t now_ns)
{
    struct mri_line_session_waiting *waiting = &session->waiting;
    mr_subscription *subscription = session->subscriptions[waiting->slot].subscription;
    struct mri_request_fault fault = {.byte = -1};
    struct mri_bus_loop_look look;
    mr_bus_event event;
    mr_err err = mri_bus_loop_next(subscription, LOOK_EVENTS_MAX, &event, &look, &fault.problem);
    if (err == MR_OK) {
        put_event(session, &event);
    } else if (err != MR_END && err != MR_AGAIN) {
        fault.err = err;
        waiting->is_waiting = false;
        put_fault(session, mri_slice_of(waiting->id), &fault, 0);
    } else if (look.is_cut && !is_ending) {
        waiting->due_ns = now_ns; /* go on after the others had their turn, time passed or not */
    } else if (is_ending || now_ns >= waiting->deadline_ns) {
        put_event(session, NULL);
    } else {
        bool is_due_before = look.wait_ns >= 0 && look.wait_ns < waiting->deadline_ns - now_ns;
        waiting->due_ns = is_due_before ? now_ns + look.wait_ns : waiting->deadline_ns;
    }
}

void mri_line_session_resume(struct mri_line_session *session, bool is_ending)
{
    const struct mri_os *os = session->service->os;
    if (!session->waiting.is_waiting) {
        return;
    }
    int64_t now_ns = os->boottime_ns(os->context);
    bool is_over = is_ending || now_ns >= session->waiting.deadline_ns;
    if (session->waiting.verb == MRI_VERB_WAIT) {
        resume_wait(session, is_over);
    } else if (session->waiting.verb == MRI_VERB_CLAIM) {
        mri_verb_claim_resume(session, is_over, now_ns);
    } else {
        resume_next(session, is_ending, now_ns);
    }
}

/* ---- verbs of the session itself ------------------------------------------------------------- */

static void put_limits(struct mri_reply *reply)
{
    mri_json_write_key(&reply->json, "limits");
    mri_json_write_object_open(&reply->json);
    mri_reply_count(reply, "line_bytes", MRI_REQUEST_LINE_BYTES_MAX);
    mri_reply_count(reply, "batch", MR_BUS_BATCH_MAX);
    mri_reply_count(reply, "facts", MR_BUS_FACTS_MAX);
    mri_reply_count(reply, "page", MRI_SERVICE_PAGE_MAX);
    mri_reply_count(reply, "subscriptions", MRI_LINE_SESSION_SUBSCRIPTIONS_MAX);
    mri_reply_count(reply, "claims", MRI_LINE_SESSION_CLAIMS_MAX);
    mri_reply_count(reply, "timeout_ms", MRI_SERVICE_TIMEOUT_MS_MAX);
    mri_json_write_object_close(&reply->json);
}

static mr_err verb_hello(struct mri_line_session *session, const struct mri_request *request,
    struct mri_request_fault *reterr_fault)
{
    static const int64_t bounds[3] = {INT64_MIN, INT64_MAX, MRI_REQUEST_VERSION};
    const struct mri_os *os = session->service->os;
    struct mri_reply reply;
    int64_t version;
    mr_err err =
        mri_verb_integer(session, request, MRI_FIELD_VERSION, bounds, &version, reterr_fault);
    if (err == MR_OK && version < 1) {
        (void)mri_request_refuse(&session->service->reader, reterr_fault, "version",
            request->fields[MRI_FIELD_VERSION].raw.bytes, "version: versions 1 to %d are spoken",
            MRI_REQUEST_VERSION);
        err = mri_verb_fail(reterr_fault, MR_EVERSION);
    }
    if (err != MR_OK) {
        return err;
    }
    mri_reply_begin(&reply, session->out, request->id);
    mri_reply_count(&reply, "version",
        version < MRI_REQUEST_VERSION ? (uint64_t)version : (uint64_t)MRI_REQUEST_VERSION);
    mri_reply_text(&reply, "program", MILLRACE_VERSION);
    mri_reply_text(&reply, "instance", mri_bus_loop_uuid(session->service->bus));
    mri_reply_count(&reply, "process", os->process_id(os->context));
    mri_reply_count(&reply, "last", mri_bus_loop_last(session->service->bus).n);
    put_limits(&reply);
    return mri_verb_end(session, &reply);
}

static mr_err verb_stats(struct mri_line_session *session, const struct mri_request *request,
    struct mri_request_fault *reterr_fault)
{
    struct mri_service *service = session->service;
    struct mri_reply reply;
    (void)reterr_fault; /* it cannot fail */
    mri_reply_begin(&reply, session->out, request->id);
    mri_json_write_key(&reply.json, "totals");
    mri_json_write_object_open(&reply.json);
    mri_service_write_counts(&service->counts, &reply.json);
    mri_json_write_object_close(&reply.json);
    mri_reply_count(&reply, "subscriptions", service->subscriptions);
    if (service->tell != NULL) {
        service->tell(service->tell_context, &reply.json);
    }
    return mri_verb_end(session, &reply);
}

static mr_err verb_quit(struct mri_line_session *session, const struct mri_request *request,
    struct mri_request_fault *reterr_fault)
{
    struct mri_reply reply;
    (void)reterr_fault; /* it cannot fail */
    session->is_done = true;
    mri_reply_begin(&reply, session->out, request->id);
    return mri_verb_end(session, &reply);
}

static mri_verb *const verbs[] = {
    [MRI_VERB_HELLO] = verb_hello,
    [MRI_VERB_EMIT] = mri_verb_emit,
    [MRI_VERB_MOVE] = mri_verb_move,
    [MRI_VERB_CLAIM] = mri_verb_claim,
    [MRI_VERB_RENEW] = mri_verb_renew,
    [MRI_VERB_RELEASE] = mri_verb_release,
    [MRI_VERB_FEEDBACK] = mri_verb_feedback,
    [MRI_VERB_QUOTE] = mri_verb_fact,
    [MRI_VERB_CANDLE] = mri_verb_fact,
    [MRI_VERB_FUNDING] = mri_verb_fact,
    [MRI_VERB_GET] = mri_verb_get,
    [MRI_VERB_QUERY] = mri_verb_query,
    [MRI_VERB_ORDERS] = mri_verb_orders,
    [MRI_VERB_REPORT] = mri_verb_report,
    [MRI_VERB_COUNTS] = mri_verb_counts,
    [MRI_VERB_HEALTH] = mri_verb_health,
    [MRI_VERB_SUBSCRIBE] = mri_verb_subscribe,
    [MRI_VERB_UNSUBSCRIBE] = mri_verb_unsubscribe,
    [MRI_VERB_NEXT] = mri_verb_next,
    [MRI_VERB_ACK] = mri_verb_ack,
    [MRI_VERB_NACK] = mri_verb_nack,
    [MRI_VERB_WAIT] = mri_verb_wait,
    [MRI_VERB_STATS] = verb_stats,
    [MRI_VERB_QUIT] = verb_quit,
};

MRI_STATIC_ASSERT(MRI_COUNT_OF(verbs) == MRI_VERB_COUNT, "every verb does something");

static void refuse_long_line(struct mri_line_session *session, uint64_t number)
{
    struct mri_request_fault fault = {.err = MR_REFUSED, .byte = MRI_REQUEST_LINE_BYTES_MAX};
    (void)snprintf(fault.problem.text, sizeof(fault.problem.text),
        "the line is longer than %d bytes, and left out", MRI_REQUEST_LINE_BYTES_MAX);
    put_fault(session, mri_slice_of("null"), &fault, number);
}

void mri_line_session_take(struct mri_line_session *session, const struct mri_input_line *line,
    enum mri_line_session_how how)
{
    struct mri_service *service = session->service;
    struct mri_request *request = &service->request;
    struct mri_request_fault fault = {.byte = -1};
    MRI_ASSERT(!session->waiting.is_waiting && !session->is_done && !session->is_broken);
    session->counts.requests++;
    service->counts.requests++;
    if (line->is_too_long) {
        refuse_long_line(session, line->number);
        return;
    }
    mr_err err = mri_request_read(&service->reader, line->text, request, &fault);
    if (err == MR_OK && how == MRI_LINE_SESSION_UNHEARD &&
        !mri_request_verb_has_effect(request->verb)) {
        return; /* nobody hears the answer */
    }
    if (err == MR_OK && how == MRI_LINE_SESSION_REFUSE && request->verb != MRI_VERB_QUIT) {
        (void)snprintf(fault.problem.text, sizeof(fault.problem.text),
            "nothing was done: replies wait to be read; read them, then send it again");
        err = mri_verb_fail(&fault, MR_AGAIN);
    }
    if (err == MR_OK) {
        err = verbs[request->verb](session, request, &fault);
    }
    if (err != MR_OK) {
        put_fault(session, request->id, &fault, line->number);
    }
}
