/* SPDX-License-Identifier: MIT */
/*
 * Snapshot files: <folder>/snap/<seq, 16 hex digits>.snap
 *
 *   | head 64 bytes | payload |
 *
 * Invariants
 *  1. A file has its name only when it is complete and synced, in a folder whose own name is
 * durable.
 *  2. Head and payload have checksums of their own; nothing is taken from a file that fails one.
 *  3. What could not be written whole is removed at once: on a full disk the log needs its space.
 */
#include "log/open/snapshot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/crc32c.h"

static const char snapshot_magic[8] = {'M', 'R', 'S', 'N', 'A', 'P', '\n', '\x1a'};

enum { SNAPSHOT_VERSION = 5, NAME_BYTES = 32 };

struct snapshot_head {
    char magic[8];
    uint32_t version;
    uint32_t chain_crc;
    uint64_t seq;
    uint64_t payload_bytes;
    uint32_t payload_crc;
    uint8_t reserved[24];
    uint32_t head_crc; /**< CRC32C of all above */
};

MRI_STATIC_ASSERT(sizeof(struct snapshot_head) == 64, "the head is a file format");

static const char *name_of(uint64_t seq, char name[static NAME_BYTES])
{
    (void)snprintf(name, NAME_BYTES, "%016llx.snap", (unsigned long long)seq);
    return name;
}

static bool parse_name(const char *name, uint64_t *ret_seq)
{
    char again[NAME_BYTES];
    char *end;
    uint64_t seq = strtoull(name, &end, 16);
    *ret_seq = seq;
    return seq != 0 && strcmp(name, name_of(seq, again)) == 0;
}

static mr_err snapshot_folder(const char *folder, char path[static MRI_PATH_BYTES_MAX])
{
    return mri_os_path(folder, "snap", path);
}

static mr_err note_name(void *argument, const char *name)
{
    struct mri_snapshot_list *list = argument;
    uint64_t seq;
    if (!parse_name(name, &seq)) {
        return MR_OK; /* another file */
    }
    uint32_t at = list->count;
    while (at > 0 && list->seqs[at - 1] < seq) { /* newest first */
        at--;
    }
    if (at == MRI_SNAPSHOTS_LISTED_MAX) {
        return MR_OK;
    }
    if (list->count < MRI_SNAPSHOTS_LISTED_MAX) {
        list->count++;
    }
    memmove(&list->seqs[at + 1], &list->seqs[at], (list->count - at - 1) * sizeof(*list->seqs));
    list->seqs[at] = seq;
    return MR_OK;
}

mr_err mri_snapshot_list(
    const struct mri_os *os, const char *folder, struct mri_snapshot_list *ret_list)
{
    char path[MRI_PATH_BYTES_MAX];
    *ret_list = (struct mri_snapshot_list){0};
    mr_err err = snapshot_folder(folder, path);
    if (err == MR_OK) {
        err = os->list(os->context, path, ret_list, note_name);
    }
    return err == MR_EPATH ? MR_OK : err; /* no folder yet: no snapshots */
}

static void remove_old(const struct mri_os *os, const char *folder, const char *path)
{
    struct mri_snapshot_list list;
    char name[NAME_BYTES];
    char old[MRI_PATH_BYTES_MAX];
    if (mri_snapshot_list(os, folder, &list) != MR_OK) {
        return; /* they cost space, not truth: the next write tries again */
    }
    for (uint32_t i = MRI_SNAPSHOTS_KEPT; i < list.count; i++) {
        if (mri_os_path(path, name_of(list.seqs[i], name), old) == MR_OK) {
            (void)os->remove(os->context, old); /* as above */
        }
    }
}

static mr_err write_file(const struct mri_os *os, const char *path,
    const struct snapshot_head *head, const struct mri_buf *payload)
{
    int fd;
    const struct mri_io_piece pieces[] = {
        {.bytes = head, .count = sizeof(*head)},
        {.bytes = payload->bytes, .count = payload->count},
    };
    mr_err err = os->open(os->context, path, MRI_OPEN_WRITE | MRI_OPEN_CREATE, &fd);
    if (err != MR_OK) {
        return err;
    }
    err = os->truncate(os->context, fd, 0);
    if (err == MR_OK) {
        err = os->write_at(os->context, fd, pieces, MRI_COUNT_OF(pieces), 0);
    }
    if (err == MR_OK) {
        err = os->sync_data(os->context, fd);
    }
    os->close(os->context, fd);
    return err;
}

