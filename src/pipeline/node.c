/* SPDX-License-Identifier: MIT */
/*
 * The pipeline at work.
 *
 * Invariants
 *  1. An input is in the log before it is decided on; its outputs are one batch with the input as
 *     their cause. A crash leaves inputs without outputs, and the next open decides on them.
 *  2. A batch that was cut is continued by a tick before any other input of the feed.
 *  3. A claim that does not stand any more is ended by an event before it is decided on again. What
 *     is told or ended is an input: it depends on clocks and processes, and replays find it.
 */
#include "pipeline/node.h"

#include <string.h>

#include "base/fixed.h"
#include "base/hash.h"
#include "base/problem.h"
#include "pipeline/deciding.h"
#include "pipeline/feed_check.h"
#include "pipeline/fold_snapshot.h"
#include "pipeline/registration.h"
#include "pipeline/shared_refresh.h"
#include "pipeline/stuck_order.h"

/** The longest path of a feed that is kept, with its NUL: what the value of an attribute can hold.
 */
enum { FEED_PATH_BYTES = 128 };

static mr_err fail(mr_problem *problem, mr_err err, const char *what)
{
    return mri_problem(problem, err, "%s: %s", what, mr_err_text(err));
}

/** In which folder: which of the disks is full, which of the logs is damaged. */
static mr_err fail_in(
    const struct mri_node *node, mr_problem *problem, mr_err err, const char *what)
{
    return mri_problem(problem, err, "%s: %s: %s", node->options.folder, what, mr_err_text(err));
}

/* ---- deciding -------------------------------------------------------------------------------- */

void mri_node_begin_inputs(struct mri_node *node)
{
    mri_bus_begin(&node->fold.bus, &node->inputs);
}

static mr_err add_input(
    struct mri_node *node, enum mri_event_type type, const void *fixed, struct mri_slice text)
{
    return mri_batch_add(&node->inputs,
        &(struct mri_draft){.type = (uint16_t)type, .fixed = fixed, .texts = {text}}, 0);
}

static mr_err take_tick(struct mri_node *node, const struct mri_tick *tick)
{
    mri_node_begin_inputs(node);
    mr_err err = add_input(node, MRI_EVENT_TICK, tick, (struct mri_slice){0});
    return err == MR_OK ? mri_deciding_take_batch(node) : err;
}

/** Ticks for what did not fit into a batch. */
static mr_err catch_up(struct mri_node *node, enum mri_reason reason)
{
    mr_err err = MR_OK;
    while (node->is_behind && err == MR_OK) {
        const struct mri_tick tick = {
            .event_time_unix_ns = node->fold.wiring.market.event_time_unix_ns,
            .reason = (uint16_t)reason};
        node->is_behind = false;
        err = take_tick(node, &tick);
    }
    return err;
}

/** Log one alert for each signal that stays in a state too long. */
static mr_err tell_stuck(struct mri_node *node)
{
    mr_err err = MR_OK;
    while (err == MR_OK) {
        mri_node_begin_inputs(node);
        err = mri_stuck_draft(&node->fold.wiring.stuck, &node->fold.bus.claims, &node->inputs);
        if (err == MR_OK) {
            err = mri_deciding_take_batch(node);
        }
    }
    return err == MR_END ? MR_OK : err;
}

/** Log one alert for each order outside that nobody reports on. */
static mr_err tell_stuck_orders(struct mri_node *node)
{
    mr_err err = MR_OK;
    while (err == MR_OK) {
        mri_node_begin_inputs(node);
        err = mri_stuck_order_draft(
            &node->fold.bus, node->fold.wiring.report_within_ns, &node->inputs);
        if (err == MR_OK) {
            err = mri_deciding_take_batch(node);
        }
    }
    return err == MR_END ? MR_OK : err;
}

