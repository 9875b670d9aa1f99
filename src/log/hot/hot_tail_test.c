/* SPDX-License-Identifier: MIT */
/*
 * The hot tail in one process: what is appended, written behind, synced, copied, refused.
 */
#include "log/hot/hot_thread.h"

#include <stdlib.h>

#include "base/prng.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/hot_sample.h"

enum { SEGMENT = 1024 * 1024, RING = 1024 * 1024, MANY = 20000 };

#define MILLISECOND_NS ((int64_t)1000000)

static struct mri_hot_sample sample;

static int set_up(void **fixture)
{
    (void)fixture;
    mri_hot_sample_begin(&sample, SEGMENT, RING);
    return 0;
}

static int tear_down(void **fixture)
{
    (void)fixture;
    mri_hot_sample_end(&sample);
    return 0;
}

static void expect_log(uint64_t records)
{
    struct mri_hot_sample_found found;
    assert_int_equal(mri_hot_sample_read(&sample, &found), MR_END);
    assert_int_equal(found.records, records);
    const uint64_t *derived = mri_hot_tail_derived(&sample.hot);
    assert_int_equal(derived[MRI_HOT_SAMPLE_COUNT], records);
}

/** Append so many records of writer 0 in batches of random size. */
static void append_many(uint32_t count, mr_durability durability)
{
    struct mri_prng prng;
    uint32_t number = (uint32_t)mri_hot_tail_derived(&sample.hot)[0];
    uint32_t last = number + count;
    mri_prng_init(&prng, number);
    while (number < last) {
        uint32_t batch = 1 + (uint32_t)mri_prng_below(&prng, 20);
        batch = batch < last - number ? batch : last - number;
        mr_log_ack ack;
        const struct mri_hot_sample_body first = {0, number + 1};
        mr_err err = mri_hot_sample_append(&sample.hot, &first, batch, durability, &ack);
        assert_int_equal(err, MR_OK);
        assert_int_equal(ack.first.n, number + 1);
        assert_int_equal(ack.last.n, number + batch);
        assert_int_equal(ack.is_durable, durability == MR_GROUP);
        number += batch;
    }
}

static void what_is_appended_is_in_the_segments_after_writing_behind(void **fixture)
{
    (void)fixture;
    append_many(100, MR_ASYNC);
    struct mri_hot_view_counters counters = mri_hot_tail_counters(&sample.hot);
    assert_true(counters.written < counters.tail);
    assert_int_equal(mri_hot_tail_write_behind(&sample.hot), MR_OK);
    counters = mri_hot_tail_counters(&sample.hot);
    assert_int_equal(counters.written, counters.tail);
    assert_int_equal(counters.written_seq, 100);
    assert_true(counters.durable < counters.written);
    expect_log(100);
}

static void a_full_ring_writes_behind_and_segments_follow_each_other(void **fixture)
{
    (void)fixture;
    append_many(MANY, MR_ASYNC); /* some 5 MB through a ring of 1 MiB, over several segments */
    assert_int_equal(mri_hot_tail_write_behind(&sample.hot), MR_OK);
    struct mri_hot_view_counters counters = mri_hot_tail_counters(&sample.hot);
    assert_true(counters.backpressured > 0);
    assert_true(counters.tail > 4 * (uint64_t)SEGMENT);
    assert_true(counters.durable > counters.tail - SEGMENT - RING); /* at each new segment */
    expect_log(MANY);
}

static void the_log_that_is_left_opens_as_any_other(void **fixture)
{
    (void)fixture;
    mr_log *log;
    mr_problem problem = {""};
    append_many(9000, MR_ASYNC);
    assert_int_equal(mri_hot_tail_write_behind(&sample.hot), MR_OK);
    expect_log(9000);
    assert_int_equal(mr_log_open(sample.log_folder, NULL, &log, &problem), MR_OK);
    assert_true(mr_log_last(log).n >= 9000); /* and what an open adds */
    mr_log_close(log);
}

