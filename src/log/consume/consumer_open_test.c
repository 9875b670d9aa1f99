/* SPDX-License-Identifier: MIT */
/*
 * Tests of opening consumers: where they begin, damaged and foreign cursors, logs that were cut.
 */
#include <stdlib.h>
#include <string.h>

#include "log/consume/consumer.h"
#include "log/consume/consumer_file.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/consumer_sample.h"
#include "tests/lib/failing_alloc.h"
#include "tests/lib/os_faults.h"

enum { EVENTS = 12 };

static const char cursor_path[] = "/log/cur/c";
static struct mri_consumer_sample sample = {.event_count = EVENTS};

static uint64_t next(mr_consumer *consumer)
{
    return mri_consumer_sample_next(&sample, consumer);
}

static mr_err try_open(const mr_consumer_options *options)
{
    mr_consumer *consumer;
    mr_err err = mri_consumer_sample_try(&sample, options, &consumer);
    mr_consumer_close(consumer);
    return err;
}

static void it_begins_where_it_was_told_to(void **fixture)
{
    (void)fixture;
    const struct {
        mr_consumer_options options;
        uint64_t first;
    } cases[] = {
        {{.start = MR_CONSUMER_BEGINNING}, 1},
        {{.start = MR_CONSUMER_END}, 0},
        {{.start = MR_CONSUMER_SEQ, .start_seq = {5}}, 5},
        {{.start = MR_CONSUMER_SEQ, .start_seq = {EVENTS + 2}}, 0},
    };
    const struct mri_consumer_at at = {sample.os, mri_alloc_system(), "/log", "c"};
    for (size_t i = 0; i < MRI_COUNT_OF(cases); i++) {
        mr_consumer *consumer = mri_consumer_sample_open(&sample, &cases[i].options);
        assert_int_equal(next(consumer), cases[i].first);
        if (cases[i].first == 0) {
            mri_consumer_sample_append(&sample, 1, MR_ASYNC);
            assert_int_equal(next(consumer), mr_log_last(sample.log).n);
        }
        mr_consumer_close(consumer);
        assert_int_equal(mri_consumer_remove(&at, NULL), MR_OK);
    }
    const mr_consumer_options beyond = {.start = MR_CONSUMER_SEQ, .start_seq = {EVENTS + 9}};
    assert_int_equal(try_open(&beyond), MR_EINVAL);
    assert_int_equal(try_open(NULL), MR_NOT_FOUND);
}

static void what_it_was_made_with_stays(void **fixture)
{
    (void)fixture;
    mr_consumer_options options = {.max_in_flight = 4, .ack_wait_ms = 5};
    assert_int_equal(try_open(NULL), MR_NOT_FOUND);
    assert_int_equal(try_open(&options), MR_OK);
    assert_string_equal(sample.problem.text, "");
    assert_int_equal(try_open(&options), MR_OK);
    assert_string_equal(sample.problem.text, "");
    assert_int_equal(try_open(NULL), MR_OK);
    options.ack_wait_ms = 6;
    assert_int_equal(try_open(&options), MR_EINVAL);
    assert_non_null(strstr(sample.problem.text, "ack_wait_ms"));
    options.ack_wait_ms = 5;
    options.is_durable_ack = true; /* is of the handle */
    assert_int_equal(try_open(&options), MR_OK);
}

static void what_is_no_log_stays_as_it_is(void **fixture)
{
    (void)fixture;
    mr_consumer *consumer;
    struct mri_file_info info;
    struct mri_consumer_at at = {sample.os, mri_alloc_system(), "/other", "c"};
    assert_int_equal(sample.os->make_folder(sample.os->context, "/other"), MR_OK);
    const mr_consumer_options options = {0};
    assert_int_equal(mri_consumer_open(&at, &options, &consumer, NULL), MR_NOT_FOUND);
    assert_int_equal(sample.os->info(sample.os->context, "/other/cur", &info), MR_EPATH);
    at.folder = "/none";
    assert_int_equal(mri_consumer_open(&at, &options, &consumer, NULL), MR_NOT_FOUND);
    at.folder = "/log";
    at.name = "../c";
    assert_int_equal(mri_consumer_open(&at, &options, &consumer, NULL), MR_EINVAL);
}

