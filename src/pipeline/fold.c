/* SPDX-License-Identifier: MIT */
/*
 * Folding a log.
 *
 *   log      c1 c2 | o1(c1) o2(c1) | o3(c2) | c3 ...        c = input, o = output with its cause
 *   lead     -------------------------------->              everything, into the bus
 *   inputs   ------->                                       c1 before o1, c2 before o3
 *
 * Invariants
 *  1. An input is applied once: when the first output decided on it or on a later one, or the next
 *     begin or end of a run, is met; or by whoever goes on deciding.
 *  2. A move or a claim that overtook its input's decision (superseded.winner) is applied right
 * after that input, and is skipped where it lies.
 *  3. Limits grow to those of the log's newest configuration: a fold that meets larger ones starts
 *     again with them.
 */
#include "pipeline/fold.h"

#include <string.h>

#include "base/problem.h"
#include "bus/missing_event.h"
#include "log/open/known_end.h"
#include "log/read/retain_first.h"
#include "millrace/log_admin.h"
#include "pipeline/fold_snapshot.h"
#include "pipeline/log_config.h"
#include "pipeline/seat.h"

static mr_err open_readers(struct mri_fold *fold, mr_problem *problem)
{
    const struct mri_fold_options *options = &fold->options;
    mr_err err =
        mri_reader_open(options->os, options->alloc, options->folder, &fold->lead, problem);
    if (err == MR_OK) {
        err = mri_reader_open(options->os, options->alloc, options->folder, &fold->inputs, problem);
    }
    if (err == MR_OK) {
        err = mri_retain_first(options->os, options->alloc, options->folder, &fold->first_seq);
        if (err != MR_OK) {
            (void)mri_problem(problem, err, "%s: %s", options->folder, mr_err_text(err));
        }
    }
    struct mri_manifest manifest;
    if (err == MR_OK) {
        err = mri_manifest_read(options->os, options->folder, &manifest, problem);
    }
    if (err != MR_OK) {
        return err;
    }
    for (unsigned i = 0; i < 5; i++) {
        fold->log_number = fold->log_number << 8 | manifest.log_uuid[i];
    }
    err = mri_seat_holder(options->os, options->folder, MRI_SEAT_RUN, &fold->runner_id);
    if (err == MR_OK) {
        err = mri_seat_holder(options->os, options->folder, MRI_SEAT_EXECUTOR, &fold->executor_id);
    }
    return err == MR_OK ? MR_OK
                        : mri_problem(problem, err, "%s: who runs it: %s", options->folder,
                              mr_err_text(err));
}

/** Bus and engines for the configuration at hand. */
static mr_err make_state(struct mri_fold *fold, mr_problem *problem)
{
    const struct mri_fold_options *options = &fold->options;
    const struct mri_config *config = options->config != NULL ? options->config : &fold->own_config;
    const struct mri_wiring_limits limits = mri_wiring_limits_of(config);
    const struct mri_bus_limits bus_limits = mri_wiring_bus_limits(&limits);
    const char *market = mr_log_reader_attribute(fold->lead, MRI_ATTRIBUTE_MARKET);
    mr_err err = mri_bus_init(&fold->bus, options->alloc, &bus_limits, NULL);
    const struct mri_wiring_options wiring_options = {
        .config = config,
        .parse = options->parse,
        .source_names = &fold->bus.sources,
        .is_simulated_market = market != NULL && strcmp(market, "simulated") == 0,
        .is_market_only = options->is_market_only,
    };
    if (err == MR_OK) {
        err = mri_wiring_init(&fold->wiring, options->alloc, &wiring_options, problem);
    }
    mri_early_inputs_init(&fold->early, options->alloc);
    fold->is_made = err == MR_OK;
    return err;
}

