/* SPDX-License-Identifier: MIT */
/*
 * Tests of logs whose seals trail behind: together with gaps, archives and a removed beginning, and
 * with SEALs such as no writer makes.
 */
#include "log/prove/seal_walk.h"

#include <string.h>

#include "base/prng.h"
#include "log/format/archive.h"
#include "log/keep/repair.h"
#include "log/keep/retain.h"
#include "log/open/writer.h"
#include "log/prove/proof.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/log_sample.h"
#include "tests/lib/machine_sample.h"

enum { FILE_BYTES = MRI_SEGMENT_BYTES_MIN, BODY_MAX = 40, LARGE = 60000, SEALS_MAX = 256 };

static struct mri_machine_sample sample = {.is_unsealed = true};

/** What a walk found. */
struct found {
    mr_err err;
    mr_problem problem;
    struct mri_seal seals[SEALS_MAX];
    bool is_proven[SEALS_MAX];
    size_t seal_count;
    uint64_t first_seq;
    uint64_t proven_count;
    uint64_t unproven_count;
    uint64_t unproven_seal_count;
    struct mri_seal_head head;
};

static uint64_t last(void)
{
    return mr_log_last(sample.log).n;
}

static void append(size_t count, size_t body_bytes_max)
{
    assert_int_equal(
        mri_log_sample_append(sample.log, count, body_bytes_max, MR_GROUP, NULL), MR_OK);
}

/** Seal what there is. */
static void seal(void)
{
    mri_log_sample_seal(sample.log);
}

/** The next SEAL, made now to be appended later. */
static struct mri_seal make_seal(void)
{
    struct mri_digest hasher;
    mr_log_reader *reader;
    struct mri_seal made;
    const struct mri_seal_limits limits = {.last_seq = last(), .is_flush = true};
    assert_int_equal(mri_digest_init(&hasher), MR_OK);
    assert_int_equal(mri_reader_open(sample.os, mri_alloc_system(), "/log", &reader, NULL), MR_OK);
    mri_reader_show_all(reader);
    assert_int_equal(
        mri_sealer_build(&hasher, reader, mri_log_sample_seals(sample.log), limits, &made, NULL),
        MR_OK);
    mr_log_reader_close(reader);
    mri_digest_fini(&hasher);
    return made;
}

static bool try_put_seal(const struct mri_seal *made)
{
    const mr_log_record record = {.body = made,
        .body_bytes = sizeof(*made),
        .type = MRI_RECORD_SEAL,
        .version = MRI_RECORD_VERSION};
    mr_err err = mri_log_append_own(sample.log, &record, 1, MR_ASYNC, NULL);
    assert_true(err == MR_OK || err == MR_FULL); /* no place in this segment */
    return err == MR_OK;
}

static void put_seal(const struct mri_seal *made)
{
    assert_true(try_put_seal(made));
}

static struct mri_segment_head newest_head(void)
{
    struct mri_segment_list list;
    struct mri_segment_head head;
    char name[MRI_SEGMENT_NAME_BYTES];
    char path[MRI_PATH_BYTES_MAX];
    size_t count;
    assert_int_equal(mri_segment_list(sample.os, mri_alloc_system(), "/log", &list), MR_OK);
    (void)mri_segment_name(list.base_seqs[list.count - 1], name);
    mri_segment_list_fini(&list);
    assert_int_equal(mri_os_path("/log", name, path), MR_OK);
    memcpy(&head, mri_os_memory_bytes(sample.memory, path, &count), sizeof(head));
    return head;
}

static void append_until_segments(uint64_t count)
{
    while (mri_log_sample_segment(sample.log) < (count - 1) * FILE_BYTES) {
        append(3, LARGE);
    }
}

