/* SPDX-License-Identifier: MIT */
/*
 * A connection.
 *
 *   socket ──read──> input ──line──> session ──reply──> out ──sync, then send──> socket
 *
 * Invariants
 *  1. Bytes are read only when no whole line waits: the input holds one line at most.
 *  2. `sent` <= `safe` <= `out.count` after every flush; what lies behind `safe` is not sent before
 *     the sync.
 *  3. A request is not taken while the one before it waits.
 */
#define _GNU_SOURCE
#include "socket/connection.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"

/* A turn: so many lines, or so many bytes of replies. */
enum { TURN_LINES = 64, TURN_REPLY_BYTES = 128 * 1024, KEPT_BYTES = 16 * 1024 };

void mri_connection_init(struct mri_connection *connection, int fd,
    const struct mri_socket_peer *peer, struct mri_service *service)
{
    *connection = (struct mri_connection){.fd = fd,
        .peer = *peer,
        .is_readable = true,
        .active_ns = service->os->boottime_ns(service->os->context)};
    mri_line_input_init(&connection->input, service->alloc, MRI_REQUEST_LINE_BYTES_MAX);
    mri_buf_init(&connection->out, service->alloc, MRI_CONNECTION_REPLIES_BYTES_MAX);
    mri_line_session_init(&connection->session, service, &connection->out);
}

void mri_connection_fini(struct mri_connection *connection)
{
    mri_line_session_fini(&connection->session);
    mri_line_input_fini(&connection->input);
    mri_buf_fini(&connection->out);
    (void)close(connection->fd); /* a peer that has not read all hears that by its own means */
}

size_t mri_connection_unread(const struct mri_connection *connection)
{
    return connection->out.count - connection->sent;
}

static void end(struct mri_connection *connection, enum mri_connection_end why)
{
    if (connection->end == MRI_CONNECTION_OPEN) {
        connection->end = why;
    }
}

/** It has many replies to read, and has not read for a while. */
static bool is_behind(const struct mri_connection *connection, int64_t now_ns)
{
    return mri_connection_unread(connection) >= MRI_CONNECTION_UNREAD_BYTES &&
           connection->blocked_ns != 0 &&
           now_ns - connection->blocked_ns >= MRI_CONNECTION_STALL_NS;
}

/** May a request be taken? */
static bool can_take(const struct mri_connection *connection, int64_t now_ns)
{
    const struct mri_line_session *session = &connection->session;
    bool has_room = is_behind(connection, now_ns)
                        ? connection->refused < MRI_CONNECTION_REFUSAL_BYTES
                        : mri_connection_unread(connection) < MRI_CONNECTION_UNREAD_BYTES;
    return !session->waiting.is_waiting && !session->is_done && !session->is_broken &&
           !connection->is_closing && connection->end == MRI_CONNECTION_OPEN &&
           (connection->is_gone || has_room);
}

/** Read one piece; false: there is nothing now. */
static bool read_piece(struct mri_connection *connection, int64_t now_ns)
{
    uint8_t *bytes = connection->session.service->piece;
    if (!connection->is_readable || connection->is_input_over) {
        return false;
    }
    ssize_t count = recv(connection->fd, bytes, MRI_LINE_INPUT_PIECE_BYTES, MSG_DONTWAIT);
    if (count < 0) {
        bool is_later = errno == EAGAIN || errno == EINTR;
        connection->is_readable = errno == EINTR;
        if (!is_later) {
            connection->is_input_over = true;
            connection->is_gone = true;
        }
        return false;
    }
    if (count == 0) {
        connection->is_input_over = true;
        return false;
    }
    connection->active_ns = now_ns;
    if (mri_line_input_put(&connection->input, bytes, (size_t)count) != MR_OK) {
        end(connection, MRI_CONNECTION_FAILED);
        return false;
    }
    return true;
}

/** All that it has asked for was done and answered, and it asks no more. */
static void look_for_end(struct mri_connection *connection)
{
    const struct mri_line_session *session = &connection->session;
    if (session->is_broken) {
        end(connection, MRI_CONNECTION_FAILED);
    }
    bool is_over = session->is_done || (connection->is_input_over && !session->waiting.is_waiting &&
                                           !mri_line_input_has_more(&connection->input));
    connection->is_closing |= is_over;
}

static void take_line(
    struct mri_connection *connection, const struct mri_input_line *line, int64_t now_ns)
{
    size_t before = connection->out.count;
    bool is_refused = !connection->is_gone && is_behind(connection, now_ns);
    mri_line_session_take(&connection->session, line,
        connection->is_gone ? MRI_LINE_SESSION_UNHEARD
        : is_refused        ? MRI_LINE_SESSION_REFUSE
                            : MRI_LINE_SESSION_DO);
    connection->refusals += is_refused;
    connection->refused += is_refused ? connection->out.count - before : 0;
}

