/* SPDX-License-Identifier: MIT */
/**
 * Heads of a log that were signed, or kept outside of it, and a log held against them.
 *
 * Text, a line each: "seq link", and behind it the signature in signed ones.
 */
#ifndef MRI_LOG_PROVE_SEAL_HEADS_H
#define MRI_LOG_PROVE_SEAL_HEADS_H

#include "base/alloc.h"
#include "base/buf.h"
#include "base/slice.h"
#include "log/format/seal.h"
#include "os/signature.h"

enum { MRI_SEAL_HEADS_BYTES_MAX = 16 * 1024 * 1024 };

struct mri_seal_head_line {
    struct mri_seal_head head;
    uint8_t signature[MRI_SIGNATURE_BYTES];
    bool is_signed;
};

/** Heads in order of seq. */
struct mri_seal_heads {
    const struct mri_alloc *alloc;
    struct mri_seal_head_line *lines;
    size_t count;
    size_t at;            /**< the next one that the log must meet */
    size_t skipped_count; /**< of events that the log does not hold any more */
};

/**
 * Read heads out of a text.
 *
 * Returns  MR_OK; MR_REFUSED a line is no head, *reterr_problem says which; MR_ENOMEM.
 * Owner    mri_seal_heads_fini() frees.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_seal_heads_parse(struct mri_slice text, const struct mri_alloc *alloc,
    struct mri_seal_heads *ret_heads, mr_problem *reterr_problem);

/**
 * Were all of them signed by the owner of this key, for this log?
 *
 * Returns  MR_OK; MR_REFUSED one was not; MR_ENOMEM.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_seal_heads_check_signed(const struct mri_seal_heads *heads,
    const uint8_t log_uuid[static 16], const struct mri_signature_key *key,
    mr_problem *reterr_problem);

/**
 * The log has a seal with this head: is it what the list says?
 *
 * @param first_seq  of the log; heads of events before it are skipped
 *
 * Returns  MR_OK; MR_REFUSED it is another one, or the log has none where the list has.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_seal_heads_meet(struct mri_seal_heads *heads, uint64_t first_seq,
    const struct mri_seal_head *head, mr_problem *reterr_problem);

/**
 * The log has no further seal.
 *
 * Returns  MR_OK; MR_REFUSED the list has further heads: the log was cut or set back.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_seal_heads_end(
    const struct mri_seal_heads *heads, mr_problem *reterr_problem);

/**
 * Sign a head for a log.
 *
 * Returns  MR_OK; MR_REFUSED the key cannot sign; MR_ENOMEM.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_seal_heads_sign(const struct mri_signature_key *key,
    const uint8_t log_uuid[static 16], struct mri_seal_head_line *line);

/**
 * Write a line, with its line feed.
 *
 * Returns  nothing; see text->err.
 * Threads  one at a time per buffer.
 */
void mri_seal_heads_write(const struct mri_seal_head_line *line, struct mri_buf *text);

/**
 * Free. NULL and zeroed are allowed.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_seal_heads_fini(struct mri_seal_heads *heads);

/**
 * Read hex digits of either case.
 *
 * Returns  MR_OK; MR_REFUSED it is not exactly 2 * count hex digits.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_seal_heads_hex(struct mri_slice text, uint8_t *ret_bytes, size_t count);

/**
 * Write bytes as lower-case hex digits.
 *
 * Returns  nothing; see text->err.
 * Threads  one at a time per buffer.
 */
void mri_seal_heads_put_hex(const void *bytes, size_t count, struct mri_buf *text);

#endif
