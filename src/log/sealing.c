/* SPDX-License-Identifier: MIT */
/*
 * When and where the writer seals.
 *
 *   [page | e e e e e e SEAL e e e ... e e ROLL]   [page: link | e e SEAL e ...
 *           '--------'       '----------------------------------------'
 *            covered by that SEAL    by this one
 *
 * Invariants
 *  1. Where a SEAL stands depends on how many events came, never on how long anything took.
 *  2. A SEAL stands behind an event of its segment. So every segment begins with an event, and no
 *     two segments with the same one: they are named after it.
 *  3. A SEAL leaves room for ROLL. Where there is none for it, the events wait for the next
 * segment.
 *  4. A SEAL that cannot be made before anything was written is made later. A SEAL that was written
 *     in part poisons the handle like any other write.
 *
 * Not here: what a SEAL covers (sealer.c).
 */
#include "log/sealing.h"

#include <string.h>

#include "log/writer.h"

enum { SEAL_AND_ROLL_BYTES = MRI_SEALING_ROOM_BYTES / 2 };

/** May a SEAL stand at the end of the log as it is? */
static bool has_room(const mr_log *log)
{
    return log->next_seq > log->segment.base_seq &&
           log->offset + SEAL_AND_ROLL_BYTES <= log->segment.segment_bytes;
}

static mr_err open_reader(mr_log *log)
{
    struct mri_sealing *sealing = &log->sealing;
    mr_err err = mri_reader_open(log->os, log->alloc, log->folder, &sealing->reader, NULL);
    if (err != MR_OK) {
        sealing->reader = NULL;
        return err;
    }
    mri_reader_show_all(sealing->reader);
    return MR_OK;
}

/** Append the next SEAL; MR_AGAIN: there is none to append. */
static mr_err append_seal(mr_log *log, bool is_flush)
{
    struct mri_sealing *sealing = &log->sealing;
    const struct mri_seal_limits limits = {.last_seq = log->next_seq - 1, .is_flush = is_flush};
    struct mri_seal seal;
    if (sealing->is_off || sealing->state.next_seq == log->next_seq) {
        return MR_AGAIN;
    }
    if (!has_room(log)) {
        return MR_FULL;
    }
    mr_err err = sealing->reader == NULL ? open_reader(log) : MR_OK;
    if (err == MR_OK) {
        err = mri_sealer_build(
            &sealing->hasher, sealing->reader, &sealing->state, limits, &seal, NULL);
    }
    if (err != MR_OK) {
        return err;
    }
    const mr_log_record record = {.body = &seal,
        .body_bytes = sizeof(seal),
        .type = MRI_RECORD_SEAL,
        .version = MRI_RECORD_VERSION};
    err = mri_append_write(log, &record, 1);
    if (err == MR_OK) {
        mri_sealer_next(
            &sealing->hasher, (const struct mri_record_head *)log->batch.bytes, &sealing->state);
    }
    return err;
}

static mr_err append_seals(mr_log *log, bool is_flush)
{
    mr_err err;
    do {
        err = append_seal(log, is_flush);
    } while (err == MR_OK);
    return err == MR_AGAIN ? MR_OK : err;
}

mr_err mri_sealing_advance(mr_log *log)
{
    return append_seals(log, false);
}

mr_err mri_sealing_complete(mr_log *log)
{
    return append_seals(log, true);
}

mr_err mri_sealing_continue(mr_log *log, const struct mri_segment_head *segment,
    const struct mri_recover_scan *scan, const uint8_t *bytes)
{
    struct mri_sealing *sealing = &log->sealing;
    memcpy(sealing->state.link.bytes, segment->link, sizeof(segment->link));
    if (scan->seal_offset != 0) {
        mri_sealer_next(&sealing->hasher,
            (const struct mri_record_head *)(bytes + scan->seal_offset), &sealing->state);
        return MR_OK;
    }
    mr_err err =
        mri_sealer_find(log->os, log->alloc, log->folder, &log->manifest, &sealing->state, NULL);
    sealing->is_off = err == MR_ECORRUPT || err == MR_EPATH;
    return sealing->is_off ? MR_OK : err; /* the log can be written, and sealed when it is whole */
}

void mri_sealing_fini(mr_log *log)
{
    mr_log_reader_close(log->sealing.reader);
    mri_digest_fini(&log->sealing.hasher);
}
