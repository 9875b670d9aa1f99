/* SPDX-License-Identifier: MIT */
/*
 * Making the shared state of the bus anew, and comparing it.
 *
 * Invariants
 *  1. While others are kept from appending, nothing is read but what was appended a moment ago: all
 *     else was folded before.
 */
#include "pipeline/shared_refresh.h"

#include "base/problem.h"

/* So often others may append meanwhile, before they are kept waiting while the rest is read. */
enum { ATTEMPTS = 4, DRAFTS_MAX = 1, DRAFT_BYTES_MAX = 65536 };

#define SECOND_NS ((int64_t)1000000000)

static mr_err put_instruments(struct mri_shared_state *state, const struct mri_alloc *alloc,
    const struct mri_instruments *instruments)
{
    struct mri_batch batch = {0};
    mr_err err = mri_batch_init(&batch, alloc, DRAFTS_MAX, DRAFT_BYTES_MAX);
    for (uint32_t i = 0; i < instruments->count && err == MR_OK; i++) {
        mri_batch_begin(&batch, 1, 1);
        err = mri_instrument_draft(&batch, mri_instruments_get(instruments, i), i);
        if (err == MR_OK) {
            struct mri_event event = mri_batch_event(&batch, 0);
            err = mri_shared_state_put_instrument(state, event.body, event.body_bytes);
        }
    }
    mri_batch_fini(&batch);
    return err;
}

/** Others are kept from appending, and the fold has everything. */
static mr_err fill(const struct mri_fold *fold, const mr_log *log, const struct mri_config *config)
{
    struct mri_shared_state state = {0};
    const struct mri_wiring_limits limits = mri_wiring_limits_of(config);
    const struct mri_shared_settings settings = {
        .limits = mri_wiring_bus_limits(&limits),
        .valid_for_ns = config->signals_valid_for * SECOND_NS,
        .kept_for_ns = config->lifecycle_learned_kept * SECOND_NS,
    };
    mr_err err = mri_shared_state_of(log, &state);
    if (err == MR_OK || err == MR_AGAIN) {
        err = mri_shared_state_fill(&state, &fold->bus, &settings);
    }
    return err == MR_OK
               ? put_instruments(&state, fold->options.alloc, &fold->wiring.market.instruments)
               : err;
}

static mr_err follow(struct mri_fold *fold, mr_problem *problem)
{
    mr_err err = mri_fold_follow(fold, problem);
    return err == MR_OK && fold->damage != MR_OK
               ? mri_problem_pass(problem, fold->damage, fold->damage_problem.text)
               : err;
}

mr_err mri_shared_refresh(
    struct mri_fold *fold, mr_log *log, const struct mri_config *config, mr_problem *reterr_problem)
{
    for (unsigned attempt = 0;; attempt++) {
        uint64_t *words;
        mr_seq last;
        mr_err err = follow(fold, reterr_problem);
        if (err == MR_OK) {
            err = mri_derived_hold(log, &words, &last);
        }
        if (err != MR_OK) {
            return err;
        }
        if (fold->bus.last_seq < last.n && attempt >= ATTEMPTS) {
            err = follow(fold, reterr_problem);
        }
        bool has_all = fold->bus.last_seq == last.n;
        if (err == MR_OK && has_all) {
            err = fill(fold, log, config);
        }
        mri_derived_let_go(log, err == MR_OK && has_all);
        if (err != MR_OK || has_all) {
            return err;
        }
        if (attempt > ATTEMPTS) {
            return mri_problem(reterr_problem, MR_EINTERNAL,
                "event %llu is in the log and cannot be read", (unsigned long long)last.n);
        }
    }
}

mr_err mri_shared_refresh_if_current(
    const struct mri_fold *fold, mr_log *log, const struct mri_config *config)
{
    uint64_t *words;
    mr_seq last;
    mr_err err = mri_derived_hold(log, &words, &last);
    if (err != MR_OK) {
        return err;
    }
    bool has_all = fold->bus.last_seq == last.n;
    err = has_all ? fill(fold, log, config) : MR_OK;
    mri_derived_let_go(log, err == MR_OK && has_all);
    return err;
}

mr_err mri_shared_refresh_check(
    const struct mri_fold *fold, mr_log *log, mr_problem *reterr_problem)
{
    struct mri_shared_state state = {0};
    uint32_t version;
    mr_err err = mri_shared_state_of(log, &state);
    if (err == MR_OK) {
        err = mri_derived_look(log, &version);
    }
    if (err == MR_AGAIN || err == MR_BUSY) {
        return MR_AGAIN;
    }
    if (err != MR_OK) {
        return err;
    }
    if (mr_log_last(log).n != fold->bus.last_seq) {
        return MR_AGAIN;
    }
    mr_problem found = {""};
    err = mri_shared_state_compare(&state, &fold->bus, &found);
    if (!mri_derived_is_same(log, version) || mr_log_last(log).n != fold->bus.last_seq) {
        return MR_AGAIN;
    }
    if (err == MR_OK) {
        return MR_OK;
    }
    uint64_t *words;
    mr_seq last;
    if (mri_derived_hold(log, &words, &last) == MR_OK) {
        mri_derived_let_go(log, false);
    }
    return mri_problem(reterr_problem, err, "%s", found.text);
}
