/* SPDX-License-Identifier: MIT */
/*
 * The engine of evaluation: what it remembers, and when it decides.
 *
 *   candle            -> the symbol's undecided signals, on a step view or a signal view
 *   external signal   -> the same, on a signal view
 *   any passing time  -> signals whose time limit has passed undecided expire
 *   the feed's end    -> all that are undecided expire
 *
 * A signal of a symbol without a price waits: for the first bar, or for its time limit. One of a
 * provisional symbol is blocked: no bar of it can come.
 *
 *   route external     -> held, until a worker claims and moves it, or its time limit
 *   route advisory     -> decided beside its owner, then held
 *   claimed            -> held without a time limit until the claim ends: then ours again if it is
 *                         generated and the route is internal, else held with its time limit
 *   moved from outside -> held, with its time limit, while it is evaluating or approved
 *
 * Invariants
 *  1. `undecided` holds exactly the signals in state generated on which this engine is to decide,
 *     in the order in which they came (causal order: a higher ordinal may come first); a signal
 *     leaves it when it is approved or blocked, which is in the batch of its decision.
 *  2. `held` holds the others that are generated, and those that others have moved to evaluating or
 *     approved. None that is claimed is moved here.
 *  3. `book` holds a symbol's signal from its approval until its order fails or its position
 *     closes.
 */
#include "evaluate/evaluate.h"

#include <string.h>

#include "bus/lifecycle.h"
#include "evaluate/decide.h"

/** Decisions leave a rest of the batch for orders. */
#define BATCH_SHARE 0.9

static uint32_t external_count(const struct mri_evaluate *evaluate)
{
    return evaluate->options.beliefs.sources_max - MRI_SOURCE_EXTERNAL_FIRST;
}

static mr_err allocate(struct mri_evaluate *evaluate)
{
    uint32_t symbols = evaluate->options.beliefs.symbols_max;
    void *block;
    mr_err err = mri_alloc_array(evaluate->alloc, (size_t)symbols * external_count(evaluate),
        sizeof(*evaluate->externals), &block);
    if (err == MR_OK) {
        evaluate->externals = block;
        err = mri_alloc_array(evaluate->alloc, symbols, sizeof(*evaluate->steps), &block);
    }
    if (err == MR_OK) {
        evaluate->steps = block;
        err = mri_alloc_array(evaluate->alloc, symbols, sizeof(*evaluate->book), &block);
    }
    if (err == MR_OK) {
        evaluate->book = block;
    }
    return err;
}

mr_err mri_evaluate_init(struct mri_evaluate *evaluate, const struct mri_alloc *alloc,
    const struct mri_market *market, const struct mri_intern *source_names,
    const struct mri_evaluate_options *options, mr_problem *reterr_problem)
{
    *evaluate = (struct mri_evaluate){.alloc = alloc, .market = market, .options = *options};
    mri_due_queue_init(&evaluate->held, alloc, sizeof(struct mri_held));
    mr_err err = mri_gates_prove(&options->gates, reterr_problem);
    if (err == MR_OK) {
        err = mri_undecided_init(&evaluate->undecided, alloc, options->beliefs.symbols_max);
    }
    if (err == MR_OK) {
        err = allocate(evaluate);
    }
    if (err == MR_OK) {
        err = mri_beliefs_init(&evaluate->beliefs, alloc, &options->beliefs, source_names);
    }
    if (err != MR_OK) {
        mri_evaluate_fini(evaluate);
    }
    return err;
}

void mri_evaluate_connect(struct mri_evaluate *evaluate, struct mri_evidence_port evidence)
{
    evaluate->evidence = evidence;
}

mr_err mri_evaluate_configure(struct mri_evaluate *evaluate,
    const struct mri_evaluate_options *options, mr_problem *reterr_problem)
{
    mr_err err = mri_gates_prove(&options->gates, reterr_problem);
    if (err == MR_OK) {
        evaluate->options = *options;
        mri_beliefs_configure(&evaluate->beliefs, &options->beliefs);
    }
    return err;
}

