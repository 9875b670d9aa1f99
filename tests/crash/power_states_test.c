/* SPDX-License-Identifier: MIT */
/*
 * States that a power cut may leave: in each scene of a log's life, before each call that changes
 * something, a copy of the machine loses its power in some random ways; each time the log must open
 * and hold what was promised.
 *
 * The copies are made by fork(): what the child does to its machine is its own. So a crash or a
 * failed check ends one child, and the scene goes on. When many states are wanted, a child looks at
 * several of them, each from the same machine, and the next child at those behind a failed one.
 *
 * A state that was looked at before, with the same promises, is counted, but not looked at again:
 * what comes of it follows from it.
 *
 * MILLRACE_POWER_STATES is how many states there are; MILLRACE_SEED where the seeds begin;
 * MILLRACE_POWER_SCENE is the only scene, with MILLRACE_POWER_LANES=n and MILLRACE_POWER_LANE=k it
 * is the k-th of n, from 0, and each n-th behind it.
 */
#define _GNU_SOURCE
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/crash/power_scenes.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/environment.h"

enum { STATES = 1000, AT_ONCE = 64, PLAYS = 8, SEEN_MAX = 1 << 24 };

/** What children tell. */
struct shared {
    uint32_t begun;     /* states at this call */
    uint64_t different; /* states, of all */
    uint64_t seen[SEEN_MAX];
};

static struct {
    struct mri_power_world world;
    struct mri_prng prng; /* which calls are looked at, of some */
    bool is_every_call;
    uint64_t call; /* of the scene */
    uint64_t states;
    uint64_t bad;
    uint64_t wanted;
    uint32_t at_once; /* states at each call */
    struct shared *shared;
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

static uint64_t mix(uint64_t hash, uint64_t number)
{
    hash = (hash ^ number) * UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ (hash >> 32);
}

/** Were these disks looked at before, with the same promises? They are then as good as they were.
 */
static bool is_seen(const struct mri_power_world *world)
{
    uint64_t key = mri_os_memory_disk_hash(world->memory);
    const uint64_t promises[] = {world->body_max, world->durable, world->seen_durable,
        world->kept_first, world->snapshot_seq, world->has_consumer, world->acked,
        world->acked_durable, world->is_damaged};
    for (size_t i = 0; i < sizeof(promises) / sizeof(promises[0]); i++) {
        key = mix(key, promises[i]);
    }
    key |= 1;
    for (uint64_t i = key >> 32;; i++) {
        uint64_t *seen = &run.shared->seen[i % SEEN_MAX];
        if (*seen == 0) {
            assert_true(++run.shared->different < SEEN_MAX / 2);
            *seen = key;
            return false;
        }
        if (*seen == key) {
            return true;
        }
    }
}

/** In a copy of the machine, cut the power and look. */
static bool is_state_good(struct mri_power_world *world, uint64_t seed)
{
    struct mri_prng prng;
    mri_prng_init(&prng, seed);
    (void)alarm(240); /* a hang is a failure, too; a machine that rests for a minute is not */
    mri_os_memory_set_space(world->memory, UINT64_MAX / 2);
    mri_os_memory_cut_power(world->memory, &prng);
    const char *what = is_seen(world) ? NULL : check(world);
    if (what != NULL) {
        (void)fprintf(stderr, "%s, seed %llu, state seed %llu: %s (%s)\n", world->scene,
            (unsigned long long)world->seed, (unsigned long long)seed, what, world->problem.text);
        (void)fflush(stderr);
    }
    return what == NULL;
}

/** In a child: states from `*begun` on, each from where the machine is now. */
static void look_at_states(uint64_t seed, uint32_t count)
{
    mri_os_memory_keep(run.world.memory);
    while (run.shared->begun < count) {
        uint32_t number = run.shared->begun++;
        struct mri_power_world world = run.world;
        world.machine.before = NULL;
        world.os = mri_os_memory_table(world.memory);
        if (!is_state_good(&world, seed + number * UINT64_C(0x9e3779b97f4a7c15))) {
            _exit(1); /* nothing of it comes to the next state */
        }
        mri_os_memory_return(run.world.memory);
    }
    _exit(0);
}

/** Some states that a power cut may leave now. A child that fails is followed by another one. */
static void look_now(void)
{
    uint64_t seed = mix(run.world.seed, run.call);
    for (const char *c = run.world.scene; *c != '\0'; c++) {
        seed = mix(seed, (uint8_t)*c);
    }
    uint32_t count = run.at_once;
    run.shared->begun = 0;
    while (run.shared->begun < count) {
        (void)fflush(NULL);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            look_at_states(seed, count);
        }
        int status = 0;
        assert_int_equal(waitpid(child, &status, 0), child);
        if (status != 0) {
            (void)fprintf(stderr, "%s, seed %llu, call %llu, state %u of %u: child ended with %d\n",
                run.world.scene, (unsigned long long)run.world.seed, (unsigned long long)run.call,
                run.shared->begun, count, status);
        }
        run.bad += status != 0;
    }
    run.states += count;
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
    run.call++;
    if (run.is_every_call || mri_prng_below(&run.prng, 3) == 0) {
        look_now();
    }
}

