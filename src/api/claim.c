/* SPDX-License-Identifier: MIT */
/*
 * Claims of millrace/bus.h.
 *
 * Invariants
 *  1. The lease is written before the claim is logged, with the seq that the claim will have: a
 *     claim of the log without a lease has an owner who is gone.
 *  2. A claim is this handle's while the log has it in force with the seq that the handle was
 * given, and its lease is not over, whether or not that is logged yet; a move that names it lands
 * only if nothing came in between.
 *  3. Before anything is claimed, claims that do not stand any more are ended in the log.
 */
#include "api/claim.h"

#include <stdio.h>

#include "base/problem.h"
#include "bus/lifecycle.h"
#include "os/fork.h"

#define LEASE_MIN_NS ((int64_t)1000000)
#define LEASE_MAX_NS ((int64_t)86400 * 1000000000)

MRI_STATIC_ASSERT(MR_BUS_OWNER_BYTES == MRI_INTERN_BYTES_MAX + 1, "a name and its NUL");

/* ---- the handle's part ----------------------------------------------------------------------- */

static mr_err begin_claiming(struct mr_bus *bus, mr_problem *problem)
{
    void *block;
    mr_err err = mri_bus_api_check_place(bus, problem); /* leases are written by their path */
    if (err != MR_OK || bus->claiming != NULL) {
        return err;
    }
    err = mri_alloc_array(bus->alloc, 1, sizeof(*bus->claiming), &block);
    if (err == MR_OK) {
        struct mri_claiming *claiming = block;
        err = mri_claim_watch_init(&claiming->watch, bus->os, bus->alloc, bus->folder);
        bus->claiming = claiming;
    }
    return err == MR_OK ? MR_OK : mri_problem(problem, err, "%s", mr_err_text(err));
}

/** The index of this worker's place; a place of another is none: MRI_CLAIM_EACH_MAX. */
static uint32_t own_index(const struct mr_bus *bus, uint32_t place)
{
    int worker = bus->claiming == NULL ? -1 : bus->claiming->watch.leases.worker;
    bool is_own = worker >= 0 && place != 0 && (place - 1) / MRI_CLAIM_EACH_MAX == (uint32_t)worker;
    return is_own ? (place - 1) % MRI_CLAIM_EACH_MAX : MRI_CLAIM_EACH_MAX;
}

uint64_t mri_claim_own(const struct mr_bus *bus, uint32_t ordinal)
{
    const struct mri_claim *claim =
        bus->claiming == NULL ? NULL : mri_claims_find(&bus->fold.bus.claims, ordinal);
    if (claim == NULL || claim->seq == 0) {
        return 0;
    }
    uint32_t index = own_index(bus, claim->place);
    bool is_own = index < MRI_CLAIM_EACH_MAX && bus->claiming->own[index].seq == claim->seq;
    return is_own ? claim->seq : 0;
}

static void drop(struct mr_bus *bus, uint32_t place)
{
    uint32_t index = own_index(bus, place);
    if (index < MRI_CLAIM_EACH_MAX) {
        bus->claiming->own[index] = (struct mri_own_claim){0};
        mri_claim_leases_drop(&bus->claiming->watch.leases, place);
    }
}

/** The place of the claim that the handle was given on a signal, in force or not; 0: none. */
static uint32_t place_of(const struct mr_bus *bus, uint32_t ordinal)
{
    int worker = bus->claiming == NULL ? -1 : bus->claiming->watch.leases.worker;
    for (uint32_t i = 0; worker >= 0 && i < MRI_CLAIM_EACH_MAX; i++) {
        const struct mri_own_claim *own = &bus->claiming->own[i];
        if (own->seq != 0 && own->ordinal == ordinal) {
            return (uint32_t)worker * MRI_CLAIM_EACH_MAX + i + 1;
        }
    }
    return 0;
}

