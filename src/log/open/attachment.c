/* SPDX-License-Identifier: MIT */
/*
 * Coming and going.
 *
 *   gate shut; is anybody in?
 *     yes: attach to the memory that `ctl` names
 *     no:  write out what a memory of this boot still holds, open the files, make a new memory
 *   gate open
 *
 * Invariants
 *  1. Nothing in the folder changes before the gate is shut, and no log data before somebody is in.
 *  2. Records that were acknowledged and are in a memory of this boot go to the disk before the log
 *     is opened anew, or the open fails and they stay where they are.
 *  3. A new log gets its MANIFEST first (making.c), its first segment second; an open between the
 *     two makes the segment.
 *  4. `ctl` names a memory before it exists, so that no memory is ever left that nobody knows of.
 *     One that its maker did not finish holds nothing: nobody can have appended to it.
 *  5. A child of fork() has no part in its parent's: its copies are closed, its handles refuse.
 */
#include "log/open/attachment.h"

#include <stdio.h>
#include <string.h>

#include "base/problem.h"
#include "log/hot/hot_shared.h"
#include "log/meet/control.h"
#include "log/open/cold.h"
#include "log/open/dedupe_rebuild.h"
#include "log/open/figures.h"
#include "log/open/making.h"
#include "os/fork.h"

enum { PRODUCERS_DEFAULT = 4096, MESSAGE_IDS_DEFAULT = 65536 };
enum { RING_BYTES_MAX = 64 * 1024 * 1024, RING_SEGMENTS = 4, RING_SEGMENTS_MAX = 64 };

#define MILLISECOND_NS ((int64_t)1000000)

/* ---- what this process has ------------------------------------------------------------------- */

static struct mri_attachment *all;
static struct mri_fork_gate all_gate;
static bool has_fork_handler;

/** Its locks would outlive the parent if the child kept the files open. */
static void forget_in_child(void)
{
    for (struct mri_attachment *item = all; item != NULL; item = item->next) {
        mri_presence_leave(&item->presence);
    }
    all = NULL;
    mri_fork_gate_open(&all_gate);
}

bool mri_attachment_is_foreign(const struct mri_attachment *attachment)
{
    return attachment->fork_count != mri_fork_count();
}

static mr_err watch_forks(void)
{
    mr_err err = has_fork_handler ? MR_OK : mri_fork_call_in_child(forget_in_child);
    has_fork_handler = err == MR_OK;
    return err;
}

static struct mri_attachment *find_attached(
    const struct mri_os *os, const struct mri_file_info *folder, const uint8_t *boot_id)
{
    for (struct mri_attachment *item = all; item != NULL; item = item->next) {
        if (item->os->context == os->context && item->device == folder->device &&
            item->inode == folder->inode &&
            memcmp(item->boot_id, boot_id, sizeof(item->boot_id)) == 0 &&
            item->process_id == os->process_id(os->context)) {
            return item;
        }
    }
    return NULL;
}

/* ---- folder and manifest --------------------------------------------------------------------- */

static mr_err check_folder(const struct mri_os *os, const char *folder, bool is_create,
    struct mri_file_info *ret_info, mr_problem *problem)
{
    mr_err err = os->info(os->context, folder, ret_info);
    if (err == MR_EPATH && is_create) {
        err = os->make_folder(os->context, folder);
        if (err == MR_OK || err == MR_EXISTS) { /* made at the same moment by another process */
            err = os->info(os->context, folder, ret_info);
        }
    }
    if (err == MR_OK && !ret_info->is_folder) {
        return mri_problem(problem, MR_EPATH, "%s: not a folder", folder);
    }
    if (err == MR_OK && ret_info->is_network) {
        return mri_problem(problem, MR_EINVAL,
            "%s: a network file system; its locks and caches do not keep a log safe", folder);
    }
    return err == MR_OK ? MR_OK : mri_problem(problem, err, "%s: %s", folder, mr_err_text(err));
}

