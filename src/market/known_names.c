/* SPDX-License-Identifier: MIT */
/*
 * Names found in the tables of a log.
 *
 * Invariants
 *  1. Numbers that are kept for sources of later versions have a text with a control byte, which no
 *     name from outside has: they are nobody's.
 */
#include "market/known_names.h"

static const struct mri_intern *table_of(
    const struct mri_known_names *known, enum mri_name_kind kind)
{
    return kind == MRI_NAME_SOURCE ? known->sources : known->names;
}

static mr_err find(
    const void *context, enum mri_name_kind kind, struct mri_slice name, uint32_t *ret_number)
{
    const struct mri_known_names *known = context;
    return kind == MRI_NAME_SYMBOL ? mri_instruments_find(known->instruments, name, ret_number)
                                   : mri_intern_find(table_of(known, kind), name, ret_number);
}

static const char *text(const void *context, enum mri_name_kind kind, uint32_t number)
{
    const struct mri_known_names *known = context;
    if (kind == MRI_NAME_SYMBOL) {
        const struct mri_instrument_spec *spec = mri_instruments_get(known->instruments, number);
        return spec == NULL ? NULL : spec->symbol;
    }
    const struct mri_intern *table = table_of(known, kind);
    const char *found = number < table->count ? mri_intern_text(table, number).bytes : NULL;
    bool is_nobody = found != NULL && (unsigned char)found[0] < ' ';
    return is_nobody ? "" : found;
}

struct mri_filter_names mri_known_names_filter(
    const struct mri_known_names *known, int64_t now_unix_ns)
{
    return (struct mri_filter_names){
        .context = known, .find = find, .text = text, .now_unix_ns = now_unix_ns};
}
