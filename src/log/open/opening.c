/* SPDX-License-Identifier: MIT */
/*
 * Handles of a log: opened, asked, closed. What a handle stands for is attachment.c.
 */
#include <string.h>

#include "base/problem.h"
#include "log/open/writer.h"

mr_err mri_log_open_with(const struct mri_os *os, const struct mri_alloc *alloc, const char *folder,
    const struct mri_log_opener *opener, mr_log **ret_log, mr_problem *reterr_problem)
{
    void *block;
    if (ret_log == NULL || folder == NULL || strlen(folder) >= MRI_PATH_BYTES_MAX) {
        return mri_problem(reterr_problem, MR_EINVAL,
            "the path of the log, or where to put it, is missing or too long");
    }
    mr_err err = mri_alloc_array(alloc, 1, sizeof(mr_log), &block);
    if (err != MR_OK) {
        return mri_problem(reterr_problem, err, "%s", mr_err_text(err));
    }
    mr_log *log = block;
    *log = (mr_log){.magic = MRI_LOG_MAGIC, .alloc = alloc};
    err = mri_attachment_take(os, alloc, folder, opener, &log->attachment, reterr_problem);
    if (err != MR_OK) {
        mri_alloc_free(alloc, log, sizeof(*log));
        return err;
    }
    *ret_log = log;
    return MR_OK;
}

mr_err mri_log_open(const struct mri_os *os, const struct mri_alloc *alloc, const char *folder,
    const mr_log_options *options, mr_log **ret_log, mr_problem *reterr_problem)
{
    static const mr_log_options defaults = {0};
    const struct mri_log_opener opener = {.options = options == NULL ? &defaults : options};
    return mri_log_open_with(os, alloc, folder, &opener, ret_log, reterr_problem);
}

mr_err mr_log_open(
    const char *folder, const mr_log_options *options, mr_log **ret_log, mr_problem *reterr_problem)
{
    return mri_log_open(
        mri_os_linux(), mri_alloc_system(), folder, options, ret_log, reterr_problem);
}

const struct mri_log_opening *mri_log_opening(const mr_log *log)
{
    MRI_ASSERT(log->magic == MRI_LOG_MAGIC);
    return &log->attachment->opening;
}

const char *mr_log_attribute_get(const mr_log *log, const char *key)
{
    MRI_ASSERT(log == NULL || log->magic == MRI_LOG_MAGIC);
    return log == NULL || key == NULL ? NULL : mri_manifest_get(&log->attachment->manifest, key);
}

const char *mr_log_uuid(const mr_log *log)
{
    MRI_ASSERT(log == NULL || log->magic == MRI_LOG_MAGIC);
    return log == NULL ? NULL : log->attachment->uuid_text;
}

void mr_log_close(mr_log *log)
{
    if (log == NULL) {
        return;
    }
    MRI_ASSERT(log->magic == MRI_LOG_MAGIC);
    mri_attachment_drop(log->attachment);
    log->magic = 0;
    mri_alloc_free(log->alloc, log, sizeof(*log));
}
