/* SPDX-License-Identifier: MIT */
/**
 * SHA-256, by libcrypto.
 */
#ifndef MRI_OS_DIGEST_H
#define MRI_OS_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#include "millrace/err.h"

enum { MRI_DIGEST_BYTES = 32, MRI_DIGEST_TEXT_BYTES = 65 };

/** A digest under way. Opaque: libcrypto's context. */
struct mri_digest {
    void *state;
};

/**
 * Start a digest.
 *
 * Returns  MR_OK; MR_ENOMEM.
 * Owner    mri_digest_fini() frees.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_digest_init(struct mri_digest *digest);

/**
 * Start anew, whatever state it is in, without getting memory again.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_digest_restart(struct mri_digest *digest);

/**
 * Add bytes.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_digest_add(struct mri_digest *digest, const void *bytes, size_t count);

/**
 * Finish and write the digest as bytes; nothing may be added afterwards.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_digest_bytes(struct mri_digest *digest, uint8_t bytes[static MRI_DIGEST_BYTES]);

/**
 * Finish and write the digest as 64 lower-case hex digits; nothing may be added afterwards.
 *
 * Returns  text.
 * Threads  one at a time.
 */
const char *mri_digest_text(struct mri_digest *digest, char text[static MRI_DIGEST_TEXT_BYTES]);

/**
 * Free a digest. NULL and zeroed are allowed.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_digest_fini(struct mri_digest *digest);

#endif
