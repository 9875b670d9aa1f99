/* SPDX-License-Identifier: MIT */
/*
 * Walking a log with its seals, from the first record to the last.
 */
#include "cli/seal_check.h"

#include "cli/describe.h"
#include "log/prove/seal_walk.h"

static mr_err walk_to_end(struct mri_seal_walk *walk, struct mri_seal_heads *const *lists,
    size_t count, mr_problem *problem)
{
    mr_err err = MR_OK;
    while (err == MR_OK) {
        err = mri_seal_walk_next(walk, problem);
        for (size_t i = 0; err == MR_OK && walk->is_seal && i < count; i++) {
            err = mri_seal_heads_meet(lists[i], walk->first_seq, &walk->head, problem);
        }
    }
    err = err == MR_END ? MR_OK : err;
    for (size_t i = 0; err == MR_OK && i < count; i++) {
        err = mri_seal_heads_end(lists[i], problem);
    }
    return err;
}

enum mri_exit mri_seal_check(const struct mri_cli *cli, const char *folder,
    struct mri_seal_heads *const *lists, size_t count, struct mri_seal_findings *ret_findings)
{
    struct mri_seal_walk walk;
    mr_problem problem = {""};
    mr_err err = mri_seal_walk_init(&walk, cli->os, cli->alloc, folder, &problem);
    if (err != MR_OK) {
        return mri_cli_fail(cli, mri_cli_exit_of(err), "%s", problem.text);
    }
    err = walk_to_end(&walk, lists, count, &problem);
    *ret_findings = (struct mri_seal_findings){
        .head = walk.head,
        .proven_count = walk.proven_count,
        .unproven_count = walk.unproven_count,
        .unproven_seal_count = walk.unproven_seal_count,
    };
    mri_seal_walk_fini(&walk);
    return err == MR_OK ? MRI_EXIT_OK
                        : mri_cli_fail(cli, err == MR_REFUSED ? MRI_EXIT_NO : mri_cli_exit_of(err),
                              "%s: %s", folder, problem.text);
}
