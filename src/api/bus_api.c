/* SPDX-License-Identifier: MIT */
/*
 * The functions of millrace/bus.h.
 *
 * Invariants
 *  1. A batch is appended only behind what the tables have: when another process was faster, its
 *     events are taken in, keys are looked for again, and the batch is moved behind them.
 *  2. A signal whose key the log has, or the batch has before it, is not drafted.
 */
#include "api/bus_api.h"

#include <stdio.h>
#include <string.h>

#include "base/fixed.h"
#include "base/ident.h"
#include "base/problem.h"
#include "bus/lifecycle.h"
#include "bus/query.h"
#include "conf/yaml.h"
#include "log/open/append.h"
#include "pipeline/signal_input.h"

enum { BODIES_BYTES_MAX = 256 * 1024 * 1024, DATA_BYTES_MAX = 65536 };

#define SECOND_NS ((int64_t)1000000000)

MRI_STATIC_ASSERT(MR_BUS_ID_BYTES >= MRI_IDENT_BYTES, "every id fits");
MRI_STATIC_ASSERT(MR_BUS_BATCH_MAX <= MRI_BUS_BATCH_MAX, "one append takes it");

#define PLACE_IS_ORDINAL ((uint32_t)1 << 31)

/* ---- opening --------------------------------------------------------------------------------- */

/** What the log's configuration says of signals that do not say how long they may wait. */
static mr_err read_config(struct mr_bus *bus)
{
    struct mri_config config;
    const struct mri_wiring *wiring = &bus->fold.wiring;
    const struct mri_buf *text = &wiring->config_text;
    if (bus->valid_for_ns != 0 && bus->config_seq == wiring->config_seq) {
        return MR_OK;
    }
    mr_err err = text->count == 0
                     ? mri_config_default(&config, bus->alloc)
                     : mri_yaml_config((struct mri_slice){(const char *)text->bytes, text->count},
                           bus->alloc, &config);
    if (err == MR_OK) {
        bus->valid_for_ns = config.signals_valid_for * SECOND_NS;
        bus->config_seq = wiring->config_seq;
        mri_config_fini(&config);
    }
    return err;
}

mr_err mri_bus_api_follow(struct mr_bus *bus, mr_problem *problem)
{
    mr_err err = mri_fold_follow(&bus->fold, problem);
    if (err == MR_OK && bus->fold.damage != MR_OK) {
        return mri_problem(problem, bus->fold.damage, "%s", bus->fold.damage_problem.text);
    }
    return err == MR_OK ? read_config(bus) : err;
}

static mr_err open_steps(struct mr_bus *bus, mr_problem *problem)
{
    const struct mri_os *os = bus->os;
    const char *folder = bus->folder;
    const mr_log_options log_options = {.is_create = false};
    const struct mri_fold_options options = {.os = os,
        .alloc = bus->alloc,
        .folder = folder,
        .parse = mri_yaml_config,
        .is_market_only = true};
    void *places;
    mr_err err = mri_log_open(os, bus->alloc, folder, &log_options, &bus->log, problem);
    if (err == MR_OK) {
        err = mri_fold_init(&bus->fold, &options, problem);
    }
    if (err == MR_OK) {
        bus->fold.bus.log = bus->log;
        err = mri_bus_api_follow(bus, problem);
    }
    if (err == MR_OK) {
        err = mri_batch_init(&bus->batch, bus->alloc, MR_BUS_BATCH_MAX, BODIES_BYTES_MAX);
    }
    if (err == MR_OK) {
        err = mri_alloc_array(bus->alloc, MR_BUS_BATCH_MAX, sizeof(*bus->places), &places);
        bus->places = err == MR_OK ? places : NULL;
    }
    bool is_run =
        bus->fold.wiring.market.instruments.count > 0 && bus->fold.bus.event_time_unix_ns != 0;
    return err == MR_OK && !is_run
               ? mri_problem(problem, MR_REFUSED,
                     "%s has no registered symbols and no market time yet; `millrace run --dir %s` "
                     "gives it both",
                     folder, folder)
               : err;
}

