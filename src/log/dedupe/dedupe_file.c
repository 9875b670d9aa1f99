/* SPDX-License-Identifier: MIT */
/*
 * Reading and replacing the file `producers`.
 *
 *   | head 64 bytes | producers, 24 bytes each | message ids, 24 bytes each, oldest first |
 *
 * Invariants
 *  1. The checksum covers every byte, and the counts say exactly how long the file is: nothing is
 *     taken from one that fails either.
 *  2. Producers have different ids and are written in the order of the tables; message ids in that
 *     of their seqs. Neither is of a later event than the file: one that says so was not written
 *     here, whatever its checksum.
 *
 * Not here: is it of this history? (dedupe_rebuild.c)
 */
#include "log/dedupe/dedupe_file.h"

#include <string.h>

#include "base/crc32c.h"

static const char magic[8] = "MRPRD\r\n\x1a";

enum { CRC_AT = offsetof(struct mri_dedupe_file_head, crc) };

static uint32_t crc_of(const uint8_t *bytes, size_t count)
{
    static const uint8_t zeros[sizeof(uint32_t)];
    uint32_t crc = mri_crc32c(0, bytes, CRC_AT);
    crc = mri_crc32c(crc, zeros, sizeof(zeros));
    return mri_crc32c(crc, bytes + CRC_AT + sizeof(zeros), count - CRC_AT - sizeof(zeros));
}

static uint64_t bytes_of(const struct mri_dedupe_file_head *head)
{
    return sizeof(*head) +
           (uint64_t)head->producer_count * sizeof(struct mri_dedupe_file_producer) +
           (uint64_t)head->id_count * sizeof(struct mri_dedupe_file_id);
}

/* ---- writing --------------------------------------------------------------------------------- */

static void put_producers(const struct mri_dedupe *dedupe, struct mri_dedupe_file_producer *place)
{
    for (uint32_t i = 0; i < mri_dedupe_places(dedupe); i++) {
        uint32_t id = atomic_load(&dedupe->producers[i].id);
        struct mri_dedupe_newest newest;
        if (id != 0 && mri_dedupe_find_producer(dedupe, id, &newest)) {
            *place++ = (struct mri_dedupe_file_producer){.id = id,
                .producer_seq = newest.producer_seq,
                .seq = newest.seq,
                .run = newest.run};
        }
    }
}

static void put_ids(
    const struct mri_dedupe *dedupe, struct mri_dedupe_file_id *place, uint32_t count)
{
    uint64_t number = atomic_load(&dedupe->head->id_count) - count;
    for (uint32_t i = 0; i < count; i++) {
        const struct mri_dedupe_id *id = &dedupe->ids[(number + 1 + i) % dedupe->limits.ids];
        memcpy(place[i].bytes, id->bytes, sizeof(place[i].bytes));
        place[i].seq = id->seq;
    }
}

mr_err mri_dedupe_file_write(const struct mri_os *os, const struct mri_alloc *alloc,
    const char *folder, const struct mri_dedupe *dedupe, const struct mri_dedupe_file_place *place)
{
    void *block;
    uint64_t ids = atomic_load(&dedupe->head->id_count);
    struct mri_dedupe_file_head head = {
        .version = MRI_DEDUPE_FILE_VERSION,
        .seq = place->seq,
        .chain_crc = place->chain_crc,
        .producer_count = atomic_load(&dedupe->head->producer_count),
        .id_count = ids < dedupe->limits.ids ? (uint32_t)ids : dedupe->limits.ids,
        .ids_max = dedupe->limits.ids,
        .is_incomplete = dedupe->head->is_incomplete != 0,
    };
    memcpy(head.magic, magic, sizeof(head.magic));
    memcpy(head.log_uuid, place->log_uuid, sizeof(head.log_uuid));
    size_t bytes = (size_t)bytes_of(&head);
    mr_err err = mri_alloc_array(alloc, bytes, 1, &block);
    if (err != MR_OK) {
        return err;
    }
    struct mri_dedupe_file_producer *producers = (void *)((uint8_t *)block + sizeof(head));
    put_producers(dedupe, producers);
    put_ids(dedupe, (void *)(producers + head.producer_count), head.id_count);
    memcpy(block, &head, sizeof(head));
    head.crc = crc_of(block, bytes);
    memcpy(block, &head, sizeof(head));
    err = mri_os_replace_file(os, folder, MRI_DEDUPE_FILE_NAME, block, bytes);
    mri_alloc_free(alloc, block, bytes);
    return err;
}

/* ---- reading --------------------------------------------------------------------------------- */