void mri_connection_serve(struct mri_connection *connection, int64_t now_ns)
{
    struct mri_line_session *session = &connection->session;
    size_t before = connection->out.count;
    if (connection->is_gone) {
        session->waiting.is_waiting = false; /* nobody hears the answer */
    }
    for (unsigned lines = 0; lines < TURN_LINES;) {
        struct mri_input_line line;
        if (!can_take(connection, now_ns) || connection->out.count - before >= TURN_REPLY_BYTES) {
            break;
        }
        if (mri_line_input_next(&connection->input, &line)) {
            take_line(connection, &line, now_ns);
            lines++;
        } else if (!read_piece(connection, now_ns)) {
            break;
        }
    }
    look_for_end(connection);
}

bool mri_connection_has_work(const struct mri_connection *connection, int64_t now_ns)
{
    return can_take(connection, now_ns) && (mri_line_input_has_more(&connection->input) ||
                                               (connection->is_gone && !connection->is_input_over));
}

/** Move what was not sent to the front, or give memory back. */
static void tidy_up(struct mri_connection *connection)
{
    struct mri_buf *out = &connection->out;
    if (connection->sent == out->count) {
        mri_buf_clear(out);
        connection->sent = 0;
        if (out->capacity > KEPT_BYTES) {
            const struct mri_alloc *alloc = out->alloc;
            size_t bytes_max = out->bytes_max;
            mri_buf_fini(out);
            mri_buf_init(out, alloc, bytes_max);
        }
    } else if (connection->sent > out->count / 2) {
        memmove(out->bytes, out->bytes + connection->sent, out->count - connection->sent);
        out->count -= connection->sent;
        connection->sent = 0;
    }
    connection->safe = out->count;
    if (out->count - connection->sent < MRI_CONNECTION_UNREAD_BYTES) {
        connection->refused = 0;
    }
}

void mri_connection_flush(struct mri_connection *connection, int64_t now_ns)
{
    struct mri_buf *out = &connection->out;
    connection->session.is_promising = false;
    while (connection->sent < out->count && !connection->is_gone) {
        ssize_t count = send(connection->fd, out->bytes + connection->sent,
            out->count - connection->sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (count >= 0) {
            connection->sent += (size_t)count;
            connection->active_ns = now_ns;
            connection->blocked_ns = 0;
        } else if (errno == EAGAIN) {
            connection->blocked_ns = connection->blocked_ns == 0 ? now_ns : connection->blocked_ns;
            break;
        } else if (errno != EINTR) {
            connection->is_gone = true;
        }
    }
    if (connection->is_gone) {
        connection->sent = out->count;
    }
    tidy_up(connection);
    if (connection->is_closing && out->count == 0) {
        end(connection, connection->is_gone ? MRI_CONNECTION_GONE : MRI_CONNECTION_QUIT);
    }
}

void mri_connection_break_promise(struct mri_connection *connection, mr_err err)
{
    struct mri_reply reply;
    struct mri_request_fault fault = {.err = MR_EUNKNOWN, .byte = -1};
    if (!connection->session.is_promising) {
        return;
    }
    connection->out.count = connection->safe;
    connection->session.is_promising = false;
    connection->is_closing = true;
    (void)snprintf(fault.problem.text, sizeof(fault.problem.text),
        "what was not answered is in the log, and may not be durable: %s", mr_err_text(err));
    mri_reply_begin_fault(&reply, &connection->out, mri_slice_of("null"), &fault, 0);
    mri_reply_bool(&reply, "closing", true);
    if (mri_reply_end(&reply) != MR_OK) {
        end(connection, MRI_CONNECTION_FAILED);
    }
}

uint32_t mri_connection_interest(const struct mri_connection *connection, int64_t now_ns)
{
    bool is_reading = can_take(connection, now_ns) && !connection->is_input_over &&
                      !mri_line_input_has_more(&connection->input);
    return (is_reading ? (uint32_t)EPOLLIN : 0) |
           (mri_connection_unread(connection) > 0 ? (uint32_t)EPOLLOUT : 0);
}

int64_t mri_connection_due_ns(
    const struct mri_connection *connection, int64_t now_ns, int64_t idle_ns)
{
    const struct mri_line_session *session = &connection->session;
    int64_t due_ns = session->waiting.is_waiting ? session->waiting.due_ns : INT64_MAX;
    bool is_full = mri_connection_unread(connection) >= MRI_CONNECTION_UNREAD_BYTES;
    if (idle_ns > 0 && !session->waiting.is_waiting && connection->active_ns + idle_ns < due_ns) {
        due_ns = connection->active_ns + idle_ns;
    }
    if (is_full && connection->blocked_ns != 0 && !is_behind(connection, now_ns) &&
        connection->blocked_ns + MRI_CONNECTION_STALL_NS < due_ns) {
        due_ns = connection->blocked_ns + MRI_CONNECTION_STALL_NS;
    }
    return due_ns;
}