mr_err mri_bus_api_open(const struct mri_os *os, const struct mri_alloc *alloc, const char *folder,
    mr_bus **ret_bus, mr_problem *reterr_problem)
{
    mr_problem own = {""};
    mr_problem *problem = reterr_problem == NULL ? &own : reterr_problem;
    void *block;
    if (folder == NULL || ret_bus == NULL) {
        return mri_problem(
            problem, MR_EINVAL, "the path of the log, or where to put the bus, is missing");
    }
    mr_err err = mri_alloc_array(alloc, 1, sizeof(struct mr_bus), &block);
    if (err != MR_OK) {
        return mri_problem(problem, err, "%s", mr_err_text(err));
    }
    struct mr_bus *bus = block;
    bus->magic = MRI_BUS_API_MAGIC;
    bus->os = os;
    bus->alloc = alloc;
    problem->text[0] = '\0';
    int count = snprintf(bus->folder, sizeof(bus->folder), "%s", folder);
    err = count >= 0 && count < (int)sizeof(bus->folder)
              ? open_steps(bus, problem)
              : mri_problem(problem, MR_EINVAL, "the path of the log is too long");
    if (err != MR_OK) {
        mr_bus_close(bus);
        return problem->text[0] != '\0'
                   ? err
                   : mri_problem(problem, err, "%s: %s", folder, mr_err_text(err));
    }
    *ret_bus = bus;
    return MR_OK;
}

mr_err mr_bus_open(const char *folder, mr_bus **ret_bus, mr_problem *reterr_problem)
{
    return mri_bus_api_open(mri_os_linux(), mri_alloc_system(), folder, ret_bus, reterr_problem);
}

void mr_bus_close(mr_bus *bus)
{
    if (bus == NULL) {
        return;
    }
    MRI_ASSERT(bus->magic == MRI_BUS_API_MAGIC);
    mri_alloc_free(bus->alloc, bus->places, MR_BUS_BATCH_MAX * sizeof(*bus->places));
    mri_batch_fini(&bus->batch);
    mri_fold_fini(&bus->fold);
    mr_log_close(bus->log);
    bus->magic = 0;
    mri_alloc_free(bus->alloc, bus, sizeof(*bus));
}

mr_err mr_bus_follow(mr_bus *bus, mr_problem *reterr_problem)
{
    MRI_ASSERT(bus->magic == MRI_BUS_API_MAGIC);
    return mri_bus_api_follow(bus, reterr_problem);
}

mr_err mr_bus_wait(mr_bus *bus, int64_t timeout_ms, mr_problem *reterr_problem)
{
    MRI_ASSERT(bus->magic == MRI_BUS_API_MAGIC);
    mr_err err = mr_log_reader_wait(bus->fold.lead, timeout_ms);
    return err == MR_OK ? mri_bus_api_follow(bus, reterr_problem) : err;
}

/* ---- appending ------------------------------------------------------------------------------- */

static mr_err explain(const struct mr_bus *bus, mr_err err, mr_problem *problem)
{
    if (err == MR_FULL && bus->fold.bus.full != NULL) {
        return mri_problem(
            problem, err, "limits.%s_max of the configuration is reached", bus->fold.bus.full);
    }
    return mri_problem(problem, err, "%s", mr_err_text(err));
}

static struct mri_slice slice_of(const char *text)
{
    return text == NULL ? (struct mri_slice){0} : mri_slice_of(text);
}

