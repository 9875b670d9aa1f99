/* SPDX-License-Identifier: MIT */
/**
 * The file `ctl` of a log: where the memory is that the processes of this boot share.
 *
 * It is no part of the log. It is believed only under the boot that it names; who opens a log that
 * nobody has open makes it anew. That it is there at all says that the log has had a segment: it is
 * written behind the first one, and not removed.
 */
#ifndef MRI_LOG_MEET_CONTROL_H
#define MRI_LOG_MEET_CONTROL_H

#include "base/check.h"
#include "os/os.h"

#define MRI_CONTROL_NAME "ctl"

enum { MRI_CONTROL_VERSION = 1, MRI_CONTROL_PATH_BYTES = 256 };

struct mri_control {
    char magic[8]; /**< "MRCTL\r\n\x1a" */
    uint32_t version;
    uint32_t crc; /**< CRC32C of the whole with this field 0 */
    uint8_t boot_id[MRI_BOOT_ID_BYTES];
    uint64_t device; /**< with inode: the log's folder. A copy of the folder has no memory */
    uint64_t inode;
    uint64_t generation; /**< random: another one is another memory; without one, 0: the log was
                              closed without a fault, 1: and has been opened since */
    uint64_t head_bytes;
    uint64_t ring_bytes;
    uint64_t derived_bytes;
    uint8_t log_uuid[16];
    char memory[MRI_CONTROL_PATH_BYTES]; /**< its path; without a '/' it lies in the log's folder;
                                              empty: there is none, the log was closed */
};

MRI_STATIC_ASSERT(sizeof(struct mri_control) == 352, "a file that other versions may find");

/**
 * Read it.
 *
 * Returns  MR_OK it is whole, of this boot and of this folder, and there is a memory; MR_NOT_FOUND
 *          else; MR_EVERSION another version wrote it, under this boot; MR_ECORRUPT; a fault of
 *          reading.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_control_read(
    const struct mri_os *os, const char *folder, struct mri_control *ret_control);

/**
 * Replace it; magic, version, boot, folder and checksum are filled in.
 *
 * Returns  MR_OK; a fault of writing, the old one stays.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_control_write(
    const struct mri_os *os, const char *folder, struct mri_control *control);

/**
 * Write the same once more, in place: who sleeps until something changes in the folder wakes up
 * now, when the memory that it names is there.
 *
 * @param control  as mri_control_write() has left it
 *
 * Returns  nothing: where it fails, they wake up at the next change.
 * Threads  one at a time.
 */
void mri_control_touch(
    const struct mri_os *os, const char *folder, const struct mri_control *control);

/**
 * Say instead that the log is closed: everything is in the files and was synced, without a fault.
 *
 * Returns  MR_OK; a fault of writing, then it does not say so.
 * Threads  who is in alone, with the gate shut.
 * Cost     no sync: it is of no use behind a restart of the machine.
 */
MR_MUST_USE mr_err mri_control_write_closed(
    const struct mri_os *os, const char *folder, const uint8_t log_uuid[static 16]);

/**
 * Is there one of a log, from whatever boot and folder? Then a first segment of it was durable.
 *
 * Returns  true; false also when it cannot be read.
 * Threads  any.
 */
bool mri_control_is_of(
    const struct mri_os *os, const char *folder, const uint8_t log_uuid[static 16]);

/**
 * Was the log closed like that since the machine was started, and has not been opened since? Then
 * the file says so from now on, so that it is told once.
 *
 * Returns  true; false also when that cannot be found out, or the file cannot be written.
 * Threads  with the gate shut and nobody else in.
 */
bool mri_control_take_closed(const struct mri_os *os, const char *folder);

/**
 * The path of the memory.
 *
 * Returns  MR_OK; MR_EINVAL it would be too long.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_control_path(const struct mri_control *control, const char *folder,
    char ret_path[static MRI_PATH_BYTES_MAX]);

#endif
