/* SPDX-License-Identifier: MIT */
/*
 * Opening a log for writing.
 *
 *   lock -> MANIFEST (or make it) -> newest segment: sync, drop its cache, scan, decide -> write
 *
 * Invariants
 *  1. Nothing in the folder changes before the lock is held, and no log data when the decision is
 *     QUARANTINE.
 *  2. The newest segment is synced and dropped from the page cache before it is scanned: pages that
 *     a failed writeback left behind would look fine in the cache and be certified as durable.
 *  3. A new log gets its MANIFEST first, its first segment second; an open between the two makes
 *     the segment. The folder's own name is durable before its MANIFEST exists.
 *  4. Segments have one length, so the newest one's position says how many there must be.
 */
#include <stdio.h>
#include <string.h>

#include "base/problem.h"
#include "log/lock.h"
#include "log/mapping.h"
#include "log/writer.h"

enum { BATCH_BYTES_MAX = MRI_SEGMENT_BYTES_MAX };

/** The newest segment and what its scan said. */
struct newest {
    uint64_t base_seq;      /**< by its name */
    uint64_t base_position; /**< by the number of segments; UINT64_MAX = older ones were removed */
    struct mri_segment_head head;
    struct mri_recover_scan scan;
    char path[MRI_PATH_BYTES_MAX];
    int fd;
    bool is_head_hurt;
    uint64_t file_bytes;
};

static mr_err check_folder(mr_log *log, bool is_create, mr_problem *problem)
{
    const struct mri_os *os = log->os;
    struct mri_file_info info;
    mr_err err = os->info(os->context, log->folder, &info);
    if (err == MR_EPATH && is_create) {
        err = os->make_folder(os->context, log->folder);
        if (err == MR_OK) {
            err = os->info(os->context, log->folder, &info);
        }
    }
    if (err == MR_OK && !info.is_folder) {
        return mri_problem(problem, MR_EPATH, "%s: not a folder", log->folder);
    }
    if (err == MR_OK && info.is_network) {
        return mri_problem(problem, MR_EINVAL,
            "%s: a network file system; its locks and caches do not keep a log safe", log->folder);
    }
    return err == MR_OK ? MR_OK
                        : mri_problem(problem, err, "%s: %s", log->folder, mr_err_text(err));
}

static bool is_power_of_two(uint64_t n)
{
    return n != 0 && (n & (n - 1)) == 0;
}

static mr_err new_manifest(
    const mr_log_options *options, const struct mri_os *os, struct mri_manifest *manifest)
{
    *manifest = (struct mri_manifest){
        .segment_bytes =
            options->segment_bytes == 0 ? MRI_SEGMENT_BYTES_DEFAULT : options->segment_bytes,
        .attribute_count = (uint32_t)options->attribute_count,
    };
    if (options->attribute_count > MR_LOG_ATTRIBUTES_MAX ||
        manifest->segment_bytes < MRI_SEGMENT_BYTES_MIN ||
        manifest->segment_bytes > MRI_SEGMENT_BYTES_MAX ||
        !is_power_of_two(manifest->segment_bytes)) {
        return MR_EINVAL;
    }
    for (size_t i = 0; i < options->attribute_count; i++) {
        struct mri_manifest_attribute *attribute = &manifest->attributes[i];
        int key =
            snprintf(attribute->key, sizeof(attribute->key), "%s", options->attributes[i].key);
        int value = snprintf(
            attribute->value, sizeof(attribute->value), "%s", options->attributes[i].value);
        if (key <= 0 || key >= (int)sizeof(attribute->key) || value < 0 ||
            value >= (int)sizeof(attribute->value)) {
            return MR_EINVAL;
        }
    }
    return os->random_bytes(os->context, manifest->log_uuid, sizeof(manifest->log_uuid));
}

/** Make the name of the log's folder durable, before anything in it is. */
static mr_err sync_parent(mr_log *log)
{
    char parent[MRI_PATH_BYTES_MAX];
    mr_err err = mri_os_path(log->folder, "..", parent);
    if (err == MR_OK) {
        err = log->os->sync_folder(log->os->context, parent);
    }
    return err == MR_EACCESS ? MR_OK : err; /* then the folder was made by somebody else, before */
}

