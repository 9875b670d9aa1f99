/* SPDX-License-Identifier: MIT */
/*
 * Beliefs against a model: plain arrays that remember the newest feedback of every coefficient.
 */
#include "bus/beliefs.h"

#include <math.h>
#include <string.h>

#include "base/prng.h"
#include "bus/batch.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/failing_alloc.h"

enum {
    SYMBOLS = 3,
    SOURCES = MRI_SOURCE_EXTERNAL_FIRST + 3,
    PLACES = 1 + MRI_REGIME_COUNT + SYMBOLS,
    TERMS = 6,
    SAVED_MAX = 1 << 22,
};

#define T0     ((int64_t)1700000040 * 1000000000)
#define DAY_NS ((double)86400e9)

static const struct mri_beliefs_options options = {
    .levels = {[MRI_LEVEL_GLOBAL] = {0.2, 30.0 * DAY_NS},
        [MRI_LEVEL_SYMBOL] = {0.05, 10.0 * DAY_NS},
        [MRI_LEVEL_REGIME] = {0.07, 3.0 * DAY_NS}},
    .platt = {1.0, 20.0 * DAY_NS},
    .mixture_prior = {0.57, 0.215, 0.215},
    .symbols_max = SYMBOLS,
    .sources_max = SOURCES,
};

static struct mri_intern names;
static struct mri_beliefs beliefs;
static struct mri_batch batch;
static struct mri_prng prng;

/** The model: what each coefficient was last told, by level. */
static struct {
    struct mri_coefficient values[MRI_LEVEL_COUNT][SOURCES][2][MR_HORIZON_COUNT][PLACES];
    struct mri_beliefs_horizon horizons[MR_HORIZON_COUNT];
    int64_t now;
} model;

static int set_up(void **fixture)
{
    (void)fixture;
    uint32_t number;
    char name[3] = {'_', 'A', '\0'};
    mri_prng_init(&prng, 3);
    memset(&model, 0, sizeof(model));
    assert_int_equal(mri_intern_init(&names, mri_alloc_system(), SOURCES), MR_OK);
    for (unsigned i = 0; i < MRI_SOURCE_EXTERNAL_FIRST; i++, name[1]++) {
        assert_int_equal(mri_intern_add(&names, mri_slice_of(name), &number), MR_OK);
    }
    assert_int_equal(mri_batch_init(&batch, mri_alloc_system(), 1, 1 << 20), MR_OK);
    return mri_beliefs_init(&beliefs, mri_alloc_system(), &options, &names) == MR_OK ? 0 : 1;
}

static int tear_down(void **fixture)
{
    (void)fixture;
    mri_beliefs_fini(&beliefs);
    mri_beliefs_fini(&beliefs);
    mri_beliefs_fini(NULL);
    mri_batch_fini(&batch);
    mri_intern_fini(&names);
    return 0;
}

static mr_err apply(const struct mri_draft *draft, uint64_t seq)
{
    mri_batch_begin(&batch, seq, 1);
    assert_int_equal(
        mri_batch_add(&batch, draft, draft->type == MRI_EVENT_SIGNAL_GENERATED ? 1 : 0), MR_OK);
    struct mri_event event = mri_batch_event(&batch, 0);
    return mri_beliefs_apply(&beliefs, &event);
}

static void move_time(int64_t time)
{
    const struct mri_tick tick = {.event_time_unix_ns = time};
    assert_int_equal(apply(&(struct mri_draft){.type = MRI_EVENT_TICK, .fixed = &tick}, 1), MR_OK);
    model.now = time > model.now ? time : model.now;
}

static double any(double size)
{
    return size * (2.0 * mri_prng_uniform(&prng) - 1.0);
}

/** Rows of distinct sources. */
static void draw_cells(struct mri_row_cell *cells, uint8_t regime)
{
    unsigned first = (unsigned)mri_prng_below(&prng, SOURCES);
    for (unsigned i = 0; i < TERMS; i++) {
        cells[i] = (struct mri_row_cell){
            .mean_global = any(0.5),
            .variance_global = 0.04 * mri_prng_uniform(&prng),
            .mean_symbol = any(0.1),
            .variance_symbol = 0.0025 * mri_prng_uniform(&prng),
            .mean_regime = any(0.1),
            .variance_regime = 0.0049 * mri_prng_uniform(&prng),
            .ev_mean_global = any(0.5),
            .ev_variance_global = 0.04 * mri_prng_uniform(&prng),
            .ev_mean_symbol = any(0.1),
            .ev_variance_symbol = 0.0025 * mri_prng_uniform(&prng),
            .ev_mean_regime = any(0.1),
            .ev_variance_regime = 0.0049 * mri_prng_uniform(&prng),
            .source = (uint16_t)((first + 5 * i) % SOURCES),
            .side = mri_prng_below(&prng, 2) == 0 ? MR_LONG : MR_SHORT,
            .regime = regime,
        };
    }
}

