/* SPDX-License-Identifier: MIT */
/*
 * Processes and numbers for the torture of the log.
 *
 * Invariants
 *  1. A child that finds something wrong says so on standard error and ends with WRONG; the first
 *     process looks at every end, so that nothing wrong is lost.
 *  2. Children die with their parent: a failed run leaves none behind.
 *  3. The only limit of time is three minutes for what takes milliseconds: longer is a hang.
 */
#define _GNU_SOURCE
#include "tests/torture/torture.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { NAMES_MAX = 32, WRONG = 9, HANG_MS = 180000, REPEAT_BYTES = 512, STEP_US = 100 };

static struct {
    const char *program;
    uint64_t seed;
    struct mri_prng prng;
    pid_t first;
    char repeat[REPEAT_BYTES];
    struct {
        const char *name;
        uint64_t sum;
    } told[NAMES_MAX];
} run;

void mri_torture_begin(const char *program)
{
    const char *text = getenv("SEED");
    run.program = program;
    run.first = getpid();
    if (text != NULL) {
        run.seed = strtoull(text, NULL, 10);
    } else if (getrandom(&run.seed, 4, 0) != 4) {
        run.seed = 1;
    }
    mri_prng_init(&run.prng, run.seed);
    if (getenv("TEST") != NULL) {
        cmocka_set_test_filter(getenv("TEST"));
    }
    (void)setvbuf(stdout, NULL, _IONBF, 0); /* children do not write it twice */
    (void)printf("SEED=%llu\n", (unsigned long long)run.seed);
}

int mri_torture_end(int failed)
{
    (void)printf("counts:");
    for (size_t i = 0; i < NAMES_MAX && run.told[i].name != NULL; i++) {
        (void)printf(" %s=%llu", run.told[i].name, (unsigned long long)run.told[i].sum);
    }
    (void)printf("\n");
    return failed == 0 ? 0 : 1;
}

unsigned mri_torture_count(const char *name, unsigned otherwise)
{
    const char *text = getenv(name);
    unsigned count = text == NULL ? otherwise : (unsigned)strtoul(text, NULL, 10);
    size_t used = strlen(run.repeat);
    char what[64];
    (void)snprintf(what, sizeof(what), "%s=", name);
    if (strstr(run.repeat, what) == NULL) {
        (void)snprintf(run.repeat + used, REPEAT_BYTES - used, " %s%u", what, count);
    }
    return count;
}

void mri_torture_tell(const char *name, uint64_t more)
{
    for (size_t i = 0; i < NAMES_MAX; i++) {
        if (run.told[i].name == NULL || strcmp(run.told[i].name, name) == 0) {
            run.told[i].name = name;
            run.told[i].sum += more;
            return;
        }
    }
}

uint64_t mri_torture_below(uint64_t bound)
{
    return mri_prng_below(&run.prng, bound);
}

void mri_torture_fail(const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    (void)fprintf(stderr, "wrong (process %d): %s\n", (int)getpid(), text);
    if (getpid() != run.first) {
        _exit(WRONG);
    }
    (void)printf("repeat: SEED=%llu%s %s\n", (unsigned long long)run.seed, run.repeat, run.program);
    _exit(1); /* the children die with it, before they see what the next test would begin */
}

void mri_torture_ok(mr_err err, const char *what, const mr_problem *problem)
{
    MRI_TORTURE_CHECK(
        err == MR_OK, "%s: %s %s", what, mr_err_name(err), problem == NULL ? "" : problem->text);
}

void mri_torture_skip(const char *why)
{
    (void)printf("skipped: %s\n", why);
    skip();
    abort();
}

pid_t mri_torture_start(mri_torture_work *work, void *argument)
{
    pid_t parent = getpid();
    pid_t child = fork();
    MRI_TORTURE_CHECK(child >= 0, "fork: %s", strerror(errno));
    if (child == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent && getppid() != 0) { /* 0: in another namespace */
            _exit(0);
        }
        work(argument);
        _exit(0);
    }
    return child;
}

static void sleep_ns(uint64_t ns)
{
    struct timespec moment = {(time_t)(ns / 1000000000), (long)(ns % 1000000000)};
    (void)nanosleep(&moment, NULL); /* shorter is as good */
}

