/* SPDX-License-Identifier: MIT */
/*
 * millrace query: signals that match a condition, or flags.
 */
#include "base/check.h"
#include "base/ident.h"
#include "base/problem.h"
#include "base/utc.h"
#include "bus/page_token.h"
#include "bus/query.h"
#include "cli/cli.h"
#include "cli/describe.h"
#include "cli/fault_mark.h"
#include "cli/opened.h"
#include "cli/table.h"
#include "pipeline/as_of.h"

enum {
    PIECE_ROWS = 1000,
    PIECE_BYTES_MAX = 16 * 1024 * 1024,
    LIMIT_MAX = 1000000,
    LIMIT_DEFAULT = 20
};

/** The question, and what it is about: the log as of now, or of a moment of its past. */
struct asking {
    const struct mri_cli *cli;
    const struct mri_opened *opened;
    struct mri_as_of as_of;
    bool is_past; /**< answered by as_of.moment */
    int64_t now_unix_ns;
    uint32_t signal_count; /**< that there are, or were */
    struct mri_query query;
};

static const char *word(enum mri_vocabulary_id id, unsigned value)
{
    const char *text = mri_word_text(id, value);
    return text == NULL ? "?" : text;
}

/** A time given with an option: absolute, or an age (2h) before the newest event. */
static enum mri_exit read_time(const struct asking *asking, const char *name, int64_t *time)
{
    const char *text = mri_options_get(asking->cli->options, name);
    int64_t age;
    if (text == NULL) {
        return MRI_EXIT_OK;
    }
    if (mri_utc_parse_duration(mri_slice_of(text), &age) == MR_OK) {
        *time = asking->now_unix_ns - age;
        return MRI_EXIT_OK;
    }
    if (mri_utc_parse(mri_slice_of(text), time) == MR_OK) {
        return MRI_EXIT_OK;
    }
    return mri_cli_fail(asking->cli, MRI_EXIT_USAGE,
        "--%s: expected a time of 1970 to 2200 (2025-05-04T15:34Z) or an age before the newest "
        "event (90s, 2h, "
        "7d), "
        "found \"%s\"",
        name, text);
}

/* ---- the condition --------------------------------------------------------------------------- */

static enum mri_exit read_condition(struct asking *asking, struct mri_filter *filter)
{
    const struct mri_cli *cli = asking->cli;
    struct mri_query *query = &asking->query;
    const char *text = cli->options->arguments[0];
    const struct mri_known_names known = mri_opened_names(asking->opened);
    const struct mri_filter_names names = mri_known_names_filter(&known, asking->now_unix_ns);
    mr_problem problem = {""};
    struct mri_filter_fault fault = {0};
    if (cli->options->argument_count == 0) {
        return MRI_EXIT_OK;
    }
    if (mri_filter_parse(mri_slice_of(text), &names, filter, &fault, &problem) != MR_OK) {
        enum mri_exit exit = mri_cli_fail(cli, MRI_EXIT_USAGE, "%s", problem.text);
        if (fault.character > 0) {
            mri_fault_mark_print(cli->alloc, mri_slice_of(text), fault.offset);
        }
        return exit;
    }
    query->filter = filter;
    query->is_oldest_first = filter->is_oldest_first;
    query->limit = filter->limit != 0 ? filter->limit : query->limit;
    return MRI_EXIT_OK;
}

/* ---- the moment ------------------------------------------------------------------------------ */

static enum mri_exit go_to_moment(struct asking *asking, struct mri_slice text, const char *option)
{
    mr_problem problem = {""};
    mr_log_token token;
    mr_err err = mri_as_of_find(&asking->as_of, text, &token, &problem);
    if (err != MR_OK) {
        mr_problem named = {""};
        (void)mri_problem_behind(&named, err, problem.text, "--%s: ", option);
        return mri_opened_fail(asking->cli, err, &named);
    }
    asking->is_past = true;
    asking->now_unix_ns = asking->as_of.moment.event_time_unix_ns;
    asking->signal_count = asking->as_of.moment.signal_count;
    return MRI_EXIT_OK;
}

