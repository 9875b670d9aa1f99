/* SPDX-License-Identifier: MIT */
/*
 * The picture of `millrace top`.
 *
 *   +------------------------------------------+
 *   | whole: health, who runs it, log, market  |
 *   | states           | kinds of events       |   side by side from 72 columns on,
 *   | blocked by gate  | consumers             |   else one below the other
 *   | signals that wait longest                |
 *   | newest events                            |
 *   | keys                                     |
 *   +------------------------------------------+
 *
 * Invariants
 *  1. No row takes more columns than there are, and there are never more rows than asked
 *     for: what does not fit is left out from the bottom, but for the line of keys.
 *  2. Texts of others are escaped before they are cut.
 */
#include "cli/top_frame.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/utc.h"
#include "cli/describe.h"
#include "cli/text_columns.h"

enum {
    SIDE_BY_SIDE_COLUMNS = 72,
    COLUMNS_MIN = 40,
    ROWS_MIN = 8,
    PANE_BYTES_MAX = 1024 * 1024,
    LINE_BYTES_MAX = 4 * 1024 * 1024,
    STACKED_ROWS = 20,
    PLAIN_EVENTS = 10,
    CLOCK_COLUMNS = 20,
    GAP = 2,
};

enum style { STYLE_PLAIN, STYLE_TITLE, STYLE_GOOD, STYLE_WARNING, STYLE_BAD, STYLE_KEYS };

static const char *const style_texts[] = {
    [STYLE_PLAIN] = "",
    [STYLE_TITLE] = "\x1b[1m",
    [STYLE_GOOD] = "\x1b[1;32m",
    [STYLE_WARNING] = "\x1b[1;33m",
    [STYLE_BAD] = "\x1b[1;31m",
    [STYLE_KEYS] = "\x1b[7m",
};

struct drawing {
    const struct mri_top_figures *figures;
    const struct mri_top_view *view;
    struct mri_buf *text;
    unsigned rows_left;
};

static const char *word(enum mri_vocabulary_id id, unsigned value)
{
    const char *text = mri_word_text(id, value);
    return text == NULL ? "?" : text;
}

static unsigned long long u(uint64_t value)
{
    return (unsigned long long)value;
}

/* ---- rows ------------------------------------------------------------------------------------ */

static void put_cut(struct mri_buf *text, struct mri_slice line, unsigned columns, bool is_padded)
{
    size_t count;
    size_t bytes = mri_text_columns_fit(line, columns, &count);
    mri_buf_put(text, line.bytes, bytes);
    if (is_padded) {
        mri_buf_printf(text, "%*s", (int)(columns - count), "");
    }
}

static struct mri_slice slice_of(const struct mri_buf *buf)
{
    return (struct mri_slice){(const char *)buf->bytes, buf->count};
}

static void begin_row(struct drawing *drawing, enum style style)
{
    if (drawing->view->has_colours) {
        mri_buf_text(drawing->text, style_texts[style]);
    }
}

static void end_row(struct drawing *drawing, enum style style)
{
    bool is_styled = drawing->view->has_colours && style != STYLE_PLAIN;
    mri_buf_text(drawing->text, is_styled ? "\x1b[0m\n" : "\n");
    drawing->rows_left--;
}

static void put_row(struct drawing *drawing, enum style style, struct mri_slice line)
{
    if (drawing->rows_left > 0) {
        begin_row(drawing, style);
        put_cut(drawing->text, line, drawing->view->columns, style == STYLE_KEYS);
        end_row(drawing, style);
    }
}

/** Take the first line off a text. */
static struct mri_slice take_line(struct mri_slice *rest)
{
    const char *end = rest->count == 0 ? NULL : memchr(rest->bytes, '\n', rest->count);
    size_t count = end == NULL ? rest->count : (size_t)(end - rest->bytes);
    struct mri_slice line = {rest->bytes, count};
    size_t passed = end == NULL ? count : count + 1;
    *rest =
        (struct mri_slice){rest->bytes == NULL ? NULL : rest->bytes + passed, rest->count - passed};
    return line;
}

/** A pane that takes the whole width; its first line is a title. */
static void put_pane(struct drawing *drawing, const struct mri_buf *pane)
{
    struct mri_slice rest = slice_of(pane);
    for (bool is_first = true; rest.count > 0; is_first = false) {
        put_row(drawing, is_first ? STYLE_TITLE : STYLE_PLAIN, take_line(&rest));
    }
}

