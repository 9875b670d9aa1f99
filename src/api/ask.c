/* SPDX-License-Identifier: MIT */
/*
 * Asking for signals.
 */
#include <stdio.h>
#include <string.h>

#include "api/bus_api.h"
#include "base/fixed.h"
#include "base/ident.h"
#include "base/problem.h"
#include "bus/query.h"
#include "bus/shared_query.h"
#include "market/known_names.h"

MRI_STATIC_ASSERT(MR_BUS_ID_BYTES >= MRI_IDENT_BYTES, "every id fits");

static const char *symbol_of(const struct mr_bus *bus, uint32_t number)
{
    const struct mri_instrument_spec *spec =
        mri_instruments_get(mri_bus_api_instruments(bus), number);
    return spec == NULL ? "?" : spec->symbol;
}

static const char *text_of(const struct mri_intern *texts, uint32_t number)
{
    return number < texts->count ? mri_intern_text(texts, number).bytes : "?";
}

mr_err mr_bus_get(mr_bus *bus, mr_ordinal ordinal, mr_signal *ret_signal)
{
    struct mri_signal signal;
    MRI_ASSERT(bus->magic == MRI_BUS_API_MAGIC);
    mr_err err = mri_bus_api_signal(bus, ordinal.n, &signal);
    if (err != MR_OK) {
        return err;
    }
    *ret_signal = (mr_signal){
        .ordinal = ordinal,
        .generated = {signal.generated_seq},
        .moved = {signal.moved_seq},
        .last = {signal.last_seq},
        .event_time_unix_ns = signal.event_time_unix_ns,
        .symbol = symbol_of(bus, signal.symbol),
        .source = text_of(mri_bus_api_sources(bus), signal.source),
        .name = text_of(mri_bus_api_names(bus), signal.name),
        .side = (mr_side)signal.side,
        .state = (mr_state)signal.state,
        .ended = (mr_state)signal.ended,
        .gate = mri_word_text(MRI_VOCABULARY_gate, signal.gate),
        .reason = mri_word_text(MRI_VOCABULARY_reason, signal.reason),
    };
    return MR_OK;
}

mr_err mr_bus_id(mr_bus *bus, mr_ordinal ordinal, char ret_id[MR_BUS_ID_BYTES])
{
    struct mri_signal signal;
    MRI_ASSERT(bus->magic == MRI_BUS_API_MAGIC);
    mr_err err = mri_bus_api_signal(bus, ordinal.n, &signal);
    if (err == MR_OK) {
        const struct mri_ident ident = {
            .symbol = mri_slice_of(symbol_of(bus, signal.symbol)),
            .time_unix_ms = signal.event_time_unix_ns / 1000000,
            .ordinal = ordinal,
        };
        (void)mri_ident_format(&ident, ret_id);
    }
    return err;
}

mr_err mr_bus_find(mr_bus *bus, const char *id, mr_ordinal *ret_ordinal)
{
    struct mri_ident ident;
    char own[MR_BUS_ID_BYTES];
    int64_t number;
    if (id == NULL || ret_ordinal == NULL) {
        return MR_EINVAL;
    }
    if (mri_fixed_parse_count(mri_slice_of(id), &number) == MR_OK) {
        struct mri_signal signal;
        if (number <= 0 || number > UINT32_MAX) {
            return MR_NOT_FOUND;
        }
        ret_ordinal->n = (uint32_t)number;
        return mri_bus_api_signal(bus, ret_ordinal->n, &signal);
    }
    if (mri_ident_parse(mri_slice_of(id), &ident) != MR_OK) {
        return MR_NOT_FOUND;
    }
    *ret_ordinal = ident.ordinal;
    mr_err err = mr_bus_id(bus, ident.ordinal, own);
    return err == MR_OK && strcmp(own, id) != 0 ? MR_NOT_FOUND : err;
}

