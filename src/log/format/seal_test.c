/* SPDX-License-Identifier: MIT */
/*
 * Tests of seals: the tree against a second, naive one and against published vectors, and where a
 * writer puts them.
 */
#include "log/format/seal.h"

#include <stdlib.h>
#include <string.h>

#include "log/open/writer.h"
#include "log/prove/seal_walk.h"
#include "log/read/reader.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/log_sample.h"
#include "tests/lib/machine_sample.h"

enum { FILE_BYTES = MRI_SEGMENT_BYTES_MIN, LEAVES_MAX = 300, BODY_MAX = 60 };

static struct mri_digest hasher;
static struct mri_machine_sample sample;

static int set_up(void **fixture)
{
    assert_int_equal(mri_digest_init(&hasher), MR_OK);
    return mri_machine_sample_set_up(fixture);
}

static int tear_down(void **fixture)
{
    mri_digest_fini(&hasher);
    return mri_machine_sample_tear_down(fixture);
}

static struct mri_seal_hash sha(const void *a, size_t a_count, const void *b, size_t b_count)
{
    struct mri_digest digest;
    struct mri_seal_hash hash;
    assert_int_equal(mri_digest_init(&digest), MR_OK);
    mri_digest_add(&digest, a, a_count);
    mri_digest_add(&digest, b, b_count);
    mri_digest_bytes(&digest, hash.bytes);
    mri_digest_fini(&digest);
    return hash;
}

/** The definition in docs/FORMAT.md, level by level: pair what can be paired, carry the odd one. */
static struct mri_seal_hash naive_root(const struct mri_seal_hash *leaves, size_t count)
{
    struct mri_seal_hash level[LEAVES_MAX];
    memcpy(level, leaves, count * sizeof(*leaves));
    while (count > 1) {
        size_t next = 0;
        for (size_t i = 0; i + 1 < count; i += 2) {
            uint8_t pair[65] = {1};
            memcpy(pair + 1, level[i].bytes, 32);
            memcpy(pair + 33, level[i + 1].bytes, 32);
            level[next++] = sha(pair, sizeof(pair), NULL, 0);
        }
        if (count % 2 == 1) {
            level[next++] = level[count - 1];
        }
        count = next;
    }
    return level[0];
}

static void the_root_is_that_of_a_naive_tree_for_every_number_of_leaves(void **fixture)
{
    (void)fixture;
    struct mri_seal_hash leaves[LEAVES_MAX];
    struct mri_seal_tree tree;
    mri_seal_tree_begin(&tree, &hasher);
    for (size_t n = 0; n < LEAVES_MAX; n++) {
        struct mri_seal_hash root;
        leaves[n] = sha(&n, sizeof(n), NULL, 0);
        mri_seal_tree_add(&tree, &leaves[n]);
        mri_seal_tree_root(&tree, &root);
        struct mri_seal_hash expected = naive_root(leaves, n + 1);
        assert_memory_equal(root.bytes, expected.bytes, sizeof(root.bytes));
    }
}

