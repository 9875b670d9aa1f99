/* SPDX-License-Identifier: MIT */
/*
 * The table of shadows. A cursor goes one of two ways:
 *
 *   through the log    once: an opened shadow is kept until its end comes, then the row is shown;
 *                      those that are still open come last, in the order in which they opened
 *   a signal's chain   when its ordinal or id is given
 *
 * Invariants
 *  1. A signal has one row at most. One of which only the end is left (the log has lost its
 *     beginning) or that was never opened has one, too.
 *  2. SQLite looks at every condition again: what is taken here only narrows.
 */
#include "sql/shadows_vtab.h"

#include <string.h>

#include "base/due_queue.h"
#include "base/ident.h"
#include "base/problem.h"
#include "log/read/reader.h"
#include "sql/event_value.h"
#include "sql/vtab.h"

enum { RECORDS_A_LOOK = 4096, DECLARATION_BYTES_MAX = 4096 };

/** Which of a shadow's events a column is of. */
enum part {
    OPENED,
    CLOSED,
    EITHER, /**< the end says it, else the beginning */
    EXIT,   /**< of the end, if there was an exit */
};

static const struct {
    const char *name;
    const char *type;
    const char *event_column;
    enum part part;
} columns[] = {
    {"ordinal", "INTEGER", "ordinal", EITHER},
    {"signal_id", "TEXT", "signal_id", EITHER},
    {"symbol", "TEXT", "symbol", EITHER},
    {"side", "TEXT", "side", EITHER},
    {"gate", "TEXT", "gate", EITHER},
    {"advisory", "INTEGER", "advisory", EITHER},
    {"quantity", "REAL", "quantity", OPENED},
    {"entry_time_unix_ns", "INTEGER", "event_time_unix_ns", OPENED},
    {"entry_time", "TEXT", "event_time", OPENED},
    {"entry_price", "REAL", "price", OPENED},
    {"stop_price", "REAL", "stop_price", OPENED},
    {"target_price", "REAL", "target_price", OPENED},
    {"exit_time_unix_ns", "INTEGER", "event_time_unix_ns", EXIT},
    {"exit_time", "TEXT", "event_time", EXIT},
    {"exit_price", "REAL", "exit_price", EXIT},
    {"reason", "TEXT", "reason", CLOSED},
    {"gross_e8", "INTEGER", "gross_e8", EXIT},
    {"gross", "REAL", "gross", EXIT},
    {"fee_e8", "INTEGER", "fee_e8", EXIT},
    {"fee", "REAL", "fee", EXIT},
    {"net_e8", "INTEGER", "net_e8", EXIT},
    {"net", "REAL", "net", EXIT},
    {"decided_seq", "INTEGER", "decided_seq", OPENED},
    {"opened_seq", "INTEGER", "seq", OPENED},
    {"closed_seq", "INTEGER", "seq", CLOSED},
};

enum { COLUMN_COUNT = MRI_COUNT_OF(columns), ORDINAL_COLUMN = 0, ID_COLUMN = 1 };

struct table {
    sqlite3_vtab base;
    struct mri_events_vtab *events;
    const struct mri_event_table *described; /**< shadow_events */
    unsigned event_columns[COLUMN_COUNT];
};

/** An opened shadow. */
struct kept {
    uint64_t seq;
    int64_t wall_unix_ns;
    struct mri_shadow_opened body;
};

struct cursor {
    sqlite3_vtab_cursor base;
    mr_log_reader *reader;
    struct mri_due_queue open; /**< struct kept by ordinal, due by seq */
    uint64_t next_seq;         /**< on the way through the log */
    uint64_t chain_seq;        /**< on a signal's chain; 0 = its end */
    bool is_chain;
    bool is_end;
    uint32_t looked;
    bool has_opened; /**< of the row */
    bool has_closed;
    struct mri_shadow_opened opened;
    struct mri_shadow_closed closed;
    struct mri_event opened_event;
    struct mri_event closed_event;
};

static int fail(const struct table *table, mr_err err)
{
    if (err == MR_AGAIN) {
        return SQLITE_INTERRUPT;
    }
    if (err == MR_ENOMEM) {
        return SQLITE_NOMEM;
    }
    table->events->guard->err = err;
    return SQLITE_IOERR;
}

/* ---- connecting ------------------------------------------------------------------------------ */

static unsigned find_column(const struct mri_event_table *described, const char *name)
{
    unsigned at = 0;
    while (at < described->column_count && strcmp(described->columns[at].name, name) != 0) {
        at++;
    }
    MRI_ASSERT(at < described->column_count);
    return at;
}

