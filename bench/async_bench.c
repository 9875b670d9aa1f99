/* SPDX-License-Identifier: MIT */
/*
 * Appends that wait for no disk: of one process, one by one and by eight, and of four processes at
 * once, beside the floor of one append: a copy, a robust lock, the clock, and the CRC32C of it.
 *
 * usage: async_bench FOLDER PEER
 */
#define _GNU_SOURCE
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/crc32c.h"
#include "bench/harness.h"
#include "bench/peer.h"
#include "millrace/err.h"
#include "os/os.h"
#include "os/robust_lock.h"

enum {
    BURST = 120000, /* fits the ring: nobody has to write behind */
    PROCESSES = 4,
    TURNS = 9,
    BATCH = 8,
};

/** What no append can do without, into a place of its own. */
static double floor_ns(void)
{
    static uint8_t place[1024 * 1024];
    static struct mri_robust_lock lock;
    const struct mri_os *os = mri_os_linux();
    const uint8_t *value = mri_peer_values();
    volatile uint64_t sink = 0;
    (void)sink;
    bool is_orphan;
    mri_harness_must(mri_robust_lock_init(&lock), "lock");
    int64_t start = mri_harness_ns();
    for (int i = 0; i < BURST; i++) {
        uint8_t *at = place + (size_t)(i % 4000) * MRI_PEER_RECORD_BYTES;
        sink += (uint64_t)os->realtime_unix_ns(os->context);
        mri_harness_must(mri_robust_lock_take(&lock, 0, &is_orphan), "lock");
        memcpy(at + 64, value, MRI_PEER_VALUE_BYTES);
        sink += mri_crc32c(0, at, MRI_PEER_RECORD_BYTES);
        mri_robust_lock_give(&lock);
    }
    return (double)(mri_harness_ns() - start) / BURST;
}

static double push_ns(const struct mri_peer *peer, void *client, unsigned batch)
{
    const uint8_t *values = mri_peer_values();
    peer->settle(client);
    int64_t start = mri_harness_ns();
    for (unsigned i = 0; i < BURST / batch; i++) {
        peer->push(client, values, batch);
    }
    return (double)(mri_harness_ns() - start) / BURST;
}

/** Each push by itself; the clock is in it, about 25 ns. */
static uint64_t push_timed(
    const struct mri_peer *peer, void *client, int64_t *samples, uint32_t count)
{
    const uint8_t *values = mri_peer_values();
    int64_t now = mri_harness_ns();
    for (uint32_t i = 0; i < count; i++) {
        peer->push(client, values, 1);
        int64_t then = mri_harness_ns();
        samples[i] = then - now;
        now = then;
    }
    return count;
}

static uint64_t push_share(
    const struct mri_peer *peer, void *client, struct mri_peer_crowd *crowd, unsigned index)
{
    (void)index;
    const uint8_t *values = mri_peer_values();
    for (uint32_t i = 0; i < BURST / PROCESSES; i++) {
        peer->push(client, values, 1);
    }
    (void)crowd;
    return BURST / PROCESSES;
}

static uint64_t push_share_timed(
    const struct mri_peer *peer, void *client, struct mri_peer_crowd *crowd, unsigned index)
{
    return push_timed(
        peer, client, crowd->samples + (size_t)index * crowd->samples_each, crowd->samples_each);
}

static void measure_together(const struct mri_peer *peer, const char *folder)
{
    double best = 0.0;
    int64_t rates[TURNS];
    for (int i = 0; i < TURNS; i++) {
        struct mri_peer_crowd *crowd = mri_harness_shared(sizeof(*crowd));
        double rate = mri_peer_crowd_run(peer, folder, crowd, PROCESSES, 0.0, push_share);
        rates[i] = (int64_t)rate;
        best = rate > best ? rate : best;
    }
    mri_harness_result("async_together_per_s", (double)mri_harness_median(rates, TURNS));
    mri_harness_result("async_together_best_per_s", best);
    struct mri_peer_crowd *crowd = mri_harness_shared(sizeof(*crowd));
    crowd->samples = mri_harness_shared(BURST * sizeof(int64_t));
    crowd->samples_each = BURST / PROCESSES;
    (void)mri_peer_crowd_run(peer, folder, crowd, PROCESSES, 0.0, push_share_timed);
    mri_harness_percentiles("async_together_ns", crowd->samples, BURST, 1.0);
}

int main(int argc, char **argv)
{
    static char folder[4096];
    static int64_t samples[BURST];
    if (argc != 3) {
        (void)fputs("usage: async_bench FOLDER PEER\n", stderr);
        return 2;
    }
    const struct mri_peer *peer = mri_peer_begin(argv, MRI_PEER_DURABLE, folder);
    void *client = peer->open(folder);
    mri_harness_must(peer->push == NULL ? MR_EINVAL : MR_OK, "this peer has no such appends");
    (void)push_ns(peer, client, 1); /* warm */
    int64_t floor_ps[TURNS];
    int64_t single_ps[TURNS];
    int64_t batched_ps[TURNS];
    for (int i = 0; i < TURNS; i++) { /* in turns, so that a noisy moment hits all */
        floor_ps[i] = (int64_t)(floor_ns() * 1000);
        single_ps[i] = (int64_t)(push_ns(peer, client, 1) * 1000);
        batched_ps[i] = (int64_t)(push_ns(peer, client, BATCH) * 1000);
    }
    mri_harness_result("async_floor_ns", (double)mri_harness_median(floor_ps, TURNS) / 1000);
    mri_harness_result("async_single_ns", (double)mri_harness_median(single_ps, TURNS) / 1000);
    mri_harness_result("async_batch8_ns", (double)mri_harness_median(batched_ps, TURNS) / 1000);
    peer->settle(client);
    (void)push_timed(peer, client, samples, BURST);
    mri_harness_percentiles("async_timed_ns", samples, BURST, 1.0);
    peer->settle(client);
    peer->close(client);
    if (peer->is_shared != NULL && peer->is_shared(folder)) {
        measure_together(peer, folder);
    } else {
        mri_harness_text("async_together", "one process only");
    }
    mri_peer_end(peer);
    return 0;
}
