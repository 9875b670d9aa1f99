/* SPDX-License-Identifier: MIT */
/**
 * The SQL table `shadows`: a row a shadow position, out of its two events.
 */
#ifndef MRI_SQL_SHADOWS_VTAB_H
#define MRI_SQL_SHADOWS_VTAB_H

#include <sqlite3.h>

#include "sql/events_vtab.h"

/**
 * Register the table.
 *
 * Returns  SQLITE_OK; SQLITE_NOMEM.
 * Owner    `events` must outlive the connection.
 * Threads  the connection's.
 */
int mri_shadows_vtab_register(sqlite3 *db, struct mri_events_vtab *events);

#endif