/** Could tables that include the events up to the file's have had these producers and ids? */
static bool is_sound(const struct mri_dedupe_file *file)
{
    const struct mri_dedupe_file_head *head = file->head;
    uint64_t before = 0;
    for (uint32_t i = 0; i < head->producer_count; i++) {
        const struct mri_dedupe_file_producer *producer = &file->producers[i];
        if (producer->id == 0 || producer->seq == 0 || producer->seq > head->seq) {
            return false;
        }
    }
    for (uint32_t i = 0; i < head->id_count; i++) {
        if (file->ids[i].seq <= before || file->ids[i].seq > head->seq) {
            return false;
        }
        before = file->ids[i].seq;
    }
    return true;
}

mr_err mri_dedupe_file_check(
    const void *bytes, size_t count, const uint8_t log_uuid[16], struct mri_dedupe_file *ret_file)
{
    const struct mri_dedupe_file_head *head = bytes;
    if (count < sizeof(*head) || memcmp(head->magic, magic, sizeof(magic)) != 0) {
        return MR_ECORRUPT;
    }
    if (head->version != MRI_DEDUPE_FILE_VERSION) {
        return MR_EVERSION;
    }
    bool is_good = bytes_of(head) == count && head->crc == crc_of(bytes, count) &&
                   memcmp(head->log_uuid, log_uuid, sizeof(head->log_uuid)) == 0 &&
                   head->producer_count <= MRI_DEDUPE_PRODUCERS_MAX &&
                   head->ids_max <= MRI_DEDUPE_IDS_MAX && head->id_count <= head->ids_max &&
                   head->seq > 0;
    if (!is_good) {
        return MR_ECORRUPT;
    }
    const struct mri_dedupe_file_producer *producers = (const void *)(head + 1);
    const struct mri_dedupe_file file = {.bytes = count,
        .head = head,
        .producers = producers,
        .ids = (const void *)(producers + head->producer_count)};
    if (!is_sound(&file)) {
        return MR_ECORRUPT;
    }
    *ret_file = file;
    return MR_OK;
}

mr_err mri_dedupe_file_read(const struct mri_os *os, const struct mri_alloc *alloc,
    const char *folder, const uint8_t log_uuid[16], struct mri_dedupe_file *ret_file)
{
    const struct mri_dedupe_file_head most = {
        .producer_count = MRI_DEDUPE_PRODUCERS_MAX, .id_count = MRI_DEDUPE_IDS_MAX};
    char path[MRI_PATH_BYTES_MAX];
    struct mri_file_info info;
    void *block;
    size_t count;
    mr_err err = mri_os_path(folder, MRI_DEDUPE_FILE_NAME, path);
    if (err == MR_OK) {
        err = os->info(os->context, path, &info);
    }
    if (err != MR_OK) {
        return err == MR_EPATH ? MR_NOT_FOUND : err;
    }
    if (!info.is_regular || info.bytes < sizeof(most) || info.bytes > bytes_of(&most)) {
        return MR_ECORRUPT;
    }
    err = mri_alloc_array(alloc, (size_t)info.bytes, 1, &block);
    if (err != MR_OK) {
        return err;
    }
    err = mri_os_read_file(os, path, block, (size_t)info.bytes, &count);
    if (err == MR_OK) {
        err = mri_dedupe_file_check(block, count, log_uuid, ret_file);
    }
    if (err != MR_OK) {
        mri_alloc_free(alloc, block, (size_t)info.bytes);
        return err == MR_EPATH || err == MR_ERANGE ? MR_ECORRUPT : err; /* replaced meanwhile */
    }
    ret_file->alloc = alloc;
    return MR_OK;
}

mr_err mri_dedupe_file_put(const struct mri_dedupe_file *file, struct mri_dedupe *dedupe)
{
    const struct mri_dedupe_file_head *head = file->head;
    mr_err err = MR_OK;
    for (uint32_t i = 0; i < head->producer_count && err == MR_OK; i++) {
        const struct mri_dedupe_file_producer *producer = &file->producers[i];
        const struct mri_dedupe_newest newest = {
            .seq = producer->seq, .producer_seq = producer->producer_seq, .run = producer->run};
        err = mri_dedupe_put_producer(dedupe, producer->id, &newest);
    }
    for (uint32_t i = 0; i < head->id_count && err == MR_OK; i++) {
        const struct mri_dedupe_record record = {
            .seq = file->ids[i].seq, .message_id = file->ids[i].bytes};
        err = mri_dedupe_note(dedupe, &record);
    }
    dedupe->head->is_incomplete = head->is_incomplete;
    return err;
}

void mri_dedupe_file_fini(struct mri_dedupe_file *file)
{
    if (file->head != NULL) {
        mri_alloc_free(file->alloc, (void *)(uintptr_t)file->head, file->bytes);
    }
    file->head = NULL;
}
