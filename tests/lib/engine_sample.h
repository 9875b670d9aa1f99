/* SPDX-License-Identifier: MIT */
/**
 * A market and the engines under test, in the place of the pipeline: an input is kept, applied, and
 * decided on until no engine has more to say; every output is read as the log would read it, kept,
 * and applied to all. What was kept is a log with the sequence numbers 1, 2, 3, ...
 */
#ifndef TESTS_LIB_ENGINE_SAMPLE_H
#define TESTS_LIB_ENGINE_SAMPLE_H

#include "base/intern.h"
#include "bus/engine.h"
#include "market/market.h"

enum {
    MRI_ENGINE_SAMPLE_MEMBERS_MAX = 4,
    MRI_ENGINE_SAMPLE_SYMBOLS_MAX = 8,
    MRI_ENGINE_SAMPLE_SOURCES_MAX = MRI_SOURCE_EXTERNAL_FIRST + 8,
    MRI_ENGINE_SAMPLE_BATCH_MAX = 4096,
};

/** A full minute; bars of a sample close so many minutes after it. */
#define MRI_ENGINE_SAMPLE_T0_UNIX_NS ((int64_t)1700000040 * 1000000000)
#define MRI_ENGINE_SAMPLE_MINUTE_NS  ((int64_t)60 * 1000000000)

/** An engine and its state. */
struct mri_engine_sample_member {
    const struct mri_engine *engine;
    void *state;
};

struct mri_engine_sample {
    struct mri_market market;
    struct mri_intern sources; /**< numbered as the bus does */
    struct mri_batch input;
    struct mri_batch outputs;
    struct mri_engine_sample_member members[MRI_ENGINE_SAMPLE_MEMBERS_MAX];
    unsigned member_count;
    struct mri_event *events; /**< everything kept, in order of seq; bodies are owned */
    uint32_t count;
    uint32_t capacity;
    uint32_t next_ordinal;
    bool is_cut; /**< the newest decision left something for the next tick */
};

/** A signal from outside. */
struct mri_engine_sample_signal {
    const char *source;
    int64_t time_unix_ns;
    int64_t valid_for_ns;
    double confidence;
    uint32_t symbol;
    mr_side side;
    bool has_horizon;
    mr_horizon horizon;
};

/**
 * Prices with 2 decimals, quantities with 3, the smallest order 0.001 or 5 of the quote currency.
 *
 * Returns  a specification that is accepted.
 * Threads  any.
 */
struct mri_instrument_spec mri_engine_sample_spec(uint32_t number);

/**
 * Make a sample with so many symbols and no engine. It must not move.
 *
 * Returns  nothing; it never fails (it ends the process).
 * Owner    mri_engine_sample_fini() frees.
 * Threads  one at a time.
 */
void mri_engine_sample_init(struct mri_engine_sample *sample, uint32_t symbol_count);

/**
 * Free a sample; the engines are their owner's.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_engine_sample_fini(struct mri_engine_sample *sample);

/**
 * Let an engine take part: engines are applied and decide in the order in which they were added.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_engine_sample_add(
    struct mri_engine_sample *sample, const struct mri_engine *engine, void *state);

/**
 * Take an input: keep, apply, decide, keep and apply what was decided.
 *
 * @param ordinal  of the signal it belongs to; ignored for a new signal
 *
 * Returns  MR_OK; what an engine or the market answered; MR_ECORRUPT also when a drafted event is
 *          none that the log could be read with.
 * Threads  one at a time.
 */
mr_err mri_engine_sample_take(
    struct mri_engine_sample *sample, const struct mri_draft *draft, uint32_t ordinal);

/**
 * Keep and apply an event without deciding on it: as if somebody had logged it.
 *
 * Returns  as mri_engine_sample_take().
 * Threads  one at a time.
 */
mr_err mri_engine_sample_put(
    struct mri_engine_sample *sample, const struct mri_draft *draft, uint32_t ordinal);

/**
 * A bar of one minute that closes `minute` minutes after T0; open = high = low = close.
 *
 * Returns  the bar.
 * Threads  any.
 */
struct mri_candle mri_engine_sample_bar(uint32_t symbol, int64_t minute, int64_t price);

/**
 * Take a bar in.
 *
 * Returns  as mri_engine_sample_take().
 * Threads  one at a time.
 */
mr_err mri_engine_sample_candle(struct mri_engine_sample *sample, const struct mri_candle *candle);

/**
 * Take a quote in.
 *
 * Returns  as mri_engine_sample_take().
 * Threads  one at a time.
 */
mr_err mri_engine_sample_quote(struct mri_engine_sample *sample, uint32_t symbol,
    int64_t time_unix_ns, int64_t bid, int64_t ask);

/**
 * Take a tick in.
 *
 * Returns  as mri_engine_sample_take().
 * Threads  one at a time.
 */
mr_err mri_engine_sample_tick(
    struct mri_engine_sample *sample, int64_t time_unix_ns, enum mri_reason reason);

/**
 * Take a signal from outside in.
 *
 * Returns  as mri_engine_sample_take().
 * Threads  one at a time.
 */
mr_err mri_engine_sample_emit(
    struct mri_engine_sample *sample, const struct mri_engine_sample_signal *signal);

/**
 * Apply a kept event of another sample, as a fold of its log does.
 *
 * Returns  what the market or an engine answered.
 * Threads  one at a time.
 */
mr_err mri_engine_sample_fold(struct mri_engine_sample *sample, const struct mri_event *event);

/**
 * The next kept event of a type.
 *
 * @param from  index to begin at
 *
 * Returns  its index; sample->count when there is none.
 * Threads  one at a time.
 */
uint32_t mri_engine_sample_find(
    const struct mri_engine_sample *sample, uint16_t type, uint32_t from);

/**
 * How many kept events are of a type, from an index on.
 *
 * Returns  the number.
 * Threads  one at a time.
 */
uint32_t mri_engine_sample_count(
    const struct mri_engine_sample *sample, uint16_t type, uint32_t from);

/**
 * Do two samples hold the same events from these indexes on?
 *
 * Returns  true or false; the first difference goes to stderr.
 * Threads  one at a time.
 */
bool mri_engine_sample_is_same(const struct mri_engine_sample *a, uint32_t a_from,
    const struct mri_engine_sample *b, uint32_t b_from);

/**
 * Save one state and load it into another, fresh one, and require that this one then saves the same
 * bytes.
 *
 * Returns  what load answered; MR_EINTERNAL the bytes differ.
 * Threads  one at a time.
 */
mr_err mri_engine_sample_move(
    const struct mri_engine *engine, const void *from_state, void *to_state);

/**
 * Bring market, log and ordinals of a sample into a fresh one, by way of the market's snapshot.
 *
 * Returns  as mri_market_load(); MR_EINTERNAL the market's bytes differ afterwards.
 * Threads  one at a time.
 */
mr_err mri_engine_sample_continue(
    struct mri_engine_sample *fresh, const struct mri_engine_sample *sample);

#endif