void mri_evaluate_fini(struct mri_evaluate *evaluate)
{
    if (evaluate == NULL || evaluate->alloc == NULL) {
        return;
    }
    uint32_t symbols = evaluate->options.beliefs.symbols_max;
    mri_beliefs_fini(&evaluate->beliefs);
    mri_due_queue_fini(&evaluate->held);
    mri_alloc_free(evaluate->alloc, evaluate->externals,
        (size_t)symbols * external_count(evaluate) * sizeof(*evaluate->externals));
    mri_alloc_free(evaluate->alloc, evaluate->steps, symbols * sizeof(*evaluate->steps));
    mri_alloc_free(evaluate->alloc, evaluate->book, symbols * sizeof(*evaluate->book));
    mri_undecided_fini(&evaluate->undecided);
    *evaluate = (struct mri_evaluate){0};
}

/* ---- signals in others' hands ---------------------------------------------------------------- */

/** When a held signal expires: not while it is claimed. */
static int64_t expiry_of(const struct mri_held *held)
{
    return held->claim_seq != 0 ? MRI_DUE_NEVER : held->signal.valid_until_unix_ns;
}

static mr_err hold(struct mri_evaluate *evaluate, const struct mri_held *held)
{
    mr_err err = mri_due_queue_reserve(&evaluate->held, 1);
    if (err == MR_OK) {
        struct mri_held *made =
            mri_due_queue_add(&evaluate->held, held->signal.ordinal, expiry_of(held));
        *made = *held;
    }
    return err;
}

/** Take a signal on which nobody has decided from ours into others' hands. */
static mr_err give_away(struct mri_evaluate *evaluate, uint32_t ordinal, struct mri_held *held)
{
    const struct mri_undecided *ours = mri_undecided_find(&evaluate->undecided, ordinal);
    if (ours == NULL) {
        return MR_OK; /* it has ended, as of an event that was applied before its turn */
    }
    held->signal = *ours;
    mri_undecided_remove(&evaluate->undecided, ordinal);
    return hold(evaluate, held);
}

static mr_err take_claim(struct mri_evaluate *evaluate, const struct mri_event *event)
{
    struct mri_held *held = mri_due_queue_find(&evaluate->held, event->ordinal);
    if (held == NULL) {
        struct mri_held made = {.claim_seq = event->seq, .state = MR_GENERATED};
        return give_away(evaluate, event->ordinal, &made);
    }
    if (held->claim_seq < event->seq) { /* else a later one was applied before its turn */
        held->claim_seq = event->seq;
        mri_due_queue_set(&evaluate->held, event->ordinal, expiry_of(held));
    }
    return MR_OK;
}

static mr_err apply_claimed(struct mri_evaluate *evaluate, const struct mri_event *event)
{
    const struct mri_signal_claimed *body = event->body;
    if (body->act == MRI_CLAIM_TAKEN) {
        return take_claim(evaluate, event);
    }
    struct mri_held *held = mri_due_queue_find(&evaluate->held, event->ordinal);
    if (held == NULL || held->claim_seq != mri_ref_seq(body->claim, event->seq)) {
        return MR_OK;
    }
    held->claim_seq = 0;
    if (held->state != MR_GENERATED || held->signal.route != MRI_ROUTE_INTERNAL) {
        mri_due_queue_set(&evaluate->held, event->ordinal, expiry_of(held));
        return MR_OK;
    }
    const struct mri_undecided ours = held->signal;
    mri_due_queue_remove(&evaluate->held, event->ordinal);
    return mri_undecided_add(&evaluate->undecided, &ours);
}