static void walk_log(struct found *ret_found)
{
    struct mri_seal_walk walk;
    *ret_found = (struct found){.err = MR_OK};
    assert_int_equal(mri_seal_walk_init(&walk, sample.os, mri_alloc_system(), "/log", NULL), MR_OK);
    while ((ret_found->err = mri_seal_walk_next(&walk, &ret_found->problem)) == MR_OK) {
        if (walk.is_seal) {
            assert_true(ret_found->seal_count < SEALS_MAX);
            ret_found->seals[ret_found->seal_count] = walk.seal;
            ret_found->is_proven[ret_found->seal_count++] = walk.is_proven;
        }
    }
    ret_found->first_seq = walk.first_seq;
    ret_found->proven_count = walk.proven_count;
    ret_found->unproven_count = walk.unproven_count;
    ret_found->unproven_seal_count = walk.unproven_seal_count;
    ret_found->head = walk.head;
    mri_seal_walk_fini(&walk);
}

/** A walk that finds nothing wrong. */
static void walk_sound(struct found *ret_found)
{
    walk_log(ret_found);
    assert_string_equal(ret_found->problem.text, "");
    assert_int_equal(ret_found->err, MR_END);
}

static void expect_refused(const char *why)
{
    struct found found;
    walk_log(&found);
    assert_int_equal(found.err, MR_REFUSED);
    if (strstr(found.problem.text, why) == NULL) {
        assert_string_equal(found.problem.text, why);
    }
}

/** The bytes of the n-th record of a type from 0, or of the event of a number (type 0). */
static uint8_t *find_record(uint16_t type, uint64_t n)
{
    struct mri_segment_list list;
    uint8_t *found = NULL;
    assert_int_equal(mri_segment_list(sample.os, mri_alloc_system(), "/log", &list), MR_OK);
    for (size_t i = 0; i < list.count && found == NULL; i++) {
        char name[MRI_SEGMENT_NAME_BYTES];
        char path[MRI_PATH_BYTES_MAX];
        size_t count;
        assert_int_equal(
            mri_os_path("/log", mri_segment_name(list.base_seqs[i], name), path), MR_OK);
        uint8_t *bytes = mri_os_memory_bytes(sample.memory, path, &count);
        for (size_t at = MRI_SEGMENT_PAGE_BYTES; at + 64 <= count && found == NULL;) {
            const struct mri_record_head *head = (const struct mri_record_head *)(bytes + at);
            if (head->bytes == 0) {
                break;
            }
            bool is_it = type == 0 ? mri_record_is_numbered(head) && head->seq == n
                                   : head->type == type && n-- == 0;
            found = is_it ? bytes + at : NULL;
            at += head->type == MRI_RECORD_GAP ? mri_record_gap(head).bytes
                                               : mri_record_stride(head->bytes);
        }
    }
    mri_segment_list_fini(&list);
    assert_non_null(found);
    return found;
}

/** Damage a record at rest, and give it up. Returns how many events went. */
static uint64_t lose(uint8_t *record)
{
    mr_log_repair_report report;
    const mr_log_repair_options options = {.is_done = true};
    mri_machine_sample_close(&sample);
    record[70] ^= 0x40; /* the body: where the next record begins is known */
    assert_int_equal(
        mri_repair(sample.os, mri_alloc_system(), "/log", &options, &report, NULL), MR_OK);
    mri_machine_sample_open(&sample);
    uint64_t lost = 0;
    for (size_t i = 0; i < report.count; i++) {
        lost += report.damages[i].last.n + 1 - report.damages[i].first.n;
    }
    return lost;
}

/* ---- trailing -------------------------------------------------------------------------------- */

static void a_seal_may_stand_segments_behind_what_it_covers(void **fixture)
{
    (void)fixture;
    struct found found;
    struct mri_segment_head head;
    append(10, BODY_MAX);
    append_until_segments(2);
    const struct mri_seal made = make_seal(); /* over events of two segments */
    append_until_segments(5);
    append(1, BODY_MAX);
    put_seal(&made);
    append(5, BODY_MAX);
    walk_sound(&found);
    assert_int_equal(found.seal_count, 1);
    assert_int_equal(found.proven_count, made.last_seq);
    append_until_segments(6);
    head = newest_head(); /* its link is the one behind that SEAL */
    assert_memory_equal(head.link, found.head.link.bytes, sizeof(head.link));
    seal();
    walk_sound(&found);
    assert_int_equal(found.proven_count, last());
    assert_int_equal(found.unproven_seal_count, 0);
}

