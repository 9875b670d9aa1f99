/* SPDX-License-Identifier: MIT */
/*
 * Timers for signals that do not move on.
 *
 * Invariants
 *  1. `lives` holds every signal that is not learned; `told` those of them whose alert is logged
 * for the state that they are in.
 *  2. A move that was applied before its turn is not undone by an older one.
 */
#include "pipeline/stuck.h"

#include <stdlib.h>

#include "base/problem.h"
#include "base/utc.h"

MRI_STATIC_ASSERT(sizeof(struct mri_stuck_life) % 8 == 0, "an item of a queue");

void mri_stuck_init(struct mri_stuck *stuck, const struct mri_alloc *alloc,
    const struct mri_market *market, const struct mri_stuck_options *options)
{
    *stuck = (struct mri_stuck){.market = market, .options = *options};
    mri_due_queue_init(&stuck->lives, alloc, sizeof(struct mri_stuck_life));
    mri_due_queue_init(&stuck->told, alloc, sizeof(uint64_t));
}

void mri_stuck_fini(struct mri_stuck *stuck)
{
    if (stuck != NULL) {
        mri_due_queue_fini(&stuck->lives);
        mri_due_queue_fini(&stuck->told);
    }
}

/** When a signal is stuck and nobody knows. */
static int64_t due_of(const void *context, uint32_t ordinal, const void *item, int64_t before)
{
    const struct mri_stuck *stuck = context;
    const struct mri_stuck_life *life = item;
    int64_t after_ns = stuck->options.after_ns[life->state];
    (void)ordinal;
    (void)before;
    return after_ns == 0 || life->is_told != 0 || life->since_unix_ns == 0
               ? MRI_DUE_NEVER
               : life->since_unix_ns + after_ns;
}

void mri_stuck_configure(struct mri_stuck *stuck, const struct mri_stuck_options *options)
{
    stuck->options = *options;
    mri_due_queue_retime(&stuck->lives, stuck, due_of);
}

static mr_err apply_generated(struct mri_stuck *stuck, const struct mri_event *event)
{
    const struct mri_stuck_life life = {
        .since_unix_ns = stuck->market->event_time_unix_ns,
        .since_seq = event->seq,
        .state = MR_GENERATED,
    };
    mr_err err = mri_due_queue_reserve(&stuck->lives, 1);
    if (err != MR_OK) {
        return err;
    }
    if (mri_due_queue_find(&stuck->lives, event->ordinal) != NULL) {
        return MR_ECORRUPT;
    }
    struct mri_stuck_life *made =
        mri_due_queue_add(&stuck->lives, event->ordinal, due_of(stuck, event->ordinal, &life, 0));
    *made = life;
    return MR_OK;
}

static void apply_moved(struct mri_stuck *stuck, const struct mri_event *event)
{
    const struct mri_signal_moved *move = event->body;
    struct mri_stuck_life *life = mri_due_queue_find(&stuck->lives, event->ordinal);
    if (life == NULL || life->since_seq > event->seq) {
        return;
    }
    mri_due_queue_remove(&stuck->told, event->ordinal);
    if (move->to == MR_LEARNED) {
        mri_due_queue_remove(&stuck->lives, event->ordinal);
        return;
    }
    *life = (struct mri_stuck_life){
        .since_unix_ns = stuck->market->event_time_unix_ns,
        .since_seq = event->seq,
        .state = move->to,
    };
    mri_due_queue_set(&stuck->lives, event->ordinal, due_of(stuck, event->ordinal, life, 0));
}

static mr_err apply_alert(struct mri_stuck *stuck, const struct mri_event *event)
{
    const struct mri_alert *alert = event->body;
    struct mri_stuck_life *life = mri_due_queue_find(&stuck->lives, event->ordinal);
    bool is_this = alert->reason == MRI_REASON_STUCK && event->ordinal != 0 && life != NULL &&
                   life->since_seq == mri_ref_seq(alert->about, event->seq) && life->is_told == 0;
    mr_err err = is_this ? mri_due_queue_reserve(&stuck->told, 1) : MR_OK;
    if (is_this && err == MR_OK) {
        life->is_told = 1;
        mri_due_queue_set(&stuck->lives, event->ordinal, MRI_DUE_NEVER);
        (void)mri_due_queue_add(&stuck->told, event->ordinal, 0);
    }
    return err;
}

static mr_err apply(void *state, const struct mri_event *event)
{
    struct mri_stuck *stuck = state;
    int64_t now = stuck->market->event_time_unix_ns;
    if (now != stuck->now_unix_ns) {
        stuck->before_unix_ns = stuck->now_unix_ns;
        stuck->now_unix_ns = now;
    }
    switch (event->type) {
    case MRI_EVENT_SIGNAL_GENERATED:
        return apply_generated(stuck, event);
    case MRI_EVENT_SIGNAL_MOVED:
        apply_moved(stuck, event);
        return MR_OK;
    case MRI_EVENT_ALERT:
        return apply_alert(stuck, event);
    default:
        return MR_OK;
    }
}

static mr_err decide(const void *state, const struct mri_event *input, struct mri_batch *batch)
{
    (void)state;
    (void)input;
    (void)batch;
    return MR_OK;
}

