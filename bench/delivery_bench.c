/* SPDX-License-Identifier: MIT */
/*
 * From one process to another: how long after a value was handed to a store a reader has it. Each
 * value carries the moment; both processes read the same clock.
 *
 * usage: delivery_bench FOLDER PEER PACE_US COUNT
 */
#define _GNU_SOURCE
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/harness.h"
#include "bench/peer.h"
#include "millrace/err.h"

enum { WARM = 200 };

#define LATE_NS 10000000000

struct meeting {
    _Atomic uint32_t is_listening;
    int64_t samples[]; /* of the reader */
};

static void listen_to_all(
    const struct mri_peer *peer, const char *folder, struct meeting *meeting, uint64_t count)
{
    uint8_t value[MRI_PEER_VALUE_BYTES];
    void *listener = peer->listen(folder);
    atomic_store(&meeting->is_listening, 1);
    for (uint64_t i = 0; i < count; i++) {
        int64_t stamp;
        uint64_t number;
        peer->receive(listener, value);
        int64_t now = mri_harness_ns();
        memcpy(&stamp, value, sizeof(stamp));
        memcpy(&number, value + sizeof(stamp), sizeof(number));
        mri_harness_must(number != i ? MR_ECORRUPT : MR_OK, "a value is not the next one");
        meeting->samples[i] = now - stamp;
    }
    _exit(0);
}

static void publish_all(const struct mri_peer *peer, void *client, int64_t pace_ns, uint64_t count)
{
    uint8_t value[MRI_PEER_VALUE_BYTES];
    int64_t due = mri_harness_ns();
    memcpy(value, mri_peer_values(), sizeof(value));
    for (uint64_t i = 0; i < count; i++) {
        mri_harness_until(due);
        int64_t stamp = mri_harness_ns();
        memcpy(value, &stamp, sizeof(stamp));
        memcpy(value + sizeof(stamp), &i, sizeof(i));
        peer->publish(client, value);
        due += pace_ns;
        int64_t now = mri_harness_ns();
        due = due < now ? now : due; /* late once is not late for ever */
    }
}

int main(int argc, char **argv)
{
    static char folder[4096];
    if (argc != 5) {
        (void)fputs("usage: delivery_bench FOLDER PEER PACE_US COUNT\n", stderr);
        return 2;
    }
    int64_t pace_ns = (int64_t)strtoull(argv[3], NULL, 10) * 1000;
    uint64_t count = strtoull(argv[4], NULL, 10);
    const struct mri_peer *peer = mri_peer_begin(argv, MRI_PEER_DELIVERY, folder);
    mri_harness_must(peer->listen == NULL ? MR_EINVAL : MR_OK, "this peer delivers nothing");
    struct meeting *meeting =
        mri_harness_shared(sizeof(*meeting) + (count + WARM) * sizeof(int64_t));
    pid_t reader = fork();
    if (reader == 0) {
        listen_to_all(peer, folder, meeting, count + WARM);
    }
    int64_t late = mri_harness_ns() + LATE_NS;
    while (atomic_load(&meeting->is_listening) == 0 && mri_harness_ns() < late) {
        (void)usleep(1000);
    }
    void *client = peer->open(folder);
    publish_all(peer, client, pace_ns, count + WARM);
    int ended = mri_harness_reap(reader, mri_harness_ns() + LATE_NS);
    mri_harness_must(ended == 0 ? MR_OK : MR_EIO, "the reader did not get everything");
    mri_harness_percentiles("delivery_us", meeting->samples + WARM, count, 1e3);
    peer->close(client);
    mri_peer_end(peer);
    return 0;
}
