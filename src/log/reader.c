/* SPDX-License-Identifier: MIT */
/*
 * Reading a log, one mapped segment at a time.
 *
 *   | batch | batch | batch ... | incomplete batch |  zeros or remains
 *         ^offset               ^visible_end
 *
 * Invariants
 *  1. Records before visible_end are checked (head, body, seq, chain) and belong to complete
 *     batches; only these are handed out.
 *  2. What does not check behind visible_end is no damage while it can be a write under way: it is
 *     damage when a newer segment exists, or when a later record of the same segment says that it
 *     was durable.
 *  3. ROLL is not handed out: it only leads to the next segment.
 *  4. One segment is mapped at a time, so memory does not grow with the log.
 */
#include "log/reader.h"

#include <stdio.h>
#include <string.h>

#include "base/problem.h"
#include "log/append.h"
#include "log/recover.h"
#include "log/segment.h"

enum { READER_MAGIC = 0x6d724c52 };

struct mr_log_reader {
    uint32_t magic;
    const struct mri_os *os;
    const struct mri_alloc *alloc;
    char folder[MRI_PATH_BYTES_MAX];
    struct mri_manifest manifest;
    struct mri_segment_list list;
    int watch_fd;

    size_t index; /**< of the mapped segment in the list */
    char name[MRI_SEGMENT_NAME_BYTES];
    struct mri_segment_head segment;
    const uint8_t *map;
    uint64_t map_bytes;

    uint64_t offset;      /**< of the next record to hand out */
    uint64_t visible_end; /**< behind the last complete batch found so far */
    uint64_t check_seq;   /**< seq expected at visible_end */
    uint32_t check_crc;   /**< chain at visible_end */
    uint16_t check_units;
    bool is_rolled; /**< the record before visible_end is ROLL */
    mr_log_tail tail;
};

static void close_segment(mr_log_reader *reader)
{
    if (reader->map != NULL) {
        reader->os->unmap(reader->os->context, reader->map, (size_t)reader->map_bytes);
        reader->map = NULL;
    }
}

static mr_err map_segment(mr_log_reader *reader, const char *path)
{
    const struct mri_os *os = reader->os;
    int fd;
    uint64_t bytes;
    const void *map = NULL;
    mr_err err = os->open(os->context, path, MRI_OPEN_READ, &fd);
    if (err != MR_OK) {
        return err;
    }
    err = os->size(os->context, fd, &bytes);
    if (err == MR_OK && (bytes < MRI_SEGMENT_PAGE_BYTES || bytes > MRI_SEGMENT_BYTES_MAX)) {
        err = MR_ECORRUPT;
    }
    if (err == MR_OK) {
        err = os->map_read(os->context, fd, (size_t)bytes, &map);
    }
    os->close(os->context, fd); /* the map stays */
    if (err == MR_OK) {
        reader->map = map;
        reader->map_bytes = bytes;
    }
    return err;
}

/** Does the segment belong to this log and follow what was read before? */
static bool is_expected(const mr_log_reader *reader, const struct mri_segment_head *head)
{
    return memcmp(head->log_uuid, reader->manifest.log_uuid, sizeof(head->log_uuid)) == 0 &&
           head->base_seq == reader->list.base_seqs[reader->index];
}

static mr_err open_segment(mr_log_reader *reader, size_t index, mr_problem *problem)
{
    char path[MRI_PATH_BYTES_MAX];
    bool is_hurt;
    close_segment(reader);
    reader->index = index;
    (void)mri_segment_name(reader->list.base_seqs[index], reader->name);
    mr_err err = mri_os_path(reader->folder, reader->name, path);
    if (err == MR_OK) {
        err = map_segment(reader, path);
    }
    if (err == MR_OK) {
        err = mri_segment_head_read(
            reader->map, (size_t)reader->map_bytes, &reader->segment, &is_hurt);
    }
    if (err == MR_OK && !is_expected(reader, &reader->segment)) {
        err = MR_ECORRUPT;
    }
    if (err != MR_OK) {
        close_segment(reader);
        return mri_problem(problem, err, "%s: %s", path, mr_err_text(err));
    }
    reader->offset = MRI_SEGMENT_PAGE_BYTES;
    reader->visible_end = MRI_SEGMENT_PAGE_BYTES;
    reader->check_seq = reader->segment.base_seq;
    reader->check_crc = reader->segment.prev_crc;
    reader->check_units = reader->segment.prev_units;
    reader->is_rolled = false;
    return MR_OK;
}

