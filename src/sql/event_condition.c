/* SPDX-License-Identifier: MIT */
/*
 * Conditions over events.
 *
 * Invariants
 *  1. What is compared is what the column shows: both come from mri_event_value_get().
 *  2. A row that SQLite would accept passes. Where constant and column are of one type, none that
 *     it would refuse does.
 */
#include "sql/event_condition.h"

#include <string.h>

enum { LIST_FIRST = 16 };

/** A double behind any int64, and what lies at their other end. */
#define BEYOND_INT64 9223372036854775808.0

static int compare_mixed(int64_t integer, double real)
{
    if (real < -BEYOND_INT64) {
        return 1;
    }
    if (real >= BEYOND_INT64) {
        return -1;
    }
    int64_t whole = (int64_t)real; /* towards zero, and exact */
    if (integer != whole) {
        return integer < whole ? -1 : 1;
    }
    double rest = real - (double)whole;
    return rest > 0.0 ? -1 : rest < 0.0;
}

static int compare_texts(struct mri_slice a, struct mri_slice b)
{
    size_t count = a.count < b.count ? a.count : b.count;
    int order = count == 0 ? 0 : memcmp(a.bytes, b.bytes, count);
    return order != 0 ? order : (a.count > b.count) - (a.count < b.count);
}

/** In SQLite's order, of numbers and texts. */
static int compare(const struct mri_event_datum *a, const struct mri_event_datum *b)
{
    if (a->type == SQLITE_TEXT || b->type == SQLITE_TEXT) {
        return a->type == b->type ? compare_texts(a->text, b->text)
                                  : (a->type == SQLITE_TEXT) - (b->type == SQLITE_TEXT);
    }
    if (a->type == SQLITE_INTEGER) {
        return b->type == SQLITE_INTEGER ? (a->integer > b->integer) - (a->integer < b->integer)
                                         : compare_mixed(a->integer, b->real);
    }
    return b->type == SQLITE_INTEGER ? -compare_mixed(b->integer, a->real)
                                     : (a->real > b->real) - (a->real < b->real);
}

static bool is_null(const struct mri_event_datum *datum)
{
    return datum->type == SQLITE_NULL ||
           (datum->type == SQLITE_FLOAT && datum->real != datum->real);
}

/* ---- constants ------------------------------------------------------------------------------- */

static int grow(struct mri_event_constants *constants)
{
    uint32_t room = constants->room == 0 ? LIST_FIRST : constants->room * 2;
    struct mri_event_datum *data =
        sqlite3_realloc64(constants->data, room * sizeof(*constants->data));
    if (data == NULL) {
        return SQLITE_NOMEM;
    }
    constants->data = data;
    sqlite3_value **owned = sqlite3_realloc64(constants->owned, room * sizeof(sqlite3_value *));
    if (owned == NULL) {
        return SQLITE_NOMEM;
    }
    constants->owned = owned;
    constants->room = room;
    return SQLITE_OK;
}

/** Take a constant in. A NULL is equal to nothing and stays out. */
static int take(struct mri_event_condition *condition, sqlite3_value *value)
{
    struct mri_event_constants *constants = &condition->constants;
    int type = sqlite3_value_type(value);
    bool is_number = type == SQLITE_INTEGER || type == SQLITE_FLOAT;
    if (type == SQLITE_NULL) {
        return SQLITE_OK;
    }
    condition->is_open |= condition->is_text ? type != SQLITE_TEXT : !is_number;
    if (condition->is_open) {
        return SQLITE_OK;
    }
    int result = constants->count == constants->room ? grow(constants) : SQLITE_OK;
    sqlite3_value *owned = result == SQLITE_OK ? sqlite3_value_dup(value) : NULL;
    if (owned == NULL) {
        return SQLITE_NOMEM;
    }
    struct mri_event_datum *datum = &constants->data[constants->count];
    constants->owned[constants->count++] = owned;
    datum->type = type;
    if (type == SQLITE_INTEGER) {
        datum->integer = sqlite3_value_int64(owned);
    } else if (type == SQLITE_FLOAT) {
        datum->real = sqlite3_value_double(owned);
    } else {
        datum->text.bytes = (const char *)sqlite3_value_text(owned);
        datum->text.count = (size_t)sqlite3_value_bytes(owned);
        return datum->text.bytes == NULL ? SQLITE_NOMEM : SQLITE_OK;
    }
    return SQLITE_OK;
}

/** SQLite hands a list out in order; if it ever does not, it has to look itself. */
static int take_list(struct mri_event_condition *condition, sqlite3_value *list)
{
    const struct mri_event_constants *constants = &condition->constants;
    sqlite3_value *value = NULL;
    int result = sqlite3_vtab_in_first(list, &value);
    while (result == SQLITE_OK && !condition->is_open) {
        uint32_t before = constants->count;
        result = take(condition, value);
        condition->is_open |= before > 0 && constants->count > before &&
                              compare(&constants->data[before - 1], &constants->data[before]) > 0;
        result = result == SQLITE_OK ? sqlite3_vtab_in_next(list, &value) : result;
    }
    return result == SQLITE_DONE ? SQLITE_OK : result;
}

int mri_event_condition_init(struct mri_event_condition *condition,
    const struct mri_event_column *column, struct mri_plan_term term, sqlite3_value *value)
{
    *condition = (struct mri_event_condition){
        .column = term.column, .op = term.op, .is_text = strcmp(column->type, "TEXT") == 0};
    if (term.op == MRI_PLAN_NULL || term.op == MRI_PLAN_NOT_NULL) {
        return SQLITE_OK;
    }
    return term.op == MRI_PLAN_IN ? take_list(condition, value) : take(condition, value);
}

void mri_event_condition_fini(struct mri_event_condition *condition)
{
    if (condition == NULL) {
        return;
    }
    for (uint32_t i = 0; i < condition->constants.count; i++) {
        sqlite3_value_free(condition->constants.owned[i]);
    }
    sqlite3_free(condition->constants.owned);
    sqlite3_free(condition->constants.data);
    condition->constants = (struct mri_event_constants){0};
}

/* ---- comparing ------------------------------------------------------------------------------- */

static bool is_one_of(
    const struct mri_event_constants *constants, const struct mri_event_datum *datum)
{
    uint32_t low = 0;
    uint32_t high = constants->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = compare(&constants->data[middle], datum);
        if (order == 0) {
            return true;
        }
        low = order < 0 ? middle + 1 : low;
        high = order < 0 ? high : middle;
    }
    return false;
}

bool mri_event_condition_is_met(
    const struct mri_event_condition *condition, const struct mri_event_value *value)
{
    const struct mri_event_constants *constants = &condition->constants;
    struct mri_event_datum datum;
    if (condition->is_open) {
        return true;
    }
    mri_event_value_get(value, (unsigned)condition->column, &datum);
    if (condition->op == MRI_PLAN_NULL || condition->op == MRI_PLAN_NOT_NULL) {
        return is_null(&datum) == (condition->op == MRI_PLAN_NULL);
    }
    if (is_null(&datum) || constants->count == 0) {
        return false;
    }
    if ((datum.type == SQLITE_TEXT) != condition->is_text) {
        return true; /* a number too large for one, as digits: SQLite looks again */
    }
    return condition->op == MRI_PLAN_IN
               ? is_one_of(constants, &datum)
               : mri_plan_is_accepted(condition->op, compare(&datum, &constants->data[0]));
}