/** --after: what an answer said (then it is of that one's moment), or a signal to go on behind. */
static enum mri_exit read_after(struct asking *asking)
{
    const char *text = mri_options_get(asking->cli->options, "after");
    struct mri_slice moment;
    if (text == NULL) {
        return MRI_EXIT_OK;
    }
    mr_err err = mri_page_token_parse(text, &moment, &asking->query.beyond);
    if (err == MR_REFUSED || (err == MR_NOT_FOUND && !mri_ident_is_name(mri_slice_of(text)))) {
        return mri_cli_fail(asking->cli, MRI_EXIT_USAGE,
            "--after: expected what an answer said behind --after, or a signal, found \"%s\"",
            text);
    }
    if (err == MR_NOT_FOUND || moment.count == 0) {
        asking->query.beyond = mri_opened_signal(asking->cli, asking->opened, text);
        return asking->query.beyond == 0 ? MRI_EXIT_NO : MRI_EXIT_OK;
    }
    if (mri_options_get(asking->cli->options, "as-of") != NULL) {
        return mri_cli_fail(asking->cli, MRI_EXIT_USAGE,
            "--as-of and --after: the token that --after has names the moment of its page already; "
            "leave out --as-of, or give --after a signal (its id or number)");
    }
    enum mri_exit exit = go_to_moment(asking, moment, "after");
    if (exit == MRI_EXIT_OK && asking->query.beyond > asking->signal_count) {
        return mri_cli_fail(asking->cli, MRI_EXIT_USAGE,
            "--after: %s names signal %u of a moment that has %u: no answer of this log said so",
            text, asking->query.beyond, asking->signal_count);
    }
    return exit;
}

static enum mri_exit read_moment(struct asking *asking)
{
    const char *text = mri_options_get(asking->cli->options, "as-of");
    enum mri_exit exit = read_after(asking);
    return exit == MRI_EXIT_OK && text != NULL ? go_to_moment(asking, mri_slice_of(text), "as-of")
                                               : exit;
}

/* ---- flags ----------------------------------------------------------------------------------- */

static enum mri_exit read_query(struct asking *asking)
{
    const struct mri_cli *cli = asking->cli;
    struct mri_query *query = &asking->query;
    const struct mri_options *options = cli->options;
    const char *state = mri_options_get(options, "state");
    uint64_t limit = query->limit;
    mr_problem problem = {""};
    if (state != NULL) {
        unsigned value;
        if (mri_word_parse(MRI_VOCABULARY_state, mri_slice_of(state), &value) != MR_OK) {
            return mri_cli_fail(cli, MRI_EXIT_USAGE,
                "--state: expected generated, evaluating, approved, executing, executed, blocked, "
                "expired or learned, found \"%s\"",
                state);
        }
        query->state = value;
    }
    if (mri_options_number(options, "limit", 1, LIMIT_MAX, &limit, &problem) == MR_REFUSED) {
        return mri_cli_fail(cli, MRI_EXIT_USAGE, "%s", problem.text);
    }
    bool has_own = query->filter != NULL && query->filter->limit != 0; /* options only narrow it */
    query->limit = has_own && query->filter->limit < limit ? query->filter->limit : (uint32_t)limit;
    enum mri_exit exit =
        mri_opened_name(cli, asking->opened, "symbol", MRI_NAME_SYMBOL, &query->symbol);
    if (exit == MRI_EXIT_OK) {
        exit = mri_opened_name(cli, asking->opened, "source", MRI_NAME_SOURCE, &query->source);
    }
    if (exit == MRI_EXIT_OK) {
        exit = mri_opened_name(cli, asking->opened, "name", MRI_NAME_NAME, &query->name);
    }
    if (exit == MRI_EXIT_OK) {
        exit = read_time(asking, "since", &query->since_unix_ns);
    }
    return exit == MRI_EXIT_OK ? read_time(asking, "until", &query->until_unix_ns) : exit;
}

static const struct mri_slot *slot_of(const struct asking *asking, uint32_t ordinal)
{
    const struct mri_bus *bus = &asking->opened->fold.bus;
    return asking->is_past ? mri_moment_slot(&asking->as_of.moment, bus, ordinal)
                           : mri_slots_get(&bus->slots, ordinal);
}

