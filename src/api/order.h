/* SPDX-License-Identifier: MIT */
/**
 * Orders as programs see them.
 */
#ifndef MRI_API_ORDER_H
#define MRI_API_ORDER_H

#include "api/bus_api.h"
#include "millrace/execution.h"
#include "pipeline/order_desk.h"

/**
 * Put an order of the fold into the form of programs.
 *
 * Returns  MR_OK; MR_ECORRUPT its instrument is not known; faults of reading the log.
 * Threads  one at a time.
 * Cost     reads the order's newest reports when it has an id at the venue.
 */
MR_MUST_USE mr_err mri_order_fill(
    const struct mr_bus *bus, const struct mri_order_view *view, mr_order *ret_order);

#endif
