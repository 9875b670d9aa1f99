/* SPDX-License-Identifier: MIT */
/*
 * Plans as text.
 *
 * Invariants
 *  1. The term at place i has argument i of xFilter.
 *  2. What was written is read again as it was.
 *  3. A range is what SQLite's comparison allows, exactly, of any number that comes: a literal is
 *     shown to the planner as an integer where it is whole (1000.0), and is a REAL when it comes.
 */
#include "sql/plan.h"

#include <stdio.h>
#include <string.h>

#include "base/slice.h"

/** The double behind the last int64; the first one is what it is below zero. */
#define BEYOND_INT64 9223372036854775808.0

/** What stands behind the name of a column. */
static const char *const op_texts[MRI_PLAN_OP_COUNT] = {
    [MRI_PLAN_EQ] = "=",
    [MRI_PLAN_NE] = "!=",
    [MRI_PLAN_LT] = "<",
    [MRI_PLAN_LE] = "<=",
    [MRI_PLAN_GT] = ">",
    [MRI_PLAN_GE] = ">=",
    [MRI_PLAN_IN] = ":in",
    [MRI_PLAN_NULL] = ":null",
    [MRI_PLAN_NOT_NULL] = ":not-null",
    [MRI_PLAN_LIMIT] = "limit",
    [MRI_PLAN_OFFSET] = "offset",
};

bool mri_plan_op(const sqlite3_index_info *info, int constraint, enum mri_plan_op *ret_op)
{
    switch (info->aConstraint[constraint].op) {
    case SQLITE_INDEX_CONSTRAINT_EQ:
        *ret_op = MRI_PLAN_EQ;
        return true;
    case SQLITE_INDEX_CONSTRAINT_NE:
        *ret_op = MRI_PLAN_NE;
        return true;
    case SQLITE_INDEX_CONSTRAINT_LT:
        *ret_op = MRI_PLAN_LT;
        return true;
    case SQLITE_INDEX_CONSTRAINT_LE:
        *ret_op = MRI_PLAN_LE;
        return true;
    case SQLITE_INDEX_CONSTRAINT_GT:
        *ret_op = MRI_PLAN_GT;
        return true;
    case SQLITE_INDEX_CONSTRAINT_GE:
        *ret_op = MRI_PLAN_GE;
        return true;
    case SQLITE_INDEX_CONSTRAINT_ISNULL:
        *ret_op = MRI_PLAN_NULL;
        return true;
    case SQLITE_INDEX_CONSTRAINT_ISNOTNULL:
        *ret_op = MRI_PLAN_NOT_NULL;
        return true;
    case SQLITE_INDEX_CONSTRAINT_LIMIT:
        *ret_op = MRI_PLAN_LIMIT;
        return true;
    case SQLITE_INDEX_CONSTRAINT_OFFSET:
        *ret_op = MRI_PLAN_OFFSET;
        return true;
    default:
        return false;
    }
}

bool mri_plan_is_known_text(sqlite3_index_info *info, int constraint)
{
    sqlite3_value *value = NULL;
    return sqlite3_vtab_rhs_value(info, constraint, &value) == SQLITE_OK && value != NULL &&
           sqlite3_value_type(value) == SQLITE_TEXT;
}

bool mri_plan_is_known_number(sqlite3_index_info *info, int constraint)
{
    sqlite3_value *value = NULL;
    if (sqlite3_vtab_rhs_value(info, constraint, &value) != SQLITE_OK || value == NULL) {
        return false;
    }
    int type = sqlite3_value_type(value);
    return type == SQLITE_INTEGER || type == SQLITE_FLOAT;
}

bool mri_plan_take(struct mri_plan *plan, sqlite3_index_info *info, int constraint,
    struct mri_plan_term term, bool is_certain)
{
    if (plan->term_count == MRI_PLAN_TERMS_MAX) {
        return false;
    }
    plan->terms[plan->term_count++] = term;
    info->aConstraintUsage[constraint].argvIndex = (int)plan->term_count;
    info->aConstraintUsage[constraint].omit = is_certain;
    return true;
}

static bool is_of_no_column(unsigned op)
{
    return op == MRI_PLAN_LIMIT || op == MRI_PLAN_OFFSET;
}