static void put_row(const struct asking *asking, uint32_t ordinal, struct mri_table *table)
{
    const struct mri_opened *opened = asking->opened;
    const struct mri_names names = mri_names_of(&opened->fold);
    const struct mri_slot *slot = slot_of(asking, ordinal);
    struct mri_slice source = mri_intern_text(&opened->fold.bus.sources, slot->source);
    struct mri_slice name = mri_intern_text(&opened->fold.bus.names, slot->name);
    char id[MRI_IDENT_BYTES];
    char time[MRI_UTC_BYTES];
    mri_table_cell(table, "%s", mri_names_signal(&names, ordinal, id));
    mri_table_cell(table, "%.19sZ", mri_utc_format(slot->event_time_unix_ns, time));
    mri_table_cell(table, "%s", word(MRI_VOCABULARY_side, slot->side));
    mri_table_cell(table, "%.*s", (int)source.count, source.bytes);
    mri_table_cell(table, "%.*s", (int)name.count, name.bytes);
    if (slot->state == MR_LEARNED) {
        mri_table_cell(table, "learned, was %s", word(MRI_VOCABULARY_state, slot->ended));
    } else {
        mri_table_cell(table, "%s", word(MRI_VOCABULARY_state, slot->state));
    }
    mri_table_cell(
        table, "%s", slot->gate == MRI_GATE_NONE ? "" : word(MRI_VOCABULARY_gate, slot->gate));
    mri_table_cell(table, "%s", word(MRI_VOCABULARY_reason, slot->reason));
}

static void put_json(const struct asking *asking, uint32_t ordinal, struct mri_buf *text)
{
    const struct mri_opened *opened = asking->opened;
    const struct mri_names names = mri_names_of(&opened->fold);
    const struct mri_slot *slot = slot_of(asking, ordinal);
    struct mri_json_writer json;
    char id[MRI_IDENT_BYTES];
    mri_json_write_begin(&json, text);
    mri_json_write_object_open(&json);
    mri_json_put_text(&json, "id", mri_names_signal(&names, ordinal, id));
    mri_json_put_count(&json, "ordinal", ordinal);
    mri_json_put_time(&json, "time", slot->event_time_unix_ns);
    mri_json_put_text(&json, "symbol", mri_names_symbol(&names, slot->symbol));
    mri_json_put_text(&json, "side", word(MRI_VOCABULARY_side, slot->side));
    mri_json_write_key(&json, "source");
    mri_json_write_text(&json, mri_intern_text(&opened->fold.bus.sources, slot->source));
    mri_json_write_key(&json, "name");
    mri_json_write_text(&json, mri_intern_text(&opened->fold.bus.names, slot->name));
    mri_json_put_text(&json, "state", word(MRI_VOCABULARY_state, slot->state));
    if (slot->state == MR_LEARNED) {
        mri_json_put_text(&json, "ended", word(MRI_VOCABULARY_state, slot->ended));
    }
    if (slot->gate != MRI_GATE_NONE) {
        mri_json_put_text(&json, "gate", word(MRI_VOCABULARY_gate, slot->gate));
    }
    mri_json_put_text(&json, "reason", word(MRI_VOCABULARY_reason, slot->reason));
    mri_json_put_count(&json, "seq", slot->generated_seq);
    mri_json_put_count(&json, "last_seq", slot->last_seq);
    mri_json_write_object_close(&json);
    mri_buf_text(text, "\n");
}

/** Is the piece full, or the last? */
static bool is_piece_end(uint32_t index, uint32_t count)
{
    return (index + 1) % PIECE_ROWS == 0 || index + 1 == count;
}

/** How wide the columns are, over all rows. */
static mr_err measure(
    const struct asking *asking, const uint32_t *ordinals, uint32_t count, struct mri_table *table)
{
    mr_err err = MR_OK;
    for (uint32_t i = 0; i < count && err == MR_OK; i++) {
        put_row(asking, ordinals[i], table);
        if (is_piece_end(i, count)) {
            err = mri_table_measure(table);
        }
    }
    return err;
}

/** Print the rows piece by piece, so that memory does not grow with --limit. */
static enum mri_exit print_rows(
    const struct asking *asking, const uint32_t *ordinals, uint32_t count)
{
    const struct mri_cli *cli = asking->cli;
    struct mri_buf text;
    struct mri_table table;
    enum mri_exit exit = MRI_EXIT_OK;
    mri_buf_init(&text, cli->alloc, PIECE_BYTES_MAX);
    mri_table_init(&table, cli->alloc, "llllllll");
    text.err = cli->is_json ? MR_OK : measure(asking, ordinals, count, &table);
    for (uint32_t i = 0; i < count && exit == MRI_EXIT_OK && ferror(stdout) == 0; i++) {
        if (cli->is_json) {
            put_json(asking, ordinals[i], &text);
        } else {
            put_row(asking, ordinals[i], &table);
        }
        if (is_piece_end(i, count)) {
            mri_table_print(&table, 0, &text);
            exit = mri_cli_print(cli, &text);
            mri_buf_clear(&text);
            mri_table_clear(&table);
        }
    }
    mri_table_fini(&table);
    mri_buf_fini(&text);
    return exit;
}

