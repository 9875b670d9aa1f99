/* SPDX-License-Identifier: MIT */
/*
 * Damage within a segment.
 *
 *   | good batches | damaged ...      | rest of a batch? | good batches ...
 *                  ^offset                               ^resume
 *
 * Invariants
 *  1. What is lost are whole batches: it begins behind a complete one, and ends where a batch is
 *     known to begin. That is known behind a record whose head is good, at ROLL and RECOVERY, which
 *     are batches of their own, and behind any good record that ends a batch; so where the record
 *     before is lost, records up to the end of their batch are lost with it.
 *  2. Where records go on, one whole batch is good in itself and what it says about the record
 *     before it is what the chain continues with.
 *  3. In the newest segment only what somebody was told to be durable can be damaged; the rest is
 *     an incomplete end, which is not ours.
 *
 * Not here: files (repair.c), the decision to give records up.
 */
#include "log/keep/damage.h"

#include "base/crc32c.h"
#include "log/format/recover.h"

enum { LAG_CLAIMS_NOTHING = 65535 };

void mri_damage_begin(struct mri_damage_walk *walk)
{
    walk->offset = MRI_SEGMENT_PAGE_BYTES;
    walk->link = (struct mri_record_link){
        .seq = walk->head->base_seq, .crc = walk->head->prev_crc, .units = walk->head->prev_units};
    walk->last_unix_ns = walk->head->prev_unix_ns;
    walk->last_epoch = walk->head->writer_epoch;
    walk->is_over = false;
}

/** The record at an offset if its head checks at this place, else NULL. */
static const struct mri_record_head *head_at(const struct mri_damage_walk *walk, uint64_t offset)
{
    if (offset + sizeof(struct mri_record_head) > walk->bytes_count) {
        return NULL;
    }
    const struct mri_record_head *head = (const struct mri_record_head *)(walk->bytes + offset);
    mr_err err = mri_record_check_head(head, walk->head->salt, walk->head->base_position + offset);
    return err == MR_OK ? head : NULL;
}

static bool is_body_good(
    const struct mri_damage_walk *walk, uint64_t offset, const struct mri_record_head *head)
{
    return mri_record_check_body(head, (size_t)(walk->bytes_count - offset)) == MR_OK;
}

static bool is_next_of(const struct mri_record_link *link, const struct mri_record_head *head)
{
    return head->seq == link->seq && head->prev_crc == link->crc && head->prev_units == link->units;
}

/** Pass one batch; false: it is not good, or not whole, and *ret_bad is the offset of its fault. */
static bool pass_batch(struct mri_damage_walk *walk, uint64_t *ret_bad)
{
    struct mri_record_link link = walk->link;
    uint64_t offset = walk->offset;
    for (;;) {
        const struct mri_record_head *head = head_at(walk, offset);
        bool is_last;
        if (head == NULL || !is_next_of(&link, head) || !is_body_good(walk, offset, head)) {
            *ret_bad = offset;
            return false;
        }
        offset += mri_record_step(head, &link, &is_last);
        if ((head->flags & MRI_RECORD_TXN_END) != 0) {
            walk->offset = offset;
            walk->link = link;
            walk->last_unix_ns = head->time_unix_ns;
            walk->last_epoch = head->writer_epoch;
            walk->is_over = is_last;
            return true;
        }
    }
}

void mri_damage_pass(struct mri_damage_walk *walk, uint64_t offset_max)
{
    uint64_t bad;
    while (!walk->is_over && walk->offset < offset_max) {
        struct mri_damage_walk before = *walk;
        if (!pass_batch(walk, &bad) || walk->offset > offset_max) {
            *walk = before;
            return;
        }
    }
}

static uint8_t reason_at(const struct mri_damage_walk *walk, uint64_t bad)
{
    const struct mri_record_head *head = head_at(walk, bad);
    if (head == NULL) {
        return MRI_GAP_HEAD;
    }
    return is_body_good(walk, bad, head) ? MRI_GAP_CHAIN : MRI_GAP_BODY;
}

/** Does a whole good batch begin here, taken for itself? The walk then stands behind it. */
static bool is_resumed_at(const struct mri_damage_walk *walk, uint64_t offset)
{
    const struct mri_record_head *head = head_at(walk, offset);
    struct mri_damage_walk on = *walk;
    uint64_t bad;
    if (head == NULL || head->seq < walk->link.seq) {
        return false;
    }
    on.offset = offset;
    on.link = (struct mri_record_link){
        .seq = head->seq, .crc = head->prev_crc, .units = head->prev_units};
    return pass_batch(&on, &bad);
}

static bool is_batch_alone(const struct mri_record_head *head)
{
    return head->type == MRI_RECORD_ROLL || head->type == MRI_RECORD_RECOVERY;
}

