/* SPDX-License-Identifier: MIT */
/*
 * Tests of the machines that tests run on: a harness that lies proves nothing.
 */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/os_faults.h"
#include "tests/lib/os_memory.h"

enum { FILE_BYTES = 8192, ROUNDS = 400 };

static struct mri_os_memory *memory;
static const struct mri_os *os;
static struct mri_prng prng;

static int set_up(void **fixture)
{
    (void)fixture;
    memory = mri_os_memory_new(FILE_BYTES);
    os = mri_os_memory_table(memory);
    mri_prng_init(&prng, 1);
    return 0;
}

static int tear_down(void **fixture)
{
    (void)fixture;
    mri_os_memory_free(memory);
    return 0;
}

static int open_file(const char *path)
{
    int fd = -1;
    assert_int_equal(os->open(os->context, path, MRI_OPEN_WRITE | MRI_OPEN_CREATE, &fd), MR_OK);
    return fd;
}

static void write_at(int fd, const void *bytes, size_t count, uint64_t offset)
{
    struct mri_io_piece piece = {.bytes = bytes, .count = count};
    assert_int_equal(os->write_at(os->context, fd, &piece, 1, offset), MR_OK);
}

static void what_was_synced_survives_every_power_cut(void **fixture)
{
    (void)fixture;
    uint8_t first[4096];
    uint8_t second[4096];
    memset(first, 1, sizeof(first));
    memset(second, 2, sizeof(second));
    unsigned old_sectors = 0;
    unsigned new_sectors = 0;
    for (int round = 0; round < ROUNDS; round++) {
        assert_int_equal(tear_down(NULL), 0);
        assert_int_equal(set_up(NULL), 0);
        mri_prng_init(&prng, (uint64_t)round);
        int fd = open_file("/f");
        write_at(fd, first, 2048, 0);
        assert_int_equal(os->sync_data(os->context, fd), MR_OK);
        assert_int_equal(os->sync_folder(os->context, "/"), MR_OK);
        write_at(fd, second, 2048, 1024); /* a half over synced bytes, a half behind them */
        mri_os_memory_cut_power(memory, &prng);
        size_t count = 0;
        const uint8_t *bytes = mri_os_memory_bytes(memory, "/f", &count);
        assert_non_null(bytes);
        assert_true(count == 2048 || count == 3072);
        assert_memory_equal(bytes, first, 1024);
        for (size_t at = 1024; at < 2048; at += 512) {
            assert_true(bytes[at] == 1 || bytes[at] == 2);
            assert_memory_equal(bytes + at, bytes[at] == 1 ? first : second, 512); /* no mixture */
            old_sectors += bytes[at] == 1;
            new_sectors += bytes[at] == 2;
        }
        for (size_t at = count; at < FILE_BYTES; at++) {
            assert_int_equal(bytes[at], 0);
        }
    }
    assert_true(old_sectors > ROUNDS / 4 && new_sectors > ROUNDS / 4); /* both happen */
}

/** Write, cut, lengthen, sync and lose a file at random. */
static void use_file(int fd)
{
    uint8_t bytes[3000];
    for (int i = 0; i < 8; i++) {
        size_t count = 1 + (size_t)mri_prng_below(&prng, sizeof(bytes));
        memset(bytes, 1 + (int)mri_prng_below(&prng, 255), sizeof(bytes));
        switch (mri_prng_below(&prng, 5)) {
        case 0:
            assert_int_equal(os->truncate(os->context, fd, mri_prng_below(&prng, 5000)), MR_OK);
            break;
        case 1:
            assert_int_equal(os->allocate(os->context, fd, mri_prng_below(&prng, 8000)), MR_OK);
            break;
        case 2:
            assert_int_equal(os->sync_data(os->context, fd), MR_OK);
            break;
        default:
            write_at(fd, bytes, count, mri_prng_below(&prng, FILE_BYTES - sizeof(bytes)));
        }
    }
}

