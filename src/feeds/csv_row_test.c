/* SPDX-License-Identifier: MIT */
/*
 * Single rows: formats, columns, numbers, reasons.
 */
#include "feeds/csv_row.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/prng.h"
#include "tests/lib/cmocka_all.h"

#define OPEN_MS    "1700000040000"
#define CLOSE_MS   "1700000099999"
#define OPEN_US    "1700000040000000"
#define CLOSE_US   "1700000099999999"
#define CLOSE_TIME INT64_C(1700000100000000000)

static enum mri_reason parse(const char *line, unsigned decimals, struct mri_csv_row *row)
{
    struct mri_slice columns[MRI_CSV_COLUMNS_MAX];
    bool is_header;
    enum mri_csv_format format = mri_csv_row_format(mri_slice_of(line), &is_header);
    assert_true(format == MRI_CSV_BARS || format == MRI_CSV_KLINES);
    assert_true(mri_csv_row_split(mri_slice_of(line), format, columns, NULL));
    return mri_csv_row_parse(columns, format, decimals, row);
}

static void the_first_line_tells_the_format(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        enum mri_csv_format format;
        bool is_header;
    } cases[] = {
        {MRI_CSV_BARS_HEADER, MRI_CSV_BARS, true},
        {"open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,"
         "taker_buy_quote_volume,ignore",
            MRI_CSV_KLINES, true},
        {OPEN_MS ",A,1,1,1,1,1", MRI_CSV_BARS, false},
        {OPEN_MS ",1,1,1,1,1," CLOSE_MS ",1,1,1,1,0", MRI_CSV_KLINES, false},
        {"\"ts_ms\",\"symbol\",\"open\",\"high\",\"low\",\"close\",\"volume\"", MRI_CSV_BARS, true},
        {"\"" OPEN_MS "\",\"A\",1,1,1,1,1", MRI_CSV_BARS, false},
        {OPEN_MS ",1", MRI_CSV_UNDECIDED, false},
        {OPEN_MS ",\"A,1,1,1,1,1", MRI_CSV_UNDECIDED, false}, /* the quote is not closed */
        {"\"" OPEN_MS ",A,1,1,1,1,1", MRI_CSV_UNKNOWN, false},
        {"ts_ms,symbol,open,close,high,low,volume", MRI_CSV_UNKNOWN, false}, /* other order */
        {"timestamp,open,high,low,close,volume", MRI_CSV_UNKNOWN, false},
        {"# exported yesterday", MRI_CSV_UNKNOWN, false},
        {"", MRI_CSV_UNKNOWN, false},
    };
    for (size_t i = 0; i < MRI_COUNT_OF(cases); i++) {
        bool is_header;
        assert_int_equal(
            mri_csv_row_format(mri_slice_of(cases[i].line), &is_header), cases[i].format);
        assert_int_equal(is_header, cases[i].is_header);
    }
}

static void a_row_has_exactly_the_columns_of_its_format(void **state)
{
    (void)state;
    struct mri_slice columns[MRI_CSV_COLUMNS_MAX];
    assert_true(mri_csv_row_split(mri_slice_of(",,,,,,"), MRI_CSV_BARS, columns, NULL));
    assert_false(mri_csv_row_split(mri_slice_of(",,,,,"), MRI_CSV_BARS, columns, NULL));
    assert_false(mri_csv_row_split(mri_slice_of(",,,,,,,"), MRI_CSV_BARS, columns, NULL));
    assert_true(
        mri_csv_row_split(mri_slice_of("a,b,c,d,e,f,g,h,i,j,k,l"), MRI_CSV_KLINES, columns, NULL));
    assert_true(mri_slice_is(columns[11], "l"));
    assert_false(mri_csv_row_split(mri_slice_of(",,,,,,,,,,,,,,,"), MRI_CSV_KLINES, columns, NULL));
}

static void a_quoted_column_is_the_same_without_its_quotes(void **state)
{
    (void)state;
    struct mri_csv_row plain;
    struct mri_csv_row quoted;
    struct mri_slice columns[MRI_CSV_COLUMNS_MAX];
    mr_problem problem = {""};
    assert_int_equal(parse(OPEN_MS ",A,1,2,1,2,3", 0, &plain), MRI_REASON_NONE);
    assert_int_equal(
        parse("\"" OPEN_MS "\",\"A\",\"1\",2,\"1\",2,\"3\"", 0, &quoted), MRI_REASON_NONE);
    assert_memory_equal(&plain, &quoted, sizeof(plain));
    assert_false(
        mri_csv_row_split(mri_slice_of("1,\"A\"x,1,1,1,1,1"), MRI_CSV_BARS, columns, &problem));
    assert_non_null(strstr(problem.text, "character 6: "));
    assert_false(mri_csv_row_split(mri_slice_of("1,A,1"), MRI_CSV_BARS, columns, &problem));
    assert_string_equal(problem.text, "expected 7 columns, found 3");
}