/** Write it beside its place, and move it there. */
static mr_err write_beside(const struct mri_os *os, const char *beside, const char *path,
    const struct snapshot_head *head, const struct mri_buf *payload)
{
    mr_err err = write_file(os, beside, head, payload);
    if (err == MR_OK) {
        err = os->rename(os->context, beside, path);
    }
    if (err != MR_OK) {
        (void)os->remove(os->context, beside); /* it may be what fills the disk */
    }
    return err;
}

mr_err mri_snapshot_write(const struct mri_os *os, const char *folder,
    const struct mri_snapshot_place *place, const struct mri_buf *payload)
{
    char within[MRI_PATH_BYTES_MAX];
    char path[MRI_PATH_BYTES_MAX];
    char beside[MRI_PATH_BYTES_MAX];
    char name[NAME_BYTES];
    struct snapshot_head head = {
        .version = SNAPSHOT_VERSION,
        .chain_crc = place->chain_crc,
        .seq = place->seq,
        .payload_bytes = payload->count,
        .payload_crc = mri_crc32c(0, payload->bytes, payload->count),
    };
    memcpy(head.magic, snapshot_magic, sizeof(head.magic));
    head.head_crc = mri_crc32c(0, &head, offsetof(struct snapshot_head, head_crc));
    mr_err err = snapshot_folder(folder, within);
    if (err == MR_OK) {
        err = os->make_folder(os->context, within);
        err = err == MR_EXISTS ? MR_OK : err;
    }
    if (err == MR_OK) { /* each time: who made it may have stopped before */
        err = os->sync_folder(os->context, folder);
    }
    if (err == MR_OK) {
        err = mri_os_path(within, name_of(place->seq, name), path);
    }
    if (err == MR_OK) {
        err = mri_os_path(within, "new.tmp", beside);
    }
    if (err == MR_OK) {
        err = write_beside(os, beside, path, &head, payload);
    }
    if (err == MR_OK) {
        err = os->sync_folder(os->context, within);
    }
    if (err == MR_OK) {
        remove_old(os, folder, within);
    }
    return err;
}

static mr_err check_head(const struct snapshot_head *head, uint64_t seq, uint64_t file_bytes)
{
    if (memcmp(head->magic, snapshot_magic, sizeof(head->magic)) != 0 ||
        head->head_crc != mri_crc32c(0, head, offsetof(struct snapshot_head, head_crc)) ||
        head->seq != seq || head->payload_bytes != file_bytes - sizeof(*head)) {
        return MR_ECORRUPT;
    }
    return head->version == SNAPSHOT_VERSION ? MR_OK : MR_EVERSION;
}

static mr_err read_open(const struct mri_os *os, int fd, uint64_t seq,
    struct mri_snapshot_place *ret_place, struct mri_buf *payload)
{
    struct snapshot_head head;
    uint64_t file_bytes;
    size_t count = 0;
    mr_err err = os->size(os->context, fd, &file_bytes);
    if (err == MR_OK) {
        err = os->read_at(os->context, fd, &head, sizeof(head), 0, &count);
    }
    if (err == MR_OK) {
        err = count < sizeof(head) ? MR_ECORRUPT : check_head(&head, seq, file_bytes);
    }
    if (err != MR_OK) {
        return err;
    }
    mri_buf_clear(payload);
    void *place = mri_buf_grow(payload, (size_t)head.payload_bytes);
    if (place == NULL) {
        return MR_ENOMEM;
    }
    err = os->read_at(os->context, fd, place, payload->count, sizeof(head), &count);
    bool is_whole = count == payload->count &&
                    mri_crc32c(0, payload->bytes, payload->count) == head.payload_crc;
    if (err == MR_OK && !is_whole) {
        err = MR_ECORRUPT;
    }
    if (err == MR_OK) {
        *ret_place = (struct mri_snapshot_place){.seq = head.seq, .chain_crc = head.chain_crc};
    }
    return err;
}

mr_err mri_snapshot_read(const struct mri_os *os, const char *folder, uint64_t seq,
    struct mri_snapshot_place *ret_place, struct mri_buf *payload)
{
    char within[MRI_PATH_BYTES_MAX];
    char path[MRI_PATH_BYTES_MAX];
    char name[NAME_BYTES];
    int fd;
    mr_err err = snapshot_folder(folder, within);
    if (err == MR_OK) {
        err = mri_os_path(within, name_of(seq, name), path);
    }
    if (err == MR_OK) {
        err = os->open(os->context, path, MRI_OPEN_READ, &fd);
    }
    if (err != MR_OK) {
        return err;
    }
    err = read_open(os, fd, seq, ret_place, payload);
    os->close(os->context, fd);
    return err;
}
