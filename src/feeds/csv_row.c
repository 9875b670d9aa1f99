/* SPDX-License-Identifier: MIT */
/*
 * Rows of candle files. Strict: what is not exactly a row of the format is refused with a reason.
 *
 * Invariants
 *  1. Prices are exact: read as decimal digits into scaled integers, never through a double.
 *  2. A number read as a double is the nearest one to its decimal text.
 *  3. A row that is accepted has 0 < low <= open, close <= high, volume >= 0, and opens on a full
 *     minute from 2000 to 2099.
 */
#include "feeds/csv_row.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/fixed.h"
#include "base/problem.h"
#include "feeds/csv_columns.h"

#define NS_PER_MS      INT64_C(1000000)
#define NS_PER_US      INT64_C(1000)
#define MINUTE_NS      (60 * INT64_C(1000000000))
#define FIRST_TIME_MS  INT64_C(946684800000)  /* 2000-01-01 */
#define BEYOND_TIME_MS INT64_C(4102444800000) /* 2100-01-01 */

/** From here on a time counts microseconds: in milliseconds it would be the year 5138. */
#define FIRST_US INT64_C(100000000000000)

enum {
    BARS_COLUMNS = 7,
    KLINES_COLUMNS = 12,
    EXACT_POWER_MAX = 22, /* 10^22 is the largest power of ten that a double holds exactly */
    MANTISSA_DIGITS_MAX = 19,
    EXPONENT_MAX = 9999,
    NUMBER_TEXT_BYTES = 128,
};

/** Where the columns of a format are; -1: it has none. */
struct layout {
    int count;
    int open_time;
    int symbol;
    int open; /* high, low, close, volume follow */
    int close_time;
};

static const struct layout bars_layout = {BARS_COLUMNS, 0, 1, 2, -1};
static const struct layout klines_layout = {KLINES_COLUMNS, 0, -1, 1, 6};

