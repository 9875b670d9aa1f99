/* SPDX-License-Identifier: MIT */
/*
 * Price sources of symbols.
 *
 * Invariants
 *  1. Ages are in market time: how far the newest event is ahead of the price.
 */
#include "cli/price_sources.h"

#include "base/utc.h"
#include "cli/describe.h"

enum { SHOWN_MAX = 12 };

/** X(NAME, text): how a symbol is priced. */
#define STATE_MAP(X)                                                                               \
    X(PRICE_FRESH, "fresh")                                                                        \
    X(PRICE_STALE, "stale")                                                                        \
    X(PRICE_NONE, "none")

enum price_state {
#define STATE_ENUM(name, text) name,
    STATE_MAP(STATE_ENUM)
#undef STATE_ENUM
};

static const char *const state_texts[] = {
#define STATE_TEXT(name, text) text,
    STATE_MAP(STATE_TEXT)
#undef STATE_TEXT
};

static double stale_after_s(const struct mri_fold *fold)
{
    return fold->wiring.evaluate.options.gates.stale_price_s;
}

static int64_t age_ns(const struct mri_fold *fold, const struct mri_market_symbol *symbol)
{
    int64_t now = fold->wiring.market.event_time_unix_ns;
    int64_t time = symbol->price.time_unix_ns;
    return now > time ? now - time : 0;
}

static enum price_state state_of(
    const struct mri_fold *fold, const struct mri_market_symbol *symbol)
{
    if (symbol->price.time_unix_ns == 0) {
        return PRICE_NONE;
    }
    return (double)age_ns(fold, symbol) > stale_after_s(fold) * 1e9 ? PRICE_STALE : PRICE_FRESH;
}

static const char *price_text(
    const struct mri_fold *fold, uint32_t number, char text[static MRI_FIXED_TEXT_BYTES])
{
    const struct mri_names names = mri_names_of(fold);
    return mri_names_price(
        &names, number, mri_market_symbol(&fold->wiring.market, number)->price.price, text);
}

/** The symbols of a state: without a price on one line, of others their last one. */
static void print_state(
    const struct mri_fold *fold, enum price_state state, uint32_t count, struct mri_buf *text)
{
    const struct mri_market *market = &fold->wiring.market;
    uint32_t shown = 0;
    for (uint32_t i = 0; i < market->instruments.count && shown < SHOWN_MAX; i++) {
        const struct mri_market_symbol *symbol = mri_market_symbol(market, i);
        const char *name = mri_instruments_get(&market->instruments, i)->symbol;
        char price[MRI_FIXED_TEXT_BYTES];
        char time[MRI_UTC_BYTES];
        char age[MRI_UTC_BYTES];
        if (state_of(fold, symbol) != state) {
            continue;
        }
        shown++;
        if (state == PRICE_NONE) {
            mri_buf_printf(text, " %s", name);
            continue;
        }
        mri_buf_printf(text, "           %s: %s %s, %s behind; last %s\n", name,
            state == PRICE_STALE ? "stale since" : "of",
            mri_utc_format(symbol->price.time_unix_ns, time),
            mri_utc_duration(age_ns(fold, symbol), age), price_text(fold, i, price));
    }
    if (count > shown) {
        mri_buf_printf(text, "%sand %u more (--json has all)%s",
            state == PRICE_NONE ? " " : "           ", count - shown,
            state == PRICE_NONE ? "" : "\n");
    }
}

void mri_price_sources_print(const struct mri_fold *fold, struct mri_buf *text, bool with_fresh)
{
    const struct mri_market *market = &fold->wiring.market;
    uint32_t counts[MRI_COUNT_OF(state_texts)] = {0};
    for (uint32_t i = 0; i < market->instruments.count; i++) {
        counts[state_of(fold, mri_market_symbol(market, i))]++;
    }
    mri_buf_printf(text, "prices     %u symbols: %u fresh, %u stale (older than %gs), %u never\n",
        market->instruments.count, counts[PRICE_FRESH], counts[PRICE_STALE], stale_after_s(fold),
        counts[PRICE_NONE]);
    if (with_fresh) {
        print_state(fold, PRICE_FRESH, counts[PRICE_FRESH], text);
    }
    print_state(fold, PRICE_STALE, counts[PRICE_STALE], text);
    if (counts[PRICE_NONE] > 0) {
        mri_buf_text(
            text, "           no candle or quote ever, outcomes are unresolved (no_price_source):");
        print_state(fold, PRICE_NONE, counts[PRICE_NONE], text);
        mri_buf_text(text, "\n");
    }
}

void mri_price_sources_time(struct mri_json_writer *json, const char *key, int64_t unix_ns)
{
    char time[MRI_UTC_BYTES];
    if (unix_ns != 0) {
        mri_json_put_text(json, key, mri_utc_format(unix_ns, time));
        return;
    }
    mri_json_write_key(json, key);
    mri_json_write_null(json);
}

void mri_price_sources_json(const struct mri_fold *fold, struct mri_json_writer *json)
{
    const struct mri_market *market = &fold->wiring.market;
    mri_json_write_key(json, "price_sources");
    mri_json_write_array_open(json);
    for (uint32_t i = 0; i < market->instruments.count; i++) {
        const struct mri_market_symbol *symbol = mri_market_symbol(market, i);
        mri_json_write_object_open(json);
        mri_json_put_text(json, "symbol", mri_instruments_get(&market->instruments, i)->symbol);
        mri_json_put_text(json, "state", state_texts[state_of(fold, symbol)]);
        char price[MRI_FIXED_TEXT_BYTES];
        mri_json_write_key(json, "price");
        if (symbol->price.time_unix_ns != 0) {
            mri_json_write_raw(json, mri_slice_of(price_text(fold, i, price)));
        } else {
            mri_json_write_null(json);
        }
        mri_price_sources_time(json, "price_time", symbol->price.time_unix_ns);
        mri_price_sources_time(json, "candle_time", symbol->close_time_unix_ns);
        mri_price_sources_time(json, "quote_time", symbol->quote.event_time_unix_ns);
        mri_json_write_object_close(json);
    }
    mri_json_write_array_close(json);
}
