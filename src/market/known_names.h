/* SPDX-License-Identifier: MIT */
/**
 * The symbols, sources and names of a log, as a question may say them.
 */
#ifndef MRI_MARKET_KNOWN_NAMES_H
#define MRI_MARKET_KNOWN_NAMES_H

#include "base/intern.h"
#include "bus/filter_names.h"
#include "market/instruments.h"

struct mri_known_names {
    const struct mri_instruments *instruments;
    const struct mri_intern *sources;
    const struct mri_intern *names;
};

/**
 * What mri_filter_parse() asks for names.
 *
 * @param now_unix_ns  what an age counts from
 *
 * Returns  it.
 * Owner    points to `known`, which must outlive it.
 * Threads  any.
 */
struct mri_filter_names mri_known_names_filter(
    const struct mri_known_names *known, int64_t now_unix_ns);

#endif
