/* SPDX-License-Identifier: MIT */
/*
 * Outcomes.
 *
 * The price at a horizon is the newest one in force at or before it, with its own time; a price
 * older than the tolerance excludes the outcome. So running late, or in another order of symbols,
 * gives the same outcomes.
 *
 * Invariants
 *  1. Every signal gets exactly one outcome a horizon, in order of being due; at the feed's end
 *     those that are left are unresolved.
 */
#include "resolve/resolve.h"

/** Outcomes take at most half of a batch, so that learning and decisions find room. */
#define BATCH_SHARE 0.5

mr_err mri_resolve_init(struct mri_resolve *resolve, const struct mri_alloc *alloc,
    const struct mri_market *market, const struct mri_resolve_options *options)
{
    *resolve = (struct mri_resolve){.alloc = alloc, .market = market, .options = *options};
    void *block;
    mr_err err = mri_alloc_array(alloc, options->symbols_max, sizeof(*resolve->timers), &block);
    if (err == MR_OK) {
        resolve->timers = block;
    }
    return err;
}

void mri_resolve_fini(struct mri_resolve *resolve)
{
    if (resolve == NULL || resolve->alloc == NULL) {
        return;
    }
    for (uint32_t i = 0; resolve->timers != NULL && i < resolve->options.symbols_max; i++) {
        mri_timers_fini(&resolve->timers[i], resolve->alloc);
    }
    mri_alloc_free(
        resolve->alloc, resolve->timers, resolve->options.symbols_max * sizeof(*resolve->timers));
    *resolve = (struct mri_resolve){0};
}

static bool is_feed_end(const struct mri_event *input)
{
    return input->type == MRI_EVENT_TICK &&
           ((const struct mri_tick *)input->body)->reason == MRI_REASON_FEED_ENDED;
}

/** Price a timer at a horizon; fills status, reason, price and return. */
static void price(const struct mri_resolve *resolve, uint32_t symbol, const struct mri_timer *timer,
    struct mri_outcome *outcome)
{
    struct mri_price at;
    if (timer->entry_time_unix_ns == 0) {
        outcome->status = MRI_OUTCOME_UNRESOLVED;
        outcome->reason = MRI_REASON_NO_PRICE_SOURCE;
        return;
    }
    if (mri_market_price_at(resolve->market, symbol, outcome->due_unix_ns, &at) != MR_OK) {
        outcome->status = MRI_OUTCOME_UNRESOLVED;
        outcome->reason = MRI_REASON_NO_PRICE_SOURCE;
        return;
    }
    bool is_late = outcome->due_unix_ns - at.time_unix_ns > resolve->options.tolerance_ns;
    outcome->status = is_late ? MRI_OUTCOME_EXCLUDED : MRI_OUTCOME_RESOLVED;
    outcome->reason = is_late ? MRI_REASON_LATE_PRICE : MRI_REASON_NONE;
    outcome->price = at.price;
    outcome->price_time_unix_ns = at.time_unix_ns;
    outcome->return_bps =
        (double)(at.price - timer->entry_price) / (double)timer->entry_price * 1e4;
}

static mr_err draft_outcome(const struct mri_resolve *resolve, uint32_t symbol, mr_horizon horizon,
    const struct mri_timer *timer, const struct mri_event *input, struct mri_batch *batch)
{
    int64_t due = timer->time_unix_ns + mri_horizon_ns(horizon);
    struct mri_outcome outcome = {
        .cause = mri_batch_ref(batch, input->seq),
        .signal = mri_batch_ref(batch, timer->seq),
        .due_unix_ns = due,
        .entry_price = timer->entry_price,
        .instrument = symbol,
        .horizon = (uint8_t)horizon,
    };
    if (mri_instruments_get(&resolve->market->instruments, symbol)->is_provisional != 0) {
        outcome.status = MRI_OUTCOME_UNRESOLVED;
        outcome.reason = MRI_REASON_NO_PRICE_SOURCE;
    } else if (mri_market_is_due(resolve->market, symbol, due, input)) {
        price(resolve, symbol, timer, &outcome);
    } else {
        outcome.status = MRI_OUTCOME_UNRESOLVED;
        outcome.reason = MRI_REASON_FEED_ENDED;
    }
    return mri_batch_add(
        batch, &(struct mri_draft){.type = MRI_EVENT_OUTCOME, .fixed = &outcome}, timer->ordinal);
}

