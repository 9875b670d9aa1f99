/* SPDX-License-Identifier: MIT */
/*
 * The bytes of the files of a machine in memory.
 *
 *   now      the bytes of a file, one range of addresses for all its lives
 *   old      of each page that was changed since the last sync: what is durable, and what was
 *            there before the last write
 *
 * Invariants
 *  1. A file's bytes never move, so a map of it is a pointer into it.
 *  2. Bytes behind the size of a file are zero, now and durably.
 *  3. A page without old bytes is durable as it is. A page that is not used is zero, and nothing
 *     was stored into it since the machine reserved it or cleared it: zeros cost nothing.
 *  4. While a state is kept, a page is noted before it is changed for the first time.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/check.h"
#include "tests/lib/os_memory_state.h"

struct old_page {
    struct old_page *next; /* of those that are free */
    uint8_t durable[FILE_PAGE_BYTES];
    uint8_t before[FILE_PAGE_BYTES]; /* each byte before its last write, or as it was synced */
};

/** What a page was when the state was kept. */
struct noted_page {
    struct noted_page *next;
    struct file *file;
    size_t page;
    bool was_used;
    struct old_page *old; /* a copy; NULL: it had none */
    uint8_t now[FILE_PAGE_BYTES];
};

static size_t page_count(const struct mri_os_memory *memory)
{
    return memory->file_bytes_max / FILE_PAGE_BYTES + 1;
}

static void *reserve(size_t bytes)
{
    void *place = mmap(
        NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    MRI_ASSERT(place != MAP_FAILED);
    return place;
}

void mri_os_memory_file_make(struct mri_os_memory *memory, struct file *file)
{
    size_t pages = page_count(memory);
    *file = (struct file){.now = reserve(pages * FILE_PAGE_BYTES),
        .old = calloc(pages, sizeof(*file->old)),
        .is_used = calloc(pages, sizeof(*file->is_used)),
        .noted_at = calloc(pages, sizeof(*file->noted_at))};
    MRI_ASSERT(file->old != NULL && file->is_used != NULL && file->noted_at != NULL);
}

void mri_os_memory_file_free(struct mri_os_memory *memory, struct file *file)
{
    for (size_t page = 0; page < page_count(memory); page++) {
        free(file->old[page]);
    }
    free(file->old);
    free(file->is_used);
    free(file->noted_at);
    (void)munmap(file->now, page_count(memory) * FILE_PAGE_BYTES);
}

/* ---- pages ----------------------------------------------------------------------------------- */

static struct old_page *take_old(struct mri_os_memory *memory)
{
    struct old_page *old = memory->free_old;
    if (old == NULL) {
        old = malloc(sizeof(*old));
        MRI_ASSERT(old != NULL);
    } else {
        memory->free_old = old->next;
    }
    return old;
}

static void give_old(struct mri_os_memory *memory, struct old_page *old)
{
    if (old != NULL) {
        old->next = memory->free_old;
        memory->free_old = old;
    }
}

static void copy_old(struct old_page *to, const struct old_page *from)
{
    memcpy(to->durable, from->durable, FILE_PAGE_BYTES);
    memcpy(to->before, from->before, FILE_PAGE_BYTES);
}

/** A page is about to change, its old bytes or those of now. */
static void note(struct mri_os_memory *memory, struct file *file, size_t page)
{
    if (memory->kept == NULL || file->noted_at[page] == memory->kept_number) {
        return;
    }
    struct noted_page *noted = memory->free_noted;
    if (noted == NULL) {
        noted = malloc(sizeof(*noted));
        MRI_ASSERT(noted != NULL);
    } else {
        memory->free_noted = noted->next;
    }
    noted->file = file;
    noted->page = page;
    noted->was_used = file->is_used[page];
    noted->old = NULL;
    if (noted->was_used) {
        memcpy(noted->now, file->now + page * FILE_PAGE_BYTES, FILE_PAGE_BYTES);
    }
    if (file->old[page] != NULL) {
        noted->old = take_old(memory);
        copy_old(noted->old, file->old[page]);
    }
    noted->next = memory->noted;
    memory->noted = noted;
    file->noted_at[page] = memory->kept_number;
}

void mri_os_memory_file_return_pages(struct mri_os_memory *memory)
{
    struct noted_page *next;
    for (struct noted_page *noted = memory->noted; noted != NULL; noted = next) {
        struct file *file = noted->file;
        uint8_t *now = file->now + noted->page * FILE_PAGE_BYTES;
        if (noted->was_used) {
            memcpy(now, noted->now, FILE_PAGE_BYTES);
        } else if (file->is_used[noted->page]) {
            memset(now, 0, FILE_PAGE_BYTES);
        }
        file->is_used[noted->page] = noted->was_used;
        give_old(memory, file->old[noted->page]);
        file->old[noted->page] = noted->old;
        next = noted->next;
        noted->next = memory->free_noted;
        memory->free_noted = noted;
    }
    memory->noted = NULL;
}

void mri_os_memory_file_forget_pages(struct mri_os_memory *memory)
{
    while (memory->noted != NULL) {
        struct noted_page *noted = memory->noted;
        memory->noted = noted->next;
        free(noted->old);
        free(noted);
    }
    while (memory->free_noted != NULL) {
        struct noted_page *noted = memory->free_noted;
        memory->free_noted = noted->next;
        free(noted);
    }
    while (memory->free_old != NULL) {
        struct old_page *old = memory->free_old;
        memory->free_old = old->next;
        free(old);
    }
}

static uint64_t mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ (hash >> 32);
}

