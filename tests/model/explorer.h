/* SPDX-License-Identifier: MIT */
/**
 * Walks every schedule of a few small programs that share memory, as the processor may run them:
 * each store waits in the buffer of its thread before others see it (total store order, as on
 * x86-64). Sleeping and waking are those of a futex.
 */
#ifndef TESTS_MODEL_EXPLORER_H
#define TESTS_MODEL_EXPLORER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    MRI_MODEL_WORDS = 12,
    MRI_MODEL_THREADS = 4,
    MRI_MODEL_REGISTERS = 5,
    MRI_MODEL_BUFFER = 4,
};

/** What a step does; r[] are the thread's registers, m[] is the shared memory. */
enum mri_model_op {
    MRI_MODEL_END = 0,  /**< the thread has come to its end */
    MRI_MODEL_LOAD,     /**< r[a] = m[b] */
    MRI_MODEL_STORE,    /**< m[a] = r[b] + c, by way of the buffer */
    MRI_MODEL_SET,      /**< r[a] = r[b] + c */
    MRI_MODEL_FENCE,    /**< wait until the buffer is empty */
    MRI_MODEL_ADD,      /**< m[a] += c at once, as an atomic operation does */
    MRI_MODEL_OR,       /**< m[a] |= r[b] | c at once */
    MRI_MODEL_CLEAR,    /**< m[a] &= ~r[b] at once */
    MRI_MODEL_SWAP,     /**< r[b] and m[a] change places at once */
    MRI_MODEL_RAISE,    /**< m[a] = max(m[a], r[b]) at once */
    MRI_MODEL_TRY,      /**< r[b] = 1 and m[a] = 1 when m[a] was 0; else r[b] = 0 */
    MRI_MODEL_LOCK,     /**< wait until m[a] is 0, then it is 1 */
    MRI_MODEL_AND,      /**< r[a] = r[b] & c */
    MRI_MODEL_HIGH,     /**< r[a] = r[b] >> 4 */
    MRI_MODEL_PACK,     /**< r[a] = r[a] << 4 | r[b] */
    MRI_MODEL_BIT,      /**< r[a] = 1 << ((r[b] + c) % 8) */
    MRI_MODEL_IF_LESS,  /**< when r[a] < r[b]: go to `to` */
    MRI_MODEL_IF_ZERO,  /**< when r[a] == 0: go to `to` */
    MRI_MODEL_IF_EQUAL, /**< when r[a] == c: go to `to` */
    MRI_MODEL_GO,       /**< go to `to` */
    MRI_MODEL_SLEEP,    /**< sleep on m[a] for the bits r[c], if it still is r[b] */
    MRI_MODEL_WAKE,     /**< wake up to c who sleep on m[a] for the bits r[b]; r[b] = how many */
};

struct mri_model_step {
    enum mri_model_op op;
    uint8_t a;
    uint8_t b;
    uint8_t c;
    uint8_t to;
};

struct mri_model_thread {
    uint8_t r[MRI_MODEL_REGISTERS];
    uint8_t at;
    uint8_t sleeps_on; /**< a word, or MRI_MODEL_WORDS: it is awake */
    uint8_t sleeps_for;
    uint8_t buffered;
    struct {
        uint8_t word;
        uint8_t value;
    } buffer[MRI_MODEL_BUFFER];
};

struct mri_model_state {
    uint8_t m[MRI_MODEL_WORDS];
    struct mri_model_thread threads[MRI_MODEL_THREADS];
};

struct mri_model {
    const char *name;
    const struct mri_model_step *programs[MRI_MODEL_THREADS];
    uint8_t first[MRI_MODEL_THREADS][MRI_MODEL_REGISTERS]; /**< registers in the beginning */
    size_t thread_count;
    bool is_sequential; /**< no buffers: sequential consistency */
    /** Nothing can go on: is that wrong? */
    bool (*is_stuck_wrongly)(const struct mri_model_state *state);
};

/** What was found. */
struct mri_model_found {
    uint64_t states;
    uint64_t ends; /**< states in which nothing can go on */
    uint64_t wrong;
};

/**
 * Walk all schedules.
 *
 * Returns  what was found; it ends the process when there are more states than it has room for.
 * Threads  one at a time.
 */
struct mri_model_found mri_model_explore(const struct mri_model *model);

#endif
