/* SPDX-License-Identifier: MIT */
/*
 * A hostile editor at work on a log: whatever he changes is found at the level that claims it, and
 * what a level does not claim passes it.
 */
#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "base/prng.h"
#include "log/format/segment.h"
#include "log/open/append.h"
#include "log/prove/seal_heads.h"
#include "log/prove/seal_walk.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/log_sample.h"
#include "tests/lib/os_memory.h"

enum {
    FILE_BYTES = MRI_SEGMENT_BYTES_MIN,
    SESSIONS = 10,
    SESSION_EVENTS = 8,
    RECORDS_MAX = 256,
    BODY_MAX = 90,
    RECORD_BYTES = 64 + 128,
    ROUNDS = 10000,
    TRAIL_MAX = 3,
};

static const char path[] = "/log/seg-0000000000000001.log";
static const char private_pem[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MC4CAQAwBQYDK2VwBCIEIEzNCJso/5banbbDRuwRTg9bijGfNaumJNqM9u1PuKb7\n"
    "-----END PRIVATE KEY-----\n";

/** The records of the log, to be changed and written again. */
struct item {
    struct mri_record_head head;
    uint8_t body[RECORD_BYTES - 64];
};

static struct mri_os_memory *memory;
static const struct mri_os *os;
static uint8_t *file;
static uint8_t whole[FILE_BYTES];
static struct mri_segment_head segment;
static struct item original[RECORDS_MAX];
static size_t original_count;
static struct item items[RECORDS_MAX];
static size_t item_count;
static unsigned trail; /* events between those that a SEAL covers and the SEAL */
static struct mri_seal_hash leaves[RECORDS_MAX]; /* by seq */
static uint64_t ends[RECORDS_MAX];               /* positions behind events, by seq */
static struct mri_digest hasher;
static struct mri_signature_key key;
static struct mri_seal_head_line heads[SESSIONS];

/** What a walk with all seals says; the log's own heads are held against the lines. */
static mr_err walk_log(bool has_heads, struct mri_seal_head *ret_heads, uint64_t *ret_last)
{
    struct mri_seal_walk walk;
    struct mri_seal_heads list = {.lines = heads, .count = SESSIONS};
    size_t count = 0;
    assert_int_equal(mri_seal_walk_init(&walk, os, mri_alloc_system(), "/log", NULL), MR_OK);
    mr_err err = MR_OK;
    while (err == MR_OK) {
        err = mri_seal_walk_next(&walk, NULL);
        if (err == MR_OK && walk.is_seal && has_heads) {
            err = mri_seal_heads_meet(&list, walk.first_seq, &walk.head, NULL);
        }
        if (err == MR_OK && walk.is_seal && ret_heads != NULL) {
            ret_heads[count++] = walk.head;
        }
    }
    if (err == MR_END && has_heads) {
        err = mri_seal_heads_end(&list, NULL);
        err = err == MR_OK ? MR_END : err;
    }
    *ret_last = walk.last_seq;
    mri_seal_walk_fini(&walk);
    return err;
}

static mr_err level_1(void)
{
    uint64_t last;
    return walk_log(false, NULL, &last);
}

static mr_err level_3(void)
{
    uint64_t last;
    return walk_log(true, NULL, &last);
}

/** As level 3, with heads that lie where the editor can write: only the signatures stand. */
static mr_err level_2(void)
{
    const struct mri_seal_heads list = {.lines = heads, .count = SESSIONS};
    mr_err err = mri_seal_heads_check_signed(&list, segment.log_uuid, &key, NULL);
    return err == MR_OK ? level_3() : err;
}

/** Checksums, sequence and chain alone. */
static mr_err level_0(bool *ret_is_torn)
{
    mr_log_reader *reader;
    mr_log_event event;
    assert_int_equal(mri_reader_open(os, mri_alloc_system(), "/log", &reader, NULL), MR_OK);
    mr_err err = MR_OK;
    while (err == MR_OK) {
        err = mr_log_reader_next(reader, &event, NULL);
    }
    *ret_is_torn = err == MR_END && mr_log_reader_tail(reader) == MR_LOG_TAIL_TORN;
    mr_log_reader_close(reader);
    return err;
}

/** Take the file as it is for the original. */
static void keep_original(void)
{
    memcpy(whole, file, FILE_BYTES);
    memcpy(&segment, file, sizeof(segment));
    original_count = 0;
    for (size_t at = MRI_SEGMENT_PAGE_BYTES;;
         at += mri_record_stride(original[original_count++].head.bytes)) {
        struct item *item = &original[original_count];
        memcpy(&item->head, file + at, sizeof(item->head));
        if (item->head.bytes == 0) {
            break;
        }
        assert_true(item->head.bytes <= sizeof(*item));
        memcpy(item->body, file + at + 64, item->head.bytes - 64);
    }
    assert_int_equal(original_count, SESSIONS * (SESSION_EVENTS + 1));
}

static void start_edit(void)
{
    memcpy(file, whole, FILE_BYTES);
    memcpy(items, original, sizeof(items));
    item_count = original_count;
}

static void write_items(bool is_resealed);

/** Let every SEAL but the last stand so many events later than it does. */
static void move_seals(void)
{
    start_edit();
    for (size_t i = original_count - 1; i-- > 0;) {
        if (original[i].head.type == MRI_RECORD_SEAL) {
            memmove(&items[i], &items[i + 1], trail * sizeof(items[0]));
            items[i + trail] = original[i];
        }
    }
    for (size_t i = 1; i < item_count; i++) { /* as if they had been written then */
        items[i].head.time_unix_ns = original[i].head.time_unix_ns;
    }
    write_items(true);
    keep_original();
}

static int make_log(void **fixture)
{
    (void)fixture;
    const mr_log_options options = {.is_create = true, .segment_bytes = FILE_BYTES};
    struct mri_seal_head found[SESSIONS];
    mr_log *log;
    size_t count;
    uint64_t last;
    memory = mri_os_memory_new(FILE_BYTES);
    os = mri_os_memory_table(memory);
    for (int session = 0; session < SESSIONS; session++) {
        assert_int_equal(mri_log_open(os, mri_alloc_system(), "/log", &options, &log, NULL), MR_OK);
        for (int i = 0; i < SESSION_EVENTS; i++) {
            assert_int_equal(mri_log_sample_append(log, 1, BODY_MAX, MR_GROUP, NULL), MR_OK);
        }
        mr_log_close(log);
    }
    file = mri_os_memory_bytes(memory, path, &count);
    assert_int_equal(mri_digest_init(&hasher), MR_OK);
    keep_original();
    move_seals();
    assert_int_equal(
        mri_signature_key_read(private_pem, sizeof(private_pem) - 1, true, &key), MR_OK);
    assert_int_equal(walk_log(false, found, &last), MR_END);
    for (int i = 0; i < SESSIONS; i++) {
        heads[i].head = found[i];
        assert_int_equal(mri_seal_heads_sign(&key, segment.log_uuid, &heads[i]), MR_OK);
    }
    return 0;
}

static int make_trailing_log(void **fixture)
{
    trail = TRAIL_MAX;
    return make_log(fixture);
}

static int free_log(void **fixture)
{
    (void)fixture;
    mri_digest_fini(&hasher);
    mri_signature_key_fini(&key);
    size_t open_count = mri_os_memory_open_count(memory);
    mri_os_memory_free(memory);
    return open_count == 0 ? 0 : 1;
}

/** A seal made anew over the events since the one before; the last one covers all. */
static uint64_t reseal(
    struct item *item, uint64_t first_seq, uint64_t last_seq, const struct mri_seal_hash *link)
{
    struct mri_seal_tree tree;
    struct mri_seal seal = {.first_seq = first_seq,
        .last_seq = last_seq,
        .next_position = ends[last_seq],
        .link = *link};
    mri_seal_tree_begin(&tree, &hasher);
    for (uint64_t seq = first_seq; seq <= last_seq; seq++) {
        mri_seal_tree_add(&tree, &leaves[seq]);
    }
    mri_seal_tree_root(&tree, &seal.root);
    memcpy(item->body, &seal, sizeof(seal));
    return last_seq + 1;
}

/** Write the records again: numbers, chain and checksums fresh, and seals too if asked. */
static void write_items(bool is_resealed)
{
    uint64_t at = MRI_SEGMENT_PAGE_BYTES;
    uint64_t seq = 1;
    uint64_t unsealed = 1;
    uint32_t crc = 0;
    uint16_t units = 0;
    struct mri_seal_hash link;
    memcpy(link.bytes, segment.link, sizeof(link.bytes));
    memset(file + MRI_SEGMENT_PAGE_BYTES, 0, FILE_BYTES - MRI_SEGMENT_PAGE_BYTES);
    for (size_t i = 0; i < item_count; i++) {
        struct item *item = &items[i];
        bool is_seal = item->head.type == MRI_RECORD_SEAL;
        if (is_seal && is_resealed) {
            unsealed = reseal(item, unsealed, seq - 1 - (i + 1 < item_count ? trail : 0), &link);
        }
        item->head.seq = seq;
        item->head.prev_crc = crc;
        item->head.prev_units = units;
        item->head.durable_lag = item->head.durable_lag > seq ? 1 : item->head.durable_lag;
        item->head.body_crc = mri_crc32c(0, item->body, item->head.bytes - 64);
        item->head.head_crc = mri_record_head_crc(&item->head, segment.salt, at);
        memcpy(file + at, &item->head, 64);
        memcpy(file + at + 64, item->body, item->head.bytes - 64);
        const struct mri_record_head *record = (const struct mri_record_head *)(file + at);
        crc = item->head.head_crc;
        units = (uint16_t)(mri_record_stride(item->head.bytes) / 64);
        at += mri_record_stride(item->head.bytes);
        if (is_seal) {
            mri_seal_link_next(&hasher, record, &link);
        } else {
            mri_seal_leaf(&hasher, record, &leaves[seq]);
            ends[seq++] = at;
        }
    }
}

/** An event that another one follows. */
static size_t pick_event(struct mri_prng *prng)
{
    size_t at;
    do {
        at = mri_prng_below(prng, item_count - 1);
    } while (items[at].head.type == MRI_RECORD_SEAL || items[at + 1].head.type == MRI_RECORD_SEAL);
    return at;
}

/** Edit, delete, insert or swap events. */
static void edit(struct mri_prng *prng)
{
    size_t at = pick_event(prng);
    struct item *item = &items[at];
    struct item copy;
    switch (mri_prng_below(prng, 4)) {
    case 0: /* a word of the head that the chain says nothing about, or of the body */
        if (item->head.bytes == 64 || mri_prng_below(prng, 2) == 0) {
            item->head.subject_id ^= 1u << mri_prng_below(prng, 32);
        } else {
            item->body[mri_prng_below(prng, item->head.bytes - 64)] ^=
                (uint8_t)(1u << mri_prng_below(prng, 8));
        }
        break;
    case 1:
        memmove(item, item + 1, (item_count - at - 1) * sizeof(*item));
        item_count--;
        break;
    case 2:
        memmove(item + 1, item, (item_count - at) * sizeof(*item));
        item_count++;
        item->head.time_unix_ns -= 1;
        break;
    default:
        copy = item[0];
        item[0] = item[1];
        item[1] = copy;
        break;
    }
}

static void an_untouched_log_passes_every_level(void **fixture)
{
    (void)fixture;
    bool is_torn;
    start_edit();
    for (int round = 0; round < 2; round++) {
        assert_int_equal(level_0(&is_torn), MR_END);
        assert_false(is_torn);
        assert_int_equal(level_1(), MR_END);
        assert_int_equal(level_2(), MR_END);
        assert_int_equal(level_3(), MR_END);
        write_items(true); /* the editor's own writing changes nothing by itself */
        assert_memory_equal(file, whole, FILE_BYTES);
    }
}

static void a_byte_that_is_changed_is_found_by_the_checksums(void **fixture)
{
    (void)fixture;
    struct mri_prng prng;
    size_t end = MRI_SEGMENT_PAGE_BYTES;
    mri_prng_init(&prng, 1);
    for (size_t i = 0; i < original_count; i++) {
        end += mri_record_stride(original[i].head.bytes);
    }
    for (int round = 0; round < ROUNDS / 8; round++) {
        bool is_torn;
        start_edit();
        size_t at = MRI_SEGMENT_PAGE_BYTES + mri_prng_below(&prng, end - MRI_SEGMENT_PAGE_BYTES);
        file[at] ^= (uint8_t)(1 + mri_prng_below(&prng, 255));
        mr_err err = level_0(&is_torn); /* nobody was told that the end is durable: it is cut off */
        assert_true(err == MR_ECORRUPT || is_torn);
        assert_true(level_3() < 0 || level_3() == MR_REFUSED);
    }
}

static void an_edit_with_fresh_checksums_passes_level_0_and_is_found_at_level_1(void **fixture)
{
    (void)fixture;
    struct mri_prng prng;
    mri_prng_init(&prng, 2);
    for (int round = 0; round < ROUNDS / 8; round++) {
        bool is_torn;
        start_edit();
        for (uint64_t n = 1 + mri_prng_below(&prng, 3) / 2; n > 0; n--) {
            do {
                edit(&prng);
            } while (item_count + 4 > RECORDS_MAX);
        }
        write_items(false);
        if (memcmp(file, whole, FILE_BYTES) == 0) {
            continue; /* two edits that undo each other */
        }
        assert_int_equal(level_0(&is_torn), MR_END);
        assert_false(is_torn);
        assert_int_equal(level_1(), MR_REFUSED);
        assert_int_equal(level_2(), MR_REFUSED);
        assert_int_equal(level_3(), MR_REFUSED);
    }
}

static void an_edit_with_fresh_checksums_and_seals_passes_level_1_and_is_found_at_2_and_3(
    void **fixture)
{
    (void)fixture;
    struct mri_prng prng;
    unsigned count = 0;
    mri_prng_init(&prng, 3);
    for (int round = 0; round < ROUNDS / 8; round++) {
        bool is_torn;
        start_edit();
        edit(&prng);
        write_items(true);
        if (memcmp(file, whole, FILE_BYTES) == 0) {
            continue;
        }
        count++;
        assert_int_equal(level_0(&is_torn), MR_END);
        assert_int_equal(level_1(), MR_END); /* he did it well, and level 1 does not claim it */
        assert_int_equal(level_2(), MR_REFUSED);
        assert_int_equal(level_3(), MR_REFUSED);
    }
    assert_true(count > ROUNDS / 8 - ROUNDS / 200);
}

static void a_log_that_was_set_back_passes_level_1_and_is_found_at_2_and_3(void **fixture)
{
    (void)fixture;
    struct mri_prng prng;
    mri_prng_init(&prng, 4);
    for (int round = 0; round < ROUNDS / 8; round++) {
        bool is_torn;
        start_edit();
        item_count = mri_prng_below(&prng, original_count - 1) + 1; /* often just behind a seal */
        item_count = round % 2 == 0 ? (item_count + SESSION_EVENTS) / (SESSION_EVENTS + 1) *
                                          (SESSION_EVENTS + 1)
                                    : item_count;
        if (item_count >= original_count) {
            continue;
        }
        write_items(false);
        assert_int_equal(level_0(&is_torn), MR_END);
        assert_int_equal(level_1(), MR_END);
        assert_int_equal(level_2(), MR_REFUSED);
        assert_int_equal(level_3(), MR_REFUSED);
    }
}

static void a_head_that_the_editor_signs_himself_is_refused(void **fixture)
{
    (void)fixture;
    struct mri_seal_head_line forged[SESSIONS];
    const struct mri_seal_heads list = {.lines = forged, .count = SESSIONS};
    for (int i = 0; i < SESSIONS; i++) {
        memcpy(forged, heads, sizeof(forged));
        forged[i].head.link.bytes[0] ^= 1; /* another log under an old signature */
        assert_int_equal(
            mri_seal_heads_check_signed(&list, segment.log_uuid, &key, NULL), MR_REFUSED);
        forged[i] = heads[(i + 1) % SESSIONS];
        forged[i].head.seq = heads[i].head.seq;
        assert_int_equal(
            mri_seal_heads_check_signed(&list, segment.log_uuid, &key, NULL), MR_REFUSED);
        forged[i] = heads[i];
        forged[i].is_signed = false;
        assert_int_equal(
            mri_seal_heads_check_signed(&list, segment.log_uuid, &key, NULL), MR_REFUSED);
    }
    uint8_t other_uuid[16] = {0};
    memcpy(forged, heads, sizeof(forged));
    assert_int_equal(mri_seal_heads_check_signed(&list, segment.log_uuid, &key, NULL), MR_OK);
    assert_int_equal(mri_seal_heads_check_signed(&list, other_uuid, &key, NULL), MR_REFUSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_untouched_log_passes_every_level),
        cmocka_unit_test(a_byte_that_is_changed_is_found_by_the_checksums),
        cmocka_unit_test(an_edit_with_fresh_checksums_passes_level_0_and_is_found_at_level_1),
        cmocka_unit_test(
            an_edit_with_fresh_checksums_and_seals_passes_level_1_and_is_found_at_2_and_3),
        cmocka_unit_test(a_log_that_was_set_back_passes_level_1_and_is_found_at_2_and_3),
        cmocka_unit_test(a_head_that_the_editor_signs_himself_is_refused),
    };
    int failed = cmocka_run_group_tests_name("seals at once", tests, make_log, free_log);
    return failed +
           cmocka_run_group_tests_name("seals that trail", tests, make_trailing_log, free_log);
}
