/* SPDX-License-Identifier: MIT */
/*
 * SQLite: a table with an integer key and a blob; write-ahead log, a sync for every commit.
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/harness.h"
#include "bench/peer.h"
#include "millrace/err.h"

enum { BUSY_MS = 30000 };

struct client {
    sqlite3 *database;
    sqlite3_stmt *insert;
    sqlite3_stmt *begin;
    sqlite3_stmt *commit;
};

static void must(struct client *client, bool is_good)
{
    if (!is_good) {
        (void)fprintf(stderr, "sqlite: %s\n", sqlite3_errmsg(client->database));
        exit(1);
    }
}

static sqlite3_stmt *prepare(struct client *client, const char *text)
{
    sqlite3_stmt *statement = NULL;
    must(client, sqlite3_prepare_v2(client->database, text, -1, &statement, NULL) == SQLITE_OK);
    return statement;
}

static void step(struct client *client, sqlite3_stmt *statement)
{
    must(client, sqlite3_step(statement) == SQLITE_DONE);
    must(client, sqlite3_reset(statement) == SQLITE_OK);
}

static void *sqlite_open(const char *folder)
{
    char path[4096];
    struct client *client = calloc(1, sizeof(*client));
    mri_harness_must(client == NULL ? MR_ENOMEM : MR_OK, "memory");
    (void)snprintf(path, sizeof(path), "%s/events.db", folder);
    must(client, sqlite3_open(path, &client->database) == SQLITE_OK);
    must(client, sqlite3_busy_timeout(client->database, BUSY_MS) == SQLITE_OK);
    const char *setup = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                        "CREATE TABLE IF NOT EXISTS events (key INTEGER PRIMARY KEY, value BLOB)";
    must(client, sqlite3_exec(client->database, setup, NULL, NULL, NULL) == SQLITE_OK);
    client->insert = prepare(client, "INSERT INTO events VALUES (?, ?)");
    client->begin = prepare(client, "BEGIN IMMEDIATE");
    client->commit = prepare(client, "COMMIT");
    return client;
}

static void sqlite_close(void *of)
{
    struct client *client = of;
    must(client, sqlite3_finalize(client->insert) == SQLITE_OK);
    must(client, sqlite3_finalize(client->begin) == SQLITE_OK);
    must(client, sqlite3_finalize(client->commit) == SQLITE_OK);
    must(client, sqlite3_close(client->database) == SQLITE_OK);
    free(client);
}

static void insert(struct client *client, uint64_t key, const void *value)
{
    must(client, sqlite3_bind_int64(client->insert, 1, (sqlite3_int64)key) == SQLITE_OK);
    must(client, sqlite3_bind_blob(client->insert, 2, value, MRI_PEER_VALUE_BYTES, SQLITE_STATIC) ==
                     SQLITE_OK);
    step(client, client->insert);
}

static void sqlite_append(void *client, uint64_t key, const void *value)
{
    insert(client, key, value);
}

static void sqlite_window(void *of, uint64_t key, const void *values, unsigned count)
{
    struct client *client = of;
    step(client, client->begin);
    for (unsigned i = 0; i < count; i++) {
        insert(client, key + i, (const uint8_t *)values + (size_t)i * MRI_PEER_VALUE_BYTES);
    }
    step(client, client->commit);
}

static void sqlite_start(const char *folder, enum mri_peer_use use)
{
    (void)use;
    sqlite_close(sqlite_open(folder)); /* so that no two processes change the journal at once */
}

static bool sqlite_is_shared(const char *folder)
{
    (void)folder;
    return true;
}

const struct mri_peer mri_peer_sqlite = {
    .name = "sqlite",
    .settings = "SQLite " SQLITE_VERSION ", journal_mode=WAL, synchronous=FULL; windows: one "
                "transaction",
    .start = sqlite_start,
    .is_shared = sqlite_is_shared,
    .open = sqlite_open,
    .close = sqlite_close,
    .append = sqlite_append,
    .window = sqlite_window,
};
