/* SPDX-License-Identifier: MIT */
/*
 * Emitting signals.
 *
 * Invariants
 *  1. A batch is drafted from what the shared state says, and gets its ordinals and its event time
 *     under the append lock, where keys are compared again: others need not be waited for or
 *     followed.
 *  2. Where that state has no room it is appended only behind what the handle has folded: when
 *     another process was faster, its events are taken in and keys are looked for again.
 *  3. A signal whose key the log has, or the batch has before it, is not drafted. It must be of the
 *     same symbol, side and name as the one that has the key: else it would be lost without a word.
 */
#include <string.h>

#include "api/bus_api.h"
#include "base/fixed.h"
#include "base/ident.h"
#include "base/problem.h"
#include "bus/vocabulary.h"
#include "log/open/append.h"

#define PLACE_IS_ORDINAL ((uint32_t)1 << 31)

enum { ATTEMPTS_MAX = 100 };

static struct mri_slice slice_of(const char *text)
{
    return text == NULL ? (struct mri_slice){0} : mri_slice_of(text);
}

/** Without a name of its own a signal is called as its source. */
static const char *name_of(const mr_emission *emission)
{
    return emission->name != NULL ? emission->name : emission->source;
}

/** A provisional symbol has no decimals yet; that it takes no price is said where it is drafted. */
static mr_err read_price(
    const struct mri_instrument_spec *spec, double price, int64_t *ret_price, mr_problem *problem)
{
    unsigned decimals = spec->price_decimals;
    char least[MRI_FIXED_TEXT_BYTES];
    char most[MRI_FIXED_TEXT_BYTES];
    bool is_read = mri_fixed_from_double(price, decimals, ret_price) == MR_OK;
    return (is_read && *ret_price > 0) || spec->is_provisional != 0
               ? MR_OK
               : mri_problem(problem, MR_REFUSED,
                     "price: expected a number from %s to %s, found %g",
                     mri_fixed_format(1, decimals, least),
                     mri_fixed_format(INT64_MAX, decimals, most), price);
}

/** The emission in the bus's terms. */
static mr_err read_emission(const struct mr_bus *bus, const mr_emission *emission,
    struct mri_signal_input *ret_input, mr_problem *problem)
{
    const struct mri_instruments *instruments = mri_bus_api_instruments(bus);
    *ret_input = (struct mri_signal_input){
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
        .lacks_confidence = emission->lacks_confidence,
    };
    mr_err err = MR_OK;
    if (emission->has_price) {
        uint32_t symbol;
        err = mri_signal_input_symbol(instruments, ret_input->symbol, &symbol, problem);
        if (err == MR_OK) {
            err = read_price(mri_instruments_get(instruments, symbol), emission->price,
                &ret_input->price, problem);
        }
    }
    return err;
}

static mr_err tell_which(
    mr_err err, const mr_problem *why, size_t index, size_t count, mr_problem *problem)
{
    const char *text = why->text[0] != '\0' ? why->text : mr_err_text(err);
    return count == 1
               ? mri_problem_pass(problem, err, text)
               : mri_problem_behind(problem, err, text, "signal %zu of %zu: ", index + 1, count);
}

static mr_err draft_one(struct mr_bus *bus, const mr_emission *emission,
    const struct mri_signal_input_context *context, mr_problem *why)
{
    struct mri_signal_input input;
    why->text[0] = '\0';
    if (context->event_time_unix_ns == 0) {
        return bus->clock.is_live
                   ? mri_outside_clock_check(&bus->clock, 0, why)
                   : mri_problem(why, MR_REFUSED,
                         "%s has no market time yet: it begins with the first bar or quote",
                         bus->folder);
    }
    mr_err err = read_emission(bus, emission, &input, why);
    return err == MR_OK ? mri_signal_input_draft(&input, context, &bus->batch, why) : err;
}

/** What was emitted with an item of the batch, whose body has the time that it got. */
static mr_emitted emitted_item(const struct mr_bus *bus, uint32_t item, uint32_t ordinal)
{
    const struct mri_signal_generated *body =
        (const void *)(bus->batch.bodies.bytes + bus->batch.items[item].offset);
    return (mr_emitted){.ordinal = {ordinal},
        .event_time_unix_ns = body->event_time_unix_ns,
        .symbol = mri_instruments_get(mri_bus_api_instruments(bus), body->symbol)->symbol};
}

