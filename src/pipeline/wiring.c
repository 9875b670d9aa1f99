/* SPDX-License-Identifier: MIT */
/*
 * Composition of the engines.
 *
 * Invariants
 *  1. An output is applied to all engines before the next engine decides.
 *  2. A configuration takes effect when its event is applied; limits are those the engines were
 *     made with.
 *  3. Engines see one another only through events and the market; the one value that is handed over
 *     is the sources' votes, which the view event then shows.
 */
#include "pipeline/wiring.h"

/** An engine and its state. */
struct member {
    const struct mri_engine *engine;
    void *state;
};

enum { APPLIED_COUNT = 8, DECIDING_COUNT = 7 };

/** Who applies, after the market; also the order of a snapshot. */
static void applied_members(struct mri_wiring *wiring, struct member members[APPLIED_COUNT])
{
    members[0] = (struct member){&mri_sources_engine, &wiring->sources};
    members[1] = (struct member){&mri_evaluate_engine, &wiring->evaluate};
    members[2] = (struct member){&mri_execute_fills_engine, &wiring->execute};
    members[3] = (struct member){&mri_resolve_engine, &wiring->resolve};
    members[4] = (struct member){&mri_learn_engine, &wiring->learn};
    members[5] = (struct member){&mri_report_engine, &wiring->report};
    members[6] = (struct member){&mri_stuck_engine, &wiring->stuck};
    members[7] = (struct member){&mri_shadow_engine, &wiring->shadows};
}

/** Who decides, in order. */
static void deciding_members(struct mri_wiring *wiring, struct member members[DECIDING_COUNT])
{
    members[0] = (struct member){&mri_execute_fills_engine, &wiring->execute};
    members[1] = (struct member){&mri_resolve_engine, &wiring->resolve};
    members[2] = (struct member){&mri_learn_engine, &wiring->learn};
    members[3] = (struct member){&mri_sources_engine, &wiring->sources};
    members[4] = (struct member){&mri_evaluate_engine, &wiring->evaluate};
    members[5] = (struct member){&mri_execute_orders_engine, &wiring->execute};
    members[6] = (struct member){&mri_shadow_engine, &wiring->shadows};
}

struct mri_wiring_limits mri_wiring_limits_of(const struct mri_config *config)
{
    return (struct mri_wiring_limits){
        .signals_max = (uint32_t)config->limits_signals_max,
        .symbols_max = (uint32_t)config->limits_symbols_max,
        .sources_max = (uint32_t)config->limits_sources_max,
        .names_max = (uint32_t)config->limits_names_max,
    };
}

bool mri_wiring_is_room(
    const struct mri_wiring_limits *limits, const struct mri_wiring_limits *saved)
{
    return limits->signals_max >= saved->signals_max && limits->names_max >= saved->names_max &&
           limits->symbols_max == saved->symbols_max && limits->sources_max == saved->sources_max;
}

struct mri_bus_limits mri_wiring_bus_limits(const struct mri_wiring_limits *limits)
{
    return (struct mri_bus_limits){
        .slots = {.signals_max = limits->signals_max,
            .symbols_max = limits->symbols_max,
            .sources_max = limits->sources_max},
        .names_max = limits->names_max,
    };
}

#define SECOND_NS ((int64_t)1000000000)
#define DAY_NS    (86400 * SECOND_NS)

static struct mri_beliefs_options beliefs_options(
    const struct mri_config *config, const struct mri_wiring_limits *limits)
{
    double tau_ns = config->learn_tau * (double)DAY_NS;
    return (struct mri_beliefs_options){
        .levels = {[MRI_LEVEL_GLOBAL] = {config->learn_sd_global, tau_ns},
            [MRI_LEVEL_SYMBOL] = {config->learn_sd_symbol, tau_ns},
            [MRI_LEVEL_REGIME] = {config->learn_sd_regime, tau_ns}},
        .platt = {config->learn_platt_sd, tau_ns},
        .mixture_prior = {[MRI_MEMBER_COIN] = config->learn_mixture_coin,
            [MRI_MEMBER_PLATT] = config->learn_mixture_platt,
            [MRI_MEMBER_POOL] = config->learn_mixture_pool},
        .symbols_max = limits->symbols_max,
        .sources_max = limits->sources_max,
    };
}

static struct mri_sources_options sources_options(
    const struct mri_config *config, const struct mri_wiring_limits *limits)
{
    return (struct mri_sources_options){
        .is_every_bar = config->sources_emit == MRI_EMIT_EVERY_BAR,
        .band = config->sources_band,
        .valid_for_ns = config->signals_valid_for * SECOND_NS,
        .symbols_max = limits->symbols_max,
    };
}

