/* SPDX-License-Identifier: MIT */
/**
 * What each verb does: verb_signals.c has those about signals, verb_claims.c claims, verb_facts.c
 * those that bring in facts, verb_orders.c those about orders, verb_events.c those about events,
 * verb_health.c health.
 *
 * A verb either puts its whole reply and returns MR_OK, or puts nothing and says what is wrong.
 */
#ifndef MRI_SOCKET_VERBS_H
#define MRI_SOCKET_VERBS_H

#include "socket/line_session.h"
#include "socket/request_items.h"

/**
 * A verb.
 *
 * Returns  MR_OK; another result, *reterr_fault says what is wrong.
 * Threads  one at a time.
 */
typedef mr_err mri_verb(struct mri_line_session *session, const struct mri_request *request,
    struct mri_request_fault *reterr_fault);

mri_verb mri_verb_emit, mri_verb_move, mri_verb_get, mri_verb_query, mri_verb_counts;
mri_verb mri_verb_claim, mri_verb_renew, mri_verb_release, mri_verb_feedback, mri_verb_health;
mri_verb mri_verb_fact;
mri_verb mri_verb_orders, mri_verb_report;
mri_verb mri_verb_subscribe, mri_verb_unsubscribe, mri_verb_next, mri_verb_ack, mri_verb_nack,
    mri_verb_wait;

/**
 * Note what a call of the bus answered; its problem is in the fault already.
 *
 * Returns  err.
 * Threads  one at a time.
 */
mr_err mri_verb_fail(struct mri_request_fault *fault, mr_err err);

/**
 * Begin the reply to a request that has failed, and count it.
 *
 * @param line  as of mri_reply_begin_fault()
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_verb_begin_fault(struct mri_line_session *session, struct mri_reply *reply,
    struct mri_slice id, const struct mri_request_fault *fault, uint64_t line);

/**
 * Reply that somebody else was first: who, as fields of the error.
 *
 * Returns  MR_OK.
 * Threads  one at a time.
 */
mr_err mri_verb_tell_conflict(struct mri_line_session *session, struct mri_slice id,
    const struct mri_request_fault *fault, const mr_move_conflict *conflict);

/**
 * Close a reply; the session is broken when there is no room for it.
 *
 * Returns  MR_OK.
 * Threads  one at a time.
 */
mr_err mri_verb_end(struct mri_line_session *session, struct mri_reply *reply);

/**
 * An integer within bounds.
 *
 * @param otherwise  what it is when it is not given
 *
 * Returns  MR_OK; MR_REFUSED.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_verb_integer(const struct mri_line_session *session,
    const struct mri_request *request, enum mri_request_field field, const int64_t bounds[3],
    int64_t *ret_value, struct mri_request_fault *reterr_fault);

/**
 * How long the reply may be waited for.
 *
 * Returns  MR_OK; MR_REFUSED.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_verb_timeout(const struct mri_line_session *session,
    const struct mri_request *request, int64_t *ret_timeout_ms,
    struct mri_request_fault *reterr_fault);

/**
 * Have the session wait for what a request asks.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_verb_begin_waiting(
    struct mri_line_session *session, const struct mri_request *request, int64_t timeout_ms);

/**
 * Try again a claim that waits, and reply if it was taken or the time is over.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_verb_claim_resume(struct mri_line_session *session, bool is_over, int64_t now_ns);

/**
 * A signal by its id, or its ordinal as a number.
 *
 * Returns  MR_OK; MR_REFUSED; MR_NOT_FOUND; as mr_bus_find().
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_verb_find_signal(struct mri_line_session *session,
    const struct mri_request_value *value, const struct mri_request_place *place,
    mr_ordinal *ret_ordinal);

/**
 * A state by its name.
 *
 * Returns  MR_OK; MR_REFUSED it is missing, or there is none of that name.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_verb_state(const struct mri_request_value *values,
    enum mri_request_field field, const struct mri_request_place *place, mr_state *ret_state);

/**
 * The durability that is asked for: group, unless it says async.
 *
 * Returns  MR_OK; MR_REFUSED.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_verb_durability(const struct mri_line_session *session,
    const struct mri_request *request, bool *ret_is_group, struct mri_request_fault *reterr_fault);

/**
 * Put the durability into a reply; one that says group does not leave before a sync.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_verb_promise(struct mri_line_session *session, struct mri_reply *reply, bool is_group);

/**
 * The id of a signal.
 *
 * Returns  ret_id; NULL: it is not known.
 * Threads  one at a time.
 */
const char *mri_verb_signal_id(
    struct mri_line_session *session, mr_ordinal ordinal, char ret_id[MR_BUS_ID_BYTES]);

#endif
