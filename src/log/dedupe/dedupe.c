/* SPDX-License-Identifier: MIT */
/*
 * The tables of producers and message ids.
 *
 * Invariants
 *  1. Nothing is ever taken out. A producer stays for ever; an id leaves the window when its place
 *     in the ring is given to the one that comes limits.ids later, and is the last of its bucket
 *     then, because a bucket is a list from the newest to the oldest: no link is ever mended.
 *  2. A producer's state changes by one store (`turn`), behind the state that it makes valid. A new
 *     producer exists by one store (`id`), behind its state.
 *  3. An id is complete before its bucket leads to it, and that before it is counted. Links lead to
 *     smaller numbers only, so no walk is endless, whatever was left behind half done.
 *  4. Who notes a record whose seq is not above the newest of its producer, or of the ids, has
 *     noted it before.
 *
 * What can go wrong: a killed process leaves a new producer uncounted; mri_dedupe_mend() counts.
 * Not here: when a batch is a repeat (dedupe_batch.c), how the tables survive (dedupe_file.c).
 */
#include "log/dedupe/dedupe.h"

#include <string.h>

#include "base/check.h"
#include "log/meet/hot_point.h"

MRI_STATIC_ASSERT(sizeof(struct mri_dedupe_head) == 64, "one cache line, shared by processes");
MRI_STATIC_ASSERT(sizeof(struct mri_dedupe_producer) == 40, "shared by processes");
MRI_STATIC_ASSERT(sizeof(struct mri_dedupe_id) == 32, "shared by processes");

static const uint64_t scatter = UINT64_C(0x9e3779b97f4a7c15);

static uint32_t power_of_two_from(uint32_t count)
{
    uint32_t power = 1;
    while (power < count) {
        power *= 2;
    }
    return power;
}

static uint32_t producer_places(struct mri_dedupe_limits limits)
{
    return power_of_two_from(2 * limits.producers); /* at most half full */
}

static uint32_t bucket_count(struct mri_dedupe_limits limits)
{
    return limits.ids == 0 ? 0 : power_of_two_from(limits.ids);
}

size_t mri_dedupe_bytes(struct mri_dedupe_limits limits)
{
    if (limits.producers == 0) {
        return 0;
    }
    return sizeof(struct mri_dedupe_head) +
           producer_places(limits) * sizeof(struct mri_dedupe_producer) +
           bucket_count(limits) * sizeof(uint64_t) + limits.ids * sizeof(struct mri_dedupe_id);
}

struct mri_dedupe mri_dedupe_at(void *memory, struct mri_dedupe_limits limits)
{
    struct mri_dedupe dedupe = {.limits = limits};
    MRI_ASSERT(limits.producers <= MRI_DEDUPE_PRODUCERS_MAX && limits.ids <= MRI_DEDUPE_IDS_MAX);
    if (limits.producers == 0) {
        return (struct mri_dedupe){0};
    }
    uint32_t places = producer_places(limits);
    uint32_t buckets = bucket_count(limits);
    dedupe.head = memory;
    dedupe.producers = (struct mri_dedupe_producer *)(void *)(dedupe.head + 1);
    dedupe.buckets = (_Atomic uint64_t *)(void *)(dedupe.producers + places);
    dedupe.ids = (struct mri_dedupe_id *)(void *)(dedupe.buckets + buckets);
    dedupe.producer_mask = places - 1;
    dedupe.bucket_mask = buckets - 1; /* without buckets nobody asks */
    return dedupe;
}

/* ---- producers ------------------------------------------------------------------------------- */

/** Where a producer is, or would be. */
static struct mri_dedupe_producer *place_of(const struct mri_dedupe *dedupe, uint32_t producer_id)
{
    uint32_t at = (uint32_t)(producer_id * scatter >> 32) & dedupe->producer_mask;
    for (;;) {
        struct mri_dedupe_producer *place = &dedupe->producers[at];
        uint32_t id = atomic_load_explicit(&place->id, memory_order_relaxed);
        if (id == producer_id || id == 0) {
            return place;
        }
        at = (at + 1) & dedupe->producer_mask;
    }
}

static struct mri_dedupe_newest *state_of(struct mri_dedupe_producer *place, uint32_t ahead)
{
    return &place->states[(atomic_load_explicit(&place->turn, memory_order_relaxed) + ahead) & 1];
}

bool mri_dedupe_find_producer(
    const struct mri_dedupe *dedupe, uint32_t producer_id, struct mri_dedupe_newest *ret_newest)
{
    struct mri_dedupe_producer *place = place_of(dedupe, producer_id);
    *ret_newest = (struct mri_dedupe_newest){0};
    if (atomic_load_explicit(&place->id, memory_order_relaxed) == 0) {
        return false;
    }
    *ret_newest = *state_of(place, 0);
    return true;
}

/** Give a free place to a producer. */
static mr_err take_place(struct mri_dedupe *dedupe, struct mri_dedupe_producer *place,
    uint32_t producer_id, const struct mri_dedupe_newest *newest)
{
    uint32_t count = atomic_load_explicit(&dedupe->head->producer_count, memory_order_relaxed);
    if (count >= dedupe->limits.producers) {
        return MR_FULL;
    }
    *state_of(place, 0) = *newest;
    MRI_HOT_POINT(60);
    atomic_store_explicit(&place->id, producer_id, memory_order_release);
    MRI_HOT_POINT(61);
    atomic_store_explicit(&dedupe->head->producer_count, count + 1, memory_order_release);
    return MR_OK;
}

