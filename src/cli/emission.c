/* SPDX-License-Identifier: MIT */
/*
 * Signals from outside, at the boundary: here side, symbol, numbers and texts become what the bus
 * holds, or are refused with a reason.
 */
#include "cli/emission.h"

#include <stdlib.h>
#include <string.h>

#include "base/exact_math.h"
#include "base/problem.h"
#include "base/text.h"
#include "base/utc.h"
#include "conf/scalar.h"

enum {
    TEXT_BYTES_MAX = 64,       /* of source and name */
    LONG_TEXT_BYTES_MAX = 256, /* of ids, keys, accounts */
    DATA_BYTES_MAX = 65536,
    NUMBER_BYTES_MAX = 64,
};

static const char *const keys[] = {
#define KEY(member, key, value, about) key,
    MRI_EMISSION_MAP(KEY)
#undef KEY
};

static struct mri_slice *field_of(struct mri_emission *emission, struct mri_slice key)
{
#define FIELD(member, name, value, about)                                                          \
    if (mri_slice_is(key, name)) {                                                                 \
        return &emission->member;                                                                  \
    }
    MRI_EMISSION_MAP(FIELD)
#undef FIELD
    return NULL;
}

static mr_err refuse_key(mr_problem *problem, struct mri_slice key)
{
    const char *near = mri_text_nearest(key, keys, MRI_COUNT_OF(keys));
    return near == NULL
               ? mri_problem(problem, MR_REFUSED,
                     "unknown key \"%.*s\" (free data go into \"data\")", (int)key.count, key.bytes)
               : mri_problem(problem, MR_REFUSED, "unknown key \"%.*s\" (did you mean %s?)",
                     (int)key.count, key.bytes, near);
}

static mr_err take_field(void *context, struct mri_slice key, const struct mri_json_value *value)
{
    struct mri_emission_json *json = context;
    struct mri_slice *field = field_of(json->emission, key);
    bool is_data = mri_slice_is(key, "data");
    bool is_number = value->type == MRI_JSON_INTEGER || value->type == MRI_JSON_NUMBER;
    if (field == NULL) {
        return refuse_key(json->problem, key);
    }
    if (value->type == MRI_JSON_NULL) {
        return MR_OK; /* null is absent */
    }
    bool is_right =
        is_data ? value->type == MRI_JSON_OBJECT : value->type == MRI_JSON_TEXT || is_number;
    if (!is_right) {
        return mri_problem(json->problem, MR_REFUSED, "%.*s: expected %s", (int)key.count,
            key.bytes, is_data ? "an object" : "a text or a number");
    }
    struct mri_slice text = value->type == MRI_JSON_TEXT ? value->text : value->raw;
    size_t at = json->texts->count;
    mri_buf_put(json->texts, text.bytes, text.count);
    if (json->texts->err != MR_OK) {
        return MR_ENOMEM;
    }
    /* `texts` never moves: it was grown to its maximum before. */
    *field = (struct mri_slice){(const char *)json->texts->bytes + at, text.count};
    return MR_OK;
}

mr_err mri_emission_parse(struct mri_json_parser *parser, struct mri_slice line,
    struct mri_buf *texts, struct mri_emission *ret_emission, mr_problem *reterr_problem)
{
    struct mri_emission emission = {0};
    mr_problem of_field = {""};
    mr_problem of_line = {""};
    struct mri_emission_json json = {.emission = &emission, .texts = texts, .problem = &of_field};
    mri_buf_clear(texts);
    if (mri_buf_grow(texts, line.count + 1) == NULL) {
        return MR_ENOMEM;
    }
    texts->count = 0;
    mr_err err = mri_json_parse_object(parser, line, take_field, &json, &of_line);
    if (err == MR_OK) {
        *ret_emission = emission;
    } else if (of_field.text[0] != '\0') {
        *reterr_problem = of_field;
    } else if (err == MR_REFUSED) {
        (void)mri_problem(reterr_problem, err, "not a JSON object: %s", of_line.text);
    }
    return err;
}

