/* SPDX-License-Identifier: MIT */
/*
 * Tasks, and the calls they make.
 *
 * Invariants
 *  1. Everything that decides comes from the seed: the same seed is the same run.
 *  2. A killed task is never run again; what it held in shared memory stays as it was.
 */
#define _GNU_SOURCE
#undef _FORTIFY_SOURCE /* its longjmp does not go from stack to stack */
#include "tests/sim/sim_machine.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "base/check.h"
#include "log/hot/hot_shared.h"
#include "log/meet/hot_point.h"
#include "os/futex.h"
#include "os/thread.h"

enum {
    TASKS_MAX = 4096,
    STACK_BYTES = 512 * 1024,
    FDS_MAX = 64,
    MAPS_MAX = 16,
    BLOCKS_MAX = 512,
};

#define START_UNIX_NS INT64_C(1700000000000000000)
#define SECOND_NS     INT64_C(1000000000)

struct map {
    struct mri_shared_memory memory;
    uint64_t hash; /**< of its path */
};

struct sim_process {
    struct mri_os table;
    struct mri_alloc alloc;
    uint32_t id;
    bool is_dead;
    const void *at_gate; /**< the task that may hold the gate */
    bool fds[FDS_MAX];
    struct map maps[MAPS_MAX];
    void *blocks[BLOCKS_MAX];
    unsigned map_count;  /**< of files */
    int blocks_above;    /**< blocks from here on are not in use */
    unsigned task_count; /**< that are left */
};

/* Contexts cost two system calls a step: behind its first one only where stacks are watched. */
#ifndef __has_feature
#define __has_feature(name) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer) ||                           \
    defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
enum { HAS_JUMPS = 0 };
#else
enum { HAS_JUMPS = 1 };
#endif

struct task {
    ucontext_t context;
    jmp_buf jump; /**< where it goes on, when it has begun */
    bool has_begun;
    void *stack;
    struct sim_process *process;
    void (*run)(void *argument);
    void *argument;
    uint32_t number; /**< from 1 */
    bool is_over;
    bool is_waiting; /**< until woken, or until `until_ns` */
    bool was_woken;
    uint64_t key; /**< of what it waits for */
    uint32_t bits;
    int64_t until_ns;
};

static struct {
    struct mri_prng prng;
    struct mri_os_memory *memory;
    const struct mri_os *inner;
    struct sim_faults faults;
    struct sim_counts counts;
    struct sim_process *processes[SIM_PROCESSES_MAX];
    size_t process_count;
    struct task *tasks[TASKS_MAX];
    size_t task_count;
    struct task *left[TASKS_MAX]; /**< in their order; some of them may have ended meanwhile */
    size_t left_count;
    struct task *current;
    ucontext_t scheduler;
    jmp_buf scheduler_jump;
    int64_t now_ns;
    int64_t clock_offset_ns;
    _Atomic uint32_t *gate; /**< of the list of open logs */
    void *free_stacks[TASKS_MAX];
    size_t free_stack_count;
} sim;

/* ---- tasks ----------------------------------------------------------------------------------- */

static void yield(void)
{
    struct task *task = sim.current;
    if (task == NULL) {
        return;
    }
    if (HAS_JUMPS) {
        if (_setjmp(task->jump) == 0) {
            _longjmp(sim.scheduler_jump, 1);
        }
        return; /* it goes on */
    }
    int result = swapcontext(&task->context, &sim.scheduler);
    MRI_ASSERT(result == 0);
}

/** Let the current task go on, until it yields. */
static void resume(void)
{
    if (HAS_JUMPS) {
        if (_setjmp(sim.scheduler_jump) == 0) {
            if (sim.current->has_begun) {
                _longjmp(sim.current->jump, 1);
            }
            sim.current->has_begun = true;
            (void)setcontext(&sim.current->context);
        }
        return;
    }
    int result = swapcontext(&sim.scheduler, &sim.current->context);
    MRI_ASSERT(result == 0);
}

/** Somebody else may go on here. */
static void pass(void)
{
    sim.now_ns += (int64_t)mri_prng_below(&sim.prng, 20000);
    if (mri_prng_below(&sim.prng, 2) == 0) {
        yield();
    }
}

