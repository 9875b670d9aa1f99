/* SPDX-License-Identifier: MIT */
/*
 * Tests of the connection: what is refused, what ends a query, what an empty bus answers.
 */
#include "sql/sql.h"

#include <stdio.h>
#include <string.h>

#include "tests/lib/bus_sample.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/failing_alloc.h"
#include "tests/lib/os_faults.h"
#include "tests/lib/os_memory.h"

static struct mri_os_memory *memory;
static struct mri_os_faults machine;
static struct mri_bus bus;
static struct mri_market market;
static struct mri_sql *sql;
static bool is_stop_wished;

static bool is_stopped(void *context)
{
    (void)context;
    return is_stop_wished;
}

static struct mri_sql_options options_of(void)
{
    return (struct mri_sql_options){
        .os = &machine.table,
        .alloc = mri_alloc_system(),
        .bus = &bus,
        .market = &market,
        .timeout_ns = 1000000000,
        .memory_bytes_max = (size_t)64 << 20,
        .is_stopped = is_stopped,
    };
}

static int set_up(void **fixture)
{
    (void)fixture;
    memory = mri_os_memory_new(1 << 16);
    mri_os_faults_init(&machine, mri_os_memory_table(memory));
    machine.has_clock = true;
    machine.boottime_ns = 1;
    is_stop_wished = false;
    assert_int_equal(mri_bus_init(&bus, mri_alloc_system(), &mri_bus_sample_limits, NULL), MR_OK);
    assert_int_equal(mri_market_init(&market, mri_alloc_system(), 4), MR_OK);
    const struct mri_sql_options options = options_of();
    return mri_sql_open(&options, &sql) == MR_OK ? 0 : 1;
}

static int tear_down(void **fixture)
{
    (void)fixture;
    mri_sql_close(sql);
    mri_market_fini(&market);
    mri_bus_fini(&bus);
    mri_os_memory_free(memory);
    return 0;
}

static void what_does_not_only_read_is_refused(void **fixture)
{
    (void)fixture;
    static const char *const texts[] = {"ATTACH 'x' AS x", "DETACH main", "VACUUM",
        "VACUUM INTO 'x'", "CREATE TABLE x(a)", "CREATE TEMP TABLE x(a)",
        "CREATE TABLE x AS SELECT 1", "CREATE VIEW x AS SELECT 1", "CREATE TEMP VIEW x AS SELECT 1",
        "CREATE VIRTUAL TABLE x USING fts5(a)", "CREATE VIRTUAL TABLE temp.x USING rtree(a, b, c)",
        "CREATE TRIGGER x AFTER INSERT ON signals BEGIN SELECT 1; END", "DROP TABLE signals",
        "INSERT INTO signals(ordinal) VALUES (1)", "UPDATE signals SET state = 'x'",
        "DELETE FROM signals", "REPLACE INTO sqlite_master VALUES (1, 2, 3, 4, 5)",
        "UPDATE sqlite_master SET type = 'x'", "BEGIN", "BEGIN IMMEDIATE", "COMMIT", "ROLLBACK",
        "SAVEPOINT x", "RELEASE x", "ANALYZE", "REINDEX", "PRAGMA journal_mode = WAL",
        "PRAGMA hard_heap_limit = 1", "PRAGMA temp_store_directory = 'x'",
        "PRAGMA writable_schema = 1", "PRAGMA trusted_schema = 1", "PRAGMA database_list(1)",
        "PRAGMA mmap_size = 5", "PRAGMA query_only", "SELECT load_extension('x')",
        "SELECT fts3_tokenizer('x')", "SELECT * FROM pragma_journal_mode('wal')",
        "ALTER TABLE signals RENAME TO x", "SELECT 1; DROP TABLE signals", "", "  -- nothing", ";"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct mri_sql_fault fault;
        mr_err err = mri_sql_ask(sql, mri_slice_of(texts[i]), &fault);
        if (err == MR_OK) { /* a PRAGMA inside is prepared with the first row */
            err = mri_sql_step(sql, &fault);
        }
        if (err != MR_REFUSED) {
            fail_msg("%s: %s", texts[i], mr_err_text(err));
        }
        assert_true(fault.problem.text[0] != '\0');
    }
}

static void a_text_that_is_no_query_is_refused(void **fixture)
{
    (void)fixture;
    struct mri_sql_fault fault;
    const struct mri_slice broken = {"SELECT '\xff'", 10};
    const struct mri_slice cut = {"SELECT 1\0 garbage", 17};
    assert_int_equal(mri_sql_ask(sql, broken, &fault), MR_REFUSED);
    assert_int_equal(mri_sql_ask(sql, cut, &fault), MR_REFUSED);
    assert_int_equal(
        mri_sql_ask(sql, mri_slice_of("SELECT nosuch FROM signals"), &fault), MR_REFUSED);
    assert_true(fault.has_place);
    assert_int_equal(fault.place, 7);
    assert_int_equal(mri_sql_ask(sql, mri_slice_of("SELECT 1;  SELECT 2"), &fault), MR_REFUSED);
    assert_int_equal(fault.place, 11);
    assert_int_equal(mri_sql_ask(sql, mri_slice_of("SELECT 1; -- and no more"), &fault), MR_OK);
}

static const char endless[] =
    "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c";

/** Told of no call: the clock moves with each look at it. */
static int64_t later(void *context)
{
    (void)context;
    return machine.boottime_ns += 1000000;
}

