/* SPDX-License-Identifier: MIT */
/*
 * Figures of a log that is followed.
 *
 *   fold     takes everything in: states, gates, books, health
 *   reader   goes over the same events in the order of the log: rates, newest events, inputs that
 *            no output names yet
 *
 * Invariants
 *  1. The reader goes as far as the fold, never further: all figures are as of one event.
 *  2. An input is pending while no output was decided on it or on a later one, and no run has
 *     begun or ended behind it: as the fold says of the inputs at its end.
 *  3. A rate is of what was watched here: before that it is not known, which is not zero.
 */
#include "cli/top_figures.h"

#include <string.h>

#include "base/problem.h"
#include "cli/own_record.h"
#include "log/consume/consumer.h"
#include "log/open/figures.h"
#include "pipeline/seat.h"

enum { BODY_BYTES_MAX = 1024 * 1024, FAMILY_NUMBERS = 32, PENDING_FIRST = 1024 };

#define SECOND_NS        ((int64_t)1000000000)
#define SAMPLE_GAP_NS    (SECOND_NS / 2)
#define WINDOW_NS        (10 * SECOND_NS)
#define RATE_LEAST_NS    (SECOND_NS * 9 / 10)
#define CONSUMERS_GAP_NS SECOND_NS

static const char *const family_texts[] = {
#define TEXT(name, text) text,
    MRI_TOP_FAMILY_MAP(TEXT)
#undef TEXT
};

const char *mri_top_figures_family(unsigned family)
{
    return family_texts[family];
}

static int64_t now_ns(const struct mri_top_figures *figures)
{
    const struct mri_os *os = figures->cli->os;
    return os->boottime_ns(os->context);
}

/* ---- events in the order of the log ---------------------------------------------------------- */

static unsigned family_of(uint16_t type)
{
    unsigned family =
        type < MR_LOG_TYPE_FREE ? MRI_TOP_LOG : (type - MR_LOG_TYPE_FREE) / FAMILY_NUMBERS;
    return family < MRI_TOP_FAMILIES ? family : MRI_TOP_LOG;
}

static mr_err push_pending(struct mri_top_figures *figures, const struct mri_event *event)
{
    struct mri_top_pending *pending = &figures->pending;
    if (pending->first > 0 && pending->first + pending->count == pending->capacity) {
        memmove(
            pending->seqs, pending->seqs + pending->first, pending->count * sizeof(*pending->seqs));
        pending->first = 0;
    }
    if (pending->count == pending->capacity) {
        size_t capacity = pending->capacity == 0 ? PENDING_FIRST : 2 * pending->capacity;
        void *block = pending->seqs;
        mr_err err = mri_alloc_resize(figures->cli->alloc, &block,
            pending->capacity * sizeof(*pending->seqs), capacity * sizeof(*pending->seqs));
        if (err != MR_OK) {
            return err;
        }
        pending->seqs = block;
        pending->capacity = capacity;
    }
    bool is_fact = mri_health_is_fact(event);
    pending->seqs[pending->first + pending->count++] = 2 * event->seq + is_fact;
    pending->facts += is_fact;
    return MR_OK;
}

/** Every input up to `seq` is decided, be it with nothing. */
static void settle(struct mri_top_pending *pending, uint64_t seq)
{
    while (pending->count > 0 && pending->seqs[pending->first] / 2 <= seq) {
        pending->facts -= pending->seqs[pending->first] % 2;
        pending->first++;
        pending->count--;
    }
}

static mr_err note_pending(struct mri_top_figures *figures, const struct mri_event *event)
{
    uint64_t cause = mri_event_cause(event);
    if (event->type == MRI_EVENT_SESSION) {
        settle(&figures->pending, event->seq);
        return MR_OK;
    }
    if (cause != 0 && !mri_wiring_is_input(event)) {
        settle(&figures->pending, cause);
        return MR_OK;
    }
    bool is_decided = event->seq <= figures->opened->fold.applied_seq;
    bool is_waiting = mri_wiring_is_input(event) && mri_health_is_decided_on(event) && !is_decided;
    return is_waiting ? push_pending(figures, event) : MR_OK;
}

