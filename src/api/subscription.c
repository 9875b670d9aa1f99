/* SPDX-License-Identifier: MIT */
/*
 * Subscriptions of millrace/bus.h: a consumer of the log, with a filter before what it hands out.
 *
 * Invariants
 *  1. An event that does not pass the filter is acked and not seen again: the cursor goes on, also
 *     where nothing passes.
 *  2. What is asked for in one call is leased in one turn of the consumer, and not more than that:
 *     others who use the name get the rest.
 *  3. A name that is known goes on where it was, wherever the caller would have begun.
 */
#include <string.h>

#include "api/bus_api.h"
#include "api/bus_loop.h"
#include "api/event_filter.h"
#include "api/lease_many.h"
#include "base/fixed.h"
#include "base/problem.h"
#include "base/utc.h"
#include "log/consume/consumer.h"
#include "log/consume/consumer_file.h"
#include "log/read/retain_first.h"
#include "pipeline/read_only.h"

enum { LOOKS_MAX = 16384 }; /* of one turn, which keeps others who use the name waiting */

struct mr_subscription {
    mr_bus *bus;
    mr_consumer *consumer;
    uint32_t ack_wait_ms;
    int64_t due_boot_ns; /* when what was handed out or put off comes again; -1: nothing is */
    uint64_t end_seq;    /* of the log, when there was nothing more */
    struct mri_event_filter filter;
    mr_err held; /* what is to be said before the next event; MR_OK: nothing */
    mr_problem held_problem;
    mr_seq acks[MR_CONSUMER_IN_FLIGHT_MAX];
};

uint32_t mri_bus_loop_ack_wait_ms(const mr_subscription *subscription)
{
    return subscription->ack_wait_ms;
}

/* ---- where it begins ------------------------------------------------------------------------- */

static bool is_moment(const char *text)
{
    struct mri_slice slice = mri_slice_of(text);
    mr_log_token token;
    int64_t number;
    return mr_log_token_parse(text, &token) == MR_OK ||
           mri_fixed_parse_count(slice, &number) == MR_OK ||
           mri_utc_parse_duration(slice, &number) == MR_OK ||
           mri_utc_parse(slice, &number) == MR_OK;
}

/** Also of a name that is known, where it does not matter. */
static mr_err check_start(const mr_subscribe_options *wanted, mr_problem *problem)
{
    int given =
        wanted->is_from_beginning + (wanted->start_seq.n != 0) + (wanted->start_after != NULL);
    if (given > 1) {
        return mri_problem(problem, MR_REFUSED,
            "start: expected one of the beginning, an event and a moment, found %d", given);
    }
    return wanted->start_after == NULL || is_moment(wanted->start_after)
               ? MR_OK
               : mri_problem(problem, MR_REFUSED,
                     "start: expected the number of an event, a time (2025-05-04T15:34Z), an age "
                     "(2h), or what an answer called its moment, found \"%.100s\"",
                     wanted->start_after);
}

/** The delays as the cursor keeps them. */
static mr_err read_backoff(
    const mr_subscribe_options *wanted, mr_consumer_options *options, mr_problem *problem)
{
    enum { DAY_MS = 86400000 };
    if (wanted->backoff_count > MR_CONSUMER_BACK_OFF_MAX ||
        (wanted->backoff_ms == NULL && wanted->backoff_count > 0)) {
        return mri_problem(problem, MR_REFUSED, "backoff: expected up to %d delays, found %zu",
            MR_CONSUMER_BACK_OFF_MAX, wanted->backoff_count);
    }
    for (size_t i = 0; i < wanted->backoff_count; i++) {
        int64_t delay_ms = wanted->backoff_ms[i];
        if (delay_ms < 0 || delay_ms > DAY_MS) {
            return mri_problem(problem, MR_REFUSED,
                "backoff: expected delays of 0 to %d ms, found %lld", DAY_MS, (long long)delay_ms);
        }
        options->back_off_ms[i] = (uint32_t)delay_ms;
    }
    options->back_off_count = (uint32_t)wanted->backoff_count;
    return MR_OK;
}

