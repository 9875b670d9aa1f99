/* SPDX-License-Identifier: MIT */
/*
 * Checks of what stands in a log.
 *
 * Invariants
 *  1. Everything is read as any reader reads it, beside those who append.
 *  2. A check that needs a sound log is left out of one that is not: one finding for one damage.
 */
#include "cli/doctor.h"
#include "cli/repair_outlook.h"
#include "cli/whole_segments.h"

#include <stdlib.h>

#include "base/text.h"
#include "base/utc.h"
#include "conf/yaml.h"
#include "log/consume/consumer.h"
#include "log/format/seal.h"
#include "log/format/segment.h"
#include "log/open/known_end.h"
#include "log/open/snapshot.h"
#include "log/read/reader.h"
#include "log/read/retain_first.h"
#include "pipeline/fold.h"
#include "pipeline/fold_snapshot.h"
#include "pipeline/health.h"
#include "pipeline/log_config.h"

enum { LETTER_BYTES_MAX = 4096 };
enum { SEGMENTS_CHECKED = 2, LAG_EVENTS_MANY = 1000000, EVENTS_WITHOUT_SNAPSHOT = 3000000 };

#define SECOND_NS          ((int64_t)1000000000)
#define LAG_LONG_NS        (3600 * SECOND_NS)
#define UNSEALED_LONG_NS   (3600 * SECOND_NS)
#define CLOCK_BACK_NS      SECOND_NS
#define SNAPSHOT_BYTES_MAX ((size_t)32 << 30)

static unsigned long long u(uint64_t value)
{
    return (unsigned long long)value;
}

static struct mri_fold_options fold_options(const struct mri_doctor *doctor)
{
    return (struct mri_fold_options){.os = doctor->cli->os,
        .alloc = doctor->cli->alloc,
        .folder = doctor->folder,
        .parse = mri_yaml_config};
}

/* ---- segments and seals ---------------------------------------------------------------------- */

/** What reading the newest segments shows. */
struct reading {
    mr_log_reader *reader;
    uint64_t from_seq;
    uint64_t events;
    uint64_t sealed_seq; /**< newest event that a SEAL covers; 0 = none of these segments has one */
};

static void note_record(
    struct mri_doctor *doctor, struct reading *reading, const mr_log_event *record)
{
    if (record->type == MRI_RECORD_SEAL && record->body_bytes >= sizeof(struct mri_seal)) {
        reading->sealed_seq = ((const struct mri_seal *)record->body)->last_seq;
    } else if (record->type != MRI_RECORD_ROLL) {
        mr_log_gap gap;
        doctor->last_seq = mr_log_event_gap(record, &gap) ? gap.last.n : record->seq.n;
        doctor->last_unix_ns = record->time_unix_ns;
        reading->events++;
    }
}

/** Read to the end; every checksum, number and link on the way is checked. */
static mr_err read_newest(struct mri_doctor *doctor, struct reading *reading, mr_problem *problem)
{
    mr_log_event record;
    mr_err err = mr_log_reader_seek(reading->reader, (mr_seq){reading->from_seq}, problem);
    while (err == MR_OK) {
        err = mr_log_reader_next(reading->reader, &record, problem);
        if (err == MR_OK) {
            note_record(doctor, reading, &record);
        }
    }
    return err == MR_END ? MR_OK : err;
}

/** A GAP is the way only of who can do without what is lost with it. */
static const char *todo_of_damage(const struct mri_doctor *doctor)
{
    uint64_t snapshot_seq = 0;
    mr_err err =
        mri_repair_outlook_snapshot(doctor->cli, doctor->folder, doctor->last_seq, &snapshot_seq);
    return err == MR_OK && snapshot_seq > 0
               ? "take it back: `millrace log repair --restore COPY`, with a copy or an archive; "
                 "only if the damaged events may be lost for good, `--gap` gives them up: without "
                 "--yes it says which"
               : "take it back: `millrace log repair --restore COPY`, with a copy or an archive; "
                 "`--gap` would give the damaged events up, and " MRI_REPAIR_OUTLOOK_LOST;
}

static void tell_damage(
    struct mri_doctor *doctor, mr_err err, const mr_problem *problem, bool is_end)
{
    doctor->is_sound = false;
    mri_findings_add(&doctor->findings, MRI_FINDING_FAULT, "segments",
        err == MR_ECORRUPT && is_end
            ? "take the end back: `millrace log repair --restore COPY`, with a copy or an archive; "
              "no GAP can stand for the end of a log"
        : err == MR_ECORRUPT ? todo_of_damage(doctor)
        : err == MR_EVERSION ? "use the newer program that wrote it"
                             : "let this user read the files; look at the disk",
        "%s", problem->text[0] != '\0' ? problem->text : mr_err_text(err));
}

