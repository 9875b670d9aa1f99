/* SPDX-License-Identifier: MIT */
/*
 * The engine of the shadow book.
 *
 *   signal born          -> a place in the book
 *   decision, or a move that is one (approved, blocked, expired without a decision here)
 *                        -> wanted; unresolved where there is no price to open at
 *   next bar or quote    -> shadow.opened, as a market order would be filled
 *   bars after           -> shadow.closed, by stop, target or time
 *
 * Invariants
 *  1. A signal has one shadow at most: its place goes with it, and places are given at birth.
 *  2. No price is used that was there before the decision: a shadow opens with an input behind the
 *     one that was decided on.
 *  3. Deciding again on the same price comes to the same end. So what had no room in a batch
 *     follows at the next tick; only where another price of the symbol comes before it, it is met
 *     with that one instead.
 *  4. The trading mode changes nothing here.
 */
#include "execute/shadow.h"

#include "execute/exits.h"

/** Whoever decides last leaves the batch not quite full. */
#define BATCH_SHARE 0.97

mr_err mri_shadows_init(struct mri_shadows *shadows, const struct mri_alloc *alloc,
    const struct mri_market *market, const struct mri_shadow_options *options)
{
    *shadows = (struct mri_shadows){.market = market, .options = *options};
    shadows->venue = mri_paper_venue(&shadows->options.costs, options->venue_mode);
    return mri_shadow_book_init(&shadows->book, alloc, options->symbols_max);
}

void mri_shadows_fini(struct mri_shadows *shadows)
{
    if (shadows != NULL) {
        mri_shadow_book_fini(&shadows->book);
        *shadows = (struct mri_shadows){0};
    }
}

/* ---- deciding -------------------------------------------------------------------------------- */

/** What is at hand: the places of a symbol, and the price they are met with. */
struct work {
    const struct mri_shadows *shadows;
    const struct mri_shadow_symbol *symbol;
    const struct mri_instrument_spec *spec;
    const struct mri_event *input;
    struct mri_batch *batch;
    struct mri_event price; /**< the newest bar or quote of the symbol */
    bool has_opened;
};

static const struct mri_shadow *place(const struct work *work, uint32_t ordinal)
{
    return mri_shadow_book_find(&work->shadows->book, ordinal);
}

static struct mri_order order_of(
    const struct mri_position *position, enum mri_leg leg, enum mri_order_type type, int64_t price)
{
    return (struct mri_order){
        .quantity = position->quantity,
        .price = price,
        .state = MRI_ORDER_ACCEPTED,
        .side = (uint8_t)mri_exits_side(position, leg),
        .type = (uint8_t)type,
    };
}

/**
 * A shadow as the position that it stands for, with its orders at the venue here. Its holding time
 * was over if it was at the symbol's price before this one.
 */
static struct mri_position position_of(const struct work *work, const struct mri_shadow *shadow)
{
    struct mri_position position = {
        .signal_seq = shadow->signal_seq,
        .ordinal = shadow->ordinal,
        .side = shadow->side,
        .is_open = shadow->state == MRI_SHADOW_OPEN,
        .quantity = shadow->quantity,
        .entry_price = shadow->entry_price,
        .entry_reference_price = shadow->entry_reference_price,
        .entry_fee_e8 = shadow->entry_fee_e8,
        .stop_price = shadow->stop_price,
        .target_price = shadow->target_price,
        .exit_time_unix_ns = shadow->exit_time_unix_ns,
        .opened_unix_ns = shadow->opened_unix_ns,
    };
    struct mri_order *orders = position.orders;
    if (!position.is_open) {
        orders[MRI_LEG_ENTRY] = order_of(&position, MRI_LEG_ENTRY, MRI_ORDER_MARKET, 0);
        return position;
    }
    orders[MRI_LEG_STOP] = order_of(&position, MRI_LEG_STOP, MRI_ORDER_STOP, shadow->stop_price);
    orders[MRI_LEG_TARGET] =
        order_of(&position, MRI_LEG_TARGET, MRI_ORDER_LIMIT, shadow->target_price);
    if (shadow->opened_at_seq < work->symbol->price_seq &&
        work->symbol->previous_time_unix_ns >= shadow->exit_time_unix_ns) {
        orders[MRI_LEG_TIME] = order_of(&position, MRI_LEG_TIME, MRI_ORDER_MARKET, 0);
    }
    return position;
}

