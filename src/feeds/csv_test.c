/* SPDX-License-Identifier: MIT */
/*
 * The feed of candle files: what comes out, in which order, for good and for damaged files.
 *
 * A feed is written down as text, one line an item, and compared with the expected text:
 *   "1 BTC 10 12 9 11 5"            minute 1 after T0, symbol, prices, volume
 *   "2 ! a.csv:3 row_time [BTC]"    a problem: its time, its line, its reason, its instrument
 *   "end ! ..."                     a problem after all bars
 */
#include "feeds/csv.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

#include "base/buf.h"
#include "base/check.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/failing_alloc.h"
#include "tests/lib/os_faults.h"
#include "tests/lib/os_memory.h"

/* Open times of four minutes in a row; the first one closes at minute 1. */
#define T0         "1700000040000"
#define T1         "1700000100000"
#define T2         "1700000160000"
#define T3         "1700000220000"
#define T0_UNIX_NS INT64_C(1700000040000000000)
#define MINUTE_NS  INT64_C(60000000000)

#define HEAD       "ts_ms,symbol,open,high,low,close,volume\n"

enum { FILE_BYTES_MAX = 1 << 20, TEXT_BYTES_MAX = 1 << 24 };

struct fixture {
    struct mri_os_memory *memory;
    struct mri_os_faults faults;
    struct failing_alloc failing;
    struct mri_instrument_spec specs[3];
    const char *path;
    bool has_spellings;
    struct mri_feed feed;
    struct mri_buf text; /* of the whole feed */
};

static void prepare(struct fixture *fixture)
{
    static const char *const symbols[] = {"BTC", "ETH", "SOL"};
    *fixture = (struct fixture){.memory = mri_os_memory_new(FILE_BYTES_MAX), .path = "/data"};
    const struct mri_os *os = mri_os_memory_table(fixture->memory);
    assert_int_equal(os->make_folder(os->context, "/data"), MR_OK);
    mri_os_faults_init(&fixture->faults, os);
    failing_alloc_init(&fixture->failing, 0);
    for (size_t i = 0; i < MRI_COUNT_OF(symbols); i++) {
        (void)snprintf(
            fixture->specs[i].symbol, sizeof(fixture->specs[i].symbol), "%s", symbols[i]);
        fixture->specs[i].price_decimals = 1;
    }
    mri_buf_init(&fixture->text, mri_alloc_system(), TEXT_BYTES_MAX);
}

static void finish(struct fixture *fixture)
{
    assert_int_equal(fixture->failing.live_bytes, 0);
    assert_int_equal(mri_os_memory_open_count(fixture->memory), 0);
    mri_buf_fini(&fixture->text);
    mri_os_memory_free(fixture->memory);
}

static void put(struct fixture *fixture, const char *path, const char *text)
{
    mri_os_memory_put(fixture->memory, path, text, strlen(text));
}

/** Further names, as a configuration gives them; the last one is of a symbol that nobody has. */
static const struct mri_spelling spellings[] = {
    {"XBT", "BTC"}, {"PF_ETHUSD", "ETH"}, {"SOL", "BTC"}, {"NEW", "NONE"}};

static mr_err try_open(struct fixture *fixture, uint32_t spec_count, mr_problem *problem)
{
    struct mri_csv_options options = {.path = fixture->path,
        .specs = fixture->specs,
        .spec_count = spec_count,
        .spellings = fixture->has_spellings ? spellings : NULL,
        .spelling_count = fixture->has_spellings ? MRI_COUNT_OF(spellings) : 0};
    return mri_csv_open(
        &fixture->faults.table, &fixture->failing.alloc, &options, &fixture->feed, problem);
}

static void write_time(struct mri_buf *text, int64_t time_unix_ns)
{
    if (time_unix_ns == INT64_MAX) {
        mri_buf_text(text, "end");
    } else {
        mri_buf_printf(text, "%" PRId64, (time_unix_ns - T0_UNIX_NS) / MINUTE_NS);
    }
}

static const char *symbol_of(const struct fixture *fixture, uint32_t instrument)
{
    assert_true(instrument == UINT32_MAX || instrument < fixture->feed.instrument_count);
    return instrument == UINT32_MAX ? "-" : fixture->feed.instruments[instrument].symbol;
}

