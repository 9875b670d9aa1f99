/* SPDX-License-Identifier: MIT */
/*
 * LMDB: one unnamed database, a transaction for every acknowledgement, synced as by default.
 */
#define _DEFAULT_SOURCE
#include <endian.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/harness.h"
#include "bench/peer.h"
#include "millrace/err.h"

#define MAP_BYTES ((size_t)8 * 1024 * 1024 * 1024)

enum { READERS = 256 };

struct client {
    MDB_env *environment;
    MDB_dbi database;
};

static void must(int result)
{
    if (result != MDB_SUCCESS) {
        (void)fprintf(stderr, "lmdb: %s\n", mdb_strerror(result));
        exit(1);
    }
}

static void *lmdb_open(const char *folder)
{
    struct client *client = calloc(1, sizeof(*client));
    MDB_txn *transaction;
    mri_harness_must(client == NULL ? MR_ENOMEM : MR_OK, "memory");
    must(mdb_env_create(&client->environment));
    must(mdb_env_set_mapsize(client->environment, MAP_BYTES));
    must(mdb_env_set_maxreaders(client->environment, READERS));
    must(mdb_env_open(client->environment, folder, 0, 0600));
    must(mdb_txn_begin(client->environment, NULL, 0, &transaction));
    must(mdb_dbi_open(transaction, NULL, 0, &client->database));
    must(mdb_txn_commit(transaction));
    return client;
}

static void lmdb_close(void *of)
{
    struct client *client = of;
    mdb_env_close(client->environment);
    free(client);
}

static void lmdb_window(void *of, uint64_t key, const void *values, unsigned count)
{
    const struct client *client = of;
    MDB_txn *transaction;
    must(mdb_txn_begin(client->environment, NULL, 0, &transaction));
    for (unsigned i = 0; i < count; i++) {
        uint64_t in_order = htobe64(key + i);
        MDB_val name = {.mv_size = sizeof(in_order), .mv_data = &in_order};
        MDB_val data = {.mv_size = MRI_PEER_VALUE_BYTES,
            .mv_data = (uint8_t *)(uintptr_t)values + (size_t)i * MRI_PEER_VALUE_BYTES};
        must(mdb_put(transaction, client->database, &name, &data, 0));
    }
    must(mdb_txn_commit(transaction));
}

static void lmdb_append(void *client, uint64_t key, const void *value)
{
    lmdb_window(client, key, value, 1);
}

static bool lmdb_is_shared(const char *folder)
{
    (void)folder;
    return true;
}

const struct mri_peer mri_peer_lmdb = {
    .name = "lmdb",
    .settings = MDB_VERSION_STRING ", default sync; windows: one transaction",
    .is_shared = lmdb_is_shared,
    .open = lmdb_open,
    .close = lmdb_close,
    .append = lmdb_append,
    .window = lmdb_window,
};