mr_err mri_reader_open(const struct mri_os *os, const struct mri_alloc *alloc, const char *folder,
    mr_log_reader **ret_reader, mr_problem *reterr_problem)
{
    void *block;
    mr_err err = mri_alloc_array(alloc, 1, sizeof(mr_log_reader), &block);
    if (err != MR_OK) {
        return mri_problem(reterr_problem, err, "%s", mr_err_text(err));
    }
    mr_log_reader *reader = block;
    *reader = (mr_log_reader){.magic = READER_MAGIC, .os = os, .alloc = alloc, .watch_fd = -1};
    int count = snprintf(reader->folder, sizeof(reader->folder), "%s", folder);
    if (count < 0 || count >= (int)sizeof(reader->folder)) {
        err = mri_problem(reterr_problem, MR_EINVAL, "the path of the log is too long");
    }
    if (err == MR_OK) {
        err = mri_manifest_read(os, folder, &reader->manifest, reterr_problem);
    }
    if (err == MR_OK) {
        err = mri_segment_list(os, alloc, folder, &reader->list);
    }
    if (err == MR_OK && reader->list.count > 0) {
        err = open_segment(reader, 0, reterr_problem);
    }
    if (err != MR_OK) {
        mr_log_reader_close(reader);
        return err;
    }
    *ret_reader = reader;
    return MR_OK;
}

mr_err mr_log_reader_open(
    const char *folder, mr_log_reader **ret_reader, mr_problem *reterr_problem)
{
    if (folder == NULL || ret_reader == NULL) {
        return MR_EINVAL;
    }
    return mri_reader_open(mri_os_linux(), mri_alloc_system(), folder, ret_reader, reterr_problem);
}

/** Has a newer segment appeared? Reads the folder again. */
static mr_err refresh_list(mr_log_reader *reader, bool *ret_has_next)
{
    struct mri_segment_list list;
    mr_err err = mri_segment_list(reader->os, reader->alloc, reader->folder, &list);
    if (err != MR_OK) {
        return err;
    }
    if (list.count < reader->list.count) {
        mri_segment_list_fini(&list);
        return MR_ECORRUPT; /* a segment we knew is gone */
    }
    mri_segment_list_fini(&reader->list);
    reader->list = list;
    *ret_has_next = reader->index + 1 < list.count;
    return MR_OK;
}

/** One record behind visible_end: is it good? MR_END: nothing was written there. */
static mr_err check_record(const mr_log_reader *reader, uint64_t offset, uint64_t seq,
    uint32_t prev_crc, uint16_t prev_units)
{
    if (offset + sizeof(struct mri_record_head) > reader->map_bytes) {
        return MR_END;
    }
    const struct mri_record_head *head = (const struct mri_record_head *)(reader->map + offset);
    mr_err err =
        mri_record_check_head(head, reader->segment.salt, reader->segment.base_position + offset);
    if (err != MR_OK) {
        return err;
    }
    if (head->seq != seq || head->prev_crc != prev_crc || head->prev_units != prev_units) {
        return MR_ECORRUPT;
    }
    return mri_record_check_body(head, (size_t)(reader->map_bytes - offset));
}

/** Look for one more complete batch behind visible_end. */
static mr_err find_batch(mr_log_reader *reader)
{
    uint64_t offset = reader->visible_end;
    uint64_t seq = reader->check_seq;
    uint32_t crc = reader->check_crc;
    uint16_t units = reader->check_units;
    for (;;) {
        mr_err err = check_record(reader, offset, seq, crc, units);
        if (err != MR_OK) {
            reader->tail = err == MR_END && offset == reader->visible_end ? MR_LOG_TAIL_CLEAN
                                                                          : MR_LOG_TAIL_TORN;
            return err;
        }
        const struct mri_record_head *head = (const struct mri_record_head *)(reader->map + offset);
        size_t stride = mri_record_stride(head->bytes);
        offset += stride;
        seq = head->seq + (head->type != MRI_RECORD_ROLL);
        crc = head->head_crc;
        units = (uint16_t)(stride / MRI_RECORD_UNIT_BYTES);
        if ((head->flags & MRI_RECORD_TXN_END) != 0) {
            reader->visible_end = offset;
            reader->check_seq = seq;
            reader->check_crc = crc;
            reader->check_units = units;
            reader->is_rolled = head->type == MRI_RECORD_ROLL;
            return MR_OK;
        }
    }
}

