/* SPDX-License-Identifier: MIT */
/**
 * The life of a signal: one table, and nothing else may decide whether a move is legal.
 *
 *   generated  -> evaluating | blocked | expired          blocked  -> learned
 *   evaluating -> approved | blocked | expired            expired  -> learned
 *   approved   -> executing | blocked | expired           executed -> learned
 *   executing  -> executed | blocked                      learned: end
 *
 * executing is left only on a venue fact: a signal whose order may live does not expire.
 */
#ifndef MRI_BUS_LIFECYCLE_H
#define MRI_BUS_LIFECYCLE_H

#include "bus/event_codec.h"

/**
 * Does the table allow this move?
 *
 * Returns  true or false.
 * Threads  any.
 */
bool mri_lifecycle_allows(mr_state from, mr_state to);

/**
 * Is what a signal waits for over: is it blocked, expired, executed or learned?
 *
 * Returns  true or false.
 * Threads  any.
 */
bool mri_lifecycle_is_over(mr_state state);

/**
 * Is this a complete and legal move: allowed by the table, with an actor and a reason, and with the
 * gate that blocked when it ends in blocked or expired?
 *
 * Returns  MR_OK; MR_REFUSED.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_lifecycle_check(const struct mri_signal_moved *move);

#endif
