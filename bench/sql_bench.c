/* SPDX-License-Identifier: MIT */
/*
 * SQL over a million signals: groupings and filters of the virtual table, and, as what they are
 * compared with, the same statements over a table of SQLite with the same rows and the indexes that
 * somebody would give it.
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/prng.h"
#include "bench/harness.h"
#include "sql/sql.h"

enum { SIGNALS = 1000000, SYMBOLS = 20, SOURCES = 12, NAMES = 30, REPEATS = 3 };

static struct mri_bus bus;
static struct mri_market market;

/** What is measured: the same text for both, but for the table. */
static const struct {
    const char *name;
    const char *text;
} queries[] = {
    {"sql_group_one", "SELECT state, count(*) FROM %s GROUP BY state"},
    {"sql_group_two", "SELECT symbol, source, count(*) FROM %s GROUP BY symbol, source"},
    {"sql_filter_two", "SELECT count(*) FROM %s WHERE gate = 'cooldown' AND name = 'name-7'"},
    {"sql_filter_index", "SELECT count(*) FROM %s WHERE state = 'approved' AND symbol = 'SYM3'"},
    {"sql_filter_time", "SELECT count(*) FROM %s WHERE event_time_unix_ns BETWEEN "
                        "1700000500000000000 AND 1700000501000000000"},
    {"sql_filter_in", "SELECT count(*) FROM %s WHERE symbol IN ('SYM1', 'SYM2') AND side = 'long' "
                      "AND gate = 'mode'"},
};

static void stop(const char *what)
{
    (void)fprintf(stderr, "sql_bench: %s\n", what);
    exit(1);
}

static void check(mr_err err, const char *what)
{
    if (err != MR_OK) {
        stop(what);
    }
}

/* ---- the signals ----------------------------------------------------------------------------- */

static void name_all(void)
{
    char text[32];
    uint32_t number;
    for (unsigned i = 0; i < SYMBOLS; i++) {
        struct mri_instrument_spec *spec = &market.instruments.specs[i];
        (void)snprintf(spec->symbol, sizeof(spec->symbol), "SYM%u", i);
        market.instruments.count++;
    }
    for (unsigned i = 0; i < SOURCES; i++) {
        (void)snprintf(text, sizeof(text), "source-%u", i);
        check(mri_intern_add(&bus.sources, mri_slice_of(text), &number), "sources");
    }
    for (unsigned i = 0; i < NAMES; i++) {
        (void)snprintf(text, sizeof(text), "name-%u", i);
        check(mri_intern_add(&bus.names, mri_slice_of(text), &number), "names");
    }
}

/** Most signals are learned, as in a log that has run for a while; a few are under way. */
static void make_signals(void)
{
    struct mri_prng prng;
    const struct mri_bus_limits limits = {
        .slots = {.signals_max = SIGNALS, .symbols_max = 64, .sources_max = 96}, .names_max = 64};
    mri_prng_init(&prng, 1);
    check(mri_bus_init(&bus, mri_alloc_system(), &limits, NULL), "a bus");
    check(mri_market_init(&market, mri_alloc_system(), 64), "a market");
    name_all();
    for (uint32_t i = 0; i < SIGNALS; i++) {
        const struct mri_slot slot = {
            .event_time_unix_ns = 1700000000000000000 + (int64_t)i * 1000000,
            .generated_seq = (uint64_t)i * 10 + 1,
            .symbol = (uint32_t)mri_prng_below(&prng, SYMBOLS),
            .source = (uint16_t)(MRI_SOURCE_EXTERNAL_FIRST + mri_prng_below(&prng, SOURCES)),
            .name = (uint16_t)mri_prng_below(&prng, NAMES),
            .side = mri_prng_below(&prng, 2) == 0 ? MR_LONG : MR_SHORT,
        };
        check(mri_slots_create(&bus.slots, &slot), "a signal");
        unsigned kind = (unsigned)mri_prng_below(&prng, 100);
        struct mri_signal_moved move = {.from = MR_GENERATED,
            .to = kind < 2 ? MR_APPROVED : MR_BLOCKED,
            .gate = (uint8_t)(kind < 2 ? 0 : 1 + mri_prng_below(&prng, 7)),
            .reason = MRI_REASON_COOLDOWN};
        mri_slots_move(&bus.slots, i + 1, &move, (uint64_t)i * 10 + 2);
        if (kind >= 10) {
            move = (struct mri_signal_moved){.from = MR_BLOCKED, .to = MR_LEARNED};
            mri_slots_move(&bus.slots, i + 1, &move, (uint64_t)i * 10 + 3);
        }
    }
    bus.last_seq = (uint64_t)SIGNALS * 10;
}

/* ---- both sides ------------------------------------------------------------------------------ */