/** Another process has moved it. */
static mr_err note_foreign_move(struct mri_evaluate *evaluate, const struct mri_event *event)
{
    const struct mri_signal_moved *move = event->body;
    struct mri_held *held = mri_due_queue_find(&evaluate->held, event->ordinal);
    bool may_expire = move->to == MR_EVALUATING || move->to == MR_APPROVED;
    if (!may_expire) {
        mri_undecided_remove(&evaluate->undecided, event->ordinal);
        mri_due_queue_remove(&evaluate->held, event->ordinal);
        return MR_OK;
    }
    if (held != NULL) { /* a later move may have been applied before its turn */
        held->state = move->to > held->state ? move->to : held->state;
        return MR_OK;
    }
    struct mri_held made = {.state = move->to};
    return give_away(evaluate, event->ordinal, &made);
}

/* ---- applying -------------------------------------------------------------------------------- */

static mr_err note_external(struct mri_evaluate *evaluate, const struct mri_event *event,
    const struct mri_undecided *signal)
{
    uint32_t number;
    mr_err err = mri_intern_find(evaluate->beliefs.source_names,
        mri_event_text(event, MRI_TEXT_signal_generated_source), &number);
    bool is_external = err == MR_OK && number >= MRI_SOURCE_EXTERNAL_FIRST &&
                       number < evaluate->options.beliefs.sources_max;
    if (!is_external) {
        return MR_ECORRUPT;
    }
    size_t at =
        (size_t)signal->symbol * external_count(evaluate) + number - MRI_SOURCE_EXTERNAL_FIRST;
    evaluate->externals[at] = (struct mri_external_vote){
        .valid_until_unix_ns = signal->valid_until_unix_ns,
        .x = signal->side == MR_SHORT ? -signal->confidence : signal->confidence,
        .ordinal = signal->ordinal,
    };
    return MR_OK;
}

static mr_err apply_generated(struct mri_evaluate *evaluate, const struct mri_event *event)
{
    const struct mri_signal_generated *body = event->body;
    if (body->symbol >= evaluate->options.beliefs.symbols_max) {
        return MR_ECORRUPT;
    }
    bool has_horizon = (body->present & MRI_HAS_HORIZON) != 0;
    const struct mri_route *route = mri_routes_find(
        &evaluate->options.routes, mri_event_text(event, MRI_TEXT_signal_generated_source));
    const struct mri_undecided signal = {
        .seq = event->seq,
        .event_time_unix_ns = body->event_time_unix_ns,
        .valid_until_unix_ns = body->event_time_unix_ns + body->valid_for_ns,
        .confidence = body->confidence,
        .ordinal = event->ordinal,
        .symbol = body->symbol,
        .side = body->side,
        .horizon = has_horizon ? body->horizon : (uint8_t)MR_HORIZON_30M,
        .route = route == NULL ? (uint8_t)MRI_ROUTE_INTERNAL : route->kind,
    };
    mr_err err = body->cause == 0 ? note_external(evaluate, event, &signal) : MR_OK;
    if (err == MR_OK && signal.route == MRI_ROUTE_EXTERNAL) {
        return hold(evaluate, &(const struct mri_held){.signal = signal, .state = MR_GENERATED});
    }
    return err == MR_OK ? mri_undecided_add(&evaluate->undecided, &signal) : err;
}

/** Put an approved signal into the book; one that was decided beside its owner waits for him. */
static mr_err apply_decision(struct mri_evaluate *evaluate, const struct mri_event *event)
{
    const struct mri_decision *decision = event->body;
    const struct mri_undecided *signal = mri_undecided_find(&evaluate->undecided, event->ordinal);
    if (decision->advisory != 0) {
        struct mri_held held = {.state = MR_GENERATED};
        return give_away(evaluate, event->ordinal, &held);
    }
    if (decision->verdict != MRI_VERDICT_PASS || signal == NULL) {
        return MR_OK;
    }
    unsigned count;
    const struct mri_row_order_size *size = mri_event_rows(event, 2, &count);
    struct mri_book_entry *entry = &evaluate->book[signal->symbol];
    entry->ordinal = event->ordinal;
    entry->notional = count == 0 ? 0.0 : mri_fixed_to_double(size->notional_e8, MRI_MONEY_DECIMALS);
    entry->approved_unix_ns[signal->side == MR_SHORT] = evaluate->market->event_time_unix_ns;
    return MR_OK;
}

