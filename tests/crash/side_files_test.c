/* SPDX-License-Identifier: MIT */
/*
 * Every bit of the small files beside the segments is flipped, and they are cut at every byte: what
 * is damaged is found, or does no harm to what the log holds.
 */
#include <stdlib.h>
#include <string.h>

#include "log/format/archive.h"
#include "log/format/manifest.h"
#include "log/hot/hot_view.h"
#include "log/meet/control.h"
#include "log/open/append.h"
#include "log/read/reader.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/log_sample.h"
#include "tests/lib/os_memory.h"

enum { FILE_BYTES = MRI_SEGMENT_BYTES_MIN, BODY_MAX = 300, LARGE = 120000 };

static const mr_log_options made = {.is_create = true, .segment_bytes = FILE_BYTES};
static struct mri_os_memory *memory;
static const struct mri_os *os;

static mr_log *open_log(void)
{
    mr_log *log = NULL;
    mr_problem problem = {""};
    mr_err err = mri_log_open(os, mri_alloc_system(), "/log", &made, &log, &problem);
    assert_string_equal(problem.text, "");
    assert_int_equal(err, MR_OK);
    return log;
}

static int set_up(void **fixture)
{
    (void)fixture;
    memory = mri_os_memory_new(2 * FILE_BYTES);
    os = mri_os_memory_table(memory);
    mr_log *log = open_log();
    assert_int_equal(mri_log_sample_append(log, 5, BODY_MAX, MR_GROUP, NULL), MR_OK);
    mr_log_close(log);
    return 0;
}

static int tear_down(void **fixture)
{
    (void)fixture;
    size_t open_count = mri_os_memory_open_count(memory);
    mri_os_memory_free(memory);
    return open_count == 0 ? 0 : 1;
}

/** A file to spoil. */
struct victim {
    const char *path;
    uint8_t *bytes; /* the machine's own */
    uint8_t *whole;
    size_t count;
};

static struct victim victim_of(const char *path)
{
    struct victim victim = {.path = path};
    victim.bytes = mri_os_memory_bytes(memory, path, &victim.count);
    assert_non_null(victim.bytes);
    victim.whole = malloc(victim.count);
    assert_non_null(victim.whole);
    memcpy(victim.whole, victim.bytes, victim.count);
    return victim;
}

