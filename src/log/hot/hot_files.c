/* SPDX-License-Identifier: MIT */
/*
 * The files of a hot tail: segments, and spares as they become segments.
 *
 *   spare-5f3a90c2-7 (zeros, whole) --head, sync, rename, sync of the folder--> seg-...1a2b.log
 *
 * Invariants
 *  1. A descriptor that syncs has itself written all that it syncs, or has seen the others' writes
 *     fail: the kernel tells of a failed writeback only those who had the file open before.
 *  2. No file is written to whose head says that it is another log's: a folder may be renamed, and
 *     another log made under its name, while we are in.
 *
 * Not here: making spares (hot_spares.c).
 */
#include <string.h>

#include "log/hot/hot_shared.h"

/* ---- files ----------------------------------------------------------------------------------- */

void mri_hot_close_files(struct mri_hot_tail *hot)
{
    const struct mri_os *os = hot->options.os;
    for (unsigned i = 0; i < MRI_HOT_FILES_KEPT; i++) {
        if (hot->files[i].fd >= 0) {
            os->close(os->context, hot->files[i].fd);
            hot->files[i].fd = -1;
        }
    }
    if (hot->sync_file.fd >= 0) {
        os->close(os->context, hot->sync_file.fd);
        hot->sync_file.fd = -1;
    }
}

/** MR_EPATH: a file says that it is of another log. Ours was renamed or removed, then. */
static mr_err check_log(const struct mri_hot_tail *hot, int fd)
{
    const struct mri_os *os = hot->options.os;
    uint8_t page[MRI_SEGMENT_PAGE_BYTES];
    struct mri_segment_head head;
    size_t count = 0;
    bool is_hurt;
    mr_err err = os->read_at(os->context, fd, page, sizeof(page), 0, &count);
    bool is_read = err == MR_OK && mri_segment_head_read(page, count, &head, &is_hurt) == MR_OK;
    bool is_other =
        is_read && memcmp(head.log_uuid, hot->shared->pattern.log_uuid, sizeof(head.log_uuid)) != 0;
    return is_other ? MR_EPATH : err;
}

static mr_err open_named(struct mri_hot_tail *hot, uint64_t base_seq, int *ret_fd)
{
    const struct mri_os *os = hot->options.os;
    char name[MRI_SEGMENT_NAME_BYTES];
    char path[MRI_PATH_BYTES_MAX];
    mr_err err = mri_os_path(hot->options.folder, mri_segment_name(base_seq, name), path);
    if (err == MR_OK) {
        err = os->open(os->context, path, MRI_OPEN_WRITE, ret_fd);
    }
    if (err != MR_OK) {
        return err;
    }
    err = check_log(hot, *ret_fd);
    if (err != MR_OK) {
        os->close(os->context, *ret_fd);
    }
    return err;
}

/** Write a stretch of a segment once more, from what the file holds, if that checks. */
static mr_err write_again(struct mri_hot_tail *hot, int fd, uint64_t from, uint64_t to)
{
    const struct mri_os *os = hot->options.os;
    const struct mri_hot_segment *segment = mri_hot_segment_of(hot, to);
    uint64_t base = mri_hot_index_of(hot, to) * hot->shared->segment_bytes;
    const void *map;
    mr_err err = os->map_read(os->context, fd, (size_t)(to - base), &map);
    if (err != MR_OK) {
        return err;
    }
    const uint8_t *bytes = map;
    for (uint64_t at = from; at < to && err == MR_OK;) {
        const struct mri_record_head *head = (const struct mri_record_head *)(bytes + (at - base));
        err = mri_record_check_head(head, segment->salt, at);
        if (err == MR_OK) {
            err = mri_record_check_body(head, (size_t)(to - at));
        }
        at += mri_record_stride(head->bytes);
    }
    if (err == MR_OK) {
        const struct mri_io_piece piece = {
            .bytes = bytes + (from - base), .count = (size_t)(to - from)};
        err = os->write_at(os->context, fd, &piece, 1, from - base);
    }
    os->unmap(os->context, map, (size_t)(to - base));
    return err == MR_END ? MR_ECORRUPT : err;
}

/** What others have written and nobody has synced before a descriptor was opened, through it. */
static mr_err take_over(struct mri_hot_tail *hot, int fd, uint64_t opened_at)
{
    uint64_t durable = atomic_load(&hot->shared->durable);
    uint64_t from =
        mri_hot_index_of(hot, opened_at) * hot->shared->segment_bytes + MRI_SEGMENT_PAGE_BYTES;
    from = durable > from ? durable : from;
    return opened_at > from ? write_again(hot, fd, from, opened_at) : MR_OK;
}

