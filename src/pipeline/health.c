/* SPDX-License-Identifier: MIT */
/*
 * Health.
 *
 *  - DOWN: the log is damaged, or the books do not add up
 *  - DEGRADED: the time of a live log is ahead of the wall clock, a limit is reached, the mode is
 *    not RUN, the last run ended without saying so, signals are stuck, nobody reports on an order
 *    outside, or no executor takes them
 *  - UNKNOWN: nothing has happened yet that could be judged
 *  - OK: otherwise
 *
 * Invariants
 *  1. Nothing here writes, and no file time is read.
 *  2. The wall clock is read for one question: is the time of a live log ahead of it?
 */
#include "pipeline/health.h"

#include <stdio.h>
#include <string.h>

#include "base/problem.h"
#include "base/utc.h"
#include "pipeline/stuck_order.h"

#define AHEAD_NS ((int64_t)60 * 1000000000)

static const char *const health_texts[] = {
#define TEXT(name, text) text,
    MRI_HEALTH_MAP(TEXT)
#undef TEXT
};

static const char *const stage_names[] = {
#define NAME(name, text) text,
    MRI_STAGE_MAP(NAME)
#undef NAME
};

static const char *const limit_names[] = {
#define NAME(name, text) text,
    MRI_HEALTH_LIMIT_MAP(NAME)
#undef NAME
};

const char *mri_health_text(enum mri_health_state state)
{
    return health_texts[state];
}

enum mri_venue_mode mri_health_venue(const struct mri_wiring *wiring)
{
    const struct mri_execute *execute = &wiring->execute;
    return execute->options.is_outside ? MRI_VENUE_EXTERNAL : execute->venue.mode;
}

bool mri_health_is_ledger_ok(const struct mri_wiring *wiring)
{
    return wiring->execute.ledger.mismatches == 0;
}

void mri_health_count_signals(const struct mri_fold *fold, struct mri_health_signals *counts)
{
    const uint32_t sources = fold->bus.sources.count;
    memset(counts->by_side, 0, sizeof(counts->by_side));
    memset(counts->by_gate, 0, sizeof(counts->by_gate));
    if (counts->by_source != NULL) {
        memset(counts->by_source, 0, sources * sizeof(*counts->by_source));
    }
    for (uint32_t ordinal = 1; ordinal <= fold->bus.slots.count; ordinal++) {
        const struct mri_slot *slot = mri_slots_get(&fold->bus.slots, ordinal);
        if (slot == NULL) {
            continue;
        }
        bool is_blocked = (slot->state == MR_LEARNED ? slot->ended : slot->state) == MR_BLOCKED;
        counts->by_side[slot->side == MR_SHORT]++;
        if (is_blocked && slot->gate < MRI_REPORT_GATES) {
            counts->by_gate[slot->gate]++;
        }
        if (counts->by_source != NULL && slot->source < sources) {
            counts->by_source[slot->source]++;
        }
    }
}

bool mri_health_is_conserved(const struct mri_fold *fold)
{
    const struct mri_report *report = &fold->wiring.report;
    struct mri_health_signals counts = {.by_source = NULL};
    uint64_t sum = 0;
    for (unsigned state = 0; state < MR_STATE_COUNT; state++) {
        sum += fold->bus.slots.states[state].count;
    }
    mri_health_count_signals(fold, &counts);
    return sum == fold->bus.slots.count && counts.by_side[0] + counts.by_side[1] == sum &&
           report->signals <= sum &&
           report->signals_by_side[0] + report->signals_by_side[1] == report->signals;
}

double mri_health_skill(const struct mri_wiring *wiring, mr_horizon horizon, unsigned whose)
{
    return mri_score_skill(&wiring->learn.scores[horizon], whose);
}

static uint64_t open_horizons(const struct mri_resolve *resolve)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < resolve->options.symbols_max; i++) {
        for (unsigned h = 0; h < MR_HORIZON_COUNT; h++) {
            sum += mri_timers_waiting(&resolve->timers[i], (mr_horizon)h);
        }
    }
    return sum;
}

bool mri_health_is_decided_on(const struct mri_event *event)
{
    return event->type != MRI_EVENT_SESSION && event->type != MRI_EVENT_ALERT &&
           event->type != MRI_EVENT_INSTRUMENT && event->type != MRI_EVENT_SIGNAL_OBSERVED &&
           event->type != MRI_EVENT_SIGNAL_ANNOTATED && event->type != MRI_EVENT_ORDER_DISPUTED &&
           event->type != MRI_EVENT_SIGNAL_CLAIMED && event->type != MRI_EVENT_TICK;
}

bool mri_health_is_fact(const struct mri_event *event)
{
    return event->type == MRI_EVENT_CANDLE || event->type == MRI_EVENT_QUOTE ||
           event->type == MRI_EVENT_FUNDING;
}

