/* SPDX-License-Identifier: MIT */
/*
 * The server: a loop over epoll.
 *
 *   sleep ──> accept ──> every connection: a turn ──> those that wait: look ──> sync ──> send ──┐
 *     ^                                                                                         │
 *     └───────────── arm the log's descriptor, if somebody waits for events <───────────────────┘
 *
 * Invariants
 *  1. Nothing that says `group` is sent before a sync that came after its append.
 *  2. Before it sleeps, all that could be done was done: what the log brought between the last look
 *     and the arming is looked for again.
 *  3. Signals come only in let_signals_in() and inside epoll_pwait, which a busy server leaves
 * before they do: none is lost between looking at the flag and sleeping.
 *
 * What can go wrong: no descriptor is left for a peer. Then accepting rests for a second, or until
 * a connection ends.
 */
#define _GNU_SOURCE
#include "socket/line_server.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/bus_loop.h"
#include "base/check.h"
#include "base/problem.h"
#include "os/stop.h"

enum { EVENTS_MAX = 64, MAGIC = 0x4c534552 };

#define SECOND_NS   ((int64_t)1000000000)
#define MS_NS       ((int64_t)1000000)
#define REST_NS     SECOND_NS       /* of accepting, when there is no descriptor */
#define FAREWELL_NS (2 * SECOND_NS) /* for peers to read what they are owed at the end */

struct mri_line_server {
    uint32_t magic;
    const struct mri_os *os;
    const struct mri_alloc *alloc;
    mr_bus *bus;
    struct mri_line_server_options options;
    struct mri_service service;
    struct mri_socket_file file;
    int epoll_fd;
    int log_fd;
    struct mri_connection **connections; /* connections_max; NULL: free */
    uint32_t count;
    uint32_t top; /* no connection stands at or above it */
    int64_t rest_until_ns;
    uint64_t seen_last;  /* event of the log, when those that wait were looked at last */
    uint64_t seen_freed; /* likewise */
    bool is_log_watched;
    bool is_accepting;
    struct mri_line_server_stats stats;
};

static int64_t now_ns_of(const struct mri_line_server *server)
{
    return server->os->boottime_ns(server->os->context);
}

static mr_err fail(mr_problem *problem, const char *what)
{
    int number = errno;
    return mri_problem(problem, number == EMFILE || number == ENFILE ? MR_ELIMIT : MR_EIO, "%s: %s",
        what, strerror(number));
}

static void watch(
    const struct mri_line_server *server, int how, int fd, uint32_t events, void *whom)
{
    struct epoll_event event = {.events = events, .data = {.ptr = whom}};
    int result = epoll_ctl(server->epoll_fd, how, fd, &event);
    MRI_ASSERT(result == 0 || how == EPOLL_CTL_ADD); /* what was added can be changed */
}

/* ---- connections come and go ----------------------------------------------------------------- */

static void tell(const struct mri_line_server *server, const struct mri_line_server_news *news)
{
    if (server->options.tell != NULL) {
        server->options.tell(server->options.tell_context, news);
    }
}

static void close_connection(struct mri_line_server *server, uint32_t index)
{
    struct mri_connection *connection = server->connections[index];
    const struct mri_line_server_news news = {.event = MRI_LINE_SERVER_CLOSED,
        .peer = connection->peer,
        .number = connection->number,
        .end = connection->end,
        .counts = &connection->session.counts,
        .is_torn = mri_line_input_is_torn(&connection->input)};
    tell(server, &news);
    server->stats.refusals += connection->refusals;
    mri_connection_fini(connection); /* the kernel takes it out of epoll */
    mri_alloc_free(server->alloc, connection, sizeof(*connection));
    server->connections[index] = NULL;
    server->count--;
    server->rest_until_ns = 0;
    while (server->top > 0 && server->connections[server->top - 1] == NULL) {
        server->top--;
    }
}