static void enter_task(void)
{
    struct task *task = sim.current;
    task->run(task->argument);
    task->is_over = true;
    task->process->task_count--;
    yield();
}

static struct task *start_task(
    struct sim_process *process, void (*run)(void *argument), void *argument)
{
    MRI_ASSERT(sim.task_count < TASKS_MAX);
    struct task *task = calloc(1, sizeof(*task));
    MRI_ASSERT(task != NULL);
    task->process = process;
    task->run = run;
    task->argument = argument;
    task->stack = sim.free_stack_count > 0
                      ? sim.free_stacks[--sim.free_stack_count]
                      : mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    MRI_ASSERT(task->stack != MAP_FAILED);
    int result = getcontext(&task->context);
    MRI_ASSERT(result == 0);
    task->context.uc_stack.ss_sp = task->stack;
    task->context.uc_stack.ss_size = STACK_BYTES;
    makecontext(&task->context, enter_task, 0);
    sim.tasks[sim.task_count++] = task;
    sim.left[sim.left_count++] = task;
    task->number = (uint32_t)sim.task_count;
    process->task_count++;
    return task;
}

static void free_stack(struct task *task)
{
    if (task->stack != NULL) {
        sim.free_stacks[sim.free_stack_count++] = task->stack;
        task->stack = NULL;
    }
}

static bool is_left(const struct task *task)
{
    return !task->is_over && !task->process->is_dead;
}

static bool is_ready(const struct task *task)
{
    return !task->is_waiting || task->was_woken || task->until_ns <= sim.now_ns;
}

bool sim_step(void)
{
    struct task *ready[64];
    size_t count = 0;
    int64_t earliest_ns = INT64_MAX;
    size_t left_count = 0;
    for (size_t i = 0; i < sim.left_count; i++) {
        struct task *task = sim.left[i];
        if (!is_left(task)) {
            continue;
        }
        sim.left[left_count++] = task;
        if (count < 64 && is_ready(task)) {
            ready[count++] = task;
        } else if (task->until_ns < earliest_ns) {
            earliest_ns = task->until_ns;
        }
    }
    sim.left_count = left_count;
    if (count == 0) {
        if (earliest_ns == INT64_MAX) {
            return false;
        }
        sim.now_ns = earliest_ns;
        return true;
    }
    sim.counts.steps++;
    sim.current = ready[mri_prng_below(&sim.prng, count)];
    resume();
    if (sim.current->is_over) {
        free_stack(sim.current);
    }
    sim.current = NULL;
    return true;
}

void sim_sleep_ns(int64_t duration_ns)
{
    struct task *task = sim.current;
    task->is_waiting = true;
    task->was_woken = false;
    task->key = 0;
    task->until_ns = sim.now_ns + duration_ns;
    yield();
    task->is_waiting = false;
}

void sim_at_gate(bool is_at_gate)
{
    sim.current->process->at_gate = is_at_gate ? sim.current : NULL;
}

/* ---- what is replaced: places, futexes, locks, threads --------------------------------------- */

void mri_hot_point_passed(unsigned number)
{
    (void)number;
    pass();
}

/** Names a word for all processes, wherever they have it. */
static uint64_t key_of(const void *address)
{
    const struct sim_process *process = sim.current->process;
    for (int i = 0; i < MAPS_MAX; i++) {
        const struct map *map = &process->maps[i];
        uintptr_t base = (uintptr_t)map->memory.base;
        if (base != 0 && (uintptr_t)address >= base &&
            (uintptr_t)address < base + map->memory.head_bytes) {
            return (map->hash & ~UINT64_C(0xffffffff)) | (uint64_t)((uintptr_t)address - base) | 1;
        }
    }
    return (uint64_t)(uintptr_t)address;
}

mr_err mri_futex_wait(_Atomic uint32_t *word, uint32_t expected, uint32_t bits, int64_t timeout_ns)
{
    struct task *task = sim.current;
    if (task == NULL) {
        return MR_AGAIN;
    }
    task->key = key_of((const void *)word);
    pass();
    mr_err err = MR_OK;
    if (atomic_load(word) == expected) {
        task->is_waiting = true;
        task->was_woken = false;
        task->bits = bits;
        task->until_ns = sim.now_ns + timeout_ns;
        yield();
        task->is_waiting = false;
        err = task->was_woken ? MR_OK : MR_AGAIN;
    }
    task->key = 0;
    return err;
}