/** How a cursor was made; MR_NOT_FOUND: there is none. */
static mr_err look_at_cursor(
    const struct mri_consumer_at *at, struct mri_consumer_rules *ret_rules, mr_problem *problem)
{
    void *block;
    if (!mri_consumer_slot_is_name(at->name)) {
        return MR_NOT_FOUND; /* who opens it says so */
    }
    mr_err err = mri_alloc_array(at->alloc, 1, sizeof(struct mri_consumer_file), &block);
    if (err != MR_OK) {
        return mri_problem(problem, err, "%s", mr_err_text(err));
    }
    struct mri_consumer_file *file = block;
    err = mri_consumer_file_open(file, at->os, at->folder, at->name, false, problem);
    if (err == MR_OK) {
        err = mri_consumer_file_look(file, problem);
    }
    if (err == MR_OK) {
        *ret_rules = file->slot.rules;
    }
    mri_consumer_file_close(file);
    mri_alloc_free(at->alloc, file, sizeof(*file));
    return err;
}

/** The event that a new name begins with; nothing is skipped in silence. */
static mr_err find_start(
    struct mr_bus *bus, const mr_subscribe_options *wanted, mr_seq *ret_seq, mr_problem *problem)
{
    mr_log_token moment;
    uint64_t first = 0;
    mr_seq start = wanted->start_seq;
    if (wanted->start_after != NULL) {
        mr_err err = mr_bus_moment(bus, wanted->start_after, &moment, problem);
        if (err != MR_OK) {
            return err;
        }
        start.n = moment.seq + 1;
    }
    mr_err err = mri_retain_first(bus->os, bus->alloc, bus->folder, &first);
    if (err != MR_OK) {
        return mri_problem(problem, err, "%s: %s", bus->folder, mr_err_text(err));
    }
    if (start.n < first) {
        return mri_problem(problem, MR_NOT_FOUND,
            "start: event %llu was removed, the log begins with event %llu",
            (unsigned long long)start.n, (unsigned long long)first);
    }
    uint64_t last = bus->log == NULL ? start.n : mr_log_last(bus->log).n;
    if (start.n > last + 1) {
        return mri_problem(problem, MR_REFUSED, "start: the log ends with event %llu, found %llu",
            (unsigned long long)last, (unsigned long long)start.n);
    }
    *ret_seq = start;
    return MR_OK;
}

/* ---- what a name was made with --------------------------------------------------------------- */

static mr_err refuse_other(
    const char *option, const char *name, uint32_t made, uint32_t asked, mr_problem *problem)
{
    return mri_problem(problem, MR_REFUSED,
        "%s: the name \"%s\" was made with %u, which stays as it was, found %u", option, name,
        (unsigned)made, (unsigned)asked);
}

static bool is_other(uint32_t made, uint32_t asked)
{
    return asked != 0 && asked != made;
}

/** What is not given is as it was; what is given must be. */
static mr_err follow_rules(const struct mri_consumer_rules *rules, const char *name,
    mr_consumer_options *options, mr_problem *problem)
{
    if (is_other(rules->max_in_flight, options->max_in_flight)) {
        return refuse_other(
            "max_in_flight", name, rules->max_in_flight, options->max_in_flight, problem);
    }
    if (is_other(rules->max_deliver, options->max_deliver)) {
        return refuse_other("max_deliver", name, rules->max_deliver, options->max_deliver, problem);
    }
    if (is_other(rules->ack_wait_ms, options->ack_wait_ms)) {
        return refuse_other("ack_wait_ms", name, rules->ack_wait_ms, options->ack_wait_ms, problem);
    }
    if (options->back_off_count != 0 &&
        (options->back_off_count != rules->back_off_count ||
            memcmp(options->back_off_ms, rules->back_off_ms, sizeof(rules->back_off_ms)) != 0)) {
        return mri_problem(problem, MR_REFUSED,
            "backoff: the name \"%s\" was made with another list, which stays as it was", name);
    }
    options->start = (mr_consumer_start)rules->start;
    options->start_seq.n = rules->start_seq;
    options->max_in_flight = rules->max_in_flight;
    options->max_deliver = rules->max_deliver;
    options->ack_wait_ms = rules->ack_wait_ms;
    options->back_off_count = rules->back_off_count;
    memcpy(options->back_off_ms, rules->back_off_ms, sizeof(options->back_off_ms));
    return MR_OK;
}

