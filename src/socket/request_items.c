/* SPDX-License-Identifier: MIT */
/*
 * Items of a request, one after another, and faults that say which of them.
 */
#include "socket/request_items.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/** "side", or "signals[3].side". */
void mri_request_items_qualify(const struct mri_request_place *place)
{
    char key[sizeof(place->fault->field)];
    if (place->list != NULL) {
        (void)snprintf(key, sizeof(key), "%s", place->fault->field);
        (void)snprintf(place->fault->field, sizeof(place->fault->field), "%s[%zu]%s%.30s",
            place->list, place->index, key[0] == '\0' ? "" : ".", key);
    }
}

mr_err mri_request_items_refuse(const struct mri_request_place *place, enum mri_request_field field,
    const char *raw, const char *expected)
{
    const char *key = mri_request_field_key(field);
    (void)mri_request_refuse(
        place->reader, place->fault, key, raw, "%s: expected %s", key, expected);
    mri_request_items_qualify(place);
    return MR_REFUSED;
}

mr_err mri_request_items_refuse_missing(
    const struct mri_request_place *place, enum mri_request_field field, const char *expected)
{
    const char *key = mri_request_field_key(field);
    (void)mri_request_refuse(
        place->reader, place->fault, key, NULL, "%s is missing: expected %s", key, expected);
    mri_request_items_qualify(place);
    return MR_REFUSED;
}

/** The field that a text begins with; -1: it begins with none. */
static int take_word(struct mri_request_fault *fault, const char *text)
{
    int field = mri_request_find_key((struct mri_slice){text, strcspn(text, ": ")});
    (void)snprintf(fault->field, sizeof(fault->field), "%s",
        field < 0 ? "" : mri_request_field_key((enum mri_request_field)field));
    return field;
}

void mri_request_items_name_field(
    const struct mri_request_place *place, const struct mri_request_value *values)
{
    int field = take_word(place->fault, place->fault->problem.text);
    if (field >= 0 && values != NULL && values[field].is_given) {
        place->fault->byte = values[field].raw.bytes - place->reader->line;
    }
    mri_request_items_qualify(place);
}

/** "signal 2 of 3: side: expected ..." of the bus: which item, which field; `item` is "signal". */
void mri_request_items_find_field(
    struct mri_request_fault *fault, const char *list, const char *item)
{
    const char *text = fault->problem.text;
    struct mri_request_place place = {.fault = fault, .list = list};
    bool has_index = false; /* of a list of one the bus does not say which */
    size_t count = strlen(item);
    if (strncmp(text, item, count) == 0 && text[count] == ' ') {
        char *end;
        unsigned long number = strtoul(text + count + 1, &end, 10);
        const char *colon = strncmp(end, " of ", 4) == 0 ? strchr(end, ':') : NULL;
        if (number != 0 && colon != NULL && colon[1] == ' ') {
            place.index = number - 1;
            has_index = true;
            text = colon + 2;
        }
    }
    if (take_word(fault, text) >= 0 || has_index) {
        mri_request_items_qualify(&place);
    }
}

static mr_err read_list(struct mri_line_session *session, const struct mri_request *request,
    const struct mri_request_items *items, size_t *ret_count, struct mri_request_fault *fault)
{
    struct mri_service *service = session->service;
    struct mri_slice rest = request->fields[items->list].raw;
    const char *list = mri_request_field_key(items->list);
    for (size_t i = 0;; i++) {
        const struct mri_request_place place = {
            .reader = &service->reader, .fault = fault, .list = list, .index = i};
        mr_err err =
            mri_request_item(&service->reader, &rest, &items->fields, service->item, fault);
        if (err == MR_END && i > 0) {
            *ret_count = i;
            return MR_OK;
        }
        if (err == MR_END || i == items->count_max) {
            return mri_request_refuse(&service->reader, fault, list,
                request->fields[items->list].raw.bytes, "%s: expected 1 to %zu of them", list,
                items->count_max);
        }
        if (err != MR_OK) {
            mri_request_items_qualify(&place);
            return err;
        }
        err = items->take(session, service->item, i, &place);
        if (err != MR_OK) {
            return err;
        }
    }
}

mr_err mri_request_items_read(struct mri_line_session *session, const struct mri_request *request,
    const struct mri_request_items *items, size_t *ret_count, struct mri_request_fault *fault)
{
    struct mri_service *service = session->service;
    if (!request->fields[items->list].is_given) {
        const struct mri_request_place place = {.reader = &service->reader, .fault = fault};
        *ret_count = 1;
        return items->take(session, request->fields, 0, &place);
    }
    const char *list = mri_request_field_key(items->list);
    for (int i = 0; i < MRI_FIELD_COUNT; i++) {
        if (request->fields[i].is_given && items->fields.has[i]) {
            return mri_request_refuse(&service->reader, fault, mri_request_field_key(i),
                request->fields[i].raw.bytes, "%s: it belongs into the items of \"%s\"",
                mri_request_field_key(i), list);
        }
    }
    return read_list(session, request, items, ret_count, fault);
}