mr_err mri_bus_api_read_question(struct mr_bus *bus, const struct mri_filter_names *names,
    const char *question, const mr_bus_page *page, struct mri_query *ret_query, mr_problem *problem)
{
    mr_err err = mri_filter_parse(mri_slice_of(question), names, &bus->filter, NULL, problem);
    if (err != MR_OK) {
        return err;
    }
    uint32_t limit = bus->filter.limit;
    *ret_query = mri_query_all;
    ret_query->filter = &bus->filter;
    ret_query->is_oldest_first = bus->filter.is_oldest_first;
    ret_query->limit = limit != 0 && limit < page->room ? limit : page->room;
    ret_query->beyond = page->beyond.n;
    return MR_OK;
}

mr_err mri_bus_api_no_beyond(uint32_t ordinal, mr_problem *problem)
{
    return mri_problem(
        problem, MR_NOT_FOUND, "there is no signal %u to go on behind", (unsigned)ordinal);
}

/** What comes behind a signal is only known of one that there is. */
static mr_err check_beyond(struct mr_bus *bus, mr_ordinal beyond, mr_problem *problem)
{
    uint64_t seq;
    mr_err err = beyond.n == 0 ? MR_OK : mri_bus_api_generated_seq(bus, beyond.n, &seq);
    if (err == MR_NOT_FOUND) {
        return mri_bus_api_no_beyond(beyond.n, problem);
    }
    return err == MR_OK ? MR_OK : mri_problem(problem, err, "%s", mr_err_text(err));
}

/** A question about the signals as they are now. */
static mr_err read_question(struct mr_bus *bus, const char *question, const mr_bus_page *page,
    struct mri_query *ret_query, mr_problem *problem)
{
    const struct mri_known_names known = {.instruments = mri_bus_api_instruments(bus),
        .sources = mri_bus_api_sources(bus),
        .names = mri_bus_api_names(bus)};
    int64_t time_unix_ns;
    mr_err err = mri_bus_api_event_time(bus, &time_unix_ns, problem);
    if (err != MR_OK) {
        return err;
    }
    const struct mri_filter_names names = mri_known_names_filter(&known, time_unix_ns);
    return mri_bus_api_read_question(bus, &names, question, page, ret_query, problem);
}

static mr_err look(const void *context, uint32_t *ret_version)
{
    return mri_derived_look(context, ret_version);
}

static bool is_same(const void *context, uint32_t version)
{
    return mri_derived_is_same(context, version);
}

/** MR_AGAIN: the log has to be folded for it. */
static mr_err ask_shared(struct mr_bus *bus, const struct mri_query *query, uint32_t *ordinals,
    struct mri_query_result *result)
{
    enum { LOOKS_MAX = 20, SCANNED_MAX = 1000000 };
    const struct mri_shared_moments moments = {bus->log, look, is_same};
    uint64_t scanned = 0; /* in vain */
    uint32_t version;
    for (unsigned i = 0; i < LOOKS_MAX && scanned < SCANNED_MAX; i++) {
        mr_err err = mri_derived_look(bus->log, &version);
        if (err != MR_OK) {
            return MR_AGAIN;
        }
        err = mri_shared_query_run(&bus->state.table, bus->alloc, query, ordinals, result);
        if (mri_derived_is_same(bus->log, version)) {
            return err;
        }
        scanned += result->scanned;
    }
    return mri_shared_query_run_in_parts(
        &bus->state.table, bus->alloc, query, &moments, ordinals, result);
}

