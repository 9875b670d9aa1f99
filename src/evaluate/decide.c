/* SPDX-License-Identifier: MIT */
/*
 * From a view to decisions.
 *
 *   view -> prediction -> for each signal: decision, moved to blocked
 *                                      or: moved to evaluating, decision, moved to approved
 *
 * Invariants
 *  1. Every decision names the view and the newest feedback it used, and stores all gates.
 *  2. A decision beside a signal's owner moves nothing and stands in nobody's way.
 *  3. At most one signal of a view passes: the one with the largest confidence, then the lowest
 *     ordinal, among those that pass every other gate.
 */
#include "evaluate/decide.h"

#include "base/exact_math.h"

/** A view that was drafted, and what follows from it. */
struct context {
    const struct mri_evaluate *evaluate;
    const struct mri_decide_set *set;
    const struct mri_event *input;
    struct mri_batch *batch;
    const struct mri_market_symbol *symbol;
    struct mri_view_draft view;
    uint64_t view_seq;
    bool has_ev;
    struct mri_row_forecast forecasts[MR_HORIZON_COUNT];
};

static double seconds(int64_t ns)
{
    return (double)ns / 1e9;
}

static mr_err draft_view(struct context *context)
{
    const struct mri_evaluate *evaluate = context->evaluate;
    const struct mri_step_views *steps = &evaluate->steps[context->set->symbol];
    struct mri_view *fixed = &context->view.fixed;
    int64_t now = evaluate->market->event_time_unix_ns;
    const struct mri_bar *bar = &context->symbol->bar;
    fixed->cause = mri_batch_ref(context->batch, context->input->seq);
    fixed->event_time_unix_ns = now;
    fixed->price = context->symbol->price.price;
    fixed->volatility = mri_is_finite(bar->volatility) ? bar->volatility : 0.0;
    fixed->symbol = context->set->symbol;
    fixed->kind = context->set->is_step ? MRI_VIEW_STEP : MRI_VIEW_SIGNAL;
    fixed->regime = bar->regime;
    fixed->signal_count = (uint8_t)context->set->count;
    fixed->open_1m = mri_view_open_count(steps, MR_HORIZON_1M, now);
    fixed->open_5m = mri_view_open_count(steps, MR_HORIZON_5M, now);
    fixed->open_15m = mri_view_open_count(steps, MR_HORIZON_15M, now);
    fixed->open_30m = mri_view_open_count(steps, MR_HORIZON_30M, now);
    fixed->open_1h = mri_view_open_count(steps, MR_HORIZON_1H, now);
    context->view_seq = mri_batch_next_seq(context->batch);
    return mri_batch_add(context->batch,
        &(struct mri_draft){.type = MRI_EVENT_VIEW, .fixed = fixed, .rows = {context->view.terms}},
        0);
}

/** Volatility over a horizon, from that of one bar. */
static double horizon_sd(const struct context *context, mr_horizon horizon)
{
    double bars = (double)(mri_horizon_ns(horizon) / MRI_BAR_NS);
    return context->view.fixed.volatility * mri_sqrt(bars);
}

static void forecast(struct context *context, mr_horizon horizon)
{
    const struct mri_beliefs *beliefs = &context->evaluate->beliefs;
    const struct mri_beliefs_place place = {
        .symbol = context->set->symbol, .regime = context->view.fixed.regime, .horizon = horizon};
    unsigned count = context->view.fixed.term_count;
    struct mri_beliefs_sums sums = mri_beliefs_sum(beliefs, &place, context->view.terms, count);
    double logit = mri_beliefs_static_logit(beliefs, context->view.terms, count);
    const double members[MRI_MEMBER_COUNT] = {
        [MRI_MEMBER_COIN] = 0.5,
        [MRI_MEMBER_PLATT] = mri_sigmoid(mri_beliefs_platt(beliefs, horizon).mean * logit),
        [MRI_MEMBER_POOL] = mri_beliefs_pool_probability(&sums),
    };
    double scale = horizon_sd(context, horizon) * 1e4;
    context->forecasts[horizon] = (struct mri_row_forecast){
        .prob_up = mri_beliefs_mixture(beliefs, horizon, members),
        .prob_pool = members[MRI_MEMBER_POOL],
        .ev_bps = sums.ev * scale,
        .ev_sd_bps = mri_sqrt(sums.ev_variance) * scale,
    };
}

static mr_err draft_prediction(struct context *context)
{
    struct mri_batch *batch = context->batch;
    context->has_ev = context->view.fixed.volatility > 0.0;
    for (unsigned h = 0; h < MR_HORIZON_COUNT; h++) {
        forecast(context, (mr_horizon)h);
    }
    const struct mri_prediction fixed = {
        .cause = mri_batch_ref(batch, context->input->seq),
        .view = mri_batch_ref(batch, context->view_seq),
        .feedback = mri_batch_ref(batch, context->evaluate->beliefs.feedback_seq),
        .forecast_count = MR_HORIZON_COUNT,
        .has_ev = context->has_ev,
    };
    return mri_batch_add(batch,
        &(struct mri_draft){
            .type = MRI_EVENT_PREDICTION, .fixed = &fixed, .rows = {context->forecasts}},
        0);
}

