/* SPDX-License-Identifier: MIT */
/*
 * millrace run: a feed through the whole pipeline.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/fixed.h"
#include "base/problem.h"
#include "base/text.h"
#include "bus/event_digest.h"
#include "cli/cli.h"
#include "cli/config_option.h"
#include "cli/describe.h"
#include "cli/feed_option.h"
#include "cli/log_digest.h"
#include "cli/opened.h"
#include "cli/progress.h"
#include "cli/summary.h"
#include "conf/yaml.h"
#include "feeds/csv_row.h"
#include "log/format/manifest.h"
#include "os/stop.h"
#include "pipeline/health.h"
#include "pipeline/intake.h"

enum { SUMMARY_BYTES_MAX = 1024 * 1024, PROBLEMS_SHOWN_MAX = 20, WAIT_MS = 200 };

#define LOOK_NS ((int64_t)1000000000)

/** Pacing: so many seconds of event time a second; 0 = as fast as possible. */
struct speed {
    uint64_t factor;
    int64_t first_event_unix_ns;
    int64_t first_boot_ns;
};

struct run {
    struct mri_cli *cli;
    const char *folder;
    struct mri_config config;
    struct mri_feed_option feed_option;
    char feed_path[MRI_PATH_BYTES_MAX]; /**< of a csv feed, resolved; "" = it cannot be */
    struct mri_feed feed;
    struct mri_node node;
    struct mri_intake intake;
    struct mri_progress progress;
    struct speed speed;
    struct mri_report before; /**< the report when this run began */
    uint64_t learned_before;
    uint64_t problems_shown;
    int64_t looked_boot_ns; /**< when the folder was looked at last, for the log to be there */
    uint32_t bad_spellings; /**< of the configuration, which were told */
    bool has_config;
    bool is_outside; /**< no feed: other processes bring in prices */
    bool is_drained; /**< --drain: decide on what is there, and end */
    const char *time_mode;
    bool has_feed;
    bool has_node;
    bool is_interrupted;
};

static void show_problem(void *context, const struct mri_feed_item *item)
{
    struct run *run = context;
    const struct mri_feed_problem *problem = &item->problem;
    run->problems_shown++;
    if (run->problems_shown > PROBLEMS_SHOWN_MAX) {
        return; /* counted in the summary, and in the log one by one */
    }
    struct mri_buf line;
    mri_buf_init(&line, run->cli->alloc, 8192);
    mri_text_escape(&line, problem->place);
    if (problem->line > 0) {
        mri_buf_printf(&line, ":%llu", (unsigned long long)problem->line);
    }
    const struct mri_vocabulary *reasons = mri_vocabulary(MRI_VOCABULARY_reason);
    const char *about = "";
    for (size_t i = 0; i < reasons->count; i++) {
        about = reasons->words[i].value == problem->reason ? reasons->words[i].about : about;
    }
    mri_buf_printf(
        &line, ": left out (%s): %s", mri_word_text(MRI_VOCABULARY_reason, problem->reason), about);
    if (problem->row.count > 0) {
        mri_buf_text(&line, ": ");
        mri_text_escape(&line, (struct mri_slice){problem->row.bytes,
                                   problem->row.count < 80 ? problem->row.count : 80});
    }
    mri_progress_clear(&run->progress);
    (void)fprintf(stderr, "%s\n", mri_buf_c_text(&line));
    if (run->problems_shown == PROBLEMS_SHOWN_MAX) {
        (void)fputs("... further rows that are left out are only counted\n", stderr);
    }
    mri_buf_fini(&line);
}

/** What lies in a directory that is no log yet. */
struct contents {
    bool has_manifest;
    bool has_segment;
    char other[64]; /**< a name that no log has before its MANIFEST is made; "": none */
};

static mr_err note_name(void *argument, const char *name)
{
    struct contents *contents = argument;
    bool is_begun = strcmp(name, "lock") == 0 || strcmp(name, "MANIFEST.tmp") == 0 ||
                    strcmp(name, "snap") == 0; /* snapshots are hints: they may outlive a log */
    contents->has_manifest |= strcmp(name, "MANIFEST") == 0;
    contents->has_segment |= strncmp(name, "seg-", 4) == 0;
    if (!is_begun) {
        (void)snprintf(contents->other, sizeof(contents->other), "%s", name);
    }
    return MR_OK;
}

