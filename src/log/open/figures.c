/* SPDX-License-Identifier: MIT */
/*
 * Counting what a log's folder holds. Everything is read as any reader reads it; nothing changes.
 */
#include "log/open/figures.h"

#include <stdio.h>
#include <string.h>

#include "base/problem.h"
#include "log/dedupe/dedupe_file.h"
#include "log/format/manifest.h"
#include "log/format/segment.h"
#include "log/meet/control.h"
#include "log/open/attachment.h"
#include "log/open/known_end.h"
#include "log/open/snapshot.h"
#include "log/read/place.h"
#include "log/read/reader.h"

const char *mri_figures_warning(const char *file_system)
{
    static const struct {
        const char *name;
        const char *warning;
    } warnings[] = {
        {"overlayfs", "two processes may see different files after a copy up; use a volume"},
        {"tmpfs", "it lives in memory: nothing survives a power cut"},
        {"ramfs", "it lives in memory: nothing survives a power cut"},
        {"btrfs", "overwriting may need new space; make the folder NOCOW (chattr +C)"},
        {"zfs", "space is not reserved ahead: a write may fail on a full pool"},
    };
    for (size_t i = 0; i < MRI_COUNT_OF(warnings); i++) {
        if (file_system != NULL && strcmp(file_system, warnings[i].name) == 0) {
            return warnings[i].warning;
        }
    }
    return NULL;
}

struct counting {
    const struct mri_os *os;
    const char *folder;
    mr_log_figures figures;
    struct mri_known_end known_end;
};

static mr_err note_file(void *argument, const char *name)
{
    struct counting *counting = argument;
    mr_log_figures *figures = &counting->figures;
    char path[MRI_PATH_BYTES_MAX];
    struct mri_file_info info;
    if (mri_os_path(counting->folder, name, path) != MR_OK ||
        counting->os->info(counting->os->context, path, &info) != MR_OK || info.is_folder) {
        return MR_OK; /* gone meanwhile, or not ours */
    }
    bool is_segment = strncmp(name, "seg-", 4) == 0;
    bool is_archived = is_segment && strstr(name, ".zst") != NULL;
    figures->folder_bytes += info.bytes;
    figures->archived += is_archived;
    figures->archived_bytes += is_archived ? info.bytes : 0;
    figures->damaged_copies += is_segment && strstr(name, ".damaged-") != NULL;
    figures->has_spare = figures->has_spare || strncmp(name, "spare-", 6) == 0;
    return MR_OK;
}

static void note_event(mr_log_figures *figures, const mr_log_event *event)
{
    mr_log_gap gap;
    figures->last = event->seq;
    if (mr_log_event_gap(event, &gap)) {
        figures->gaps++;
        figures->lost_events += gap.last.n - gap.first.n + 1;
        figures->last = gap.last;
    }
    if (figures->first.n == 0) {
        figures->first = event->seq;
        figures->first_unix_ns = event->time_unix_ns;
    }
    figures->last_unix_ns = event->time_unix_ns;
    figures->records++;
    figures->record_bytes += event->stored_bytes;
    figures->recoveries += event->type == MRI_RECORD_RECOVERY;
}

static mr_err count_events(
    struct counting *counting, const struct mri_alloc *alloc, mr_problem *problem)
{
    mr_log_reader *reader;
    mr_log_figures *figures = &counting->figures;
    mr_err err = mri_reader_open(counting->os, alloc, counting->folder, &reader, problem);
    if (err != MR_OK) {
        return err;
    }
    while (err == MR_OK) {
        mr_log_event event;
        err = mr_log_reader_next(reader, &event, &figures->damage_problem);
        if (err == MR_OK) {
            note_event(figures, &event);
        }
    }
    if (err == MR_ECORRUPT) {
        figures->damage = err;
    }
    mr_err writer = mr_log_reader_writer(reader, &figures->writer_process);
    figures->has_writer = writer == MR_OK;
    mr_log_reader_close(reader);
    if (err == MR_END) {
        mr_err end = mri_known_end_check(&counting->known_end, counting->os, alloc,
            counting->folder, figures->last.n, &figures->damage_problem);
        figures->damage = end == MR_ECORRUPT ? end : MR_OK;
        err = end == MR_OK || end == MR_ECORRUPT ? err : end;
    }
    return err == MR_END || err == MR_ECORRUPT
               ? MR_OK
               : mri_problem_pass(problem, err, figures->damage_problem.text);
}

