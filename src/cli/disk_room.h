/* SPDX-License-Identifier: MIT */
/**
 * How much room the disk of a log has, and whether that is enough: for `doctor` and `status`.
 */
#ifndef MRI_CLI_DISK_ROOM_H
#define MRI_CLI_DISK_ROOM_H

#include "cli/cli.h"

enum mri_disk_state {
    MRI_DISK_ENOUGH,
    MRI_DISK_FEW,  /**< room for few more segments */
    MRI_DISK_NONE, /**< the next segment has none, and none is made ahead: appends will stop */
    MRI_DISK_READ_ONLY,
    MRI_DISK_UNKNOWN, /**< the file system does not say: see `error` */
};

struct mri_disk_room {
    enum mri_disk_state state;
    int error; /**< errno; 0: it was said */
    uint64_t free_bytes;
    uint64_t segment_bytes;
    uint32_t spares; /**< segments that are made ahead */
};

enum { MRI_DISK_ROOM_TEXT_BYTES = 160 };

/**
 * Look at the disk of a log.
 *
 * Returns  what there is.
 * Threads  any.
 * Cost     a statvfs, and the names of the folder's files.
 */
struct mri_disk_room mri_disk_room_look(
    const struct mri_cli *cli, const char *folder, uint64_t segment_bytes);

/**
 * What there is, in a sentence.
 *
 * Returns  text.
 * Threads  any.
 */
const char *mri_disk_room_text(
    const struct mri_disk_room *room, char text[static MRI_DISK_ROOM_TEXT_BYTES]);

/**
 * What to do when it is not enough.
 *
 * Returns  a static text; NULL: nothing.
 * Threads  any.
 */
const char *mri_disk_room_todo(const struct mri_disk_room *room);

#endif
