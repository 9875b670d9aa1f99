/* SPDX-License-Identifier: MIT */
/*
 * The generators at work.
 *
 * Invariants
 *  1. A generator sees every slot of time once: bars that are missing are pushed as missing.
 *  2. `emitted` changes only by applying events: signal.generated sets it, a bar without a vote
 *     clears it. So a replay emits at the same bars.
 */
#include "sources/sources.h"

#include "base/exact_math.h"

static const struct mri_source_kind *const kinds[MRI_SOURCE_INTERNAL_COUNT] = {
    [MRI_SOURCE_MOMENTUM] = &mri_source_momentum,
    [MRI_SOURCE_MEAN_REVERSION] = &mri_source_mean_reversion,
    [MRI_SOURCE_BREAKOUT] = &mri_source_breakout,
    [MRI_SOURCE_VOLUME_IMBALANCE] = &mri_source_volume_imbalance,
    [MRI_SOURCE_RSI] = &mri_source_rsi,
};

struct mri_vote mri_vote_of(double strength, double threshold, double full)
{
    if (!mri_is_finite(strength)) {
        return mri_vote_absent();
    }
    double size = mri_abs(strength);
    if (size <= threshold) {
        return (struct mri_vote){.is_ready = true, .x = 0.0};
    }
    double confidence = mri_clamp(size / full, 0.34, 1.0);
    return (struct mri_vote){.is_ready = true, .x = strength > 0.0 ? confidence : -confidence};
}

const char *mri_sources_signal_name(enum mri_source source)
{
    return kinds[source]->signal_name;
}

mr_err mri_sources_init(struct mri_sources *sources, const struct mri_alloc *alloc,
    const struct mri_market *market, const struct mri_sources_options *options)
{
    *sources = (struct mri_sources){.alloc = alloc, .market = market, .options = *options};
    void *block;
    mr_err err = mri_alloc_array(alloc, options->symbols_max, sizeof(*sources->symbols), &block);
    if (err == MR_OK) {
        sources->symbols = block;
    }
    return err;
}

void mri_sources_fini(struct mri_sources *sources)
{
    if (sources == NULL || sources->alloc == NULL) {
        return;
    }
    uint32_t count = sources->options.symbols_max;
    for (uint32_t i = 0; sources->symbols != NULL && i < count; i++) {
        for (unsigned k = 0; k < MRI_SOURCE_INTERNAL_COUNT; k++) {
            for (unsigned w = 0; w < MRI_SOURCE_WINDOWS_MAX; w++) {
                mri_rolling_fini(&sources->symbols[i].states[k].windows[w], sources->alloc);
            }
        }
    }
    mri_alloc_free(sources->alloc, sources->symbols, count * sizeof(*sources->symbols));
    *sources = (struct mri_sources){0};
}

/** Make the windows of a symbol on its first bar. */
static mr_err make_ready(struct mri_sources *sources, struct mri_sources_symbol *symbol)
{
    for (unsigned k = 0; k < MRI_SOURCE_INTERNAL_COUNT; k++) {
        for (unsigned w = 0; w < MRI_SOURCE_WINDOWS_MAX; w++) {
            uint32_t slots = kinds[k]->window_slots[w];
            struct mri_rolling *window = &symbol->states[k].windows[w];
            mr_err err = slots == 0 || window->ring != NULL
                             ? MR_OK
                             : mri_rolling_init(window, sources->alloc, slots);
            if (err != MR_OK) {
                return err;
            }
        }
    }
    symbol->is_ready = true;
    return MR_OK;
}

