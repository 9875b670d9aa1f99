/* SPDX-License-Identifier: MIT */
/**
 * Lines typed at a terminal: edited, and remembered in a file between runs.
 */
#ifndef MRI_CLI_PROMPT_H
#define MRI_CLI_PROMPT_H

#include "base/alloc.h"
#include "base/slice.h"

struct mri_prompt;

enum mri_prompt_line { MRI_PROMPT_LINE, MRI_PROMPT_INTERRUPTED, MRI_PROMPT_END };

/**
 * Open the terminal. The history is kept in $XDG_STATE_HOME/millrace, else ~/.local/state/millrace,
 * for its owner alone; where that cannot be, in memory.
 *
 * @param name  of the file
 *
 * Returns  MR_OK; MR_ENOMEM.
 * Owner    mri_prompt_close() writes the history and frees.
 * Threads  one.
 */
MR_MUST_USE mr_err mri_prompt_open(
    const struct mri_alloc *alloc, const char *name, struct mri_prompt **ret_prompt);

/**
 * Read a line.
 *
 * @param mark      what stands before it
 * @param ret_line  without its end
 *
 * Returns  what came; interrupted is Ctrl-C.
 * Owner    the line is the prompt's, until the next call.
 * Threads  one.
 */
enum mri_prompt_line mri_prompt_read(
    struct mri_prompt *prompt, const char *mark, struct mri_slice *ret_line);

/**
 * Remember a text, to be found again with the arrow keys.
 *
 * Returns  nothing.
 * Threads  one.
 */
void mri_prompt_remember(struct mri_prompt *prompt, const char *text);

/**
 * Close. NULL is allowed.
 *
 * Returns  nothing.
 * Threads  one.
 */
void mri_prompt_close(struct mri_prompt *prompt);

#endif