/** Of a signal whose key was there: as it was then. */
static mr_err tell_repeated(struct mr_bus *bus, uint32_t ordinal, mr_emitted *ret_emitted)
{
    struct mri_signal signal;
    mr_err err = mri_bus_api_signal(bus, ordinal, &signal);
    if (err != MR_OK) {
        return err;
    }
    *ret_emitted = (mr_emitted){.ordinal = {ordinal},
        .is_repeated = true,
        .event_time_unix_ns = signal.event_time_unix_ns,
        .symbol = mri_instruments_get(mri_bus_api_instruments(bus), signal.symbol)->symbol};
    return MR_OK;
}

static mr_err tell_emitted(struct mr_bus *bus, size_t count, mr_emitted *ret_emitted)
{
    mr_err err = MR_OK;
    size_t next = 0; /* items of the batch that somebody was told of, in order */
    for (size_t i = 0; i < count && err == MR_OK; i++) {
        uint32_t place = bus->places[i];
        if ((place & PLACE_IS_ORDINAL) != 0) {
            err = tell_repeated(bus, place & ~PLACE_IS_ORDINAL, &ret_emitted[i]);
            continue;
        }
        ret_emitted[i] = emitted_item(bus, place, bus->batch.items[place].ordinal);
        ret_emitted[i].is_repeated = place < next;
        next += !ret_emitted[i].is_repeated;
    }
    return err;
}

const char *mr_emitted_id(const mr_emitted *emitted, char ret_id[MR_BUS_ID_BYTES])
{
    enum { MS_NS = 1000000 };
    const struct mri_ident ident = {.symbol = mri_slice_of(emitted->symbol),
        .time_unix_ms = emitted->event_time_unix_ns / MS_NS,
        .ordinal = emitted->ordinal};
    return mri_ident_format(&ident, ret_id);
}

/* ---- by the shared state --------------------------------------------------------------------- */

/** Its number + 1; 0 when it is new, or too long, which is refused with its field. */
static uint32_t known_number(const struct mri_intern *intern, const char *text)
{
    uint32_t number;
    return text != NULL && mri_intern_find(intern, mri_slice_of(text), &number) == MR_OK
               ? number + 1
               : 0;
}

/** The numbers of the words that were noted, which are this emission's. */
static void number_words(
    struct mr_bus *bus, const mr_emission *emission, struct mri_shared_known *known)
{
    struct mri_signal_memo *memo = &bus->memo;
    if (memo->source_known == 0 || memo->name_known == 0) {
        memo->source_known = known_number(&bus->mirror.sources, emission->source);
        memo->name_known = known_number(&bus->mirror.names, name_of(emission));
    }
    known->source = memo->source_known;
    known->name = memo->name_known;
}

/** The key of an emission; false: it has none, or one that is refused with its field. */
static bool key_of(struct mr_bus *bus, const mr_emission *emission, struct mri_key *ret_key)
{
    return emission->key != NULL && emission->source != NULL &&
           mri_key_of(&bus->hasher, mri_slice_of(emission->source), mri_slice_of(emission->key),
               ret_key) == MR_OK;
}

/** Twice as many places as emissions, and a power of two. */
static uint32_t key_places(size_t count)
{
    uint32_t places = 2;
    while (places < 2 * count) {
        places *= 2;
    }
    return places;
}

static bool has_keys(const mr_emission *emissions, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (emissions[i].key != NULL) {
            return true;
        }
    }
    return false;
}

/** The batch has no keys yet; without any to come nobody looks. */
static void begin_keys(struct mr_bus *bus, const mr_emission *emissions, size_t count)
{
    if (has_keys(emissions, count)) {
        memset(bus->key_items, 0, key_places(count) * sizeof(*bus->key_items));
    }
}

/** Where in key_items a key of the batch is, or would be. */
static uint16_t *key_item(const struct mr_bus *bus, size_t count, const struct mri_key *key)
{
    uint32_t mask = key_places(count) - 1;
    for (uint32_t i = (uint32_t)key->words[0] & mask;; i = (i + 1) & mask) {
        uint16_t *item = &bus->key_items[i];
        if (*item == 0 || memcmp(&bus->known[*item - 1].key, key, sizeof(*key)) == 0) {
            return item;
        }
    }
}