void mri_health_count(struct mri_health_pending *pending, const struct mri_event *event)
{
    pending->alerts += event->type == MRI_EVENT_ALERT;
    if (!mri_health_is_decided_on(event)) {
        return;
    }
    pending->inputs++;
    if (mri_health_is_fact(event)) {
        pending->facts_since_unix_ns =
            pending->facts == 0 ? event->wall_unix_ns : pending->facts_since_unix_ns;
        pending->facts++;
    }
}

/** Inputs whose decision is not in the log: signals emitted since, prices, or a crash. */
static mr_err count_pending(
    struct mri_fold *fold, struct mri_health_pending *pending, mr_problem *problem)
{
    struct mri_event event;
    mr_err err;
    while ((err = mri_fold_next_input(fold, &event, problem)) == MR_OK) {
        mri_health_count(pending, &event);
        err = mri_health_is_fact(&event) ? mri_market_apply(&fold->wiring.market, &event) : MR_OK;
        if (err != MR_OK) {
            return mri_problem(problem, err, "%s: event %llu: %s", fold->options.folder,
                (unsigned long long)event.seq, mr_err_text(err));
        }
    }
    return err == MR_END || err == MR_ECORRUPT ? MR_OK : err; /* damage is judged by the fold */
}

/** Event time never goes back: it waits for a clock that was set back, or was in the future once.
 */
static void look_at_clock(const struct mri_fold *fold, struct mri_health *health)
{
    const struct mri_os *os = fold->options.os;
    const char *time_mode = mr_log_reader_attribute(fold->lead, MRI_ATTRIBUTE_TIME);
    char text[MRI_UTC_BYTES];
    health->ahead_ns = 0;
    if (time_mode == NULL || strcmp(time_mode, "live") != 0) {
        return;
    }
    int64_t ahead_ns = fold->bus.event_time_unix_ns - os->realtime_unix_ns(os->context);
    if (fold->bus.event_time_unix_ns != 0 && ahead_ns > AHEAD_NS) {
        health->ahead_ns = ahead_ns;
        (void)snprintf(health->why_text, sizeof(health->why_text),
            "the log's time is ahead of the clock by %s: the clock is wrong, or was (`millrace "
            "doctor`)",
            mri_utc_duration(ahead_ns, text));
    }
}

/** What emitters go by: the newest configuration; what the fold has room for when there is none. */
static struct mri_wiring_limits limits_of(const struct mri_fold *fold)
{
    const struct mri_buf *text = &fold->wiring.config_text;
    const struct mri_slice slice = {(const char *)text->bytes, text->count};
    struct mri_config config;
    if (text->count == 0 || fold->options.parse == NULL ||
        fold->options.parse(slice, fold->options.alloc, &config) != MR_OK) {
        return fold->wiring.limits;
    }
    const struct mri_wiring_limits limits = mri_wiring_limits_of(&config);
    mri_config_fini(&config);
    return limits;
}

/** Symbols that all were registered fill their table on purpose: nobody is to bring another one. */
static void look_at_limits(const struct mri_fold *fold, struct mri_health *health)
{
    const struct mri_wiring_limits limits = limits_of(fold);
    const struct mri_instruments *instruments = &fold->wiring.market.instruments;
    const uint64_t pairs[MRI_HEALTH_LIMIT_COUNT][2] = {
        [MRI_HEALTH_LIMIT_SIGNALS] = {fold->bus.slots.count, limits.signals_max},
        [MRI_HEALTH_LIMIT_SYMBOLS] = {instruments->count, limits.symbols_max},
        [MRI_HEALTH_LIMIT_SOURCES] = {fold->bus.sources.count, limits.sources_max},
        [MRI_HEALTH_LIMIT_NAMES] = {fold->bus.names.count, limits.names_max},
    };
    for (unsigned i = 0; i < MRI_HEALTH_LIMIT_COUNT; i++) {
        bool is_judged = i != MRI_HEALTH_LIMIT_SYMBOLS || instruments->provisional_count > 0;
        uint64_t used = pairs[i][0];
        uint64_t max = pairs[i][1];
        health->limits[i] = (struct mri_health_limit){.name = limit_names[i],
            .used = used,
            .max = max,
            .is_near = is_judged && used >= max - max / 10,
            .is_reached = is_judged && used >= max};
    }
}

static const struct mri_health_limit *reached_limit(const struct mri_health *health)
{
    for (unsigned i = 0; i < MRI_HEALTH_LIMIT_COUNT; i++) {
        if (health->limits[i].is_reached) {
            return &health->limits[i];
        }
    }
    return NULL;
}

