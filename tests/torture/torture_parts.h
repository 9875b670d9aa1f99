/* SPDX-License-Identifier: MIT */
/**
 * The processes around a log: writers, readers of four kinds, and one that comes and goes. Each
 * opens the log by itself and goes on until the ledger says that it is over, or it is killed.
 */
#ifndef TESTS_TORTURE_TORTURE_PARTS_H
#define TESTS_TORTURE_TORTURE_PARTS_H

#include "log/open/append.h"
#include "tests/torture/torture_ledger.h"

enum mri_torture_kind {
    MRI_TORTURE_WRITER = 0,
    MRI_TORTURE_TAILER,  /**< reads on and sleeps until there is more */
    MRI_TORTURE_DURABLE, /**< the same, only what is durable */
    MRI_TORTURE_SEEKER,  /**< goes to places, reads forwards and backwards */
    MRI_TORTURE_COMER,   /**< opens, syncs, closes */
    MRI_TORTURE_KINDS
};

/** How writers write. */
struct mri_torture_pace {
    uint32_t pause_us;           /**< mean of the pause after a burst */
    uint32_t burst_max;          /**< appends of a burst */
    uint32_t group_of_1000;      /**< appends of so many wait for the disk */
    uint32_t large_of_1000;      /**< so many have bodies of 32 KiB: segments fill up */
    bool is_reopening;           /**< close and open now and then */
    bool is_space_short;         /**< MR_ENOSPC is an answer: try again */
    bool is_ending_on_fault;     /**< MR_EUNKNOWN and MR_EPOISONED end it, well */
    bool is_ending_when_retired; /**< so does that the log goes on elsewhere */
};

struct mri_torture_part {
    struct mri_torture_ledger *ledger;
    const char *folder;
    mr_log_options options;
    bool is_deriving; /**< what is derived is kept with the log; all who have it open agree on it */
    struct mri_torture_pace pace;
    enum mri_torture_kind kind;
    uint32_t index; /**< of a reader: where it tells what it has seen */
    uint32_t life;  /**< of a writer */
    uint64_t seed;
    void (*at_start)(const struct mri_torture_part *part); /**< NULL, or called in the process */
};

/**
 * The usual pace: bursts, now and then a commit, a roll every some hundred appends.
 *
 * Returns  the pace.
 * Threads  any.
 */
struct mri_torture_pace mri_torture_pace_usual(void);

/**
 * Be this process, until it is over.
 *
 * @param part  a struct mri_torture_part
 *
 * Returns  nothing.
 * Threads  a child's first.
 */
void mri_torture_part_live(void *part);

/**
 * mri_log_open_with() on this machine. MR_BUSY because others hold the gate for 10 s is no fault of
 * the log: whoever comes or goes may wait for a disk that stalls. It is asked again and counted,
 * for three minutes at most; any other answer is given as it is.
 *
 * Returns  as mri_log_open_with().
 * Owner    the caller closes it.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_torture_open(struct mri_torture_ledger *ledger, const char *at,
    const struct mri_log_opener *opener, mr_log **ret_log, mr_problem *reterr_problem);

/**
 * Open the log in this process.
 *
 * Returns  the handle; it fails the test.
 * Owner    the caller closes it.
 * Threads  one at a time.
 */
mr_log *mri_torture_part_open(const struct mri_torture_part *part);

/**
 * The log that this process has open.
 *
 * Returns  the handle; NULL without one.
 * Threads  any.
 */
mr_log *mri_torture_part_log(void);

/**
 * Start it, with a new life and a new seed.
 *
 * Returns  its process id.
 * Threads  the first process.
 */
pid_t mri_torture_part_start(struct mri_torture_part *part);

#endif
