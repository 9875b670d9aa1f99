/* SPDX-License-Identifier: MIT */
/*
 * Consumers seen from outside: figures, their names, what they hold, removing one.
 *
 * Invariants
 *  1. Figures are read without a turn, so they never keep a consumer waiting, and by a handle that
 *     need not be allowed to write.
 *  2. What a damaged cursor holds is not known: then nothing may be removed from the log.
 */
#include <stdio.h>
#include <string.h>

#include "base/problem.h"
#include "log/consume/consumer.h"
#include "log/consume/consumer_file.h"
#include "log/consume/consumer_record.h"
#include "log/format/manifest.h"
#include "log/read/reader.h"

/* ---- figures --------------------------------------------------------------------------------- */

/** The time of the event at the cursor; 0 when there is none yet, or it is gone. */
static mr_err read_cursor_time(
    mr_log_reader *reader, uint64_t seq, int64_t *ret_unix_ns, mr_problem *problem)
{
    mr_log_event event;
    mr_err err = mr_log_reader_seek(reader, (mr_seq){seq}, problem);
    if (err == MR_OK) {
        err = mr_log_reader_next(reader, &event, problem);
    }
    *ret_unix_ns = err == MR_OK ? event.time_unix_ns : 0;
    return err > MR_OK ? MR_OK : err;
}

/** How far the consumer is behind the log; `settled` events are acked, by records of the log. */
static mr_err measure_lag(const struct mri_consumer_at *at,
    const struct mri_consumer_window *window, uint32_t settled, mr_consumer_stats *stats,
    mr_problem *problem)
{
    mr_log_reader *reader;
    mr_log_event event;
    int64_t logged_unix_ns = 0;
    mr_err err = mri_reader_open(at->os, at->alloc, at->folder, &reader, problem);
    if (err != MR_OK) {
        return err;
    }
    err = mr_log_reader_seek_end(reader, problem);
    if (err == MR_OK) {
        err = mr_log_reader_previous(reader, &event, problem);
    }
    uint64_t behind =
        err == MR_OK && event.seq.n >= window->next ? event.seq.n - window->next + 1 : 0;
    uint64_t acked = mri_consumer_window_count(window) + settled;
    stats->lag_events = behind > acked ? behind - acked : 0;
    if (stats->lag_events > 0) {
        err = read_cursor_time(reader, window->next, &logged_unix_ns, problem);
    }
    mr_log_reader_close(reader);
    if (logged_unix_ns != 0) {
        int64_t now = at->os->realtime_unix_ns(at->os->context);
        stats->lag_ns = now > logged_unix_ns ? now - logged_unix_ns : 0;
    }
    return err == MR_END ? MR_OK : err;
}

static bool is_owner_alive(void *context, uint16_t owner)
{
    return mri_consumer_file_is_alive(context, owner);
}

static void count(struct mri_consumer_file *file, mr_consumer_stats *stats, uint32_t *ret_settled)
{
    const struct mri_consumer_slot *slot = &file->slot;
    const struct mri_consumer_census census = {is_owner_alive, file};
    int64_t now = file->os->boottime_ns(file->os->context);
    stats->policy = (mr_consumer_policy)slot->rules.policy;
    stats->next.n = slot->window.next;
    stats->redeliveries = slot->redeliveries;
    stats->dead_letters = slot->dead_letters;
    stats->lost_events = slot->lost_events;
    stats->rewinds = slot->rewind_count;
    struct mri_consumer_pick pick =
        mri_consumer_lease_pick(&file->image.leases, &slot->window, now, &census);
    stats->in_flight = pick.in_flight;
    *ret_settled = pick.settled;
    for (int i = 0; i < MR_CONSUMER_HANDLES_MAX; i++) {
        stats->handles += mri_consumer_file_is_alive(file, (uint16_t)i);
    }
}

