/* SPDX-License-Identifier: MIT */
/*
 * Reading the list of routes.
 *
 * Invariants
 *  1. What a route is, mri_route_parse() and mri_route_is_name() alone decide.
 *  2. Only an entry without a problem is added.
 */
#include "conf/route_list.h"

#include <stdio.h>
#include <string.h>

enum { SOURCE, ROUTE, KEYS, LABEL_BYTES = 32 };

static const char *const key_names[KEYS] = {"source", "route"};
static const struct mri_slice no_key = {NULL, 0};

struct entry {
    char label[LABEL_BYTES];
    struct mri_place place;
    struct mri_place keys[KEYS]; /* line 0: missing */
    struct mri_route route;
};

static void read_value(struct mri_reading *reading, struct entry *entry, int key)
{
    struct mri_slice text = reading->text;
    struct mri_found found = mri_reading_found(reading);
    if (!mri_reading_expect(reading, MRI_NODE_SCALAR, "a name")) {
        return;
    }
    if (key == ROUTE) {
        if (mri_route_parse(text, &entry->route) != MR_OK) {
            mri_reading_problem(reading, reading->place,
                "expected internal, external:NAME (up to %d bytes) or advisory, found %s",
                MRI_INTERN_BYTES_MAX, found.text);
        }
    } else if (!mri_route_is_name(text)) {
        mri_reading_problem(reading, reading->place,
            "expected the name of a source, 1 to %d bytes without control characters, found %s",
            MRI_INTERN_BYTES_MAX, found.text);
    } else {
        memcpy(entry->route.source, text.bytes, text.count);
    }
}

static void collect(struct mri_reading *reading, struct entry *entry)
{
    while (mri_reading_next_key(reading, entry->label)) {
        int key = mri_slice_is(reading->text, key_names[SOURCE])  ? SOURCE
                  : mri_slice_is(reading->text, key_names[ROUTE]) ? ROUTE
                                                                  : KEYS;
        if (key == KEYS) {
            mri_reading_unknown(reading, "key", key_names, KEYS);
        }
        bool is_wanted = key < KEYS && !mri_reading_is_again(reading, entry->keys[key]);
        if (is_wanted) {
            entry->keys[key] = reading->place;
        }
        (void)mri_reading_next(reading); /* its value; an end shows in the next turn */
        if (is_wanted) {
            read_value(reading, entry, key);
        } else {
            mri_reading_skip(reading);
        }
    }
}

static void add(struct mri_reading *reading, struct mri_config *config, const struct entry *entry)
{
    static const struct mri_reading_list list = {"routes", "source", MRI_CONFIG_ROUTES_MAX};
    mri_reading_label(reading, entry->label, no_key);
    mr_err err = mri_config_add_route(config, &entry->route);
    mri_reading_added(reading, entry->place, err, &list, entry->route.source);
}

static void read_entry(struct mri_reading *reading, struct mri_config *config, uint32_t index)
{
    struct entry entry = {.place = reading->place};
    uint64_t problems_before = reading->problem_count;
    (void)snprintf(entry.label, sizeof(entry.label), MRI_ROUTE_LIST_KEY "[%u]", (unsigned)index);
    mri_reading_label(reading, entry.label, no_key);
    if (!mri_reading_expect(reading, MRI_NODE_MAP, "a map of keys")) {
        return;
    }
    collect(reading, &entry);
    if (reading->is_stopped) {
        return; /* keys may be missing only because the text could not be read on */
    }
    for (int key = 0; key < KEYS; key++) {
        if (entry.keys[key].line == 0) {
            mri_reading_label(reading, entry.label, mri_slice_of(key_names[key]));
            mri_reading_problem(reading, entry.place, "missing key");
        }
    }
    if (reading->problem_count == problems_before) {
        add(reading, config, &entry);
    }
}

void mri_route_list_read(struct mri_reading *reading, struct mri_config *config)
{
    mri_reading_list(reading, config, "a list of routes", read_entry);
}
