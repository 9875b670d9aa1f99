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
 *  4. The log begins where MANIFEST says, and ends behind everything that is remembered to have
 *     been durable (log/open/known_end.h): what lacks before or behind is damage, too.
 *
 * Not here: what is damaged within a segment and how far (damage.c); files of segments (mapped.c).
 */
#include "log/keep/repair.h"

#include <stdio.h>
#include <string.h>

#include "base/problem.h"
#include "log/keep/damage.h"
#include "log/keep/mapped.h"
#include "log/open/attachment.h"
#include "log/open/known_end.h"
#include "log/read/reader.h"

enum { COPIES_MAX = 99 };

static const char beside_name[] = "repair.tmp";

struct repair {
    const struct mri_os *os;
    const struct mri_alloc *alloc;
    const char *folder;
    const mr_log_repair_options *options;
    struct mri_manifest manifest;
    struct mri_segment_list list;
    struct mri_known_end known_end;
    struct mri_mapped_log files;
    mr_log_repair_report report;
    mr_problem *problem;

    /* Where the segment before ended, for the one at hand; at first, where the log begins. */
    bool is_end_known;
    bool is_over; /**< a segment begins behind it */
    bool are_units_unknown;
    struct mri_record_link end;
    uint64_t end_position; /**< of the segment */
    uint64_t end_base;     /**< in the name of the segment that ended there */
    uint64_t end_offset;
};

/** What is to be done with one segment. */
struct work {
    uint64_t base_seq;
    struct mri_mapped old;
    struct mri_mapped copy; /**< of the same segment, from the source */
    struct mri_segment_head next;
    bool has_next;
    struct mri_damage damages[MR_LOG_DAMAGES_MAX + 1]; /**< one more is found than fits */
    mr_log_damage *reported[MR_LOG_DAMAGES_MAX];
    uint32_t count;
    bool is_whole;     /**< nothing of the old file is used */
    bool is_cut_short; /**< there are more damages than fit */
    bool is_end_taken; /**< the last damage is a lost end: nothing of the old file follows */
};

/* ---- files ----------------------------------------------------------------------------------- */

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
static mr_err write_new(const struct repair *repair, const char *path,
    const struct mri_mapped *content, uint64_t bytes, int *ret_fd)
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

static struct mri_damage_walk walk_of(const struct mri_mapped *mapped, const struct work *work)
{
    struct mri_damage_walk walk = {.head = &mapped->head,
        .bytes = mapped->bytes,
        .bytes_count = mapped->count,
        .next = work->has_next ? &work->next : NULL};
    mri_damage_begin(&walk);
    return walk;
}

/** Is a whole segment good from end to end, and does the next one continue it? */
static bool is_good(
    const struct mri_mapped *mapped, const struct work *work, struct mri_damage_walk *ret_walk)
{
    struct mri_damage damage;
    *ret_walk = walk_of(mapped, work);
    if (!mapped->has_head || mri_damage_next(ret_walk, &damage) != MR_END) {
        return false;
    }
    const struct mri_record_link next = link_before(&work->next);
    return !work->has_next || (ret_walk->is_over && is_same_link(&ret_walk->link, &next));
}

/** Does a segment begin where the one before ended? */
static bool is_continuing(const struct repair *repair, const struct mri_segment_head *head)
{
    struct mri_record_link before = link_before(head);
    if (!repair->is_end_known || !repair->is_over) {
        return true; /* as far as can be told */
    }
    before.units = repair->are_units_unknown ? repair->end.units : before.units;
    return is_same_link(&before, &repair->end) && head->base_position == repair->end_position;
}

