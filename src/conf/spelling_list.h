/* SPDX-License-Identifier: MIT */
/**
 * The list of spellings in a configuration: one map each. It may be left out.
 */
#ifndef MRI_CONF_SPELLING_LIST_H
#define MRI_CONF_SPELLING_LIST_H

#include "conf/reading.h"
#include "pipeline/config.h"

/** The key that the list stands under. */
#define MRI_SPELLING_LIST_KEY "spellings"

/**
 * Read the value of `spellings:` that begins here and add what is good to the configuration.
 *
 * Returns  nothing; what is wrong is listed, lack of memory is in reading->err.
 * Threads  one at a time.
 */
void mri_spelling_list_read(struct mri_reading *reading, struct mri_config *config);

/**
 * List the spellings that are another symbol of the configuration: it must have been read whole.
 *
 * @param place  of the list
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_spelling_list_check(
    struct mri_reading *reading, const struct mri_config *config, struct mri_place place);

#endif
