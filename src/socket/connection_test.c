/* SPDX-License-Identifier: MIT */
/*
 * Connections over a pair of sockets, at times that the test says.
 */
#define _GNU_SOURCE
#include "socket/connection.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/bus_loop.h"
#include "tests/lib/api_sample.h"
#include "tests/lib/cmocka_all.h"

enum { READ_BYTES = 1024 * 1024, TURNS_MAX = 10000 };

static struct mri_api_sample sample;
static struct mri_service service;
static struct mri_connection connection;
static int peer; /* the other end */
static int64_t now_ns;
static char got[READ_BYTES + 1];
static size_t got_count;

static int set_up(void **fixture)
{
    (void)fixture;
    int pair[2];
    const struct mri_socket_peer who = {1, 2};
    mri_api_sample_begin(&sample);
    const struct mri_os *os = &sample.story->machine.table;
    if (mri_service_init(&service, os, mri_alloc_system(), sample.bus) != MR_OK ||
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0) {
        return -1;
    }
    peer = pair[0];
    now_ns = os->boottime_ns(os->context);
    got_count = 0;
    mri_connection_init(&connection, pair[1], &who, &service);
    return 0;
}

static int tear_down(void **fixture)
{
    (void)fixture;
    mri_connection_fini(&connection);
    if (peer >= 0) {
        assert_int_equal(close(peer), 0);
    }
    mri_service_fini(&service);
    mri_api_sample_end(&sample);
    return 0;
}

