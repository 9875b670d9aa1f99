/* SPDX-License-Identifier: MIT */
/*
 * Virtual tables beside tables of SQLite with the same rows.
 */
#include "tests/lib/sql_twin.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "tests/lib/bus_sample.h"
#include "tests/lib/cmocka_all.h"

enum { ANSWER_MAX = 1 << 24, FILE_BYTES = 1 << 23, BATCH_BYTES = 4 << 20 };

static const char folder[] = "/log";

void mri_sql_twin_begin(struct mri_sql_twin *twin, uint32_t drafts_max)
{
    const mr_log_options options = {.is_create = true, .segment_bytes = FILE_BYTES};
    const struct mri_alloc *alloc = mri_alloc_system();
    *twin = (struct mri_sql_twin){.memory = mri_os_memory_new(FILE_BYTES)};
    mri_os_faults_init(&twin->machine, mri_os_memory_table(twin->memory));
    assert_int_equal(
        mri_log_open(&twin->machine.table, alloc, folder, &options, &twin->log, NULL), MR_OK);
    assert_int_equal(mri_bus_init(&twin->bus, alloc, &mri_bus_sample_limits, twin->log), MR_OK);
    assert_int_equal(mri_batch_init(&twin->batch, alloc, drafts_max, BATCH_BYTES), MR_OK);
    assert_int_equal(mri_market_init(&twin->market, alloc, MRI_BUS_SAMPLE_SYMBOLS), MR_OK);
    for (unsigned i = 0; i < MRI_BUS_SAMPLE_SYMBOLS; i++) {
        struct mri_instrument_spec *spec = &twin->market.instruments.specs[i];
        (void)snprintf(spec->symbol, sizeof(spec->symbol), "%s%u", i % 2 == 0 ? "SYM" : "4", i);
        twin->market.instruments.count++;
    }
}

void mri_sql_twin_open(struct mri_sql_twin *twin)
{
    const struct mri_sql_options options = {
        .os = &twin->machine.table,
        .alloc = mri_alloc_system(),
        .bus = &twin->bus,
        .market = &twin->market,
        .folder = folder,
        .first_seq = 1,
        .memory_bytes_max = (size_t)256 << 20,
    };
    assert_int_equal(mri_sql_open(&options, &twin->sql), MR_OK);
    assert_int_equal(sqlite3_open(":memory:", &twin->native), SQLITE_OK);
}

int mri_sql_twin_end(struct mri_sql_twin *twin)
{
    mri_sql_close(twin->sql);
    (void)sqlite3_close(twin->native);
    mri_market_fini(&twin->market);
    mri_batch_fini(&twin->batch);
    mri_bus_fini(&twin->bus);
    mr_log_close(twin->log);
    size_t open_count = mri_os_memory_open_count(twin->memory);
    mri_os_memory_free(twin->memory);
    return open_count == 0 ? 0 : 1;
}

void mri_sql_twin_ask(struct mri_sql_twin *twin, const char *text)
{
    struct mri_sql_fault fault;
    mr_err err = mri_sql_ask(twin->sql, mri_slice_of(text), &fault);
    if (err != MR_OK) {
        fail_msg("%s: %s", text, fault.problem.text);
    }
}

mr_err mri_sql_twin_step(struct mri_sql_twin *twin, const char *text)
{
    struct mri_sql_fault fault;
    mr_err err = mri_sql_step(twin->sql, &fault);
    if (err != MR_OK && err != MR_END) {
        fail_msg("%s: %s", text, fault.problem.text);
    }
    return err;
}

void mri_sql_twin_run(struct mri_sql_twin *twin, const char *text)
{
    if (sqlite3_exec(twin->native, text, NULL, NULL, NULL) != SQLITE_OK) {
        fail_msg("%s: %s", text, sqlite3_errmsg(twin->native));
    }
}

static unsigned make_table(struct mri_sql_twin *twin, const char *table)
{
    char text[4096];
    unsigned columns = 0;
    (void)snprintf(text, sizeof(text), "PRAGMA table_info(%s)", table);
    mri_sql_twin_ask(twin, text);
    int bytes = snprintf(text, sizeof(text), "CREATE TABLE %s(", table);
    while (mri_sql_twin_step(twin, text) == MR_OK) {
        bytes += snprintf(text + bytes, sizeof(text) - (size_t)bytes, "%s\"%.*s\" %.*s",
            columns == 0 ? "" : ", ", (int)mri_sql_value(twin->sql, 1).text.count,
            mri_sql_value(twin->sql, 1).text.bytes, (int)mri_sql_value(twin->sql, 2).text.count,
            mri_sql_value(twin->sql, 2).text.bytes);
        columns++;
    }
    (void)snprintf(text + bytes, sizeof(text) - (size_t)bytes, ")");
    mri_sql_twin_run(twin, text);
    return columns;
}

static void bind(sqlite3_stmt *insert, int place, const struct mri_sql_value *value)
{
    switch (value->type) {
    case MRI_SQL_INTEGER:
        (void)sqlite3_bind_int64(insert, place, value->integer);
        break;
    case MRI_SQL_REAL:
        (void)sqlite3_bind_double(insert, place, value->real);
        break;
    case MRI_SQL_TEXT:
        (void)sqlite3_bind_text(
            insert, place, value->text.bytes, (int)value->text.count, SQLITE_TRANSIENT);
        break;
    default:
        (void)sqlite3_bind_null(insert, place);
        break;
    }
}