static mr_err load_manifest(
    mr_log *log, const mr_log_options *options, bool *ret_is_created, mr_problem *problem)
{
    mr_err err = mri_manifest_read(log->os, log->folder, &log->manifest, problem);
    *ret_is_created = err == MR_NOT_FOUND && options->is_create;
    if (*ret_is_created) {
        err = new_manifest(options, log->os, &log->manifest);
        if (err == MR_OK) {
            err = sync_parent(log);
        }
        if (err == MR_OK) {
            err = mri_manifest_write(log->os, log->folder, &log->manifest);
        }
        if (err != MR_OK) {
            return mri_problem(
                problem, err, "%s: cannot make a log: %s", log->folder, mr_err_text(err));
        }
        (void)mri_problem(problem, MR_OK, "%s", ""); /* "no log here" is no longer a problem */
    }
    if (err == MR_OK &&
        (log->manifest.features_ro_compat & ~(uint32_t)MRI_FEATURES_RO_COMPAT) != 0) {
        return mri_problem(problem, MR_EVERSION,
            "%s: a newer version wrote this log; this one can only read it", log->folder);
    }
    for (size_t i = 0; err == MR_OK && i < sizeof(log->manifest.log_uuid); i++) {
        (void)snprintf(log->uuid_text + 2 * i, 3, "%02x", log->manifest.log_uuid[i]);
    }
    return err;
}

/** Does the segment belong to this log, at this place of it, and may this version write to it? */
static mr_err check_place(const mr_log *log, const struct newest *newest)
{
    const struct mri_segment_head *head = &newest->head;
    bool is_ours = memcmp(head->log_uuid, log->manifest.log_uuid, sizeof(head->log_uuid)) == 0;
    bool is_here =
        head->base_seq == newest->base_seq && head->segment_bytes == log->manifest.segment_bytes;
    bool is_gapless =
        newest->base_position == UINT64_MAX || newest->base_position == head->base_position;
    if (!is_ours || !is_here || !is_gapless) {
        return MR_ECORRUPT;
    }
    return (head->features_ro_compat & ~(uint32_t)MRI_FEATURES_RO_COMPAT) == 0 ? MR_OK
                                                                               : MR_EVERSION;
}

/** Sync the newest segment, forget the cached copy, map it and scan it. */
static mr_err scan_newest(mr_log *log, struct newest *newest)
{
    const struct mri_os *os = log->os;
    const void *map;
    mr_err err = os->sync_data(os->context, newest->fd);
    if (err == MR_OK) {
        err = os->drop_cache(os->context, newest->fd);
    }
    if (err == MR_OK) {
        err = os->size(os->context, newest->fd, &newest->file_bytes);
    }
    if (err == MR_OK && newest->file_bytes < MRI_SEGMENT_PAGE_BYTES) {
        err = MR_ECORRUPT;
    }
    if (err == MR_OK) {
        err = os->map_read(os->context, newest->fd, (size_t)newest->file_bytes, &map);
    }
    if (err != MR_OK) {
        return err;
    }
    err = mri_segment_head_read(
        map, (size_t)newest->file_bytes, &newest->head, &newest->is_head_hurt);
    if (err == MR_OK) {
        err = check_place(log, newest);
    }
    if (err == MR_OK) {
        uint64_t bytes = newest->file_bytes < newest->head.segment_bytes
                             ? newest->file_bytes
                             : newest->head.segment_bytes;
        mri_recover_scan_segment(&newest->head, map, bytes, &newest->scan);
        newest->scan.facts.is_last_segment = true;
        err = mri_sealing_continue(log, &newest->head, &newest->scan, map);
    }
    os->unmap(os->context, map, (size_t)newest->file_bytes);
    return err;
}

static mr_err write_zeros(const struct mri_os *os, int fd, uint64_t from, uint64_t to)
{
    static const uint8_t zeros[64 * 1024];
    mr_err err = MR_OK;
    while (from < to && err == MR_OK) {
        uint64_t step = to - from < sizeof(zeros) ? to - from : sizeof(zeros);
        struct mri_io_piece piece = {.bytes = zeros, .count = (size_t)step};
        err = os->write_at(os->context, fd, &piece, 1, from);
        from += step;
    }
    return err;
}

/** Make the file what the scan says it should be: full length, good heads, zeros behind the end. */
static mr_err repair_newest(mr_log *log, const struct newest *newest)
{
    const struct mri_os *os = log->os;
    mr_err err = MR_OK;
    bool is_short = newest->file_bytes < newest->head.segment_bytes;
    bool is_dirty = newest->scan.dirty_end_offset > newest->scan.end_offset;
    if (is_dirty) {
        err = write_zeros(os, newest->fd, newest->scan.end_offset, newest->scan.dirty_end_offset);
    }
    if (err == MR_OK && is_short) {
        err = os->allocate(os->context, newest->fd, newest->head.segment_bytes);
    }
    if (err == MR_OK && newest->is_head_hurt) {
        err = mri_segment_head_write(os, newest->fd, &newest->head);
    }
    if (err == MR_OK && (is_dirty || is_short || newest->is_head_hurt)) {
        err = os->sync_data(os->context, newest->fd);
    }
    return err;
}

