/* SPDX-License-Identifier: MIT */
/*
 * The connection: a database in memory that holds nothing, the tables registered on it, and what
 * keeps a query from doing anything but read.
 *
 * Four locks, each enough for most of it
 *   the authorizer allows SELECT, reading, functions, recursion and a few PRAGMAs, nothing else
 *   statements that SQLite does not call read-only, or that answer nothing, are refused
 *   there is no file: the database is in memory, attaching is limited to 0, extensions are off
 *   sizes, depth, memory and time are limited
 *
 * Invariants
 *  1. One statement at a time; `statement` is NULL between queries.
 *  2. Once opened, nothing changes the connection: the authorizer stands before the first query.
 */
#include "sql/sql.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "base/problem.h"
#include "base/text.h"
#include "sql/events_vtab.h"
#include "sql/health_vtab.h"
#include "sql/signals_vtab.h"

enum { STEPS_A_LOOK = 5000, VALUE_BYTES_MAX = 16 << 20, STORE_SHARE = 4 };

struct mri_sql {
    struct mri_sql_options options;
    struct mri_guard guard;
    struct mri_signal_rows rows;
    struct mri_event_tables tables;
    struct mri_order_ids order_ids;
    struct mri_signals_vtab signals;
    struct mri_events_vtab events;
    struct mri_health_vtab health;
    sqlite3 *db;
    sqlite3_stmt *statement;
    const char *denied; /**< what the authorizer refused of the newest query; NULL = nothing */
};

struct mri_sql_options mri_sql_options_of(struct mri_fold *fold)
{
    return (struct mri_sql_options){
        .os = fold->options.os,
        .alloc = fold->options.alloc,
        .bus = &fold->bus,
        .market = &fold->wiring.market,
        .folder = fold->options.folder,
        .first_seq = fold->first_seq,
        .log_number = fold->log_number,
        .fold = fold,
        .timeout_ns = MRI_SQL_TIMEOUT_S * (int64_t)1000000000,
        .memory_bytes_max = (size_t)MRI_SQL_MEMORY_MIB << 20,
    };
}

/* ---- locks ----------------------------------------------------------------------------------- */

/** What is refused, in words. */
static const char *action_text(int action)
{
    switch (action) {
    case SQLITE_ATTACH:
        return "ATTACH";
    case SQLITE_DETACH:
        return "DETACH";
    case SQLITE_PRAGMA:
        return "this PRAGMA";
    case SQLITE_FUNCTION:
        return "this function";
    case SQLITE_TRANSACTION:
    case SQLITE_SAVEPOINT:
        return "a transaction";
    case SQLITE_INSERT:
        return "INSERT, or a statement that makes something,";
    case SQLITE_UPDATE:
        return "UPDATE";
    case SQLITE_DELETE:
        return "DELETE, or a statement that drops something,";
    case SQLITE_ANALYZE:
        return "ANALYZE";
    case SQLITE_REINDEX:
        return "REINDEX";
    default:
        return "a statement that changes something";
    }
}

