/* SPDX-License-Identifier: MIT */
/*
 * Full disks: a file system in memory, and an ext4; and a quota that is exceeded. A log that finds
 * no room for its next segment, for itself, for a cursor, a snapshot, or for the shared memory says
 * so before anything is changed; readers go on; appends go on when space has come back; and nobody
 * ever gets SIGBUS.
 *
 * usage: torture_space_test      SEED=n repeats a run; TIMES=n
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "log/open/snapshot.h"
#include "millrace/log_consumer.h"
#include "tests/torture/torture_disk.h"
#include "tests/torture/torture_parts.h"

enum {
    WRITERS = 2,
    PARTS = WRITERS + 3,
    TIMES = 4,
    DISK_MEBIBYTES = 24,
    SHM_BYTES = 64 * 1024 * 1024,
    SMALL_SHM_BYTES = 512 * 1024,
    SEGMENT = 1024 * 1024,
    REFUSALS = 20,
    SNAPSHOT_BYTES = 2 * 1024 * 1024, /* more than any of these disks has left */
};

static struct mri_torture_ledger *ledger;
static char parent[MRI_TEMP_FOLDER_BYTES];
static char disk_folder[MRI_TORTURE_PATH_BYTES];
static char folder[MRI_TORTURE_PATH_BYTES + 16];
static char filler[MRI_TORTURE_PATH_BYTES + 16];
static struct mri_torture_part parts[PARTS];
static pid_t children[PARTS];

static const mr_log_options log_options = {
    .is_create = true, .segment_bytes = SEGMENT, .sync_interval_ms = 20};

static void place_parts(void)
{
    static const enum mri_torture_kind kinds[PARTS] = {MRI_TORTURE_WRITER, MRI_TORTURE_WRITER,
        MRI_TORTURE_TAILER, MRI_TORTURE_DURABLE, MRI_TORTURE_SEEKER};
    mri_torture_ledger_clear(ledger);
    for (uint32_t i = 0; i < PARTS; i++) {
        parts[i] = (struct mri_torture_part){.ledger = ledger,
            .folder = folder,
            .options = log_options,
            .pace = {.burst_max = 20,
                .pause_us = 200,
                .group_of_1000 = 30,
                .large_of_1000 = 300,
                .is_space_short = true},
            .kind = kinds[i],
            .index = i};
    }
}

static bool has_been_refused(void *argument)
{
    const uint64_t *before = argument;
    return atomic_load(&ledger->refused) >= *before + REFUSALS;
}

static bool has_grown(void *argument)
{
    const uint64_t *before = argument;
    return atomic_load(&ledger->appended) >= *before + REFUSALS;
}

/** One that begins at the end of a log that is full already would never see an event. */
static bool has_reader_begun(void *argument)
{
    (void)argument;
    return atomic_load(&ledger->seen[WRITERS]) > 0;
}

static bool have_readers_caught_up(void *argument)
{
    (void)argument;
    uint64_t newest = 0;
    for (uint32_t i = 0; i < atomic_load(&ledger->life_count); i++) {
        uint64_t seq = atomic_load(&ledger->lives[i].acked) >> 32;
        newest = seq > newest ? seq : newest;
    }
    return atomic_load(&ledger->seen[WRITERS]) >= newest;
}

/** Is everything there, and can one go on? */
static void open_and_compare(void *argument)
{
    (void)argument;
    mr_log *log = NULL;
    mr_problem problem = {""};
    mri_torture_watch_sigbus();
    mri_torture_ok(mr_log_open(folder, &log_options, &log, &problem), "the last open", &problem);
    (void)mri_torture_ledger_compare(ledger, folder, false);
    mr_log_close(log);
}

static void fill_under_writers(void)
{
    place_parts();
    for (uint32_t i = 0; i < PARTS; i++) {
        children[i] = mri_torture_part_start(&parts[i]);
    }
    uint64_t before = atomic_load(&ledger->appended);
    mri_torture_until(has_grown, &before, "it is appended to the log");
    mri_torture_until(has_reader_begun, NULL, "the reader has read something");
    mri_torture_fill(filler, mri_torture_below(3) * SEGMENT);
    before = atomic_load(&ledger->refused);
    mri_torture_until(has_been_refused, &before, "appends are refused on a full disk");
    mri_torture_until(have_readers_caught_up, NULL, "readers read on on a full disk");
    MRI_TORTURE_CHECK(unlink(filler) == 0, "unlink");
    before = atomic_load(&ledger->appended);
    mri_torture_until(has_grown, &before, "appends go on when there is space again");
    atomic_store(&ledger->is_over, 1);
    for (uint32_t i = 0; i < PARTS; i++) {
        mri_torture_expect_end(children[i]);
    }
    atomic_store(&ledger->is_over, 0);
    mri_torture_in_child(open_and_compare, NULL);
    mri_torture_tell("full_under_writers", 1);
}

