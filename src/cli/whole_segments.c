/* SPDX-License-Identifier: MIT */
/*
 * The length of segments.
 */
#include "cli/whole_segments.h"

#include "base/problem.h"
#include "log/format/manifest.h"
#include "log/format/segment.h"

/** MR_EPATH: it is archived, or was removed meanwhile. */
static mr_err measure(
    const struct mri_os *os, const char *folder, uint64_t base_seq, uint64_t *ret_bytes)
{
    char name[MRI_SEGMENT_NAME_BYTES];
    char path[MRI_PATH_BYTES_MAX];
    int fd;
    mr_err err = mri_os_path(folder, mri_segment_name(base_seq, name), path);
    if (err == MR_OK) {
        err = os->open(os->context, path, MRI_OPEN_READ, &fd);
    }
    if (err != MR_OK) {
        return err;
    }
    err = os->size(os->context, fd, ret_bytes);
    os->close(os->context, fd);
    return err;
}

static mr_err check_one(const struct mri_cli *cli, const char *folder, uint64_t base_seq,
    uint64_t segment_bytes, mr_problem *problem)
{
    char name[MRI_SEGMENT_NAME_BYTES];
    uint64_t bytes = 0;
    mr_err err = measure(cli->os, folder, base_seq, &bytes);
    if (err == MR_EPATH) {
        return MR_OK;
    }
    (void)mri_segment_name(base_seq, name);
    if (err != MR_OK) {
        return mri_problem(problem, err, "%s/%s: %s", folder, name, mr_err_text(err));
    }
    return bytes >= segment_bytes
               ? MR_OK
               : mri_problem(problem, MR_ECORRUPT,
                     "%s/%s: the file is %llu bytes long instead of %llu: it was cut short, and "
                     "what it held behind the events that are left is gone, also what was durable",
                     folder, name, (unsigned long long)bytes, (unsigned long long)segment_bytes);
}

mr_err mri_whole_segments_check(
    const struct mri_cli *cli, const char *folder, mr_problem *reterr_problem)
{
    struct mri_segment_list list = {0};
    struct mri_manifest manifest;
    mr_err err = mri_manifest_read(cli->os, folder, &manifest, reterr_problem);
    if (err != MR_OK) {
        return err;
    }
    err = mri_segment_list(cli->os, cli->alloc, folder, &list);
    if (err != MR_OK) {
        return mri_problem(reterr_problem, err, "%s: %s", folder, mr_err_text(err));
    }
    for (size_t i = 0; i < list.count && err == MR_OK; i++) {
        err = check_one(cli, folder, list.base_seqs[i], manifest.segment_bytes, reterr_problem);
    }
    mri_segment_list_fini(&list);
    return err;
}
