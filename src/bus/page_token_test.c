/* SPDX-License-Identifier: MIT */
/*
 * Tests of tokens of pages.
 */
#include "bus/page_token.h"

#include <stdio.h>

#include "tests/lib/cmocka_all.h"

static const mr_log_token moment = {.writer_epoch = 3, .seq = 12345, .synced_seq = 12000};

static void a_token_is_taken_apart_into_what_it_was_made_of(void **fixture)
{
    char text[MRI_PAGE_TOKEN_BYTES];
    char named[MR_LOG_TOKEN_BYTES];
    struct mri_slice found;
    uint32_t ordinal = 0;
    (void)fixture;
    assert_int_equal(
        mri_page_token_parse(mri_page_token_text(&moment, UINT32_MAX, text), &found, &ordinal),
        MR_OK);
    assert_true(mri_slice_is(found, mr_log_token_text(&moment, named)));
    assert_int_equal(ordinal, UINT32_MAX);
}

static void a_number_alone_is_a_signal_of_no_moment(void **fixture)
{
    struct mri_slice found;
    uint32_t ordinal = 0;
    (void)fixture;
    assert_int_equal(mri_page_token_parse("8123", &found, &ordinal), MR_OK);
    assert_int_equal(ordinal, 8123);
    assert_int_equal(found.count, 0);
}

static void what_may_be_an_id_is_no_token(void **fixture)
{
    static const char *const ids[] = {"BTC/USD_1_00000001", "BTCUSD_1_00000001", "", "0", "-1",
        "4294967296", "8123x", "x/8123", "/8123", "/"};
    struct mri_slice found;
    uint32_t ordinal;
    (void)fixture;
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        assert_int_equal(mri_page_token_parse(ids[i], &found, &ordinal), MR_NOT_FOUND);
    }
}

static void a_moment_without_a_signal_is_refused(void **fixture)
{
    static const char *const ends[] = {"", "/", "/0", "/-1", "/x", "/4294967296", "/1x"};
    char named[MR_LOG_TOKEN_BYTES];
    char text[MRI_PAGE_TOKEN_BYTES];
    struct mri_slice found;
    uint32_t ordinal;
    (void)fixture;
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        (void)snprintf(text, sizeof(text), "%s%s", mr_log_token_text(&moment, named), ends[i]);
        assert_int_equal(mri_page_token_parse(text, &found, &ordinal), MR_REFUSED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_is_taken_apart_into_what_it_was_made_of),
        cmocka_unit_test(a_number_alone_is_a_signal_of_no_moment),
        cmocka_unit_test(what_may_be_an_id_is_no_token),
        cmocka_unit_test(a_moment_without_a_signal_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
