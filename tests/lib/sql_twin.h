/* SPDX-License-Identifier: MIT */
/**
 * Tables of millrace beside tables of SQLite that hold the same rows: each statement must get the
 * same answer from both, whatever is pushed down. A difference fails the test.
 */
#ifndef TESTS_LIB_SQL_TWIN_H
#define TESTS_LIB_SQL_TWIN_H

#include <sqlite3.h>

#include "bus/batch.h"
#include "bus/bus.h"
#include "market/market.h"
#include "sql/sql.h"
#include "tests/lib/os_faults.h"
#include "tests/lib/os_memory.h"

/** A log in memory, and both databases of it. */
struct mri_sql_twin {
    struct mri_os_memory *memory;
    struct mri_os_faults machine;
    mr_log *log;
    struct mri_bus bus;
    struct mri_market market;
    struct mri_batch batch; /**< to append to the log */
    struct mri_sql *sql;
    sqlite3 *native;
};

/**
 * Begin with an empty log and the symbols of bus_sample.h, every other one of which looks like a
 * number.
 *
 * @param drafts_max  events of a batch
 *
 * Returns  nothing.
 * Owner    mri_sql_twin_end() frees.
 * Threads  one at a time.
 */
void mri_sql_twin_begin(struct mri_sql_twin *twin, uint32_t drafts_max);

/**
 * Make both databases of what the log has by now; the native one is empty.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_sql_twin_open(struct mri_sql_twin *twin);

/**
 * Free everything.
 *
 * Returns  0; 1: a file is still open.
 * Threads  one at a time.
 */
int mri_sql_twin_end(struct mri_sql_twin *twin);

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
