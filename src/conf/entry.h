/* SPDX-License-Identifier: MIT */
/**
 * An entry of a list that is a map of a few names, all of them needed: a route, a spelling.
 */
#ifndef MRI_CONF_ENTRY_H
#define MRI_CONF_ENTRY_H

#include <stdbool.h>
#include <stdint.h>

#include "conf/reading.h"

enum { MRI_ENTRY_KEYS_MAX = 2 };

struct mri_entry_kind {
    const char *list; /**< the section that the list is: routes */
    const char *keys[MRI_ENTRY_KEYS_MAX];
    /** Read the value of keys[key], a scalar, into the item, or say what is wrong with it. */
    void (*read_value)(struct mri_reading *reading, void *item, int key);
};

/**
 * Read the entry that begins here, and leave behind it; the label is the entry's then. Keys that
 * are missing, unknown or there twice are said, and what read_value() says.
 *
 * @param item   what the values are of, zeroed
 * @param index  of the entry, from 0
 *
 * Returns  true: all is there, and good.
 * Threads  one at a time.
 */
bool mri_entry_read(
    struct mri_reading *reading, const struct mri_entry_kind *kind, uint32_t index, void *item);

#endif
