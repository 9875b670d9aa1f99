/* SPDX-License-Identifier: MIT */
/*
 * Who may only read a log, on a machine in memory that refuses files.
 */
#include "pipeline/read_only.h"

#include <string.h>

#include "base/problem.h"
#include "log/open/snapshot.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/machine_sample.h"

static const char told[] =
    "/log: this user may read the log (query, show, status, verify), and not write to it: do that "
    "as the user that owns its files, or give them to this one (chown -R); ";

static mr_err explain(const struct mri_machine_sample *sample, mr_err err, mr_problem *problem)
{
    return mri_read_only_explain(sample->os, mri_alloc_system(), "/log", err, problem);
}

static void add_snapshot(const struct mri_machine_sample *sample)
{
    const struct mri_snapshot_place place = {.seq = 1};
    struct mri_buf payload;
    mri_buf_init(&payload, mri_alloc_system(), 64);
    mri_buf_text(&payload, "state");
    assert_int_equal(mri_snapshot_write(sample->os, "/log", &place, &payload), MR_OK);
    mri_buf_fini(&payload);
}

static void a_refusal_to_write_says_what_works_and_who_may_and_keeps_its_place(void **fixture)
{
    const struct mri_machine_sample *sample = *fixture;
    mr_problem problem = {"/log/lock: permission denied"};
    assert_int_equal(explain(sample, MR_EACCESS, &problem), MR_EACCESS);
    assert_memory_equal(problem.text, told, strlen(told));
    assert_string_equal(problem.text + strlen(told), "/log/lock: permission denied");
    problem.text[0] = '\0';
    assert_int_equal(explain(sample, MR_EACCESS, &problem), MR_EACCESS);
    assert_string_equal(problem.text + strlen(told), "permission denied");
    assert_int_equal(explain(sample, MR_EACCESS, NULL), MR_EACCESS);
}

static void another_fault_stays_what_it_is_and_nothing_is_opened_for_it(void **fixture)
{
    struct mri_machine_sample *sample = *fixture;
    mr_problem problem = {"the disk"};
    mri_os_faults_arm(&sample->faults, MRI_OS_CALL_ANY, 0, MR_OK);
    assert_int_equal(explain(sample, MR_ENOSPC, &problem), MR_ENOSPC);
    assert_int_equal(explain(sample, MR_OK, &problem), MR_OK);
    assert_string_equal(problem.text, "the disk");
    assert_int_equal(sample->faults.seen, 0);
}

static void who_may_not_read_either_is_told_what_was_refused_and_nothing_more(void **fixture)
{
    struct mri_machine_sample *sample = *fixture;
    mr_problem problem = {"/log/lock: permission denied"};
    mri_os_faults_arm(&sample->faults, MRI_OS_CALL_OPEN, 1, MR_EACCESS);
    assert_int_equal(explain(sample, MR_EACCESS, &problem), MR_EACCESS);
    assert_int_equal(sample->faults.fired, 1);
    assert_string_equal(problem.text, "/log/lock: permission denied");
    assert_int_equal(
        mri_read_only_explain(sample->os, mri_alloc_system(), "/none", MR_EACCESS, &problem),
        MR_EACCESS);
    assert_string_equal(problem.text, "/log/lock: permission denied");
}

static void snapshots_that_may_not_be_read_are_part_of_reading(void **fixture)
{
    struct mri_machine_sample *sample = *fixture;
    mr_problem problem = {"refused"};
    add_snapshot(sample);
    mri_os_faults_arm(&sample->faults, MRI_OS_CALL_OPEN, 0, MR_EACCESS);
    assert_int_equal(explain(sample, MR_EACCESS, &problem), MR_EACCESS);
    assert_memory_equal(problem.text, told, strlen(told));
    uint64_t last = sample->faults.seen; /* the snapshot is opened last */

    (void)mri_problem(&problem, MR_EACCESS, "refused");
    mri_os_faults_arm(&sample->faults, MRI_OS_CALL_OPEN, last, MR_EACCESS);
    assert_int_equal(explain(sample, MR_EACCESS, &problem), MR_EACCESS);
    assert_int_equal(sample->faults.fired, 1);
    assert_string_equal(problem.text, "refused");

    mri_os_faults_arm(&sample->faults, MRI_OS_CALL_OPEN, last, MR_EPATH); /* gone meanwhile */
    assert_int_equal(explain(sample, MR_EACCESS, &problem), MR_EACCESS);
    assert_int_equal(sample->faults.fired, 1);
    assert_memory_equal(problem.text, told, strlen(told));
}

static void a_snapshot_folder_that_may_not_be_read_is_part_of_reading(void **fixture)
{
    struct mri_machine_sample *sample = *fixture;
    mr_problem problem = {"refused"};
    mri_os_faults_arm(&sample->faults, MRI_OS_CALL_LIST, 0, MR_EACCESS);
    assert_int_equal(explain(sample, MR_EACCESS, &problem), MR_EACCESS);
    uint64_t last = sample->faults.seen;
    (void)mri_problem(&problem, MR_EACCESS, "refused");
    mri_os_faults_arm(&sample->faults, MRI_OS_CALL_LIST, last, MR_EACCESS);
    assert_int_equal(explain(sample, MR_EACCESS, &problem), MR_EACCESS);
    assert_int_equal(sample->faults.fired, 1);
    assert_string_equal(problem.text, "refused");
}

static void a_long_reason_costs_its_end_and_not_the_advice(void **fixture)
{
    const struct mri_machine_sample *sample = *fixture;
    mr_problem problem = {""};
    memset(problem.text, 'f', sizeof(problem.text) - 1);
    assert_int_equal(explain(sample, MR_EACCESS, &problem), MR_EACCESS);
    assert_memory_equal(problem.text, told, strlen(told));
    assert_int_equal(strlen(problem.text), sizeof(problem.text) - 1);
    assert_string_equal(problem.text + strlen(problem.text) - 4, "f...");
}

int main(void)
{
    struct mri_machine_sample sample = {.log = NULL};
    const struct CMUnitTest tests[] = {
        MRI_MACHINE_SAMPLE_TEST(
            a_refusal_to_write_says_what_works_and_who_may_and_keeps_its_place, &sample),
        MRI_MACHINE_SAMPLE_TEST(
            another_fault_stays_what_it_is_and_nothing_is_opened_for_it, &sample),
        MRI_MACHINE_SAMPLE_TEST(
            who_may_not_read_either_is_told_what_was_refused_and_nothing_more, &sample),
        MRI_MACHINE_SAMPLE_TEST(snapshots_that_may_not_be_read_are_part_of_reading, &sample),
        MRI_MACHINE_SAMPLE_TEST(a_snapshot_folder_that_may_not_be_read_is_part_of_reading, &sample),
        MRI_MACHINE_SAMPLE_TEST(a_long_reason_costs_its_end_and_not_the_advice, &sample),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
