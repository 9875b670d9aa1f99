/* SPDX-License-Identifier: MIT */
/*
 * libyaml's events as nodes.
 *
 * Invariants
 *  1. Once is_stopped is set every further node is MRI_NODE_NONE, so all loops of callers end.
 *  2. mri_reading_problem() is the only way to refuse a text; problem_count counts every one, also
 *     those that nobody wants to see or that found no room in the list.
 *  3. Nothing is read deeper than MRI_YAML_DEPTH_MAX.
 */
#include "conf/reading.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

#include "base/problem.h"
#include "base/text.h"

enum { EXCERPT_BYTES = 40, PHRASE_BYTES_MAX = 4096 };

struct machine {
    yaml_parser_t parser;
    yaml_event_t event;
    struct mri_place place; /**< of the character `index`, at byte `byte` */
    size_t index;
    size_t byte;
};

static void from_the_beginning(struct machine *machine)
{
    machine->place = (struct mri_place){1, 1};
    machine->index = 0;
    machine->byte = 0;
}

/** Editors of some systems put U+FEFF in front; it is no part of the text. */
static struct mri_slice without_mark(struct mri_slice text)
{
    static const char mark[] = "\xef\xbb\xbf";
    bool has_mark = text.count >= 3 && memcmp(text.bytes, mark, 3) == 0;
    return has_mark ? (struct mri_slice){text.bytes + 3, text.count - 3} : text;
}

