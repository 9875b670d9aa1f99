/* SPDX-License-Identifier: MIT */
/*
 * Tokens of pages.
 *
 * Invariants
 *  1. What stands before the last '/' of one is the text of a moment, which no id of a signal is.
 */
#include "bus/page_token.h"

#include <stdio.h>
#include <string.h>

#include "base/fixed.h"

const char *mri_page_token_text(
    const mr_log_token *moment, uint32_t ordinal, char text[static MRI_PAGE_TOKEN_BYTES])
{
    char named[MR_LOG_TOKEN_BYTES];
    (void)snprintf(text, MRI_PAGE_TOKEN_BYTES, "%s/%u", mr_log_token_text(moment, named), ordinal);
    return text;
}

mr_err mri_page_token_parse(const char *text, struct mri_slice *ret_moment, uint32_t *ret_ordinal)
{
    char named[MR_LOG_TOKEN_BYTES];
    mr_log_token moment;
    int64_t number;
    const char *mark = strrchr(text, '/');
    *ret_moment = (struct mri_slice){NULL, 0};
    if (mark == NULL) {
        bool is_signal = mri_fixed_parse_count(mri_slice_of(text), &number) == MR_OK &&
                         number >= 1 && number <= UINT32_MAX;
        bool is_moment = mr_log_token_parse(text, &moment) == MR_OK;
        *ret_ordinal = is_signal ? (uint32_t)number : 0;
        return is_signal ? MR_OK : is_moment ? MR_REFUSED : MR_NOT_FOUND;
    }
    size_t count = (size_t)(mark - text);
    int put = snprintf(named, sizeof(named), "%.*s", (int)(count < 200 ? count : 200), text);
    if (put < 0 || put >= (int)sizeof(named) || mr_log_token_parse(named, &moment) != MR_OK) {
        return MR_NOT_FOUND; /* a symbol may have a '/' */
    }
    if (mri_fixed_parse_count(mri_slice_of(mark + 1), &number) != MR_OK || number < 1 ||
        number > UINT32_MAX) {
        return MR_REFUSED;
    }
    *ret_moment = (struct mri_slice){text, count};
    *ret_ordinal = (uint32_t)number;
    return MR_OK;
}