/** Read a consumer's file into a block that the caller frees; NULL after a failure. */
static mr_err look(
    const struct mri_consumer_at *at, struct mri_consumer_file **ret_file, mr_problem *problem)
{
    void *block;
    mr_err err = mri_alloc_array(at->alloc, 1, sizeof(struct mri_consumer_file), &block);
    if (err != MR_OK) {
        return mri_problem(problem, err, "%s", mr_err_text(err));
    }
    struct mri_consumer_file *file = block;
    err = mri_consumer_file_open(file, at->os, at->folder, at->name, false, problem);
    if (err == MR_OK) {
        err = mri_consumer_file_look(file, problem);
    }
    if (err != MR_OK) {
        mri_consumer_file_close(file);
        mri_alloc_free(at->alloc, file, sizeof(*file));
        return err;
    }
    *ret_file = file;
    return MR_OK;
}

static void leave(const struct mri_consumer_at *at, struct mri_consumer_file *file)
{
    mri_consumer_file_close(file);
    mri_alloc_free(at->alloc, file, sizeof(*file));
}

static mr_err check_at(const struct mri_consumer_at *at, mr_problem *problem)
{
    struct mri_manifest manifest;
    if (at->folder == NULL || !mri_consumer_slot_is_name(at->name)) {
        return mri_problem(problem, MR_EINVAL, "not the name of a consumer: \"%s\"",
            at->name == NULL ? "" : at->name);
    }
    mr_err err = mri_manifest_read(at->os, at->folder, &manifest, problem);
    return err == MR_EPATH ? MR_NOT_FOUND : err;
}

/** Have the consumer's file, of a name that may be one. */
static mr_err find(
    const struct mri_consumer_at *at, struct mri_consumer_file **ret_file, mr_problem *problem)
{
    mr_err err = check_at(at, problem);
    return err == MR_OK ? look(at, ret_file, problem) : err;
}

mr_err mri_consumer_stat(
    const struct mri_consumer_at *at, mr_consumer_stats *ret_stats, mr_problem *reterr_problem)
{
    struct mri_consumer_file *file = NULL;
    uint32_t settled;
    mr_err err = find(at, &file, reterr_problem);
    if (err != MR_OK) {
        return err;
    }
    MRI_ASSERT(file != NULL);
    mr_consumer_stats stats = {.policy = MR_CONSUMER_HOLD};
    (void)snprintf(stats.name, sizeof(stats.name), "%s", at->name); /* it fits */
    count(file, &stats, &settled);
    err = measure_lag(at, &file->slot.window, settled, &stats, reterr_problem);
    leave(at, file);
    if (err == MR_OK) {
        *ret_stats = stats;
    }
    return err;
}

mr_err mr_consumer_stat(
    const char *folder, const char *name, mr_consumer_stats *ret_stats, mr_problem *reterr_problem)
{
    const struct mri_consumer_at at = {mri_os_linux(), mri_alloc_system(), folder, name};
    return ret_stats == NULL ? MR_EINVAL : mri_consumer_stat(&at, ret_stats, reterr_problem);
}

/* ---- dead letters ---------------------------------------------------------------------------- */

static void copy_letter(const mr_log_event *event, const struct mri_consumer_said *said,
    struct mri_consumer_letter *ret_letter)
{
    *ret_letter = (struct mri_consumer_letter){
        .seq = event->seq.n, .of_seq = said->head.lowest_seq, .deliveries = said->head.deliveries};
    memcpy(ret_letter->why, said->why.bytes, said->why.count); /* the NUL is there */
}

