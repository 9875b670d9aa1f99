/* SPDX-License-Identifier: MIT */
/**
 * Results of every millrace function.
 *
 * The sign is the meaning. MR_OK is zero. A *condition* (> 0) is an answer that the direct caller
 * handles and never passes up. A *fault* (< 0) is passed up unchanged and decided at the top.
 * Names, texts, docs/ERRORS.md and the bindings' exceptions all come from MR_ERR_MAP.
 */
#ifndef MILLRACE_ERR_H
#define MILLRACE_ERR_H

#ifdef __cplusplus
extern "C" {
#endif

/** X(name, value, text): every result there is. Values are never reused. */
#define MR_ERR_MAP(X)                                                                              \
    X(MR_OK, 0, "success")                                                                         \
    X(MR_END, 1, "nothing more to read")                                                           \
    X(MR_AGAIN, 2, "call again to continue")                                                       \
    X(MR_NOT_FOUND, 3, "no such thing")                                                            \
    X(MR_EXISTS, 4, "it exists already")                                                           \
    X(MR_CONFLICT, 5, "another writer was first")                                                  \
    X(MR_BUSY, 6, "held by another process")                                                       \
    X(MR_FULL, 7, "a configured limit is reached")                                                 \
    X(MR_REFUSED, 8, "the input is refused")                                                       \
    X(MR_REWOUND, 9, "the history was cut above the durable point and written anew")               \
    X(MR_EINVAL, -1, "invalid argument")                                                           \
    X(MR_ENOMEM, -2, "out of memory")                                                              \
    X(MR_EIO, -3, "input/output error")                                                            \
    X(MR_ENOSPC, -4, "no space left on the device")                                                \
    X(MR_EACCESS, -5, "permission denied")                                                         \
    X(MR_EPATH, -6, "no such file or folder, or not of the right kind")                            \
    X(MR_ECORRUPT, -7, "the data are damaged")                                                     \
    X(MR_EVERSION, -8, "written by an incompatible version")                                       \
    X(MR_EPOISONED, -9, "the log refuses appends after a failed write or sync")                    \
    X(MR_EUNKNOWN, -10, "it is not known whether the data are durable")                            \
    X(MR_ERANGE, -11, "a number is out of range")                                                  \
    X(MR_ELIMIT, -12, "a limit of the machine is reached")                                         \
    X(MR_EINTERNAL, -13, "an internal check failed")                                               \
    X(MR_ETOOLARGE, -14, "more than one batch may hold")

/** A result: 0 success, > 0 a condition, < 0 a fault. */
typedef enum mr_err {
#define MR_ERR_ENUM(name, value, text) name = (value),
    MR_ERR_MAP(MR_ERR_ENUM)
#undef MR_ERR_ENUM
} mr_err;

/**
 * The sentence for a result, for people.
 *
 * Returns  a static text; "unknown result" for a value that is not in the table.
 * Threads  any.
 */
const char *mr_err_text(mr_err err);

/**
 * The name of a result ("MR_EIO"), for logs and bindings.
 *
 * Returns  a static text; "MR_?" for a value that is not in the table.
 * Threads  any.
 */
const char *mr_err_name(mr_err err);

/** Bytes that hold the longest problem text with its NUL. */
enum { MR_PROBLEM_BYTES = 512 };

/** Where and why something failed, in a sentence for people. Empty when nothing did. */
typedef struct mr_problem {
    char text[MR_PROBLEM_BYTES];
} mr_problem;

/**
 * Must the result be used? Only clang warns: gcc would warn about deliberate (void) casts too.
 */
#if defined(__clang__)
#define MR_MUST_USE __attribute__((warn_unused_result))
#else
#define MR_MUST_USE
#endif

#ifdef __cplusplus
}
#endif
#endif
