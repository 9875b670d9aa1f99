/* SPDX-License-Identifier: MIT */
/*
 * Routes as text, and by source.
 *
 * Invariants
 *  1. What is written reads back as the same route.
 */
#include "bus/route.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

static const char *const kinds[] = {
#define TEXT(name, text) text,
    MRI_ROUTE_MAP(TEXT)
#undef TEXT
};

bool mri_route_is_name(struct mri_slice name)
{
    return name.bytes != NULL && name.count > 0 && name.count <= MRI_INTERN_BYTES_MAX &&
           mri_text_is_utf8(name) && !mri_text_has_control(name);
}

mr_err mri_route_parse(struct mri_slice text, struct mri_route *route)
{
    static const char external[] = "external:";
    const size_t count = sizeof(external) - 1;
    memset(route->worker, 0, sizeof(route->worker));
    if (mri_slice_is(text, kinds[MRI_ROUTE_INTERNAL])) {
        route->kind = MRI_ROUTE_INTERNAL;
        return MR_OK;
    }
    if (mri_slice_is(text, kinds[MRI_ROUTE_ADVISORY])) {
        route->kind = MRI_ROUTE_ADVISORY;
        return MR_OK;
    }
    if (text.count <= count || memcmp(text.bytes, external, count) != 0) {
        return MR_REFUSED;
    }
    struct mri_slice worker = {text.bytes + count, text.count - count};
    if (!mri_route_is_name(worker)) {
        return MR_REFUSED;
    }
    memcpy(route->worker, worker.bytes, worker.count);
    route->kind = MRI_ROUTE_EXTERNAL;
    return MR_OK;
}

const char *mri_route_format(const struct mri_route *route, char text[MRI_ROUTE_TEXT_BYTES])
{
    bool is_external = route != NULL && route->kind == MRI_ROUTE_EXTERNAL;
    (void)snprintf(text, MRI_ROUTE_TEXT_BYTES, "%s%s%s",
        kinds[route == NULL ? (unsigned)MRI_ROUTE_INTERNAL : route->kind], is_external ? ":" : "",
        is_external ? route->worker : "");
    return text;
}

const struct mri_route *mri_routes_find(const struct mri_routes *routes, struct mri_slice source)
{
    for (uint32_t i = 0; i < routes->count; i++) {
        if (mri_slice_is(source, routes->items[i].source)) {
            return &routes->items[i];
        }
    }
    return NULL;
}
