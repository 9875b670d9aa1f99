/* SPDX-License-Identifier: MIT */
/*
 * NATS JetStream by its plain protocol on the loopback: a stream in files, publishes with an
 * acknowledgement, a push subscription. What it acknowledges is not synced: the server syncs once
 * in a while (two minutes by default), so this is never compared with what is durable.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/harness.h"
#include "bench/peer.h"
#include "bench/server.h"
#include "millrace/err.h"

enum { IN_BYTES = 256 * 1024, REQUEST_BYTES = 1024 };

#define HELLO "CONNECT {\"verbose\":false,\"pedantic\":false,\"headers\":false}\r\n"
#define STREAM                                                                                     \
    "{\"name\":\"events\",\"subjects\":[\"event\"],\"storage\":\"file\",\"retention\":\"limits\"," \
    "\"max_consumers\":-1,\"max_msgs\":-1,\"max_bytes\":-1,\"max_age\":0,\"num_replicas\":1}"
#define CONSUMER                                                                                   \
    "{\"stream_name\":\"events\",\"config\":{\"deliver_subject\":\"%s\",\"deliver_policy\":"       \
    "\"new\","                                                                                     \
    "\"ack_policy\":\"none\"}}"
#define PUBLISH "PUB event %s 192\r\n"

struct client {
    int fd;
    char inbox[32];
    size_t have; /* bytes of `in` not taken yet, from `at` */
    size_t at;
    char in[IN_BYTES];
    char out[MRI_PEER_WINDOW_MAX * 256];
};

static struct mri_server server;
static int port;

/** The next `count` bytes that came. */
static const char *take(struct client *client, size_t count)
{
    if (client->at + count > IN_BYTES) {
        memmove(client->in, client->in + client->at, client->have);
        client->at = 0;
    }
    while (client->have < count) {
        size_t end = client->at + client->have;
        ssize_t got = recv(client->fd, client->in + end, IN_BYTES - end, 0);
        mri_harness_must(got <= 0 ? MR_EIO : MR_OK, "nats: the connection");
        client->have += (size_t)got;
    }
    const char *bytes = client->in + client->at;
    client->at += count;
    client->have -= count;
    return bytes;
}

/** The next line, without its end. */
static void take_line(struct client *client, char *line, size_t room)
{
    size_t count = 0;
    for (char c = *take(client, 1); c != '\n'; c = *take(client, 1)) {
        mri_harness_must(count + 1 == room ? MR_ELIMIT : MR_OK, "nats: a line");
        line[count++] = c;
    }
    line[count > 0 ? count - 1 : 0] = '\0';
}

/** The next message's payload; pings are answered meanwhile. */
static const char *take_message(struct client *client, size_t *ret_bytes)
{
    char line[4096];
    for (;;) {
        take_line(client, line, sizeof(line));
        if (strncmp(line, "PING", 4) == 0) {
            mri_server_send(client->fd, "PONG\r\n", 6);
        } else if (strncmp(line, "MSG ", 4) == 0) {
            *ret_bytes = strtoul(strrchr(line, ' ') + 1, NULL, 10);
            return take(client, *ret_bytes + 2); /* and the end of the line */
        } else if (line[0] == '-') {
            (void)fprintf(stderr, "nats: %s\n", line);
            exit(1);
        }
    }
}

static void expect_no_error(struct client *client)
{
    size_t bytes;
    const char *answer = take_message(client, &bytes);
    if (memmem(answer, bytes, "\"error\"", 7) != NULL) {
        (void)fprintf(stderr, "nats: %.*s\n", (int)bytes, answer);
        exit(1);
    }
}

static void *nats_open(const char *folder)
{
    (void)folder;
    static unsigned number;
    char text[REQUEST_BYTES];
    struct client *client = calloc(1, sizeof(*client));
    mri_harness_must(client == NULL ? MR_ENOMEM : MR_OK, "memory");
    client->fd = mri_server_connect(NULL, port);
    (void)snprintf(client->inbox, sizeof(client->inbox), "_INBOX.%d.%u", (int)getpid(), number++);
    int count = snprintf(text, sizeof(text), HELLO "SUB %s 1\r\n", client->inbox);
    mri_server_send(client->fd, text, (size_t)count);
    return client;
}

