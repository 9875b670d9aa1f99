/* SPDX-License-Identifier: MIT */
/*
 * Proofs.
 *
 *   record -> leaf --path--> root in SEAL -> link --SEALs--> link of the head
 *
 * Invariants
 *  1. A leaf's place in its tree is its seq minus first_seq, so a path says nothing about sides:
 *     they follow from the SEAL.
 *  2. Whatever bit of a proof is changed, some hash on the way to the head is another.
 */
#include "log/prove/proof.h"

#include <string.h>

#include "base/problem.h"
#include "log/prove/seal_walk.h"

void mri_proof_init(struct mri_proof *proof, const struct mri_alloc *alloc)
{
    *proof = (struct mri_proof){0};
    mri_buf_init(&proof->record, alloc, MRI_RECORD_BYTES_MAX);
    mri_buf_init(&proof->seal, alloc, MRI_RECORD_BYTES_MAX);
    mri_buf_init(&proof->links, alloc, MRI_PROOF_LINKS_BYTES_MAX);
}

void mri_proof_fini(struct mri_proof *proof)
{
    mri_buf_fini(&proof->record);
    mri_buf_fini(&proof->seal);
    mri_buf_fini(&proof->links);
}

/** The largest power of two below a count of at least 2. */
static uint64_t left_of(uint64_t count)
{
    uint64_t left = 1;
    while (2 * left < count) {
        left *= 2;
    }
    return left;
}

/** The hashes beside the way to a leaf, made while all leaves pass once, from left to right. */
struct beside {
    struct mri_digest *hasher;
    struct mri_seal_tree trees[MRI_SEAL_DEPTH_MAX]; /**< over the leaves of each, the top first */
    uint64_t from[MRI_SEAL_DEPTH_MAX];              /**< the first of them */
    uint64_t to[MRI_SEAL_DEPTH_MAX];                /**< behind the last */
    uint32_t depth;
    uint64_t at; /**< the leaf that comes next */
};

/** From the root down: at each level the side on which the leaf is not. */
static void plan(struct beside *beside, uint64_t index, uint64_t count)
{
    uint64_t from = 0;
    while (count > 1) {
        uint64_t left = left_of(count);
        bool is_left = index < left;
        mri_seal_tree_begin(&beside->trees[beside->depth], beside->hasher);
        beside->from[beside->depth] = is_left ? from + left : from;
        beside->to[beside->depth] = is_left ? from + count : from + left;
        beside->depth++;
        from += is_left ? 0 : left;
        index -= is_left ? 0 : left;
        count = is_left ? left : count - left;
    }
}

static void take_leaf(void *context, const struct mri_seal_hash *leaf)
{
    struct beside *beside = context;
    uint64_t at = beside->at++;
    for (uint32_t i = 0; i < beside->depth; i++) {
        if (beside->from[i] <= at && at < beside->to[i]) {
            mri_seal_tree_add(&beside->trees[i], leaf);
        }
    }
}

static mr_err fill_path(struct mri_seal_walk *walk, struct mri_proof *proof, mr_problem *problem)
{
    struct beside beside = {.hasher = &walk->hasher};
    const struct mri_seal *seal = &walk->seal;
    plan(&beside, proof->seq - seal->first_seq, seal->last_seq - seal->first_seq + 1);
    mr_err err = mri_seal_walk_leaves(walk, take_leaf, &beside, problem);
    for (uint32_t i = 0; err == MR_OK && i < beside.depth; i++) {
        mri_seal_tree_root(&beside.trees[beside.depth - 1 - i], &proof->path[i]);
    }
    proof->path_count = beside.depth;
    return err;
}

/** The SEAL just read covers the event: keep both and the way between them. */
static mr_err take_cover(struct mri_seal_walk *walk, struct mri_proof *proof, mr_problem *problem)
{
    bool is_covered = walk->seal.first_seq <= proof->seq && proof->record.count > 0;
    if (!is_covered || !walk->is_proven || !walk->is_dense) {
        return mri_problem(problem, MR_REFUSED,
            "event %llu is sealed together with events that are gone: there is no proof of it",
            (unsigned long long)proof->seq);
    }
    mr_err err = fill_path(walk, proof, problem);
    mri_buf_put(&proof->seal, walk->record, walk->record->bytes);
    return err == MR_OK ? proof->seal.err : err;
}

/** Does the proof end with the head of the SEAL just read? */
static bool is_end(const struct mri_seal_heads *heads, const struct mri_seal_head *head)
{
    for (size_t i = 0; heads != NULL && i < heads->count; i++) {
        if (heads->lines[i].head.seq == head->seq) {
            return true;
        }
    }
    return heads == NULL;
}

static mr_err walk_to_head(struct mri_seal_walk *walk, const struct mri_seal_heads *heads,
    struct mri_proof *proof, mr_problem *problem)
{
    for (;;) {
        mr_err err = mri_seal_walk_next(walk, problem);
        if (err == MR_END) {
            return mri_problem(problem, MR_NOT_FOUND,
                "event %llu is not in the log, or no seal and head covers it yet",
                (unsigned long long)proof->seq);
        }
        if (err != MR_OK) {
            return err;
        }
        const struct mri_record_head *record = walk->record;
        bool is_found = proof->seal.count > 0;
        if (is_found && walk->is_seal) {
            mri_buf_put(&proof->links, record, record->bytes);
            err = proof->links.err;
        } else if (record->seq == proof->seq && mri_record_is_numbered(record) &&
                   record->type != MRI_RECORD_GAP) {
            mri_buf_put(&proof->record, record, record->bytes);
            err = proof->record.err;
        }
        if (err == MR_OK && walk->is_seal && !is_found && walk->head.seq >= proof->seq) {
            err = proof->seq < walk->first_seq ? MR_NOT_FOUND : take_cover(walk, proof, problem);
        }
        if (err != MR_OK) {
            return err == MR_REFUSED ? err
                                     : mri_problem(problem, err, "event %llu: %s",
                                           (unsigned long long)proof->seq, mr_err_text(err));
        }
        if (walk->is_seal && proof->seal.count > 0 && is_end(heads, &walk->head)) {
            proof->head = walk->head;
            return MR_OK;
        }
    }
}

