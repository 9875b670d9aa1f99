/* SPDX-License-Identifier: MIT */
/*
 * Tables of events, out of the table of kinds.
 *
 * Names: a field's own, but
 *   a reference ends in _seq                 cause -> cause_seq
 *   a time has a text beside it              due_unix_ns, due_time
 *   money has a decimal beside it            fee_e8, fee
 *   a word of SQL, or a name that every table has, gets its vocabulary: from_state, view_kind
 *
 * Invariants
 *  1. The names of a table's columns are distinct.
 *  2. Padding and presence bits are no columns; each other field of a kind is in one table.
 */
#include "sql/event_columns.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"

/** Tables that have a name of their own; the others are called after the kind.
 */
static const struct {
    const char *name;
    uint16_t types[MRI_EVENT_TABLE_KINDS_MAX];
} named[] = {
    {"moves", {MRI_EVENT_SIGNAL_MOVED}},
    {"decisions", {MRI_EVENT_DECISION}},
    {"orders", {MRI_EVENT_ORDER_INTENT, MRI_EVENT_ORDER_SENT, MRI_EVENT_ORDER_ACCEPTED,
                   MRI_EVENT_ORDER_FILLED, MRI_EVENT_ORDER_REJECTED, MRI_EVENT_ORDER_CANCELLED,
                   MRI_EVENT_ORDER_IN_DOUBT}},
    {"order_reports", {MRI_EVENT_ORDER_REPORT}},
    {"order_disputes", {MRI_EVENT_ORDER_DISPUTED}},
    {"positions", {MRI_EVENT_POSITION_OPENED, MRI_EVENT_POSITION_CLOSED}},
    {"shadows", {MRI_EVENT_SHADOW_CLOSED}},
    {"outcomes", {MRI_EVENT_OUTCOME}},
    {"feedback", {MRI_EVENT_FEEDBACK}},
    {"prices", {MRI_EVENT_CANDLE}},
    {"quotes", {MRI_EVENT_QUOTE}},
    {"emissions", {MRI_EVENT_SIGNAL_GENERATED}},
    {"observed", {MRI_EVENT_SIGNAL_OBSERVED}},
    {"annotations", {MRI_EVENT_SIGNAL_ANNOTATED}},
    {"views", {MRI_EVENT_VIEW}},
    {"predictions", {MRI_EVENT_PREDICTION}},
    {"modes", {MRI_EVENT_MODE_CHANGED}},
    {"instruments", {MRI_EVENT_INSTRUMENT}},
    {"sessions", {MRI_EVENT_SESSION}},
    {"configs", {MRI_EVENT_CONFIG}},
    {"ticks", {MRI_EVENT_TICK}},
    {"alerts", {MRI_EVENT_ALERT}},
};

static const char *const everywhere[MRI_EVENT_COLUMN_EVERYWHERE][2] = {
    {"seq", "INTEGER"},
    {"kind", "TEXT"},
    {"ordinal", "INTEGER"},
    {"signal_id", "TEXT"},
    {"symbol", "TEXT"},
    {"wall_unix_ns", "INTEGER"},
    {"wall_time", "TEXT"},
};

/* ---- columns --------------------------------------------------------------------------------- */

static struct mri_event_column *find_column(struct mri_event_table *table, const char *name)
{
    for (unsigned i = 0; i < table->column_count; i++) {
        if (strcmp(table->columns[i].name, name) == 0) {
            return &table->columns[i];
        }
    }
    return NULL;
}

static struct mri_event_column *add_column(
    struct mri_event_table *table, const char *name, const char *type, unsigned from)
{
    MRI_ASSERT(table->column_count < MRI_EVENT_TABLE_COLUMNS_MAX);
    MRI_ASSERT(strlen(name) < MRI_EVENT_COLUMN_BYTES);
    struct mri_event_column *column = &table->columns[table->column_count];
    *column = (struct mri_event_column){.type = type, .from = (uint8_t)from};
    (void)snprintf(column->name, sizeof(column->name), "%s", name);
    table->names[table->column_count++] = column->name;
    return column;
}

static const char *vocabulary_name(enum mri_field_kind kind)
{
    static const char *const names[] = {
#define NAME(kind) [MRI_FIELD_##kind] = #kind,
        MRI_FIELD_KIND_MAP(NAME)
#undef NAME
    };
    return names[kind];
}