static void a_group_append_is_durable_when_it_returns(void **fixture)
{
    (void)fixture;
    append_many(50, MR_GROUP);
    struct mri_hot_view_counters counters = mri_hot_tail_counters(&sample.hot);
    assert_int_equal(counters.durable, counters.tail);
    assert_int_equal(counters.durable_seq, 50);
    assert_true(counters.syncs > 0);
    assert_int_equal(mri_hot_tail_commit(&sample.hot, counters.tail), MR_OK);
    assert_int_equal(mri_hot_tail_counters(&sample.hot).syncs, counters.syncs); /* nothing to do */
    expect_log(50);
}

static void a_stray_store_never_reaches_the_disk(void **fixture)
{
    (void)fixture;
    append_many(30, MR_ASYNC);
    assert_int_equal(mri_hot_tail_write_behind(&sample.hot), MR_OK);
    uint64_t at = mri_hot_tail_counters(&sample.hot).tail;
    append_many(3, MR_ASYNC);
    sample.hot.memory.ring[(at + 70) % RING] ^= 1; /* some bug in some process */
    assert_int_equal(mri_hot_tail_write_behind(&sample.hot), MR_ECORRUPT);
    assert_true(mri_hot_tail_counters(&sample.hot).is_poisoned);
    const struct mri_hot_sample_body next = {0, 34};
    assert_int_equal(mri_hot_sample_append(&sample.hot, &next, 1, MR_ASYNC, NULL), MR_EPOISONED);
    assert_int_equal(mri_hot_tail_write_behind(&sample.hot), MR_EPOISONED);
    assert_int_equal(mri_hot_tail_commit(&sample.hot, at + 64), MR_EUNKNOWN);
    struct mri_hot_sample_found found;
    assert_int_equal(mri_hot_sample_read(&sample, &found), MR_END);
    assert_int_equal(found.records, 30);
}

static void what_is_refused_is_not_appended(void **fixture)
{
    (void)fixture;
    static uint8_t big[RING];
    append_many(10, MR_ASYNC);
    uint64_t tail = mri_hot_tail_counters(&sample.hot).tail;
    const struct mri_hot_sample_body twice = {0, 10};
    const struct mri_hot_sample_body gap = {0, 12};
    mr_log_ack ack;
    assert_int_equal(mri_hot_sample_append(&sample.hot, &twice, 1, MR_ASYNC, &ack), MR_OK);
    assert_true(ack.is_repeated); /* and says where it is */
    assert_int_equal(ack.first.n, 10);
    assert_int_equal(mri_hot_sample_append(&sample.hot, &gap, 1, MR_ASYNC, NULL), MR_REFUSED);
    mr_log_record record = {.body = big, .body_bytes = RING / 4, .type = 300};
    assert_int_equal(mri_hot_tail_append(&sample.hot, &record, 1, NULL, NULL), MR_ETOOLARGE);
    record.body_bytes = 8;
    assert_int_equal(mri_hot_tail_append(&sample.hot, &record, 0, NULL, NULL), MR_EINVAL);
    record.type = 3; /* the log's own */
    assert_int_equal(mri_hot_tail_append(&sample.hot, &record, 1, NULL, NULL), MR_EINVAL);
    record.type = 300;
    record.body = NULL;
    assert_int_equal(mri_hot_tail_append(&sample.hot, &record, 1, NULL, NULL), MR_EINVAL);
    const struct mri_hot_append stale = {.has_expected_last = true, .expected_last = 9};
    record.body = big;
    assert_int_equal(mri_hot_tail_append(&sample.hot, &record, 1, &stale, NULL), MR_CONFLICT);
    assert_int_equal(mri_hot_tail_counters(&sample.hot).tail, tail);
    append_many(5, MR_GROUP);
    expect_log(15);
}

static mr_err copy(uint64_t position, void *bytes, size_t count_max, size_t *ret_count)
{
    const struct mri_hot_view view = mri_hot_tail_view(&sample.hot);
    return mri_hot_view_copy(&view, position, bytes, count_max, ret_count);
}

static mr_err wait_behind(uint64_t position)
{
    const struct mri_hot_view view = mri_hot_tail_view(&sample.hot);
    return mri_hot_view_wait(&view, position, MRI_HOT_BITS_ALL, MILLISECOND_NS);
}