static mr_err expected(
    mr_problem *problem, const char *key, const char *what, struct mri_slice found)
{
    if (found.bytes == NULL) {
        return mri_problem(problem, MR_REFUSED, "%s is missing: expected %s", key, what);
    }
    return mri_problem(problem, MR_REFUSED, "%s: expected %s, found \"%.*s\"", key, what,
        (int)(found.count < 60 ? found.count : 60), found.bytes);
}

/** A text that is UTF-8 without control characters, within a length. */
static mr_err check_text(
    struct mri_slice text, const char *key, size_t bytes_max, mr_problem *problem)
{
    if (text.bytes == NULL) {
        return MR_OK;
    }
    if (!mri_text_is_utf8(text)) {
        return expected(problem, key, "valid UTF-8", text);
    }
    if (mri_text_has_control(text)) {
        return expected(problem, key, "a text without control characters", text);
    }
    if (text.count == 0 || text.count > bytes_max) {
        return mri_problem(problem, MR_REFUSED, "%s: expected 1 to %zu bytes, found %zu", key,
            bytes_max, text.count);
    }
    return MR_OK;
}

static mr_err check_texts(const struct mri_emission *emission, mr_problem *problem)
{
    if (emission->source.bytes == NULL) {
        return expected(problem, "source", "who emits it", emission->source);
    }
    mr_err err = check_text(emission->source, "source", TEXT_BYTES_MAX, problem);
    if (err == MR_OK && mri_source_is_internal(emission->source)) {
        err = expected(
            problem, "source", "another name than that of a built-in source", emission->source);
    }
    if (err == MR_OK) {
        err = check_text(emission->name, "name", TEXT_BYTES_MAX, problem);
    }
    if (err == MR_OK) {
        err = check_text(emission->external_id, "external_id", LONG_TEXT_BYTES_MAX, problem);
    }
    if (err == MR_OK) {
        err =
            check_text(emission->idempotency_key, "idempotency_key", LONG_TEXT_BYTES_MAX, problem);
    }
    if (err == MR_OK) {
        err = check_text(emission->account, "account", LONG_TEXT_BYTES_MAX, problem);
    }
    return err == MR_OK ? check_text(emission->data, "data", DATA_BYTES_MAX, problem) : err;
}

/** A number as programs print doubles: with a point, with an exponent, with 17 digits. */
static mr_err read_number(struct mri_slice text, double *ret_value)
{
    char copy[NUMBER_BYTES_MAX + 1];
    if (text.bytes == NULL || text.count > NUMBER_BYTES_MAX) {
        return MR_REFUSED;
    }
    memcpy(copy, text.bytes, text.count);
    copy[text.count] = '\0';
    return mri_scalar_number((struct mri_slice){copy, text.count}, ret_value);
}

static mr_err read_confidence(struct mri_slice text, double *ret_confidence, mr_problem *problem)
{
    double value;
    if (read_number(text, &value) != MR_OK || value < 0.0 || value > 1.0) {
        return expected(problem, "confidence", "a number from 0 to 1", text);
    }
    *ret_confidence = value;
    return MR_OK;
}

/** Exactly as written; more decimals than the instrument has are rounded. */
static mr_err read_price(
    struct mri_slice text, unsigned decimals, int64_t *ret_price, mr_problem *problem)
{
    double value;
    mr_err err = mri_fixed_parse(text, decimals, ret_price);
    if (err != MR_OK) {
        err = read_number(text, &value);
        if (err == MR_OK) {
            err = mri_fixed_from_double(value, decimals, ret_price);
        }
    }
    return err == MR_OK && *ret_price > 0
               ? MR_OK
               : expected(problem, "price", "a number above zero in the decimals of the instrument",
                     text);
}