/** A free place; those of claims that have ended are free. */
static uint32_t free_place(struct mr_bus *bus)
{
    struct mri_claim_leases *leases = &bus->claiming->watch.leases;
    uint32_t place = mri_claim_leases_free_place(leases);
    if (place != 0) {
        return place;
    }
    for (uint32_t i = 0; i < MRI_CLAIM_EACH_MAX; i++) {
        const struct mri_own_claim *own = &bus->claiming->own[i];
        if (mri_claims_seq(&bus->fold.bus.claims, own->ordinal) != own->seq) {
            drop(bus, (uint32_t)leases->worker * MRI_CLAIM_EACH_MAX + i + 1);
        }
    }
    return mri_claim_leases_free_place(leases);
}

mr_err mri_claim_keep_routes(struct mr_bus *bus, const struct mri_config *config)
{
    void *block = NULL;
    mr_err err = config->route_count == 0 ? MR_OK
                                          : mri_alloc_array(bus->alloc, config->route_count,
                                                sizeof(*bus->routes), &block);
    if (err != MR_OK) {
        return err;
    }
    mri_alloc_free(bus->alloc, bus->routes, bus->route_count * sizeof(*bus->routes));
    bus->routes = block;
    bus->route_count = config->route_count;
    for (uint32_t i = 0; i < config->route_count; i++) {
        bus->routes[i] = config->routes[i];
    }
    return MR_OK;
}

/* ---- checking -------------------------------------------------------------------------------- */

static mr_err check_lease(int64_t lease_ns, mr_problem *problem)
{
    return lease_ns >= LEASE_MIN_NS && lease_ns <= LEASE_MAX_NS
               ? MR_OK
               : mri_problem(problem, MR_REFUSED, "lease: expected 1 ms to 24 h, found %.9g s",
                     (double)lease_ns / 1e9);
}

/** What is claimed, in the bus's terms. */
struct wanted {
    const mr_claim_options *options;
    struct mri_slice owner;
    uint32_t symbol; /* UINT32_MAX: any */
};

static mr_err read_options(const struct mr_bus *bus, const mr_claim_options *options,
    struct wanted *ret_wanted, mr_problem *problem)
{
    *ret_wanted = (struct wanted){.options = options, .symbol = UINT32_MAX};
    if (options->owner == NULL || !mri_route_is_name(mri_slice_of(options->owner))) {
        return mri_problem(problem, MR_REFUSED,
            "owner: expected 1 to %d bytes of UTF-8 without control characters",
            MRI_INTERN_BYTES_MAX);
    }
    ret_wanted->owner = mri_slice_of(options->owner);
    if ((unsigned)options->from >= MR_STATE_COUNT || (unsigned)options->next >= MR_STATE_COUNT ||
        !mri_lifecycle_allows(options->from, options->next) || options->from > MR_EXECUTING) {
        const char *from = mr_state_text(options->from);
        const char *next = mr_state_text(options->next);
        return mri_problem(problem, MR_REFUSED,
            "nobody can claim a signal to move it from %s to %s", from == NULL ? "?" : from,
            next == NULL ? "?" : next);
    }
    if (options->ordinal.n != 0 && (options->symbol != NULL || options->source != NULL)) {
        return mri_problem(problem, MR_REFUSED, "%s: expected none where one signal is named",
            options->symbol != NULL ? "symbol" : "source");
    }
    if (options->symbol != NULL &&
        mri_instruments_find(&bus->fold.wiring.market.instruments, mri_slice_of(options->symbol),
            &ret_wanted->symbol) != MR_OK) {
        return mri_problem(
            problem, MR_REFUSED, "symbol: \"%.60s\" is not registered", options->symbol);
    }
    if (options->source != NULL && !mri_route_is_name(mri_slice_of(options->source))) {
        return mri_problem(problem, MR_REFUSED,
            "source: expected 1 to %d bytes of UTF-8 without control characters",
            MRI_INTERN_BYTES_MAX);
    }
    return check_lease(options->lease_ns, problem);
}

/** The worker that a signal is routed to; NULL: anybody may claim it. */
static const char *routed_to(const struct mr_bus *bus, const struct mri_slot *slot)
{
    const struct mri_routes routes = {bus->routes, bus->route_count};
    const struct mri_route *route =
        mri_routes_find(&routes, mri_intern_text(&bus->fold.bus.sources, slot->source));
    return route != NULL && route->kind == MRI_ROUTE_EXTERNAL ? route->worker : NULL;
}

