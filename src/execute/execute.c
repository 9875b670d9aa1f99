/* SPDX-License-Identifier: MIT */
/*
 * The engine of execution.
 *
 *   decision approved -> intent, executing, sent, accepted | rejected, blocked
 *   next bar          -> filled at the open, position opened, executed; stop and target placed
 *   bars after        -> stop, target or time: filled, other legs cancelled, position closed
 *   a quote           -> as a bar of one moment, at its middle
 *
 * At a venue outside (execute.venue: external) the same events follow from reports: outside.c.
 *
 * Invariants
 *  1. Order events follow the table in orders.c; an event that does not is damage.
 *  2. A symbol has at most one position or pending entry, so a position is found by its symbol.
 *  3. Within a bar the stop comes before the target; an exit by time fills at the open of the bar
 *     after it was decided, before either.
 *  4. A position ends at the venue where it began, whatever the configuration says by then.
 */
#include "execute/execute.h"

#include "execute/exits.h"
#include "execute/order_draft.h"
#include "execute/outside.h"

mr_err mri_execute_init(struct mri_execute *execute, const struct mri_alloc *alloc,
    const struct mri_market *market, const struct mri_execute_options *options)
{
    *execute = (struct mri_execute){.alloc = alloc, .market = market, .options = *options};
    execute->venue = mri_paper_venue(&execute->options.costs, options->venue_mode);
    void *block;
    mr_err err = mri_alloc_array(alloc, options->symbols_max, sizeof(*execute->positions), &block);
    if (err != MR_OK) {
        return err;
    }
    execute->positions = block;
    err = mri_alloc_array(alloc, options->symbols_max, sizeof(*execute->parts), &block);
    if (err == MR_OK) {
        execute->parts = block;
    }
    return err;
}

void mri_execute_fini(struct mri_execute *execute)
{
    if (execute != NULL && execute->alloc != NULL) {
        mri_alloc_free(execute->alloc, execute->positions,
            execute->options.symbols_max * sizeof(*execute->positions));
        mri_alloc_free(
            execute->alloc, execute->parts, execute->options.symbols_max * sizeof(*execute->parts));
        *execute = (struct mri_execute){0};
    }
}

/* ---- what the venue did in a bar ------------------------------------------------------------- */

/** What the bar at hand meets a position with. */
static struct mri_exits_bar meeting(const struct mri_order_draft *context)
{
    return (struct mri_exits_bar){
        .venue = &context->execute->venue,
        .spec = mri_instruments_get(&context->execute->market->instruments, context->symbol),
        .bar = &context->bar,
    };
}

static mr_err decide_exits(const struct mri_order_draft *context)
{
    const struct mri_position *position = context->position;
    const struct mri_exits_bar met = meeting(context);
    enum mri_leg leg;
    struct mri_venue_fill fill;
    mr_err err = mri_exits_first(&met, position, &leg, &fill);
    if (err == MR_OK) {
        return mri_order_draft_close(context, leg, &fill);
    }
    if (err != MR_NOT_FOUND) {
        return err;
    }
    bool is_time = context->execute->market->event_time_unix_ns >= position->exit_time_unix_ns &&
                   position->orders[MRI_LEG_TIME].state == MRI_ORDER_NONE &&
                   context->execute->mode.mode != MRI_MODE_HALT;
    return is_time ? mri_order_draft_exit(context, MRI_LEG_TIME, MRI_ORDER_MARKET, 0) : MR_OK;
}

static mr_err decide_fills(
    const void *state, const struct mri_event *input, struct mri_batch *batch)
{
    const struct mri_execute *execute = state;
    struct mri_order_draft context = {.execute = execute, .input = input, .batch = batch};
    if (input->type == MRI_EVENT_ORDER_REPORT) {
        return mri_outside_decide_report(&context);
    }
    if (input->type == MRI_EVENT_TICK) {
        return mri_outside_decide_tick(&context);
    }
    if (!mri_exits_symbol(input, &context.symbol)) {
        return MR_OK;
    }
    const struct mri_position *position = &execute->positions[context.symbol];
    context.position = position;
    context.bar = mri_exits_read_bar(execute->market, position, input);
    context.mode = mri_order_draft_mode(execute, position->is_outside != 0);
    context.time_unix_ns = context.bar.close_time_unix_ns - context.bar.duration_ns;
    if (position->ordinal == 0) {
        return MR_OK;
    }
    if (position->is_outside) {
        return mri_outside_decide_exit(&context, &context.bar);
    }
    if (position->is_open) {
        return decide_exits(&context);
    }
    struct mri_venue_fill fill;
    const struct mri_exits_bar met = meeting(&context);
    mr_err err = mri_exits_match(&met, position, MRI_LEG_ENTRY, &fill);
    if (err == MR_NOT_FOUND) {
        return MR_OK;
    }
    if (err == MR_OK) {
        err = mri_order_draft_entry(&context, &fill, position->quantity);
    }
    return err == MR_OK ? MR_AGAIN : err; /* the same bar may already reach the stop */
}

