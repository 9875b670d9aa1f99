/* SPDX-License-Identifier: MIT */
/**
 * What an engine is: two functions over a state, and a way to save it.
 *
 *   decide(const state, input, batch)   drafts outputs; changes nothing
 *   apply(state, event)                 the only way a state changes: inputs and outputs alike
 *
 * The pipeline takes one input, lets the engines decide in a fixed order, and applies every output
 * to every engine before the next one decides. So the state is a function of the events, and a
 * replay that decides again from the same inputs gets the same outputs, bit for bit.
 */
#ifndef MRI_BUS_ENGINE_H
#define MRI_BUS_ENGINE_H

#include "base/buf.h"
#include "base/unpack.h"
#include "bus/batch.h"

struct mri_engine {
    const char *name;

    /**
     * Draft what follows from an input that was applied already.
     *
     * Returns  MR_OK; MR_AGAIN there is more: call again when the outputs so far are applied;
     * faults.
     */
    mr_err (*decide)(const void *state, const struct mri_event *input, struct mri_batch *batch);

    /**
     * Take an event into the state. Events of no interest are ignored.
     *
     * Returns  MR_OK; MR_ECORRUPT the event contradicts the state; MR_ENOMEM, MR_FULL.
     */
    mr_err (*apply)(void *state, const struct mri_event *event);

    /** Append the state to a snapshot; see buf->err. */
    void (*save)(const void *state, struct mri_buf *buf);

    /**
     * Take the state back; the engine was initialised with the same limits.
     *
     * Returns  MR_OK; MR_ECORRUPT.
     */
    mr_err (*load)(void *state, struct mri_unpack *unpack);
};

#endif