static void expect_zeros(const char *path)
{
    static const uint8_t zeros[FILE_BYTES];
    size_t count;
    const uint8_t *bytes = mri_os_memory_bytes(memory, path, &count);
    assert_non_null(bytes);
    assert_int_equal(count, FILE_BYTES);
    assert_memory_equal(bytes, zeros, FILE_BYTES);
}

static void nothing_of_a_machine_is_seen_in_the_next_one(void **fixture)
{
    static const uint8_t zeros[8];
    static const char *const paths[] = {"/a", "/b", "/c"};
    for (int round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < MRI_COUNT_OF(paths); i++) {
            use_file(open_file(paths[i]));
        }
        if (round % 2 == 0) {
            mri_os_memory_cut_power(memory, &prng);
        }
        struct mri_prng kept = prng;
        assert_int_equal(tear_down(fixture), 0);
        assert_int_equal(set_up(fixture), 0);
        prng = kept;
        for (size_t i = 0; i < MRI_COUNT_OF(paths); i++) {
            int fd = open_file(paths[i]);
            assert_int_equal(os->allocate(os->context, fd, FILE_BYTES), MR_OK);
            expect_zeros(paths[i]);
            assert_int_equal(os->sync_data(os->context, fd), MR_OK);
            for (uint64_t at = 100; at < FILE_BYTES; at += 512) { /* now a sector may be torn */
                write_at(fd, zeros, sizeof(zeros), at);
            }
        }
        assert_int_equal(os->sync_folder(os->context, "/"), MR_OK);
        mri_os_memory_cut_power(memory, &prng);
        for (size_t i = 0; i < MRI_COUNT_OF(paths); i++) {
            expect_zeros(paths[i]);
        }
    }
}

static void a_name_survives_only_with_its_folder(void **fixture)
{
    (void)fixture;
    unsigned lost = 0;
    unsigned kept = 0;
    for (int round = 0; round < ROUNDS; round++) {
        struct mri_file_info info;
        assert_int_equal(tear_down(NULL), 0);
        assert_int_equal(set_up(NULL), 0);
        mri_prng_init(&prng, (uint64_t)round);
        assert_int_equal(os->make_folder(os->context, "/d"), MR_OK);
        os->close(os->context, open_file("/d/a"));
        assert_int_equal(os->sync_folder(os->context, "/d"), MR_OK);
        bool is_folder_synced = round % 2 == 0;
        if (is_folder_synced) {
            assert_int_equal(os->sync_folder(os->context, "/d/.."), MR_OK);
        }
        assert_int_equal(os->rename(os->context, "/d/a", "/d/b"), MR_OK); /* not synced */
        mri_os_memory_cut_power(memory, &prng);
        bool has_a = os->info(os->context, "/d/a", &info) == MR_OK;
        bool has_b = os->info(os->context, "/d/b", &info) == MR_OK;
        bool has_d = os->info(os->context, "/d", &info) == MR_OK;
        assert_int_equal(has_a + has_b, has_d); /* a rename is done or not */
        assert_true(has_d || !is_folder_synced);
        lost += is_folder_synced ? has_a : !has_d;
        kept += is_folder_synced ? has_b : has_d;
    }
    assert_true(lost > ROUNDS / 4 && kept > ROUNDS / 4);
}

static void the_end_of_a_process_loses_nothing_but_its_handles(void **fixture)
{
    (void)fixture;
    const void *map;
    bool is_locked = true;
    int fd = open_file("/f");
    write_at(fd, "hello", 5, 0);
    assert_int_equal(os->lock_range(os->context, fd, 0, 1, MRI_RANGE_EXCLUSIVE), MR_OK);
    assert_int_equal(os->map_read(os->context, fd, 5, &map), MR_OK);
    assert_int_equal(mri_os_memory_open_count(memory), 2);
    mri_os_memory_end_process(memory);
    assert_int_equal(mri_os_memory_open_count(memory), 0);
    fd = open_file("/f");
    assert_int_equal(os->is_range_locked(os->context, fd, 0, 1, &is_locked), MR_OK);
    assert_false(is_locked);
    char text[6] = {0};
    size_t count;
    assert_int_equal(os->read_at(os->context, fd, text, 5, 0, &count), MR_OK);
    assert_string_equal(text, "hello");
}

