/* SPDX-License-Identifier: MIT */
/*
 * The feeds a run can read.
 */
#include "cli/feed_option.h"

#include <string.h>

#include "base/fixed.h"
#include "base/problem.h"
#include "feeds/csv.h"
#include "feeds/synthetic.h"

mr_err mri_feed_option_parse(
    const char *text, struct mri_feed_option *ret_option, mr_problem *reterr_problem)
{
    static const char csv[] = "csv:";
    static const char synthetic[] = "synthetic:";
    if (strncmp(text, csv, sizeof(csv) - 1) == 0 && text[sizeof(csv) - 1] != '\0') {
        *ret_option = (struct mri_feed_option){.kind = "csv", .path = text + sizeof(csv) - 1};
        return MR_OK;
    }
    if (strcmp(text, "none") == 0) {
        *ret_option = (struct mri_feed_option){.kind = "none"};
        return MR_OK;
    }
    if (strncmp(text, synthetic, sizeof(synthetic) - 1) == 0) {
        int64_t seed;
        mr_err err = mri_fixed_parse_count(mri_slice_of(text + sizeof(synthetic) - 1), &seed);
        if (err == MR_OK) {
            *ret_option = (struct mri_feed_option){.kind = "synthetic", .seed = (uint64_t)seed};
            return MR_OK;
        }
        return mri_problem(reterr_problem, MR_REFUSED,
            "--feed: expected synthetic:SEED with a whole number, found \"%s\"", text);
    }
    return mri_problem(reterr_problem, MR_REFUSED,
        "--feed: expected csv:PATH, synthetic:SEED or none, found \"%s\"", text);
}

mr_err mri_feed_option_open(const struct mri_os *os, const struct mri_alloc *alloc,
    const struct mri_feed_option *option, const struct mri_config *config,
    struct mri_feed *ret_feed, mr_problem *reterr_problem)
{
    if (strcmp(option->kind, "csv") == 0) {
        const struct mri_csv_options options = {.path = option->path,
            .specs = config->instruments,
            .spec_count = config->instrument_count,
            .spellings = config->spellings,
            .spelling_count = config->spelling_count};
        return mri_csv_open(os, alloc, &options, ret_feed, reterr_problem);
    }
    const struct mri_synthetic_options options = {
        .seed = option->seed,
        .symbol_count = (uint32_t)config->synthetic_symbols,
        .bar_count = (uint32_t)config->synthetic_bars,
    };
    mr_err err = mri_synthetic_open(alloc, &options, ret_feed);
    return err == MR_OK ? MR_OK
                        : mri_problem(reterr_problem, err, "synthetic feed: %s", mr_err_text(err));
}
