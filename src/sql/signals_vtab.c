/* SPDX-License-Identifier: MIT */
/*
 * The table of signals.
 *
 * What it does itself: comparisons of numbers, event time and id, anything that compares a text
 * column with a constant, the order of creation, OFFSET when nothing is left to SQLite, and
 * grouping by one or two text columns of few values. Where the constant is known and has the
 * column's type, SQLite does not look again; else it does, and what is done here only has to lose
 * nothing.
 *
 * Invariants
 *  1. A row that SQLite would accept is never left out.
 *  2. Where `omit` is set, no row that SQLite would refuse is let through.
 */
#include "sql/signals_vtab.h"

#include <string.h>

#include "base/utc.h"
#include "sql/plan.h"
#include "sql/signal_scan.h"
#include "sql/vtab.h"

/** X(name, type, role, code): the columns. */
#define SIGNAL_COLUMNS(X)                                                                          \
    X(ordinal, INTEGER, ORDINAL, 0)                                                                \
    X(signal_id, TEXT, ID, 0)                                                                      \
    X(event_time_unix_ns, INTEGER, TIME, 0)                                                        \
    X(event_time, TEXT, TIME_TEXT, 0)                                                              \
    X(symbol, TEXT, CODE, MRI_SIGNAL_CODE_symbol)                                                  \
    X(side, TEXT, CODE, MRI_SIGNAL_CODE_side)                                                      \
    X(source, TEXT, CODE, MRI_SIGNAL_CODE_source)                                                  \
    X(name, TEXT, CODE, MRI_SIGNAL_CODE_name)                                                      \
    X(state, TEXT, CODE, MRI_SIGNAL_CODE_state)                                                    \
    X(ended, TEXT, CODE, MRI_SIGNAL_CODE_ended)                                                    \
    X(gate, TEXT, CODE, MRI_SIGNAL_CODE_gate)                                                      \
    X(reason, TEXT, CODE, MRI_SIGNAL_CODE_reason)                                                  \
    X(generated_seq, INTEGER, SEQ, 0)                                                              \
    X(moved_seq, INTEGER, MOVED, 0)                                                                \
    X(last_seq, INTEGER, LAST, 0)

enum role { ORDINAL, ID, TIME, TIME_TEXT, CODE, SEQ, MOVED, LAST };

static const struct {
    enum role role;
    enum mri_signal_code code;
} columns[] = {
#define COLUMN(name, type, role, code) {role, code},
    SIGNAL_COLUMNS(COLUMN)
#undef COLUMN
};

static const char *const names[] = {
#define NAME(name, type, role, code) #name,
    SIGNAL_COLUMNS(NAME)
#undef NAME
};

enum { COLUMN_COUNT = sizeof(names) / sizeof(names[0]) };

struct table {
    sqlite3_vtab base;
    struct mri_signals_vtab *signals;
};

struct cursor {
    sqlite3_vtab_cursor base;
    struct mri_signal_scan scan;
    uint32_t ordinal; /**< of `row`; 0 = none */
    struct mri_signal_row row;
};

static int code_of(mr_err err)
{
    return err == MR_OK       ? SQLITE_OK
           : err == MR_ENOMEM ? SQLITE_NOMEM
           : err == MR_AGAIN  ? SQLITE_INTERRUPT
                              : SQLITE_INTERNAL;
}

static int connect(sqlite3 *db, void *context, int argc, const char *const *argv,
    sqlite3_vtab **ret_vtab, char **ret_error)
{
    (void)argc;
    (void)argv;
    (void)ret_error;
#define DECLARE(name, type, role, code) #name " " #type ","
    int result = mri_vtab_make(db,
        "CREATE TABLE signals(" SIGNAL_COLUMNS(DECLARE) "PRIMARY KEY (ordinal)) WITHOUT ROWID",
        sizeof(struct table), ret_vtab);
#undef DECLARE
    if (result == SQLITE_OK) {
        ((struct table *)*ret_vtab)->signals = context;
    }
    return result;
}

