/* SPDX-License-Identifier: MIT */
/**
 * Events on their way into the log: drafted one by one, appended together.
 *
 * Events of the same batch refer to one another relatively, so that a batch is right wherever it
 * lands in the log.
 */
#ifndef MRI_BUS_BATCH_H
#define MRI_BUS_BATCH_H

#include "base/alloc.h"
#include "base/buf.h"
#include "bus/event_codec.h"

/** One drafted event. */
struct mri_batch_item {
    size_t offset; /**< of its body */
    uint32_t bytes;
    uint32_t ordinal; /**< of its signal; 0 = none */
    uint16_t type;
};

struct mri_batch {
    const struct mri_alloc *alloc;
    struct mri_buf bodies;
    struct mri_batch_item *items;
    uint32_t count;
    uint32_t count_max;
    uint64_t base_seq;     /**< the first event will have this seq */
    uint32_t next_ordinal; /**< the next signal drafted will have this ordinal */
    bool is_cut;           /**< an engine had more to say than there was room for */
};

/**
 * Make an empty batch for at most `count_max` events with `body_bytes_max` bytes of bodies.
 *
 * Returns  MR_OK; MR_ENOMEM.
 * Owner    mri_batch_fini() frees.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_batch_init(struct mri_batch *batch, const struct mri_alloc *alloc,
    uint32_t count_max, size_t body_bytes_max);

/**
 * Free a batch. NULL and zeroed are allowed.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_batch_fini(struct mri_batch *batch);

/**
 * Empty a batch and say where it will land.
 *
 * @param next_seq      seq of the next event of the log
 * @param next_ordinal  ordinal of the next signal
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_batch_begin(struct mri_batch *batch, uint64_t next_seq, uint32_t next_ordinal);

/**
 * Have a batch land elsewhere: others came first. Nothing in it may depend on what they did.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_batch_rebase(struct mri_batch *batch, uint64_t next_seq, uint32_t next_ordinal);

/**
 * Add an event whose body the caller stores, all of it, as mri_event_encode() would.
 *
 * @param ordinal   as for mri_batch_add()
 * @param ret_body  room for `bytes`, a multiple of 8 behind the batch's first body
 *
 * Returns  as mri_batch_add().
 * Owner    the batch; it moves with the next event that is added.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_batch_place(
    struct mri_batch *batch, uint16_t type, size_t bytes, uint32_t ordinal, void **ret_body);

/**
 * Draft an event.
 *
 * @param ordinal  of the signal it belongs to, 0 = none; for signal.generated it must be
 *                 batch->next_ordinal, which then moves on
 *
 * Returns  MR_OK; MR_FULL the batch has its maximum; MR_EINVAL a text that is too long; MR_ENOMEM.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_batch_add(
    struct mri_batch *batch, const struct mri_draft *draft, uint32_t ordinal);

/**
 * Is this share of the batch used up? Engines whose outputs can be many stop there, set is_cut, and
 * go on at the next tick.
 *
 * Returns  true or false.
 * Threads  one at a time.
 */
bool mri_batch_is_filled(const struct mri_batch *batch, double share);

/**
 * A drafted event as it will be read, but for what the log adds: ordinal_prev, wall_unix_ns,
 * stored_bytes and chain_crc are 0.
 *
 * Returns  the event.
 * Owner    its body points into the batch, until the next mri_batch_add().
 * Threads  one at a time.
 */
struct mri_event mri_batch_event(const struct mri_batch *batch, uint32_t index);

/**
 * The seq that the next drafted event will have.
 *
 * Returns  the seq.
 * Threads  one at a time.
 */
uint64_t mri_batch_next_seq(const struct mri_batch *batch);

/**
 * How the next drafted event refers to an event: relatively within this batch, else by seq.
 *
 * @param seq  0 = absent
 *
 * Returns  the reference.
 * Threads  one at a time.
 */
uint64_t mri_batch_ref(const struct mri_batch *batch, uint64_t seq);

#endif
