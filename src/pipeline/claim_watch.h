/* SPDX-License-Identifier: MIT */
/**
 * Claims that end without their owner's saying so: its process has died, or the lease is over. Each
 * process that waits for claims, and the one that decides, watches for itself.
 *
 *   due leases: the bus's table of claims is a heap by the time to look again
 *   deaths:     a descriptor for each process that has claims, waited for beside the log
 */
#ifndef MRI_PIPELINE_CLAIM_WATCH_H
#define MRI_PIPELINE_CLAIM_WATCH_H

#include "bus/bus.h"
#include "log/read/reader.h"
#include "pipeline/claim_lease.h"

/** A worker whose death is waited for. */
struct mri_claim_worker {
    uint32_t worker;
    uint32_t process_id;
    int fd;
};

struct mri_claim_watch {
    const struct mri_alloc *alloc;
    struct mri_claim_leases leases;
    struct mri_claim_worker *workers;
    uint32_t worker_count;
    uint32_t worker_capacity;
    struct mri_claim judged; /**< whose place is locked until its end is logged; place 0: none */
};

/**
 * Begin to watch the claims of a log; nothing is opened yet.
 *
 * Returns  MR_OK; MR_EINVAL the path is too long.
 * Owner    mri_claim_watch_fini() frees. It must not move once something was claimed or judged.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_claim_watch_init(struct mri_claim_watch *watch, const struct mri_os *os,
    const struct mri_alloc *alloc, const char *folder);

/**
 * Close everything. NULL and zeroed are allowed.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_claim_watch_fini(struct mri_claim_watch *watch);

/**
 * Draft the end of one claim that does not stand any more, as the only event of the batch.
 *
 * @param ret_ordinal  of its signal
 *
 * Returns  MR_OK: append the batch, then mri_claim_watch_done(), whatever came of it; MR_END all
 *          claims stand; faults.
 * Threads  one at a time.
 * Cost     a look at what has changed since; nothing when nobody has claimed anything.
 */
MR_MUST_USE mr_err mri_claim_watch_next(struct mri_claim_watch *watch, struct mri_bus *bus,
    struct mri_batch *batch, uint32_t *ret_ordinal);

/**
 * The end that mri_claim_watch_next() has drafted was appended, or not.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_claim_watch_done(struct mri_claim_watch *watch);

/**
 * Wait until something is appended, a claim may not stand any more, or a time has passed.
 *
 * @param reader      of the log, which has read to its end
 * @param timeout_ms  -1: for ever
 *
 * Returns  MR_OK look again; MR_AGAIN the time has passed, or a signal came; faults.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_claim_watch_wait(
    struct mri_claim_watch *watch, struct mri_bus *bus, mr_log_reader *reader, int64_t timeout_ms);

#endif
