/* SPDX-License-Identifier: MIT */
/*
 * Checks of the machine that the program runs on.
 *
 * Invariants
 *  1. A feature is tried, not read off a version: containers take away what the kernel has.
 *  2. What is only slower without is a warning; what does not work without is a fault.
 */
#define _GNU_SOURCE
#include "cli/doctor.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/utc.h"
#include "log/format/segment.h"
#include "os/wake_fd.h"
#include "pipeline/clock.h"
#include "pipeline/wiring.h"

extern char **environ;

enum { FILES_FEW = 256, FILES_LEAST = 64, ANSWER_BYTES = 256, PYTHON_WAIT_MS = 10000 };

#if !defined(RWF_DONTCACHE)
#define RWF_DONTCACHE 0x80 /* since Linux 6.14; older headers do not name it */
#endif

/** 2020-01-01: no log of this program is older. */
#define CLOCK_LEAST_NS ((int64_t)1577836800 * 1000000000)

static double mb(uint64_t bytes)
{
    return (double)bytes / 1e6;
}

/* ---- what is installed ----------------------------------------------------------------------- */

/** The version in a library's file name: libmillrace.so.1.2.3 */
static const char *version_of(const char *path)
{
    const char *mark = strstr(path, ".so.");
    return mark == NULL ? "" : mark + 4;
}

static void check_library(struct mri_doctor *doctor)
{
    struct mri_findings *findings = &doctor->findings;
    char name[64];
    char path[PATH_MAX];
    Dl_info info;
    (void)snprintf(
        name, sizeof(name), "libmillrace.so.%d", (int)strtol(MILLRACE_VERSION, NULL, 10));
    void *library = dlopen(name, RTLD_LAZY | RTLD_LOCAL);
    if (library == NULL) {
        mri_findings_ok(
            findings, "library", "none is installed; only programs that embed it need it");
        return;
    }
    void *function = dlsym(library, "mr_log_open");
    bool is_found =
        function != NULL && dladdr(function, &info) != 0 && realpath(info.dli_fname, path) != NULL;
    if (!is_found || strcmp(version_of(path), MILLRACE_VERSION) != 0) {
        mri_findings_add(findings, MRI_FINDING_WARNING, "library",
            "install program and library from one build (make install)",
            "%s is of version %s, the program of %s", is_found ? path : name,
            is_found ? version_of(path) : "?", MILLRACE_VERSION);
    } else {
        mri_findings_ok(findings, "library", "%s, of the program's version", path);
    }
    (void)dlclose(library);
}

/** Read what a child writes, as long as it takes; false: it took too long. */
static bool read_answer(int fd, char answer[static ANSWER_BYTES])
{
    size_t count = 0;
    for (;;) {
        struct pollfd poller = {.fd = fd, .events = POLLIN};
        if (poll(&poller, 1, PYTHON_WAIT_MS) <= 0) {
            return false;
        }
        ssize_t got = read(fd, answer + count, ANSWER_BYTES - 1 - count);
        if (got <= 0 || count + (size_t)got == ANSWER_BYTES - 1) {
            count += got > 0 ? (size_t)got : 0;
            answer[count] = '\0';
            return true;
        }
        count += (size_t)got;
    }
}

/** Run a program with its output to us; its exit code, or -1: it could not be run or took too long.
 */
