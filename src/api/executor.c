/* SPDX-License-Identifier: MIT */
/*
 * The one who takes orders to a venue.
 *
 *   open orders as of the opening | intents behind it, by the subscription
 *
 * Invariants
 *  1. Nothing is handed out that a power cut could take back: the log is synced before.
 *  2. Each order that lives is handed out at least once after an opening: it is among the open
 * ones, or its intent lies behind them.
 */
#include <stdlib.h>

#include "api/order.h"
#include "base/problem.h"
#include "log/open/append.h"
#include "pipeline/seat.h"

/** An order that may have lived when the executor came. */
struct open_order {
    uint64_t intent_seq;
    uint64_t ordinal;
};

struct mr_executor {
    mr_bus *bus;
    struct mri_seat seat;
    mr_subscription *subscription;
    struct open_order *open; /* oldest first */
    uint32_t open_count;
    uint32_t next;       /* of them */
    uint64_t opened_seq; /* the open orders are those as of this event */
};

static int compare(const void *a, const void *b)
{
    uint64_t x = ((const struct open_order *)a)->intent_seq;
    uint64_t y = ((const struct open_order *)b)->intent_seq;
    return x < y ? -1 : x > y;
}

static mr_err list_open(struct mr_executor *executor)
{
    const struct mri_fold *fold = &executor->bus->fold;
    uint32_t count = fold->bus.orders.live_count;
    void *block;
    executor->opened_seq = fold->bus.last_seq;
    if (count == 0) {
        return MR_OK;
    }
    mr_err err = mri_alloc_array(executor->bus->alloc, count, sizeof(*executor->open), &block);
    if (err != MR_OK) {
        return err;
    }
    executor->open = block;
    executor->open_count = count;
    uint32_t at = 0;
    for (uint32_t i = 0; i < fold->bus.orders.queue.count && at < count; i++) {
        uint32_t ordinal;
        unsigned leg;
        const struct mri_table_order *order =
            mri_order_table_at(&fold->bus.orders, i, &ordinal, &leg);
        if (mri_order_is_live((enum mri_order_state)order->state)) {
            executor->open[at++] = (struct open_order){order->intent_seq, ordinal};
        }
    }
    qsort(executor->open, count, sizeof(*executor->open), compare);
    return MR_OK;
}

static mr_err open_steps(struct mr_executor *executor, const char *name, mr_problem *problem)
{
    mr_bus *bus = executor->bus;
    const mr_subscribe_options options = {.kind = "order.intent"};
    mr_err err = mri_bus_api_may_append(bus, problem);
    if (err == MR_OK) {
        err = mri_bus_api_check_place(bus, problem);
    }
    if (err == MR_OK) {
        err = mri_seat_take(bus->os, bus->folder, MRI_SEAT_EXECUTOR, &executor->seat, problem);
    }
    if (err == MR_OK) {
        err = mr_bus_subscribe(bus, name, &options, &executor->subscription, problem);
    }
    if (err == MR_OK) { /* after the subscription has its place: nothing lies between */
        err = mri_bus_api_follow(bus, problem);
    }
    if (err == MR_OK) {
        err = list_open(executor);
        err = err == MR_OK ? MR_OK : mri_problem(problem, err, "%s", mr_err_text(err));
    }
    return err;
}

mr_err mr_executor_open(
    mr_bus *bus, const char *name, mr_executor **ret_executor, mr_problem *reterr_problem)
{
    void *block;
    if (bus == NULL || name == NULL || ret_executor == NULL) {
        return mri_problem(reterr_problem, MR_EINVAL, "a bus, and the name of the subscription");
    }
    MRI_ASSERT(bus->magic == MRI_BUS_API_MAGIC);
    mr_err err = mri_alloc_array(bus->alloc, 1, sizeof(struct mr_executor), &block);
    if (err != MR_OK) {
        return mri_problem(reterr_problem, err, "%s", mr_err_text(err));
    }
    struct mr_executor *executor = block;
    executor->bus = bus;
    err = open_steps(executor, name, reterr_problem);
    if (err != MR_OK) {
        mr_executor_close(executor);
        return err;
    }
    *ret_executor = executor;
    return MR_OK;
}

