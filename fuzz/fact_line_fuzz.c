/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes the lines of `millrace feed`. No line may crash; what is refused has a reason and a text;
 * what is drafted is taken by the market that it was checked against.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/check.h"
#include "cli/fact_line.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

enum { LINE_BYTES_MAX = 64 * 1024 };

#define WALL_UNIX_NS INT64_C(1704153600000000000) /* 2024-01-02 */

static const struct mri_instrument_spec spec = {
    .symbol = "BTCUSDT",
    .venue = "fuzz",
    .native_name = "BTCUSDT",
    .quote_currency = "USDT",
    .price_decimals = 2,
    .quantity_decimals = 3,
    .tick = 5,
    .lot = 1,
    .quantity_min = 1,
    .multiplier = 1,
};

/** What all inputs share: to make it costs more than to use it. */
struct bench {
    struct mri_market market;
    struct mri_fact_desk desk;
    struct mri_batch batch;
    struct mri_json_parser *parser;
    struct mri_buf texts;
};

static void begin(struct bench *bench)
{
    const struct mri_alloc *alloc = mri_alloc_system();
    mr_err err = mri_market_init(&bench->market, alloc, 1);
    MRI_ASSERT(err == MR_OK);
    err = mri_batch_init(&bench->batch, alloc, 4, 65536);
    MRI_ASSERT(err == MR_OK);
    mri_batch_begin(&bench->batch, 1, 1);
    err = mri_instrument_draft(&bench->batch, &spec, 0);
    MRI_ASSERT(err == MR_OK);
    const struct mri_event event = mri_batch_event(&bench->batch, 0);
    err = mri_market_apply(&bench->market, &event);
    MRI_ASSERT(err == MR_OK);
    err = mri_json_parser_open(alloc, LINE_BYTES_MAX, &bench->parser);
    MRI_ASSERT(err == MR_OK);
    mri_buf_init(&bench->texts, alloc, (size_t)2 * LINE_BYTES_MAX);
}

/** Draft a fact, and let a market of its own take it. */
static void take(struct bench *bench, const struct mri_fact_input *input, bool is_live)
{
    struct mri_fact_answer answer;
    mr_problem problem = {""};
    mr_err err = mri_fact_desk_init(&bench->desk, mri_alloc_system(), &bench->market, is_live);
    MRI_ASSERT(err == MR_OK);
    err = mri_fact_desk_begin(&bench->desk, is_live ? WALL_UNIX_NS : 0, WALL_UNIX_NS);
    MRI_ASSERT(err == MR_OK);
    mri_batch_begin(&bench->batch, 1, 1);
    err = mri_fact_desk_draft(&bench->desk, input, &bench->batch, &answer, &problem);
    MRI_ASSERT(err == MR_OK || err == MR_REFUSED);
    MRI_ASSERT((err == MR_REFUSED) == (answer.reason != MRI_REASON_NONE));
    MRI_ASSERT((err == MR_REFUSED) == (problem.text[0] != '\0'));
    MRI_ASSERT(err == MR_OK || bench->batch.count == 0);
    struct mri_market_symbol before = bench->market.symbols[0];
    for (uint32_t i = 0; i < bench->batch.count; i++) {
        const struct mri_event event = mri_batch_event(&bench->batch, i);
        if (event.type == MRI_EVENT_CANDLE) {
            break; /* it would grow the windows of all that follow */
        }
        err = mri_market_apply(&bench->market, &event);
        MRI_ASSERT(err == MR_OK);
    }
    bench->market.symbols[0] = before;
    bench->market.event_time_unix_ns = 0;
    mri_fact_desk_fini(&bench->desk);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    static struct bench bench;
    struct mri_fact_line line;
    struct mri_fact_input input;
    mr_problem problem = {""};
    enum mri_reason reason = MRI_REASON_NONE;
    if (bench.parser == NULL) {
        begin(&bench);
    }
    mr_err err = mri_fact_line_parse(bench.parser, (struct mri_slice){(const char *)bytes, count},
        &bench.texts, &line, &problem);
    if (err == MR_OK) {
        err = mri_fact_line_read(&line, &bench.market.instruments, &input, &reason, &problem);
        MRI_ASSERT((err == MR_REFUSED) == (reason != MRI_REASON_NONE));
    }
    MRI_ASSERT(err == MR_OK || err == MR_REFUSED);
    MRI_ASSERT((err == MR_REFUSED) == (problem.text[0] != '\0'));
    if (err == MR_OK) {
        take(&bench, &input, false);
        take(&bench, &input, true);
    }
    return 0;
}
