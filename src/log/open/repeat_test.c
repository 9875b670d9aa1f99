/* SPDX-License-Identifier: MIT */
/*
 * What is appended again is not in the log twice: every rule of millrace/log.h, and where the
 * originals are.
 */
#include "log/open/repeat.h"

#include <string.h>

#include "base/check.h"
#include "log/keep/retain.h"
#include "log/open/append.h"
#include "log/open/figures.h"
#include "log/open/writer.h"
#include "log/read/reader.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/log_sample.h"
#include "tests/lib/machine_sample.h"

enum { FILE_BYTES = MRI_SEGMENT_BYTES_MIN, LARGE = 200000 };

static struct mri_machine_sample sample = {.file_bytes_max = (size_t)16 * FILE_BYTES};
static mr_log_ack ack;
static const uint8_t large[LARGE];

static mr_err open_with(mr_log_options options)
{
    mr_problem problem = {{0}};
    options.is_create = true;
    options.segment_bytes = FILE_BYTES;
    return mri_log_open(sample.os, mri_alloc_system(), "/log", &options, &sample.log, &problem);
}

static void reopen(void)
{
    mr_log_close(sample.log);
    assert_int_equal(open_with((mr_log_options){0}), MR_OK);
}

static mr_log_record made_by(uint32_t producer, uint32_t number)
{
    return (mr_log_record){.type = 300, .producer_id = producer, .producer_seq = number};
}

static mr_err append(const mr_log_record *records, size_t count)
{
    memset(&ack, 0, sizeof(ack));
    return mr_log_append(sample.log, records, count, MR_ASYNC, &ack);
}

static mr_err append_one(uint32_t producer, uint32_t number)
{
    const mr_log_record record = made_by(producer, number);
    return append(&record, 1);
}

static void expect_repeat(uint64_t first, uint64_t last)
{
    assert_true(ack.is_repeated);
    assert_int_equal(ack.first.n, first);
    assert_int_equal(ack.last.n, last);
    assert_int_equal(ack.stored_bytes, 0);
}

static void expect_new(uint64_t first, uint64_t last)
{
    assert_false(ack.is_repeated);
    assert_int_equal(ack.first.n, first);
    assert_int_equal(ack.last.n, last);
}

static void a_batch_that_comes_again_is_answered_and_not_appended(void **fixture)
{
    (void)fixture;
    const mr_log_record batch[] = {made_by(7, 1), {.type = 301}, made_by(7, 2), {.type = 301}};
    assert_int_equal(append(batch, 4), MR_OK);
    expect_new(1, 4);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(append(batch, 4), MR_OK);
        expect_repeat(1, 4);
        assert_int_equal(mr_log_last(sample.log).n, 4);
        reopen();
    }
    assert_int_equal(append_one(7, 3), MR_OK);
    expect_new(5, 5);
    assert_int_equal(append(batch, 4), MR_OK); /* older than the newest run: out of the log */
    expect_repeat(1, 4);
    assert_int_equal(append_one(7, 2), MR_OK);
    expect_repeat(3, 3);
}

static void it_is_exact_for_ever(void **fixture)
{
    (void)fixture;
    for (uint32_t i = 1; i <= 3000; i++) { /* two producers in turn: no run is longer than one */
        assert_int_equal(append_one(1 + i % 2, i), MR_OK);
        expect_new(i, i);
    }
    for (uint32_t i = 1; i <= 3000; i += 131) {
        assert_int_equal(append_one(1 + i % 2, i), MR_OK);
        expect_repeat(i, i);
    }
    reopen();
    assert_int_equal(append_one(2, 1), MR_OK);
    expect_repeat(1, 1);
    assert_int_equal(mr_log_last(sample.log).n, 3000);
}

static void numbers_may_be_left_out_and_are_given_up_then(void **fixture)
{
    (void)fixture;
    assert_int_equal(append_one(7, 5), MR_OK);
    assert_int_equal(append_one(7, UINT32_MAX), MR_OK);
    expect_new(2, 2);
    assert_int_equal(append_one(7, 6), MR_OK);
    expect_repeat(0, 0); /* it never was in the log, and is not taken any more */
    assert_int_equal(append_one(7, 1), MR_OK);
    expect_repeat(0, 0);
    assert_int_equal(append_one(7, 5), MR_OK);
    expect_repeat(1, 1);
    assert_int_equal(append_one(8, 1), MR_OK);
    expect_new(3, 3);
}

