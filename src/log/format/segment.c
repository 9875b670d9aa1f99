/* SPDX-License-Identifier: MIT */
/*
 * Segment files: names, heads, listing.
 *
 *   0        128          2048      2176        4096
 *   | head   | zeros ...  | head    | zeros ... | record | record | ... | ROLL | zeros
 *
 * Invariants
 *  1. Both copies of the head are equal when the segment gets its name.
 *  2. base_seq and base_position continue the previous segment without a gap.
 */
#include "log/format/segment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"

static const char segment_magic[8] = {'M', 'R', 'S', 'E', 'G', '\r', '\n', '\x1a'};

enum { SECOND_COPY_AT = MRI_SEGMENT_PAGE_BYTES / 2, SEGMENTS_MAX = 1 << 20, LISTINGS_MAX = 8 };

const char *mri_segment_name(uint64_t base_seq, char name[static MRI_SEGMENT_NAME_BYTES])
{
    (void)snprintf(name, MRI_SEGMENT_NAME_BYTES, "seg-%016llx.log", (unsigned long long)base_seq);
    return name;
}

const char *mri_segment_archive_name(uint64_t base_seq, char name[static MRI_SEGMENT_NAME_BYTES])
{
    (void)snprintf(
        name, MRI_SEGMENT_NAME_BYTES, "seg-%016llx.log.zst", (unsigned long long)base_seq);
    return name;
}

static mr_err parse_name(const char *name, const char *suffix, uint64_t *ret_base_seq)
{
    if (strlen(name) < 20 || strncmp(name, "seg-", 4) != 0 || strcmp(name + 20, suffix) != 0) {
        return MR_REFUSED;
    }
    uint64_t base_seq = 0;
    for (int i = 4; i < 20; i++) {
        char c = name[i];
        unsigned digit = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                         : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
                                                : 16;
        if (digit == 16) {
            return MR_REFUSED;
        }
        base_seq = base_seq * 16 + digit;
    }
    *ret_base_seq = base_seq;
    return base_seq > 0 ? MR_OK : MR_REFUSED;
}

mr_err mri_segment_name_parse(const char *name, uint64_t *ret_base_seq)
{
    return parse_name(name, ".log", ret_base_seq);
}

mr_err mri_segment_list_add(struct mri_segment_list *list, uint64_t base_seq)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity == 0 ? 64 : 2 * list->capacity;
        void *block = list->base_seqs;
        if (capacity > SEGMENTS_MAX) {
            return MR_ELIMIT;
        }
        mr_err err = mri_alloc_resize(list->alloc, &block,
            list->capacity * sizeof(*list->base_seqs), capacity * sizeof(*list->base_seqs));
        if (err != MR_OK) {
            return err;
        }
        list->base_seqs = block;
        list->capacity = capacity;
    }
    list->base_seqs[list->count++] = base_seq;
    return MR_OK;
}

static mr_err add_to_list(void *argument, const char *name)
{
    uint64_t base_seq;
    if (parse_name(name, ".log", &base_seq) != MR_OK &&
        parse_name(name, ".log.zst", &base_seq) != MR_OK) {
        return MR_OK; /* another file of the folder */
    }
    return mri_segment_list_add(argument, base_seq);
}