static void an_archived_log_is_proven_as_before(void **fixture)
{
    (void)fixture;
    static struct found before, found;
    struct mri_segment_list list;
    append(10, BODY_MAX);
    seal();
    append_until_segments(3);
    const struct mri_seal made = make_seal();
    append_until_segments(5);
    append(1, BODY_MAX);
    put_seal(&made);
    seal();
    walk_sound(&before);
    assert_int_equal(before.proven_count, last());
    mri_machine_sample_close(&sample);
    assert_int_equal(mri_segment_list(sample.os, mri_alloc_system(), "/log", &list), MR_OK);
    for (size_t i = 0; i + 1 < list.count; i++) { /* also while some are plain */
        assert_int_equal(mri_archive_segment(
                             sample.os, mri_alloc_system(), "/log", list.base_seqs[i], NULL, NULL),
            MR_OK);
        walk_sound(&found);
        assert_memory_equal(&found, &before, sizeof(found));
    }
    mri_segment_list_fini(&list);
    mri_machine_sample_open(&sample);
}

/* ---- wrong ----------------------------------------------------------------------------------- */

static void a_seal_with_anything_wrong_is_refused(void **fixture)
{
    (void)fixture;
    static const char *const faults[] = {"does not begin behind", "ends within a batch",
        "does not cover the events that stand before it", "is not over the events", "continue",
        "does not begin behind", "does not begin behind", "not well formed"};
    for (size_t i = 0; i < MRI_COUNT_OF(faults); i++) {
        mri_machine_sample_renew(&sample);
        append(4, BODY_MAX);
        seal();
        append(4, BODY_MAX);
        append(4, BODY_MAX);
        struct mri_seal made = make_seal();
        made.first_seq += i == 0;
        made.next_position += i == 2 ? 64 : 0;
        made.root.bytes[7] ^= i == 3;
        made.link.bytes[31] ^= i == 4;
        made.first_seq -= i == 5;
        made.first_seq = i == 6 ? 1 : made.first_seq;
        made.last_seq = i == 7 ? last() + 1 : made.last_seq;
        if (i == 1) {
            made.last_seq--;
            const struct mri_record_head *cut = (const void *)find_record(0, last());
            made.next_position -= mri_record_stride(cut->bytes);
        }
        put_seal(&made);
        expect_refused(faults[i]);
    }
}

static void a_seal_over_too_many_batches_is_refused(void **fixture)
{
    (void)fixture;
    struct mri_seal_tree tree;
    for (int i = 0; i < 1025; i++) {
        append(1, 0);
    }
    struct mri_seal made = make_seal();
    assert_int_equal(made.last_seq, 1024);
    mri_seal_tree_begin(&tree, &sample.log->attachment->sealing.hasher);
    for (uint64_t seq = 1; seq <= 1025; seq++) {
        struct mri_seal_hash leaf;
        mri_seal_leaf(
            &sample.log->attachment->sealing.hasher, (const void *)find_record(0, seq), &leaf);
        mri_seal_tree_add(&tree, &leaf);
    }
    made.last_seq = 1025;
    made.next_position += 64;
    mri_seal_tree_root(&tree, &made.root);
    put_seal(&made);
    expect_refused("covers too many events");
}

static void another_link_in_a_segment_head_is_refused(void **fixture)
{
    (void)fixture;
    append(4, BODY_MAX);
    seal();
    mri_log_sample_seals(sample.log)->link.bytes[3] ^= 1;
    append_until_segments(2);
    append(1, BODY_MAX);
    expect_refused("another link");
}

/* ---- gaps ------------------------------------------------------------------------------------ */

static void a_gap_under_a_trailing_seal_makes_its_events_unproven_and_no_others(void **fixture)
{
    (void)fixture;
    struct found found;
    append(10, BODY_MAX);
    seal();
    for (int i = 0; i < 5; i++) {
        append(10, BODY_MAX);
    }
    const struct mri_seal made = make_seal();
    append_until_segments(3);
    append(1, BODY_MAX);
    put_seal(&made);
    uint64_t lost = lose(find_record(0, 33));
    assert_int_equal(lost, 10);
    walk_sound(&found);
    assert_int_equal(found.seal_count, 2);
    assert_true(found.is_proven[0] && !found.is_proven[1]);
    assert_int_equal(found.unproven_count, 50 - lost);
    assert_int_equal(found.unproven_seal_count, 1);
    seal();
    walk_sound(&found); /* what is sealed after it proves as ever */
    assert_int_equal(found.proven_count + found.unproven_count + lost, last());
    assert_int_equal(found.unproven_count, 50 - lost);
}

