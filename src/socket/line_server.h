/* SPDX-License-Identifier: MIT */
/**
 * A server of the line protocol on a Unix socket: one thread, one bus, many connections.
 *
 * It sleeps in epoll until a peer, the log or a deadline wakes it. Replies that promise durability
 * leave after one sync for all connections of a turn.
 */
#ifndef MRI_SOCKET_LINE_SERVER_H
#define MRI_SOCKET_LINE_SERVER_H

#include "socket/connection.h"

struct mri_line_server;

enum { MRI_LINE_SERVER_CONNECTIONS = 256, MRI_LINE_SERVER_CONNECTIONS_MAX = 4096 };

/** What is told as it happens. */
enum mri_line_server_event {
    MRI_LINE_SERVER_OPENED,
    MRI_LINE_SERVER_CLOSED,
    MRI_LINE_SERVER_REFUSED_USER, /**< a peer of another user */
    MRI_LINE_SERVER_REFUSED_FULL, /**< more connections than there may be */
};

struct mri_line_server_news {
    enum mri_line_server_event event;
    struct mri_socket_peer peer;
    uint64_t number;                         /**< of the connection; 0: it was refused */
    enum mri_connection_end end;             /**< with CLOSED */
    const struct mri_service_counts *counts; /**< with CLOSED: what it did */
    bool is_torn;                            /**< with CLOSED: its last line had no end */
};

struct mri_line_server_options {
    const char *path; /**< of the socket */
    uint32_t connections_max;
    int64_t idle_ns; /**< a connection on which nothing comes or goes for so long; 0: stays */
    void (*tell)(void *context, const struct mri_line_server_news *news); /**< may be NULL */
    void *tell_context;
};

/** Figures of a server. */
struct mri_line_server_stats {
    uint64_t accepted;
    uint64_t refused_users;
    uint64_t refused_full;
    uint64_t refusals; /**< requests answered MR_AGAIN because replies were not read */
    uint32_t connections;
    struct mri_service_counts counts;
};

/**
 * Listen.
 *
 * Returns  MR_OK; as mri_socket_file_open(); MR_ENOMEM, MR_ELIMIT, MR_EIO.
 * Owner    mri_line_server_close() frees; os, alloc and bus are borrowed.
 * Threads  one.
 */
MR_MUST_USE mr_err mri_line_server_open(const struct mri_os *os, const struct mri_alloc *alloc,
    mr_bus *bus, const struct mri_line_server_options *options, struct mri_line_server **ret_server,
    mr_problem *reterr_problem);

/**
 * Serve until a stop is wished for (os/stop.h), then answer what waits, send what is to be sent to
 * peers that read, and end. SIGINT and SIGTERM must be blocked, mri_line_server_block_signals().
 *
 * Returns  MR_OK it was stopped; MR_EPATH the log was renamed or removed, as of the next thing that
 *          comes; faults of reading the log; MR_EIO of epoll.
 * Threads  one.
 */
MR_MUST_USE mr_err mri_line_server_run(struct mri_line_server *server, mr_problem *reterr_problem);

/**
 * Have SIGINT and SIGTERM come only when the server looks for them. Threads that are there already
 * must have them blocked.
 *
 * Returns  nothing.
 * Threads  the one that serves.
 */
void mri_line_server_block_signals(void);

/**
 * Figures so far.
 *
 * Returns  nothing.
 * Threads  one.
 */
void mri_line_server_stat(
    const struct mri_line_server *server, struct mri_line_server_stats *ret_stats);

/**
 * Close all connections, remove the socket. NULL is allowed.
 *
 * Returns  nothing.
 * Threads  one.
 */
void mri_line_server_close(struct mri_line_server *server);

#endif