static int disconnect(sqlite3_vtab *vtab)
{
    sqlite3_free(vtab);
    return SQLITE_OK;
}

/* ---- planning -------------------------------------------------------------------------------- */

/** Which share of the rows is left, roughly? */
static double share_of(const struct table *table, unsigned column, enum mri_plan_op op)
{
    double count = (double)table->signals->rows->count + 1.0;
    switch (columns[column].role) {
    case ORDINAL:
    case ID:
    case SEQ:
        return op == MRI_PLAN_EQ ? 1.0 / count : 0.25;
    case CODE:
        return op == MRI_PLAN_EQ
                   ? 2.0 / (1.0 + table->signals->rows->words[columns[column].code].count)
               : op == MRI_PLAN_IN ? 0.3
                                   : 0.7;
    default:
        return 0.25;
    }
}

/** Take a constraint if it can be: which share of the rows does it leave? */
static double offer(
    const struct table *table, sqlite3_index_info *info, int at, struct mri_plan *plan)
{
    enum mri_plan_op op;
    int number = info->aConstraint[at].iColumn;
    if (info->aConstraint[at].usable == 0 || !mri_plan_op(info, at, &op)) {
        return 1.0;
    }
    if (op >= MRI_PLAN_LIMIT || number < 0 || number >= COLUMN_COUNT) {
        return 1.0;
    }
    enum role role = columns[number].role;
    bool is_text = role == CODE || role == ID || role == TIME_TEXT;
    bool is_plain = !is_text || sqlite3_stricmp(sqlite3_vtab_collation(info, at), "BINARY") == 0;
    bool is_null = op == MRI_PLAN_NULL || op == MRI_PLAN_NOT_NULL;
    bool is_taken = role == CODE ? is_plain
                    : role == ID ? is_plain && op == MRI_PLAN_EQ
                                 : is_plain && mri_plan_is_range(op);
    if (!is_taken) {
        return 1.0;
    }
    if (role == CODE && op == MRI_PLAN_EQ && sqlite3_vtab_in(info, at, -1) != 0) {
        (void)sqlite3_vtab_in(info, at, 1);
        op = MRI_PLAN_IN;
    }
    bool is_certain = role == CODE
                          ? is_null || (op != MRI_PLAN_IN && mri_plan_is_known_text(info, at))
                          : !is_text && mri_plan_is_known_number(info, at);
    const struct mri_plan_term term = {(int16_t)number, (uint8_t)op};
    return mri_plan_take(plan, info, at, term, is_certain) ? share_of(table, (unsigned)number, op)
                                                           : 1.0;
}

/** Does at most one signal match? */
static bool is_unique(struct mri_plan_term term)
{
    return term.op == MRI_PLAN_EQ &&
           (columns[term.column].role == ORDINAL || columns[term.column].role == ID ||
               columns[term.column].role == SEQ);
}

/** Can the rows come grouped by the columns of the order? */
static bool is_groupable(const struct table *table, const sqlite3_index_info *info)
{
    uint64_t groups = 1;
    if (info->nOrderBy > MRI_SIGNAL_GROUP_COLUMNS) {
        return false;
    }
    for (int i = 0; i < info->nOrderBy; i++) {
        int column = info->aOrderBy[i].iColumn;
        if (column < 0 || columns[column].role != CODE) {
            return false;
        }
        groups *= table->signals->rows->words[columns[column].code].count;
    }
    return info->nOrderBy > 0 && groups <= MRI_SIGNAL_GROUPS_MAX;
}

/**
 * Is the order that of creation, or its reverse? Event times are in it if they never fall from one
 * signal to the next: those that come from outside may, so it is looked at for each table anew.
 */