mr_err mri_consumer_last_letter(const struct mri_consumer_at *at,
    struct mri_consumer_letter *ret_letter, mr_problem *reterr_problem)
{
    struct mri_consumer_file *file = NULL;
    mr_log_reader *reader = NULL;
    bool is_found = false;
    mr_err err = find(at, &file, reterr_problem);
    if (err != MR_OK) {
        return err;
    }
    MRI_ASSERT(file != NULL);
    err = mri_reader_open(at->os, at->alloc, at->folder, &reader, reterr_problem);
    if (err == MR_OK) {
        err = mr_log_reader_seek_end(reader, reterr_problem);
    }
    while (err == MR_OK && !is_found) {
        mr_log_event event;
        struct mri_consumer_said said;
        err = mr_log_reader_previous(reader, &event, reterr_problem);
        is_found = err == MR_OK && event.type == MRI_RECORD_DEAD_LETTER &&
                   mri_consumer_record_get(&event, file->slot.id, &said);
        if (is_found) {
            copy_letter(&event, &said, ret_letter);
        }
    }
    mr_log_reader_close(reader);
    leave(at, file);
    return err > MR_OK ? MR_NOT_FOUND : err;
}

/* ---- names ----------------------------------------------------------------------------------- */

/** The names of all consumers, in a block that the caller frees. */
static mr_err list(
    const struct mri_consumer_at *at, struct mri_consumer_names **ret_names, mr_problem *problem)
{
    void *block;
    mr_err err = mri_alloc_array(at->alloc, 1, sizeof(struct mri_consumer_names), &block);
    if (err == MR_OK) {
        err = mri_consumer_file_names(at->os, at->folder, block);
        if (err != MR_OK) {
            mri_alloc_free(at->alloc, block, sizeof(struct mri_consumer_names));
        }
    }
    if (err != MR_OK) {
        return mri_problem(problem, err, "%s/%s: %s", at->folder, MRI_CONSUMER_FOLDER,
            err == MR_FULL ? "there are more consumers than can be listed" : mr_err_text(err));
    }
    *ret_names = block;
    return MR_OK;
}

mr_err mri_consumer_list(const struct mri_consumer_at *at,
    mr_err (*each)(void *argument, const char *name), void *argument, mr_problem *reterr_problem)
{
    struct mri_manifest manifest;
    struct mri_consumer_names *names = NULL;
    mr_err err = mri_manifest_read(at->os, at->folder, &manifest, reterr_problem);
    if (err == MR_OK) {
        err = list(at, &names, reterr_problem);
    }
    if (err != MR_OK) {
        return err == MR_EPATH ? MR_NOT_FOUND : err;
    }
    MRI_ASSERT(names != NULL);
    for (size_t i = 0; i < names->count && err == MR_OK; i++) {
        err = each(argument, names->items[i]);
    }
    mri_alloc_free(at->alloc, names, sizeof(*names));
    return err;
}

mr_err mr_consumer_list(const char *folder, mr_err (*each)(void *argument, const char *name),
    void *argument, mr_problem *reterr_problem)
{
    const struct mri_consumer_at at = {mri_os_linux(), mri_alloc_system(), folder, NULL};
    return folder == NULL || each == NULL ? MR_EINVAL
                                          : mri_consumer_list(&at, each, argument, reterr_problem);
}

/** What a damaged consumer still needs nobody knows: who asks for it hears the way out. */
static mr_err say_what_removes(const char *name, mr_problem *problem)
{
    char text[MR_PROBLEM_BYTES + 2 * MR_CONSUMER_NAME_MAX + 128];
    if (problem != NULL) {
        (void)snprintf(text, sizeof(text),
            "%s; what consumer \"%s\" still needs is not known: log forget --consumer %s removes "
            "it",
            problem->text[0] != '\0' ? problem->text : mr_err_text(MR_ECORRUPT), name, name);
        (void)mri_problem_pass(problem, MR_ECORRUPT, text);
    }
    return MR_ECORRUPT;
}

