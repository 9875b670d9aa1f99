/* SPDX-License-Identifier: MIT */
/*
 * A log whose file was cut, zeroed, flipped or garbled: whoever opens it gets whole batches from
 * the front or is told about the damage, and never a wrong event.
 */
#include <stdlib.h>
#include <string.h>

#include "base/prng.h"
#include "log/open/append.h"
#include "log/open/writer.h"
#include "log/read/reader.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/log_sample.h"
#include "tests/lib/os_memory.h"

enum {
    FILE_BYTES = MRI_SEGMENT_BYTES_MIN,
    BATCHES_MAX = 400,
    LAST_BYTES = 16 * 1024, /* of the log are cut byte by byte */
};

static const char segment_path[] = "/log/seg-0000000000000001.log";

/** A log in one segment, and where its batches end. */
struct sample {
    struct mri_os_memory *memory;
    const struct mri_os *os;
    uint8_t *file; /* the machine's own bytes */
    uint8_t whole[FILE_BYTES];
    size_t body_max;
    size_t ends[BATCHES_MAX];    /* offset behind each batch */
    uint64_t lasts[BATCHES_MAX]; /* seq of the last record of each batch */
    size_t count;                /* of batches */
    uint64_t watermark;          /* highest seq that a later record says is durable */
};

static struct sample sample;

/** Make a log of about so many bytes; every third batch is durable, the last is not. */
static void make_sample(size_t bytes, size_t body_max)
{
    const mr_log_options options = {.is_create = true, .segment_bytes = FILE_BYTES};
    struct mri_prng prng;
    mr_log *log;
    uint64_t durable = 0;
    mri_prng_init(&prng, bytes);
    memset(&sample, 0, sizeof(sample));
    sample.memory = mri_os_memory_new(FILE_BYTES);
    sample.os = mri_os_memory_table(sample.memory);
    sample.body_max = body_max;
    assert_int_equal(
        mri_log_open(sample.os, mri_alloc_system(), "/log", &options, &log, NULL), MR_OK);
    while (mri_log_sample_end(log) < MRI_SEGMENT_PAGE_BYTES + bytes || sample.count % 3 == 1) {
        bool is_durable = sample.count % 3 == 0;
        size_t count = 1 + mri_prng_below(&prng, 4);
        sample.watermark = durable; /* each record says what was durable before it */
        assert_int_equal(
            mri_log_sample_append(log, count, body_max, is_durable ? MR_GROUP : MR_ASYNC, NULL),
            MR_OK);
        assert_true(sample.count < BATCHES_MAX);
        sample.ends[sample.count] = mri_log_sample_end(log);
        sample.lasts[sample.count] = mr_log_last(log).n;
        sample.count++;
        durable = is_durable ? mr_log_last(log).n : durable;
    }
    sample.watermark = durable; /* says the SEAL that closing writes behind them */
    mr_log_close(log);
    size_t size;
    sample.file = mri_os_memory_bytes(sample.memory, segment_path, &size);
    assert_int_equal(size, FILE_BYTES);
    memcpy(sample.whole, sample.file, FILE_BYTES);
}

static int free_sample(void **fixture)
{
    (void)fixture;
    size_t open_count = mri_os_memory_open_count(sample.memory);
    mri_os_memory_free(sample.memory);
    return open_count == 0 ? 0 : 1;
}

static int make_large(void **fixture)
{
    (void)fixture;
    make_sample(LAST_BYTES + 8000, 400);
    return 0;
}

static int make_small(void **fixture)
{
    (void)fixture;
    make_sample(2600, 100);
    return 0;
}

static size_t log_end(void)
{
    return sample.ends[sample.count - 1];
}

/** How many batches end at or before an offset. */
static size_t batches_before(size_t offset)
{
    size_t count = 0;
    while (count < sample.count && sample.ends[count] <= offset) {
        count++;
    }
    return count;
}

static mr_err read_all(uint64_t *ret_last)
{
    mr_log_reader *reader;
    mr_err err = mri_reader_open(sample.os, mri_alloc_system(), "/log", &reader, NULL);
    if (err == MR_OK) {
        *ret_last = 0;
        err = mri_log_sample_read(reader, sample.body_max, ret_last);
        mr_log_reader_close(reader);
    }
    return err;
}