static struct mri_evaluate_options evaluate_options(const struct mri_wiring *wiring,
    const struct mri_config *config, const struct mri_wiring_limits *limits)
{
    double one_way = config->venue_fee + config->venue_half_spread + config->venue_slippage;
    return (struct mri_evaluate_options){
        .gates = {.stale_signal_s = (double)config->gates_stale_signal,
            .stale_price_s = (double)config->gates_stale_price,
            .cooldown_s = (double)config->gates_cooldown,
            .coverage_min = config->gates_coverage_min,
            .ev_z = config->gates_ev_z,
            .positions_max = (unsigned)config->gates_positions_max,
            .exposure_max = config->gates_exposure_max},
        .size = {.equity = config->execute_equity,
            .kelly_fraction = config->execute_kelly_fraction,
            .notional_cap = config->execute_notional_cap},
        .beliefs = beliefs_options(config, limits),
        .cost_bps = 2.0 * one_way,
        .step_bars = config->view_step_bars,
        .routes = {wiring->routes, wiring->route_count},
    };
}

static struct mri_stuck_options stuck_options(const struct mri_config *config)
{
    return (struct mri_stuck_options){
        .after_ns = {
            [MR_GENERATED] = config->lifecycle_stuck_after_generated * SECOND_NS,
            [MR_EVALUATING] = config->lifecycle_stuck_after_evaluating * SECOND_NS,
            [MR_APPROVED] = config->lifecycle_stuck_after_approved * SECOND_NS,
            [MR_EXECUTING] = config->lifecycle_stuck_after_executing * SECOND_NS,
            [MR_EXECUTED] = config->lifecycle_stuck_after_executed * SECOND_NS,
            [MR_BLOCKED] = config->lifecycle_stuck_after_blocked * SECOND_NS,
            [MR_EXPIRED] = config->lifecycle_stuck_after_expired * SECOND_NS,
        }};
}

static int64_t millionths(double bps)
{
    return (int64_t)(bps * 100.0 + 0.5);
}

static struct mri_execute_options execute_options(const struct mri_wiring *wiring,
    const struct mri_config *config, const struct mri_wiring_limits *limits)
{
    return (struct mri_execute_options){
        .costs = {.fee_e6 = millionths(config->venue_fee),
            .half_spread_e6 = millionths(config->venue_half_spread),
            .slippage_e6 = millionths(config->venue_slippage)},
        .exits = {.stop_sd = config->execute_stop_sd,
            .target_sd = config->execute_target_sd,
            .hold_ns = config->execute_hold * SECOND_NS},
        .venue_mode = wiring->is_simulated_market ? MRI_VENUE_SIM : MRI_VENUE_PAPER,
        .is_outside = config->execute_venue == MRI_CHOICE_VENUE_EXTERNAL,
        .symbols_max = limits->symbols_max,
    };
}

/** A shadow costs and ends as a position on paper does, wherever orders go. */
static struct mri_shadow_options shadow_options(
    const struct mri_execute_options *execute, const struct mri_config *config)
{
    return (struct mri_shadow_options){
        .costs = execute->costs,
        .exits = execute->exits,
        .venue_mode = execute->venue_mode,
        .is_enabled = config->shadow_enabled == MRI_CHOICE_SWITCH_TRUE,
        .places_max = (uint32_t)config->shadow_places_max,
        .notional = config->execute_equity * config->execute_notional_cap,
        .symbols_max = execute->symbols_max,
    };
}

static struct mri_learn_options learn_options(
    const struct mri_config *config, const struct mri_wiring_limits *limits)
{
    struct mri_learn_options options = {
        .beliefs = beliefs_options(config, limits),
        .mixture = {.fixed_share = config->learn_fixed_share,
            .eta_factor = config->learn_eta_factor},
        .kappa = config->learn_kappa,
        .ev_noise = config->learn_ev_noise,
        .tolerance_ns = config->resolve_tolerance * SECOND_NS,
        .score_after_ns = (int64_t)(config->learn_score_after * (double)DAY_NS),
    };
    for (unsigned j = 0; j < MRI_MEMBER_COUNT; j++) {
        options.mixture.prior[j] = options.beliefs.mixture_prior[j];
    }
    return options;
}

