/* SPDX-License-Identifier: MIT */
/*
 * Checks of a log's folder, its disk, and the memory that processes share.
 *
 * Invariants
 *  1. Files are looked at with lstat and access, never opened to write.
 *  2. Memory is called left over only when no process can be seen that maps it.
 */
#define _GNU_SOURCE
#include "cli/doctor.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "cli/disk_room.h"
#include "log/format/segment.h"
#include "log/meet/control.h"
#include "log/meet/presence.h"
#include "log/open/figures.h"
#include "log/open/making.h"
#include "pipeline/seat.h"

enum {
    MEMORIES_MAX = 64,
    NAME_BYTES = 256,
    LINE_BYTES = 1024,
};

#define RING_BYTES_USUAL ((uint64_t)64 * 1024 * 1024)
#define HEAD_BYTES_USUAL ((uint64_t)16 * 1024 * 1024)

static double mb(uint64_t bytes)
{
    return (double)bytes / 1e6;
}

/* ---- the folder and its files ---------------------------------------------------------------- */

static void check_mount(struct mri_doctor *doctor)
{
    const struct mri_os *os = doctor->cli->os;
    struct mri_file_info info;
    if (os->info(os->context, doctor->folder, &info) == MR_OK && info.is_mounted_read_only) {
        mri_findings_add(&doctor->findings, MRI_FINDING_WARNING, "mount",
            "mount it for writing (mount -o remount,rw, docker run -v without :ro), or use what "
            "only reads",
            "the disk of %s is mounted read-only: the log answers, and nothing can be written to "
            "it",
            doctor->folder);
    }
}

static bool check_place(struct mri_doctor *doctor)
{
    struct mri_findings *findings = &doctor->findings;
    const struct mri_os *os = doctor->cli->os;
    struct mri_file_info info;
    mr_err err = os->info(os->context, doctor->folder, &info);
    if (err != MR_OK || !info.is_folder) {
        mri_findings_add(findings, MRI_FINDING_FAULT, "folder",
            "give the directory of a log with --dir, or make one with `millrace run --dir`",
            "%s: %s", doctor->folder, err != MR_OK ? mr_err_text(err) : "not a folder");
        return false;
    }
    const char *warning = mri_figures_warning(info.file_system);
    if (info.is_network) {
        mri_findings_add(findings, MRI_FINDING_FAULT, "file system",
            "move the log to a local disk; programs refuse to append here",
            "%s: its locks and caches do not keep a log safe", info.file_system);
    } else if (warning != NULL) {
        mri_findings_add(findings, MRI_FINDING_WARNING, "file system",
            "use a local ext4 or xfs for a log that matters", "%s: %s", info.file_system, warning);
    } else {
        mri_findings_ok(findings, "file system", "%s", info.file_system);
    }
    check_mount(doctor);
    return true;
}

/** What is wrong with files: the first of each kind by name, and how many. */
struct rights {
    char name[NAME_BYTES];
    uint32_t count;
};

struct walk {
    uid_t owner; /**< of the folder */
    struct rights unreadable;
    struct rights foreign;
    struct rights open_to_others;
    struct rights links;
    uint32_t files;
};

static void note(struct rights *rights, const char *name)
{
    if (rights->count++ == 0) {
        (void)snprintf(rights->name, sizeof(rights->name), "%s", name);
    }
}

static void look_at_file(const char *path, const char *name, struct walk *walk)
{
    struct stat status;
    if (lstat(path, &status) != 0) {
        return; /* gone meanwhile */
    }
    if (S_ISLNK(status.st_mode)) {
        note(&walk->links, name);
        return;
    }
    walk->files += S_ISREG(status.st_mode);
    if (faccessat(AT_FDCWD, path, R_OK, AT_EACCESS) != 0 && errno == EACCES) {
        note(&walk->unreadable, name);
    }
    if (status.st_uid != walk->owner) {
        note(&walk->foreign, name);
    }
    if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        note(&walk->open_to_others, name);
    }
}