mr_err mri_proof_make(const struct mri_os *os, const char *folder, uint64_t seq,
    const struct mri_seal_heads *heads, struct mri_proof *proof, mr_problem *reterr_problem)
{
    struct mri_seal_walk walk;
    proof->seq = seq;
    mr_err err = mri_seal_walk_init(&walk, os, proof->record.alloc, folder, reterr_problem);
    if (err != MR_OK) {
        return err;
    }
    err = walk_to_head(&walk, heads, proof, reterr_problem);
    mri_seal_walk_fini(&walk);
    if (err == MR_OK && mri_proof_check(proof, NULL) != MR_OK) {
        err = mri_problem(reterr_problem, MR_REFUSED,
            "event %llu: a seal between it and the head was lost: there is no proof of it",
            (unsigned long long)seq);
    }
    return err;
}

/** A whole record of its own in some bytes; NULL: there is none. */
static const struct mri_record_head *record_in(const uint8_t *bytes, size_t count)
{
    const struct mri_record_head *record = (const struct mri_record_head *)(const void *)bytes;
    bool is_one =
        count >= sizeof(*record) && record->bytes >= sizeof(*record) && record->bytes <= count;
    return is_one ? record : NULL;
}

/** From the leaf up. Returns false when the path has another length than the tree asks for. */
static bool climb(struct mri_digest *hasher, const struct mri_proof *proof, uint64_t index,
    uint64_t count, struct mri_seal_hash *hash)
{
    bool is_left[MRI_SEAL_DEPTH_MAX];
    uint32_t depth = 0;
    while (count > 1 && depth < MRI_SEAL_DEPTH_MAX) {
        uint64_t left = left_of(count);
        is_left[depth] = index < left;
        index -= is_left[depth] ? 0 : left;
        count = is_left[depth] ? left : count - left;
        depth++;
    }
    if (depth != proof->path_count) {
        return false;
    }
    for (uint32_t i = 0; i < depth; i++) {
        const struct mri_seal_hash *other = &proof->path[i];
        bool is_on_left = is_left[depth - 1 - i];
        mri_seal_node(hasher, is_on_left ? hash : other, is_on_left ? other : hash, hash);
    }
    return true;
}

/** Follow the links behind the SEAL. Returns false when one does not continue the one before. */
static bool follow(struct mri_digest *hasher, const struct mri_proof *proof,
    struct mri_seal_hash *link, uint64_t *last_seq)
{
    size_t at = 0;
    while (at < proof->links.count) {
        const struct mri_record_head *record =
            record_in(proof->links.bytes + at, proof->links.count - at);
        struct mri_seal seal;
        if (record == NULL) {
            return false;
        }
        if (mri_seal_read(record, &seal) != MR_OK || seal.first_seq != *last_seq + 1 ||
            !mri_seal_is_equal(&seal.link, link)) {
            return false;
        }
        *last_seq = seal.last_seq;
        mri_seal_link_next(hasher, record, link);
        at += record->bytes;
    }
    return true;
}

static mr_err check_with(
    struct mri_digest *hasher, const struct mri_proof *proof, mr_problem *problem)
{
    const struct mri_record_head *record = record_in(proof->record.bytes, proof->record.count);
    const struct mri_record_head *cover = record_in(proof->seal.bytes, proof->seal.count);
    struct mri_seal seal;
    struct mri_seal_hash hash;
    bool is_record = record != NULL && record->bytes == proof->record.count &&
                     record->seq == proof->seq && mri_record_is_numbered(record) &&
                     record->type != MRI_RECORD_GAP;
    if (!is_record) {
        return mri_problem(problem, MR_REFUSED, "the record is not that of event %llu",
            (unsigned long long)proof->seq);
    }
    bool is_cover = cover != NULL && cover->bytes == proof->seal.count &&
                    mri_seal_read(cover, &seal) == MR_OK && seal.first_seq <= proof->seq &&
                    proof->seq <= seal.last_seq;
    if (!is_cover) {
        return mri_problem(problem, MR_REFUSED, "the seal does not cover event %llu",
            (unsigned long long)proof->seq);
    }
    mri_seal_leaf(hasher, record, &hash);
    bool is_rooted = climb(hasher, proof, proof->seq - seal.first_seq,
                         seal.last_seq - seal.first_seq + 1, &hash) &&
                     mri_seal_is_equal(&hash, &seal.root);
    if (!is_rooted) {
        return mri_problem(
            problem, MR_REFUSED, "the path does not lead from the record to the seal");
    }
    uint64_t last_seq = seal.last_seq;
    struct mri_seal_hash link = seal.link;
    mri_seal_link_next(hasher, cover, &link);
    bool is_head = follow(hasher, proof, &link, &last_seq) && last_seq == proof->head.seq &&
                   mri_seal_is_equal(&link, &proof->head.link);
    return is_head ? MR_OK
                   : mri_problem(
                         problem, MR_REFUSED, "the links do not lead from the seal to the head");
}

mr_err mri_proof_check(const struct mri_proof *proof, mr_problem *reterr_problem)
{
    struct mri_digest hasher = {0};
    mr_err err = mri_digest_init(&hasher);
    if (err == MR_OK) {
        err = check_with(&hasher, proof, reterr_problem);
    }
    mri_digest_fini(&hasher);
    return err;
}
