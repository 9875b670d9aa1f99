/* SPDX-License-Identifier: MIT */
/*
 * Lines from standard input or a file.
 *
 * Invariants
 *  1. Of a followed file a line is given when its end is there. At the file's end the reader is
 * opened anew behind the last complete line, so what was half written is read once it is whole.
 */
#define _GNU_SOURCE
#include "cli/fact_source.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/problem.h"

enum { LINE_BYTES_MAX = 64 * 1024, LOOK_NS = 100 * 1000000 };

static mr_err open_reader(struct mri_fact_source *source, mr_problem *problem)
{
    const struct mri_cli *cli = source->cli;
    const struct mri_line_source from = {
        .path = source->is_followed ? NULL : source->path,
        .fd = source->is_followed ? source->fd : STDIN_FILENO,
        .line_bytes_max = LINE_BYTES_MAX,
    };
    return mri_line_reader_open(cli->os, cli->alloc, &from, &source->reader, problem);
}

mr_err mri_fact_source_open(struct mri_fact_source *source, const struct mri_cli *cli,
    const char *path, bool is_followed, mr_problem *reterr_problem)
{
    *source = (struct mri_fact_source){.cli = cli,
        .name = path == NULL ? "stdin" : path,
        .path = path,
        .fd = -1,
        .is_followed = is_followed && path != NULL};
    struct mri_file_info info;
    if (path != NULL && cli->os->info(cli->os->context, path, &info) == MR_OK && info.is_folder) {
        return mri_problem(reterr_problem, MR_EPATH, "%s: it is a folder; give a file", path);
    }
    if (is_followed && path != NULL) {
        source->fd = open(path, O_RDONLY | O_CLOEXEC);
        if (source->fd < 0) {
            mr_err err = errno == EACCES ? MR_EACCESS : MR_EPATH;
            return mri_problem(reterr_problem, err, "%s: %s", path, mr_err_text(err));
        }
    }
    return open_reader(source, reterr_problem);
}

bool mri_fact_source_has_line(const struct mri_fact_source *source)
{
    return mri_line_reader_has_line(source->reader);
}

/** Wait a little, then read on behind the last complete line, or from the beginning of a shorter
 * file. */
static mr_err read_on(struct mri_fact_source *source, mr_problem *problem)
{
    const struct mri_os *os = source->cli->os;
    off_t bytes = lseek(source->fd, 0, SEEK_END);
    if (bytes >= 0 && (uint64_t)bytes < source->taken_bytes) {
        source->taken_bytes = 0;
        source->taken_lines = 0;
    }
    os->sleep_ns(os->context, LOOK_NS);
    if (bytes < 0 || lseek(source->fd, (off_t)source->taken_bytes, SEEK_SET) < 0) {
        return mri_problem(problem, MR_EPATH,
            "%s: it is no file that can be followed; without "
            "--follow it is read to its end",
            source->name);
    }
    mri_line_reader_close(source->reader);
    source->reader = NULL;
    mr_err err = open_reader(source, problem);
    return err == MR_OK ? MR_AGAIN : err;
}

mr_err mri_fact_source_next(
    struct mri_fact_source *source, struct mri_line *ret_line, mr_problem *reterr_problem)
{
    mr_err err = mri_line_reader_next(source->reader, ret_line, reterr_problem);
    if (!source->is_followed) {
        return err;
    }
    if (err == MR_END || (err == MR_OK && ret_line->is_torn)) {
        return read_on(source, reterr_problem);
    }
    if (err == MR_OK) {
        bool has_bom = ret_line->has_bom;
        source->taken_bytes += ret_line->bytes + 1 + ret_line->has_cr + (has_bom ? 3 : 0);
        ret_line->number = ++source->taken_lines;
    }
    return err;
}

void mri_fact_source_close(struct mri_fact_source *source)
{
    mri_line_reader_close(source->reader);
    if (source->cli != NULL && source->fd >= 0) {
        (void)close(source->fd); /* only read */
    }
    *source = (struct mri_fact_source){.fd = -1};
}