static void drop_state(struct mri_fold *fold)
{
    mri_wiring_fini(&fold->wiring);
    mri_bus_fini(&fold->bus);
    fold->is_made = false;
    fold->has_held = false;
    fold->applied_seq = 0;
    fold->undecided_seq = 0;
    fold->foreign_applied = 0;
    mri_early_inputs_fini(&fold->early);
    fold->snapshot_seq = 0;
    fold->newest_snapshot = (struct mri_fold_base){.since = {.seq = 0}};
    fold->named_seq = 0;
}

mr_err mri_fold_begin(
    struct mri_fold *fold, const struct mri_fold_options *options, mr_problem *reterr_problem)
{
    *fold = (struct mri_fold){.options = *options, .whole_bytes_max = MRI_FOLD_WHOLE_BYTES_MAX};
    mr_err err = mri_config_default(&fold->own_config, options->alloc);
    if (err == MR_OK) {
        err = open_readers(fold, reterr_problem);
    }
    if (err == MR_OK) {
        err = make_state(fold, reterr_problem);
    }
    if (err != MR_OK) {
        mri_fold_fini(fold);
    }
    return err;
}

void mri_fold_fini(struct mri_fold *fold)
{
    if (fold != NULL && fold->options.alloc != NULL) {
        mr_log_reader_close(fold->lead);
        mr_log_reader_close(fold->inputs);
        drop_state(fold);
        mri_config_fini(&fold->own_config);
        *fold = (struct mri_fold){0};
    }
}

/** Read on to the next input that was not applied early; it stays held until it is visited. */
static mr_err hold_input(struct mri_fold *fold, mr_problem *problem)
{
    while (!fold->has_held) {
        mr_err err = mr_log_reader_next(fold->inputs, &fold->held, problem);
        if (err != MR_OK) {
            return err;
        }
        struct mri_event event;
        if (fold->held.type < MR_LOG_TYPE_FREE || fold->held.seq.n <= fold->applied_seq) {
            continue; /* the log's own, or applied as it was appended */
        }
        err = mri_event_decode(&fold->held, &event);
        if (err != MR_OK) { /* ahead of `lead`, so it is named here */
            return mri_problem(problem, err, "%s: event %llu: %s", fold->options.folder,
                (unsigned long long)fold->held.seq.n, mr_err_text(err));
        }
        fold->has_held =
            mri_wiring_is_input(&event) && !mri_early_inputs_pass(&fold->early, event.seq);
    }
    return MR_OK;
}

static mr_err describe(
    mr_err err, const struct mri_fold *fold, const mr_log_event *record, mr_problem *problem)
{
    const char *name;
    (void)mri_reader_place(fold->lead, &name);
    const struct mri_event_kind *kind = mri_event_kind(record->type);
    uint64_t last = fold->bus.last_seq;
    if (err == MR_ECORRUPT && record->seq.n > last + 1) {
        return mri_problem(problem, err,
            "%s: events %llu to %llu are lost, a repair has given them up, and no snapshot behind "
            "them says what they did",
            fold->options.folder, (unsigned long long)last + 1,
            (unsigned long long)record->seq.n - 1);
    }
    return mri_problem(problem, err, "%s/%s: event %llu (%s): %s", fold->options.folder, name,
        (unsigned long long)record->seq.n, kind == NULL ? "unknown kind" : kind->name,
        mr_err_text(err));
}

mr_err mri_fold_catch_up(struct mri_fold *fold, uint64_t *ret_count, mr_problem *reterr_problem)
{
    *ret_count = 0;
    for (;;) {
        mr_log_event record;
        struct mri_event event;
        mr_err err = mr_log_reader_next(fold->lead, &record, reterr_problem);
        if (err != MR_OK) {
            return err == MR_END ? MR_OK : err;
        }
        if (record.seq.n <= fold->bus.last_seq) {
            continue; /* appended here */
        }
        err = mri_bus_fold(&fold->bus, &record, &event);
        if (err != MR_OK) {
            return describe(err, fold, &record, reterr_problem);
        }
        *ret_count += 1;
    }
}

