/* SPDX-License-Identifier: MIT */
/*
 * Uses a log by a clock that is set wrong.
 *
 *   aged_log FOLDER SECONDS new      makes it: events that are not sealed, and a consumer "slow"
 *   aged_log FOLDER SECONDS emit     emits a signal into it
 *   aged_log FOLDER SECONDS live     makes a live one, and emits a signal into it
 *   aged_log FOLDER SECONDS poison   the same, then a sync fails; it stays until its input ends
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/bus_api.h"
#include "log/consume/consumer.h"
#include "tests/lib/log_sample.h"

enum { EVENTS = 3, KIND_OF_NOBODY = 65000 };

static int64_t shift_ns;
static bool is_failing;

static int64_t shifted_unix_ns(void *context)
{
    return mri_os_linux()->realtime_unix_ns(context) + shift_ns;
}

static mr_err failing_sync(void *context, int fd)
{
    return is_failing ? MR_EIO : mri_os_linux()->sync_data(context, fd);
}

static void must(mr_err err, const mr_problem *problem)
{
    if (err != MR_OK) {
        (void)fprintf(stderr, "aged_log: %s: %s\n", mr_err_name(err), problem->text);
        exit(3);
    }
}

static void make(const struct mri_os *os, const char *folder)
{
    mr_log *log;
    mr_consumer *consumer;
    mr_problem problem = {""};
    const mr_log_options options = {.is_create = true, .is_thin = true};
    const mr_log_record record = {.type = KIND_OF_NOBODY, .version = 1};
    const mr_consumer_options from_the_beginning = {.start = MR_CONSUMER_BEGINNING};
    const struct mri_consumer_at at = {os, mri_alloc_system(), folder, "slow"};
    must(mri_log_open(os, mri_alloc_system(), folder, &options, &log, &problem), &problem);
    mri_log_sample_keep_unsealed(log, true);
    for (unsigned i = 0; i < EVENTS; i++) {
        must(mr_log_append(log, &record, 1, MR_GROUP, NULL), &problem);
    }
    must(mri_consumer_open(&at, &from_the_beginning, &consumer, &problem), &problem);
    mr_consumer_close(consumer);
    mr_log_close(log);
}

static void emit(const struct mri_os *os, const char *folder, bool is_poisoned)
{
    mr_bus *bus;
    mr_problem problem = {""};
    const mr_emission emission = {
        .symbol = "SIM01USD", .source = "aged", .side = MR_LONG, .confidence = 0.5};
    must(mri_bus_api_open(os, mri_alloc_system(), folder, &bus, &problem), &problem);
    must(mr_bus_emit(bus, &emission, 1, MR_ASYNC, NULL, &problem), &problem);
    if (is_poisoned) {
        is_failing = true;
        (void)printf("%s\n", mr_err_name(mr_log_sync(bus->log)));
        (void)fflush(stdout);
        (void)getchar();
        is_failing = false;
    }
    mr_bus_close(bus);
}

/** Of a live log: what refuses is said, as it is told to a program. */
static int emit_live(const struct mri_os *os, const char *folder)
{
    mr_bus *bus;
    mr_problem problem = {""};
    const mr_emission emission = {
        .symbol = "BTCUSDT", .source = "aged", .side = MR_LONG, .confidence = 0.5};
    must(mri_bus_api_create(os, mri_alloc_system(), folder, 0, &bus, &problem), &problem);
    must(mr_bus_register(bus, "BTCUSDT", &problem), &problem);
    mr_err err = mr_bus_emit(bus, &emission, 1, MR_ASYNC, NULL, &problem);
    mr_bus_close(bus);
    (void)printf("%s %s\n", mr_err_name(err), problem.text);
    return 0;
}

int main(int count, char **arguments)
{
    struct mri_os os = *mri_os_linux();
    if (count != 4) {
        (void)fprintf(stderr, "usage: aged_log FOLDER SECONDS new|emit|live|poison\n");
        return 2;
    }
    shift_ns = strtoll(arguments[2], NULL, 10) * 1000000000;
    os.realtime_unix_ns = shifted_unix_ns;
    os.sync_data = failing_sync;
    if (strcmp(arguments[3], "new") == 0) {
        make(&os, arguments[1]);
    } else if (strcmp(arguments[3], "live") == 0) {
        return emit_live(&os, arguments[1]);
    } else {
        emit(&os, arguments[1], strcmp(arguments[3], "poison") == 0);
    }
    return 0;
}