/** Log the end of claims whose owners are gone, or whose leases are over; decide on the signals. */
static mr_err end_lost_claims(struct mri_node *node)
{
    mr_err err = MR_OK;
    while (err == MR_OK) {
        uint32_t ordinal;
        err = mri_claim_watch_next(&node->watch, &node->fold.bus, &node->inputs, &ordinal);
        if (err != MR_OK) {
            return err == MR_END ? MR_OK : err;
        }
        err = mri_deciding_take_batch(node);
        mri_claim_watch_done(&node->watch);
        err = err == MR_CONFLICT ? MR_OK : err; /* somebody else has ended it */
    }
    return err;
}

/** What is due after every step. */
static mr_err finish_step(struct mri_node *node)
{
    mr_err err = catch_up(node, MRI_REASON_TIME_PASSED);
    if (err == MR_OK) {
        err = end_lost_claims(node);
    }
    if (err == MR_OK) {
        err = tell_stuck(node);
    }
    return err == MR_OK ? tell_stuck_orders(node) : err;
}

mr_err mri_node_take_foreign(struct mri_node *node)
{
    mr_err err = mri_deciding_catch_up(node);
    if (err == MR_OK) {
        err = mri_deciding_foreign(node);
    }
    return err == MR_OK ? finish_step(node) : err;
}

mr_err mri_node_wait(struct mri_node *node, int64_t timeout_ms)
{
    mr_err err = mri_claim_watch_wait(&node->watch, &node->fold.bus, node->fold.lead, timeout_ms);
    return err == MR_OK ? mri_node_take_foreign(node) : err;
}

mr_err mri_node_take_inputs(struct mri_node *node)
{
    mr_err err = mri_deciding_take_batch(node);
    return err == MR_OK ? finish_step(node) : err;
}

mr_err mri_node_tick(struct mri_node *node)
{
    struct mri_tick tick;
    mr_err err = catch_up(node, MRI_REASON_TIME_PASSED);
    if (err == MR_OK &&
        mri_clock_poll(&node->clock, node->fold.wiring.market.event_time_unix_ns, &tick)) {
        err = take_tick(node, &tick);
    }
    return err == MR_OK ? finish_step(node) : err;
}

mr_err mri_node_end_feed(struct mri_node *node)
{
    node->is_behind = true;
    return catch_up(node, MRI_REASON_FEED_ENDED);
}

/* ---- opening --------------------------------------------------------------------------------- */

/** Can the path be an attribute of the log? */
static bool is_path_kept(const char *path)
{
    if (path == NULL || path[0] == '\0' || strlen(path) >= FEED_PATH_BYTES) {
        return false;
    }
    while (*path >= 0x20 && *path <= 0x7e) {
        path++;
    }
    return *path == '\0';
}

static mr_err open_log(struct mri_node *node, mr_problem *problem)
{
    const struct mri_node_options *options = &node->options;
    const struct mri_feed *feed = options->feed;
    char table_signals[MRI_FIXED_TEXT_BYTES];
    const mr_log_attribute attributes[] = {
        {MRI_ATTRIBUTE_TIME, options->time_mode},
        {MRI_ATTRIBUTE_MARKET, feed != NULL && feed->is_simulated ? "simulated" : "real"},
        {MRI_ATTRIBUTE_FEED, feed == NULL ? "none" : options->feed_kind},
        {MRI_ATTRIBUTE_FEED_IDENTITY, feed == NULL ? "none" : feed->identity},
        {MRI_ATTRIBUTE_FEED_SEED, options->feed_seed == NULL ? "none" : options->feed_seed},
        {MRI_ATTRIBUTE_TABLE_SIGNALS,
            mri_fixed_format(options->config->limits_table_signals, 0, table_signals)},
        {MRI_ATTRIBUTE_FEED_PATH, options->feed_path}, /* last: it is not always kept */
    };
    const mr_log_options log_options = {
        .is_create = options->is_create,
        .segment_bytes = (uint64_t)options->config->log_segment << 20,
        .attributes = attributes,
        .attribute_count = MRI_COUNT_OF(attributes) - (is_path_kept(options->feed_path) ? 0 : 1),
    };
    mr_err err = mri_shared_state_open_log(
        options->os, options->alloc, options->folder, &log_options, &node->log, problem);
    if (err == MR_OK) {
        err = mri_seat_take(options->os, options->folder, MRI_SEAT_RUN, &node->seat, problem);
    }
    if (err != MR_OK) {
        return err;
    }
    node->opening = *mri_log_opening(node->log);
    const char *time_mode = mr_log_attribute_get(node->log, MRI_ATTRIBUTE_TIME);
    node->is_resumed = mr_log_last(node->log).n > 0;
    mri_clock_init(&node->clock, options->os, time_mode != NULL && strcmp(time_mode, "live") == 0);
    return MR_OK;
}

