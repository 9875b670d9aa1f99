/* SPDX-License-Identifier: MIT */
/**
 * A server that a benchmark starts for itself. It ends with the program that started it, however
 * that ends: the system sends it SIGINT then.
 */
#ifndef MRI_BENCH_SERVER_H
#define MRI_BENCH_SERVER_H

#include <stddef.h>
#include <sys/types.h>

/** A running server. */
struct mri_server {
    pid_t process;
};

/**
 * Start a program; what it prints goes to FOLDER/server.log.
 *
 * @param arguments  the program's path first, NULL last
 * @param user       0: our own; else the user id to run as, and the group of the same user
 *
 * Returns  nothing; the program ends when it cannot be started.
 * Owner    mri_server_stop().
 * Threads  the main thread: its end is the server's.
 */
void mri_server_start(
    struct mri_server *server, const char *folder, const char *const *arguments, uid_t user);

/**
 * Run a program to its end, as mri_server_start().
 *
 * Returns  nothing; the program ends when the other one fails.
 * Threads  one.
 */
void mri_server_run(const char *folder, const char *const *arguments, uid_t user);

/**
 * Connect to a Unix socket, or to 127.0.0.1, as soon as the server listens; gives up after a time.
 *
 * @param path  NULL: use the port
 *
 * Returns  a connected socket; the program ends when there is none.
 * Owner    the caller closes it.
 * Threads  any.
 */
int mri_server_connect(const char *path, int port);

/**
 * A port of the loopback that nobody uses just now.
 *
 * Returns  it.
 * Threads  any.
 */
int mri_server_free_port(void);

/**
 * Send all bytes.
 *
 * Returns  nothing; the program ends when the connection has.
 * Threads  any.
 */
void mri_server_send(int fd, const void *bytes, size_t count);

/**
 * End it, by its process id, and wait.
 *
 * Returns  nothing.
 * Threads  one.
 */
void mri_server_stop(struct mri_server *server);

#endif
