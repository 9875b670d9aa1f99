/* SPDX-License-Identifier: MIT */
/*
 * Subscriptions of millrace/bus.h: a consumer of the log, with a filter before what it hands out.
 *
 * Invariants
 *  1. An event that does not pass the filter is acked and not seen again: the cursor goes on, also
 *     where nothing passes.
 *  2. What an event says of its signal is taken from the bus's tables after they have come to it.
 */
#include <string.h>

#include "api/bus_api.h"
#include "api/bus_loop.h"
#include "base/problem.h"
#include "log/consume/consumer.h"

struct mr_subscription {
    mr_bus *bus;
    mr_consumer *consumer;
    uint64_t end_seq; /* of the log, when there was nothing more */
    uint16_t kind;    /* 0: every kind */
    uint32_t symbol;  /* UINT32_MAX: any */
    bool has_state;
    mr_state state;
    char source[MRI_INTERN_BYTES_MAX + 1]; /* "": any; its number may not exist yet */
    char name[MRI_INTERN_BYTES_MAX + 1];
};

/** The number of a kind; 0: there is none of this name. */
static uint16_t kind_of(const char *name)
{
#define IS_KIND(ID, id, number, text, writers)                                                     \
    if (strcmp(name, text) == 0) {                                                                 \
        return MRI_EVENT_##ID;                                                                     \
    }
    MRI_EVENT_MAP(IS_KIND)
#undef IS_KIND
    return 0;
}

static mr_err copy_text(
    const char *text, const char *field, char copy[MRI_INTERN_BYTES_MAX + 1], mr_problem *problem)
{
    size_t count = text == NULL ? 0 : strlen(text);
    if (count > MRI_INTERN_BYTES_MAX) {
        return mri_problem(problem, MR_REFUSED, "%s: expected up to %d bytes, found %zu", field,
            MRI_INTERN_BYTES_MAX, count);
    }
    memcpy(copy, text == NULL ? "" : text, count + 1);
    return MR_OK;
}

static mr_err read_filter(
    struct mr_subscription *subscription, const mr_subscribe_options *options, mr_problem *problem)
{
    subscription->symbol = UINT32_MAX;
    subscription->has_state = options->state != NULL;
    if (options->kind != NULL) {
        subscription->kind = kind_of(options->kind);
        if (subscription->kind == 0) {
            return mri_problem(problem, MR_REFUSED,
                "kind: there is none named \"%.60s\" (docs/FORMAT.md has all)", options->kind);
        }
    }
    if (options->state != NULL) {
        if (mr_state_parse(options->state, &subscription->state) != MR_OK) {
            return mri_problem(
                problem, MR_REFUSED, "state: there is none named \"%.60s\"", options->state);
        }
        if (subscription->kind != 0 && subscription->kind != MRI_EVENT_SIGNAL_MOVED) {
            return mri_problem(problem, MR_REFUSED, "state: only signal.moved has one");
        }
        subscription->kind = MRI_EVENT_SIGNAL_MOVED;
    }
    if (options->symbol != NULL &&
        mri_instruments_find(mri_bus_api_instruments(subscription->bus),
            mri_slice_of(options->symbol), &subscription->symbol) != MR_OK) {
        return mri_problem(
            problem, MR_REFUSED, "symbol: \"%.60s\" is not registered", options->symbol);
    }
    mr_err err = copy_text(options->source, "source", subscription->source, problem);
    return err == MR_OK ? copy_text(options->name, "name", subscription->name, problem) : err;
}

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
    err = mr_bus_follow(bus, reterr_problem);
    if (err == MR_OK) {
        err = read_filter(subscription, wanted, reterr_problem);
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
        mri_alloc_free(bus->alloc, subscription, sizeof(*subscription));
        return err;
    }
    *ret_subscription = subscription;
    return MR_OK;
}

static bool is_named(const char *wanted, const struct mri_intern *names, uint32_t number)
{
    return wanted[0] == '\0' || mri_slice_is(mri_intern_text(names, number), wanted);
}

/** Does the event's signal pass? */
static mr_err is_signal_wanted(
    const struct mr_subscription *subscription, uint32_t ordinal, bool *ret_is_wanted)
{
    struct mr_bus *bus = subscription->bus;
    struct mri_signal signal;
    bool is_any = subscription->symbol == UINT32_MAX && subscription->source[0] == '\0' &&
                  subscription->name[0] == '\0';
    *ret_is_wanted = is_any;
    if (is_any || ordinal == 0) {
        return MR_OK;
    }
    mr_err err = mri_bus_api_signal(bus, ordinal, &signal);
    *ret_is_wanted =
        err == MR_OK &&
        (subscription->symbol == UINT32_MAX || subscription->symbol == signal.symbol) &&
        is_named(subscription->source, mri_bus_api_sources(bus), signal.source) &&
        is_named(subscription->name, mri_bus_api_names(bus), signal.name);
    return err;
}