/**
 * Where a signal goes whose key is there already, in the log or in the batch; else false, and it is
 * the next item.
 *
 * @param ordinal  of the signal that has the key in the log; 0: none
 */
static bool is_repeat(
    struct mr_bus *bus, size_t count, size_t index, const struct mri_key *key, uint32_t ordinal)
{
    if (ordinal != 0) {
        bus->places[index] = ordinal | PLACE_IS_ORDINAL;
        return true;
    }
    uint16_t *item = key_item(bus, count, key);
    if (*item != 0) {
        bus->places[index] = (uint32_t)*item - 1;
        return true;
    }
    *item = (uint16_t)(bus->batch.count + 1);
    bus->known[bus->batch.count].key = *key;
    return false;
}

/** A key names one signal: is that of the log what is emitted now, once more? */
static mr_err check_repeat(
    struct mr_bus *bus, const mr_emission *emission, uint32_t ordinal, mr_problem *why)
{
    const struct mri_instruments *instruments = mri_bus_api_instruments(bus);
    struct mri_signal signal;
    mr_err err = mri_bus_api_signal(bus, ordinal, &signal);
    if (err != MR_OK) {
        return err;
    }
    struct mri_slice symbol = mri_slice_of(mri_instruments_get(instruments, signal.symbol)->symbol);
    struct mri_slice name = mri_intern_text(mri_bus_api_names(bus), signal.name);
    bool is_same = signal.side == (uint8_t)emission->side &&
                   mri_slice_is(symbol, emission->symbol == NULL ? "" : emission->symbol) &&
                   mri_slice_is(name, name_of(emission));
    return is_same ? MR_OK
                   : mri_problem(why, MR_REFUSED,
                         "key: \"%.60s\" is signal %u already (%s %s, \"%.*s\"), and this is "
                         "another one",
                         emission->key, ordinal, mri_word_text(MRI_VOCABULARY_side, signal.side),
                         symbol.bytes, (int)name.count, name.bytes);
}

/** The same for two of one call. */
static mr_err check_twice(const mr_emission *first, const mr_emission *second, mr_problem *why)
{
    bool is_same = first->side == second->side && first->symbol != NULL && second->symbol != NULL &&
                   strcmp(first->symbol, second->symbol) == 0 &&
                   strcmp(name_of(first), name_of(second)) == 0;
    return is_same ? MR_OK
                   : mri_problem(why, MR_REFUSED,
                         "key: \"%.60s\" is of another signal of the same batch", second->key);
}

/** Of all that have a key that was there: are they repetitions? */
static mr_err check_repeats(
    struct mr_bus *bus, const mr_emission *emissions, size_t count, mr_problem *problem)
{
    size_t next = 0; /* the item that would be the next new one */
    for (size_t i = 0; i < count; i++) {
        uint32_t place = bus->places[i];
        mr_problem why = {""};
        mr_err err = MR_OK;
        if ((place & PLACE_IS_ORDINAL) != 0) {
            err = check_repeat(bus, &emissions[i], place & ~PLACE_IS_ORDINAL, &why);
        } else if (place < next) {
            size_t first = 0;
            while (bus->places[first] != place) {
                first++;
            }
            err = check_twice(&emissions[first], &emissions[i], &why);
        } else {
            next++;
        }
        if (err != MR_OK) {
            return tell_which(err, &why, i, count, problem);
        }
    }
    return MR_OK;
}

/** MR_AGAIN: the state may be in the making, and it was not looked at in between; see draft_still.
 */
