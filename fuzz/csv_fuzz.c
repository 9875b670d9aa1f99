/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes the feed of candle files. The input is up to three files, cut at bytes 0x1e. No input may
 * crash the feed; its items come in order; every bar is a possible one; every row is a bar or a
 * problem; reading again gives the same items.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/hash.h"
#include "base/text.h"
#include "feeds/csv.h"
#include "feeds/csv_row.h"
#include "os/line_reader.h"
#include "tests/lib/os_memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

enum { SPECS = 3, FILES_MAX = 3, FILE_BYTES_MAX = 1 << 20 };

static const struct mri_instrument_spec specs[SPECS] = {
    {.symbol = "BTC", .price_decimals = 1},
    {.symbol = "ETH", .price_decimals = 3},
    {.symbol = "SOL", .price_decimals = 0},
};

static const char *const paths[FILES_MAX] = {"/data/BTC-1m.csv", "/data/a.csv", "/data/b.csv.gz"};

/** What a feed gave. */
struct tally {
    uint64_t rows;  /* that items stand for */
    uint64_t hash;  /* of all items, in order */
    int64_t time;   /* of the item before */
    uint32_t after; /* at this time only instruments from here on may follow */
    int64_t bar_times[SPECS];
};

static void add(struct tally *tally, const void *bytes, size_t count)
{
    uint64_t both[2] = {tally->hash, mri_hash(bytes, count)};
    tally->hash = mri_hash(both, sizeof(both));
}

static void check_bar(struct tally *tally, const struct mri_feed_item *item)
{
    const struct mri_feed_candle *candle = &item->candle;
    MRI_ASSERT(item->instrument < SPECS);
    MRI_ASSERT(item->instrument >= tally->after);
    MRI_ASSERT(item->time_unix_ns > tally->bar_times[item->instrument]);
    MRI_ASSERT(item->time_unix_ns % candle->duration_ns == 0);
    MRI_ASSERT(candle->low > 0 && candle->low <= candle->open && candle->low <= candle->close);
    MRI_ASSERT(candle->high >= candle->open && candle->high >= candle->close);
    MRI_ASSERT(candle->volume >= 0.0 && candle->volume - candle->volume == 0.0);
    tally->bar_times[item->instrument] = item->time_unix_ns;
    tally->after = item->instrument + 1;
    tally->rows++;
    add(tally, candle, sizeof(*candle));
}

/** How many rows a problem stands for. */
static uint64_t rows_of(const struct mri_feed_problem *problem)
{
    char text[200] = "";
    bool is_file = problem->line == 0;
    size_t bytes = problem->row.count < sizeof(text) - 1 ? problem->row.count : sizeof(text) - 1;
    memcpy(text, problem->row.bytes, bytes);
    bool is_more = strstr(text, " more rows") != NULL;
    return is_file ? 0 : is_more ? strtoull(text, NULL, 10) : 1;
}

static void check_problem(
    struct tally *tally, const struct mri_feed_item *item, const struct mri_feed *feed)
{
    const struct mri_feed_problem *problem = &item->problem;
    MRI_ASSERT(tally->after == 0); /* problems come before bars */
    MRI_ASSERT(item->instrument == UINT32_MAX || item->instrument < feed->instrument_count);
    MRI_ASSERT(problem->reason >= MRI_REASON_ROW_TORN);
    MRI_ASSERT(problem->reason <= MRI_REASON_FILE_DAMAGED);
    tally->rows += rows_of(problem);
    add(tally, &problem->line, sizeof(problem->line));
    add(tally, problem->row.bytes, problem->row.count);
}