/** Continue behind the last complete batch. */
static mr_err continue_from(mr_log *log, const struct newest *newest)
{
    const struct mri_recover_scan *scan = &newest->scan;
    log->segment = newest->head;
    log->segment_fd = newest->fd;
    log->offset = scan->end_offset;
    log->writeback_offset = scan->end_offset;
    log->next_seq = scan->next_seq;
    log->prev_crc = scan->prev_crc;
    log->prev_units = scan->prev_units;
    log->event_crc = scan->event_crc;
    log->last_unix_ns = scan->last_unix_ns;
    log->writer_epoch = scan->last_epoch + 1;
    log->durable_seq = scan->next_seq - 1; /* the scan read what the sync had put on disk */
    if (!scan->is_rolled) {
        return MR_OK;
    }
    return mri_append_new_segment(log, newest->head.base_position + newest->head.segment_bytes);
}

static mr_err append_recovery(mr_log *log, const struct newest *newest)
{
    const struct mri_recovery body = {
        .cut_position = newest->head.base_position + newest->scan.end_offset,
        .cut_bytes = newest->scan.dirty_end_offset - newest->scan.end_offset,
    };
    const mr_log_record record = {.body = &body,
        .body_bytes = sizeof(body),
        .type = MRI_RECORD_RECOVERY,
        .version = MRI_RECORD_VERSION};
    mr_err err = mri_append_batch(log, &record, 1, MR_GROUP, NULL);
    return err == MR_EUNKNOWN ? MR_EIO : err; /* the log is not open, so there is no third answer */
}

static mr_err open_newest(mr_log *log, const struct mri_segment_list *list,
    struct mri_log_opening *opening, mr_problem *problem)
{
    struct newest newest = {
        .base_seq = list->base_seqs[list->count - 1],
        .base_position =
            list->base_seqs[0] == 1 ? (list->count - 1) * log->manifest.segment_bytes : UINT64_MAX,
        .fd = -1,
    };
    char name[MRI_SEGMENT_NAME_BYTES];
    mr_err err = mri_os_path(log->folder, mri_segment_name(newest.base_seq, name), newest.path);
    if (err == MR_OK) {
        err = log->os->open(log->os->context, newest.path, MRI_OPEN_WRITE, &newest.fd);
    }
    if (err == MR_OK) {
        err = scan_newest(log, &newest);
    }
    if (err != MR_OK) {
        (void)mri_problem(problem, err, "%s: %s", newest.path, mr_err_text(err));
        goto fail;
    }
    opening->decision = mri_recover_decide(&newest.scan.facts);
    if (opening->decision == MRI_RECOVER_QUARANTINE) {
        err = mri_problem(problem, MR_ECORRUPT,
            "%s: event %llu at offset %llu is damaged, and event %llu says it was durable; the log "
            "can be read up to event %llu and is not written to",
            newest.path, (unsigned long long)newest.scan.next_seq,
            (unsigned long long)newest.scan.end_offset,
            (unsigned long long)newest.scan.watermark_seq,
            (unsigned long long)newest.scan.next_seq - 1);
        goto fail;
    }
    err = repair_newest(log, &newest);
    if (err == MR_OK) {
        err = continue_from(log, &newest);
    }
    if (err == MR_OK && opening->decision == MRI_RECOVER_TRUNCATE) {
        opening->cut_bytes = newest.scan.dirty_end_offset - newest.scan.end_offset;
        err = append_recovery(log, &newest);
    }
    opening->is_head_repaired = newest.is_head_hurt;
    if (err != MR_OK) {
        (void)mri_problem(problem, err, "%s: %s", newest.path, mr_err_text(err));
    }
    newest.fd = log->segment_fd < 0 ? newest.fd : -1; /* the handle owns it now */

fail:
    if (newest.fd >= 0) {
        log->os->close(log->os->context, newest.fd);
    }
    return err;
}