static void put_side_by_side(
    struct drawing *drawing, const struct mri_buf *left, const struct mri_buf *right)
{
    struct mri_slice rests[2] = {slice_of(left), slice_of(right)};
    unsigned columns = (drawing->view->columns - GAP) / 2;
    for (bool is_first = true; rests[0].count + rests[1].count > 0 && drawing->rows_left > 0;
         is_first = false) {
        enum style style = is_first ? STYLE_TITLE : STYLE_PLAIN;
        begin_row(drawing, style);
        put_cut(drawing->text, take_line(&rests[0]), columns, true);
        mri_buf_printf(drawing->text, "%*s", GAP, "");
        put_cut(drawing->text, take_line(&rests[1]), columns, false);
        end_row(drawing, style);
    }
}

static bool is_wide(const struct drawing *drawing)
{
    return drawing->view->columns >= SIDE_BY_SIDE_COLUMNS;
}

static void put_two(
    struct drawing *drawing, const struct mri_buf *left, const struct mri_buf *right)
{
    if (is_wide(drawing)) {
        put_side_by_side(drawing, left, right);
    } else {
        put_pane(drawing, left);
        if (drawing->rows_left >= STACKED_ROWS) { /* else the newest events are worth more */
            put_pane(drawing, right);
        }
    }
    if (left->err != MR_OK || right->err != MR_OK) {
        drawing->text->err = left->err != MR_OK ? left->err : right->err;
    }
}

/* ---- the head -------------------------------------------------------------------------------- */

static enum style style_of(enum mri_health_state state)
{
    return state == MRI_HEALTH_OK         ? STYLE_GOOD
           : state == MRI_HEALTH_DEGRADED ? STYLE_WARNING
           : state == MRI_HEALTH_DOWN     ? STYLE_BAD
                                          : STYLE_TITLE;
}

static void put_first_row(struct drawing *drawing, struct mri_buf *line)
{
    const struct mri_top_figures *figures = drawing->figures;
    const struct mri_health *health = &figures->health;
    unsigned columns = drawing->view->columns;
    enum style style = style_of(health->state);
    char clock[MRI_UTC_BYTES];
    unsigned clock_columns = CLOCK_COLUMNS + (drawing->view->is_paused ? 9 : 1);
    mri_buf_printf(line, "%s%s%s  ", mri_health_text(health->state),
        health->why == NULL ? "" : ": ", health->why == NULL ? "" : health->why);
    mri_text_escape(line, mri_slice_of(mri_cli_folder(figures->cli)));
    (void)mri_utc_format(figures->wall_unix_ns, clock);
    begin_row(drawing, style);
    put_cut(drawing->text, slice_of(line), columns - clock_columns, true);
    mri_buf_printf(drawing->text, "%s %.19sZ", drawing->view->is_paused ? "  PAUSED" : "", clock);
    end_row(drawing, style);
    mri_buf_clear(line);
}

/** Take back what was put behind `before`, if the row has become too long by it. */
static void keep_if_it_fits(const struct drawing *drawing, struct mri_buf *line, size_t before)
{
    if (mri_text_columns(slice_of(line)) > drawing->view->columns) {
        line->count = before;
    }
}

/** What matters most comes first; what has no room is left out, and never cut. */
static void put_runner_row(struct drawing *drawing, struct mri_buf *line)
{
    const struct mri_top_figures *figures = drawing->figures;
    const struct mri_fold *fold = &figures->opened->fold;
    unsigned positions = fold->wiring.execute.open_count;
    unsigned processes = figures->memory.processes;
    if (fold->runner_id != 0) {
        mri_buf_printf(line, "runner  process %u", fold->runner_id);
    } else {
        mri_buf_text(line, "runner  nobody runs it");
    }
    mri_buf_printf(line, "; mode %s", word(MRI_VOCABULARY_mode, fold->wiring.execute.mode.mode));
    size_t before = line->count;
    mri_buf_printf(line, ", %llu inputs undecided", u(figures->health.pending.inputs));
    keep_if_it_fits(drawing, line, before);
    before = line->count;
    mri_buf_printf(line, ", %u position%s", positions, positions == 1 ? "" : "s");
    keep_if_it_fits(drawing, line, before);
    before = line->count;
    mri_buf_printf(line, ", %u process%s", processes, processes == 1 ? "" : "es");
    keep_if_it_fits(drawing, line, before);
    put_row(drawing, STYLE_PLAIN, slice_of(line));
    mri_buf_clear(line);
}