static mr_err take_held(struct mri_fold *fold, struct mri_event *ret_event)
{
    mr_err err = mri_event_decode(&fold->held, ret_event);
    fold->has_held = false;
    fold->applied_seq = ret_event->seq;
    fold->foreign_applied +=
        ret_event->type == MRI_EVENT_SIGNAL_MOVED || ret_event->type == MRI_EVENT_SIGNAL_CLAIMED;
    return err;
}

mr_err mri_fold_take_early(struct mri_fold *fold, uint64_t seq)
{
    if (fold->has_held && fold->held.seq.n == seq) {
        fold->has_held = false;
    } else {
        mr_err err = mri_early_inputs_add(&fold->early, seq);
        if (err != MR_OK) {
            return err;
        }
    }
    fold->foreign_applied++;
    return MR_OK;
}

mr_err mri_fold_next_input(
    struct mri_fold *fold, struct mri_event *ret_event, mr_problem *reterr_problem)
{
    mr_err err = hold_input(fold, reterr_problem);
    if (err == MR_OK && fold->held.seq.n > fold->bus.last_seq) {
        return MR_END; /* a writer goes on beside: what came after the fold is none of it */
    }
    return err == MR_OK ? take_held(fold, ret_event) : err;
}

/** Say which input it was, unless something is said already: the lead is at another event. */
static mr_err blame_input(
    const struct mri_fold *fold, const struct mri_event *input, mr_err err, mr_problem *problem)
{
    return problem->text[0] != '\0' ? err
                                    : mri_problem(problem, err, "%s: event %llu (%s): %s",
                                          fold->options.folder, (unsigned long long)input->seq,
                                          mri_event_kind(input->type)->name, mr_err_text(err));
}

/** Visit every input up to `seq`. */
static mr_err visit_inputs(struct mri_fold *fold, const struct mri_fold_visitor *visitor,
    uint64_t seq, mr_problem *problem)
{
    for (;;) {
        struct mri_event event;
        mr_err err = hold_input(fold, problem);
        bool is_damage_behind = err == MR_ECORRUPT && fold->applied_seq >= seq;
        if (err == MR_END || is_damage_behind) { /* `lead` will come to it */
            return MR_OK;
        }
        if (err == MR_OK && fold->held.seq.n > seq) {
            return MR_OK;
        }
        if (err == MR_OK) {
            err = take_held(fold, &event);
        }
        if (err == MR_OK) {
            err = visitor->input(visitor->context, &event);
            err = err < MR_OK ? blame_input(fold, &event, err, problem) : err;
        }
        if (err != MR_OK) {
            return err;
        }
    }
}

mr_err mri_fold_read(
    mr_log_reader *reader, uint64_t seq, struct mri_event *ret_event, mr_problem *reterr_problem)
{
    mr_log_event record;
    mr_err err = mr_log_reader_seek(reader, (mr_seq){seq}, reterr_problem);
    if (err == MR_OK) {
        err = mr_log_reader_next(reader, &record, reterr_problem);
    }
    if (err == MR_OK) {
        err = record.seq.n == seq ? mri_event_decode(&record, ret_event) : MR_NOT_FOUND;
    }
    bool is_missing = err == MR_END || err == MR_NOT_FOUND;
    if (is_missing && reterr_problem != NULL) {
        return mri_missing_event_tell(reader, seq, reterr_problem);
    }
    return is_missing ? MR_NOT_FOUND : err;
}

