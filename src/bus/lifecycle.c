/* SPDX-License-Identifier: MIT */
/*
 * The lifecycle table.
 *
 * Invariants
 *  1. Every state leads to learned, and learned leads nowhere (a test walks the table).
 *  2. There is no other copy of this table; the diagram in docs/LIFECYCLE.md is drawn from it.
 */
#include "bus/lifecycle.h"

#define TO(state) (1u << (state))

static const uint8_t successors[MR_STATE_COUNT] = {
    [MR_GENERATED] = TO(MR_EVALUATING) | TO(MR_BLOCKED) | TO(MR_EXPIRED),
    [MR_EVALUATING] = TO(MR_APPROVED) | TO(MR_BLOCKED) | TO(MR_EXPIRED),
    [MR_APPROVED] = TO(MR_EXECUTING) | TO(MR_BLOCKED) | TO(MR_EXPIRED),
    [MR_EXECUTING] = TO(MR_EXECUTED) | TO(MR_BLOCKED),
    [MR_EXECUTED] = TO(MR_LEARNED),
    [MR_BLOCKED] = TO(MR_LEARNED),
    [MR_EXPIRED] = TO(MR_LEARNED),
    [MR_LEARNED] = 0,
};

bool mri_lifecycle_allows(mr_state from, mr_state to)
{
    if ((unsigned)from >= MR_STATE_COUNT || (unsigned)to >= MR_STATE_COUNT) {
        return false;
    }
    return (successors[from] & TO(to)) != 0;
}

bool mri_lifecycle_is_over(mr_state state)
{
    return state == MR_BLOCKED || state == MR_EXPIRED || state == MR_EXECUTED ||
           state == MR_LEARNED;
}

mr_err mri_lifecycle_check(const struct mri_signal_moved *move)
{
    bool needs_gate = move->to == MR_BLOCKED || move->to == MR_EXPIRED;
    bool is_complete = move->actor != MRI_ACTOR_NONE && move->reason != MRI_REASON_NONE &&
                       (!needs_gate || move->gate != MRI_GATE_NONE);
    return is_complete && mri_lifecycle_allows(move->from, move->to) ? MR_OK : MR_REFUSED;
}
