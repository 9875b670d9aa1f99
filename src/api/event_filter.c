/* SPDX-License-Identifier: MIT */
/*
 * Which events a subscription wants.
 *
 * Invariants
 *  1. What the head of a record says is looked at first, then the fixed part of its body, then its
 *     signal. A body is decoded at most once, and only if something of it counts.
 *  2. Symbol, source and name of a signal never change: it is judged once. Its signal.generated has
 *     them itself; for other events the bus's tables are asked, after they have come to it.
 */
#include "api/event_filter.h"

#include <string.h>

#include "base/problem.h"

enum { KNOWN = 16384 }; /* signals that are remembered, by the low bits of their ordinals */

/** The number of a kind; 0: there is none of this name. */
static uint16_t kind_of(const char *name)
{
#define IS_KIND(ID, id, number, text, writers)                                                     \
    if (strcmp(name, text) == 0) {                                                                 \
        return MRI_EVENT_##ID;                                                                     \
    }
    MRI_EVENT_MAP(IS_KIND)
#undef IS_KIND
    return 0;
}

static mr_err copy_text(
    const char *text, const char *field, char copy[MRI_INTERN_BYTES_MAX + 1], mr_problem *problem)
{
    size_t count = text == NULL ? 0 : strlen(text);
    if (count > MRI_INTERN_BYTES_MAX) {
        return mri_problem(problem, MR_REFUSED, "%s: expected up to %d bytes, found %zu", field,
            MRI_INTERN_BYTES_MAX, count);
    }
    memcpy(copy, text == NULL ? "" : text, count + 1);
    return MR_OK;
}

static mr_err read_kind(
    struct mri_event_filter *filter, const mr_subscribe_options *options, mr_problem *problem)
{
    filter->has_state = options->state != NULL;
    if (options->kind != NULL) {
        filter->kind = kind_of(options->kind);
        if (filter->kind == 0) {
            return mri_problem(problem, MR_REFUSED,
                "kind: there is none named \"%.60s\" (docs/FORMAT.md has all)", options->kind);
        }
    }
    if (options->state != NULL) {
        if (mr_state_parse(options->state, &filter->state) != MR_OK) {
            return mri_problem(
                problem, MR_REFUSED, "state: there is none named \"%.60s\"", options->state);
        }
        if (filter->kind != 0 && filter->kind != MRI_EVENT_SIGNAL_MOVED) {
            return mri_problem(problem, MR_REFUSED, "state: only signal.moved has one");
        }
        filter->kind = MRI_EVENT_SIGNAL_MOVED;
    }
    return MR_OK;
}

mr_err mri_event_filter_init(struct mri_event_filter *filter, struct mr_bus *bus,
    const mr_subscribe_options *options, mr_problem *reterr_problem)
{
    void *block;
    *filter = (struct mri_event_filter){.bus = bus, .symbol = UINT32_MAX};
    mr_err err = read_kind(filter, options, reterr_problem);
    if (err == MR_OK && options->symbol != NULL &&
        mri_instruments_find(mri_bus_api_instruments(bus), mri_slice_of(options->symbol),
            &filter->symbol) != MR_OK) {
        return mri_problem(
            reterr_problem, MR_REFUSED, "symbol: \"%.60s\" is not registered", options->symbol);
    }
    if (err == MR_OK) {
        err = copy_text(options->source, "source", filter->source, reterr_problem);
    }
    if (err == MR_OK) {
        err = copy_text(options->name, "name", filter->name, reterr_problem);
    }
    filter->is_of_any_signal =
        filter->symbol == UINT32_MAX && filter->source[0] == '\0' && filter->name[0] == '\0';
    if (err != MR_OK || filter->is_of_any_signal) {
        return err;
    }
    err = mri_alloc_array(bus->alloc, KNOWN, sizeof(*filter->known), &block);
    filter->known = err == MR_OK ? block : NULL;
    return err == MR_OK ? MR_OK : mri_problem(reterr_problem, err, "%s", mr_err_text(err));
}

void mri_event_filter_fini(struct mri_event_filter *filter)
{
    if (filter->known != NULL) {
        mri_alloc_free(filter->bus->alloc, filter->known, KNOWN * sizeof(*filter->known));
        filter->known = NULL;
    }
}

static bool is_named(const char *wanted, struct mri_slice name)
{
    return wanted[0] == '\0' || mri_slice_is(name, wanted);
}

