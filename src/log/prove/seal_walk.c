/* SPDX-License-Identifier: MIT */
/*
 * Reading a log with its seals.
 *
 *   e e e e e e e e e e SEAL e e e e ...
 *       ^ trail           ^ reader           a SEAL is met: the trail reads what it covers
 *
 * Invariants
 *  1. The trail stands behind the events that the newest SEAL covers, so nothing has to be kept of
 *     those between it and the reader, however many they are.
 *  2. link is the one behind the newest SEAL. Where older segments were removed it begins with what
 *     the first segment's head says, and the first SEALs may cover events that are gone.
 *  3. Behind a gap SEALs may be missing: one SEAL or segment head may then say another link. When
 * it says the same one, none is missing. Events whose SEAL is missing count as unproven, and so do
 *     those of a SEAL that was made over some that are lost now. A seal made after the gap proves
 * as any other.
 */
#include "log/prove/seal_walk.h"

#include <string.h>

#include "base/problem.h"
#include "log/prove/sealer.h"

mr_err mri_seal_walk_init(struct mri_seal_walk *walk, const struct mri_os *os,
    const struct mri_alloc *alloc, const char *folder, mr_problem *reterr_problem)
{
    *walk = (struct mri_seal_walk){.segment_position = UINT64_MAX};
    mr_err err = mri_digest_init(&walk->hasher);
    if (err != MR_OK) {
        return mri_problem(reterr_problem, err, "%s", mr_err_text(err));
    }
    /* What is proven is in the files; and the ring does not know the links of its segments. */
    static const mr_log_read_options in_files = {.is_in_files = true};
    err = mri_reader_open_with(os, alloc, folder, &in_files, &walk->reader, reterr_problem);
    if (err == MR_OK) {
        err = mri_reader_open_with(os, alloc, folder, &in_files, &walk->trail, reterr_problem);
    }
    if (err != MR_OK) {
        mri_seal_walk_fini(walk);
        return err;
    }
    mri_reader_show_all(walk->reader);
    mri_reader_show_all(walk->trail);
    return MR_OK;
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
        walk->next_seq =
            1; /* that of a log without its beginning is not known: see check_place() */
        walk->next_position = segment->base_position + MRI_SEGMENT_PAGE_BYTES;
        walk->link = link;
        if (segment->base_position == 0) {
            mri_seal_link_first(&walk->hasher, segment->log_uuid, &walk->link);
        }
    }
    bool is_equal = mri_seal_is_equal(&walk->link, &link);
    if (!is_equal && !walk->is_link_open) {
        return mri_problem(problem, MR_REFUSED,
            "the segment that begins with event %llu has another link than the seals before it",
            (unsigned long long)segment->base_seq);
    }
    walk->is_start_open = walk->is_start_open || !is_equal;
    walk->is_link_open = false;
    walk->link = link;
    return MR_OK;
}

/* ---- what a SEAL covers ---------------------------------------------------------------------- */

/** Some events, read again. */
struct range {
    uint64_t first_seq;
    uint64_t last_seq;
    uint64_t position; /**< where they begin, or UINT64_MAX */
    void (*visit)(void *context, const struct mri_seal_hash *leaf);
    void *context;

    struct mri_seal_tree tree;
    uint64_t event_count;
    uint64_t batch_count;
    uint64_t end_position;
    bool has_gap;
    bool is_batch_end; /**< it does not end within a batch */
};

static void take_leaf(
    struct mri_seal_walk *walk, const struct mri_record_head *record, struct range *range)
{
    struct mri_seal_hash leaf;
    bool is_gap = record->type == MRI_RECORD_GAP;
    mri_seal_leaf(&walk->hasher, record, &leaf);
    mri_seal_tree_add(&range->tree, &leaf);
    range->event_count += !is_gap;
    range->has_gap = range->has_gap || is_gap;
    if (range->visit != NULL) {
        range->visit(range->context, &leaf);
    }
}

