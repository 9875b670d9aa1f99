/* SPDX-License-Identifier: MIT */
/*
 * Repairing a log.
 *
 *   every segment: map -> walk -> damages -> [keep a copy | build beside | check | rename]
 *
 * Invariants
 *  1. Nobody writes meanwhile: the lock is held. A reader keeps the file it has mapped.
 *  2. Nothing is written unless asked to. Then the damaged file is copied durably first, the new
 * one is built beside it and checked as a whole, and takes its name last: at any moment the segment
 *     is the old one or the repaired one.
 *  3. What is taken from a copy continues the record before and is continued by the record behind,
 *     by checksum: it is the very history that was lost.
 *
 * Not here: what is damaged and how far (damage.c), missing segments but for taking them from a
 * copy.
 */
#include "log/keep/repair.h"

#include <stdio.h>
#include <string.h>

#include "base/problem.h"
#include "log/format/archive.h"
#include "log/format/manifest.h"
#include "log/format/segment.h"
#include "log/keep/damage.h"
#include "log/open/attachment.h"
#include "log/read/reader.h"

enum { COPIES_MAX = 99 };

static const char beside_name[] = "repair.tmp";

/** A segment's file, mapped. */
struct mapped {
    const uint8_t *bytes; /**< NULL: none */
    uint64_t count;
    struct mri_segment_head head;
    bool has_head;
    void *block; /**< what to free, of an archive that was unpacked; else NULL */
};

struct repair {
    const struct mri_os *os;
    const struct mri_alloc *alloc;
    const char *folder;
    const mr_log_repair_options *options;
    struct mri_manifest manifest;
    struct mri_segment_list list;
    mr_log_repair_report report;
    mr_problem *problem;

    /* Where the segment before ended, for the one at hand. */
    bool is_end_known;
    struct mri_record_link end;
    uint64_t end_position;
};

/** What is to be done with one segment. */
struct work {
    uint64_t base_seq;
    struct mapped old;
    struct mapped copy; /**< of the same segment, from the source */
    struct mri_segment_head next;
    bool has_next;
    struct mri_damage damages[MR_LOG_DAMAGES_MAX];
    mr_log_damage *reported[MR_LOG_DAMAGES_MAX];
    uint32_t count;
    bool is_whole; /**< nothing of the old file is used */
};

/* ---- files ----------------------------------------------------------------------------------- */

static void unmap(const struct repair *repair, struct mapped *mapped)
{
    if (mapped->block != NULL) {
        mri_alloc_free(repair->alloc, mapped->block, (size_t)repair->manifest.segment_bytes);
        *mapped = (struct mapped){0};
    } else if (mapped->bytes != NULL) {
        repair->os->unmap(repair->os->context, mapped->bytes, (size_t)mapped->count);
        *mapped = (struct mapped){0};
    }
}

/** Map a file, at most a segment of it; an empty one maps to nothing. */
static mr_err map_path(
    const struct repair *repair, const char *path, unsigned flags, struct mapped *ret_mapped)
{
    const struct mri_os *os = repair->os;
    struct mapped mapped = {0};
    const void *map = NULL;
    bool is_hurt;
    int fd;
    mr_err err = os->open(os->context, path, flags, &fd);
    if (err != MR_OK) {
        return err;
    }
    err = os->size(os->context, fd, &mapped.count);
    if (err == MR_OK && mapped.count > repair->manifest.segment_bytes) {
        mapped.count = repair->manifest.segment_bytes;
    }
    if (err == MR_OK && mapped.count > 0) {
        err = os->map_read(os->context, fd, (size_t)mapped.count, &map);
    }
    os->close(os->context, fd);
    if (err != MR_OK || map == NULL) {
        return err;
    }
    mapped.bytes = map;
    err = mri_segment_head_read(map, (size_t)mapped.count, &mapped.head, &is_hurt);
    mapped.has_head = err == MR_OK &&
                      memcmp(mapped.head.log_uuid, repair->manifest.log_uuid, 16) == 0 &&
                      mapped.head.segment_bytes == repair->manifest.segment_bytes;
    *ret_mapped = mapped;
    return err == MR_EVERSION ? err : MR_OK;
}

