/* SPDX-License-Identifier: MIT */
/*
 * Verbs about claims: claim, renew, release.
 *
 * Invariants
 *  1. A claim that waits is tried once when it is asked for, and again by mri_verb_claim_resume().
 *  2. It waits with texts of its own: those of the request are gone with the next one.
 */
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "socket/request_items.h"
#include "socket/session_claims.h"
#include "socket/verbs.h"

#define MS_NS ((int64_t)1000000)

enum {
    LEASE_MS = 60000,
    LEASE_MS_MAX = 86400000,
    LOOK_MS = 200, /* a claim that waits looks so often whether an owner has died */
    REST_MS = 10,  /* and no sooner than this, whatever is appended: a look may be a long one */
};

/** Will what cannot be claimed now be free again? What is in another state will not. */
static bool may_come(mr_err err, const mr_move_conflict *conflict, mr_state from)
{
    bool is_held = err == MR_CONFLICT && conflict->owner[0] != '\0' && conflict->found == from;
    return err == MR_END || is_held;
}

static mr_err put_claim(
    struct mri_line_session *session, struct mri_slice id, const mr_claim *claim)
{
    const struct mri_line_session_claiming *claiming = &session->waiting.claiming;
    struct mri_reply reply;
    mr_signal signal;
    char text[MR_BUS_ID_BYTES];
    mri_reply_begin(&reply, session->out, id);
    mri_json_write_key(&reply.json, "signal");
    if (claim == NULL || mr_bus_get(session->service->bus, claim->ordinal, &signal) != MR_OK) {
        mri_json_write_null(&reply.json);
    } else {
        mri_reply_signal(&reply, &signal, mri_verb_signal_id(session, claim->ordinal, text));
    }
    if (claim != NULL) {
        mri_reply_count(&reply, "claim", claim->seq.n);
        mri_reply_count(&reply, "lease_ms", (uint64_t)(claiming->options.lease_ns / MS_NS));
        mri_verb_promise(session, &reply, claiming->is_group);
    }
    return mri_verb_end(session, &reply);
}

/** Try; when it is not to be had yet and there is time left, the session waits. */
static mr_err try(struct mri_line_session *session, struct mri_slice id, bool is_over,
    struct mri_request_fault *fault)
{
    struct mri_line_session_claiming *claiming = &session->waiting.claiming;
    const struct mri_os *os = session->service->os;
    mr_move_conflict conflict = {0};
    mr_claim claim;
    session->waiting.is_waiting = false;
    mr_err err = mri_session_claims_check_room(session, &fault->problem);
    if (err == MR_OK) {
        err = mr_bus_claim(session->service->bus, &claiming->options, MR_ASYNC, &claim, &conflict,
            &fault->problem);
    }
    if (err == MR_OK) {
        mri_session_claims_keep(session, &claim, claiming->options.lease_ns);
        return put_claim(session, id, &claim);
    }
    if (!is_over && may_come(err, &conflict, claiming->options.from)) {
        int64_t now_ns = os->boottime_ns(os->context);
        int64_t look_ns = now_ns + LOOK_MS * MS_NS;
        int64_t deadline_ns = session->waiting.deadline_ns;
        session->waiting.is_waiting = true;
        session->waiting.rest_until_ns = now_ns + REST_MS * MS_NS;
        session->waiting.due_ns = look_ns < deadline_ns ? look_ns : deadline_ns;
        return MR_OK;
    }
    if (err == MR_END) {
        return put_claim(session, id, NULL);
    }
    fault->err = err;
    return err == MR_CONFLICT ? mri_verb_tell_conflict(session, id, fault, &conflict) : err;
}

void mri_verb_claim_resume(struct mri_line_session *session, bool is_over, int64_t now_ns)
{
    struct mri_line_session_waiting *waiting = &session->waiting;
    struct mri_request_fault fault = {.byte = -1};
    struct mri_slice id = mri_slice_of(waiting->id);
    struct mri_reply reply;
    if (!is_over && now_ns < waiting->rest_until_ns) {
        waiting->due_ns = waiting->rest_until_ns;
        return;
    }
    if (try(session, id, is_over, &fault) != MR_OK) {
        mri_verb_begin_fault(session, &reply, id, &fault, 0);
        (void)mri_verb_end(session, &reply);
    }
}

static mr_err read_lease(const struct mri_line_session *session, const struct mri_request *request,
    int64_t default_ms, int64_t *ret_lease_ns, struct mri_request_fault *fault)
{
    const int64_t bounds[3] = {1, LEASE_MS_MAX, default_ms};
    int64_t lease_ms;
    mr_err err = mri_verb_integer(session, request, MRI_FIELD_LEASE_MS, bounds, &lease_ms, fault);
    *ret_lease_ns = err == MR_OK ? lease_ms * MS_NS : 0;
    return err;
}