/** The emission in the bus's terms. */
static mr_err read_emission(const struct mr_bus *bus, const mr_emission *emission,
    struct mri_signal_input *ret_input, mr_problem *problem)
{
    const struct mri_instruments *instruments = &bus->fold.wiring.market.instruments;
    struct mri_signal_input input = {
        .symbol = slice_of(emission->symbol),
        .source = slice_of(emission->source),
        .name = slice_of(emission->name),
        .external_id = slice_of(emission->external_id),
        .key = slice_of(emission->key),
        .account = slice_of(emission->account),
        .data = slice_of(emission->data),
        .confidence = emission->confidence,
        .valid_for_ns = emission->valid_for_ns,
        .side = emission->side,
        .horizon = emission->horizon,
        .has_price = emission->has_price,
        .has_horizon = emission->has_horizon,
    };
    mr_err err = MR_OK;
    if (input.has_price) {
        uint32_t symbol;
        err = mri_signal_input_symbol(&bus->fold.wiring.market, input.symbol, &symbol, problem);
        if (err == MR_OK &&
            mri_fixed_from_double(emission->price,
                mri_instruments_get(instruments, symbol)->price_decimals, &input.price) != MR_OK) {
            err = mri_problem(problem, MR_REFUSED, "price: expected a number above zero");
        }
    }
    *ret_input = input;
    return err;
}

/** The same source and key among the emissions before this one. */
static size_t same_key_before(const mr_emission *emissions, size_t index)
{
    const mr_emission *own = &emissions[index];
    for (size_t i = 0; i < index; i++) {
        const mr_emission *other = &emissions[i];
        if (other->key != NULL && strcmp(other->key, own->key) == 0 &&
            strcmp(other->source, own->source) == 0) {
            return i;
        }
    }
    return index;
}

/** Is its key known already: in the log, or in this batch? Then that is its place. */
static bool find_key(struct mr_bus *bus, const mr_emission *emissions, size_t index)
{
    const mr_emission *emission = &emissions[index];
    struct mri_key key;
    if (emission->key == NULL || emission->source == NULL ||
        mri_key_of(mri_slice_of(emission->source), mri_slice_of(emission->key), &key) != MR_OK) {
        return false; /* what is too long is refused with its field */
    }
    uint32_t ordinal = mri_keys_find(&bus->fold.bus.keys, &key);
    if (ordinal != 0) {
        bus->places[index] = ordinal | PLACE_IS_ORDINAL;
        return true;
    }
    size_t before = same_key_before(emissions, index);
    bus->places[index] = bus->places[before];
    return before < index;
}

static mr_err draft_all(
    struct mr_bus *bus, const mr_emission *emissions, size_t count, mr_problem *problem)
{
    const struct mri_signal_input_context context = {
        .market = &bus->fold.wiring.market,
        .event_time_unix_ns = bus->fold.bus.event_time_unix_ns,
        .valid_for_ns = bus->valid_for_ns,
    };
    mri_bus_begin(&bus->fold.bus, &bus->batch);
    for (size_t i = 0; i < count; i++) {
        struct mri_signal_input input;
        mr_problem why = {""};
        if (find_key(bus, emissions, i)) {
            continue;
        }
        bus->places[i] = bus->batch.count;
        mr_err err = read_emission(bus, &emissions[i], &input, &why);
        if (err == MR_OK) {
            err = mri_signal_input_draft(&input, &context, &bus->batch, &why);
        }
        if (err != MR_OK) {
            const char *text = why.text[0] != '\0' ? why.text : mr_err_text(err);
            return count == 1
                       ? mri_problem(problem, err, "%s", text)
                       : mri_problem(problem, err, "signal %zu of %zu: %s", i + 1, count, text);
        }
    }
    return MR_OK;
}

static void tell_emitted(const struct mr_bus *bus, size_t count, mr_emitted *ret_emitted)
{
    size_t next = 0; /* items of the batch that somebody was told of, in order */
    for (size_t i = 0; i < count; i++) {
        uint32_t place = bus->places[i];
        bool is_logged = (place & PLACE_IS_ORDINAL) != 0;
        ret_emitted[i].is_repeated = is_logged || place < next;
        ret_emitted[i].ordinal.n =
            is_logged ? place & ~PLACE_IS_ORDINAL : bus->batch.items[place].ordinal;
        next += !ret_emitted[i].is_repeated;
    }
}

