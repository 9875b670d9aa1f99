/* SPDX-License-Identifier: MIT */
/*
 * Recovery of the newest segment.
 *
 * A crash of the process leaves whole batches, since a record that was not written completely fails
 * its checksums. A power cut may in addition lose or garble anything that was not synced. What was
 * synced, each later record says (durable_lag), so the end of the log can be judged without a side
 * file: below the watermark nothing is ever cut, above it nobody was told that it is durable.
 *
 * Invariants
 *  1. The scan accepts a record only with good checksums, the next seq and the right chain; a batch
 *     only with its last record.
 *  2. durable_lag 65535 claims nothing (it saturates there).
 *  3. The table below is total and has no overlap; a test walks all combinations.
 *
 * Not here: writing. The caller zeroes the cut end.
 */
#include "log/format/recover.h"

#include <string.h>

enum { LAG_CLAIMS_NOTHING = 65535 };

/** yes, no, or either. */
enum fact { NO, YES, ANY };

struct row {
    enum fact is_end_zero, is_claimed, is_last_segment;
    enum mri_recover_decision decision;
};

/* Columns: rest all zero, first bad seq <= watermark, last segment. */
static const struct row rows[] = {
    {YES, NO, YES, MRI_RECOVER_CLEAN},
    {NO, NO, YES, MRI_RECOVER_TRUNCATE},
    {ANY, YES, YES, MRI_RECOVER_QUARANTINE},
    {ANY, ANY, NO, MRI_RECOVER_QUARANTINE},
};

static bool is_match(enum fact wanted, bool is_so)
{
    return wanted == ANY || (wanted == YES) == is_so;
}

static bool is_row_for(const struct row *row, const struct mri_recover_facts *facts)
{
    return is_match(row->is_end_zero, facts->is_end_zero) &&
           is_match(row->is_claimed, facts->is_claimed) &&
           is_match(row->is_last_segment, facts->is_last_segment);
}

unsigned mri_recover_rows_for(const struct mri_recover_facts *facts)
{
    unsigned count = 0;
    for (size_t i = 0; i < MRI_COUNT_OF(rows); i++) {
        count += is_row_for(&rows[i], facts);
    }
    return count;
}

enum mri_recover_decision mri_recover_decide(const struct mri_recover_facts *facts)
{
    MRI_DEBUG_ASSERT(mri_recover_rows_for(facts) == 1);
    size_t i = 0;
    while (i + 1 < MRI_COUNT_OF(rows) && !is_row_for(&rows[i], facts)) {
        i++;
    }
    return rows[i].decision; /* the last row is the careful answer */
}

/** What the walk over records needs to know. */
struct walk {
    const struct mri_segment_head *segment;
    const uint8_t *bytes;
    uint64_t count;
    uint64_t offset;
    struct mri_record_link link;
    bool is_over; /**< no record follows in this segment */
};

static bool has_valid_head(const struct walk *walk, uint64_t offset)
{
    if (offset + sizeof(struct mri_record_head) > walk->count) {
        return false;
    }
    const struct mri_record_head *head = (const struct mri_record_head *)(walk->bytes + offset);
    return mri_record_check_head(
               head, walk->segment->salt, walk->segment->base_position + offset) == MR_OK;
}

/** The next record if it is good and continues the chain, else NULL. */
static const struct mri_record_head *next_good(const struct walk *walk)
{
    if (!has_valid_head(walk, walk->offset)) {
        return NULL;
    }
    const struct mri_record_head *head =
        (const struct mri_record_head *)(walk->bytes + walk->offset);
    bool is_chained = head->seq == walk->link.seq && head->prev_crc == walk->link.crc &&
                      head->prev_units == walk->link.units;
    bool is_whole = mri_record_check_body(head, (size_t)(walk->count - walk->offset)) == MR_OK;
    return is_chained && is_whole ? head : NULL;
}

/** The seq up to which a record says that all is durable; 0 = it claims nothing. */
static uint64_t claim_of(const struct mri_record_head *head)
{
    bool is_claim = head->durable_lag != LAG_CLAIMS_NOTHING && head->durable_lag <= head->seq;
    return is_claim ? head->seq - head->durable_lag : 0;
}

static void note_watermark(struct mri_recover_scan *scan, const struct mri_record_head *head)
{
    uint64_t claim = claim_of(head);
    scan->watermark_seq = claim > scan->watermark_seq ? claim : scan->watermark_seq;
}

