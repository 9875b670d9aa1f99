/* SPDX-License-Identifier: MIT */
/*
 * The tables of producers and message ids, made from the log.
 *
 *   file `producers` ---- up to event S -----.
 *   segments            events behind S ------+--> tables
 *
 * Invariants
 *  1. The file is used only when the event that it names is in the log, with that checksum: then
 *     all events before it are the same, too. Where S is the last event that was removed nothing is
 *     left to compare; segments are removed only when a file goes that far (retain.c).
 *  2. A file includes only events that are durable, so that no power cut makes it say more than the
 *     log.
 *  3. What can be known is known: without a file every event is read, around those that are
 *     damaged. What cannot is said: removed events count as lost only when the head of the first
 *     segment says that some before it had a producer or a message id.
 */
#include "log/open/dedupe_rebuild.h"

#include <string.h>

#include "base/problem.h"
#include "log/hot/hot_shared.h"
#include "log/read/place.h"
#include "log/read/reader.h"

enum { SEGMENTS_BEHIND_MAX = 4 }; /* while the log is busy */
enum { PRODUCERS_FIRST = 4096, PRODUCERS_STEP = 16 };
MRI_STATIC_ASSERT(
    PRODUCERS_FIRST *PRODUCERS_STEP *PRODUCERS_STEP == MRI_DEDUPE_PRODUCERS_MAX, "the last step");

/** One rebuild. */
struct rebuild {
    const struct mri_dedupe_source *source;
    struct mri_dedupe_built *built;
    struct mri_segment_list list;
    mr_log_reader *reader;
    mr_problem *problem;
};

static mr_err note_event(struct rebuild *rebuild, const mr_log_event *event)
{
    struct mri_dedupe_built *built = rebuild->built;
    if (event->type == MRI_RECORD_GAP) {
        return MR_OK; /* its producer fields mean something else, and it names no event */
    }
    const struct mri_dedupe_record record = {.seq = event->seq.n,
        .producer_id = event->producer_id,
        .producer_seq = event->producer_seq,
        .message_id = event->message_id};
    built->place.seq = event->seq.n;
    built->place.chain_crc = event->chain_crc;
    return mri_dedupe_note(&built->dedupe, &record);
}

/** Events of one segment from a seq on; MR_END: the log ends here. */
static mr_err scan_segment(struct rebuild *rebuild, uint64_t from, uint64_t end)
{
    mr_log_event event;
    mr_err err = mr_log_reader_seek(rebuild->reader, (mr_seq){from}, rebuild->problem);
    while (err == MR_OK) {
        err = mr_log_reader_next(rebuild->reader, &event, rebuild->problem);
        if (err == MR_OK && event.seq.n >= end) {
            return MR_OK;
        }
        if (err == MR_OK) {
            err = note_event(rebuild, &event);
        }
    }
    return err == MR_NOT_FOUND ? MR_END : err;
}

static bool is_damage(mr_err err)
{
    return err == MR_ECORRUPT || err == MR_EPATH || err == MR_REWOUND;
}

/** All events from a seq on; damaged ones are passed by, and said. */
static mr_err scan(struct rebuild *rebuild, uint64_t from)
{
    const struct mri_segment_list *list = &rebuild->list;
    uint64_t limit = rebuild->source->limit_seq == 0 ? UINT64_MAX : rebuild->source->limit_seq;
    mr_err err = MR_OK;
    for (size_t i = 0; i < list->count && err == MR_OK; i++) {
        uint64_t begin = list->base_seqs[i] > from ? list->base_seqs[i] : from;
        uint64_t end = i + 1 < list->count ? list->base_seqs[i + 1] : UINT64_MAX;
        end = end < limit ? end : limit;
        if (begin >= end) {
            continue;
        }
        err = scan_segment(rebuild, begin, end);
        if (is_damage(err)) {
            rebuild->built->dedupe.head->is_incomplete = 1;
            rebuild->problem->text[0] = '\0';
            err = MR_OK;
        }
    }
    return err == MR_END ? MR_OK : err;
}

