/* SPDX-License-Identifier: MIT */
/*
 * The engine of learning.
 *
 *   step view, prediction -> kept until its horizons mature -> feedback, one a horizon
 *   last outcome of a signal that has ended -> moved to learned
 *
 * Invariants
 *  1. A view is scored with the probabilities that were published, before anything is learned from
 *     its outcome.
 *  2. Feedback of the same horizon is drafted one at a time: the next one starts from coefficients
 *     that the last one has changed. Different horizons share nothing.
 *  3. State changes by applying events alone; feedback carries all that it changes.
 */
#include "learn/learn.h"

#include <string.h>

#include "base/exact_math.h"

/** Feedback and closed lives take at most this share of a batch. */
#define BATCH_SHARE 0.8

#define RETURN_CLIP 4.0

enum { LIFE_STATE = 7, LIFE_COMPLETE = 8, LIFE_SHORT = 16, FIRST_CAPACITY = 1024 };

mr_err mri_learn_init(struct mri_learn *learn, const struct mri_alloc *alloc,
    const struct mri_market *market, const struct mri_intern *source_names,
    const struct mri_learn_options *options)
{
    *learn = (struct mri_learn){.alloc = alloc, .market = market, .options = *options};
    void *block;
    mr_err err = mri_beliefs_init(&learn->beliefs, alloc, &options->beliefs, source_names);
    if (err == MR_OK) {
        err = mri_alloc_array(alloc, options->beliefs.symbols_max, sizeof(*learn->symbols), &block);
    }
    if (err == MR_OK) {
        learn->symbols = block;
        err = mri_alloc_array(alloc, (size_t)options->beliefs.sources_max * MR_HORIZON_COUNT,
            sizeof(*learn->records), &block);
    }
    if (err != MR_OK) {
        mri_learn_fini(learn);
        return err;
    }
    learn->records = block;
    return MR_OK;
}

void mri_learn_fini(struct mri_learn *learn)
{
    if (learn == NULL || learn->alloc == NULL) {
        return;
    }
    const struct mri_alloc *alloc = learn->alloc;
    uint32_t symbols = learn->options.beliefs.symbols_max;
    for (uint32_t i = 0; learn->symbols != NULL && i < symbols; i++) {
        mri_alloc_free(
            alloc, learn->symbols[i].ring, MRI_LEARN_VIEWS_MAX * sizeof(struct mri_learn_view));
    }
    mri_alloc_free(alloc, learn->symbols, symbols * sizeof(*learn->symbols));
    mri_alloc_free(alloc, learn->records,
        (size_t)learn->options.beliefs.sources_max * MR_HORIZON_COUNT * sizeof(*learn->records));
    mri_alloc_free(alloc, learn->lives, learn->life_capacity * sizeof(*learn->lives));
    mri_alloc_free(alloc, learn->sources, learn->life_capacity * sizeof(*learn->sources));
    mri_alloc_free(alloc, learn->finished, learn->finished_capacity * sizeof(*learn->finished));
    mri_beliefs_fini(&learn->beliefs);
    *learn = (struct mri_learn){0};
}

const struct mri_source_record *mri_learn_record(
    const struct mri_learn *learn, uint32_t source, mr_horizon horizon)
{
    MRI_ASSERT(source < learn->options.beliefs.sources_max);
    return &learn->records[(size_t)source * MR_HORIZON_COUNT + horizon];
}

/* ---- deciding -------------------------------------------------------------------------------- */

static bool is_feed_end(const struct mri_event *input)
{
    return input->type == MRI_EVENT_TICK &&
           ((const struct mri_tick *)input->body)->reason == MRI_REASON_FEED_ENDED;
}

/** The next view of a symbol at a horizon; NULL when none waits. */
static const struct mri_learn_view *next_view(
    const struct mri_learn *learn, uint32_t symbol, mr_horizon horizon)
{
    const struct mri_learn_symbol *views = &learn->symbols[symbol];
    if (views->taken[horizon] == views->pushed) {
        return NULL;
    }
    return &views->ring[views->taken[horizon] % MRI_LEARN_VIEWS_MAX];
}