static void a_line_of_no_known_format_is_told_what_was_expected(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        enum mri_csv_format format;
        const char *said;
    } cases[] = {
        {"time,open,high,low,close,volume", MRI_CSV_UNKNOWN, ", found 6 columns"},
        {"time,symbol,open,high,low,close,volume", MRI_CSV_UNKNOWN,
            ", found 7 columns of other names"},
        {"hello", MRI_CSV_UNKNOWN, ", found 1 column"},
        {OPEN_MS ",1", MRI_CSV_UNDECIDED, ", found 2 columns"},
        {OPEN_MS ",\"A,1", MRI_CSV_UNDECIDED, "; found quotes that are wrong: character 15: "},
    };
    for (size_t i = 0; i < MRI_COUNT_OF(cases); i++) {
        mr_problem problem = {""};
        mri_csv_row_explain(mri_slice_of(cases[i].line), cases[i].format, &problem);
        assert_ptr_equal(
            strstr(problem.text, "expected " MRI_CSV_BARS_HEADER " or the 12 columns of klines"),
            problem.text);
        const char *said = strstr(problem.text, cases[i].said);
        assert_non_null(said);
        assert_true(strchr(cases[i].said, ':') != NULL || strlen(said) == strlen(cases[i].said));
    }
    mr_problem problem = {""};
    mri_csv_row_explain(mri_slice_of("1,A"), MRI_CSV_BARS, &problem);
    assert_string_equal(problem.text, "expected 7 columns, found 2");
}

static void a_bar_is_exact_and_timed_at_its_close(void **state)
{
    (void)state;
    static const char *const lines[] = {
        OPEN_MS ",A,0.07,0.0800,0.06,.0700000,1234.5",
        OPEN_MS ",0.07,0.08,0.06,0.07,1234.5," CLOSE_MS ",8.6,4,1.5,6.2,0",
        OPEN_US ",0.07,0.08,0.06,0.07,1.2345e3," CLOSE_US ",8.6,4,1.5,6.2,0",
    };
    for (size_t i = 0; i < MRI_COUNT_OF(lines); i++) {
        struct mri_csv_row row;
        assert_int_equal(parse(lines[i], 4, &row), MRI_REASON_NONE);
        assert_int_equal(row.time_unix_ns, CLOSE_TIME);
        assert_int_equal(row.candle.duration_ns, INT64_C(60000000000));
        assert_int_equal(row.candle.open, 700);
        assert_int_equal(row.candle.high, 800);
        assert_int_equal(row.candle.low, 600);
        assert_int_equal(row.candle.close, 700);
        assert_true(row.candle.volume == 1234.5);
    }
}

static void every_bad_row_has_its_reason(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        enum mri_reason reason;
    } cases[] = {
        {OPEN_MS ",A,1,1,1,1,0", MRI_REASON_NONE},
        {OPEN_MS ",A,1,1,1,1,-0", MRI_REASON_NONE},
        {OPEN_MS ",A,1.00000,1,1,1,0", MRI_REASON_NONE},
        {OPEN_MS ",A,1.00001,2,1,1,0", MRI_REASON_ROW_NUMBER}, /* five decimals */
        {OPEN_MS ",A,,1,1,1,0", MRI_REASON_ROW_NUMBER},
        {OPEN_MS ",A,1,nan,1,1,0", MRI_REASON_ROW_NUMBER},
        {OPEN_MS ",A,1,inf,1,1,0", MRI_REASON_ROW_NUMBER},
        {OPEN_MS ",A,1,1e3,1,1,0", MRI_REASON_ROW_NUMBER},
        {OPEN_MS ",A, 1,1,1,1,0", MRI_REASON_ROW_NUMBER},
        {OPEN_MS ",A,1\"1\",1,1,1,0", MRI_REASON_ROW_NUMBER},
        {OPEN_MS ",A,0x1,1,1,1,0", MRI_REASON_ROW_NUMBER},
        {OPEN_MS ",A,1,99999999999999999999,1,1,0", MRI_REASON_ROW_NUMBER},
        {OPEN_MS ",A,1,1,1,1,", MRI_REASON_ROW_NUMBER},
        {OPEN_MS ",A,1,1,1,1,NaN", MRI_REASON_ROW_NUMBER},
        {OPEN_MS ",A,1,1,1,1,1e999", MRI_REASON_ROW_NUMBER},
        {OPEN_MS ",A,0,1,1,1,0", MRI_REASON_ROW_NOT_POSITIVE},
        {OPEN_MS ",A,1,1,0.0000,1,0", MRI_REASON_ROW_NOT_POSITIVE},
        {OPEN_MS ",A,-1,1,-1,1,0", MRI_REASON_ROW_NOT_POSITIVE},
        {OPEN_MS ",A,1,1,1,1,-0.5", MRI_REASON_ROW_NOT_POSITIVE},
        {OPEN_MS ",A,2,1,1,1,0", MRI_REASON_ROW_INCONSISTENT},
        {OPEN_MS ",A,1,1,1,2,0", MRI_REASON_ROW_INCONSISTENT},
        {OPEN_MS ",A,1,3,2,2,0", MRI_REASON_ROW_INCONSISTENT},
        {OPEN_MS ",A,2,3,2,1,0", MRI_REASON_ROW_INCONSISTENT},
        {OPEN_MS ",A,2,1,3,2,0", MRI_REASON_ROW_INCONSISTENT},
        {"1700000040001,A,1,1,1,1,0", MRI_REASON_ROW_TIME},
        {"1700000041000,A,1,1,1,1,0", MRI_REASON_ROW_TIME},
        {"1700000040,A,1,1,1,1,0", MRI_REASON_ROW_TIME}, /* seconds: 1970 */
        {"946684740000,A,1,1,1,1,0", MRI_REASON_ROW_TIME},
        {"946684800000,A,1,1,1,1,0", MRI_REASON_NONE},
        {"4102444740000,A,1,1,1,1,0", MRI_REASON_NONE},
        {"4102444800000,A,1,1,1,1,0", MRI_REASON_ROW_TIME},
        {"9223372036854775807,A,1,1,1,1,0", MRI_REASON_ROW_TIME},
        {"9223372036854775808,A,1,1,1,1,0", MRI_REASON_ROW_NUMBER},
        {OPEN_MS ",1,1,1,1,0," CLOSE_MS ",x,x,x,x,x", MRI_REASON_NONE}, /* not looked at */
        {OPEN_MS ",1,1,1,1,0," CLOSE_US ",,,,,", MRI_REASON_ROW_TIME},
        {OPEN_MS ",1,1,1,1,0,1700000339999,,,,,", MRI_REASON_ROW_TIME}, /* five minutes */
        {OPEN_MS ",1,1,1,1,0,1700000100000,,,,,", MRI_REASON_ROW_TIME},
        {OPEN_MS ",1,1,1,1,0,,,,,,", MRI_REASON_ROW_NUMBER},
    };
    for (size_t i = 0; i < MRI_COUNT_OF(cases); i++) {
        struct mri_csv_row row;
        enum mri_reason reason = parse(cases[i].line, 4, &row);
        if (reason != cases[i].reason) {
            fail_msg("%s: %s", cases[i].line, mri_word_text(MRI_VOCABULARY_reason, reason));
        }
    }
}

