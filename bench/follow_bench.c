/* SPDX-License-Identifier: MIT */
/*
 * Following a log by subscription: every event, those of a kind, those of one source in 25,
 * and one by one; beside a bare reader of the same log. A third of the events make signals, the
 * others move them on, twice. The log stays for bench/follow.py.
 *
 * usage: follow_bench FOLDER
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/harness.h"
#include "millrace/bus.h"
#include "millrace/log_consumer.h"
#include "millrace/log_read.h"

enum { SIGNALS = 500000, BATCH = 1000, SOURCES = 25, ROUNDS = 5, ROWS = 5, SINGLES = 20000 };

static const char *folder;

static void stop(const char *what, const char *why)
{
    (void)fprintf(stderr, "follow_bench: %s: %s\n", what, why);
    exit(1);
}

static void check(mr_err err, const mr_problem *problem, const char *what)
{
    if (err != MR_OK) {
        stop(what, problem == NULL || problem->text[0] == '\0' ? mr_err_name(err) : problem->text);
    }
}

/** A live log with signals of many sources, each moved to its end. */
static void make_log(mr_bus *bus)
{
    static char sources[SOURCES][16];
    static mr_emission emissions[BATCH];
    static mr_emitted emitted[BATCH];
    static mr_move moves[BATCH];
    mr_problem problem = {""};
    for (unsigned i = 0; i < SOURCES; i++) {
        (void)snprintf(sources[i], sizeof(sources[i]), "bot-%u", i);
    }
    for (unsigned made = 0; made < SIGNALS; made += BATCH) {
        for (unsigned i = 0; i < BATCH; i++) {
            emissions[i] = (mr_emission){.symbol = "BTCUSDT",
                .source = sources[i % SOURCES],
                .side = MR_LONG,
                .confidence = 0.7,
                .data = "{\"why\": \"breakout of the range of the last hour\"}"};
        }
        check(mr_bus_emit(bus, emissions, BATCH, MR_ASYNC, emitted, &problem), &problem, "emit");
        for (unsigned i = 0; i < BATCH; i++) {
            moves[i] = (mr_move){.ordinal = emitted[i].ordinal,
                .from = MR_GENERATED,
                .to = MR_BLOCKED,
                .gate = "external",
                .reason = "external"};
        }
        check(mr_bus_move(bus, moves, BATCH, MR_ASYNC, NULL, &problem), &problem, "move");
        for (unsigned i = 0; i < BATCH; i++) {
            moves[i].from = MR_BLOCKED;
            moves[i].to = MR_LEARNED;
            moves[i].gate = NULL;
        }
        check(mr_bus_move(bus, moves, BATCH, MR_ASYNC, NULL, &problem), &problem, "move");
    }
}

/** Events a second of a reader that does nothing with them. */
static double read_bare(uint64_t *ret_count)
{
    mr_log_reader *reader;
    mr_log_event event;
    mr_problem problem = {""};
    uint64_t count = 0;
    int64_t began = mri_harness_ns();
    check(mr_log_reader_open(folder, &reader, &problem), &problem, "read");
    mr_err err;
    while ((err = mr_log_reader_next(reader, &event, &problem)) == MR_OK) {
        count++;
    }
    check(err == MR_END ? MR_OK : err, &problem, "read");
    mr_log_reader_close(reader);
    *ret_count = count;
    return (double)count * 1e9 / (double)(mri_harness_ns() - began);
}

/** Nanoseconds that it takes to be through with all events, or with the first of them. */
static double follow(mr_bus *bus, const mr_subscribe_options *wanted, size_t room, uint64_t most,
    uint64_t *ret_count)
{
    static mr_bus_event events[MR_CONSUMER_IN_FLIGHT_MAX];
    static mr_seq seqs[MR_CONSUMER_IN_FLIGHT_MAX];
    mr_subscribe_options options = *wanted;
    mr_subscription *subscription = NULL;
    mr_problem problem = {""};
    options.is_from_beginning = true;
    check(mr_bus_subscribe(bus, "bench", &options, &subscription, &problem), &problem, "subscribe");
    uint64_t done = 0;
    mr_err err = MR_OK;
    int64_t began = mri_harness_ns();
    while (err == MR_OK && done < most) {
        size_t count = 1;
        err = room == 1 ? mr_subscription_next(subscription, events, &problem)
                        : mr_subscription_next_many(subscription, events, room, &count, &problem);
        for (size_t i = 0; err == MR_OK && i < count; i++) {
            seqs[i] = events[i].seq;
        }
        if (err == MR_OK) {
            check(mr_subscription_ack_many(subscription, seqs, count, &problem), &problem, "ack");
            done += count;
        }
    }
    double took = (double)(mri_harness_ns() - began);
    check(err == MR_END ? MR_OK : err, &problem, "next");
    mr_subscription_close(subscription);
    check(mr_consumer_remove(folder, "bench", &problem), &problem, "remove");
    *ret_count = done;
    return took;
}

static double rate(
    mr_bus *bus, const mr_subscribe_options *wanted, size_t room, uint64_t most, uint64_t looked)
{
    uint64_t count;
    double took = follow(bus, wanted, room, most, &count);
    return (double)(looked == 0 ? count : looked) * 1e9 / took;
}

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;
    return (left > right) - (left < right);
}

int main(int argc, char **argv)
{
    static const char *const names[ROWS] = {"follow_bare_per_s", "follow_all_per_s",
        "follow_kind_per_s", "follow_source_looked_per_s", "follow_single_per_s"};
    static const mr_subscribe_options all = {.kind = NULL};
    static const mr_subscribe_options kind = {.kind = "signal.generated"};
    static const mr_subscribe_options source = {.source = "bot-7"};
    double rates[ROWS][ROUNDS];
    uint64_t events = 0;
    mr_bus *bus = NULL;
    mr_problem problem = {""};
    if (argc != 2) {
        stop("usage", "follow_bench FOLDER");
    }
    folder = argv[1];
    check(mr_bus_create(folder, &bus, &problem), &problem, "a log");
    check(mr_bus_register(bus, "BTCUSDT", &problem), &problem, "a symbol");
    make_log(bus);
    for (unsigned i = 0; i < ROUNDS; i++) {
        rates[0][i] = read_bare(&events);
        rates[1][i] = rate(bus, &all, MR_CONSUMER_IN_FLIGHT_MAX, UINT64_MAX, 0);
        rates[2][i] = rate(bus, &kind, MR_CONSUMER_IN_FLIGHT_MAX, UINT64_MAX, 0);
        rates[3][i] = rate(bus, &source, MR_CONSUMER_IN_FLIGHT_MAX, UINT64_MAX, events);
        rates[4][i] = rate(bus, &all, 1, SINGLES, 0);
    }
    for (unsigned i = 0; i < ROWS; i++) {
        qsort(rates[i], ROUNDS, sizeof(rates[i][0]), compare);
        mri_harness_result(names[i], rates[i][ROUNDS / 2]);
    }
    mr_bus_close(bus);
    return 0;
}
