/* SPDX-License-Identifier: MIT */
/**
 * millrace/bus.h on a given machine, and what its parts share.
 */
#ifndef MRI_API_BUS_API_H
#define MRI_API_BUS_API_H

#include "base/alloc.h"
#include "bus/filter.h"
#include "millrace/bus.h"
#include "os/os.h"
#include "pipeline/fold.h"

enum { MRI_BUS_API_MAGIC = 0x42555331 };

struct mr_bus {
    uint32_t magic; /**< MRI_BUS_API_MAGIC */
    const struct mri_os *os;
    const struct mri_alloc *alloc;
    char folder[MRI_PATH_BYTES_MAX];
    mr_log *log;
    struct mri_fold fold;
    struct mri_batch batch;
    struct mri_filter filter; /**< too large for a stack */
    uint64_t config_seq;      /**< of the configuration that valid_for is from */
    int64_t valid_for_ns;
    uint32_t
        *places; /**< of each emission: its item in the batch, or an ordinal that its key has */
};

/**
 * Take in what others have appended.
 *
 * Returns  MR_OK; damage and other faults of reading, *reterr_problem says where.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_bus_api_follow(struct mr_bus *bus, mr_problem *reterr_problem);

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
