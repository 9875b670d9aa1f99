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

const char *mri_making_reason(mr_err err)
{
    return err == MR_ELIMIT ? "this process may not make files so long (RLIMIT_FSIZE), or open so "
                              "many (RLIMIT_NOFILE)"
                            : mr_err_text(err);
}

static bool is_power_of_two(uint64_t n)
{
    return n != 0 && (n & (n - 1)) == 0;
}

/** Take over an attribute; NULL, or what is wrong with it. */
static const char *take_attribute(
    const mr_log_attribute *attribute, struct mri_manifest_attribute *ret_kept)
{
    if (attribute->key == NULL || attribute->value == NULL) {
        return "its key or its value is NULL";
    }
    int key = snprintf(ret_kept->key, sizeof(ret_kept->key), "%s", attribute->key);
    int value = snprintf(ret_kept->value, sizeof(ret_kept->value), "%s", attribute->value);
    if (key <= 0 || key >= (int)sizeof(ret_kept->key)) {
        return "a key has 1 to 31 bytes";
    }
    if (value < 0 || value >= (int)sizeof(ret_kept->value)) {
        return "a value has at most 127 bytes";
    }
    return mri_manifest_attribute_fault(ret_kept);
}

static mr_err take_attributes(const mr_log_options *options, const char *folder,
    struct mri_manifest *manifest, mr_problem *problem)
{
    if (options->attribute_count > MR_LOG_ATTRIBUTES_MAX ||
        (options->attribute_count > 0 && options->attributes == NULL)) {
        return mri_problem(problem, MR_EINVAL, "%s: cannot make a log: attribute_count is %zu, %s",
            folder, options->attribute_count,
            options->attributes == NULL ? "and attributes is NULL" : "and goes up to 16");
    }
    for (size_t i = 0; i < options->attribute_count; i++) {
        struct mri_manifest_attribute *kept = &manifest->attributes[i];
        const char *fault = take_attribute(&options->attributes[i], kept);
        for (size_t k = 0; fault == NULL && k < i; k++) {
            fault =
                strcmp(manifest->attributes[k].key, kept->key) == 0 ? "its key comes twice" : NULL;
        }
        if (fault != NULL) {
            return mri_problem(problem, MR_EINVAL, "%s: cannot make a log: attribute %zu (%s): %s",
                folder, i, options->attributes[i].key == NULL ? "NULL" : options->attributes[i].key,
                fault);
        }
    }
    manifest->attribute_count = (uint32_t)options->attribute_count;
    return MR_OK;
}

static mr_err new_manifest(const mr_log_options *options, const struct mri_os *os,
    const char *folder, struct mri_manifest *manifest, mr_problem *problem)
{
    *manifest = (struct mri_manifest){
        .segment_bytes =
            options->segment_bytes == 0 ? MRI_SEGMENT_BYTES_DEFAULT : options->segment_bytes,
    };
    if (manifest->segment_bytes < MRI_SEGMENT_BYTES_MIN ||
        manifest->segment_bytes > MRI_SEGMENT_BYTES_MAX ||
        !is_power_of_two(manifest->segment_bytes)) {
        return mri_problem(problem, MR_EINVAL,
            "%s: cannot make a log: segment_bytes is %llu, and must be a power of two from %llu to "
            "%llu",
            folder, (unsigned long long)manifest->segment_bytes,
            (unsigned long long)MRI_SEGMENT_BYTES_MIN, (unsigned long long)MRI_SEGMENT_BYTES_MAX);
    }
    mr_err err = take_attributes(options, folder, manifest, problem);
    if (err != MR_OK) {
        return err;
    }
    err = os->random_bytes(os->context, manifest->log_uuid, sizeof(manifest->log_uuid));
    return err == MR_OK ? MR_OK
                        : mri_problem(problem, err, "%s: cannot make a log: no random bytes: %s",
                              folder, mr_err_text(err));
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
    err = new_manifest(options, os, folder, &manifest, reterr_problem);
    if (err != MR_OK) {
        return err;
    }
    err = sync_parent(os, folder);
    if (err == MR_OK) {
        err = mri_manifest_write(os, folder, &manifest);
    }
    if (err != MR_OK) {
        return mri_problem(
            reterr_problem, err, "%s: cannot make a log: %s", folder, mri_making_reason(err));
    }
    *ret_manifest = manifest;
    return MR_OK;
}