static mr_err load_manifest(
    struct mri_attachment *attachment, const mr_log_options *options, mr_problem *problem)
{
    const struct mri_os *os = attachment->os;
    struct mri_manifest *manifest = &attachment->manifest;
    mr_err err = mri_manifest_read(os, attachment->folder, manifest, problem);
    if (err == MR_NOT_FOUND && options->is_create) {
        err =
            mri_making_begin(os, attachment->alloc, attachment->folder, options, manifest, problem);
        if (err == MR_OK) {
            (void)mri_problem(problem, MR_OK, "%s", ""); /* "no log here" is no longer a problem */
        }
    }
    if (err == MR_OK && (manifest->features_ro_compat & ~(uint32_t)MRI_FEATURES_RO_COMPAT) != 0) {
        return mri_problem(problem, MR_EVERSION,
            "%s: a newer version wrote this log; this one can only read it", attachment->folder);
    }
    if (err == MR_OK) {
        (void)mri_manifest_uuid_text(manifest, attachment->uuid_text);
    }
    return err;
}

/* ---- the shared memory ----------------------------------------------------------------------- */

/** How much is kept to find repeats. */
static struct mri_dedupe_limits dedupe_limits(const mr_log_options *options)
{
    return (struct mri_dedupe_limits){
        .producers = options->producers_max == 0 ? PRODUCERS_DEFAULT : options->producers_max,
        .ids = options->message_ids == 0                       ? MESSAGE_IDS_DEFAULT
               : options->message_ids == MR_LOG_NO_MESSAGE_IDS ? 0
                                                               : options->message_ids,
    };
}

static mr_err check_limits(const char *folder, const mr_log_options *options, mr_problem *problem)
{
    const struct mri_dedupe_limits limits = dedupe_limits(options);
    bool is_good =
        limits.producers <= MRI_DEDUPE_PRODUCERS_MAX &&
        (limits.ids == 0 || (limits.ids >= MRI_DEDUPE_IDS_MIN && limits.ids <= MRI_DEDUPE_IDS_MAX));
    return is_good ? MR_OK
                   : mri_problem(problem, MR_EINVAL,
                         "%s: producers_max goes up to %u, message_ids from %u to %u", folder,
                         (unsigned)MRI_DEDUPE_PRODUCERS_MAX, (unsigned)MRI_DEDUPE_IDS_MIN,
                         (unsigned)MRI_DEDUPE_IDS_MAX);
}

static struct mri_hot_options hot_options(
    const struct mri_attachment *attachment, const struct mri_log_opener *opener)
{
    uint32_t interval_ms = opener->options->sync_interval_ms;
    return (struct mri_hot_options){
        .os = attachment->os,
        .folder = attachment->folder,
        .memory_path = attachment->memory_path,
        .derived_bytes = opener->derived_bytes,
        .deriver = opener->deriver,
        .is_thin = opener->options->is_thin,
        .sync_interval_ns = interval_ms * MILLISECOND_NS,
        .dedupe = dedupe_limits(opener->options),
    };
}

/** Others are in: the memory is there, or this is another container. */
static mr_err attach_warm(
    struct mri_attachment *attachment, const struct mri_log_opener *opener, mr_problem *problem)
{
    struct mri_control control;
    struct mri_hot_options options = hot_options(attachment, opener);
    const char *folder = attachment->folder;
    mr_err err = mri_control_read(attachment->os, folder, &control);
    if (err == MR_OK) {
        err = mri_control_path(&control, folder, attachment->memory_path);
    }
    if (err != MR_OK) {
        return mri_problem(problem, err == MR_NOT_FOUND ? MR_EIO : err,
            "%s/" MRI_CONTROL_NAME ": %s; another process has the log open", folder,
            err == MR_EVERSION ? "it runs another version" : mr_err_text(err));
    }
    options.ring_bytes = (size_t)control.ring_bytes;
    options.head_bytes = (size_t)control.head_bytes;
    err = mri_hot_tail_attach(&attachment->hot, &options);
    if (err == MR_EPATH) {
        return mri_problem(problem, MR_BUSY,
            "%s: open in another container, whose memory %s is not here; have the ring made in the "
            "log's folder, or share that file system",
            folder, attachment->memory_path);
    }
    if (err == MR_OK && mri_hot_tail_counters(&attachment->hot).is_poisoned) {
        err = mri_problem(problem, MR_EPOISONED,
            "%s: a write or sync has failed; every process must close the log, the next open looks "
            "at what the disk has",
            folder);
        mri_hot_tail_close(&attachment->hot);
        return err;
    }
    return err == MR_OK
               ? MR_OK
               : mri_problem(problem, err, "%s: %s", attachment->memory_path, mr_err_text(err));
}