static mr_err check_end(struct mri_doctor *doctor, mr_problem *problem)
{
    const struct mri_cli *cli = doctor->cli;
    struct mri_known_end known;
    mr_err err =
        mri_known_end_read(cli->os, cli->alloc, doctor->folder, doctor->manifest.log_uuid, &known);
    return err != MR_OK ? err
                        : mri_known_end_check(&known, cli->os, cli->alloc, doctor->folder,
                              doctor->last_seq, problem);
}

/** How old is the oldest event that no SEAL covers? */
static void check_seals(struct mri_doctor *doctor, struct reading *reading)
{
    struct mri_findings *findings = &doctor->findings;
    const struct mri_os *os = doctor->cli->os;
    uint64_t sealed = doctor->memory.is_there && doctor->memory.sealed.n > reading->sealed_seq
                          ? doctor->memory.sealed.n
                          : reading->sealed_seq;
    uint64_t first = sealed + 1 > reading->from_seq ? sealed + 1 : reading->from_seq;
    mr_log_event event;
    char age[MRI_UTC_BYTES];
    if (doctor->last_seq == 0 || first > doctor->last_seq) {
        mri_findings_ok(findings, "seals", "every event is sealed");
        return;
    }
    if (mr_log_reader_seek(reading->reader, (mr_seq){first}, NULL) != MR_OK ||
        mr_log_reader_next(reading->reader, &event, NULL) != MR_OK) {
        return; /* removed or sealed meanwhile */
    }
    int64_t age_ns = os->realtime_unix_ns(os->context) - event.time_unix_ns;
    uint64_t count = doctor->last_seq - first + 1;
    (void)mri_utc_duration(age_ns < 0 ? 0 : age_ns, age);
    if (age_ns > UNSEALED_LONG_NS) {
        mri_findings_add(findings, MRI_FINDING_WARNING, "seals",
            "`millrace log seal` seals what there is",
            "%llu events at the end are not sealed, the oldest for %s: a changed one would not "
            "show",
            u(count), age);
    } else {
        mri_findings_ok(findings, "seals", "%llu events at the end are not sealed yet, since %s",
            u(count), age);
    }
}

static void check_segments(struct mri_doctor *doctor)
{
    const struct mri_cli *cli = doctor->cli;
    struct mri_segment_list list = {0};
    struct reading reading = {0};
    mr_problem problem = {""};
    bool is_end = false; /* it is the end of the log that is missing */
    mr_err err = mri_segment_list(cli->os, cli->alloc, doctor->folder, &list);
    size_t count = list.count;
    if (err == MR_OK && count > 0) {
        reading.from_seq = list.base_seqs[count > SEGMENTS_CHECKED ? count - SEGMENTS_CHECKED : 0];
    }
    mri_segment_list_fini(&list);
    if (err == MR_OK) {
        err = mri_reader_open(cli->os, cli->alloc, doctor->folder, &reading.reader, &problem);
    }
    if (err == MR_OK && count > 0) {
        err = mri_reader_check_count(reading.reader, &problem);
        mri_reader_show_all(reading.reader);
        err = err == MR_OK ? read_newest(doctor, &reading, &problem) : err;
    }
    if (err == MR_OK) {
        err = check_end(doctor, &problem);
        is_end = err != MR_OK;
    }
    if (err == MR_OK) {
        err = mri_whole_segments_check(cli, doctor->folder, &problem);
    }
    if (err != MR_OK) {
        tell_damage(doctor, err, &problem, is_end);
    } else {
        size_t checked = count < SEGMENTS_CHECKED ? count : SEGMENTS_CHECKED;
        mri_findings_ok(&doctor->findings, "segments",
            "the newest %zu of %zu are sound, %llu events, up to event %llu", checked, count,
            u(reading.events), u(doctor->last_seq));
        check_seals(doctor, &reading);
    }
    mr_log_reader_close(reading.reader);
}

/* ---- snapshots and the beginning ------------------------------------------------------------- */