static int ask_program(char *const words[], char answer[static ANSWER_BYTES])
{
    int ends[2];
    pid_t child;
    int status = 0;
    posix_spawn_file_actions_t actions;
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return -1;
    }
    (void)posix_spawn_file_actions_init(&actions); /* of these, only the spawn can fail */
    (void)posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    (void)posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    (void)posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    int number = posix_spawnp(&child, words[0], &actions, NULL, words, environ);
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)close(ends[1]);
    bool is_answered = number == 0 && read_answer(ends[0], answer);
    (void)close(ends[0]);
    if (number != 0) {
        return -1;
    }
    if (!is_answered) {
        (void)kill(child, SIGKILL);
    }
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return is_answered && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void check_python(struct mri_doctor *doctor)
{
    struct mri_findings *findings = &doctor->findings;
    static const char question[] = "import millrace; print(millrace.__version__, end='')";
    char name[] = "python3";
    char flag[] = "-c";
    char text[sizeof(question)];
    char answer[ANSWER_BYTES] = "";
    char *const words[] = {name, flag, text, NULL};
    memcpy(text, question, sizeof(question));
    int code = ask_program(words, answer);
    if (code != 0) {
        mri_findings_ok(findings, "python", "%s; only bots in Python need it",
            code < 0 ? "python3 does not answer" : "python3 finds no package millrace");
    } else if (strcmp(answer, MILLRACE_VERSION) != 0) {
        mri_findings_add(findings, MRI_FINDING_WARNING, "python",
            "build and install the package anew (make python)",
            "the package millrace is of version %s, the program of %s", answer, MILLRACE_VERSION);
    } else {
        mri_findings_ok(findings, "python", "the package millrace is of the program's version");
    }
}

/* ---- the kernel ------------------------------------------------------------------------------ */

/** Can pages be read past the cache here? Writing is not tried: nothing is written. */
static bool has_uncached(const char *path)
{
    char byte;
    const struct iovec piece = {&byte, 1};
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        return false;
    }
    bool is_known = preadv2(fd, &piece, 1, 0, RWF_DONTCACHE) >= 0;
    (void)close(fd);
    return is_known;
}

static bool has_ring(void)
{
    struct mri_wake_fd *wake;
    if (mri_wake_fd_open(MRI_WAKE_FD_RING, &wake) != MR_OK) {
        return false;
    }
    bool is_ring = mri_wake_fd_means_of(wake) == MRI_WAKE_FD_RING;
    mri_wake_fd_close(wake);
    return is_ring;
}

static bool has_futex(void)
{
    uint32_t word = 0;
    return syscall(SYS_futex, &word, FUTEX_WAKE_BITSET, 1, NULL, NULL, FUTEX_BITSET_MATCH_ANY) >= 0;
}

static void check_kernel(struct mri_doctor *doctor)
{
    struct mri_findings *findings = &doctor->findings;
    struct utsname names;
    char path[MRI_PATH_BYTES_MAX];
    (void)uname(&names); /* fails only for an address that is none */
    if (!has_futex()) {
        mri_findings_add(findings, MRI_FINDING_FAULT, "kernel",
            "allow the system call futex in the container's seccomp profile",
            "Linux %s refuses futex: %s; processes cannot wait for one another", names.release,
            strerror(errno));
        return;
    }
    mri_findings_ok(findings, "kernel", "Linux %s, futex", names.release);
    if (has_ring()) {
        mri_findings_ok(findings, "io_uring", "waits for words of memory: loops need no thread");
    } else {
        mri_findings_ok(findings, "io_uring",
            "cannot wait for words of memory (Linux 6.7, and a container that allows it): a thread "
            "does, which costs a few microseconds");
    }
    bool is_known = doctor->has_manifest &&
                    mri_os_path(doctor->folder, "MANIFEST", path) == MR_OK && has_uncached(path);
    if (doctor->has_manifest) {
        mri_findings_ok(findings, "dontcache", "%s",
            is_known ? "kernel and file system drop what was written from the cache"
                     : "kernel (6.14) or file system lack RWF_DONTCACHE: what is filled ahead goes "
                       "past the cache by O_DIRECT instead");
    }
}

/* ---- limits of the process ------------------------------------------------------------------- */

static void check_files(struct mri_doctor *doctor)
{
    struct mri_findings *findings = &doctor->findings;
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return; /* cannot be for a limit that there is */
    }
    static const char todo[] = "raise it: ulimit -n 1024, LimitNOFILE= of the unit";
    if (limit.rlim_cur < FILES_FEW) {
        mri_findings_add(findings,
            limit.rlim_cur < FILES_LEAST ? MRI_FINDING_FAULT : MRI_FINDING_WARNING, "open files",
            todo, "the process may open %llu files (RLIMIT_NOFILE)",
            (unsigned long long)limit.rlim_cur);
    } else {
        mri_findings_ok(findings, "open files", "the process may open %llu (RLIMIT_NOFILE)",
            (unsigned long long)limit.rlim_cur);
    }
}