static bool is_one(const struct mri_event_filter *filter, uint32_t symbol, struct mri_slice source,
    struct mri_slice name)
{
    return (filter->symbol == UINT32_MAX || filter->symbol == symbol) &&
           is_named(filter->source, source) && is_named(filter->name, name);
}

/** What the bus's tables say of a signal. */
static mr_err look_up(struct mri_event_filter *filter, uint32_t ordinal, bool *ret_is_wanted)
{
    struct mri_signal signal;
    mr_err err = mri_bus_api_signal(filter->bus, ordinal, &signal);
    *ret_is_wanted =
        err == MR_OK && is_one(filter, signal.symbol,
                            mri_intern_text(mri_bus_api_sources(filter->bus), signal.source),
                            mri_intern_text(mri_bus_api_names(filter->bus), signal.name));
    return err;
}

/** Does the signal of an event pass? `event` is decoded when it makes the signal. */
static mr_err judge_signal(struct mri_event_filter *filter, uint32_t ordinal,
    const struct mri_event *event, bool *ret_is_wanted)
{
    uint32_t *known = &filter->known[ordinal % KNOWN];
    mr_err err = MR_OK;
    if (ordinal == 0) {
        *ret_is_wanted = false;
        return MR_OK;
    }
    if (*known >> 1 == ordinal) {
        *ret_is_wanted = (*known & 1) != 0;
        return MR_OK;
    }
    if (event->type == MRI_EVENT_SIGNAL_GENERATED) {
        const struct mri_signal_generated *body = event->body;
        *ret_is_wanted =
            is_one(filter, body->symbol, mri_event_text(event, MRI_TEXT_signal_generated_source),
                mri_event_text(event, MRI_TEXT_signal_generated_name));
    } else {
        err = look_up(filter, ordinal, ret_is_wanted);
    }
    if (err == MR_OK) {
        *known = ordinal << 1 | *ret_is_wanted;
    }
    return err;
}

/** Is anything in the body of interest? Else its head is enough. */
static bool has_to_be_decoded(const struct mri_event_filter *filter, const mr_log_event *record)
{
    return record->type == MRI_EVENT_SIGNAL_MOVED || mri_event_kind(record->type) == NULL ||
           record->version != MRI_EVENT_VERSION ||
           (record->type == MRI_EVENT_SIGNAL_GENERATED && !filter->is_of_any_signal);
}

static void tell(const mr_log_event *record, const struct mri_event *event, mr_bus_event *ret_event)
{
    *ret_event = (mr_bus_event){
        .seq = record->seq,
        .kind = mri_event_kind(record->type)->name,
        .time_unix_ns = record->time_unix_ns,
        .ordinal = {record->subject_id},
        .deliveries = 1,
    };
    if (record->type == MRI_EVENT_SIGNAL_MOVED) {
        const struct mri_signal_moved *move = event->body;
        ret_event->is_move = true;
        ret_event->from = (mr_state)move->from;
        ret_event->to = (mr_state)move->to;
        ret_event->gate = mri_word_text(MRI_VOCABULARY_gate, move->gate);
        ret_event->reason = mri_word_text(MRI_VOCABULARY_reason, move->reason);
    }
}

mr_err mri_event_filter_judge(struct mri_event_filter *filter, const mr_log_event *record,
    bool *ret_is_wanted, mr_bus_event *ret_event, mr_problem *reterr_problem)
{
    struct mri_event event = {.type = record->type};
    *ret_is_wanted = false;
    if (filter->kind != 0 && record->type != filter->kind) {
        return MR_OK;
    }
    mr_err err = has_to_be_decoded(filter, record) ? mri_event_decode(record, &event) : MR_OK;
    if (err != MR_OK) {
        return mri_problem(reterr_problem, err, "event %llu: %s", (unsigned long long)record->seq.n,
            mr_err_text(err));
    }
    const struct mri_signal_moved *move =
        record->type == MRI_EVENT_SIGNAL_MOVED ? event.body : NULL;
    if (filter->has_state && (move == NULL || move->to != (uint8_t)filter->state)) {
        return MR_OK;
    }
    *ret_is_wanted = true;
    if (!filter->is_of_any_signal) {
        err = judge_signal(filter, record->subject_id, &event, ret_is_wanted);
    }
    if (err != MR_OK) {
        return mri_problem(reterr_problem, err, "event %llu: its signal: %s",
            (unsigned long long)record->seq.n, mr_err_text(err));
    }
    if (*ret_is_wanted) {
        tell(record, &event, ret_event);
    }
    return MR_OK;
}