static int connect(sqlite3 *db, void *context, int argc, const char *const *argv,
    sqlite3_vtab **ret_vtab, char **ret_error)
{
    struct mri_events_vtab *events = context;
    struct mri_buf text;
    (void)argc;
    (void)argv;
    (void)ret_error;
    mri_buf_init(&text, events->alloc, DECLARATION_BYTES_MAX);
    mri_buf_text(&text, "CREATE TABLE shadows(");
    for (unsigned i = 0; i < COLUMN_COUNT; i++) {
        mri_buf_printf(&text, "\"%s\" %s, ", columns[i].name, columns[i].type);
    }
    mri_buf_text(&text, "PRIMARY KEY (ordinal)) WITHOUT ROWID");
    int result = text.err == MR_OK ? sqlite3_declare_vtab(db, mri_buf_c_text(&text)) : SQLITE_NOMEM;
    mri_buf_fini(&text);
    struct table *table = result == SQLITE_OK ? sqlite3_malloc64(sizeof(*table)) : NULL;
    if (table == NULL) {
        return result == SQLITE_OK ? SQLITE_NOMEM : result;
    }
    *table = (struct table){.events = events};
    for (unsigned i = 0; i < events->tables->count; i++) {
        if (strcmp(events->tables->tables[i].name, "shadow_events") == 0) {
            table->described = &events->tables->tables[i];
        }
    }
    MRI_ASSERT(table->described != NULL);
    for (unsigned i = 0; i < COLUMN_COUNT; i++) {
        table->event_columns[i] = find_column(table->described, columns[i].event_column);
    }
    *ret_vtab = &table->base;
    return SQLITE_OK;
}

static int disconnect(sqlite3_vtab *vtab)
{
    sqlite3_free(vtab);
    return SQLITE_OK;
}

/** The index is the column that is given, the text what EXPLAIN QUERY PLAN shows. */
static int best_index(sqlite3_vtab *vtab, sqlite3_index_info *info)
{
    const struct table *table = (const struct table *)vtab;
    double rows = (double)table->events->last_seq + 1.0;
    info->idxNum = -1;
    info->estimatedCost = rows;
    info->estimatedRows = (sqlite3_int64)(rows / 16.0) + 1;
    for (int i = 0; i < info->nConstraint && info->idxNum < 0; i++) {
        int given = info->aConstraint[i].iColumn;
        bool is_taken = info->aConstraint[i].usable != 0 &&
                        info->aConstraint[i].op == SQLITE_INDEX_CONSTRAINT_EQ &&
                        (given == ORDINAL_COLUMN ||
                            (given == ID_COLUMN &&
                                sqlite3_stricmp(sqlite3_vtab_collation(info, i), "BINARY") == 0));
        if (is_taken) {
            info->aConstraintUsage[i].argvIndex = 1;
            info->idxNum = given;
            info->idxStr =
                (char *)(given == ORDINAL_COLUMN ? "ordinal=" : "signal_id="); /* only read */
            info->idxFlags = SQLITE_INDEX_SCAN_UNIQUE;
            info->estimatedCost = rows < 3200.0 ? rows : 3200.0;
            info->estimatedRows = 1;
        }
    }
    return SQLITE_OK;
}

/* ---- going ----------------------------------------------------------------------------------- */

static mr_err decode(
    const struct table *table, const mr_log_event *record, struct mri_event *ret_event)
{
    mr_err err = mri_event_decode(record, ret_event);
    return err == MR_OK
               ? MR_OK
               : mri_problem(&table->events->guard->problem, err, "event %llu cannot be read: %s",
                     (unsigned long long)record->seq.n, mr_err_text(err));
}

static void take_opened(
    struct cursor *cursor, const struct mri_shadow_opened *body, const struct mri_event *event)
{
    cursor->has_opened = true;
    cursor->opened = *body;
    cursor->opened_event = *event;
    cursor->opened_event.body = &cursor->opened;
}

static void take_closed(struct cursor *cursor, const struct mri_event *event)
{
    cursor->has_closed = true;
    cursor->closed = *(const struct mri_shadow_closed *)event->body;
    cursor->closed_event = *event;
    cursor->closed_event.body = &cursor->closed;
}

