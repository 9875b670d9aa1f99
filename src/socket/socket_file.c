/* SPDX-License-Identifier: MIT */
/*
 * The file of a Unix socket.
 *
 * Invariants
 *  1. Looking whether a server lives, removing what a dead one left, binding and listening happen
 *     under a lock of the folder: of two servers that begin at once, one finds the other alive. The
 *     lock is the kernel's and leaves no file.
 *  2. The file is never open to others, not even for a moment: it gets its mode before its name.
 *  3. What is removed is a socket: one that nobody listens on, or our own.
 */
#define _GNU_SOURCE
#include "socket/socket_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/check.h"
#include "base/problem.h"

enum { BACKLOG = 4096, MODE_MINE = 0600 };

MRI_STATIC_ASSERT(sizeof(((struct sockaddr_un *)0)->sun_path) == MRI_SOCKET_FILE_PATH_BYTES,
    "the system's limit");

static mr_err err_of(int number)
{
    switch (number) {
    case EACCES:
    case EPERM:
    case EROFS:
        return MR_EACCESS;
    case ENOENT:
    case ENOTDIR:
    case ELOOP:
        return MR_EPATH;
    case ENOSPC:
        return MR_ENOSPC;
    case EMFILE:
    case ENFILE:
        return MR_ELIMIT;
    case ENOMEM:
    case ENOBUFS:
        return MR_ENOMEM;
    default:
        return MR_EIO;
    }
}

static mr_err fail(mr_problem *problem, const char *path, const char *what)
{
    int number = errno;
    return mri_problem(problem, err_of(number), "%s: %s: %s", path, what, strerror(number));
}

static struct sockaddr_un address_of(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, path, strlen(path) + 1); /* its length was checked */
    return address;
}

/** The folder of the path, locked until it is closed; -1: errno says why. */
static int lock_folder(const char *path)
{
    char folder[MRI_SOCKET_FILE_PATH_BYTES];
    (void)snprintf(folder, sizeof(folder), "%s", path);
    char *slash = strrchr(folder, '/');
    if (slash == NULL) {
        (void)snprintf(folder, sizeof(folder), ".");
    } else {
        slash[slash == folder] = '\0'; /* "/socket" lies in "/" */
    }
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int locked = -1;
    while (fd >= 0 && (locked = flock(fd, LOCK_EX)) != 0 && errno == EINTR) {
    }
    if (fd >= 0 && locked != 0) {
        int number = errno;
        (void)close(fd); /* nothing was written to it */
        errno = number;
        return -1;
    }
    return fd;
}

mr_err mri_socket_file_peer(int fd, struct mri_socket_peer *ret_peer)
{
    struct ucred peer;
    socklen_t count = sizeof(peer);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &count) != 0) {
        return MR_EIO;
    }
    *ret_peer = (struct mri_socket_peer){(uint32_t)peer.pid, (uint32_t)peer.uid};
    return MR_OK;
}

/** Does somebody listen? MR_BUSY: yes; MR_OK: the socket is left over. */
static mr_err call_server(const char *path, mr_problem *problem)
{
    const struct sockaddr_un address = address_of(path);
    struct mri_socket_peer peer = {0};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return fail(problem, path, "no socket");
    }
    int result = connect(fd, (const struct sockaddr *)&address, sizeof(address));
    int number = result == 0 ? 0 : errno;
    mr_err err = MR_OK;
    if (number == 0 && mri_socket_file_peer(fd, &peer) == MR_OK) {
        err = mri_problem(problem, MR_BUSY,
            "%s: process %u serves there; stop it first, or give another path with --socket", path,
            peer.process);
    } else if (number == 0 || number == EAGAIN) {
        err = mri_problem(problem, MR_BUSY,
            "%s: a process serves there; stop it first, or give another path with --socket", path);
    } else if (number != ECONNREFUSED) {
        errno = number;
        err = fail(problem, path, "cannot tell whether a process serves there");
    }
    (void)close(fd); /* nothing was written to it */
    return err;
}

/** Make room for the file: what a dead server left goes. */
static mr_err clear_path(const char *path, mr_problem *problem)
{
    struct stat found;
    if (lstat(path, &found) != 0) {
        return errno == ENOENT ? MR_OK : fail(problem, path, "cannot be looked at");
    }
    if (!S_ISSOCK(found.st_mode)) {
        return mri_problem(problem, MR_EXISTS, "%s: it is there and no socket; it stays", path);
    }
    mr_err err = call_server(path, problem);
    if (err == MR_OK && unlink(path) != 0 && errno != ENOENT) {
        return fail(problem, path, "the socket of a dead server cannot be removed");
    }
    return err;
}

static mr_err listen_at(struct mri_socket_file *file, mr_problem *problem)
{
    const struct sockaddr_un address = address_of(file->path);
    struct stat made;
    file->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (file->fd < 0) {
        return fail(problem, file->path, "no socket");
    }
    if (fchmod(file->fd, MODE_MINE) != 0 ||
        bind(file->fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
        return fail(problem, file->path, "cannot be made");
    }
    bool is_ours = lstat(file->path, &made) == 0 && S_ISSOCK(made.st_mode);
    if (is_ours) {
        file->device = made.st_dev;
        file->inode = made.st_ino;
    }
    if (!is_ours || (made.st_mode & 077) != 0) {
        return mri_problem(problem, MR_EACCESS,
            "%s: the file system does not keep a socket's mode; give another path with --socket",
            file->path);
    }
    return listen(file->fd, BACKLOG) == 0 ? MR_OK
                                          : fail(problem, file->path, "cannot be listened at");
}

mr_err mri_socket_file_open(
    const char *path, struct mri_socket_file *ret_file, mr_problem *reterr_problem)
{
    struct mri_socket_file file = {.fd = -1};
    size_t count = strlen(path);
    if (count == 0 || count >= sizeof(file.path)) {
        return mri_problem(reterr_problem, MR_EINVAL,
            "%.80s...: the path of a socket may have 1 to %zu bytes, this one has %zu; give a "
            "shorter one with --socket",
            path, sizeof(file.path) - 1, count);
    }
    memcpy(file.path, path, count + 1);
    int folder = lock_folder(path);
    if (folder < 0) {
        return fail(reterr_problem, path, "its folder");
    }
    mr_err err = clear_path(path, reterr_problem);
    if (err == MR_OK) {
        err = listen_at(&file, reterr_problem);
    }
    (void)close(folder); /* nothing was written to it; this gives the lock back */
    if (err != MR_OK) {
        mri_socket_file_close(&file);
        return err;
    }
    *ret_file = file;
    return MR_OK;
}

void mri_socket_file_close(struct mri_socket_file *file)
{
    struct stat found;
    if (file->fd < 0) {
        return;
    }
    int folder = file->inode == 0 ? -1 : lock_folder(file->path);
    if (folder >= 0 && lstat(file->path, &found) == 0 && S_ISSOCK(found.st_mode) &&
        found.st_dev == file->device && found.st_ino == file->inode) {
        (void)unlink(file->path); /* one that stays is taken for a dead server's */
    }
    if (folder >= 0) {
        (void)close(folder); /* nothing was written to it */
    }
    (void)close(file->fd); /* nobody can connect any more */
    file->fd = -1;
}