/**
 * Write out everything, and say that the log goes on elsewhere. Nobody appends in between: a
 * process that lives may have lost its lock file, and would lose what it appends after this.
 */
static mr_err write_out(struct mri_hot_tail *hot)
{
    mr_err err = mri_hot_tail_hold(hot);
    if (err != MR_OK) {
        return err;
    }
    err = mri_hot_tail_commit(hot, mri_hot_tail_counters(hot).tail);
    if (err == MR_OK) {
        mri_hot_tail_retire(hot);
    }
    mri_hot_tail_let_go(hot);
    return err;
}

/** Was the maker of a memory killed before it had any bytes? */
static bool is_empty(const struct mri_os *os, const char *memory_path)
{
    struct mri_file_info info;
    return os->info(os->context, memory_path, &info) == MR_OK && info.is_regular && info.bytes == 0;
}

/** Write out what the memory of processes that are all gone still holds. */
static mr_err drain(const struct mri_os *os, const char *folder, const char *memory_path,
    const struct mri_control *control, bool *ret_is_poisoned)
{
    const struct mri_hot_options options = {
        .os = os,
        .folder = folder,
        .memory_path = memory_path,
        .ring_bytes = (size_t)control->ring_bytes,
        .derived_bytes = (size_t)control->derived_bytes,
        .head_bytes = (size_t)control->head_bytes,
    };
    struct mri_hot_tail hot;
    mr_err err = mri_hot_tail_attach(&hot, &options);
    if (err == MR_EPATH || err == MR_NOT_FOUND ||
        (err == MR_ECORRUPT && is_empty(os, memory_path))) {
        return MR_OK; /* removed, or never finished: nothing can be had from it */
    }
    if (err != MR_OK) {
        return err;
    }
    hot.is_writing_at_once = true;
    *ret_is_poisoned = mri_hot_tail_counters(&hot).is_poisoned;
    if (!*ret_is_poisoned) { /* else: what the disk has is what there is */
        err = mri_hot_tail_compare(&hot);
        err = err == MR_OK ? write_out(&hot) : err;
    } else {
        mri_hot_tail_retire(&hot);
    }
    mri_hot_tail_close(&hot);
    return err;
}

/** Nobody is in: let the memory of this boot go, if there is one. */
static mr_err let_go_of_memory(
    const struct mri_os *os, const char *folder, bool *ret_is_poisoned, mr_problem *problem)
{
    char path[MRI_PATH_BYTES_MAX] = "";
    struct mri_control control;
    mr_err err = mri_control_read(os, folder, &control);
    if (err == MR_NOT_FOUND || err == MR_ECORRUPT) {
        return MR_OK; /* of another boot, or never finished */
    }
    if (err == MR_OK) {
        err = mri_control_path(&control, folder, path);
    }
    if (err == MR_OK) {
        err = drain(os, folder, path, &control, ret_is_poisoned);
    }
    if (err == MR_OK) {
        err = os->memory_remove(os->context, path);
        err = err == MR_EPATH ? MR_OK : err;
    }
    if (err == MR_EUNKNOWN) { /* the memory is poisoned now, and will be left aside */
        return mri_problem(problem, MR_EPOISONED,
            "%s: a sync of what was appended last has failed; the next open looks at what the disk "
            "has",
            folder);
    }
    if (mri_hot_tail_is_shortage(err)) {
        return mri_problem(problem, err,
            "%s: the memory %s may hold records that are not in the files yet, and they cannot be "
            "written: %s; who can has to open the log first",
            folder, path[0] != '\0' ? path : MRI_CONTROL_NAME, mri_making_reason(err));
    }
    return err == MR_OK
               ? MR_OK
               : mri_problem(problem, err,
                     "%s: the memory %s: %s; it may hold records that are not in the files yet "
                     "(remove it to give them up)",
                     folder, path[0] != '\0' ? path : MRI_CONTROL_NAME, mr_err_text(err));
}

