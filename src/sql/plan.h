/* SPDX-License-Identifier: MIT */
/**
 * What a table does itself of a query: the plan that it makes in xBestIndex, hands through SQLite
 * as text, and reads again in xFilter. The text is what EXPLAIN QUERY PLAN shows:
 *
 *   state= ordinal>= symbol:in gate:null limit offset order:ordinal:desc
 *   state= group:symbol group:side once
 */
#ifndef MRI_SQL_PLAN_H
#define MRI_SQL_PLAN_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "millrace/err.h"

enum mri_plan_op {
    MRI_PLAN_EQ,
    MRI_PLAN_NE,
    MRI_PLAN_LT,
    MRI_PLAN_LE,
    MRI_PLAN_GT,
    MRI_PLAN_GE,
    MRI_PLAN_IN,
    MRI_PLAN_NULL,
    MRI_PLAN_NOT_NULL,
    MRI_PLAN_LIMIT,  /**< a hint of how many rows are wanted; of no column */
    MRI_PLAN_OFFSET, /**< so many rows are left out first; of no column */
    MRI_PLAN_OP_COUNT,
};

enum { MRI_PLAN_TERMS_MAX = 24, MRI_PLAN_ORDERS_MAX = 2 };

/** A condition; its value is the argument of xFilter at the same place. */
struct mri_plan_term {
    int16_t column;
    uint8_t op; /**< enum mri_plan_op */
};

struct mri_plan_order {
    int16_t column;
    bool is_descending;
};

struct mri_plan {
    struct mri_plan_term terms[MRI_PLAN_TERMS_MAX];
    unsigned term_count;
    struct mri_plan_order orders[MRI_PLAN_ORDERS_MAX];
    unsigned order_count;
    bool is_grouped; /**< by the texts of the columns, else by creation */
    bool is_once;    /**< of rows that are the same in the columns, one is enough */
};

/**
 * The operator of a constraint that SQLite offers.
 *
 * Returns  true; false for one that no table here takes.
 * Threads  any.
 */
bool mri_plan_op(const sqlite3_index_info *info, int constraint, enum mri_plan_op *ret_op);

/**
 * Is the other side of a constraint known to be a text?
 *
 * Returns  true or false.
 * Threads  any.
 */
bool mri_plan_is_known_text(sqlite3_index_info *info, int constraint);

/**
 * Is it known to be a number? Which of both is not known: SQLite shows a REAL literal that is whole
 * as an integer here, and hands out a REAL when the query runs.
 *
 * Returns  true or false.
 * Threads  any.
 */
bool mri_plan_is_known_number(sqlite3_index_info *info, int constraint);

/**
 * Take a constraint into the plan.
 *
 * @param is_certain  the table does it exactly: SQLite does not look again
 *
 * Returns  true; false when there is no room.
 * Threads  any.
 */
bool mri_plan_take(struct mri_plan *plan, sqlite3_index_info *info, int constraint,
    struct mri_plan_term term, bool is_certain);

/**
 * Take LIMIT and OFFSET into the plan, when all the others have been offered. Rows are left out
 * here only if the table does everything else exactly, the order included.
 *
 * @param can_skip  the table can leave rows out, in the order that the plan has
 *
 * Returns  nothing.
 * Threads  any.
 */
void mri_plan_take_limits(struct mri_plan *plan, sqlite3_index_info *info, bool can_skip);

/**
 * Hand the plan to SQLite.
 *
 * @param names  of the columns
 *
 * Returns  SQLITE_OK; SQLITE_NOMEM.
 * Threads  any.
 */
int mri_plan_write(const struct mri_plan *plan, const char *const *names, sqlite3_index_info *info);

/**
 * Read a plan again.
 *
 * Returns  MR_OK; MR_EINTERNAL it is not the text of a plan.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_plan_read(
    const char *text, const char *const *names, unsigned name_count, struct mri_plan *ret_plan);

/**
 * Does the operator bound a number?
 *
 * Returns  true for = < <= > >=.
 * Threads  any.
 */
bool mri_plan_is_range(enum mri_plan_op op);

/**
 * Is a comparison true of two values that compare so?
 *
 * @param order  below 0, 0 or above 0: the first value is less, equal or greater
 *
 * Returns  true or false.
 * Threads  any.
 */
bool mri_plan_is_accepted(enum mri_plan_op op, int order);

/**
 * The integers that a comparison with a value allows, both ends included: exactly those that SQLite
 * accepts, of an integer, a REAL or a text that is a number. None are low 1, high 0.
 *
 * Returns  true; false: the value is no number, and nothing is said.
 * Threads  any.
 */
bool mri_plan_range(enum mri_plan_op op, sqlite3_value *value, int64_t *low, int64_t *high);

#endif