static void nats_close(void *of)
{
    struct client *client = of;
    (void)close(client->fd); /* nothing is under way */
    free(client);
}

static void request(struct client *client, const char *subject, const char *payload)
{
    char text[REQUEST_BYTES];
    int count = snprintf(text, sizeof(text), "PUB %s %s %zu\r\n%s\r\n", subject, client->inbox,
        strlen(payload), payload);
    mri_server_send(client->fd, text, (size_t)count);
    expect_no_error(client);
}

static void nats_window(void *of, uint64_t key, const void *values, unsigned count)
{
    struct client *client = of;
    size_t used = 0;
    (void)key; /* the stream gives a sequence number */
    for (unsigned i = 0; i < count; i++) {
        used += (size_t)snprintf(client->out + used, 64, PUBLISH, client->inbox);
        memcpy(client->out + used, (const uint8_t *)values + (size_t)i * MRI_PEER_VALUE_BYTES,
            MRI_PEER_VALUE_BYTES);
        memcpy(client->out + used + MRI_PEER_VALUE_BYTES, "\r\n", 2);
        used += MRI_PEER_VALUE_BYTES + 2;
    }
    mri_server_send(client->fd, client->out, used);
    for (unsigned i = 0; i < count; i++) {
        expect_no_error(client);
    }
}

static void nats_append(void *client, uint64_t key, const void *value)
{
    nats_window(client, key, value, 1);
}

static void nats_publish(void *client, const void *value)
{
    nats_window(client, 0, value, 1);
}

static void *nats_listen(const char *folder)
{
    struct client *client = nats_open(folder);
    char text[REQUEST_BYTES];
    char deliver[64];
    (void)snprintf(deliver, sizeof(deliver), "deliver.%d", (int)getpid());
    int count = snprintf(text, sizeof(text), "SUB %s 2\r\n", deliver);
    mri_server_send(client->fd, text, (size_t)count);
    (void)snprintf(text, sizeof(text), CONSUMER, deliver);
    request(client, "$JS.API.CONSUMER.CREATE.events", text);
    return client;
}

static void nats_receive(void *listener, void *value)
{
    size_t bytes;
    const char *payload = take_message(listener, &bytes);
    mri_harness_must(bytes != MRI_PEER_VALUE_BYTES ? MR_ECORRUPT : MR_OK, "nats: a message");
    memcpy(value, payload, MRI_PEER_VALUE_BYTES);
}

static void nats_start(const char *folder, enum mri_peer_use use)
{
    (void)use;
    char port_text[16];
    port = mri_server_free_port();
    (void)snprintf(port_text, sizeof(port_text), "%d", port);
    const char *const arguments[] = {MRI_NATS_SERVER, "--jetstream", "--store_dir", folder,
        "--addr", "127.0.0.1", "--port", port_text, NULL};
    mri_server_start(&server, folder, arguments, 0);
    struct client *client = nats_open(folder);
    request(client, "$JS.API.STREAM.CREATE.events", STREAM);
    nats_close(client);
}

static void nats_stop(void)
{
    mri_server_stop(&server);
}

static bool nats_is_shared(const char *folder)
{
    (void)folder;
    return true;
}

const struct mri_peer mri_peer_nats = {
    .name = "nats",
    .settings = MRI_NATS_VERSION
    ", JetStream, one replica, storage file, loopback: NOT durable, an "
    "acknowledgement is not synced; delivery: push consumer without acknowledgements",
    .is_volatile = true,
    .start = nats_start,
    .stop = nats_stop,
    .is_shared = nats_is_shared,
    .open = nats_open,
    .close = nats_close,
    .append = nats_append,
    .window = nats_window,
    .listen = nats_listen,
    .publish = nats_publish,
    .receive = nats_receive,
};
