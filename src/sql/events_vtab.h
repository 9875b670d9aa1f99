/* SPDX-License-Identifier: MIT */
/**
 * The SQL tables over the events of a log: read from the log itself, up to where it was folded.
 */
#ifndef MRI_SQL_EVENTS_VTAB_H
#define MRI_SQL_EVENTS_VTAB_H

#include <sqlite3.h>

#include "sql/event_columns.h"
#include "sql/event_store.h"
#include "sql/guard.h"
#include "sql/order_ids.h"
#include "sql/signal_rows.h"

/** What the tables are read from; borrowed by the connection. */
struct mri_events_vtab {
    const struct mri_os *os;
    const struct mri_alloc *alloc;
    const char *folder;
    struct mri_event_tables *tables;
    struct mri_signal_rows *rows;
    struct mri_guard *guard;
    struct mri_order_ids *order_ids;
    uint64_t first_seq;
    uint64_t last_seq;      /**< what comes later is not shown */
    size_t store_bytes_max; /**< of what is kept of a query's tables, all together */
    struct mri_event_store stores[MRI_EVENT_TABLES_MAX]; /**< by table, for the query under way */
};

/**
 * Register every table of events.
 *
 * Returns  SQLITE_OK; SQLITE_NOMEM.
 * Owner    `events` must outlive the connection.
 * Threads  the connection's.
 */
int mri_events_vtab_register(sqlite3 *db, struct mri_events_vtab *events);

/**
 * Forget what was kept for a query that is over.
 *
 * Returns  nothing.
 * Threads  the connection's.
 */
void mri_events_vtab_forget(struct mri_events_vtab *events);

#endif
