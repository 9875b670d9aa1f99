/* SPDX-License-Identifier: MIT */
/*
 * Finding a log's own configuration.
 *
 *   log    c1 ... c2 ... | removed | ... snapshot ... c3 ...
 *
 * Invariants
 *  1. A config event behind a snapshot's newest input is never removed: what opens the log from
 *     that snapshot needs it. So the events that are there come first, and the snapshot's state
 *     holds the newest one of those that are not.
 */
#include "pipeline/log_config.h"

#include "base/problem.h"
#include "log/read/retain_first.h"

/** Keep the text of the newest config event up to the end, or to damage. */
static mr_err read_newest(mr_log_reader *reader, struct mri_buf *text, mr_problem *problem)
{
    for (;;) {
        mr_log_event record;
        struct mri_event event;
        mr_err err = mr_log_reader_next(reader, &record, problem);
        if (err != MR_OK) {
            return err == MR_END || err == MR_ECORRUPT ? text->err : err;
        }
        if (record.type != MRI_EVENT_CONFIG) {
            continue;
        }
        err = mri_event_decode(&record, &event);
        if (err != MR_OK) {
            return err;
        }
        struct mri_slice found = mri_event_text(&event, MRI_TEXT_config_changed_text);
        mri_buf_clear(text);
        mri_buf_put(text, found.bytes, found.count);
    }
}

mr_err mri_log_config_kept(
    const struct mri_fold_options *options, struct mri_buf *text, mr_problem *reterr_problem)
{
    mr_log_reader *reader;
    mri_buf_clear(text);
    mr_err err =
        mri_reader_open(options->os, options->alloc, options->folder, &reader, reterr_problem);
    if (err == MR_OK) {
        err = read_newest(reader, text, reterr_problem);
        mr_log_reader_close(reader);
    }
    return err;
}

/** Open the log as whoever goes on with it, and take the configuration in force. */
static mr_err take_from_snapshot(
    const struct mri_fold_options *options, struct mri_buf *text, mr_problem *problem)
{
    struct mri_fold_options own = *options;
    void *block;
    mr_err err = mri_alloc_array(options->alloc, 1, sizeof(struct mri_fold), &block);
    if (err != MR_OK) {
        return mri_problem(problem, err, "%s", mr_err_text(err));
    }
    struct mri_fold *fold = block;
    own.config = NULL;
    own.is_from_start = false;
    err = mri_fold_init(fold, &own, problem);
    if (err == MR_OK) {
        mri_buf_put(text, fold->wiring.config_text.bytes, fold->wiring.config_text.count);
        err = text->err;
        mri_fold_fini(fold);
    }
    mri_alloc_free(options->alloc, fold, sizeof(*fold));
    return err == MR_NOT_FOUND ? MR_REFUSED : err; /* there is a log: its configuration is not */
}

mr_err mri_log_config(
    const struct mri_fold_options *options, struct mri_buf *text, mr_problem *reterr_problem)
{
    uint64_t first_seq = 1;
    mr_err err = mri_log_config_kept(options, text, reterr_problem);
    if (err == MR_OK && text->count == 0) {
        err = mri_retain_first(options->os, options->alloc, options->folder, &first_seq);
        if (err != MR_OK) {
            return mri_problem(reterr_problem, err, "%s: %s", options->folder, mr_err_text(err));
        }
    }
    return err == MR_OK && first_seq > 1 ? take_from_snapshot(options, text, reterr_problem) : err;
}
