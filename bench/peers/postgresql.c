/* SPDX-License-Identifier: MIT */
/*
 * PostgreSQL: a cluster of its own on a Unix socket, run as the system's user postgres when we are
 * root (it refuses root); every commit is synced. Windows are one INSERT of many rows.
 */
#define _GNU_SOURCE
#include <endian.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "bench/harness.h"
#include "bench/peer.h"
#include "bench/server.h"
#include "millrace/err.h"

enum { VALUES_TEXT_BYTES = 64 + MRI_PEER_WINDOW_MAX * 32, SIZES_MAX = 4, START_TRIES = 400 };

struct client {
    PGconn *connection;
    unsigned sizes[SIZES_MAX]; /* windows that are prepared */
    uint64_t keys[MRI_PEER_WINDOW_MAX];
    const char *values[2 * MRI_PEER_WINDOW_MAX];
    int lengths[2 * MRI_PEER_WINDOW_MAX];
    int formats[2 * MRI_PEER_WINDOW_MAX];
};

static struct mri_server server;

static void must(const struct client *client, PGresult *result, ExecStatusType wanted)
{
    if (PQresultStatus(result) != wanted) {
        (void)fprintf(stderr, "postgresql: %s\n", PQerrorMessage(client->connection));
        exit(1);
    }
    PQclear(result);
}

static bool try_connect(struct client *client, const char *folder)
{
    char text[4352];
    (void)snprintf(text, sizeof(text), "host=%s/sockets dbname=postgres user=bench", folder);
    client->connection = PQconnectdb(text);
    return PQstatus(client->connection) == CONNECTION_OK;
}

static void *postgresql_open(const char *folder)
{
    struct client *client = calloc(1, sizeof(*client));
    mri_harness_must(client == NULL ? MR_ENOMEM : MR_OK, "memory");
    for (int i = 0; i < START_TRIES && !try_connect(client, folder); i++) {
        const struct timespec step = {.tv_nsec = 50000000};
        PQfinish(client->connection);
        client->connection = NULL;
        (void)nanosleep(&step, NULL);
    }
    mri_harness_must(client->connection == NULL ? MR_EIO : MR_OK, "postgresql: connect");
    return client;
}

static void postgresql_close(void *of)
{
    struct client *client = of;
    PQfinish(client->connection);
    free(client);
}

/** A statement for windows of one size, named after it. */
static void prepare(struct client *client, unsigned count, const char *name)
{
    static char text[VALUES_TEXT_BYTES];
    size_t used = (size_t)snprintf(text, sizeof(text), "INSERT INTO events VALUES ");
    for (unsigned i = 0; i < count; i++) {
        used += (size_t)snprintf(text + used, sizeof(text) - used, "%s($%u::bigint,$%u::bytea)",
            i == 0 ? "" : ",", 2 * i + 1, 2 * i + 2);
    }
    mri_harness_must(used >= sizeof(text) ? MR_ELIMIT : MR_OK, "statement");
    must(client, PQprepare(client->connection, name, text, 0, NULL), PGRES_COMMAND_OK);
}

static void postgresql_window(void *of, uint64_t key, const void *values, unsigned count)
{
    struct client *client = of;
    char name[16];
    unsigned at = 0;
    (void)snprintf(name, sizeof(name), "insert%u", count);
    while (client->sizes[at] != count) {
        mri_harness_must(at == SIZES_MAX - 1 ? MR_ELIMIT : MR_OK, "sizes of windows");
        if (client->sizes[at] == 0) {
            prepare(client, count, name);
            client->sizes[at] = count;
        } else {
            at++;
        }
    }
    for (unsigned i = 0; i < count; i++) {
        client->keys[i] = htobe64(key + i);
        client->values[2 * i] = (const char *)&client->keys[i];
        client->lengths[2 * i] = sizeof(client->keys[i]);
        client->formats[2 * i] = 1;
        client->values[2 * i + 1] = (const char *)values + (size_t)i * MRI_PEER_VALUE_BYTES;
        client->lengths[2 * i + 1] = MRI_PEER_VALUE_BYTES;
        client->formats[2 * i + 1] = 1;
    }
    must(client,
        PQexecPrepared(client->connection, name, (int)(2 * count), client->values, client->lengths,
            client->formats, 1),
        PGRES_COMMAND_OK);
}

static void postgresql_append(void *client, uint64_t key, const void *value)
{
    postgresql_window(client, key, value, 1);
}

static bool postgresql_is_shared(const char *folder)
{
    (void)folder;
    return true;
}

/** A folder that the server's user owns. */
static void make_folder(const char *path, uid_t user, gid_t group)
{
    bool is_good = mkdir(path, 0700) == 0 && (user == 0 || chown(path, user, group) == 0);
    mri_harness_must(is_good ? MR_OK : MR_EACCESS, path);
}

static void postgresql_start(const char *folder, enum mri_peer_use use)
{
    (void)use;
    char data[4200];
    char sockets[4200];
    const struct passwd *entry = getuid() == 0 ? getpwnam("postgres") : NULL;
    mri_harness_must(getuid() == 0 && entry == NULL ? MR_NOT_FOUND : MR_OK, "user postgres");
    uid_t user = entry == NULL ? 0 : entry->pw_uid;
    gid_t group = entry == NULL ? 0 : entry->pw_gid;
    (void)snprintf(data, sizeof(data), "%s/cluster", folder);
    (void)snprintf(sockets, sizeof(sockets), "%s/sockets", folder);
    make_folder(data, user, group);
    make_folder(sockets, user, group);
    const char *const make[] = {MRI_POSTGRESQL_PROGRAMS "/initdb", "-D", data, "-U", "bench",
        "--auth=trust", "--no-sync", "--no-locale", "--encoding=UTF8", NULL};
    mri_server_run(folder, make, user);
    const char *const serve[] = {MRI_POSTGRESQL_PROGRAMS "/postgres", "-D", data, "-k", sockets,
        "-c", "listen_addresses=", "-c", "fsync=on", "-c", "synchronous_commit=on", "-c",
        "max_connections=120", NULL};
    mri_server_start(&server, folder, serve, user);
    struct client *client = postgresql_open(folder);
    must(client,
        PQexec(client->connection, "CREATE TABLE events (key bigint PRIMARY KEY, value bytea)"),
        PGRES_COMMAND_OK);
    postgresql_close(client);
}

static void postgresql_stop(void)
{
    mri_server_stop(&server);
}

const struct mri_peer mri_peer_postgresql = {
    .name = "postgresql",
    .settings = MRI_POSTGRESQL_VERSION ", Unix socket, fsync=on, synchronous_commit=on, prepared "
                                       "binary INSERT; windows: one INSERT of many rows",
    .start = postgresql_start,
    .stop = postgresql_stop,
    .is_shared = postgresql_is_shared,
    .open = postgresql_open,
    .close = postgresql_close,
    .append = postgresql_append,
    .window = postgresql_window,
};
