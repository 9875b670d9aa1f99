/* SPDX-License-Identifier: MIT */
/*
 * A feed from a list. The test adds items in the order that market/feed.h demands.
 */
#include "tests/lib/script_feed.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"

static mr_err next(void *state, struct mri_feed_item *ret_item)
{
    struct mri_script_feed *script = state;
    if (script->at == script->count) {
        return MR_END;
    }
    *ret_item = script->items[script->at++];
    return MR_OK;
}

static double progress(const void *state)
{
    const struct mri_script_feed *script = state;
    return script->count == 0 ? 1.0 : (double)script->at / script->count;
}

static void keep_open(void *state)
{
    (void)state;
}

void mri_script_feed_init(struct mri_script_feed *script, uint32_t symbol_count)
{
    MRI_ASSERT(symbol_count <= MRI_SCRIPT_SYMBOLS_MAX);
    *script = (struct mri_script_feed){0};
    for (uint32_t i = 0; i < symbol_count; i++) {
        char letter = (char)('A' + i);
        script->instruments[i] = (struct mri_instrument_spec){.venue = "script",
            .quote_currency = "USD",
            .price_decimals = 2,
            .quantity_decimals = 3,
            .tick = 1,
            .lot = 1,
            .quantity_min = 1,
            .notional_min_e8 = 500000000,
            .multiplier = 1};
        const char name[] = {letter, letter, letter, 'U', 'S', 'D', '\0'};
        memcpy(script->instruments[i].symbol, name, sizeof(name));
        memcpy(script->instruments[i].native_name, name, sizeof(name));
    }
    script->feed = (struct mri_feed){.state = script,
        .is_simulated = true,
        .instruments = script->instruments,
        .instrument_count = symbol_count,
        .identity = "script",
        .next = next,
        .progress = progress,
        .close = keep_open};
}

void mri_script_feed_fini(struct mri_script_feed *script)
{
    free(script->items);
    *script = (struct mri_script_feed){0};
}

void mri_script_feed_rewind(struct mri_script_feed *script)
{
    script->at = 0;
}

int64_t mri_script_time(int64_t minute)
{
    return MRI_SCRIPT_EPOCH_NS + minute * MRI_SCRIPT_MINUTE_NS;
}

static void add(struct mri_script_feed *script, const struct mri_feed_item *item)
{
    if (script->count == script->capacity) {
        script->capacity = script->capacity == 0 ? 1024 : 2 * script->capacity;
        script->items = realloc(script->items, script->capacity * sizeof(*script->items));
        MRI_ASSERT(script->items != NULL);
    }
    script->items[script->count++] = *item;
}

void mri_script_add_bar(struct mri_script_feed *script, uint32_t symbol, int64_t minute,
    const struct mri_script_bar *bar)
{
    add(script, &(struct mri_feed_item){.kind = MRI_FEED_CANDLE,
                    .time_unix_ns = mri_script_time(minute),
                    .instrument = symbol,
                    .candle = {.duration_ns = MRI_SCRIPT_MINUTE_NS,
                        .open = bar->open,
                        .high = bar->high,
                        .low = bar->low,
                        .close = bar->close,
                        .volume = 10.0}});
}

static int64_t last_close(const struct mri_script_feed *script, uint32_t symbol, int64_t otherwise)
{
    for (uint32_t i = script->count; i > 0; i--) {
        const struct mri_feed_item *item = &script->items[i - 1];
        if (item->kind == MRI_FEED_CANDLE && item->instrument == symbol) {
            return item->candle.close;
        }
    }
    return otherwise;
}

void mri_script_add_close(
    struct mri_script_feed *script, uint32_t symbol, int64_t minute, int64_t close)
{
    int64_t open = last_close(script, symbol, close);
    mri_script_add_bar(script, symbol, minute,
        &(struct mri_script_bar){.open = open,
            .high = open > close ? open : close,
            .low = open < close ? open : close,
            .close = close});
}

void mri_script_add_signal(struct mri_script_feed *script, uint32_t symbol, int64_t minute,
    const char *source, double confidence, int64_t valid_minutes)
{
    add(script, &(struct mri_feed_item){.kind = MRI_FEED_SIGNAL,
                    .time_unix_ns = mri_script_time(minute),
                    .instrument = symbol,
                    .signal = {.source = mri_slice_of(source),
                        .name = mri_slice_of("said"),
                        .side = confidence < 0.0 ? MR_SHORT : MR_LONG,
                        .confidence = confidence < 0.0 ? -confidence : confidence,
                        .valid_for_ns = valid_minutes * MRI_SCRIPT_MINUTE_NS}});
}

void mri_script_add_problem(
    struct mri_script_feed *script, uint32_t symbol, int64_t minute, enum mri_reason reason)
{
    add(script, &(struct mri_feed_item){.kind = MRI_FEED_PROBLEM,
                    .time_unix_ns = mri_script_time(minute),
                    .instrument = symbol,
                    .problem = {.reason = reason,
                        .line = script->count + 1,
                        .place = mri_slice_of("script"),
                        .row = mri_slice_of("a bad row")}});
}