int32_t mri_futex_wake(_Atomic uint32_t *word, int32_t count, uint32_t bits)
{
    int32_t woken = 0;
    if (sim.current == NULL) {
        sim.gate = count == 1 && bits == UINT32_MAX ? word : sim.gate; /* it is opened */
        return 0;
    }
    uint64_t key = key_of((const void *)word);
    for (size_t i = 0; i < sim.left_count && woken < count; i++) {
        struct task *task = sim.left[i];
        if (is_left(task) && task->is_waiting && !task->was_woken && task->key == key &&
            (task->bits & bits) != 0) {
            task->was_woken = true;
            woken++;
        }
    }
    return woken;
}

/** What a lock holds: who has it (the number of the task, from 1), and how it is. */
struct lock_state {
    uint32_t holder;
    uint32_t is_orphan; /**< taken from the dead, and not mended yet */
    uint32_t is_lost;   /**< given back unmended: of no use for ever */
};

static struct lock_state *state_of(struct mri_robust_lock *lock)
{
    return (struct lock_state *)(void *)lock->state;
}

mr_err mri_robust_lock_init(struct mri_robust_lock *lock)
{
    memset(lock, 0, sizeof(*lock));
    return MR_OK;
}

mr_err mri_robust_lock_try(struct mri_robust_lock *lock, bool *ret_is_orphan)
{
    struct lock_state *state = state_of(lock);
    pass();
    *ret_is_orphan = false;
    if (state->is_lost != 0) {
        return MR_EINTERNAL;
    }
    if (state->holder != 0) {
        MRI_ASSERT(state->holder <= sim.task_count);
        if (is_left(sim.tasks[state->holder - 1])) {
            return MR_BUSY;
        }
        *ret_is_orphan = true;
        state->is_orphan = 1;
    }
    state->holder = sim.current->number;
    return MR_OK;
}

mr_err mri_robust_lock_take(struct mri_robust_lock *lock, unsigned spins, bool *ret_is_orphan)
{
    (void)spins;
    for (;;) {
        mr_err err = mri_robust_lock_try(lock, ret_is_orphan);
        if (err != MR_BUSY) {
            return err;
        }
        sim.now_ns += 1000;
        yield();
    }
}

void mri_robust_lock_mend(struct mri_robust_lock *lock)
{
    state_of(lock)->is_orphan = 0;
}

void mri_robust_lock_give(struct mri_robust_lock *lock)
{
    struct lock_state *state = state_of(lock);
    MRI_ASSERT(state->holder == sim.current->number);
    state->is_lost = state->is_orphan;
    state->holder = 0;
    pass();
}

mr_err mri_thread_start(struct mri_thread *thread, void (*run)(void *context), void *context)
{
    const struct task *task = start_task(sim.current->process, run, context);
    thread->state[0] = (uint64_t)(uintptr_t)task;
    return MR_OK;
}

void mri_thread_join(struct mri_thread *thread)
{
    const struct task *task = (const struct task *)(uintptr_t)thread->state[0];
    while (task != NULL && !task->is_over) {
        sim_sleep_ns(1000);
    }
    thread->state[0] = 0;
}

/* ---- the calls of a process ------------------------------------------------------------------ */

static bool is_due(uint32_t part)
{
    return part > 0 && mri_prng_below(&sim.prng, 65536) < part;
}

#define CALL(name, parameters, arguments)                                                          \
    static mr_err sim_##name parameters                                                            \
    {                                                                                              \
        (void)context;                                                                             \
        pass();                                                                                    \
        return sim.inner->name arguments;                                                          \
    }

#define INNER sim.inner->context
CALL(info, (void *context, const char *path, struct mri_file_info *ret_info),
    (INNER, path, ret_info))
CALL(identify, (void *context, int fd, struct mri_file_identity *ret_identity),
    (INNER, fd, ret_identity))
CALL(size, (void *context, int fd, uint64_t *ret_bytes), (INNER, fd, ret_bytes))
CALL(read_at,
    (void *context, int fd, void *bytes, size_t count, uint64_t offset, size_t *ret_count),
    (INNER, fd, bytes, count, offset, ret_count))
CALL(read, (void *context, int fd, void *bytes, size_t count, size_t *ret_count),
    (INNER, fd, bytes, count, ret_count))
