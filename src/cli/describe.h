/* SPDX-License-Identifier: MIT */
/**
 * Events and signals in words: ids, names instead of numbers, prices with their decimals.
 */
#ifndef MRI_CLI_DESCRIBE_H
#define MRI_CLI_DESCRIBE_H

#include "pipeline/fold.h"
#include "json/json_write.h"

/** Where names come from. */
struct mri_names {
    const struct mri_bus *bus;
    const struct mri_market *market;
};

/**
 * The names of a folded log.
 *
 * Returns  names that point into the fold.
 * Threads  one.
 */
struct mri_names mri_names_of(const struct mri_fold *fold);

/**
 * A signal's id.
 *
 * Returns  text; "-" for an ordinal that does not exist.
 * Threads  one.
 */
const char *mri_names_signal(
    const struct mri_names *names, uint32_t ordinal, char text[static MRI_IDENT_BYTES]);

/**
 * A symbol's name.
 *
 * Returns  the name; "?" for a number that is not registered.
 * Owner    points into the registry.
 * Threads  one.
 */
const char *mri_names_symbol(const struct mri_names *names, uint32_t symbol);

/**
 * A price of an instrument.
 *
 * Returns  text.
 * Threads  one.
 */
const char *mri_names_price(const struct mri_names *names, uint32_t instrument, int64_t price,
    char text[static MRI_FIXED_TEXT_BYTES]);

/**
 * A quantity of an instrument.
 *
 * Returns  text.
 * Threads  one.
 */
const char *mri_names_quantity(const struct mri_names *names, uint32_t instrument, int64_t quantity,
    char text[static MRI_FIXED_TEXT_BYTES]);

/**
 * Append money with two decimals, for people.
 *
 * Returns  nothing; see text->err.
 * Threads  one.
 */
void mri_describe_money(int64_t money_e8, struct mri_buf *text);

/**
 * Append an event as one line: seq, event time or wall time, kind, signal, fields.
 *
 * Returns  nothing; see text->err.
 * Threads  one.
 */
void mri_describe_line(
    const struct mri_names *names, const struct mri_event *event, struct mri_buf *text);

/**
 * Append an event as one JSON object without a newline.
 *
 * Returns  nothing; see text->err.
 * Threads  one.
 */
void mri_describe_json(
    const struct mri_names *names, const struct mri_event *event, struct mri_buf *text);

/* One key and value of a JSON object. */

/** Returns  nothing. Threads  one. */
void mri_json_put_text(struct mri_json_writer *json, const char *key, const char *value);
/** Returns  nothing. Threads  one. */
void mri_json_put_number(struct mri_json_writer *json, const char *key, double value);
/** Returns  nothing. Threads  one. */
void mri_json_put_count(struct mri_json_writer *json, const char *key, uint64_t value);
/** Returns  nothing. Threads  one. */
void mri_json_put_bool(struct mri_json_writer *json, const char *key, bool value);
/** Money as a decimal number. Threads  one. Returns  nothing. */
void mri_json_put_money(struct mri_json_writer *json, const char *key, int64_t money_e8);
/** A time as RFC 3339; null for 0. Threads  one. Returns  nothing. */
void mri_json_put_time(struct mri_json_writer *json, const char *key, int64_t unix_ns);

#endif
