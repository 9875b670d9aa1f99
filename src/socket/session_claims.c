/* SPDX-License-Identifier: MIT */
/*
 * Which session has claimed what.
 *
 * Invariants
 *  1. Claims stand in no order, without gaps. One that has ended in the log may still stand here
 *     until it is looked at.
 *  2. A signal has one claim here at most: a new one takes the place of one that has ended.
 */
#include "socket/session_claims.h"

#include <stdio.h>

#include "api/claim.h"
#include "base/check.h"
#include "base/problem.h"
#include "bus/lifecycle.h"

struct mri_service_claim *mri_session_claims_find(
    const struct mri_service *service, mr_ordinal ordinal)
{
    for (uint32_t i = 0; i < service->claim_count; i++) {
        if (service->claims[i].claim.ordinal.n == ordinal.n) {
            return &service->claims[i];
        }
    }
    return NULL;
}

void mri_session_claims_drop(struct mri_service *service, struct mri_service_claim *claim)
{
    service->claim_count--;
    *claim = service->claims[service->claim_count];
}

/** Has the log this very claim in force? */
static mr_err look(
    struct mri_service *service, const struct mri_service_claim *claim, mr_claimant *ret_claimant)
{
    mr_err err = mr_bus_claimant(service->bus, claim->claim.ordinal, ret_claimant);
    bool is_other = err == MR_OK && ret_claimant->seq.n != claim->claim.seq.n;
    return is_other ? MR_NOT_FOUND : err;
}

/** The bus, which is of all connections, has to forget it too; for it the claim is over. */
static void forget(struct mri_service *service, struct mri_service_claim *kept)
{
    mr_problem problem;
    mr_claim claim = kept->claim;
    mri_session_claims_drop(service, kept);
    (void)mr_claim_release(service->bus, &claim, MR_ASYNC, &problem);
}

static void forget_ended(struct mri_service *service)
{
    for (uint32_t i = service->claim_count; i > 0; i--) {
        mr_claimant claimant;
        if (look(service, &service->claims[i - 1], &claimant) == MR_NOT_FOUND) {
            forget(service, &service->claims[i - 1]);
        }
    }
}

static bool has_room(const struct mri_line_session *session)
{
    const struct mri_service *service = session->service;
    uint32_t own = 0;
    for (uint32_t i = 0; i < service->claim_count; i++) {
        own += service->claims[i].session == session;
    }
    return own < MRI_LINE_SESSION_CLAIMS_MAX && service->claim_count < MRI_SERVICE_CLAIMS_MAX;
}

mr_err mri_session_claims_check_room(
    const struct mri_line_session *session, mr_problem *reterr_problem)
{
    if (!has_room(session)) {
        forget_ended(session->service);
    }
    return has_room(session)
               ? MR_OK
               : mri_problem(reterr_problem, MR_FULL, "at most %d claims a connection, %d in all",
                     MRI_LINE_SESSION_CLAIMS_MAX, MRI_SERVICE_CLAIMS_MAX);
}

void mri_session_claims_keep(
    const struct mri_line_session *session, const mr_claim *claim, int64_t lease_ns)
{
    struct mri_service *service = session->service;
    struct mri_service_claim *kept = mri_session_claims_find(service, claim->ordinal);
    MRI_ASSERT(kept != NULL || service->claim_count < MRI_SERVICE_CLAIMS_MAX);
    if (kept == NULL) { /* invariant 2 */
        kept = &service->claims[service->claim_count];
        service->claim_count++;
    }
    *kept = (struct mri_service_claim){.session = session, .claim = *claim, .lease_ns = lease_ns};
}

/** May this session move a signal that one of them has claimed? */
static mr_err check_move(const struct mri_line_session *session, struct mri_service_claim *kept,
    mr_move_conflict *conflict, mr_problem *problem)
{
    struct mri_service *service = session->service;
    mr_ordinal ordinal = kept->claim.ordinal;
    unsigned long long seq = (unsigned long long)kept->claim.seq.n;
    bool is_own = kept->session == session;
    mr_claimant claimant;
    mr_signal signal;
    mr_err err = look(service, kept, &claimant);
    bool is_over = err == MR_NOT_FOUND;
    if (is_over) {
        forget(service, kept);
    }
    if ((err == MR_OK && is_own) || (is_over && !is_own)) {
        return MR_OK;
    }
    if (err == MR_OK || is_over) {
        err = mr_bus_get(service->bus, ordinal, &signal);
    }
    if (err != MR_OK) {
        return mri_problem(problem, err, "%s", mr_err_text(err));
    }
    *conflict = (mr_move_conflict){
        .ordinal = ordinal, .found = signal.state, .winner = is_over ? signal.last : claimant.seq};
    if (is_over) {
        return mri_problem(problem, MR_CONFLICT,
            "signal %u is %s: the claim of event %llu has ended (event %llu)", ordinal.n,
            mr_state_text(signal.state), seq, (unsigned long long)signal.last.n);
    }
    (void)snprintf(conflict->owner, sizeof(conflict->owner), "%s", claimant.owner);
    return mri_problem(problem, MR_CONFLICT, "signal %u is %s, claimed by \"%s\" (event %llu)",
        ordinal.n, mr_state_text(signal.state), claimant.owner, seq);
}

mr_err mri_session_claims_check_moves(const struct mri_line_session *session, size_t count,
    mr_move_conflict *reterr_conflict, mr_problem *reterr_problem)
{
    struct mri_service *service = session->service;
    mr_err err = MR_OK;
    for (size_t i = 0; i < count && err == MR_OK && service->claim_count > 0; i++) {
        struct mri_service_claim *kept =
            mri_session_claims_find(service, service->moves[i].ordinal);
        if (kept != NULL) { /* a lease that is over ends the claim, logged or not */
            err = mri_claim_end_lost(service->bus, reterr_problem);
        }
        if (kept != NULL && err == MR_OK) {
            err = check_move(session, kept, reterr_conflict, reterr_problem);
        }
    }
    return err;
}

void mri_session_claims_give_back(struct mri_line_session *session)
{
    struct mri_service *service = session->service;
    for (uint32_t i = service->claim_count; i > 0; i--) {
        struct mri_service_claim *kept = &service->claims[i - 1];
        if (kept->session == session) {
            mr_problem problem;
            mr_claim claim = kept->claim;
            mri_session_claims_drop(service, kept);
            /* One that has ended is none any more; see the header for what could not be done. */
            (void)mr_claim_release(service->bus, &claim, MR_ASYNC, &problem);
            service->freed++;
        }
    }
}