static void write_item(struct fixture *fixture, const struct mri_feed_item *item, bool has_rows)
{
    struct mri_buf *text = &fixture->text;
    const char *symbol = symbol_of(fixture, item->instrument);
    write_time(text, item->time_unix_ns);
    if (item->kind == MRI_FEED_CANDLE) {
        const struct mri_feed_candle *candle = &item->candle;
        assert_int_equal(candle->duration_ns, MINUTE_NS);
        mri_buf_printf(text, " %s %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %g\n", symbol,
            candle->open, candle->high, candle->low, candle->close, candle->volume);
        return;
    }
    const struct mri_feed_problem *problem = &item->problem;
    assert_int_equal(item->kind, MRI_FEED_PROBLEM);
    mri_buf_printf(text, " ! %.*s:%" PRIu64 " %s [%s]", (int)problem->place.count,
        problem->place.bytes, problem->line, mri_word_text(MRI_VOCABULARY_reason, problem->reason),
        symbol);
    if (has_rows) {
        mri_buf_printf(text, " %.*s", (int)problem->row.count, problem->row.bytes);
    }
    mri_buf_text(text, "\n");
}

/** Write down the rest of the open feed and close it. */
static mr_err write_feed(struct fixture *fixture, bool has_rows)
{
    struct mri_feed_item item;
    int64_t last_time = INT64_MIN;
    double last_progress = 0.0;
    mr_err err;
    while ((err = fixture->feed.next(fixture->feed.state, &item)) == MR_OK) {
        assert_true(item.time_unix_ns >= last_time);
        last_time = item.time_unix_ns;
        double progress = fixture->feed.progress(fixture->feed.state);
        assert_true(progress >= last_progress && progress <= 1.0);
        last_progress = progress;
        write_item(fixture, &item, has_rows);
    }
    assert_int_equal(fixture->feed.next(fixture->feed.state, &item), err); /* it stays */
    fixture->feed.close(fixture->feed.state);
    return err;
}

/** Equal, or the first line that differs is shown. */
static void assert_same_text(const char *expected, const char *found)
{
    size_t line = 0;
    for (size_t i = 0; expected[i] == found[i] && expected[i] != '\0'; i++) {
        line = found[i] == '\n' ? i + 1 : line;
    }
    if (strcmp(expected, found) != 0) {
        fail_msg("expected ... %.200s\nfound ... %.200s", expected + line, found + line);
    }
}

static void assert_feed_rows(struct fixture *fixture, const char *expected, bool has_rows)
{
    for (int i = 0; i < 2; i++) { /* reading again gives the same */
        mri_buf_clear(&fixture->text);
        mr_problem problem = {0};
        if (try_open(fixture, 3, &problem) != MR_OK) {
            fail_msg("%s", problem.text);
        }
        assert_int_equal(write_feed(fixture, has_rows), MR_END);
        assert_same_text(expected, mri_buf_c_text(&fixture->text));
    }
}

static void assert_feed(struct fixture *fixture, const char *expected)
{
    assert_feed_rows(fixture, expected, false);
}

static void bars_are_merged_by_time_and_then_by_instrument(void **state)
{
    (void)state;
    struct fixture fixture;
    prepare(&fixture);
    put(&fixture, "/data/1-sol.csv", HEAD T0 ",SOL,1,1,1,1,1\n" T1 ",SOL,1.5,2,1,1,1\n");
    put(&fixture, "/data/2-eth.csv", HEAD T1 ",ETH,2,2,2,2,2\n" T3 ",ETH,2,2,2,2,2\n");
    put(&fixture, "/data/3-btc.csv", HEAD T0 ",BTC,3,3,3,3,3\n" T1 ",BTC,3,3,3,3,3e3\n");
    put(&fixture, "/data/readme.txt", "not read");
    put(&fixture, "/data/.hidden.csv", "not read");
    assert_feed(&fixture, "1 BTC 30 30 30 30 3\n"
                          "1 SOL 10 10 10 10 1\n"
                          "2 BTC 30 30 30 30 3000\n"
                          "2 ETH 20 20 20 20 2\n"
                          "2 SOL 15 20 10 10 1\n"
                          "4 ETH 20 20 20 20 2\n");
    finish(&fixture);
}

static void a_file_may_hold_several_symbols_in_any_order_of_a_minute(void **state)
{
    (void)state;
    struct fixture fixture;
    prepare(&fixture);
    put(&fixture, "/data/all.csv",
        HEAD T0 ",SOL,1,1,1,1,1\n" T0 ",BTC,3,3,3,3,3\n" T0 ",oops\n" T0 ",ETH,2,2,2,2,2\n" T0
                ",BTC,9,9,9,9,9\n" T1 ",ETH,2,2,2,2,2\n" T1 ",B-T_C,3,3,3,3,3\n");
    fixture.path = "/data/all.csv";
    assert_feed(&fixture, "1 ! all.csv:4 row_columns [-]\n"
                          "1 BTC 30 30 30 30 3\n"
                          "1 ETH 20 20 20 20 2\n"
                          "1 SOL 10 10 10 10 1\n"
                          "2 ! all.csv:6 row_duplicate [BTC]\n"
                          "2 BTC 30 30 30 30 3\n"
                          "2 ETH 20 20 20 20 2\n");
    finish(&fixture);
}