static mr_err damage(const mr_log_reader *reader, mr_problem *problem)
{
    return mri_problem(problem, MR_ECORRUPT,
        "%s/%s: event %llu at offset %llu is damaged; the log can be read up to event %llu",
        reader->folder, reader->name, (unsigned long long)reader->check_seq,
        (unsigned long long)reader->visible_end, (unsigned long long)reader->check_seq - 1);
}

/** The file was cut short once; the writer has made it whole again if it is longer now. */
static mr_err grow_map(mr_log_reader *reader, mr_problem *problem)
{
    char path[MRI_PATH_BYTES_MAX];
    uint64_t before = reader->map_bytes;
    close_segment(reader);
    mr_err err = mri_os_path(reader->folder, reader->name, path);
    if (err == MR_OK) {
        err = map_segment(reader, path);
    }
    if (err != MR_OK) {
        return mri_problem(problem, err, "%s: %s", path, mr_err_text(err));
    }
    return reader->map_bytes > before ? MR_OK : MR_END;
}

/** Nothing good follows in this segment: is that the end, a write under way, or damage? */
static mr_err judge_end(mr_log_reader *reader, mr_err found, mr_problem *problem)
{
    bool has_next = false;
    mr_err err = refresh_list(reader, &has_next);
    if (err != MR_OK) {
        return mri_problem(problem, err, "%s: %s", reader->folder, mr_err_text(err));
    }
    if (has_next && reader->is_rolled) {
        return open_segment(reader, reader->index + 1, problem);
    }
    if (has_next) {
        return damage(reader, problem);
    }
    if (reader->map_bytes < reader->segment.segment_bytes) {
        return grow_map(reader, problem);
    }
    if (found == MR_END) {
        return MR_END;
    }
    struct mri_recover_scan scan;
    mri_recover_scan_segment(&reader->segment, reader->map, reader->map_bytes, &scan);
    if (scan.facts.is_claimed) {
        return damage(reader, problem);
    }
    return MR_END;
}

/** Is there an event to hand out at the current offset? ROLL is none. */
static bool has_event(const mr_log_reader *reader)
{
    if (reader->offset == reader->visible_end) {
        return false;
    }
    return ((const struct mri_record_head *)(reader->map + reader->offset))->type !=
           MRI_RECORD_ROLL;
}

static void fill_event(mr_log_reader *reader, mr_log_event *event)
{
    const struct mri_record_head *head =
        (const struct mri_record_head *)(reader->map + reader->offset);
    *event = (mr_log_event){
        .seq = {head->seq},
        .time_unix_ns = head->time_unix_ns,
        .body = head + 1,
        .body_bytes = (uint32_t)(head->bytes - sizeof(*head)),
        .stored_bytes = (uint32_t)mri_record_stride(head->bytes),
        .subject_id = head->subject_id,
        .subject_prev = head->subject_prev,
        .producer_id = head->producer_id,
        .producer_seq = head->producer_seq,
        .writer_epoch = head->writer_epoch,
        .chain_crc = head->head_crc,
        .type = head->type,
        .version = head->version,
        .is_batch_end = (head->flags & MRI_RECORD_TXN_END) != 0,
    };
    reader->offset += event->stored_bytes;
}

mr_err mr_log_reader_next(
    mr_log_reader *reader, mr_log_event *ret_event, mr_problem *reterr_problem)
{
    MRI_ASSERT(reader->magic == READER_MAGIC);
    if (reader->map == NULL) { /* opened before the first segment was there */
        bool has_next = false;
        mr_err err = refresh_list(reader, &has_next);
        if (err != MR_OK || reader->list.count == 0) {
            return err == MR_OK ? MR_END : err;
        }
        err = open_segment(reader, 0, reterr_problem);
        if (err != MR_OK) {
            return err;
        }
    }
    while (!has_event(reader)) {
        reader->offset = reader->visible_end;
        mr_err err = find_batch(reader);
        if (err != MR_OK) {
            err = judge_end(reader, err, reterr_problem);
        }
        if (err != MR_OK) {
            return err;
        }
    }
    fill_event(reader, ret_event);
    return MR_OK;
}

