/* SPDX-License-Identifier: MIT */
/**
 * A bus in an event loop that serves many: nothing here waits, and what may take long is done in
 * pieces. The handle must be one that may append: mri_bus_loop_fd() comes first, and says so.
 */
#ifndef MRI_API_BUS_LOOP_H
#define MRI_API_BUS_LOOP_H

#include "millrace/bus.h"
#include "millrace/log_consumer.h"

/** Why mri_bus_loop_next() has no event. */
struct mri_bus_loop_look {
    bool is_cut;     /**< with MR_AGAIN: it has looked at as many events as it might */
    int64_t wait_ns; /**< with MR_AGAIN and MR_END: until something is due again; -1: not known */
};

/**
 * The newest event of the log.
 *
 * Returns  its number; 0 when there is none.
 * Threads  one at a time per handle.
 */
mr_seq mri_bus_loop_last(const mr_bus *bus);

/**
 * The log's own random id, as 32 hex digits.
 *
 * Returns  it.
 * Owner    the bus.
 * Threads  one at a time per handle.
 */
const char *mri_bus_loop_uuid(const mr_bus *bus);

/**
 * Call a function with the figures of every consumer of the log, in alphabetical order; of one that
 * is damaged with its name alone and why it cannot be read, else fault is NULL.
 *
 * Returns  MR_OK; as mr_consumer_list() and mr_consumer_stat().
 * Threads  one at a time per handle.
 */
MR_MUST_USE mr_err mri_bus_loop_consumers(mr_bus *bus,
    void (*each)(void *context, const mr_consumer_stats *stats, const char *fault), void *context,
    mr_problem *reterr_problem);

/**
 * Have everything that was appended survive a power cut.
 *
 * Returns  MR_OK; as mr_log_sync().
 * Threads  one at a time per handle.
 * Cost     one fdatasync.
 */
MR_MUST_USE mr_err mri_bus_loop_sync(mr_bus *bus, mr_problem *reterr_problem);

/**
 * The descriptor that mri_bus_loop_arm() arms.
 *
 * Returns  MR_OK; MR_EACCESS this user may only read the log; as mr_log_reader_open() and
 *          mr_log_reader_poll_fd().
 * Owner    the bus: it is not to be read from or closed.
 * Threads  one at a time per handle.
 */
MR_MUST_USE mr_err mri_bus_loop_fd(mr_bus *bus, int *ret_fd, mr_problem *reterr_problem);

/**
 * Have the descriptor become readable when there are events behind those that there are now. What
 * came just before must be looked for afterwards: mri_bus_loop_last().
 *
 * Returns  MR_OK; MR_AGAIN there may be more already; faults of reading the log.
 * Threads  one at a time per handle.
 * Cost     about 15 ns for each event that has come since the last call.
 */
MR_MUST_USE mr_err mri_bus_loop_arm(mr_bus *bus, mr_problem *reterr_problem);

/**
 * How long an event of a subscription is leased, as its name was made.
 *
 * Returns  milliseconds.
 * Threads  any.
 */
uint32_t mri_bus_loop_ack_wait_ms(const mr_subscription *subscription);

/**
 * mr_subscription_next(), looking at so many events at most.
 *
 * Returns  as mr_subscription_next(); MR_AGAIN also when ret_look->is_cut.
 * Threads  one at a time for the bus and its subscriptions.
 */
MR_MUST_USE mr_err mri_bus_loop_next(mr_subscription *subscription, uint32_t events_max,
    mr_bus_event *ret_event, struct mri_bus_loop_look *ret_look, mr_problem *reterr_problem);

#endif
