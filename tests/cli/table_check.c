/* SPDX-License-Identifier: MIT */
/*
 * Compares the table that processes share with one made anew from the log, byte for byte.
 *
 *   table_check FOLDER...
 *
 * A folder is one line: "same N", "none" (no process has the log open, or it has no table),
 * "behind" (it will be made anew, or others append all the time), "unread" (the log cannot be
 * opened), or "different WHAT". Ends with 1 if one was different.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "api/bus_api.h"
#include "log/open/figures.h"
#include "pipeline/shared_refresh.h"

enum { ATTEMPTS = 50, PAUSE_NS = 2000000 };

static mr_err compare_once(struct mri_fold *fold, mr_bus *bus, mr_problem *problem)
{
    mr_err err = mri_fold_follow(fold, problem);
    return err == MR_OK ? mri_shared_refresh_check(fold, bus->log, problem) : err;
}

static mr_err compare(struct mri_fold *fold, mr_bus *bus, mr_problem *problem)
{
    const struct timespec pause = {.tv_nsec = PAUSE_NS};
    mr_err err = MR_AGAIN;
    for (unsigned i = 0; i < ATTEMPTS && err == MR_AGAIN; i++) { /* others may append */
        err = compare_once(fold, bus, problem);
        if (err == MR_AGAIN) {
            (void)nanosleep(&pause, NULL);
        }
    }
    return err;
}

/** Say what was found; false: a difference. */
static bool say(const char *folder, mr_err err, const mr_problem *problem, uint64_t last_seq)
{
    if (err == MR_OK) {
        (void)printf("%s: same %llu\n", folder, (unsigned long long)last_seq);
    } else if (err == MR_ECORRUPT) {
        (void)printf("%s: different %s\n", folder, problem->text);
    } else {
        (void)printf("%s: %s\n", folder, err == MR_NOT_FOUND ? "none" : "behind");
    }
    return err != MR_ECORRUPT;
}

static bool check(const char *folder)
{
    static struct mri_fold fold;
    const struct mri_fold_options options = {.os = mri_os_linux(),
        .alloc = mri_alloc_system(),
        .folder = folder,
        .is_market_only = true};
    mr_log_memory memory;
    mr_bus *bus = NULL;
    mr_problem problem = {""};
    bool is_good = true;
    if (mri_figures_memory(options.os, folder, &memory, &problem) != MR_OK || !memory.is_there) {
        (void)printf("%s: none\n", folder);
        return true;
    }
    mr_err err = mr_bus_open(folder, &bus, &problem);
    if (err == MR_OK) {
        err = mri_fold_init(&fold, &options, &problem);
        err = err == MR_OK ? fold.damage : err;
    }
    if (err == MR_OK) {
        err = compare(&fold, bus, &problem);
        is_good = say(folder, err, &problem, fold.bus.last_seq);
    } else {
        (void)printf("%s: unread %s\n", folder, problem.text);
    }
    mri_fold_fini(&fold);
    mr_bus_close(bus);
    return is_good;
}

int main(int count, char **words)
{
    bool is_good = true;
    for (int i = 1; i < count; i++) {
        is_good = check(words[i]) && is_good;
    }
    return is_good ? 0 : 1;
}
