/* SPDX-License-Identifier: MIT */
/*
 * The tables of events. A cursor has a reader of the log, and goes one of three ways:
 *
 *   forward    from a seq or a time on
 *   backward   for ORDER BY seq DESC
 *   chain      the events of one signal, each of which names the one before
 *
 * A query that looks up many signals or seqs (a join) has the events of the table kept in memory
 * after a while (event_store.h): then a chain is made of what is kept, and no reader is needed.
 *
 * Invariants
 *  1. Nothing behind last_seq is shown, so all tables of a connection show the same log.
 *  2. A row that SQLite would accept is never left out; where `omit` is set, none that it would
 *     refuse is let through.
 */
#include "sql/events_vtab.h"

#include <string.h>

#include "base/problem.h"
#include "log/read/reader.h"
#include "sql/event_condition.h"
#include "sql/kind_set.h"
#include "sql/plan.h"
#include "sql/vtab.h"

enum {
    TYPES = 65536,
    RECORDS_NEAR = 16384,
    RECORDS_A_LOOK = 4096,
    DECLARATION_BYTES_MAX = 16384,
    CHAIN_FIRST = 64
};

struct table {
    sqlite3_vtab base;
    struct mri_events_vtab *events;
    const struct mri_event_table *described;
};

struct cursor {
    sqlite3_vtab_cursor base;
    mr_log_reader *reader;  /**< NULL: nothing was read yet */
    uint64_t stands_behind; /**< seq that the reader has read, for the next lookup; 0: unknown */
    uint64_t low;           /**< seqs, both ends included */
    uint64_t high;
    int64_t wall_low_unix_ns;
    int64_t wall_high_unix_ns;
    bool is_descending;
    bool is_chain;
    const struct mri_event_store *kept; /**< the chain is of this; NULL: of the log */
    bool is_end;
    uint32_t looked;
    int64_t chain_ordinal;
    uint64_t *chain; /**< seqs of a signal's events, the newest first */
    uint32_t chain_count;
    uint32_t chain_room;
    uint32_t chain_at; /**< how many were shown */
    struct mri_event event;
    struct mri_event_value value;
    unsigned row_count; /**< rows of the event */
    uint64_t skip;      /**< so many rows are left out */
    unsigned condition_count;
    struct mri_event_condition conditions[MRI_PLAN_TERMS_MAX];
    struct mri_kind_set wanted;
};

/** Note why reading failed, for who asked the query. */
static int fail(const struct table *table, mr_err err)
{
    struct mri_guard *guard = table->events->guard;
    if (err == MR_AGAIN) {
        return SQLITE_INTERRUPT;
    }
    if (err == MR_ENOMEM) {
        return SQLITE_NOMEM;
    }
    guard->err = err;
    return SQLITE_IOERR;
}

static int connect(sqlite3 *db, void *context, int argc, const char *const *argv,
    sqlite3_vtab **ret_vtab, char **ret_error)
{
    struct mri_events_vtab *events = context;
    const struct mri_event_table *described = NULL;
    (void)argc;
    (void)ret_error;
    for (unsigned i = 0; i < events->tables->count; i++) {
        if (strcmp(events->tables->tables[i].name, argv[0]) == 0) {
            described = &events->tables->tables[i];
        }
    }
    if (described == NULL) {
        return SQLITE_INTERNAL;
    }
    struct mri_buf text;
    mri_buf_init(&text, events->alloc, DECLARATION_BYTES_MAX);
    mri_event_columns_declare(described, &text);
    int result = text.err == MR_OK
                     ? mri_vtab_make(db, mri_buf_c_text(&text), sizeof(struct table), ret_vtab)
                     : SQLITE_NOMEM;
    mri_buf_fini(&text);
    if (result == SQLITE_OK) {
        struct table *table = (struct table *)*ret_vtab;
        table->events = events;
        table->described = described;
    }
    return result;
}

static int disconnect(sqlite3_vtab *vtab)
{
    sqlite3_free(vtab);
    return SQLITE_OK;
}

