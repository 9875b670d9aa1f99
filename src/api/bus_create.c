/* SPDX-License-Identifier: MIT */
/*
 * Logs that programs begin, and symbols that they bring.
 *
 * Invariants
 *  1. A folder that holds anything but a log, or what a log that was never finished leaves, is left
 *     as it is.
 *  2. A number is given to a symbol by its place in the log: it is drafted for that place alone.
 */
#include "api/bus_api.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/fixed.h"
#include "base/problem.h"
#include "log/open/append.h"
#include "pipeline/signal_input.h"

/* ---- a new log ------------------------------------------------------------------------------- */

/** What lies in a folder. */
struct contents {
    bool has_manifest;
    char other[64]; /**< a name that no log has before its MANIFEST is made; "": none */
};

static mr_err note_name(void *argument, const char *name)
{
    struct contents *contents = argument;
    bool is_begun = strcmp(name, "lock") == 0 || strcmp(name, "MANIFEST.tmp") == 0 ||
                    strcmp(name, "snap") == 0; /* snapshots are hints: they may outlive a log */
    bool is_manifest = strcmp(name, "MANIFEST") == 0;
    contents->has_manifest |= is_manifest;
    if (!is_begun && !is_manifest) {
        (void)snprintf(contents->other, sizeof(contents->other), "%s", name);
    }
    return MR_OK;
}

static mr_err look(const struct mri_os *os, const char *folder, struct contents *ret_contents)
{
    *ret_contents = (struct contents){0};
    return os->list(os->context, folder, ret_contents, note_name);
}

/** Is there a log, or room for one? */
static mr_err check_folder(
    const struct mri_os *os, const char *folder, bool *ret_has_log, mr_problem *problem)
{
    struct contents contents;
    mr_err err = look(os, folder, &contents);
    if (err == MR_OK && !contents.has_manifest && contents.other[0] != '\0') {
        err = look(os, folder, &contents); /* somebody may have made one while we looked */
    }
    *ret_has_log = err == MR_OK && contents.has_manifest;
    if (err != MR_OK || *ret_has_log || contents.other[0] == '\0') {
        return MR_OK; /* what cannot be listed is told when it is opened */
    }
    return mri_problem(problem, MR_REFUSED,
        "%s: neither a log (it has no MANIFEST) nor empty (it has %s); name a new directory",
        folder, contents.other);
}

mr_err mri_bus_api_create(const struct mri_os *os, const struct mri_alloc *alloc,
    const char *folder, uint32_t table_signals, mr_bus **ret_bus, mr_problem *reterr_problem)
{
    char size[MRI_FIXED_TEXT_BYTES];
    uint32_t signals = table_signals == 0 ? MRI_SHARED_SIGNALS_DEFAULT : table_signals;
    const mr_log_attribute attributes[] = {
        {MRI_ATTRIBUTE_TABLE_SIGNALS, mri_fixed_format(signals, 0, size)},
        {MRI_ATTRIBUTE_TIME, "live"},
        {MRI_ATTRIBUTE_MARKET, "real"},
        {MRI_ATTRIBUTE_FEED, "none"},
        {MRI_ATTRIBUTE_FEED_IDENTITY, "none"},
        {MRI_ATTRIBUTE_FEED_SEED, "none"},
    };
    const mr_log_options options = {
        .is_create = true,
        .attributes = attributes,
        .attribute_count = MRI_COUNT_OF(attributes),
    };
    mr_log *made = NULL;
    bool has_log = false;
    if (folder == NULL || ret_bus == NULL) {
        return mri_bus_api_open(os, alloc, folder, ret_bus, reterr_problem);
    }
    mr_err err = check_folder(os, folder, &has_log, reterr_problem);
    if (err == MR_OK && !has_log) {
        err = mri_shared_state_open_log(os, alloc, folder, &options, &made, reterr_problem);
    }
    if (err == MR_OK) {
        err = mri_bus_api_open(os, alloc, folder, ret_bus, reterr_problem);
    }
    mr_log_close(made); /* the bus has it open, too, and goes on */
    return err;
}

