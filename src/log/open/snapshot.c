/* SPDX-License-Identifier: MIT */
/*
 * Snapshot files: <folder>/snap/<seq, 16 hex digits>.snap, whole and others alike.
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

enum { SNAPSHOT_VERSION = 7, NAME_BYTES = 32, PIECE_BYTES = 16 * 1024 };

struct snapshot_head {
    char magic[8];
    uint32_t version;
    uint32_t chain_crc;
    uint64_t seq;
    uint64_t payload_bytes;
    uint32_t payload_crc;
    uint32_t base_crc;
    uint64_t base_seq;
    uint8_t reserved[12];
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

/* ---- reading --------------------------------------------------------------------------------- */

static mr_err check_head(const struct snapshot_head *head, uint64_t seq, uint64_t file_bytes)
{
    if (memcmp(head->magic, snapshot_magic, sizeof(head->magic)) != 0 ||
        head->head_crc != mri_crc32c(0, head, offsetof(struct snapshot_head, head_crc)) ||
        head->seq != seq || head->base_seq >= seq ||
        head->payload_bytes != file_bytes - sizeof(*head)) {
        return MR_ECORRUPT;
    }
    return head->version == SNAPSHOT_VERSION ? MR_OK : MR_EVERSION;
}

static mr_err read_head(
    const struct mri_os *os, int fd, uint64_t seq, struct snapshot_head *ret_head)
{
    uint64_t file_bytes;
    size_t count = 0;
    mr_err err = os->size(os->context, fd, &file_bytes);
    if (err == MR_OK) {
        err = os->read_at(os->context, fd, ret_head, sizeof(*ret_head), 0, &count);
    }
    if (err != MR_OK) {
        return err;
    }
    return count < sizeof(*ret_head) ? MR_ECORRUPT : check_head(ret_head, seq, file_bytes);
}

static mr_err read_payload(
    const struct mri_os *os, int fd, const struct snapshot_head *head, struct mri_buf *payload)
{
    size_t count = 0;
    mri_buf_clear(payload);
    void *place = mri_buf_grow(payload, (size_t)head->payload_bytes);
    if (place == NULL) {
        return MR_ENOMEM;
    }
    mr_err err = os->read_at(os->context, fd, place, payload->count, sizeof(*head), &count);
    bool is_whole = count == payload->count &&
                    mri_crc32c(0, payload->bytes, payload->count) == head->payload_crc;
    return err == MR_OK && !is_whole ? MR_ECORRUPT : err;
}

/** @param payload  NULL: the head alone */
static mr_err read_file(const struct mri_os *os, const char *folder, uint64_t seq,
    struct snapshot_head *ret_head, struct mri_buf *payload)
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
    err = read_head(os, fd, seq, ret_head);
    if (err == MR_OK && payload != NULL) {
        err = read_payload(os, fd, ret_head, payload);
    }
    os->close(os->context, fd);
    return err;
}

mr_err mri_snapshot_read(const struct mri_os *os, const char *folder, uint64_t seq,
    struct mri_snapshot_place *ret_place, struct mri_buf *payload)
{
    struct snapshot_head head;
    mr_err err = read_file(os, folder, seq, &head, payload);
    if (err == MR_OK) {
        *ret_place = (struct mri_snapshot_place){.seq = head.seq,
            .chain_crc = head.chain_crc,
            .base_crc = head.base_crc,
            .base_seq = head.base_seq};
    }
    return err;
}

