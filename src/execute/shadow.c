/* SPDX-License-Identifier: MIT */
/*
 * The engine of the shadow book.
 *
 *   signal born          -> a place in the book, if its symbol has a price
 *   decision, or a move that is one (approved, blocked, expired without a decision here)
 *                        -> wanted; unresolved where the price has stopped
 *   next bar or quote    -> open, as a market order would be filled
 *   bars after           -> shadow.closed, by stop, target or time
 *   no price for long    -> shadow.closed, unresolved
 *
 * Invariants
 *  1. A signal has one shadow at most: its place goes with it, and places are given at birth.
 *  2. No price is used that was there before the decision: a shadow opens with an input behind the
 *     one that was decided on.
 *  3. It is opened when that price is applied, and nothing is logged: whoever folds the log opens
 *     it alike. Its end says when and at what.
 *  4. Deciding again on the same price comes to the same end. So what had no room in a batch
 *     follows at the next tick; only where another price of the symbol comes before it, it is met
 *     with that one instead.
 *  5. The trading mode changes nothing here.
 */
#include "execute/shadow.h"

#include "execute/exits.h"

/** Whoever decides last leaves the batch not quite full. */
#define BATCH_SHARE 0.97

/** A symbol is silent when it had no price for so many holding times: nothing waits for it. */
enum { SILENT_HOLDS = 2 };

MRI_STATIC_ASSERT(sizeof(struct mri_shadow_closed) == 128, "two units of a record: no room wasted");

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

/* ---- prices and positions -------------------------------------------------------------------- */

/** Has the symbol had no price for so long that nothing waits for the next one? */
static bool is_silent(const struct mri_shadows *shadows, uint32_t symbol)
{
    const struct mri_shadow_symbol *at = &shadows->book.symbols[symbol];
    int64_t since_ns = shadows->book.passed_ns - at->price_passed_ns;
    return at->price_seq == 0 || since_ns / SILENT_HOLDS > shadows->options.exits.hold_ns;
}

static bool is_priced(const struct mri_shadows *shadows, uint32_t symbol)
{
    const struct mri_instrument_spec *spec =
        mri_instruments_get(&shadows->market->instruments, symbol);
    return spec != NULL && spec->is_provisional == 0 && !is_silent(shadows, symbol);
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
static struct mri_position position_of(
    const struct mri_shadow_symbol *symbol, const struct mri_shadow *shadow)
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
    if (shadow->entry_seq < symbol->price_seq &&
        symbol->previous_time_unix_ns >= shadow->exit_time_unix_ns) {
        orders[MRI_LEG_TIME] = order_of(&position, MRI_LEG_TIME, MRI_ORDER_MARKET, 0);
    }
    return position;
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
    bool is_silent;
};

static const struct mri_shadow *place(const struct work *work, uint32_t ordinal)
{
    return mri_shadow_book_find(&work->shadows->book, ordinal);
}

static mr_err draft_closed(
    const struct work *work, const struct mri_shadow *shadow, struct mri_shadow_closed *closed)
{
    closed->cause = mri_batch_ref(work->batch, work->input->seq);
    closed->signal = mri_batch_ref(work->batch, shadow->signal_seq);
    closed->decided = mri_batch_ref(work->batch, shadow->decided_seq);
    closed->symbol = shadow->symbol;
    closed->side = shadow->side;
    closed->gate = shadow->gate;
    closed->advisory = shadow->advisory;
    if (shadow->entry_seq != 0) {
        closed->entry = mri_batch_ref(work->batch, shadow->entry_seq);
        closed->entry_time_unix_ns = shadow->opened_unix_ns;
        closed->quantity = shadow->quantity;
        closed->entry_price = shadow->entry_price;
        closed->stop_price = shadow->stop_price;
        closed->target_price = shadow->target_price;
    }
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
    struct mri_position position = position_of(work->symbol, shadow);
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
        .slippage_e8 = result.slippage_e8,
        .net_e8 = result.net_e8,
        .reason = (uint8_t)mri_exits_reason(leg),
    };
    return draft_closed(work, shadow, &closed);
}

static mr_err decide_place(const struct work *work, const struct mri_shadow *shadow)
{
    bool is_open = shadow->state == MRI_SHADOW_OPEN;
    if (work->is_silent) {
        return is_open || shadow->state == MRI_SHADOW_WANTED
                   ? draft_unresolved(work, shadow, MRI_REASON_NO_PRICE_SOURCE)
                   : MR_OK;
    }
    return is_open ? decide_open(work, shadow) : MR_OK;
}

/** The places of a symbol, met with its newest price; without one for long, they end. */
static mr_err decide_symbol(struct work *work, uint32_t symbol)
{
    const struct mri_shadows *shadows = work->shadows;
    const struct mri_market_symbol *market = mri_market_symbol(shadows->market, symbol);
    work->symbol = &shadows->book.symbols[symbol];
    work->spec = mri_instruments_get(&shadows->market->instruments, symbol);
    if (market == NULL || work->symbol->waiting == 0) {
        return MR_OK;
    }
    work->is_silent = is_silent(shadows, symbol);
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
    bool is_rest = input->type == MRI_EVENT_TICK;
    uint32_t symbols = shadows->market->instruments.count;
    for (uint32_t i = 0; i < symbols && err == MR_OK; i++) {
        bool is_due = shadows->book.symbols[i].waiting > 0 && (is_rest || is_silent(shadows, i));
        err = is_due ? decide_symbol(&work, i) : MR_OK;
    }
    return err;
}

/* ---- applying -------------------------------------------------------------------------------- */