mr_err mri_attachment_alone(
    const struct mri_os *os, const char *folder, struct mri_presence *presence, mr_problem *problem)
{
    unsigned others;
    bool is_poisoned;
    mr_problem who = {""};
    mr_err err = mri_presence_come(os, folder, presence, problem);
    if (err != MR_OK) {
        return err;
    }
    err = mri_presence_enter(presence, true, &others, &who);
    if (err != MR_OK) {
        (void)mri_problem(problem, err, "%s: %s", folder, who.text);
    } else {
        (void)mri_control_take_closed(os, folder); /* the caller will write to the files */
        err = let_go_of_memory(os, folder, &is_poisoned, problem);
    }
    if (err == MR_OK) {
        err = mri_presence_open_gate(presence);
        err = err == MR_OK ? MR_OK : mri_problem(problem, err, "%s: %s", folder, mr_err_text(err));
    }
    return err;
}

static mr_err choose_memory(struct mri_attachment *attachment, const struct mri_log_opener *opener,
    uint64_t generation, struct mri_control *control)
{
    const mr_log_options *options = opener->options;
    const struct mri_os *os = attachment->os;
    uint64_t segment_bytes = attachment->manifest.segment_bytes;
    uint64_t usual = segment_bytes * RING_SEGMENTS;
    usual = usual < RING_BYTES_MAX ? usual : (uint64_t)RING_BYTES_MAX;
    *control = (struct mri_control){
        .generation = generation,
        .ring_bytes = options->ring_bytes == 0 ? usual : options->ring_bytes,
        .derived_bytes = opener->derived_bytes,
    };
    memcpy(control->log_uuid, attachment->manifest.log_uuid, sizeof(control->log_uuid));
    int count = options->is_ring_in_folder
                    ? snprintf(control->memory, sizeof(control->memory), "ring-%016llx",
                          (unsigned long long)generation)
                    : snprintf(control->memory, sizeof(control->memory), "%s/millrace-%.8s-%016llx",
                          os->memory_folder, attachment->uuid_text, (unsigned long long)generation);
    if (count < 0 || count >= (int)sizeof(control->memory) ||
        control->ring_bytes > segment_bytes * RING_SEGMENTS_MAX ||
        control->ring_bytes < MRI_HOT_RING_BYTES_MIN ||
        control->ring_bytes % MRI_SHARED_MEMORY_PAGE_BYTES != 0) {
        return MR_EINVAL;
    }
    return mri_control_path(control, attachment->folder, attachment->memory_path);
}

/**
 * Say where the memory is, and make it: in this order, so that who is killed in between leaves none
 * that nobody knows of.
 */
static mr_err make_memory(struct mri_attachment *attachment, const struct mri_log_opener *opener,
    const struct mri_hot_start *start, mr_problem *problem)
{
    const struct mri_os *os = attachment->os;
    struct mri_control control;
    struct mri_hot_options options = hot_options(attachment, opener);
    mr_err err = choose_memory(attachment, opener, start->generation, &control);
    if (err != MR_OK) {
        return mri_problem(problem, err,
            "%s: the ring must have whole pages, %u at least and 64 segments at most",
            attachment->folder, (unsigned)MRI_HOT_RING_BYTES_MIN);
    }
    options.ring_bytes = (size_t)control.ring_bytes;
    control.head_bytes = mri_hot_tail_head_bytes(&options);
    err = mri_control_write(os, attachment->folder, &control);
    if (err != MR_OK) {
        return mri_problem(problem, err, "%s/" MRI_CONTROL_NAME ": cannot be written: %s",
            attachment->folder, mri_making_reason(err));
    }
    err = mri_hot_tail_create(&attachment->hot, &options, start);
    if (err != MR_OK) {
        return mri_problem(problem, err, "%s: cannot be made with %zu bytes: %s",
            attachment->memory_path, (size_t)(control.head_bytes + control.ring_bytes),
            mri_making_reason(err));
    }
    mri_control_touch(os, attachment->folder, &control);
    return MR_OK;
}

