/* SPDX-License-Identifier: MIT */
/*
 * What a repair comes to: the snapshot behind what is given up, and what must be done first.
 */
#include "cli/repair_outlook.h"

#include "log/open/snapshot.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/os_faults.h"
#include "tests/lib/os_memory.h"

enum { FILE_BYTES = 64 * 1024 };

struct sample {
    struct mri_os_memory *memory;
    struct mri_os_faults machine;
    struct mri_cli cli;
};

static int make(void **fixture)
{
    static struct sample sample;
    sample = (struct sample){.memory = mri_os_memory_new(FILE_BYTES)};
    mri_os_faults_init(&sample.machine, mri_os_memory_table(sample.memory));
    sample.cli.os = &sample.machine.table;
    sample.cli.alloc = mri_alloc_system();
    *fixture = &sample;
    return sample.cli.os->make_folder(sample.cli.os->context, "/log") == MR_OK ? 0 : -1;
}

static int end(void **fixture)
{
    struct sample *sample = *fixture;
    assert_int_equal(mri_os_memory_open_count(sample->memory), 0);
    mri_os_memory_free(sample->memory);
    return 0;
}

static void add_snapshot(struct sample *sample, uint64_t seq)
{
    const struct mri_snapshot_place place = {.seq = seq};
    struct mri_buf payload;
    mri_buf_init(&payload, mri_alloc_system(), 64);
    mri_buf_text(&payload, "state");
    assert_int_equal(mri_snapshot_write(sample->cli.os, "/log", &place, &payload), MR_OK);
    mri_buf_fini(&payload);
}

static void damage(struct sample *sample, const char *path)
{
    size_t size;
    uint8_t *bytes = mri_os_memory_bytes(sample->memory, path, &size);
    bytes[size - 1] ^= 1;
}

/** The snapshot behind an event; 0: none. */
static uint64_t behind(struct sample *sample, uint64_t seq)
{
    uint64_t found = 99;
    assert_int_equal(mri_repair_outlook_snapshot(&sample->cli, "/log", seq, &found), MR_OK);
    return found;
}

static void without_a_snapshot_there_is_none_behind_anything(void **fixture)
{
    assert_int_equal(behind(*fixture, 0), 0);
    assert_int_equal(behind(*fixture, 7), 0);
}

static void the_newest_one_counts_if_it_is_behind_the_event(void **fixture)
{
    struct sample *sample = *fixture;
    add_snapshot(sample, 0x10);
    add_snapshot(sample, 0x20);
    assert_int_equal(behind(sample, 0x0f), 0x20);
    assert_int_equal(behind(sample, 0x1f), 0x20);
    assert_int_equal(behind(sample, 0x20), 0); /* it stands for that event, too */
    assert_int_equal(behind(sample, 0x21), 0);
}

static void a_damaged_one_is_none_and_an_older_one_may_do(void **fixture)
{
    struct sample *sample = *fixture;
    add_snapshot(sample, 0x10);
    add_snapshot(sample, 0x20);
    damage(sample, "/log/snap/0000000000000020.snap");
    assert_int_equal(behind(sample, 0x0f), 0x10);
    assert_int_equal(behind(sample, 0x10), 0);
    damage(sample, "/log/snap/0000000000000010.snap");
    assert_int_equal(behind(sample, 0x0f), 0);
}

static void a_folder_that_cannot_be_read_is_a_fault_and_nothing_is_found(void **fixture)
{
    struct sample *sample = *fixture;
    uint64_t found = 99;
    add_snapshot(sample, 0x10);
    mri_os_faults_arm(&sample->machine, MRI_OS_CALL_LIST, 1, MR_EACCESS);
    assert_int_equal(mri_repair_outlook_snapshot(&sample->cli, "/log", 1, &found), MR_EACCESS);
    assert_int_equal(found, 0);
}

static void only_a_damaged_archive_must_be_moved_away_first(void **fixture)
{
    (void)fixture;
    static const char archive[] = "/log/seg-0000000000000001.log.zst: block 2 is damaged";
    assert_string_equal(mri_repair_outlook_before(MR_ECORRUPT, archive),
        "move that archive away, then log repair --restore COPY takes its segment from a copy");
    assert_null(mri_repair_outlook_before(MR_ECORRUPT, "/log/seg-0000000000000001.log: damaged"));
    assert_null(mri_repair_outlook_before(MR_EIO, archive));
    assert_null(mri_repair_outlook_before(MR_ECORRUPT, ""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            without_a_snapshot_there_is_none_behind_anything, make, end),
        cmocka_unit_test_setup_teardown(the_newest_one_counts_if_it_is_behind_the_event, make, end),
        cmocka_unit_test_setup_teardown(a_damaged_one_is_none_and_an_older_one_may_do, make, end),
        cmocka_unit_test_setup_teardown(
            a_folder_that_cannot_be_read_is_a_fault_and_nothing_is_found, make, end),
        cmocka_unit_test(only_a_damaged_archive_must_be_moved_away_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
