/* SPDX-License-Identifier: MIT */
/*
 * A binary heap of places, and a table with open addressing that finds the place of an ordinal.
 *
 * Invariants
 *  1. heap[places[p].heap_index] is p for every place p that is used, and no thing is due before
 *     its parent in the heap.
 *  2. The table has room for twice the capacity, so it is at most half full and probing ends; what
 *     is taken out closes the gap, so that nothing is ever passed over.
 */
#include "base/due_queue.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"

enum { FIRST_CAPACITY = 16, CAPACITY_MAX = 1 << 28 };

struct mri_due_place {
    int64_t due;
    uint32_t ordinal;    /* 0: the place is free */
    uint32_t heap_index; /* of a free place: the next free one + 1 */
};

void mri_due_queue_init(
    struct mri_due_queue *queue, const struct mri_alloc *alloc, uint32_t item_bytes)
{
    MRI_ASSERT(item_bytes % 8 == 0);
    *queue = (struct mri_due_queue){.alloc = alloc, .item_bytes = item_bytes};
}

/** Bytes of all arrays of a capacity: they are one block. */
static size_t block_bytes(const struct mri_due_queue *queue, size_t capacity)
{
    return capacity * (sizeof(struct mri_due_place) + queue->item_bytes + 3 * sizeof(uint32_t));
}

void mri_due_queue_fini(struct mri_due_queue *queue)
{
    if (queue == NULL || queue->alloc == NULL) {
        return;
    }
    mri_alloc_free(queue->alloc, queue->places, block_bytes(queue, queue->capacity));
    *queue = (struct mri_due_queue){0};
}

/* ---- the table ------------------------------------------------------------------------------- */

static uint32_t slot_of(const struct mri_due_queue *queue, uint32_t ordinal)
{
    return (ordinal * UINT32_C(2654435761)) & (2 * queue->capacity - 1);
}

/** Where the ordinal stands in the table, or would. */
static uint32_t look_up(const struct mri_due_queue *queue, uint32_t ordinal)
{
    uint32_t mask = 2 * queue->capacity - 1;
    uint32_t at = slot_of(queue, ordinal);
    while (queue->table[at] != 0 && queue->places[queue->table[at] - 1].ordinal != ordinal) {
        at = (at + 1) & mask;
    }
    return at;
}

/** Take the entry out, and move back those behind it that could not stand where they belong. */
static void close_gap(struct mri_due_queue *queue, uint32_t gap)
{
    uint32_t mask = 2 * queue->capacity - 1;
    uint32_t at = gap;
    for (;;) {
        at = (at + 1) & mask;
        if (queue->table[at] == 0) {
            queue->table[gap] = 0;
            return;
        }
        uint32_t home = slot_of(queue, queue->places[queue->table[at] - 1].ordinal);
        if (((at - home) & mask) >= ((at - gap) & mask)) {
            queue->table[gap] = queue->table[at];
            gap = at;
        }
    }
}

/** The place of an ordinal + 1; 0 = it is not there. */
static uint32_t place_of(const struct mri_due_queue *queue, uint32_t ordinal)
{
    return queue->count == 0 ? 0 : queue->table[look_up(queue, ordinal)];
}

/* ---- the heap -------------------------------------------------------------------------------- */

static bool is_before(const struct mri_due_queue *queue, uint32_t a, uint32_t b)
{
    const struct mri_due_place *x = &queue->places[a];
    const struct mri_due_place *y = &queue->places[b];
    return x->due < y->due || (x->due == y->due && x->ordinal < y->ordinal);
}

static void put(struct mri_due_queue *queue, uint32_t index, uint32_t place)
{
    queue->heap[index] = place;
    queue->places[place].heap_index = index;
}

/** Let what stands at an index of the heap sink to where it belongs. */
static void sink(struct mri_due_queue *queue, uint32_t index)
{
    uint32_t place = queue->heap[index];
    for (;;) {
        uint32_t child = 2 * index + 1;
        if (child >= queue->count) {
            break;
        }
        if (child + 1 < queue->count &&
            is_before(queue, queue->heap[child + 1], queue->heap[child])) {
            child++;
        }
        if (!is_before(queue, queue->heap[child], place)) {
            break;
        }
        put(queue, index, queue->heap[child]);
        index = child;
    }
    put(queue, index, place);
}

