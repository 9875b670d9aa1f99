/* SPDX-License-Identifier: MIT */
/*
 * Reading a feed.
 *
 * Invariants
 *  1. Items of one time are one batch (rows left out may come in batches before), so a crash leaves
 *     all bars of a minute in the log or none: everything up to the newest bar's time is there.
 *  2. A feed that does not repeat the newest logged bar of a symbol is another feed, and is
 *     refused.
 */
#include "pipeline/intake.h"

#include "base/problem.h"
#include "base/text.h"

enum { ROW_BYTES_MAX = 120, NO_SYMBOL = -1 };

void mri_intake_init(struct mri_intake *intake, struct mri_node *node, struct mri_feed *feed,
    struct mri_intake_listener listener)
{
    const struct mri_market *market = &node->fold.wiring.market;
    *intake = (struct mri_intake){.node = node, .feed = feed, .listener = listener};
    for (uint32_t i = 0; i < market->instruments.count; i++) {
        int64_t time = market->symbols[i].close_time_unix_ns;
        intake->resume_unix_ns = time > intake->resume_unix_ns ? time : intake->resume_unix_ns;
    }
    if (!node->clock.is_live) {
        intake->resume_unix_ns = market->event_time_unix_ns; /* also of signals without a bar */
    }
    intake->problems_to_skip = node->fold.wiring.report.quarantined_since_candle;
}

static uint32_t symbol_of(const struct mri_intake *intake, uint32_t instrument)
{
    return instrument < intake->feed->instrument_count ? intake->node->feed_symbols[instrument]
                                                       : (uint32_t)NO_SYMBOL;
}

/** Does the log's newest bar of a symbol agree with the feed's bar of the same time? */
static mr_err compare_with_log(const struct mri_intake *intake, mr_problem *problem)
{
    const struct mri_feed_item *item = &intake->item;
    uint32_t number = symbol_of(intake, item->instrument);
    const struct mri_market_symbol *symbol =
        mri_market_symbol(&intake->node->fold.wiring.market, number);
    if (symbol == NULL || symbol->close_time_unix_ns != item->time_unix_ns) {
        return MR_OK; /* an older bar: only the newest is known */
    }
    const struct mri_candle *logged = &symbol->candle;
    const struct mri_feed_candle *read = &item->candle;
    bool is_same = logged->open == read->open && logged->high == read->high &&
                   logged->low == read->low && logged->close == read->close &&
                   logged->volume == read->volume && logged->duration_ns == read->duration_ns;
    if (is_same) {
        return MR_OK;
    }
    return mri_problem(problem, MR_REFUSED,
        "%s: the newest bar of %s in the log differs from the feed's bar of the same time; "
        "continue it "
        "with its own feed, or start a new directory",
        intake->node->options.folder,
        mri_instruments_get(&intake->node->fold.wiring.market.instruments, number)->symbol);
}

/** Is the item in the log already? Rows left out behind the newest bar are known by their number.
 */
static bool is_logged(struct mri_intake *intake)
{
    const struct mri_feed_item *item = &intake->item;
    if (intake->resume_unix_ns != 0 && item->time_unix_ns <= intake->resume_unix_ns) {
        return true;
    }
    if (item->kind == MRI_FEED_PROBLEM && intake->problems_to_skip > 0) {
        intake->problems_to_skip--;
        return true;
    }
    return false;
}

/** Read on to the next item that is not in the log. */
static mr_err next_item(struct mri_intake *intake, mr_problem *problem)
{
    while (!intake->has_item) {
        if (intake->is_ended) {
            return MR_END;
        }
        mr_err err = intake->feed->next(intake->feed->state, &intake->item);
        if (err != MR_OK) {
            intake->is_ended = err == MR_END;
            return err == MR_END ? err : mri_problem(problem, err, "feed: %s", mr_err_text(err));
        }
        intake->has_item = !is_logged(intake);
        if (intake->has_item && intake->item.kind == MRI_FEED_PROBLEM) {
            intake->problems++;
            intake->damaged_files += intake->item.problem.reason == MRI_REASON_FILE_DAMAGED;
            intake->listener.problem(intake->listener.context, &intake->item);
        }
        if (!intake->has_item) {
            intake->skipped++;
            err = intake->item.kind == MRI_FEED_CANDLE ? compare_with_log(intake, problem) : MR_OK;
        }
        if (err != MR_OK) {
            return err;
        }
    }
    return MR_OK;
}

static mr_err add(struct mri_intake *intake, const struct mri_draft *draft, uint32_t ordinal)
{
    return mri_batch_add(&intake->node->inputs, draft, ordinal);
}