/** Numbers are given by the log: when others have appended meanwhile, it is drafted anew. */
static mr_err register_instruments(struct mri_node *node, mr_problem *problem)
{
    for (;;) {
        mr_err err = mri_deciding_foreign(node);
        if (err == MR_OK) {
            err = mri_registration_draft(node, problem);
        }
        if (err != MR_OK || node->inputs.count == 0) {
            return err;
        }
        err = mri_bus_append(&node->fold.bus, &node->inputs, MR_ASYNC, NULL, NULL);
        if (err == MR_AGAIN) {
            err = mri_deciding_catch_up(node);
        } else if (err == MR_OK) {
            err = mri_deciding_process(node);
            return err == MR_OK ? catch_up(node, MRI_REASON_TIME_PASSED) : err;
        }
        if (err != MR_OK) {
            return err;
        }
    }
}

static mr_err map_feed_symbols(struct mri_node *node, mr_problem *problem)
{
    const struct mri_feed *feed = node->options.feed;
    void *block;
    if (feed == NULL || feed->instrument_count == 0) {
        return MR_OK;
    }
    mr_err err = mri_alloc_array(
        node->options.alloc, feed->instrument_count, sizeof(*node->feed_symbols), &block);
    if (err != MR_OK) {
        return err;
    }
    node->feed_symbols = block;
    for (uint32_t i = 0; i < feed->instrument_count && err == MR_OK; i++) {
        const char *name = feed->instruments[i].symbol;
        err = mri_instruments_find(
            &node->fold.wiring.market.instruments, mri_slice_of(name), &node->feed_symbols[i]);
        if (err != MR_OK) {
            err = mri_problem(problem, MR_REFUSED, "symbol %s is not registered", name);
        }
    }
    return err;
}

static mr_err add_config(struct mri_node *node, struct mri_slice text)
{
    const struct mri_buf *in_force = &node->fold.wiring.config_text;
    struct mri_slice before = {(const char *)in_force->bytes, in_force->count};
    if (mri_slice_equal(before, text)) {
        return MR_OK;
    }
    const struct mri_config_changed body = {.text_hash = mri_hash(text.bytes, text.count)};
    return add_input(node, MRI_EVENT_CONFIG, &body, text);
}

/** Session and configuration, in one batch. */
static mr_err begin_session(struct mri_node *node)
{
    struct mri_buf text;
    const struct mri_session session = {
        .kind = MRI_SESSION_START, .engine_version = MRI_ENGINE_VERSION};
    mri_buf_init(&text, node->options.alloc, MRI_CONFIG_TEXT_BYTES_MAX);
    mri_config_print(node->options.config, &text);
    mri_node_begin_inputs(node);
    node->session_first_seq = mri_batch_next_seq(&node->inputs);
    mr_err err = add_input(node, MRI_EVENT_SESSION, &session, mri_slice_of(node->options.build));
    if (err == MR_OK) {
        err = text.err != MR_OK
                  ? text.err
                  : add_config(node, (struct mri_slice){(const char *)text.bytes, text.count});
    }
    mri_buf_fini(&text);
    return err == MR_OK ? mri_deciding_take_batch(node) : err;
}