static bool is_by_creation(const struct table *table, const sqlite3_index_info *info)
{
    bool is_over = false;
    for (int i = 0; i < info->nOrderBy && !is_over; i++) {
        int column = info->aOrderBy[i].iColumn;
        enum role role = column < 0 ? CODE : columns[column].role;
        bool is_time = role == TIME || role == TIME_TEXT;
        is_over = role == ORDINAL || role == SEQ;
        if ((info->aOrderBy[i].desc != 0) != (info->aOrderBy[0].desc != 0) ||
            !(is_over || (is_time && mri_signal_rows_is_by_time(table->signals->rows)))) {
            return false;
        }
    }
    return info->nOrderBy > 0;
}

/** Take the order, or the grouping, into the plan. */
static void take_order(const struct table *table, sqlite3_index_info *info, struct mri_plan *plan)
{
    if (is_by_creation(table, info)) {
        int first = info->aOrderBy[0].iColumn;
        plan->orders[0] = (struct mri_plan_order){
            .column = (int16_t)first, .is_descending = info->aOrderBy[0].desc != 0};
        plan->order_count = 1;
    } else if (is_groupable(table, info)) {
        uint64_t grouped = 0;
        for (int i = 0; i < info->nOrderBy; i++) {
            int column = info->aOrderBy[i].iColumn;
            plan->orders[i] = (struct mri_plan_order){
                .column = (int16_t)column, .is_descending = info->aOrderBy[i].desc != 0};
            grouped |= (uint64_t)1 << column;
        }
        plan->order_count = (unsigned)info->nOrderBy;
        plan->is_grouped = true;
        /* DISTINCT, and nothing else of a row is read, so that each row of a group is as good. */
        plan->is_once = sqlite3_vtab_distinct(info) >= 2 && (info->colUsed & ~grouped) == 0;
    }
    info->orderByConsumed = plan->order_count > 0;
}

static int best_index(sqlite3_vtab *vtab, sqlite3_index_info *info)
{
    const struct table *table = (const struct table *)vtab;
    struct mri_plan plan = {0};
    double count = (double)table->signals->rows->count + 1.0;
    double rows = count;
    for (int i = 0; i < info->nConstraint; i++) {
        rows *= offer(table, info, i, &plan);
    }
    for (unsigned i = 0; i < plan.term_count; i++) {
        if (is_unique(plan.terms[i])) {
            info->idxFlags = SQLITE_INDEX_SCAN_UNIQUE;
        }
    }
    take_order(table, info, &plan);
    mri_plan_take_limits(&plan, info, !plan.is_grouped);
    rows = rows < 1.0 ? 1.0 : rows;
    info->estimatedRows = (sqlite3_int64)rows;
    info->estimatedCost = rows + (plan.is_grouped ? count / 16.0 : 0.0) + 1.0;
    return mri_plan_write(&plan, names, info);
}

/* ---- filtering ------------------------------------------------------------------------------- */

static int compare(struct mri_slice a, struct mri_slice b)
{
    int order = memcmp(a.bytes, b.bytes, a.count < b.count ? a.count : b.count);
    return order != 0 ? order : (a.count > b.count) - (a.count < b.count);
}

static void narrow_text(
    const struct mri_signal_words *words, enum mri_plan_op op, sqlite3_value *value, uint8_t *pass)
{
    struct mri_slice text = {(const char *)sqlite3_value_text(value), 0};
    text.count = (size_t)sqlite3_value_bytes(value);
    for (uint32_t i = 0; i < words->count && text.bytes != NULL; i++) {
        pass[i] &= words->texts[i].bytes != NULL &&
                   mri_plan_is_accepted(op, compare(words->texts[i], text));
    }
}

