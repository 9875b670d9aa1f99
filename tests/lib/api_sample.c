/* SPDX-License-Identifier: MIT */
/*
 * What tests of the bus for programs begin with.
 */
#include "tests/lib/api_sample.h"

#include <stdio.h>

#include "pipeline/shared_refresh.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/plain_config.h"

mr_bus *mri_api_sample_open(const struct mri_api_sample *sample)
{
    mr_bus *bus = NULL;
    mr_problem problem = {""};
    mr_err err = mri_bus_api_open(
        &sample->story->machine.table, mri_alloc_system(), MRI_STORY_FOLDER, &bus, &problem);
    if (err != MR_OK) {
        fail_msg("open: %s: %s", mr_err_name(err), problem.text);
    }
    return bus;
}

void mri_api_sample_begin(struct mri_api_sample *sample)
{
    mri_api_sample_begin_with(sample, NULL);
}

void mri_api_sample_begin_with(
    struct mri_api_sample *sample, void (*configure)(struct mri_config *config))
{
    struct mri_story *story = mri_story_begin(mri_plain_config, MRI_API_SAMPLE_SYMBOLS);
    *sample = (struct mri_api_sample){.story = story};
    if (configure != NULL) {
        configure(&story->config);
    }
    mri_script_add_close(&story->script, 0, 1, MRI_STORY_PRICE);
    mri_story_open(story);
    mri_story_play(story);
    for (uint32_t i = 0; i < MRI_API_SAMPLE_SYMBOLS; i++) {
        const struct mri_instrument_spec *spec =
            mri_instruments_get(&story->node.fold.wiring.market.instruments, i);
        (void)snprintf(sample->symbols[i], sizeof(sample->symbols[i]), "%s", spec->symbol);
    }
    mri_story_close(story);
    sample->bus = mri_api_sample_open(sample);
}

/** What the processes share is what the log says, byte for byte, whatever the test has done. */
static void compare_table(const struct mri_api_sample *sample)
{
    static struct mri_fold fold;
    struct mri_fold_options options = mri_story_fold_options(sample->story);
    mr_problem problem = {""};
    if (sample->bus == NULL || sample->bus->log == NULL || sample->has_no_table) {
        return;
    }
    options.is_market_only = true;
    mr_err err = mri_fold_init(&fold, &options, &problem);
    err = err == MR_OK && fold.damage != MR_OK ? fold.damage : err;
    if (err == MR_OK) {
        err = mri_shared_refresh_check(&fold, sample->bus->log, &problem);
    }
    mri_fold_fini(&fold);
    bool is_none = err == MR_NOT_FOUND || err == MR_AGAIN; /* no room for one, or it is behind */
    if (err != MR_OK && !is_none) {
        fail_msg("the table at the end of the test: %s: %s", mr_err_name(err), problem.text);
    }
}

void mri_api_sample_end(struct mri_api_sample *sample)
{
    compare_table(sample);
    mr_bus_close(sample->bus);
    mri_story_end(sample->story);
}

mr_emission mri_api_sample_emission(
    const struct mri_api_sample *sample, uint32_t symbol, const char *source)
{
    return (mr_emission){
        .symbol = sample->symbols[symbol], .source = source, .side = MR_LONG, .confidence = 0.5};
}

mr_ordinal mri_api_sample_emit(mr_bus *bus, const mr_emission *emission)
{
    mr_emitted emitted;
    mr_problem problem = {""};
    mr_err err = mr_bus_emit(bus, emission, 1, MR_GROUP, &emitted, &problem);
    if (err != MR_OK) {
        fail_msg("emit: %s: %s", mr_err_name(err), problem.text);
    }
    return emitted.ordinal;
}

int64_t mri_api_sample_event_time(mr_bus *bus)
{
    mr_problem problem = {""};
    int64_t time_unix_ns = -1;
    if (mr_bus_event_time(bus, &time_unix_ns, &problem) != MR_OK) {
        fail_msg("event time: %s", problem.text);
    }
    return time_unix_ns;
}