/** Copy everything from a position on, as a reader does, into one long text of records. */
static uint64_t copy_all(uint64_t position, uint64_t *ret_bytes)
{
    static uint8_t bytes[8192];
    size_t count;
    *ret_bytes = 0;
    for (;;) {
        mr_err err = copy(position, bytes, sizeof(bytes), &count);
        if (err == MR_AGAIN) {
            position = ((position - 1) / SEGMENT + 1) * SEGMENT + MRI_SEGMENT_PAGE_BYTES;
            continue;
        }
        if (err != MR_OK) {
            assert_int_equal(err, MR_END);
            return position;
        }
        position += count;
        *ret_bytes += count;
    }
}

static void the_ring_is_read_while_it_holds_the_bytes(void **fixture)
{
    (void)fixture;
    uint64_t first = mri_hot_tail_counters(&sample.hot).tail;
    uint64_t bytes;
    uint8_t byte;
    size_t count;
    assert_int_equal(copy(first, &byte, 1, &count), MR_END);
    assert_int_equal(copy(first - 64, &byte, 1, &count), MR_NOT_FOUND);
    append_many(1000, MR_ASYNC);
    uint64_t tail = mri_hot_tail_counters(&sample.hot).tail;
    assert_int_equal(copy_all(first, &bytes), tail);
    assert_int_equal(bytes, tail - first);
    append_many(6000, MR_ASYNC); /* laps */
    assert_int_equal(copy(first, &byte, 1, &count), MR_NOT_FOUND);
    uint64_t middle = mri_hot_tail_counters(&sample.hot).tail;
    append_many(1500, MR_ASYNC); /* over the end of a segment, sooner or later */
    assert_int_equal(copy_all(middle, &bytes), mri_hot_tail_counters(&sample.hot).tail);
}

static void a_sleeper_is_told_of_what_is_behind_its_position(void **fixture)
{
    (void)fixture;
    uint64_t tail = mri_hot_tail_counters(&sample.hot).tail;
    assert_int_equal(wait_behind(tail), MR_AGAIN);
    append_many(1, MR_ASYNC);
    assert_int_equal(wait_behind(tail), MR_OK);
    tail = mri_hot_tail_counters(&sample.hot).tail;
    assert_int_equal(wait_behind(tail), MR_AGAIN);
}

static void the_helper_writes_syncs_and_keeps_spares(void **fixture)
{
    (void)fixture;
    struct mri_hot_thread helper = {.hot = &sample.hot};
    assert_int_equal(mri_hot_thread_start(&helper), MR_OK);
    append_many(MANY, MR_ASYNC);
    uint64_t tail = mri_hot_tail_counters(&sample.hot).tail;
    const struct mri_os *os = mri_os_linux();
    for (int i = 0; i < 10000 && mri_hot_tail_counters(&sample.hot).durable < tail; i++) {
        os->sleep_ns(os->context, MILLISECOND_NS);
    }
    assert_int_equal(mri_hot_tail_counters(&sample.hot).durable, tail);
    expect_log(MANY);
    append_many(10, MR_ASYNC); /* it sleeps by now, and wakes */
    tail = mri_hot_tail_counters(&sample.hot).tail;
    for (int i = 0; i < 10000 && mri_hot_tail_counters(&sample.hot).written < tail; i++) {
        os->sleep_ns(os->context, MILLISECOND_NS);
    }
    expect_log(MANY + 10);
    mri_hot_thread_stop(&helper);
}

static void memory_of_another_kind_is_not_attached(void **fixture)
{
    (void)fixture;
    struct mri_hot_tail other = {0};
    struct mri_hot_options options = sample.options;
    assert_int_equal(mri_hot_tail_create(&other, &options, &sample.start), MR_EXISTS);
    options.ring_bytes *= 2;
    assert_int_equal(mri_hot_tail_attach(&other, &options), MR_ECORRUPT);
    options.ring_bytes = 4096;
    assert_int_equal(mri_hot_tail_attach(&other, &options), MR_EINVAL);
    options = sample.options;
    uint8_t *base = (uint8_t *)sample.hot.memory.base + MRI_SHARED_MEMORY_PAGE_BYTES;
    base[0] ^= 1;
    assert_int_equal(mri_hot_tail_attach(&other, &options), MR_EVERSION);
    base[0] ^= 1;
    assert_int_equal(mri_hot_tail_attach(&other, &options), MR_OK);
    const struct mri_hot_sample_body first = {1, 1};
    assert_int_equal(mri_hot_sample_append(&other, &first, 5, MR_GROUP, NULL), MR_OK);
    mri_hot_tail_close(&other);
    mri_hot_tail_close(NULL);
    expect_log(5);
}