/** What is opened: a draft whose references are still to be put in. */
static mr_err open_position(const struct work *work, const struct mri_shadow *shadow,
    struct mri_shadow_opened *opened, enum mri_reason *ret_reason)
{
    const struct mri_shadow_options *options = &work->shadows->options;
    struct mri_position position = position_of(work, shadow);
    struct mri_candle bar = mri_exits_read_bar(work->shadows->market, &position, &work->price);
    const struct mri_exits_bar met = {&work->shadows->venue, work->spec, &bar};
    struct mri_venue_fill fill;
    if (position.quantity == 0) {
        int64_t notional_e8;
        position.quantity =
            mri_instrument_quantity(work->spec, options->notional, bar.open, &notional_e8);
        position.orders[MRI_LEG_ENTRY].quantity = position.quantity;
    }
    *ret_reason = MRI_REASON_SIZE_BELOW_MINIMUM;
    if (position.quantity <= 0) {
        return MR_ERANGE;
    }
    *ret_reason = MRI_REASON_NUMBER_RANGE;
    mr_err err = mri_exits_match(&met, &position, MRI_LEG_ENTRY, &fill);
    if (err == MR_OK) {
        position.entry_price = fill.price;
        position.opened_unix_ns = bar.close_time_unix_ns - bar.duration_ns;
        err = mri_position_exits(&options->exits, work->spec,
            mri_market_symbol(work->shadows->market, shadow->symbol)->bar.volatility, &position);
    }
    if (err == MR_OK) {
        *opened = (struct mri_shadow_opened){
            .event_time_unix_ns = position.opened_unix_ns,
            .exit_time_unix_ns = position.exit_time_unix_ns,
            .quantity = position.quantity,
            .price = fill.price,
            .reference_price = fill.reference_price,
            .stop_price = position.stop_price,
            .target_price = position.target_price,
            .fee_e8 = fill.fee_e8,
        };
    }
    return err;
}

static mr_err draft_closed(
    const struct work *work, const struct mri_shadow *shadow, struct mri_shadow_closed *closed)
{
    closed->cause = mri_batch_ref(work->batch, work->input->seq);
    closed->opened = mri_batch_ref(work->batch, shadow->opened_seq);
    closed->symbol = shadow->symbol;
    closed->side = shadow->side;
    closed->gate = shadow->gate;
    closed->advisory = shadow->advisory;
    return mri_batch_add(work->batch,
        &(struct mri_draft){.type = MRI_EVENT_SHADOW_CLOSED, .fixed = closed}, shadow->ordinal);
}

static mr_err draft_unresolved(
    const struct work *work, const struct mri_shadow *shadow, enum mri_reason reason)
{
    struct mri_shadow_closed closed = {
        .event_time_unix_ns = work->shadows->market->event_time_unix_ns,
        .reason = (uint8_t)reason,
    };
    return draft_closed(work, shadow, &closed);
}

static mr_err decide_wanted(struct work *work, const struct mri_shadow *shadow)
{
    struct mri_shadow_opened opened;
    enum mri_reason reason;
    if (work->symbol->price_seq <= shadow->after_seq) {
        return MR_OK;
    }
    mr_err err = open_position(work, shadow, &opened, &reason);
    if (err == MR_ERANGE) {
        return draft_unresolved(work, shadow, reason);
    }
    if (err != MR_OK) {
        return err;
    }
    work->has_opened = true;
    opened.cause = mri_batch_ref(work->batch, work->input->seq);
    opened.signal = mri_batch_ref(work->batch, shadow->signal_seq);
    opened.decided = mri_batch_ref(work->batch, shadow->decided_seq);
    opened.symbol = shadow->symbol;
    opened.side = shadow->side;
    opened.gate = shadow->gate;
    opened.advisory = shadow->advisory;
    return mri_batch_add(work->batch,
        &(struct mri_draft){.type = MRI_EVENT_SHADOW_OPENED, .fixed = &opened}, shadow->ordinal);
}