/** The bits of every segment's head that can be read. */
static mr_err count_segments(
    struct counting *counting, const struct mri_alloc *alloc, mr_problem *problem)
{
    const struct mri_os *os = counting->os;
    mr_log_figures *figures = &counting->figures;
    struct mri_segment_list list = {0};
    mr_err err = mri_segment_list(os, alloc, counting->folder, &list);
    if (err != MR_OK) {
        return mri_problem(problem, err, "%s: %s", counting->folder, mr_err_text(err));
    }
    figures->segments = list.count;
    for (size_t i = 0; i < list.count; i++) {
        _Alignas(8) uint8_t page[MRI_SEGMENT_PAGE_BYTES];
        struct mri_segment_head head;
        char name[MRI_SEGMENT_NAME_BYTES];
        char path[MRI_PATH_BYTES_MAX];
        size_t count;
        bool is_hurt;
        int fd;
        if (mri_os_path(counting->folder, mri_segment_name(list.base_seqs[i], name), path) !=
                MR_OK ||
            os->open(os->context, path, MRI_OPEN_READ, &fd) != MR_OK) {
            continue; /* removed or archived meanwhile */
        }
        bool is_read = os->read_at(os->context, fd, page, sizeof(page), 0, &count) == MR_OK;
        os->close(os->context, fd);
        if (is_read && mri_segment_head_read(page, count, &head, &is_hurt) == MR_OK) {
            figures->features_compat |= head.features_compat;
            figures->features_ro_compat |= head.features_ro_compat;
            figures->features_incompat |= head.features_incompat;
        }
    }
    mri_segment_list_fini(&list);
    return MR_OK;
}

mr_err mri_figures_memory(const struct mri_os *os, const char *folder, mr_log_memory *ret_memory,
    mr_problem *reterr_problem)
{
    struct mri_control control;
    struct mri_hot_view view;
    char path[MRI_PATH_BYTES_MAX];
    unsigned processes = 0;
    mr_err err = mri_presence_count(os, folder, &processes);
    if (err != MR_OK) {
        return mri_problem(reterr_problem, err, "%s: %s", folder, mr_err_text(err));
    }
    *ret_memory = (mr_log_memory){.processes = processes};
    if (mri_control_read(os, folder, &control) != MR_OK ||
        mri_control_path(&control, folder, path) != MR_OK ||
        mri_hot_view_attach(os, path, &control, &view) != MR_OK) {
        return MR_OK;
    }
    const struct mri_hot_view_counters counters = mri_hot_view_counters(&view);
    mri_hot_view_detach(os, &view);
    *ret_memory = (mr_log_memory){
        .is_there = true,
        .is_poisoned = counters.is_poisoned,
        .processes = processes,
        .writer_epoch = counters.epoch,
        .ring_bytes = control.ring_bytes,
        .tail = {counters.tail_seq},
        .written = {counters.written_seq},
        .durable = {counters.durable_seq},
        .sealed = {counters.sealed_seq},
        .syncs = counters.syncs,
        .waits = counters.backpressured,
        .orphans = counters.orphans,
        .finished = counters.finished,
    };
    (void)snprintf(ret_memory->path, sizeof(ret_memory->path), "%s", control.memory);
    return MR_OK;
}

static mr_err count_folder(
    struct counting *counting, const struct mri_alloc *alloc, mr_problem *problem)
{
    const struct mri_os *os = counting->os;
    mr_log_figures *figures = &counting->figures;
    struct mri_manifest manifest;
    struct mri_snapshot_list snapshots;
    struct mri_file_info info;
    mr_err err = mri_manifest_read(os, counting->folder, &manifest, problem);
    if (err != MR_OK) {
        return err;
    }
    figures->segment_bytes = manifest.segment_bytes;
    figures->removed.n = manifest.removed.last_seq;
    figures->features_compat = manifest.features_compat;
    figures->features_ro_compat = manifest.features_ro_compat;
    figures->features_incompat = manifest.features_incompat;
    for (size_t i = 0; i < sizeof(manifest.log_uuid); i++) {
        (void)snprintf(figures->uuid + 2 * i, 3, "%02x", manifest.log_uuid[i]);
    }
    err = os->list(os->context, counting->folder, counting, note_file);
    if (err == MR_OK) {
        err = os->info(os->context, counting->folder, &info);
    }
    if (err == MR_OK) {
        (void)snprintf(figures->file_system, sizeof(figures->file_system), "%s", info.file_system);
        figures->warning = mri_figures_warning(info.file_system);
        err = mri_snapshot_list(os, counting->folder, &snapshots);
    }
    if (err == MR_OK) {
        figures->snapshots = snapshots.count;
        figures->newest_snapshot.n = snapshots.count > 0 ? snapshots.seqs[0] : 0;
        err = mri_known_end_read(
            os, alloc, counting->folder, manifest.log_uuid, &counting->known_end);
    }
    return err == MR_OK ? MR_OK
                        : mri_problem(problem, err, "%s: %s", counting->folder, mr_err_text(err));
}