/** Make a consumer that is done with events 1 to 4, synced, and 6; its file. */
static uint8_t *used_cursor(size_t *ret_count)
{
    mr_consumer *consumer = mri_consumer_sample_open(&sample, &(mr_consumer_options){0});
    static const uint64_t done[] = {1, 2, 3, 4, 6};
    for (int i = 0; i < 7; i++) {
        assert_int_equal(next(consumer), i + 1);
    }
    for (size_t i = 0; i < MRI_COUNT_OF(done); i++) {
        assert_int_equal(mri_consumer_sample_ack(&sample, consumer, done[i]), MR_OK);
        assert_int_equal(done[i] == 4 ? mr_consumer_sync(consumer, NULL) : MR_OK, MR_OK);
    }
    mr_consumer_close(consumer);
    uint8_t *bytes = mri_os_memory_bytes(sample.memory, cursor_path, ret_count);
    uint8_t *copy = malloc(*ret_count);
    memcpy(copy, bytes, *ret_count);
    return copy;
}

/** Open what is there and read on to the end; what comes must be all that was not acked. */
static mr_err drain(uint64_t *ret_mask)
{
    mr_consumer *consumer;
    mr_err err = mri_consumer_sample_try(&sample, NULL, &consumer);
    *ret_mask = 0;
    for (uint64_t seq = 1; err == MR_OK && seq != 0;) {
        seq = next(consumer);
        *ret_mask |= seq == 0 ? 0 : (uint64_t)1 << seq;
    }
    mr_consumer_close(consumer);
    return err;
}

/** Every bit of the slots, of the leases that somebody has and of the mark; of the rest, which is
 * zero, every bit of some bytes and a bit of some more. */
static bool is_worth_flipping(size_t at, unsigned bit)
{
    bool is_front = at % MRI_CONSUMER_PAGE_BYTES < 512;
    bool is_used = is_front && (at < MRI_CONSUMER_LEASES_AT + MRI_CONSUMER_PAGE_BYTES ||
                                   at >= MRI_CONSUMER_FILE_BYTES - MRI_CONSUMER_PAGE_BYTES);
    return is_used || at % 97 == 0 || (is_front && at % 8 == bit);
}

static void every_flipped_bit_of_a_cursor_is_found_or_does_no_harm(void **fixture)
{
    (void)fixture;
    size_t count;
    uint8_t *good = used_cursor(&count);
    uint8_t *bytes = mri_os_memory_bytes(sample.memory, cursor_path, &count);
    mri_consumer_sample_close_log(&sample); /* reading is cheaper: no memory has to be mapped */
    const uint64_t all = ((uint64_t)2 << EVENTS) - 2;
    const uint64_t acked = 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4 | 1 << 6;
    unsigned found = 0;
    for (size_t at = 0; at < count; at++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            uint64_t mask;
            if (!is_worth_flipping(at, bit)) {
                continue;
            }
            memcpy(bytes, good, count);
            bytes[at] ^= (uint8_t)(1 << bit);
            assert_int_equal(drain(&mask), MR_OK);
            assert_int_equal(mask & ~acked, all & ~acked); /* nothing is lost */
            found += (mask & acked) != 0;                  /* the older copy: acks come again */
            assert_int_equal(mask & 1 << 4, 0);            /* but for the last one */
        }
    }
    assert_int_equal(found, 8 * 512); /* of the newest copy every bit is found */
    free(good);
}