static uint64_t hash_of_page(size_t page, const uint8_t *bytes)
{
    uint64_t hashes[4] = {page, 1, 2, 3};
    for (size_t at = 0; at < FILE_PAGE_BYTES; at += sizeof(hashes)) {
        uint64_t words[4];
        memcpy(words, bytes + at, sizeof(words));
        for (int i = 0; i < 4; i++) {
            hashes[i] = mix(hashes[i], words[i]);
        }
    }
    return mix(mix(mix(mix(0, hashes[0]), hashes[1]), hashes[2]), hashes[3]);
}

uint64_t mri_os_memory_file_sum(const struct mri_os_memory *memory, const struct file *file)
{
    uint64_t sum = 0;
    for (size_t page = 0; page < page_count(memory); page++) {
        sum += file->is_used[page] ? hash_of_page(page, file->now + page * FILE_PAGE_BYTES) : 0;
    }
    return sum;
}

void mri_os_memory_file_renew_sums(const struct mri_os_memory *memory, uint64_t *sums)
{
    for (const struct noted_page *noted = memory->noted; noted != NULL; noted = noted->next) {
        const struct file *file = noted->file;
        uint64_t *sum = &sums[file - memory->files];
        *sum -= noted->was_used ? hash_of_page(noted->page, noted->now) : 0;
        *sum += file->is_used[noted->page]
                    ? hash_of_page(noted->page, file->now + noted->page * FILE_PAGE_BYTES)
                    : 0;
    }
}

/** The old bytes of a page that is about to change. */
static struct old_page *old_of(struct mri_os_memory *memory, struct file *file, size_t page)
{
    note(memory, file, page);
    struct old_page *old = file->old[page];
    if (old == NULL) {
        old = take_old(memory);
        if (file->is_used[page]) {
            memcpy(old->durable, file->now + page * FILE_PAGE_BYTES, FILE_PAGE_BYTES);
            memcpy(old->before, file->now + page * FILE_PAGE_BYTES, FILE_PAGE_BYTES);
        } else {
            memset(old->durable, 0, FILE_PAGE_BYTES);
            memset(old->before, 0, FILE_PAGE_BYTES);
        }
        file->old[page] = old;
    }
    return old;
}

static void drop_old(struct mri_os_memory *memory, struct file *file, size_t page)
{
    if (file->old[page] != NULL) {
        note(memory, file, page);
        give_old(memory, file->old[page]);
        file->old[page] = NULL;
    }
}

static void drop_all_old(struct mri_os_memory *memory, struct file *file, size_t from, size_t to)
{
    for (size_t at = from / FILE_PAGE_BYTES * FILE_PAGE_BYTES; at < to; at += FILE_PAGE_BYTES) {
        drop_old(memory, file, at / FILE_PAGE_BYTES);
    }
}

/** How far the page of an offset reaches, but not over `to`. */
static size_t step_at(size_t at, size_t to)
{
    size_t left = FILE_PAGE_BYTES - at % FILE_PAGE_BYTES;
    return to - at < left ? to - at : left;
}

static void touch(struct file *file, size_t from, size_t to)
{
    if (from >= to) {
        return;
    }
    bool is_clean = file->dirty_from >= file->dirty_to;
    file->dirty_from = is_clean || from < file->dirty_from ? from : file->dirty_from;
    file->dirty_to = is_clean || to > file->dirty_to ? to : file->dirty_to;
}

/* ---- what files do --------------------------------------------------------------------------- */

static bool is_zero(const uint8_t *bytes, size_t count)
{
    return bytes[0] == 0 && memcmp(bytes, bytes + 1, count - 1) == 0;
}

void mri_os_memory_file_write(
    struct mri_os_memory *memory, struct file *file, size_t offset, const void *bytes, size_t count)
{
    const uint8_t *source = bytes;
    size_t end = offset + count;
    touch(file, offset, end);
    for (size_t at = offset; at < end;) {
        size_t page = at / FILE_PAGE_BYTES;
        size_t step = step_at(at, end);
        if (file->is_used[page] || file->old[page] != NULL || !is_zero(source, step)) {
            struct old_page *old = old_of(memory, file, page);
            memcpy(old->before + at % FILE_PAGE_BYTES, file->now + at, step);
            memcpy(file->now + at, source, step);
            file->is_used[page] = true;
        }
        source += step;
        at += step;
    }
    file->size = end > file->size ? end : file->size;
}