/** A log is begun in a directory that is new, empty, or left by a crash before there was a log. */
static enum mri_exit check_folder(const struct run *run)
{
    const struct mri_cli *cli = run->cli;
    struct contents contents = {0};
    mr_err err = cli->os->list(cli->os->context, run->folder, &contents, note_name);
    if (err != MR_OK || contents.has_manifest || contents.other[0] == '\0') {
        return MRI_EXIT_OK; /* what cannot be listed is told when it is opened */
    }
    if (contents.has_segment) {
        return mri_cli_fail(cli, MRI_EXIT_FAULT,
            "%s: the file MANIFEST is missing, and there are segments of a log; put it back from a "
            "copy",
            run->folder);
    }
    return mri_cli_fail(cli, MRI_EXIT_USAGE,
        "%s: neither a log (it has no MANIFEST) nor empty (it has %s); name a new directory",
        run->folder, contents.other);
}

/** The csv feed that a log was begun with, or what to give. */
static enum mri_exit use_kept_path(struct run *run, const char *path)
{
    const struct mri_cli *cli = run->cli;
    struct mri_file_info info;
    static const char give[] = "--feed csv:PATH (make run RESUME=1 DATA=PATH)";
    if (path == NULL) {
        return mri_cli_fail(cli, MRI_EXIT_USAGE,
            "%s was begun with a csv feed, and the log does not keep where that is; name it with "
            "%s",
            run->folder, give);
    }
    mr_err err = cli->os->info(cli->os->context, path, &info);
    if (err != MR_OK) {
        return mri_cli_fail(cli, MRI_EXIT_USAGE,
            "%s was begun with the csv feed %s: %s; name where it is now with %s", run->folder,
            path, mr_err_text(err), give);
    }
    (void)snprintf(run->feed_path, sizeof(run->feed_path), "%s", path);
    run->feed_option = (struct mri_feed_option){.kind = "csv", .path = run->feed_path};
    return MRI_EXIT_OK;
}

/** The feed that the log was begun with, or the simulated market with seed 1. */
static enum mri_exit continue_feed(struct run *run)
{
    const struct mri_cli *cli = run->cli;
    mr_problem problem;
    mr_log_reader *reader;
    run->feed_option = (struct mri_feed_option){.kind = "synthetic", .seed = 1};
    mr_err err = mr_log_reader_open(run->folder, &reader, &problem);
    if (err != MR_OK) {
        return err == MR_NOT_FOUND || err == MR_EPATH
                   ? MRI_EXIT_OK
                   : mri_cli_fail(cli, mri_cli_exit_of(err), "%s", problem.text);
    }
    const char *kind = mr_log_reader_attribute(reader, MRI_ATTRIBUTE_FEED);
    const char *seed = mr_log_reader_attribute(reader, MRI_ATTRIBUTE_FEED_SEED);
    bool is_csv = kind != NULL && strcmp(kind, "csv") == 0;
    if (seed != NULL) {
        run->feed_option.seed = strtoull(seed, NULL, 10);
    }
    enum mri_exit exit = MRI_EXIT_OK;
    if (kind != NULL && strcmp(kind, "none") == 0) {
        run->feed_option = (struct mri_feed_option){.kind = "none"};
    } else if (kind == NULL) {
        exit = mri_cli_fail(cli, MRI_EXIT_USAGE,
            "%s was not begun by `%s run`: it keeps no feed that could be continued; name a new "
            "directory",
            run->folder, cli->program);
    } else if (is_csv) {
        exit = use_kept_path(run, mr_log_reader_attribute(reader, MRI_ATTRIBUTE_FEED_PATH));
    }
    mr_log_reader_close(reader);
    return exit;
}

/** A log that was begun with a feed is not continued without it. */
static enum mri_exit check_no_feed(const struct run *run)
{
    const struct mri_cli *cli = run->cli;
    mr_problem problem;
    mr_log_reader *reader;
    mr_err err = mr_log_reader_open(run->folder, &reader, &problem);
    if (err != MR_OK) {
        return MRI_EXIT_OK; /* there is no log yet, or what is wrong is told when it is opened */
    }
    const char *kind = mr_log_reader_attribute(reader, MRI_ATTRIBUTE_FEED);
    enum mri_exit exit =
        kind == NULL || strcmp(kind, "none") == 0
            ? MRI_EXIT_OK
            : mri_cli_fail(cli, MRI_EXIT_USAGE,
                  "%s belongs to a feed (%s); continue it with its own feed, or start a new "
                  "directory",
                  run->folder, kind);
    mr_log_reader_close(reader);
    return exit;
}