static mr_err apply_candle(struct mri_sources *sources, const struct mri_candle *candle)
{
    if (candle->symbol >= sources->options.symbols_max) {
        return MR_ECORRUPT;
    }
    struct mri_sources_symbol *symbol = &sources->symbols[candle->symbol];
    const struct mri_bar *bar = &mri_market_symbol(sources->market, candle->symbol)->bar;
    mr_err err = symbol->is_ready ? MR_OK : make_ready(sources, symbol);
    for (unsigned k = 0; k < MRI_SOURCE_INTERNAL_COUNT && err == MR_OK; k++) {
        struct mri_source_state *state = &symbol->states[k];
        for (uint32_t i = 0; i < bar->missing; i++) {
            kinds[k]->push(state, NULL);
        }
        kinds[k]->push(state, bar);
        state->bars++;
        symbol->votes[k] = kinds[k]->vote(state, bar);
        if (symbol->votes[k].x == 0.0) {
            symbol->emitted[k] = 0;
        }
    }
    return err;
}

/** Side times (band + 1), so that a change of either shows. */
static int32_t band_of(const struct mri_sources *sources, double x)
{
    int32_t band = (int32_t)(mri_abs(x) / sources->options.band) + 1;
    return x < 0.0 ? -band : band;
}

static mr_err apply(void *state, const struct mri_event *event)
{
    struct mri_sources *sources = state;
    if (event->type == MRI_EVENT_CANDLE) {
        return apply_candle(sources, event->body);
    }
    if (event->type == MRI_EVENT_FEEDBACK) {
        sources->feedback_seq = event->seq;
        return MR_OK;
    }
    if (event->type != MRI_EVENT_SIGNAL_GENERATED) {
        return MR_OK;
    }
    const struct mri_signal_generated *signal = event->body;
    struct mri_slice name = mri_event_text(event, MRI_TEXT_signal_generated_source);
    if (signal->cause == 0) {
        return MR_OK;
    }
    if (signal->symbol >= sources->options.symbols_max) {
        return MR_ECORRUPT;
    }
    for (unsigned k = 0; k < MRI_SOURCE_INTERNAL_COUNT; k++) {
        if (mri_slice_is(name, mri_source_name((enum mri_source)k))) {
            double x = signal->side == MR_SHORT ? -signal->confidence : signal->confidence;
            sources->symbols[signal->symbol].emitted[k] = band_of(sources, x);
        }
    }
    return MR_OK;
}

static mr_err draft_signal(const struct mri_sources *sources, const struct mri_candle *candle,
    unsigned k, const struct mri_event *input, struct mri_batch *batch)
{
    const struct mri_market_symbol *symbol = mri_market_symbol(sources->market, candle->symbol);
    double x = sources->symbols[candle->symbol].votes[k].x;
    const struct mri_signal_generated fixed = {
        .cause = mri_batch_ref(batch, input->seq),
        .event_time_unix_ns = sources->market->event_time_unix_ns, /* live: after the close */
        .price_time_unix_ns = candle->close_time_unix_ns,
        .price = candle->close,
        .feedback = mri_batch_ref(batch, sources->feedback_seq),
        .confidence = mri_abs(x),
        .valid_for_ns = sources->options.valid_for_ns,
        .symbol = candle->symbol,
        .instrument = candle->instrument,
        .side = x < 0.0 ? MR_SHORT : MR_LONG,
        .regime = symbol->bar.regime,
        .present = MRI_HAS_PRICE,
    };
    const struct mri_draft draft = {
        .type = MRI_EVENT_SIGNAL_GENERATED,
        .fixed = &fixed,
        .texts = {[MRI_TEXT_signal_generated_source] =
                      mri_slice_of(mri_source_name((enum mri_source)k)),
            [MRI_TEXT_signal_generated_name] = mri_slice_of(kinds[k]->signal_name)},
    };
    return mri_batch_add(batch, &draft, batch->next_ordinal);
}

static mr_err decide(const void *state, const struct mri_event *input, struct mri_batch *batch)
{
    const struct mri_sources *sources = state;
    if (input->type != MRI_EVENT_CANDLE) {
        return MR_OK;
    }
    const struct mri_candle *candle = input->body;
    const struct mri_sources_symbol *symbol = &sources->symbols[candle->symbol];
    for (unsigned k = 0; k < MRI_SOURCE_INTERNAL_COUNT; k++) {
        double x = symbol->votes[k].x;
        bool is_news = sources->options.is_every_bar || band_of(sources, x) != symbol->emitted[k];
        if (x == 0.0 || !is_news) {
            continue;
        }
        mr_err err = draft_signal(sources, candle, k, input, batch);
        if (err != MR_OK) {
            return err;
        }
    }
    return MR_OK;
}

