/* SPDX-License-Identifier: MIT */
/**
 * This process's share of an open log: one for all its handles, however often it opens the log.
 */
#ifndef MRI_LOG_OPEN_ATTACHMENT_H
#define MRI_LOG_OPEN_ATTACHMENT_H

#include "log/format/manifest.h"
#include "log/hot/hot_thread.h"
#include "log/meet/presence.h"
#include "log/open/append.h"
#include "log/prove/sealing.h"

struct mri_attachment {
    const struct mri_os *os;
    const struct mri_alloc *alloc;
    char folder[MRI_PATH_BYTES_MAX];
    char memory_path[MRI_PATH_BYTES_MAX];
    uint64_t device; /**< with inode: which folder */
    uint64_t inode;
    uint32_t process_id;
    uint8_t boot_id[MRI_BOOT_ID_BYTES];
    struct mri_manifest manifest;
    char uuid_text[MRI_MANIFEST_UUID_TEXT_BYTES];
    struct mri_log_opening opening;
    struct mri_presence presence;
    struct mri_hot_tail hot;
    struct mri_hot_thread helper;
    struct mri_sealing sealing;
    unsigned handles;
    bool is_alone;
    uint32_t fork_count; /**< of this process when it was made: see mri_attachment_is_foreign() */
    struct mri_attachment *next;
};

/**
 * Attach to a log, or to what this process has of it already.
 *
 * Returns  as mri_log_open_with().
 * Owner    mri_attachment_drop() gives it back.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_attachment_take(const struct mri_os *os, const struct mri_alloc *alloc,
    const char *folder, const struct mri_log_opener *opener, struct mri_attachment **ret_attachment,
    mr_problem *problem);

/**
 * Give a handle's share back. The last one of the process leaves the log, the last process seals,
 * syncs and removes the shared memory.
 *
 * Returns  nothing.
 * Threads  any.
 */
void mri_attachment_drop(struct mri_attachment *attachment);

/**
 * Does it belong to the parent of this process? Then it is not to be used.
 *
 * Returns  true or false.
 * Threads  any.
 */
bool mri_attachment_is_foreign(const struct mri_attachment *attachment);

/**
 * Do what trails behind appends: seal, and keep the file `producers` near the end of the log.
 *
 * @param context  a struct mri_attachment
 * @param is_idle  nothing comes at the moment
 *
 * Returns  there is more to do at once.
 * Threads  one at a time.
 */
bool mri_attachment_help(void *context, bool is_idle);

/**
 * Be in alone, without opening the log: for work on its files. What a memory of this boot still
 * held is in the files then.
 *
 * @param presence  zeroed or given back by mri_presence_leave(), also after a failure
 *
 * Returns  MR_OK; MR_BUSY somebody is in (the problem text names the process); faults of files.
 * Owner    mri_presence_leave() ends it.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_attachment_alone(const struct mri_os *os, const char *folder,
    struct mri_presence *presence, mr_problem *problem);

#endif
