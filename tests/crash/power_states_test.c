/* SPDX-License-Identifier: MIT */
/*
 * States that a power cut may leave: in each scene of a log's life, before each call that changes
 * something, a copy of the machine loses its power in some random ways; each time the log must open
 * and hold what was promised.
 *
 * The copies are made by fork(): what the child does to its machine is its own. So a crash or a
 * failed check ends one child, and the scene goes on.
 *
 * MILLRACE_POWER_STATES is how many states are looked at; MILLRACE_SEED where the seeds begin.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/crash/power_scenes.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/environment.h"

enum { STATES = 1000 };

static struct {
    struct mri_power_world world;
    struct mri_prng prng; /* which calls are looked at, of some */
    bool is_every_call;
    uint64_t calls;
    uint64_t states;
    uint64_t bad;
    uint64_t wanted;
} run;

#define MUST(is_so)                                                                                \
    do {                                                                                           \
        if (!(is_so)) {                                                                            \
            return #is_so;                                                                         \
        }                                                                                          \
    } while (0)

/** Read all that is there: samples, in order, without a gap that nothing explains. */
static const char *read_all(struct mri_power_world *world, uint64_t *ret_last)
{
    mr_log_reader *reader = NULL;
    uint64_t first = 0;
    MUST(mri_reader_open(world->os, mri_alloc_system(), "/log", &reader, &world->problem) == MR_OK);
    mr_err err = mri_power_read(world, reader, &first, ret_last);
    mr_log_reader_close(reader);
    MUST(err == MR_END);
    MUST(first <= world->kept_first || *ret_last == 0);
    return NULL;
}

static const char *check_snapshots(struct mri_power_world *world)
{
    struct mri_snapshot_list list;
    MUST(mri_snapshot_list(world->os, "/log", &list) == MR_OK);
    for (uint32_t i = 0; i < list.count; i++) {
        struct mri_snapshot_place place;
        struct mri_buf payload;
        mri_buf_init(&payload, mri_alloc_system(), MRI_POWER_PAYLOAD_BYTES);
        mr_err err = mri_snapshot_read(world->os, "/log", list.seqs[i], &place, &payload);
        mri_buf_fini(&payload);
        MUST(err == MR_OK); /* it has its name only when it is complete */
    }
    MUST(world->snapshot_seq == 0 || (list.count > 0 && list.seqs[0] >= world->snapshot_seq));
    return NULL;
}

/** The consumer goes on, behind nothing that was not acked, and at nothing that was durably. */
static const char *check_consumer(struct mri_power_world *world, mr_log *log)
{
    if (!world->has_consumer) {
        return NULL;
    }
    const struct mri_consumer_at at = {world->os, mri_alloc_system(), "/log", "c"};
    const mr_consumer_options options = {.log = log};
    mr_consumer *consumer = NULL;
    mr_log_event event;
    mr_delivery delivery;
    MUST(mri_consumer_open(&at, &options, &consumer, &world->problem) == MR_OK);
    mr_err err = mr_consumer_next(consumer, &event, &delivery, &world->problem);
    while (err == MR_REWOUND) {
        err = mr_consumer_next(consumer, &event, &delivery, &world->problem);
    }
    mr_consumer_close(consumer);
    MUST(err == MR_OK || err == MR_END);
    MUST(err == MR_END || event.seq.n > world->acked_durable);
    MUST(err == MR_END || event.seq.n <= world->acked + 1);
    MUST(err == MR_OK || mr_log_last(log).n <= world->acked + 1);
    return NULL;
}

/** Everything that was promised, in a machine whose power has just come back. */
static const char *check(struct mri_power_world *world)
{
    const mr_log_options options = {.is_create = true, .segment_bytes = MRI_POWER_FILE_BYTES};
    mr_log *log = NULL;
    uint64_t last = 0;
    const char *what = NULL;
    mr_err err = MR_OK;
    if (world->is_damaged) { /* a repair was under way: it can be done again */
        mr_log_repair_report report;
        const mr_log_repair_options repair = {.is_done = true};
        MUST(mri_repair(world->os, mri_alloc_system(), "/log", &repair, &report, &world->problem) ==
             MR_OK);
        MUST(report.repaired == report.count && !report.has_more);
    }
    for (int life = 0; life < 2 && what == NULL; life++) {
        err = mri_log_open(world->os, mri_alloc_system(), "/log", &options, &log, &world->problem);
        MUST(err == MR_OK);
        MUST(mr_log_last(log).n >= world->durable && mr_log_last(log).n >= world->seen_durable);
        what = life == 0 ? check_consumer(world, log) : NULL;
        MUST(what != NULL ||
             mri_log_sample_append(log, 1, world->body_max, MR_GROUP, NULL) == MR_OK);
        what = what == NULL ? read_all(world, &last) : what;
        MUST(what != NULL || last == mr_log_last(log).n);
        mr_log_close(log);
    }
    what = what == NULL ? check_snapshots(world) : what;
    MUST(what != NULL || mri_os_memory_open_count(world->memory) == 0);
    return what;
}