/** The segment at hand is passed. */
static void set_end(struct repair *repair, const struct mri_damage_walk *walk)
{
    repair->is_over = walk->is_over;
    repair->are_units_unknown = false;
    repair->end = walk->link;
    repair->end_base = walk->head->base_seq;
    repair->end_offset = walk->offset;
    repair->end_position = walk->head->base_position + walk->head->segment_bytes;
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
                ? damage->loss == MR_LOG_LOSS_END
                      ? "no GAP can stand for the end of the log: restore it from a copy"
                      : "no GAP can stand for a whole segment: restore it from a copy"
            : damage->loss == MR_LOG_LOSS_END
                ? "the copy does not go as far"
                : "the copy has not these very records between the same neighbours");
    }
}

/** Has the copy more of a segment that no other follows, behind what is the end here? */
static bool find_end(const struct work *work, struct mri_damage_walk *walk)
{
    struct mri_damage_walk copy = walk_of(&work->copy, work);
    if (work->has_next || walk->is_over || !work->copy.has_head ||
        work->copy.head.salt != work->old.head.salt) {
        return false;
    }
    mri_damage_pass(&copy, walk->offset);
    if (copy.offset != walk->offset || !is_same_link(&copy.link, &walk->link)) {
        return false;
    }
    mri_damage_pass(&copy, UINT64_MAX);
    if (copy.offset == walk->offset) {
        return false;
    }
    *walk = copy;
    return true;
}

/** The end of a segment, as the copy has it, is one more damage. */
static bool add_end(struct repair *repair, struct work *work, struct mri_damage_walk *walk)
{
    struct mri_damage damage = {.offset = walk->offset, .before = walk->link};
    if (!find_end(work, walk)) {
        return true;
    }
    damage.gap.bytes = walk->offset - damage.offset;
    const mr_log_damage found = {.segment_seq = work->base_seq,
        .offset = damage.offset,
        .bytes = damage.gap.bytes,
        .first = {damage.before.seq},
        .last = {walk->link.seq - 1},
        .loss = MR_LOG_LOSS_END};
    mr_log_damage *place = add_to_report(repair, &found);
    if (place != NULL) {
        explain(repair, place, true);
        work->damages[work->count] = damage;
        work->reported[work->count++] = place;
        work->is_end_taken = true;
    }
    return place != NULL;
}

/** @param until  as of find_whole() */
static void find_damages(struct repair *repair, struct work *work, uint64_t until)
{
    struct mri_damage_walk walk = walk_of(&work->old, work);
    bool is_complete = true;
    while (is_complete && mri_damage_next(&walk, &work->damages[work->count]) == MR_OK) {
        const struct mri_damage *damage = &work->damages[work->count];
        const mr_log_damage found = {.segment_seq = work->base_seq,
            .offset = damage->offset,
            .bytes = damage->gap.bytes,
            .first = {damage->gap.first_seq},
            .last = {damage->gap.last_seq},
            .loss = (mr_log_loss)damage->gap.reason};
        mr_log_damage *place = add_to_report(repair, &found);
        is_complete = place != NULL;
        if (is_complete) {
            explain(repair, place, repair->options->source == NULL || has_copy_of(work, damage));
            work->reported[work->count++] = place;
        }
    }
    is_complete = is_complete && add_end(repair, work, &walk);
    work->is_cut_short = !is_complete;
    set_end(repair, &walk);
    repair->is_end_known = is_complete && (walk.is_over || until == UINT64_MAX);
    if (is_complete &&
        !repair->is_end_known) { /* neither where it ends is left, nor what follows */
        const mr_log_damage found = {.segment_seq = work->base_seq,
            .offset = walk.offset,
            .bytes = repair->manifest.segment_bytes - walk.offset,
            .first = {walk.link.seq},
            .last = {until - 1},
            .loss = MR_LOG_LOSS_FILE};
        mr_log_damage *place = add_to_report(repair, &found);
        if (place != NULL) {
            explain(repair, place, false);
        }
    }
}

/**
 * The whole segment is lost, with its file or within it: can the copy stand for it?
 *
 * @param until  the first event that is there behind it; UINT64_MAX: there is none
 */
