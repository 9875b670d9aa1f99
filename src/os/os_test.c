/* SPDX-License-Identifier: MIT */
/*
 * Tests of what is built from the calls of the table: paths, and files that are replaced whole.
 */
#include "os/os.h"

#include <stdio.h>
#include <string.h>

#include "tests/lib/cmocka_all.h"
#include "tests/lib/os_faults.h"
#include "tests/lib/os_memory.h"

static void a_path_that_does_not_fit_is_invalid(void **fixture)
{
    (void)fixture;
    static char name[MRI_PATH_BYTES_MAX];
    char path[MRI_PATH_BYTES_MAX];
    assert_int_equal(mri_os_path("/a", "b", path), MR_OK);
    assert_string_equal(path, "/a/b");
    memset(name, 'x', sizeof(name) - 4); /* with "/a/" and the NUL it fits exactly */
    assert_int_equal(mri_os_path("/a", name, path), MR_OK);
    assert_int_equal(strlen(path), MRI_PATH_BYTES_MAX - 1);
    memset(name, 'x', sizeof(name) - 3);
    assert_int_equal(mri_os_path("/a", name, path), MR_EINVAL);
}

static void a_file_is_read_whole_or_not_at_all(void **fixture)
{
    (void)fixture;
    struct mri_os_memory *memory = mri_os_memory_new(4096);
    const struct mri_os *os = mri_os_memory_table(memory);
    char text[8];
    size_t count = 99;
    assert_int_equal(mri_os_read_file(os, "/f", text, sizeof(text), &count), MR_EPATH);
    mri_os_memory_put(memory, "/f", "12345678", 8);
    assert_int_equal(mri_os_read_file(os, "/f", text, 7, &count), MR_ERANGE);
    assert_int_equal(count, 99);
    assert_int_equal(mri_os_read_file(os, "/f", text, 8, &count), MR_OK);
    assert_int_equal(count, 8);
    assert_memory_equal(text, "12345678", 8);
    mri_os_memory_put(memory, "/f", "", 0);
    assert_int_equal(mri_os_read_file(os, "/f", text, 0, &count), MR_OK);
    assert_int_equal(count, 0);
    assert_int_equal(mri_os_memory_open_count(memory), 0);
    mri_os_memory_free(memory);
}

static bool holds(struct mri_os_memory *memory, const char *path, const char *text)
{
    size_t count = 0;
    const uint8_t *bytes = mri_os_memory_bytes(memory, path, &count);
    return bytes != NULL && count == strlen(text) && memcmp(bytes, text, count) == 0;
}

static void a_name_that_is_too_long_is_refused_before_anything_happens(void **fixture)
{
    (void)fixture;
    struct mri_os_faults faults;
    struct mri_os_memory *memory = mri_os_memory_new(4096);
    char name[300];
    mri_os_faults_init(&faults, mri_os_memory_table(memory));
    memset(name, 'x', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    assert_int_equal(mri_os_replace_file(&faults.table, "/", name, "x", 1), MR_EINVAL);
    assert_int_equal(faults.seen, 0);
    mri_os_memory_free(memory);
}

/* Whatever call fails, and wherever the power goes: the old content or the new, and the new one
 * whenever success was said. */
static void a_replaced_file_is_old_or_new_and_never_a_mixture(void **fixture)
{
    (void)fixture;
    static const char old_text[] = "the old content";
    static const char new_text[] = "the new content, which is a little longer than the old one";
    struct mri_prng prng;
    bool has_fired = true;
    mri_prng_init(&prng, 1);
    for (uint64_t k = 1; has_fired; k++) {
        for (int round = 0; round < 30; round++) {
            struct mri_os_memory *memory = mri_os_memory_new(4096);
            struct mri_os_faults faults;
            mri_os_faults_init(&faults, mri_os_memory_table(memory));
            mri_os_memory_put(memory, "/f", old_text, strlen(old_text));
            mri_os_faults_arm(&faults, MRI_OS_CALL_ANY, k, MR_ENOSPC);
            faults.is_short_write = true;
            faults.is_sticky = round % 2 == 0;
            mr_err err = mri_os_replace_file(&faults.table, "/", "f", new_text, strlen(new_text));
            has_fired = faults.fired > 0;
            assert_int_equal(err, has_fired ? MR_ENOSPC : MR_OK);
            assert_int_equal(mri_os_memory_open_count(memory), 0);
            assert_true(holds(memory, "/f", old_text) || holds(memory, "/f", new_text));
            mri_os_memory_cut_power(memory, &prng);
            assert_true(
                holds(memory, "/f", new_text) || (err != MR_OK && holds(memory, "/f", old_text)));
            mri_os_memory_free(memory);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_path_that_does_not_fit_is_invalid),
        cmocka_unit_test(a_file_is_read_whole_or_not_at_all),
        cmocka_unit_test(a_name_that_is_too_long_is_refused_before_anything_happens),
        cmocka_unit_test(a_replaced_file_is_old_or_new_and_never_a_mixture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
