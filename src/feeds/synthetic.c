/* SPDX-License-Identifier: MIT */
/*
 * The simulated market.
 *
 *   log price of symbol i, bar t+1:  x += pull + drift of the planted states + noise
 *   noise:                           sd(regime of i) * (0.86 common + 0.51 own), in sub-steps
 *   planted state of each source:    idle (0) <-> active (+1 or -1), geometric durations
 *   signals after bar t:             at the start of an active spell and every fifth bar of it
 *
 * Invariants
 *  1. The drift of bar t+1 is that of the states after bar t, which the signals after bar t know:
 *     a signal speaks about the future only.
 *  2. Each stream of random numbers has its own generator, seeded in a fixed order: what one symbol
 *     or source draws does not move the others.
 *  3. Only + - * / and base/exact_math, in a fixed order: the same bits on every machine. A change
 *     of the model or its constants changes MODEL_VERSION, and with it the identity.
 */
#include "feeds/synthetic.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/exact_math.h"
#include "base/prng.h"
#include "os/digest.h"

enum { SYNTHETIC_MAGIC = 0x53594e54, MODEL_VERSION = 1 };

/* ---- the model's constants ------------------------------------------------------------------- */

#define MINUTE_NS          (60 * INT64_C(1000000000))
#define FIRST_OPEN_UNIX_NS INT64_C(1704067200000000000) /* 2024-01-01T00:00:00Z */
#define VALID_FOR_NS       (600 * INT64_C(1000000000))
#define BPS                1e-4
#define COMMON_WEIGHT      0.86 /* squares add up to 1; correlation of returns about 0.6 */
#define OWN_WEIGHT         0.51
#define PULL_PER_BAR       1e-5 /* towards the first price, so that long runs stay in range */
#define REGIME_END_CHANCE  (1.0 / 300.0)
#define CALM_AFTER_NORMAL  0.6 /* else wild; calm and wild are followed by normal */
#define ACTIVE_END_CHANCE  (1.0 / 40.0)
#define IDLE_END_CHANCE    (1.0 / 60.0)
#define CONFIDENCE_LOW     0.4
#define CONFIDENCE_SPAN    0.5
#define PRICE_SCALE        1e4     /* four decimals */
#define FIRST_PRICE        50.0    /* of the first symbol */
#define FIRST_PRICE_STEP   35.0    /* from symbol to symbol */
#define TURNOVER_PER_BAR   40000.0 /* in the quote currency, times what follows */
#define VOLUME_PER_MOVE    1.5     /* more volume when the price moves by one normal deviation */
#define VOLUME_NOISE       0.4     /* standard deviation of the logarithm */

enum {
    SUB_STEPS = 5,            /* of a bar, for its high and low */
    BARS_BETWEEN_SIGNALS = 5, /* within an active spell */
    SOURCE_COUNT = 4,
    REGIME_COUNT = 3,
};

#define SUB_STEP_SD 0.4472135954999579 /* 1 / sqrt(SUB_STEPS) */

enum regime { CALM, NORMAL, WILD };

/** A regime of volatility: standard deviation of a bar's return, and how busy it is. */
static const struct {
    double sd_bps;
    double volume_factor;
} regimes[REGIME_COUNT] = {[CALM] = {4.0, 0.6}, [NORMAL] = {6.5, 1.0}, [WILD] = {11.0, 2.0}};

/** The planted sources: how far their state moves the price in a bar, and what they make of it. */
static const struct {
    const char *name;
    double drift_bps;
    int first_half_sign; /* of the side they say, times their state */
    int second_half_sign;
} planted[SOURCE_COUNT] = {
    {"planted_good", 2.0, 1, 1},
    {"planted_inverted", 2.0, -1, -1},
    {"planted_drifting", 1.5, 1, -1},
    {"planted_useless", 0.0, 1, 1},
};

/* ---- the state ------------------------------------------------------------------------------- */

/** A planted source's state for one symbol. */
struct spell {
    struct mri_prng prng;
    int state;    /* 0: idle; else the sign of the drift */
    uint32_t age; /* bars since the spell began */
    double confidence;
};

