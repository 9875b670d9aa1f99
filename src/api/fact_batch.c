/* SPDX-License-Identifier: MIT */
/*
 * Facts from outside as one batch. What they are checked against is in pipeline/fact_desk.c.
 */
#include "api/fact_batch.h"

#include "api/bus_api.h"

MRI_STATIC_ASSERT(MR_BUS_FACTS_MAX == MRI_FACT_BATCH_MAX, "one append takes it");

mr_err mri_fact_batch_begin(mr_bus *bus, mr_problem *reterr_problem)
{
    MRI_ASSERT(bus->magic == MRI_BUS_API_MAGIC);
    mr_err err = mri_bus_api_may_append(bus, reterr_problem);
    if (err == MR_OK) {
        err = mri_facts_check_log(bus->log, bus->folder, reterr_problem);
    }
    if (err == MR_OK) {
        err = mri_bus_api_follow(bus, reterr_problem);
    }
    if (err == MR_OK && !bus->has_facts) {
        err = mri_facts_init(&bus->facts, bus->os, bus->alloc, &bus->fold);
        bus->has_facts = err == MR_OK;
    }
    return err;
}

const struct mri_instruments *mri_fact_batch_instruments(const mr_bus *bus)
{
    MRI_ASSERT(bus->has_fold);
    return &bus->fold.wiring.market.instruments;
}

mr_err mri_fact_batch_append(mr_bus *bus, const struct mri_fact_input *inputs, size_t count,
    mr_durability durability, struct mri_facts_answer *ret_answer, mr_problem *reterr_problem)
{
    MRI_ASSERT(bus->has_facts);
    mr_err err =
        mri_facts_append(&bus->facts, inputs, count, durability, ret_answer, reterr_problem);
    (void)mri_bus_api_explain_place(bus, err, reterr_problem);
    return err;
}
