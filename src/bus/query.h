/* SPDX-License-Identifier: MIT */
/**
 * Questions about signals, answered from the signal table.
 */
#ifndef MRI_BUS_QUERY_H
#define MRI_BUS_QUERY_H

#include "bus/bus.h"
#include "bus/filter.h"

/** A value of a query's field that does not filter. */
#define MRI_QUERY_ANY UINT32_MAX

/** What to look for; a signal must match every field. */
struct mri_query {
    uint32_t state;                  /**< mr_state or MRI_QUERY_ANY */
    uint32_t symbol;                 /**< number or MRI_QUERY_ANY */
    uint32_t source;                 /**< number or MRI_QUERY_ANY */
    uint32_t name;                   /**< number or MRI_QUERY_ANY */
    int64_t since_unix_ns;           /**< emitted at or after */
    int64_t until_unix_ns;           /**< emitted before; INT64_MAX = no limit */
    uint32_t limit;                  /**< so many at most */
    const struct mri_filter *filter; /**< NULL, or what else a signal must match; its own limit and
                                          order count for nothing here */
    bool is_oldest_first;
    uint32_t beyond; /**< only older ones than this ordinal, or newer ones with is_oldest_first; 0 =
                          from the end on: how a long answer is continued */
};

/** A query that matches every signal. */
extern const struct mri_query mri_query_all;

/** What a query found. */
struct mri_query_result {
    uint32_t count;   /**< ordinals found, at most limit */
    uint32_t scanned; /**< entries looked at */
    bool is_cut;      /**< more may match: the limit was reached */
};

/**
 * Does a signal match? Its place is not asked for: query->beyond and the limit are the caller's.
 *
 * Returns  true or false.
 * Threads  any.
 */
bool mri_query_match(const struct mri_query *query, const struct mri_slot *slot, uint32_t ordinal);

/** Ordinals, both ends included; low > high: none. */
struct mri_query_span {
    uint32_t low;
    uint32_t high;
};

/**
 * Which ordinals may a match have, as far as the question and query->beyond say by ordinals?
 *
 * @param newest  the highest ordinal that there is
 *
 * Returns  the span, within 1 and newest.
 * Threads  any.
 */
struct mri_query_span mri_query_ordinals(const struct mri_query *query, uint32_t newest);

/**
 * The same, and by the seqs of what was emitted: they grow with the ordinals, since both are given
 * in the order of the log. Event times need not: two processes may append in another order than
 * they read the clock in.
 *
 * Returns  the span, within 1 and newest.
 * Threads  any, while the table does not change.
 * Cost     O(log n) when the question names a seq.
 */
struct mri_query_span mri_query_ordinals_of(
    const struct mri_slots *slots, const struct mri_query *query, uint32_t newest);

/**
 * Which states may a match be in?
 *
 * Returns  a bit for each.
 * Threads  any.
 */
uint32_t mri_query_states(const struct mri_query *query);

/**
 * Find signals in order of creation, the newest first unless the query says otherwise.
 *
 * @param ordinals  room for query->limit numbers
 *
 * Returns  MR_OK, also when nothing matches; MR_ENOMEM.
 * Threads  one at a time per bus.
 * Cost     O(scanned): the shortest of the symbol's array, the source's array, the state's list and
 *          the whole table is scanned from its end, each only where its ordinals may match; and
 *          O(log n) to find where.
 */
MR_MUST_USE mr_err mri_query_run(const struct mri_bus *bus, const struct mri_query *query,
    uint32_t *ordinals, struct mri_query_result *ret_result);

#endif
