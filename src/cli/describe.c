/* SPDX-License-Identifier: MIT */
/*
 * Putting events into words, driven by the event table: a new kind of event prints without a change
 * here.
 */
#include "cli/describe.h"

#include <stdio.h>
#include <string.h>

#include "base/exact_math.h"
#include "base/text.h"
#include "base/utc.h"
#include "bus/event_absent.h"
#include "cli/own_record.h"

enum { VALUE_BYTES_MAX = 4096 };

struct mri_names mri_names_of(const struct mri_fold *fold)
{
    return (struct mri_names){.bus = &fold->bus, .market = &fold->wiring.market};
}

const char *mri_names_symbol(const struct mri_names *names, uint32_t symbol)
{
    const struct mri_instrument_spec *spec =
        mri_instruments_get(&names->market->instruments, symbol);
    return spec == NULL ? "?" : spec->symbol;
}

const char *mri_names_signal(
    const struct mri_names *names, uint32_t ordinal, char text[static MRI_IDENT_BYTES])
{
    const struct mri_slot *slot = mri_slots_get(&names->bus->slots, ordinal);
    if (slot == NULL) {
        memcpy(text, "-", 2);
        return text;
    }
    const struct mri_ident ident = {
        .symbol = mri_slice_of(mri_names_symbol(names, slot->symbol)),
        .time_unix_ms = slot->event_time_unix_ns / 1000000,
        .ordinal = {ordinal},
    };
    return mri_ident_format(&ident, text);
}

const char *mri_names_price(const struct mri_names *names, uint32_t instrument, int64_t price,
    char text[static MRI_FIXED_TEXT_BYTES])
{
    const struct mri_instrument_spec *spec =
        mri_instruments_get(&names->market->instruments, instrument);
    return mri_fixed_format(price, spec == NULL ? 0 : spec->price_decimals, text);
}

const char *mri_names_quantity(const struct mri_names *names, uint32_t instrument, int64_t quantity,
    char text[static MRI_FIXED_TEXT_BYTES])
{
    const struct mri_instrument_spec *spec =
        mri_instruments_get(&names->market->instruments, instrument);
    return mri_fixed_format(quantity, spec == NULL ? 0 : spec->quantity_decimals, text);
}

void mri_describe_money(int64_t money_e8, struct mri_buf *text)
{
    char digits[MRI_FIXED_TEXT_BYTES];
    int64_t cents;
    if (mri_fixed_mul_div(money_e8, 1, 1000000, &cents) == MR_OK) {
        mri_buf_text(text, mri_fixed_format(cents, 2, digits));
    }
}

/* ---- fields ---------------------------------------------------------------------------------- */

/** The instrument that an event's prices are in: its field of that kind, else of its signal. */
static uint32_t instrument_of(const struct mri_names *names, const struct mri_event *event)
{
    const struct mri_event_kind *kind = mri_event_kind(event->type);
    const uint8_t *at = event->body;
    uint32_t symbol = UINT32_MAX;
    for (unsigned i = 0; i < kind->field_count; i++) {
        enum mri_field_kind field = kind->fields[i].kind;
        if (field == MRI_FIELD_instrument || field == MRI_FIELD_symbol) {
            symbol = (uint32_t)mri_field_unsigned(field, at);
        }
        at += mri_field_bytes(field);
    }
    const struct mri_slot *slot = mri_slots_get(&names->bus->slots, event->ordinal);
    return symbol == UINT32_MAX && slot != NULL ? slot->symbol : symbol;
}

/** What a field's value is put into words with. */
struct field_context {
    const struct mri_names *names;
    const struct mri_event *event;
    uint32_t instrument;
};

static double double_at(const uint8_t *at)
{
    double value;
    memcpy(&value, at, sizeof(value));
    return value;
}

static int64_t signed_at(const uint8_t *at)
{
    int64_t value;
    memcpy(&value, at, sizeof(value));
    return value;
}

static bool is_padding(enum mri_field_kind kind)
{
    return kind == MRI_FIELD_pad8 || kind == MRI_FIELD_pad16 || kind == MRI_FIELD_pad32;
}

