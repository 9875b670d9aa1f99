/* SPDX-License-Identifier: MIT */
/*
 * Events as bytes and back.
 *
 *   | fixed struct | rows of group 0 | rows of group 1 | ... | text 0 | text 1 | ...
 *                                                             length, bytes
 *
 * Invariants
 *  1. Structs have no padding, fixed parts and all rows but those of the last group are multiples
 *     of 8 bytes long: a body, which starts on a 64-byte boundary, is read in place.
 *  2. A body is accepted only if its parts fill it exactly and every code is in its vocabulary.
 */
#include "bus/event_codec.h"

#include <string.h>

#include "base/text.h"

/* No padding: the sizes of the members add up to the size of the struct.
 * NOLINTNEXTLINE(bugprone-macro-parentheses): it is a term of a sum */
#define MEMBER_SIZE(kind, member, unit, about) +sizeof(mri_field_##kind)
#define ASSERT_STRUCT(ID, id, number, label, writers)                                              \
    MRI_STATIC_ASSERT(sizeof(struct mri_##id) == 0 MRI_FIELDS_##id(MEMBER_SIZE), "no padding");    \
    MRI_STATIC_ASSERT(sizeof(struct mri_##id) % 8 == 0, "rows that follow are aligned");
MRI_EVENT_MAP(ASSERT_STRUCT)
#define ASSERT_ROW(id)                                                                             \
    MRI_STATIC_ASSERT(sizeof(struct mri_row_##id) == 0 MRI_ROW_##id(MEMBER_SIZE), "no padding");
MRI_ROW_MAP(ASSERT_ROW)

/* ---- checks: one function a struct, made from the table ---------------------------------------
 */

/** A reference names an event before its own, or none. */
static inline bool is_good_ref(uint64_t ref, uint64_t seq)
{
    return ref == 0 || mri_ref_seq(ref, seq) - 1 < seq - 1; /* 1..seq-1; 0 wraps */
}

static inline bool is_good_number(double number, uint64_t seq)
{
    (void)seq;
    return number - number == 0.0; /* not so for infinities and NaN */
}

static inline bool is_good_reason8(uint8_t reason, uint64_t seq)
{
    (void)seq;
    return mri_word_text(MRI_VOCABULARY_reason, reason) != NULL;
}

#define ANY_VALUE(kind)                                                                            \
    static inline bool is_good_##kind(mri_field_##kind value, uint64_t seq)                        \
    {                                                                                              \
        (void)value;                                                                               \
        (void)seq;                                                                                 \
        return true;                                                                               \
    }
ANY_VALUE(time)
ANY_VALUE(duration)
ANY_VALUE(price)
ANY_VALUE(quantity)
ANY_VALUE(money)
ANY_VALUE(integer)
ANY_VALUE(wide)
ANY_VALUE(count)
ANY_VALUE(symbol)
ANY_VALUE(instrument)
ANY_VALUE(source)
ANY_VALUE(flags16)
ANY_VALUE(small)

#define ZERO_ONLY(kind)                                                                            \
    static inline bool is_good_##kind(mri_field_##kind value, uint64_t seq)                        \
    {                                                                                              \
        (void)seq;                                                                                 \
        return value == 0;                                                                         \
    }
ZERO_ONLY(pad8)
ZERO_ONLY(pad16)
ZERO_ONLY(pad32)

#define KNOWN_WORD(id)                                                                             \
    static inline bool is_good_##id(mri_field_##id value, uint64_t seq)                            \
    {                                                                                              \
        (void)seq;                                                                                 \
        return mri_word_text(MRI_VOCABULARY_##id, value) != NULL;                                  \
    }
MRI_VOCABULARY_MAP(KNOWN_WORD)

#define IS_GOOD_MEMBER(kind, member, unit, about) &&is_good_##kind(fields->member, seq)
#define CHECK_STRUCT(ID, id, number, label, writers)                                               \
    static bool is_good_body_##id(const void *at, uint64_t seq)                                    \
    {                                                                                              \
        const struct mri_##id *fields = at;                                                        \
        return true MRI_FIELDS_##id(IS_GOOD_MEMBER);                                               \
    }
MRI_EVENT_MAP(CHECK_STRUCT)
#define CHECK_ROW(id)                                                                              \
    static bool is_good_row_##id(const void *at, uint64_t seq)                                     \
    {                                                                                              \
        const struct mri_row_##id *fields = at;                                                    \
        return true MRI_ROW_##id(IS_GOOD_MEMBER);                                                  \
    }
MRI_ROW_MAP(CHECK_ROW)

/* ---- descriptions --------------------------------------------------------------------------- */

#define FIELD(kind, member, unit, about) {#member, unit, about, MRI_FIELD_##kind},
#define ROW_FIELDS(id)                   static const struct mri_field row_fields_##id[] = {MRI_ROW_##id(FIELD)};
MRI_ROW_MAP(ROW_FIELDS)

#define ROWS(row, id, member, count)                                                               \
    {#member, row_fields_##row, MRI_COUNT_OF(row_fields_##row), sizeof(struct mri_row_##row),      \
        offsetof(struct mri_##id, count), is_good_row_##row},
#define TEXT(kind, id, member, about) {#member, about, TEXT_IS_LONG_##kind},
#define TEXT_IS_LONG_text             false
#define TEXT_IS_LONG_json             true

/* The last element keeps empty lists legal; counts leave it out. */
#define KIND_TABLES(ID, id, number, label, writers)                                                \
    static const struct mri_field fields_##id[] = {MRI_FIELDS_##id(FIELD)};                        \
    static const struct mri_rows rows_##id[] = {MRI_ROWS_##id(ROWS){.name = NULL}};                \
    static const struct mri_text texts_##id[] = {MRI_TEXTS_##id(TEXT){.name = NULL}};
MRI_EVENT_MAP(KIND_TABLES)

#define IS_COVERED(ID)                                                                             \
    (MRI_EVENT_##ID != MRI_EVENT_SESSION && MRI_EVENT_##ID != MRI_EVENT_CONFIG &&                  \
        MRI_EVENT_##ID != MRI_EVENT_TICK && MRI_EVENT_##ID != MRI_EVENT_ALERT)
#define KIND(ID, id, number, label, writers)                                                       \
    {label, writers, fields_##id, rows_##id, texts_##id, number, MRI_COUNT_OF(fields_##id),        \
        sizeof(struct mri_##id), MRI_COUNT_OF(rows_##id) - 1, MRI_COUNT_OF(texts_##id) - 1,        \
        IS_COVERED(ID), is_good_body_##id},
static const struct mri_event_kind kinds[] = {MRI_EVENT_MAP(KIND)};

enum kind_position {
#define POSITION(ID, id, number, label, writers) POSITION_##ID,
    MRI_EVENT_MAP(POSITION)
#undef POSITION
};

/** Position + 1 of each type in `kinds`, 0 for a type that is not known. */
enum { TYPES = 256 };
static const uint8_t positions[TYPES] = {
#define POSITION_ENTRY(ID, id, number, label, writers)                                             \
    [(number)-MR_LOG_TYPE_FREE] = POSITION_##ID + 1,
    MRI_EVENT_MAP(POSITION_ENTRY)
#undef POSITION_ENTRY
};

static const uint8_t field_bytes[] = {
#define FIELD_BYTES(kind) sizeof(mri_field_##kind),
    MRI_FIELD_KIND_MAP(FIELD_BYTES)
#undef FIELD_BYTES
};

unsigned mri_field_bytes(enum mri_field_kind kind)
{
    MRI_ASSERT(kind < MRI_COUNT_OF(field_bytes));
    return field_bytes[kind];
}

uint64_t mri_field_unsigned(enum mri_field_kind kind, const void *at)
{
    uint64_t value = 0;
    memcpy(&value, at, mri_field_bytes(kind));
    return value;
}

const struct mri_event_kind *mri_event_kind(uint16_t type)
{
    if (type < MR_LOG_TYPE_FREE || type >= MR_LOG_TYPE_FREE + TYPES) {
        return NULL;
    }
    uint8_t position = positions[type - MR_LOG_TYPE_FREE];
    return position == 0 ? NULL : &kinds[position - 1];
}

const struct mri_event_kind *mri_event_kinds(size_t *ret_count)
{
    *ret_count = MRI_COUNT_OF(kinds);
    return kinds;
}

static unsigned row_count(const struct mri_rows *rows, const void *fixed)
{
    return ((const uint8_t *)fixed)[rows->count_offset];
}

static size_t length_bytes(const struct mri_text *text)
{
    return text->is_long ? sizeof(uint32_t) : sizeof(uint16_t);
}

/** The length in front of a text. */
static uint32_t read_length(const struct mri_text *text, const uint8_t *at)
{
    if (text->is_long) {
        uint32_t count;
        memcpy(&count, at, sizeof(count));
        return count;
    }
    uint16_t count;
    memcpy(&count, at, sizeof(count));
    return count;
}

/* ---- writing: two functions a kind, made from the table ---------------------------------------
 */

/** More than any body has, and as often as a kind has texts less than overflows. */
#define TOO_LONG (SIZE_MAX / (2 * MRI_EVENT_TEXTS_MAX))

static inline size_t measure_text(struct mri_slice text)
{
    return text.count > UINT16_MAX ? TOO_LONG : sizeof(uint16_t) + text.count;
}

static inline size_t measure_json(struct mri_slice text)
{
    return text.count > UINT32_MAX ? TOO_LONG : sizeof(uint32_t) + text.count;
}

static inline uint8_t *write_bytes(uint8_t *at, const void *bytes, size_t count)
{
    if (count > 0) {
        memcpy(at, bytes, count);
    }
    return at + count;
}

static inline uint8_t *write_text(uint8_t *at, struct mri_slice text)
{
    uint16_t count = (uint16_t)text.count;
    memcpy(at, &count, sizeof(count));
    return write_bytes(at + sizeof(count), text.bytes, count);
}

static inline uint8_t *write_json(uint8_t *at, struct mri_slice text)
{
    uint32_t count = (uint32_t)text.count;
    memcpy(at, &count, sizeof(count));
    return write_bytes(at + sizeof(count), text.bytes, count);
}

#define ROWS_BYTES(row, id, member, count)                                                         \
    +(size_t)((const struct mri_##id *)draft->fixed)->count * sizeof(struct mri_row_##row)
/* NOLINTNEXTLINE(bugprone-macro-parentheses): it is a term of a sum */
#define TEXT_BYTES(kind, id, member, about) +measure_##kind(draft->texts[MRI_TEXT_##id##_##member])
#define WRITE_ROWS(row, id, member, count)                                                         \
    at = write_bytes(at, *rows++,                                                                  \
        (size_t)((const struct mri_##id *)draft->fixed)->count * sizeof(struct mri_row_##row));
#define WRITE_TEXT(kind, id, member, about)                                                        \
    at = write_##kind(at, draft->texts[MRI_TEXT_##id##_##member]);

#define CODER_FUNCTIONS(ID, id, number, label, writers)                                            \
    static size_t measure_##id(const struct mri_draft *draft)                                      \
    {                                                                                              \
        (void)draft;                                                                               \
        return sizeof(struct mri_##id) MRI_ROWS_##id(ROWS_BYTES) MRI_TEXTS_##id(TEXT_BYTES);       \
    }                                                                                              \
    static void write_##id(const struct mri_draft *draft, uint8_t *at)                             \
    {                                                                                              \
        const void *const *rows = draft->rows;                                                     \
        at = write_bytes(at, draft->fixed, sizeof(struct mri_##id));                               \
        MRI_ROWS_##id(WRITE_ROWS) MRI_TEXTS_##id(WRITE_TEXT)(void) rows;                           \
        (void)at;                                                                                  \
    }
MRI_EVENT_MAP(CODER_FUNCTIONS)

#define CODER(ID, id, number, label, writers) {measure_##id, write_##id},
/** In the order of `kinds`. */
static const struct coder {
    size_t (*measure)(const struct mri_draft *draft);
    void (*write)(const struct mri_draft *draft, uint8_t *at);
} coders[] = {MRI_EVENT_MAP(CODER)};

static const struct coder *coder_of(uint16_t type)
{
    const struct mri_event_kind *kind = mri_event_kind(type);
    MRI_ASSERT(kind != NULL);
    return &coders[kind - kinds];
}

size_t mri_event_body_bytes(const struct mri_draft *draft)
{
    size_t bytes = coder_of(draft->type)->measure(draft);
    return bytes < TOO_LONG ? bytes : SIZE_MAX;
}

void mri_event_encode(const struct mri_draft *draft, void *body)
{
    coder_of(draft->type)->write(draft, body);
}

/* ---- reading --------------------------------------------------------------------------------- */

/** Check the rows behind the fixed part; *at moves over them. */
static bool are_rows_good(
    const struct mri_event_kind *kind, const uint8_t *body, uint64_t seq, size_t *at, size_t bytes)
{
    for (unsigned i = 0; i < kind->row_group_count; i++) {
        const struct mri_rows *rows = &kind->rows[i];
        unsigned count = row_count(rows, body);
        if ((size_t)count * rows->row_bytes > bytes - *at) {
            return false;
        }
        for (unsigned k = 0; k < count; k++) {
            if (!rows->is_good(body + *at, seq)) {
                return false;
            }
            *at += rows->row_bytes;
        }
    }
    return true;
}

static bool are_texts_good(
    const struct mri_event_kind *kind, const uint8_t *body, size_t *at, size_t bytes)
{
    for (unsigned i = 0; i < kind->text_count; i++) {
        size_t length = length_bytes(&kind->texts[i]);
        if (length > bytes - *at) {
            return false;
        }
        uint32_t count = read_length(&kind->texts[i], body + *at);
        *at += length;
        if (count > bytes - *at) {
            return false;
        }
        if (!mri_text_is_utf8((struct mri_slice){(const char *)body + *at, count})) {
            return false;
        }
        *at += count;
    }
    return true;
}

static bool is_body_good(
    const struct mri_event_kind *kind, const void *body, size_t bytes, uint64_t seq)
{
    size_t at = kind->fixed_bytes;
    return bytes >= kind->fixed_bytes && kind->is_good(body, seq) &&
           are_rows_good(kind, body, seq, &at, bytes) && are_texts_good(kind, body, &at, bytes) &&
           at == bytes;
}

mr_err mri_event_decode(const mr_log_event *record, struct mri_event *ret_event)
{
    if (record->type < MR_LOG_TYPE_FREE) {
        return MR_NOT_FOUND;
    }
    const struct mri_event_kind *kind = mri_event_kind(record->type);
    if (kind == NULL || record->version != MRI_EVENT_VERSION) {
        return MR_EVERSION;
    }
    if (!is_body_good(kind, record->body, record->body_bytes, record->seq.n)) {
        return MR_ECORRUPT;
    }
    *ret_event = (struct mri_event){
        .seq = record->seq.n,
        .ordinal = record->subject_id,
        .ordinal_prev = record->subject_prev,
        .wall_unix_ns = record->time_unix_ns,
        .body = record->body,
        .body_bytes = record->body_bytes,
        .stored_bytes = record->stored_bytes,
        .chain_crc = record->chain_crc,
        .type = record->type,
        .version = record->version,
        .is_batch_end = record->is_batch_end,
    };
    return MR_OK;
}

const void *mri_event_rows(const struct mri_event *event, unsigned index, unsigned *ret_count)
{
    const struct mri_event_kind *kind = mri_event_kind(event->type);
    MRI_ASSERT(kind != NULL && index < kind->row_group_count);
    const uint8_t *at = (const uint8_t *)event->body + kind->fixed_bytes;
    for (unsigned i = 0; i < index; i++) {
        at += (size_t)row_count(&kind->rows[i], event->body) * kind->rows[i].row_bytes;
    }
    *ret_count = row_count(&kind->rows[index], event->body);
    return at;
}

struct mri_slice mri_event_text(const struct mri_event *event, unsigned index)
{
    const struct mri_event_kind *kind = mri_event_kind(event->type);
    MRI_ASSERT(kind != NULL && index < kind->text_count);
    const uint8_t *at = (const uint8_t *)event->body + kind->fixed_bytes;
    for (unsigned i = 0; i < kind->row_group_count; i++) {
        at += (size_t)row_count(&kind->rows[i], event->body) * kind->rows[i].row_bytes;
    }
    for (unsigned i = 0;; i++) {
        uint32_t count = read_length(&kind->texts[i], at);
        at += length_bytes(&kind->texts[i]);
        if (i == index) {
            return (struct mri_slice){(const char *)at, count};
        }
        at += count;
    }
}

uint64_t mri_event_cause(const struct mri_event *event)
{
    const struct mri_event_kind *kind = mri_event_kind(event->type);
    MRI_ASSERT(kind != NULL);
    bool has_cause =
        kind->fields[0].kind == MRI_FIELD_ref && strcmp(kind->fields[0].name, "cause") == 0;
    if (!has_cause) {
        return 0;
    }
    return mri_ref_seq(mri_field_unsigned(MRI_FIELD_ref, event->body), event->seq);
}