static void release_book(struct mri_evaluate *evaluate, uint32_t ordinal)
{
    for (uint32_t i = 0; i < evaluate->market->instruments.count; i++) {
        if (evaluate->book[i].ordinal == ordinal) {
            evaluate->book[i].ordinal = 0;
            evaluate->book[i].notional = 0.0;
        }
    }
}

static mr_err apply_moved(struct mri_evaluate *evaluate, const struct mri_event *event)
{
    const struct mri_signal_moved *move = event->body;
    bool is_foreign = move->cause == 0;
    mr_err err = is_foreign ? note_foreign_move(evaluate, event) : MR_OK;
    if (!is_foreign && mri_lifecycle_is_over((mr_state)move->to)) {
        mri_due_queue_remove(&evaluate->held, event->ordinal);
    }
    if (!is_foreign && move->from <= MR_EVALUATING && move->to != MR_EVALUATING) {
        mri_undecided_remove(&evaluate->undecided, event->ordinal);
    }
    bool was_in_book = move->from == MR_APPROVED || move->from == MR_EXECUTING;
    bool is_lost = is_foreign || move->to == MR_BLOCKED || move->to == MR_EXPIRED;
    if (was_in_book && is_lost) {
        release_book(evaluate, event->ordinal);
    }
    return err;
}

static mr_err apply(void *state, const struct mri_event *event)
{
    struct mri_evaluate *evaluate = state;
    mr_err err = mri_beliefs_apply(&evaluate->beliefs, event);
    if (err != MR_OK) {
        return err;
    }
    switch (event->type) {
    case MRI_EVENT_SIGNAL_GENERATED:
        return apply_generated(evaluate, event);
    case MRI_EVENT_SIGNAL_MOVED:
        return apply_moved(evaluate, event);
    case MRI_EVENT_SIGNAL_CLAIMED:
        return apply_claimed(evaluate, event);
    case MRI_EVENT_DECISION:
        return apply_decision(evaluate, event);
    case MRI_EVENT_VIEW: {
        const struct mri_view *view = event->body;
        if (view->symbol >= evaluate->options.beliefs.symbols_max) {
            return MR_ECORRUPT;
        }
        if (view->kind == MRI_VIEW_STEP) {
            mri_view_note_step(&evaluate->steps[view->symbol], view->event_time_unix_ns);
        }
        return MR_OK;
    }
    case MRI_EVENT_POSITION_CLOSED:
        release_book(evaluate, event->ordinal);
        return MR_OK;
    case MRI_EVENT_MODE_CHANGED:
        evaluate->mode = ((const struct mri_mode_changed *)event->body)->to;
        return MR_OK;
    default:
        return MR_OK;
    }
}

static bool is_feed_end(const struct mri_event *input)
{
    return input->type == MRI_EVENT_TICK &&
           ((const struct mri_tick *)input->body)->reason == MRI_REASON_FEED_ENDED;
}

static mr_err draft_expired(const struct mri_undecided *signal, unsigned state,
    const struct mri_event *input, struct mri_batch *batch)
{
    const struct mri_signal_moved fixed = {
        .cause = mri_batch_ref(batch, input->seq),
        .signal = mri_batch_ref(batch, signal->seq),
        .from = (uint8_t)state,
        .to = MR_EXPIRED,
        .actor = MRI_ACTOR_TIMER,
        .gate = MRI_GATE_EXPIRY,
        .reason = is_feed_end(input) ? MRI_REASON_FEED_ENDED : MRI_REASON_VALID_FOR_ELAPSED,
    };
    return mri_batch_add(batch,
        &(struct mri_draft){.type = MRI_EVENT_SIGNAL_MOVED, .fixed = &fixed}, signal->ordinal);
}

