/* SPDX-License-Identifier: MIT */
/**
 * What a log is good for when damaged events of it are given up by a GAP record: the state of the
 * bus is known behind a GAP only from a snapshot there.
 */
#ifndef MRI_CLI_GAP_OUTLOOK_H
#define MRI_CLI_GAP_OUTLOOK_H

#include "cli/cli.h"

/** What is lost with the events when no snapshot lies behind them. */
#define MRI_GAP_OUTLOOK_LOST                                                                       \
    "no snapshot lies behind them: nobody can run, emit or ask about signals in this log any more"

/**
 * Is there a whole snapshot behind an event?
 *
 * Returns  MR_OK and its seq, 0 when there is none; faults of reading the folder.
 * Threads  one.
 * Cost     reads snapshots.
 */
MR_MUST_USE mr_err mri_gap_outlook_snapshot(
    const struct mri_cli *cli, const char *folder, uint64_t seq, uint64_t *ret_seq);

#endif