static void put_rate(struct mri_buf *text, const struct mri_top_rates *rates, double rate)
{
    if (!rates->is_known) {
        mri_buf_printf(text, "%9s", "-");
    } else {
        mri_buf_printf(text, rate < 1000.0 ? "%9.1f" : "%9.0f", rate);
    }
}

static void put_log_row(struct drawing *drawing, struct mri_buf *line)
{
    const struct mri_top_figures *figures = drawing->figures;
    const mr_log_memory *memory = &figures->memory;
    uint64_t last = figures->opened->fold.bus.last_seq;
    uint64_t durable = memory->durable.n;
    mri_buf_printf(line, "log     event %llu, ", u(last));
    if (memory->is_poisoned) {
        mri_buf_text(line, "POISONED: all must close it; ");
    }
    if (memory->is_there) {
        mri_buf_printf(line, "%llu not durable yet", u(last > durable ? last - durable : 0));
    } else {
        mri_buf_text(line, "all in the files");
    }
    size_t before = line->count;
    mri_buf_text(line, ";");
    put_rate(line, &figures->rates, figures->rates.events);
    mri_buf_text(line, " events/s");
    keep_if_it_fits(drawing, line, before);
    put_row(drawing, memory->is_poisoned ? STYLE_BAD : STYLE_PLAIN, slice_of(line));
    mri_buf_clear(line);
}

static void put_market_row(struct drawing *drawing, struct mri_buf *line)
{
    const struct mri_fold *fold = &drawing->figures->opened->fold;
    const struct mri_report *report = &fold->wiring.report;
    char time[MRI_UTC_BYTES];
    if (fold->bus.event_time_unix_ns == 0) {
        mri_buf_text(line, "market  no time yet");
    } else {
        mri_buf_printf(line, "market  %.19sZ%s", mri_utc_format(fold->bus.event_time_unix_ns, time),
            fold->wiring.is_simulated_market ? " (SIMULATED)" : "");
    }
    size_t before = line->count;
    mri_buf_printf(line, "; %llu alerts", u(report->alerts));
    keep_if_it_fits(drawing, line, before);
    before = line->count;
    mri_buf_printf(line, ", %u signals", fold->bus.slots.count);
    keep_if_it_fits(drawing, line, before);
    before = line->count;
    mri_buf_printf(line, ", %llu bars", u(report->candles));
    keep_if_it_fits(drawing, line, before);
    put_row(drawing, STYLE_PLAIN, slice_of(line));
    mri_buf_clear(line);
}

/* ---- panes ----------------------------------------------------------------------------------- */

static void fill_states(const struct mri_top_figures *figures, struct mri_buf *pane)
{
    const struct mri_slots *slots = &figures->opened->fold.bus.slots;
    mri_buf_printf(pane, "%-12s%10s%11s\n", "state", "now", "entered/s");
    for (unsigned state = 0; state < MR_STATE_COUNT; state++) {
        mri_buf_printf(
            pane, "%-12s%10u  ", word(MRI_VOCABULARY_state, state), slots->states[state].count);
        put_rate(pane, &figures->rates, figures->rates.entered[state]);
        mri_buf_text(pane, "\n");
    }
}

static void fill_families(const struct mri_top_figures *figures, struct mri_buf *pane)
{
    mri_buf_printf(pane, "%-12s%11s\n", "events", "a second");
    for (unsigned family = 0; family < MRI_TOP_FAMILIES; family++) {
        mri_buf_printf(pane, "%-12s  ", mri_top_figures_family(family));
        put_rate(pane, &figures->rates, figures->rates.family[family]);
        mri_buf_text(pane, "\n");
    }
}

/** Something that is listed by its size or by its name. */
struct entry {
    const char *name;
    uint64_t size;
    unsigned index;
};

static int by_size(const void *a, const void *b)
{
    const struct entry *x = a;
    const struct entry *y = b;
    int names = strcmp(x->name, y->name);
    return x->size != y->size ? (x->size > y->size ? -1 : 1) : names;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct entry *)a)->name, ((const struct entry *)b)->name);
}

/** How many of them are shown in so many rows: all, or all but one row that says how many more. */
static size_t shown_of(size_t count, unsigned rows, size_t *ret_more)
{
    size_t shown = count <= rows ? count : rows > 0 ? rows - 1 : 0;
    *ret_more = rows > 0 ? count - shown : 0;
    return shown;
}

