/* SPDX-License-Identifier: MIT */
/*
 * Views: what counts as evidence, and how many step views are open.
 */
#include "evaluate/view.h"

#include "base/prng.h"
#include "tests/lib/cmocka_all.h"

#define T0     ((int64_t)1700000040 * 1000000000)
#define MINUTE ((int64_t)60 * 1000000000)

static void a_view_that_is_alone_counts_itself(void **fixture)
{
    (void)fixture;
    const struct mri_step_views none = {.count = 0};
    for (unsigned h = 0; h < MR_HORIZON_COUNT; h++) {
        assert_int_equal(mri_view_open_count(&none, (mr_horizon)h, T0), 1);
    }
}

static void a_step_view_is_open_until_its_horizon_and_not_at_it(void **fixture)
{
    (void)fixture;
    struct mri_step_views views = {.count = 0};
    assert_true(mri_view_newest_step(&views) == 0);
    mri_view_note_step(&views, T0);
    assert_true(mri_view_newest_step(&views) == T0);
    for (unsigned h = 0; h < MR_HORIZON_COUNT; h++) {
        int64_t end = T0 + mri_horizon_ns((mr_horizon)h);
        assert_int_equal(mri_view_open_count(&views, (mr_horizon)h, T0), 2);
        assert_int_equal(mri_view_open_count(&views, (mr_horizon)h, end - 1), 2);
        assert_int_equal(mri_view_open_count(&views, (mr_horizon)h, end), 1);
    }
}

static void open_views_are_those_of_a_plain_count(void **fixture)
{
    (void)fixture;
    enum { VIEWS = 3000 };
    static int64_t times[VIEWS];
    struct mri_step_views views = {.count = 0};
    struct mri_prng prng;
    int64_t now = T0;
    mri_prng_init(&prng, 3);
    for (unsigned k = 0; k < VIEWS; k++) {
        now += MINUTE * (1 + (int64_t)mri_prng_below(&prng, k % 500 < 250 ? 1 : 9));
        for (unsigned h = 0; h < MR_HORIZON_COUNT; h++) {
            unsigned open = 1;
            for (unsigned i = 0; i < k; i++) {
                open += times[i] + mri_horizon_ns((mr_horizon)h) > now;
            }
            assert_int_equal(mri_view_open_count(&views, (mr_horizon)h, now), open);
        }
        times[k] = now;
        mri_view_note_step(&views, now);
        assert_true(mri_view_newest_step(&views) == now);
    }
}

static void internal_votes_come_first_then_external_ones_in_order_of_source(void **fixture)
{
    (void)fixture;
    const struct mri_evidence evidence = {
        .count = 5,
        .ready = 4,
        .terms = {{.x = 0.5, .source = 1}, {.x = -0.25, .source = 4}},
        .term_count = 2,
    };
    const struct mri_external_vote externals[] = {
        {.valid_until_unix_ns = T0 + 1, .x = -0.75, .ordinal = 9},
        {.valid_until_unix_ns = 0},                                   /* never emitted */
        {.valid_until_unix_ns = T0 - 1, .x = 1.0, .ordinal = 3},      /* over */
        {.valid_until_unix_ns = T0 + MINUTE, .x = 0.0, .ordinal = 4}, /* says nothing */
        {.valid_until_unix_ns = T0, .x = 0.125, .ordinal = 7},        /* valid to the end */
    };
    struct mri_view_draft view = {0};
    mri_view_collect(&view, &evidence, externals, 5, T0);
    assert_int_equal(view.fixed.term_count, 4);
    assert_int_equal(view.fixed.ready_count, 4);
    assert_int_equal(view.fixed.source_count, 5);
    const struct mri_row_term wanted[] = {
        {.x = 0.5, .source = 1},
        {.x = -0.25, .source = 4},
        {.x = -0.75,
            .ordinal = 9,
            .source = MRI_SOURCE_EXTERNAL_FIRST,
            .origin = MRI_ORIGIN_EXTERNAL},
        {.x = 0.125,
            .ordinal = 7,
            .source = MRI_SOURCE_EXTERNAL_FIRST + 4,
            .origin = MRI_ORIGIN_EXTERNAL},
    };
    assert_memory_equal(view.terms, wanted, sizeof(wanted));
}

static void a_view_has_at_most_as_many_terms_as_a_row_count_allows(void **fixture)
{
    (void)fixture;
    static struct mri_external_vote externals[100];
    const struct mri_evidence evidence = {
        .count = 5, .ready = 5, .terms = {{.x = 1.0}}, .term_count = 1};
    struct mri_view_draft view = {0};
    for (unsigned i = 0; i < 100; i++) {
        externals[i] = (struct mri_external_vote){T0 + 1, 0.5, i + 1, 0};
    }
    mri_view_collect(&view, &evidence, externals, 100, T0);
    assert_int_equal(view.fixed.term_count, MRI_TERMS_MAX);
    assert_int_equal(view.terms[MRI_TERMS_MAX - 1].ordinal, MRI_TERMS_MAX - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_view_that_is_alone_counts_itself),
        cmocka_unit_test(a_step_view_is_open_until_its_horizon_and_not_at_it),
        cmocka_unit_test(open_views_are_those_of_a_plain_count),
        cmocka_unit_test(internal_votes_come_first_then_external_ones_in_order_of_source),
        cmocka_unit_test(a_view_has_at_most_as_many_terms_as_a_row_count_allows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
