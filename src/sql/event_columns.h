/* SPDX-License-Identifier: MIT */
/**
 * The SQL tables of events, made from the table of kinds: every kind, every field, every run of
 * rows and every text has its place, so that a new one appears by itself.
 *
 *   moves, decisions, orders, ...   a row an event of one kind, or of a few that belong together
 *   gates, view_terms, ...          a row for each row of an event's body
 *   events                          a row an event, of any kind, with what all have
 */
#ifndef MRI_SQL_EVENT_COLUMNS_H
#define MRI_SQL_EVENT_COLUMNS_H

#include "base/buf.h"
#include "bus/event_codec.h"

enum {
    MRI_EVENT_TABLE_KINDS_MAX = 8,
    MRI_EVENT_TABLE_COLUMNS_MAX = 63,
    MRI_EVENT_TABLES_MAX = 48,
    MRI_EVENT_COLUMN_BYTES = 40,
};

/** Where a column's value comes from. The first ones are those of every table, in this order. */
enum mri_event_column_from {
    MRI_EVENT_COLUMN_SEQ,
    MRI_EVENT_COLUMN_KIND,
    MRI_EVENT_COLUMN_ORDINAL,
    MRI_EVENT_COLUMN_ID,
    MRI_EVENT_COLUMN_SYMBOL,
    MRI_EVENT_COLUMN_WALL,
    MRI_EVENT_COLUMN_WALL_TEXT,
    MRI_EVENT_COLUMN_EVERYWHERE, /**< how many those are */
    MRI_EVENT_COLUMN_CAUSE = MRI_EVENT_COLUMN_EVERYWHERE,
    MRI_EVENT_COLUMN_TIME,
    MRI_EVENT_COLUMN_TIME_TEXT,
    MRI_EVENT_COLUMN_PREVIOUS,
    MRI_EVENT_COLUMN_BODY_BYTES,
    MRI_EVENT_COLUMN_STORED_BYTES,
    MRI_EVENT_COLUMN_CONSUMER,
    MRI_EVENT_COLUMN_DELIVERIES,
    MRI_EVENT_COLUMN_NACK_REASON,
    MRI_EVENT_COLUMN_CLIENT_ORDER_ID,
    MRI_EVENT_COLUMN_ATTEMPT,
    MRI_EVENT_COLUMN_POSITION,
    MRI_EVENT_COLUMN_FIELD,
    MRI_EVENT_COLUMN_ROW,
    MRI_EVENT_COLUMN_TEXT,
};

/** What a field's value is turned into. */
enum mri_event_column_form {
    MRI_EVENT_COLUMN_PLAIN,
    MRI_EVENT_COLUMN_AS_TIME,    /**< text in UTC, of a time in ns */
    MRI_EVENT_COLUMN_AS_DECIMAL, /**< a number, of money in 1e-8 */
};

struct mri_event_column {
    char name[MRI_EVENT_COLUMN_BYTES];
    const char *type; /**< of SQL */
    uint8_t from;
    uint8_t form;
    uint8_t group; /**< of rows, with MRI_EVENT_COLUMN_ROW */
    bool
        is_mixed; /**< values need not be of the column's type: integers that need 64 bits, words */
    const struct mri_field *fields[MRI_EVENT_TABLE_KINDS_MAX]; /**< by kind; NULL: it has none */
    uint16_t at[MRI_EVENT_TABLE_KINDS_MAX]; /**< offset in the fixed part or row, index of a text */
    bool is_there[MRI_EVENT_TABLE_KINDS_MAX];
};

struct mri_event_table {
    char name[MRI_EVENT_COLUMN_BYTES];
    const struct mri_event_kind *kinds[MRI_EVENT_TABLE_KINDS_MAX];
    unsigned kind_count; /**< 0: of all kinds, and the log's own records */
    unsigned row_groups; /**< a bit for each group of rows that the rows of the table are made of */
    struct mri_event_column columns[MRI_EVENT_TABLE_COLUMNS_MAX];
    const char *names[MRI_EVENT_TABLE_COLUMNS_MAX]; /**< of the columns */
    unsigned column_count;
};

struct mri_event_tables {
    const struct mri_alloc *alloc;
    struct mri_event_table *tables;
    unsigned count;
};

/**
 * Make the tables.
 *
 * Returns  MR_OK; MR_ENOMEM.
 * Owner    mri_event_columns_fini() frees.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_event_columns_init(
    struct mri_event_tables *tables, const struct mri_alloc *alloc);

/**
 * Free. NULL and zeroed are allowed.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_event_columns_fini(struct mri_event_tables *tables);

/**
 * Append the CREATE TABLE statement of a table.
 *
 * Returns  nothing; see text->err.
 * Threads  any.
 */
void mri_event_columns_declare(const struct mri_event_table *table, struct mri_buf *text);

#endif