uint32_t mri_stuck_next(const struct mri_stuck *stuck, const struct mri_stuck_life **ret_life)
{
    int64_t due;
    uint32_t ordinal = mri_due_queue_first(&stuck->lives, &due);
    if (ordinal == 0 || due > stuck->before_unix_ns) {
        return 0;
    }
    *ret_life = mri_due_queue_find(&stuck->lives, ordinal);
    return ordinal;
}

mr_err mri_stuck_draft(
    const struct mri_stuck *stuck, const struct mri_claims *claims, struct mri_batch *batch)
{
    const struct mri_stuck_life *life;
    char duration[MRI_UTC_BYTES];
    mr_problem message;
    uint32_t ordinal = mri_stuck_next(stuck, &life);
    if (ordinal == 0) {
        return MR_END;
    }
    const struct mri_claim *claim = mri_claims_find(claims, ordinal);
    bool is_claimed = claim != NULL && claim->seq != 0;
    (void)mri_problem(&message, MR_OK, "signal %u has been %s for %s%s%s", ordinal,
        mri_word_text(MRI_VOCABULARY_state, life->state),
        mri_utc_duration(stuck->now_unix_ns - life->since_unix_ns, duration),
        is_claimed ? ", claimed by " : "", is_claimed ? claim->owner : "");
    const struct mri_alert alert = {
        .about = life->since_seq,
        .severity = MRI_SEVERITY_WARNING,
        .reason = MRI_REASON_STUCK,
    };
    return mri_batch_add(batch,
        &(struct mri_draft){
            .type = MRI_EVENT_ALERT, .fixed = &alert, .texts = {mri_slice_of(message.text)}},
        ordinal);
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

/** How many are due: they are the heap's upper part. */
static uint32_t count_due(const struct mri_stuck *stuck, uint32_t index, uint32_t *ordinals)
{
    int64_t due;
    if (index >= stuck->lives.count) {
        return 0;
    }
    uint32_t ordinal = mri_due_queue_at(&stuck->lives, index, &due);
    if (due > stuck->before_unix_ns) {
        return 0;
    }
    if (ordinals != NULL) {
        ordinals[0] = ordinal;
    }
    uint32_t left = count_due(stuck, 2 * index + 1, ordinals == NULL ? NULL : ordinals + 1);
    return 1 + left +
           count_due(stuck, 2 * index + 2, ordinals == NULL ? NULL : ordinals + 1 + left);
}

mr_err mri_stuck_visit(const struct mri_stuck *stuck, uint32_t most,
    const struct mri_stuck_visitor *visitor, uint32_t *ret_count)
{
    uint32_t due_count = count_due(stuck, 0, NULL);
    uint32_t count = due_count + stuck->told.count;
    void *block;
    *ret_count = count;
    if (count == 0) {
        return MR_OK;
    }
    mr_err err = mri_alloc_array(stuck->lives.alloc, count, sizeof(uint32_t), &block);
    if (err != MR_OK) {
        return err;
    }
    uint32_t *ordinals = block;
    (void)count_due(stuck, 0, ordinals);
    for (uint32_t i = 0; i < stuck->told.count; i++) {
        int64_t due;
        ordinals[due_count + i] = mri_due_queue_at(&stuck->told, i, &due);
    }
    qsort(ordinals, count, sizeof(*ordinals), compare);
    for (uint32_t i = 0; i < count && i < most; i++) {
        visitor->visit(
            visitor->context, ordinals[i], mri_due_queue_find(&stuck->lives, ordinals[i]));
    }
    mri_alloc_free(stuck->lives.alloc, ordinals, count * sizeof(*ordinals));
    return MR_OK;
}

static void save(const void *state, struct mri_buf *buf)
{
    const struct mri_stuck *stuck = state;
    mri_buf_put(buf, &stuck->now_unix_ns, sizeof(stuck->now_unix_ns));
    mri_buf_put(buf, &stuck->before_unix_ns, sizeof(stuck->before_unix_ns));
    mri_due_queue_save(&stuck->lives, buf);
    mri_due_queue_save(&stuck->told, buf);
}

static mr_err load(void *state, struct mri_unpack *unpack)
{
    struct mri_stuck *stuck = state;
    mri_unpack_take(unpack, &stuck->now_unix_ns, sizeof(stuck->now_unix_ns));
    mri_unpack_take(unpack, &stuck->before_unix_ns, sizeof(stuck->before_unix_ns));
    mr_err err = mri_due_queue_load(&stuck->lives, unpack);
    if (err == MR_OK) {
        err = mri_due_queue_load(&stuck->told, unpack);
    }
    for (uint32_t i = 0; i < stuck->lives.count && err == MR_OK; i++) {
        int64_t due;
        const struct mri_stuck_life *life =
            mri_due_queue_find(&stuck->lives, mri_due_queue_at(&stuck->lives, i, &due));
        err = life->state < MR_LEARNED ? MR_OK : MR_ECORRUPT;
    }
    for (uint32_t i = 0; i < stuck->told.count && err == MR_OK; i++) {
        int64_t due;
        uint32_t ordinal = mri_due_queue_at(&stuck->told, i, &due);
        err = mri_due_queue_find(&stuck->lives, ordinal) != NULL ? MR_OK : MR_ECORRUPT;
    }
    if (err == MR_OK) {
        mri_due_queue_retime(&stuck->lives, stuck, due_of);
    }
    return err;
}

const struct mri_engine mri_stuck_engine = {
    .name = "stuck", .decide = decide, .apply = apply, .save = save, .load = load};