/** Only the archive of a segment is there: unpack it. */
static mr_err unpack_segment(
    const struct repair *repair, const char *folder, uint64_t base_seq, struct mapped *ret_mapped)
{
    struct mapped mapped = {.count = repair->manifest.segment_bytes};
    bool is_hurt;
    mr_err err = mri_alloc_array(repair->alloc, 1, (size_t)mapped.count, &mapped.block);
    if (err != MR_OK) {
        return mri_problem(repair->problem, err, "%s: %s", folder, mr_err_text(err));
    }
    memset(mapped.block, 0, (size_t)mapped.count);
    mapped.bytes = mapped.block;
    err = mri_archive_unpack(
        repair->os, folder, base_seq, mapped.block, mapped.count, repair->problem);
    if (err == MR_OK) {
        err = mri_segment_head_read(mapped.block, (size_t)mapped.count, &mapped.head, &is_hurt);
    }
    mapped.has_head =
        err == MR_OK && memcmp(mapped.head.log_uuid, repair->manifest.log_uuid, 16) == 0;
    if (err != MR_OK) {
        unmap(repair, &mapped);
        return err;
    }
    *ret_mapped = mapped;
    return MR_OK;
}

static mr_err map_segment(
    const struct repair *repair, const char *folder, uint64_t base_seq, struct mapped *ret_mapped)
{
    char name[MRI_SEGMENT_NAME_BYTES];
    char path[MRI_PATH_BYTES_MAX];
    mr_err err = mri_os_path(folder, mri_segment_name(base_seq, name), path);
    if (err == MR_OK) {
        err = map_path(repair, path, MRI_OPEN_READ | MRI_OPEN_FOLLOW, ret_mapped);
    }
    if (err == MR_EPATH) {
        return unpack_segment(repair, folder, base_seq, ret_mapped);
    }
    return err == MR_OK ? err : mri_problem(repair->problem, err, "%s: %s", path, mr_err_text(err));
}

/** The same segment as the source has it; nothing when it has none. */
static void map_copy(const struct repair *repair, uint64_t base_seq, struct mapped *ret_mapped)
{
    struct mri_file_info info;
    const struct mri_os *os = repair->os;
    const char *source = repair->options->source;
    char name[MRI_SEGMENT_NAME_BYTES];
    char path[MRI_PATH_BYTES_MAX];
    if (source == NULL || os->info(os->context, source, &info) != MR_OK) {
        return;
    }
    mr_err err =
        info.is_folder
            ? mri_os_path(source, mri_segment_name(base_seq, name), path)
            : (snprintf(path, sizeof(path), "%s", source) < (int)sizeof(path) ? MR_OK : MR_EINVAL);
    if (err == MR_OK) {
        err = map_path(repair, path, MRI_OPEN_READ | MRI_OPEN_FOLLOW, ret_mapped);
    }
    bool is_it = err == MR_OK && ret_mapped->has_head && ret_mapped->head.base_seq == base_seq;
    if (!is_it) {
        unmap(repair, ret_mapped);
    }
}

static mr_err write_zeros(const struct mri_os *os, int fd, uint64_t from, uint64_t to)
{
    static const uint8_t zeros[64 * 1024];
    mr_err err = MR_OK;
    while (from < to && err == MR_OK) {
        uint64_t step = to - from < sizeof(zeros) ? to - from : sizeof(zeros);
        const struct mri_io_piece piece = {.bytes = zeros, .count = (size_t)step};
        err = os->write_at(os->context, fd, &piece, 1, from);
        from += step;
    }
    return err;
}

/** Write a file anew, durably: so many bytes long, beginning with what is given. */
static mr_err write_new(const struct repair *repair, const char *path, const struct mapped *content,
    uint64_t bytes, int *ret_fd)
{
    const struct mri_os *os = repair->os;
    int fd;
    mr_err err = os->open(os->context, path, MRI_OPEN_WRITE | MRI_OPEN_CREATE, &fd);
    if (err != MR_OK) {
        return err;
    }
    err = os->truncate(os->context, fd, 0);
    if (err == MR_OK && bytes > 0) {
        err = os->allocate(os->context, fd, bytes);
    }
    if (err == MR_OK && content->count > 0) {
        const struct mri_io_piece piece = {
            .bytes = content->bytes, .count = (size_t)content->count};
        err = os->write_at(os->context, fd, &piece, 1, 0);
    }
    if (err == MR_OK) {
        err = os->sync_data(os->context, fd);
    }
    if (err != MR_OK) {
        os->close(os->context, fd);
        (void)os->remove(os->context, path); /* half a file helps nobody */
        return err;
    }
    *ret_fd = fd;
    return MR_OK;
}

