/* SPDX-License-Identifier: MIT */
/*
 * Reading the list of routes.
 *
 * Invariants
 *  1. What a route is, mri_route_parse() and mri_route_is_name() alone decide.
 *  2. Only an entry without a problem is added.
 */
#include "conf/route_list.h"

#include <string.h>

#include "conf/entry.h"

enum { SOURCE, ROUTE };

static void read_value(struct mri_reading *reading, void *item, int key)
{
    struct mri_route *route = item;
    struct mri_slice text = reading->text;
    struct mri_found found = mri_reading_found(reading);
    if (key == ROUTE) {
        if (mri_route_parse(text, route) != MR_OK) {
            mri_reading_problem(reading, reading->place,
                "expected internal, external:NAME (up to %d bytes) or advisory, found %s",
                MRI_INTERN_BYTES_MAX, found.text);
        }
    } else if (!mri_route_is_name(text)) {
        mri_reading_problem(reading, reading->place,
            "expected the name of a source, 1 to %d bytes without control characters, found %s",
            MRI_INTERN_BYTES_MAX, found.text);
    } else {
        memcpy(route->source, text.bytes, text.count);
    }
}

static void read_entry(struct mri_reading *reading, struct mri_config *config, uint32_t index)
{
    static const struct mri_entry_kind kind = {
        MRI_ROUTE_LIST_KEY, {[SOURCE] = "source", [ROUTE] = "route"}, read_value};
    static const struct mri_reading_list list = {"routes", "source", MRI_CONFIG_ROUTES_MAX};
    struct mri_route route = {0};
    struct mri_place place = reading->place;
    if (mri_entry_read(reading, &kind, index, &route)) {
        mr_err err = mri_config_add_route(config, &route);
        mri_reading_added(reading, place, err, &list, route.source);
    }
}

void mri_route_list_read(struct mri_reading *reading, struct mri_config *config)
{
    mri_reading_list(reading, config, "a list of routes", read_entry);
}