static bool is_provisional(const struct mri_evaluate *evaluate, uint32_t symbol)
{
    return mri_instruments_get(&evaluate->market->instruments, symbol)->is_provisional != 0;
}

/** There is nothing to judge it by: no view, no decision, only the move. */
static mr_err draft_unknown(
    const struct mri_undecided *signal, const struct mri_event *input, struct mri_batch *batch)
{
    const struct mri_signal_moved fixed = {
        .cause = mri_batch_ref(batch, input->seq),
        .signal = mri_batch_ref(batch, signal->seq),
        .from = MR_GENERATED,
        .to = MR_BLOCKED,
        .actor = MRI_ACTOR_EVALUATE,
        .gate = MRI_GATE_INSTRUMENT,
        .reason = MRI_REASON_PROVISIONAL_SYMBOL,
    };
    return mri_batch_add(batch,
        &(struct mri_draft){.type = MRI_EVENT_SIGNAL_MOVED, .fixed = &fixed}, signal->ordinal);
}

/** Is this the first bar of a decision step, without its view? Steps are counted from the run's
 * first bar. */
static bool is_step(const struct mri_evaluate *evaluate, const struct mri_event *input)
{
    if (input->type != MRI_EVENT_CANDLE) {
        return false;
    }
    const struct mri_candle *candle = input->body;
    int64_t bars =
        (candle->close_time_unix_ns - evaluate->market->first_close_unix_ns) / MRI_BAR_NS;
    const struct mri_step_views *views = &evaluate->steps[candle->symbol];
    bool is_open = mri_view_newest_step(views) >= candle->close_time_unix_ns;
    return bars % evaluate->options.step_bars == 0 && !is_open;
}

static bool has_price(const struct mri_evaluate *evaluate, uint32_t symbol)
{
    return mri_market_symbol(evaluate->market, symbol)->price.time_unix_ns != 0;
}

/** The symbol of the first signal that is left over from a batch that was full. */
static bool left_over(const struct mri_evaluate *evaluate, uint32_t *ret_symbol)
{
    const struct mri_undecided_set *set = &evaluate->undecided;
    const struct mri_undecided *signal = NULL;
    uint32_t place = 0;
    uint32_t symbol = 0;
    while (symbol < evaluate->market->instruments.count &&
           (set->of_symbol[symbol] == 0 || !has_price(evaluate, symbol))) {
        symbol++;
    }
    if (symbol == evaluate->market->instruments.count) {
        return false; /* as it is while prices are missing: none need to be looked at */
    }
    do {
        signal = mri_undecided_next(set, &place);
    } while (!has_price(evaluate, signal->symbol));
    *ret_symbol = signal->symbol;
    return true;
}

/** The symbol that an input lets us decide on; false when it is none. */
static bool symbol_of(
    const struct mri_evaluate *evaluate, const struct mri_event *input, uint32_t *ret_symbol)
{
    if (input->type == MRI_EVENT_CANDLE) {
        *ret_symbol = ((const struct mri_candle *)input->body)->symbol;
        return true;
    }
    if (input->type == MRI_EVENT_QUOTE) {
        *ret_symbol = ((const struct mri_quote *)input->body)->symbol;
        return true;
    }
    if (input->type == MRI_EVENT_SIGNAL_GENERATED) {
        *ret_symbol = ((const struct mri_signal_generated *)input->body)->symbol;
        return true;
    }
    const struct mri_undecided *returned =
        input->type == MRI_EVENT_SIGNAL_CLAIMED
            ? mri_undecided_find(&evaluate->undecided, input->ordinal)
            : NULL;
    if (returned != NULL) { /* its claim has ended: it is ours again */
        *ret_symbol = returned->symbol;
        return true;
    }
    return input->type == MRI_EVENT_TICK && left_over(evaluate, ret_symbol);
}