static void read_evidence(const void *context, uint32_t symbol, struct mri_evidence *ret_evidence)
{
    const struct mri_sources *sources = context;
    const struct mri_vote *votes = mri_sources_votes(sources, symbol);
    *ret_evidence = (struct mri_evidence){.count = MRI_SOURCE_INTERNAL_COUNT};
    for (unsigned k = 0; votes != NULL && k < MRI_SOURCE_INTERNAL_COUNT; k++) {
        ret_evidence->ready += votes[k].is_ready;
        if (votes[k].x != 0.0) {
            ret_evidence->terms[ret_evidence->term_count++] = (struct mri_row_term){
                .x = votes[k].x, .source = (uint16_t)k, .origin = MRI_ORIGIN_INTERNAL};
        }
    }
}

/** Keep the routes: the configuration they stand in does not live as long. */
static mr_err keep_routes(struct mri_wiring *wiring, const struct mri_config *config)
{
    void *block = NULL;
    mr_err err = config->route_count == 0 ? MR_OK
                                          : mri_alloc_array(wiring->alloc, config->route_count,
                                                sizeof(*wiring->routes), &block);
    if (err != MR_OK) {
        return err;
    }
    mri_alloc_free(wiring->alloc, wiring->routes, wiring->route_count * sizeof(*wiring->routes));
    wiring->routes = block;
    wiring->route_count = config->route_count;
    for (uint32_t i = 0; i < config->route_count; i++) {
        wiring->routes[i] = config->routes[i];
    }
    return MR_OK;
}

static mr_err init_engines(struct mri_wiring *wiring, const struct mri_config *config,
    const struct mri_intern *source_names, mr_problem *problem)
{
    const struct mri_alloc *alloc = wiring->alloc;
    const struct mri_wiring_limits *limits = &wiring->limits;
    mr_err err = keep_routes(wiring, config);
    if (err != MR_OK) {
        return err;
    }
    const struct mri_sources_options sources = sources_options(config, limits);
    const struct mri_evaluate_options evaluate = evaluate_options(wiring, config, limits);
    const struct mri_execute_options execute = execute_options(wiring, config, limits);
    wiring->report_within_ns = config->execute_report_within * SECOND_NS;
    const struct mri_resolve_options resolve = {
        .tolerance_ns = config->resolve_tolerance * SECOND_NS, .symbols_max = limits->symbols_max};
    const struct mri_learn_options learn = learn_options(config, limits);
    err = mri_market_init(&wiring->market, alloc, limits->symbols_max);
    if (err == MR_OK) {
        err = mri_sources_init(&wiring->sources, alloc, &wiring->market, &sources);
    }
    if (err == MR_OK) {
        err = mri_evaluate_init(
            &wiring->evaluate, alloc, &wiring->market, source_names, &evaluate, problem);
    }
    if (err == MR_OK) {
        err = mri_execute_init(&wiring->execute, alloc, &wiring->market, &execute);
    }
    if (err == MR_OK) {
        const struct mri_shadow_options shadows = shadow_options(&execute, config);
        err = mri_shadows_init(&wiring->shadows, alloc, &wiring->market, &shadows);
    }
    if (err == MR_OK) {
        err = mri_resolve_init(&wiring->resolve, alloc, &wiring->market, &resolve);
    }
    if (err == MR_OK) {
        err = mri_learn_init(&wiring->learn, alloc, &wiring->market, source_names, &learn);
    }
    if (err == MR_OK) {
        err = mri_report_init(&wiring->report, alloc, source_names, limits->sources_max);
    }
    return err;
}

mr_err mri_wiring_init(struct mri_wiring *wiring, const struct mri_alloc *alloc,
    const struct mri_wiring_options *options, mr_problem *reterr_problem)
{
    *wiring = (struct mri_wiring){
        .alloc = alloc,
        .limits = mri_wiring_limits_of(options->config),
        .parse = options->parse,
        .is_simulated_market = options->is_simulated_market,
        .is_market_only = options->is_market_only,
    };
    mri_buf_init(&wiring->config_text, alloc, MRI_CONFIG_TEXT_BYTES_MAX);
    const struct mri_stuck_options stuck = stuck_options(options->config);
    mri_stuck_init(&wiring->stuck, alloc, &wiring->market, &stuck);
    if (wiring->is_market_only) {
        return mri_market_init(&wiring->market, alloc, wiring->limits.symbols_max);
    }
    mr_err err = init_engines(wiring, options->config, options->source_names, reterr_problem);
    if (err != MR_OK) {
        mri_wiring_fini(wiring);
        return err;
    }
    mri_evaluate_connect(&wiring->evaluate,
        (struct mri_evidence_port){.context = &wiring->sources, .read = read_evidence});
    return MR_OK;
}