/** An opened shadow that was kept becomes part of the row. */
static void take_kept(struct cursor *cursor, uint32_t ordinal)
{
    const struct kept *kept = mri_due_queue_find(&cursor->open, ordinal);
    if (kept == NULL) {
        return;
    }
    const struct mri_event event = {.seq = kept->seq,
        .ordinal = ordinal,
        .wall_unix_ns = kept->wall_unix_ns,
        .body_bytes = sizeof(kept->body),
        .type = MRI_EVENT_SHADOW_OPENED,
        .version = MRI_EVENT_VERSION};
    take_opened(cursor, &kept->body, &event);
    mri_due_queue_remove(&cursor->open, ordinal);
}

static mr_err keep(struct cursor *cursor, const struct mri_event *event)
{
    mr_err err = mri_due_queue_reserve(&cursor->open, 1);
    if (err == MR_OK && mri_due_queue_find(&cursor->open, event->ordinal) == NULL) {
        struct kept *kept = mri_due_queue_add(&cursor->open, event->ordinal, (int64_t)event->seq);
        *kept = (struct kept){.seq = event->seq,
            .wall_unix_ns = event->wall_unix_ns,
            .body = *(const struct mri_shadow_opened *)event->body};
    }
    return err;
}

/** The row of the next shadow that has ended; MR_END: there is none. */
static mr_err next_ended(const struct table *table, struct cursor *cursor)
{
    while (cursor->next_seq <= table->events->last_seq) {
        mr_log_event record;
        struct mri_event event;
        if (cursor->looked++ % RECORDS_A_LOOK == 0 && mri_guard_is_over(table->events->guard)) {
            return MR_AGAIN;
        }
        mr_err err = mr_log_reader_next(cursor->reader, &record, &table->events->guard->problem);
        if (err != MR_OK) {
            return err;
        }
        cursor->next_seq = record.seq.n + 1;
        bool is_ours =
            record.type == MRI_EVENT_SHADOW_OPENED || record.type == MRI_EVENT_SHADOW_CLOSED;
        if (!is_ours || record.seq.n > table->events->last_seq) {
            continue;
        }
        err = decode(table, &record, &event);
        if (err == MR_OK && event.type == MRI_EVENT_SHADOW_CLOSED) {
            take_closed(cursor, &event);
            take_kept(cursor, event.ordinal);
            return MR_OK;
        }
        err = err == MR_OK ? keep(cursor, &event) : err;
        if (err != MR_OK) {
            return err;
        }
    }
    return MR_END;
}

static mr_err next_in_log(const struct table *table, struct cursor *cursor)
{
    mr_err err = next_ended(table, cursor);
    if (err != MR_END) {
        return err;
    }
    int64_t seq;
    uint32_t ordinal = mri_due_queue_first(&cursor->open, &seq);
    if (ordinal == 0) {
        return MR_END;
    }
    take_kept(cursor, ordinal);
    return MR_OK;
}

/** The row of a signal, by the chain of its events, from the newest on. */
static mr_err next_on_chain(const struct table *table, struct cursor *cursor)
{
    mr_problem *problem = &table->events->guard->problem;
    while (!cursor->has_opened && cursor->chain_seq != 0 &&
           cursor->chain_seq >= table->events->first_seq) {
        mr_log_event record;
        struct mri_event event;
        mr_err err = mri_guard_is_over(table->events->guard) ? MR_AGAIN : MR_OK;
        if (err == MR_OK) {
            err = mr_log_reader_seek(cursor->reader, (mr_seq){cursor->chain_seq}, problem);
        }
        if (err == MR_OK) {
            err = mr_log_reader_next(cursor->reader, &record, problem);
        }
        bool is_opened = err == MR_OK && record.type == MRI_EVENT_SHADOW_OPENED;
        bool is_closed = err == MR_OK && record.type == MRI_EVENT_SHADOW_CLOSED;
        if (is_opened || is_closed) {
            err = decode(table, &record, &event);
        }
        if (err != MR_OK) {
            return err;
        }
        if (is_opened) {
            take_opened(cursor, event.body, &event);
        } else if (is_closed) {
            take_closed(cursor, &event);
        }
        cursor->chain_seq = record.subject_prev < cursor->chain_seq ? record.subject_prev : 0;
    }
    cursor->chain_seq = 0;
    return cursor->has_opened || cursor->has_closed ? MR_OK : MR_END;
}

static int advance(const struct table *table, struct cursor *cursor)
{
    cursor->has_opened = false;
    cursor->has_closed = false;
    mr_err err = cursor->is_chain ? next_on_chain(table, cursor) : next_in_log(table, cursor);
    cursor->is_end = err != MR_OK;
    return err == MR_OK || err == MR_END ? SQLITE_OK : fail(table, err);
}

