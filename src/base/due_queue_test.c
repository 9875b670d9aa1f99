/* SPDX-License-Identifier: MIT */
/*
 * Tests of the heap: against a scan, in its order, as a snapshot.
 */
#include "base/due_queue.h"

#include <string.h>

#include "base/prng.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/failing_alloc.h"

enum { ORDINALS = 300, STEPS = 60000 };

struct item {
    uint64_t mark;
    uint64_t again;
};

/** What the queue must hold, looked for by scanning. */
struct plain {
    int64_t due[ORDINALS + 1];
    uint64_t mark[ORDINALS + 1];
    bool is_in[ORDINALS + 1];
};

static uint32_t plain_first(const struct plain *plain, int64_t *ret_due)
{
    uint32_t first = 0;
    *ret_due = MRI_DUE_NEVER;
    for (uint32_t i = 1; i <= ORDINALS; i++) {
        if (plain->is_in[i] && (first == 0 || plain->due[i] < *ret_due)) {
            first = i;
            *ret_due = plain->due[i];
        }
    }
    return first;
}

static void check_equal(const struct mri_due_queue *queue, const struct plain *plain)
{
    int64_t due;
    int64_t plain_due;
    uint32_t count = 0;
    assert_int_equal(mri_due_queue_first(queue, &due), plain_first(plain, &plain_due));
    assert_true(due == plain_due);
    for (uint32_t i = 1; i <= ORDINALS; i++) {
        const struct item *item = mri_due_queue_find(queue, i);
        assert_int_equal(item != NULL, plain->is_in[i]);
        count += plain->is_in[i];
        if (item != NULL) {
            assert_true(item->mark == plain->mark[i] && item->again == ~plain->mark[i]);
        }
    }
    assert_int_equal(queue->count, count);
}

static void add(struct mri_due_queue *queue, struct plain *plain, uint32_t ordinal, int64_t due)
{
    assert_int_equal(mri_due_queue_reserve(queue, 1), MR_OK);
    struct item *item = mri_due_queue_add(queue, ordinal, due);
    assert_true(item->mark == 0 && item->again == 0);
    plain->mark[ordinal] = (uint64_t)due * 7 + ordinal;
    *item = (struct item){plain->mark[ordinal], ~plain->mark[ordinal]};
    plain->is_in[ordinal] = true;
    plain->due[ordinal] = due;
}

static void it_agrees_with_a_scan_whatever_is_done_to_it(void **state)
{
    (void)state;
    static struct plain plain;
    struct mri_due_queue queue;
    struct mri_prng prng;
    mri_prng_init(&prng, 7);
    mri_due_queue_init(&queue, mri_alloc_system(), sizeof(struct item));
    for (unsigned step = 0; step < STEPS; step++) {
        uint32_t range = step % 20000 < 10000 ? ORDINALS : 12; /* full, then nearly empty */
        uint32_t ordinal = 1 + (uint32_t)mri_prng_below(&prng, ORDINALS);
        int64_t due = (int64_t)mri_prng_below(&prng, 50) - 5;
        if (!plain.is_in[ordinal] && ordinal <= range) {
            add(&queue, &plain, ordinal, due);
        } else if (plain.is_in[ordinal] && mri_prng_below(&prng, 2) == 0 && ordinal <= range) {
            mri_due_queue_set(&queue, ordinal, due);
            plain.due[ordinal] = due;
        } else {
            mri_due_queue_remove(&queue, ordinal);
            plain.is_in[ordinal] = false;
        }
        if (step % 97 == 0) {
            check_equal(&queue, &plain);
        }
    }
    check_equal(&queue, &plain);
    mri_due_queue_fini(&queue);
}

static int64_t turned_round(const void *context, uint32_t ordinal, const void *item, int64_t due)
{
    (void)context;
    (void)due;
    return ordinal % 3 == 0 ? (int64_t)((const struct item *)item)->mark : -(int64_t)ordinal;
}

static void all_times_can_change_at_once(void **state)
{
    (void)state;
    static struct plain plain;
    struct mri_due_queue queue;
    mri_due_queue_init(&queue, mri_alloc_system(), sizeof(struct item));
    for (uint32_t i = 1; i <= ORDINALS; i++) {
        add(&queue, &plain, i, i * 31 % 17);
    }
    mri_due_queue_retime(&queue, NULL, turned_round);
    for (uint32_t i = 1; i <= ORDINALS; i++) {
        plain.due[i] = turned_round(NULL, i, mri_due_queue_find(&queue, i), 0);
    }
    while (queue.count > 0) {
        int64_t due;
        check_equal(&queue, &plain);
        uint32_t ordinal = mri_due_queue_first(&queue, &due);
        mri_due_queue_remove(&queue, ordinal);
        plain.is_in[ordinal] = false;
    }
    mri_due_queue_fini(&queue);
}