/** A power cut may tear what is not synced: it must not be all there is. */
static void acks_between_two_syncs_leave_the_synced_copy_alone(void **fixture)
{
    (void)fixture;
    size_t count;
    struct mri_consumer_slot before[2];
    mr_consumer *consumer = mri_consumer_sample_open(&sample, &(mr_consumer_options){0});
    for (int i = 0; i < 7; i++) {
        assert_int_equal(next(consumer), i + 1);
    }
    assert_int_equal(mri_consumer_sample_ack(&sample, consumer, 1), MR_OK);
    assert_int_equal(mr_consumer_sync(consumer, NULL), MR_OK);
    for (uint64_t seq = 2; seq <= 6; seq++) {
        const uint8_t *bytes = mri_os_memory_bytes(sample.memory, cursor_path, &count);
        memcpy(&before[0], bytes, sizeof(before[0]));
        memcpy(&before[1], bytes + MRI_CONSUMER_PAGE_BYTES, sizeof(before[1]));
        bool is_first_newer = before[0].generation > before[1].generation;
        assert_int_equal(mri_consumer_sample_ack(&sample, consumer, seq), MR_OK);
        bytes = mri_os_memory_bytes(sample.memory, cursor_path, &count);
        int synced = (seq == 2) == is_first_newer ? 0 : 1; /* the newest only before the first */
        const uint8_t *place = bytes + (size_t)synced * MRI_CONSUMER_PAGE_BYTES;
        assert_memory_equal(place, &before[synced], sizeof(before[synced]));
    }
    mr_consumer_close(consumer);
}

static void two_damaged_copies_are_told_and_never_begun_anew(void **fixture)
{
    (void)fixture;
    size_t count;
    uint64_t mask;
    free(used_cursor(&count));
    uint8_t *bytes = mri_os_memory_bytes(sample.memory, cursor_path, &count);
    bytes[100] ^= 1;
    bytes[4096 + 200] ^= 1;
    assert_int_equal(drain(&mask), MR_ECORRUPT);
    assert_non_null(strstr(sample.problem.text, "both of its copies"));
    const mr_consumer_options options = {0};
    assert_int_equal(try_open(&options), MR_ECORRUPT);
    const struct mri_consumer_at at = {sample.os, mri_alloc_system(), "/log", "c"};
    assert_int_equal(mri_consumer_remove(&at, NULL), MR_OK); /* only by request */
    assert_int_equal(try_open(&options), MR_OK);
}

static void a_cursor_that_is_cut_anywhere_is_damaged(void **fixture)
{
    (void)fixture;
    size_t count;
    uint64_t mask;
    uint8_t *good = used_cursor(&count);
    mri_consumer_sample_close_log(&sample);
    for (size_t bytes = 0; bytes <= count; bytes += bytes < 600 ? 1 : 61) {
        mri_os_memory_put(sample.memory, cursor_path, good, bytes);
        assert_int_equal(drain(&mask), MR_ECORRUPT);
    }
    mri_os_memory_put(sample.memory, cursor_path, good, count);
    assert_int_equal(drain(&mask), MR_OK);
    free(good);
}

static void a_cursor_of_another_log_is_refused(void **fixture)
{
    (void)fixture;
    size_t count;
    uint64_t mask;
    uint8_t *good = used_cursor(&count);
    mri_consumer_sample_end(&sample);
    mri_consumer_sample_begin(&sample);
    /* the machine's random numbers are the same again: make the log another one */
    struct mri_consumer_slot slot;
    for (size_t at = 0; at <= 4096; at += 4096) {
        memcpy(&slot, good + at, sizeof(slot));
        slot.log_uuid[3] ^= 1;
        mri_consumer_slot_seal(&slot);
        memcpy(good + at, &slot, sizeof(slot));
    }
    assert_int_equal(try_open(&(mr_consumer_options){0}), MR_OK);
    mri_os_memory_put(sample.memory, cursor_path, good, count);
    assert_int_equal(drain(&mask), MR_ECORRUPT);
    assert_non_null(strstr(sample.problem.text, "another log"));
    free(good);
}

/** Events behind the first half were not durable: take them, and give their numbers to others. */
static void lose_events(unsigned kept, unsigned appended)
{
    struct mri_prng prng;
    size_t count;
    mri_prng_init(&prng, 3);
    mri_consumer_sample_close_log(&sample);
    const char *path = "/log/seg-0000000000000001.log";
    uint8_t *bytes = mri_os_memory_bytes(sample.memory, path, &count);
    size_t at = MRI_SEGMENT_PAGE_BYTES;
    for (unsigned i = 0; i < kept; i++) {
        uint32_t length;
        memcpy(&length, bytes + at, sizeof(length));
        at += (length + 63u) / 64 * 64;
    }
    uint8_t *cut = malloc(count);
    memcpy(cut, bytes, count);
    memset(cut + at, 0, count - at);
    mri_os_memory_cut_power(sample.memory, &prng);
    mri_os_memory_put(sample.memory, path, cut, count);
    free(cut);
    mri_consumer_sample_open_log(&sample);
    mri_consumer_sample_append(&sample, appended, MR_GROUP);
}

