/* SPDX-License-Identifier: MIT */
/*
 * Opening a log for questions.
 */
#include "cli/opened.h"

#include <stdio.h>
#include <string.h>

#include "base/ident.h"
#include "cli/describe.h"
#include "conf/yaml.h"

enum mri_exit mri_opened_open(const struct mri_cli *cli, struct mri_opened **ret_opened)
{
    void *block;
    mr_problem problem = {""};
    const struct mri_fold_options options = {
        .os = cli->os,
        .alloc = cli->alloc,
        .folder = mri_cli_folder(cli),
        .parse = mri_yaml_config,
    };
    mr_err err = mri_alloc_array(cli->alloc, 1, sizeof(struct mri_opened), &block);
    if (err != MR_OK) {
        return mri_cli_fail(cli, MRI_EXIT_FAULT, "%s", mr_err_text(err));
    }
    struct mri_opened *opened = block;
    err = mri_fold_init(&opened->fold, &options, &problem);
    if (err == MR_OK) {
        err = mri_fold_name_pending(&opened->fold, &problem);
    }
    if (err != MR_OK) {
        mri_fold_fini(&opened->fold);
        mri_alloc_free(cli->alloc, opened, sizeof(*opened));
        return mri_cli_fail(cli, mri_cli_exit_of(err), "%s",
            problem.text[0] != '\0' ? problem.text : mr_err_text(err));
    }
    *ret_opened = opened;
    return MRI_EXIT_OK;
}

enum mri_exit mri_opened_close(
    const struct mri_cli *cli, struct mri_opened *opened, enum mri_exit exit)
{
    if (opened->fold.damage != MR_OK) {
        exit = mri_cli_fail(cli, MRI_EXIT_FAULT, "the answer is as of before the damage: %s",
            opened->fold.damage_problem.text);
    }
    mri_fold_fini(&opened->fold);
    mri_alloc_free(cli->alloc, opened, sizeof(*opened));
    return exit;
}

enum mri_exit mri_opened_fail(const struct mri_cli *cli, mr_err err, const mr_problem *problem)
{
    return mri_cli_fail(cli, err == MR_NOT_FOUND ? MRI_EXIT_NO : mri_cli_exit_of(err), "%s",
        problem->text[0] != '\0' ? problem->text : mr_err_text(err));
}

struct mri_known_names mri_opened_names(const struct mri_opened *opened)
{
    return (struct mri_known_names){.instruments = &opened->fold.wiring.market.instruments,
        .sources = &opened->fold.bus.sources,
        .names = &opened->fold.bus.names};
}

enum mri_exit mri_opened_name(const struct mri_cli *cli, const struct mri_opened *opened,
    const char *option, enum mri_name_kind kind, uint32_t *number)
{
    const char *text = mri_options_get(cli->options, option);
    char what[MRI_EXPECTED_NAME_BYTES];
    if (text == NULL) {
        return MRI_EXIT_OK;
    }
    const struct mri_known_names known = mri_opened_names(opened);
    const struct mri_filter_names names =
        mri_known_names_filter(&known, opened->fold.bus.event_time_unix_ns);
    if (names.find(names.context, kind, mri_slice_of(text), number) == MR_OK) {
        return MRI_EXIT_OK;
    }
    return mri_cli_fail(cli, MRI_EXIT_USAGE, "--%s: expected %s, found \"%s\"", option,
        mri_filter_names_expected(&names, kind, mri_slice_of(text), what), text);
}

static uint32_t ordinal_of(const struct mri_opened *opened, const char *text)
{
    struct mri_ident ident;
    char own[MRI_IDENT_BYTES];
    const struct mri_names names = mri_names_of(&opened->fold);
    int64_t number;
    if (mri_fixed_parse_count(mri_slice_of(text), &number) == MR_OK) {
        bool is_known = number > 0 && number <= opened->fold.bus.slots.count;
        return is_known ? (uint32_t)number : 0;
    }
    if (mri_ident_parse(mri_slice_of(text), &ident) != MR_OK ||
        mri_slots_get(&opened->fold.bus.slots, ident.ordinal.n) == NULL) {
        return 0;
    }
    /* Compared whole: a symbol or time that is not the signal's names no signal. */
    return strcmp(mri_names_signal(&names, ident.ordinal.n, own), text) == 0 ? ident.ordinal.n : 0;
}

/** Emissions outside the lifecycle have ids of the same form: say where such a one is. */
static const struct mri_observed_entry *observed_of(
    const struct mri_opened *opened, const char *text)
{
    struct mri_ident ident;
    bool is_one = mri_ident_parse(mri_slice_of(text), &ident) == MR_OK &&
                  ident.ordinal.n > MRI_OBSERVED_ID_BIT;
    const struct mri_observed_entry *entry =
        is_one ? mri_observed_get(&opened->fold.bus.observed, ident.ordinal.n - MRI_OBSERVED_ID_BIT)
               : NULL;
    return entry != NULL && entry->event_time_unix_ns / 1000000 == ident.time_unix_ms ? entry
                                                                                      : NULL;
}

uint32_t mri_opened_signal(
    const struct mri_cli *cli, const struct mri_opened *opened, const char *text)
{
    uint32_t ordinal = ordinal_of(opened, text);
    const struct mri_observed_entry *observed = ordinal == 0 ? observed_of(opened, text) : NULL;
    if (observed != NULL) {
        (void)mri_cli_fail(cli, MRI_EXIT_NO,
            "%s is no signal: it was emitted without symbol or side and is kept outside the "
            "lifecycle, as event %llu (`%s show %llu`), last as event %llu",
            text, (unsigned long long)observed->emitted_seq, cli->program,
            (unsigned long long)observed->emitted_seq, (unsigned long long)observed->last_seq);
    } else if (ordinal == 0) {
        (void)mri_cli_fail(cli, MRI_EXIT_NO, "no signal \"%s\" in %s, which has %u signals%s", text,
            mri_cli_folder(cli), opened->fold.bus.slots.count,
            mri_ident_is_name(mri_slice_of(text)) ? "" : "; that is neither an id nor a number");
    }
    return ordinal;
}

void mri_opened_tell(const struct mri_log_opening *opening)
{
    if (opening->cut_bytes > 0) {
        (void)fprintf(stderr,
            "recovered  an incomplete end of %llu bytes was cut off: an append that nobody was "
            "told is "
            "durable, unless the file had been cut short (`millrace verify` before says so)\n",
            (unsigned long long)opening->cut_bytes);
    }
    if (opening->is_head_repaired) {
        (void)fprintf(stderr, "recovered  a damaged copy of a segment's head was written again\n");
    }
    if (opening->is_after_poison) {
        (void)fprintf(stderr, "WARNING    a write or sync had failed before: what was not durable "
                              "then may be gone\n");
    }
    if (opening->is_dedupe_incomplete) {
        (void)fprintf(stderr,
            "WARNING    producers of removed or damaged events are not known: what they send again "
            "is not found repeated\n");
    }
    if (opening->warning != NULL) {
        (void)fprintf(stderr, "WARNING    %s: %s\n", opening->file_system, opening->warning);
    }
}
