/* SPDX-License-Identifier: MIT */
/*
 * The seat of the one who decides, in a machine in memory.
 */
#include "pipeline/seat.h"

#include <string.h>

#include "tests/lib/cmocka_all.h"
#include "tests/lib/os_faults.h"
#include "tests/lib/os_memory.h"

enum { FILE_BYTES = 4096 };

static void one_process_has_it_and_others_are_told_which(void **fixture)
{
    (void)fixture;
    struct mri_os_memory *memory = mri_os_memory_new(FILE_BYTES);
    const struct mri_os *os = mri_os_memory_table(memory);
    struct mri_seat first = {0};
    struct mri_seat second = {0};
    mr_problem problem = {""};
    uint32_t holder = 1;
    assert_int_equal(os->make_folder(os->context, "/log"), MR_OK);
    assert_int_equal(mri_seat_holder(os, "/log", MRI_SEAT_RUN, &holder), MR_OK);
    assert_int_equal(holder, 0);
    mri_os_memory_set_process(memory, 777);
    assert_int_equal(mri_seat_take(os, "/log", MRI_SEAT_RUN, &first, &problem), MR_OK);
    mri_os_memory_set_process(memory, 88);
    assert_int_equal(mri_seat_take(os, "/log", MRI_SEAT_RUN, &second, &problem), MR_BUSY);
    assert_string_equal(problem.text, "/log: process 777 is running this log");
    assert_int_equal(mri_seat_holder(os, "/log", MRI_SEAT_RUN, &holder), MR_OK);
    assert_int_equal(holder, 777);
    mri_seat_leave(&first);
    assert_int_equal(mri_seat_holder(os, "/log", MRI_SEAT_RUN, &holder), MR_OK);
    assert_int_equal(holder, 0);
    assert_int_equal(mri_seat_take(os, "/log", MRI_SEAT_RUN, &second, &problem), MR_OK);
    assert_int_equal(mri_seat_take(os, "/log", MRI_SEAT_RUN, &first, &problem), MR_BUSY);
    assert_string_equal(problem.text, "/log: process 88 is running this log");
    mri_seat_leave(&second);
    mri_seat_leave(&second); /* zeroed by then */
    mri_seat_leave(NULL);
    assert_int_equal(mri_os_memory_open_count(memory), 0);
    mri_os_memory_free(memory);
}

static void a_fault_leaves_it_free(void **fixture)
{
    (void)fixture;
    struct mri_os_memory *memory = mri_os_memory_new(FILE_BYTES);
    struct mri_os_faults machine;
    struct mri_seat seat = {0};
    mr_problem problem = {""};
    mri_os_faults_init(&machine, mri_os_memory_table(memory));
    assert_int_equal(machine.table.make_folder(machine.table.context, "/log"), MR_OK);
    mri_os_faults_arm(&machine, MRI_OS_CALL_WRITE_AT, 1, MR_ENOSPC);
    assert_int_equal(
        mri_seat_take(&machine.table, "/log", MRI_SEAT_RUN, &seat, &problem), MR_ENOSPC);
    assert_non_null(strstr(problem.text, "/log/run: "));
    mri_os_faults_arm(&machine, MRI_OS_CALL_OPEN, 1, MR_EACCESS);
    assert_int_equal(
        mri_seat_take(&machine.table, "/log", MRI_SEAT_RUN, &seat, &problem), MR_EACCESS);
    assert_int_equal(mri_os_memory_open_count(memory), 0);
    assert_int_equal(mri_seat_take(&machine.table, "/log", MRI_SEAT_RUN, &seat, &problem), MR_OK);
    mri_seat_leave(&seat);
    mri_os_memory_free(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_process_has_it_and_others_are_told_which),
        cmocka_unit_test(a_fault_leaves_it_free),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