/* ---- new orders ------------------------------------------------------------------------------ */

/** An approved signal whose order may not be placed any more. */
static mr_err draft_mode_block(const struct mri_order_draft *context)
{
    bool is_halt = context->execute->mode.mode == MRI_MODE_HALT;
    return mri_order_draft_move(
        context, &(struct mri_signal_moved){.from = MR_APPROVED,
                     .to = MR_BLOCKED,
                     .evidence = context->position->decision_seq,
                     .gate = MRI_GATE_MODE,
                     .reason = is_halt ? MRI_REASON_MODE_HALT : MRI_REASON_MODE_CLOSE_ONLY});
}

static mr_err draft_new_order(const struct mri_order_draft *context)
{
    const struct mri_execute *execute = context->execute;
    const struct mri_venue_order order = {
        .spec = mri_instruments_get(&execute->market->instruments, context->symbol),
        .side = (mr_side)context->position->side,
        .type = MRI_ORDER_MARKET,
        .quantity = context->position->quantity,
    };
    uint64_t intent_seq = mri_batch_next_seq(context->batch);
    mr_err err = mri_order_draft_intent(context, MRI_LEG_ENTRY, MRI_ORDER_MARKET, 0);
    if (err == MR_OK) {
        err = mri_order_draft_move(context, &(struct mri_signal_moved){.from = MR_APPROVED,
                                                .to = MR_EXECUTING,
                                                .evidence = intent_seq,
                                                .reason = MRI_REASON_INTENT_LOGGED});
    }
    if (err == MR_OK && context->mode != MRI_VENUE_EXTERNAL) {
        err = mri_order_draft_fact(
            context, MRI_EVENT_ORDER_SENT, MRI_LEG_ENTRY, intent_seq, MRI_REASON_NONE);
    }
    if (err != MR_OK || context->mode == MRI_VENUE_EXTERNAL) {
        return err; /* outside the rest is reported */
    }
    if (execute->venue.check(execute->venue.context, &order) == MR_OK) {
        return mri_order_draft_fact(
            context, MRI_EVENT_ORDER_ACCEPTED, MRI_LEG_ENTRY, intent_seq, MRI_REASON_NONE);
    }
    uint64_t rejected_seq = mri_batch_next_seq(context->batch);
    err = mri_order_draft_fact(
        context, MRI_EVENT_ORDER_REJECTED, MRI_LEG_ENTRY, intent_seq, MRI_REASON_VENUE_REJECTED);
    if (err == MR_OK) {
        err = mri_order_draft_move(context, &(struct mri_signal_moved){.from = MR_EXECUTING,
                                                .to = MR_BLOCKED,
                                                .evidence = rejected_seq,
                                                .gate = MRI_GATE_VENUE,
                                                .reason = MRI_REASON_VENUE_REJECTED});
    }
    return err;
}

static mr_err draft_mode_change(const struct mri_execute *execute,
    const struct mri_mode_change *change, const struct mri_event *input, struct mri_batch *batch)
{
    const struct mri_mode_changed fixed = {
        .cause = mri_batch_ref(batch, input->seq),
        .from = execute->mode.mode,
        .to = (uint8_t)change->to,
        .actor = (uint8_t)change->actor,
        .reason = (uint16_t)change->reason,
    };
    return mri_batch_add(
        batch, &(struct mri_draft){.type = MRI_EVENT_MODE_CHANGED, .fixed = &fixed}, 0);
}

