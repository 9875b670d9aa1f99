/* SPDX-License-Identifier: MIT */
/**
 * The lives of all signals as a log tells them, and the laws that every life keeps. Reads nothing
 * but events: no table of the bus or of an engine.
 */
#ifndef TESTS_LIB_LIVES_H
#define TESTS_LIB_LIVES_H

#include "tests/lib/story.h"

/** One signal. A seq of 0: it did not happen. */
struct mri_life {
    uint64_t state_seqs[MR_STATE_COUNT]; /**< when it came into a state */
    mr_state state;
    enum mri_gate gate;     /**< of the move to blocked or expired */
    enum mri_reason reason; /**< of that move */
    int64_t time_unix_ns;   /**< of its emission */
    uint64_t view_seq;      /**< that it was decided on */
    uint64_t decision_seq;
    unsigned outcome_count;
    enum mri_outcome_status statuses[MR_HORIZON_COUNT];
    enum mri_reason outcome_reasons[MR_HORIZON_COUNT];
    uint64_t outcome_seqs[MR_HORIZON_COUNT];
    uint64_t intent_seqs[MRI_LEG_COUNT];
    uint64_t sent_seqs[MRI_LEG_COUNT];
    uint64_t ended_seqs[MRI_LEG_COUNT]; /**< filled, rejected or cancelled */
    bool is_filled[MRI_LEG_COUNT];
    uint64_t opened_seq;
    uint64_t closed_seq;
    enum mri_reason exit_reason;
    int64_t fill_price; /**< of the entry */
    int64_t exit_price;
    int64_t net_e8;
};

struct mri_lives {
    struct mri_life *items; /**< by ordinal, from 1 */
    uint32_t count;
    uint32_t capacity;
};

/**
 * Read a log, and check while reading: every move is one of the lifecycle's and starts from the
 * state before it, moved by its owner, with a gate and a reason where it must have them; no
 * horizon is told twice, or out of order; an order is sent after its intent, the intent after the
 * approval; `learned` comes last, when every horizon is told.
 *
 * Returns  nothing; it ends the test when a law is broken.
 * Owner    mri_lives_fini() frees.
 * Threads  one at a time.
 */
void mri_lives_read(struct mri_lives *lives, const struct mri_story *story);

/**
 * Free.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_lives_fini(struct mri_lives *lives);

/**
 * A signal by its ordinal.
 *
 * Returns  its life; it ends the test when there is none.
 * Owner    the lives.
 * Threads  one at a time.
 */
const struct mri_life *mri_lives_get(const struct mri_lives *lives, uint32_t ordinal);

/**
 * Check that every signal has ended: learned, with something told about each horizon.
 *
 * Returns  nothing; it ends the test when one has not.
 * Threads  one at a time.
 */
void mri_lives_check_ended(const struct mri_lives *lives);

/**
 * Read the log of a story, check that every signal has ended, and forget it.
 *
 * Returns  nothing; it ends the test when a law is broken.
 * Threads  one at a time.
 */
void mri_lives_check(const struct mri_story *story);

#endif
