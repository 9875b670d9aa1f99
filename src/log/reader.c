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
 *     was durable. Both are looked at after the bad bytes, and the writer may have gone on in
 *     between, so before it is called damage it is read once more.
 *  3. ROLL is not handed out: it only leads to the next segment, which must continue the chain. A
 *     GAP is handed out in place of the events that it says are lost.
 *  4. One segment is mapped at a time, so memory does not grow with the log. The place in the log
 *     changes only when everything has succeeded: after a fault the reader stands where it stood.
 */
#include "log/reader.h"

#include <stdio.h>
#include <string.h>

#include "base/problem.h"
#include "log/lock.h"
#include "log/recover.h"
#include "log/segment.h"

enum {
    READER_MAGIC = 0x6d724c52,
    AHEAD_BYTES = 64 * 1024, /* zeros that end a look ahead; a writer's open looks at everything */
};

/** A mapped segment and the way through it. */
struct place {
    size_t index; /**< of the segment in the list */
    char name[MRI_SEGMENT_NAME_BYTES];
    struct mri_segment_head segment;
    const uint8_t *map; /**< NULL: the log has no segment yet */
    uint64_t map_bytes;

    uint64_t offset;              /**< of the next record to hand out */
    uint64_t visible_end;         /**< behind the last complete batch found so far */
    struct mri_record_link check; /**< what a record at visible_end continues */
    bool is_rolled;               /**< the record before visible_end is ROLL */
    bool is_rest_scanned;         /**< everything behind visible_end was looked at once */
};

struct mr_log_reader {
    uint32_t magic;
    const struct mri_os *os;
    const struct mri_alloc *alloc;
    char folder[MRI_PATH_BYTES_MAX];
    struct mri_manifest manifest;
    struct mri_segment_list list;
    int watch_fd;
    struct place at;
    mr_log_tail tail;
};

static void unmap_place(const mr_log_reader *reader, struct place *place)
{
    if (place->map != NULL) {
        reader->os->unmap(reader->os->context, place->map, (size_t)place->map_bytes);
        place->map = NULL;
    }
}

static mr_err map_file(const mr_log_reader *reader, const char *path, struct place *place)
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
    if (err == MR_OK && bytes < MRI_SEGMENT_PAGE_BYTES) {
        err = MR_ECORRUPT;
    }
    if (err == MR_OK && bytes > reader->manifest.segment_bytes) {
        bytes = reader->manifest.segment_bytes; /* what follows is not ours */
    }
    if (err == MR_OK) {
        err = os->map_read(os->context, fd, (size_t)bytes, &map);
    }
    os->close(os->context, fd); /* the map stays */
    if (err == MR_OK) {
        place->map = map;
        place->map_bytes = bytes;
    }
    return err;
}

/** Does the segment belong to this log and have the length that all have? */
static bool is_expected(const mr_log_reader *reader, const struct place *place)
{
    const struct mri_segment_head *head = &place->segment;
    return memcmp(head->log_uuid, reader->manifest.log_uuid, sizeof(head->log_uuid)) == 0 &&
           head->segment_bytes == reader->manifest.segment_bytes &&
           head->base_seq == reader->list.base_seqs[place->index];
}

/** Map a segment, standing at its first record. */
static mr_err open_place(
    const mr_log_reader *reader, size_t index, struct place *ret_place, mr_problem *problem)
{
    char path[MRI_PATH_BYTES_MAX];
    struct place place = {.index = index};
    bool is_hurt;
    (void)mri_segment_name(reader->list.base_seqs[index], place.name);
    mr_err err = mri_os_path(reader->folder, place.name, path);
    if (err == MR_OK) {
        err = map_file(reader, path, &place);
    }
    if (err == MR_OK) {
        err = mri_segment_head_read(place.map, (size_t)place.map_bytes, &place.segment, &is_hurt);
    }
    if (err == MR_OK && !is_expected(reader, &place)) {
        err = MR_ECORRUPT;
    }
    if (err != MR_OK) {
        unmap_place(reader, &place);
        return mri_problem(problem, err, "%s: %s", path, mr_err_text(err));
    }
    place.offset = MRI_SEGMENT_PAGE_BYTES;
    place.visible_end = MRI_SEGMENT_PAGE_BYTES;
    place.check = (struct mri_record_link){.seq = place.segment.base_seq,
        .crc = place.segment.prev_crc,
        .units = place.segment.prev_units};
    *ret_place = place;
    return MR_OK;
}

