/* SPDX-License-Identifier: MIT */
/**
 * Scenes of a log's life, and what they promise: what power_states_test.c cuts the power in.
 */
#ifndef TESTS_CRASH_POWER_SCENES_H
#define TESTS_CRASH_POWER_SCENES_H

#include "log/consume/consumer.h"
#include "log/format/archive.h"
#include "log/keep/repair.h"
#include "log/keep/retain.h"
#include "log/open/append.h"
#include "log/open/snapshot.h"
#include "log/read/reader.h"
#include "tests/lib/log_sample.h"
#include "tests/lib/os_faults.h"
#include "tests/lib/os_memory.h"

enum {
    MRI_POWER_FILE_BYTES = MRI_SEGMENT_BYTES_MIN,
    MRI_POWER_PAYLOAD_BYTES = 1 << 20,
};

/** A machine with a log, and what was promised about it. */
struct mri_power_world {
    const char *scene;
    uint64_t seed;
    bool is_watched; /**< the power may go */
    struct mri_os_memory *memory;
    struct mri_os_faults machine;
    const struct mri_os *os;
    struct mri_prng prng;
    size_t body_max;
    mr_problem problem;

    uint64_t durable;      /**< acknowledged as durable */
    uint64_t seen_durable; /**< seen by a reader of durable events */
    uint64_t kept_first;   /**< this event and those behind it were not to be removed */
    uint64_t snapshot_seq; /**< of the newest snapshot that was written */
    bool has_consumer;
    uint64_t acked;         /**< everything up to here may be acked */
    uint64_t acked_durable; /**< was acked durably */
    bool is_damaged;        /**< by the scene, which repairs it */
};

struct mri_power_scene {
    const char *name;
    void (*play)(struct mri_power_world *world);
    bool is_seeded; /**< it is another one with each seed */
};

/**
 * All of them.
 *
 * Returns  a static table.
 * Threads  any.
 */
const struct mri_power_scene *mri_power_scenes(size_t *ret_count);

/**
 * A machine without a log, and its end.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_power_begin(struct mri_power_world *world, const char *scene, uint64_t seed);
void mri_power_end(struct mri_power_world *world);

/**
 * Read on to the end. Every event must be a sample, the log's own, or the output of a consumer.
 *
 * Returns  how reading ended; MR_EINTERNAL an event was wrong.
 * Threads  one at a time.
 */
mr_err mri_power_read(const struct mri_power_world *world, mr_log_reader *reader,
    uint64_t *ret_first, uint64_t *ret_last);

#endif