static void play(const struct mri_power_scene *scene, uint64_t seed, uint32_t at_once)
{
    mri_power_begin(&run.world, scene->name, seed);
    run.world.machine.before = look;
    run.world.is_watched = true;
    run.at_once = at_once;
    run.call = 0;
    scene->play(&run.world);
    look_now();
    mri_power_end(&run.world);
}

/** The same number of states of each scene, of some in several plays. */
static void play_with(const struct mri_power_scene *scene, uint64_t seed)
{
    if (!run.is_every_call) {
        play(scene, seed, 1);
    } else if (!scene->is_seeded) {
        play(scene, seed, AT_ONCE);
    } else {
        for (uint64_t i = 0; i < PLAYS; i++) {
            play(scene, seed * PLAYS + i, AT_ONCE / PLAYS);
        }
    }
}

static void whatever_a_power_cut_leaves_the_log_keeps_its_promises(void **fixture)
{
    (void)fixture;
    size_t count;
    const struct mri_power_scene *scenes = mri_power_scenes(&count);
    uint64_t seed = mri_environment_number("MILLRACE_SEED", 1);
    uint64_t lanes = mri_environment_number("MILLRACE_POWER_LANES", 1);
    uint64_t lane = mri_environment_number("MILLRACE_POWER_LANE", 0);
    run.wanted = mri_environment_number("MILLRACE_POWER_STATES", STATES);
    run.is_every_call = run.wanted > STATES;
    run.shared = mmap(NULL, sizeof(*run.shared), PROT_READ | PROT_WRITE,
        MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    assert_true(run.shared != MAP_FAILED);
    mri_prng_init(&run.prng, seed);
    assert_true(count >= 40);
    assert_true(lane < lanes && lanes <= count);
    const char *only = getenv("MILLRACE_POWER_SCENE");
    for (; run.states < run.wanted || run.states == 0; seed++) {
        for (size_t i = lane; i < count; i += lanes) {
            if (only == NULL || strcmp(only, scenes[i].name) == 0) {
                play_with(&scenes[i], seed);
            }
        }
    }
    print_message("%zu scenes, %llu states, %llu of them different\n", count,
        (unsigned long long)run.states, (unsigned long long)run.shared->different);
    (void)munmap(run.shared, sizeof(*run.shared));
    assert_int_equal(run.bad, 0);
}

int main(void)
{
    (void)mallopt(M_MMAP_THRESHOLD, 1 << 30); /* what is freed is taken again soon */
    (void)mallopt(M_TRIM_THRESHOLD, 1 << 30);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_a_power_cut_leaves_the_log_keeps_its_promises),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