CALL(renew, (void *context, int fd, uint64_t offset), (INNER, fd, offset))
CALL(truncate, (void *context, int fd, uint64_t bytes), (INNER, fd, bytes))
CALL(drop_cache, (void *context, int fd), (INNER, fd))
CALL(is_range_locked, (void *context, int fd, uint64_t offset, uint64_t count, bool *ret_is_locked),
    (INNER, fd, offset, count, ret_is_locked))
CALL(memory_remove, (void *context, const char *path), (INNER, path))
CALL(boot_id, (void *context, uint8_t ret_id[MRI_BOOT_ID_BYTES]), (INNER, ret_id))
CALL(make_folder, (void *context, const char *path), (INNER, path))
CALL(sync_folder, (void *context, const char *path), (INNER, path))
CALL(rename, (void *context, const char *from, const char *to), (INNER, from, to))
CALL(remove, (void *context, const char *path), (INNER, path))
CALL(list,
    (void *context, const char *path, void *argument,
        mr_err (*each)(void *argument, const char *name)),
    (INNER, path, argument, each))
CALL(watch, (void *context, const char *path, int *ret_fd), (INNER, path, ret_fd))
CALL(wait_change, (void *context, int fd, int64_t timeout_ns), (INNER, fd, timeout_ns))
CALL(random_bytes, (void *context, void *bytes, size_t count), (INNER, bytes, count))

static mr_err sim_open(void *context, const char *path, unsigned flags, int *ret_fd)
{
    struct sim_process *process = context;
    pass();
    mr_err err = sim.inner->open(INNER, path, flags, ret_fd);
    if (err == MR_OK) {
        MRI_ASSERT(*ret_fd < FDS_MAX);
        process->fds[*ret_fd] = true;
    }
    return err;
}

static void sim_close(void *context, int fd)
{
    struct sim_process *process = context;
    if (!process->is_dead) {
        process->fds[fd] = false;
        sim.inner->close(INNER, fd);
    }
}

static mr_err sim_write_at(
    void *context, int fd, const struct mri_io_piece *pieces, size_t count, uint64_t offset)
{
    (void)context;
    pass();
    uint64_t size = 0;
    bool is_segment = sim.inner->size(INNER, fd, &size) == MR_OK && size >= MRI_SEGMENT_BYTES_MIN;
    if (is_segment && offset > 0 && is_due(sim.faults.write_lost)) {
        sim.counts.writes_lost++;
        if (mri_prng_below(&sim.prng, 2) == 0 && offset + 65536 < size && pieces[0].count < 32768) {
            return sim.inner->write_at(INNER, fd, pieces, 1, offset + 512);
        }
        return MR_OK;
    }
    return sim.inner->write_at(INNER, fd, pieces, count, offset);
}

static mr_err sim_write_bulk(
    void *context, int fd, const void *bytes, size_t count, uint64_t offset)
{
    const struct mri_io_piece piece = {.bytes = bytes, .count = count};
    return sim_write_at(context, fd, &piece, 1, offset);
}

static mr_err sim_allocate(void *context, int fd, uint64_t bytes)
{
    (void)context;
    pass();
    return is_due(sim.faults.disk_full) ? MR_ENOSPC : sim.inner->allocate(INNER, fd, bytes);
}

static mr_err sim_sync_data(void *context, int fd)
{
    (void)context;
    pass();
    if (is_due(sim.faults.sync_fails)) {
        sim.counts.syncs_failed++;
        return MR_EIO;
    }
    mr_err err = sim.inner->sync_data(INNER, fd);
    sim.now_ns += 100000;
    return err;
}

static mr_err sim_map_read(void *context, int fd, size_t bytes, const void **ret_map)
{
    struct sim_process *process = context;
    pass();
    mr_err err = sim.inner->map_read(INNER, fd, bytes, ret_map);
    process->map_count += err == MR_OK;
    return err;
}

static void sim_unmap(void *context, const void *map, size_t bytes)
{
    struct sim_process *process = context;
    if (!process->is_dead) {
        process->map_count--;
        sim.inner->unmap(INNER, map, bytes);
    }
}