/** Is the event that the file names in the log? MR_NOT_FOUND: it is not, or is another one. */
static mr_err check_history(struct rebuild *rebuild, const struct mri_dedupe_file_head *head)
{
    mr_log_event event;
    if (rebuild->list.count == 0 || head->seq + 1 < rebuild->list.base_seqs[0]) {
        return MR_NOT_FOUND;
    }
    if (head->seq + 1 == rebuild->list.base_seqs[0]) {
        return MR_OK; /* invariant 1 */
    }
    mr_err err = mr_log_reader_seek(rebuild->reader, (mr_seq){head->seq}, rebuild->problem);
    if (err == MR_OK) {
        err = mr_log_reader_next(rebuild->reader, &event, rebuild->problem);
    }
    if (is_damage(err) || err == MR_END) {
        rebuild->problem->text[0] = '\0';
        return MR_NOT_FOUND;
    }
    bool is_same = err == MR_OK && event.seq.n == head->seq && event.chain_crc == head->chain_crc;
    return err != MR_OK || is_same ? err : MR_NOT_FOUND;
}

/** Take what the file says, if it may be believed; *ret_from is the first event to read then. */
static mr_err take_file(struct rebuild *rebuild, uint64_t *ret_from)
{
    const struct mri_dedupe_source *source = rebuild->source;
    struct mri_dedupe_built *built = rebuild->built;
    struct mri_dedupe_file file = {0};
    mr_err err = mri_dedupe_file_read(
        source->os, source->alloc, source->folder, source->manifest->log_uuid, &file);
    if (err == MR_OK) {
        bool has_ids = file.head->ids_max >= built->dedupe.limits.ids ||
                       file.head->id_count < file.head->ids_max;
        err = has_ids ? check_history(rebuild, file.head) : MR_NOT_FOUND;
    }
    if (err == MR_OK) {
        err = mri_dedupe_file_put(&file, &built->dedupe);
        built->kept_seq = file.head->seq;
        built->place.seq = file.head->seq;
        built->place.chain_crc = file.head->chain_crc;
        *ret_from = file.head->seq + 1;
    }
    mri_dedupe_file_fini(&file);
    return err == MR_NOT_FOUND || err == MR_ECORRUPT || err == MR_EVERSION ? MR_OK : err;
}

/** Without a file: were there producers in what was removed? */
static mr_err look_at_removed(struct rebuild *rebuild)
{
    const struct mri_dedupe_source *source = rebuild->source;
    const struct mri_place_source place = {.os = source->os,
        .alloc = source->alloc,
        .folder = source->folder,
        .manifest = source->manifest};
    struct mri_segment_head head;
    if (rebuild->list.count == 0) {
        return MR_OK;
    }
    mr_err err = mri_place_read_head(&place, rebuild->list.base_seqs[0], &head, rebuild->problem);
    bool is_unknown = is_damage(err) && rebuild->list.base_seqs[0] > 1;
    if (is_damage(err)) {
        rebuild->problem->text[0] = '\0';
        err = MR_OK;
    } else if (err == MR_OK) {
        is_unknown = (head.features_compat & MRI_FEATURE_COMPAT_IDENTIFIED) != 0;
    }
    rebuild->built->dedupe.head->is_incomplete = is_unknown;
    return err;
}

static mr_err fill(struct rebuild *rebuild)
{
    const struct mri_dedupe_source *source = rebuild->source;
    const mr_log_read_options options = {
        .is_durable = source->is_durable, .is_in_files = !source->is_durable};
    uint64_t from = 0;
    mr_err err = mri_segment_list(source->os, source->alloc, source->folder, &rebuild->list);
    if (err == MR_OK) {
        err = mri_reader_open_with(source->os, source->alloc, source->folder, &options,
            &rebuild->reader, rebuild->problem);
    }
    if (err == MR_OK) {
        err = take_file(rebuild, &from);
    }
    if (err == MR_OK && from == 0) {
        err = look_at_removed(rebuild);
    }
    if (err == MR_OK) {
        err = scan(rebuild, from);
    }
    mr_log_reader_close(rebuild->reader);
    mri_segment_list_fini(&rebuild->list);
    return err;
}

