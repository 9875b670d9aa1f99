/* SPDX-License-Identifier: MIT */
/*
 * Subscriptions of millrace/bus.h: a consumer of the log, with a filter before what it hands out.
 *
 * Invariants
 *  1. An event that does not pass the filter is acked and not seen again: the cursor goes on, also
 *     where nothing passes.
 *  2. What is asked for in one call is leased in one turn of the consumer, and not more than that:
 *     others who use the name get the rest.
 */
#include <string.h>

#include "api/bus_api.h"
#include "api/bus_loop.h"
#include "api/event_filter.h"
#include "api/lease_many.h"
#include "base/problem.h"
#include "log/consume/consumer.h"

enum { LOOKS_MAX = 16384 }; /* of one turn, which keeps others who use the name waiting */

struct mr_subscription {
    mr_bus *bus;
    mr_consumer *consumer;
    int64_t due_boot_ns; /* when what was handed out or put off comes again; -1: nothing is */
    uint64_t end_seq;    /* of the log, when there was nothing more */
    struct mri_event_filter filter;
    mr_err held; /* what is to be said before the next event; MR_OK: nothing */
    mr_problem held_problem;
    mr_seq acks[MR_CONSUMER_IN_FLIGHT_MAX];
};

mr_err mr_bus_subscribe(mr_bus *bus, const char *name, const mr_subscribe_options *options,
    mr_subscription **ret_subscription, mr_problem *reterr_problem)
{
    static const mr_subscribe_options plain = {.is_from_beginning = false};
    const mr_subscribe_options *wanted = options == NULL ? &plain : options;
    void *block;
    if (bus == NULL || name == NULL || ret_subscription == NULL) {
        return mri_problem(reterr_problem, MR_EINVAL, "a bus, and the name of the subscription");
    }
    MRI_ASSERT(bus->magic == MRI_BUS_API_MAGIC);
    mr_err err = mri_alloc_array(bus->alloc, 1, sizeof(struct mr_subscription), &block);
    if (err != MR_OK) {
        return mri_problem(reterr_problem, err, "%s", mr_err_text(err));
    }
    struct mr_subscription *subscription = block;
    subscription->bus = bus;
    subscription->due_boot_ns = -1;
    err = mr_bus_follow(bus, reterr_problem);
    if (err == MR_OK) {
        err = mri_event_filter_init(&subscription->filter, bus, wanted, reterr_problem);
    }
    if (err == MR_OK) {
        const struct mri_consumer_at at = {
            .os = bus->os, .alloc = bus->alloc, .folder = bus->folder, .name = name};
        const mr_consumer_options consumer_options = {
            .start = wanted->is_from_beginning ? MR_CONSUMER_BEGINNING : MR_CONSUMER_END,
            .max_in_flight = wanted->max_in_flight,
            .max_deliver = wanted->max_deliver,
            .ack_wait_ms = wanted->ack_wait_ms,
            .log = bus->log,
        };
        err = mri_consumer_open(&at, &consumer_options, &subscription->consumer, reterr_problem);
    }
    if (err != MR_OK) {
        mri_event_filter_fini(&subscription->filter);
        mri_alloc_free(bus->alloc, subscription, sizeof(*subscription));
        return err;
    }
    *ret_subscription = subscription;
    return MR_OK;
}

/* ---- next ------------------------------------------------------------------------------------ */

/** Where events that pass go. */
struct taking {
    struct mr_subscription *subscription;
    mr_bus_event *events;
    uint32_t count;
    mr_problem *problem;
};

static mr_err judge(void *context, const mr_log_event *record, bool *ret_is_wanted)
{
    struct taking *taking = context;
    mr_err err = mri_event_filter_judge(&taking->subscription->filter, record, ret_is_wanted,
        &taking->events[taking->count], taking->problem);
    taking->count += *ret_is_wanted;
    return err;
}