static void check_lengths(struct mri_doctor *doctor)
{
    struct mri_findings *findings = &doctor->findings;
    struct rlimit limit;
    uint64_t segment_bytes =
        doctor->has_manifest ? doctor->manifest.segment_bytes : MRI_SEGMENT_BYTES_DEFAULT;
    if (getrlimit(RLIMIT_FSIZE, &limit) != 0) {
        return; /* as above */
    }
    if (limit.rlim_cur == RLIM_INFINITY) {
        mri_findings_ok(findings, "file length", "not limited (RLIMIT_FSIZE)");
    } else if (limit.rlim_cur < 2 * segment_bytes) {
        mri_findings_add(findings,
            limit.rlim_cur < segment_bytes ? MRI_FINDING_FAULT : MRI_FINDING_WARNING, "file length",
            "lift it: ulimit -f unlimited, LimitFSIZE=infinity of the unit",
            "files may be %.1f MB long (RLIMIT_FSIZE); a segment takes %.1f MB, the memory of a "
            "log "
            "up to twice 64 MiB",
            mb(limit.rlim_cur), mb(segment_bytes));
    } else {
        mri_findings_ok(findings, "file length",
            "up to %.1f MB (RLIMIT_FSIZE), a segment takes %.1f MB", mb(limit.rlim_cur),
            mb(segment_bytes));
    }
}

/** Nothing is locked into memory here; old kernels count the queues of an io_uring. */
static void check_locked(struct mri_doctor *doctor)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_MEMLOCK, &limit) != 0) {
        return; /* as above */
    }
    if (limit.rlim_cur == RLIM_INFINITY) {
        mri_findings_ok(&doctor->findings, "locked memory", "not limited; nothing is locked");
    } else {
        mri_findings_ok(&doctor->findings, "locked memory",
            "%llu KiB (RLIMIT_MEMLOCK); nothing is locked",
            (unsigned long long)limit.rlim_cur / 1024);
    }
}

/* ---- the clock ------------------------------------------------------------------------------- */

static void check_clock(struct mri_doctor *doctor)
{
    struct mri_findings *findings = &doctor->findings;
    const struct mri_os *os = doctor->cli->os;
    int64_t now = os->realtime_unix_ns(os->context);
    struct timex state = {.modes = 0};
    char time[MRI_UTC_BYTES];
    (void)mri_utc_format(now, time);
    if (now < CLOCK_LEAST_NS || now >= MRI_CLOCK_BEYOND_UNIX_NS) {
        mri_findings_add(findings, MRI_FINDING_FAULT, "clock",
            "set the clock, and let a service keep it (systemd-timesyncd, chrony)",
            "the wall clock says %s", time);
    } else if (adjtimex(&state) == TIME_ERROR) {
        mri_findings_add(findings, MRI_FINDING_WARNING, "clock",
            "let a service keep it (systemd-timesyncd, chrony); in a container the host does",
            "the wall clock says %.19sZ, and the kernel does not know it to be synchronized", time);
    } else {
        mri_findings_ok(findings, "clock", "%.19sZ, synchronized", time);
    }
}

void mri_doctor_machine_check(struct mri_doctor *doctor)
{
    mri_findings_ok(&doctor->findings, "program", "millrace %s, engines of version %d",
        MILLRACE_VERSION, (int)MRI_ENGINE_VERSION);
    check_library(doctor);
    check_python(doctor);
    check_kernel(doctor);
    check_files(doctor);
    check_lengths(doctor);
    check_locked(doctor);
    check_clock(doctor);
    mri_doctor_self_test(doctor);
}
