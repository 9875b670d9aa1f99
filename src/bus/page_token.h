/* SPDX-License-Identifier: MIT */
/**
 * Where an answer goes on: a moment of the log and the last signal that was shown, as one word.
 *
 *   3.12345.89abcdef.12000/8123      the moment's token, and the signal's ordinal
 *   8123                             the signal's ordinal alone: of the moment that is asked about
 *
 * The program, Python and the socket take either, wherever it was given.
 *
 * Nothing of the question is in it: given with another one, that one is asked of the same moment,
 * and answered with what comes behind that signal in its order.
 */
#ifndef MRI_BUS_PAGE_TOKEN_H
#define MRI_BUS_PAGE_TOKEN_H

#include "base/slice.h"
#include "millrace/log_read.h"

enum { MRI_PAGE_TOKEN_BYTES = MR_LOG_TOKEN_BYTES + 16 };

/**
 * Make one.
 *
 * Returns  text.
 * Threads  any.
 */
const char *mri_page_token_text(
    const mr_log_token *moment, uint32_t ordinal, char text[static MRI_PAGE_TOKEN_BYTES]);

/**
 * Take one apart.
 *
 * @param ret_moment  its text; empty: it is a signal's ordinal alone
 *
 * Returns  MR_OK; MR_NOT_FOUND it is none, but may be an id; MR_REFUSED a moment, and no signal
 *          behind it.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_page_token_parse(
    const char *text, struct mri_slice *ret_moment, uint32_t *ret_ordinal);

#endif
