/* SPDX-License-Identifier: MIT */
/*
 * Tests of proofs: every event of a log has one, and a changed one is refused.
 */
#include "log/prove/proof.h"

#include "log/open/append.h"
#include "log/prove/seal_walk.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/log_sample.h"
#include "tests/lib/machine_sample.h"

enum { BODY_MAX = 40 };

static struct mri_machine_sample sample;
static uint64_t last;

/** Sessions of 1 to 40 events, so that trees of every such size are there, in two segments. */
static int make_log(void **fixture)
{
    *fixture = &sample;
    int result = mri_machine_sample_set_up(fixture);
    for (size_t n = 1; n <= 40; n++) {
        assert_int_equal(mri_log_sample_append(sample.log, n, BODY_MAX, MR_ASYNC, NULL), MR_OK);
        mri_log_sample_seal(sample.log);
    }
    for (int i = 0; i < 20; i++) {
        assert_int_equal(mri_log_sample_append(sample.log, 2, 100000, MR_ASYNC, NULL), MR_OK);
    }
    last = mr_log_last(sample.log).n;
    mri_machine_sample_close(&sample);
    return result;
}

static struct mri_seal_head newest_head(void)
{
    struct mri_seal_walk walk;
    assert_int_equal(mri_log_sample_walk_seals(sample.os, "/log", &walk, NULL), MR_END);
    struct mri_seal_head head = walk.head;
    mri_seal_walk_fini(&walk);
    return head;
}

static void every_event_has_a_proof_that_holds(void **fixture)
{
    (void)fixture;
    struct mri_seal_head newest = newest_head();
    struct mri_seal_head_line line = {.head = newest};
    const struct mri_seal_heads heads = {.lines = &line, .count = 1};
    assert_int_equal(newest.seq, last);
    for (uint64_t seq = 1; seq <= last; seq += seq < 200 ? 1 : 7) {
        for (int is_far = 0; is_far <= 1; is_far++) {
            struct mri_proof proof;
            mri_proof_init(&proof, mri_alloc_system());
            assert_int_equal(
                mri_proof_make(sample.os, "/log", seq, is_far ? &heads : NULL, &proof, NULL),
                MR_OK);
            assert_int_equal(mri_proof_check(&proof, NULL), MR_OK);
            assert_true(proof.head.seq >= seq);
            if (is_far) {
                assert_int_equal(proof.head.seq, newest.seq);
                assert_true(mri_seal_is_equal(&proof.head.link, &newest.link));
            }
            proof.seq++;
            assert_int_equal(mri_proof_check(&proof, NULL), MR_REFUSED);
            mri_proof_fini(&proof);
        }
    }
}

static void flip_all(struct mri_proof *proof, void *bytes, size_t count)
{
    for (size_t bit = 0; bit < 8 * count; bit++) {
        uint8_t *byte = (uint8_t *)bytes + bit / 8;
        *byte ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(mri_proof_check(proof, NULL), MR_REFUSED);
        *byte ^= (uint8_t)(1u << bit % 8);
    }
}

static void any_flipped_bit_of_a_proof_is_refused(void **fixture)
{
    (void)fixture;
    struct mri_seal_head_line line = {.head = newest_head()};
    const struct mri_seal_heads heads = {.lines = &line, .count = 1};
    struct mri_proof proof;
    mri_proof_init(&proof, mri_alloc_system());
    assert_int_equal(mri_proof_make(sample.os, "/log", last - 90, &heads, &proof, NULL), MR_OK);
    assert_int_equal(mri_proof_check(&proof, NULL), MR_OK);
    assert_true(proof.path_count > 2 && proof.links.count > 200);
    flip_all(&proof, &proof.seq, sizeof(proof.seq));
    flip_all(&proof, proof.record.bytes, proof.record.count);
    flip_all(&proof, proof.path, proof.path_count * sizeof(proof.path[0]));
    flip_all(&proof, &proof.path_count, sizeof(proof.path_count));
    flip_all(&proof, proof.seal.bytes, proof.seal.count);
    flip_all(&proof, proof.links.bytes, proof.links.count);
    flip_all(&proof, &proof.head, sizeof(proof.head));
    assert_int_equal(mri_proof_check(&proof, NULL), MR_OK);
    proof.links.count -= 8;
    assert_int_equal(mri_proof_check(&proof, NULL), MR_REFUSED);
    proof.links.count = 0;
    assert_int_equal(mri_proof_check(&proof, NULL), MR_REFUSED);
    mri_proof_fini(&proof);
}

static void an_event_that_is_not_there_has_no_proof(void **fixture)
{
    (void)fixture;
    for (int i = 0; i < 3; i++) {
        struct mri_proof proof;
        mri_proof_init(&proof, mri_alloc_system());
        uint64_t seq = i == 0 ? last + 1 : i == 1 ? UINT64_MAX : 0;
        mr_err err = mri_proof_make(sample.os, "/log", seq, NULL, &proof, NULL);
        assert_int_equal(err, MR_NOT_FOUND);
        assert_int_equal(mri_proof_check(&proof, NULL), MR_REFUSED);
        mri_proof_fini(&proof);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_event_has_a_proof_that_holds),
        cmocka_unit_test(any_flipped_bit_of_a_proof_is_refused),
        cmocka_unit_test(an_event_that_is_not_there_has_no_proof),
    };
    return cmocka_run_group_tests(tests, make_log, mri_machine_sample_tear_down);
}
