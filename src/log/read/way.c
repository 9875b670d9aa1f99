/* SPDX-License-Identifier: MIT */
/*
 * Which segments and which ring a reader has before it, and sleeping until there is more.
 *
 * Invariants
 *  1. Segments of the ring that have no file yet are listed behind those that have one; what leaves
 *     the ring has a file, so the ring is looked at first.
 *  2. A reader sleeps on the ring's words when there is a ring, else on changes of the folder,
 * where the file that names a ring appears when somebody opens the log.
 */
#include "log/read/way.h"

#include <string.h>

#include "base/problem.h"
#include "log/meet/control.h"
#include "log/meet/presence.h"

enum { HOT_SEGMENTS_MAX = 130 };

#define BACKSTOP_NS ((int64_t)1000 * 1000 * 1000) /* a wake-up that a killed helper owed */

mr_err mri_way_refuse(const mr_log_reader *reader, mr_problem *problem)
{
    return reader == NULL ? mri_problem(problem, MR_EINVAL, "the reader is missing")
                          : mri_problem(problem, MR_EINVAL, "%s: a reader of the parent process",
                                reader->folder);
}

void mri_way_move_to(mr_log_reader *reader, const struct mri_place *place)
{
    mri_place_close(&reader->at);
    reader->at = *place;
}

