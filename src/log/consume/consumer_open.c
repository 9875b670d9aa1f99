/* SPDX-License-Identifier: MIT */
/*
 * Making, opening and closing a consumer's handle.
 *
 * Invariants
 *  1. Nobody else makes, opens or removes a consumer of this log meanwhile: the guard is held.
 *  2. Before anything is taken in from the log, its history is compared with the cursor's token: no
 *     handle works on a cursor that is past a cut.
 *  3. A cursor that is damaged, or of another log, is never begun anew.
 *
 * Not here: what a handle does (consumer.c).
 */
#include <stdio.h>
#include <string.h>

#include "base/problem.h"
#include "log/consume/consumer_work.h"
#include "log/format/manifest.h"
#include "log/read/retain_first.h"

static mr_err say(const mr_consumer *consumer, mr_problem *problem, mr_err err)
{
    return err == MR_OK ? MR_OK
                        : mri_problem(problem, err, "%s/%s: %s", consumer->folder,
                              MRI_CONSUMER_FOLDER, mr_err_text(err));
}

/* ---- making one ------------------------------------------------------------------------------ */

/** The newest event of a log: its token; all zero when there is none. */
static mr_err find_end(mr_log_reader *reader, mr_log_token *ret_token, mr_problem *problem)
{
    mr_log_event event;
    mr_err err = mr_log_reader_seek_end(reader, problem);
    if (err == MR_OK) {
        err = mr_log_reader_previous(reader, &event, problem);
    }
    if (err == MR_OK) {
        *ret_token = mr_log_reader_token(reader);
    }
    return err == MR_END ? MR_OK : err;
}

/** The token of an event; all zero when it is not in the log any more. */
static mr_err find_token(
    mr_log_reader *reader, uint64_t seq, mr_log_token *ret_token, mr_problem *problem)
{
    mr_log_event event;
    mr_err err = mr_log_reader_seek(reader, (mr_seq){seq}, problem);
    if (err == MR_OK) {
        err = mr_log_reader_next(reader, &event, problem);
    }
    if (err == MR_OK && event.seq.n == seq) {
        *ret_token = mr_log_reader_token(reader);
    }
    return err == MR_NOT_FOUND || err == MR_END ? MR_OK : err;
}

/** Where does it begin? */
static mr_err place(const struct mri_consumer_at *at, mr_log_reader *reader,
    struct mri_consumer_slot *slot, mr_problem *problem)
{
    mr_log_token end = {0};
    mr_err err = find_end(reader, &end, problem);
    slot->applied_seq = end.synced_seq; /* no record of a new consumer is in the log */
    if (err != MR_OK) {
        return err;
    }
    switch (slot->rules.start) {
    case MR_CONSUMER_END:
        slot->window.next = end.seq + 1;
        slot->token = end;
        return MR_OK;
    case MR_CONSUMER_SEQ:
        if (slot->rules.start_seq > end.seq + 1) {
            return mri_problem(problem, MR_EINVAL,
                "consumer \"%s\": start_seq is %llu, and the log ends with event %llu", at->name,
                (unsigned long long)slot->rules.start_seq, (unsigned long long)end.seq);
        }
        slot->window.next = slot->rules.start_seq;
        return slot->window.next > 1
                   ? find_token(reader, slot->window.next - 1, &slot->token, problem)
                   : MR_OK;
    default:
        return mri_retain_first(at->os, at->alloc, at->folder, &slot->window.next);
    }
}

static mr_err make(const mr_consumer *consumer, const struct mri_consumer_at *at,
    const struct mri_consumer_rules *rules, mr_problem *problem)
{
    struct mri_manifest manifest;
    mr_log_reader *reader;
    struct mri_consumer_slot slot = {
        .version = MRI_CONSUMER_SLOT_VERSION, .generation = 1, .rules = *rules};
    memcpy(slot.magic, MRI_CONSUMER_SLOT_MAGIC, sizeof(slot.magic));
    mr_err err = mri_manifest_read(at->os, at->folder, &manifest, problem);
    if (err == MR_OK) {
        err = mri_reader_open(at->os, at->alloc, at->folder, &reader, problem);
    }
    if (err != MR_OK) {
        return err;
    }
    memcpy(slot.log_uuid, manifest.log_uuid, sizeof(slot.log_uuid));
    err = place(at, reader, &slot, problem);
    mr_log_reader_close(reader);
    if (err == MR_OK) {
        err =
            say(consumer, problem, at->os->random_bytes(at->os->context, slot.id, sizeof(slot.id)));
    }
    return err == MR_OK
               ? say(consumer, problem, mri_consumer_file_make(at->os, at->folder, at->name, &slot))
               : err;
}

