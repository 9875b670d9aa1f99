/* SPDX-License-Identifier: MIT */
/**
 * A quote, a candle or funding by its fields, and the fact they make: of a line of `millrace feed`,
 * JSON or a row of CSV, and of a request of the line protocol.
 */
#ifndef MRI_SOCKET_FACT_LINE_FIELDS_H
#define MRI_SOCKET_FACT_LINE_FIELDS_H

#include "pipeline/fact_desk.h"

/** L(member, about): every field, by its key. */
#define MRI_FACT_LINE_MAP(L)                                                                       \
    L(kind, MRI_FACT_LINE_KINDS)                                                                   \
    L(symbol, "registered, however it is spelled")                                                 \
    L(source, "who brings it in")                                                                  \
    L(time, "the venue's, of a quote or funding")                                                  \
    L(open_time, "of a candle; or close_time")                                                     \
    L(close_time, "of a candle: a full minute")                                                    \
    L(bid, "")                                                                                     \
    L(ask, "")                                                                                     \
    L(bid_quantity, "")                                                                            \
    L(ask_quantity, "")                                                                            \
    L(open, "")                                                                                    \
    L(high, "")                                                                                    \
    L(low, "")                                                                                     \
    L(close, "")                                                                                   \
    L(volume, "")                                                                                  \
    L(rate, "share of the notional")                                                               \
    L(interval, "between payments of funding (8h)")                                                \
    L(next_time, "of the next payment")

/** The fields as they were written; NULL bytes: not given. */
struct mri_fact_line {
#define MRI_FACT_LINE_MEMBER(member, about) struct mri_slice member;
    MRI_FACT_LINE_MAP(MRI_FACT_LINE_MEMBER)
#undef MRI_FACT_LINE_MEMBER
};

/** The kinds of facts, for who names another one. */
#define MRI_FACT_LINE_KINDS "quote, candle or funding"

/**
 * Is there such a kind of facts?
 *
 * Returns  true or false.
 * Threads  any.
 */
bool mri_fact_line_is_kind(struct mri_slice kind);

/**
 * The place of a field.
 *
 * Returns  it; NULL: there is no such field, *reterr_problem says what may have been meant.
 * Owner    points into `line`.
 * Threads  any.
 */
struct mri_slice *mri_fact_line_field(
    struct mri_fact_line *line, struct mri_slice key, mr_problem *reterr_problem);

/**
 * A time: 2025-05-04T15:34:00Z, or seconds, milliseconds, microseconds or nanoseconds since 1970,
 * told by their size.
 *
 * Returns  true; false: it is none after 1970.
 * Threads  any.
 */
bool mri_fact_line_time(struct mri_slice text, int64_t *ret_unix_ns);

/**
 * Make the fact of the fields.
 *
 * Returns  MR_OK; MR_REFUSED, *reterr_problem says which field, *reterr_reason is the code;
 *          ret_input->symbol is set when it is known.
 * Owner    texts of ret_input point to those of the line.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_fact_line_read(const struct mri_fact_line *line,
    const struct mri_instruments *instruments, struct mri_fact_input *ret_input,
    enum mri_reason *reterr_reason, mr_problem *reterr_problem);

#endif