/** What became of a view at a horizon: status and return. */
static void mature(const struct mri_learn *learn, uint32_t symbol, mr_horizon horizon,
    const struct mri_learn_view *view, struct mri_feedback *feedback)
{
    struct mri_price at;
    int64_t due = view->time_unix_ns + mri_horizon_ns(horizon);
    if (mri_market_price_at(learn->market, symbol, due, &at) != MR_OK) {
        feedback->status = MRI_FEEDBACK_UNRESOLVED;
        return;
    }
    feedback->return_bps = (double)(at.price - view->price) / (double)view->price * 1e4;
    if (due - at.time_unix_ns > learn->options.tolerance_ns) {
        feedback->status = MRI_FEEDBACK_EXCLUDED;
    } else if (at.price == view->price) {
        feedback->status = MRI_FEEDBACK_ZERO_RETURN;
    } else {
        feedback->status = MRI_FEEDBACK_LEARNED;
    }
}

static struct mri_lesson lesson_of(const struct mri_learn *learn, uint32_t symbol,
    mr_horizon horizon, const struct mri_learn_view *view, const struct mri_feedback *feedback)
{
    double bars = (double)(mri_horizon_ns(horizon) / MRI_BAR_NS);
    double sd_bps = view->volatility * mri_sqrt(bars) * 1e4;
    struct mri_lesson lesson = {
        .place = {.symbol = symbol, .regime = view->regime, .horizon = horizon},
        .terms = view->terms,
        .term_count = view->term_count,
        .weight = feedback->weight,
        .is_up = feedback->return_bps > 0.0,
        .has_ev = sd_bps > 0.0,
        .ev_noise = learn->options.ev_noise,
    };
    if (lesson.has_ev) {
        lesson.scaled_return = mri_clamp(feedback->return_bps / sd_bps, -RETURN_CLIP, RETURN_CLIP);
    }
    return lesson;
}

/** Compute all that a matured view changes. */
static void teach(const struct mri_learn *learn, const struct mri_lesson *lesson,
    const struct mri_learn_view *view, struct mri_feedback *feedback, struct mri_row_cell *cells)
{
    mr_horizon horizon = lesson->place.horizon;
    const struct mri_beliefs_horizon *before = &learn->beliefs.horizons[horizon];
    const struct mri_mixture_lesson mixture_lesson = {
        .members = {[MRI_MEMBER_COIN] = 0.5,
            [MRI_MEMBER_PLATT] = view->prob_platt[horizon],
            [MRI_MEMBER_POOL] = view->prob_pool[horizon]},
        .weight = lesson->weight,
        .is_up = lesson->is_up,
        .is_new_time = before->platt.touch_unix_ns < learn->beliefs.event_time_unix_ns,
    };
    double after[MRI_MEMBER_COUNT];
    mri_cells_learn(&learn->beliefs, lesson, cells);
    struct mri_belief platt = mri_cells_learn_platt(&learn->beliefs, lesson, view->static_logit);
    mri_mixture_learn(&learn->options.mixture, before->log_weights, &mixture_lesson, after);
    feedback->cell_count = (uint8_t)lesson->term_count;
    feedback->platt_slope = platt.mean;
    feedback->platt_variance = platt.variance;
    feedback->log_weight_coin = after[MRI_MEMBER_COIN];
    feedback->log_weight_platt = after[MRI_MEMBER_PLATT];
    feedback->log_weight_pool = after[MRI_MEMBER_POOL];
}

