/* SPDX-License-Identifier: MIT */
/**
 * A handle's own copy of what numbers mean in the shared state of the bus: symbols, sources, names.
 * They are only added to, so a number that was copied once stays; but a provisional symbol may get
 * its instrument.
 */
#ifndef MRI_API_MIRROR_H
#define MRI_API_MIRROR_H

#include "bus/shared_state.h"
#include "market/instruments.h"

struct mri_mirror {
    const struct mri_alloc *alloc;
    struct mri_instruments instruments;
    struct mri_intern sources;
    struct mri_intern names;
};

/**
 * Make an empty mirror.
 *
 * Returns  MR_OK; MR_ENOMEM.
 * Owner    mri_mirror_fini() frees.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_mirror_init(struct mri_mirror *mirror, const struct mri_alloc *alloc);

/**
 * Free. NULL and zeroed are allowed.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_mirror_fini(struct mri_mirror *mirror);

/**
 * Is there nothing new to copy?
 *
 * Returns  true or false.
 * Threads  one at a time per mirror.
 */
bool mri_mirror_is_current(const struct mri_mirror *mirror, const struct mri_shared_state *state);

/**
 * Copy what is new.
 *
 * Returns  MR_OK; MR_AGAIN the state lacks something that is in the log; MR_BUSY as
 *          mri_derived_look(); MR_ECORRUPT what is there is no text or no instrument; MR_ENOMEM.
 * Threads  one at a time per mirror.
 * Cost     three loads when there is nothing.
 */
MR_MUST_USE mr_err mri_mirror_follow(
    struct mri_mirror *mirror, const mr_log *log, const struct mri_shared_state *state);

#endif
