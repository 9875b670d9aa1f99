/* SPDX-License-Identifier: MIT */
/*
 * Waiting for processes and descriptors.
 *
 * Invariants
 *  1. A process is watched by a descriptor of its own, which no other process can come to mean.
 */
#define _GNU_SOURCE
#include "os/os_wait.h"

#include <errno.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include "os/os.h"

/** The result of a call that has failed. */
static mr_err failed(void)
{
    switch (errno) {
    case ENOSPC:
        return MR_ENOSPC;
    case EMFILE:
    case ENFILE:
        return MR_ELIMIT;
    case ENOMEM:
        return MR_ENOMEM;
    case EACCES:
    case EPERM:
        return MR_EACCESS;
    case ENOENT:
    case ENOTDIR:
    case ELOOP:
    case ENAMETOOLONG:
        return MR_EPATH;
    default:
        return MR_EIO;
    }
}

mr_err mri_os_wait_folder(void *context, const char *path, int *ret_fd)
{
    (void)context;
    int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (fd < 0) {
        return failed();
    }
    if (inotify_add_watch(fd, path, IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0) {
        mr_err err = failed();
        (void)close(fd); /* nothing was written through this descriptor */
        return err;
    }
    *ret_fd = fd;
    return MR_OK;
}

mr_err mri_os_wait_change(void *context, int fd, int64_t timeout_ns)
{
    (void)context;
    struct pollfd poller = {.fd = fd, .events = POLLIN};
    struct timespec timeout = {timeout_ns / 1000000000, timeout_ns % 1000000000};
    int ready = ppoll(&poller, 1, timeout_ns < 0 ? NULL : &timeout, NULL);
    if (ready < 0 && errno != EINTR) {
        return failed();
    }
    if (ready <= 0) {
        return MR_AGAIN;
    }
    char events[4096];
    while (read(fd, events, sizeof(events)) > 0) {
    } /* what changed does not matter: the reader looks at the log itself */
    return MR_OK;
}

mr_err mri_os_wait_process(void *context, uint32_t process_id, int *ret_fd)
{
    (void)context;
    long fd = syscall(SYS_pidfd_open, (pid_t)process_id, 0); /* is closed on exec */
    if (fd < 0) {
        bool is_lack = errno == EMFILE || errno == ENFILE || errno == ENOMEM;
        return is_lack ? failed() : MR_NOT_FOUND;
    }
    *ret_fd = (int)fd;
    return MR_OK;
}

mr_err mri_os_wait_any(
    void *context, const int *fds, size_t count, int64_t timeout_ns, size_t *ret_index)
{
    struct pollfd polled[MRI_WAIT_ANY_MAX];
    const struct timespec timeout = {timeout_ns / 1000000000, timeout_ns % 1000000000};
    (void)context;
    if (count > MRI_WAIT_ANY_MAX) {
        return MR_EINVAL;
    }
    for (size_t i = 0; i < count; i++) {
        polled[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
    }
    int ready = ppoll(polled, count, timeout_ns < 0 ? NULL : &timeout, NULL);
    if (ready < 0) {
        return errno == EINTR ? MR_AGAIN : failed();
    }
    for (size_t i = 0; ready > 0 && i < count; i++) {
        if (polled[i].revents != 0) {
            *ret_index = i;
            return MR_OK;
        }
    }
    return MR_AGAIN;
}
