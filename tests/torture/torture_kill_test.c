/* SPDX-License-Identifier: MIT */
/*
 * kill -9 of processes that share a log: four writers, three readers and one that comes and goes.
 * At random moments, one of them or all at once; and at each place where the order of stores
 * matters. What was acknowledged is there at the next open, once and in order, and readers never
 * see anything that is not.
 *
 * usage: torture_kill_test      SEED=n repeats a run; KILLS=n at random, TIMES=n at each place
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/torture/torture_parts.h"
#include "tests/torture/torture_point.h"

enum {
    WRITERS = 4,
    PARTS = WRITERS + 4,
    KILLS = 400,
    KILLS_OF_A_LOG = 100,
    TIMES = 3,
    SEGMENT = 1024 * 1024,
};

static struct mri_torture_ledger *ledger;
static char parent[MRI_TEMP_FOLDER_BYTES];
static char folder[MRI_TORTURE_PATH_BYTES];
static struct mri_torture_part parts[PARTS];
static pid_t children[PARTS];

static void begin_log(void)
{
    static const enum mri_torture_kind kinds[PARTS] = {MRI_TORTURE_WRITER, MRI_TORTURE_WRITER,
        MRI_TORTURE_WRITER, MRI_TORTURE_WRITER, MRI_TORTURE_TAILER, MRI_TORTURE_DURABLE,
        MRI_TORTURE_SEEKER, MRI_TORTURE_COMER};
    mri_torture_ledger_clear(ledger);
    (void)mri_temp_folder_make(parent);
    (void)snprintf(folder, sizeof(folder), "%s/log", parent);
    for (uint32_t i = 0; i < PARTS; i++) {
        parts[i] = (struct mri_torture_part){.ledger = ledger,
            .folder = folder,
            .options = {.is_create = true,
                .segment_bytes = SEGMENT,
                .is_ring_in_folder = mri_torture_below(2) == 0,
                .sync_interval_ms = 20},
            .is_deriving = true,
            .pace = mri_torture_pace_usual(),
            .kind = kinds[i],
            .index = i};
    }
}

static void end_log(void)
{
    mri_temp_folder_remove(parent);
}

/** Be the next one to open it after everybody's death: all that was acknowledged is there. */
static void open_and_compare(void *argument)
{
    const bool *is_closing = argument;
    mr_problem problem = {""};
    mr_log *log = NULL;
    const mr_log_options options = {.is_create = true, .segment_bytes = SEGMENT}; /* none has yet */
    const struct mri_log_opener opener = {.options = &options};
    mri_torture_ok(mri_torture_open(ledger, folder, &opener, &log, &problem),
        "open after the deaths", &problem);
    uint64_t last = mri_torture_ledger_compare(ledger, folder, false);
    MRI_TORTURE_CHECK(mr_log_last(log).n == last, "the log says %llu, its reader %llu",
        (unsigned long long)mr_log_last(log).n, (unsigned long long)last);
    if (*is_closing) {
        mri_torture_ok(mr_log_sync(log), "sync after the deaths", NULL);
        mr_log_close(log);
        (void)mri_torture_ledger_compare(ledger, folder, false);
    }
}

static void kill_all(void)
{
    for (uint32_t i = 0; i < PARTS; i++) {
        (void)kill(children[i], SIGKILL); /* at one moment, as nearly as may be */
    }
    for (uint32_t i = 0; i < PARTS; i++) {
        mri_torture_kill(children[i]);
    }
    bool is_closing = mri_torture_below(2) == 0;
    mri_torture_in_child(open_and_compare, &is_closing);
}

static uint64_t kill_writers(void)
{
    for (uint32_t i = 0; i < WRITERS; i++) {
        (void)kill(children[i], SIGKILL);
    }
    for (uint32_t i = 0; i < WRITERS; i++) {
        mri_torture_kill(children[i]);
        children[i] = mri_torture_part_start(&parts[i]);
    }
    return WRITERS;
}

static void kill_at_random(unsigned kills)
{
    for (uint32_t i = 0; i < PARTS; i++) {
        children[i] = mri_torture_part_start(&parts[i]);
    }
    for (unsigned done = 0; done < kills;) {
        mri_torture_sleep_us(mri_torture_below(24000));
        uint64_t dice = mri_torture_below(40);
        if (dice == 0) {
            kill_all();
            for (uint32_t i = 0; i < PARTS; i++) {
                children[i] = mri_torture_part_start(&parts[i]);
            }
            done += PARTS;
            mri_torture_tell("deaths_of_all", 1);
        } else if (dice < 3) {
            done += (unsigned)kill_writers();
        } else {
            uint32_t victim = (uint32_t)mri_torture_below(PARTS);
            mri_torture_kill(children[victim]);
            children[victim] = mri_torture_part_start(&parts[victim]);
            done++;
        }
    }
    kill_all();
    mri_torture_tell("kills", kills);
}

