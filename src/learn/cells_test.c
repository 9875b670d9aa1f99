/* SPDX-License-Identifier: MIT */
/*
 * One step of learning against the arithmetic done by hand, and against a second implementation
 * with plain scalars and libm.
 */
#include "learn/cells.h"

#include <math.h>
#include <string.h>

#include "base/prng.h"
#include "tests/lib/cmocka_all.h"

enum { SYMBOLS = 3, SOURCES = MRI_SOURCE_EXTERNAL_FIRST + 2, TERMS = 8, SAVED_MAX = 1 << 22 };

#define T0     ((int64_t)1700000040 * 1000000000)
#define DAY_NS ((double)86400e9)

static const struct mri_beliefs_options options = {
    .levels = {[MRI_LEVEL_GLOBAL] = {0.2, 30.0 * DAY_NS},
        [MRI_LEVEL_SYMBOL] = {0.05, 30.0 * DAY_NS},
        [MRI_LEVEL_REGIME] = {0.05, 10.0 * DAY_NS}},
    .platt = {1.0, 30.0 * DAY_NS},
    .mixture_prior = {0.57, 0.215, 0.215},
    .symbols_max = SYMBOLS,
    .sources_max = SOURCES,
};

static struct mri_intern names;
static struct mri_beliefs beliefs;
static struct mri_prng prng;

static int set_up(void **fixture)
{
    (void)fixture;
    mri_prng_init(&prng, 11);
    if (mri_intern_init(&names, mri_alloc_system(), SOURCES) != MR_OK ||
        mri_beliefs_init(&beliefs, mri_alloc_system(), &options, &names) != MR_OK) {
        return 1;
    }
    beliefs.event_time_unix_ns = T0;
    return 0;
}

static int tear_down(void **fixture)
{
    (void)fixture;
    mri_beliefs_fini(&beliefs);
    mri_intern_fini(&names);
    return 0;
}

static void assert_near(double a, double b)
{
    assert_true(fabs(a - b) <= 1e-13 * (1.0 + fabs(b)));
}

static void the_first_lesson_is_that_of_the_test_vector(void **fixture)
{
    (void)fixture;
    const struct mri_row_term term = {.x = 0.8, .source = 2};
    const struct mri_lesson lesson = {.place = {.regime = MRI_REGIME_RANDOM},
        .terms = &term,
        .term_count = 1,
        .weight = 0.2,
        .is_up = true,
        .has_ev = true,
        .scaled_return = 1.5,
        .ev_noise = 1.0};
    struct mri_row_cell cell;
    mri_cells_learn(&beliefs, &lesson, &cell);
    /* V = .64 (.04 + .0025 + .0025) = .0288; p = .5; q = .25; den = 1 + .2 .25 .0288 = 1.00144 */
    assert_true(fabs(cell.mean_global - 0.003195398626) < 1e-12);
    assert_true(fabs(cell.variance_global - 0.039948873622) < 1e-12);
    assert_near(cell.mean_global, 0.04 * 0.8 * 0.2 * 0.5 / 1.00144);
    assert_near(cell.variance_global, 0.04 - 0.032 * 0.032 * 0.2 * 0.25 / 1.00144);
    assert_near(cell.mean_symbol, 0.0025 * 0.8 * 0.2 * 0.5 / 1.00144);
    assert_near(cell.variance_symbol, 0.0025 - 0.002 * 0.002 * 0.2 * 0.25 / 1.00144);
    assert_near(cell.mean_regime, cell.mean_symbol);
    assert_near(cell.variance_regime, cell.variance_symbol);
    /* The other head: den = 1 / .2 + .0288 = 5.0288. */
    assert_near(cell.ev_mean_global, 0.04 * 0.8 * 1.5 / 5.0288);
    assert_near(cell.ev_variance_global, 0.04 - 0.032 * 0.032 / 5.0288);
    assert_near(cell.ev_mean_symbol, 0.0025 * 0.8 * 1.5 / 5.0288);
    assert_near(cell.ev_variance_symbol, 0.0025 - 0.002 * 0.002 / 5.0288);
    assert_int_equal(cell.source, 2);
    assert_int_equal(cell.side, MR_LONG);
    assert_int_equal(cell.regime, MRI_REGIME_RANDOM);
}

static double any(double size)
{
    return size * (2.0 * mri_prng_uniform(&prng) - 1.0);
}

