/* SPDX-License-Identifier: MIT */
/**
 * The claims of sessions. The bus knows one worker, the server: which of its connections has a
 * signal for itself is known here.
 */
#ifndef MRI_SOCKET_SESSION_CLAIMS_H
#define MRI_SOCKET_SESSION_CLAIMS_H

#include "socket/line_session.h"

/**
 * Keep a claim of a session. There is room: the bus has no more claims than the service.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_session_claims_keep(
    const struct mri_line_session *session, const mr_claim *claim, int64_t lease_ns);

/**
 * The claim that a session of the service has on a signal.
 *
 * Returns  it; NULL: none has one.
 * Owner    the service, until a claim is kept or dropped.
 * Threads  one at a time.
 */
struct mri_service_claim *mri_session_claims_find(
    const struct mri_service *service, mr_ordinal ordinal);

/**
 * A claim is over.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_session_claims_drop(struct mri_service *service, struct mri_service_claim *claim);

/**
 * May a session claim one more? Claims that have ended are forgotten first when it may not.
 *
 * Returns  MR_OK; MR_FULL, *reterr_problem has the limits.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_session_claims_check_room(
    const struct mri_line_session *session, mr_problem *reterr_problem);

/**
 * May a session move these signals? Not one that another session has claimed, and not by a claim
 * of its own that has ended, which is forgotten.
 *
 * Returns  MR_OK; MR_CONFLICT, as mr_bus_move(); as mr_bus_claimant().
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_session_claims_check_moves(const struct mri_line_session *session,
    size_t count, mr_move_conflict *reterr_conflict, mr_problem *reterr_problem);

/**
 * Give back what a session has claimed.
 *
 * Returns  nothing: what could not be given back ends with its lease, or with the server.
 * Threads  one at a time.
 */
void mri_session_claims_give_back(struct mri_line_session *session);

#endif