static void count_positions(const struct mri_evaluate *evaluate, struct mri_gate_input *input)
{
    uint32_t symbols = evaluate->market->instruments.count;
    for (uint32_t i = 0; i < symbols; i++) {
        if (evaluate->book[i].ordinal != 0) {
            input->positions++;
            input->exposure += evaluate->book[i].notional;
        }
    }
}

/** What the gates look at, but for `stronger`. */
static struct mri_gate_input gate_input(
    const struct context *context, const struct mri_undecided *signal)
{
    const struct mri_evaluate *evaluate = context->evaluate;
    const struct mri_book_entry *book = &evaluate->book[signal->symbol];
    const struct mri_row_forecast *row = &context->forecasts[signal->horizon];
    const struct mri_view *view = &context->view.fixed;
    int64_t now = evaluate->market->event_time_unix_ns;
    int64_t approved = book->approved_unix_ns[signal->side == MR_SHORT];
    struct mri_gate_input input = {
        .mode = (enum mri_mode)evaluate->mode,
        .signal_age_s = seconds(now - signal->event_time_unix_ns),
        .has_price = context->symbol->price.time_unix_ns != 0,
        .price_age_s = seconds(now - context->symbol->price.time_unix_ns),
        .has_approval = approved != 0,
        .since_approval_s = seconds(now - approved),
        .coverage =
            view->source_count == 0 ? 0.0 : (double)view->ready_count / (double)view->source_count,
        .has_ev = context->has_ev,
        .ev_bps = signal->side == MR_SHORT ? -row->ev_bps : row->ev_bps,
        .ev_sd_bps = row->ev_sd_bps,
        .cost_bps = evaluate->options.cost_bps,
        .symbol_positions = book->ordinal != 0,
    };
    count_positions(evaluate, &input);
    return input;
}

static bool goes_before(const struct mri_undecided *a, const struct mri_undecided *b)
{
    return a->confidence > b->confidence ||
           (a->confidence == b->confidence && a->ordinal < b->ordinal);
}

static mr_err draft_move(const struct context *context, const struct mri_undecided *signal,
    const struct mri_signal_moved *move)
{
    struct mri_signal_moved fixed = *move;
    fixed.cause = mri_batch_ref(context->batch, context->input->seq);
    fixed.signal = mri_batch_ref(context->batch, signal->seq);
    fixed.evidence = mri_batch_ref(context->batch, move->evidence);
    fixed.actor = MRI_ACTOR_EVALUATE;
    return mri_batch_add(context->batch,
        &(struct mri_draft){.type = MRI_EVENT_SIGNAL_MOVED, .fixed = &fixed}, signal->ordinal);
}

/** The rows of a decision: the chain, and the size gate when the chain let the signal pass. */
struct decision_rows {
    struct mri_row_gate_number numbers[MRI_CHAIN_GATE_COUNT + 1];
    struct mri_row_gate_code codes[MRI_CHAIN_GATE_COUNT + 1];
    struct mri_row_factor factors[MRI_SIZE_FACTORS];
    struct mri_row_order_size size;
};

static void put_gate(struct decision_rows *rows, unsigned at, enum mri_gate gate,
    const struct mri_gate_result *result)
{
    rows->numbers[at] = (struct mri_row_gate_number){result->value, result->threshold};
    rows->codes[at] = (struct mri_row_gate_code){
        .gate = (uint8_t)gate,
        .verdict = (uint8_t)result->verdict,
        .unit = (uint8_t)mri_gate_unit(gate, result->reason),
        .reason = (uint8_t)result->reason,
    };
}

/**
 * Size what passed, within the room that the position gate found; a size below the venue's minimum
 * blocks.
 */
static void judge_size(const struct context *context, const struct mri_undecided *signal,
    const struct mri_gate_input *input, struct mri_decision *fixed, struct decision_rows *rows)
{
    const struct mri_evaluate_options *options = &context->evaluate->options;
    const struct mri_size_input size_input = {
        .edge_bps = input->ev_bps - input->cost_bps,
        .ev_sd_bps = input->ev_sd_bps,
        .return_sd = horizon_sd(context, (mr_horizon)signal->horizon),
        .room = options->gates.exposure_max - input->exposure,
        .price = context->symbol->price.price,
    };
    struct mri_size size = mri_size_compute(&options->size, &size_input,
        mri_instruments_get(&context->evaluate->market->instruments, signal->symbol));
    bool is_enough = size.quantity > 0;
    struct mri_gate_result result =
        mri_gate_judged(is_enough, MRI_REASON_SIZE_BELOW_MINIMUM, size.notional, size.notional_min);
    put_gate(rows, fixed->gate_count++, MRI_GATE_SIZE, &result);
    for (unsigned i = 0; i < MRI_SIZE_FACTORS; i++) {
        rows->factors[i] = size.factors[i];
    }
    fixed->factor_count = MRI_SIZE_FACTORS;
    if (is_enough) {
        rows->size = (struct mri_row_order_size){size.quantity, size.notional_e8};
        fixed->size_count = 1;
    } else {
        fixed->verdict = MRI_VERDICT_BLOCK;
        fixed->gate = MRI_GATE_SIZE;
        fixed->reason = MRI_REASON_SIZE_BELOW_MINIMUM;
    }
}

