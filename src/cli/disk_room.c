/* SPDX-License-Identifier: MIT */
/*
 * The room of a log's disk.
 *
 * Invariants
 *  1. Nothing is written, and no file is opened.
 */
#include "cli/disk_room.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

/** Fewer segments than these are few. */
enum { SEGMENTS_FEW = 8 };

static double mb(uint64_t bytes)
{
    return (double)bytes / 1e6;
}

static mr_err count_spare(void *argument, const char *name)
{
    uint32_t *spares = argument;
    *spares += strncmp(name, "spare-", 6) == 0;
    return MR_OK;
}

struct mri_disk_room mri_disk_room_look(
    const struct mri_cli *cli, const char *folder, uint64_t segment_bytes)
{
    struct mri_disk_room room = {.segment_bytes = segment_bytes};
    struct statvfs system;
    if (statvfs(folder, &system) != 0) {
        room.error = errno;
        room.state = MRI_DISK_UNKNOWN;
        return room;
    }
    room.free_bytes = (uint64_t)system.f_bavail * system.f_frsize;
    if (cli->os->list(cli->os->context, folder, &room.spares, count_spare) != MR_OK) {
        room.spares = 0; /* cannot be seen: taken for none, the worse of the two */
    }
    room.state = (system.f_flag & ST_RDONLY) != 0                      ? MRI_DISK_READ_ONLY
                 : room.free_bytes < segment_bytes && room.spares == 0 ? MRI_DISK_NONE
                 : room.free_bytes < SEGMENTS_FEW * segment_bytes      ? MRI_DISK_FEW
                                                                       : MRI_DISK_ENOUGH;
    return room;
}

const char *mri_disk_room_text(
    const struct mri_disk_room *room, char text[static MRI_DISK_ROOM_TEXT_BYTES])
{
    switch (room->state) {
    case MRI_DISK_ENOUGH:
        (void)snprintf(text, MRI_DISK_ROOM_TEXT_BYTES,
            "%.1f GB free, segments of %.1f MB, %u made ahead", (double)room->free_bytes / 1e9,
            mb(room->segment_bytes), room->spares);
        break;
    case MRI_DISK_FEW:
        (void)snprintf(text, MRI_DISK_ROOM_TEXT_BYTES,
            "%.1f MB free, %u segments made ahead: room for %llu more segments of %.1f MB",
            mb(room->free_bytes), room->spares,
            (unsigned long long)(room->free_bytes / room->segment_bytes), mb(room->segment_bytes));
        break;
    case MRI_DISK_NONE:
        (void)snprintf(text, MRI_DISK_ROOM_TEXT_BYTES,
            "%.1f MB free: the next segment of %.1f MB has no room, and appends will stop",
            mb(room->free_bytes), mb(room->segment_bytes));
        break;
    case MRI_DISK_READ_ONLY:
        (void)snprintf(text, MRI_DISK_ROOM_TEXT_BYTES, "it is mounted read-only");
        break;
    case MRI_DISK_UNKNOWN:
        (void)snprintf(text, MRI_DISK_ROOM_TEXT_BYTES, "%s", strerror(room->error));
        break;
    }
    return text;
}

const char *mri_disk_room_todo(const struct mri_disk_room *room)
{
    switch (room->state) {
    case MRI_DISK_FEW:
    case MRI_DISK_NONE:
        return "make room: `millrace log archive`, `millrace log retain`, or a larger disk";
    case MRI_DISK_READ_ONLY:
        return "mount it read-write to append";
    case MRI_DISK_UNKNOWN:
        return "look at the disk";
    default:
        return NULL;
    }
}
