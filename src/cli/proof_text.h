/* SPDX-License-Identifier: MIT */
/**
 * Proofs as JSON; docs/FORMAT.md "Seals" has the keys.
 */
#ifndef MRI_CLI_PROOF_TEXT_H
#define MRI_CLI_PROOF_TEXT_H

#include "base/slice.h"
#include "log/prove/proof.h"

enum { MRI_PROOF_TEXT_BYTES_MAX = 48 * 1024 * 1024 };

/**
 * Write a proof as one object on a line.
 *
 * Returns  nothing; see text->err.
 * Threads  one.
 */
void mri_proof_text_write(const struct mri_proof *proof, struct mri_buf *text);

/**
 * Read a proof.
 *
 * Returns  MR_OK; MR_REFUSED it is none, *reterr_problem says why; MR_ENOMEM.
 * Owner    *proof was made by the caller.
 * Threads  one.
 */
MR_MUST_USE mr_err mri_proof_text_read(
    struct mri_slice text, struct mri_proof *proof, mr_problem *reterr_problem);

#endif
