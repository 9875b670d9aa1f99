/* SPDX-License-Identifier: MIT */
/*
 * Redis on a Unix socket. Durable: SET, the append-only file synced before each answer; windows are
 * pipelined. Delivery: XADD, and XREADGROUP that blocks, the file synced every second.
 */
#define _GNU_SOURCE
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/harness.h"
#include "bench/peer.h"
#include "bench/server.h"
#include "millrace/err.h"

enum { IN_BYTES = 8192 };

#define OK         "+OK\r\n"

#define SET_BEGIN  "*3\r\n$3\r\nSET\r\n$8\r\n"
#define SET_MIDDLE "\r\n$192\r\n"
#define ADD_BEGIN  "*5\r\n$4\r\nXADD\r\n$1\r\ns\r\n$1\r\n*\r\n$1\r\nv\r\n$192\r\n"
#define GROUP_NEW  "*5\r\n$6\r\nXGROUP\r\n$6\r\nCREATE\r\n$1\r\ns\r\n$1\r\ng\r\n$1\r\n$\r\n"
#define READ_NEXT                                                                                  \
    "*11\r\n$10\r\nXREADGROUP\r\n$5\r\nGROUP\r\n$1\r\ng\r\n$1\r\nc\r\n$5\r\nCOUNT\r\n$1\r\n1\r\n"  \
    "$5\r\nBLOCK\r\n$1\r\n0\r\n$7\r\nSTREAMS\r\n$1\r\ns\r\n$1\r\n>\r\n"

struct client {
    int fd;
    size_t out_bytes;
    char out[MRI_PEER_WINDOW_MAX * 256];
    char in[IN_BYTES];
};

static struct mri_server server;

static const char *socket_path(const char *folder)
{
    static char path[4096];
    (void)snprintf(path, sizeof(path), "%s/redis.socket", folder);
    return path;
}

static void *redis_open(const char *folder)
{
    struct client *client = calloc(1, sizeof(*client));
    mri_harness_must(client == NULL ? MR_ENOMEM : MR_OK, "memory");
    client->fd = mri_server_connect(socket_path(folder), 0);
    return client;
}

static void redis_close(void *of)
{
    struct client *client = of;
    (void)close(client->fd); /* nothing is under way */
    free(client);
}

static void put(struct client *client, const void *bytes, size_t count)
{
    memcpy(client->out + client->out_bytes, bytes, count);
    client->out_bytes += count;
}

static void send_all(struct client *client)
{
    mri_server_send(client->fd, client->out, client->out_bytes);
    client->out_bytes = 0;
}

/** More of the answer behind `have` bytes of it. */
static size_t receive_more(struct client *client, size_t have)
{
    mri_harness_must(have == IN_BYTES ? MR_ELIMIT : MR_OK, "redis: a long answer");
    ssize_t got = recv(client->fd, client->in + have, IN_BYTES - have, 0);
    mri_harness_must(got <= 0 || client->in[0] == '-' ? MR_EIO : MR_OK, "redis: the answer");
    return have + (size_t)got;
}

static void redis_window(void *of, uint64_t key, const void *values, unsigned count)
{
    struct client *client = of;
    for (unsigned i = 0; i < count; i++) {
        uint64_t in_order = htobe64(key + i);
        put(client, SET_BEGIN, sizeof(SET_BEGIN) - 1);
        put(client, &in_order, sizeof(in_order));
        put(client, SET_MIDDLE, sizeof(SET_MIDDLE) - 1);
        put(client, (const char *)values + (size_t)i * MRI_PEER_VALUE_BYTES, MRI_PEER_VALUE_BYTES);
        put(client, "\r\n", 2);
    }
    send_all(client);
    for (size_t left = (size_t)count * (sizeof(OK) - 1); left > 0;) {
        left -= receive_more(client, 0);
    }
}

static void redis_append(void *client, uint64_t key, const void *value)
{
    redis_window(client, key, value, 1);
}

static bool redis_is_shared(const char *folder)
{
    (void)folder;
    return true;
}

static void redis_publish(void *of, const void *value)
{
    struct client *client = of;
    put(client, ADD_BEGIN, sizeof(ADD_BEGIN) - 1);
    put(client, value, MRI_PEER_VALUE_BYTES);
    put(client, "\r\n", 2);
    send_all(client);
    size_t have = 0; /* $N, the id */
    do {
        have = receive_more(client, have);
    } while (have < 2 || memmem(client->in, have - 1, "\r\n", 2) == NULL ||
             memcmp(client->in + have - 2, "\r\n", 2) != 0 ||
             memmem(client->in, have, "\r\n", 2) == client->in + have - 2);
}

static void redis_receive(void *of, void *value)
{
    struct client *client = of;
    size_t have = 0;
    put(client, READ_NEXT, sizeof(READ_NEXT) - 1);
    send_all(client);
    for (;;) {
        have = receive_more(client, have);
        const char *begin = memmem(client->in, have, "$192\r\n", 6);
        if (begin != NULL && (size_t)(client->in + have - begin) >= 6 + MRI_PEER_VALUE_BYTES + 2) {
            memcpy(value, begin + 6, MRI_PEER_VALUE_BYTES);
            return;
        }
    }
}

static void redis_start(const char *folder, enum mri_peer_use use)
{
    const char *sync = use == MRI_PEER_DURABLE ? "always" : "everysec";
    const char *const arguments[] = {MRI_REDIS_SERVER, "--port", "0", "--unixsocket",
        socket_path(folder), "--dir", folder, "--appendonly", "yes", "--appendfsync", sync,
        "--save", "", "--auto-aof-rewrite-percentage", "0", NULL};
    mri_server_start(&server, folder, arguments, 0);
    struct client *client = redis_open(folder); /* it listens */
    if (use == MRI_PEER_DELIVERY) {
        redis_publish(client, mri_peer_values());
        put(client, GROUP_NEW, sizeof(GROUP_NEW) - 1);
        send_all(client);
        (void)receive_more(client, 0);
    }
    redis_close(client);
}

static void redis_stop(void)
{
    mri_server_stop(&server);
}

const struct mri_peer mri_peer_redis = {
    .name = "redis",
    .settings = MRI_REDIS_VERSION
    ", Unix socket, appendonly yes; durable: appendfsync always, SET, "
    "windows pipelined; delivery: appendfsync everysec, XADD and XREADGROUP BLOCK",
    .start = redis_start,
    .stop = redis_stop,
    .is_shared = redis_is_shared,
    .open = redis_open,
    .close = redis_close,
    .append = redis_append,
    .window = redis_window,
    .listen = redis_open,
    .publish = redis_publish,
    .receive = redis_receive,
};