static void space_ends_where_it_was_set(void **fixture)
{
    (void)fixture;
    static const uint8_t bytes[4096];
    struct mri_io_piece piece = {.bytes = bytes, .count = sizeof(bytes)};
    int first = open_file("/a");
    int second = open_file("/b");
    mri_os_memory_set_space(memory, 6000);
    write_at(first, bytes, 4096, 0);
    assert_int_equal(os->write_at(os->context, second, &piece, 1, 0), MR_ENOSPC);
    assert_int_equal(os->allocate(os->context, second, 2000), MR_ENOSPC);
    assert_int_equal(os->allocate(os->context, second, 1900), MR_OK);
    assert_int_equal(os->remove(os->context, "/a"), MR_OK);
    assert_int_equal(os->write_at(os->context, second, &piece, 1, 0), MR_OK);
}

static void the_kth_call_fails_and_no_other(void **fixture)
{
    (void)fixture;
    for (uint64_t k = 1; k <= 6; k++) {
        for (int is_sticky = 0; is_sticky < 2; is_sticky++) {
            struct mri_os_faults machine;
            uint64_t bytes;
            mri_os_faults_init(&machine, os);
            int fd = open_file("/f");
            mri_os_faults_arm(&machine, MRI_OS_CALL_SIZE, k, MR_ENOSPC);
            machine.is_sticky = is_sticky == 1;
            for (uint64_t call = 1; call <= 5; call++) {
                bool is_due = call == k || (is_sticky == 1 && call > k);
                assert_int_equal(machine.table.size(machine.table.context, fd, &bytes),
                    is_due ? MR_ENOSPC : MR_OK);
                assert_int_equal(/* another kind is left alone */
                    machine.table.sync_data(machine.table.context, fd), MR_OK);
            }
            assert_int_equal(machine.fired, k > 5 ? 0 : is_sticky == 1 ? 6 - k : 1);
            assert_int_equal(machine.calls[MRI_OS_CALL_SIZE], 5);
            assert_int_equal(machine.calls[MRI_OS_CALL_SYNC_DATA], 5);
            assert_int_equal(machine.trace_count, 10);
            assert_int_equal(machine.trace[1], MRI_OS_CALL_SYNC_DATA);
            machine.table.close(machine.table.context, fd); /* cannot fail */
        }
    }
    assert_string_equal(mri_os_call_name(MRI_OS_CALL_SYNC_DATA), "sync_data");
    assert_string_equal(mri_os_call_name(MRI_OS_CALL_ANY), "any");
}

static void a_short_write_writes_the_first_half(void **fixture)
{
    (void)fixture;
    struct mri_os_faults machine;
    size_t count;
    int fd = open_file("/f");
    mri_os_faults_init(&machine, os);
    mri_os_faults_arm(&machine, MRI_OS_CALL_WRITE_AT, 1, MR_EIO);
    machine.is_short_write = true;
    const struct mri_io_piece pieces[] = {{"abc", 3}, {"defg", 4}, {"hij", 3}};
    assert_int_equal(machine.table.write_at(machine.table.context, fd, pieces, 3, 2), MR_EIO);
    const uint8_t *bytes = mri_os_memory_bytes(memory, "/f", &count);
    assert_int_equal(count, 7);
    assert_memory_equal(bytes, "\0\0abcde", 7);
    assert_int_equal(machine.table.write_at(machine.table.context, fd, pieces, 3, 2), MR_OK);
    (void)mri_os_memory_bytes(memory, "/f", &count);
    assert_int_equal(count, 12);
}