/** Is every condition done here, so that each row found is a row of the answer? */
static bool is_exact(const sqlite3_index_info *info)
{
    for (int i = 0; i < info->nConstraint; i++) {
        enum mri_plan_op op;
        bool is_condition = !mri_plan_op(info, i, &op) || !is_of_no_column(op);
        if (is_condition &&
            (info->aConstraintUsage[i].argvIndex == 0 || info->aConstraintUsage[i].omit == 0)) {
            return false;
        }
    }
    return info->nOrderBy == 0 || info->orderByConsumed != 0;
}

void mri_plan_take_limits(struct mri_plan *plan, sqlite3_index_info *info, bool can_skip)
{
    bool is_skipping = can_skip && is_exact(info);
    for (int i = 0; i < info->nConstraint; i++) {
        enum mri_plan_op op;
        bool is_taken = info->aConstraint[i].usable != 0 && mri_plan_op(info, i, &op) &&
                        (op == MRI_PLAN_LIMIT || (op == MRI_PLAN_OFFSET && is_skipping));
        if (is_taken) {
            const struct mri_plan_term term = {-1, (uint8_t)op};
            (void)mri_plan_take(plan, info, i, term, op == MRI_PLAN_OFFSET);
        }
    }
}

int mri_plan_write(const struct mri_plan *plan, const char *const *names, sqlite3_index_info *info)
{
    sqlite3_str *text = sqlite3_str_new(NULL);
    for (unsigned i = 0; i < plan->term_count; i++) {
        const struct mri_plan_term *term = &plan->terms[i];
        const char *name = is_of_no_column(term->op) ? "" : names[term->column];
        sqlite3_str_appendf(text, "%s%s%s", i == 0 ? "" : " ", name, op_texts[term->op]);
    }
    for (unsigned i = 0; i < plan->order_count; i++) {
        sqlite3_str_appendf(text, "%s%s:%s%s", sqlite3_str_length(text) == 0 ? "" : " ",
            plan->is_grouped ? "group" : "order", names[plan->orders[i].column],
            plan->orders[i].is_descending ? ":desc" : "");
    }
    if (plan->is_once) {
        sqlite3_str_appendall(text, " once");
    }
    info->idxStr = sqlite3_str_finish(text);
    info->needToFreeIdxStr = 1;
    return info->idxStr == NULL && plan->term_count + plan->order_count > 0 ? SQLITE_NOMEM
                                                                            : SQLITE_OK;
}

static int find_name(struct mri_slice text, const char *const *names, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (mri_slice_is(text, names[i])) {
            return (int)i;
        }
    }
    return -1;
}

static bool read_order(
    struct mri_slice text, const char *const *names, unsigned name_count, struct mri_plan *plan)
{
    size_t tail = strlen(":desc");
    bool is_descending =
        text.count > tail && memcmp(text.bytes + text.count - tail, ":desc", tail) == 0;
    text.count -= is_descending ? tail : 0;
    int column = find_name(text, names, name_count);
    if (column < 0 || plan->order_count == MRI_PLAN_ORDERS_MAX) {
        return false;
    }
    plan->orders[plan->order_count++] =
        (struct mri_plan_order){(int16_t)column, .is_descending = is_descending};
    return true;
}

static bool read_term(
    struct mri_slice text, const char *const *names, unsigned name_count, struct mri_plan *plan)
{
    size_t bytes = 0;
    while (bytes < text.count && strchr("=!<>:", text.bytes[bytes]) == NULL) {
        bytes++;
    }
    struct mri_slice op = {text.bytes + bytes, text.count - bytes};
    int alone = find_name(text, op_texts + MRI_PLAN_LIMIT, MRI_PLAN_OP_COUNT - MRI_PLAN_LIMIT);
    bool has_column = alone < 0;
    int column =
        has_column ? find_name((struct mri_slice){text.bytes, bytes}, names, name_count) : -1;
    int number =
        has_column ? find_name(op, op_texts, MRI_PLAN_OP_COUNT) : (int)MRI_PLAN_LIMIT + alone;
    if (number < 0 || (column < 0 && has_column) || plan->term_count == MRI_PLAN_TERMS_MAX) {
        return false;
    }
    plan->terms[plan->term_count++] =
        (struct mri_plan_term){.column = (int16_t)column, .op = (uint8_t)number};
    return true;
}

