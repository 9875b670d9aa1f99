/* SPDX-License-Identifier: MIT */
/*
 * Verbs about signals: emit, move, feedback, get, query, counts.
 *
 * Invariants
 *  1. Batches are appended with MR_ASYNC. Those asked to be durable mark the service, whose owner
 *     syncs once for all sessions before a reply that says `group` leaves.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/problem.h"
#include "base/utc.h"
#include "bus/lifecycle.h"
#include "bus/page_token.h"
#include "bus/vocabulary.h"
#include "millrace/execution.h"
#include "socket/session_claims.h"
#include "socket/verbs.h"

mr_err mri_verb_fail(struct mri_request_fault *fault, mr_err err)
{
    fault->err = err;
    return err;
}

void mri_verb_begin_fault(struct mri_line_session *session, struct mri_reply *reply,
    struct mri_slice id, const struct mri_request_fault *fault, uint64_t line)
{
    session->counts.errors++;
    session->service->counts.errors++;
    mri_reply_begin_fault(reply, session->out, id, fault, line);
}

mr_err mri_verb_tell_conflict(struct mri_line_session *session, struct mri_slice id,
    const struct mri_request_fault *fault, const mr_move_conflict *conflict)
{
    struct mri_reply reply;
    char text[MR_BUS_ID_BYTES];
    mri_verb_begin_fault(session, &reply, id, fault, 0);
    mri_reply_text(&reply, "signal", mri_verb_signal_id(session, conflict->ordinal, text));
    mri_reply_count(&reply, "ordinal", conflict->ordinal.n);
    mri_reply_text(&reply, "found", mr_state_text(conflict->found));
    mri_reply_count(&reply, "winner", conflict->winner.n);
    mri_reply_text(&reply, "owner", conflict->owner[0] == '\0' ? NULL : conflict->owner);
    return mri_verb_end(session, &reply);
}

mr_err mri_verb_end(struct mri_line_session *session, struct mri_reply *reply)
{
    if (mri_reply_end(reply) != MR_OK) {
        session->is_broken = true;
    }
    return MR_OK;
}

const char *mri_verb_signal_id(
    struct mri_line_session *session, mr_ordinal ordinal, char ret_id[MR_BUS_ID_BYTES])
{
    return mr_bus_id(session->service->bus, ordinal, ret_id) == MR_OK ? ret_id : NULL;
}

mr_err mri_verb_integer(const struct mri_line_session *session, const struct mri_request *request,
    enum mri_request_field field, const int64_t bounds[3], int64_t *ret_value,
    struct mri_request_fault *reterr_fault)
{
    const struct mri_request_value *value = &request->fields[field];
    const char *key = mri_request_field_key(field);
    *ret_value = value->is_given ? value->integer : bounds[2];
    if (*ret_value < bounds[0] || *ret_value > bounds[1]) {
        return mri_request_refuse(&session->service->reader, reterr_fault, key,
            value->is_given ? value->raw.bytes : NULL, "%s: expected %lld to %lld", key,
            (long long)bounds[0], (long long)bounds[1]);
    }
    return MR_OK;
}

/* ---- batches --------------------------------------------------------------------------------- */

mr_err mri_verb_durability(const struct mri_line_session *session,
    const struct mri_request *request, bool *ret_is_group, struct mri_request_fault *fault)
{
    const struct mri_request_value *value = &request->fields[MRI_FIELD_DURABILITY];
    const struct mri_request_place place = {.reader = &session->service->reader, .fault = fault};
    *ret_is_group = !value->is_given || strcmp(value->text, "group") == 0;
    return *ret_is_group || strcmp(value->text, "async") == 0
               ? MR_OK
               : mri_request_items_refuse(&place, MRI_FIELD_DURABILITY, value->raw.bytes,
                     "group (survives a power cut) or async (survives kill -9)");
}

void mri_verb_promise(struct mri_line_session *session, struct mri_reply *reply, bool is_group)
{
    mri_reply_text(reply, "durability", is_group ? "group" : "async");
    session->is_promising |= is_group;
    session->service->needs_sync |= is_group;
}

/* ---- emit ------------------------------------------------------------------------------------ */

