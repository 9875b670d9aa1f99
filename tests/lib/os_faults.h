/* SPDX-License-Identifier: MIT */
/**
 * A machine that fails when it is told to: counts every call to another one, and makes the k-th of
 * any kind, or of one kind, fail. close and unmap cannot fail and are only counted.
 *
 * The loop that this is for: for k = 1, 2, ... run the scenario with `fail_at` = k, until a run
 * ends in which no fault fired.
 */
#ifndef TESTS_LIB_OS_FAULTS_H
#define TESTS_LIB_OS_FAULTS_H

#include "os/os.h"

/** X(NAME, name): the kinds of calls. */
#define MRI_OS_CALL_MAP(X)                                                                         \
    X(OPEN, open)                                                                                  \
    X(INFO, info)                                                                                  \
    X(IDENTIFY, identify)                                                                          \
    X(SIZE, size)                                                                                  \
    X(READ_AT, read_at)                                                                            \
    X(READ, read)                                                                                  \
    X(WRITE_AT, write_at)                                                                          \
    X(ALLOCATE, allocate)                                                                          \
    X(RENEW, renew)                                                                                \
    X(TRUNCATE, truncate)                                                                          \
    X(SYNC_DATA, sync_data)                                                                        \
    X(WRITE_BULK, write_bulk)                                                                      \
    X(DROP_CACHE, drop_cache)                                                                      \
    X(MAP_READ, map_read)                                                                          \
    X(LOCK_RANGE, lock_range)                                                                      \
    X(IS_RANGE_LOCKED, is_range_locked)                                                            \
    X(MEMORY_CREATE, memory_create)                                                                \
    X(MEMORY_ATTACH, memory_attach)                                                                \
    X(MEMORY_VIEW, memory_view)                                                                    \
    X(MEMORY_REMOVE, memory_remove)                                                                \
    X(BOOT_ID, boot_id)                                                                            \
    X(MAKE_FOLDER, make_folder)                                                                    \
    X(SYNC_FOLDER, sync_folder)                                                                    \
    X(RENAME, rename)                                                                              \
    X(REMOVE, remove)                                                                              \
    X(LIST, list)                                                                                  \
    X(WATCH, watch)                                                                                \
    X(WAIT_CHANGE, wait_change)                                                                    \
    X(WATCH_PROCESS, watch_process)                                                                \
    X(WAIT_ANY, wait_any)                                                                          \
    X(RANDOM_BYTES, random_bytes)                                                                  \
    X(CLOSE, close)                                                                                \
    X(UNMAP, unmap)

enum mri_os_call {
#define MRI_OS_CALL_ENUM(NAME, name) MRI_OS_CALL_##NAME,
    MRI_OS_CALL_MAP(MRI_OS_CALL_ENUM)
#undef MRI_OS_CALL_ENUM
        MRI_OS_CALL_COUNT,
    MRI_OS_CALL_ANY = MRI_OS_CALL_COUNT,
};

/** How many of the newest calls are remembered. */
enum { MRI_OS_TRACE_MAX = 4096 };

/** Fill in what to fail after mri_os_faults_init(); all of it may be changed at any time. */
struct mri_os_faults {
    struct mri_os table; /**< what the code under test gets */
    const struct mri_os *inner;

    enum mri_os_call kind; /**< count and fail this kind alone; ANY: all kinds */
    uint64_t fail_at;      /**< the call that fails, from 1; 0 = none */
    mr_err err;            /**< what it answers */
    bool is_sticky;        /**< every later one of the kind fails too */
    bool is_short_write;   /**< a write that fails has written half of its bytes */

    uint64_t seen;  /**< calls of `kind` so far */
    uint64_t fired; /**< faults so far */
    uint64_t calls[MRI_OS_CALL_COUNT];
    uint8_t trace[MRI_OS_TRACE_MAX]; /**< kinds of the first calls, in order */
    size_t trace_count;

    void (*before)(void *context, enum mri_os_call kind); /**< NULL, or told of each call */
    void *before_context;

    bool has_clock; /**< the clock below instead of the inner one */
    int64_t realtime_unix_ns;
    int64_t boottime_ns;
};

/**
 * Make a machine that passes every call on to `inner`.
 *
 * Returns  nothing.
 * Owner    `inner` must outlive it; it must not move, since the table points to it.
 * Threads  one at a time.
 */
void mri_os_faults_init(struct mri_os_faults *faults, const struct mri_os *inner);

/**
 * Forget counts and trace, and make the k-th call of a kind fail from now on.
 *
 * @param fail_at  0: none
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_os_faults_arm(
    struct mri_os_faults *faults, enum mri_os_call kind, uint64_t fail_at, mr_err err);

/**
 * The name of a kind of call.
 *
 * Returns  a static text.
 * Threads  any.
 */
const char *mri_os_call_name(enum mri_os_call kind);

#endif
