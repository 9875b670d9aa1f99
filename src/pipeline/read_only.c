/* SPDX-License-Identifier: MIT */
/*
 * The refusal to write to a log that can be read.
 *
 * The machine refuses a file of the log, whichever was needed first; who asked wants to know what
 * that means for the whole log. Only the owner of a log's files is let in to write (os_linux.c), so
 * it does not help to be in their group, or to be root. A disk that is mounted read-only refuses in
 * the same way.
 *
 * Invariants
 *  1. That reading works is said only after it did: of the log, and of its snapshots.
 */
#include "pipeline/read_only.h"

#include "base/problem.h"
#include "log/read/reader.h"

struct snapshots {
    const struct mri_os *os;
    const char *folder;
};

static mr_err try_file(void *argument, const char *name)
{
    const struct snapshots *snapshots = argument;
    const struct mri_os *os = snapshots->os;
    char path[MRI_PATH_BYTES_MAX];
    int fd;
    mr_err err = mri_os_path(snapshots->folder, name, path);
    if (err == MR_OK) {
        err = os->open(os->context, path, MRI_OPEN_READ, &fd);
    }
    if (err == MR_OK) {
        os->close(os->context, fd);
    }
    return err == MR_EACCESS ? err : MR_OK; /* one that is gone, or is none, hinders nobody */
}

static bool may_read(const struct mri_os *os, const struct mri_alloc *alloc, const char *folder)
{
    char path[MRI_PATH_BYTES_MAX];
    mr_log_reader *reader;
    if (mri_reader_open(os, alloc, folder, &reader, NULL) != MR_OK) {
        return false;
    }
    mr_log_reader_close(reader);
    struct snapshots snapshots = {.os = os, .folder = path};
    return mri_os_path(folder, "snap", path) == MR_OK &&
           os->list(os->context, path, &snapshots, try_file) != MR_EACCESS;
}

mr_err mri_read_only_explain(const struct mri_os *os, const struct mri_alloc *alloc,
    const char *folder, mr_err err, mr_problem *problem)
{
    if (err != MR_EACCESS || problem == NULL || !may_read(os, alloc, folder)) {
        return err;
    }
    struct mri_file_info info;
    const char *refused = problem->text[0] != '\0' ? problem->text : mr_err_text(err);
    if (os->info(os->context, folder, &info) == MR_OK && info.is_mounted_read_only) {
        return mri_problem_behind(problem, err, refused,
            "%s: its disk is mounted read-only: the log can be read (query, show, status, verify), "
            "and written to once it is mounted for writing (mount -o remount,rw, docker run -v "
            "without :ro); ",
            folder);
    }
    return mri_problem_behind(problem, err, refused,
        "%s: this user may read the log (query, show, status, verify), and not write to it: do "
        "that as the user that owns its files, or give them to this one (chown -R); ",
        folder);
}
