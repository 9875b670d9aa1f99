/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes the file `producers`. The first byte of the input chooses:
 *
 *   0    the rest is the file
 *   1    the same, but magic, version and checksum are put right first
 *   else the counts are put right, too, so that the file is as long as they say
 *
 * Whatever the bytes are: nothing outside of the file is read, what is accepted fits into tables or
 * is said to be too much, every producer and every newest message id is known then, and tables that
 * were filled so are kept and read again as they are.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "log/dedupe/dedupe_file.h"
#include "tests/lib/os_memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

enum { FILE_BYTES_MAX = 1 << 16 };

static const struct mri_dedupe_limits limits = {.producers = 64, .ids = MRI_DEDUPE_IDS_MIN};
static const char path[] = "/log/" MRI_DEDUPE_FILE_NAME;
static struct mri_os_memory *machine;

/** Keep one entry of producers in three; the rest are message ids. */
static void put_counts_right(struct mri_dedupe_file_head *head, size_t count)
{
    size_t entries = (count - sizeof(*head)) / sizeof(struct mri_dedupe_file_id);
    head->producer_count = (uint32_t)(head->producer_count % (entries + 1));
    head->id_count = (uint32_t)entries - head->producer_count;
    head->ids_max = MRI_DEDUPE_IDS_MIN;
    head->seq += head->seq == 0;
}

/** How long the file is then. */
static size_t put_right(uint8_t *file, size_t count, bool has_counts)
{
    struct mri_dedupe_file_head head;
    memcpy(&head, file, sizeof(head));
    memcpy(head.magic, "MRPRD\r\n\x1a", sizeof(head.magic));
    head.version = MRI_DEDUPE_FILE_VERSION;
    head.crc = 0;
    if (has_counts) {
        put_counts_right(&head, count);
        count = sizeof(head) +
                (head.producer_count + (size_t)head.id_count) * sizeof(struct mri_dedupe_file_id);
    }
    memcpy(file, &head, sizeof(head));
    head.crc = mri_crc32c(0, file, count);
    memcpy(file, &head, sizeof(head));
    return count;
}

/** Do tables know all that a file says? */
static void expect_known(const struct mri_dedupe *dedupe, const struct mri_dedupe_file *file)
{
    struct mri_dedupe_newest newest;
    for (uint32_t i = 0; i < file->head->producer_count; i++) {
        bool is_known = mri_dedupe_find_producer(dedupe, file->producers[i].id, &newest);
        MRI_ASSERT(is_known && newest.seq <= file->head->seq);
    }
    uint32_t count = file->head->id_count;
    if (count > 0) {
        MRI_ASSERT(mri_dedupe_find_id(dedupe, file->ids[count - 1].bytes) != 0);
    }
}

static struct mri_dedupe make_tables(void)
{
    void *memory = calloc(1, mri_dedupe_bytes(limits));
    MRI_ASSERT(memory != NULL);
    return mri_dedupe_at(memory, limits);
}

/** Keep them, and read them into others: these must be equal. */
static void keep_and_read(
    const struct mri_os *os, const struct mri_dedupe *dedupe, const uint8_t log_uuid[16])
{
    struct mri_dedupe_file file;
    struct mri_dedupe again = make_tables();
    struct mri_dedupe_file_place place = {.seq = UINT64_MAX, .chain_crc = 5};
    memcpy(place.log_uuid, log_uuid, sizeof(place.log_uuid));
    mr_err err = mri_dedupe_file_write(os, mri_alloc_system(), "/log", dedupe, &place);
    MRI_ASSERT(err == MR_OK);
    err = mri_dedupe_file_read(os, mri_alloc_system(), "/log", log_uuid, &file);
    MRI_ASSERT(err == MR_OK);
    err = mri_dedupe_file_put(&file, &again);
    MRI_ASSERT(err == MR_OK);
    expect_known(dedupe, &file);
    expect_known(&again, &file);
    MRI_ASSERT(atomic_load(&again.head->producer_count) == file.head->producer_count);
    MRI_ASSERT((again.head->is_incomplete != 0) == (dedupe->head->is_incomplete != 0));
    mri_dedupe_file_fini(&file);
    free(again.head);
}

static void use_file(const struct mri_os *os, const uint8_t log_uuid[16])
{
    struct mri_dedupe_file file = {0};
    mr_err err = mri_dedupe_file_read(os, mri_alloc_system(), "/log", log_uuid, &file);
    MRI_ASSERT(err == MR_OK || err == MR_ECORRUPT || err == MR_EVERSION);
    if (err == MR_OK) {
        struct mri_dedupe dedupe = make_tables();
        err = mri_dedupe_file_put(&file, &dedupe);
        MRI_ASSERT(
            err == MR_OK || (err == MR_FULL && file.head->producer_count > limits.producers));
        if (err == MR_OK) {
            expect_known(&dedupe, &file);
            keep_and_read(os, &dedupe, log_uuid);
        }
        free(dedupe.head);
    }
    mri_dedupe_file_fini(&file);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    static _Alignas(struct mri_dedupe_file_head) uint8_t file[FILE_BYTES_MAX];
    uint8_t log_uuid[16] = {0};
    if (machine == NULL) {
        machine = mri_os_memory_new(1 << 20);
        const struct mri_os *os = mri_os_memory_table(machine);
        mr_err made = os->make_folder(os->context, "/log");
        MRI_ASSERT(made == MR_OK);
    }
    if (count == 0 || count > sizeof(file)) {
        return 0;
    }
    size_t length = count - 1;
    memcpy(file, bytes + 1, length);
    if (length >= sizeof(struct mri_dedupe_file_head)) {
        if (bytes[0] != 0) {
            length = put_right(file, length, bytes[0] != 1);
        }
        memcpy(log_uuid, file + offsetof(struct mri_dedupe_file_head, log_uuid), sizeof(log_uuid));
    }
    mri_os_memory_put(machine, path, file, length);
    use_file(mri_os_memory_table(machine), log_uuid);
    return 0;
}