static mr_err draft_feedback(const struct mri_learn *learn, uint32_t symbol, mr_horizon horizon,
    const struct mri_event *input, struct mri_batch *batch)
{
    const struct mri_learn_view *view = next_view(learn, symbol, horizon);
    struct mri_row_cell cells[MRI_TERMS_MAX];
    struct mri_feedback feedback = {
        .weight = learn->options.kappa / view->open_counts[horizon],
        .prob_before = view->prob_up[horizon],
        .horizon = (uint8_t)horizon,
        .signal_count = view->signal_count,
        .symbol = symbol,
    };
    int64_t due = view->time_unix_ns + mri_horizon_ns(horizon);
    if (mri_market_is_due(learn->market, symbol, due, input)) {
        mature(learn, symbol, horizon, view, &feedback);
    } else {
        feedback.status = MRI_FEEDBACK_UNRESOLVED; /* the feed ended before */
    }
    if (feedback.status == MRI_FEEDBACK_LEARNED) {
        struct mri_lesson lesson = lesson_of(learn, symbol, horizon, view, &feedback);
        teach(learn, &lesson, view, &feedback, cells);
    }
    feedback.cause = mri_batch_ref(batch, input->seq);
    feedback.view = mri_batch_ref(batch, view->seq);
    return mri_batch_add(batch,
        &(struct mri_draft){.type = MRI_EVENT_FEEDBACK, .fixed = &feedback, .rows = {cells}}, 0);
}

/** The first symbol whose next view at a horizon is due; false when there is none. */
static bool find_due(const struct mri_learn *learn, mr_horizon horizon,
    const struct mri_event *input, uint32_t *ret_symbol)
{
    bool is_end = is_feed_end(input);
    for (uint32_t i = 0; i < learn->market->instruments.count; i++) {
        const struct mri_learn_view *view = next_view(learn, i, horizon);
        if (view == NULL) {
            continue;
        }
        int64_t due = view->time_unix_ns + mri_horizon_ns(horizon);
        if (is_end || mri_market_is_due(learn->market, i, due, input)) {
            *ret_symbol = i;
            return true;
        }
    }
    return false;
}

static mr_err draft_learned(
    const struct mri_finished *finished, const struct mri_event *input, struct mri_batch *batch)
{
    const struct mri_signal_moved move = {
        .cause = mri_batch_ref(batch, input->seq),
        .signal = mri_batch_ref(batch, finished->seq),
        .evidence = mri_batch_ref(batch, finished->evidence_seq),
        .from = finished->state,
        .to = MR_LEARNED,
        .actor = MRI_ACTOR_LEARN,
        .reason = MRI_REASON_OUTCOMES_COMPLETE,
    };
    return mri_batch_add(batch, &(struct mri_draft){.type = MRI_EVENT_SIGNAL_MOVED, .fixed = &move},
        finished->ordinal);
}

static mr_err decide(const void *state, const struct mri_event *input, struct mri_batch *batch)
{
    const struct mri_learn *learn = state;
    bool is_taught = false;
    for (unsigned h = 0; h < MR_HORIZON_COUNT; h++) {
        uint32_t symbol;
        if (!find_due(learn, (mr_horizon)h, input, &symbol)) {
            continue;
        }
        if (mri_batch_is_filled(batch, BATCH_SHARE)) {
            batch->is_cut = true;
            return MR_OK;
        }
        mr_err err = draft_feedback(learn, symbol, (mr_horizon)h, input, batch);
        if (err != MR_OK) {
            return err;
        }
        is_taught = true;
    }
    if (is_taught) {
        return MR_AGAIN;
    }
    mr_err err = MR_OK;
    for (uint32_t i = 0; i < learn->finished_count && err == MR_OK; i++) {
        if (mri_batch_is_filled(batch, BATCH_SHARE)) {
            batch->is_cut = true;
            break;
        }
        err = draft_learned(&learn->finished[i], input, batch);
    }
    return err;
}

/* ---- applying -------------------------------------------------------------------------------- */