static mr_err read_emission(struct mri_line_session *session,
    const struct mri_request_value *values, size_t index, const struct mri_request_place *place)
{
    const struct mri_request_value *horizon = &values[MRI_FIELD_HORIZON];
    const struct mri_request_value *valid_for = &values[MRI_FIELD_VALID_FOR];
    mr_emission emission = {
        .symbol = values[MRI_FIELD_SYMBOL].text,
        .source = values[MRI_FIELD_SOURCE].text,
        .name = values[MRI_FIELD_NAME].text,
        .confidence = values[MRI_FIELD_CONFIDENCE].number,
        .lacks_confidence = !values[MRI_FIELD_CONFIDENCE].is_given,
        .has_price = values[MRI_FIELD_PRICE].is_given,
        .price = values[MRI_FIELD_PRICE].number,
        .has_horizon = horizon->is_given,
        .external_id = values[MRI_FIELD_EXTERNAL_ID].text,
        .key = values[MRI_FIELD_IDEMPOTENCY_KEY].text,
        .account = values[MRI_FIELD_ACCOUNT].text,
        .data = values[MRI_FIELD_DATA].text,
    };
    if (!values[MRI_FIELD_SIDE].is_given) {
        return mri_request_items_refuse_missing(place, MRI_FIELD_SIDE, "long, buy, short or sell");
    }
    if (mr_side_parse(values[MRI_FIELD_SIDE].text, &emission.side) != MR_OK) {
        return mri_request_items_refuse(
            place, MRI_FIELD_SIDE, values[MRI_FIELD_SIDE].raw.bytes, "long, buy, short or sell");
    }
    if (horizon->is_given &&
        mri_horizon_parse(mri_slice_of(horizon->text), &emission.horizon) != MR_OK) {
        return mri_request_items_refuse(
            place, MRI_FIELD_HORIZON, horizon->raw.bytes, "1m, 5m, 15m, 30m or 1h");
    }
    if (valid_for->is_given &&
        (mri_utc_parse_duration(mri_slice_of(valid_for->text), &emission.valid_for_ns) != MR_OK ||
            emission.valid_for_ns <= 0)) {
        return mri_request_items_refuse(
            place, MRI_FIELD_VALID_FOR, valid_for->raw.bytes, "a time from 1s to 24h (90s, 5m)");
    }
    session->service->emissions[index] = emission;
    return MR_OK;
}

static void put_emitted(struct mri_line_session *session, struct mri_reply *reply, size_t count)
{
    struct mri_service *service = session->service;
    mri_json_write_key(&reply->json, "signals");
    mri_json_write_array_open(&reply->json);
    for (size_t i = 0; i < count; i++) {
        char id[MR_BUS_ID_BYTES];
        const mr_emitted *emitted = &service->emitted[i];
        mri_json_write_object_open(&reply->json);
        mri_reply_text(reply, "id", mri_verb_signal_id(session, emitted->ordinal, id));
        mri_reply_count(reply, "ordinal", emitted->ordinal.n);
        mri_reply_bool(reply, "repeated", emitted->is_repeated);
        mri_json_write_object_close(&reply->json);
        session->counts.emitted += !emitted->is_repeated;
        session->counts.repeated += emitted->is_repeated;
        service->counts.emitted += !emitted->is_repeated;
        service->counts.repeated += emitted->is_repeated;
    }
    mri_json_write_array_close(&reply->json);
}

mr_err mri_verb_emit(struct mri_line_session *session, const struct mri_request *request,
    struct mri_request_fault *reterr_fault)
{
    static const struct mri_request_items items = {MRI_FIELD_SIGNALS,
        {.has = {MRI_REQUEST_EMISSION(MRI_REQUEST_HAS)}}, MR_BUS_BATCH_MAX, read_emission};
    struct mri_service *service = session->service;
    struct mri_reply reply;
    bool is_group = true;
    size_t count = 0;
    mr_err err = mri_verb_durability(session, request, &is_group, reterr_fault);
    if (err == MR_OK) {
        err = mri_request_items_read(session, request, &items, &count, reterr_fault);
    }
    if (err != MR_OK) {
        return err;
    }
    err = mr_bus_emit(service->bus, service->emissions, count, MR_ASYNC, service->emitted,
        &reterr_fault->problem);
    if (err == MR_EUNKNOWN) { /* they are in the log: which ones is told */
        reterr_fault->err = err;
        mri_verb_begin_fault(session, &reply, request->id, reterr_fault, 0);
        put_emitted(session, &reply, count);
        return mri_verb_end(session, &reply);
    }
    if (err != MR_OK) {
        mri_request_items_find_field(
            reterr_fault, request->fields[MRI_FIELD_SIGNALS].is_given ? "signals" : NULL, "signal");
        return mri_verb_fail(reterr_fault, err);
    }
    mri_reply_begin(&reply, session->out, request->id);
    put_emitted(session, &reply, count);
    mri_verb_promise(session, &reply, is_group);
    return mri_verb_end(session, &reply);
}

