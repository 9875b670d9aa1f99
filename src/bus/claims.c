/* SPDX-License-Identifier: MIT */
/*
 * The table of claims.
 *
 *   generated ── claim ──> claimed ── end ──> in the pipeline's hands again (still generated)
 *       │                     │  └── the owner moves on ──> claimed ── end ──> in nobody's hands
 *       └── moved from outside ───────────────────────────> in nobody's hands ── claim ──> claimed
 *                             and from anywhere: blocked, expired, executed ──> not in the table
 *
 * Invariants
 *  1. A signal has at most one claim in force.
 *  2. Whoever has a signal of another state than generated in this table is not the pipeline: it
 *     has no order for it. So claims never stand in the way of an order's facts.
 */
#include "bus/claims.h"

#include <stdlib.h>
#include <string.h>

#include "bus/lifecycle.h"
#include "bus/route.h"

MRI_STATIC_ASSERT(sizeof(struct mri_claim) % 8 == 0, "an item of a queue");

void mri_claims_init(struct mri_claims *claims, const struct mri_alloc *alloc)
{
    *claims = (struct mri_claims){0};
    mri_due_queue_init(&claims->queue, alloc, sizeof(struct mri_claim));
}

void mri_claims_fini(struct mri_claims *claims)
{
    if (claims != NULL) {
        mri_due_queue_fini(&claims->queue);
        *claims = (struct mri_claims){0};
    }
}

struct mri_claim *mri_claims_find(const struct mri_claims *claims, uint32_t ordinal)
{
    return mri_due_queue_find(&claims->queue, ordinal);
}

uint64_t mri_claims_seq(const struct mri_claims *claims, uint32_t ordinal)
{
    const struct mri_claim *claim = mri_claims_find(claims, ordinal);
    return claim == NULL ? 0 : claim->seq;
}

mr_err mri_claims_reserve(struct mri_claims *claims, uint32_t more)
{
    return mri_due_queue_reserve(&claims->queue, more);
}

static bool is_well_formed(const struct mri_event *event)
{
    const struct mri_signal_claimed *body = event->body;
    struct mri_slice owner = mri_event_text(event, MRI_TEXT_signal_claimed_owner);
    if (!mri_route_is_name(owner)) {
        return false;
    }
    if (body->act != MRI_CLAIM_TAKEN) {
        return body->claim != 0 && body->lease_ns == 0 && body->place == 0;
    }
    return body->claim == 0 && body->lease_ns > 0 &&
           mri_lifecycle_allows((mr_state)body->from, (mr_state)body->next);
}

mr_err mri_claims_check(
    const struct mri_claims *claims, const struct mri_event *event, unsigned state)
{
    const struct mri_signal_claimed *body = event->body;
    const struct mri_claim *claim = mri_claims_find(claims, event->ordinal);
    if (!is_well_formed(event)) {
        return MR_REFUSED;
    }
    if (body->from != state) {
        return MR_CONFLICT;
    }
    if (body->act != MRI_CLAIM_TAKEN) {
        bool is_in_force =
            claim != NULL && claim->seq != 0 && mri_ref_seq(body->claim, event->seq) == claim->seq;
        return is_in_force ? MR_OK : MR_CONFLICT;
    }
    if (claim != NULL && claim->seq != 0) {
        return MR_CONFLICT;
    }
    return claim != NULL || state == MR_GENERATED ? MR_OK : MR_REFUSED;
}

/** The entry of a signal, made if it is missing. */
static struct mri_claim *entry_of(struct mri_claims *claims, uint32_t ordinal)
{
    struct mri_claim *claim = mri_claims_find(claims, ordinal);
    return claim != NULL ? claim : mri_due_queue_add(&claims->queue, ordinal, MRI_DUE_NEVER);
}

static void remove_entry(struct mri_claims *claims, uint32_t ordinal)
{
    const struct mri_claim *claim = mri_claims_find(claims, ordinal);
    claims->open_count -= claim != NULL && claim->seq != 0;
    mri_due_queue_remove(&claims->queue, ordinal);
}

