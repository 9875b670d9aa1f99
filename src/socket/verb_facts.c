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
#include "socket/verbs.h"

MRI_STATIC_ASSERT(MRI_FACT_BATCH_MAX == MR_BUS_FACTS_MAX, "the service has room for one append");

static mri_request_item_take take_fact;

/** What a request with facts may have, by its verb. */
static const struct mri_request_items *batch_of(enum mri_request_verb verb)
{
#define BATCH(KIND)                                                                                \
    [MRI_VERB_##KIND] = {                                                                          \
        .list = MRI_FIELD_##KIND##S,                                                               \
        .fields = {.has = {MRI_REQUEST_##KIND(MRI_REQUEST_HAS)}},                                  \
        .count_max = MR_BUS_FACTS_MAX,                                                             \
        .take = take_fact                                                                          \
    }
    static const struct mri_request_items batches[MRI_VERB_COUNT] = {
        BATCH(QUOTE), BATCH(CANDLE), BATCH(FUNDING)};
#undef BATCH
    return &batches[verb];
}

/** A field's value as a line of `millrace feed` has it. */
static struct mri_slice written(const struct mri_request_value *value)
{
    return value->is_text ? mri_slice_of(value->text) : value->raw;
}

/** Takes a fact of the kind that the request's verb says. */
static mr_err take_fact(struct mri_line_session *session, const struct mri_request_value *values,
    size_t index, const struct mri_request_place *place)
{
    enum mri_request_verb verb = session->service->request.verb;
    const struct mri_request_fields *fields = &batch_of(verb)->fields;
    struct mri_service *service = session->service;
    struct mri_fact_line line = {.kind = mri_slice_of(mri_request_verb_text(verb))};
    mr_problem *problem = &place->fault->problem;
    enum mri_reason reason;
    for (int i = 0; i < MRI_FIELD_COUNT; i++) {
        if (values[i].is_given && fields->has[i]) {
            struct mri_slice key = mri_slice_of(mri_request_field_key((enum mri_request_field)i));
            struct mri_slice *field = mri_fact_line_field(&line, key, problem);
            MRI_ASSERT(field != NULL); /* a fact's fields are those of a line */
            *field = written(&values[i]);
        }
    }
    mr_err err = mri_fact_line_read(
        &line, mri_fact_batch_instruments(service->bus), &service->facts[index], &reason, problem);
    if (err != MR_OK) {
        mri_request_items_name_field(place, values);
        return mri_verb_fail(place->fault, err);
    }
    return MR_OK;
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

mr_err mri_verb_fact(struct mri_line_session *session, const struct mri_request *request,
    struct mri_request_fault *fault)
{
    const struct mri_request_items *items = batch_of(request->verb);
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
    if (err == MR_REFUSED && answer.reason == MRI_REASON_NONE) {
        return mri_verb_fail(fault, err);
    }
    if (err == MR_REFUSED) {
        return tell_refused(session, request, items, answer.index, fault);
    }
    fault->err = err;
    if (err == MR_EUNKNOWN) { /* they are in the log: how many is told */
        mri_verb_begin_fault(session, &reply, request->id, fault, 0);
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