/** Go on at a place that has a map of its own. */
static void move_to(mr_log_reader *reader, const struct place *place)
{
    unmap_place(reader, &reader->at);
    reader->at = *place;
}

/** Read the folder again: has a newer segment appeared? */
static mr_err refresh_list(mr_log_reader *reader, mr_problem *problem)
{
    struct mri_segment_list list;
    mr_err err = mri_segment_list(reader->os, reader->alloc, reader->folder, &list);
    if (err != MR_OK) {
        return mri_problem(problem, err, "%s: %s", reader->folder, mr_err_text(err));
    }
    if (list.count < reader->list.count) {
        mri_segment_list_fini(&list);
        return mri_problem(
            problem, MR_ECORRUPT, "%s: a segment of the log is gone", reader->folder);
    }
    mri_segment_list_fini(&reader->list);
    reader->list = list;
    return MR_OK;
}

/** Go to the first segment; MR_END while there is none. */
static mr_err open_first(mr_log_reader *reader, mr_problem *problem)
{
    struct place place;
    mr_err err = refresh_list(reader, problem);
    if (err == MR_OK && reader->list.count == 0) {
        err = MR_END;
    }
    if (err == MR_OK) {
        err = open_place(reader, 0, &place, problem);
    }
    if (err == MR_OK) {
        move_to(reader, &place);
    }
    return err;
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
        err = open_first(reader, reterr_problem);
        err = err == MR_END ? MR_OK : err; /* the writer makes the first segment last */
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

/* All segments have the same length, so the newest one's position says how many lie before it. */
mr_err mri_reader_check_count(const mr_log_reader *reader, mr_problem *reterr_problem)
{
    MRI_ASSERT(reader->magic == READER_MAGIC);
    struct place oldest = {0};
    struct place newest = {0};
    if (reader->list.count < 2) {
        return MR_OK;
    }
    size_t behind = reader->list.count - 1;
    mr_err err = open_place(reader, 0, &oldest, reterr_problem);
    if (err != MR_OK) {
        return err;
    }
    unmap_place(reader, &oldest);
    err = open_place(reader, behind, &newest, reterr_problem);
    if (err != MR_OK) {
        return err;
    }
    unmap_place(reader, &newest);
    uint64_t bytes = newest.segment.base_position - oldest.segment.base_position;
    return bytes == behind * reader->manifest.segment_bytes
               ? MR_OK
               : mri_problem(reterr_problem, MR_ECORRUPT,
                     "%s: a segment is missing between %s and %s", reader->folder, oldest.name,
                     newest.name);
}

static const struct mri_record_head *head_at(const struct place *place, uint64_t offset)
{
    return (const struct mri_record_head *)(place->map + offset);
}

/** One record behind visible_end: is it good? MR_END: nothing was written there. */
static mr_err check_record(
    const struct place *place, uint64_t offset, const struct mri_record_link *link)
{
    if (offset + sizeof(struct mri_record_head) > place->map_bytes) {
        return MR_END;
    }
    const struct mri_record_head *head = head_at(place, offset);
    mr_err err =
        mri_record_check_head(head, place->segment.salt, place->segment.base_position + offset);
    if (err != MR_OK) {
        return err;
    }
    if (head->seq != link->seq || head->prev_crc != link->crc || head->prev_units != link->units) {
        return MR_ECORRUPT;
    }
    return mri_record_check_body(head, (size_t)(place->map_bytes - offset));
}

/** Look for one more complete batch behind visible_end. */
static mr_err find_batch(struct place *place)
{
    uint64_t offset = place->visible_end;
    struct mri_record_link link = place->check;
    for (;;) {
        bool is_last;
        mr_err err = check_record(place, offset, &link);
        if (err != MR_OK) {
            return err;
        }
        const struct mri_record_head *head = head_at(place, offset);
        offset += mri_record_step(head, &link, &is_last);
        if ((head->flags & MRI_RECORD_TXN_END) != 0) {
            place->visible_end = offset;
            place->check = link;
            place->is_rolled = is_last;
            return MR_OK;
        }
    }
}

static mr_err damage(const mr_log_reader *reader, const struct place *place, mr_problem *problem)
{
    return mri_problem(problem, MR_ECORRUPT,
        "%s/%s: event %llu at offset %llu is damaged; the log can be read up to event %llu",
        reader->folder, place->name, (unsigned long long)place->check.seq,
        (unsigned long long)place->visible_end, (unsigned long long)place->check.seq - 1);
}

/** Are the bytes behind the last complete batch zero, as far as it is worth looking? */
static bool is_rest_zero(const struct place *place)
{
    static const uint8_t zeros[MRI_SEGMENT_PAGE_BYTES];
    MRI_ASSERT(place->map != NULL);
    uint64_t end = place->visible_end + AHEAD_BYTES;
    end = end < place->map_bytes ? end : place->map_bytes;
    for (uint64_t at = place->visible_end; at < end; at += sizeof(zeros)) {
        uint64_t step = end - at < sizeof(zeros) ? end - at : sizeof(zeros);
        if (memcmp(place->map + at, zeros, (size_t)step) != 0) {
            return false;
        }
    }
    return true;
}

/**
 * Does a later record of the segment say that what is bad at visible_end was durable? The first
 * time all of the rest is looked at. After that only what was written since can be news, and a
 * writer leaves no holes: so following a busy log costs what is written, not a segment at every
 * look.
 */
static bool is_claimed(struct place *place)
{
    const struct mri_recover_rest rest = {
        .segment = &place->segment,
        .bytes = place->map,
        .bytes_count = place->map_bytes,
        .offset = place->visible_end,
        .seq = place->check.seq,
        .zeros_max = place->is_rest_scanned ? AHEAD_BYTES : place->map_bytes,
    };
    bool is_so = mri_recover_is_claimed(&rest);
    place->is_rest_scanned = place->is_rest_scanned || !is_so;
    return is_so;
}

/** The file was cut short once; map it again if the writer has made it whole. */
static mr_err grow_map(mr_log_reader *reader, mr_problem *problem)
{
    char path[MRI_PATH_BYTES_MAX];
    struct place grown = reader->at;
    mr_err err = mri_os_path(reader->folder, reader->at.name, path);
    if (err == MR_OK) {
        err = map_file(reader, path, &grown);
    }
    if (err != MR_OK) {
        return mri_problem(problem, err, "%s: %s", path, mr_err_text(err));
    }
    if (grown.map_bytes <= reader->at.map_bytes) {
        unmap_place(reader, &grown);
        return MR_END;
    }
    grown.is_rest_scanned = false;
    move_to(reader, &grown);
    return MR_OK;
}

/** Behind ROLL: go on in the next segment, which must continue where this one ended. */
static mr_err enter_next(mr_log_reader *reader, mr_problem *problem)
{
    struct place next = {0};
    const struct place *at = &reader->at;
    mr_err err = open_place(reader, at->index + 1, &next, problem);
    if (err != MR_OK) {
        return err;
    }
    bool is_next =
        next.segment.base_seq == at->check.seq && next.check.crc == at->check.crc &&
        next.check.units == at->check.units &&
        next.segment.base_position == at->segment.base_position + at->segment.segment_bytes;
    if (!is_next) {
        (void)mri_problem(problem, MR_ECORRUPT,
            "%s/%s: does not continue %s, which ends with event %llu; a segment is missing",
            reader->folder, next.name, at->name, (unsigned long long)at->check.seq - 1);
        unmap_place(reader, &next);
        return MR_ECORRUPT;
    }
    move_to(reader, &next);
    return MR_OK;
}

/** Nothing good follows in this segment: is that the end, a write under way, or damage? */
static mr_err judge_end(mr_log_reader *reader, mr_problem *problem)
{
    struct place *at = &reader->at;
    mr_err err = refresh_list(reader, problem);
    if (err == MR_OK && at->map_bytes < at->segment.segment_bytes) {
        err = grow_map(reader, problem);
        if (err == MR_OK) {
            return MR_OK;
        }
        err = err == MR_END ? MR_OK : err;
    }
    if (err != MR_OK) {
        return err;
    }
    bool has_next = at->index + 1 < reader->list.count;
    if (has_next && at->is_rolled) {
        return enter_next(reader, problem);
    }
    reader->tail = is_rest_zero(at) ? MR_LOG_TAIL_CLEAN : MR_LOG_TAIL_TORN;
    if (!has_next && (reader->tail == MR_LOG_TAIL_CLEAN || !is_claimed(at))) {
        return MR_END;
    }
    return find_batch(at) == MR_OK ? MR_OK : damage(reader, at, problem);
}

/** Is there an event to hand out at the current offset? ROLL is none. */
static bool has_event(const struct place *place)
{
    return place->offset != place->visible_end &&
           mri_record_is_numbered(head_at(place, place->offset));
}

static void fill_event(struct place *place, mr_log_event *event)
{
    const struct mri_record_head *head = head_at(place, place->offset);
    struct mri_record_link link;
    bool is_last;
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
    place->offset += mri_record_step(head, &link, &is_last);
}

mr_err mr_log_reader_next(
    mr_log_reader *reader, mr_log_event *ret_event, mr_problem *reterr_problem)
{
    MRI_ASSERT(reader->magic == READER_MAGIC);
    if (reader->at.map == NULL) { /* opened before the first segment was there */
        mr_err err = open_first(reader, reterr_problem);
        if (err != MR_OK) {
            return err;
        }
    }
    while (!has_event(&reader->at)) {
        reader->at.offset = reader->at.visible_end;
        mr_err err = find_batch(&reader->at);
        if (err != MR_OK) {
            err = judge_end(reader, reterr_problem);
        }
        if (err != MR_OK) {
            return err;
        }
    }
    fill_event(&reader->at, ret_event);
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

/** Walk to an event of the segment, or to the end behind its last one. */
static mr_err walk_to(
    const mr_log_reader *reader, struct place *place, uint64_t seq, mr_problem *problem)
{
    bool has_next = place->index + 1 < reader->list.count;
    while (seq >= place->check.seq && find_batch(place) == MR_OK) {
    }
    while (seq > place->check.seq) { /* it lies behind what can be read */
        if (!has_next && (is_rest_zero(place) || !is_claimed(place))) {
            return MR_NOT_FOUND;
        }
        if (find_batch(place) != MR_OK) {
            return damage(reader, place, problem);
        }
    }
    place->offset = MRI_SEGMENT_PAGE_BYTES;
    while (place->offset < place->visible_end) { /* a lost event's place is its GAP */
        struct mri_record_link link;
        bool is_last;
        uint64_t bytes = mri_record_step(head_at(place, place->offset), &link, &is_last);
        if (link.seq > seq) {
            break;
        }
        place->offset += bytes;
    }
    return MR_OK;
}

mr_err mr_log_reader_seek(mr_log_reader *reader, mr_seq seq, mr_problem *reterr_problem)
{
    MRI_ASSERT(reader->magic == READER_MAGIC);
    mr_err err = refresh_list(reader, reterr_problem);
    if (err != MR_OK) {
        return err;
    }
    if (reader->list.count == 0 || seq.n < reader->list.base_seqs[0]) {
        return seq.n == 1 && reader->list.count == 0 ? MR_OK : MR_NOT_FOUND;
    }
    struct place place = reader->at;
    size_t index = segment_of(reader, seq.n);
    bool is_mapped =
        place.map != NULL && place.index == index && place.map_bytes == place.segment.segment_bytes;
    if (!is_mapped) {
        err = open_place(reader, index, &place, reterr_problem);
        if (err != MR_OK) {
            return err;
        }
    }
    err = walk_to(reader, &place, seq.n, reterr_problem);
    if (err == MR_OK && is_mapped) {
        reader->at = place;
    } else if (err == MR_OK) {
        move_to(reader, &place);
    } else if (!is_mapped) {
        unmap_place(reader, &place);
    }
    return err;
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
    bool is_endless = timeout_ms < 0 || timeout_ms > INT64_MAX / 1000000;
    int64_t timeout_ns = is_endless ? -1 : timeout_ms * 1000000;
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
    return mri_lock_holder(reader->os, reader->folder, ret_process_id);
}

uint64_t mri_reader_place(const mr_log_reader *reader, const char **ret_name)
{
    *ret_name = reader->at.name;
    return reader->at.offset;
}

void mr_log_reader_close(mr_log_reader *reader)
{
    if (reader == NULL) {
        return;
    }
    MRI_ASSERT(reader->magic == READER_MAGIC);
    unmap_place(reader, &reader->at);
    mri_segment_list_fini(&reader->list);
    if (reader->watch_fd >= 0) {
        reader->os->close(reader->os->context, reader->watch_fd);
    }
    reader->magic = 0;
    mri_alloc_free(reader->alloc, reader, sizeof(*reader));
}
