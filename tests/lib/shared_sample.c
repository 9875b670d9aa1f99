/* SPDX-License-Identifier: MIT */
/*
 * Processes that share the state of a bus.
 */
#define _GNU_SOURCE
#include "tests/lib/shared_sample.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pipeline/shared_refresh.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/engine_sample.h"

void mri_shared_sample_make_log(const char *folder, char ret_symbol[MRI_SHARED_SAMPLE_SYMBOL_BYTES])
{
    const mr_log_options options = {.is_create = true, .segment_bytes = 4 * 1024 * 1024};
    const struct mri_instrument_spec spec = mri_engine_sample_spec(0);
    const struct mri_candle candle = {.close_time_unix_ns = MRI_BAR_NS * 1000,
        .duration_ns = MRI_BAR_NS,
        .open = 100,
        .high = 100,
        .low = 100,
        .close = 100};
    const struct mri_bus_limits limits = {
        .slots = {.signals_max = 1000, .symbols_max = 8, .sources_max = 64}, .names_max = 64};
    const struct mri_draft draft = {.type = MRI_EVENT_CANDLE, .fixed = &candle};
    struct mri_bus bus;
    struct mri_batch batch;
    mr_log *log;
    mr_problem problem;
    if (mri_shared_state_open_log(
            mri_os_linux(), mri_alloc_system(), folder, &options, &log, &problem) != MR_OK) {
        fail_msg("%s", problem.text);
    }
    assert_int_equal(mri_bus_init(&bus, mri_alloc_system(), &limits, log), MR_OK);
    assert_int_equal(mri_batch_init(&batch, mri_alloc_system(), 4, 65536), MR_OK);
    mri_bus_begin(&bus, &batch);
    assert_int_equal(mri_instrument_draft(&batch, &spec, 0), MR_OK);
    assert_int_equal(mri_batch_add(&batch, &draft, 0), MR_OK);
    assert_int_equal(mri_bus_append(&bus, &batch, MR_GROUP, NULL, NULL), MR_OK);
    mri_batch_fini(&batch);
    mri_bus_fini(&bus);
    mr_log_close(log);
    (void)snprintf(ret_symbol, MRI_SHARED_SAMPLE_SYMBOL_BYTES, "%s", spec.symbol);
}

mr_bus *mri_shared_sample_open(const char *folder)
{
    mr_bus *bus = NULL;
    mr_problem problem = {""};
    mr_err err = mr_bus_open(folder, &bus, &problem);
    mri_shared_sample_expect(err, &problem, "open");
    return bus;
}

void mri_shared_sample_expect(mr_err err, const mr_problem *problem, const char *what)
{
    if (err != MR_OK) {
        (void)fprintf(stderr, "%s: %s: %s\n", what, mr_err_name(err), problem->text);
        _exit(4);
    }
}

void *mri_shared_sample_memory(size_t bytes)
{
    void *block = mmap(
        NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    assert_ptr_not_equal(block, MAP_FAILED);
    return block;
}

pid_t mri_shared_sample_begin(
    void (*job)(unsigned which, uint64_t seed), unsigned which, uint64_t seed)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        job(which, seed);
        _exit(0);
    }
    return child;
}

pid_t mri_shared_sample_begin_keeper(const char *folder)
{
    int is_open[2];
    char byte = 0;
    assert_int_equal(pipe(is_open), 0);
    pid_t keeper = fork();
    assert_true(keeper >= 0);
    if (keeper == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        mr_bus *bus = mri_shared_sample_open(folder);
        if (write(is_open[1], &byte, 1) != 1) {
            _exit(3);
        }
        (void)close(is_open[0]);
        (void)close(is_open[1]);
        while (bus != NULL) { /* with its handle, until it is killed */
            (void)pause();
        }
    }
    (void)close(is_open[1]);
    if (read(is_open[0], &byte, 1) != 1) {
        fail_msg("the keeper has not opened %s", folder);
    }
    (void)close(is_open[0]);
    return keeper;
}

void mri_shared_sample_end_keeper(pid_t keeper)
{
    int status;
    assert_int_equal(kill(keeper, SIGKILL), 0);
    assert_int_equal(waitpid(keeper, &status, 0), keeper);
    assert_true(WIFSIGNALED(status));
}

static size_t place_of(const pid_t *children, size_t count, pid_t child)
{
    size_t i = 0;
    while (i < count && children[i] != child) {
        i++;
    }
    return i;
}

void mri_shared_sample_end(pid_t *children, size_t count)
{
    size_t left = 0;
    int failed = 0;
    for (size_t i = 0; i < count; i++) {
        left += children[i] > 0;
    }
    while (left > 0) {
        int status;
        pid_t child = waitpid(-1, &status, 0);
        size_t at = place_of(children, count, child);
        assert_true(child > 0);
        if (at < count) {
            children[at] = 0;
            left--;
        }
        if (failed == 0 && status != 0) {
            failed = status;
            for (size_t i = 0; i < count; i++) { /* they may wait for it */
                if (children[i] > 0) {
                    (void)kill(children[i], SIGKILL);
                }
            }
        }
    }
    if (failed != 0) {
        fail_msg("a child ended by %s %d", WIFEXITED(failed) ? "exit" : "signal",
            WIFEXITED(failed) ? WEXITSTATUS(failed) : WTERMSIG(failed));
    }
}

void mri_shared_sample_check(mr_bus *bus, const char *folder, struct mri_fold *ret_fold)
{
    const struct mri_fold_options options = {.os = mri_os_linux(),
        .alloc = mri_alloc_system(),
        .folder = folder,
        .is_from_start = true,
        .is_market_only = true};
    mr_problem problem = {""};
    if (mri_fold_init(ret_fold, &options, &problem) != MR_OK || ret_fold->damage != MR_OK) {
        fail_msg("fold: %s%s", problem.text, ret_fold->damage_problem.text);
    }
    /* As the appends left it: a state that is behind would be made anew, and be no proof. */
    uint32_t version;
    assert_int_equal(mri_shared_state_of(bus->log, &bus->state), MR_OK);
    assert_int_equal(mri_derived_look(bus->log, &version), MR_OK);
    assert_int_equal(mri_bus_api_share(bus, &problem), MR_OK);
    if (mri_shared_state_compare(&bus->state, &ret_fold->bus, &problem) != MR_OK) {
        fail_msg("%s", problem.text);
    }
}