static void read_all(struct mri_feed *feed, struct tally *tally)
{
    struct mri_feed_item item;
    mr_err err;
    while ((err = feed->next(feed->state, &item)) == MR_OK) {
        MRI_ASSERT(item.time_unix_ns >= tally->time);
        tally->after = item.time_unix_ns == tally->time ? tally->after : 0;
        tally->time = item.time_unix_ns;
        add(tally, &item.time_unix_ns, sizeof(item.time_unix_ns));
        if (item.kind == MRI_FEED_CANDLE) {
            check_bar(tally, &item);
        } else {
            MRI_ASSERT(item.kind == MRI_FEED_PROBLEM);
            check_problem(tally, &item, feed);
        }
    }
    MRI_ASSERT(err == MR_END);
    MRI_ASSERT(feed->progress(feed->state) == 1.0);
}

/** How many rows a file has, counted without the feed: its lines without headers and empty ones. */
static uint64_t count_rows(const struct mri_os *os, const char *path)
{
    struct mri_line_source source = {.path = path, .line_bytes_max = MRI_CSV_ROW_BYTES_MAX};
    struct mri_line_reader *reader;
    struct mri_line line;
    static char header[MRI_CSV_ROW_BYTES_MAX];
    struct mri_slice known = {.bytes = header};
    enum mri_csv_format format = MRI_CSV_UNDECIDED;
    uint64_t rows = 0;
    mr_err err = mri_line_reader_open(os, mri_alloc_system(), &source, &reader, NULL);
    MRI_ASSERT(err == MR_OK);
    while (mri_line_reader_next(reader, &line, NULL) == MR_OK) {
        bool is_header = false;
        bool is_text = !line.is_too_long && mri_text_is_utf8(line.text);
        if (is_text && line.text.count > 0 && format == MRI_CSV_UNDECIDED) {
            format = mri_csv_row_format(line.text, &is_header);
            known.count = is_header ? line.text.count : 0;
            memcpy(header, line.text.bytes, known.count);
        }
        bool is_known = is_text && mri_slice_equal(line.text, known);
        rows += line.text.count > 0 && !is_known;
    }
    mri_line_reader_close(reader);
    return rows;
}

/** Does the input itself hold the words by which rows_of() knows a count? */
static bool says_more_rows(const uint8_t *bytes, size_t count)
{
    static const char words[] = "more rows";
    for (size_t i = 0; i + sizeof(words) - 1 <= count; i++) {
        if (memcmp(bytes + i, words, sizeof(words) - 1) == 0) {
            return true;
        }
    }
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    if (count >= FILE_BYTES_MAX || says_more_rows(bytes, count)) {
        return 0;
    }
    struct mri_os_memory *memory = mri_os_memory_new(count + 1);
    const struct mri_os *os = mri_os_memory_table(memory);
    uint64_t rows = 0;
    mr_err err = os->make_folder(os->context, "/data");
    MRI_ASSERT(err == MR_OK);
    const uint8_t *at = bytes;
    size_t left = count;
    for (int i = 0; i < FILES_MAX && left > 0; i++) {
        const uint8_t *cut = i + 1 < FILES_MAX ? memchr(at, 0x1e, left) : NULL;
        size_t file_bytes = cut == NULL ? left : (size_t)(cut - at);
        mri_os_memory_put(memory, paths[i], at, file_bytes);
        rows += count_rows(os, paths[i]);
        left -= cut == NULL ? left : file_bytes + 1;
        at += file_bytes + 1;
    }
    struct tally tallies[2] = {0};
    for (int i = 0; i < 2; i++) {
        struct mri_csv_options options = {.path = "/data", .specs = specs, .spec_count = SPECS};
        struct mri_feed feed;
        mr_problem problem = {0};
        err = mri_csv_open(os, mri_alloc_system(), &options, &feed, &problem);
        MRI_ASSERT(err == MR_OK || (err == MR_REFUSED && problem.text[0] != '\0'));
        if (err == MR_OK) {
            read_all(&feed, &tallies[i]);
            feed.close(feed.state);
            MRI_ASSERT(tallies[i].rows == rows);
        }
    }
    MRI_ASSERT(tallies[0].hash == tallies[1].hash);
    MRI_ASSERT(mri_os_memory_open_count(memory) == 0);
    mri_os_memory_free(memory);
    return 0;
}
