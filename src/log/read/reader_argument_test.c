/* SPDX-License-Identifier: MIT */
/*
 * Tests of arguments: what is missing is answered, and what is optional may be missing.
 */
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "log/read/reader.h"
#include "millrace/log_admin.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/log_sample.h"
#include "tests/lib/machine_sample.h"

enum { BODY_MAX = 100, EVENTS = 10 };

static struct mri_machine_sample sample;

static void open_all(void)
{
    assert_int_equal(mri_log_sample_append(sample.log, EVENTS, BODY_MAX, MR_GROUP, NULL), MR_OK);
    assert_int_equal(
        mri_reader_open(sample.os, mri_alloc_system(), "/log", &sample.reader, NULL), MR_OK);
}

static void what_answers_errors_refuses_a_reader_that_is_missing(void **fixture)
{
    (void)fixture;
    mr_log_event event;
    mr_problem problem = {""};
    const mr_log_token token = {0};
    const uint32_t subject = 1;
    uint32_t process_id;
    mr_seq seq;
    int fd;
    assert_int_equal(mr_log_reader_next(NULL, &event, &problem), MR_EINVAL);
    assert_string_not_equal(problem.text, "");
    mr_err answers[] = {
        mr_log_reader_next(NULL, &event, NULL),
        mr_log_reader_previous(NULL, &event, NULL),
        mr_log_reader_seek(NULL, (mr_seq){1}, NULL),
        mr_log_reader_seek_end(NULL, NULL),
        mr_log_reader_seek_time(NULL, 0, NULL),
        mr_log_reader_seek_token(NULL, &token, &seq, NULL),
        mr_log_reader_wait(NULL, 0),
        mr_log_reader_wait_for(NULL, &subject, 1, 0),
        mr_log_reader_poll_fd(NULL, &fd, NULL),
        mr_log_reader_poll_arm(NULL, NULL),
        mr_log_reader_writer(NULL, &process_id),
    };
    for (size_t i = 0; i < MRI_COUNT_OF(answers); i++) {
        assert_int_equal(answers[i], MR_EINVAL);
    }
    mr_log_reader_close(NULL);
}

static void what_answers_no_error_says_nothing_of_what_is_missing(void **fixture)
{
    (void)fixture;
    char text[MR_LOG_TOKEN_BYTES] = "text";
    mr_log_gap gap;
    const mr_log_token token = mr_log_reader_token(NULL);
    assert_int_equal(token.seq + token.synced_seq + token.writer_epoch + token.chain_crc, 0);
    assert_int_equal(mr_log_reader_tail(NULL), MR_LOG_TAIL_CLEAN);
    assert_null(mr_log_reader_attribute(NULL, "key"));
    assert_int_equal(mr_log_last(NULL).n, 0);
    assert_int_equal(mr_log_durable(NULL).n, 0);
    assert_null(mr_log_uuid(NULL));
    assert_null(mr_log_attribute_get(NULL, "key"));
    assert_ptr_equal(mr_log_token_text(NULL, text), text);
    assert_string_equal(text, "");
    assert_string_equal(mr_log_token_text(&token, NULL), "");
    assert_false(mr_log_event_gap(NULL, &gap));
    assert_false(mr_log_event_gap(NULL, NULL));
}

static void arguments_beside_a_reader_are_looked_at(void **fixture)
{
    (void)fixture;
    mr_seq seq;
    open_all();
    assert_int_equal(mr_log_reader_next(sample.reader, NULL, NULL), MR_EINVAL);
    assert_int_equal(mr_log_reader_previous(sample.reader, NULL, NULL), MR_EINVAL);
    assert_int_equal(mr_log_reader_seek_token(sample.reader, NULL, &seq, NULL), MR_EINVAL);
    assert_int_equal(mr_log_reader_wait_for(sample.reader, NULL, 3, 0), MR_EINVAL);
    assert_int_equal(mr_log_reader_wait_for(sample.reader, NULL, 0, 0), MR_EINVAL);
    assert_int_equal(mr_log_reader_poll_fd(sample.reader, NULL, NULL), MR_EINVAL);
    assert_int_equal(mr_log_reader_writer(sample.reader, NULL), MR_OK);
    assert_null(mr_log_reader_attribute(sample.reader, NULL));
    assert_null(mr_log_attribute_get(sample.log, NULL));
}

