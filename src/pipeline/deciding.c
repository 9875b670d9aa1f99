/* SPDX-License-Identifier: MIT */
/*
 * Decisions on inputs, in a race with other processes.
 *
 * Invariants
 *  1. Inputs are decided on in the order of the log. So what others have appended is decided on
 *     before own inputs are appended, and those are appended only if nothing came in between.
 *  2. A move that loses against another process's takes the whole batch with it: the engines go
 *     back to the input, superseded{cause, winner} is logged, the winner applied, and the input
 *     decided again.
 *  3. Outputs name sequence numbers and ordinals, so they are appended only where they were drafted
 *     for. When others come in between, the engines go back to the input and decide anew; if that
 *     was not to be expected, they are made anew from the log.
 *  4. A wish to stop is heard among many inputs. What is not decided on then is left in the log,
 *     as after a crash, and the next open decides on it.
 */
#include "pipeline/deciding.h"

#include "base/problem.h"

enum {
    HELD_DECISIONS = 1000, /* to be able to undo, after another process has appended */
    INPUTS_BETWEEN_LOOKS = 256,
};

/** Have moves from outside been logged that the engines have not taken in yet? */
static bool may_lose(const struct mri_node *node)
{
    return node->fold.bus.foreign_moves != node->fold.foreign_applied;
}

static mr_err restore_engines(struct mri_node *node)
{
    struct mri_fold *fold = &node->fold;
    const struct mri_wiring_options options = {
        .config = node->options.config,
        .parse = fold->wiring.parse,
        .source_names = &fold->bus.sources,
        .is_simulated_market = fold->wiring.is_simulated_market,
    };
    return mri_engine_undo_restore(&node->undo, &fold->wiring, &options);
}

/** Apply an event that stands. */
static mr_err apply(struct mri_node *node, const struct mri_event *event)
{
    mr_err err = mri_wiring_apply(&node->fold.wiring, event);
    return err == MR_OK ? mri_engine_undo_note(&node->undo, event) : err;
}

mr_err mri_deciding_catch_up(struct mri_node *node)
{
    uint64_t count;
    mr_err err = mri_fold_catch_up(&node->fold, &count, NULL);
    if (count > 0) {
        node->held_left = HELD_DECISIONS;
        node->is_foreign_pending = true;
    }
    return err;
}

/** Append what is the same wherever it lands. */
static mr_err append_anywhere(struct mri_node *node, struct mri_batch *batch)
{
    for (;;) {
        mr_err err = mri_bus_append(&node->fold.bus, batch, MR_ASYNC, NULL, NULL);
        if (err != MR_AGAIN) {
            return err;
        }
        err = mri_deciding_catch_up(node);
        if (err != MR_OK) {
            return err;
        }
        mri_bus_rebase(&node->fold.bus, batch);
    }
}

/** Log that the decision on an input lost against a move, and take that move in. */
static mr_err supersede(struct mri_node *node, const struct mri_event *input, uint64_t winner_seq)
{
    struct mri_fold *fold = &node->fold;
    struct mri_batch *batch = &node->outputs;
    mri_bus_begin(&fold->bus, batch);
    const struct mri_superseded body = {.cause = input->seq, .winner = winner_seq};
    mr_err err =
        mri_batch_add(batch, &(struct mri_draft){.type = MRI_EVENT_SUPERSEDED, .fixed = &body}, 0);
    if (err == MR_OK) {
        err = append_anywhere(node, batch);
    }
    if (err == MR_OK) {
        struct mri_event logged = mri_batch_event(batch, 0);
        err = apply(node, &logged);
    }
    struct mri_event winner = {0};
    if (err == MR_OK) {
        err = mri_early_inputs_read(
            &fold->early, node->options.os, node->options.folder, winner_seq, &winner, NULL);
    }
    if (err == MR_OK) {
        err = mri_fold_take_early(fold, winner_seq);
    }
    if (err == MR_OK) {
        err = apply(node, &winner);
    }
    return err;
}

static mr_err refold(struct mri_node *node);

