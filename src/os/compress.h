/* SPDX-License-Identifier: MIT */
/**
 * Compression in steps, by libzstd: one frame with its content's length and checksum.
 */
#ifndef MRI_OS_COMPRESS_H
#define MRI_OS_COMPRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "millrace/err.h"

/** A frame being packed or unpacked. Opaque: libzstd's context. */
struct mri_compress {
    void *state;
    bool is_unpacking;
};

/** What a step takes and gives; it moves both `used`. */
struct mri_compress_step {
    const void *in;
    size_t in_bytes;
    size_t in_used;
    void *out;
    size_t out_bytes;
    size_t out_used;
};

/**
 * Start to pack.
 *
 * @param plain_bytes  exactly as many will be packed
 *
 * Returns  MR_OK; MR_ENOMEM.
 * Owner    mri_compress_fini() frees.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_compress_init(struct mri_compress *compress, uint64_t plain_bytes);

/**
 * Start to unpack.
 *
 * Returns  MR_OK; MR_ENOMEM.
 * Owner    mri_compress_fini() frees.
 * Threads  one at a time.
 * Cost     unpacking never takes more than about 10 MiB beside the output.
 */
MR_MUST_USE mr_err mri_compress_init_unpack(struct mri_compress *compress);

/**
 * Pack or unpack some more.
 *
 * @param is_last  packing: nothing follows this input
 *
 * Returns  MR_OK the frame is complete; MR_AGAIN it needs more input, or more room; MR_ECORRUPT
 *          the input is no such frame; MR_ENOMEM.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_compress_run(
    struct mri_compress *compress, struct mri_compress_step *step, bool is_last);

/**
 * Free. NULL and zeroed are allowed.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_compress_fini(struct mri_compress *compress);

#endif
