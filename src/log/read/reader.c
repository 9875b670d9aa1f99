/* SPDX-License-Identifier: MIT */
/*
 * Reading a log in both directions, one segment at a time.
 *
 *   events      1   2   3   4
 *             |   |   |   |   |     the reader stands between two events: next hands out the one
 *                     ^             behind it, previous the one before it
 *
 * Invariants
 *  1. What does not check behind the last complete batch is no damage while it can be a write under
 *     way: it is damage when a newer segment exists, or when a later record of the same segment
 *     says that it was durable. Both are looked at after the bad bytes, and the writer may have
 *     gone on in between, so before it is called damage it is read once more.
 *  2. ROLL is not handed out: it only leads to the next segment, which must continue the chain. A
 *     GAP is handed out in place of the events that it says are lost.
 *  3. One segment is held at a time (two while one is left for the other), so memory does not grow
 *     with the log. The place in the log changes only when everything has succeeded: after a fault
 *     the reader stands where it stood.
 *  4. The oldest segments may go while the log is read, and a segment may turn into its archive; a
 *     gap between segments is damage.
 *  5. While processes append, the newest segments are read out of the ring that they share; a
 * reader that stands at its end looks at nothing else. When the last of them has left, the file
 * holds the same.
 *
 * Not here: which segments and which ring there are (way.c), going somewhere (seek.c), the inside
 * of a segment (place.c).
 */
#include "log/read/reader.h"

#include <stdio.h>
#include <string.h>

#include "base/problem.h"
#include "log/meet/presence.h"
#include "log/read/way.h"
#include "millrace/log_admin.h"
#include "os/futex.h"

/* ---- the beginning --------------------------------------------------------------------------- */

/** Go to the first segment; MR_END while there is none. */
static mr_err open_first(mr_log_reader *reader, mr_problem *problem)
{
    struct mri_place place;
    mr_err err = mri_way_follow(reader, problem);
    if (err == MR_OK) {
        err = mri_way_refresh(reader, problem);
    }
    if (err == MR_OK && reader->list.count == 0) {
        err = MR_END;
    }
    if (err == MR_OK) {
        /* Read again: its beginning may have been removed since the manifest was read. */
        err = mri_manifest_read(reader->os, reader->folder, &reader->manifest, problem);
    }
    if (err == MR_OK) {
        err = mri_manifest_check_first(
            &reader->manifest, reader->folder, reader->list.base_seqs[0], problem);
    }
    if (err == MR_OK) {
        err = mri_place_open(&reader->source, reader->list.base_seqs[0], &place, problem);
    }
    if (err == MR_OK) {
        mri_way_move_to(reader, &place);
    }
    return err;
}

/**
 * Stand at the beginning, as far as that is cheap: an archive is unpacked when it is read, since
 * most readers go somewhere else at once.
 */
static mr_err begin(mr_log_reader *reader, mr_problem *problem)
{
    struct mri_segment_head head;
    mr_err err = mri_way_follow(reader, problem);
    if (err == MR_OK) {
        err = mri_way_refresh(reader, problem);
    }
    if (err != MR_OK || reader->list.count == 0) {
        return err; /* the writer makes the first segment last */
    }
    bool is_plain;
    uint64_t first = reader->list.base_seqs[0];
    err = mri_place_is_plain(&reader->source, first, &is_plain);
    if (err != MR_OK) {
        return mri_problem(problem, err, "%s: %s", reader->folder, mr_err_text(err));
    }
    return is_plain ? open_first(reader, problem)
                    : mri_place_read_head(&reader->source, first, &head, problem);
}

mr_err mri_reader_open_with(const struct mri_os *os, const struct mri_alloc *alloc,
    const char *folder, const mr_log_read_options *options, mr_log_reader **ret_reader,
    mr_problem *reterr_problem)
{
    void *block;
    mr_err err = mri_fork_watch();
    if (err == MR_OK) {
        err = mri_alloc_array(alloc, 1, sizeof(mr_log_reader), &block);
    }
    if (err != MR_OK) {
        return mri_problem(reterr_problem, err, "%s", mr_err_text(err));
    }
    mr_log_reader *reader = block;
    *reader = (mr_log_reader){.magic = MRI_READER_MAGIC,
        .fork_count = mri_fork_count(),
        .os = os,
        .alloc = alloc,
        .watch_fd = -1};
    reader->source = (struct mri_place_source){
        .os = os,
        .alloc = alloc,
        .folder = reader->folder,
        .manifest = &reader->manifest,
        .view = &reader->view,
        .is_copying = options != NULL && options->is_copying,
    };
    reader->is_in_files = options != NULL && options->is_in_files;
    reader->is_durable = options != NULL && options->is_durable;
    int count = snprintf(reader->folder, sizeof(reader->folder), "%s", folder);
    if (count < 0 || count >= (int)sizeof(reader->folder)) {
        err = mri_problem(reterr_problem, MR_EINVAL, "the path of the log is too long");
    }
    if (err == MR_OK) {
        err = mri_manifest_read(os, folder, &reader->manifest, reterr_problem);
    }
    if (err == MR_OK) {
        err = begin(reader, reterr_problem);
    }
    if (err != MR_OK) {
        mr_log_reader_close(reader);
        return err;
    }
    *ret_reader = reader;
    return MR_OK;
}

