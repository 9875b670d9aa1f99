/* SPDX-License-Identifier: MIT */
/*
 * The terminal, by libedit: no other file knows it.
 *
 * Invariants
 *  1. The file of the history is readable and writable for its owner alone, and is no symbolic
 *     link.
 *  2. That it cannot be kept is no fault: the prompt works without.
 */
#define _GNU_SOURCE
#include "cli/prompt.h"

#include <errno.h>
#include <fcntl.h>
#include <histedit.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HISTORY_LINES = 1000 };

struct mri_prompt {
    const struct mri_alloc *alloc;
    EditLine *editor;
    History *history;
    char mark[32];
    char path[PATH_MAX]; /**< of the history; "" = it is not kept */
};

static char *mark_of(EditLine *editor)
{
    void *data = NULL;
    (void)el_get(editor, EL_CLIENTDATA, &data);
    return ((struct mri_prompt *)data)->mark;
}

/** Make every folder of a path. */
static bool make_folders(char *path)
{
    for (char *at = path + 1;; at++) {
        if (*at == '/' || *at == '\0') {
            char kept = *at;
            *at = '\0';
            bool is_there = mkdir(path, 0700) == 0 || errno == EEXIST;
            *at = kept;
            if (!is_there || kept == '\0') {
                return is_there;
            }
        }
    }
}

static bool find_path(char path[static PATH_MAX], const char *name)
{
    const char *state = getenv("XDG_STATE_HOME");
    const char *own = getenv("HOME");
    char folder[PATH_MAX];
    int bytes = -1;
    if (state != NULL && state[0] == '/') {
        bytes = snprintf(folder, sizeof(folder), "%s/millrace", state);
    } else if (own != NULL && own[0] == '/') {
        bytes = snprintf(folder, sizeof(folder), "%s/.local/state/millrace", own);
    }
    if (bytes < 0 || bytes >= (int)sizeof(folder) || !make_folders(folder)) {
        return false;
    }
    bytes = snprintf(path, PATH_MAX, "%s/%s", folder, name);
    return bytes >= 0 && bytes < PATH_MAX;
}

/** A stream on the history; NULL where that cannot be. */
static FILE *open_history(const char *path, int flags, const char *mode)
{
    int fd = open(path, flags | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0 || fchmod(fd, 0600) != 0) {
        if (fd >= 0) {
            (void)close(fd);
        }
        return NULL;
    }
    FILE *file = fdopen(fd, mode);
    if (file == NULL) {
        (void)close(fd);
    }
    return file;
}

static void load_history(struct mri_prompt *prompt)
{
    HistEvent event;
    FILE *file = open_history(prompt->path, O_RDWR | O_CREAT, "r");
    if (file == NULL) {
        prompt->path[0] = '\0';
        return;
    }
    (void)fclose(file); /* it is there, ours, and private: libedit reads it by its name */
    (void)history(prompt->history, &event, H_LOAD, prompt->path);
}

static void save_history(const struct mri_prompt *prompt)
{
    HistEvent event;
    FILE *file = prompt->path[0] == '\0'
                     ? NULL
                     : open_history(prompt->path, O_WRONLY | O_CREAT | O_TRUNC, "w");
    if (file != NULL) {
        (void)history(prompt->history, &event, H_SAVE_FP, file);
        (void)fclose(file);
    }
}

mr_err mri_prompt_open(
    const struct mri_alloc *alloc, const char *name, struct mri_prompt **ret_prompt)
{
    void *block;
    HistEvent event;
    mr_err err = mri_alloc_array(alloc, 1, sizeof(struct mri_prompt), &block);
    if (err != MR_OK) {
        return err;
    }
    struct mri_prompt *prompt = block;
    prompt->alloc = alloc;
    prompt->editor = el_init("millrace", stdin, stdout, stderr);
    prompt->history = history_init();
    if (prompt->editor == NULL || prompt->history == NULL) {
        mri_prompt_close(prompt);
        return MR_ENOMEM;
    }
    (void)history(prompt->history, &event, H_SETSIZE, HISTORY_LINES);
    (void)history(prompt->history, &event, H_SETUNIQUE, 1);
    (void)el_set(prompt->editor, EL_CLIENTDATA, prompt);
    (void)el_set(prompt->editor, EL_PROMPT, mark_of);
    (void)el_set(prompt->editor, EL_EDITOR, "emacs");
    (void)el_set(prompt->editor, EL_SIGNAL, 0);
    (void)el_set(prompt->editor, EL_HIST, history, prompt->history);
    if (find_path(prompt->path, name)) {
        load_history(prompt);
    } else {
        prompt->path[0] = '\0';
    }
    *ret_prompt = prompt;
    return MR_OK;
}

enum mri_prompt_line mri_prompt_read(
    struct mri_prompt *prompt, const char *mark, struct mri_slice *ret_line)
{
    int count = 0;
    (void)snprintf(prompt->mark, sizeof(prompt->mark), "%s", mark);
    errno = 0;
    const char *line = el_gets(prompt->editor, &count);
    if (line == NULL || count <= 0) {
        return errno == EINTR ? MRI_PROMPT_INTERRUPTED : MRI_PROMPT_END;
    }
    size_t bytes = (size_t)count;
    while (bytes > 0 && (line[bytes - 1] == '\n' || line[bytes - 1] == '\r')) {
        bytes--;
    }
    *ret_line = (struct mri_slice){line, bytes};
    return MRI_PROMPT_LINE;
}

void mri_prompt_remember(struct mri_prompt *prompt, const char *text)
{
    HistEvent event;
    (void)history(prompt->history, &event, H_ENTER, text);
}

void mri_prompt_close(struct mri_prompt *prompt)
{
    if (prompt == NULL) {
        return;
    }
    if (prompt->editor != NULL) {
        el_end(prompt->editor);
    }
    if (prompt->history != NULL) {
        save_history(prompt);
        history_end(prompt->history);
    }
    mri_alloc_free(prompt->alloc, prompt, sizeof(*prompt));
}
