/* SPDX-License-Identifier: MIT */
/**
 * The trading mode: RUN, CLOSE_ONLY (exits only), HALT (nothing).
 *
 * It changes by events alone. A clock that jumped sets CLOSE_ONLY until clocks agree again; books
 * that do not add up set HALT, which only an operator clears. Nothing that is missing or stale ever
 * relaxes it.
 */
#ifndef MRI_EXECUTE_MODE_H
#define MRI_EXECUTE_MODE_H

#include "bus/event_codec.h"

/** The mode and why it is in force. */
struct mri_mode_state {
    uint8_t mode; /**< enum mri_mode */
    uint8_t reserved;
    uint16_t reason; /**< enum mri_reason of the newest change; none at the start */
};

/** A change that is due. */
struct mri_mode_change {
    bool is_due;
    enum mri_mode to;
    enum mri_actor actor;
    enum mri_reason reason;
};

/**
 * Which change follows from an input and the books?
 *
 * @param is_ledger_wrong  the books did not add up at some close
 *
 * Returns  the change; is_due false when the mode stays.
 * Threads  any.
 */
struct mri_mode_change mri_mode_next(
    const struct mri_mode_state *state, const struct mri_event *input, bool is_ledger_wrong);

#endif
