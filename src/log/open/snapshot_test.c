/* SPDX-License-Identifier: MIT */
/*
 * Tests of snapshot files.
 */
#include "log/open/snapshot.h"

#include <string.h>

#include "base/alloc.h"
#include "base/check.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/os_memory.h"

enum { PAYLOAD_BYTES = 1000, SEEDS = 40 };

static const struct mri_snapshot_place place = {.seq = 77, .chain_crc = 0x12345678};

static struct mri_os_memory *begin(void)
{
    struct mri_os_memory *memory = mri_os_memory_new(1 << 20);
    const struct mri_os *os = mri_os_memory_table(memory);
    assert_int_equal(os->make_folder(os->context, "/log"), MR_OK);
    assert_int_equal(os->sync_folder(os->context, "/"), MR_OK);
    return memory;
}

static mr_err write_one(const struct mri_os *os)
{
    struct mri_buf payload;
    mri_buf_init(&payload, mri_alloc_system(), PAYLOAD_BYTES);
    memset(mri_buf_grow(&payload, PAYLOAD_BYTES), 'p', PAYLOAD_BYTES);
    mr_err err = mri_snapshot_write(os, "/log", &place, &payload);
    mri_buf_fini(&payload);
    return err;
}

static mr_err read_one(const struct mri_os *os, size_t bytes_max, struct mri_snapshot_place *found)
{
    struct mri_buf payload;
    mri_buf_init(&payload, mri_alloc_system(), bytes_max);
    mr_err err = mri_snapshot_read(os, "/log", place.seq, found, &payload);
    for (size_t i = 0; err == MR_OK && i < payload.count; i++) {
        assert_int_equal(payload.bytes[i], 'p');
    }
    assert_true(err != MR_OK || payload.count == PAYLOAD_BYTES);
    mri_buf_fini(&payload);
    return err;
}

static void a_snapshot_that_was_written_survives_a_power_cut(void **fixture)
{
    (void)fixture;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct mri_os_memory *memory = begin();
        const struct mri_os *os = mri_os_memory_table(memory);
        struct mri_snapshot_place found = {0};
        struct mri_prng prng;
        mri_prng_init(&prng, seed);
        assert_int_equal(write_one(os), MR_OK);
        mri_os_memory_cut_power(memory, &prng);
        assert_int_equal(read_one(os, PAYLOAD_BYTES, &found), MR_OK);
        assert_int_equal(found.seq, place.seq);
        assert_int_equal(found.chain_crc, place.chain_crc);
        mri_os_memory_free(memory);
    }
}

static void any_flipped_bit_is_found(void **fixture)
{
    (void)fixture;
    struct mri_os_memory *memory = begin();
    const struct mri_os *os = mri_os_memory_table(memory);
    struct mri_snapshot_place found;
    size_t count = 0;
    assert_int_equal(write_one(os), MR_OK);
    uint8_t *bytes = mri_os_memory_bytes(memory, "/log/snap/000000000000004d.snap", &count);
    assert_true(count > PAYLOAD_BYTES);
    for (size_t bit = 0; bit < 8 * count; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        mr_err err = read_one(os, PAYLOAD_BYTES, &found);
        assert_true(err == MR_ECORRUPT || err == MR_EVERSION);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_int_equal(read_one(os, PAYLOAD_BYTES, &found), MR_OK);
    assert_int_equal(mri_os_memory_open_count(memory), 0);
    mri_os_memory_free(memory);
}

static void one_that_is_cut_or_too_large_is_not_taken(void **fixture)
{
    (void)fixture;
    struct mri_os_memory *memory = begin();
    const struct mri_os *os = mri_os_memory_table(memory);
    struct mri_snapshot_place found;
    size_t count = 0;
    uint8_t whole[2 * PAYLOAD_BYTES];
    assert_int_equal(write_one(os), MR_OK);
    const char *path = "/log/snap/000000000000004d.snap";
    const uint8_t *bytes = mri_os_memory_bytes(memory, path, &count);
    assert_true(count <= sizeof(whole));
    memcpy(whole, bytes, count);
    assert_int_equal(read_one(os, PAYLOAD_BYTES - 1, &found), MR_ENOMEM);
    for (size_t cut = 0; cut < count; cut++) {
        mri_os_memory_put(memory, path, whole, cut);
        assert_int_equal(read_one(os, PAYLOAD_BYTES, &found), MR_ECORRUPT);
    }
    mri_os_memory_free(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_snapshot_that_was_written_survives_a_power_cut),
        cmocka_unit_test(any_flipped_bit_is_found),
        cmocka_unit_test(one_that_is_cut_or_too_large_is_not_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