/** Had some event before the first one that is there a producer or a message id? */
static bool is_beginning_identified(
    const struct counting *counting, const struct mri_manifest *manifest, uint64_t first_seq)
{
    const struct mri_place_source source = {
        .os = counting->os, .folder = counting->folder, .manifest = manifest};
    struct mri_segment_head head;
    mr_problem unused;
    return first_seq > 1 && (mri_place_read_head(&source, first_seq, &head, &unused) != MR_OK ||
                                (head.features_compat & MRI_FEATURE_COMPAT_IDENTIFIED) != 0);
}

/** What the file `producers` says, and what its lack means. */
static mr_err count_producers(
    struct counting *counting, const struct mri_alloc *alloc, mr_problem *problem)
{
    mr_log_figures *figures = &counting->figures;
    struct mri_manifest manifest;
    struct mri_segment_list list = {0};
    struct mri_dedupe_file file = {0};
    mr_err err = mri_manifest_read(counting->os, counting->folder, &manifest, problem);
    if (err == MR_OK) {
        err = mri_segment_list(counting->os, alloc, counting->folder, &list);
    }
    if (err != MR_OK) {
        return err;
    }
    uint64_t first_seq = list.count > 0 ? list.base_seqs[0] : 1;
    mri_segment_list_fini(&list);
    err = mri_dedupe_file_read(counting->os, alloc, counting->folder, manifest.log_uuid, &file);
    if (err == MR_OK && file.head->seq + 1 >= first_seq) {
        figures->has_producers = true;
        figures->producers = file.head->producer_count;
        figures->message_ids = file.head->id_count;
        figures->producers_up_to.n = file.head->seq;
        figures->producers_warning =
            file.head->is_incomplete != 0
                ? "producers of some events that are removed or damaged are not known"
                : NULL;
    } else if (is_beginning_identified(counting, &manifest, first_seq)) {
        figures->producers_warning = "the file is missing, damaged or too old, and events are "
                                     "removed whose producers only it knew";
    } else if (err == MR_ECORRUPT || err == MR_EVERSION) {
        figures->producers_warning = "the file is damaged; the next open reads all events instead";
    }
    mri_dedupe_file_fini(&file);
    bool is_said = err == MR_NOT_FOUND || err == MR_ECORRUPT || err == MR_EVERSION;
    return err == MR_OK || is_said ? MR_OK
                                   : mri_problem(problem, err, "%s/" MRI_DEDUPE_FILE_NAME ": %s",
                                         counting->folder, mr_err_text(err));
}

mr_err mri_figures_count(const struct mri_os *os, const struct mri_alloc *alloc, const char *folder,
    mr_log_figures *ret_figures, mr_problem *reterr_problem)
{
    struct counting counting = {.os = os, .folder = folder};
    mr_err err = count_folder(&counting, alloc, reterr_problem);
    if (err == MR_OK) {
        err = mri_figures_memory(os, folder, &counting.figures.memory, reterr_problem);
    }
    if (err == MR_OK) {
        err = count_segments(&counting, alloc, reterr_problem);
    }
    if (err == MR_OK) {
        err = count_events(&counting, alloc, reterr_problem);
    }
    if (err == MR_OK) {
        err = count_producers(&counting, alloc, reterr_problem);
    }
    *ret_figures = counting.figures;
    return err;
}

static mr_err sync_file(const struct mri_os *os, const char *folder, uint64_t base_seq)
{
    char name[MRI_SEGMENT_NAME_BYTES];
    char path[MRI_PATH_BYTES_MAX];
    int fd;
    mr_err err = mri_os_path(folder, mri_segment_name(base_seq, name), path);
    if (err == MR_OK) {
        err = os->open(os->context, path, MRI_OPEN_WRITE, &fd);
    }
    if (err != MR_OK) {
        return err;
    }
    err = os->sync_data(os->context, fd);
    os->close(os->context, fd);
    return err;
}

/** Under the lock: finished segments were synced when they ended, so the newest is what there is.
 */
