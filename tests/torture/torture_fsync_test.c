/* SPDX-License-Identifier: MIT */
/*
 * A sync that fails, for real: an ext4 on a loop device whose last part breaks. Then the log is
 * poisoned in every process; nobody is told that something is durable when it is not; who comes is
 * refused until all have closed it; and the next open, which reads what the disk has, finds every
 * event that was durable.
 *
 * usage: torture_fsync_test      SEED=n repeats a run; FAILURES=n
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "tests/torture/torture_disk.h"
#include "tests/torture/torture_parts.h"

enum {
    WRITERS = 3,
    PARTS = WRITERS + 2,
    FAILURES = 4,
    DISK_MEBIBYTES = 24,
    MARGIN_BYTES = 4096,
    VOID_MAX =
        20, /* runs in which the machine was so slow that the disk was full before it failed */
    SHM_BYTES = 128 * 1024 * 1024,
    SEGMENT = 4 * 1024 * 1024,
};

static struct mri_torture_ledger *ledger;
static char parent[MRI_TEMP_FOLDER_BYTES];
static char folder[MRI_TORTURE_PATH_BYTES * 2];
static char segment[MRI_TORTURE_PATH_BYTES * 3];
static struct mri_torture_part parts[PARTS];
static pid_t children[PARTS];
static _Atomic uint32_t *is_full; /* before it failed */

static void place_log(const struct mri_torture_disk *disk)
{
    static const enum mri_torture_kind kinds[PARTS] = {MRI_TORTURE_WRITER, MRI_TORTURE_WRITER,
        MRI_TORTURE_WRITER, MRI_TORTURE_DURABLE, MRI_TORTURE_SEEKER};
    (void)snprintf(folder, sizeof(folder), "%s/log", disk->mount);
    for (uint32_t i = 0; i < PARTS; i++) {
        parts[i] = (struct mri_torture_part){.ledger = ledger,
            .folder = folder,
            .options = {.is_create = true,
                .segment_bytes = SEGMENT,
                .sync_interval_ms = 10,
                .is_thin = true}, /* so that appending needs new space of the image */
            .pace = {.burst_max = 5,
                .pause_us = 2000,
                .group_of_1000 = 200,
                .is_ending_on_fault = true},
            .kind = kinds[i],
            .index = i};
    }
}

static bool has_no_room(void)
{
    struct statvfs status;
    return statvfs(folder, &status) == 0 &&
           (uint64_t)status.f_bavail * status.f_frsize < (uint64_t)SEGMENT;
}

/** Stay inside after the failure, so that who comes finds somebody there. */
static void write_then_stay(void *argument)
{
    struct mri_torture_writer writer;
    const struct mri_torture_part *part = argument;
    const struct mri_torture_batch waiting = {.count = 1, .body_max = 300, .durability = MR_GROUP};
    mr_log *log = NULL;
    mr_problem problem = {""};
    const struct mri_log_opener opener = {.options = &part->options};
    mri_torture_ok(mri_torture_open(ledger, folder, &opener, &log, &problem), "open", &problem);
    mri_torture_writer_init(&writer, ledger, log, part->life, part->seed);
    mr_err err = MR_OK;
    while (err == MR_OK) {
        err = mri_torture_append(&writer, &waiting);
        mri_torture_sleep_us(500);
    }
    if (err == MR_ENOSPC && has_no_room()) {
        atomic_store(is_full, 1);
        mr_log_close(log);
        return;
    }
    MRI_TORTURE_CHECK(err == MR_EUNKNOWN || err == MR_EPOISONED, "append on a disk that fails: %s",
        mr_err_name(err));
    for (int i = 0; i < 20; i++) { /* no retry makes it good */
        err = mri_torture_append(&writer, &waiting);
        MRI_TORTURE_CHECK(err == MR_EPOISONED, "append after that: %s", mr_err_name(err));
        err = mr_log_sync(log);
        MRI_TORTURE_CHECK(
            err == MR_EPOISONED || err == MR_EUNKNOWN, "sync after that: %s", mr_err_name(err));
        mri_torture_sleep_us(500);
    }
    while (atomic_load(&ledger->is_over) == 0) {
        mri_torture_sleep_us(500);
    }
    mr_log_close(log);
}