/** A log keeps the mode of its time; one that is given must be that one. */
static enum mri_exit check_time(const struct run *run, const char *given)
{
    mr_problem problem;
    mr_log_reader *reader;
    if (mr_log_reader_open(run->folder, &reader, &problem) != MR_OK) {
        return MRI_EXIT_OK; /* there is no log yet, or what is wrong is told when it is opened */
    }
    const char *kept = mr_log_reader_attribute(reader, MRI_ATTRIBUTE_TIME);
    enum mri_exit exit = kept == NULL || strcmp(kept, given) == 0
                             ? MRI_EXIT_OK
                             : mri_cli_fail(run->cli, MRI_EXIT_USAGE,
                                   "--time %s: %s was begun with --time %s and stays so; leave it "
                                   "out, or name a new "
                                   "directory",
                                   given, run->folder, kept);
    mr_log_reader_close(reader);
    return exit;
}

/** Without --feed: the one the log was begun with, or the simulated market with seed 1. */
static enum mri_exit choose_feed(struct run *run)
{
    const struct mri_cli *cli = run->cli;
    const char *given = mri_options_get(cli->options, "feed");
    mr_problem problem;
    if (given != NULL) {
        if (mri_feed_option_parse(given, &run->feed_option, &problem) != MR_OK) {
            return mri_cli_fail(cli, MRI_EXIT_USAGE, "%s", problem.text);
        }
        bool is_file = run->feed_option.path != NULL;
        if (!is_file || realpath(run->feed_option.path, run->feed_path) == NULL) {
            run->feed_path[0] = '\0'; /* what is wrong with it is told when it is opened */
        }
        return strcmp(run->feed_option.kind, "none") == 0 ? check_no_feed(run) : MRI_EXIT_OK;
    }
    return continue_feed(run);
}

static enum mri_exit read_mode(struct run *run)
{
    const struct mri_cli *cli = run->cli;
    const char *time_mode = mri_options_get(cli->options, "time");
    run->is_outside = strcmp(run->feed_option.kind, "none") == 0;
    run->is_drained = mri_options_get(cli->options, "drain") != NULL;
    run->time_mode = time_mode == NULL ? "simulated" : time_mode;
    bool is_known = strcmp(run->time_mode, "live") == 0 || strcmp(run->time_mode, "simulated") == 0;
    if (!is_known) {
        return mri_cli_fail(cli, MRI_EXIT_USAGE, "--time: expected live or simulated, found \"%s\"",
            run->time_mode);
    }
    if (run->is_outside && run->speed.factor != 0) {
        return mri_cli_fail(cli, MRI_EXIT_USAGE,
            "--speed: %s has no feed: others set the pace of its time", run->folder);
    }
    if (!run->is_outside && (run->is_drained || time_mode != NULL)) {
        return mri_cli_fail(cli, MRI_EXIT_USAGE, "--%s goes with --feed none only",
            run->is_drained ? "drain" : "time");
    }
    return time_mode == NULL ? MRI_EXIT_OK : check_time(run, time_mode);
}

static enum mri_exit parse_speed(struct run *run)
{
    const char *text = mri_options_get(run->cli->options, "speed");
    int64_t factor;
    if (text == NULL || strcmp(text, "max") == 0) {
        return MRI_EXIT_OK;
    }
    if (mri_fixed_parse_count(mri_slice_of(text), &factor) != MR_OK || factor < 1 ||
        factor > 1000000000) {
        return mri_cli_fail(run->cli, MRI_EXIT_USAGE,
            "--speed: expected max, or how many seconds of market time pass in a second (1 to "
            "1000000000), found \"%s\"",
            text);
    }
    run->speed.factor = (uint64_t)factor;
    return MRI_EXIT_OK;
}

