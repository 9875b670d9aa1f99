/* SPDX-License-Identifier: MIT */
/*
 * The files of a log that no process has open.
 *
 *   newest segment: sync, drop its cache, scan, decide -> mend -> from here the log goes on
 *
 * Invariants
 *  1. No log data change when the decision is QUARANTINE.
 *  2. The newest segment is synced and dropped from the page cache before it is scanned: pages that
 *     a failed writeback left behind would look fine in the cache and be certified as durable. Who
 *     closed the log well has seen no such failure. After one the space behind its end is given
 * back and reserved anew.
 *  3. Segments have one length, so the newest one's position says how many there must be.
 *  4. A segment gets its name when it has its head and its full length, durably. The first one's
 *     is durable before `ctl` is written, which so says that there was one.
 */
#include "log/open/cold.h"

#include <string.h>

#include "base/buf.h"
#include "base/problem.h"
#include "log/open/known_end.h"
#include "log/open/making.h"
#include "log/open/mapping.h"
#include "log/prove/sealer.h"
#include "log/read/place.h"

enum { LEFT_NAMES_BYTES_MAX = 65536 };

static const char spare_name[] = "spare-0";

/** What is opened. */
struct opening {
    const struct mri_os *os;
    const struct mri_alloc *alloc;
    const char *folder;
    const struct mri_manifest *manifest;
    struct mri_digest hasher;
    struct mri_cold *cold;
    const struct mri_segment_list *list; /**< sorted */
};

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

static struct mri_segment_wanted wanted_of(const struct opening *opening, uint64_t base_seq)
{
    return (struct mri_segment_wanted){.log_uuid = opening->manifest->log_uuid,
        .segment_bytes = opening->manifest->segment_bytes,
        .base_seq = base_seq};
}

/**
 * The newest segment does not lie where the number of those before it says. Say which of them does
 * not belong there, or behind which one others are missing.
 */
static mr_err tell_hole(const struct opening *opening, mr_problem *problem)
{
    const struct mri_place_source source = {.os = opening->os,
        .alloc = opening->alloc,
        .folder = opening->folder,
        .manifest = opening->manifest};
    const struct mri_segment_list *list = opening->list;
    struct mri_segment_head before = {0};
    char names[2][MRI_SEGMENT_NAME_BYTES];
    for (size_t i = 0; i < list->count; i++) {
        struct mri_segment_head head;
        mr_err err = mri_place_read_head(&source, list->base_seqs[i], &head, problem);
        if (err != MR_OK) {
            return err; /* it says which one, and what is wrong with it */
        }
        if (i > 0 && head.base_position != before.base_position + head.segment_bytes) {
            return mri_problem(problem, MR_ECORRUPT, "%s: a segment is missing between %s and %s",
                opening->folder, mri_segment_name(before.base_seq, names[0]),
                mri_segment_name(head.base_seq, names[1]));
        }
        before = head;
    }
    return mri_problem(problem, MR_ECORRUPT,
        "%s: %s begins with event %llu, and not where its log does", opening->folder,
        mri_segment_name(list->base_seqs[0], names[0]), (unsigned long long)list->base_seqs[0]);
}

/** Does the segment belong to this log, at this place of it, and may this version write to it? */
static mr_err check_place(
    const struct opening *opening, const struct newest *newest, mr_problem *problem)
{
    const struct mri_segment_head *head = &newest->head;
    const struct mri_segment_wanted wanted = wanted_of(opening, newest->base_seq);
    const char *fault = mri_segment_head_fault(head, &wanted);
    if (fault != NULL) {
        return mri_problem(problem, MR_ECORRUPT, "%s: %s", newest->path, fault);
    }
    if (newest->base_position != UINT64_MAX && newest->base_position != head->base_position) {
        return tell_hole(opening, problem);
    }
    return (head->features_ro_compat & ~(uint32_t)MRI_FEATURES_RO_COMPAT) == 0 ? MR_OK
                                                                               : MR_EVERSION;
}

/** Where sealing stands; without the segments that are needed for it, nothing is sealed any more.
 */
