/* SPDX-License-Identifier: MIT */
/*
 * Questions about random moments of a long log: `asof_bench FOLDER`, a log that was run before.
 *
 * Each question is about a moment that was not asked about before, so that nothing of it is at
 * hand. Beside it the same questions about now, what every signal looked at once costs, which is
 * the floor of an answer without an index of moments, and what an event costs that is read
 * backwards: so much more for each event that a signal under way has waited.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/prng.h"
#include "bench/harness.h"
#include "millrace/bus.h"
#include "millrace/log_read.h"

enum { MOMENTS = 200, ROOM = 100, MS = 1000000, BACK_EVENTS = 2000000 };

static const char *const questions[] = {
    "state=blocked",
    "state in (generated, evaluating, approved, executing, executed)",
    "gate=expected_value and side=short",
    "age<1h order by time asc",
};

enum { QUESTIONS = sizeof(questions) / sizeof(questions[0]) };

static void check(mr_err err, const mr_problem *problem)
{
    if (err != MR_OK) {
        (void)fprintf(stderr, "asof_bench: %s: %s\n", mr_err_name(err), problem->text);
        exit(1);
    }
}

/** One question about the moment behind an event. */
static int64_t ask(mr_bus *bus, uint64_t seq, const char *question, uint64_t *found)
{
    char text[32];
    mr_problem problem = {""};
    mr_log_token moment;
    mr_ordinal ordinals[ROOM];
    mr_bus_page page = {.ordinals = ordinals, .room = ROOM};
    (void)snprintf(text, sizeof(text), "%llu", (unsigned long long)seq);
    int64_t began = mri_harness_ns();
    check(mr_bus_moment(bus, text, &moment, &problem), &problem);
    check(mr_bus_query_at(bus, &moment, question, &page, &problem), &problem);
    int64_t took = mri_harness_ns() - began;
    *found += page.count;
    return took;
}

static int64_t ask_time(mr_bus *bus, int64_t age_s, uint64_t *found)
{
    char text[32];
    mr_problem problem = {""};
    mr_log_token moment;
    (void)snprintf(text, sizeof(text), "%llds", (long long)age_s);
    int64_t began = mri_harness_ns();
    check(mr_bus_moment(bus, text, &moment, &problem), &problem);
    int64_t took = mri_harness_ns() - began;
    *found += moment.seq;
    return took;
}

static int64_t ask_now(mr_bus *bus, const char *question, uint64_t *found)
{
    mr_problem problem = {""};
    mr_ordinal ordinals[ROOM];
    mr_bus_page page = {.ordinals = ordinals, .room = ROOM};
    int64_t began = mri_harness_ns();
    check(mr_bus_query(bus, question, &page, &problem), &problem);
    *found += page.count;
    return mri_harness_ns() - began;
}

/** Every signal looked at, none matches. */
static int64_t look_at_all(mr_bus *bus, uint64_t *found)
{
    return ask_now(bus, "last_seq<1", found);
}

/** The same, of an answer that is the whole distance of time from the first signal to now. */
static int64_t span_s(mr_bus *bus)
{
    mr_signal first;
    int64_t time_unix_ns;
    mr_problem problem = {""};
    check(mr_bus_get(bus, (mr_ordinal){1}, &first), &problem);
    check(mr_bus_event_time(bus, &time_unix_ns, &problem), &problem);
    return (time_unix_ns - first.event_time_unix_ns) / 1000000000;
}

/** Nanoseconds an event, from the end on. */
static double read_back(const char *folder)
{
    mr_log_reader *reader;
    mr_log_event event;
    mr_problem problem = {""};
    unsigned count = 0;
    check(mr_log_reader_open(folder, &reader, &problem), &problem);
    check(mr_log_reader_seek_end(reader, &problem), &problem);
    int64_t began = mri_harness_ns();
    while (count < BACK_EVENTS && mr_log_reader_previous(reader, &event, &problem) == MR_OK) {
        count++;
    }
    int64_t took = mri_harness_ns() - began;
    mr_log_reader_close(reader);
    return (double)took / count;
}

int main(int argc, char **argv)
{
    mr_bus *bus;
    struct mri_prng prng;
    mr_problem problem = {""};
    mr_log_token now;
    static int64_t by_event[MOMENTS];
    static int64_t by_time[MOMENTS];
    static int64_t of_now[MOMENTS];
    static int64_t of_all[MOMENTS];
    uint64_t found = 0;
    uint64_t counts[MR_STATE_COUNT];
    uint64_t signals = 0;
    if (argc != 2) {
        (void)fprintf(stderr, "usage: asof_bench FOLDER\n");
        return 2;
    }
    int64_t began = mri_harness_ns();
    check(mr_bus_open(argv[1], &bus, &problem), &problem);
    mri_harness_result("asof_open_ms", (double)(mri_harness_ns() - began) / MS);
    check(mr_bus_moment(bus, NULL, &now, &problem), &problem);
    mri_prng_init(&prng, 1);
    int64_t span = span_s(bus);
    for (unsigned i = 0; i < MOMENTS; i++) {
        const char *question = questions[i % QUESTIONS];
        by_event[i] = ask(bus, 1 + mri_prng_below(&prng, now.seq), question, &found);
        by_time[i] = ask_time(bus, (int64_t)mri_prng_below(&prng, (uint64_t)span), &found);
        of_now[i] = ask_now(bus, question, &found);
        of_all[i] = look_at_all(bus, &found);
    }
    check(mr_bus_counts(bus, counts, &problem), &problem);
    for (unsigned state = 0; state < MR_STATE_COUNT; state++) {
        signals += counts[state];
    }
    mri_harness_result("asof_events", (double)now.seq);
    mri_harness_result("asof_signals", (double)signals);
    mri_harness_percentiles("asof_event_ms", by_event, MOMENTS, MS);
    mri_harness_percentiles("asof_time_ms", by_time, MOMENTS, MS);
    mri_harness_percentiles("asof_now_ms", of_now, MOMENTS, MS);
    mri_harness_percentiles("asof_floor_ms", of_all, MOMENTS, MS);
    mri_harness_result("asof_back_ns", read_back(argv[1]));
    mri_harness_result("asof_found", (double)found);
    mr_bus_close(bus);
    return 0;
}
