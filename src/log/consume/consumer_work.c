/* SPDX-License-Identifier: MIT */
/*
 * One turn of a consumer's handle, and what ties its file to the log.
 *
 *   slot.applied_seq   mark.scanned_seq        end of the log
 *   |  ACKs in the slot  |  or in leases  |  not looked at: only while mark.is_appending
 *
 * Invariants
 *  1. Before an ACK is appended the mark says so, and it says no more only when the ACK was found,
 *     or that it is not there. So whoever has the next turn finds what a dead one has appended.
 *  2. The slot rests on nothing of the log that is not durable, but for the events that were acked
 *     without a record; slot.token names the newest record that it rests on. So what a power cut
 *     takes of the log shows at that token.
 *  3. applied_seq moves over a record only when it is in the slot.
 *
 * Not here: what users call (consumer.c, consumer_open.c).
 */
#include "log/consume/consumer_work.h"

#include <stdio.h>
#include <string.h>

#include "base/problem.h"
#include "log/open/append.h"

static mr_err say(const mr_consumer *consumer, mr_problem *problem, mr_err err)
{
    return err == MR_OK
               ? MR_OK
               : mri_problem(problem, err, "%s: %s", consumer->file.path, mr_err_text(err));
}

mr_err mri_consumer_work_begin(mr_consumer *consumer, mr_problem *problem)
{
    mr_err err = mri_consumer_file_lock(&consumer->file, problem);
    if (err == MR_OK && consumer->file.image.leases.mark.is_appending != 0) {
        err = mri_consumer_work_scan(consumer, problem);
        if (err != MR_OK) {
            mri_consumer_file_unlock(&consumer->file);
        }
    }
    return err;
}

mr_err mri_consumer_work_end(mr_consumer *consumer, mr_err err)
{
    mri_consumer_file_unlock(&consumer->file);
    return err;
}

/** The lowest seq of a record that acked something which is not in the slot yet. */
static uint64_t lowest_unsettled(mr_consumer *consumer)
{
    struct mri_consumer_file *file = &consumer->file;
    const struct mri_consumer_window *window = &file->slot.window;
    uint64_t lowest = UINT64_MAX;
    for (uint64_t seq = window->next; seq < window->next + MRI_CONSUMER_WINDOW_SEQS; seq++) {
        const struct mri_consumer_lease *lease = mri_consumer_lease_find(&file->image.leases, seq);
        if (lease != NULL && lease->state == MRI_CONSUMER_SETTLED &&
            !mri_consumer_window_has(window, seq) && (uint64_t)lease->until_ns < lowest) {
            lowest = (uint64_t)lease->until_ns;
        }
    }
    return lowest;
}

mr_err mri_consumer_work_store(mr_consumer *consumer, mr_problem *problem)
{
    struct mri_consumer_file *file = &consumer->file;
    if (file->image.leases.mark.is_appending == 0) {
        uint64_t lowest = lowest_unsettled(consumer);
        uint64_t limit = lowest - 1 < file->slot.token.seq ? lowest - 1 : file->slot.token.seq;
        if (limit > file->slot.applied_seq) {
            file->slot.applied_seq = limit;
        }
    }
    return say(consumer, problem, mri_consumer_file_put_slot(file));
}

/* ---- the log's records ----------------------------------------------------------------------- */

static bool is_done(mr_consumer *consumer, uint64_t seq)
{
    struct mri_consumer_file *file = &consumer->file;
    const struct mri_consumer_lease *lease = mri_consumer_lease_find(&file->image.leases, seq);
    return mri_consumer_window_has(&file->slot.window, seq) ||
           (lease != NULL && lease->state == MRI_CONSUMER_SETTLED);
}

/** A record acked an event: into a lease, unless it is done already; false: it has no room. */
static bool settle(mr_consumer *consumer, uint64_t seq, const mr_log_event *record, mr_err *err)
{
    struct mri_consumer_file *file = &consumer->file;
    if (mri_consumer_window_has(&file->slot.window, seq)) {
        return true;
    }
    if (seq - file->slot.window.next >= MRI_CONSUMER_WINDOW_SEQS) {
        return false;
    }
    const struct mri_consumer_lease lease = {
        .seq = seq,
        .until_ns = (int64_t)record->seq.n,
        .count = record->writer_epoch,
        .ack_crc = record->chain_crc,
        .state = MRI_CONSUMER_SETTLED,
    };
    if (*err == MR_OK) {
        *err = mri_consumer_file_put_lease(file, &lease);
    }
    return true;
}