/* ---- planning -------------------------------------------------------------------------------- */

/** Does a condition say where to look? The others are checked on each event that is met. */
static bool is_way(unsigned column, unsigned op)
{
    switch (column) {
    case MRI_EVENT_COLUMN_SEQ:
    case MRI_EVENT_COLUMN_WALL:
        return mri_plan_is_range((enum mri_plan_op)op);
    case MRI_EVENT_COLUMN_KIND:
        return op == MRI_PLAN_EQ || op == MRI_PLAN_IN;
    case MRI_EVENT_COLUMN_ORDINAL:
    case MRI_EVENT_COLUMN_ID:
    case MRI_EVENT_COLUMN_CLIENT_ORDER_ID:
        return op == MRI_PLAN_EQ;
    default:
        return false;
    }
}

/** Is a condition done exactly, so that SQLite need not look again? */
static bool is_certain(sqlite3_index_info *info, int at, const struct mri_event_column *column,
    struct mri_plan_term term)
{
    bool is_text = strcmp(column->type, "TEXT") == 0;
    if (term.op == MRI_PLAN_NULL || term.op == MRI_PLAN_NOT_NULL) {
        return true;
    }
    if (term.op == MRI_PLAN_IN || column->is_mixed || column->from == MRI_EVENT_COLUMN_ID ||
        column->from == MRI_EVENT_COLUMN_CLIENT_ORDER_ID) {
        return false;
    }
    return is_text ? mri_plan_is_known_text(info, at) : mri_plan_is_known_number(info, at);
}

static void offer(
    const struct table *table, sqlite3_index_info *info, int at, struct mri_plan *plan)
{
    enum mri_plan_op op;
    int number = info->aConstraint[at].iColumn;
    if (info->aConstraint[at].usable == 0 || !mri_plan_op(info, at, &op) || op >= MRI_PLAN_LIMIT ||
        number < 0) {
        return;
    }
    const struct mri_event_column *column = &table->described->columns[number];
    bool is_null = op == MRI_PLAN_NULL || op == MRI_PLAN_NOT_NULL;
    if (!is_null && strcmp(column->type, "TEXT") == 0 &&
        sqlite3_stricmp(sqlite3_vtab_collation(info, at), "BINARY") != 0) {
        return;
    }
    /* By seq, ordinal and id each value of a list is quicker looked up by itself. */
    bool is_looked_up = is_way(column->from, op) && column->from != MRI_EVENT_COLUMN_KIND;
    if (op == MRI_PLAN_EQ && !is_looked_up && sqlite3_vtab_in(info, at, -1) != 0) {
        (void)sqlite3_vtab_in(info, at, 1);
        op = MRI_PLAN_IN;
    }
    const struct mri_plan_term term = {(int16_t)number, (uint8_t)op};
    (void)mri_plan_take(plan, info, at, term, is_certain(info, at, column, term));
}

/**
 * The order of the log is that of seq, and of the time of the append. Rows of one event come by
 * their position, whichever way the log is read.
 */
static void take_order(const struct table *table, sqlite3_index_info *info, struct mri_plan *plan)
{
    bool has_rows = table->described->row_groups != 0;
    bool is_one_event = false; /* what is compared further is within one event */
    bool is_over = false;
    for (int i = 0; i < info->nOrderBy && !is_over; i++) {
        int column = info->aOrderBy[i].iColumn;
        bool is_descending = info->aOrderBy[i].desc != 0;
        bool is_time = column == MRI_EVENT_COLUMN_WALL || column == MRI_EVENT_COLUMN_WALL_TEXT;
        bool is_position = is_one_event && column == MRI_EVENT_COLUMN_EVERYWHERE && has_rows;
        if (is_position ? is_descending
                        : (!is_time && column != MRI_EVENT_COLUMN_SEQ) || is_one_event ||
                              is_descending != (info->aOrderBy[0].desc != 0)) {
            return;
        }
        is_over = is_position || (column == MRI_EVENT_COLUMN_SEQ && !has_rows);
        is_one_event |= column == MRI_EVENT_COLUMN_SEQ;
    }
    if (info->nOrderBy > 0) {
        plan->orders[0] = (struct mri_plan_order){.column = (int16_t)info->aOrderBy[0].iColumn,
            .is_descending = info->aOrderBy[0].desc != 0};
        plan->order_count = 1;
        info->orderByConsumed = 1;
    }
}