static int compare_seqs(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/** Of a sorted list with at least one. */
static void remove_doubles(struct mri_segment_list *list)
{
    size_t kept = 1;
    for (size_t i = 1; i < list->count; i++) {
        if (list->base_seqs[i] != list->base_seqs[kept - 1]) {
            list->base_seqs[kept++] = list->base_seqs[i];
        }
    }
    list->count = kept;
}

static mr_err list_once(const struct mri_os *os, const struct mri_alloc *alloc, const char *folder,
    struct mri_segment_list *ret_list)
{
    struct mri_segment_list list = {.alloc = alloc};
    mr_err err = os->list(os->context, folder, &list, add_to_list);
    if (err != MR_OK) {
        mri_segment_list_fini(&list);
        return err;
    }
    if (list.count > 1) {
        qsort(list.base_seqs, list.count, sizeof(*list.base_seqs), compare_seqs);
        remove_doubles(&list);
    }
    *ret_list = list;
    return MR_OK;
}

static uint64_t newest_of(const struct mri_segment_list *list)
{
    return list->count == 0 ? 0 : list->base_seqs[list->count - 1];
}

/*
 * A folder is not read at one moment: of two segments that get their names meanwhile, the later one
 * may be listed and the earlier one not. Segments get their names in order, so all up to the newest
 * of one listing have theirs before the next one begins.
 */
mr_err mri_segment_list(const struct mri_os *os, const struct mri_alloc *alloc, const char *folder,
    struct mri_segment_list *ret_list)
{
    struct mri_segment_list list;
    mr_err err = list_once(os, alloc, folder, &list);
    for (int i = 0; err == MR_OK && i < LISTINGS_MAX; i++) {
        uint64_t newest = newest_of(&list);
        mri_segment_list_fini(&list);
        err = list_once(os, alloc, folder, &list);
        if (err == MR_OK && newest_of(&list) <= newest) {
            break;
        }
        while (err == MR_OK && i + 1 == LISTINGS_MAX && newest_of(&list) > newest) {
            list.count--;
        }
    }
    if (err == MR_OK) {
        *ret_list = list;
    }
    return err;
}

void mri_segment_list_fini(struct mri_segment_list *list)
{
    if (list != NULL && list->alloc != NULL) {
        mri_alloc_free(list->alloc, list->base_seqs, list->capacity * sizeof(*list->base_seqs));
        *list = (struct mri_segment_list){0};
    }
}

static uint32_t head_crc_of(const struct mri_segment_head *head)
{
    return mri_crc32c(0, head, offsetof(struct mri_segment_head, head_crc));
}

void mri_segment_head_seal(struct mri_segment_head *head)
{
    memcpy(head->magic, segment_magic, sizeof(segment_magic));
    head->version = MRI_SEGMENT_VERSION;
    head->head_crc = head_crc_of(head);
}

mr_err mri_segment_head_write(const struct mri_os *os, int fd, const struct mri_segment_head *head)
{
    uint8_t page[MRI_SEGMENT_PAGE_BYTES] = {0};
    memcpy(page, head, sizeof(*head));
    memcpy(page + SECOND_COPY_AT, head, sizeof(*head));
    return os->write_at(
        os->context, fd, &(struct mri_io_piece){.bytes = page, .count = sizeof(page)}, 1, 0);
}

static bool is_good(const struct mri_segment_head *head)
{
    return memcmp(head->magic, segment_magic, sizeof(segment_magic)) == 0 &&
           head->head_crc == head_crc_of(head);
}

/** Are the numbers of a head with a good checksum such as a writer could have put there? */
static bool is_sound(const struct mri_segment_head *head)
{
    uint64_t bytes = head->segment_bytes;
    return head->base_seq > 0 && head->base_position % MRI_RECORD_UNIT_BYTES == 0 &&
           bytes >= MRI_SEGMENT_BYTES_MIN && bytes <= MRI_SEGMENT_BYTES_MAX &&
           bytes % MRI_SEGMENT_PAGE_BYTES == 0;
}

mr_err mri_segment_head_read(
    const void *page, size_t page_bytes, struct mri_segment_head *ret_head, bool *ret_is_hurt)
{
    struct mri_segment_head copies[2];
    if (page_bytes < MRI_SEGMENT_PAGE_BYTES) {
        return MR_ECORRUPT;
    }
    memcpy(&copies[0], page, sizeof(copies[0]));
    memcpy(&copies[1], (const uint8_t *)page + SECOND_COPY_AT, sizeof(copies[1]));
    bool is_first_good = is_good(&copies[0]);
    bool is_second_good = is_good(&copies[1]);
    if (!is_first_good && !is_second_good) {
        return MR_ECORRUPT;
    }
    const struct mri_segment_head *head = is_first_good ? &copies[0] : &copies[1];
    if (head->version != MRI_SEGMENT_VERSION ||
        (head->features_incompat & ~(uint32_t)MRI_FEATURES_INCOMPAT) != 0) {
        return MR_EVERSION;
    }
    if (!is_sound(head)) {
        return MR_ECORRUPT;
    }
    *ret_head = *head;
    *ret_is_hurt = !is_first_good || !is_second_good;
    return MR_OK;
}

const char *mri_segment_head_fault(
    const struct mri_segment_head *head, const struct mri_segment_wanted *wanted)
{
    if (memcmp(head->log_uuid, wanted->log_uuid, sizeof(head->log_uuid)) != 0) {
        return "it belongs to another log, whose uuid its head has";
    }
    if (head->segment_bytes != wanted->segment_bytes) {
        return "its head says another length of segments than MANIFEST";
    }
    return head->base_seq == wanted->base_seq ? NULL : "it is another segment than its name says";
}

const char *mri_segment_file_fault(uint64_t file_bytes)
{
    return file_bytes == 0                       ? "the file is empty"
           : file_bytes < MRI_SEGMENT_PAGE_BYTES ? "the file is cut short within its head"
                                                 : "both copies of its head are damaged";
}

mr_err mri_segment_fill(const struct mri_os *os, int fd, uint64_t bytes,
    bool (*is_stopped)(void *context), void *context)
{
    static const uint8_t zeros[1024 * 1024];
    mr_err err = MR_OK;
    for (uint64_t at = 0; at < bytes && err == MR_OK; at += sizeof(zeros)) {
        uint64_t left = bytes - at;
        size_t count = left < sizeof(zeros) ? (size_t)left : sizeof(zeros);
        if (is_stopped != NULL && is_stopped(context)) {
            return MR_AGAIN;
        }
        err = os->write_bulk(os->context, fd, zeros, count, at);
    }
    if (err == MR_OK) {
        err = os->sync_data(os->context, fd);
    }
    return err == MR_OK ? os->drop_cache(os->context, fd) : err;
}