/** In a copy of the machine, cut the power and look. */
static void look_at_one_state(uint64_t seed)
{
    (void)fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct mri_prng prng;
        mri_prng_init(&prng, seed);
        (void)alarm(60); /* a hang is a failure, too */
        run.world.machine.before = NULL;
        run.world.os = mri_os_memory_table(run.world.memory);
        mri_os_memory_set_space(run.world.memory, UINT64_MAX / 2);
        mri_os_memory_cut_power(run.world.memory, &prng);
        const char *what = check(&run.world);
        if (what != NULL) {
            (void)fprintf(stderr, "%s, seed %llu, state %llu: %s (%s)\n", run.world.scene,
                (unsigned long long)run.world.seed, (unsigned long long)run.states, what,
                run.world.problem.text);
            (void)fflush(stderr);
        }
        _exit(what == NULL ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    if (status != 0) {
        (void)fprintf(stderr, "%s, seed %llu, state %llu: child ended with %d\n", run.world.scene,
            (unsigned long long)run.world.seed, (unsigned long long)run.states, status);
    }
    run.bad += status != 0;
    run.states++;
}

static void look(void *context, enum mri_os_call kind)
{
    (void)context;
    static const bool changes[MRI_OS_CALL_COUNT] = {
        [MRI_OS_CALL_WRITE_AT] = true,
        [MRI_OS_CALL_WRITE_BULK] = true,
        [MRI_OS_CALL_SYNC_DATA] = true,
        [MRI_OS_CALL_SYNC_FOLDER] = true,
        [MRI_OS_CALL_RENAME] = true,
        [MRI_OS_CALL_REMOVE] = true,
        [MRI_OS_CALL_TRUNCATE] = true,
        [MRI_OS_CALL_ALLOCATE] = true,
        [MRI_OS_CALL_MAKE_FOLDER] = true,
        [MRI_OS_CALL_MEMORY_CREATE] = true,
        [MRI_OS_CALL_MEMORY_REMOVE] = true,
    };
    if (!changes[kind] || !run.world.is_watched) {
        return;
    }
    run.calls++;
    if (run.is_every_call || mri_prng_below(&run.prng, 3) == 0) {
        look_at_one_state(run.world.seed * 1000003 + run.calls);
    }
}

static void play(const struct mri_power_scene *scene, uint64_t seed)
{
    mri_power_begin(&run.world, scene->name, seed);
    run.world.machine.before = look;
    run.world.is_watched = true;
    scene->play(&run.world);
    look_at_one_state(seed);
    mri_power_end(&run.world);
}

static void whatever_a_power_cut_leaves_the_log_keeps_its_promises(void **fixture)
{
    (void)fixture;
    size_t count;
    const struct mri_power_scene *scenes = mri_power_scenes(&count);
    uint64_t seed = mri_environment_number("MILLRACE_SEED", 1);
    run.wanted = mri_environment_number("MILLRACE_POWER_STATES", STATES);
    run.is_every_call = run.wanted > STATES;
    mri_prng_init(&run.prng, seed);
    assert_true(count >= 40);
    const char *only = getenv("MILLRACE_POWER_SCENE");
    for (; run.states < run.wanted || run.states == 0; seed++) {
        for (size_t i = 0; i < count; i++) {
            if (only == NULL || strcmp(only, scenes[i].name) == 0) {
                play(&scenes[i], seed);
            }
        }
    }
    print_message("%zu scenes, %llu states\n", count, (unsigned long long)run.states);
    assert_int_equal(run.bad, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_a_power_cut_leaves_the_log_keeps_its_promises),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