/** Does the disk say that all is well, when it is asked again? Only counted: kernels differ. */
static void ask_again(void *argument)
{
    _Atomic uint32_t *word = argument;
    int fd = open(segment, O_WRONLY | O_CLOEXEC);
    atomic_store(word, fd >= 0 && fdatasync(fd) == 0);
}

static void come_and_be_refused(void *argument)
{
    (void)argument;
    mr_log *log = NULL;
    mr_problem problem = {""};
    mr_err err = mr_log_open(folder, NULL, &log, &problem);
    MRI_TORTURE_CHECK(err == MR_EPOISONED && problem.text[0] != '\0', "a newcomer: %s %s",
        mr_err_name(err), problem.text);
}

/**
 * Keep every page of the segment in the cache: the kernel calls those whose writing has failed
 * clean, and does not drop them while somebody maps them.
 */
static void look_on(void *argument)
{
    (void)argument;
    int fd = -1;
    while ((fd = open(segment, O_RDONLY | O_CLOEXEC)) < 0) {
        mri_torture_sleep_us(500);
    }
    const volatile uint8_t *map = mmap(NULL, SEGMENT, PROT_READ, MAP_SHARED, fd, 0);
    MRI_TORTURE_CHECK(map != MAP_FAILED, "mapping the segment");
    for (;;) {
        for (size_t at = 0; at < SEGMENT; at += 4096) {
            (void)map[at];
        }
        mri_torture_sleep_us(500);
    }
}

/** Only what the disk has may have been called durable: it is there when the cache is gone. */
static void look_at_disk(void *argument)
{
    (void)argument;
    (void)mri_torture_ledger_compare(ledger, folder, false);
}

static void open_anew(void *argument)
{
    (void)argument;
    mr_log *log = NULL;
    mr_problem problem = {""};
    mr_err err = mr_log_open(folder, NULL, &log, &problem);
    mri_torture_ok(err, "open after a failed sync", &problem);
    (void)mri_torture_ledger_compare(ledger, folder, true);
    struct mri_torture_writer writer;
    const struct mri_torture_batch batch = {.count = 2, .body_max = 300, .durability = MR_GROUP};
    mri_torture_writer_init(&writer, ledger, log, mri_torture_ledger_life(ledger), 1);
    mri_torture_ok(mri_torture_append(&writer, &batch), "append after a failed sync", NULL);
    (void)mri_torture_ledger_compare(ledger, folder, false);
    mr_log_close(log);
}

static bool has_everybody_begun(void *unused)
{
    (void)unused;
    bool is_so = atomic_load(&ledger->seen[WRITERS]) > 0;
    for (uint32_t i = 0; i < WRITERS; i++) {
        is_so = is_so && atomic_load(&ledger->lives[parts[i].life - 1].acked) > 0;
    }
    return is_so;
}

/** Break the disk, and see everybody hear of it. False: it was full before. */
static bool fail_under_writers(const struct mri_torture_disk *disk)
{
    atomic_store(is_full, 0);
    pid_t staying = mri_torture_start(write_then_stay, &parts[0]);
    for (uint32_t i = 1; i < PARTS; i++) {
        children[i] = mri_torture_part_start(&parts[i]);
    }
    mri_torture_until(has_everybody_begun, NULL, "everybody appends");
    mri_torture_sleep_us(mri_torture_below(60000));
    uint64_t margin = MARGIN_BYTES * (1 + mri_torture_below(32));
    mri_torture_disk_limit(disk, mri_torture_disk_end_of(segment) + margin);
    for (uint32_t i = 1; i < WRITERS; i++) {
        mri_torture_expect_end(children[i]); /* each has heard of it and closed */
    }
    if (atomic_load(is_full) != 0) {
        atomic_store(&ledger->is_over, 1);
        mri_torture_expect_end(staying);
        for (uint32_t i = WRITERS; i < PARTS; i++) {
            mri_torture_expect_end(children[i]);
        }
        atomic_store(&ledger->is_over, 0);
        return false;
    }
    _Atomic uint32_t *is_well = mri_torture_share(sizeof(*is_well));
    mri_torture_in_child(ask_again, (void *)is_well);
    mri_torture_tell("said_ok_when_asked_again", atomic_load(is_well));
    mri_torture_in_child(come_and_be_refused, NULL);
    atomic_store(&ledger->is_over, 1);
    mri_torture_expect_end(staying);
    for (uint32_t i = WRITERS; i < PARTS; i++) {
        mri_torture_expect_end(children[i]);
    }
    atomic_store(&ledger->is_over, 0);
    return true;
}

