/* SPDX-License-Identifier: MIT */
/*
 * Tests of going somewhere in a log: backwards, to the end, to a time, back to a token; and of
 * reading without a map.
 */
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/prng.h"
#include "log/format/segment.h"
#include "log/open/append.h"
#include "log/read/reader.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/log_sample.h"
#include "tests/lib/machine_sample.h"

enum { BODY_MAX = 300, LARGE = 100000, EVENTS_MAX = 2000 };

static const char first_segment[] = "/log/seg-0000000000000001.log";
static struct mri_machine_sample sample;
static mr_problem problem;

static bool is_in_files; /* what a test spoils there is looked at beside the writer, too */

static int tear_down(void **fixture)
{
    is_in_files = false;
    return mri_machine_sample_tear_down(fixture);
}

static void open_reader(bool is_copying)
{
    const mr_log_read_options options = {.is_copying = is_copying, .is_in_files = is_in_files};
    mr_log_reader_close(sample.reader);
    sample.reader = NULL;
    assert_int_equal(
        mri_reader_open_with(sample.os, mri_alloc_system(), "/log", &options, &sample.reader, NULL),
        MR_OK);
}

static void append(size_t count, size_t body_bytes_max, mr_durability durability)
{
    assert_int_equal(
        mri_log_sample_append(sample.log, count, body_bytes_max, durability, NULL), MR_OK);
}

static mr_log_event expect(
    mr_err (*move)(mr_log_reader *, mr_log_event *, mr_problem *), uint64_t seq)
{
    mr_log_event event;
    problem.text[0] = '\0';
    mr_err err = move(sample.reader, &event, &problem);
    assert_string_equal(problem.text, "");
    assert_int_equal(err, MR_OK);
    assert_int_equal(event.seq.n, seq);
    assert_true(event.type < MR_LOG_TYPE_FREE || mri_log_sample_is(&event, LARGE) ||
                mri_log_sample_is(&event, BODY_MAX));
    return event;
}

static void expect_next(uint64_t seq)
{
    (void)expect(mr_log_reader_next, seq);
}

static void expect_previous(uint64_t seq)
{
    (void)expect(mr_log_reader_previous, seq);
}

static void expect_no_previous(mr_err expected)
{
    mr_log_event event;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(mr_log_reader_previous(sample.reader, &event, &problem), expected);
    }
}

static void expect_no_next(mr_err expected)
{
    mr_log_event event;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(mr_log_reader_next(sample.reader, &event, &problem), expected);
    }
}

/* ---- backwards ------------------------------------------------------------------------------- */

static void read_backwards_a_log_is_the_same_in_reverse(void **fixture)
{
    (void)fixture;
    uint64_t last = mri_machine_sample_fill(&sample, 4, LARGE);
    for (int is_copying = 0; is_copying < 2; is_copying++) {
        open_reader(is_copying == 1);
        expect_no_previous(MR_END);
        assert_int_equal(mr_log_reader_seek_end(sample.reader, &problem), MR_OK);
        for (uint64_t seq = last; seq >= 1; seq--) {
            expect_previous(seq);
        }
        expect_no_previous(MR_END);
        for (uint64_t seq = 1; seq <= last; seq++) {
            expect_next(seq);
        }
        expect_no_next(MR_END);
        expect_previous(last);
    }
}

static void turning_round_gives_the_same_event_again(void **fixture)
{
    (void)fixture;
    struct mri_prng prng;
    mri_prng_init(&prng, 3);
    uint64_t last = mri_machine_sample_fill(&sample, 3, LARGE);
    open_reader(false);
    uint64_t stand = 0; /* events before the reader */
    for (int i = 0; i < 3000; i++) {
        bool is_forward = mri_prng_below(&prng, 100) < 52;
        if (is_forward && stand < last) {
            expect_next(++stand);
        } else if (!is_forward && stand > 0) {
            expect_previous(stand--);
        }
    }
}

static void the_end_costs_one_segment_and_going_back_one_a_segment(void **fixture)
{
    (void)fixture;
    is_in_files = true;
    uint64_t last = mri_machine_sample_fill(&sample, 5, LARGE);
    uint64_t newest = mri_machine_sample_newest_base(&sample);
    size_t count = mri_machine_sample_segment_count(&sample);
    open_reader(false);
    mri_os_faults_arm(&sample.faults, MRI_OS_CALL_ANY, 0, MR_EIO);
    assert_int_equal(mr_log_reader_seek_end(sample.reader, NULL), MR_OK);
    assert_int_equal(sample.faults.calls[MRI_OS_CALL_MAP_READ], 1);
    for (uint64_t seq = last; seq >= newest; seq--) {
        expect_previous(seq);
    }
    assert_int_equal(sample.faults.calls[MRI_OS_CALL_MAP_READ], 1);
    for (uint64_t seq = newest - 1; seq >= 1; seq--) {
        expect_previous(seq);
    }
    assert_int_equal(sample.faults.calls[MRI_OS_CALL_MAP_READ], count);
}

