/* SPDX-License-Identifier: MIT */
/*
 * A process is killed while it makes the shared state anew: who emits meanwhile waits, emits, and
 * is never refused for what stands in a state half made; who asks is told nothing of it.
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
#include "millrace/execution.h"
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

/* ---- asking ---------------------------------------------------------------------------------- */

enum { SIGNALS = 3 };

/** What a handle has been told of the log, which does not change. */
struct told {
    int64_t event_time_unix_ns;
    uint64_t counts[MR_STATE_COUNT];
    mr_ordinal young[SIGNALS + 1];
    uint32_t young_count;
    char id[MR_BUS_ID_BYTES];
    mr_signal signal;
    uint64_t health_signals;
    uint32_t symbols;
};

static void ask_time(mr_bus *bus, struct told *told)
{
    assert_int_equal(mr_bus_event_time(bus, &told->event_time_unix_ns, NULL), MR_OK);
}

static void ask_counts(mr_bus *bus, struct told *told)
{
    assert_int_equal(mr_bus_counts(bus, told->counts, NULL), MR_OK);
}

static void ask_young(mr_bus *bus, struct told *told)
{
    mr_bus_page page = {.ordinals = told->young, .room = SIGNALS + 1};
    mr_problem problem = {""};
    if (mr_bus_query(bus, "age<1h", &page, &problem) != MR_OK) {
        fail_msg("%s", problem.text);
    }
    told->young_count = page.count;
}

static void ask_id(mr_bus *bus, struct told *told)
{
    mr_ordinal found;
    assert_int_equal(mr_bus_id(bus, (mr_ordinal){2}, told->id), MR_OK);
    assert_int_equal(mr_bus_find(bus, told->id, &found), MR_OK);
    assert_int_equal(found.n, 2);
}

static void ask_signal(mr_bus *bus, struct told *told)
{
    assert_int_equal(mr_bus_get(bus, (mr_ordinal){2}, &told->signal), MR_OK);
    told->signal.symbol = told->signal.source = told->signal.name = NULL; /* live shortly */
    told->signal.gate = told->signal.reason = NULL;
}

static void ask_health(mr_bus *bus, struct told *told)
{
    mr_health health;
    assert_int_equal(mr_bus_health(bus, &health, NULL), MR_OK);
    told->health_signals = health.signals;
}

static void ask_symbols(mr_bus *bus, struct told *told)
{
    told->symbols = mr_bus_symbol_count(bus, NULL);
}

static void who_asks_meanwhile_is_told_nothing_of_it(void **fixture)
{
    (void)fixture;
    static void (*const asks[])(mr_bus *, struct told *) = {
        ask_time, ask_counts, ask_young, ask_id, ask_signal, ask_health, ask_symbols};
    mr_bus *bus = mri_shared_sample_open(log_folder);
    struct told expected = {0};
    for (unsigned i = 0; i < SIGNALS; i++) {
        emit(bus, NULL);
    }
    for (unsigned i = 0; i < MRI_COUNT_OF(asks); i++) {
        asks[i](bus, &expected);
    }
    assert_true(expected.event_time_unix_ns > 0);
    assert_int_equal(expected.young_count, SIGNALS);
    assert_int_equal(expected.counts[MR_GENERATED], SIGNALS);
    assert_int_equal(expected.health_signals, SIGNALS);
    assert_int_equal(expected.symbols, 1);
    for (unsigned first = 0; first < MRI_COUNT_OF(asks); first++) {
        struct told told = {0};
        int status;
        pid_t maker = begin_maker();
        for (unsigned i = 0; i < MRI_COUNT_OF(asks); i++) {
            asks[(first + i) % MRI_COUNT_OF(asks)](bus, &told);
        }
        assert_int_equal(waitpid(maker, &status, 0), maker);
        assert_true(WIFSIGNALED(status));
        assert_memory_equal(&told, &expected, sizeof(told));
        check_state(bus, SIGNALS);
    }
    mr_bus_close(bus);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(who_emits_meanwhile_is_not_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            who_asks_meanwhile_is_told_nothing_of_it, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
