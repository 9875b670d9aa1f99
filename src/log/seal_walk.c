/* SPDX-License-Identifier: MIT */
/*
 * Reading a log with its seals.
 *
 * Invariants
 *  1. leaves holds, in order, the hashes of events that no SEAL has covered, behind those that the
 *     newest SEAL covers (taken_count of them, until the next call).
 *  2. link is the one behind the newest SEAL or ROLL. Where older segments were removed it begins
 *     with what the first segment's head says.
 *  3. Behind a gap one SEAL or segment head is believed: what the lost records were is gone. The
 *     events that it covers count as unproven. A seal made after the gap proves as any other.
 */
#include "log/seal_walk.h"

#include <string.h>

#include "base/problem.h"

enum { LEAVES_BYTES_MAX = 1 << 30 };

mr_err mri_seal_walk_init(struct mri_seal_walk *walk, const struct mri_os *os,
    const struct mri_alloc *alloc, const char *folder, mr_problem *reterr_problem)
{
    *walk = (struct mri_seal_walk){.segment_position = UINT64_MAX};
    mri_buf_init(&walk->leaves, alloc, LEAVES_BYTES_MAX);
    mr_err err = mri_digest_init(&walk->hasher);
    if (err != MR_OK) {
        return mri_problem(reterr_problem, err, "%s", mr_err_text(err));
    }
    err = mri_reader_open(os, alloc, folder, &walk->reader, reterr_problem);
    if (err != MR_OK) {
        walk->reader = NULL;
        mri_seal_walk_fini(walk);
        return err;
    }
    mri_reader_show_all(walk->reader);
    return MR_OK;
}

static struct mri_seal_leaf *leaves_of(const struct mri_seal_walk *walk)
{
    return (struct mri_seal_leaf *)(void *)walk->leaves.bytes;
}

static size_t leaf_count(const struct mri_seal_walk *walk)
{
    return walk->leaves.count / sizeof(struct mri_seal_leaf);
}

/** Forget the leaves that the last SEAL has covered. */
static void drop_taken(struct mri_seal_walk *walk)
{
    size_t bytes = walk->taken_count * sizeof(struct mri_seal_leaf);
    if (bytes > 0) {
        memmove(walk->leaves.bytes, walk->leaves.bytes + bytes, walk->leaves.count - bytes);
        walk->leaves.count -= bytes;
    }
    walk->taken_count = 0;
    walk->covered = NULL;
    walk->covered_count = 0;
    walk->is_seal = false;
    walk->is_proven = false;
}

static void forgo(struct mri_seal_walk *walk, size_t count)
{
    walk->unproven_count += count;
    walk->unproven_last_seq = count > 0 ? leaves_of(walk)[count - 1].seq : walk->unproven_last_seq;
    walk->is_after_gap = false;
}

/** A record of another segment: its head must hold the link so far. */
static mr_err enter_segment(
    struct mri_seal_walk *walk, const struct mri_segment_head *segment, mr_problem *problem)
{
    struct mri_seal_hash link;
    memcpy(link.bytes, segment->link, sizeof(link.bytes));
    walk->segment_position = segment->base_position;
    if (!walk->is_begun) {
        walk->is_begun = true;
        walk->first_seq = segment->base_seq;
        walk->link = link;
        if (segment->base_position == 0) {
            mri_seal_link_first(&walk->hasher, segment->log_uuid, &walk->link);
        }
    } else if (walk->is_after_gap) {
        walk->taken_count = leaf_count(walk);
        forgo(walk, walk->taken_count);
        drop_taken(walk);
        walk->link = link;
    }
    if (!mri_seal_is_equal(&walk->link, &link)) {
        return mri_problem(problem, MR_REFUSED,
            "the segment that begins with event %llu has another link than the seals before it",
            (unsigned long long)segment->base_seq);
    }
    return MR_OK;
}