static void locks_on_ranges_end_with_their_handle_and_a_power_cut_is_another_boot(void **fixture)
{
    (void)fixture;
    bool is_locked;
    int fds[2];
    uint8_t ids[3][MRI_BOOT_ID_BYTES];
    struct mri_prng own_prng;
    mri_prng_init(&own_prng, 1);
    struct mri_os_memory *own = mri_os_memory_new(4096);
    const struct mri_os *table = mri_os_memory_table(own);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(table->open(own, "/a", MRI_OPEN_WRITE | MRI_OPEN_CREATE, &fds[i]), MR_OK);
    }
    assert_int_equal(table->lock_range(own, fds[0], 100, 10, MRI_RANGE_EXCLUSIVE), MR_OK);
    assert_int_equal(table->lock_range(own, fds[1], 109, 1, MRI_RANGE_EXCLUSIVE_WAIT), MR_BUSY);
    assert_int_equal(table->lock_range(own, fds[1], 110, 1, MRI_RANGE_EXCLUSIVE), MR_OK);
    assert_int_equal(table->is_range_locked(own, fds[0], 100, 10, &is_locked), MR_OK);
    assert_false(is_locked);
    table->close(own, fds[1]);
    assert_int_equal(table->is_range_locked(own, fds[0], 0, 1000, &is_locked), MR_OK);
    assert_false(is_locked);
    assert_int_equal(table->boot_id(own, ids[0]), MR_OK);
    mri_os_memory_end_process(own);
    assert_int_equal(table->boot_id(own, ids[1]), MR_OK);
    mri_os_memory_cut_power(own, &own_prng);
    assert_int_equal(table->boot_id(own, ids[2]), MR_OK);
    assert_memory_equal(ids[0], ids[1], sizeof(ids[0]));
    assert_memory_not_equal(ids[1], ids[2], sizeof(ids[1]));
    mri_os_memory_free(own);
}

static void the_clock_can_be_set(void **fixture)
{
    (void)fixture;
    struct mri_os_faults machine;
    mri_os_faults_init(&machine, os);
    void *context = machine.table.context;
    mri_os_memory_set_clock(memory, 500, 10);
    assert_int_equal(machine.table.realtime_unix_ns(context), 500);
    assert_int_equal(machine.table.realtime_unix_ns(context), 510);
    machine.has_clock = true;
    machine.realtime_unix_ns = 7000;
    machine.boottime_ns = 70;
    machine.table.sleep_ns(context, 5);
    assert_int_equal(machine.table.realtime_unix_ns(context), 7005);
    assert_int_equal(machine.table.boottime_ns(context), 75);
}

/** What a file holds, also while a state is kept. */
static size_t read_file(const char *path, uint8_t bytes[static FILE_BYTES])
{
    size_t count = 0;
    int fd = -1;
    if (os->open(os->context, path, MRI_OPEN_READ, &fd) != MR_OK) {
        return SIZE_MAX;
    }
    assert_int_equal(os->read_at(os->context, fd, bytes, FILE_BYTES, 0, &count), MR_OK);
    os->close(os->context, fd);
    return count;
}

/** One file synced, one changed since, one whose name is not synced. */
static void make_files(void)
{
    uint8_t bytes[FILE_BYTES];
    memset(bytes, 1, sizeof(bytes));
    write_at(open_file("/synced"), bytes, 5000, 0);
    assert_int_equal(os->sync_data(os->context, 0), MR_OK);
    int fd = open_file("/changed");
    write_at(fd, bytes, 6000, 0);
    assert_int_equal(os->sync_data(os->context, fd), MR_OK);
    assert_int_equal(os->sync_folder(os->context, "/"), MR_OK);
    memset(bytes, 2, sizeof(bytes));
    write_at(fd, bytes, 6000, 1000);
    write_at(open_file("/new"), bytes, 100, 0);
}

