/* SPDX-License-Identifier: MIT */
/**
 * What a repair comes to: what a log is good for when damaged events of it are given up by a GAP
 * record (the state of the bus is known behind a GAP only from a snapshot there), and what must be
 * done by hand before it.
 */
#ifndef MRI_CLI_REPAIR_OUTLOOK_H
#define MRI_CLI_REPAIR_OUTLOOK_H

#include "cli/cli.h"

/** What is lost with the events when no snapshot lies behind them. */
#define MRI_REPAIR_OUTLOOK_LOST                                                                    \
    "no snapshot lies behind them: nobody can run, emit or ask about signals in this log any more"

/**
 * Is there a whole snapshot behind an event?
 *
 * Returns  MR_OK and its seq, 0 when there is none; faults of reading the folder.
 * Threads  one.
 * Cost     reads snapshots.
 */
MR_MUST_USE mr_err mri_repair_outlook_snapshot(
    const struct mri_cli *cli, const char *folder, uint64_t seq, uint64_t *ret_seq);

/**
 * What to do before a fault can be repaired.
 *
 * @param fault  what reading the log has said, with its place
 *
 * Returns  a static text; NULL: nothing.
 * Threads  any.
 */
const char *mri_repair_outlook_before(mr_err err, const char *fault);

#endif