mr_err mri_hot_file_of(struct mri_hot_tail *hot, uint64_t position, int *ret_fd)
{
    const struct mri_os *os = hot->options.os;
    uint64_t index = mri_hot_index_of(hot, position);
    unsigned slot = (unsigned)(index % MRI_HOT_FILES_KEPT);
    if (hot->files[slot].fd >= 0 && hot->files[slot].index == index) {
        *ret_fd = hot->files[slot].fd;
        return MR_OK;
    }
    int fd;
    mr_err err = open_named(hot, mri_hot_segment_of(hot, position)->base_seq, &fd);
    if (err != MR_OK) {
        return err;
    }
    if (hot->files[slot].fd >= 0) {
        os->close(os->context, hot->files[slot].fd);
    }
    hot->files[slot].index = index;
    hot->files[slot].opened_at = atomic_load(&hot->shared->written);
    hot->files[slot].fd = fd;
    *ret_fd = fd;
    return MR_OK;
}

void mri_hot_tail_hold_file(struct mri_hot_tail *hot)
{
    uint64_t written = atomic_load(&hot->shared->written);
    int fd;
    /* Who cannot open it now tries again when he writes. */
    mr_err err = mri_hot_file_of(hot, written, &fd);
    uint64_t now = atomic_load(&hot->shared->written);
    if (err == MR_OK && mri_hot_index_of(hot, now) != mri_hot_index_of(hot, written)) {
        mri_hot_close_files(hot); /* which segment that was may have been read too late */
    }
}

mr_err mri_hot_own_file_of(struct mri_hot_tail *hot, uint64_t position, int *ret_fd)
{
    unsigned slot = (unsigned)(mri_hot_index_of(hot, position) % MRI_HOT_FILES_KEPT);
    mr_err err = mri_hot_file_of(hot, position, ret_fd);
    if (err == MR_OK) {
        err = take_over(hot, *ret_fd, hot->files[slot].opened_at);
    }
    return err;
}

mr_err mri_hot_sync_file_of(struct mri_hot_tail *hot, uint64_t position, int *ret_fd)
{
    const struct mri_os *os = hot->options.os;
    uint64_t index = mri_hot_index_of(hot, position);
    if (hot->sync_file.fd < 0 || hot->sync_file.index != index) {
        int fd;
        mr_err err = open_named(hot, mri_hot_segment_of(hot, position)->base_seq, &fd);
        if (err != MR_OK) {
            return err;
        }
        err = take_over(hot, fd, position);
        if (err != MR_OK) {
            os->close(os->context, fd);
            return err;
        }
        if (hot->sync_file.fd >= 0) {
            os->close(os->context, hot->sync_file.fd);
        }
        hot->sync_file.index = index;
        hot->sync_file.fd = fd;
    }
    *ret_fd = hot->sync_file.fd;
    return MR_OK;
}

struct mri_segment_head mri_hot_head_of(
    const struct mri_hot_shared *shared, const struct mri_hot_segment *segment)
{
    struct mri_segment_head head = shared->pattern;
    head.writer_epoch = segment->writer_epoch;
    head.base_seq = segment->base_seq;
    head.base_position = segment->index * shared->segment_bytes;
    head.salt = segment->salt;
    head.prev_unix_ns = segment->prev_unix_ns;
    head.prev_crc = segment->prev_crc;
    head.prev_units = (uint16_t)segment->prev_units;
    head.features_compat |=
        segment->is_identified != 0 ? (uint32_t)MRI_FEATURE_COMPAT_IDENTIFIED : 0;
    mri_segment_head_seal(&head);
    return head;
}

/** Turn the spare into the segment: head, sync, name. */
static mr_err name_segment(struct mri_hot_tail *hot, const struct mri_hot_segment *segment)
{
    const struct mri_os *os = hot->options.os;
    struct mri_segment_head head = mri_hot_head_of(hot->shared, segment);
    memcpy(head.link, mri_hot_seals(hot->shared)->link.bytes, sizeof(head.link));
    mri_segment_head_seal(&head);
    char spare[MRI_PATH_BYTES_MAX];
    char name[MRI_SEGMENT_NAME_BYTES];
    char path[MRI_PATH_BYTES_MAX];
    int fd;
    mr_err err = mri_os_path(hot->options.folder, mri_segment_name(head.base_seq, name), path);
    if (err == MR_OK) {
        err = mri_hot_spare_path(hot, segment->spare_id, spare);
    }
    if (err == MR_OK) {
        err = os->open(os->context, spare, MRI_OPEN_WRITE, &fd);
    }
    if (err != MR_OK) {
        return err;
    }
    err = mri_segment_head_write(os, fd, &head);
    if (err == MR_OK && os->sync_data(os->context, fd) != MR_OK) {
        err = MR_EIO; /* whatever it was: final */
    }
    os->close(os->context, fd);
    return err == MR_OK ? os->rename(os->context, spare, path) : err;
}

mr_err mri_hot_name_segment(struct mri_hot_tail *hot, uint64_t position)
{
    const struct mri_os *os = hot->options.os;
    const struct mri_hot_segment *segment = mri_hot_segment_of(hot, position);
    int fd;
    mr_err err = open_named(hot, segment->base_seq, &fd);
    if (err == MR_OK) {
        os->close(os->context, fd); /* who gave it its name may not have made that durable */
    } else if (err == MR_EPATH) {
        err = name_segment(hot, segment);
    }
    return err == MR_OK ? os->sync_folder(os->context, hot->options.folder) : err;
}