static mr_err decide_symbol(const struct mri_resolve *resolve, uint32_t symbol,
    const struct mri_event *input, struct mri_batch *batch)
{
    const struct mri_timers *timers = &resolve->timers[symbol];
    bool is_end = is_feed_end(input);
    for (unsigned h = 0; h < MR_HORIZON_COUNT; h++) {
        mr_horizon horizon = (mr_horizon)h;
        const struct mri_timer *timer = mri_timers_peek(timers, horizon, 0);
        for (uint64_t ahead = 1; timer != NULL; ahead++) {
            int64_t due = timer->time_unix_ns + mri_horizon_ns(horizon);
            if (!is_end && !mri_market_is_due(resolve->market, symbol, due, input)) {
                break;
            }
            if (mri_batch_is_filled(batch, BATCH_SHARE)) {
                batch->is_cut = true; /* a long silence ends: the next tick goes on */
                return MR_OK;
            }
            mr_err err = draft_outcome(resolve, symbol, horizon, timer, input, batch);
            if (err != MR_OK) {
                return err;
            }
            timer = mri_timers_peek(timers, horizon, ahead);
        }
    }
    return MR_OK;
}

static mr_err decide(const void *state, const struct mri_event *input, struct mri_batch *batch)
{
    const struct mri_resolve *resolve = state;
    if (input->type != MRI_EVENT_CANDLE && input->type != MRI_EVENT_QUOTE &&
        input->type != MRI_EVENT_TICK) {
        return MR_OK;
    }
    mr_err err = MR_OK;
    for (uint32_t i = 0; i < resolve->market->instruments.count && err == MR_OK; i++) {
        err = decide_symbol(resolve, i, input, batch);
    }
    return err;
}

static mr_err apply_generated(struct mri_resolve *resolve, const struct mri_event *event)
{
    const struct mri_signal_generated *signal = event->body;
    struct mri_price at;
    struct mri_timer timer = {
        .seq = event->seq,
        .time_unix_ns = signal->event_time_unix_ns,
        .ordinal = event->ordinal,
    };
    if (signal->symbol >= resolve->options.symbols_max) {
        return MR_ECORRUPT;
    }
    mr_err err =
        mri_market_price_at(resolve->market, signal->symbol, signal->event_time_unix_ns, &at);
    if (err == MR_OK) {
        timer.entry_price = at.price;
        timer.entry_time_unix_ns = at.time_unix_ns;
    }
    return mri_timers_push(&resolve->timers[signal->symbol], resolve->alloc, &timer);
}

static mr_err apply_outcome(struct mri_resolve *resolve, const struct mri_event *event)
{
    const struct mri_outcome *outcome = event->body;
    if (outcome->instrument >= resolve->options.symbols_max) {
        return MR_ECORRUPT;
    }
    struct mri_timers *timers = &resolve->timers[outcome->instrument];
    const struct mri_timer *timer = mri_timers_peek(timers, (mr_horizon)outcome->horizon, 0);
    if (timer == NULL || timer->ordinal != event->ordinal) {
        return MR_ECORRUPT;
    }
    mri_timers_take(timers, (mr_horizon)outcome->horizon);
    return MR_OK;
}

static mr_err apply(void *state, const struct mri_event *event)
{
    struct mri_resolve *resolve = state;
    switch (event->type) {
    case MRI_EVENT_SIGNAL_GENERATED:
        return apply_generated(resolve, event);
    case MRI_EVENT_OUTCOME:
        return apply_outcome(resolve, event);
    default:
        return MR_OK;
    }
}

static void save(const void *state, struct mri_buf *buf)
{
    const struct mri_resolve *resolve = state;
    for (uint32_t i = 0; i < resolve->options.symbols_max; i++) {
        mri_timers_save(&resolve->timers[i], buf);
    }
}

static mr_err load(void *state, struct mri_unpack *unpack)
{
    struct mri_resolve *resolve = state;
    mr_err err = MR_OK;
    for (uint32_t i = 0; i < resolve->options.symbols_max && err == MR_OK; i++) {
        err = mri_timers_load(&resolve->timers[i], resolve->alloc, unpack);
    }
    return err;
}

const struct mri_engine mri_resolve_engine = {
    .name = "resolve", .decide = decide, .apply = apply, .save = save, .load = load};
