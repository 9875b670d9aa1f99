/* SPDX-License-Identifier: MIT */
/*
 * Tests of rolling windows against a recomputation of every window from the whole series.
 */
#include "base/rolling.h"

#include <math.h>
#include <string.h>

#include "base/exact_math.h"
#include "base/prng.h"
#include "tests/lib/cmocka_all.h"

enum { SERIES = 700 };

/** What pandas would say of the last `slots` of `count` values. */
struct naive {
    unsigned present;
    long double mean;
    long double variance;
    long double spread; /* largest distance between two values of two windows */
};

static struct naive look(const double *series, size_t count, size_t slots)
{
    struct naive naive = {0};
    size_t from = count > slots ? count - slots : 0;
    long double sum = 0.0L;
    for (size_t i = from; i < count; i++) {
        if (isfinite(series[i])) {
            naive.present++;
            sum += (long double)series[i];
        }
    }
    naive.mean = sum / naive.present;
    for (size_t i = from; i < count; i++) {
        if (isfinite(series[i])) {
            long double difference = (long double)series[i] - naive.mean;
            naive.variance += difference * difference;
        }
    }
    naive.variance /= naive.present - 1.0L;
    double low = HUGE_VAL;
    double high = -HUGE_VAL;
    for (size_t i = count > 2 * slots ? count - 2 * slots : 0; i < count; i++) {
        low = isfinite(series[i]) && series[i] < low ? series[i] : low;
        high = isfinite(series[i]) && series[i] > high ? series[i] : high;
    }
    naive.spread = (long double)high - (long double)low;
    return naive;
}

static double next_value(struct mri_prng *prng, int flavour, double before)
{
    if (mri_prng_below(prng, 6) == 0) {
        return mri_prng_below(prng, 4) == 0 ? HUGE_VAL : mri_nan();
    }
    switch (flavour) {
    case 0:
        return mri_prng_normal(prng);
    case 1: /* a price far from zero */
        return (isfinite(before) ? before : 60000.0) + mri_prng_normal(prng);
    case 2: /* volumes with rare giants */
        return mri_prng_below(prng, 50) == 0 ? 1e6 : mri_prng_uniform(prng);
    default: /* steps of equal values */
        return (double)mri_prng_below(prng, 3);
    }
}

static void it_equals_a_recomputation_of_every_window(void **fixture)
{
    (void)fixture;
    struct mri_prng prng;
    mri_prng_init(&prng, 1);
    for (int round = 0; round < 120; round++) {
        struct mri_rolling rolling;
        double series[SERIES];
        uint32_t slots = 1 + (uint32_t)mri_prng_below(&prng, 60);
        uint32_t least = (uint32_t)mri_prng_below(&prng, slots + 1);
        assert_int_equal(mri_rolling_init(&rolling, mri_alloc_system(), slots), MR_OK);
        for (size_t count = 1; count <= SERIES; count++) {
            double value = next_value(&prng, round % 4, count > 1 ? series[count - 2] : 60000.0);
            series[count - 1] = value;
            mri_rolling_push(&rolling, value);
            struct naive naive = look(series, count, slots);
            assert_int_equal(rolling.present, naive.present);
            double mean = mri_rolling_mean(&rolling, least);
            double variance = mri_rolling_variance(&rolling, least);
            bool has_mean = naive.present >= least && naive.present > 0;
            bool has_variance = naive.present >= least && naive.present > 1;
            assert_int_equal(isnan(mean), !has_mean);
            assert_int_equal(isnan(variance), !has_variance);
            long double unit = 1e-15L * slots * naive.spread;
            assert_true(!has_mean ||
                        fabsl((long double)mean - naive.mean) <= unit + 3e-16L * fabsl(naive.mean));
            assert_true(!has_variance ||
                        (variance >= 0.0 && fabsl((long double)variance - naive.variance) <=
                                                unit * naive.spread * 4));
        }
        mri_rolling_fini(&rolling, mri_alloc_system());
    }
}

static void values_are_found_by_age(void **fixture)
{
    (void)fixture;
    struct mri_rolling rolling;
    assert_int_equal(mri_rolling_init(&rolling, mri_alloc_system(), 5), MR_OK);
    assert_true(isnan(mri_rolling_at(&rolling, 0)));
    for (int i = 0; i < 23; i++) {
        mri_rolling_push(&rolling, i % 4 == 3 ? mri_nan() : i);
        for (int age = 0; age < 8; age++) {
            int index = i - age;
            bool is_there = age < 5 && index >= 0 && index % 4 != 3;
            double value = mri_rolling_at(&rolling, (uint32_t)age);
            assert_true(is_there ? value == index : isnan(value));
        }
    }
    mri_rolling_fini(&rolling, mri_alloc_system());
}