static mr_err grow_lives(struct mri_learn *learn, uint32_t ordinal)
{
    if (ordinal < learn->life_capacity) {
        return MR_OK;
    }
    uint32_t capacity = learn->life_capacity == 0 ? FIRST_CAPACITY : 2 * learn->life_capacity;
    while (capacity <= ordinal) {
        capacity *= 2;
    }
    void *sources;
    void *lives = learn->lives;
    mr_err err = mri_alloc_array(learn->alloc, capacity, sizeof(*learn->sources), &sources);
    if (err != MR_OK) {
        return err;
    }
    err = mri_alloc_resize(learn->alloc, &lives, learn->life_capacity * sizeof(*learn->lives),
        capacity * sizeof(*learn->lives));
    if (err != MR_OK) { /* both grow or neither: they share their capacity */
        mri_alloc_free(learn->alloc, sources, capacity * sizeof(*learn->sources));
        return err;
    }
    size_t sources_bytes = learn->life_capacity * sizeof(*learn->sources);
    if (sources_bytes > 0) {
        memcpy(sources, learn->sources, sources_bytes);
    }
    mri_alloc_free(learn->alloc, learn->sources, sources_bytes);
    learn->lives = lives;
    learn->sources = sources;
    learn->life_capacity = capacity;
    return MR_OK;
}

static mr_err apply_generated(struct mri_learn *learn, const struct mri_event *event)
{
    const struct mri_signal_generated *signal = event->body;
    uint32_t source;
    mr_err err = mri_intern_find(learn->beliefs.source_names,
        mri_event_text(event, MRI_TEXT_signal_generated_source), &source);
    if (err != MR_OK || source >= learn->options.beliefs.sources_max || event->ordinal == 0) {
        return MR_ECORRUPT;
    }
    err = grow_lives(learn, event->ordinal);
    if (err == MR_OK) {
        /* Causal order is not log order: a later ordinal may have come first. */
        learn->life_count = event->ordinal > learn->life_count ? event->ordinal : learn->life_count;
        learn->lives[event->ordinal] =
            (uint8_t)(MR_GENERATED | (signal->side == MR_SHORT ? LIFE_SHORT : 0));
        learn->sources[event->ordinal] = (uint16_t)source;
    }
    return err;
}

static mr_err add_finished(struct mri_learn *learn, const struct mri_finished *finished)
{
    if (learn->finished_count == learn->finished_capacity) {
        uint32_t capacity =
            learn->finished_capacity == 0 ? FIRST_CAPACITY : 2 * learn->finished_capacity;
        void *block = learn->finished;
        mr_err err = mri_alloc_resize(learn->alloc, &block,
            learn->finished_capacity * sizeof(*finished), capacity * sizeof(*finished));
        if (err != MR_OK) {
            return err;
        }
        learn->finished = block;
        learn->finished_capacity = capacity;
    }
    learn->finished[learn->finished_count++] = *finished;
    return MR_OK;
}

static void remove_finished(struct mri_learn *learn, uint32_t ordinal)
{
    for (uint32_t i = 0; i < learn->finished_count; i++) {
        if (learn->finished[i].ordinal == ordinal) {
            learn->finished_count--;
            for (uint32_t k = i; k < learn->finished_count; k++) {
                learn->finished[k] = learn->finished[k + 1];
            }
            return;
        }
    }
}

/** Has a signal in this state ended, so that complete outcomes close its life? */
static bool has_ended(unsigned state)
{
    return state == MR_EXECUTED || state == MR_BLOCKED || state == MR_EXPIRED;
}

static mr_err apply_moved(struct mri_learn *learn, const struct mri_event *event)
{
    const struct mri_signal_moved *move = event->body;
    if (event->ordinal == 0 || event->ordinal > learn->life_count) {
        return MR_ECORRUPT;
    }
    uint8_t *life = &learn->lives[event->ordinal];
    if (move->to < (*life & LIFE_STATE)) {
        return MR_OK; /* a later one was applied before its turn */
    }
    *life = (uint8_t)((*life & ~LIFE_STATE) | move->to);
    if (move->to == MR_LEARNED) {
        remove_finished(learn, event->ordinal);
        return MR_OK;
    }
    bool is_finished = (*life & LIFE_COMPLETE) != 0 && has_ended(move->to);
    return is_finished ? add_finished(learn,
                             &(struct mri_finished){.seq = mri_ref_seq(move->signal, event->seq),
                                 .evidence_seq = event->seq,
                                 .ordinal = event->ordinal,
                                 .state = move->to})
                       : MR_OK;
}