/** Say in the log that an incomplete end was cut off. */
static mr_err append_recovery(struct mri_attachment *attachment, const struct mri_cold *cold)
{
    const struct mri_recovery body = {
        .cut_position = cold->cut_position,
        .cut_bytes = cold->opening.cut_bytes,
    };
    const mr_log_record record = {.body = &body,
        .body_bytes = sizeof(body),
        .type = MRI_RECORD_RECOVERY,
        .version = MRI_RECORD_VERSION};
    const struct mri_hot_append how = {.is_own = true, .durability = MR_GROUP};
    mr_err err = mri_hot_tail_append(&attachment->hot, &record, 1, &how, NULL);
    if (err == MR_EUNKNOWN) { /* failed, or only this process cannot write it */
        err = mri_hot_tail_commit(&attachment->hot, mri_hot_tail_counters(&attachment->hot).tail);
    }
    return err == MR_EUNKNOWN ? MR_EIO : err; /* the log is not open, so there is no third answer */
}

static struct mri_dedupe_source dedupe_source(const struct mri_attachment *attachment)
{
    return (struct mri_dedupe_source){.os = attachment->os,
        .alloc = attachment->alloc,
        .folder = attachment->folder,
        .manifest = &attachment->manifest};
}

/** Make the memory, with the producers and message ids that the log has. */
static mr_err make_filled_memory(struct mri_attachment *attachment,
    const struct mri_log_opener *opener, struct mri_cold *cold, mr_problem *problem)
{
    const struct mri_os *os = attachment->os;
    const struct mri_dedupe_source source = dedupe_source(attachment);
    struct mri_dedupe_built built = {0};
    mr_err err =
        os->random_bytes(os->context, &cold->start.generation, sizeof(cold->start.generation));
    if (err != MR_OK) {
        return mri_problem(problem, err, "%s", mr_err_text(err));
    }
    if (cold->is_identified) {
        err = mri_dedupe_rebuild(&source, dedupe_limits(opener->options), &built, problem);
    }
    if (err == MR_OK && built.memory != NULL) {
        cold->start.dedupe = &built.dedupe;
        cold->start.dedupe_seq = built.kept_seq;
        cold->opening.is_dedupe_rescanned = built.kept_seq == 0;
        cold->opening.is_dedupe_incomplete = built.dedupe.head->is_incomplete != 0;
    }
    if (err == MR_OK) {
        err = make_memory(attachment, opener, &cold->start, problem);
    }
    cold->start.dedupe = NULL; /* it is copied */
    mri_dedupe_rebuild_fini(&built);
    return err;
}

static mr_err attach_cold(
    struct mri_attachment *attachment, const struct mri_log_opener *opener, mr_problem *problem)
{
    const struct mri_os *os = attachment->os;
    struct mri_cold cold = {.is_thin = opener->options->is_thin,
        .is_closed_well = mri_control_take_closed(os, attachment->folder)};
    bool is_poisoned = false;
    mr_err err = let_go_of_memory(os, attachment->folder, &is_poisoned, problem);
    if (err != MR_OK) {
        return err;
    }
    err = mri_cold_remove_leftovers(os, attachment->alloc, attachment->folder);
    if (err != MR_OK) {
        return mri_problem(problem, err, "%s: %s", attachment->folder, mr_err_text(err));
    }
    cold.is_after_poison = is_poisoned;
    err = mri_cold_open(
        os, attachment->alloc, attachment->folder, &attachment->manifest, &cold, problem);
    if (err == MR_OK) {
        err = make_filled_memory(attachment, opener, &cold, problem);
    }
    if (err != MR_OK) {
        return err;
    }
    cold.opening.is_after_poison = is_poisoned;
    attachment->opening = cold.opening;
    attachment->hot.is_writing_at_once = true; /* until there is a thread */
    if (cold.opening.decision == MRI_RECOVER_TRUNCATE) {
        err = append_recovery(attachment, &cold);
    }
    return err == MR_OK
               ? MR_OK
               : mri_problem(problem, err, "%s: %s", attachment->folder, mri_making_reason(err));
}

