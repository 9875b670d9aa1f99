/* SPDX-License-Identifier: MIT */
/*
 * Proofs.
 *
 *   record -> leaf --path--> root in SEAL -> link --SEALs and ROLLs--> link of the head
 *
 * Invariants
 *  1. A leaf's place in its tree is its seq minus first_seq, so a path says nothing about sides:
 *     they follow from the SEAL.
 *  2. Whatever bit of a proof is changed, some hash on the way to the head is another.
 */
#include "log/proof.h"

#include <string.h>

#include "base/problem.h"
#include "log/seal_walk.h"

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

/** The root over some of the leaves. */
static void root_over(struct mri_digest *hasher, const struct mri_seal_leaf *leaves, uint64_t count,
    struct mri_seal_hash *ret_root)
{
    struct mri_seal_tree tree;
    mri_seal_tree_begin(&tree, hasher);
    for (uint64_t i = 0; i < count; i++) {
        mri_seal_tree_add(&tree, &leaves[i].hash);
    }
    mri_seal_tree_root(&tree, ret_root);
}

/** From the root down: at each level the hash of the side on which the leaf is not. */
static void fill_path(struct mri_seal_walk *walk, uint64_t index, struct mri_proof *proof)
{
    struct mri_seal_hash down[MRI_SEAL_DEPTH_MAX];
    const struct mri_seal_leaf *leaves = walk->covered;
    uint64_t count = walk->covered_count;
    uint32_t depth = 0;
    while (count > 1) {
        uint64_t left = left_of(count);
        if (index < left) {
            root_over(&walk->hasher, leaves + left, count - left, &down[depth++]);
            count = left;
        } else {
            root_over(&walk->hasher, leaves, left, &down[depth++]);
            leaves += left;
            index -= left;
            count -= left;
        }
    }
    for (uint32_t i = 0; i < depth; i++) {
        proof->path[i] = down[depth - 1 - i];
    }
    proof->path_count = depth;
}

/** The SEAL just read covers the event: keep both and the way between them. */
static mr_err take_cover(struct mri_seal_walk *walk, struct mri_proof *proof, mr_problem *problem)
{
    uint64_t first = walk->covered[0].seq;
    bool is_dense = walk->covered[walk->covered_count - 1].seq - first + 1 == walk->covered_count;
    if (!walk->is_proven || !is_dense || proof->record.count == 0) {
        return mri_problem(problem, MR_REFUSED,
            "event %llu is sealed together with lost events: there is no proof of it",
            (unsigned long long)proof->seq);
    }
    fill_path(walk, proof->seq - first, proof);
    mri_buf_put(&proof->seal, walk->record, walk->record->bytes);
    return proof->seal.err;
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
        if (is_found && !mri_record_is_numbered(record) && record->type != MRI_RECORD_GAP) {
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
    bool is_seal = true;
    while (at < proof->links.count) {
        const struct mri_record_head *record =
            record_in(proof->links.bytes + at, proof->links.count - at);
        struct mri_seal seal;
        if (record == NULL) {
            return false;
        }
        is_seal = record->type == MRI_RECORD_SEAL;
        if (is_seal && (mri_seal_read(record, &seal) != MR_OK || seal.first_seq != *last_seq + 1 ||
                           !mri_seal_is_equal(&seal.link, link))) {
            return false;
        }
        if (!is_seal && (record->type != MRI_RECORD_ROLL || record->bytes != sizeof(*record))) {
            return false;
        }
        *last_seq = is_seal ? seal.last_seq : *last_seq;
        mri_seal_link_next(hasher, record, link);
        at += record->bytes;
    }
    return is_seal;
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