/** What a plan costs: how many records are read, and how many rows come of them. */
static void estimate(
    const struct table *table, const struct mri_plan *plan, sqlite3_index_info *info)
{
    double rows = (double)table->events->last_seq + 1.0;
    double read = rows;
    for (unsigned i = 0; i < plan->term_count; i++) {
        int column = plan->terms[i].column;
        unsigned op = plan->terms[i].op;
        if (column < 0) {
            continue;
        }
        unsigned from = table->described->columns[column].from;
        if (from == MRI_EVENT_COLUMN_SEQ && op == MRI_PLAN_EQ) {
            rows = 1.0;
            read = 100.0;
            info->idxFlags =
                table->described->row_groups == 0 ? SQLITE_INDEX_SCAN_UNIQUE : info->idxFlags;
        } else if (is_way(from, op) &&
                   (from == MRI_EVENT_COLUMN_ORDINAL || from == MRI_EVENT_COLUMN_ID ||
                       from == MRI_EVENT_COLUMN_CLIENT_ORDER_ID)) {
            rows = rows < 32.0 ? rows : 32.0;
            read = read < 3200.0 ? read : 3200.0; /* each is looked for */
        } else if (is_way(from, op)) {
            rows /= 4.0;
            read /= from == MRI_EVENT_COLUMN_KIND ? 1.5 : 4.0;
        } else {
            rows /= op == MRI_PLAN_EQ                              ? 8.0
                    : op == MRI_PLAN_NE || op == MRI_PLAN_NOT_NULL ? 1.1
                                                                   : 3.0;
        }
    }
    info->estimatedRows = rows < 1.0 ? 1 : (sqlite3_int64)rows;
    info->estimatedCost = read + rows + 1.0;
}

static int best_index(sqlite3_vtab *vtab, sqlite3_index_info *info)
{
    const struct table *table = (const struct table *)vtab;
    struct mri_plan plan = {0};
    for (int i = 0; i < info->nConstraint; i++) {
        offer(table, info, i, &plan);
    }
    take_order(table, info, &plan);
    mri_plan_take_limits(&plan, info, true);
    estimate(table, &plan, info);
    return mri_plan_write(&plan, table->described->names, info);
}

/* ---- filtering ------------------------------------------------------------------------------- */

static mr_err push_chain(struct cursor *cursor, uint64_t seq)
{
    if (cursor->chain_count == cursor->chain_room) {
        uint32_t room = cursor->chain_room == 0 ? CHAIN_FIRST : cursor->chain_room * 2;
        uint64_t *larger = sqlite3_realloc64(cursor->chain, room * sizeof(uint64_t));
        if (larger == NULL) {
            return MR_ENOMEM;
        }
        cursor->chain = larger;
        cursor->chain_room = room;
    }
    cursor->chain[cursor->chain_count++] = seq;
    return MR_OK;
}

static struct mri_event_store *store_of(const struct table *table)
{
    return &table->events->stores[table->described - table->events->tables->tables];
}

/** A cursor opens its reader when it reads the log: many look up what is kept. */
static mr_err open_reader(const struct table *table, struct cursor *cursor)
{
    return cursor->reader != NULL
               ? MR_OK
               : mri_reader_open(table->events->os, table->events->alloc, table->events->folder,
                     &cursor->reader, &table->events->guard->problem);
}