static mr_err flush_locked(const struct mri_os *os, const struct mri_alloc *alloc,
    const char *folder, mr_seq *ret_last, mr_problem *problem)
{
    struct mri_segment_list list = {0};
    mr_log_figures figures;
    mr_err err = mri_segment_list(os, alloc, folder, &list);
    if (err == MR_OK && list.count > 0) {
        err = sync_file(os, folder, list.base_seqs[list.count - 1]);
    }
    if (err == MR_OK) {
        err = os->sync_folder(os->context, folder);
    }
    mri_segment_list_fini(&list);
    if (err != MR_OK) {
        return mri_problem(problem, err, "%s: %s", folder, mr_err_text(err));
    }
    err = mri_figures_count(os, alloc, folder, &figures, problem);
    if (err == MR_OK && figures.damage != MR_OK) {
        return mri_problem_pass(problem, figures.damage, figures.damage_problem.text);
    }
    *ret_last = figures.last;
    return err;
}

/** Are all segments in the folder, up to the one that holds an event? */
static mr_err look_for_files(const struct mri_os *os, const struct mri_alloc *alloc,
    const char *folder, mr_seq last, mr_problem *problem)
{
    static const mr_log_read_options options = {.is_in_files = true};
    mr_log_reader *reader;
    mr_err err = mri_reader_open_with(os, alloc, folder, &options, &reader, problem);
    if (err != MR_OK) {
        return err;
    }
    err = mri_reader_check_count(reader, problem);
    if (err == MR_OK && last.n > 0) {
        err = mr_log_reader_seek(reader, last, problem);
    }
    mr_log_event event;
    if (err == MR_OK && last.n > 0) {
        err = mr_log_reader_next(reader, &event, problem);
    }
    mr_log_reader_close(reader);
    return err != MR_NOT_FOUND && err != MR_END ? err
                                                : mri_problem(problem, MR_ECORRUPT,
                                                      "%s: event %llu was written, and is in no "
                                                      "file: the newest segments are missing",
                                                      folder, (unsigned long long)last.n);
}

/** Others have it open: be one of them, unless one is in alone. */
static mr_err flush_beside(const struct mri_os *os, const struct mri_alloc *alloc,
    const char *folder, mr_seq *ret_last, mr_problem *problem)
{
    mr_log *log;
    mr_err err = mri_log_open(os, alloc, folder, NULL, &log, problem);
    if (err != MR_OK) {
        return err;
    }
    *ret_last = mr_log_last(log);
    err = mr_log_sync(log);
    if (err != MR_OK) {
        (void)mri_problem(problem, err, "%s: %s", folder, mr_err_text(err));
    } else {
        err = look_for_files(os, alloc, folder, *ret_last, problem);
        if (err == MR_ECORRUPT || err == MR_EPATH) { /* segments may have been removed meanwhile */
            err = look_for_files(os, alloc, folder, *ret_last, problem);
        }
        if (err == MR_OK) {
            (void)mri_problem(problem, MR_OK, "%s", "");
        }
    }
    mr_log_close(log);
    return err;
}

mr_err mri_figures_flush(const struct mri_os *os, const struct mri_alloc *alloc, const char *folder,
    mr_seq *ret_last, mr_problem *reterr_problem)
{
    struct mri_manifest manifest;
    struct mri_presence presence = {.fd = -1};
    mr_err err = mri_manifest_read(os, folder, &manifest, reterr_problem);
    if (err == MR_OK) {
        err = mri_attachment_alone(os, folder, &presence, reterr_problem);
    }
    if (err == MR_OK) {
        err = flush_locked(os, alloc, folder, ret_last, reterr_problem);
    }
    mri_presence_leave(&presence);
    return err == MR_BUSY ? flush_beside(os, alloc, folder, ret_last, reterr_problem) : err;
}

mr_err mr_log_count(const char *folder, mr_log_figures *ret_figures, mr_problem *reterr_problem)
{
    if (folder == NULL || ret_figures == NULL) {
        return MR_EINVAL;
    }
    return mri_figures_count(
        mri_os_linux(), mri_alloc_system(), folder, ret_figures, reterr_problem);
}

mr_err mr_log_flush(const char *folder, mr_seq *ret_last, mr_problem *reterr_problem)
{
    if (folder == NULL || ret_last == NULL) {
        return MR_EINVAL;
    }
    return mri_figures_flush(mri_os_linux(), mri_alloc_system(), folder, ret_last, reterr_problem);
}
