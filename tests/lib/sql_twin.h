/* SPDX-License-Identifier: MIT */
/**
 * Tables of millrace beside tables of SQLite that hold the same rows: each statement must get the
 * same answer from both, whatever is pushed down. A difference fails the test.
 */
#ifndef TESTS_LIB_SQL_TWIN_H
#define TESTS_LIB_SQL_TWIN_H

#include <sqlite3.h>

#include "sql/sql.h"

struct mri_sql_twin {
    struct mri_sql *sql;
    sqlite3 *native;
};

/**
 * Ask ours.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_sql_twin_ask(struct mri_sql_twin *twin, const char *text);

/**
 * The next row of ours.
 *
 * Returns  MR_OK; MR_END.
 * Threads  one at a time.
 */
mr_err mri_sql_twin_step(struct mri_sql_twin *twin, const char *text);

/**
 * Have the native one do something.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_sql_twin_run(struct mri_sql_twin *twin, const char *text);

/**
 * Copy a table into the native one.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_sql_twin_copy(struct mri_sql_twin *twin, const char *table);

/**
 * Ask both.
 *
 * Returns  how many bytes the answer has.
 * Threads  one at a time.
 */
size_t mri_sql_twin_compare(struct mri_sql_twin *twin, const char *text);

/**
 * The plan that EXPLAIN QUERY PLAN shows must have this in it, and sort nothing.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_sql_twin_expect_plan(struct mri_sql_twin *twin, const char *query, const char *part);

#endif
