/* SPDX-License-Identifier: MIT */
/**
 * Proofs that an event is in a log, which can be checked without the log.
 */
#ifndef MRI_LOG_PROVE_PROOF_H
#define MRI_LOG_PROVE_PROOF_H

#include "base/alloc.h"
#include "base/buf.h"
#include "log/format/seal.h"
#include "log/prove/seal_heads.h"
#include "os/os.h"

enum { MRI_PROOF_LINKS_BYTES_MAX = 16 * 1024 * 1024 };

struct mri_proof {
    uint64_t seq;
    struct mri_buf record; /**< of the event, without padding */
    struct mri_seal_hash path[MRI_SEAL_DEPTH_MAX];
    uint32_t path_count;
    struct mri_buf seal;  /**< the record of the SEAL that covers it */
    struct mri_buf links; /**< the SEALs behind it, to the head, one after the other */
    struct mri_seal_head head;
};

/**
 * Make an empty proof.
 *
 * Returns  nothing.
 * Owner    mri_proof_fini() frees.
 * Threads  any.
 */
void mri_proof_init(struct mri_proof *proof, const struct mri_alloc *alloc);

/**
 * Prove that an event is in a log.
 *
 * @param seq     of the event
 * @param heads   NULL, the proof ends with the seal that covers the event; or the proof goes on to
 *                the first of these heads that covers it
 *
 * Returns  MR_OK; MR_NOT_FOUND the log has no such event, or it has no seal or head yet; MR_REFUSED
 *          a seal is wrong, or its proof is lost in a gap; faults of reading.
 * Owner    *proof was made by the caller.
 * Threads  one at a time.
 * Cost     reads the log up to the head, at 0.5 us an event.
 */
MR_MUST_USE mr_err mri_proof_make(const struct mri_os *os, const char *folder, uint64_t seq,
    const struct mri_seal_heads *heads, struct mri_proof *proof, mr_problem *reterr_problem);

/**
 * Does the proof prove that the event is in the log that has this head? Whether the head is that of
 * the log is for the caller to know.
 *
 * Returns  MR_OK; MR_REFUSED it does not; MR_ENOMEM.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_proof_check(const struct mri_proof *proof, mr_problem *reterr_problem);

/**
 * Free. Zeroed is allowed.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_proof_fini(struct mri_proof *proof);

#endif