static bool may_claim(
    const struct mr_bus *bus, const struct wanted *wanted, const struct mri_slot *slot)
{
    const char *worker = routed_to(bus, slot);
    return worker == NULL || mri_slice_is(wanted->owner, worker);
}

/** Is the signal of the kind that is looked for, and free? */
static bool is_candidate(const struct mr_bus *bus, const struct wanted *wanted, uint32_t ordinal)
{
    const struct mri_bus *tables = &bus->fold.bus;
    const mr_claim_options *options = wanted->options;
    const struct mri_slot *slot = mri_slots_get(&tables->slots, ordinal);
    const struct mri_claim *claim = mri_claims_find(&tables->claims, ordinal);
    bool is_free = claim == NULL ? slot->state == MR_GENERATED : claim->seq == 0;
    return is_free && (wanted->symbol == UINT32_MAX || wanted->symbol == slot->symbol) &&
           (options->source == NULL ||
               mri_slice_is(mri_intern_text(&tables->sources, slot->source), options->source)) &&
           may_claim(bus, wanted, slot);
}

/** The signal to claim: the one that is named, or the one that is in its state longest. */
static mr_err pick(const struct mr_bus *bus, const struct wanted *wanted, uint32_t *ret_ordinal,
    mr_problem *problem)
{
    const struct mri_slots *slots = &bus->fold.bus.slots;
    uint32_t ordinal = wanted->options->ordinal.n;
    if (ordinal != 0) {
        const struct mri_slot *slot = mri_slots_get(slots, ordinal);
        *ret_ordinal = ordinal;
        if (slot == NULL) {
            return mri_problem(problem, MR_NOT_FOUND, "there is no signal %u", ordinal);
        }
        return may_claim(bus, wanted, slot)
                   ? MR_OK
                   : mri_problem(problem, MR_REFUSED,
                         "signal %u is of a source that is routed to the worker \"%s\"", ordinal,
                         routed_to(bus, slot));
    }
    ordinal = slots->states[wanted->options->from].first;
    while (ordinal != 0 && !is_candidate(bus, wanted, ordinal)) {
        ordinal = mri_slots_get(slots, ordinal)->state_next;
    }
    *ret_ordinal = ordinal;
    return ordinal != 0 ? MR_OK : mri_problem(problem, MR_END, "there is nothing to claim now");
}

/* ---- claiming -------------------------------------------------------------------------------- */

/** Log the end of claims that do not stand any more. */
static mr_err end_lost(struct mr_bus *bus, mr_problem *problem)
{
    struct mri_claim_watch *watch = &bus->claiming->watch;
    for (;;) {
        uint32_t ordinal;
        mr_err err = mri_claim_watch_next(watch, &bus->fold.bus, &bus->batch, &ordinal);
        if (err != MR_OK) {
            return err == MR_END
                       ? MR_OK
                       : mri_problem(problem, err, "%s: %s", watch->leases.path, mr_err_text(err));
        }
        err = mri_bus_append(&bus->fold.bus, &bus->batch, MR_ASYNC, NULL, NULL);
        mri_claim_watch_done(watch);
        if (err == MR_AGAIN) {
            err = mri_bus_api_follow(bus, problem);
            if (err != MR_OK) {
                return err;
            }
        } else if (err != MR_OK && err != MR_CONFLICT) {
            return mri_bus_api_explain(bus, err, bus->fold.bus.full, problem);
        }
    }
}

mr_err mri_claim_end_lost(struct mr_bus *bus, mr_problem *reterr_problem)
{
    mr_err err = mri_bus_api_follow(bus, reterr_problem);
    if (err == MR_OK) {
        err = begin_claiming(bus, reterr_problem);
    }
    return err == MR_OK ? end_lost(bus, reterr_problem) : err;
}

