/* SPDX-License-Identifier: MIT */
/*
 * Tests of batches under construction: places, limits, references.
 */
#include "bus/batch.h"

#include <stdlib.h>
#include <string.h>

#include "tests/lib/cmocka_all.h"
#include "tests/lib/event_sample.h"
#include "tests/lib/failing_alloc.h"

static struct mri_event_sample sample;

static void drafted_events_are_read_as_the_log_will_show_them(void **fixture)
{
    (void)fixture;
    struct mri_batch batch;
    struct mri_prng prng;
    size_t kind_count;
    const struct mri_event_kind *kinds = mri_event_kinds(&kind_count);
    mri_prng_init(&prng, 1);
    assert_int_equal(mri_batch_init(&batch, mri_alloc_system(), 100, 1 << 24), MR_OK);
    for (int round = 0; round < 30; round++) {
        uint64_t base = 1 + mri_prng_below(&prng, 1000000);
        static uint8_t *bodies[100];
        mri_batch_begin(&batch, base, 7);
        uint32_t ordinal = 7;
        for (uint32_t i = 0; i < 100; i++) {
            const struct mri_event_kind *kind = &kinds[mri_prng_below(&prng, kind_count)];
            assert_int_equal(mri_batch_next_seq(&batch), base + i);
            mri_event_sample_make(&sample, kind, base + i, &prng);
            bool is_generated = kind->type == MRI_EVENT_SIGNAL_GENERATED;
            assert_int_equal(
                mri_batch_add(&batch, &sample.draft, is_generated ? ordinal : 3), MR_OK);
            ordinal += is_generated;
            assert_int_equal(batch.next_ordinal, ordinal);
            bodies[i] = malloc(mri_event_body_bytes(&sample.draft));
            assert_non_null(bodies[i]);
            mri_event_encode(&sample.draft, bodies[i]);
        }
        assert_int_equal(mri_batch_add(&batch, &sample.draft, ordinal), MR_FULL);
        for (uint32_t i = 0; i < 100; i++) {
            struct mri_event event = mri_batch_event(&batch, i);
            assert_int_equal(event.seq, base + i);
            assert_int_equal((uintptr_t)event.body % 8, 0);
            assert_memory_equal(event.body, bodies[i], event.body_bytes);
            assert_int_equal(event.is_batch_end, i == 99);
            const mr_log_event record = {.seq = {event.seq},
                .body = event.body,
                .body_bytes = event.body_bytes,
                .type = event.type,
                .version = event.version};
            struct mri_event decoded;
            assert_int_equal(mri_event_decode(&record, &decoded), MR_OK);
            free(bodies[i]);
        }
    }
    mri_batch_fini(&batch);
    mri_batch_fini(&batch);
    mri_batch_fini(NULL);
}

static void a_reference_is_relative_within_the_batch_alone(void **fixture)
{
    (void)fixture;
    struct mri_batch batch;
    struct mri_prng prng;
    mri_prng_init(&prng, 2);
    assert_int_equal(mri_batch_init(&batch, mri_alloc_system(), 50, 1 << 20), MR_OK);
    mri_batch_begin(&batch, 100, 1);
    for (uint64_t next = 100; next < 150; next++) {
        assert_int_equal(mri_batch_ref(&batch, 0), 0);
        assert_int_equal(mri_batch_ref(&batch, 1), 1);
        assert_int_equal(mri_batch_ref(&batch, 99), 99);
        for (uint64_t seq = 1; seq < next; seq++) {
            uint64_t ref = mri_batch_ref(&batch, seq);
            assert_int_equal((ref & MRI_REF_RELATIVE) != 0, seq >= 100);
            assert_int_equal(mri_ref_seq(ref, next), seq);
            if (seq >= 100) { /* wherever the batch lands, it is the same event */
                assert_int_equal(mri_ref_seq(ref, next + 5000), seq + 5000);
            }
        }
        mri_event_sample_make(&sample, mri_event_kind(MRI_EVENT_TICK), next, &prng);
        assert_int_equal(mri_batch_add(&batch, &sample.draft, 0), MR_OK);
    }
    mri_batch_fini(&batch);
}

static void what_does_not_fit_leaves_the_batch_as_it_was(void **fixture)
{
    (void)fixture;
    struct mri_batch batch;
    struct mri_prng prng;
    static char large[MR_LOG_BODY_BYTES_MAX];
    mri_prng_init(&prng, 3);
    memset(large, 'x', sizeof(large));
    mri_event_sample_make(&sample, mri_event_kind(MRI_EVENT_CONFIG), 5, &prng);
    assert_int_equal(mri_batch_init(&batch, mri_alloc_system(), 10, 2000), MR_OK);
    mri_batch_begin(&batch, 1, 1);
    sample.draft.texts[0] = (struct mri_slice){large, 1000};
    assert_int_equal(mri_batch_add(&batch, &sample.draft, 0), MR_OK);
    assert_int_equal(mri_batch_add(&batch, &sample.draft, 0), MR_FULL);
    sample.draft.texts[0].count = sizeof(large); /* never fits into a record */
    assert_int_equal(mri_batch_add(&batch, &sample.draft, 0), MR_EINVAL);
    sample.draft.texts[0].count = (size_t)UINT32_MAX + 1;
    assert_int_equal(mri_batch_add(&batch, &sample.draft, 0), MR_EINVAL);
    assert_int_equal(batch.count, 1);
    mri_batch_begin(&batch, 1, 1); /* and begins anew */
    sample.draft.texts[0].count = 1000;
    assert_int_equal(mri_batch_add(&batch, &sample.draft, 0), MR_OK);
    mri_batch_fini(&batch);
}

static void without_memory_a_batch_says_so(void **fixture)
{
    (void)fixture;
    struct mri_prng prng;
    mri_prng_init(&prng, 4);
    mri_event_sample_make(&sample, mri_event_kind(MRI_EVENT_TICK), 5, &prng);
    for (unsigned failing = 1; failing < 3; failing++) {
        struct failing_alloc heap;
        struct mri_batch batch = {0};
        failing_alloc_init(&heap, failing);
        mr_err err = mri_batch_init(&batch, &heap.alloc, 10, 2000);
        if (err == MR_OK) {
            mri_batch_begin(&batch, 1, 1);
            err = mri_batch_add(&batch, &sample.draft, 0);
        }
        assert_int_equal(err, MR_ENOMEM);
        mri_batch_fini(&batch);
        assert_int_equal(heap.live_bytes, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(drafted_events_are_read_as_the_log_will_show_them),
        cmocka_unit_test(a_reference_is_relative_within_the_batch_alone),
        cmocka_unit_test(what_does_not_fit_leaves_the_batch_as_it_was),
        cmocka_unit_test(without_memory_a_batch_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