static mr_err decide_orders(
    const void *state, const struct mri_event *input, struct mri_batch *batch)
{
    const struct mri_execute *execute = state;
    struct mri_mode_change change =
        mri_mode_next(&execute->mode, input, execute->ledger.mismatches > 0);
    if (change.is_due) {
        mr_err err = draft_mode_change(execute, &change, input, batch);
        return err == MR_OK ? MR_AGAIN : err;
    }
    mr_err err = MR_OK;
    uint32_t left = execute->wanted_count;
    for (uint32_t i = 0; left > 0 && i < execute->options.symbols_max && err == MR_OK; i++) {
        const struct mri_order_draft context = {
            .execute = execute,
            .position = &execute->positions[i],
            .input = input,
            .batch = batch,
            .symbol = i,
            .mode = mri_order_draft_mode(execute, execute->options.is_outside),
        };
        if (execute->positions[i].is_wanted) {
            left--;
            err = execute->mode.mode == MRI_MODE_RUN ? draft_new_order(&context)
                                                     : draft_mode_block(&context);
        }
    }
    return err;
}

/* ---- applying -------------------------------------------------------------------------------- */

static mr_err apply_decision(struct mri_execute *execute, const struct mri_event *event)
{
    const struct mri_decision *decision = event->body;
    unsigned count;
    const struct mri_row_order_size *size = mri_event_rows(event, 2, &count);
    if (decision->verdict != MRI_VERDICT_PASS || decision->advisory != 0) {
        return MR_OK;
    }
    if (decision->symbol >= execute->options.symbols_max || count != 1 ||
        execute->positions[decision->symbol].ordinal != 0) {
        return MR_ECORRUPT;
    }
    execute->positions[decision->symbol] = (struct mri_position){
        .signal_seq = mri_ref_seq(decision->signal, event->seq),
        .decision_seq = event->seq,
        .ordinal = event->ordinal,
        .side = decision->side,
        .is_wanted = 1,
        .quantity = size->quantity,
    };
    execute->wanted_count++;
    return MR_OK;
}

/** The position that an order event is about. */
static struct mri_position *position_of(
    struct mri_execute *execute, uint32_t instrument, uint32_t ordinal)
{
    bool is_known = instrument < execute->options.symbols_max &&
                    execute->positions[instrument].ordinal == ordinal && ordinal != 0;
    return is_known ? &execute->positions[instrument] : NULL;
}

static struct mri_parts *parts_of(
    const struct mri_execute *execute, const struct mri_position *position)
{
    return &execute->parts[position - execute->positions];
}

/** The symbol is free. */
static void forget(struct mri_execute *execute, struct mri_position *position)
{
    *parts_of(execute, position) = (struct mri_parts){0};
    *position = (struct mri_position){0};
}

static void stop_wanting(struct mri_execute *execute, struct mri_position *position)
{
    if (position->is_wanted) {
        position->is_wanted = 0;
        execute->wanted_count--;
    }
}

static mr_err step_order(struct mri_position *position, unsigned leg, uint16_t event_type)
{
    enum mri_order_state next = mri_order_state_after(event_type);
    struct mri_order *order = &position->orders[leg];
    enum mri_order_state state = (enum mri_order_state)order->state;
    bool is_allowed = mri_order_allows(state, next) ||
                      (position->is_outside && mri_order_is_reportable(state, next));
    if (!is_allowed) {
        return MR_ECORRUPT;
    }
    order->state = (uint8_t)next;
    return MR_OK;
}

static mr_err apply_intent(struct mri_execute *execute, const struct mri_event *event)
{
    const struct mri_order_intent *intent = event->body;
    struct mri_position *position = position_of(execute, intent->instrument, event->ordinal);
    if (position == NULL) {
        return MR_ECORRUPT;
    }
    struct mri_order *order = &position->orders[intent->leg];
    bool is_outside = intent->venue_mode == MRI_VENUE_EXTERNAL;
    bool is_over = order->state == MRI_ORDER_REJECTED || order->state == MRI_ORDER_CANCELLED;
    if (is_outside && is_over && intent->leg != MRI_LEG_ENTRY) { /* an exit is tried again */
        order->state = MRI_ORDER_NONE;
        order->attempt++;
    }
    mr_err err = step_order(position, intent->leg, event->type);
    order->intent_seq = event->seq;
    order->quantity = intent->quantity;
    order->price = is_outside ? intent->reference_price : intent->trigger_price;
    order->side = intent->side;
    order->type = intent->order_type;
    if (intent->leg == MRI_LEG_ENTRY) {
        position->is_outside = is_outside;
        stop_wanting(execute, position);
    }
    return err;
}