static void a_kept_state_comes_back_whole(void **fixture)
{
    (void)fixture;
    uint8_t bytes[FILE_BYTES];
    uint64_t hashes[ROUNDS];
    make_files();
    mri_os_memory_keep(memory);
    for (uint64_t round = 0; round < ROUNDS; round++) {
        mri_prng_init(&prng, round / 2);
        mri_os_memory_cut_power(memory, &prng);
        hashes[round] = mri_os_memory_disk_hash(memory);
        assert_true(round % 2 == 0 || hashes[round] == hashes[round - 1]);
        memset(bytes, 3, sizeof(bytes)); /* whatever is done with it */
        int fd = open_file("/changed");
        write_at(fd, bytes, FILE_BYTES, 0);
        assert_int_equal(os->truncate(os->context, fd, round), MR_OK);
        assert_int_equal(os->sync_data(os->context, fd), MR_OK);
        write_at(open_file("/newer"), bytes, 10, 0);
        assert_int_equal(os->remove(os->context, "/synced"), MR_OK);
        mri_os_memory_return(memory);
        assert_int_equal(mri_os_memory_open_count(memory), 0);
    }
    assert_int_equal(read_file("/synced", bytes), 5000);
    assert_int_equal(bytes[4999], 1);
    assert_int_equal(read_file("/changed", bytes), 7000);
    assert_int_equal(bytes[999], 1);
    assert_int_equal(bytes[1000], 2);
    assert_int_equal(bytes[6999], 2);
    assert_int_equal(read_file("/new", bytes), 100);
    assert_int_equal(read_file("/newer", bytes), SIZE_MAX);
}

static void disks_that_differ_have_another_hash(void **fixture)
{
    (void)fixture;
    uint8_t bytes[3 * FILE_BYTES];
    struct {
        uint64_t hash;
        size_t counts[3];
        uint8_t bytes[3 * FILE_BYTES];
    } *seen = calloc(ROUNDS, sizeof(*seen));
    unsigned different = 0;
    assert_non_null(seen);
    make_files();
    mri_os_memory_keep(memory);
    for (unsigned round = 0; round < ROUNDS; round++) {
        const char *const paths[3] = {"/synced", "/changed", "/new"};
        size_t counts[3];
        mri_prng_init(&prng, round);
        mri_os_memory_cut_power(memory, &prng);
        memset(bytes, 0, sizeof(bytes));
        for (int i = 0; i < 3; i++) {
            counts[i] = read_file(paths[i], bytes + i * FILE_BYTES);
        }
        unsigned other = 0;
        while (other < different && (memcmp(seen[other].counts, counts, sizeof(counts)) != 0 ||
                                        memcmp(seen[other].bytes, bytes, sizeof(bytes)) != 0)) {
            other++;
        }
        for (unsigned i = 0; i < different; i++) {
            assert_true((seen[i].hash == mri_os_memory_disk_hash(memory)) == (i == other));
        }
        if (other == different) {
            seen[different].hash = mri_os_memory_disk_hash(memory);
            memcpy(seen[different].counts, counts, sizeof(counts));
            memcpy(seen[different++].bytes, bytes, sizeof(bytes));
        }
        mri_os_memory_return(memory);
    }
    assert_true(different > 20 && different < ROUNDS);
    free(seen);
}

static void a_machine_made_new_is_empty(void **fixture)
{
    (void)fixture;
    uint8_t bytes[FILE_BYTES];
    size_t count;
    make_files();
    mri_os_memory_renew(memory);
    assert_int_equal(mri_os_memory_open_count(memory), 0);
    assert_int_equal(read_file("/synced", bytes), SIZE_MAX);
    for (int i = 0; i < 3; i++) {
        const char path[] = {'/', (char)('a' + i), '\0'};
        int fd = open_file(path);
        assert_int_equal(os->allocate(os->context, fd, FILE_BYTES), MR_OK);
        assert_int_equal(os->read_at(os->context, fd, bytes, FILE_BYTES, 0, &count), MR_OK);
        for (size_t at = 0; at < FILE_BYTES; at++) {
            assert_int_equal(bytes[at], 0);
        }
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_was_synced_survives_every_power_cut),
        TEST(nothing_of_a_machine_is_seen_in_the_next_one),
        TEST(a_name_survives_only_with_its_folder),
        TEST(the_end_of_a_process_loses_nothing_but_its_handles),
        TEST(space_ends_where_it_was_set),
        TEST(the_kth_call_fails_and_no_other),
        TEST(a_short_write_writes_the_first_half),
        TEST(locks_on_ranges_end_with_their_handle_and_a_power_cut_is_another_boot),
        TEST(the_clock_can_be_set),
        TEST(a_kept_state_comes_back_whole),
        TEST(disks_that_differ_have_another_hash),
        TEST(a_machine_made_new_is_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
