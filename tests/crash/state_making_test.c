/* SPDX-License-Identifier: MIT */
/*
 * A process is killed while it makes the shared state anew: who emits meanwhile waits, emits, and
 * is never refused for what stands in a state half made.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api/bus_api.h"
#include "log/open/derived.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/shared_sample.h"
#include "tests/lib/temp_folder.h"

enum { HEAD_BYTES = 4096, MAKING_US = 100000, TURNS = 5 };

static char folder[MRI_TEMP_FOLDER_BYTES];
static char log_folder[MRI_PATH_BYTES_MAX];
static char symbol[MRI_SHARED_SAMPLE_SYMBOL_BYTES];

static int set_up(void **fixture)
{
    (void)fixture;
    (void)mri_temp_folder_make(folder);
    (void)snprintf(log_folder, sizeof(log_folder), "%s/log", folder);
    mri_shared_sample_make_log(log_folder, symbol);
    return 0;
}

static int tear_down(void **fixture)
{
    (void)fixture;
    mri_temp_folder_remove(folder);
    return 0;
}

/** Begin to make the state, say so, and die of it. */
static pid_t begin_maker(void)
{
    int is_making[2];
    char byte = 0;
    assert_int_equal(pipe(is_making), 0);
    pid_t maker = fork();
    assert_true(maker >= 0);
    if (maker == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        uint64_t *words;
        mr_seq last;
        mr_bus *bus = mri_shared_sample_open(log_folder);
        mr_err err = mri_derived_hold(bus->log, &words, &last);
        mri_shared_sample_expect(err, &(mr_problem){""}, "hold");
        memset(words, 0, HEAD_BYTES);
        if (write(is_making[1], &byte, 1) == 1) {
            (void)usleep(MAKING_US);
        }
        (void)raise(SIGKILL);
    }
    (void)close(is_making[1]);
    assert_int_equal(read(is_making[0], &byte, 1), 1);
    (void)close(is_making[0]);
    return maker;
}

static void emit(mr_bus *bus, const char *key)
{
    const mr_emission emission = {
        .symbol = symbol, .source = "bot", .side = MR_LONG, .confidence = 0.5, .key = key};
    mr_emitted emitted;
    mr_problem problem = {""};
    if (mr_bus_emit(bus, &emission, 1, MR_ASYNC, &emitted, &problem) != MR_OK) {
        fail_msg("%s", problem.text);
    }
    assert_false(emitted.is_repeated);
}

static void check_state(mr_bus *bus, uint64_t signals)
{
    uint64_t counts[MR_STATE_COUNT];
    mr_problem problem = {""};
    assert_int_equal(mr_bus_counts(bus, counts, &problem), MR_OK);
    assert_int_equal(counts[MR_GENERATED], signals);
    assert_int_equal(mri_bus_api_follow(bus, &problem), MR_OK);
    assert_int_equal(mri_bus_api_share(bus, &problem), MR_OK);
    if (mri_shared_state_compare(&bus->state, &bus->fold.bus, &problem) != MR_OK) {
        fail_msg("%s", problem.text);
    }
}

static void who_emits_meanwhile_is_not_refused(void **fixture)
{
    (void)fixture;
    mr_bus *bus = mri_shared_sample_open(log_folder);
    char keys[TURNS][8];
    emit(bus, NULL);
    for (unsigned i = 0; i < TURNS; i++) {
        int status;
        pid_t maker = begin_maker();
        (void)snprintf(keys[i], sizeof(keys[i]), "key-%u", i);
        emit(bus, i % 2 == 0 ? NULL : keys[i]);
        assert_int_equal(waitpid(maker, &status, 0), maker);
        assert_true(WIFSIGNALED(status));
        check_state(bus, 2 + i);
    }
    mr_bus_close(bus);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(who_emits_meanwhile_is_not_refused, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
