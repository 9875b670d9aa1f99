/* SPDX-License-Identifier: MIT */
/**
 * The kinds of events that a query asks for: a bit for each type.
 */
#ifndef MRI_SQL_KIND_SET_H
#define MRI_SQL_KIND_SET_H

#include <sqlite3.h>

#include "sql/event_columns.h"
#include "sql/plan.h"

enum { MRI_KIND_SET_TYPES = 65536 };

struct mri_kind_set {
    uint8_t bits[MRI_KIND_SET_TYPES / 8];
};

/**
 * All kinds that a table shows.
 *
 * Returns  nothing.
 * Threads  any.
 */
void mri_kind_set_of_table(struct mri_kind_set *set, const struct mri_event_table *table);

/**
 * Keep the kinds whose name is a value (MRI_PLAN_EQ), or one of a list (MRI_PLAN_IN).
 *
 * Returns  SQLITE_OK; what SQLite says of the list.
 * Threads  the connection's.
 */
int mri_kind_set_narrow(struct mri_kind_set *set, enum mri_plan_op op, sqlite3_value *argument);

/**
 * Is a type in it?
 *
 * Returns  true or false.
 * Threads  any.
 */
static inline bool mri_kind_set_has(const struct mri_kind_set *set, uint16_t type)
{
    return (set->bits[type / 8] >> type % 8 & 1) != 0;
}

#endif
