/* SPDX-License-Identifier: MIT */
/*
 * Requests out of lines.
 *
 * Invariants
 *  1. The first thing that is wrong is what is told; the line is read to its end all the same,
 *     since the id may stand behind it, and the verb: which fields there are is a matter of the
 *     verb, so one that is unknown is told before them.
 *  2. Every text and object that is copied stands in the line with more bytes around it than the
 *     NUL that it gets: copies of a line's values fit into the length of the line.
 */
#include "socket/request.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/text.h"
#include "json/json_problem.h"
#include "json/json_scan.h"

static const char *const keys[] = {
#define KEY(NAME, key, types, about) key,
    MRI_REQUEST_FIELD_MAP(KEY)
#undef KEY
};

static const unsigned types[] = {
#define TYPES(NAME, key, types, about) types,
    MRI_REQUEST_FIELD_MAP(TYPES)
#undef TYPES
};

static const char *const abouts[] = {
#define ABOUT(NAME, key, types, about) (about),
    MRI_REQUEST_FIELD_MAP(ABOUT)
#undef ABOUT
};

static const char *const verbs[] = {
#define VERB(NAME, text, has_effect, fields) text,
    MRI_REQUEST_VERB_MAP(VERB, MRI_REQUEST_HAS)
#undef VERB
};

static const struct mri_request_fields verb_fields[] = {
#define VERB_FIELDS(NAME, text, has_effect, fields)                                                \
    {.has = {[MRI_FIELD_ID] = true, [MRI_FIELD_VERB] = true, fields}},
    MRI_REQUEST_VERB_MAP(VERB_FIELDS, MRI_REQUEST_HAS)
#undef VERB_FIELDS
};

static const bool verb_effects[] = {
#define VERB_EFFECT(NAME, text, has_effect, fields) has_effect,
    MRI_REQUEST_VERB_MAP(VERB_EFFECT, MRI_REQUEST_HAS)
#undef VERB_EFFECT
};

/** One object under way. */
struct reading {
    struct mri_request_reader *reader;
    struct mri_request_value *values;
    struct mri_request_fault *fault; /* its err is MR_OK until something is wrong */
    bool is_whole;                   /* the object was read to its end */
};

mr_err mri_request_reader_init(struct mri_request_reader *reader, const struct mri_alloc *alloc)
{
    *reader = (struct mri_request_reader){0};
    mri_buf_init(&reader->texts, alloc, MRI_REQUEST_LINE_BYTES_MAX + 1);
    if (mri_buf_grow(&reader->texts, MRI_REQUEST_LINE_BYTES_MAX + 1) == NULL) {
        return MR_ENOMEM;
    }
    mr_err err = mri_json_parser_open(alloc, MRI_REQUEST_LINE_BYTES_MAX, &reader->parser);
    if (err != MR_OK) {
        mri_buf_fini(&reader->texts);
    }
    return err;
}

void mri_request_reader_fini(struct mri_request_reader *reader)
{
    mri_json_parser_close(reader->parser);
    mri_buf_fini(&reader->texts);
    reader->parser = NULL;
}

const char *mri_request_verb_text(enum mri_request_verb verb)
{
    return verbs[verb];
}

const char *mri_request_field_key(enum mri_request_field field)
{
    return keys[field];
}

int mri_request_find_key(struct mri_slice key)
{
    for (int i = 0; i < MRI_FIELD_COUNT; i++) {
        if (mri_slice_is(key, keys[i])) {
            return i;
        }
    }
    return -1;
}

mr_err mri_request_refuse(const struct mri_request_reader *reader, struct mri_request_fault *fault,
    const char *key, const char *raw, const char *format, ...)
{
    va_list arguments;
    fault->err = MR_REFUSED;
    fault->byte = raw == NULL ? -1 : raw - reader->line;
    (void)snprintf(fault->field, sizeof(fault->field), "%s", key);
    va_start(arguments, format);
    (void)vsnprintf(fault->problem.text, sizeof(fault->problem.text), format, arguments);
    va_end(arguments);
    return MR_REFUSED;
}

static unsigned type_of(const struct mri_json_value *value)
{
    switch (value->type) {
    case MRI_JSON_TEXT:
        return MRI_REQUEST_TEXT;
    case MRI_JSON_INTEGER:
        return MRI_REQUEST_INTEGER | MRI_REQUEST_NUMBER;
    case MRI_JSON_NUMBER:
        return MRI_REQUEST_NUMBER;
    case MRI_JSON_BOOL:
        return MRI_REQUEST_BOOL;
    case MRI_JSON_OBJECT:
        return MRI_REQUEST_OBJECT;
    case MRI_JSON_ARRAY:
        return MRI_REQUEST_ARRAY;
    case MRI_JSON_NULL:
        break;
    }
    return 0;
}