static void the_end_of_an_empty_log_is_its_beginning(void **fixture)
{
    (void)fixture;
    open_reader(false);
    assert_int_equal(mr_log_reader_seek_end(sample.reader, NULL), MR_OK);
    expect_no_previous(MR_END);
    append(1, BODY_MAX, MR_GROUP);
    expect_next(1);
    expect_no_next(MR_END);
}

/** Where the record of a seq begins in the first segment. */
static size_t offset_of(uint64_t seq)
{
    size_t count;
    const uint8_t *bytes = mri_os_memory_bytes(sample.memory, first_segment, &count);
    size_t at = MRI_SEGMENT_PAGE_BYTES;
    for (uint64_t i = 1; i < seq;) {
        const struct mri_record_head *head = (const struct mri_record_head *)(bytes + at);
        i += mri_record_is_numbered(head);
        at += mri_record_stride(head->bytes);
    }
    return at;
}

static void backwards_too_an_incomplete_batch_is_not_seen(void **fixture)
{
    (void)fixture;
    is_in_files = true;
    size_t count;
    append(3, BODY_MAX, MR_GROUP);
    append(4, BODY_MAX, MR_GROUP);
    uint8_t *bytes = mri_os_memory_bytes(sample.memory, first_segment, &count);
    size_t last_record = offset_of(7);
    bytes[last_record + 9] ^= 1;
    for (int is_copying = 0; is_copying < 2; is_copying++) {
        open_reader(is_copying == 1);
        assert_int_equal(mr_log_reader_seek_end(sample.reader, &problem), MR_OK);
        assert_int_equal(mr_log_reader_tail(sample.reader), MR_LOG_TAIL_TORN);
        expect_previous(3);
        bytes[last_record + 9] ^= 1; /* the writer is ready */
        expect_next(3);
        expect_next(4);
        bytes[last_record + 9] ^= 1;
    }
    bytes[last_record + 9] ^= 1;
}

static void damage_stops_the_way_back_and_the_way_to_the_end(void **fixture)
{
    (void)fixture;
    is_in_files = true;
    size_t count;
    char text[64];
    for (int i = 0; i < 10; i++) {
        append(1, BODY_MAX, MR_GROUP);
    }
    uint8_t *bytes = mri_os_memory_bytes(sample.memory, first_segment, &count);
    size_t bad = offset_of(5);
    bytes[bad + 20] ^= 4;
    open_reader(false);
    assert_int_equal(mr_log_reader_seek_end(sample.reader, &problem), MR_ECORRUPT);
    (void)snprintf(text, sizeof(text), "event 5 at offset %zu ", bad);
    assert_non_null(strstr(problem.text, text));
    expect_next(1); /* it stands where it stood */
    bytes[bad + 20] ^= 4;
    uint64_t last = mri_machine_sample_fill(&sample, 3, LARGE);
    uint64_t newest = mri_machine_sample_newest_base(&sample);
    bytes[bad + 20] ^= 4;
    assert_int_equal(mr_log_reader_seek_end(sample.reader, &problem), MR_OK);
    uint64_t seq = last;
    mr_log_event event;
    mr_err err;
    while ((err = mr_log_reader_previous(sample.reader, &event, &problem)) == MR_OK) {
        assert_int_equal(event.seq.n, seq);
        seq--;
    }
    assert_int_equal(err, MR_ECORRUPT);
    assert_non_null(strstr(problem.text, text));
    assert_true(seq + 1 < newest);
    expect_no_previous(MR_ECORRUPT);
    bytes[bad + 20] ^= 4;
    for (; seq >= 1; seq--) {
        expect_previous(seq);
    }
}

