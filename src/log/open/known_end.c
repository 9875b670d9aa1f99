/* SPDX-License-Identifier: MIT */
/*
 * Comparing the end of a log with what remembers it.
 */
#include "log/open/known_end.h"

#include "base/problem.h"
#include "log/dedupe/dedupe_file.h"
#include "log/format/segment.h"
#include "log/meet/control.h"

#define SNAPSHOT_BYTES_MAX ((size_t)32 << 30)

mr_err mri_known_end_read(const struct mri_os *os, const struct mri_alloc *alloc,
    const char *folder, const uint8_t log_uuid[16], struct mri_known_end *ret_end)
{
    struct mri_known_end end = {.has_begun = mri_control_is_of(os, folder, log_uuid)};
    struct mri_dedupe_file file = {0};
    mr_err err = mri_dedupe_file_read(os, alloc, folder, log_uuid, &file);
    end.producers_seq = err == MR_OK ? file.head->seq : 0;
    mri_dedupe_file_fini(&file);
    if (err == MR_ENOMEM) {
        return err;
    }
    if (mri_snapshot_list(os, folder, &end.snapshots) != MR_OK) {
        end.snapshots.count = 0; /* they are hints */
    }
    *ret_end = end;
    return MR_OK;
}

/** The newest whole snapshot of an event behind another; 0: there is none. */
static uint64_t snapshot_behind(const struct mri_known_end *end, const struct mri_os *os,
    const struct mri_alloc *alloc, const char *folder, uint64_t last_seq)
{
    uint64_t found = 0;
    struct mri_buf payload;
    mri_buf_init(&payload, alloc, SNAPSHOT_BYTES_MAX);
    for (uint32_t i = 0; i < end->snapshots.count && end->snapshots.seqs[i] > last_seq; i++) {
        struct mri_snapshot_place place;
        if (mri_snapshot_read(os, folder, end->snapshots.seqs[i], &place, &payload) == MR_OK) {
            found = place.seq;
            break;
        }
    }
    mri_buf_fini(&payload);
    return found;
}

uint64_t mri_known_end_lost(const struct mri_known_end *end, const struct mri_os *os,
    const struct mri_alloc *alloc, const char *folder, uint64_t last_seq)
{
    uint64_t seq = snapshot_behind(end, os, alloc, folder, last_seq);
    seq = seq > end->producers_seq ? seq : end->producers_seq;
    return seq > last_seq ? seq : 0;
}

mr_err mri_known_end_check(const struct mri_known_end *end, const struct mri_os *os,
    const struct mri_alloc *alloc, const char *folder, uint64_t last_seq,
    mr_problem *reterr_problem)
{
    struct mri_segment_list list = {0};
    uint64_t lost = mri_known_end_lost(end, os, alloc, folder, last_seq);
    if (lost == 0 && (last_seq > 0 || !end->has_begun)) {
        return MR_OK;
    }
    mr_err err = mri_segment_list(os, alloc, folder, &list);
    if (err != MR_OK) {
        return mri_problem(reterr_problem, err, "%s: %s", folder, mr_err_text(err));
    }
    uint64_t before = list.count > 0 ? list.base_seqs[list.count - 1] - 1 : 0;
    bool is_empty = list.count == 0;
    mri_segment_list_fini(&list);
    if (lost == 0 && is_empty) {
        return mri_problem(reterr_problem, MR_ECORRUPT,
            "%s: all segments are missing: the file " MRI_CONTROL_NAME
            " says that there were some; bring them back from a copy (millrace log repair "
            "--restore COPY), or remove that file to begin anew with event 1",
            folder);
    }
    if (lost <= before) { /* the newest segment has no event yet, and the others are removed */
        return MR_OK;
    }
    bool is_producers = lost == end->producers_seq;
    return mri_problem(reterr_problem, MR_ECORRUPT,
        "%s: the log ends with event %llu, and %s event %llu, which was durable: the end of the "
        "log is missing; bring it back from a copy (millrace log repair --restore COPY), or remove "
        "the %s to go on without it",
        folder, (unsigned long long)(last_seq > before ? last_seq : before),
        is_producers ? "the file producers names" : "there is a snapshot of",
        (unsigned long long)lost, is_producers ? "file producers" : "folder snap");
}