void mr_executor_close(mr_executor *executor)
{
    if (executor != NULL) {
        const struct mri_alloc *alloc = executor->bus->alloc;
        mr_subscription_close(executor->subscription);
        mri_seat_leave(&executor->seat);
        mri_alloc_free(alloc, executor->open, executor->open_count * sizeof(*executor->open));
        mri_alloc_free(alloc, executor, sizeof(*executor));
    }
}

/** The order of an intent, if it is one for executors and lives; false: it is not. */
static bool find_live(const struct mr_executor *executor, uint64_t intent_seq, uint32_t ordinal,
    struct mri_order_view *ret_view)
{
    const struct mri_fold *fold = &executor->bus->fold;
    for (unsigned leg = 0; leg < MRI_LEG_COUNT; leg++) {
        const struct mri_table_order *order = mri_order_table_find(&fold->bus.orders, ordinal, leg);
        bool is_this = order != NULL && order->intent_seq == intent_seq &&
                       mri_order_is_live((enum mri_order_state)order->state);
        if (is_this) {
            *ret_view = mri_order_desk_view(fold, order, ordinal, leg);
            return true;
        }
    }
    return false;
}

/** Hand an order out, once it is durable. */
static mr_err hand_out(const struct mr_executor *executor, const struct mri_order_view *view,
    mr_order *ret_order, mr_problem *problem)
{
    const struct mr_bus *bus = executor->bus;
    mr_err err =
        mr_log_durable(bus->log).n >= view->order->intent_seq ? MR_OK : mr_log_sync(bus->log);
    if (err == MR_OK) {
        err = mri_order_fill(bus, view, ret_order);
    }
    return err == MR_OK || mri_bus_api_explain_place(bus, err, problem)
               ? err
               : mri_problem(problem, err, "order %s: %s", view->id, mr_err_text(err));
}

mr_err mr_executor_next(mr_executor *executor, mr_order *ret_order, mr_problem *reterr_problem)
{
    struct mri_order_view view;
    if (executor == NULL || ret_order == NULL) {
        return mri_problem(reterr_problem, MR_EINVAL, "an executor, and room for an order");
    }
    mr_err err = mri_bus_api_follow(executor->bus, reterr_problem);
    while (err == MR_OK && executor->next < executor->open_count) {
        const struct open_order *open = &executor->open[executor->next++];
        if (find_live(executor, open->intent_seq, (uint32_t)open->ordinal, &view)) {
            return hand_out(executor, &view, ret_order, reterr_problem);
        }
    }
    while (err == MR_OK) {
        mr_bus_event event;
        err = mr_subscription_next(executor->subscription, &event, reterr_problem);
        if (err == MR_REWOUND || err == MR_NOT_FOUND) {
            err = MR_OK; /* what is gone was never handed out, or is among the open ones */
            continue;
        }
        if (err == MR_OK) {
            err = mri_bus_api_follow(executor->bus, reterr_problem);
        }
        if (err != MR_OK) {
            return err;
        }
        if (event.seq.n > executor->opened_seq &&
            find_live(executor, event.seq.n, event.ordinal.n, &view)) {
            return hand_out(executor, &view, ret_order, reterr_problem);
        }
        err = mr_subscription_ack(executor->subscription, event.seq, reterr_problem);
    }
    return err;
}

mr_err mr_executor_ack(mr_executor *executor, const mr_order *order, mr_problem *reterr_problem)
{
    if (executor == NULL || order == NULL) {
        return mri_problem(reterr_problem, MR_EINVAL, "an executor, and an order");
    }
    if (order->intent.n <= executor->opened_seq) {
        return MR_OK;
    }
    mr_err err = mr_subscription_ack(executor->subscription, order->intent, reterr_problem);
    return err == MR_CONFLICT ? MR_OK : err; /* the lease was over: it comes again, as what it is */
}

mr_err mr_executor_wait(mr_executor *executor, int64_t timeout_ms, mr_problem *reterr_problem)
{
    if (executor == NULL) {
        return mri_problem(reterr_problem, MR_EINVAL, "an executor is missing");
    }
    return executor->next < executor->open_count
               ? MR_OK
               : mr_subscription_wait(executor->subscription, timeout_ms, reterr_problem);
}
