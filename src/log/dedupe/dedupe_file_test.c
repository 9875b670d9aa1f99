/* SPDX-License-Identifier: MIT */
/*
 * The file `producers`: whatever happens to it, the log opens, and knows what its events say.
 */
#include "log/dedupe/dedupe_file.h"

#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "base/prng.h"
#include "log/open/append.h"
#include "log/open/writer.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/os_memory.h"

enum { FILE_BYTES = MRI_SEGMENT_BYTES_MIN, RECORDS = 40, BYTES_MAX = 8192 };

static const char path[] = "/log/producers";
static struct mri_os_memory *memory;
static const struct mri_os *os;
static mr_log *log_handle;
static uint8_t whole[BYTES_MAX];
static size_t whole_count;

static void open_log(void)
{
    const mr_log_options options = {.is_create = true,
        .segment_bytes = FILE_BYTES,
        .producers_max = 16,
        .message_ids = MRI_DEDUPE_IDS_MIN};
    mr_problem problem = {{0}};
    mr_err err = mri_log_open(os, mri_alloc_system(), "/log", &options, &log_handle, &problem);
    assert_string_equal(problem.text, "");
    assert_int_equal(err, MR_OK);
}

static mr_log_record record_of(uint32_t n, uint8_t id[MRI_MESSAGE_ID_BYTES])
{
    memset(id, (int)n, MRI_MESSAGE_ID_BYTES);
    return (mr_log_record){.type = 300,
        .producer_id = 1 + n % 5,
        .producer_seq = 1 + n,
        .message_id = n % 3 == 0 ? id : NULL};
}

static int set_up(void **fixture)
{
    (void)fixture;
    uint8_t id[MRI_MESSAGE_ID_BYTES];
    memory = mri_os_memory_new(4 * FILE_BYTES);
    os = mri_os_memory_table(memory);
    open_log();
    for (uint32_t n = 0; n < RECORDS; n++) {
        const mr_log_record record = record_of(n, id);
        assert_int_equal(mr_log_append(log_handle, &record, 1, MR_ASYNC, NULL), MR_OK);
    }
    mr_log_close(log_handle);
    assert_int_equal(mri_os_read_file(os, path, whole, sizeof(whole), &whole_count), MR_OK);
    return 0;
}

static int tear_down(void **fixture)
{
    (void)fixture;
    mri_os_memory_free(memory);
    return 0;
}

/** Open with this in place of the file; everything must be known. */
static void check_open(const void *bytes, size_t count, bool is_good)
{
    uint8_t id[MRI_MESSAGE_ID_BYTES];
    assert_int_equal(mri_os_replace_file(os, "/log", "producers", bytes, count), MR_OK);
    open_log();
    assert_int_equal(mri_log_opening(log_handle)->is_dedupe_rescanned, !is_good);
    assert_false(mri_log_opening(log_handle)->is_dedupe_incomplete);
    const struct mri_dedupe *dedupe = &log_handle->attachment->hot.dedupe;
    for (uint32_t n = 0; n < RECORDS; n++) {
        const mr_log_record record = record_of(n, id);
        struct mri_dedupe_newest newest;
        assert_true(mri_dedupe_find_producer(dedupe, record.producer_id, &newest));
        assert_int_equal(newest.producer_seq % 5, record.producer_seq % 5);
        assert_true(newest.producer_seq > RECORDS - 5 && newest.seq == newest.producer_seq);
        assert_int_equal(mri_dedupe_find_id(dedupe, id), n % 3 == 0 ? n + 1 : 0);
    }
    mr_log_close(log_handle);
    uint8_t again[BYTES_MAX];
    size_t again_count;
    assert_int_equal(mri_os_read_file(os, path, again, sizeof(again), &again_count), MR_OK);
    assert_int_equal(again_count, whole_count); /* it was made anew */
    assert_memory_equal(again, whole, whole_count);
}

static void a_whole_file_is_believed(void **fixture)
{
    (void)fixture;
    check_open(whole, whole_count, true);
}

static void a_flipped_bit_costs_a_scan_and_nothing_else(void **fixture)
{
    (void)fixture;
    struct mri_dedupe_file file;
    for (size_t bit = 0; bit < 8 * whole_count; bit++) {
        uint8_t hurt[BYTES_MAX];
        memcpy(hurt, whole, whole_count);
        hurt[bit / 8] ^= (uint8_t)(1u << bit % 8);
        const struct mri_dedupe_file_head *head = (const void *)whole;
        assert_true(mri_dedupe_file_check(hurt, whole_count, head->log_uuid, &file) != MR_OK);
        if (bit % 37 == 0) {
            check_open(hurt, whole_count, false);
        }
    }
}

static void a_file_of_any_other_length_costs_a_scan_and_nothing_else(void **fixture)
{
    (void)fixture;
    uint8_t longer[BYTES_MAX] = {0};
    memcpy(longer, whole, whole_count);
    for (size_t count = 0; count < whole_count + 50; count += count < 70 ? 1 : 41) {
        if (count != whole_count) {
            check_open(longer, count, false);
        }
    }
}

