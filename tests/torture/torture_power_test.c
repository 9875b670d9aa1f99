/* SPDX-License-Identifier: MIT */
/*
 * Power cuts: an ext4 on a loop device, with writers and readers on it that are stopped, all at one
 * moment; what the device holds then is copied, and the machine starts again with the copy. Every
 * event that a GROUP ack, a sync, or a reader of durable events had covered is there; what is there
 * beyond is a beginning of what was appended. The next life goes on with that log.
 *
 * usage: torture_power_test      SEED=n repeats a run; CUTS=n
 */
#define _GNU_SOURCE
#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/torture/torture_disk.h"
#include "tests/torture/torture_parts.h"

enum {
    WRITERS = 3,
    PARTS = WRITERS + 3,
    CUTS = 40,
    DISK_MEBIBYTES = 48,
    FULL_AT_EVENTS = 40000, /* then a new disk, before it is full */
    SHM_BYTES = 192 * 1024 * 1024,
    SEGMENT = 1024 * 1024,
};

static struct mri_torture_ledger *ledger;
static char parent[MRI_TEMP_FOLDER_BYTES];
static char folder[MRI_TORTURE_PATH_BYTES * 2];
static struct mri_torture_part parts[PARTS];
static pid_t children[PARTS];
static _Atomic uint64_t *last_event;

static void place_log(const struct mri_torture_disk *disk, bool is_new)
{
    static const enum mri_torture_kind kinds[PARTS] = {MRI_TORTURE_WRITER, MRI_TORTURE_WRITER,
        MRI_TORTURE_WRITER, MRI_TORTURE_TAILER, MRI_TORTURE_DURABLE, MRI_TORTURE_COMER};
    static bool is_in_folder;
    is_in_folder = is_new ? mri_torture_below(2) == 0 : is_in_folder;
    (void)snprintf(folder, sizeof(folder), "%s/log", disk->mount);
    for (uint32_t i = 0; i < PARTS; i++) {
        parts[i] = (struct mri_torture_part){.ledger = ledger,
            .folder = folder,
            .options = {.is_create = true,
                .segment_bytes = SEGMENT,
                .ring_bytes = is_in_folder ? SEGMENT : 0,
                .is_ring_in_folder = is_in_folder,
                .sync_interval_ms = 5},
            .pace = mri_torture_pace_usual(),
            .kind = kinds[i],
            .index = i};
        parts[i].pace.pause_us = 1500;
        parts[i].pace.group_of_1000 = 60;
        parts[i].pace.large_of_1000 = 8;
    }
}

/** The machine has started again: look at the log, and make what is there the truth. */
static void start_again(void *argument)
{
    mr_problem problem = {""};
    mr_log *log = NULL;
    const mr_log_options *options = argument;
    mri_torture_watch_sigbus();
    mri_torture_reboot();
    mr_err err = mr_log_open(folder, options, &log, &problem);
    mri_torture_ok(err, "open after the power cut", &problem);
    atomic_store(last_event, mri_torture_ledger_compare(ledger, folder, true));
    if (mri_torture_below(2) == 0) {
        mr_log_close(log);
    } /* else as it is: the next open finds its memory gone */
}

static void remove_memories(void)
{
    glob_t found;
    if (glob("/dev/shm/millrace-*", 0, NULL, &found) == 0) { /* a /dev/shm of our own */
        for (size_t i = 0; i < found.gl_pathc; i++) {
            (void)unlink(found.gl_pathv[i]);
        }
        globfree(&found);
    }
}

static void cut(const struct mri_torture_disk *disk, const struct mri_torture_disk *copy)
{
    for (uint32_t i = 0; i < PARTS; i++) {
        children[i] = mri_torture_part_start(&parts[i]);
    }
    mri_torture_sleep_us(15000 + mri_torture_below(90000));
    mri_torture_freeze(children, PARTS);
    mri_torture_disk_copy(disk, copy);
    for (uint32_t i = 0; i < PARTS; i++) {
        mri_torture_kill(children[i]);
    }
    mri_torture_unmount(disk->mount);
    remove_memories();
}

static void take_turn(struct mri_torture_disk *disk, struct mri_torture_disk *copy, bool is_new)
{
    if (is_new) {
        mri_torture_ledger_clear(ledger);
        mri_torture_disk_make(disk, parent, "one", DISK_MEBIBYTES);
        mri_torture_disk_make(copy, parent, "other", DISK_MEBIBYTES);
        mri_torture_disk_mount(disk);
    }
    place_log(disk, is_new);
    cut(disk, copy);
    mri_torture_disk_check(copy);
    mri_torture_disk_mount(copy);
    place_log(copy, false);
    atomic_store(&ledger->is_lossy, 1);
    mri_torture_in_child(start_again, &parts[0].options);
    atomic_store(&ledger->is_lossy, 0);
    for (uint32_t i = 0; i < PARTS; i++) {
        atomic_store(&ledger->seen[i], 0); /* what was not durable is seen no more */
    }
    struct mri_torture_disk swapped = *disk;
    *disk = *copy;
    *copy = swapped;
}

static void what_was_durable_survives_power_cuts(void **fixture)
{
    (void)fixture;
    struct mri_torture_disk disk = {.image = ""};
    struct mri_torture_disk copy = {.image = ""};
    unsigned cuts = mri_torture_count("CUTS", CUTS);
    const char *why_not = mri_torture_disk_begin();
    if (why_not != NULL) {
        mri_torture_skip(why_not);
    }
    mri_torture_own_shm(SHM_BYTES);
    (void)mri_temp_folder_make(parent);
    mri_torture_mount_memory(parent, (uint64_t)3 * DISK_MEBIBYTES << 20);
    bool is_new = true;
    for (unsigned i = 0; i < cuts; i++) {
        take_turn(&disk, &copy, is_new);
        is_new = atomic_load(last_event) > FULL_AT_EVENTS;
        if (is_new || i + 1 == cuts) {
            mri_torture_unmount(disk.mount);
        }
        mri_torture_tell("power_cuts", 1);
    }
    mri_torture_unmount(parent);
    mri_temp_folder_remove(parent);
}

int main(void)
{
    mri_torture_begin("torture_power_test");
    ledger = mri_torture_share(sizeof(*ledger));
    last_event = mri_torture_share(sizeof(*last_event));
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_was_durable_survives_power_cuts)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    mri_torture_tell("events", atomic_load(&ledger->appended));
    mri_torture_tell("group_acks", atomic_load(&ledger->group_acks));
    mri_torture_tell("events_checked", atomic_load(&ledger->read));
    return mri_torture_end(failed);
}