static void a_consumer_that_was_past_a_cut_is_set_back_and_told_once(void **fixture)
{
    (void)fixture;
    mr_delivery delivery;
    mr_consumer *consumers[2];
    mr_consumer *consumer = mri_consumer_sample_open(&sample, &(mr_consumer_options){0});
    for (uint64_t seq = 1; seq <= 9; seq++) {
        assert_int_equal(next(consumer), seq);
        assert_int_equal(mri_consumer_sample_ack(&sample, consumer, seq), MR_OK);
    }
    assert_int_equal(mr_consumer_sync(consumer, NULL), MR_OK);
    mr_consumer_close(consumer);
    lose_events(5, 3);
    for (int i = 0; i < 2; i++) {
        consumers[i] = mri_consumer_sample_open(&sample, NULL);
    }
    for (int i = 0; i < 2; i++) {
        assert_int_equal(mri_consumer_sample_look(&sample, consumers[i], &delivery), MR_REWOUND);
        assert_int_equal(delivery.first.n, 6);
        assert_int_equal(delivery.last.n, 9);
    }
    for (uint64_t seq = 6; seq <= 8; seq++) {
        assert_int_equal(next(consumers[seq % 2]), seq);
        assert_int_equal(mri_consumer_sample_ack(&sample, consumers[seq % 2], seq), MR_OK);
    }
    assert_int_equal(next(consumers[0]), 0);
    assert_int_equal(mri_consumer_sample_stat(&sample).rewinds, 1);
    mr_consumer_close(consumers[0]);
    mr_consumer_close(consumers[1]);
    consumer = mri_consumer_sample_open(&sample, NULL);
    mri_consumer_sample_append(&sample, 3, MR_ASYNC);
    assert_int_equal(mri_consumer_sample_look(&sample, consumer, &delivery), MR_REWOUND);
    assert_int_equal(next(consumer), 9); /* not yet where it had been: this handle heard, too */
    assert_int_equal(mri_consumer_sample_ack(&sample, consumer, 9), MR_OK);
    mr_consumer_close(consumer);
    consumer = mri_consumer_sample_open(&sample, NULL);
    assert_int_equal(next(consumer), 10);
    mr_consumer_close(consumer);
}

static void a_cut_behind_what_is_acked_is_no_matter(void **fixture)
{
    (void)fixture;
    mr_consumer *consumer = mri_consumer_sample_open(&sample, &(mr_consumer_options){0});
    for (uint64_t seq = 1; seq <= 9; seq++) {
        assert_int_equal(next(consumer), seq);
    }
    for (uint64_t seq = 1; seq <= 5; seq++) {
        assert_int_equal(mri_consumer_sample_ack(&sample, consumer, seq), MR_OK);
    }
    assert_int_equal(mr_consumer_sync(consumer, NULL), MR_OK);
    mr_consumer_close(consumer);
    lose_events(5, 3);
    consumer = mri_consumer_sample_open(&sample, NULL);
    assert_int_equal(next(consumer), 6);
    mr_consumer_close(consumer);
}

static void after_a_restart_all_leases_are_void(void **fixture)
{
    (void)fixture;
    struct mri_prng prng;
    mr_delivery delivery;
    mri_prng_init(&prng, 3);
    mr_consumer *consumer = mri_consumer_sample_open(&sample, &(mr_consumer_options){0});
    assert_int_equal(next(consumer), 1);
    assert_int_equal(mr_consumer_nack(consumer, (mr_seq){1}, 1000000, NULL, NULL), MR_OK);
    assert_int_equal(next(consumer), 2);
    mr_consumer_close(consumer);
    mr_log_close(sample.log);
    mri_os_memory_cut_power(sample.memory, &prng);
    mri_consumer_sample_open_log(&sample);
    consumer = mri_consumer_sample_open(&sample, NULL);
    assert_int_equal(mri_consumer_sample_look(&sample, consumer, &delivery), MR_OK);
    assert_int_equal(delivery.count, 1);
    mr_consumer_close(consumer);
}

