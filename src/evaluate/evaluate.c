/* SPDX-License-Identifier: MIT */
/*
 * The engine of evaluation: what it remembers, and when it decides.
 *
 *   candle            -> the symbol's undecided signals, on a step view or a signal view
 *   external signal   -> the same, on a signal view
 *   any passing time  -> signals whose time limit has passed undecided expire
 *   the feed's end    -> all that are undecided expire
 *
 * A signal of a symbol without a price waits: for the first bar, or for its time limit.
 *
 * Invariants
 *  1. `undecided` holds exactly the signals in state generated that no other process has touched,
 *     in the order in which they came (causal order: a higher ordinal may come first); a signal
 *     leaves it when it leaves evaluating, which is in the same batch.
 *  2. `book` holds a symbol's signal from its approval until its order fails or its position
 *     closes.
 */
#include "evaluate/evaluate.h"

#include <string.h>

#include "evaluate/decide.h"

enum { UNDECIDED_FIRST = 64 };

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
    mr_err err = mri_gates_prove(&options->gates, reterr_problem);
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
    mri_alloc_free(evaluate->alloc, evaluate->externals,
        (size_t)symbols * external_count(evaluate) * sizeof(*evaluate->externals));
    mri_alloc_free(evaluate->alloc, evaluate->steps, symbols * sizeof(*evaluate->steps));
    mri_alloc_free(evaluate->alloc, evaluate->book, symbols * sizeof(*evaluate->book));
    mri_alloc_free(evaluate->alloc, evaluate->undecided,
        evaluate->undecided_capacity * sizeof(*evaluate->undecided));
    *evaluate = (struct mri_evaluate){0};
}

static mr_err add_undecided(struct mri_evaluate *evaluate, const struct mri_undecided *signal)
{
    if (evaluate->undecided_count == evaluate->undecided_capacity) {
        uint32_t capacity =
            evaluate->undecided_capacity == 0 ? UNDECIDED_FIRST : 2 * evaluate->undecided_capacity;
        void *block = evaluate->undecided;
        mr_err err = mri_alloc_resize(evaluate->alloc, &block,
            evaluate->undecided_capacity * sizeof(*evaluate->undecided),
            capacity * sizeof(*evaluate->undecided));
        if (err != MR_OK) {
            return err;
        }
        evaluate->undecided = block;
        evaluate->undecided_capacity = capacity;
    }
    evaluate->undecided[evaluate->undecided_count++] = *signal;
    return MR_OK;
}

/** The place of a signal among the undecided; count = not there. */
static uint32_t find_undecided(const struct mri_evaluate *evaluate, uint32_t ordinal)
{
    uint32_t i = 0;
    while (i < evaluate->undecided_count && evaluate->undecided[i].ordinal != ordinal) {
        i++;
    }
    return i;
}

static void remove_undecided(struct mri_evaluate *evaluate, uint32_t ordinal)
{
    uint32_t i = find_undecided(evaluate, ordinal);
    if (i == evaluate->undecided_count) {
        return;
    }
    uint32_t behind = evaluate->undecided_count - i - 1;
    memmove(&evaluate->undecided[i], &evaluate->undecided[i + 1],
        behind * sizeof(*evaluate->undecided));
    evaluate->undecided_count--;
}

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
    const struct mri_undecided signal = {
        .seq = event->seq,
        .event_time_unix_ns = body->event_time_unix_ns,
        .valid_until_unix_ns = body->event_time_unix_ns + body->valid_for_ns,
        .confidence = body->confidence,
        .ordinal = event->ordinal,
        .symbol = body->symbol,
        .side = body->side,
        .horizon = has_horizon ? body->horizon : (uint8_t)MR_HORIZON_30M,
    };
    mr_err err = body->cause == 0 ? note_external(evaluate, event, &signal) : MR_OK;
    return err == MR_OK ? add_undecided(evaluate, &signal) : err;
}