static mr_err read_claim(struct mri_line_session *session, const struct mri_request *request,
    mr_claim_options *options, struct mri_request_fault *fault)
{
    const struct mri_request_place place = {.reader = &session->service->reader, .fault = fault};
    const struct mri_request_value *fields = request->fields;
    *options = (mr_claim_options){.from = MR_GENERATED,
        .owner = fields[MRI_FIELD_OWNER].text,
        .symbol = fields[MRI_FIELD_SYMBOL].text,
        .source = fields[MRI_FIELD_SOURCE].text};
    if (options->owner == NULL) {
        return mri_request_items_refuse_missing(&place, MRI_FIELD_OWNER, "the worker's name");
    }
    mr_err err = mri_verb_state(fields, MRI_FIELD_TO, &place, &options->next);
    if (err == MR_OK && fields[MRI_FIELD_FROM].is_given) {
        err = mri_verb_state(fields, MRI_FIELD_FROM, &place, &options->from);
    }
    if (err == MR_OK && fields[MRI_FIELD_SIGNAL].is_given) {
        err = mri_verb_find_signal(session, &fields[MRI_FIELD_SIGNAL], &place, &options->ordinal);
    }
    return err == MR_OK ? read_lease(session, request, LEASE_MS, &options->lease_ns, fault) : err;
}

/** What waits has been looked at by the bus: its texts are short. */
static const char *keep_text(const char *text, char ret_kept[MR_BUS_OWNER_BYTES])
{
    (void)snprintf(ret_kept, MR_BUS_OWNER_BYTES, "%s", text == NULL ? "" : text);
    return text == NULL ? NULL : ret_kept;
}

mr_err mri_verb_claim(struct mri_line_session *session, const struct mri_request *request,
    struct mri_request_fault *reterr_fault)
{
    struct mri_line_session_claiming *claiming = &session->waiting.claiming;
    const struct mri_request_value *fields = request->fields;
    mr_claim_options *options = &claiming->options;
    int64_t timeout_ms = 0;
    mr_err err = mri_verb_durability(session, request, &claiming->is_group, reterr_fault);
    if (err == MR_OK) {
        err = mri_verb_timeout(session, request, &timeout_ms, reterr_fault);
    }
    if (err == MR_OK) {
        err = read_claim(session, request, options, reterr_fault);
    }
    if (err != MR_OK) {
        return err;
    }
    mri_verb_begin_waiting(session, request, timeout_ms);
    err = try(session, request->id, timeout_ms == 0, reterr_fault);
    options->owner = keep_text(options->owner, claiming->owner); /* invariant 2 */
    options->symbol = keep_text(options->symbol, claiming->symbol);
    options->source = keep_text(options->source, claiming->source);
    if (err != MR_OK) {
        const struct mri_request_place place = {
            .reader = &session->service->reader, .fault = reterr_fault};
        mri_request_items_name_field(&place, fields);
    }
    return err;
}

/** The claim of this session that the request names. */
static mr_err find_own(struct mri_line_session *session, const struct mri_request *request,
    struct mri_service_claim **ret_kept, struct mri_request_fault *fault)
{
    const struct mri_request_place place = {.reader = &session->service->reader, .fault = fault};
    const struct mri_request_value *value = &request->fields[MRI_FIELD_SIGNAL];
    mr_ordinal ordinal;
    mr_err err = mri_verb_find_signal(session, value, &place, &ordinal);
    if (err != MR_OK) {
        return err;
    }
    *ret_kept = mri_session_claims_find(session->service, ordinal);
    if (*ret_kept != NULL && (*ret_kept)->session == session) {
        return MR_OK;
    }
    (void)mri_request_items_refuse(
        &place, MRI_FIELD_SIGNAL, value->raw.bytes, "one that this connection has claimed");
    return mri_verb_fail(fault, MR_CONFLICT);
}

mr_err mri_verb_renew(struct mri_line_session *session, const struct mri_request *request,
    struct mri_request_fault *reterr_fault)
{
    struct mri_service_claim *kept = NULL;
    struct mri_reply reply;
    int64_t lease_ns = 0;
    mr_err err = find_own(session, request, &kept, reterr_fault);
    if (err == MR_OK) {
        err = read_lease(session, request, kept->lease_ns / MS_NS, &lease_ns, reterr_fault);
    }
    if (err != MR_OK) {
        return err;
    }
    err = mr_claim_renew(session->service->bus, &kept->claim, lease_ns, &reterr_fault->problem);
    if (err == MR_CONFLICT) {
        mri_session_claims_drop(session->service, kept);
    }
    if (err != MR_OK) {
        return mri_verb_fail(reterr_fault, err);
    }
    mri_reply_begin(&reply, session->out, request->id);
    mri_reply_count(&reply, "lease_ms", (uint64_t)(lease_ns / MS_NS));
    return mri_verb_end(session, &reply);
}

mr_err mri_verb_release(struct mri_line_session *session, const struct mri_request *request,
    struct mri_request_fault *reterr_fault)
{
    struct mri_service_claim *kept = NULL;
    struct mri_reply reply;
    bool is_group = true;
    mr_err err = mri_verb_durability(session, request, &is_group, reterr_fault);
    if (err == MR_OK) {
        err = find_own(session, request, &kept, reterr_fault);
    }
    if (err != MR_OK) {
        return err;
    }
    err = mr_claim_release(session->service->bus, &kept->claim, MR_ASYNC, &reterr_fault->problem);
    if (err == MR_OK || err == MR_CONFLICT || err == MR_EUNKNOWN) {
        mri_session_claims_drop(session->service, kept);
        session->service->freed++;
    }
    if (err != MR_OK) {
        return mri_verb_fail(reterr_fault, err);
    }
    mri_reply_begin(&reply, session->out, request->id);
    mri_verb_promise(session, &reply, is_group);
    return mri_verb_end(session, &reply);
}