static uint64_t run_ours(struct mri_sql *sql, const char *text)
{
    struct mri_sql_fault fault;
    uint64_t sum = 0;
    if (mri_sql_ask(sql, mri_slice_of(text), &fault) != MR_OK) {
        stop(fault.problem.text);
    }
    while (mri_sql_step(sql, &fault) == MR_OK) {
        sum += (uint64_t)mri_sql_value(sql, mri_sql_column_count(sql) - 1).integer;
    }
    return sum;
}

static uint64_t run_native(sqlite3 *db, const char *text)
{
    sqlite3_stmt *statement;
    uint64_t sum = 0;
    if (sqlite3_prepare_v2(db, text, -1, &statement, NULL) != SQLITE_OK) {
        stop(sqlite3_errmsg(db));
    }
    while (sqlite3_step(statement) == SQLITE_ROW) {
        sum += (uint64_t)sqlite3_column_int64(statement, sqlite3_column_count(statement) - 1);
    }
    (void)sqlite3_finalize(statement);
    return sum;
}

static void copy_value(sqlite3_stmt *insert, int place, const struct mri_sql_value *value)
{
    if (value->type == MRI_SQL_INTEGER) {
        (void)sqlite3_bind_int64(insert, place, value->integer);
    } else if (value->type == MRI_SQL_TEXT) {
        (void)sqlite3_bind_text(
            insert, place, value->text.bytes, (int)value->text.count, SQLITE_STATIC);
    } else {
        (void)sqlite3_bind_null(insert, place);
    }
}

/** A table in memory with what our table says, and an index on each pair that is asked for. */
static sqlite3 *make_native(struct mri_sql *sql)
{
    sqlite3 *db;
    sqlite3_stmt *insert;
    struct mri_sql_fault fault;
    const char *make = "CREATE TABLE native(ordinal INTEGER PRIMARY KEY, event_time_unix_ns "
                       "INTEGER, symbol TEXT, side TEXT, source TEXT, name TEXT, state TEXT, gate "
                       "TEXT); BEGIN";
    if (sqlite3_open(":memory:", &db) != SQLITE_OK ||
        sqlite3_exec(db, make, NULL, NULL, NULL) != SQLITE_OK ||
        sqlite3_prepare_v2(db, "INSERT INTO native VALUES (?, ?, ?, ?, ?, ?, ?, ?)", -1, &insert,
            NULL) != SQLITE_OK) {
        stop(sqlite3_errmsg(db));
    }
    check(mri_sql_ask(sql,
              mri_slice_of("SELECT ordinal, event_time_unix_ns, symbol, side, source, name, "
                           "state, gate FROM signals"),
              &fault),
        "the rows");
    while (mri_sql_step(sql, &fault) == MR_OK) {
        for (unsigned i = 0; i < 8; i++) {
            const struct mri_sql_value value = mri_sql_value(sql, i);
            copy_value(insert, (int)i + 1, &value);
        }
        (void)sqlite3_step(insert);
        (void)sqlite3_reset(insert);
    }
    (void)sqlite3_finalize(insert);
    if (sqlite3_exec(db, "COMMIT; CREATE INDEX by_state ON native(state, symbol); ANALYZE", NULL,
            NULL, NULL) != SQLITE_OK) {
        stop(sqlite3_errmsg(db));
    }
    return db;
}

/** Best of some: how many signals a second. */
static void measure(struct mri_sql *sql, sqlite3 *native, unsigned query)
{
    char text[512];
    char name[64];
    int64_t best[2] = {INT64_MAX, INT64_MAX};
    uint64_t sums[2] = {0, 0};
    for (unsigned i = 0; i < 2 * REPEATS; i++) {
        bool is_ours = i % 2 == 0;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        (void)snprintf(text, sizeof(text), queries[query].text, is_ours ? "signals" : "native");
#pragma GCC diagnostic pop
        int64_t began = mri_harness_ns();
        sums[i % 2] = is_ours ? run_ours(sql, text) : run_native(native, text);
        int64_t took = mri_harness_ns() - began;
        best[i % 2] = took < best[i % 2] ? took : best[i % 2];
    }
    if (sums[0] != sums[1]) {
        stop("the two do not say the same");
    }
    mri_harness_result(queries[query].name, SIGNALS * 1e9 / (double)best[0]);
    (void)snprintf(name, sizeof(name), "%s_native", queries[query].name);
    mri_harness_result(name, SIGNALS * 1e9 / (double)best[1]);
}

int main(void)
{
    struct mri_sql *sql;
    make_signals();
    const struct mri_sql_options options = {
        .os = mri_os_linux(),
        .alloc = mri_alloc_system(),
        .bus = &bus,
        .market = &market,
        .memory_bytes_max = (size_t)1 << 30,
    };
    check(mri_sql_open(&options, &sql), "SQLite");
    sqlite3 *native = make_native(sql);
    for (unsigned i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
        measure(sql, native, i);
    }
    (void)sqlite3_close(native);
    mri_sql_close(sql);
    mri_market_fini(&market);
    mri_bus_fini(&bus);
    return 0;
}