/** What the venue here says of a fill, for the entry: it is the price's distance to the market. */
static mr_err entry_slippage(const struct work *work, struct mri_position *position)
{
    int64_t paid;
    int64_t shown;
    mr_err err =
        mri_instrument_value_e8(work->spec, position->entry_price, position->quantity, &paid);
    if (err == MR_OK) {
        err = mri_instrument_value_e8(
            work->spec, position->entry_reference_price, position->quantity, &shown);
    }
    if (err == MR_OK) {
        position->entry_slippage_e8 = position->side == MR_LONG ? paid - shown : shown - paid;
    }
    return err;
}

static mr_err decide_open(const struct work *work, const struct mri_shadow *shadow)
{
    struct mri_position position = position_of(work, shadow);
    struct mri_candle bar = mri_exits_read_bar(work->shadows->market, &position, &work->price);
    const struct mri_exits_bar met = {&work->shadows->venue, work->spec, &bar};
    enum mri_leg leg;
    struct mri_venue_fill fill;
    struct mri_position_closed result;
    mr_err err = mri_exits_first(&met, &position, &leg, &fill);
    if (err == MR_NOT_FOUND) {
        return MR_OK;
    }
    if (err == MR_OK) {
        err = entry_slippage(work, &position);
    }
    if (err == MR_OK) {
        err = mri_position_result(
            &position, &(const struct mri_parts){0}, work->spec, &fill, &result);
    }
    if (err != MR_OK) {
        return err == MR_ERANGE ? draft_unresolved(work, shadow, MRI_REASON_NUMBER_RANGE) : err;
    }
    struct mri_shadow_closed closed = {
        .event_time_unix_ns = bar.close_time_unix_ns - bar.duration_ns,
        .exit_price = fill.price,
        .gross_e8 = result.gross_e8,
        .fee_e8 = result.fee_e8,
        .net_e8 = result.net_e8,
        .reason = (uint8_t)mri_exits_reason(leg),
    };
    return draft_closed(work, shadow, &closed);
}

static mr_err decide_place(struct work *work, const struct mri_shadow *shadow)
{
    switch ((enum mri_shadow_state)shadow->state) {
    case MRI_SHADOW_WANTED:
        return decide_wanted(work, shadow);
    case MRI_SHADOW_OPEN:
        return decide_open(work, shadow);
    default:
        return MR_OK;
    }
}

/** The places of a symbol, met with its newest price. */
static mr_err decide_symbol(struct work *work, uint32_t symbol)
{
    const struct mri_shadows *shadows = work->shadows;
    const struct mri_market_symbol *market = mri_market_symbol(shadows->market, symbol);
    work->symbol = &shadows->book.symbols[symbol];
    work->spec = mri_instruments_get(&shadows->market->instruments, symbol);
    if (market == NULL || work->symbol->price_seq == 0) {
        return MR_OK;
    }
    bool is_quote = work->symbol->price_type == MRI_EVENT_QUOTE;
    work->price = (struct mri_event){.seq = work->symbol->price_seq,
        .type = work->symbol->price_type,
        .body = is_quote ? (const void *)&market->quote : (const void *)&market->candle};
    mr_err err = MR_OK;
    uint32_t ordinal = work->symbol->first;
    while (ordinal != 0 && err == MR_OK) {
        if (mri_batch_is_filled(work->batch, BATCH_SHARE)) {
            work->batch->is_cut = true;
            return MR_OK;
        }
        const struct mri_shadow *shadow = place(work, ordinal);
        ordinal = shadow->next;
        err = decide_place(work, shadow);
    }
    return err;
}

/** Tell of those that cannot be priced. */
static mr_err decide_unresolved(struct work *work)
{
    const struct mri_shadow_book *book = &work->shadows->book;
    uint32_t left = book->counts[MRI_SHADOW_UNRESOLVED];
    mr_err err = MR_OK;
    for (uint32_t i = 0; i < book->symbols_max && left > 0 && err == MR_OK; i++) {
        uint32_t ordinal = book->symbols[i].first;
        while (ordinal != 0 && left > 0 && err == MR_OK) {
            if (mri_batch_is_filled(work->batch, BATCH_SHARE)) {
                work->batch->is_cut = true;
                return MR_OK;
            }
            const struct mri_shadow *shadow = place(work, ordinal);
            ordinal = shadow->next;
            if (shadow->state == MRI_SHADOW_UNRESOLVED) {
                left--;
                err = draft_unresolved(work, shadow, (enum mri_reason)shadow->reason);
            }
        }
    }
    return err;
}

