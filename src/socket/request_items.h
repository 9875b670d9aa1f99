/* SPDX-License-Identifier: MIT */
/**
 * The items of a request that is a batch: the objects of its list, or the request itself. What is
 * wrong with one says which one: "side", or "signals[3].side".
 */
#ifndef MRI_SOCKET_REQUEST_ITEMS_H
#define MRI_SOCKET_REQUEST_ITEMS_H

#include "socket/line_session.h"

/** Where an item stands, for faults. */
struct mri_request_place {
    const struct mri_request_reader *reader;
    struct mri_request_fault *fault;
    const char *list; /**< "signals", "moves"; NULL: the request itself is the item */
    size_t index;
};

/** Takes an item in. MR_OK; another result, the place's fault says what is wrong. */
typedef mr_err mri_request_item_take(struct mri_line_session *session,
    const struct mri_request_value *values, size_t index, const struct mri_request_place *place);

/** What items a request may have. */
struct mri_request_items {
    enum mri_request_field list;
    struct mri_request_fields fields; /**< of an item */
    size_t count_max;
    mri_request_item_take *take;
};

/**
 * Put the place of an item before the field of its fault.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_request_items_qualify(const struct mri_request_place *place);

/**
 * Note that a field is wrong: "KEY: expected this".
 *
 * Returns  MR_REFUSED.
 * Threads  one at a time.
 */
mr_err mri_request_items_refuse(const struct mri_request_place *place, enum mri_request_field field,
    const char *raw, const char *expected);

/**
 * Note that a field is missing.
 *
 * Returns  MR_REFUSED.
 * Threads  one at a time.
 */
mr_err mri_request_items_refuse_missing(
    const struct mri_request_place *place, enum mri_request_field field, const char *expected);

/**
 * Find the item and the field in a problem of the bus: "signal 2 of 3: side: expected ...".
 *
 * @param list  that the request has; NULL: it is the item
 * @param item  "signal"
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_request_items_find_field(
    struct mri_request_fault *fault, const char *list, const char *item);

/**
 * Name the field that the fault's problem begins with, and the place of its item: "bid: expected
 * ...", "bid is missing: ...".
 *
 * @param values  of the item, to say where in the line the field stands; NULL: they are gone
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_request_items_name_field(
    const struct mri_request_place *place, const struct mri_request_value *values);

/**
 * Have all items taken in.
 *
 * Returns  MR_OK; MR_REFUSED, *reterr_fault says what and where; as items->take().
 * Owner    texts of items belong to the reader, until the next request.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_request_items_read(struct mri_line_session *session,
    const struct mri_request *request, const struct mri_request_items *items, size_t *ret_count,
    struct mri_request_fault *reterr_fault);

#endif
