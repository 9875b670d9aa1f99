/* SPDX-License-Identifier: MIT */
/*
 * Is the log still where a handle has opened it? What is open and mapped stays the log's wherever
 * its folder goes; what is opened by its path may be another log's, which was made in its place.
 *
 * Invariants
 *  1. A reader that is opened here is asked for its place afterwards: it is of the log of the
 *     handle, or there is none. What it opens itself later must be of the log that it was opened
 * on.
 *  2. Who may append holds the file `lock` open, so that no other file has its device and inode.
 *     Who may only read holds none: he compares what the manifest calls the log.
 */
#include "api/bus_api.h"
#include "base/problem.h"
#include "log/meet/presence.h"

#define MS_NS ((int64_t)1000000)

static bool is_same(const struct mri_file_info *a, const struct mri_file_info *b)
{
    return a->device == b->device && a->inode == b->inode;
}

static mr_err look_at_lock(const struct mr_bus *bus, struct mri_file_info *ret_info)
{
    char path[MRI_PATH_BYTES_MAX];
    mr_err err = mri_os_path(bus->folder, MRI_PRESENCE_NAME, path);
    return err == MR_OK ? bus->os->info(bus->os->context, path, ret_info) : err;
}

mr_err mri_bus_api_note_place(struct mr_bus *bus)
{
    struct mri_bus_place *place = &bus->place;
    if (bus->log == NULL) { /* who cannot read it is told where the log is read, next */
        struct mri_manifest manifest;
        place->is_known = mri_manifest_read(bus->os, bus->folder, &manifest, NULL) == MR_OK;
        if (place->is_known) {
            (void)mri_manifest_uuid_text(&manifest, place->uuid_text);
        }
        return MR_OK;
    }
    mr_err err = bus->os->info(bus->os->context, bus->folder, &place->folder);
    if (err == MR_OK) {
        err = look_at_lock(bus, &place->lock);
        err = err == MR_EPATH ? MR_OK : err; /* removed just now: others are told apart from none */
    }
    place->is_known = err == MR_OK;
    return err;
}

/** A folder that has lost nothing but its lock is still there. */
static bool is_moved(const struct mr_bus *bus)
{
    struct mri_file_info info;
    const struct mri_bus_place *place = &bus->place;
    if (bus->log == NULL) {
        return mri_manifest_is_gone(bus->os, bus->folder, place->uuid_text);
    }
    mr_err err = look_at_lock(bus, &info);
    if (err == MR_OK) {
        return !is_same(&info, &place->lock);
    }
    if (err != MR_EPATH) {
        return false; /* it cannot be found out: who opens something there is told why */
    }
    err = bus->os->info(bus->os->context, bus->folder, &info);
    return err == MR_EPATH || (err == MR_OK && !is_same(&info, &place->folder));
}

mr_err mri_bus_api_check_place(const struct mr_bus *bus, mr_problem *reterr_problem)
{
    return !bus->place.is_known || !is_moved(bus)
               ? MR_OK
               : mri_problem(reterr_problem, MR_EPATH,
                     "%s: the log was renamed or removed while it was in use; this handle cannot "
                     "go on with it: open it anew, where it is now",
                     bus->folder);
}

mr_err mr_bus_check_place(const mr_bus *bus, mr_problem *reterr_problem)
{
    if (bus == NULL) {
        return mri_problem(reterr_problem, MR_EINVAL, "a bus is missing");
    }
    MRI_ASSERT(bus->magic == MRI_BUS_API_MAGIC);
    return mri_bus_api_check_place(bus, reterr_problem);
}

bool mri_bus_api_explain_place(const struct mr_bus *bus, mr_err err, mr_problem *problem)
{
    mr_problem why = {""};
    bool is_told = (err == MR_EPOISONED || err == MR_EUNKNOWN || err == MR_EPATH) &&
                   mri_bus_api_check_place(bus, &why) != MR_OK;
    if (is_told && err == MR_EUNKNOWN) {
        (void)mri_problem(problem, err, "%s; %s", mr_err_text(err), why.text);
    } else if (is_told) {
        (void)mri_problem_pass(problem, err, why.text);
    }
    return is_told;
}

mr_err mri_bus_api_tell_place(const struct mr_bus *bus, mr_err err, mr_problem *problem)
{
    mr_err place = err == MR_OK ? MR_OK : mri_bus_api_check_place(bus, problem);
    return place == MR_OK ? err : place;
}

mr_err mri_bus_api_open_reader(
    const struct mr_bus *bus, mr_log_reader **ret_reader, mr_problem *reterr_problem)
{
    mr_log_reader *reader = NULL;
    mr_err err = mri_reader_open(bus->os, bus->alloc, bus->folder, &reader, reterr_problem);
    mr_err place = mri_bus_api_check_place(bus, reterr_problem);
    if (err != MR_OK || place != MR_OK) {
        mr_log_reader_close(reader);
        return place != MR_OK ? place : err;
    }
    *ret_reader = reader;
    return MR_OK;
}

/* A wait that is broken off early was ended by a signal, which whoever waits is told. */
mr_err mri_bus_api_wait(struct mr_bus *bus, mr_err (*wait)(struct mr_bus *bus, int64_t timeout_ms),
    int64_t timeout_ms, mr_problem *reterr_problem)
{
    enum { LOOK_MS = 1000 };
    const struct mri_os *os = bus->os;
    for (;;) {
        bool is_last = timeout_ms >= 0 && timeout_ms <= LOOK_MS;
        int64_t begun_ns = os->boottime_ns(os->context);
        mr_err err = wait(bus, is_last ? timeout_ms : LOOK_MS);
        mr_err place = mri_bus_api_check_place(bus, reterr_problem);
        bool is_over = os->boottime_ns(os->context) - begun_ns >= LOOK_MS * MS_NS;
        if (place != MR_OK || err != MR_AGAIN || is_last || !is_over) {
            return place != MR_OK ? place : err;
        }
        timeout_ms -= timeout_ms < 0 ? 0 : LOOK_MS;
    }
}
