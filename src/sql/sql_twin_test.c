/* SPDX-License-Identifier: MIT */
/*
 * The virtual tables against tables of SQLite with the same rows: random statements must get the
 * same answers from both, whatever was pushed down; and against the bus's own queries.
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus/query.h"
#include "log/read/reader.h"
#include "sql/sql.h"
#include "tests/lib/bus_sample.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/sql_twin.h"

enum {
    BATCH_MAX = 40,
    BATCHES = 450,
    STATEMENTS = 1500,
    EVENT_STATEMENTS = 500,
    ANSWER_MAX = 1 << 24
};

static struct mri_prng prng;
static struct mri_sql_twin twin;

static const char *const copied[] = {"signals", "events", "moves", "emissions", "shadows"};

static bool has_shadow[BATCH_MAX * BATCHES + 1];

/* ---- a log ----------------------------------------------------------------------------------- */

/** A signal's shadow ends: a few have no exit, and some of those no entry. */
static void add_shadow(uint32_t ordinal)
{
    static const uint8_t reasons[] = {MRI_REASON_STOP, MRI_REASON_TARGET, MRI_REASON_TIME};
    struct mri_shadow_closed closed = {
        .event_time_unix_ns = 2, .side = MR_SHORT, .reason = MRI_REASON_NO_PRICE_SOURCE};
    unsigned share = (unsigned)mri_prng_below(&prng, 8);
    if (share > 0) {
        closed.entry = 1;
        closed.entry_time_unix_ns = 1;
        closed.quantity = 1 + (int64_t)mri_prng_below(&prng, 100);
        closed.entry_price = 1 + (int64_t)mri_prng_below(&prng, 100);
        closed.side = MR_LONG;
        closed.gate = mri_prng_below(&prng, 2) == 0 ? MRI_GATE_NONE : MRI_GATE_STALE;
    }
    if (share > 1) {
        closed.exit_price = 1 + (int64_t)mri_prng_below(&prng, 100);
        closed.gross_e8 = (int64_t)mri_prng_below(&prng, 2000) - 1000;
        closed.fee_e8 = (int64_t)mri_prng_below(&prng, 20);
        closed.slippage_e8 = (int64_t)mri_prng_below(&prng, 20);
        closed.net_e8 = closed.gross_e8 - closed.fee_e8 - closed.slippage_e8;
        closed.reason = reasons[mri_prng_below(&prng, MRI_COUNT_OF(reasons))];
    }
    has_shadow[ordinal] = true;
    assert_int_equal(
        mri_batch_add(&twin.batch,
            &(struct mri_draft){.type = MRI_EVENT_SHADOW_CLOSED, .fixed = &closed}, ordinal),
        MR_OK);
}

static void append_some(void)
{
    struct mri_bus_sample_signal signal;
    mr_log_ack ack;
    uint8_t is_moved[BATCH_MAX * BATCHES + 1] = {0};
    mri_bus_begin(&twin.bus, &twin.batch);
    while (twin.batch.count < BATCH_MAX - 1) {
        uint32_t known = twin.bus.slots.count;
        if (known == 0 || mri_prng_below(&prng, 3) == 0) {
            assert_int_equal(mri_bus_sample_emit(&twin.batch, &prng, &signal), MR_OK);
            continue;
        }
        uint32_t ordinal = 1 + (uint32_t)mri_prng_below(&prng, known);
        if (!has_shadow[ordinal] && mri_prng_below(&prng, 4) == 0) {
            add_shadow(ordinal);
            continue;
        }
        unsigned from = mri_slots_get(&twin.bus.slots, ordinal)->state;
        unsigned to = mri_bus_sample_next_state(&prng, from);
        if (to < MR_STATE_COUNT && is_moved[ordinal] == 0) {
            is_moved[ordinal] = 1;
            assert_int_equal(mri_bus_sample_move(&twin.batch, &prng, ordinal, from, to), MR_OK);
        }
    }
    assert_int_equal(mri_bus_append(&twin.bus, &twin.batch, MR_ASYNC, &ack, NULL), MR_OK);
}

