/* SPDX-License-Identifier: MIT */
/*
 * Coefficients and mixture weights as the feedback events left them.
 *
 * coefficients[((source * 2 + direction) * horizons + horizon) * places + place]
 *   place 0 = global, 1..regimes = regimes, then one a symbol
 *
 * Invariants
 *  1. Values change only by feedback events, to exactly what the event says; relaxation happens
 *     when they are read.
 *  2. touch_unix_ns is the event time at which the feedback was decided, so reading and learning
 *     relax over the same time.
 *  3. The weights of a horizon that nothing has taught are the prior of the configuration in force.
 */
#include "bus/beliefs.h"

#include <string.h>

#include "base/exact_math.h"

enum { DIRECTIONS = 2, PLACE_GLOBAL = 0, PLACE_REGIME = 1, PLACE_SYMBOL = 1 + MRI_REGIME_COUNT };

static size_t place_count(const struct mri_beliefs *beliefs)
{
    return PLACE_SYMBOL + (size_t)beliefs->options.symbols_max;
}

mr_err mri_beliefs_init(struct mri_beliefs *beliefs, const struct mri_alloc *alloc,
    const struct mri_beliefs_options *options, const struct mri_intern *source_names)
{
    *beliefs = (struct mri_beliefs){.alloc = alloc,
        .options = *options,
        .source_names = source_names,
        .source_count = MRI_SOURCE_INTERNAL_COUNT};
    beliefs->coefficient_count =
        (size_t)options->sources_max * DIRECTIONS * MR_HORIZON_COUNT * place_count(beliefs);
    void *block;
    mr_err err =
        mri_alloc_array(alloc, beliefs->coefficient_count, sizeof(*beliefs->coefficients), &block);
    if (err != MR_OK) {
        return err;
    }
    beliefs->coefficients = block;
    err = mri_alloc_array(alloc, options->sources_max, 1, &block);
    if (err != MR_OK) {
        mri_beliefs_fini(beliefs);
        return err;
    }
    beliefs->is_source_seen = block;
    mri_beliefs_configure(beliefs, options);
    return MR_OK;
}

void mri_beliefs_configure(struct mri_beliefs *beliefs, const struct mri_beliefs_options *options)
{
    beliefs->options = *options;
    for (unsigned h = 0; h < MR_HORIZON_COUNT; h++) {
        struct mri_beliefs_horizon *horizon = &beliefs->horizons[h];
        bool is_taught = horizon->platt.touch_unix_ns != 0;
        for (unsigned j = 0; j < MRI_MEMBER_COUNT && !is_taught; j++) {
            horizon->log_weights[j] = mri_log(options->mixture_prior[j]);
        }
    }
}

void mri_beliefs_fini(struct mri_beliefs *beliefs)
{
    if (beliefs != NULL && beliefs->alloc != NULL) {
        mri_alloc_free(beliefs->alloc, beliefs->coefficients,
            beliefs->coefficient_count * sizeof(*beliefs->coefficients));
        mri_alloc_free(beliefs->alloc, beliefs->is_source_seen, beliefs->options.sources_max);
        *beliefs = (struct mri_beliefs){0};
    }
}

static struct mri_coefficient *coefficient_at(const struct mri_beliefs *beliefs, uint32_t source,
    bool is_short, mr_horizon horizon, size_t place)
{
    size_t row = ((size_t)source * DIRECTIONS + is_short) * MR_HORIZON_COUNT + horizon;
    return &beliefs->coefficients[row * place_count(beliefs) + place];
}

/** Where a level lies in a row; SIZE_MAX for the regime level without a regime. */
static size_t place_of(const struct mri_beliefs_place *place, unsigned level)
{
    switch (level) {
    case MRI_LEVEL_GLOBAL:
        return PLACE_GLOBAL;
    case MRI_LEVEL_SYMBOL:
        return PLACE_SYMBOL + (size_t)place->symbol;
    default:
        return place->regime < MRI_REGIME_COUNT ? PLACE_REGIME + (size_t)place->regime : SIZE_MAX;
    }
}

struct mri_coefficient *mri_beliefs_coefficient(const struct mri_beliefs *beliefs,
    const struct mri_beliefs_place *place, unsigned level, const struct mri_row_term *term)
{
    size_t at = place_of(place, level);
    if (at == SIZE_MAX) {
        return NULL;
    }
    MRI_ASSERT(term->source < beliefs->options.sources_max);
    MRI_ASSERT(place->symbol < beliefs->options.symbols_max);
    return coefficient_at(beliefs, term->source, term->x < 0.0, place->horizon, at);
}

