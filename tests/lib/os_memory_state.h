/* SPDX-License-Identifier: MIT */
/**
 * What a machine in memory is made of, shared by os_memory.c (names and files),
 * os_memory_bytes.c (the memory of files) and os_memory_share.c (locks and shared memory). Nobody
 * else looks inside.
 */
#ifndef TESTS_LIB_OS_MEMORY_STATE_H
#define TESTS_LIB_OS_MEMORY_STATE_H

#include "tests/lib/os_memory.h"

enum {
    FILES_MAX = 1024,
    NAMES_MAX = 256,
    HANDLES_MAX = 64,
    CHANGES_MAX = 4096,
    RANGES_MAX = 64,
    SHARES_MAX = 32,
    NAME_BYTES = 96,
    SECTOR_BYTES = 512,
    FOLDER = -1, /* the file of a name that is a folder */
    GONE = -2,   /* no file: the name is removed */
};

struct file {
    uint8_t *now;
    uint8_t *durable;
    uint8_t *before; /* each sector before its last write, or as it was synced */
    size_t size;
    size_t durable_size;
    size_t dirty_from; /* [dirty_from, dirty_to) may differ from durable */
    size_t dirty_to;
    bool was_mapped; /* somebody may still have the map */
};

/** A locked range of a file. */
struct range {
    int handle; /* -1: free */
    uint64_t from;
    uint64_t to;
    bool is_shared;
};

/** Shared memory by its path. */
struct share {
    char path[NAME_BYTES];
    int fd; /* of memory without a name; -1: none */
};

struct name {
    char path[NAME_BYTES];
    int file;
};

struct names {
    struct name items[NAMES_MAX];
    size_t count;
};

/** One step of a folder: this name leads to this file, and another name is gone. */
struct change {
    struct name name;
    char gone[NAME_BYTES]; /* "" = none */
};

struct handle {
    int file;
    size_t at; /* of the stream */
    bool is_open;
};

struct mri_os_memory {
    struct mri_os table;
    size_t file_bytes_max;
    struct file files[FILES_MAX];
    int file_count;
    struct names now;
    struct names durable;
    struct change changes[CHANGES_MAX]; /* not synced, in order */
    size_t change_count;
    struct handle handles[HANDLES_MAX];
    struct range ranges[RANGES_MAX];
    struct share shares[SHARES_MAX];
    uint32_t boots;
    size_t map_count;
    bool has_ended; /**< what was mapped before may still be let go */
    uint64_t space_bytes;
    bool is_network;
    bool has_garbage; /* a power cut may leave garbage where it interrupts a write */
    int64_t unix_ns;
    int64_t step_ns;
    uint32_t process_id;
    struct mri_prng prng;
};

/**
 * Memory for a file of at most so many bytes: taken, all zero; zeroed for another file; given back,
 * as it is.
 *
 * Returns  the file, empty; nothing; nothing.
 * Owner    mri_os_memory_bytes_give() frees, or keeps it for the next one.
 * Threads  one at a time in the process.
 */
struct file mri_os_memory_bytes_take(size_t bytes_max);
void mri_os_memory_bytes_clear(struct file *file);
void mri_os_memory_bytes_give(struct file *file, size_t bytes_max);

/**
 * The locks and the shared memory of a machine, for its table.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_os_memory_share_fill(struct mri_os *table);

/**
 * Give the locks of a handle back, or with -1 those of all.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_os_memory_share_unlock(struct mri_os_memory *memory, int handle);

/**
 * Begin, and end, without shared memory.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_os_memory_share_begin(struct mri_os_memory *memory);
void mri_os_memory_share_forget(struct mri_os_memory *memory);

#endif
