/* SPDX-License-Identifier: MIT */
/*
 * The room of a log's disk: what is told of each state, and what the disk here is called.
 */
#include "cli/disk_room.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/os_faults.h"
#include "tests/lib/os_memory.h"

enum { FILE_BYTES = 4096 };

/** A segment that no disk has room for. */
static const uint64_t huge_bytes = UINT64_MAX / 8;

struct sample {
    struct mri_os_memory *memory; /**< where the names of files are; the room is the disk's here */
    struct mri_os_faults machine;
    struct mri_cli cli;
};

static int make(void **fixture)
{
    static struct sample sample;
    sample = (struct sample){.memory = mri_os_memory_new(FILE_BYTES)};
    mri_os_faults_init(&sample.machine, mri_os_memory_table(sample.memory));
    sample.cli.os = &sample.machine.table;
    *fixture = &sample;
    return sample.cli.os->make_folder(sample.cli.os->context, "/tmp") == MR_OK ? 0 : -1;
}

static int end(void **fixture)
{
    mri_os_memory_free(((struct sample *)*fixture)->memory);
    return 0;
}

static const char *text_of(const struct mri_disk_room *room)
{
    static char text[MRI_DISK_ROOM_TEXT_BYTES];
    assert_ptr_equal(mri_disk_room_text(room, text), text);
    return text;
}

static void every_state_has_its_text_and_what_to_do(void **fixture)
{
    (void)fixture;
    static const char room_todo[] =
        "make room: `millrace log archive`, `millrace log retain`, or a larger disk";
    const struct {
        struct mri_disk_room room;
        const char *text;
        const char *todo;
    } cases[] = {
        {{MRI_DISK_ENOUGH, 0, 12340000000, 4000000, 2},
            "12.3 GB free, segments of 4.0 MB, 2 made ahead", NULL},
        {{MRI_DISK_FEW, 0, 15900000, 4000000, 1},
            "15.9 MB free, 1 segments made ahead: room for 3 more segments of 4.0 MB", room_todo},
        {{MRI_DISK_NONE, 0, 1500000, 4000000, 0},
            "1.5 MB free: the next segment of 4.0 MB has no room, and appends will stop",
            room_todo},
        {{MRI_DISK_READ_ONLY, 0, 1500000, 4000000, 0}, "it is mounted read-only",
            "mount it read-write to append"},
        {{MRI_DISK_UNKNOWN, ENOENT, 0, 4000000, 0}, strerror(ENOENT), "look at the disk"},
    };
    for (size_t i = 0; i < MRI_COUNT_OF(cases); i++) {
        const char *todo = mri_disk_room_todo(&cases[i].room);
        assert_string_equal(text_of(&cases[i].room), cases[i].text);
        assert_string_equal(todo == NULL ? "" : todo, cases[i].todo == NULL ? "" : cases[i].todo);
    }
}

static void a_folder_that_is_not_there_says_why_it_is_unknown(void **fixture)
{
    struct sample *sample = *fixture;
    struct mri_disk_room room = mri_disk_room_look(&sample->cli, "/no/such/folder", 4096);
    assert_int_equal(room.state, MRI_DISK_UNKNOWN);
    assert_int_equal(room.error, ENOENT);
    assert_int_equal(room.free_bytes, 0);
    assert_int_equal(room.segment_bytes, 4096);
}

static void a_disk_with_room_for_many_segments_has_enough(void **fixture)
{
    struct sample *sample = *fixture;
    struct mri_disk_room room = mri_disk_room_look(&sample->cli, "/tmp", 1);
    assert_int_equal(room.state, MRI_DISK_ENOUGH);
    assert_int_equal(room.error, 0);
    assert_true(room.free_bytes > 0);
    assert_int_equal(room.spares, 0);
}

static void no_room_for_the_next_segment_is_none_unless_one_is_made_ahead(void **fixture)
{
    struct sample *sample = *fixture;
    struct mri_disk_room room = mri_disk_room_look(&sample->cli, "/tmp", huge_bytes);
    assert_int_equal(room.state, MRI_DISK_NONE);
    mri_os_memory_put(sample->memory, "/tmp/spares", "x", 1); /* no spare: another name */
    assert_int_equal(mri_disk_room_look(&sample->cli, "/tmp", huge_bytes).state, MRI_DISK_NONE);
    mri_os_memory_put(sample->memory, "/tmp/spare-1", "x", 1);
    mri_os_memory_put(sample->memory, "/tmp/spare-2", "x", 1);
    room = mri_disk_room_look(&sample->cli, "/tmp", huge_bytes);
    assert_int_equal(room.state, MRI_DISK_FEW);
    assert_int_equal(room.spares, 2);
}

static void spares_that_cannot_be_seen_are_none(void **fixture)
{
    struct sample *sample = *fixture;
    mri_os_memory_put(sample->memory, "/tmp/spare-1", "x", 1);
    mri_os_faults_arm(&sample->machine, MRI_OS_CALL_LIST, 1, MR_EACCESS);
    struct mri_disk_room room = mri_disk_room_look(&sample->cli, "/tmp", huge_bytes);
    assert_int_equal(sample->machine.fired, 1);
    assert_int_equal(room.spares, 0);
    assert_int_equal(room.state, MRI_DISK_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_state_has_its_text_and_what_to_do),
        cmocka_unit_test_setup_teardown(
            a_folder_that_is_not_there_says_why_it_is_unknown, make, end),
        cmocka_unit_test_setup_teardown(a_disk_with_room_for_many_segments_has_enough, make, end),
        cmocka_unit_test_setup_teardown(
            no_room_for_the_next_segment_is_none_unless_one_is_made_ahead, make, end),
        cmocka_unit_test_setup_teardown(spares_that_cannot_be_seen_are_none, make, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
