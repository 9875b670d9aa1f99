/* SPDX-License-Identifier: MIT */
/*
 * Problem texts. They quote foreign bytes (file content, names), so everything is escaped here,
 * once: a text that is one of these goes on as it is.
 */
#include "base/problem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/text.h"

static void copy_cut(mr_problem *problem, const char *text)
{
    static const char dots[] = "...";
    size_t count = strlen(text);
    bool is_cut = count >= MR_PROBLEM_BYTES;
    size_t keep = is_cut ? MR_PROBLEM_BYTES - sizeof(dots) : count;
    while (is_cut && keep > 0 && ((unsigned char)text[keep] & 0xc0) == 0x80) {
        keep--; /* not in the middle of a character */
    }
    memcpy(problem->text, text, keep);
    memcpy(problem->text + keep, is_cut ? dots : "", is_cut ? sizeof(dots) : 1);
}

/** What is printed, escaped, and `text` behind it, which is so already. */
__attribute__((format(printf, 3, 0))) static void fill(
    mr_problem *problem, const char *text, const char *format, va_list arguments)
{
    char raw[2 * MR_PROBLEM_BYTES];
    struct mri_buf escaped;
    int count = vsnprintf(raw, sizeof(raw), format, arguments);
    mri_buf_init(&escaped, mri_alloc_system(), 16 * sizeof(raw));
    mri_text_escape(&escaped, mri_slice_of(count < 0 ? "?" : raw));
    mri_buf_text(&escaped, text);
    copy_cut(problem, mri_buf_c_text(&escaped));
    mri_buf_fini(&escaped);
}

mr_err mri_problem(mr_problem *problem, mr_err err, const char *format, ...)
{
    if (problem != NULL) {
        va_list arguments;
        va_start(arguments, format);
        fill(problem, "", format, arguments);
        va_end(arguments);
    }
    return err;
}

mr_err mri_problem_pass(mr_problem *problem, mr_err err, const char *text)
{
    if (problem != NULL && text != problem->text) {
        copy_cut(problem, text);
    }
    return err;
}

mr_err mri_problem_behind(
    mr_problem *problem, mr_err err, const char *text, const char *format, ...)
{
    if (problem != NULL) {
        va_list arguments;
        va_start(arguments, format);
        fill(problem, text, format, arguments);
        va_end(arguments);
    }
    return err;
}
