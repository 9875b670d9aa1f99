/* SPDX-License-Identifier: MIT */
/*
 * The market read model.
 *
 * Features (of the reference generators of signals)
 *   volatility  standard deviation of 1-bar log returns over 240 bars, at least 120 present
 *   regime      variance ratio var(10-bar differences) / (10 var(1-bar returns)) over 360 bars, at
 *               least 180 present: below 0.9 reverting, above 1.1 trending, else random
 *
 * Invariants
 *  1. A bar that is missing takes its slot in every window as NaN, up to a whole window; what is
 *     computed from it is absent.
 *  2. Time does not go back: event_time_unix_ns is the highest seen.
 */
#include "market/market.h"

#include "base/exact_math.h"

enum { LAG = 10, CLOSE_SLOTS = LAG + 1, RETURN_SLOTS = 240, RATIO_SLOTS = 360 };

/**
 * A gap counts as at most so many missing bars, or it would take time without bound to step over.
 * No window looks back as far, neither here nor in a source (the longest, volume_imbalance, needs
 * 240 + 720 bars): all are empty afterwards, as they would be after the whole gap.
 */
enum { MISSING_MAX = 1500 };

mr_err mri_market_init(
    struct mri_market *market, const struct mri_alloc *alloc, uint32_t symbols_max)
{
    *market = (struct mri_market){.alloc = alloc};
    mr_err err = mri_instruments_init(&market->instruments, alloc, symbols_max);
    if (err != MR_OK) {
        return err;
    }
    void *block;
    err = mri_alloc_array(alloc, symbols_max, sizeof(*market->symbols), &block);
    if (err != MR_OK) {
        mri_market_fini(market);
        return err;
    }
    market->symbols = block;
    return MR_OK;
}

static void fini_symbol(struct mri_market_symbol *symbol, const struct mri_alloc *alloc)
{
    mri_rolling_fini(&symbol->log_closes, alloc);
    mri_rolling_fini(&symbol->returns, alloc);
    mri_rolling_fini(&symbol->returns_long, alloc);
    mri_rolling_fini(&symbol->differences, alloc);
}

void mri_market_fini(struct mri_market *market)
{
    if (market == NULL || market->alloc == NULL) {
        return;
    }
    uint32_t count_max = market->instruments.count_max;
    for (uint32_t i = 0; market->symbols != NULL && i < count_max; i++) {
        fini_symbol(&market->symbols[i], market->alloc);
    }
    mri_alloc_free(market->alloc, market->symbols, count_max * sizeof(*market->symbols));
    mri_instruments_fini(&market->instruments);
    *market = (struct mri_market){0};
}

static mr_err init_symbol(struct mri_market *market, uint32_t number)
{
    struct mri_market_symbol *symbol = &market->symbols[number];
    symbol->bar.regime = MRI_REGIME_ABSENT;
    mr_err err = mri_rolling_init(&symbol->log_closes, market->alloc, CLOSE_SLOTS);
    if (err == MR_OK) {
        err = mri_rolling_init(&symbol->returns, market->alloc, RETURN_SLOTS);
    }
    if (err == MR_OK) {
        err = mri_rolling_init(&symbol->returns_long, market->alloc, RATIO_SLOTS);
    }
    if (err == MR_OK) {
        err = mri_rolling_init(&symbol->differences, market->alloc, RATIO_SLOTS);
    }
    return err;
}

static void push_slot(struct mri_market_symbol *symbol, double log_close, double log_return)
{
    mri_rolling_push(&symbol->log_closes, log_close);
    mri_rolling_push(&symbol->returns, log_return);
    mri_rolling_push(&symbol->returns_long, log_return);
    mri_rolling_push(&symbol->differences, log_close - mri_rolling_at(&symbol->log_closes, LAG));
}

static uint8_t regime_of(const struct mri_market_symbol *symbol)
{
    double single = mri_rolling_variance(&symbol->returns_long, RATIO_SLOTS / 2);
    double tenfold = mri_rolling_variance(&symbol->differences, RATIO_SLOTS / 2);
    double ratio = tenfold / (LAG * single);
    if (!mri_is_finite(ratio)) {
        return MRI_REGIME_ABSENT;
    }
    return ratio > 1.1 ? MRI_REGIME_TRENDING
                       : (ratio < 0.9 ? MRI_REGIME_REVERTING : MRI_REGIME_RANDOM);
}

static uint32_t missing_bars(
    const struct mri_market_symbol *symbol, const struct mri_candle *candle)
{
    if (symbol->close_time_unix_ns == 0) {
        return 0;
    }
    int64_t bars =
        (candle->close_time_unix_ns - symbol->close_time_unix_ns) / candle->duration_ns - 1;
    return bars < 0 ? 0 : (bars > MISSING_MAX ? MISSING_MAX : (uint32_t)bars);
}

