/* SPDX-License-Identifier: MIT */
/*
 * Mapping segments, or unpacking their archives.
 */
#include "log/keep/mapped.h"

#include <string.h>

#include "base/problem.h"
#include "log/format/archive.h"

void mri_mapped_free(const struct mri_mapped_log *log, struct mri_mapped *mapped)
{
    if (mapped->block != NULL) {
        mri_alloc_free(log->alloc, mapped->block, (size_t)log->manifest->segment_bytes);
    } else if (mapped->bytes != NULL) {
        log->os->unmap(log->os->context, mapped->bytes, (size_t)mapped->count);
    }
    *mapped = (struct mri_mapped){0};
}

static bool is_of(const struct mri_mapped_log *log, const struct mri_segment_head *head)
{
    return memcmp(head->log_uuid, log->manifest->log_uuid, sizeof(head->log_uuid)) == 0 &&
           head->segment_bytes == log->manifest->segment_bytes;
}

mr_err mri_mapped_file(const struct mri_mapped_log *log, const char *path, unsigned flags,
    struct mri_mapped *ret_mapped)
{
    const struct mri_os *os = log->os;
    struct mri_mapped mapped = {.is_there = true};
    const void *map = NULL;
    bool is_hurt;
    int fd;
    mr_err err = os->open(os->context, path, flags, &fd);
    if (err != MR_OK) {
        return err;
    }
    err = os->size(os->context, fd, &mapped.count);
    if (err == MR_OK && mapped.count > log->manifest->segment_bytes) {
        mapped.count = log->manifest->segment_bytes;
    }
    if (err == MR_OK && mapped.count > 0) {
        err = os->map_read(os->context, fd, (size_t)mapped.count, &map);
    }
    os->close(os->context, fd);
    if (err != MR_OK) {
        return err;
    }
    if (map == NULL) {
        *ret_mapped = mapped;
        return MR_OK;
    }
    mapped.bytes = map;
    err = mri_segment_head_read(map, (size_t)mapped.count, &mapped.head, &is_hurt);
    if (err == MR_EVERSION) {
        mri_mapped_free(log, &mapped);
        return err;
    }
    mapped.has_head = err == MR_OK && is_of(log, &mapped.head);
    *ret_mapped = mapped;
    return MR_OK;
}

static mr_err unpack(const struct mri_mapped_log *log, const char *folder, uint64_t base_seq,
    struct mri_mapped *ret_mapped, mr_problem *problem)
{
    struct mri_mapped mapped = {.count = log->manifest->segment_bytes, .is_there = true};
    bool is_hurt;
    mr_err err = mri_alloc_array(log->alloc, 1, (size_t)mapped.count, &mapped.block);
    if (err != MR_OK) {
        return mri_problem(problem, err, "%s: %s", folder, mr_err_text(err));
    }
    memset(mapped.block, 0, (size_t)mapped.count);
    mapped.bytes = mapped.block;
    err = mri_archive_unpack(log->os, folder, base_seq, mapped.block, mapped.count, problem);
    if (err == MR_OK) {
        err = mri_segment_head_read(mapped.block, (size_t)mapped.count, &mapped.head, &is_hurt);
    }
    if (err != MR_OK) {
        mri_mapped_free(log, &mapped);
        return err;
    }
    mapped.has_head = is_of(log, &mapped.head);
    *ret_mapped = mapped;
    return MR_OK;
}

mr_err mri_mapped_segment(const struct mri_mapped_log *log, const char *folder, uint64_t base_seq,
    unsigned flags, struct mri_mapped *ret_mapped, mr_problem *reterr_problem)
{
    char name[MRI_SEGMENT_NAME_BYTES];
    char path[MRI_PATH_BYTES_MAX];
    mr_err err = mri_os_path(folder, mri_segment_name(base_seq, name), path);
    if (err == MR_OK) {
        err = mri_mapped_file(log, path, flags, ret_mapped);
    }
    if (err == MR_EPATH) {
        return unpack(log, folder, base_seq, ret_mapped, reterr_problem);
    }
    return err == MR_OK ? err : mri_problem(reterr_problem, err, "%s: %s", path, mr_err_text(err));
}

void mri_mapped_copy(const struct mri_mapped_log *log, const char *source, uint64_t base_seq,
    struct mri_mapped *ret_mapped)
{
    const unsigned flags = MRI_OPEN_READ | MRI_OPEN_FOLLOW;
    const struct mri_os *os = log->os;
    struct mri_file_info info;
    struct mri_mapped mapped = {0};
    *ret_mapped = mapped;
    if (source == NULL || os->info(os->context, source, &info) != MR_OK) {
        return;
    }
    mr_err err = info.is_folder ? mri_mapped_segment(log, source, base_seq, flags, &mapped, NULL)
                                : mri_mapped_file(log, source, flags, &mapped);
    if (err == MR_OK && mapped.has_head && mapped.head.base_seq == base_seq) {
        *ret_mapped = mapped;
    } else {
        mri_mapped_free(log, &mapped);
    }
}