static mr_err open_writer(struct mri_log_opening *ret_opening, uint64_t *ret_last)
{
    mr_log *log = NULL;
    mr_err err = mri_log_open(sample.os, mri_alloc_system(), "/log", NULL, &log, NULL);
    if (err == MR_OK) {
        *ret_opening = *mri_log_opening(log);
        *ret_last = mr_log_last(log).n;
        mr_log_close(log);
    }
    return err;
}

/** The log was cut so that exactly the first batches are left: reader and writer must agree. */
static void expect_batches(size_t kept, bool is_dirty)
{
    struct mri_log_opening opening = {0};
    uint64_t expected = kept == 0 ? 0 : sample.lasts[kept - 1];
    uint64_t last = 0;
    assert_int_equal(read_all(&last), MR_END);
    assert_int_equal(last, expected);
    assert_int_equal(open_writer(&opening, &last), MR_OK);
    assert_int_equal(opening.decision, is_dirty ? MRI_RECOVER_TRUNCATE : MRI_RECOVER_CLEAN);
    assert_int_equal(last, expected + is_dirty); /* RECOVERY says that something was cut */
    uint64_t after = 0;
    assert_int_equal(read_all(&after), MR_END);
    assert_int_equal(after, last);
}

static bool has_bytes(size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        if (sample.whole[i] != 0) {
            return true;
        }
    }
    return false;
}

static void cut_at_any_byte_it_keeps_exactly_its_whole_batches(void **fixture)
{
    (void)fixture;
    assert_true(log_end() > MRI_SEGMENT_PAGE_BYTES + LAST_BYTES);
    for (size_t cut = log_end() - LAST_BYTES; cut <= log_end(); cut++) {
        mri_os_memory_put(sample.memory, segment_path, sample.whole, cut);
        size_t kept = batches_before(cut);
        size_t end = kept == 0 ? MRI_SEGMENT_PAGE_BYTES : sample.ends[kept - 1];
        expect_batches(kept, has_bytes(end, cut));
    }
}

static void zeroed_from_any_unit_on_it_keeps_exactly_its_whole_batches(void **fixture)
{
    (void)fixture;
    for (size_t from = MRI_SEGMENT_PAGE_BYTES; from <= log_end(); from += 64) {
        memcpy(sample.file, sample.whole, log_end() + 256);
        memset(sample.file + from, 0, log_end() + 256 - from);
        size_t kept = 0; /* a record may end in zeros that cannot be lost */
        while (kept < sample.count && !has_bytes(from, sample.ends[kept])) {
            kept++;
        }
        size_t end = kept == 0 ? MRI_SEGMENT_PAGE_BYTES : sample.ends[kept - 1];
        expect_batches(kept, has_bytes(end, from));
    }
}

