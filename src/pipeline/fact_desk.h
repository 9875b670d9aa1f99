/* SPDX-License-Identifier: MIT */
/**
 * A market fact from outside at the boundary: a quote, a bar, or funding that another process than
 * the run brings in. Every field is checked, and the fact against what the log has, then it is
 * drafted as an event.
 *
 * Time
 * - In a simulated log facts are its time: they come in order of time over all symbols.
 * - In a live log time is the clock's. A quote gets the log's event time and keeps the venue's; a
 * bar has its close. Both come in order for each symbol.
 */
#ifndef MRI_PIPELINE_FACT_DESK_H
#define MRI_PIPELINE_FACT_DESK_H

#include "bus/batch.h"
#include "market/market.h"

/** A fact. Texts with NULL bytes and times of 0 were not given. */
struct mri_fact_input {
    enum mri_event_type type; /**< MRI_EVENT_QUOTE, _CANDLE, _FUNDING; _QUARANTINED: what was left
                                   out before this */
    uint32_t symbol;          /**< number; UINT32_MAX: of a quarantined one, not registered */
    struct mri_slice source;  /**< of a quote or funding */
    int64_t time_unix_ns;     /**< the venue's; a bar's close */
    union {
        struct {
            int64_t bid; /**< prices and quantities in the decimals of the instrument */
            int64_t ask;
            int64_t bid_quantity;
            int64_t ask_quantity;
            bool has_bid_quantity;
            bool has_ask_quantity;
        } quote;
        struct {
            int64_t duration_ns; /**< 0: a minute */
            int64_t open;
            int64_t high;
            int64_t low;
            int64_t close;
            double volume;
        } candle;
        struct {
            double rate;
            int64_t interval_ns; /**< 0: not given */
            int64_t next_time_unix_ns;
        } funding;
        struct {
            enum mri_reason reason;
            uint64_t line;
            struct mri_slice row; /**< its beginning, escaped */
        } quarantined;
    };
};

/** What a symbol had last: in the log, or in the batch that is being drafted. */
struct mri_fact_seen {
    uint64_t batch; /**< the desk's number when it was copied */
    struct mri_candle candle;
    struct mri_quote quote;
    struct mri_funding funding;
};

/** What facts are checked against. */
struct mri_fact_desk {
    const struct mri_alloc *alloc;
    const struct mri_market *market; /**< as of all that is in the log */
    struct mri_fact_seen *seen;      /**< one a symbol */
    uint32_t symbols_max;
    uint64_t batch;
    bool is_live;
    int64_t event_time_unix_ns; /**< of what is appended now; moves with simulated facts */
    int64_t wall_unix_ns;       /**< the machine's clock now: nothing comes from the future */
};

/**
 * Make a desk.
 *
 * Returns  MR_OK; MR_ENOMEM.
 * Owner    mri_fact_desk_fini() frees; the market is borrowed.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_fact_desk_init(struct mri_fact_desk *desk, const struct mri_alloc *alloc,
    const struct mri_market *market, bool is_live);

/**
 * Free. NULL and zeroed are allowed.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_fact_desk_fini(struct mri_fact_desk *desk);

/**
 * Forget what was drafted: a new batch begins, behind what the market has.
 *
 * Returns  MR_OK; MR_ENOMEM there are more symbols than before, and no memory for them.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_fact_desk_begin(
    struct mri_fact_desk *desk, int64_t event_time_unix_ns, int64_t wall_unix_ns);

/** Why a fact was not drafted. */
struct mri_fact_answer {
    bool is_repeated;       /**< the newest one of its symbol says the same: nothing was drafted */
    enum mri_reason reason; /**< with MR_REFUSED */
};

/**
 * Check a fact and draft it, with a market.gap before a bar when bars are missing.
 *
 * Returns  MR_OK, also when it is repeated; MR_REFUSED, answer and *reterr_problem say why; as
 *          mri_batch_add().
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_fact_desk_draft(struct mri_fact_desk *desk,
    const struct mri_fact_input *input, struct mri_batch *batch, struct mri_fact_answer *ret_answer,
    mr_problem *reterr_problem);

/**
 * Has a symbol an instrument? A provisional one has no decimals that numbers could be read in.
 *
 * @param type  of the fact: MRI_EVENT_QUOTE, MRI_EVENT_CANDLE or MRI_EVENT_FUNDING
 *
 * Returns  MR_OK; MR_REFUSED, *reterr_problem says so.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_fact_desk_symbol(
    const struct mri_instrument_spec *spec, enum mri_event_type type, mr_problem *reterr_problem);

/**
 * A price given as a double, in the decimals of its instrument.
 *
 * Returns  MRI_REASON_NONE; else why it is none: not finite, not above zero, or between two of the
 *          decimals.
 * Threads  any.
 */
enum mri_reason mri_fact_desk_price(
    const struct mri_instrument_spec *spec, double value, int64_t *ret_price);

/**
 * A quantity given as a double, rounded to the decimals of its instrument.
 *
 * Returns  MRI_REASON_NONE; MRI_REASON_ROW_NUMBER not finite or too large;
 *          MRI_REASON_ROW_NOT_POSITIVE below zero.
 * Threads  any.
 */
enum mri_reason mri_fact_desk_quantity(
    const struct mri_instrument_spec *spec, double value, int64_t *ret_quantity);

#endif
