/* SPDX-License-Identifier: MIT */
/*
 * A consumer's file, <folder>/cur/<name>.
 *
 * Locks are on bytes far behind the end of the file, which it never has:
 *
 *   TURN        whoever reads and writes the file
 *   OWNERS + i  the handle with the number i, as long as it is open
 *
 * Invariants
 *  1. All locks are of the open file: they end with the last process that has it, however that
 *     ends. A child of fork() closes its copy. So a dead owner shows at once, and nobody waits for
 *     the dead.
 *  2. In a turn nothing is kept from the turn before: the file is read anew.
 *  3. The file has its full length, synced, before it has its name, and never another one.
 *  4. Whoever makes, opens or removes a consumer holds the guard, so a removed file has no handle.
 *  5. The newest copy that is known to be durable is never written over: a power cut may tear every
 *     one that is not. So acks between two syncs all go to the same copy. What is known is good for
 *     one run of the machine; the first write in each syncs before.
 */
#include "log/consume/consumer_file.h"

#include <stdio.h>
#include <string.h>

#include "base/problem.h"
#include "os/fork.h"

static const char guard_name[] = ".lock"; /* no consumer can have this name */
static const uint64_t turn_at = (uint64_t)1 << 40;
static const uint64_t owners_at = ((uint64_t)1 << 40) + 1024;

enum { LOOKS = 64, LOOK_AGAIN_NS = 200000 };

/* ---- what this process has open -------------------------------------------------------------- */

static struct mri_consumer_file *all;
static struct mri_fork_gate all_gate;
static bool has_fork_handler;

/** The parent's locks would outlive it if the child kept the files open. */
static void forget_in_child(void)
{
    for (struct mri_consumer_file *file = all; file != NULL; file = file->next) {
        file->os->close(file->os->context, file->fd);
        file->fd = -1;
    }
    all = NULL;
    mri_fork_gate_open(&all_gate);
}

static mr_err note_open(struct mri_consumer_file *file)
{
    mri_fork_gate_shut(&all_gate);
    mr_err err = has_fork_handler ? MR_OK : mri_fork_call_in_child(forget_in_child);
    if (err == MR_OK) {
        has_fork_handler = true;
        file->fork_count = mri_fork_count();
        file->next = all;
        all = file;
    }
    mri_fork_gate_open(&all_gate);
    return err;
}

static void note_closed(struct mri_consumer_file *file)
{
    mri_fork_gate_shut(&all_gate);
    for (struct mri_consumer_file **link = &all; *link != NULL; link = &(*link)->next) {
        if (*link == file) {
            *link = file->next;
            break;
        }
    }
    mri_fork_gate_open(&all_gate);
}

/* ---- the file -------------------------------------------------------------------------------- */

static mr_err path_of(const char *folder, const char *name, char path[static MRI_PATH_BYTES_MAX])
{
    char within[MRI_PATH_BYTES_MAX];
    mr_err err = mri_os_path(folder, MRI_CONSUMER_FOLDER, within);
    return err == MR_OK ? mri_os_path(within, name, path) : err;
}

mr_err mri_consumer_file_guard(
    const struct mri_os *os, const char *folder, bool is_made, int *ret_fd)
{
    char path[MRI_PATH_BYTES_MAX];
    int fd;
    mr_err err = mri_os_path(folder, MRI_CONSUMER_FOLDER, path);
    if (err == MR_OK && is_made) {
        err = os->make_folder(os->context, path);
        err = err == MR_EXISTS ? MR_OK : err;
    }
    if (err == MR_OK) {
        err = path_of(folder, guard_name, path);
    }
    if (err == MR_OK) {
        err = os->open(os->context, path, MRI_OPEN_WRITE | MRI_OPEN_CREATE, &fd);
    }
    if (err != MR_OK) {
        return err;
    }
    err = os->lock_range(os->context, fd, 0, 1, MRI_RANGE_EXCLUSIVE_WAIT);
    if (err != MR_OK) {
        os->close(os->context, fd);
        return err;
    }
    *ret_fd = fd;
    return MR_OK;
}