static void files_put_together_one_after_the_other_give_the_same_bars(void **state)
{
    (void)state;
    struct fixture fixture;
    prepare(&fixture);
    put(&fixture, "/data/all.csv",
        HEAD T0 ",SOL,1,1,1,1,1\n" T1 ",SOL,1,1,1,1,1\nbroken\n" HEAD T0 ",BTC,3,3,3,3,3\n" T1
                ",BTC,3,x,3,3,3\n" T2 ",BTC,3,3,3,3,3\n" HEAD T0 ",DOGE,1,1,1,1,1\n" T1
                ",ETH,2,2,2,2,2\n" T3 ",ETH,2,2,2,2,2\n" T2 ",ETH,2,2,2,2,2\n" T1
                ",DOGE,1,1,1,1,1\n");
    assert_feed_rows(&fixture,
        "1 ! all.csv:4 row_columns [-] broken\n"
        "1 BTC 30 30 30 30 3\n"
        "1 SOL 10 10 10 10 1\n"
        "2 ETH 20 20 20 20 2\n"
        "2 SOL 10 10 10 10 1\n"
        "3 ! all.csv:7 row_number [BTC] " T1 ",BTC,3,x,3,3,3\n"
        "3 BTC 30 30 30 30 3\n"
        "4 ETH 20 20 20 20 2\n"
        "end ! all.csv:10 row_unknown_symbol [-] " T0 ",DOGE,1,1,1,1,1\n"
        "end ! all.csv:14 row_unknown_symbol [-] 1 more rows of DOGE\n"
        "end ! all.csv:13 row_backwards [ETH] " T2 ",ETH,2,2,2,2,2\n",
        true);
    finish(&fixture);
}

static void klines_take_their_symbol_from_the_name_of_their_file(void **state)
{
    (void)state;
    struct fixture fixture;
    prepare(&fixture);
    put(&fixture, "/data/BTC-1m-2023-11.csv", T0 ",3,3,3,3,3,1700000099999,9,9,9,9,0\n");
    put(&fixture, "/data/BTC-1m-2023-12.csv",
        "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,"
        "taker_buy_quote_volume,ignore\r\n" T1 "000,3,3,3,3,3,1700000159999999,9,9,9,9,0\r\n" T2
        ",3,3,3,3,3,1700000460000,9,9,9,9,0\r\n");
    put(&fixture, "/data/ETH.csv", T0 ",2,2,2,2,2,1700000099999,9,9,9,9,0\n" T0 ",2\n");
    put(&fixture, "/data/DOGE-1m.csv",
        T0 ",2,2,2,2,2,1700000099999,9,9,9,9,0\n" T1 ",2,2,2,2,2,1700000159999,9,9,9,9,0\n" T2
           ",2,2,2,2,2,1700000219999,9,9,9,9,0\n");
    assert_feed_rows(&fixture,
        "1 BTC 30 30 30 30 3\n"
        "1 ETH 20 20 20 20 2\n"
        "2 BTC 30 30 30 30 3\n"
        "end ! BTC-1m-2023-12.csv:3 row_time [BTC] " T2 ",3,3,3,3,3,1700000460000,9,9,9,9,0\n"
        "end ! DOGE-1m.csv:1 row_unknown_symbol [-] " T0 ",2,2,2,2,2,1700000099999,9,9,9,9,0\n"
        "end ! DOGE-1m.csv:2 row_unknown_symbol [-] 2 more rows of DOGE\n"
        "end ! ETH.csv:2 row_columns [ETH] " T0 ",2\n",
        true);
    finish(&fixture);
}

static void a_spelling_is_its_symbol_in_rows_and_in_names_of_files(void **state)
{
    (void)state;
    struct fixture fixture;
    prepare(&fixture);
    fixture.has_spellings = true;
    put(&fixture, "/data/a.csv",
        HEAD T0 ",xbt,1,1,1,1,1\n" T1 ",BTC,1,1,1,1,1\n" T1 ",X_B-T,1,1,1,1,1\n" T2
                ",SOL,3,3,3,3,3\n" T3 ",NEW,1,1,1,1,1\n");
    put(&fixture, "/data/PF_ETHUSD-1m.csv", T0 ",2,2,2,2,2,1700000099999,9,9,9,9,0\n");
    assert_feed(&fixture, "1 BTC 10 10 10 10 1\n"
                          "1 ETH 20 20 20 20 2\n"
                          "2 BTC 10 10 10 10 1\n"
                          "3 ! a.csv:4 row_duplicate [BTC]\n"
                          "3 SOL 30 30 30 30 3\n" /* a symbol's own name goes before a spelling */
                          "end ! a.csv:6 row_unknown_symbol [-]\n");
    finish(&fixture);
}