mr_err mri_reader_open(const struct mri_os *os, const struct mri_alloc *alloc, const char *folder,
    mr_log_reader **ret_reader, mr_problem *reterr_problem)
{
    return mri_reader_open_with(os, alloc, folder, NULL, ret_reader, reterr_problem);
}

mr_err mr_log_reader_open(
    const char *folder, mr_log_reader **ret_reader, mr_problem *reterr_problem)
{
    return mr_log_reader_open_with(folder, NULL, ret_reader, reterr_problem);
}

mr_err mr_log_reader_open_with(const char *folder, const mr_log_read_options *options,
    mr_log_reader **ret_reader, mr_problem *reterr_problem)
{
    if (folder == NULL || ret_reader == NULL) {
        return MR_EINVAL;
    }
    return mri_reader_open_with(
        mri_os_linux(), mri_alloc_system(), folder, options, ret_reader, reterr_problem);
}

/* All segments have the same length, so the newest one's position says how many lie before it. */
mr_err mri_reader_check_count(const mr_log_reader *reader, mr_problem *reterr_problem)
{
    MRI_ASSERT(reader->magic == MRI_READER_MAGIC);
    struct mri_segment_head oldest;
    struct mri_segment_head newest;
    if (reader->list.count < 2) {
        return MR_OK;
    }
    size_t behind = reader->list.count - 1;
    uint64_t newest_seq = reader->list.base_seqs[behind];
    mr_err err =
        mri_place_read_head(&reader->source, reader->list.base_seqs[0], &oldest, reterr_problem);
    if (err == MR_OK) {
        err = mri_place_read_head(&reader->source, newest_seq, &newest, reterr_problem);
    }
    if (err != MR_OK) {
        return err;
    }
    char names[2][MRI_SEGMENT_NAME_BYTES];
    uint64_t bytes = newest.base_position - oldest.base_position;
    return bytes == behind * reader->manifest.segment_bytes
               ? MR_OK
               : mri_problem(reterr_problem, MR_ECORRUPT,
                     "%s: a segment is missing between %s and %s", reader->folder,
                     mri_segment_name(oldest.base_seq, names[0]),
                     mri_segment_name(newest.base_seq, names[1]));
}

/* ---- forwards -------------------------------------------------------------------------------- */

/** Behind ROLL: go on in the next segment, which must continue where this one ended. */
static mr_err enter_next(mr_log_reader *reader, uint64_t base_seq, mr_problem *problem)
{
    struct mri_place next;
    mr_err err = mri_place_open(&reader->source, base_seq, &next, problem);
    if (err != MR_OK) {
        return err;
    }
    err = mri_place_check_next(&reader->at, &next, problem);
    if (err != MR_OK) {
        mri_place_close(&next);
        return err;
    }
    mri_way_move_to(reader, &next);
    return MR_OK;
}

/** Nothing good follows in this segment: is that the end, a write under way, or damage? */
static mr_err judge_end(mr_log_reader *reader, mr_problem *problem)
{
    struct mri_place *at = &reader->at;
    enum mri_place_rest rest;
    if (mri_place_is_at_tail(at)) {
        reader->tail = MR_LOG_TAIL_CLEAN;
        reader->seen_position = at->segment.base_position + at->visible_end;
        mri_futex_pause(); /* the caller may ask without rest, and would slow down who appends */
        return MR_END;
    }
    if (at->form == MRI_PLACE_HOT && mri_place_find_batch(at) == MR_OK) {
        return MR_OK; /* it came between the two looks, which no folder needs to explain */
    }
    enum mri_place_form form = at->form;
    mr_err err = mri_way_follow(reader, problem);
    if (err == MR_OK && at->form != form) {
        return MR_OK; /* look again, in the ring or in the file */
    }
    if (err == MR_OK) {
        err = mri_way_refresh(reader, problem);
    }
    if (err == MR_OK && at->bytes_count < at->segment.segment_bytes) {
        err = mri_place_grow(at, problem);
        if (err == MR_OK) {
            return MR_OK;
        }
        err = err == MR_END ? MR_OK : err;
    }
    if (err != MR_OK) {
        return err;
    }
    size_t next = mri_way_index_behind(reader, at->segment.base_seq);
    bool has_next = next < reader->list.count;
    if (has_next && at->is_rolled) {
        return enter_next(reader, reader->list.base_seqs[next], problem);
    }
    err = mri_place_look_ahead(at, &rest);
    if (err != MR_OK) {
        return mri_place_fault(at, err, problem);
    }
    reader->tail = rest == MRI_PLACE_REST_ZERO ? MR_LOG_TAIL_CLEAN : MR_LOG_TAIL_TORN;
    if (!has_next && rest != MRI_PLACE_REST_CLAIMED) {
        return MR_END;
    }
    return mri_place_recheck(at, problem);
}

