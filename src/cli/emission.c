/* SPDX-License-Identifier: MIT */
/*
 * Signals from outside, at the boundary: here what a text says becomes what the bus takes, or is
 * refused with a reason.
 */
#include "cli/emission.h"

#include <stdlib.h>
#include <string.h>

#include "base/problem.h"
#include "base/text.h"
#include "base/utc.h"
#include "bus/vocabulary.h"
#include "conf/scalar.h"
#include "pipeline/signal_input.h"
#include "json/json_problem.h"

enum { NUMBER_BYTES_MAX = 64, FOUND_BYTES_MAX = 60 };

#define SECOND_NS ((int64_t)1000000000)

/** What a line becomes while it is parsed. */
struct reading {
    struct mri_emission *emission;
    struct mri_buf *texts; /* copies live here */
    mr_problem *problem;
};

static const char *const keys[] = {
#define KEY(member, key, value, about) key,
    MRI_EMISSION_MAP(KEY)
#undef KEY
};

static bool is_key(struct mri_slice key, const char *name, size_t count)
{
    return key.count == count && memcmp(key.bytes, name, count) == 0;
}

static struct mri_slice *field_of(struct mri_emission *emission, struct mri_slice key)
{
#define FIELD(member, name, value, about)                                                          \
    if (is_key(key, name, sizeof(name) - 1)) {                                                     \
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

/** Copy a text, and put a NUL behind it. */
static mr_err keep(struct mri_buf *texts, struct mri_slice text, struct mri_slice *ret_kept)
{
    size_t at = texts->count;
    mri_buf_put(texts, text.bytes, text.count);
    mri_buf_put(texts, "", 1);
    if (texts->err != MR_OK) {
        return MR_ENOMEM;
    }
    *ret_kept = (struct mri_slice){(const char *)texts->bytes + at, text.count};
    return MR_OK;
}

/** A value of another type than the field's: a number as a text is a text, here as for the bus. */
static mr_err refuse_type(mr_problem *problem, struct mri_slice key, const char *expected,
    const struct mri_json_value *value)
{
    bool is_text = value->type == MRI_JSON_TEXT;
    struct mri_slice found = is_text ? value->text : value->raw;
    return mri_problem(problem, MR_REFUSED, "%.*s: expected %s, found %s%.*s%s", (int)key.count,
        key.bytes, expected, is_text ? "the text \"" : "",
        (int)(found.count < FOUND_BYTES_MAX ? found.count : FOUND_BYTES_MAX), found.bytes,
        is_text ? "\"" : "");
}

static mr_err take_field(void *context, struct mri_slice key, const struct mri_json_value *value)
{
    struct reading *reading = context;
    struct mri_emission *emission = reading->emission;
    struct mri_slice *field = field_of(emission, key);
    bool is_data = field == &emission->data;
    bool is_number = value->type == MRI_JSON_INTEGER || value->type == MRI_JSON_NUMBER;
    if (field == NULL) {
        return refuse_key(reading->problem, key);
    }
    if (value->type == MRI_JSON_NULL) {
        return MR_OK; /* null is absent */
    }
    bool wants_number = field == &emission->confidence || field == &emission->price;
    bool is_right = is_data        ? value->type == MRI_JSON_OBJECT
                    : wants_number ? is_number
                                   : value->type == MRI_JSON_TEXT;
    if (!is_right) {
        return refuse_type(reading->problem, key,
            is_data        ? "an object"
            : wants_number ? "a number"
                           : "a text",
            value);
    }
    const struct mri_emission_number number = {is_number, value->number};
    if (field == &emission->confidence) {
        emission->confidence_number = number;
    } else if (field == &emission->price) {
        emission->price_number = number;
    }
    return keep(reading->texts, value->type == MRI_JSON_TEXT ? value->text : value->raw, field);
}

mr_err mri_emission_parse(struct mri_json_parser *parser, struct mri_slice line,
    struct mri_buf *texts, struct mri_emission *ret_emission, mr_problem *reterr_problem)
{
    struct mri_emission emission = {0};
    mr_problem of_field;
    mr_problem of_line;
    struct reading reading = {.emission = &emission, .texts = texts, .problem = &of_field};
    of_field.text[0] = '\0';
    of_line.text[0] = '\0';
    mr_err err = mri_json_parse_object(parser, line, take_field, &reading, &of_line);
    if (err == MR_OK) {
        *ret_emission = emission;
    } else if (of_field.text[0] != '\0') {
        *reterr_problem = of_field;
    } else if (err == MR_REFUSED) {
        (void)mri_json_problem_tell(reterr_problem, err, line, &of_line);
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

static mr_err read_confidence(
    const struct mri_emission *emission, mr_emission *ret_emission, mr_problem *problem)
{
    if (emission->confidence.bytes == NULL) { /* none was given: that is said, and never 0 */
        ret_emission->lacks_confidence = true;
        return MR_OK;
    }
    double value = emission->confidence_number.value;
    bool is_read =
        emission->confidence_number.is_read || read_number(emission->confidence, &value) == MR_OK;
    if (!is_read || !(value >= 0.0 && value <= 1.0)) {
        return mri_signal_input_refuse(
            problem, "confidence", "a number from 0 to 1", emission->confidence);
    }
    ret_emission->confidence = value;
    return MR_OK;
}

/** The optional numbers: price, horizon, time limit. */
static mr_err read_optional(
    const struct mri_emission *emission, mr_emission *ret_emission, mr_problem *problem)
{
    if (emission->price.bytes != NULL) {
        double value = emission->price_number.value;
        bool is_read =
            emission->price_number.is_read || read_number(emission->price, &value) == MR_OK;
        if (!is_read || !(value > 0.0)) {
            return mri_signal_input_refuse(problem, "price",
                "a number above zero in the decimals of the instrument", emission->price);
        }
        ret_emission->has_price = true;
        ret_emission->price = value;
    }
    if (emission->horizon.bytes != NULL) {
        if (mri_horizon_parse(emission->horizon, &ret_emission->horizon) != MR_OK) {
            return mri_signal_input_refuse(
                problem, "horizon", "1m, 5m, 15m, 30m or 1h", emission->horizon);
        }
        ret_emission->has_horizon = true;
    }
    if (emission->valid_for.bytes != NULL &&
        (mri_utc_parse_duration(emission->valid_for, &ret_emission->valid_for_ns) != MR_OK ||
            ret_emission->valid_for_ns < SECOND_NS ||
            ret_emission->valid_for_ns > 86400 * SECOND_NS)) {
        return mri_signal_input_refuse(
            problem, "valid_for", "a time from 1s to 24h (90s, 5m)", emission->valid_for);
    }
    return MR_OK;
}

/** Texts go on as C strings: one with a NUL in it would be another text. */
static mr_err check_nul(const struct mri_emission *emission, mr_problem *problem)
{
    const struct mri_slice *texts[] = {
#define TEXT(member, key, value, about) &emission->member,
        MRI_EMISSION_MAP(TEXT)
#undef TEXT
    };
    for (size_t i = 0; i < MRI_COUNT_OF(texts); i++) {
        const char *nul =
            texts[i]->bytes == NULL ? NULL : memchr(texts[i]->bytes, '\0', texts[i]->count);
        if (nul != NULL) {
            return mri_problem(problem, MR_REFUSED,
                "%s: expected a text without control characters, found a NUL behind "
                "\"%s\"",
                keys[i], texts[i]->bytes);
        }
    }
    return MR_OK;
}

mr_err mri_emission_read(
    const struct mri_emission *emission, mr_emission *ret_emission, mr_problem *reterr_problem)
{
    mr_emission read = {
        .symbol = emission->symbol.bytes,
        .source = emission->source.bytes,
        .name = emission->name.bytes,
        .external_id = emission->external_id.bytes,
        .key = emission->idempotency_key.bytes,
        .account = emission->account.bytes,
        .data = emission->data.bytes,
    };
    mr_err err = emission->symbol.bytes != NULL ? check_nul(emission, reterr_problem)
                                                : mri_signal_input_refuse(reterr_problem, "symbol",
                                                      "a registered symbol", emission->symbol);
    if (err == MR_OK && (emission->side.bytes == NULL ||
                            mr_side_parse(emission->side.bytes, &read.side) != MR_OK)) {
        err = mri_signal_input_refuse(
            reterr_problem, "side", "long, buy, short or sell", emission->side);
    }
    if (err == MR_OK) {
        err = read_confidence(emission, &read, reterr_problem);
    }
    if (err == MR_OK) {
        err = read_optional(emission, &read, reterr_problem);
    }
    if (err == MR_OK) {
        *ret_emission = read;
    }
    return err;
}