static void what_is_due_comes_out_in_order_of_time_then_ordinal(void **state)
{
    (void)state;
    struct mri_due_queue queue;
    mri_due_queue_init(&queue, mri_alloc_system(), 8);
    assert_int_equal(mri_due_queue_reserve(&queue, 100), MR_OK);
    for (uint32_t i = 100; i >= 1; i--) {
        (void)mri_due_queue_add(&queue, i, (int64_t)(i % 10));
    }
    int64_t before = -1;
    uint32_t ordinal_before = 0;
    for (unsigned i = 0; i < 100; i++) {
        int64_t due;
        uint32_t ordinal = mri_due_queue_first(&queue, &due);
        assert_true(due > before || (due == before && ordinal > ordinal_before));
        before = due;
        ordinal_before = ordinal;
        mri_due_queue_remove(&queue, ordinal);
    }
    int64_t due;
    assert_int_equal(mri_due_queue_first(&queue, &due), 0);
    assert_true(due == MRI_DUE_NEVER);
    mri_due_queue_fini(&queue);
}

static void a_snapshot_depends_on_the_content_alone(void **state)
{
    (void)state;
    struct mri_due_queue queues[3];
    struct mri_buf bufs[3];
    for (unsigned k = 0; k < 2; k++) {
        mri_due_queue_init(&queues[k], mri_alloc_system(), sizeof(struct item));
        assert_int_equal(mri_due_queue_reserve(&queues[k], 50), MR_OK);
        for (uint32_t i = 1; i <= 50; i++) {
            uint32_t ordinal = k == 0 ? i : 51 - i;
            struct item *item = mri_due_queue_add(&queues[k], ordinal, ordinal * 37 % 11);
            item->mark = ordinal;
        }
        mri_due_queue_remove(&queues[k], 17);
        mri_buf_init(&bufs[k], mri_alloc_system(), 65536);
        mri_due_queue_save(&queues[k], &bufs[k]);
    }
    assert_int_equal(bufs[0].count, bufs[1].count);
    assert_memory_equal(bufs[0].bytes, bufs[1].bytes, bufs[0].count);
    struct mri_unpack unpack;
    mri_unpack_init(&unpack, bufs[0].bytes, bufs[0].count);
    mri_due_queue_init(&queues[2], mri_alloc_system(), sizeof(struct item));
    assert_int_equal(mri_due_queue_load(&queues[2], &unpack), MR_OK);
    assert_int_equal(mri_unpack_end(&unpack), MR_OK);
    mri_buf_init(&bufs[2], mri_alloc_system(), 65536);
    mri_due_queue_save(&queues[2], &bufs[2]);
    assert_memory_equal(bufs[0].bytes, bufs[2].bytes, bufs[0].count);
    for (unsigned k = 0; k < 3; k++) {
        mri_buf_fini(&bufs[k]);
        mri_due_queue_fini(&queues[k]);
    }
}

static void a_damaged_snapshot_is_refused(void **state)
{
    (void)state;
    struct mri_due_queue queue;
    struct mri_buf buf;
    mri_buf_init(&buf, mri_alloc_system(), 65536);
    mri_due_queue_init(&queue, mri_alloc_system(), 8);
    assert_int_equal(mri_due_queue_reserve(&queue, 2), MR_OK);
    (void)mri_due_queue_add(&queue, 1, 5);
    (void)mri_due_queue_add(&queue, 2, 5);
    mri_due_queue_save(&queue, &buf);
    mri_due_queue_fini(&queue);
    for (size_t cut = 0; cut < buf.count; cut++) {
        struct mri_unpack unpack;
        mri_unpack_init(&unpack, buf.bytes, cut);
        mri_due_queue_init(&queue, mri_alloc_system(), 8);
        assert_int_equal(mri_due_queue_load(&queue, &unpack), MR_ECORRUPT);
        mri_due_queue_fini(&queue);
    }
    struct mri_unpack unpack;
    buf.bytes[4 + 8 + 24] = 1; /* the second ordinal is the first again */
    mri_unpack_init(&unpack, buf.bytes, buf.count);
    mri_due_queue_init(&queue, mri_alloc_system(), 8);
    assert_int_equal(mri_due_queue_load(&queue, &unpack), MR_ECORRUPT);
    mri_due_queue_fini(&queue);
    mri_buf_fini(&buf);
}

static void without_memory_it_stays_as_it_was(void **state)
{
    (void)state;
    struct failing_alloc failing;
    struct mri_due_queue queue;
    failing_alloc_init(&failing, 2);
    mri_due_queue_init(&queue, &failing.alloc, 8);
    assert_int_equal(mri_due_queue_reserve(&queue, 1), MR_OK);
    (void)mri_due_queue_add(&queue, 9, 1);
    assert_int_equal(mri_due_queue_reserve(&queue, 100), MR_ENOMEM);
    assert_non_null(mri_due_queue_find(&queue, 9));
    assert_int_equal(mri_due_queue_reserve(&queue, UINT32_MAX), MR_ENOMEM);
    assert_int_equal(mri_due_queue_reserve(&queue, 100), MR_OK);
    assert_non_null(mri_due_queue_find(&queue, 9));
    mri_due_queue_fini(&queue);
    assert_int_equal(failing.live_bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_agrees_with_a_scan_whatever_is_done_to_it),
        cmocka_unit_test(all_times_can_change_at_once),
        cmocka_unit_test(what_is_due_comes_out_in_order_of_time_then_ordinal),
        cmocka_unit_test(a_snapshot_depends_on_the_content_alone),
        cmocka_unit_test(a_damaged_snapshot_is_refused),
        cmocka_unit_test(without_memory_it_stays_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
