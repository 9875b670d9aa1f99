/* SPDX-License-Identifier: MIT */
/*
 * Removing the beginning of a log.
 *
 *   seg 1 | seg 2 | seg 3 | seg 4 (newest)
 *   ^ removed       ^ first kept: its head says what the removed part ended with
 *
 * Invariants
 *  1. Only whole segments go, oldest first, each durably before the next: whenever it is cut short,
 *     what is left is one piece up to the newest event.
 *  2. MANIFEST says what may be gone before anything is. A segment that is still there although
 *     MANIFEST counts it as removed is read as ever, and goes with the next call.
 *  3. Files are unlinked, never cut: whoever has one mapped reads on.
 *  4. What no SEAL covers stays: it could never be sealed.
 *  5. Before anything goes the file `producers` includes it, if it has producers or message ids.
 *
 * Not here: what the layers above need to open the log without its beginning; they say it.
 */
#include "log/keep/retain.h"

#include <stdio.h>
#include <string.h>

#include "base/problem.h"
#include "log/consume/consumer.h"
#include "log/format/manifest.h"
#include "log/format/segment.h"
#include "log/meet/presence.h"
#include "log/open/dedupe_rebuild.h"
#include "log/prove/sealer.h"
#include "log/read/place.h"

enum { MESSAGE_IDS_DEFAULT = 65536 };

struct retain {
    const struct mri_os *os;
    const struct mri_alloc *alloc;
    const char *folder;
    const mr_log_retain_options *options;
    struct mri_consumer_hold hold; /**< what consumers still need */
    struct mri_presence presence;
    struct mri_manifest manifest;
    struct mri_segment_list list;
    struct mri_seal_state seals;
    size_t count;                       /**< segments that go */
    struct mri_segment_head first_kept; /**< valid when count > 0 */
    mr_log_retain_report report;
    mr_problem *problem;
};

static mr_err say(const struct retain *retain, const char *path, mr_err err)
{
    return mri_problem(retain->problem, err, "%s: %s", path, mr_err_text(err));
}

/** The head of a segment, plain or archived. */
static mr_err read_head(
    const struct retain *retain, uint64_t base_seq, struct mri_segment_head *ret_head)
{
    const struct mri_place_source source = {
        .os = retain->os, .folder = retain->folder, .manifest = &retain->manifest};
    return mri_place_read_head(&source, base_seq, ret_head, retain->problem);
}

/** May segment i go? If not, the report says why. */
static bool may_go(
    struct retain *retain, size_t i, const struct mri_segment_head *next, uint64_t newest_seq)
{
    const mr_log_retain_options *options = retain->options;
    uint64_t last = next->base_seq - 1;
    uint64_t bytes_left = (retain->list.count - i - 1) * retain->manifest.segment_bytes;
    char *why = retain->report.why;
    size_t room = sizeof(retain->report.why);
    if (options->keep_bytes > 0 && bytes_left < options->keep_bytes) {
        (void)snprintf(why, room, "fewer than %llu bytes would be left",
            (unsigned long long)options->keep_bytes);
        return false;
    }
    if (options->keep_events > 0 && newest_seq - last < options->keep_events) {
        (void)snprintf(why, room, "fewer than %llu events would be left in finished segments",
            (unsigned long long)options->keep_events);
        return false;
    }
    if (options->has_before && next->prev_unix_ns >= options->before_unix_ns) {
        (void)snprintf(why, room, "the segment of event %llu has events that are not older",
            (unsigned long long)retain->list.base_seqs[i]);
        return false;
    }
    if (last >= options->needed.n) {
        (void)snprintf(why, room, "event %llu and all behind it are needed to open the log",
            (unsigned long long)options->needed.n);
        return false;
    }
    if (last >= retain->seals.next_seq) {
        (void)snprintf(why, room, "event %llu and all behind it are not sealed yet",
            (unsigned long long)retain->seals.next_seq);
        return false;
    }
    if (last >= retain->hold.seq) {
        (void)snprintf(why, room, "consumer \"%s\" needs event %llu", retain->hold.name,
            (unsigned long long)retain->hold.seq);
        return false;
    }
    return true;
}

/** How many segments go, and what the first one kept says about them. */
static mr_err choose(struct retain *retain)
{
    const struct mri_segment_list *list = &retain->list;
    struct mri_segment_head before = {0};
    if (list->count == 0) {
        (void)snprintf(retain->report.why, sizeof(retain->report.why), "the log is empty");
        return MR_OK;
    }
    mr_err err = read_head(retain, list->base_seqs[0], &before);
    retain->report.first.n = list->base_seqs[0];
    uint64_t newest_seq = list->base_seqs[list->count - 1] - 1; /* what finished segments hold */
    (void)snprintf(
        retain->report.why, sizeof(retain->report.why), "the newest segment is never removed");
    for (size_t i = 0; err == MR_OK && i + 1 < list->count; i++) {
        struct mri_segment_head next;
        err = read_head(retain, list->base_seqs[i + 1], &next);
        if (err == MR_OK && next.base_position != before.base_position + before.segment_bytes) {
            return mri_problem(retain->problem, MR_ECORRUPT,
                "%s: a segment is missing behind that of event %llu", retain->folder,
                (unsigned long long)before.base_seq);
        }
        if (err != MR_OK || !may_go(retain, i, &next, newest_seq)) {
            return err;
        }
        retain->count = i + 1;
        retain->first_kept = next;
        retain->report.segments = i + 1;
        retain->report.bytes += next.segment_bytes;
        retain->report.removed.n = next.base_seq - 1;
        retain->report.first.n = next.base_seq;
        before = next;
    }
    return err;
}

