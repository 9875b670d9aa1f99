/* SPDX-License-Identifier: MIT */
/*
 * What others have learned from a signal.
 *
 * Invariants
 *  1. It is kept, and changes nothing that was learned here: each of those numbers has one owner,
 * and outcomes alone change it.
 */
#include <string.h>

#include "api/bus_api.h"
#include "base/problem.h"
#include "base/text.h"
#include "millrace/execution.h"

enum { SOURCE_BYTES_MAX = 64, LESSON_BYTES_MAX = 1024 };

static struct mri_slice slice_of(const char *text)
{
    return text == NULL ? (struct mri_slice){0} : mri_slice_of(text);
}

static mr_err check_text(
    const char *field, struct mri_slice text, size_t bytes_max, mr_problem *problem)
{
    bool is_good = text.count <= bytes_max && mri_text_is_utf8(text) && !mri_text_has_control(text);
    return is_good ? MR_OK
                   : mri_problem(problem, MR_REFUSED,
                         "%s: expected up to %zu bytes of UTF-8 without control characters", field,
                         bytes_max);
}

/** Who says so: not one who could be taken for the engine. */
static mr_err check_source(struct mri_slice source, mr_problem *problem)
{
    if (mri_text_is_blank(source)) {
        return mri_problem(problem, MR_REFUSED, "source: who says so is missing");
    }
    mr_err err = check_text("source", source, SOURCE_BYTES_MAX, problem);
    unsigned actor = MRI_ACTOR_NONE;
    bool is_operator = mri_word_parse(MRI_VOCABULARY_actor, source, &actor) == MR_OK &&
                       actor == MRI_ACTOR_OPERATOR;
    bool is_engine = mri_source_is_reserved(source) && !is_operator;
    return err == MR_OK && is_engine
               ? mri_signal_input_refuse(problem, "source",
                     "another name than that of a built-in source or of the engine", source)
               : err;
}

static mr_err check_return(const mr_feedback *feedback, mr_problem *problem)
{
    bool is_good = !feedback->has_return || (feedback->return_bps >= -MR_FEEDBACK_BPS_MAX &&
                                                feedback->return_bps <= MR_FEEDBACK_BPS_MAX);
    return is_good ? MR_OK
                   : mri_problem(problem, MR_REFUSED,
                         "return_bps: expected a number from %.0f to %.0f, found %.17g",
                         -MR_FEEDBACK_BPS_MAX, MR_FEEDBACK_BPS_MAX, feedback->return_bps);
}

static mr_err check_evidence(struct mri_slice evidence, mr_problem *problem)
{
    if (evidence.count > MRI_BUS_API_DATA_BYTES_MAX || !mri_text_is_utf8(evidence)) {
        return mri_problem(problem, MR_REFUSED, "evidence: expected up to %d bytes of UTF-8",
            MRI_BUS_API_DATA_BYTES_MAX);
    }
    return evidence.count == 0 || mri_text_is_braced(evidence)
               ? MR_OK
               : mri_signal_input_refuse(problem, "evidence", "a JSON object", evidence);
}

static mr_err check(
    const mr_feedback *feedback, struct mri_signal_annotated *fixed, mr_problem *problem)
{
    unsigned judgement = MRI_JUDGEMENT_NONE;
    struct mri_slice evidence = slice_of(feedback->evidence);
    struct mri_slice lesson = slice_of(feedback->lesson);
    if (feedback->judgement != NULL &&
        mri_word_parse(MRI_VOCABULARY_judgement, mri_slice_of(feedback->judgement), &judgement) !=
            MR_OK) {
        return mri_signal_input_refuse(
            problem, "judgement", "win, loss or neutral", mri_slice_of(feedback->judgement));
    }
    mr_err err = check_source(slice_of(feedback->source), problem);
    if (err == MR_OK) {
        err = check_return(feedback, problem);
    }
    if (err == MR_OK) {
        err = check_evidence(evidence, problem);
    }
    if (err == MR_OK) {
        err = check_text("lesson", lesson, LESSON_BYTES_MAX, problem);
    }
    if (err != MR_OK) {
        return err;
    }
    if (judgement == MRI_JUDGEMENT_NONE && !feedback->has_return && lesson.count == 0 &&
        evidence.count == 0) {
        return mri_problem(problem, MR_REFUSED,
            "judgement: expected it, or return_bps, lesson or evidence: this says nothing");
    }
    fixed->judgement = (uint8_t)judgement;
    fixed->present = feedback->has_return ? MRI_HAS_RETURN : 0;
    fixed->return_bps = feedback->has_return ? feedback->return_bps + 0.0 : 0.0;
    return MR_OK;
}

static mr_err draft(struct mr_bus *bus, const mr_feedback *feedback,
    struct mri_signal_annotated *fixed, mr_problem *problem)
{
    const struct mri_slot *slot = mri_slots_get(&bus->fold.bus.slots, feedback->ordinal.n);
    if (slot == NULL) {
        return mri_problem(problem, MR_NOT_FOUND, "there is no signal %u", feedback->ordinal.n);
    }
    mri_bus_begin(&bus->fold.bus, &bus->batch);
    fixed->signal = mri_batch_ref(&bus->batch, slot->generated_seq);
    fixed->event_time_unix_ns =
        mri_outside_clock_now(&bus->clock, bus->fold.bus.event_time_unix_ns);
    mr_err err = mri_outside_clock_check(&bus->clock, fixed->event_time_unix_ns, problem);
    if (err != MR_OK) {
        return err;
    }
    const struct mri_draft draft = {.type = MRI_EVENT_SIGNAL_ANNOTATED,
        .fixed = fixed,
        .texts = {[MRI_TEXT_signal_annotated_source] = slice_of(feedback->source),
            [MRI_TEXT_signal_annotated_lesson] = slice_of(feedback->lesson),
            [MRI_TEXT_signal_annotated_evidence] = slice_of(feedback->evidence)}};
    err = mri_batch_add(&bus->batch, &draft, feedback->ordinal.n);
    return err == MR_OK ? MR_OK : mri_problem(problem, err, "%s", mr_err_text(err));
}

mr_err mr_bus_feedback(
    mr_bus *bus, const mr_feedback *feedback, mr_durability durability, mr_problem *reterr_problem)
{
    struct mri_signal_annotated fixed = {.signal = 0};
    if (bus == NULL || feedback == NULL) {
        return mri_problem(reterr_problem, MR_EINVAL, "a bus, and feedback");
    }
    MRI_ASSERT(bus->magic == MRI_BUS_API_MAGIC);
    mr_err err = mri_bus_api_may_append(bus, reterr_problem);
    if (err == MR_OK) {
        err = check(feedback, &fixed, reterr_problem);
    }
    if (err != MR_OK) {
        return err;
    }
    do {
        err = mri_bus_api_follow(bus, reterr_problem);
        if (err == MR_OK) {
            err = draft(bus, feedback, &fixed, reterr_problem);
        }
        if (err != MR_OK) {
            return err;
        }
        err = mri_bus_append(&bus->fold.bus, &bus->batch, durability, NULL, NULL);
    } while (err == MR_AGAIN);
    return err == MR_OK ? MR_OK : mri_bus_api_explain(bus, err, bus->fold.bus.full, reterr_problem);
}
