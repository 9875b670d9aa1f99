/* SPDX-License-Identifier: MIT */
/**
 * The checks of `millrace doctor`. They read, and ask the kernel; only the self-test writes, to a
 * log of its own.
 */
#ifndef MRI_CLI_DOCTOR_H
#define MRI_CLI_DOCTOR_H

#include "cli/findings.h"
#include "log/format/manifest.h"
#include "millrace/log_admin.h"

/** What the checks find out for one another. */
struct mri_doctor {
    const struct mri_cli *cli;
    const char *folder; /**< NULL: only the machine is looked at */
    struct mri_findings findings;
    bool has_folder;   /**< it is a folder that can be read */
    bool has_manifest; /**< `manifest` was read: there is a log */
    bool is_sound;     /**< nothing was found damaged */
    struct mri_manifest manifest;
    mr_log_memory memory;
    uint64_t first_seq; /**< of the log; 0 = not known */
    uint64_t last_seq;  /**< newest event; 0 = none, or not known */
    int64_t last_unix_ns;
};

/**
 * Program, library, Python package, kernel, limits, clock: what does not need a log.
 *
 * Returns  nothing.
 * Threads  one.
 */
void mri_doctor_machine_check(struct mri_doctor *doctor);

/**
 * Do signals go through all their states, in a log of their own that is gone afterwards?
 *
 * Returns  nothing.
 * Threads  one.
 * Cost     a dozen syncs of the temporary folder's disk.
 */
void mri_doctor_self_test(struct mri_doctor *doctor);

/**
 * Folder, disk, memory: rights, room, who has it open, what dead processes left.
 *
 * Returns  nothing.
 * Threads  one.
 */
void mri_doctor_folder_check(struct mri_doctor *doctor);

/**
 * Segments, seals, snapshots, beginning, configuration, symbols, health, clock against the log.
 *
 * Returns  nothing.
 * Threads  one.
 * Cost     reads the two newest segments and all snapshots, and takes in the log.
 */
void mri_doctor_log_check(struct mri_doctor *doctor);

#endif
