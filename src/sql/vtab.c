/* SPDX-License-Identifier: MIT */
/*
 * What the virtual tables have in common.
 */
#include "sql/vtab.h"

#include <string.h>

int mri_vtab_make(sqlite3 *db, const char *declaration, size_t bytes, sqlite3_vtab **ret_vtab)
{
    int result = sqlite3_declare_vtab(db, declaration);
    sqlite3_vtab *vtab = result == SQLITE_OK ? sqlite3_malloc64(bytes) : NULL;
    if (vtab == NULL) {
        return result == SQLITE_OK ? SQLITE_NOMEM : result;
    }
    memset(vtab, 0, bytes);
    *ret_vtab = vtab;
    return SQLITE_OK;
}

int mri_vtab_rowid(sqlite3_vtab_cursor *cursor, sqlite3_int64 *ret_rowid)
{
    (void)cursor;
    *ret_rowid = 0;
    return SQLITE_INTERNAL;
}