/** Keep the damaged file under a name of its own. */
static mr_err keep_copy(const struct repair *repair, const struct work *work)
{
    const struct mri_os *os = repair->os;
    char path[MRI_PATH_BYTES_MAX];
    struct mri_file_info info;
    mr_err err = MR_OK;
    int fd;
    if (work->old.bytes == NULL) {
        return MR_OK; /* there is none */
    }
    for (int number = 1; number <= COPIES_MAX; number++) {
        char name[2 * MRI_SEGMENT_NAME_BYTES];
        (void)snprintf(name, sizeof(name), "seg-%016llx.damaged-%d",
            (unsigned long long)work->base_seq, number);
        err = mri_os_path(repair->folder, name, path);
        if (err == MR_OK) {
            err = os->info(os->context, path, &info);
        }
        if (err == MR_EPATH) {
            break; /* nothing has this name */
        }
        if (err != MR_OK) {
            return err;
        }
    }
    if (err != MR_EPATH) {
        return MR_ELIMIT;
    }
    err = write_new(repair, path, &work->old, work->old.count, &fd);
    if (err == MR_OK) {
        os->close(os->context, fd);
        err = os->sync_folder(os->context, repair->folder);
    }
    return err;
}

/* ---- one segment ----------------------------------------------------------------------------- */

static bool is_same_link(const struct mri_record_link *a, const struct mri_record_link *b)
{
    return a->seq == b->seq && a->crc == b->crc && a->units == b->units;
}

static struct mri_record_link link_before(const struct mri_segment_head *head)
{
    return (struct mri_record_link){
        .seq = head->base_seq, .crc = head->prev_crc, .units = head->prev_units};
}

static struct mri_damage_walk walk_of(const struct mapped *mapped, const struct work *work)
{
    struct mri_damage_walk walk = {.head = &mapped->head,
        .bytes = mapped->bytes,
        .bytes_count = mapped->count,
        .next = work->has_next ? &work->next : NULL};
    mri_damage_begin(&walk);
    return walk;
}

/** Is a whole segment good from end to end, and does the next one continue it? */
static bool is_good(const struct mapped *mapped, const struct work *work)
{
    struct mri_damage damage;
    struct mri_damage_walk walk = walk_of(mapped, work);
    if (!mapped->has_head || mri_damage_next(&walk, &damage) != MR_END) {
        return false;
    }
    const struct mri_record_link next = link_before(&work->next);
    return !work->has_next || (walk.is_over && is_same_link(&walk.link, &next));
}

/** Has the copy what is lost, between the same records? */
static bool has_copy_of(const struct work *work, const struct mri_damage *damage)
{
    const struct mri_record_link after = {.seq = damage->gap.last_seq + 1,
        .crc = damage->gap.next_crc,
        .units = damage->gap.next_units};
    uint64_t end = damage->offset + damage->gap.bytes;
    if (!work->copy.has_head || work->copy.head.salt != work->old.head.salt) {
        return false;
    }
    struct mri_damage_walk walk = walk_of(&work->copy, work);
    mri_damage_pass(&walk, damage->offset);
    if (walk.offset != damage->offset || !is_same_link(&walk.link, &damage->before)) {
        return false;
    }
    mri_damage_pass(&walk, end);
    bool is_there = damage->gap.is_roll_lost ? walk.is_over : walk.offset == end;
    return is_there && is_same_link(&walk.link, &after);
}

/** Put what was found into the report; NULL: there is no room. */
static mr_log_damage *add_to_report(struct repair *repair, const mr_log_damage *damage)
{
    if (repair->report.count == MR_LOG_DAMAGES_MAX) {
        repair->report.has_more = true;
        return NULL;
    }
    mr_log_damage *place = &repair->report.damages[repair->report.count++];
    *place = *damage;
    return place;
}