/** Go on where the last run stopped: what was pending, then what a batch had no room for. */
static mr_err go_on(struct mri_node *node, mr_problem *problem)
{
    const struct mri_wiring *wiring = &node->fold.wiring;
    const struct mri_mode_state *mode = &wiring->execute.mode;
    mr_err err = mri_deciding_pending(node, problem);
    node->clock.is_stepped =
        mode->mode == MRI_MODE_CLOSE_ONLY && mode->reason == MRI_REASON_CLOCK_STEP;
    if (err == MR_OK && wiring->market.event_time_unix_ns != 0) {
        node->is_behind = true; /* nothing in the log says whether the newest batch was cut */
        err = catch_up(node,
            wiring->report.is_feed_ended != 0 ? MRI_REASON_FEED_ENDED : MRI_REASON_TIME_PASSED);
    }
    return err < 0 && problem->text[0] == '\0'
               ? fail_in(node, problem, err, "deciding what was pending")
               : err;
}

/** Give the other processes the state that was folded, where the memory has room for one. */
static mr_err share_state(struct mri_node *node, mr_problem *problem)
{
    mr_err err = mri_shared_refresh_if_current(&node->fold, node->log, node->options.config);
    bool has_none = err == MR_NOT_FOUND || err == MR_FULL;
    return err == MR_OK || has_none ? MR_OK
                                    : fail_in(node, problem, err, "sharing the state of the bus");
}

static mr_err open_steps(struct mri_node *node, mr_problem *problem)
{
    mr_err err = mri_registration_check_new(node, problem);
    if (err == MR_OK) {
        err = open_log(node, problem);
    }
    if (err == MR_OK) {
        err = mri_feed_check(node, problem);
    }
    if (err == MR_OK) {
        err = mri_deciding_read_past(node, problem);
    }
    if (err == MR_OK) {
        err = mri_clock_check(&node->clock, node->options.folder,
            node->fold.wiring.market.event_time_unix_ns, problem);
    }
    if (err == MR_OK) {
        err = go_on(node, problem);
    }
    if (err == MR_OK) {
        err = mri_registration_check_spellings(node, problem);
    }
    if (err == MR_OK) {
        err = begin_session(node);
        err = err != MR_OK ? fail_in(node, problem, err, "beginning the session") : err;
    }
    if (err == MR_OK) {
        err = register_instruments(node, problem);
    }
    if (err == MR_OK) {
        err = map_feed_symbols(node, problem);
    }
    if (err == MR_OK) {
        err = share_state(node, problem);
    }
    if (err == MR_OK) {
        err = end_lost_claims(node);
        err = err != MR_OK ? fail_in(node, problem, err, "ending claims") : err;
    }
    return err;
}

mr_err mri_node_open(
    struct mri_node *node, const struct mri_node_options *options, mr_problem *reterr_problem)
{
    mr_problem own = {""};
    mr_problem *problem = reterr_problem == NULL ? &own : reterr_problem;
    *node = (struct mri_node){.options = *options};
    mri_engine_undo_init(&node->undo, options->alloc);
    mr_err err = mri_claim_watch_init(&node->watch, options->os, options->alloc, options->folder);
    if (err != MR_OK) {
        node->options.alloc = NULL;
        return fail(problem, err, options->folder);
    }
    err = mri_batch_init(
        &node->inputs, options->alloc, MRI_BUS_BATCH_MAX, MRI_WIRING_BATCH_BYTES_MAX);
    if (err == MR_OK) {
        err = mri_batch_init(&node->outputs, options->alloc, MRI_WIRING_BATCH_EVENTS_MAX,
            MRI_WIRING_BATCH_BYTES_MAX);
    }
    if (err == MR_OK) {
        problem->text[0] = '\0';
        err = open_steps(node, problem);
    }
    if (err != MR_OK && problem->text[0] == '\0') {
        err = fail(problem, err, options->folder);
    }
    if (err != MR_OK) {
        mri_node_close(node);
    }
    return err;
}

/* ---- ending ---------------------------------------------------------------------------------- */

