/* SPDX-License-Identifier: MIT */
/*
 * Tests of snapshot files.
 */
#include "log/open/snapshot.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/check.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/os_faults.h"
#include "tests/lib/os_memory.h"

enum { PAYLOAD_BYTES = 1000, SEEDS = 40 };

static const struct mri_snapshot_place place = {.seq = 77, .chain_crc = 0x12345678};

static struct mri_os_memory *begin(void)
{
    struct mri_os_memory *memory = mri_os_memory_new(1 << 20);
    const struct mri_os *os = mri_os_memory_table(memory);
    assert_int_equal(os->make_folder(os->context, "/log"), MR_OK);
    assert_int_equal(os->sync_folder(os->context, "/"), MR_OK);
    return memory;
}

static mr_err write_behind(const struct mri_os *os, uint64_t seq)
{
    const struct mri_snapshot_place at = {.seq = seq, .chain_crc = place.chain_crc};
    struct mri_buf payload;
    mri_buf_init(&payload, mri_alloc_system(), PAYLOAD_BYTES);
    memset(mri_buf_grow(&payload, PAYLOAD_BYTES), 'p', PAYLOAD_BYTES);
    mr_err err = mri_snapshot_write(os, "/log", &at, &payload);
    mri_buf_fini(&payload);
    return err;
}

static mr_err write_one(const struct mri_os *os)
{
    return write_behind(os, place.seq);
}

static mr_err read_behind(
    const struct mri_os *os, uint64_t seq, size_t bytes_max, struct mri_snapshot_place *found)
{
    struct mri_buf payload;
    mri_buf_init(&payload, mri_alloc_system(), bytes_max);
    mr_err err = mri_snapshot_read(os, "/log", seq, found, &payload);
    for (size_t i = 0; err == MR_OK && i < payload.count; i++) {
        assert_int_equal(payload.bytes[i], 'p');
    }
    assert_true(err != MR_OK || payload.count == PAYLOAD_BYTES);
    mri_buf_fini(&payload);
    return err;
}

static mr_err read_one(const struct mri_os *os, size_t bytes_max, struct mri_snapshot_place *found)
{
    return read_behind(os, place.seq, bytes_max, found);
}

static void a_snapshot_that_was_written_survives_a_power_cut(void **fixture)
{
    (void)fixture;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct mri_os_memory *memory = begin();
        const struct mri_os *os = mri_os_memory_table(memory);
        struct mri_snapshot_place found = {0};
        struct mri_prng prng;
        mri_prng_init(&prng, seed);
        assert_int_equal(write_one(os), MR_OK);
        mri_os_memory_cut_power(memory, &prng);
        assert_int_equal(read_one(os, PAYLOAD_BYTES, &found), MR_OK);
        assert_int_equal(found.seq, place.seq);
        assert_int_equal(found.chain_crc, place.chain_crc);
        mri_os_memory_free(memory);
    }
}

