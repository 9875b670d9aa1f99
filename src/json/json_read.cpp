/* SPDX-License-Identifier: MIT */
/*
 * simdjson behind a C interface.
 *
 *   line --copy--> padded --simdjson--> tape: keys, types, values
 *     \--json_scan--> where each value stands (simdjson's tape does not keep that)
 *
 * Invariants
 *  1. simdjson has accepted the whole line before json_scan walks over it, so the two see the same
 *     fields in the same order.
 *  2. No exception: simdjson is compiled without them and answers with codes, placement new cannot
 *     fail, the callback is C.
 *
 * The tape's memory is simdjson's own, from the heap, reserved when the parser is made.
 */
#define SIMDJSON_EXCEPTIONS 0
#include <simdjson.h>

#include <cstring>
#include <new>
#include <string_view>

extern "C" {
#include "base/alloc.h"
#include "base/problem.h"
#include "base/text.h"
#include "json/json_read.h"
#include "json/json_scan.h"
}

namespace
{
constexpr uint32_t parser_magic = 0x4a534f4e;
constexpr size_t line_bytes_limit = size_t{1} << 30;

using each_field = mr_err (*)(void *context, mri_slice key, const mri_json_value *value);

struct seen_key {
    uint64_t mark; /* equal for equal keys */
    mri_slice key;
};
} // namespace

struct mri_json_parser {
    uint32_t magic;
    const mri_alloc *alloc;
    size_t line_bytes_max;
    char *padded;      /* line_bytes_max and simdjson's padding */
    size_t seen_count; /* keys of the object under way */
    seen_key seen[MRI_JSON_FIELDS_MAX];
    simdjson::dom::parser dom;
};

namespace
{
mri_slice slice_of(std::string_view view)
{
    return {view.data(), view.size()};
}

size_t padded_bytes(size_t line_bytes_max)
{
    return line_bytes_max + simdjson::SIMDJSON_PADDING;
}

/** A refusal with its place in the line. */
mr_err refuse(mr_problem *problem, size_t offset, const char *reason)
{
    return mri_problem(
        problem, MR_REFUSED, "byte %llu: %s", static_cast<unsigned long long>(offset), reason);
}

/** Say what simdjson found, and where, as far as that can be told. */
mr_err explain(mr_problem *problem, simdjson::error_code error, mri_slice padded)
{
    if (error == simdjson::MEMALLOC) {
        return mri_problem(problem, MR_ENOMEM, "%s", mr_err_text(MR_ENOMEM));
    }
    mri_json_fault fault;
    if (mri_json_scan_check(padded, &fault)) {
        return mri_problem(problem, MR_REFUSED, "%s", simdjson::error_message(error));
    }
    return refuse(problem, fault.offset, fault.reason);
}

/** Beginning, end and length of a key: objects have few keys, so this tells nearly all apart. */
uint64_t mark_of(mri_slice key)
{
    uint64_t first = 0;
    uint64_t last = 0;
    size_t count = key.count < sizeof(first) ? key.count : sizeof(first);
    if (count > 0) {
        memcpy(&first, key.bytes, count);
        memcpy(&last, key.bytes + key.count - count, count);
    }
    return first ^ (last << 32 | last >> 32) ^ static_cast<uint64_t>(key.count) << 56;
}

/** Is the key there for the first time? Remembers it. */
bool is_new_key(mri_json_parser *parser, mri_slice key)
{
    uint64_t mark = mark_of(key);
    for (size_t i = 0; i < parser->seen_count; i++) {
        if (parser->seen[i].mark == mark && mri_slice_equal(parser->seen[i].key, key)) {
            return false;
        }
    }
    parser->seen[parser->seen_count++] = {mark, key};
    return true;
}

/** Read a value from the tape; false when it is an integer above INT64_MAX. */
bool read_value(simdjson::dom::element element, mri_json_value *value)
{
    using simdjson::dom::element_type;
    bool is_read = true; /* the type says that it can be */
    std::string_view text;
    switch (element.type()) {
    case element_type::NULL_VALUE:
        value->type = MRI_JSON_NULL;
        break;
    case element_type::BOOL:
        value->type = MRI_JSON_BOOL;
        is_read = element.get(value->boolean) == simdjson::SUCCESS;
        break;
    case element_type::INT64:
        value->type = MRI_JSON_INTEGER;
        is_read = element.get(value->integer) == simdjson::SUCCESS;
        value->number = static_cast<double>(value->integer);
        break;
    case element_type::UINT64:
        is_read = false;
        break;
    case element_type::DOUBLE:
        value->type = MRI_JSON_NUMBER;
        is_read = element.get(value->number) == simdjson::SUCCESS;
        break;
    case element_type::STRING:
        value->type = MRI_JSON_TEXT;
        is_read = element.get(text) == simdjson::SUCCESS;
        value->text = slice_of(text);
        break;
    case element_type::OBJECT:
        value->type = MRI_JSON_OBJECT;
        break;
    case element_type::ARRAY:
        value->type = MRI_JSON_ARRAY;
        break;
    }
    return is_read;
}

/** The next field's place in a line that is known to be well-formed. */
struct field_place {
    const char *at; /* behind the field before, or behind the object's bracket */
    const char *end;
    const char *key;
    mri_slice raw;
};

void find_field(field_place *place)
{
    const char *at = mri_json_scan_space(place->at, place->end);
    if (at < place->end && *at == ',') {
        at = mri_json_scan_space(at + 1, place->end);
    }
    place->key = at;
    at = mri_json_scan_space(mri_json_scan_value(at, place->end), place->end);
    at = mri_json_scan_space(at < place->end ? at + 1 : at, place->end); /* the colon */
    place->at = mri_json_scan_value(at, place->end);
    place->raw = {at, static_cast<size_t>(place->at - at)};
}

/** Hand out the fields of an object. */
mr_err give_fields(mri_json_parser *parser, simdjson::dom::object object, mri_slice line,
    each_field each, void *context, mr_problem *problem)
{
    const char *end = line.bytes + line.count;
    field_place place = {mri_json_scan_space(line.bytes, end) + 1, end, nullptr, {nullptr, 0}};
    parser->seen_count = 0;
    for (simdjson::dom::key_value_pair field : object) {
        find_field(&place);
        size_t offset = static_cast<size_t>(place.key - line.bytes);
        if (parser->seen_count == MRI_JSON_FIELDS_MAX) {
            return refuse(problem, offset, "too many fields");
        }
        mri_slice key = slice_of(field.key);
        if (!is_new_key(parser, key)) {
            return refuse(problem, offset, "a key that stands there twice");
        }
        mri_json_value value = {};
        value.raw = place.raw;
        if (!read_value(field.value, &value)) {
            offset = static_cast<size_t>(place.raw.bytes - line.bytes);
            return refuse(problem, offset, "a number that is out of range");
        }
        mr_err err = each(context, key, &value);
        if (err != MR_OK) {
            return err;
        }
    }
    return MR_OK;
}
} // namespace

