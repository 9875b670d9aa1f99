/* SPDX-License-Identifier: MIT */
/*
 * The shared state beside a fold of the log, where no run compares them.
 *
 * Invariants
 *  1. A state that is not that of the log is not used any more, and an alert in the log says so:
 * who needs it next makes it anew.
 */
#include "api/bus_api.h"
#include "base/problem.h"
#include "pipeline/shared_refresh.h"

enum { TRIES = 16 /* in the place of one, while others append all the time */ };

static mr_err draft(struct mr_bus *bus, const mr_problem *found)
{
    mri_bus_begin(&bus->fold.bus, &bus->batch);
    const struct mri_alert alert = {
        .about = mri_batch_ref(&bus->batch, bus->fold.bus.last_seq),
        .severity = MRI_SEVERITY_WARNING,
    };
    const struct mri_draft draft = {.type = MRI_EVENT_ALERT,
        .fixed = &alert,
        .texts = {[MRI_TEXT_alert_message] = mri_slice_of(found->text)}};
    return mri_batch_add(&bus->batch, &draft, 0);
}

/** Keep in the log what was found. */
static mr_err warn(struct mr_bus *bus, const mr_problem *found, mr_problem *problem)
{
    mr_err err = mri_bus_api_may_append(bus, problem);
    do {
        if (err == MR_OK || err == MR_AGAIN) {
            err = mri_bus_api_follow(bus, problem);
        }
        if (err != MR_OK) {
            return err;
        }
        err = draft(bus, found);
        if (err == MR_OK) {
            err = mri_bus_append(&bus->fold.bus, &bus->batch, MR_ASYNC, NULL, NULL);
        }
    } while (err == MR_AGAIN);
    return err == MR_OK ? MR_OK : mri_bus_api_explain(bus, err, bus->fold.bus.full, problem);
}

/** Have the interval that the configuration says. */
static mr_err read_interval(struct mr_bus *bus)
{
    struct mri_config config;
    uint64_t config_seq = bus->whole->wiring.config_seq;
    if (bus->compare_events != 0 && bus->compare_config_seq == config_seq) {
        return MR_OK;
    }
    mr_err err = mri_bus_api_config(bus->whole, &config);
    if (err == MR_OK) {
        bus->compare_events = (uint64_t)config.log_compare_events;
        bus->compare_config_seq = config_seq;
        mri_config_fini(&config);
    }
    return err;
}

static bool is_due(const struct mr_bus *bus)
{
    return bus->compare_seq == 0 ||
           bus->whole->bus.last_seq - bus->compare_seq >= bus->compare_events;
}

mr_err mri_bus_api_compare_if_due(struct mr_bus *bus, mr_problem *reterr_problem)
{
    const struct mri_fold *whole = bus->whole;
    uint64_t last_seq = whole->bus.last_seq;
    mr_problem found = {""};
    if (bus->log == NULL || whole->damage != MR_OK) {
        return MR_OK;
    }
    mr_err err = read_interval(bus);
    if (err != MR_OK) {
        return mri_problem(
            reterr_problem, err, "%s: configuration: %s", bus->folder, mr_err_text(err));
    }
    if (!is_due(bus)) {
        return MR_OK;
    }
    err = mri_shared_refresh_check(whole, bus->log, &found);
    if (err != MR_AGAIN) {
        bus->compare_seq = last_seq;
    } else if (last_seq > bus->compare_events) {
        bus->compare_seq = last_seq - bus->compare_events + bus->compare_events / TRIES;
    }
    if (err != MR_ECORRUPT) {
        return err == MR_NOT_FOUND || err == MR_AGAIN
                   ? MR_OK
                   : mri_problem(reterr_problem, err, "%s: %s", bus->folder, mr_err_text(err));
    }
    return warn(bus, &found, reterr_problem);
}