static void any_flipped_bit_is_found_and_durable_events_are_never_cut(void **fixture)
{
    (void)fixture;
    unsigned quarantined = 0;
    unsigned truncated = 0;
    for (size_t bit = 8 * MRI_SEGMENT_PAGE_BYTES; bit < 8 * log_end(); bit++) {
        struct mri_log_opening opening = {0};
        size_t batch = batches_before(bit / 8); /* the one that is hit */
        uint64_t before = batch == 0 ? 0 : sample.lasts[batch - 1];
        bool is_claimed = before + 1 <= sample.watermark;
        uint64_t last = 0;
        memcpy(sample.file, sample.whole, log_end() + 256);
        sample.file[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(read_all(&last), is_claimed ? MR_ECORRUPT : MR_END);
        assert_int_equal(last, before);
        mr_err err = open_writer(&opening, &last);
        if (is_claimed) {
            assert_int_equal(err, MR_ECORRUPT);
            sample.file[bit / 8] ^= (uint8_t)(1u << bit % 8);
            assert_memory_equal(sample.file, sample.whole, log_end() + 256); /* nothing changed */
            quarantined++;
        } else {
            assert_int_equal(err, MR_OK);
            assert_int_equal(opening.decision, MRI_RECOVER_TRUNCATE);
            assert_int_equal(last, before + 1);
            truncated++;
        }
    }
    assert_true(quarantined > 1000 && truncated > 1000);
}

static void a_flipped_bit_in_a_segment_head_does_no_harm(void **fixture)
{
    (void)fixture;
    for (size_t bit = 0; bit < 8 * MRI_SEGMENT_PAGE_BYTES; bit++) {
        bool is_head = bit / 8 % 2048 < sizeof(struct mri_segment_head);
        struct mri_log_opening opening = {0};
        uint64_t last = 0;
        memcpy(sample.file, sample.whole, log_end() + 256);
        sample.file[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(read_all(&last), MR_END);
        assert_int_equal(last, sample.lasts[sample.count - 1]);
        assert_int_equal(open_writer(&opening, &last), MR_OK);
        assert_int_equal(opening.is_head_repaired, is_head);
        assert_int_equal(last, sample.lasts[sample.count - 1]);
        sample.file[bit / 8] ^= (uint8_t)(is_head ? 0 : 1u << bit % 8);
        assert_memory_equal(sample.file, sample.whole, log_end() + 256);
    }
}

/** Damage the log in one of several ways; nothing but bytes of records changes. */
static void garble(struct mri_prng *prng)
{
    size_t bytes = log_end() - MRI_SEGMENT_PAGE_BYTES;
    uint8_t *records = sample.file + MRI_SEGMENT_PAGE_BYTES;
    size_t at = mri_prng_below(prng, bytes);
    size_t count = 1 + mri_prng_below(prng, 600);
    count = count < bytes - at ? count : bytes - at;
    size_t unit = at / 64 * 64;
    switch (mri_prng_below(prng, 5)) {
    case 0: /* a burst */
        for (uint64_t i = 2 + mri_prng_below(prng, 31); i > 0; i--) {
            size_t bit = 8 * at + mri_prng_below(prng, 32);
            records[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        break;
    case 1: /* garbage */
        for (size_t i = 0; i < count; i++) {
            records[at + i] = (uint8_t)mri_prng_next(prng);
        }
        break;
    case 2: /* a record or a part of one in another place */
        memmove(records + unit, records + mri_prng_below(prng, bytes) / 64 * 64,
            64 * (1 + mri_prng_below(prng, 8)));
        break;
    case 3: /* a lost sector */
        memset(records + at / 512 * 512, 0, 512);
        break;
    default: /* everything shifted by a unit */
        memmove(records + unit + 64, records + unit, bytes - unit);
        break;
    }
}

static void however_it_is_garbled_no_wrong_event_is_delivered(void **fixture)
{
    (void)fixture;
    struct mri_prng prng;
    mri_prng_init(&prng, 5);
    for (int round = 0; round < 20000; round++) {
        struct mri_log_opening opening = {0};
        uint64_t before = 0;
        uint64_t last = 0;
        memset(sample.file + log_end(), 0, 2048);
        memcpy(sample.file, sample.whole, log_end() + 2048);
        for (uint64_t i = 1 + mri_prng_below(&prng, 3); i > 0; i--) {
            garble(&prng);
        }
        mr_err err = read_all(&before); /* MR_EINTERNAL would be a wrong event or a gap */
        assert_true(err == MR_END || err == MR_ECORRUPT);
        mr_err opened = open_writer(&opening, &last);
        assert_true(opened == MR_OK || opened == MR_ECORRUPT);
        assert_true(opened == err || (opened == MR_OK && err == MR_END));
        if (opened == MR_OK) { /* what a reader saw is still there */
            assert_int_equal(last, before + (opening.decision == MRI_RECOVER_TRUNCATE));
        }
    }
}

int main(void)
{
#define LARGE(name) cmocka_unit_test_setup_teardown(name, make_large, free_sample)
#define SMALL(name) cmocka_unit_test_setup_teardown(name, make_small, free_sample)
    const struct CMUnitTest tests[] = {
        LARGE(cut_at_any_byte_it_keeps_exactly_its_whole_batches),
        LARGE(zeroed_from_any_unit_on_it_keeps_exactly_its_whole_batches),
        SMALL(any_flipped_bit_is_found_and_durable_events_are_never_cut),
        SMALL(a_flipped_bit_in_a_segment_head_does_no_harm),
        SMALL(however_it_is_garbled_no_wrong_event_is_delivered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