static void a_batch_of_repeats_and_new_records_is_refused_whole(void **fixture)
{
    (void)fixture;
    const mr_log_record mixed[] = {made_by(7, 2), made_by(7, 3)};
    const mr_log_record others[] = {made_by(7, 2), made_by(8, 1)};
    assert_int_equal(append_one(7, 2), MR_OK);
    assert_int_equal(append(mixed, 2), MR_REFUSED);
    assert_int_equal(append(others, 2), MR_REFUSED);
    assert_int_equal(mr_log_last(sample.log).n, 1);
    assert_int_equal(append(&mixed[1], 1), MR_OK);
    expect_new(2, 2);
    assert_int_equal(append(mixed, 2), MR_OK); /* now all of it is there, in two batches */
    expect_repeat(1, 2);
}

static void several_producers_share_a_batch(void **fixture)
{
    (void)fixture;
    const mr_log_record batch[] = {made_by(1, 1), made_by(2, 9), made_by(1, 2), made_by(3, 1)};
    assert_int_equal(append(batch, 4), MR_OK);
    assert_int_equal(append(batch, 4), MR_OK);
    expect_repeat(1, 4);
    assert_int_equal(append(&batch[1], 1), MR_OK);
    expect_repeat(2, 2);
    mr_log_record many[MR_LOG_BATCH_PRODUCERS_MAX + 1];
    for (uint32_t i = 0; i < MRI_COUNT_OF(many); i++) {
        many[i] = made_by(100 + i, 1);
    }
    assert_int_equal(append(many, MRI_COUNT_OF(many)), MR_EINVAL);
    assert_int_equal(append(many, MR_LOG_BATCH_PRODUCERS_MAX), MR_OK);
}

static void what_a_producer_must_not_say_is_refused(void **fixture)
{
    (void)fixture;
    const mr_log_record twice[] = {made_by(1, 1), made_by(2, 1), made_by(1, 1)};
    const mr_log_record back[] = {made_by(1, 2), made_by(1, 1)};
    assert_int_equal(append_one(1, 0), MR_EINVAL);
    assert_int_equal(append(twice, 3), MR_EINVAL);
    assert_int_equal(append(back, 2), MR_EINVAL);
    assert_int_equal(mr_log_last(sample.log).n, 0);
    assert_int_equal(append_one(0, 5), MR_EINVAL); /* without a producer a number says nothing */
    assert_int_equal(append_one(0, 0), MR_OK);
    assert_int_equal(append_one(0, 0), MR_OK);
    expect_new(2, 2);
}

static void one_producer_too_many_is_full_and_the_others_go_on(void **fixture)
{
    (void)fixture;
    mr_problem problem = {{0}};
    mr_log_close(sample.log);
    assert_int_equal(open_with((mr_log_options){.producers_max = 3}), MR_OK);
    for (uint32_t i = 1; i <= 3; i++) {
        assert_int_equal(append_one(i, 1), MR_OK);
    }
    const mr_log_record batch[] = {made_by(1, 2), made_by(4, 1)};
    assert_int_equal(append(batch, 2), MR_FULL);
    assert_int_equal(append(batch, 1), MR_OK);
    expect_new(4, 4);
    mr_log_close(sample.log);
    sample.log = NULL;
    const mr_log_options small = {.producers_max = 2};
    assert_int_equal(
        mri_log_open(sample.os, mri_alloc_system(), "/log", &small, &sample.log, &problem),
        MR_EINVAL);
    assert_non_null(strstr(problem.text, "producers_max"));
    assert_int_equal(open_with((mr_log_options){.producers_max = 1 << 21}), MR_EINVAL);
    assert_int_equal(open_with((mr_log_options){.message_ids = 5}), MR_EINVAL);
    assert_int_equal(open_with((mr_log_options){.producers_max = 4}), MR_OK);
    assert_int_equal(append(&batch[1], 1), MR_OK);
}

