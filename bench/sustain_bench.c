/* SPDX-License-Identifier: MIT */
/*
 * Appending for a long time while the log is written behind: as fast as it goes, and at a pace;
 * beside what the disk takes of one long file. At the end every record is read back and counted.
 *
 * usage: sustain_bench FOLDER PEER SECONDS PACED_SECONDS GIB_MAX
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/statvfs.h>

#include "bench/disk.h"
#include "bench/harness.h"
#include "bench/peer.h"
#include "millrace/err.h"
#include "millrace/log_read.h"

enum { LOOK_EVERY = 64, PACE_NS = 500, MIB = 1024 * 1024 };

#define GIB          ((uint64_t)1024 * MIB)
#define SPARE_BYTES  (8 * GIB) /* of the disk stay free */
#define DISK_SECONDS 2.0

/** As many records as there is room for, at most so many GiB. */
static uint64_t records_max(const char *folder, double gib_max)
{
    struct statvfs status;
    mri_harness_must(statvfs(folder, &status) == 0 ? MR_OK : MR_EIO, folder);
    uint64_t room = status.f_bavail * status.f_frsize;
    uint64_t bytes = (uint64_t)(gib_max * (double)GIB);
    mri_harness_must(room < SPARE_BYTES ? MR_ENOSPC : MR_OK, folder);
    bytes = bytes < room - SPARE_BYTES ? bytes : room - SPARE_BYTES;
    return bytes / MRI_PEER_RECORD_BYTES;
}

static uint64_t run_freely(
    const struct mri_peer *peer, void *client, double seconds, uint64_t count_max)
{
    const uint8_t *values = mri_peer_values();
    uint64_t count = 0;
    int64_t start = mri_harness_ns();
    int64_t end = start + (int64_t)(seconds * 1e9);
    while (count < count_max && mri_harness_ns() < end) {
        for (int i = 0; i < LOOK_EVERY; i++) {
            peer->push(client, values, 1);
        }
        count += LOOK_EVERY;
    }
    double appended_s = (double)(mri_harness_ns() - start) / 1e9;
    peer->settle(client);
    double settled_s = (double)(mri_harness_ns() - start) / 1e9;
    mri_harness_result("sustain_per_s", (double)count / appended_s);
    mri_harness_result("sustain_settled_per_s", (double)count / settled_s);
    mri_harness_result("sustain_seconds", appended_s);
    return count;
}

/** Every append at its moment; one that is late does not make the next ones late. */
static uint64_t run_paced(
    const struct mri_peer *peer, void *client, double seconds, uint64_t count_max)
{
    const uint8_t *values = mri_peer_values();
    int64_t start = mri_harness_ns();
    int64_t end = start + (int64_t)(seconds * 1e9);
    int64_t due = start;
    int64_t longest = 0;
    uint64_t count = 0;
    uint64_t slow = 0;
    for (int64_t now = start; now < end && count < count_max; count++) {
        while (now < due) {
            now = mri_harness_ns();
        }
        peer->push(client, values, 1);
        int64_t then = mri_harness_ns();
        longest = then - now > longest ? then - now : longest;
        slow += then - now > 1000000 ? 1 : 0;
        due += PACE_NS;
        due = due < now ? now : due;
        now = then;
    }
    double taken_s = (double)(mri_harness_ns() - start) / 1e9;
    mri_harness_result("paced_per_s", (double)count / taken_s);
    mri_harness_result("paced_max_us", (double)longest / 1e3);
    mri_harness_result("paced_over_1ms", (double)slow);
    return count;
}

static uint64_t count_back(const char *folder)
{
    char path[4200];
    mr_log_reader *reader;
    mr_problem problem = {""};
    mr_log_event event;
    uint64_t count = 0;
    mr_err err;
    (void)snprintf(path, sizeof(path), "%s/events", folder);
    mri_harness_must(mr_log_reader_open(path, &reader, &problem), problem.text);
    while ((err = mr_log_reader_next(reader, &event, &problem)) == MR_OK) {
        count++;
        mri_harness_must(event.seq.n == count ? MR_OK : MR_ECORRUPT, "a record is missing");
    }
    mri_harness_must(err == MR_END ? MR_OK : (int)err, problem.text);
    mr_log_reader_close(reader);
    return count;
}

int main(int argc, char **argv)
{
    static char folder[4096];
    if (argc != 6) {
        (void)fputs("usage: sustain_bench FOLDER PEER SECONDS PACED_SECONDS GIB_MAX\n", stderr);
        return 2;
    }
    double gib_max = strtod(argv[5], NULL);
    const struct mri_peer *peer = mri_peer_begin(argv, MRI_PEER_DURABLE, folder);
    mri_harness_must(peer->push == NULL ? MR_EINVAL : MR_OK, "this peer has no such appends");
    double direct = mri_disk_sequential_per_s(folder, true, DISK_SECONDS);
    double buffered = mri_disk_sequential_per_s(folder, false, DISK_SECONDS);
    mri_harness_result("disk_direct_mib_per_s", direct / MIB);
    mri_harness_result("disk_buffered_mib_per_s", buffered / MIB);
    void *client = peer->open(folder);
    uint64_t count = run_paced(peer, client, strtod(argv[4], NULL), records_max(folder, gib_max));
    peer->settle(client);
    count += run_freely(peer, client, strtod(argv[3], NULL), records_max(folder, gib_max));
    peer->close(client);
    mri_peer_end(peer);
    uint64_t found = count_back(folder);
    mri_harness_result("sustain_records", (double)count);
    mri_harness_result("sustain_lost", (double)count - (double)found);
    return 0;
}