/** Has the journal given up? Then only another mount helps. */
static bool is_read_only(const char *path)
{
    struct statvfs status;
    char probe[MRI_TORTURE_PATH_BYTES * 3];
    (void)snprintf(probe, sizeof(probe), "%s/probe", path);
    int fd = open(probe, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    bool is_good = fd >= 0 && write(fd, "x", 1) == 1 && fsync(fd) == 0;
    if (fd >= 0) {
        (void)close(fd);
    }
    return !is_good || statvfs(path, &status) != 0 || (status.f_flag & ST_RDONLY) != 0;
}

/** False: the run says nothing, the disk was full before it failed. */
static bool fail_once(struct mri_torture_disk *disk)
{
    mri_torture_ledger_clear(ledger);
    mri_torture_disk_make(disk, parent, "disk", DISK_MEBIBYTES);
    mri_torture_disk_mount(disk);
    place_log(disk);
    (void)snprintf(segment, sizeof(segment), "%s/seg-0000000000000001.log", folder);
    parts[0].life = mri_torture_ledger_life(ledger);
    parts[0].seed = mri_torture_below(UINT32_MAX);
    pid_t onlooker = mri_torture_start(look_on, NULL);
    bool is_told = fail_under_writers(disk);
    mri_torture_disk_limit(disk, 0);
    if (!is_told) {
        mri_torture_kill(onlooker);
        mri_torture_unmount(disk->mount);
        mri_torture_tell("void", 1);
        return false;
    }
    atomic_store(&ledger->is_lossy, 1);
    bool is_remounting = is_read_only(disk->mount) || mri_torture_below(3) == 0;
    if (is_remounting) {
        mri_torture_kill(onlooker);
        mri_torture_unmount(disk->mount);
        mri_torture_disk_check(disk);
        mri_torture_disk_mount(disk);
    }
    mri_torture_tell(is_remounting ? "opened_after_remount" : "opened_in_place", 1);
    mri_torture_in_child(open_anew, NULL);
    if (!is_remounting) {
        mri_torture_kill(onlooker);
    }
    mri_torture_unmount(disk->mount);
    mri_torture_disk_mount(disk);
    mri_torture_in_child(look_at_disk, NULL);
    mri_torture_unmount(disk->mount);
    mri_torture_tell("failed_syncs", 1);
    return true;
}

static void a_failed_sync_is_never_called_a_success(void **fixture)
{
    (void)fixture;
    struct mri_torture_disk disk = {.image = ""};
    unsigned failures = mri_torture_count("FAILURES", FAILURES);
    const char *why_not = mri_torture_disk_begin();
    if (why_not != NULL) {
        mri_torture_skip(why_not);
    }
    mri_torture_own_shm(SHM_BYTES);
    (void)mri_temp_folder_make(parent);
    mri_torture_mount_memory(parent, (uint64_t)2 * DISK_MEBIBYTES << 20);
    is_full = mri_torture_share(sizeof(*is_full));
    unsigned void_count = 0;
    for (unsigned i = 0; i < failures;) {
        bool is_told = fail_once(&disk);
        i += is_told;
        void_count += !is_told;
        MRI_TORTURE_CHECK(void_count <= VOID_MAX, "the disk was always full before it failed");
    }
    mri_torture_unmount(parent);
    mri_temp_folder_remove(parent);
}

int main(void)
{
    mri_torture_begin("torture_fsync_test");
    ledger = mri_torture_share(sizeof(*ledger));
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_failed_sync_is_never_called_a_success)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    mri_torture_tell("events", atomic_load(&ledger->appended));
    mri_torture_tell("group_acks", atomic_load(&ledger->group_acks));
    return mri_torture_end(failed);
}