static mr_err read_symbol(const struct mri_emission *emission, const struct mri_market *market,
    uint32_t *ret_symbol, mr_problem *problem)
{
    if (emission->symbol.bytes == NULL) {
        return expected(problem, "symbol", "a registered symbol", emission->symbol);
    }
    if (mri_instruments_find(&market->instruments, emission->symbol, ret_symbol) != MR_OK) {
        return expected(problem, "symbol", "a registered symbol", emission->symbol);
    }
    return MR_OK;
}

/** The optional numbers: price, horizon, time limit. */
static mr_err read_optional(const struct mri_emission *emission,
    const struct mri_emission_context *context, struct mri_signal_generated *fixed,
    mr_problem *problem)
{
    unsigned horizon;
    if (emission->price.bytes != NULL) {
        const struct mri_instrument_spec *spec =
            mri_instruments_get(&context->market->instruments, fixed->symbol);
        mr_err err = read_price(emission->price, spec->price_decimals, &fixed->price, problem);
        if (err != MR_OK) {
            return err;
        }
        fixed->present |= MRI_HAS_PRICE;
        fixed->price_time_unix_ns = context->event_time_unix_ns;
    }
    if (emission->horizon.bytes != NULL) {
        if (mri_word_parse(MRI_VOCABULARY_horizon, emission->horizon, &horizon) != MR_OK) {
            return expected(problem, "horizon", "1m, 5m, 15m, 30m or 1h", emission->horizon);
        }
        fixed->present |= MRI_HAS_HORIZON;
        fixed->horizon = (uint8_t)horizon;
    }
    if (emission->valid_for.bytes != NULL &&
        (mri_utc_parse_duration(emission->valid_for, &fixed->valid_for_ns) != MR_OK ||
            fixed->valid_for_ns < 1000000000 ||
            fixed->valid_for_ns > 86400 * (int64_t)1000000000)) {
        return expected(
            problem, "valid_for", "a time from 1s to 24h (90s, 5m)", emission->valid_for);
    }
    return MR_OK;
}

mr_err mri_emission_draft(const struct mri_emission *emission,
    const struct mri_emission_context *context, struct mri_batch *batch, mr_problem *reterr_problem)
{
    mr_side side;
    struct mri_signal_generated fixed = {
        .event_time_unix_ns = context->event_time_unix_ns,
        .valid_for_ns = context->valid_for_ns,
        .regime = MRI_REGIME_ABSENT,
    };
    mr_err err = check_texts(emission, reterr_problem);
    if (err == MR_OK) {
        err = read_symbol(emission, context->market, &fixed.symbol, reterr_problem);
    }
    if (err == MR_OK &&
        (emission->side.bytes == NULL || mri_side_parse(emission->side, &side) != MR_OK)) {
        err = expected(reterr_problem, "side", "long, buy, short or sell", emission->side);
    }
    if (err == MR_OK) {
        err = read_confidence(emission->confidence, &fixed.confidence, reterr_problem);
    }
    if (err == MR_OK) {
        err = read_optional(emission, context, &fixed, reterr_problem);
    }
    if (err != MR_OK) {
        return err;
    }
    fixed.side = (uint8_t)side;
    fixed.instrument = fixed.symbol;
    const struct mri_draft draft = {
        .type = MRI_EVENT_SIGNAL_GENERATED,
        .fixed = &fixed,
        .texts = {[MRI_TEXT_signal_generated_source] = emission->source,
            [MRI_TEXT_signal_generated_name] =
                emission->name.bytes == NULL ? emission->source : emission->name,
            [MRI_TEXT_signal_generated_external_id] = emission->external_id,
            [MRI_TEXT_signal_generated_idempotency_key] = emission->idempotency_key,
            [MRI_TEXT_signal_generated_account] = emission->account,
            [MRI_TEXT_signal_generated_data] = emission->data},
    };
    return mri_batch_add(batch, &draft, batch->next_ordinal);
}
