/* SPDX-License-Identifier: MIT */
/**
 * Whose claims still stand: the file `claims` beside the log, whose leases are good for one run of
 * the machine and whose locks end with the process that holds them.
 *
 *   0        a head for each worker: 16 bytes, 1024 of them
 *   16384    a lease for each claim: 32 bytes, 1024 a worker
 *
 *   byte 2^40 + w    held by worker w for as long as it lives
 *   byte 2^41 + p    held while the lease at place p is judged or renewed
 *
 * What is claimed and by whom the log alone says. A claim of the log whose lease is not here, or is
 * of somebody who is gone, does not stand: whoever notices logs its end.
 */
#ifndef MRI_PIPELINE_CLAIM_LEASE_H
#define MRI_PIPELINE_CLAIM_LEASE_H

#include "bus/claims.h"
#include "os/os.h"

#define MRI_CLAIM_LEASE_NAME "claims"

/** Workers that can claim at one time, and claims that one of them can have. */
enum { MRI_CLAIM_WORKERS_MAX = 1024, MRI_CLAIM_EACH_MAX = 1024 };

struct mri_claim_leases {
    const struct mri_os *os;
    char path[MRI_PATH_BYTES_MAX];
    int fd;              /**< -1: not open */
    int worker;          /**< this handle's number; -1: it has claimed nothing yet */
    uint32_t seed;       /**< of checksums: the run of the machine */
    uint32_t fork_count; /**< the process that opened it */
    uint64_t life;       /**< tells this worker from earlier ones of its number */
    uint64_t used[MRI_CLAIM_EACH_MAX / 64];
    struct mri_claim_leases *next; /**< of those open in this process */
};

/** What a claim stands on. */
struct mri_claim_standing {
    bool is_standing;
    enum mri_claim_act why; /**< it does not stand: lease_over or owner_lost */
    int64_t until_ns;       /**< it stands: until then, by CLOCK_BOOTTIME */
    uint32_t worker;
    uint32_t process_id;
    bool is_own;
};

/**
 * Name the file; nothing is opened yet.
 *
 * Returns  MR_OK; MR_EINVAL the path is too long.
 * Owner    mri_claim_leases_fini().
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_claim_leases_init(
    struct mri_claim_leases *leases, const struct mri_os *os, const char *folder);

/**
 * Close: what this handle has claimed and not given back does not stand any more. NULL and zeroed
 * are allowed.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_claim_leases_fini(struct mri_claim_leases *leases);

/**
 * Become a worker, if it is none yet.
 *
 * Returns  MR_OK; MR_FULL there are MRI_CLAIM_WORKERS_MAX; MR_EINVAL a handle of the parent
 *          process; MR_EACCESS, MR_EIO, MR_ELIMIT, *reterr_problem says of which file.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_claim_leases_attach(
    struct mri_claim_leases *leases, mr_problem *reterr_problem);

/**
 * A free place of this worker.
 *
 * Returns  it, from 1; 0: it has MRI_CLAIM_EACH_MAX claims.
 * Threads  one at a time.
 */
uint32_t mri_claim_leases_free_place(const struct mri_claim_leases *leases);

/**
 * Write a lease of this worker, before the claim is logged.
 *
 * @param claim_seq  that the claim will have
 *
 * Returns  MR_OK; MR_EIO, MR_ENOSPC.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_claim_leases_put(
    struct mri_claim_leases *leases, uint32_t place, uint64_t claim_seq, int64_t until_ns);

/**
 * Renew a lease of this worker that is not over.
 *
 * Returns  MR_OK; MR_CONFLICT it is over; MR_BUSY somebody has been judging it for a second;
 *          MR_EIO, MR_ENOSPC.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_claim_leases_renew(
    struct mri_claim_leases *leases, uint32_t place, uint64_t claim_seq, int64_t until_ns);

/**
 * Give a place back.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_claim_leases_drop(struct mri_claim_leases *leases, uint32_t place);

/**
 * Judge a claim of the log. When it does not stand, its place stays locked until
 * mri_claim_leases_judged(), so that it is not renewed meanwhile.
 *
 * Returns  MR_OK; MR_AGAIN it is being renewed or judged just now; MR_EIO and others: it cannot be
 *          known, and stands.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_claim_leases_judge(struct mri_claim_leases *leases,
    const struct mri_claim *claim, struct mri_claim_standing *ret_standing);

/**
 * The end of a claim that did not stand is logged, or is not this handle's to log.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_claim_leases_judged(struct mri_claim_leases *leases, const struct mri_claim *claim);

#endif
