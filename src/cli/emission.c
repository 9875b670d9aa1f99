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

enum { NUMBER_BYTES_MAX = 64 };

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
        return mri_signal_input_refuse(problem, "confidence", "a number from 0 to 1", text);
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
               : mri_signal_input_refuse(problem, "price",
                     "a number above zero in the decimals of the instrument", text);
}

/** The optional numbers: price, horizon, time limit. */
static mr_err read_optional(const struct mri_emission *emission,
    const struct mri_instruments *instruments, struct mri_signal_input *input, mr_problem *problem)
{
    unsigned horizon;
    if (emission->price.bytes != NULL) {
        uint32_t symbol;
        mr_err err = mri_signal_input_symbol(instruments, emission->symbol, &symbol, problem);
        if (err == MR_OK) {
            const struct mri_instrument_spec *spec = mri_instruments_get(instruments, symbol);
            err = read_price(emission->price, spec->price_decimals, &input->price, problem);
        }
        if (err != MR_OK) {
            return err;
        }
        input->has_price = true;
    }
    if (emission->horizon.bytes != NULL) {
        if (mri_word_parse(MRI_VOCABULARY_horizon, emission->horizon, &horizon) != MR_OK) {
            return mri_signal_input_refuse(
                problem, "horizon", "1m, 5m, 15m, 30m or 1h", emission->horizon);
        }
        input->has_horizon = true;
        input->horizon = (mr_horizon)horizon;
    }
    if (emission->valid_for.bytes != NULL &&
        (mri_utc_parse_duration(emission->valid_for, &input->valid_for_ns) != MR_OK ||
            input->valid_for_ns < 1000000000 ||
            input->valid_for_ns > 86400 * (int64_t)1000000000)) {
        return mri_signal_input_refuse(
            problem, "valid_for", "a time from 1s to 24h (90s, 5m)", emission->valid_for);
    }
    return MR_OK;
}

mr_err mri_emission_draft(const struct mri_emission *emission,
    const struct mri_signal_input_context *context, struct mri_batch *batch,
    mr_problem *reterr_problem)
{
    struct mri_signal_input input = {
        .symbol = emission->symbol,
        .source = emission->source,
        .name = emission->name,
        .external_id = emission->external_id,
        .key = emission->idempotency_key,
        .account = emission->account,
        .data = emission->data,
    };
    uint32_t symbol;
    mr_err err =
        mri_signal_input_symbol(context->instruments, emission->symbol, &symbol, reterr_problem);
    if (err == MR_OK &&
        (emission->side.bytes == NULL || mri_side_parse(emission->side, &input.side) != MR_OK)) {
        err = mri_signal_input_refuse(
            reterr_problem, "side", "long, buy, short or sell", emission->side);
    }
    if (err == MR_OK) {
        err = read_confidence(emission->confidence, &input.confidence, reterr_problem);
    }
    if (err == MR_OK) {
        err = read_optional(emission, context->instruments, &input, reterr_problem);
    }
    return err == MR_OK ? mri_signal_input_draft(&input, context, batch, reterr_problem) : err;
}