/** Let what stands at an index of the heap rise or sink to where it belongs. */
static void settle(struct mri_due_queue *queue, uint32_t index)
{
    uint32_t place = queue->heap[index];
    while (index > 0 && is_before(queue, place, queue->heap[(index - 1) / 2])) {
        put(queue, index, queue->heap[(index - 1) / 2]);
        index = (index - 1) / 2;
    }
    put(queue, index, place);
    sink(queue, index);
}

/* ---- what it can do -------------------------------------------------------------------------- */

static mr_err grow(struct mri_due_queue *queue, uint32_t capacity)
{
    void *block;
    mr_err err = mri_alloc_array(queue->alloc, block_bytes(queue, capacity), 1, &block);
    if (err != MR_OK) {
        return err;
    }
    struct mri_due_queue grown = *queue;
    grown.capacity = capacity;
    grown.places = block;
    grown.items = (uint8_t *)(grown.places + capacity);
    grown.heap = (uint32_t *)(void *)(grown.items + (size_t)capacity * queue->item_bytes);
    grown.table = grown.heap + capacity;
    if (queue->capacity > 0) {
        memcpy(grown.places, queue->places, queue->place_count * sizeof(*queue->places));
        memcpy(grown.items, queue->items, (size_t)queue->place_count * queue->item_bytes);
        memcpy(grown.heap, queue->heap, queue->count * sizeof(*queue->heap));
        mri_alloc_free(queue->alloc, queue->places, block_bytes(queue, queue->capacity));
    }
    for (uint32_t i = 0; i < grown.count; i++) {
        uint32_t place = grown.heap[i];
        grown.table[look_up(&grown, grown.places[place].ordinal)] = place + 1;
    }
    *queue = grown;
    return MR_OK;
}

mr_err mri_due_queue_reserve(struct mri_due_queue *queue, uint32_t more)
{
    uint32_t capacity = queue->capacity == 0 ? FIRST_CAPACITY : queue->capacity;
    if (more > CAPACITY_MAX - queue->count) {
        return MR_ENOMEM;
    }
    while (capacity < queue->count + more) {
        capacity *= 2;
    }
    return capacity == queue->capacity || more == 0 ? MR_OK : grow(queue, capacity);
}

static void *item_of(const struct mri_due_queue *queue, uint32_t place)
{
    return queue->items + (size_t)place * queue->item_bytes;
}

void *mri_due_queue_add(struct mri_due_queue *queue, uint32_t ordinal, int64_t due)
{
    MRI_ASSERT(ordinal != 0 && queue->count < queue->capacity);
    uint32_t at = look_up(queue, ordinal);
    MRI_ASSERT(queue->table[at] == 0);
    uint32_t place = queue->place_count;
    if (queue->free_first != 0) {
        place = queue->free_first - 1;
        queue->free_first = queue->places[place].heap_index;
    } else {
        queue->place_count++;
    }
    queue->places[place] = (struct mri_due_place){.due = due, .ordinal = ordinal};
    memset(item_of(queue, place), 0, queue->item_bytes);
    queue->table[at] = place + 1;
    put(queue, queue->count, place);
    queue->count++;
    settle(queue, queue->count - 1);
    return item_of(queue, place);
}

void *mri_due_queue_find(const struct mri_due_queue *queue, uint32_t ordinal)
{
    uint32_t place = place_of(queue, ordinal);
    return place == 0 ? NULL : item_of(queue, place - 1);
}

void mri_due_queue_set(struct mri_due_queue *queue, uint32_t ordinal, int64_t due)
{
    uint32_t place = place_of(queue, ordinal);
    MRI_ASSERT(place != 0);
    queue->places[place - 1].due = due;
    settle(queue, queue->places[place - 1].heap_index);
}

