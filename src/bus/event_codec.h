/* SPDX-License-Identifier: MIT */
/**
 * Events as structs: made from the table, checked when read, described for printing.
 */
#ifndef MRI_BUS_EVENT_CODEC_H
#define MRI_BUS_EVENT_CODEC_H

#include <stdbool.h>

#include "base/check.h"
#include "bus/event_table.h"
#include "millrace/log.h"
#include "millrace/log_read.h"

/* The C type of each kind of field. */
typedef uint64_t mri_field_ref, mri_field_wide;
typedef int64_t mri_field_time, mri_field_duration, mri_field_price, mri_field_quantity,
    mri_field_money, mri_field_integer;
typedef double mri_field_number;
typedef uint32_t mri_field_count, mri_field_symbol, mri_field_instrument, mri_field_pad32;
typedef uint16_t mri_field_source, mri_field_reason, mri_field_flags16, mri_field_pad16;
typedef uint8_t mri_field_small, mri_field_pad8, mri_field_reason8, mri_field_side, mri_field_state,
    mri_field_horizon, mri_field_actor, mri_field_gate, mri_field_unit, mri_field_verdict,
    mri_field_mode, mri_field_venue_mode, mri_field_regime, mri_field_view_kind, mri_field_origin,
    mri_field_leg, mri_field_order_type, mri_field_report_status, mri_field_outcome_status,
    mri_field_feedback_status, mri_field_session_kind, mri_field_judgement, mri_field_claim_act,
    mri_field_severity, mri_field_factor;

/** X(kind): every kind of field, for descriptions. */
#define MRI_FIELD_KIND_MAP(X)                                                                      \
    X(ref)                                                                                         \
    X(time)                                                                                        \
    X(duration)                                                                                    \
    X(price)                                                                                       \
    X(quantity)                                                                                    \
    X(money)                                                                                       \
    X(integer)                                                                                     \
    X(wide)                                                                                        \
    X(number)                                                                                      \
    X(count)                                                                                       \
    X(symbol)                                                                                      \
    X(instrument)                                                                                  \
    X(source)                                                                                      \
    X(flags16)                                                                                     \
    X(small)                                                                                       \
    X(pad8)                                                                                        \
    X(pad16)                                                                                       \
    X(pad32)                                                                                       \
    X(reason8)                                                                                     \
    MRI_VOCABULARY_MAP(X)

enum mri_field_kind {
#define MRI_FIELD_ENUM(kind) MRI_FIELD_##kind,
    MRI_FIELD_KIND_MAP(MRI_FIELD_ENUM)
#undef MRI_FIELD_ENUM
};

/* The structs. Sizes are asserted in event_codec.c: no padding. */
#define MRI_MEMBER(kind, member, unit, about) mri_field_##kind member;
#define MRI_STRUCT(ID, id, number, name, writers)                                                  \
    struct mri_##id {                                                                              \
        MRI_FIELDS_##id(MRI_MEMBER)                                                                \
    };
MRI_EVENT_MAP(MRI_STRUCT)
#undef MRI_STRUCT
#define MRI_ROW_STRUCT(id)                                                                         \
    struct mri_row_##id {                                                                          \
        MRI_ROW_##id(MRI_MEMBER)                                                                   \
    };
MRI_ROW_MAP(MRI_ROW_STRUCT)
#undef MRI_ROW_STRUCT
#undef MRI_MEMBER

/** The number of each kind: MRI_EVENT_CANDLE = 417. */
enum mri_event_type {
#define MRI_EVENT_NUMBER(ID, id, number, name, writers) MRI_EVENT_##ID = (number),
    MRI_EVENT_MAP(MRI_EVENT_NUMBER)
#undef MRI_EVENT_NUMBER
};

/* Index of each text of a kind: MRI_TEXT_signal_generated_source = 0. */
#define MRI_TEXT_INDEX(kind, id, member, about) MRI_TEXT_##id##_##member,
#define MRI_TEXT_ENUM(ID, id, number, name, writers)                                               \
    enum mri_text_##id{MRI_TEXTS_##id(MRI_TEXT_INDEX) MRI_TEXT_##id##_COUNT};
MRI_EVENT_MAP(MRI_TEXT_ENUM)
#undef MRI_TEXT_ENUM
#undef MRI_TEXT_INDEX

/** The version of every body's layout so far, and the most texts and row groups a kind has. */
enum { MRI_EVENT_VERSION = 1, MRI_EVENT_TEXTS_MAX = 6, MRI_EVENT_ROWS_MAX = 4 };

/** The high bit of a reference: the other bits count records back from the referring one. */
#define MRI_REF_RELATIVE ((uint64_t)1 << 63)

/** A field, for whoever treats all kinds alike. Fields follow one another without padding. */
struct mri_field {
    const char *name;
    const char *unit;
    const char *about;
    enum mri_field_kind kind;
};