static uint8_t any_regime(void)
{
    uint64_t regime = mri_prng_below(&prng, MRI_REGIME_COUNT + 1);
    return regime == MRI_REGIME_COUNT ? MRI_REGIME_ABSENT : (uint8_t)regime;
}

static struct mri_coefficient *model_at(unsigned level, unsigned source, bool is_short,
    unsigned horizon, const struct mri_beliefs_place *place)
{
    unsigned at =
        level == MRI_LEVEL_GLOBAL ? 0 : (level == MRI_LEVEL_SYMBOL ? place->symbol : place->regime);
    return &model.values[level][source][is_short][horizon][at];
}

static void teach_model(
    const struct mri_feedback *feedback, const struct mri_row_cell *cells, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        const struct mri_row_cell *cell = &cells[i];
        const struct mri_beliefs_place place = {.symbol = feedback->symbol, .regime = cell->regime};
        bool is_short = cell->side == MR_SHORT;
        unsigned h = feedback->horizon;
        *model_at(MRI_LEVEL_GLOBAL, cell->source, is_short, h, &place) =
            (struct mri_coefficient){.mean = cell->mean_global,
                .variance = cell->variance_global,
                .ev_mean = cell->ev_mean_global,
                .ev_variance = cell->ev_variance_global,
                .touch_unix_ns = model.now};
        *model_at(MRI_LEVEL_SYMBOL, cell->source, is_short, h, &place) =
            (struct mri_coefficient){.mean = cell->mean_symbol,
                .variance = cell->variance_symbol,
                .ev_mean = cell->ev_mean_symbol,
                .ev_variance = cell->ev_variance_symbol,
                .touch_unix_ns = model.now};
        if (cell->regime != MRI_REGIME_ABSENT) {
            *model_at(MRI_LEVEL_REGIME, cell->source, is_short, h, &place) =
                (struct mri_coefficient){.mean = cell->mean_regime,
                    .variance = cell->variance_regime,
                    .ev_mean = cell->ev_mean_regime,
                    .ev_variance = cell->ev_variance_regime,
                    .touch_unix_ns = model.now};
        }
    }
    model.horizons[feedback->horizon] = (struct mri_beliefs_horizon){
        .platt = {feedback->platt_slope, feedback->platt_variance, model.now},
        .log_weights = {
            feedback->log_weight_coin, feedback->log_weight_platt, feedback->log_weight_pool}};
}

/** Apply random feedback and tell the model. */
static void teach(uint64_t seq)
{
    struct mri_row_cell cells[TERMS];
    const struct mri_feedback feedback = {
        .return_bps = 1.0,
        .platt_slope = any(2.0),
        .platt_variance = mri_prng_uniform(&prng),
        .log_weight_coin = -0.1 - mri_prng_uniform(&prng),
        .log_weight_platt = -0.1 - mri_prng_uniform(&prng),
        .log_weight_pool = -0.1 - mri_prng_uniform(&prng),
        .horizon = (uint8_t)mri_prng_below(&prng, MR_HORIZON_COUNT),
        .status = MRI_FEEDBACK_LEARNED,
        .cell_count = (uint8_t)mri_prng_below(&prng, TERMS + 1),
        .symbol = (uint32_t)mri_prng_below(&prng, SYMBOLS),
    };
    draw_cells(cells, any_regime());
    const struct mri_draft draft = {
        .type = MRI_EVENT_FEEDBACK, .fixed = &feedback, .rows = {cells}};
    assert_int_equal(apply(&draft, seq), MR_OK);
    assert_int_equal(beliefs.feedback_seq, seq);
    teach_model(&feedback, cells, feedback.cell_count);
}

static void teach_much(unsigned rounds)
{
    for (unsigned i = 0; i < rounds; i++) {
        move_time(T0 + (int64_t)(i * 3600e9 * mri_prng_uniform(&prng)));
        teach(10 + i);
    }
}

