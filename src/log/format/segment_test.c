/* SPDX-License-Identifier: MIT */
/*
 * Tests of segment files: names, the two heads, listing.
 */
#include "log/format/segment.h"

#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "base/prng.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/os_memory.h"

enum { SECOND_AT = 2048 };

static struct mri_segment_head sample_head(void)
{
    struct mri_segment_head head = {
        .writer_epoch = 3,
        .log_uuid = {1, 2, 3},
        .base_seq = 77,
        .base_position = (uint64_t)5 << 20,
        .salt = UINT64_C(0x0123456789abcdef),
        .segment_bytes = 1 << 20,
        .prev_unix_ns = 1700000000000000000,
        .prev_crc = 0xdeadbeefu,
        .prev_units = 12,
    };
    mri_segment_head_seal(&head);
    return head;
}

/** A page as mri_segment_head_write() puts it into a file. */
static void write_page(const struct mri_segment_head *head, uint8_t page[MRI_SEGMENT_PAGE_BYTES])
{
    struct mri_os_memory *memory = mri_os_memory_new(1 << 20);
    const struct mri_os *os = mri_os_memory_table(memory);
    int fd;
    size_t count;
    assert_int_equal(os->open(os->context, "/s", MRI_OPEN_WRITE | MRI_OPEN_CREATE, &fd), MR_OK);
    assert_int_equal(mri_segment_head_write(os, fd, head), MR_OK);
    const uint8_t *bytes = mri_os_memory_bytes(memory, "/s", &count);
    assert_int_equal(count, MRI_SEGMENT_PAGE_BYTES);
    memcpy(page, bytes, count);
    mri_os_memory_free(memory);
}

static void names_are_16_hex_digits_and_parse_back(void **fixture)
{
    (void)fixture;
    struct mri_prng prng;
    char name[MRI_SEGMENT_NAME_BYTES];
    uint64_t seq = 0;
    mri_prng_init(&prng, 1);
    assert_string_equal(mri_segment_name(1, name), "seg-0000000000000001.log");
    assert_string_equal(mri_segment_name(UINT64_MAX, name), "seg-ffffffffffffffff.log");
    for (int i = 0; i < 10000; i++) {
        uint64_t wanted = (mri_prng_next(&prng) >> mri_prng_below(&prng, 64)) | 1;
        assert_int_equal(mri_segment_name_parse(mri_segment_name(wanted, name), &seq), MR_OK);
        assert_int_equal(seq, wanted);
    }
}

static void other_names_are_no_segments(void **fixture)
{
    (void)fixture;
    static const char *const names[] = {"", "seg-", "MANIFEST", "lock", "spare-0",
        "seg-0000000000000000.log", "seg-000000000000001.log", "seg-00000000000000001.log",
        "seg-000000000000000A.log", "seg-000000000000000g.log", "seg-0000000000000001.idx",
        "Seg-0000000000000001.log", "seg_0000000000000001.log", "seg-0000000000000001.log~",
        "seg--000000000000001.log", "seg-+000000000000001.log", "seg- 000000000000001.log"};
    for (size_t i = 0; i < MRI_COUNT_OF(names); i++) {
        uint64_t seq;
        assert_int_equal(mri_segment_name_parse(names[i], &seq), MR_REFUSED);
    }
}

static void the_layout_of_the_head_is_the_file_format(void **fixture)
{
    (void)fixture;
    uint8_t page[MRI_SEGMENT_PAGE_BYTES];
    struct mri_segment_head head = sample_head();
    write_page(&head, page);
    static const uint8_t expected[124] = {'M', 'R', 'S', 'E', 'G', '\r', '\n', 0x1a, 1, 0, 0, 0, 3,
        0, 0, 0, 1, 2, 3, [32] = 77, [42] = 0x50, [48] = 0xef, 0xcd, 0xab, 0x89, 0x67, 0x45, 0x23,
        0x01, [58] = 0x10, [64] = 0x00, 0x00, 0x2a, 0x36, 0xfe, 0x9c, 0x97, 0x17, 0xef, 0xbe, 0xad,
        0xde, 12};
    assert_memory_equal(page, expected, sizeof(expected));
    uint32_t crc = mri_crc32c_software(0, page, 124);
    assert_memory_equal(page + 124, &crc, sizeof(crc));
    assert_memory_equal(page + SECOND_AT, page, 128);
    for (size_t i = 128; i < SECOND_AT; i++) {
        assert_int_equal(page[i] | page[SECOND_AT + i], 0);
    }
}

static void a_head_is_read_back_from_either_copy(void **fixture)
{
    (void)fixture;
    uint8_t page[MRI_SEGMENT_PAGE_BYTES];
    const struct mri_segment_head head = sample_head();
    write_page(&head, page);
    for (size_t bit = 0; bit < 8 * sizeof(head); bit++) {
        for (size_t copy = 0; copy < 2; copy++) {
            struct mri_segment_head again = {0};
            bool is_hurt = false;
            uint8_t *byte = page + copy * SECOND_AT + bit / 8;
            *byte ^= (uint8_t)(1u << bit % 8);
            assert_int_equal(mri_segment_head_read(page, sizeof(page), &again, &is_hurt), MR_OK);
            assert_true(is_hurt);
            assert_memory_equal(&again, &head, sizeof(head));
            *byte ^= (uint8_t)(1u << bit % 8);
        }
    }
    struct mri_segment_head again = {0};
    bool is_hurt = true;
    assert_int_equal(mri_segment_head_read(page, sizeof(page), &again, &is_hurt), MR_OK);
    assert_false(is_hurt);
}

