/* SPDX-License-Identifier: MIT */
/**
 * A folder for one test, gone afterwards.
 */
#ifndef TESTS_LIB_TEMP_FOLDER_H
#define TESTS_LIB_TEMP_FOLDER_H

enum { MRI_TEMP_FOLDER_BYTES = 256 };

/**
 * Make an empty folder under TMPDIR, or under /tmp; it never fails (it ends the process).
 *
 * Returns  path.
 * Owner    the caller removes it with mri_temp_folder_remove().
 * Threads  any.
 */
const char *mri_temp_folder_make(char path[static MRI_TEMP_FOLDER_BYTES]);

/**
 * Remove a folder and everything in it.
 *
 * Returns  nothing.
 * Threads  any.
 */
void mri_temp_folder_remove(const char *path);

#endif
