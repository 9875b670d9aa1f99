/* SPDX-License-Identifier: MIT */
/**
 * Facts from outside in the decimals of their instruments, as one batch: behind
 * millrace/bus_facts.h, and for who reads them out of texts.
 */
#ifndef MRI_API_FACT_BATCH_H
#define MRI_API_FACT_BATCH_H

#include "millrace/bus.h"
#include "pipeline/facts.h"

/**
 * Make ready: facts may be brought into this log, and the log is folded.
 *
 * Returns  MR_OK; MR_REFUSED the log has a feed of its own; MR_EACCESS this user may only read it;
 *          faults of reading it.
 * Threads  one at a time per handle.
 * Cost     the first time, as a handle that folds the log (bus.h).
 */
MR_MUST_USE mr_err mri_fact_batch_begin(mr_bus *bus, mr_problem *reterr_problem);

/**
 * The instruments whose numbers facts have. Not before mri_fact_batch_begin().
 *
 * Returns  them.
 * Owner    the bus.
 * Threads  one at a time per handle.
 */
const struct mri_instruments *mri_fact_batch_instruments(const mr_bus *bus);

/**
 * Append facts: all that are new, or none. Not before mri_fact_batch_begin().
 *
 * @param count  1 to MR_BUS_FACTS_MAX
 *
 * Returns  as mri_facts_append().
 * Threads  one at a time per handle.
 */
MR_MUST_USE mr_err mri_fact_batch_append(mr_bus *bus, const struct mri_fact_input *inputs,
    size_t count, mr_durability durability, struct mri_facts_answer *ret_answer,
    mr_problem *reterr_problem);

#endif
