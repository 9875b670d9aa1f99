/* SPDX-License-Identifier: MIT */
/*
 * Tables of events of many kinds, and signals whose times are in order, against tables of SQLite
 * with the same rows: any column compared with values that occur and with ones that do not, in any
 * order, from anywhere on.
 */
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "sql/sql.h"
#include "tests/lib/bus_sample.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/event_sample.h"
#include "tests/lib/sql_twin.h"

enum { BATCH_MAX = 40, BATCHES = 40, STATEMENTS = 2000, ORDERS = 9, COLUMNS_MAX = 64 };

static struct mri_prng prng;
static struct mri_sql_twin twin;
static struct mri_event_sample sample;

static const uint16_t facts[] = {MRI_EVENT_CANDLE, MRI_EVENT_CANDLE, MRI_EVENT_QUOTE,
    MRI_EVENT_OUTCOME, MRI_EVENT_OUTCOME, MRI_EVENT_DECISION, MRI_EVENT_FEEDBACK,
    MRI_EVENT_PREDICTION, MRI_EVENT_ALERT, MRI_EVENT_ORDER_SENT, MRI_EVENT_ORDER_FILLED,
    MRI_EVENT_ORDER_REJECTED, MRI_EVENT_POSITION_OPENED, MRI_EVENT_POSITION_CLOSED};

static struct {
    const char *name;
    unsigned rows;
    unsigned column_count;
    char columns[COLUMNS_MAX][40];
} tables[] = {{.name = "events"}, {.name = "moves"}, {.name = "emissions"}, {.name = "prices"},
    {.name = "outcomes"}, {.name = "decisions"}, {.name = "gates"}, {.name = "feedback"},
    {.name = "orders"}, {.name = "positions"}, {.name = "alerts"}, {.name = "quotes"},
    {.name = "prediction_forecasts"}, {.name = "order_reports"}, {.name = "signals"}};

/* ---- a log ----------------------------------------------------------------------------------- */

static void emit(void)
{
    struct mri_signal_generated fixed = {
        /* In the order of the ordinals, some at the same time. */
        .event_time_unix_ns =
            1700000000000000000 + (int64_t)(twin.batch.next_ordinal / 3) * 700000000,
        .confidence = (double)mri_prng_below(&prng, 5) / 4.0,
        .symbol = (uint32_t)mri_prng_below(&prng, MRI_BUS_SAMPLE_SYMBOLS),
        .side = mri_prng_below(&prng, 2) == 0 ? MR_LONG : MR_SHORT,
        .regime = MRI_REGIME_ABSENT,
    };
    char source[20];
    (void)snprintf(source, sizeof(source), "source-%u", (unsigned)mri_prng_below(&prng, 4));
    struct mri_draft draft = {.type = MRI_EVENT_SIGNAL_GENERATED, .fixed = &fixed};
    draft.texts[MRI_TEXT_signal_generated_source] = mri_slice_of(source);
    draft.texts[MRI_TEXT_signal_generated_name] = mri_slice_of("name-1");
    assert_int_equal(mri_batch_add(&twin.batch, &draft, twin.batch.next_ordinal), MR_OK);
}

/** Numbers that meet one another, where the sample's never would. */
static void tame(const struct mri_event_kind *kind)
{
    uint8_t *at = sample.fixed;
    for (unsigned i = 0; i < kind->field_count; i++) {
        enum mri_field_kind field = kind->fields[i].kind;
        uint64_t value = mri_prng_below(&prng, 6);
        double number = (double)value / 2.0 - 1.0;
        bool is_short = field == MRI_FIELD_symbol || field == MRI_FIELD_instrument ||
                        field == MRI_FIELD_time || field == MRI_FIELD_price ||
                        field == MRI_FIELD_quantity || field == MRI_FIELD_money;
        if (field == MRI_FIELD_number) {
            memcpy(&value, &number, sizeof(value));
        }
        if ((is_short || field == MRI_FIELD_number) && mri_prng_below(&prng, 20) != 0) {
            memcpy(at, &value, mri_field_bytes(field));
        }
        at += mri_field_bytes(field);
    }
}

