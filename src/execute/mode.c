/* SPDX-License-Identifier: MIT */
/*
 * Changes of the trading mode.
 *
 *   condition                       from                        to
 *   ledger mismatch                 RUN, CLOSE_ONLY             HALT
 *   wall clock stepped              RUN                         CLOSE_ONLY
 *   clocks agree                    CLOSE_ONLY by clock_step    RUN
 */
#include "execute/mode.h"

struct mri_mode_change mri_mode_next(
    const struct mri_mode_state *state, const struct mri_event *input, bool is_ledger_wrong)
{
    struct mri_mode_change stay = {.is_due = false};
    if (is_ledger_wrong && state->mode != MRI_MODE_HALT) {
        return (struct mri_mode_change){
            true, MRI_MODE_HALT, MRI_ACTOR_LEDGER, MRI_REASON_LEDGER_MISMATCH};
    }
    if (input->type != MRI_EVENT_TICK) {
        return stay;
    }
    const struct mri_tick *tick = input->body;
    if (tick->reason == MRI_REASON_CLOCK_STEP && state->mode == MRI_MODE_RUN) {
        return (struct mri_mode_change){
            true, MRI_MODE_CLOSE_ONLY, MRI_ACTOR_CLOCK, MRI_REASON_CLOCK_STEP};
    }
    bool is_by_clock = state->mode == MRI_MODE_CLOSE_ONLY && state->reason == MRI_REASON_CLOCK_STEP;
    if (tick->reason == MRI_REASON_CLOCKS_AGREE && is_by_clock) {
        return (struct mri_mode_change){
            true, MRI_MODE_RUN, MRI_ACTOR_CLOCK, MRI_REASON_CLOCKS_AGREE};
    }
    return stay;
}
