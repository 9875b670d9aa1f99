/* SPDX-License-Identifier: MIT */
/*
 * millrace log stat, millrace log flush: what a log holds, and syncing it from outside.
 */
#include "base/check.h"
#include "base/problem.h"
#include "base/text.h"
#include "base/utc.h"
#include "cli/cli.h"
#include "cli/describe.h"
#include "cli/log_verbs.h"
#include "log/consume/consumer.h"
#include "log/open/figures.h"

enum { TEXT_BYTES_MAX = 64 * 1024 };

static unsigned long long u(uint64_t value)
{
    return (unsigned long long)value;
}

static double bytes_a_record(const mr_log_figures *figures)
{
    return figures->records == 0 ? 0.0 : (double)figures->record_bytes / (double)figures->records;
}

/** The consumers of the log, put into a text or into JSON. */
struct consumers {
    struct mri_consumer_at at;
    struct mri_json_writer *json; /**< NULL: a line of text each */
    struct mri_buf *text;
    mr_problem *problem;
    mr_err fault; /**< of the first that cannot be read */
    mr_problem fault_problem;
};

/** The newest dead letter, if the log still has it. */
static mr_err put_letter(const struct consumers *consumers, const mr_consumer_stats *stats)
{
    struct mri_consumer_letter letter;
    mr_err err = stats->dead_letters == 0
                     ? MR_NOT_FOUND
                     : mri_consumer_last_letter(&consumers->at, &letter, consumers->problem);
    if (err != MR_OK) {
        return err == MR_NOT_FOUND ? MR_OK : err;
    }
    if (consumers->json == NULL) {
        mri_buf_printf(consumers->text,
            "           the last dead letter: event %llu, delivered %u times, in event %llu",
            u(letter.of_seq), letter.deliveries, u(letter.seq));
        if (letter.why[0] != '\0') {
            mri_buf_text(consumers->text, ": ");
            mri_text_quote(consumers->text, mri_slice_of(letter.why));
        }
        mri_buf_text(consumers->text, "\n");
        return MR_OK;
    }
    mri_json_write_key(consumers->json, "last_dead_letter");
    mri_json_write_object_open(consumers->json);
    mri_json_put_count(consumers->json, "seq", letter.seq);
    mri_json_put_count(consumers->json, "of", letter.of_seq);
    mri_json_put_count(consumers->json, "deliveries", letter.deliveries);
    if (letter.why[0] != '\0') {
        mri_json_put_text(consumers->json, "nack_reason", letter.why);
    }
    mri_json_write_object_close(consumers->json);
    return MR_OK;
}

/** One that cannot be read: the others are told all the same. */
static void put_fault(struct consumers *consumers, const char *name, mr_err err)
{
    struct mri_json_writer *json = consumers->json;
    if (consumers->fault == MR_OK) {
        consumers->fault =
            mri_problem_pass(&consumers->fault_problem, err, consumers->problem->text);
    }
    if (json == NULL) {
        mri_buf_printf(consumers->text,
            "consumer   %s: %s; `log forget --consumer %s` removes it\n", name,
            consumers->problem->text, name);
        return;
    }
    mri_json_write_object_open(json);
    mri_json_put_text(json, "name", name);
    mri_json_put_text(json, "fault", consumers->problem->text);
    mri_json_write_object_close(json);
}

static mr_err put_consumer(void *argument, const char *name)
{
    struct consumers *consumers = argument;
    struct mri_json_writer *json = consumers->json;
    mr_consumer_stats stats;
    consumers->at.name = name;
    mr_err err = mri_consumer_stat(&consumers->at, &stats, consumers->problem);
    if (err == MR_ECORRUPT || err == MR_EVERSION) {
        put_fault(consumers, name, err);
        return MR_OK;
    }
    if (err != MR_OK) {
        return err == MR_NOT_FOUND ? MR_OK : err; /* removed meanwhile */
    }
    const char *policy = stats.policy == MR_CONSUMER_HOLD ? "hold" : "drop";
    if (json == NULL) {
        mri_buf_printf(consumers->text,
            "consumer   %s (%s): at event %llu, %llu behind, %.1f s; %u in flight, %u handles; "
            "%llu "
            "redelivered, %llu dead letters, %llu lost\n",
            name, policy, u(stats.next.n), u(stats.lag_events), (double)stats.lag_ns / 1e9,
            stats.in_flight, stats.handles, u(stats.redeliveries), u(stats.dead_letters),
            u(stats.lost_events));
        return put_letter(consumers, &stats);
    }
    mri_json_write_object_open(json);
    mri_json_put_text(json, "name", name);
    mri_json_put_text(json, "policy", policy);
    mri_json_put_count(json, "next_seq", stats.next.n);
    mri_json_put_count(json, "lag_events", stats.lag_events);
    mri_json_put_count(json, "lag_ns", (uint64_t)stats.lag_ns);
    mri_json_put_count(json, "in_flight", stats.in_flight);
    mri_json_put_count(json, "handles", stats.handles);
    mri_json_put_count(json, "redeliveries", stats.redeliveries);
    mri_json_put_count(json, "dead_letters", stats.dead_letters);
    mri_json_put_count(json, "lost_events", stats.lost_events);
    mri_json_put_count(json, "rewinds", stats.rewinds);
    err = put_letter(consumers, &stats);
    mri_json_write_object_close(json);
    return err;
}