static void look_at_files(const char *folder, const char *prefix, struct walk *walk)
{
    char path[MRI_PATH_BYTES_MAX];
    char name[NAME_BYTES + 8];
    DIR *entries = opendir(folder);
    if (entries == NULL) {
        return; /* there need be no snap and no cur; of the folder its rights are told */
    }
    for (struct dirent *entry = readdir(entries); entry != NULL; entry = readdir(entries)) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
            mri_os_path(folder, entry->d_name, path) == MR_OK) {
            (void)snprintf(name, sizeof(name), "%s%s", prefix, entry->d_name);
            look_at_file(path, name, walk);
        }
    }
    (void)closedir(entries); /* read only */
}

static void tell_rights(struct mri_findings *findings, enum mri_finding_level level,
    const struct rights *rights, const char *what, const char *todo)
{
    if (rights->count == 1) {
        mri_findings_add(findings, level, "rights", todo, "%s %s", rights->name, what);
    } else if (rights->count > 1) {
        mri_findings_add(findings, level, "rights", todo, "%s and %u more files %s", rights->name,
            rights->count - 1, what);
    }
}

static void check_folder_rights(
    struct mri_doctor *doctor, const struct stat *status, const struct walk *walk)
{
    struct mri_findings *findings = &doctor->findings;
    bool is_readable = faccessat(AT_FDCWD, doctor->folder, R_OK | X_OK, AT_EACCESS) == 0 &&
                       walk->unreadable.count == 0;
    bool is_writable = faccessat(AT_FDCWD, doctor->folder, W_OK | X_OK, AT_EACCESS) == 0;
    if ((status->st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        mri_findings_add(findings,
            (status->st_mode & S_IWOTH) != 0 ? MRI_FINDING_FAULT : MRI_FINDING_WARNING, "rights",
            "chmod go-w the folder: who can write it can replace every file of the log",
            "the folder can be written by %s (mode %03o)",
            (status->st_mode & S_IWOTH) != 0 ? "everybody" : "its group", status->st_mode & 0777);
    }
    if (!is_writable && !is_readable) {
        mri_findings_add(findings, MRI_FINDING_WARNING, "rights",
            "be the user that owns it, or let this one read the folder and its files",
            "this user (%u) can neither read all of the log of user %u nor append to it",
            (unsigned)geteuid(), (unsigned)status->st_uid);
    } else if (!is_writable) {
        mri_findings_add(findings, MRI_FINDING_WARNING, "rights",
            "to emit or run, be the user that owns it",
            "this user (%u) can read the files of the log of user %u, and append nothing",
            (unsigned)geteuid(), (unsigned)status->st_uid);
    } else if (status->st_uid != geteuid()) {
        mri_findings_add(findings, MRI_FINDING_WARNING, "rights",
            "to emit or run, be that user: only the owner of a log's files appends to it",
            "the folder is user %u's, and this is user %u", (unsigned)status->st_uid,
            (unsigned)geteuid());
    }
}

static void check_rights(struct mri_doctor *doctor)
{
    struct mri_findings *findings = &doctor->findings;
    struct stat status;
    char path[MRI_PATH_BYTES_MAX];
    uint32_t before =
        findings->by_level[MRI_FINDING_WARNING] + findings->by_level[MRI_FINDING_FAULT];
    if (stat(doctor->folder, &status) != 0) {
        return; /* gone meanwhile; what follows says so */
    }
    struct walk walk = {.owner = status.st_uid};
    look_at_files(doctor->folder, "", &walk);
    if (mri_os_path(doctor->folder, "snap", path) == MR_OK) {
        look_at_files(path, "snap/", &walk);
    }
    if (mri_os_path(doctor->folder, "cur", path) == MR_OK) {
        look_at_files(path, "cur/", &walk);
    }
    check_folder_rights(doctor, &status, &walk);
    tell_rights(findings, MRI_FINDING_FAULT, &walk.unreadable, "cannot be read by this user",
        "let the folder's owner run the programs, or give the files to it (chown)");
    tell_rights(findings, MRI_FINDING_WARNING, &walk.foreign,
        "belongs to another user than the folder",
        "give it to the folder's owner (chown): its programs may not be able to open it");
    tell_rights(findings, MRI_FINDING_WARNING, &walk.open_to_others, "can be written by others",
        "chmod go-w: the log's own files are made for their owner alone");
    tell_rights(findings, MRI_FINDING_WARNING, &walk.links, "is a symbolic link",
        "put the file itself there: links are not followed");
    if (before == findings->by_level[MRI_FINDING_WARNING] + findings->by_level[MRI_FINDING_FAULT]) {
        mri_findings_ok(findings, "rights", "folder and %u files belong to user %u, mode %03o",
            walk.files, (unsigned)status.st_uid, status.st_mode & 0777);
    }
}

/* ---- room ------------------------------------------------------------------------------------ */

static uint64_t room_of(const struct statvfs *system)
{
    return (uint64_t)system->f_bavail * system->f_frsize;
}

static void check_disk(struct mri_doctor *doctor)
{
    static const enum mri_finding_level levels[] = {
        [MRI_DISK_FEW] = MRI_FINDING_WARNING,
        [MRI_DISK_NONE] = MRI_FINDING_FAULT,
        [MRI_DISK_READ_ONLY] = MRI_FINDING_WARNING,
        [MRI_DISK_UNKNOWN] = MRI_FINDING_FAULT,
    };
    const struct mri_disk_room room =
        mri_disk_room_look(doctor->cli, doctor->folder, doctor->manifest.segment_bytes);
    const char *todo = mri_disk_room_todo(&room);
    char text[MRI_DISK_ROOM_TEXT_BYTES];
    if (todo == NULL) {
        mri_findings_ok(&doctor->findings, "disk", "%s", mri_disk_room_text(&room, text));
    } else {
        mri_findings_add(&doctor->findings, levels[room.state], "disk", todo, "%s",
            mri_disk_room_text(&room, text));
    }
}

static void check_memory_room(struct mri_doctor *doctor)
{
    struct mri_findings *findings = &doctor->findings;
    const char *folder = doctor->cli->os->memory_folder;
    struct statvfs system;
    uint64_t ring = 4 * doctor->manifest.segment_bytes;
    uint64_t needed = (ring < RING_BYTES_USUAL ? ring : RING_BYTES_USUAL) + HEAD_BYTES_USUAL;
    if (doctor->memory.is_there) {
        mri_findings_ok(findings, "memory room", "%s is made, a ring of %.1f MB",
            doctor->memory.path, mb(doctor->memory.ring_bytes));
    } else if (statvfs(folder, &system) != 0) {
        mri_findings_add(findings, MRI_FINDING_FAULT, "memory room",
            "mount a tmpfs there, or open the log with its ring in the folder", "%s: %s", folder,
            strerror(errno));
    } else if (room_of(&system) < needed) {
        mri_findings_add(findings, MRI_FINDING_FAULT, "memory room",
            "make it larger (mount -o remount,size=, docker run --shm-size), or open the log with "
            "its ring in the folder",
            "%s has %.1f MB free, and opening the log takes about %.1f MB", folder,
            mb(room_of(&system)), mb(needed));
    } else {
        mri_findings_ok(findings, "memory room", "%s has %.1f MB free, opening takes about %.1f MB",
            folder, mb(room_of(&system)), mb(needed));
    }
}

/* ---- who has it open, and what the dead have left -------------------------------------------- */

static void check_users(struct mri_doctor *doctor)
{
    struct mri_findings *findings = &doctor->findings;
    const struct mri_os *os = doctor->cli->os;
    uint32_t process_id = 0;
    uint32_t runner_id = 0;
    mr_problem problem = {""};
    mr_err err = mri_figures_memory(os, doctor->folder, &doctor->memory, &problem);
    if (err == MR_OK) {
        err = mri_seat_holder(os, doctor->folder, MRI_SEAT_RUN, &runner_id);
    }
    if (err != MR_OK) {
        mri_findings_add(findings, MRI_FINDING_WARNING, "open by",
            "let this user read the files `lock` and `run` of the folder",
            "who has it open cannot be found out: %s",
            problem.text[0] != '\0' ? problem.text : mr_err_text(err));
        return;
    }
    (void)mri_presence_find(os, doctor->folder, &process_id); /* 0 says enough */
    if (doctor->memory.processes == 0) {
        mri_findings_ok(findings, "open by", "nobody; nobody runs it");
    } else if (runner_id == 0) {
        mri_findings_ok(findings, "open by", "%u processes, %u among them; nobody runs it",
            doctor->memory.processes, process_id);
    } else {
        mri_findings_ok(findings, "open by", "%u processes, %u among them; process %u runs it",
            doctor->memory.processes, process_id, runner_id);
    }
    if (doctor->memory.is_poisoned) {
        mri_findings_add(findings, MRI_FINDING_FAULT, "poison",
            "look at the disk and its room, end all processes that have the log open, and open it "
            "anew: that looks at what the disk has",
            "a write or sync has failed: no process may append");
    }
}

/** What `ctl` says of a memory of this boot. */
static void check_own_memory(struct mri_doctor *doctor, char own[static MRI_PATH_BYTES_MAX])
{
    struct mri_findings *findings = &doctor->findings;
    const struct mri_os *os = doctor->cli->os;
    struct mri_control control;
    struct mri_file_info info;
    mr_err err = mri_control_read(os, doctor->folder, &control);
    own[0] = '\0';
    if (err == MR_EVERSION) {
        mri_findings_add(findings, MRI_FINDING_FAULT, "memory",
            "end the processes of the other version, or use their program",
            "another version of the program has made the memory of this log");
        return;
    }
    if (err == MR_ECORRUPT) {
        mri_findings_add(findings, MRI_FINDING_WARNING, "memory",
            "end all processes that use the log; the next open makes it anew",
            "the file ctl is damaged: processes do not find one another");
        return;
    }
    if (err != MR_OK || mri_control_path(&control, doctor->folder, own) != MR_OK) {
        return;
    }
    bool is_left = doctor->memory.processes == 0 && os->info(os->context, own, &info) == MR_OK;
    if (is_left) {
        mri_findings_add(findings, MRI_FINDING_WARNING, "memory",
            "open the log once, `millrace log flush` does: it writes out what is there, and "
            "removes it",
            "%s (%.1f MB) is left of processes that were killed; their newest events are there",
            own, mb(info.bytes));
    } else if (doctor->memory.processes > 0 && !doctor->memory.is_there) {
        mri_findings_add(findings, MRI_FINDING_WARNING, "memory",
            "ask as the user and in the container that has the log open",
            "%s cannot be looked at from here: what is only in memory is not seen", own);
    }
}

/** Memories of logs that this user owns, and whether somebody maps them. */
struct memories {
    char paths[MEMORIES_MAX][NAME_BYTES];
    uint64_t bytes[MEMORIES_MAX];
    bool is_mapped[MEMORIES_MAX];
    uint32_t count;
};

static void list_memories(const char *folder, const char *own, struct memories *memories)
{
    DIR *entries = opendir(folder);
    if (entries == NULL) {
        return; /* check_memory_room() says so */
    }
    for (struct dirent *entry = readdir(entries); entry != NULL; entry = readdir(entries)) {
        char *path = memories->paths[memories->count];
        struct stat status;
        int bytes = snprintf(path, NAME_BYTES, "%s/%.200s", folder, entry->d_name);
        bool is_one = strncmp(entry->d_name, "millrace-", 9) == 0 && bytes < NAME_BYTES &&
                      strcmp(path, own) != 0 && lstat(path, &status) == 0 &&
                      S_ISREG(status.st_mode) && status.st_uid == geteuid();
        if (is_one) {
            memories->bytes[memories->count] = (uint64_t)status.st_size;
            memories->count++;
        }
        if (memories->count == MEMORIES_MAX) {
            break;
        }
    }
    (void)closedir(entries); /* read only */
}

static void look_at_maps(const char *process, struct memories *memories)
{
    char path[NAME_BYTES];
    char line[LINE_BYTES];
    (void)snprintf(path, sizeof(path), "/proc/%.20s/maps", process);
    FILE *maps = fopen(path, "re");
    while (maps != NULL && fgets(line, sizeof(line), maps) != NULL) {
        for (uint32_t i = 0; i < memories->count; i++) {
            memories->is_mapped[i] |= strstr(line, memories->paths[i]) != NULL;
        }
    }
    if (maps != NULL) {
        (void)fclose(maps);
    }
}

/** Memory of other logs that nobody maps any more. */
static void check_other_memories(struct mri_doctor *doctor, const char *own)
{
    struct mri_findings *findings = &doctor->findings;
    static struct memories memories; /* too large for a stack */
    uint32_t left = 0;
    uint64_t bytes = 0;
    const char *first = "";
    memories = (struct memories){.count = 0};
    list_memories(doctor->cli->os->memory_folder, own, &memories);
    DIR *processes = memories.count == 0 ? NULL : opendir("/proc");
    if (processes != NULL) {
        for (struct dirent *entry = readdir(processes); entry != NULL; entry = readdir(processes)) {
            if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9') {
                look_at_maps(entry->d_name, &memories);
            }
        }
        (void)closedir(processes); /* read only */
    }
    for (uint32_t i = 0; processes != NULL && i < memories.count; i++) {
        if (!memories.is_mapped[i]) {
            first = left == 0 ? memories.paths[i] : first;
            left++;
            bytes += memories.bytes[i];
        }
    }
    if (left > 0) {
        char more[32] = "";
        if (left > 1) {
            (void)snprintf(more, sizeof(more), " and %u more", left - 1);
        }
        mri_findings_add(findings, MRI_FINDING_WARNING, "memory left",
            "behind millrace- stand the first 8 digits of `uuid` in the MANIFEST of its log: "
            "`millrace log flush` there writes it out and removes it; when the log's folder is "
            "gone, delete the file",
            "%s%s, %.1f MB, of other logs whose processes were killed or whose folder was removed",
            first, more, mb(bytes));
    } else {
        mri_findings_ok(findings, "memory left", "none of other logs");
    }
}