static enum mri_exit open_feed(struct run *run)
{
    const struct mri_cli *cli = run->cli;
    mr_problem problem = {""};
    mr_err err = mri_feed_option_open(
        cli->os, cli->alloc, &run->feed_option, &run->config, &run->feed, &problem);
    run->has_feed = err == MR_OK;
    return err == MR_OK ? MRI_EXIT_OK : mri_cli_fail(cli, mri_cli_exit_of(err), "%s", problem.text);
}

/** Without a feed and without instruments nothing could ever be brought in. */
static enum mri_exit check_instruments(const struct run *run)
{
    mr_log_reader *reader;
    mr_problem problem;
    if (run->config.instrument_count > 0) {
        return MRI_EXIT_OK;
    }
    if (mr_log_reader_open(run->folder, &reader, &problem) == MR_OK) {
        mr_log_reader_close(reader);
        return MRI_EXIT_OK; /* what is registered there stays */
    }
    return mri_cli_fail(run->cli, MRI_EXIT_USAGE,
        "--feed none: the configuration has no instruments, so no symbol would be registered; name "
        "them there (instruments:) and give it with --config");
}

/** Told like everything else that is wrong with the file. */
static void tell_spelling(void *context, uint32_t index, const mr_problem *what)
{
    struct run *run = context;
    const char *path = mri_options_get(run->cli->options, "config");
    const struct mri_config_place *place = &run->config.spelling_places[index];
    run->bad_spellings++;
    if (path != NULL) {
        mr_problem told;
        (void)mri_problem_behind(
            &told, MR_REFUSED, what->text, "%s:%u:%u: ", path, place->line, place->column);
        (void)fprintf(stderr, "%s\n", told.text);
    }
}

/** A run that could not be opened. */
static enum mri_exit refuse_open(const struct run *run, mr_err err, mr_problem *problem)
{
    const char *path = mri_options_get(run->cli->options, "config");
    return err == MR_REFUSED && run->bad_spellings > 0 && path != NULL
               ? mri_cli_fail(run->cli, MRI_EXIT_USAGE, "%s: %u problem%s; nothing was changed",
                     path, run->bad_spellings, run->bad_spellings == 1 ? "" : "s")
               : mri_cli_fail_to_write(run->cli, err, problem);
}

static enum mri_exit open_all(struct run *run)
{
    struct mri_cli *cli = run->cli;
    mr_problem problem = {""};
    char seed[32];
    enum mri_exit exit = parse_speed(run);
    if (exit == MRI_EXIT_OK) {
        exit = check_folder(run);
    }
    if (exit == MRI_EXIT_OK) {
        exit = choose_feed(run);
    }
    if (exit == MRI_EXIT_OK) {
        exit = read_mode(run);
    }
    if (exit == MRI_EXIT_OK) {
        exit = mri_config_option_for(
            cli, mri_options_get(cli->options, "config"), run->folder, &run->config);
        run->has_config = exit == MRI_EXIT_OK;
    }
    if (exit != MRI_EXIT_OK) {
        return exit;
    }
    if (run->is_outside) {
        exit = check_instruments(run);
    } else {
        exit = open_feed(run);
    }
    if (exit != MRI_EXIT_OK) {
        return exit;
    }
    (void)snprintf(seed, sizeof(seed), "%llu", (unsigned long long)run->feed_option.seed);
    const struct mri_node_options options = {
        .os = cli->os,
        .alloc = cli->alloc,
        .folder = run->folder,
        .config = &run->config,
        .parse = mri_yaml_config,
        .is_create = true,
        .time_mode = run->time_mode,
        .build = MILLRACE_VERSION,
        .feed = run->is_outside ? NULL : &run->feed,
        .feed_kind = run->feed_option.kind,
        .feed_path = run->feed_path[0] == '\0' ? NULL : run->feed_path,
        .feed_seed = run->is_outside ? NULL : seed,
        .is_stopping = mri_stop_is_wished,
        .tell_spelling = tell_spelling,
        .tell_context = run,
    };
    mri_stop_install(); /* from here on there is a log, and a session that can be ended */
    mr_err err = mri_node_open(&run->node, &options, &problem);
    if (err == MR_AGAIN) {
        (void)fprintf(stderr, "stopped    by signal: %s\n", problem.text);
        return MRI_EXIT_OK;
    }
    if (err != MR_OK) {
        return refuse_open(run, err, &problem);
    }
    run->has_node = true;
    return MRI_EXIT_OK;
}