/** Give the cells of some terms random values, touched at random times or never. */
static void draw_cells(const struct mri_lesson *lesson)
{
    for (unsigned i = 0; i < lesson->term_count; i++) {
        for (unsigned level = 0; level < MRI_LEVEL_COUNT; level++) {
            struct mri_coefficient *cell =
                mri_beliefs_coefficient(&beliefs, &lesson->place, level, &lesson->terms[i]);
            if (cell != NULL && mri_prng_below(&prng, 4) != 0) {
                *cell = (struct mri_coefficient){
                    .mean = any(1.0),
                    .variance = 0.05 * mri_prng_uniform(&prng),
                    .ev_mean = any(1.0),
                    .ev_variance = 0.05 * mri_prng_uniform(&prng),
                    .touch_unix_ns = T0 - (int64_t)(20.0 * DAY_NS * mri_prng_uniform(&prng)),
                };
            }
        }
    }
}

static void draw_lesson(struct mri_lesson *lesson, struct mri_row_term *terms)
{
    uint64_t regime = mri_prng_below(&prng, MRI_REGIME_COUNT + 1);
    *lesson = (struct mri_lesson){
        .place = {.symbol = (uint32_t)mri_prng_below(&prng, SYMBOLS),
            .regime = regime == MRI_REGIME_COUNT ? MRI_REGIME_ABSENT : (uint8_t)regime,
            .horizon = (mr_horizon)mri_prng_below(&prng, MR_HORIZON_COUNT)},
        .terms = terms,
        .term_count = (unsigned)mri_prng_below(&prng, TERMS + 1),
        .weight = 0.2 / (1.0 + (double)mri_prng_below(&prng, 12)),
        .is_up = mri_prng_below(&prng, 2) == 0,
        .has_ev = mri_prng_below(&prng, 4) != 0,
        .scaled_return = any(4.0),
        .ev_noise = 0.5 + mri_prng_uniform(&prng),
    };
    unsigned first = (unsigned)mri_prng_below(&prng, SOURCES);
    for (unsigned i = 0; i < TERMS; i++) {
        double x = any(1.0);
        terms[i] = (struct mri_row_term){
            .x = x == 0.0 ? 0.5 : x, .source = (uint16_t)((first + 3 * i) % SOURCES)};
    }
}

/** One coefficient, by name of its level. */
struct scalar {
    double m;
    double v;
    double em;
    double ev;
};

static struct scalar relaxed(unsigned level, const struct mri_coefficient *cell)
{
    double s2 = options.levels[level].sd * options.levels[level].sd;
    double a = cell->touch_unix_ns == 0
                   ? 0.0
                   : exp(-(double)(T0 - cell->touch_unix_ns) / options.levels[level].tau_ns);
    return (struct scalar){.m = cell->mean * a,
        .v = s2 + (cell->variance - s2) * a * a,
        .em = cell->ev_mean * a,
        .ev = s2 + (cell->ev_variance - s2) * a * a};
}

static struct scalar level_of(const struct mri_row_cell *cell, unsigned level)
{
    const struct scalar levels[MRI_LEVEL_COUNT] = {
        [MRI_LEVEL_GLOBAL] = {cell->mean_global, cell->variance_global, cell->ev_mean_global,
            cell->ev_variance_global},
        [MRI_LEVEL_SYMBOL] = {cell->mean_symbol, cell->variance_symbol, cell->ev_mean_symbol,
            cell->ev_variance_symbol},
        [MRI_LEVEL_REGIME] = {cell->mean_regime, cell->variance_regime, cell->ev_mean_regime,
            cell->ev_variance_regime},
    };
    return levels[level];
}

/** The cells as they are before, all terms and levels. */
struct before {
    struct scalar cells[TERMS][MRI_LEVEL_COUNT];
    bool is_there[MRI_LEVEL_COUNT];
    double z, v, em, ev;
};

static struct before collect(const struct mri_lesson *lesson)
{
    struct before all = {0};
    for (unsigned level = 0; level < MRI_LEVEL_COUNT; level++) {
        all.is_there[level] =
            level != MRI_LEVEL_REGIME || lesson->place.regime != MRI_REGIME_ABSENT;
        for (unsigned i = 0; all.is_there[level] && i < lesson->term_count; i++) {
            double x = lesson->terms[i].x;
            all.cells[i][level] = relaxed(
                level, mri_beliefs_coefficient(&beliefs, &lesson->place, level, &lesson->terms[i]));
            all.z += x * all.cells[i][level].m;
            all.v += x * x * all.cells[i][level].v;
            all.em += x * all.cells[i][level].em;
            all.ev += x * x * all.cells[i][level].ev;
        }
    }
    return all;
}

