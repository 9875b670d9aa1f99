/* SPDX-License-Identifier: MIT */
/*
 * Making seals.
 *
 *   e e e | e e e e | e e e e | e ...  SEAL       events, in batches; no SEAL covers them from
 *   ^ next_seq                ^ next_position     next_seq on
 *   '-- whole batches, 1,024 events at most --'
 *
 * Invariants
 *  1. A seal begins with next_seq and ends with the last event of a batch. Of a GAP it covers all
 *     that is left, though what was lost may have been covered in part by a SEAL before.
 *  2. What a seal covers follows from the batches alone when it is not a flush: never from when it
 *     was made.
 *  3. The link behind the newest SEAL is what the newest segment's head says, unless that segment
 *     has a SEAL. A segment whose head has the link of the next one's holds no SEAL.
 *
 * Not here: appending (sealing.c), checking (seal_walk.c).
 */
#include "log/prove/sealer.h"

#include <string.h>

#include "base/problem.h"
#include "log/read/place.h"

/* ---- the state ------------------------------------------------------------------------------- */

/** What the search has found so far. */
struct search {
    struct mri_place_source source;
    struct mri_digest hasher;
    struct mri_seal_state state;
    bool is_found; /**< a SEAL */
};

/** Take the newest SEAL of a segment, if it has one. */
static mr_err search_segment(
    struct search *search, uint64_t base_seq, bool is_newest, mr_problem *problem)
{
    struct mri_place place;
    mr_err err = mri_place_open(&search->source, base_seq, &place, problem);
    if (err != MR_OK) {
        return err;
    }
    while (err == MR_OK) {
        for (; place.offset < place.visible_end; mri_place_step(&place)) {
            const struct mri_record_head *record =
                (const struct mri_record_head *)(place.bytes + place.offset);
            if (record->type == MRI_RECORD_SEAL) {
                mri_sealer_next(&search->hasher, record, &search->state);
                search->is_found = true;
            }
        }
        err = place.is_rolled ? MR_END : mri_place_find_batch(&place);
    }
    if (err != MR_END) {
        (void)mri_place_fault(&place, err, problem);
    } else {
        err = is_newest || place.is_rolled ? MR_OK : mri_place_damage(&place, problem);
    }
    mri_place_close(&place);
    return err;
}

/** From the newest segment back to one with a SEAL. */
static mr_err search_back(
    struct search *search, const struct mri_segment_list *list, mr_problem *problem)
{
    struct mri_segment_head head;
    size_t last = list->count - 1;
    mr_err err = mri_place_read_head(&search->source, list->base_seqs[last], &head, problem);
    if (err == MR_OK) {
        memcpy(search->state.link.bytes, head.link, sizeof(head.link));
        err = search_segment(search, list->base_seqs[last], true, problem);
    }
    const struct mri_seal_hash link = search->state.link;
    for (size_t i = last; err == MR_OK && !search->is_found && i > 0; i--) {
        struct mri_segment_head before;
        err = mri_place_read_head(&search->source, list->base_seqs[i - 1], &before, problem);
        if (err == MR_OK && memcmp(before.link, head.link, sizeof(head.link)) != 0) {
            err = search_segment(search, list->base_seqs[i - 1], false, problem);
            search->state.link = link; /* also when a SEAL behind the one found was lost */
        }
        head = before;
    }
    if (err == MR_OK && search->state.next_seq < list->base_seqs[0]) { /* the events are gone */
        err = mri_place_read_head(&search->source, list->base_seqs[0], &head, problem);
        search->state.next_seq = list->base_seqs[0];
        search->state.next_position = head.base_position + MRI_SEGMENT_PAGE_BYTES;
    }
    return err;
}

mr_err mri_sealer_find(const struct mri_os *os, const struct mri_alloc *alloc, const char *folder,
    const struct mri_manifest *manifest, struct mri_seal_state *ret_state,
    mr_problem *reterr_problem)
{
    struct mri_segment_list list = {0};
    struct search search = {
        .source = {.os = os, .alloc = alloc, .folder = folder, .manifest = manifest}};
    mr_err err = mri_digest_init(&search.hasher);
    if (err != MR_OK) {
        return mri_problem(reterr_problem, err, "%s", mr_err_text(err));
    }
    mri_sealer_first(&search.hasher, manifest->log_uuid, &search.state);
    err = mri_segment_list(os, alloc, folder, &list);
    if (err != MR_OK) {
        (void)mri_problem(reterr_problem, err, "%s: %s", folder, mr_err_text(err));
    } else if (list.count > 0) {
        err = search_back(&search, &list, reterr_problem);
    }
    if (err == MR_OK) {
        *ret_state = search.state;
    }
    mri_segment_list_fini(&list);
    mri_digest_fini(&search.hasher);
    return err;
}

/* ---- the next seal --------------------------------------------------------------------------- */

/** The position of the next record. */
static uint64_t position_of(const mr_log_reader *reader)
{
    const char *name;
    return mri_reader_segment(reader)->base_position + mri_reader_place(reader, &name);
}

