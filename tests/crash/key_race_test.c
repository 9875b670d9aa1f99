/* SPDX-License-Identifier: MIT */
/*
 * Processes that emit the same idempotency keys at the same time: each key has one signal, and
 * every process is told which. Some are killed with kill -9 and say it all again.
 *
 * usage: key_race_test        KEYS=n makes it longer
 */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api/bus_api.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/environment.h"
#include "tests/lib/shared_sample.h"
#include "tests/lib/temp_folder.h"

enum {
    WORKERS = 6,
    KEYS_USUAL = 3000,
    KEYS_MAX = 1000000,
    BATCH = 7,
    SMALL = 4096,
    NAP_US = 20000
};

/** What the processes share; outlives them. */
static struct board {
    _Atomic uint32_t ordinals[KEYS_MAX]; /* of each key, as it was told first */
    _Atomic uint32_t contradictions;
    _Atomic uint32_t repeated;
    _Atomic uint32_t made;
    _Atomic uint32_t arrived; /* at the beginning of their next batch, all times together */
} * board;

static char folder[MRI_TEMP_FOLDER_BYTES];
static char log_folder[MRI_PATH_BYTES_MAX];
static uint32_t keys;

static int set_up(void **fixture)
{
    (void)fixture;
    (void)mri_temp_folder_make(folder);
    (void)snprintf(log_folder, sizeof(log_folder), "%s/log", folder);
    board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(board != MAP_FAILED);
    keys = (uint32_t)mri_environment_number("KEYS", KEYS_USUAL);
    assert_true(keys <= KEYS_MAX);
    return 0;
}

static int tear_down(void **fixture)
{
    (void)fixture;
    (void)munmap(board, sizeof(*board));
    mri_temp_folder_remove(folder);
    return 0;
}

static mr_bus *open_bus(void)
{
    mr_bus *bus = NULL;
    mr_problem problem = {""};
    if (mr_bus_open(log_folder, &bus, &problem) != MR_OK) {
        (void)fprintf(stderr, "open: %s\n", problem.text);
        _exit(3);
    }
    return bus;
}

/** Whoever is told an ordinal compares it with what others were told. */
static void note(uint32_t key, const mr_emitted *emitted)
{
    uint32_t known = 0;
    bool is_first =
        atomic_compare_exchange_strong(&board->ordinals[key], &known, emitted->ordinal.n);
    if (!is_first && known != emitted->ordinal.n) {
        atomic_fetch_add(&board->contradictions, 1);
    }
    atomic_fetch_add(emitted->is_repeated ? &board->repeated : &board->made, 1);
}

/** Wait until all have come so far: then they emit the same keys at the same moment. */
static void meet(uint32_t turn)
{
    atomic_fetch_add(&board->arrived, 1);
    while (atomic_load(&board->arrived) < turn * WORKERS) {
        (void)sched_yield();
    }
}

/** All keys in order, in batches that have one of them twice. */
static void emit_all(bool is_together)
{
    uint32_t turn = 0;
    char texts[BATCH][24];
    mr_emission emissions[BATCH];
    mr_emitted emitted[BATCH];
    mr_bus *bus = open_bus();
    for (uint32_t first = 0; first < keys; first += BATCH - 1) {
        mr_problem problem = {""};
        for (uint32_t i = 0; i < BATCH; i++) {
            uint32_t key = first + i % (BATCH - 1);
            (void)snprintf(texts[i], sizeof(texts[i]), "key-%u", key < keys ? key : 0);
            emissions[i] = (mr_emission){.symbol = "ONEUSDT",
                .source = "bot",
                .key = texts[i],
                .side = MR_LONG,
                .confidence = 0.5};
        }
        if (is_together) {
            meet(++turn);
        }
        if (mr_bus_emit(bus, emissions, BATCH, MR_ASYNC, emitted, &problem) != MR_OK) {
            (void)fprintf(stderr, "emit: %s\n", problem.text);
            _exit(4);
        }
        for (uint32_t i = 0; i < BATCH; i++) {
            uint32_t key = first + i % (BATCH - 1);
            note(key < keys ? key : 0, &emitted[i]);
        }
    }
    mr_bus_close(bus);
    _exit(0);
}

static pid_t begin(bool is_together)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        emit_all(is_together);
    }
    return child;
}

/** The log has each key once, for the signal that everybody was told. */
static void check_log(bool is_whole)
{
    mr_bus *bus = open_bus();
    uint64_t counts[MR_STATE_COUNT];
    mr_problem problem = {""};
    assert_int_equal(mr_bus_counts(bus, counts, NULL), MR_OK);
    assert_int_equal(counts[MR_GENERATED], keys);
    assert_int_equal(mri_bus_api_follow(bus, &problem), MR_OK);
    assert_int_equal(bus->fold.bus.keys.count, keys);
    for (uint32_t key = 0; key < keys; key++) {
        char text[24];
        struct mri_key own;
        (void)snprintf(text, sizeof(text), "key-%u", key);
        assert_int_equal(
            mri_key_of(&bus->hasher, mri_slice_of("bot"), mri_slice_of(text), &own), MR_OK);
        assert_int_equal(mri_keys_find(&bus->fold.bus.keys, &own), board->ordinals[key]);
    }
    assert_int_equal(mri_bus_api_share(bus, &problem), MR_OK);
    assert_int_equal(mri_shared_keys_is_whole(&bus->state.keys), is_whole);
    if (mri_shared_state_compare(&bus->state, &bus->fold.bus, &problem) != MR_OK) {
        fail_msg("%s", problem.text);
    }
    mr_bus_close(bus);
}

static void race(uint32_t table_signals, bool is_killing)
{
    pid_t children[WORKERS];
    mr_bus *bus = NULL;
    mr_problem problem = {""};
    if (mr_bus_create_sized(log_folder, table_signals, &bus, &problem) != MR_OK ||
        mr_bus_register(bus, "ONEUSDT", &problem) != MR_OK) {
        fail_msg("%s", problem.text);
    }
    mr_bus_close(bus);
    pid_t keeper = mri_shared_sample_begin_keeper(log_folder);
    for (unsigned i = 0; i < WORKERS; i++) {
        children[i] = begin(!is_killing);
    }
    for (unsigned i = 0; is_killing && i < WORKERS / 2; i++) {
        (void)usleep(NAP_US);
        (void)kill(children[i], SIGKILL);
        (void)waitpid(children[i], NULL, 0);
        children[i] = begin(false);
    }
    for (unsigned i = 0; i < WORKERS; i++) {
        int status = -1;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    mri_shared_sample_end_keeper(keeper);
    assert_int_equal(board->contradictions, 0);
    assert_true(board->made <= keys); /* an answer may have died with its process */
    assert_true(is_killing || board->made == keys);
    assert_true(board->repeated >= (WORKERS - 1) * keys);
}

static void each_key_has_one_signal(void **fixture)
{
    (void)fixture;
    race(0, false);
    check_log(true);
}

static void also_when_processes_are_killed(void **fixture)
{
    (void)fixture;
    race(0, true);
    check_log(true);
}

static void also_when_there_are_more_than_the_table_has_room_for(void **fixture)
{
    (void)fixture;
    race(SMALL, true);
    check_log(false);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(each_key_has_one_signal),
        TEST(also_when_processes_are_killed),
        TEST(also_when_there_are_more_than_the_table_has_room_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