/** The file that is written to next, by its path: a descriptor, and what its first page says. */
static int open_first_segment(struct mri_segment_head *ret_head)
{
    const struct mri_os *os = sample.options.os;
    uint8_t page[MRI_SEGMENT_PAGE_BYTES];
    char name[MRI_SEGMENT_NAME_BYTES];
    char path[MRI_PATH_BYTES_MAX];
    size_t count;
    bool is_hurt;
    int fd;
    assert_int_equal(mri_os_path(sample.log_folder, mri_segment_name(1, name), path), MR_OK);
    assert_int_equal(os->open(os->context, path, MRI_OPEN_WRITE, &fd), MR_OK);
    assert_int_equal(os->read_at(os->context, fd, page, sizeof(page), 0, &count), MR_OK);
    assert_int_equal(mri_segment_head_read(page, count, ret_head, &is_hurt), MR_OK);
    return fd;
}

static void expect_nothing_behind_the_head(int fd)
{
    const struct mri_os *os = sample.options.os;
    uint8_t page[MRI_SEGMENT_PAGE_BYTES];
    size_t count;
    assert_int_equal(
        os->read_at(os->context, fd, page, sizeof(page), MRI_SEGMENT_PAGE_BYTES, &count), MR_OK);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(page[i], 0);
    }
}

static void a_file_of_another_log_in_its_place_is_not_written_to(void **fixture)
{
    (void)fixture;
    const struct mri_os *os = sample.options.os;
    struct mri_segment_head head;
    int fd = open_first_segment(&head);
    head.log_uuid[0] ^= 1;
    mri_segment_head_seal(&head);
    assert_int_equal(mri_segment_head_write(os, fd, &head), MR_OK);
    append_many(10, MR_ASYNC);
    assert_int_equal(mri_hot_tail_write_behind(&sample.hot), MR_EPATH);
    expect_nothing_behind_the_head(fd);
    assert_int_equal(mri_hot_tail_write_behind(&sample.hot), MR_EPOISONED); /* and told again */
    os->close(os->context, fd);
}

static void the_file_that_is_held_is_written_to_wherever_it_is(void **fixture)
{
    (void)fixture;
    const struct mri_os *os = sample.options.os;
    char moved[MRI_PATH_BYTES_MAX];
    assert_int_equal(mri_os_path(sample.folder, "moved", moved), MR_OK);
    mri_hot_tail_hold_file(&sample.hot);
    assert_int_equal(os->rename(os->context, sample.log_folder, moved), MR_OK);
    append_many(10, MR_ASYNC);
    assert_int_equal(mri_hot_tail_write_behind(&sample.hot), MR_OK);
    assert_int_equal(os->rename(os->context, moved, sample.log_folder), MR_OK);
    expect_log(10);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_is_appended_is_in_the_segments_after_writing_behind),
        TEST(a_full_ring_writes_behind_and_segments_follow_each_other),
        TEST(the_log_that_is_left_opens_as_any_other),
        TEST(a_group_append_is_durable_when_it_returns),
        TEST(a_stray_store_never_reaches_the_disk),
        TEST(what_is_refused_is_not_appended),
        TEST(the_ring_is_read_while_it_holds_the_bytes),
        TEST(a_sleeper_is_told_of_what_is_behind_its_position),
        TEST(the_helper_writes_syncs_and_keeps_spares),
        TEST(memory_of_another_kind_is_not_attached),
        TEST(a_file_of_another_log_in_its_place_is_not_written_to),
        TEST(the_file_that_is_held_is_written_to_wherever_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
