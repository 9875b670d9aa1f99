/* SPDX-License-Identifier: MIT */
/**
 * What the virtual tables have in common.
 */
#ifndef MRI_SQL_VTAB_H
#define MRI_SQL_VTAB_H

#include <sqlite3.h>

/** The methods of a table whose file has them by these names. It is read only, and has no rowid. */
#define MRI_VTAB_MODULE                                                                            \
    {                                                                                              \
        .xConnect = connect, .xBestIndex = best_index, .xDisconnect = disconnect,                  \
        .xOpen = open_cursor, .xClose = close_cursor, .xFilter = filter, .xNext = next,            \
        .xEof = is_end, .xColumn = column, .xRowid = mri_vtab_rowid                                \
    }

/**
 * The rowid of a table that has none; SQLite never asks for it.
 *
 * Returns  SQLITE_INTERNAL.
 * Threads  one at a time.
 */
int mri_vtab_rowid(sqlite3_vtab_cursor *cursor, sqlite3_int64 *ret_rowid);

#endif