mr_err mr_bus_create(const char *folder, mr_bus **ret_bus, mr_problem *reterr_problem)
{
    return mr_bus_create_sized(folder, 0, ret_bus, reterr_problem);
}

mr_err mr_bus_create_sized(
    const char *folder, uint32_t table_signals, mr_bus **ret_bus, mr_problem *reterr_problem)
{
    return mri_bus_api_create(
        mri_os_linux(), mri_alloc_system(), folder, table_signals, ret_bus, reterr_problem);
}

/* ---- symbols --------------------------------------------------------------------------------- */

static mr_err draft_symbol(
    struct mr_bus *bus, const struct mri_instrument_spec *spec, mr_problem *problem)
{
    const struct mri_instruments *known = &bus->fold.wiring.market.instruments;
    if (known->count == known->count_max) {
        return mri_problem(problem, MR_FULL, "limits.symbols_max of the configuration is reached");
    }
    mri_bus_begin(&bus->fold.bus, &bus->batch);
    return mri_instrument_draft(&bus->batch, spec, known->count);
}

mr_err mr_bus_register(mr_bus *bus, const char *symbol, mr_problem *reterr_problem)
{
    struct mri_instrument_spec spec;
    uint32_t number;
    MRI_ASSERT(bus->magic == MRI_BUS_API_MAGIC);
    if (symbol == NULL) {
        return mri_problem(reterr_problem, MR_EINVAL, "symbol: the name is missing");
    }
    mr_err err = mri_bus_api_may_append(bus, reterr_problem);
    if (err == MR_OK) {
        err = mri_instrument_provisional(mri_slice_of(symbol), &spec, reterr_problem);
    }
    if (err == MR_OK && mri_bus_api_share(bus, reterr_problem) == MR_OK &&
        mri_instruments_find(mri_bus_api_instruments(bus), mri_slice_of(symbol), &number) ==
            MR_OK) {
        return MR_OK; /* nothing needs to be folded for it */
    }
    while (err == MR_OK) {
        err = mri_bus_api_follow(bus, reterr_problem);
        if (err != MR_OK) {
            return err;
        }
        if (mri_instruments_find(
                &bus->fold.wiring.market.instruments, mri_slice_of(symbol), &number) == MR_OK) {
            return MR_OK; /* known before, or since a moment ago */
        }
        err = draft_symbol(bus, &spec, reterr_problem);
        if (err == MR_FULL) {
            return err;
        }
        if (err == MR_OK) {
            err = mri_bus_append(&bus->fold.bus, &bus->batch, MR_INTERVAL, NULL, NULL);
            err = err == MR_AGAIN ? MR_OK : err;
        }
    }
    return err == MR_REFUSED || err == MR_EACCESS
               ? err
               : mri_bus_api_explain(bus, err, NULL, reterr_problem);
}

mr_err mr_bus_symbol(
    mr_bus *bus, const char *name, const char **ret_symbol, mr_problem *reterr_problem)
{
    uint32_t number;
    if (bus == NULL || name == NULL || ret_symbol == NULL) {
        return mri_problem(reterr_problem, MR_EINVAL, "a bus, a name, and room for a symbol");
    }
    MRI_ASSERT(bus->magic == MRI_BUS_API_MAGIC);
    mr_err err = mr_bus_follow(bus, reterr_problem);
    if (err != MR_OK) {
        return err;
    }
    const struct mri_instruments *instruments = mri_bus_api_instruments(bus);
    err = mri_instruments_find(instruments, mri_slice_of(name), &number);
    if (err != MR_OK) {
        return mri_problem(reterr_problem, err, "symbol: \"%.60s\" is not registered", name);
    }
    *ret_symbol = mri_instruments_get(instruments, number)->symbol;
    return MR_OK;
}

uint32_t mr_bus_symbol_count(const mr_bus *bus, uint32_t *ret_provisional)
{
    MRI_ASSERT(bus->magic == MRI_BUS_API_MAGIC);
    const struct mri_instruments *instruments = mri_bus_api_instruments(bus);
    if (ret_provisional != NULL) {
        *ret_provisional = instruments->provisional_count;
    }
    return instruments->count;
}
