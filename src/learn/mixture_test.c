/* SPDX-License-Identifier: MIT */
/*
 * The protected mixture: its update, and the promise that no member beats it by more than a known
 * amount.
 */
#include "learn/mixture.h"

#include <math.h>

#include "base/exact_math.h"
#include "base/prng.h"
#include "tests/lib/cmocka_all.h"

enum { STEPS = 3000, SEEDS = 30 };

static const struct mri_mixture_options options = {
    .prior = {0.57, 0.215, 0.215}, .fixed_share = 1e-4, .eta_factor = 2.0};

static void begin(double log_weights[static MRI_MEMBER_COUNT])
{
    for (unsigned j = 0; j < MRI_MEMBER_COUNT; j++) {
        log_weights[j] = log(options.prior[j]);
    }
}

static double total(const double log_weights[static MRI_MEMBER_COUNT])
{
    double sum = 0.0;
    for (unsigned j = 0; j < MRI_MEMBER_COUNT; j++) {
        sum += exp(log_weights[j]);
    }
    return sum;
}

static void draw_lesson(struct mri_prng *prng, struct mri_mixture_lesson *lesson)
{
    *lesson = (struct mri_mixture_lesson){
        .members = {0.5, mri_prng_uniform(prng), mri_prng_uniform(prng)},
        .weight = 0.2 / (1.0 + (double)mri_prng_below(prng, 12)),
        .is_up = mri_prng_below(prng, 2) == 0,
        .is_new_time = mri_prng_below(prng, 2) == 0,
    };
}

static void an_update_multiplies_by_the_power_of_the_probability(void **fixture)
{
    (void)fixture;
    struct mri_prng prng;
    double log_weights[MRI_MEMBER_COUNT];
    mri_prng_init(&prng, 1);
    begin(log_weights);
    for (unsigned i = 0; i < STEPS; i++) {
        struct mri_mixture_lesson lesson;
        double after[MRI_MEMBER_COUNT];
        double expected[MRI_MEMBER_COUNT];
        double sum = 0.0;
        draw_lesson(&prng, &lesson);
        for (unsigned j = 0; j < MRI_MEMBER_COUNT; j++) {
            double p = lesson.is_up ? lesson.members[j] : 1.0 - lesson.members[j];
            expected[j] = exp(log_weights[j]) * pow(p, 2.0 * lesson.weight);
            sum += expected[j];
        }
        mri_mixture_learn(&options, log_weights, &lesson, after);
        for (unsigned j = 0; j < MRI_MEMBER_COUNT; j++) {
            double share = lesson.is_new_time ? options.fixed_share : 0.0;
            double weight = (1.0 - share) * expected[j] / sum + share * options.prior[j];
            assert_true(fabs(exp(after[j]) - weight) < 1e-12 + 1e-9 * weight);
            log_weights[j] = after[j];
        }
    }
}

static void weights_add_up_to_1_and_none_is_lost(void **fixture)
{
    (void)fixture;
    for (int is_up = 0; is_up < 2; is_up++) {
        double log_weights[MRI_MEMBER_COUNT];
        begin(log_weights);
        for (unsigned i = 0; i < 20000; i++) { /* one member is always wrong, as surely as it can */
            const struct mri_mixture_lesson lesson = {.members = {0.5, 1.0, 0.0},
                .weight = 0.2,
                .is_up = is_up != 0,
                .is_new_time = i % 2 == 0};
            double after[MRI_MEMBER_COUNT];
            mri_mixture_learn(&options, log_weights, &lesson, after);
            for (unsigned j = 0; j < MRI_MEMBER_COUNT; j++) {
                assert_true(isfinite(after[j]) && after[j] <= 0.0 && after[j] > -28.0);
                log_weights[j] = after[j];
            }
            assert_true(fabs(total(log_weights) - 1.0) < 1e-9);
        }
        unsigned winner = is_up != 0 ? MRI_MEMBER_PLATT : MRI_MEMBER_POOL;
        assert_true(exp(log_weights[winner]) > 0.99);
    }
}

static void equal_members_keep_their_weights(void **fixture)
{
    (void)fixture;
    double log_weights[MRI_MEMBER_COUNT];
    begin(log_weights);
    for (unsigned i = 0; i < 1000; i++) {
        const struct mri_mixture_lesson lesson = {
            .members = {0.5, 0.5, 0.5}, .weight = 0.1, .is_up = i % 3 == 0, .is_new_time = true};
        double after[MRI_MEMBER_COUNT];
        mri_mixture_learn(&options, log_weights, &lesson, after);
        for (unsigned j = 0; j < MRI_MEMBER_COUNT; j++) {
            assert_true(fabs(after[j] - log(options.prior[j])) < 1e-9);
            log_weights[j] = after[j];
        }
    }
}