/* ---- nothing can be made --------------------------------------------------------------------- */

static void expect_no_log(void *argument)
{
    (void)argument;
    mr_log *log = NULL;
    mr_problem problem = {""};
    mri_torture_watch_sigbus();
    mr_err err = mr_log_open(folder, &log_options, &log, &problem);
    MRI_TORTURE_CHECK(err == MR_ENOSPC && problem.text[0] != '\0',
        "a new log on a full disk: %s %s", mr_err_name(err), problem.text);
}

/** A log that is there: it can be read; it opens to append, or says that there is no space. */
static void use_log_on_full_disk(void *argument)
{
    (void)argument;
    mr_log *log = NULL;
    mr_problem problem = {""};
    mri_torture_watch_sigbus();
    (void)mri_torture_ledger_compare(ledger, folder, false);
    mr_err err = mr_log_open(folder, &log_options, &log, &problem);
    MRI_TORTURE_CHECK(err == MR_OK || err == MR_ENOSPC, "a log on a full disk: %s %s",
        mr_err_name(err), problem.text);
    mr_log_close(log);
    (void)mri_torture_ledger_compare(ledger, folder, false);
}

static void open_consumer_on_full_disk(void *argument)
{
    (void)argument;
    const mr_consumer_options options = {.max_in_flight = 1};
    mr_consumer *consumer = NULL;
    mr_problem problem = {""};
    mri_torture_watch_sigbus();
    mr_err err = mr_consumer_open(folder, "full", &options, &consumer, &problem);
    MRI_TORTURE_CHECK(
        err == MR_ENOSPC, "a consumer on a full disk: %s %s", mr_err_name(err), problem.text);
}

static void use_consumer(void *argument)
{
    (void)argument;
    const mr_consumer_options options = {.max_in_flight = 1};
    mr_consumer *consumer = NULL;
    mr_problem problem = {""};
    mr_log_event event;
    mr_delivery delivery;
    mr_err err = mr_consumer_open(folder, "full", &options, &consumer, &problem);
    mri_torture_ok(err, "a consumer when there is space again", &problem);
    err = mr_consumer_next(consumer, &event, &delivery, &problem);
    mri_torture_ok(err, "its next event", &problem);
    MRI_TORTURE_CHECK(event.seq.n == 1, "event %llu first", (unsigned long long)event.seq.n);
    mri_torture_ok(mr_consumer_ack(consumer, event.seq, &problem), "its ack", &problem);
    mr_consumer_close(consumer);
}

/* ---- snapshots ------------------------------------------------------------------------------- */

static mr_err write_snapshot(uint64_t seq)
{
    const struct mri_snapshot_place place = {.seq = seq, .chain_crc = 7};
    struct mri_buf payload;
    mri_buf_init(&payload, mri_alloc_system(), SNAPSHOT_BYTES);
    memset(mri_buf_grow(&payload, SNAPSHOT_BYTES), 's', SNAPSHOT_BYTES);
    mr_err err = mri_snapshot_write(mri_os_linux(), folder, &place, &payload);
    mri_buf_fini(&payload);
    return err;
}

/** So many are listed, each of them can be read whole, and nothing is beside them. */
static void expect_snapshots(uint32_t expected)
{
    struct mri_snapshot_list list;
    struct mri_snapshot_place place;
    struct mri_buf payload;
    char beside[MRI_TORTURE_PATH_BYTES + 32];
    mri_torture_ok(mri_snapshot_list(mri_os_linux(), folder, &list), "snapshots", NULL);
    MRI_TORTURE_CHECK(list.count == expected, "%u snapshots, not %u", list.count, expected);
    mri_buf_init(&payload, mri_alloc_system(), SNAPSHOT_BYTES);
    for (uint32_t i = 0; i < list.count; i++) {
        mr_err err = mri_snapshot_read(mri_os_linux(), folder, list.seqs[i], &place, &payload);
        mri_torture_ok(err, "a snapshot", NULL);
    }
    mri_buf_fini(&payload);
    (void)snprintf(beside, sizeof(beside), "%s/snap/new.tmp", folder);
    MRI_TORTURE_CHECK(access(beside, F_OK) != 0, "%s is left", beside);
}