/** Be able to undo the next decision while others append, and not longer. */
static mr_err hold_engines(struct mri_node *node)
{
    bool is_held = may_lose(node) || node->held_left > 0;
    node->held_left -= node->held_left > 0;
    if (is_held) {
        return mri_engine_undo_hold(&node->undo, &node->fold.wiring);
    }
    mri_engine_undo_drop(&node->undo);
    return MR_OK;
}

/** Against what decisions lose. */
struct rival {
    const struct mri_bus *bus;
    struct mri_bus_conflict conflict;
    bool is_early; /**< before anything was applied */
};

static mr_err look_for_rival(void *context, const struct mri_batch *batch)
{
    struct rival *rival = context;
    mr_err err = mri_bus_look(rival->bus, batch, &rival->conflict);
    rival->is_early = err != MR_OK;
    return err;
}

/** Decide once: MR_CONFLICT or MR_AGAIN, somebody else was faster. */
static mr_err decide_once(
    struct mri_node *node, const struct mri_event *input, struct rival *ret_rival)
{
    struct mri_fold *fold = &node->fold;
    const struct mri_wiring_rival rival = {.context = ret_rival, .look = look_for_rival};
    *ret_rival = (struct rival){.bus = &fold->bus};
    mr_err err = hold_engines(node);
    if (err != MR_OK) {
        return err;
    }
    mri_bus_begin(&fold->bus, &node->outputs);
    err = mri_wiring_decide(&fold->wiring, input, &node->outputs, &rival);
    if (err == MR_OK && node->outputs.count > 0) {
        err = mri_bus_append(&fold->bus, &node->outputs, MR_ASYNC, NULL, &ret_rival->conflict);
    }
    if (err == MR_OK) {
        node->is_behind = node->is_behind || node->outputs.is_cut;
        for (uint32_t i = 0; i < node->outputs.count && err == MR_OK; i++) {
            const struct mri_event output = mri_batch_event(&node->outputs, i);
            err = mri_engine_undo_note(&node->undo, &output);
        }
    }
    return err;
}

/** Decide on an input that was applied, as often as it takes. */
static mr_err decide(struct mri_node *node, const struct mri_event *input)
{
    for (;;) {
        struct rival rival;
        mr_err err = decide_once(node, input, &rival);
        if (err != MR_CONFLICT && err != MR_AGAIN) {
            return err;
        }
        bool is_superseded = err == MR_CONFLICT;
        node->overtaken += !is_superseded;
        if (!rival.is_early && !node->undo.is_taken) {
            return refold(node);
        }
        err = rival.is_early ? MR_OK : restore_engines(node);
        if (err == MR_OK) {
            err = is_superseded ? supersede(node, input, rival.conflict.winner_seq)
                                : mri_deciding_catch_up(node);
        }
        if (err != MR_OK) {
            return err;
        }
    }
}

/** Is it wished to end before the next input? A few are decided on all the same. */
static bool is_to_stop(struct mri_node *node, uint32_t *count)
{
    *count = (*count + 1) % INPUTS_BETWEEN_LOOKS;
    node->is_stopped =
        *count == 0 && node->options.is_stopping != NULL && node->options.is_stopping();
    return node->is_stopped;
}

static mr_err process(struct mri_node *node, const struct mri_event *input)
{
    mr_err err = apply(node, input);
    uint64_t seq = input->seq;
    node->is_refolded = false;
    if (err == MR_OK) {
        err = decide(node, input);
    }
    if (!node->is_refolded) {
        node->fold.applied_seq = seq;
    }
    return err;
}

mr_err mri_deciding_foreign(struct mri_node *node)
{
    uint32_t count = 0;
    mr_err err = MR_OK;
    while (err == MR_OK && node->is_foreign_pending) {
        struct mri_event input;
        node->is_foreign_pending = false; /* more may come meanwhile */
        while ((err = mri_fold_next_input(&node->fold, &input, NULL)) == MR_OK) {
            err = process(node, &input);
            if (err == MR_OK && is_to_stop(node, &count)) {
                node->is_foreign_pending = true;
                err = MR_AGAIN;
            }
            if (err != MR_OK) {
                return err;
            }
        }
        err = err == MR_END ? MR_OK : err;
    }
    return err;
}

