/* SPDX-License-Identifier: MIT */
/*
 * Moments of a log, found and held.
 *
 * Invariants
 *  1. A moment that was handed out is known again by number, epoch and checksum of its event: a
 *     number alone may be another event's after a power cut.
 *  2. A moment is of the past: no event behind the newest one, no time behind both the log's event
 *     time and the clock. Here alone that is checked.
 *  3. The moment that is held was made for what the fold has taken in: when the fold goes on, it is
 *     made anew.
 */
#include "pipeline/as_of.h"

#include <stdio.h>
#include <string.h>

#include "base/fixed.h"
#include "base/problem.h"
#include "base/utc.h"

void mri_as_of_init(struct mri_as_of *as_of, const struct mri_fold *fold)
{
    *as_of = (struct mri_as_of){.fold = fold};
    mri_moment_init(&as_of->moment, fold->options.alloc);
}

void mri_as_of_fini(struct mri_as_of *as_of)
{
    if (as_of != NULL && as_of->fold != NULL) {
        mr_log_reader_close(as_of->reader);
        mri_moment_fini(&as_of->moment);
        *as_of = (struct mri_as_of){0};
    }
}

static mr_err open_reader(struct mri_as_of *as_of, mr_problem *problem)
{
    const struct mri_fold_options *options = &as_of->fold->options;
    return as_of->reader != NULL ? MR_OK
                                 : mri_reader_open(options->os, options->alloc, options->folder,
                                       &as_of->reader, problem);
}

/** Behind what is known there is nothing to answer yet: it is none of the past. */
static mr_err refuse_future(
    const struct mri_as_of *as_of, struct mri_slice what, mr_problem *problem)
{
    const struct mri_bus *bus = &as_of->fold->bus;
    char time[MRI_UTC_BYTES];
    return mri_problem(problem, MR_REFUSED,
        "%.*s is in the future; the log ends at event %llu, market time %s", (int)what.count,
        what.bytes, (unsigned long long)bus->last_seq,
        bus->event_time_unix_ns == 0 ? "none yet" : mri_utc_format(bus->event_time_unix_ns, time));
}

static mr_err go(struct mri_as_of *as_of, uint64_t seq, mr_problem *problem)
{
    const struct mri_bus *bus = &as_of->fold->bus;
    bool is_there = as_of->has_moment && as_of->moment.token.seq == seq &&
                    as_of->moment.built_seq == bus->last_seq;
    if (is_there) {
        return MR_OK;
    }
    as_of->has_moment = false;
    if (seq > bus->last_seq) {
        char what[40];
        (void)snprintf(what, sizeof(what), "event %llu", (unsigned long long)seq);
        return refuse_future(as_of, mri_slice_of(what), problem);
    }
    mr_err err = open_reader(as_of, problem);
    if (err != MR_OK) {
        return err;
    }
    const char *mode = mr_log_reader_attribute(as_of->reader, MRI_ATTRIBUTE_TIME);
    bool is_live = mode != NULL && strcmp(mode, "live") == 0;
    err = mri_moment_go(&as_of->moment, bus, as_of->reader, seq, is_live, problem);
    as_of->has_moment = err == MR_OK;
    return err;
}

mr_err mri_as_of_now(struct mri_as_of *as_of, mr_log_token *ret_token, mr_problem *reterr_problem)
{
    const mr_log_token token = mr_log_reader_token(as_of->fold->lead);
    uint64_t seq = as_of->fold->bus.last_seq;
    if (token.seq == seq) { /* the fold's reader has just handed it out */
        *ret_token = token;
        return MR_OK;
    }
    mr_err err = go(as_of, seq, reterr_problem);
    if (err == MR_OK) {
        *ret_token = as_of->moment.token;
    }
    return err;
}

/** The event that a number, time or age names. */
static mr_err find_seq(
    struct mri_as_of *as_of, struct mri_slice text, uint64_t *ret_seq, mr_problem *problem)
{
    const struct mri_fold *fold = as_of->fold;
    int64_t number;
    int64_t time;
    if (mri_fixed_parse_count(text, &number) == MR_OK) {
        *ret_seq = (uint64_t)number;
        return MR_OK;
    }
    if (mri_utc_parse_duration(text, &time) == MR_OK) {
        time = fold->bus.event_time_unix_ns - time;
    } else if (mri_utc_parse(text, &time) != MR_OK) {
        return mri_problem(problem, MR_REFUSED,
            "expected the number of an event, a time of 1970 to 2200 (2025-05-04T15:34Z), an age "
            "(2h), "
            "or what an "
            "answer called its moment, found \"%.*s\"",
            (int)text.count, text.bytes);
    }
    const struct mri_os *os = fold->options.os;
    if (time > fold->bus.event_time_unix_ns && time > os->realtime_unix_ns(os->context)) {
        return refuse_future(as_of, text, problem);
    }
    mr_err err = open_reader(as_of, problem);
    return err == MR_OK
               ? mri_moment_find(&fold->bus, as_of->reader, fold->first_seq, time, ret_seq, problem)
               : err;
}

mr_err mri_as_of_go(struct mri_as_of *as_of, const mr_log_token *token, mr_problem *reterr_problem)
{
    mr_err err = go(as_of, token->seq, reterr_problem);
    const mr_log_token *found = &as_of->moment.token;
    bool is_same = err == MR_OK && found->chain_crc == token->chain_crc &&
                   found->writer_epoch == token->writer_epoch;
    return err != MR_OK || is_same
               ? err
               : mri_problem(reterr_problem, MR_REFUSED,
                     "event %llu is another one here: what names that moment is of another log, or "
                     "this one was set back behind it",
                     (unsigned long long)token->seq);
}

mr_err mri_as_of_find(struct mri_as_of *as_of, struct mri_slice text, mr_log_token *ret_token,
    mr_problem *reterr_problem)
{
    char named[MR_LOG_TOKEN_BYTES] = "";
    mr_log_token token;
    if (text.count < sizeof(named)) {
        memcpy(named, text.bytes, text.count);
    }
    mr_err err = MR_OK;
    if (mr_log_token_parse(named, &token) == MR_OK) {
        err = mri_as_of_go(as_of, &token, reterr_problem);
    } else {
        uint64_t seq = 0;
        err = find_seq(as_of, text, &seq, reterr_problem);
        err = err == MR_OK ? go(as_of, seq, reterr_problem) : err;
    }
    if (err == MR_OK) {
        *ret_token = as_of->moment.token;
    }
    return err;
}