static void a_fault_leaves_a_reader_where_it_was_in_every_way_to_go(void **fixture)
{
    (void)fixture;
    uint64_t last = mri_machine_sample_fill(&sample, 3, LARGE);
    for (int is_copying = 0; is_copying < 2; is_copying++) {
        bool has_fired = true;
        for (uint64_t k = 1; has_fired; k++) {
            mri_os_faults_arm(&sample.faults, MRI_OS_CALL_ANY, 0, MR_EIO);
            open_reader(is_copying == 1);
            expect_next(1);
            mri_os_faults_arm(&sample.faults, MRI_OS_CALL_ANY, k, MR_EIO);
            mr_err err = mr_log_reader_seek_end(sample.reader, NULL);
            if (err != MR_OK) {
                assert_int_equal(err, MR_EIO);
                expect_next(2);
                assert_int_equal(mr_log_reader_seek_end(sample.reader, NULL), MR_OK);
            }
            for (uint64_t seq = last; seq >= 1;) {
                mr_log_event event;
                err = mr_log_reader_previous(sample.reader, &event, NULL);
                assert_true(err == MR_OK || err == MR_EIO);
                assert_true(err != MR_OK || event.seq.n == seq);
                seq -= err == MR_OK;
            }
            err = mr_log_reader_seek_time(sample.reader, INT64_MAX, NULL);
            assert_true(err == MR_OK || err == MR_EIO);
            if (err == MR_EIO) {
                expect_next(1);
            } else {
                expect_previous(last);
            }
            has_fired = sample.faults.fired > 0;
        }
    }
}

/* ---- by time --------------------------------------------------------------------------------- */

static void by_time_the_first_event_not_older_is_found(void **fixture)
{
    (void)fixture;
    static int64_t times[EVENTS_MAX];
    uint64_t last = mri_machine_sample_fill(&sample, 5, LARGE);
    assert_true(last < EVENTS_MAX);
    open_reader(false);
    for (uint64_t seq = 1; seq <= last; seq++) {
        times[seq] = expect(mr_log_reader_next, seq).time_unix_ns;
    }
    for (uint64_t seq = 1; seq <= last; seq++) {
        assert_int_equal(mr_log_reader_seek_time(sample.reader, times[seq], NULL), MR_OK);
        expect_next(seq);
        expect_previous(seq);
        assert_int_equal(mr_log_reader_seek_time(sample.reader, times[seq] + 1, NULL), MR_OK);
        if (seq < last) {
            expect_next(seq + 1);
        } else {
            expect_no_next(MR_END);
        }
    }
    assert_int_equal(mr_log_reader_seek_time(sample.reader, INT64_MIN, NULL), MR_OK);
    expect_next(1);
    assert_int_equal(mr_log_reader_seek_time(sample.reader, INT64_MAX, NULL), MR_OK);
    expect_no_next(MR_END);
    append(1, LARGE, MR_GROUP);
    expect_next(last + 1);
}

static void a_time_costs_some_heads_and_one_segment(void **fixture)
{
    (void)fixture;
    uint64_t last = mri_machine_sample_fill(&sample, 9, LARGE);
    open_reader(false);
    assert_int_equal(mr_log_reader_seek(sample.reader, (mr_seq){last / 2}, NULL), MR_OK);
    int64_t unix_ns = expect(mr_log_reader_next, last / 2).time_unix_ns;
    open_reader(false);
    mri_os_faults_arm(&sample.faults, MRI_OS_CALL_ANY, 0, MR_EIO);
    assert_int_equal(mr_log_reader_seek_time(sample.reader, unix_ns, NULL), MR_OK);
    assert_int_equal(sample.faults.calls[MRI_OS_CALL_MAP_READ], 1);
    assert_true(sample.faults.calls[MRI_OS_CALL_READ_AT] <= 4);
    expect_next(last / 2);
}

/* ---- without a map --------------------------------------------------------------------------- */

static void a_copying_reader_maps_nothing_and_a_bad_sector_is_an_answer(void **fixture)
{
    (void)fixture;
    uint64_t last = mri_machine_sample_fill(&sample, 3, LARGE);
    bool has_fired = true;
    for (uint64_t k = 1; has_fired; k++) {
        mri_os_faults_arm(&sample.faults, MRI_OS_CALL_READ_AT, 0, MR_EIO);
        open_reader(true);
        mri_os_faults_arm(&sample.faults, MRI_OS_CALL_READ_AT, k, MR_EIO);
        unsigned failures = 0;
        mr_err err = MR_OK;
        for (uint64_t next = 1; err != MR_END;) {
            mr_log_event event;
            err = mr_log_reader_next(sample.reader, &event, &problem);
            assert_true(err == MR_OK || err == MR_END || err == MR_EIO);
            assert_true(err != MR_OK || (event.seq.n == next && mri_log_sample_is(&event, LARGE)));
            next += err == MR_OK;
            failures += err == MR_EIO;
            assert_true(err != MR_END || next == last + 1);
        }
        has_fired = sample.faults.fired > 0;
        assert_int_equal(failures, has_fired ? 1 : 0);
        assert_int_equal(sample.faults.calls[MRI_OS_CALL_MAP_READ], 0);
    }
}