static const char *type_of(enum mri_field_kind kind)
{
    switch (kind) {
    case MRI_FIELD_price:
    case MRI_FIELD_quantity:
    case MRI_FIELD_number:
        return "REAL";
    case MRI_FIELD_ref:
    case MRI_FIELD_time:
    case MRI_FIELD_duration:
    case MRI_FIELD_money:
    case MRI_FIELD_integer:
    case MRI_FIELD_wide:
    case MRI_FIELD_count:
    case MRI_FIELD_small:
        return "INTEGER";
    default:
        return "TEXT";
    }
}

static bool is_shown(const struct mri_field *field)
{
    return field->kind != MRI_FIELD_pad8 && field->kind != MRI_FIELD_pad16 &&
           field->kind != MRI_FIELD_pad32 && field->kind != MRI_FIELD_flags16 &&
           field->kind != MRI_FIELD_symbol; /* the symbol stands in every table */
}

/** Can a field have a value that its column's type does not? */
static bool is_mixed(const struct mri_event_column *column, const struct mri_field *field)
{
    bool is_word = strcmp(type_of(field->kind), "TEXT") == 0;
    return strcmp(column->type, "TEXT") != 0 && (is_word || field->kind == MRI_FIELD_wide);
}

/** A column for a field, or the one that another kind has already. */
static void add_field(struct mri_event_table *table, unsigned kind, const struct mri_field *field,
    const struct mri_event_column *model, const char *name)
{
    struct mri_event_column *column = find_column(table, name);
    if (column == NULL || column->from < MRI_EVENT_COLUMN_POSITION) {
        const char *type = model->form == MRI_EVENT_COLUMN_PLAIN     ? type_of(field->kind)
                           : model->form == MRI_EVENT_COLUMN_AS_TIME ? "TEXT"
                                                                     : "REAL";
        column = add_column(table, name, type, model->from);
        column->form = model->form;
        column->group = model->group;
    }
    column->is_mixed |= is_mixed(column, field);
    column->fields[kind] = field;
    column->at[kind] = model->at[0];
    column->is_there[kind] = true;
}

static bool ends_in(const char *name, const char *end)
{
    size_t bytes = strlen(name);
    return bytes > strlen(end) && strcmp(name + bytes - strlen(end), end) == 0;
}

static void field_name(const struct mri_event_table *table, const struct mri_field *field,
    char name[static MRI_EVENT_COLUMN_BYTES])
{
    bool is_taken = strcmp(field->name, "from") == 0 || strcmp(field->name, "to") == 0;
    for (unsigned i = 0; i < MRI_EVENT_COLUMN_EVERYWHERE; i++) {
        is_taken |= strcmp(field->name, everywhere[i][0]) == 0;
    }
    bool is_row_ordinal = is_taken && table->row_groups != 0 && field->kind == MRI_FIELD_count;
    const char *vocabulary = is_row_ordinal ? "row" : vocabulary_name(field->kind);
    if (field->kind == MRI_FIELD_ref) {
        (void)snprintf(name, MRI_EVENT_COLUMN_BYTES, "%s_seq", field->name);
    } else if (!is_taken) {
        (void)snprintf(name, MRI_EVENT_COLUMN_BYTES, "%s", field->name);
    } else if (is_row_ordinal) {
        (void)snprintf(name, MRI_EVENT_COLUMN_BYTES, "row_%s", field->name);
    } else if (ends_in(vocabulary, field->name)) { /* kind: view_kind */
        (void)snprintf(name, MRI_EVENT_COLUMN_BYTES, "%s", vocabulary);
    } else {
        (void)snprintf(name, MRI_EVENT_COLUMN_BYTES, "%s_%s", field->name, vocabulary);
    }
}

/** The name without its unit, and with `end` in its place. */
static void other_name(
    const char *name, const char *unit, const char *end, char other[static MRI_EVENT_COLUMN_BYTES])
{
    size_t bytes = ends_in(name, unit) ? strlen(name) - strlen(unit) : strlen(name);
    bool has_end =
        bytes >= strlen(end) && memcmp(name + bytes - strlen(end), end, strlen(end)) == 0;
    (void)snprintf(other, MRI_EVENT_COLUMN_BYTES, "%.*s%s%s", (int)bytes, name,
        has_end || end[0] == '\0' ? "" : "_", has_end ? "" : end);
}