static void a_gap_that_was_there_when_the_seal_was_made_is_proven(void **fixture)
{
    (void)fixture;
    struct found found;
    append(10, BODY_MAX);
    seal();
    append(10, BODY_MAX);
    append(10, BODY_MAX);
    append_until_segments(2);
    assert_int_equal(lose(find_record(0, 25)), 10);
    append(1, BODY_MAX);
    seal();
    walk_sound(&found);
    assert_int_equal(found.unproven_count, 0);
    assert_int_equal(found.proven_count, last() - 10);
    uint8_t *gap = find_record(MRI_RECORD_GAP, 0); /* and may not be changed */
    gap[16] ^= 1;
    walk_log(&found);
    assert_true(found.err == MR_ECORRUPT);
}

static void a_lost_seal_costs_the_proof_of_its_events_alone(void **fixture)
{
    (void)fixture;
    for (int has_next = 0; has_next <= 1; has_next++) {
        struct found found;
        mri_machine_sample_renew(&sample);
        append(10, BODY_MAX);
        seal();
        append(20, BODY_MAX);
        seal(); /* lost, and said by the next SEAL or by the next segment's head */
        if (has_next) {
            append(5, BODY_MAX);
            seal();
        }
        append_until_segments(2);
        append(1, BODY_MAX);
        seal();
        uint64_t sealed = last();
        append_until_segments(3);
        assert_int_equal(lose(find_record(MRI_RECORD_SEAL, 1)), 0);
        walk_sound(&found);
        assert_int_equal(found.head.seq, sealed);
        assert_int_equal(found.unproven_count, 20);
        assert_int_equal(found.unproven_seal_count, 0);
        assert_int_equal(found.proven_count, sealed - 20);
        append(1, BODY_MAX);
        seal();
        walk_sound(&found);
        assert_int_equal(found.proven_count, last() - 20);
    }
}

static void when_the_newest_seal_is_lost_its_events_are_sealed_again(void **fixture)
{
    (void)fixture;
    for (uint64_t segments = 2; segments <= 4; segments++) {
        struct found found;
        mri_machine_sample_renew(&sample);
        append(10, BODY_MAX);
        seal();
        append(20, BODY_MAX);
        seal();
        append_until_segments(segments);
        append(1, BODY_MAX);
        assert_int_equal(lose(find_record(MRI_RECORD_SEAL, 1)), 0);
        assert_int_equal(mri_log_sample_seals(sample.log)->next_seq, 11);
        seal();
        walk_sound(&found);
        assert_int_equal(found.proven_count, last());
        assert_int_equal(found.unproven_count, 0);
    }
}

static void a_gap_over_seals_events_and_roll_is_passed(void **fixture)
{
    (void)fixture;
    struct found found;
    append(10, BODY_MAX);
    seal();
    for (int i = 0; mri_log_sample_segment(sample.log) == 0; i++) {
        append(3, LARGE);
        if (i % 4 == 0 && mri_log_sample_segment(sample.log) == 0) {
            seal();
        }
    }
    uint64_t base_seq = newest_head().base_seq;
    append_until_segments(3);
    append(1, BODY_MAX);
    seal();
    uint64_t sealed = last();
    uint8_t *from = find_record(0, 20);
    uint8_t *to = find_record(MRI_RECORD_ROLL, 0);
    memset(from + 80, 0xee, (size_t)(to - from)); /* ROLL, too, and all behind event 20 */
    uint64_t lost = lose(from);
    assert_true(lost >= base_seq - 20);
    walk_sound(&found);
    assert_int_equal(found.head.seq, sealed);
    assert_true(found.proven_count >= 10 && found.unproven_count > 0);
    assert_int_equal(found.proven_count + found.unproven_count + lost, sealed);
    uint64_t unproven_count = found.unproven_count;
    append(4, BODY_MAX);
    seal();
    walk_sound(&found);
    assert_int_equal(found.unproven_count, unproven_count);
}