const struct mri_vote *mri_sources_votes(const struct mri_sources *sources, uint32_t symbol)
{
    bool is_known = symbol < sources->options.symbols_max && sources->symbols[symbol].is_ready;
    return is_known ? sources->symbols[symbol].votes : NULL;
}

static void save_generator(const struct mri_sources_symbol *symbol, unsigned k, struct mri_buf *buf)
{
    const struct mri_source_state *generator = &symbol->states[k];
    uint8_t is_voting = symbol->votes[k].is_ready;
    mri_buf_put(buf, generator->sums, sizeof(generator->sums));
    mri_buf_put(buf, &generator->bars, sizeof(generator->bars));
    mri_buf_put(buf, &is_voting, sizeof(is_voting));
    mri_buf_put(buf, &symbol->votes[k].x, sizeof(symbol->votes[k].x));
    mri_buf_put(buf, &symbol->emitted[k], sizeof(symbol->emitted[k]));
    for (unsigned w = 0; w < MRI_SOURCE_WINDOWS_MAX; w++) {
        if (generator->windows[w].ring != NULL) {
            mri_rolling_save(&generator->windows[w], buf);
        }
    }
}

static void save(const void *state, struct mri_buf *buf)
{
    const struct mri_sources *sources = state;
    mri_buf_put(buf, &sources->feedback_seq, sizeof(sources->feedback_seq));
    for (uint32_t i = 0; i < sources->options.symbols_max; i++) {
        const struct mri_sources_symbol *symbol = &sources->symbols[i];
        uint8_t is_ready = symbol->is_ready;
        mri_buf_put(buf, &is_ready, sizeof(is_ready));
        for (unsigned k = 0; symbol->is_ready && k < MRI_SOURCE_INTERNAL_COUNT; k++) {
            save_generator(symbol, k, buf);
        }
    }
}

static void load_generator(struct mri_sources_symbol *symbol, unsigned k, struct mri_unpack *unpack)
{
    struct mri_source_state *generator = &symbol->states[k];
    uint8_t is_voting;
    mri_unpack_take(unpack, generator->sums, sizeof(generator->sums));
    mri_unpack_take(unpack, &generator->bars, sizeof(generator->bars));
    mri_unpack_take(unpack, &is_voting, sizeof(is_voting));
    mri_unpack_take(unpack, &symbol->votes[k].x, sizeof(symbol->votes[k].x));
    mri_unpack_take(unpack, &symbol->emitted[k], sizeof(symbol->emitted[k]));
    symbol->votes[k].is_ready = is_voting != 0;
    for (unsigned w = 0; w < MRI_SOURCE_WINDOWS_MAX; w++) {
        if (generator->windows[w].ring != NULL) {
            mri_rolling_load(&generator->windows[w], unpack);
        }
    }
}

static mr_err load(void *state, struct mri_unpack *unpack)
{
    struct mri_sources *sources = state;
    mri_unpack_take(unpack, &sources->feedback_seq, sizeof(sources->feedback_seq));
    for (uint32_t i = 0; i < sources->options.symbols_max && unpack->err == MR_OK; i++) {
        struct mri_sources_symbol *symbol = &sources->symbols[i];
        uint8_t is_ready;
        mri_unpack_take(unpack, &is_ready, sizeof(is_ready));
        if (is_ready == 0) {
            continue;
        }
        mr_err err = make_ready(sources, symbol);
        if (err != MR_OK) {
            return err;
        }
        for (unsigned k = 0; k < MRI_SOURCE_INTERNAL_COUNT; k++) {
            load_generator(symbol, k, unpack);
        }
    }
    return unpack->err;
}

const struct mri_engine mri_sources_engine = {
    .name = "sources", .decide = decide, .apply = apply, .save = save, .load = load};
