/* SPDX-License-Identifier: MIT */
/*
 * Events of the log, one by one, for programs; and the ids of what is outside the lifecycle.
 */
#include "api/bus_api.h"

#include <stdio.h>
#include <string.h>

#include "base/ident.h"
#include "base/problem.h"
#include "market/instruments.h"

/** A copy with a NUL behind it; "" stays NULL. Offsets, since the buffer may move. */
static size_t keep(struct mr_bus *bus, struct mri_slice text)
{
    size_t at = bus->texts.count;
    if (text.count == 0) {
        return SIZE_MAX;
    }
    mri_buf_put(&bus->texts, text.bytes, text.count);
    mri_buf_put(&bus->texts, "", 1);
    return at;
}

static const char *kept(const struct mr_bus *bus, size_t at)
{
    return at == SIZE_MAX ? NULL : (const char *)bus->texts.bytes + at;
}

static void read_generated(struct mr_bus *bus, const struct mri_event *event, mr_bus_record *record)
{
    const struct mri_signal_generated *body = event->body;
    const struct mri_instrument_spec *spec =
        mri_instruments_get(mri_bus_api_instruments(bus), body->symbol);
    size_t source = keep(bus, mri_event_text(event, MRI_TEXT_signal_generated_source));
    size_t data = keep(bus, mri_event_text(event, MRI_TEXT_signal_generated_data));
    record->event_time_unix_ns = body->event_time_unix_ns;
    record->side = (mr_side)body->side;
    record->confidence = body->confidence;
    record->lacks_confidence = (body->present & MRI_LACKS_CONFIDENCE) != 0;
    record->symbol = spec == NULL ? NULL : spec->symbol;
    record->source = kept(bus, source);
    record->data = kept(bus, data);
}

static void read_moved(struct mr_bus *bus, const struct mri_event *event, mr_bus_record *record)
{
    const struct mri_signal_moved *body = event->body;
    size_t data = keep(bus, mri_event_text(event, MRI_TEXT_signal_moved_data));
    record->is_move = true;
    record->from = (mr_state)body->from;
    record->to = (mr_state)body->to;
    record->actor = mri_word_text(MRI_VOCABULARY_actor, body->actor);
    record->gate = mri_word_text(MRI_VOCABULARY_gate, body->gate);
    record->reason = mri_word_text(MRI_VOCABULARY_reason, body->reason);
    record->data = kept(bus, data);
}

static void read_observed(struct mr_bus *bus, const struct mri_event *event, mr_bus_record *record)
{
    const struct mri_signal_observed *body = event->body;
    size_t symbol = keep(bus, mri_event_text(event, MRI_TEXT_signal_observed_symbol_name));
    size_t source = keep(bus, mri_event_text(event, MRI_TEXT_signal_observed_source));
    size_t data = keep(bus, mri_event_text(event, MRI_TEXT_signal_observed_data));
    record->event_time_unix_ns = body->event_time_unix_ns;
    record->is_move = body->from != body->to;
    record->from = (mr_state)body->from;
    record->to = (mr_state)body->to;
    record->symbol = kept(bus, symbol);
    record->source = kept(bus, source);
    record->data = kept(bus, data);
    if (event->ordinal == 0) {
        record->previous.n = body->previous == 0 ? 0 : mri_ref_seq(body->previous, event->seq);
    }
}

enum { NEAR = 4096 };

/** How far a reader stands from an event, in either direction. */
static uint64_t distance(const struct mri_bus_reader *reader, uint64_t seq)
{
    return reader->next <= seq ? seq - reader->next : reader->next - seq;
}

/** The reader for an event: the one that stands nearest, or the one least used lately. */
static struct mri_bus_reader *reader_for(struct mr_bus *bus, uint64_t seq)
{
    struct mri_bus_reader *oldest = &bus->readers[0];
    struct mri_bus_reader *nearest = NULL;
    for (unsigned i = 0; i < MRI_BUS_READERS; i++) {
        struct mri_bus_reader *reader = &bus->readers[i];
        oldest = reader->used < oldest->used ? reader : oldest;
        bool is_near = reader->next != 0 && distance(reader, seq) <= NEAR;
        if (is_near && (nearest == NULL || distance(reader, seq) < distance(nearest, seq))) {
            nearest = reader;
        }
    }
    struct mri_bus_reader *reader = nearest != NULL ? nearest : oldest;
    reader->used = ++bus->reads;
    return reader;
}

/** Read on or back to an event that is near, which takes less than to seek it; false: it was not
 * found. */
static bool step_to(struct mri_bus_reader *reader, uint64_t seq, mr_log_event *ret_record)
{
    bool is_back = reader->next > seq;
    mr_err err = reader->next != 0 && distance(reader, seq) <= NEAR ? MR_OK : MR_END;
    ret_record->seq.n = is_back ? UINT64_MAX : 0;
    while (err == MR_OK && (is_back ? ret_record->seq.n > seq : ret_record->seq.n < seq)) {
        err = is_back ? mr_log_reader_previous(reader->reader, ret_record, NULL)
                      : mr_log_reader_next(reader->reader, ret_record, NULL);
    }
    reader->next = is_back ? seq : seq + 1;
    return err == MR_OK && ret_record->seq.n == seq;
}

