/* SPDX-License-Identifier: MIT */
/*
 *   epoll --+-- io_uring: FUTEX_WAIT on the word    or    eventfd <-- thread: futex wait
 *           +-- descriptors to watch
 *
 * Invariants
 *  1. At most one wait for a word is under way. Arming anew ends it: a request of the ring is
 *     cancelled, the thread is told that its job is another one.
 *  2. The thread waits in steps, so a job that changed is seen though nobody woke it.
 *  3. The epoll descriptor is readable exactly while the ring has a completion, the eventfd is not
 *     zero, or a watched descriptor is readable.
 *  4. A child of fork() has the parent's descriptors and queues, and not its thread. It closes and
 *     unmaps its copies; it submits nothing, cancels nothing and waits for nobody.
 */
#define _GNU_SOURCE
#include "os/wake_fd.h"

#include <errno.h>
#include <linux/io_uring.h>
#include <sched.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/check.h"
#include "os/fork.h"
#include "os/futex.h"

enum {
    ENTRIES = 4,
    FUTEX_WAIT_OPCODE = 51, /* IORING_OP_FUTEX_WAIT, since Linux 6.7: older headers lack it */
    FUTEX_U32 = 2,          /* FUTEX2_SIZE_U32, shared between processes */
    WAIT_TAG = 1,
    CANCEL_TAG = 2,
};

#define STEP_NS ((int64_t)100 * 1000 * 1000)

/** The two queues of an io_uring, mapped. */
struct ring {
    int fd; /* -1: none */
    void *queues;
    size_t queues_bytes;
    struct io_uring_sqe *entries;
    size_t entries_bytes;
    struct io_uring_params params;
};

/** What the thread waits for. */
struct job {
    _Atomic uint32_t number; /* changes with every job, is waited on while there is none */
    _Atomic(_Atomic uint32_t *) word;
    _Atomic uint32_t seen;
    _Atomic uint32_t bits;
    _Atomic uint32_t is_in_use; /* the thread may be looking at the word */
};

struct mri_wake_fd {
    enum mri_wake_fd_means means;
    uint32_t fork_count; /* of the process that made it */
    int epoll_fd;
    int event_fd; /* -1: none */
    struct ring ring;
    bool is_waiting; /* of the ring: a wait was submitted and has not completed */
    struct job job;
    struct mri_thread thread;
    _Atomic bool is_stopping;
};

/* ---- the ring -------------------------------------------------------------------------------- */

static void close_ring(struct ring *ring)
{
    if (ring->entries != NULL) {
        (void)munmap(ring->entries, ring->entries_bytes);
    }
    if (ring->queues != NULL) {
        (void)munmap(ring->queues, ring->queues_bytes);
    }
    if (ring->fd >= 0) {
        (void)close(ring->fd);
    }
    *ring = (struct ring){.fd = -1};
}

static void *map_ring(int fd, size_t bytes, uint64_t offset)
{
    void *map =
        mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, (off_t)offset);
    return map == MAP_FAILED ? NULL : map;
}

static bool open_ring(struct ring *ring)
{
    *ring = (struct ring){.fd = -1};
    ring->fd = (int)syscall(SYS_io_uring_setup, ENTRIES, &ring->params);
    const struct io_uring_params *params = &ring->params;
    if (ring->fd < 0 || (params->features & IORING_FEAT_SINGLE_MMAP) == 0) {
        close_ring(ring);
        return false;
    }
    size_t submitted = params->sq_off.array + params->sq_entries * sizeof(uint32_t);
    size_t completed = params->cq_off.cqes + params->cq_entries * sizeof(struct io_uring_cqe);
    ring->queues_bytes = submitted > completed ? submitted : completed;
    ring->entries_bytes = params->sq_entries * sizeof(struct io_uring_sqe);
    ring->queues = map_ring(ring->fd, ring->queues_bytes, IORING_OFF_SQ_RING);
    ring->entries = map_ring(ring->fd, ring->entries_bytes, IORING_OFF_SQES);
    if (ring->queues == NULL || ring->entries == NULL) {
        close_ring(ring);
        return false;
    }
    return true;
}

static _Atomic uint32_t *ring_word(const struct ring *ring, uint32_t offset)
{
    return (_Atomic uint32_t *)(void *)((uint8_t *)ring->queues + offset);
}

