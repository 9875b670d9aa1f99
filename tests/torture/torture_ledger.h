/* SPDX-License-Identifier: MIT */
/**
 * What writers were promised, in memory outside of what is killed, and the comparison of a log with
 * it: lost, doubled, reordered and invented events, torn batches.
 *
 * A *life* is one process that appends, from its start to its death. It is the producer of its
 * events, which it numbers from 1.
 */
#ifndef TESTS_TORTURE_TORTURE_LEDGER_H
#define TESTS_TORTURE_TORTURE_LEDGER_H

#include <stdatomic.h>

#include "millrace/log.h"
#include "millrace/log_read.h"
#include "tests/torture/torture.h"

enum {
    MRI_TORTURE_LIVES_MAX = 16384,
    MRI_TORTURE_READERS_MAX = 80,
    MRI_TORTURE_BODY_MAX = 128 * 1024,
    MRI_TORTURE_BATCH_MAX = 12,
};

/** An event's number and its seq, in one word, so that a death never parts them. */
static inline uint64_t mri_torture_mark(uint32_t number, uint64_t seq)
{
    return seq << 32 | number;
}

struct mri_torture_life {
    _Atomic uint32_t begun;   /**< the highest number that was handed to an append */
    _Atomic uint64_t acked;   /**< mark of the newest acknowledged event */
    _Atomic uint64_t durable; /**< mark of the newest that is known to survive a power cut */
};

struct mri_torture_ledger {
    _Atomic uint32_t is_over;     /**< writers and readers end by themselves */
    _Atomic uint32_t is_lossy;    /**< the power was cut: what is not durable may be lost */
    _Atomic uint32_t life_count;  /**< lives so far; a life's index is one less than its number */
    _Atomic uint64_t durable_seq; /**< the highest seq that anybody was told is durable */
    _Atomic uint64_t appended;    /**< events acknowledged, over all logs */
    _Atomic uint64_t group_acks;  /**< of those, appends that waited for the disk */
    _Atomic uint64_t refused;     /**< appends that found no space */
    _Atomic uint64_t read;        /**< events that readers have checked */
    _Atomic uint64_t opened;      /**< times that the log was opened */
    _Atomic uint64_t stalls;      /**< times that others held the gate for 10 s */
    _Atomic uint64_t
        seen[MRI_TORTURE_READERS_MAX]; /**< the newest seq that each reader was shown */
    struct mri_torture_life lives[MRI_TORTURE_LIVES_MAX];
};

/** The front of a body; what follows depends on it. */
struct mri_torture_body {
    uint32_t life;
    uint32_t number;
    uint32_t batch_first; /**< number of the first event of its batch */
    uint32_t batch_count;
};

/** A process that appends. */
struct mri_torture_writer {
    struct mri_torture_ledger *ledger;
    mr_log *log;
    uint32_t life;
    uint32_t number; /**< of its newest event that is in the log */
    struct mri_prng prng;
    uint8_t *bodies;
};

/** How to append a batch. */
struct mri_torture_batch {
    uint32_t count;
    uint32_t body_max; /**< bodies are up to so much longer than their front */
    mr_durability durability;
};

/**
 * Forget all lives: a new log begins.
 *
 * Returns  nothing.
 * Threads  the first process, when no other is there.
 */
void mri_torture_ledger_clear(struct mri_torture_ledger *ledger);

/**
 * A number for a new life.
 *
 * Returns  its number.
 * Threads  any.
 */
uint32_t mri_torture_ledger_life(struct mri_torture_ledger *ledger);

/**
 * Raise a word to a value, never back.
 *
 * Returns  nothing.
 * Threads  any.
 */
void mri_torture_raise(_Atomic uint64_t *word, uint64_t value);

/**
 * Begin a life.
 *
 * Returns  nothing.
 * Owner    mri_torture_writer_fini(), or the process's end, frees.
 * Threads  one at a time.
 */
void mri_torture_writer_init(struct mri_torture_writer *writer, struct mri_torture_ledger *ledger,
    mr_log *log, uint32_t life, uint64_t seed);
void mri_torture_writer_fini(struct mri_torture_writer *writer);

/**
 * Append the life's next events and keep what was promised. MR_EUNKNOWN: they are in the log.
 *
 * Returns  as mr_log_append().
 * Threads  one at a time.
 */
mr_err mri_torture_append(struct mri_torture_writer *writer, const struct mri_torture_batch *batch);

/** A reading of a log that checks each event against its own life. */
struct mri_torture_reading {
    const struct mri_torture_ledger *ledger;
    uint64_t seq; /**< of the event before; 0 = none yet */
    uint32_t batch_left;
    uint32_t batch_life;
    bool is_whole; /**< from the log's first event: numbers must begin with 1 */
    uint64_t newest[MRI_TORTURE_LIVES_MAX];  /**< mark of the newest event of each life */
    uint64_t acked[MRI_TORTURE_LIVES_MAX];   /**< marks to be found with their seq */
    uint64_t durable[MRI_TORTURE_LIVES_MAX]; /**< the same */
};

/**
 * Begin, with what has been promised by now.
 *
 * Returns  a reading.
 * Owner    mri_torture_reading_free() frees.
 * Threads  one at a time.
 */
struct mri_torture_reading *mri_torture_reading_new(
    const struct mri_torture_ledger *ledger, bool is_whole);
void mri_torture_reading_free(struct mri_torture_reading *reading);

/**
 * Is the event right by itself? Fails the test if not.
 *
 * Returns  its front; NULL for a record of the log's own.
 * Threads  any.
 */
const struct mri_torture_body *mri_torture_check_event(
    const struct mri_torture_ledger *ledger, const mr_log_event *event);

/**
 * Check the next event, and its place behind those before. Fails the test if it is wrong.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_torture_reading_take(struct mri_torture_reading *reading, const mr_log_event *event);

/**
 * Read a log from its beginning, and compare all of it with the ledger: everything acknowledged (if
 * the power was cut: durable) is there, with the seq that was told. Fails the test if not.
 *
 * @param is_settling  what was found becomes what must be found from now on
 *
 * Returns  the log's last seq.
 * Threads  one at a time; nobody appends.
 */
uint64_t mri_torture_ledger_compare(
    struct mri_torture_ledger *ledger, const char *folder, bool is_settling);

#endif