static void say_something(uint32_t known)
{
    const struct mri_event_kind *kind =
        mri_event_kind(facts[mri_prng_below(&prng, MRI_COUNT_OF(facts))]);
    mri_event_sample_make(&sample, kind, mri_batch_next_seq(&twin.batch), &prng);
    tame(kind);
    bool is_of_signal = known > 0 && kind->type != MRI_EVENT_CANDLE &&
                        kind->type != MRI_EVENT_QUOTE && mri_prng_below(&prng, 4) != 0;
    uint32_t ordinal = is_of_signal ? 1 + (uint32_t)mri_prng_below(&prng, known) : 0;
    assert_int_equal(mri_batch_add(&twin.batch, &sample.draft, ordinal), MR_OK);
}

static void append_some(void)
{
    mr_log_ack ack;
    uint8_t is_moved[BATCH_MAX * BATCHES + 1] = {0};
    mri_bus_begin(&twin.bus, &twin.batch);
    while (twin.batch.count < BATCH_MAX - 1) {
        uint32_t known = twin.bus.slots.count;
        uint64_t what = mri_prng_below(&prng, 10);
        if (what < 2 || known == 0) {
            emit();
            continue;
        }
        uint32_t ordinal = 1 + (uint32_t)mri_prng_below(&prng, known);
        unsigned from = mri_slots_get(&twin.bus.slots, ordinal)->state;
        unsigned to = mri_bus_sample_next_state(&prng, from);
        if (what < 5 && to < MR_STATE_COUNT && is_moved[ordinal] == 0) {
            is_moved[ordinal] = 1;
            assert_int_equal(mri_bus_sample_move(&twin.batch, &prng, ordinal, from, to), MR_OK);
        } else {
            say_something(known);
        }
    }
    assert_int_equal(mri_bus_append(&twin.bus, &twin.batch, MR_ASYNC, &ack, NULL), MR_OK);
}

static void append_order(const struct mri_draft *draft, uint32_t ordinal, uint64_t *ret_seq)
{
    mr_log_ack ack;
    mri_bus_begin(&twin.bus, &twin.batch);
    *ret_seq = mri_batch_next_seq(&twin.batch);
    assert_int_equal(mri_batch_add(&twin.batch, draft, ordinal), MR_OK);
    assert_int_equal(mri_bus_append(&twin.bus, &twin.batch, MR_ASYNC, &ack, NULL), MR_OK);
}

/** Orders that executors outside were given: of signal n, n attempts of a leg, each rejected but
 * the last. */
static void append_orders(void)
{
    for (uint32_t ordinal = 1; ordinal <= ORDERS; ordinal++) {
        uint64_t intent_seq;
        uint64_t report_seq;
        for (uint32_t attempt = 0; attempt < ordinal; attempt++) {
            const struct mri_order_intent intent = {.quantity = 5,
                .reference_price = 7,
                .side = MR_LONG,
                .leg = MRI_LEG_STOP,
                .venue_mode = MRI_VENUE_EXTERNAL};
            append_order(&(struct mri_draft){.type = MRI_EVENT_ORDER_INTENT, .fixed = &intent},
                ordinal, &intent_seq);
            const struct mri_order_report report = {.intent = intent_seq,
                .event_time_unix_ns = 1,
                .side = MR_LONG,
                .leg = MRI_LEG_STOP,
                .status = attempt + 1 < ordinal ? MRI_REPORT_REJECTED : MRI_REPORT_ACCEPTED};
            append_order(&(struct mri_draft){.type = MRI_EVENT_ORDER_REPORT, .fixed = &report},
                ordinal, &report_seq);
        }
    }
}

