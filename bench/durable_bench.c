/* SPDX-License-Identifier: MIT */
/*
 * Durable appends to one store: of one caller, in windows of 64 and 1,024 with one acknowledgement,
 * and of fifty processes at once; the bytes that the device took for each acknowledgement; in turns
 * with the bare pwrite and fdatasync of as many bytes.
 *
 * usage: durable_bench FOLDER PEER SECONDS PROCESSES     (SECONDS of each part)
 *        durable_bench                                    (says which peers were built)
 */
#define _GNU_SOURCE
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/disk.h"
#include "bench/harness.h"
#include "bench/peer.h"
#include "millrace/err.h"

enum { TURNS = 5, SAMPLES = 1 << 18, BACKGROUND_MS = 200 };

struct part {
    const char *name;
    unsigned window; /* 1: one by one */
};

static const struct part parts[] = {{"single", 1}, {"window64", 64}, {"window1024", 1024}};

struct run {
    const struct mri_peer *peer;
    const char *folder;
    void *client;
    uint64_t next_key;
    int64_t samples[SAMPLES];
    size_t count;
};

static void one_commit(struct run *run, unsigned window)
{
    if (window == 1) {
        run->peer->append(run->client, run->next_key, mri_peer_values());
    } else {
        run->peer->window(run->client, run->next_key, mri_peer_values(), window);
    }
    run->next_key += window;
}

/** Commits for a time; returns how many, and adds what each took to the samples. */
static size_t turn(struct run *run, unsigned window, double seconds)
{
    size_t count = 0;
    int64_t start = mri_harness_ns();
    int64_t end = start + (int64_t)(seconds * 1e9);
    for (int64_t now = start; now < end && run->count < SAMPLES;) {
        one_commit(run, window);
        int64_t then = mri_harness_ns();
        run->samples[run->count++] = then - now;
        now = then;
        count++;
    }
    return count;
}

static void result(const char *part, const char *what, double value)
{
    char name[64];
    (void)snprintf(name, sizeof(name), "%s_%s", part, what);
    mri_harness_result(name, value);
}

/** Others write to the device too: they can only add, so the least turn is told as well. */
static void device_result(const char *part, int64_t device[TURNS])
{
    int64_t median = mri_harness_median(device, TURNS);
    if (device[0] >= 0) {
        result(part, "device_bytes", (double)median);
        result(part, "device_bytes_least", (double)device[0]);
    }
}

static void measure(
    struct run *run, struct mri_disk_floor *floor, const struct part *part, double seconds)
{
    int64_t device[TURNS];
    static int64_t floors[SAMPLES];
    size_t floor_count = 0;
    uint32_t bytes = part->window * MRI_PEER_RECORD_BYTES;
    double total = 0.0;
    size_t commits = 0;
    run->count = 0;
    for (int i = 0; i < TURNS; i++) { /* in turns, so that a noisy moment hits both */
        int64_t before = mri_disk_written(run->folder);
        int64_t start = mri_harness_ns();
        size_t count = turn(run, part->window, seconds / TURNS);
        total += (double)(mri_harness_ns() - start);
        int64_t after = mri_disk_written(run->folder);
        device[i] = before < 0 ? -1 : (after - before) / (int64_t)count;
        commits += count;
        int64_t end = mri_harness_ns() + (int64_t)(seconds / TURNS * 0.5 * 1e9);
        for (int64_t now = mri_harness_ns(); now < end && floor_count < SAMPLES;) {
            mri_disk_floor_write(floor, bytes);
            int64_t then = mri_harness_ns();
            floors[floor_count++] = then - now;
            now = then;
        }
    }
    char name[64];
    (void)snprintf(name, sizeof(name), "%s_us", part->name);
    mri_harness_percentiles(name, run->samples, run->count, 1e3);
    (void)snprintf(name, sizeof(name), "%s_floor_us", part->name);
    mri_harness_percentiles(name, floors, floor_count, 1e3);
    result(part->name, "records_per_s", (double)commits * part->window * 1e9 / total);
    device_result(part->name, device);
}

