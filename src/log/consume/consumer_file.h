/* SPDX-License-Identifier: MIT */
/**
 * A consumer's file: who may write it now, who is attached, and reading and writing its parts.
 */
#ifndef MRI_LOG_CONSUME_CONSUMER_FILE_H
#define MRI_LOG_CONSUME_CONSUMER_FILE_H

#include "base/alloc.h"
#include "log/consume/consumer_lease.h"

#define MRI_CONSUMER_FOLDER "cur"

enum {
    MRI_CONSUMER_PAGE_BYTES = 4096,
    MRI_CONSUMER_LEASES_AT = 2 * MRI_CONSUMER_PAGE_BYTES,
    MRI_CONSUMER_FILE_BYTES = MRI_CONSUMER_LEASES_AT + 32 * MRI_CONSUMER_WINDOW_SEQS +
                              MRI_CONSUMER_PAGE_BYTES, /**< always */
    MRI_CONSUMER_NAMES_MAX = 16384,                    /**< of one log, as far as they are listed */
};

/** The file as it lies on disk. */
struct mri_consumer_image {
    struct mri_consumer_slot slot_0;
    uint8_t zeros_0[MRI_CONSUMER_PAGE_BYTES - MRI_CONSUMER_SLOT_BYTES];
    struct mri_consumer_slot slot_1;
    uint8_t zeros_1[MRI_CONSUMER_PAGE_BYTES - MRI_CONSUMER_SLOT_BYTES];
    struct mri_consumer_leases leases;
    uint8_t zeros_2[MRI_CONSUMER_PAGE_BYTES - 32];
};

MRI_STATIC_ASSERT(
    sizeof(struct mri_consumer_image) == MRI_CONSUMER_FILE_BYTES, "it is a file format");
MRI_STATIC_ASSERT(
    offsetof(struct mri_consumer_image, leases) == MRI_CONSUMER_LEASES_AT, "file format");

struct mri_consumer_file {
    const struct mri_os *os;
    char path[MRI_PATH_BYTES_MAX];
    struct mri_consumer_file *next; /**< of those that this process has open to write */
    int fd;              /**< -1: not open, or a child of fork() has it from its parent */
    int owner;           /**< the number of this handle; -1: not attached */
    uint32_t fork_count; /**< of this process when it was opened to write: another is a child's */
    uint8_t boot[MRI_BOOT_ID_BYTES];
    uint32_t seed;                   /**< of the leases' checksums */
    struct mri_consumer_slot slot;   /**< the one that counts, as it is now */
    int slot_index;                  /**< where it was read from, or written to */
    struct mri_consumer_image image; /**< as read; its leases are as they are now */
};

/** Names of consumers, in alphabetical order. */
struct mri_consumer_names {
    char items[MRI_CONSUMER_NAMES_MAX][MR_CONSUMER_NAME_MAX + 1];
    size_t count;
};

/**
 * Keep others from making, opening and removing consumers of a log; waits for its turn.
 *
 * @param is_made  make the folder of the consumers when there is none
 *
 * Returns  MR_OK; MR_EPATH there is no such folder; a fault of the calls involved.
 * Owner    closing *ret_fd ends it.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_consumer_file_guard(
    const struct mri_os *os, const char *folder, bool is_made, int *ret_fd);

/**
 * Make a consumer's file, durably. The guard must be held.
 *
 * @param slot  the first copy; it is sealed here
 *
 * Returns  MR_OK; a fault of the calls involved, no file of that name is there then.
 * Threads  any.
 * Cost     syncs a file and two folders.
 */
MR_MUST_USE mr_err mri_consumer_file_make(const struct mri_os *os, const char *folder,
    const char *name, const struct mri_consumer_slot *slot);

/**
 * Open a consumer's file.
 *
 * Returns  MR_OK; MR_NOT_FOUND there is none; MR_ECORRUPT it has not its length; a fault of
 *          opening.
 * Owner    mri_consumer_file_close(), also after a failure. The struct must not move meanwhile.
 * Threads  any, each with a file of its own.
 */
MR_MUST_USE mr_err mri_consumer_file_open(struct mri_consumer_file *file, const struct mri_os *os,
    const char *folder, const char *name, bool is_written, mr_problem *problem);

/**
 * Close it: the handle is no owner any more, its locks are gone.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_consumer_file_close(struct mri_consumer_file *file);

/**
 * Wait for the turn, and read the file as it is now.
 *
 * Returns  MR_OK: mri_consumer_file_unlock() ends the turn; else there is none: MR_ECORRUPT both
 *          copies are damaged, MR_EVERSION, a fault of the calls involved.
 * Threads  one at a time.
 * Cost     reads 44 KiB.
 */
MR_MUST_USE mr_err mri_consumer_file_lock(struct mri_consumer_file *file, mr_problem *problem);

/**
 * End the turn.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_consumer_file_unlock(struct mri_consumer_file *file);

/**
 * Read the file without a turn, for figures: again, while others write.
 *
 * Returns  MR_OK; MR_ECORRUPT, MR_EVERSION, a fault of reading.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_consumer_file_look(struct mri_consumer_file *file, mr_problem *problem);

/**
 * Take a free number, which is this handle's while it is open; what a dead one of that number had
 * leased is given back. In a turn.
 *
 * Returns  MR_OK; MR_FULL there is no free number; a fault of the calls involved.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_consumer_file_attach(struct mri_consumer_file *file);

/**
 * Give back everything that this handle has leased. In a turn.
 *
 * Returns  MR_OK; a fault of writing.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_consumer_file_give_back(struct mri_consumer_file *file);

/**
 * Does the handle of a number live? What cannot be found out counts as alive.
 *
 * Returns  true or false.
 * Threads  one at a time.
 */
bool mri_consumer_file_is_alive(const struct mri_consumer_file *file, uint16_t owner);

/**
 * Write file->slot over a copy that is not the newest durable one. In a turn.
 *
 * Returns  MR_OK; a fault of writing, or of a sync.
 * Threads  one at a time.
 * Cost     a write; once in each run of the machine a sync.
 */
MR_MUST_USE mr_err mri_consumer_file_put_slot(struct mri_consumer_file *file);

/**
 * Make the slot durable, and note that. In a turn.
 *
 * Returns  MR_OK; a fault of syncing or writing: it may be durable or not.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_consumer_file_sync(struct mri_consumer_file *file);

/**
 * Seal the lease of a seq and write it. In a turn.
 *
 * Returns  MR_OK; a fault of writing.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_consumer_file_put_lease(
    struct mri_consumer_file *file, const struct mri_consumer_lease *lease);

/**
 * Seal the mark and write it. In a turn.
 *
 * Returns  MR_OK; a fault of writing.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_consumer_file_put_mark(
    struct mri_consumer_file *file, uint64_t scanned_seq, bool is_appending);

/**
 * Forget every lease. In a turn.
 *
 * Returns  MR_OK; a fault of writing.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_consumer_file_reset_leases(struct mri_consumer_file *file);

/**
 * The names of a log's consumers.
 *
 * Returns  MR_OK, with none when there is no folder of them; MR_FULL there are more than fit; a
 *          fault of reading the folder.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_consumer_file_names(
    const struct mri_os *os, const char *folder, struct mri_consumer_names *ret_names);

#endif