static mr_err draft_shared(struct mr_bus *bus, const mr_emission *emissions, size_t count,
    bool is_still, mr_problem *problem)
{
    int64_t state_time_unix_ns = mri_shared_state_event_time_unix_ns(&bus->state);
    const struct mri_signal_input_context context = {
        .memo = &bus->memo,
        .instruments = &bus->mirror.instruments,
        .event_time_unix_ns = mri_outside_clock_now(&bus->clock, state_time_unix_ns),
        .valid_for_ns = mri_shared_state_valid_for_ns(&bus->state),
    };
    if (!is_still && (state_time_unix_ns == 0 || context.valid_for_ns == 0)) {
        return MR_AGAIN;
    }
    begin_keys(bus, emissions, count);
    mri_batch_begin(&bus->batch, 1, 1); /* where it lands is not known, and does not matter */
    for (size_t i = 0; i < count; i++) {
        mr_problem why;
        struct mri_shared_known *known = &bus->known[bus->batch.count];
        known->has_key = key_of(bus, &emissions[i], &known->key);
        if (known->has_key && is_repeat(bus, count, i, &known->key,
                                  mri_shared_keys_find(&bus->state.keys, &known->key))) {
            continue;
        }
        bus->places[i] = bus->batch.count;
        mr_err err = draft_one(bus, &emissions[i], &context, &why);
        if (err != MR_OK) {
            return tell_which(err, &why, i, count, problem);
        }
        number_words(bus, &emissions[i], known);
    }
    return MR_OK;
}

/** While nobody changes the state, in which keys are looked for. MR_NOT_FOUND: some are missing. */
static mr_err draft_still(struct mr_bus *bus, const mr_emission *emissions, size_t count,
    bool is_keyed, mr_problem *problem)
{
    enum { LOOKS_MAX = 100 };
    for (unsigned i = 0; i < LOOKS_MAX; i++) {
        uint32_t version;
        mr_err err = mri_derived_look(bus->log, &version);
        if (err != MR_OK) {
            return err == MR_BUSY ? MR_NOT_FOUND : err;
        }
        bool is_whole = !is_keyed || mri_shared_keys_is_whole(&bus->state.keys);
        err = is_whole ? draft_shared(bus, emissions, count, true, problem) : MR_NOT_FOUND;
        if (mri_derived_is_same(bus->log, version)) {
            return err;
        }
    }
    return MR_NOT_FOUND;
}

/** Draft it and append it once. */
static mr_err try_shared(struct mr_bus *bus, const mr_emission *emissions, size_t count,
    mr_durability durability, struct mri_shared_append *append, mr_problem *problem)
{
    bool is_keyed = has_keys(emissions, count);
    mr_err err = is_keyed ? MR_AGAIN : draft_shared(bus, emissions, count, false, problem);
    if (err == MR_AGAIN) {
        err = draft_still(bus, emissions, count, is_keyed, problem);
    }
    if (err == MR_OK && bus->batch.count < count) {
        err = check_repeats(bus, emissions, count, problem);
    }
    if (err != MR_OK || bus->batch.count == 0) {
        return err;
    }
    mri_bus_api_fill_records(bus, false);
    err =
        mri_shared_state_append(bus->log, bus->records, bus->batch.count, durability, append, NULL);
    if (err == MR_EXISTS && is_keyed) {
        return MR_AGAIN; /* another one has emitted with the key meanwhile */
    }
    for (uint32_t i = 0; (err == MR_OK || err == MR_EUNKNOWN) && i < bus->batch.count; i++) {
        bus->batch.items[i].ordinal = bus->subjects[i].id;
    }
    return err;
}

/** MR_NOT_FOUND: there is no shared state to do it by. */
static mr_err emit_shared(struct mr_bus *bus, const mr_emission *emissions, size_t count,
    mr_durability durability, mr_emitted *ret_emitted, mr_problem *problem)
{
    struct mri_shared_append append = {
        .state = &bus->state, .known = bus->known, .subjects = bus->subjects};
    mr_err err = MR_AGAIN;
    problem->text[0] = '\0';
    for (unsigned i = 0; i < ATTEMPTS_MAX && err == MR_AGAIN; i++) {
        err = mri_bus_api_share(bus, problem);
        if (err != MR_OK) {
            return err;
        }
        err = try_shared(bus, emissions, count, durability, &append, problem);
    }
    if (ret_emitted != NULL && (err == MR_OK || err == MR_EUNKNOWN)) {
        mr_err told = tell_emitted(bus, count, ret_emitted);
        err = told == MR_OK ? err : told;
    }
    if (err == MR_FULL && append.full == NULL) {
        mri_bus_api_unshare(bus);
    }
    if (err == MR_AGAIN || !bus->has_state) {
        return MR_NOT_FOUND;
    }
    return err == MR_OK || err == MR_NOT_FOUND || problem->text[0] != '\0'
               ? err
               : mri_bus_api_explain(bus, err, append.full, problem);
}