static mr_err open_segments(mr_log *log, struct mri_log_opening *opening, mr_problem *problem)
{
    struct mri_segment_list list = {0};
    mr_err err = mri_segment_list(log->os, log->alloc, log->folder, &list);
    if (err != MR_OK) {
        return mri_problem(problem, err, "%s: %s", log->folder, mr_err_text(err));
    }
    if (list.count > 0) {
        err = mri_manifest_check_first(&log->manifest, log->folder, list.base_seqs[0], problem);
        err = err == MR_OK ? open_newest(log, &list, opening, problem) : err;
        mri_segment_list_fini(&list);
        return err;
    }
    opening->is_created = true;
    log->next_seq = 1;
    log->writer_epoch = 1;
    mri_sealer_first(&log->sealing.hasher, log->manifest.log_uuid, &log->sealing.state);
    err = mri_append_new_segment(log, 0);
    return err == MR_OK ? MR_OK
                        : mri_problem(problem, err, "%s: %s", log->folder, mr_err_text(err));
}

/** Everything that opening does to a log that is made and empty. */
static mr_err open_into(mr_log *log, const mr_log_options *options, mr_problem *problem)
{
    mr_err err = check_folder(log, options->is_create, problem);
    if (err == MR_OK && !options->is_create) { /* leave a foreign folder as it is: no lock file */
        err = mri_manifest_read(log->os, log->folder, &log->manifest, problem);
    }
    if (err == MR_OK) {
        err = mri_lock_take(log->os, log->folder, &log->lock_fd, problem);
    }
    if (err == MR_OK) {
        err = load_manifest(log, options, &log->opening.is_created, problem);
    }
    if (err == MR_OK) {
        err = open_segments(log, &log->opening, problem);
    }
    if (err == MR_OK) {
        err = mri_mapping_check(log->os, log->segment_fd);
        if (err != MR_OK) {
            (void)mri_problem(problem, err, "%s: %s", log->folder,
                err == MR_EINVAL ? "this file system does not show through a map what is written"
                                 : mr_err_text(err));
        }
    }
    return err;
}

mr_err mri_log_open(const struct mri_os *os, const struct mri_alloc *alloc, const char *folder,
    const mr_log_options *options, mr_log **ret_log, mr_problem *reterr_problem)
{
    static const mr_log_options defaults = {0};
    void *block;
    if (ret_log == NULL || folder == NULL || strlen(folder) >= MRI_PATH_BYTES_MAX) {
        return mri_problem(reterr_problem, MR_EINVAL,
            "the path of the log, or where to put it, is missing or too long");
    }
    mr_err err = mri_alloc_array(alloc, 1, sizeof(mr_log), &block);
    if (err != MR_OK) {
        return mri_problem(reterr_problem, err, "%s", mr_err_text(err));
    }
    mr_log *log = block;
    *log =
        (mr_log){.magic = MRI_LOG_MAGIC, .os = os, .alloc = alloc, .lock_fd = -1, .segment_fd = -1};
    (void)snprintf(log->folder, sizeof(log->folder), "%s", folder); /* it fits: see above */
    mri_buf_init(&log->batch, alloc, BATCH_BYTES_MAX);
    err = mri_digest_init(&log->sealing.hasher);
    if (err == MR_OK) {
        err = open_into(log, options == NULL ? &defaults : options, reterr_problem);
    }
    if (err != MR_OK) {
        mr_log_close(log);
        return err;
    }
    *ret_log = log;
    return MR_OK;
}

mr_err mr_log_open(
    const char *folder, const mr_log_options *options, mr_log **ret_log, mr_problem *reterr_problem)
{
    return mri_log_open(
        mri_os_linux(), mri_alloc_system(), folder, options, ret_log, reterr_problem);
}

const struct mri_log_opening *mri_log_opening(const mr_log *log)
{
    MRI_ASSERT(log->magic == MRI_LOG_MAGIC);
    return &log->opening;
}

const char *mr_log_attribute_get(const mr_log *log, const char *key)
{
    MRI_ASSERT(log->magic == MRI_LOG_MAGIC);
    return mri_manifest_get(&log->manifest, key);
}

const char *mr_log_uuid(const mr_log *log)
{
    MRI_ASSERT(log->magic == MRI_LOG_MAGIC);
    return log->uuid_text;
}

void mr_log_close(mr_log *log)
{
    if (log == NULL) {
        return;
    }
    MRI_ASSERT(log->magic == MRI_LOG_MAGIC);
    if (log->segment_fd >= 0) {
        (void)mr_log_sync(log); /* who must know calls mr_log_sync() before */
        log->os->close(log->os->context, log->segment_fd);
    }
    if (log->lock_fd >= 0) {
        log->os->close(log->os->context, log->lock_fd); /* releases the lock */
    }
    mri_buf_fini(&log->batch);
    mri_sealing_fini(log);
    log->magic = 0;
    mri_alloc_free(log->alloc, log, sizeof(*log));
}
