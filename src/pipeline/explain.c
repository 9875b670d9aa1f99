/* SPDX-License-Identifier: MIT */
/*
 * Following references.
 *
 *   slot.last_seq -> previous event of the signal -> ... -> signal.generated   own events
 *   decision.view -> view, prediction behind it                                what it was judged
 * on outcome -> feedback of the same batch about the same view                  what it taught
 *
 * Invariants
 *  1. The story is sorted by seq and holds an event once.
 */
#include "pipeline/explain.h"

#include "base/problem.h"

#include <string.h>

static mr_err add_event(struct mri_explained *story, const struct mri_event *event)
{
    uint32_t at = story->count;
    while (at > 0 && story->events[at - 1].seq >= event->seq) {
        if (story->events[at - 1].seq == event->seq) {
            return MR_OK;
        }
        at--;
    }
    if (story->count == MRI_EXPLAINED_EVENTS_MAX) {
        story->is_cut = true;
        return MR_OK;
    }
    void *body;
    mr_err err = mri_alloc_array(story->alloc, event->body_bytes, 1, &body);
    if (err != MR_OK) {
        return err;
    }
    memcpy(body, event->body, event->body_bytes);
    memmove(
        &story->events[at + 1], &story->events[at], (story->count - at) * sizeof(*story->events));
    story->events[at] = *event;
    story->events[at].body = body;
    story->count++;
    return MR_OK;
}

static mr_err add_own_events(
    struct mri_explained *story, mr_log_reader *reader, uint64_t last_seq, mr_problem *problem)
{
    uint64_t seq = last_seq;
    while (seq != 0 && !story->is_cut) {
        struct mri_event event;
        mr_err err = mri_fold_read(reader, seq, &event, problem);
        if (err == MR_OK) {
            err = add_event(story, &event);
        }
        if (err != MR_OK) {
            return err;
        }
        seq = event.ordinal_prev < seq ? event.ordinal_prev : 0;
    }
    return MR_OK;
}

/** The view of the signal's decision, and the prediction that follows it. */
static mr_err add_view(
    struct mri_explained *story, mr_log_reader *reader, uint64_t *ret_view_seq, mr_problem *problem)
{
    uint32_t at = mri_explain_find(story, MRI_EVENT_DECISION, 0);
    if (at == story->count) {
        return MR_OK;
    }
    const struct mri_decision *decision = story->events[at].body;
    uint64_t view_seq = mri_ref_seq(decision->view, story->events[at].seq);
    struct mri_event event;
    mr_err err = mri_fold_read(reader, view_seq, &event, problem);
    if (err == MR_OK) {
        err = add_event(story, &event);
    }
    mr_log_event record;
    if (err == MR_OK) {
        err = mr_log_reader_next(reader, &record, problem);
    }
    if (err == MR_OK) {
        err = mri_event_decode(&record, &event);
    }
    *ret_view_seq = view_seq;
    return err == MR_OK && event.type == MRI_EVENT_PREDICTION ? add_event(story, &event) : err;
}

/** Feedback about the view in the batch of an outcome. */
static mr_err add_feedback(struct mri_explained *story, mr_log_reader *reader, uint64_t outcome_seq,
    uint64_t view_seq, mr_problem *problem)
{
    mr_err err = mr_log_reader_seek(reader, (mr_seq){outcome_seq}, problem);
    bool is_over = false;
    while (err == MR_OK && !is_over) {
        mr_log_event record;
        struct mri_event event;
        err = mr_log_reader_next(reader, &record, problem);
        if (err != MR_OK || record.type < MR_LOG_TYPE_FREE) {
            break;
        }
        is_over = record.is_batch_end;
        err = mri_event_decode(&record, &event);
        if (err != MR_OK || event.type != MRI_EVENT_FEEDBACK) {
            continue;
        }
        const struct mri_feedback *feedback = event.body;
        if (mri_ref_seq(feedback->view, event.seq) == view_seq) {
            err = add_event(story, &event);
        }
    }
    return err;
}

static mr_err add_lessons(
    struct mri_explained *story, mr_log_reader *reader, uint64_t view_seq, mr_problem *problem)
{
    uint64_t outcomes[MR_HORIZON_COUNT];
    unsigned count = 0;
    for (uint32_t i = 0; i < story->count && count < MR_HORIZON_COUNT; i++) {
        if (story->events[i].type == MRI_EVENT_OUTCOME) {
            outcomes[count++] = story->events[i].seq;
        }
    }
    mr_err err = MR_OK;
    for (unsigned i = 0; i < count && err == MR_OK; i++) {
        err = add_feedback(story, reader, outcomes[i], view_seq, problem);
    }
    return err;
}

mr_err mri_explain_signal(const struct mri_fold *fold, uint32_t ordinal,
    struct mri_explained *ret_story, mr_problem *reterr_problem)
{
    const struct mri_slot *slot = mri_slots_get(&fold->bus.slots, ordinal);
    mr_problem problem = {""};
    struct mri_explained story = {.alloc = fold->options.alloc};
    mr_log_reader *reader;
    void *block;
    uint64_t view_seq = 0;
    MRI_ASSERT(slot != NULL);
    mr_err err =
        mri_alloc_array(story.alloc, MRI_EXPLAINED_EVENTS_MAX, sizeof(*story.events), &block);
    if (err != MR_OK) {
        return err;
    }
    story.events = block;
    err = mri_reader_open(
        fold->options.os, fold->options.alloc, fold->options.folder, &reader, &problem);
    if (err == MR_OK) {
        err = add_own_events(&story, reader, slot->last_seq, &problem);
        if (err == MR_OK) {
            err = add_view(&story, reader, &view_seq, &problem);
        }
        if (err == MR_OK && view_seq != 0) {
            err = add_lessons(&story, reader, view_seq, &problem);
        }
        mr_log_reader_close(reader);
    }
    if (err == MR_NOT_FOUND) {
        (void)mri_problem_behind(
            reterr_problem, err, problem.text, "a part of this signal's story is missing: ");
    } else if (err != MR_OK) {
        (void)mri_problem_pass(reterr_problem, err, problem.text);
    }
    if (err != MR_OK) {
        mri_explain_fini(&story);
        return err;
    }
    *ret_story = story;
    return MR_OK;
}

uint32_t mri_explain_find(const struct mri_explained *story, uint16_t type, uint32_t from)
{
    while (from < story->count && story->events[from].type != type) {
        from++;
    }
    return from;
}

void mri_explain_fini(struct mri_explained *story)
{
    if (story != NULL && story->alloc != NULL) {
        for (uint32_t i = 0; i < story->count; i++) {
            mri_alloc_free(
                story->alloc, (void *)story->events[i].body, story->events[i].body_bytes);
        }
        mri_alloc_free(
            story->alloc, story->events, MRI_EXPLAINED_EVENTS_MAX * sizeof(*story->events));
        *story = (struct mri_explained){0};
    }
}