/** Is it seen that the file is spoiled? Called with each bit flipped, then with each cut. */
static void spoil(const char *path, bool (*is_seen)(void))
{
    struct victim victim = victim_of(path);
    assert_false(is_seen());
    for (size_t bit = 0; bit < 8 * victim.count; bit++) {
        victim.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (!is_seen()) {
            fail_msg("%s: bit %zu", path, bit);
        }
        victim.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (size_t cut = 0; cut < victim.count; cut++) {
        mri_os_memory_put(memory, path, victim.whole, cut);
        if (!is_seen()) {
            fail_msg("%s: cut at %zu", path, cut);
        }
    }
    mri_os_memory_put(memory, path, victim.whole, victim.count);
    assert_false(is_seen());
    free(victim.whole);
}

/* ---- MANIFEST -------------------------------------------------------------------------------- */

static bool is_manifest_refused(void)
{
    struct mri_manifest manifest;
    mr_log_reader *reader = NULL;
    mr_err err = mri_manifest_read(os, "/log", &manifest, NULL);
    assert_true(err == MR_OK || err == MR_ECORRUPT || err == MR_EVERSION);
    mr_err opened = mri_reader_open(os, mri_alloc_system(), "/log", &reader, NULL);
    mr_log_reader_close(reader);
    assert_int_equal(opened, err);
    return err != MR_OK;
}

static void a_spoiled_manifest_is_refused(void **fixture)
{
    (void)fixture;
    spoil("/log/MANIFEST", is_manifest_refused);
}

/* ---- ctl ------------------------------------------------------------------------------------- */

static bool is_control_refused(void)
{
    struct mri_control control;
    mr_err err = mri_control_read(os, "/log", &control);
    assert_true(err == MR_OK || err == MR_ECORRUPT || err == MR_EVERSION || err == MR_NOT_FOUND);
    return err != MR_OK;
}

static void a_spoiled_ctl_is_refused(void **fixture)
{
    (void)fixture;
    mr_log *log = open_log();
    spoil("/log/ctl", is_control_refused);
    mr_log_close(log);
}

static bool is_second_process_refused(void)
{
    mr_log *log = NULL;
    mri_os_memory_set_process(memory, 4243);
    mr_err err = mri_log_open(os, mri_alloc_system(), "/log", &made, &log, NULL);
    mr_log_close(log);
    mri_os_memory_set_process(memory, 4242);
    assert_true((err == MR_OK) == (log != NULL));
    return err != MR_OK;
}

static void with_a_spoiled_ctl_no_second_process_comes_in(void **fixture)
{
    (void)fixture;
    mr_log *log = open_log();
    spoil("/log/ctl", is_second_process_refused);
    assert_int_equal(mri_log_sample_append(log, 1, BODY_MAX, MR_GROUP, NULL), MR_OK);
    mr_log_close(log);
}

static bool is_reading_harmed(void)
{
    mr_log_reader *reader = NULL;
    uint64_t last = 0;
    mr_err err = mri_reader_open(os, mri_alloc_system(), "/log", &reader, NULL);
    if (err == MR_OK) {
        err = mri_log_sample_read(reader, BODY_MAX, &last);
        mr_log_reader_close(reader);
    }
    return err != MR_END || last != 5;
}

/** A reader looks at ctl for what is not in the files yet; what is there it reads in any case. */
static void a_spoiled_ctl_does_readers_no_harm(void **fixture)
{
    (void)fixture;
    mr_log *log = open_log();
    struct victim victim = victim_of("/log/ctl");
    for (size_t bit = 0; bit < 8 * victim.count; bit++) {
        victim.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (is_reading_harmed()) {
            fail_msg("bit %zu", bit);
        }
        victim.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    free(victim.whole);
    mr_log_close(log);
}

/** After the death of all, a spoiled ctl names no memory: the log is what its files hold. */
static void a_spoiled_ctl_of_the_dead_is_left_aside_or_refused(void **fixture)
{
    (void)fixture;
    mr_log *log = open_log();
    mri_log_sample_end_process(memory, log);
    struct victim victim = victim_of("/log/ctl");
    struct mri_control control;
    for (size_t bit = 0; bit < 8 * victim.count; bit++) {
        mri_os_memory_put(memory, victim.path, victim.whole, victim.count);
        victim.bytes = mri_os_memory_bytes(memory, victim.path, &victim.count);
        victim.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_not_equal(mri_control_read(os, "/log", &control), MR_OK);
        log = NULL;
        mr_err err = mri_log_open(os, mri_alloc_system(), "/log", &made, &log, NULL);
        assert_true(err == MR_OK || err == MR_EVERSION);
        assert_true(log == NULL || mr_log_last(log).n == 5);
        mr_log_close(log);
    }
    free(victim.whole);
}

static void ctl_of_another_boot_is_not_believed(void **fixture)
{
    (void)fixture;
    struct mri_control control;
    mr_log *log = open_log();
    assert_int_equal(mri_control_read(os, "/log", &control), MR_OK);
    mri_log_sample_end_process(memory, log);
    assert_int_equal(mri_control_read(os, "/log", &control), MR_OK);
    mri_os_memory_restart(memory);
    assert_int_equal(mri_control_read(os, "/log", &control), MR_NOT_FOUND);
}

/* ---- archives -------------------------------------------------------------------------------- */

static uint8_t *room;

static bool is_archive_refused(void)
{
    mr_err err = mri_archive_unpack(os, "/log", 1, room, FILE_BYTES, NULL);
    assert_true(err == MR_OK || err == MR_ECORRUPT || err == MR_EVERSION);
    memset(room, 0, FILE_BYTES);
    return err != MR_OK;
}

/** A small segment, so that every bit of its archive can be tried. */
static void a_spoiled_archive_is_refused(void **fixture)
{
    (void)fixture;
    static uint8_t zeros[MR_LOG_BODY_BYTES_MAX];
    const mr_log_record record = {.body = zeros,
        .body_bytes = FILE_BYTES - MRI_SEGMENT_PAGE_BYTES - 5 * 512 - 2048,
        .type = MR_LOG_TYPE_FREE,
        .version = 1};
    mr_log *log = open_log();
    while (mri_log_sample_segment(log) == 0) {
        assert_int_equal(mr_log_append(log, &record, 1, MR_GROUP, NULL), MR_OK);
    }
    mr_log_close(log);
    assert_int_equal(mri_archive_segment(os, mri_alloc_system(), "/log", 1, NULL, NULL), MR_OK);
    room = calloc(1, FILE_BYTES);
    assert_non_null(room);
    spoil("/log/seg-0000000000000001.log.zst", is_archive_refused);
    free(room);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_spoiled_manifest_is_refused),
        TEST(a_spoiled_ctl_is_refused),
        TEST(with_a_spoiled_ctl_no_second_process_comes_in),
        TEST(a_spoiled_ctl_does_readers_no_harm),
        TEST(a_spoiled_ctl_of_the_dead_is_left_aside_or_refused),
        TEST(ctl_of_another_boot_is_not_believed),
        TEST(a_spoiled_archive_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