static void find_whole(struct repair *repair, struct work *work, mr_log_loss loss, uint64_t until)
{
    struct mri_damage_walk walk;
    bool is_fit = is_good(&work->copy, work, &walk) && is_continuing(repair, &work->copy.head) &&
                  (until == UINT64_MAX || (walk.is_over && walk.link.seq <= until));
    const mr_log_damage found = {.segment_seq = work->base_seq,
        .bytes = repair->manifest.segment_bytes,
        .first = {work->base_seq},
        .last = {is_fit                ? walk.link.seq - 1
                 : until == UINT64_MAX ? work->base_seq - 1
                                       : until - 1},
        .loss = loss};
    mr_log_damage *place = add_to_report(repair, &found);
    work->is_whole = true;
    repair->is_end_known = is_fit && place != NULL;
    if (is_fit) {
        set_end(repair, &walk);
    }
    if (place != NULL) {
        explain(repair, place, is_fit);
        work->reported[work->count++] = place;
    }
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
        if (err == MR_OK && work->is_end_taken && i + 1 == work->count) {
            err = write_zeros(os, fd, end, repair->manifest.segment_bytes);
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
    struct mri_mapped built = {0};
    struct mri_damage damage;
    struct mri_damage_walk unused;
    mr_err err = mri_mapped_file(&repair->files, path, MRI_OPEN_READ, &built);
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
    bool is_right = built.has_head && left >= wanted && (left == wanted || work->is_cut_short) &&
                    (left > 0 || is_good(&built, work, &unused));
    mri_mapped_free(&repair->files, &built);
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
    mri_mapped_free(&repair->files, &work->old);
    mri_mapped_free(&repair->files, &work->copy);
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
    mri_mapped_copy(&repair->files, repair->options->source, base_seq, &work->copy);
    *ret_work = work;
    return MR_OK;
}

/** Map a segment of the log; nothing is mapped where it has no file that is one. */
static mr_err map_own(const struct repair *repair, uint64_t base_seq, struct mri_mapped *ret_mapped)
{
    mr_problem problem = {""};
    mr_err err = mri_mapped_segment(
        &repair->files, repair->folder, base_seq, MRI_OPEN_READ, ret_mapped, &problem);
    return err == MR_OK || err == MR_EPATH ? MR_OK
                                           : mri_problem_pass(repair->problem, err, problem.text);
}

/**
 * The head of a segment of the list, if there is a good one.
 *
 * @param position  where the segment that has it as the next one begins
 * @param ret_is_far  others are missing between them: it is not the next one
 */
static mr_err take_next(const struct repair *repair, size_t index, uint64_t position,
    struct work *work, bool *ret_is_far)
{
    struct mri_mapped mapped = {0};
    *ret_is_far = false;
    if (index >= repair->list.count) {
        return MR_OK;
    }
    mr_err err = map_own(repair, repair->list.base_seqs[index], &mapped);
    if (err == MR_OK && mapped.has_head && mapped.head.base_seq == repair->list.base_seqs[index]) {
        *ret_is_far = mapped.head.base_position != position + repair->manifest.segment_bytes;
        work->next = mapped.head;
        work->has_next = !*ret_is_far;
    }
    mri_mapped_free(&repair->files, &mapped);
    return err;
}

/** The segments that should be before this one are not there: one after the other. */
static mr_err repair_missing(struct repair *repair, size_t index)
{
    uint64_t until = repair->list.base_seqs[index];
    mr_err err = MR_OK;
    while (err == MR_OK && repair->is_end_known && repair->end.seq < until) {
        struct work *work = NULL;
        bool is_far;
        err = new_work(repair, repair->end.seq, &work);
        if (err != MR_OK) {
            return err;
        }
        MRI_ASSERT(work != NULL);
        err = take_next(repair, index, repair->end_position, work, &is_far);
        if (err == MR_OK) {
            find_whole(repair, work, MR_LOG_LOSS_FILE, until);
        }
        err = finish_work(repair, work, err);
    }
    return err;
}

static mr_err repair_segment(struct repair *repair, size_t index)
{
    struct work *work = NULL;
    uint64_t base_seq = repair->list.base_seqs[index];
    bool is_far;
    mr_err err = new_work(repair, base_seq, &work);
    if (err != MR_OK) {
        return err;
    }
    MRI_ASSERT(work != NULL);
    uint64_t until =
        index + 1 < repair->list.count ? repair->list.base_seqs[index + 1] : UINT64_MAX;
    err = map_own(repair, base_seq, &work->old);
    bool is_ours = err == MR_OK && work->old.has_head && work->old.head.base_seq == base_seq;
    if (err == MR_OK) {
        err = take_next(repair, index + 1,
            is_ours ? work->old.head.base_position : work->copy.head.base_position, work, &is_far);
    }
    if (err == MR_OK && is_ours) {
        find_damages(repair, work, until);
    } else if (err == MR_OK) {
        find_whole(
            repair, work, work->old.is_there ? MR_LOG_LOSS_SEGMENT : MR_LOG_LOSS_FILE, until);
    }
    return finish_work(repair, work, err);
}

/** Does the log begin with the segment that MANIFEST says? */
static void begin(struct repair *repair)
{
    const struct mri_manifest_removed *removed = &repair->manifest.removed;
    uint64_t first = removed->last_seq + 1;
    repair->end = (struct mri_record_link){.seq = first, .crc = removed->chain_crc};
    repair->end_position = removed->position;
    repair->end_base = first;
    repair->are_units_unknown = removed->last_seq > 0;
    repair->is_over = true;
    /* An older segment may wait to be removed. */
    repair->is_end_known = repair->list.count == 0 || repair->list.base_seqs[0] >= first;
}

/** Behind the newest segment: take what the copy has there, or say that it is missing. */
static mr_err repair_end(struct repair *repair)
{
    mr_err err = MR_OK;
    bool is_more = repair->options->source != NULL;
    while (err == MR_OK && is_more && repair->is_end_known && repair->is_over) {
        struct work *work = NULL;
        struct mri_damage_walk walk;
        err = new_work(repair, repair->end.seq, &work);
        if (err != MR_OK) {
            return err;
        }
        MRI_ASSERT(work != NULL);
        is_more = is_good(&work->copy, work, &walk) && walk.link.seq > work->base_seq &&
                  is_continuing(repair, &work->copy.head);
        if (is_more) {
            find_whole(repair, work, MR_LOG_LOSS_END, UINT64_MAX);
        }
        err = finish_work(repair, work, err);
    }
    uint64_t lost = err == MR_OK && repair->is_end_known
                        ? mri_known_end_lost(&repair->known_end, repair->os, repair->alloc,
                              repair->folder, repair->end.seq - 1)
                        : 0;
    if (lost > 0) {
        const mr_log_damage found = {.segment_seq = repair->end_base,
            .offset = repair->end_offset,
            .first = {repair->end.seq},
            .last = {lost},
            .loss = MR_LOG_LOSS_END};
        mr_log_damage *place = add_to_report(repair, &found);
        if (place != NULL) {
            explain(repair, place, false);
        }
    }
    return err;
}

static mr_err repair_all(struct repair *repair)
{
    mr_err err = MR_OK;
    begin(repair);
    for (size_t i = 0; i < repair->list.count && err == MR_OK; i++) {
        if (repair->is_end_known && repair->is_over) {
            err = repair_missing(repair, i);
        }
        if (err == MR_OK) {
            err = repair_segment(repair, i);
        }
    }
    return err == MR_OK ? repair_end(repair) : err;
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
    repair.files = (struct mri_mapped_log){.os = os, .alloc = alloc, .manifest = &repair.manifest};
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
        err = mri_known_end_read(os, alloc, folder, repair.manifest.log_uuid, &repair.known_end);
        err = err == MR_OK ? MR_OK
                           : mri_problem(repair.problem, err, "%s: %s", folder, mr_err_text(err));
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