/** How many of the snapshots are undamaged, and have what they build on? */
static uint32_t count_good(struct mri_doctor *doctor, const struct mri_snapshot_list *list)
{
    const struct mri_cli *cli = doctor->cli;
    struct mri_buf payload;
    uint32_t good = 0;
    mri_buf_init(&payload, cli->alloc, SNAPSHOT_BYTES_MAX);
    for (uint32_t i = 0; i < list->count; i++) {
        struct mri_snapshot_place place;
        struct mri_snapshot_chain chain;
        uint64_t seq = list->seqs[i];
        good += mri_snapshot_read(cli->os, doctor->folder, seq, &place, &payload) == MR_OK &&
                mri_snapshot_chain_of(cli->os, doctor->folder, seq, &chain) == MR_OK;
    }
    mri_buf_fini(&payload);
    return good;
}

static void tell_no_snapshot(struct mri_doctor *doctor, uint32_t count)
{
    struct mri_findings *findings = &doctor->findings;
    if (doctor->first_seq > 1) {
        mri_findings_add(findings, MRI_FINDING_FAULT, "snapshots",
            "put a snapshot back from a copy of the folder snap",
            "the log's beginning was removed, and none of %u snapshots stands for it: it cannot be "
            "opened",
            count);
    } else if (count > 0) {
        mri_findings_add(findings, MRI_FINDING_WARNING, "snapshots",
            "remove them; the next `run` writes another one",
            "none of %u opens this log: opening reads all of it", count);
    } else if (doctor->last_seq > EVENTS_WITHOUT_SNAPSHOT) {
        mri_findings_add(findings, MRI_FINDING_WARNING, "snapshots",
            "let a `run` end by itself or with Ctrl-C: it writes one",
            "there is none: opening reads all %llu events", u(doctor->last_seq));
    } else {
        mri_findings_ok(
            findings, "snapshots", "none yet: opening reads all %llu events", u(doctor->last_seq));
    }
}

static void check_snapshots(struct mri_doctor *doctor)
{
    struct mri_findings *findings = &doctor->findings;
    const struct mri_fold_options options = fold_options(doctor);
    struct mri_snapshot_list list;
    mr_problem problem = {""};
    uint64_t needed = 0;
    mr_err err = mri_snapshot_list(doctor->cli->os, doctor->folder, &list);
    if (err != MR_OK) {
        mri_findings_add(findings, MRI_FINDING_WARNING, "snapshots",
            "let this user read the folder snap", "%s/snap: %s", doctor->folder, mr_err_text(err));
        return;
    }
    uint32_t good = count_good(doctor, &list);
    err = list.count == 0 ? MR_NOT_FOUND : mri_fold_snapshot_needed(&options, &needed, &problem);
    if (err == MR_NOT_FOUND) {
        tell_no_snapshot(doctor, list.count);
    } else if (err != MR_OK) {
        const char *before = mri_repair_outlook_before(err, problem.text);
        mri_findings_add(findings, MRI_FINDING_FAULT, before == NULL ? "snapshots" : "segments",
            before == NULL ? "look at the disk, and at the rights of the folder snap" : before,
            "%s", problem.text[0] != '\0' ? problem.text : mr_err_text(err));
    } else if (good < list.count) {
        mri_findings_add(findings, MRI_FINDING_WARNING, "snapshots",
            "remove the damaged ones; the log opens from another",
            "%u of %u are damaged, cannot be read, or lack one that they build on",
            list.count - good, list.count);
    } else {
        mri_findings_ok(findings, "snapshots", "%u, undamaged; opening reads from event %llu on",
            list.count, u(needed));
    }
}

static void check_beginning(struct mri_doctor *doctor)
{
    const struct mri_cli *cli = doctor->cli;
    mr_err err = mri_retain_first(cli->os, cli->alloc, doctor->folder, &doctor->first_seq);
    if (err != MR_OK) {
        mri_findings_add(&doctor->findings, MRI_FINDING_FAULT, "beginning",
            "let this user read the files; look at the disk", "%s: %s", doctor->folder,
            mr_err_text(err));
    } else if (doctor->first_seq > 1) {
        mri_findings_ok(&doctor->findings, "beginning",
            "kept from event %llu on; what was before was removed on request",
            u(doctor->first_seq));
    } else {
        mri_findings_ok(&doctor->findings, "beginning", "kept from its first event on");
    }
}

/* ---- consumers ------------------------------------------------------------------------------- */

struct walk {
    struct mri_doctor *doctor;
    struct mri_consumer_at at;
    uint32_t count;
    uint32_t good;
};