static mr_err submit(struct ring *ring, const struct io_uring_sqe *entry)
{
    _Atomic uint32_t *tail = ring_word(ring, ring->params.sq_off.tail);
    uint32_t index = atomic_load(tail) & (ring->params.sq_entries - 1);
    ring->entries[index] = *entry;
    atomic_store(ring_word(ring, ring->params.sq_off.array) + index, index);
    atomic_fetch_add(tail, 1);
    long taken;
    do {
        taken = syscall(SYS_io_uring_enter, ring->fd, 1, 0, 0, NULL, 0);
    } while (taken < 0 && errno == EINTR);
    return taken == 1 ? MR_OK : MR_EIO;
}

/** Take every completion; *ret_answer is that of the wait, if it is among them. */
static bool drain_ring(struct ring *ring, int32_t *ret_answer)
{
    bool is_waited = false;
    _Atomic uint32_t *head = ring_word(ring, ring->params.cq_off.head);
    _Atomic uint32_t *tail = ring_word(ring, ring->params.cq_off.tail);
    const struct io_uring_cqe *all =
        (const struct io_uring_cqe *)(const void *)((const uint8_t *)ring->queues +
                                                    ring->params.cq_off.cqes);
    while (atomic_load(head) != atomic_load(tail)) {
        const struct io_uring_cqe *item = &all[atomic_load(head) & (ring->params.cq_entries - 1)];
        if (item->user_data == WAIT_TAG) {
            *ret_answer = item->res;
            is_waited = true;
        }
        atomic_fetch_add(head, 1);
    }
    return is_waited;
}

static mr_err wait_in_ring(struct ring *ring, const struct mri_wake_fd_word *word)
{
    const struct io_uring_sqe entry = {
        .opcode = FUTEX_WAIT_OPCODE,
        .fd = FUTEX_U32,
        .addr = (uint64_t)(uintptr_t)word->word,
        .off = word->seen,
        .addr3 = word->bits,
        .user_data = WAIT_TAG,
    };
    return submit(ring, &entry);
}

/** End the wait that is under way, and wait for its end. */
static mr_err cancel_in_ring(struct mri_wake_fd *wake)
{
    int32_t answer;
    const struct io_uring_sqe entry = {
        .opcode = IORING_OP_ASYNC_CANCEL, .fd = -1, .addr = WAIT_TAG, .user_data = CANCEL_TAG};
    bool is_over = drain_ring(&wake->ring, &answer);
    mr_err err = MR_OK;
    if (wake->is_waiting && !is_over) {
        err = submit(&wake->ring, &entry);
        while (err == MR_OK && !drain_ring(&wake->ring, &answer)) {
            long entered =
                syscall(SYS_io_uring_enter, wake->ring.fd, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0);
            err = entered < 0 && errno != EINTR ? MR_EIO : MR_OK;
        }
    }
    wake->is_waiting = false;
    return err;
}

/** Does this kernel wait for words? A word that has changed already is answered at once. */
static bool can_wait_in_ring(struct ring *ring)
{
    static _Atomic uint32_t probe = 1;
    const struct mri_wake_fd_word word = {.word = &probe, .seen = 0, .bits = 1};
    int32_t answer = 0;
    return wait_in_ring(ring, &word) == MR_OK && drain_ring(ring, &answer) && answer == -EAGAIN;
}

/* ---- the thread ------------------------------------------------------------------------------ */

static void signal_event(const struct mri_wake_fd *wake)
{
    uint64_t one = 1;
    ssize_t put = write(wake->event_fd, &one, sizeof(one));
    MRI_ASSERT(put == sizeof(one) || errno == EAGAIN); /* full: it is readable */
}

static void run_thread(void *context)
{
    struct mri_wake_fd *wake = context;
    struct job *job = &wake->job;
    uint32_t done = 0; /* the job that was told of */
    while (!atomic_load(&wake->is_stopping)) {
        uint32_t number = atomic_load(&job->number);
        atomic_store(&job->is_in_use, 1);
        _Atomic uint32_t *word = atomic_load(&job->word);
        if (number == done || word == NULL || atomic_load(&job->number) != number) {
            atomic_store(&job->is_in_use, 0);
            (void)mri_futex_wait(&job->number, number, 1, STEP_NS); /* woken or not, it looks */
            continue;
        }
        uint32_t seen = atomic_load(&job->seen);
        if (atomic_load(word) != seen) {
            done = number;
            signal_event(wake);
        } else {
            (void)mri_futex_wait(word, seen, atomic_load(&job->bits), STEP_NS);
        }
        atomic_store(&job->is_in_use, 0);
    }
}