/* ---- by what was folded ---------------------------------------------------------------------- */

/** Is its key known already: in the log, or in this batch? Then that is its place. */
static bool find_key(struct mr_bus *bus, const mr_emission *emissions, size_t count, size_t index)
{
    struct mri_key key;
    return key_of(bus, &emissions[index], &key) &&
           is_repeat(bus, count, index, &key, mri_keys_find(&bus->fold.bus.keys, &key));
}

static mr_err draft_all(
    struct mr_bus *bus, const mr_emission *emissions, size_t count, mr_problem *problem)
{
    const struct mri_signal_input_context context = {
        .instruments = mri_bus_api_instruments(bus),
        .event_time_unix_ns = mri_outside_clock_now(&bus->clock, bus->fold.bus.event_time_unix_ns),
        .valid_for_ns = bus->valid_for_ns,
    };
    begin_keys(bus, emissions, count);
    mri_bus_begin(&bus->fold.bus, &bus->batch);
    for (size_t i = 0; i < count; i++) {
        mr_problem why;
        if (find_key(bus, emissions, count, i)) {
            continue;
        }
        bus->places[i] = bus->batch.count;
        mr_err err = draft_one(bus, &emissions[i], &context, &why);
        if (err != MR_OK) {
            return tell_which(err, &why, i, count, problem);
        }
    }
    return MR_OK;
}

static mr_err emit_folded(struct mr_bus *bus, const mr_emission *emissions, size_t count,
    mr_durability durability, mr_emitted *ret_emitted, mr_problem *problem)
{
    mr_err err = MR_AGAIN;
    while (err == MR_AGAIN) {
        err = mri_bus_api_follow(bus, problem);
        if (err == MR_OK) {
            err = draft_all(bus, emissions, count, problem);
        }
        if (err == MR_OK && bus->batch.count < count) {
            err = check_repeats(bus, emissions, count, problem);
        }
        if (err != MR_OK) {
            return err;
        }
        if (bus->batch.count > 0) {
            err = mri_bus_append(&bus->fold.bus, &bus->batch, durability, NULL, NULL);
        }
    }
    if (ret_emitted != NULL && (err == MR_OK || err == MR_EUNKNOWN)) {
        mr_err told = tell_emitted(bus, count, ret_emitted);
        err = told == MR_OK ? err : told;
    }
    return err == MR_OK ? MR_OK : mri_bus_api_explain(bus, err, bus->fold.bus.full, problem);
}

mr_err mr_bus_emit(mr_bus *bus, const mr_emission *emissions, size_t count,
    mr_durability durability, mr_emitted *ret_emitted, mr_problem *reterr_problem)
{
    if (bus == NULL || emissions == NULL || count == 0 || count > MR_BUS_BATCH_MAX) {
        return mri_problem(reterr_problem, MR_EINVAL, "expected 1 to %d signals", MR_BUS_BATCH_MAX);
    }
    MRI_ASSERT(bus->magic == MRI_BUS_API_MAGIC);
    mr_err err = mri_bus_api_may_append(bus, reterr_problem);
    if (err != MR_OK) {
        return err;
    }
    mr_problem own;
    mr_problem *problem = reterr_problem == NULL ? &own : reterr_problem;
    err = emit_shared(bus, emissions, count, durability, ret_emitted, problem);
    return err == MR_NOT_FOUND
               ? emit_folded(bus, emissions, count, durability, ret_emitted, problem)
               : err;
}

bool mr_bus_emits_at_once(mr_bus *bus)
{
    MRI_ASSERT(bus->magic == MRI_BUS_API_MAGIC);
    return bus->log != NULL && bus->has_state && bus->retry_seq == 0 &&
           mri_shared_state_of(bus->log, &bus->state) == MR_OK &&
           !mri_derived_is_behind(bus->log) && mri_mirror_is_current(&bus->mirror, &bus->state) &&
           mri_log_has_room(bus->log);
}