static mr_err draft_decision(
    struct context *context, const struct mri_undecided *signal, const struct mri_gate_input *input)
{
    struct mri_batch *batch = context->batch;
    struct decision_rows rows;
    struct mri_gates_result gates = mri_gates_run(input, &context->evaluate->options.gates);
    struct mri_decision fixed = {
        .verdict = (uint8_t)gates.verdict,
        .gate = (uint8_t)gates.gate,
        .horizon = signal->horizon,
        .side = signal->side,
        .reason = (uint16_t)gates.reason,
        .gate_count = MRI_CHAIN_GATE_COUNT,
        .symbol = signal->symbol,
    };
    for (unsigned i = 0; i < MRI_CHAIN_GATE_COUNT; i++) {
        put_gate(&rows, i, mri_gates_at(i), &gates.results[i]);
    }
    if (gates.verdict == MRI_VERDICT_PASS) {
        judge_size(context, signal, input, &fixed, &rows);
    }
    bool is_advisory = signal->route == MRI_ROUTE_ADVISORY;
    bool is_approved = fixed.verdict == MRI_VERDICT_PASS;
    fixed.advisory = is_advisory;
    mr_err err =
        is_advisory || !is_approved
            ? MR_OK /* to blocked in one move: no reader can see what lies within a batch */
            : draft_move(context, signal,
                  &(struct mri_signal_moved){.from = MR_GENERATED,
                      .to = MR_EVALUATING,
                      .evidence = context->view_seq,
                      .reason = MRI_REASON_EVALUATION_STARTED});
    if (err != MR_OK) {
        return err;
    }
    uint64_t decision_seq = mri_batch_next_seq(batch);
    fixed.cause = mri_batch_ref(batch, context->input->seq);
    fixed.signal = mri_batch_ref(batch, signal->seq);
    fixed.view = mri_batch_ref(batch, context->view_seq);
    fixed.feedback = mri_batch_ref(batch, context->evaluate->beliefs.feedback_seq);
    err = mri_batch_add(batch,
        &(struct mri_draft){.type = MRI_EVENT_DECISION,
            .fixed = &fixed,
            .rows = {rows.numbers, rows.factors, &rows.size, rows.codes}},
        signal->ordinal);
    if (err != MR_OK || is_advisory) {
        return err;
    }
    return draft_move(context, signal,
        &(struct mri_signal_moved){.from = is_approved ? MR_EVALUATING : MR_GENERATED,
            .to = is_approved ? MR_APPROVED : MR_BLOCKED,
            .evidence = decision_seq,
            .gate = fixed.gate,
            .reason = fixed.reason});
}

static mr_err draft_decisions(struct context *context)
{
    const struct mri_decide_set *set = context->set;
    struct mri_gate_input inputs[MRI_VIEW_SIGNALS_MAX];
    bool passes[MRI_VIEW_SIGNALS_MAX];
    for (unsigned i = 0; i < set->count; i++) {
        inputs[i] = gate_input(context, set->signals[i]);
        passes[i] = mri_gates_pass_alone(&inputs[i], &context->evaluate->options.gates);
    }
    mr_err err = MR_OK;
    for (unsigned i = 0; i < set->count && err == MR_OK; i++) {
        for (unsigned k = 0; k < set->count; k++) {
            bool is_rival = passes[k] && set->signals[k]->route != MRI_ROUTE_ADVISORY;
            inputs[i].stronger +=
                k != i && is_rival && goes_before(set->signals[k], set->signals[i]);
        }
        err = draft_decision(context, set->signals[i], &inputs[i]);
    }
    return err;
}

mr_err mri_decide_draft(const struct mri_evaluate *evaluate, const struct mri_decide_set *set,
    const struct mri_event *input, struct mri_batch *batch)
{
    struct context context = {
        .evaluate = evaluate,
        .set = set,
        .input = input,
        .batch = batch,
        .symbol = mri_market_symbol(evaluate->market, set->symbol),
    };
    struct mri_evidence evidence;
    uint32_t external_count = evaluate->options.beliefs.sources_max - MRI_SOURCE_EXTERNAL_FIRST;
    evaluate->evidence.read(evaluate->evidence.context, set->symbol, &evidence);
    mri_view_collect(&context.view, &evidence,
        &evaluate->externals[(size_t)set->symbol * external_count], external_count,
        evaluate->market->event_time_unix_ns);
    bool is_empty = set->count == 0 && context.view.fixed.term_count == 0;
    if (is_empty) {
        return MR_OK; /* a step without evidence and without signals opens no view */
    }
    mr_err err = draft_view(&context);
    if (err == MR_OK) {
        err = draft_prediction(&context);
    }
    return err == MR_OK ? draft_decisions(&context) : err;
}