static bool fold(mr_consumer *consumer)
{
    uint64_t known = mri_consumer_source_durable(&consumer->scout);
    consumer->durable_seq = known > consumer->durable_seq ? known : consumer->durable_seq;
    return mri_consumer_lease_fold(
        &consumer->file.image.leases, &consumer->file.slot, consumer->durable_seq);
}

/** Take in one record; *ret_has_room false: not all of it has room in the window. */
static mr_err take_record(
    mr_consumer *consumer, const mr_log_event *event, bool *ret_has_room, bool *is_changed)
{
    struct mri_consumer_said said;
    mr_err err = MR_OK;
    *ret_has_room = true;
    if (!mri_consumer_record_get(event, consumer->file.slot.id, &said)) {
        return MR_OK;
    }
    bool is_new = !is_done(consumer, mri_consumer_record_seq(&said, 0));
    for (uint32_t i = 0; i < said.head.count; i++) {
        uint64_t seq = mri_consumer_record_seq(&said, i);
        if (settle(consumer, seq, event, &err)) {
            continue;
        }
        *is_changed = fold(consumer) || *is_changed; /* what is durable makes room */
        *ret_has_room = settle(consumer, seq, event, &err) && *ret_has_room;
    }
    if (event->type == MRI_RECORD_DEAD_LETTER && is_new) {
        consumer->file.slot.dead_letters++;
        *is_changed = true;
    }
    return err;
}

mr_err mri_consumer_work_scan(mr_consumer *consumer, mr_problem *problem)
{
    struct mri_consumer_file *file = &consumer->file;
    uint64_t seq = file->image.leases.mark.scanned_seq > file->slot.applied_seq
                       ? file->image.leases.mark.scanned_seq
                       : file->slot.applied_seq;
    uint64_t first_left = 0; /* the first record that had no room */
    bool is_changed = false;
    mr_err err = MR_OK;
    for (seq++; err == MR_OK; seq++) {
        mr_log_event event;
        uint64_t gone_last;
        bool has_room = true;
        err = mri_consumer_source_read(&consumer->scout, seq, &event, &gone_last, problem);
        if (err == MR_OK) {
            err = say(consumer, problem, take_record(consumer, &event, &has_room, &is_changed));
        } else if (err == MR_NOT_FOUND) {
            seq = gone_last;
            err = MR_OK;
        }
        first_left = !has_room && first_left == 0 ? seq : first_left;
    }
    if (err != MR_END) {
        return err;
    }
    is_changed = fold(consumer) || is_changed;
    uint64_t scanned = (first_left != 0 ? first_left : seq - 1) - 1;
    err = say(consumer, problem, mri_consumer_file_put_mark(file, scanned, first_left != 0));
    return err == MR_OK && is_changed ? mri_consumer_work_store(consumer, problem) : err;
}

bool mri_consumer_work_is_log(const mr_consumer *consumer, const mr_log *log)
{
    char text[33];
    const uint8_t *uuid = consumer->file.slot.log_uuid;
    for (int i = 0; i < 16; i++) {
        (void)snprintf(text + (ptrdiff_t)2 * i, 3, "%02x", uuid[i]);
    }
    return strcmp(text, mr_log_uuid(log)) == 0;
}

mr_err mri_consumer_work_append(mr_consumer *consumer, mr_log *log, uint16_t type,
    const mr_consumer_batch *batch, mr_log_ack *ret_ack, mr_problem *problem)
{
    struct mri_consumer_file *file = &consumer->file;
    mr_log_ack ack = {0};
    consumer->records[0] = (mr_log_record){
        .body = consumer->body.bytes,
        .body_bytes = consumer->body.count,
        .type = type,
        .version = consumer->body.version,
    };
    if (batch->record_count > 0) {
        memcpy(&consumer->records[1], batch->records,
            batch->record_count * sizeof(consumer->records[0]));
    }
    mr_err err = say(consumer, problem,
        mri_consumer_file_put_mark(file, file->image.leases.mark.scanned_seq, true));
    if (err != MR_OK) {
        return err;
    }
    err = mri_log_append_own(
        log, consumer->records, batch->record_count + 1, batch->durability, &ack);
    uint64_t last = ack.last.n;
    if (err == MR_OK && ack.is_repeated) { /* the outputs are in the log, and the ack is not */
        mr_log_ack alone = {0};
        err = mri_log_append_own(log, consumer->records, 1, batch->durability, &alone);
        ack.first.n += ack.first.n != 0; /* of the outputs: the ack is not before them */
        ack.is_durable = alone.is_durable;
        last = alone.last.n;
    }
    if (err != MR_OK) { /* the mark stays: the next turn looks what came of it */
        return mri_problem(problem, err, "%s: appending for consumer \"%.*s\": %s",
            consumer->folder, MR_CONSUMER_NAME_MAX, file->slot.rules.name, mr_err_text(err));
    }
    if (ack.is_durable && last > consumer->durable_seq) {
        consumer->durable_seq = last;
    }
    err = mri_consumer_work_scan(consumer, problem);
    if (err == MR_OK && ret_ack != NULL) {
        *ret_ack = ack;
    }
    return err;
}