static void make_log(void)
{
    mri_prng_init(&prng, 19);
    mri_sql_twin_begin(&twin, BATCH_MAX);
    for (unsigned i = 0; i < MRI_BUS_SAMPLE_SYMBOLS; i++) {
        struct mri_instrument_spec *spec = &twin.market.instruments.specs[i];
        spec->price_decimals = (uint8_t)(i % 4);
        spec->quantity_decimals = (uint8_t)(i % 3);
    }
    for (int i = 0; i < BATCHES; i++) {
        append_some();
    }
    append_orders();
}

static int set_up(void **fixture)
{
    (void)fixture;
    make_log();
    mri_sql_twin_open(&twin);
    mri_sql_twin_run(&twin, "BEGIN");
    for (size_t i = 0; i < MRI_COUNT_OF(tables); i++) {
        char text[128];
        mri_sql_twin_copy(&twin, tables[i].name);
        (void)snprintf(text, sizeof(text), "PRAGMA table_info(%s)", tables[i].name);
        mri_sql_twin_ask(&twin, text);
        while (mri_sql_twin_step(&twin, text) == MR_OK) {
            (void)snprintf(tables[i].columns[tables[i].column_count++], 40, "%.*s",
                (int)mri_sql_value(twin.sql, 1).text.count, mri_sql_value(twin.sql, 1).text.bytes);
        }
        (void)snprintf(text, sizeof(text), "SELECT count(*) FROM %s", tables[i].name);
        mri_sql_twin_ask(&twin, text);
        assert_int_equal(mri_sql_twin_step(&twin, text), MR_OK);
        tables[i].rows = (unsigned)mri_sql_value(twin.sql, 0).integer;
        assert_true(tables[i].rows > 30);
    }
    mri_sql_twin_run(&twin, "COMMIT");
    return 0;
}

static int tear_down(void **fixture)
{
    (void)fixture;
    return mri_sql_twin_end(&twin);
}

/* ---- random statements ----------------------------------------------------------------------- */