/** May the event at the place be handed out, or is it not durable yet? */
static mr_err check_durable(mr_log_reader *reader, uint64_t seq, mr_problem *problem)
{
    if (!reader->is_durable || seq <= reader->limit_seq) {
        return MR_OK;
    }
    mr_err err = mri_way_follow(reader, problem);
    if (err != MR_OK) {
        return err;
    }
    if (reader->view.shared != NULL) {
        reader->limit_seq = mri_hot_view_durable_seq(&reader->view);
    } else { /* nobody appends: what the file has shown so far is made durable here */
        err = mri_place_sync(&reader->at, problem);
        reader->limit_seq = err == MR_OK ? reader->at.check.seq - 1 : reader->limit_seq;
    }
    return err != MR_OK ? err : seq <= reader->limit_seq ? MR_OK : MR_END;
}

/** Hand out the event at the place, and remember what names it. */
static void hand_out(mr_log_reader *reader, mr_log_event *ret_event)
{
    uint64_t claim = mri_place_event(&reader->at, ret_event);
    if (!mri_place_has_record(&reader->at, true)) {
        return; /* what has no seq of its own has no token */
    }
    uint64_t before = reader->at.segment.base_seq - 1; /* durable before the segment had a name */
    claim = claim > before ? claim : before;
    claim = claim > reader->token.synced_seq ? claim : reader->token.synced_seq;
    reader->token = (mr_log_token){
        .seq = ret_event->seq.n,
        .synced_seq = claim,
        .writer_epoch = ret_event->writer_epoch,
        .chain_crc = ret_event->chain_crc,
    };
}

mr_err mr_log_reader_next(
    mr_log_reader *reader, mr_log_event *ret_event, mr_problem *reterr_problem)
{
    if (!mri_way_is_usable(reader)) {
        return mri_way_refuse(reader, reterr_problem);
    }
    if (ret_event == NULL) {
        return mri_problem(reterr_problem, MR_EINVAL, "where to put the event is missing");
    }
    if (reader->at.bytes == NULL) { /* nothing was held yet: see begin() */
        mr_err err = open_first(reader, reterr_problem);
        if (err != MR_OK) {
            return err;
        }
    }
    while (!mri_place_has_record(&reader->at, !reader->is_whole)) {
        mr_err err = MR_OK;
        if (reader->at.offset < reader->at.visible_end) {
            mri_place_step(&reader->at); /* ROLL or SEAL */
            continue;
        }
        err = mri_place_find_batch(&reader->at);
        if (err == MR_END) {
            err = judge_end(reader, reterr_problem);
        } else if (err == MR_EPATH && reader->at.form == MRI_PLACE_HOT) {
            err = mri_place_cool(&reader->at, reterr_problem); /* left behind, and archived */
        } else if (err != MR_OK) {
            (void)mri_place_fault(&reader->at, err, reterr_problem);
        }
        if (err != MR_OK) {
            return err;
        }
    }
    mr_err err = check_durable(reader, mri_place_seq(&reader->at), reterr_problem);
    if (err == MR_OK) {
        hand_out(reader, ret_event);
        mri_place_step(&reader->at);
    }
    return err;
}

/* ---- backwards ------------------------------------------------------------------------------- */

/** Hold the segment before, checked to its end, which this one must continue. */
static mr_err open_before(
    mr_log_reader *reader, uint64_t base_seq, struct mri_place *ret_place, mr_problem *problem)
{
    struct mri_place before;
    mr_err err = mri_place_open(&reader->source, base_seq, &before, problem);
    if (err != MR_OK) {
        return err;
    }
    while (err == MR_OK && !before.is_rolled) {
        err = mri_place_find_batch(&before);
    }
    if (err == MR_END) {
        err = mri_place_damage(&before, problem); /* it has a successor, so it must be whole */
    } else if (err != MR_OK) {
        (void)mri_place_fault(&before, err, problem);
    } else {
        err = mri_place_check_next(&before, &reader->at, problem);
    }
    if (err != MR_OK) {
        mri_place_close(&before);
        return err;
    }
    before.offset = before.visible_end;
    *ret_place = before;
    return MR_OK;
}

