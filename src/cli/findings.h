/* SPDX-License-Identifier: MIT */
/**
 * What `millrace doctor` has found: of each check how it stands, and what to do.
 */
#ifndef MRI_CLI_FINDINGS_H
#define MRI_CLI_FINDINGS_H

#include "cli/cli.h"

/** How a check stands; the worst last. */
enum mri_finding_level { MRI_FINDING_OK, MRI_FINDING_WARNING, MRI_FINDING_FAULT };

enum { MRI_FINDINGS_MAX = 400, MRI_FINDING_WHAT_BYTES = 512, MRI_FINDING_TODO_BYTES = 320 };

struct mri_finding {
    enum mri_finding_level level;
    const char *check; /**< static: folder, disk */
    char what[MRI_FINDING_WHAT_BYTES];
    char todo[MRI_FINDING_TODO_BYTES]; /**< empty when it is ok */
};

/** The findings, in the order in which they were made. */
struct mri_findings {
    struct mri_finding items[MRI_FINDINGS_MAX];
    uint32_t count;
    uint32_t left_out; /**< for which there was no room */
    uint32_t by_level[MRI_FINDING_FAULT + 1];
};

/**
 * Note that all is well with something (printf).
 *
 * Returns  nothing.
 * Threads  one.
 */
__attribute__((format(printf, 3, 4))) void mri_findings_ok(
    struct mri_findings *findings, const char *check, const char *format, ...);

/**
 * Note a warning or a fault (printf).
 *
 * @param todo  what to do about it, taken as it is
 *
 * Returns  nothing.
 * Threads  one.
 */
__attribute__((format(printf, 5, 6))) void mri_findings_add(struct mri_findings *findings,
    enum mri_finding_level level, const char *check, const char *todo, const char *format, ...);

/**
 * Append the findings as text: a line each, and one with what to do.
 *
 * Returns  nothing; see text->err.
 * Threads  one.
 */
void mri_findings_print(const struct mri_findings *findings, struct mri_buf *text);

/**
 * Append the findings as one JSON object and a newline.
 *
 * Returns  nothing; see text->err.
 * Threads  one.
 */
void mri_findings_json(const struct mri_findings *findings, struct mri_buf *text);

#endif