/** What a consumer does, on a machine that may fail; which events were handed out, and acked. */
static mr_err use(
    const struct mri_os *os, const struct mri_alloc *alloc, uint64_t *leased, uint64_t *acked)
{
    mr_consumer *consumer = NULL;
    mr_log_event event;
    mr_delivery delivery;
    mr_consumer_stats stats;
    const struct mri_consumer_at at = {os, alloc, "/log", "c"};
    const mr_consumer_options options = {.is_durable_ack = true};
    mr_err err = mri_consumer_open(&at, &options, &consumer, NULL);
    for (int i = 0; err == MR_OK && i < 3; i++) {
        err = mr_consumer_next(consumer, &event, &delivery, NULL);
        if (err == MR_OK) {
            *leased |= (uint64_t)1 << event.seq.n;
            err = mr_consumer_ack(consumer, event.seq, NULL);
            *acked |= err == MR_OK ? (uint64_t)1 << event.seq.n : 0;
        }
    }
    err = err == MR_OK ? mri_consumer_stat(&at, &stats, NULL) : err;
    mr_consumer_close(consumer);
    return err;
}

static void whichever_call_fails_no_event_is_passed_over(void **fixture)
{
    (void)fixture;
    struct mri_os_faults machine;
    const uint64_t all = ((uint64_t)2 << EVENTS) - 2;
    const struct mri_consumer_at at = {sample.os, mri_alloc_system(), "/log", "c"};
    uint64_t k = 0;
    mri_os_faults_init(&machine, sample.os);
    do {
        uint64_t leased = 0;
        uint64_t acked = 0;
        uint64_t mask = 0;
        mri_os_faults_arm(&machine, MRI_OS_CALL_ANY, ++k, MR_EIO);
        mr_err err = use(&machine.table, mri_alloc_system(), &leased, &acked);
        assert_true(err <= MR_OK);
        err = drain(&mask);
        assert_true(err == MR_OK || (err == MR_NOT_FOUND && leased == 0));
        if (err == MR_OK) {
            assert_int_equal(mask & acked, 0);            /* what is acked stays so */
            assert_int_equal((mask | leased) & all, all); /* and all the rest comes */
            assert_int_equal(mri_consumer_remove(&at, NULL), MR_OK);
        }
    } while (machine.fired > 0);
    assert_true(k > 40);
}

static void without_memory_nothing_is_opened(void **fixture)
{
    (void)fixture;
    for (unsigned k = 1;; k++) {
        struct failing_alloc failing;
        uint64_t unused = 0;
        const struct mri_consumer_at at = {sample.os, mri_alloc_system(), "/log", "c"};
        failing_alloc_init(&failing, k);
        mr_err err = use(sample.os, &failing.alloc, &unused, &unused);
        assert_int_equal(failing.live_bytes, 0);
        if (err == MR_OK) {
            assert_true(k > 3);
            return;
        }
        assert_int_equal(err, MR_ENOMEM);
        assert_true(mri_consumer_remove(&at, NULL) >= MR_OK);
    }
}

int main(void)
{
#define TEST(name) MRI_CONSUMER_SAMPLE_TEST(name, &sample)
    const struct CMUnitTest tests[] = {
        TEST(it_begins_where_it_was_told_to),
        TEST(what_it_was_made_with_stays),
        TEST(what_is_no_log_stays_as_it_is),
        TEST(every_flipped_bit_of_a_cursor_is_found_or_does_no_harm),
        TEST(acks_between_two_syncs_leave_the_synced_copy_alone),
        TEST(two_damaged_copies_are_told_and_never_begun_anew),
        TEST(a_cursor_that_is_cut_anywhere_is_damaged),
        TEST(a_cursor_of_another_log_is_refused),
        TEST(a_consumer_that_was_past_a_cut_is_set_back_and_told_once),
        TEST(a_cut_behind_what_is_acked_is_no_matter),
        TEST(after_a_restart_all_leases_are_void),
        TEST(whichever_call_fails_no_event_is_passed_over),
        TEST(without_memory_nothing_is_opened),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