/* ---- coming ---------------------------------------------------------------------------------- */

bool mri_attachment_help(void *context, bool is_idle)
{
    struct mri_attachment *attachment = context;
    struct mri_dedupe_source source = dedupe_source(attachment);
    source.is_durable = true;
    bool is_more = mri_sealing_help(&attachment->sealing, is_idle);
    mri_dedupe_rebuild_help(&attachment->hot, &source, is_idle);
    return is_more;
}

static void start_helper(struct mri_attachment *attachment)
{
    attachment->hot.is_writing_at_once = true;
    if (attachment->os->has_threads) {
        attachment->helper = (struct mri_hot_thread){
            .hot = &attachment->hot, .also = mri_attachment_help, .context = attachment};
        /* Without one every append writes behind itself. */
        attachment->hot.is_writing_at_once = mri_hot_thread_start(&attachment->helper) != MR_OK;
    }
}

/** Leave as somebody who was never in. */
static void abandon(struct mri_attachment *attachment)
{
    mri_hot_tail_close(&attachment->hot);
    mri_sealing_fini(&attachment->sealing);
    mri_presence_leave(&attachment->presence);
    mri_alloc_free(attachment->alloc, attachment, sizeof(*attachment));
}

/** With the gate shut. */
static mr_err come_in(
    struct mri_attachment *attachment, const struct mri_log_opener *opener, mr_problem *problem)
{
    unsigned others = 0;
    mr_problem who = {""};
    mr_err err = load_manifest(attachment, opener->options, problem);
    if (err != MR_OK) {
        return err;
    }
    err = mri_presence_enter(&attachment->presence, opener->options->is_alone, &others, &who);
    if (err != MR_OK) {
        return mri_problem(problem, err, "%s: %s", attachment->folder, who.text);
    }
    err = others > 0 ? attach_warm(attachment, opener, problem)
                     : attach_cold(attachment, opener, problem);
    if (err == MR_OK) {
        err = mri_sealing_init(&attachment->sealing, attachment->os, attachment->alloc,
            attachment->folder, &attachment->hot);
        err = err == MR_OK ? MR_OK : mri_problem(problem, err, "%s", mr_err_text(err));
    }
    if (err == MR_OK) {
        err = mri_presence_open_gate(&attachment->presence);
        err = err == MR_OK ? MR_OK : mri_problem(problem, err, "%s", mr_err_text(err));
    }
    return err;
}

static mr_err attach(
    struct mri_attachment *attachment, const struct mri_log_opener *opener, mr_problem *problem)
{
    const struct mri_os *os = attachment->os;
    mr_err err = MR_OK;
    if (!opener->options->is_create) { /* leave a foreign folder as it is: no lock file */
        err = mri_manifest_read(os, attachment->folder, &attachment->manifest, problem);
    } else {
        err = mri_making_check_folder(os, attachment->alloc, attachment->folder, problem);
    }
    if (err == MR_OK) {
        err = mri_presence_come(os, attachment->folder, &attachment->presence, problem);
    }
    if (err == MR_OK) {
        err = come_in(attachment, opener, problem);
    }
    return err;
}