static bool check_lag(struct mri_findings *findings, const mr_consumer_stats *stats)
{
    if (stats->lag_events <= LAG_EVENTS_MANY && stats->lag_ns <= LAG_LONG_NS) {
        return true;
    }
    mri_findings_add(findings, MRI_FINDING_WARNING, "consumer",
        stats->handles == 0 ? "start its program, or remove it when nobody needs it: it holds what "
                              "it has not read"
                            : "give it more processes, or make it faster",
        "%s is %llu events and %.0f s behind, %u handles", stats->name, u(stats->lag_events),
        (double)stats->lag_ns / 1e9, stats->handles);
    return false;
}

/** Events were given up; the newest one and why, if the log still has it. */
static void warn_of_letters(struct walk *walk, const mr_consumer_stats *stats)
{
    struct mri_consumer_letter letter;
    mr_problem problem = {""};
    struct mri_buf last;
    mri_buf_init(&last, walk->doctor->cli->alloc, LETTER_BYTES_MAX);
    mr_err err = mri_consumer_last_letter(&walk->at, &letter, &problem);
    if (err == MR_OK) {
        mri_buf_printf(&last, "; the last one is event %llu", u(letter.of_seq));
        if (letter.why[0] != '\0') {
            mri_buf_text(&last, ": ");
            mri_text_quote(&last, mri_slice_of(letter.why));
        }
    } else if (err != MR_NOT_FOUND) {
        mri_buf_text(&last, "; the log cannot be read up to them");
    }
    mri_findings_add(&walk->doctor->findings, MRI_FINDING_WARNING, "consumer",
        "look at them in the log (tail shows log.dead_letter), and mend what refuses them",
        "%s has given up %llu events as dead letters%s", stats->name, u(stats->dead_letters),
        mri_buf_c_text(&last));
    mri_buf_fini(&last);
}

static mr_err check_consumer(void *argument, const char *name)
{
    struct walk *walk = argument;
    struct mri_findings *findings = &walk->doctor->findings;
    mr_consumer_stats stats;
    mr_problem problem = {""};
    walk->at.name = name;
    mr_err err = mri_consumer_stat(&walk->at, &stats, &problem);
    if (err == MR_NOT_FOUND) {
        return MR_OK; /* removed meanwhile */
    }
    walk->count++;
    if (err == MR_EACCESS) {
        mri_findings_add(findings, MRI_FINDING_WARNING, "consumer",
            "ask as the user that owns the log", "%s: %s", name, problem.text);
        return MR_OK;
    }
    if (err != MR_OK) {
        mri_findings_add(findings, MRI_FINDING_FAULT, "consumer",
            "bring its file back from a copy, or begin it anew (millrace log forget)", "%s: %s",
            name, problem.text[0] != '\0' ? problem.text : mr_err_text(err));
        return MR_OK;
    }
    bool is_good = check_lag(findings, &stats);
    if (stats.dead_letters > 0) {
        is_good = false;
        warn_of_letters(walk, &stats);
    }
    if (stats.lost_events > 0) {
        is_good = false;
        mri_findings_add(findings, MRI_FINDING_WARNING, "consumer",
            "make it one that holds its events, or let it read more often",
            "%s has missed %llu events that were removed before it had acked them", name,
            u(stats.lost_events));
    }
    walk->good += is_good;
    return MR_OK;
}

static void check_consumers(struct mri_doctor *doctor)
{
    struct walk walk = {.doctor = doctor,
        .at = {.os = doctor->cli->os, .alloc = doctor->cli->alloc, .folder = doctor->folder}};
    mr_problem problem = {""};
    mr_err err = mri_consumer_list(&walk.at, check_consumer, &walk, &problem);
    if (err != MR_OK) {
        mri_findings_add(&doctor->findings, MRI_FINDING_WARNING, "consumers",
            "let this user read the folder cur", "%s",
            problem.text[0] != '\0' ? problem.text : mr_err_text(err));
    } else if (walk.good == walk.count) {
        mri_findings_ok(
            &doctor->findings, "consumers", "%u, none far behind, no dead letters", walk.count);
    }
}

/* ---- configuration, state, clock ------------------------------------------------------------- */