/** The event, out of the log. */
static mr_err find_event(
    struct mr_bus *bus, mr_seq seq, struct mri_event *ret_event, mr_problem *problem)
{
    mr_err err = MR_OK;
    uint64_t last = bus->log != NULL ? mr_log_last(bus->log).n : bus->fold.bus.last_seq;
    if (seq.n == 0 || seq.n > last) {
        return mri_problem(
            problem, MR_NOT_FOUND, "there is no event %llu", (unsigned long long)seq.n);
    }
    struct mri_bus_reader *reader = reader_for(bus, seq.n);
    if (reader->reader == NULL) {
        err = mri_bus_api_open_reader(bus, &reader->reader, problem);
    }
    if (err != MR_OK) {
        return err;
    }
    mr_log_event record;
    if (step_to(reader, seq.n, &record)) {
        err = mri_event_decode(&record, ret_event);
    } else {
        err = mri_fold_read(reader->reader, seq.n, ret_event, problem);
        reader->next = seq.n + 1;
    }
    reader->next = err == MR_OK ? reader->next : 0;
    return mri_bus_api_tell_place(bus, err, problem);
}

mr_err mr_bus_read(mr_bus *bus, mr_seq seq, mr_bus_record *ret_record, mr_problem *reterr_problem)
{
    struct mri_event event = {0};
    mr_problem why = {""};
    if (bus == NULL || ret_record == NULL) {
        return mri_problem(reterr_problem, MR_EINVAL, "where to put the event is missing");
    }
    MRI_ASSERT(bus->magic == MRI_BUS_API_MAGIC);
    mr_err err = find_event(bus, seq, &event, &why);
    if (err != MR_OK) {
        return mri_problem_pass(
            reterr_problem, err, why.text[0] != '\0' ? why.text : mr_err_text(err));
    }
    mr_bus_record record = {
        .seq = seq,
        .kind = mri_event_kind(event.type)->name,
        .time_unix_ns = event.wall_unix_ns,
        .ordinal = {event.ordinal},
        .previous = {event.ordinal_prev},
    };
    mri_buf_clear(&bus->texts);
    switch (event.type) {
    case MRI_EVENT_SIGNAL_GENERATED:
        read_generated(bus, &event, &record);
        break;
    case MRI_EVENT_SIGNAL_MOVED:
        read_moved(bus, &event, &record);
        break;
    case MRI_EVENT_SIGNAL_OBSERVED:
        read_observed(bus, &event, &record);
        break;
    default:
        break;
    }
    if (bus->texts.err != MR_OK) {
        return mri_problem(reterr_problem, bus->texts.err, "%s", mr_err_text(bus->texts.err));
    }
    *ret_record = record;
    return MR_OK;
}

/* ---- ids of what is outside the lifecycle ---------------------------------------------------- */

mr_err mr_bus_observed_id(
    mr_bus *bus, uint32_t number, char ret_id[MR_BUS_ID_BYTES], mr_problem *reterr_problem)
{
    mr_observed observed;
    mr_bus_record record = {0};
    struct mri_instrument_spec spec;
    mr_err err = mr_bus_observed(bus, number, &observed, reterr_problem);
    if (err != MR_OK) {
        return err;
    }
    err = mr_bus_read(bus, observed.emitted, &record, reterr_problem);
    if (err != MR_OK) {
        return err;
    }
    bool is_name = record.symbol != NULL &&
                   mri_instrument_provisional(mri_slice_of(record.symbol), &spec, NULL) == MR_OK;
    const struct mri_ident ident = {
        .symbol = mri_slice_of(is_name ? record.symbol : "UNKNOWN"),
        .time_unix_ms = observed.event_time_unix_ns / 1000000,
        .ordinal = {MRI_OBSERVED_ID_BIT + number},
    };
    (void)mri_ident_format(&ident, ret_id);
    return MR_OK;
}

mr_err mr_bus_observed_find(
    mr_bus *bus, const char *id, uint32_t *ret_number, mr_problem *reterr_problem)
{
    struct mri_ident ident;
    char own[MR_BUS_ID_BYTES];
    if (id == NULL || ret_number == NULL) {
        return mri_problem(reterr_problem, MR_EINVAL, "the id is missing");
    }
    bool is_one =
        mri_ident_parse(mri_slice_of(id), &ident) == MR_OK && ident.ordinal.n > MRI_OBSERVED_ID_BIT;
    mr_err err =
        is_one ? mr_bus_observed_id(bus, ident.ordinal.n - MRI_OBSERVED_ID_BIT, own, reterr_problem)
               : MR_NOT_FOUND;
    if (err == MR_OK && strcmp(own, id) == 0) {
        *ret_number = ident.ordinal.n - MRI_OBSERVED_ID_BIT;
        return MR_OK;
    }
    return err == MR_OK || err == MR_NOT_FOUND
               ? mri_problem(reterr_problem, MR_NOT_FOUND, "there is no emission %s", id)
               : err;
}