static void a_query_ends_when_its_time_is_over(void **fixture)
{
    (void)fixture;
    struct mri_sql_fault fault;
    machine.table.boottime_ns = later;
    assert_int_equal(mri_sql_ask(sql, mri_slice_of(endless), &fault), MR_OK);
    assert_int_equal(mri_sql_step(sql, &fault), MR_ELIMIT);
    assert_non_null(strstr(fault.problem.text, "longer than its 1 s"));
    assert_int_equal(mri_sql_ask(sql, mri_slice_of("SELECT 1"), &fault), MR_OK);
    assert_int_equal(mri_sql_step(sql, &fault), MR_OK); /* the next one has its own time */
}

static void a_query_ends_when_somebody_interrupts(void **fixture)
{
    (void)fixture;
    struct mri_sql_fault fault;
    assert_int_equal(mri_sql_ask(sql, mri_slice_of(endless), &fault), MR_OK);
    is_stop_wished = true;
    assert_int_equal(mri_sql_step(sql, &fault), MR_AGAIN);
}

static void a_query_ends_when_its_memory_is_over(void **fixture)
{
    (void)fixture;
    struct mri_sql_fault fault;
    const char *greedy =
        "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 100) "
        "SELECT randomblob(4000000) FROM c ORDER BY 1";
    assert_int_equal(mri_sql_ask(sql, mri_slice_of(greedy), &fault), MR_OK);
    assert_int_equal(mri_sql_step(sql, &fault), MR_ELIMIT);
    assert_non_null(strstr(fault.problem.text, "64 MiB"));
    assert_int_equal(mri_sql_ask(sql, mri_slice_of("SELECT zeroblob(20000000)"), &fault), MR_OK);
    assert_int_equal(mri_sql_step(sql, &fault), MR_ELIMIT); /* longer than a value may be */
}

/** Values are memory, too: made at once, or grown row by row. */
static void a_query_ends_when_a_value_is_too_long(void **fixture)
{
    (void)fixture;
    static const char *const texts[] = {
        "WITH RECURSIVE n(x) AS (VALUES(1) UNION ALL SELECT x + 1 FROM n WHERE x < 1000) "
        "SELECT length(group_concat(randomblob(100000))) FROM n",
        "SELECT length(group_concat(hex(randomblob(90000)), '')) FROM json_each('[' || "
        "rtrim(replace(hex(zeroblob(900)), '0', '1,'), ',') || ']')",
        "SELECT length(randomblob(40000000))",
        "SELECT length(replace(hex(zeroblob(4000000)), '0', 'aaaaaaaa'))",
        "SELECT group_concat(randomblob(300000)) OVER (ROWS UNBOUNDED PRECEDING) FROM "
        "(WITH RECURSIVE n(x) AS (VALUES(1) UNION ALL SELECT x + 1 FROM n WHERE x < 1000) SELECT x "
        "FROM n)",
    };
    static const size_t mebibytes[] = {8, 64};
    for (size_t k = 0; k < MRI_COUNT_OF(mebibytes); k++) {
        struct mri_sql_options options = options_of();
        struct mri_sql *opened;
        options.memory_bytes_max = mebibytes[k] << 20;
        assert_int_equal(mri_sql_open(&options, &opened), MR_OK);
        for (size_t i = 0; i < MRI_COUNT_OF(texts); i++) {
            struct mri_sql_fault fault;
            mr_err err = mri_sql_ask(opened, mri_slice_of(texts[i]), &fault);
            while (err == MR_OK) {
                err = mri_sql_step(opened, &fault);
            }
            assert_int_equal(err, MR_ELIMIT);
            assert_non_null(strstr(fault.problem.text, "MiB"));
            mri_sql_forget(opened);
        }
        mri_sql_close(opened);
    }
}

static void an_empty_bus_answers_with_no_rows(void **fixture)
{
    (void)fixture;
    static const char *const texts[] = {"SELECT * FROM signals",
        "SELECT state, count(*) FROM signals GROUP BY state", "SELECT * FROM health",
        "SELECT DISTINCT gate FROM signals WHERE symbol = 'x' ORDER BY 1",
        "SELECT * FROM signals WHERE ordinal = 1 OR state = 'learned'"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct mri_sql_fault fault;
        assert_int_equal(mri_sql_ask(sql, mri_slice_of(texts[i]), &fault), MR_OK);
        assert_int_equal(mri_sql_step(sql, &fault), MR_END);
    }
}

static void every_allocation_that_fails_at_open_is_told(void **fixture)
{
    (void)fixture;
    struct failing_alloc failing;
    struct mri_sql *opened = NULL;
    mr_err err = MR_ENOMEM;
    for (unsigned k = 1; err != MR_OK; k++) {
        failing_alloc_init(&failing, k);
        struct mri_sql_options options = options_of();
        options.alloc = &failing.alloc;
        err = mri_sql_open(&options, &opened);
        assert_true(err == MR_OK || err == MR_ENOMEM);
        mri_sql_close(err == MR_OK ? opened : NULL);
        assert_int_equal(failing.live_bytes, 0);
        assert_true(k < 100);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_does_not_only_read_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_text_that_is_no_query_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_query_ends_when_its_time_is_over, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_query_ends_when_somebody_interrupts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_query_ends_when_its_memory_is_over, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_query_ends_when_a_value_is_too_long, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_empty_bus_answers_with_no_rows, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            every_allocation_that_fails_at_open_is_told, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
