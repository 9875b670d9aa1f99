/* SPDX-License-Identifier: MIT */
/*
 * Opening a long log whose files are in memory: the log alone; with a state folded from all of its
 * records; and with one from a snapshot and the records behind it. The state is the newest record
 * of each of a million subjects.
 *
 * usage: open_bench FOLDER COUNT     (the log is made when FOLDER is not there)
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "bench/harness.h"
#include "bench/peer.h"
#include "log/open/snapshot.h"
#include "millrace/log.h"
#include "millrace/log_read.h"
#include "os/os.h"

enum { SUBJECTS = 1000000, BATCH = 1024, BEHIND_SNAPSHOT = 100000 };

static uint64_t newest[SUBJECTS]; /* of each subject; 0 = none */

static mr_log *open_log(const char *folder)
{
    mr_log *log;
    mr_problem problem = {""};
    const mr_log_options options = {.is_create = true};
    mri_harness_must(mr_log_open(folder, &options, &log, &problem), problem.text);
    return log;
}

static void make_log(const char *folder, uint64_t count)
{
    static mr_log_record records[BATCH];
    const uint8_t *values = mri_peer_values();
    mr_log *log = open_log(folder);
    for (uint64_t done = 0; done < count;) {
        uint64_t batch = count - done < BATCH ? count - done : BATCH;
        for (uint64_t i = 0; i < batch; i++) {
            records[i] = (mr_log_record){.body = values + i * MRI_PEER_VALUE_BYTES,
                .body_bytes = MRI_PEER_VALUE_BYTES,
                .subject_id = (uint32_t)((done + i) * 7919 % SUBJECTS) + 1,
                .type = 300};
        }
        mri_harness_must(mr_log_append(log, records, batch, MR_ASYNC, NULL), "append");
        done += batch;
    }
    mri_harness_must(mr_log_sync(log), "sync");
    mr_log_close(log);
}

static mr_log_reader *open_reader(const char *folder, uint64_t from)
{
    mr_log_reader *reader;
    mr_problem problem = {""};
    mri_harness_must(mr_log_reader_open(folder, &reader, &problem), problem.text);
    mri_harness_must(mr_log_reader_seek(reader, (mr_seq){from}, &problem), problem.text);
    return reader;
}

/** Take in the records from where a reader stands, at most so many, and close it. */
static uint64_t fold(
    mr_log_reader *reader, uint64_t count_max, struct mri_snapshot_place *ret_place)
{
    mr_problem problem = {""};
    mr_log_event event;
    uint64_t count = 0;
    mr_err err = MR_END;
    while (count < count_max && (err = mr_log_reader_next(reader, &event, &problem)) == MR_OK) {
        newest[event.subject_id - 1] = event.seq.n;
        *ret_place = (struct mri_snapshot_place){.seq = event.seq.n, .chain_crc = event.chain_crc};
        count++;
    }
    mri_harness_must(err == MR_END || err == MR_OK ? MR_OK : (int)err, problem.text);
    mr_log_reader_close(reader);
    return count;
}

static void make_snapshot(const char *folder, uint64_t last)
{
    struct mri_snapshot_place place;
    struct mri_buf payload;
    mri_harness_must(
        fold(open_reader(folder, 1), last, &place) == last ? MR_OK : MR_ECORRUPT, "fold");
    mri_buf_init(&payload, mri_alloc_system(), sizeof(newest));
    mri_buf_put(&payload, newest, sizeof(newest));
    mri_harness_must(mri_snapshot_write(mri_os_linux(), folder, &place, &payload), "snapshot");
    mri_buf_fini(&payload);
}

/** Is the record that the snapshot names in the log? Then what follows it is next. */
static mr_log_reader *open_behind(const char *folder, const struct mri_snapshot_place *place)
{
    mr_problem problem = {""};
    mr_log_event event;
    mr_log_reader *reader = open_reader(folder, place->seq);
    mri_harness_must(mr_log_reader_next(reader, &event, &problem), problem.text);
    mri_harness_must(event.chain_crc == place->chain_crc ? MR_OK : MR_ECORRUPT, "snapshot");
    return reader;
}

static mr_log_reader *load_snapshot(const char *folder)
{
    struct mri_snapshot_place place;
    struct mri_snapshot_list list;
    struct mri_buf payload;
    mri_harness_must(mri_snapshot_list(mri_os_linux(), folder, &list), "snapshots");
    mri_harness_must(list.count == 0 ? MR_NOT_FOUND : MR_OK, "snapshot");
    mri_buf_init(&payload, mri_alloc_system(), sizeof(newest));
    mri_harness_must(
        mri_snapshot_read(mri_os_linux(), folder, list.seqs[0], &place, &payload), "snapshot");
    mri_harness_must(payload.count == sizeof(newest) ? MR_OK : MR_ECORRUPT, "snapshot");
    memcpy(newest, payload.bytes, sizeof(newest));
    mri_buf_fini(&payload);
    return open_behind(folder, &place);
}

static double ms_since(int64_t start)
{
    return (double)(mri_harness_ns() - start) / 1e6;
}

static uint64_t sum_of_state(void)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < SUBJECTS; i++) {
        sum = sum * 31 + newest[i];
    }
    return sum;
}

int main(int argc, char **argv)
{
    struct mri_snapshot_place place;
    if (argc != 3) {
        (void)fputs("usage: open_bench FOLDER COUNT\n", stderr);
        return 2;
    }
    uint64_t count = strtoull(argv[2], NULL, 10);
    mri_harness_must(count <= BEHIND_SNAPSHOT ? MR_EINVAL : MR_OK, "COUNT");
    if (access(argv[1], F_OK) != 0) {
        make_log(argv[1], count);
        make_snapshot(argv[1], count - BEHIND_SNAPSHOT);
    }
    (void)fold(open_reader(argv[1], 1), count, &place); /* warm */

    int64_t start = mri_harness_ns();
    mr_log *log = open_log(argv[1]);
    mri_harness_result("open_log_ms", ms_since(start));
    mr_log_close(log);

    memset(newest, 0, sizeof(newest));
    start = mri_harness_ns();
    log = open_log(argv[1]);
    bool is_whole = fold(open_reader(argv[1], 1), count, &place) == count;
    mri_harness_must(is_whole ? MR_OK : MR_ECORRUPT, "fold");
    mri_harness_result("open_fold_ms", ms_since(start));
    mr_log_close(log);
    uint64_t folded = sum_of_state();

    memset(newest, 0, sizeof(newest));
    start = mri_harness_ns();
    log = open_log(argv[1]);
    uint64_t behind = fold(load_snapshot(argv[1]), count, &place);
    mri_harness_result("open_snapshot_ms", ms_since(start));
    mr_log_close(log);
    bool is_same = behind == BEHIND_SNAPSHOT && sum_of_state() == folded;
    mri_harness_must(is_same ? MR_OK : MR_ECORRUPT, "the snapshot's state is another one");
    return 0;
}