static const char *feed_text(const struct run *run)
{
    if (run->is_outside) {
        return "none: prices come from other processes (`millrace feed`, millrace/bus.h)";
    }
    return run->feed_option.path != NULL ? run->feed_option.path : "synthetic";
}

static void announce(struct run *run)
{
    const struct mri_node *node = &run->node;
    (void)fprintf(stderr, "directory  %s\nfeed       %s%s\n", run->folder,
        run->feed.is_simulated ? "SIMULATED market, " : "", feed_text(run));
    if (node->fold.wiring.execute.options.is_outside) {
        (void)fprintf(stderr,
            "orders     an executor outside takes them (execute.venue: external); %u may live\n",
            node->fold.bus.orders.live_count);
    }
    mri_opened_tell(&node->opening);
    if (node->is_resumed) {
        (void)fprintf(stderr, "resumed    behind event %llu\n",
            (unsigned long long)node->session_first_seq - 1);
    }
}

/** Wait until the feed's time is due, and decide meanwhile on what other processes emit. */
static mr_err pace(struct run *run)
{
    struct speed *speed = &run->speed;
    const struct mri_os *os = run->cli->os;
    int64_t event = run->node.fold.wiring.market.event_time_unix_ns;
    if (speed->factor == 0 || event == 0) { /* a new log has no time before its first bar */
        return MR_OK;
    }
    if (speed->first_boot_ns == 0) {
        speed->first_boot_ns = os->boottime_ns(os->context);
        speed->first_event_unix_ns = event;
    }
    int64_t due =
        speed->first_boot_ns + (event - speed->first_event_unix_ns) / (int64_t)speed->factor;
    for (;;) {
        int64_t left = due - os->boottime_ns(os->context);
        if (left <= 0 || mri_stop_is_wished()) {
            return MR_OK;
        }
        mr_err err = mri_node_wait(&run->node, left < 1000000 ? 1 : left / 1000000);
        if (err != MR_OK && err != MR_AGAIN) {
            return err;
        }
    }
}

static void show_progress(struct run *run)
{
    const struct mri_report *report = &run->node.fold.wiring.report;
    const struct mri_progress_state state = {
        .share = run->is_outside ? 0.0 : run->feed.progress(run->feed.state),
        .bars = report->candles - run->before.candles,
        .signals = report->signals - run->before.signals,
        .event_time_unix_ns = report->last_event_unix_ns,
    };
    mri_progress_show(&run->progress, &state);
}

/** Feed everything in; MR_OK also when a signal asked to stop. */
static mr_err feed_all(struct run *run, mr_problem *problem)
{
    mr_err err = MR_OK;
    while (err == MR_OK && !mri_stop_is_wished()) {
        err = pace(run);
        if (err == MR_OK) {
            err = mri_intake_step(&run->intake, problem);
        }
        if (err == MR_OK) {
            err = mri_node_maintain(&run->node);
        }
        show_progress(run);
    }
    if (err == MR_END) {
        return mri_node_end_feed(&run->node);
    }
    run->is_interrupted = err == MR_OK;
    return err;
}

/** Decide on what others bring in, until a signal comes; or only on what is there. */
static bool is_moved(const struct run *run)
{
    return mri_manifest_is_gone(run->cli->os, run->folder, mr_log_uuid(run->node.log));
}

/** A run that has nothing to write would not hear of it. */
static mr_err look_after_folder(struct run *run)
{
    int64_t now_ns = run->cli->os->boottime_ns(run->cli->os->context);
    if (now_ns - run->looked_boot_ns < LOOK_NS) {
        return MR_OK;
    }
    run->looked_boot_ns = now_ns;
    return is_moved(run) ? MR_EPATH : MR_OK;
}

static mr_err live_on_others(struct run *run)
{
    struct mri_node *node = &run->node;
    mr_err err = mri_node_take_foreign(node);
    while (err == MR_OK && !mri_stop_is_wished()) {
        err = mri_node_tick(node);
        if (err == MR_OK) {
            err = mri_node_maintain(node);
        }
        if (err != MR_OK || run->is_drained) {
            break;
        }
        show_progress(run);
        err = mri_node_wait(node, WAIT_MS);
        err = err == MR_AGAIN ? look_after_folder(run) : err;
    }
    run->is_interrupted = err == MR_OK && !run->is_drained;
    return err;
}