/** Tell a peer why it is not served; whether it hears that is its business. */
static void turn_away(struct mri_line_server *server, int fd, const struct mri_socket_peer *peer,
    enum mri_line_server_event event)
{
    const struct mri_line_server_news news = {.event = event, .peer = *peer};
    bool is_full = event == MRI_LINE_SERVER_REFUSED_FULL;
    const char *reply =
        is_full ? "{\"id\":null,\"ok\":false,\"error\":\"MR_FULL\",\"text\":"
                  "\"there are as many connections as there may be\",\"closing\":true}\n"
                : "{\"id\":null,\"ok\":false,\"error\":\"MR_EACCESS\",\"text\":"
                  "\"only the user of the server, and root\",\"closing\":true}\n";
    *(is_full ? &server->stats.refused_full : &server->stats.refused_users) += 1;
    (void)send(fd, reply, strlen(reply), MSG_DONTWAIT | MSG_NOSIGNAL);
    (void)close(fd); /* it was not served */
    tell(server, &news);
}

static mr_err add_connection(
    struct mri_line_server *server, int fd, const struct mri_socket_peer *peer)
{
    uint32_t index = 0;
    void *block;
    while (server->connections[index] != NULL) {
        index++;
    }
    mr_err err = mri_alloc_array(server->alloc, 1, sizeof(struct mri_connection), &block);
    if (err != MR_OK) {
        return err;
    }
    struct mri_connection *connection = block;
    struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = connection}};
    if (epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0) {
        mri_alloc_free(server->alloc, block, sizeof(*connection));
        return MR_ELIMIT;
    }
    mri_connection_init(connection, fd, peer, &server->service);
    connection->interest = EPOLLIN;
    connection->number = ++server->stats.accepted;
    server->connections[index] = connection;
    server->count++;
    server->top = index >= server->top ? index + 1 : server->top;
    const struct mri_line_server_news news = {
        .event = MRI_LINE_SERVER_OPENED, .peer = *peer, .number = connection->number};
    tell(server, &news);
    return MR_OK;
}

static void accept_all(struct mri_line_server *server)
{
    for (unsigned i = 0; i < EVENTS_MAX; i++) {
        struct mri_socket_peer peer = {0};
        int fd = accept4(server->file.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            bool is_rest = errno != EAGAIN && errno != EINTR && errno != ECONNABORTED;
            server->rest_until_ns = is_rest ? now_ns_of(server) + REST_NS : 0;
            return;
        }
        bool is_friend = mri_socket_file_peer(fd, &peer) == MR_OK &&
                         (peer.user == (uint32_t)geteuid() || peer.user == 0);
        if (!is_friend) {
            turn_away(server, fd, &peer, MRI_LINE_SERVER_REFUSED_USER);
        } else if (server->count == server->options.connections_max ||
                   add_connection(server, fd, &peer) != MR_OK) {
            turn_away(server, fd, &peer, MRI_LINE_SERVER_REFUSED_FULL);
        }
    }
}

/* ---- opening --------------------------------------------------------------------------------- */

/** What the verb stats says of the server. */
static void write_stats(void *context, struct mri_json_writer *json)
{
    const struct mri_line_server *server = context;
    struct mri_line_server_stats stats;
    mri_line_server_stat(server, &stats);
    const struct {
        const char *key;
        uint64_t value;
    } figures[] = {
        {"accepted", stats.accepted},
        {"refused_users", stats.refused_users},
        {"refused_full", stats.refused_full},
        {"refusals", stats.refusals},
    };
    for (size_t i = 0; i < MRI_COUNT_OF(figures); i++) {
        mri_json_write_key(json, figures[i].key);
        mri_json_write_unsigned(json, figures[i].value);
    }
    mri_json_write_key(json, "connections");
    mri_json_write_array_open(json);
    for (uint32_t i = 0; i < server->top; i++) {
        const struct mri_connection *connection = server->connections[i];
        if (connection != NULL) {
            mri_json_write_object_open(json);
            mri_json_write_key(json, "number");
            mri_json_write_unsigned(json, connection->number);
            mri_json_write_key(json, "process");
            mri_json_write_unsigned(json, connection->peer.process);
            mri_json_write_key(json, "user");
            mri_json_write_unsigned(json, connection->peer.user);
            mri_service_write_counts(&connection->session.counts, json);
            mri_json_write_object_close(json);
        }
    }
    mri_json_write_array_close(json);
}

