/* SPDX-License-Identifier: MIT */
/**
 * One connection of the line server: its bytes in both directions, and its session.
 *
 * What it may hold is bounded. A peer with MRI_CONNECTION_UNREAD_BYTES of replies that it has not
 * read is not listened to; when it has not read for MRI_CONNECTION_STALL_NS, its requests are
 * answered MR_AGAIN and not done, until MRI_CONNECTION_REFUSAL_BYTES of these answers wait, too.
 */
#ifndef MRI_SOCKET_CONNECTION_H
#define MRI_SOCKET_CONNECTION_H

#include "socket/line_session.h"
#include "socket/socket_file.h"

enum {
    MRI_CONNECTION_UNREAD_BYTES = 256 * 1024,
    MRI_CONNECTION_REFUSAL_BYTES = 64 * 1024,
    MRI_CONNECTION_REPLIES_BYTES_MAX =
        8 * 1024 * 1024, /**< no reply is so long; an end of memory */
};

#define MRI_CONNECTION_STALL_NS ((int64_t)1000000000)

/** Why a connection has ended. */
enum mri_connection_end {
    MRI_CONNECTION_OPEN = 0,
    MRI_CONNECTION_QUIT,    /**< it said so, or has sent all it had */
    MRI_CONNECTION_GONE,    /**< the peer has closed it, or died */
    MRI_CONNECTION_IDLE,    /**< nothing was sent or read for so long */
    MRI_CONNECTION_FAILED,  /**< an I/O error, no memory, or a sync that failed */
    MRI_CONNECTION_STOPPED, /**< the server ends */
};

struct mri_connection {
    int fd;
    uint64_t number; /**< counted from the server's start */
    struct mri_socket_peer peer;
    struct mri_line_input input;
    struct mri_buf out;
    size_t sent;        /**< bytes of `out` that the socket has taken */
    size_t safe;        /**< bytes of `out` that promise nothing that is not durable */
    size_t refused;     /**< bytes of MR_AGAIN in `out`; 0 when little is unread */
    int64_t active_ns;  /**< when bytes came or went last */
    int64_t blocked_ns; /**< since when the socket takes no bytes; 0: it does */
    struct mri_line_session session;
    uint32_t interest;  /**< what epoll was told */
    bool is_readable;   /**< there may be bytes to read */
    bool is_input_over; /**< the peer sends no more */
    bool is_gone;       /**< the peer reads no more */
    bool is_closing;    /**< once its replies are sent, it ends */
    uint64_t refusals;  /**< requests that were answered MR_AGAIN because it does not read */
    enum mri_connection_end end;
};

/**
 * Begin.
 *
 * Returns  nothing.
 * Owner    mri_connection_fini() closes fd.
 * Threads  one.
 */
void mri_connection_init(struct mri_connection *connection, int fd,
    const struct mri_socket_peer *peer, struct mri_service *service);

/**
 * End the session, close.
 *
 * Returns  nothing.
 * Threads  one.
 */
void mri_connection_fini(struct mri_connection *connection);

/**
 * Read what there is and do what it asks for: a turn, not more, so that others have theirs.
 *
 * Returns  nothing.
 * Threads  one.
 */
void mri_connection_serve(struct mri_connection *connection, int64_t now_ns);

/**
 * Is there something to do without waiting for the socket?
 *
 * Returns  true: mri_connection_serve() again.
 * Threads  one.
 */
bool mri_connection_has_work(const struct mri_connection *connection, int64_t now_ns);

/**
 * Send what the socket takes. Everything that was promised is durable.
 *
 * Returns  nothing.
 * Threads  one.
 */
void mri_connection_flush(struct mri_connection *connection, int64_t now_ns);

/**
 * The sync of this turn has failed: what was promised in it is not said, and the connection ends.
 *
 * Returns  nothing.
 * Threads  one.
 */
void mri_connection_break_promise(struct mri_connection *connection, mr_err err);

/**
 * What epoll is to watch: EPOLLIN, EPOLLOUT.
 *
 * Returns  the events.
 * Threads  one.
 */
uint32_t mri_connection_interest(const struct mri_connection *connection, int64_t now_ns);

/**
 * When the connection must be looked at, if nothing comes before.
 *
 * @param idle_ns  how long nothing may come or go; 0: any time
 *
 * Returns  a time of the boot-time clock; INT64_MAX: never.
 * Threads  one.
 */
int64_t mri_connection_due_ns(
    const struct mri_connection *connection, int64_t now_ns, int64_t idle_ns);

/**
 * Bytes of replies that the peer has not taken.
 *
 * Returns  their count.
 * Threads  one.
 */
size_t mri_connection_unread(const struct mri_connection *connection);

#endif
