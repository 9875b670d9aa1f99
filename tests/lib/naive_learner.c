/* SPDX-License-Identifier: MIT */
/*
 * A second implementation of learning, written from its description and for reading, not for speed.
 */
#include "tests/lib/naive_learner.h"

#include <math.h>
#include <string.h>

#include "tests/lib/cmocka_all.h"

static const double bars_of[MR_HORIZON_COUNT] = {1.0, 5.0, 15.0, 30.0, 60.0};

static void assert_near(double a, double b)
{
    assert_true(fabs(a - b) <= 1e-11 * (1.0 + fabs(b)));
}

static double sigmoid(double z)
{
    return 1.0 / (1.0 + exp(-z));
}

void mri_naive_learner_begin(
    struct mri_naive_learner *learner, const struct mri_learn_options *options)
{
    memset(learner, 0, sizeof(*learner));
    learner->options = *options;
    for (unsigned h = 0; h < MR_HORIZON_COUNT; h++) {
        for (unsigned j = 0; j < MRI_MEMBER_COUNT; j++) {
            learner->weights[h][j] = options->mixture.prior[j];
        }
    }
}

/** The cell of a level; NULL for the regime level without a regime. */
static struct mri_naive_cell *cell_of(struct mri_naive_learner *learner, unsigned h, unsigned level,
    const struct mri_row_term *term, uint32_t symbol, uint8_t regime)
{
    if (level == MRI_LEVEL_REGIME && regime == MRI_REGIME_ABSENT) {
        return NULL;
    }
    unsigned place = level == MRI_LEVEL_GLOBAL ? 0 : (level == MRI_LEVEL_SYMBOL ? symbol : regime);
    return &learner->cells[h][level][term->source][term->x < 0.0][place];
}

/** A cell as it is now. */
static struct mri_naive_cell relaxed(const struct mri_naive_learner *learner,
    const struct mri_ou_prior *prior, const struct mri_naive_cell *cell)
{
    double s2 = prior->sd * prior->sd;
    double a = cell->touch == 0 ? 0.0 : exp(-(double)(learner->now - cell->touch) / prior->tau_ns);
    return (struct mri_naive_cell){cell->m * a, s2 + (cell->v - s2) * a * a, cell->em * a,
        s2 + (cell->ev - s2) * a * a, learner->now};
}

/** Sums over a view's cells as they are now. */
static struct mri_naive_cell sum_of(struct mri_naive_learner *learner, unsigned h, uint32_t symbol,
    const struct mri_naive_view *view)
{
    struct mri_naive_cell sum = {0};
    for (unsigned i = 0; i < view->term_count; i++) {
        double x = view->terms[i].x;
        for (unsigned level = 0; level < MRI_LEVEL_COUNT; level++) {
            const struct mri_naive_cell *cell =
                cell_of(learner, h, level, &view->terms[i], symbol, view->regime);
            if (cell != NULL) {
                struct mri_naive_cell now =
                    relaxed(learner, &learner->options.beliefs.levels[level], cell);
                sum.m += x * now.m;
                sum.v += x * x * now.v;
                sum.em += x * now.em;
                sum.ev += x * x * now.ev;
            }
        }
    }
    return sum;
}

static void read_view(struct mri_naive_learner *learner, const struct mri_event *event)
{
    const struct mri_view *body = event->body;
    unsigned count;
    const struct mri_row_term *terms = mri_event_rows(event, 0, &count);
    if (body->kind != MRI_VIEW_STEP) {
        return;
    }
    struct mri_naive_learner_symbol *symbol = &learner->symbols[body->symbol];
    struct mri_naive_view *view = &symbol->views[symbol->view_count++];
    *view = (struct mri_naive_view){.seq = event->seq,
        .time = body->event_time_unix_ns,
        .price = body->price,
        .volatility = body->volatility,
        .regime = body->regime,
        .term_count = count};
    for (unsigned i = 0; i < count; i++) {
        view->terms[i] = terms[i];
        view->logit += 2.0 * terms[i].x / MRI_SOURCE_INTERNAL_COUNT;
    }
    for (unsigned h = 0; h < MR_HORIZON_COUNT; h++) {
        struct mri_naive_cell sum = sum_of(learner, h, body->symbol, view);
        double slope = relaxed(learner, &learner->options.beliefs.platt, &learner->platt[h]).m;
        view->members[h][MRI_MEMBER_COIN] = 0.5;
        view->members[h][MRI_MEMBER_PLATT] = sigmoid(slope * view->logit);
        view->members[h][MRI_MEMBER_POOL] = sigmoid(sum.m / sqrt(1.0 + 0.3927 * sum.v));
        for (unsigned j = 0; j < MRI_MEMBER_COUNT; j++) {
            view->prob_up[h] += learner->weights[h][j] * view->members[h][j];
        }
    }
}

