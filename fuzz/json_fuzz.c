/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes reading and writing JSON. No line may crash the parser; it accepts what the checker of
 * json_scan accepts; what it read and json_write wrote again is read as the same.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/hash.h"
#include "json/json_read.h"
#include "json/json_scan.h"
#include "json/json_write.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

enum { LINE_BYTES_MAX = 64 * 1024, WRITTEN_BYTES_MAX = 8 * LINE_BYTES_MAX };

/** The fields of one line: written again, and as one number. */
struct reading {
    struct mri_json_writer writer;
    uint64_t hash;
    uint64_t fields;
};

static void add(struct reading *reading, const void *bytes, size_t count)
{
    uint64_t both[2] = {reading->hash, mri_hash(bytes, count)};
    reading->hash = mri_hash(both, sizeof(both));
}

/** Write a value again. */
static void write_value(struct reading *reading, const struct mri_json_value *value)
{
    struct mri_json_writer *writer = &reading->writer;
    switch (value->type) {
    case MRI_JSON_NULL:
        mri_json_write_null(writer);
        break;
    case MRI_JSON_BOOL:
        mri_json_write_bool(writer, value->boolean);
        break;
    case MRI_JSON_INTEGER:
        mri_json_write_integer(writer, value->integer);
        break;
    case MRI_JSON_NUMBER:
        mri_json_write_number(writer, value->number);
        break;
    case MRI_JSON_TEXT:
        mri_json_write_text(writer, value->text);
        break;
    case MRI_JSON_OBJECT:
    case MRI_JSON_ARRAY:
        mri_json_write_raw(writer, value->raw);
        break;
    }
}

static mr_err take_field(void *context, struct mri_slice key, const struct mri_json_value *value)
{
    (void)key; /* it may hold a NUL; the field gets its number for a name */
    struct reading *reading = context;
    char name[32];
    struct mri_json_fault fault;
    bool is_whole = mri_json_scan_check(value->raw, &fault); /* a comma or bracket follows it */
    MRI_ASSERT(is_whole);
    (void)snprintf(name, sizeof(name), "%llu", (unsigned long long)reading->fields++);
    add(reading, &value->boolean, sizeof(value->boolean));
    add(reading, &value->number, sizeof(value->number));
    add(reading, value->text.bytes, value->text.count);
    mri_json_write_key(&reading->writer, name);
    write_value(reading, value);
    return MR_OK;
}

static mr_err read_line(struct mri_json_parser *parser, struct mri_slice line,
    struct reading *reading, struct mri_buf *buf, mr_problem *problem)
{
    mri_buf_init(buf, mri_alloc_system(), WRITTEN_BYTES_MAX);
    *reading = (struct reading){0};
    mri_json_write_begin(&reading->writer, buf);
    mri_json_write_object_open(&reading->writer);
    mr_err err = mri_json_parse_object(parser, line, take_field, reading, problem);
    mri_json_write_object_close(&reading->writer);
    MRI_ASSERT(buf->err == MR_OK);
    return err;
}

/** Is a refusal of well-formed JSON one of those that the parser owes? */
static bool is_owed(struct mri_slice line, const mr_problem *problem)
{
    const char *at = mri_json_scan_space(line.bytes, line.bytes + line.count);
    if (*at != '{') {
        return strstr(problem->text, "expected an object") != NULL;
    }
    return strstr(problem->text, "twice") != NULL ||
           strstr(problem->text, "out of range") != NULL ||
           strstr(problem->text, "too many fields") != NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    static char copy[LINE_BYTES_MAX + 1]; /* with a NUL behind it */
    if (count > LINE_BYTES_MAX) {
        return 0;
    }
    memcpy(copy, bytes, count);
    copy[count] = '\0';
    struct mri_slice line = {.bytes = copy, .count = count};
    static struct mri_json_parser *parser; /* kept: to make one costs more than to use it */
    mr_err err = parser == NULL
                     ? mri_json_parser_open(mri_alloc_system(), LINE_BYTES_MAX * 2, &parser)
                     : MR_OK;
    MRI_ASSERT(err == MR_OK);

    struct reading first;
    struct reading second;
    struct mri_buf written;
    struct mri_buf again;
    mr_problem problem = {0};
    struct mri_json_fault fault;
    bool is_json = mri_json_scan_check(line, &fault);
    err = read_line(parser, line, &first, &written, &problem);
    if (err != MR_OK) {
        MRI_ASSERT(err == MR_REFUSED);
        MRI_ASSERT(is_json ? is_owed(line, &problem) : first.fields == 0);
        mri_buf_fini(&written);
        return 0;
    }
    MRI_ASSERT(is_json);
    struct mri_slice text = {.bytes = (const char *)written.bytes, .count = written.count};
    err = written.count <= LINE_BYTES_MAX * 2
              ? read_line(parser, text, &second, &again, &problem)
              : MR_FULL; /* escapes made it longer than the parser takes */
    if (err == MR_OK) {
        MRI_ASSERT(first.hash == second.hash && first.fields == second.fields);
        MRI_ASSERT(written.count == again.count);
        MRI_ASSERT(memcmp(written.bytes, again.bytes, again.count) == 0);
    }
    MRI_ASSERT(err == MR_OK || err == MR_FULL);
    if (err == MR_OK) {
        mri_buf_fini(&again);
    }
    mri_buf_fini(&written);
    return 0;
}