static mr_err make_attachment(const struct mri_os *os, const struct mri_alloc *alloc,
    const char *folder, const struct mri_file_info *info, struct mri_attachment **ret_attachment,
    mr_problem *problem)
{
    void *block;
    mr_err err = mri_alloc_array(alloc, 1, sizeof(struct mri_attachment), &block);
    if (err == MR_OK) {
        struct mri_attachment *attachment = block;
        *attachment = (struct mri_attachment){.os = os,
            .alloc = alloc,
            .device = info->device,
            .inode = info->inode,
            .process_id = os->process_id(os->context),
            .handles = 1,
            .fork_count = mri_fork_count(),
            .presence = {.fd = -1}};
        (void)snprintf(attachment->folder, sizeof(attachment->folder), "%s", folder); /* it fits */
        err = os->boot_id(os->context, attachment->boot_id);
        *ret_attachment = attachment;
        if (err != MR_OK) {
            mri_alloc_free(alloc, attachment, sizeof(*attachment));
        }
    }
    return err == MR_OK ? MR_OK : mri_problem(problem, err, "%s: %s", folder, mr_err_text(err));
}

/** One more handle on what this process has. */
static mr_err share(
    struct mri_attachment *attachment, const struct mri_log_opener *opener, mr_problem *problem)
{
    if (attachment->is_alone || opener->options->is_alone) {
        return mri_problem(problem, MR_BUSY, "%s: process %u is writing to this log",
            attachment->folder, (unsigned)attachment->process_id);
    }
    if (attachment->hot.options.deriver == NULL && opener->deriver != NULL) {
        mri_hot_tail_use_deriver(&attachment->hot, opener->derived_bytes, opener->deriver);
    }
    attachment->handles++;
    return MR_OK;
}

static mr_err take(const struct mri_os *os, const struct mri_alloc *alloc, const char *folder,
    const struct mri_log_opener *opener, struct mri_attachment **ret_attachment,
    mr_problem *problem)
{
    struct mri_file_info info;
    struct mri_attachment *attachment = NULL;
    mr_err err = watch_forks();
    if (err == MR_OK) {
        err = check_limits(folder, opener->options, problem);
    }
    if (err == MR_OK) {
        err = check_folder(os, folder, opener->options->is_create, &info, problem);
    }
    if (err == MR_OK) {
        err = make_attachment(os, alloc, folder, &info, &attachment, problem);
    }
    if (err != MR_OK) {
        return err;
    }
    MRI_ASSERT(attachment != NULL);
    struct mri_attachment *attached = find_attached(os, &info, attachment->boot_id);
    if (attached != NULL) {
        abandon(attachment);
        err = share(attached, opener, problem);
        *ret_attachment = attached;
        return err;
    }
    err = attach(attachment, opener, problem);
    if (err != MR_OK) {
        abandon(attachment);
        return err;
    }
    attachment->is_alone = opener->options->is_alone;
    attachment->opening.file_system = info.file_system;
    attachment->opening.warning = mri_figures_warning(info.file_system);
    mri_hot_tail_hold_file(&attachment->hot);
    start_helper(attachment);
    attachment->next = all;
    all = attachment;
    *ret_attachment = attachment;
    return MR_OK;
}

mr_err mri_attachment_take(const struct mri_os *os, const struct mri_alloc *alloc,
    const char *folder, const struct mri_log_opener *opener, struct mri_attachment **ret_attachment,
    mr_problem *problem)
{
    mri_fork_gate_shut(&all_gate);
    mr_err err = take(os, alloc, folder, opener, ret_attachment, problem);
    mri_fork_gate_open(&all_gate);
    return err;
}

/* ---- going ----------------------------------------------------------------------------------- */

/** All is durable and nobody else is in: the next open need not read it for its producers. */
static void keep_producers(const struct mri_attachment *attachment)
{
    const struct mri_hot_tail *hot = &attachment->hot;
    const struct mri_hot_view_counters counters = mri_hot_tail_counters(hot);
    struct mri_dedupe_file_place place = {
        .seq = counters.tail_seq, .chain_crc = counters.event_crc};
    memcpy(place.log_uuid, attachment->manifest.log_uuid, sizeof(place.log_uuid));
    if (mri_dedupe_is_used(&hot->dedupe) && atomic_load(&hot->shared->producers_seq) != place.seq) {
        /* Without it the next open reads more, that is all. */
        (void)mri_dedupe_file_write(
            attachment->os, attachment->alloc, attachment->folder, &hot->dedupe, &place);
    }
}

