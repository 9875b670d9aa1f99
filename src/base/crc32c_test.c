/* SPDX-License-Identifier: MIT */
/*
 * Tests of CRC32C: known vectors, hardware against software, and what the log relies on it to find.
 */
#include "base/crc32c.h"

#include <string.h>

#include "base/prng.h"
#include "tests/lib/cmocka_all.h"

static void it_gives_the_vectors_of_rfc_3720(void **fixture)
{
    (void)fixture;
    uint8_t bytes[48];
    memset(bytes, 0, 32);
    assert_int_equal(mri_crc32c(0, bytes, 32), 0x8a9136aau);
    memset(bytes, 0xff, 32);
    assert_int_equal(mri_crc32c(0, bytes, 32), 0x62a8ab43u);
    for (unsigned i = 0; i < 32; i++) {
        bytes[i] = (uint8_t)i;
    }
    assert_int_equal(mri_crc32c(0, bytes, 32), 0x46dd794eu);
    for (unsigned i = 0; i < 32; i++) {
        bytes[i] = (uint8_t)(31 - i);
    }
    assert_int_equal(mri_crc32c(0, bytes, 32), 0x113fdb5cu);
    static const uint8_t read_command[48] = {
        0x01, 0xc0, [16] = 0x14, [22] = 0x04, [27] = 0x14, [31] = 0x18, [32] = 0x28, [40] = 0x02};
    assert_int_equal(mri_crc32c(0, read_command, 48), 0xd9963a56u);
    assert_int_equal(mri_crc32c(0, "123456789", 9), 0xe3069283u);
    assert_int_equal(mri_crc32c(0, NULL, 0), 0);
}

static void hardware_and_software_agree(void **fixture)
{
    (void)fixture;
    struct mri_prng prng;
    uint8_t bytes[600];
    mri_prng_init(&prng, 2);
    for (int round = 0; round < 20000; round++) {
        size_t from = mri_prng_below(&prng, 17); /* every alignment */
        size_t count = mri_prng_below(&prng, sizeof(bytes) - from);
        uint32_t start = (uint32_t)mri_prng_next(&prng);
        for (size_t i = 0; i < count; i++) {
            bytes[from + i] = (uint8_t)mri_prng_next(&prng);
        }
        assert_int_equal(mri_crc32c(start, bytes + from, count),
            mri_crc32c_software(start, bytes + from, count));
    }
}

static void extending_equals_the_checksum_of_the_whole(void **fixture)
{
    (void)fixture;
    uint8_t bytes[300];
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)(i * i + 3);
    }
    uint32_t whole = mri_crc32c(0, bytes, sizeof(bytes));
    for (size_t cut = 0; cut <= sizeof(bytes); cut++) {
        uint32_t front = mri_crc32c(0, bytes, cut);
        assert_int_equal(mri_crc32c(front, bytes + cut, sizeof(bytes) - cut), whole);
    }
}

static void every_error_of_one_bit_or_one_burst_up_to_32_bits_is_found(void **fixture)
{
    (void)fixture;
    struct mri_prng prng;
    uint8_t bytes[256];
    mri_prng_init(&prng, 3);
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)mri_prng_next(&prng);
    }
    uint32_t good = mri_crc32c(0, bytes, sizeof(bytes));
    for (size_t bit = 0; bit < 8 * sizeof(bytes); bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_not_equal(mri_crc32c(0, bytes, sizeof(bytes)), good);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (int round = 0; round < 100000; round++) {
        size_t at = mri_prng_below(&prng, sizeof(bytes) - 4);
        uint32_t burst = (uint32_t)mri_prng_next(&prng) | 1;
        uint32_t word;
        memcpy(&word, bytes + at, sizeof(word));
        uint32_t damaged = word ^ burst;
        memcpy(bytes + at, &damaged, sizeof(damaged));
        assert_int_not_equal(mri_crc32c(0, bytes, sizeof(bytes)), good);
        memcpy(bytes + at, &word, sizeof(word));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_gives_the_vectors_of_rfc_3720),
        cmocka_unit_test(hardware_and_software_agree),
        cmocka_unit_test(extending_equals_the_checksum_of_the_whole),
        cmocka_unit_test(every_error_of_one_bit_or_one_burst_up_to_32_bits_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