static mr_err draft_claim(
    struct mr_bus *bus, const struct wanted *wanted, uint32_t ordinal, uint32_t place)
{
    const struct mri_slot *slot = mri_slots_get(&bus->fold.bus.slots, ordinal);
    const struct mri_signal_claimed fixed = {
        .signal = mri_batch_ref(&bus->batch, slot->generated_seq),
        .lease_ns = wanted->options->lease_ns,
        .place = place,
        .act = MRI_CLAIM_TAKEN,
        .from = (uint8_t)wanted->options->from,
        .next = (uint8_t)wanted->options->next,
    };
    const struct mri_draft draft = {
        .type = MRI_EVENT_SIGNAL_CLAIMED, .fixed = &fixed, .texts = {wanted->owner}};
    return mri_batch_add(&bus->batch, &draft, ordinal);
}

/** Write the lease and log the claim; MR_AGAIN: somebody was faster. */
static mr_err try_claim(struct mr_bus *bus, const struct wanted *wanted, uint32_t ordinal,
    mr_durability durability, struct mri_bus_conflict *conflict, mr_claim *ret_claim)
{
    struct mri_claim_leases *leases = &bus->claiming->watch.leases;
    uint32_t place = free_place(bus);
    if (place == 0) {
        bus->fold.bus.full = NULL;
        return MR_FULL;
    }
    mri_bus_begin(&bus->fold.bus, &bus->batch);
    uint64_t seq = mri_batch_next_seq(&bus->batch);
    int64_t until_ns = bus->os->boottime_ns(bus->os->context) + wanted->options->lease_ns;
    mr_err err = draft_claim(bus, wanted, ordinal, place);
    if (err == MR_OK) {
        err = mri_claim_leases_put(leases, place, seq, until_ns);
    }
    if (err == MR_OK) {
        err = mri_bus_append(&bus->fold.bus, &bus->batch, durability, NULL, conflict);
    }
    if (err != MR_OK && err != MR_EUNKNOWN) {
        mri_claim_leases_drop(leases, place);
        return err;
    }
    drop(bus, place_of(bus, ordinal)); /* of one that has ended */
    bus->claiming->own[own_index(bus, place)] =
        (struct mri_own_claim){.seq = seq, .until_ns = until_ns, .ordinal = ordinal};
    *ret_claim = (mr_claim){.ordinal = {ordinal},
        .seq = {seq},
        .from = wanted->options->from,
        .next = wanted->options->next,
        .place = place};
    return err;
}

static mr_err explain_claim(struct mr_bus *bus, mr_err err, uint32_t ordinal, mr_problem *problem)
{
    if (err == MR_REFUSED) {
        return mri_problem(problem, err, "signal %u is %s: the pipeline has begun to decide on it",
            ordinal, mr_state_text((mr_state)mri_slots_get(&bus->fold.bus.slots, ordinal)->state));
    }
    if (err == MR_FULL && bus->fold.bus.full == NULL) {
        return mri_problem(problem, err, "this handle has %d claims already", MRI_CLAIM_EACH_MAX);
    }
    return mri_bus_api_explain(bus, err, bus->fold.bus.full, problem);
}

mr_err mr_bus_claim(mr_bus *bus, const mr_claim_options *options, mr_durability durability,
    mr_claim *ret_claim, mr_move_conflict *reterr_conflict, mr_problem *reterr_problem)
{
    struct mri_bus_conflict conflict = {0};
    struct wanted wanted;
    uint32_t ordinal = 0;
    if (bus == NULL || options == NULL || ret_claim == NULL) {
        return mri_problem(reterr_problem, MR_EINVAL, "a bus, options, and room for a claim");
    }
    MRI_ASSERT(bus->magic == MRI_BUS_API_MAGIC);
    mr_err err = mri_bus_api_may_append(bus, reterr_problem);
    if (err == MR_OK) {
        err = mri_bus_api_follow(bus, reterr_problem);
    }
    if (err == MR_OK) {
        err = read_options(bus, options, &wanted, reterr_problem);
    }
    if (err == MR_OK) {
        err = begin_claiming(bus, reterr_problem);
    }
    if (err == MR_OK) {
        err = mri_claim_leases_attach(&bus->claiming->watch.leases, reterr_problem);
    }
    if (err != MR_OK) {
        return err;
    }
    do {
        err = mri_bus_api_follow(bus, reterr_problem);
        if (err == MR_OK) {
            err = end_lost(bus, reterr_problem);
        }
        if (err == MR_OK) {
            err = pick(bus, &wanted, &ordinal, reterr_problem);
        }
        if (err != MR_OK) {
            return err;
        }
        err = try_claim(bus, &wanted, ordinal, durability, &conflict, ret_claim);
    } while (err == MR_AGAIN);
    if (err == MR_CONFLICT) {
        return mri_bus_api_conflict(bus, &conflict, reterr_conflict, reterr_problem);
    }
    return err == MR_OK ? MR_OK : explain_claim(bus, err, ordinal, reterr_problem);
}