/** Where a cursor began that is there, or where one begins that is not. */
static mr_err choose_start(const struct mri_consumer_at *at, struct mr_bus *bus,
    const mr_subscribe_options *wanted, mr_consumer_options *options, bool *ret_is_new,
    mr_problem *problem)
{
    struct mri_consumer_rules rules = {.start = MR_CONSUMER_END};
    mr_err err = look_at_cursor(at, &rules, problem);
    *ret_is_new = err == MR_NOT_FOUND;
    if (!*ret_is_new) {
        return err == MR_OK ? follow_rules(&rules, at->name, options, problem) : err;
    }
    options->start = wanted->is_from_beginning ? MR_CONSUMER_BEGINNING : MR_CONSUMER_END;
    if (wanted->start_seq.n == 0 && wanted->start_after == NULL) {
        return MR_OK;
    }
    options->start = MR_CONSUMER_SEQ;
    return find_start(bus, wanted, &options->start_seq, problem);
}

static mr_err check_in_flight(const mr_subscribe_options *wanted, mr_problem *problem)
{
    return wanted->max_in_flight <= MR_CONSUMER_IN_FLIGHT_MAX
               ? MR_OK
               : mri_problem(problem, MR_REFUSED, "max_in_flight: expected 0 to %d, found %u",
                     MR_CONSUMER_IN_FLIGHT_MAX, wanted->max_in_flight);
}

static mr_err open_consumer(struct mr_subscription *subscription, const char *name,
    const mr_subscribe_options *wanted, mr_problem *problem)
{
    enum { TURNS = 2 }; /* another process may make it between the look and the opening */
    struct mr_bus *bus = subscription->bus;
    const struct mri_consumer_at at = {
        .os = bus->os, .alloc = bus->alloc, .folder = bus->folder, .name = name};
    mr_err err = mri_bus_api_check_place(bus, problem);
    bool is_new = true;
    if (err != MR_OK) {
        return err;
    }
    err = MR_EINVAL;
    for (int turn = 0; turn < TURNS && is_new && err == MR_EINVAL; turn++) {
        mr_consumer_options options = {
            .max_in_flight = wanted->max_in_flight,
            .max_deliver = wanted->max_deliver,
            .ack_wait_ms = wanted->ack_wait_ms,
            .log = bus->log,
        };
        err = check_in_flight(wanted, problem);
        if (err == MR_OK) {
            err = read_backoff(wanted, &options, problem);
        }
        if (err == MR_OK) {
            err = choose_start(&at, bus, wanted, &options, &is_new, problem);
        }
        if (err != MR_OK) {
            return err;
        }
        err = mri_consumer_open(&at, &options, &subscription->consumer, problem);
        err = mri_read_only_explain(bus->os, bus->alloc, bus->folder, err, problem);
        subscription->ack_wait_ms =
            options.ack_wait_ms == 0 ? MR_CONSUMER_ACK_WAIT_MS : options.ack_wait_ms;
    }
    return err;
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
    mr_err err = check_start(wanted, reterr_problem);
    if (err != MR_OK) {
        return err;
    }
    err = mri_alloc_array(bus->alloc, 1, sizeof(struct mr_subscription), &block);
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
        err = open_consumer(subscription, name, wanted, reterr_problem);
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
        err = mri_bus_api_tell_place(subscription->bus, err, taking->problem);
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
    mr_err err = mri_bus_api_check_place(subscription->bus, reterr_problem);
    if (err == MR_OK) {
        err = take(&taking, own_room, UINT32_MAX, &look);
    }
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

mr_err mr_subscription_nack(mr_subscription *subscription, mr_seq seq, int64_t delay_ms,
    const char *reason, mr_problem *reterr_problem)
{
    return mr_consumer_nack(subscription == NULL ? NULL : subscription->consumer, seq, delay_ms,
        reason, reterr_problem);
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