static void put_memory_json(const mr_log_memory *memory, struct mri_json_writer *json)
{
    mri_json_write_key(json, "memory");
    if (!memory->is_there) {
        mri_json_write_null(json);
        return;
    }
    mri_json_write_object_open(json);
    mri_json_put_count(json, "processes", memory->processes);
    mri_json_put_text(json, "path", memory->path);
    mri_json_put_count(json, "ring_bytes", memory->ring_bytes);
    mri_json_put_count(json, "tail_seq", memory->tail.n);
    mri_json_put_count(json, "written_seq", memory->written.n);
    mri_json_put_count(json, "durable_seq", memory->durable.n);
    mri_json_put_count(json, "sealed_seq", memory->sealed.n);
    mri_json_put_count(json, "writer_epoch", memory->writer_epoch);
    mri_json_put_count(json, "syncs", memory->syncs);
    mri_json_put_count(json, "waits_for_disk", memory->waits);
    mri_json_put_count(json, "orphaned_locks", memory->orphans);
    mri_json_put_count(json, "finished_batches", memory->finished);
    mri_json_put_bool(json, "poisoned", memory->is_poisoned);
    mri_json_write_object_close(json);
}

static void put_warning(struct mri_json_writer *json, const char *key, const char *warning)
{
    mri_json_write_key(json, key);
    if (warning == NULL) {
        mri_json_write_null(json);
    } else {
        mri_json_write_text(json, mri_slice_of(warning));
    }
}

static mr_err put_json(
    const mr_log_figures *figures, struct consumers *consumers, struct mri_buf *text)
{
    struct mri_json_writer json;
    mri_json_write_begin(&json, text);
    mri_json_write_object_open(&json);
    mri_json_put_text(&json, "uuid", figures->uuid);
    mri_json_put_count(&json, "segments", figures->segments);
    mri_json_put_count(&json, "segment_bytes", figures->segment_bytes);
    mri_json_put_count(&json, "archived", figures->archived);
    mri_json_put_count(&json, "archived_bytes", figures->archived_bytes);
    mri_json_put_count(&json, "damaged_copies", figures->damaged_copies);
    mri_json_put_count(&json, "folder_bytes", figures->folder_bytes);
    mri_json_put_bool(&json, "spare", figures->has_spare);
    mri_json_put_count(&json, "records", figures->records);
    mri_json_put_count(&json, "record_bytes", figures->record_bytes);
    mri_json_put_count(&json, "recoveries", figures->recoveries);
    mri_json_put_count(&json, "gaps", figures->gaps);
    mri_json_put_count(&json, "lost_events", figures->lost_events);
    mri_json_put_count(&json, "first_seq", figures->first.n);
    mri_json_put_count(&json, "last_seq", figures->last.n);
    mri_json_put_count(&json, "removed_seq", figures->removed.n);
    char time[MRI_UTC_BYTES];
    if (figures->first.n != 0) {
        mri_json_put_text(&json, "first_time", mri_utc_format(figures->first_unix_ns, time));
        mri_json_put_text(&json, "last_time", mri_utc_format(figures->last_unix_ns, time));
    }
    mri_json_put_bool(&json, "writing", figures->has_writer);
    mri_json_put_count(&json, "writer_process", figures->writer_process);
    put_memory_json(&figures->memory, &json);
    mri_json_put_count(&json, "snapshots", figures->snapshots);
    mri_json_put_count(&json, "newest_snapshot_seq", figures->newest_snapshot.n);
    mri_json_put_count(&json, "producers", figures->producers);
    mri_json_put_count(&json, "message_ids", figures->message_ids);
    mri_json_put_count(&json, "producers_seq", figures->producers_up_to.n);
    put_warning(&json, "producers_warning", figures->producers_warning);
    mri_json_put_count(&json, "features_compat", figures->features_compat);
    mri_json_put_count(&json, "features_ro_compat", figures->features_ro_compat);
    mri_json_put_count(&json, "features_incompat", figures->features_incompat);
    mri_json_put_text(&json, "file_system", figures->file_system);
    put_warning(&json, "warning", figures->warning);
    mri_json_put_bool(&json, "damaged", figures->damage != MR_OK);
    mri_json_write_key(&json, "consumers");
    mri_json_write_array_open(&json);
    consumers->json = &json;
    mr_err err = mri_consumer_list(&consumers->at, put_consumer, consumers, consumers->problem);
    mri_json_write_array_close(&json);
    mri_json_write_object_close(&json);
    mri_buf_text(text, "\n");
    return err;
}

