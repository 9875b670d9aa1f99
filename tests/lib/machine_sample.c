/* SPDX-License-Identifier: MIT */
/*
 * A machine in memory with a log.
 */
#include "tests/lib/machine_sample.h"

#include "log/open/append.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/log_sample.h"

void mri_machine_sample_make(struct mri_machine_sample *sample)
{
    size_t bytes_max = sample->file_bytes_max == 0 ? MRI_SEGMENT_BYTES_MIN : sample->file_bytes_max;
    sample->memory = mri_os_memory_new(bytes_max);
    mri_os_faults_init(&sample->faults, mri_os_memory_table(sample->memory));
    sample->os = &sample->faults.table;
    sample->log = NULL;
    sample->reader = NULL;
}

void mri_machine_sample_open(struct mri_machine_sample *sample)
{
    const mr_log_options options = {.is_create = true, .segment_bytes = MRI_SEGMENT_BYTES_MIN};
    mr_problem problem = {{0}};
    mr_err err =
        mri_log_open(sample->os, mri_alloc_system(), "/log", &options, &sample->log, &problem);
    assert_string_equal(problem.text, "");
    assert_int_equal(err, MR_OK);
    mri_log_sample_keep_unsealed(sample->log, sample->is_unsealed);
}

void mri_machine_sample_close(struct mri_machine_sample *sample)
{
    mr_log_close(sample->log);
    sample->log = NULL;
}

void mri_machine_sample_end(struct mri_machine_sample *sample)
{
    mri_machine_sample_close(sample);
    mr_log_reader_close(sample->reader);
    sample->reader = NULL;
    size_t open_count = mri_os_memory_open_count(sample->memory);
    mri_os_memory_free(sample->memory);
    sample->memory = NULL;
    assert_int_equal(open_count, 0);
}

void mri_machine_sample_renew(struct mri_machine_sample *sample)
{
    mri_machine_sample_end(sample);
    mri_machine_sample_make(sample);
    mri_machine_sample_open(sample);
}

int mri_machine_sample_set_up(void **fixture)
{
    mri_machine_sample_make(*fixture);
    mri_machine_sample_open(*fixture);
    return 0;
}

int mri_machine_sample_tear_down(void **fixture)
{
    mri_machine_sample_end(*fixture);
    return 0;
}

size_t mri_machine_sample_segment_count(const struct mri_machine_sample *sample)
{
    struct mri_segment_list list;
    assert_int_equal(mri_segment_list(sample->os, mri_alloc_system(), "/log", &list), MR_OK);
    size_t count = list.count;
    mri_segment_list_fini(&list);
    return count;
}

uint64_t mri_machine_sample_newest_base(const struct mri_machine_sample *sample)
{
    struct mri_segment_list list;
    assert_int_equal(mri_segment_list(sample->os, mri_alloc_system(), "/log", &list), MR_OK);
    uint64_t base_seq = list.base_seqs[list.count - 1];
    mri_segment_list_fini(&list);
    return base_seq;
}

const char *mri_machine_sample_segment_path(struct mri_machine_sample *sample, size_t index)
{
    char name[MRI_SEGMENT_NAME_BYTES];
    struct mri_segment_list list;
    assert_int_equal(mri_segment_list(sample->os, mri_alloc_system(), "/log", &list), MR_OK);
    assert_true(index < list.count);
    (void)mri_segment_name(list.base_seqs[index], name);
    mri_segment_list_fini(&list);
    assert_int_equal(mri_os_path("/log", name, sample->path), MR_OK);
    return sample->path;
}

uint64_t mri_machine_sample_fill(
    struct mri_machine_sample *sample, size_t segments, size_t body_bytes_max)
{
    while (mri_machine_sample_segment_count(sample) < segments) {
        assert_int_equal(
            mri_log_sample_append(sample->log, 3, body_bytes_max, MR_GROUP, NULL), MR_OK);
    }
    assert_int_equal(mri_log_sample_append(sample->log, 2, body_bytes_max, MR_GROUP, NULL), MR_OK);
    return mr_log_last(sample->log).n;
}