static void check_config(struct mri_doctor *doctor)
{
    struct mri_findings *findings = &doctor->findings;
    const struct mri_fold_options options = fold_options(doctor);
    struct mri_config config;
    struct mri_buf text;
    mr_problem problem = {""};
    mri_buf_init(&text, doctor->cli->alloc, MRI_CONFIG_TEXT_BYTES_MAX);
    mr_err err = mri_log_config(&options, &text, &problem);
    if (err != MR_OK) {
        mri_findings_add(findings, MRI_FINDING_FAULT, "configuration",
            "give `run` a --config once: the log goes on with it", "%s",
            problem.text[0] != '\0' ? problem.text : mr_err_text(err));
    } else if (text.count == 0) {
        mri_findings_ok(findings, "configuration", "the log has none yet: the built-in one counts");
    } else {
        err = mri_yaml_config(
            (struct mri_slice){(const char *)text.bytes, text.count}, doctor->cli->alloc, &config);
        if (err == MR_OK) {
            mri_findings_ok(findings, "configuration",
                "the log's newest is complete and valid, %u "
                "instruments",
                config.instrument_count);
            mri_config_fini(&config);
        } else {
            mri_findings_add(findings, MRI_FINDING_FAULT, "configuration",
                "write a new one (`millrace config --print`), and give it to `run` with --config",
                "the log's newest is not one that this version knows: %s", mr_err_text(err));
        }
    }
    mri_buf_fini(&text);
}

static void check_symbols(struct mri_doctor *doctor, const struct mri_fold *fold)
{
    struct mri_findings *findings = &doctor->findings;
    const struct mri_market *market = &fold->wiring.market;
    const char *first = NULL;
    uint32_t unpriced = 0;
    uint32_t used = 0;
    for (uint32_t i = 0; i < market->instruments.count; i++) {
        const struct mri_market_symbol *symbol = mri_market_symbol(market, i);
        if (symbol == NULL || symbol->price.time_unix_ns == 0) {
            bool is_used = fold->bus.slots.by_symbol[i].count > 0;
            first = is_used && first == NULL ? market->instruments.specs[i].symbol : first;
            used += is_used;
            unpriced++;
        }
    }
    if (market->instruments.count == 0) {
        mri_findings_add(findings, MRI_FINDING_WARNING, "symbols",
            "let `run` begin once: it registers those of its feed and configuration",
            "none is registered: no signal can be emitted");
    } else if (used > 0) {
        mri_findings_add(findings, MRI_FINDING_WARNING, "symbols",
            "give the feed candles or quotes of them: their signals can only be blocked, and end "
            "unresolved",
            "%u symbols have signals and no price, %s is one", used, first);
    } else {
        mri_findings_ok(findings, "symbols", "%u are registered; %u without a price have no signal",
            market->instruments.count, unpriced);
    }
}

static void check_limits(struct mri_doctor *doctor, const struct mri_health *health)
{
    const struct mri_health_limit *signals = &health->limits[MRI_HEALTH_LIMIT_SIGNALS];
    bool is_near = false;
    for (unsigned i = 0; i < MRI_HEALTH_LIMIT_COUNT; i++) {
        const struct mri_health_limit *limit = &health->limits[i];
        is_near |= limit->is_near;
        if (limit->is_near) {
            mri_findings_add(&doctor->findings, MRI_FINDING_WARNING, "limits",
                "let `run --config` go on with a larger limit (`millrace config --print --dir DIR` "
                "writes the log's configuration)",
                "%llu of limits.%s_max %llu are used%s", u(limit->used), limit->name, u(limit->max),
                limit->is_reached ? ": one more is refused" : "");
        }
    }
    if (!is_near) {
        mri_findings_ok(&doctor->findings, "limits", "%llu of limits.signals_max %llu are used",
            u(signals->used), u(signals->max));
    }
}

/** Judged first: the market knows then what was fed and is not taken in. */
static void check_health(struct mri_doctor *doctor, struct mri_fold *fold)
{
    struct mri_findings *findings = &doctor->findings;
    struct mri_health health;
    mr_problem problem = {""};
    mr_err err = mri_health_judge(fold, &health, &problem);
    check_symbols(doctor, fold);
    if (err == MR_OK) {
        check_limits(doctor, &health);
    }
    if (err != MR_OK || health.state == MRI_HEALTH_DOWN) {
        mri_findings_add(findings, MRI_FINDING_FAULT, "health",
            "`millrace status` and `millrace verify` say more", "%s",
            err != MR_OK ? problem.text : health.why);
    } else if (health.ahead_ns != 0) {
        mri_findings_add(findings, MRI_FINDING_WARNING, "health",
            "set the clock right. If it is right now, it was in the future when the newest events "
            "came: what is emitted has the newest one's time until the clock is there, and a run "
            "goes on from it, CLOSE_ONLY. Wait without a run, or begin a new log",
            "%s", health.why);
    } else if (health.state == MRI_HEALTH_DEGRADED) {
        mri_findings_add(findings, MRI_FINDING_WARNING, "health", "`millrace status` says more",
            "%s", health.why);
    } else {
        mri_findings_ok(findings, "health", "%s, %llu inputs undecided",
            mri_health_text(health.state), u(health.pending.inputs));
    }
}