/** Apply the move or claim that overtook a decision, out of its turn. */
static mr_err visit_winner(struct mri_fold *fold, const struct mri_fold_visitor *visitor,
    const struct mri_event *event, mr_problem *problem)
{
    const struct mri_superseded *superseded = event->body;
    uint64_t winner = mri_ref_seq(superseded->winner, event->seq);
    struct mri_event move = {0};
    mr_err err = mri_early_inputs_read(
        &fold->early, fold->options.os, fold->options.folder, winner, &move, problem);
    bool is_move = err == MR_OK &&
                   (move.type == MRI_EVENT_SIGNAL_MOVED || move.type == MRI_EVENT_SIGNAL_CLAIMED) &&
                   mri_wiring_is_input(&move) && winner > fold->applied_seq;
    if (err == MR_OK && !is_move) {
        err = mri_problem(problem, MR_ECORRUPT,
            "event %llu: superseded by event %llu, which is no move or claim of another process",
            (unsigned long long)event->seq, (unsigned long long)winner);
    }
    if (err == MR_OK) {
        err = mri_fold_take_early(fold, winner);
    }
    if (err == MR_OK) {
        fold->undecided_seq = mri_ref_seq(superseded->cause, event->seq);
        err = visitor->input(visitor->context, &move);
    }
    return err;
}

static mr_err visit_output(struct mri_fold *fold, const struct mri_fold_visitor *visitor,
    const struct mri_event *event, mr_problem *problem)
{
    uint64_t cause = mri_event_cause(event);
    if (cause == 0 || cause >= event->seq) {
        return mri_problem(problem, MR_ECORRUPT, "event %llu was decided on event %llu",
            (unsigned long long)event->seq, (unsigned long long)cause);
    }
    fold->undecided_seq = 0; /* whatever lost is decided by now, be it with nothing */
    mr_err err = visit_inputs(fold, visitor, cause, problem);
    if (err == MR_OK) {
        err = visitor->output(visitor->context, event);
    }
    if (err == MR_OK && event->type == MRI_EVENT_SUPERSEDED) {
        err = visit_winner(fold, visitor, event, problem);
    }
    return err;
}

/** A run begins and ends when every input before is decided, be it with nothing. */
static mr_err visit_settled(struct mri_fold *fold, const struct mri_fold_visitor *visitor,
    const struct mri_event *event, mr_problem *problem)
{
    const struct mri_session *session = event->body;
    uint64_t seq = session->kind == MRI_SESSION_END ? event->seq : event->seq - 1;
    fold->undecided_seq = 0;
    return visit_inputs(fold, visitor, seq, problem);
}

/** What a repair gave up is lost for good, and whoever decided behind it knew more than we do. */
static mr_err damage_of_gap(struct mri_fold *fold, const mr_log_event *record)
{
    mr_log_gap gap;
    return mr_log_event_gap(record, &gap)
               ? mri_problem(&fold->damage_problem, MR_ECORRUPT,
                     "%s: events %llu to %llu are lost, a repair has given them up; state and "
                     "decisions are known up to event %llu",
                     fold->options.folder, (unsigned long long)gap.first.n,
                     (unsigned long long)gap.last.n, (unsigned long long)gap.first.n - 1)
               : MR_OK;
}

static mr_err refuse_without_start(const struct mri_fold *fold, mr_problem *problem)
{
    return mri_problem(problem, MR_NOT_FOUND,
        "%s: the log is kept from event %llu on, its beginning was removed; this needs all of it, "
        "or a snapshot",
        fold->options.folder, (unsigned long long)fold->first_seq);
}

/** The bus has taken in already what was appended through it. */
static mr_err fold_or_decode(
    struct mri_fold *fold, const mr_log_event *record, struct mri_event *ret_event)
{
    if (record->seq.n > fold->bus.last_seq) {
        return mri_bus_fold(&fold->bus, record, ret_event);
    }
    *ret_event = (struct mri_event){.type = record->type, .seq = record->seq.n};
    return record->type < MR_LOG_TYPE_FREE ? MR_OK : mri_event_decode(record, ret_event);
}

