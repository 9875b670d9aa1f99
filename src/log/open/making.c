/* SPDX-License-Identifier: MIT */
/*
 * Making a log.
 *
 * Invariants
 *  1. A MANIFEST comes before the first segment, so a folder with segments and without it has lost
 *     it: another one would say that the segments are not the log's.
 *  2. The folder's own name is durable before its MANIFEST exists.
 */
#include "log/open/making.h"

#include <stdio.h>
#include <string.h>

#include "base/problem.h"
#include "log/format/segment.h"

mr_err mri_making_check_folder(const struct mri_os *os, const struct mri_alloc *alloc,
    const char *folder, mr_problem *reterr_problem)
{
    struct mri_manifest manifest;
    struct mri_segment_list list = {0};
    mr_err err = mri_manifest_read(os, folder, &manifest, NULL);
    if (err != MR_NOT_FOUND) {
        return MR_OK;
    }
    err = mri_segment_list(os, alloc, folder, &list);
    if (err != MR_OK) {
        return mri_problem(reterr_problem, err, "%s: %s", folder, mr_err_text(err));
    }
    bool has_segment = list.count > 0;
    mri_segment_list_fini(&list);
    /* Once more: another process may have made the log since. */
    if (!has_segment || mri_manifest_read(os, folder, &manifest, NULL) != MR_NOT_FOUND) {
        return MR_OK;
    }
    return mri_problem(reterr_problem, MR_ECORRUPT,
        "%s: the file MANIFEST is missing, and there are segments of a log; put it back from a "
        "copy",
        folder);
}

static bool is_power_of_two(uint64_t n)
{
    return n != 0 && (n & (n - 1)) == 0;
}

static mr_err new_manifest(
    const mr_log_options *options, const struct mri_os *os, struct mri_manifest *manifest)
{
    *manifest = (struct mri_manifest){
        .segment_bytes =
            options->segment_bytes == 0 ? MRI_SEGMENT_BYTES_DEFAULT : options->segment_bytes,
        .attribute_count = (uint32_t)options->attribute_count,
    };
    if (options->attribute_count > MR_LOG_ATTRIBUTES_MAX ||
        manifest->segment_bytes < MRI_SEGMENT_BYTES_MIN ||
        manifest->segment_bytes > MRI_SEGMENT_BYTES_MAX ||
        !is_power_of_two(manifest->segment_bytes)) {
        return MR_EINVAL;
    }
    for (size_t i = 0; i < options->attribute_count; i++) {
        struct mri_manifest_attribute *attribute = &manifest->attributes[i];
        int key =
            snprintf(attribute->key, sizeof(attribute->key), "%s", options->attributes[i].key);
        int value = snprintf(
            attribute->value, sizeof(attribute->value), "%s", options->attributes[i].value);
        if (key <= 0 || key >= (int)sizeof(attribute->key) || value < 0 ||
            value >= (int)sizeof(attribute->value)) {
            return MR_EINVAL;
        }
    }
    return os->random_bytes(os->context, manifest->log_uuid, sizeof(manifest->log_uuid));
}

/** Make the name of the log's folder durable, before anything in it is. */
static mr_err sync_parent(const struct mri_os *os, const char *folder)
{
    char parent[MRI_PATH_BYTES_MAX];
    mr_err err = mri_os_path(folder, "..", parent);
    if (err == MR_OK) {
        err = os->sync_folder(os->context, parent);
    }
    return err == MR_EACCESS ? MR_OK : err; /* then the folder was made by somebody else, before */
}

mr_err mri_making_begin(const struct mri_os *os, const struct mri_alloc *alloc, const char *folder,
    const mr_log_options *options, struct mri_manifest *ret_manifest, mr_problem *reterr_problem)
{
    struct mri_manifest manifest;
    mr_err err = mri_making_check_folder(os, alloc, folder, reterr_problem);
    if (err != MR_OK) {
        return err;
    }
    err = new_manifest(options, os, &manifest);
    if (err == MR_OK) {
        err = sync_parent(os, folder);
    }
    if (err == MR_OK) {
        err = mri_manifest_write(os, folder, &manifest);
    }
    if (err != MR_OK) {
        return mri_problem(
            reterr_problem, err, "%s: cannot make a log: %s", folder, mr_err_text(err));
    }
    *ret_manifest = manifest;
    return MR_OK;
}