static mr_err apply_outcome(struct mri_learn *learn, const struct mri_event *event)
{
    const struct mri_outcome *outcome = event->body;
    if (event->ordinal == 0 || event->ordinal > learn->life_count) {
        return MR_ECORRUPT;
    }
    uint8_t *life = &learn->lives[event->ordinal];
    if (outcome->status == MRI_OUTCOME_RESOLVED) {
        size_t at = (size_t)learn->sources[event->ordinal] * MR_HORIZON_COUNT + outcome->horizon;
        double return_bps = (*life & LIFE_SHORT) != 0 ? -outcome->return_bps : outcome->return_bps;
        learn->records[at].count++;
        learn->records[at].wins += return_bps > 0.0;
        learn->records[at].return_bps_sum += return_bps;
    }
    if (outcome->horizon != MR_HORIZON_COUNT - 1) {
        return MR_OK; /* the longest horizon is always the last */
    }
    *life |= LIFE_COMPLETE;
    return has_ended(*life & LIFE_STATE)
               ? add_finished(
                     learn, &(struct mri_finished){.seq = mri_ref_seq(outcome->signal, event->seq),
                                .evidence_seq = event->seq,
                                .ordinal = event->ordinal,
                                .state = *life & LIFE_STATE})
               : MR_OK;
}

static mr_err apply_view(struct mri_learn *learn, const struct mri_event *event)
{
    const struct mri_view *view = event->body;
    unsigned count;
    const struct mri_row_term *terms = mri_event_rows(event, 0, &count);
    if (view->kind != MRI_VIEW_STEP) {
        return MR_OK;
    }
    if (view->symbol >= learn->options.beliefs.symbols_max || count > MRI_TERMS_MAX) {
        return MR_ECORRUPT;
    }
    struct mri_learn_symbol *symbol = &learn->symbols[view->symbol];
    if (symbol->ring == NULL) {
        void *block;
        mr_err err = mri_alloc_array(
            learn->alloc, MRI_LEARN_VIEWS_MAX, sizeof(struct mri_learn_view), &block);
        if (err != MR_OK) {
            return err;
        }
        symbol->ring = block;
    }
    if (symbol->pushed - symbol->taken[MR_HORIZON_COUNT - 1] == MRI_LEARN_VIEWS_MAX) {
        return MR_FULL;
    }
    struct mri_learn_view *kept = &symbol->ring[symbol->pushed % MRI_LEARN_VIEWS_MAX];
    *kept = (struct mri_learn_view){
        .seq = event->seq,
        .time_unix_ns = view->event_time_unix_ns,
        .price = view->price,
        .volatility = view->volatility,
        .static_logit = mri_beliefs_static_logit(&learn->beliefs, terms, count),
        .open_counts = {view->open_1m, view->open_5m, view->open_15m, view->open_30m,
            view->open_1h},
        .regime = view->regime,
        .term_count = (uint8_t)count,
        .signal_count = view->signal_count,
    };
    for (unsigned i = 0; i < count; i++) {
        kept->terms[i] = terms[i];
    }
    for (unsigned h = 0; h < MR_HORIZON_COUNT; h++) {
        double slope = mri_beliefs_platt(&learn->beliefs, (mr_horizon)h).mean;
        kept->prob_platt[h] = mri_sigmoid(slope * kept->static_logit);
    }
    symbol->pushed++;
    return MR_OK;
}

static mr_err apply_prediction(struct mri_learn *learn, const struct mri_event *event)
{
    const struct mri_prediction *prediction = event->body;
    uint64_t view_seq = mri_ref_seq(prediction->view, event->seq);
    unsigned count;
    const struct mri_row_forecast *rows = mri_event_rows(event, 0, &count);
    if (count != MR_HORIZON_COUNT) {
        return MR_ECORRUPT;
    }
    for (uint32_t i = 0; i < learn->market->instruments.count; i++) {
        struct mri_learn_symbol *symbol = &learn->symbols[i];
        if (symbol->pushed == 0) {
            continue;
        }
        struct mri_learn_view *newest = &symbol->ring[(symbol->pushed - 1) % MRI_LEARN_VIEWS_MAX];
        for (unsigned h = 0; newest->seq == view_seq && h < MR_HORIZON_COUNT; h++) {
            newest->prob_up[h] = rows[h].prob_up;
            newest->prob_pool[h] = rows[h].prob_pool;
        }
    }
    return MR_OK;
}