static void update_bar(struct mri_market_symbol *symbol, const struct mri_candle *candle,
    const struct mri_instrument_spec *spec)
{
    struct mri_bar *bar = &symbol->bar;
    bar->missing = missing_bars(symbol, candle);
    for (uint32_t i = 0; i < bar->missing; i++) {
        push_slot(symbol, mri_nan(), mri_nan());
    }
    bar->open = mri_instrument_price(spec, candle->open);
    bar->high = mri_instrument_price(spec, candle->high);
    bar->low = mri_instrument_price(spec, candle->low);
    bar->close = mri_instrument_price(spec, candle->close);
    bar->volume = candle->volume;
    bar->log_close = mri_log(bar->close);
    bar->log_return = bar->log_close - mri_rolling_at(&symbol->log_closes, 0);
    push_slot(symbol, bar->log_close, bar->log_return);
    double variance = mri_rolling_variance(&symbol->returns, RETURN_SLOTS / 2);
    bar->volatility = variance > 0.0 ? mri_sqrt(variance) : mri_nan();
    bar->regime = regime_of(symbol);
}

int64_t mri_market_quote_middle(const struct mri_quote *quote)
{
    return quote->bid + (quote->ask - quote->bid) / 2;
}

/**
 * A price becomes the one in force, unless a newer one is: a bar may come a little after quotes
 * that are newer than its close.
 */
static void note_price(struct mri_market_symbol *symbol, int64_t price, int64_t time_unix_ns)
{
    const struct mri_price noted = {price, time_unix_ns};
    if (time_unix_ns >= symbol->price.time_unix_ns) {
        symbol->previous_price = symbol->price;
        symbol->price = noted;
    } else if (time_unix_ns >= symbol->previous_price.time_unix_ns) {
        symbol->previous_price = noted;
    }
}

static mr_err apply_candle(struct mri_market *market, const struct mri_candle *candle)
{
    const struct mri_instrument_spec *spec =
        mri_instruments_get(&market->instruments, candle->symbol);
    if (spec == NULL || spec->is_provisional != 0 || candle->duration_ns <= 0 ||
        candle->open <= 0 || candle->low <= 0 || candle->high <= 0 || candle->close <= 0) {
        return MR_ECORRUPT;
    }
    struct mri_market_symbol *symbol = &market->symbols[candle->symbol];
    if (candle->close_time_unix_ns <= symbol->close_time_unix_ns) {
        return MR_ECORRUPT;
    }
    update_bar(symbol, candle, spec);
    symbol->is_quoted_within =
        symbol->price.time_unix_ns > candle->close_time_unix_ns - candle->duration_ns;
    note_price(symbol, candle->close, candle->close_time_unix_ns);
    symbol->candle = *candle;
    symbol->close_time_unix_ns = candle->close_time_unix_ns;
    if (market->first_close_unix_ns == 0) {
        market->first_close_unix_ns = candle->close_time_unix_ns;
    }
    return MR_OK;
}

/** Has the symbol an instrument to have prices in? */
static bool is_priced(const struct mri_market *market, uint32_t symbol)
{
    const struct mri_instrument_spec *spec = mri_instruments_get(&market->instruments, symbol);
    return spec != NULL && spec->is_provisional == 0;
}

static mr_err apply_quote(struct mri_market *market, const struct mri_quote *quote)
{
    if (!is_priced(market, quote->symbol) || quote->bid <= 0 || quote->ask < quote->bid) {
        return MR_ECORRUPT;
    }
    struct mri_market_symbol *symbol = &market->symbols[quote->symbol];
    if (quote->event_time_unix_ns < symbol->quote.event_time_unix_ns) {
        return MR_ECORRUPT;
    }
    symbol->quote = *quote;
    note_price(symbol, mri_market_quote_middle(quote), quote->event_time_unix_ns);
    return MR_OK;
}

static mr_err apply_funding(struct mri_market *market, const struct mri_funding *funding)
{
    if (!is_priced(market, funding->symbol)) {
        return MR_ECORRUPT;
    }
    market->symbols[funding->symbol].funding = *funding;
    return MR_OK;
}

/** A new one, or what a provisional symbol has been found to be: it has no bars yet. */
static mr_err apply_instrument(struct mri_market *market, const struct mri_event *event)
{
    uint32_t before = market->instruments.count;
    mr_err err = mri_instruments_apply(&market->instruments, event);
    return err == MR_OK && market->instruments.count > before ? init_symbol(market, before) : err;
}

mr_err mri_market_apply(struct mri_market *market, const struct mri_event *event)
{
    mr_err err = MR_OK;
    int64_t time = 0;
    switch (event->type) {
    case MRI_EVENT_INSTRUMENT:
        return apply_instrument(market, event);
    case MRI_EVENT_CANDLE:
        time = ((const struct mri_candle *)event->body)->close_time_unix_ns;
        err = apply_candle(market, event->body);
        break;
    case MRI_EVENT_QUOTE:
        time = ((const struct mri_quote *)event->body)->event_time_unix_ns;
        err = apply_quote(market, event->body);
        break;
    case MRI_EVENT_FUNDING:
        time = ((const struct mri_funding *)event->body)->event_time_unix_ns;
        err = apply_funding(market, event->body);
        break;
    case MRI_EVENT_TICK:
        time = ((const struct mri_tick *)event->body)->event_time_unix_ns;
        break;
    case MRI_EVENT_SIGNAL_OBSERVED:
        time = ((const struct mri_signal_observed *)event->body)->event_time_unix_ns;
        break;
    case MRI_EVENT_SIGNAL_ANNOTATED:
        time = ((const struct mri_signal_annotated *)event->body)->event_time_unix_ns;
        break;
    case MRI_EVENT_ORDER_REPORT:
        time = ((const struct mri_order_report *)event->body)->event_time_unix_ns;
        break;
    case MRI_EVENT_SIGNAL_GENERATED: {
        const struct mri_signal_generated *signal = event->body;
        time = signal->event_time_unix_ns;
        err = signal->symbol < market->instruments.count ? MR_OK : MR_ECORRUPT;
        break;
    }
    default:
        return MR_OK;
    }
    if (time > market->event_time_unix_ns) {
        market->event_time_unix_ns = time;
    }
    return err;
}

