/* SPDX-License-Identifier: MIT */
/**
 * Questions in SQL about a folded log: SQLite over virtual tables, read only.
 *
 * Caveats first
 * - All tables show the log up to where it was folded. What is folded must not change meanwhile.
 * - The memory limit is SQLite's, so it is one for the whole process.
 * - docs/SQL.md lists what is allowed, the tables and what they do fast.
 */
#ifndef MRI_SQL_SQL_H
#define MRI_SQL_SQL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"
#include "pipeline/health.h"

/** Defaults of the limits. */
enum { MRI_SQL_TIMEOUT_S = 30, MRI_SQL_MEMORY_MIB = 512, MRI_SQL_COLUMNS_MAX = 128 };

/** What is asked about. */
struct mri_sql_options {
    const struct mri_os *os;
    const struct mri_alloc *alloc;
    const struct mri_bus *bus;
    const struct mri_market *market;
    const char *folder;    /**< of the log; NULL: only `signals` has rows */
    uint64_t first_seq;    /**< of the log */
    uint64_t log_number;   /**< for the ids of orders, see mri_order_table_id() */
    struct mri_fold *fold; /**< for `health`, with the two functions; NULL: it is empty */
    mr_err (*judge)(struct mri_fold *fold, struct mri_health *ret_health, mr_problem *problem);
    const char *(*health_text)(enum mri_health_state state);
    int64_t timeout_ns; /**< of each query; 0: none */
    size_t memory_bytes_max;
    bool (*is_stopped)(void *context); /**< asked now and then; NULL: nobody interrupts */
    void *context;
};

/** A connection, and a query under way. */
struct mri_sql;

enum mri_sql_type {
    MRI_SQL_NULL,
    MRI_SQL_INTEGER,
    MRI_SQL_REAL,
    MRI_SQL_TEXT,
    MRI_SQL_BLOB,
};

/** A value of a row. */
struct mri_sql_value {
    enum mri_sql_type type;
    int64_t integer;
    double real;
    struct mri_slice text; /**< or blob; until the next step */
};

/** What is wrong. */
struct mri_sql_fault {
    mr_problem problem;
    bool has_place;
    size_t place; /**< in bytes of the query's text */
};

/**
 * The options for a folded log, with the limits that are usual; judge and health_text are still to
 * be set, or fold to be taken out.
 *
 * Returns  the options.
 * Threads  one at a time.
 */
struct mri_sql_options mri_sql_options_of(struct mri_fold *fold);

/**
 * Open a connection.
 *
 * Returns  MR_OK; MR_ENOMEM; MR_EINTERNAL SQLite does not start.
 * Owner    mri_sql_close() frees; what the options name is borrowed until then.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_sql_open(const struct mri_sql_options *options, struct mri_sql **ret_sql);

/**
 * Close. NULL is allowed.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_sql_close(struct mri_sql *sql);

/**
 * Prepare a query: one statement, UTF-8, that only reads. The one before is forgotten, and the
 * time begins to be counted.
 *
 * Returns  MR_OK; MR_REFUSED it is none, *reterr_fault says why and where; MR_ENOMEM, faults of
 *          reading.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_sql_ask(
    struct mri_sql *sql, struct mri_slice text, struct mri_sql_fault *reterr_fault);

/**
 * The next row.
 *
 * Returns  MR_OK; MR_END there are no more; MR_REFUSED the query is wrong after all; MR_ELIMIT its
 *          time or memory is over; MR_AGAIN it was interrupted; faults of reading.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_sql_step(struct mri_sql *sql, struct mri_sql_fault *reterr_fault);

/**
 * How many columns the answer has.
 *
 * Returns  the number.
 * Threads  one at a time.
 */
unsigned mri_sql_column_count(const struct mri_sql *sql);

/**
 * The name of a column.
 *
 * Returns  text.
 * Owner    until the query is forgotten.
 * Threads  one at a time.
 */
const char *mri_sql_column_name(const struct mri_sql *sql, unsigned column);

/**
 * Was the column declared as one of numbers?
 *
 * Returns  true or false.
 * Threads  one at a time.
 */
bool mri_sql_is_numeric(const struct mri_sql *sql, unsigned column);

/**
 * A value of the row.
 *
 * Returns  the value.
 * Owner    texts are there until the next step.
 * Threads  one at a time.
 */
struct mri_sql_value mri_sql_value(const struct mri_sql *sql, unsigned column);

/**
 * Forget the query.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_sql_forget(struct mri_sql *sql);

/**
 * Is the text a whole statement, up to its semicolon?
 *
 * Returns  true or false.
 * Threads  any.
 */
bool mri_sql_is_complete(const char *text);

/**
 * The name of a table.
 *
 * Returns  the name; NULL behind the last one.
 * Owner    the connection.
 * Threads  one at a time.
 */
const char *mri_sql_table_name(const struct mri_sql *sql, unsigned index);

#endif