/* ---- leases ---------------------------------------------------------------------------------- */

mr_err mri_consumer_work_leased(
    mr_consumer *consumer, uint64_t seq, struct mri_consumer_lease **ret_lease, mr_problem *problem)
{
    struct mri_consumer_file *file = &consumer->file;
    struct mri_consumer_lease *lease = mri_consumer_lease_find(&file->image.leases, seq);
    const char *why = NULL;
    if (is_done(consumer, seq)) {
        why = "it is acked already";
    } else if (lease == NULL) {
        why = "it is not leased";
    } else if (lease->state == MRI_CONSUMER_WAITING) {
        why = "it was given back";
    } else if (lease->owner != file->owner) {
        why = "its lease ended, and another handle has it";
    }
    if (why != NULL) {
        return mri_problem(problem, MR_CONFLICT, "event %llu: %s", (unsigned long long)seq, why);
    }
    *ret_lease = lease;
    return MR_OK;
}

/* ---- history --------------------------------------------------------------------------------- */

/** What names the newest event before a seq, if it is there. */
static mr_err token_before(
    mr_consumer *consumer, uint64_t seq, mr_log_token *ret_token, mr_problem *problem)
{
    mr_log_event event;
    uint64_t gone_last;
    *ret_token = (mr_log_token){0};
    if (seq <= 1) {
        return MR_OK;
    }
    mr_err err = mri_consumer_source_read(&consumer->scout, seq - 1, &event, &gone_last, problem);
    if (err == MR_OK) {
        *ret_token = mri_consumer_source_token(&consumer->scout);
    }
    return err == MR_NOT_FOUND || err == MR_END ? MR_OK : err;
}

static mr_err set_back(mr_consumer *consumer, uint64_t differs_from, mr_problem *problem)
{
    struct mri_consumer_file *file = &consumer->file;
    struct mri_consumer_slot *slot = &file->slot;
    mr_log_token token;
    mr_err err = token_before(consumer, differs_from, &token, problem);
    if (err != MR_OK) {
        return err;
    }
    slot->rewind_count++;
    slot->rewind_seq = differs_from;
    slot->rewind_until = slot->token.seq;
    slot->token = token;
    if (slot->applied_seq >= differs_from) {
        slot->applied_seq = differs_from - 1;
    }
    mri_consumer_window_cut(&slot->window, differs_from);
    err = mri_consumer_file_reset_leases(file);
    if (err == MR_OK) {
        err = mri_consumer_file_put_slot(file);
    }
    if (err == MR_OK) {
        err = mri_consumer_file_sync(file);
    }
    return say(consumer, problem, err);
}

mr_err mri_consumer_work_check_history(mr_consumer *consumer, mr_problem *problem)
{
    mr_log_reader *reader;
    mr_seq differs_from = {0};
    const mr_log_token token = consumer->file.slot.token;
    if (token.seq == 0) {
        return MR_OK;
    }
    mr_err err = mri_reader_open(consumer->os, consumer->alloc, consumer->folder, &reader, problem);
    if (err != MR_OK) {
        return err;
    }
    err = mr_log_reader_seek_token(reader, &token, &differs_from, problem);
    mr_log_reader_close(reader);
    if (err == MR_REWOUND) {
        return set_back(consumer, differs_from.n, problem);
    }
    return err == MR_NOT_FOUND ? MR_OK : err; /* it was removed: that shows at the next event */
}
