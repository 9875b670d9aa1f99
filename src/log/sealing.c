/* SPDX-License-Identifier: MIT */
/*
 * When and how the writer seals.
 *
 *   [page | e e e e e e e SEAL e e e ... e e SEAL SEAL ROLL]   [page: link | e e ...
 *           '-----'-----'          '-- being hashed
 *            covered by that SEAL
 *
 * Invariants
 *  1. unsealed <= waiting <= the end of the segment. Between the first two a job of the sealer is
 *     under way; they are equal when there is none.
 *  2. Events are hashed from the file, in the background, and not when they are appended. Where a
 *     SEAL stands depends on how many events came, never on how fast the thread was.
 *  3. Before ROLL everything is sealed: the head of a segment holds the link over all before it.
 *  4. A SEAL that cannot be made before anything was written is made later; only before ROLL it is
 *     a fault. A SEAL that was written in part poisons the handle like any other write.
 */
#include "log/sealing.h"

#include <string.h>

#include "log/writer.h"

static bool has_job(const struct mri_sealing *sealing)
{
    return sealing->unsealed.seq != sealing->waiting.seq;
}

/** What has been written and is not being hashed, as a job. */
static mr_err next_job(mr_log *log, struct mri_sealer_job *ret_job)
{
    struct mri_sealing *sealing = &log->sealing;
    const struct mri_os *os = log->os;
    if (sealing->map == NULL) {
        mr_err err = os->map_read(
            os->context, log->segment_fd, (size_t)log->segment.segment_bytes, &sealing->map);
        if (err != MR_OK) {
            sealing->map = NULL;
            return err;
        }
    }
    *ret_job = (struct mri_sealer_job){
        .bytes = sealing->map, .from = sealing->waiting.offset, .to = log->event_end};
    return MR_OK;
}

/** Append the SEAL of a finished job, over the events before `end`. */
static mr_err append_seal(
    mr_log *log, const struct mri_sealer_job *job, const struct mri_sealing_place *end)
{
    struct mri_sealing *sealing = &log->sealing;
    const struct mri_seal seal = {
        .first_seq = sealing->unsealed.seq,
        .last_seq = end->seq - 1,
        .next_position = log->segment.base_position + end->offset,
        .root = job->root,
        .link = sealing->link,
    };
    const mr_log_record record = {.body = &seal,
        .body_bytes = sizeof(seal),
        .type = MRI_RECORD_SEAL,
        .version = MRI_RECORD_VERSION};
    if (job->err != MR_OK) {
        return mri_commit_poison(log, MR_EIO); /* the file does not hold what was written */
    }
    if (log->offset + MRI_SEALING_ROOM_BYTES / 2 > log->segment.segment_bytes) {
        return MR_EIO; /* batches leave this room, so somebody else has written there */
    }
    mr_err err = mri_append_write(log, &record, 1);
    if (err == MR_OK) {
        mri_seal_link_next(
            &sealing->hasher, (const struct mri_record_head *)log->batch.bytes, &sealing->link);
        sealing->unsealed = *end;
    }
    return err;
}

/** Wait for the job that is under way, if there is one, and append its SEAL. */
static mr_err finish_job(mr_log *log)
{
    struct mri_sealing *sealing = &log->sealing;
    if (!has_job(sealing)) {
        return MR_OK;
    }
    const struct mri_sealer_job job = *mri_sealer_wait(&sealing->sealer);
    mr_err err = append_seal(log, &job, &sealing->waiting);
    if (err != MR_OK) {
        sealing->waiting = sealing->unsealed; /* there is no job any more */
    }
    return err;
}

mr_err mri_sealing_advance(mr_log *log)
{
    struct mri_sealing *sealing = &log->sealing;
    struct mri_sealing_place end = {log->event_end, log->next_seq};
    struct mri_sealer_job job;
    if (sealing->waiting.seq == log->next_seq) {
        return MR_OK;
    }
    mr_err err = next_job(log, &job);
    if (err == MR_OK) {
        err = finish_job(log);
    }
    if (err == MR_OK) {
        err = mri_sealer_start(&sealing->sealer, &job);
    }
    if (err == MR_OK) {
        sealing->waiting = end;
    }
    return err;
}

mr_err mri_sealing_complete(mr_log *log)
{
    struct mri_sealing *sealing = &log->sealing;
    struct mri_sealing_place end = {log->event_end, log->next_seq};
    struct mri_sealer_job job;
    if (sealing->unsealed.seq == log->next_seq) {
        return MR_OK;
    }
    mr_err err = next_job(log, &job);
    if (err == MR_OK) {
        err = finish_job(log);
    }
    if (err != MR_OK || sealing->unsealed.seq == end.seq) {
        return err;
    }
    mri_sealer_run(&sealing->hasher, &job);
    err = append_seal(log, &job, &end);
    sealing->waiting = sealing->unsealed;
    return err;
}

void mri_sealing_continue(mr_log *log, const struct mri_segment_head *segment,
    const struct mri_recover_scan *scan, const uint8_t *bytes)
{
    struct mri_sealing *sealing = &log->sealing;
    memcpy(sealing->link.bytes, segment->link, sizeof(sealing->link.bytes));
    sealing->unsealed =
        (struct mri_sealing_place){.offset = MRI_SEGMENT_PAGE_BYTES, .seq = segment->base_seq};
    if (scan->seal_offset != 0) {
        const struct mri_record_head *record =
            (const struct mri_record_head *)(bytes + scan->seal_offset);
        struct mri_seal seal;
        if (mri_seal_read(record, &seal) == MR_OK) {
            sealing->link = seal.link; /* equal, but behind a gap */
            sealing->unsealed = (struct mri_sealing_place){
                seal.next_position - segment->base_position, seal.last_seq + 1};
        }
        bool is_here = sealing->unsealed.offset >= MRI_SEGMENT_PAGE_BYTES &&
                       sealing->unsealed.offset <= scan->seal_offset;
        if (!is_here) { /* a forged one: what it says is for verify to judge */
            sealing->unsealed = (struct mri_sealing_place){scan->end_offset, scan->next_seq};
        }
        mri_seal_link_next(&sealing->hasher, record, &sealing->link);
    }
    if (scan->is_rolled) {
        mri_seal_link_next(&sealing->hasher,
            (const struct mri_record_head *)(bytes + scan->last_offset), &sealing->link);
    }
    sealing->waiting = sealing->unsealed;
}

void mri_sealing_enter(mr_log *log)
{
    log->sealing.unsealed =
        (struct mri_sealing_place){.offset = MRI_SEGMENT_PAGE_BYTES, .seq = log->next_seq};
    log->sealing.waiting = log->sealing.unsealed;
}

void mri_sealing_leave(mr_log *log)
{
    struct mri_sealing *sealing = &log->sealing;
    if (has_job(sealing)) { /* after a fault; the next open seals it */
        (void)mri_sealer_wait(&sealing->sealer);
        sealing->waiting = sealing->unsealed;
    }
    if (sealing->map != NULL) {
        log->os->unmap(log->os->context, sealing->map, (size_t)log->segment.segment_bytes);
        sealing->map = NULL;
    }
}

void mri_sealing_fini(mr_log *log)
{
    mri_sealer_fini(&log->sealing.sealer);
    mri_digest_fini(&log->sealing.hasher);
}