/** The next event, whatever is to be said of it; MR_BUSY: it did not pass. */
static mr_err take_one(struct taking *taking, struct mri_bus_loop_look *ret_look)
{
    struct mr_subscription *subscription = taking->subscription;
    mr_log_event record;
    mr_delivery delivery = {.wait_ns = -1};
    bool is_wanted = false;
    mr_err err = mr_consumer_next(subscription->consumer, &record, &delivery, taking->problem);
    ret_look->wait_ns = delivery.wait_ns;
    if (err != MR_OK) {
        return err;
    }
    uint64_t seq = record.seq.n;
    err = judge(taking, &record, &is_wanted);
    if (err == MR_OK && is_wanted) {
        taking->events[taking->count - 1].deliveries = delivery.count;
    } else if (err == MR_OK) {
        err = mr_consumer_ack(subscription->consumer, (mr_seq){seq}, taking->problem);
        err = err == MR_OK ? MR_BUSY : err;
    }
    return err;
}

/** One turn: up to so many events; MR_AGAIN with is_cut: it has looked at as many as it might. */
static mr_err take_turn(struct taking *taking, uint32_t room, uint32_t looks_max,
    struct mri_bus_loop_look *ret_look, uint32_t *ret_looked)
{
    struct mri_lease_found found;
    const struct mri_lease_wish wish = {
        .judge = judge, .context = taking, .events_max = room, .looks_max = looks_max};
    mr_err err = mri_lease_many(taking->subscription->consumer, &wish, &found, taking->problem);
    *ret_looked = found.looked;
    ret_look->wait_ns = found.wait_ns;
    ret_look->is_cut = err == MR_AGAIN && found.is_cut;
    if (err == MR_BUSY) {
        *ret_looked = 1;
        err = take_one(taking, ret_look);
        ret_look->is_cut = err == MR_BUSY;
        err = err == MR_BUSY ? MR_AGAIN : err;
    }
    return err;
}

/** What was found out behind events that were handed out: it is told once. */
static mr_err say_held(struct mr_subscription *subscription, mr_problem *problem)
{
    mr_err err = subscription->held;
    if (err != MR_OK && problem != NULL) {
        *problem = subscription->held_problem;
    }
    subscription->held = MR_OK;
    return err;
}

/** Look until something passes, or there is something else to say. */
static mr_err take(
    struct taking *taking, uint32_t room, uint32_t looks_max, struct mri_bus_loop_look *ret_look)
{
    struct mr_subscription *subscription = taking->subscription;
    uint64_t end_seq;
    mr_err err = say_held(subscription, taking->problem);
    *ret_look = (struct mri_bus_loop_look){.wait_ns = -1};
    if (err != MR_OK) {
        return err;
    }
    do {
        uint32_t looked;
        uint32_t looks = looks_max < LOOKS_MAX ? looks_max : LOOKS_MAX;
        end_seq = mr_log_last(subscription->bus->log).n;
        err = take_turn(taking, room, looks, ret_look, &looked);
        looks_max -= looks_max == UINT32_MAX ? 0 : looked;
    } while (err == MR_AGAIN && ret_look->is_cut && looks_max > 0);
    if (err != MR_OK && !ret_look->is_cut) {
        subscription->end_seq = end_seq;
    }
    const struct mri_os *os = subscription->bus->os;
    subscription->due_boot_ns =
        ret_look->wait_ns < 0 ? -1 : os->boottime_ns(os->context) + ret_look->wait_ns;
    return err;
}

mr_err mri_bus_loop_next(mr_subscription *subscription, uint32_t events_max,
    mr_bus_event *ret_event, struct mri_bus_loop_look *ret_look, mr_problem *reterr_problem)
{
    struct taking taking = {
        .subscription = subscription, .events = ret_event, .problem = reterr_problem};
    return take(&taking, 1, events_max, ret_look);
}

mr_err mr_subscription_next(
    mr_subscription *subscription, mr_bus_event *ret_event, mr_problem *reterr_problem)
{
    struct mri_bus_loop_look look;
    if (subscription == NULL || ret_event == NULL) {
        return mri_problem(reterr_problem, MR_EINVAL, "a subscription, and room for an event");
    }
    return mri_bus_loop_next(subscription, UINT32_MAX, ret_event, &look, reterr_problem);
}

/** What comes again comes one by one: take the rest of it, as far as there is room. */
static void take_again(struct taking *taking, uint32_t room)
{
    struct mr_subscription *subscription = taking->subscription;
    struct mri_bus_loop_look look;
    mr_err err = MR_OK;
    taking->problem = &subscription->held_problem;
    while (
        err == MR_OK && taking->count < room && taking->events[taking->count - 1].deliveries > 1) {
        err = take_one(taking, &look);
    }
    bool is_told_again = err == MR_END || err == MR_AGAIN || err == MR_BUSY;
    subscription->held = is_told_again ? MR_OK : err;
}

