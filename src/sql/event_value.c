/* SPDX-License-Identifier: MIT */
/*
 * Values of events.
 *
 * Invariants
 *  1. What an event does not say is NULL, whatever bytes stand for it.
 *  2. Integers are exact; prices and quantities are numbers with their decimals, as near as a
 *     double comes.
 */
#include "sql/event_value.h"

#include <stdio.h>
#include <string.h>

#include "base/utc.h"
#include "bus/event_absent.h"
#include "log/consume/consumer_record.h"
#include "log/format/record.h"

#define MONEY_UNIT 1e8

const char *mri_event_value_kind(uint16_t type)
{
    const struct mri_event_kind *kind = mri_event_kind(type);
    switch (type) {
    case MRI_RECORD_RECOVERY:
        return "log.recovery";
    case MRI_RECORD_GAP:
        return "log.gap";
    case MRI_RECORD_ACK:
        return "log.ack";
    case MRI_RECORD_DEAD_LETTER:
        return "log.dead_letter";
    default:
        return kind == NULL ? NULL : kind->name;
    }
}

uint32_t mri_event_value_symbol(const struct mri_signal_rows *rows, const struct mri_event *event)
{
    const struct mri_event_kind *kind = mri_event_kind(event->type);
    const uint8_t *at = event->body;
    struct mri_signal_row row;
    for (unsigned i = 0; kind != NULL && i < kind->field_count; i++) {
        enum mri_field_kind field = kind->fields[i].kind;
        if (field == MRI_FIELD_instrument || field == MRI_FIELD_symbol) {
            return (uint32_t)mri_field_unsigned(field, at);
        }
        at += mri_field_bytes(field);
    }
    bool is_known = event->ordinal != 0 && mri_signal_rows_get(rows, event->ordinal, &row);
    return is_known && row.codes[MRI_SIGNAL_CODE_symbol] != 0
               ? row.codes[MRI_SIGNAL_CODE_symbol] - 1U
               : UINT32_MAX;
}

/* ---- results --------------------------------------------------------------------------------- */

static void set_integer(struct mri_event_datum *datum, int64_t value)
{
    datum->type = SQLITE_INTEGER;
    datum->integer = value;
}

static void set_real(struct mri_event_datum *datum, double value)
{
    datum->type = SQLITE_FLOAT;
    datum->real = value;
}

static void set_static(struct mri_event_datum *datum, const char *text)
{
    if (text != NULL) {
        datum->type = SQLITE_TEXT;
        datum->text = mri_slice_of(text);
        datum->is_static = true;
    }
}

/** A text that lies in the event, or in the datum's own room. */
static void set_passing(struct mri_event_datum *datum, struct mri_slice text)
{
    if (text.count > 0) { /* an empty text is an absent one */
        datum->type = SQLITE_TEXT;
        datum->text = text;
    }
}

static void set_unsigned(struct mri_event_datum *datum, uint64_t value)
{
    if (value <= INT64_MAX) {
        set_integer(datum, (int64_t)value);
    } else { /* exact, as digits */
        (void)snprintf(datum->room, sizeof(datum->room), "%llu", (unsigned long long)value);
        set_passing(datum, mri_slice_of(datum->room));
    }
}

static void set_time_text(struct mri_event_datum *datum, int64_t unix_ns)
{
    MRI_STATIC_ASSERT(sizeof(datum->room) >= MRI_UTC_BYTES, "both texts fit");
    set_passing(datum, mri_slice_of(mri_utc_format(unix_ns, datum->room)));
}

/** An integer with so many decimals: divided by a power of ten, which a double holds exactly. */
static void set_decimal(struct mri_event_datum *datum, int64_t value, unsigned decimals)
{
    double scale = 1.0;
    for (unsigned i = 0; i < decimals; i++) {
        scale *= 10.0;
    }
    set_real(datum, (double)value / scale);
}

static void set_symbol(
    const struct mri_signal_rows *rows, struct mri_event_datum *datum, uint32_t number)
{
    const struct mri_instrument_spec *spec = mri_instruments_get(rows->instruments, number);
    set_static(datum, spec == NULL ? NULL : spec->symbol);
}

/* ---- fields ---------------------------------------------------------------------------------- */