static void a_bad_row_comes_right_before_the_next_bar_of_its_file(void **state)
{
    (void)state;
    struct fixture fixture;
    prepare(&fixture);
    put(&fixture, "/data/a.csv",
        HEAD "nonsense,1,2,3,4,5,6\n" T0 ",BTC,1,1,1,1,1\n" T1 ",BTC,1,2\n" T1
             ",BTC,nan,1,1,1,1\n" T1 ",BTC,0,1,1,1,1\n" T1 ",BTC,1,1,2,1,1\n1700000100001"
             ",BTC,1,1,1,1,1\n" T0 ",BTC,1,1,1,1,1\n" T1 ",\xff,1,1,1,1,1\n" T2
             ",BTC,1,1,1,1,1\n" T1 ",BTC,1,1,1,1,1\n" T3 ",BTC,1,1,1,1,1");
    put(&fixture, "/data/b.csv", HEAD T1 ",ETH,2,2,2,2,2\n");
    assert_feed(&fixture, "1 ! a.csv:2 row_unknown_symbol [-]\n" /* it is called 1 */
                          "1 BTC 10 10 10 10 1\n"
                          "2 ETH 20 20 20 20 2\n"
                          "3 ! a.csv:4 row_columns [-]\n"
                          "3 ! a.csv:5 row_number [BTC]\n"
                          "3 ! a.csv:6 row_not_positive [BTC]\n"
                          "3 ! a.csv:7 row_inconsistent [BTC]\n"
                          "3 ! a.csv:8 row_time [BTC]\n"
                          "3 ! a.csv:9 row_duplicate [BTC]\n"
                          "3 ! a.csv:10 row_text [-]\n"
                          "3 BTC 10 10 10 10 1\n"
                          "end ! a.csv:12 row_backwards [BTC]\n"
                          "end ! a.csv:13 row_torn [-]\n");
    finish(&fixture);
}

static void rows_of_an_unknown_symbol_are_reported_once_and_counted(void **state)
{
    (void)state;
    struct fixture fixture;
    prepare(&fixture);
    put(&fixture, "/data/a.csv",
        HEAD T0 ",DOGE,1,1,1,1,1\n" T0 ",ADA,1,1,1,1,1\n" T0 ",BTC,1,1,1,1,1\n" T1
                ",DOGE,1,1,1,1,1\n" T1 ",ADA,1,1,1,1,1\n" T2 ",DOGE,1,1,1,1,1\n" T2
                ",XRP,1,1,1,1,1\n");
    assert_feed_rows(&fixture,
        "1 ! a.csv:2 row_unknown_symbol [-] " T0 ",DOGE,1,1,1,1,1\n"
        "1 ! a.csv:3 row_unknown_symbol [-] " T0 ",ADA,1,1,1,1,1\n"
        "1 BTC 10 10 10 10 1\n"
        "end ! a.csv:8 row_unknown_symbol [-] " T2 ",XRP,1,1,1,1,1\n"
        "end ! a.csv:5 row_unknown_symbol [-] 2 more rows of DOGE\n"
        "end ! a.csv:6 row_unknown_symbol [-] 1 more rows of ADA\n",
        true);
    finish(&fixture);
}

static void byte_order_marks_line_ends_and_empty_lines_are_no_problem(void **state)
{
    (void)state;
    struct fixture fixture;
    prepare(&fixture);
    put(&fixture, "/data/a.csv",
        "\xef\xbb\xbf" HEAD T0 ",BTC,1,1,1,1,1\r\n\r\n" HEAD T1 ",BTC,1,1,1,1,1\n\n\n");
    put(&fixture, "/data/b.csv", "\xef\xbb\xbf" T0 ",ETH,2,2,2,2,2\n");
    assert_feed(&fixture, "1 BTC 10 10 10 10 1\n"
                          "1 ETH 20 20 20 20 2\n"
                          "2 BTC 10 10 10 10 1\n");
    finish(&fixture);
}

static void files_without_rows_and_unknown_files_are_problems(void **state)
{
    (void)state;
    struct fixture fixture;
    prepare(&fixture);
    put(&fixture, "/data/a.csv", "");
    put(&fixture, "/data/b.csv", HEAD);
    put(&fixture, "/data/c.csv", "time,symbol,open,close,high,low,volume\n" T0 ",BTC,1,1,1,1,1\n");
    put(&fixture, "/data/d.csv", T0 ",1\n" T0 ",BTC,1,1,1,1,1\n"); /* the second row tells */
    put(&fixture, "/data/e.csv", "\xef\xbb\xbf");
    assert_feed(&fixture, "1 ! d.csv:1 row_columns [-]\n"
                          "1 BTC 10 10 10 10 1\n"
                          "end ! a.csv:0 file_empty [-]\n"
                          "end ! b.csv:0 file_empty [-]\n"
                          "end ! c.csv:1 row_columns [-]\n"
                          "end ! c.csv:2 row_columns [-]\n"
                          "end ! e.csv:0 file_empty [-]\n");
    finish(&fixture);
}