/** Is what follows an event a GAP? Then nothing is damaged: it was given up. */
static bool is_before_gap(const struct mri_doctor *doctor, uint64_t seq)
{
    const struct mri_cli *cli = doctor->cli;
    mr_log_reader *reader;
    mr_log_event record;
    if (mri_reader_open(cli->os, cli->alloc, doctor->folder, &reader, NULL) != MR_OK) {
        return false; /* it is told as damage, which it may be */
    }
    bool is_gap = mr_log_reader_seek(reader, (mr_seq){seq + 1}, NULL) == MR_OK &&
                  mr_log_reader_next(reader, &record, NULL) == MR_OK &&
                  mr_log_event_gap(&record, NULL);
    mr_log_reader_close(reader);
    return is_gap;
}

static void check_state(struct mri_doctor *doctor)
{
    bool is_gap = false;
    const struct mri_cli *cli = doctor->cli;
    const struct mri_fold_options options = fold_options(doctor);
    mr_problem problem = {""};
    void *block;
    mr_err err = mri_alloc_array(cli->alloc, 1, sizeof(struct mri_fold), &block);
    if (err == MR_OK) {
        struct mri_fold *fold = block;
        err = mri_fold_init(fold, &options, &problem);
        if (err == MR_OK && fold->damage != MR_OK) {
            err = fold->damage;
            problem = fold->damage_problem;
            is_gap = is_before_gap(doctor, fold->bus.last_seq);
            mri_fold_fini(fold);
        } else if (err == MR_OK) {
            err = mri_fold_name_pending(fold, &problem);
            if (err == MR_OK) {
                check_health(doctor, fold);
            }
            mri_fold_fini(fold);
        }
        mri_alloc_free(cli->alloc, block, sizeof(struct mri_fold));
    }
    if (err != MR_OK) {
        const char *before = mri_repair_outlook_before(err, problem.text);
        mri_findings_add(&doctor->findings, MRI_FINDING_FAULT, "state",
            before != NULL ? before
            : is_gap
                ? "put the whole log back from a copy or an archive of before the repair, or "
                  "begin a new one; what is behind the GAP can be read (tail, show, verify), and "
                  "nobody can run or emit here"
                : "`millrace verify` finds damage; `millrace log repair --restore COPY` takes it "
                  "back from a copy or an archive",
            "%s", problem.text[0] != '\0' ? problem.text : mr_err_text(err));
    }
}

/** A log whose newest event is from the future: the clock was set back since. */
static void check_clock(struct mri_doctor *doctor)
{
    struct mri_findings *findings = &doctor->findings;
    const struct mri_os *os = doctor->cli->os;
    int64_t ahead_ns = doctor->last_unix_ns - os->realtime_unix_ns(os->context);
    int64_t boot_ns = os->realtime_unix_ns(os->context) - os->boottime_ns(os->context);
    char text[MRI_UTC_BYTES];
    if (doctor->last_seq == 0) {
        return;
    }
    if (ahead_ns > CLOCK_BACK_NS) {
        mri_findings_add(findings, MRI_FINDING_WARNING, "time",
            "set the clock right; until then new events carry the time of the newest one",
            "the newest event was logged %s after now: the clock was set back",
            mri_utc_duration(ahead_ns, text));
        return;
    }
    mri_findings_ok(findings, "time", "the newest event was logged %s ago, %s the machine's start",
        mri_utc_duration(-ahead_ns < 0 ? 0 : -ahead_ns, text),
        doctor->last_unix_ns > boot_ns ? "since" : "before");
}

void mri_doctor_log_check(struct mri_doctor *doctor)
{
    if (!doctor->has_manifest) {
        return;
    }
    doctor->is_sound = true;
    check_segments(doctor);
    check_beginning(doctor);
    if (doctor->is_sound) {
        check_clock(doctor);
        check_snapshots(doctor);
        check_consumers(doctor);
        check_config(doctor);
        check_state(doctor);
    }
}