mr_err mri_reading_init(struct mri_reading *reading, struct mri_slice text, const char *name,
    const struct mri_alloc *alloc, struct mri_yaml_problems *problems)
{
    void *block;
    text = without_mark(text);
    *reading =
        (struct mri_reading){.alloc = alloc, .name = name, .source = text, .problems = problems};
    mri_buf_init(&reading->phrase, alloc, PHRASE_BYTES_MAX);
    mr_err err = mri_alloc_array(alloc, 1, sizeof(struct machine), &block);
    if (err != MR_OK) {
        return err;
    }
    struct machine *machine = block;
    if (yaml_parser_initialize(&machine->parser) == 0) {
        mri_alloc_free(alloc, machine, sizeof(*machine));
        return MR_ENOMEM;
    }
    yaml_parser_set_encoding(&machine->parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(
        &machine->parser, (const unsigned char *)(text.count == 0 ? "" : text.bytes), text.count);
    reading->machine = machine;
    from_the_beginning(machine);
    return MR_OK;
}

void mri_reading_fini(struct mri_reading *reading)
{
    if (reading != NULL && reading->alloc != NULL) {
        struct machine *machine = reading->machine;
        if (machine != NULL) {
            yaml_event_delete(&machine->event);
            yaml_parser_delete(&machine->parser);
            mri_alloc_free(reading->alloc, machine, sizeof(*machine));
        }
        mri_buf_fini(&reading->phrase);
        *reading = (struct mri_reading){0};
    }
}

/* ---- problems -------------------------------------------------------------------------------- */

/** The item for a new problem: behind those of the same or an earlier place. */
static struct mri_yaml_problem *insert(struct mri_yaml_problems *problems, struct mri_place place)
{
    if (problems->count == MRI_YAML_PROBLEMS_MAX) {
        problems->left_out++;
        return NULL;
    }
    uint32_t at = problems->count++;
    for (; at > 0; at--) {
        const struct mri_yaml_problem *before = &problems->items[at - 1];
        bool is_before = before->line < place.line ||
                         (before->line == place.line && before->column <= place.column);
        if (is_before) {
            break;
        }
        problems->items[at] = *before;
    }
    problems->items[at].line = place.line;
    problems->items[at].column = place.column;
    return &problems->items[at];
}

void mri_reading_problem(
    struct mri_reading *reading, struct mri_place place, const char *format, ...)
{
    reading->problem_count++;
    struct mri_yaml_problem *item =
        reading->problems == NULL ? NULL : insert(reading->problems, place);
    if (item == NULL) {
        return;
    }
    char what[MR_PROBLEM_BYTES];
    char at[32] = "";
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(what, sizeof(what), format, arguments); /* too long: cut */
    va_end(arguments);
    if (place.line > 0) {
        (void)snprintf(at, sizeof(at), ":%u:%u", (unsigned)place.line, (unsigned)place.column);
    }
    const char *colon = reading->label[0] == '\0' ? "" : ": ";
    (void)mri_problem(
        &item->what, MR_REFUSED, "%s%s: %s%s%s", reading->name, at, reading->label, colon, what);
}

void mri_reading_added(struct mri_reading *reading, struct mri_place place, mr_err err,
    const struct mri_reading_list *list, const char *name)
{
    if (err == MR_EXISTS) {
        mri_reading_problem(
            reading, place, "expected each %s once, found \"%s\" a second time", list->name, name);
    } else if (err == MR_FULL) {
        mri_reading_problem(
            reading, place, "expected at most %d %s", list->entries_max, list->entries);
        reading->is_stopped = true; /* every further one would be one too many */
    } else if (err != MR_OK) {
        reading->err = err;
    }
}

static size_t excerpt_bytes(struct mri_slice text)
{
    size_t count = text.count;
    if (count > EXCERPT_BYTES) {
        count = EXCERPT_BYTES;
        while (count > 0 && ((unsigned char)text.bytes[count] & 0xc0) == 0x80) {
            count--; /* not within a character */
        }
    }
    return count;
}

void mri_reading_label(struct mri_reading *reading, const char *outer, struct mri_slice key)
{
    const char *point = outer[0] == '\0' || key.count == 0 ? "" : ".";
    (void)snprintf(reading->label, sizeof(reading->label), "%s%s%.*s", outer, point,
        (int)excerpt_bytes(key), key.count == 0 ? "" : key.bytes);
}

struct mri_found mri_found_text(struct mri_slice text, bool is_quoted)
{
    struct mri_found found;
    size_t count = excerpt_bytes(text);
    (void)snprintf(found.text, sizeof(found.text), "%s\"%.*s%s\"",
        is_quoted ? "the quoted text " : "", (int)count, text.bytes,
        count < text.count ? "..." : "");
    return found;
}

struct mri_found mri_reading_found(const struct mri_reading *reading)
{
    if (reading->node == MRI_NODE_MAP) {
        return (struct mri_found){"a map"};
    }
    if (reading->node == MRI_NODE_LIST) {
        return (struct mri_found){"a list"};
    }
    if (reading->node != MRI_NODE_SCALAR || (!reading->is_quoted && reading->text.count == 0)) {
        return (struct mri_found){"nothing"};
    }
    return mri_found_text(reading->text, reading->is_quoted);
}

/** Line and column of a byte. */
static struct mri_place place_of_byte(struct mri_slice text, size_t offset)
{
    struct mri_place place = {1, 1};
    for (size_t i = 0; i < offset && i < text.count; i++) {
        if (text.bytes[i] == '\n') {
            place.line++;
            place.column = 1;
        } else if (((unsigned char)text.bytes[i] & 0xc0) != 0x80) {
            place.column++;
        }
    }
    return place;
}

/** Line and column of a character. To libyaml also a carriage return alone, U+0085, U+2028 and
 * U+2029 end a line; nobody's editor shows that, so lines are counted here. Places mostly go
 * forward: the last one is gone on from. */
static struct mri_place place_of(struct mri_reading *reading, yaml_mark_t mark)
{
    struct machine *machine = reading->machine;
    const struct mri_slice text = reading->source;
    if (mark.index < machine->index) {
        from_the_beginning(machine);
    }
    while (machine->index < mark.index && machine->byte < text.count) {
        bool is_end = text.bytes[machine->byte] == '\n';
        machine->place.line += is_end;
        machine->place.column = is_end ? 1 : machine->place.column + 1;
        do {
            machine->byte++;
        } while (machine->byte < text.count &&
                 ((unsigned char)text.bytes[machine->byte] & 0xc0) == 0x80);
        machine->index++;
    }
    return machine->place;
}

static void report_syntax(struct mri_reading *reading, const yaml_parser_t *parser)
{
    const char *what = parser->problem == NULL ? "not YAML" : parser->problem;
    reading->label[0] = '\0';
    if (parser->error == YAML_MEMORY_ERROR) {
        reading->err = MR_ENOMEM;
        return;
    }
    if (parser->error == YAML_READER_ERROR) {
        mri_reading_problem(reading, place_of_byte(reading->source, parser->problem_offset),
            "expected UTF-8 text without control characters, found 0x%02x: %s",
            (unsigned)parser->problem_value, what);
        return;
    }
    struct mri_place place = place_of(reading, parser->problem_mark);
    if (parser->context == NULL) {
        mri_reading_problem(reading, place, "%s", what);
    } else {
        mri_reading_problem(reading, place, "%s, %s that begins in line %u", what, parser->context,
            (unsigned)place_of(reading, parser->context_mark).line);
    }
}

/* ---- nodes ----------------------------------------------------------------------------------- */

static void stop(struct mri_reading *reading)
{
    reading->is_stopped = true;
    reading->node = MRI_NODE_NONE;
}

/** Fetch libyaml's next event; NULL when nothing more can be read. */
static const yaml_event_t *fetch(struct mri_reading *reading)
{
    struct machine *machine = reading->machine;
    yaml_event_delete(&machine->event);
    if (reading->is_stopped) {
        reading->node = MRI_NODE_NONE;
        return NULL;
    }
    if (yaml_parser_parse(&machine->parser, &machine->event) == 0) {
        stop(reading);
        report_syntax(reading, &machine->parser);
        return NULL;
    }
    reading->place = place_of(reading, machine->event.start_mark);
    return &machine->event;
}

static void refuse_extras(
    struct mri_reading *reading, const yaml_char_t *anchor, const yaml_char_t *tag)
{
    if (anchor != NULL) {
        mri_reading_problem(reading, reading->place, "anchors are not used here, found \"&%.*s\"",
            EXCERPT_BYTES, (const char *)anchor);
    }
    if (tag != NULL) {
        mri_reading_problem(reading, reading->place, "tags are not used here, found \"%.*s\"",
            EXCERPT_BYTES, (const char *)tag);
    }
}

/** Take an event over as the node; refuses what stands at it. */
static void take(struct mri_reading *reading, const yaml_event_t *event)
{
    reading->text = (struct mri_slice){NULL, 0};
    reading->node = MRI_NODE_END;
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        reading->node = MRI_NODE_SCALAR;
        reading->text =
            (struct mri_slice){(const char *)event->data.scalar.value, event->data.scalar.length};
        reading->is_quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
        refuse_extras(reading, event->data.scalar.anchor, event->data.scalar.tag);
        break;
    case YAML_MAPPING_START_EVENT:
        reading->node = MRI_NODE_MAP;
        reading->depth++;
        refuse_extras(reading, event->data.mapping_start.anchor, event->data.mapping_start.tag);
        break;
    case YAML_SEQUENCE_START_EVENT:
        reading->node = MRI_NODE_LIST;
        reading->depth++;
        refuse_extras(reading, event->data.sequence_start.anchor, event->data.sequence_start.tag);
        break;
    case YAML_ALIAS_EVENT:
        reading->node = MRI_NODE_REFUSED;
        mri_reading_problem(reading, reading->place, "aliases are not used here, found \"*%.*s\"",
            EXCERPT_BYTES, (const char *)event->data.alias.anchor);
        break;
    default:
        reading->depth--;
        break;
    }
}

