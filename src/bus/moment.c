/* SPDX-License-Identifier: MIT */
/*
 * The signal table behind an event of the past.
 *
 *   table of now     |generated .. last|          of a signal
 *   moment                     ^ S
 *
 *   last <= S              the slot of now is the slot of then
 *   generated > S          there was no such signal
 *   generated <= S < last  under way: read back from S to its newest event and its newest move
 *
 * Invariants
 *  1. Each event about a signal moves its last_seq on, and nothing else changes its slot: so a slot
 *     without later events is as it was.
 *  2. Ordinals are given in the order of the log: those that there were are 1 to signal_count.
 *  3. A learned signal is moved no more: its state, gate and reason are those of now, only its
 *     last_seq may differ.
 *  4. The event time is the highest that an input has brought. Candles of a feed and ticks come in
 *     order of time, and a signal has the time of the log when it came: so the newest tick or
 *     candle, and the signals, tell it. Where ticks drive time, a candle may be older than it.
 */
#include "bus/moment.h"

#include <stdio.h>
#include <string.h>

#include "base/problem.h"
#include "base/utc.h"
#include "bus/event_codec.h"
#include "bus/missing_event.h"
#include "millrace/log_admin.h"

enum { CHANGED_FIRST = 1024, READ_ON_EVENTS = 16384 };

/** A seek walks the heads of half a segment, a signal has about so many events. */
enum { SEEK_EVENTS = 65536, EVENTS_OF_SIGNAL = 8 };

/** An entry of the slots' arrays: the ordinal above so many bits of the state of now. */
enum { STATE_BITS = 4 };

void mri_moment_init(struct mri_moment *moment, const struct mri_alloc *alloc)
{
    *moment = (struct mri_moment){.alloc = alloc, .seek_events = SEEK_EVENTS};
}

void mri_moment_fini(struct mri_moment *moment)
{
    if (moment != NULL && moment->alloc != NULL) {
        mri_alloc_free(
            moment->alloc, moment->changed, moment->changed_capacity * sizeof(*moment->changed));
        *moment = (struct mri_moment){0};
    }
}

static void clear(struct mri_moment *moment)
{
    *moment = (struct mri_moment){.alloc = moment->alloc,
        .changed = moment->changed,
        .changed_capacity = moment->changed_capacity,
        .seek_events = moment->seek_events};
}

/* ---- which signals were under way ------------------------------------------------------------ */