static mr_err read_event(const mr_log_event *record, const mr_delivery *delivery,
    mr_bus_event *ret_event, mr_problem *problem)
{
    struct mri_event event;
    mr_err err = mri_event_decode(record, &event);
    if (err != MR_OK) {
        return mri_problem(
            problem, err, "event %llu: %s", (unsigned long long)record->seq.n, mr_err_text(err));
    }
    *ret_event = (mr_bus_event){
        .seq = record->seq,
        .kind = mri_event_kind(record->type)->name,
        .time_unix_ns = record->time_unix_ns,
        .ordinal = {event.ordinal},
        .deliveries = delivery->count,
    };
    if (event.type == MRI_EVENT_SIGNAL_MOVED) {
        const struct mri_signal_moved *move = event.body;
        ret_event->is_move = true;
        ret_event->from = (mr_state)move->from;
        ret_event->to = (mr_state)move->to;
        ret_event->gate = mri_word_text(MRI_VOCABULARY_gate, move->gate);
        ret_event->reason = mri_word_text(MRI_VOCABULARY_reason, move->reason);
    }
    return MR_OK;
}

/** Look whether an event passes. */
static mr_err judge(struct mr_subscription *subscription, const mr_log_event *record,
    const mr_delivery *delivery, bool *ret_is_wanted, mr_bus_event *ret_event, mr_problem *problem)
{
    *ret_is_wanted = subscription->kind == 0 || record->type == subscription->kind;
    if (!*ret_is_wanted) {
        return MR_OK;
    }
    mr_err err = read_event(record, delivery, ret_event, problem);
    if (err != MR_OK) {
        return err;
    }
    err = is_signal_wanted(subscription, ret_event->ordinal.n, ret_is_wanted);
    *ret_is_wanted =
        *ret_is_wanted && (!subscription->has_state || ret_event->to == subscription->state);
    return err == MR_OK ? MR_OK
                        : mri_problem(problem, err, "event %llu: its signal: %s",
                              (unsigned long long)record->seq.n, mr_err_text(err));
}

mr_err mri_bus_loop_next(mr_subscription *subscription, uint32_t events_max,
    mr_bus_event *ret_event, struct mri_bus_loop_look *ret_look, mr_problem *reterr_problem)
{
    *ret_look = (struct mri_bus_loop_look){.wait_ns = -1};
    for (uint32_t i = 0; i < events_max; i++) {
        mr_log_event record;
        mr_delivery delivery = {.wait_ns = -1};
        bool is_wanted;
        uint64_t end_seq = mr_log_last(subscription->bus->log).n;
        mr_err err = mr_consumer_next(subscription->consumer, &record, &delivery, reterr_problem);
        if (err != MR_OK) {
            subscription->end_seq = end_seq;
            ret_look->wait_ns = delivery.wait_ns;
            return err;
        }
        uint64_t seq = record.seq.n;
        err = judge(subscription, &record, &delivery, &is_wanted, ret_event, reterr_problem);
        if (err != MR_OK || is_wanted) {
            return err;
        }
        err = mr_consumer_ack(subscription->consumer, (mr_seq){seq}, reterr_problem);
        if (err != MR_OK) {
            return err;
        }
    }
    ret_look->is_cut = true;
    return MR_AGAIN;
}

mr_err mr_subscription_next(
    mr_subscription *subscription, mr_bus_event *ret_event, mr_problem *reterr_problem)
{
    struct mri_bus_loop_look look = {.is_cut = true};
    mr_err err = MR_AGAIN;
    if (subscription == NULL || ret_event == NULL) {
        return mri_problem(reterr_problem, MR_EINVAL, "a subscription, and room for an event");
    }
    while (err == MR_AGAIN && look.is_cut) {
        err = mri_bus_loop_next(subscription, UINT32_MAX, ret_event, &look, reterr_problem);
    }
    return err;
}

mr_err mr_subscription_ack(mr_subscription *subscription, mr_seq seq, mr_problem *reterr_problem)
{
    return mr_consumer_ack(
        subscription == NULL ? NULL : subscription->consumer, seq, reterr_problem);
}

mr_err mr_subscription_nack(
    mr_subscription *subscription, mr_seq seq, int64_t delay_ms, mr_problem *reterr_problem)
{
    return mr_consumer_nack(
        subscription == NULL ? NULL : subscription->consumer, seq, delay_ms, reterr_problem);
}

mr_err mr_subscription_wait(
    mr_subscription *subscription, int64_t timeout_ms, mr_problem *reterr_problem)
{
    if (subscription == NULL) {
        return mri_problem(reterr_problem, MR_EINVAL, "a subscription is missing");
    }
    mr_bus *bus = subscription->bus;
    /* The bus may have read on behind what the consumer has seen. */
    return mr_log_last(bus->log).n > subscription->end_seq
               ? MR_OK
               : mr_bus_wait(bus, timeout_ms, reterr_problem);
}

void mr_subscription_close(mr_subscription *subscription)
{
    if (subscription != NULL) {
        mr_consumer_close(subscription->consumer);
        mri_alloc_free(subscription->bus->alloc, subscription, sizeof(*subscription));
    }
}