static void of_two_files_with_the_same_bar_the_first_one_counts(void **state)
{
    (void)state;
    struct fixture fixture;
    prepare(&fixture);
    put(&fixture, "/data/2.csv",
        HEAD "bad\n" T1 ",BTC,2,2,2,2,2\n" T2 ",BTC,2,2,2,2,2\n" T3 ",BTC,2,2,2,2,2\n");
    put(&fixture, "/data/1.csv", HEAD T0 ",BTC,1,1,1,1,1\n" T1 ",BTC,1,1,1,1,1\n");
    assert_feed(&fixture, "1 BTC 10 10 10 10 1\n"
                          "2 BTC 10 10 10 10 1\n"
                          "3 ! 2.csv:2 row_columns [-]\n"
                          "3 ! 2.csv:3 row_duplicate [BTC]\n"
                          "3 BTC 20 20 20 20 2\n"
                          "4 BTC 20 20 20 20 2\n");
    finish(&fixture);
}

static void a_line_that_is_too_long_is_one_problem(void **state)
{
    (void)state;
    struct fixture fixture;
    prepare(&fixture);
    static char text[200000];
    int count = snprintf(text, sizeof(text), "%s%s,BTC,1,1,1,1,1", HEAD, T0);
    memset(text + count, '0', 150000);
    (void)snprintf(text + count + 150000, 100, "\n%s,BTC,1,1,1,1,1\n", T1);
    put(&fixture, "/data/a.csv", text);
    assert_feed(&fixture, "2 ! a.csv:2 row_text [-]\n"
                          "2 BTC 10 10 10 10 1\n");
    finish(&fixture);
}

static void bad_rows_without_end_are_counted(void **state)
{
    (void)state;
    enum { ROWS = 5000, REPORTED = 1024 };
    struct fixture fixture;
    prepare(&fixture);
    struct mri_buf file;
    struct mri_buf expected;
    mri_buf_init(&file, mri_alloc_system(), TEXT_BYTES_MAX);
    mri_buf_init(&expected, mri_alloc_system(), TEXT_BYTES_MAX);
    mri_buf_text(&file, HEAD T0 ",BTC,1,1,1,1,1\n");
    mri_buf_text(&expected, "1 BTC 10 10 10 10 1\n");
    for (int i = 0; i < ROWS; i++) {
        mri_buf_printf(&file, "bad %d\n", i);
        if (i < REPORTED) {
            mri_buf_printf(&expected, "2 ! a.csv:%d row_columns [-] bad %d\n", i + 3, i);
        }
    }
    mri_buf_text(&file, T1 ",BTC,1,1,1,1,1\nbad\n");
    mri_buf_printf(
        &expected, "2 ! a.csv:%d row_columns [-] %d more rows\n", REPORTED + 3, ROWS - REPORTED);
    mri_buf_printf(
        &expected, "2 BTC 10 10 10 10 1\nend ! a.csv:%d row_columns [-] bad\n", ROWS + 4);
    put(&fixture, "/data/a.csv", mri_buf_c_text(&file));
    assert_feed_rows(&fixture, mri_buf_c_text(&expected), true);
    mri_buf_fini(&file);
    mri_buf_fini(&expected);
    finish(&fixture);
}

/** How many rows an item stands for. */
static uint64_t row_count_of(const struct mri_feed_item *item)
{
    char text[64] = "";
    struct mri_slice row = item->problem.row;
    if (row.count > 0 && row.count < sizeof(text)) {
        memcpy(text, row.bytes, row.count);
    }
    return strstr(text, " more rows") == NULL ? 1 : strtoull(text, NULL, 10);
}

static void many_files_share_the_room_for_waiting_problems(void **state)
{
    (void)state;
    enum { FILES = 6, ROWS = 1500 };
    struct fixture fixture;
    prepare(&fixture);
    struct mri_buf file;
    mri_buf_init(&file, mri_alloc_system(), TEXT_BYTES_MAX);
    mri_buf_text(&file, HEAD T0 ",BTC,1,1,1,1,1\n");
    for (int i = 0; i < ROWS; i++) {
        mri_buf_text(&file, "bad\n");
    }
    for (int i = 0; i < FILES; i++) {
        char path[32];
        (void)snprintf(path, sizeof(path), "/data/%d.csv", i);
        put(&fixture, path, mri_buf_c_text(&file));
    }
    mri_buf_fini(&file);
    assert_int_equal(try_open(&fixture, 3, NULL), MR_OK);
    struct mri_feed_item item;
    uint64_t rows = 0;
    while (fixture.feed.next(fixture.feed.state, &item) == MR_OK) {
        rows += row_count_of(&item);
    }
    assert_int_equal(rows, FILES * (ROWS + 1)); /* all are accounted for */
    fixture.feed.close(fixture.feed.state);
    finish(&fixture);
}