/** The ordinal that a condition gives; 0: one that no signal has. */
static uint32_t given_ordinal(int column, sqlite3_value *value)
{
    if (column == ORDINAL_COLUMN) {
        double real = sqlite3_value_double(value);
        return real >= 1.0 && real <= (double)UINT32_MAX ? (uint32_t)real : 0;
    }
    struct mri_ident ident;
    struct mri_slice text = {(const char *)sqlite3_value_text(value), 0};
    text.count = (size_t)sqlite3_value_bytes(value);
    bool is_id = text.bytes != NULL && mri_ident_parse(text, &ident) == MR_OK;
    return is_id ? ident.ordinal.n : 0;
}

static int filter(
    sqlite3_vtab_cursor *base, int number, const char *text, int argc, sqlite3_value **argv)
{
    struct cursor *cursor = (struct cursor *)base;
    const struct table *table = (const struct table *)base->pVtab;
    struct mri_signal_row row;
    (void)text;
    cursor->is_chain = argc > 0;
    cursor->looked = 0;
    cursor->chain_seq = 0;
    cursor->next_seq = table->events->first_seq;
    if (cursor->is_chain) {
        uint32_t ordinal = given_ordinal(number, argv[0]);
        if (ordinal != 0 && mri_signal_rows_get(table->events->rows, ordinal, &row)) {
            cursor->chain_seq = row.last_seq;
        }
        return advance(table, cursor);
    }
    mri_due_queue_fini(&cursor->open);
    mri_due_queue_init(&cursor->open, table->events->alloc, sizeof(struct kept));
    mr_err err = mr_log_reader_seek(
        cursor->reader, (mr_seq){cursor->next_seq}, &table->events->guard->problem);
    return err == MR_OK ? advance(table, cursor) : fail(table, err);
}

/* ---- rows ------------------------------------------------------------------------------------ */

static int open_cursor(sqlite3_vtab *vtab, sqlite3_vtab_cursor **ret_cursor)
{
    const struct table *table = (const struct table *)vtab;
    struct cursor *cursor = sqlite3_malloc64(sizeof(*cursor));
    if (cursor == NULL) {
        return SQLITE_NOMEM;
    }
    *cursor = (struct cursor){.is_end = true};
    mri_due_queue_init(&cursor->open, table->events->alloc, sizeof(struct kept));
    mr_err err = mri_reader_open(table->events->os, table->events->alloc, table->events->folder,
        &cursor->reader, &table->events->guard->problem);
    if (err != MR_OK) {
        sqlite3_free(cursor);
        return fail(table, err);
    }
    *ret_cursor = &cursor->base;
    return SQLITE_OK;
}

static int close_cursor(sqlite3_vtab_cursor *base)
{
    struct cursor *cursor = (struct cursor *)base;
    mr_log_reader_close(cursor->reader);
    mri_due_queue_fini(&cursor->open);
    sqlite3_free(cursor);
    return SQLITE_OK;
}

static int next(sqlite3_vtab_cursor *base)
{
    return advance((const struct table *)base->pVtab, (struct cursor *)base);
}

static int is_end(sqlite3_vtab_cursor *base)
{
    return ((const struct cursor *)base)->is_end;
}

static int column(sqlite3_vtab_cursor *base, sqlite3_context *context, int number)
{
    const struct cursor *cursor = (const struct cursor *)base;
    const struct table *table = (const struct table *)base->pVtab;
    enum part part = columns[number].part;
    bool is_of_end = part == OPENED ? false : part == EITHER ? cursor->has_closed : true;
    bool is_there = is_of_end ? cursor->has_closed : cursor->has_opened;
    if (!is_there || (part == EXIT && cursor->closed.exit_price == 0)) {
        return SQLITE_OK; /* NULL */
    }
    const struct mri_event_value value = {
        .table = table->described,
        .rows = table->events->rows,
        .event = is_of_end ? &cursor->closed_event : &cursor->opened_event,
        .kind = is_of_end, /* shadow_events is of both kinds, in this order */
    };
    mri_event_value_put(&value, table->event_columns[number], context);
    return SQLITE_OK;
}

static const sqlite3_module module = MRI_VTAB_MODULE;

int mri_shadows_vtab_register(sqlite3 *db, struct mri_events_vtab *events)
{
    return sqlite3_create_module_v2(db, "shadows", &module, events, NULL);
}