static void fill_gates(const struct drawing *drawing, unsigned rows, struct mri_buf *pane)
{
    const struct mri_top_figures *figures = drawing->figures;
    struct entry entries[MRI_REPORT_GATES];
    size_t count = 0;
    size_t more;
    for (unsigned gate = 1; gate < MRI_REPORT_GATES; gate++) {
        if (figures->counts.blocked[gate] > 0) {
            entries[count++] = (struct entry){
                word(MRI_VOCABULARY_gate, gate), figures->counts.blocked[gate], gate};
        }
    }
    qsort(entries, count, sizeof(*entries), drawing->view->is_by_name ? by_name : by_size);
    mri_buf_printf(pane, "%-15s%9s%10s\n", "blocked by", "signals", "a second");
    size_t shown = shown_of(count, rows, &more);
    for (size_t i = 0; i < shown; i++) {
        mri_buf_printf(pane, "%-15s%9llu ", entries[i].name, u(entries[i].size));
        put_rate(pane, &figures->rates, figures->rates.blocked[entries[i].index]);
        mri_buf_text(pane, "\n");
    }
    if (count == 0) {
        mri_buf_text(pane, "no gate\n");
    } else if (more > 0) {
        mri_buf_printf(pane, "and %zu more\n", more);
    }
}

static void fill_consumers(const struct drawing *drawing, unsigned rows, struct mri_buf *pane)
{
    const struct mri_top_figures *figures = drawing->figures;
    struct entry entries[MRI_TOP_CONSUMERS_MAX];
    size_t more;
    size_t count = figures->consumer_count;
    for (unsigned i = 0; i < count; i++) {
        const mr_consumer_stats *stats = &figures->consumers[i];
        entries[i] = (struct entry){stats->name, stats->lag_events, i};
    }
    qsort(entries, count, sizeof(*entries), drawing->view->is_by_name ? by_name : by_size);
    mri_buf_printf(pane, "%-16s%10s%10s\n", "consumer", "behind", "seconds");
    size_t shown = shown_of(figures->consumers_all, rows, &more);
    shown = shown < count ? shown : count;
    for (size_t i = 0; i < shown; i++) {
        const mr_consumer_stats *stats = &figures->consumers[entries[i].index];
        mri_buf_printf(pane, "%-16.16s%10llu%10.1f", stats->name, u(stats->lag_events),
            (double)stats->lag_ns / 1e9);
        if (stats->dead_letters > 0) {
            mri_buf_printf(pane, " %llu dead", u(stats->dead_letters));
        }
        mri_buf_text(pane, "\n");
    }
    if (figures->consumer_problem.text[0] != '\0') {
        mri_buf_text(pane, figures->consumer_problem.text);
        mri_buf_text(pane, "\n");
    } else if (figures->consumers_all == 0) {
        mri_buf_text(pane, "none\n");
    } else if (more > 0) {
        mri_buf_printf(pane, "and %zu more\n", more);
    }
}

static void fill_waiting(const struct drawing *drawing, unsigned rows, struct mri_buf *pane)
{
    const struct mri_top_figures *figures = drawing->figures;
    const struct mri_fold *fold = &figures->opened->fold;
    const struct mri_names names = mri_names_of(fold);
    mri_buf_printf(pane, "waiting longest, of %u that are not decided or not executed yet\n",
        figures->waiting_all);
    for (uint32_t i = 0; i < figures->waiting_count && i < rows; i++) {
        const struct mri_slot *slot = mri_slots_get(&fold->bus.slots, figures->waiting[i]);
        char id[MRI_IDENT_BYTES];
        char age[MRI_UTC_BYTES];
        mri_buf_printf(pane, "%-10s %9s  ", word(MRI_VOCABULARY_state, slot->state),
            mri_utc_duration(fold->bus.event_time_unix_ns - slot->event_time_unix_ns, age));
        mri_text_escape(pane, mri_slice_of(mri_names_signal(&names, figures->waiting[i], id)));
        mri_buf_text(pane, "  ");
        mri_text_word(pane, mri_intern_text(&fold->bus.sources, slot->source));
        mri_buf_text(pane, "\n");
    }
}

static void fill_newest(const struct drawing *drawing, unsigned rows, struct mri_buf *pane)
{
    const struct mri_names names = mri_names_of(&drawing->figures->opened->fold);
    mri_buf_text(pane, "newest events\n");
    for (unsigned i = 0; i < rows; i++) {
        const struct mri_top_event *kept = mri_top_figures_event(drawing->figures, i);
        if (kept == NULL) {
            return;
        }
        const struct mri_event event = mri_top_figures_decode(kept);
        mri_describe_line(&names, &event, pane);
        mri_buf_text(pane, "\n");
    }
}

