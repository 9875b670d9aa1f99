/* SPDX-License-Identifier: MIT */
/*
 * Going somewhere in a log: to a number, to the end, to a time, back to a token.
 *
 * Invariants
 *  1. One segment is checked from its front, so what is handed out afterwards is checked, however
 *     the reader came there.
 *  2. The reader moves when everything has succeeded, else it stands where it stood.
 *  3. A token is good only for the very event it names. When it is not, the history differs from
 *     the first event of another epoch behind what the token knows to be durable: after a cut the
 *     next writer has a new epoch, and begins to write where the cut is.
 */
#include "base/problem.h"
#include "log/read/way.h"
#include "millrace/log_admin.h"

/** A place under way: the reader's own, or another segment. */
struct leg {
    struct mri_place place;
    bool is_own; /**< it shares what the reader holds */
};

/** What is there now, in the ring and in the folder? */
static mr_err look(mr_log_reader *reader, mr_problem *problem)
{
    mr_err err = mri_way_follow(reader, problem);
    return err == MR_OK ? mri_way_refresh(reader, problem) : err;
}

static void leave(struct leg *leg)
{
    if (!leg->is_own) {
        mri_place_close(&leg->place);
    }
}

/** The reader goes on there. */
static void arrive(mr_log_reader *reader, const struct leg *leg)
{
    if (leg->is_own) {
        reader->at = leg->place;
    } else {
        mri_way_move_to(reader, &leg->place);
    }
}

static mr_err set_out(
    mr_log_reader *reader, uint64_t base_seq, struct leg *ret_leg, mr_problem *problem)
{
    const struct mri_place *at = &reader->at;
    bool is_own = at->bytes != NULL && at->segment.base_seq == base_seq &&
                  at->bytes_count == at->segment.segment_bytes;
    if (is_own) {
        *ret_leg = (struct leg){.place = *at, .is_own = true};
        return MR_OK;
    }
    struct leg leg = {.is_own = false};
    mr_err err = mri_place_open(&reader->source, base_seq, &leg.place, problem);
    if (err == MR_OK) {
        *ret_leg = leg;
    }
    return err;
}

/** Nothing good follows a place that is not rolled: the end of the log, or damage? */
static mr_err judge(mr_log_reader *reader, struct mri_place *place, mr_problem *problem)
{
    enum mri_place_rest rest;
    mr_err err = mri_place_look_ahead(place, &rest);
    if (err != MR_OK) {
        return mri_place_fault(place, err, problem);
    }
    bool is_last = mri_way_index_behind(reader, place->segment.base_seq) == reader->list.count;
    if (!is_last || rest == MRI_PLACE_REST_CLAIMED) {
        return mri_place_recheck(place, problem);
    }
    reader->tail = rest == MRI_PLACE_REST_ZERO ? MR_LOG_TAIL_CLEAN : MR_LOG_TAIL_TORN;
    return MR_END;
}

/** Walk to a target; MR_END: the place stands behind all there is in this segment. */
static mr_err walk(mr_log_reader *reader, struct mri_place *place,
    const struct mri_place_target *target, mr_problem *problem)
{
    for (;;) {
        mr_err err = mri_place_walk(place, target);
        if (err != MR_OK && err != MR_END) {
            return mri_place_fault(place, err, problem);
        }
        if (err == MR_OK || place->is_rolled || place->check.seq == target->seq) {
            return err;
        }
        err = judge(reader, place, problem);
        if (err != MR_OK) {
            return err;
        }
    }
}

/* ---- by number ------------------------------------------------------------------------------- */

/** Set out to the record of a seq; MR_NOT_FOUND it is not there, one past the last is. */
static mr_err find(mr_log_reader *reader, uint64_t seq, struct leg *ret_leg, mr_problem *problem)
{
    struct leg leg;
    const struct mri_place_target target = {.seq = seq, .unix_ns = INT64_MIN};
    mr_err err = look(reader, problem);
    if (err != MR_OK) {
        return err;
    }
    size_t index = mri_way_index_behind(reader, seq);
    if (index == 0) {
        return MR_NOT_FOUND;
    }
    err = set_out(reader, reader->list.base_seqs[index - 1], &leg, problem);
    if (err != MR_OK) {
        return err;
    }
    err = walk(reader, &leg.place, &target, problem);
    if (err == MR_END) {
        err = leg.place.check.seq == seq ? MR_OK : MR_NOT_FOUND;
    }
    if (err == MR_NOT_FOUND && index < reader->list.count) {
        err = mri_place_damage(&leg.place, problem); /* the next segment begins behind it */
    }
    if (err != MR_OK) {
        leave(&leg);
        return err;
    }
    *ret_leg = leg;
    return MR_OK;
}

