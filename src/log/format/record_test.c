/* SPDX-License-Identifier: MIT */
/*
 * Tests of the record head: its layout, and that its checksum covers all of it.
 */
#include "log/format/record.h"

#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "base/prng.h"
#include "tests/lib/cmocka_all.h"

enum { SALT = 0x1234567, POSITION = 0x9000, ROOM_BYTES = 1024 };

/** A record of random content at the start of a zeroed block. */
static struct mri_record_head *make_record(struct mri_prng *prng, uint8_t *block, uint32_t bytes)
{
    struct mri_record_head *head = (struct mri_record_head *)(void *)block;
    memset(block, 0, ROOM_BYTES);
    for (uint32_t i = 0; i < bytes; i++) {
        block[i] = (uint8_t)mri_prng_next(prng);
    }
    head->bytes = bytes;
    if (bytes < sizeof(*head) + MRI_RECORD_MSGID_BYTES) {
        head->flags &= (uint8_t)~MRI_RECORD_HAS_MSGID;
    }
    head->body_crc = mri_crc32c(0, block + sizeof(*head), bytes - sizeof(*head));
    head->head_crc = mri_record_head_crc(head, SALT, POSITION);
    return head;
}

static uint8_t *make_block(void)
{
    uint8_t *block = aligned_alloc(64, ROOM_BYTES);
    assert_non_null(block);
    return block;
}

/* Independent of the struct: bytes are placed by hand as the format says. */
static void the_layout_is_the_file_format(void **fixture)
{
    (void)fixture;
    uint8_t *block = make_block();
    for (int i = 0; i < 64; i++) {
        block[i] = (uint8_t)(i + 1);
    }
    const struct mri_record_head *head = (const struct mri_record_head *)(const void *)block;
    assert_int_equal(head->bytes, 0x04030201u);
    assert_int_equal(head->head_crc, 0x08070605u);
    assert_int_equal(head->seq, UINT64_C(0x100f0e0d0c0b0a09));
    assert_int_equal(head->time_unix_ns, INT64_C(0x1817161514131211));
    assert_int_equal(head->subject_prev, UINT64_C(0x201f1e1d1c1b1a19));
    assert_int_equal(head->subject_id, 0x24232221u);
    assert_int_equal(head->body_crc, 0x28272625u);
    assert_int_equal(head->prev_crc, 0x2c2b2a29u);
    assert_int_equal(head->prev_units, 0x2e2du);
    assert_int_equal(head->durable_lag, 0x302fu);
    assert_int_equal(head->producer_id, 0x34333231u);
    assert_int_equal(head->producer_seq, 0x38373635u);
    assert_int_equal(head->writer_epoch, 0x3c3b3a39u);
    assert_int_equal(head->type, 0x3e3du);
    assert_int_equal(head->flags, 0x3f);
    assert_int_equal(head->version, 0x40);
    /* CRC32C(salt, position, length, bytes 8..63) */
    uint8_t covered[20 + 56];
    uint64_t salt = UINT64_C(0xa1b2c3d4e5f60718);
    uint64_t position = 123456789;
    memcpy(covered, &salt, 8);
    memcpy(covered + 8, &position, 8);
    memcpy(covered + 16, block, 4);
    memcpy(covered + 20, block + 8, 56);
    assert_int_equal(
        mri_record_head_crc(head, salt, position), mri_crc32c_software(0, covered, 76));
    free(block);
}

static void a_stride_is_the_length_rounded_up_to_64(void **fixture)
{
    (void)fixture;
    for (size_t bytes = 64; bytes < 1000; bytes++) {
        size_t stride = mri_record_stride(bytes);
        assert_true(stride % 64 == 0 && stride >= bytes && stride < bytes + 64);
    }
    assert_int_equal(mri_record_stride(MRI_RECORD_BYTES_MAX), MRI_RECORD_BYTES_MAX);
}

static void a_good_record_passes(void **fixture)
{
    (void)fixture;
    struct mri_prng prng;
    uint8_t *block = make_block();
    mri_prng_init(&prng, 1);
    for (uint32_t bytes = 64; bytes <= ROOM_BYTES; bytes++) {
        const struct mri_record_head *head = make_record(&prng, block, bytes);
        assert_int_equal(mri_record_check_head(head, SALT, POSITION), MR_OK);
        assert_int_equal(mri_record_check_body(head, ROOM_BYTES), MR_OK);
        assert_int_equal(mri_record_check_body(head, mri_record_stride(bytes)), MR_OK);
        assert_int_equal(mri_record_check_body(head, mri_record_stride(bytes) - 1), MR_ECORRUPT);
    }
    free(block);
}