static mr_err warn(struct mri_node *node, const mr_problem *message)
{
    mri_node_begin_inputs(node);
    const struct mri_alert alert = {
        .about = mri_batch_ref(&node->inputs, node->fold.bus.last_seq),
        .severity = MRI_SEVERITY_WARNING,
    };
    mr_err err = add_input(node, MRI_EVENT_ALERT, &alert, mri_slice_of(message->text));
    return err == MR_OK ? mri_deciding_take_batch(node) : err;
}

/** Log that a snapshot could not be written. */
static mr_err warn_of_snapshot(struct mri_node *node, mr_err why)
{
    mr_problem message;
    (void)mri_problem(&message, why,
        "a snapshot could not be written: %s; the next start reads more of the log instead",
        mr_err_text(why));
    return warn(node, &message);
}

/** Try to write one; whatever comes of it, the next is due after so many events more. */
static mr_err try_snapshot(struct mri_node *node)
{
    /* Durable first: a snapshot of more than the disk has would look like a log that was cut. */
    mr_err why = mr_log_sync(node->log);
    if (why != MR_OK) {
        return why;
    }
    why = mri_fold_snapshot_write(&node->fold, node->fold.applied_seq);
    node->snapshot_try_seq = node->fold.bus.last_seq;
    if (why == MR_OK) {
        node->snapshot_seq = node->snapshot_try_seq;
        return MR_OK;
    }
    node->snapshot_err = why;
    return warn_of_snapshot(node, why);
}

mr_err mri_node_snapshot_if_due(struct mri_node *node)
{
    uint64_t since = node->fold.bus.last_seq - node->snapshot_try_seq;
    if (since < (uint64_t)node->options.config->log_snapshot_events) {
        return MR_OK;
    }
    return try_snapshot(node);
}

mr_err mri_node_compare_if_due(struct mri_node *node)
{
    enum { TRIES = 16 }; /* while others append all the time */
    mr_problem message = {""};
    uint64_t interval = (uint64_t)node->options.config->log_compare_events;
    uint64_t last_seq = node->fold.bus.last_seq;
    if (last_seq - node->compare_seq < interval) {
        return MR_OK;
    }
    mr_err err = mri_shared_refresh_check(&node->fold, node->log, &message);
    node->compare_seq = err == MR_AGAIN ? last_seq - interval + interval / TRIES : last_seq;
    if (err != MR_ECORRUPT) {
        return err == MR_NOT_FOUND || err == MR_AGAIN ? MR_OK : err;
    }
    node->differences++;
    err = warn(node, &message);
    return err == MR_OK ? share_state(node, &message) : err;
}

mr_err mri_node_maintain(struct mri_node *node)
{
    mr_err err = mri_node_snapshot_if_due(node);
    return err == MR_OK ? mri_node_compare_if_due(node) : err;
}

mr_err mri_node_end_session(struct mri_node *node)
{
    const struct mri_session session = {
        .kind = MRI_SESSION_END, .engine_version = MRI_ENGINE_VERSION};
    mr_err err = try_snapshot(node); /* first: its alert belongs into the session */
    mri_node_begin_inputs(node);
    if (err == MR_OK) {
        err = add_input(node, MRI_EVENT_SESSION, &session, mri_slice_of(node->options.build));
    }
    if (err == MR_OK) {
        err = mri_deciding_take_batch(node);
    }
    return err == MR_OK ? mr_log_sync(node->log) : err;
}

void mri_node_close(struct mri_node *node)
{
    if (node == NULL || node->options.alloc == NULL) {
        return;
    }
    const struct mri_feed *feed = node->options.feed;
    mri_batch_fini(&node->inputs);
    mri_batch_fini(&node->outputs);
    mri_engine_undo_fini(&node->undo);
    if (feed != NULL) {
        mri_alloc_free(node->options.alloc, node->feed_symbols,
            feed->instrument_count * sizeof(*node->feed_symbols));
    }
    mri_claim_watch_fini(&node->watch);
    mri_fold_fini(&node->fold);
    mr_log_close(node->log);
    mri_seat_leave(&node->seat);
    *node = (struct mri_node){0};
}
