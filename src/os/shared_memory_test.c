/* SPDX-License-Identifier: MIT */
/*
 * Shared memory: what is mapped where, and who may.
 */
#define _GNU_SOURCE
#include "os/shared_memory.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lib/cmocka_all.h"
#include "tests/lib/temp_folder.h"

enum { HEAD = 8192, RING = 16384 };

static char folder[256];
static char path[300];
static struct mri_shared_memory memory;

static int set_up(void **fixture)
{
    (void)fixture;
    mri_temp_folder_make(folder);
    (void)snprintf(path, sizeof(path), "%s/memory", folder);
    return mri_shared_memory_create(path, HEAD, RING, &memory) == MR_OK ? 0 : -1;
}

static int tear_down(void **fixture)
{
    (void)fixture;
    mri_shared_memory_close(&memory);
    mri_temp_folder_remove(folder);
    return 0;
}

static void it_begins_as_zeros_and_its_ring_goes_on_at_its_end(void **fixture)
{
    (void)fixture;
    const uint8_t *head = memory.base;
    for (size_t i = 0; i < HEAD + 2 * (size_t)RING; i++) {
        assert_int_equal(head[i], 0);
    }
    memcpy(memory.ring + RING - 3, "abcdef", 6);
    assert_memory_equal(memory.ring, "def", 3);
    memory.ring[0] = 'D';
    assert_int_equal(memory.ring[RING], 'D');
    assert_int_equal(head[HEAD], 'D');
}

static void another_process_sees_the_same_bytes(void **fixture)
{
    (void)fixture;
    pid_t child = fork();
    if (child == 0) {
        struct mri_shared_memory other;
        if (mri_shared_memory_attach(path, HEAD, RING, &other) != MR_OK) {
            _exit(1);
        }
        memcpy(other.ring + RING - 2, "1234", 4);
        mri_shared_memory_close(&other);
        _exit(other.base == NULL ? 0 : 2);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_memory_equal(memory.ring + RING - 2, "1234", 4);
    assert_memory_equal(memory.ring, "34", 2);
}

static void it_is_made_once_and_for_its_user_alone(void **fixture)
{
    (void)fixture;
    struct mri_shared_memory other = {0};
    struct stat found;
    assert_int_equal(mri_shared_memory_create(path, HEAD, RING, &other), MR_EXISTS);
    assert_int_equal(stat(path, &found), 0);
    assert_int_equal(found.st_mode & 07777, 0600);
    assert_true((uint64_t)found.st_blocks * 512 >= HEAD + RING); /* nothing is left to allocate */
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(mri_shared_memory_attach(path, HEAD, RING, &other), MR_EACCESS);
    assert_null(other.base);
}

static void what_does_not_fit_is_refused(void **fixture)
{
    (void)fixture;
    struct mri_shared_memory other = {0};
    char link_path[320];
    assert_int_equal(mri_shared_memory_attach(path, HEAD, 2 * RING, &other), MR_ECORRUPT);
    assert_int_equal(mri_shared_memory_attach(path, HEAD + 1, RING, &other), MR_EINVAL);
    assert_int_equal(mri_shared_memory_create(path, HEAD, 0, &other), MR_EINVAL);
    (void)snprintf(link_path, sizeof(link_path), "%s/link", folder);
    assert_int_equal(symlink(path, link_path), 0);
    assert_int_equal(mri_shared_memory_attach(link_path, HEAD, RING, &other), MR_EPATH);
    assert_int_equal(mri_shared_memory_attach("/nothing/here", HEAD, RING, &other), MR_EPATH);
    assert_null(other.base);
    mri_shared_memory_close(&other);
    mri_shared_memory_close(NULL);
}

static void without_its_name_it_stays_for_who_has_it(void **fixture)
{
    (void)fixture;
    struct mri_shared_memory other = {0};
    assert_int_equal(mri_shared_memory_remove(path), MR_OK);
    assert_int_equal(mri_shared_memory_remove(path), MR_EPATH);
    memory.ring[5] = 5;
    assert_int_equal(mri_shared_memory_attach(path, HEAD, RING, &other), MR_EPATH);
    assert_int_equal(memory.ring[5 + RING], 5);
}

/** Do pages come only when a byte of each is stored? A sanitizer's own memory has an eighth of
 * them. */
static bool do_pages_come_late(uint8_t *place, size_t bytes)
{
    struct rusage before;
    struct rusage after;
    long pages = (long)(bytes / MRI_SHARED_MEMORY_PAGE_BYTES);
    assert_int_equal(getrusage(RUSAGE_THREAD, &before), 0);
    for (size_t i = 0; i < bytes; i += MRI_SHARED_MEMORY_PAGE_BYTES) {
        ((volatile uint8_t *)place)[i] = 1;
    }
    assert_int_equal(getrusage(RUSAGE_THREAD, &after), 0);
    return after.ru_minflt - before.ru_minflt > pages / 4;
}

static void pages_of_a_long_head_come_when_they_are_used_or_touched(void **fixture)
{
    (void)fixture;
    const size_t ready = MRI_SHARED_MEMORY_READY_BYTES;
    char long_path[320];
    struct mri_shared_memory made;
    (void)snprintf(long_path, sizeof(long_path), "%s/long", folder);
    assert_int_equal(mri_shared_memory_create(long_path, 3 * ready, RING, &made), MR_OK);
    uint8_t *head = made.base;
#ifdef MADV_POPULATE_WRITE
    assert_false(do_pages_come_late(head, ready));
    assert_true(do_pages_come_late(head + ready, ready / 2));
    mri_shared_memory_touch_head(&made, ready + ready / 2, 2 * ready); /* more than there is */
    assert_false(do_pages_come_late(head + ready + ready / 2, ready + ready / 2));
#endif
    mri_shared_memory_close(&made);
    assert_int_equal(mri_shared_memory_remove(long_path), MR_OK);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(it_begins_as_zeros_and_its_ring_goes_on_at_its_end),
        TEST(another_process_sees_the_same_bytes),
        TEST(it_is_made_once_and_for_its_user_alone),
        TEST(what_does_not_fit_is_refused),
        TEST(without_its_name_it_stays_for_who_has_it),
        TEST(pages_of_a_long_head_come_when_they_are_used_or_touched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
