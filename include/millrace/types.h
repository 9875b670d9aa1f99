/* SPDX-License-Identifier: MIT */
/**
 * Ids, enums and units that every millrace header shares.
 *
 * Times are int64 nanoseconds since 1970-01-01 UTC (`_unix_ns`) and never local. Absent is never
 * zero: a struct that can lack a value says so with a presence bit or a `has_` field.
 */
#ifndef MILLRACE_TYPES_H
#define MILLRACE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A position in the log: dense, from 1. 0 means none. */
typedef struct mr_seq {
    uint64_t n;
} mr_seq;

/** A signal's number in its log: dense, from 1, in order of emission. 0 means none. */
typedef struct mr_ordinal {
    uint32_t n;
} mr_ordinal;

/** X(NAME, value, text): what a signal bets on. There is no third side. */
#define MR_SIDE_MAP(X)                                                                             \
    X(MR_LONG, 1, "long")                                                                          \
    X(MR_SHORT, 2, "short")

typedef enum mr_side {
#define MR_SIDE_ENUM(name, value, text) name = (value),
    MR_SIDE_MAP(MR_SIDE_ENUM)
#undef MR_SIDE_ENUM
} mr_side;

/** X(NAME, value, text): the eight states of a signal; docs/LIFECYCLE.md has the moves. */
#define MR_STATE_MAP(X)                                                                            \
    X(MR_GENERATED, 0, "generated")                                                                \
    X(MR_EVALUATING, 1, "evaluating")                                                              \
    X(MR_APPROVED, 2, "approved")                                                                  \
    X(MR_EXECUTING, 3, "executing")                                                                \
    X(MR_EXECUTED, 4, "executed")                                                                  \
    X(MR_BLOCKED, 5, "blocked")                                                                    \
    X(MR_EXPIRED, 6, "expired")                                                                    \
    X(MR_LEARNED, 7, "learned")

typedef enum mr_state {
#define MR_STATE_ENUM(name, value, text) name = (value),
    MR_STATE_MAP(MR_STATE_ENUM)
#undef MR_STATE_ENUM
} mr_state;

#define MR_STATE_COUNT 8

/** X(NAME, index, text, seconds): when a signal's outcome is priced. */
#define MR_HORIZON_MAP(X)                                                                          \
    X(MR_HORIZON_1M, 0, "1m", 60)                                                                  \
    X(MR_HORIZON_5M, 1, "5m", 300)                                                                 \
    X(MR_HORIZON_15M, 2, "15m", 900)                                                               \
    X(MR_HORIZON_30M, 3, "30m", 1800)                                                              \
    X(MR_HORIZON_1H, 4, "1h", 3600)

typedef enum mr_horizon {
#define MR_HORIZON_ENUM(name, index, text, seconds) name = (index),
    MR_HORIZON_MAP(MR_HORIZON_ENUM)
#undef MR_HORIZON_ENUM
} mr_horizon;

#define MR_HORIZON_COUNT 5

#ifdef __cplusplus
}
#endif
#endif