mr_err mr_bus_query(
    mr_bus *bus, const char *question, mr_bus_page *page, mr_problem *reterr_problem)
{
    MRI_STATIC_ASSERT(sizeof(mr_ordinal) == sizeof(uint32_t), "an array of one is of the other");
    struct mri_query query;
    struct mri_query_result result;
    if (bus == NULL || question == NULL || page == NULL || page->ordinals == NULL ||
        page->room == 0) {
        return mri_problem(reterr_problem, MR_EINVAL, "a question, and room for its answer");
    }
    MRI_ASSERT(bus->magic == MRI_BUS_API_MAGIC);
    mr_err err = mr_bus_follow(bus, reterr_problem);
    if (err == MR_OK) {
        err = read_question(bus, question, page, &query, reterr_problem);
    }
    if (err == MR_OK) {
        err = check_beyond(bus, page->beyond, reterr_problem);
    }
    if (err != MR_OK) {
        return err;
    }
    err = bus->has_state ? ask_shared(bus, &query, &page->ordinals->n, &result) : MR_AGAIN;
    if (err == MR_AGAIN) {
        err = mri_bus_api_follow(bus, reterr_problem);
        if (err != MR_OK) {
            return err;
        }
        err = mri_query_run(&bus->fold.bus, &query, &page->ordinals->n, &result);
    }
    if (err != MR_OK) {
        return mri_problem(reterr_problem, err, "%s", mr_err_text(err));
    }
    page->count = result.count;
    page->scanned = result.scanned;
    page->is_cut = result.is_cut;
    return MR_OK;
}

/** As of one moment; false: others were changing it all the time. */
static bool count_shared(struct mr_bus *bus, uint64_t ret_counts[MR_STATE_COUNT])
{
    enum { LOOKS_MAX = 1000 };
    const struct mri_signal_table *table = &bus->state.table;
    uint32_t version;
    for (unsigned i = 0; i < LOOKS_MAX && mri_derived_look(bus->log, &version) == MR_OK; i++) {
        uint64_t others = 0;
        for (unsigned state = 0; state < MR_STATE_COUNT; state++) {
            ret_counts[state] = mri_signal_table_count(table, (mr_state)state);
            others += state == MR_LEARNED ? 0 : ret_counts[state];
        }
        ret_counts[MR_LEARNED] = mri_signal_table_newest(table) - others; /* some have left it */
        if (mri_derived_is_same(bus->log, version)) {
            return true;
        }
    }
    return false;
}

mr_err mr_bus_counts(mr_bus *bus, uint64_t ret_counts[MR_STATE_COUNT], mr_problem *reterr_problem)
{
    MRI_ASSERT(bus->magic == MRI_BUS_API_MAGIC);
    if (bus->has_state && count_shared(bus, ret_counts)) {
        return MR_OK;
    }
    mr_err err = mri_bus_api_follow(bus, reterr_problem);
    for (unsigned state = 0; state < MR_STATE_COUNT && err == MR_OK; state++) {
        ret_counts[state] = bus->fold.bus.slots.states[state].count;
    }
    return err;
}

mr_err mr_bus_event_time(mr_bus *bus, int64_t *ret_time_unix_ns, mr_problem *reterr_problem)
{
    if (bus == NULL || ret_time_unix_ns == NULL) {
        return mri_problem(reterr_problem, MR_EINVAL, "a bus, and where to put its time");
    }
    MRI_ASSERT(bus->magic == MRI_BUS_API_MAGIC);
    return mri_bus_api_event_time(bus, ret_time_unix_ns, reterr_problem);
}

bool mr_bus_is_live(const mr_bus *bus)
{
    MRI_ASSERT(bus->magic == MRI_BUS_API_MAGIC);
    return bus->clock.is_live;
}

const char *mr_state_text(mr_state state)
{
    return mri_word_text(MRI_VOCABULARY_state, (unsigned)state);
}

mr_err mr_state_parse(const char *text, mr_state *ret_state)
{
    unsigned state;
    if (text == NULL || ret_state == NULL ||
        mri_word_parse(MRI_VOCABULARY_state, mri_slice_of(text), &state) != MR_OK) {
        return MR_REFUSED;
    }
    *ret_state = (mr_state)state;
    return MR_OK;
}

mr_err mr_side_parse(const char *text, mr_side *ret_side)
{
    return text == NULL || ret_side == NULL ? MR_REFUSED
                                            : mri_side_parse(mri_slice_of(text), ret_side);
}