static mr_err sim_lock_range(
    void *context, int fd, uint64_t offset, uint64_t count, enum mri_range_lock how)
{
    (void)context;
    pass();
    mr_err err = sim.inner->lock_range(INNER, fd, offset, count, how);
    while (err == MR_BUSY && how == MRI_RANGE_EXCLUSIVE_WAIT) {
        sim_sleep_ns(10000);
        err = sim.inner->lock_range(INNER, fd, offset, count, how);
    }
    return err;
}

static void note_map(
    struct sim_process *process, const char *path, const struct mri_shared_memory *memory)
{
    uint64_t hash = 1469598103934665603u;
    for (const char *c = path; *c != '\0'; c++) {
        hash = (hash ^ (uint8_t)*c) * 1099511628211u;
    }
    for (int i = 0; i < MAPS_MAX; i++) {
        if (process->maps[i].memory.base == NULL) {
            process->maps[i] = (struct map){.memory = *memory, .hash = hash};
            return;
        }
    }
    MRI_ASSERT(false);
}

#define MAP_CALL(name)                                                                             \
    static mr_err sim_##name(void *context, const char *path, size_t head_bytes,                   \
        size_t ring_bytes, struct mri_shared_memory *ret_memory)                                   \
    {                                                                                              \
        pass();                                                                                    \
        mr_err err = sim.inner->name(INNER, path, head_bytes, ring_bytes, ret_memory);             \
        if (err == MR_OK) {                                                                        \
            note_map(context, path, ret_memory);                                                   \
        }                                                                                          \
        return err;                                                                                \
    }

MAP_CALL(memory_create)
MAP_CALL(memory_attach)
MAP_CALL(memory_view)

static void sim_memory_close(void *context, struct mri_shared_memory *memory)
{
    struct sim_process *process = context;
    for (int i = 0; i < MAPS_MAX && memory->base != NULL && !process->is_dead; i++) {
        if (process->maps[i].memory.base == memory->base) {
            process->maps[i] = (struct map){0};
            sim.inner->memory_close(INNER, memory);
        }
    }
    *memory = (struct mri_shared_memory){0};
}

static int64_t sim_realtime_unix_ns(void *context)
{
    (void)context;
    pass();
    if (is_due(sim.faults.clock_steps)) {
        sim.clock_offset_ns += (int64_t)mri_prng_below(&sim.prng, 20 * SECOND_NS) - 10 * SECOND_NS;
    }
    return START_UNIX_NS + sim.now_ns + sim.clock_offset_ns;
}

static int64_t sim_boottime_ns(void *context)
{
    (void)context;
    return sim.now_ns;
}

static void sim_table_sleep_ns(void *context, int64_t duration_ns)
{
    (void)context;
    sim_sleep_ns(duration_ns);
}

static uint32_t sim_process_id(void *context)
{
    return ((const struct sim_process *)context)->id;
}

static const struct mri_os calls = {
    .open = sim_open,
    .close = sim_close,
    .info = sim_info,
    .identify = sim_identify,
    .size = sim_size,
    .read_at = sim_read_at,
    .read = sim_read,
    .write_at = sim_write_at,
    .write_bulk = sim_write_bulk,
    .allocate = sim_allocate,
    .renew = sim_renew,
    .truncate = sim_truncate,
    .sync_data = sim_sync_data,
    .drop_cache = sim_drop_cache,
    .map_read = sim_map_read,
    .unmap = sim_unmap,
    .lock_range = sim_lock_range,
    .is_range_locked = sim_is_range_locked,
    .memory_folder = "/shared",
    .memory_create = sim_memory_create,
    .memory_attach = sim_memory_attach,
    .memory_view = sim_memory_view,
    .memory_close = sim_memory_close,
    .memory_remove = sim_memory_remove,
    .make_folder = sim_make_folder,
    .sync_folder = sim_sync_folder,
    .rename = sim_rename,
    .remove = sim_remove,
    .list = sim_list,
    .watch = sim_watch,
    .wait_change = sim_wait_change,
    .realtime_unix_ns = sim_realtime_unix_ns,
    .boottime_ns = sim_boottime_ns,
    .sleep_ns = sim_table_sleep_ns,
    .random_bytes = sim_random_bytes,
    .process_id = sim_process_id,
    .boot_id = sim_boot_id,
    .has_threads = true,
};

/* ---- processes ------------------------------------------------------------------------------- */