/** The last one: nothing of the log is left in memory, or the memory stays for the next open. */
static void put_away(struct mri_attachment *attachment)
{
    const struct mri_os *os = attachment->os;
    struct mri_hot_tail *hot = &attachment->hot;
    if (mri_hot_tail_commit(hot, mri_hot_tail_counters(hot).tail) != MR_OK) {
        return;
    }
    keep_producers(attachment);
    mri_hot_tail_retire(hot);
    /* What stays behind of these is found and removed by the next open. */
    (void)os->memory_remove(os->context, attachment->memory_path);
    (void)mri_cold_remove_leftovers(os, attachment->alloc, attachment->folder);
    /* Without it the next open reads the disk, that is all. */
    (void)mri_control_write_closed(os, attachment->folder, attachment->manifest.log_uuid);
}

/** Can nobody open the log any more? Its lock has no name, and the folder is gone or another's. */
static bool is_removed(const struct mri_attachment *attachment)
{
    struct mri_manifest found;
    mr_err err = mri_manifest_read(attachment->os, attachment->folder, &found, NULL);
    bool is_elsewhere = err == MR_NOT_FOUND || err == MR_EPATH ||
                        (err == MR_OK && memcmp(found.log_uuid, attachment->manifest.log_uuid,
                                             sizeof(found.log_uuid)) != 0);
    return is_elsewhere && mri_presence_is_removed(&attachment->presence);
}

/** The last one of a log that was removed: its memory is of no use to anybody. */
static void forget_removed(struct mri_attachment *attachment)
{
    const struct mri_os *os = attachment->os;
    mri_hot_tail_retire(&attachment->hot);
    (void)os->memory_remove(os->context, attachment->memory_path);
}

static void leave(struct mri_attachment *attachment)
{
    unsigned others = 0;
    struct mri_hot_tail *hot = &attachment->hot;
    const struct mri_hot_view view = mri_hot_tail_view(hot);
    mri_hot_thread_stop(&attachment->helper);
    hot->is_writing_at_once = true;
    bool is_last =
        mri_presence_count_others(&attachment->presence, &others) == MR_OK && others == 0;
    if (is_last) { /* probably: what takes long is done before others have to wait */
        mri_sealing_finish(&attachment->sealing);
    }
    /* Who must know whether this works calls mr_log_sync() before. */
    (void)mri_hot_tail_commit(hot, mri_hot_tail_counters(hot).tail);
    bool is_shut = mri_presence_shut_gate(&attachment->presence) == MR_OK;
    bool is_counted = is_shut && mri_presence_count_others(&attachment->presence, &others) == MR_OK;
    mr_err err = mri_presence_check(&attachment->presence, attachment->folder);
    if (err == MR_NOT_FOUND) {
        attachment->presence.fd = -1; /* by now another file's, maybe */
    }
    if (is_counted && others == 0 && is_removed(attachment)) {
        forget_removed(attachment);
    }
    /* Who has lost his place sees nobody, whoever is in. */
    if (is_counted && others == 0 && err == MR_OK && !mri_hot_view_is_closed(&view)) {
        if (!is_last) { /* the others have left meanwhile */
            mri_sealing_finish(&attachment->sealing);
        }
        put_away(attachment);
    }
}

void mri_attachment_drop(struct mri_attachment *attachment)
{
    mri_fork_gate_shut(&all_gate);
    attachment->handles--;
    if (attachment->handles == 0) {
        for (struct mri_attachment **link = &all; *link != NULL; link = &(*link)->next) {
            if (*link == attachment) {
                *link = attachment->next;
                break;
            }
        }
        if (!mri_attachment_is_foreign(attachment)) {
            leave(attachment);
        }
        abandon(attachment);
    }
    mri_fork_gate_open(&all_gate);
}