void mri_claims_take(struct mri_claims *claims, const struct mri_event *event, unsigned state)
{
    const struct mri_signal_claimed *body = event->body;
    if (body->act != MRI_CLAIM_TAKEN) {
        struct mri_claim *ended = mri_claims_find(claims, event->ordinal);
        if (state == MR_GENERATED) {
            remove_entry(claims, event->ordinal);
            return;
        }
        *ended = (struct mri_claim){0};
        mri_due_queue_set(&claims->queue, event->ordinal, MRI_DUE_NEVER);
        claims->open_count--;
        return;
    }
    struct mri_slice owner = mri_event_text(event, MRI_TEXT_signal_claimed_owner);
    struct mri_claim *claim = entry_of(claims, event->ordinal);
    *claim = (struct mri_claim){.seq = event->seq,
        .place = body->place,
        .from = body->from,
        .next = body->next,
        .lease_ns = body->lease_ns};
    memcpy(claim->owner, owner.bytes, owner.count);
    mri_due_queue_set(&claims->queue, event->ordinal, 0);
    claims->open_count++;
    claims->changes++;
}

void mri_claims_move(
    struct mri_claims *claims, uint32_t ordinal, const struct mri_signal_moved *move)
{
    if (mri_lifecycle_is_over((mr_state)move->to)) {
        remove_entry(claims, ordinal);
    } else if (move->cause == 0) {
        (void)entry_of(claims, ordinal);
    }
}

/** An entry as it stands in a snapshot. */
struct saved_claim {
    uint64_t ordinal;
    struct mri_claim claim;
};

static int compare_ordinals(const void *a, const void *b)
{
    struct saved_claim x;
    struct saved_claim y;
    memcpy(&x, a, sizeof(x)); /* a buffer's bytes may have any alignment */
    memcpy(&y, b, sizeof(y));
    return x.ordinal < y.ordinal ? -1 : x.ordinal > y.ordinal;
}

void mri_claims_save(const struct mri_claims *claims, struct mri_buf *buf)
{
    const struct mri_due_queue *queue = &claims->queue;
    mri_buf_put(buf, &queue->count, sizeof(queue->count));
    uint8_t *first =
        queue->count == 0 ? NULL : mri_buf_grow(buf, queue->count * sizeof(struct saved_claim));
    for (uint32_t i = 0; first != NULL && i < queue->count; i++) {
        int64_t look_ns; /* of this process: not saved */
        struct saved_claim saved = {.ordinal = mri_due_queue_at(queue, i, &look_ns)};
        saved.claim = *mri_claims_find(claims, (uint32_t)saved.ordinal);
        memcpy(first + i * sizeof(saved), &saved, sizeof(saved));
    }
    if (first != NULL) {
        qsort(first, queue->count, sizeof(struct saved_claim), compare_ordinals);
    }
}

mr_err mri_claims_load(struct mri_claims *claims, struct mri_unpack *unpack)
{
    uint64_t before = 0;
    uint32_t count = mri_unpack_count(unpack, UINT32_MAX, sizeof(struct saved_claim));
    mr_err err = unpack->err == MR_OK ? mri_claims_reserve(claims, count) : unpack->err;
    for (uint32_t i = 0; i < count && err == MR_OK; i++) {
        struct saved_claim saved;
        mri_unpack_take(unpack, &saved, sizeof(saved));
        const struct mri_claim *claim = &saved.claim;
        if (saved.ordinal <= before || saved.ordinal > UINT32_MAX ||
            memchr(claim->owner, '\0', sizeof(claim->owner)) == NULL ||
            claim->from >= MR_STATE_COUNT || claim->next >= MR_STATE_COUNT) {
            return MR_ECORRUPT;
        }
        before = saved.ordinal;
        struct mri_claim *made = mri_due_queue_add(
            &claims->queue, (uint32_t)before, claim->seq == 0 ? MRI_DUE_NEVER : 0);
        *made = *claim;
        claims->open_count += claim->seq != 0;
    }
    return err;
}