static void check_prediction(struct mri_naive_learner *learner, const struct mri_event *event)
{
    const struct mri_prediction *body = event->body;
    unsigned count;
    const struct mri_row_forecast *rows = mri_event_rows(event, 0, &count);
    for (uint32_t k = 0; k < MRI_ENGINE_SAMPLE_SYMBOLS_MAX; k++) {
        const struct mri_naive_learner_symbol *symbol = &learner->symbols[k];
        const struct mri_naive_view *view =
            symbol->view_count == 0 ? NULL : &symbol->views[symbol->view_count - 1];
        bool is_it = view != NULL && view->seq == mri_ref_seq(body->view, event->seq);
        for (unsigned h = 0; is_it && h < MR_HORIZON_COUNT; h++) {
            assert_near(rows[h].prob_up, view->prob_up[h]);
            assert_near(rows[h].prob_pool, view->members[h][MRI_MEMBER_POOL]);
        }
    }
}

/** How many views of the symbol were open at a horizon when this one opened, itself included. */
static double open_count(
    const struct mri_naive_learner_symbol *symbol, unsigned h, const struct mri_naive_view *view)
{
    unsigned open = 0;
    for (unsigned i = 0; i < symbol->view_count; i++) {
        const struct mri_naive_view *other = &symbol->views[i];
        open +=
            other->time <= view->time && other->time + mri_horizon_ns((mr_horizon)h) > view->time;
    }
    return open;
}

/** Is the view due, given the newest input? */
static bool is_due(const struct mri_naive_learner *learner, uint32_t symbol, int64_t due)
{
    bool is_own = learner->input_symbol == symbol || learner->is_ended;
    return is_own ? due <= learner->now : due < learner->now;
}

/** What must become of a view; the return in bps when there is one. */
static enum mri_feedback_status expected_status(const struct mri_naive_learner *learner,
    uint32_t number, int64_t due, const struct mri_naive_view *view, double *ret_return_bps)
{
    const struct mri_naive_learner_symbol *symbol = &learner->symbols[number];
    unsigned at = symbol->bar_count;
    *ret_return_bps = 0.0;
    if (!is_due(learner, number, due)) {
        assert_true(learner->is_ended);
        return MRI_FEEDBACK_UNRESOLVED;
    }
    while (symbol->bar_times[at - 1] > due) {
        at--;
    }
    *ret_return_bps = ((double)symbol->bar_closes[at - 1] / (double)view->price - 1.0) * 1e4;
    if (symbol->bar_times[at - 1] < due - learner->options.tolerance_ns) {
        return MRI_FEEDBACK_EXCLUDED;
    }
    return symbol->bar_closes[at - 1] == view->price ? MRI_FEEDBACK_ZERO_RETURN
                                                     : MRI_FEEDBACK_LEARNED;
}

/** The numbers of a row by level. */
static struct mri_naive_cell row_level(const struct mri_row_cell *row, unsigned level)
{
    switch (level) {
    case MRI_LEVEL_GLOBAL:
        return (struct mri_naive_cell){row->mean_global, row->variance_global, row->ev_mean_global,
            row->ev_variance_global, 0};
    case MRI_LEVEL_SYMBOL:
        return (struct mri_naive_cell){row->mean_symbol, row->variance_symbol, row->ev_mean_symbol,
            row->ev_variance_symbol, 0};
    default:
        return (struct mri_naive_cell){row->mean_regime, row->variance_regime, row->ev_mean_regime,
            row->ev_variance_regime, 0};
    }
}

/** One outcome of a view. */
struct lesson {
    unsigned h;
    uint32_t symbol;
    const struct mri_naive_view *view;
    double w;
    double y;
    double scaled; /**< return / volatility, clipped */
};

