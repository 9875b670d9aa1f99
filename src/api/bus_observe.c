/* SPDX-License-Identifier: MIT */
/*
 * What is emitted outside the lifecycle.
 *
 * Invariants
 *  1. The number of an emission, and what it follows, hold for one place in the log: when others
 *     were faster, it is drafted anew.
 */
#include "api/bus_api.h"

#include <string.h>

#include "base/problem.h"
#include "base/text.h"

enum { NAME_BYTES_MAX = 256 };

static mr_err check_text(const char *text, const char *field, size_t bytes_max, mr_problem *problem)
{
    struct mri_slice slice = text == NULL ? (struct mri_slice){0} : mri_slice_of(text);
    if (slice.count > bytes_max) {
        return mri_problem(problem, MR_REFUSED, "%s: expected up to %zu bytes, found %zu", field,
            bytes_max, slice.count);
    }
    if (slice.count > 0 && !mri_text_is_utf8(slice)) {
        return mri_problem(problem, MR_REFUSED, "%s: expected valid UTF-8", field);
    }
    return MR_OK;
}

static mr_err check(const mr_observation *observation, mr_problem *problem)
{
    bool is_about_both = observation->about != 0 && observation->ordinal.n != 0;
    bool is_emission = observation->about == 0 && observation->ordinal.n == 0;
    bool has_state = !observation->is_moved || (unsigned)observation->to < MR_STATE_COUNT;
    if (is_about_both || !has_state) {
        return mri_problem(problem, MR_EINVAL,
            "an observation is an emission, or about one, or about a signal; what it is about is "
            "moved into one of the eight states");
    }
    if (is_emission && observation->is_moved) {
        return mri_problem(problem, MR_REFUSED,
            "to: expected none without about: only what an observation is about is moved, and an "
            "emission begins as generated");
    }
    mr_err err = check_text(observation->symbol, "symbol", NAME_BYTES_MAX, problem);
    if (err == MR_OK) {
        err = check_text(observation->source, "source", NAME_BYTES_MAX, problem);
    }
    if (err == MR_OK) {
        err = check_text(observation->data, "data", MRI_OBSERVATION_BYTES_MAX, problem);
    }
    return err;
}

/** What it is about, and from where to where its emitter has it. */
static mr_err refer(struct mr_bus *bus, const mr_observation *observation,
    struct mri_signal_observed *fixed, mr_problem *problem)
{
    struct mri_bus *tables = &bus->fold.bus;
    if (observation->ordinal.n != 0) {
        const struct mri_slot *slot = mri_slots_get(&tables->slots, observation->ordinal.n);
        if (slot == NULL) {
            return mri_problem(
                problem, MR_NOT_FOUND, "there is no signal %u", observation->ordinal.n);
        }
        fixed->about = mri_batch_ref(&bus->batch, slot->generated_seq);
        fixed->from = slot->state;
    } else if (observation->about != 0) {
        const struct mri_observed_entry *entry =
            mri_observed_get(&tables->observed, observation->about);
        if (entry == NULL) {
            return mri_problem(problem, MR_NOT_FOUND,
                "there is no emission %u outside the "
                "lifecycle",
                observation->about);
        }
        fixed->about = mri_batch_ref(&bus->batch, entry->emitted_seq);
        fixed->previous = mri_batch_ref(&bus->batch, entry->last_seq);
        fixed->number = observation->about;
        fixed->from = entry->state;
    } else {
        fixed->number = tables->observed.count + 1;
    }
    fixed->to = observation->is_moved ? (uint8_t)observation->to : fixed->from;
    return MR_OK;
}

static struct mri_slice slice_of(const char *text)
{
    return text == NULL ? (struct mri_slice){0} : mri_slice_of(text);
}

static mr_err draft(struct mr_bus *bus, const mr_observation *observation, uint32_t *ret_number,
    mr_problem *problem)
{
    struct mri_signal_observed fixed = {
        .event_time_unix_ns = mri_outside_clock_now(&bus->clock, bus->fold.bus.event_time_unix_ns),
    };
    mri_bus_begin(&bus->fold.bus, &bus->batch);
    mr_err err = mri_outside_clock_check(&bus->clock, fixed.event_time_unix_ns, problem);
    if (err == MR_OK) {
        err = refer(bus, observation, &fixed, problem);
    }
    if (err != MR_OK) {
        return err;
    }
    const struct mri_draft draft = {
        .type = MRI_EVENT_SIGNAL_OBSERVED,
        .fixed = &fixed,
        .texts = {[MRI_TEXT_signal_observed_symbol_name] = slice_of(observation->symbol),
            [MRI_TEXT_signal_observed_source] = slice_of(observation->source),
            [MRI_TEXT_signal_observed_data] = slice_of(observation->data)},
    };
    *ret_number = fixed.number;
    err = mri_batch_add(&bus->batch, &draft, observation->ordinal.n);
    return err == MR_OK ? MR_OK : mri_problem(problem, err, "%s", mr_err_text(err));
}