/** The index of the segment that holds a seq; the list is in order. */
static size_t segment_of(const mr_log_reader *reader, uint64_t seq)
{
    size_t low = 0;
    size_t high = reader->list.count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (reader->list.base_seqs[middle] <= seq) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

mr_err mr_log_reader_seek(mr_log_reader *reader, mr_seq seq, mr_problem *reterr_problem)
{
    MRI_ASSERT(reader->magic == READER_MAGIC);
    bool has_next;
    mr_err err = refresh_list(reader, &has_next);
    if (err != MR_OK) {
        return mri_problem(reterr_problem, err, "%s: %s", reader->folder, mr_err_text(err));
    }
    if (reader->list.count == 0 || seq.n < reader->list.base_seqs[0]) {
        return seq.n == 1 && reader->list.count == 0 ? MR_OK : MR_NOT_FOUND;
    }
    size_t index = segment_of(reader, seq.n);
    if (reader->map == NULL || index != reader->index) {
        err = open_segment(reader, index, reterr_problem);
    }
    reader->offset = MRI_SEGMENT_PAGE_BYTES;
    while (err == MR_OK && seq.n >= reader->check_seq) {
        err = find_batch(reader);
    }
    if (err != MR_OK && seq.n > reader->check_seq) {
        err = err == MR_ECORRUPT ? judge_end(reader, err, reterr_problem) : err;
        return err == MR_OK || err == MR_END ? MR_NOT_FOUND : err;
    }
    if (err != MR_OK && err != MR_END && err != MR_ECORRUPT) {
        return err;
    }
    uint64_t at = reader->segment.base_seq;
    while (at < seq.n && reader->offset < reader->visible_end) {
        const struct mri_record_head *head =
            (const struct mri_record_head *)(reader->map + reader->offset);
        reader->offset += mri_record_stride(head->bytes);
        at++;
    }
    return at == seq.n ? MR_OK : MR_NOT_FOUND;
}

mr_err mr_log_reader_wait(mr_log_reader *reader, int64_t timeout_ms)
{
    MRI_ASSERT(reader->magic == READER_MAGIC);
    const struct mri_os *os = reader->os;
    if (reader->watch_fd < 0) {
        /* What changed before the watch began is found by looking again, so answer at once. */
        mr_err err = os->watch(os->context, reader->folder, &reader->watch_fd);
        return err;
    }
    int64_t timeout_ns = timeout_ms < 0 ? -1 : timeout_ms * 1000000;
    return os->wait_change(os->context, reader->watch_fd, timeout_ns);
}

mr_log_tail mr_log_reader_tail(const mr_log_reader *reader)
{
    MRI_ASSERT(reader->magic == READER_MAGIC);
    return reader->tail;
}

const char *mr_log_reader_attribute(const mr_log_reader *reader, const char *key)
{
    MRI_ASSERT(reader->magic == READER_MAGIC);
    return mri_manifest_get(&reader->manifest, key);
}

mr_err mr_log_reader_writer(const mr_log_reader *reader, uint32_t *ret_process_id)
{
    MRI_ASSERT(reader->magic == READER_MAGIC);
    const struct mri_os *os = reader->os;
    char path[MRI_PATH_BYTES_MAX];
    int fd;
    bool is_locked = false;
    mr_err err = mri_os_path(reader->folder, MRI_LOCK_NAME, path);
    if (err == MR_OK) {
        err = os->open(os->context, path, MRI_OPEN_READ, &fd);
    }
    if (err != MR_OK) {
        return err == MR_EPATH ? MR_NOT_FOUND : err;
    }
    err = os->is_locked(os->context, fd, &is_locked);
    if (err == MR_OK && is_locked) {
        char text[16] = {0};
        size_t count;
        unsigned id = 0;
        if (os->read_at(os->context, fd, text, sizeof(text) - 1, 0, &count) == MR_OK) {
            (void)sscanf(text, "%u", &id); /* stays 0 when the holder has not written it yet */
        }
        *ret_process_id = id;
    }
    os->close(os->context, fd);
    return err == MR_OK && !is_locked ? MR_NOT_FOUND : err;
}

uint64_t mri_reader_place(const mr_log_reader *reader, const char **ret_name)
{
    *ret_name = reader->name;
    return reader->offset;
}

void mr_log_reader_close(mr_log_reader *reader)
{
    if (reader == NULL) {
        return;
    }
    MRI_ASSERT(reader->magic == READER_MAGIC);
    close_segment(reader);
    mri_segment_list_fini(&reader->list);
    if (reader->watch_fd >= 0) {
        reader->os->close(reader->os->context, reader->watch_fd);
    }
    reader->magic = 0;
    mri_alloc_free(reader->alloc, reader, sizeof(*reader));
}