/* ---- opening one ----------------------------------------------------------------------------- */

/** Is it the cursor of this log, made as it is asked for? */
static mr_err check_slot(const mr_consumer *consumer, const struct mri_consumer_at *at,
    const struct mri_consumer_rules *rules, mr_problem *problem)
{
    struct mri_manifest manifest;
    const struct mri_consumer_slot *slot = &consumer->file.slot;
    char name[MR_CONSUMER_NAME_MAX + 1] = {0};
    memcpy(name, slot->rules.name, sizeof(slot->rules.name));
    mr_err err = mri_manifest_read(at->os, at->folder, &manifest, problem);
    if (err != MR_OK) {
        return err;
    }
    if (memcmp(manifest.log_uuid, slot->log_uuid, sizeof(slot->log_uuid)) != 0 ||
        strcmp(name, at->name) != 0) {
        return mri_problem(problem, MR_ECORRUPT,
            "%s: the cursor is of another log or of another consumer, \"%s\"", consumer->file.path,
            name);
    }
    if (rules != NULL) {
        err = mri_consumer_slot_compare(&slot->rules, rules, problem);
    }
    if (err == MR_OK && consumer->log != NULL &&
        !mri_consumer_work_is_log(consumer, consumer->log)) {
        err = mri_problem(problem, MR_EINVAL,
            "consumer \"%s\": the log in the options is not the one that it reads", at->name);
    }
    return err;
}

/** A copy that is damaged is written anew, durably, before the other one is written over. */
static mr_err heal(mr_consumer *consumer, mr_problem *problem)
{
    struct mri_consumer_file *file = &consumer->file;
    if (mri_consumer_slot_check(&file->image.slot_0) == MR_OK &&
        mri_consumer_slot_check(&file->image.slot_1) == MR_OK) {
        return MR_OK;
    }
    mr_err err = mri_consumer_file_put_slot(file);
    if (err == MR_OK) {
        err = mri_consumer_file_sync(file);
    }
    return say(consumer, problem, err);
}

/** The first turn: compare with the log, take a number. */
static mr_err enter(mr_consumer *consumer, const struct mri_consumer_at *at,
    const struct mri_consumer_rules *rules, mr_problem *problem)
{
    mr_err err = mri_consumer_file_lock(&consumer->file, problem);
    if (err != MR_OK) {
        return err;
    }
    err = check_slot(consumer, at, rules, problem);
    if (err == MR_OK) {
        err = heal(consumer, problem);
    }
    if (err == MR_OK) {
        err = mri_consumer_work_check_history(consumer, problem);
    }
    if (err == MR_OK) {
        err = mri_consumer_file_attach(&consumer->file);
        if (err == MR_FULL) {
            err = mri_problem(problem, err, "consumer \"%s\" has %d handles, and can have no more",
                at->name, MR_CONSUMER_HANDLES_MAX);
        } else {
            err = say(consumer, problem, err);
        }
    }
    const struct mri_consumer_slot *slot = &consumer->file.slot;
    bool is_before = slot->rewind_count > 0 && slot->window.next <= slot->rewind_until;
    consumer->rewinds_told = slot->rewind_count - (is_before ? 1 : 0);
    return mri_consumer_work_end(consumer, err);
}