mr_err mr_bus_emit(mr_bus *bus, const mr_emission *emissions, size_t count,
    mr_durability durability, mr_emitted *ret_emitted, mr_problem *reterr_problem)
{
    if (bus == NULL || emissions == NULL || count == 0 || count > MR_BUS_BATCH_MAX) {
        return mri_problem(reterr_problem, MR_EINVAL, "expected 1 to %d signals", MR_BUS_BATCH_MAX);
    }
    MRI_ASSERT(bus->magic == MRI_BUS_API_MAGIC);
    mr_err err = MR_AGAIN;
    while (err == MR_AGAIN) {
        err = mri_bus_api_follow(bus, reterr_problem);
        if (err == MR_OK) {
            err = draft_all(bus, emissions, count, reterr_problem);
        }
        if (err != MR_OK) {
            return err;
        }
        if (bus->batch.count > 0) {
            err = mri_bus_append(&bus->fold.bus, &bus->batch, durability, NULL, NULL);
        }
    }
    if (err != MR_OK && err != MR_EUNKNOWN) {
        return explain(bus, err, reterr_problem);
    }
    if (ret_emitted != NULL) {
        tell_emitted(bus, count, ret_emitted);
    }
    return err == MR_OK ? MR_OK : explain(bus, err, reterr_problem);
}

/* ---- moving ---------------------------------------------------------------------------------- */

static mr_err read_word(enum mri_vocabulary_id id, const char *text, const char *field,
    unsigned *ret_value, mr_problem *problem)
{
    if (text == NULL) {
        *ret_value = 0;
        return MR_OK;
    }
    return mri_word_parse(id, mri_slice_of(text), ret_value) == MR_OK
               ? MR_OK
               : mri_signal_input_refuse(
                     problem, field, "a word of docs/FORMAT.md", mri_slice_of(text));
}

static mr_err draft_move(struct mr_bus *bus, const mr_move *move, mr_problem *problem)
{
    const struct mri_slot *slot = mri_slots_get(&bus->fold.bus.slots, move->ordinal.n);
    struct mri_slice data = slice_of(move->data);
    unsigned gate;
    unsigned reason;
    if (slot == NULL) {
        return mri_problem(problem, MR_NOT_FOUND, "there is no signal %u", move->ordinal.n);
    }
    mr_err err = read_word(MRI_VOCABULARY_gate, move->gate, "gate", &gate, problem);
    if (err == MR_OK) {
        err = read_word(MRI_VOCABULARY_reason, move->reason, "reason", &reason, problem);
    }
    if (err != MR_OK) {
        return err;
    }
    if (data.count > DATA_BYTES_MAX) {
        return mri_problem(problem, MR_REFUSED, "data: expected up to %d bytes, found %zu",
            DATA_BYTES_MAX, data.count);
    }
    const struct mri_signal_moved fixed = {
        .signal = mri_batch_ref(&bus->batch, slot->generated_seq),
        .from = (uint8_t)move->from,
        .to = (uint8_t)move->to,
        .actor = MRI_ACTOR_EXTERNAL,
        .gate = (uint8_t)gate,
        .reason = (uint16_t)reason,
    };
    if ((unsigned)move->from >= MR_STATE_COUNT || (unsigned)move->to >= MR_STATE_COUNT ||
        mri_lifecycle_check(&fixed) != MR_OK) {
        return mri_problem(problem, MR_REFUSED,
            "signal %u: no move from %s to %s is allowed like this (blocked needs gate and reason)",
            move->ordinal.n, mr_state_text(move->from) == NULL ? "?" : mr_state_text(move->from),
            mr_state_text(move->to) == NULL ? "?" : mr_state_text(move->to));
    }
    const struct mri_draft draft = {
        .type = MRI_EVENT_SIGNAL_MOVED, .fixed = &fixed, .texts = {data}};
    err = mri_batch_add(&bus->batch, &draft, move->ordinal.n);
    return err == MR_OK ? MR_OK : mri_problem(problem, err, "%s", mr_err_text(err));
}

