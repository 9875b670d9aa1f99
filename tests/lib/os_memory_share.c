/* SPDX-License-Identifier: MIT */
/*
 * What processes of a machine in memory share: locks on ranges, and memory.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "os/shared_memory.h"
#include "tests/lib/os_memory_state.h"

/** Does another handle of the file hold some of the range, so that it cannot be locked? Nobody runs
 * beside the one who waits, so waiting ends at once. */
static bool is_held(const struct mri_os_memory *memory, int fd, const struct range *wanted)
{
    for (int i = 0; i < RANGES_MAX; i++) {
        const struct range *range = &memory->ranges[i];
        bool is_other = range->handle >= 0 && range->handle != fd &&
                        memory->handles[range->handle].file == memory->handles[fd].file;
        if (is_other && range->from < wanted->to && wanted->from < range->to &&
            !(range->is_shared && wanted->is_shared)) {
            return true;
        }
    }
    return false;
}

static mr_err memory_lock_range(
    void *context, int fd, uint64_t offset, uint64_t count, enum mri_range_lock how)
{
    struct mri_os_memory *memory = context;
    const struct range wanted = {
        .handle = fd, .from = offset, .to = offset + count, .is_shared = how == MRI_RANGE_SHARED};
    MRI_ASSERT(memory->handles[fd].is_open);
    if (how != MRI_RANGE_FREE && is_held(memory, fd, &wanted)) {
        return MR_BUSY;
    }
    struct range *place = NULL;
    for (int i = 0; i < RANGES_MAX; i++) {
        struct range *range = &memory->ranges[i];
        if (range->handle == fd && range->from == wanted.from && range->to == wanted.to) {
            range->handle = -1; /* a range is locked again, or given back, as it was taken */
        }
        place = place == NULL && range->handle < 0 ? range : place;
    }
    if (how != MRI_RANGE_FREE) {
        MRI_ASSERT(place != NULL);
        *place = wanted;
    }
    return MR_OK;
}

static mr_err memory_is_range_locked(
    void *context, int fd, uint64_t offset, uint64_t count, bool *ret_is_locked)
{
    const struct range wanted = {.from = offset, .to = offset + count};
    MRI_ASSERT(((const struct mri_os_memory *)context)->handles[fd].is_open);
    *ret_is_locked = is_held(context, fd, &wanted);
    return MR_OK;
}

static struct share *find_share(struct mri_os_memory *memory, const char *path)
{
    for (int i = 0; i < SHARES_MAX; i++) {
        if (memory->shares[i].fd >= 0 && strcmp(memory->shares[i].path, path) == 0) {
            return &memory->shares[i];
        }
    }
    return NULL;
}

static mr_err memory_map_share(struct mri_os_memory *memory, const char *path, size_t head_bytes,
    size_t ring_bytes, unsigned how, struct mri_shared_memory *ret_memory)
{
    const struct share *share = find_share(memory, path);
    if (share == NULL) {
        return MR_EPATH;
    }
    struct stat found;
    if (head_bytes == 0 || head_bytes % MRI_SHARED_MEMORY_PAGE_BYTES != 0 || ring_bytes == 0 ||
        ring_bytes % MRI_SHARED_MEMORY_PAGE_BYTES != 0) {
        return MR_EINVAL;
    }
    if (fstat(share->fd, &found) != 0 || (uint64_t)found.st_size != head_bytes + ring_bytes) {
        return MR_ECORRUPT;
    }
    mr_err err = mri_shared_memory_map(
        share->fd, head_bytes, ring_bytes, how | MRI_SHARED_MEMORY_LAZY, ret_memory);
    memory->map_count += err == MR_OK;
    return err;
}

static mr_err memory_memory_create(void *context, const char *path, size_t head_bytes,
    size_t ring_bytes, struct mri_shared_memory *ret_memory)
{
    struct mri_os_memory *memory = context;
    if (find_share(memory, path) != NULL) {
        return MR_EXISTS;
    }
    for (int i = 0; i < SHARES_MAX; i++) {
        struct share *share = &memory->shares[i];
        if (share->fd < 0) {
            share->fd = memfd_create("share", MFD_CLOEXEC);
            MRI_ASSERT(share->fd >= 0 && strlen(path) < NAME_BYTES);
            MRI_ASSERT(ftruncate(share->fd, (off_t)(head_bytes + ring_bytes)) == 0);
            (void)snprintf(share->path, NAME_BYTES, "%s", path);
            return memory_map_share(memory, path, head_bytes, ring_bytes, 0, ret_memory);
        }
    }
    return MR_ELIMIT;
}

static mr_err memory_memory_attach(void *context, const char *path, size_t head_bytes,
    size_t ring_bytes, struct mri_shared_memory *ret_memory)
{
    return memory_map_share(context, path, head_bytes, ring_bytes, 0, ret_memory);
}

static mr_err memory_memory_view(void *context, const char *path, size_t head_bytes,
    size_t ring_bytes, struct mri_shared_memory *ret_memory)
{
    return memory_map_share(
        context, path, head_bytes, ring_bytes, MRI_SHARED_MEMORY_VIEW, ret_memory);
}

static void memory_memory_close(void *context, struct mri_shared_memory *shared)
{
    struct mri_os_memory *memory = context;
    if (shared->base != NULL) {
        memory->map_count -= memory->map_count > 0; /* of an ended process it is counted no more */
    }
    mri_shared_memory_close(shared);
}

static mr_err memory_memory_remove(void *context, const char *path)
{
    struct share *share = find_share(context, path);
    if (share == NULL) {
        return MR_EPATH;
    }
    (void)close(share->fd);
    share->fd = -1;
    return MR_OK;
}

void mri_os_memory_share_fill(struct mri_os *table)
{
    table->lock_range = memory_lock_range;
    table->is_range_locked = memory_is_range_locked;
    table->memory_folder = "/shared";
    table->memory_create = memory_memory_create;
    table->memory_attach = memory_memory_attach;
    table->memory_view = memory_memory_view;
    table->memory_close = memory_memory_close;
    table->memory_remove = memory_memory_remove;
}

void mri_os_memory_share_unlock(struct mri_os_memory *memory, int handle)
{
    for (int i = 0; i < RANGES_MAX; i++) {
        bool is_his = handle < 0 || memory->ranges[i].handle == handle;
        memory->ranges[i].handle = is_his ? -1 : memory->ranges[i].handle;
    }
}

void mri_os_memory_share_begin(struct mri_os_memory *memory)
{
    mri_os_memory_share_unlock(memory, -1);
    for (int i = 0; i < SHARES_MAX; i++) {
        memory->shares[i].fd = -1;
    }
}

void mri_os_memory_share_forget(struct mri_os_memory *memory)
{
    for (int i = 0; i < SHARES_MAX; i++) {
        if (memory->shares[i].fd >= 0) {
            (void)close(memory->shares[i].fd);
            memory->shares[i].fd = -1;
        }
    }
}