/** A model's coefficient now: mean, variance and those of the other head. */
static struct mri_coefficient model_relaxed(unsigned level, const struct mri_coefficient *value)
{
    double sd = options.levels[level].sd;
    double a =
        value->touch_unix_ns == 0
            ? 0.0
            : exp(-(double)(model.now - value->touch_unix_ns) / options.levels[level].tau_ns);
    return (struct mri_coefficient){
        .mean = value->mean * a,
        .variance = sd * sd + (value->variance - sd * sd) * a * a,
        .ev_mean = value->ev_mean * a,
        .ev_variance = sd * sd + (value->ev_variance - sd * sd) * a * a,
    };
}

static struct mri_beliefs_sums model_sum(
    const struct mri_beliefs_place *place, const struct mri_row_term *terms, unsigned count)
{
    struct mri_beliefs_sums sums = {0};
    for (unsigned i = 0; i < count; i++) {
        for (unsigned level = 0; level < MRI_LEVEL_COUNT; level++) {
            if (level == MRI_LEVEL_REGIME && place->regime == MRI_REGIME_ABSENT) {
                continue;
            }
            double x = terms[i].x;
            struct mri_coefficient now = model_relaxed(
                level, model_at(level, terms[i].source, x < 0.0, place->horizon, place));
            sums.z += x * now.mean;
            sums.variance += x * x * now.variance;
            sums.ev += x * now.ev_mean;
            sums.ev_variance += x * x * now.ev_variance;
        }
    }
    return sums;
}

static unsigned draw_terms(struct mri_row_term *terms)
{
    unsigned first = (unsigned)mri_prng_below(&prng, SOURCES);
    unsigned count = (unsigned)mri_prng_below(&prng, TERMS + 1);
    for (unsigned i = 0; i < count; i++) {
        terms[i] =
            (struct mri_row_term){.x = any(1.0), .source = (uint16_t)((first + 3 * i) % SOURCES)};
    }
    return count;
}

static void assert_near(double a, double b)
{
    assert_true(fabs(a - b) <= 1e-12 * (1.0 + fabs(b)));
}

static void sums_are_those_of_all_levels_relaxed_to_now(void **fixture)
{
    (void)fixture;
    teach_much(3000);
    for (unsigned i = 0; i < 3000; i++) {
        struct mri_row_term terms[TERMS];
        unsigned count = draw_terms(terms);
        const struct mri_beliefs_place place = {.symbol = (uint32_t)mri_prng_below(&prng, SYMBOLS),
            .regime = any_regime(),
            .horizon = (mr_horizon)mri_prng_below(&prng, MR_HORIZON_COUNT)};
        if (i % 10 == 0) {
            move_time(model.now + (int64_t)(3600e9 * mri_prng_uniform(&prng)));
        }
        struct mri_beliefs_sums sums = mri_beliefs_sum(&beliefs, &place, terms, count);
        struct mri_beliefs_sums expected = model_sum(&place, terms, count);
        assert_near(sums.z, expected.z);
        assert_near(sums.variance, expected.variance);
        assert_near(sums.ev, expected.ev);
        assert_near(sums.ev_variance, expected.ev_variance);
    }
}

static void what_was_never_taught_is_the_prior(void **fixture)
{
    (void)fixture;
    const struct mri_row_term term = {.x = 0.8};
    struct mri_beliefs_place place = {.regime = MRI_REGIME_RANDOM};
    move_time(T0);
    struct mri_beliefs_sums sums = mri_beliefs_sum(&beliefs, &place, &term, 1);
    assert_true(sums.z == 0.0 && sums.ev == 0.0);
    assert_near(sums.variance, 0.64 * (0.04 + 0.0025 + 0.0049));
    place.regime = MRI_REGIME_ABSENT;
    assert_null(mri_beliefs_coefficient(&beliefs, &place, MRI_LEVEL_REGIME, &term));
    sums = mri_beliefs_sum(&beliefs, &place, &term, 1);
    assert_near(sums.variance, 0.64 * (0.04 + 0.0025));
    assert_true(mri_beliefs_pool_probability(&sums) == 0.5);
    struct mri_belief platt = mri_beliefs_platt(&beliefs, MR_HORIZON_1M);
    assert_true(platt.mean == 0.0 && platt.variance == 1.0);
}