mr_err mri_fold_run(
    struct mri_fold *fold, const struct mri_fold_visitor *visitor, mr_problem *reterr_problem)
{
    if (fold->bus.last_seq == 0 && fold->first_seq > 1) {
        return refuse_without_start(fold, reterr_problem);
    }
    for (;;) {
        mr_log_event record;
        struct mri_event event;
        mr_err err = mr_log_reader_next(fold->lead, &record, &fold->damage_problem);
        if (err == MR_OK) {
            err = damage_of_gap(fold, &record);
        }
        if (err == MR_ECORRUPT) {
            fold->damage = err; /* what lies before stays true */
            return MR_OK;
        }
        if (err == MR_END) {
            fold->is_torn = mr_log_reader_tail(fold->lead) == MR_LOG_TAIL_TORN;
            return MR_OK;
        }
        if (err != MR_OK) {
            return mri_problem_pass(reterr_problem, err, fold->damage_problem.text);
        }
        mr_problem problem = {""};
        err = fold_or_decode(fold, &record, &event);
        if (err == MR_OK && fold->options.is_market_only) {
            err = event.type < MR_LOG_TYPE_FREE ? MR_OK : visitor->output(visitor->context, &event);
        } else if (err == MR_OK && event.type == MRI_EVENT_SESSION) {
            err = visit_settled(fold, visitor, &event, &problem);
        } else if (err == MR_OK && event.type >= MR_LOG_TYPE_FREE && !mri_wiring_is_input(&event)) {
            err = visit_output(fold, visitor, &event, &problem);
        }
        if (err != MR_OK && problem.text[0] != '\0') {
            return mri_problem_pass(reterr_problem, err, problem.text);
        }
        if (err != MR_OK) {
            return describe(err, fold, &record, reterr_problem);
        }
    }
}

/* ---- the plain fold: apply everything -------------------------------------------------------- */

static mr_err apply_event(void *context, const struct mri_event *event)
{
    struct mri_fold *fold = context;
    if (event->type == MRI_EVENT_INSTRUMENT && event->seq <= fold->named_seq) {
        return fold->options.is_market_only ? MR_OK
                                            : mri_report_engine.apply(&fold->wiring.report, event);
    }
    return mri_wiring_apply(&fold->wiring, event);
}

mr_err mri_fold_follow(struct mri_fold *fold, mr_problem *reterr_problem)
{
    const struct mri_fold_visitor visitor = {
        .context = fold, .input = apply_event, .output = apply_event};
    return mri_fold_run(fold, &visitor, reterr_problem);
}

/** The market takes in the instruments that the engines have not come to. */
static mr_err name_from(struct mri_fold *fold, mr_log_reader *reader, mr_problem *problem)
{
    uint64_t first = fold->applied_seq > fold->named_seq ? fold->applied_seq : fold->named_seq;
    mr_err err = mr_log_reader_seek(reader, (mr_seq){first + 1}, problem);
    while (err == MR_OK) {
        mr_log_event record;
        struct mri_event event;
        err = mr_log_reader_next(reader, &record, problem);
        if (err != MR_OK || record.seq.n > fold->bus.last_seq) {
            break;
        }
        if (record.type != MRI_EVENT_INSTRUMENT) {
            continue;
        }
        err = mri_event_decode(&record, &event);
        if (err == MR_OK) {
            err = mri_market_apply(&fold->wiring.market, &event);
        }
        fold->named_seq = event.seq;
    }
    return err == MR_END ? MR_OK : err;
}

mr_err mri_fold_name_pending(struct mri_fold *fold, mr_problem *reterr_problem)
{
    mr_log_reader *reader;
    bool is_pending = fold->applied_seq < fold->bus.last_seq && fold->damage == MR_OK;
    if (!is_pending || fold->options.is_market_only) {
        return MR_OK;
    }
    mr_err err = mri_reader_open(
        fold->options.os, fold->options.alloc, fold->options.folder, &reader, reterr_problem);
    if (err == MR_OK) {
        err = name_from(fold, reader, reterr_problem);
        mr_log_reader_close(reader);
    }
    return err;
}