/** What was found behind the bad record. */
struct resume {
    uint64_t offset;    /**< where a good batch begins; 0: nowhere */
    uint64_t last_head; /**< the last good head on the way; 0: there is none */
};

/** Look behind the bad record for a place where a batch is known to begin, and is good. */
static struct resume find_resume(const struct mri_damage_walk *walk, uint64_t bad)
{
    struct resume resume = {0};
    bool is_start_known = false;
    uint64_t at = bad;
    while (at + sizeof(struct mri_record_head) <= walk->bytes_count) {
        const struct mri_record_head *head = head_at(walk, at);
        if (head == NULL || head->seq < walk->link.seq) {
            at += MRI_RECORD_UNIT_BYTES;
            is_start_known = false;
            continue;
        }
        is_start_known = is_start_known || is_batch_alone(head);
        if (at != bad && is_start_known && is_resumed_at(walk, at)) {
            resume.offset = at;
            return resume;
        }
        resume.last_head = at;
        is_start_known = (head->flags & MRI_RECORD_TXN_END) != 0;
        at += mri_record_stride(head->bytes); /* the length is right, whatever the body is */
    }
    return resume;
}

/** What the end of the damage continues with; false: nothing can follow it. */
static bool find_end(const struct mri_damage_walk *walk, uint64_t bad, struct mri_gap *gap)
{
    const struct resume resume = find_resume(walk, bad);
    if (resume.offset != 0) {
        const struct mri_record_head *head = head_at(walk, resume.offset);
        gap->bytes = resume.offset - walk->offset;
        gap->last_seq = head->seq - 1;
        gap->next_crc = head->prev_crc;
        gap->next_units = head->prev_units;
        return true;
    }
    if (walk->next != NULL) {
        gap->bytes = walk->head->segment_bytes - walk->offset;
        gap->last_seq = walk->next->base_seq - 1;
        gap->next_crc = walk->next->prev_crc;
        gap->next_units = walk->next->prev_units;
        gap->is_roll_lost = true;
        return true;
    }
    const struct mri_record_head *head =
        resume.last_head == 0 ? NULL : head_at(walk, resume.last_head);
    if (head == NULL || resume.last_head + mri_record_stride(head->bytes) > walk->bytes_count) {
        return false;
    }
    struct mri_record_link link;
    bool is_last;
    gap->bytes = resume.last_head + mri_record_step(head, &link, &is_last) - walk->offset;
    gap->last_seq = link.seq - 1;
    gap->next_crc = link.crc;
    gap->next_units = link.units;
    return true;
}

static bool is_claimed(const struct mri_damage_walk *walk)
{
    const struct mri_recover_rest rest = {
        .segment = walk->head,
        .bytes = walk->bytes,
        .bytes_count = walk->bytes_count,
        .offset = walk->offset,
        .seq = walk->link.seq,
        .zeros_max = walk->bytes_count,
    };
    return mri_recover_is_claimed(&rest);
}

mr_err mri_damage_next(struct mri_damage_walk *walk, struct mri_damage *ret_damage)
{
    uint64_t bad = walk->offset;
    while (!walk->is_over && pass_batch(walk, &bad)) {
    }
    if (walk->is_over || (walk->next == NULL && !is_claimed(walk))) {
        return MR_END;
    }
    struct mri_damage damage = {
        .offset = walk->offset,
        .gap = {.first_seq = walk->link.seq, .reason = reason_at(walk, bad)},
        .before = walk->link,
        .before_unix_ns = walk->last_unix_ns,
        .before_epoch = walk->last_epoch,
    };
    if (!find_end(walk, bad, &damage.gap) || damage.gap.last_seq + 1 < damage.gap.first_seq) {
        return MR_END;
    }
    walk->offset += damage.gap.bytes;
    walk->link = (struct mri_record_link){
        .seq = damage.gap.last_seq + 1, .crc = damage.gap.next_crc, .units = damage.gap.next_units};
    walk->last_unix_ns++;
    walk->is_over = damage.gap.is_roll_lost;
    *ret_damage = damage;
    return MR_OK;
}

struct mri_record_head mri_damage_record(
    const struct mri_damage *damage, const struct mri_segment_head *head)
{
    struct mri_record_head record = {
        .bytes = sizeof(record),
        .time_unix_ns = damage->before_unix_ns + 1,
        .body_crc = mri_crc32c(0, NULL, 0),
        .prev_crc = damage->before.crc,
        .prev_units = damage->before.units,
        .durable_lag = LAG_CLAIMS_NOTHING,
        .writer_epoch = damage->before_epoch,
        .flags = MRI_RECORD_TXN_END,
        .version = MRI_RECORD_VERSION,
    };
    mri_record_put_gap(&record, &damage->gap);
    record.head_crc =
        mri_record_head_crc(&record, head->salt, head->base_position + damage->offset);
    return record;
}