/** Prove an event up to the newest head. */
static mr_err prove(uint64_t seq)
{
    struct found found;
    struct mri_proof proof;
    struct mri_seal_head_line line = {.is_signed = false};
    const struct mri_seal_heads heads = {.lines = &line, .count = 1};
    walk_sound(&found);
    line.head = found.head;
    mri_proof_init(&proof, mri_alloc_system());
    mr_err err = mri_proof_make(sample.os, "/log", seq, &heads, &proof, NULL);
    if (err == MR_OK) {
        assert_int_equal(mri_proof_check(&proof, NULL), MR_OK);
        assert_true(mri_seal_is_equal(&proof.head.link, &found.head.link));
    }
    mri_proof_fini(&proof);
    return err;
}

static void what_a_trailing_seal_covers_has_a_proof_unless_it_is_lost(void **fixture)
{
    (void)fixture;
    append(10, BODY_MAX);
    seal();
    append(20, BODY_MAX);
    seal();
    append(30, BODY_MAX);
    append_until_segments(2);
    const struct mri_seal made = make_seal();
    append_until_segments(4);
    append(1, BODY_MAX);
    put_seal(&made);
    seal();
    for (uint64_t seq = 1; seq <= last(); seq += 1 + seq / 20) {
        assert_int_equal(prove(seq), MR_OK);
    }
    assert_int_equal(prove(last() + 1), MR_NOT_FOUND);
    assert_int_equal(lose(find_record(MRI_RECORD_SEAL, 1)), 0);
    assert_int_equal(prove(10), MR_REFUSED); /* the way to the head is lost */
    assert_int_equal(prove(11), MR_REFUSED); /* its seal is lost */
    assert_int_equal(prove(31), MR_OK);
}

static void a_seal_that_is_cut_off_by_retention_and_has_a_gap_is_counted(void **fixture)
{
    (void)fixture;
    struct found found;
    const mr_log_retain_options options = {
        .needed = {UINT64_MAX}, .keep_bytes = 3 * FILE_BYTES, .is_done = true};
    mr_log_retain_report report;
    append_until_segments(3);
    seal(); /* over three segments: one or more SEALs, all in the third */
    uint64_t sealed = last();
    append_until_segments(4);
    append(2, BODY_MAX);
    seal();
    mri_machine_sample_close(&sample);
    assert_int_equal(
        mri_retain(sample.os, mri_alloc_system(), "/log", &options, &report, NULL), MR_OK);
    assert_int_equal(report.segments, 1);
    mri_machine_sample_open(&sample);
    walk_sound(&found);
    assert_int_equal(found.first_seq, report.first.n);
    assert_int_equal(found.unproven_count, sealed + 1 - report.first.n);
    assert_int_equal(found.unproven_seal_count, 1);
    assert_int_equal(found.proven_count, last() - sealed);
    uint64_t lost = lose(find_record(0, report.first.n + 4));
    walk_sound(&found);
    assert_int_equal(found.unproven_count, sealed + 1 - report.first.n - lost);
    assert_int_equal(found.proven_count, last() - sealed);
}

/* ---- all of it, at random -------------------------------------------------------------------- */

static uint64_t count_events(uint64_t last_seq)
{
    mr_log_reader *reader;
    mr_log_event event;
    uint64_t count = 0;
    assert_int_equal(mri_reader_open(sample.os, mri_alloc_system(), "/log", &reader, NULL), MR_OK);
    while (mr_log_reader_next(reader, &event, NULL) == MR_OK) {
        count += event.type != MRI_RECORD_GAP && event.seq.n <= last_seq;
    }
    mr_log_reader_close(reader);
    return count;
}

/**
 * Nothing is wrong, and every event that a SEAL covers or covered is proven or counted.
 *
 * Returns  how many are unproven.
 */
static uint64_t expect_accounted(void)
{
    struct found found;
    walk_sound(&found);
    assert_int_equal(found.proven_count + found.unproven_count, count_events(found.head.seq));
    return found.unproven_count;
}

