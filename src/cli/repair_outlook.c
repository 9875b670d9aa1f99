/* SPDX-License-Identifier: MIT */
/*
 * The outlook of a repair.
 *
 * Invariants
 *  1. A snapshot that cannot be read is none: who relies on it loses the log.
 */
#include "cli/repair_outlook.h"

#include <string.h>

#include "log/open/snapshot.h"

/** As many as a fold takes. */
#define PAYLOAD_BYTES_MAX ((size_t)16 * 1024 * 1024 * 1024)

mr_err mri_repair_outlook_snapshot(
    const struct mri_cli *cli, const char *folder, uint64_t seq, uint64_t *ret_seq)
{
    struct mri_snapshot_list list;
    struct mri_buf payload;
    mr_err err = mri_snapshot_list(cli->os, folder, &list);
    *ret_seq = 0;
    mri_buf_init(&payload, cli->alloc, PAYLOAD_BYTES_MAX);
    for (uint32_t i = 0; err == MR_OK && i < list.count && list.seqs[i] > seq; i++) {
        if (mri_snapshot_check(cli->os, folder, list.seqs[i], &payload) == MR_OK) {
            *ret_seq = list.seqs[i];
            break;
        }
    }
    mri_buf_fini(&payload);
    return err;
}

const char *mri_repair_outlook_before(mr_err err, const char *fault)
{
    /* An archive is no file that is mended in its place: its segment comes back as a plain one. */
    return err == MR_ECORRUPT && strstr(fault, ".log.zst") != NULL
               ? "move that archive away, then log repair --restore COPY takes its segment from a "
                 "copy"
               : NULL;
}
