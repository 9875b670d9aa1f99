/* SPDX-License-Identifier: MIT */
/**
 * A store that a benchmark writes to: the log itself or another program's. One file each
 * in bench/peers/; meson.build lists those whose libraries and programs were found.
 *
 * A record is a value of 192 bytes with a key of 8: 256 bytes as a whole record of the log. What a
 * store cannot do is NULL. Any failure ends the program.
 */
#ifndef MRI_BENCH_PEER_H
#define MRI_BENCH_PEER_H

#include <stdbool.h>
#include <stdint.h>

enum { MRI_PEER_VALUE_BYTES = 192, MRI_PEER_RECORD_BYTES = 256, MRI_PEER_WINDOW_MAX = 1024 };

/** What it is started for. */
enum mri_peer_use {
    MRI_PEER_DURABLE,  /**< every acknowledgement is durable, if it can be */
    MRI_PEER_DELIVERY, /**< as fast as it gets from one process to another */
};

struct mri_peer {
    const char *name;
    const char *settings; /**< for people: what was chosen, and what an acknowledgement means */
    bool is_volatile;     /**< an acknowledgement does not survive a power cut */

    /** Make it in a folder that exists, start servers. NULL: nothing to do. */
    void (*start)(const char *folder, enum mri_peer_use use);
    void (*stop)(void); /**< NULL: nothing to do */
    /** May several processes be clients at once? Called while none is. NULL: no. */
    bool (*is_shared)(const char *folder);

    void *(*open)(const char *folder); /**< a client of the calling process */
    void (*close)(void *client);
    /** One record; returns when it is acknowledged. */
    void (*append)(void *client, uint64_t key, const void *value);
    /** Records one by one or in the store's own way of many, then one acknowledgement of all. */
    void (*window)(void *client, uint64_t key, const void *values, unsigned count);
    /** A batch of at most 8 records, not waiting for any disk. */
    void (*push)(void *client, const void *values, unsigned count);
    /** Let nothing of what was pushed be left to do, and have room for more. */
    void (*settle)(void *client);

    void *(*listen)(const char *folder); /**< a reader of the calling process, at the end */
    void (*publish)(void *client, const void *value);
    void (*receive)(void *listener, void *value); /**< wait for the next value */
};

/**
 * Find one by its name.
 *
 * Returns  it; NULL when it was not built.
 * Threads  any.
 */
const struct mri_peer *mri_peer_find(const char *name);

/**
 * Print name and settings of all that were built.
 *
 * Returns  nothing.
 * Threads  one.
 */
void mri_peer_list(void);

/**
 * Begin a program: the peer named by its second argument, started in a new folder below its first.
 *
 * @param ret_folder  at least 4,096 bytes
 *
 * Returns  the peer; the program ends when there is none of that name.
 * Threads  one.
 */
const struct mri_peer *mri_peer_begin(
    char **arguments, enum mri_peer_use use, char ret_folder[4096]);

/**
 * Stop it.
 *
 * Returns  nothing.
 * Threads  one.
 */
void mri_peer_end(const struct mri_peer *peer);

/**
 * Values that no compression makes smaller, all different.
 *
 * Returns  MRI_PEER_WINDOW_MAX values, one behind the other.
 * Owner    the program.
 * Threads  one.
 */
const uint8_t *mri_peer_values(void);

/** Processes that work at once; lies in memory that all see. */
struct mri_peer_crowd {
    _Atomic uint32_t ready;
    _Atomic int64_t start_ns; /**< 0 until all are ready */
    _Atomic int64_t end_ns;
    _Atomic int64_t last_ns; /**< when the last one was done */
    _Atomic uint64_t records;
    int64_t *samples; /**< NULL, or in shared memory, samples_each for each process */
    uint32_t samples_each;
};

/** The work of one process of a crowd. Returns the number of its records. */
typedef uint64_t mri_peer_work(
    const struct mri_peer *peer, void *client, struct mri_peer_crowd *crowd, unsigned index);

/**
 * Start several processes that are clients at once, and let them work for a time.
 *
 * @param crowd  in memory that all see, zeroed, with or without a place for samples
 * @param work   in each process, until the clock says crowd->end_ns or its work is done
 *
 * Returns  records a second of all together.
 * Threads  one; it has no client open.
 */
double mri_peer_crowd_run(const struct mri_peer *peer, const char *folder,
    struct mri_peer_crowd *crowd, unsigned processes, double seconds, mri_peer_work *work);

#endif
