/* SPDX-License-Identifier: MIT */
/**
 * What a machine in memory is made of, shared by os_memory.c (names and calls), os_memory_file.c
 * (the bytes of files) and os_memory_share.c (locks and shared memory). Nobody else looks inside.
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
    FILE_PAGE_BYTES = 4096,
    FOLDER = -1, /* the file of a name that is a folder */
    GONE = -2,   /* no file: the name is removed */
};

struct old_page;
struct noted_page;
struct kept_state;

struct file {
    uint8_t *now;
    struct old_page **old; /* of each page; NULL: it is durable as it is */
    bool *is_used;         /* of each page; false: it is zero */
    uint32_t *noted_at;    /* of each page: in which state that is kept it was noted */
    size_t size;
    size_t durable_size;
    size_t dirty_from; /* [dirty_from, dirty_to) may differ from what is durable */
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
    uint64_t hash; /* of the path */
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
    int file_made_count; /* files behind the others have no bytes yet */
    struct old_page *free_old;
    struct noted_page *free_noted;
    struct noted_page *noted; /* since the state was kept, or was returned to */
    struct kept_state *kept;  /* NULL: none is */
    uint32_t kept_number;
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

/**
 * Give a file room for its bytes, and take it back.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_os_memory_file_make(struct mri_os_memory *memory, struct file *file);
void mri_os_memory_file_free(struct mri_os_memory *memory, struct file *file);

/**
 * Write into a file, which grows; give it another size; make it durable as it is; make it empty,
 * also durably.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_os_memory_file_write(struct mri_os_memory *memory, struct file *file, size_t offset,
    const void *bytes, size_t count);
void mri_os_memory_file_resize(struct mri_os_memory *memory, struct file *file, size_t bytes);
void mri_os_memory_file_sync(struct mri_os_memory *memory, struct file *file);
void mri_os_memory_file_clear(struct mri_os_memory *memory, struct file *file);

/**
 * Somebody else may store into the bytes.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_os_memory_file_expose(struct mri_os_memory *memory, struct file *file);

/**
 * What was not synced becomes old or new, sector by sector, and is then durable as it is.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_os_memory_file_tear(
    struct mri_os_memory *memory, struct file *file, struct mri_prng *prng);

/**
 * A number for the bytes of a file, a sum over its pages; make those of the files what they are now
 * out of what they were when the state was kept.
 *
 * Returns  the number.
 * Threads  one at a time.
 */
uint64_t mri_os_memory_file_sum(const struct mri_os_memory *memory, const struct file *file);
void mri_os_memory_file_renew_sums(const struct mri_os_memory *memory, uint64_t *sums);

/**
 * Make all pages what they were when the state was kept; free what pages were noted in.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_os_memory_file_return_pages(struct mri_os_memory *memory);
void mri_os_memory_file_forget_pages(struct mri_os_memory *memory);

#endif
