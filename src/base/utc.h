/* SPDX-License-Identifier: MIT */
/**
 * Times as text: RFC 3339, always UTC with Z, fixed width, and durations for people.
 */
#ifndef MRI_BASE_UTC_H
#define MRI_BASE_UTC_H

#include <stdint.h>

#include "base/slice.h"
#include "millrace/err.h"

/** Bytes that hold any formatted time or duration with its NUL. */
enum { MRI_UTC_BYTES = 40 };

/**
 * Write a time as 2025-05-04T15:34:00.000Z.
 *
 * Returns  text.
 * Threads  any.
 */
const char *mri_utc_format(int64_t unix_ns, char text[static MRI_UTC_BYTES]);

/**
 * Read a time: 2025-05-04, 2025-05-04T15:34, ...:00, ...:00.123, with or without Z (UTC is meant
 * either way), or seconds since 1970 (at most 11 digits). Other offsets are refused.
 *
 * Returns  MR_OK; MR_REFUSED.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_utc_parse(struct mri_slice text, int64_t *ret_unix_ns);

/**
 * Write a duration with two units at most: 0s, 12s, 4m 05s, 3h 20m, 12d 4h.
 *
 * Returns  text.
 * Threads  any.
 */
const char *mri_utc_duration(int64_t duration_ns, char text[static MRI_UTC_BYTES]);

/**
 * Read a duration: a number with s, m, h or d (90s, 15m, 2h, 7d).
 *
 * Returns  MR_OK; MR_REFUSED.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_utc_parse_duration(struct mri_slice text, int64_t *ret_duration_ns);

#endif
