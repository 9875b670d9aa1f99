/* SPDX-License-Identifier: MIT */
/**
 * An allocator for tests: it counts what is not given back, checks the sizes, and can be made to
 * fail at its n-th call.
 */
#ifndef TESTS_LIB_FAILING_ALLOC_H
#define TESTS_LIB_FAILING_ALLOC_H

#include "base/alloc.h"

struct failing_alloc {
    struct mri_alloc alloc;
    size_t live_bytes; /**< as the callers said */
    unsigned calls;    /**< that get or grow memory, so far */
    unsigned failing;  /**< the call that fails, from 1; 0: none */
    bool is_lasting;   /**< to be set by the test: every later one fails, too */
};

static inline void *failing_alloc_resize(
    void *context, void *old, size_t old_bytes, size_t new_bytes)
{
    struct failing_alloc *failing = context;
    if (new_bytes > 0) {
        unsigned call = ++failing->calls;
        bool is_later = failing->failing > 0 && call > failing->failing;
        if (call == failing->failing || (is_later && failing->is_lasting)) {
            return NULL;
        }
    }
    const struct mri_alloc *system = mri_alloc_system();
    void *block = system->resize(system->context, old, old_bytes, new_bytes);
    failing->live_bytes += block != NULL ? new_bytes : 0;
    failing->live_bytes -= old != NULL && (block != NULL || new_bytes == 0) ? old_bytes : 0;
    return block;
}

/** Start; the allocator points to `failing`, which must not move. */
static inline void failing_alloc_init(struct failing_alloc *failing, unsigned failing_call)
{
    *failing = (struct failing_alloc){
        .alloc = {.context = failing, .resize = failing_alloc_resize}, .failing = failing_call};
}

#endif