/* ---- move ------------------------------------------------------------------------------------ */

mr_err mri_verb_find_signal(struct mri_line_session *session, const struct mri_request_value *value,
    const struct mri_request_place *place, mr_ordinal *ret_ordinal)
{
    char number[24];
    if (!value->is_given) {
        return mri_request_items_refuse_missing(
            place, MRI_FIELD_SIGNAL, "the id of a signal, or its ordinal");
    }
    (void)snprintf(number, sizeof(number), "%lld", (long long)value->integer);
    mr_err err =
        mr_bus_find(session->service->bus, value->is_text ? value->text : number, ret_ordinal);
    if (err == MR_NOT_FOUND) {
        (void)mri_request_items_refuse(
            place, MRI_FIELD_SIGNAL, value->raw.bytes, "a signal that there is");
        return mri_verb_fail(place->fault, MR_NOT_FOUND);
    }
    return err == MR_OK ? MR_OK : mri_verb_fail(place->fault, err);
}

mr_err mri_verb_state(const struct mri_request_value *values, enum mri_request_field field,
    const struct mri_request_place *place, mr_state *ret_state)
{
    if (!values[field].is_given) {
        return mri_request_items_refuse_missing(place, field, "a state of docs/LIFECYCLE.md");
    }
    return mr_state_parse(values[field].text, ret_state) == MR_OK
               ? MR_OK
               : mri_request_items_refuse(
                     place, field, values[field].raw.bytes, "a state of docs/LIFECYCLE.md");
}

static mr_err read_move(struct mri_line_session *session, const struct mri_request_value *values,
    size_t index, const struct mri_request_place *place)
{
    mr_move move = {
        .gate = values[MRI_FIELD_GATE].text,
        .reason = values[MRI_FIELD_REASON].text,
        .data = values[MRI_FIELD_DATA].text,
    };
    unsigned word;
    mr_err err = mri_verb_find_signal(session, &values[MRI_FIELD_SIGNAL], place, &move.ordinal);
    if (err == MR_OK) {
        err = mri_verb_state(values, MRI_FIELD_FROM, place, &move.from);
    }
    if (err == MR_OK) {
        err = mri_verb_state(values, MRI_FIELD_TO, place, &move.to);
    }
    if (err == MR_OK && move.gate != NULL &&
        mri_word_parse(MRI_VOCABULARY_gate, mri_slice_of(move.gate), &word) != MR_OK) {
        err = mri_request_items_refuse(
            place, MRI_FIELD_GATE, values[MRI_FIELD_GATE].raw.bytes, "a gate of docs/FORMAT.md");
    }
    if (err == MR_OK && move.reason != NULL &&
        mri_word_parse(MRI_VOCABULARY_reason, mri_slice_of(move.reason), &word) != MR_OK) {
        err = mri_request_items_refuse(place, MRI_FIELD_REASON, values[MRI_FIELD_REASON].raw.bytes,
            "a reason of docs/FORMAT.md");
    }
    session->service->moves[index] = move;
    return err;
}

/** By the claim if the connection has one, so that the move is refused when that has ended. */
static mr_err move_all(
    struct mri_line_session *session, size_t count, mr_move_conflict *conflict, mr_problem *problem)
{
    struct mri_service *service = session->service;
    mr_err err = mri_session_claims_check_moves(session, count, conflict, problem);
    if (err != MR_OK) {
        return err;
    }
    const mr_move *moves = service->moves;
    const struct mri_service_claim *kept =
        count == 1 ? mri_session_claims_find(service, moves[0].ordinal) : NULL;
    err = kept == NULL
              ? mr_bus_move(service->bus, moves, count, MR_ASYNC, conflict, problem)
              : mr_claim_move(service->bus, &kept->claim, moves, MR_ASYNC, conflict, problem);
    for (size_t i = 0; i < count && err == MR_OK && service->claim_count > 0; i++) {
        struct mri_service_claim *ended = mri_session_claims_find(service, moves[i].ordinal);
        if (ended != NULL && mri_lifecycle_is_over(moves[i].to)) {
            mri_session_claims_drop(service, ended);
            service->freed++;
        }
    }
    return err;
}