static int64_t signed_at(const void *at)
{
    int64_t value;
    memcpy(&value, at, sizeof(value));
    return value;
}

static double double_at(const void *at)
{
    double value;
    memcpy(&value, at, sizeof(value));
    return value;
}

/** The word of a code; NULL for the codes that say that there is nothing to say. */
static const char *word_of(enum mri_field_kind kind, uint64_t value)
{
    const char *text = NULL;
    switch (kind == MRI_FIELD_reason8 ? MRI_FIELD_reason : kind) {
#define VOCABULARY_CASE(id)                                                                        \
    case MRI_FIELD_##id:                                                                           \
        text = mri_word_text(MRI_VOCABULARY_##id, (unsigned)value);                                \
        break;
        MRI_VOCABULARY_MAP(VOCABULARY_CASE)
#undef VOCABULARY_CASE
    default:
        break;
    }
    bool is_silent =
        text == NULL || text[0] == '\0' || strcmp(text, "none") == 0 || strcmp(text, "absent") == 0;
    return is_silent ? NULL : text;
}

/** Numbers that another part of the event says are not there. */
static bool is_without(const struct mri_event_value *value, const struct mri_field *field)
{
    const struct mri_event *event = value->event;
    unsigned count;
    if (event->type == MRI_EVENT_VIEW) {
        return strcmp(field->name, "volatility") == 0 &&
               ((const struct mri_view *)event->body)->volatility == 0.0;
    }
    if (event->type == MRI_EVENT_PREDICTION) {
        return strncmp(field->name, "ev_", 3) == 0 &&
               ((const struct mri_prediction *)event->body)->has_ev == 0;
    }
    if (event->type == MRI_EVENT_DECISION && strcmp(field->name, "value") == 0) {
        const struct mri_event_kind *kind = mri_event_kind(event->type);
        for (unsigned group = 0; group < kind->row_group_count; group++) {
            if (strcmp(kind->rows[group].name, "codes") == 0 &&
                (value->table->row_groups >> group & 1) != 0) {
                const struct mri_row_gate_code *codes = mri_event_rows(event, group, &count);
                return codes[value->position].reason == MRI_REASON_INPUT_ABSENT;
            }
        }
    }
    if (event->type == MRI_EVENT_SIGNAL_GENERATED && strcmp(field->name, "instrument") == 0) {
        const struct mri_signal_generated *signal = event->body;
        return (signal->present & MRI_HAS_PRICE) == 0;
    }
    if (event->type == MRI_EVENT_OUTCOME && strcmp(field->name, "price") == 0) {
        return ((const struct mri_outcome *)event->body)->status == MRI_OUTCOME_UNRESOLVED;
    }
    return false;
}

static void get_number(const struct mri_event_value *value, const struct mri_event_column *column,
    enum mri_field_kind kind, const void *at, struct mri_event_datum *datum)
{
    const struct mri_instrument_spec *spec = NULL;
    if (kind == MRI_FIELD_price || kind == MRI_FIELD_quantity) {
        spec = mri_instruments_get(
            value->rows->instruments, mri_event_value_symbol(value->rows, value->event));
        if (spec == NULL) {
            return; /* nobody knows its decimals */
        }
    }
    switch (kind) {
    case MRI_FIELD_price:
        set_decimal(datum, signed_at(at), spec->price_decimals);
        break;
    case MRI_FIELD_quantity:
        set_decimal(datum, signed_at(at), spec->quantity_decimals);
        break;
    case MRI_FIELD_number:
        set_real(datum, double_at(at));
        break;
    case MRI_FIELD_money:
        if (column->form == MRI_EVENT_COLUMN_AS_DECIMAL) {
            set_real(datum, (double)signed_at(at) / MONEY_UNIT);
            break;
        }
        set_integer(datum, signed_at(at));
        break;
    case MRI_FIELD_time:
        if (column->form == MRI_EVENT_COLUMN_AS_TIME) {
            set_time_text(datum, signed_at(at));
            break;
        }
        set_integer(datum, signed_at(at));
        break;
    case MRI_FIELD_duration:
    case MRI_FIELD_integer:
        set_integer(datum, signed_at(at));
        break;
    default:
        set_unsigned(datum, mri_field_unsigned(kind, at));
        break;
    }
}

static void get_field(const struct mri_event_value *value, const struct mri_event_column *column,
    const uint8_t *base, struct mri_event_datum *datum)
{
    const struct mri_field *field = column->fields[value->kind];
    const uint8_t *at = base + column->at[value->kind];
    if (mri_event_absent(value->event, field, at) || is_without(value, field)) {
        return;
    }
    uint64_t number = mri_field_unsigned(field->kind, at);
    switch (field->kind) {
    case MRI_FIELD_ref:
        set_unsigned(datum, mri_ref_seq(number, value->event->seq));
        return;
    case MRI_FIELD_symbol:
    case MRI_FIELD_instrument:
        set_symbol(value->rows, datum, (uint32_t)number);
        return;
    case MRI_FIELD_source:
        if (number + 1 < value->rows->words[MRI_SIGNAL_CODE_source].count) {
            set_passing(datum, value->rows->words[MRI_SIGNAL_CODE_source].texts[number + 1]);
        }
        return;
    default:
        break;
    }
    const char *word = word_of(field->kind, number);
    if (word != NULL) {
        set_static(datum, word);
    } else if (strcmp(column->type, "TEXT") != 0 || column->form != MRI_EVENT_COLUMN_PLAIN) {
        get_number(value, column, field->kind, at, datum);
    }
}

/** The event's own time: of what it says, not of the append. */
static bool event_time(const struct mri_event *event, int64_t *ret_unix_ns)
{
    const struct mri_event_kind *kind = mri_event_kind(event->type);
    const uint8_t *at = event->body;
    for (unsigned i = 0; kind != NULL && i < kind->field_count; i++) {
        const char *name = kind->fields[i].name;
        if (strcmp(name, "event_time_unix_ns") == 0 || strcmp(name, "close_time_unix_ns") == 0) {
            *ret_unix_ns = signed_at(at);
            return *ret_unix_ns != 0;
        }
        at += mri_field_bytes(kind->fields[i].kind);
    }
    return false;
}

static void get_everywhere(
    const struct mri_event_value *value, unsigned from, struct mri_event_datum *datum)
{
    const struct mri_event *event = value->event;
    const char *id;
    switch (from) {
    case MRI_EVENT_COLUMN_SEQ:
        set_unsigned(datum, event->seq);
        break;
    case MRI_EVENT_COLUMN_KIND:
        set_static(datum, mri_event_value_kind(event->type));
        break;
    case MRI_EVENT_COLUMN_ORDINAL:
        if (event->ordinal != 0) {
            set_integer(datum, event->ordinal);
        }
        break;
    case MRI_EVENT_COLUMN_ID:
        id = mri_signal_rows_id(value->rows, event->ordinal, datum->room);
        if (id != NULL) {
            set_passing(datum, mri_slice_of(id));
        }
        break;
    case MRI_EVENT_COLUMN_SYMBOL:
        set_symbol(value->rows, datum, mri_event_value_symbol(value->rows, event));
        break;
    case MRI_EVENT_COLUMN_WALL:
        set_integer(datum, event->wall_unix_ns);
        break;
    default:
        set_time_text(datum, event->wall_unix_ns);
        break;
    }
}

/** What a consumer says in an ACK or a dead letter of its. */
static void get_said(const struct mri_event *event, unsigned from, struct mri_event_datum *datum)
{
    const mr_log_event record = {.body = event->body,
        .body_bytes = event->body_bytes,
        .type = event->type,
        .version = event->version};
    struct mri_consumer_said said;
    if (!mri_consumer_record_read(&record, &said)) {
        return;
    }
    bool is_letter = event->type == MRI_RECORD_DEAD_LETTER;
    if (from == MRI_EVENT_COLUMN_CONSUMER) {
        set_passing(datum, said.name);
    } else if (from == MRI_EVENT_COLUMN_NACK_REASON) {
        set_passing(datum, said.why);
    } else if (is_letter) {
        set_unsigned(
            datum, from == MRI_EVENT_COLUMN_CAUSE ? said.head.lowest_seq : said.head.deliveries);
    }
}

/** What the order is known by outside; nothing of one that no executor was given. */
static void get_order(
    const struct mri_event_value *value, unsigned from, struct mri_event_datum *datum)
{
    unsigned leg;
    unsigned attempt;
    MRI_STATIC_ASSERT(sizeof(datum->room) >= (size_t)MRI_ORDER_ID_BYTES, "the id fits");
    if (!mri_order_ids_attempt(value->order_ids, value->event, &leg, &attempt)) {
        return;
    }
    if (from == MRI_EVENT_COLUMN_ATTEMPT) {
        set_integer(datum, (int64_t)attempt + 1);
        return;
    }
    set_passing(datum, mri_slice_of(mri_order_table_id(value->order_ids->log_number,
                           value->event->ordinal, leg, attempt, datum->room)));
}

static void get_of_events(
    const struct mri_event_value *value, unsigned from, struct mri_event_datum *datum)
{
    const struct mri_event *event = value->event;
    int64_t time;
    uint64_t cause;
    switch (from) {
    case MRI_EVENT_COLUMN_TIME:
        if (event_time(event, &time)) {
            set_integer(datum, time);
        }
        break;
    case MRI_EVENT_COLUMN_TIME_TEXT:
        if (event_time(event, &time)) {
            set_time_text(datum, time);
        }
        break;
    case MRI_EVENT_COLUMN_CAUSE:
        if (mri_event_kind(event->type) == NULL) {
            get_said(event, from, datum);
            break;
        }
        cause = mri_event_cause(event);
        if (cause != 0) {
            set_unsigned(datum, cause);
        }
        break;
    case MRI_EVENT_COLUMN_PREVIOUS:
        if (event->ordinal_prev != 0 && event->ordinal != 0) {
            set_unsigned(datum, event->ordinal_prev);
        }
        break;
    case MRI_EVENT_COLUMN_BODY_BYTES:
        set_integer(datum, event->body_bytes);
        break;
    case MRI_EVENT_COLUMN_STORED_BYTES:
        set_integer(datum, event->stored_bytes);
        break;
    case MRI_EVENT_COLUMN_CONSUMER:
    case MRI_EVENT_COLUMN_DELIVERIES:
    case MRI_EVENT_COLUMN_NACK_REASON:
        get_said(event, from, datum);
        break;
    case MRI_EVENT_COLUMN_CLIENT_ORDER_ID:
    case MRI_EVENT_COLUMN_ATTEMPT:
        get_order(value, from, datum);
        break;
    default:
        set_integer(datum, value->position);
        break;
    }
}

void mri_event_value_get(
    const struct mri_event_value *value, unsigned number, struct mri_event_datum *ret_datum)
{
    struct mri_event_datum *datum = ret_datum;
    const struct mri_event_column *column = &value->table->columns[number];
    datum->type = SQLITE_NULL;
    datum->is_static = false;
    if (column->from < MRI_EVENT_COLUMN_EVERYWHERE) {
        get_everywhere(value, column->from, datum);
        return;
    }
    if (column->from <= MRI_EVENT_COLUMN_POSITION) {
        get_of_events(value, column->from, datum);
        return;
    }
    if (!column->is_there[value->kind]) {
        return;
    }
    if (column->from == MRI_EVENT_COLUMN_TEXT) {
        set_passing(datum, mri_event_text(value->event, column->at[value->kind]));
    } else if (column->from == MRI_EVENT_COLUMN_FIELD) {
        get_field(value, column, value->event->body, datum);
    } else {
        const struct mri_event_kind *kind = value->table->kinds[value->kind];
        unsigned count;
        const uint8_t *row = mri_event_rows(value->event, column->group, &count);
        get_field(value, column,
            row + (size_t)value->position * kind->rows[column->group].row_bytes, datum);
    }
}

void mri_event_value_put(
    const struct mri_event_value *value, unsigned number, sqlite3_context *context)
{
    struct mri_event_datum datum;
    mri_event_value_get(value, number, &datum);
    switch (datum.type) {
    case SQLITE_INTEGER:
        sqlite3_result_int64(context, datum.integer);
        break;
    case SQLITE_FLOAT:
        sqlite3_result_double(context, datum.real);
        break;
    case SQLITE_TEXT:
        sqlite3_result_text(context, datum.text.bytes, (int)datum.text.count,
            datum.is_static ? SQLITE_STATIC : SQLITE_TRANSIENT);
        break;
    default: /* a result that nobody sets is NULL */
        break;
    }
}