static void learn_cells(
    struct mri_naive_learner *learner, const struct lesson *lesson, const struct mri_row_cell *rows)
{
    const struct mri_naive_view *view = lesson->view;
    struct mri_naive_cell sum = sum_of(learner, lesson->h, lesson->symbol, view);
    double p = sigmoid(sum.m);
    double q = p * (1.0 - p);
    double den = 1.0 + lesson->w * q * sum.v;
    double ev_den = learner->options.ev_noise / lesson->w + sum.ev;
    double is_ev = view->volatility > 0.0 ? 1.0 : 0.0;
    for (unsigned i = 0; i < view->term_count; i++) {
        double x = view->terms[i].x;
        for (unsigned level = 0; level < MRI_LEVEL_COUNT; level++) {
            struct mri_naive_cell *cell =
                cell_of(learner, lesson->h, level, &view->terms[i], lesson->symbol, view->regime);
            if (cell == NULL) {
                continue;
            }
            struct mri_naive_cell now =
                relaxed(learner, &learner->options.beliefs.levels[level], cell);
            cell->m = now.m + now.v * x * lesson->w * (lesson->y - p) / den;
            cell->v = now.v - now.v * x * now.v * x * lesson->w * q / den;
            cell->em = now.em + is_ev * now.ev * x * (lesson->scaled - sum.em) / ev_den;
            cell->ev = now.ev - is_ev * now.ev * x * now.ev * x / ev_den;
            cell->touch = learner->now;
            struct mri_naive_cell row = row_level(&rows[i], level);
            assert_near(row.m, cell->m);
            assert_near(row.v, cell->v);
            assert_near(row.em, cell->em);
            assert_near(row.ev, cell->ev);
        }
    }
}

static void learn_platt(struct mri_naive_learner *learner, const struct lesson *lesson)
{
    struct mri_naive_cell *platt = &learner->platt[lesson->h];
    struct mri_naive_cell now = relaxed(learner, &learner->options.beliefs.platt, platt);
    double x = lesson->view->logit;
    double p = sigmoid(now.m * x);
    double den = 1.0 + lesson->w * p * (1.0 - p) * now.v * x * x;
    platt->m = now.m + now.v * x * lesson->w * (lesson->y - p) / den;
    platt->v = now.v - now.v * x * now.v * x * lesson->w * p * (1.0 - p) / den;
    platt->touch = learner->now;
}

static void learn_weights(struct mri_naive_learner *learner, const struct lesson *lesson)
{
    const struct mri_mixture_options *options = &learner->options.mixture;
    double *weights = learner->weights[lesson->h];
    double sum = 0.0;
    bool is_new_time = learner->learned_time[lesson->h] != learner->now;
    for (unsigned j = 0; j < MRI_MEMBER_COUNT; j++) {
        double p = lesson->view->members[lesson->h][j];
        weights[j] *= pow(lesson->y > 0.0 ? p : 1.0 - p, options->eta_factor * lesson->w);
        sum += weights[j];
    }
    for (unsigned j = 0; j < MRI_MEMBER_COUNT; j++) {
        weights[j] /= sum;
        if (is_new_time) {
            weights[j] = (1.0 - options->fixed_share) * weights[j] +
                         options->fixed_share * options->prior[j];
        }
    }
    learner->learned_time[lesson->h] = learner->now;
}

static void count(struct mri_naive_learner *learner, unsigned h, const struct mri_naive_view *view,
    enum mri_feedback_status status, bool is_up)
{
    struct mri_naive_learner_tally *tally = &learner->tally[h];
    tally->statuses[status]++;
    bool is_scored = view->time >= learner->first_close + learner->options.score_after_ns;
    tally->scored_zero += is_scored && status == MRI_FEEDBACK_ZERO_RETURN;
    if (!is_scored || status != MRI_FEEDBACK_LEARNED) {
        return;
    }
    tally->scored++;
    const double probabilities[MRI_SCORE_COUNT] = {
        [MRI_SCORE_LEARNED] = view->prob_up[h],
        [MRI_SCORE_STATIC] = sigmoid(view->logit),
        [MRI_SCORE_STATIC_PLATT] = view->members[h][MRI_MEMBER_PLATT],
        [MRI_SCORE_POOL] = view->members[h][MRI_MEMBER_POOL],
    };
    for (unsigned i = 0; i < MRI_SCORE_COUNT; i++) {
        tally->losses[i] -= log(is_up ? probabilities[i] : 1.0 - probabilities[i]);
    }
}