static enum mri_exit print_summary(struct run *run, double seconds)
{
    struct mri_cli *cli = run->cli;
    const struct mri_fold *fold = &run->node.fold;
    const struct mri_report *report = &fold->wiring.report;
    char digest[MRI_DIGEST_TEXT_BYTES];
    mr_problem problem;
    mr_err err = mri_log_digest(cli, run->folder, digest, NULL, &problem);
    if (err != MR_OK) {
        return mri_cli_fail(cli, MRI_EXIT_FAULT, "%s", problem.text);
    }
    const struct mri_summary_run summary = {
        .seconds = seconds,
        .events = report->events - run->before.events,
        .signals = report->signals - run->before.signals,
        .learned = fold->bus.slots.states[MR_LEARNED].count - run->learned_before,
        .candles = report->candles - run->before.candles,
        .digest = digest[0] == '\0' ? NULL : digest,
        .is_interrupted = run->is_interrupted,
    };
    struct mri_buf text;
    mri_buf_init(&text, cli->alloc, SUMMARY_BYTES_MAX);
    if (cli->is_json) {
        mri_summary_json(fold, &summary, &text);
    } else {
        mri_summary_print(fold, &summary, &text);
        char id[MRI_IDENT_BYTES];
        struct mri_names names = mri_names_of(fold);
        uint32_t last = fold->bus.slots.count;
        mri_buf_printf(&text, "\nnext:  %s status --dir %s\n", cli->program, run->folder);
        if (last > 0) {
            mri_buf_printf(&text, "       %s why %s --dir %s\n", cli->program,
                mri_names_signal(&names, last, id), run->folder);
        }
        mri_buf_printf(&text,
            "       %s query --limit 10 --dir %s\n"
            "       %s replay --check --dir %s\n",
            cli->program, run->folder, cli->program, run->folder);
    }
    enum mri_exit exit = mri_cli_print(cli, &text);
    mri_buf_fini(&text);
    return exit;
}

/** The feed is named when the log does not keep where it is. */
static void say_how_to_continue(const struct run *run)
{
    const char *kept = mr_log_attribute_get(run->node.log, MRI_ATTRIBUTE_FEED_PATH);
    bool is_named =
        run->feed_option.path != NULL && (kept == NULL || strcmp(kept, run->feed_path) != 0);
    struct mri_buf line;
    mri_buf_init(&line, run->cli->alloc, 64 * 1024);
    mri_buf_printf(
        &line, "stopped    by signal; open horizons stay open, `%s run --dir ", run->cli->program);
    mri_text_escape(&line, mri_slice_of(run->folder));
    if (is_named) {
        mri_buf_text(&line, " --feed csv:");
        mri_text_escape(&line, mri_slice_of(run->feed_option.path));
    }
    mri_buf_text(&line, "` continues\n");
    (void)fputs(mri_buf_c_text(&line), stderr);
    mri_buf_fini(&line);
}

/** The log is left as after a crash. */
static enum mri_exit stop_early(const struct run *run)
{
    const struct mri_fold *fold = &run->node.fold;
    (void)fprintf(stderr, "decided    up to event %llu of %llu\n",
        (unsigned long long)fold->applied_seq, (unsigned long long)fold->bus.last_seq);
    say_how_to_continue(run);
    return MRI_EXIT_OK;
}

static enum mri_exit tell_failure(const struct run *run, mr_err err, const mr_problem *problem)
{
    if (is_moved(run)) {
        return mri_cli_fail(run->cli, MRI_EXIT_FAULT,
            "%s: the log was renamed or removed while it was in use; what was decided is in it: "
            "run "
            "it anew, where it is now",
            run->folder);
    }
    return problem->text[0] != '\0'
               ? mri_cli_fail(run->cli, mri_cli_exit_of(err), "%s", problem->text)
               : mri_cli_fail(
                     run->cli, mri_cli_exit_of(err), "%s: %s", run->folder, mr_err_text(err));
}

