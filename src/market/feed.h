/* SPDX-License-Identifier: MIT */
/**
 * What a feed must provide: market facts, and signals from outside, in order of event time.
 *
 * A feed is a port: the pipeline reads it, src/feeds/ implements it. A feed never stops at a bad
 * row: it hands the row out as a problem and goes on. Reading the same feed again gives the same
 * items in the same order; a resumed run skips what it has seen.
 */
#ifndef MRI_MARKET_FEED_H
#define MRI_MARKET_FEED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "bus/vocabulary.h"
#include "market/instruments.h"
#include "millrace/err.h"

enum mri_feed_item_kind {
    MRI_FEED_PROBLEM, /**< a row that cannot be used */
    MRI_FEED_CANDLE,
    MRI_FEED_SIGNAL, /**< from a producer outside of this program */
};

/** A finished bar; prices in the decimals of its instrument. */
struct mri_feed_candle {
    int64_t duration_ns;
    int64_t open;
    int64_t high;
    int64_t low;
    int64_t close;
    double volume;
};

/** A signal from outside. */
struct mri_feed_signal {
    struct mri_slice source;
    struct mri_slice name;
    mr_side side;
    double confidence;
    int64_t valid_for_ns;
};

/** A row that was left out. */
struct mri_feed_problem {
    enum mri_reason reason;
    uint64_t line;          /**< in its file, from 1; 0 = the file as a whole */
    struct mri_slice place; /**< the file's name, for people; not stored in the log */
    struct mri_slice row;   /**< beginning of the row as it was read */
};

/** One item. Slices belong to the feed until the next call. */
struct mri_feed_item {
    enum mri_feed_item_kind kind;
    int64_t time_unix_ns; /**< event time: a bar's close; of a problem: the next good row's of its
                               file, INT64_MAX when none follows */
    uint32_t
        instrument; /**< index into the feed's instruments; UINT32_MAX: a problem's unknown one */
    struct mri_feed_candle candle;
    struct mri_feed_signal signal;
    struct mri_feed_problem problem;
};

/** Bytes of an identity with its NUL. */
enum { MRI_FEED_IDENTITY_BYTES = 65 };

/** An open feed. */
struct mri_feed {
    void *state;
    bool is_simulated; /**< invented prices: labelled SIMULATED wherever they show */
    const struct mri_instrument_spec *instruments; /**< those it has data for */
    uint32_t instrument_count;
    char identity[MRI_FEED_IDENTITY_BYTES]; /**< equal for the same data, wherever they lie */

    /**
     * The next item, in order of time; at the same time problems, then candles in order of
     * instruments, then signals.
     *
     * Returns  MR_OK; MR_END; MR_ENOMEM, MR_EIO or another fault of its files, which stays.
     */
    mr_err (*next)(void *state, struct mri_feed_item *ret_item);

    /** How much was read, 0 to 1. */
    double (*progress)(const void *state);

    /** Free everything. */
    void (*close)(void *state);
};

#endif
