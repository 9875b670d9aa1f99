/* SPDX-License-Identifier: MIT */
/*
 * Memory for the files of machines in memory.
 *
 * A test that begins anew a hundred times takes the memory of its files a hundred times, and the
 * kernel hands out each page with a fault of its own, zeroed: that was half of the time of such
 * tests. So the process keeps the memory of some files that are no more for those to come.
 *
 * Invariants
 *  1. Who takes memory finds zeros, wherever it comes from.
 *  2. All that is kept is of one length, and of a length that is worth it.
 */
#define _GNU_SOURCE
#include <string.h>
#include <sys/mman.h>

#include "base/check.h"
#include "tests/lib/os_memory_state.h"

enum { KEPT_MAX = 48, KEPT_BYTES_MAX = 4 << 20 };

static struct file kept[KEPT_MAX]; /* as they were left */
static int kept_count;
static size_t kept_bytes_max; /* reserved for each of the three */

static uint8_t *reserve(size_t bytes)
{
    void *place = mmap(
        NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    MRI_ASSERT(place != MAP_FAILED);
    return place;
}

void mri_os_memory_bytes_clear(struct file *file)
{
    size_t most = file->size > file->durable_size ? file->size : file->durable_size;
    memset(file->now, 0, file->size);
    memset(file->durable, 0, file->durable_size);
    memset(file->before, 0, most);
    *file = (struct file){.now = file->now, .durable = file->durable, .before = file->before};
}

struct file mri_os_memory_bytes_take(size_t bytes_max)
{
    if (kept_count == 0 || kept_bytes_max != bytes_max) {
        return (struct file){
            .now = reserve(bytes_max), .durable = reserve(bytes_max), .before = reserve(bytes_max)};
    }
    struct file file = kept[--kept_count];
    mri_os_memory_bytes_clear(&file);
    return file;
}

void mri_os_memory_bytes_give(struct file *file, size_t bytes_max)
{
    bool is_alike = kept_count == 0 || kept_bytes_max == bytes_max;
    if (is_alike && kept_count < KEPT_MAX && bytes_max <= KEPT_BYTES_MAX) {
        kept_bytes_max = bytes_max;
        kept[kept_count++] = *file;
        return;
    }
    (void)munmap(file->now, bytes_max);
    (void)munmap(file->durable, bytes_max);
    (void)munmap(file->before, bytes_max);
}
