/* SPDX-License-Identifier: MIT */
/*
 * The hashes of seals, and where sealing stands.
 *
 *              root                      events e1 .. e5 between two SEALs; the tree is that of
 *           /        \                   RFC 6962: the left side has the largest power of two
 *        n            |                  leaves that leaves something for the right one
 *      /    \         |
 *    n       n        |      link behind a SEAL = H(3, link before it, SEAL)
 *   / \     / \       |      SEAL = (first_seq, last_seq, root, link before it)
 *  e1  e2  e3  e4    e5
 *
 * Invariants
 *  1. Leaves, nodes and links begin with different bytes, so none can pass for another.
 *  2. An event is a leaf of exactly one tree, a GAP of each that covers one of its events. What has
 *     no seq of its own is a leaf of none. So a leaf's place in its tree is its seq minus
 * first_seq, unless there is a GAP.
 *  3. A tree's subtrees are those of the bits of its count: bit i stands for 2^i leaves.
 *
 * Not here: making seals (sealer.c), when to seal (sealing.c), checking a log (seal_walk.c), proofs
 * (proof.c).
 */
#include "log/format/seal.h"

#include <string.h>

#include "log/format/segment.h"

enum { TAG_LEAF = 0, TAG_NODE = 1, TAG_FIRST = 2, TAG_LINK = 3 };

static void begin(struct mri_digest *hasher, uint8_t tag)
{
    mri_digest_restart(hasher);
    mri_digest_add(hasher, &tag, 1);
}

void mri_seal_leaf(
    struct mri_digest *hasher, const struct mri_record_head *record, struct mri_seal_hash *ret_hash)
{
    begin(hasher, TAG_LEAF);
    mri_digest_add(hasher, record, record->bytes);
    mri_digest_bytes(hasher, ret_hash->bytes);
}

void mri_seal_node(struct mri_digest *hasher, const struct mri_seal_hash *left,
    const struct mri_seal_hash *right, struct mri_seal_hash *ret_hash)
{
    uint8_t bytes[1 + 2 * MRI_DIGEST_BYTES] = {TAG_NODE};
    memcpy(bytes + 1, left->bytes, MRI_DIGEST_BYTES);
    memcpy(bytes + 1 + MRI_DIGEST_BYTES, right->bytes, MRI_DIGEST_BYTES);
    mri_digest_restart(hasher);
    mri_digest_add(hasher, bytes, sizeof(bytes));
    mri_digest_bytes(hasher, ret_hash->bytes);
}

void mri_seal_link_first(
    struct mri_digest *hasher, const uint8_t log_uuid[static 16], struct mri_seal_hash *ret_link)
{
    begin(hasher, TAG_FIRST);
    mri_digest_add(hasher, log_uuid, 16);
    mri_digest_bytes(hasher, ret_link->bytes);
}

void mri_seal_link_next(
    struct mri_digest *hasher, const struct mri_record_head *record, struct mri_seal_hash *link)
{
    begin(hasher, TAG_LINK);
    mri_digest_add(hasher, link->bytes, MRI_DIGEST_BYTES);
    mri_digest_add(hasher, record, record->bytes);
    mri_digest_bytes(hasher, link->bytes);
}

void mri_seal_tree_begin(struct mri_seal_tree *tree, struct mri_digest *hasher)
{
    tree->hasher = hasher;
    tree->count = 0;
}

void mri_seal_tree_add(struct mri_seal_tree *tree, const struct mri_seal_hash *leaf)
{
    struct mri_seal_hash hash = *leaf;
    unsigned level = 0;
    MRI_ASSERT(tree->count + 1 < (uint64_t)1 << MRI_SEAL_DEPTH_MAX);
    for (uint64_t bits = tree->count; (bits & 1) != 0; bits >>= 1) {
        mri_seal_node(tree->hasher, &tree->subtrees[level], &hash, &hash);
        level++;
    }
    tree->subtrees[level] = hash;
    tree->count++;
}

void mri_seal_tree_root(const struct mri_seal_tree *tree, struct mri_seal_hash *ret_root)
{
    bool has_right = false;
    MRI_ASSERT(tree->count > 0);
    for (unsigned level = 0; tree->count >> level != 0; level++) {
        if ((tree->count >> level & 1) == 0) {
            continue;
        }
        if (has_right) {
            mri_seal_node(tree->hasher, &tree->subtrees[level], ret_root, ret_root);
        } else {
            *ret_root = tree->subtrees[level];
            has_right = true;
        }
    }
}

mr_err mri_seal_read(const struct mri_record_head *record, struct mri_seal *ret_seal)
{
    struct mri_seal seal;
    if (record->type != MRI_RECORD_SEAL || record->version != MRI_RECORD_VERSION ||
        record->bytes != sizeof(*record) + sizeof(seal)) {
        return MR_ECORRUPT;
    }
    memcpy(&seal, record + 1, sizeof(seal));
    bool is_sound = seal.first_seq > 0 && seal.first_seq <= seal.last_seq &&
                    seal.last_seq - seal.first_seq < UINT32_MAX - 1 && seal.last_seq < record->seq;
    if (!is_sound) {
        return MR_ECORRUPT;
    }
    *ret_seal = seal;
    return MR_OK;
}

void mri_sealer_first(
    struct mri_digest *hasher, const uint8_t log_uuid[static 16], struct mri_seal_state *ret_state)
{
    *ret_state = (struct mri_seal_state){.next_seq = 1, .next_position = MRI_SEGMENT_PAGE_BYTES};
    mri_seal_link_first(hasher, log_uuid, &ret_state->link);
}

void mri_sealer_next(struct mri_digest *hasher, const struct mri_record_head *seal_record,
    struct mri_seal_state *state)
{
    struct mri_seal seal;
    if (mri_seal_read(seal_record, &seal) == MR_OK) {
        state->link = seal.link; /* equal, but behind a gap */
        state->next_seq = seal.last_seq + 1;
        state->next_position = seal.next_position;
    } else {
        state->next_seq = seal_record->seq;
        state->next_position = UINT64_MAX; /* not known */
    }
    mri_seal_link_next(hasher, seal_record, &state->link);
}

bool mri_seal_is_equal(const struct mri_seal_hash *a, const struct mri_seal_hash *b)
{
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}
