/* SPDX-License-Identifier: MIT */
/**
 * Facts from outside, appended: each batch is checked against everything that is in the log by
 * then, and lands behind it or is checked anew.
 */
#ifndef MRI_PIPELINE_FACTS_H
#define MRI_PIPELINE_FACTS_H

#include "pipeline/fact_desk.h"
#include "pipeline/fold.h"
#include "pipeline/outside_clock.h"

/** The most facts in one batch: a bar may bring a gap with it. */
enum { MRI_FACT_BATCH_MAX = 4096 };

struct mri_facts {
    const struct mri_os *os;
    struct mri_fold *fold; /**< of the market alone; its bus has the log */
    struct mri_fact_desk desk;
    struct mri_batch batch;
    struct mri_outside_clock clock; /**< event time of a live log */
};

/** What became of facts. */
struct mri_facts_answer {
    size_t repeated;        /**< the log has them already */
    size_t index;           /**< with MR_REFUSED: which one */
    enum mri_reason reason; /**< and why; MRI_REASON_NONE: the clock, and none of them */
};

/**
 * May facts be brought into this log from outside? Not into one that a feed belongs to: when it is
 * read on, what others brought in would stand in its way.
 *
 * Returns  MR_OK; MR_REFUSED, *reterr_problem says why.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_facts_check_log(
    const mr_log *log, const char *folder, mr_problem *reterr_problem);

/**
 * Make ready.
 *
 * @param fold  has a log to append to; outlives the facts
 *
 * Returns  MR_OK; MR_ENOMEM.
 * Owner    mri_facts_fini() frees.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_facts_init(struct mri_facts *facts, const struct mri_os *os,
    const struct mri_alloc *alloc, struct mri_fold *fold);

/**
 * Free. NULL and zeroed are allowed.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_facts_fini(struct mri_facts *facts);

/**
 * Append facts as one batch: all that are new, or none.
 *
 * @param count  1 to MRI_FACT_BATCH_MAX
 *
 * Returns  MR_OK; MR_REFUSED one is not as it must be, the answer says which, *reterr_problem what;
 *          or the clock of a live log cannot be right;
 *          MR_ECORRUPT and other faults of reading the log; as mr_log_append().
 * Threads  one at a time.
 * Cost     reads what others have appended.
 */
MR_MUST_USE mr_err mri_facts_append(struct mri_facts *facts, const struct mri_fact_input *inputs,
    size_t count, mr_durability durability, struct mri_facts_answer *ret_answer,
    mr_problem *reterr_problem);

#endif