static mr_err keep(struct mri_top_figures *figures, const mr_log_event *record)
{
    struct mri_top_event *kept = &figures->newest[figures->newest_count % MRI_TOP_NEWEST_MAX];
    mri_buf_clear(&kept->body);
    mri_buf_put(&kept->body, record->body, record->body_bytes);
    kept->record = *record;
    kept->record.body = kept->body.bytes;
    kept->record.message_id = NULL;
    figures->newest_count++;
    return kept->body.err;
}

static mr_err take(struct mri_top_figures *figures, const mr_log_event *record)
{
    struct mri_event event;
    struct mri_top_counts *counts = &figures->counts;
    uint64_t last_seq = figures->opened->fold.bus.last_seq;
    counts->events++;
    counts->family[family_of(record->type)]++;
    mr_err err = MR_OK;
    if (record->type >= MR_LOG_TYPE_FREE) {
        err = mri_event_decode(record, &event);
        if (err == MR_OK && event.type == MRI_EVENT_SIGNAL_GENERATED) {
            counts->entered[MR_GENERATED]++;
        } else if (err == MR_OK && event.type == MRI_EVENT_SIGNAL_MOVED) {
            counts->entered[((const struct mri_signal_moved *)event.body)->to]++;
        }
        err = err == MR_OK ? note_pending(figures, &event) : err;
    }
    if (err == MR_OK && record->seq.n + MRI_TOP_NEWEST_MAX > last_seq) {
        err = keep(figures, record);
    }
    return err;
}

/** Read on, as far as the fold has come. */
static mr_err read_on(struct mri_top_figures *figures, mr_problem *problem)
{
    while (figures->read_seq < figures->opened->fold.bus.last_seq) {
        mr_log_event record;
        mr_err err = mr_log_reader_next(figures->reader, &record, problem);
        if (err == MR_END) {
            return MR_OK;
        }
        if (err == MR_OK) {
            err = take(figures, &record);
            if (err != MR_OK) {
                return mri_problem(problem, err, "event %llu: %s", (unsigned long long)record.seq.n,
                    mr_err_text(err));
            }
        }
        if (err != MR_OK) {
            return err;
        }
        figures->read_seq = record.seq.n;
    }
    return MR_OK;
}

/* ---- rates ----------------------------------------------------------------------------------- */

static void rate_of(
    const uint64_t *now, const uint64_t *then, size_t count, double seconds, double *rates)
{
    for (size_t i = 0; i < count; i++) {
        rates[i] = (double)(now[i] - then[i]) / seconds;
    }
}

static void put_rates(struct mri_top_figures *figures, int64_t now)
{
    const struct mri_top_sample *oldest = &figures->samples[0];
    const struct mri_top_counts *counts = &figures->counts;
    struct mri_top_rates *rates = &figures->rates;
    int64_t watched_ns = figures->sample_count == 0 ? 0 : now - oldest->boottime_ns;
    rates->is_known = watched_ns >= RATE_LEAST_NS;
    if (!rates->is_known) {
        return;
    }
    double seconds = (double)watched_ns / 1e9;
    rate_of(&counts->events, &oldest->counts.events, 1, seconds, &rates->events);
    rate_of(counts->family, oldest->counts.family, MRI_TOP_FAMILIES, seconds, rates->family);
    rate_of(counts->entered, oldest->counts.entered, MR_STATE_COUNT, seconds, rates->entered);
    rate_of(counts->blocked, oldest->counts.blocked, MRI_REPORT_GATES, seconds, rates->blocked);
}

static void put_sample(struct mri_top_figures *figures, int64_t now)
{
    struct mri_top_sample *samples = figures->samples;
    uint32_t count = figures->sample_count;
    bool is_due = count == 0 || now - samples[count - 1].boottime_ns >= SAMPLE_GAP_NS;
    if (!is_due) {
        return;
    }
    uint32_t old = 0; /* one from before the window's begin stays, so that it is covered */
    while (old + 1 < count && now - samples[old + 1].boottime_ns >= WINDOW_NS) {
        old++;
    }
    old = old == 0 && count == MRI_TOP_SAMPLES_MAX ? 1 : old;
    memmove(samples, samples + old, (count - old) * sizeof(*samples));
    count -= old;
    samples[count] = (struct mri_top_sample){.boottime_ns = now, .counts = figures->counts};
    figures->sample_count = count + 1;
}

/* ---- consumers, signals that wait ------------------------------------------------------------ */

