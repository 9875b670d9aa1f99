/* SPDX-License-Identifier: MIT */
/*
 * Folders for tests, by mkdtemp and nftw.
 */
#define _GNU_SOURCE
#include "tests/lib/temp_folder.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/check.h"

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

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    (void)status;
    (void)kind;
    (void)place;
    return remove(path);
}

void mri_temp_folder_remove(const char *path)
{
    (void)nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS); /* a leftover harms nobody */
}