static void every_flipped_bit_of_head_body_or_padding_is_found(void **fixture)
{
    (void)fixture;
    struct mri_prng prng;
    uint8_t *block = make_block();
    mri_prng_init(&prng, 2);
    for (uint32_t bytes = 64; bytes < 200; bytes += 5) {
        const struct mri_record_head *head = make_record(&prng, block, bytes);
        for (size_t bit = 0; bit < 8 * mri_record_stride(bytes); bit++) {
            block[bit / 8] ^= (uint8_t)(1u << bit % 8);
            mr_err err = mri_record_check_head(head, SALT, POSITION);
            assert_int_equal(err != MR_OK, bit < 8 * 64);
            if (err == MR_OK) {
                assert_int_equal(mri_record_check_body(head, ROOM_BYTES), MR_ECORRUPT);
            }
            block[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
    }
    free(block);
}

static void a_record_is_valid_at_its_own_place_alone(void **fixture)
{
    (void)fixture;
    struct mri_prng prng;
    uint8_t *block = make_block();
    mri_prng_init(&prng, 3);
    const struct mri_record_head *head = make_record(&prng, block, 100);
    for (int bit = 0; bit < 64; bit++) {
        assert_int_equal(
            mri_record_check_head(head, SALT ^ UINT64_C(1) << bit, POSITION), MR_ECORRUPT);
        assert_int_equal(
            mri_record_check_head(head, SALT, POSITION ^ UINT64_C(1) << bit), MR_ECORRUPT);
    }
    free(block);
}

static void a_length_outside_the_limits_is_damage_even_with_a_good_checksum(void **fixture)
{
    (void)fixture;
    static const uint32_t lengths[] = {1, 63, MRI_RECORD_BYTES_MAX + 1, 0x80000000u, 0xffffffffu};
    struct mri_record_head head = {.seq = 1};
    for (size_t i = 0; i < MRI_COUNT_OF(lengths); i++) {
        head.bytes = lengths[i];
        head.head_crc = mri_record_head_crc(&head, SALT, POSITION);
        assert_int_equal(mri_record_check_head(&head, SALT, POSITION), MR_ECORRUPT);
    }
    head.bytes = 0;
    head.head_crc = mri_record_head_crc(&head, SALT, POSITION);
    assert_int_equal(mri_record_check_head(&head, SALT, POSITION), MR_END);
    head.bytes = MRI_RECORD_BYTES_MAX;
    head.head_crc = mri_record_head_crc(&head, SALT, POSITION);
    assert_int_equal(mri_record_check_head(&head, SALT, POSITION), MR_OK);
}

static const struct mri_gap sample_gap = {.first_seq = 7,
    .last_seq = 9,
    .bytes = 320,
    .next_crc = 0xfedcba98,
    .next_units = 16384,
    .reason = MRI_GAP_BODY};

static void a_gap_says_what_was_put_into_it(void **fixture)
{
    (void)fixture;
    for (int is_roll_lost = 0; is_roll_lost < 2; is_roll_lost++) {
        struct mri_record_head head = {.bytes = sizeof(head)};
        struct mri_record_link link;
        struct mri_gap gap = sample_gap;
        bool is_last;
        gap.is_roll_lost = is_roll_lost == 1;
        mri_record_put_gap(&head, &gap);
        struct mri_gap read = mri_record_gap(&head);
        assert_int_equal(read.first_seq, 7);
        assert_int_equal(read.last_seq, 9);
        assert_int_equal(read.reason, MRI_GAP_BODY);
        assert_int_equal(read.is_roll_lost, is_roll_lost);
        assert_int_equal(mri_record_step(&head, &link, &is_last), 320);
        assert_int_equal(link.seq, 10);
        assert_int_equal(link.crc, 0xfedcba98);
        assert_int_equal(link.units, 16384);
        assert_int_equal(is_last, is_roll_lost);
        assert_true(mri_record_is_numbered(&head));
    }
}

static void a_gap_that_cannot_be_is_damage(void **fixture)
{
    (void)fixture;
    _Alignas(64) uint8_t bytes[320] = {0};
    struct mri_record_head *head = (struct mri_record_head *)bytes;
    struct mri_gap gap = sample_gap;
    head->bytes = sizeof(*head);
    mri_record_put_gap(head, &gap);
    assert_int_equal(mri_record_check_body(head, 320), MR_OK);
    assert_int_equal(mri_record_check_body(head, 319), MR_ECORRUPT); /* beyond the segment */
    bytes[319] = 1;
    assert_int_equal(mri_record_check_body(head, 320), MR_ECORRUPT); /* what is lost is zero */
    bytes[319] = 0;
    gap.last_seq = 5; /* before the one in front of it */
    mri_record_put_gap(head, &gap);
    assert_int_equal(mri_record_check_body(head, 320), MR_ECORRUPT);
    gap.last_seq = 6; /* ROLL alone */
    mri_record_put_gap(head, &gap);
    assert_int_equal(mri_record_check_body(head, 320), MR_OK);
    assert_false(mri_record_is_numbered(head));
    gap.bytes = 0;
    mri_record_put_gap(head, &gap);
    assert_int_equal(mri_record_check_body(head, 320), MR_ECORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_layout_is_the_file_format),
        cmocka_unit_test(a_stride_is_the_length_rounded_up_to_64),
        cmocka_unit_test(a_good_record_passes),
        cmocka_unit_test(every_flipped_bit_of_head_body_or_padding_is_found),
        cmocka_unit_test(a_record_is_valid_at_its_own_place_alone),
        cmocka_unit_test(a_length_outside_the_limits_is_damage_even_with_a_good_checksum),
        cmocka_unit_test(a_gap_says_what_was_put_into_it),
        cmocka_unit_test(a_gap_that_cannot_be_is_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