/** The word for a code; NULL when the kind is no vocabulary. */
static const char *word_of(enum mri_field_kind kind, uint64_t value)
{
    switch (kind == MRI_FIELD_reason8 ? MRI_FIELD_reason : kind) {
#define VOCABULARY_CASE(id)                                                                        \
    case MRI_FIELD_##id:                                                                           \
        return mri_word_text(MRI_VOCABULARY_##id, (unsigned)value);
        MRI_VOCABULARY_MAP(VOCABULARY_CASE)
#undef VOCABULARY_CASE
    default:
        return NULL;
    }
}

static void put_source(const struct field_context *context, uint64_t number, struct mri_buf *text)
{
    const struct mri_intern *sources = &context->names->bus->sources;
    if (number < sources->count) {
        struct mri_slice name = mri_intern_text(sources, (uint32_t)number);
        mri_buf_put(text, name.bytes, name.count);
    } else {
        mri_buf_printf(text, "%llu", (unsigned long long)number);
    }
}

/** The value of a field as plain text, not escaped: what JSON shows as a string or number comes
 * from here too. */
static void put_value(const struct field_context *context, const struct mri_field *field,
    const uint8_t *at, struct mri_buf *text)
{
    char digits[MRI_FIXED_TEXT_BYTES];
    char time[MRI_UTC_BYTES];
    uint64_t value = mri_field_unsigned(field->kind, at);
    const char *word = word_of(field->kind, value);
    if (word != NULL) {
        mri_buf_text(text, word);
        return;
    }
    switch (field->kind) {
    case MRI_FIELD_ref:
        mri_buf_printf(text, "%llu", (unsigned long long)mri_ref_seq(value, context->event->seq));
        break;
    case MRI_FIELD_time:
        mri_buf_text(text, mri_utc_format(signed_at(at), time));
        break;
    case MRI_FIELD_duration:
        mri_buf_text(text, mri_utc_duration(signed_at(at), time));
        break;
    case MRI_FIELD_price:
        mri_buf_text(
            text, mri_names_price(context->names, context->instrument, signed_at(at), digits));
        break;
    case MRI_FIELD_quantity:
        mri_buf_text(
            text, mri_names_quantity(context->names, context->instrument, signed_at(at), digits));
        break;
    case MRI_FIELD_money:
        mri_buf_text(text, mri_fixed_format(signed_at(at), MRI_MONEY_DECIMALS, digits));
        break;
    case MRI_FIELD_integer:
        mri_buf_printf(text, "%lld", (long long)signed_at(at));
        break;
    case MRI_FIELD_number:
        mri_buf_printf(text, "%.6g", double_at(at));
        break;
    case MRI_FIELD_symbol:
    case MRI_FIELD_instrument:
        mri_buf_text(text, mri_names_symbol(context->names, (uint32_t)value));
        break;
    case MRI_FIELD_source:
        put_source(context, value, text);
        break;
    default:
        mri_buf_printf(text, "%llu", (unsigned long long)value);
        break;
    }
}

/** The field's name without the unit that its value no longer has when it is put into words. */
static struct mri_slice shown_name(const struct mri_field *field)
{
    const char *unit = field->kind == MRI_FIELD_time       ? "_unix_ns"
                       : field->kind == MRI_FIELD_duration ? "_ns"
                       : field->kind == MRI_FIELD_money    ? "_e8"
                                                           : "";
    size_t bytes = strlen(field->name);
    size_t unit_bytes = strlen(unit);
    bool has_unit = bytes > unit_bytes && strcmp(field->name + bytes - unit_bytes, unit) == 0;
    return (struct mri_slice){field->name, has_unit ? bytes - unit_bytes : bytes};
}

/** Fields that a line leaves out when they say nothing. */
static bool is_silent(const struct mri_field *field, const uint8_t *at)
{
    return is_padding(field->kind) || strcmp(field->name, "cause") == 0 ||
           (mri_field_unsigned(field->kind, at) == 0 && word_of(field->kind, 0) == NULL) ||
           (field->kind == MRI_FIELD_reason && mri_field_unsigned(field->kind, at) == 0);
}

/** Names come from outside and stand between other fields; the other values are our own. */
static void put_line_value(const struct field_context *context, const struct mri_field *field,
    const uint8_t *at, struct mri_buf *text)
{
    if (field->kind != MRI_FIELD_source) {
        put_value(context, field, at, text);
        return;
    }
    struct mri_buf name;
    mri_buf_init(&name, text->alloc, VALUE_BYTES_MAX);
    put_value(context, field, at, &name);
    mri_text_word(text, (struct mri_slice){(const char *)name.bytes, name.count});
    text->err = text->err == MR_OK ? name.err : text->err;
    mri_buf_fini(&name);
}

static void put_line_fields(const struct field_context *context, const struct mri_field *fields,
    unsigned count, const uint8_t *at, struct mri_buf *text)
{
    for (unsigned i = 0; i < count; i++) {
        if (!is_silent(&fields[i], at) && !mri_event_absent(context->event, &fields[i], at)) {
            struct mri_slice name = shown_name(&fields[i]);
            mri_buf_printf(text, " %.*s=", (int)name.count, name.bytes);
            put_line_value(context, &fields[i], at, text);
        }
        at += mri_field_bytes(fields[i].kind);
    }
}

/** Was the text a problem's? Then what is foreign in it was escaped before it was logged. */
static bool is_of_problem(const struct mri_event *event, unsigned index)
{
    return (event->type == MRI_EVENT_ALERT && index == MRI_TEXT_alert_message) ||
           (event->type == MRI_EVENT_ORDER_DISPUTED && index == MRI_TEXT_order_disputed_message);
}

static void put_line_body(const struct field_context *context, struct mri_buf *text)
{
    const struct mri_event *event = context->event;
    const struct mri_event_kind *kind = mri_event_kind(event->type);
    put_line_fields(context, kind->fields, kind->field_count, event->body, text);
    for (unsigned group = 0; group < kind->row_group_count; group++) {
        const struct mri_rows *rows = &kind->rows[group];
        unsigned count;
        const uint8_t *row = mri_event_rows(event, group, &count);
        for (unsigned i = 0; i < count; i++, row += rows->row_bytes) {
            mri_buf_printf(text, " %s[%u]{", rows->name, i);
            put_line_fields(context, rows->fields, rows->field_count, row, text);
            mri_buf_text(text, " }");
        }
    }
    for (unsigned i = 0; i < kind->text_count; i++) {
        struct mri_slice value = mri_event_text(event, i);
        if (value.count > 0) {
            mri_buf_printf(text, " %s=", kind->texts[i].name);
            if (is_of_problem(event, i)) {
                mri_text_quote_rest(text, value);
            } else {
                mri_text_quote(text, value);
            }
        }
    }
}

void mri_describe_line(
    const struct mri_names *names, const struct mri_event *event, struct mri_buf *text)
{
    char time[MRI_UTC_BYTES];
    char id[MRI_IDENT_BYTES];
    const struct mri_event_kind *kind = mri_event_kind(event->type);
    mri_buf_printf(text, "%llu  %s  ", (unsigned long long)event->seq,
        mri_utc_format(event->wall_unix_ns, time));
    if (kind == NULL) {
        mri_own_record_line(event, text);
        return;
    }
    const struct field_context context = {
        .names = names, .event = event, .instrument = instrument_of(names, event)};
    mri_buf_text(text, kind->name);
    if (event->ordinal != 0) {
        mri_buf_printf(text, "  %s", mri_names_signal(names, event->ordinal, id));
    }
    put_line_body(&context, text);
}

/* ---- JSON ------------------------------------------------------------------------------------ */

/** Is the field a JSON number, rather than a text? */
static bool is_json_number(enum mri_field_kind kind)
{
    switch (kind) {
    case MRI_FIELD_ref:
    case MRI_FIELD_wide:
    case MRI_FIELD_integer:
    case MRI_FIELD_number:
    case MRI_FIELD_count:
    case MRI_FIELD_small:
    case MRI_FIELD_flags16:
        return true;
    default:
        return false;
    }
}

static void put_json_field(const struct field_context *context, const struct mri_field *field,
    const uint8_t *at, struct mri_json_writer *json)
{
    char key[64];
    struct mri_slice name = shown_name(field);
    bool is_duration = field->kind == MRI_FIELD_duration;
    (void)snprintf(
        key, sizeof(key), "%.*s%s", (int)name.count, name.bytes, is_duration ? "_s" : "");
    mri_json_write_key(json, key);
    if (field->kind == MRI_FIELD_number) {
        mri_json_write_number(json, double_at(at));
        return;
    }
    if (is_duration) {
        mri_json_write_number(json, (double)signed_at(at) / 1e9);
        return;
    }
    struct mri_buf value;
    mri_buf_init(&value, json->buf->alloc, VALUE_BYTES_MAX);
    put_value(context, field, at, &value);
    struct mri_slice slice = {(const char *)value.bytes, value.count};
    if (is_json_number(field->kind)) {
        mri_json_write_raw(json, slice);
    } else {
        mri_json_write_text(json, slice);
    }
    mri_buf_fini(&value);
}

static void put_json_fields(const struct field_context *context, const struct mri_field *fields,
    unsigned count, const uint8_t *at, struct mri_json_writer *json)
{
    for (unsigned i = 0; i < count; i++) {
        if (!is_padding(fields[i].kind) && !mri_event_absent(context->event, &fields[i], at)) {
            put_json_field(context, &fields[i], at, json);
        }
        at += mri_field_bytes(fields[i].kind);
    }
}

static void put_json_body(const struct field_context *context, struct mri_json_writer *json)
{
    const struct mri_event *event = context->event;
    const struct mri_event_kind *kind = mri_event_kind(event->type);
    put_json_fields(context, kind->fields, kind->field_count, event->body, json);
    for (unsigned group = 0; group < kind->row_group_count; group++) {
        const struct mri_rows *rows = &kind->rows[group];
        unsigned count;
        const uint8_t *row = mri_event_rows(event, group, &count);
        mri_json_write_key(json, rows->name);
        mri_json_write_array_open(json);
        for (unsigned i = 0; i < count; i++, row += rows->row_bytes) {
            mri_json_write_object_open(json);
            put_json_fields(context, rows->fields, rows->field_count, row, json);
            mri_json_write_object_close(json);
        }
        mri_json_write_array_close(json);
    }
    for (unsigned i = 0; i < kind->text_count; i++) {
        struct mri_slice value = mri_event_text(event, i);
        if (value.count > 0) {
            mri_json_write_key(json, kind->texts[i].name);
            mri_json_write_text(json, value);
        }
    }
}

void mri_describe_json(
    const struct mri_names *names, const struct mri_event *event, struct mri_buf *text)
{
    struct mri_json_writer json;
    char id[MRI_IDENT_BYTES];
    const struct mri_event_kind *kind = mri_event_kind(event->type);
    mri_json_write_begin(&json, text);
    mri_json_write_object_open(&json);
    mri_json_put_count(&json, "seq", event->seq);
    if (kind == NULL) {
        mri_own_record_json(event, &json);
        mri_json_write_object_close(&json);
        return;
    }
    mri_json_put_text(&json, "event", kind->name);
    mri_json_put_time(&json, "logged", event->wall_unix_ns);
    if (event->ordinal != 0) {
        mri_json_put_text(&json, "signal_id", mri_names_signal(names, event->ordinal, id));
    }
    const struct field_context context = {
        .names = names, .event = event, .instrument = instrument_of(names, event)};
    put_json_body(&context, &json);
    mri_json_write_object_close(&json);
}

void mri_json_put_text(struct mri_json_writer *json, const char *key, const char *value)
{
    mri_json_write_key(json, key);
    mri_json_write_text(json, mri_slice_of(value));
}

void mri_json_put_number(struct mri_json_writer *json, const char *key, double value)
{
    mri_json_write_key(json, key);
    mri_json_write_number(json, value);
}

void mri_json_put_count(struct mri_json_writer *json, const char *key, uint64_t value)
{
    mri_json_write_key(json, key);
    mri_json_write_unsigned(json, value);
}

void mri_json_put_bool(struct mri_json_writer *json, const char *key, bool value)
{
    mri_json_write_key(json, key);
    mri_json_write_bool(json, value);
}

void mri_json_put_money(struct mri_json_writer *json, const char *key, int64_t money_e8)
{
    char digits[MRI_FIXED_TEXT_BYTES];
    mri_json_write_key(json, key);
    mri_json_write_raw(json, mri_slice_of(mri_fixed_format(money_e8, MRI_MONEY_DECIMALS, digits)));
}

void mri_json_put_time(struct mri_json_writer *json, const char *key, int64_t unix_ns)
{
    char time[MRI_UTC_BYTES];
    mri_json_write_key(json, key);
    if (unix_ns == 0) {
        mri_json_write_null(json);
    } else {
        mri_json_write_text(json, mri_slice_of(mri_utc_format(unix_ns, time)));
    }
}
