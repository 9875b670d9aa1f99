/* SPDX-License-Identifier: MIT */
/*
 * Tests of the table of results.
 */
#include "millrace/err.h"

#include <string.h>

#include "base/check.h"
#include "tests/lib/cmocka_all.h"

static const mr_err all[] = {
#define ERR_VALUE(name, value, text) name,
    MR_ERR_MAP(ERR_VALUE)
#undef ERR_VALUE
};

static void every_result_has_a_name_and_a_text_of_its_own(void **fixture)
{
    (void)fixture;
    for (size_t i = 0; i < MRI_COUNT_OF(all); i++) {
        assert_string_not_equal(mr_err_name(all[i]), "MR_?");
        assert_string_not_equal(mr_err_text(all[i]), "unknown result");
        for (size_t k = 0; k < i; k++) {
            assert_string_not_equal(mr_err_name(all[i]), mr_err_name(all[k]));
            assert_string_not_equal(mr_err_text(all[i]), mr_err_text(all[k]));
            assert_int_not_equal(all[i], all[k]);
        }
    }
}

static void faults_are_negative_and_conditions_positive(void **fixture)
{
    (void)fixture;
    for (size_t i = 0; i < MRI_COUNT_OF(all); i++) {
        bool is_fault =
            strncmp(mr_err_name(all[i]), "MR_E", 4) == 0 && all[i] != MR_END && all[i] != MR_EXISTS;
        assert_int_equal(is_fault, all[i] < 0);
    }
    assert_int_equal(MR_OK, 0);
}

static void a_value_outside_the_table_has_a_text_too(void **fixture)
{
    (void)fixture;
    assert_string_equal(mr_err_name((mr_err)99), "MR_?");
    assert_string_equal(mr_err_text((mr_err)-99), "unknown result");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_result_has_a_name_and_a_text_of_its_own),
        cmocka_unit_test(faults_are_negative_and_conditions_positive),
        cmocka_unit_test(a_value_outside_the_table_has_a_text_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