void mri_torture_sleep_us(uint64_t us)
{
    sleep_ns(us * 1000);
}

static int64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* it is always there */
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/** Tell on standard error where the children of this process stand, in the kernel and, with gdb,
 * in their code. */
static void tell_where_children_stand(void)
{
    static const char look[] =
        "for child in $(cat /proc/$PPID/task/*/children); do"
        "  [ $child = $$ ] && continue;"
        "  for task in /proc/$child/task/*; do"
        "    echo \"$task: $(cat $task/comm), $(grep State $task/status), in $(cat $task/wchan),"
        " call $(cat $task/syscall)\"; cat $task/stack;"
        "  done;"
        "  timeout 60 gdb -p $child -batch -ex 'thread apply all backtrace';"
        "done >&2";
    pid_t child = fork();
    if (child == 0) {
        (void)execlp("sh", "sh", "-c", look, (char *)NULL);
        _exit(127);
    }
    (void)waitpid(child, NULL, 0); /* it helps, and is not needed */
}

int mri_torture_wait(pid_t child)
{
    int status;
    int64_t until = now_ms() + HANG_MS;
    for (;;) {
        pid_t ended = waitpid(child, &status, WNOHANG);
        if (ended == child) {
            return status;
        }
        MRI_TORTURE_CHECK(ended == 0, "waitpid: %s", strerror(errno));
        if (now_ms() >= until) {
            tell_where_children_stand();
            mri_torture_fail("process %d hangs", (int)child);
        }
        mri_torture_sleep_us(STEP_US);
    }
}

void mri_torture_expect_end(pid_t child)
{
    int status = mri_torture_wait(child);
    MRI_TORTURE_CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0,
        "process %d ended with status 0x%x", (int)child, (unsigned)status);
}

void mri_torture_kill(pid_t child)
{
    (void)kill(child, SIGKILL); /* how it ended shows below */
    int status = mri_torture_wait(child);
    MRI_TORTURE_CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL,
        "process %d ended by itself, with status 0x%x", (int)child, (unsigned)status);
}

void mri_torture_in_child(mri_torture_work *work, void *argument)
{
    mri_torture_expect_end(mri_torture_start(work, argument));
}

void mri_torture_until(bool (*is_so)(void *argument), void *argument, const char *what)
{
    int64_t until = now_ms() + HANG_MS;
    while (!is_so(argument)) {
        if (now_ms() >= until) {
            tell_where_children_stand();
            mri_torture_fail("a hang: still not so after three minutes: %s", what);
        }
        mri_torture_sleep_us(STEP_US);
    }
}

int mri_torture_run(const char *const *words)
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        if (getenv("VERBOSE") == NULL && (freopen("/dev/null", "w", stdout) == NULL ||
                                             freopen("/dev/null", "w", stderr) == NULL)) {
            _exit(126);
        }
        (void)execvp(words[0], (char *const *)(uintptr_t)words);
        _exit(127);
    }
    if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status)) {
        return -1;
    }
    return WEXITSTATUS(status);
}

void *mri_torture_share(size_t bytes)
{
    void *memory = mmap(
        NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    MRI_TORTURE_CHECK(memory != MAP_FAILED, "mmap: %s", strerror(errno));
    return memory;
}

void *mri_torture_keep(size_t bytes)
{
    void *memory = mmap(
        NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    MRI_TORTURE_CHECK(memory != MAP_FAILED, "mmap: %s", strerror(errno));
    return memory;
}

void mri_torture_forget(void *memory, size_t bytes)
{
    (void)munmap(memory, bytes); /* our own range */
}

static void die_of_sigbus(int number)
{
    static const char text[] = "wrong: SIGBUS\n";
    (void)number;
    (void)!write(STDERR_FILENO, text, sizeof(text) - 1);
    _exit(WRONG);
}

void mri_torture_watch_sigbus(void)
{
    struct sigaction action = {.sa_handler = die_of_sigbus};
    (void)sigaction(SIGBUS, &action, NULL); /* fails only for signals that do not exist */
}