/** Read the event of a seq that is not far from where the reader stands. */
static mr_err walk_to(
    const struct table *table, struct cursor *cursor, uint64_t seq, mr_log_event *ret_record)
{
    mr_problem *problem = &table->events->guard->problem;
    bool is_back = seq <= cursor->stands_behind;
    mr_err err;
    do {
        store_of(table)->walked++;
        err = is_back ? mr_log_reader_previous(cursor->reader, ret_record, problem)
                      : mr_log_reader_next(cursor->reader, ret_record, problem);
    } while (err == MR_OK && (is_back ? ret_record->seq.n > seq : ret_record->seq.n < seq));
    cursor->stands_behind = err == MR_OK ? ret_record->seq.n - is_back : 0;
    return err;
}

static mr_err read_at(
    const struct table *table, struct cursor *cursor, uint64_t seq, mr_log_event *ret_record)
{
    mr_problem *problem = &table->events->guard->problem;
    if (cursor->kept != NULL) { /* the chain is made of what it has */
        return mri_event_store_get(cursor->kept, seq, ret_record) ? MR_OK : MR_EINTERNAL;
    }
    mr_err err = open_reader(table, cursor);
    if (err != MR_OK) {
        return err;
    }
    uint64_t from = cursor->stands_behind;
    if (from != 0 && (seq > from ? seq - from : from - seq) <= RECORDS_NEAR) {
        return walk_to(table, cursor, seq, ret_record);
    }
    store_of(table)->walked += MRI_EVENT_STORE_SEEK;
    err = mr_log_reader_seek(cursor->reader, (mr_seq){seq}, problem);
    if (err == MR_OK) {
        err = mr_log_reader_next(cursor->reader, ret_record, problem);
    }
    cursor->stands_behind = err == MR_OK ? ret_record->seq.n : 0;
    return err;
}

static bool is_looking_up(const struct table *table, const struct mri_plan *plan)
{
    for (unsigned i = 0; i < plan->term_count; i++) {
        int column = plan->terms[i].column;
        unsigned from = column < 0 ? MRI_EVENT_COLUMN_KIND : table->described->columns[column].from;
        if (plan->terms[i].op == MRI_PLAN_EQ &&
            (from == MRI_EVENT_COLUMN_SEQ || from == MRI_EVENT_COLUMN_ORDINAL ||
                from == MRI_EVENT_COLUMN_ID || from == MRI_EVENT_COLUMN_CLIENT_ORDER_ID)) {
            return true;
        }
    }
    return false;
}

static size_t bytes_left(const struct mri_events_vtab *events)
{
    size_t left = events->store_bytes_max;
    for (unsigned i = 0; i < events->tables->count; i++) {
        left -= events->stores[i].bytes;
    }
    return left;
}

/** Before a lookup: are the table's events kept, or is it time to? */
static mr_err look_into_store(const struct table *table, struct cursor *cursor)
{
    struct mri_events_vtab *events = table->events;
    struct mri_event_store *store = store_of(table);
    if (mri_event_store_is_due(store, events->last_seq - events->first_seq)) {
        mr_err err = open_reader(table, cursor);
        if (err != MR_OK) {
            return err;
        }
        const struct mri_event_store_source source = {
            .alloc = events->alloc,
            .table = table->described,
            .reader = cursor->reader,
            .guard = events->guard,
            .first_seq = events->first_seq,
            .last_seq = events->last_seq,
            .ordinal_max = events->rows->count,
            .bytes_max = bytes_left(events),
        };
        cursor->stands_behind = 0;
        err = mri_event_store_fill(store, &source);
        if (err != MR_OK) {
            return err;
        }
    }
    cursor->kept = store->state == MRI_EVENT_STORE_FULL ? store : NULL;
    return MR_OK;
}

/** Before a table of orders is read: are all their attempts known? */
static mr_err know_attempts(const struct table *table, struct cursor *cursor)
{
    struct mri_events_vtab *events = table->events;
    const struct mri_event_column *last =
        &table->described->columns[table->described->column_count - 1];
    if (last->from != MRI_EVENT_COLUMN_ATTEMPT || !mri_order_ids_is_open(events->order_ids)) {
        return MR_OK;
    }
    mr_err err = open_reader(table, cursor);
    cursor->stands_behind = 0;
    return err != MR_OK ? err
                        : mri_order_ids_read(events->order_ids, cursor->reader, events->first_seq,
                              events->last_seq, events->guard);
}