static mr_err note_removed(struct retain *retain)
{
    struct mri_manifest manifest = retain->manifest;
    const struct mri_segment_head *kept = &retain->first_kept;
    if (manifest.removed.last_seq >= kept->base_seq - 1) {
        return MR_OK; /* it was noted, and cut short then */
    }
    manifest.removed = (struct mri_manifest_removed){
        .last_seq = kept->base_seq - 1,
        .position = kept->base_position,
        .segments = kept->base_position / kept->segment_bytes,
        .chain_crc = kept->prev_crc,
    };
    mr_err err = mri_presence_shut_gate(&retain->presence); /* nobody opens the log in between */
    if (err == MR_OK) {
        err = mri_manifest_write(retain->os, retain->folder, &manifest);
        mr_err opened = mri_presence_open_gate(&retain->presence);
        err = err == MR_OK ? opened : err;
    }
    return err == MR_OK ? MR_OK : say(retain, retain->folder, err);
}

/** Remove a file of a segment: it has a plain one, an archive, or both. */
static mr_err remove_file(const struct retain *retain, const char *name)
{
    char path[MRI_PATH_BYTES_MAX];
    const struct mri_os *os = retain->os;
    mr_err err = mri_os_path(retain->folder, name, path);
    if (err == MR_OK) {
        err = os->remove(os->context, path);
    }
    return err == MR_EPATH ? MR_OK : err;
}

/**
 * Have `producers` include what goes. Up to the newest segment, which was perhaps never synced;
 * with a window of ids as large as that of the file.
 */
static mr_err keep_producers(struct retain *retain)
{
    const struct mri_segment_list *list = &retain->list;
    const struct mri_dedupe_source source = {.os = retain->os,
        .alloc = retain->alloc,
        .folder = retain->folder,
        .manifest = &retain->manifest,
        .limit_seq = list->base_seqs[list->count - 1]};
    uint32_t ids = MESSAGE_IDS_DEFAULT;
    struct mri_dedupe_file file = {0};
    if ((retain->first_kept.features_compat & MRI_FEATURE_COMPAT_IDENTIFIED) == 0) {
        return MR_OK;
    }
    mr_err err = mri_dedupe_file_read(
        retain->os, retain->alloc, retain->folder, retain->manifest.log_uuid, &file);
    if (err == MR_OK) {
        ids = file.head->ids_max;
    }
    mri_dedupe_file_fini(&file);
    return mri_dedupe_rebuild_file(&source, ids, retain->problem); /* it reads the file again */
}

static mr_err remove_all(struct retain *retain)
{
    const struct mri_os *os = retain->os;
    mr_err err = keep_producers(retain);
    if (err == MR_OK) {
        err = note_removed(retain);
    }
    for (size_t i = 0; i < retain->count && err == MR_OK; i++) {
        uint64_t base_seq = retain->list.base_seqs[i];
        char name[MRI_SEGMENT_NAME_BYTES];
        err = remove_file(retain, mri_segment_name(base_seq, name));
        if (err == MR_OK) {
            err = remove_file(retain, mri_segment_archive_name(base_seq, name));
        }
        if (err == MR_OK) {
            err = os->sync_folder(os->context, retain->folder);
        }
        if (err != MR_OK) {
            return say(retain, retain->folder, err);
        }
    }
    return err;
}

mr_err mri_retain(const struct mri_os *os, const struct mri_alloc *alloc, const char *folder,
    const mr_log_retain_options *options, mr_log_retain_report *ret_report,
    mr_problem *reterr_problem)
{
    mr_problem unused;
    struct retain retain = {.os = os,
        .presence = {.fd = -1},
        .alloc = alloc,
        .folder = folder,
        .options = options,
        .problem = reterr_problem == NULL ? &unused : reterr_problem};
    if (options->keep_bytes == 0 && options->keep_events == 0 && !options->has_before) {
        return mri_problem(reterr_problem, MR_EINVAL, "what to keep is not said");
    }
    mr_err err = mri_manifest_read(os, folder, &retain.manifest, retain.problem);
    if (err == MR_OK) {
        err = mri_presence_work(os, folder, &retain.presence, retain.problem);
    }
    if (err == MR_OK) { /* again, under the lock */
        err = mri_manifest_read(os, folder, &retain.manifest, retain.problem);
    }
    if (err == MR_OK) {
        err = mri_segment_list(os, alloc, folder, &retain.list);
        err = err == MR_OK ? MR_OK : say(&retain, folder, err);
    }
    if (err == MR_OK) {
        err = mri_sealer_find(os, alloc, folder, &retain.manifest, &retain.seals, retain.problem);
    }
    if (err == MR_OK) {
        const struct mri_consumer_at at = {.os = os, .alloc = alloc, .folder = folder};
        err = mri_consumer_held(&at, &retain.hold, retain.problem);
    }
    if (err == MR_OK) {
        err = choose(&retain);
    }
    if (err == MR_OK && options->is_done && retain.count > 0) {
        err = remove_all(&retain);
    }
    mri_segment_list_fini(&retain.list);
    mri_presence_leave(&retain.presence);
    *ret_report = retain.report;
    return err;
}

mr_err mr_log_retain(const char *folder, const mr_log_retain_options *options,
    mr_log_retain_report *ret_report, mr_problem *reterr_problem)
{
    if (folder == NULL || options == NULL || ret_report == NULL) {
        return MR_EINVAL;
    }
    return mri_retain(
        mri_os_linux(), mri_alloc_system(), folder, options, ret_report, reterr_problem);
}