/* ---- the whole ------------------------------------------------------------------------------- */

/** How the rows below head and states are shared out, titles included. */
struct shares {
    unsigned gates;
    unsigned waiting;
    unsigned newest;
};

static unsigned smaller(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

static unsigned gates_needed(const struct drawing *drawing)
{
    unsigned gates = 0;
    for (unsigned gate = 1; gate < MRI_REPORT_GATES; gate++) {
        gates += drawing->figures->counts.blocked[gate] > 0;
    }
    unsigned needed = is_wide(drawing) && drawing->figures->consumers_all > gates
                          ? drawing->figures->consumers_all
                          : gates;
    return 1 + (needed == 0 ? 1 : needed);
}

static struct shares share_out(const struct drawing *drawing, unsigned rows)
{
    struct shares shares;
    unsigned waiting = drawing->figures->waiting_count;
    if (drawing->view->rows == 0) {
        return (struct shares){gates_needed(drawing), 1 + waiting, 1 + PLAIN_EVENTS};
    }
    shares.gates = smaller(gates_needed(drawing), rows * 4 / 10);
    rows -= shares.gates;
    shares.waiting = waiting == 0 ? 0 : smaller(1 + waiting, rows * 4 / 10);
    shares.waiting = shares.waiting == 1 ? 0 : shares.waiting; /* a title alone says little */
    shares.newest = rows - shares.waiting;
    return shares;
}

static void draw_lower(struct drawing *drawing, struct mri_buf *left, struct mri_buf *right)
{
    struct shares shares = share_out(drawing, drawing->rows_left);
    if (shares.gates > 1) {
        fill_gates(drawing, shares.gates - 1, left);
        fill_consumers(drawing, shares.gates - 1, right);
        put_two(drawing, left, right);
        mri_buf_clear(left);
    }
    if (shares.waiting > 1) {
        fill_waiting(drawing, shares.waiting - 1, left);
        put_pane(drawing, left);
        mri_buf_clear(left);
    }
    unsigned newest = drawing->view->rows == 0 ? shares.newest : drawing->rows_left;
    if (newest > 1) {
        fill_newest(drawing, newest - 1, left);
        put_pane(drawing, left);
    }
    drawing->text->err = left->err != MR_OK ? left->err : drawing->text->err;
}

static void draw_keys(struct drawing *drawing)
{
    const char *keys = drawing->view->is_by_name
                           ? "q quit  p pause  s sort gates and consumers: by name"
                           : "q quit  p pause  s sort gates and consumers: largest first";
    while (drawing->rows_left > 1) { /* down to the last row */
        put_row(drawing, STYLE_PLAIN, mri_slice_of(""));
    }
    put_row(drawing, STYLE_KEYS, mri_slice_of(keys));
}

static void draw_too_small(struct drawing *drawing)
{
    char text[80];
    (void)snprintf(text, sizeof(text), "%u x %u is too small: %d x %d at least; q quits",
        drawing->view->columns, drawing->view->rows, COLUMNS_MIN, ROWS_MIN);
    put_row(drawing, STYLE_PLAIN, mri_slice_of(text));
}

void mri_top_frame_draw(
    const struct mri_top_figures *figures, const struct mri_top_view *view, struct mri_buf *text)
{
    bool has_keys = view->rows > 0;
    struct mri_buf left;
    struct mri_buf right;
    struct drawing drawing = {.figures = figures,
        .view = view,
        .text = text,
        .rows_left = has_keys ? view->rows : UINT32_MAX};
    if (view->columns < COLUMNS_MIN || (has_keys && view->rows < ROWS_MIN)) {
        draw_too_small(&drawing);
        return;
    }
    mri_buf_init(&left, figures->cli->alloc, LINE_BYTES_MAX);
    mri_buf_init(&right, figures->cli->alloc, PANE_BYTES_MAX);
    drawing.rows_left -= has_keys;
    put_first_row(&drawing, &left);
    put_runner_row(&drawing, &left);
    put_log_row(&drawing, &left);
    put_market_row(&drawing, &left);
    fill_states(figures, &left);
    fill_families(figures, &right);
    put_two(&drawing, &left, &right);
    mri_buf_clear(&left);
    mri_buf_clear(&right);
    draw_lower(&drawing, &left, &right);
    mri_buf_fini(&right);
    mri_buf_fini(&left);
    if (has_keys) {
        drawing.rows_left++;
        draw_keys(&drawing);
    }
}