enum mri_node mri_reading_next(struct mri_reading *reading)
{
    const yaml_event_t *event = fetch(reading);
    if (event == NULL) {
        return MRI_NODE_NONE;
    }
    take(reading, event);
    if (reading->depth > MRI_YAML_DEPTH_MAX) {
        mri_reading_problem(reading, reading->place,
            "expected at most %d maps and lists in one another", MRI_YAML_DEPTH_MAX);
        stop(reading);
    }
    return reading->node;
}

enum mri_node mri_reading_begin(struct mri_reading *reading)
{
    (void)fetch(reading); /* the stream's begin; what can fail shows in the next call */
    const yaml_event_t *event = fetch(reading);
    if (event != NULL && event->type == YAML_DOCUMENT_START_EVENT) {
        bool has_tags = event->data.document_start.tag_directives.start !=
                        event->data.document_start.tag_directives.end;
        if (has_tags) {
            mri_reading_problem(reading, reading->place, "tags are not used here, found %%TAG");
        }
        (void)mri_reading_next(reading); /* reading->node */
    }
    bool is_empty =
        reading->node == MRI_NODE_NONE ||
        (reading->node == MRI_NODE_SCALAR && !reading->is_quoted && reading->text.count == 0);
    if (is_empty && !reading->is_stopped) {
        mri_reading_problem(reading, reading->place, "expected a configuration, found nothing");
        stop(reading);
    }
    return reading->node;
}