/** A value that a column has in some row, or another one. */
static void some_value(unsigned table, const char *column, char value[static 512])
{
    static const char *const others[] = {"NULL", "0", "-1", "1.5", "'x'", "''", "'SYM0'", "'41'",
        "41", "9223372036854775807", "1e300", "1000.0", "41.0", "1e3", "-0.0", "9.2e18", "-1e300",
        "x'41'", "abs(-1)", "upper('sym2')", "'1'", "-0.5", "9223372036854775808",
        "-9223372036854775808", "'long'"};
    char text[256];
    sqlite3_stmt *statement;
    if (mri_prng_below(&prng, 4) == 0) {
        (void)snprintf(value, 512, "%s", others[mri_prng_below(&prng, MRI_COUNT_OF(others))]);
        return;
    }
    (void)snprintf(text, sizeof(text), "SELECT quote(%s) FROM %s LIMIT 1 OFFSET %u", column,
        tables[table].name, (unsigned)mri_prng_below(&prng, tables[table].rows));
    assert_int_equal(sqlite3_prepare_v2(twin.native, text, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    const char *found = (const char *)sqlite3_column_text(statement, 0);
    bool is_integer = found != NULL && strspn(found, "-0123456789") == strlen(found);
    const char *end = is_integer && mri_prng_below(&prng, 3) == 0 ? ".0" : ""; /* the same REAL */
    (void)snprintf(value, 512, "%s%s", found != NULL && strlen(found) < 500 ? found : "NULL", end);
    (void)sqlite3_finalize(statement);
}

static const char *any_column(unsigned table)
{
    return tables[table].columns[mri_prng_below(&prng, tables[table].column_count)];
}

static void some_condition(unsigned table, char text[static 2048])
{
    static const char *const ops[] = {
        "=", "=", "=", "=", "!=", "<", "<=", ">", ">=", "IS", "IS NOT", "IN", "LIKE"};
    const char *column = any_column(table);
    const char *op = ops[mri_prng_below(&prng, MRI_COUNT_OF(ops))];
    char a[512];
    char b[512];
    some_value(table, column, a);
    some_value(table, column, b);
    switch (mri_prng_below(&prng, 8)) {
    case 0:
        (void)snprintf(text, 2048, "%s BETWEEN %s AND %s", column, a, b);
        break;
    case 1:
        (void)snprintf(text, 2048, "%s IN (%s, %s, NULL)", column, a, b);
        break;
    case 2:
        (void)snprintf(text, 2048, "%s IN (SELECT %s FROM %s WHERE seq < 60)", column,
            mri_prng_below(&prng, 4) == 0 ? "kind" : "symbol", "events");
        break;
    case 3:
        (void)snprintf(text, 2048, "%s IS %s NULL", column, a[0] == 'N' ? "" : "NOT");
        break;
    case 4:
        (void)snprintf(text, 2048, "(%s = %s OR %s = %s)", column, a, column, b);
        break;
    case 5:
        (void)snprintf(text, 2048, "%s = %s COLLATE NOCASE", column, a);
        break;
    default:
        (void)snprintf(
            text, 2048, strcmp(op, "IN") == 0 ? "%s %s (%s)" : "%s %s %s", column, op, a);
        break;
    }
}

static void some_where(unsigned table, char text[static 8192])
{
    uint64_t count = mri_prng_below(&prng, 4);
    text[0] = '\0';
    for (uint64_t i = 0; i < count; i++) {
        char one[2048];
        some_condition(table, one);
        (void)snprintf(
            text + strlen(text), 8192 - strlen(text), "%s %s", i == 0 ? "WHERE" : " AND", one);
    }
}

static const char *direction(void)
{
    return mri_prng_below(&prng, 2) == 0 ? "DESC" : "";
}

/** An order that no two rows have in common, in terms that the table may have or not. */
static void some_order(unsigned table, char text[static 256])
{
    bool is_signals = strcmp(tables[table].name, "signals") == 0;
    const char *end = is_signals                                          ? "ordinal"
                      : strcmp(tables[table].columns[7], "position") == 0 ? "seq, position"
                                                                          : "seq";
    const char *way = direction();
    switch (mri_prng_below(&prng, 5)) {
    case 0:
        (void)snprintf(text, 256, "%s %s, %s %s", any_column(table), way, end, direction());
        break;
    case 1:
        (void)snprintf(text, 256, "%s %s, %s %s", is_signals ? "event_time" : "wall_unix_ns", way,
            is_signals ? "ordinal" : "seq", way);
        (void)snprintf(text + strlen(text), 256 - strlen(text), ", %s", end);
        break;
    case 2:
        (void)snprintf(text, 256, "%s %s, %s %s, %s",
            is_signals ? "event_time_unix_ns" : "wall_time", way,
            is_signals ? "generated_seq" : "seq", direction(), end);
        break;
    default:
        (void)snprintf(text, 256, "%s %s", end, way);
        break;
    }
}

static void some_statement(char text[static 16384])
{
    unsigned table = (unsigned)mri_prng_below(&prng, MRI_COUNT_OF(tables));
    const char *name = tables[table].name;
    char condition[8192];
    char order[256];
    some_where(table, condition);
    some_order(table, order);
    const char *column = any_column(table);
    unsigned limit = (unsigned)mri_prng_below(&prng, 30);
    switch (mri_prng_below(&prng, 6)) {
    case 0:
        (void)snprintf(text, 16384, "SELECT %s, count(*), max(symbol) FROM %s %s GROUP BY %s",
            column, name, condition, column);
        (void)snprintf(text + strlen(text), 16384 - strlen(text), " ORDER BY 1");
        break;
    case 1:
        (void)snprintf(text, 16384,
            "SELECT count(*), max(b.%s) FROM (SELECT * FROM %s %s ORDER BY %s LIMIT 5) a JOIN "
            "%s b ON b.%s = a.%s",
            column, name, condition, order, name, column, column);
        break;
    case 2:
        (void)snprintf(text, 16384,
            "SELECT DISTINCT %s FROM %s %s ORDER BY 1 %s LIMIT %u OFFSET %u", column, name,
            condition, direction(), limit, limit / 2);
        break;
    case 3:
        (void)snprintf(text, 16384, "SELECT * FROM %s %s ORDER BY %s LIMIT -1 OFFSET %u", name,
            condition, order, (unsigned)mri_prng_below(&prng, tables[table].rows + 5));
        break;
    default:
        (void)snprintf(text, 16384, "SELECT * FROM %s %s ORDER BY %s LIMIT %u OFFSET %u", name,
            condition, order, limit,
            (unsigned)(mri_prng_below(&prng, 2) * mri_prng_below(&prng, 100)));
        break;
    }
}

static void any_column_of_any_table_is_compared_as_sqlite_does(void **fixture)
{
    (void)fixture;
    size_t bytes = 0;
    static char text[16384];
    mri_prng_init(&prng, 23);
    for (int i = 0; i < STATEMENTS; i++) {
        some_statement(text);
        bytes += mri_sql_twin_compare(&twin, text);
    }
    assert_true(bytes > STATEMENTS * 200); /* they are not all empty */
}

static void every_table_is_read_from_any_row_on_both_ways(void **fixture)
{
    (void)fixture;
    static const char *const ways[] = {"", "DESC"};
    for (size_t i = 0; i < MRI_COUNT_OF(tables); i++) {
        bool is_signals = strcmp(tables[i].name, "signals") == 0;
        for (unsigned way = 0; way < 2; way++) {
            for (unsigned offset = 0; offset < tables[i].rows + 3; offset += 1 + offset / 3) {
                char text[256];
                bool has_rows = strcmp(tables[i].columns[7], "position") == 0;
                (void)snprintf(text, sizeof(text),
                    "SELECT * FROM %s ORDER BY %s %s%s LIMIT 3 OFFSET %u", tables[i].name,
                    is_signals ? "ordinal" : "seq", ways[way], has_rows ? ", position" : "",
                    offset);
                (void)mri_sql_twin_compare(&twin, text);
                mri_sql_twin_expect_plan(&twin, text, "limit offset order:");
            }
        }
    }
}

static uint64_t calls_of_the_machine(void)
{
    uint64_t count = 0;
    for (unsigned i = 0; i < MRI_OS_CALL_COUNT; i++) {
        count += twin.machine.calls[i];
    }
    return count;
}

/** A join looks up so many that the table's events are kept, and the log is left alone. */
static void many_lookups_find_the_same_rows_and_read_the_log_once(void **fixture)
{
    (void)fixture;
    static const char *const joins[] = {"signals a JOIN %s b ON b.ordinal = a.ordinal",
        "signals a JOIN %s b ON b.signal_id = a.signal_id", "events a JOIN %s b ON b.seq = a.seq",
        "events a JOIN %s b ON b.seq = a.seq AND b.ordinal = a.ordinal"};
    for (size_t i = 0; i < MRI_COUNT_OF(tables) - 1; i++) { /* the last one is `signals` */
        char text[512];
        for (size_t k = 0; k < MRI_COUNT_OF(joins); k++) {
            const char *rest = strchr(joins[k], '%') + 2;
            (void)snprintf(text, sizeof(text),
                "SELECT count(*), sum(b.seq), max(b.symbol) FROM %.*s%s%s",
                (int)(rest - 2 - joins[k]), joins[k], tables[i].name, rest);
            uint64_t before = calls_of_the_machine();
            (void)mri_sql_twin_compare(&twin, text);
            assert_in_range(calls_of_the_machine() - before, 0, 400);
        }
        (void)snprintf(text, sizeof(text),
            "SELECT a.ordinal, (SELECT count(*) FROM %s b WHERE b.ordinal = a.ordinal), (SELECT "
            "b.kind FROM %s b WHERE b.ordinal = a.ordinal ORDER BY b.seq DESC LIMIT 1) FROM "
            "signals a ORDER BY 1",
            tables[i].name, tables[i].name);
        (void)mri_sql_twin_compare(&twin, text);
    }
}

/** A row for each event of the order, if there is one. */
static void look_for_order(const char *table, uint32_t ordinal, uint32_t attempt)
{
    char text[256];
    char id[MRI_ORDER_ID_BYTES];
    (void)mri_order_table_id(0, ordinal, MRI_LEG_STOP, attempt, id);
    (void)snprintf(text, sizeof(text),
        "SELECT ordinal, attempt, leg FROM %s WHERE client_order_id = '%s'", table, id);
    (void)mri_sql_twin_compare(&twin, text);
    mri_sql_twin_expect_plan(&twin, text, "0:client_order_id=");
    mri_sql_twin_ask(&twin, text);
    if (attempt < ordinal) {
        assert_int_equal(mri_sql_twin_step(&twin, text), MR_OK);
        assert_int_equal(mri_sql_value(twin.sql, 0).integer, ordinal);
        assert_int_equal(mri_sql_value(twin.sql, 1).integer, attempt + 1);
    }
    assert_int_equal(mri_sql_twin_step(&twin, text), MR_END);
}

static void orders_have_the_id_that_their_executor_knows(void **fixture)
{
    (void)fixture;
    for (uint32_t ordinal = 1; ordinal <= ORDERS; ordinal++) {
        for (uint32_t attempt = 0; attempt <= ordinal; attempt++) {
            look_for_order("orders", ordinal, attempt);
            look_for_order("order_reports", ordinal, attempt);
        }
    }
    (void)mri_sql_twin_compare(&twin,
        "SELECT o.client_order_id, o.attempt, r.attempt, r.status FROM orders o JOIN "
        "order_reports r USING (client_order_id) WHERE o.kind = 'order.intent' ORDER BY r.seq");
    (void)mri_sql_twin_compare(&twin,
        "SELECT count(*), count(client_order_id), count(attempt) FROM orders WHERE "
        "client_order_id IS NULL OR client_order_id IN ('x', 'm000000000000000000', 5, NULL)");
}

static void the_plan_says_what_is_checked_on_each_event(void **fixture)
{
    (void)fixture;
    static const char *const plans[][2] = {
        {"SELECT count(*) FROM outcomes WHERE symbol = 'SYM0'", "0:symbol="},
        {"SELECT count(*) FROM prices WHERE symbol IN ('SYM0', '41') AND close >= 2.5",
            "0:symbol:in close>="},
        {"SELECT count(*) FROM moves WHERE to_state = 'blocked' AND gate IS NOT NULL",
            "0:to_state= gate:not-null"},
        {"SELECT count(*) FROM events WHERE symbol != 'SYM0' AND ordinal > 5",
            "0:ordinal> symbol!="},
        {"SELECT * FROM positions WHERE side = 'long' ORDER BY wall_time DESC, seq DESC",
            "0:side= order:wall_time:desc"},
        {"SELECT * FROM gates ORDER BY seq DESC, position", "0:order:seq:desc"},
        {"SELECT * FROM outcomes WHERE horizon = '1h' ORDER BY seq LIMIT 5 OFFSET 9",
            "0:horizon= limit offset order:seq"},
        {"SELECT * FROM signals WHERE moved_seq > 9 AND last_seq <= 99", "0:moved_seq> last_seq<="},
        {"SELECT * FROM signals ORDER BY event_time DESC, ordinal DESC LIMIT 5 OFFSET 2",
            "0:limit offset order:event_time:desc"},
        {"SELECT * FROM signals ORDER BY event_time_unix_ns, ordinal",
            "0:order:event_time_unix_ns"},
    };
    for (size_t i = 0; i < MRI_COUNT_OF(plans); i++) {
        mri_sql_twin_expect_plan(&twin, plans[i][0], plans[i][1]);
        (void)mri_sql_twin_compare(&twin, plans[i][0]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_column_of_any_table_is_compared_as_sqlite_does),
        cmocka_unit_test(every_table_is_read_from_any_row_on_both_ways),
        cmocka_unit_test(orders_have_the_id_that_their_executor_knows),
        cmocka_unit_test(many_lookups_find_the_same_rows_and_read_the_log_once),
        cmocka_unit_test(the_plan_says_what_is_checked_on_each_event),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