static mr_err open_steps(struct mri_line_server *server, mr_problem *problem)
{
    void *block;
    mr_err err = mri_service_init(&server->service, server->os, server->alloc, server->bus);
    if (err == MR_OK) {
        err =
            mri_alloc_array(server->alloc, server->options.connections_max, sizeof(void *), &block);
        server->connections = err == MR_OK ? block : NULL;
    }
    if (err != MR_OK) {
        return mri_problem(problem, err, "%s", mr_err_text(err));
    }
    server->service.tell = write_stats;
    server->service.tell_context = server;
    err = mri_bus_loop_fd(server->bus, &server->log_fd, problem);
    if (err != MR_OK) {
        return err;
    }
    server->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (server->epoll_fd < 0) {
        return fail(problem, "epoll");
    }
    err = mri_socket_file_open(server->options.path, &server->file, problem);
    if (err != MR_OK) {
        return err;
    }
    struct epoll_event log = {.events = 0, .data = {.ptr = server}};
    struct epoll_event file = {.events = EPOLLIN, .data = {.ptr = &server->file}};
    server->is_accepting = true;
    return epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, server->log_fd, &log) == 0 &&
                   epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, server->file.fd, &file) == 0
               ? MR_OK
               : fail(problem, "epoll");
}

mr_err mri_line_server_open(const struct mri_os *os, const struct mri_alloc *alloc, mr_bus *bus,
    const struct mri_line_server_options *options, struct mri_line_server **ret_server,
    mr_problem *reterr_problem)
{
    void *block;
    MRI_ASSERT(options->connections_max > 0 &&
               options->connections_max <= MRI_LINE_SERVER_CONNECTIONS_MAX);
    mr_err err = mri_alloc_array(alloc, 1, sizeof(struct mri_line_server), &block);
    if (err != MR_OK) {
        return mri_problem(reterr_problem, err, "%s", mr_err_text(err));
    }
    struct mri_line_server *server = block;
    *server = (struct mri_line_server){
        .magic = MAGIC,
        .os = os,
        .alloc = alloc,
        .bus = bus,
        .options = *options,
        .file = {.fd = -1},
        .epoll_fd = -1,
    };
    err = open_steps(server, reterr_problem);
    if (err != MR_OK) {
        mri_line_server_close(server);
        return err;
    }
    *ret_server = server;
    return MR_OK;
}

void mri_line_server_stat(
    const struct mri_line_server *server, struct mri_line_server_stats *ret_stats)
{
    *ret_stats = server->stats;
    ret_stats->connections = server->count;
    ret_stats->counts = server->service.counts;
    for (uint32_t i = 0; i < server->top; i++) {
        if (server->connections[i] != NULL) {
            ret_stats->refusals += server->connections[i]->refusals;
        }
    }
}

void mri_line_server_close(struct mri_line_server *server)
{
    if (server == NULL) {
        return;
    }
    MRI_ASSERT(server->magic == MAGIC);
    mri_socket_file_close(&server->file);
    for (uint32_t i = server->top; i > 0; i--) {
        if (server->connections[i - 1] != NULL) {
            if (server->connections[i - 1]->end == MRI_CONNECTION_OPEN) {
                server->connections[i - 1]->end = MRI_CONNECTION_STOPPED;
            }
            close_connection(server, i - 1);
        }
    }
    if (server->epoll_fd >= 0) {
        (void)close(server->epoll_fd); /* it holds nothing of value */
    }
    if (server->connections != NULL) {
        mri_alloc_free(
            server->alloc, server->connections, server->options.connections_max * sizeof(void *));
    }
    mri_service_fini(&server->service);
    server->magic = 0;
    mri_alloc_free(server->alloc, server, sizeof(*server));
}

/* ---- a turn ---------------------------------------------------------------------------------- */

/** Those that wait: has the log grown, was an event given back, is it time? */
static void resume_all(struct mri_line_server *server, bool is_ending)
{
    int64_t now_ns = now_ns_of(server);
    uint64_t last = mri_bus_loop_last(server->bus).n;
    uint64_t freed = server->service.freed;
    bool is_changed = last != server->seen_last || freed != server->seen_freed;
    for (uint32_t i = 0; i < server->top; i++) {
        struct mri_connection *connection = server->connections[i];
        if (connection != NULL && connection->session.waiting.is_waiting &&
            (is_changed || is_ending || connection->session.waiting.due_ns <= now_ns)) {
            mri_line_session_resume(&connection->session, is_ending);
        }
    }
    server->seen_last = last;
    server->seen_freed = freed;
}