static void explain(const struct repair *repair, mr_log_damage *damage, bool is_repairable)
{
    damage->is_repairable = is_repairable;
    if (!is_repairable) {
        (void)snprintf(damage->why_not, sizeof(damage->why_not), "%s",
            repair->options->source == NULL
                ? "no GAP can stand for a whole segment: restore it from a copy"
                : "the copy has not these very records between the same neighbours");
    }
}

static void find_damages(struct repair *repair, struct work *work)
{
    struct mri_damage_walk walk = walk_of(&work->old, work);
    while (mri_damage_next(&walk, &work->damages[work->count]) == MR_OK) {
        const struct mri_damage *damage = &work->damages[work->count];
        const mr_log_damage found = {.segment_seq = work->base_seq,
            .offset = damage->offset,
            .bytes = damage->gap.bytes,
            .first = {damage->gap.first_seq},
            .last = {damage->gap.last_seq},
            .loss = (mr_log_loss)damage->gap.reason};
        mr_log_damage *place = add_to_report(repair, &found);
        if (place == NULL) {
            break;
        }
        explain(repair, place, repair->options->source == NULL || has_copy_of(work, damage));
        work->reported[work->count++] = place;
    }
    repair->is_end_known = walk.is_over;
    repair->end = walk.link;
    repair->end_position = work->old.head.base_position + work->old.head.segment_bytes;
}

/** The whole segment is lost, with its file or within it: can the copy stand for it? */
static void find_whole(struct repair *repair, struct work *work, mr_log_loss loss, uint64_t last)
{
    const mr_log_damage found = {.segment_seq = work->base_seq,
        .bytes = repair->manifest.segment_bytes,
        .first = {work->base_seq},
        .last = {last},
        .loss = loss};
    mr_log_damage *place = add_to_report(repair, &found);
    bool is_fit = work->copy.has_head && is_good(&work->copy, work);
    const struct mri_record_link before = link_before(&work->copy.head);
    if (is_fit && repair->is_end_known) {
        is_fit = is_same_link(&before, &repair->end) &&
                 work->copy.head.base_position == repair->end_position;
    }
    work->is_whole = true;
    if (place != NULL) {
        explain(repair, place, is_fit);
        work->reported[work->count++] = place;
    }
    repair->is_end_known = false;
}

static mr_err patch(const struct repair *repair, const struct work *work, int fd)
{
    const struct mri_os *os = repair->os;
    bool is_gap = repair->options->source == NULL;
    mr_err err = MR_OK;
    for (uint32_t i = 0; i < work->count && err == MR_OK; i++) {
        const struct mri_damage *damage = &work->damages[i];
        uint64_t end = damage->offset + damage->gap.bytes;
        if (!work->reported[i]->is_repairable) {
            continue;
        }
        const struct mri_record_head gap = mri_damage_record(damage, &work->old.head);
        struct mri_io_piece piece = {.bytes = &gap, .count = sizeof(gap)};
        if (is_gap) {
            err = write_zeros(os, fd, damage->offset, end);
        } else {
            end = end < work->copy.count ? end : work->copy.count;
            piece.bytes = work->copy.bytes + damage->offset;
            piece.count = (size_t)(end - damage->offset);
        }
        if (err == MR_OK) {
            err = os->write_at(os->context, fd, &piece, 1, damage->offset);
        }
    }
    if (err == MR_OK && is_gap) {
        struct mri_segment_head head = work->old.head;
        head.features_incompat |= MRI_FEATURE_INCOMPAT_GAP;
        mri_segment_head_seal(&head);
        err = mri_segment_head_write(os, fd, &head);
    }
    return err;
}

/** Read what was built: is every damage that was repairable gone? */
static mr_err check_built(
    const struct repair *repair, const struct work *work, const char *path, uint32_t wanted)
{
    struct mapped built = {0};
    struct mri_damage damage;
    mr_err err = map_path(repair, path, MRI_OPEN_READ, &built);
    if (err != MR_OK) {
        return err;
    }
    uint32_t left = 0;
    if (built.has_head) {
        struct mri_damage_walk walk = walk_of(&built, work);
        while (left <= MR_LOG_DAMAGES_MAX && mri_damage_next(&walk, &damage) == MR_OK) {
            left++;
        }
    }
    bool is_right = built.has_head && left == wanted && (wanted > 0 || is_good(&built, work));
    unmap(repair, &built);
    return is_right ? MR_OK : MR_EINTERNAL;
}