/** Are the fields of a struct, read in place, what the table allows in an event of this seq? */
typedef bool (*mri_fields_check)(const void *fields, uint64_t seq);

/** A run of rows. */
struct mri_rows {
    const char *name;
    const struct mri_field *fields;
    uint16_t field_count;
    uint16_t row_bytes;
    uint16_t count_offset; /**< in the fixed part: one byte */
    mri_fields_check is_good;
};

/** A text. */
struct mri_text {
    const char *name;
    const char *about;
    bool is_long; /**< 32-bit length */
};

/** A kind of event. */
struct mri_event_kind {
    const char *name;
    const char *writers;
    const struct mri_field *fields;
    const struct mri_rows *rows;
    const struct mri_text *texts;
    uint16_t type;
    uint16_t field_count;
    uint16_t fixed_bytes;
    uint8_t row_group_count;
    uint8_t text_count;
    bool is_covered; /**< by the digest */
    mri_fields_check is_good;
};

/** One event, decoded: the record's facts and its body. */
struct mri_event {
    uint64_t seq;
    uint32_t ordinal;      /**< of the signal it belongs to; 0 = none */
    uint64_t ordinal_prev; /**< seq of that signal's previous event */
    int64_t wall_unix_ns;
    const void *body; /**< starts with the kind's struct */
    uint32_t body_bytes;
    uint32_t stored_bytes;
    uint32_t chain_crc;
    uint16_t type;
    uint8_t version;
    bool is_batch_end;
};

/** An event to be written: the fixed part, rows in the order of the kind, texts likewise. */
struct mri_draft {
    uint16_t type;
    const void *fixed;
    const void *rows[MRI_EVENT_ROWS_MAX];
    struct mri_slice texts[MRI_EVENT_TEXTS_MAX];
};

/**
 * Bytes of a field.
 *
 * Returns  1, 2, 4 or 8.
 * Threads  any.
 */
unsigned mri_field_bytes(enum mri_field_kind kind);

/**
 * An unsigned field of up to 8 bytes as a number (references, codes, counts).
 *
 * @param at  the field, little-endian, any alignment
 *
 * Returns  the number.
 * Threads  any.
 */
uint64_t mri_field_unsigned(enum mri_field_kind kind, const void *at);

/**
 * The description of a kind.
 *
 * Returns  a static description; NULL for a type that this version does not know.
 * Threads  any.
 * Cost     O(1).
 */
const struct mri_event_kind *mri_event_kind(uint16_t type);

/**
 * All kinds in order of their numbers.
 *
 * Returns  a static array of *ret_count descriptions.
 * Threads  any.
 */
const struct mri_event_kind *mri_event_kinds(size_t *ret_count);

/**
 * Bytes of a drafted body.
 *
 * Returns  the count; SIZE_MAX when a text is longer than its length field can say.
 * Threads  any.
 */
size_t mri_event_body_bytes(const struct mri_draft *draft);

/**
 * Write a drafted body.
 *
 * @param body  room for mri_event_body_bytes()
 *
 * Returns  nothing.
 * Threads  any.
 */
void mri_event_encode(const struct mri_draft *draft, void *body);

/**
 * Take a record of the log as an event and check its body: lengths, vocabularies, finite numbers,
 * references that point backwards, zero padding, UTF-8.
 *
 * Returns  MR_OK; MR_NOT_FOUND a type below 256, which is the log's own; MR_EVERSION a type or
 *          version that this program does not know; MR_ECORRUPT.
 * Owner    ret_event->body points to the record's body.
 * Threads  any.
 * Cost     about 30 ns.
 */
MR_MUST_USE mr_err mri_event_decode(const mr_log_event *record, struct mri_event *ret_event);

/**
 * A run of rows of an event that was decoded or encoded.
 *
 * @param index  in the order of the kind
 *
 * Returns  the first row; aligned for its struct.
 * Owner    points into the body.
 * Threads  any.
 */
const void *mri_event_rows(const struct mri_event *event, unsigned index, unsigned *ret_count);

/**
 * A text of an event that was decoded or encoded.
 *
 * @param index  in the order of the kind, MRI_TEXT_<kind>_<text>
 *
 * Returns  the text; empty when absent.
 * Owner    points into the body.
 * Threads  any.
 */
struct mri_slice mri_event_text(const struct mri_event *event, unsigned index);

/**
 * The sequence number that a reference names.
 *
 * @param seq  of the event that holds the reference
 *
 * Returns  the number; 0 for an absent reference.
 * Threads  any.
 */
static inline uint64_t mri_ref_seq(uint64_t ref, uint64_t seq)
{
    return (ref & MRI_REF_RELATIVE) != 0 ? seq - (ref & ~MRI_REF_RELATIVE) : ref;
}

/**
 * The cause of an event: what it was decided on.
 *
 * Returns  the cause's seq; 0 for an input, which has none.
 * Threads  any.
 */
uint64_t mri_event_cause(const struct mri_event *event);

#endif