/** One sync for all that was promised in this turn; who was promised what did not work is told. */
static void keep_promises(struct mri_line_server *server)
{
    mr_problem problem;
    if (!server->service.needs_sync) {
        return;
    }
    server->service.needs_sync = false;
    mr_err err = mri_bus_loop_sync(server->bus, &problem);
    for (uint32_t i = 0; i < server->top && err != MR_OK; i++) {
        if (server->connections[i] != NULL) {
            mri_connection_break_promise(server->connections[i], err);
        }
    }
}

static void flush_all(struct mri_line_server *server)
{
    int64_t now_ns = now_ns_of(server);
    int64_t idle_ns = server->options.idle_ns;
    for (uint32_t i = 0; i < server->top; i++) {
        struct mri_connection *connection = server->connections[i];
        if (connection == NULL) {
            continue;
        }
        mri_connection_flush(connection, now_ns);
        bool is_idle = idle_ns > 0 && !connection->session.waiting.is_waiting &&
                       connection->active_ns + idle_ns <= now_ns;
        if (connection->end == MRI_CONNECTION_OPEN && is_idle) {
            connection->end = MRI_CONNECTION_IDLE;
        }
        if (connection->end != MRI_CONNECTION_OPEN) {
            close_connection(server, i);
        }
    }
}

static void serve_all(struct mri_line_server *server)
{
    int64_t now_ns = now_ns_of(server);
    for (uint32_t i = 0; i < server->top; i++) {
        if (server->connections[i] != NULL) {
            mri_connection_serve(server->connections[i], now_ns);
        }
    }
    resume_all(server, false);
    keep_promises(server);
    flush_all(server);
}

/* ---- sleeping -------------------------------------------------------------------------------- */

static bool is_somebody_waiting(const struct mri_line_server *server)
{
    for (uint32_t i = 0; i < server->top; i++) {
        if (server->connections[i] != NULL && server->connections[i]->session.waiting.is_waiting) {
            return true;
        }
    }
    return false;
}

/** Watch the log if somebody waits for events. */
static mr_err watch_log(struct mri_line_server *server, bool *ret_is_behind, mr_problem *problem)
{
    bool is_wanted = is_somebody_waiting(server);
    *ret_is_behind = false;
    if (is_wanted != server->is_log_watched) {
        watch(server, EPOLL_CTL_MOD, server->log_fd, is_wanted ? EPOLLIN : 0, server);
        server->is_log_watched = is_wanted;
    }
    if (!is_wanted) {
        return MR_OK;
    }
    mr_err err = mri_bus_loop_arm(server->bus, problem);
    *ret_is_behind = err == MR_AGAIN || mri_bus_loop_last(server->bus).n != server->seen_last ||
                     server->service.freed != server->seen_freed;
    return err == MR_AGAIN ? MR_OK : err;
}

/** Tell epoll what to watch; how long it may sleep, in ms, -1: any time. */
static int plan_sleep(struct mri_line_server *server, bool is_busy)
{
    int64_t now_ns = now_ns_of(server);
    int64_t due_ns = is_busy ? now_ns : INT64_MAX;
    bool is_resting = server->rest_until_ns > now_ns;
    for (uint32_t i = 0; i < server->top; i++) {
        struct mri_connection *connection = server->connections[i];
        if (connection == NULL) {
            continue;
        }
        uint32_t interest = mri_connection_interest(connection, now_ns);
        if (interest != connection->interest) {
            watch(server, EPOLL_CTL_MOD, connection->fd, interest, connection);
            connection->interest = interest;
        }
        int64_t own_ns = mri_connection_has_work(connection, now_ns)
                             ? now_ns
                             : mri_connection_due_ns(connection, now_ns, server->options.idle_ns);
        due_ns = own_ns < due_ns ? own_ns : due_ns;
    }
    if (is_resting == server->is_accepting) {
        server->is_accepting = !is_resting;
        watch(server, EPOLL_CTL_MOD, server->file.fd, is_resting ? 0 : EPOLLIN, &server->file);
    }
    if (is_resting && server->rest_until_ns < due_ns) {
        due_ns = server->rest_until_ns;
    }
    if (due_ns == INT64_MAX) {
        return -1;
    }
    int64_t wait_ms = due_ns <= now_ns ? 0 : (due_ns - now_ns + MS_NS - 1) / MS_NS;
    return wait_ms > INT32_MAX ? INT32_MAX : (int)wait_ms;
}

