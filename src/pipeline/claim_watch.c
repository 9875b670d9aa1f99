/* SPDX-License-Identifier: MIT */
/*
 * Watching claims.
 *
 * Invariants
 *  1. Every claim of the table is due to be looked at no later than its lease is over; and when its
 *     owner's process dies before, the descriptor says so.
 *  2. A process is watched before its claim is taken to stand: its lock is looked at again when the
 *     descriptor is there, so it cannot have died in between unseen.
 */
#include "pipeline/claim_watch.h"

#include <string.h>

#define AGAIN_NS   ((int64_t)1000000)    /* somebody is judging or renewing it */
#define UNKNOWN_NS ((int64_t)1000000000) /* who cannot be watched is looked at so often */

mr_err mri_claim_watch_init(struct mri_claim_watch *watch, const struct mri_os *os,
    const struct mri_alloc *alloc, const char *folder)
{
    *watch = (struct mri_claim_watch){.alloc = alloc};
    return mri_claim_leases_init(&watch->leases, os, folder);
}

static void forget_worker(struct mri_claim_watch *watch, uint32_t index)
{
    const struct mri_os *os = watch->leases.os;
    os->close(os->context, watch->workers[index].fd);
    watch->workers[index] = watch->workers[--watch->worker_count];
}

void mri_claim_watch_fini(struct mri_claim_watch *watch)
{
    if (watch == NULL || watch->alloc == NULL) {
        return;
    }
    while (watch->worker_count > 0) {
        forget_worker(watch, watch->worker_count - 1);
    }
    mri_alloc_free(watch->alloc, watch->workers, watch->worker_capacity * sizeof(*watch->workers));
    mri_claim_leases_fini(&watch->leases);
    *watch = (struct mri_claim_watch){0};
}

/* ---- workers --------------------------------------------------------------------------------- */

static mr_err make_room(struct mri_claim_watch *watch)
{
    if (watch->worker_count < watch->worker_capacity) {
        return MR_OK;
    }
    uint32_t capacity = watch->worker_capacity == 0 ? 16 : 2 * watch->worker_capacity;
    void *block = watch->workers;
    mr_err err = mri_alloc_resize(watch->alloc, &block,
        watch->worker_capacity * sizeof(*watch->workers), capacity * sizeof(*watch->workers));
    if (err == MR_OK) {
        watch->workers = block;
        watch->worker_capacity = capacity;
    }
    return err;
}

/** Watch the process; MR_AGAIN: it is watched from now on, look again. */
static mr_err watch_worker(struct mri_claim_watch *watch, const struct mri_claim_standing *standing)
{
    const struct mri_os *os = watch->leases.os;
    int fd;
    for (uint32_t i = 0; i < watch->worker_count; i++) {
        if (watch->workers[i].worker != standing->worker) {
            continue;
        }
        if (watch->workers[i].process_id == standing->process_id) {
            return MR_OK;
        }
        forget_worker(watch, i); /* the number is another process's now */
        break;
    }
    if (watch->worker_count + 1 >= MRI_WAIT_ANY_MAX) {
        return MR_NOT_FOUND;
    }
    mr_err err = make_room(watch);
    if (err == MR_OK) {
        err = os->watch_process(os->context, standing->process_id, &fd);
    }
    if (err != MR_OK) {
        return err;
    }
    watch->workers[watch->worker_count++] = (struct mri_claim_worker){
        .worker = standing->worker, .process_id = standing->process_id, .fd = fd};
    return MR_AGAIN;
}

/** A claim of a dead worker is to be looked at now. */
static int64_t due_at_death(const void *context, uint32_t ordinal, const void *item, int64_t due)
{
    const uint32_t *worker = context;
    const struct mri_claim *claim = item;
    (void)ordinal;
    bool is_his =
        claim->seq != 0 && claim->place != 0 && (claim->place - 1) / MRI_CLAIM_EACH_MAX == *worker;
    return is_his ? 0 : due;
}

/** Take note of processes that have ended. */
static mr_err note_deaths(struct mri_claim_watch *watch, struct mri_bus *bus)
{
    const struct mri_os *os = watch->leases.os;
    mr_err err = MR_OK;
    while (watch->worker_count > 0 && err == MR_OK) {
        int fds[MRI_WAIT_ANY_MAX];
        size_t index;
        for (uint32_t i = 0; i < watch->worker_count; i++) {
            fds[i] = watch->workers[i].fd;
        }
        err = os->wait_any(os->context, fds, watch->worker_count, 0, &index);
        if (err == MR_OK) {
            uint32_t worker = watch->workers[index].worker;
            forget_worker(watch, (uint32_t)index);
            mri_due_queue_retime(&bus->claims.queue, &worker, due_at_death);
        }
    }
    return err == MR_AGAIN ? MR_OK : err;
}

/* ---- claims ---------------------------------------------------------------------------------- */

