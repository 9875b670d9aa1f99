/* SPDX-License-Identifier: MIT */
/**
 * What the virtual tables have in common.
 */
#ifndef MRI_SQL_VTAB_H
#define MRI_SQL_VTAB_H

#include <sqlite3.h>
#include <stddef.h>

/** The methods of a table whose file has them by these names. It is read only, and has no rowid. */
#define MRI_VTAB_MODULE                                                                            \
    {                                                                                              \
        .xConnect = connect, .xBestIndex = best_index, .xDisconnect = disconnect,                  \
        .xOpen = open_cursor, .xClose = close_cursor, .xFilter = filter, .xNext = next,            \
        .xEof = is_end, .xColumn = column, .xRowid = mri_vtab_rowid                                \
    }

/**
 * Declare a table, and make what SQLite keeps of it: zeros, with a sqlite3_vtab at the beginning.
 *
 * @param declaration  the CREATE TABLE statement
 *
 * Returns  SQLITE_OK; SQLITE_NOMEM; SQLITE_ERROR for a statement that SQLite does not take.
 * Owner    sqlite3_free() frees *ret_vtab.
 * Threads  one at a time.
 */
int mri_vtab_make(sqlite3 *db, const char *declaration, size_t bytes, sqlite3_vtab **ret_vtab);

/**
 * The rowid of a table that has none; SQLite never asks for it.
 *
 * Returns  SQLITE_INTERNAL.
 * Threads  one at a time.
 */
int mri_vtab_rowid(sqlite3_vtab_cursor *cursor, sqlite3_int64 *ret_rowid);

#endif