static void without_a_good_copy_a_segment_is_damaged(void **fixture)
{
    (void)fixture;
    uint8_t page[MRI_SEGMENT_PAGE_BYTES];
    struct mri_segment_head head = sample_head();
    bool is_hurt;
    write_page(&head, page);
    page[40] ^= 1;
    page[SECOND_AT + 90] ^= 1;
    assert_int_equal(mri_segment_head_read(page, sizeof(page), &head, &is_hurt), MR_ECORRUPT);
    memset(page, 0, sizeof(page));
    assert_int_equal(mri_segment_head_read(page, sizeof(page), &head, &is_hurt), MR_ECORRUPT);
    head = sample_head();
    write_page(&head, page);
    for (size_t count = 0; count < sizeof(page); count += 61) {
        assert_int_equal(mri_segment_head_read(page, count, &head, &is_hurt), MR_ECORRUPT);
    }
}

/** What reading says of a head that was changed and sealed again. */
static mr_err read_changed(struct mri_segment_head head)
{
    uint8_t page[MRI_SEGMENT_PAGE_BYTES];
    struct mri_segment_head again;
    bool is_hurt;
    head.head_crc = mri_crc32c(0, &head, offsetof(struct mri_segment_head, head_crc));
    write_page(&head, page);
    return mri_segment_head_read(page, sizeof(page), &again, &is_hurt);
}

static void a_newer_version_or_an_unknown_feature_is_not_read(void **fixture)
{
    (void)fixture;
    struct mri_segment_head head = sample_head();
    assert_int_equal(read_changed(head), MR_OK);
    head.version = 2;
    assert_int_equal(read_changed(head), MR_EVERSION);
    head = sample_head();
    head.features_incompat = 0x80000000u;
    assert_int_equal(read_changed(head), MR_EVERSION);
    head = sample_head();
    head.features_compat = 0xffffffffu; /* to be ignored */
    head.features_ro_compat = 1;        /* readers may read */
    assert_int_equal(read_changed(head), MR_OK);
}

static void numbers_that_no_writer_writes_are_damage(void **fixture)
{
    (void)fixture;
    struct mri_segment_head head = sample_head();
    head.base_seq = 0;
    assert_int_equal(read_changed(head), MR_ECORRUPT);
    head = sample_head();
    head.base_position = 63;
    assert_int_equal(read_changed(head), MR_ECORRUPT);
    static const uint64_t lengths[] = {0, 4096, (1 << 20) - 4096, (1 << 20) + 1, UINT64_MAX,
        (uint64_t)MRI_SEGMENT_BYTES_MAX + 4096};
    for (size_t i = 0; i < MRI_COUNT_OF(lengths); i++) {
        head = sample_head();
        head.segment_bytes = lengths[i];
        assert_int_equal(read_changed(head), MR_ECORRUPT);
    }
}

static void a_folder_lists_its_segments_in_order_and_nothing_else(void **fixture)
{
    (void)fixture;
    struct mri_os_memory *memory = mri_os_memory_new(4096);
    struct mri_segment_list list;
    struct mri_prng prng;
    mri_prng_init(&prng, 2);
    const struct mri_os *os = mri_os_memory_table(memory);
    mri_os_memory_put(memory, "/MANIFEST", "x", 1);
    mri_os_memory_put(memory, "/spare-0", "x", 1);
    assert_int_equal(mri_segment_list(os, mri_alloc_system(), "/", &list), MR_OK);
    assert_int_equal(list.count, 0);
    mri_segment_list_fini(&list);
    for (int i = 0; i < 150; i++) {
        char name[MRI_SEGMENT_NAME_BYTES];
        char path[MRI_PATH_BYTES_MAX];
        (void)mri_segment_name(1 + (mri_prng_next(&prng) >> 4), name);
        assert_int_equal(mri_os_path("/", name, path), MR_OK);
        mri_os_memory_put(memory, path + 1, "x", 1);
    }
    assert_int_equal(mri_segment_list(os, mri_alloc_system(), "/", &list), MR_OK);
    assert_int_equal(list.count, 150);
    for (size_t i = 1; i < list.count; i++) {
        assert_true(list.base_seqs[i - 1] < list.base_seqs[i]);
    }
    mri_segment_list_fini(&list);
    mri_segment_list_fini(&list);
    mri_segment_list_fini(NULL);
    assert_int_equal(mri_segment_list(os, mri_alloc_system(), "/no", &list), MR_EPATH);
    mri_os_memory_free(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_16_hex_digits_and_parse_back),
        cmocka_unit_test(other_names_are_no_segments),
        cmocka_unit_test(the_layout_of_the_head_is_the_file_format),
        cmocka_unit_test(a_head_is_read_back_from_either_copy),
        cmocka_unit_test(without_a_good_copy_a_segment_is_damaged),
        cmocka_unit_test(a_newer_version_or_an_unknown_feature_is_not_read),
        cmocka_unit_test(numbers_that_no_writer_writes_are_damage),
        cmocka_unit_test(a_folder_lists_its_segments_in_order_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
