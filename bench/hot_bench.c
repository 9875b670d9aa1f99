/* SPDX-License-Identifier: MIT */
/*
 * Appending to the hot tail: records of 256 bytes, one by one and by eight, from one process and
 * from four, beside the floor of one append (copy, robust lock, clock, CRC32C); and durable appends
 * beside a bare pwrite with fdatasync.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "bench/harness.h"
#include "log/hot_tail.h"
#include "os/robust_lock.h"

enum {
    BODY = 192,
    RING = 64 * 1024 * 1024,
    SEGMENT = 64 * 1024 * 1024,
    BURST = 150000, /* fits the ring: nothing is written meanwhile */
    PROCESSES = 4,
    SYNCS = 300,
    TURNS = 5,
};

static uint8_t body[BODY];
static const mr_log_record record = {.body = body, .body_bytes = BODY, .type = 300};

static void open_hot(const char *folder, struct mri_hot_tail *hot, struct mri_hot_options *options)
{
    static char memory_path[64];
    char path[MRI_PATH_BYTES_MAX];
    char name[MRI_SEGMENT_NAME_BYTES];
    uint8_t page[MRI_SEGMENT_PAGE_BYTES];
    mr_problem problem = {""};
    mr_log *log;
    bool is_hurt;
    const mr_log_options log_options = {.is_create = true, .segment_bytes = SEGMENT};
    mri_harness_must(mr_log_open(folder, &log_options, &log, &problem), problem.text);
    mr_log_close(log);
    struct mri_hot_start start = {
        .offset = MRI_SEGMENT_PAGE_BYTES, .next_seq = 1, .writer_epoch = 1};
    mri_harness_must(mri_os_path(folder, mri_segment_name(1, name), path), "path");
    int fd = open(path, O_RDONLY);
    mri_harness_must(read(fd, page, sizeof(page)) == sizeof(page) ? MR_OK : MR_EIO, path);
    (void)close(fd); /* only read */
    mri_harness_must(mri_segment_head_read(page, sizeof(page), &start.segment, &is_hurt), path);
    (void)snprintf(memory_path, sizeof(memory_path), "/dev/shm/millrace-bench-%d", (int)getpid());
    *options = (struct mri_hot_options){
        .os = mri_os_linux(), .folder = folder, .memory_path = memory_path, .ring_bytes = RING};
    mri_harness_must(mri_hot_tail_create(hot, options, &start), memory_path);
    mri_harness_must(mri_hot_tail_make_spares(hot), "spares");
}

/** What no append can do without, into a place of its own. */
static double floor_ns(void)
{
    static uint8_t place[1024 * 1024];
    static struct mri_robust_lock lock;
    const struct mri_os *os = mri_os_linux();
    volatile uint64_t sink = 0;
    bool is_orphan;
    mri_harness_must(mri_robust_lock_init(&lock), "lock");
    int64_t start = mri_harness_ns();
    for (int i = 0; i < BURST; i++) {
        uint8_t *at = place + (size_t)(i % 4000) * 256;
        sink += (uint64_t)os->realtime_unix_ns(os->context);
        mri_harness_must(mri_robust_lock_take(&lock, 0, &is_orphan), "lock");
        memcpy(at + 64, body, BODY);
        sink += mri_crc32c(0, at, 256);
        mri_robust_lock_give(&lock);
    }
    return (double)(mri_harness_ns() - start) / BURST;
}

static double append_ns(struct mri_hot_tail *hot, unsigned batch, unsigned bursts)
{
    mr_log_record records[8] = {record, record, record, record, record, record, record, record};
    double sum = 0.0;
    for (unsigned k = 0; k < bursts; k++) {
        mri_harness_must(mri_hot_tail_write_behind(hot), "write behind");
        mri_harness_must(mri_hot_tail_make_spares(hot), "spares");
        int64_t start = mri_harness_ns();
        for (unsigned i = 0; i < BURST / batch; i++) {
            mri_harness_must(mri_hot_tail_append(hot, records, batch, NULL, NULL), "append");
        }
        sum += (double)(mri_harness_ns() - start);
    }
    return sum / bursts / BURST;
}

/** Four processes at once; records a second of all together. */
static double together_per_s(struct mri_hot_tail *hot, const struct mri_hot_options *options)
{
    mri_harness_must(mri_hot_tail_write_behind(hot), "write behind");
    mri_harness_must(mri_hot_tail_make_spares(hot), "spares");
    int64_t start = mri_harness_ns();
    for (int p = 0; p < PROCESSES; p++) {
        if (fork() == 0) {
            struct mri_hot_tail own;
            mri_harness_must(mri_hot_tail_attach(&own, options), "attach");
            for (int i = 0; i < BURST / PROCESSES; i++) {
                mri_harness_must(mri_hot_tail_append(&own, &record, 1, NULL, NULL), "append");
            }
            _exit(0);
        }
    }
    for (int p = 0; p < PROCESSES; p++) {
        int status;
        mri_harness_must(wait(&status) > 0 && status == 0 ? MR_OK : MR_EIO, "process");
    }
    return BURST * 1e9 / (double)(mri_harness_ns() - start);
}

static double group_us(struct mri_hot_tail *hot)
{
    const struct mri_hot_append how = {.durability = MR_GROUP};
    int64_t start = mri_harness_ns();
    for (int i = 0; i < SYNCS; i++) {
        mri_harness_must(mri_hot_tail_append(hot, &record, 1, &how, NULL), "append");
    }
    return (double)(mri_harness_ns() - start) / SYNCS / 1e3;
}

static double bare_us(const char *path)
{
    static const uint8_t zeros[1024 * 1024];
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    bool is_good = fd >= 0 && write(fd, zeros, sizeof(zeros)) == sizeof(zeros) && fsync(fd) == 0;
    int64_t start = mri_harness_ns();
    for (int i = 0; i < SYNCS; i++) {
        is_good = is_good && pwrite(fd, body, BODY, (off_t)i * 256) == BODY && fdatasync(fd) == 0;
    }
    double us = (double)(mri_harness_ns() - start) / SYNCS / 1e3;
    mri_harness_must(is_good ? MR_OK : MR_EIO, path);
    (void)close(fd); /* a scratch file */
    (void)unlink(path);
    return us;
}

int main(int argc, char **argv)
{
    struct mri_hot_tail hot;
    struct mri_hot_options options;
    char bare[4096];
    if (argc != 2) {
        (void)fputs("usage: hot_bench FOLDER\n", stderr);
        return 2;
    }
    open_hot(argv[1], &hot, &options);
    (void)snprintf(bare, sizeof(bare), "%s/bare", argv[1]);
    double group = 0.0;
    double bare_group = 0.0;
    (void)append_ns(&hot, 1, 1); /* warm */
    mri_harness_result("hot_floor_ns", floor_ns());
    mri_harness_result("hot_append_ns", append_ns(&hot, 1, TURNS));
    mri_harness_result("hot_append8_ns", append_ns(&hot, 8, TURNS));
    mri_harness_result("hot_together_per_s", together_per_s(&hot, &options));
    for (int i = 0; i < TURNS; i++) { /* in turns, so that a noisy moment hits both */
        group += group_us(&hot) / TURNS;
        bare_group += bare_us(bare) / TURNS;
    }
    mri_harness_result("hot_group_us", group);
    mri_harness_result("hot_group_floor_us", bare_group);
    mri_hot_tail_close(&hot);
    return mri_shared_memory_remove(options.memory_path) == MR_OK ? 0 : 1;
}