static bool has_expired(const struct mri_evaluate *evaluate, const struct mri_undecided *signal)
{
    return signal->valid_until_unix_ns < evaluate->market->event_time_unix_ns;
}

/** The held signal that expires first, if its time is over; NULL: none is. */
static const struct mri_held *expired_held(
    const struct mri_evaluate *evaluate, const struct mri_event *input)
{
    int64_t due;
    uint32_t ordinal = mri_due_queue_first(&evaluate->held, &due);
    bool is_over =
        due < evaluate->market->event_time_unix_ns || (is_feed_end(input) && due != MRI_DUE_NEVER);
    return ordinal != 0 && is_over ? mri_due_queue_find(&evaluate->held, ordinal) : NULL;
}

/** Are there signals whose waiting ends whatever the input is about? */
static bool is_any_over(const struct mri_evaluate *evaluate, const struct mri_event *input)
{
    const struct mri_undecided_set *set = &evaluate->undecided;
    bool is_over =
        set->count > 0 && (is_feed_end(input) || mri_undecided_first_expiry_unix_ns(set) <
                                                     evaluate->market->event_time_unix_ns);
    for (uint32_t i = 0; !is_over && i < evaluate->market->instruments.count; i++) {
        is_over = set->of_symbol[i] > 0 && is_provisional(evaluate, i);
    }
    return is_over;
}

/** Draft the end of those that wait in vain, and collect those of the set's symbol, if it has one.
 * MR_AGAIN: there are more of it; MR_END: the batch is full, the next tick goes on. */
static mr_err collect(const struct mri_evaluate *evaluate, const struct mri_event *input,
    struct mri_decide_set *set, bool has_symbol, struct mri_batch *batch)
{
    const struct mri_undecided *signal;
    uint32_t place = 0;
    bool is_more = false;
    mr_err err = MR_OK;
    while (err == MR_OK && (signal = mri_undecided_next(&evaluate->undecided, &place)) != NULL) {
        if (mri_batch_is_filled(batch, BATCH_SHARE)) {
            batch->is_cut = true;
            return MR_END;
        }
        if (has_expired(evaluate, signal) || is_feed_end(input)) {
            err = draft_expired(signal, MR_GENERATED, input, batch);
        } else if (is_provisional(evaluate, signal->symbol)) {
            err = draft_unknown(signal, input, batch);
        } else if (has_symbol && signal->symbol == set->symbol) {
            is_more = is_more || set->count == MRI_VIEW_SIGNALS_MAX;
            if (set->count < MRI_VIEW_SIGNALS_MAX) {
                set->signals[set->count++] = signal;
            }
        }
    }
    return err == MR_OK && is_more ? MR_AGAIN : err;
}

static mr_err decide(const void *state, const struct mri_event *input, struct mri_batch *batch)
{
    const struct mri_evaluate *evaluate = state;
    const struct mri_held *held = expired_held(evaluate, input);
    if (held != NULL && mri_batch_is_filled(batch, BATCH_SHARE)) {
        batch->is_cut = true;
        return MR_OK;
    }
    if (held != NULL) { /* one at a time: applied, the next one is first */
        mr_err err = draft_expired(&held->signal, held->state, input, batch);
        return err == MR_OK ? MR_AGAIN : err;
    }
    struct mri_decide_set set = {.is_step = is_step(evaluate, input)};
    bool has_symbol = symbol_of(evaluate, input, &set.symbol) && has_price(evaluate, set.symbol);
    if (evaluate->undecided.count > 0 && mri_batch_is_filled(batch, BATCH_SHARE)) {
        batch->is_cut = true;
        return MR_OK;
    }
    bool is_theirs = is_any_over(evaluate, input) ||
                     (has_symbol && evaluate->undecided.of_symbol[set.symbol] > 0);
    mr_err err = is_theirs ? collect(evaluate, input, &set, has_symbol, batch) : MR_OK;
    bool is_more = err == MR_AGAIN;
    if ((err != MR_OK && !is_more) || !has_symbol || (set.count == 0 && !set.is_step)) {
        return err == MR_END || is_more ? MR_OK : err;
    }
    err = mri_decide_draft(evaluate, &set, input, batch);
    bool is_left = is_more || (input->type == MRI_EVENT_TICK && set.count > 0);
    return err == MR_OK && is_left ? MR_AGAIN : err;
}

