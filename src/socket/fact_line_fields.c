/* SPDX-License-Identifier: MIT */
/*
 * Market facts by their fields. Prices are read as they are written, digit by digit; only what is
 * written with an exponent goes through a double.
 */
#include "socket/fact_line_fields.h"

#include <string.h>

#include "base/check.h"
#include "base/fixed.h"
#include "base/problem.h"
#include "base/text.h"
#include "base/utc.h"
#include "conf/scalar.h"
#include "pipeline/signal_input.h"

enum { NUMBER_BYTES_MAX = 64 };

static const char *const keys[] = {
#define KEY(member, about) #member,
    MRI_FACT_LINE_MAP(KEY)
#undef KEY
};

bool mri_fact_line_is_kind(struct mri_slice kind)
{
    return mri_slice_is(kind, "quote") || mri_slice_is(kind, "candle") ||
           mri_slice_is(kind, "funding");
}

struct mri_slice *mri_fact_line_field(
    struct mri_fact_line *line, struct mri_slice key, mr_problem *reterr_problem)
{
#define FIELD(member, about)                                                                       \
    if (mri_slice_is(key, #member)) {                                                              \
        return &line->member;                                                                      \
    }
    MRI_FACT_LINE_MAP(FIELD)
#undef FIELD
    const char *near = mri_text_nearest(key, keys, MRI_COUNT_OF(keys));
    if (near == NULL) {
        (void)mri_signal_input_refuse(reterr_problem, "key", "the name of a field", key);
    } else {
        (void)mri_problem(reterr_problem, MR_REFUSED, "unknown key \"%.*s\" (did you mean %s?)",
            (int)key.count, key.bytes, near);
    }
    return NULL;
}

/* ---- values ---------------------------------------------------------------------------------- */

/** What is being read. */
struct reading {
    const struct mri_instrument_spec *spec;
    enum mri_reason *reason;
    mr_problem *problem;
};

static mr_err refuse(const struct reading *reading, enum mri_reason reason, const char *field,
    const char *expected, struct mri_slice found)
{
    *reading->reason = reason;
    return mri_signal_input_refuse(reading->problem, field, expected, found);
}

/** A number as programs print doubles. */
static bool read_double(struct mri_slice text, double *ret_value)
{
    char copy[NUMBER_BYTES_MAX + 1];
    if (text.bytes == NULL || text.count > NUMBER_BYTES_MAX) {
        return false;
    }
    memcpy(copy, text.bytes, text.count);
    copy[text.count] = '\0';
    return mri_scalar_number((struct mri_slice){copy, text.count}, ret_value) == MR_OK;
}

static mr_err read_number(
    const struct reading *reading, const char *field, struct mri_slice text, double *ret_value)
{
    return read_double(text, ret_value)
               ? MR_OK
               : refuse(reading, text.bytes == NULL ? MRI_REASON_ROW_FIELD : MRI_REASON_ROW_NUMBER,
                     field, "a number", text);
}

static mr_err read_price(
    const struct reading *reading, const char *field, struct mri_slice text, int64_t *ret_price)
{
    double value;
    if (text.bytes == NULL) {
        return refuse(reading, MRI_REASON_ROW_FIELD, field, "a price", text);
    }
    if (mri_fixed_parse(text, reading->spec->price_decimals, ret_price) == MR_OK) {
        return MR_OK;
    }
    enum mri_reason reason = read_double(text, &value)
                                 ? mri_fact_desk_price(reading->spec, value, ret_price)
                                 : MRI_REASON_ROW_NUMBER;
    return reason == MRI_REASON_NONE
               ? MR_OK
               : refuse(reading, reason, field,
                     "a price above zero in the decimals of the instrument", text);
}

static mr_err read_quantity(const struct reading *reading, const char *field, struct mri_slice text,
    int64_t *ret_quantity, bool *ret_is_given)
{
    double value;
    *ret_is_given = text.bytes != NULL;
    if (text.bytes == NULL) {
        return MR_OK;
    }
    enum mri_reason reason = read_double(text, &value)
                                 ? mri_fact_desk_quantity(reading->spec, value, ret_quantity)
                                 : MRI_REASON_ROW_NUMBER;
    return reason == MRI_REASON_NONE
               ? MR_OK
               : refuse(reading, reason, field, "a number of zero or more", text);
}

/** A count since 1970: seconds, milliseconds, microseconds or nanoseconds, told by its size. */
static bool read_count(struct mri_slice text, int64_t *ret_unix_ns)
{
    static const struct {
        int64_t below;
        int64_t unit_ns;
    } units[] = {{100000000000, 1000000000}, {100000000000000, 1000000}, {100000000000000000, 1000},
        {INT64_MAX, 1}};
    int64_t count;
    if (mri_fixed_parse(text, 0, &count) != MR_OK || count <= 0) {
        return false;
    }
    size_t i = 0;
    while (count >= units[i].below && i + 1 < MRI_COUNT_OF(units)) {
        i++;
    }
    return mri_fixed_mul_div(count, units[i].unit_ns, 1, ret_unix_ns) == MR_OK;
}

bool mri_fact_line_time(struct mri_slice text, int64_t *ret_unix_ns)
{
    return read_count(text, ret_unix_ns) ||
           (mri_utc_parse(text, ret_unix_ns) == MR_OK && *ret_unix_ns > 0);
}

/** Absent stays 0. */
static mr_err read_time(
    const struct reading *reading, const char *field, struct mri_slice text, int64_t *ret_unix_ns)
{
    if (text.bytes == NULL || mri_fact_line_time(text, ret_unix_ns)) {
        return MR_OK;
    }
    return refuse(reading, MRI_REASON_ROW_TIME, field,
        "2025-05-04T15:34:00.123Z, or seconds, milliseconds, microseconds or nanoseconds since "
        "1970",
        text);
}

/* ---- facts ----------------------------------------------------------------------------------- */

/** A field of another kind of fact would be lost without a word. */
static mr_err refuse_foreign(const struct reading *reading, const struct mri_fact_line *line,
    const char *const *known, const char *kind)
{
    const struct {
        const char *key;
        struct mri_slice value;
    } fields[] = {
#define GIVEN(member, about) {#member, line->member},
        MRI_FACT_LINE_MAP(GIVEN)
#undef GIVEN
    };
    for (size_t i = 0; i < MRI_COUNT_OF(fields); i++) {
        bool is_known = strcmp(fields[i].key, "kind") == 0 || strcmp(fields[i].key, "symbol") == 0;
        for (size_t k = 0; known[k] != NULL && !is_known; k++) {
            is_known = strcmp(known[k], fields[i].key) == 0;
        }
        if (fields[i].value.bytes != NULL && !is_known) {
            *reading->reason = MRI_REASON_ROW_FIELD;
            return mri_problem(
                reading->problem, MR_REFUSED, "%s: a %s has no such field", fields[i].key, kind);
        }
    }
    return MR_OK;
}

static mr_err read_quote(
    const struct reading *reading, const struct mri_fact_line *line, struct mri_fact_input *input)
{
    static const char *const known[] = {
        "source", "time", "bid", "ask", "bid_quantity", "ask_quantity", NULL};
    input->type = MRI_EVENT_QUOTE;
    mr_err err = refuse_foreign(reading, line, known, "quote");
    if (err == MR_OK) {
        err = read_time(reading, "time", line->time, &input->time_unix_ns);
    }
    if (err == MR_OK) {
        err = read_price(reading, "bid", line->bid, &input->quote.bid);
    }
    if (err == MR_OK) {
        err = read_price(reading, "ask", line->ask, &input->quote.ask);
    }
    if (err == MR_OK) {
        err = read_quantity(reading, "bid_quantity", line->bid_quantity, &input->quote.bid_quantity,
            &input->quote.has_bid_quantity);
    }
    return err == MR_OK ? read_quantity(reading, "ask_quantity", line->ask_quantity,
                              &input->quote.ask_quantity, &input->quote.has_ask_quantity)
                        : err;
}

static mr_err read_bar_time(
    const struct reading *reading, const struct mri_fact_line *line, struct mri_fact_input *input)
{
    bool has_open = line->open_time.bytes != NULL;
    if (has_open == (line->close_time.bytes != NULL)) {
        return refuse(reading, MRI_REASON_ROW_FIELD, "close_time", "either close_time or open_time",
            line->close_time);
    }
    int64_t *time = &input->time_unix_ns;
    mr_err err = has_open ? read_time(reading, "open_time", line->open_time, time)
                          : read_time(reading, "close_time", line->close_time, time);
    if (err == MR_OK && has_open && mri_fixed_add(*time, MRI_BAR_NS, time) != MR_OK) {
        err = refuse(reading, MRI_REASON_ROW_TIME, "open_time", "a time", line->open_time);
    }
    return err;
}

static mr_err read_candle(
    const struct reading *reading, const struct mri_fact_line *line, struct mri_fact_input *input)
{
    static const char *const known[] = {
        "open_time", "close_time", "open", "high", "low", "close", "volume", NULL};
    const struct {
        const char *field;
        struct mri_slice text;
        int64_t *price;
    } prices[] = {
        {"open", line->open, &input->candle.open},
        {"high", line->high, &input->candle.high},
        {"low", line->low, &input->candle.low},
        {"close", line->close, &input->candle.close},
    };
    input->type = MRI_EVENT_CANDLE;
    mr_err err = refuse_foreign(reading, line, known, "candle");
    if (err == MR_OK) {
        err = read_bar_time(reading, line, input);
    }
    for (size_t i = 0; i < MRI_COUNT_OF(prices) && err == MR_OK; i++) {
        err = read_price(reading, prices[i].field, prices[i].text, prices[i].price);
    }
    return err == MR_OK ? read_number(reading, "volume", line->volume, &input->candle.volume) : err;
}

static mr_err read_funding(
    const struct reading *reading, const struct mri_fact_line *line, struct mri_fact_input *input)
{
    static const char *const known[] = {"source", "time", "rate", "interval", "next_time", NULL};
    input->type = MRI_EVENT_FUNDING;
    mr_err err = refuse_foreign(reading, line, known, "funding");
    if (err == MR_OK) {
        err = read_time(reading, "time", line->time, &input->time_unix_ns);
    }
    if (err == MR_OK) {
        err = read_number(reading, "rate", line->rate, &input->funding.rate);
    }
    if (err == MR_OK && line->interval.bytes != NULL &&
        (mri_utc_parse_duration(line->interval, &input->funding.interval_ns) != MR_OK ||
            input->funding.interval_ns == 0)) { /* 0 would be kept as not given */
        err = refuse(reading, MRI_REASON_ROW_TIME, "interval",
            "a time above zero and up to 7 days, like 8h or 3600s", line->interval);
    }
    return err == MR_OK
               ? read_time(reading, "next_time", line->next_time, &input->funding.next_time_unix_ns)
               : err;
}

mr_err mri_fact_line_read(const struct mri_fact_line *line,
    const struct mri_instruments *instruments, struct mri_fact_input *ret_input,
    enum mri_reason *reterr_reason, mr_problem *reterr_problem)
{
    static const struct {
        const char *name;
        enum mri_event_type type;
        mr_err (*read)(const struct reading *reading, const struct mri_fact_line *line,
            struct mri_fact_input *input);
    } kinds[] = {
        {"quote", MRI_EVENT_QUOTE, read_quote},
        {"candle", MRI_EVENT_CANDLE, read_candle},
        {"funding", MRI_EVENT_FUNDING, read_funding},
    };
    struct reading reading = {.reason = reterr_reason, .problem = reterr_problem};
    *ret_input = (struct mri_fact_input){.symbol = UINT32_MAX, .source = line->source};
    uint32_t symbol;
    if (mri_signal_input_symbol(instruments, line->symbol, &symbol, reterr_problem) != MR_OK) {
        *reterr_reason =
            line->symbol.bytes == NULL ? MRI_REASON_ROW_FIELD : MRI_REASON_ROW_UNKNOWN_SYMBOL;
        return MR_REFUSED;
    }
    ret_input->symbol = symbol;
    reading.spec = mri_instruments_get(instruments, symbol);
    for (size_t i = 0; i < MRI_COUNT_OF(kinds); i++) {
        if (!mri_slice_is(line->kind, kinds[i].name)) {
            continue;
        }
        mr_err err = mri_fact_desk_symbol(reading.spec, kinds[i].type, reterr_problem);
        if (err != MR_OK) {
            *reterr_reason = MRI_REASON_ROW_UNKNOWN_SYMBOL;
            return err;
        }
        return kinds[i].read(&reading, line, ret_input);
    }
    return refuse(&reading, MRI_REASON_ROW_FIELD, "kind", MRI_FACT_LINE_KINDS, line->kind);
}