static uint64_t last_of(const struct mri_record_head *record)
{
    return record->type == MRI_RECORD_GAP ? mri_record_gap(record).last_seq : record->seq;
}

static mr_err read_range(struct mri_seal_walk *walk, struct range *range, mr_problem *problem)
{
    mri_seal_tree_begin(&range->tree, &walk->hasher);
    mr_err err = mri_sealer_go_to(walk->trail, range->first_seq, range->position, problem);
    for (uint64_t last = 0; err == MR_OK && last < range->last_seq;) {
        mr_log_event event;
        const char *name;
        err = mr_log_reader_next(walk->trail, &event, problem);
        if (err != MR_OK) {
            break;
        }
        const struct mri_record_head *record = mri_reader_record(&event);
        if (!mri_record_is_numbered(record) || last_of(record) < range->first_seq) {
            continue;
        }
        last = last_of(record);
        take_leaf(walk, record, range);
        range->batch_count += event.is_batch_end;
        range->is_batch_end = event.is_batch_end;
        range->end_position =
            mri_reader_segment(walk->trail)->base_position + mri_reader_place(walk->trail, &name);
    }
    return err != MR_END ? err
                         : mri_problem(problem, MR_ECORRUPT, "event %llu was there and is gone",
                               (unsigned long long)range->last_seq);
}

/** Is a SEAL the next one? NULL: yes; else what is wrong. */
static const char *check_place(const struct mri_seal_walk *walk, const struct mri_seal *seal)
{
    bool is_link = mri_seal_is_equal(&seal->link, &walk->link);
    bool is_start_open = walk->is_start_open || (walk->is_link_open && !is_link);
    bool is_over_gone = seal->first_seq <= walk->first_seq;
    if (!is_link && !walk->is_link_open) {
        return "does not continue the seal before";
    }
    bool is_start = seal->first_seq == walk->next_seq ||
                    (seal->first_seq > walk->next_seq && (is_start_open || is_over_gone));
    return is_start ? NULL : "does not begin behind the events of the seal before";
}

/** What is wrong with the range of a SEAL; NULL: nothing. */
static const char *check_range(const struct mri_seal *seal, const struct range *range)
{
    if (range->end_position != seal->next_position) {
        return "does not cover the events that stand before it";
    }
    if (!range->is_batch_end) {
        return "ends within a batch";
    }
    return seal->last_seq - seal->first_seq >= MRI_SEAL_EVENTS_MAX && range->batch_count > 1
               ? "covers too many events"
               : NULL;
}

/** Events whose SEAL was lost in a gap: they are there, and nothing proves them. */
static mr_err pass_over(struct mri_seal_walk *walk, uint64_t last_seq, mr_problem *problem)
{
    struct range range = {
        .first_seq = walk->next_seq > walk->first_seq ? walk->next_seq : walk->first_seq,
        .last_seq = last_seq,
        .position = walk->next_position};
    if (range.first_seq > last_seq) {
        return MR_OK;
    }
    mr_err err = read_range(walk, &range, problem);
    walk->unproven_count += range.event_count;
    return err;
}

/** Compute a SEAL again, as far as its events are there. *ret_fault: what is wrong with it. */
static mr_err prove(struct mri_seal_walk *walk, const struct mri_seal *seal, const char **ret_fault,
    mr_problem *problem)
{
    struct mri_seal_hash root;
    bool is_cut = seal->first_seq < walk->first_seq;
    struct range range = {.first_seq = is_cut ? walk->first_seq : seal->first_seq,
        .last_seq = seal->last_seq,
        .position = seal->first_seq == walk->next_seq ? walk->next_position : UINT64_MAX};
    *ret_fault = NULL;
    if (range.first_seq <= range.last_seq) {
        mr_err err = read_range(walk, &range, problem);
        if (err != MR_OK) {
            return err;
        }
        *ret_fault = check_range(seal, &range);
        mri_seal_tree_root(&range.tree, &root);
        if (*ret_fault == NULL && !is_cut && !mri_seal_is_equal(&root, &seal->root)) {
            *ret_fault = "is not over the events that are there";
        }
    }
    walk->is_proven = *ret_fault == NULL && !is_cut;
    walk->is_dense = !range.has_gap && !is_cut;
    if (range.has_gap) { /* made before some of its events were lost */
        *ret_fault = NULL;
    }
    walk->proven_count += walk->is_proven ? range.event_count : 0;
    walk->unproven_count += walk->is_proven ? 0 : range.event_count;
    walk->unproven_seal_count += !walk->is_proven;
    return MR_OK;
}