static mr_log_record named(uint8_t id[MR_LOG_MESSAGE_ID_BYTES], uint64_t number)
{
    memset(id, 0x5a, MR_LOG_MESSAGE_ID_BYTES);
    memcpy(id, &number, sizeof(number));
    return (mr_log_record){.type = 300, .message_id = id};
}

static void message_ids_are_known_by_count(void **fixture)
{
    (void)fixture;
    uint8_t id[MR_LOG_MESSAGE_ID_BYTES];
    mr_log_close(sample.log);
    assert_int_equal(open_with((mr_log_options){.message_ids = 1024}), MR_OK);
    for (uint64_t i = 1; i <= 3000; i++) {
        const mr_log_record record = named(id, i);
        assert_int_equal(append(&record, 1), MR_OK);
        expect_new(i, i);
    }
    for (int open = 0; open < 3; open++) {
        for (uint64_t i = 3000 - 1023; i <= 3000; i++) {
            const mr_log_record record = named(id, i);
            assert_int_equal(append(&record, 1), MR_OK);
            expect_repeat(i, i);
        }
        mr_log_close(sample.log);
        if (open == 1) { /* without the file the log says the same */
            assert_int_equal(sample.os->remove(sample.os->context, "/log/producers"), MR_OK);
        }
        assert_int_equal(open_with((mr_log_options){.message_ids = 1024}), MR_OK);
        assert_int_equal(mri_log_opening(sample.log)->is_dedupe_rescanned, open == 1);
    }
    mr_log_close(sample.log); /* a larger window needs more than the file has */
    assert_int_equal(open_with((mr_log_options){.message_ids = 2048}), MR_OK);
    assert_true(mri_log_opening(sample.log)->is_dedupe_rescanned);
    const mr_log_record older = named(id, 3000 - 2047);
    assert_int_equal(append(&older, 1), MR_OK);
    expect_repeat(3000 - 2047, 3000 - 2047);
    const mr_log_record forgotten = named(id, 3000 - 2048);
    assert_int_equal(append(&forgotten, 1), MR_OK);
    expect_new(3001, 3001);
}

static void a_message_id_is_handed_out_beside_the_body(void **fixture)
{
    (void)fixture;
    uint8_t id[MR_LOG_MESSAGE_ID_BYTES];
    mr_log_reader *reader;
    mr_log_event event;
    mr_log_record record = named(id, 77);
    record.body = "hello";
    record.body_bytes = 5;
    assert_int_equal(append(&record, 1), MR_OK);
    record.body_bytes = 0;
    memset(id, 1, sizeof(id));
    assert_int_equal(append(&record, 1), MR_OK);
    record.body = large;
    record.body_bytes = MR_LOG_BODY_BYTES_MAX - 15;
    assert_int_equal(append(&record, 1), MR_ETOOLARGE);
    reopen();
    assert_int_equal(mri_reader_open(sample.os, mri_alloc_system(), "/log", &reader, NULL), MR_OK);
    assert_int_equal(mr_log_reader_next(reader, &event, NULL), MR_OK);
    assert_int_equal(event.body_bytes, 5);
    assert_memory_equal(event.body, "hello", 5);
    assert_int_equal(event.message_id[0], 77);
    assert_int_equal(event.message_id[15], 0x5a);
    assert_int_equal(event.stored_bytes, 128);
    assert_int_equal(mr_log_reader_next(reader, &event, NULL), MR_OK);
    assert_int_equal(event.body_bytes, 0);
    assert_int_equal(event.message_id[0], 1);
    mr_log_reader_close(reader);
}

static void one_of_producer_and_message_id_is_enough(void **fixture)
{
    (void)fixture;
    uint8_t id[MR_LOG_MESSAGE_ID_BYTES];
    uint8_t other[MR_LOG_MESSAGE_ID_BYTES];
    mr_log_record record = named(id, 1);
    record.producer_id = 7;
    record.producer_seq = 1;
    assert_int_equal(append(&record, 1), MR_OK);
    record.producer_id = 8; /* it has lost count and took a new id */
    assert_int_equal(append(&record, 1), MR_OK);
    expect_repeat(1, 1);
    record = named(id, 2);
    record.producer_id = 7;
    record.producer_seq = 1;
    assert_int_equal(append(&record, 1), MR_OK);
    expect_repeat(1, 1);
    const mr_log_record twins[] = {named(id, 9), made_by(9, 1), named(other, 9)};
    assert_int_equal(append(twins, 3), MR_EINVAL);
    mr_log_close(sample.log);
    assert_int_equal(open_with((mr_log_options){.message_ids = MR_LOG_NO_MESSAGE_IDS}), MR_OK);
    record = named(id, 1);
    assert_int_equal(append(&record, 1), MR_OK);
    expect_new(2, 2);
}