static void add_fields(struct mri_event_table *table, unsigned kind, const struct mri_field *fields,
    unsigned count, unsigned from, unsigned group)
{
    char name[MRI_EVENT_COLUMN_BYTES];
    char other[MRI_EVENT_COLUMN_BYTES];
    uint16_t at = 0;
    for (unsigned i = 0; i < count; at = (uint16_t)(at + mri_field_bytes(fields[i].kind)), i++) {
        struct mri_event_column model = {
            .from = (uint8_t)from, .group = (uint8_t)group, .at = {at}};
        if (!is_shown(&fields[i])) {
            continue;
        }
        field_name(table, &fields[i], name);
        add_field(table, kind, &fields[i], &model, name);
        if (fields[i].kind == MRI_FIELD_time) {
            other_name(name, "_unix_ns", "time", other);
            model.form = MRI_EVENT_COLUMN_AS_TIME;
            add_field(table, kind, &fields[i], &model, other);
        } else if (fields[i].kind == MRI_FIELD_money) {
            other_name(name, "_e8", "", other);
            model.form = MRI_EVENT_COLUMN_AS_DECIMAL;
            add_field(table, kind, &fields[i], &model, other);
        }
    }
}

static void add_texts(struct mri_event_table *table, unsigned kind)
{
    const struct mri_event_kind *described = table->kinds[kind];
    for (unsigned i = 0; i < described->text_count; i++) {
        struct mri_event_column *column = find_column(table, described->texts[i].name);
        if (column == NULL || column->from != MRI_EVENT_COLUMN_TEXT) {
            column = add_column(table, described->texts[i].name, "TEXT", MRI_EVENT_COLUMN_TEXT);
        }
        column->at[kind] = (uint16_t)i;
        column->is_there[kind] = true;
    }
}

/* ---- tables ---------------------------------------------------------------------------------- */

static struct mri_event_table *add_table(struct mri_event_tables *tables, const char *name)
{
    MRI_ASSERT(tables->count < MRI_EVENT_TABLES_MAX);
    struct mri_event_table *table = &tables->tables[tables->count++];
    (void)snprintf(table->name, sizeof(table->name), "%s", name);
    for (unsigned i = 0; i < MRI_EVENT_COLUMN_EVERYWHERE; i++) {
        (void)add_column(table, everywhere[i][0], everywhere[i][1], i);
    }
    return table;
}

static void add_kind(struct mri_event_table *table, const struct mri_event_kind *kind)
{
    MRI_ASSERT(kind != NULL && table->kind_count < MRI_EVENT_TABLE_KINDS_MAX);
    unsigned index = table->kind_count++;
    table->kinds[index] = kind;
    add_fields(table, index, kind->fields, kind->field_count, MRI_EVENT_COLUMN_FIELD, 0);
    add_texts(table, index);
}

/** What an executor and its venue know an order by. A dispute has the id that was given. */
static void add_order_ids(struct mri_event_table *table)
{
    if (table->kinds[0]->type == MRI_EVENT_ORDER_INTENT ||
        table->kinds[0]->type == MRI_EVENT_ORDER_REPORT) {
        (void)add_column(table, "client_order_id", "TEXT", MRI_EVENT_COLUMN_CLIENT_ORDER_ID);
        (void)add_column(table, "attempt", "INTEGER", MRI_EVENT_COLUMN_ATTEMPT);
    }
}

/** The table of one kind's rows. Gates stand in two groups side by side. */
static void add_rows(struct mri_event_tables *tables, const struct mri_event_kind *kind,
    unsigned groups, const char *name)
{
    struct mri_event_table *table = add_table(tables, name);
    table->kinds[table->kind_count++] = kind;
    table->row_groups = groups;
    (void)add_column(table, "position", "INTEGER", MRI_EVENT_COLUMN_POSITION);
    for (unsigned group = 0; group < kind->row_group_count; group++) {
        if ((groups >> group & 1) != 0) {
            add_fields(table, 0, kind->rows[group].fields, kind->rows[group].field_count,
                MRI_EVENT_COLUMN_ROW, group);
        }
    }
}

static unsigned gate_groups(const struct mri_event_kind *kind)
{
    unsigned groups = 0;
    for (unsigned group = 0; group < kind->row_group_count; group++) {
        const char *name = kind->rows[group].name;
        bool is_gate = strcmp(name, "numbers") == 0 || strcmp(name, "codes") == 0;
        groups |= kind->type == MRI_EVENT_DECISION && is_gate ? 1U << group : 0;
    }
    return groups;
}

