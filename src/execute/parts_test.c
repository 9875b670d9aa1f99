/* SPDX-License-Identifier: MIT */
/*
 * Sums of fills: the mean is exact, rounds half away from zero once, and what does not fit is said.
 */
#include "execute/parts.h"

#include "base/prng.h"
#include "tests/lib/cmocka_all.h"

__extension__ typedef __int128 wide;

static int64_t mean_of(const int64_t (*fills)[2], unsigned count)
{
    struct mri_fill_sum sum = {0};
    int64_t price = 0;
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(mri_parts_add(&sum, fills[i][0], fills[i][1], 1), MR_OK);
    }
    assert_int_equal(sum.fee_e8, count);
    assert_int_equal(mri_parts_price(&sum, &price), MR_OK);
    return price;
}

static void the_mean_is_weighted_by_quantity_and_rounds_half_away_from_zero(void **fixture)
{
    (void)fixture;
    assert_int_equal(mean_of((const int64_t[][2]){{7, 10001}}, 1), 10001);
    assert_int_equal(mean_of((const int64_t[][2]){{3, 100}, {1, 104}}, 2), 101);
    assert_int_equal(mean_of((const int64_t[][2]){{1, 100}, {1, 101}}, 2), 101);
    assert_int_equal(mean_of((const int64_t[][2]){{2, 100}, {1, 101}}, 2), 100);
    assert_int_equal(mean_of((const int64_t[][2]){{1, 100}, {2, 101}}, 2), 101);
    assert_int_equal(mean_of((const int64_t[][2]){{1, -100}, {1, -101}}, 2), -101);
}

static void parts_of_one_price_have_it_as_their_mean_whatever_their_size(void **fixture)
{
    (void)fixture;
    struct mri_prng prng;
    mri_prng_init(&prng, 5);
    for (unsigned i = 0; i < 2000; i++) {
        struct mri_fill_sum sum = {0};
        int64_t price = 1 + (int64_t)mri_prng_below(&prng, 100000000000000000u);
        int64_t found;
        unsigned count = 1 + (unsigned)mri_prng_below(&prng, 9);
        for (unsigned k = 0; k < count; k++) {
            int64_t quantity = 1 + (int64_t)mri_prng_below(&prng, 1000000000000000000u);
            assert_int_equal(mri_parts_add(&sum, quantity, price, 0), MR_OK);
        }
        assert_int_equal(mri_parts_price(&sum, &found), MR_OK);
        assert_true(found == price);
    }
}

static void sums_join_as_if_their_fills_were_added(void **fixture)
{
    (void)fixture;
    struct mri_fill_sum first = {0};
    struct mri_fill_sum second = {0};
    int64_t price;
    assert_int_equal(mri_parts_add(&first, 1000000007, 99999999999999997, 3), MR_OK);
    assert_int_equal(mri_parts_add(&second, 1000000009, 99999999999999991, -5), MR_OK);
    assert_int_equal(mri_parts_join(&first, &second), MR_OK);
    assert_int_equal(first.quantity, 2000000016);
    assert_int_equal(first.fee_e8, -2);
    assert_int_equal(mri_parts_price(&first, &price), MR_OK);
    wide value = (wide)1000000007 * 99999999999999997 + (wide)1000000009 * 99999999999999991;
    assert_true(price == (int64_t)((2 * value + first.quantity) / (2 * (wide)first.quantity)));
}

static void a_sum_that_does_not_fit_changes_nothing(void **fixture)
{
    (void)fixture;
    struct mri_fill_sum sum = {0};
    assert_int_equal(mri_parts_add(&sum, INT64_MAX - 1, 5, 0), MR_OK);
    const struct mri_fill_sum before = sum;
    assert_int_equal(mri_parts_add(&sum, 2, 5, 0), MR_ERANGE);
    assert_memory_equal(&sum, &before, sizeof(sum));
    assert_int_equal(mri_parts_add(&sum, 1, 5, INT64_MAX), MR_OK);
    const struct mri_fill_sum costly = sum;
    assert_int_equal(mri_parts_add(&sum, -1, 5, 1), MR_ERANGE);
    assert_memory_equal(&sum, &costly, sizeof(sum));
    sum = (struct mri_fill_sum){.quantity = 1};
    assert_int_equal(mri_parts_add(&sum, 1, INT64_MAX, 0), MR_OK);
    assert_int_equal(mri_parts_add(&sum, -1, -INT64_MAX, 0), MR_OK);
    int64_t price;
    assert_int_equal(sum.quantity, 1);
    assert_int_equal(mri_parts_price(&sum, &price), MR_ERANGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_mean_is_weighted_by_quantity_and_rounds_half_away_from_zero),
        cmocka_unit_test(parts_of_one_price_have_it_as_their_mean_whatever_their_size),
        cmocka_unit_test(sums_join_as_if_their_fills_were_added),
        cmocka_unit_test(a_sum_that_does_not_fit_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
