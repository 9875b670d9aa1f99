/* SPDX-License-Identifier: MIT */
/*
 * Verbs that bring in facts: quote, candle, funding.
 *
 * Invariants
 *  1. A field is read as `millrace feed` reads it: its text, or its number as it is written.
 *  2. As in verb_signals.c a batch is appended with MR_ASYNC, and a reply that says `group` waits
 *     for the next sync.
 */
#include "api/fact_batch.h"
#include "base/check.h"
#include "socket/fact_line_fields.h"
#include "socket/request_items.h"
#include "socket/verbs.h"

MRI_STATIC_ASSERT(MRI_FACT_BATCH_MAX == MR_BUS_FACTS_MAX, "the service has room for one append");

/** A field's value as a line of `millrace feed` has it. */
static struct mri_slice written(const struct mri_request_value *value)
{
    return value->is_text ? mri_slice_of(value->text) : value->raw;
}

static mr_err take_fact(struct mri_line_session *session, const char *kind, uint64_t fields,
    const struct mri_request_value *values, const struct mri_request_place *place)
{
    struct mri_service *service = session->service;
    struct mri_fact_line line = {.kind = mri_slice_of(kind)};
    mr_problem *problem = &place->fault->problem;
    enum mri_reason reason;
    for (int i = 0; i < MRI_FIELD_COUNT; i++) {
        if (values[i].is_given && (fields >> i & 1) != 0) {
            struct mri_slice key = mri_slice_of(mri_request_field_key((enum mri_request_field)i));
            struct mri_slice *field = mri_fact_line_field(&line, key, problem);
            MRI_ASSERT(field != NULL); /* a fact's fields are those of a line */
            *field = written(&values[i]);
        }
    }
    mr_err err = mri_fact_line_read(&line, mri_fact_batch_instruments(service->bus),
        &service->facts[place->index], &reason, problem);
    if (err != MR_OK) {
        mri_request_items_name_field(place, values);
        return mri_verb_fail(place->fault, err);
    }
    return MR_OK;
}

static mr_err take_quote(struct mri_line_session *session, const struct mri_request_value *values,
    size_t index, const struct mri_request_place *place)
{
    (void)index; /* the place has it, too */
    return take_fact(session, "quote", MRI_REQUEST_QUOTE, values, place);
}

static mr_err take_candle(struct mri_line_session *session, const struct mri_request_value *values,
    size_t index, const struct mri_request_place *place)
{
    (void)index; /* the place has it, too */
    return take_fact(session, "candle", MRI_REQUEST_CANDLE, values, place);
}

static mr_err take_funding(struct mri_line_session *session, const struct mri_request_value *values,
    size_t index, const struct mri_request_place *place)
{
    (void)index; /* the place has it, too */
    return take_fact(session, "funding", MRI_REQUEST_FUNDING, values, place);
}

static void put_taken(struct mri_line_session *session, struct mri_reply *reply, size_t count,
    const struct mri_facts_answer *answer)
{
    size_t taken = count - answer->repeated;
    session->counts.facts += taken;
    session->service->counts.facts += taken;
    mri_reply_count(reply, "taken", taken);
    mri_reply_count(reply, "repeated", answer->repeated);
}

/** Which of them was refused, as the field of the fault. */
static mr_err tell_refused(const struct mri_line_session *session,
    const struct mri_request *request, const struct mri_request_items *items, size_t index,
    struct mri_request_fault *fault)
{
    bool has_list = request->fields[items->list].is_given;
    const struct mri_request_place place = {
        .reader = &session->service->reader,
        .fault = fault,
        .list = has_list ? mri_request_field_key(items->list) : NULL,
        .index = index,
    };
    mri_request_items_name_field(&place, has_list ? NULL : request->fields);
    return mri_verb_fail(fault, MR_REFUSED);
}

static mr_err bring_in(struct mri_line_session *session, const struct mri_request *request,
    const struct mri_request_items *items, struct mri_request_fault *fault)
{
    struct mri_service *service = session->service;
    struct mri_facts_answer answer = {0};
    struct mri_reply reply;
    bool is_group = true;
    size_t count = 0;
    mr_err err = mri_verb_durability(session, request, &is_group, fault);
    if (err != MR_OK) {
        return err;
    }
    err = mri_fact_batch_begin(service->bus, &fault->problem);
    if (err != MR_OK) {
        return mri_verb_fail(fault, err);
    }
    err = mri_request_items_read(session, request, items, &count, fault);
    if (err != MR_OK) {
        return err;
    }
    err = mri_fact_batch_append(
        service->bus, service->facts, count, MR_ASYNC, &answer, &fault->problem);
    if (err == MR_REFUSED) {
        return tell_refused(session, request, items, answer.index, fault);
    }
    fault->err = err;
    if (err == MR_EUNKNOWN) { /* they are in the log: how many is told */
        session->counts.errors++;
        service->counts.errors++;
        mri_reply_begin_fault(&reply, session->out, request->id, fault, 0);
        put_taken(session, &reply, count, &answer);
        return mri_verb_end(session, &reply);
    }
    if (err != MR_OK) {
        return err;
    }
    mri_reply_begin(&reply, session->out, request->id);
    put_taken(session, &reply, count, &answer);
    mri_verb_promise(session, &reply, is_group);
    return mri_verb_end(session, &reply);
}

mr_err mri_verb_quote(struct mri_line_session *session, const struct mri_request *request,
    struct mri_request_fault *reterr_fault)
{
    static const struct mri_request_items items = {
        MRI_FIELD_QUOTES, MRI_REQUEST_QUOTE, MR_BUS_FACTS_MAX, take_quote};
    return bring_in(session, request, &items, reterr_fault);
}

mr_err mri_verb_candle(struct mri_line_session *session, const struct mri_request *request,
    struct mri_request_fault *reterr_fault)
{
    static const struct mri_request_items items = {
        MRI_FIELD_CANDLES, MRI_REQUEST_CANDLE, MR_BUS_FACTS_MAX, take_candle};
    return bring_in(session, request, &items, reterr_fault);
}

mr_err mri_verb_funding(struct mri_line_session *session, const struct mri_request *request,
    struct mri_request_fault *reterr_fault)
{
    static const struct mri_request_items items = {
        MRI_FIELD_FUNDINGS, MRI_REQUEST_FUNDING, MR_BUS_FACTS_MAX, take_funding};
    return bring_in(session, request, &items, reterr_fault);
}
