/* SPDX-License-Identifier: MIT */
/*
 * Deciding again.
 *
 * The fold visits inputs and outputs in causal order. At the first output of an input the engines
 * decide on it, with the batch at the seq where the log has it; the drafts then must equal the
 * logged outputs one by one. An input without outputs in the log must decide nothing.
 *
 * Invariants
 *  1. References are compared as the events they name. Drafts and log share sequence numbers, so
 *     these are equal exactly if the references mean the same.
 *  2. Outputs of another engine version are applied as they are and counted as not checked.
 *  3. superseded is an input to a replay: it says that the decision before it lost.
 */
#include "pipeline/replay.h"

#include <string.h>

#include "base/problem.h"
#include "log/format/manifest.h"
#include "log/open/known_end.h"

enum { TEXT_BYTES_MAX = 65536 };

struct replay {
    struct mri_fold fold;
    struct mri_batch batch; /**< what was decided on the input at hand */
    uint32_t compared;      /**< of the batch */
    bool is_decided;        /**< the input at hand was decided */
    bool has_input;
    bool is_own_version;  /**< the session in force ran this engine version */
    struct mri_buf input; /**< body of the input at hand */
    struct mri_event input_event;
    mri_replay_printer print;
    struct mri_replay_result *result;
    struct mri_known_end known_end; /**< what is remembered of the log's end, noted before */
};

/** Visitors stop the fold with this when a difference is found. */
#define STOP MR_REFUSED

static void note_difference(
    struct replay *replay, const struct mri_event *logged, const struct mri_event *replayed)
{
    struct mri_replay_result *result = replay->result;
    result->is_identical = false;
    result->difference_seq = logged != NULL ? logged->seq : replayed->seq;
    result->difference_cause = replay->input_event.seq;
    if (logged != NULL) {
        replay->print(&replay->fold.wiring, logged, &result->logged);
    }
    if (replayed != NULL) {
        replay->print(&replay->fold.wiring, replayed, &result->replayed);
    }
}

/** Decide on the input at hand, with outputs that begin at `seq` and signals at `ordinal`. */
static mr_err decide(struct replay *replay, uint64_t seq, uint32_t ordinal)
{
    mri_batch_begin(&replay->batch, seq, ordinal);
    replay->compared = 0;
    replay->is_decided = true;
    replay->result->inputs++;
    return mri_wiring_decide(&replay->fold.wiring, &replay->input_event, &replay->batch, NULL);
}

/** The ordinal of the next signal, when `event` is the first output: the bus has it already. */
static uint32_t next_ordinal(const struct replay *replay, const struct mri_event *event)
{
    bool is_born = event != NULL && event->type == MRI_EVENT_SIGNAL_GENERATED;
    return is_born ? event->ordinal : replay->fold.bus.slots.count + 1;
}

/** The input at hand is over: it must have decided exactly what was compared. */
static mr_err finish_input(struct replay *replay, uint64_t next_seq)
{
    if (!replay->has_input) {
        return MR_OK;
    }
    mr_err err = replay->is_decided ? MR_OK : decide(replay, next_seq, next_ordinal(replay, NULL));
    if (err == MR_OK && replay->compared < replay->batch.count) {
        struct mri_event extra = mri_batch_event(&replay->batch, replay->compared);
        note_difference(replay, NULL, &extra);
        return STOP;
    }
    return err;
}

static mr_err visit_input(void *context, const struct mri_event *event)
{
    struct replay *replay = context;
    if (event->type == MRI_EVENT_SESSION) {
        const struct mri_session *session = event->body;
        replay->is_own_version = session->engine_version == MRI_ENGINE_VERSION;
    }
    bool is_winner = replay->fold.undecided_seq != 0;
    if (is_winner) {
        return mri_wiring_apply(&replay->fold.wiring, event); /* the input at hand stays */
    }
    mr_err err = finish_input(replay, event->seq + 1);
    if (err != MR_OK) {
        return err;
    }
    mri_buf_clear(&replay->input);
    mri_buf_put(&replay->input, event->body, event->body_bytes);
    replay->input_event = *event;
    replay->input_event.body = replay->input.bytes;
    replay->has_input = true;
    replay->is_decided = !replay->is_own_version;
    replay->compared = 0;
    mri_batch_begin(&replay->batch, event->seq + 1, 1);
    return mri_wiring_apply(&replay->fold.wiring, event);
}