static void a_copying_reader_follows_a_writer(void **fixture)
{
    (void)fixture;
    open_reader(true);
    uint64_t next = 1;
    while (mri_machine_sample_segment_count(&sample) < 4) {
        append(2, next % 3 == 0 ? LARGE : BODY_MAX, MR_ASYNC);
        expect_next(next++);
        expect_next(next++);
        expect_no_next(MR_END);
        assert_int_equal(mr_log_reader_tail(sample.reader), MR_LOG_TAIL_CLEAN);
    }
}

static void a_copying_reader_finds_claimed_damage_far_behind(void **fixture)
{
    (void)fixture;
    is_in_files = true;
    size_t count;
    append(2, BODY_MAX, MR_GROUP);
    for (int i = 0; i < 8; i++) {
        append(1, LARGE, MR_GROUP);
    }
    size_t from = offset_of(3);
    size_t to = offset_of(10);
    assert_true(to - from > 256 * 1024);
    uint8_t *bytes = mri_os_memory_bytes(sample.memory, first_segment, &count);
    memset(bytes + from + 64, 0, to - from - 64);
    open_reader(true);
    expect_next(1);
    expect_next(2);
    expect_no_next(MR_ECORRUPT);
}

/* ---- tokens ---------------------------------------------------------------------------------- */

static void a_token_is_its_text(void **fixture)
{
    (void)fixture;
    char text[MR_LOG_TOKEN_BYTES];
    const mr_log_token tokens[] = {
        {0},
        {.seq = 1042, .synced_seq = 1040, .writer_epoch = 3, .chain_crc = 0x9f00ab12},
        {UINT64_MAX, UINT64_MAX, UINT32_MAX, UINT32_MAX},
    };
    assert_string_equal(mr_log_token_text(&tokens[1], text), "3.1042.9f00ab12.1040");
    for (size_t i = 0; i < MRI_COUNT_OF(tokens); i++) {
        mr_log_token token;
        assert_int_equal(mr_log_token_parse(mr_log_token_text(&tokens[i], text), &token), MR_OK);
        assert_memory_equal(&token, &tokens[i], sizeof(token));
    }
    static const char *const others[] = {"", "1", "1.2.00000003", "1.2.00000003.", "1.2.3.4",
        "1.2.00000003.4 ", "1.2.00000003.4.5", "01.2.00000003.4", "1.2.0000000A.4",
        "4294967296.2.00000003.4", "1.18446744073709551616.00000003.4", "1..00000003.4",
        "-1.2.00000003.4", "1.2.000000003.4"};
    for (size_t i = 0; i < MRI_COUNT_OF(others); i++) {
        mr_log_token token;
        assert_int_equal(mr_log_token_parse(others[i], &token), MR_REFUSED);
    }
    assert_int_equal(mr_log_token_parse(NULL, &(mr_log_token){0}), MR_REFUSED);
}

static void a_token_leads_behind_its_event(void **fixture)
{
    (void)fixture;
    mr_seq differs = {77};
    static mr_log_token tokens[EVENTS_MAX];
    uint64_t last = mri_machine_sample_fill(&sample, 3, LARGE);
    open_reader(false);
    mr_log_token none = mr_log_reader_token(sample.reader);
    assert_int_equal(none.seq, 0);
    for (uint64_t seq = 1; seq <= last; seq++) {
        expect_next(seq);
        tokens[seq] = mr_log_reader_token(sample.reader);
        assert_int_equal(tokens[seq].seq, seq);
        assert_true(tokens[seq].synced_seq <= seq);
    }
    for (uint64_t seq = last; seq >= 1; seq--) {
        mr_err err = mr_log_reader_seek_token(sample.reader, &tokens[seq], &differs, &problem);
        assert_int_equal(err, MR_OK);
        mr_log_token token = mr_log_reader_token(sample.reader);
        assert_memory_equal(&token, &tokens[seq], sizeof(token));
        if (seq < last) {
            expect_next(seq + 1);
        } else {
            expect_no_next(MR_END);
        }
    }
    assert_int_equal(mr_log_reader_seek_token(sample.reader, &none, &differs, &problem), MR_OK);
    expect_next(1);
    assert_int_equal(differs.n, 77);
}

/** What was read of one life of a log. */
struct history {
    mr_log_token tokens[EVENTS_MAX];
    uint64_t last;
};

static void note_history(struct history *history)
{
    mr_log_event event;
    open_reader(false);
    history->last = 0;
    while (mr_log_reader_next(sample.reader, &event, NULL) == MR_OK) {
        history->tokens[event.seq.n] = mr_log_reader_token(sample.reader);
        history->last = event.seq.n;
        assert_true(event.seq.n + 1 < EVENTS_MAX);
    }
    mr_log_reader_close(sample.reader);
    sample.reader = NULL;
}

