/* SPDX-License-Identifier: MIT */
/*
 * Random signals and moves.
 */
#include "tests/lib/bus_sample.h"

#include <stdio.h>

#include "bus/lifecycle.h"

const struct mri_bus_limits mri_bus_sample_limits = {
    .slots = {.signals_max = 20000,
        .symbols_max = MRI_BUS_SAMPLE_SYMBOLS,
        .sources_max = MRI_SOURCE_EXTERNAL_FIRST + MRI_BUS_SAMPLE_SOURCES + 1},
    .names_max = MRI_BUS_SAMPLE_NAMES,
};

mr_err mri_bus_sample_emit(
    struct mri_batch *batch, struct mri_prng *prng, struct mri_bus_sample_signal *ret_signal)
{
    struct mri_bus_sample_signal signal = {
        .event_time_unix_ns = 1700000000000000000 + (int64_t)mri_prng_below(prng, 1000) * 1000,
        .symbol = (uint32_t)mri_prng_below(prng, MRI_BUS_SAMPLE_SYMBOLS),
        .source = (unsigned)mri_prng_below(prng, MRI_BUS_SAMPLE_SOURCES),
        .name = (unsigned)mri_prng_below(prng, MRI_BUS_SAMPLE_NAMES),
        .key = (unsigned)(mri_prng_below(prng, 3) == 0 ? mri_prng_below(prng, MRI_BUS_SAMPLE_KEYS)
                                                       : 0),
        .side = (uint8_t)(mri_prng_below(prng, 2) == 0 ? MR_LONG : MR_SHORT),
    };
    const struct mri_signal_generated fixed = {
        .event_time_unix_ns = signal.event_time_unix_ns,
        .confidence = mri_prng_uniform(prng),
        .symbol = signal.symbol,
        .side = signal.side,
        .regime = MRI_REGIME_ABSENT,
    };
    char source[20];
    char name[20];
    char key[20];
    (void)snprintf(source, sizeof(source), "source-%u", signal.source);
    (void)snprintf(name, sizeof(name), "name-%u", signal.name);
    (void)snprintf(key, sizeof(key), "key-%u", signal.key);
    struct mri_draft draft = {.type = MRI_EVENT_SIGNAL_GENERATED, .fixed = &fixed};
    draft.texts[MRI_TEXT_signal_generated_source] = mri_slice_of(source);
    draft.texts[MRI_TEXT_signal_generated_name] = mri_slice_of(name);
    draft.texts[MRI_TEXT_signal_generated_idempotency_key] =
        mri_slice_of(signal.key == 0 ? "" : key);
    *ret_signal = signal;
    return mri_batch_add(batch, &draft, batch->next_ordinal);
}

mr_err mri_bus_sample_move(
    struct mri_batch *batch, struct mri_prng *prng, uint32_t ordinal, unsigned from, unsigned to)
{
    const struct mri_signal_moved fixed = {
        .cause = mri_prng_below(prng, 2) == 0 ? 0 : mri_batch_ref(batch, batch->base_seq - 1),
        .from = (uint8_t)from,
        .to = (uint8_t)to,
        .actor = MRI_ACTOR_OPERATOR,
        .gate = (uint8_t)(1 + mri_prng_below(prng, 11)),
        .reason = (uint16_t)(20 + mri_prng_below(prng, 8)),
    };
    const struct mri_draft draft = {.type = MRI_EVENT_SIGNAL_MOVED, .fixed = &fixed};
    return mri_batch_add(batch, &draft, ordinal);
}

unsigned mri_bus_sample_next_state(struct mri_prng *prng, unsigned from)
{
    unsigned states[MR_STATE_COUNT];
    unsigned count = 0;
    for (unsigned to = 0; to < MR_STATE_COUNT; to++) {
        if (mri_lifecycle_allows((mr_state)from, (mr_state)to)) {
            states[count++] = to;
        }
    }
    return count == 0 ? MR_STATE_COUNT : states[mri_prng_below(prng, count)];
}
