/* SPDX-License-Identifier: MIT */
/*
 * The first event that a log has.
 *
 * Invariants
 *  1. The files say it: MANIFEST may count a segment as removed that is still there.
 */
#include "log/read/retain_first.h"

#include "log/format/segment.h"

mr_err mri_retain_first(
    const struct mri_os *os, const struct mri_alloc *alloc, const char *folder, uint64_t *ret_seq)
{
    struct mri_segment_list list = {0};
    mr_err err = mri_segment_list(os, alloc, folder, &list);
    if (err == MR_OK) {
        *ret_seq = list.count == 0 ? 1 : list.base_seqs[0];
    }
    mri_segment_list_fini(&list);
    return err;
}