static mr_err wait_for_claims(struct mr_bus *bus, int64_t timeout_ms)
{
    return mri_claim_watch_wait(&bus->claiming->watch, &bus->fold.bus, bus->fold.lead, timeout_ms);
}

mr_err mr_bus_claim_wait(mr_bus *bus, int64_t timeout_ms, mr_problem *reterr_problem)
{
    if (bus == NULL) {
        return mri_problem(reterr_problem, MR_EINVAL, "a bus is missing");
    }
    MRI_ASSERT(bus->magic == MRI_BUS_API_MAGIC);
    mr_err err = bus->has_fold ? MR_OK : mri_bus_api_follow(bus, reterr_problem);
    if (err == MR_OK) {
        err = begin_claiming(bus, reterr_problem);
    }
    if (err != MR_OK) {
        return err;
    }
    err = mri_bus_api_wait(bus, wait_for_claims, timeout_ms, reterr_problem);
    return err == MR_OK || err == MR_AGAIN || mri_bus_api_explain_place(bus, err, reterr_problem)
               ? err
               : mri_problem(reterr_problem, err, "%s: %s", bus->folder, mr_err_text(err));
}

/* ---- having claimed -------------------------------------------------------------------------- */

/** The claim is not in force any more: who has the signal, or what became of it. */
static mr_err tell_ended(struct mr_bus *bus, const mr_claim *claim, bool is_lease_over,
    mr_move_conflict *reterr_conflict, mr_problem *problem)
{
    const struct mri_slot *slot = mri_slots_get(&bus->fold.bus.slots, claim->ordinal.n);
    if (slot == NULL) {
        return mri_problem(problem, MR_NOT_FOUND, "there is no signal %u", claim->ordinal.n);
    }
    uint64_t other_seq = mri_claims_seq(&bus->fold.bus.claims, claim->ordinal.n);
    bool is_claimed = other_seq != 0 && other_seq != claim->seq.n;
    const struct mri_bus_conflict conflict = {
        .ordinal = claim->ordinal.n,
        .found = (mr_state)slot->state,
        .winner_seq = is_claimed ? other_seq : slot->last_seq,
        .is_claimed = is_claimed,
    };
    mr_err err = mri_bus_api_conflict(bus, &conflict, reterr_conflict, problem);
    return is_claimed
               ? err
               : mri_problem(problem, MR_CONFLICT,
                     "signal %u is %s: the claim of event %llu has ended%s (event %llu)",
                     claim->ordinal.n, mr_state_text((mr_state)slot->state),
                     (unsigned long long)claim->seq.n, is_lease_over ? ", its lease is over" : "",
                     (unsigned long long)slot->last_seq);
}

/**
 * Take in what others have done, and see that the claim is in force. One whose lease is over is
 * not, and is ended in the log; if somebody else is just judging it, by him.
 */