const struct mri_market_symbol *mri_market_symbol(const struct mri_market *market, uint32_t symbol)
{
    return symbol < market->instruments.count ? &market->symbols[symbol] : NULL;
}

mr_err mri_market_price_at(const struct mri_market *market, uint32_t symbol, int64_t time_unix_ns,
    struct mri_price *ret_price)
{
    const struct mri_market_symbol *known = mri_market_symbol(market, symbol);
    if (known == NULL || known->price.time_unix_ns == 0) {
        return MR_NOT_FOUND;
    }
    const struct mri_price *at = &known->price;
    if (at->time_unix_ns > time_unix_ns) {
        at = &known->previous_price;
    }
    if (at->time_unix_ns == 0 || at->time_unix_ns > time_unix_ns) {
        return MR_NOT_FOUND;
    }
    *ret_price = *at;
    return MR_OK;
}

/** Does the input bring a price of the symbol? */
static bool is_own_price(const struct mri_event *input, uint32_t symbol)
{
    if (input->type == MRI_EVENT_CANDLE) {
        return ((const struct mri_candle *)input->body)->symbol == symbol;
    }
    return input->type == MRI_EVENT_QUOTE &&
           ((const struct mri_quote *)input->body)->symbol == symbol;
}

bool mri_market_is_due(const struct mri_market *market, uint32_t symbol, int64_t due_unix_ns,
    const struct mri_event *input)
{
    bool is_feed_end = input->type == MRI_EVENT_TICK &&
                       ((const struct mri_tick *)input->body)->reason == MRI_REASON_FEED_ENDED;
    bool is_seen = is_own_price(input, symbol) || is_feed_end;
    return is_seen ? due_unix_ns <= market->event_time_unix_ns
                   : due_unix_ns < market->event_time_unix_ns;
}

void mri_market_save(const struct mri_market *market, struct mri_buf *buf)
{
    const struct mri_instruments *instruments = &market->instruments;
    mri_buf_put(buf, &market->event_time_unix_ns, sizeof(market->event_time_unix_ns));
    mri_buf_put(buf, &market->first_close_unix_ns, sizeof(market->first_close_unix_ns));
    mri_buf_put(buf, &instruments->count, sizeof(instruments->count));
    mri_buf_put(buf, instruments->specs, instruments->count * sizeof(*instruments->specs));
    for (uint32_t i = 0; i < instruments->count; i++) {
        const struct mri_market_symbol *symbol = &market->symbols[i];
        mri_buf_put(buf, symbol, offsetof(struct mri_market_symbol, log_closes));
        mri_rolling_save(&symbol->log_closes, buf);
        mri_rolling_save(&symbol->returns, buf);
        mri_rolling_save(&symbol->returns_long, buf);
        mri_rolling_save(&symbol->differences, buf);
    }
}

static mr_err load_symbol(struct mri_market *market, uint32_t number, struct mri_unpack *unpack)
{
    struct mri_market_symbol *symbol = &market->symbols[number];
    mr_err err = init_symbol(market, number);
    if (err != MR_OK) {
        return err;
    }
    mri_unpack_take(unpack, symbol, offsetof(struct mri_market_symbol, log_closes));
    mri_rolling_load(&symbol->log_closes, unpack);
    mri_rolling_load(&symbol->returns, unpack);
    mri_rolling_load(&symbol->returns_long, unpack);
    mri_rolling_load(&symbol->differences, unpack);
    return unpack->err;
}

mr_err mri_market_load(struct mri_market *market, struct mri_unpack *unpack)
{
    struct mri_instruments *instruments = &market->instruments;
    struct mri_instrument_spec *specs = instruments->specs;
    mri_unpack_take(unpack, &market->event_time_unix_ns, sizeof(market->event_time_unix_ns));
    mri_unpack_take(unpack, &market->first_close_unix_ns, sizeof(market->first_close_unix_ns));
    uint32_t count = mri_unpack_count(unpack, instruments->count_max, sizeof(*specs));
    mri_unpack_take(unpack, specs, count * sizeof(*specs));
    mr_err err = unpack->err;
    for (uint32_t i = 0; i < count && err == MR_OK; i++) {
        err = mri_instruments_restore(instruments, &specs[i]);
        if (err == MR_OK) {
            err = load_symbol(market, i, unpack);
        }
    }
    return err;
}