mr_err mr_subscription_next_many(mr_subscription *subscription, mr_bus_event *ret_events,
    size_t room, size_t *ret_count, mr_problem *reterr_problem)
{
    struct mri_bus_loop_look look;
    if (subscription == NULL || ret_events == NULL || ret_count == NULL || room == 0) {
        return mri_problem(reterr_problem, MR_EINVAL, "a subscription, and room for events");
    }
    struct taking taking = {
        .subscription = subscription, .events = ret_events, .problem = reterr_problem};
    uint32_t own_room =
        room < MR_CONSUMER_IN_FLIGHT_MAX ? (uint32_t)room : MR_CONSUMER_IN_FLIGHT_MAX;
    mr_err err = take(&taking, own_room, UINT32_MAX, &look);
    if (err == MR_OK) {
        take_again(&taking, own_room);
    }
    *ret_count = err == MR_OK ? taking.count : 0;
    return err;
}

/* ---- what becomes of them -------------------------------------------------------------------- */

mr_err mr_subscription_ack(mr_subscription *subscription, mr_seq seq, mr_problem *reterr_problem)
{
    return mr_consumer_ack(
        subscription == NULL ? NULL : subscription->consumer, seq, reterr_problem);
}

mr_err mr_subscription_ack_many(
    mr_subscription *subscription, const mr_seq *seqs, size_t count, mr_problem *reterr_problem)
{
    if (subscription == NULL || seqs == NULL || count == 0 || count > MR_CONSUMER_IN_FLIGHT_MAX) {
        return mri_problem(reterr_problem, MR_EINVAL, "expected 1 to %d events of a subscription",
            MR_CONSUMER_IN_FLIGHT_MAX);
    }
    for (size_t i = 0; i < count; i++) { /* the cursor moves once, with the lowest */
        subscription->acks[i] = seqs[count - 1 - i];
    }
    return mr_consumer_ack_many(subscription->consumer, subscription->acks, count, reterr_problem);
}

mr_err mr_subscription_nack(
    mr_subscription *subscription, mr_seq seq, int64_t delay_ms, mr_problem *reterr_problem)
{
    return mr_consumer_nack(
        subscription == NULL ? NULL : subscription->consumer, seq, delay_ms, reterr_problem);
}

/** For how long, at most, until something comes again; whoever has it may die at any time. */
static int64_t until_due_ms(const struct mr_subscription *subscription)
{
    enum { LOOK_MS = 1000, MS_NS = 1000000 };
    const struct mri_os *os = subscription->bus->os;
    int64_t left_ms = (subscription->due_boot_ns - os->boottime_ns(os->context)) / MS_NS + 1;
    return left_ms < 0 ? 0 : left_ms < LOOK_MS ? left_ms : LOOK_MS;
}

mr_err mr_subscription_wait(
    mr_subscription *subscription, int64_t timeout_ms, mr_problem *reterr_problem)
{
    if (subscription == NULL) {
        return mri_problem(reterr_problem, MR_EINVAL, "a subscription is missing");
    }
    mr_bus *bus = subscription->bus;
    if (mr_log_last(bus->log).n > subscription->end_seq) {
        return MR_OK; /* the bus may have read on behind what the consumer has seen */
    }
    int64_t due_ms = subscription->due_boot_ns < 0 ? -1 : until_due_ms(subscription);
    bool is_due_first = due_ms >= 0 && (timeout_ms < 0 || due_ms < timeout_ms);
    mr_err err = mr_bus_wait(bus, is_due_first ? due_ms : timeout_ms, reterr_problem);
    return err == MR_AGAIN && is_due_first ? MR_OK : err;
}

void mr_subscription_close(mr_subscription *subscription)
{
    if (subscription != NULL) {
        mr_consumer_close(subscription->consumer);
        mri_event_filter_fini(&subscription->filter);
        mri_alloc_free(subscription->bus->alloc, subscription, sizeof(*subscription));
    }
}
