/* SPDX-License-Identifier: MIT */
/*
 * Tests of recovery: the decision table is total, and the scan finds the facts that it needs.
 */
#include "log/format/recover.h"

#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "base/prng.h"
#include "tests/lib/cmocka_all.h"

enum { FILE_BYTES = MRI_SEGMENT_BYTES_MIN, LAG_UNKNOWN = 65535 };

/** A segment under construction, in memory. */
struct draft {
    struct mri_segment_head head;
    uint8_t *bytes;
    uint64_t offset;
    uint64_t seq;
    uint32_t prev_crc;
    uint16_t prev_units;
};

static void draft_init(struct draft *draft)
{
    *draft = (struct draft){
        .head =
            {
                .writer_epoch = 2,
                .base_seq = 101,
                .base_position = FILE_BYTES,
                .salt = UINT64_C(0x1122334455667788),
                .segment_bytes = FILE_BYTES,
                .prev_unix_ns = 500,
                .prev_crc = 0xabcdef01u,
                .prev_units = 9,
            },
        .bytes = aligned_alloc(4096, FILE_BYTES),
        .offset = MRI_SEGMENT_PAGE_BYTES,
        .seq = 101,
        .prev_crc = 0xabcdef01u,
        .prev_units = 9,
    };
    assert_non_null(draft->bytes);
    memset(draft->bytes, 0, FILE_BYTES);
    mri_segment_head_seal(&draft->head);
}

static struct mri_record_head *head_at(const struct draft *draft, uint64_t offset)
{
    return (struct mri_record_head *)(void *)(draft->bytes + offset);
}

static void seal(const struct draft *draft, uint64_t offset)
{
    struct mri_record_head *head = head_at(draft, offset);
    head->head_crc =
        mri_record_head_crc(head, draft->head.salt, draft->head.base_position + offset);
}

/** Add a record that is right in every way; where it begins. */
static uint64_t add(
    struct draft *draft, uint32_t body_bytes, uint8_t flags, uint16_t lag, uint16_t type)
{
    uint64_t offset = draft->offset;
    struct mri_record_head *head = head_at(draft, offset);
    memset(head + 1, 0x5a, body_bytes);
    *head = (struct mri_record_head){
        .bytes = (uint32_t)sizeof(*head) + body_bytes,
        .seq = draft->seq,
        .time_unix_ns = (int64_t)draft->seq * 1000,
        .body_crc = mri_crc32c(0, head + 1, body_bytes),
        .prev_crc = draft->prev_crc,
        .prev_units = draft->prev_units,
        .durable_lag = lag,
        .writer_epoch = 7,
        .type = type,
        .flags = flags,
    };
    seal(draft, offset);
    size_t stride = mri_record_stride(head->bytes);
    draft->offset += stride;
    draft->seq += type != MRI_RECORD_ROLL;
    draft->prev_crc = head->head_crc;
    draft->prev_units = (uint16_t)(stride / MRI_RECORD_UNIT_BYTES);
    return offset;
}

static uint64_t add_single(struct draft *draft, uint32_t body_bytes, uint16_t lag)
{
    return add(draft, body_bytes, MRI_RECORD_TXN_END, lag, 300);
}

static struct mri_recover_scan scan_of(const struct draft *draft)
{
    struct mri_recover_scan scan;
    mri_recover_scan_segment(&draft->head, draft->bytes, FILE_BYTES, &scan);
    const struct mri_recover_rest rest = {
        .segment = &draft->head,
        .bytes = draft->bytes,
        .bytes_count = FILE_BYTES,
        .offset = scan.end_offset,
        .seq = scan.next_seq,
        .zeros_max = FILE_BYTES,
    };
    assert_int_equal(mri_recover_is_claimed(&rest), scan.facts.is_claimed);
    return scan;
}

static enum mri_recover_decision decision_of(const struct draft *draft)
{
    struct mri_recover_scan scan = scan_of(draft);
    scan.facts.is_last_segment = true;
    return mri_recover_decide(&scan.facts);
}

static void exactly_one_row_applies_to_each_combination_of_facts(void **fixture)
{
    (void)fixture;
    for (unsigned bits = 0; bits < 8; bits++) {
        const struct mri_recover_facts facts = {
            .is_end_zero = (bits & 1) != 0,
            .is_claimed = (bits & 2) != 0,
            .is_last_segment = (bits & 4) != 0,
        };
        assert_int_equal(mri_recover_rows_for(&facts), 1);
        /* In words: what was durable, and what has a successor, is never cut. */
        enum mri_recover_decision expected = MRI_RECOVER_TRUNCATE;
        if (facts.is_claimed || !facts.is_last_segment) {
            expected = MRI_RECOVER_QUARANTINE;
        } else if (facts.is_end_zero) {
            expected = MRI_RECOVER_CLEAN;
        }
        assert_int_equal(mri_recover_decide(&facts), expected);
    }
}