mr_err mr_log_reader_seek(mr_log_reader *reader, mr_seq seq, mr_problem *reterr_problem)
{
    struct leg leg;
    if (!mri_way_is_usable(reader)) {
        return mri_way_refuse(reader, reterr_problem);
    }
    mr_err err = find(reader, seq.n, &leg, reterr_problem);
    if (err == MR_OK) {
        arrive(reader, &leg);
    } else if (err == MR_NOT_FOUND && reader->list.count == 0 && seq.n == 1) {
        err = MR_OK; /* the first event of a log that has no segment yet */
    }
    return err;
}

/* ---- to the end ------------------------------------------------------------------------------ */

/** Set out to the end of the newest segment there is. */
static mr_err find_end(mr_log_reader *reader, struct leg *ret_leg, mr_problem *problem)
{
    static const struct mri_place_target beyond = {.seq = UINT64_MAX, .unix_ns = INT64_MAX};
    for (;;) {
        struct leg leg;
        size_t count = reader->list.count;
        mr_err err = set_out(reader, reader->list.base_seqs[count - 1], &leg, problem);
        if (err != MR_OK) {
            return err;
        }
        err = walk(reader, &leg.place, &beyond, problem);
        if (err == MR_END && leg.place.is_rolled) { /* a writer may have gone on */
            err = mri_way_refresh(reader, problem);
            if (err == MR_OK && reader->list.count > count) {
                leave(&leg);
                continue;
            }
        }
        if (err != MR_OK && err != MR_END) {
            leave(&leg);
            return err;
        }
        *ret_leg = leg;
        return MR_OK;
    }
}

mr_err mr_log_reader_seek_end(mr_log_reader *reader, mr_problem *reterr_problem)
{
    struct leg leg;
    if (!mri_way_is_usable(reader)) {
        return mri_way_refuse(reader, reterr_problem);
    }
    mr_err err = look(reader, reterr_problem);
    if (err != MR_OK || reader->list.count == 0) {
        return err;
    }
    err = find_end(reader, &leg, reterr_problem);
    if (err == MR_OK) {
        arrive(reader, &leg);
    }
    return err;
}

/* ---- by time --------------------------------------------------------------------------------- */

/** The last segment before whose first record everything is older than a time. */
static mr_err bisect(mr_log_reader *reader, int64_t unix_ns, size_t *ret_index, mr_problem *problem)
{
    size_t low = 0; /* the answer is low or above, and below high */
    size_t high = reader->list.count;
    while (high - low > 1) {
        struct mri_segment_head head;
        size_t middle = low + (high - low) / 2;
        mr_err err =
            mri_place_read_head(&reader->source, reader->list.base_seqs[middle], &head, problem);
        if (err != MR_OK) {
            return err;
        }
        if (head.prev_unix_ns < unix_ns) {
            low = middle;
        } else {
            high = middle;
        }
    }
    *ret_index = low;
    return MR_OK;
}

mr_err mr_log_reader_seek_time(
    mr_log_reader *reader, int64_t time_unix_ns, mr_problem *reterr_problem)
{
    struct leg leg;
    size_t index;
    const struct mri_place_target target = {.unix_ns = time_unix_ns};
    if (!mri_way_is_usable(reader)) {
        return mri_way_refuse(reader, reterr_problem);
    }
    mr_err err = look(reader, reterr_problem);
    if (err != MR_OK || reader->list.count == 0) {
        return err;
    }
    err = bisect(reader, time_unix_ns, &index, reterr_problem);
    if (err == MR_OK) {
        err = set_out(reader, reader->list.base_seqs[index], &leg, reterr_problem);
    }
    if (err != MR_OK) {
        return err;
    }
    err = walk(reader, &leg.place, &target, reterr_problem);
    if (err != MR_OK && err != MR_END) {
        leave(&leg);
        return err;
    }
    arrive(reader, &leg); /* at the end of a rolled segment the next call goes on */
    return MR_OK;
}

/* ---- back to a token ------------------------------------------------------------------------- */