static mr_err apply_feedback(struct mri_learn *learn, const struct mri_event *event)
{
    const struct mri_feedback *feedback = event->body;
    mr_horizon horizon = (mr_horizon)feedback->horizon;
    bool is_known = feedback->symbol < learn->market->instruments.count;
    const struct mri_learn_view *view =
        is_known ? next_view(learn, feedback->symbol, horizon) : NULL;
    if (view == NULL || view->seq != mri_ref_seq(feedback->view, event->seq)) {
        return MR_ECORRUPT;
    }
    struct mri_score *score = &learn->scores[horizon];
    bool is_scored =
        view->time_unix_ns >= learn->market->first_close_unix_ns + learn->options.score_after_ns;
    if (is_scored && feedback->status == MRI_FEEDBACK_LEARNED) {
        const double probabilities[MRI_SCORE_COUNT] = {
            [MRI_SCORE_LEARNED] = view->prob_up[horizon],
            [MRI_SCORE_STATIC] = mri_sigmoid(view->static_logit),
            [MRI_SCORE_STATIC_PLATT] = view->prob_platt[horizon],
            [MRI_SCORE_POOL] = view->prob_pool[horizon],
        };
        mri_score_add(score, probabilities, feedback->return_bps > 0.0);
    }
    score->zero_returns += is_scored && feedback->status == MRI_FEEDBACK_ZERO_RETURN;
    learn->learned_count += feedback->status == MRI_FEEDBACK_LEARNED;
    learn->symbols[feedback->symbol].taken[horizon]++;
    return MR_OK;
}

static mr_err apply(void *state, const struct mri_event *event)
{
    struct mri_learn *learn = state;
    mr_err err = MR_OK;
    switch (event->type) {
    case MRI_EVENT_SIGNAL_GENERATED:
        err = apply_generated(learn, event);
        break;
    case MRI_EVENT_SIGNAL_MOVED:
        err = apply_moved(learn, event);
        break;
    case MRI_EVENT_OUTCOME:
        err = apply_outcome(learn, event);
        break;
    case MRI_EVENT_VIEW:
        err = apply_view(learn, event);
        break;
    case MRI_EVENT_PREDICTION:
        err = apply_prediction(learn, event);
        break;
    case MRI_EVENT_FEEDBACK:
        err = apply_feedback(learn, event);
        break;
    default:
        break;
    }
    return err == MR_OK ? mri_beliefs_apply(&learn->beliefs, event) : err;
}

/* ---- snapshots ------------------------------------------------------------------------------- */

static void save(const void *state, struct mri_buf *buf)
{
    const struct mri_learn *learn = state;
    mri_beliefs_save(&learn->beliefs, buf);
    mri_buf_put(buf, learn->scores, sizeof(learn->scores));
    mri_buf_put(buf, &learn->learned_count, sizeof(learn->learned_count));
    mri_buf_put(buf, learn->records,
        (size_t)learn->options.beliefs.sources_max * MR_HORIZON_COUNT * sizeof(*learn->records));
    for (uint32_t i = 0; i < learn->options.beliefs.symbols_max; i++) {
        const struct mri_learn_symbol *symbol = &learn->symbols[i];
        mri_buf_put(buf, &symbol->pushed, sizeof(symbol->pushed));
        mri_buf_put(buf, symbol->taken, sizeof(symbol->taken));
        uint64_t first = symbol->taken[MR_HORIZON_COUNT - 1];
        for (uint64_t k = first; k < symbol->pushed; k++) {
            mri_buf_put(buf, &symbol->ring[k % MRI_LEARN_VIEWS_MAX], sizeof(struct mri_learn_view));
        }
    }
    mri_buf_put(buf, &learn->life_count, sizeof(learn->life_count));
    for (uint32_t i = 1; i <= learn->life_count; i++) {
        mri_buf_put(buf, &learn->lives[i], sizeof(learn->lives[i]));
        mri_buf_put(buf, &learn->sources[i], sizeof(learn->sources[i]));
    }
    mri_buf_put(buf, &learn->finished_count, sizeof(learn->finished_count));
    mri_buf_put(buf, learn->finished, learn->finished_count * sizeof(*learn->finished));
}