static bool is_at(const mr_log_reader *reader, uint64_t seq, uint64_t position)
{
    const struct mri_segment_head *segment = mri_reader_segment(reader);
    if (segment == NULL) {
        return false;
    }
    uint64_t here = position_of(reader);
    return here == position ||
           (segment->base_seq == seq && here == segment->base_position + MRI_SEGMENT_PAGE_BYTES);
}

mr_err mri_sealer_go_to(
    mr_log_reader *reader, uint64_t seq, uint64_t position, mr_problem *reterr_problem)
{
    if (is_at(reader, seq, position)) {
        return MR_OK;
    }
    mr_err err = mr_log_reader_seek(reader, (mr_seq){seq}, reterr_problem);
    return err == MR_NOT_FOUND
               ? mri_problem(reterr_problem, MR_ECORRUPT,
                     "event %llu, which no seal covers, is not in the log", (unsigned long long)seq)
               : err;
}

/** A seal that grows by whole batches. */
struct draft {
    struct mri_seal_tree tree;
    uint64_t first_seq;
    uint64_t last_seq; /**< first_seq - 1: none so far */
    uint64_t position; /**< behind the last one */
    bool is_full;
};

static mr_err take_record(
    struct draft *draft, const struct mri_record_head *record, mr_problem *problem)
{
    struct mri_seal_hash leaf;
    bool is_gap = record->type == MRI_RECORD_GAP;
    uint64_t last = is_gap ? mri_record_gap(record).last_seq : record->seq;
    if (!mri_record_is_numbered(record) || last < draft->first_seq) {
        return MR_OK;
    }
    if (record->seq > draft->last_seq + 1) {
        return mri_problem(problem, MR_ECORRUPT,
            "event %llu, which no seal covers, is not in the log",
            (unsigned long long)draft->last_seq + 1);
    }
    mri_seal_leaf(draft->tree.hasher, record, &leaf);
    mri_seal_tree_add(&draft->tree, &leaf);
    draft->last_seq = last;
    return MR_OK;
}

/** Take one more batch; MR_END: no further one may be taken. */
static mr_err take_batch(
    struct draft *draft, mr_log_reader *reader, uint64_t limit_seq, mr_problem *problem)
{
    struct draft longer = *draft;
    mr_log_event event;
    do {
        mr_err err = mr_log_reader_next(reader, &event, problem);
        if (err == MR_OK) {
            err = take_record(&longer, mri_reader_record(&event), problem);
        }
        if (err != MR_OK) {
            return err;
        }
    } while (!event.is_batch_end);
    if (longer.last_seq == draft->last_seq) {
        return MR_OK; /* SEAL or ROLL */
    }
    if (longer.last_seq > limit_seq) {
        return MR_END;
    }
    bool is_over = longer.last_seq - longer.first_seq >= MRI_SEAL_EVENTS_MAX;
    if (is_over && draft->last_seq >= draft->first_seq) {
        draft->is_full = true;
        return MR_OK;
    }
    *draft = longer;
    draft->position = position_of(reader);
    draft->is_full = draft->last_seq - draft->first_seq + 1 >= MRI_SEAL_EVENTS_MAX;
    return MR_OK;
}

/** Stand where the next seal begins: a batch that did not fit was read already. */
static mr_err step_back(mr_log_reader *reader, const struct draft *draft, mr_problem *problem)
{
    mr_err err = MR_OK;
    while (err == MR_OK && !is_at(reader, draft->last_seq + 1, draft->position) &&
           position_of(reader) > draft->position) {
        mr_log_event event;
        err = mr_log_reader_previous(reader, &event, problem);
    }
    return err;
}

mr_err mri_sealer_build(struct mri_digest *hasher, mr_log_reader *reader,
    const struct mri_seal_state *state, struct mri_seal_limits limits, struct mri_seal *ret_seal,
    mr_problem *reterr_problem)
{
    struct draft draft = {.first_seq = state->next_seq, .last_seq = state->next_seq - 1};
    bool is_due = limits.last_seq >= state->next_seq &&
                  (limits.is_flush || limits.last_seq - state->next_seq + 1 >= MRI_SEAL_EVENTS_MAX);
    if (!is_due) {
        return MR_AGAIN;
    }
    mri_seal_tree_begin(&draft.tree, hasher);
    mr_err err = mri_sealer_go_to(reader, state->next_seq, state->next_position, reterr_problem);
    while (err == MR_OK && !draft.is_full) {
        err = take_batch(&draft, reader, limits.last_seq, reterr_problem);
    }
    if (err == MR_END) {
        bool is_wanted = limits.is_flush && draft.last_seq >= draft.first_seq;
        err = is_wanted ? MR_OK : MR_AGAIN;
    }
    if (err == MR_OK) {
        err = step_back(reader, &draft, reterr_problem);
    }
    if (err != MR_OK) {
        return err;
    }
    *ret_seal = (struct mri_seal){.first_seq = draft.first_seq,
        .last_seq = draft.last_seq,
        .next_position = draft.position,
        .link = state->link};
    mri_seal_tree_root(&draft.tree, &ret_seal->root);
    return MR_OK;
}