static mr_err open_into(mr_consumer *consumer, const struct mri_consumer_at *at,
    const mr_consumer_options *options, mr_problem *problem)
{
    int guard = -1;
    struct mri_manifest manifest;
    struct mri_consumer_rules rules;
    mr_err err = MR_OK;
    if (options != NULL) {
        err = mri_consumer_slot_rules(at->name, options, &rules, problem);
    }
    if (err == MR_OK) { /* before a folder is made in what is no log */
        err = mri_manifest_read(at->os, at->folder, &manifest, problem);
        err = err == MR_EPATH ? MR_NOT_FOUND : err;
    }
    if (err != MR_OK) {
        return err;
    }
    err = mri_consumer_file_guard(at->os, at->folder, options != NULL, &guard);
    if (err != MR_OK) {
        return err == MR_EPATH && options == NULL
                   ? mri_problem(problem, MR_NOT_FOUND, "%s: there is no consumer \"%s\"",
                         at->folder, at->name)
                   : say(consumer, problem, err);
    }
    err = mri_consumer_file_open(&consumer->file, at->os, at->folder, at->name, true, problem);
    if (err == MR_NOT_FOUND && options != NULL) {
        err = make(consumer, at, &rules, problem);
        if (err == MR_OK) {
            err = mri_consumer_file_open(
                &consumer->file, at->os, at->folder, at->name, true, problem);
        }
    }
    if (err == MR_OK) {
        err = enter(consumer, at, options == NULL ? NULL : &rules, problem);
    }
    at->os->close(at->os->context, guard);
    return err;
}

mr_err mri_consumer_open(const struct mri_consumer_at *at, const mr_consumer_options *options,
    mr_consumer **ret_consumer, mr_problem *reterr_problem)
{
    void *block;
    if (at->folder == NULL || ret_consumer == NULL || strlen(at->folder) >= MRI_PATH_BYTES_MAX) {
        return mri_problem(reterr_problem, MR_EINVAL,
            "the path of the log, or where to put the consumer, is missing or too long");
    }
    if (!mri_consumer_slot_is_name(at->name)) {
        return mri_problem(reterr_problem, MR_EINVAL,
            "a consumer's name has 1 to %d of a-z, 0-9, _ and -, not \"%s\"", MR_CONSUMER_NAME_MAX,
            at->name == NULL ? "" : at->name);
    }
    mr_err err = mri_alloc_array(at->alloc, 1, sizeof(mr_consumer), &block);
    if (err != MR_OK) {
        return mri_problem(reterr_problem, err, "%s", mr_err_text(err));
    }
    mr_consumer *consumer = block;
    consumer->magic = MRI_CONSUMER_MAGIC;
    consumer->os = at->os;
    consumer->alloc = at->alloc;
    consumer->file.fd = -1;
    consumer->file.owner = -1;
    consumer->is_durable_ack = options != NULL && options->is_durable_ack;
    consumer->log = options == NULL ? NULL : options->log;
    (void)snprintf(consumer->folder, sizeof(consumer->folder), "%s", at->folder); /* it fits */
    const struct mri_consumer_source source = {at->os, at->alloc, consumer->folder, NULL, 0};
    consumer->front = source;
    consumer->back = source;
    consumer->scout = source;
    err = open_into(consumer, at, options, reterr_problem);
    if (err != MR_OK) {
        mr_consumer_close(consumer);
        return err;
    }
    *ret_consumer = consumer;
    return mri_problem(
        reterr_problem, MR_OK, "%s", ""); /* on the way, one may not have been there */
}

mr_err mr_consumer_open(const char *folder, const char *name, const mr_consumer_options *options,
    mr_consumer **ret_consumer, mr_problem *reterr_problem)
{
    const struct mri_consumer_at at = {mri_os_linux(), mri_alloc_system(), folder, name};
    return mri_consumer_open(&at, options, ret_consumer, reterr_problem);
}

void mr_consumer_close(mr_consumer *consumer)
{
    if (consumer == NULL) {
        return;
    }
    MRI_ASSERT(consumer->magic == MRI_CONSUMER_MAGIC);
    struct mri_consumer_file *file = &consumer->file;
    if (file->owner >= 0) {
        if (mri_consumer_file_lock(file, NULL) == MR_OK) {
            /* If it cannot be written, that this handle is gone says the same. */
            (void)mri_consumer_file_give_back(file);
            /* Who must know whether acks are durable calls mr_consumer_sync() before. */
            (void)mri_consumer_file_sync(file);
            mri_consumer_file_unlock(file);
        }
    }
    mri_consumer_file_close(file);
    mri_consumer_source_close(&consumer->front);
    mri_consumer_source_close(&consumer->back);
    mri_consumer_source_close(&consumer->scout);
    consumer->magic = 0;
    mri_alloc_free(consumer->alloc, consumer, sizeof(*consumer));
}
