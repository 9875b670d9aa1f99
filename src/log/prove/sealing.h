/* SPDX-License-Identifier: MIT */
/**
 * Sealing what all processes have appended, behind them.
 */
#ifndef MRI_LOG_PROVE_SEALING_H
#define MRI_LOG_PROVE_SEALING_H

#include "base/alloc.h"
#include "log/hot/hot_tail.h"
#include "log/prove/sealer.h"

enum {
    MRI_SEALS_AT_ONCE = 4,   /**< two milliseconds: then the caller looks after other things */
    MRI_SEALS_AT_END = 1024, /**< half a second: what is left then the next open seals */
};

/** One process's means of sealing. */
struct mri_sealing {
    const struct mri_os *os;
    const struct mri_alloc *alloc;
    const char *folder;
    struct mri_hot_tail *hot;
    struct mri_digest hasher;
    mr_log_reader *reader; /**< of the events to seal; NULL: nothing was sealed yet */
    bool is_off;           /**< this process does not seal: events to seal are damaged */
};

/**
 * Begin. Folder and hot tail must outlive it.
 *
 * Returns  MR_OK; MR_ENOMEM.
 * Owner    mri_sealing_fini() frees.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_sealing_init(struct mri_sealing *sealing, const struct mri_os *os,
    const struct mri_alloc *alloc, const char *folder, struct mri_hot_tail *hot);

/**
 * Append some SEALs if MRI_SEAL_EVENTS_MAX events wait for one, unless another process is at it.
 * What fails is tried again with the next call, or seen by the next append.
 *
 * @param context  a struct mri_sealing
 * @param is_idle  nothing comes at the moment: seal what there is
 *
 * Returns  more may wait.
 * Threads  one at a time.
 * Cost     0.5 us an event, when there is something to seal; some milliseconds at most.
 */
bool mri_sealing_help(void *context, bool is_idle);

/**
 * Seal what there is, as far as the segment has room and for half a second at most; the rest is
 * sealed in the next session.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_sealing_finish(struct mri_sealing *sealing);

/**
 * Free. Zeroed is allowed.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_sealing_fini(struct mri_sealing *sealing);

#endif