struct counts {
    unsigned good, rewound, exact, same_epoch;
};

/** Every token of the old history: good if its event is still there, else rewound, from where. */
static void check_tokens(
    const struct history *old, const struct history *now, struct counts *counts)
{
    uint64_t first = 1; /* that differs */
    while (first <= old->last && first <= now->last &&
           old->tokens[first].chain_crc == now->tokens[first].chain_crc) {
        first++;
    }
    open_reader(false);
    for (uint64_t seq = 1; seq <= old->last; seq++) {
        const mr_log_token *token = &old->tokens[seq];
        mr_seq differs = {0};
        mr_err err = mr_log_reader_seek_token(sample.reader, token, &differs, &problem);
        assert_int_equal(err, seq < first ? MR_OK : MR_REWOUND);
        if (err == MR_OK) {
            counts->good++;
            continue;
        }
        assert_true(differs.n <= first && differs.n > token->synced_seq);
        counts->rewound++;
        counts->exact += differs.n == first;
        counts->same_epoch +=
            seq <= now->last && now->tokens[seq].writer_epoch == token->writer_epoch;
    }
}

static void after_a_power_cut_tokens_of_lost_events_are_rewound_and_the_others_are_good(
    void **fixture)
{
    (void)fixture;
    static struct history old;
    static struct history now;
    struct counts counts = {0};
    for (uint64_t seed = 1; seed <= 150; seed++) {
        struct mri_prng prng;
        mri_prng_init(&prng, seed);
        mri_machine_sample_renew(&sample);
        size_t body = seed % 5 == 0 ? LARGE : BODY_MAX;
        for (int life = 0; life < 4; life++) {
            uint64_t batches = 1 + mri_prng_below(&prng, 12);
            for (uint64_t i = 0; i < batches; i++) {
                bool is_durable = mri_prng_below(&prng, 4) == 0;
                append(1 + mri_prng_below(&prng, 4), body, is_durable ? MR_GROUP : MR_ASYNC);
            }
            note_history(&old);
            sample.faults.is_sticky = true;
            mri_os_faults_arm(&sample.faults, MRI_OS_CALL_ANY, 1, MR_EIO);
            mr_log_close(sample.log); /* the machine has stopped: this only gives memory back */
            sample.log = NULL;
            mri_os_memory_cut_power(sample.memory, &prng);
            sample.faults.is_sticky = false;
            mri_os_faults_arm(&sample.faults, MRI_OS_CALL_ANY, 0, MR_EIO);
            mri_machine_sample_open(&sample);
            note_history(&now); /* as it is, with nothing appended */
            check_tokens(&old, &now, &counts);
            for (uint64_t i = mri_prng_below(&prng, 30); i > 0; i--) {
                append(1 + mri_prng_below(&prng, 3), body, MR_ASYNC);
            }
            note_history(&now);
            check_tokens(&old, &now, &counts);
            mr_log_reader_close(sample.reader);
            sample.reader = NULL;
        }
    }
    /* The cases that the test is about did happen; a number and an epoch were given twice. */
    assert_true(counts.good > 1000 && counts.rewound > 1000 && counts.same_epoch > 100);
    assert_true(counts.exact > counts.rewound / 2);
}

int main(void)
{
#define TEST(name)                                                                                 \
    cmocka_unit_test_prestate_setup_teardown(name, mri_machine_sample_set_up, tear_down, &sample)
    const struct CMUnitTest tests[] = {
        TEST(read_backwards_a_log_is_the_same_in_reverse),
        TEST(turning_round_gives_the_same_event_again),
        TEST(the_end_costs_one_segment_and_going_back_one_a_segment),
        TEST(the_end_of_an_empty_log_is_its_beginning),
        TEST(backwards_too_an_incomplete_batch_is_not_seen),
        TEST(damage_stops_the_way_back_and_the_way_to_the_end),
        TEST(a_fault_leaves_a_reader_where_it_was_in_every_way_to_go),
        TEST(by_time_the_first_event_not_older_is_found),
        TEST(a_time_costs_some_heads_and_one_segment),
        TEST(a_copying_reader_maps_nothing_and_a_bad_sector_is_an_answer),
        TEST(a_copying_reader_follows_a_writer),
        TEST(a_copying_reader_finds_claimed_damage_far_behind),
        TEST(a_token_is_its_text),
        TEST(a_token_leads_behind_its_event),
        TEST(after_a_power_cut_tokens_of_lost_events_are_rewound_and_the_others_are_good),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