static struct mri_seal_hash hash_of(const char *text)
{
    struct mri_seal_hash hash;
    for (int i = 0; i < 32; i++) {
        const char digits[3] = {text[2 * i], text[2 * i + 1], '\0'};
        hash.bytes[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
    return hash;
}

/* The test data of RFC 6962's reference implementation: leaves "", 00, 10, 20 21, ... */
static void the_tree_gives_the_published_roots_of_rfc_6962(void **fixture)
{
    (void)fixture;
    static const struct {
        const char *bytes;
        size_t count;
        const char *root;
    } cases[] = {
        {"", 0, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"},
        {"", 1, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"},
        {"\x10", 1, "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"},
        {"\x20\x21", 2, "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"},
        {"\x30\x31", 2, "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"},
        {"\x40\x41\x42\x43", 4, "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"},
        {"\x50\x51\x52\x53\x54\x55\x56\x57", 8,
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"},
        {"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f", 16,
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"},
    };
    struct mri_seal_tree tree;
    mri_seal_tree_begin(&tree, &hasher);
    for (size_t i = 0; i < MRI_COUNT_OF(cases); i++) {
        struct mri_seal_hash root;
        struct mri_seal_hash leaf = sha("", 1, cases[i].bytes, cases[i].count);
        struct mri_seal_hash expected = hash_of(cases[i].root);
        mri_seal_tree_add(&tree, &leaf);
        mri_seal_tree_root(&tree, &root);
        assert_memory_equal(root.bytes, expected.bytes, sizeof(root.bytes));
    }
}

static void a_leaf_is_the_record_without_its_padding_behind_a_zero_byte(void **fixture)
{
    (void)fixture;
    uint8_t record[128];
    struct mri_record_head head = {.bytes = 100, .seq = 7};
    struct mri_seal_hash leaf;
    memset(record, 0xaa, sizeof(record));
    memcpy(record, &head, sizeof(head));
    mri_seal_leaf(&hasher, (const struct mri_record_head *)record, &leaf);
    struct mri_seal_hash expected = sha("", 1, record, 100);
    assert_memory_equal(leaf.bytes, expected.bytes, sizeof(leaf.bytes));
}

/** Walk all records: every SEAL must cover what the naive tree says. */
static unsigned check_seals(uint64_t *ret_sealed)
{
    static struct mri_seal_hash leaves[1 << 16];
    mr_log_reader *reader;
    mr_log_event event;
    unsigned seals = 0;
    uint64_t next = 1;
    assert_int_equal(mri_reader_open(sample.os, mri_alloc_system(), "/log", &reader, NULL), MR_OK);
    mri_reader_show_all(reader);
    while (mr_log_reader_next(reader, &event, NULL) == MR_OK) {
        const struct mri_record_head *record = (const struct mri_record_head *)event.body - 1;
        struct mri_seal seal;
        if (mri_record_is_numbered(record)) {
            leaves[event.seq.n] = sha("", 1, record, record->bytes);
        } else if (record->type == MRI_RECORD_SEAL) {
            struct mri_seal_tree tree;
            struct mri_seal_hash root;
            assert_int_equal(mri_seal_read(record, &seal), MR_OK);
            assert_int_equal(seal.first_seq, next);
            mri_seal_tree_begin(&tree, &hasher);
            for (; next <= seal.last_seq; next++) {
                mri_seal_tree_add(&tree, &leaves[next]);
            }
            mri_seal_tree_root(&tree, &root);
            assert_memory_equal(root.bytes, seal.root.bytes, sizeof(root.bytes));
            seals++;
        }
    }
    mr_log_reader_close(reader);
    *ret_sealed = next - 1;
    return seals;
}

static void a_closed_log_is_sealed_to_its_end(void **fixture)
{
    (void)fixture;
    uint64_t sealed;
    for (unsigned session = 1; session <= 3; session++) {
        assert_int_equal(mri_log_sample_append(sample.log, 5, BODY_MAX, MR_ASYNC, NULL), MR_OK);
        assert_int_equal(check_seals(&sealed), session - 1);
        mr_log_close(sample.log);
        assert_int_equal(check_seals(&sealed), session);
        assert_int_equal(sealed, 5 * session);
        mri_machine_sample_open(&sample);
    }
    mr_log_close(sample.log); /* nothing came, nothing is sealed */
    assert_int_equal(check_seals(&sealed), 3);
    mri_machine_sample_open(&sample);
}

static void neither_an_append_nor_a_sync_seals_a_few_events(void **fixture)
{
    (void)fixture;
    uint64_t sealed;
    assert_int_equal(mri_log_sample_append(sample.log, 5, BODY_MAX, MR_GROUP, NULL), MR_OK);
    assert_int_equal(check_seals(&sealed), 0);
    assert_int_equal(mr_log_sync(sample.log), MR_OK);
    assert_int_equal(check_seals(&sealed), 0);
    mri_log_sample_seal(sample.log); /* a calm, or the end */
    assert_int_equal(check_seals(&sealed), 1);
    assert_int_equal(sealed, 5);
}

static void a_long_run_has_a_seal_for_every_1024_events_and_all_segments_are_covered(void **fixture)
{
    (void)fixture;
    uint64_t sealed;
    while (mr_log_last(sample.log).n < 20000) {
        assert_int_equal(mri_log_sample_append(sample.log, 8, BODY_MAX, MR_ASYNC, NULL), MR_OK);
    }
    unsigned seals = check_seals(&sealed);
    assert_true(seals >= 20000 / 1024 - 2 && seals <= 30);
    assert_true(sealed + 3 * 1024 > mr_log_last(sample.log).n);
    mr_log_close(sample.log);
    (void)check_seals(&sealed);
    mri_machine_sample_open(&sample);
    assert_int_equal(sealed, mr_log_last(sample.log).n);
}

static void what_a_crash_left_without_a_seal_is_sealed_by_the_next_session(void **fixture)
{
    (void)fixture;
    uint64_t sealed;
    for (int round = 0; round < 4; round++) {
        for (int i = 0; i < 300; i++) { /* also while a seal is being made */
            assert_int_equal(mri_log_sample_append(sample.log, 8, BODY_MAX, MR_ASYNC, NULL), MR_OK);
        }
        static uint8_t copy[FILE_BYTES];
        char name[MRI_SEGMENT_NAME_BYTES];
        char path[MRI_PATH_BYTES_MAX];
        size_t count;
        (void)mri_segment_name(mri_machine_sample_newest_base(&sample), name);
        assert_int_equal(mri_os_path("/log", name, path), MR_OK);
        memcpy(copy, mri_os_memory_bytes(sample.memory, path, &count), sizeof(copy));
        mr_log_close(sample.log);
        memcpy(mri_os_memory_bytes(sample.memory, path, &count), copy, sizeof(copy));
        mri_machine_sample_open(&sample);
        assert_int_equal(check_seals(&sealed) > 0, true);
        assert_true(sealed < mr_log_last(sample.log).n);
        mr_log_close(sample.log);
        (void)check_seals(&sealed);
        mri_machine_sample_open(&sample);
        assert_int_equal(sealed, mr_log_last(sample.log).n);
    }
}

/** Walk the log as verify does, to its end. Returns the last event that is covered. */
static uint64_t walk_to_end(void)
{
    struct mri_seal_walk walk;
    assert_int_equal(mri_log_sample_walk_seals(sample.os, "/log", &walk, NULL), MR_END);
    uint64_t covered = walk.head.seq;
    mri_seal_walk_fini(&walk);
    return covered;
}

/** Cut the newest segment behind its newest SEAL, as a kill right after its write leaves it. */
static void cut_behind_newest_seal(void)
{
    char name[MRI_SEGMENT_NAME_BYTES];
    char path[MRI_PATH_BYTES_MAX];
    size_t count;
    size_t cut = 0;
    (void)mri_segment_name(mri_machine_sample_newest_base(&sample), name);
    size_t end = (size_t)mri_log_sample_end(sample.log);
    assert_int_equal(mri_os_path("/log", name, path), MR_OK);
    mri_log_sample_end_process(sample.memory, sample.log);
    uint8_t *bytes = mri_os_memory_bytes(sample.memory, path, &count);
    for (size_t at = MRI_SEGMENT_PAGE_BYTES; at < end;) {
        const struct mri_record_head *record = (const struct mri_record_head *)(void *)(bytes + at);
        at += mri_record_stride(record->bytes);
        cut = record->type == MRI_RECORD_SEAL ? at : cut;
    }
    assert_true(cut != 0);
    memset(bytes + cut, 0, end - cut);
    mri_machine_sample_open(&sample);
}

static void a_kill_right_behind_a_seal_leaves_a_log_that_is_sealed_as_any_other(void **fixture)
{
    (void)fixture;
    mri_log_sample_keep_unsealed(sample.log, true);
    for (int i = 0; i < 300; i++) { /* the newest SEAL stands behind events of the next one */
        assert_int_equal(mri_log_sample_append(sample.log, 8, BODY_MAX, MR_ASYNC, NULL), MR_OK);
    }
    mri_log_sample_keep_unsealed(sample.log, false);
    mri_sealing_help(&sample.log->attachment->sealing, false);
    cut_behind_newest_seal();
    uint64_t last = mr_log_last(sample.log).n;
    assert_true(walk_to_end() < last);
    mri_log_sample_seal(sample.log);
    assert_int_equal(walk_to_end(), last);
    assert_int_equal(mri_log_sample_append(sample.log, 8, BODY_MAX, MR_ASYNC, NULL), MR_OK);
    mri_log_sample_seal(sample.log);
    assert_int_equal(walk_to_end(), last + 8);
}

static void a_link_depends_on_everything_before_it(void **fixture)
{
    (void)fixture;
    uint8_t uuid[16] = {1};
    struct mri_record_head record = {.bytes = sizeof(record), .type = MRI_RECORD_SEAL, .seq = 5};
    struct mri_seal_hash links[4];
    mri_seal_link_first(&hasher, uuid, &links[0]);
    struct mri_seal_hash expected = sha("\x02", 1, uuid, sizeof(uuid));
    assert_memory_equal(links[0].bytes, expected.bytes, sizeof(expected.bytes));
    links[1] = links[0];
    mri_seal_link_next(&hasher, &record, &links[1]);
    uint8_t front[33] = {3};
    memcpy(front + 1, links[0].bytes, 32);
    expected = sha(front, sizeof(front), &record, sizeof(record));
    assert_memory_equal(links[1].bytes, expected.bytes, sizeof(expected.bytes));
    record.seq++;
    links[2] = links[0];
    mri_seal_link_next(&hasher, &record, &links[2]);
    assert_false(mri_seal_is_equal(&links[1], &links[2]));
    assert_true(mri_seal_is_equal(&links[1], &expected));
}

static void a_seal_that_no_writer_makes_is_refused(void **fixture)
{
    (void)fixture;
    struct {
        struct mri_record_head head;
        struct mri_seal seal;
    } good = {.head = {.bytes = sizeof(good), .seq = 10, .type = MRI_RECORD_SEAL, .version = 1},
        .seal = {.first_seq = 3, .last_seq = 9}};
    struct mri_seal seal;
    assert_int_equal(mri_seal_read(&good.head, &seal), MR_OK);
    assert_int_equal(seal.last_seq, 9);
    for (int wrong = 0; wrong < 6; wrong++) {
        struct mri_record_head head = good.head;
        struct mri_seal body = good.seal;
        head.bytes -= wrong == 0;
        head.type = wrong == 1 ? MRI_RECORD_RECOVERY : head.type;
        head.version = wrong == 2 ? 9 : head.version;
        body.first_seq = wrong == 3 ? 0 : wrong == 4 ? 10 : body.first_seq;
        body.last_seq += wrong == 5;
        uint8_t record[sizeof(head) + sizeof(body)];
        memcpy(record, &head, sizeof(head));
        memcpy(record + sizeof(head), &body, sizeof(body));
        assert_int_equal(mri_seal_read((const struct mri_record_head *)record, &seal), MR_ECORRUPT);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_prestate_setup_teardown(name, set_up, tear_down, &sample)
    const struct CMUnitTest tests[] = {
        TEST(the_root_is_that_of_a_naive_tree_for_every_number_of_leaves),
        TEST(the_tree_gives_the_published_roots_of_rfc_6962),
        TEST(a_leaf_is_the_record_without_its_padding_behind_a_zero_byte),
        TEST(a_closed_log_is_sealed_to_its_end),
        TEST(neither_an_append_nor_a_sync_seals_a_few_events),
        TEST(a_long_run_has_a_seal_for_every_1024_events_and_all_segments_are_covered),
        TEST(what_a_crash_left_without_a_seal_is_sealed_by_the_next_session),
        TEST(a_kill_right_behind_a_seal_leaves_a_log_that_is_sealed_as_any_other),
        TEST(a_link_depends_on_everything_before_it),
        TEST(a_seal_that_no_writer_makes_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