static void put_events(const mr_log_figures *figures, struct mri_buf *text)
{
    char first[MRI_UTC_BYTES];
    char last[MRI_UTC_BYTES];
    if (figures->first.n == 0) {
        mri_buf_text(text, "events     none\n");
        return;
    }
    mri_buf_printf(text,
        "events     %llu to %llu, logged %s to %s\n"
        "records    %llu, %.1f MB, %.0f bytes each; %llu recoveries after a crash\n",
        u(figures->first.n), u(figures->last.n), mri_utc_format(figures->first_unix_ns, first),
        mri_utc_format(figures->last_unix_ns, last), u(figures->records),
        (double)figures->record_bytes / 1e6, bytes_a_record(figures), u(figures->recoveries));
    if (figures->gaps > 0) {
        mri_buf_printf(text, "lost       %llu events in %llu gaps, which a repair gave up\n",
            u(figures->lost_events), u(figures->gaps));
    }
    if (figures->removed.n > 0) {
        mri_buf_printf(
            text, "removed    everything up to event %llu, on request\n", u(figures->removed.n));
    }
}

static void put_writers(const mr_log_figures *figures, struct mri_buf *text)
{
    const mr_log_memory *memory = &figures->memory;
    if (!figures->has_writer) {
        mri_buf_text(text, "writer     nobody\n");
    } else if (memory->processes > 1) {
        mri_buf_printf(text, "writers    %u processes, %u among them\n", memory->processes,
            figures->writer_process);
    } else {
        mri_buf_printf(text, "writer     process %u\n", figures->writer_process);
    }
    if (!memory->is_there) {
        return;
    }
    mri_buf_printf(text,
        "memory     %s, ring of %.0f MB\n"
        "           events: newest %llu, written %llu, durable %llu, sealed %llu\n"
        "           %llu syncs, %llu waits for the disk, %llu orphaned locks, %llu batches "
        "finished for the dead\n",
        memory->path, (double)memory->ring_bytes / 1048576.0, u(memory->tail.n),
        u(memory->written.n), u(memory->durable.n), u(memory->sealed.n), u(memory->syncs),
        u(memory->waits), u(memory->orphans), u(memory->finished));
    if (memory->is_poisoned) {
        mri_buf_text(text,
            "POISONED   a write or sync has failed: every process must close the log, the next "
            "open looks at what the disk has\n");
    }
}

static void put_text(const mr_log_figures *figures, const char *folder, struct mri_buf *text)
{
    mri_text_escape(text, mri_slice_of(folder));
    mri_buf_printf(text, ": log %s\n", figures->uuid);
    put_events(figures, text);
    mri_buf_printf(text, "segments   %llu of %.0f MB", u(figures->segments),
        (double)figures->segment_bytes / 1048576.0);
    if (figures->archived > 0) {
        mri_buf_printf(text, ", %llu archived in %.1f MB", u(figures->archived),
            (double)figures->archived_bytes / 1e6);
    }
    mri_buf_printf(text, "%s; all files %.1f MB\n",
        figures->has_spare ? ", the next one is prepared" : "",
        (double)figures->folder_bytes / 1e6);
    if (figures->damaged_copies > 0) {
        mri_buf_printf(text, "copies     %llu of damaged segments, left by repairs\n",
            u(figures->damaged_copies));
    }
    put_writers(figures, text);
    if (figures->snapshots == 0) {
        mri_buf_text(text, "snapshots  none: opening reads the whole log\n");
    } else {
        uint64_t newest = figures->newest_snapshot.n;
        mri_buf_printf(text, "snapshots  %llu, the newest at event %llu, %llu events ago\n",
            u(figures->snapshots), u(newest),
            u(figures->last.n > newest ? figures->last.n - newest : 0));
    }
    if (figures->has_producers) {
        mri_buf_printf(text, "producers  %u, and %u message ids, up to event %llu\n",
            figures->producers, figures->message_ids, u(figures->producers_up_to.n));
    }
    if (figures->producers_warning != NULL) {
        mri_buf_printf(text, "producers  WARNING, %s\n", figures->producers_warning);
    }
    mri_buf_printf(text, "features   compat %x, ro_compat %x, incompat %x\n",
        figures->features_compat, figures->features_ro_compat, figures->features_incompat);
    mri_buf_printf(text, "disk       %s%s%s\n", figures->file_system,
        figures->warning == NULL ? "" : ": WARNING, ",
        figures->warning == NULL ? "" : figures->warning);
}