static mr_err draft_end(
    struct mri_bus *bus, struct mri_batch *batch, uint32_t ordinal, enum mri_claim_act why)
{
    const struct mri_claim *claim = mri_claims_find(&bus->claims, ordinal);
    const struct mri_slot *slot = mri_slots_get(&bus->slots, ordinal);
    mri_bus_begin(bus, batch);
    const struct mri_signal_claimed body = {
        .signal = mri_batch_ref(batch, slot->generated_seq),
        .claim = mri_batch_ref(batch, claim->seq),
        .act = (uint8_t)why,
        .from = slot->state,
        .next = claim->next,
    };
    const struct mri_draft draft = {
        .type = MRI_EVENT_SIGNAL_CLAIMED, .fixed = &body, .texts = {mri_slice_of(claim->owner)}};
    return mri_batch_add(batch, &draft, ordinal);
}

/** Look at a claim that is due; MR_OK: it does not stand; MR_AGAIN: it does. */
static mr_err look(struct mri_claim_watch *watch, struct mri_bus *bus, uint32_t ordinal,
    enum mri_claim_act *ret_why)
{
    const struct mri_os *os = watch->leases.os;
    const struct mri_claim claim = *mri_claims_find(&bus->claims, ordinal);
    struct mri_claim_standing standing;
    int64_t now = os->boottime_ns(os->context);
    mr_err err = mri_claim_leases_judge(&watch->leases, &claim, &standing);
    if (err == MR_OK && !standing.is_standing) {
        watch->judged = claim;
        *ret_why = standing.why;
        return MR_OK;
    }
    int64_t due = err == MR_OK      ? standing.until_ns
                  : err == MR_AGAIN ? now + AGAIN_NS
                                    : now + UNKNOWN_NS;
    if (err == MR_OK && !standing.is_own) {
        err = watch_worker(watch, &standing);
        bool is_unseen = err == MR_NOT_FOUND || err == MR_ELIMIT;
        due = err == MR_AGAIN ? 0 : is_unseen && now + UNKNOWN_NS < due ? now + UNKNOWN_NS : due;
        err = is_unseen ? MR_OK : err;
    }
    mri_due_queue_set(&bus->claims.queue, ordinal, due);
    return err == MR_OK ? MR_AGAIN : err;
}

mr_err mri_claim_watch_next(struct mri_claim_watch *watch, struct mri_bus *bus,
    struct mri_batch *batch, uint32_t *ret_ordinal)
{
    const struct mri_os *os = watch->leases.os;
    mr_err err = note_deaths(watch, bus);
    while (err == MR_OK || err == MR_AGAIN) {
        int64_t due;
        enum mri_claim_act why;
        uint32_t ordinal = mri_due_queue_first(&bus->claims.queue, &due);
        if (ordinal == 0 || due == MRI_DUE_NEVER || due > os->boottime_ns(os->context)) {
            return MR_END;
        }
        err = look(watch, bus, ordinal, &why);
        if (err == MR_OK) {
            *ret_ordinal = ordinal;
            err = draft_end(bus, batch, ordinal, why);
            if (err != MR_OK) {
                mri_claim_watch_done(watch);
            }
            return err;
        }
    }
    return err;
}

void mri_claim_watch_done(struct mri_claim_watch *watch)
{
    if (watch->judged.place != 0) {
        mri_claim_leases_judged(&watch->leases, &watch->judged);
    }
    watch->judged = (struct mri_claim){0};
}

mr_err mri_claim_watch_wait(
    struct mri_claim_watch *watch, struct mri_bus *bus, mr_log_reader *reader, int64_t timeout_ms)
{
    const struct mri_os *os = watch->leases.os;
    int fds[MRI_WAIT_ANY_MAX];
    size_t index;
    int64_t due;
    (void)mri_due_queue_first(&bus->claims.queue, &due);
    if (due == MRI_DUE_NEVER && watch->worker_count == 0) {
        return mr_log_reader_wait(reader, timeout_ms);
    }
    mr_err err = mr_log_reader_poll_fd(reader, &fds[0], NULL);
    if (err == MR_OK) {
        err = mr_log_reader_poll_arm(reader, NULL);
    }
    if (err != MR_OK) {
        return err == MR_AGAIN ? MR_OK : err;
    }
    for (uint32_t i = 0; i < watch->worker_count; i++) {
        fds[1 + i] = watch->workers[i].fd;
    }
    bool is_endless = timeout_ms < 0 || timeout_ms > INT64_MAX / 1000000;
    int64_t timeout_ns = is_endless ? -1 : timeout_ms * 1000000;
    int64_t left_ns = due == MRI_DUE_NEVER ? INT64_MAX : due - os->boottime_ns(os->context);
    left_ns = left_ns < 0 ? 0 : left_ns;
    bool is_lease_first = left_ns != INT64_MAX && (is_endless || left_ns <= timeout_ns);
    err = os->wait_any(os->context, fds, 1 + (size_t)watch->worker_count,
        is_lease_first ? left_ns : timeout_ns, &index);
    return err == MR_AGAIN && is_lease_first ? MR_OK : err;
}