mr_err mri_verb_move(struct mri_line_session *session, const struct mri_request *request,
    struct mri_request_fault *reterr_fault)
{
    static const struct mri_request_items items = {
        MRI_FIELD_MOVES, {.has = {MRI_REQUEST_MOVE(MRI_REQUEST_HAS)}}, MR_BUS_BATCH_MAX, read_move};
    struct mri_service *service = session->service;
    struct mri_reply reply;
    mr_move_conflict conflict = {0};
    bool is_group = true;
    size_t count = 0;
    mr_err err = mri_verb_durability(session, request, &is_group, reterr_fault);
    if (err == MR_OK) {
        err = mri_request_items_read(session, request, &items, &count, reterr_fault);
    }
    if (err != MR_OK) {
        return err;
    }
    err = move_all(session, count, &conflict, &reterr_fault->problem);
    reterr_fault->err = err;
    if (err == MR_CONFLICT) {
        return mri_verb_tell_conflict(session, request->id, reterr_fault, &conflict);
    }
    if (err != MR_OK) {
        mri_request_items_find_field(
            reterr_fault, request->fields[MRI_FIELD_MOVES].is_given ? "moves" : NULL, "move");
        return err;
    }
    session->counts.moved += count;
    service->counts.moved += count;
    mri_reply_begin(&reply, session->out, request->id);
    mri_reply_count(&reply, "moved", count);
    mri_verb_promise(session, &reply, is_group);
    return mri_verb_end(session, &reply);
}

/* ---- feedback -------------------------------------------------------------------------------- */

mr_err mri_verb_feedback(struct mri_line_session *session, const struct mri_request *request,
    struct mri_request_fault *reterr_fault)
{
    const struct mri_request_place place = {
        .reader = &session->service->reader, .fault = reterr_fault};
    const struct mri_request_value *fields = request->fields;
    mr_feedback feedback = {
        .judgement = fields[MRI_FIELD_JUDGEMENT].text,
        .source = fields[MRI_FIELD_SOURCE].text,
        .lesson = fields[MRI_FIELD_LESSON].text,
        .evidence = fields[MRI_FIELD_EVIDENCE].text,
        .has_return = fields[MRI_FIELD_RETURN_BPS].is_given,
        .return_bps = fields[MRI_FIELD_RETURN_BPS].number,
    };
    struct mri_reply reply;
    bool is_group = true;
    mr_err err = mri_verb_durability(session, request, &is_group, reterr_fault);
    if (err == MR_OK) {
        err = mri_verb_find_signal(session, &fields[MRI_FIELD_SIGNAL], &place, &feedback.ordinal);
    }
    if (err != MR_OK) {
        return err;
    }
    err = mr_bus_feedback(session->service->bus, &feedback, MR_ASYNC, &reterr_fault->problem);
    if (err != MR_OK) {
        mri_request_items_name_field(&place, fields);
        return mri_verb_fail(reterr_fault, err);
    }
    mri_reply_begin(&reply, session->out, request->id);
    mri_verb_promise(session, &reply, is_group);
    return mri_verb_end(session, &reply);
}

/* ---- asking ---------------------------------------------------------------------------------- */

/** The moment that is asked about; is_past is false for now. */
struct asked {
    bool is_past;
    mr_log_token moment;
};

/** The moment that a field names. */
static mr_err find_moment(struct mri_line_session *session, const struct mri_request *request,
    enum mri_request_field field, const char *text, mr_log_token *ret_moment,
    struct mri_request_fault *fault)
{
    const struct mri_request_value *value = &request->fields[field];
    mr_err err = mr_bus_moment(session->service->bus, text, ret_moment, &fault->problem);
    if (err == MR_REFUSED || err == MR_NOT_FOUND) {
        (void)snprintf(
            fault->field, sizeof(fault->field), "%s", field == MRI_FIELD_PAGE ? "page" : "as_of");
        fault->byte = value->raw.bytes - session->service->reader.line;
    }
    return err == MR_OK ? MR_OK : mri_verb_fail(fault, err);
}