static void write_snapshots_on_full_disk(void *argument)
{
    (void)argument;
    mri_torture_watch_sigbus();
    for (uint64_t seq = 2; seq < 4; seq++) {
        mr_err err = write_snapshot(seq);
        MRI_TORTURE_CHECK(err == MR_ENOSPC, "a snapshot on a full disk: %s", mr_err_name(err));
        expect_snapshots(1);
    }
}

static void write_snapshot_later(void *argument)
{
    const uint64_t *seq = argument;
    mri_torture_ok(write_snapshot(*seq), "a snapshot", NULL);
    expect_snapshots((uint32_t)*seq);
}

static void make_some_events(void *argument)
{
    (void)argument;
    struct mri_torture_writer writer;
    const struct mri_torture_batch batch = {.count = 3, .body_max = 200, .durability = MR_GROUP};
    mr_log *log = NULL;
    mr_problem problem = {""};
    mri_torture_ok(mr_log_open(folder, &log_options, &log, &problem), "make", &problem);
    mri_torture_writer_init(&writer, ledger, log, mri_torture_ledger_life(ledger), 1);
    for (int i = 0; i < 20; i++) {
        mri_torture_ok(mri_torture_append(&writer, &batch), "append", NULL);
    }
    mr_log_close(log);
}

static void fill_before_each_making(void)
{
    uint64_t first = 1;
    uint64_t second = 2;
    mri_torture_ledger_clear(ledger);
    mri_torture_fill(filler, mri_torture_below(4) * 256 * 1024);
    mri_torture_in_child(expect_no_log, NULL);
    MRI_TORTURE_CHECK(unlink(filler) == 0, "unlink");
    mri_torture_in_child(make_some_events, NULL);
    mri_torture_in_child(write_snapshot_later, &first);
    mri_torture_fill(filler, mri_torture_below(3) * 512 * 1024);
    mri_torture_in_child(write_snapshots_on_full_disk, NULL);
    mri_torture_fill(filler, 0);
    mri_torture_in_child(use_log_on_full_disk, NULL);
    mri_torture_in_child(open_consumer_on_full_disk, NULL);
    MRI_TORTURE_CHECK(unlink(filler) == 0, "unlink");
    mri_torture_in_child(use_consumer, NULL);
    mri_torture_in_child(write_snapshot_later, &second);
    mri_torture_in_child(open_and_compare, NULL);
    mri_torture_tell("full_at_a_making", 5);
}

/* ---- disks ----------------------------------------------------------------------------------- */

static const char *begin(void)
{
    const char *why_not = mri_torture_disk_begin();
    if (why_not == NULL) {
        mri_torture_own_shm(SHM_BYTES);
        (void)mri_temp_folder_make(parent);
    }
    return why_not;
}

static void on_disks(void (*work)(void))
{
    unsigned times = mri_torture_count("TIMES", TIMES);
    const char *why_not = begin();
    if (why_not != NULL) {
        mri_torture_skip(why_not);
    }
    mri_torture_mount_memory(parent, (uint64_t)2 * DISK_MEBIBYTES << 20);
    for (unsigned i = 0; i < times; i++) {
        struct mri_torture_disk disk = {.image = ""};
        (void)snprintf(disk_folder, sizeof(disk_folder), "%s/disk", parent);
        if (i % 2 == 0) {
            mri_torture_mount_memory(disk_folder, (uint64_t)DISK_MEBIBYTES << 20);
        } else {
            mri_torture_disk_make(&disk, parent, "disk", DISK_MEBIBYTES);
            mri_torture_disk_mount(&disk);
        }
        (void)snprintf(folder, sizeof(folder), "%s/log", disk_folder);
        (void)snprintf(filler, sizeof(filler), "%s/filler", disk_folder);
        work();
        mri_torture_unmount(disk_folder);
    }
    mri_torture_unmount(parent);
    mri_temp_folder_remove(parent);
}

static void appends_on_a_full_disk_are_refused_and_go_on_later(void **fixture)
{
    (void)fixture;
    on_disks(fill_under_writers);
}

static void nothing_is_half_made_on_a_full_disk(void **fixture)
{
    (void)fixture;
    on_disks(fill_before_each_making);
}