/** Give the thread another job, when it has let go of the word of the one before. */
static void change_job(struct mri_wake_fd *wake, const struct mri_wake_fd_word *word)
{
    struct job *job = &wake->job;
    uint64_t count;
    _Atomic uint32_t *old = atomic_exchange(&job->word, NULL);
    atomic_fetch_add(&job->number, 1);
    while (atomic_load(&job->is_in_use) != 0) {
        if (old != NULL) {
            (void)mri_futex_wake(old, MRI_FUTEX_ALL, UINT32_MAX); /* others look again, too */
        }
        (void)sched_yield();
    }
    (void)read(wake->event_fd, &count, sizeof(count)); /* EAGAIN: it was zero */
    if (word != NULL) {
        atomic_store(&job->seen, word->seen);
        atomic_store(&job->bits, word->bits);
        atomic_store(&job->word, word->word);
        atomic_fetch_add(&job->number, 1);
    }
    (void)mri_futex_wake(&job->number, MRI_FUTEX_ALL, UINT32_MAX);
}

/* ---- both ------------------------------------------------------------------------------------ */

static bool is_foreign(const struct mri_wake_fd *wake)
{
    return wake->fork_count != mri_fork_count();
}

mr_err mri_wake_fd_watch(struct mri_wake_fd *wake, int fd)
{
    struct epoll_event event = {.events = EPOLLIN};
    if (is_foreign(wake)) {
        return MR_EINVAL;
    }
    return epoll_ctl(wake->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0 ? MR_OK : MR_ELIMIT;
}

static mr_err open_thread(struct mri_wake_fd *wake)
{
    wake->means = MRI_WAKE_FD_THREAD;
    wake->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (wake->event_fd < 0) {
        return MR_ELIMIT;
    }
    mr_err err = mri_wake_fd_watch(wake, wake->event_fd);
    return err == MR_OK ? mri_thread_start(&wake->thread, run_thread, wake) : err;
}

mr_err mri_wake_fd_open(enum mri_wake_fd_means means, struct mri_wake_fd **ret_wake)
{
    void *block;
    mr_err err = mri_fork_watch();
    if (err == MR_OK) {
        err = mri_alloc_array(mri_alloc_system(), 1, sizeof(struct mri_wake_fd), &block);
    }
    if (err != MR_OK) {
        return err;
    }
    struct mri_wake_fd *wake = block;
    *wake =
        (struct mri_wake_fd){.event_fd = -1, .ring = {.fd = -1}, .fork_count = mri_fork_count()};
    wake->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    err = wake->epoll_fd < 0 ? MR_ELIMIT : MR_OK;
    bool is_ring = err == MR_OK && means == MRI_WAKE_FD_RING && open_ring(&wake->ring);
    if (is_ring && !can_wait_in_ring(&wake->ring)) {
        close_ring(&wake->ring);
        is_ring = false;
    }
    if (err == MR_OK) {
        err = is_ring ? mri_wake_fd_watch(wake, wake->ring.fd) : open_thread(wake);
    }
    if (err != MR_OK) {
        mri_wake_fd_close(wake);
        return err;
    }
    *ret_wake = wake;
    return MR_OK;
}

int mri_wake_fd_get(const struct mri_wake_fd *wake)
{
    return wake->epoll_fd;
}

enum mri_wake_fd_means mri_wake_fd_means_of(const struct mri_wake_fd *wake)
{
    return wake->means;
}

mr_err mri_wake_fd_arm(struct mri_wake_fd *wake, const struct mri_wake_fd_word *word)
{
    if (is_foreign(wake)) {
        return MR_EINVAL;
    }
    if (wake->means == MRI_WAKE_FD_THREAD) {
        change_job(wake, word);
        return MR_OK;
    }
    mr_err err = cancel_in_ring(wake);
    if (err == MR_OK && word != NULL) {
        err = wait_in_ring(&wake->ring, word);
        wake->is_waiting = err == MR_OK;
    }
    return err;
}

void mri_wake_fd_close(struct mri_wake_fd *wake)
{
    if (wake == NULL) {
        return;
    }
    bool is_own = !is_foreign(wake);
    if (is_own && wake->ring.fd >= 0) {
        (void)cancel_in_ring(wake); /* closing the ring cancels, too, only later */
    }
    close_ring(&wake->ring);
    if (is_own && wake->means == MRI_WAKE_FD_THREAD && wake->event_fd >= 0) {
        atomic_store(&wake->is_stopping, true);
        change_job(wake, NULL);
        mri_thread_join(&wake->thread);
    }
    if (wake->event_fd >= 0) {
        (void)close(wake->event_fd);
    }
    if (wake->epoll_fd >= 0) {
        (void)close(wake->epoll_fd);
    }
    mri_alloc_free(mri_alloc_system(), wake, sizeof(*wake));
}
