/* SPDX-License-Identifier: MIT */
/**
 * A signal from outside at the boundary: every field is checked, then it is drafted.
 */
#ifndef MRI_PIPELINE_SIGNAL_INPUT_H
#define MRI_PIPELINE_SIGNAL_INPUT_H

#include "base/intern.h"
#include "bus/batch.h"
#include "market/instruments.h"

/** The fields; texts with NULL bytes were not given. */
struct mri_signal_input {
    struct mri_slice symbol;
    struct mri_slice source;
    struct mri_slice name; /**< not given: as the source */
    struct mri_slice external_id;
    struct mri_slice key;
    struct mri_slice account;
    struct mri_slice data; /**< a JSON object, not looked into */
    double confidence;
    int64_t price;        /**< in the instrument's decimals, with has_price */
    int64_t valid_for_ns; /**< 0: the configuration's */
    mr_side side;
    mr_horizon horizon; /**< with has_horizon */
    bool has_price;
    bool has_horizon;
    bool lacks_confidence; /**< the producer gave none; `confidence` is 0 */
};

enum {
    MRI_SIGNAL_WORDS_BYTES_MAX = 2 * (2 + MRI_INTERN_BYTES_MAX), /**< with their lengths */
};

/**
 * The words of the newest signal that was found good. Programs emit one after another with the
 * same: they are neither checked nor encoded again.
 */
struct mri_signal_memo {
    char symbol[MRI_INSTRUMENT_TEXT_BYTES];
    char source[MRI_INTERN_BYTES_MAX];
    char name[MRI_INTERN_BYTES_MAX];
    uint32_t symbol_bytes; /**< 0: nothing is noted */
    uint32_t source_bytes;
    uint32_t name_bytes;   /**< 0: not given */
    uint32_t number;       /**< of the symbol, in the instruments that it was checked against */
    uint32_t source_known; /**< the caller's; 0 since other words were noted */
    uint32_t name_known;
    uint32_t words_bytes; /**< of these: source and name as they stand in a body behind its fixed
                               part */
    uint8_t words[MRI_SIGNAL_WORDS_BYTES_MAX];
};

/** What a signal is checked against. */
struct mri_signal_input_context {
    struct mri_signal_memo *memo; /**< NULL: none is kept */
    const struct mri_instruments *instruments;
    int64_t event_time_unix_ns;
    int64_t valid_for_ns; /**< default */
};

/**
 * Are the words of a signal those that are noted?
 *
 * Returns  true or false.
 * Threads  any.
 */
bool mri_signal_input_is_noted(
    const struct mri_signal_memo *memo, const struct mri_signal_input *input);

/**
 * "FIELD: expected this, found that", or that it is missing.
 *
 * Returns  MR_REFUSED.
 * Threads  any.
 */
mr_err mri_signal_input_refuse(
    mr_problem *reterr_problem, const char *field, const char *expected, struct mri_slice found);

/**
 * Does a text that was given name somebody? Of signals and of facts it is the source.
 *
 * Returns  MR_OK; MR_REFUSED it is empty, or has only spaces: *reterr_problem says so.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_signal_input_check_blank(
    struct mri_slice text, const char *field, mr_problem *reterr_problem);

/**
 * Is a key one that a signal can have? What it is called differs from surface to surface.
 *
 * @param name  of the key, for what is said
 *
 * Returns  MR_OK, also when it is not given; MR_REFUSED, *reterr_problem says why.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_signal_input_check_key(
    struct mri_slice key, const char *name, mr_problem *reterr_problem);

/**
 * The number of a symbol.
 *
 * Returns  MR_OK; MR_REFUSED it is not registered, *reterr_problem says so.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_signal_input_symbol(const struct mri_instruments *instruments,
    struct mri_slice symbol, uint32_t *ret_number, mr_problem *reterr_problem);

/**
 * Check every field and draft the signal.
 *
 * Returns  MR_OK; MR_REFUSED, *reterr_problem names the field, what was expected and what was
 *          found; as mri_batch_add().
 * Threads  any.
 */
MR_MUST_USE mr_err mri_signal_input_draft(const struct mri_signal_input *input,
    const struct mri_signal_input_context *context, struct mri_batch *batch,
    mr_problem *reterr_problem);

#endif
