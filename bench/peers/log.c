/* SPDX-License-Identifier: MIT */
/*
 * The log, by its public functions alone. Whether several processes may write is asked of it: a
 * second mr_log_open() answers.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/harness.h"
#include "bench/peer.h"
#include "millrace/log.h"
#include "millrace/log_read.h"

enum { BATCH_MAX = 8 };

static const char *log_folder(const char *folder)
{
    static char path[4096];
    (void)snprintf(path, sizeof(path), "%s/events", folder);
    return path;
}

static mr_err try_open(const char *folder, mr_log **ret_log, mr_problem *problem)
{
    const mr_log_options options = {.is_create = true};
    return mr_log_open(log_folder(folder), &options, ret_log, problem);
}

static void *log_open(const char *folder)
{
    mr_log *log;
    mr_problem problem = {""};
    mri_harness_must(try_open(folder, &log, &problem), problem.text);
    return log;
}

static void log_close(void *client)
{
    mr_log_close(client);
}

static void log_start(const char *folder, enum mri_peer_use use)
{
    (void)use;
    mr_log_close(log_open(folder));
}

static bool log_is_shared(const char *folder)
{
    mr_log *log = log_open(folder);
    int status = 1;
    (void)fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        mr_log *second;
        _exit(try_open(folder, &second, NULL) == MR_OK ? 0 : 1);
    }
    bool is_shared = child > 0 && waitpid(child, &status, 0) == child && status == 0;
    mr_log_close(log);
    return is_shared;
}

/** Fills it in place: a copy of a record that was just put together costs more than the lock. */
static void fill(mr_log_record *record, const uint8_t *value)
{
    *record = (mr_log_record){.body = value, .body_bytes = MRI_PEER_VALUE_BYTES, .type = 300};
}

static void log_append(void *client, uint64_t key, const void *value)
{
    (void)key; /* the log gives a sequence number */
    mr_log_record record;
    fill(&record, value);
    mri_harness_must(mr_log_append(client, &record, 1, MR_GROUP, NULL), "append");
}

static void log_window(void *client, uint64_t key, const void *values, unsigned count)
{
    (void)key;
    const uint8_t *value = values;
    for (unsigned i = 0; i < count; i++, value += MRI_PEER_VALUE_BYTES) {
        mr_log_record record;
        fill(&record, value);
        mr_durability durability = i + 1 == count ? MR_GROUP : MR_ASYNC; /* covers all before */
        mri_harness_must(mr_log_append(client, &record, 1, durability, NULL), "append");
    }
}

static void log_push(void *client, const void *values, unsigned count)
{
    mr_log_record records[BATCH_MAX];
    for (unsigned i = 0; i < count; i++) {
        fill(&records[i], (const uint8_t *)values + (size_t)i * MRI_PEER_VALUE_BYTES);
    }
    mri_harness_must(mr_log_append(client, records, count, MR_ASYNC, NULL), "append");
}

static void log_settle(void *client)
{
    mri_harness_must(mr_log_sync(client), "sync");
}

static void *log_listen(const char *folder)
{
    mr_log_reader *reader;
    mr_problem problem = {""};
    mri_harness_must(mr_log_reader_open(log_folder(folder), &reader, &problem), problem.text);
    mri_harness_must(mr_log_reader_seek_end(reader, &problem), problem.text);
    return reader;
}

static void log_publish(void *client, const void *value)
{
    log_push(client, value, 1);
}

static void receive(mr_log_reader *reader, void *value, bool is_sleeping)
{
    mr_log_event event;
    mr_problem problem = {""};
    mr_err err;
    while ((err = mr_log_reader_next(reader, &event, &problem)) == MR_END) {
        err = is_sleeping ? mr_log_reader_wait(reader, 1000) : MR_AGAIN;
        mri_harness_must(err == MR_AGAIN ? MR_OK : (int)err, "wait");
    }
    mri_harness_must(err, problem.text);
    memcpy(value, event.body, MRI_PEER_VALUE_BYTES);
}

static void log_receive(void *listener, void *value)
{
    receive(listener, value, true);
}

static void log_spin(void *listener, void *value)
{
    receive(listener, value, false);
}

#define LOG_WRITES LOG_WRITES_BUT_OPEN, .open = log_open
#define LOG_WRITES_BUT_OPEN                                                                        \
    .start = log_start, .is_shared = log_is_shared, .close = log_close, .append = log_append,      \
    .window = log_window, .push = log_push, .settle = log_settle, .listen = log_listen,            \
    .publish = log_publish

const struct mri_peer mri_peer_log = {
    .name = "log",
    .settings = "mr_log_append(): MR_GROUP; windows: MR_ASYNC one by one, MR_GROUP for the last; "
                "segments of 64 MiB; readers sleep in mr_log_reader_wait()",
    LOG_WRITES,
    .receive = log_receive,
};

const struct mri_peer mri_peer_log_spin = {
    .name = "log_spin",
    .settings = "as log; the reader asks mr_log_reader_next() without rest",
    LOG_WRITES,
    .receive = log_spin,
};

static void *log_open_in_folder(const char *folder)
{
    mr_log *log;
    mr_problem problem = {""};
    const mr_log_options options = {.is_create = true, .is_ring_in_folder = true};
    mri_harness_must(mr_log_open(log_folder(folder), &options, &log, &problem), problem.text);
    return log;
}

const struct mri_peer mri_peer_log_in_folder = {
    .name = "log_in_folder",
    .settings = "as log; the ring is a file of the log's folder",
    LOG_WRITES_BUT_OPEN,
    .open = log_open_in_folder,
    .receive = log_receive,
};