static void an_empty_segment_is_clean_and_continues_its_head(void **fixture)
{
    (void)fixture;
    struct draft draft;
    draft_init(&draft);
    struct mri_recover_scan scan = scan_of(&draft);
    assert_int_equal(scan.end_offset, MRI_SEGMENT_PAGE_BYTES);
    assert_int_equal(scan.next_seq, 101);
    assert_int_equal(scan.prev_crc, 0xabcdef01u);
    assert_int_equal(scan.prev_units, 9);
    assert_int_equal(scan.last_unix_ns, 500); /* so that time goes on where it was */
    assert_int_equal(scan.last_epoch, 2);
    assert_int_equal(scan.watermark_seq, 100);
    assert_int_equal(scan.dirty_end_offset, MRI_SEGMENT_PAGE_BYTES);
    assert_false(scan.is_rolled);
    assert_int_equal(decision_of(&draft), MRI_RECOVER_CLEAN);
    free(draft.bytes);
}

static void good_batches_are_walked_to_their_end(void **fixture)
{
    (void)fixture;
    struct draft draft;
    draft_init(&draft);
    (void)add_single(&draft, 10, 1);
    (void)add(&draft, 100, MRI_RECORD_TXN_CONT, 2, 300);
    (void)add(&draft, 0, MRI_RECORD_TXN_END, 3, 301);
    struct mri_recover_scan scan = scan_of(&draft);
    assert_int_equal(scan.end_offset, draft.offset);
    assert_int_equal(scan.next_seq, 104);
    assert_int_equal(scan.prev_crc, draft.prev_crc);
    assert_int_equal(scan.prev_units, draft.prev_units);
    assert_int_equal(scan.last_unix_ns, 103000);
    assert_int_equal(scan.last_epoch, 7);
    assert_int_equal(decision_of(&draft), MRI_RECOVER_CLEAN);
    (void)add(&draft, 0, MRI_RECORD_TXN_END, 1, MRI_RECORD_ROLL);
    scan = scan_of(&draft);
    assert_true(scan.is_rolled);
    assert_int_equal(scan.next_seq, 104); /* ROLL takes no number */
    free(draft.bytes);
}

static void a_batch_without_its_last_record_is_not_there(void **fixture)
{
    (void)fixture;
    struct draft draft;
    draft_init(&draft);
    (void)add_single(&draft, 10, 1);
    uint64_t end = draft.offset;
    (void)add(&draft, 100, MRI_RECORD_TXN_CONT, 2, 300);
    (void)add(&draft, 100, MRI_RECORD_TXN_CONT, 2, 300);
    struct mri_recover_scan scan = scan_of(&draft);
    assert_int_equal(scan.end_offset, end);
    assert_int_equal(scan.next_seq, 102);
    assert_int_equal(decision_of(&draft), MRI_RECOVER_TRUNCATE);
    free(draft.bytes);
}

static void damage_that_nobody_claims_is_cut(void **fixture)
{
    (void)fixture;
    for (int has_later = 0; has_later < 2; has_later++) {
        struct draft draft;
        draft_init(&draft);
        (void)add_single(&draft, 10, 1);
        uint64_t end = draft.offset;
        uint64_t bad = add_single(&draft, 200, 2);
        if (has_later == 1) {
            (void)add_single(&draft, 200, 3); /* claims 100: not the bad one, 102 */
        }
        draft.bytes[bad + 70] ^= 1;
        struct mri_recover_scan scan = scan_of(&draft);
        assert_int_equal(scan.end_offset, end);
        assert_false(scan.facts.is_claimed);
        assert_int_equal(scan.dirty_end_offset > end, true);
        assert_int_equal(decision_of(&draft), MRI_RECOVER_TRUNCATE);
        free(draft.bytes);
    }
}

static void damage_that_a_later_record_claims_durable_is_never_cut(void **fixture)
{
    (void)fixture;
    for (uint64_t bit = 0; bit < 8 * 128; bit++) {
        struct draft draft;
        draft_init(&draft);
        uint64_t bad = add_single(&draft, 64, 1);
        (void)add_single(&draft, 10, 1); /* 102 says: 101 is durable */
        draft.bytes[bad + bit / 8] ^= (uint8_t)(1u << bit % 8);
        struct mri_recover_scan scan = scan_of(&draft);
        assert_int_equal(scan.next_seq, 101);
        assert_int_equal(scan.watermark_seq, 101);
        assert_true(scan.facts.is_claimed);
        assert_int_equal(decision_of(&draft), MRI_RECOVER_QUARANTINE);
        free(draft.bytes);
    }
}

static void a_saturated_lag_claims_nothing(void **fixture)
{
    (void)fixture;
    struct draft draft;
    draft_init(&draft);
    draft.seq = 70000;
    draft.head.base_seq = 70000;
    uint64_t bad = add_single(&draft, 64, 1);
    (void)add_single(&draft, 10, LAG_UNKNOWN); /* 70001 - 65535 would be below anyway */
    draft.seq = 140000;
    (void)add_single(&draft, 10, LAG_UNKNOWN); /* and 140000 - 65535 above */
    draft.bytes[bad + 70] ^= 1;
    assert_int_equal(scan_of(&draft).watermark_seq, 69999);
    assert_int_equal(decision_of(&draft), MRI_RECOVER_TRUNCATE);
    free(draft.bytes);
}

