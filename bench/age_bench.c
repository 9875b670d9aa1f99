/* SPDX-License-Identifier: MIT */
/*
 * Does an append cost more in a log that has had many? The cost is measured at 10^5 records and
 * every power of ten up to the largest; the beginning is removed as the log grows.
 *
 * usage: age_bench FOLDER LARGEST     (FOLDER is made)
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>

#include "bench/harness.h"
#include "bench/peer.h"
#include "millrace/log.h"
#include "millrace/log_admin.h"

enum { BATCH = 1024, BURST = 20000, TURNS = 9, RETAIN_EVERY = 2000000, KEEP_BYTES = 256 << 20 };

struct age {
    const char *folder;
    mr_log *log;
    uint64_t count;
    uint64_t retained_at; /* count */
    uint64_t removed;     /* segments */
};

static void open_log(struct age *age)
{
    mr_problem problem = {""};
    const mr_log_options options = {.is_create = true};
    mri_harness_must(mr_log_open(age->folder, &options, &age->log, &problem), problem.text);
}

/** Remove the beginning; only while nobody writes. */
static void retain(struct age *age)
{
    mr_problem problem = {""};
    mr_log_retain_report report;
    const mr_log_retain_options options = {
        .needed = mr_log_last(age->log), .keep_bytes = KEEP_BYTES, .is_done = true};
    mr_log_close(age->log);
    mri_harness_must(mr_log_retain(age->folder, &options, &report, &problem), problem.text);
    age->removed += report.segments;
    age->retained_at = age->count;
    open_log(age);
}

static void fill(struct age *age, uint64_t count)
{
    static mr_log_record records[BATCH];
    const uint8_t *values = mri_peer_values();
    for (size_t i = 0; i < BATCH; i++) {
        records[i] = (mr_log_record){.body = values + i * MRI_PEER_VALUE_BYTES,
            .body_bytes = MRI_PEER_VALUE_BYTES,
            .type = 300};
    }
    while (age->count < count) {
        uint64_t batch = count - age->count < BATCH ? count - age->count : BATCH;
        mri_harness_must(mr_log_append(age->log, records, batch, MR_ASYNC, NULL), "append");
        age->count += batch;
        if (age->count - age->retained_at >= RETAIN_EVERY) {
            retain(age);
        }
    }
    mri_harness_must(mr_log_sync(age->log), "sync");
}

static double append_ns(struct age *age)
{
    int64_t turns[TURNS];
    const mr_log_record record = {
        .body = mri_peer_values(), .body_bytes = MRI_PEER_VALUE_BYTES, .type = 300};
    for (int k = 0; k < TURNS; k++) {
        int64_t start = mri_harness_ns();
        for (int i = 0; i < BURST; i++) {
            mri_harness_must(mr_log_append(age->log, &record, 1, MR_ASYNC, NULL), "append");
        }
        turns[k] = mri_harness_ns() - start;
    }
    age->count += TURNS * BURST;
    return (double)mri_harness_median(turns, TURNS) / BURST;
}

int main(int argc, char **argv)
{
    struct age age = {0};
    if (argc != 3) {
        (void)fputs("usage: age_bench FOLDER LARGEST\n", stderr);
        return 2;
    }
    uint64_t largest = strtoull(argv[2], NULL, 10);
    age.folder = argv[1];
    open_log(&age);
    fill(&age, 20000); /* warm */
    for (uint64_t size = 100000; size <= largest; size *= 10) {
        char name[64];
        fill(&age, size);
        retain(&age);
        (void)snprintf(name, sizeof(name), "age_%llu_ns", (unsigned long long)size);
        mri_harness_result(name, append_ns(&age));
    }
    mri_harness_result("age_removed_segments", (double)age.removed);
    mr_log_close(age.log);
    return 0;
}
