/* SPDX-License-Identifier: MIT */
/**
 * Who decides: any number of processes append to a log, and one of them runs the engines. It holds
 * a lock on the file `run` of the log's folder for as long as it lives. Who takes the orders to a
 * venue outside holds one on the file `executor`.
 */
#ifndef MRI_PIPELINE_SEAT_H
#define MRI_PIPELINE_SEAT_H

#include "os/os.h"

/** The seats there are. */
enum mri_seat_kind { MRI_SEAT_RUN, MRI_SEAT_EXECUTOR };

struct mri_seat {
    const struct mri_os *os; /**< NULL: not taken */
    int fd;
};

/**
 * Take the seat.
 *
 * Returns  MR_OK; MR_BUSY another process has it, *reterr_problem says which; faults of the file.
 * Owner    mri_seat_leave() gives it back, and so does the end of the process.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_seat_take(const struct mri_os *os, const char *folder,
    enum mri_seat_kind kind, struct mri_seat *ret_seat, mr_problem *reterr_problem);

/**
 * Who has the seat?
 *
 * @param ret_process_id  0: nobody
 *
 * Returns  MR_OK; faults of the file.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_seat_holder(
    const struct mri_os *os, const char *folder, enum mri_seat_kind kind, uint32_t *ret_process_id);

/**
 * Give the seat back. NULL and zeroed are allowed.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_seat_leave(struct mri_seat *seat);

#endif