static void relaxing_in_two_steps_is_relaxing_in_one(void **fixture)
{
    (void)fixture;
    move_time(T0);
    for (unsigned i = 0; i < 200; i++) {
        struct mri_coefficient cell = {.mean = any(1.0),
            .variance = mri_prng_uniform(&prng),
            .ev_mean = any(1.0),
            .ev_variance = mri_prng_uniform(&prng),
            .touch_unix_ns = beliefs.event_time_unix_ns};
        int64_t step = (int64_t)(30.0 * DAY_NS * mri_prng_uniform(&prng));
        move_time(beliefs.event_time_unix_ns + step);
        struct mri_coefficient halfway = mri_beliefs_relaxed(&beliefs, MRI_LEVEL_SYMBOL, &cell);
        halfway.touch_unix_ns = beliefs.event_time_unix_ns;
        move_time(beliefs.event_time_unix_ns + step / 3);
        struct mri_coefficient once = mri_beliefs_relaxed(&beliefs, MRI_LEVEL_SYMBOL, &cell);
        struct mri_coefficient twice = mri_beliefs_relaxed(&beliefs, MRI_LEVEL_SYMBOL, &halfway);
        assert_near(once.mean, twice.mean);
        assert_near(once.variance, twice.variance);
        assert_near(once.ev_mean, twice.ev_mean);
        assert_near(once.ev_variance, twice.ev_variance);
    }
    struct mri_coefficient old = {1.0, 1.0, 1.0, 1.0, T0};
    move_time(T0 + (int64_t)(30.0 * DAY_NS * 1000.0));
    struct mri_coefficient gone = mri_beliefs_relaxed(&beliefs, MRI_LEVEL_SYMBOL, &old);
    assert_near(gone.mean, 0.0);
    assert_near(gone.variance, 0.0025);
}

static void probabilities_are_those_of_their_formulas(void **fixture)
{
    (void)fixture;
    teach_much(200);
    for (unsigned i = 0; i < 500; i++) {
        struct mri_row_term terms[TERMS];
        unsigned count = draw_terms(terms);
        const mr_horizon horizon = (mr_horizon)mri_prng_below(&prng, MR_HORIZON_COUNT);
        const struct mri_beliefs_sums sums = {.z = any(3.0), .variance = any(1.0) + 1.0};
        assert_near(mri_beliefs_pool_probability(&sums),
            1.0 / (1.0 + exp(-sums.z / sqrt(1.0 + 0.3927 * sums.variance))));
        double x = 0.0;
        for (unsigned k = 0; k < count; k++) {
            x += terms[k].x;
        }
        assert_near(
            mri_beliefs_static_logit(&beliefs, terms, count), 2.0 * x / MRI_SOURCE_INTERNAL_COUNT);
        const double members[MRI_MEMBER_COUNT] = {
            0.5, mri_prng_uniform(&prng), mri_prng_uniform(&prng)};
        double sum = 0.0;
        double norm = 0.0;
        for (unsigned j = 0; j < MRI_MEMBER_COUNT; j++) {
            sum += exp(model.horizons[horizon].log_weights[j]) * members[j];
            norm += exp(model.horizons[horizon].log_weights[j]);
        }
        if (model.horizons[horizon].platt.touch_unix_ns != 0) {
            assert_near(mri_beliefs_mixture(&beliefs, horizon, members), sum / norm);
        }
        const struct mri_ou_cell *platt = &model.horizons[horizon].platt;
        double a = exp(-(double)(model.now - platt->touch_unix_ns) / options.platt.tau_ns);
        a = platt->touch_unix_ns == 0 ? 0.0 : a;
        assert_near(mri_beliefs_platt(&beliefs, horizon).mean, platt->mean * a);
        assert_near(
            mri_beliefs_platt(&beliefs, horizon).variance, 1.0 + (platt->variance - 1.0) * a * a);
    }
}

static void the_mixture_begins_with_its_prior(void **fixture)
{
    (void)fixture;
    const double members[MRI_MEMBER_COUNT] = {0.5, 1.0, 0.0};
    for (unsigned h = 0; h < MR_HORIZON_COUNT; h++) {
        assert_near(mri_beliefs_mixture(&beliefs, (mr_horizon)h, members), 0.57 * 0.5 + 0.215);
    }
}

