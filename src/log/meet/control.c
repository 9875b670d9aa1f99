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
enum { CLOSED_WELL = 0, OPENED_SINCE = 1 }; /* generation of one without a memory */

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

/** A whole one, of any boot and folder. */
static mr_err read_any(const struct mri_os *os, const char *folder, struct mri_control *ret_control)
{
    char path[MRI_PATH_BYTES_MAX];
    struct mri_control control = {0};
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
        *ret_control = control;
    }
    return err;
}

bool mri_control_is_of(
    const struct mri_os *os, const char *folder, const uint8_t log_uuid[static 16])
{
    struct mri_control control;
    return read_any(os, folder, &control) == MR_OK &&
           memcmp(control.log_uuid, log_uuid, sizeof(control.log_uuid)) == 0;
}

/** One of this boot and of this folder, whatever it says. */
static mr_err read_own(const struct mri_os *os, const char *folder, struct mri_control *ret_control)
{
    uint8_t boot_id[MRI_BOOT_ID_BYTES];
    struct mri_control control;
    struct mri_file_info info;
    mr_err err = read_any(os, folder, &control);
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

mr_err mri_control_read(
    const struct mri_os *os, const char *folder, struct mri_control *ret_control)
{
    struct mri_control control;
    mr_err err = read_own(os, folder, &control);
    if (err == MR_OK && control.memory[0] == '\0') {
        err = MR_NOT_FOUND;
    }
    if (err == MR_OK) {
        *ret_control = control;
    }
    return err;
}

/** Fill in what makes it one of this boot and of this folder. */
static mr_err seal(const struct mri_os *os, const char *folder, struct mri_control *control)
{
    struct mri_file_info info;
    memcpy(control->magic, magic, sizeof(magic));
    control->version = MRI_CONTROL_VERSION;
    mr_err err = os->boot_id(os->context, control->boot_id);
    if (err == MR_OK) {
        err = os->info(os->context, folder, &info);
    }
    if (err == MR_OK) {
        control->device = info.device;
        control->inode = info.inode;
        control->crc = crc_of(control);
    }
    return err;
}

/** Over the one that is there. */
static mr_err overwrite(
    const struct mri_os *os, const char *folder, const struct mri_control *control)
{
    char path[MRI_PATH_BYTES_MAX];
    int fd;
    mr_err err = mri_os_path(folder, MRI_CONTROL_NAME, path);
    if (err == MR_OK) {
        err = os->open(os->context, path, MRI_OPEN_WRITE, &fd);
    }
    if (err != MR_OK) {
        return err;
    }
    const struct mri_io_piece piece = {.bytes = control, .count = sizeof(*control)};
    err = os->write_at(os->context, fd, &piece, 1, 0);
    os->close(os->context, fd);
    return err;
}

bool mri_control_take_closed(const struct mri_os *os, const char *folder)
{
    struct mri_control control;
    if (read_own(os, folder, &control) != MR_OK || control.memory[0] != '\0' ||
        control.generation != CLOSED_WELL) {
        return false;
    }
    control.generation = OPENED_SINCE;
    return seal(os, folder, &control) == MR_OK && overwrite(os, folder, &control) == MR_OK;
}

void mri_control_touch(
    const struct mri_os *os, const char *folder, const struct mri_control *control)
{
    (void)overwrite(os, folder, control); /* it is only to wake somebody up */
}

mr_err mri_control_write_closed(
    const struct mri_os *os, const char *folder, const uint8_t log_uuid[static 16])
{
    struct mri_control control = {.generation = CLOSED_WELL,
        .head_bytes = MRI_SHARED_MEMORY_PAGE_BYTES,
        .ring_bytes = MRI_SHARED_MEMORY_PAGE_BYTES};
    memcpy(control.log_uuid, log_uuid, sizeof(control.log_uuid));
    mr_err err = seal(os, folder, &control);
    return err == MR_OK ? overwrite(os, folder, &control) : err;
}

mr_err mri_control_write(const struct mri_os *os, const char *folder, struct mri_control *control)
{
    mr_err err = seal(os, folder, control);
    return err == MR_OK
               ? mri_os_replace_file(os, folder, MRI_CONTROL_NAME, control, sizeof(*control))
               : err;
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
