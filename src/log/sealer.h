/* SPDX-License-Identifier: MIT */
/**
 * A thread that hashes events beside the writer, one job at a time.
 */
#ifndef MRI_LOG_SEALER_H
#define MRI_LOG_SEALER_H

#include <stdatomic.h>

#include "log/seal.h"
#include "os/thread.h"

/** Events to hash: all records from one offset of a segment to another, but SEALs. */
struct mri_sealer_job {
    const uint8_t *bytes; /**< the mapped segment; what lies in the range does not change */
    uint64_t from;
    uint64_t to;
    struct mri_seal_hash root;
    mr_err err; /**< MR_ECORRUPT: the range does not hold records */
};

struct mri_sealer {
    struct mri_thread thread;
    struct mri_digest hasher; /**< the thread's */
    _Atomic uint32_t state;
    bool is_started;
    struct mri_sealer_job job;
};

/**
 * Hash in the caller's thread.
 *
 * Returns  nothing; job->root and job->err are set.
 * Threads  one at a time per hasher.
 * Cost     about 0.4 us an event.
 */
void mri_sealer_run(struct mri_digest *hasher, struct mri_sealer_job *job);

/**
 * Hash in the sealer's thread, which is started if it is not there yet. No job may be under way.
 *
 * Returns  MR_OK; MR_ELIMIT, MR_ENOMEM there is no thread.
 * Owner    job->bytes is borrowed until mri_sealer_wait() has returned.
 * Threads  the owner.
 */
MR_MUST_USE mr_err mri_sealer_start(struct mri_sealer *sealer, const struct mri_sealer_job *job);

/**
 * Wait for the job.
 *
 * Returns  the finished job.
 * Owner    the sealer, until the next job.
 * Threads  the owner.
 */
const struct mri_sealer_job *mri_sealer_wait(struct mri_sealer *sealer);

/**
 * End the thread. NULL and zeroed are allowed.
 *
 * Returns  nothing.
 * Threads  the owner.
 */
void mri_sealer_fini(struct mri_sealer *sealer);

#endif
