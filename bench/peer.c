/* SPDX-License-Identifier: MIT */
/*
 * The stores that were built, and what the benchmarks of all of them share.
 *
 * meson.build defines MRI_PEER_LIST(X) as X(name) for each of them.
 */
#define _GNU_SOURCE
#include "bench/peer.h"

#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/harness.h"
#include "millrace/err.h"

enum { PROCESSES_MAX = 256 };

/* From the last one's opening to the first one's work: what opening left to the background is done
   then, for every store alike. */
#define TOGETHER_NS            300000000

#define LATE_NS                60000000000

#define MRI_PEER_DECLARE(name) extern const struct mri_peer mri_peer_##name;
MRI_PEER_LIST(MRI_PEER_DECLARE)
#undef MRI_PEER_DECLARE

static const struct mri_peer *const peers[] = {
#define MRI_PEER_ROW(name) &mri_peer_##name,
    MRI_PEER_LIST(MRI_PEER_ROW)
#undef MRI_PEER_ROW
};

const struct mri_peer *mri_peer_find(const char *name)
{
    for (size_t i = 0; i < sizeof(peers) / sizeof(peers[0]); i++) {
        if (strcmp(peers[i]->name, name) == 0) {
            return peers[i];
        }
    }
    return NULL;
}

void mri_peer_list(void)
{
    for (size_t i = 0; i < sizeof(peers) / sizeof(peers[0]); i++) {
        mri_harness_text(peers[i]->name, peers[i]->settings);
    }
}

const struct mri_peer *mri_peer_begin(
    char **arguments, enum mri_peer_use use, char ret_folder[4096])
{
    char parent[PATH_MAX];
    const struct mri_peer *peer = mri_peer_find(arguments[2]);
    mri_harness_must(peer == NULL ? MR_NOT_FOUND : MR_OK, arguments[2]);
    mri_harness_must(realpath(arguments[1], parent) == NULL ? MR_EPATH : MR_OK, arguments[1]);
    int length = snprintf(ret_folder, 4096, "%s/%s", parent, peer->name);
    mri_harness_must(length >= 4000 ? MR_ELIMIT : MR_OK, parent);
    mri_harness_must(mkdir(ret_folder, 0711) == 0 ? MR_OK : MR_EPATH, ret_folder);
    (void)setvbuf(stdout, NULL, _IOLBF, 0); /* what was measured is told, whatever comes */
    if (peer->start != NULL) {
        peer->start(ret_folder, use);
    }
    mri_harness_text("settings", peer->settings);
    return peer;
}

void mri_peer_end(const struct mri_peer *peer)
{
    if (peer->stop != NULL) {
        peer->stop();
    }
}

const uint8_t *mri_peer_values(void)
{
    static uint64_t values[MRI_PEER_WINDOW_MAX * MRI_PEER_VALUE_BYTES / 8];
    uint64_t state = 88172645463325252u;
    if (values[0] != 0) {
        return (const uint8_t *)values;
    }
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        state ^= state << 13; /* xorshift */
        state ^= state >> 7;
        state ^= state << 17;
        values[i] = state;
    }
    return (const uint8_t *)values;
}

/** One process of a crowd. */
static void join_crowd(const struct mri_peer *peer, const char *folder,
    struct mri_peer_crowd *crowd, unsigned index, mri_peer_work *work)
{
    void *client = peer->open(folder);
    atomic_fetch_add(&crowd->ready, 1);
    while (atomic_load(&crowd->start_ns) == 0) {
        (void)usleep(1000);
    }
    mri_harness_until(atomic_load(&crowd->start_ns));
    uint64_t records = work(peer, client, crowd, index);
    int64_t now = mri_harness_ns();
    int64_t last = atomic_load(&crowd->last_ns);
    while (last < now && !atomic_compare_exchange_weak(&crowd->last_ns, &last, now)) {
    }
    atomic_fetch_add(&crowd->records, records);
    peer->close(client);
    _exit(0);
}

double mri_peer_crowd_run(const struct mri_peer *peer, const char *folder,
    struct mri_peer_crowd *crowd, unsigned processes, double seconds, mri_peer_work *work)
{
    pid_t children[PROCESSES_MAX];
    int64_t late_ns = mri_harness_ns() + LATE_NS + (int64_t)(seconds * 1e9);
    mri_harness_must(processes > PROCESSES_MAX ? MR_EINVAL : MR_OK, "processes");
    (void)fflush(stdout);
    for (unsigned i = 0; i < processes; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            join_crowd(peer, folder, crowd, i, work);
        }
        mri_harness_must(children[i] < 0 ? MR_ELIMIT : MR_OK, "fork");
    }
    while (atomic_load(&crowd->ready) < processes && mri_harness_ns() < late_ns) {
        (void)usleep(500);
    }
    int64_t start = mri_harness_ns() + TOGETHER_NS;
    atomic_store(&crowd->end_ns, start + (int64_t)(seconds * 1e9));
    atomic_store(&crowd->start_ns, start);
    bool is_good = true;
    for (unsigned i = 0; i < processes; i++) { /* none is left running, whatever one answers */
        is_good = mri_harness_reap(children[i], late_ns) == 0 && is_good;
    }
    mri_harness_must(is_good ? MR_OK : MR_EIO, "a process of the crowd");
    return (double)atomic_load(&crowd->records) * 1e9 /
           (double)(atomic_load(&crowd->last_ns) - start);
}