/** One past the last event that is there. */
static mr_err find_end_seq(mr_log_reader *scout, uint64_t oldest, mr_seq *ret_seq)
{
    mr_log_event event;
    mr_log_gap gap;
    mr_err err = mr_log_reader_seek_end(scout, NULL);
    if (err == MR_OK) {
        err = mr_log_reader_previous(scout, &event, NULL);
    }
    if (err == MR_OK) {
        uint64_t last = mr_log_event_gap(&event, &gap) ? gap.last.n : event.seq.n;
        *ret_seq = (mr_seq){last + 1};
    } else if (err == MR_END) {
        *ret_seq = (mr_seq){oldest};
        err = MR_OK;
    }
    return err;
}

/** From which seq on is the history not the one that a token is of? See invariant 3. */
static mr_err find_difference(
    mr_log_reader *scout, const mr_log_token *token, uint64_t oldest, mr_seq *ret_differs_from)
{
    mr_log_event event;
    bool is_kept = token->synced_seq >= oldest; /* is there an event that cannot have changed? */
    uint64_t next_seq = is_kept ? token->synced_seq : oldest;
    mr_err err = mr_log_reader_seek(scout, (mr_seq){next_seq}, NULL);
    if (err == MR_NOT_FOUND) { /* not even what was durable is there: all that is left is before */
        return find_end_seq(scout, oldest, ret_differs_from);
    }
    const struct mri_segment_head *segment = mri_reader_segment(scout);
    uint32_t epoch = segment == NULL ? 0 : segment->writer_epoch;
    while (err == MR_OK && next_seq <= token->seq) {
        err = mr_log_reader_next(scout, &event, NULL);
        if (err == MR_OK && !is_kept && event.writer_epoch != epoch) {
            *ret_differs_from = event.seq;
            return MR_OK;
        }
        if (err == MR_OK) {
            epoch = event.writer_epoch;
            next_seq = event.seq.n + 1;
            is_kept = false;
        }
    }
    if (err != MR_OK && err != MR_END) {
        return err;
    }
    /* Nothing was written behind the cut; or it is no cut: the log was replaced by another. */
    *ret_differs_from = (mr_seq){err == MR_END ? next_seq : oldest};
    return MR_OK;
}

static mr_err rewound(
    mr_log_reader *reader, const mr_log_token *token, mr_seq *ret_differs_from, mr_problem *problem)
{
    mr_log_reader *scout;
    const mr_log_read_options options = {
        .is_copying = reader->source.is_copying, .is_in_files = reader->is_in_files};
    mr_err err =
        mri_reader_open_with(reader->os, reader->alloc, reader->folder, &options, &scout, problem);
    if (err != MR_OK) {
        return err;
    }
    uint64_t oldest = reader->list.count > 0 ? reader->list.base_seqs[0] : 1;
    mr_seq unasked;
    err = find_difference(
        scout, token, oldest, ret_differs_from == NULL ? &unasked : ret_differs_from);
    mr_log_reader_close(scout);
    return err == MR_OK ? MR_REWOUND
                        : mri_problem(problem, err, "%s: %s", reader->folder, mr_err_text(err));
}

mr_err mr_log_reader_seek_token(mr_log_reader *reader, const mr_log_token *token,
    mr_seq *ret_differs_from, mr_problem *reterr_problem)
{
    struct leg leg;
    mr_log_event event;
    if (!mri_way_is_usable(reader)) {
        return mri_way_refuse(reader, reterr_problem);
    }
    if (token == NULL) {
        return mri_problem(reterr_problem, MR_EINVAL, "the token to go to is missing");
    }
    if (token->seq == 0) {
        mr_err err = mri_way_refresh(reader, reterr_problem);
        uint64_t oldest = reader->list.count > 0 ? reader->list.base_seqs[0] : 1;
        return err == MR_OK ? mr_log_reader_seek(reader, (mr_seq){oldest}, reterr_problem) : err;
    }
    mr_err err = find(reader, token->seq, &leg, reterr_problem);
    if (err == MR_NOT_FOUND) {
        bool is_removed = reader->list.count > 0 && token->seq < reader->list.base_seqs[0];
        return is_removed ? err : rewound(reader, token, ret_differs_from, reterr_problem);
    }
    if (err != MR_OK) {
        return err;
    }
    bool is_there = mri_place_has_record(&leg.place, true);
    if (is_there) {
        (void)mri_place_event(&leg.place, &event); /* what it claims is of no use here */
        is_there = event.writer_epoch == token->writer_epoch && event.chain_crc == token->chain_crc;
    }
    if (!is_there) {
        leave(&leg);
        return rewound(reader, token, ret_differs_from, reterr_problem);
    }
    mri_place_step(&leg.place);
    arrive(reader, &leg);
    reader->token = *token;
    return MR_OK;
}
