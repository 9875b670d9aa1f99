/* SPDX-License-Identifier: MIT */
/**
 * Comparisons of a column of events with constants, done before SQLite sees the row, and as SQLite
 * does them: numbers exactly, texts by their bytes, NULL equal to nothing.
 */
#ifndef MRI_SQL_EVENT_CONDITION_H
#define MRI_SQL_EVENT_CONDITION_H

#include "sql/event_value.h"
#include "sql/plan.h"

/** Values in order, texts behind numbers. */
struct mri_event_constants {
    struct mri_event_datum *data;
    sqlite3_value **owned; /**< what their texts point into */
    uint32_t count;
    uint32_t room;
};

struct mri_event_condition {
    int16_t column;
    uint8_t op;   /**< enum mri_plan_op */
    bool is_text; /**< the column has texts, else it has numbers */
    bool is_open; /**< a constant is of another type: everything passes, SQLite looks again */
    struct mri_event_constants constants;
};

/**
 * Make a condition.
 *
 * @param value  the constant, or with MRI_PLAN_IN the list
 *
 * Returns  SQLITE_OK; SQLITE_NOMEM.
 * Owner    mri_event_condition_fini() frees, also after a failure; the constants are copied.
 * Threads  one at a time.
 */
int mri_event_condition_init(struct mri_event_condition *condition,
    const struct mri_event_column *column, struct mri_plan_term term, sqlite3_value *value);

/**
 * Free. NULL and zeroed are allowed.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_event_condition_fini(struct mri_event_condition *condition);

/**
 * Does a row pass?
 *
 * Returns  true or false.
 * Threads  one at a time.
 * Cost     the column's value; with MRI_PLAN_IN the log2 of the list.
 */
bool mri_event_condition_is_met(
    const struct mri_event_condition *condition, const struct mri_event_value *value);

#endif