static mr_err read_moment(struct mri_line_session *session, const struct mri_request *request,
    struct asked *ret_asked, struct mri_request_fault *fault)
{
    const struct mri_request_value *value = &request->fields[MRI_FIELD_AS_OF];
    char number[24];
    *ret_asked = (struct asked){.is_past = value->is_given};
    if (!value->is_given) {
        return MR_OK;
    }
    (void)snprintf(number, sizeof(number), "%lld", (long long)value->integer);
    return find_moment(session, request, MRI_FIELD_AS_OF, value->is_text ? value->text : number,
        &ret_asked->moment, fault);
}

static mr_err get(struct mri_line_session *session, const struct asked *asked, mr_ordinal ordinal,
    mr_signal *ret_signal, mr_problem *problem)
{
    mr_bus *bus = session->service->bus;
    return asked->is_past ? mr_bus_get_at(bus, &asked->moment, ordinal, ret_signal, problem)
                          : mr_bus_get(bus, ordinal, ret_signal);
}

/** By its token, so that the next page can be one of the same moment. */
static void put_moment(struct mri_reply *reply, const struct asked *asked)
{
    char text[MR_LOG_TOKEN_BYTES];
    if (asked->is_past) {
        mri_reply_text(reply, "as_of", mr_log_token_text(&asked->moment, text));
        mri_reply_count(reply, "as_of_seq", asked->moment.seq);
    }
}

mr_err mri_verb_get(struct mri_line_session *session, const struct mri_request *request,
    struct mri_request_fault *reterr_fault)
{
    const struct mri_request_place place = {
        .reader = &session->service->reader, .fault = reterr_fault};
    mr_ordinal ordinal = {0};
    mr_signal signal;
    char id[MR_BUS_ID_BYTES];
    struct asked asked;
    struct mri_reply reply;
    mr_err err =
        mri_verb_find_signal(session, &request->fields[MRI_FIELD_SIGNAL], &place, &ordinal);
    if (err == MR_OK) {
        err = read_moment(session, request, &asked, reterr_fault);
    }
    if (err != MR_OK) {
        return err;
    }
    err = get(session, &asked, ordinal, &signal, &reterr_fault->problem);
    if (err != MR_OK) {
        bool is_none = err == MR_NOT_FOUND;
        (void)snprintf(
            reterr_fault->field, sizeof(reterr_fault->field), "%s", is_none ? "signal" : "");
        return mri_verb_fail(reterr_fault, err);
    }
    mri_reply_begin(&reply, session->out, request->id);
    mri_json_write_key(&reply.json, "signal");
    mri_reply_signal(&reply, &signal, mri_verb_signal_id(session, ordinal, id));
    put_moment(&reply, &asked);
    return mri_verb_end(session, &reply);
}

/**
 * Where the page begins: behind a signal, by its ordinal or id, or by the token of another door,
 * which names the moment, too.
 */
static mr_err read_page(struct mri_line_session *session, const struct mri_request *request,
    struct asked *asked, mr_ordinal *ret_beyond, struct mri_request_fault *fault)
{
    const struct mri_request_value *value = &request->fields[MRI_FIELD_PAGE];
    const struct mri_request_place place = {.reader = &session->service->reader, .fault = fault};
    mr_bus *bus = session->service->bus;
    struct mri_slice moment;
    char named[MR_LOG_TOKEN_BYTES];
    *ret_beyond = (mr_ordinal){0};
    if (!value->is_given) {
        return MR_OK;
    }
    mr_err err = mri_page_token_parse(value->text, &moment, &ret_beyond->n);
    bool is_found =
        err == MR_OK || (err == MR_NOT_FOUND && mr_bus_find(bus, value->text, ret_beyond) == MR_OK);
    if (!is_found) {
        return mri_request_items_refuse(&place, MRI_FIELD_PAGE, value->raw.bytes,
            "the field \"next\" of the page before, a page token of `millrace query` or Python, "
            "or a signal's id");
    }
    if (err != MR_OK || moment.count == 0) {
        return MR_OK;
    }
    bool is_other =
        asked->is_past && !mri_slice_is(moment, mr_log_token_text(&asked->moment, named));
    if (is_other) {
        return mri_request_items_refuse(&place, MRI_FIELD_PAGE, value->raw.bytes,
            "a token of the moment that as_of says, or no as_of: it names its own");
    }
    (void)snprintf(named, sizeof(named), "%.*s", (int)moment.count, moment.bytes);
    asked->is_past = true;
    return find_moment(session, request, MRI_FIELD_PAGE, named, &asked->moment, fault);
}