static void a_repeat_is_made_durable_if_that_is_asked_for(void **fixture)
{
    (void)fixture;
    const mr_log_record record = made_by(7, 1);
    assert_int_equal(append(&record, 1), MR_OK);
    assert_int_equal(append(&record, 1), MR_OK);
    assert_false(ack.is_durable);
    assert_int_equal(mr_log_append(sample.log, &record, 1, MR_GROUP, &ack), MR_OK);
    expect_repeat(1, 1);
    assert_true(ack.is_durable);
    assert_int_equal(mr_log_durable(sample.log).n, 1);
    assert_int_equal(append(&record, 1), MR_OK);
    assert_true(ack.is_durable);
    assert_int_equal(mr_log_append(sample.log, &record, 1, MR_ASYNC, NULL), MR_OK);
    assert_int_equal(mr_log_last(sample.log).n, 1);
}

static mr_err append_after(const mr_log_record *records, size_t count, uint64_t last)
{
    memset(&ack, 0, sizeof(ack));
    return mr_log_append_after(sample.log, records, count, (mr_seq){last}, MR_ASYNC, &ack);
}

static void a_repeat_that_stands_where_it_was_expected_is_no_conflict(void **fixture)
{
    (void)fixture;
    uint8_t ids[2][MR_LOG_MESSAGE_ID_BYTES];
    const mr_log_record batch[] = {made_by(7, 1), {.type = 5000}, made_by(7, 2)};
    const mr_log_record other[] = {made_by(8, 1)};
    const mr_log_record by_id[] = {named(ids[0], 1), named(ids[1], 2)};
    assert_int_equal(append_after(batch, 3, 0), MR_OK);
    expect_new(1, 3);
    assert_int_equal(append_after(batch, 3, 0), MR_OK);
    expect_repeat(1, 3);
    assert_int_equal(append_after(batch, 3, 3), MR_CONFLICT); /* it is in the log, elsewhere */
    assert_int_equal(append_after(other, 1, 0), MR_CONFLICT);
    assert_int_equal(append_after(by_id, 2, 3), MR_OK);
    expect_new(4, 5);
    assert_int_equal(append_after(other, 1, 5), MR_OK);
    assert_int_equal(append_after(by_id, 2, 3), MR_OK);
    expect_repeat(4, 5);
    assert_int_equal(append_after(by_id, 2, 4), MR_CONFLICT);
    assert_int_equal(append_after(&batch[2], 1, 2), MR_OK);
    expect_repeat(3, 3);
    const mr_log_record mixed[] = {made_by(7, 2), made_by(7, 3)};
    assert_int_equal(append_after(mixed, 2, 6), MR_REFUSED);
    assert_int_equal(
        mr_log_append_after(sample.log, batch, 3, (mr_seq){1}, MR_ASYNC, NULL), MR_CONFLICT);
    reopen();
    assert_int_equal(append_after(batch, 3, 0), MR_OK);
    expect_repeat(1, 3);
    assert_int_equal(mr_log_last(sample.log).n, 6);
}

/** Fill segments; each record has a producer of its own. */
static uint32_t fill_segments(uint32_t producers)
{
    for (uint32_t i = 1; i <= producers; i++) {
        mr_log_record record = made_by(i, 1);
        record.body = large;
        record.body_bytes = LARGE;
        assert_int_equal(append(&record, 1), MR_OK);
    }
    return producers;
}

static void retain_one_segment(void)
{
    mr_log_retain_report report;
    mr_problem problem = {{0}};
    const mr_log_retain_options options = {
        .needed = {UINT64_MAX}, .keep_bytes = 1, .is_done = true};
    mr_log_close(sample.log);
    sample.log = NULL;
    mr_err err = mri_retain(sample.os, mri_alloc_system(), "/log", &options, &report, &problem);
    assert_string_equal(problem.text, "");
    assert_int_equal(err, MR_OK);
    assert_true(report.segments > 0);
}