/** Where the names of consumers go. */
struct walk {
    struct mri_top_figures *figures;
    struct mri_consumer_at at;
};

static mr_err take_consumer(void *argument, const char *name)
{
    struct walk *walk = argument;
    struct mri_top_figures *figures = walk->figures;
    mr_problem problem = {""};
    figures->consumers_all++;
    if (figures->consumer_count == MRI_TOP_CONSUMERS_MAX) {
        return MR_OK;
    }
    walk->at.name = name;
    mr_err err =
        mri_consumer_stat(&walk->at, &figures->consumers[figures->consumer_count], &problem);
    if (err == MR_OK) {
        figures->consumer_count++;
    } else if (err != MR_NOT_FOUND) { /* else it was removed meanwhile */
        figures->consumer_problem = problem;
    }
    return MR_OK;
}

static void look_at_consumers(struct mri_top_figures *figures)
{
    int64_t began = now_ns(figures);
    struct walk walk = {.figures = figures,
        .at = {.os = figures->cli->os,
            .alloc = figures->cli->alloc,
            .folder = mri_cli_folder(figures->cli)}};
    if (began < figures->consumers_due_ns) {
        return;
    }
    mr_problem problem = {""};
    figures->consumer_count = 0;
    figures->consumers_all = 0;
    figures->consumer_problem = (mr_problem){""};
    if (mri_consumer_list(&walk.at, take_consumer, &walk, &problem) != MR_OK) {
        figures->consumer_problem = problem;
    }
    int64_t took = now_ns(figures) - began;
    figures->consumers_due_ns =
        began + (took * 10 > CONSUMERS_GAP_NS ? took * 10 : CONSUMERS_GAP_NS);
}

/** Insert a signal into those that wait longest, by when it was emitted. */
static void consider(struct mri_top_figures *figures, uint32_t ordinal)
{
    const struct mri_slots *slots = &figures->opened->fold.bus.slots;
    int64_t time = mri_slots_get(slots, ordinal)->event_time_unix_ns;
    uint32_t at = figures->waiting_count;
    while (at > 0 && mri_slots_get(slots, figures->waiting[at - 1])->event_time_unix_ns > time) {
        at--;
    }
    if (at == MRI_TOP_WAITING_MAX) {
        return;
    }
    uint32_t moved = figures->waiting_count - at;
    if (figures->waiting_count == MRI_TOP_WAITING_MAX) {
        moved--;
    } else {
        figures->waiting_count++;
    }
    memmove(&figures->waiting[at + 1], &figures->waiting[at], moved * sizeof(uint32_t));
    figures->waiting[at] = ordinal;
}

/** The signals that came into a state first are the first of its list. */
static void find_waiting(struct mri_top_figures *figures)
{
    static const mr_state states[] = {MR_GENERATED, MR_EVALUATING, MR_APPROVED, MR_EXECUTING};
    const struct mri_slots *slots = &figures->opened->fold.bus.slots;
    figures->waiting_count = 0;
    figures->waiting_all = 0;
    for (size_t i = 0; i < MRI_COUNT_OF(states); i++) {
        const struct mri_state_list *list = &slots->states[states[i]];
        uint32_t at = list->first;
        figures->waiting_all += list->count;
        for (uint32_t k = 0; k < MRI_TOP_WAITING_MAX && at != 0; k++) {
            consider(figures, at);
            at = mri_slots_get(slots, at)->state_next;
        }
    }
}

/* ---- the whole ------------------------------------------------------------------------------- */