mr_err mri_snapshot_chain_of(
    const struct mri_os *os, const char *folder, uint64_t seq, struct mri_snapshot_chain *ret_chain)
{
    struct mri_snapshot_chain chain = {.count = 0};
    struct snapshot_head above = {.base_seq = seq};
    do {
        struct snapshot_head head;
        if (chain.count == MRI_SNAPSHOT_CHAIN_MAX) {
            return MR_FULL;
        }
        mr_err err = read_file(os, folder, above.base_seq, &head, NULL);
        bool is_first = chain.count == 0;
        if (err == MR_OK && !is_first && head.chain_crc != above.base_crc) {
            err = MR_NOT_FOUND;
        }
        if (err != MR_OK) {
            return err == MR_EPATH && !is_first ? MR_NOT_FOUND : err;
        }
        memmove(&chain.seqs[1], chain.seqs, chain.count * sizeof(*chain.seqs));
        chain.seqs[0] = head.seq;
        chain.count++;
        chain.added_bytes += chain.whole_bytes;
        chain.whole_bytes = head.payload_bytes;
        above = head;
    } while (above.base_seq != 0);
    *ret_chain = chain;
    return MR_OK;
}

uint32_t mri_snapshot_count_whole(
    const struct mri_os *os, const char *folder, const struct mri_snapshot_list *list)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < list->count; i++) {
        struct snapshot_head head;
        count += read_file(os, folder, list->seqs[i], &head, NULL) == MR_OK && head.base_seq == 0;
    }
    return count;
}

mr_err mri_snapshot_check(
    const struct mri_os *os, const char *folder, uint64_t seq, struct mri_buf *payload)
{
    struct mri_snapshot_chain chain;
    mr_err err = mri_snapshot_chain_of(os, folder, seq, &chain);
    for (uint32_t i = 0; err == MR_OK && i < chain.count; i++) {
        struct snapshot_head head;
        err = read_file(os, folder, chain.seqs[i], &head, payload);
    }
    return err;
}

/* ---- writing --------------------------------------------------------------------------------- */

/** Is the payload of a file what its head says? In small pieces, since nothing is to be kept of it.
 */
static bool is_payload_good(
    const struct mri_os *os, const char *path, const struct snapshot_head *head)
{
    uint8_t piece[PIECE_BYTES];
    uint32_t crc = 0;
    uint64_t at = 0;
    int fd;
    if (os->open(os->context, path, MRI_OPEN_READ, &fd) != MR_OK) {
        return false;
    }
    while (at < head->payload_bytes) {
        uint64_t left = head->payload_bytes - at;
        size_t wanted = left < sizeof(piece) ? (size_t)left : sizeof(piece);
        size_t count = 0;
        mr_err err = os->read_at(os->context, fd, piece, wanted, sizeof(*head) + at, &count);
        if (err != MR_OK || count != wanted) {
            break;
        }
        crc = mri_crc32c(crc, piece, count);
        at += count;
    }
    os->close(os->context, fd);
    return at == head->payload_bytes && crc == head->payload_crc;
}

/**
 * What is older than the oldest whole snapshot that is kept, nobody builds on. One that is damaged
 * does not count: no good one is removed for it.
 *
 * @param written_seq  the one that was just written
 */
static void remove_old(
    const struct mri_os *os, const char *folder, const char *path, uint64_t written_seq)
{
    struct mri_snapshot_list list;
    uint32_t wholes = 0;
    char name[NAME_BYTES];
    char old[MRI_PATH_BYTES_MAX];
    if (mri_snapshot_list(os, folder, &list) != MR_OK) {
        return; /* they cost space, not truth: the next write tries again */
    }
    if (mri_snapshot_count_whole(os, folder, &list) <= MRI_SNAPSHOT_CHAINS_KEPT) {
        return;
    }
    for (uint32_t i = 0; i < list.count; i++) {
        struct snapshot_head head;
        uint64_t seq = list.seqs[i];
        if (mri_os_path(path, name_of(seq, name), old) != MR_OK) {
            continue;
        }
        if (wholes >= MRI_SNAPSHOT_CHAINS_KEPT) {
            (void)os->remove(os->context, old); /* as above */
        } else if (read_file(os, folder, seq, &head, NULL) == MR_OK && head.base_seq == 0) {
            wholes += seq == written_seq || is_payload_good(os, old, &head);
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
        .base_crc = place->base_crc,
        .base_seq = place->base_seq,
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
        remove_old(os, folder, within, place->seq);
    }
    return err;
}
