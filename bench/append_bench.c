/* SPDX-License-Identifier: MIT */
/*
 * Emitting signals: through the bus (draft, check, table, checksums, write) beside a bare pwrite of
 * the same bytes into a file of the same kind.
 *
 * usage: append_bench FOLDER      (a new folder on the disk to be measured)
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/harness.h"
#include "bus/bus.h"
#include "log/format/record.h"

enum { TURNS = 20, BATCH = 64, BATCHES = 200, SINGLES = 3000, FILE_BYTES = 64 * 1024 * 1024 };

static const struct mri_signal_generated signal_fields = {
    .event_time_unix_ns = 1700000000000000000,
    .confidence = 0.7,
    .valid_for_ns = 300000000000,
    .side = MR_LONG,
    .regime = MRI_REGIME_ABSENT,
};

static void draft(struct mri_batch *batch)
{
    const struct mri_draft one = {
        .type = MRI_EVENT_SIGNAL_GENERATED,
        .fixed = &signal_fields,
        .texts = {{"momentum-bot", 12}, {"mom15", 5}},
    };
    mri_harness_must(mri_batch_add(batch, &one, batch->next_ordinal), "draft");
}

static double emit(struct mri_bus *bus, struct mri_batch *batch, int batches, int per_batch)
{
    int64_t start = mri_harness_ns();
    for (int i = 0; i < batches; i++) {
        mri_bus_begin(bus, batch);
        for (int k = 0; k < per_batch; k++) {
            draft(batch);
        }
        mri_harness_must(mri_bus_append(bus, batch, MR_ASYNC, NULL, NULL), "append");
    }
    return (double)(mri_harness_ns() - start);
}

/** Bytes that one signal takes in the log. */
static size_t stored_bytes(struct mri_batch *batch)
{
    mri_batch_begin(batch, 1, 1);
    draft(batch);
    return mri_record_stride(sizeof(struct mri_record_head) + mri_batch_event(batch, 0).body_bytes);
}

/** A preallocated file for bare writes; used up, it is made anew. */
struct bare {
    const char *path;
    int fd;
    off_t at;
};

static void bare_renew(struct bare *bare)
{
    if (bare->fd >= 0) {
        (void)close(bare->fd); /* a scratch file */
    }
    bare->fd = open(bare->path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    bool is_made = bare->fd >= 0 && posix_fallocate(bare->fd, 0, FILE_BYTES) == 0;
    mri_harness_must(is_made ? MR_OK : MR_EIO, bare->path);
    bare->at = 4096;
}

/** pwrite of the same bytes, in order. */
static double write_bare(struct bare *bare, size_t bytes, int count)
{
    static char block[1024 * 1024];
    memset(block, 7, sizeof(block));
    if (bare->at + (off_t)bytes * count > FILE_BYTES) {
        bare_renew(bare);
    }
    int64_t start = mri_harness_ns();
    for (int i = 0; i < count; i++) {
        ssize_t put = pwrite(bare->fd, block, bytes, bare->at);
        mri_harness_must(put == (ssize_t)bytes ? MR_OK : MR_EIO, bare->path);
        bare->at += (off_t)bytes;
    }
    return (double)(mri_harness_ns() - start);
}

static const struct mri_bus_limits limits = {
    .slots = {.signals_max = 1 << 24, .symbols_max = 256, .sources_max = 96},
    .names_max = 65535,
};

int main(int argc, char **argv)
{
    if (argc != 2) {
        (void)fputs("usage: append_bench FOLDER\n", stderr);
        return 2;
    }
    mr_log *log;
    mr_problem problem = {""};
    struct mri_bus bus;
    struct mri_batch batch;
    char path[4096];
    const mr_log_options options = {.is_create = true};
    mri_harness_must(mr_log_open(argv[1], &options, &log, &problem), problem.text);
    mri_harness_must(mri_bus_init(&bus, mri_alloc_system(), &limits, log), "bus");
    mri_harness_must(mri_batch_init(&batch, mri_alloc_system(), BATCH, 1 << 20), "batch");
    (void)snprintf(path, sizeof(path), "%s/bare", argv[1]);
    size_t bytes = stored_bytes(&batch);
    (void)emit(&bus, &batch, BATCHES, BATCH); /* warm */

    struct bare bare = {.path = path, .fd = -1};
    bare_renew(&bare);
    double batched = 0.0;
    double bare_batched = 0.0;
    double single = 0.0;
    double bare_single = 0.0;
    for (int i = 0; i < TURNS; i++) { /* in turns, so that a noisy moment hits both */
        batched += emit(&bus, &batch, BATCHES, BATCH);
        bare_batched += write_bare(&bare, bytes * BATCH, BATCHES);
        single += emit(&bus, &batch, SINGLES, 1);
        bare_single += write_bare(&bare, bytes, SINGLES);
    }
    (void)close(bare.fd); /* a scratch file */
    (void)unlink(path);
    const double batched_count = (double)TURNS * BATCHES * BATCH;
    mri_harness_result("emit_batch64_per_s", batched_count / batched * 1e9);
    mri_harness_result("emit_batch64_floor_per_s", batched_count / bare_batched * 1e9);
    mri_harness_result("emit_single_ns", single / TURNS / SINGLES);
    mri_harness_result("emit_single_floor_ns", bare_single / TURNS / SINGLES);
    mri_harness_result("emit_bytes", (double)bytes);

    mri_batch_fini(&batch);
    mri_bus_fini(&bus);
    mr_log_close(log);
    return 0;
}