void mri_os_memory_file_resize(struct mri_os_memory *memory, struct file *file, size_t bytes)
{
    for (size_t at = bytes; at < file->size;) {
        size_t page = at / FILE_PAGE_BYTES;
        size_t step = step_at(at, file->size);
        if (file->is_used[page]) {
            struct old_page *old = old_of(memory, file, page);
            memset(old->before + at % FILE_PAGE_BYTES, 0, step);
            memset(file->now + at, 0, step);
        }
        at += step;
    }
    touch(file, bytes, file->size);
    file->size = bytes;
}

void mri_os_memory_file_sync(struct mri_os_memory *memory, struct file *file)
{
    drop_all_old(memory, file, file->dirty_from, file->dirty_to);
    file->durable_size = file->size;
    file->dirty_from = 0;
    file->dirty_to = 0;
}

void mri_os_memory_file_clear(struct mri_os_memory *memory, struct file *file)
{
    for (size_t page = 0; page < page_count(memory); page++) {
        drop_old(memory, file, page);
        if (file->is_used[page]) {
            note(memory, file, page);
            memset(file->now + page * FILE_PAGE_BYTES, 0, FILE_PAGE_BYTES);
            file->is_used[page] = false;
        }
    }
    file->size = file->durable_size = file->dirty_from = file->dirty_to = 0;
    file->was_mapped = false;
}

void mri_os_memory_file_expose(struct mri_os_memory *memory, struct file *file)
{
    MRI_ASSERT(memory->kept == NULL);
    memset(file->is_used, true, page_count(memory));
}

/* ---- the power goes -------------------------------------------------------------------------- */

/** Garbage where a sector was being changed. */
static void garble(uint8_t *now, const uint8_t *durable, struct mri_prng *prng)
{
    size_t from = 0;
    size_t to = SECTOR_BYTES;
    while (from < to && now[from] == durable[from]) {
        from++;
    }
    while (to > from && now[to - 1] == durable[to - 1]) {
        to--;
    }
    for (; from < to; from++) {
        now[from] = (uint8_t)mri_prng_next(prng);
    }
}

/** What becomes of a sector that was not synced; one that has no old bytes is what it was. */
static void tear_sector(struct file *file, size_t at, bool has_garbage, struct mri_prng *prng)
{
    uint64_t dice = mri_prng_below(prng, has_garbage ? 8 : 7);
    const struct old_page *old = file->old[at / FILE_PAGE_BYTES];
    size_t offset = at % FILE_PAGE_BYTES;
    if (old == NULL) {
        return;
    }
    switch (dice) {
    case 0:
    case 1:
    case 2:
        memcpy(file->now + at, old->durable + offset, SECTOR_BYTES);
        break;
    case 3:
        memcpy(file->now + at, old->before + offset, SECTOR_BYTES);
        break;
    case 7:
        garble(file->now + at, old->durable + offset, prng);
        break;
    default: /* it arrived */
        break;
    }
}

static void zero(struct mri_os_memory *memory, struct file *file, size_t from, size_t to)
{
    for (size_t at = from; at < to;) {
        size_t page = at / FILE_PAGE_BYTES;
        size_t step = step_at(at, to);
        if (file->is_used[page]) {
            note(memory, file, page);
            memset(file->now + at, 0, step);
        }
        at += step;
    }
}

void mri_os_memory_file_tear(struct mri_os_memory *memory, struct file *file, struct mri_prng *prng)
{
    size_t from = file->dirty_from / SECTOR_BYTES * SECTOR_BYTES;
    size_t to = (file->dirty_to + SECTOR_BYTES - 1) / SECTOR_BYTES * SECTOR_BYTES;
    uint64_t mood = mri_prng_below(prng, 4); /* 0: nothing arrived, 1: everything, else a mixture */
    size_t size = file->size;
    if (mood == 0 || (mood > 1 && mri_prng_below(prng, 2) == 0)) {
        size = file->durable_size;
    }
    for (size_t at = from; at < to && mood != 1; at += SECTOR_BYTES) {
        const struct old_page *old = file->old[at / FILE_PAGE_BYTES];
        if (old != NULL) {
            note(memory, file, at / FILE_PAGE_BYTES);
        }
        if (mood > 1) {
            tear_sector(file, at, memory->has_garbage, prng);
        } else if (old != NULL) {
            memcpy(file->now + at, old->durable + at % FILE_PAGE_BYTES, SECTOR_BYTES);
        }
    }
    drop_all_old(memory, file, from, to);
    zero(memory, file, size, file->size > to ? file->size : to);
    file->size = size;
    file->durable_size = size;
    file->dirty_from = 0;
    file->dirty_to = 0;
}