mr_err mr_bus_move(mr_bus *bus, const mr_move *moves, size_t count, mr_durability durability,
    mr_move_conflict *reterr_conflict, mr_problem *reterr_problem)
{
    struct mri_bus_conflict conflict = {0};
    if (bus == NULL || moves == NULL || count == 0 || count > MR_BUS_BATCH_MAX) {
        return mri_problem(reterr_problem, MR_EINVAL, "expected 1 to %d moves", MR_BUS_BATCH_MAX);
    }
    MRI_ASSERT(bus->magic == MRI_BUS_API_MAGIC);
    mr_err err = MR_AGAIN;
    while (err == MR_AGAIN) {
        err = mri_bus_api_follow(bus, reterr_problem);
        if (err == MR_OK) {
            mri_bus_begin(&bus->fold.bus, &bus->batch);
        }
        for (size_t i = 0; i < count && err == MR_OK; i++) {
            err = draft_move(bus, &moves[i], reterr_problem);
        }
        if (err != MR_OK) {
            return err;
        }
        err = mri_bus_append(&bus->fold.bus, &bus->batch, durability, NULL, &conflict);
    }
    if (err == MR_CONFLICT) {
        if (reterr_conflict != NULL) {
            *reterr_conflict = (mr_move_conflict){.ordinal = {conflict.ordinal},
                .found = conflict.found,
                .winner = {conflict.winner_seq}};
        }
        return mri_problem(reterr_problem, err, "signal %u is %s since event %llu",
            conflict.ordinal, mr_state_text(conflict.found),
            (unsigned long long)conflict.winner_seq);
    }
    return err == MR_OK ? MR_OK : explain(bus, err, reterr_problem);
}

/* ---- asking ---------------------------------------------------------------------------------- */

static const char *symbol_of(const struct mr_bus *bus, uint32_t number)
{
    const struct mri_instrument_spec *spec =
        mri_instruments_get(&bus->fold.wiring.market.instruments, number);
    return spec == NULL ? "?" : spec->symbol;
}

static const char *name_of(const struct mri_intern *names, uint32_t number)
{
    return mri_intern_text(names, number).bytes;
}

mr_err mr_bus_get(const mr_bus *bus, mr_ordinal ordinal, mr_signal *ret_signal)
{
    MRI_ASSERT(bus->magic == MRI_BUS_API_MAGIC);
    const struct mri_slot *slot = mri_slots_get(&bus->fold.bus.slots, ordinal.n);
    if (slot == NULL) {
        return MR_NOT_FOUND;
    }
    *ret_signal = (mr_signal){
        .ordinal = ordinal,
        .generated = {slot->generated_seq},
        .moved = {slot->moved_seq},
        .last = {slot->last_seq},
        .event_time_unix_ns = slot->event_time_unix_ns,
        .symbol = symbol_of(bus, slot->symbol),
        .source = name_of(&bus->fold.bus.sources, slot->source),
        .name = name_of(&bus->fold.bus.names, slot->name),
        .side = (mr_side)slot->side,
        .state = (mr_state)slot->state,
        .ended = (mr_state)slot->ended,
        .gate = mri_word_text(MRI_VOCABULARY_gate, slot->gate),
        .reason = mri_word_text(MRI_VOCABULARY_reason, slot->reason),
    };
    return MR_OK;
}

mr_err mr_bus_id(const mr_bus *bus, mr_ordinal ordinal, char ret_id[MR_BUS_ID_BYTES])
{
    MRI_ASSERT(bus->magic == MRI_BUS_API_MAGIC);
    const struct mri_slot *slot = mri_slots_get(&bus->fold.bus.slots, ordinal.n);
    if (slot == NULL) {
        return MR_NOT_FOUND;
    }
    const struct mri_ident ident = {
        .symbol = mri_slice_of(symbol_of(bus, slot->symbol)),
        .time_unix_ms = slot->event_time_unix_ns / 1000000,
        .ordinal = ordinal,
    };
    (void)mri_ident_format(&ident, ret_id);
    return MR_OK;
}