static mr_err draft_problem(struct mri_intake *intake)
{
    const struct mri_feed_problem *problem = &intake->item.problem;
    struct mri_buf row;
    struct mri_slice head = {problem->row.bytes,
        problem->row.count < ROW_BYTES_MAX ? problem->row.count : ROW_BYTES_MAX};
    bool has_time = intake->item.time_unix_ns != INT64_MAX;
    const struct mri_quarantined fixed = {
        .event_time_unix_ns = has_time ? intake->item.time_unix_ns
                                       : intake->node->fold.wiring.market.event_time_unix_ns,
        .line = problem->line,
        .symbol = symbol_of(intake, intake->item.instrument),
        .reason = (uint16_t)problem->reason,
    };
    mri_buf_init(&row, intake->node->options.alloc, 8 * ROW_BYTES_MAX);
    mri_text_escape(&row, head);
    mr_err err = row.err;
    if (err == MR_OK) {
        err = add(intake,
            &(struct mri_draft){.type = MRI_EVENT_QUARANTINED,
                .fixed = &fixed,
                .texts = {{(const char *)row.bytes, row.count}}},
            0);
    }
    mri_buf_fini(&row);
    return err;
}

static mr_err draft_gap(struct mri_intake *intake, uint32_t number)
{
    const struct mri_market_symbol *symbol =
        mri_market_symbol(&intake->node->fold.wiring.market, number);
    const struct mri_feed_item *item = &intake->item;
    if (symbol->close_time_unix_ns == 0) {
        return MR_OK;
    }
    int64_t missing =
        (item->time_unix_ns - symbol->close_time_unix_ns) / item->candle.duration_ns - 1;
    if (missing <= 0) {
        return MR_OK;
    }
    const struct mri_market_gap fixed = {
        .from_unix_ns = symbol->close_time_unix_ns,
        .to_unix_ns = item->time_unix_ns,
        .missing_bars = (uint32_t)missing,
        .symbol = number,
    };
    return add(intake, &(struct mri_draft){.type = MRI_EVENT_MARKET_GAP, .fixed = &fixed}, 0);
}

static mr_err draft_candle(struct mri_intake *intake)
{
    const struct mri_feed_item *item = &intake->item;
    uint32_t number = symbol_of(intake, item->instrument);
    const struct mri_candle fixed = {
        .close_time_unix_ns = item->time_unix_ns,
        .duration_ns = item->candle.duration_ns,
        .open = item->candle.open,
        .high = item->candle.high,
        .low = item->candle.low,
        .close = item->candle.close,
        .volume = item->candle.volume,
        .symbol = number,
        .instrument = number,
    };
    mr_err err = draft_gap(intake, number);
    return err == MR_OK
               ? add(intake, &(struct mri_draft){.type = MRI_EVENT_CANDLE, .fixed = &fixed}, 0)
               : err;
}

static mr_err draft_signal(struct mri_intake *intake)
{
    const struct mri_feed_signal *signal = &intake->item.signal;
    uint32_t number = symbol_of(intake, intake->item.instrument);
    const struct mri_signal_generated fixed = {
        .event_time_unix_ns = intake->item.time_unix_ns,
        .confidence = signal->confidence,
        .valid_for_ns = signal->valid_for_ns,
        .symbol = number,
        .instrument = number,
        .side = (uint8_t)signal->side,
        .regime = MRI_REGIME_ABSENT,
    };
    const struct mri_draft draft = {
        .type = MRI_EVENT_SIGNAL_GENERATED,
        .fixed = &fixed,
        .texts = {[MRI_TEXT_signal_generated_source] = signal->source,
            [MRI_TEXT_signal_generated_name] = signal->name},
    };
    return add(intake, &draft, intake->node->inputs.next_ordinal);
}

static mr_err draft_item(struct mri_intake *intake)
{
    switch (intake->item.kind) {
    case MRI_FEED_CANDLE:
        return draft_candle(intake);
    case MRI_FEED_SIGNAL:
        return draft_signal(intake);
    default:
        return draft_problem(intake);
    }
}

mr_err mri_intake_step(struct mri_intake *intake, mr_problem *reterr_problem)
{
    mr_err err = next_item(intake, reterr_problem);
    if (err != MR_OK) {
        return err;
    }
    int64_t time = intake->item.time_unix_ns;
    mri_node_begin_inputs(intake->node);
    while (err == MR_OK && intake->item.time_unix_ns == time) {
        if (mri_batch_is_filled(&intake->node->inputs, 0.9) &&
            intake->item.kind == MRI_FEED_PROBLEM) {
            break; /* many bad rows before a good one: they go ahead of it */
        }
        err = draft_item(intake);
        intake->has_item = false;
        if (err == MR_OK) {
            err = next_item(intake, reterr_problem);
        }
    }
    if (err != MR_OK && err != MR_END) {
        return err;
    }
    err = mri_node_take_inputs(intake->node);
    if (err == MR_FULL && intake->node->fold.bus.full != NULL && reterr_problem != NULL) {
        return mri_problem(reterr_problem, err,
            "%s: limits.%s_max of the configuration is reached; continue it with a higher one",
            intake->node->options.folder, intake->node->fold.bus.full);
    }
    if (err != MR_OK && reterr_problem != NULL && reterr_problem->text[0] == '\0') {
        return mri_problem(
            reterr_problem, err, "%s: %s", intake->node->options.folder, mr_err_text(err));
    }
    return err;
}
