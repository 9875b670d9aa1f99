/* SPDX-License-Identifier: MIT */
/*
 * Looking up a repeat in the log. This is the slow way, for what the tables do not tell: it is done
 * outside of every lock, and only when somebody asks.
 *
 * Invariants
 *  1. The numbers of a producer grow in the log, so behind a smaller one nothing is to be found.
 */
#include "log/open/repeat.h"

#include <string.h>

#include "log/dedupe/dedupe_batch.h"
#include "log/read/reader.h"

/** The original of a record that is looked for. */
struct target {
    const mr_log_record *record;
    uint64_t seq;    /**< 0 = not found */
    bool is_decided; /**< found, or it cannot be there */
};

static void compare_target(struct target *target, const mr_log_event *event)
{
    const mr_log_record *record = target->record;
    if (target->is_decided || event->type == MRI_RECORD_GAP ||
        event->producer_id != record->producer_id || event->producer_seq > record->producer_seq) {
        return;
    }
    target->is_decided = true;
    target->seq = event->producer_seq == record->producer_seq ? event->seq.n : 0;
}

static mr_err walk_back(const struct mri_repeat_log *log, struct target targets[2])
{
    mr_log_reader *reader;
    mr_log_event event;
    mr_problem problem;
    mr_err err = mri_reader_open(log->os, log->alloc, log->folder, &reader, &problem);
    if (err != MR_OK) {
        return err;
    }
    err = mr_log_reader_seek_end(reader, &problem);
    while (err == MR_OK && !(targets[0].is_decided && targets[1].is_decided)) {
        err = mr_log_reader_previous(reader, &event, &problem);
        if (err == MR_OK) {
            compare_target(&targets[0], &event);
            compare_target(&targets[1], &event);
        }
    }
    mr_log_reader_close(reader);
    return err == MR_END ? MR_OK : err;
}

mr_err mri_repeat_find(
    const struct mri_repeat_log *log, const mr_log_record *records, size_t count, mr_log_ack *ack)
{
    struct mri_dedupe_batch batch;
    mr_err err = mri_dedupe_batch_survey(records, count, &batch);
    if (err != MR_OK || batch.identified == 0) {
        return err == MR_OK ? MR_EINVAL : err;
    }
    struct target targets[2] = {
        {.record = &records[batch.first]}, {.record = &records[batch.last]}};
    targets[0].is_decided = ack->first.n != 0 || targets[0].record->producer_id == 0;
    targets[1].is_decided = ack->last.n != 0 || targets[1].record->producer_id == 0;
    err = walk_back(log, targets);
    if (err == MR_OK && targets[0].seq > batch.first) {
        ack->first.n = targets[0].seq - batch.first;
    }
    if (err == MR_OK && targets[1].seq != 0) {
        ack->last.n = targets[1].seq + (count - 1 - batch.last);
    }
    return err;
}

static bool is_original(const mr_log_record *record, const mr_log_event *event)
{
    bool is_producer =
        record->producer_id == event->producer_id && record->producer_seq == event->producer_seq;
    bool is_id = record->message_id == NULL
                     ? event->message_id == NULL
                     : event->message_id != NULL &&
                           memcmp(record->message_id, event->message_id, MRI_MESSAGE_ID_BYTES) == 0;
    return is_producer && is_id && event->type != MRI_RECORD_GAP;
}

mr_err mri_repeat_compare(const struct mri_repeat_log *log, const mr_log_record *records,
    size_t count, mr_seq expected_last)
{
    mr_log_reader *reader;
    mr_log_event event;
    mr_problem problem;
    mr_err err = mri_reader_open(log->os, log->alloc, log->folder, &reader, &problem);
    if (err != MR_OK) {
        return err;
    }
    err = mr_log_reader_seek(reader, (mr_seq){expected_last.n + 1}, &problem);
    for (size_t i = 0; i < count && err == MR_OK; i++) {
        err = mr_log_reader_next(reader, &event, &problem);
        if (err == MR_OK &&
            (event.seq.n != expected_last.n + 1 + i || !is_original(&records[i], &event))) {
            err = MR_CONFLICT;
        }
    }
    mr_log_reader_close(reader);
    return err == MR_NOT_FOUND || err == MR_END ? MR_CONFLICT : err;
}