mr_err mri_dedupe_put_producer(
    struct mri_dedupe *dedupe, uint32_t producer_id, const struct mri_dedupe_newest *newest)
{
    struct mri_dedupe_producer *place = place_of(dedupe, producer_id);
    if (atomic_load_explicit(&place->id, memory_order_relaxed) == 0) {
        return take_place(dedupe, place, producer_id, newest);
    }
    const struct mri_dedupe_newest *now = state_of(place, 0);
    if (newest->seq <= now->seq || newest->producer_seq <= now->producer_seq) {
        return MR_OK; /* noted before, or a number that went back before anybody minded */
    }
    *state_of(place, 1) = *newest;
    MRI_HOT_POINT(62);
    atomic_fetch_add_explicit(&place->turn, 1, memory_order_release);
    MRI_HOT_POINT(63);
    return MR_OK;
}

static mr_err note_producer(struct mri_dedupe *dedupe, const struct mri_dedupe_record *record)
{
    struct mri_dedupe_newest now;
    (void)mri_dedupe_find_producer(dedupe, record->producer_id, &now); /* zero when it is new */
    bool is_next = now.seq + 1 == record->seq && now.producer_seq + 1 == record->producer_seq &&
                   now.seq != 0 && now.run < UINT32_MAX;
    const struct mri_dedupe_newest newest = {
        .seq = record->seq, .producer_seq = record->producer_seq, .run = is_next ? now.run + 1 : 0};
    return mri_dedupe_put_producer(dedupe, record->producer_id, &newest);
}

void mri_dedupe_mend(struct mri_dedupe *dedupe)
{
    uint32_t count = 0;
    if (dedupe->head == NULL) {
        return;
    }
    for (uint32_t i = 0; i < mri_dedupe_places(dedupe); i++) {
        count += atomic_load_explicit(&dedupe->producers[i].id, memory_order_relaxed) != 0;
    }
    atomic_store_explicit(&dedupe->head->producer_count, count, memory_order_release);
}

void mri_dedupe_copy(const struct mri_dedupe *from, void *memory)
{
    struct mri_dedupe to = mri_dedupe_at(memory, from->limits);
    uint64_t ids = atomic_load(&from->head->id_count);
    uint64_t places = ids < from->limits.ids ? ids + 1 : from->limits.ids;
    MRI_ASSERT(to.head != NULL);
    memcpy(to.head, from->head, sizeof(*to.head));
    for (uint32_t i = 0; i < mri_dedupe_places(from); i++) {
        if (atomic_load_explicit(&from->producers[i].id, memory_order_relaxed) != 0) {
            memcpy(&to.producers[i], &from->producers[i], sizeof(to.producers[i]));
        }
    }
    if (ids > 0) {
        memcpy(to.ids, from->ids, (size_t)places * sizeof(*to.ids));
        memcpy(to.buckets, from->buckets, ((size_t)from->bucket_mask + 1) * sizeof(*to.buckets));
    }
}

/* ---- message ids ----------------------------------------------------------------------------- */

static _Atomic uint64_t *bucket_of(const struct mri_dedupe *dedupe, const uint8_t *message_id)
{
    uint64_t words[2];
    memcpy(words, message_id, sizeof(words));
    uint64_t mixed = (words[0] ^ words[0] >> 32) * scatter + words[1];
    mixed = (mixed ^ mixed >> 29) * scatter;
    return &dedupe->buckets[(uint32_t)(mixed >> 32) & dedupe->bucket_mask];
}

static struct mri_dedupe_id *id_at(const struct mri_dedupe *dedupe, uint64_t number)
{
    return &dedupe->ids[number % dedupe->limits.ids];
}

uint64_t mri_dedupe_find_id(
    const struct mri_dedupe *dedupe, const uint8_t message_id[MRI_MESSAGE_ID_BYTES])
{
    if (dedupe->limits.ids == 0) {
        return 0;
    }
    uint64_t count = atomic_load_explicit(&dedupe->head->id_count, memory_order_relaxed);
    uint64_t number = atomic_load_explicit(bucket_of(dedupe, message_id), memory_order_relaxed);
    while (number != 0 && number + dedupe->limits.ids > count) {
        const struct mri_dedupe_id *id = id_at(dedupe, number);
        if (memcmp(id->bytes, message_id, sizeof(id->bytes)) == 0) {
            return id->seq;
        }
        MRI_ASSERT(id->before < number);
        number = id->before;
    }
    return 0;
}

static void note_id(struct mri_dedupe *dedupe, const struct mri_dedupe_record *record)
{
    uint64_t count = atomic_load_explicit(&dedupe->head->id_count, memory_order_relaxed);
    uint64_t number = count + 1;
    if (count > 0 && id_at(dedupe, count)->seq >= record->seq) {
        return; /* noted before */
    }
    _Atomic uint64_t *bucket = bucket_of(dedupe, record->message_id);
    uint64_t before = atomic_load_explicit(bucket, memory_order_relaxed);
    if (before != number) { /* else: somebody was killed before he could count it */
        struct mri_dedupe_id *id = id_at(dedupe, number);
        memcpy(id->bytes, record->message_id, sizeof(id->bytes));
        MRI_HOT_POINT(64);
        id->seq = record->seq;
        id->before = before;
        MRI_HOT_POINT(65);
        atomic_store_explicit(bucket, number, memory_order_release);
    }
    MRI_HOT_POINT(66);
    atomic_store_explicit(&dedupe->head->id_count, number, memory_order_release);
    MRI_HOT_POINT(67);
}

mr_err mri_dedupe_note(struct mri_dedupe *dedupe, const struct mri_dedupe_record *record)
{
    mr_err err = MR_OK;
    if (record->producer_id != 0) {
        err = note_producer(dedupe, record);
    }
    if (err == MR_OK && record->message_id != NULL && dedupe->limits.ids != 0) {
        note_id(dedupe, record);
    }
    return err;
}
