/* SPDX-License-Identifier: MIT */
/**
 * Moves and claims that are applied before their turn, since a decision lost against them: when
 * their turn comes, they are passed over.
 */
#ifndef MRI_PIPELINE_EARLY_INPUTS_H
#define MRI_PIPELINE_EARLY_INPUTS_H

#include "base/due_queue.h"
#include "bus/event_codec.h"
#include "log/read/reader.h"

enum { MRI_EARLY_READERS = 8 };

/** Where a reader stands. */
struct mri_early_reader {
    mr_log_reader *reader; /**< NULL: not needed yet */
    uint64_t read_seq;     /**< it stands behind this event; 0 = anywhere */
};

struct mri_early_inputs {
    struct mri_due_queue waiting;                       /**< for their turn: due at their seq */
    uint32_t newest;                                    /**< number of the newest of them */
    struct mri_early_reader readers[MRI_EARLY_READERS]; /**< find them in the log */
};

/**
 * Make an empty set.
 *
 * Returns  nothing.
 * Owner    mri_early_inputs_fini() frees.
 * Threads  one at a time.
 */
void mri_early_inputs_init(struct mri_early_inputs *early, const struct mri_alloc *alloc);

/**
 * Free. Zeroed is allowed.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_early_inputs_fini(struct mri_early_inputs *early);

/**
 * Read one from the log. They lose in about the order in which they came: the reader that stands
 * least far before it reads on to it, if that is not far; several readers are there for those that
 * come out of order.
 *
 * Returns  MR_OK; MR_NOT_FOUND, *reterr_problem says what became of it; faults of reading.
 * Owner    ret_event->body points into one of the readers, until the next call.
 * Threads  one at a time.
 * Cost     about 50 ns an event between this one and the one before, or 1 ms and more.
 */
MR_MUST_USE mr_err mri_early_inputs_read(struct mri_early_inputs *early, const struct mri_os *os,
    const char *folder, uint64_t seq, struct mri_event *ret_event, mr_problem *reterr_problem);

/**
 * Note one that is applied now, and whose turn is later.
 *
 * Returns  MR_OK; MR_ENOMEM.
 * Threads  one at a time.
 * Cost     O(log n).
 */
MR_MUST_USE mr_err mri_early_inputs_add(struct mri_early_inputs *early, uint64_t seq);

/**
 * The turn of an input has come; turns come in the order of the log.
 *
 * Returns  true: it was applied early, and is forgotten.
 * Threads  one at a time.
 * Cost     O(log n).
 */
bool mri_early_inputs_pass(struct mri_early_inputs *early, uint64_t seq);

#endif
