/* SPDX-License-Identifier: MIT */
/*
 * Reading and replacing the file `ctl`. Every length in it is checked before it is used.
 */
#include "log/meet/control.h"

#include <stdio.h>
#include <string.h>

#include "base/crc32c.h"
#include "os/shared_memory.h"

static const char magic[8] = "MRCTL\r\n\x1a";

static uint32_t crc_of(const struct mri_control *control)
{
    struct mri_control blank = *control;
    blank.crc = 0;
    return mri_crc32c(0, &blank, sizeof(blank));
}

static bool is_length(uint64_t bytes)
{
    return bytes > 0 && bytes % MRI_SHARED_MEMORY_PAGE_BYTES == 0 && bytes <= (uint64_t)1 << 40;
}

static mr_err check(const struct mri_control *control, size_t count)
{
    if (count < offsetof(struct mri_control, boot_id) ||
        memcmp(control->magic, magic, sizeof(magic)) != 0) {
        return MR_ECORRUPT;
    }
    if (control->version != MRI_CONTROL_VERSION) {
        return MR_EVERSION;
    }
    bool is_whole = count == sizeof(*control) && control->crc == crc_of(control) &&
                    is_length(control->head_bytes) && is_length(control->ring_bytes) &&
                    control->derived_bytes < control->head_bytes &&
                    memchr(control->memory, '\0', sizeof(control->memory)) != NULL;
    return is_whole ? MR_OK : MR_ECORRUPT;
}

mr_err mri_control_read(
    const struct mri_os *os, const char *folder, struct mri_control *ret_control)
{
    char path[MRI_PATH_BYTES_MAX];
    uint8_t boot_id[MRI_BOOT_ID_BYTES];
    struct mri_control control = {0};
    struct mri_file_info info;
    size_t count = 0;
    mr_err err = mri_os_path(folder, MRI_CONTROL_NAME, path);
    if (err == MR_OK) {
        err = mri_os_read_file(os, path, &control, sizeof(control), &count);
    }
    if (err != MR_OK) {
        return err == MR_EPATH ? MR_NOT_FOUND : err == MR_ERANGE ? MR_ECORRUPT : err;
    }
    err = check(&control, count);
    if (err == MR_OK) {
        err = os->boot_id(os->context, boot_id);
    }
    if (err == MR_OK) {
        err = os->info(os->context, folder, &info);
    }
    if (err == MR_OK && (memcmp(boot_id, control.boot_id, sizeof(boot_id)) != 0 ||
                            info.device != control.device || info.inode != control.inode)) {
        err = MR_NOT_FOUND;
    }
    if (err == MR_OK) {
        *ret_control = control;
    }
    return err;
}

mr_err mri_control_write(const struct mri_os *os, const char *folder, struct mri_control *control)
{
    memcpy(control->magic, magic, sizeof(magic));
    control->version = MRI_CONTROL_VERSION;
    struct mri_file_info info;
    mr_err err = os->boot_id(os->context, control->boot_id);
    if (err == MR_OK) {
        err = os->info(os->context, folder, &info);
    }
    if (err != MR_OK) {
        return err;
    }
    control->device = info.device;
    control->inode = info.inode;
    control->crc = crc_of(control);
    return mri_os_replace_file(os, folder, MRI_CONTROL_NAME, control, sizeof(*control));
}

mr_err mri_control_path(
    const struct mri_control *control, const char *folder, char ret_path[static MRI_PATH_BYTES_MAX])
{
    if (strchr(control->memory, '/') == NULL) {
        return mri_os_path(folder, control->memory, ret_path);
    }
    int count = snprintf(ret_path, MRI_PATH_BYTES_MAX, "%s", control->memory);
    return count > 0 && count < MRI_PATH_BYTES_MAX ? MR_OK : MR_EINVAL;
}