static bool is_pragma_allowed(const char *name, const char *argument)
{
    static const char *const with_argument[] = {"table_info", "table_xinfo"};
    static const char *const without[] = {"table_list", "function_list", "pragma_list",
        "module_list", "collation_list", "compile_options", "database_list"};
    for (size_t i = 0; name != NULL && i < MRI_COUNT_OF(with_argument); i++) {
        if (sqlite3_stricmp(name, with_argument[i]) == 0) {
            return true;
        }
    }
    for (size_t i = 0; name != NULL && argument == NULL && i < MRI_COUNT_OF(without); i++) {
        if (sqlite3_stricmp(name, without[i]) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_function_allowed(const char *name)
{
    return name == NULL || (sqlite3_stricmp(name, "load_extension") != 0 &&
                               sqlite3_stricmp(name, "fts3_tokenizer") != 0);
}

static int authorize(void *context, int action, const char *first, const char *second,
    const char *database, const char *trigger)
{
    struct mri_sql *sql = context;
    (void)database;
    (void)trigger;
    bool is_allowed = action == SQLITE_SELECT || action == SQLITE_READ ||
                      action == SQLITE_RECURSIVE ||
                      (action == SQLITE_FUNCTION && is_function_allowed(second)) ||
                      (action == SQLITE_PRAGMA && is_pragma_allowed(first, second));
    if (!is_allowed && sql->denied == NULL) {
        sql->denied = action_text(action);
    }
    return is_allowed ? SQLITE_OK : SQLITE_DENY;
}

static int look(void *context)
{
    struct mri_sql *sql = context;
    return mri_guard_is_over(&sql->guard);
}

/** How long a value may be: no longer than the memory of all is large. */
static int value_bytes_max(const struct mri_sql_options *options)
{
    return options->memory_bytes_max < VALUE_BYTES_MAX ? (int)options->memory_bytes_max
                                                       : (int)VALUE_BYTES_MAX;
}

static void set_limits(sqlite3 *db)
{
    static const int limits[][2] = {
        {SQLITE_LIMIT_SQL_LENGTH, 1024 * 1024},
        {SQLITE_LIMIT_COLUMN, MRI_SQL_COLUMNS_MAX},
        {SQLITE_LIMIT_EXPR_DEPTH, 200},
        {SQLITE_LIMIT_COMPOUND_SELECT, 100},
        {SQLITE_LIMIT_VDBE_OP, 1000000},
        {SQLITE_LIMIT_FUNCTION_ARG, 100},
        {SQLITE_LIMIT_ATTACHED, 0},
        {SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1000},
        {SQLITE_LIMIT_VARIABLE_NUMBER, 0},
        {SQLITE_LIMIT_TRIGGER_DEPTH, 1},
        {SQLITE_LIMIT_WORKER_THREADS, 0},
    };
    for (size_t i = 0; i < MRI_COUNT_OF(limits); i++) {
        (void)sqlite3_limit(db, limits[i][0], limits[i][1]);
    }
}

static int lock_down(struct mri_sql *sql)
{
    sqlite3 *db = sql->db;
    static const int settings[][2] = {
        {SQLITE_DBCONFIG_DEFENSIVE, 1},
        {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
        {SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0},
        {SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER, 0},
        {SQLITE_DBCONFIG_ENABLE_TRIGGER, 0},
        {SQLITE_DBCONFIG_ENABLE_VIEW, 0},
        {SQLITE_DBCONFIG_DQS_DML, 0},
        {SQLITE_DBCONFIG_DQS_DDL, 0},
    };
    int result = SQLITE_OK;
    for (size_t i = 0; i < MRI_COUNT_OF(settings) && result == SQLITE_OK; i++) {
        result = sqlite3_db_config(db, settings[i][0], settings[i][1], NULL);
    }
    if (result == SQLITE_OK) { /* sorting stays in memory: no files, and one limit for all */
        result = sqlite3_exec(db, "PRAGMA temp_store = MEMORY", NULL, NULL, NULL);
    }
    (void)sqlite3_hard_heap_limit64((sqlite3_int64)sql->options.memory_bytes_max);
    set_limits(db);
    (void)sqlite3_limit(db, SQLITE_LIMIT_LENGTH, value_bytes_max(&sql->options));
    sqlite3_progress_handler(db, STEPS_A_LOOK, look, sql);
    return result == SQLITE_OK ? sqlite3_set_authorizer(db, authorize, sql) : result;
}

/* ---- opening --------------------------------------------------------------------------------- */

static int register_tables(struct mri_sql *sql)
{
    const struct mri_sql_options *options = &sql->options;
    sql->signals = (struct mri_signals_vtab){.rows = &sql->rows, .guard = &sql->guard};
    sql->order_ids = (struct mri_order_ids){
        .alloc = options->alloc, .table = &options->bus->orders, .log_number = options->log_number};
    sql->events = (struct mri_events_vtab){
        .os = options->os,
        .alloc = options->alloc,
        .folder = options->folder,
        .tables = &sql->tables,
        .rows = &sql->rows,
        .guard = &sql->guard,
        .order_ids = &sql->order_ids,
        .first_seq = options->first_seq > 0 ? options->first_seq : 1,
        .last_seq = options->bus->last_seq,
        .store_bytes_max = options->memory_bytes_max / STORE_SHARE,
    };
    sql->health = (struct mri_health_vtab){.fold = options->fold,
        .judge = options->judge,
        .text = options->health_text,
        .guard = &sql->guard};
    int result = mri_signals_vtab_register(sql->db, &sql->signals);
    if (result == SQLITE_OK && options->folder != NULL) {
        result = mri_events_vtab_register(sql->db, &sql->events);
    }
    return result == SQLITE_OK ? mri_health_vtab_register(sql->db, &sql->health) : result;
}

static int connect_table(struct mri_sql *sql, const char *name)
{
    sqlite3_stmt *statement = NULL;
    char *text = sqlite3_mprintf("SELECT 1 FROM \"%w\"", name);
    int result =
        text == NULL ? SQLITE_NOMEM : sqlite3_prepare_v2(sql->db, text, -1, &statement, NULL);
    sqlite3_free(text);
    (void)sqlite3_finalize(statement);
    return result;
}

/**
 * Have SQLite connect every table now: declaring one is more than the authorizer allows later. So
 * of SQLite's own tables only these can be used.
 */
static int connect_tables(struct mri_sql *sql)
{
    static const char *const own[] = {"pragma_table_info", "pragma_table_xinfo",
        "pragma_table_list", "pragma_function_list", "pragma_module_list", "json_each",
        "json_tree"};
    int result = SQLITE_OK;
    const char *name;
    for (unsigned i = 0; result == SQLITE_OK && (name = mri_sql_table_name(sql, i)) != NULL; i++) {
        result = connect_table(sql, name);
    }
    for (size_t i = 0; result == SQLITE_OK && i < MRI_COUNT_OF(own); i++) {
        result = connect_table(sql, own[i]);
    }
    return result;
}

mr_err mri_sql_open(const struct mri_sql_options *options, struct mri_sql **ret_sql)
{
    void *block;
    mr_err err = mri_alloc_array(options->alloc, 1, sizeof(struct mri_sql), &block);
    if (err != MR_OK) {
        return err;
    }
    struct mri_sql *sql = block;
    sql->options = *options;
    sql->guard = (struct mri_guard){.os = options->os,
        .is_stopped = options->is_stopped,
        .context = options->context,
        .deadline_ns = INT64_MAX};
    err = mri_signal_rows_init(
        &sql->rows, options->alloc, options->bus, &options->market->instruments);
    if (err == MR_OK) {
        err = mri_event_columns_init(&sql->tables, options->alloc);
    }
    if (err == MR_OK) {
        int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_MEMORY | SQLITE_OPEN_NOMUTEX;
        int result = sqlite3_open_v2(":memory:", &sql->db, flags, NULL);
        result = result == SQLITE_OK ? register_tables(sql) : result;
        result = result == SQLITE_OK ? connect_tables(sql) : result;
        result = result == SQLITE_OK ? lock_down(sql) : result;
        err = result == SQLITE_OK ? MR_OK : result == SQLITE_NOMEM ? MR_ENOMEM : MR_EINTERNAL;
    }
    if (err != MR_OK) {
        mri_sql_close(sql);
        return err;
    }
    *ret_sql = sql;
    return MR_OK;
}

void mri_sql_close(struct mri_sql *sql)
{
    if (sql == NULL) {
        return;
    }
    mri_sql_forget(sql);
    (void)sqlite3_close_v2(sql->db); /* no statement is left, so it closes */
    mri_order_ids_fini(&sql->order_ids);
    mri_event_columns_fini(&sql->tables);
    mri_signal_rows_fini(&sql->rows);
    mri_alloc_free(sql->options.alloc, sql, sizeof(*sql));
}

/* ---- asking ---------------------------------------------------------------------------------- */

/** Why SQLite says no, and where. */
static mr_err explain(struct mri_sql *sql, int result, struct mri_sql_fault *fault)
{
    int place = sqlite3_error_offset(sql->db);
    mr_problem *problem = &fault->problem;
    fault->has_place = place >= 0;
    fault->place = place >= 0 ? (size_t)place : 0;
    switch (result & 0xff) {
    case SQLITE_NOMEM:
        return mri_problem(problem, MR_ELIMIT, "the query needs more than its %zu MiB of memory",
            sql->options.memory_bytes_max >> 20);
    case SQLITE_TOOBIG: /* the text was measured before */
        return mri_problem(problem, MR_ELIMIT, "a value of the query is longer than its %d MiB",
            value_bytes_max(&sql->options) >> 20);
    case SQLITE_INTERRUPT:
        if (!sql->guard.is_late) {
            return mri_problem(problem, MR_AGAIN, "interrupted");
        }
        return mri_problem(problem, MR_ELIMIT, "the query takes longer than its %lld s",
            (long long)(sql->options.timeout_ns / 1000000000));
    case SQLITE_AUTH:
        return mri_problem(problem, MR_REFUSED, "only reading is allowed: %s is not",
            sql->denied == NULL ? "this" : sql->denied);
    default:
        break;
    }
    if (sql->guard.err != MR_OK) {
        const char *text = sql->guard.problem.text;
        return mri_problem_pass(
            problem, sql->guard.err, text[0] != '\0' ? text : mr_err_text(sql->guard.err));
    }
    return mri_problem(problem, MR_REFUSED, "%s", sqlite3_errmsg(sql->db));
}

static mr_err refuse(struct mri_sql_fault *fault, size_t place, const char *why)
{
    fault->has_place = true;
    fault->place = place;
    return mri_problem(&fault->problem, MR_REFUSED, "%s", why);
}

/** Is there anything but blanks and comments? */
static bool is_empty(struct mri_sql *sql, const char *text, size_t count)
{
    sqlite3_stmt *statement = NULL;
    int result = sqlite3_prepare_v2(sql->db, text, (int)count, &statement, NULL);
    bool is_nothing = result == SQLITE_OK && statement == NULL;
    (void)sqlite3_finalize(statement);
    return is_nothing;
}

mr_err mri_sql_ask(struct mri_sql *sql, struct mri_slice text, struct mri_sql_fault *reterr_fault)
{
    const char *tail = NULL;
    mri_sql_forget(sql);
    *reterr_fault = (struct mri_sql_fault){.has_place = false};
    mri_guard_begin(&sql->guard, sql->options.timeout_ns);
    sql->denied = NULL;
    if (!mri_text_is_utf8(text)) {
        return refuse(reterr_fault, mri_text_utf8_bytes(text), "the query is not UTF-8");
    }
    if (text.count > 0 && memchr(text.bytes, '\0', text.count) != NULL) {
        return mri_problem(&reterr_fault->problem, MR_REFUSED, "the query has a NUL in it");
    }
    if (text.count > (size_t)sqlite3_limit(sql->db, SQLITE_LIMIT_SQL_LENGTH, -1)) {
        return mri_problem(
            &reterr_fault->problem, MR_REFUSED, "the query is longer than a megabyte");
    }
    int result = sqlite3_prepare_v2(
        sql->db, text.count == 0 ? "" : text.bytes, (int)text.count, &sql->statement, &tail);
    if (result != SQLITE_OK) {
        return explain(sql, result, reterr_fault);
    }
    if (sql->statement == NULL) {
        return mri_problem(&reterr_fault->problem, MR_REFUSED, "there is no statement");
    }
    size_t place = (size_t)(tail - text.bytes);
    if (!is_empty(sql, tail, text.count - place)) {
        mri_sql_forget(sql);
        place += strspn(tail, " \t\r\n");
        return refuse(reterr_fault, place, "one statement at a time: another one follows");
    }
    bool is_answering = sqlite3_column_count(sql->statement) > 0;
    if (sqlite3_stmt_readonly(sql->statement) == 0 || !is_answering) {
        mri_sql_forget(sql);
        return mri_problem(&reterr_fault->problem, MR_REFUSED, "only reading is allowed");
    }
    return MR_OK;
}

mr_err mri_sql_step(struct mri_sql *sql, struct mri_sql_fault *reterr_fault)
{
    MRI_ASSERT(sql->statement != NULL);
    int result = sqlite3_step(sql->statement);
    if (result == SQLITE_ROW) {
        return MR_OK;
    }
    if (result == SQLITE_DONE) {
        return MR_END;
    }
    *reterr_fault = (struct mri_sql_fault){.has_place = false};
    return explain(sql, result, reterr_fault);
}

/* ---- the answer ------------------------------------------------------------------------------ */

unsigned mri_sql_column_count(const struct mri_sql *sql)
{
    return (unsigned)sqlite3_column_count(sql->statement);
}

const char *mri_sql_column_name(const struct mri_sql *sql, unsigned column)
{
    const char *name = sqlite3_column_name(sql->statement, (int)column);
    return name == NULL ? "" : name;
}

bool mri_sql_is_numeric(const struct mri_sql *sql, unsigned column)
{
    const char *type = sqlite3_column_decltype(sql->statement, (int)column);
    return type != NULL && (strcmp(type, "INTEGER") == 0 || strcmp(type, "REAL") == 0);
}

struct mri_sql_value mri_sql_value(const struct mri_sql *sql, unsigned column)
{
    sqlite3_stmt *statement = sql->statement;
    int number = (int)column;
    struct mri_sql_value value = {.type = MRI_SQL_NULL};
    switch (sqlite3_column_type(statement, number)) {
    case SQLITE_INTEGER:
        value.type = MRI_SQL_INTEGER;
        value.integer = sqlite3_column_int64(statement, number);
        break;
    case SQLITE_FLOAT:
        value.type = MRI_SQL_REAL;
        value.real = sqlite3_column_double(statement, number);
        break;
    case SQLITE_TEXT:
        value.type = MRI_SQL_TEXT;
        value.text.bytes = (const char *)sqlite3_column_text(statement, number);
        value.text.count = (size_t)sqlite3_column_bytes(statement, number);
        break;
    case SQLITE_BLOB:
        value.type = MRI_SQL_BLOB;
        value.text.bytes = sqlite3_column_blob(statement, number);
        value.text.count = (size_t)sqlite3_column_bytes(statement, number);
        break;
    default:
        break;
    }
    return value;
}

void mri_sql_forget(struct mri_sql *sql)
{
    (void)sqlite3_finalize(sql->statement); /* says again what the last step said */
    sql->statement = NULL;
    mri_events_vtab_forget(&sql->events); /* its cursors are closed */
}

bool mri_sql_is_complete(const char *text)
{
    return sqlite3_complete(text) != 0;
}

const char *mri_sql_table_name(const struct mri_sql *sql, unsigned index)
{
    static const char *const own[] = {"signals", "health"};
    unsigned own_count = MRI_COUNT_OF(own);
    unsigned event_tables = sql->options.folder == NULL ? 0 : sql->tables.count;
    return index < own_count                  ? own[index]
           : index - own_count < event_tables ? sql->tables.tables[index - own_count].name
                                              : NULL;
}
