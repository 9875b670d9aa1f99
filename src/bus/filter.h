/* SPDX-License-Identifier: MIT */
/**
 * The language of questions about signals.
 *
 *   state=blocked and gate=expected_value and symbol in (BTCUSDT, ETHUSDT) and age<2h
 *       order by time desc limit 100
 *
 *   question    [condition] [order by time [asc|desc]] [limit NUMBER]
 *   condition   and, or, not, ( ), comparisons; not binds closest, then and, then or
 *   comparison  FIELD = VALUE, != < <= > >=, FIELD [not] in (VALUE, ...)
 *   value       a word, or text in " or ' with \ before what would end it
 *
 *   fields      state ended side gate reason symbol source name      words: = != in
 *               ordinal seq last_seq                                 whole numbers
 *               time                                                 2025-05-04T15:34Z
 *               age                                                  90s, 2h, 7d before now
 *               id                                                   of a signal: = != in
 *
 * Words of the language and of the vocabularies are read in any case, names as they are. "time" is
 * when a signal was emitted; order by time is the order of creation:
 * asc is oldest first; desc, no direction, and no order are newest first. A symbol, source or name
 * that nobody has used or registered is refused with those that there are, not matched by nothing:
 * it is most often a typing error.
 */
#ifndef MRI_BUS_FILTER_H
#define MRI_BUS_FILTER_H

#include "base/slice.h"
#include "bus/filter_names.h"
#include "bus/slots.h"

enum {
    MRI_FILTER_NODES_MAX = 256,
    MRI_FILTER_VALUES_MAX = 1024,
    MRI_FILTER_DEPTH_MAX = 48,
    MRI_FILTER_LIMIT_MAX = 1000000,
    MRI_FILTER_TEXT_BYTES_MAX = 65536,
};

/** A step: a comparison puts its result on a stack, the others combine what lies there. */
struct mri_filter_node {
    uint8_t kind;
    uint8_t field;
    uint8_t operator;
    uint8_t reserved;
    uint16_t first; /**< of the values */
    uint16_t count;
};

/** Numbers, both ends included. */
struct mri_filter_range {
    int64_t low;
    int64_t high;
};

/** A question that was read. Its copies stand by themselves. */
struct mri_filter {
    struct mri_filter_node nodes[MRI_FILTER_NODES_MAX];
    int64_t values[MRI_FILTER_VALUES_MAX];
    uint32_t node_count; /**< 0: everything matches */
    uint32_t value_count;
    uint32_t limit; /**< 0: none was said */
    bool is_oldest_first;
    /* What every match has, for who looks for the shortest way: a number or UINT32_MAX. */
    uint32_t symbol;
    uint32_t source;
    uint32_t name;
    uint32_t gate;
    uint32_t states;                  /**< a bit for each that a match may be in */
    struct mri_filter_range ordinals; /**< of `ordinal` and `id` */
    struct mri_filter_range seqs;     /**< of `seq` */
    bool is_all;                      /**< whatever has all that matches */
};

/** What is wrong with a question, and where. */
struct mri_filter_fault {
    size_t offset;    /**< of the first byte of what is wrong */
    size_t character; /**< the same in characters, from 1 */
};

/**
 * Read a question.
 *
 * @param reterr_fault    NULL, or where it is wrong
 *
 * Returns  MR_OK; MR_REFUSED, *reterr_problem says what was expected and what was found; MR_ELIMIT
 *          it is too long, too deep, or has too many comparisons or values.
 * Owner    nothing points into the text afterwards.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_filter_parse(struct mri_slice text, const struct mri_filter_names *names,
    struct mri_filter *ret_filter, struct mri_filter_fault *reterr_fault,
    mr_problem *reterr_problem);

/**
 * Does a signal match?
 *
 * Returns  true or false.
 * Threads  any.
 * Cost     a few ns for each comparison and value.
 */
bool mri_filter_match(
    const struct mri_filter *filter, const struct mri_slot *slot, uint32_t ordinal);

#endif