mr_err mri_consumer_file_make(const struct mri_os *os, const char *folder, const char *name,
    const struct mri_consumer_slot *slot)
{
    static const uint8_t zeros[MRI_CONSUMER_FILE_BYTES - MRI_CONSUMER_SLOT_BYTES];
    char path[MRI_PATH_BYTES_MAX];
    char beside[MRI_PATH_BYTES_MAX];
    int fd;
    struct mri_consumer_slot sealed = *slot;
    mri_consumer_slot_seal(&sealed);
    const struct mri_io_piece pieces[] = {{&sealed, sizeof(sealed)}, {zeros, sizeof(zeros)}};
    mr_err err = path_of(folder, ".new", beside);
    if (err == MR_OK) {
        err = path_of(folder, name, path);
    }
    if (err == MR_OK) {
        err = os->open(os->context, beside, MRI_OPEN_WRITE | MRI_OPEN_CREATE, &fd);
    }
    if (err != MR_OK) {
        return err;
    }
    err = os->truncate(os->context, fd, 0); /* left over from a crash */
    if (err == MR_OK) {
        err = os->write_at(os->context, fd, pieces, MRI_COUNT_OF(pieces), 0);
    }
    if (err == MR_OK) {
        err = os->sync_data(os->context, fd);
    }
    os->close(os->context, fd);
    if (err == MR_OK) {
        err = os->rename(os->context, beside, path);
    }
    if (err == MR_OK) {
        err = mri_os_path(folder, MRI_CONSUMER_FOLDER, path);
    }
    if (err == MR_OK) {
        err = os->sync_folder(os->context, path);
    }
    return err == MR_OK ? os->sync_folder(os->context, folder) : err;
}

mr_err mri_consumer_file_open(struct mri_consumer_file *file, const struct mri_os *os,
    const char *folder, const char *name, bool is_written, mr_problem *problem)
{
    uint64_t bytes = 0;
    file->os = os;
    file->fd = -1;
    file->owner = -1;
    mr_err err = path_of(folder, name, file->path);
    if (err == MR_OK) {
        err = os->open(
            os->context, file->path, is_written ? MRI_OPEN_WRITE : MRI_OPEN_READ, &file->fd);
    }
    if (err == MR_OK && is_written) {
        err = note_open(file);
        if (err != MR_OK) {
            os->close(os->context, file->fd);
            file->fd = -1;
        }
    }
    if (err == MR_EPATH) {
        return mri_problem(problem, MR_NOT_FOUND, "%s: there is no consumer \"%s\"", folder, name);
    }
    if (err == MR_OK) {
        err = os->size(os->context, file->fd, &bytes);
    }
    if (err == MR_OK) {
        err = os->boot_id(os->context, file->boot);
    }
    if (err == MR_OK && bytes != MRI_CONSUMER_FILE_BYTES) {
        return mri_problem(problem, MR_ECORRUPT,
            "%s: the cursor is damaged: %llu bytes instead of %d; what it was at is not known",
            file->path, (unsigned long long)bytes, MRI_CONSUMER_FILE_BYTES);
    }
    return err == MR_OK ? MR_OK : mri_problem(problem, err, "%s: %s", file->path, mr_err_text(err));
}

void mri_consumer_file_close(struct mri_consumer_file *file)
{
    if (file->os != NULL && file->fd >= 0) {
        note_closed(file);
        file->os->close(file->os->context, file->fd);
    }
    file->fd = -1;
    file->owner = -1;
}

/** Read the file, and take the copy that counts. */
static mr_err load(struct mri_consumer_file *file, mr_problem *problem)
{
    size_t count = 0;
    mr_err err = file->os->read_at(
        file->os->context, file->fd, &file->image, sizeof(file->image), 0, &count);
    if (err == MR_OK && count != sizeof(file->image)) {
        err = MR_ECORRUPT;
    }
    if (err == MR_OK) {
        err = mri_consumer_slot_choose(&file->image.slot_0, &file->image.slot_1, &file->slot_index);
    }
    if (err == MR_ECORRUPT) {
        return mri_problem(problem, err,
            "%s: the cursor is damaged, in both of its copies; what it was at is not known",
            file->path);
    }
    if (err != MR_OK) {
        return mri_problem(problem, err, "%s: %s", file->path, mr_err_text(err));
    }
    file->slot = file->slot_index == 0 ? file->image.slot_0 : file->image.slot_1;
    file->seed = mri_consumer_lease_seed(file->boot, file->slot.id);
    return MR_OK;
}