mr_err mri_top_figures_refresh(struct mri_top_figures *figures, mr_problem *reterr_problem)
{
    struct mri_fold *fold = &figures->opened->fold;
    const struct mri_os *os = figures->cli->os;
    const char *folder = mri_cli_folder(figures->cli);
    mr_err err = fold->damage == MR_OK ? mri_fold_follow(fold, reterr_problem) : MR_OK;
    if (err == MR_OK) {
        err = read_on(figures, reterr_problem);
    }
    if (err == MR_OK) {
        err = mri_seat_holder(os, folder, MRI_SEAT_RUN, &fold->runner_id);
    }
    if (err == MR_OK) {
        err = mri_seat_holder(os, folder, MRI_SEAT_EXECUTOR, &fold->executor_id);
    }
    if (err == MR_OK) {
        err = mri_figures_memory(os, folder, &figures->memory, reterr_problem);
    }
    if (err != MR_OK) {
        return reterr_problem->text[0] != '\0'
                   ? err
                   : mri_problem(reterr_problem, err, "%s: %s", folder, mr_err_text(err));
    }
    int64_t now = now_ns(figures);
    memcpy(figures->counts.blocked, fold->wiring.report.blocked_by_gate,
        sizeof(figures->counts.blocked));
    put_rates(figures, now);
    put_sample(figures, now);
    look_at_consumers(figures);
    find_waiting(figures);
    const struct mri_health_pending pending = {
        .inputs = figures->pending.count, .facts = figures->pending.facts};
    mri_health_look(fold, &pending, &figures->health);
    figures->wall_unix_ns = os->realtime_unix_ns(os->context);
    return MR_OK;
}

/** Begin where both the newest events and the inputs that are not decided are still ahead. */
static mr_err start_reader(struct mri_top_figures *figures, mr_problem *problem)
{
    const struct mri_fold *fold = &figures->opened->fold;
    const struct mri_cli *cli = figures->cli;
    uint64_t last = fold->bus.last_seq;
    uint64_t from = last < MRI_TOP_NEWEST_MAX ? 1 : last - MRI_TOP_NEWEST_MAX + 1;
    uint64_t undecided = fold->applied_seq + 1;
    from = undecided < from ? undecided : from;
    from = from < fold->first_seq ? fold->first_seq : from;
    mr_err err =
        mri_reader_open(cli->os, cli->alloc, mri_cli_folder(cli), &figures->reader, problem);
    if (err == MR_OK && last > 0) {
        err = mr_log_reader_seek(figures->reader, (mr_seq){from}, problem);
    }
    figures->read_seq = from - 1;
    return err;
}

enum mri_exit mri_top_figures_open(
    const struct mri_cli *cli, struct mri_top_figures *figures, mr_problem *reterr_problem)
{
    *figures = (struct mri_top_figures){.cli = cli};
    for (size_t i = 0; i < MRI_TOP_NEWEST_MAX; i++) {
        mri_buf_init(&figures->newest[i].body, cli->alloc, BODY_BYTES_MAX);
    }
    enum mri_exit exit = mri_opened_open(cli, &figures->opened);
    if (exit != MRI_EXIT_OK) {
        return exit;
    }
    mr_err err = start_reader(figures, reterr_problem);
    if (err == MR_OK) {
        err = mri_top_figures_refresh(figures, reterr_problem);
    }
    if (err == MR_OK) {
        return MRI_EXIT_OK;
    }
    exit = mri_cli_fail(cli, mri_cli_exit_of(err), "%s",
        reterr_problem->text[0] != '\0' ? reterr_problem->text : mr_err_text(err));
    return mri_top_figures_close(figures, exit);
}

const struct mri_top_event *mri_top_figures_event(
    const struct mri_top_figures *figures, uint32_t back)
{
    uint64_t count = figures->newest_count;
    return back < count && back < MRI_TOP_NEWEST_MAX
               ? &figures->newest[(count - 1 - back) % MRI_TOP_NEWEST_MAX]
               : NULL;
}

struct mri_event mri_top_figures_decode(const struct mri_top_event *kept)
{
    struct mri_event event = mri_own_record_event(&kept->record);
    if (kept->record.type >= MR_LOG_TYPE_FREE && mri_event_decode(&kept->record, &event) != MR_OK) {
        event =
            (struct mri_event){.seq = kept->record.seq.n}; /* cannot be: it was decoded before */
    }
    event.wall_unix_ns = kept->record.time_unix_ns;
    return event;
}

enum mri_exit mri_top_figures_close(struct mri_top_figures *figures, enum mri_exit exit)
{
    const struct mri_alloc *alloc = figures->cli->alloc;
    mr_log_reader_close(figures->reader);
    for (size_t i = 0; i < MRI_TOP_NEWEST_MAX; i++) {
        mri_buf_fini(&figures->newest[i].body);
    }
    mri_alloc_free(
        alloc, figures->pending.seqs, figures->pending.capacity * sizeof(*figures->pending.seqs));
    return figures->opened == NULL ? exit : mri_opened_close(figures->cli, figures->opened, exit);
}