static void make_log(void)
{
    mri_prng_init(&prng, 7);
    mri_sql_twin_begin(&twin, BATCH_MAX);
    for (int i = 0; i < BATCHES; i++) {
        append_some();
    }
}

/* ---- its twin -------------------------------------------------------------------------------- */

static int set_up(void **fixture)
{
    (void)fixture;
    make_log();
    mri_sql_twin_open(&twin);
    mri_sql_twin_run(&twin, "BEGIN");
    for (size_t i = 0; i < sizeof(copied) / sizeof(copied[0]); i++) {
        mri_sql_twin_copy(&twin, copied[i]);
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

static const char *one_of(const char *const *texts, size_t count)
{
    return texts[mri_prng_below(&prng, count)];
}

#define ONE_OF(texts) one_of(texts, sizeof(texts) / sizeof((texts)[0]))

static const char *const ops[] = {"=", "=", "=", "!=", "<", "<=", ">", ">=", "IS", "IS NOT", "=="};

static const char *text_value(char room[static 64])
{
    static const char *const values[] = {"'learned'", "'blocked'", "'generated'", "'long'",
        "'short'", "'stale'", "'mode'", "'SYM0'", "'SYM2'", "'41'", "'43'", "41", "43.0",
        "'name-1'", "'name-3'", "'source-2'", "'source-0'", "''", "NULL", "5", "-1.5", "x'414243'",
        "'zzz'", "'BLOCKED'", "'cooldown'", "upper('sym0')", "'mo' || 'de'", "'external'",
        "'expired'"};
    (void)snprintf(room, 64, "%s", ONE_OF(values));
    return room;
}

static const char *number_value(uint64_t below, char room[static 64])
{
    static const char *const far[] = {
        "1e300", "-1e300", "9.2e18", "-9.2e18", "9223372036854775807.0", "9e999", "-9e999", "'x'"};
    long long number = (long long)mri_prng_below(&prng, below);
    switch (mri_prng_below(&prng, 16)) {
    case 0:
        (void)snprintf(room, 64, "%lld.5", number);
        break;
    case 1:
        (void)snprintf(room, 64, "'%lld'", number);
        break;
    case 2:
        (void)snprintf(room, 64, "NULL");
        break;
    case 3:
        (void)snprintf(room, 64, "%s",
            mri_prng_below(&prng, 2) == 0 ? "9223372036854775807" : "-9223372036854775808");
        break;
    case 4:
        (void)snprintf(room, 64, "%s", ONE_OF(far));
        break;
    case 5:
        (void)snprintf(room, 64, "abs(%lld)", number);
        break;
    case 6:
    case 7:
        (void)snprintf(room, 64, "%lld.0", number);
        break;
    case 8:
        (void)snprintf(room, 64, "%llde1", number / 10);
        break;
    case 9:
        (void)snprintf(room, 64, mri_prng_below(&prng, 2) == 0 ? "'%lld.0'" : "-%lld.0",
            mri_prng_below(&prng, 3) == 0 ? 0 : number);
        break;
    default:
        (void)snprintf(room, 64, "%lld", number);
        break;
    }
    return room;
}

static const char *const codes[] = {
    "symbol", "side", "source", "name", "state", "ended", "gate", "reason"};

static void text_condition(char text[static 512], const char *column)
{
    static const char *const shouted[] = {
        "'BLOCKED'", "'LEARNED'", "'LONG'", "'sym0'", "'STALE'", "'NAME-1'", "'Source-1'"};
    char a[64];
    char b[64];
    switch (mri_prng_below(&prng, 9)) {
    case 0:
        (void)snprintf(text, 512, "%s IN (%s, %s)", column, text_value(a), text_value(b));
        break;
    case 1:
        (void)snprintf(text, 512, "%s IS %sNULL", column, mri_prng_below(&prng, 2) ? "" : "NOT ");
        break;
    case 2:
        (void)snprintf(text, 512, "%s = %s COLLATE NOCASE", column, ONE_OF(shouted));
        break;
    case 3:
        (void)snprintf(text, 512, "%s IN (SELECT %s FROM moves WHERE seq < 40)", column,
            mri_prng_below(&prng, 2) ? "gate" : "ordinal");
        break;
    case 4:
        (void)snprintf(text, 512, "%s BETWEEN %s AND %s", column, text_value(a), text_value(b));
        break;
    case 5:
        (void)snprintf(
            text, 512, "(%s = %s OR %s = %s)", column, text_value(a), column, text_value(b));
        break;
    default:
        (void)snprintf(text, 512, "%s %s %s", column, ONE_OF(ops), text_value(a));
        break;
    }
}

static void number_condition(char text[static 512], const char *column, uint64_t below)
{
    char a[64];
    char b[64];
    switch (mri_prng_below(&prng, 5)) {
    case 0:
        (void)snprintf(
            text, 512, "%s IN (%s, %s, 5)", column, number_value(below, a), number_value(below, b));
        break;
    case 1:
        (void)snprintf(text, 512, "%s BETWEEN %s AND %s", column, number_value(below, a),
            number_value(below, b));
        break;
    default:
        (void)snprintf(text, 512, "%s %s %s", column, ONE_OF(ops), number_value(below, a));
        break;
    }
}

static void id_condition(char text[static 512])
{
    uint32_t ordinal = 1 + (uint32_t)mri_prng_below(&prng, twin.bus.slots.count);
    const struct mri_slot *slot = mri_slots_get(&twin.bus.slots, ordinal);
    (void)snprintf(text, 512, "signal_id %s '%s_%lld_%08x'",
        mri_prng_below(&prng, 4) == 0 ? "!=" : "=",
        twin.market.instruments.specs[slot->symbol].symbol,
        (long long)(slot->event_time_unix_ns / 1000000) + (mri_prng_below(&prng, 5) == 0), ordinal);
}

static void signal_condition(char text[static 512])
{
    static const char *const times[] = {"'2023-11-14T22:13:20.000Z'", "'2023-11-14'",
        "'2023-11-14T22:13:20.001Z'", "'2023-11-15'", "'1700000000'", "'x'", "1700000000"};
    switch (mri_prng_below(&prng, 10)) {
    case 0:
        number_condition(text, "ordinal", twin.bus.slots.count + 3);
        break;
    case 1:
        number_condition(text, "generated_seq", twin.bus.last_seq + 3);
        break;
    case 2:
        (void)snprintf(text, 512, "event_time_unix_ns %s %lld", ONE_OF(ops),
            1700000000000000000 + (long long)mri_prng_below(&prng, 1000) * 1000);
        break;
    case 3:
        (void)snprintf(text, 512, "event_time %s %s", ONE_OF(ops), ONE_OF(times));
        break;
    case 4:
        id_condition(text);
        break;
    case 5:
        number_condition(text, "moved_seq", twin.bus.last_seq + 3);
        break;
    default:
        text_condition(text, ONE_OF(codes));
        break;
    }
}

static void event_condition(char text[static 512])
{
    static const char *const kinds[] = {
        "'signal.moved'", "'signal.generated'", "'candle'", "'x'", "NULL", "5"};
    switch (mri_prng_below(&prng, 7)) {
    case 0:
        number_condition(text, "ordinal", twin.bus.slots.count + 3);
        break;
    case 1:
        (void)snprintf(text, 512, "kind %s %s", ONE_OF(ops), ONE_OF(kinds));
        break;
    case 2:
        (void)snprintf(text, 512, "kind IN (%s, %s)", ONE_OF(kinds), ONE_OF(kinds));
        break;
    case 3:
        (void)snprintf(text, 512,
            "wall_unix_ns %s (SELECT wall_unix_ns FROM moves WHERE seq > %u "
            "ORDER BY seq LIMIT 1)",
            ONE_OF(ops), (unsigned)mri_prng_below(&prng, twin.bus.last_seq));
        break;
    case 4:
        id_condition(text);
        break;
    default:
        number_condition(text, "seq", twin.bus.last_seq + 3);
        break;
    }
}

static void shadow_condition(char text[static 512])
{
    static const char *const plain[] = {"entry_seq IS NULL", "entry_price IS NULL", "net < 0",
        "exit_price IS NOT NULL", "gate IS NULL", "gate = 'stale'", "reason IN ('stop', 'time')",
        "side = 'long'", "quantity IS NULL", "slippage_e8 > 10", "net_e8 BETWEEN -500 AND 100"};
    switch (mri_prng_below(&prng, 3)) {
    case 0:
        number_condition(text, "ordinal", twin.bus.slots.count + 3);
        break;
    case 1:
        id_condition(text);
        break;
    default:
        (void)snprintf(text, 512, "%s", ONE_OF(plain));
        break;
    }
}

/** Up to three conditions. */
static void where(char text[static 2048], void (*condition)(char text[static 512]))
{
    uint64_t count = mri_prng_below(&prng, 4);
    (void)snprintf(text, 2048, "%s", count == 0 ? "" : "WHERE ");
    for (uint64_t i = 0; i < count; i++) {
        char one[512];
        condition(one);
        (void)snprintf(
            text + strlen(text), 2048 - strlen(text), "%s%s", i == 0 ? "" : " AND ", one);
    }
}

static const char *direction(void)
{
    return mri_prng_below(&prng, 2) == 0 ? "DESC" : "";
}

static void signal_statement(char text[static 4096])
{
    char condition[2048];
    const char *first = ONE_OF(codes);
    const char *second = ONE_OF(codes);
    unsigned limit = (unsigned)mri_prng_below(&prng, 40);
    where(condition, signal_condition);
    switch (mri_prng_below(&prng, 8)) {
    case 0:
        (void)snprintf(text, 4096,
            "SELECT ordinal, %s FROM signals %s ORDER BY ordinal %s LIMIT %u "
            "OFFSET %u",
            first, condition, direction(), limit, limit / 3);
        break;
    case 1:
        (void)snprintf(text, 4096, "SELECT %s, count(*) FROM signals %s GROUP BY %s ORDER BY %s %s",
            first, condition, first, first, direction());
        break;
    case 2:
        (void)snprintf(text, 4096,
            "SELECT %s, %s, count(*), min(ordinal), max(signal_id), "
            "total(generated_seq) FROM signals %s GROUP BY %s, %s ORDER BY 1, 2",
            first, second, condition, first, second);
        break;
    case 3:
        (void)snprintf(text, 4096, "SELECT DISTINCT %s, %s FROM signals %s ORDER BY %s, %s %s",
            first, second, condition, first, second, direction());
        break;
    case 4:
        (void)snprintf(
            text, 4096, "SELECT count(*), count(DISTINCT %s) FROM signals %s", first, condition);
        break;
    case 5:
        (void)snprintf(text, 4096, "SELECT %s FROM signals %s ORDER BY %s %s LIMIT %u", first,
            condition, first, direction(), limit);
        break;
    case 6:
        (void)snprintf(text, 4096,
            "SELECT count(*), sum(b.ordinal) FROM (SELECT * FROM signals %s "
            "ORDER BY ordinal LIMIT 20) a JOIN signals b ON b.%s = a.%s AND "
            "b.ordinal > a.ordinal",
            condition, first, first);
        break;
    default:
        (void)snprintf(text, 4096, "SELECT * FROM signals %s ORDER BY generated_seq %s", condition,
            direction());
        break;
    }
}

static void random_statements_get_the_same_rows_pushed_down_or_not(void **fixture)
{
    (void)fixture;
    size_t bytes = 0;
    char text[4096];
    mri_prng_init(&prng, 11);
    for (int i = 0; i < STATEMENTS; i++) {
        signal_statement(text);
        bytes += mri_sql_twin_compare(&twin, text);
    }
    assert_true(bytes > STATEMENTS * 100); /* they are not all empty */
}

static void no_signal_is_lost_where_blocks_meet(void **fixture)
{
    (void)fixture;
    static const unsigned widths[] = {1, 2, 255, 256, 257, 2047, 2048, 2049, 4095, 4096, 4097};
    assert_true(twin.bus.slots.count > 4200);
    for (size_t i = 0; i < sizeof(widths) / sizeof(widths[0]); i++) {
        for (unsigned low = 1; low < 4; low++) {
            char text[256];
            for (unsigned way = 0; way < 2; way++) {
                (void)snprintf(text, sizeof(text),
                    "SELECT ordinal FROM signals WHERE ordinal BETWEEN "
                    "%u AND %u ORDER BY ordinal %s",
                    low, low + widths[i] - 1, way == 0 ? "" : "DESC");
                (void)mri_sql_twin_compare(&twin, text);
            }
            (void)snprintf(text, sizeof(text),
                "SELECT side, count(*), max(ordinal) FROM signals WHERE "
                "ordinal BETWEEN %u AND %u GROUP BY side ORDER BY 1",
                low, low + widths[i] - 1);
            (void)mri_sql_twin_compare(&twin, text);
        }
    }
}

static void random_statements_over_events_get_the_same_rows(void **fixture)
{
    (void)fixture;
    static const char *const tables[] = {"events", "moves", "emissions"};
    char text[4096];
    char condition[2048];
    mri_prng_init(&prng, 13);
    for (int i = 0; i < EVENT_STATEMENTS; i++) {
        where(condition, event_condition);
        if (mri_prng_below(&prng, 3) == 0) {
            (void)snprintf(text, sizeof(text), "SELECT kind, count(*) FROM %s %s GROUP BY kind",
                ONE_OF(tables), condition);
        } else {
            (void)snprintf(text, sizeof(text), "SELECT * FROM %s %s ORDER BY seq %s LIMIT %u",
                ONE_OF(tables), condition, direction(), (unsigned)mri_prng_below(&prng, 100));
        }
        (void)mri_sql_twin_compare(&twin, text);
    }
}

static void random_statements_over_shadows_get_the_same_rows(void **fixture)
{
    (void)fixture;
    char text[4096];
    char condition[2048];
    size_t rows = 0;
    mri_prng_init(&prng, 17);
    for (int i = 0; i < EVENT_STATEMENTS; i++) {
        where(condition, shadow_condition);
        switch (mri_prng_below(&prng, 4)) {
        case 0:
            (void)snprintf(text, sizeof(text),
                "SELECT gate, reason, count(*), sum(net_e8) FROM shadows %s GROUP BY gate, reason",
                condition);
            break;
        case 1:
            (void)snprintf(text, sizeof(text),
                "SELECT h.*, s.state FROM signals s JOIN shadows h ON h.ordinal = s.ordinal "
                "WHERE s.ordinal < %u ORDER BY s.ordinal",
                (unsigned)mri_prng_below(&prng, 40));
            break;
        default:
            (void)snprintf(text, sizeof(text),
                "SELECT * FROM shadows %s ORDER BY ordinal %s LIMIT %u", condition, direction(),
                (unsigned)mri_prng_below(&prng, 100));
            break;
        }
        rows += mri_sql_twin_compare(&twin, text);
    }
    assert_true(rows > EVENT_STATEMENTS);
}

/** A literal that is whole is shown to the planner as an integer, and is a REAL when it is
 * compared. */
static void integers_are_compared_with_reals_exactly(void **fixture)
{
    (void)fixture;
    static const char *const columns[][2] = {{"signals", "ordinal"}, {"signals", "generated_seq"},
        {"signals", "moved_seq"}, {"signals", "last_seq"}, {"signals", "event_time_unix_ns"},
        {"events", "seq"}, {"events", "body_bytes"}, {"moves", "ordinal"}};
    static const char *const values[] = {"1000.0", "1e3", "1000.5", "999.5", "41.0", "64.0", "0.0",
        "-0.0", "-1.0", "-0.5", "0.5", "9.2e18", "-9.2e18", "9223372036854775807.0",
        "-9223372036854775808.0", "1e300", "-1e300", "9e999", "-9e999", "1.7e18", "'1000.0'",
        "2000/2.0", "cast(1000 as real)", "9e999 - 9e999", "9223372036854775807"};
    static const char *const forms[][3] = {{"", " = ", ""}, {"", " IS ", ""}, {"", " IN (", ")"},
        {"", " IN (", ", 2000.0)"}, {"", " < ", ""}, {"", " <= ", ""}, {"", " > ", ""},
        {"", " >= ", ""}, {"", " != ", ""}, {"", " IS NOT ", ""}, {"", " BETWEEN ", " AND 1001.0"},
        {"NOT ", " = ", ""}};
    for (size_t i = 0; i < MRI_COUNT_OF(columns); i++) {
        for (size_t k = 0; k < MRI_COUNT_OF(values) * MRI_COUNT_OF(forms); k++) {
            const char *const *form = forms[k % MRI_COUNT_OF(forms)];
            char condition[128];
            char text[256];
            (void)snprintf(condition, sizeof(condition), "%s%s%s%s%s", form[0], columns[i][1],
                form[1], values[k / MRI_COUNT_OF(forms)], form[2]);
            (void)snprintf(text, sizeof(text), "SELECT count(*), min(%s), max(%s) FROM %s WHERE %s",
                columns[i][1], columns[i][1], columns[i][0], condition);
            (void)mri_sql_twin_compare(&twin, text);
        }
    }
}

static void what_the_bus_finds_is_found_in_the_same_order(void **fixture)
{
    (void)fixture;
    static uint32_t ordinals[BATCH_MAX * BATCHES];
    char text[512];
    mri_prng_init(&prng, 17);
    for (int i = 0; i < 500; i++) {
        struct mri_query query = mri_query_all;
        struct mri_query_result result;
        query.state = (uint32_t)mri_prng_below(&prng, MR_STATE_COUNT);
        query.symbol = (uint32_t)mri_prng_below(&prng, MRI_BUS_SAMPLE_SYMBOLS);
        query.limit = 1 + (uint32_t)mri_prng_below(&prng, 400);
        query.is_oldest_first = mri_prng_below(&prng, 2) == 0;
        assert_int_equal(mri_query_run(&twin.bus, &query, ordinals, &result), MR_OK);
        (void)snprintf(text, sizeof(text),
            "SELECT ordinal FROM signals WHERE state = '%s' AND "
            "symbol = '%s' ORDER BY ordinal %s LIMIT %u",
            mri_word_text(MRI_VOCABULARY_state, query.state),
            twin.market.instruments.specs[query.symbol].symbol,
            query.is_oldest_first ? "ASC" : "DESC", query.limit);
        mri_sql_twin_ask(&twin, text);
        for (uint32_t k = 0; k < result.count; k++) {
            assert_int_equal(mri_sql_twin_step(&twin, text), MR_OK);
            assert_int_equal(mri_sql_value(twin.sql, 0).integer, ordinals[k]);
        }
        assert_int_equal(mri_sql_twin_step(&twin, text), MR_END);
    }
}

static void the_plan_says_what_is_pushed_down(void **fixture)
{
    (void)fixture;
    mri_sql_twin_expect_plan(&twin,
        "SELECT count(*) FROM signals WHERE state = 'blocked' AND symbol IN ('a', 'b') AND "
        "gate IS NULL AND ordinal >= 5",
        "0:state= symbol:in gate:null ordinal>=");
    mri_sql_twin_expect_plan(
        &twin, "SELECT state, count(*) FROM signals GROUP BY state", "0:group:state");
    mri_sql_twin_expect_plan(&twin,
        "SELECT count(*) FROM signals WHERE side = 'long' GROUP BY symbol, source",
        "0:side= group:symbol group:source");
    mri_sql_twin_expect_plan(&twin,
        "SELECT * FROM signals WHERE source = 'x' ORDER BY ordinal DESC LIMIT 5",
        "0:source= limit order:ordinal:desc");
    mri_sql_twin_expect_plan(&twin, "SELECT DISTINCT gate FROM signals", "0:group:gate once");
    mri_sql_twin_expect_plan(
        &twin, "SELECT state FROM signals ORDER BY state DESC", "0:group:state:desc");
    mri_sql_twin_expect_plan(&twin,
        "SELECT * FROM events WHERE kind = 'candle' AND seq > 5 AND seq <= 9 ORDER BY seq "
        "DESC",
        "0:kind= seq> seq<= order:seq:desc");
    mri_sql_twin_expect_plan(&twin, "SELECT * FROM moves WHERE ordinal = 5", "0:ordinal=");
}

static void times_that_are_not_in_order_are_sorted(void **fixture)
{
    (void)fixture;
    const char *text = "EXPLAIN QUERY PLAN SELECT * FROM signals ORDER BY event_time_unix_ns";
    bool is_sorted = false;
    mri_sql_twin_ask(&twin, text);
    while (mri_sql_twin_step(&twin, text) == MR_OK) {
        const struct mri_slice detail = mri_sql_value(twin.sql, 3).text;
        is_sorted |= mri_slice_is(detail, "USE TEMP B-TREE FOR ORDER BY");
    }
    assert_true(is_sorted);
    (void)mri_sql_twin_compare(&twin, "SELECT * FROM signals ORDER BY event_time_unix_ns, ordinal");
}

static void every_column_of_every_table_needs_no_quotes(void **fixture)
{
    (void)fixture;
    char names[2048][2][64];
    unsigned count = 0;
    const char *table;
    for (unsigned i = 0; (table = mri_sql_table_name(twin.sql, i)) != NULL; i++) {
        char text[128];
        (void)snprintf(text, sizeof(text), "PRAGMA table_info(%s)", table);
        mri_sql_twin_ask(&twin, text);
        for (; mri_sql_twin_step(&twin, text) == MR_OK && count < 2048; count++) {
            (void)snprintf(names[count][0], 64, "%s", table);
            (void)snprintf(names[count][1], 64, "%.*s", (int)mri_sql_value(twin.sql, 1).text.count,
                mri_sql_value(twin.sql, 1).text.bytes);
        }
    }
    assert_true(count > 300);
    for (unsigned i = 0; i < count; i++) {
        char text[256];
        (void)snprintf(text, sizeof(text), "SELECT %s FROM %s LIMIT 1", names[i][1], names[i][0]);
        mri_sql_twin_ask(&twin, text);
        (void)mri_sql_twin_step(&twin, text);
        assert_string_equal(mri_sql_column_name(twin.sql, 0), names[i][1]);
    }
}

static void a_log_that_cannot_be_read_is_a_fault_and_not_an_answer(void **fixture)
{
    (void)fixture;
    struct mri_sql_fault fault;
    mri_sql_twin_ask(&twin, "SELECT count(*) FROM events");
    mri_os_faults_arm(&twin.machine, MRI_OS_CALL_COUNT, 1, MR_EIO);
    assert_int_equal(mri_sql_step(twin.sql, &fault), MR_EIO);
    mri_os_faults_arm(&twin.machine, MRI_OS_CALL_COUNT, 0, MR_OK);
    assert_true(fault.problem.text[0] != '\0');
    assert_true(mri_sql_twin_compare(&twin, "SELECT count(*) FROM events") >
                0); /* and the next query is answered */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_statements_get_the_same_rows_pushed_down_or_not),
        cmocka_unit_test(no_signal_is_lost_where_blocks_meet),
        cmocka_unit_test(random_statements_over_events_get_the_same_rows),
        cmocka_unit_test(random_statements_over_shadows_get_the_same_rows),
        cmocka_unit_test(integers_are_compared_with_reals_exactly),
        cmocka_unit_test(what_the_bus_finds_is_found_in_the_same_order),
        cmocka_unit_test(the_plan_says_what_is_pushed_down),
        cmocka_unit_test(times_that_are_not_in_order_are_sorted),
        cmocka_unit_test(every_column_of_every_table_needs_no_quotes),
        cmocka_unit_test(a_log_that_cannot_be_read_is_a_fault_and_not_an_answer),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
