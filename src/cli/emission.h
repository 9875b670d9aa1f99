/* SPDX-License-Identifier: MIT */
/**
 * A signal as somebody typed it: from flags or a JSON line, checked field by field, drafted.
 */
#ifndef MRI_CLI_EMISSION_H
#define MRI_CLI_EMISSION_H

#include "pipeline/signal_input.h"
#include "json/json_read.h"

/** X(member, key, value, about): the fields; flags are --key with '_' as '-'. */
#define MRI_EMISSION_MAP(X)                                                                        \
    X(symbol, "symbol", "SYMBOL", "what it is about; must be registered")                          \
    X(side, "side", "SIDE", "long, buy, short or sell; anything else is refused")                  \
    X(source, "source", "SOURCE", "who emits it; not the name of a built-in source")               \
    X(name, "name", "NAME", "kind of signal; default: the source")                                 \
    X(confidence, "confidence", "X", "0 to 1")                                                     \
    X(price, "price", "PRICE", "the price it was made at, rounded to the instrument's decimals")   \
    X(horizon, "horizon", "H", "1m, 5m, 15m, 30m or 1h")                                           \
    X(valid_for, "valid_for", "TIME",                                                              \
        "how long it may wait (90s, 5m); default: the configuration's")                            \
    X(external_id, "external_id", "ID", "the producer's own id")                                   \
    X(idempotency_key, "idempotency_key", "KEY", "the same key again names the same signal")       \
    X(account, "account", "ACCOUNT", "which account it is meant for")                              \
    X(data, "data", "JSON", "an object of free data, kept as it is")

/** The fields as texts; a NULL text was not given. */
struct mri_emission {
#define MRI_EMISSION_MEMBER(member, key, value, about) struct mri_slice member;
    MRI_EMISSION_MAP(MRI_EMISSION_MEMBER)
#undef MRI_EMISSION_MEMBER
};

/** A field of a JSON line as text; the object's own JSON for data. Used by mri_json_parse_object().
 */
struct mri_emission_json {
    struct mri_emission *emission;
    struct mri_buf *texts; /**< copies live here */
    mr_problem *problem;
};

/**
 * Read a JSON line into fields.
 *
 * @param texts  the fields' texts are copied there; cleared first
 *
 * Returns  MR_OK; MR_REFUSED not a JSON object, an unknown key, a value of the wrong type;
 *          *reterr_problem says which; MR_ENOMEM.
 * Owner    the emission points into `texts`.
 * Threads  one.
 */
MR_MUST_USE mr_err mri_emission_parse(struct mri_json_parser *parser, struct mri_slice line,
    struct mri_buf *texts, struct mri_emission *ret_emission, mr_problem *reterr_problem);

/**
 * Check every field and draft the signal.
 *
 * Returns  MR_OK; MR_REFUSED, *reterr_problem names the field, what was expected and what was
 *          found; as mri_batch_add().
 * Threads  one.
 */
MR_MUST_USE mr_err mri_emission_draft(const struct mri_emission *emission,
    const struct mri_signal_input_context *context, struct mri_batch *batch,
    mr_problem *reterr_problem);

#endif