mr_err mr_bus_find(const mr_bus *bus, const char *id, mr_ordinal *ret_ordinal)
{
    struct mri_ident ident;
    char own[MR_BUS_ID_BYTES];
    int64_t number;
    if (id == NULL || ret_ordinal == NULL) {
        return MR_EINVAL;
    }
    if (mri_fixed_parse(mri_slice_of(id), 0, &number) == MR_OK) {
        ret_ordinal->n = (uint32_t)number;
        return number > 0 && number <= bus->fold.bus.slots.count ? MR_OK : MR_NOT_FOUND;
    }
    bool is_found = mri_ident_parse(mri_slice_of(id), &ident) == MR_OK &&
                    mr_bus_id(bus, ident.ordinal, own) == MR_OK && strcmp(own, id) == 0;
    *ret_ordinal = ident.ordinal;
    return is_found ? MR_OK : MR_NOT_FOUND;
}

static mr_err find_symbol(const void *context, struct mri_slice name, uint32_t *ret_number)
{
    const struct mr_bus *bus = context;
    return mri_instruments_find(&bus->fold.wiring.market.instruments, name, ret_number);
}

static mr_err find_source(const void *context, struct mri_slice name, uint32_t *ret_number)
{
    const struct mr_bus *bus = context;
    return mri_intern_find(&bus->fold.bus.sources, name, ret_number);
}

static mr_err find_name(const void *context, struct mri_slice name, uint32_t *ret_number)
{
    const struct mr_bus *bus = context;
    return mri_intern_find(&bus->fold.bus.names, name, ret_number);
}

mr_err mr_bus_query(
    const mr_bus *bus, const char *question, mr_bus_page *page, mr_problem *reterr_problem)
{
    MRI_STATIC_ASSERT(sizeof(mr_ordinal) == sizeof(uint32_t), "an array of one is of the other");
    struct mri_filter *filter = (struct mri_filter *)(uintptr_t)&bus->filter; /* scratch */
    struct mri_filter_fault fault = {0};
    struct mri_query_result result;
    mr_problem why = {""};
    if (bus == NULL || question == NULL || page == NULL || page->ordinals == NULL ||
        page->room == 0) {
        return mri_problem(reterr_problem, MR_EINVAL, "a question, and room for its answer");
    }
    MRI_ASSERT(bus->magic == MRI_BUS_API_MAGIC);
    const struct mri_filter_names names = {.context = bus,
        .symbol = find_symbol,
        .source = find_source,
        .name = find_name,
        .now_unix_ns = bus->fold.bus.event_time_unix_ns};
    mr_err err = mri_filter_parse(mri_slice_of(question), &names, filter, &fault, &why);
    if (err != MR_OK) {
        return mri_problem(reterr_problem, err, "character %zu: %s", fault.character, why.text);
    }
    struct mri_query query = mri_query_all;
    query.filter = filter;
    query.is_oldest_first = filter->is_oldest_first;
    query.limit = filter->limit != 0 && filter->limit < page->room ? filter->limit : page->room;
    query.beyond = page->beyond.n;
    err = mri_query_run(&bus->fold.bus, &query, &page->ordinals->n, &result);
    if (err != MR_OK) {
        return mri_problem(reterr_problem, err, "%s", mr_err_text(err));
    }
    page->count = result.count;
    page->scanned = result.scanned;
    page->is_cut = result.is_cut;
    return MR_OK;
}

void mr_bus_counts(const mr_bus *bus, uint64_t ret_counts[MR_STATE_COUNT])
{
    MRI_ASSERT(bus->magic == MRI_BUS_API_MAGIC);
    for (unsigned state = 0; state < MR_STATE_COUNT; state++) {
        ret_counts[state] = bus->fold.bus.slots.states[state].count;
    }
}

int64_t mr_bus_event_time_unix_ns(const mr_bus *bus)
{
    MRI_ASSERT(bus->magic == MRI_BUS_API_MAGIC);
    return bus->fold.bus.event_time_unix_ns;
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