static void check_log_there(struct mri_doctor *doctor)
{
    mr_problem problem = {""};
    mr_problem lost = {""};
    const struct mri_cli *cli = doctor->cli;
    mr_err err = mri_manifest_read(cli->os, doctor->folder, &doctor->manifest, &problem);
    doctor->has_manifest = err == MR_OK;
    if (err == MR_NOT_FOUND &&
        mri_making_check_folder(cli->os, cli->alloc, doctor->folder, &lost) == MR_ECORRUPT) {
        err = MR_ECORRUPT; /* there was a log */
        problem = lost;
    }
    if (err == MR_OK) {
        return;
    }
    const char *todo =
        err == MR_NOT_FOUND  ? "give the directory of a log, or make one with `millrace run --dir`"
        : err == MR_EVERSION ? "use the newer program that wrote it"
        : err == MR_EACCESS  ? "be the user that owns the log, or let this one read it"
                             : "put the file MANIFEST back from a copy";
    mri_findings_add(&doctor->findings, MRI_FINDING_FAULT, "log", todo, "%s", problem.text);
}

void mri_doctor_folder_check(struct mri_doctor *doctor)
{
    char own[MRI_PATH_BYTES_MAX];
    doctor->has_folder = check_place(doctor);
    if (!doctor->has_folder) {
        return;
    }
    check_log_there(doctor);
    check_rights(doctor);
    if (!doctor->has_manifest) {
        return;
    }
    check_users(doctor);
    check_own_memory(doctor, own);
    check_other_memories(doctor, own);
    check_disk(doctor);
    check_memory_room(doctor);
}
