/* SPDX-License-Identifier: MIT */
/**
 * Who decides on the signals of a source.
 *
 *   internal        the pipeline
 *   external:NAME   a worker called NAME, who claims them
 *   advisory        their owner; the pipeline says beside him what it would have done
 */
#ifndef MRI_BUS_ROUTE_H
#define MRI_BUS_ROUTE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/intern.h"
#include "base/slice.h"
#include "millrace/err.h"

/** X(NAME, text): the kinds of routes. */
#define MRI_ROUTE_MAP(X)                                                                           \
    X(MRI_ROUTE_INTERNAL, "internal")                                                              \
    X(MRI_ROUTE_EXTERNAL, "external")                                                              \
    X(MRI_ROUTE_ADVISORY, "advisory")

enum mri_route_kind {
#define MRI_ROUTE_ENUM(name, text) name,
    MRI_ROUTE_MAP(MRI_ROUTE_ENUM)
#undef MRI_ROUTE_ENUM
};

enum { MRI_ROUTE_NAME_BYTES = MRI_INTERN_BYTES_MAX + 1, MRI_ROUTE_TEXT_BYTES = 80 };

/** The route of a source. */
struct mri_route {
    char source[MRI_ROUTE_NAME_BYTES];
    char worker[MRI_ROUTE_NAME_BYTES]; /**< of an external one; else "" */
    uint8_t kind;                      /**< enum mri_route_kind */
};

/** Routes; a source that is in none is internal. */
struct mri_routes {
    const struct mri_route *items;
    uint32_t count;
};

/**
 * May this be the name of a worker or a source: 1 to 64 bytes of UTF-8 without control characters?
 *
 * Returns  true or false.
 * Threads  any.
 */
bool mri_route_is_name(struct mri_slice name);

/**
 * Read "internal", "external:NAME" or "advisory" into kind and worker; the source stays.
 *
 * Returns  MR_OK; MR_REFUSED it is none of them.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_route_parse(struct mri_slice text, struct mri_route *route);

/**
 * Write a route as mri_route_parse() reads it.
 *
 * @param route  NULL: internal
 *
 * Returns  text.
 * Threads  any.
 */
const char *mri_route_format(const struct mri_route *route, char text[MRI_ROUTE_TEXT_BYTES]);

/**
 * The route of a source.
 *
 * Returns  it; NULL: none is given, the pipeline decides.
 * Threads  any.
 * Cost     looks at all there are.
 */
const struct mri_route *mri_routes_find(const struct mri_routes *routes, struct mri_slice source);

#endif