static int narrow_list(const struct mri_signal_words *words, sqlite3_value *list, uint8_t *pass)
{
    sqlite3_value *value;
    uint8_t *found = sqlite3_malloc64(words->count);
    if (found == NULL) {
        return SQLITE_NOMEM;
    }
    memset(found, 0, words->count);
    bool is_text = true;
    int result = sqlite3_vtab_in_first(list, &value);
    for (; result == SQLITE_OK; result = sqlite3_vtab_in_next(list, &value)) {
        int type = sqlite3_value_type(value);
        struct mri_slice text = {(const char *)sqlite3_value_text(value), 0};
        text.count = (size_t)sqlite3_value_bytes(value);
        is_text &= type == SQLITE_TEXT || type == SQLITE_NULL;
        for (uint32_t i = 0; i < words->count && type == SQLITE_TEXT; i++) {
            found[i] |= words->texts[i].bytes != NULL && mri_slice_equal(words->texts[i], text);
        }
    }
    for (uint32_t i = 0; i < words->count && is_text; i++) {
        pass[i] &= found[i];
    }
    sqlite3_free(found);
    return result == SQLITE_DONE ? SQLITE_OK : result;
}

static int narrow_code(struct mri_signal_scan *scan, enum mri_signal_code code, enum mri_plan_op op,
    sqlite3_value *value)
{
    const struct mri_signal_words *words = &scan->rows->words[code];
    uint8_t *pass = mri_signal_scan_pass(scan, code);
    if (pass == NULL) {
        return SQLITE_NOMEM;
    }
    if (op == MRI_PLAN_IN) {
        return narrow_list(words, value, pass);
    }
    if (op == MRI_PLAN_NULL || op == MRI_PLAN_NOT_NULL) {
        for (uint32_t i = 0; i < words->count; i++) {
            pass[i] &= (words->texts[i].bytes == NULL) == (op == MRI_PLAN_NULL);
        }
        return SQLITE_OK;
    }
    if (sqlite3_value_type(value) == SQLITE_NULL) {
        memset(pass, 0, words->count); /* nothing compares with NULL */
    } else if (sqlite3_value_type(value) == SQLITE_TEXT) {
        narrow_text(words, op, value, pass);
    }
    return SQLITE_OK;
}

static uint32_t ordinal_within(const struct mri_signal_scan *scan, int64_t number)
{
    return number < 0 ? 0 : number > scan->rows->count ? scan->rows->count + 1 : (uint32_t)number;
}

static void narrow_ordinals(struct mri_signal_scan *scan, int64_t low, int64_t high)
{
    uint32_t first = ordinal_within(scan, low);
    uint32_t last = ordinal_within(scan, high);
    scan->filter.low = first > scan->filter.low ? first : scan->filter.low;
    scan->filter.high = last < scan->filter.high ? last : scan->filter.high;
}

static void narrow_seqs(struct mri_signal_scan *scan, int64_t low, int64_t high)
{
    if (low > high || high < 0) {
        narrow_ordinals(scan, 1, 0);
        return;
    }
    uint32_t first = mri_signal_rows_from_seq(scan->rows, low < 0 ? 0 : (uint64_t)low);
    uint32_t behind = mri_signal_rows_from_seq(scan->rows, (uint64_t)high + 1);
    narrow_ordinals(scan, first, (int64_t)behind - 1);
}

static void narrow_range(struct mri_signal_range *range, int64_t low, int64_t high)
{
    range->low = low > range->low ? low : range->low;
    range->high = high < range->high ? high : range->high;
    range->is_asked = true;
}

/** A time as text, or its beginning: what it allows, with room to spare; SQLite looks again. */
static void narrow_time_text(
    struct mri_signal_scan *scan, enum mri_plan_op op, sqlite3_value *value)
{
    int64_t time;
    struct mri_slice text = {(const char *)sqlite3_value_text(value), 0};
    text.count = (size_t)sqlite3_value_bytes(value);
    bool is_date =
        sqlite3_value_type(value) == SQLITE_TEXT && text.count > 4 && text.bytes[4] == '-';
    if (!is_date || mri_utc_parse(text, &time) != MR_OK) {
        return;
    }
    const int64_t room_ns = 1000000000;
    bool has_low = op == MRI_PLAN_EQ || op == MRI_PLAN_GT || op == MRI_PLAN_GE;
    bool has_high = op == MRI_PLAN_EQ || op == MRI_PLAN_LT || op == MRI_PLAN_LE;
    narrow_range(&scan->filter.time_unix_ns, has_low ? time - room_ns : INT64_MIN,
        has_high ? time + room_ns : INT64_MAX);
}