struct mri_place mri_reading_finish(struct mri_reading *reading)
{
    (void)fetch(reading); /* the document's end; NULL shows in the next call */
    struct mri_place end = reading->place;
    const yaml_event_t *event = fetch(reading);
    if (event != NULL && event->type == YAML_DOCUMENT_START_EVENT) {
        reading->label[0] = '\0';
        mri_reading_problem(
            reading, reading->place, "expected one document, found the begin of a second");
        stop(reading);
    }
    return end;
}

void mri_reading_skip(struct mri_reading *reading)
{
    if (reading->node == MRI_NODE_MAP || reading->node == MRI_NODE_LIST) {
        unsigned outside = reading->depth - 1;
        while (reading->depth > outside && mri_reading_next(reading) != MRI_NODE_NONE) {
        }
    }
}

bool mri_reading_next_key(struct mri_reading *reading, const char *outer)
{
    static const struct mri_slice no_key = {NULL, 0};
    for (;;) {
        mri_reading_label(reading, outer, no_key);
        enum mri_node node = mri_reading_next(reading);
        if (node == MRI_NODE_SCALAR) {
            mri_reading_label(reading, outer, reading->text);
            return true;
        }
        if (node == MRI_NODE_END || node == MRI_NODE_NONE) {
            return false;
        }
        (void)mri_reading_expect(reading, MRI_NODE_SCALAR, "a key");
        (void)mri_reading_next(reading); /* its value; an end shows in the next turn */
        mri_reading_skip(reading);
    }
}

bool mri_reading_expect(struct mri_reading *reading, enum mri_node node, const char *expected)
{
    if (reading->node == node) {
        return true;
    }
    if (reading->node != MRI_NODE_REFUSED && reading->node != MRI_NODE_NONE) {
        mri_reading_problem(reading, reading->place, "expected %s, found %s", expected,
            mri_reading_found(reading).text);
    }
    mri_reading_skip(reading);
    return false;
}

/* ---- keys ------------------------------------------------------------------------------------ */

bool mri_reading_is_again(struct mri_reading *reading, struct mri_place first)
{
    if (first.line == 0) {
        return false;
    }
    mri_reading_problem(reading, reading->place,
        "expected once, found a second time (first in line %u)", (unsigned)first.line);
    return true;
}

void mri_reading_unknown(
    struct mri_reading *reading, const char *what, const char *const *names, size_t count)
{
    const char *nearest = mri_text_nearest(reading->text, names, count);
    if (nearest != NULL) {
        mri_reading_problem(reading, reading->place, "unknown %s; did you mean %s?", what, nearest);
        return;
    }
    mri_buf_clear(&reading->phrase);
    for (size_t i = 0; i < count; i++) {
        mri_buf_printf(&reading->phrase, "%s%s", i == 0 ? "" : ", ", names[i]);
    }
    mri_reading_problem(reading, reading->place, "unknown %s; expected one of %s", what,
        mri_buf_c_text(&reading->phrase));
}

void mri_reading_list(struct mri_reading *reading, struct mri_config *config, const char *what,
    void (*read)(struct mri_reading *reading, struct mri_config *config, uint32_t index))
{
    if (!mri_reading_expect(reading, MRI_NODE_LIST, what)) {
        return;
    }
    uint32_t index = 0;
    for (;;) {
        enum mri_node node = mri_reading_next(reading);
        if (node == MRI_NODE_END || node == MRI_NODE_NONE || reading->err != MR_OK) {
            return;
        }
        read(reading, config, index++);
    }
}