/** How many signals were generated at or before an event. */
static uint32_t count_signals(const struct mri_slots *slots, uint64_t seq)
{
    uint32_t low = 0; /* so many were; below `high` it is not known */
    uint32_t high = slots->count;
    while (low < high) {
        uint32_t middle = low + (high - low + 1) / 2;
        if (mri_slots_get(slots, middle)->generated_seq <= seq) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    return low;
}

static mr_err add_changed(struct mri_moment *moment, uint32_t ordinal, const struct mri_slot *slot)
{
    if (moment->changed_count == moment->changed_capacity) {
        uint32_t capacity =
            moment->changed_capacity == 0 ? CHANGED_FIRST : 2 * moment->changed_capacity;
        void *block = moment->changed;
        mr_err err = mri_alloc_resize(moment->alloc, &block,
            moment->changed_capacity * sizeof(*moment->changed),
            capacity * sizeof(*moment->changed));
        if (err != MR_OK) {
            return err;
        }
        moment->changed = block;
        moment->changed_capacity = capacity;
    }
    moment->changed[moment->changed_count++] = (struct mri_moment_signal){.ordinal = ordinal,
        .needs_last = true,
        .needs_move = slot->moved_seq > moment->token.seq,
        .slot = *slot};
    return MR_OK;
}

/** All signals that there were: their time, and those that have had events since. */
static mr_err look_at_signals(struct mri_moment *moment, const struct mri_slots *slots)
{
    uint64_t seq = moment->token.seq;
    mr_err err = MR_OK;
    moment->signal_count = count_signals(slots, seq);
    for (uint32_t ordinal = 1; ordinal <= moment->signal_count && err == MR_OK; ordinal++) {
        const struct mri_slot *slot = mri_slots_get(slots, ordinal);
        if (slot->event_time_unix_ns > moment->event_time_unix_ns) {
            moment->event_time_unix_ns = slot->event_time_unix_ns;
        }
        if (slot->last_seq > seq) {
            err = add_changed(moment, ordinal, slot);
        }
    }
    return err;
}

static struct mri_moment_signal *find_changed(const struct mri_moment *moment, uint32_t ordinal)
{
    uint32_t low = 0;
    uint32_t high = moment->changed_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (moment->changed[middle].ordinal < ordinal) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    bool is_found = low < moment->changed_count && moment->changed[low].ordinal == ordinal;
    return is_found ? &moment->changed[low] : NULL;
}

/* ---- what they were -------------------------------------------------------------------------- */

/** What is still looked for, reading backwards. */
struct looking {
    struct mri_moment *moment;
    uint32_t signals;
    bool needs_time;
    bool is_live;
};

/** The newest move of a signal, or its birth. */
static mr_err take_move(struct mri_moment_signal *signal, const mr_log_event *record)
{
    struct mri_event event;
    struct mri_slot *slot = &signal->slot;
    mr_err err = mri_event_decode(record, &event);
    if (err != MR_OK) {
        return err;
    }
    slot->state = MR_GENERATED;
    slot->gate = MRI_GATE_NONE;
    slot->reason = 0;
    slot->ended = 0;
    slot->moved_seq = record->seq.n;
    if (event.type == MRI_EVENT_SIGNAL_MOVED) {
        const struct mri_signal_moved *move = event.body;
        slot->state = move->to;
        slot->gate = move->gate;
        slot->reason = move->reason;
    }
    signal->needs_move = false;
    return MR_OK;
}

static mr_err take_signal(struct looking *looking, const mr_log_event *record)
{
    struct mri_moment_signal *signal = find_changed(looking->moment, record->subject_id);
    if (signal == NULL || (!signal->needs_last && !signal->needs_move)) {
        return MR_OK;
    }
    bool is_move =
        record->type == MRI_EVENT_SIGNAL_MOVED || record->type == MRI_EVENT_SIGNAL_GENERATED;
    mr_err err = MR_OK;
    if (signal->needs_last) {
        signal->slot.last_seq = record->seq.n;
        signal->needs_last = false;
    }
    if (signal->needs_move && is_move) {
        err = take_move(signal, record);
    }
    looking->signals -= !signal->needs_move;
    return err;
}

/** The time that a candle or tick brings; INT64_MIN: it is neither. */
static mr_err time_of(const mr_log_event *record, int64_t *ret_time)
{
    struct mri_event event;
    *ret_time = INT64_MIN;
    if (record->type != MRI_EVENT_CANDLE && record->type != MRI_EVENT_TICK) {
        return MR_OK;
    }
    mr_err err = mri_event_decode(record, &event);
    if (err == MR_OK) {
        *ret_time = event.type == MRI_EVENT_CANDLE
                        ? ((const struct mri_candle *)event.body)->close_time_unix_ns
                        : ((const struct mri_tick *)event.body)->event_time_unix_ns;
    }
    return err;
}

static mr_err take_time(struct looking *looking, const mr_log_event *record)
{
    struct mri_moment *moment = looking->moment;
    int64_t time;
    mr_err err = time_of(record, &time);
    if (err == MR_OK && time != INT64_MIN) {
        moment->event_time_unix_ns =
            time > moment->event_time_unix_ns ? time : moment->event_time_unix_ns;
        looking->needs_time = looking->is_live && record->type != MRI_EVENT_TICK;
    }
    return err;
}

static bool is_looked_for(const struct mri_moment_signal *signal)
{
    return signal->needs_last || signal->needs_move;
}

/** What is left to look for is not there, since an event of the signal is not. */
static mr_err tell_missing(const struct looking *looking, mr_log_reader *reader,
    const struct mri_moment_signal *signal, uint64_t seq, mr_problem *problem)
{
    mr_problem why = {""};
    mr_err err = mri_missing_event_tell(reader, seq, &why);
    return mri_problem_behind(problem, err, why.text, "signal %u was under way at event %llu, and ",
        signal->ordinal, (unsigned long long)looking->moment->token.seq);
}

/** The log begins behind what is looked for. */
static mr_err tell_begun(const struct looking *looking, mr_log_reader *reader, mr_problem *problem)
{
    const struct mri_moment *moment = looking->moment;
    uint32_t i = 0;
    if (looking->signals == 0) {
        return MR_OK; /* only no candle or tick: there was none yet, or its time is a signal's */
    }
    while (!is_looked_for(&moment->changed[i])) {
        i++;
    }
    return tell_missing(
        looking, reader, &moment->changed[i], moment->changed[i].slot.generated_seq, problem);
}

static mr_err tell_event(mr_err err, uint64_t seq, mr_problem *problem)
{
    return problem->text[0] != '\0' ? err
                                    : mri_problem(problem, err, "event %llu: %s",
                                          (unsigned long long)seq, mr_err_text(err));
}

/** Would reading on to all that are looked for take longer than going to their events? */
static bool is_far(const struct looking *looking, uint64_t seq)
{
    const struct mri_moment *moment = looking->moment;
    uint64_t oldest = seq;
    if (looking->signals == 0 || moment->events_read % moment->seek_events != 0) {
        return false;
    }
    for (uint32_t i = 0; i < moment->changed_count; i++) {
        const struct mri_moment_signal *signal = &moment->changed[i];
        bool is_older = is_looked_for(signal) && signal->slot.generated_seq < oldest;
        oldest = is_older ? signal->slot.generated_seq : oldest;
    }
    return (seq - oldest) / EVENTS_OF_SIGNAL / moment->seek_events > looking->signals;
}

/** From an event of a signal to the one before it, until what the signal was is known. */
static mr_err follow_signal(struct looking *looking, mr_log_reader *reader,
    struct mri_moment_signal *signal, mr_problem *problem)
{
    uint64_t seq = signal->slot.last_seq;
    while (is_looked_for(signal)) {
        mr_log_event record;
        mr_err err = mr_log_reader_seek(reader, (mr_seq){seq}, problem);
        if (err == MR_OK) {
            err = mr_log_reader_next(reader, &record, problem);
        }
        if (err == MR_NOT_FOUND || (err == MR_OK && mr_log_event_gap(&record, NULL))) {
            return tell_missing(looking, reader, signal, seq, problem);
        }
        if (err == MR_OK && (record.seq.n != seq || record.subject_id != signal->ordinal ||
                                record.subject_prev >= seq)) {
            err = MR_ECORRUPT;
        }
        if (err == MR_OK && seq <= looking->moment->token.seq) {
            err = take_signal(looking, &record);
        }
        if (err != MR_OK) {
            return tell_event(err, seq, problem);
        }
        looking->moment->events_read++;
        seq = record.subject_prev;
    }
    return MR_OK;
}

/** All that are looked for; then the reader stands before an event again. */
static mr_err follow_signals(
    struct looking *looking, mr_log_reader *reader, uint64_t seq, mr_problem *problem)
{
    struct mri_moment *moment = looking->moment;
    mr_err err = MR_OK;
    for (uint32_t i = 0; i < moment->changed_count && err == MR_OK; i++) {
        moment->followed += is_looked_for(&moment->changed[i]);
        err = follow_signal(looking, reader, &moment->changed[i], problem);
    }
    return err == MR_OK ? mr_log_reader_seek(reader, (mr_seq){seq}, problem) : err;
}

/** Go back from the moment until everything is known, or what is left is far. */
static mr_err look_back(struct looking *looking, mr_log_reader *reader, mr_problem *problem)
{
    while (looking->signals > 0 || looking->needs_time) {
        mr_log_event record;
        mr_err err = mr_log_reader_previous(reader, &record, problem);
        if (err == MR_END) {
            return tell_begun(looking, reader, problem);
        }
        bool is_gap = err == MR_OK && mr_log_event_gap(&record, NULL);
        if (is_gap && looking->signals > 0) { /* what it gave up may have been of any of them */
            err = follow_signals(looking, reader, record.seq.n, problem);
        } else if (err == MR_OK && !is_gap && record.subject_id != 0 && looking->signals > 0) {
            err = take_signal(looking, &record);
        } else if (err == MR_OK && looking->needs_time) {
            err = take_time(looking, &record);
        }
        looking->moment->events_read++;
        if (err != MR_OK) {
            return tell_event(err, record.seq.n, problem);
        }
        if (is_far(looking, record.seq.n)) {
            err = follow_signals(looking, reader, record.seq.n, problem);
            if (err != MR_OK) {
                return err;
            }
        }
    }
    return MR_OK;
}

/** Stand behind the moment's event, and take its token. */
static mr_err stand(
    struct mri_moment *moment, mr_log_reader *reader, uint64_t seq, mr_problem *problem)
{
    mr_log_event record;
    mr_err err = mr_log_reader_seek(reader, (mr_seq){seq}, problem);
    if (err == MR_OK) {
        err = mr_log_reader_next(reader, &record, problem);
    }
    if (err == MR_OK && (record.seq.n != seq || mr_log_event_gap(&record, NULL))) {
        err = MR_NOT_FOUND; /* given up by a repair */
    }
    if (err == MR_OK) {
        moment->token = mr_log_reader_token(reader);
    }
    return err == MR_NOT_FOUND || err == MR_END ? mri_missing_event_tell(reader, seq, problem)
                                                : err;
}

mr_err mri_moment_go(struct mri_moment *moment, const struct mri_bus *bus, mr_log_reader *reader,
    uint64_t seq, bool is_live, mr_problem *reterr_problem)
{
    mr_problem own = {""};
    mr_problem *problem = reterr_problem == NULL ? &own : reterr_problem;
    clear(moment);
    moment->built_seq = bus->last_seq;
    problem->text[0] = '\0';
    if (seq == 0) {
        return MR_OK;
    }
    if (seq > bus->last_seq) {
        return mri_problem(problem, MR_NOT_FOUND, "event %llu has not come yet: the newest is %llu",
            (unsigned long long)seq, (unsigned long long)bus->last_seq);
    }
    mr_err err = stand(moment, reader, seq, problem);
    if (err == MR_OK) {
        err = look_at_signals(moment, &bus->slots);
    }
    if (err == MR_OK) {
        struct looking looking = {.moment = moment,
            .signals = moment->changed_count,
            .needs_time = true,
            .is_live = is_live};
        err = look_back(&looking, reader, problem);
    }
    if (err != MR_OK) {
        clear(moment);
        return problem->text[0] != '\0' ? err : mri_problem(problem, err, "%s", mr_err_text(err));
    }
    return MR_OK;
}

/* ---- the moment of a time -------------------------------------------------------------------- */

/** Where the first input that is later than a time may be. */
struct range {
    uint64_t below; /**< no input up to here is later */
    uint64_t later; /**< an input that is; one past the last event: none is known */
    int64_t time_unix_ns;
};

/** The first input from an event on that brings a time, before another event; 0: none does. */
static mr_err find_timed(mr_log_reader *reader, uint64_t from, uint64_t before, uint64_t *ret_seq,
    int64_t *ret_time, mr_problem *problem)
{
    mr_err err = mr_log_reader_seek(reader, (mr_seq){from}, problem);
    *ret_seq = 0;
    while (err == MR_OK) {
        mr_log_event record;
        err = mr_log_reader_next(reader, &record, problem);
        if (err == MR_END || (err == MR_OK && record.seq.n >= before)) {
            return MR_OK;
        }
        err = err == MR_OK ? time_of(&record, ret_time) : err;
        if (err == MR_OK && *ret_time != INT64_MIN) {
            *ret_seq = record.seq.n;
            return MR_OK;
        }
    }
    return err;
}

/** Halve the range as long as reading it would take long. */
static mr_err narrow(mr_log_reader *reader, struct range *range, mr_problem *problem)
{
    uint64_t end = range->later; /* up to here from `below` on it is not known */
    while (end - range->below > READ_ON_EVENTS) {
        uint64_t middle = range->below + (end - range->below) / 2;
        uint64_t seq;
        int64_t time;
        mr_err err = find_timed(reader, middle, end, &seq, &time, problem);
        if (err != MR_OK) {
            return err;
        }
        if (seq == 0) { /* nothing between them moves time */
            end = middle;
        } else if (time > range->time_unix_ns) {
            range->later = seq;
            end = middle;
        } else {
            range->below = seq;
        }
    }
    return MR_OK;
}

/** Read what is left of the range, up to the first input that is later. */
static mr_err read_range(mr_log_reader *reader, struct range *range, mr_problem *problem)
{
    mr_err err = mr_log_reader_seek(reader, (mr_seq){range->below + 1}, problem);
    while (err == MR_OK) {
        mr_log_event record;
        int64_t time;
        err = mr_log_reader_next(reader, &record, problem);
        if (err == MR_END || (err == MR_OK && record.seq.n >= range->later)) {
            return MR_OK;
        }
        err = err == MR_OK ? time_of(&record, &time) : err;
        if (err == MR_OK && time > range->time_unix_ns) {
            range->later = record.seq.n;
            return MR_OK;
        }
    }
    return err;
}

/** What the signals say: between two of them in the log time has passed it. */
static struct range range_of(const struct mri_bus *bus, uint64_t first_seq, int64_t time_unix_ns)
{
    struct range range = {
        .below = first_seq - 1, .later = bus->last_seq + 1, .time_unix_ns = time_unix_ns};
    uint32_t ordinal = 1;
    while (ordinal <= bus->slots.count &&
           mri_slots_get(&bus->slots, ordinal)->event_time_unix_ns <= time_unix_ns) {
        ordinal++;
    }
    if (ordinal <= bus->slots.count) {
        range.later = mri_slots_get(&bus->slots, ordinal)->generated_seq;
    }
    if (ordinal > 1) {
        uint64_t seq = mri_slots_get(&bus->slots, ordinal - 1)->generated_seq;
        range.below = seq > range.below ? seq : range.below;
    }
    return range;
}

static mr_err tell_removed(int64_t time_unix_ns, uint64_t first_seq, mr_problem *problem)
{
    char time[MRI_UTC_BYTES];
    char what[MRI_UTC_BYTES + 40];
    (void)snprintf(
        what, sizeof(what), "what was logged up to %s", mri_utc_format(time_unix_ns, time));
    return mri_missing_event_removed(what, first_seq, problem);
}

mr_err mri_moment_find(const struct mri_bus *bus, mr_log_reader *reader, uint64_t first_seq,
    int64_t time_unix_ns, uint64_t *ret_seq, mr_problem *reterr_problem)
{
    struct range range = range_of(bus, first_seq, time_unix_ns);
    if (range.later < first_seq) {
        return tell_removed(time_unix_ns, first_seq, reterr_problem);
    }
    mr_err err = range.below < bus->last_seq ? narrow(reader, &range, reterr_problem) : MR_OK;
    if (err == MR_OK && range.below + 1 < range.later) {
        err = read_range(reader, &range, reterr_problem);
    }
    if (err == MR_OK && range.later == first_seq && first_seq > 1) {
        return tell_removed(time_unix_ns, first_seq, reterr_problem);
    }
    *ret_seq = range.later - 1;
    return err;
}

/* ---- asking ---------------------------------------------------------------------------------- */

const struct mri_slot *mri_moment_slot(
    const struct mri_moment *moment, const struct mri_bus *bus, uint32_t ordinal)
{
    if (ordinal == 0 || ordinal > moment->signal_count) {
        return NULL;
    }
    const struct mri_slot *slot = mri_slots_get(&bus->slots, ordinal);
    if (slot->last_seq <= moment->token.seq) {
        return slot;
    }
    const struct mri_moment_signal *changed = find_changed(moment, ordinal);
    MRI_ASSERT(changed != NULL); /* the moment was made for what the bus has taken in */
    return &changed->slot;
}

/** Candidates in creation order: an array of entries, or ordinals from 1 on when it is NULL. */
struct candidates {
    const uint32_t *entries;
    uint32_t count;
};

static uint32_t ordinal_at(const struct candidates *candidates, uint32_t index)
{
    return candidates->entries == NULL ? index + 1 : candidates->entries[index] >> STATE_BITS;
}

/** How many of the candidates have an ordinal up to this one? */
static uint32_t count_up_to(const struct candidates *candidates, uint32_t ordinal)
{
    uint32_t low = 0;
    uint32_t high = candidates->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (ordinal_at(candidates, middle) <= ordinal) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static void consider(struct candidates *best, const struct mri_slot_array *array)
{
    if (array->count < best->count) {
        *best = (struct candidates){.entries = array->entries, .count = array->count};
    }
}

static struct candidates candidates_of(const struct mri_bus *bus, const struct mri_query *query)
{
    const struct mri_slots *slots = &bus->slots;
    const struct mri_filter *filter = query->filter;
    struct candidates best = {.count = slots->count};
    const uint32_t symbols[] = {query->symbol, filter == NULL ? MRI_QUERY_ANY : filter->symbol};
    const uint32_t sources[] = {query->source, filter == NULL ? MRI_QUERY_ANY : filter->source};
    for (unsigned i = 0; i < 2; i++) {
        if (symbols[i] < slots->limits.symbols_max) {
            consider(&best, &slots->by_symbol[symbols[i]]);
        }
        if (sources[i] < slots->limits.sources_max) {
            consider(&best, &slots->by_source[sources[i]]);
        }
    }
    return best;
}

mr_err mri_moment_query(const struct mri_moment *moment, const struct mri_bus *bus,
    const struct mri_query *query, uint32_t *ordinals, struct mri_query_result *ret_result)
{
    struct mri_query_result result = {0};
    const struct candidates candidates = candidates_of(bus, query);
    bool is_up = query->is_oldest_first;
    const struct mri_query_span span =
        mri_query_ordinals_of(&bus->slots, query, moment->signal_count);
    /* Candidates from low to below high are looked at. */
    uint32_t low = count_up_to(&candidates, span.low - 1);
    uint32_t high = count_up_to(&candidates, span.high);
    while (low < high) {
        if (result.count == query->limit) {
            result.is_cut = true;
            break;
        }
        uint32_t ordinal = ordinal_at(&candidates, is_up ? low : high - 1);
        low += is_up;
        high -= !is_up;
        result.scanned++;
        if (mri_query_match(query, mri_moment_slot(moment, bus, ordinal), ordinal)) {
            ordinals[result.count++] = ordinal;
        }
    }
    *ret_result = result;
    return MR_OK;
}
