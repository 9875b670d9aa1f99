/* SPDX-License-Identifier: MIT */
/*
 * What a run registers: the instruments of its configuration and of a simulated market.
 */
#include "pipeline/registration.h"

#include "base/problem.h"
#include "log/open/making.h"

/** Draft the registration of an instrument that is new or was provisional; refuse one that changed.
 */
static mr_err register_instrument(struct mri_node *node, const struct mri_instrument_spec *spec,
    uint32_t *new_count, mr_problem *problem)
{
    const struct mri_instruments *known = &node->fold.wiring.market.instruments;
    uint32_t number;
    if (mri_instruments_find_registered(known, mri_slice_of(spec->symbol), &number) == MR_OK) {
        const struct mri_instrument_spec *before = mri_instruments_get(known, number);
        const struct mri_instrument_spec own = mri_instrument_spelled(spec, before->symbol);
        if (mri_instrument_equal(before, &own)) {
            return MR_OK;
        }
        if (before->is_provisional != 0) {
            return mri_instrument_draft(&node->inputs, &own, number);
        }
        return mri_problem(problem, MR_REFUSED,
            "instrument %s differs from its registration in %s; start a new directory for it",
            spec->symbol, node->options.folder);
    }
    mr_err err = mri_instrument_draft(&node->inputs, spec, known->count + *new_count);
    *new_count += err == MR_OK;
    return err;
}

/** The symbol of a name: in the log, of the feed, or of the configuration; NULL: none has it. */
static const char *symbol_of(const struct mri_registration_names *names, const char *name)
{
    const struct mri_feed *feed = names->feed;
    const struct mri_config *config = names->config;
    uint32_t number;
    if (names->known != NULL &&
        mri_instruments_find_registered(names->known, mri_slice_of(name), &number) == MR_OK) {
        return mri_instruments_get(names->known, number)->symbol;
    }
    for (uint32_t i = 0; feed != NULL && feed->is_simulated && i < feed->instrument_count; i++) {
        if (mri_symbol_is_same(mri_slice_of(feed->instruments[i].symbol), mri_slice_of(name))) {
            return feed->instruments[i].symbol;
        }
    }
    for (uint32_t i = 0; i < config->instrument_count; i++) {
        if (mri_symbol_is_same(mri_slice_of(config->instruments[i].symbol), mri_slice_of(name))) {
            return config->instruments[i].symbol;
        }
    }
    return NULL;
}

static mr_err check_spelling(
    const struct mri_registration_names *names, uint32_t index, mr_problem *problem)
{
    const struct mri_spelling *spelling = &names->config->spellings[index];
    const char *folder = names->place;
    const char *other = symbol_of(names, spelling->spelling);
    uint32_t number;
    if (other == NULL && names->known != NULL &&
        mri_instruments_find(names->known, mri_slice_of(spelling->spelling), &number) == MR_OK) {
        other = mri_instruments_get(names->known, number)->symbol; /* a spelling until now */
    }
    if (other != NULL && !mri_symbol_is_same(mri_slice_of(other), mri_slice_of(spelling->symbol))) {
        return mri_problem(problem, MR_REFUSED,
            "spellings[%u]: \"%s\" is the symbol %s in %s, and cannot be a spelling of %s", index,
            spelling->spelling, other, folder, spelling->symbol);
    }
    return symbol_of(names, spelling->symbol) != NULL
               ? MR_OK
               : mri_problem(problem, MR_REFUSED,
                     "spellings[%u]: %s, which \"%s\" is to be a spelling of, is no symbol in %s",
                     index, spelling->symbol, spelling->spelling, folder);
}

mr_err mri_registration_check_names(
    const struct mri_registration_names *names, mr_problem *reterr_problem)
{
    mr_err first = MR_OK;
    for (uint32_t i = 0; i < names->config->spelling_count; i++) {
        mr_problem what = {""};
        mr_err err = check_spelling(names, i, &what);
        if (err == MR_OK) {
            continue;
        }
        if (names->tell_spelling != NULL) {
            names->tell_spelling(names->tell_context, i, &what);
        }
        if (first == MR_OK) {
            first = mri_problem_pass(reterr_problem, err, what.text);
        }
    }
    return first;
}

static mr_err check_all(
    const struct mri_node *node, const struct mri_instruments *known, mr_problem *problem)
{
    const struct mri_node_options *options = &node->options;
    const struct mri_registration_names names = {.config = options->config,
        .feed = options->feed,
        .place = options->folder,
        .known = known,
        .tell_spelling = options->tell_spelling,
        .tell_context = options->tell_context};
    return mri_registration_check_names(&names, problem);
}

mr_err mri_registration_check_spellings(const struct mri_node *node, mr_problem *reterr_problem)
{
    return check_all(node, &node->fold.wiring.market.instruments, reterr_problem);
}

mr_err mri_registration_check_new(const struct mri_node *node, mr_problem *reterr_problem)
{
    const struct mri_node_options *options = &node->options;
    char path[MRI_PATH_BYTES_MAX];
    int fd;
    mr_err err = mri_os_path(options->folder, "MANIFEST", path);
    if (err != MR_OK) {
        return err;
    }
    err = options->os->open(options->os->context, path, MRI_OPEN_READ, &fd);
    if (err == MR_OK) {
        options->os->close(options->os->context, fd);
    }
    bool is_missing = err == MR_EPATH && options->is_create;
    if (!is_missing ||
        mri_making_check_folder(options->os, options->alloc, options->folder, NULL) != MR_OK) {
        return MR_OK; /* opening it tells what it is */
    }
    return check_all(node, NULL, reterr_problem);
}

mr_err mri_registration_draft(struct mri_node *node, mr_problem *reterr_problem)
{
    const struct mri_config *config = node->options.config;
    const struct mri_feed *feed = node->options.feed;
    uint32_t feed_count = feed != NULL && feed->is_simulated ? feed->instrument_count : 0;
    uint32_t new_count = 0;
    mr_err err = MR_OK;
    mri_node_begin_inputs(node);
    for (uint32_t i = 0; i < feed_count && err == MR_OK; i++) {
        err = register_instrument(node, &feed->instruments[i], &new_count, reterr_problem);
    }
    for (uint32_t i = 0; i < config->instrument_count && err == MR_OK; i++) {
        err = register_instrument(node, &config->instruments[i], &new_count, reterr_problem);
    }
    if (err != MR_OK) {
        return err;
    }
    if (node->fold.wiring.market.instruments.count + new_count >
        node->fold.wiring.limits.symbols_max) {
        return mri_problem(reterr_problem, MR_FULL,
            "limits.symbols_max is %u, and %u symbols are needed",
            node->fold.wiring.limits.symbols_max,
            node->fold.wiring.market.instruments.count + new_count);
    }
    return MR_OK;
}
