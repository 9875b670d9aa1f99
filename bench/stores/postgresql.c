/* SPDX-License-Identifier: MIT */
/*
 * PostgreSQL, started as for the other benchmarks: a table with a key and two indexes, prepared
 * statements, commits that do not wait for the disk.
 */
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/harness.h"
#include "bench/peer.h"
#include "bench/store.h"
#include "millrace/err.h"

static PGconn *connection;

static PGresult *must(PGresult *result, ExecStatusType wanted)
{
    if (PQresultStatus(result) != wanted) {
        (void)fprintf(stderr, "postgresql: %s\n", PQerrorMessage(connection));
        exit(1);
    }
    return result;
}

static void run(const char *text)
{
    PQclear(must(PQexec(connection, text), PGRES_COMMAND_OK));
}

static void prepare(const char *name, const char *text)
{
    PQclear(must(PQprepare(connection, name, text, 0, NULL), PGRES_COMMAND_OK));
}

static PGresult *ask(const char *name, const char *const *values, int count, ExecStatusType wanted)
{
    return must(PQexecPrepared(connection, name, count, values, NULL, NULL, 0), wanted);
}

static void postgresql_start(const char *folder)
{
    char text[4352];
    mri_peer_find("postgresql")->start(folder, MRI_PEER_DURABLE);
    (void)snprintf(text, sizeof(text), "host=%s/sockets dbname=postgres user=bench", folder);
    connection = PQconnectdb(text);
    mri_harness_must(PQstatus(connection) == CONNECTION_OK ? MR_OK : MR_EIO, "postgresql");
    run("SET client_min_messages = warning");
    run("SET synchronous_commit = off");
    run("CREATE TABLE signals (id bigint PRIMARY KEY, symbol text, source text, side text,"
        " confidence double precision, state text, gate text, reason text, data text)");
    run("CREATE INDEX by_symbol ON signals (symbol, state, id)");
    run("CREATE INDEX by_state ON signals (state)");
    prepare("emit", "INSERT INTO signals VALUES ($1::bigint, $2, $3, $4, $5::double precision,"
                    " 'generated', NULL, NULL, $6)");
    prepare("move", "UPDATE signals SET state = $1, gate = $2, reason = $3"
                    " WHERE id = $4::bigint AND state = $5");
    prepare("get", "SELECT symbol, state, source, side, confidence, gate, reason FROM signals"
                   " WHERE id = $1::bigint");
    prepare("latest", "SELECT id FROM signals WHERE symbol = $1 AND state = $2"
                      " ORDER BY id DESC LIMIT 100");
    prepare("counts", "SELECT state, count(*) FROM signals GROUP BY state");
}

static void postgresql_stop(void)
{
    PQfinish(connection);
    mri_peer_find("postgresql")->stop();
}

static void postgresql_emit(const struct mri_store_signal *signal)
{
    char ordinal[16];
    char confidence[32];
    (void)snprintf(ordinal, sizeof(ordinal), "%u", signal->ordinal);
    (void)snprintf(confidence, sizeof(confidence), "%.9g", signal->confidence);
    const char *const values[] = {ordinal, signal->symbol_text, signal->source,
        signal->side == MR_LONG ? "long" : "short", confidence, signal->data};
    PQclear(ask("emit", values, 6, PGRES_COMMAND_OK));
}

static void postgresql_move(const mr_move *move)
{
    char ordinal[16];
    (void)snprintf(ordinal, sizeof(ordinal), "%u", move->ordinal.n);
    const char *const values[] = {
        mr_state_text(move->to), move->gate, move->reason, ordinal, mr_state_text(move->from)};
    PGresult *result = ask("move", values, 5, PGRES_COMMAND_OK);
    mri_harness_must(strtol(PQcmdTuples(result), NULL, 10) == 1 ? MR_OK : MR_CONFLICT, "move");
    PQclear(result);
}

static void postgresql_settle(void)
{
    run("VACUUM ANALYZE signals");
}

static struct mri_store_found postgresql_get(uint32_t ordinal)
{
    char text[16];
    (void)snprintf(text, sizeof(text), "%u", ordinal);
    const char *const values[] = {text};
    PGresult *result = ask("get", values, 1, PGRES_TUPLES_OK);
    mri_harness_must(PQntuples(result) == 1 ? MR_OK : MR_NOT_FOUND, "get");
    struct mri_store_found found = {.state = mri_store_state(PQgetvalue(result, 0, 1)),
        .symbol = mri_store_symbol(PQgetvalue(result, 0, 0))};
    PQclear(result);
    return found;
}

static uint32_t postgresql_latest(struct mri_workload_question question, uint32_t *ordinals)
{
    char symbol[MRI_WORKLOAD_SYMBOL_BYTES];
    mri_workload_symbol_text(question.symbol, symbol);
    const char *const values[] = {symbol, mr_state_text(question.state)};
    PGresult *result = ask("latest", values, 2, PGRES_TUPLES_OK);
    int count = PQntuples(result);
    for (int i = 0; i < count && i < MRI_WORKLOAD_LATEST; i++) {
        ordinals[i] = (uint32_t)strtoul(PQgetvalue(result, i, 0), NULL, 10);
    }
    PQclear(result);
    return (uint32_t)count;
}

static void postgresql_counts(uint64_t ret_counts[MR_STATE_COUNT])
{
    PGresult *result = ask("counts", NULL, 0, PGRES_TUPLES_OK);
    for (int i = 0; i < PQntuples(result); i++) {
        ret_counts[mri_store_state(PQgetvalue(result, i, 0))] =
            strtoull(PQgetvalue(result, i, 1), NULL, 10);
    }
    PQclear(result);
}

const struct mri_store mri_store_postgresql = {
    .name = "postgresql",
    .settings = MRI_POSTGRESQL_VERSION
    ", Unix socket, fsync=on, synchronous_commit=off, prepared statements, a transaction a call; "
    "indexes (symbol, state, id) and (state), VACUUM ANALYZE before asking; a move changes the "
    "row, no history",
    .start = postgresql_start,
    .stop = postgresql_stop,
    .emit = postgresql_emit,
    .move = postgresql_move,
    .settle = postgresql_settle,
    .get = postgresql_get,
    .latest = postgresql_latest,
    .counts = postgresql_counts,
};
