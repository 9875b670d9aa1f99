/* SPDX-License-Identifier: MIT */
/*
 * Reading a log by numbers.
 *
 * Invariants
 *  1. An event is the one asked for, or it is said that it is gone, or not there yet: never
 *     another one.
 *  2. Damage that a reader met which was open before is looked at once more by a new one: segments
 *     may have been removed under the old.
 */
#include "log/consume/consumer_source.h"

#include "millrace/log_admin.h"

enum { STEPS_MAX = 1024 }; /* further than this is sought, not walked */

/** Go to a seq that the reader cannot go to: is it before the oldest event, or behind the last? */
static mr_err judge(
    struct mri_consumer_source *source, uint64_t seq, uint64_t *ret_gone_last, mr_problem *problem)
{
    static const mr_log_token beginning = {0};
    mr_seq unused;
    mr_log_event event;
    source->next = 0;
    mr_err err = mr_log_reader_seek_token(source->reader, &beginning, &unused, problem);
    if (err == MR_OK) {
        err = mr_log_reader_next(source->reader, &event, problem);
    }
    if (err != MR_OK) {
        return err;
    }
    if (event.seq.n <= seq) {
        return MR_END;
    }
    *ret_gone_last = event.seq.n - 1;
    return MR_NOT_FOUND;
}

static mr_err read_once(struct mri_consumer_source *source, uint64_t seq, mr_log_event *ret_event,
    uint64_t *ret_gone_last, mr_problem *problem)
{
    mr_err err = MR_OK;
    if (source->reader == NULL) {
        source->next = 0;
        err = mri_reader_open(source->os, source->alloc, source->folder, &source->reader, problem);
    }
    if (err == MR_OK &&
        (source->next == 0 || seq < source->next || seq - source->next > STEPS_MAX)) {
        err = mr_log_reader_seek(source->reader, (mr_seq){seq}, problem);
        if (err == MR_NOT_FOUND) {
            return judge(source, seq, ret_gone_last, problem);
        }
        source->next = err == MR_OK ? seq : 0;
    }
    while (err == MR_OK) {
        mr_log_gap gap;
        err = mr_log_reader_next(source->reader, ret_event, problem);
        if (err != MR_OK) {
            break;
        }
        bool is_gap = mr_log_event_gap(ret_event, &gap);
        uint64_t last = is_gap && gap.last.n > ret_event->seq.n ? gap.last.n : ret_event->seq.n;
        source->next = last + 1;
        if (last >= seq && !is_gap && ret_event->seq.n == seq) {
            return MR_OK;
        }
        if (last >= seq) {
            *ret_gone_last = is_gap ? last : last - 1;
            return MR_NOT_FOUND;
        }
    }
    return err;
}

mr_err mri_consumer_source_read(struct mri_consumer_source *source, uint64_t seq,
    mr_log_event *ret_event, uint64_t *ret_gone_last, mr_problem *problem)
{
    bool is_old = source->reader != NULL;
    mr_err err = read_once(source, seq, ret_event, ret_gone_last, problem);
    if (err == MR_ECORRUPT && is_old) {
        mri_consumer_source_close(source);
        err = read_once(source, seq, ret_event, ret_gone_last, problem);
    }
    return err;
}

mr_log_token mri_consumer_source_token(const struct mri_consumer_source *source)
{
    return mr_log_reader_token(source->reader);
}

uint64_t mri_consumer_source_durable(const struct mri_consumer_source *source)
{
    return source->reader == NULL ? 0 : mr_log_reader_token(source->reader).synced_seq;
}

void mri_consumer_source_close(struct mri_consumer_source *source)
{
    mr_log_reader_close(source->reader);
    source->reader = NULL;
    source->next = 0;
}
