/* SPDX-License-Identifier: MIT */
/*
 * Evaluation under test.
 */
#include "tests/lib/evaluate_sample.h"

#include <math.h>

#include "tests/lib/cmocka_all.h"

#define DAY_NS ((double)86400e9)

enum { SYMBOLS = 3 };

const struct mri_evaluate_options mri_evaluate_sample_options = {
    .gates = {.stale_signal_s = 120.0,
        .stale_price_s = 90.0,
        .cooldown_s = 600.0,
        .coverage_min = 0.6,
        .ev_z = 1.0,
        .positions_max = 2,
        .exposure_max = 1500.0},
    .size = {.equity = 10000.0, .kelly_fraction = 0.25, .notional_cap = 0.1},
    .beliefs = {.levels = {{0.2, 30.0 * DAY_NS}, {0.05, 30.0 * DAY_NS}, {0.05, 30.0 * DAY_NS}},
        .platt = {1.0, 30.0 * DAY_NS},
        .mixture_prior = {0.57, 0.215, 0.215},
        .symbols_max = MRI_ENGINE_SAMPLE_SYMBOLS_MAX,
        .sources_max = MRI_ENGINE_SAMPLE_SOURCES_MAX},
    .cost_bps = 10.0,
    .step_bars = 5,
};

static void read_evidence(const void *context, uint32_t symbol, struct mri_evidence *ret_evidence)
{
    (void)symbol;
    *ret_evidence = *(const struct mri_evidence *)context;
}

void mri_evaluate_sample_engine(const struct mri_evaluate_sample *sample,
    const struct mri_engine_sample *log, struct mri_evaluate *engine)
{
    mr_problem problem;
    assert_int_equal(mri_evaluate_init(engine, mri_alloc_system(), &log->market, &log->sources,
                         &mri_evaluate_sample_options, &problem),
        MR_OK);
    mri_evaluate_connect(
        engine, (struct mri_evidence_port){.context = &sample->evidence, .read = read_evidence});
}

void mri_evaluate_sample_init(struct mri_evaluate_sample *sample)
{
    sample->minute = -1;
    sample->evidence = (struct mri_evidence){.count = 5, .ready = 5};
    mri_engine_sample_init(&sample->log, SYMBOLS);
    mri_evaluate_sample_engine(sample, &sample->log, &sample->evaluate);
    mri_engine_sample_add(&sample->log, &mri_evaluate_engine, &sample->evaluate);
}

void mri_evaluate_sample_fini(struct mri_evaluate_sample *sample)
{
    mri_evaluate_fini(&sample->evaluate);
    mri_engine_sample_fini(&sample->log);
}

struct mri_candle mri_evaluate_sample_next(struct mri_evaluate_sample *sample)
{
    sample->minute++;
    return mri_engine_sample_bar(0, sample->minute, sample->minute % 2 == 0 ? 10000 : 10010);
}

void mri_evaluate_sample_bars(struct mri_evaluate_sample *sample, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        const struct mri_candle bar = mri_evaluate_sample_next(sample);
        assert_int_equal(mri_engine_sample_candle(&sample->log, &bar), MR_OK);
    }
}

void mri_evaluate_sample_teach(
    struct mri_evaluate_sample *sample, uint16_t source, mr_horizon horizon, double ev)
{
    const struct mri_row_cell cell = {.variance_global = 0.04,
        .ev_mean_global = ev,
        .ev_variance_global = 1e-8,
        .ev_variance_symbol = 1e-8,
        .ev_variance_regime = 1e-8,
        .source = source,
        .side = MR_LONG,
        .regime = MRI_REGIME_ABSENT};
    const struct mri_feedback feedback = {.return_bps = 1.0,
        .weight = 0.2,
        .prob_before = 0.5,
        .platt_variance = 1.0,
        .log_weight_coin = log(0.57),
        .log_weight_platt = log(0.215),
        .log_weight_pool = log(0.215),
        .horizon = (uint8_t)horizon,
        .cell_count = 1};
    assert_int_equal(
        mri_engine_sample_put(&sample->log,
            &(struct mri_draft){.type = MRI_EVENT_FEEDBACK, .fixed = &feedback, .rows = {&cell}},
            0),
        MR_OK);
}

struct mri_engine_sample_signal mri_evaluate_sample_signal(
    const struct mri_evaluate_sample *sample, double confidence, mr_side side)
{
    return (struct mri_engine_sample_signal){.source = "desk",
        .time_unix_ns = sample->log.market.event_time_unix_ns,
        .valid_for_ns = 5 * MRI_ENGINE_SAMPLE_MINUTE_NS,
        .confidence = confidence,
        .side = side};
}

uint32_t mri_evaluate_sample_put(
    struct mri_evaluate_sample *sample, const struct mri_engine_sample_signal *signal)
{
    const struct mri_signal_generated fixed = {
        .event_time_unix_ns = signal->time_unix_ns,
        .confidence = signal->confidence,
        .valid_for_ns = signal->valid_for_ns,
        .symbol = signal->symbol,
        .instrument = signal->symbol,
        .side = (uint8_t)signal->side,
        .regime = MRI_REGIME_ABSENT,
    };
    assert_int_equal(
        mri_engine_sample_put(&sample->log,
            &(struct mri_draft){.type = MRI_EVENT_SIGNAL_GENERATED,
                .fixed = &fixed,
                .texts = {[MRI_TEXT_signal_generated_source] = mri_slice_of(signal->source),
                    [MRI_TEXT_signal_generated_name] = mri_slice_of("outside")}},
            0),
        MR_OK);
    return sample->log.next_ordinal - 1;
}

uint32_t mri_evaluate_sample_emit(
    struct mri_evaluate_sample *sample, double confidence, mr_side side)
{
    const struct mri_engine_sample_signal signal =
        mri_evaluate_sample_signal(sample, confidence, side);
    assert_int_equal(mri_engine_sample_emit(&sample->log, &signal), MR_OK);
    return sample->log.next_ordinal - 1;
}

void mri_evaluate_sample_fact(struct mri_evaluate_sample *sample, enum mri_event_type type,
    const void *fixed, uint32_t ordinal)
{
    assert_int_equal(mri_engine_sample_put(&sample->log,
                         &(struct mri_draft){.type = (uint16_t)type, .fixed = fixed}, ordinal),
        MR_OK);
}

struct mri_evaluate_sample_decision mri_evaluate_sample_heard(
    const struct mri_evaluate_sample *sample, uint32_t ordinal)
{
    struct mri_evaluate_sample_decision heard = {.fixed = NULL};
    for (uint32_t i = 0; i < sample->log.count; i++) {
        const struct mri_event *event = &sample->log.events[i];
        if (event->type == MRI_EVENT_DECISION && event->ordinal == ordinal) {
            unsigned codes;
            assert_null(heard.fixed); /* a signal is decided once */
            heard.seq = event->seq;
            heard.fixed = event->body;
            heard.numbers = mri_event_rows(event, 0, &heard.gates);
            heard.factors = mri_event_rows(event, 1, &heard.factor_count);
            heard.size = mri_event_rows(event, 2, &heard.size_count);
            heard.codes = mri_event_rows(event, 3, &codes);
            assert_int_equal(codes, heard.gates);
        }
    }
    return heard;
}

const struct mri_event *mri_evaluate_sample_newest(
    const struct mri_evaluate_sample *sample, enum mri_event_type type)
{
    for (uint32_t i = sample->log.count; i > 0; i--) {
        if (sample->log.events[i - 1].type == type) {
            return &sample->log.events[i - 1];
        }
    }
    fail_msg("no event of type %d", (int)type);
    return NULL;
}
