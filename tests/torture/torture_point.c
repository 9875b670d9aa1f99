/* SPDX-License-Identifier: MIT */
/*
 * Places where a process dies, stops or forks.
 *
 * Invariants
 *  1. It happens once in a process, in whichever thread comes to the place at the right visit.
 */
#define _GNU_SOURCE
#include "tests/torture/torture_point.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "log/hot/hot_shared.h"
#include "log/meet/hot_point.h"
#include "tests/torture/torture.h"

static struct {
    unsigned point;
    enum mri_torture_point_action action;
    _Atomic unsigned visits;
    _Atomic bool is_armed;
    void (*in_fork)(void);
    _Atomic unsigned *word;
} fate;

void mri_torture_point_set(unsigned point, enum mri_torture_point_action action, unsigned visits)
{
    fate.point = point;
    fate.action = action;
    atomic_store(&fate.visits, visits);
    atomic_store(&fate.is_armed, false);
}

void mri_torture_point_call_in_fork(void (*in_fork)(void))
{
    fate.in_fork = in_fork;
}

void mri_torture_point_tell(_Atomic unsigned *word)
{
    fate.word = word;
}

void mri_torture_point_arm(const struct mri_torture_part *part)
{
    (void)part;
    atomic_store(&fate.is_armed, true);
}

bool mri_torture_point_close_lock(void)
{
    char path[64];
    char target[512];
    bool is_closed = false;
    for (int fd = 3; fd < 256; fd++) {
        (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        ssize_t count = readlink(path, target, sizeof(target) - 1);
        target[count > 0 ? count : 0] = '\0';
        const char *name = strrchr(target, '/');
        if (name != NULL && strcmp(name, "/lock") == 0) {
            is_closed = close(fd) == 0 || is_closed;
        }
    }
    return is_closed;
}

static void call_in_fork(void)
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        fate.in_fork();
        _exit(0);
    }
    MRI_TORTURE_CHECK(child > 0 && waitpid(child, &status, 0) == child && status == 0,
        "the child of a process inside the log failed");
}

static void *become_another(void *unused)
{
    (void)unused;
    (void)execl("/bin/true", "true", (char *)NULL);
    _exit(8);
}

/**
 * By another thread, while this one stays inside. By this one only if it is the process's first: of
 * a later one exec() changes the thread id before the kernel looks for its locks, which then stay
 * locked. None of the log's code calls exec().
 */
static void exec_now(void)
{
    pthread_t thread;
    if (gettid() == getpid() && fate.point % 2 == 0) {
        (void)become_another(NULL);
    }
    if (pthread_create(&thread, NULL, become_another, NULL) != 0) {
        _exit(8);
    }
    for (;;) {
        (void)pause();
    }
}

static void act(void)
{
    switch (fate.action) {
    case MRI_TORTURE_POINT_NOTHING:
        break;
    case MRI_TORTURE_POINT_KILL:
        (void)kill(getpid(), SIGKILL);
        break;
    case MRI_TORTURE_POINT_EXEC:
        exec_now();
        break;
    case MRI_TORTURE_POINT_EXIT:
        _exit(0);
    case MRI_TORTURE_POINT_STOP:
        (void)raise(SIGSTOP);
        break;
    case MRI_TORTURE_POINT_PAUSE:
        atomic_store(fate.word, 1);
        for (;;) {
            (void)pause();
        }
    case MRI_TORTURE_POINT_FORK:
        call_in_fork();
        break;
    case MRI_TORTURE_POINT_CLOSE_LOCK:
        MRI_TORTURE_CHECK(mri_torture_point_close_lock(), "no lock is open");
        (void)raise(SIGSTOP);
        break;
    }
}

void mri_hot_point_passed(unsigned number)
{
    if (atomic_load(&fate.is_armed) && fate.point == number &&
        atomic_fetch_sub(&fate.visits, 1) == 1) {
        act();
    }
}
