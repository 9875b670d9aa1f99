/* SPDX-License-Identifier: MIT */
/**
 * Who has a log open: the file `lock`, whose bytes are locked and never trusted.
 *
 *   byte 0       the gate: held while somebody comes or goes
 *   byte 1       shared by all who are in, or held by one who is in alone
 *   byte 2       held by one who works on old files, whoever is in
 *   byte 16 + i  the one in place i is alive
 *
 * The locks are on open files, so they end with the process that holds them, however that ends. The
 * text of the file, a line of 16 bytes for each place, is the process ids, for people.
 */
#ifndef MRI_LOG_MEET_PRESENCE_H
#define MRI_LOG_MEET_PRESENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "millrace/err.h"
#include "os/os.h"

#define MRI_PRESENCE_NAME "lock"

/** How many processes may have a log open at once. */
enum { MRI_PRESENCE_PLACES = 256 };

struct mri_presence {
    const struct mri_os *os;
    int fd;              /**< -1: not open */
    int place;           /**< -1: not in */
    uint32_t process_id; /**< as the text of the place says */
    bool is_alone;
    struct mri_file_identity file; /**< what fd is open to */
};

/**
 * Come to the gate and take it, waiting for others that come or go.
 *
 * Returns  MR_OK; MR_BUSY others hold the gate for 10 s; MR_EACCESS, MR_EPATH, MR_EIO, MR_ELIMIT.
 * Owner    mri_presence_leave() ends it, and so does the end of the process.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_presence_come(const struct mri_os *os, const char *folder,
    struct mri_presence *presence, mr_problem *reterr_problem);

/**
 * Go in. The gate must be held.
 *
 * @param is_alone    nobody else may be in, or come in
 * @param ret_others  how many others are in
 *
 * Returns  MR_OK; MR_BUSY somebody is in who wants to be alone, or is_alone and somebody is in (the
 *          problem text names the process); MR_ELIMIT all places are taken; MR_EIO, MR_ENOSPC.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_presence_enter(
    struct mri_presence *presence, bool is_alone, unsigned *ret_others, mr_problem *reterr_problem);

/**
 * Give the gate back.
 *
 * Returns  MR_OK; MR_EIO.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_presence_open_gate(struct mri_presence *presence);

/**
 * Take the gate again, to leave.
 *
 * Returns  MR_OK; MR_BUSY others hold it for 10 s; MR_EIO.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_presence_shut_gate(struct mri_presence *presence);

/**
 * Come to work on old files, beside those who are in. The gate is open afterwards.
 *
 * Returns  as mri_presence_come(); MR_BUSY also when somebody else does.
 * Owner    mri_presence_leave() ends it.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_presence_work(const struct mri_os *os, const char *folder,
    struct mri_presence *presence, mr_problem *reterr_problem);

/**
 * How many others are in.
 *
 * Returns  MR_OK; MR_EIO.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_presence_count_others(
    const struct mri_presence *presence, unsigned *ret_others);

/**
 * Is the place still ours? A process that closed the descriptor of the lock file, with all it had,
 * has lost it without being told; its number may be another file's by now.
 *
 * Returns  MR_OK; MR_NOT_FOUND it is lost, and the descriptor must not be used; MR_EPATH the folder
 *          has another log by now, or none: ours was renamed or removed; MR_EACCESS, MR_EIO,
 *          MR_ELIMIT it cannot be found out.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_presence_check(const struct mri_presence *presence, const char *folder);

/**
 * Was the log removed, so that nobody can come any more?
 *
 * Returns  true or false; false also where it cannot be found out.
 * Threads  one at a time.
 */
bool mri_presence_is_removed(const struct mri_presence *presence);

/**
 * Leave; gives the gate back, too. Not being in is allowed.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_presence_leave(struct mri_presence *presence);

/**
 * How many are in, looked at from outside.
 *
 * Returns  MR_OK; MR_EACCESS, MR_EIO.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_presence_count(
    const struct mri_os *os, const char *folder, unsigned *ret_count);

/**
 * A process that is in.
 *
 * Returns  MR_OK and its id (0 when it did not say yet); MR_NOT_FOUND nobody; MR_EACCESS, MR_EIO.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_presence_find(
    const struct mri_os *os, const char *folder, uint32_t *ret_process_id);

#endif