static mr_err load_views(
    struct mri_learn *learn, struct mri_learn_symbol *symbol, struct mri_unpack *unpack)
{
    mri_unpack_take(unpack, &symbol->pushed, sizeof(symbol->pushed));
    mri_unpack_take(unpack, symbol->taken, sizeof(symbol->taken));
    uint64_t first = symbol->taken[MR_HORIZON_COUNT - 1];
    bool is_sound = first <= symbol->pushed && symbol->pushed - first <= MRI_LEARN_VIEWS_MAX;
    if (unpack->err != MR_OK || !is_sound) {
        return MR_ECORRUPT;
    }
    if (symbol->pushed == 0) {
        return MR_OK;
    }
    void *block;
    mr_err err =
        mri_alloc_array(learn->alloc, MRI_LEARN_VIEWS_MAX, sizeof(struct mri_learn_view), &block);
    if (err != MR_OK) {
        return err;
    }
    symbol->ring = block;
    for (uint64_t k = first; k < symbol->pushed; k++) {
        mri_unpack_take(
            unpack, &symbol->ring[k % MRI_LEARN_VIEWS_MAX], sizeof(struct mri_learn_view));
    }
    return unpack->err;
}

static mr_err load_lives(struct mri_learn *learn, struct mri_unpack *unpack)
{
    uint32_t count = mri_unpack_count(unpack, UINT32_MAX, sizeof(uint8_t) + sizeof(uint16_t));
    mr_err err = unpack->err;
    for (uint32_t i = 1; i <= count && err == MR_OK; i++) {
        err = grow_lives(learn, i);
        if (err == MR_OK) {
            learn->life_count = i;
            mri_unpack_take(unpack, &learn->lives[i], sizeof(learn->lives[i]));
            mri_unpack_take(unpack, &learn->sources[i], sizeof(learn->sources[i]));
            bool is_sound = learn->sources[i] < learn->options.beliefs.sources_max;
            err = is_sound ? unpack->err : MR_ECORRUPT;
        }
    }
    return err;
}

static mr_err load(void *state, struct mri_unpack *unpack)
{
    struct mri_learn *learn = state;
    mr_err err = mri_beliefs_load(&learn->beliefs, unpack);
    mri_unpack_take(unpack, learn->scores, sizeof(learn->scores));
    mri_unpack_take(unpack, &learn->learned_count, sizeof(learn->learned_count));
    mri_unpack_take(unpack, learn->records,
        (size_t)learn->options.beliefs.sources_max * MR_HORIZON_COUNT * sizeof(*learn->records));
    for (uint32_t i = 0; i < learn->options.beliefs.symbols_max && err == MR_OK; i++) {
        err = load_views(learn, &learn->symbols[i], unpack);
    }
    if (err == MR_OK) {
        err = load_lives(learn, unpack);
    }
    uint32_t finished = mri_unpack_count(unpack, UINT32_MAX, sizeof(struct mri_finished));
    for (uint32_t i = 0; i < finished && err == MR_OK; i++) {
        struct mri_finished one;
        mri_unpack_take(unpack, &one, sizeof(one));
        err = unpack->err == MR_OK ? add_finished(learn, &one) : unpack->err;
    }
    return err == MR_OK ? unpack->err : err;
}

const struct mri_engine mri_learn_engine = {
    .name = "learn", .decide = decide, .apply = apply, .save = save, .load = load};