/** The events of a signal, of those that are kept. */
static mr_err gather_chain(struct cursor *cursor, uint32_t ordinal)
{
    mr_err err = MR_OK;
    uint32_t place = mri_event_store_newest(cursor->kept, ordinal);
    while (place != 0 && err == MR_OK) {
        uint64_t seq;
        place = mri_event_store_before(cursor->kept, place, &seq);
        err = push_chain(cursor, seq);
    }
    return err;
}

/** The event of a seq as a chain of one, or of none. */
static mr_err chain_seq(struct cursor *cursor)
{
    mr_log_event record;
    cursor->is_chain = true;
    bool is_there = cursor->kept == NULL || mri_event_store_get(cursor->kept, cursor->low, &record);
    return is_there ? push_chain(cursor, cursor->low) : MR_OK;
}

/** The events of a signal. A second signal that is asked for has none in common with it. */
static mr_err find_chain(const struct table *table, struct cursor *cursor, int64_t ordinal)
{
    struct mri_signal_row row;
    bool is_known = ordinal > 0 && ordinal <= UINT32_MAX &&
                    mri_signal_rows_get(table->events->rows, (uint32_t)ordinal, &row);
    if (!is_known || cursor->is_chain) {
        cursor->is_end |= !is_known || cursor->chain_ordinal != ordinal;
        return MR_OK;
    }
    cursor->is_chain = true;
    cursor->chain_ordinal = ordinal;
    if (cursor->kept != NULL) {
        return gather_chain(cursor, (uint32_t)ordinal);
    }
    const struct mri_event_table *described = table->described;
    if (described->kind_count == 1 && described->kinds[0]->type == MRI_EVENT_SIGNAL_GENERATED) {
        return push_chain(cursor, row.generated_seq);
    }
    uint64_t seq = row.last_seq;
    while (seq != 0 && seq >= table->events->first_seq && seq <= table->events->last_seq) {
        mr_log_event record;
        mr_err err = mri_guard_is_over(table->events->guard) ? MR_AGAIN
                                                             : read_at(table, cursor, seq, &record);
        if (err == MR_OK && mri_kind_set_has(&cursor->wanted, record.type)) {
            err = push_chain(cursor, seq);
        }
        if (err != MR_OK) {
            return err;
        }
        seq = record.subject_prev < seq ? record.subject_prev : 0;
    }
    return MR_OK;
}

static mr_err narrow_signal(
    const struct table *table, struct cursor *cursor, int16_t column, sqlite3_value *value)
{
    if (column == MRI_EVENT_COLUMN_ORDINAL) {
        int64_t low;
        int64_t high;
        bool is_number = mri_plan_range(MRI_PLAN_EQ, value, &low, &high) && low == high;
        return find_chain(table, cursor, is_number ? low : 0); /* else it is equal to none */
    }
    struct mri_ident ident;
    struct mri_slice text = {(const char *)sqlite3_value_text(value), 0};
    text.count = (size_t)sqlite3_value_bytes(value);
    bool is_id = sqlite3_value_type(value) == SQLITE_TEXT && mri_ident_parse(text, &ident) == MR_OK;
    return find_chain(table, cursor, is_id ? ident.ordinal.n : 0);
}

/** An order's events are among its signal's, whose ordinal its id has. */
static mr_err narrow_order(const struct table *table, struct cursor *cursor, sqlite3_value *value)
{
    uint32_t ordinal;
    unsigned leg;
    unsigned attempt;
    struct mri_slice text = {(const char *)sqlite3_value_text(value), 0};
    text.count = (size_t)sqlite3_value_bytes(value);
    bool is_id = sqlite3_value_type(value) == SQLITE_TEXT &&
                 mri_order_table_parse_id(
                     table->events->order_ids->log_number, text, &ordinal, &leg, &attempt) == MR_OK;
    return find_chain(table, cursor, is_id ? ordinal : 0);
}