/** A shadow is opened at the newest price of its symbol. */
static mr_err open_position(struct mri_shadows *shadows, const struct mri_event *price,
    struct mri_shadow *shadow, enum mri_reason *ret_reason)
{
    const struct mri_shadow_options *options = &shadows->options;
    const struct mri_instrument_spec *spec =
        mri_instruments_get(&shadows->market->instruments, shadow->symbol);
    struct mri_position position = position_of(&shadows->book.symbols[shadow->symbol], shadow);
    struct mri_candle bar = mri_exits_read_bar(shadows->market, &position, price);
    const struct mri_exits_bar met = {&shadows->venue, spec, &bar};
    struct mri_venue_fill fill;
    if (position.quantity == 0) {
        int64_t notional_e8;
        position.quantity =
            mri_instrument_quantity(spec, options->notional, bar.open, &notional_e8);
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
        err = mri_position_exits(&options->exits, spec,
            mri_market_symbol(shadows->market, shadow->symbol)->bar.volatility, &position);
    }
    if (err == MR_OK) {
        shadow->entry_seq = price->seq;
        shadow->quantity = position.quantity;
        shadow->entry_price = fill.price;
        shadow->entry_reference_price = fill.reference_price;
        shadow->entry_fee_e8 = fill.fee_e8;
        shadow->stop_price = position.stop_price;
        shadow->target_price = position.target_price;
        shadow->exit_time_unix_ns = position.exit_time_unix_ns;
        shadow->opened_unix_ns = position.opened_unix_ns;
    }
    return err;
}

/** The first of a symbol's places that waits for a price: sought from the newest on, among which
 * they are. */
static uint32_t first_wanted(const struct mri_shadow_book *book, uint32_t symbol)
{
    uint32_t left = book->symbols[symbol].wanted;
    uint32_t first = 0;
    for (uint32_t ordinal = book->symbols[symbol].last; left > 0;) {
        const struct mri_shadow *shadow = mri_shadow_book_find(book, ordinal);
        left -= shadow->state == MRI_SHADOW_WANTED;
        first = ordinal;
        ordinal = shadow->previous;
    }
    return first;
}

/** What waits for a price of the symbol has it. */
static mr_err open_wanted(
    struct mri_shadows *shadows, const struct mri_event *price, uint32_t symbol)
{
    uint32_t ordinal = first_wanted(&shadows->book, symbol);
    while (ordinal != 0) {
        struct mri_shadow *shadow = mri_shadow_book_find(&shadows->book, ordinal);
        enum mri_reason reason;
        ordinal = shadow->next;
        if (shadow->state != MRI_SHADOW_WANTED || price->seq <= shadow->after_seq) {
            continue;
        }
        mr_err err = open_position(shadows, price, shadow, &reason);
        if (err != MR_OK && err != MR_ERANGE) {
            return err;
        }
        if (err == MR_ERANGE) {
            shadow->reason = (uint16_t)reason;
        }
        mri_shadow_book_set_state(
            &shadows->book, shadow, err == MR_OK ? MRI_SHADOW_OPEN : MRI_SHADOW_UNRESOLVED);
    }
    return MR_OK;
}

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
    if (!is_priced(shadows, signal->symbol)) {
        shadows->book.unpriced++;
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

/** Somebody has decided on a signal: its shadow opens at the next price, if there will be one. */
static void want(
    struct mri_shadows *shadows, struct mri_shadow *shadow, const struct mri_event *decided)
{
    uint64_t cause = mri_event_cause(decided);
    bool is_waiting = is_priced(shadows, shadow->symbol);
    shadow->decided_seq = decided->seq;
    shadow->after_seq = cause == 0 ? decided->seq : cause;
    shadow->reason = is_waiting ? MRI_REASON_NONE : MRI_REASON_NO_PRICE_SOURCE;
    mri_shadow_book_set_state(
        &shadows->book, shadow, is_waiting ? MRI_SHADOW_WANTED : MRI_SHADOW_UNRESOLVED);
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

static mr_err apply_closed(struct mri_shadows *shadows, const struct mri_event *event)
{
    const struct mri_shadow_closed *closed = event->body;
    struct mri_shadow *shadow = mri_shadow_book_find(&shadows->book, event->ordinal);
    if (shadow == NULL || shadow->state == MRI_SHADOW_BORN || shadow->symbol != closed->symbol ||
        shadow->entry_seq != mri_ref_seq(closed->entry, event->seq)) {
        return MR_ECORRUPT;
    }
    mri_shadow_book_remove(&shadows->book, shadow);
    return MR_OK;
}

static mr_err apply_price(
    struct mri_shadows *shadows, const struct mri_event *event, uint32_t number)
{
    struct mri_shadow_symbol *symbol = &shadows->book.symbols[number];
    mri_shadow_book_pass(&shadows->book, shadows->market->event_time_unix_ns);
    symbol->previous_time_unix_ns = symbol->price_time_unix_ns;
    symbol->price_time_unix_ns = shadows->market->event_time_unix_ns;
    symbol->price_passed_ns = shadows->book.passed_ns;
    symbol->price_seq = event->seq;
    symbol->price_type = event->type;
    return symbol->waiting > 0 ? open_wanted(shadows, event, number) : MR_OK;
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
    case MRI_EVENT_SHADOW_CLOSED:
        return apply_closed(shadows, event);
    case MRI_EVENT_SESSION:
        shadows->engine_version = ((const struct mri_session *)event->body)->engine_version;
        return MR_OK;
    case MRI_EVENT_TICK:
        mri_shadow_book_pass(&shadows->book, shadows->market->event_time_unix_ns);
        return MR_OK;
    default:
        return mri_exits_symbol(event, &symbol) && symbol < shadows->book.symbols_max
                   ? apply_price(shadows, event, symbol)
                   : MR_OK;
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