static const char *expected(unsigned wanted)
{
    switch (wanted) {
    case MRI_REQUEST_TEXT:
        return "a text";
    case MRI_REQUEST_INTEGER:
        return "an integer";
    case MRI_REQUEST_NUMBER:
        return "a number";
    case MRI_REQUEST_BOOL:
        return "true or false";
    case MRI_REQUEST_OBJECT:
        return "an object";
    case MRI_REQUEST_ARRAY:
        return "a list of objects";
    case MRI_REQUEST_TEXT | MRI_REQUEST_INTEGER:
        return "a text or a whole number";
    default:
        return "a text or a number";
    }
}

const char *mri_request_field_type(enum mri_request_field field)
{
    return expected(types[field]);
}

const char *mri_request_field_about(enum mri_request_field field)
{
    return abouts[field];
}

const struct mri_request_fields *mri_request_verb_fields(enum mri_request_verb verb)
{
    return &verb_fields[verb];
}

bool mri_request_verb_has_effect(enum mri_request_verb verb)
{
    return verb_effects[verb];
}

static const char *copy(struct mri_request_reader *reader, struct mri_slice text)
{
    char *at = (char *)reader->texts.bytes + reader->texts.count;
    MRI_ASSERT(reader->texts.count + text.count < reader->texts.capacity); /* invariant 2 */
    memcpy(at, text.bytes, text.count);
    at[text.count] = '\0';
    reader->texts.count += text.count + 1;
    return at;
}

/** A printable piece of a key or word, for people. */
static const char *shown(struct mri_slice text, char ret_shown[64])
{
    size_t count = 0;
    for (size_t i = 0; i < text.count && count < 40; i++) {
        bool is_plain = text.bytes[i] >= ' ' && text.bytes[i] <= '~';
        ret_shown[count++] = (char)(is_plain ? text.bytes[i] : '?');
    }
    ret_shown[count] = '\0';
    return ret_shown;
}

static void refuse_key(
    const struct reading *reading, struct mri_slice key, const struct mri_json_value *value)
{
    char word[64];
    const char *near = mri_text_nearest(key, keys, MRI_COUNT_OF(keys));
    (void)mri_request_refuse(reading->reader, reading->fault, shown(key, word), value->raw.bytes,
        "unknown field \"%s\"%s%s%s", word, near == NULL ? "" : " (did you mean ",
        near == NULL ? "" : near, near == NULL ? "" : "?)");
}

/** Take a value in; false: its text has a NUL. */
static bool take_value(struct mri_request_reader *reader, const struct mri_json_value *value,
    struct mri_request_value *ret_value)
{
    *ret_value = (struct mri_request_value){
        .is_given = true,
        .is_text = value->type == MRI_JSON_TEXT,
        .boolean = value->boolean,
        .integer = value->integer,
        .number = value->number,
        .raw = value->raw,
    };
    if (value->type == MRI_JSON_TEXT) {
        bool has_nul =
            value->text.count > 0 && memchr(value->text.bytes, '\0', value->text.count) != NULL;
        ret_value->text = has_nul ? "" : copy(reader, value->text);
        return !has_nul;
    }
    if (value->type == MRI_JSON_OBJECT) {
        ret_value->text = copy(reader, value->raw);
    }
    return true;
}

static mr_err take_field(void *context, struct mri_slice key, const struct mri_json_value *value)
{
    struct reading *reading = context;
    int field = mri_request_find_key(key);
    bool is_good = reading->fault->err == MR_OK; /* else only id and verb are still of interest */
    bool is_wanted = is_good || field == MRI_FIELD_ID || field == MRI_FIELD_VERB;
    if (field < 0) {
        if (is_good) {
            refuse_key(reading, key, value);
        }
        return MR_OK;
    }
    if (value->type == MRI_JSON_NULL || !is_wanted) {
        return MR_OK;
    }
    const char *problem = NULL;
    if ((type_of(value) & types[field]) == 0) {
        problem = expected(types[field]);
    } else if (field == MRI_FIELD_ID && value->raw.count > MRI_REQUEST_ID_BYTES_MAX) {
        problem = "up to 128 bytes";
    } else if (!take_value(reading->reader, value, &reading->values[field])) {
        problem = "a text without U+0000";
    }
    if (problem != NULL && is_good) {
        (void)mri_request_refuse(reading->reader, reading->fault, keys[field], value->raw.bytes,
            "%s: expected %s", keys[field], problem);
    }
    return MR_OK;
}

/** "byte 12: what" of the parser is told in two fields; its bytes count from the object. */
static void take_place(const struct mri_request_reader *reader, const char *object,
    const mr_problem *problem, struct mri_request_fault *fault)
{
    size_t offset;
    const char *text = mri_json_problem_place(problem, &offset);
    *fault = (struct mri_request_fault){.err = MR_REFUSED, .byte = -1};
    if (offset != SIZE_MAX) {
        fault->byte = (int64_t)offset + (object - reader->line);
    }
    (void)snprintf(
        fault->problem.text, sizeof(fault->problem.text), "not acceptable JSON: %.480s", text);
}

