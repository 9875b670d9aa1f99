/* SPDX-License-Identifier: MIT */
/*
 * Step views with chosen terms.
 */
#include "tests/lib/step_views.h"

#include "base/check.h"
#include "base/exact_math.h"

/** Views of the symbol that are not yet due at a horizon, and the one that opens now. */
static uint8_t open_count(
    const struct mri_step_views_sample *sample, uint32_t symbol, mr_horizon horizon, int64_t now)
{
    uint8_t open = 1;
    for (unsigned i = 0; i < sample->time_count[symbol]; i++) {
        if (sample->times[symbol][i] + mri_horizon_ns(horizon) > now) {
            open++;
        }
    }
    return open;
}

static void predict(const struct mri_step_views_sample *sample, const struct mri_view *view,
    const struct mri_row_term *terms, struct mri_row_forecast *rows)
{
    const struct mri_beliefs *beliefs = sample->beliefs;
    double logit = mri_beliefs_static_logit(beliefs, terms, view->term_count);
    for (unsigned h = 0; h < MR_HORIZON_COUNT; h++) {
        const struct mri_beliefs_place place = {view->symbol, view->regime, (mr_horizon)h};
        struct mri_beliefs_sums sums = mri_beliefs_sum(beliefs, &place, terms, view->term_count);
        const double members[MRI_MEMBER_COUNT] = {0.5,
            mri_sigmoid(mri_beliefs_platt(beliefs, (mr_horizon)h).mean * logit),
            mri_beliefs_pool_probability(&sums)};
        rows[h] = (struct mri_row_forecast){
            .prob_up = mri_beliefs_mixture(beliefs, (mr_horizon)h, members),
            .prob_pool = members[MRI_MEMBER_POOL],
            .ev_bps = sums.ev,
            .ev_sd_bps = mri_sqrt(sums.ev_variance),
        };
    }
}

static mr_err decide(const void *state, const struct mri_event *input, struct mri_batch *batch)
{
    const struct mri_step_views_sample *sample = state;
    if (input->type != MRI_EVENT_CANDLE) {
        return MR_OK;
    }
    const struct mri_candle *candle = input->body;
    const struct mri_step_views_next *next = &sample->next[candle->symbol];
    int64_t now = candle->close_time_unix_ns;
    int64_t minute = (now - MRI_ENGINE_SAMPLE_T0_UNIX_NS) / MRI_ENGINE_SAMPLE_MINUTE_NS;
    if (minute % sample->step_minutes != 0 || next->count == 0) {
        return MR_OK;
    }
    const struct mri_view view = {
        .cause = mri_batch_ref(batch, input->seq),
        .event_time_unix_ns = now,
        .price = candle->close,
        .volatility = next->volatility,
        .symbol = candle->symbol,
        .kind = MRI_VIEW_STEP,
        .regime = next->regime,
        .term_count = next->count,
        .open_1m = open_count(sample, candle->symbol, MR_HORIZON_1M, now),
        .open_5m = open_count(sample, candle->symbol, MR_HORIZON_5M, now),
        .open_15m = open_count(sample, candle->symbol, MR_HORIZON_15M, now),
        .open_30m = open_count(sample, candle->symbol, MR_HORIZON_30M, now),
        .open_1h = open_count(sample, candle->symbol, MR_HORIZON_1H, now),
    };
    struct mri_row_forecast rows[MR_HORIZON_COUNT];
    uint64_t view_seq = mri_batch_next_seq(batch);
    mr_err err = mri_batch_add(batch,
        &(struct mri_draft){.type = MRI_EVENT_VIEW, .fixed = &view, .rows = {next->terms}}, 0);
    predict(sample, &view, next->terms, rows);
    const struct mri_prediction prediction = {
        .cause = mri_batch_ref(batch, input->seq),
        .view = mri_batch_ref(batch, view_seq),
        .feedback = mri_batch_ref(batch, sample->beliefs->feedback_seq),
        .forecast_count = MR_HORIZON_COUNT,
        .has_ev = 1,
    };
    return err != MR_OK
               ? err
               : mri_batch_add(batch,
                     &(struct mri_draft){
                         .type = MRI_EVENT_PREDICTION, .fixed = &prediction, .rows = {rows}},
                     0);
}

static mr_err apply(void *state, const struct mri_event *event)
{
    struct mri_step_views_sample *sample = state;
    if (event->type == MRI_EVENT_VIEW) {
        const struct mri_view *view = event->body;
        MRI_ASSERT(sample->time_count[view->symbol] < MRI_STEP_VIEWS_TIMES_MAX);
        sample->times[view->symbol][sample->time_count[view->symbol]++] = view->event_time_unix_ns;
    }
    return MR_OK;
}

const struct mri_engine mri_step_views_engine = {
    .name = "step_views", .decide = decide, .apply = apply};