static void open_with_little_memory(void *argument)
{
    (void)argument;
    mr_log_options options = log_options;
    mr_problem problem = {""};
    mr_log *log = NULL;
    mri_torture_watch_sigbus();
    mri_torture_own_shm(SMALL_SHM_BYTES);
    mr_err err = mr_log_open(folder, &options, &log, &problem);
    MRI_TORTURE_CHECK(err == MR_ENOSPC && strstr(problem.text, "/dev/shm") != NULL,
        "a ring that does not fit into /dev/shm: %s %s", mr_err_name(err), problem.text);
    options.is_ring_in_folder = true;
    mri_torture_ok(mr_log_open(folder, &options, &log, &problem), "ring in the folder", &problem);
    mri_torture_ok(
        mr_log_append(log, &(mr_log_record){.type = MR_LOG_TYPE_FREE}, 1, MR_GROUP, NULL), "append",
        NULL);
    mr_log_close(log);
}

static void a_ring_that_does_not_fit_is_refused_and_fits_into_the_folder(void **fixture)
{
    (void)fixture;
    const char *why_not = begin();
    if (why_not != NULL) {
        mri_torture_skip(why_not);
    }
    (void)snprintf(folder, sizeof(folder), "%s/log", parent);
    mri_torture_in_child(open_with_little_memory, NULL);
    mri_torture_tell("full_memory", 1);
    mri_temp_folder_remove(parent);
}

/* ---- quotas ---------------------------------------------------------------------------------- */

static void try_to_exceed(void *argument)
{
    bool *is_possible = argument;
    *is_possible = mri_torture_exceed_quota() == NULL;
}

/** In one process: append, exceed the quota, append until nothing fits, look at the rest. */
static void exceed_quota(void *argument)
{
    (void)argument;
    struct mri_torture_writer writer;
    const struct mri_torture_batch batch = {.count = 3, .body_max = 20000};
    mr_log *log = NULL;
    mr_problem problem = {""};
    mr_err err = MR_OK;
    mri_torture_ok(mr_log_open(folder, &log_options, &log, &problem), "open", &problem);
    mri_torture_writer_init(&writer, ledger, log, mri_torture_ledger_life(ledger), 1);
    mri_torture_ok(mri_torture_append(&writer, &batch), "append", NULL);
    mri_torture_ok(write_snapshot(1), "a snapshot", NULL);
    MRI_TORTURE_CHECK(mri_torture_exceed_quota() == NULL, "no quota");
    while (err == MR_OK) {
        err = mri_torture_append(&writer, &batch);
    }
    MRI_TORTURE_CHECK(err == MR_ENOSPC, "append over the quota: %s", mr_err_name(err));
    mri_torture_ok(mr_log_sync(log), "sync over the quota", NULL);
    err = write_snapshot(2);
    MRI_TORTURE_CHECK(err == MR_ENOSPC, "a snapshot over the quota: %s", mr_err_name(err));
    expect_snapshots(1);
    open_consumer_on_full_disk(NULL);
    mr_log_close(log);
    mri_torture_writer_fini(&writer);
}

static void a_quota_that_is_exceeded_is_a_full_disk(void **fixture)
{
    (void)fixture;
    uint64_t second = 2;
    bool *is_possible = mri_torture_share(sizeof(*is_possible));
    mri_torture_in_child(try_to_exceed, is_possible);
    bool is_here = *is_possible;
    mri_torture_forget(is_possible, sizeof(*is_possible));
    if (!is_here) {
        mri_torture_skip("there are no filters of system calls");
    }
    (void)mri_temp_folder_make(parent);
    (void)snprintf(folder, sizeof(folder), "%s/log", parent);
    mri_torture_ledger_clear(ledger);
    mri_torture_in_child(exceed_quota, NULL);
    mri_torture_in_child(open_and_compare, NULL);
    mri_torture_in_child(make_some_events, NULL);
    mri_torture_in_child(use_consumer, NULL);
    mri_torture_in_child(write_snapshot_later, &second);
    mri_torture_in_child(open_and_compare, NULL);
    mri_torture_tell("quotas", 1);
    mri_temp_folder_remove(parent);
}

int main(void)
{
    mri_torture_begin("torture_space_test");
    ledger = mri_torture_share(sizeof(*ledger));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appends_on_a_full_disk_are_refused_and_go_on_later),
        cmocka_unit_test(nothing_is_half_made_on_a_full_disk),
        cmocka_unit_test(a_ring_that_does_not_fit_is_refused_and_fits_into_the_folder),
        cmocka_unit_test(a_quota_that_is_exceeded_is_a_full_disk),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    mri_torture_tell("events", atomic_load(&ledger->appended));
    mri_torture_tell("refused", atomic_load(&ledger->refused));
    return mri_torture_end(failed);
}