static int narrow(const struct table *table, struct cursor *cursor, struct mri_plan_term term,
    sqlite3_value *value)
{
    int64_t low;
    int64_t high;
    mr_err err;
    if (term.op == MRI_PLAN_LIMIT || term.op == MRI_PLAN_OFFSET) {
        int64_t count = sqlite3_value_int64(value);
        cursor->skip = term.op == MRI_PLAN_OFFSET && count > 0 ? (uint64_t)count : cursor->skip;
        return SQLITE_OK;
    }
    if (!is_way(table->described->columns[term.column].from, term.op)) {
        struct mri_event_condition *condition = &cursor->conditions[cursor->condition_count++];
        return mri_event_condition_init(
            condition, &table->described->columns[term.column], term, value);
    }
    switch (table->described->columns[term.column].from) {
    case MRI_EVENT_COLUMN_CLIENT_ORDER_ID:
        err = narrow_order(table, cursor, value);
        return err == MR_OK ? SQLITE_OK : fail(table, err);
    case MRI_EVENT_COLUMN_KIND:
        return mri_kind_set_narrow(&cursor->wanted, term.op, value);
    case MRI_EVENT_COLUMN_ORDINAL:
    case MRI_EVENT_COLUMN_ID:
        err = narrow_signal(table, cursor, term.column, value);
        return err == MR_OK ? SQLITE_OK : fail(table, err);
    default:
        break;
    }
    if (!mri_plan_range(term.op, value, &low, &high)) {
        return SQLITE_OK;
    }
    if (low > high || (term.column == MRI_EVENT_COLUMN_SEQ && high < 1)) {
        cursor->is_end = true;
    } else if (term.column == MRI_EVENT_COLUMN_SEQ) {
        uint64_t from = low < 1 ? 1 : (uint64_t)low;
        cursor->low = from > cursor->low ? from : cursor->low;
        cursor->high = (uint64_t)high < cursor->high ? (uint64_t)high : cursor->high;
    } else {
        cursor->wall_low_unix_ns = low > cursor->wall_low_unix_ns ? low : cursor->wall_low_unix_ns;
        cursor->wall_high_unix_ns =
            high < cursor->wall_high_unix_ns ? high : cursor->wall_high_unix_ns;
    }
    return SQLITE_OK;
}

/* ---- going ----------------------------------------------------------------------------------- */

/** Put the reader where the first row may be. */
static mr_err set_out(const struct table *table, struct cursor *cursor)
{
    mr_problem *problem = &table->events->guard->problem;
    mr_log_event record;
    if (cursor->is_chain) {
        return MR_OK;
    }
    mr_err err = open_reader(table, cursor);
    if (err != MR_OK) {
        return err;
    }
    cursor->stands_behind = 0; /* it goes on from there by itself */
    if (cursor->is_descending && cursor->wall_high_unix_ns < INT64_MAX) {
        return mr_log_reader_seek_time(cursor->reader, cursor->wall_high_unix_ns + 1, problem);
    }
    if (cursor->is_descending) { /* turning round, it comes again */
        err = read_at(table, cursor, cursor->high, &record);
        cursor->stands_behind = 0;
        return err;
    }
    if (cursor->low == table->events->first_seq && cursor->wall_low_unix_ns > INT64_MIN) {
        return mr_log_reader_seek_time(cursor->reader, cursor->wall_low_unix_ns, problem);
    }
    return mr_log_reader_seek(cursor->reader, (mr_seq){cursor->low}, problem);
}

/** The next record on the way; MR_END at its end. */
static mr_err step(const struct table *table, struct cursor *cursor, mr_log_event *record)
{
    mr_problem *problem = &table->events->guard->problem;
    if (cursor->looked++ % RECORDS_A_LOOK == 0 && mri_guard_is_over(table->events->guard)) {
        return MR_AGAIN;
    }
    if (cursor->is_chain) {
        uint32_t at = cursor->chain_at++;
        if (at >= cursor->chain_count) {
            return MR_END;
        }
        return read_at(table, cursor,
            cursor->chain[cursor->is_descending ? at : cursor->chain_count - 1 - at], record);
    }
    mr_err err = cursor->is_descending ? mr_log_reader_previous(cursor->reader, record, problem)
                                       : mr_log_reader_next(cursor->reader, record, problem);
    if (err != MR_OK) {
        return err;
    }
    bool is_behind =
        cursor->is_descending
            ? record->seq.n < cursor->low || record->time_unix_ns < cursor->wall_low_unix_ns
            : record->seq.n > cursor->high || record->time_unix_ns > cursor->wall_high_unix_ns;
    return is_behind ? MR_END : MR_OK;
}

