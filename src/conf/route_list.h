/* SPDX-License-Identifier: MIT */
/**
 * The list of routes in a configuration: one map each.
 */
#ifndef MRI_CONF_ROUTE_LIST_H
#define MRI_CONF_ROUTE_LIST_H

#include "conf/reading.h"
#include "pipeline/config.h"

/** The key that the list stands under. */
#define MRI_ROUTE_LIST_KEY "routes"

/**
 * Read the value of `routes:` that begins here and add what is good to the configuration.
 *
 * Returns  nothing; what is wrong is listed, lack of memory is in reading->err.
 * Threads  one at a time.
 */
void mri_route_list_read(struct mri_reading *reading, struct mri_config *config);

#endif