void mri_due_queue_retime(struct mri_due_queue *queue, const void *context,
    int64_t (*due_of)(const void *context, uint32_t ordinal, const void *item, int64_t due))
{
    for (uint32_t i = 0; i < queue->count; i++) {
        struct mri_due_place *place = &queue->places[queue->heap[i]];
        place->due = due_of(context, place->ordinal, item_of(queue, queue->heap[i]), place->due);
    }
    for (uint32_t i = queue->count; i > 0; i--) { /* from the leaves on: each sinks */
        sink(queue, i - 1);
    }
}

void mri_due_queue_remove(struct mri_due_queue *queue, uint32_t ordinal)
{
    if (place_of(queue, ordinal) == 0) {
        return;
    }
    uint32_t at = look_up(queue, ordinal);
    uint32_t place = queue->table[at] - 1;
    uint32_t index = queue->places[place].heap_index;
    close_gap(queue, at);
    queue->count--;
    if (index < queue->count) {
        put(queue, index, queue->heap[queue->count]);
        settle(queue, index);
    }
    queue->places[place] = (struct mri_due_place){.heap_index = queue->free_first};
    queue->free_first = place + 1;
}

uint32_t mri_due_queue_first(const struct mri_due_queue *queue, int64_t *ret_due)
{
    if (queue->count == 0) {
        *ret_due = MRI_DUE_NEVER;
        return 0;
    }
    return mri_due_queue_at(queue, 0, ret_due);
}

uint32_t mri_due_queue_at(const struct mri_due_queue *queue, uint32_t index, int64_t *ret_due)
{
    MRI_ASSERT(index < queue->count);
    const struct mri_due_place *place = &queue->places[queue->heap[index]];
    *ret_due = place->due;
    return place->ordinal;
}

/* ---- snapshots ------------------------------------------------------------------------------- */

/** What stands before each item in a snapshot. */
struct saved_head {
    int64_t due;
    uint32_t ordinal;
    uint32_t zero;
};

static int compare_ordinals(const void *a, const void *b)
{
    struct saved_head x;
    struct saved_head y;
    memcpy(&x, a, sizeof(x)); /* a buffer's bytes may have any alignment */
    memcpy(&y, b, sizeof(y));
    return x.ordinal < y.ordinal ? -1 : x.ordinal > y.ordinal;
}

void mri_due_queue_save(const struct mri_due_queue *queue, struct mri_buf *buf)
{
    size_t bytes = sizeof(struct saved_head) + queue->item_bytes;
    mri_buf_put(buf, &queue->count, sizeof(queue->count));
    uint8_t *first = queue->count == 0 ? NULL : mri_buf_grow(buf, queue->count * bytes);
    if (first == NULL) {
        return;
    }
    for (uint32_t i = 0; i < queue->count; i++) {
        const struct mri_due_place *place = &queue->places[queue->heap[i]];
        const struct saved_head head = {.due = place->due, .ordinal = place->ordinal};
        memcpy(first + i * bytes, &head, sizeof(head));
        memcpy(first + i * bytes + sizeof(head), item_of(queue, queue->heap[i]), queue->item_bytes);
    }
    qsort(first, queue->count, bytes, compare_ordinals);
}

mr_err mri_due_queue_load(struct mri_due_queue *queue, struct mri_unpack *unpack)
{
    MRI_ASSERT(queue->count == 0);
    uint32_t before = 0;
    uint32_t count = mri_unpack_count(
        unpack, CAPACITY_MAX, sizeof(struct saved_head) + (size_t)queue->item_bytes);
    mr_err err = unpack->err == MR_OK ? mri_due_queue_reserve(queue, count) : unpack->err;
    for (uint32_t i = 0; i < count && err == MR_OK; i++) {
        struct saved_head head;
        mri_unpack_take(unpack, &head, sizeof(head));
        if (head.ordinal <= before || head.zero != 0) {
            return MR_ECORRUPT;
        }
        before = head.ordinal;
        mri_unpack_take(
            unpack, mri_due_queue_add(queue, head.ordinal, head.due), queue->item_bytes);
        err = unpack->err;
    }
    return err;
}