static void what_a_token_differs_from_need_not_be_asked(void **fixture)
{
    (void)fixture;
    mr_log_event event;
    open_all();
    assert_int_equal(mr_log_reader_next(sample.reader, &event, NULL), MR_OK);
    mr_log_token token = mr_log_reader_token(sample.reader);
    assert_int_equal(mr_log_reader_seek_token(sample.reader, &token, NULL, NULL), MR_OK);
    token.chain_crc ^= 1;
    assert_int_equal(mr_log_reader_seek_token(sample.reader, &token, NULL, NULL), MR_REWOUND);
}

/* No such event can have been there, whatever is said to have been durable. */
static void a_token_behind_all_that_is_there_is_rewound(void **fixture)
{
    (void)fixture;
    open_all();
    const uint64_t seqs[] = {EVENTS + 1, EVENTS + 2, EVENTS + 1000, UINT64_MAX - 1, UINT64_MAX};
    for (size_t i = 0; i < MRI_COUNT_OF(seqs); i++) {
        for (size_t k = 0; k <= i; k++) {
            const mr_log_token token = {
                .seq = seqs[i], .synced_seq = seqs[k], .writer_epoch = 1, .chain_crc = 7};
            mr_seq differs = {0};
            mr_problem problem = {""};
            assert_int_equal(
                mr_log_reader_seek_token(sample.reader, &token, &differs, &problem), MR_REWOUND);
            assert_int_equal(differs.n, EVENTS + 1);
        }
    }
}

static void a_token_of_an_empty_log_that_is_behind_it_is_rewound(void **fixture)
{
    (void)fixture;
    const mr_log_token token = {.seq = UINT64_MAX, .synced_seq = UINT64_MAX};
    mr_seq differs = {0};
    assert_int_equal(
        mri_reader_open(sample.os, mri_alloc_system(), "/log", &sample.reader, NULL), MR_OK);
    assert_int_equal(mr_log_reader_seek_token(sample.reader, &token, &differs, NULL), MR_REWOUND);
    assert_int_equal(differs.n, 1);
}

static void a_number_without_its_producer_is_malformed(void **fixture)
{
    (void)fixture;
    const mr_log_record records[] = {
        {.type = MR_LOG_TYPE_FREE}, {.type = MR_LOG_TYPE_FREE, .producer_seq = 5}};
    open_all();
    assert_int_equal(mr_log_append(sample.log, records, 2, MR_ASYNC, NULL), MR_EINVAL);
    assert_int_equal(mr_log_append(sample.log, &records[1], 1, MR_GROUP, NULL), MR_EINVAL);
    assert_int_equal(mr_log_last(sample.log).n, EVENTS);
    assert_int_equal(mr_log_append(sample.log, records, 1, MR_ASYNC, NULL), MR_OK);
}

int main(void)
{
#define TEST(name) MRI_MACHINE_SAMPLE_TEST(name, &sample)
    const struct CMUnitTest tests[] = {
        TEST(what_answers_errors_refuses_a_reader_that_is_missing),
        TEST(what_answers_no_error_says_nothing_of_what_is_missing),
        TEST(arguments_beside_a_reader_are_looked_at),
        TEST(what_a_token_differs_from_need_not_be_asked),
        TEST(a_token_behind_all_that_is_there_is_rewound),
        TEST(a_token_of_an_empty_log_that_is_behind_it_is_rewound),
        TEST(a_number_without_its_producer_is_malformed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