/** Before the first event of a segment: go to the end of the one before; MR_END there is none. */
static mr_err enter_before(mr_log_reader *reader, mr_problem *problem)
{
    struct mri_place before;
    uint64_t base_seq = reader->at.segment.base_seq;
    mr_err err = mri_way_refresh(reader, problem);
    if (err != MR_OK) {
        return err;
    }
    size_t index = mri_way_index_behind(reader, base_seq - 1);
    if (index == 0) {
        return MR_END;
    }
    err = open_before(reader, reader->list.base_seqs[index - 1], &before, problem);
    if (err == MR_OK) {
        mri_way_move_to(reader, &before);
    }
    return err;
}

mr_err mr_log_reader_previous(
    mr_log_reader *reader, mr_log_event *ret_event, mr_problem *reterr_problem)
{
    if (!mri_way_is_usable(reader)) {
        return mri_way_refuse(reader, reterr_problem);
    }
    if (ret_event == NULL) {
        return mri_problem(reterr_problem, MR_EINVAL, "where to put the event is missing");
    }
    if (reader->at.bytes == NULL) {
        return MR_END;
    }
    do {
        mr_err err = MR_OK;
        while (err == MR_OK && !mri_place_step_back(&reader->at)) {
            err = enter_before(reader, reterr_problem);
        }
        if (err != MR_OK) {
            return err;
        }
    } while (!mri_place_has_record(&reader->at, !reader->is_whole));
    hand_out(reader, ret_event);
    return MR_OK;
}

/* ---- the rest -------------------------------------------------------------------------------- */

mr_log_token mr_log_reader_token(const mr_log_reader *reader)
{
    MRI_ASSERT(reader == NULL || reader->magic == MRI_READER_MAGIC);
    return reader == NULL ? (mr_log_token){0} : reader->token;
}

mr_log_tail mr_log_reader_tail(const mr_log_reader *reader)
{
    MRI_ASSERT(reader == NULL || reader->magic == MRI_READER_MAGIC);
    return reader == NULL ? MR_LOG_TAIL_CLEAN : reader->tail;
}

const char *mr_log_reader_attribute(const mr_log_reader *reader, const char *key)
{
    MRI_ASSERT(reader == NULL || reader->magic == MRI_READER_MAGIC);
    return reader == NULL || key == NULL ? NULL : mri_manifest_get(&reader->manifest, key);
}

mr_err mr_log_reader_writer(const mr_log_reader *reader, uint32_t *ret_process_id)
{
    uint32_t unasked;
    if (!mri_way_is_usable(reader)) {
        return mri_way_refuse(reader, NULL);
    }
    return mri_presence_find(
        reader->os, reader->folder, ret_process_id == NULL ? &unasked : ret_process_id);
}

bool mri_reader_is_of(const mr_log_reader *reader, const uint8_t *log_uuid)
{
    MRI_ASSERT(reader->magic == MRI_READER_MAGIC);
    return memcmp(reader->manifest.log_uuid, log_uuid, sizeof(reader->manifest.log_uuid)) == 0;
}

void mri_reader_show_all(mr_log_reader *reader)
{
    MRI_ASSERT(reader->magic == MRI_READER_MAGIC);
    reader->is_whole = true;
}

const struct mri_segment_head *mri_reader_segment(const mr_log_reader *reader)
{
    MRI_ASSERT(reader->magic == MRI_READER_MAGIC);
    return reader->at.bytes == NULL ? NULL : &reader->at.segment;
}

uint64_t mri_reader_place(const mr_log_reader *reader, const char **ret_name)
{
    *ret_name = reader->at.name;
    return reader->at.offset;
}

bool mr_log_event_gap(const mr_log_event *event, mr_log_gap *ret_gap)
{
    if (event == NULL || event->type != MRI_RECORD_GAP) {
        return false;
    }
    if (ret_gap == NULL) {
        return true;
    }
    const struct mri_gap gap = mri_record_gap(mri_reader_record(event));
    *ret_gap = (mr_log_gap){.first = {gap.first_seq},
        .last = {gap.last_seq},
        .bytes = gap.bytes,
        .loss = (mr_log_loss)gap.reason};
    return true;
}

void mr_log_reader_close(mr_log_reader *reader)
{
    if (reader == NULL) {
        return;
    }
    MRI_ASSERT(reader->magic == MRI_READER_MAGIC);
    mri_place_close(&reader->at);
    mri_wake_fd_close(reader->wake); /* it looks at the ring */
    mri_hot_view_detach(reader->os, &reader->view);
    mri_segment_list_fini(&reader->list);
    if (reader->watch_fd >= 0) {
        reader->os->close(reader->os->context, reader->watch_fd);
    }
    reader->magic = 0;
    mri_alloc_free(reader->alloc, reader, sizeof(*reader));
}
