/* SPDX-License-Identifier: MIT */
/**
 * A signal as somebody typed it: from flags or a JSON line, for the bus.
 */
#ifndef MRI_CLI_EMISSION_H
#define MRI_CLI_EMISSION_H

#include "base/buf.h"
#include "millrace/bus.h"
#include "json/json_read.h"

/** X(member, key, value, about): the fields; flags are --key with '_' as '-'. */
#define MRI_EMISSION_MAP(X)                                                                        \
    X(symbol, "symbol", "SYMBOL", "what it is about; must be registered")                          \
    X(side, "side", "SIDE", "long, buy, short or sell; anything else is refused")                  \
    X(source, "source", "SOURCE", "who emits it; not the name of a built-in source")               \
    X(name, "name", "NAME", "kind of signal; default: the source")                                 \
    X(confidence, "confidence", "X", "0 to 1; without one it is no evidence")                      \
    X(price, "price", "PRICE", "the price it was made at, rounded to the instrument's decimals")   \
    X(horizon, "horizon", "H", "1m, 5m, 15m, 30m or 1h")                                           \
    X(valid_for, "valid_for", "TIME",                                                              \
        "how long it may wait (90s, 5m); default: the configuration's")                            \
    X(external_id, "external_id", "ID", "the producer's own id")                                   \
    X(idempotency_key, "idempotency_key", "KEY", "the same key again names the same signal")       \
    X(account, "account", "ACCOUNT", "which account it is meant for")                              \
    X(data, "data", "JSON", "an object of free data, kept as it is")

enum { MRI_EMISSION_NULS = 16 }; /**< bytes behind the texts of one signal, at most */

/** A number of a JSON line that was read with it. */
struct mri_emission_number {
    bool is_read;
    double value;
};

/** The fields as texts with a NUL behind them; a NULL text was not given. */
struct mri_emission {
#define MRI_EMISSION_MEMBER(member, key, value, about) struct mri_slice member;
    MRI_EMISSION_MAP(MRI_EMISSION_MEMBER)
#undef MRI_EMISSION_MEMBER
    struct mri_emission_number confidence_number;
    struct mri_emission_number price_number;
};

/**
 * Read a JSON line into fields.
 *
 * @param texts  the fields' texts are added there; it has room for line.count + MRI_EMISSION_NULS
 *               bytes more, so that it does not move
 *
 * Returns  MR_OK; MR_REFUSED not a JSON object, an unknown key, a value of the wrong type;
 *          *reterr_problem says which; MR_ENOMEM.
 * Owner    the emission points into `texts`.
 * Threads  one.
 */
MR_MUST_USE mr_err mri_emission_parse(struct mri_json_parser *parser, struct mri_slice line,
    struct mri_buf *texts, struct mri_emission *ret_emission, mr_problem *reterr_problem);

/**
 * Check what only a text can be wrong in, and put the signal into the bus's terms. The bus checks
 * the rest.
 *
 * Returns  MR_OK; MR_REFUSED, *reterr_problem names the field, what was expected and what was
 *          found.
 * Owner    *ret_emission points to the texts of `emission`.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_emission_read(
    const struct mri_emission *emission, mr_emission *ret_emission, mr_problem *reterr_problem);

#endif