static mr_err find_seals(struct opening *opening, const struct newest *newest, const uint8_t *bytes)
{
    struct mri_seal_state *seals = &opening->cold->start.seals;
    memcpy(seals->link.bytes, newest->head.link, sizeof(newest->head.link));
    if (newest->scan.seal_offset != 0) {
        mri_sealer_next(&opening->hasher,
            (const struct mri_record_head *)(bytes + newest->scan.seal_offset), seals);
        return MR_OK;
    }
    mr_err err = mri_sealer_find(
        opening->os, opening->alloc, opening->folder, opening->manifest, seals, NULL);
    if (err == MR_ECORRUPT || err == MR_EPATH) {
        seals->next_seq = UINT64_MAX;
        return MR_OK;
    }
    return err;
}

/** Sync the newest segment, forget the cached copy, map it and scan it. */
static mr_err scan_newest(struct opening *opening, struct newest *newest, mr_problem *problem)
{
    const struct mri_os *os = opening->os;
    const void *map;
    mr_err err = os->sync_data(os->context, newest->fd);
    if (err == MR_OK && !opening->cold->is_closed_well) {
        err = os->drop_cache(os->context, newest->fd);
    }
    if (err == MR_OK) {
        err = os->size(os->context, newest->fd, &newest->file_bytes);
    }
    if (err == MR_OK && newest->file_bytes < MRI_SEGMENT_PAGE_BYTES) {
        return mri_problem(problem, MR_ECORRUPT, "%s: %s", newest->path,
            mri_segment_file_fault(newest->file_bytes));
    }
    if (err == MR_OK) {
        err = os->map_read(os->context, newest->fd, (size_t)newest->file_bytes, &map);
    }
    if (err != MR_OK) {
        return err;
    }
    err = mri_segment_head_read(
        map, (size_t)newest->file_bytes, &newest->head, &newest->is_head_hurt);
    if (err == MR_ECORRUPT) {
        (void)mri_problem(
            problem, err, "%s: %s", newest->path, mri_segment_file_fault(newest->file_bytes));
    } else if (err == MR_OK) {
        err = check_place(opening, newest, problem);
    }
    if (err == MR_OK) {
        uint64_t bytes = newest->file_bytes < newest->head.segment_bytes
                             ? newest->file_bytes
                             : newest->head.segment_bytes;
        mri_recover_scan_segment(&newest->head, map, bytes, &newest->scan);
        newest->scan.facts.is_last_segment = true;
        err = find_seals(opening, newest, map);
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

/**
 * A block whose first writing has failed must not be written again: the kernel may believe that it
 * was, and says that a sync has succeeded when nobody will find it. Others take its place. What the
 * page of the end holds before it was read from the disk, so that one was written.
 */
static mr_err renew_end(const struct opening *opening, const struct newest *newest)
{
    const struct mri_os *os = opening->os;
    const uint64_t page = MRI_SEGMENT_PAGE_BYTES;
    mr_err err =
        os->renew(os->context, newest->fd, (newest->scan.end_offset + page - 1) / page * page);
    err = err == MR_EINVAL ? MR_OK : err; /* then there are no such blocks to be wrong about */
    return err == MR_OK ? os->sync_data(os->context, newest->fd) : err;
}

/** Make the file what the scan says it should be: full length, good heads, zeros behind the end. */
static mr_err repair_newest(struct opening *opening, const struct newest *newest)
{
    const struct mri_os *os = opening->os;
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
    if (err == MR_OK && opening->cold->is_after_poison) {
        err = renew_end(opening, newest);
    }
    return err;
}

/* ---- a segment to go on in ------------------------------------------------------------------- */

/** Give the spare its head and its name, durably. */
static mr_err name_segment(
    const struct opening *opening, int fd, const char *spare, struct mri_segment_head *head)
{
    const struct mri_os *os = opening->os;
    char name[MRI_SEGMENT_NAME_BYTES];
    char path[MRI_PATH_BYTES_MAX];
    mr_err err = mri_os_path(opening->folder, mri_segment_name(head->base_seq, name), path);
    if (err == MR_OK) {
        err = os->random_bytes(os->context, &head->salt, sizeof(head->salt));
    }
    if (err == MR_OK) {
        mri_segment_head_seal(head);
        err = mri_segment_head_write(os, fd, head);
    }
    if (err == MR_OK) {
        err = os->sync_data(os->context, fd);
    }
    if (err == MR_OK) {
        err = os->rename(os->context, spare, path);
    }
    return err == MR_OK ? os->sync_folder(os->context, opening->folder) : err;
}

/** Make the file of a segment that continues the chain where `start` says; go on in it. */
static mr_err make_segment(struct opening *opening, uint64_t base_position, mr_problem *problem)
{
    const struct mri_os *os = opening->os;
    const struct mri_manifest *manifest = opening->manifest;
    struct mri_hot_start *start = &opening->cold->start;
    struct mri_segment_head head = {
        .writer_epoch = start->writer_epoch,
        .base_seq = start->next_seq,
        .base_position = base_position,
        .segment_bytes = manifest->segment_bytes,
        .prev_unix_ns = start->last_unix_ns,
        .prev_crc = start->prev_crc,
        .prev_units = start->prev_units,
        .features_compat =
            manifest->features_compat |
            (opening->cold->is_identified ? (uint32_t)MRI_FEATURE_COMPAT_IDENTIFIED : 0),
        .features_ro_compat = manifest->features_ro_compat,
        .features_incompat = manifest->features_incompat,
    };
    char spare[MRI_PATH_BYTES_MAX];
    int fd;
    memcpy(head.log_uuid, manifest->log_uuid, sizeof(head.log_uuid));
    memcpy(head.link, start->seals.link.bytes, sizeof(head.link));
    mr_err err = mri_os_path(opening->folder, spare_name, spare);
    if (err == MR_OK) {
        err = os->open(os->context, spare, MRI_OPEN_WRITE | MRI_OPEN_CREATE, &fd);
    }
    if (err != MR_OK) {
        return mri_problem(
            problem, err, "%s/%s: %s", opening->folder, spare_name, mri_making_reason(err));
    }
    err = os->truncate(os->context, fd, 0); /* left over from a crash: its bytes must be zero */
    if (err == MR_OK) {
        err = os->allocate(os->context, fd, manifest->segment_bytes);
    }
    if (err == MR_OK && os->has_threads && !opening->cold->is_thin) { /* as the spares will be */
        err = mri_segment_fill(os, fd, manifest->segment_bytes, NULL, NULL);
    }
    if (err == MR_OK) {
        err = name_segment(opening, fd, spare, &head);
    }
    os->close(os->context, fd);
    if (err != MR_OK) {
        (void)os->remove(os->context, spare); /* the next attempt starts from nothing anyway */
        return mri_problem(problem, err, "%s: cannot be made with %llu bytes: %s", spare,
            (unsigned long long)manifest->segment_bytes, mri_making_reason(err));
    }
    start->segment = head;
    start->offset = MRI_SEGMENT_PAGE_BYTES;
    return MR_OK;
}

/** Continue behind the last complete batch. */
static mr_err continue_from(
    struct opening *opening, const struct newest *newest, mr_problem *problem)
{
    const struct mri_recover_scan *scan = &newest->scan;
    struct mri_hot_start *start = &opening->cold->start;
    *start = (struct mri_hot_start){
        .segment = newest->head,
        .offset = scan->end_offset,
        .next_seq = scan->next_seq,
        .last_unix_ns = scan->last_unix_ns,
        .prev_crc = scan->prev_crc,
        .prev_units = scan->prev_units,
        .writer_epoch = scan->last_epoch + 1,
        .event_crc = scan->event_crc,
        .seals = start->seals,
    };
    return scan->is_rolled ? make_segment(opening,
                                 newest->head.base_position + newest->head.segment_bytes, problem)
                           : MR_OK;
}

static mr_err tell_quarantine(const struct newest *newest, mr_problem *problem)
{
    return mri_problem(problem, MR_ECORRUPT,
        "%s: event %llu at offset %llu is damaged, and event %llu says it was durable; the log "
        "can be read up to event %llu and is not written to",
        newest->path, (unsigned long long)newest->scan.next_seq,
        (unsigned long long)newest->scan.end_offset, (unsigned long long)newest->scan.watermark_seq,
        (unsigned long long)newest->scan.next_seq - 1);
}

/** An end that was durable once must be there: what is appended would take the place of it. */
static mr_err check_end(const struct opening *opening, uint64_t last_seq, mr_problem *problem)
{
    struct mri_known_end known;
    mr_err err = mri_known_end_read(
        opening->os, opening->alloc, opening->folder, opening->manifest->log_uuid, &known);
    return err == MR_OK ? mri_known_end_check(&known, opening->os, opening->alloc, opening->folder,
                              last_seq, problem)
                        : mri_problem(problem, err, "%s: %s", opening->folder, mr_err_text(err));
}

/** Decide about the scanned segment and do it. */
static mr_err settle(struct opening *opening, const struct newest *newest, mr_problem *problem)
{
    struct mri_cold *cold = opening->cold;
    cold->opening.decision = mri_recover_decide(&newest->scan.facts);
    if (cold->opening.decision == MRI_RECOVER_QUARANTINE) {
        return tell_quarantine(newest, problem);
    }
    cold->is_identified = newest->scan.is_identified ||
                          (newest->head.features_compat & MRI_FEATURE_COMPAT_IDENTIFIED) != 0;
    mr_err err = check_end(opening, newest->scan.next_seq - 1, problem);
    if (err != MR_OK) {
        return err;
    }
    err = repair_newest(opening, newest);
    if (err == MR_OK && newest->scan.next_seq == 1) { /* its maker may not have come so far */
        err = opening->os->sync_folder(opening->os->context, opening->folder);
    }
    if (err != MR_OK) {
        return mri_problem(problem, err, "%s: %s", newest->path, mri_making_reason(err));
    }
    err = continue_from(opening, newest, problem);
    if (err == MR_OK && cold->opening.decision == MRI_RECOVER_TRUNCATE) {
        cold->cut_position = newest->head.base_position + newest->scan.end_offset;
        cold->opening.cut_bytes = newest->scan.dirty_end_offset - newest->scan.end_offset;
    }
    cold->opening.is_head_repaired = newest->is_head_hurt;
    return err;
}

static mr_err open_newest(
    struct opening *opening, const struct mri_segment_list *list, mr_problem *problem)
{
    const struct mri_os *os = opening->os;
    struct newest newest = {
        .base_seq = list->base_seqs[list->count - 1],
        .base_position = list->base_seqs[0] == 1
                             ? (list->count - 1) * opening->manifest->segment_bytes
                             : UINT64_MAX,
    };
    char name[MRI_SEGMENT_NAME_BYTES];
    mr_err err = mri_os_path(opening->folder, mri_segment_name(newest.base_seq, name), newest.path);
    if (err == MR_OK) {
        err = os->open(os->context, newest.path, MRI_OPEN_WRITE, &newest.fd);
    }
    if (err != MR_OK) {
        return mri_problem(problem, err, "%s: %s", newest.path, mr_err_text(err));
    }
    mr_problem own = {""};
    err = scan_newest(opening, &newest, &own);
    if (err == MR_OK) {
        err = settle(opening, &newest, problem);
    } else if (own.text[0] != '\0') {
        (void)mri_problem(problem, err, "%s", own.text);
    } else {
        (void)mri_problem(problem, err, "%s: %s", newest.path, mr_err_text(err));
    }
    os->close(os->context, newest.fd);
    return err;
}

/** Does what is written to the segment show through a map of it? */
static mr_err check_mapping(const struct opening *opening, mr_problem *problem)
{
    const struct mri_os *os = opening->os;
    char name[MRI_SEGMENT_NAME_BYTES];
    char path[MRI_PATH_BYTES_MAX];
    int fd;
    (void)mri_segment_name(opening->cold->start.segment.base_seq, name);
    mr_err err = mri_os_path(opening->folder, name, path);
    if (err == MR_OK) {
        err = os->open(os->context, path, MRI_OPEN_WRITE, &fd);
    }
    if (err == MR_OK) {
        err = mri_mapping_check(os, fd);
        os->close(os->context, fd);
    }
    return err == MR_OK ? MR_OK
                        : mri_problem(problem, err, "%s: %s", opening->folder,
                              err == MR_EINVAL
                                  ? "this file system does not show through a map what is written"
                                  : mr_err_text(err));
}

static mr_err open_files(struct opening *opening, mr_problem *problem)
{
    struct mri_hot_start *start = &opening->cold->start;
    struct mri_segment_list list = {0};
    mr_err err = mri_segment_list(opening->os, opening->alloc, opening->folder, &list);
    if (err != MR_OK) {
        return mri_problem(problem, err, "%s: %s", opening->folder, mr_err_text(err));
    }
    if (list.count > 0) {
        opening->list = &list;
        err = mri_manifest_check_first(
            opening->manifest, opening->folder, list.base_seqs[0], problem);
        err = err == MR_OK ? open_newest(opening, &list, problem) : err;
        opening->list = NULL;
        mri_segment_list_fini(&list);
        return err;
    }
    if (opening->manifest->removed.last_seq > 0) {
        return mri_problem(problem, MR_ECORRUPT,
            "%s: all segments are missing: the log begins with event %llu", opening->folder,
            (unsigned long long)opening->manifest->removed.last_seq + 1);
    }
    err = check_end(opening, 0, problem);
    if (err != MR_OK) {
        return err;
    }
    opening->cold->opening.is_created = true;
    start->next_seq = 1;
    start->writer_epoch = 1;
    mri_sealer_first(&opening->hasher, opening->manifest->log_uuid, &start->seals);
    return make_segment(opening, 0, problem);
}

mr_err mri_cold_open(const struct mri_os *os, const struct mri_alloc *alloc, const char *folder,
    const struct mri_manifest *manifest, struct mri_cold *ret_cold, mr_problem *problem)
{
    struct opening opening = {
        .os = os, .alloc = alloc, .folder = folder, .manifest = manifest, .cold = ret_cold};
    *ret_cold = (struct mri_cold){.is_thin = ret_cold->is_thin,
        .is_after_poison = ret_cold->is_after_poison,
        .is_closed_well = ret_cold->is_closed_well};
    mr_err err = mri_digest_init(&opening.hasher);
    if (err != MR_OK) {
        return mri_problem(problem, err, "%s: %s", folder, mr_err_text(err));
    }
    err = open_files(&opening, problem);
    if (err == MR_OK) {
        err = check_mapping(&opening, problem);
    }
    mri_digest_fini(&opening.hasher);
    return err;
}

/* ---- what a memory left behind --------------------------------------------------------------- */

static mr_err note_leftover(void *argument, const char *name)
{
    struct mri_buf *names = argument;
    if (strncmp(name, "spare-", 6) == 0 || strncmp(name, "ring-", 5) == 0) {
        mri_buf_put(names, name, strlen(name) + 1);
    }
    return names->err;
}

mr_err mri_cold_remove_leftovers(
    const struct mri_os *os, const struct mri_alloc *alloc, const char *folder)
{
    char path[MRI_PATH_BYTES_MAX];
    struct mri_buf names;
    mri_buf_init(&names, alloc, LEFT_NAMES_BYTES_MAX);
    mr_err err = os->list(os->context, folder, &names, note_leftover);
    for (size_t at = 0; err == MR_OK && at < names.count;) {
        const char *name = (const char *)names.bytes + at;
        err = mri_os_path(folder, name, path);
        err = err == MR_OK ? os->remove(os->context, path) : err;
        err = err == MR_EPATH ? MR_OK : err; /* by its maker, who is in no more but lives */
        at += strlen(name) + 1;
    }
    mri_buf_fini(&names);
    return err;
}
