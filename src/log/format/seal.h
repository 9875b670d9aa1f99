/* SPDX-License-Identifier: MIT */
/**
 * Seals: what makes a changed past show.
 *
 * Events are the leaves of a Merkle tree of SHA-256; a SEAL record holds its root and a link to all
 * that came before. The *link* behind a SEAL is one digest that the whole log up to there follows
 * from. Somebody who can rewrite the file can compute all of it anew: it proves something only
 * against a link that was signed, or kept where he cannot write.
 *
 * docs/FORMAT.md "Seals" is the same in words.
 */
#ifndef MRI_LOG_FORMAT_SEAL_H
#define MRI_LOG_FORMAT_SEAL_H

#include "log/format/record.h"
#include "millrace/log_read.h"
#include "os/digest.h"

enum {
    MRI_SEAL_EVENTS_MAX = 1024, /**< a batch of more events has a seal of its own */
    MRI_SEAL_DEPTH_MAX = 32,    /**< hashes of the longest path: a batch of 2^32 events */
};

/** A SHA-256. */
struct mri_seal_hash {
    uint8_t bytes[MRI_DIGEST_BYTES];
};

/** Body of MRI_RECORD_SEAL. */
struct mri_seal {
    uint64_t first_seq;        /**< of the events it covers: behind those of the SEAL before */
    uint64_t last_seq;         /**< below the SEAL's own: events may come while one is made */
    uint64_t next_position;    /**< behind the last of them, in its segment */
    struct mri_seal_hash root; /**< of the Merkle tree over these events */
    struct mri_seal_hash link; /**< behind the SEAL before */
};

MRI_STATIC_ASSERT(sizeof(struct mri_seal) == 88, "the body is a file format");

/** A link and how far it reaches: what is signed, published, and compared. */
struct mri_seal_head {
    uint64_t seq; /**< last_seq of the SEAL */
    struct mri_seal_hash link;
};

/** Where sealing stands. Plain data: it may be copied, and lie in shared memory. */
struct mri_seal_state {
    struct mri_seal_hash link; /**< behind the newest SEAL */
    uint64_t next_seq;         /**< of the first event that no SEAL covers */
    uint64_t next_position;    /**< behind the last event that one covers */
};

/** A Merkle tree that grows to the right, in the memory of one path. */
struct mri_seal_tree {
    struct mri_digest *hasher;
    uint64_t count;                                    /**< leaves so far */
    struct mri_seal_hash subtrees[MRI_SEAL_DEPTH_MAX]; /**< one for each bit of count that is 1 */
};

/**
 * The hash of a record as a leaf: SHA-256 of a byte 0 and the record without its padding.
 *
 * @param hasher  any state; it is used anew
 *
 * Returns  nothing.
 * Threads  one at a time per hasher.
 */
void mri_seal_leaf(struct mri_digest *hasher, const struct mri_record_head *record,
    struct mri_seal_hash *ret_hash);

/**
 * The hash of a node: SHA-256 of a byte 1 and the hashes of its children.
 *
 * Returns  nothing; ret_hash may be one of the children.
 * Threads  one at a time per hasher.
 */
void mri_seal_node(struct mri_digest *hasher, const struct mri_seal_hash *left,
    const struct mri_seal_hash *right, struct mri_seal_hash *ret_hash);

/**
 * The link of a log with nothing in it: SHA-256 of a byte 2 and its id.
 *
 * Returns  nothing.
 * Threads  one at a time per hasher.
 */
void mri_seal_link_first(
    struct mri_digest *hasher, const uint8_t log_uuid[static 16], struct mri_seal_hash *ret_link);

/**
 * The link behind a SEAL: SHA-256 of a byte 3, the link before it, and the record without
 * its padding.
 *
 * @param link  before the record; replaced by the one behind it
 *
 * Returns  nothing.
 * Threads  one at a time per hasher.
 */
void mri_seal_link_next(
    struct mri_digest *hasher, const struct mri_record_head *record, struct mri_seal_hash *link);

/**
 * Begin a tree without leaves.
 *
 * Returns  nothing.
 * Owner    the hasher is borrowed as long as the tree is used.
 * Threads  one at a time.
 */
void mri_seal_tree_begin(struct mri_seal_tree *tree, struct mri_digest *hasher);

/**
 * Add a leaf on the right.
 *
 * Returns  nothing.
 * Threads  one at a time.
 * Cost     one node on average.
 */
void mri_seal_tree_add(struct mri_seal_tree *tree, const struct mri_seal_hash *leaf);

/**
 * The root over the leaves so far; there must be one.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_seal_tree_root(const struct mri_seal_tree *tree, struct mri_seal_hash *ret_root);

/**
 * Take a SEAL's body out of its record.
 *
 * Returns  MR_OK; MR_ECORRUPT it is no SEAL such as a writer makes.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_seal_read(const struct mri_record_head *record, struct mri_seal *ret_seal);

/**
 * The state of a log without a SEAL.
 *
 * Returns  nothing.
 * Threads  one at a time per hasher.
 */
void mri_sealer_first(
    struct mri_digest *hasher, const uint8_t log_uuid[static 16], struct mri_seal_state *ret_state);

/**
 * Advance over a SEAL that was appended. One such as no writer makes counts as if it covered all
 * before it: what it says is for a verification to judge.
 *
 * Returns  nothing.
 * Threads  one at a time per hasher.
 */
void mri_sealer_next(struct mri_digest *hasher, const struct mri_record_head *seal_record,
    struct mri_seal_state *state);

/**
 * Are two hashes equal?
 *
 * Returns  true or false.
 * Threads  any.
 */
bool mri_seal_is_equal(const struct mri_seal_hash *a, const struct mri_seal_hash *b);

#endif