struct simulated {
    struct mri_prng prng;
    enum regime regime;
    double log_price;
    double first_log_price;
    struct mri_feed_candle candle; /* the newest bar */
    struct spell spells[SOURCE_COUNT];
};

struct synthetic {
    uint32_t magic;
    const struct mri_alloc *alloc;
    struct mri_synthetic_options options;
    struct mri_instrument_spec *specs;
    struct simulated *symbols;
    struct mri_prng common_prng;
    uint32_t bar;       /* bars made so far; the newest is number bar - 1 */
    uint32_t candle_at; /* symbols whose newest bar was given */
    uint32_t signal_at; /* symbol * SOURCE_COUNT + source: those below were given or were silent */
};

/* ---- the model ------------------------------------------------------------------------------- */

static void move_regime(struct simulated *symbol)
{
    if (mri_prng_uniform(&symbol->prng) >= REGIME_END_CHANCE) {
        return;
    }
    bool is_calm_next = mri_prng_uniform(&symbol->prng) < CALM_AFTER_NORMAL;
    enum regime next = is_calm_next ? CALM : WILD;
    symbol->regime = symbol->regime == NORMAL ? next : NORMAL;
}

static void move_spell(struct spell *spell)
{
    double draw = mri_prng_uniform(&spell->prng);
    if (spell->state != 0) {
        spell->age++;
        spell->state = draw < ACTIVE_END_CHANCE ? 0 : spell->state;
    } else if (draw < IDLE_END_CHANCE) {
        spell->age = 0;
        spell->state = mri_prng_below(&spell->prng, 2) == 0 ? -1 : 1;
        spell->confidence = CONFIDENCE_LOW + CONFIDENCE_SPAN * mri_prng_uniform(&spell->prng);
    }
}

/** The expected move of the log price in the next bar. */
static double drift_of(const struct simulated *symbol)
{
    double drift = PULL_PER_BAR * (symbol->first_log_price - symbol->log_price);
    for (int i = 0; i < SOURCE_COUNT; i++) {
        drift += BPS * planted[i].drift_bps * symbol->spells[i].state;
    }
    return drift;
}