static mr_err check_own(struct mr_bus *bus, const mr_claim *claim,
    mr_move_conflict *reterr_conflict, mr_problem *problem)
{
    mr_err err = mri_bus_api_follow(bus, problem);
    if (err != MR_OK) {
        return err;
    }
    uint32_t index = own_index(bus, claim->place);
    bool is_known =
        index < MRI_CLAIM_EACH_MAX && bus->claiming->own[index].seq == claim->seq.n; /* else told */
    bool is_lease_over =
        is_known && bus->os->boottime_ns(bus->os->context) >= bus->claiming->own[index].until_ns;
    if (is_known && mri_claim_own(bus, claim->ordinal.n) == claim->seq.n) {
        if (!is_lease_over) {
            return MR_OK;
        }
        err = end_lost(bus, problem);
        if (err != MR_OK) {
            return err;
        }
    }
    if (is_known) {
        drop(bus, claim->place);
    }
    return tell_ended(bus, claim, is_lease_over, reterr_conflict, problem);
}

mr_err mri_claim_check_own(struct mr_bus *bus, uint32_t ordinal, mr_move_conflict *reterr_conflict,
    mr_problem *reterr_problem)
{
    uint32_t place = place_of(bus, ordinal);
    if (place == 0) {
        return MR_OK;
    }
    const mr_claim claim = {.ordinal = {ordinal},
        .seq = {bus->claiming->own[own_index(bus, place)].seq},
        .place = place};
    return check_own(bus, &claim, reterr_conflict, reterr_problem);
}

void mri_claim_moved(struct mr_bus *bus, uint32_t ordinal, mr_state to)
{
    if (mri_lifecycle_is_over(to)) {
        drop(bus, place_of(bus, ordinal));
    }
}

mr_err mr_claim_renew(
    mr_bus *bus, const mr_claim *claim, int64_t lease_ns, mr_problem *reterr_problem)
{
    if (bus == NULL || claim == NULL) {
        return mri_problem(reterr_problem, MR_EINVAL, "a bus, and a claim");
    }
    MRI_ASSERT(bus->magic == MRI_BUS_API_MAGIC);
    mr_err err = check_lease(lease_ns, reterr_problem);
    if (err == MR_OK) {
        err = check_own(bus, claim, NULL, reterr_problem);
    }
    if (err != MR_OK) {
        return err;
    }
    struct mri_claim_leases *leases = &bus->claiming->watch.leases;
    int64_t until_ns = bus->os->boottime_ns(bus->os->context) + lease_ns;
    err = mri_claim_leases_renew(leases, claim->place, claim->seq.n, until_ns);
    if (err == MR_OK) {
        bus->claiming->own[own_index(bus, claim->place)].until_ns = until_ns;
        return MR_OK;
    }
    return err == MR_CONFLICT /* since it was looked at */
               ? mri_problem(reterr_problem, err, "signal %u: the lease is over", claim->ordinal.n)
               : mri_problem(reterr_problem, err, "%s: %s", leases->path, mr_err_text(err));
}

mr_err mr_claim_move(mr_bus *bus, const mr_claim *claim, const mr_move *move,
    mr_durability durability, mr_move_conflict *reterr_conflict, mr_problem *reterr_problem)
{
    struct mri_bus_conflict conflict = {0};
    if (bus == NULL || claim == NULL || move == NULL) {
        return mri_problem(reterr_problem, MR_EINVAL, "a bus, a claim, and a move");
    }
    MRI_ASSERT(bus->magic == MRI_BUS_API_MAGIC);
    mr_move own = *move;
    own.ordinal = claim->ordinal;
    mr_err err = MR_AGAIN;
    while (err == MR_AGAIN) {
        err = check_own(bus, claim, reterr_conflict, reterr_problem);
        if (err == MR_OK) {
            mri_bus_begin(&bus->fold.bus, &bus->batch);
            err = mri_bus_api_draft_move(bus, &own, claim->seq.n, reterr_problem);
        }
        if (err != MR_OK) {
            return err;
        }
        err = mri_bus_append(&bus->fold.bus, &bus->batch, durability, NULL, &conflict);
    }
    if (err == MR_CONFLICT) {
        return mri_bus_api_conflict(bus, &conflict, reterr_conflict, reterr_problem);
    }
    bool is_logged = err == MR_OK || err == MR_EUNKNOWN;
    if (is_logged && mri_lifecycle_is_over(own.to)) {
        drop(bus, claim->place);
    }
    return err == MR_OK ? MR_OK : mri_bus_api_explain(bus, err, bus->fold.bus.full, reterr_problem);
}

