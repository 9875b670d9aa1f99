/* SPDX-License-Identifier: MIT */
/*
 * Inputs before their turn: a queue by seq.
 *
 * Invariants
 *  1. Nothing in the queue lies before the newest input whose turn has come.
 */
#include "pipeline/early_inputs.h"

#include "pipeline/fold.h"

/** Reading on so far costs about what finding the place anew does. */
enum { READ_ON_EVENTS_MAX = 32768 };

void mri_early_inputs_init(struct mri_early_inputs *early, const struct mri_alloc *alloc)
{
    *early = (struct mri_early_inputs){0};
    mri_due_queue_init(&early->waiting, alloc, 0);
}

void mri_early_inputs_fini(struct mri_early_inputs *early)
{
    mri_due_queue_fini(&early->waiting);
    for (unsigned i = 0; i < MRI_EARLY_READERS; i++) {
        mr_log_reader_close(early->readers[i].reader);
    }
    *early = (struct mri_early_inputs){0};
}

/** The reader that stands least far before an event, or the one that stands first of all. */
static struct mri_early_reader *reader_for(struct mri_early_inputs *early, uint64_t seq)
{
    struct mri_early_reader *nearest = NULL;
    struct mri_early_reader *first = &early->readers[0];
    for (unsigned i = 0; i < MRI_EARLY_READERS; i++) {
        struct mri_early_reader *one = &early->readers[i];
        bool is_near =
            one->read_seq != 0 && one->read_seq < seq && seq - one->read_seq <= READ_ON_EVENTS_MAX;
        if (is_near && (nearest == NULL || one->read_seq > nearest->read_seq)) {
            nearest = one;
        }
        first = one->read_seq < first->read_seq ? one : first;
    }
    return nearest != NULL ? nearest : first;
}

/** Read on to an event that is not far; false: it was not found there. */
static bool read_on(struct mri_early_reader *from, uint64_t seq, struct mri_event *ret_event)
{
    mr_log_event record = {0};
    bool is_near =
        from->read_seq != 0 && seq > from->read_seq && seq - from->read_seq <= READ_ON_EVENTS_MAX;
    mr_err err = is_near ? MR_OK : MR_END;
    while (err == MR_OK && record.seq.n < seq) {
        err = mr_log_reader_next(from->reader, &record, NULL);
    }
    return err == MR_OK && record.seq.n == seq && mri_event_decode(&record, ret_event) == MR_OK;
}

mr_err mri_early_inputs_read(struct mri_early_inputs *early, const struct mri_os *os,
    const char *folder, uint64_t seq, struct mri_event *ret_event, mr_problem *reterr_problem)
{
    struct mri_early_reader *from = reader_for(early, seq);
    mr_err err = MR_OK;
    if (from->reader == NULL) {
        err = mri_reader_open(os, early->waiting.alloc, folder, &from->reader, reterr_problem);
    }
    if (err == MR_OK && !read_on(from, seq, ret_event)) {
        err = mri_fold_read(from->reader, seq, ret_event, reterr_problem);
    }
    from->read_seq = err == MR_OK ? seq : 0;
    return err;
}

mr_err mri_early_inputs_add(struct mri_early_inputs *early, uint64_t seq)
{
    mr_err err = mri_due_queue_reserve(&early->waiting, 1);
    if (err == MR_OK) {
        (void)mri_due_queue_add(&early->waiting, ++early->newest, (int64_t)seq);
    }
    return err;
}

bool mri_early_inputs_pass(struct mri_early_inputs *early, uint64_t seq)
{
    int64_t due;
    bool is_early = false;
    uint32_t number = mri_due_queue_first(&early->waiting, &due);
    while (number != 0 && (uint64_t)due <= seq) {
        is_early |= (uint64_t)due == seq;
        mri_due_queue_remove(&early->waiting, number);
        number = mri_due_queue_first(&early->waiting, &due);
    }
    return is_early;
}