/** How many leaves from the front a SEAL covers. */
static size_t count_covered(const struct mri_seal_walk *walk, const struct mri_seal *seal)
{
    const struct mri_seal_leaf *leaves = leaves_of(walk);
    size_t low = 0;
    size_t high = leaf_count(walk);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (leaves[middle].seq <= seal->last_seq) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/** What is wrong with a SEAL; NULL: nothing. */
static const char *fault_of(
    struct mri_seal_walk *walk, const struct mri_seal *seal, size_t covered_count)
{
    const struct mri_seal_leaf *leaves = leaves_of(walk);
    struct mri_seal_tree tree;
    struct mri_seal_hash root;
    if (!mri_seal_is_equal(&seal->link, &walk->link)) {
        return "does not continue the seal before";
    }
    bool is_range = covered_count > 0 && leaves[0].seq == seal->first_seq &&
                    leaves[covered_count - 1].end_position == seal->next_position;
    if (!is_range) {
        return "does not cover the events that stand before it";
    }
    mri_seal_tree_begin(&tree, &walk->hasher);
    for (size_t i = 0; i < covered_count; i++) {
        mri_seal_tree_add(&tree, &leaves[i].hash);
    }
    mri_seal_tree_root(&tree, &root);
    return mri_seal_is_equal(&root, &seal->root) ? NULL : "is not over the events that are there";
}

static mr_err take_seal(struct mri_seal_walk *walk, mr_problem *problem)
{
    struct mri_seal seal;
    mr_err err = mri_seal_read(walk->record, &seal);
    if (err != MR_OK) {
        return mri_problem(problem, MR_REFUSED, "a seal before event %llu is not well formed",
            (unsigned long long)walk->record->seq);
    }
    size_t count = count_covered(walk, &seal);
    const char *fault = fault_of(walk, &seal, count);
    if (fault != NULL && !walk->is_after_gap) {
        return mri_problem(problem, MR_REFUSED, "the seal of events %llu to %llu %s",
            (unsigned long long)seal.first_seq, (unsigned long long)seal.last_seq, fault);
    }
    if (fault != NULL) {
        forgo(walk, count);
        walk->link = seal.link;
    }
    for (size_t i = count; fault == NULL && walk->is_after_gap; i++) { /* is a gap left? */
        if (i == leaf_count(walk) || leaves_of(walk)[i].is_gap) {
            walk->is_after_gap = i < leaf_count(walk);
            break;
        }
    }
    walk->is_seal = true;
    walk->is_proven = fault == NULL;
    walk->covered = leaves_of(walk);
    walk->covered_count = count;
    walk->taken_count = count;
    walk->seal_count++;
    mri_seal_link_next(&walk->hasher, walk->record, &walk->link);
    walk->head = (struct mri_seal_head){.seq = seal.last_seq, .link = walk->link};
    return MR_OK;
}

static mr_err take_event(
    struct mri_seal_walk *walk, const struct mri_segment_head *segment, mr_problem *problem)
{
    const char *name;
    struct mri_seal_leaf *leaf = mri_buf_grow(&walk->leaves, sizeof(*leaf));
    if (leaf == NULL) {
        return mri_problem(problem, MR_ENOMEM, "event %llu: too many events without a seal",
            (unsigned long long)walk->record->seq);
    }
    bool is_gap = walk->record->type == MRI_RECORD_GAP;
    *leaf = (struct mri_seal_leaf){.seq = walk->record->seq,
        .end_position = segment->base_position + mri_reader_place(walk->reader, &name),
        .is_gap = is_gap};
    mri_seal_leaf(&walk->hasher, walk->record, &leaf->hash);
    walk->is_after_gap = walk->is_after_gap || is_gap;
    if (mri_record_is_numbered(walk->record)) {
        walk->last_seq = is_gap ? mri_record_gap(walk->record).last_seq : walk->record->seq;
    }
    return MR_OK;
}

mr_err mri_seal_walk_next(struct mri_seal_walk *walk, mr_problem *reterr_problem)
{
    drop_taken(walk);
    mr_err err = mr_log_reader_next(walk->reader, &walk->event, reterr_problem);
    if (err != MR_OK) {
        return err;
    }
    const struct mri_segment_head *segment = mri_reader_segment(walk->reader);
    walk->record = (const struct mri_record_head *)walk->event.body - 1;
    if (segment->base_position != walk->segment_position) {
        err = enter_segment(walk, segment, reterr_problem);
    }
    if (err != MR_OK) {
        return err;
    }
    if (walk->record->type == MRI_RECORD_SEAL) {
        return take_seal(walk, reterr_problem);
    }
    if (walk->record->type != MRI_RECORD_ROLL) {
        return take_event(walk, segment, reterr_problem);
    }
    if (leaf_count(walk) > 0 && !walk->is_after_gap) {
        return mri_problem(reterr_problem, MR_REFUSED,
            "the segment that ends with event %llu ends without a seal",
            (unsigned long long)walk->last_seq);
    }
    mri_seal_link_next(&walk->hasher, walk->record, &walk->link);
    return MR_OK;
}

void mri_seal_walk_fini(struct mri_seal_walk *walk)
{
    mr_log_reader_close(walk->reader);
    mri_digest_fini(&walk->hasher);
    mri_buf_fini(&walk->leaves);
}
