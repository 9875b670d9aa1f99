/* SPDX-License-Identifier: MIT */
/*
 * Locks on bytes of the lock file.
 *
 * Invariants
 *  1. Liveness is a lock that the kernel takes back; process ids are only shown.
 *  2. Who is in holds the byte of a place of his own and a share of byte 1, or all of byte 1.
 */
#include "log/meet/presence.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/problem.h"

enum {
    GATE = 0,
    SHARE = 1,
    WORK = 2,
    PLACES = 16,
    TEXT_BYTES = 16, /* "4242           \n" */
};

#define GATE_WAIT_NS ((int64_t)10 * 1000 * 1000 * 1000)
#define GATE_LOOK_NS ((int64_t)1000 * 1000)

static mr_err lock(const struct mri_presence *presence, uint64_t byte, enum mri_range_lock how)
{
    return presence->os->lock_range(presence->os->context, presence->fd, byte, 1, how);
}

/** The process id that the text of a place says; 0 = none. */
static uint32_t read_id(const struct mri_os *os, int fd, unsigned place)
{
    char text[TEXT_BYTES + 1] = "";
    size_t count = 0;
    if (os->read_at(os->context, fd, text, TEXT_BYTES, (uint64_t)place * TEXT_BYTES, &count) !=
        MR_OK) {
        return 0; /* only shown */
    }
    text[count] = '\0';
    return (uint32_t)strtoul(text, NULL, 10);
}

/** The first place from `from` on that somebody else is in; MR_NOT_FOUND: none. */
static mr_err find_place(const struct mri_os *os, int fd, unsigned from, unsigned *ret_place)
{
    bool is_locked = false;
    mr_err err = from < MRI_PRESENCE_PLACES ? os->is_range_locked(os->context, fd, PLACES + from,
                                                  MRI_PRESENCE_PLACES - from, &is_locked)
                                            : MR_OK;
    if (err != MR_OK || !is_locked) {
        return err == MR_OK ? MR_NOT_FOUND : err;
    }
    for (unsigned i = from; i < MRI_PRESENCE_PLACES; i++) {
        err = os->is_range_locked(os->context, fd, PLACES + i, 1, &is_locked);
        if (err != MR_OK || is_locked) {
            *ret_place = i;
            return err;
        }
    }
    return MR_NOT_FOUND; /* he has left in between */
}

mr_err mri_presence_shut_gate(struct mri_presence *presence)
{
    const struct mri_os *os = presence->os;
    int64_t until = os->boottime_ns(os->context) + GATE_WAIT_NS;
    for (;;) {
        mr_err err = lock(presence, GATE, MRI_RANGE_EXCLUSIVE);
        if (err != MR_BUSY || os->boottime_ns(os->context) >= until) {
            return err;
        }
        os->sleep_ns(os->context, GATE_LOOK_NS);
    }
}

mr_err mri_presence_open_gate(struct mri_presence *presence)
{
    return lock(presence, GATE, MRI_RANGE_FREE);
}

mr_err mri_presence_come(const struct mri_os *os, const char *folder, struct mri_presence *presence,
    mr_problem *reterr_problem)
{
    char path[MRI_PATH_BYTES_MAX];
    *presence = (struct mri_presence){.os = os, .fd = -1, .place = -1};
    mr_err err = mri_os_path(folder, MRI_PRESENCE_NAME, path);
    if (err == MR_OK) {
        err = os->open(os->context, path, MRI_OPEN_WRITE | MRI_OPEN_CREATE, &presence->fd);
    }
    if (err != MR_OK) {
        presence->fd = -1;
        return mri_problem(reterr_problem, err, "%s: %s", path, mr_err_text(err));
    }
    err = os->identify(os->context, presence->fd, &presence->file);
    if (err == MR_OK) {
        err = mri_presence_shut_gate(presence);
    }
    if (err == MR_BUSY) {
        (void)mri_problem(
            reterr_problem, err, "%s: another process has been opening this log for 10 s", folder);
    } else if (err != MR_OK) {
        (void)mri_problem(reterr_problem, err, "%s: cannot lock: %s", path, mr_err_text(err));
    }
    if (err != MR_OK) {
        mri_presence_leave(presence);
    }
    return err;
}

mr_err mri_presence_work(const struct mri_os *os, const char *folder, struct mri_presence *presence,
    mr_problem *reterr_problem)
{
    mr_err err = mri_presence_come(os, folder, presence, reterr_problem);
    if (err != MR_OK) {
        return err;
    }
    err = lock(presence, WORK, MRI_RANGE_EXCLUSIVE);
    if (err == MR_BUSY) {
        (void)mri_problem(
            reterr_problem, err, "%s: another process is working on its segments", folder);
    } else if (err == MR_OK) {
        err = mri_presence_open_gate(presence);
    }
    return err;
}

/** Say that somebody is in the way. */
static mr_err tell_busy(const struct mri_presence *presence, mr_problem *problem)
{
    unsigned place = 0;
    uint32_t process_id = 0;
    if (find_place(presence->os, presence->fd, 0, &place) == MR_OK) {
        process_id = read_id(presence->os, presence->fd, place);
    }
    return mri_problem(problem, MR_BUSY, "process %u is writing to this log", process_id);
}