/** Are two bodies equal when references are taken as what they name? */
static bool is_same(const struct mri_event *a, const struct mri_event *b)
{
    if (a->type != b->type || a->ordinal != b->ordinal || a->body_bytes != b->body_bytes) {
        return false;
    }
    const struct mri_event_kind *kind = mri_event_kind(a->type);
    const uint8_t *left = a->body;
    const uint8_t *right = b->body;
    size_t at = 0;
    for (unsigned i = 0; i < kind->field_count; i++) {
        enum mri_field_kind field = kind->fields[i].kind;
        unsigned bytes = mri_field_bytes(field);
        bool is_ref = field == MRI_FIELD_ref;
        bool is_equal = is_ref ? mri_ref_seq(mri_field_unsigned(field, left + at), a->seq) ==
                                     mri_ref_seq(mri_field_unsigned(field, right + at), b->seq)
                               : memcmp(left + at, right + at, bytes) == 0;
        if (!is_equal) {
            return false;
        }
        at += bytes;
    }
    return memcmp(left + at, right + at, a->body_bytes - at) == 0;
}

static mr_err visit_output(void *context, const struct mri_event *event)
{
    struct replay *replay = context;
    if (!replay->is_own_version) {
        replay->result->not_checked++;
        replay->is_decided = true;
        return mri_wiring_apply(&replay->fold.wiring, event);
    }
    if (event->type == MRI_EVENT_SUPERSEDED) {
        return mri_wiring_apply(&replay->fold.wiring, event);
    }
    if (mri_event_cause(event) != replay->input_event.seq) {
        note_difference(replay, event, NULL); /* decided on something that is no input here */
        return STOP;
    }
    mr_err err =
        replay->is_decided ? MR_OK : decide(replay, event->seq, next_ordinal(replay, event));
    if (err != MR_OK) {
        return err;
    }
    if (replay->compared == replay->batch.count) {
        note_difference(replay, event, NULL);
        return STOP;
    }
    struct mri_event draft = mri_batch_event(&replay->batch, replay->compared);
    if (!is_same(event, &draft)) {
        note_difference(replay, event, &draft);
        return STOP;
    }
    replay->compared++;
    replay->result->outputs++;
    return MR_OK;
}

/** Inputs at the end of the log: they are decided, or the log ends before their decision. */
static mr_err finish(struct replay *replay, mr_problem *problem)
{
    struct mri_event event;
    uint64_t after_end = replay->fold.bus.last_seq + 1;
    bool is_last_open = replay->has_input && !replay->is_decided;
    mr_err err = MR_OK;
    if (is_last_open) {
        err = decide(replay, after_end, next_ordinal(replay, NULL));
        replay->result->undecided += replay->batch.count > 0;
    } else {
        err = finish_input(replay, after_end);
    }
    while (err == MR_OK && replay->result->undecided == 0) {
        err = mri_fold_next_input(&replay->fold, &event, problem);
        if (err == MR_END) {
            return MR_OK;
        }
        if (err == MR_OK) {
            err = mri_wiring_apply(&replay->fold.wiring, &event);
        }
        replay->input_event = event;
        if (err == MR_OK) {
            err = decide(replay, after_end, next_ordinal(replay, NULL));
        }
        replay->result->undecided += err == MR_OK && replay->batch.count > 0;
    }
    while (err == MR_OK && mri_fold_next_input(&replay->fold, &event, problem) == MR_OK) {
        replay->result->undecided++;
    }
    return err;
}

