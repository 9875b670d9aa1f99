/* SPDX-License-Identifier: MIT */
/*
 * Folders for tests, by mkdtemp and nftw.
 */
#define _GNU_SOURCE
#include "tests/lib/temp_folder.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/check.h"
#include "log/meet/control.h"

const char *mri_temp_folder_make(char path[static MRI_TEMP_FOLDER_BYTES])
{
    const char *parent = getenv("TMPDIR");
    int count = snprintf(
        path, MRI_TEMP_FOLDER_BYTES, "%s/millrace-XXXXXX", parent == NULL ? "/tmp" : parent);
    MRI_ASSERT(count > 0 && count < MRI_TEMP_FOLDER_BYTES);
    const char *made = mkdtemp(path);
    MRI_ASSERT(made != NULL);
    return path;
}

/** What killed processes have left in shared memory goes with their log. */
static void remove_memory(const char *control_path)
{
    struct mri_control control = {0};
    FILE *file = fopen(control_path, "rb");
    if (file == NULL) {
        return;
    }
    size_t count = fread(&control, sizeof(control), 1, file);
    (void)fclose(file);
    control.memory[sizeof(control.memory) - 1] = '\0';
    if (count == 1 && control.memory[0] == '/') {
        (void)remove(control.memory);
    }
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    (void)status;
    (void)kind;
    const char *name = path + place->base;
    if (strcmp(name, "ctl") == 0) {
        remove_memory(path);
    }
    return remove(path);
}

void mri_temp_folder_remove(const char *path)
{
    (void)nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS); /* a leftover harms nobody */
}