/** Take a free place, and say in the file who has it. */
static mr_err take_place(struct mri_presence *presence)
{
    const struct mri_os *os = presence->os;
    mr_err err = MR_BUSY;
    unsigned place = 0;
    while (err == MR_BUSY && place < MRI_PRESENCE_PLACES) {
        err = lock(presence, PLACES + place, MRI_RANGE_EXCLUSIVE);
        place += err == MR_BUSY;
    }
    if (err != MR_OK) {
        return err == MR_BUSY ? MR_ELIMIT : err;
    }
    char text[TEXT_BYTES + 1];
    presence->process_id = (uint32_t)os->process_id(os->context);
    (void)snprintf(text, sizeof(text), "%-15u\n", (unsigned)presence->process_id);
    const struct mri_io_piece piece = {.bytes = text, .count = TEXT_BYTES};
    presence->place = (int)place;
    return os->write_at(os->context, presence->fd, &piece, 1, (uint64_t)place * TEXT_BYTES);
}

mr_err mri_presence_count_others(const struct mri_presence *presence, unsigned *ret_others)
{
    unsigned others = 0;
    unsigned place = 0;
    mr_err err = find_place(presence->os, presence->fd, 0, &place);
    while (err == MR_OK) {
        others++;
        err = find_place(presence->os, presence->fd, place + 1, &place);
    }
    *ret_others = others;
    return err == MR_NOT_FOUND ? MR_OK : err;
}

mr_err mri_presence_enter(
    struct mri_presence *presence, bool is_alone, unsigned *ret_others, mr_problem *reterr_problem)
{
    mr_problem who = {""};
    presence->is_alone = is_alone;
    mr_err err = lock(presence, SHARE, is_alone ? MRI_RANGE_EXCLUSIVE : MRI_RANGE_SHARED);
    if (err == MR_BUSY) {
        err = tell_busy(presence, &who);
    }
    if (err == MR_OK) {
        err = take_place(presence);
    }
    if (err == MR_OK) {
        err = mri_presence_count_others(presence, ret_others);
    }
    return err == MR_OK ? MR_OK
                        : mri_problem(reterr_problem, err, "%s",
                              who.text[0] != '\0' ? who.text : mr_err_text(err));
}

static bool is_same(const struct mri_file_identity *a, const struct mri_file_identity *b)
{
    return a->device == b->device && a->inode == b->inode;
}

/** Is a descriptor of the file with our place in it? */
static mr_err check_descriptor(
    const struct mri_presence *presence, int fd, struct mri_file_identity *ret_identity)
{
    mr_err err = presence->os->identify(presence->os->context, fd, ret_identity);
    bool is_it = err == MR_OK && is_same(ret_identity, &presence->file);
    return err == MR_OK && !is_it ? MR_EPATH : err;
}

/** Looked at through another open of the file, since one's own locks do not show. */
mr_err mri_presence_check(const struct mri_presence *presence, const char *folder)
{
    const struct mri_os *os = presence->os;
    char path[MRI_PATH_BYTES_MAX];
    struct mri_file_identity identity;
    int fd;
    bool is_locked = false;
    mr_err err = check_descriptor(presence, presence->fd, &identity);
    if (err != MR_OK) {
        return err == MR_EPATH ? MR_NOT_FOUND : err;
    }
    err = mri_os_path(folder, MRI_PRESENCE_NAME, path);
    if (err == MR_OK) {
        err = os->open(os->context, path, MRI_OPEN_READ, &fd);
    }
    if (err != MR_OK) {
        return err;
    }
    unsigned place = (unsigned)presence->place;
    err = check_descriptor(presence, fd, &identity);
    if (err == MR_OK) {
        err = os->is_range_locked(os->context, fd, PLACES + place, 1, &is_locked);
    }
    if (err == MR_OK) {
        uint32_t process_id = read_id(os, fd, place); /* 0: it cannot be read */
        bool is_ours = is_locked && process_id == presence->process_id;
        err = is_ours ? MR_OK : is_locked && process_id == 0 ? MR_EIO : MR_NOT_FOUND;
    }
    os->close(os->context, fd);
    return err;
}

bool mri_presence_is_removed(const struct mri_presence *presence)
{
    struct mri_file_identity identity;
    return presence->fd >= 0 && check_descriptor(presence, presence->fd, &identity) == MR_OK &&
           identity.is_nameless;
}

void mri_presence_leave(struct mri_presence *presence)
{
    if (presence->os != NULL && presence->fd >= 0) {
        presence->os->close(presence->os->context, presence->fd); /* gives every lock back */
        presence->fd = -1;
    }
}

mr_err mri_presence_count(const struct mri_os *os, const char *folder, unsigned *ret_count)
{
    char path[MRI_PATH_BYTES_MAX];
    struct mri_presence outside = {.os = os, .fd = -1, .place = -1};
    *ret_count = 0;
    mr_err err = mri_os_path(folder, MRI_PRESENCE_NAME, path);
    if (err == MR_OK) {
        err = os->open(os->context, path, MRI_OPEN_READ, &outside.fd);
    }
    if (err != MR_OK) {
        return err == MR_EPATH ? MR_OK : err; /* nobody has opened it yet */
    }
    err = mri_presence_count_others(&outside, ret_count);
    mri_presence_leave(&outside);
    return err;
}

mr_err mri_presence_find(const struct mri_os *os, const char *folder, uint32_t *ret_process_id)
{
    char path[MRI_PATH_BYTES_MAX];
    int fd;
    unsigned place = 0;
    mr_err err = mri_os_path(folder, MRI_PRESENCE_NAME, path);
    if (err == MR_OK) {
        err = os->open(os->context, path, MRI_OPEN_READ, &fd);
    }
    if (err != MR_OK) {
        return err == MR_EPATH ? MR_NOT_FOUND : err;
    }
    err = find_place(os, fd, 0, &place);
    if (err == MR_OK) {
        *ret_process_id = read_id(os, fd, place);
    }
    os->close(os->context, fd);
    return err;
}