static void put_page(struct mri_line_session *session, struct mri_reply *reply,
    const struct asked *asked, const mr_bus_page *page)
{
    char token[16];
    mri_json_write_key(&reply->json, "signals");
    mri_json_write_array_open(&reply->json);
    for (uint32_t i = 0; i < page->count; i++) {
        char id[MR_BUS_ID_BYTES];
        mr_signal signal;
        if (get(session, asked, page->ordinals[i], &signal, NULL) == MR_OK) {
            mri_reply_signal(reply, &signal, mri_verb_signal_id(session, page->ordinals[i], id));
        } else {
            mri_json_write_null(&reply->json); /* it was there a moment ago: damage, told by all */
        }
    }
    mri_json_write_array_close(&reply->json);
    mri_reply_count(reply, "scanned", page->scanned);
    bool has_next = page->is_cut && page->count > 0;
    (void)snprintf(token, sizeof(token), "%u", has_next ? page->ordinals[page->count - 1].n : 0);
    mri_reply_text(reply, "next", has_next ? token : NULL);
    put_moment(reply, asked);
}

/** Which field it was; the moment was found before. */
static mr_err refuse_query(
    struct mri_request_fault *reterr_fault, const mr_bus_page *page, mr_err err)
{
    bool is_page = err == MR_NOT_FOUND && page->beyond.n != 0;
    bool is_question = err == MR_REFUSED || err == MR_ELIMIT;
    if (is_page) {
        mr_problem why = reterr_fault->problem;
        (void)mri_problem_behind(&reterr_fault->problem, err, why.text, "page: ");
    }
    (void)snprintf(reterr_fault->field, sizeof(reterr_fault->field), "%s",
        is_page       ? "page"
        : is_question ? "question"
                      : "");
    return mri_verb_fail(reterr_fault, err);
}

mr_err mri_verb_query(struct mri_line_session *session, const struct mri_request *request,
    struct mri_request_fault *reterr_fault)
{
    static const int64_t bounds[3] = {1, MRI_SERVICE_PAGE_MAX, MRI_SERVICE_PAGE};
    struct mri_service *service = session->service;
    const struct mri_request_value *question = &request->fields[MRI_FIELD_QUESTION];
    mr_bus_page page = {.ordinals = service->ordinals};
    struct asked asked;
    struct mri_reply reply;
    int64_t limit;
    mr_err err = mri_verb_integer(session, request, MRI_FIELD_LIMIT, bounds, &limit, reterr_fault);
    if (err == MR_OK) {
        err = read_moment(session, request, &asked, reterr_fault);
    }
    if (err == MR_OK) {
        err = read_page(session, request, &asked, &page.beyond, reterr_fault);
    }
    if (err != MR_OK) {
        return err;
    }
    page.room = (uint32_t)limit;
    const char *text = question->is_given ? question->text : "";
    mr_problem *problem = &reterr_fault->problem;
    err = asked.is_past ? mr_bus_query_at(service->bus, &asked.moment, text, &page, problem)
                        : mr_bus_query(service->bus, text, &page, problem);
    if (err != MR_OK) {
        return refuse_query(reterr_fault, &page, err);
    }
    mri_reply_begin(&reply, session->out, request->id);
    put_page(session, &reply, &asked, &page);
    return mri_verb_end(session, &reply);
}

mr_err mri_verb_counts(struct mri_line_session *session, const struct mri_request *request,
    struct mri_request_fault *reterr_fault)
{
    uint64_t counts[MR_STATE_COUNT];
    char time[MRI_UTC_BYTES];
    struct mri_reply reply;
    mr_bus *bus = session->service->bus;
    int64_t time_unix_ns;
    mr_err err = mr_bus_counts(bus, counts, &reterr_fault->problem);
    if (err == MR_OK) {
        err = mr_bus_event_time(bus, &time_unix_ns, &reterr_fault->problem);
    }
    if (err != MR_OK) {
        return mri_verb_fail(reterr_fault, err);
    }
    mri_reply_begin(&reply, session->out, request->id);
    mri_json_write_key(&reply.json, "counts");
    mri_json_write_object_open(&reply.json);
    for (unsigned state = 0; state < MR_STATE_COUNT; state++) {
        mri_reply_count(&reply, mr_state_text((mr_state)state), counts[state]);
    }
    mri_json_write_object_close(&reply.json);
    mri_reply_text(&reply, "time", mri_utc_format(time_unix_ns, time));
    return mri_verb_end(session, &reply);
}