mr_err mri_plan_read(
    const char *text, const char *const *names, unsigned name_count, struct mri_plan *ret_plan)
{
    struct mri_plan plan = {0};
    while (text != NULL && *text != '\0') {
        size_t count = strcspn(text, " ");
        struct mri_slice word = {text, count};
        struct mri_slice rest = {text + 6, count < 6 ? 0 : count - 6};
        bool is_good;
        if (mri_slice_is(word, "once")) {
            plan.is_once = true;
            is_good = true;
        } else if (strncmp(text, "order:", 6) == 0 || strncmp(text, "group:", 6) == 0) {
            plan.is_grouped = text[0] == 'g';
            is_good = read_order(rest, names, name_count, &plan);
        } else {
            is_good = read_term(word, names, name_count, &plan);
        }
        if (!is_good) {
            return MR_EINTERNAL;
        }
        text += count + (text[count] == ' ');
    }
    *ret_plan = plan;
    return MR_OK;
}

bool mri_plan_is_range(enum mri_plan_op op)
{
    return op == MRI_PLAN_EQ || op == MRI_PLAN_LT || op == MRI_PLAN_LE || op == MRI_PLAN_GT ||
           op == MRI_PLAN_GE;
}

bool mri_plan_is_accepted(enum mri_plan_op op, int order)
{
    switch (op) {
    case MRI_PLAN_EQ:
        return order == 0;
    case MRI_PLAN_NE:
        return order != 0;
    case MRI_PLAN_LT:
        return order < 0;
    case MRI_PLAN_LE:
        return order <= 0;
    case MRI_PLAN_GT:
        return order > 0;
    default:
        return order >= 0;
    }
}

/** The greatest integer that is not above a number, and whether it is that number. */
struct floor {
    int64_t number;
    bool is_same;
};

static struct floor floor_of(double real)
{
    int64_t number = (int64_t)real; /* towards zero, and exact */
    bool is_same = (double)number == real;
    return (struct floor){is_same || real > 0.0 ? number : number - 1, is_same};
}

static void allow(bool is_any, int64_t *low, int64_t *high)
{
    *low = is_any ? INT64_MIN : 1;
    *high = is_any ? INT64_MAX : 0;
}

bool mri_plan_range(enum mri_plan_op op, sqlite3_value *value, int64_t *low, int64_t *high)
{
    int type = sqlite3_value_numeric_type(value);
    double real = type == SQLITE_FLOAT ? sqlite3_value_double(value) : 0.0;
    bool has_low = op == MRI_PLAN_EQ || op == MRI_PLAN_GT || op == MRI_PLAN_GE;
    bool has_high = op == MRI_PLAN_EQ || op == MRI_PLAN_LT || op == MRI_PLAN_LE;
    bool is_beyond = !(real >= -BEYOND_INT64 && real < BEYOND_INT64);
    if (type == SQLITE_NULL || is_beyond) {
        bool is_met = real > 0.0 ? !has_low : !has_high; /* by every integer, or by none */
        allow(type != SQLITE_NULL && is_met, low, high);
        return true;
    }
    allow(true, low, high);
    if (type != SQLITE_INTEGER && type != SQLITE_FLOAT) {
        return false; /* SQLite looks again */
    }
    struct floor at =
        type == SQLITE_FLOAT ? floor_of(real) : (struct floor){sqlite3_value_int64(value), true};
    bool is_none = (op == MRI_PLAN_EQ && !at.is_same) ||
                   (op == MRI_PLAN_GT && at.number == INT64_MAX) ||
                   (op == MRI_PLAN_LT && at.number == INT64_MIN && at.is_same);
    if (is_none) {
        allow(false, low, high);
        return true;
    }
    if (has_low) {
        *low = op == MRI_PLAN_GT || !at.is_same ? at.number + 1 : at.number;
    }
    if (has_high) {
        *high = op == MRI_PLAN_LT && at.is_same ? at.number - 1 : at.number;
    }
    return true;
}
