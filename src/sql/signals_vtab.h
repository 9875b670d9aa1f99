/* SPDX-License-Identifier: MIT */
/**
 * The SQL table `signals`: a row a signal, as the bus knows it.
 */
#ifndef MRI_SQL_SIGNALS_VTAB_H
#define MRI_SQL_SIGNALS_VTAB_H

#include <sqlite3.h>

#include "sql/guard.h"
#include "sql/signal_rows.h"

/** What the table is made of; borrowed by the connection. */
struct mri_signals_vtab {
    struct mri_signal_rows *rows;
    struct mri_guard *guard;
};

/**
 * Register the table.
 *
 * Returns  SQLITE_OK; SQLITE_NOMEM.
 * Owner    `table` must outlive the connection.
 * Threads  the connection's.
 */
int mri_signals_vtab_register(sqlite3 *db, struct mri_signals_vtab *table);

#endif