static const struct layout *layout_of(enum mri_csv_format format)
{
    MRI_ASSERT(format == MRI_CSV_BARS || format == MRI_CSV_KLINES);
    return format == MRI_CSV_BARS ? &bars_layout : &klines_layout;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_all_digits(struct mri_slice text)
{
    for (size_t i = 0; i < text.count; i++) {
        if (!is_digit(text.bytes[i])) {
            return false;
        }
    }
    return text.count > 0;
}

static bool is_bars_header(const struct mri_slice columns[static BARS_COLUMNS])
{
    static const char *const names[BARS_COLUMNS] = {
        "ts_ms", "symbol", "open", "high", "low", "close", "volume"};
    int same = 0;
    while (same < BARS_COLUMNS && mri_slice_is(columns[same], names[same])) {
        same++;
    }
    return same == BARS_COLUMNS;
}

enum mri_csv_format mri_csv_row_format(struct mri_slice line, bool *ret_is_header)
{
    struct mri_slice items[MRI_CSV_COLUMNS_MAX] = {{0}};
    struct mri_csv_columns columns = {.items = items, .items_max = MRI_CSV_COLUMNS_MAX};
    bool is_whole = mri_csv_columns_cut(&columns, line, NULL) == MR_OK;
    size_t count = is_whole ? columns.count : 0;
    *ret_is_header = true;
    if (count == BARS_COLUMNS && is_bars_header(items)) {
        return MRI_CSV_BARS;
    }
    if (count == KLINES_COLUMNS && mri_slice_is(items[0], "open_time") &&
        mri_slice_is(items[6], "close_time")) {
        return MRI_CSV_KLINES;
    }
    *ret_is_header = false;
    if (!is_all_digits(items[0])) {
        return MRI_CSV_UNKNOWN;
    }
    if (count == BARS_COLUMNS) {
        return MRI_CSV_BARS;
    }
    return count == KLINES_COLUMNS ? MRI_CSV_KLINES : MRI_CSV_UNDECIDED;
}

bool mri_csv_row_split(struct mri_slice line, enum mri_csv_format format,
    struct mri_slice columns[static MRI_CSV_COLUMNS_MAX], mr_problem *reterr_problem)
{
    struct mri_csv_columns cut = {.items = columns, .items_max = MRI_CSV_COLUMNS_MAX};
    size_t expected = (size_t)layout_of(format)->count;
    mr_err err = mri_csv_columns_cut(&cut, line, reterr_problem);
    if (err == MR_OK && cut.count != expected) {
        err = mri_problem(
            reterr_problem, MR_REFUSED, "expected %zu columns, found %zu", expected, cut.count);
    }
    return err == MR_OK;
}

void mri_csv_row_explain(struct mri_slice line, enum mri_csv_format format, mr_problem *ret_problem)
{
    static const char expected[] = "expected " MRI_CSV_BARS_HEADER
                                   " or the 12 columns of klines (open_time,open,high,low,close,"
                                   "volume,close_time,...)";
    struct mri_slice items[MRI_CSV_COLUMNS_MAX];
    struct mri_csv_columns columns = {.items = items, .items_max = MRI_CSV_COLUMNS_MAX};
    mr_problem quotes = {""};
    if (format == MRI_CSV_BARS || format == MRI_CSV_KLINES) {
        bool is_cut = mri_csv_row_split(line, format, items, ret_problem);
        MRI_ASSERT(!is_cut);
        return;
    }
    mr_err err = mri_csv_columns_cut(&columns, line, &quotes);
    if (err != MR_OK) {
        (void)mri_problem(
            ret_problem, err, "%s; found quotes that are wrong: %s", expected, quotes.text);
        return;
    }
    bool is_count = columns.count == BARS_COLUMNS || columns.count == KLINES_COLUMNS;
    (void)mri_problem(ret_problem, MR_REFUSED, "%s, found %zu column%s%s", expected, columns.count,
        columns.count == 1 ? "" : "s", is_count ? " of other names" : "");
}

struct mri_slice mri_csv_row_symbol(const struct mri_slice columns[static MRI_CSV_COLUMNS_MAX])
{
    return columns[bars_layout.symbol];
}

/** A decimal number: mantissa * 10^power. */
struct decimal {
    uint64_t mantissa;
    int64_t power;
    bool is_negative;
    bool is_cut; /* it has more digits than the mantissa holds */
};

/** Read digits with at most one point; where they end, NULL when there is no digit. */
static const char *read_mantissa(const char *at, const char *end, struct decimal *decimal)
{
    bool has_point = false;
    bool has_digit = false;
    int digits = 0; /* in the mantissa, without leading zeros */
    for (; at < end && (is_digit(*at) || (*at == '.' && !has_point)); at++) {
        if (*at == '.') {
            has_point = true;
            continue;
        }
        has_digit = true;
        bool has_room = digits < MANTISSA_DIGITS_MAX;
        if (has_room) {
            decimal->mantissa = decimal->mantissa * 10 + (uint64_t)(*at - '0');
            digits += decimal->mantissa != 0;
        }
        decimal->is_cut = decimal->is_cut || !has_room;
        decimal->power += (int)(!has_room) - (int)has_point;
    }
    return has_digit ? at : NULL;
}

/** Read "e-7"; where it ends, NULL when it has no digit or is absurd. */
static const char *read_exponent(const char *at, const char *end, struct decimal *decimal)
{
    at++; /* the e */
    bool is_negative = at < end && *at == '-';
    at += at < end && (*at == '-' || *at == '+');
    const char *first = at;
    int64_t exponent = 0;
    for (; at < end && is_digit(*at) && exponent <= EXPONENT_MAX; at++) {
        exponent = exponent * 10 + (*at - '0');
    }
    decimal->power += is_negative ? -exponent : exponent;
    return at == first || exponent > EXPONENT_MAX ? NULL : at;
}

static bool read_decimal(struct mri_slice text, struct decimal *ret_decimal)
{
    if (text.count == 0) {
        return false;
    }
    struct decimal decimal = {.is_negative = text.bytes[0] == '-'};
    const char *end = text.bytes + text.count;
    const char *at = read_mantissa(text.bytes + decimal.is_negative, end, &decimal);
    if (at != NULL && at < end && (*at == 'e' || *at == 'E')) {
        at = read_exponent(at, end, &decimal);
    }
    *ret_decimal = decimal;
    return at != NULL && at == end;
}

/** By the C library, which rounds correctly; the text is known to be a plain number. */
static bool read_slowly(struct mri_slice text, double *ret_number)
{
    char copy[NUMBER_TEXT_BYTES];
    if (text.count >= sizeof(copy)) {
        return false;
    }
    memcpy(copy, text.bytes, text.count);
    copy[text.count] = '\0';
    char *end;
    double number = strtod(copy, &end);
    bool is_read = end == copy + text.count && number - number == 0.0; /* not infinite */
    if (is_read) {
        *ret_number = number;
    }
    return is_read;
}

bool mri_csv_row_number(struct mri_slice text, double *ret_number)
{
    static const double powers[EXACT_POWER_MAX + 1] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8,
        1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    struct decimal decimal;
    if (!read_decimal(text, &decimal)) {
        return false;
    }
    bool is_exact = !decimal.is_cut && decimal.mantissa <= (UINT64_C(1) << 53) &&
                    decimal.power >= -EXACT_POWER_MAX && decimal.power <= EXACT_POWER_MAX;
    if (!is_exact) {
        return read_slowly(text, ret_number);
    }
    double number = (double)decimal.mantissa;
    number = decimal.power < 0 ? number / powers[-decimal.power] : number * powers[decimal.power];
    *ret_number = decimal.is_negative ? -number : number;
    return true;
}

/** An open time in ns; `unit_ns` is what the file counts in. */
struct bar_time {
    int64_t open_unix_ns;
    int64_t unit_ns;
};

static enum mri_reason read_time(struct mri_slice text, struct bar_time *ret_time)
{
    int64_t time;
    mr_err err = mri_fixed_parse(text, 0, &time);
    if (err != MR_OK) {
        return MRI_REASON_ROW_NUMBER;
    }
    bool is_us = time >= FIRST_US;
    int64_t time_ms = is_us ? time / 1000 : time;
    if (time_ms < FIRST_TIME_MS || time_ms >= BEYOND_TIME_MS) {
        return MRI_REASON_ROW_TIME;
    }
    ret_time->unit_ns = is_us ? NS_PER_US : NS_PER_MS;
    ret_time->open_unix_ns = time * ret_time->unit_ns;
    return ret_time->open_unix_ns % MINUTE_NS == 0 ? MRI_REASON_NONE : MRI_REASON_ROW_TIME;
}

/** Does a kline close one unit before the next minute begins? */
static enum mri_reason check_close_time(struct mri_slice text, const struct bar_time *time)
{
    int64_t close;
    mr_err err = mri_fixed_parse(text, 0, &close);
    if (err != MR_OK) {
        return MRI_REASON_ROW_NUMBER;
    }
    int64_t expected = (time->open_unix_ns + MINUTE_NS) / time->unit_ns - 1;
    return close == expected ? MRI_REASON_NONE : MRI_REASON_ROW_TIME;
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static enum mri_reason check_prices(const struct mri_feed_candle *candle)
{
    int64_t body_low = smaller(candle->open, candle->close);
    int64_t lowest = smaller(body_low, smaller(candle->low, candle->high));
    if (lowest <= 0 || candle->volume < 0.0) {
        return MRI_REASON_ROW_NOT_POSITIVE;
    }
    bool is_consistent =
        candle->high >= larger(candle->open, candle->close) && candle->low <= body_low;
    return is_consistent ? MRI_REASON_NONE : MRI_REASON_ROW_INCONSISTENT;
}

enum mri_reason mri_csv_row_parse(const struct mri_slice columns[static MRI_CSV_COLUMNS_MAX],
    enum mri_csv_format format, unsigned price_decimals, struct mri_csv_row *ret_row)
{
    const struct layout *layout = layout_of(format);
    int64_t prices[4]; /* open, high, low, close */
    struct bar_time time;
    enum mri_reason reason = read_time(columns[layout->open_time], &time);
    for (int i = 0; i < 4 && reason == MRI_REASON_NONE; i++) {
        mr_err err = mri_fixed_parse(columns[layout->open + i], price_decimals, &prices[i]);
        reason = err == MR_OK ? MRI_REASON_NONE : MRI_REASON_ROW_NUMBER;
    }
    double volume = 0.0;
    if (reason == MRI_REASON_NONE && !mri_csv_row_number(columns[layout->open + 4], &volume)) {
        reason = MRI_REASON_ROW_NUMBER;
    }
    if (reason == MRI_REASON_NONE && layout->close_time >= 0) {
        reason = check_close_time(columns[layout->close_time], &time);
    }
    if (reason != MRI_REASON_NONE) {
        return reason;
    }
    struct mri_feed_candle candle = {
        .duration_ns = MINUTE_NS,
        .open = prices[0],
        .high = prices[1],
        .low = prices[2],
        .close = prices[3],
        .volume = volume + 0.0, /* -0 becomes 0 */
    };
    reason = check_prices(&candle);
    if (reason == MRI_REASON_NONE) {
        *ret_row =
            (struct mri_csv_row){.time_unix_ns = time.open_unix_ns + MINUTE_NS, .candle = candle};
    }
    return reason;
}
