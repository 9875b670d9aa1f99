/* SPDX-License-Identifier: MIT */
/*
 * What an event loop needs of a bus beyond millrace/bus.h; the bounded look at a subscription is in
 * subscription.c.
 */
#include "api/bus_loop.h"

#include <stdio.h>

#include "api/bus_api.h"
#include "base/problem.h"
#include "log/consume/consumer.h"

mr_seq mri_bus_loop_last(const mr_bus *bus)
{
    MRI_ASSERT(bus->magic == MRI_BUS_API_MAGIC);
    return mr_log_last(bus->log);
}

const char *mri_bus_loop_uuid(const mr_bus *bus)
{
    MRI_ASSERT(bus->magic == MRI_BUS_API_MAGIC);
    return mr_log_uuid(bus->log);
}

/** What is to be called with the figures of consumers. */
struct telling {
    struct mri_consumer_at at;
    void (*each)(void *context, const mr_consumer_stats *stats, const char *fault);
    void *context;
    mr_problem *problem;
};

static mr_err tell_consumer(void *argument, const char *name)
{
    struct telling *telling = argument;
    mr_consumer_stats stats;
    telling->at.name = name;
    mr_err err = mri_consumer_stat(&telling->at, &stats, telling->problem);
    if (err == MR_OK) {
        telling->each(telling->context, &stats, NULL);
    } else if (err == MR_ECORRUPT || err == MR_EVERSION) {
        stats = (mr_consumer_stats){.policy = MR_CONSUMER_HOLD};
        (void)snprintf(stats.name, sizeof(stats.name), "%s", name);
        telling->each(telling->context, &stats, telling->problem->text);
        return MR_OK;
    }
    return err == MR_NOT_FOUND ? MR_OK : err; /* it was removed just now */
}

mr_err mri_bus_loop_consumers(mr_bus *bus,
    void (*each)(void *context, const mr_consumer_stats *stats, const char *fault), void *context,
    mr_problem *reterr_problem)
{
    MRI_ASSERT(bus->magic == MRI_BUS_API_MAGIC);
    struct telling telling = {.at = {.os = bus->os, .alloc = bus->alloc, .folder = bus->folder},
        .each = each,
        .context = context,
        .problem = reterr_problem};
    mr_err err = mri_bus_api_check_place(bus, reterr_problem);
    return err == MR_OK ? mri_consumer_list(&telling.at, tell_consumer, &telling, reterr_problem)
                        : err;
}

mr_err mri_bus_loop_sync(mr_bus *bus, mr_problem *reterr_problem)
{
    MRI_ASSERT(bus->magic == MRI_BUS_API_MAGIC);
    mr_err err = mr_log_sync(bus->log);
    return err == MR_OK ? MR_OK : mri_bus_api_explain(bus, err, NULL, reterr_problem);
}

mr_err mri_bus_loop_fd(mr_bus *bus, int *ret_fd, mr_problem *reterr_problem)
{
    MRI_ASSERT(bus->magic == MRI_BUS_API_MAGIC);
    mr_err err = mri_bus_api_may_append(bus, reterr_problem);
    if (err == MR_OK) {
        err = mri_bus_api_prepare_waiter(bus, reterr_problem);
    }
    return err == MR_OK ? mr_log_reader_poll_fd(bus->waiter, ret_fd, reterr_problem) : err;
}

mr_err mri_bus_loop_arm(mr_bus *bus, mr_problem *reterr_problem)
{
    MRI_ASSERT(bus->magic == MRI_BUS_API_MAGIC);
    mr_err err = mri_bus_api_prepare_waiter(bus, reterr_problem);
    return err == MR_OK ? mr_log_reader_poll_arm(bus->waiter, reterr_problem) : err;
}
