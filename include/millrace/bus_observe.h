/* SPDX-License-Identifier: MIT */
/**
 * Emissions outside the lifecycle, and what there is of each source.
 */
#ifndef MILLRACE_BUS_OBSERVE_H
#define MILLRACE_BUS_OBSERVE_H

#include "millrace/bus_signal.h"

#ifdef __cplusplus
extern "C" {
#endif

/** What is observed: an emission that is no signal, or a word about one or about a signal. */
typedef struct mr_observation {
    uint32_t about;     /**< the emission it is about; 0: none */
    mr_ordinal ordinal; /**< the signal it is about; 0: none */
    const char *symbol; /**< of an emission, as it is; up to 256 bytes; NULL is absent */
    const char *source; /**< up to 256 bytes; NULL is absent */
    bool is_moved;      /**< its emitter has it in `to` now */
    mr_state to;
    const char *data; /**< free JSON, up to 960 KiB */
} mr_observation;

/** An emission outside the lifecycle. */
typedef struct mr_observed {
    uint32_t number; /**< from 1, in order of emission */
    mr_seq emitted;  /**< its first signal.observed */
    mr_seq last;     /**< its newest */
    int64_t event_time_unix_ns;
    mr_state state;     /**< where its emitter has it */
    const char *source; /**< "" when it has none, or one of more than 64 bytes */
} mr_observed;

/** How many emissions a source has. */
typedef struct mr_source_count {
    const char *source; /**< "" for emissions outside the lifecycle without a usable one; with no
                             signals and none of these: a number that is kept for a source of this
                             program, and is none yet */
    uint64_t signals;
    uint64_t observed; /**< outside the lifecycle */
} mr_source_count;

/**
 * Keep what is no signal: it is logged, counted, found by its number and id, and nothing is decided
 * on it. Or keep a word about it, or about a signal, which moves no signal.
 *
 * @param ret_number  NULL, or the number of the emission that it is or is about; 0 for a signal
 *
 * Returns  MR_OK; MR_NOT_FOUND there is no such emission or signal; MR_REFUSED a text is not as it
 *          must be, or an emission is moved at once, *reterr_problem says which; MR_FULL
 *          limits.signals_max is reached; MR_EINVAL about both, or a state that there is not; as
 *          mr_bus_emit().
 * Threads  one at a time per handle.
 */
MR_MUST_USE mr_err mr_bus_observe(mr_bus *bus, const mr_observation *observation,
    mr_durability durability, uint32_t *ret_number, mr_problem *reterr_problem);

/**
 * An emission outside the lifecycle.
 *
 * Returns  MR_OK; MR_NOT_FOUND; as mr_bus_follow().
 * Threads  one at a time per handle.
 */
MR_MUST_USE mr_err mr_bus_observed(
    mr_bus *bus, uint32_t number, mr_observed *ret_observed, mr_problem *reterr_problem);

/**
 * How many emissions outside the lifecycle are in each state, as their emitters have them.
 *
 * Returns  MR_OK; as mr_bus_follow().
 * Threads  one at a time per handle.
 */
MR_MUST_USE mr_err mr_bus_observed_counts(
    mr_bus *bus, uint64_t ret_counts[MR_STATE_COUNT], mr_problem *reterr_problem);

/**
 * The id of an emission outside the lifecycle, of the form of a signal's:
 * SYMBOL_UNIXMS_HEX with 80000000 + number; UNKNOWN for a symbol that is absent or no name.
 *
 * Returns  MR_OK; MR_NOT_FOUND; as mr_bus_read().
 * Threads  one at a time per handle.
 * Cost     reads the event.
 */
MR_MUST_USE mr_err mr_bus_observed_id(
    mr_bus *bus, uint32_t number, char ret_id[MR_BUS_ID_BYTES], mr_problem *reterr_problem);

/**
 * The emission outside the lifecycle of an id, compared whole.
 *
 * Returns  MR_OK; MR_NOT_FOUND; as mr_bus_read().
 * Threads  one at a time per handle.
 */
MR_MUST_USE mr_err mr_bus_observed_find(
    mr_bus *bus, const char *id, uint32_t *ret_number, mr_problem *reterr_problem);

/**
 * The sources there are, one by one. The same one may come twice: once with signals, once with
 * emissions outside the lifecycle. The sources of this program, and the numbers that are kept for
 * more of them, are there also when they have emitted nothing: both counts are 0.
 *
 * @param index  from 0, which takes in what others have done
 *
 * Returns  MR_OK; MR_END there are no more; as mr_bus_follow().
 * Threads  one at a time per handle.
 */
MR_MUST_USE mr_err mr_bus_source_count(
    mr_bus *bus, uint32_t index, mr_source_count *ret_count, mr_problem *reterr_problem);

#ifdef __cplusplus
}
#endif
#endif
