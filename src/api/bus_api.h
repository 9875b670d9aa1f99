/* SPDX-License-Identifier: MIT */
/**
 * millrace/bus.h on a given machine.
 */
#ifndef MRI_API_BUS_API_H
#define MRI_API_BUS_API_H

#include "base/alloc.h"
#include "millrace/bus.h"
#include "os/os.h"

/**
 * mr_bus_open() on a given machine.
 *
 * Returns  as mr_bus_open().
 * Owner    mr_bus_close() frees; os and alloc must outlive the bus.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_bus_api_open(const struct mri_os *os, const struct mri_alloc *alloc,
    const char *folder, mr_bus **ret_bus, mr_problem *reterr_problem);

#endif
