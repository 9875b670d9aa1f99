/* SPDX-License-Identifier: MIT */
/*
 * A list of findings.
 *
 * Invariants
 *  1. The counts are of all findings, those that have no room in the list included.
 */
#include "cli/findings.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/text.h"
#include "cli/describe.h"

static const char *const level_texts[] = {"ok", "WARNING", "FAULT"};
static const char *const level_words[] = {"ok", "warning", "fault"};

__attribute__((format(printf, 5, 0))) static void add(struct mri_findings *findings,
    enum mri_finding_level level, const char *check, const char *todo, const char *format,
    va_list arguments)
{
    findings->by_level[level]++;
    if (findings->count == MRI_FINDINGS_MAX) {
        findings->left_out++;
        return;
    }
    struct mri_finding *finding = &findings->items[findings->count++];
    *finding = (struct mri_finding){.level = level, .check = check};
    (void)vsnprintf(finding->what, sizeof(finding->what), format, arguments);
    (void)snprintf(finding->todo, sizeof(finding->todo), "%s", todo);
}

void mri_findings_ok(struct mri_findings *findings, const char *check, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    add(findings, MRI_FINDING_OK, check, "", format, arguments);
    va_end(arguments);
}

void mri_findings_add(struct mri_findings *findings, enum mri_finding_level level,
    const char *check, const char *todo, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    add(findings, level, check, todo, format, arguments);
    va_end(arguments);
}

static void print_counts(const struct mri_findings *findings, struct mri_buf *text)
{
    const uint32_t *counts = findings->by_level;
    if (findings->left_out > 0) {
        mri_buf_printf(text, "%u more are not listed\n", findings->left_out);
    }
    mri_buf_printf(text, "%u ok, %u warnings, %u faults\n", counts[MRI_FINDING_OK],
        counts[MRI_FINDING_WARNING], counts[MRI_FINDING_FAULT]);
}

void mri_findings_print(const struct mri_findings *findings, struct mri_buf *text)
{
    for (uint32_t i = 0; i < findings->count; i++) {
        const struct mri_finding *finding = &findings->items[i];
        mri_buf_printf(text, "%-8s %-12s ", level_texts[finding->level], finding->check);
        mri_text_escape_rest(text, mri_slice_of(finding->what));
        mri_buf_text(text, "\n");
        if (finding->level != MRI_FINDING_OK) {
            mri_buf_printf(text, "%-8s %-12s ", "", "to do");
            mri_text_escape_rest(text, mri_slice_of(finding->todo));
            mri_buf_text(text, "\n");
        }
    }
    print_counts(findings, text);
}

void mri_findings_json(const struct mri_findings *findings, struct mri_buf *text)
{
    struct mri_json_writer json;
    mri_json_write_begin(&json, text);
    mri_json_write_object_open(&json);
    mri_json_put_bool(&json, "ok", findings->by_level[MRI_FINDING_FAULT] == 0);
    mri_json_put_count(&json, "warnings", findings->by_level[MRI_FINDING_WARNING]);
    mri_json_put_count(&json, "faults", findings->by_level[MRI_FINDING_FAULT]);
    mri_json_put_count(&json, "left_out", findings->left_out);
    mri_json_write_key(&json, "checks");
    mri_json_write_array_open(&json);
    for (uint32_t i = 0; i < findings->count; i++) {
        const struct mri_finding *finding = &findings->items[i];
        mri_json_write_object_open(&json);
        mri_json_put_text(&json, "check", finding->check);
        mri_json_put_text(&json, "level", level_words[finding->level]);
        mri_json_put_text(&json, "what", finding->what);
        if (finding->level != MRI_FINDING_OK) {
            mri_json_put_text(&json, "to_do", finding->todo);
        }
        mri_json_write_object_close(&json);
    }
    mri_json_write_array_close(&json);
    mri_json_write_object_close(&json);
    mri_buf_text(text, "\n");
}