static uint32_t repairable_of(const struct work *work)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < work->count; i++) {
        count += work->reported[i]->is_repairable;
    }
    return count;
}

static mr_err replace_segment(struct repair *repair, const struct work *work)
{
    const struct mri_os *os = repair->os;
    char name[MRI_SEGMENT_NAME_BYTES];
    char path[MRI_PATH_BYTES_MAX];
    char beside[MRI_PATH_BYTES_MAX];
    int fd;
    mr_err err = mri_os_path(repair->folder, mri_segment_name(work->base_seq, name), path);
    if (err == MR_OK) {
        err = mri_os_path(repair->folder, beside_name, beside);
    }
    if (err == MR_OK) {
        err = keep_copy(repair, work);
    }
    if (err == MR_OK) {
        err = write_new(repair, beside, work->is_whole ? &work->copy : &work->old,
            repair->manifest.segment_bytes, &fd);
    }
    if (err != MR_OK) {
        return mri_problem(repair->problem, err, "%s: %s", path, mr_err_text(err));
    }
    if (!work->is_whole) {
        err = patch(repair, work, fd);
    }
    if (err == MR_OK) {
        err = os->sync_data(os->context, fd);
    }
    os->close(os->context, fd);
    if (err == MR_OK) {
        err = check_built(
            repair, work, beside, work->is_whole ? 0 : work->count - repairable_of(work));
    }
    if (err == MR_OK) {
        err = os->rename(os->context, beside, path);
    }
    if (err == MR_OK) {
        err = os->sync_folder(os->context, repair->folder);
    }
    repair->report.repaired += err == MR_OK ? repairable_of(work) : 0;
    return err == MR_OK ? MR_OK
                        : mri_problem(repair->problem, err, "%s: %s", path, mr_err_text(err));
}

static mr_err finish_work(struct repair *repair, struct work *work, mr_err err)
{
    if (err == MR_OK && repair->options->is_done && repairable_of(work) > 0) {
        err = replace_segment(repair, work);
    }
    unmap(repair, &work->old);
    unmap(repair, &work->copy);
    mri_alloc_free(repair->alloc, work, sizeof(*work));
    return err;
}

static mr_err new_work(struct repair *repair, uint64_t base_seq, struct work **ret_work)
{
    void *block;
    mr_err err = mri_alloc_array(repair->alloc, 1, sizeof(struct work), &block);
    if (err != MR_OK) {
        return mri_problem(repair->problem, err, "%s", mr_err_text(err));
    }
    struct work *work = block;
    *work = (struct work){.base_seq = base_seq};
    map_copy(repair, base_seq, &work->copy);
    *ret_work = work;
    return MR_OK;
}

/** The head of a segment of the list, if there is a good one. */
static mr_err head_of(const struct repair *repair, size_t index, struct work *work)
{
    struct mapped mapped = {0};
    if (index >= repair->list.count) {
        return MR_OK;
    }
    mr_err err = map_segment(repair, repair->folder, repair->list.base_seqs[index], &mapped);
    if (err == MR_OK) {
        work->next = mapped.head;
        work->has_next = mapped.has_head && mapped.head.base_seq == repair->list.base_seqs[index];
    }
    unmap(repair, &mapped);
    return err;
}

/** The segment that should be before this one is not there. */
static mr_err repair_missing(struct repair *repair, size_t index)
{
    struct work *work = NULL;
    mr_err err = new_work(repair, repair->end.seq, &work);
    if (err != MR_OK) {
        return err;
    }
    MRI_ASSERT(work != NULL);
    err = head_of(repair, index, work);
    if (err == MR_OK && work->has_next &&
        work->next.base_position != repair->end_position + repair->manifest.segment_bytes) {
        work->has_next = false; /* more than one is missing: one at a time */
        repair->report.has_more = true;
    }
    if (err == MR_OK) {
        find_whole(repair, work, MR_LOG_LOSS_FILE, repair->list.base_seqs[index] - 1);
    }
    return finish_work(repair, work, err);
}