void mri_beliefs_relax_term(const struct mri_beliefs *beliefs,
    const struct mri_beliefs_place *place, const struct mri_row_term *term,
    struct mri_coefficient ret_levels[static MRI_LEVEL_COUNT])
{
    MRI_ASSERT(term->source < beliefs->options.sources_max);
    MRI_ASSERT(place->symbol < beliefs->options.symbols_max);
    const struct mri_coefficient *row =
        coefficient_at(beliefs, term->source, term->x < 0.0, place->horizon, 0);
    ret_levels[MRI_LEVEL_GLOBAL] =
        mri_beliefs_relaxed(beliefs, MRI_LEVEL_GLOBAL, &row[PLACE_GLOBAL]);
    ret_levels[MRI_LEVEL_SYMBOL] =
        mri_beliefs_relaxed(beliefs, MRI_LEVEL_SYMBOL, &row[PLACE_SYMBOL + place->symbol]);
    ret_levels[MRI_LEVEL_REGIME] =
        place->regime < MRI_REGIME_COUNT
            ? mri_beliefs_relaxed(beliefs, MRI_LEVEL_REGIME, &row[PLACE_REGIME + place->regime])
            : (struct mri_coefficient){0};
}

struct mri_beliefs_sums mri_beliefs_sum(const struct mri_beliefs *beliefs,
    const struct mri_beliefs_place *place, const struct mri_row_term *terms, unsigned count)
{
    struct mri_beliefs_sums sums = {0};
    for (unsigned i = 0; i < count; i++) {
        struct mri_coefficient levels[MRI_LEVEL_COUNT];
        mri_beliefs_relax_term(beliefs, place, &terms[i], levels);
        mri_beliefs_sums_add(&sums, terms[i].x, levels);
    }
    return sums;
}

struct mri_belief mri_beliefs_platt(const struct mri_beliefs *beliefs, mr_horizon horizon)
{
    return mri_ou_belief(
        &beliefs->horizons[horizon].platt, &beliefs->options.platt, beliefs->event_time_unix_ns);
}

double mri_beliefs_pool_probability(const struct mri_beliefs_sums *sums)
{
    return mri_sigmoid(sums->z / mri_sqrt(1.0 + 0.3927 * sums->variance));
}

double mri_beliefs_mixture(const struct mri_beliefs *beliefs, mr_horizon horizon,
    const double members[static MRI_MEMBER_COUNT])
{
    double sum = 0.0;
    double norm = 0.0;
    for (unsigned j = 0; j < MRI_MEMBER_COUNT; j++) {
        double weight = mri_exp(beliefs->horizons[horizon].log_weights[j]);
        sum += weight * members[j];
        norm += weight;
    }
    return sum / norm;
}

double mri_beliefs_static_logit(
    const struct mri_beliefs *beliefs, const struct mri_row_term *terms, unsigned count)
{
    double sum = 0.0;
    for (unsigned i = 0; i < count; i++) {
        sum += terms[i].x;
    }
    return 2.0 * sum / beliefs->source_count;
}

/** Set one level of one term to what a feedback row says. */
static void set_level(const struct mri_beliefs *beliefs, const struct mri_beliefs_place *place,
    unsigned level, const struct mri_row_cell *cell, const struct mri_coefficient *value)
{
    struct mri_row_term term = {.x = cell->side == MR_SHORT ? -1.0 : 1.0, .source = cell->source};
    struct mri_coefficient *coefficient = mri_beliefs_coefficient(beliefs, place, level, &term);
    if (coefficient != NULL) {
        *coefficient = *value;
    }
}

static mr_err apply_feedback(struct mri_beliefs *beliefs, const struct mri_event *event)
{
    const struct mri_feedback *feedback = event->body;
    unsigned count;
    const struct mri_row_cell *cells = mri_event_rows(event, 0, &count);
    int64_t now = beliefs->event_time_unix_ns;
    beliefs->feedback_seq = event->seq;
    if (feedback->status != MRI_FEEDBACK_LEARNED) {
        return MR_OK;
    }
    if (feedback->symbol >= beliefs->options.symbols_max) {
        return MR_ECORRUPT;
    }
    for (unsigned i = 0; i < count; i++) {
        const struct mri_row_cell *cell = &cells[i];
        struct mri_beliefs_place place = {.symbol = feedback->symbol,
            .regime = cell->regime,
            .horizon = (mr_horizon)feedback->horizon};
        if (cell->source >= beliefs->options.sources_max) {
            return MR_ECORRUPT;
        }
        set_level(beliefs, &place, MRI_LEVEL_GLOBAL, cell,
            &(struct mri_coefficient){.mean = cell->mean_global,
                .variance = cell->variance_global,
                .ev_mean = cell->ev_mean_global,
                .ev_variance = cell->ev_variance_global,
                .touch_unix_ns = now});
        set_level(beliefs, &place, MRI_LEVEL_SYMBOL, cell,
            &(struct mri_coefficient){.mean = cell->mean_symbol,
                .variance = cell->variance_symbol,
                .ev_mean = cell->ev_mean_symbol,
                .ev_variance = cell->ev_variance_symbol,
                .touch_unix_ns = now});
        set_level(beliefs, &place, MRI_LEVEL_REGIME, cell,
            &(struct mri_coefficient){.mean = cell->mean_regime,
                .variance = cell->variance_regime,
                .ev_mean = cell->ev_mean_regime,
                .ev_variance = cell->ev_variance_regime,
                .touch_unix_ns = now});
    }
    beliefs->horizons[feedback->horizon] = (struct mri_beliefs_horizon){
        .platt = {feedback->platt_slope, feedback->platt_variance, now},
        .log_weights = {feedback->log_weight_coin, feedback->log_weight_platt,
            feedback->log_weight_pool},
    };
    return MR_OK;
}