static void any_flipped_bit_is_found(void **fixture)
{
    (void)fixture;
    struct mri_os_memory *memory = begin();
    const struct mri_os *os = mri_os_memory_table(memory);
    struct mri_snapshot_place found;
    size_t count = 0;
    assert_int_equal(write_one(os), MR_OK);
    uint8_t *bytes = mri_os_memory_bytes(memory, "/log/snap/000000000000004d.snap", &count);
    assert_true(count > PAYLOAD_BYTES);
    for (size_t bit = 0; bit < 8 * count; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        mr_err err = read_one(os, PAYLOAD_BYTES, &found);
        assert_true(err == MR_ECORRUPT || err == MR_EVERSION);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_int_equal(read_one(os, PAYLOAD_BYTES, &found), MR_OK);
    assert_int_equal(mri_os_memory_open_count(memory), 0);
    mri_os_memory_free(memory);
}

static void one_that_is_cut_or_too_large_is_not_taken(void **fixture)
{
    (void)fixture;
    struct mri_os_memory *memory = begin();
    const struct mri_os *os = mri_os_memory_table(memory);
    struct mri_snapshot_place found;
    size_t count = 0;
    uint8_t whole[2 * PAYLOAD_BYTES];
    assert_int_equal(write_one(os), MR_OK);
    const char *path = "/log/snap/000000000000004d.snap";
    const uint8_t *bytes = mri_os_memory_bytes(memory, path, &count);
    assert_true(count <= sizeof(whole));
    memcpy(whole, bytes, count);
    assert_int_equal(read_one(os, PAYLOAD_BYTES - 1, &found), MR_ENOMEM);
    for (size_t cut = 0; cut < count; cut++) {
        mri_os_memory_put(memory, path, whole, cut);
        assert_int_equal(read_one(os, PAYLOAD_BYTES, &found), MR_ECORRUPT);
    }
    mri_os_memory_free(memory);
}

/* ---- disks that are full or fail ------------------------------------------------------------- */

/** Those that are listed are whole; how many? */
static uint32_t count_whole(const struct mri_os *os)
{
    struct mri_snapshot_list list;
    struct mri_snapshot_place found;
    assert_int_equal(mri_snapshot_list(os, "/log", &list), MR_OK);
    for (uint32_t i = 0; i < list.count; i++) {
        assert_int_equal(read_behind(os, list.seqs[i], PAYLOAD_BYTES, &found), MR_OK);
    }
    return list.count;
}

static void on_a_full_disk_the_one_before_stays_and_no_space_is_taken(void **fixture)
{
    (void)fixture;
    static const uint64_t rooms[] = {0, 1, 63, 64, 500, 64 + PAYLOAD_BYTES - 1};
    size_t count;
    struct mri_os_memory *memory = begin();
    const struct mri_os *os = mri_os_memory_table(memory);
    assert_int_equal(write_one(os), MR_OK);
    for (size_t i = 0; i < MRI_COUNT_OF(rooms); i++) {
        mri_os_memory_set_space(memory, 64 + PAYLOAD_BYTES + rooms[i]);
        assert_int_equal(write_behind(os, place.seq + 1), MR_ENOSPC);
        assert_int_equal(count_whole(os), 1);
        assert_null(mri_os_memory_bytes(memory, "/log/snap/new.tmp", &count));
    }
    mri_os_memory_set_space(memory, 2 * (64 + PAYLOAD_BYTES));
    assert_int_equal(write_behind(os, place.seq + 1), MR_OK); /* it goes on when there is space */
    assert_int_equal(count_whole(os), 2);
    assert_int_equal(mri_os_memory_open_count(memory), 0);
    mri_os_memory_free(memory);
}

/** Writing the third, of which two are kept, over a machine whose k-th call fails. Did it? */
static bool write_with_fault(uint64_t k, mr_err fault, bool is_short_write)
{
    size_t count;
    struct mri_os_memory *memory = begin();
    const struct mri_os *os = mri_os_memory_table(memory);
    struct mri_os_faults faults;
    mri_os_faults_init(&faults, os);
    assert_int_equal(write_one(os), MR_OK);
    assert_int_equal(write_behind(os, place.seq + 1), MR_OK);
    faults.is_short_write = is_short_write;
    mri_os_faults_arm(&faults, MRI_OS_CALL_ANY, k, fault);
    mr_err err = write_behind(&faults.table, place.seq + 2);
    bool has_fired = faults.fired > 0;
    assert_true(err == MR_OK || (has_fired && err == fault));
    uint32_t whole = count_whole(os);
    assert_true(whole == 2 || (whole == 3 && has_fired)); /* of the old ones none is missing */
    assert_null(mri_os_memory_bytes(memory, "/log/snap/new.tmp", &count));
    assert_int_equal(write_behind(os, place.seq + 3), MR_OK);
    assert_int_equal(count_whole(os), MRI_SNAPSHOT_CHAINS_KEPT);
    assert_int_equal(mri_os_memory_open_count(memory), 0);
    mri_os_memory_free(memory);
    return has_fired;
}

static void whichever_call_fails_what_is_listed_is_whole_and_nothing_else_is_left(void **fixture)
{
    (void)fixture;
    static const mr_err faults[] = {MR_ENOSPC, MR_EIO};
    for (size_t i = 0; i < MRI_COUNT_OF(faults); i++) {
        uint64_t k = 1;
        while (write_with_fault(k, faults[i], i == 1)) {
            k++;
        }
        assert_true(k > 8);
    }
}

/** Write one that builds on another; 0: on none. */
static void write_on(const struct mri_os *os, uint64_t seq, uint64_t base_seq, size_t bytes)
{
    const struct mri_snapshot_place at = {.seq = seq,
        .chain_crc = (uint32_t)seq,
        .base_crc = (uint32_t)base_seq,
        .base_seq = base_seq};
    struct mri_buf payload;
    mri_buf_init(&payload, mri_alloc_system(), PAYLOAD_BYTES);
    memset(mri_buf_grow(&payload, bytes), 'p', bytes);
    assert_int_equal(mri_snapshot_write(os, "/log", &at, &payload), MR_OK);
    mri_buf_fini(&payload);
}

static void check_list(const struct mri_os *os, const char *expected)
{
    struct mri_snapshot_list list;
    char text[200] = "";
    size_t at = 0;
    assert_int_equal(mri_snapshot_list(os, "/log", &list), MR_OK);
    for (uint32_t i = 0; i < list.count; i++) {
        at += (size_t)snprintf(
            text + at, sizeof(text) - at, "%s%d", i == 0 ? "" : " ", (int)list.seqs[i]);
    }
    assert_string_equal(text, expected);
}

static mr_err check_one(const struct mri_os *os, uint64_t seq)
{
    struct mri_buf payload;
    mri_buf_init(&payload, mri_alloc_system(), PAYLOAD_BYTES);
    mr_err err = mri_snapshot_check(os, "/log", seq, &payload);
    mri_buf_fini(&payload);
    return err;
}

static void what_one_builds_on_is_found_and_kept(void **fixture)
{
    (void)fixture;
    struct mri_os_memory *memory = begin();
    const struct mri_os *os = mri_os_memory_table(memory);
    struct mri_snapshot_chain chain;
    struct mri_snapshot_list list;
    write_on(os, 10, 0, 100);
    write_on(os, 20, 0, 200);
    write_on(os, 30, 20, 30);
    write_on(os, 40, 30, 40);
    check_list(os, "40 30 20 10");
    assert_int_equal(mri_snapshot_chain_of(os, "/log", 40, &chain), MR_OK);
    assert_int_equal(chain.count, 3);
    assert_int_equal(chain.seqs[0], 20);
    assert_int_equal(chain.seqs[1], 30);
    assert_int_equal(chain.seqs[2], 40);
    assert_int_equal(chain.whole_bytes, 200);
    assert_int_equal(chain.added_bytes, 70);
    assert_int_equal(mri_snapshot_list(os, "/log", &list), MR_OK);
    assert_int_equal(mri_snapshot_count_whole(os, "/log", &list), 2);
    assert_int_equal(check_one(os, 40), MR_OK);
    write_on(os, 50, 0, 300); /* the chain of 10 is old now */
    check_list(os, "50 40 30 20");
    write_on(os, 60, 50, 10);
    check_list(os, "60 50 40 30 20");
    assert_int_equal(check_one(os, 60), MR_OK);
    write_on(os, 70, 0, 300);
    check_list(os, "70 60 50");
    mri_os_memory_free(memory);
}

static void one_that_builds_on_what_is_not_there_is_not_taken(void **fixture)
{
    (void)fixture;
    struct mri_os_memory *memory = begin();
    const struct mri_os *os = mri_os_memory_table(memory);
    struct mri_snapshot_chain chain;
    size_t count;
    write_on(os, 10, 0, 100);
    write_on(os, 20, 10, 100);
    write_on(os, 30, 20, 100);
    uint8_t *bytes = mri_os_memory_bytes(memory, "/log/snap/0000000000000014.snap", &count);
    assert_non_null(bytes);
    bytes[count - 1] ^= 1; /* its head is as it was */
    assert_int_equal(mri_snapshot_chain_of(os, "/log", 30, &chain), MR_OK);
    assert_int_equal(check_one(os, 30), MR_ECORRUPT);
    assert_int_equal(check_one(os, 10), MR_OK);
    write_on(os, 20, 0, 100); /* another one of that name, taken behind the same record */
    assert_int_equal(check_one(os, 30), MR_OK);
    const struct mri_snapshot_place foreign = {.seq = 20, .chain_crc = 21};
    struct mri_buf payload;
    mri_buf_init(&payload, mri_alloc_system(), PAYLOAD_BYTES);
    assert_int_equal(mri_snapshot_write(os, "/log", &foreign, &payload), MR_OK);
    mri_buf_fini(&payload);
    assert_int_equal(check_one(os, 30), MR_NOT_FOUND);
    assert_int_equal(os->remove(os->context, "/log/snap/0000000000000014.snap"), MR_OK);
    assert_int_equal(check_one(os, 30), MR_NOT_FOUND);
    assert_int_equal(check_one(os, 20), MR_EPATH);
    mri_os_memory_free(memory);
}

static void for_a_damaged_one_no_good_one_is_removed(void **fixture)
{
    (void)fixture;
    struct mri_os_memory *memory = begin();
    const struct mri_os *os = mri_os_memory_table(memory);
    size_t count;
    write_on(os, 10, 0, 100);
    write_on(os, 20, 0, 200);
    write_on(os, 30, 20, 30);
    write_on(os, 40, 0, 300);
    check_list(os, "40 30 20");
    uint8_t *bytes = mri_os_memory_bytes(memory, "/log/snap/0000000000000028.snap", &count);
    assert_non_null(bytes);
    bytes[count / 2] ^= 1; /* in the payload of 40; its head is as it was */
    write_on(os, 50, 0, 300);
    check_list(os, "50 40 30 20");
    write_on(os, 60, 50, 10);
    check_list(os, "60 50 40 30 20");
    write_on(os, 70, 0, 300);
    check_list(os, "70 60 50");
    assert_int_equal(mri_os_memory_open_count(memory), 0);
    mri_os_memory_free(memory);
}

static void a_chain_ends(void **fixture)
{
    (void)fixture;
    struct mri_os_memory *memory = begin();
    const struct mri_os *os = mri_os_memory_table(memory);
    struct mri_snapshot_chain chain;
    for (uint64_t seq = 1; seq <= MRI_SNAPSHOT_CHAIN_MAX + 1; seq++) {
        write_on(os, seq, seq - 1, 10);
    }
    assert_int_equal(mri_snapshot_chain_of(os, "/log", MRI_SNAPSHOT_CHAIN_MAX, &chain), MR_OK);
    assert_int_equal(
        mri_snapshot_chain_of(os, "/log", MRI_SNAPSHOT_CHAIN_MAX + 1, &chain), MR_FULL);
    write_on(os, 100, 100, 10); /* on itself */
    assert_int_equal(mri_snapshot_chain_of(os, "/log", 100, &chain), MR_ECORRUPT);
    mri_os_memory_free(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_snapshot_that_was_written_survives_a_power_cut),
        cmocka_unit_test(any_flipped_bit_is_found),
        cmocka_unit_test(one_that_is_cut_or_too_large_is_not_taken),
        cmocka_unit_test(what_one_builds_on_is_found_and_kept),
        cmocka_unit_test(one_that_builds_on_what_is_not_there_is_not_taken),
        cmocka_unit_test(for_a_damaged_one_no_good_one_is_removed),
        cmocka_unit_test(a_chain_ends),
        cmocka_unit_test(on_a_full_disk_the_one_before_stays_and_no_space_is_taken),
        cmocka_unit_test(whichever_call_fails_what_is_listed_is_whole_and_nothing_else_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