/** A batch is complete: what was its last record? */
static void note_last(
    struct mri_recover_scan *scan, const struct mri_record_head *last, uint64_t last_offset)
{
    scan->last_offset = last_offset;
    if (last->type == MRI_RECORD_SEAL) {
        scan->seal_offset = last_offset;
    } else if (mri_record_is_numbered(last)) {
        scan->event_crc = last->head_crc;
    }
}

/** Walk the good records; the scan moves only when a batch is complete. */
static void walk_batches(struct walk *walk, struct mri_recover_scan *scan)
{
    const struct mri_record_head *head;
    while (!scan->is_rolled && (head = next_good(walk)) != NULL) {
        uint64_t offset = walk->offset;
        note_watermark(scan, head);
        scan->is_identified = scan->is_identified || mri_record_is_identified(head);
        walk->offset += mri_record_step(head, &walk->link, &walk->is_over);
        if ((head->flags & MRI_RECORD_TXN_END) == 0) {
            continue;
        }
        scan->end_offset = walk->offset;
        scan->next_seq = walk->link.seq;
        scan->prev_crc = walk->link.crc;
        scan->prev_units = walk->link.units;
        scan->last_unix_ns = head->time_unix_ns;
        scan->last_epoch =
            head->writer_epoch > scan->last_epoch ? head->writer_epoch : scan->last_epoch;
        scan->is_rolled = walk->is_over;
        note_last(scan, head, offset);
    }
}

/** Behind the last byte that is not zero, at or after `from`. */
static uint64_t dirty_end(const uint8_t *bytes, uint64_t from, uint64_t count)
{
    static const uint8_t zeros[MRI_SEGMENT_PAGE_BYTES];
    uint64_t end = count;
    while (end > from) {
        uint64_t step = end - from < sizeof(zeros) ? end - from : sizeof(zeros);
        if (memcmp(bytes + end - step, zeros, (size_t)step) != 0) {
            break;
        }
        end -= step;
    }
    while (end > from && bytes[end - 1] == 0) {
        end--;
    }
    return end;
}

void mri_recover_scan_segment(const struct mri_segment_head *head, const void *bytes,
    uint64_t bytes_count, struct mri_recover_scan *ret_scan)
{
    struct mri_recover_scan scan = {
        .end_offset = MRI_SEGMENT_PAGE_BYTES,
        .next_seq = head->base_seq,
        .prev_crc = head->prev_crc,
        .prev_units = head->prev_units,
        .last_unix_ns = head->prev_unix_ns,
        .last_epoch = head->writer_epoch,
        .event_crc = head->prev_crc,
        .watermark_seq = head->base_seq - 1, /* a segment is made after its predecessor's sync */
    };
    struct walk walk = {
        .segment = head,
        .bytes = bytes,
        .count = bytes_count,
        .offset = MRI_SEGMENT_PAGE_BYTES,
        .link = {.seq = head->base_seq, .crc = head->prev_crc, .units = head->prev_units},
    };
    walk_batches(&walk, &scan);
    scan.dirty_end_offset = dirty_end(bytes, scan.end_offset, bytes_count);
    scan.facts.is_end_zero = scan.dirty_end_offset == scan.end_offset;
    for (uint64_t at = walk.offset; at < scan.dirty_end_offset; at += MRI_RECORD_UNIT_BYTES) {
        if (has_valid_head(&walk, at)) {
            note_watermark(&scan, (const struct mri_record_head *)(walk.bytes + at));
        }
    }
    scan.facts.is_claimed = !scan.facts.is_end_zero && scan.next_seq <= scan.watermark_seq;
    *ret_scan = scan;
}

bool mri_recover_is_claimed(const struct mri_recover_rest *rest)
{
    static const uint8_t zeros[MRI_RECORD_UNIT_BYTES];
    const struct walk walk = {
        .segment = rest->segment, .bytes = rest->bytes, .count = rest->bytes_count};
    uint64_t zero_bytes = 0;
    for (uint64_t at = rest->offset;
         at + sizeof(zeros) <= rest->bytes_count && zero_bytes < rest->zeros_max;
         at += sizeof(zeros)) {
        if (memcmp(rest->bytes + at, zeros, sizeof(zeros)) == 0) {
            zero_bytes += sizeof(zeros);
            continue;
        }
        zero_bytes = 0;
        if (has_valid_head(&walk, at) &&
            claim_of((const struct mri_record_head *)(rest->bytes + at)) >= rest->seq) {
            return true;
        }
    }
    return false;
}