/** Count an external source when it emits for the first time. */
static mr_err note_source(struct mri_beliefs *beliefs, const struct mri_event *event)
{
    uint32_t number;
    mr_err err = mri_intern_find(
        beliefs->source_names, mri_event_text(event, MRI_TEXT_signal_generated_source), &number);
    if (err != MR_OK || number >= beliefs->options.sources_max) {
        return MR_ECORRUPT;
    }
    if (number >= MRI_SOURCE_EXTERNAL_FIRST && beliefs->is_source_seen[number] == 0) {
        beliefs->is_source_seen[number] = 1;
        beliefs->source_count++;
    }
    return MR_OK;
}

mr_err mri_beliefs_apply(struct mri_beliefs *beliefs, const struct mri_event *event)
{
    int64_t time = 0;
    switch (event->type) {
    case MRI_EVENT_FEEDBACK:
        return apply_feedback(beliefs, event);
    case MRI_EVENT_SIGNAL_GENERATED:
        return ((const struct mri_signal_generated *)event->body)->cause == 0
                   ? note_source(beliefs, event)
                   : MR_OK;
    case MRI_EVENT_CANDLE:
        time = ((const struct mri_candle *)event->body)->close_time_unix_ns;
        break;
    case MRI_EVENT_QUOTE:
        time = ((const struct mri_quote *)event->body)->event_time_unix_ns;
        break;
    case MRI_EVENT_FUNDING:
        time = ((const struct mri_funding *)event->body)->event_time_unix_ns;
        break;
    case MRI_EVENT_TICK:
        time = ((const struct mri_tick *)event->body)->event_time_unix_ns;
        break;
    default:
        return MR_OK;
    }
    if (time > beliefs->event_time_unix_ns) {
        beliefs->event_time_unix_ns = time;
    }
    return MR_OK;
}

void mri_beliefs_save(const struct mri_beliefs *beliefs, struct mri_buf *buf)
{
    uint32_t touched = 0;
    for (size_t i = 0; i < beliefs->coefficient_count; i++) {
        touched += beliefs->coefficients[i].touch_unix_ns != 0;
    }
    mri_buf_put(buf, &beliefs->feedback_seq, sizeof(beliefs->feedback_seq));
    mri_buf_put(buf, &beliefs->event_time_unix_ns, sizeof(beliefs->event_time_unix_ns));
    mri_buf_put(buf, beliefs->horizons, sizeof(beliefs->horizons));
    mri_buf_put(buf, beliefs->is_source_seen, beliefs->options.sources_max);
    mri_buf_put(buf, &beliefs->source_count, sizeof(beliefs->source_count));
    mri_buf_put(buf, &touched, sizeof(touched));
    for (size_t i = 0; i < beliefs->coefficient_count; i++) {
        if (beliefs->coefficients[i].touch_unix_ns != 0) {
            uint64_t at = i;
            mri_buf_put(buf, &at, sizeof(at));
            mri_buf_put(buf, &beliefs->coefficients[i], sizeof(beliefs->coefficients[i]));
        }
    }
}

mr_err mri_beliefs_load(struct mri_beliefs *beliefs, struct mri_unpack *unpack)
{
    mri_unpack_take(unpack, &beliefs->feedback_seq, sizeof(beliefs->feedback_seq));
    mri_unpack_take(unpack, &beliefs->event_time_unix_ns, sizeof(beliefs->event_time_unix_ns));
    mri_unpack_take(unpack, beliefs->horizons, sizeof(beliefs->horizons));
    mri_unpack_take(unpack, beliefs->is_source_seen, beliefs->options.sources_max);
    mri_unpack_take(unpack, &beliefs->source_count, sizeof(beliefs->source_count));
    uint32_t touched =
        mri_unpack_count(unpack, UINT32_MAX, sizeof(uint64_t) + sizeof(struct mri_coefficient));
    for (uint32_t i = 0; i < touched && unpack->err == MR_OK; i++) {
        uint64_t at;
        mri_unpack_take(unpack, &at, sizeof(at));
        if (unpack->err != MR_OK || at >= beliefs->coefficient_count) {
            return MR_ECORRUPT;
        }
        mri_unpack_take(unpack, &beliefs->coefficients[at], sizeof(struct mri_coefficient));
    }
    return unpack->err;
}