static mr_err draft_release(struct mr_bus *bus, const struct mri_claim *claim, uint32_t ordinal)
{
    const struct mri_slot *slot = mri_slots_get(&bus->fold.bus.slots, ordinal);
    mri_bus_begin(&bus->fold.bus, &bus->batch);
    const struct mri_signal_claimed fixed = {
        .signal = mri_batch_ref(&bus->batch, slot->generated_seq),
        .claim = mri_batch_ref(&bus->batch, claim->seq),
        .act = MRI_CLAIM_RELEASED,
        .from = slot->state,
        .next = claim->next,
    };
    const struct mri_draft draft = {
        .type = MRI_EVENT_SIGNAL_CLAIMED, .fixed = &fixed, .texts = {mri_slice_of(claim->owner)}};
    return mri_batch_add(&bus->batch, &draft, ordinal);
}

mr_err mr_claim_release(
    mr_bus *bus, const mr_claim *claim, mr_durability durability, mr_problem *reterr_problem)
{
    if (bus == NULL || claim == NULL) {
        return mri_problem(reterr_problem, MR_EINVAL, "a bus, and a claim");
    }
    MRI_ASSERT(bus->magic == MRI_BUS_API_MAGIC);
    mr_err err = MR_AGAIN;
    while (err == MR_AGAIN) {
        err = check_own(bus, claim, NULL, reterr_problem);
        if (err != MR_OK) {
            return err;
        }
        err = draft_release(
            bus, mri_claims_find(&bus->fold.bus.claims, claim->ordinal.n), claim->ordinal.n);
        if (err == MR_OK) {
            err = mri_bus_append(&bus->fold.bus, &bus->batch, durability, NULL, NULL);
        }
    }
    if (err == MR_OK || err == MR_EUNKNOWN) {
        drop(bus, claim->place);
    }
    return err == MR_OK ? MR_OK : mri_bus_api_explain(bus, err, bus->fold.bus.full, reterr_problem);
}

mr_err mr_bus_claimant(mr_bus *bus, mr_ordinal ordinal, mr_claimant *ret_claimant)
{
    MRI_ASSERT(bus->magic == MRI_BUS_API_MAGIC);
    mr_err err = mri_bus_api_follow(bus, NULL);
    if (err != MR_OK) {
        return err;
    }
    const struct mri_claim *claim = mri_claims_find(&bus->fold.bus.claims, ordinal.n);
    if (claim == NULL || claim->seq == 0) {
        return MR_NOT_FOUND;
    }
    *ret_claimant = (mr_claimant){.seq = {claim->seq}, .next = (mr_state)claim->next};
    (void)snprintf(ret_claimant->owner, sizeof(ret_claimant->owner), "%s", claim->owner);
    return MR_OK;
}

void mri_claim_close(struct mr_bus *bus)
{
    struct mri_claiming *claiming = bus->claiming;
    mri_alloc_free(bus->alloc, bus->routes, bus->route_count * sizeof(*bus->routes));
    bus->routes = NULL;
    bus->route_count = 0;
    if (claiming == NULL) {
        return;
    }
    const struct mri_claim_leases *leases = &claiming->watch.leases;
    bool is_ours = leases->worker >= 0 && leases->fork_count == mri_fork_count();
    for (uint32_t i = 0; is_ours && i < MRI_CLAIM_EACH_MAX; i++) {
        const mr_claim claim = {
            .ordinal = {claiming->own[i].ordinal},
            .seq = {claiming->own[i].seq},
            .place = (uint32_t)leases->worker * MRI_CLAIM_EACH_MAX + i + 1,
        };
        /* What cannot be given back ends with the lock that goes now. */
        is_ours = claim.seq.n == 0 || mr_claim_release(bus, &claim, MR_ASYNC, NULL) != MR_EPOISONED;
    }
    mri_claim_watch_fini(&claiming->watch);
    mri_alloc_free(bus->alloc, claiming, sizeof(*claiming));
    bus->claiming = NULL;
}