static bool is_within(const struct cursor *cursor, const mr_log_event *record)
{
    return record->seq.n >= cursor->low && record->seq.n <= cursor->high &&
           record->time_unix_ns >= cursor->wall_low_unix_ns &&
           record->time_unix_ns <= cursor->wall_high_unix_ns &&
           mri_kind_set_has(&cursor->wanted, record->type);
}

/** Take a record as the event to be shown. */
static mr_err take(const struct table *table, struct cursor *cursor, const mr_log_event *record)
{
    struct mri_event *event = &cursor->event;
    *event = (struct mri_event){
        .seq = record->seq.n,
        .wall_unix_ns = record->time_unix_ns,
        .body = record->body,
        .body_bytes = record->body_bytes,
        .stored_bytes = record->stored_bytes,
        .type = record->type,
        .version = record->version,
    };
    if (mri_event_kind(record->type) != NULL) {
        mr_err err = mri_event_decode(record, event);
        if (err != MR_OK) {
            return mri_problem(&table->events->guard->problem, err, "event %llu cannot be read: %s",
                (unsigned long long)record->seq.n, mr_err_text(err));
        }
    }
    const struct mri_event_table *described = table->described;
    cursor->value = (struct mri_event_value){.table = described,
        .rows = table->events->rows,
        .order_ids = table->events->order_ids,
        .event = event};
    for (unsigned i = 0; i < described->kind_count; i++) {
        cursor->value.kind = described->kinds[i]->type == event->type ? i : cursor->value.kind;
    }
    cursor->row_count = 1;
    if (described->row_groups != 0) {
        (void)mri_event_rows(
            event, (unsigned)__builtin_ctz(described->row_groups), &cursor->row_count);
    }
    return MR_OK;
}

static bool is_passing(const struct cursor *cursor)
{
    for (unsigned i = 0; i < cursor->condition_count; i++) {
        if (!mri_event_condition_is_met(&cursor->conditions[i], &cursor->value)) {
            return false;
        }
    }
    return true;
}

/** Is there a row of the event to be shown, at the position or behind it? Goes there. */
static bool find_row(struct cursor *cursor)
{
    for (; cursor->value.position < cursor->row_count; cursor->value.position++) {
        bool is_row = is_passing(cursor);
        if (is_row && cursor->skip == 0) {
            return true;
        }
        cursor->skip -= is_row;
    }
    return false;
}

/** Go to the next event that has a row. */
static int advance(const struct table *table, struct cursor *cursor)
{
    mr_log_event record;
    mr_err err = MR_OK;
    cursor->row_count = 0;
    while (err == MR_OK && !find_row(cursor)) {
        cursor->row_count = 0;
        err = step(table, cursor, &record);
        if (err == MR_OK && is_within(cursor, &record)) {
            err = take(table, cursor, &record);
        }
    }
    cursor->is_end = err != MR_OK;
    return err == MR_OK || err == MR_END ? SQLITE_OK : fail(table, err);
}

static void forget_conditions(struct cursor *cursor)
{
    for (unsigned i = 0; i < cursor->condition_count; i++) {
        mri_event_condition_fini(&cursor->conditions[i]);
    }
    cursor->condition_count = 0;
}