void mri_wiring_fini(struct mri_wiring *wiring)
{
    if (wiring != NULL && wiring->alloc != NULL) {
        mri_report_fini(&wiring->report);
        mri_learn_fini(&wiring->learn);
        mri_resolve_fini(&wiring->resolve);
        mri_shadows_fini(&wiring->shadows);
        mri_execute_fini(&wiring->execute);
        mri_evaluate_fini(&wiring->evaluate);
        mri_sources_fini(&wiring->sources);
        mri_market_fini(&wiring->market);
        mri_stuck_fini(&wiring->stuck);
        mri_alloc_free(
            wiring->alloc, wiring->routes, wiring->route_count * sizeof(*wiring->routes));
        mri_buf_fini(&wiring->config_text);
        *wiring = (struct mri_wiring){0};
    }
}

/** Give every engine the constants of a configuration. */
static mr_err configure(struct mri_wiring *wiring, const struct mri_config *config)
{
    const struct mri_wiring_limits *limits = &wiring->limits;
    mr_err err = keep_routes(wiring, config);
    if (err == MR_OK) {
        err = mri_instruments_spell(
            &wiring->market.instruments, config->spellings, config->spelling_count);
    }
    if (err != MR_OK) {
        return err;
    }
    const struct mri_evaluate_options evaluate = evaluate_options(wiring, config, limits);
    const struct mri_learn_options learn = learn_options(config, limits);
    const struct mri_stuck_options stuck = stuck_options(config);
    err = mri_evaluate_configure(&wiring->evaluate, &evaluate, NULL);
    if (err != MR_OK) {
        return err;
    }
    wiring->sources.options = sources_options(config, limits);
    wiring->execute.options = execute_options(wiring, config, limits);
    wiring->shadows.options = shadow_options(&wiring->execute.options, config);
    wiring->report_within_ns = config->execute_report_within * SECOND_NS;
    wiring->resolve.options.tolerance_ns = config->resolve_tolerance * SECOND_NS;
    wiring->learn.options = learn;
    mri_stuck_configure(&wiring->stuck, &stuck);
    mri_beliefs_configure(&wiring->learn.beliefs, &learn.beliefs);
    return MR_OK;
}

static mr_err keep_config_text(struct mri_wiring *wiring, struct mri_slice text)
{
    mri_buf_clear(&wiring->config_text);
    mri_buf_put(&wiring->config_text, text.bytes, text.count);
    return wiring->config_text.err;
}

static mr_err apply_config_text(struct mri_wiring *wiring, struct mri_slice text)
{
    struct mri_config config;
    if (wiring->is_market_only && wiring->parse == NULL) {
        return keep_config_text(wiring, text);
    }
    mr_err err = wiring->parse(text, wiring->alloc, &config);
    if (err == MR_REFUSED && wiring->is_market_only) {
        return keep_config_text(wiring, text); /* who decides nothing needs none of it */
    }
    if (err != MR_OK) {
        return err == MR_REFUSED ? MR_EVERSION : err; /* the record was sound: another program's */
    }
    err = wiring->is_market_only ? mri_instruments_spell(&wiring->market.instruments,
                                       config.spellings, config.spelling_count)
                                 : configure(wiring, &config);
    mri_config_fini(&config);
    return err == MR_OK ? keep_config_text(wiring, text) : err;
}

mr_err mri_wiring_apply(struct mri_wiring *wiring, const struct mri_event *event)
{
    struct member members[APPLIED_COUNT];
    mr_err err = mri_market_apply(&wiring->market, event);
    if (err == MR_OK && event->type == MRI_EVENT_CONFIG) {
        wiring->config_seq = event->seq;
        err = apply_config_text(wiring, mri_event_text(event, MRI_TEXT_config_changed_text));
    }
    if (wiring->is_market_only) {
        return err;
    }
    applied_members(wiring, members);
    for (unsigned i = 0; i < APPLIED_COUNT && err == MR_OK; i++) {
        err = members[i].engine->apply(members[i].state, event);
    }
    return err;
}

/** What is decided on, and where to. */
struct deciding {
    const struct mri_event *input;
    struct mri_batch *batch;
    const struct mri_wiring_rival *rival;
};