static enum mri_exit cmd_log_stat(struct mri_cli *cli)
{
    mr_log_figures figures;
    struct mri_buf text;
    mr_problem problem = {""};
    const char *folder = mri_cli_folder(cli);
    mr_err err = mri_figures_count(cli->os, cli->alloc, folder, &figures, &problem);
    if (err != MR_OK) {
        return mri_cli_fail(cli, mri_cli_exit_of(err), "%s", problem.text);
    }
    mri_buf_init(&text, cli->alloc, TEXT_BYTES_MAX);
    struct consumers consumers = {
        .at = {.os = cli->os, .alloc = cli->alloc, .folder = folder},
        .text = &text,
        .problem = &problem,
    };
    if (cli->is_json) {
        err = put_json(&figures, &consumers, &text);
    } else {
        put_text(&figures, folder, &text);
        err = mri_consumer_list(&consumers.at, put_consumer, &consumers, &problem);
    }
    enum mri_exit exit = mri_cli_print(cli, &text);
    mri_buf_fini(&text);
    if (err == MR_OK && consumers.fault != MR_OK) {
        err = mri_problem_pass(&problem, consumers.fault, consumers.fault_problem.text);
    }
    if (err != MR_OK && exit == MRI_EXIT_OK) {
        return mri_cli_fail(cli, mri_cli_exit_of(err), "%s", problem.text);
    }
    if (figures.damage != MR_OK) {
        return mri_cli_fail(
            cli, MRI_EXIT_FAULT, "counted up to the damage: %s", figures.damage_problem.text);
    }
    return exit;
}

static enum mri_exit cmd_log_flush(struct mri_cli *cli)
{
    struct mri_buf text;
    mr_problem problem = {""};
    mr_seq last;
    const char *folder = mri_cli_folder(cli);
    mr_err err = mri_figures_flush(cli->os, cli->alloc, folder, &last, &problem);
    if (err != MR_OK) {
        return mri_cli_fail_to_write(cli, err, &problem);
    }
    mri_buf_init(&text, cli->alloc, TEXT_BYTES_MAX);
    if (cli->is_json) {
        struct mri_json_writer json;
        mri_json_write_begin(&json, &text);
        mri_json_write_object_open(&json);
        mri_json_put_count(&json, "durable_seq", last.n);
        mri_json_write_object_close(&json);
        mri_buf_text(&text, "\n");
    } else {
        mri_text_escape(&text, mri_slice_of(folder));
        mri_buf_printf(&text, ": durable up to event %llu\n", u(last.n));
    }
    enum mri_exit exit = mri_cli_print(cli, &text);
    mri_buf_fini(&text);
    return exit;
}

static const struct mri_option options[] = {MRI_OPTION_DIR, MRI_OPTION_JSON};

const struct mri_command mri_cmd_log_stat = {
    .name = "log stat",
    .summary = "count events, segments, bytes; who writes, on what disk",
    .arguments = "",
    .about = "Reads the whole log. Exit code 3: it is damaged; the figures are as of before.\n",
    .options = options,
    .option_count = MRI_COUNT_OF(options),
    .needs_folder = true,
    .run = cmd_log_stat,
};

const struct mri_command mri_cmd_log_flush = {
    .name = "log flush",
    .summary = "make all that was logged survive a power cut",
    .arguments = "",
    .about = "For a log whose writer is gone, as after kill -9, and beside processes that write. "
             "One that\n"
             "has the log alone, as run has, is named and nothing is done: it syncs by itself.\n",
    .options = options,
    .option_count = MRI_COUNT_OF(options),
    .needs_folder = true,
    .run = cmd_log_flush,
};
