/* SPDX-License-Identifier: MIT */
/*
 * Clock, percentiles and output of the benchmarks.
 */
#define _GNU_SOURCE
#include "bench/harness.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "millrace/err.h"

enum { SPIN_NS = 60000, REAP_STEP_NS = 2000000 };

int64_t mri_harness_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail for this clock */
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void mri_harness_result(const char *name, double value)
{
    (void)printf("{\"name\": \"%s\", \"value\": %.9g}\n", name, value);
}

void mri_harness_text(const char *name, const char *text)
{
    (void)printf("{\"name\": \"%s\", \"value\": \"", name);
    for (; *text != '\0'; text++) {
        (void)putchar(*text == '"' || *text == '\\' || *text < ' ' ? '\'' : *text);
    }
    (void)puts("\"}");
}

static int compare(const void *left, const void *right)
{
    const int64_t a = *(const int64_t *)left;
    const int64_t b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

int64_t mri_harness_median(int64_t *values, size_t count)
{
    qsort(values, count, sizeof(*values), compare);
    return values[count / 2];
}

void mri_harness_percentiles(const char *name, int64_t *values, size_t count, double unit)
{
    char full[128];
    if (count == 0) {
        return;
    }
    int64_t median = mri_harness_median(values, count);
    (void)snprintf(full, sizeof(full), "%s_p50", name);
    mri_harness_result(full, (double)median / unit);
    (void)snprintf(full, sizeof(full), "%s_p99", name);
    mri_harness_result(full, (double)values[count - 1 - count / 100] / unit);
    (void)snprintf(full, sizeof(full), "%s_max", name);
    mri_harness_result(full, (double)values[count - 1] / unit);
}

void mri_harness_until(int64_t moment_ns)
{
    int64_t rest_until = moment_ns - SPIN_NS;
    if (mri_harness_ns() < rest_until) {
        struct timespec when = {
            .tv_sec = rest_until / 1000000000, .tv_nsec = rest_until % 1000000000};
        (void)prctl(PR_SET_TIMERSLACK, 1UL); /* without it only less exact */
        (void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, NULL);
    }
    while (mri_harness_ns() < moment_ns) {
        __builtin_ia32_pause();
    }
}

void *mri_harness_shared(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    mri_harness_must(memory == MAP_FAILED ? MR_ENOMEM : MR_OK, "shared memory");
    return memory;
}

int mri_harness_reap(pid_t child, int64_t deadline_ns)
{
    int status = 0;
    pid_t ended = 0;
    while ((ended = waitpid(child, &status, WNOHANG)) == 0 && mri_harness_ns() < deadline_ns) {
        const struct timespec step = {.tv_nsec = REAP_STEP_NS};
        (void)nanosleep(&step, NULL);
    }
    if (ended == 0) {
        (void)kill(child, SIGKILL);
        (void)waitpid(child, &status, 0);
        return -1;
    }
    return ended == child && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void mri_harness_must(int err, const char *what)
{
    if (err != MR_OK) {
        (void)fprintf(stderr, "%s: %s\n", what, mr_err_text((mr_err)err));
        exit(1);
    }
}