static mr_err run_once(struct replay *replay, mr_problem *problem)
{
    const struct mri_fold_visitor visitor = {
        .context = replay, .input = visit_input, .output = visit_output};
    mr_err err = mri_fold_run(&replay->fold, &visitor, problem);
    if (err == MR_OK && replay->fold.damage != MR_OK) {
        return mri_problem_pass(problem, replay->fold.damage, replay->fold.damage_problem.text);
    }
    if (err == MR_OK) {
        err = finish(replay, problem);
    }
    return err == STOP && !replay->result->is_identical ? MR_OK : err;
}

/** Looked for first: a writer may go on, and remember more, while the log is read. */
static mr_err note_end(
    struct replay *replay, const struct mri_fold_options *options, mr_problem *problem)
{
    struct mri_manifest manifest;
    mr_err err = mri_manifest_read(options->os, options->folder, &manifest, problem);
    return err != MR_OK ? err
                        : mri_known_end_read(options->os, options->alloc, options->folder,
                              manifest.log_uuid, &replay->known_end);
}

/** What is gone from the end was not compared. */
static mr_err check_end(const struct replay *replay, mr_problem *problem)
{
    const struct mri_fold_options *options = &replay->fold.options;
    return replay->result->is_identical
               ? mri_known_end_check(&replay->known_end, options->os, options->alloc,
                     options->folder, replay->fold.bus.last_seq, problem)
               : MR_OK;
}

/** Limits grow to what the log's own configuration allows, as for every fold. */
static mr_err run(struct replay *replay, mr_problem *problem)
{
    mr_err err = run_once(replay, problem);
    while (err == MR_FULL && mri_fold_grow(&replay->fold)) {
        struct mri_replay_result *result = replay->result;
        result->inputs = result->outputs = result->not_checked = result->undecided = 0;
        replay->has_input = false;
        replay->is_own_version = true;
        err = mri_fold_restart(&replay->fold, problem);
        err = err == MR_OK ? run_once(replay, problem) : err;
    }
    return err;
}

mr_err mri_replay_check(const struct mri_fold_options *options, mri_replay_printer print,
    struct mri_replay_result *ret_result, mr_problem *reterr_problem)
{
    void *block;
    mr_err err = mri_alloc_array(options->alloc, 1, sizeof(struct replay), &block);
    if (err != MR_OK) {
        return mri_problem(reterr_problem, err, "%s", mr_err_text(err));
    }
    struct replay *replay = block;
    *ret_result = (struct mri_replay_result){.is_identical = true};
    mri_buf_init(&ret_result->logged, options->alloc, TEXT_BYTES_MAX);
    mri_buf_init(&ret_result->replayed, options->alloc, TEXT_BYTES_MAX);
    *replay = (struct replay){.print = print, .result = ret_result, .is_own_version = true};
    mri_buf_init(&replay->input, options->alloc, MR_LOG_BODY_BYTES_MAX);
    err = mri_batch_init(
        &replay->batch, options->alloc, MRI_WIRING_BATCH_EVENTS_MAX, MRI_WIRING_BATCH_BYTES_MAX);
    if (err == MR_OK) {
        err = note_end(replay, options, reterr_problem);
    }
    if (err == MR_OK) {
        err = mri_fold_begin(&replay->fold, options, reterr_problem);
    }
    if (err == MR_OK) {
        err = run(replay, reterr_problem);
        err = err == MR_OK ? check_end(replay, reterr_problem) : err;
        mri_fold_fini(&replay->fold);
    }
    mri_batch_fini(&replay->batch);
    mri_buf_fini(&replay->input);
    mri_alloc_free(options->alloc, replay, sizeof(*replay));
    if (err != MR_OK) {
        mri_replay_fini(ret_result);
    }
    return err;
}

void mri_replay_fini(struct mri_replay_result *result)
{
    if (result != NULL) {
        mri_buf_fini(&result->logged);
        mri_buf_fini(&result->replayed);
    }
}
