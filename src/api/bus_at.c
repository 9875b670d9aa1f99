/* SPDX-License-Identifier: MIT */
/*
 * The functions of millrace/bus.h that ask about a moment of the past.
 *
 * Invariants
 *  1. They ask the fold, which has every signal there ever was; it is followed only when a moment
 * is asked for that it has not come to, so that the moment that is held is not made anew for each
 *     page.
 *  2. A question is read with the names of now and the time of then.
 */
#include "api/bus_api.h"
#include "base/problem.h"
#include "market/known_names.h"

/** Have a fold that has come at least to an event; UINT64_MAX: to the end. */
static mr_err reach(struct mr_bus *bus, uint64_t seq, mr_problem *problem)
{
    mr_err err =
        bus->has_fold && seq <= bus->fold.bus.last_seq ? MR_OK : mri_bus_api_follow(bus, problem);
    if (err == MR_OK && bus->as_of.fold == NULL) {
        mri_as_of_init(&bus->as_of, &bus->fold);
    }
    return err;
}

/** A moment reads by its own reader, which may have been opened on another log just now. */
static mr_err in_place(struct mr_bus *bus, mr_err err, mr_problem *problem)
{
    mr_err place = mri_bus_api_check_place(bus, problem);
    if (place != MR_OK) {
        mri_as_of_fini(&bus->as_of);
    }
    return place != MR_OK ? place : err;
}

mr_err mr_bus_moment(
    mr_bus *bus, const char *text, mr_log_token *ret_moment, mr_problem *reterr_problem)
{
    if (bus == NULL || ret_moment == NULL) {
        return mri_problem(reterr_problem, MR_EINVAL, "a bus, and where to put the moment");
    }
    MRI_ASSERT(bus->magic == MRI_BUS_API_MAGIC);
    mr_err err = reach(bus, UINT64_MAX, reterr_problem);
    if (err != MR_OK) {
        return err;
    }
    err = text == NULL
              ? mri_as_of_now(&bus->as_of, ret_moment, reterr_problem)
              : mri_as_of_find(&bus->as_of, mri_slice_of(text), ret_moment, reterr_problem);
    return in_place(bus, err, reterr_problem);
}

static mr_err go(struct mr_bus *bus, const mr_log_token *moment, mr_problem *problem)
{
    mr_err err = reach(bus, moment->seq, problem);
    return err == MR_OK ? in_place(bus, mri_as_of_go(&bus->as_of, moment, problem), problem) : err;
}

/** A question about the signals as they were then. */
static mr_err read_question(struct mr_bus *bus, const char *question, const mr_bus_page *page,
    struct mri_query *ret_query, mr_problem *problem)
{
    const struct mri_known_names known = {.instruments = &bus->fold.wiring.market.instruments,
        .sources = &bus->fold.bus.sources,
        .names = &bus->fold.bus.names};
    const struct mri_filter_names names =
        mri_known_names_filter(&known, bus->as_of.moment.event_time_unix_ns);
    return mri_bus_api_read_question(bus, &names, question, page, ret_query, problem);
}

mr_err mr_bus_query_at(mr_bus *bus, const mr_log_token *moment, const char *question,
    mr_bus_page *page, mr_problem *reterr_problem)
{
    struct mri_query query;
    struct mri_query_result result;
    if (bus == NULL || moment == NULL || question == NULL || page == NULL ||
        page->ordinals == NULL || page->room == 0) {
        return mri_problem(reterr_problem, MR_EINVAL,
            "a bus, the moment asked about, a question, and room for its answer");
    }
    MRI_ASSERT(bus->magic == MRI_BUS_API_MAGIC);
    mr_err err = go(bus, moment, reterr_problem);
    if (err == MR_OK) {
        err = read_question(bus, question, page, &query, reterr_problem);
    }
    if (err == MR_OK && page->beyond.n > bus->as_of.moment.signal_count) {
        err = mri_bus_api_no_beyond(page->beyond.n, reterr_problem);
    }
    if (err == MR_OK) {
        err = mri_moment_query(
            &bus->as_of.moment, &bus->fold.bus, &query, &page->ordinals->n, &result);
    }
    if (err == MR_OK) {
        page->count = result.count;
        page->scanned = result.scanned;
        page->is_cut = result.is_cut;
    }
    return err;
}

static const char *symbol_of(const struct mri_fold *fold, uint32_t number)
{
    const struct mri_instrument_spec *spec =
        mri_instruments_get(&fold->wiring.market.instruments, number);
    return spec == NULL ? "?" : spec->symbol;
}

static mr_signal signal_of(
    const struct mri_fold *fold, mr_ordinal ordinal, const struct mri_slot *slot)
{
    return (mr_signal){
        .ordinal = ordinal,
        .generated = {slot->generated_seq},
        .moved = {slot->moved_seq},
        .last = {slot->last_seq},
        .event_time_unix_ns = slot->event_time_unix_ns,
        .symbol = symbol_of(fold, slot->symbol),
        .source = mri_intern_text(&fold->bus.sources, slot->source).bytes,
        .name = mri_intern_text(&fold->bus.names, slot->name).bytes,
        .side = (mr_side)slot->side,
        .state = (mr_state)slot->state,
        .ended = (mr_state)slot->ended,
        .gate = mri_word_text(MRI_VOCABULARY_gate, slot->gate),
        .reason = mri_word_text(MRI_VOCABULARY_reason, slot->reason),
    };
}

mr_err mr_bus_get_at(mr_bus *bus, const mr_log_token *moment, mr_ordinal ordinal,
    mr_signal *ret_signal, mr_problem *reterr_problem)
{
    if (bus == NULL || moment == NULL || ret_signal == NULL) {
        return mri_problem(reterr_problem, MR_EINVAL,
            "a bus, the moment asked about, and where to put the signal");
    }
    MRI_ASSERT(bus->magic == MRI_BUS_API_MAGIC);
    mr_err err = go(bus, moment, reterr_problem);
    if (err != MR_OK) {
        return err;
    }
    const struct mri_slot *slot = mri_moment_slot(&bus->as_of.moment, &bus->fold.bus, ordinal.n);
    if (slot == NULL) {
        return mri_problem(
            reterr_problem, MR_NOT_FOUND, "there was no signal %u then", (unsigned)ordinal.n);
    }
    *ret_signal = signal_of(&bus->fold, ordinal, slot);
    return MR_OK;
}
