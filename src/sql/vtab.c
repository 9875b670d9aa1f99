/* SPDX-License-Identifier: MIT */
/*
 * What the virtual tables have in common.
 */
#include "sql/vtab.h"

int mri_vtab_rowid(sqlite3_vtab_cursor *cursor, sqlite3_int64 *ret_rowid)
{
    (void)cursor;
    *ret_rowid = 0;
    return SQLITE_INTERNAL;
}