static void a_member_that_was_written_off_comes_back(void **fixture)
{
    (void)fixture;
    double log_weights[MRI_MEMBER_COUNT];
    double after[MRI_MEMBER_COUNT];
    begin(log_weights);
    unsigned needed = 0;
    for (unsigned i = 0; i < 6000; i++) {
        const struct mri_mixture_lesson lesson = {
            .members = {0.5, 0.9, 0.1}, .weight = 0.2, .is_up = i < 5000, .is_new_time = true};
        mri_mixture_learn(&options, log_weights, &lesson, after);
        for (unsigned j = 0; j < MRI_MEMBER_COUNT; j++) {
            log_weights[j] = after[j];
        }
        needed += i >= 5000 && exp(after[MRI_MEMBER_POOL]) < 0.5;
    }
    assert_true(needed < 60); /* the share keeps 1e-4 of its prior alive */
}

/**
 * A world of outcomes and members; kinds differ in who is good when. Probabilities stay within what
 * the loss takes as they are.
 */
static void draw_world(
    struct mri_prng *prng, unsigned kind, unsigned step, struct mri_mixture_lesson *lesson)
{
    bool is_changed = step > STEPS / 2;
    lesson->is_up = mri_prng_below(prng, 2) == 0;
    double good = lesson->is_up ? 0.6 : 0.4;
    double bad = 1.0 - good;
    double any = 0.001 + 0.998 * mri_prng_uniform(prng);
    const double worlds[5][2] = {
        {good, bad},
        {any, 0.001 + 0.998 * mri_prng_uniform(prng)},
        {is_changed ? bad : good, is_changed ? good : bad},
        {lesson->is_up ? 0.01 : 0.99, bad},
        {mri_prng_below(prng, 2) == 0 ? 0.999 : 0.001, 0.5},
    };
    lesson->members[MRI_MEMBER_COIN] = 0.5;
    lesson->members[MRI_MEMBER_PLATT] = worlds[kind][0];
    lesson->members[MRI_MEMBER_POOL] = worlds[kind][1];
}

/** Run a world; the sums are weighted with eta, which makes the bound hold for changing weights. */
static void check_regret(unsigned kind, uint64_t seed, bool is_weight_fixed)
{
    struct mri_prng prng;
    double log_weights[MRI_MEMBER_COUNT];
    double regret[MRI_MEMBER_COUNT] = {0};
    unsigned shares = 0;
    mri_prng_init(&prng, seed);
    begin(log_weights);
    for (unsigned i = 0; i < STEPS; i++) {
        struct mri_mixture_lesson lesson = {.is_new_time = mri_prng_below(&prng, 8) == 0};
        double after[MRI_MEMBER_COUNT];
        double mixed = 0.0;
        lesson.weight = is_weight_fixed ? 0.2 : 0.2 / (1.0 + (double)mri_prng_below(&prng, 12));
        draw_world(&prng, kind, i, &lesson);
        shares += lesson.is_new_time;
        for (unsigned j = 0; j < MRI_MEMBER_COUNT; j++) {
            mixed += exp(log_weights[j]) * lesson.members[j];
        }
        double eta = options.eta_factor * lesson.weight;
        for (unsigned j = 0; j < MRI_MEMBER_COUNT; j++) {
            regret[j] += eta * (mri_mixture_loss(mixed, lesson.is_up) -
                                   mri_mixture_loss(lesson.members[j], lesson.is_up));
        }
        mri_mixture_learn(&options, log_weights, &lesson, after);
        for (unsigned j = 0; j < MRI_MEMBER_COUNT; j++) {
            log_weights[j] = after[j];
        }
    }
    for (unsigned j = 0; j < MRI_MEMBER_COUNT; j++) {
        double bound = log(1.0 / options.prior[j]) - shares * log1p(-options.fixed_share);
        assert_true(regret[j] <= bound + 1e-6);
    }
}

static void no_member_beats_the_mixture_by_more_than_the_bound(void **fixture)
{
    (void)fixture;
    for (unsigned kind = 0; kind < 5; kind++) {
        for (uint64_t seed = 1; seed <= SEEDS; seed++) {
            check_regret(kind, seed, true);
            check_regret(kind, seed, false);
        }
    }
}

static void the_loss_is_the_logarithm_and_ends_at_one_millionth(void **fixture)
{
    (void)fixture;
    for (double p = 0.01; p < 1.0; p += 0.01) {
        assert_true(fabs(mri_mixture_loss(p, true) + log(p)) < 1e-14);
        assert_true(fabs(mri_mixture_loss(p, false) + log(1.0 - p)) < 1e-12);
    }
    assert_true(fabs(mri_mixture_loss(0.0, true) - 13.815510557964274) < 1e-12);
    assert_true(mri_mixture_loss(1.0, false) == mri_mixture_loss(0.0, true));
    assert_true(mri_mixture_loss(1.0, true) == 0.0);
    assert_true(mri_mixture_loss(0.5, true) == -mri_log(0.5));
    assert_true(mri_mixture_loss(0.5, false) == -mri_log(0.5));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_update_multiplies_by_the_power_of_the_probability),
        cmocka_unit_test(weights_add_up_to_1_and_none_is_lost),
        cmocka_unit_test(equal_members_keep_their_weights),
        cmocka_unit_test(a_member_that_was_written_off_comes_back),
        cmocka_unit_test(no_member_beats_the_mixture_by_more_than_the_bound),
        cmocka_unit_test(the_loss_is_the_logarithm_and_ends_at_one_millionth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
