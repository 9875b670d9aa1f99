/* SPDX-License-Identifier: MIT */
/**
 * Durable consumers, with the machine to run on as an argument. The functions that users call are
 * in millrace/log_consumer.h.
 */
#ifndef MRI_LOG_CONSUME_CONSUMER_H
#define MRI_LOG_CONSUME_CONSUMER_H

#include "base/alloc.h"
#include "millrace/log_consumer.h"
#include "os/os.h"

/** Where a consumer is; everything is borrowed for the call, os and alloc outlive a handle. */
struct mri_consumer_at {
    const struct mri_os *os;
    const struct mri_alloc *alloc;
    const char *folder;
    const char *name;
};

/** What the consumers of a log that hold their events still need. */
struct mri_consumer_hold {
    uint64_t seq; /**< this event and all behind it; UINT64_MAX: nothing is held */
    char name[MR_CONSUMER_NAME_MAX + 1]; /**< of the consumer that needs it */
};

/**
 * mr_consumer_open() on a given machine.
 *
 * Returns  as mr_consumer_open().
 * Owner    mr_consumer_close() frees.
 * Threads  one thread per handle.
 */
MR_MUST_USE mr_err mri_consumer_open(const struct mri_consumer_at *at,
    const mr_consumer_options *options, mr_consumer **ret_consumer, mr_problem *reterr_problem);

/**
 * mr_consumer_stat() on a given machine.
 *
 * Returns  as mr_consumer_stat().
 * Threads  any.
 */
MR_MUST_USE mr_err mri_consumer_stat(
    const struct mri_consumer_at *at, mr_consumer_stats *ret_stats, mr_problem *reterr_problem);

/** The newest dead letter of a consumer. */
struct mri_consumer_letter {
    uint64_t seq;    /**< of the DEAD_LETTER */
    uint64_t of_seq; /**< of the event that was given up */
    uint32_t deliveries;
    char why[MR_CONSUMER_REASON_MAX + 1]; /**< it was given back the last time; "": not said */
};

/**
 * Look for the newest dead letter of a consumer.
 *
 * Returns  MR_OK; MR_NOT_FOUND there is none in the log (any more), or no such consumer; as
 *          mr_consumer_stat().
 * Threads  any.
 * Cost     reads the log backward until it is found: ask when mr_consumer_stat() says that there
 *          is one.
 */
MR_MUST_USE mr_err mri_consumer_last_letter(const struct mri_consumer_at *at,
    struct mri_consumer_letter *ret_letter, mr_problem *reterr_problem);

/**
 * mr_consumer_list() on a given machine; at->name is not looked at.
 *
 * Returns  as mr_consumer_list().
 * Threads  any.
 */
MR_MUST_USE mr_err mri_consumer_list(const struct mri_consumer_at *at,
    mr_err (*each)(void *argument, const char *name), void *argument, mr_problem *reterr_problem);

/**
 * mr_consumer_remove() on a given machine.
 *
 * Returns  as mr_consumer_remove().
 * Threads  any.
 */
MR_MUST_USE mr_err mri_consumer_remove(
    const struct mri_consumer_at *at, mr_problem *reterr_problem);

/**
 * From which event on a log is held by its consumers; at->name is not looked at.
 *
 * Returns  MR_OK; MR_ECORRUPT a cursor is damaged, so that it is not known what it needs, *problem
 *          names it; MR_FULL there are too many; MR_EVERSION, a fault of reading.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_consumer_held(const struct mri_consumer_at *at,
    struct mri_consumer_hold *ret_hold, mr_problem *reterr_problem);

#endif