static mr_err write_at(
    struct mri_consumer_file *file, const void *bytes, size_t count, uint64_t offset)
{
    return file->os->write_at(
        file->os->context, file->fd, &(struct mri_io_piece){bytes, count}, 1, offset);
}

static mr_err put_leases(struct mri_consumer_file *file)
{
    return write_at(file, &file->image.leases, sizeof(file->image.leases), MRI_CONSUMER_LEASES_AT);
}

mr_err mri_consumer_file_lock(struct mri_consumer_file *file, mr_problem *problem)
{
    if (file->fd < 0 || file->fork_count != mri_fork_count()) {
        return mri_problem(problem, MR_EINVAL, "%s: a handle of the parent process", file->path);
    }
    mr_err err =
        file->os->lock_range(file->os->context, file->fd, turn_at, 1, MRI_RANGE_EXCLUSIVE_WAIT);
    if (err != MR_OK) {
        return mri_problem(problem, err, "%s: %s", file->path, mr_err_text(err));
    }
    err = load(file, problem);
    if (err == MR_OK && mri_consumer_lease_clean(&file->image.leases, file->seed)) {
        err = put_leases(file);
        err = err == MR_OK ? MR_OK
                           : mri_problem(problem, err, "%s: %s", file->path, mr_err_text(err));
    }
    if (err != MR_OK) {
        mri_consumer_file_unlock(file);
    }
    return err;
}

void mri_consumer_file_unlock(struct mri_consumer_file *file)
{
    /* Giving back the whole of a lock cannot fail. */
    (void)file->os->lock_range(file->os->context, file->fd, turn_at, 1, MRI_RANGE_FREE);
}

/** Is no copy damaged, or being written? The second one is zero until it is written first. */
static bool is_each_whole(const struct mri_consumer_file *file)
{
    static const struct mri_consumer_slot never;
    return mri_consumer_slot_check(&file->image.slot_0) == MR_OK &&
           (mri_consumer_slot_check(&file->image.slot_1) == MR_OK ||
               memcmp(&file->image.slot_1, &never, sizeof(never)) == 0);
}

mr_err mri_consumer_file_look(struct mri_consumer_file *file, mr_problem *problem)
{
    mr_err err = MR_ECORRUPT;
    bool is_whole = false;
    for (int i = 0; i < LOOKS && !is_whole && (err == MR_OK || err == MR_ECORRUPT); i++) {
        err = load(file, problem); /* the newest copy may be half written */
        is_whole = err == MR_OK && is_each_whole(file);
        if (!is_whole) {
            file->os->sleep_ns(file->os->context, LOOK_AGAIN_NS);
        }
    }
    if (err == MR_OK) {
        (void)mri_consumer_lease_clean(&file->image.leases, file->seed); /* here only */
    }
    return err;
}

/** Give back everything that a handle of this number has leased. */
static mr_err give_back(struct mri_consumer_file *file, int owner)
{
    mr_err err = MR_OK;
    for (size_t i = 0; i < MRI_CONSUMER_WINDOW_SEQS && err == MR_OK; i++) {
        struct mri_consumer_lease *lease = &file->image.leases.items[i];
        if (lease->state == MRI_CONSUMER_LEASED && lease->owner == owner) {
            lease->state = MRI_CONSUMER_WAITING;
            lease->until_ns = 0;
            err = mri_consumer_file_put_lease(file, lease);
        }
    }
    return err;
}

mr_err mri_consumer_file_attach(struct mri_consumer_file *file)
{
    for (int i = 0; i < MR_CONSUMER_HANDLES_MAX; i++) {
        mr_err err = file->os->lock_range(
            file->os->context, file->fd, owners_at + (uint64_t)i, 1, MRI_RANGE_EXCLUSIVE);
        if (err == MR_OK) {
            err = give_back(file, i);
            file->owner = err == MR_OK ? i : -1;
        }
        if (err != MR_BUSY) {
            return err;
        }
    }
    return MR_FULL;
}

mr_err mri_consumer_file_give_back(struct mri_consumer_file *file)
{
    return give_back(file, file->owner);
}

bool mri_consumer_file_is_alive(const struct mri_consumer_file *file, uint16_t owner)
{
    bool is_locked = true;
    if (owner == file->owner) {
        return true;
    }
    mr_err err =
        file->os->is_range_locked(file->os->context, file->fd, owners_at + owner, 1, &is_locked);
    return err != MR_OK || is_locked;
}

