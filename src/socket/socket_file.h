/* SPDX-License-Identifier: MIT */
/**
 * The file that a Unix socket is found by: made for its owner alone, taken over from a dead server,
 * never from a living one.
 */
#ifndef MRI_SOCKET_SOCKET_FILE_H
#define MRI_SOCKET_SOCKET_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "millrace/err.h"

/** The longest path of a socket, with its NUL: a limit of the system (sun_path). */
enum { MRI_SOCKET_FILE_PATH_BYTES = 108 };

/** A socket that listens. */
struct mri_socket_file {
    char path[MRI_SOCKET_FILE_PATH_BYTES];
    int fd; /**< does not block; -1: none */
    uint64_t device;
    uint64_t inode;
};

/** Who is on the other side. */
struct mri_socket_peer {
    uint32_t process;
    uint32_t user;
};

/**
 * Listen. The file has mode 0600. One that a dead server left is replaced.
 *
 * Returns  MR_OK; MR_EINVAL the path is too long; MR_BUSY a living server has it,
 *          *reterr_problem says its process; MR_EXISTS something stands there that is no socket;
 *          MR_EPATH, MR_EACCESS, MR_EIO.
 * Owner    mri_socket_file_close() removes the file.
 * Threads  one.
 */
MR_MUST_USE mr_err mri_socket_file_open(
    const char *path, struct mri_socket_file *ret_file, mr_problem *reterr_problem);

/**
 * Stop listening, and remove the file if it is still ours. Zeroed with fd -1 is allowed.
 *
 * Returns  nothing.
 * Threads  one.
 */
void mri_socket_file_close(struct mri_socket_file *file);

/**
 * Who is on the other side of a connection.
 *
 * Returns  MR_OK; MR_EIO.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_socket_file_peer(int fd, struct mri_socket_peer *ret_peer);

#endif