static void extremes_need_every_slot(void **fixture)
{
    (void)fixture;
    struct mri_rolling rolling;
    struct mri_prng prng;
    double series[SERIES];
    mri_prng_init(&prng, 2);
    assert_int_equal(mri_rolling_init(&rolling, mri_alloc_system(), 20), MR_OK);
    for (int count = 1; count <= SERIES; count++) {
        series[count - 1] = mri_prng_below(&prng, 20) == 0 ? mri_nan() : mri_prng_normal(&prng);
        mri_rolling_push(&rolling, series[count - 1]);
        uint32_t from = (uint32_t)mri_prng_below(&prng, 22);
        uint32_t to = from + (uint32_t)mri_prng_below(&prng, 10);
        double high = -HUGE_VAL;
        double low = HUGE_VAL;
        bool is_whole = true;
        for (uint32_t age = from; age <= to; age++) {
            bool is_there = age < 20 && (int)age < count && !isnan(series[count - 1 - (int)age]);
            is_whole = is_whole && is_there;
            high = is_there ? fmax(high, series[count - 1 - (int)age]) : high;
            low = is_there ? fmin(low, series[count - 1 - (int)age]) : low;
        }
        double largest = mri_rolling_extreme(&rolling, from, to, 1);
        double smallest = mri_rolling_extreme(&rolling, from, to, -1);
        assert_true(is_whole ? largest == high : isnan(largest));
        assert_true(is_whole ? smallest == low : isnan(smallest));
    }
    mri_rolling_fini(&rolling, mri_alloc_system());
}

static void equal_values_have_no_variance_at_all(void **fixture)
{
    (void)fixture;
    struct mri_rolling rolling;
    assert_int_equal(mri_rolling_init(&rolling, mri_alloc_system(), 7), MR_OK);
    mri_rolling_push(&rolling, 12345.678);
    for (int i = 0; i < 7; i++) {
        mri_rolling_push(&rolling, 0.1);
    }
    for (int i = 0; i < 100; i++) {
        mri_rolling_push(&rolling, 0.1);
        if (i >= 7) { /* the sums were computed afresh without the first value */
            assert_true(mri_rolling_variance(&rolling, 2) == 0.0);
            assert_true(mri_rolling_mean(&rolling, 1) == 0.1);
        }
    }
    mri_rolling_fini(&rolling, mri_alloc_system());
}

static void a_saved_window_continues_with_the_same_bits(void **fixture)
{
    (void)fixture;
    struct mri_prng prng;
    mri_prng_init(&prng, 3);
    for (int round = 0; round < 200; round++) {
        struct mri_rolling kept;
        struct mri_rolling loaded;
        struct mri_buf saved;
        uint32_t slots = 1 + (uint32_t)mri_prng_below(&prng, 30);
        assert_int_equal(mri_rolling_init(&kept, mri_alloc_system(), slots), MR_OK);
        assert_int_equal(mri_rolling_init(&loaded, mri_alloc_system(), slots), MR_OK);
        mri_buf_init(&saved, mri_alloc_system(), 10000);
        for (uint64_t i = mri_prng_below(&prng, 80); i > 0; i--) {
            mri_rolling_push(&kept, next_value(&prng, 1, mri_nan()));
        }
        mri_rolling_save(&kept, &saved);
        struct mri_unpack unpack;
        mri_unpack_init(&unpack, saved.bytes, saved.count);
        mri_rolling_load(&loaded, &unpack);
        assert_int_equal(mri_unpack_end(&unpack), MR_OK);
        for (int i = 0; i < 70; i++) {
            double value = next_value(&prng, 1, mri_nan());
            mri_rolling_push(&kept, value);
            mri_rolling_push(&loaded, value);
            double a[] = {mri_rolling_mean(&kept, 1), mri_rolling_variance(&kept, 1)};
            double b[] = {mri_rolling_mean(&loaded, 1), mri_rolling_variance(&loaded, 1)};
            assert_memory_equal(a, b, sizeof(a));
        }
        mri_rolling_fini(&kept, mri_alloc_system());
        mri_rolling_fini(&loaded, mri_alloc_system());
        mri_buf_fini(&saved);
    }
}

static void a_damaged_snapshot_is_not_taken(void **fixture)
{
    (void)fixture;
    struct mri_rolling rolling;
    struct mri_buf saved;
    assert_int_equal(mri_rolling_init(&rolling, mri_alloc_system(), 4), MR_OK);
    mri_buf_init(&saved, mri_alloc_system(), 1000);
    mri_rolling_push(&rolling, 1.0);
    mri_rolling_save(&rolling, &saved);
    for (size_t field = 0; field < 4; field++) { /* slots, next, pushed, present */
        uint32_t bad = 5;
        uint8_t bytes[200];
        struct mri_unpack unpack;
        memcpy(bytes, saved.bytes, saved.count);
        memcpy(bytes + 4 * field, &bad, sizeof(bad));
        mri_unpack_init(&unpack, bytes, saved.count);
        mri_rolling_load(&rolling, &unpack);
        assert_int_equal(unpack.err, MR_ECORRUPT);
    }
    for (size_t count = 0; count < saved.count; count++) {
        struct mri_unpack unpack;
        mri_unpack_init(&unpack, saved.bytes, count);
        mri_rolling_load(&rolling, &unpack);
        assert_int_equal(unpack.err, MR_ECORRUPT);
    }
    mri_buf_fini(&saved);
    mri_rolling_fini(&rolling, mri_alloc_system());
    mri_rolling_fini(&rolling, mri_alloc_system());
    mri_rolling_fini(NULL, mri_alloc_system());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_equals_a_recomputation_of_every_window),
        cmocka_unit_test(values_are_found_by_age),
        cmocka_unit_test(extremes_need_every_slot),
        cmocka_unit_test(equal_values_have_no_variance_at_all),
        cmocka_unit_test(a_saved_window_continues_with_the_same_bits),
        cmocka_unit_test(a_damaged_snapshot_is_not_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