static mr_err put_mark(struct mri_consumer_file *file)
{
    struct mri_consumer_mark *mark = &file->image.leases.mark;
    mri_consumer_lease_seal_mark(mark, file->seed);
    return write_at(file, mark, sizeof(*mark),
        MRI_CONSUMER_LEASES_AT + offsetof(struct mri_consumer_leases, mark));
}

mr_err mri_consumer_file_sync(struct mri_consumer_file *file)
{
    mr_err err = file->os->sync_data(file->os->context, file->fd);
    if (err == MR_OK) {
        file->image.leases.mark.synced_generation = file->slot.generation;
        err = put_mark(file);
    }
    return err;
}

/** Which copy may be lost: see invariant 5. */
static int index_to_write(const struct mri_consumer_file *file)
{
    int other = 1 - file->slot_index;
    const struct mri_consumer_slot *beside = other == 0 ? &file->image.slot_0 : &file->image.slot_1;
    bool is_synced = file->image.leases.mark.synced_generation >= file->slot.generation;
    return is_synced || mri_consumer_slot_check(beside) != MR_OK ? other : file->slot_index;
}

mr_err mri_consumer_file_put_slot(struct mri_consumer_file *file)
{
    mr_err err = MR_OK;
    if (file->image.leases.mark.synced_generation == 0) { /* the first in this run of the machine */
        err = mri_consumer_file_sync(file);
    }
    if (err != MR_OK) {
        return err;
    }
    int index = index_to_write(file);
    struct mri_consumer_slot *copy = index == 0 ? &file->image.slot_0 : &file->image.slot_1;
    file->slot.generation++;
    mri_consumer_slot_seal(&file->slot);
    err =
        write_at(file, &file->slot, sizeof(file->slot), (uint64_t)index * MRI_CONSUMER_PAGE_BYTES);
    if (err == MR_OK) {
        *copy = file->slot;
        file->slot_index = index;
    }
    return err;
}

mr_err mri_consumer_file_put_lease(
    struct mri_consumer_file *file, const struct mri_consumer_lease *lease)
{
    size_t index = lease->seq % MRI_CONSUMER_WINDOW_SEQS;
    struct mri_consumer_lease *place = &file->image.leases.items[index];
    *place = *lease;
    mri_consumer_lease_seal(place, file->seed);
    return write_at(file, place, sizeof(*place), MRI_CONSUMER_LEASES_AT + index * sizeof(*place));
}

mr_err mri_consumer_file_put_mark(
    struct mri_consumer_file *file, uint64_t scanned_seq, bool is_appending)
{
    struct mri_consumer_mark *mark = &file->image.leases.mark;
    mark->scanned_seq = scanned_seq;
    mark->is_appending = is_appending;
    return put_mark(file);
}

mr_err mri_consumer_file_reset_leases(struct mri_consumer_file *file)
{
    uint64_t synced = file->image.leases.mark.synced_generation;
    file->image.leases =
        (struct mri_consumer_leases){.mark = {.is_appending = 1, .synced_generation = synced}};
    mri_consumer_lease_seal_mark(&file->image.leases.mark, file->seed);
    return put_leases(file);
}

static mr_err note_name(void *argument, const char *name)
{
    struct mri_consumer_names *names = argument;
    if (!mri_consumer_slot_is_name(name)) {
        return MR_OK;
    }
    if (names->count == MRI_CONSUMER_NAMES_MAX) {
        return MR_FULL;
    }
    size_t at = names->count++;
    for (; at > 0 && strcmp(names->items[at - 1], name) > 0; at--) {
        memcpy(names->items[at], names->items[at - 1], sizeof(names->items[at]));
    }
    (void)snprintf(names->items[at], sizeof(names->items[at]), "%s", name); /* it fits */
    return MR_OK;
}

mr_err mri_consumer_file_names(
    const struct mri_os *os, const char *folder, struct mri_consumer_names *ret_names)
{
    char path[MRI_PATH_BYTES_MAX];
    ret_names->count = 0;
    mr_err err = mri_os_path(folder, MRI_CONSUMER_FOLDER, path);
    if (err == MR_OK) {
        err = os->list(os->context, path, ret_names, note_name);
    }
    return err == MR_EPATH ? MR_OK : err; /* no folder yet: no consumers */
}