static mr_err apply_fact(struct mri_execute *execute, const struct mri_event *event)
{
    const struct mri_order_sent *fact = event->body; /* all facts share their layout */
    struct mri_position *position = position_of(execute, fact->instrument, event->ordinal);
    if (position == NULL) {
        return MR_ECORRUPT;
    }
    mr_err err = step_order(position, fact->leg, event->type);
    bool is_over =
        event->type == MRI_EVENT_ORDER_REJECTED || event->type == MRI_EVENT_ORDER_CANCELLED;
    if (is_over && fact->leg == MRI_LEG_ENTRY) {
        forget(execute, position);
    } else if (is_over && position->is_outside) {
        position->orders[fact->leg].ended_minute =
            mri_outside_minute(execute->market->event_time_unix_ns);
    }
    return err;
}

/** An exit outside has ended with a part: the rest of the position stays open. */
static mr_err leave_rest(
    struct mri_execute *execute, struct mri_position *position, const struct mri_order_filled *fill)
{
    struct mri_parts *parts = parts_of(execute, position);
    struct mri_order *order = &position->orders[fill->leg];
    int64_t value_e8;
    mr_err err = mri_instrument_value_e8(
        mri_instruments_get(&execute->market->instruments, fill->instrument), fill->reference_price,
        fill->quantity, &value_e8);
    if (err == MR_OK) {
        err = mri_fixed_add(
            parts->exit_reference_value_e8, value_e8, &parts->exit_reference_value_e8);
    }
    if (err == MR_OK) {
        err = mri_fixed_add(parts->exit_slippage_e8, fill->slippage_e8, &parts->exit_slippage_e8);
    }
    if (err == MR_OK) {
        err = mri_parts_join(&parts->exits, &parts->order);
    }
    order->state = MRI_ORDER_CANCELLED;
    order->ended_minute = mri_outside_minute(execute->market->event_time_unix_ns);
    return err;
}

static mr_err apply_filled(struct mri_execute *execute, const struct mri_event *event)
{
    const struct mri_order_filled *fill = event->body;
    struct mri_position *position = position_of(execute, fill->instrument, event->ordinal);
    if (position == NULL) {
        return MR_ECORRUPT;
    }
    mr_err err = step_order(position, fill->leg, event->type);
    bool has_rest = position->is_outside && fill->leg != MRI_LEG_ENTRY &&
                    fill->quantity < position->orders[fill->leg].quantity;
    if (err == MR_OK && has_rest) {
        err = leave_rest(execute, position, fill);
    }
    parts_of(execute, position)->order = (struct mri_fill_sum){0};
    parts_of(execute, position)->report_seq = 0;
    if (err == MR_OK && fill->leg == MRI_LEG_ENTRY) {
        position->entry_price = fill->price;
        position->entry_reference_price = fill->reference_price;
        position->entry_fee_e8 = fill->fee_e8;
        position->entry_slippage_e8 = fill->slippage_e8;
    }
    return err == MR_OK ? mri_ledger_fill(&execute->ledger, &position->ledger, fill,
                              mri_instruments_get(&execute->market->instruments, fill->instrument))
                        : err;
}

static mr_err apply_opened(struct mri_execute *execute, const struct mri_event *event)
{
    const struct mri_position_opened *opened = event->body;
    struct mri_position *position = position_of(execute, opened->symbol, event->ordinal);
    if (position == NULL || position->is_open) {
        return MR_ECORRUPT;
    }
    position->is_open = 1;
    position->quantity = opened->quantity;
    position->stop_price = opened->stop_price;
    position->target_price = opened->target_price;
    position->exit_time_unix_ns = opened->exit_time_unix_ns;
    position->opened_unix_ns = opened->event_time_unix_ns;
    execute->open_count++;
    return MR_OK;
}

static mr_err apply_closed(struct mri_execute *execute, const struct mri_event *event)
{
    const struct mri_position_closed *closed = event->body;
    struct mri_position *position = position_of(execute, closed->symbol, event->ordinal);
    if (position == NULL || !position->is_open) {
        return MR_ECORRUPT;
    }
    mr_err err = mri_ledger_close(&execute->ledger, &position->ledger, closed);
    forget(execute, position);
    execute->open_count--;
    return err;
}

/** A signal that leaves approved without an order frees its symbol; so does one whose order another
 * process has ended. */