static void assert_number(const char *text)
{
    double number = 0.0;
    double expected = strtod(text, NULL);
    if (!mri_csv_row_number(mri_slice_of(text), &number) || number != expected) {
        fail_msg("%s: %.17g instead of %.17g", text, number, expected);
    }
}

static void a_number_is_the_nearest_double(void **state)
{
    (void)state;
    static const char *const texts[] = {"0", "-0", "1", "-1.5", ".5", "5.", "0.1", "1e22", "1e23",
        "1E-22", "9007199254740992", "9007199254740993", "9007199254740993.00000001",
        "18446744073709551615", "18446744073709551616", "0.30000000000000004", "1e308", "5e-324",
        "1e-400", "123456789012345678901234567890", "0.00000000000000000000000000000000001",
        "00000000000000000000000000000000000000000000000000000000000001.5",
        "2.2250738585072011e-308", "1e+5"};
    for (size_t i = 0; i < MRI_COUNT_OF(texts); i++) {
        assert_number(texts[i]);
    }
    struct mri_prng prng;
    mri_prng_init(&prng, 3);
    for (int i = 0; i < 200000; i++) {
        char text[64];
        unsigned long long digits = mri_prng_next(&prng) >> mri_prng_below(&prng, 64);
        if (mri_prng_below(&prng, 2) == 0) {
            (void)snprintf(text, sizeof(text), "%llu.%07llu", digits >> 20, digits & 0xfffff);
        } else {
            (void)snprintf(
                text, sizeof(text), "%llue%d", digits, (int)mri_prng_below(&prng, 60) - 30);
        }
        assert_number(text);
    }
}

static void what_is_not_a_number_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "-", ".", "-.", "+1", "1 ", " 1", "1,", "1.2.3", "e5",
        "1e", "1e+", "1e1.5", "--1", "inf", "-nan", "infinity", "0x10", "1e309", "1e99999", "1_000",
        "1e5x"};
    for (size_t i = 0; i < MRI_COUNT_OF(texts); i++) {
        double number;
        if (mri_csv_row_number(mri_slice_of(texts[i]), &number)) {
            fail_msg("%s was read", texts[i]);
        }
    }
    double number;
    assert_false(mri_csv_row_number((struct mri_slice){0}, &number));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_line_tells_the_format),
        cmocka_unit_test(a_row_has_exactly_the_columns_of_its_format),
        cmocka_unit_test(a_quoted_column_is_the_same_without_its_quotes),
        cmocka_unit_test(a_line_of_no_known_format_is_told_what_was_expected),
        cmocka_unit_test(a_bar_is_exact_and_timed_at_its_close),
        cmocka_unit_test(every_bad_row_has_its_reason),
        cmocka_unit_test(a_number_is_the_nearest_double),
        cmocka_unit_test(what_is_not_a_number_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