static enum mri_exit go(struct run *run)
{
    struct mri_cli *cli = run->cli;
    mr_problem problem = {""};
    run->before = run->node.fold.wiring.report;
    run->learned_before = run->node.fold.bus.slots.states[MR_LEARNED].count;
    if (!run->is_outside) {
        mri_intake_init(&run->intake, &run->node, &run->feed,
            (struct mri_intake_listener){.context = run, .problem = show_problem});
    }
    announce(run);
    mri_progress_begin(&run->progress, cli->os);
    mr_err err = run->is_outside ? live_on_others(run) : feed_all(run, &problem);
    double seconds = mri_progress_seconds(&run->progress);
    mri_progress_clear(&run->progress);
    if (run->node.is_stopped &&
        err == MR_AGAIN) { /* not a session's end: there is more to decide */
        return stop_early(run);
    }
    if (err != MR_OK) {
        return tell_failure(run, err, &problem);
    }
    err = mri_node_end_session(&run->node);
    if (err != MR_OK) {
        return mri_cli_fail(
            cli, mri_cli_exit_of(err), "%s: ending the session: %s", run->folder, mr_err_text(err));
    }
    if (run->node.snapshot_err != MR_OK) {
        (void)fprintf(stderr,
            "warning    a snapshot could not be written to %s/snap: %s; the next start reads more "
            "of the log instead\n",
            run->folder, mr_err_text(run->node.snapshot_err));
    }
    if (run->is_interrupted) {
        say_how_to_continue(run);
    }
    enum mri_exit exit = print_summary(run, seconds);
    bool is_healthy =
        mri_health_is_ledger_ok(&run->node.fold.wiring) && run->intake.damaged_files == 0;
    return exit == MRI_EXIT_OK && !is_healthy ? MRI_EXIT_NO : exit;
}

static enum mri_exit cmd_run(struct mri_cli *cli)
{
    void *block;
    if (mri_alloc_array(cli->alloc, 1, sizeof(struct run), &block) != MR_OK) {
        return mri_cli_fail(cli, MRI_EXIT_FAULT, "%s", mr_err_text(MR_ENOMEM));
    }
    struct run *run = block;
    run->cli = cli;
    run->folder = mri_cli_folder(cli);
    enum mri_exit exit = open_all(run);
    if (exit == MRI_EXIT_OK && run->has_node) {
        exit = go(run);
    }
    if (run->has_node) {
        mri_node_close(&run->node);
    }
    if (run->has_feed) {
        run->feed.close(run->feed.state);
    }
    if (run->has_config) {
        mri_config_fini(&run->config);
    }
    mri_alloc_free(cli->alloc, run, sizeof(*run));
    return exit;
}

static const struct mri_option options[] = {
    MRI_OPTION_DIR,
    {"config", "FILE", "configuration; default: the log's own, or the built-in one"},
    {"feed", "FEED",
        "csv:PATH (file or folder), synthetic:SEED, or none: other processes bring in prices; "
        "default: the log's own, or synthetic:1"},
    {"time", "MODE", "of a new log without a feed: simulated (default; the prices' own) or live"},
    {"drain", NULL, "with --feed none: decide on what is in the log, and end"},
    {"speed", "N|max", "seconds of market time a second; default: max"},
    {"json", NULL, "the last line of standard output is the summary as one JSON object"},
};

const struct mri_command mri_cmd_run = {
    .name = "run",
    .summary = "read a feed, decide, trade on paper, resolve, learn",
    .arguments = "",
    .about = "Reads the feed from where the directory's log ends, or from the start in a new "
             "directory.\n"
             "Every bar and signal is logged before it is decided on, every decision before it "
             "acts; Ctrl-C\n"
             "or a crash at any moment leaves a log that opens clean, and the same command "
             "continues it.\n"
             "A live log without a feed, as a bot's drop-in makes it, is run until Ctrl-C: time "
             "passes, and\n"
             "what programs emit is decided on.\n"
             "\n"
             "csv:PATH reads one-minute candles, *.csv or *.csv.gz; times are when the minute "
             "opens, in ms.\n"
             "Either " MRI_CSV_BARS_HEADER ":\n"
             "  1704067200000,BTCUSDT,42283.5,42298.6,42261.0,42298.6,35.92\n"
             "or the 12 columns of klines, of the symbol that the file's name begins with "
             "(BTCUSDT-1m.csv):\n"
             "  1704067200000,42283.5,42298.6,42261.0,42298.6,35.92,1704067259999,1519032.5,1327,"
             "20.1,850000.1,0\n",
    .options = options,
    .option_count = MRI_COUNT_OF(options),
    .needs_folder = true,
    .run = cmd_run,
};