static mr_err repair_segment(struct repair *repair, size_t index)
{
    struct work *work = NULL;
    uint64_t base_seq = repair->list.base_seqs[index];
    mr_err err = new_work(repair, base_seq, &work);
    if (err != MR_OK) {
        return err;
    }
    MRI_ASSERT(work != NULL);
    err = map_segment(repair, repair->folder, base_seq, &work->old);
    if (err == MR_OK) {
        err = head_of(repair, index + 1, work);
    }
    bool is_next_lost = index + 1 < repair->list.count && !work->has_next;
    bool is_ours = work->old.has_head && work->old.head.base_seq == base_seq;
    if (err == MR_OK && is_ours && work->has_next &&
        work->next.base_position != work->old.head.base_position + repair->manifest.segment_bytes) {
        is_next_lost = true; /* what follows is not the next one: its end is not known */
        work->has_next = false;
    }
    if (err == MR_OK && !is_ours) {
        uint64_t last =
            index + 1 < repair->list.count ? repair->list.base_seqs[index + 1] - 1 : base_seq - 1;
        find_whole(repair, work, MR_LOG_LOSS_SEGMENT, last);
    } else if (err == MR_OK) {
        find_damages(repair, work);
        repair->is_end_known = repair->is_end_known && (work->has_next || is_next_lost);
    }
    return finish_work(repair, work, err);
}

static mr_err repair_all(struct repair *repair)
{
    mr_err err = MR_OK;
    for (size_t i = 0; i < repair->list.count && err == MR_OK; i++) {
        if (repair->is_end_known && repair->list.base_seqs[i] > repair->end.seq) {
            err = repair_missing(repair, i);
        }
        if (err == MR_OK) {
            err = repair_segment(repair, i);
        }
    }
    return err;
}

/** A source that is a log must be a copy of this one. */
static mr_err check_source(const struct repair *repair)
{
    struct mri_manifest other;
    struct mri_file_info info;
    const char *source = repair->options->source;
    if (source == NULL) {
        return MR_OK;
    }
    mr_err err = repair->os->info(repair->os->context, source, &info);
    if (err != MR_OK) {
        return mri_problem(repair->problem, err, "%s: %s", source, mr_err_text(err));
    }
    if (!info.is_folder) {
        return MR_OK; /* its head says whose it is */
    }
    err = mri_manifest_read(repair->os, source, &other, repair->problem);
    if (err == MR_OK && memcmp(other.log_uuid, repair->manifest.log_uuid, 16) != 0) {
        err = mri_problem(repair->problem, MR_NOT_FOUND,
            "%s: another log, not a copy of %s (their uuids differ)", source, repair->folder);
    }
    return err;
}

mr_err mri_repair(const struct mri_os *os, const struct mri_alloc *alloc, const char *folder,
    const mr_log_repair_options *options, mr_log_repair_report *ret_report,
    mr_problem *reterr_problem)
{
    struct mri_presence presence = {.fd = -1};
    mr_problem unused;
    struct repair repair = {
        .os = os,
        .alloc = alloc,
        .folder = folder,
        .options = options,
        .problem = reterr_problem == NULL ? &unused : reterr_problem,
    };
    mr_err err = mri_manifest_read(os, folder, &repair.manifest, repair.problem);
    if (err == MR_OK) {
        err = mri_attachment_alone(os, folder, &presence, repair.problem);
    }
    if (err == MR_OK) {
        err = check_source(&repair);
    }
    if (err == MR_OK) {
        err = mri_segment_list(os, alloc, folder, &repair.list);
        if (err != MR_OK) {
            (void)mri_problem(repair.problem, err, "%s: %s", folder, mr_err_text(err));
        }
    }
    if (err == MR_OK) {
        err = repair_all(&repair);
    }
    mri_segment_list_fini(&repair.list);
    mri_presence_leave(&presence);
    *ret_report = repair.report;
    return err;
}

mr_err mr_log_repair(const char *folder, const mr_log_repair_options *options,
    mr_log_repair_report *ret_report, mr_problem *reterr_problem)
{
    if (folder == NULL || options == NULL || ret_report == NULL) {
        return MR_EINVAL;
    }
    return mri_repair(
        mri_os_linux(), mri_alloc_system(), folder, options, ret_report, reterr_problem);
}