static void check_feedback(struct mri_naive_learner *learner, const struct mri_event *event)
{
    const struct mri_feedback *body = event->body;
    unsigned rows_count;
    const struct mri_row_cell *rows = mri_event_rows(event, 0, &rows_count);
    unsigned h = body->horizon;
    struct mri_naive_learner_symbol *symbol = &learner->symbols[body->symbol];
    assert_true(symbol->taken[h] < symbol->view_count);
    const struct mri_naive_view *view = &symbol->views[symbol->taken[h]++];
    int64_t due = view->time + mri_horizon_ns((mr_horizon)h);
    double return_bps;
    enum mri_feedback_status status =
        expected_status(learner, body->symbol, due, view, &return_bps);
    assert_true(mri_ref_seq(body->view, event->seq) == view->seq);
    assert_int_equal(body->status, status);
    assert_near(body->return_bps, return_bps);
    assert_near(body->prob_before, view->prob_up[h]);
    assert_near(body->weight, learner->options.kappa / open_count(symbol, h, view));
    count(learner, h, view, status, return_bps > 0.0);
    if (status != MRI_FEEDBACK_LEARNED) {
        assert_int_equal(rows_count, 0);
        return;
    }
    assert_int_equal(rows_count, view->term_count);
    double sd_bps = view->volatility * sqrt(bars_of[h]) * 1e4;
    const struct lesson lesson = {.h = h,
        .symbol = body->symbol,
        .view = view,
        .w = body->weight,
        .y = return_bps > 0.0 ? 1.0 : 0.0,
        .scaled = sd_bps > 0.0 ? fmin(fmax(return_bps / sd_bps, -4.0), 4.0) : 0.0};
    learn_cells(learner, &lesson, rows);
    learn_platt(learner, &lesson);
    learn_weights(learner, &lesson);
    assert_near(body->platt_slope, learner->platt[h].m);
    assert_near(body->platt_variance, learner->platt[h].v);
    assert_near(exp(body->log_weight_coin), learner->weights[h][MRI_MEMBER_COIN]);
    assert_near(exp(body->log_weight_platt), learner->weights[h][MRI_MEMBER_PLATT]);
    assert_near(exp(body->log_weight_pool), learner->weights[h][MRI_MEMBER_POOL]);
}

void mri_naive_learner_expect_nothing_due(const struct mri_naive_learner *learner)
{
    for (uint32_t k = 0; k < MRI_ENGINE_SAMPLE_SYMBOLS_MAX; k++) {
        const struct mri_naive_learner_symbol *symbol = &learner->symbols[k];
        for (unsigned h = 0; h < MR_HORIZON_COUNT; h++) {
            if (symbol->taken[h] < symbol->view_count) {
                int64_t time = symbol->views[symbol->taken[h]].time;
                assert_false(learner->is_ended);
                assert_false(is_due(learner, k, time + mri_horizon_ns((mr_horizon)h)));
            }
        }
    }
}

static void read_candle(struct mri_naive_learner *learner, const struct mri_candle *candle)
{
    struct mri_naive_learner_symbol *symbol = &learner->symbols[candle->symbol];
    assert_true(symbol->bar_count < MRI_NAIVE_LEARNER_BARS_MAX);
    symbol->bar_times[symbol->bar_count] = candle->close_time_unix_ns;
    symbol->bar_closes[symbol->bar_count++] = candle->close;
    learner->now = candle->close_time_unix_ns;
    learner->input_symbol = candle->symbol;
    learner->first_close =
        learner->first_close == 0 ? candle->close_time_unix_ns : learner->first_close;
}

void mri_naive_learner_read(struct mri_naive_learner *learner, const struct mri_event *event)
{
    switch (event->type) {
    case MRI_EVENT_CANDLE:
        read_candle(learner, event->body);
        break;
    case MRI_EVENT_TICK: {
        const struct mri_tick *tick = event->body;
        learner->now =
            tick->event_time_unix_ns > learner->now ? tick->event_time_unix_ns : learner->now;
        learner->input_symbol = UINT32_MAX;
        learner->is_ended = tick->reason == MRI_REASON_FEED_ENDED;
        break;
    }
    case MRI_EVENT_VIEW:
        read_view(learner, event);
        break;
    case MRI_EVENT_PREDICTION:
        check_prediction(learner, event);
        break;
    case MRI_EVENT_FEEDBACK:
        check_feedback(learner, event);
        break;
    default:
        break;
    }
}