mr_err mri_fold_remake(struct mri_fold *fold, mr_problem *reterr_problem)
{
    drop_state(fold);
    return make_state(fold, reterr_problem);
}

mr_err mri_fold_restart(struct mri_fold *fold, mr_problem *reterr_problem)
{
    mr_err err = mri_fold_remake(fold, reterr_problem);
    if (err == MR_OK) {
        err = mr_log_reader_seek(fold->lead, (mr_seq){fold->first_seq}, reterr_problem);
    }
    if (err == MR_OK) {
        err = mr_log_reader_seek(fold->inputs, (mr_seq){fold->first_seq}, reterr_problem);
    }
    return err;
}

/** The newest configuration of all that is there: the engines need not have come to it. */
static mr_err newest_config(const struct mri_fold *fold, struct mri_config *ret_config)
{
    const struct mri_fold_options *options = &fold->options;
    struct mri_buf text;
    mri_buf_init(&text, options->alloc, MRI_CONFIG_TEXT_BYTES_MAX);
    mr_err err = mri_log_config_kept(options, &text, NULL);
    if (err == MR_OK) {
        err = options->parse(
            (struct mri_slice){(const char *)text.bytes, text.count}, options->alloc, ret_config);
    }
    mri_buf_fini(&text);
    return err;
}

bool mri_fold_grow(struct mri_fold *fold)
{
    struct mri_config config;
    if (fold->options.config != NULL || newest_config(fold, &config) != MR_OK) {
        return false;
    }
    struct mri_config *own = &fold->own_config;
    bool is_larger = config.limits_signals_max > own->limits_signals_max ||
                     config.limits_symbols_max > own->limits_symbols_max ||
                     config.limits_sources_max > own->limits_sources_max ||
                     config.limits_names_max > own->limits_names_max;
    mri_config_fini(own);
    *own = config;
    return is_larger;
}

/** A log without an event may be one whose files are gone. */
static void check_begin(struct mri_fold *fold)
{
    const struct mri_fold_options *options = &fold->options;
    struct mri_manifest manifest;
    struct mri_known_end known;
    if (fold->bus.last_seq != 0 || fold->damage != MR_OK) {
        return;
    }
    mr_err err = mri_manifest_read(options->os, options->folder, &manifest, &fold->damage_problem);
    if (err == MR_OK) {
        err = mri_known_end_read(
            options->os, options->alloc, options->folder, manifest.log_uuid, &known);
    }
    if (err == MR_OK) {
        err = mri_known_end_check(
            &known, options->os, options->alloc, options->folder, 0, &fold->damage_problem);
    }
    fold->damage = err;
}

mr_err mri_fold_init(
    struct mri_fold *fold, const struct mri_fold_options *options, mr_problem *reterr_problem)
{
    /* Looked for first: a writer may go on, and write another one, while the log is read. */
    uint64_t snapshot_seq = mri_fold_snapshot_newest(options);
    mr_err err = mri_fold_begin(fold, options, reterr_problem);
    /* A snapshot would hide that a segment it covers is gone: the whole log finds the place. */
    bool is_complete = err == MR_OK && mri_reader_check_count(fold->lead, NULL) == MR_OK;
    if (is_complete && !options->is_from_start) {
        err = mri_fold_snapshot_start(fold, reterr_problem);
    }
    if (err == MR_OK) {
        err = mri_fold_follow(fold, reterr_problem);
    }
    while (err == MR_FULL && mri_fold_grow(fold)) {
        err = mri_fold_restart(fold, reterr_problem);
        if (err == MR_OK) {
            err = mri_fold_follow(fold, reterr_problem);
        }
    }
    if (err != MR_OK) {
        mri_fold_fini(fold);
        return err;
    }
    mri_fold_snapshot_check_end(fold, snapshot_seq);
    check_begin(fold);
    return MR_OK;
}