/** Read an object and refuse fields beyond those allowed. */
static mr_err read_object(struct reading *reading, struct mri_slice object)
{
    mr_problem problem = {""};
    struct mri_request_fault *fault = reading->fault;
    memset(reading->values, 0, MRI_FIELD_COUNT * sizeof(*reading->values));
    *fault = (struct mri_request_fault){.err = MR_OK, .byte = -1};
    mr_err err =
        mri_json_parse_object(reading->reader->parser, object, take_field, reading, &problem);
    reading->is_whole = err == MR_OK;
    if (err == MR_ENOMEM) {
        *fault = (struct mri_request_fault){.err = err, .byte = -1, .problem = problem};
    } else if (err != MR_OK && fault->err == MR_OK) {
        take_place(reading->reader, object.bytes, &problem, fault);
    }
    return fault->err;
}

static mr_err check_fields(
    const struct reading *reading, const struct mri_request_fields *allowed, const char *of)
{
    for (int i = 0; i < MRI_FIELD_COUNT; i++) {
        if (reading->values[i].is_given && !allowed->has[i]) {
            return mri_request_refuse(reading->reader, reading->fault, keys[i],
                reading->values[i].raw.bytes, "%s has no field \"%s\"", of, keys[i]);
        }
    }
    return MR_OK;
}

/** MRI_VERB_COUNT: there is none of that text. */
static enum mri_request_verb verb_of(struct mri_slice text)
{
    int verb = 0;
    while (verb < MRI_VERB_COUNT && !mri_slice_is(text, verbs[verb])) {
        verb++;
    }
    return (enum mri_request_verb)verb;
}

static mr_err find_verb(struct reading *reading, enum mri_request_verb *ret_verb)
{
    char word[64];
    const struct mri_request_value *value = &reading->values[MRI_FIELD_VERB];
    if (!value->is_given) {
        return mri_request_refuse(
            reading->reader, reading->fault, "verb", NULL, "verb: it is missing");
    }
    struct mri_slice text = mri_slice_of(value->text);
    enum mri_request_verb verb = verb_of(text);
    if (verb != MRI_VERB_COUNT) {
        *ret_verb = verb;
        return MR_OK;
    }
    const char *near = mri_text_nearest(text, verbs, MRI_COUNT_OF(verbs));
    return mri_request_refuse(reading->reader, reading->fault, "verb", value->raw.bytes,
        "verb: unknown verb \"%s\"%s%s%s", shown(text, word), near == NULL ? "" : " (did you mean ",
        near == NULL ? "" : near, near == NULL ? "" : "?)");
}

mr_err mri_request_read(struct mri_request_reader *reader, struct mri_slice line,
    struct mri_request *ret_request, struct mri_request_fault *reterr_fault)
{
    struct reading reading = {
        .reader = reader, .values = ret_request->fields, .fault = reterr_fault};
    reader->line = line.bytes;
    reader->texts.count = 0;
    mr_err err = read_object(&reading, line);
    const struct mri_request_value *id = &ret_request->fields[MRI_FIELD_ID];
    ret_request->id = id->is_given ? id->raw : mri_slice_of("null");
    bool is_verb_read = reading.is_whole && ret_request->fields[MRI_FIELD_VERB].is_given;
    if (err == MR_OK || (err == MR_REFUSED && is_verb_read)) { /* invariant 1 */
        mr_err found = find_verb(&reading, &ret_request->verb);
        err = found == MR_OK ? err : found;
    }
    return err == MR_OK
               ? check_fields(&reading, &verb_fields[ret_request->verb], verbs[ret_request->verb])
               : err;
}

mr_err mri_request_item(struct mri_request_reader *reader, struct mri_slice *rest,
    const struct mri_request_fields *fields, struct mri_request_value *ret_values,
    struct mri_request_fault *reterr_fault)
{
    struct reading reading = {.reader = reader, .values = ret_values, .fault = reterr_fault};
    const char *end = rest->bytes + rest->count;
    const char *at = mri_json_scan_space(rest->bytes, end);
    if (at < end && (*at == '[' || *at == ',')) {
        at = mri_json_scan_space(at + 1, end);
    }
    if (at == end || *at == ']') {
        return MR_END;
    }
    const char *behind = mri_json_scan_value(at, end);
    *rest = (struct mri_slice){behind, (size_t)(end - behind)};
    if (*at != '{') {
        *reterr_fault = (struct mri_request_fault){.byte = -1};
        return mri_request_refuse(reader, reterr_fault, "", at, "expected an object");
    }
    mr_err err = read_object(&reading, (struct mri_slice){at, (size_t)(behind - at)});
    return err == MR_OK ? check_fields(&reading, fields, "an item") : err;
}
