/* SPDX-License-Identifier: MIT */
/*
 * Reading a log from end to end.
 */
#include "cli/log_digest.h"

#include "base/problem.h"
#include "bus/event_digest.h"
#include "log/format/manifest.h"
#include "log/format/record.h"
#include "log/open/known_end.h"
#include "log/read/reader.h"
#include "millrace/log_admin.h"

/** Check an event, and add it to the digest as long as none before it is missing. */
static mr_err add_event(struct mri_event_digest *digest, struct mri_log_digest_counts *counts,
    const mr_log_event *record)
{
    struct mri_event event;
    mr_log_gap gap;
    counts->first_seq = counts->first_seq == 0 ? record->seq.n : counts->first_seq;
    if (mr_log_event_gap(record, &gap)) {
        counts->gaps++;
        counts->lost_events += gap.last.n - gap.first.n + 1;
    }
    if (record->type >= MR_LOG_TYPE_FREE && mri_event_kind(record->type) == NULL) {
        counts->unknown_events++; /* of its body nothing is known that could be wrong */
        return MR_OK;
    }
    if (counts->first_seq == 1 && counts->gaps == 0 && counts->unknown_events == 0) {
        return mri_event_digest_add(digest, record);
    }
    return record->type >= MR_LOG_TYPE_FREE ? mri_event_decode(record, &event) : MR_OK;
}

static mr_err read_all(mr_log_reader *reader, struct mri_event_digest *digest,
    struct mri_log_digest_counts *counts, mr_problem *problem)
{
    for (;;) {
        mr_log_event record;
        mr_err err = mr_log_reader_next(reader, &record, problem);
        if (err == MR_END) {
            counts->is_torn = mr_log_reader_tail(reader) == MR_LOG_TAIL_TORN;
            return MR_OK;
        }
        if (err == MR_OK) {
            err = add_event(digest, counts, &record);
            if (err != MR_OK) {
                const char *name;
                (void)mri_reader_place(reader, &name);
                return mri_problem(problem, err, "%s: event %llu: %s", name,
                    (unsigned long long)record.seq.n, mr_err_text(err));
            }
        }
        if (err != MR_OK) {
            return err;
        }
        counts->events += record.type >= MR_LOG_TYPE_FREE;
        counts->own_records += record.type < MR_LOG_TYPE_FREE;
        counts->recoveries += record.type == MRI_RECORD_RECOVERY;
        counts->batches += record.is_batch_end;
        counts->bytes += record.stored_bytes;
        mr_log_gap gap;
        counts->last_seq = mr_log_event_gap(&record, &gap) ? gap.last.n : record.seq.n;
    }
}

mr_err mri_log_digest(const struct mri_cli *cli, const char *folder,
    char digest[static MRI_DIGEST_TEXT_BYTES], struct mri_log_digest_counts *ret_counts,
    mr_problem *reterr_problem)
{
    mr_log_reader *reader;
    struct mri_event_digest sum;
    struct mri_log_digest_counts counts = {0};
    struct mri_manifest manifest;
    struct mri_known_end end;
    mr_err err = mri_manifest_read(cli->os, folder, &manifest, reterr_problem);
    if (err != MR_OK) {
        return err;
    }
    err = mri_known_end_read(cli->os, cli->alloc, folder, manifest.log_uuid, &end);
    if (err != MR_OK) {
        return mri_problem(reterr_problem, err, "%s: %s", folder, mr_err_text(err));
    }
    err = mri_reader_open(cli->os, cli->alloc, folder, &reader, reterr_problem);
    if (err != MR_OK) {
        return err;
    }
    err = mri_event_digest_init(&sum, cli->alloc);
    if (err == MR_OK) {
        err = read_all(reader, &sum, &counts, reterr_problem);
    }
    if (err == MR_OK) {
        err =
            mri_known_end_check(&end, cli->os, cli->alloc, folder, counts.last_seq, reterr_problem);
    }
    if (err == MR_OK) {
        (void)mri_digest_text(&sum.digest, digest);
        bool is_whole = counts.gaps == 0 && counts.first_seq <= 1 && counts.unknown_events == 0;
        digest[0] = is_whole ? digest[0] : '\0';
    }
    if (ret_counts != NULL) {
        *ret_counts = counts;
    }
    mri_event_digest_fini(&sum);
    mr_log_reader_close(reader);
    return err;
}
