/* SPDX-License-Identifier: MIT */
/*
 * The self-test of maps: on a machine that shows what is written, and on one that does not.
 */
#include "log/open/mapping.h"

#include <string.h>

#include "log/format/segment.h"
#include "log/open/append.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/os_memory.h"

static uint8_t stale[MRI_SEGMENT_BYTES_MIN];
static const struct mri_os *inner;

/** A map that is a copy: it never changes. */
static mr_err map_copy(void *context, int fd, size_t bytes, const void **ret_map)
{
    size_t count;
    *ret_map = stale;
    return inner->read_at(context, fd, stale, bytes, 0, &count);
}

static void unmap_copy(void *context, const void *map, size_t bytes)
{
    (void)context;
    (void)map;
    (void)bytes;
}

static void a_map_that_does_not_show_what_is_written_is_refused(void **fixture)
{
    (void)fixture;
    static uint8_t whole[MRI_SEGMENT_BYTES_MIN];
    struct mri_os_memory *memory = mri_os_memory_new(MRI_SEGMENT_BYTES_MIN);
    const mr_log_options options = {.is_create = true, .segment_bytes = MRI_SEGMENT_BYTES_MIN};
    mr_problem problem = {{0}};
    mr_log *log;
    size_t size;
    inner = mri_os_memory_table(memory);
    assert_int_equal(mri_log_open(inner, mri_alloc_system(), "/log", &options, &log, NULL), MR_OK);
    mr_log_close(log);
    const uint8_t *file = mri_os_memory_bytes(memory, "/log/seg-0000000000000001.log", &size);
    memcpy(whole, file, sizeof(whole));
    struct mri_os copying = *inner;
    copying.map_read = map_copy;
    copying.unmap = unmap_copy;
    assert_int_equal(
        mri_log_open(&copying, mri_alloc_system(), "/log", &options, &log, &problem), MR_EINVAL);
    assert_non_null(strstr(problem.text, "map"));
    assert_memory_equal(file, whole, sizeof(whole)); /* it left nothing behind */
    assert_int_equal(mri_log_open(inner, mri_alloc_system(), "/log", &options, &log, NULL), MR_OK);
    mr_log_close(log);
    assert_memory_equal(file, whole, sizeof(whole));
    assert_int_equal(mri_os_memory_open_count(memory), 0);
    mri_os_memory_free(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_map_that_does_not_show_what_is_written_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