static int64_t price_of(double log_price)
{
    int64_t price = (int64_t)(mri_exp(log_price) * PRICE_SCALE + 0.5);
    return price < 1 ? 1 : price;
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static double volume_of(struct simulated *symbol, double move)
{
    double moves = mri_abs(move) / (regimes[NORMAL].sd_bps * BPS);
    double noise = mri_exp(VOLUME_NOISE * mri_prng_normal(&symbol->prng));
    double turnover = TURNOVER_PER_BAR * regimes[symbol->regime].volume_factor * noise *
                      (1.0 + VOLUME_PER_MOVE * moves);
    double volume = turnover / mri_exp(symbol->log_price);
    return (double)(int64_t)(volume * 1000.0 + 0.5) / 1000.0; /* three decimals */
}

/** Make a symbol's next bar; common[] are the standard normal moves that all symbols share. */
static void make_bar(struct simulated *symbol, const double common[static SUB_STEPS])
{
    move_regime(symbol);
    double sd = BPS * regimes[symbol->regime].sd_bps * SUB_STEP_SD;
    double drift = drift_of(symbol) / SUB_STEPS;
    double before = symbol->log_price;
    double at = before;
    double high = at;
    double low = at;
    for (int i = 0; i < SUB_STEPS; i++) {
        double own = mri_prng_normal(&symbol->prng);
        at += drift + sd * (COMMON_WEIGHT * common[i] + OWN_WEIGHT * own);
        high = at > high ? at : high;
        low = at < low ? at : low;
    }
    symbol->log_price = at;
    int64_t open = symbol->candle.close;
    int64_t close = price_of(at);
    symbol->candle = (struct mri_feed_candle){
        .duration_ns = MINUTE_NS,
        .open = open,
        .high = larger(price_of(high), larger(open, close)),
        .low = smaller(price_of(low), smaller(open, close)),
        .close = close,
        .volume = volume_of(symbol, at - before),
    };
    for (int i = 0; i < SOURCE_COUNT; i++) {
        move_spell(&symbol->spells[i]);
    }
}

static void make_bars(struct synthetic *synthetic)
{
    double common[SUB_STEPS];
    for (int i = 0; i < SUB_STEPS; i++) {
        common[i] = mri_prng_normal(&synthetic->common_prng);
    }
    for (uint32_t i = 0; i < synthetic->options.symbol_count; i++) {
        make_bar(&synthetic->symbols[i], common);
    }
    synthetic->bar++;
    synthetic->candle_at = 0;
    synthetic->signal_at = 0;
}

/* ---- the feed -------------------------------------------------------------------------------- */

static int64_t time_of(const struct synthetic *synthetic)
{
    return FIRST_OPEN_UNIX_NS + (int64_t)synthetic->bar * MINUTE_NS;
}

/** The next signal after the newest bars, if a source speaks. */
static bool take_signal(struct synthetic *synthetic, struct mri_feed_item *item)
{
    while (synthetic->signal_at < synthetic->options.symbol_count * SOURCE_COUNT) {
        uint32_t number = synthetic->signal_at / SOURCE_COUNT;
        uint32_t source = synthetic->signal_at % SOURCE_COUNT;
        synthetic->signal_at++;
        const struct spell *spell = &synthetic->symbols[number].spells[source];
        if (spell->state == 0 || spell->age % BARS_BETWEEN_SIGNALS != 0) {
            continue;
        }
        bool is_first_half = synthetic->bar <= synthetic->options.bar_count / 2;
        int sign =
            is_first_half ? planted[source].first_half_sign : planted[source].second_half_sign;
        *item = (struct mri_feed_item){
            .kind = MRI_FEED_SIGNAL,
            .time_unix_ns = time_of(synthetic),
            .instrument = number,
            .signal = {.source = mri_slice_of(planted[source].name),
                .name = mri_slice_of("state"),
                .side = sign * spell->state > 0 ? MR_LONG : MR_SHORT,
                .confidence = spell->confidence,
                .valid_for_ns = VALID_FOR_NS},
        };
        return true;
    }
    return false;
}

static mr_err synthetic_next(void *state, struct mri_feed_item *ret_item)
{
    struct synthetic *synthetic = state;
    MRI_ASSERT(synthetic->magic == SYNTHETIC_MAGIC);
    for (;;) {
        if (synthetic->candle_at < synthetic->options.symbol_count) {
            uint32_t number = synthetic->candle_at++;
            *ret_item = (struct mri_feed_item){
                .kind = MRI_FEED_CANDLE,
                .time_unix_ns = time_of(synthetic),
                .instrument = number,
                .candle = synthetic->symbols[number].candle,
            };
            return MR_OK;
        }
        if (take_signal(synthetic, ret_item)) {
            return MR_OK;
        }
        if (synthetic->bar == synthetic->options.bar_count) {
            return MR_END;
        }
        make_bars(synthetic);
    }
}

static double synthetic_progress(const void *state)
{
    const struct synthetic *synthetic = state;
    return (double)synthetic->bar / (double)synthetic->options.bar_count;
}

static void synthetic_close(void *state)
{
    struct synthetic *synthetic = state;
    if (synthetic == NULL) {
        return;
    }
    MRI_ASSERT(synthetic->magic == SYNTHETIC_MAGIC);
    size_t count = synthetic->options.symbol_count;
    mri_alloc_free(synthetic->alloc, synthetic->symbols, count * sizeof(struct simulated));
    mri_alloc_free(synthetic->alloc, synthetic->specs, count * sizeof(struct mri_instrument_spec));
    synthetic->magic = 0;
    mri_alloc_free(synthetic->alloc, synthetic, sizeof(*synthetic));
}

static void fill_spec(struct mri_instrument_spec *spec, uint32_t number)
{
    *spec = (struct mri_instrument_spec){
        .venue = "simulated",
        .quote_currency = "USD",
        .price_decimals = 4,
        .quantity_decimals = 3,
        .tick = 1,
        .lot = 1,
        .quantity_min = 1,
        .notional_min_e8 = 5 * INT64_C(100000000),
        .multiplier = 1,
    };
    (void)snprintf(spec->symbol, sizeof(spec->symbol), "SIM%02uUSD", number + 1);
    memcpy(spec->native_name, spec->symbol, sizeof(spec->native_name));
}

/** Put every symbol at its first price, in the normal regime, with its own random numbers. */
static void start_symbols(struct synthetic *synthetic)
{
    struct mri_prng seeds;
    mri_prng_init(&seeds, synthetic->options.seed);
    mri_prng_init(&synthetic->common_prng, mri_prng_next(&seeds));
    for (uint32_t i = 0; i < synthetic->options.symbol_count; i++) {
        struct simulated *symbol = &synthetic->symbols[i];
        fill_spec(&synthetic->specs[i], i);
        mri_prng_init(&symbol->prng, mri_prng_next(&seeds));
        for (int k = 0; k < SOURCE_COUNT; k++) {
            mri_prng_init(&symbol->spells[k].prng, mri_prng_next(&seeds));
        }
        symbol->regime = NORMAL;
        symbol->first_log_price = mri_log(FIRST_PRICE + FIRST_PRICE_STEP * i);
        symbol->log_price = symbol->first_log_price;
        symbol->candle.close = price_of(symbol->log_price);
    }
    synthetic->candle_at = synthetic->options.symbol_count; /* there is no bar to give yet */
    synthetic->signal_at = synthetic->options.symbol_count * SOURCE_COUNT;
}

static void add_integer(struct mri_digest *digest, uint64_t value)
{
    uint8_t bytes[8];
    for (unsigned i = 0; i < 8; i++) {
        bytes[i] = (uint8_t)(value >> (8 * i));
    }
    mri_digest_add(digest, bytes, sizeof(bytes));
}

/** SHA-256 over "synthetic", model version, seed, symbols, bars (each 8 bytes, little-endian). */
static mr_err make_identity(
    const struct mri_synthetic_options *options, char text[static MRI_DIGEST_TEXT_BYTES])
{
    static const char kind[] = "synthetic";
    struct mri_digest digest;
    mr_err err = mri_digest_init(&digest);
    if (err != MR_OK) {
        return err;
    }
    mri_digest_add(&digest, kind, sizeof(kind) - 1);
    add_integer(&digest, MODEL_VERSION);
    add_integer(&digest, options->seed);
    add_integer(&digest, options->symbol_count);
    add_integer(&digest, options->bar_count);
    (void)mri_digest_text(&digest, text); /* returns text */
    mri_digest_fini(&digest);
    return MR_OK;
}

static mr_err get_memory(struct synthetic *synthetic)
{
    void *block;
    size_t count = synthetic->options.symbol_count;
    mr_err err =
        mri_alloc_array(synthetic->alloc, count, sizeof(struct mri_instrument_spec), &block);
    if (err != MR_OK) {
        return err;
    }
    synthetic->specs = block;
    err = mri_alloc_array(synthetic->alloc, count, sizeof(struct simulated), &block);
    if (err == MR_OK) {
        synthetic->symbols = block;
    }
    return err;
}

mr_err mri_synthetic_open(const struct mri_alloc *alloc,
    const struct mri_synthetic_options *options, struct mri_feed *ret_feed)
{
    bool is_in_range = options->symbol_count > 0 &&
                       options->symbol_count <= MRI_SYNTHETIC_SYMBOLS_MAX &&
                       options->bar_count > 0 && options->bar_count <= MRI_SYNTHETIC_BARS_MAX;
    if (!is_in_range) {
        return MR_EINVAL;
    }
    void *block;
    mr_err err = mri_alloc_array(alloc, 1, sizeof(struct synthetic), &block);
    if (err != MR_OK) {
        return err;
    }
    struct synthetic *synthetic = block;
    synthetic->magic = SYNTHETIC_MAGIC;
    synthetic->alloc = alloc;
    synthetic->options = *options;
    struct mri_feed feed = {
        .state = synthetic,
        .is_simulated = true,
        .instrument_count = options->symbol_count,
        .next = synthetic_next,
        .progress = synthetic_progress,
        .close = synthetic_close,
    };
    err = get_memory(synthetic);
    if (err == MR_OK) {
        err = make_identity(options, feed.identity);
    }
    if (err != MR_OK) {
        synthetic_close(synthetic);
        return err;
    }
    start_symbols(synthetic);
    feed.instruments = synthetic->specs;
    *ret_feed = feed;
    return MR_OK;
}