/** Compress a text and put it, cut to `keep` bytes, into a file; 0: whole. */
static void put_packed(struct fixture *fixture, const char *path, const char *text, size_t cut)
{
    static unsigned char packed[FILE_BYTES_MAX];
    z_stream stream = {0};
    assert_int_equal(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    stream.next_in = (Bytef *)(uintptr_t)text;
    stream.avail_in = (unsigned)strlen(text);
    stream.next_out = packed;
    stream.avail_out = sizeof(packed);
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    assert_int_equal(deflateEnd(&stream), Z_OK);
    mri_os_memory_put(fixture->memory, path, packed, stream.total_out - cut);
}

static void rows_before_the_end_of_a_damaged_file_are_used(void **state)
{
    (void)state;
    struct fixture fixture;
    prepare(&fixture);
    put_packed(&fixture, "/data/a.csv.gz", HEAD T0 ",BTC,1,1,1,1,1\n" T1 ",BTC,1,1,1,1,1\n", 8);
    put_packed(&fixture, "/data/b.csv.gz", HEAD T0 ",ETH,1,1,1,1,1\n" T1 ",ETH,1,1,1,1,1\n", 0);
    assert_feed(&fixture, "1 BTC 10 10 10 10 1\n"
                          "1 ETH 10 10 10 10 1\n"
                          "2 BTC 10 10 10 10 1\n"
                          "2 ETH 10 10 10 10 1\n"
                          "end ! a.csv.gz:0 file_damaged [-]\n");
    finish(&fixture);
}

static void assert_refused(
    struct fixture *fixture, const char *path, mr_err expected, const char *part)
{
    mr_problem problem = {0};
    fixture->path = path;
    assert_int_equal(try_open(fixture, 3, &problem), expected);
    if (strstr(problem.text, part) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", problem.text, part);
    }
}

static void what_cannot_be_used_at_all_is_refused_by_name(void **state)
{
    (void)state;
    struct fixture fixture;
    prepare(&fixture);
    assert_refused(&fixture, "/absent", MR_EPATH, "/absent: ");
    assert_refused(&fixture, "/data", MR_REFUSED, "/data: no *.csv");
    put(&fixture, "/data/a.csv", HEAD);
    assert_refused(
        &fixture, "/data", MR_REFUSED, "/data/a.csv: not one usable bar: a file without");
    put(&fixture, "/data/a.csv", HEAD T0 ",DOGE,1,1,1,1,1\n");
    assert_refused(&fixture, "/data/a.csv", MR_REFUSED, "a.csv, line 2: a symbol that is not");
    mr_problem problem;
    assert_int_equal(try_open(&fixture, 0, &problem), MR_EINVAL);
    finish(&fixture);
}

static void every_failing_call_is_passed_up_and_leaks_nothing(void **state)
{
    (void)state;
    bool is_done = false;
    for (uint64_t call = 1; !is_done; call++) {
        struct fixture fixture;
        prepare(&fixture);
        put(&fixture, "/data/a.csv", HEAD T0 ",BTC,1,1,1,1,1\n" T0 ",ETH,1,1,1,1,1\n");
        put_packed(&fixture, "/data/b.csv.gz", HEAD T1 ",BTC,1,1,1,1,1\n", 0);
        mri_os_faults_arm(&fixture.faults, MRI_OS_CALL_ANY, call, MR_EIO);
        mr_problem problem = {0};
        mr_err err = try_open(&fixture, 3, &problem);
        if (err == MR_OK) {
            err = write_feed(&fixture, true);
        } else {
            assert_non_null(strstr(problem.text, "/data"));
        }
        is_done = fixture.faults.fired == 0;
        bool is_close = fixture.faults.fired == 0 || err == MR_END; /* closing cannot fail */
        assert_int_equal(err, is_close ? MR_END : MR_EIO);
        finish(&fixture);
        assert_true(call < 100);
    }
}

static void every_failing_allocation_is_passed_up_and_leaks_nothing(void **state)
{
    (void)state;
    mr_err err = MR_ENOMEM;
    unsigned failing = 0;
    while (err == MR_ENOMEM) {
        struct fixture fixture;
        prepare(&fixture);
        put(&fixture, "/data/a.csv", HEAD T0 ",BTC,1,1,1,1,1\n" T0 ",ETH,1,1,1,1,1\n");
        put_packed(&fixture, "/data/b.csv.gz", HEAD T1 ",BTC,1,1,1,1,1\n", 0);
        failing_alloc_init(&fixture.failing, ++failing);
        mr_problem problem = {0};
        err = try_open(&fixture, 3, &problem);
        if (err == MR_OK) {
            err = write_feed(&fixture, true);
        } else {
            assert_non_null(strstr(problem.text, "memory"));
        }
        finish(&fixture);
    }
    assert_int_equal(err, MR_END);
    assert_in_range(failing, 20, 100);
}

static void identity_of(struct fixture *fixture, char identity[MRI_FEED_IDENTITY_BYTES])
{
    assert_int_equal(try_open(fixture, 3, NULL), MR_OK);
    memcpy(identity, fixture->feed.identity, MRI_FEED_IDENTITY_BYTES);
    fixture->feed.close(fixture->feed.state);
}

static void equal_data_have_equal_identity_wherever_they_lie(void **state)
{
    (void)state;
    struct fixture fixture;
    prepare(&fixture);
    char together[MRI_FEED_IDENTITY_BYTES];
    char apart[MRI_FEED_IDENTITY_BYTES];
    char other[MRI_FEED_IDENTITY_BYTES];
    put(&fixture, "/data/x.csv", HEAD T0 ",ETH,2,2,2,2,2\n" T0 ",BTC,1,1,1,1,1\n");
    identity_of(&fixture, together);
    finish(&fixture);
    prepare(&fixture);
    put(&fixture, "/data/y.csv", HEAD T0 ",BTC,1.0,1,1,1,5\n");
    put(&fixture, "/data/z.csv", HEAD T0 ",ETH,2,2,2,2,2\n");
    identity_of(&fixture, apart);
    put(&fixture, "/data/y.csv", HEAD T0 ",BTC,1.1,1.1,1,1,1\n");
    identity_of(&fixture, other);
    assert_string_equal(together, apart);
    assert_int_equal(strlen(together), MRI_FEED_IDENTITY_BYTES - 1);
    assert_string_not_equal(together, other);
    finish(&fixture);
}

static void a_file_that_changes_under_the_feed_cannot_break_the_order(void **state)
{
    (void)state;
    struct fixture fixture;
    prepare(&fixture);
    put(&fixture, "/data/a.csv", HEAD T0 ",BTC,1,1,1,1,1\n");
    put(&fixture, "/data/b.csv", HEAD T2 ",ETH,1,1,1,1,1\n");
    put(&fixture, "/data/c.csv", HEAD T3 ",BTC,1,1,1,1,1\n");
    assert_int_equal(try_open(&fixture, 3, NULL), MR_OK);
    put(&fixture, "/data/a.csv", HEAD T1 ",BTC,1,1,1,1,1\n" T2 ",SOL,1,1,1,1,1\n");
    put(&fixture, "/data/b.csv", HEAD T0 ",ETH,1,1,1,1,1\n");
    put(&fixture, "/data/c.csv", "");
    assert_int_equal(write_feed(&fixture, false), MR_END);
    assert_string_equal(mri_buf_c_text(&fixture.text), "2 BTC 10 10 10 10 1\n"
                                                       "end ! a.csv:3 row_unknown_symbol [-]\n"
                                                       "end ! b.csv:2 row_backwards [ETH]\n"
                                                       "end ! c.csv:0 file_empty [-]\n");
    finish(&fixture);
}

static void files_of_later_times_are_not_opened_before(void **state)
{
    (void)state;
    enum { FILES = 200 };
    struct fixture fixture;
    prepare(&fixture);
    mri_os_memory_free(fixture.memory);
    fixture.memory = mri_os_memory_new(256);
    const struct mri_os *os = mri_os_memory_table(fixture.memory);
    assert_int_equal(os->make_folder(os->context, "/data"), MR_OK);
    mri_os_faults_init(&fixture.faults, os);
    for (int i = 0; i < FILES; i++) {
        char path[64];
        char text[128];
        (void)snprintf(path, sizeof(path), "/data/BTC-1m-%03d.csv", i);
        (void)snprintf(text, sizeof(text), "%lld,BTC,1,1,1,1,1\n%lld,BTC,1,1,1,1,1\n",
            (long long)(T0_UNIX_NS + 2 * i * MINUTE_NS) / 1000000,
            (long long)(T0_UNIX_NS + (2 * i + 1) * MINUTE_NS) / 1000000);
        put(&fixture, path, text);
    }
    assert_int_equal(try_open(&fixture, 3, NULL), MR_OK);
    struct mri_feed_item item;
    int64_t expected = T0_UNIX_NS;
    while (fixture.feed.next(fixture.feed.state, &item) == MR_OK) {
        expected += MINUTE_NS;
        assert_int_equal(item.time_unix_ns, expected);
        assert_true(mri_os_memory_open_count(fixture.memory) <= 1);
    }
    assert_int_equal(expected, T0_UNIX_NS + 2 * FILES * MINUTE_NS);
    fixture.feed.close(fixture.feed.state);
    finish(&fixture);
}

/** A folder of the real market data; NULL when they are not there. */
static const char *real_folder(const char *name, char path[static MRI_PATH_BYTES_MAX])
{
    const char *root = getenv("MILLRACE_DATA");
    (void)snprintf(
        path, MRI_PATH_BYTES_MAX, "%s/shared/data/candles_1m/%s", root == NULL ? "" : root, name);
    struct mri_file_info info;
    return root != NULL && mri_os_linux()->info(NULL, path, &info) == MR_OK ? path : NULL;
}

static void real_candles_are_read_without_a_problem(void **state)
{
    (void)state;
    static const struct {
        const char *folder;
        const char *symbols[10];
        uint64_t bars;
    } sets[] = {
        {"binance_spot_2021-04",
            {"BTCUSDT", "ETHUSDT", "ADAUSDT", "BCHUSDT", "DOGEUSDT", "DOTUSDT", "EOSUSDT",
                "LINKUSDT", "LTCUSDT", "XRPUSDT"},
            344756},
        {"binance_um_2023-07",
            {"BTCUSDT", "ETHUSDT", "ADAUSDT", "BNBUSDT", "DOGEUSDT", "LTCUSDT", "MATICUSDT",
                "SOLUSDT", "TRXUSDT", "XRPUSDT"},
            364727},
        {"binance_um_2025-05",
            {"BTCUSDT", "ETHUSDT", "ADAUSDT", "AVAXUSDT", "BNBUSDT", "LINKUSDT", "LTCUSDT",
                "SOLUSDT", "SUIUSDT", "XRPUSDT"},
            428176},
    };
    for (size_t i = 0; i < MRI_COUNT_OF(sets); i++) {
        char path[MRI_PATH_BYTES_MAX];
        if (real_folder(sets[i].folder, path) == NULL) {
            print_message("skipped: no real market data beside the checkout (%s)\n", path);
            skip();
        }
        struct mri_instrument_spec specs[10] = {0};
        for (size_t k = 0; k < MRI_COUNT_OF(specs); k++) {
            (void)snprintf(specs[k].symbol, sizeof(specs[k].symbol), "%s", sets[i].symbols[k]);
            specs[k].price_decimals = 8;
        }
        struct mri_csv_options options = {.path = path, .specs = specs, .spec_count = 10};
        struct mri_feed feed;
        assert_int_equal(
            mri_csv_open(mri_os_linux(), mri_alloc_system(), &options, &feed, NULL), MR_OK);
        assert_int_equal(feed.instrument_count, 10);
        struct mri_feed_item item;
        struct mri_feed_item before = {.time_unix_ns = INT64_MIN};
        uint64_t bars = 0;
        while (feed.next(feed.state, &item) == MR_OK) {
            assert_int_equal(item.kind, MRI_FEED_CANDLE);
            assert_true(
                item.time_unix_ns > before.time_unix_ns ||
                (item.time_unix_ns == before.time_unix_ns && item.instrument > before.instrument));
            before = item;
            bars++;
        }
        assert_int_equal(bars, sets[i].bars);
        feed.close(feed.state);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bars_are_merged_by_time_and_then_by_instrument),
        cmocka_unit_test(a_file_may_hold_several_symbols_in_any_order_of_a_minute),
        cmocka_unit_test(files_put_together_one_after_the_other_give_the_same_bars),
        cmocka_unit_test(klines_take_their_symbol_from_the_name_of_their_file),
        cmocka_unit_test(a_spelling_is_its_symbol_in_rows_and_in_names_of_files),
        cmocka_unit_test(a_bad_row_comes_right_before_the_next_bar_of_its_file),
        cmocka_unit_test(rows_of_an_unknown_symbol_are_reported_once_and_counted),
        cmocka_unit_test(byte_order_marks_line_ends_and_empty_lines_are_no_problem),
        cmocka_unit_test(files_without_rows_and_unknown_files_are_problems),
        cmocka_unit_test(of_two_files_with_the_same_bar_the_first_one_counts),
        cmocka_unit_test(a_line_that_is_too_long_is_one_problem),
        cmocka_unit_test(bad_rows_without_end_are_counted),
        cmocka_unit_test(many_files_share_the_room_for_waiting_problems),
        cmocka_unit_test(rows_before_the_end_of_a_damaged_file_are_used),
        cmocka_unit_test(what_cannot_be_used_at_all_is_refused_by_name),
        cmocka_unit_test(every_failing_call_is_passed_up_and_leaks_nothing),
        cmocka_unit_test(every_failing_allocation_is_passed_up_and_leaks_nothing),
        cmocka_unit_test(equal_data_have_equal_identity_wherever_they_lie),
        cmocka_unit_test(a_file_that_changes_under_the_feed_cannot_break_the_order),
        cmocka_unit_test(files_of_later_times_are_not_opened_before),
        cmocka_unit_test(real_candles_are_read_without_a_problem),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
