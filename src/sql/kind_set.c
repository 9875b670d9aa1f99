/* SPDX-License-Identifier: MIT */
/*
 * Sets of kinds.
 *
 * Invariants
 *  1. A set only becomes smaller.
 */
#include "sql/kind_set.h"

#include <string.h>

#include "sql/event_value.h"

static void add(struct mri_kind_set *set, uint16_t type)
{
    set->bits[type / 8] |= (uint8_t)(1U << type % 8);
}

void mri_kind_set_of_table(struct mri_kind_set *set, const struct mri_event_table *table)
{
    memset(set->bits, table->kind_count == 0 ? 0xff : 0, sizeof(set->bits));
    for (unsigned i = 0; i < table->kind_count; i++) {
        add(set, table->kinds[i]->type);
    }
}

int mri_kind_set_narrow(struct mri_kind_set *set, enum mri_plan_op op, sqlite3_value *argument)
{
    const struct mri_kind_set before = *set;
    sqlite3_value *value = argument;
    int result = SQLITE_DONE;
    *set = (struct mri_kind_set){{0}};
    if (op == MRI_PLAN_IN) {
        result = sqlite3_vtab_in_first(argument, &value);
    }
    do {
        struct mri_slice text = {NULL, 0};
        if (op != MRI_PLAN_IN || result == SQLITE_OK) {
            text.bytes = (const char *)sqlite3_value_text(value);
            text.count = (size_t)sqlite3_value_bytes(value);
        }
        for (unsigned type = 0; type < 1024 && text.bytes != NULL; type++) {
            const char *name = mri_event_value_kind((uint16_t)type);
            bool was_wanted = mri_kind_set_has(&before, (uint16_t)type);
            if (was_wanted && name != NULL && mri_slice_is(text, name)) {
                add(set, (uint16_t)type);
            }
        }
        if (op == MRI_PLAN_IN && result == SQLITE_OK) {
            result = sqlite3_vtab_in_next(argument, &value);
        }
    } while (result == SQLITE_OK);
    return result == SQLITE_DONE ? SQLITE_OK : result;
}