static void a_configuration_sets_the_weights_of_horizons_that_nothing_has_taught(void **fixture)
{
    (void)fixture;
    const double members[MRI_MEMBER_COUNT] = {0.5, 0.0, 1.0};
    struct mri_beliefs_options other = options;
    other.mixture_prior[MRI_MEMBER_COIN] = 0.4;
    other.mixture_prior[MRI_MEMBER_PLATT] = 0.5;
    other.mixture_prior[MRI_MEMBER_POOL] = 0.1;
    move_time(T0);
    teach_much(40);
    struct mri_beliefs_horizon before[MR_HORIZON_COUNT];
    memcpy(before, beliefs.horizons, sizeof(before));
    beliefs.horizons[MR_HORIZON_15M] = (struct mri_beliefs_horizon){0}; /* as if never taught */
    mri_beliefs_configure(&beliefs, &other);
    for (unsigned h = 0; h < MR_HORIZON_COUNT; h++) {
        if (h == MR_HORIZON_15M) {
            assert_near(mri_beliefs_mixture(&beliefs, (mr_horizon)h, members), 0.4 * 0.5 + 0.1);
        } else {
            assert_memory_equal(&beliefs.horizons[h], &before[h], sizeof(before[h]));
        }
    }
}

static void only_feedback_that_learned_changes_values(void **fixture)
{
    (void)fixture;
    struct mri_buf before;
    struct mri_buf after;
    struct mri_row_cell cells[TERMS];
    teach_much(50);
    draw_cells(cells, MRI_REGIME_RANDOM);
    for (uint8_t status = MRI_FEEDBACK_ZERO_RETURN; status <= MRI_FEEDBACK_UNRESOLVED; status++) {
        const struct mri_feedback feedback = {
            .platt_slope = 9.0, .status = status, .cell_count = TERMS};
        mri_buf_init(&before, mri_alloc_system(), SAVED_MAX);
        mri_buf_init(&after, mri_alloc_system(), SAVED_MAX);
        mri_beliefs_save(&beliefs, &before);
        assert_int_equal(apply(
                             &(struct mri_draft){
                                 .type = MRI_EVENT_FEEDBACK, .fixed = &feedback, .rows = {cells}},
                             5000 + status),
            MR_OK);
        assert_int_equal(beliefs.feedback_seq, 5000 + status);
        mri_beliefs_save(&beliefs, &after);
        assert_int_equal(before.count, after.count);
        assert_memory_equal(before.bytes + 8, after.bytes + 8, after.count - 8); /* but the seq */
        mri_buf_fini(&before);
        mri_buf_fini(&after);
    }
}

static void feedback_beyond_the_limits_is_damage(void **fixture)
{
    (void)fixture;
    struct mri_row_cell cells[TERMS];
    struct mri_feedback feedback = {.status = MRI_FEEDBACK_LEARNED, .cell_count = TERMS};
    const struct mri_draft draft = {
        .type = MRI_EVENT_FEEDBACK, .fixed = &feedback, .rows = {cells}};
    move_time(T0);
    draw_cells(cells, MRI_REGIME_RANDOM);
    feedback.symbol = SYMBOLS;
    assert_int_equal(apply(&draft, 7), MR_ECORRUPT);
    feedback.symbol = SYMBOLS - 1;
    assert_int_equal(apply(&draft, 7), MR_OK);
    cells[TERMS - 1].source = SOURCES;
    assert_int_equal(apply(&draft, 7), MR_ECORRUPT);
}

/** A signal of a source, from outside or not. */
static mr_err emit(const char *source, uint64_t cause)
{
    const struct mri_signal_generated fixed = {.cause = cause, .side = MR_LONG};
    const struct mri_draft draft = {.type = MRI_EVENT_SIGNAL_GENERATED,
        .fixed = &fixed,
        .texts = {[MRI_TEXT_signal_generated_source] = mri_slice_of(source)}};
    return apply(&draft, 9);
}

static void a_source_from_outside_counts_from_its_first_signal_on(void **fixture)
{
    (void)fixture;
    const struct mri_row_term term = {.x = 1.0};
    uint32_t number;
    assert_near(mri_beliefs_static_logit(&beliefs, &term, 1), 2.0 / MRI_SOURCE_INTERNAL_COUNT);
    assert_int_equal(emit("bot", 0), MR_ECORRUPT); /* the bus has not numbered it */
    assert_int_equal(mri_intern_add(&names, mri_slice_of("bot"), &number), MR_OK);
    assert_int_equal(mri_intern_add(&names, mri_slice_of("other"), &number), MR_OK);
    assert_int_equal(emit("bot", 3), MR_OK); /* decided here: not from outside */
    assert_int_equal(beliefs.source_count, MRI_SOURCE_INTERNAL_COUNT);
    assert_int_equal(emit("_A", 0), MR_OK); /* a reserved number */
    assert_int_equal(beliefs.source_count, MRI_SOURCE_INTERNAL_COUNT);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(emit("bot", 0), MR_OK);
        assert_int_equal(beliefs.source_count, MRI_SOURCE_INTERNAL_COUNT + 1);
    }
    assert_int_equal(emit("other", 0), MR_OK);
    assert_near(
        mri_beliefs_static_logit(&beliefs, &term, 1), 2.0 / (MRI_SOURCE_INTERNAL_COUNT + 2));
}

