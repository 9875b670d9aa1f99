/* SPDX-License-Identifier: MIT */
/*
 * The verb health: the numbers of `millrace status`, as the other bindings have them.
 */
#include "api/bus_loop.h"
#include "millrace/execution.h"
#include "socket/verbs.h"

static void put_number(struct mri_reply *reply, const char *key, int64_t number)
{
    mri_json_write_key(&reply->json, key);
    mri_json_write_integer(&reply->json, number);
}

static void put_states(struct mri_reply *reply, const mr_health *health)
{
    mri_json_write_key(&reply->json, "states");
    mri_json_write_object_open(&reply->json);
    for (unsigned state = 0; state < MR_STATE_COUNT; state++) {
        mri_reply_count(reply, mr_state_text((mr_state)state), health->states[state]);
    }
    mri_json_write_object_close(&reply->json);
}

static mr_err put_sources(mr_bus *bus, struct mri_reply *reply, mr_problem *problem)
{
    mr_err err = MR_OK;
    mri_json_write_key(&reply->json, "sources");
    mri_json_write_object_open(&reply->json);
    for (uint32_t i = 0; err == MR_OK; i++) {
        mr_source_count count;
        err = mr_bus_source_count(bus, i, &count, problem);
        if (err == MR_OK && count.signals > 0) {
            mri_reply_count(reply, count.source, count.signals);
        }
    }
    mri_json_write_object_close(&reply->json);
    return err == MR_END ? MR_OK : err;
}

static void put_stages(struct mri_reply *reply, const mr_health *health)
{
    mri_json_write_key(&reply->json, "stages");
    mri_json_write_object_open(&reply->json);
    for (unsigned i = 0; i < MR_STAGES; i++) {
        mri_json_write_key(&reply->json, health->stages[i].name);
        mri_json_write_object_open(&reply->json);
        mri_reply_count(reply, "done", health->stages[i].done);
        mri_reply_count(reply, "waiting", health->stages[i].waiting);
        put_number(reply, "last_time_unix_ns", health->stages[i].last_time_unix_ns);
        mri_json_write_object_close(&reply->json);
    }
    mri_json_write_object_close(&reply->json);
}

static void put_consumer(void *context, const mr_consumer_stats *stats, const char *fault)
{
    struct mri_reply *reply = context;
    mri_json_write_key(&reply->json, stats->name);
    mri_json_write_object_open(&reply->json);
    if (fault != NULL) {
        mri_reply_text(reply, "fault", fault);
    } else {
        mri_reply_count(reply, "events", stats->lag_events);
        mri_json_write_key(&reply->json, "seconds");
        mri_json_write_number(&reply->json, (double)stats->lag_ns / 1e9);
    }
    mri_json_write_object_close(&reply->json);
}

static void put_counts(struct mri_reply *reply, const mr_health *health)
{
    mri_reply_count(reply, "pending_inputs", health->pending_inputs);
    mri_reply_count(reply, "alerts", health->alerts);
    mri_reply_count(reply, "run_process", health->run_process);
    mri_reply_count(reply, "executor_process", health->executor_process);
    mri_reply_count(reply, "stuck_signals", health->stuck_signals);
    mri_reply_count(reply, "open_positions", health->open_positions);
    mri_reply_count(reply, "open_orders", health->open_orders);
    mri_reply_count(reply, "stuck_orders", health->stuck_orders);
    mri_reply_count(reply, "orders_in_doubt", health->orders_in_doubt);
    mri_reply_count(reply, "order_reports", health->order_reports);
    mri_reply_count(reply, "order_disputes", health->order_disputes);
    mri_reply_count(reply, "last_seq", health->last.n);
    mri_reply_count(reply, "durable_seq", health->durable.n);
    put_number(reply, "event_time_unix_ns", health->event_time_unix_ns);
}

mr_err mri_verb_health(struct mri_line_session *session, const struct mri_request *request,
    struct mri_request_fault *reterr_fault)
{
    mr_bus *bus = session->service->bus;
    struct mri_reply reply;
    mr_health health;
    mr_err err = mr_bus_health(bus, &health, &reterr_fault->problem);
    if (err != MR_OK) {
        return mri_verb_fail(reterr_fault, err);
    }
    mri_reply_begin(&reply, session->out, request->id);
    mri_reply_text(&reply, "state", health.state);
    mri_reply_text(&reply, "why", health.why);
    mri_reply_text(&reply, "mode", health.mode);
    mri_reply_text(&reply, "venue", health.venue);
    mri_reply_count(&reply, "signals", health.signals);
    put_states(&reply, &health);
    err = put_sources(bus, &reply, &reterr_fault->problem);
    put_stages(&reply, &health);
    if (err == MR_OK) {
        mri_json_write_key(&reply.json, "consumers");
        mri_json_write_object_open(&reply.json);
        err = mri_bus_loop_consumers(bus, put_consumer, &reply, &reterr_fault->problem);
        mri_json_write_object_close(&reply.json);
    }
    if (err != MR_OK) {
        mri_reply_take_back(&reply);
        return mri_verb_fail(reterr_fault, err);
    }
    put_counts(&reply, &health);
    return mri_verb_end(session, &reply);
}
