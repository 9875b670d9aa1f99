/* SPDX-License-Identifier: MIT */
/**
 * Emissions outside the lifecycle: what a bot emitted that is no signal, since it has no symbol or
 * no side. They are kept, counted and found again; nothing is decided on them.
 *
 *   entries[number - 1]   where its events begin and end, and where its emitter has it
 *
 * Derived from the log in log order, as the signal table.
 */
#ifndef MRI_BUS_OBSERVED_H
#define MRI_BUS_OBSERVED_H

#include "base/buf.h"
#include "base/intern.h"
#include "base/unpack.h"
#include "bus/event_codec.h"

/**
 * In the hexadecimal part of an id, so that no id of an emission is one of a signal: those end with
 * an ordinal, which has 28 bits.
 */
#define MRI_OBSERVED_ID_BIT UINT32_C(0x80000000)

/** The number of a source that has none: it is empty or too long, or there are too many. */
enum { MRI_OBSERVED_SOURCE_OTHER = 0, MRI_OBSERVED_SOURCES_MAX = 4096 };

struct mri_observed_entry {
    uint64_t emitted_seq; /**< its first signal.observed */
    uint64_t last_seq;    /**< its newest one */
    int64_t event_time_unix_ns;
    uint16_t source; /**< number in mri_observed.sources */
    uint8_t state;
    uint8_t reserved[5];
};

MRI_STATIC_ASSERT(sizeof(struct mri_observed_entry) == 32, "no padding");

struct mri_observed {
    const struct mri_alloc *alloc;
    struct mri_observed_entry *entries;
    uint32_t count;
    uint32_t capacity;
    uint32_t count_max;
    struct mri_intern sources; /**< the first stands for MRI_OBSERVED_SOURCE_OTHER */
    uint32_t by_source[MRI_OBSERVED_SOURCES_MAX]; /**< how many emissions each has */
    uint64_t states[MR_STATE_COUNT];              /**< how many are in each */
};

/**
 * Make an empty table.
 *
 * @param count_max  below MRI_OBSERVED_ID_BIT
 *
 * Returns  MR_OK; MR_ENOMEM.
 * Owner    mri_observed_fini() frees.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_observed_init(
    struct mri_observed *observed, const struct mri_alloc *alloc, uint32_t count_max);

/**
 * Free a table. NULL and zeroed are allowed.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_observed_fini(struct mri_observed *observed);

/**
 * Make room for more emissions, so that taking them in cannot fail.
 *
 * Returns  MR_OK; MR_FULL count_max would be exceeded; MR_ENOMEM.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_observed_reserve(struct mri_observed *observed, uint32_t more);

/**
 * Does the event say the truth: the next number, or what is known of the emission it is about?
 *
 * Returns  true or false.
 * Threads  one at a time.
 */
bool mri_observed_is_good(const struct mri_observed *observed, const struct mri_event *event);

/**
 * Take a signal.observed in that is about no signal.
 *
 * Returns  MR_OK; MR_ECORRUPT it contradicts what came before; MR_FULL; MR_ENOMEM.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_observed_take(struct mri_observed *observed, const struct mri_event *event);

/**
 * What is known of an emission.
 *
 * Returns  its entry; NULL for a number that there is not.
 * Owner    points into the table, until the next one is taken in.
 * Threads  one at a time.
 */
const struct mri_observed_entry *mri_observed_get(
    const struct mri_observed *observed, uint32_t number);

/**
 * Append the table to a snapshot.
 *
 * Returns  nothing; see buf->err.
 * Threads  one at a time.
 */
void mri_observed_save(const struct mri_observed *observed, struct mri_buf *buf);

/**
 * Take the table back into an empty one with the same limit.
 *
 * Returns  MR_OK; MR_ECORRUPT; MR_ENOMEM.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_observed_load(struct mri_observed *observed, struct mri_unpack *unpack);

#endif