/** What the answer is of, how far it looked, and where it goes on. */
struct page {
    const struct mri_query_result *result;
    mr_log_token moment;
    char next[MRI_PAGE_TOKEN_BYTES]; /**< empty: it is complete */
};

static void tell_page(const struct asking *asking, const struct page *page)
{
    const struct mri_query_result *result = page->result;
    (void)fprintf(stderr, "%u signals, %s first", result->count,
        asking->query.is_oldest_first ? "oldest" : "newest");
    if (page->next[0] != '\0') {
        (void)fprintf(stderr, " (more may match: --limit, --after %s)", page->next);
    }
    (void)fprintf(stderr, "; %u of %u looked at", result->scanned, asking->signal_count);
    if (asking->is_past) {
        char time[MRI_UTC_BYTES];
        (void)fprintf(stderr, ", as of event %llu, market time %s",
            (unsigned long long)page->moment.seq, mri_utc_format(asking->now_unix_ns, time));
    }
    (void)fputs("\n", stderr);
}

/** As the last line of stdout with --page; else beside the rows, which alone are stdout. */
static enum mri_exit print_page_json(const struct asking *asking, const struct page *page)
{
    const struct mri_cli *cli = asking->cli;
    struct mri_buf text;
    struct mri_json_writer json;
    char named[MR_LOG_TOKEN_BYTES];
    mri_buf_init(&text, cli->alloc, PIECE_BYTES_MAX);
    mri_json_write_begin(&json, &text);
    mri_json_write_object_open(&json);
    mri_json_write_key(&json, "page");
    mri_json_write_object_open(&json);
    mri_json_put_text(&json, "as_of", mr_log_token_text(&page->moment, named));
    mri_json_put_count(&json, "as_of_seq", page->moment.seq);
    mri_json_put_time(&json, "as_of_time", asking->now_unix_ns);
    mri_json_put_count(&json, "count", page->result->count);
    mri_json_put_count(&json, "scanned", page->result->scanned);
    mri_json_put_count(&json, "signals", asking->signal_count);
    mri_json_write_key(&json, "next");
    if (page->next[0] != '\0') {
        mri_json_write_text(&json, mri_slice_of(page->next));
    } else {
        mri_json_write_null(&json);
    }
    mri_json_write_object_close(&json);
    mri_json_write_object_close(&json);
    mri_buf_text(&text, "\n");
    enum mri_exit exit = MRI_EXIT_OK;
    if (mri_options_get(cli->options, "page") != NULL || text.err != MR_OK) {
        exit = mri_cli_print(cli, &text);
    } else {
        (void)fputs(mri_buf_c_text(&text), stderr);
    }
    mri_buf_fini(&text);
    return exit;
}

static enum mri_exit print_result(
    struct asking *asking, const uint32_t *ordinals, const struct mri_query_result *result)
{
    const struct mri_cli *cli = asking->cli;
    struct page page = {.result = result, .moment = asking->as_of.moment.token};
    mr_problem problem = {""};
    mr_err err = asking->is_past ? MR_OK : mri_as_of_now(&asking->as_of, &page.moment, &problem);
    if (err != MR_OK) {
        return mri_cli_fail(cli, mri_cli_exit_of(err), "%s", problem.text);
    }
    if (result->is_cut && result->count > 0) {
        (void)mri_page_token_text(&page.moment, ordinals[result->count - 1], page.next);
    }
    enum mri_exit exit = print_rows(asking, ordinals, result->count);
    if (!cli->is_json) {
        tell_page(asking, &page);
    } else if (exit == MRI_EXIT_OK) {
        exit = print_page_json(asking, &page);
    }
    return exit;
}

static enum mri_exit find_and_print(struct asking *asking)
{
    const struct mri_cli *cli = asking->cli;
    const struct mri_query *query = &asking->query;
    const struct mri_bus *bus = &asking->opened->fold.bus;
    struct mri_query_result result = {0};
    void *ordinals;
    mr_err err = mri_alloc_array(cli->alloc, query->limit, sizeof(uint32_t), &ordinals);
    if (err != MR_OK) {
        return mri_cli_fail(cli, MRI_EXIT_FAULT, "%s", mr_err_text(err));
    }
    err = asking->is_past ? mri_moment_query(&asking->as_of.moment, bus, query, ordinals, &result)
                          : mri_query_run(bus, query, ordinals, &result);
    enum mri_exit exit = err == MR_OK ? print_result(asking, ordinals, &result)
                                      : mri_cli_fail(cli, MRI_EXIT_FAULT, "%s", mr_err_text(err));
    mri_alloc_free(cli->alloc, ordinals, query->limit * sizeof(uint32_t));
    return exit == MRI_EXIT_OK && result.count == 0 ? MRI_EXIT_NO : exit;
}

