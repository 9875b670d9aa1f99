/* SPDX-License-Identifier: MIT */
/*
 * Tests of compression: what was packed comes out, in steps of any size; damage does not.
 */
#include "os/compress.h"

#include <string.h>

#include "base/prng.h"
#include "tests/lib/cmocka_all.h"

enum { PLAIN_BYTES = 50000, PACKED_MAX = 60000 };

static uint8_t plain[PLAIN_BYTES];
static uint8_t packed[PACKED_MAX];
static uint8_t again[PLAIN_BYTES + 1];

/** Run a whole frame in pieces; bytes that came out, and how it ended. */
static size_t run(struct mri_compress *compress, const uint8_t *in, size_t in_bytes, uint8_t *out,
    size_t out_bytes, size_t piece, mr_err *ret_err)
{
    struct mri_compress_step step = {.in = in, .out = out};
    mr_err err = MR_AGAIN;
    while (err == MR_AGAIN) {
        bool is_stuck = step.in_bytes == in_bytes && step.out_bytes == out_bytes;
        if (step.in_used == step.in_bytes || step.in_bytes == 0) {
            step.in_bytes = in_bytes - step.in_bytes < piece ? in_bytes : step.in_bytes + piece;
        }
        step.out_bytes = out_bytes - step.out_bytes < piece ? out_bytes : step.out_bytes + piece;
        size_t before = step.in_used + step.out_used;
        err = mri_compress_run(compress, &step, step.in_bytes == in_bytes);
        if (is_stuck && before == step.in_used + step.out_used) {
            break;
        }
    }
    *ret_err = err == MR_OK && step.in_used < in_bytes ? MR_ECORRUPT : err;
    return step.out_used;
}

static size_t pack(size_t piece)
{
    struct mri_compress compress;
    mr_err err;
    assert_int_equal(mri_compress_init(&compress, PLAIN_BYTES), MR_OK);
    size_t count = run(&compress, plain, PLAIN_BYTES, packed, PACKED_MAX, piece, &err);
    assert_int_equal(err, MR_OK);
    mri_compress_fini(&compress);
    return count;
}

static mr_err unpack(size_t packed_bytes, size_t piece, size_t *ret_count)
{
    struct mri_compress compress;
    mr_err err;
    assert_int_equal(mri_compress_init_unpack(&compress), MR_OK);
    *ret_count = run(&compress, packed, packed_bytes, again, sizeof(again), piece, &err);
    mri_compress_fini(&compress);
    return err;
}

static int set_up(void **fixture)
{
    (void)fixture;
    struct mri_prng prng;
    mri_prng_init(&prng, 5);
    for (size_t i = 0; i < PLAIN_BYTES; i++) {
        plain[i] = (uint8_t)(mri_prng_below(&prng, 3) == 0 ? mri_prng_next(&prng) : i / 100);
    }
    return 0;
}

static void what_was_packed_comes_out_in_steps_of_any_size(void **fixture)
{
    (void)fixture;
    static const size_t pieces[] = {1, 7, 1000, 1000000};
    for (int i = 0; i < 4; i++) {
        size_t count;
        size_t packed_bytes = pack(pieces[i]);
        assert_true(packed_bytes < PLAIN_BYTES);
        for (int k = 0; k < 4; k++) {
            memset(again, 0, sizeof(again));
            assert_int_equal(unpack(packed_bytes, pieces[k], &count), MR_OK);
            assert_int_equal(count, PLAIN_BYTES);
            assert_memory_equal(again, plain, PLAIN_BYTES);
        }
    }
}

static void a_short_or_changed_frame_never_gives_other_bytes(void **fixture)
{
    (void)fixture;
    size_t count;
    size_t packed_bytes = pack(1000000);
    for (size_t cut = 0; cut < packed_bytes; cut += 97) {
        assert_int_not_equal(unpack(cut, 1000000, &count), MR_OK);
    }
    for (size_t at = 0; at < packed_bytes; at += at < 32 ? 1 : 31) {
        packed[at] ^= (uint8_t)(1u << at % 8);
        mr_err err = unpack(packed_bytes, 1000000, &count);
        bool is_same = count == PLAIN_BYTES && memcmp(again, plain, PLAIN_BYTES) == 0;
        assert_true(err != MR_OK || is_same);
        packed[at] ^= (uint8_t)(1u << at % 8);
    }
    mri_compress_fini(NULL);
    mri_compress_fini(&(struct mri_compress){0});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(what_was_packed_comes_out_in_steps_of_any_size, set_up),
        cmocka_unit_test_setup(a_short_or_changed_frame_never_gives_other_bytes, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
