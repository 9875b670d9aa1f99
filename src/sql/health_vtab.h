/* SPDX-License-Identifier: MIT */
/**
 * The SQL table `health`: a row a stage of the pipeline, with the judgement of the whole in each.
 */
#ifndef MRI_SQL_HEALTH_VTAB_H
#define MRI_SQL_HEALTH_VTAB_H

#include <sqlite3.h>

#include "pipeline/health.h"
#include "sql/guard.h"

/** What the table is made of; borrowed by the connection. */
struct mri_health_vtab {
    struct mri_fold *fold; /**< NULL: the table is empty */
    mr_err (*judge)(struct mri_fold *fold, struct mri_health *ret_health, mr_problem *problem);
    const char *(*text)(enum mri_health_state state);
    struct mri_guard *guard;
    struct mri_health health;
    bool is_judged; /**< at the first query: it reads the inputs that wait */
};

/**
 * Register the table.
 *
 * Returns  SQLITE_OK; SQLITE_NOMEM.
 * Owner    `table` must outlive the connection.
 * Threads  the connection's.
 */
int mri_health_vtab_register(sqlite3 *db, struct mri_health_vtab *table);

#endif