/** Overwrite a part of a finished segment, and give up what was in it. */
static void garble(struct mri_prng *prng)
{
    struct mri_segment_list list;
    char name[MRI_SEGMENT_NAME_BYTES];
    char path[MRI_PATH_BYTES_MAX];
    size_t count;
    mr_log_repair_report report;
    const mr_log_repair_options options = {.is_done = true};
    assert_int_equal(mri_segment_list(sample.os, mri_alloc_system(), "/log", &list), MR_OK);
    if (list.count > 1) {
        uint64_t base_seq = list.base_seqs[mri_prng_below(prng, list.count - 1)];
        assert_int_equal(mri_os_path("/log", mri_segment_name(base_seq, name), path), MR_OK);
        uint8_t *bytes = mri_os_memory_bytes(sample.memory, path, &count);
        uint64_t length = 1 + mri_prng_below(prng, mri_prng_below(prng, 3) == 0 ? 200000 : 300);
        memset(bytes + MRI_SEGMENT_PAGE_BYTES +
                   mri_prng_below(prng, FILE_BYTES - MRI_SEGMENT_PAGE_BYTES - length),
            0xd7, (size_t)length);
        assert_int_equal(
            mri_repair(sample.os, mri_alloc_system(), "/log", &options, &report, NULL), MR_OK);
    }
    mri_segment_list_fini(&list);
}

static void remove_beginning(void)
{
    const mr_log_retain_options options = {
        .needed = {UINT64_MAX}, .keep_bytes = 3 * FILE_BYTES, .is_done = true};
    mr_log_retain_report report;
    assert_int_equal(
        mri_retain(sample.os, mri_alloc_system(), "/log", &options, &report, NULL), MR_OK);
}

static void whatever_is_lost_or_removed_every_event_is_accounted_for(void **fixture)
{
    (void)fixture;
    unsigned with_unproven = 0;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct mri_prng prng;
        struct mri_seal made;
        bool is_made = false;
        mri_machine_sample_renew(&sample);
        mri_prng_init(&prng, seed);
        for (int step = 0; step < 150; step++) {
            uint64_t what = mri_prng_below(&prng, 40);
            append(1 + mri_prng_below(&prng, 20), mri_prng_below(&prng, 3) == 0 ? LARGE : 100);
            if (what < 6 && !is_made && mri_log_sample_seals(sample.log)->next_seq <= last()) {
                made = make_seal();
                is_made = true;
            } else if (what < 12 && is_made) {
                is_made = !try_put_seal(&made);
            } else if (what == 12) {
                mri_machine_sample_close(&sample); /* a seal under way is forgotten */
                is_made = false;
                garble(&prng);
                mri_machine_sample_open(&sample);
            } else if (what == 13) {
                mri_machine_sample_close(&sample);
                is_made = false;
                remove_beginning();
                mri_machine_sample_open(&sample);
            }
        }
        (void)expect_accounted();
        seal();
        with_unproven += expect_accounted() > 0;
    }
    assert_true(with_unproven > 20);
}

int main(void)
{
#define TEST(name) MRI_MACHINE_SAMPLE_TEST(name, &sample)
    const struct CMUnitTest tests[] = {
        TEST(a_seal_may_stand_segments_behind_what_it_covers),
        TEST(an_archived_log_is_proven_as_before),
        TEST(a_seal_with_anything_wrong_is_refused),
        TEST(a_seal_over_too_many_batches_is_refused),
        TEST(another_link_in_a_segment_head_is_refused),
        TEST(a_gap_under_a_trailing_seal_makes_its_events_unproven_and_no_others),
        TEST(a_gap_that_was_there_when_the_seal_was_made_is_proven),
        TEST(a_lost_seal_costs_the_proof_of_its_events_alone),
        TEST(when_the_newest_seal_is_lost_its_events_are_sealed_again),
        TEST(a_gap_over_seals_events_and_roll_is_passed),
        TEST(what_a_trailing_seal_covers_has_a_proof_unless_it_is_lost),
        TEST(whatever_is_lost_or_removed_every_event_is_accounted_for),
        TEST(a_seal_that_is_cut_off_by_retention_and_has_a_gap_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