/** Put an approved signal into the book. */
static void apply_decision(struct mri_evaluate *evaluate, const struct mri_event *event)
{
    const struct mri_decision *decision = event->body;
    uint32_t at = find_undecided(evaluate, event->ordinal);
    if (decision->verdict != MRI_VERDICT_PASS || at == evaluate->undecided_count) {
        return;
    }
    unsigned count;
    const struct mri_row_order_size *size = mri_event_rows(event, 2, &count);
    const struct mri_undecided *signal = &evaluate->undecided[at];
    struct mri_book_entry *entry = &evaluate->book[signal->symbol];
    entry->ordinal = event->ordinal;
    entry->notional = count == 0 ? 0.0 : mri_fixed_to_double(size->notional_e8, MRI_MONEY_DECIMALS);
    entry->approved_unix_ns[signal->side == MR_SHORT] = evaluate->market->event_time_unix_ns;
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

static void apply_moved(struct mri_evaluate *evaluate, const struct mri_event *event)
{
    const struct mri_signal_moved *move = event->body;
    bool is_foreign = move->cause == 0;
    if (is_foreign || (move->from <= MR_EVALUATING && move->to != MR_EVALUATING)) {
        remove_undecided(evaluate, event->ordinal);
    }
    bool was_in_book = move->from == MR_APPROVED || move->from == MR_EXECUTING;
    if (was_in_book && (move->to == MR_BLOCKED || move->to == MR_EXPIRED)) {
        release_book(evaluate, event->ordinal);
    }
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
        apply_moved(evaluate, event);
        return MR_OK;
    case MRI_EVENT_DECISION:
        apply_decision(evaluate, event);
        return MR_OK;
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

static mr_err draft_expired(
    const struct mri_undecided *signal, const struct mri_event *input, struct mri_batch *batch)
{
    const struct mri_signal_moved fixed = {
        .cause = mri_batch_ref(batch, input->seq),
        .signal = mri_batch_ref(batch, signal->seq),
        .from = MR_GENERATED,
        .to = MR_EXPIRED,
        .actor = MRI_ACTOR_TIMER,
        .gate = MRI_GATE_EXPIRY,
        .reason = is_feed_end(input) ? MRI_REASON_FEED_ENDED : MRI_REASON_VALID_FOR_ELAPSED,
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
    for (uint32_t i = 0; input->type == MRI_EVENT_TICK && i < evaluate->undecided_count; i++) {
        uint32_t symbol = evaluate->undecided[i].symbol; /* left over from a batch that was full */
        if (mri_market_symbol(evaluate->market, symbol)->price.time_unix_ns != 0) {
            *ret_symbol = symbol;
            return true;
        }
    }
    return false;
}

static bool has_expired(const struct mri_evaluate *evaluate, const struct mri_undecided *signal)
{
    return signal->valid_until_unix_ns < evaluate->market->event_time_unix_ns;
}

static mr_err decide(const void *state, const struct mri_event *input, struct mri_batch *batch)
{
    const struct mri_evaluate *evaluate = state;
    struct mri_decide_set set = {.is_step = is_step(evaluate, input)};
    bool has_symbol = symbol_of(evaluate, input, &set.symbol);
    bool is_more = false;
    for (uint32_t i = 0; i < evaluate->undecided_count; i++) {
        const struct mri_undecided *signal = &evaluate->undecided[i];
        if (mri_batch_is_filled(batch, BATCH_SHARE)) {
            batch->is_cut = true; /* the next tick goes on */
            return MR_OK;
        }
        if (has_expired(evaluate, signal) || is_feed_end(input)) {
            mr_err err = draft_expired(signal, input, batch);
            if (err != MR_OK) {
                return err;
            }
        } else if (has_symbol && signal->symbol == set.symbol) {
            is_more = is_more || set.count == MRI_VIEW_SIGNALS_MAX;
            if (set.count < MRI_VIEW_SIGNALS_MAX) {
                set.signals[set.count++] = signal;
            }
        }
    }
    bool has_price =
        has_symbol && mri_market_symbol(evaluate->market, set.symbol)->price.time_unix_ns != 0;
    if (!has_price || (set.count == 0 && !set.is_step)) {
        return MR_OK;
    }
    mr_err err = mri_decide_draft(evaluate, &set, input, batch);
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
    mri_buf_put(buf, &evaluate->undecided_count, sizeof(evaluate->undecided_count));
    mri_buf_put(buf, evaluate->undecided, evaluate->undecided_count * sizeof(*evaluate->undecided));
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
        bool is_sound = signal.symbol < symbols && signal.horizon < MR_HORIZON_COUNT;
        err = is_sound ? add_undecided(evaluate, &signal) : MR_ECORRUPT;
        if (err != MR_OK) {
            return err;
        }
    }
    return unpack->err;
}

const struct mri_engine mri_evaluate_engine = {
    .name = "evaluate", .decide = decide, .apply = apply, .save = save, .load = load};