static mr_err decide(const void *state, const struct mri_event *input, struct mri_batch *batch)
{
    const struct mri_shadows *shadows = state;
    struct work work = {.shadows = shadows, .input = input, .batch = batch};
    uint32_t symbol;
    mr_err err = decide_unresolved(&work);
    if (err == MR_OK && mri_exits_symbol(input, &symbol)) {
        err = decide_symbol(&work, symbol);
    }
    bool is_rest = input->type == MRI_EVENT_TICK && shadows->book.places.count > 0;
    for (uint32_t i = 0; is_rest && i < shadows->book.symbols_max && err == MR_OK; i++) {
        err = decide_symbol(&work, i);
    }
    return err == MR_OK && work.has_opened ? MR_AGAIN : err; /* it may already reach the stop */
}

/* ---- applying -------------------------------------------------------------------------------- */

static mr_err apply_generated(struct mri_shadows *shadows, const struct mri_event *event)
{
    const struct mri_signal_generated *signal = event->body;
    const struct mri_shadow_options *options = &shadows->options;
    bool is_old = shadows->engine_version != 0 && shadows->engine_version < MRI_SHADOW_SINCE_ENGINE;
    if (signal->symbol >= shadows->book.symbols_max) {
        return MR_ECORRUPT;
    }
    if (!options->is_enabled || is_old ||
        mri_shadow_book_find(&shadows->book, event->ordinal) != NULL) {
        return MR_OK;
    }
    if (shadows->book.places.count >= options->places_max) {
        shadows->book.left_out++;
        return MR_OK;
    }
    return mri_shadow_book_add(&shadows->book, &(struct mri_shadow){.signal_seq = event->seq,
                                                   .ordinal = event->ordinal,
                                                   .symbol = signal->symbol,
                                                   .side = signal->side});
}

/** Somebody has decided on a signal: its shadow opens at the next price, if there can be one. */
static void want(
    struct mri_shadows *shadows, struct mri_shadow *shadow, const struct mri_event *decided)
{
    const struct mri_instrument_spec *spec =
        mri_instruments_get(&shadows->market->instruments, shadow->symbol);
    const struct mri_market_symbol *symbol = mri_market_symbol(shadows->market, shadow->symbol);
    uint64_t cause = mri_event_cause(decided);
    shadow->decided_seq = decided->seq;
    shadow->after_seq = cause == 0 ? decided->seq : cause;
    bool is_known = spec != NULL && spec->is_provisional == 0;
    bool is_priced = is_known && symbol != NULL && symbol->price.time_unix_ns != 0;
    if (!is_priced) {
        shadow->reason = is_known ? MRI_REASON_NO_PRICE_SOURCE : MRI_REASON_PROVISIONAL_SYMBOL;
    }
    mri_shadow_book_set_state(
        &shadows->book, shadow, is_priced ? MRI_SHADOW_WANTED : MRI_SHADOW_UNRESOLVED);
}

static void apply_decision(struct mri_shadows *shadows, const struct mri_event *event)
{
    const struct mri_decision *decision = event->body;
    struct mri_shadow *shadow = mri_shadow_book_find(&shadows->book, event->ordinal);
    if (shadow == NULL || shadow->state != MRI_SHADOW_BORN) {
        return;
    }
    unsigned count;
    const struct mri_row_order_size *size = mri_event_rows(event, 2, &count);
    shadow->quantity = count == 1 ? size->quantity : 0;
    shadow->gate = decision->gate;
    shadow->advisory = decision->advisory;
    want(shadows, shadow, event);
}