static mr_log_figures count_figures(void)
{
    mr_log_figures figures;
    assert_int_equal(
        mri_figures_count(sample.os, mri_alloc_system(), "/log", &figures, NULL), MR_OK);
    return figures;
}

static void producers_of_removed_segments_stay_known(void **fixture)
{
    (void)fixture;
    uint32_t producers = fill_segments(12);
    mr_log_close(sample.log);
    assert_int_equal(sample.os->remove(sample.os->context, "/log/producers"), MR_OK);
    assert_int_equal(open_with((mr_log_options){0}), MR_OK);
    retain_one_segment(); /* it makes the file anew before anything goes */
    assert_int_equal(open_with((mr_log_options){0}), MR_OK);
    assert_false(mri_log_opening(sample.log)->is_dedupe_incomplete);
    for (uint32_t i = 1; i <= producers; i++) {
        assert_int_equal(append_one(i, 1), MR_OK);
        assert_true(ack.is_repeated);
    }
    mr_log_close(sample.log);
    assert_true(count_figures().has_producers);
    assert_int_equal(count_figures().producers, producers);
    assert_null(count_figures().producers_warning);
    assert_int_equal(sample.os->remove(sample.os->context, "/log/producers"), MR_OK);
    assert_false(count_figures().has_producers);
    assert_non_null(count_figures().producers_warning);
    for (int open = 0; open < 2; open++) {
        assert_int_equal(open_with((mr_log_options){0}), MR_OK);
        assert_true(mri_log_opening(sample.log)->is_dedupe_incomplete); /* and stays so */
        mr_log_close(sample.log);
        assert_non_null(count_figures().producers_warning);
    }
    assert_int_equal(open_with((mr_log_options){0}), MR_OK);
    assert_int_equal(append_one(producers, 1), MR_OK);
    assert_true(ack.is_repeated);
    assert_int_equal(append_one(1, 1), MR_OK);
    assert_false(ack.is_repeated);
}

static void without_producers_nothing_is_written_and_nothing_said(void **fixture)
{
    (void)fixture;
    struct mri_file_info info;
    for (int i = 0; i < 12; i++) {
        const mr_log_record record = {.type = 300, .body = large, .body_bytes = LARGE};
        assert_int_equal(append(&record, 1), MR_OK);
    }
    reopen();
    assert_int_equal(sample.os->info(sample.os->context, "/log/producers", &info), MR_EPATH);
    assert_false(mri_log_opening(sample.log)->is_dedupe_rescanned);
    retain_one_segment();
    assert_int_equal(sample.os->info(sample.os->context, "/log/producers", &info), MR_EPATH);
    assert_null(count_figures().producers_warning);
    assert_int_equal(open_with((mr_log_options){0}), MR_OK);
    assert_int_equal(append_one(1, 1), MR_OK); /* the removed ones had none: nothing is lacking */
    reopen();
    assert_false(mri_log_opening(sample.log)->is_dedupe_incomplete);
    assert_int_equal(append_one(1, 1), MR_OK);
    expect_repeat(13, 13);
}

int main(void)
{
#define TEST(name) MRI_MACHINE_SAMPLE_TEST(name, &sample)
    const struct CMUnitTest tests[] = {
        TEST(a_batch_that_comes_again_is_answered_and_not_appended),
        TEST(it_is_exact_for_ever),
        TEST(numbers_may_be_left_out_and_are_given_up_then),
        TEST(a_batch_of_repeats_and_new_records_is_refused_whole),
        TEST(several_producers_share_a_batch),
        TEST(what_a_producer_must_not_say_is_refused),
        TEST(one_producer_too_many_is_full_and_the_others_go_on),
        TEST(message_ids_are_known_by_count),
        TEST(a_message_id_is_handed_out_beside_the_body),
        TEST(one_of_producer_and_message_id_is_enough),
        TEST(a_repeat_is_made_durable_if_that_is_asked_for),
        TEST(a_repeat_that_stands_where_it_was_expected_is_no_conflict),
        TEST(producers_of_removed_segments_stay_known),
        TEST(without_producers_nothing_is_written_and_nothing_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