static void time_never_goes_back(void **fixture)
{
    (void)fixture;
    struct mri_candle candle = {.close_time_unix_ns = T0 + 60};
    const struct mri_draft draft = {.type = MRI_EVENT_CANDLE, .fixed = &candle};
    move_time(T0);
    assert_int_equal(apply(&draft, 2), MR_OK);
    assert_int_equal(beliefs.event_time_unix_ns, T0 + 60);
    move_time(T0 + 30);
    assert_int_equal(beliefs.event_time_unix_ns, T0 + 60);
}

static mr_err load(const void *bytes, size_t count, struct mri_beliefs *loaded)
{
    struct mri_unpack unpack;
    assert_int_equal(mri_beliefs_init(loaded, mri_alloc_system(), &options, &names), MR_OK);
    mri_unpack_init(&unpack, bytes, count);
    mr_err err = mri_beliefs_load(loaded, &unpack);
    return err == MR_OK ? mri_unpack_end(&unpack) : err;
}

static void beliefs_taken_back_are_the_same(void **fixture)
{
    (void)fixture;
    struct mri_buf saved;
    struct mri_buf again;
    struct mri_beliefs loaded;
    teach_much(500);
    mri_buf_init(&saved, mri_alloc_system(), SAVED_MAX);
    mri_buf_init(&again, mri_alloc_system(), SAVED_MAX);
    mri_beliefs_save(&beliefs, &saved);
    assert_int_equal(load(saved.bytes, saved.count, &loaded), MR_OK);
    assert_int_equal(loaded.coefficient_count, beliefs.coefficient_count);
    assert_memory_equal(loaded.coefficients, beliefs.coefficients,
        beliefs.coefficient_count * sizeof(*beliefs.coefficients));
    mri_beliefs_save(&loaded, &again);
    assert_int_equal(again.count, saved.count);
    assert_memory_equal(again.bytes, saved.bytes, saved.count);
    mri_beliefs_fini(&loaded);
    for (size_t count = 0; count < saved.count; count += 1 + count / 30) {
        assert_int_equal(load(saved.bytes, count, &loaded), MR_ECORRUPT);
        mri_beliefs_fini(&loaded);
    }
    size_t last = saved.count - sizeof(struct mri_coefficient) - sizeof(uint64_t);
    memset(saved.bytes + last, 0xff, sizeof(uint64_t)); /* a place that does not exist */
    assert_int_equal(load(saved.bytes, saved.count, &loaded), MR_ECORRUPT);
    mri_beliefs_fini(&loaded);
    mri_buf_fini(&saved);
    mri_buf_fini(&again);
}

static void without_memory_beliefs_say_so_and_leak_nothing(void **fixture)
{
    (void)fixture;
    for (unsigned failing = 1; failing <= 2; failing++) {
        struct failing_alloc heap;
        struct mri_beliefs made;
        failing_alloc_init(&heap, failing);
        assert_int_equal(mri_beliefs_init(&made, &heap.alloc, &options, &names), MR_ENOMEM);
        mri_beliefs_fini(&made);
        assert_int_equal(heap.live_bytes, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            sums_are_those_of_all_levels_relaxed_to_now, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_never_taught_is_the_prior, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            relaxing_in_two_steps_is_relaxing_in_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            probabilities_are_those_of_their_formulas, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_mixture_begins_with_its_prior, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            a_configuration_sets_the_weights_of_horizons_that_nothing_has_taught, set_up,
            tear_down),
        cmocka_unit_test_setup_teardown(
            only_feedback_that_learned_changes_values, set_up, tear_down),
        cmocka_unit_test_setup_teardown(feedback_beyond_the_limits_is_damage, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            a_source_from_outside_counts_from_its_first_signal_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(time_never_goes_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(beliefs_taken_back_are_the_same, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            without_memory_beliefs_say_so_and_leak_nothing, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