mr_err mri_json_parser_open(
    const mri_alloc *alloc, size_t line_bytes_max, mri_json_parser **ret_parser)
{
    if (line_bytes_max == 0) {
        line_bytes_max = MRI_JSON_LINE_BYTES_DEFAULT;
    }
    if (line_bytes_max > line_bytes_limit) {
        return MR_EINVAL;
    }
    void *block;
    mr_err err = mri_alloc_array(alloc, 1, sizeof(mri_json_parser), &block);
    if (err != MR_OK) {
        return err;
    }
    mri_json_parser *parser = new (block) mri_json_parser();
    parser->magic = parser_magic;
    parser->alloc = alloc;
    parser->line_bytes_max = line_bytes_max;
    void *padded;
    err = mri_alloc_array(alloc, padded_bytes(line_bytes_max), 1, &padded);
    if (err == MR_OK) {
        parser->padded = static_cast<char *>(padded);
        /* simdjson counts one level less than we do. */
        bool is_ready =
            parser->dom.allocate(line_bytes_max, MRI_JSON_DEPTH_MAX + 1) == simdjson::SUCCESS;
        err = is_ready ? MR_OK : MR_ENOMEM;
    }
    if (err != MR_OK) {
        mri_json_parser_close(parser);
        return err;
    }
    *ret_parser = parser;
    return MR_OK;
}

mr_err mri_json_parse_object(mri_json_parser *parser, mri_slice line, each_field each,
    void *context, mr_problem *reterr_problem)
{
    if (parser == nullptr || parser->magic != parser_magic) {
        return MR_EINVAL;
    }
    if (line.count > parser->line_bytes_max) {
        return mri_problem(reterr_problem, MR_REFUSED, "a line of %llu bytes; %llu are allowed",
            static_cast<unsigned long long>(line.count),
            static_cast<unsigned long long>(parser->line_bytes_max));
    }
    if (line.count > 0) {
        memcpy(parser->padded, line.bytes, line.count);
    }
    memset(parser->padded + line.count, 0, simdjson::SIMDJSON_PADDING);
    mri_slice padded = {parser->padded, line.count};
    simdjson::dom::element root;
    simdjson::error_code error = parser->dom.parse(padded.bytes, padded.count, false).get(root);
    if (error != simdjson::SUCCESS) {
        return explain(reterr_problem, error, padded);
    }
    simdjson::dom::object object;
    if (root.get(object) != simdjson::SUCCESS) {
        return refuse(reterr_problem, 0, "expected an object");
    }
    return give_fields(parser, object, line, each, context, reterr_problem);
}

void mri_json_parser_close(mri_json_parser *parser)
{
    if (parser == nullptr) {
        return;
    }
    const mri_alloc *alloc = parser->alloc;
    mri_alloc_free(alloc, parser->padded, padded_bytes(parser->line_bytes_max));
    parser->~mri_json_parser();
    mri_alloc_free(alloc, parser, sizeof(*parser));
}