/** A move is a decision where there was none; one that ends an approval says which gate it was. */
static void apply_moved(struct mri_shadows *shadows, const struct mri_event *event)
{
    const struct mri_signal_moved *move = event->body;
    struct mri_shadow *shadow = mri_shadow_book_find(&shadows->book, event->ordinal);
    bool is_ended = move->to == MR_BLOCKED || move->to == MR_EXPIRED;
    if (shadow == NULL || (!is_ended && move->to != MR_APPROVED)) {
        return;
    }
    if (is_ended && shadow->gate == MRI_GATE_NONE && shadow->advisory == 0) {
        shadow->gate = move->gate;
    }
    if (shadow->state == MRI_SHADOW_BORN) {
        want(shadows, shadow, event);
    }
}

static mr_err apply_opened(struct mri_shadows *shadows, const struct mri_event *event)
{
    const struct mri_shadow_opened *opened = event->body;
    struct mri_shadow *shadow = mri_shadow_book_find(&shadows->book, event->ordinal);
    if (shadow == NULL || shadow->state != MRI_SHADOW_WANTED || shadow->symbol != opened->symbol) {
        return MR_ECORRUPT;
    }
    shadow->opened_seq = event->seq;
    shadow->opened_at_seq = shadows->book.symbols[shadow->symbol].price_seq;
    shadow->quantity = opened->quantity;
    shadow->entry_price = opened->price;
    shadow->entry_reference_price = opened->reference_price;
    shadow->entry_fee_e8 = opened->fee_e8;
    shadow->stop_price = opened->stop_price;
    shadow->target_price = opened->target_price;
    shadow->exit_time_unix_ns = opened->exit_time_unix_ns;
    shadow->opened_unix_ns = opened->event_time_unix_ns;
    mri_shadow_book_set_state(&shadows->book, shadow, MRI_SHADOW_OPEN);
    return MR_OK;
}

static mr_err apply_closed(struct mri_shadows *shadows, const struct mri_event *event)
{
    const struct mri_shadow_closed *closed = event->body;
    struct mri_shadow *shadow = mri_shadow_book_find(&shadows->book, event->ordinal);
    if (shadow == NULL || shadow->state == MRI_SHADOW_BORN ||
        shadow->opened_seq != mri_ref_seq(closed->opened, event->seq)) {
        return MR_ECORRUPT;
    }
    mri_shadow_book_remove(&shadows->book, shadow);
    return MR_OK;
}

static void note_price(struct mri_shadows *shadows, const struct mri_event *event, uint32_t number)
{
    struct mri_shadow_symbol *symbol = &shadows->book.symbols[number];
    symbol->previous_time_unix_ns = symbol->price_time_unix_ns;
    symbol->price_time_unix_ns = shadows->market->event_time_unix_ns;
    symbol->price_seq = event->seq;
    symbol->price_type = event->type;
}

static mr_err apply(void *state, const struct mri_event *event)
{
    struct mri_shadows *shadows = state;
    uint32_t symbol;
    switch (event->type) {
    case MRI_EVENT_SIGNAL_GENERATED:
        return apply_generated(shadows, event);
    case MRI_EVENT_DECISION:
        apply_decision(shadows, event);
        return MR_OK;
    case MRI_EVENT_SIGNAL_MOVED:
        apply_moved(shadows, event);
        return MR_OK;
    case MRI_EVENT_SHADOW_OPENED:
        return apply_opened(shadows, event);
    case MRI_EVENT_SHADOW_CLOSED:
        return apply_closed(shadows, event);
    case MRI_EVENT_SESSION:
        shadows->engine_version = ((const struct mri_session *)event->body)->engine_version;
        return MR_OK;
    default:
        if (mri_exits_symbol(event, &symbol) && symbol < shadows->book.symbols_max) {
            note_price(shadows, event, symbol);
        }
        return MR_OK;
    }
}

static void save(const void *state, struct mri_buf *buf)
{
    const struct mri_shadows *shadows = state;
    mri_buf_put(buf, &shadows->engine_version, sizeof(shadows->engine_version));
    mri_shadow_book_save(&shadows->book, buf);
}

static mr_err load(void *state, struct mri_unpack *unpack)
{
    struct mri_shadows *shadows = state;
    mri_unpack_take(unpack, &shadows->engine_version, sizeof(shadows->engine_version));
    return mri_shadow_book_load(&shadows->book, unpack);
}

const struct mri_engine mri_shadow_engine = {
    .name = "shadow", .decide = decide, .apply = apply, .save = save, .load = load};
