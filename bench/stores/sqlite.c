/* SPDX-License-Identifier: MIT */
/*
 * SQLite: a table with two indexes, changed in place by one transaction a call. Twice: nothing
 * synced ever, and synced at checkpoints.
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/harness.h"
#include "bench/store.h"

static sqlite3 *database;
static sqlite3_stmt *insert;
static sqlite3_stmt *update;
static sqlite3_stmt *select_one;
static sqlite3_stmt *select_latest;
static sqlite3_stmt *select_counts;

static void must(bool is_good)
{
    if (!is_good) {
        (void)fprintf(stderr, "sqlite: %s\n", sqlite3_errmsg(database));
        exit(1);
    }
}

static void run(const char *text)
{
    must(sqlite3_exec(database, text, NULL, NULL, NULL) == SQLITE_OK);
}

static sqlite3_stmt *prepare(const char *text)
{
    sqlite3_stmt *statement = NULL;
    must(sqlite3_prepare_v2(database, text, -1, &statement, NULL) == SQLITE_OK);
    return statement;
}

static void bind_text(sqlite3_stmt *statement, int place, const char *text)
{
    must(sqlite3_bind_text(statement, place, text, -1, SQLITE_STATIC) == SQLITE_OK);
}

static void finish(sqlite3_stmt *statement)
{
    must(sqlite3_step(statement) == SQLITE_DONE && sqlite3_reset(statement) == SQLITE_OK);
}

static void start(const char *folder, const char *synchronous)
{
    char path[4352];
    (void)snprintf(path, sizeof(path), "%s/signals.db", folder);
    must(sqlite3_open(path, &database) == SQLITE_OK);
    run("PRAGMA journal_mode = WAL");
    run(synchronous);
    run("CREATE TABLE signals (id INTEGER PRIMARY KEY, symbol TEXT, source TEXT, side TEXT,"
        " confidence REAL, state TEXT, gate TEXT, reason TEXT, data TEXT);"
        "CREATE INDEX by_symbol ON signals (symbol, state);"
        "CREATE INDEX by_state ON signals (state)");
    insert = prepare("INSERT INTO signals VALUES (?, ?, ?, ?, ?, 'generated', NULL, NULL, ?)");
    update =
        prepare("UPDATE signals SET state = ?, gate = ?, reason = ? WHERE id = ? AND state = ?");
    select_one = prepare("SELECT symbol, state, source, side, confidence, gate, reason FROM signals"
                         " WHERE id = ?");
    select_latest = prepare("SELECT id FROM signals WHERE symbol = ? AND state = ?"
                            " ORDER BY id DESC LIMIT 100");
    select_counts = prepare("SELECT state, count(*) FROM signals GROUP BY state");
}

static void start_off(const char *folder)
{
    start(folder, "PRAGMA synchronous = OFF");
}

static void start_normal(const char *folder)
{
    start(folder, "PRAGMA synchronous = NORMAL");
}

static void sqlite_stop(void)
{
    must(sqlite3_finalize(insert) == SQLITE_OK && sqlite3_finalize(update) == SQLITE_OK &&
         sqlite3_finalize(select_one) == SQLITE_OK &&
         sqlite3_finalize(select_latest) == SQLITE_OK &&
         sqlite3_finalize(select_counts) == SQLITE_OK && sqlite3_close(database) == SQLITE_OK);
}

static void sqlite_emit(const struct mri_store_signal *signal)
{
    must(sqlite3_bind_int64(insert, 1, signal->ordinal) == SQLITE_OK);
    bind_text(insert, 2, signal->symbol_text);
    bind_text(insert, 3, signal->source);
    bind_text(insert, 4, signal->side == MR_LONG ? "long" : "short");
    must(sqlite3_bind_double(insert, 5, signal->confidence) == SQLITE_OK);
    bind_text(insert, 6, signal->data);
    finish(insert);
}

static void sqlite_move(const mr_move *move)
{
    bind_text(update, 1, mr_state_text(move->to));
    bind_text(update, 2, move->gate);
    bind_text(update, 3, move->reason);
    must(sqlite3_bind_int64(update, 4, move->ordinal.n) == SQLITE_OK);
    bind_text(update, 5, mr_state_text(move->from));
    finish(update);
    must(sqlite3_changes(database) == 1);
}

static void sqlite_settle(void)
{
    run("ANALYZE");
}

static struct mri_store_found sqlite_get(uint32_t ordinal)
{
    must(sqlite3_bind_int64(select_one, 1, ordinal) == SQLITE_OK);
    must(sqlite3_step(select_one) == SQLITE_ROW);
    struct mri_store_found found = {
        .state = mri_store_state((const char *)sqlite3_column_text(select_one, 1)),
        .symbol = mri_store_symbol((const char *)sqlite3_column_text(select_one, 0))};
    must(sqlite3_reset(select_one) == SQLITE_OK);
    return found;
}

static uint32_t sqlite_latest(struct mri_workload_question question, uint32_t *ordinals)
{
    char symbol[MRI_WORKLOAD_SYMBOL_BYTES];
    uint32_t count = 0;
    int result;
    mri_workload_symbol_text(question.symbol, symbol);
    bind_text(select_latest, 1, symbol);
    bind_text(select_latest, 2, mr_state_text(question.state));
    while ((result = sqlite3_step(select_latest)) == SQLITE_ROW) {
        ordinals[count++] = (uint32_t)sqlite3_column_int64(select_latest, 0);
    }
    must(result == SQLITE_DONE && sqlite3_reset(select_latest) == SQLITE_OK);
    return count;
}

static void sqlite_counts(uint64_t ret_counts[MR_STATE_COUNT])
{
    int result;
    while ((result = sqlite3_step(select_counts)) == SQLITE_ROW) {
        mr_state state = mri_store_state((const char *)sqlite3_column_text(select_counts, 0));
        ret_counts[state] = (uint64_t)sqlite3_column_int64(select_counts, 1);
    }
    must(result == SQLITE_DONE && sqlite3_reset(select_counts) == SQLITE_OK);
}

#define SETTINGS(level)                                                                            \
    "SQLite " SQLITE_VERSION ", journal_mode=WAL, synchronous=" level                              \
    ", a transaction a call, prepared; indexes (symbol, state) and (state), ANALYZE before "       \
    "asking; "                                                                                     \
    "a move changes the row, no history"

const struct mri_store mri_store_sqlite_off = {
    .name = "sqlite_off",
    .settings = SETTINGS("OFF"),
    .start = start_off,
    .stop = sqlite_stop,
    .emit = sqlite_emit,
    .move = sqlite_move,
    .settle = sqlite_settle,
    .get = sqlite_get,
    .latest = sqlite_latest,
    .counts = sqlite_counts,
};

const struct mri_store mri_store_sqlite_normal = {
    .name = "sqlite_normal",
    .settings = SETTINGS("NORMAL"),
    .start = start_normal,
    .stop = sqlite_stop,
    .emit = sqlite_emit,
    .move = sqlite_move,
    .settle = sqlite_settle,
    .get = sqlite_get,
    .latest = sqlite_latest,
    .counts = sqlite_counts,
};
