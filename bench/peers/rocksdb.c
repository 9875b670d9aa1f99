/* SPDX-License-Identifier: MIT */
/*
 * RocksDB by its C functions: a synced write for every acknowledgement.
 */
#define _DEFAULT_SOURCE
#include <endian.h>
#include <rocksdb/c.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/harness.h"
#include "bench/peer.h"
#include "millrace/err.h"

struct client {
    rocksdb_t *database;
    rocksdb_options_t *options;
    rocksdb_writeoptions_t *synced;
    rocksdb_writebatch_t *batch;
};

static void must(const char *error)
{
    if (error != NULL) {
        (void)fprintf(stderr, "rocksdb: %s\n", error);
        exit(1);
    }
}

static void *rocksdb_client_open(const char *folder)
{
    char path[4096];
    char *error = NULL;
    struct client *client = calloc(1, sizeof(*client));
    mri_harness_must(client == NULL ? MR_ENOMEM : MR_OK, "memory");
    (void)snprintf(path, sizeof(path), "%s/events", folder);
    client->options = rocksdb_options_create();
    rocksdb_options_set_create_if_missing(client->options, 1);
    client->synced = rocksdb_writeoptions_create();
    rocksdb_writeoptions_set_sync(client->synced, 1);
    client->batch = rocksdb_writebatch_create();
    client->database = rocksdb_open(client->options, path, &error);
    must(error);
    return client;
}

static void rocksdb_client_close(void *of)
{
    struct client *client = of;
    rocksdb_close(client->database);
    rocksdb_writebatch_destroy(client->batch);
    rocksdb_writeoptions_destroy(client->synced);
    rocksdb_options_destroy(client->options);
    free(client);
}

static void rocksdb_append(void *of, uint64_t key, const void *value)
{
    const struct client *client = of;
    char *error = NULL;
    uint64_t in_order = htobe64(key);
    rocksdb_put(client->database, client->synced, (const char *)&in_order, sizeof(in_order), value,
        MRI_PEER_VALUE_BYTES, &error);
    must(error);
}

static void rocksdb_window(void *of, uint64_t key, const void *values, unsigned count)
{
    const struct client *client = of;
    char *error = NULL;
    rocksdb_writebatch_clear(client->batch);
    for (unsigned i = 0; i < count; i++) {
        uint64_t in_order = htobe64(key + i);
        const char *value = (const char *)values + (size_t)i * MRI_PEER_VALUE_BYTES;
        rocksdb_writebatch_put(
            client->batch, (const char *)&in_order, sizeof(in_order), value, MRI_PEER_VALUE_BYTES);
    }
    rocksdb_write(client->database, client->synced, client->batch, &error);
    must(error);
}

const struct mri_peer mri_peer_rocksdb = {
    .name = "rocksdb",
    .settings = "RocksDB, defaults, WriteOptions.sync=true; windows: one WriteBatch",
    .open = rocksdb_client_open,
    .close = rocksdb_client_close,
    .append = rocksdb_append,
    .window = rocksdb_window,
};