/** Append the drafted inputs behind whatever is decided by then. */
static mr_err append_inputs(struct mri_node *node)
{
    for (;;) {
        mr_err err = mri_deciding_foreign(node);
        if (err != MR_OK) {
            return err;
        }
        mri_bus_rebase(&node->fold.bus, &node->inputs);
        err = mri_bus_append(&node->fold.bus, &node->inputs, MR_ASYNC, NULL, NULL);
        if (err != MR_AGAIN) {
            return err;
        }
        err = mri_deciding_catch_up(node);
        if (err != MR_OK) {
            return err;
        }
    }
}

mr_err mri_deciding_process(struct mri_node *node)
{
    const struct mri_batch *batch = &node->inputs;
    mr_err err = MR_OK;
    node->is_refolded = false;
    for (uint32_t i = 0; i < batch->count && err == MR_OK && !node->is_refolded; i++) {
        struct mri_event input = mri_batch_event(batch, i);
        err = process(node, &input);
    }
    return err == MR_OK ? mri_deciding_foreign(node) : err;
}

mr_err mri_deciding_take_batch(struct mri_node *node)
{
    if (node->inputs.count == 0) {
        return MR_OK;
    }
    mr_err err = append_inputs(node);
    return err == MR_OK ? mri_deciding_process(node) : err;
}

mr_err mri_deciding_pending(struct mri_node *node, mr_problem *problem)
{
    struct mri_fold *fold = &node->fold;
    struct mri_event input;
    uint32_t count = 0;
    mr_err err = MR_OK;
    if (fold->undecided_seq != 0) { /* applied already: the crash came behind superseded */
        mr_log_reader *reader;
        err = mri_reader_open(
            node->options.os, node->options.alloc, node->options.folder, &reader, problem);
        if (err != MR_OK) {
            return err;
        }
        err = mri_fold_read(reader, fold->undecided_seq, &input, problem);
        if (err == MR_OK) {
            err = decide(node, &input);
        }
        mr_log_reader_close(reader);
    }
    while (err == MR_OK) {
        err = mri_fold_next_input(fold, &input, problem);
        if (err == MR_END) {
            return MR_OK;
        }
        if (err == MR_OK) {
            err = process(node, &input);
        }
        if (err == MR_OK && is_to_stop(node, &count)) {
            err = mri_problem(problem, MR_AGAIN,
                "%s: stopped behind event %llu of %llu, the next run decides on the others",
                node->options.folder, (unsigned long long)fold->applied_seq,
                (unsigned long long)fold->bus.last_seq);
        }
    }
    return err;
}

mr_err mri_deciding_read_past(struct mri_node *node, mr_problem *problem)
{
    const struct mri_fold_options options = {
        .os = node->options.os,
        .alloc = node->options.alloc,
        .folder = node->options.folder,
        .parse = node->options.parse,
        .config = node->options.config,
    };
    mr_err err = mri_fold_init(&node->fold, &options, problem);
    if (err == MR_FULL) {
        return mri_problem(problem, MR_FULL,
            "%s: the log needs more than the configuration's limits allow (limits.*)",
            node->options.folder);
    }
    if (err == MR_OK && node->fold.damage != MR_OK) {
        return mri_problem_pass(problem, node->fold.damage, node->fold.damage_problem.text);
    }
    if (err == MR_OK) {
        node->fold.bus.log = node->log;
        node->snapshot_seq = node->fold.snapshot_seq;
        node->snapshot_try_seq = node->snapshot_seq;
    }
    return err;
}

/**
 * Make the engines anew from the log, and decide on all that is in it: they have decided on an
 * input while others appended, and were not held before.
 */
static mr_err refold(struct mri_node *node)
{
    mr_problem problem = {""};
    mri_engine_undo_drop(&node->undo);
    mri_fold_fini(&node->fold);
    mr_err err = mri_deciding_read_past(node, &problem);
    node->held_left = HELD_DECISIONS;
    node->refolds++;
    if (err == MR_OK) {
        err = mri_deciding_pending(node, &problem);
    }
    node->is_refolded = true;
    return err;
}