/** MR_FULL: the limits are too small. */
static mr_err build(const struct mri_dedupe_source *source, struct mri_dedupe_limits limits,
    struct mri_dedupe_built *ret_built, mr_problem *problem)
{
    mr_problem own = {""};
    struct mri_dedupe_built built = {.alloc = source->alloc, .bytes = mri_dedupe_bytes(limits)};
    struct rebuild rebuild = {.source = source, .built = &built, .problem = &own};
    *ret_built = (struct mri_dedupe_built){0};
    mr_err err = mri_alloc_array(source->alloc, built.bytes, 1, &built.memory);
    if (err == MR_OK) {
        memcpy(built.place.log_uuid, source->manifest->log_uuid, sizeof(built.place.log_uuid));
        built.dedupe = mri_dedupe_at(built.memory, limits);
        err = fill(&rebuild);
    }
    if (err == MR_OK) {
        *ret_built = built;
        return MR_OK;
    }
    mri_dedupe_rebuild_fini(&built);
    return own.text[0] != '\0' ? mri_problem(problem, err, "%s", own.text)
                               : mri_problem(problem, err, "%s/" MRI_DEDUPE_FILE_NAME ": %s",
                                     source->folder, mr_err_text(err));
}

mr_err mri_dedupe_rebuild(const struct mri_dedupe_source *source, struct mri_dedupe_limits limits,
    struct mri_dedupe_built *ret_built, mr_problem *problem)
{
    *ret_built = (struct mri_dedupe_built){0};
    if (limits.producers == 0) {
        return MR_OK;
    }
    mr_err err = build(source, limits, ret_built, problem);
    return err != MR_FULL ? err
                          : mri_problem(problem, MR_EINVAL,
                                "%s: the log has more than %u producers: open it with a larger "
                                "producers_max",
                                source->folder, (unsigned)limits.producers);
}

void mri_dedupe_rebuild_fini(struct mri_dedupe_built *built)
{
    if (built->memory != NULL) {
        mri_alloc_free(built->alloc, built->memory, built->bytes);
    }
    *built = (struct mri_dedupe_built){0};
}

mr_err mri_dedupe_rebuild_file(
    const struct mri_dedupe_source *source, uint32_t ids, mr_problem *problem)
{
    struct mri_dedupe_built built = {0};
    struct mri_dedupe_limits limits = {.producers = PRODUCERS_FIRST, .ids = ids};
    mr_err err = build(source, limits, &built, problem);
    while (err == MR_FULL && limits.producers < MRI_DEDUPE_PRODUCERS_MAX) {
        limits.producers *= PRODUCERS_STEP;
        err = build(source, limits, &built, problem);
    }
    if (err == MR_OK && built.place.seq > built.kept_seq) {
        err = mri_dedupe_file_write(
            source->os, source->alloc, source->folder, &built.dedupe, &built.place);
        err = err == MR_OK ? MR_OK
                           : mri_problem(problem, err, "%s/" MRI_DEDUPE_FILE_NAME ": %s",
                                 source->folder, mr_err_text(err));
    }
    mri_dedupe_rebuild_fini(&built);
    return err == MR_FULL ? MR_EINTERNAL : err; /* no log could get so many */
}

void mri_dedupe_rebuild_help(
    struct mri_hot_tail *hot, const struct mri_dedupe_source *source, bool is_idle)
{
    struct mri_hot_shared *shared = hot->shared;
    mr_problem problem;
    uint64_t index = mri_hot_index_of(hot, atomic_load(&shared->tail));
    uint64_t behind = index - atomic_load(&shared->producers_index);
    if (behind == 0 || (!is_idle && behind < SEGMENTS_BEHIND_MAX) ||
        !mri_dedupe_is_used(&hot->dedupe) ||
        mri_hot_take(hot, &shared->producers_lock, true) != MR_OK) {
        return;
    }
    if (index > atomic_load(&shared->producers_index)) { /* else: somebody else has just done it */
        (void)mri_dedupe_rebuild_file(
            source, hot->dedupe.limits.ids, &problem); /* the next one tries again */
        atomic_store(&shared->producers_index, index);
    }
    mri_robust_lock_give(&shared->producers_lock);
}