static void take_event(struct mri_line_server *server, const struct epoll_event *event)
{
    if (event->data.ptr == &server->file) {
        accept_all(server);
    } else if (event->data.ptr != server) { /* that is the log: those that wait look for it */
        struct mri_connection *connection = event->data.ptr;
        connection->is_readable |= (event->events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0;
        connection->is_gone |= (event->events & (EPOLLHUP | EPOLLERR)) != 0;
    }
}

static sigset_t open_mask_of_thread(void)
{
    sigset_t mask;
    (void)pthread_sigmask(SIG_SETMASK, NULL, &mask); /* it only asks, and these cannot fail */
    (void)sigdelset(&mask, SIGINT);
    (void)sigdelset(&mask, SIGTERM);
    return mask;
}

static void let_signals_in(void)
{
    sigset_t before;
    const sigset_t open_mask = open_mask_of_thread();
    (void)pthread_sigmask(SIG_SETMASK, &open_mask, &before); /* valid masks */
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static mr_err sleep_and_wake(struct mri_line_server *server, int timeout_ms, mr_problem *problem)
{
    struct epoll_event events[EVENTS_MAX];
    const sigset_t open_mask = open_mask_of_thread();
    int count = epoll_pwait(server->epoll_fd, events, EVENTS_MAX, timeout_ms, &open_mask);
    if (count < 0) {
        return errno == EINTR ? MR_OK : fail(problem, "epoll");
    }
    for (int i = 0; i < count; i++) {
        take_event(server, &events[i]);
    }
    return MR_OK;
}

/** Stop listening; answer those that wait; send what peers read within a while. */
static mr_err say_farewell(struct mri_line_server *server, mr_problem *problem)
{
    int64_t until_ns = now_ns_of(server) + FAREWELL_NS;
    mr_err err = MR_OK;
    mri_socket_file_close(&server->file);
    resume_all(server, true);
    keep_promises(server);
    for (uint32_t i = 0; i < server->top; i++) {
        if (server->connections[i] != NULL) {
            server->connections[i]->is_closing = true;
        }
    }
    flush_all(server);
    if (server->is_log_watched) {
        watch(server, EPOLL_CTL_MOD, server->log_fd, 0, server);
    }
    while (err == MR_OK && server->count > 0 && now_ns_of(server) < until_ns) {
        for (uint32_t i = 0; i < server->top; i++) {
            if (server->connections[i] != NULL) {
                watch(server, EPOLL_CTL_MOD, server->connections[i]->fd, EPOLLOUT,
                    server->connections[i]);
            }
        }
        err = sleep_and_wake(server, (int)((until_ns - now_ns_of(server)) / MS_NS) + 1, problem);
        flush_all(server);
    }
    return err;
}

mr_err mri_line_server_run(struct mri_line_server *server, mr_problem *reterr_problem)
{
    mr_err err = MR_OK;
    MRI_ASSERT(server->magic == MAGIC);
    while (err == MR_OK && !mri_stop_is_wished()) {
        bool is_busy;
        serve_all(server);
        err = watch_log(server, &is_busy, reterr_problem);
        if (err == MR_OK) {
            err = sleep_and_wake(server, plan_sleep(server, is_busy), reterr_problem);
        }
        if (err == MR_OK) { /* what it would answer may be of another log */
            err = mr_bus_check_place(server->bus, reterr_problem);
        }
        let_signals_in();
    }
    mr_problem farewell;
    mr_err ended = say_farewell(server, err == MR_OK ? reterr_problem : &farewell);
    return err == MR_OK ? ended : err;
}

void mri_line_server_block_signals(void)
{
    sigset_t stops;
    (void)sigemptyset(&stops); /* none of these can fail for these signals */
    (void)sigaddset(&stops, SIGINT);
    (void)sigaddset(&stops, SIGTERM);
    (void)pthread_sigmask(SIG_BLOCK, &stops, NULL);
}