/** Say it; false: there is room. */
static bool is_full(struct mri_health *health)
{
    const struct mri_health_limit *limit = reached_limit(health);
    if (limit != NULL) {
        health->why = health->why_text;
        (void)snprintf(health->why_text, sizeof(health->why_text),
            "limits.%s_max is reached, %llu of %llu: one more is refused; `run --config` with a "
            "larger one goes on",
            limit->name, (unsigned long long)limit->used, (unsigned long long)limit->max);
    }
    return limit != NULL;
}

static void judge(const struct mri_fold *fold, struct mri_health *health)
{
    const struct mri_report *report = &fold->wiring.report;
    const struct mri_stuck_life *life;
    bool is_crashed = report->is_session_open && fold->runner_id == 0;
    health->state = MRI_HEALTH_OK;
    look_at_clock(fold, health);
    look_at_limits(fold, health);
    if (fold->damage != MR_OK) {
        health->state = MRI_HEALTH_DOWN;
        health->why = "the log is damaged";
    } else if (!mri_health_is_ledger_ok(&fold->wiring)) {
        health->state = MRI_HEALTH_DOWN;
        health->why = "the books do not add up";
    } else if (health->ahead_ns != 0) {
        health->state = MRI_HEALTH_DEGRADED;
        health->why = health->why_text;
    } else if (is_full(health)) {
        health->state = MRI_HEALTH_DEGRADED;
    } else if (fold->wiring.execute.mode.mode != MRI_MODE_RUN) {
        health->state = MRI_HEALTH_DEGRADED;
        health->why = "the mode is not RUN";
    } else if (is_crashed) {
        health->state = MRI_HEALTH_DEGRADED;
        health->why = "the last run ended without saying so (crash or kill); `run` continues it";
    } else if (mri_stuck_order_is_any(&fold->bus, fold->wiring.report_within_ns)) {
        health->state = MRI_HEALTH_DEGRADED;
        health->why = "nobody reports on an order that may live (`millrace orders`)";
    } else if (fold->wiring.execute.options.is_outside && fold->executor_id == 0 &&
               (fold->runner_id != 0 || fold->bus.orders.live_count > 0)) {
        health->state = MRI_HEALTH_DEGRADED;
        health->why = "no executor takes the orders (execute.venue is external)";
    } else if (fold->wiring.stuck.told.count > 0 ||
               mri_stuck_next(&fold->wiring.stuck, &life) != 0) {
        health->state = MRI_HEALTH_DEGRADED;
        health->why = "signals are stuck";
    } else if (report->candles == 0 && report->quotes == 0) {
        health->state = MRI_HEALTH_UNKNOWN;
        health->why = health->pending.facts == 0 ? "no bar or quote has arrived yet"
                      : fold->runner_id == 0     ? "what was fed waits: nobody runs to take it in"
                                                 : "what was fed is not taken in yet";
    }
}

static void put_stage(struct mri_health *health, enum mri_stage stage, uint64_t done,
    int64_t last_unix_ns, uint64_t waiting)
{
    health->stages[stage] = (struct mri_stage_progress){
        .name = stage_names[stage], .done = done, .last_unix_ns = last_unix_ns, .waiting = waiting};
}

static void put_stages(const struct mri_fold *fold, struct mri_health *health)
{
    const struct mri_wiring *wiring = &fold->wiring;
    const struct mri_report *report = &wiring->report;
    const struct mri_report_outcomes outcomes = mri_report_all_outcomes(report);
    put_stage(
        health, MRI_STAGE_BARS, report->candles, report->last_event_unix_ns, health->pending.facts);
    put_stage(health, MRI_STAGE_SIGNALS, report->signals, report->last_signal_unix_ns,
        health->pending.inputs - health->pending.facts);
    put_stage(health, MRI_STAGE_DECISIONS, report->decisions, report->last_decision_unix_ns,
        wiring->evaluate.undecided.count);
    put_stage(health, MRI_STAGE_FILLS, wiring->execute.ledger.fills, report->last_fill_unix_ns,
        wiring->execute.wanted_count);
    put_stage(health, MRI_STAGE_OUTCOMES,
        outcomes.resolved + outcomes.excluded + outcomes.unresolved, report->last_outcome_unix_ns,
        open_horizons(&wiring->resolve));
    put_stage(health, MRI_STAGE_FEEDBACK, report->feedback, report->last_feedback_unix_ns, 0);
}

void mri_health_look(const struct mri_fold *fold, const struct mri_health_pending *pending,
    struct mri_health *ret_health)
{
    *ret_health = (struct mri_health){.pending = *pending};
    judge(fold, ret_health);
    put_stages(fold, ret_health);
}

mr_err mri_health_judge(
    struct mri_fold *fold, struct mri_health *ret_health, mr_problem *reterr_problem)
{
    struct mri_health_pending pending = {0};
    mr_err err = count_pending(fold, &pending, reterr_problem);
    if (err == MR_OK) {
        mri_health_look(fold, &pending, ret_health);
    }
    return err;
}