static void narrow_id(struct mri_signal_scan *scan, sqlite3_value *value)
{
    struct mri_ident ident;
    struct mri_slice text = {(const char *)sqlite3_value_text(value), 0};
    text.count = (size_t)sqlite3_value_bytes(value);
    if (sqlite3_value_type(value) != SQLITE_TEXT) {
        return;
    }
    bool is_id = mri_ident_parse(text, &ident) == MR_OK;
    narrow_ordinals(scan, is_id ? ident.ordinal.n : 1, is_id ? ident.ordinal.n : 0);
}

static int narrow(struct mri_signal_scan *scan, struct mri_plan_term term, sqlite3_value *value)
{
    int64_t low;
    int64_t high;
    if (term.op == MRI_PLAN_LIMIT || term.op == MRI_PLAN_OFFSET) {
        int64_t number = sqlite3_value_int64(value);
        uint32_t *hint = term.op == MRI_PLAN_LIMIT ? &scan->filter.limit : &scan->filter.offset;
        uint32_t most = term.op == MRI_PLAN_LIMIT ? 0 : UINT32_MAX; /* no hint; more than all */
        *hint = number <= 0 ? 0 : number < UINT32_MAX ? (uint32_t)number : most;
        return SQLITE_OK;
    }
    enum role role = columns[term.column].role;
    switch (role) {
    case CODE:
        return narrow_code(scan, columns[term.column].code, term.op, value);
    case ID:
        narrow_id(scan, value);
        return SQLITE_OK;
    case TIME_TEXT:
        narrow_time_text(scan, term.op, value);
        return SQLITE_OK;
    default:
        break;
    }
    if (mri_plan_range(term.op, value, &low, &high)) {
        if (role == ORDINAL) {
            narrow_ordinals(scan, low, high);
        } else if (role == SEQ) {
            narrow_seqs(scan, low, high);
        } else {
            narrow_range(role == TIME    ? &scan->filter.time_unix_ns
                         : role == MOVED ? &scan->filter.moved_seq
                                         : &scan->filter.last_seq,
                low, high);
        }
    }
    return SQLITE_OK;
}

/** Times that are in order say which ordinals have them. */
static void narrow_to_times(struct mri_signal_scan *scan)
{
    struct mri_signal_range *range = &scan->filter.time_unix_ns;
    if (!range->is_asked || range->low > range->high || !mri_signal_rows_is_by_time(scan->rows)) {
        return;
    }
    uint32_t first = mri_signal_rows_from_time(scan->rows, range->low);
    uint32_t behind = range->high == INT64_MAX
                          ? scan->rows->count + 1
                          : mri_signal_rows_from_time(scan->rows, range->high + 1);
    narrow_ordinals(scan, first, (int64_t)behind - 1);
    range->is_asked = false;
}

static void take_grouping(const struct mri_plan *plan, struct mri_signal_scan *scan)
{
    struct mri_signal_grouping *grouping = &scan->grouping;
    scan->is_descending = plan->order_count > 0 && plan->orders[0].is_descending;
    for (unsigned i = 0; i < plan->order_count && plan->is_grouped; i++) {
        grouping->codes[i] = columns[plan->orders[i].column].code;
        grouping->is_descending[i] = plan->orders[i].is_descending;
        grouping->count = i + 1;
    }
    grouping->is_once = plan->is_once;
}