void mri_sql_twin_copy(struct mri_sql_twin *twin, const char *table)
{
    char text[512];
    sqlite3_stmt *insert;
    unsigned columns = make_table(twin, table);
    int bytes = snprintf(text, sizeof(text), "INSERT INTO %s VALUES (?", table);
    for (unsigned i = 1; i < columns; i++) {
        bytes += snprintf(text + bytes, sizeof(text) - (size_t)bytes, ", ?");
    }
    (void)snprintf(text + bytes, sizeof(text) - (size_t)bytes, ")");
    assert_int_equal(sqlite3_prepare_v2(twin->native, text, -1, &insert, NULL), SQLITE_OK);
    (void)snprintf(text, sizeof(text), "SELECT * FROM %s", table);
    mri_sql_twin_ask(twin, text);
    while (mri_sql_twin_step(twin, text) == MR_OK) {
        for (unsigned i = 0; i < columns; i++) {
            const struct mri_sql_value value = mri_sql_value(twin->sql, i);
            bind(insert, (int)i + 1, &value);
        }
        assert_int_equal(sqlite3_step(insert), SQLITE_DONE);
        (void)sqlite3_reset(insert);
    }
    (void)sqlite3_finalize(insert);
}

/* ---- comparing ------------------------------------------------------------------------------- */

static void put(struct mri_buf *answer, const char *bytes, size_t count)
{
    mri_buf_put(answer, bytes, count);
    mri_buf_text(answer, "|");
}

static void answer_of_ours(struct mri_sql_twin *twin, const char *text, struct mri_buf *answer)
{
    mri_sql_twin_ask(twin, text);
    while (mri_sql_twin_step(twin, text) == MR_OK) {
        for (unsigned i = 0; i < mri_sql_column_count(twin->sql); i++) {
            const struct mri_sql_value value = mri_sql_value(twin->sql, i);
            char digits[64] = "NULL";
            if (value.type == MRI_SQL_INTEGER) {
                (void)snprintf(digits, sizeof(digits), "%lld", (long long)value.integer);
            } else if (value.type == MRI_SQL_REAL) {
                (void)snprintf(digits, sizeof(digits), "%.17g", value.real);
            }
            bool is_text = value.type == MRI_SQL_TEXT || value.type == MRI_SQL_BLOB;
            put(answer, is_text ? value.text.bytes : digits,
                is_text ? value.text.count : strlen(digits));
        }
        mri_buf_text(answer, "\n");
    }
}

static void answer_of_native(struct mri_sql_twin *twin, const char *text, struct mri_buf *answer)
{
    sqlite3_stmt *statement;
    if (sqlite3_prepare_v2(twin->native, text, -1, &statement, NULL) != SQLITE_OK) {
        fail_msg("%s: %s", text, sqlite3_errmsg(twin->native));
    }
    while (sqlite3_step(statement) == SQLITE_ROW) {
        for (int i = 0; i < sqlite3_column_count(statement); i++) {
            char digits[64] = "NULL";
            int type = sqlite3_column_type(statement, i);
            if (type == SQLITE_FLOAT) {
                (void)snprintf(
                    digits, sizeof(digits), "%.17g", sqlite3_column_double(statement, i));
            } else if (type != SQLITE_NULL) {
                put(answer, (const char *)sqlite3_column_text(statement, i),
                    (size_t)sqlite3_column_bytes(statement, i));
                continue;
            }
            put(answer, digits, strlen(digits));
        }
        mri_buf_text(answer, "\n");
    }
    (void)sqlite3_finalize(statement);
}

/** The same statement, both answers; says how many bytes there were. */
size_t mri_sql_twin_compare(struct mri_sql_twin *twin, const char *text)
{
    struct mri_buf ours;
    struct mri_buf theirs;
    mri_buf_init(&ours, mri_alloc_system(), ANSWER_MAX);
    mri_buf_init(&theirs, mri_alloc_system(), ANSWER_MAX);
    answer_of_ours(twin, text, &ours);
    answer_of_native(twin, text, &theirs);
    if (strcmp(mri_buf_c_text(&ours), mri_buf_c_text(&theirs)) != 0) {
        fail_msg("%s\nours:\n%.300s\ntwin:\n%.300s", text, mri_buf_c_text(&ours),
            mri_buf_c_text(&theirs));
    }
    size_t count = ours.count;
    mri_buf_fini(&ours);
    mri_buf_fini(&theirs);
    return count;
}

/** The plan that EXPLAIN QUERY PLAN shows must have this in it. */
void mri_sql_twin_expect_plan(struct mri_sql_twin *twin, const char *query, const char *part)
{
    char text[512];
    bool is_found = false;
    (void)snprintf(text, sizeof(text), "EXPLAIN QUERY PLAN %s", query);
    mri_sql_twin_ask(twin, text);
    while (mri_sql_twin_step(twin, text) == MR_OK) {
        struct mri_slice detail = mri_sql_value(twin->sql, 3).text;
        char line[512];
        (void)snprintf(line, sizeof(line), "%.*s", (int)detail.count, detail.bytes);
        is_found |= strstr(line, part) != NULL;
        assert_null(strstr(line, "TEMP B-TREE FOR GROUP BY"));
        assert_null(strstr(line, "TEMP B-TREE FOR ORDER BY"));
    }
    if (!is_found) {
        fail_msg("%s: no \"%s\" in the plan", query, part);
    }
}