static void apply_moved(struct mri_execute *execute, const struct mri_event *event)
{
    const struct mri_signal_moved *move = event->body;
    bool is_foreign = move->cause == 0;
    bool is_ended = is_foreign && move->from == MR_EXECUTING;
    bool is_lost =
        is_ended || (move->from == MR_APPROVED && (is_foreign || move->to != MR_EXECUTING));
    for (uint32_t i = 0; is_lost && i < execute->options.symbols_max; i++) {
        struct mri_position *position = &execute->positions[i];
        if (position->ordinal == event->ordinal) {
            stop_wanting(execute, position);
            forget(execute, position);
        }
    }
}

static mr_err apply(void *state, const struct mri_event *event)
{
    struct mri_execute *execute = state;
    switch (event->type) {
    case MRI_EVENT_DECISION:
        return apply_decision(execute, event);
    case MRI_EVENT_ORDER_INTENT:
        return apply_intent(execute, event);
    case MRI_EVENT_ORDER_SENT:
    case MRI_EVENT_ORDER_ACCEPTED:
    case MRI_EVENT_ORDER_REJECTED:
    case MRI_EVENT_ORDER_CANCELLED:
    case MRI_EVENT_ORDER_IN_DOUBT:
        return apply_fact(execute, event);
    case MRI_EVENT_ORDER_REPORT:
        return mri_outside_apply_report(execute, event);
    case MRI_EVENT_ORDER_FILLED:
        return apply_filled(execute, event);
    case MRI_EVENT_POSITION_OPENED:
        return apply_opened(execute, event);
    case MRI_EVENT_POSITION_CLOSED:
        return apply_closed(execute, event);
    case MRI_EVENT_SIGNAL_MOVED:
        apply_moved(execute, event);
        return MR_OK;
    case MRI_EVENT_MODE_CHANGED:
        execute->mode.mode = ((const struct mri_mode_changed *)event->body)->to;
        execute->mode.reason = ((const struct mri_mode_changed *)event->body)->reason;
        return MR_OK;
    default:
        return MR_OK;
    }
}

/** In the saved open_count: the parts follow. Without any, the state is saved as by versions that
 * took none. */
#define HAS_PARTS ((uint32_t)1 << 31)

static bool has_parts(const struct mri_execute *execute)
{
    for (uint32_t i = 0; i < execute->options.symbols_max; i++) {
        if (execute->parts[i].report_seq != 0 || execute->parts[i].exits.quantity != 0) {
            return true;
        }
    }
    return false;
}

static void save(const void *state, struct mri_buf *buf)
{
    const struct mri_execute *execute = state;
    bool is_long = has_parts(execute);
    uint32_t open_count = execute->open_count | (is_long ? HAS_PARTS : 0);
    mri_buf_put(
        buf, execute->positions, execute->options.symbols_max * sizeof(*execute->positions));
    mri_buf_put(buf, &execute->ledger, sizeof(execute->ledger));
    mri_buf_put(buf, &execute->mode, sizeof(execute->mode));
    mri_buf_put(buf, &execute->wanted_count, sizeof(execute->wanted_count));
    mri_buf_put(buf, &open_count, sizeof(open_count));
    if (is_long) {
        mri_buf_put(buf, execute->parts, execute->options.symbols_max * sizeof(*execute->parts));
    }
}

static mr_err load(void *state, struct mri_unpack *unpack)
{
    struct mri_execute *execute = state;
    mri_unpack_take(
        unpack, execute->positions, execute->options.symbols_max * sizeof(*execute->positions));
    mri_unpack_take(unpack, &execute->ledger, sizeof(execute->ledger));
    mri_unpack_take(unpack, &execute->mode, sizeof(execute->mode));
    mri_unpack_take(unpack, &execute->wanted_count, sizeof(execute->wanted_count));
    mri_unpack_take(unpack, &execute->open_count, sizeof(execute->open_count));
    if (unpack->err == MR_OK && (execute->open_count & HAS_PARTS) != 0) {
        execute->open_count &= ~HAS_PARTS;
        mri_unpack_take(
            unpack, execute->parts, execute->options.symbols_max * sizeof(*execute->parts));
    }
    return unpack->err;
}

const struct mri_engine mri_execute_fills_engine = {
    .name = "execute", .decide = decide_fills, .apply = apply, .save = save, .load = load};

const struct mri_engine mri_execute_orders_engine = {.name = "orders", .decide = decide_orders};