static void say(const char *text)
{
    assert_int_equal(send(peer, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
    connection.is_readable = true;
}

static void say_emission(void)
{
    char line[300];
    (void)snprintf(line, sizeof(line),
        "{\"id\":1,\"verb\":\"emit\",\"symbol\":\"%s\",\"side\":\"long\",\"source\":\"bot\","
        "\"confidence\":0.5}\n",
        sample.symbols[0]);
    say(line);
}

/** Turns until there is nothing to do. */
static void turn(void)
{
    for (int i = 0; i < TURNS_MAX; i++) {
        mri_connection_serve(&connection, now_ns);
        mri_connection_flush(&connection, now_ns);
        if (!mri_connection_has_work(&connection, now_ns)) {
            return;
        }
    }
    fail_msg("it is never done");
}

/** Read what has come, up to so many bytes. */
static void hear(size_t bytes_max)
{
    got_count = 0;
    while (got_count < bytes_max) {
        ssize_t count = recv(peer, got + got_count, bytes_max - got_count, 0);
        if (count <= 0) {
            break;
        }
        got_count += (size_t)count;
    }
    got[got_count] = '\0';
}

static void what_is_asked_is_answered(void **fixture)
{
    (void)fixture;
    say("{\"id\":1,\"verb\":\"counts\"}\n{\"id\":2,\"verb\":\"hello\"}\n{\"id\":3,");
    turn();
    hear(READ_BYTES);
    assert_non_null(strstr(got, "{\"id\":1,\"ok\":true"));
    assert_non_null(strstr(got, "\n{\"id\":2,\"ok\":true"));
    assert_int_equal(connection.end, MRI_CONNECTION_OPEN);
    assert_int_equal(mri_connection_interest(&connection, now_ns), EPOLLIN);
    assert_true(mri_connection_due_ns(&connection, now_ns, 0) == INT64_MAX);
    assert_true(mri_connection_due_ns(&connection, now_ns, 5) == connection.active_ns + 5);
    say("\"verb\":\"quit\"}\n{\"id\":4,\"verb\":\"counts\"}\n");
    turn();
    hear(READ_BYTES);
    assert_string_equal(got, "{\"id\":3,\"ok\":true}\n"); /* behind quit nothing is done */
    assert_int_equal(connection.end, MRI_CONNECTION_QUIT);
}

static void what_is_not_durable_is_not_said_to_be(void **fixture)
{
    (void)fixture;
    say("{\"id\":0,\"verb\":\"counts\"}\n");
    turn();
    hear(READ_BYTES);
    say_emission();
    mri_connection_serve(&connection, now_ns);
    assert_true(service.needs_sync && connection.session.is_promising);
    mri_connection_break_promise(&connection, MR_EIO);
    mri_connection_flush(&connection, now_ns);
    hear(READ_BYTES);
    assert_null(strstr(got, "group"));
    assert_non_null(strstr(got, "{\"id\":null,\"ok\":false,\"error\":\"MR_EUNKNOWN\""));
    assert_non_null(strstr(got, "\"closing\":true}\n"));
    assert_int_equal(connection.end, MRI_CONNECTION_QUIT);
}

static void who_was_promised_nothing_hears_nothing_of_a_failed_sync(void **fixture)
{
    (void)fixture;
    say("{\"id\":7,\"verb\":\"counts\"}\n");
    mri_connection_serve(&connection, now_ns);
    mri_connection_break_promise(&connection, MR_EIO);
    mri_connection_flush(&connection, now_ns);
    hear(READ_BYTES);
    assert_non_null(strstr(got, "{\"id\":7,\"ok\":true"));
    assert_int_equal(connection.end, MRI_CONNECTION_OPEN);
}

/** Ask, and do not read, until the server takes no more. */
static uint64_t fill(void)
{
    static const char line[] = "{\"id\":5,\"verb\":\"hello\"}\n";
    uint64_t asked = 0;
    while (send(peer, line, sizeof(line) - 1, MSG_NOSIGNAL) == (ssize_t)sizeof(line) - 1) {
        asked++;
        connection.is_readable = true;
        turn();
    }
    assert_int_equal(errno, EAGAIN);
    return asked;
}

static void who_does_not_read_is_first_not_listened_to_then_told(void **fixture)
{
    (void)fixture;
    (void)fill();
    assert_int_equal(connection.refusals, 0);
    size_t unread = mri_connection_unread(&connection);
    assert_in_range(unread, MRI_CONNECTION_UNREAD_BYTES, MRI_CONNECTION_UNREAD_BYTES + 128 * 1024);
    assert_int_equal(mri_connection_interest(&connection, now_ns), EPOLLOUT);
    assert_true(mri_connection_due_ns(&connection, now_ns, 0) ==
                connection.blocked_ns + MRI_CONNECTION_STALL_NS);
    now_ns += MRI_CONNECTION_STALL_NS;
    turn();
    (void)fill();
    assert_true(connection.refusals > 100);
    uint64_t refusals = connection.refusals;
    now_ns += 100 * MRI_CONNECTION_STALL_NS; /* it can wait as long as it wants to */
    turn();
    assert_int_equal(connection.refusals, refusals);
    assert_in_range(
        mri_connection_unread(&connection), unread, unread + MRI_CONNECTION_REFUSAL_BYTES + 1024);
    assert_true(mri_connection_due_ns(&connection, now_ns, 0) == INT64_MAX); /* no spinning */
}

static void a_little_reading_does_not_buy_more_memory(void **fixture)
{
    (void)fixture;
    (void)fill();
    for (int i = 0; i < 50; i++) {
        now_ns += MRI_CONNECTION_STALL_NS;
        turn();
        (void)fill();
        hear(1000);
        turn();
        assert_true(mri_connection_unread(&connection) <
                    MRI_CONNECTION_UNREAD_BYTES + MRI_CONNECTION_REFUSAL_BYTES + 256 * 1024);
    }
    assert_true(connection.refusals > 0);
}

static void who_reads_again_is_served_again(void **fixture)
{
    (void)fixture;
    (void)fill();
    now_ns += MRI_CONNECTION_STALL_NS;
    turn();
    for (int i = 0; i < TURNS_MAX; i++) {
        hear(READ_BYTES);
        if (got_count == 0) {
            break;
        }
        turn();
    }
    assert_int_equal(mri_connection_unread(&connection), 0);
    say("{\"id\":\"now\",\"verb\":\"counts\"}\n");
    turn();
    hear(READ_BYTES);
    assert_non_null(strstr(got, "{\"id\":\"now\",\"ok\":true"));
}

static void who_is_gone_has_done_what_it_sent_and_nothing_is_asked_for_it(void **fixture)
{
    (void)fixture;
    uint64_t last = mri_bus_loop_last(sample.bus).n;
    say("{\"id\":1,\"verb\":\"wait\",\"timeout_ms\":60000}\n");
    turn();
    assert_true(connection.session.waiting.is_waiting);
    say_emission();
    say("{\"id\":2,\"verb\":\"query\",\"limit\":0}\n{\"id\":3,\"verb\":\"emit\",\"sym");
    assert_int_equal(close(peer), 0);
    peer = -1;
    connection.is_gone = true; /* as epoll tells */
    connection.is_readable = true;
    turn();
    assert_int_equal(connection.end, MRI_CONNECTION_GONE);
    assert_int_equal(mri_bus_loop_last(sample.bus).n, last + 1);
    assert_int_equal(connection.session.counts.emitted, 1);
    assert_int_equal(connection.session.counts.errors, 0); /* the query was not even tried */
    assert_true(mri_line_input_is_torn(&connection.input));
    assert_int_equal(connection.out.count, 0);
}

static void who_sends_no_more_gets_what_it_has_asked_for(void **fixture)
{
    (void)fixture;
    say("{\"id\":1,\"verb\":\"wait\",\"timeout_ms\":60000}\n{\"id\":2,\"verb\":\"counts\"}\n");
    assert_int_equal(shutdown(peer, SHUT_WR), 0);
    turn();
    assert_int_equal(connection.end, MRI_CONNECTION_OPEN);
    mri_line_session_resume(&connection.session, true);
    turn();
    turn();
    hear(READ_BYTES);
    assert_non_null(strstr(got, "{\"id\":1,\"ok\":true"));
    assert_non_null(strstr(got, "{\"id\":2,\"ok\":true"));
    assert_int_equal(connection.end, MRI_CONNECTION_QUIT);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_is_asked_is_answered),
        TEST(what_is_not_durable_is_not_said_to_be),
        TEST(who_was_promised_nothing_hears_nothing_of_a_failed_sync),
        TEST(who_does_not_read_is_first_not_listened_to_then_told),
        TEST(a_little_reading_does_not_buy_more_memory),
        TEST(who_reads_again_is_served_again),
        TEST(who_is_gone_has_done_what_it_sent_and_nothing_is_asked_for_it),
        TEST(who_sends_no_more_gets_what_it_has_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
