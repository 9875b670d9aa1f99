/* SPDX-License-Identifier: MIT */
/**
 * The value of a column of an event, as SQL: numbers as numbers, codes as their texts, what is
 * absent as NULL.
 */
#ifndef MRI_SQL_EVENT_VALUE_H
#define MRI_SQL_EVENT_VALUE_H

#include <sqlite3.h>

#include "sql/event_columns.h"
#include "sql/order_ids.h"
#include "sql/signal_rows.h"

/** A row of a table. */
struct mri_event_value {
    const struct mri_event_table *table;
    const struct mri_signal_rows *rows;
    const struct mri_order_ids *order_ids;
    const struct mri_event *event;
    unsigned kind;     /**< index in the table */
    unsigned position; /**< of the row within the event */
};

/** A value. */
struct mri_event_datum {
    int type;       /**< of SQLite: SQLITE_NULL, SQLITE_INTEGER, SQLITE_FLOAT or SQLITE_TEXT */
    bool is_static; /**< the text lives as long as the tables do */
    int64_t integer;
    double real;
    struct mri_slice text;      /**< in the event, in `room`, or static */
    char room[MRI_IDENT_BYTES]; /**< for a text that is made */
};

/**
 * The name of a type of event.
 *
 * Returns  a static text; NULL for a type that this version does not know.
 * Threads  any.
 */
const char *mri_event_value_kind(uint16_t type);

/**
 * The symbol that an event is about, and that its prices belong to.
 *
 * Returns  its number; UINT32_MAX when it is about none.
 * Threads  one at a time.
 */
uint32_t mri_event_value_symbol(const struct mri_signal_rows *rows, const struct mri_event *event);

/**
 * The value of a column, by its number.
 *
 * Returns  nothing.
 * Owner    its text points into the event, or into *ret_datum.
 * Threads  one at a time.
 */
void mri_event_value_get(
    const struct mri_event_value *value, unsigned number, struct mri_event_datum *ret_datum);

/**
 * Answer with the value of a column, by its number.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_event_value_put(
    const struct mri_event_value *value, unsigned number, sqlite3_context *context);

#endif
