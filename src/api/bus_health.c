/* SPDX-License-Identifier: MIT */
/*
 * How a log is doing, for programs.
 *
 * Invariants
 *  1. The numbers are those of `millrace status`, by the same code, of a fold with all that
 * decides. It is made by the first call and followed by the others.
 */
#include "api/bus_api.h"
#include "base/problem.h"
#include "conf/yaml.h"
#include "millrace/execution.h"
#include "pipeline/health.h"
#include "pipeline/seat.h"
#include "pipeline/stuck_order.h"

MRI_STATIC_ASSERT(MR_STAGES == (int)MRI_STAGE_COUNT, "one list");

static mr_err make_whole(struct mr_bus *bus, mr_problem *problem)
{
    const struct mri_fold_options options = {
        .os = bus->os, .alloc = bus->alloc, .folder = bus->folder, .parse = mri_yaml_config};
    void *block;
    mr_err err = mri_alloc_array(bus->alloc, 1, sizeof(struct mri_fold), &block);
    if (err != MR_OK) {
        return mri_problem(problem, err, "%s", mr_err_text(err));
    }
    err = mri_fold_init(block, &options, problem);
    mr_err place = mri_bus_api_check_place(bus, problem);
    if (err == MR_OK && place != MR_OK) { /* it may be of another log */
        mri_fold_fini(block);
    }
    err = place != MR_OK ? place : err;
    if (err != MR_OK) {
        mri_alloc_free(bus->alloc, block, sizeof(struct mri_fold));
        return err;
    }
    bus->whole = block;
    return MR_OK;
}

/** Go on to the end of the log, and look who is there. */
static mr_err follow(const struct mr_bus *bus, struct mri_fold *whole, mr_problem *problem)
{
    MRI_ASSERT(whole != NULL);
    mr_err err = whole->damage == MR_OK ? mri_fold_follow(whole, problem) : MR_OK;
    if (err != MR_OK) {
        return err;
    }
    err = mri_seat_holder(bus->os, bus->folder, MRI_SEAT_RUN, &whole->runner_id);
    if (err == MR_OK) {
        err = mri_seat_holder(bus->os, bus->folder, MRI_SEAT_EXECUTOR, &whole->executor_id);
    }
    return err == MR_OK ? MR_OK
                        : mri_problem(problem, err, "%s: %s", bus->folder, mr_err_text(err));
}

/** Inputs behind the newest that was decided. */
static mr_err count_pending(
    struct mr_bus *bus, struct mri_health_pending *pending, mr_problem *problem)
{
    const struct mri_fold *fold = bus->whole;
    mr_log_reader *reader;
    if (fold->applied_seq >= fold->bus.last_seq || fold->damage != MR_OK) {
        return MR_OK;
    }
    mr_err err = mri_bus_api_open_reader(bus, &reader, problem);
    if (err != MR_OK) {
        return err;
    }
    err = mr_log_reader_seek(reader, (mr_seq){fold->applied_seq + 1}, problem);
    while (err == MR_OK) {
        mr_log_event record;
        struct mri_event event;
        err = mr_log_reader_next(reader, &record, problem);
        if (err != MR_OK || record.seq.n > fold->bus.last_seq) {
            break;
        }
        if (record.type >= MR_LOG_TYPE_FREE && mri_event_decode(&record, &event) == MR_OK &&
            mri_wiring_is_input(&event)) {
            mri_health_count(pending, &event);
        }
    }
    mr_log_reader_close(reader);
    return err == MR_END ? MR_OK : err;
}

static void see_nothing(void *context, uint32_t ordinal, const struct mri_stuck_life *life)
{
    (void)context;
    (void)ordinal;
    (void)life;
}

static uint32_t count_stuck_orders(const struct mri_fold *fold)
{
    const struct mri_order_table *orders = &fold->bus.orders;
    uint32_t count = 0;
    for (uint32_t i = 0; orders->live_count > 0 && i < orders->queue.count; i++) {
        uint32_t ordinal;
        unsigned leg;
        count += mri_stuck_order_is(&fold->bus, mri_order_table_at(orders, i, &ordinal, &leg),
            fold->wiring.report_within_ns);
    }
    return count;
}

static void put_orders(const struct mri_fold *fold, mr_health *health)
{
    const struct mri_order_table *orders = &fold->bus.orders;
    health->venue = mri_word_text(MRI_VOCABULARY_venue_mode, mri_health_venue(&fold->wiring));
    health->open_positions = fold->wiring.execute.open_count;
    health->open_orders = orders->live_count;
    health->orders_in_doubt = orders->in_doubt_count;
    health->order_reports = orders->reports;
    health->order_disputes = orders->disputes;
    health->stuck_orders = count_stuck_orders(fold);
}

static void put_stages(const struct mri_health *judged, mr_health *health)
{
    for (unsigned i = 0; i < MRI_STAGE_COUNT; i++) {
        health->stages[i] = (mr_stage){.name = judged->stages[i].name,
            .done = judged->stages[i].done,
            .waiting = judged->stages[i].waiting,
            .last_time_unix_ns = judged->stages[i].last_unix_ns};
    }
}

mr_err mr_bus_health(mr_bus *bus, mr_health *ret_health, mr_problem *reterr_problem)
{
    struct mri_health_pending pending = {0};
    const struct mri_stuck_visitor nobody = {.visit = see_nothing};
    if (bus == NULL || ret_health == NULL) {
        return mri_problem(reterr_problem, MR_EINVAL, "a bus, and room for its health");
    }
    MRI_ASSERT(bus->magic == MRI_BUS_API_MAGIC);
    mr_err err = bus->whole == NULL ? make_whole(bus, reterr_problem) : MR_OK;
    if (err == MR_OK) {
        err = follow(bus, bus->whole, reterr_problem);
        err = mri_bus_api_tell_place(bus, err, reterr_problem);
    }
    if (err == MR_OK) {
        err = mri_bus_api_compare_if_due(bus, reterr_problem);
    }
    if (err == MR_OK) {
        err = follow(bus, bus->whole, reterr_problem); /* an alert, if it has found something */
    }
    if (err == MR_OK) {
        err = count_pending(bus, &pending, reterr_problem);
    }
    if (err != MR_OK) {
        return err;
    }
    err = mri_bus_api_check_place(bus, reterr_problem); /* who is there was looked up there */
    if (err != MR_OK) {
        return err;
    }
    const struct mri_fold *fold = bus->whole;
    mri_health_look(fold, &pending, &bus->health);
    mr_health health = {.pending_inputs = pending.inputs};
    health.state = mri_health_text(bus->health.state);
    health.why = bus->health.why;
    health.mode = mri_word_text(MRI_VOCABULARY_mode, fold->wiring.execute.mode.mode);
    health.last.n = fold->bus.last_seq;
    health.durable.n = bus->log == NULL ? 0 : mr_log_durable(bus->log).n;
    health.event_time_unix_ns = fold->bus.event_time_unix_ns;
    for (unsigned state = 0; state < MR_STATE_COUNT; state++) {
        health.states[state] = fold->bus.slots.states[state].count;
    }
    health.signals = fold->bus.slots.count;
    health.alerts = fold->wiring.report.alerts + pending.alerts;
    health.run_process = fold->runner_id;
    health.executor_process = fold->executor_id;
    put_orders(fold, &health);
    put_stages(&bus->health, &health);
    err = mri_stuck_visit(&fold->wiring.stuck, 0, &nobody, &health.stuck_signals);
    if (err == MR_OK) {
        *ret_health = health;
    }
    return err == MR_OK ? MR_OK : mri_problem(reterr_problem, err, "%s", mr_err_text(err));
}