/** Let one engine decide until it has no more; apply what it drafts. */
static mr_err decide_member(
    struct mri_wiring *wiring, const struct member *member, const struct deciding *deciding)
{
    struct mri_batch *batch = deciding->batch;
    mr_err decided;
    do {
        uint32_t applied = batch->count;
        decided = member->engine->decide(member->state, deciding->input, batch);
        if (decided != MR_OK && decided != MR_AGAIN) {
            return decided;
        }
        bool is_first = applied == 0 && batch->count > 0 && deciding->rival != NULL;
        mr_err err = is_first ? deciding->rival->look(deciding->rival->context, batch) : MR_OK;
        for (; err == MR_OK && applied < batch->count; applied++) {
            struct mri_event output = mri_batch_event(batch, applied);
            err = mri_wiring_apply(wiring, &output);
        }
        if (err != MR_OK) {
            return err;
        }
    } while (decided == MR_AGAIN);
    return MR_OK;
}

mr_err mri_wiring_decide(struct mri_wiring *wiring, const struct mri_event *input,
    struct mri_batch *batch, const struct mri_wiring_rival *rival)
{
    const struct deciding deciding = {.input = input, .batch = batch, .rival = rival};
    struct member members[DECIDING_COUNT];
    deciding_members(wiring, members);
    mr_err err = MR_OK;
    for (unsigned i = 0; i < DECIDING_COUNT && err == MR_OK; i++) {
        err = decide_member(wiring, &members[i], &deciding);
    }
    return err;
}

bool mri_wiring_is_input(const struct mri_event *event)
{
    switch (event->type) {
    case MRI_EVENT_CANDLE:
    case MRI_EVENT_QUOTE:
    case MRI_EVENT_FUNDING:
    case MRI_EVENT_QUARANTINED:
    case MRI_EVENT_MARKET_GAP:
    case MRI_EVENT_INSTRUMENT:
    case MRI_EVENT_CONFIG:
    case MRI_EVENT_TICK:
    case MRI_EVENT_SESSION:
    case MRI_EVENT_ALERT:
    case MRI_EVENT_SIGNAL_CLAIMED:
    case MRI_EVENT_SIGNAL_OBSERVED:
    case MRI_EVENT_SIGNAL_ANNOTATED:
    case MRI_EVENT_ORDER_REPORT:
        return true;
    case MRI_EVENT_SIGNAL_GENERATED:
    case MRI_EVENT_SIGNAL_MOVED:
    case MRI_EVENT_MODE_CHANGED:
    case MRI_EVENT_ORDER_DISPUTED:
        return mri_event_cause(event) == 0;
    default:
        return false;
    }
}

/** What a saved state was made with. */
struct wiring_head {
    uint32_t engine_version;
    uint32_t config_bytes;
    struct mri_wiring_limits limits;
    uint64_t config_seq;
};

void mri_wiring_save(const struct mri_wiring *wiring, struct mri_buf *buf)
{
    struct member members[APPLIED_COUNT];
    const struct wiring_head head = {
        .engine_version = MRI_ENGINE_VERSION,
        .config_bytes = (uint32_t)wiring->config_text.count,
        .limits = wiring->limits,
        .config_seq = wiring->config_seq,
    };
    mri_buf_put(buf, &head, sizeof(head));
    mri_buf_put(buf, wiring->config_text.bytes, wiring->config_text.count);
    mri_market_save(&wiring->market, buf);
    applied_members((struct mri_wiring *)wiring, members); /* saving does not change them */
    for (unsigned i = 0; i < APPLIED_COUNT; i++) {
        members[i].engine->save(members[i].state, buf);
    }
}

mr_err mri_wiring_load(struct mri_wiring *wiring, struct mri_unpack *unpack)
{
    struct wiring_head head;
    struct member members[APPLIED_COUNT];
    mri_unpack_take(unpack, &head, sizeof(head));
    if (unpack->err != MR_OK || head.engine_version != MRI_ENGINE_VERSION ||
        !mri_wiring_is_room(&wiring->limits, &head.limits)) {
        return unpack->err == MR_OK ? MR_EVERSION : unpack->err;
    }
    if (head.config_bytes > unpack->count - unpack->at) {
        return MR_ECORRUPT;
    }
    struct mri_slice text = {(const char *)unpack->bytes + unpack->at, head.config_bytes};
    unpack->at += head.config_bytes;
    wiring->config_seq = head.config_seq;
    mr_err err = text.count == 0 ? MR_OK : apply_config_text(wiring, text);
    if (err == MR_OK) {
        err = mri_market_load(&wiring->market, unpack);
    }
    if (wiring->is_market_only) {
        return err; /* what follows is the engines' */
    }
    applied_members(wiring, members);
    for (unsigned i = 0; i < APPLIED_COUNT && err == MR_OK; i++) {
        err = members[i].engine->load(members[i].state, unpack);
    }
    return err;
}