/** Memory of a process: what is left when it is killed goes with it, at the end of the run. */
static void *sim_resize(void *context, void *old, size_t old_bytes, size_t new_bytes)
{
    struct sim_process *process = context;
    int place = -1;
    (void)old_bytes;
    for (int i = 0; i < process->blocks_above && place < 0; i++) {
        place = process->blocks[i] == old ? i : -1; /* a free place when old is NULL */
    }
    if (place < 0) {
        MRI_ASSERT(old == NULL && process->blocks_above < BLOCKS_MAX);
        place = process->blocks_above++;
    }
    if (new_bytes == 0) {
        free(old);
        process->blocks[place] = NULL;
        return NULL;
    }
    void *block = realloc(old, new_bytes);
    MRI_ASSERT(block != NULL);
    process->blocks[place] = block;
    return block;
}

struct sim_process *sim_start(void (*run)(void *argument), void *argument)
{
    MRI_ASSERT(sim.process_count < SIM_PROCESSES_MAX);
    struct sim_process *process = calloc(1, sizeof(*process));
    MRI_ASSERT(process != NULL);
    process->table = calls;
    process->table.context = process;
    process->alloc = (struct mri_alloc){.context = process, .resize = sim_resize};
    process->id = (uint32_t)sim.process_count + 100;
    sim.processes[sim.process_count++] = process;
    (void)start_task(process, run, argument);
    return process;
}

bool sim_is_running(const struct sim_process *process)
{
    return !process->is_dead && process->task_count > 0;
}

void sim_kill(struct sim_process *process)
{
    if (process->is_dead) {
        return;
    }
    for (size_t i = 0; i < sim.left_count; i++) {
        struct task *task = sim.left[i];
        if (task->process == process && !task->is_over) {
            bool is_waiting_for_it = task->key == (uint64_t)(uintptr_t)sim.gate;
            if (process->at_gate == task && !is_waiting_for_it && sim.gate != NULL) {
                atomic_store(sim.gate, 0);
            }
            free_stack(task);
        }
    }
    for (int fd = 0; fd < FDS_MAX; fd++) {
        if (process->fds[fd]) {
            sim.inner->close(INNER, fd);
        }
    }
    for (int i = 0; i < MAPS_MAX; i++) {
        if (process->maps[i].memory.base != NULL) {
            sim.inner->memory_close(INNER, &process->maps[i].memory);
        }
    }
    for (; process->map_count > 0; process->map_count--) {
        sim.inner->unmap(INNER, NULL, 0);
    }
    process->is_dead = true;
}

const struct mri_os *sim_os(struct sim_process *process)
{
    return &process->table;
}

const struct mri_alloc *sim_alloc(struct sim_process *process)
{
    return &process->alloc;
}

void sim_begin(uint64_t seed, size_t file_bytes_max)
{
    mri_prng_init(&sim.prng, seed);
    if (sim.memory == NULL) {
        sim.memory = mri_os_memory_new(file_bytes_max);
    } else {
        mri_os_memory_renew(sim.memory);
    }
    sim.inner = mri_os_memory_table(sim.memory);
    sim.faults = (struct sim_faults){0};
    sim.counts = (struct sim_counts){0};
    sim.process_count = 0;
    sim.task_count = 0;
    sim.left_count = 0;
    sim.now_ns = SECOND_NS;
    sim.clock_offset_ns = 0;
}

void sim_end(void)
{
    for (size_t i = 0; i < sim.task_count; i++) {
        free_stack(sim.tasks[i]);
        free(sim.tasks[i]);
    }
    for (size_t i = 0; i < sim.process_count; i++) {
        for (int k = 0; k < sim.processes[i]->blocks_above; k++) {
            free(sim.processes[i]->blocks[k]);
        }
        free(sim.processes[i]);
    }
}

void sim_free(void)
{
    mri_os_memory_free(sim.memory);
    sim.memory = NULL;
}

int64_t sim_now_ns(void)
{
    return sim.now_ns;
}

struct mri_prng *sim_prng(void)
{
    return &sim.prng;
}

struct mri_os_memory *sim_memory(void)
{
    return sim.memory;
}

struct sim_faults *sim_faults(void)
{
    return &sim.faults;
}

struct sim_counts *sim_counts(void)
{
    return &sim.counts;
}