static void begin(const struct table *table, struct cursor *cursor, const struct mri_plan *plan)
{
    cursor->low = table->events->first_seq;
    cursor->high = table->events->last_seq;
    cursor->wall_low_unix_ns = INT64_MIN;
    cursor->wall_high_unix_ns = INT64_MAX;
    cursor->is_descending = plan->order_count > 0 && plan->orders[0].is_descending;
    cursor->is_chain = false;
    cursor->kept = NULL;
    cursor->is_end = false;
    cursor->looked = 0;
    cursor->chain_count = 0;
    cursor->chain_at = 0;
    cursor->skip = 0;
    forget_conditions(cursor);
    mri_kind_set_of_table(&cursor->wanted, table->described);
}

static int filter(
    sqlite3_vtab_cursor *base, int number, const char *text, int argc, sqlite3_value **argv)
{
    struct cursor *cursor = (struct cursor *)base;
    const struct table *table = (const struct table *)base->pVtab;
    struct mri_plan plan;
    (void)number;
    if (mri_plan_read(text, table->described->names, table->described->column_count, &plan) !=
            MR_OK ||
        plan.term_count != (unsigned)argc) {
        return SQLITE_INTERNAL;
    }
    begin(table, cursor, &plan);
    bool is_lookup = is_looking_up(table, &plan);
    mr_err err = know_attempts(table, cursor);
    if (err == MR_OK && is_lookup) {
        err = look_into_store(table, cursor);
    }
    int result = err == MR_OK ? SQLITE_OK : fail(table, err);
    for (int i = 0; i < argc && result == SQLITE_OK; i++) {
        result = narrow(table, cursor, plan.terms[i], argv[i]);
    }
    cursor->is_end |= cursor->low > cursor->high;
    if (result != SQLITE_OK || cursor->is_end) {
        cursor->is_end = true;
        return result;
    }
    if (is_lookup && !cursor->is_chain && cursor->low == cursor->high) {
        err = chain_seq(cursor);
    }
    cursor->kept = cursor->is_chain ? cursor->kept : NULL;
    err = err == MR_OK ? set_out(table, cursor) : err;
    return err == MR_OK ? advance(table, cursor) : fail(table, err);
}

/* ---- rows ------------------------------------------------------------------------------------ */

static int open_cursor(sqlite3_vtab *vtab, sqlite3_vtab_cursor **ret_cursor)
{
    (void)vtab;
    struct cursor *cursor = sqlite3_malloc64(sizeof(*cursor));
    if (cursor == NULL) {
        return SQLITE_NOMEM;
    }
    memset(cursor, 0, sizeof(*cursor));
    *ret_cursor = &cursor->base;
    return SQLITE_OK;
}

static int close_cursor(sqlite3_vtab_cursor *base)
{
    struct cursor *cursor = (struct cursor *)base;
    mr_log_reader_close(cursor->reader);
    forget_conditions(cursor);
    sqlite3_free(cursor->chain);
    sqlite3_free(cursor);
    return SQLITE_OK;
}

static int next(sqlite3_vtab_cursor *base)
{
    struct cursor *cursor = (struct cursor *)base;
    cursor->value.position++;
    if (find_row(cursor)) {
        return SQLITE_OK;
    }
    return advance((const struct table *)base->pVtab, cursor);
}

static int is_end(sqlite3_vtab_cursor *base)
{
    return ((const struct cursor *)base)->is_end;
}

static int column(sqlite3_vtab_cursor *base, sqlite3_context *context, int number)
{
    mri_event_value_put(&((const struct cursor *)base)->value, (unsigned)number, context);
    return SQLITE_OK;
}

static const sqlite3_module module = MRI_VTAB_MODULE;

void mri_events_vtab_forget(struct mri_events_vtab *events)
{
    for (unsigned i = 0; i < MRI_EVENT_TABLES_MAX; i++) {
        mri_event_store_clear(&events->stores[i]);
    }
}

int mri_events_vtab_register(sqlite3 *db, struct mri_events_vtab *events)
{
    int result = SQLITE_OK;
    for (unsigned i = 0; i < events->tables->count && result == SQLITE_OK; i++) {
        result =
            sqlite3_create_module_v2(db, events->tables->tables[i].name, &module, events, NULL);
    }
    return result;
}