mr_err mr_bus_observe(mr_bus *bus, const mr_observation *observation, mr_durability durability,
    uint32_t *ret_number, mr_problem *reterr_problem)
{
    uint32_t number = 0;
    if (bus == NULL || observation == NULL) {
        return mri_problem(reterr_problem, MR_EINVAL, "what is observed is missing");
    }
    MRI_ASSERT(bus->magic == MRI_BUS_API_MAGIC);
    mr_err err = mri_bus_api_may_append(bus, reterr_problem);
    if (err == MR_OK) {
        err = check(observation, reterr_problem);
    }
    if (err != MR_OK) {
        return err;
    }
    do {
        err = mri_bus_api_follow(bus, reterr_problem);
        if (err == MR_OK) {
            err = draft(bus, observation, &number, reterr_problem);
        }
        if (err != MR_OK) {
            return err;
        }
        err = mri_bus_append(&bus->fold.bus, &bus->batch, durability, NULL, NULL);
    } while (err == MR_AGAIN);
    if (ret_number != NULL && (err == MR_OK || err == MR_EUNKNOWN)) {
        *ret_number = number;
    }
    return err == MR_OK ? MR_OK : mri_bus_api_explain(bus, err, bus->fold.bus.full, reterr_problem);
}

mr_err mr_bus_observed(
    mr_bus *bus, uint32_t number, mr_observed *ret_observed, mr_problem *reterr_problem)
{
    MRI_ASSERT(bus->magic == MRI_BUS_API_MAGIC);
    mr_err err = mri_bus_api_follow(bus, reterr_problem);
    if (err != MR_OK) {
        return err;
    }
    const struct mri_observed *observed = &bus->fold.bus.observed;
    const struct mri_observed_entry *entry = mri_observed_get(observed, number);
    if (entry == NULL) {
        return mri_problem(
            reterr_problem, MR_NOT_FOUND, "there is no emission %u outside the lifecycle", number);
    }
    *ret_observed = (mr_observed){
        .number = number,
        .emitted = {entry->emitted_seq},
        .last = {entry->last_seq},
        .event_time_unix_ns = entry->event_time_unix_ns,
        .state = (mr_state)entry->state,
        .source = entry->source == MRI_OBSERVED_SOURCE_OTHER
                      ? ""
                      : mri_intern_text(&observed->sources, entry->source).bytes,
    };
    return MR_OK;
}

mr_err mr_bus_observed_counts(
    mr_bus *bus, uint64_t ret_counts[MR_STATE_COUNT], mr_problem *reterr_problem)
{
    MRI_ASSERT(bus->magic == MRI_BUS_API_MAGIC);
    mr_err err = mri_bus_api_follow(bus, reterr_problem);
    if (err == MR_OK) {
        memcpy(ret_counts, bus->fold.bus.observed.states, sizeof(bus->fold.bus.observed.states));
    }
    return err;
}

mr_err mr_bus_source_count(
    mr_bus *bus, uint32_t index, mr_source_count *ret_count, mr_problem *reterr_problem)
{
    MRI_ASSERT(bus->magic == MRI_BUS_API_MAGIC);
    mr_err err = index == 0 || !bus->has_fold ? mri_bus_api_follow(bus, reterr_problem) : MR_OK;
    if (err != MR_OK) {
        return err;
    }
    const struct mri_bus *tables = &bus->fold.bus;
    const struct mri_observed *observed = &tables->observed;
    if (index < tables->sources.count) { /* those of this program are always there */
        *ret_count = (mr_source_count){
            .source = index >= MRI_SOURCE_INTERNAL_COUNT && index < MRI_SOURCE_EXTERNAL_FIRST
                          ? "" /* kept for more */
                          : mri_intern_text(&tables->sources, index).bytes,
            .signals = tables->slots.by_source[index].count,
        };
        return MR_OK;
    }
    uint32_t number = index - tables->sources.count;
    if (number >= observed->sources.count) {
        return MR_END;
    }
    *ret_count = (mr_source_count){
        .source = number == MRI_OBSERVED_SOURCE_OTHER
                      ? ""
                      : mri_intern_text(&observed->sources, number).bytes,
        .observed = observed->by_source[number],
    };
    return MR_OK;
}