static void what_was_acknowledged_survives_kills_at_any_moment(void **fixture)
{
    (void)fixture;
    unsigned kills = mri_torture_count("KILLS", KILLS);
    while (kills > 0) {
        unsigned now = kills < KILLS_OF_A_LOG ? kills : KILLS_OF_A_LOG;
        begin_log();
        kill_at_random(now);
        end_log();
        kills -= now;
    }
}

/* ---- at each place --------------------------------------------------------------------------- */

static const unsigned points[] = {1, 2, 3, 21, 22, 4, 5, 6, 10, 11, 12, 13, 30, 31, 40, 41, 50, 51};

static bool has_other_gone_on(void *argument)
{
    const uint64_t *before = argument;
    return atomic_load(&ledger->lives[parts[1].life - 1].acked) > *before;
}

/** One dies at the place, another goes on; readers stand by; sometimes all die then. */
static void die_at(unsigned point)
{
    struct mri_torture_part *doomed = &parts[0];
    doomed->pace = (struct mri_torture_pace){
        .burst_max = 8, .pause_us = 20, .group_of_1000 = 200, .large_of_1000 = 300};
    doomed->at_start = mri_torture_point_arm;
    if (getenv("SHOW"))
        (void)printf("point %u\n", point);
    mri_torture_point_set(point, MRI_TORTURE_POINT_KILL, 1 + (unsigned)mri_torture_below(3));
    children[0] = mri_torture_part_start(doomed);
    int status = mri_torture_wait(children[0]);
    MRI_TORTURE_CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL,
        "the process to die at place %u ended with status 0x%x", point, (unsigned)status);
    uint64_t before = atomic_load(&ledger->lives[parts[1].life - 1].acked);
    mri_torture_until(has_other_gone_on, &before, "the other writer goes on");
}

static void a_process_may_die_at_every_place_where_the_order_of_stores_matters(void **fixture)
{
    (void)fixture;
    static const uint32_t others[] = {1, WRITERS, WRITERS + 1, WRITERS + 2};
    unsigned times = mri_torture_count("TIMES", TIMES);
    for (unsigned done = 0; done < times; done++) {
        begin_log();
        parts[1].pace.is_reopening = false;
        for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++) {
            for (size_t k = 0; k < sizeof(others) / sizeof(others[0]); k++) {
                children[others[k]] = mri_torture_part_start(&parts[others[k]]);
            }
            die_at(points[i]);
            for (size_t k = 0; k < sizeof(others) / sizeof(others[0]); k++) {
                mri_torture_kill(children[others[k]]);
            }
            bool is_closing = mri_torture_below(2) == 0;
            mri_torture_in_child(open_and_compare, &is_closing);
            mri_torture_tell("directed_kills", 1);
        }
        end_log();
    }
}

/** Alone, so that the next one has to finish everything from the memory. */
static void the_next_open_finishes_what_died_at_every_place(void **fixture)
{
    (void)fixture;
    unsigned times = mri_torture_count("TIMES", TIMES);
    for (unsigned done = 0; done < times; done++) {
        begin_log();
        for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++) {
            bool is_closing = mri_torture_below(2) == 0;
            parts[0].pace = (struct mri_torture_pace){
                .burst_max = 8, .pause_us = 20, .group_of_1000 = 100, .large_of_1000 = 200};
            parts[0].at_start = mri_torture_point_arm;
            mri_torture_point_set(
                points[i], MRI_TORTURE_POINT_KILL, 1 + (unsigned)mri_torture_below(6));
            pid_t doomed = mri_torture_part_start(&parts[0]);
            int status = mri_torture_wait(doomed);
            MRI_TORTURE_CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL,
                "the process to die at place %u ended with status 0x%x", points[i],
                (unsigned)status);
            mri_torture_in_child(open_and_compare, &is_closing);
            mri_torture_tell("directed_kills", 1);
        }
        end_log();
    }
}

int main(void)
{
    mri_torture_begin("torture_kill_test");
    ledger = mri_torture_share(sizeof(*ledger));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_acknowledged_survives_kills_at_any_moment),
        cmocka_unit_test(a_process_may_die_at_every_place_where_the_order_of_stores_matters),
        cmocka_unit_test(the_next_open_finishes_what_died_at_every_place),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    mri_torture_tell("events", atomic_load(&ledger->appended));
    mri_torture_tell("group_acks", atomic_load(&ledger->group_acks));
    mri_torture_tell("events_read", atomic_load(&ledger->read));
    mri_torture_tell("opens", atomic_load(&ledger->opened));
    mri_torture_tell("stalls", atomic_load(&ledger->stalls));
    return mri_torture_end(failed);
}