size_t mri_way_index_behind(const mr_log_reader *reader, uint64_t seq)
{
    size_t low = 0;
    size_t high = reader->list.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (reader->list.base_seqs[middle] <= seq) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/** The first of the old list that is not there any more, other than the oldest; 0: all are. */
static uint64_t find_gone(const struct mri_segment_list *old, const struct mri_segment_list *list)
{
    size_t at = 0;
    for (size_t i = 0; i < old->count; i++) {
        uint64_t base_seq = old->base_seqs[i];
        while (at < list->count && list->base_seqs[at] < base_seq) {
            at++;
        }
        bool is_there = at < list->count && list->base_seqs[at] == base_seq;
        bool is_removed = list->count > 0 && base_seq < list->base_seqs[0];
        if (!is_there && !is_removed) {
            return base_seq;
        }
    }
    return 0;
}

/** Segments of the ring that have no file yet come behind those that have. */
static mr_err add_hot(struct mri_segment_list *list, const uint64_t *base_seqs, size_t count)
{
    mr_err err = MR_OK;
    for (size_t i = 0; i < count && err == MR_OK; i++) {
        if (list->count == 0 || base_seqs[i] > list->base_seqs[list->count - 1]) {
            err = mri_segment_list_add(list, base_seqs[i]);
        }
    }
    return err;
}

/** The segments of the ring that may have no file. */
static size_t list_hot(const struct mri_hot_view *view, uint64_t base_seqs[static HOT_SEGMENTS_MAX])
{
    struct mri_hot_view_segment segment;
    uint64_t oldest;
    uint64_t newest;
    size_t count = 0;
    if (view->shared == NULL || mri_hot_view_is_closed(view)) {
        return 0;
    }
    mri_hot_view_range(view, &oldest, &newest);
    for (uint64_t index = oldest; index <= newest && count < HOT_SEGMENTS_MAX; index++) {
        if (mri_hot_view_segment(view, index, &segment) == MR_OK) {
            base_seqs[count++] = segment.head.base_seq;
        }
    }
    return count;
}

static mr_err tell_gone(const mr_log_reader *reader, uint64_t gone,
    const struct mri_segment_list *list, size_t hot_count, mr_problem *problem)
{
    char names[2][MRI_SEGMENT_NAME_BYTES];
    const char *newest =
        list->count == 0 ? "none" : mri_segment_name(list->base_seqs[list->count - 1], names[1]);
    return mri_problem(problem, MR_ECORRUPT,
        "%s: %s of the log is gone; of the %zu that are there, with %zu in the ring, the newest is "
        "%s",
        reader->folder, mri_segment_name(gone, names[0]), list->count, hot_count, newest);
}

mr_err mri_way_refresh(mr_log_reader *reader, mr_problem *problem)
{
    struct mri_segment_list list;
    uint64_t hot[HOT_SEGMENTS_MAX];
    size_t hot_count = list_hot(&reader->view, hot); /* first: what leaves the ring has a file */
    mr_err err = mri_segment_list(reader->os, reader->alloc, reader->folder, &list);
    if (err == MR_OK) {
        err = add_hot(&list, hot, hot_count);
        if (err != MR_OK) {
            mri_segment_list_fini(&list);
        }
    }
    if (err != MR_OK) {
        return mri_problem(problem, err, "%s: %s", reader->folder, mr_err_text(err));
    }
    uint64_t gone = find_gone(&reader->list, &list);
    if (gone != 0) {
        err = tell_gone(reader, gone, &list, hot_count, problem);
        mri_segment_list_fini(&list);
        return err;
    }
    mri_segment_list_fini(&reader->list);
    reader->list = list;
    return MR_OK;
}

/** Attach to the ring of this boot; without one, or without a right to it, the files are all. */
static mr_err attach(mr_log_reader *reader, mr_problem *problem)
{
    struct mri_control control;
    char path[MRI_PATH_BYTES_MAX];
    mr_err err = mri_control_read(reader->os, reader->folder, &control);
    if (err == MR_OK &&
        memcmp(control.log_uuid, reader->manifest.log_uuid, sizeof(control.log_uuid)) != 0) {
        err = MR_NOT_FOUND;
    }
    if (err == MR_OK) {
        err = mri_control_path(&control, reader->folder, path);
    }
    if (err == MR_OK) {
        err = mri_hot_view_attach(reader->os, path, &control, &reader->view);
    }
    bool is_none = err == MR_NOT_FOUND || err == MR_ECORRUPT || err == MR_EVERSION ||
                   err == MR_EPATH || err == MR_EACCESS;
    return err == MR_OK || is_none ? MR_OK
                                   : mri_problem(problem, err, "%s/" MRI_CONTROL_NAME ": %s",
                                         reader->folder, mr_err_text(err));
}

mr_err mri_way_follow(mr_log_reader *reader, mr_problem *problem)
{
    mr_err err = MR_OK;
    if (reader->is_in_files) {
        return MR_OK;
    }
    if (reader->view.shared != NULL && mri_hot_view_is_closed(&reader->view)) {
        if (reader->at.bytes != NULL && reader->at.form == MRI_PLACE_HOT) {
            err = mri_place_cool(&reader->at, problem);
        }
        if (err != MR_OK) {
            return err;
        }
        if (reader->wake != NULL) {
            err = mri_wake_fd_arm(reader->wake, NULL); /* it looks at the ring */
        }
        if (err != MR_OK) {
            return err;
        }
        mri_hot_view_detach(reader->os, &reader->view);
    }
    if (reader->view.shared == NULL) {
        err = attach(reader, problem);
    }
    if (err == MR_OK && reader->view.shared != NULL && reader->at.bytes != NULL) {
        err = mri_place_heat(&reader->at, problem);
    }
    return err == MR_NOT_FOUND ? MR_OK : err;
}

/* ---- sleeping -------------------------------------------------------------------------------- */

/** Sleep beside the ring until the mark that matters has moved, or for a time. */
static mr_err wait_hot(mr_log_reader *reader, uint32_t bits, int64_t timeout_ns)
{
    const struct mri_hot_view *view = &reader->view;
    if (reader->is_durable) {
        return mri_hot_view_wait_durable(view, reader->limit_seq, timeout_ns);
    }
    mr_err err = mri_hot_view_wait(view, reader->seen_position, bits, timeout_ns);
    if (err == MR_OK) {
        reader->seen_position = mri_hot_view_tail(view);
    }
    return err;
}

static mr_err wait_for(mr_log_reader *reader, uint32_t bits, int64_t timeout_ms)
{
    const struct mri_os *os = reader->os;
    bool is_endless = timeout_ms < 0 || timeout_ms > INT64_MAX / 1000000;
    int64_t timeout_ns = is_endless ? INT64_MAX : timeout_ms * 1000000;
    if (reader->view.shared != NULL) {
        mr_err err = MR_AGAIN;
        while (err == MR_AGAIN && timeout_ns > 0) {
            int64_t step = timeout_ns < BACKSTOP_NS ? timeout_ns : BACKSTOP_NS;
            err = wait_hot(reader, bits, step);
            timeout_ns -= step;
        }
        return err;
    }
    if (reader->watch_fd < 0) {
        /* What changed before the watch began is found by looking again, so answer at once. */
        return os->watch(os->context, reader->folder, &reader->watch_fd);
    }
    return os->wait_change(os->context, reader->watch_fd, is_endless ? -1 : timeout_ns);
}

mr_err mr_log_reader_wait(mr_log_reader *reader, int64_t timeout_ms)
{
    if (!mri_way_is_usable(reader)) {
        return mri_way_refuse(reader, NULL);
    }
    return wait_for(reader, MRI_HOT_BITS_ALL, timeout_ms);
}

mr_err mr_log_reader_wait_for(
    mr_log_reader *reader, const uint32_t *subject_ids, size_t count, int64_t timeout_ms)
{
    uint32_t bits = 0;
    if (!mri_way_is_usable(reader)) {
        return mri_way_refuse(reader, NULL);
    }
    if (subject_ids == NULL || count == 0) {
        return MR_EINVAL;
    }
    for (size_t i = 0; i < count; i++) {
        bits |= mri_hot_view_bit_of(subject_ids[i]);
    }
    return wait_for(reader, bits, timeout_ms);
}

/* ---- polling --------------------------------------------------------------------------------- */

/** Be woken by the folder: a ring may appear. */
static mr_err arm_folder(mr_log_reader *reader)
{
    const struct mri_os *os = reader->os;
    mr_err err = MR_OK;
    if (reader->watch_fd < 0) {
        err = os->watch(os->context, reader->folder, &reader->watch_fd);
        err = err == MR_OK ? mri_wake_fd_watch(reader->wake, reader->watch_fd) : err;
        return err == MR_OK ? MR_AGAIN : err; /* what came before the watch is found by looking */
    }
    while (err == MR_OK) {
        err = os->wait_change(os->context, reader->watch_fd, 0); /* what was told so far */
    }
    return err == MR_AGAIN ? mri_wake_fd_arm(reader->wake, NULL) : err;
}

mr_err mr_log_reader_poll_arm(mr_log_reader *reader, mr_problem *reterr_problem)
{
    struct mri_hot_view_sleep sleep;
    if (!mri_way_is_usable(reader)) {
        return mri_way_refuse(reader, reterr_problem);
    }
    if (reader->wake == NULL) {
        return MR_EINVAL;
    }
    mr_err err = mri_way_follow(reader, reterr_problem);
    if (err == MR_OK && reader->view.shared == NULL) {
        err = arm_folder(reader);
    } else if (err == MR_OK) {
        err = mri_hot_view_prepare(&reader->view, reader->is_durable,
            reader->is_durable ? reader->limit_seq : reader->seen_position, &sleep);
        const struct mri_wake_fd_word word = {sleep.word, sleep.seen, MRI_HOT_BITS_ALL};
        err = err == MR_OK ? mri_wake_fd_arm(reader->wake, &word) : err;
    }
    return err >= MR_OK
               ? err
               : mri_problem(reterr_problem, err, "%s: %s", reader->folder, mr_err_text(err));
}

mr_err mr_log_reader_poll_fd(mr_log_reader *reader, int *ret_fd, mr_problem *reterr_problem)
{
    if (!mri_way_is_usable(reader)) {
        return mri_way_refuse(reader, reterr_problem);
    }
    if (ret_fd == NULL) {
        return MR_EINVAL;
    }
    if (reader->wake == NULL) {
        mr_err err = mri_wake_fd_open(MRI_WAKE_FD_RING, &reader->wake);
        if (err != MR_OK) {
            reader->wake = NULL;
            return mri_problem(reterr_problem, err, "%s: %s", reader->folder, mr_err_text(err));
        }
    }
    *ret_fd = mri_wake_fd_get(reader->wake);
    return MR_OK;
}