/** A kind's name as a name of SQL. */
static void plain_name(
    const char *kind, const char *group, char name[static MRI_EVENT_COLUMN_BYTES])
{
    (void)snprintf(
        name, MRI_EVENT_COLUMN_BYTES, "%s%s%s", kind, group[0] == '\0' ? "" : "_", group);
    for (char *c = name; *c != '\0'; c++) {
        *c = *c == '.' ? '_' : *c;
    }
}

static bool is_named(uint16_t type)
{
    for (size_t i = 0; i < MRI_COUNT_OF(named); i++) {
        for (unsigned k = 0; k < MRI_EVENT_TABLE_KINDS_MAX && named[i].types[k] != 0; k++) {
            if (named[i].types[k] == type) {
                return true;
            }
        }
    }
    return false;
}

static void add_kinds(struct mri_event_tables *tables)
{
    char name[MRI_EVENT_COLUMN_BYTES];
    size_t count;
    const struct mri_event_kind *kinds = mri_event_kinds(&count);
    for (size_t i = 0; i < count; i++) {
        unsigned gates = gate_groups(&kinds[i]);
        if (!is_named(kinds[i].type)) {
            plain_name(kinds[i].name, "", name);
            add_kind(add_table(tables, name), &kinds[i]);
        }
        if (gates != 0) {
            add_rows(tables, &kinds[i], gates, "gates");
        }
        for (unsigned group = 0; group < kinds[i].row_group_count; group++) {
            if ((gates >> group & 1) == 0) {
                plain_name(kinds[i].name, kinds[i].rows[group].name, name);
                add_rows(tables, &kinds[i], 1U << group, name);
            }
        }
    }
}

static void add_events(struct mri_event_tables *tables)
{
    struct mri_event_table *table = add_table(tables, "events");
    (void)add_column(table, "event_time_unix_ns", "INTEGER", MRI_EVENT_COLUMN_TIME);
    (void)add_column(table, "event_time", "TEXT", MRI_EVENT_COLUMN_TIME_TEXT);
    (void)add_column(table, "cause_seq", "INTEGER", MRI_EVENT_COLUMN_CAUSE);
    (void)add_column(table, "previous_seq", "INTEGER", MRI_EVENT_COLUMN_PREVIOUS);
    (void)add_column(table, "body_bytes", "INTEGER", MRI_EVENT_COLUMN_BODY_BYTES);
    (void)add_column(table, "stored_bytes", "INTEGER", MRI_EVENT_COLUMN_STORED_BYTES);
    (void)add_column(table, "consumer", "TEXT", MRI_EVENT_COLUMN_CONSUMER);
    (void)add_column(table, "deliveries", "INTEGER", MRI_EVENT_COLUMN_DELIVERIES);
    (void)add_column(table, "nack_reason", "TEXT", MRI_EVENT_COLUMN_NACK_REASON);
}

mr_err mri_event_columns_init(struct mri_event_tables *tables, const struct mri_alloc *alloc)
{
    void *block;
    mr_err err =
        mri_alloc_array(alloc, MRI_EVENT_TABLES_MAX, sizeof(struct mri_event_table), &block);
    if (err != MR_OK) {
        return err;
    }
    *tables = (struct mri_event_tables){.alloc = alloc, .tables = block};
    add_events(tables);
    for (size_t i = 0; i < MRI_COUNT_OF(named); i++) {
        struct mri_event_table *table = add_table(tables, named[i].name);
        for (unsigned k = 0; k < MRI_EVENT_TABLE_KINDS_MAX && named[i].types[k] != 0; k++) {
            add_kind(table, mri_event_kind(named[i].types[k]));
        }
        add_order_ids(table);
    }
    add_kinds(tables);
    return MR_OK;
}

void mri_event_columns_fini(struct mri_event_tables *tables)
{
    if (tables != NULL && tables->alloc != NULL) {
        mri_alloc_free(
            tables->alloc, tables->tables, MRI_EVENT_TABLES_MAX * sizeof(*tables->tables));
        *tables = (struct mri_event_tables){0};
    }
}

void mri_event_columns_declare(const struct mri_event_table *table, struct mri_buf *text)
{
    mri_buf_printf(text, "CREATE TABLE \"%s\"(", table->name);
    for (unsigned i = 0; i < table->column_count; i++) {
        mri_buf_printf(text, "\"%s\" %s, ", table->columns[i].name, table->columns[i].type);
    }
    mri_buf_printf(
        text, "PRIMARY KEY (seq%s)) WITHOUT ROWID", table->row_groups != 0 ? ", position" : "");
}