static void save(const void *state, struct mri_buf *buf)
{
    const struct mri_evaluate *evaluate = state;
    uint32_t symbols = evaluate->options.beliefs.symbols_max;
    mri_beliefs_save(&evaluate->beliefs, buf);
    mri_buf_put(buf, evaluate->externals,
        (size_t)symbols * external_count(evaluate) * sizeof(*evaluate->externals));
    mri_buf_put(buf, evaluate->steps, symbols * sizeof(*evaluate->steps));
    mri_buf_put(buf, evaluate->book, symbols * sizeof(*evaluate->book));
    mri_buf_put(buf, &evaluate->mode, sizeof(evaluate->mode));
    mri_buf_put(buf, &evaluate->undecided.count, sizeof(evaluate->undecided.count));
    uint32_t place = 0;
    const struct mri_undecided *signal;
    while ((signal = mri_undecided_next(&evaluate->undecided, &place)) != NULL) {
        mri_buf_put(buf, signal, sizeof(*signal));
    }
    mri_due_queue_save(&evaluate->held, buf);
}

static bool is_sound(const struct mri_undecided *signal, uint32_t symbols)
{
    return signal->symbol < symbols && signal->horizon < MR_HORIZON_COUNT &&
           signal->route <= MRI_ROUTE_ADVISORY;
}

static mr_err load(void *state, struct mri_unpack *unpack)
{
    struct mri_evaluate *evaluate = state;
    uint32_t symbols = evaluate->options.beliefs.symbols_max;
    mr_err err = mri_beliefs_load(&evaluate->beliefs, unpack);
    if (err != MR_OK) {
        return err;
    }
    mri_unpack_take(unpack, evaluate->externals,
        (size_t)symbols * external_count(evaluate) * sizeof(*evaluate->externals));
    mri_unpack_take(unpack, evaluate->steps, symbols * sizeof(*evaluate->steps));
    mri_unpack_take(unpack, evaluate->book, symbols * sizeof(*evaluate->book));
    mri_unpack_take(unpack, &evaluate->mode, sizeof(evaluate->mode));
    uint32_t count = mri_unpack_count(unpack, UINT32_MAX, sizeof(struct mri_undecided));
    for (uint32_t i = 0; i < count && unpack->err == MR_OK; i++) {
        struct mri_undecided signal;
        mri_unpack_take(unpack, &signal, sizeof(signal));
        err = is_sound(&signal, symbols) ? mri_undecided_add(&evaluate->undecided, &signal)
                                         : MR_ECORRUPT;
        if (err != MR_OK) {
            return err;
        }
    }
    err = unpack->err == MR_OK ? mri_due_queue_load(&evaluate->held, unpack) : unpack->err;
    for (uint32_t i = 0; err == MR_OK && i < evaluate->held.count; i++) {
        int64_t due;
        uint32_t ordinal = mri_due_queue_at(&evaluate->held, i, &due);
        const struct mri_held *held = mri_due_queue_find(&evaluate->held, ordinal);
        bool is_good = is_sound(&held->signal, symbols) && held->state <= MR_APPROVED &&
                       held->signal.ordinal == ordinal;
        err = is_good ? MR_OK : MR_ECORRUPT;
    }
    return err;
}

const struct mri_engine mri_evaluate_engine = {
    .name = "evaluate", .decide = decide, .apply = apply, .save = save, .load = load};