/** Bytes of the device for each of some commits. */
static void measure_device(struct run *run, const char *name, unsigned window, double seconds)
{
    int64_t device[TURNS];
    run->count = 0;
    for (int i = 0; i < TURNS; i++) {
        int64_t before = mri_disk_written(run->folder);
        size_t count = turn(run, window, seconds / TURNS);
        device[i] = before < 0 ? -1 : (mri_disk_written(run->folder) - before) / (int64_t)count;
    }
    device_result(name, device);
}

/** The same after its files were opened anew, and after somebody has read them all. */
static void measure_again(struct run *run, double seconds)
{
    uint64_t bytes;
    run->client = run->peer->open(run->folder);
    measure_device(run, "reopened_single", 1, seconds / 2);
    measure_device(run, "reopened_window64", 64, seconds / 2);
    mri_harness_must(mri_disk_read_all(run->folder, &bytes) ? MR_OK : MR_EIO, run->folder);
    measure_device(run, "copied_single", 1, seconds / 2);
    measure_device(run, "copied_window64", 64, seconds / 2);
    run->peer->close(run->client);
}

static uint64_t work(
    const struct mri_peer *peer, void *client, struct mri_peer_crowd *crowd, unsigned index)
{
    uint64_t count = 0;
    const uint8_t *values = mri_peer_values();
    uint64_t first = ((uint64_t)index + 1) << 40;
    for (; mri_harness_ns() < atomic_load(&crowd->end_ns); count++) {
        int64_t start = mri_harness_ns();
        peer->append(client, first + count, values);
        if (count < crowd->samples_each) {
            crowd->samples[(size_t)index * crowd->samples_each + count] = mri_harness_ns() - start;
        }
    }
    return count;
}

static void measure_crowd(struct run *run, unsigned processes, double seconds)
{
    enum { EACH = 4096 };
    struct mri_peer_crowd *crowd = mri_harness_shared(sizeof(*crowd));
    crowd->samples = mri_harness_shared((size_t)processes * EACH * sizeof(int64_t));
    crowd->samples_each = EACH;
    result("crowd", "records_per_s",
        mri_peer_crowd_run(run->peer, run->folder, crowd, processes, seconds, work));
    size_t count = 0;
    for (size_t i = 0; i < (size_t)processes * EACH; i++) {
        if (crowd->samples[i] != 0) {
            crowd->samples[count++] = crowd->samples[i];
        }
    }
    mri_harness_percentiles("crowd_us", crowd->samples, count, 1e3);
}

static void measure_background(const char *folder)
{
    int64_t before = mri_disk_written(folder);
    if (before < 0) {
        mri_harness_text("device", "the folder's file system has no device with a counter");
        return;
    }
    mri_harness_until(mri_harness_ns() + BACKGROUND_MS * 1000000ll);
    mri_harness_result("background_bytes_per_s",
        (double)(mri_disk_written(folder) - before) * 1000 / BACKGROUND_MS);
}

int main(int argc, char **argv)
{
    static struct run run;
    static char folder[4096];
    struct mri_disk_floor floor;
    if (argc == 1) {
        mri_peer_list();
        return 0;
    }
    if (argc != 5) {
        (void)fputs("usage: durable_bench FOLDER PEER SECONDS PROCESSES\n", stderr);
        return 2;
    }
    double seconds = strtod(argv[3], NULL);
    unsigned processes = (unsigned)strtoul(argv[4], NULL, 10);
    run.peer = mri_peer_begin(argv, MRI_PEER_DURABLE, folder);
    run.folder = folder;
    run.next_key = 1;
    run.client = run.peer->open(folder);
    mri_disk_floor_open(&floor, argv[1]);
    for (int i = 0; i < 50; i++) { /* warm */
        one_commit(&run, 1);
    }
    measure_background(folder);
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        measure(&run, &floor, &parts[i], seconds);
    }
    run.peer->close(run.client);
    if (run.peer->push != NULL) { /* the log itself */
        measure_again(&run, seconds);
    }
    if (processes == 0) {
        mri_harness_text("crowd", "not asked for");
    } else if (run.peer->is_shared == NULL || !run.peer->is_shared(folder)) {
        mri_harness_text("crowd", "one process only");
    } else {
        measure_crowd(&run, processes, seconds);
    }
    mri_peer_end(run.peer);
    return 0;
}
