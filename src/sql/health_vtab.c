/* SPDX-License-Identifier: MIT */
/*
 * The table of health.
 *
 * Invariants
 *  1. All rows of a connection are of one judgement.
 */
#include "sql/health_vtab.h"
#include "sql/vtab.h"

#include <string.h>

#include "base/utc.h"

/** X(name, type): the columns. */
#define HEALTH_COLUMNS(X)                                                                          \
    X(health, TEXT)                                                                                \
    X(why, TEXT)                                                                                   \
    X(stage, TEXT)                                                                                 \
    X(done, INTEGER)                                                                               \
    X(waiting, INTEGER)                                                                            \
    X(last_unix_ns, INTEGER)                                                                       \
    X(last_time, TEXT)                                                                             \
    X(pending_inputs, INTEGER)                                                                     \
    X(mode, TEXT)                                                                                  \
    X(writer_process, INTEGER)                                                                     \
    X(newest_seq, INTEGER)

enum column {
#define COLUMN(name, type) COLUMN_##name,
    HEALTH_COLUMNS(COLUMN)
#undef COLUMN
};

struct table {
    sqlite3_vtab base;
    struct mri_health_vtab *health;
};

struct cursor {
    sqlite3_vtab_cursor base;
    unsigned stage;
};

static int connect(sqlite3 *db, void *context, int argc, const char *const *argv,
    sqlite3_vtab **ret_vtab, char **ret_error)
{
    (void)argc;
    (void)argv;
    (void)ret_error;
#define DECLARE(name, type) #name " " #type ","
    int result = mri_vtab_make(db,
        "CREATE TABLE health(" HEALTH_COLUMNS(DECLARE) "PRIMARY KEY (stage)) WITHOUT ROWID",
        sizeof(struct table), ret_vtab);
#undef DECLARE
    if (result == SQLITE_OK) {
        ((struct table *)*ret_vtab)->health = context;
    }
    return result;
}

static int disconnect(sqlite3_vtab *vtab)
{
    sqlite3_free(vtab);
    return SQLITE_OK;
}

static int best_index(sqlite3_vtab *vtab, sqlite3_index_info *info)
{
    (void)vtab;
    info->estimatedRows = MRI_STAGE_COUNT;
    info->estimatedCost = MRI_STAGE_COUNT;
    return SQLITE_OK;
}

static int open_cursor(sqlite3_vtab *vtab, sqlite3_vtab_cursor **ret_cursor)
{
    (void)vtab;
    struct cursor *cursor = sqlite3_malloc64(sizeof(*cursor));
    if (cursor == NULL) {
        return SQLITE_NOMEM;
    }
    *cursor = (struct cursor){.stage = 0};
    *ret_cursor = &cursor->base;
    return SQLITE_OK;
}

static int close_cursor(sqlite3_vtab_cursor *base)
{
    sqlite3_free(base);
    return SQLITE_OK;
}

static int filter(
    sqlite3_vtab_cursor *base, int number, const char *text, int argc, sqlite3_value **argv)
{
    struct mri_health_vtab *health = ((const struct table *)base->pVtab)->health;
    (void)number;
    (void)text;
    (void)argc;
    (void)argv;
    ((struct cursor *)base)->stage = 0;
    if (!health->is_judged && health->fold != NULL) {
        mr_err err = health->judge(health->fold, &health->health, &health->guard->problem);
        if (err != MR_OK) {
            health->guard->err = err;
            return SQLITE_IOERR;
        }
        health->is_judged = true;
    }
    return SQLITE_OK;
}

static int next(sqlite3_vtab_cursor *base)
{
    ((struct cursor *)base)->stage++;
    return SQLITE_OK;
}

static int is_end(sqlite3_vtab_cursor *base)
{
    return ((const struct cursor *)base)->stage == MRI_STAGE_COUNT ||
           !((const struct table *)base->pVtab)->health->is_judged;
}

static void put_text(sqlite3_context *context, const char *text)
{
    if (text != NULL) {
        sqlite3_result_text(context, text, -1, SQLITE_STATIC);
    }
}

static int column(sqlite3_vtab_cursor *base, sqlite3_context *context, int number)
{
    const struct mri_health_vtab *table = ((const struct table *)base->pVtab)->health;
    const struct mri_stage_progress *stage =
        &table->health.stages[((const struct cursor *)base)->stage];
    char time[MRI_UTC_BYTES];
    switch ((enum column)number) {
    case COLUMN_health:
        put_text(context, table->text(table->health.state));
        break;
    case COLUMN_why:
        put_text(context, table->health.why);
        break;
    case COLUMN_stage:
        put_text(context, stage->name);
        break;
    case COLUMN_done:
        sqlite3_result_int64(context, (int64_t)stage->done);
        break;
    case COLUMN_waiting:
        sqlite3_result_int64(context, (int64_t)stage->waiting);
        break;
    case COLUMN_last_unix_ns:
        if (stage->last_unix_ns != 0) {
            sqlite3_result_int64(context, stage->last_unix_ns);
        }
        break;
    case COLUMN_last_time:
        if (stage->last_unix_ns != 0) {
            sqlite3_result_text(
                context, mri_utc_format(stage->last_unix_ns, time), -1, SQLITE_TRANSIENT);
        }
        break;
    case COLUMN_pending_inputs:
        sqlite3_result_int64(context, (int64_t)table->health.pending.inputs);
        break;
    case COLUMN_mode:
        put_text(
            context, mri_word_text(MRI_VOCABULARY_mode, table->fold->wiring.execute.mode.mode));
        break;
    case COLUMN_writer_process:
        if (table->fold->runner_id != 0) {
            sqlite3_result_int64(context, table->fold->runner_id);
        }
        break;
    case COLUMN_newest_seq:
        sqlite3_result_int64(context, (int64_t)table->fold->bus.last_seq);
        break;
    }
    return SQLITE_OK;
}

static const sqlite3_module module = MRI_VTAB_MODULE;

int mri_health_vtab_register(sqlite3 *db, struct mri_health_vtab *table)
{
    return sqlite3_create_module_v2(db, "health", &module, table, NULL);
}