mr_err mri_consumer_held(const struct mri_consumer_at *at, struct mri_consumer_hold *ret_hold,
    mr_problem *reterr_problem)
{
    struct mri_consumer_names *names = NULL;
    struct mri_consumer_hold hold = {.seq = UINT64_MAX};
    mr_err err = list(at, &names, reterr_problem);
    if (err != MR_OK) {
        return err;
    }
    MRI_ASSERT(names != NULL);
    for (size_t i = 0; i < names->count && err == MR_OK; i++) {
        struct mri_consumer_file *file = NULL;
        const struct mri_consumer_at one = {at->os, at->alloc, at->folder, names->items[i]};
        err = look(&one, &file, reterr_problem);
        if (err == MR_NOT_FOUND) {
            err = MR_OK; /* removed meanwhile */
            continue;
        }
        if (err != MR_OK) {
            err = err == MR_ECORRUPT ? say_what_removes(one.name, reterr_problem) : err;
            break;
        }
        MRI_ASSERT(file != NULL);
        const struct mri_consumer_slot *slot = &file->slot;
        uint64_t needed =
            slot->applied_seq < slot->window.next ? slot->applied_seq + 1 : slot->window.next;
        if (slot->rules.policy == MR_CONSUMER_HOLD && needed < hold.seq) {
            hold.seq = needed;
            memcpy(hold.name, names->items[i], sizeof(hold.name));
        }
        leave(&one, file);
    }
    mri_alloc_free(at->alloc, names, sizeof(*names));
    if (err == MR_OK) {
        *ret_hold = hold;
    }
    return err;
}

/* ---- removing -------------------------------------------------------------------------------- */

/** Remove the file, if no handle is attached; the guard is held. */
static mr_err remove_file(const struct mri_consumer_at *at, mr_problem *problem)
{
    void *block;
    char folder[MRI_PATH_BYTES_MAX];
    const struct mri_os *os = at->os;
    mr_err err = mri_alloc_array(at->alloc, 1, sizeof(struct mri_consumer_file), &block);
    if (err != MR_OK) {
        return mri_problem(problem, err, "%s", mr_err_text(err));
    }
    struct mri_consumer_file *file = block;
    err = mri_consumer_file_open(file, os, at->folder, at->name, false, problem);
    if (err == MR_ECORRUPT) { /* a damaged one, too */
        err = mri_problem(problem, MR_OK, "%s", "");
    }
    for (int i = 0; i < MR_CONSUMER_HANDLES_MAX && err == MR_OK; i++) {
        if (mri_consumer_file_is_alive(file, (uint16_t)i)) {
            err =
                mri_problem(problem, MR_BUSY, "a process is attached to consumer \"%s\"", at->name);
        }
    }
    if (err == MR_OK) {
        err = mri_os_path(at->folder, MRI_CONSUMER_FOLDER, folder);
        err = err == MR_OK ? os->remove(os->context, file->path) : err;
        err = err == MR_OK ? os->sync_folder(os->context, folder) : err;
        if (err != MR_OK) {
            (void)mri_problem(problem, err, "%s: %s", file->path, mr_err_text(err));
        }
    }
    leave(at, file);
    return err;
}

mr_err mri_consumer_remove(const struct mri_consumer_at *at, mr_problem *reterr_problem)
{
    int guard;
    mr_err err = check_at(at, reterr_problem);
    if (err != MR_OK) {
        return err;
    }
    err = mri_consumer_file_guard(at->os, at->folder, false, &guard);
    if (err != MR_OK) {
        return err == MR_EPATH ? mri_problem(reterr_problem, MR_NOT_FOUND,
                                     "%s: there is no consumer \"%s\"", at->folder, at->name)
                               : mri_problem(reterr_problem, err, "%s/%s: %s", at->folder,
                                     MRI_CONSUMER_FOLDER, mr_err_text(err));
    }
    err = remove_file(at, reterr_problem);
    at->os->close(at->os->context, guard);
    return err;
}

mr_err mr_consumer_remove(const char *folder, const char *name, mr_problem *reterr_problem)
{
    const struct mri_consumer_at at = {mri_os_linux(), mri_alloc_system(), folder, name};
    return mri_consumer_remove(&at, reterr_problem);
}