static void garbage_costs_a_scan_and_nothing_else(void **fixture)
{
    (void)fixture;
    struct mri_prng prng;
    mri_prng_init(&prng, 1);
    for (int round = 0; round < 200; round++) {
        uint8_t garbage[BYTES_MAX];
        size_t count = (size_t)mri_prng_below(&prng, sizeof(garbage));
        memcpy(garbage, whole, whole_count);
        for (size_t i = 0; i < count; i++) {
            garbage[mri_prng_below(&prng, sizeof(garbage))] = (uint8_t)mri_prng_next(&prng);
        }
        struct mri_dedupe_file file;
        const struct mri_dedupe_file_head *head = (const void *)whole;
        if (mri_dedupe_file_check(garbage, count, head->log_uuid, &file) != MR_OK &&
            round % 10 == 0) {
            check_open(garbage, count, false);
        }
    }
}

/** A file that is whole, and of a history that the log does not have. */
static void a_file_of_another_history_is_left_aside(void **fixture)
{
    (void)fixture;
    const struct mri_dedupe_limits limits = {.producers = 16, .ids = MRI_DEDUPE_IDS_MIN};
    struct mri_dedupe_file_head head;
    void *tables = calloc(1, mri_dedupe_bytes(limits));
    struct mri_dedupe dedupe = mri_dedupe_at(tables, limits);
    const struct mri_dedupe_record lie = {.seq = 9, .producer_id = 1, .producer_seq = 1000000};
    assert_int_equal(mri_dedupe_note(&dedupe, &lie), MR_OK);
    memcpy(&head, whole, sizeof(head));
    const struct {
        uint64_t seq;
        uint32_t chain_crc;
        uint8_t uuid_flip;
        bool is_refused;
    } cases[] = {
        {head.seq, head.chain_crc ^ 1, 0, false},
        {head.seq - 1, head.chain_crc, 0, false},
        {head.seq, head.chain_crc, 1, false},
        {head.seq + 1, head.chain_crc, 1, false},
        {head.seq + 1, head.chain_crc, 0, true}, /* the end that it was written behind is gone */
        {UINT64_MAX, 0, 0, true},
    };
    for (size_t i = 0; i < MRI_COUNT_OF(cases); i++) {
        struct mri_dedupe_file_place place = {.seq = cases[i].seq, .chain_crc = cases[i].chain_crc};
        uint8_t bytes[BYTES_MAX];
        size_t count;
        memcpy(place.log_uuid, head.log_uuid, sizeof(place.log_uuid));
        place.log_uuid[3] ^= cases[i].uuid_flip;
        assert_int_equal(
            mri_dedupe_file_write(os, mri_alloc_system(), "/log", &dedupe, &place), MR_OK);
        if (cases[i].is_refused) {
            mr_problem problem = {""};
            assert_int_equal(mri_log_open(os, mri_alloc_system(), "/log",
                                 &(mr_log_options){.is_create = true}, &log_handle, &problem),
                MR_ECORRUPT);
            assert_non_null(strstr(problem.text, "remove the file producers"));
            continue;
        }
        assert_int_equal(mri_os_read_file(os, path, bytes, sizeof(bytes), &count), MR_OK);
        check_open(bytes, count, false);
    }
    free(tables);
}

/** Give bytes that were changed the checksum that they need. */
static void seal(uint8_t *bytes, size_t count)
{
    struct mri_dedupe_file_head head;
    memcpy(&head, bytes, sizeof(head));
    head.crc = 0;
    memcpy(bytes, &head, sizeof(head));
    head.crc = mri_crc32c(0, bytes, count);
    memcpy(bytes, &head, sizeof(head));
}

/** What no writer writes, with a good checksum. */
static void a_file_that_says_what_cannot_be_is_left_aside(void **fixture)
{
    (void)fixture;
    struct mri_dedupe_file_head head;
    memcpy(&head, whole, sizeof(head));
    size_t producers = sizeof(head);
    size_t ids = producers + head.producer_count * sizeof(struct mri_dedupe_file_producer);
    const size_t producer_seq_at = offsetof(struct mri_dedupe_file_producer, seq);
    const size_t id_seq_at = offsetof(struct mri_dedupe_file_id, seq);
    const size_t id_bytes = sizeof(struct mri_dedupe_file_id);
    const struct {
        size_t at;
        uint64_t value;
        size_t bytes;
    } cases[] = {
        {producers, 0, 4},                              /* no producer has this id */
        {producers + producer_seq_at, 0, 8},            /* of no event */
        {producers + producer_seq_at, head.seq + 1, 8}, /* of one that comes later */
        {ids + id_seq_at, 0, 8},                        /* the same of ids */
        {ids + (head.id_count - 1) * id_bytes + id_seq_at, head.seq + 1, 8},
        {ids + id_bytes + id_seq_at, 1, 8}, /* not in order: the one before is of event 1 */
    };
    for (size_t i = 0; i < MRI_COUNT_OF(cases); i++) {
        struct mri_dedupe_file file;
        uint8_t bytes[BYTES_MAX];
        memcpy(bytes, whole, whole_count);
        seal(bytes, whole_count);
        assert_memory_equal(bytes, whole, whole_count);
        memcpy(bytes + cases[i].at, &cases[i].value, cases[i].bytes);
        seal(bytes, whole_count);
        assert_int_equal(
            mri_dedupe_file_check(bytes, whole_count, head.log_uuid, &file), MR_ECORRUPT);
        check_open(bytes, whole_count, false);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_whole_file_is_believed),
        TEST(a_flipped_bit_costs_a_scan_and_nothing_else),
        TEST(a_file_of_any_other_length_costs_a_scan_and_nothing_else),
        TEST(garbage_costs_a_scan_and_nothing_else),
        TEST(a_file_of_another_history_is_left_aside),
        TEST(a_file_that_says_what_cannot_be_is_left_aside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