static mr_err take_seal(struct mri_seal_walk *walk, mr_problem *problem)
{
    struct mri_seal seal;
    mr_err err = mri_seal_read(walk->record, &seal);
    if (err != MR_OK) {
        return mri_problem(problem, MR_REFUSED, "a seal before event %llu is not well formed",
            (unsigned long long)walk->record->seq);
    }
    const char *fault = check_place(walk, &seal);
    if (fault == NULL && seal.first_seq > walk->next_seq) {
        err = pass_over(walk, seal.first_seq - 1, problem);
    }
    if (fault == NULL && err == MR_OK) {
        err = prove(walk, &seal, &fault, problem);
    }
    if (err != MR_OK) {
        return err;
    }
    if (fault != NULL) {
        return mri_problem(problem, MR_REFUSED, "the seal of events %llu to %llu %s",
            (unsigned long long)seal.first_seq, (unsigned long long)seal.last_seq, fault);
    }
    walk->is_seal = true;
    walk->seal = seal;
    walk->seal_count++;
    walk->is_link_open = false;
    walk->is_start_open = false;
    walk->next_seq = seal.last_seq + 1;
    walk->next_position = seal.next_position;
    walk->link = seal.link;
    mri_seal_link_next(&walk->hasher, walk->record, &walk->link);
    walk->head = (struct mri_seal_head){.seq = seal.last_seq, .link = walk->link};
    return MR_OK;
}

/* ---- the walk -------------------------------------------------------------------------------- */

mr_err mri_seal_walk_next(struct mri_seal_walk *walk, mr_problem *reterr_problem)
{
    walk->is_seal = false;
    walk->is_proven = false;
    mr_err err = mr_log_reader_next(walk->reader, &walk->event, reterr_problem);
    if (err != MR_OK) {
        return err;
    }
    const struct mri_segment_head *segment = mri_reader_segment(walk->reader);
    walk->record = mri_reader_record(&walk->event);
    if (segment->base_position != walk->segment_position) {
        err = enter_segment(walk, segment, reterr_problem);
    }
    if (err != MR_OK) {
        return err;
    }
    if (walk->record->type == MRI_RECORD_SEAL) {
        return take_seal(walk, reterr_problem);
    }
    if (mri_record_is_numbered(walk->record)) {
        walk->last_seq = last_of(walk->record);
    }
    walk->is_link_open = walk->is_link_open || walk->record->type == MRI_RECORD_GAP;
    return MR_OK;
}

mr_err mri_seal_walk_leaves(struct mri_seal_walk *walk,
    void (*visit)(void *context, const struct mri_seal_hash *leaf), void *context,
    mr_problem *reterr_problem)
{
    struct range range = {.first_seq = walk->seal.first_seq,
        .last_seq = walk->seal.last_seq,
        .position = UINT64_MAX,
        .visit = visit,
        .context = context};
    MRI_ASSERT(walk->is_seal);
    return read_range(walk, &range, reterr_problem);
}

void mri_seal_walk_fini(struct mri_seal_walk *walk)
{
    mr_log_reader_close(walk->reader);
    mr_log_reader_close(walk->trail);
    mri_digest_fini(&walk->hasher);
}