static int filter(
    sqlite3_vtab_cursor *base, int number, const char *text, int argc, sqlite3_value **argv)
{
    struct cursor *cursor = (struct cursor *)base;
    const struct table *table = (const struct table *)base->pVtab;
    struct mri_plan plan;
    (void)number;
    if (mri_plan_read(text, names, COLUMN_COUNT, &plan) != MR_OK ||
        plan.term_count != (unsigned)argc) {
        return SQLITE_INTERNAL;
    }
    mri_signal_scan_fini(&cursor->scan);
    cursor->scan = (struct mri_signal_scan){0};
    mri_signal_scan_init(&cursor->scan, table->signals->rows, table->signals->guard);
    cursor->ordinal = 0;
    int result = SQLITE_OK;
    for (int i = 0; i < argc && result == SQLITE_OK; i++) {
        result = narrow(&cursor->scan, plan.terms[i], argv[i]);
    }
    if (result != SQLITE_OK) {
        return result;
    }
    narrow_to_times(&cursor->scan);
    take_grouping(&plan, &cursor->scan);
    return code_of(mri_signal_scan_begin(&cursor->scan));
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
    mri_signal_scan_fini(&((struct cursor *)base)->scan);
    sqlite3_free(base);
    return SQLITE_OK;
}

static int next(sqlite3_vtab_cursor *base)
{
    return code_of(mri_signal_scan_next(&((struct cursor *)base)->scan));
}

static int is_end(sqlite3_vtab_cursor *base)
{
    return mri_signal_scan_is_end(&((const struct cursor *)base)->scan);
}

static void put_code(sqlite3_context *context, const struct mri_signal_words *words, uint32_t code)
{
    const struct mri_slice text = words->texts[code];
    if (text.bytes != NULL) { /* a result that nobody sets is NULL */
        sqlite3_result_text(context, text.bytes, (int)text.count, SQLITE_STATIC);
    }
}

static void put_column(const struct cursor *cursor, sqlite3_context *context, enum role role,
    enum mri_signal_code code)
{
    const struct mri_signal_rows *rows = cursor->scan.rows;
    const struct mri_signal_row *row = &cursor->row;
    char text[MRI_IDENT_BYTES];
    MRI_STATIC_ASSERT(sizeof(text) >= MRI_UTC_BYTES, "both texts fit");
    switch (role) {
    case ORDINAL:
        sqlite3_result_int64(context, cursor->ordinal);
        break;
    case ID:
        sqlite3_result_text(
            context, mri_signal_rows_id(rows, cursor->ordinal, text), -1, SQLITE_TRANSIENT);
        break;
    case TIME:
        sqlite3_result_int64(context, row->event_time_unix_ns);
        break;
    case TIME_TEXT:
        sqlite3_result_text(
            context, mri_utc_format(row->event_time_unix_ns, text), -1, SQLITE_TRANSIENT);
        break;
    case CODE:
        put_code(context, &rows->words[code], row->codes[code]);
        break;
    case SEQ:
        sqlite3_result_int64(context, (int64_t)row->generated_seq);
        break;
    case MOVED:
        if (row->moved_seq != row->generated_seq) { /* it was moved */
            sqlite3_result_int64(context, (int64_t)row->moved_seq);
        }
        break;
    default:
        sqlite3_result_int64(context, (int64_t)row->last_seq);
        break;
    }
}

static int column(sqlite3_vtab_cursor *base, sqlite3_context *context, int number)
{
    struct cursor *cursor = (struct cursor *)base;
    enum role role = columns[number].role;
    enum mri_signal_code code = columns[number].code;
    uint32_t found;
    if (role == CODE && mri_signal_scan_group_code(&cursor->scan, code, &found)) {
        put_code(context, &cursor->scan.rows->words[code], found);
        return SQLITE_OK;
    }
    uint32_t ordinal;
    mr_err err = mri_signal_scan_ordinal(&cursor->scan, &ordinal);
    if (err != MR_OK) {
        return code_of(err);
    }
    if (ordinal != cursor->ordinal) {
        (void)mri_signal_rows_get(cursor->scan.rows, ordinal, &cursor->row); /* the scan found it */
        cursor->ordinal = ordinal;
    }
    put_column(cursor, context, role, code);
    return SQLITE_OK;
}

static const sqlite3_module module = MRI_VTAB_MODULE;

int mri_signals_vtab_register(sqlite3 *db, struct mri_signals_vtab *table)
{
    return sqlite3_create_module_v2(db, "signals", &module, table, NULL);
}