static enum mri_exit run_query(
    const struct mri_cli *cli, const struct mri_opened *opened, struct mri_filter *filter)
{
    struct asking asking = {.cli = cli,
        .opened = opened,
        .now_unix_ns = opened->fold.bus.event_time_unix_ns,
        .signal_count = opened->fold.bus.slots.count,
        .query = mri_query_all};
    asking.query.limit = LIMIT_DEFAULT;
    mri_as_of_init(&asking.as_of, &opened->fold);
    enum mri_exit exit = read_moment(&asking);
    if (exit == MRI_EXIT_OK) {
        exit = read_condition(&asking, filter);
    }
    if (exit == MRI_EXIT_OK) {
        exit = read_query(&asking);
    }
    if (exit == MRI_EXIT_OK) {
        exit = find_and_print(&asking);
    }
    mri_as_of_fini(&asking.as_of);
    return exit;
}

static enum mri_exit cmd_query(struct mri_cli *cli)
{
    struct mri_opened *opened;
    static struct mri_filter filter; /* too large for a stack */
    enum mri_exit exit = mri_opened_open(cli, &opened);
    return exit == MRI_EXIT_OK ? mri_opened_close(cli, opened, run_query(cli, opened, &filter))
                               : exit;
}

static const struct mri_option options[] = {
    MRI_OPTION_DIR,
    {"state", "STATE",
        "generated, evaluating, approved, executing, executed, blocked, expired, learned"},
    {"symbol", "SYMBOL", "what it is about"},
    {"source", "SOURCE", "who emitted it"},
    {"name", "NAME", "the source's name for this kind of signal"},
    {"since", "TIME", "emitted at or after: a time, or an age before the newest event (2h)"},
    {"until", "TIME", "emitted before"},
    {"limit", "N", "so many at most; default: 20"},
    {"as-of", "MOMENT", "answer as it was: behind an event, or at a time or age of the log"},
    {"after", "TOKEN",
        "the next page: what an answer said, of the moment that it names (no --as-of); or behind a "
        "signal"},
    {"page", NULL,
        "with --json: what is said of the page is the last line of the answer, not on stderr"},
    {"json", NULL, "one JSON object a line"},
};

const struct mri_command mri_cmd_query = {
    .name = "query",
    .summary = "find signals by a condition, or by state, symbol, source, name and time",
    .arguments = "[CONDITION]",
    .about =
        "As of the last complete batch in the log. Exit code 1: none matches.\n"
        "\n"
        "CONDITION is one argument, as \"state=blocked and gate=expected_value and age<2h "
        "order by time\n"
        "limit 100\": comparisons (= != < <= > >=, in, not in) with and, or, not and ( ); the "
        "fields are\n"
        "state, ended, side, gate, reason, symbol, source, name, time, age, ordinal, seq, "
        "last_seq, id.\n"
        "Newest first, also by time without a direction; order by time asc is oldest first. A "
        "symbol,\n"
        "source or name that the log does not know, as of a source that has emitted nothing yet, "
        "is refused\n"
        "with those that it knows (exit code 2), so that a typing error is no empty answer.\n"
        "Options narrow it further.\n"
        "\n"
        "MOMENT is the number of an event, a time (2025-05-04T15:34Z) or age (2h) of the log's "
        "event\n"
        "time, or what an answer called its moment: the answer is what the same question said "
        "then.\n"
        "An age in CONDITION counts from then. An answer that is cut says behind --after where it "
        "goes\n"
        "on: pages of one moment, which do not shift while signals come. It names that moment and "
        "a signal,\n"
        "not the question: another question is answered with what comes behind that signal in its "
        "order.\n"
        "How many there are, how "
        "many\n"
        "were looked at and where it goes on is on standard error; with --json as an object\n"
        "{\"page\": {as_of, as_of_seq, as_of_time, count, scanned, signals, next}}, which --page "
        "makes\n"
        "the last line of the answer: all lines before it are signals.\n",
    .options = options,
    .option_count = MRI_COUNT_OF(options),
    .arguments_max = 1,
    .needs_folder = true,
    .is_json_lines = true,
    .run = cmd_query,
};