static void compare_cells(const struct mri_lesson *lesson, const struct mri_row_cell *cells)
{
    struct before all = collect(lesson);
    double w = lesson->weight;
    double p = 1.0 / (1.0 + exp(-all.z));
    double q = p * (1.0 - p);
    double den = 1.0 + w * q * all.v;
    double ev_den = lesson->ev_noise / w + all.ev;
    for (unsigned i = 0; i < lesson->term_count; i++) {
        double x = lesson->terms[i].x;
        assert_int_equal(cells[i].source, lesson->terms[i].source);
        assert_int_equal(cells[i].side, x < 0.0 ? MR_SHORT : MR_LONG);
        assert_int_equal(cells[i].regime, lesson->place.regime);
        for (unsigned level = 0; level < MRI_LEVEL_COUNT; level++) {
            struct scalar b = all.cells[i][level];
            struct scalar a = level_of(&cells[i], level);
            if (!all.is_there[level]) {
                assert_true(a.m == 0.0 && a.v == 0.0 && a.em == 0.0 && a.ev == 0.0);
                continue;
            }
            assert_near(a.m, b.m + b.v * x * w * ((lesson->is_up ? 1.0 : 0.0) - p) / den);
            assert_near(a.v, b.v - (b.v * x) * (b.v * x) * w * q / den);
            double gain = lesson->has_ev ? (lesson->scaled_return - all.em) / ev_den : 0.0;
            double shrink = lesson->has_ev ? 1.0 / ev_den : 0.0;
            assert_near(a.em, b.em + b.ev * x * gain);
            assert_near(a.ev, b.ev - (b.ev * x) * (b.ev * x) * shrink);
            assert_true(a.v >= 0.0 && a.v <= b.v + 1e-15); /* knowing more never widens */
            assert_true(a.ev >= 0.0 && a.ev <= b.ev + 1e-15);
            assert_true((a.m - b.m) * x * (lesson->is_up ? 1.0 : -1.0) >= -1e-15);
        }
    }
}

static void a_lesson_is_that_of_a_second_implementation(void **fixture)
{
    (void)fixture;
    for (unsigned round = 0; round < 5000; round++) {
        struct mri_row_term terms[TERMS];
        struct mri_row_cell cells[TERMS];
        struct mri_lesson lesson;
        draw_lesson(&lesson, terms);
        draw_cells(&lesson);
        mri_cells_learn(&beliefs, &lesson, cells);
        compare_cells(&lesson, cells);
    }
}

static void the_calibrated_member_learns_by_the_same_recursion(void **fixture)
{
    (void)fixture;
    for (unsigned round = 0; round < 5000; round++) {
        struct mri_row_term terms[TERMS];
        struct mri_lesson lesson;
        draw_lesson(&lesson, terms);
        struct mri_ou_cell *cell = &beliefs.horizons[lesson.place.horizon].platt;
        *cell = (struct mri_ou_cell){any(2.0), mri_prng_uniform(&prng),
            T0 - (int64_t)(20.0 * DAY_NS * mri_prng_uniform(&prng))};
        double a = exp(-(double)(T0 - cell->touch_unix_ns) / options.platt.tau_ns);
        double b = cell->mean * a;
        double v = 1.0 + (cell->variance - 1.0) * a * a;
        double x = mri_prng_below(&prng, 20) == 0 ? 0.0 : any(3.0);
        struct mri_belief after = mri_cells_learn_platt(&beliefs, &lesson, x);
        double w = lesson.weight;
        double p = 1.0 / (1.0 + exp(-b * x));
        double den = 1.0 + w * p * (1.0 - p) * v * x * x;
        assert_near(after.mean, b + v * x * w * ((lesson.is_up ? 1.0 : 0.0) - p) / den);
        assert_near(after.variance, v - v * x * v * x * w * p * (1.0 - p) / den);
    }
}

static void computing_a_lesson_changes_nothing(void **fixture)
{
    (void)fixture;
    struct mri_buf before;
    struct mri_buf after;
    struct mri_row_term terms[TERMS];
    struct mri_row_cell cells[TERMS];
    struct mri_lesson lesson;
    mri_buf_init(&before, mri_alloc_system(), SAVED_MAX);
    mri_buf_init(&after, mri_alloc_system(), SAVED_MAX);
    do {
        draw_lesson(&lesson, terms);
        draw_cells(&lesson);
    } while (lesson.term_count < TERMS);
    mri_beliefs_save(&beliefs, &before);
    mri_cells_learn(&beliefs, &lesson, cells);
    (void)mri_cells_learn_platt(&beliefs, &lesson, 0.7);
    mri_beliefs_save(&beliefs, &after);
    assert_int_equal(before.count, after.count);
    assert_memory_equal(before.bytes, after.bytes, after.count);
    mri_buf_fini(&before);
    mri_buf_fini(&after);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            the_first_lesson_is_that_of_the_test_vector, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            a_lesson_is_that_of_a_second_implementation, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            the_calibrated_member_learns_by_the_same_recursion, set_up, tear_down),
        cmocka_unit_test_setup_teardown(computing_a_lesson_changes_nothing, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