static void a_lag_larger_than_the_seq_claims_nothing(void **fixture)
{
    (void)fixture;
    struct draft draft;
    draft_init(&draft);
    uint64_t bad = add_single(&draft, 64, 1);
    (void)add_single(&draft, 10, 60000);
    draft.bytes[bad + 70] ^= 1;
    assert_int_equal(decision_of(&draft), MRI_RECOVER_TRUNCATE);
    free(draft.bytes);
}

static void a_record_that_breaks_the_chain_ends_the_walk(void **fixture)
{
    (void)fixture;
    for (int what = 0; what < 4; what++) {
        struct draft draft;
        draft_init(&draft);
        (void)add_single(&draft, 10, 1);
        uint64_t end = draft.offset;
        uint64_t at = add_single(&draft, 10, LAG_UNKNOWN);
        struct mri_record_head *head = head_at(&draft, at);
        head->seq += what == 0;
        head->prev_crc += what == 1;
        head->prev_units = (uint16_t)(head->prev_units + (what == 2));
        head->seq -= what == 3;
        seal(&draft, at); /* a good record, but of another life */
        struct mri_recover_scan scan = scan_of(&draft);
        assert_int_equal(scan.end_offset, end);
        assert_int_equal(decision_of(&draft), MRI_RECOVER_TRUNCATE);
        free(draft.bytes);
    }
}

static void a_file_that_is_cut_short_is_scanned_as_far_as_it_goes(void **fixture)
{
    (void)fixture;
    struct draft draft;
    uint64_t ends[20];
    draft_init(&draft);
    for (int i = 0; i < 20; i++) {
        (void)add_single(&draft, (uint32_t)i * 17, LAG_UNKNOWN);
        ends[i] = draft.offset;
    }
    for (uint64_t count = MRI_SEGMENT_PAGE_BYTES; count <= draft.offset + 200; count++) {
        struct mri_recover_scan scan;
        uint8_t *exact = aligned_alloc(64, (count + 63) / 64 * 64);
        assert_non_null(exact);
        memcpy(exact, draft.bytes, count);
        mri_recover_scan_segment(&draft.head, exact, count, &scan);
        uint64_t expected = MRI_SEGMENT_PAGE_BYTES;
        for (int i = 0; i < 20; i++) {
            expected = ends[i] <= count ? ends[i] : expected;
        }
        assert_int_equal(scan.end_offset, expected);
        assert_false(scan.facts.is_claimed);
        free(exact);
    }
    free(draft.bytes);
}

/* A head may say anything once its checksum is right: the scan must stay inside the bytes. */
static void hostile_records_with_good_checksums_do_no_harm(void **fixture)
{
    (void)fixture;
    struct mri_prng prng;
    struct draft empty;
    mri_prng_init(&prng, 1);
    draft_init(&empty);
    for (int round = 0; round < 3000; round++) {
        struct draft draft = empty; /* but for its bytes */
        enum { SMALL = 64 * 100 };
        uint8_t *small = aligned_alloc(64, SMALL);
        assert_non_null(small);
        memset(small, 0, SMALL);
        draft.bytes = small;
        for (uint64_t at = MRI_SEGMENT_PAGE_BYTES; at < SMALL; at += 64) {
            struct mri_record_head *head = head_at(&draft, at);
            head->bytes = 64 + (uint32_t)mri_prng_below(&prng,
                                   mri_prng_below(&prng, 2) == 0 ? 200 : MRI_RECORD_BYTES_MAX);
            head->seq = 101 + mri_prng_below(&prng, 3);
            head->durable_lag = (uint16_t)mri_prng_next(&prng);
            head->flags = (uint8_t)mri_prng_below(&prng, 4);
            head->type = (uint16_t)mri_prng_below(&prng, 4);
            head->prev_crc = draft.prev_crc;
            head->prev_units = draft.prev_units;
            seal(&draft, at);
        }
        struct mri_recover_scan scan;
        mri_recover_scan_segment(&draft.head, small, SMALL, &scan);
        assert_true(scan.end_offset <= SMALL);
        free(small);
    }
    free(empty.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exactly_one_row_applies_to_each_combination_of_facts),
        cmocka_unit_test(an_empty_segment_is_clean_and_continues_its_head),
        cmocka_unit_test(good_batches_are_walked_to_their_end),
        cmocka_unit_test(a_batch_without_its_last_record_is_not_there),
        cmocka_unit_test(damage_that_nobody_claims_is_cut),
        cmocka_unit_test(damage_that_a_later_record_claims_durable_is_never_cut),
        cmocka_unit_test(a_saturated_lag_claims_nothing),
        cmocka_unit_test(a_lag_larger_than_the_seq_claims_nothing),
        cmocka_unit_test(a_record_that_breaks_the_chain_ends_the_walk),
        cmocka_unit_test(a_file_that_is_cut_short_is_scanned_as_far_as_it_goes),
        cmocka_unit_test(hostile_records_with_good_checksums_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
