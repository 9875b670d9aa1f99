/* SPDX-License-Identifier: MIT */
/*
 * Tests of signal ids: the text form is a strict round trip.
 */
#include "base/ident.h"

#include <string.h>

#include "base/prng.h"
#include "tests/lib/cmocka_all.h"

static bool is_same(const struct mri_ident *a, const struct mri_ident *b)
{
    return mri_slice_equal(a->symbol, b->symbol) && a->time_unix_ms == b->time_unix_ms &&
           a->ordinal.n == b->ordinal.n;
}

static void every_id_parses_back(void **fixture)
{
    (void)fixture;
    static const char letters[] = "ABCXYZ0189_-./ab";
    struct mri_prng prng;
    mri_prng_init(&prng, 1);
    for (int i = 0; i < 100000; i++) {
        char symbol[MRI_SYMBOL_BYTES_MAX];
        size_t bytes = 1 + mri_prng_below(&prng, MRI_SYMBOL_BYTES_MAX);
        for (size_t k = 0; k < bytes; k++) {
            symbol[k] = letters[mri_prng_below(&prng, sizeof(letters) - 1)];
        }
        struct mri_ident ident = {
            .symbol = {symbol, bytes},
            .time_unix_ms = (int64_t)(mri_prng_next(&prng) >> mri_prng_below(&prng, 64)),
            .ordinal = {1 + (uint32_t)(mri_prng_next(&prng) >> (33 + mri_prng_below(&prng, 31)))},
        };
        ident.time_unix_ms = (int64_t)((uint64_t)ident.time_unix_ms % 9223372036855u);
        char text[MRI_IDENT_BYTES];
        struct mri_ident again;
        assert_int_equal(
            mri_ident_parse(mri_slice_of(mri_ident_format(&ident, text)), &again), MR_OK);
        assert_true(is_same(&ident, &again));
    }
}

static void the_form_is_symbol_milliseconds_hex(void **fixture)
{
    (void)fixture;
    char text[MRI_IDENT_BYTES];
    const struct mri_ident ident = {
        .symbol = mri_slice_of("BTCUSDT"), .time_unix_ms = 1746372900000, .ordinal = {42}};
    assert_string_equal(mri_ident_format(&ident, text), "BTCUSDT_1746372900000_0000002a");
}

static void what_is_no_usual_id_is_written_all_the_same(void **fixture)
{
    (void)fixture;
    char text[MRI_IDENT_BYTES];
    struct mri_ident ident = {
        .symbol = mri_slice_of("A"), .time_unix_ms = -5, .ordinal = {UINT32_MAX}};
    assert_string_equal(mri_ident_format(&ident, text), "A_-5_ffffffff");
    ident.time_unix_ms = 0;
    assert_string_equal(mri_ident_format(&ident, text), "A_0_ffffffff");
    ident.time_unix_ms = INT64_MAX;
    assert_string_equal(mri_ident_format(&ident, text), "A_9223372036854775807_ffffffff");
}

static void a_text_that_would_be_written_otherwise_is_refused(void **fixture)
{
    (void)fixture;
    static const char *const texts[] = {
        "", "_", "__", "BTCUSDT", "BTCUSDT_1746372900000", "BTCUSDT_1746372900000_",
        "BTCUSDT_1746372900000_2a", "BTCUSDT_1746372900000_00000000",
        "BTCUSDT_1746372900000_0000002A", "BTCUSDT_1746372900000_00000002a",
        "BTCUSDT_1746372900000_1ffffffff", "BTCUSDT_01746372900000_0000002a",
        "BTCUSDT_-1746372900000_0000002a", "BTCUSDT_+1746372900000_0000002a",
        "BTCUSDT_17463729e0000_0000002a", "BTCUSDT__0000002a", "_1746372900000_0000002a",
        "BTCUSDT_99999999999999999999_0000002a", "BTCUSDT_1746372900000_0000002a ",
        " BTCUSDT_1746372900000_0000002", "BTCUSDT_1746372900000_0000002a_",
        "ABCDEFGHIJABCDEFGHIJABCDEFGHIJABC_1746372900000_0000002a", /* 33 bytes of symbol */
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct mri_ident ident = {.time_unix_ms = 77};
        assert_int_equal(mri_ident_parse(mri_slice_of(texts[i]), &ident), MR_REFUSED);
        assert_int_equal(ident.time_unix_ms, 77);
    }
    struct mri_ident ident;
    assert_int_equal(
        mri_ident_parse((struct mri_slice){"B\0T_1_0000002a", 14}, &ident), MR_REFUSED);
}

static void no_other_text_means_the_same_id(void **fixture)
{
    (void)fixture;
    char text[] = "ETH_1746372900000_0000002a";
    size_t bytes = strlen(text);
    struct mri_ident original;
    assert_int_equal(mri_ident_parse(mri_slice_of(text), &original), MR_OK);
    for (size_t at = 0; at < bytes; at++) {
        char kept = text[at];
        for (int c = 0; c < 256; c++) {
            text[at] = (char)c;
            struct mri_ident other;
            mr_err err = mri_ident_parse((struct mri_slice){text, bytes}, &other);
            if (err == MR_OK && c != (unsigned char)kept) {
                bool is_equal = other.time_unix_ms == original.time_unix_ms &&
                                other.ordinal.n == original.ordinal.n && at > 2;
                assert_false(is_equal);
            }
        }
        text[at] = kept;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_id_parses_back),
        cmocka_unit_test(the_form_is_symbol_milliseconds_hex),
        cmocka_unit_test(what_is_no_usual_id_is_written_all_the_same),
        cmocka_unit_test(a_text_that_would_be_written_otherwise_is_refused),
        cmocka_unit_test(no_other_text_means_the_same_id),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
