/* SPDX-License-Identifier: MIT */
/*
 * The state of the bus in shared memory, and the deriver that keeps it.
 *
 * Invariants
 *  1. MAGIC is there only in a state that was made whole: it is the last word to be stored.
 *  2. An append that says nothing to the deriver (of a bus that has folded the log, and has checked
 *     all itself) is never refused: what the state cannot take leaves it behind.
 *  3. Numbers of sources and names are those of the log: in order of their first signal.
 */
#include "bus/shared_state.h"

#include <string.h>

#include "base/fixed.h"
#include "base/problem.h"
#include "bus/lifecycle.h"
#include "log/format/manifest.h"
#include "millrace/bus.h"

#define MAGIC ((uint64_t)0x3153544154534d52) /* RMSTATS1 */

/** Words of the head. */
enum {
    HEAD_MAGIC,
    HEAD_EVENT_TIME,
    HEAD_VALID_FOR,
    HEAD_SIGNALS_MAX,
    HEAD_SOURCES_MAX,
    HEAD_NAMES_MAX,
    HEAD_SYMBOLS_MAX,
    HEAD_INSTRUMENTS,
    HEAD_PROVISIONAL,
    HEAD_KEPT_FOR,
    HEAD_WORDS = 64,
};

enum {
    INSTRUMENT_WORDS = 32,
    STORES_MAX = 40 * MR_BUS_BATCH_MAX, /* a new signal and one that leaves: 33 on the average */
    LEAVING_MAX = 2, /* old ones that make place with each new one: more than come */
    PAGE = MRI_SHARED_MEMORY_PAGE_BYTES,
};

MRI_STATIC_ASSERT(
    MRI_SHARED_INSTRUMENT_BYTES == (INSTRUMENT_WORDS - 1) * sizeof(uint64_t), "and its length");

/** The sizes there are, by how many signals they have room for. */
#define SIZE_MAP(X)                                                                                \
    X(12) X(13) X(14) X(15) X(16) X(17) X(18) X(19) X(20) X(21) X(22) X(23) X(24) X(25) X(26) X(27)
#define WITHIN(number, low, high)                                                                  \
    ((number) < (low) ? (low) : (number) > (high) ? (high) : (number)) /* NOLINT: of constants */
#define SIZE(bits)                                                                                 \
    {.slots_max = (uint32_t)1 << (bits),                                                           \
        .symbols_max =                                                                             \
            WITHIN((1 << (bits)) / 256, MRI_SHARED_SYMBOLS_MIN, MRI_SHARED_SYMBOLS_MAX),           \
        .sources_max =                                                                             \
            WITHIN((1 << (bits)) / 512, MRI_SHARED_SOURCES_MIN, MRI_SHARED_SOURCES_MAX)},
static const struct mri_signal_limits sizes[] = {SIZE_MAP(SIZE)};

static uint64_t load(const uint64_t *word)
{
    return *(const volatile uint64_t *)word;
}

/** For one key for each eight signals, and more: three quarters of them may be used. */
static uint32_t key_places(const struct mri_signal_limits *limits)
{
    return limits->slots_max / 4;
}

static size_t table_offset(const struct mri_signal_limits *limits)
{
    return HEAD_WORDS + (size_t)limits->symbols_max * INSTRUMENT_WORDS +
           mri_shared_texts_words(limits->sources_max) + mri_shared_texts_words(MRI_SHARED_NAMES) +
           mri_shared_keys_words(key_places(limits));
}

static size_t state_bytes(const struct mri_signal_limits *limits)
{
    size_t bytes = table_offset(limits) * sizeof(uint64_t) + mri_signal_table_bytes(limits);
    return (bytes + PAGE - 1) / PAGE * PAGE;
}

static struct mri_shared_state state_at(uint64_t *words, const struct mri_signal_limits *limits)
{
    uint64_t *instruments = words + HEAD_WORDS;
    uint64_t *sources = instruments + (size_t)limits->symbols_max * INSTRUMENT_WORDS;
    uint64_t *names = sources + mri_shared_texts_words(limits->sources_max);
    uint64_t *keys = names + mri_shared_texts_words(MRI_SHARED_NAMES);
    return (struct mri_shared_state){
        .head = words,
        .instruments = instruments,
        .sources = mri_shared_texts_at(sources, limits->sources_max),
        .names = mri_shared_texts_at(names, MRI_SHARED_NAMES),
        .keys = mri_shared_keys_at(keys, key_places(limits)),
        .table = mri_signal_table_at(words + table_offset(limits), limits),
    };
}

/* ---- deriving -------------------------------------------------------------------------------- */

/** What is being derived. */
struct deriving {
    struct mri_shared_state *state;
    struct mri_hot_journal *journal;
    struct mri_shared_append *append; /**< NULL: the caller has folded the log */
    uint64_t first_seq;
};

static void note_time(const struct deriving *deriving, int64_t time_unix_ns)
{
    uint64_t *word = &deriving->state->head[HEAD_EVENT_TIME];
    if (time_unix_ns > (int64_t)*word) {
        mri_hot_tail_set(deriving->journal, word, (uint64_t)time_unix_ns);
    }
}

static mr_err is_full(struct deriving *deriving, const char *what)
{
    if (deriving->append != NULL) {
        deriving->append->full = what;
    }
    return MR_FULL;
}

/** The number of a text, which is given the next one when it is new. */
static mr_err number_of(struct deriving *deriving, struct mri_shared_texts *texts,
    const struct mri_event *event, unsigned text, uint32_t *ret_number)
{
    bool is_source = texts == &deriving->state->sources;
    uint32_t before = mri_shared_texts_count(texts);
    uint64_t limit = deriving->state->head[is_source ? HEAD_SOURCES_MAX : HEAD_NAMES_MAX];
    mr_err err =
        mri_shared_texts_add(texts, deriving->journal, mri_event_text(event, text), ret_number);
    if (err == MR_OK && *ret_number >= before && *ret_number >= limit) {
        err = MR_FULL;
    }
    return err == MR_FULL ? is_full(deriving, is_source ? "sources" : "names") : err;
}

/** In the order in which a bus that folds the log gives them. */
static mr_err take_numbers(struct deriving *deriving, const struct mri_event *event,
    const struct mri_shared_known *known, struct mri_signal *signal)
{
    uint32_t source = known->source - 1;
    uint32_t name = known->name - 1;
    mr_err err = MR_OK;
    if (known->source == 0) {
        err = number_of(
            deriving, &deriving->state->sources, event, MRI_TEXT_signal_generated_source, &source);
    }
    if (err == MR_OK && known->name == 0) {
        err = number_of(
            deriving, &deriving->state->names, event, MRI_TEXT_signal_generated_name, &name);
    }
    signal->source = (uint16_t)source;
    signal->name = (uint16_t)name;
    return err;
}

/** What was learned so long ago that it need not be here leaves. */
static void make_way(const struct deriving *deriving, int64_t now_unix_ns)
{
    int64_t kept_for_ns = (int64_t)deriving->state->head[HEAD_KEPT_FOR];
    bool has_room = *deriving->journal->count < deriving->journal->capacity / 2;
    if (kept_for_ns > 0 && has_room) { /* else the next batch does it */
        (void)mri_signal_table_retire(
            &deriving->state->table, deriving->journal, now_unix_ns - kept_for_ns, LEAVING_MAX);
    }
}

/** Of a caller who has drafted by the state: is the key new? Whoever has folded knows it himself.
 */
static mr_err check_key(const struct deriving *deriving, const struct mri_shared_known *known)
{
    const struct mri_shared_keys *keys = &deriving->state->keys;
    if (!known->has_key) {
        return MR_OK;
    }
    if (!mri_shared_keys_is_whole(keys)) {
        return MR_NOT_FOUND;
    }
    return mri_shared_keys_find(keys, &known->key) == 0 ? MR_OK : MR_EXISTS;
}

static void take_key(struct deriving *deriving, const struct mri_event *event,
    const struct mri_shared_known *known, uint32_t ordinal)
{
    struct mri_shared_keys *keys = &deriving->state->keys;
    if (known->has_key) {
        mri_shared_keys_add(keys, deriving->journal, &known->key, ordinal);
    } else if (deriving->append == NULL && mri_shared_keys_is_whole(keys) &&
               mri_event_text(event, MRI_TEXT_signal_generated_idempotency_key).count > 0) {
        mri_shared_keys_lack(keys, deriving->journal); /* what it is takes too long to say here */
    }
}

static mr_err take_generated(struct deriving *deriving, const struct mri_event *event,
    const struct mri_shared_known *known, struct mri_hot_subject *subject)
{
    struct mri_shared_state *state = deriving->state;
    struct mri_signal_generated *body =
        (struct mri_signal_generated *)(uintptr_t)event->body; /* the caller's, who lets us */
    if (body->symbol >= state->head[HEAD_INSTRUMENTS]) {
        return MR_REFUSED;
    }
    if (deriving->append != NULL) {
        int64_t now = (int64_t)state->head[HEAD_EVENT_TIME];
        bool is_price_now = body->price_time_unix_ns == body->event_time_unix_ns;
        body->event_time_unix_ns = now > body->event_time_unix_ns ? now : body->event_time_unix_ns;
        if (is_price_now) {
            body->price_time_unix_ns = body->event_time_unix_ns;
        }
    }
    struct mri_signal signal = {
        .event_time_unix_ns = body->event_time_unix_ns,
        .generated_seq = event->seq,
        .symbol = (uint16_t)body->symbol,
        .side = body->side,
    };
    mr_err err = check_key(deriving, known);
    if (err == MR_OK) {
        err = take_numbers(deriving, event, known, &signal);
    }
    if (err == MR_OK && mri_signal_table_newest(&state->table) >= state->head[HEAD_SIGNALS_MAX]) {
        return is_full(deriving, "signals");
    }
    uint32_t ordinal;
    if (err == MR_OK) {
        make_way(deriving, signal.event_time_unix_ns);
        err = mri_signal_table_create(&state->table, deriving->journal, &signal, &ordinal);
    }
    if (err == MR_OK) {
        bool is_expected = event->ordinal == 0 || event->ordinal == ordinal;
        *subject = (struct mri_hot_subject){.id = ordinal};
        note_time(deriving, body->event_time_unix_ns);
        take_key(deriving, event, known, ordinal);
        err = is_expected ? MR_OK : MR_ECORRUPT;
    }
    return err;
}

static mr_err take_moved(
    struct deriving *deriving, const struct mri_event *event, struct mri_hot_subject *subject)
{
    const struct mri_signal_moved *move = event->body;
    struct mri_signal_table *table = &deriving->state->table;
    struct mri_signal found;
    mr_state state;
    mr_err err = mri_signal_table_get(table, event->ordinal, &found);
    if (err == MR_OK && found.is_claimed && deriving->append != NULL) {
        return MR_NOT_FOUND; /* whose it is the log knows */
    }
    if (err == MR_OK && found.generated_seq != move->signal && deriving->append != NULL) {
        return MR_AGAIN; /* drafted from a batch that came to nothing */
    }
    if (err == MR_OK) {
        *subject = (struct mri_hot_subject){found.last_seq, event->ordinal, 0};
        err = mri_signal_table_move(
            table, deriving->journal, event->ordinal, move, event->seq, &state);
    }
    if (err == MR_CONFLICT && found.moved_seq >= deriving->first_seq) {
        return MR_REFUSED; /* an earlier one of the same batch contradicts it */
    }
    if (err == MR_CONFLICT && deriving->append != NULL) {
        deriving->append->conflict = (struct mri_bus_conflict){
            .ordinal = event->ordinal, .found = state, .winner_seq = found.moved_seq};
    }
    return err;
}

static mr_err take_instrument(struct deriving *deriving, const struct mri_event *event)
{
    const struct mri_instrument *body = event->body;
    uint64_t *head = deriving->state->head;
    uint64_t number = head[HEAD_INSTRUMENTS];
    /* Of a provisional symbol that gets its instrument, all is made anew. */
    if (body->symbol != number || number >= deriving->state->table.limits.symbols_max ||
        event->body_bytes > MRI_SHARED_INSTRUMENT_BYTES) {
        return MR_FULL;
    }
    uint64_t *words = deriving->state->instruments + number * INSTRUMENT_WORDS;
    words[0] = event->body_bytes; /* nothing leads there yet */
    memcpy(&words[1], event->body, event->body_bytes);
    mri_hot_tail_set(deriving->journal, &head[HEAD_INSTRUMENTS], number + 1);
    if ((body->flags & MRI_IS_PROVISIONAL) != 0) {
        mri_hot_tail_set(deriving->journal, &head[HEAD_PROVISIONAL], head[HEAD_PROVISIONAL] + 1);
    }
    return MR_OK;
}

/** An event about a signal that has left the table says itself what came before. */
static void take_note(
    struct deriving *deriving, const struct mri_event *event, struct mri_hot_subject *subject)
{
    uint64_t before;
    *subject = (struct mri_hot_subject){event->ordinal_prev, event->ordinal, 0};
    if (event->ordinal != 0 && mri_signal_table_note(&deriving->state->table, deriving->journal,
                                   event->ordinal, event->seq, &before) == MR_OK) {
        subject->prev = before;
    }
}

/** Checked by the bus that has folded the log: only such a one claims. */
static mr_err take_claimed(
    struct deriving *deriving, const struct mri_event *event, struct mri_hot_subject *subject)
{
    const struct mri_signal_claimed *claim = event->body;
    *subject = (struct mri_hot_subject){event->ordinal_prev, event->ordinal, 0};
    return mri_signal_table_claim(&deriving->state->table, deriving->journal, event->ordinal,
        claim->act == MRI_CLAIM_TAKEN, event->seq);
}

static mr_err take(struct deriving *deriving, const struct mri_event *event,
    const struct mri_shared_known *known, struct mri_hot_subject *subject)
{
    switch (event->type) {
    case MRI_EVENT_SIGNAL_GENERATED:
        return take_generated(deriving, event, known, subject);
    case MRI_EVENT_SIGNAL_MOVED:
        return take_moved(deriving, event, subject);
    case MRI_EVENT_SIGNAL_CLAIMED:
        return take_claimed(deriving, event, subject);
    case MRI_EVENT_INSTRUMENT:
        take_note(deriving, event, subject);
        return take_instrument(deriving, event);
    case MRI_EVENT_CONFIG:
        return MR_AGAIN; /* nobody reads a configuration here: all is made anew with it */
    case MRI_EVENT_CANDLE:
        note_time(deriving, ((const struct mri_candle *)event->body)->close_time_unix_ns);
        break;
    case MRI_EVENT_QUOTE:
        note_time(deriving, ((const struct mri_quote *)event->body)->event_time_unix_ns);
        break;
    case MRI_EVENT_FUNDING:
        note_time(deriving, ((const struct mri_funding *)event->body)->event_time_unix_ns);
        break;
    case MRI_EVENT_TICK:
        note_time(deriving, ((const struct mri_tick *)event->body)->event_time_unix_ns);
        break;
    case MRI_EVENT_SIGNAL_ANNOTATED:
        note_time(deriving, ((const struct mri_signal_annotated *)event->body)->event_time_unix_ns);
        break;
    case MRI_EVENT_ORDER_REPORT:
        note_time(deriving, ((const struct mri_order_report *)event->body)->event_time_unix_ns);
        break;
    case MRI_EVENT_SIGNAL_OBSERVED:
        note_time(deriving, ((const struct mri_signal_observed *)event->body)->event_time_unix_ns);
        break;
    default:
        break;
    }
    take_note(deriving, event, subject);
    return MR_OK;
}

/** Of a caller who has drafted it just now: as it is. Of others: checked. */
static mr_err read_record(const struct deriving *deriving, const mr_log_record *record,
    uint64_t seq, struct mri_event *ret_event)
{
    if (deriving->append == NULL) {
        const mr_log_event raw = {
            .seq = {seq},
            .body = record->body,
            .body_bytes = record->body_bytes,
            .subject_id = record->subject_id,
            .subject_prev = record->subject_prev,
            .type = record->type,
            .version = record->version,
        };
        mr_err err = mri_event_decode(&raw, ret_event);
        ret_event->ordinal = record->subject_id;
        ret_event->ordinal_prev = record->subject_prev;
        return err;
    }
    *ret_event = (struct mri_event){.seq = seq,
        .ordinal = record->subject_id,
        .ordinal_prev = record->subject_prev,
        .body = record->body,
        .body_bytes = record->body_bytes,
        .type = record->type,
        .version = record->version};
    return MR_OK;
}

static mr_err take_record(struct deriving *deriving, const mr_log_record *record, size_t index)
{
    static const struct mri_shared_known unknown;
    struct mri_shared_append *append = deriving->append;
    struct mri_hot_subject nobodys;
    struct mri_event event;
    mr_err err = read_record(deriving, record, deriving->first_seq + index, &event);
    if (err != MR_OK) {
        return err;
    }
    if (append == NULL) {
        return take(deriving, &event, &unknown, &nobodys);
    }
    return take(deriving, &event, append->known == NULL ? &unknown : &append->known[index],
        &append->subjects[index]);
}

static mr_err derive(const void *context, void *argument, struct mri_hot_journal *journal,
    const mr_log_record *records, size_t count, uint64_t first_seq)
{
    struct mri_shared_append *append = argument;
    struct mri_shared_state own;
    bool is_known =
        append != NULL && append->state != NULL && append->state->head == journal->derived;
    if (!is_known) {
        own = state_at(journal->derived, context);
    }
    struct deriving deriving = {.state = is_known ? append->state : &own,
        .journal = journal,
        .append = append,
        .first_seq = first_seq};
    bool is_whole = !journal->is_behind && deriving.state->head[HEAD_MAGIC] == MAGIC;
    mr_err err = is_whole ? MR_OK : MR_AGAIN;
    for (size_t i = 0; i < count && err == MR_OK; i++) {
        err = take_record(&deriving, &records[i], i);
    }
    if (append == NULL) {
        journal->is_left = err != MR_OK || journal->is_full;
        return MR_OK;
    }
    journal->subjects = append->subjects;
    return err;
}

#define DERIVER(bits) {.context = &sizes[(bits)-12], .stores_max = STORES_MAX, .derive = derive},
static const struct mri_hot_deriver derivers[] = {SIZE_MAP(DERIVER)};

/* ---- opening --------------------------------------------------------------------------------- */

/** Which of the sizes; MRI_COUNT_OF(sizes): it is none. */
static size_t size_of(const char *text)
{
    int64_t signals = MRI_SHARED_SIGNALS_DEFAULT;
    mr_err err = text == NULL ? MR_OK : mri_fixed_parse(mri_slice_of(text), 0, &signals);
    size_t size = 0;
    while (size < MRI_COUNT_OF(sizes) && (err != MR_OK || sizes[size].slots_max != signals)) {
        size++;
    }
    return size;
}

static const char *attribute_of(const mr_log_options *options)
{
    for (size_t i = 0; options->attributes != NULL && i < options->attribute_count; i++) {
        const mr_log_attribute *attribute = &options->attributes[i];
        if (attribute->key != NULL && strcmp(attribute->key, MRI_ATTRIBUTE_TABLE_SIGNALS) == 0) {
            return attribute->value;
        }
    }
    return NULL;
}

/** The size that the log has, or will have when it is made now. */
static size_t size_wanted(
    const struct mri_os *os, const char *folder, const mr_log_options *options)
{
    struct mri_manifest manifest;
    return mri_manifest_read(os, folder, &manifest, NULL) == MR_OK
               ? size_of(mri_manifest_get(&manifest, MRI_ATTRIBUTE_TABLE_SIGNALS))
               : size_of(attribute_of(options)); /* what is wrong with it is told on opening */
}

mr_err mri_shared_state_open_log(const struct mri_os *os, const struct mri_alloc *alloc,
    const char *folder, const mr_log_options *options, mr_log **ret_log, mr_problem *reterr_problem)
{
    static const mr_log_options plain;
    const mr_log_options *how = options == NULL ? &plain : options;
    size_t size = size_wanted(os, folder, how);
    size_t found = size;
    mr_err err = MR_OK;
    do { /* again, when another one has made the log meanwhile, of another size */
        size = found;
        if (size == MRI_COUNT_OF(sizes)) {
            return mri_problem(reterr_problem, MR_REFUSED,
                "%s: %s of the log: expected a power of two from %d to %d", folder,
                MRI_ATTRIBUTE_TABLE_SIGNALS, MRI_SHARED_SIGNALS_MIN, MRI_SHARED_SIGNALS_MAX);
        }
        const struct mri_log_opener opener = {
            .options = how, .derived_bytes = state_bytes(&sizes[size]), .deriver = &derivers[size]};
        err = mri_log_open_with(os, alloc, folder, &opener, ret_log, reterr_problem);
        if (err == MR_OK) {
            found = size_of(mr_log_attribute_get(*ret_log, MRI_ATTRIBUTE_TABLE_SIGNALS));
        }
        if (err == MR_OK && found != size) {
            mr_log_close(*ret_log);
            *ret_log = NULL;
        }
    } while (err == MR_OK && found != size);
    return err;
}

mr_err mri_shared_state_of(const mr_log *log, struct mri_shared_state *state)
{
    if (state->head == NULL) {
        struct mri_derived derived = mri_derived_of(log);
        size_t size = size_of(mr_log_attribute_get(log, MRI_ATTRIBUTE_TABLE_SIGNALS));
        if (derived.words == NULL || size == MRI_COUNT_OF(sizes) ||
            derived.bytes != state_bytes(&sizes[size])) {
            return MR_NOT_FOUND;
        }
        /* Is only written to by who holds it. */
        *state = state_at((uint64_t *)(uintptr_t)derived.words, &sizes[size]);
    }
    return load(&state->head[HEAD_MAGIC]) == MAGIC ? MR_OK : MR_AGAIN;
}

mr_err mri_shared_state_append(mr_log *log, mr_log_record *records, size_t count,
    mr_durability durability, struct mri_shared_append *append, mr_log_ack *ret_ack)
{
    return mri_log_append_derived(log, records, count, durability, append, ret_ack);
}

/* ---- making anew ----------------------------------------------------------------------------- */

static mr_err fill_texts(struct mri_shared_texts *texts, const struct mri_intern *intern)
{
    mr_err err = MR_OK;
    for (uint32_t i = 0; i < intern->count && err == MR_OK; i++) {
        uint32_t number;
        err = mri_shared_texts_add(texts, NULL, mri_intern_text(intern, i), &number);
        MRI_ASSERT(err != MR_OK || number == i);
    }
    return err == MR_OK ? MR_OK : MR_FULL;
}

static void fill_keys(struct mri_shared_keys *keys, const struct mri_keys *known)
{
    for (uint32_t i = 0; i < known->capacity && mri_shared_keys_is_whole(keys); i++) {
        const struct mri_key_entry *entry = &known->entries[i];
        if (entry->ordinal != 0) {
            mri_shared_keys_add(keys, NULL, &entry->key, entry->ordinal);
        }
    }
}

struct mri_signal mri_shared_state_expected(const struct mri_bus *bus, uint32_t ordinal)
{
    const struct mri_slot *slot = mri_slots_get(&bus->slots, ordinal);
    return (struct mri_signal){
        .is_claimed = mri_claims_seq(&bus->claims, ordinal) != 0,
        .event_time_unix_ns = slot->event_time_unix_ns,
        .generated_seq = slot->generated_seq,
        .last_seq = slot->last_seq,
        .moved_seq = slot->moved_seq,
        .ordinal = ordinal,
        .symbol = (uint16_t)slot->symbol,
        .source = slot->source,
        .name = slot->name,
        .side = slot->side,
        .state = slot->state,
        .gate = slot->gate,
        .ended = slot->ended,
        .reason = slot->reason,
    };
}

/** From which ordinal on is there room for learned signals, too? */
static uint32_t oldest_kept(const struct mri_slots *slots, uint32_t room, int64_t since_unix_ns)
{
    uint32_t learned = slots->states[MR_LEARNED].count;
    uint32_t living = slots->count - learned;
    uint32_t left = living < room ? room - living : 0;
    uint32_t ordinal = slots->count + 1;
    while (ordinal > 1 && left > 0 &&
           mri_slots_get(slots, ordinal - 1)->event_time_unix_ns >= since_unix_ns) {
        ordinal--;
        left -= mri_slots_get(slots, ordinal)->state == MR_LEARNED;
    }
    return ordinal;
}

static mr_err fill_table(
    struct mri_signal_table *table, const struct mri_bus *bus, int64_t kept_for_ns)
{
    const struct mri_slots *slots = &bus->slots;
    mr_err err = MR_OK;
    uint32_t passed = oldest_kept(slots, mri_signal_table_room(&table->limits),
        kept_for_ns > 0 ? bus->event_time_unix_ns - kept_for_ns : 0);
    for (uint32_t ordinal = 1; ordinal <= slots->count && err == MR_OK; ordinal++) {
        const struct mri_slot *slot = mri_slots_get(slots, ordinal);
        if (slot->state != MR_LEARNED || ordinal >= passed) {
            const struct mri_signal signal = mri_shared_state_expected(bus, ordinal);
            err = mri_signal_table_restore(table, &signal);
        } else {
            mri_signal_table_pass(table, ordinal);
        }
    }
    for (unsigned state = 0; state < MR_STATE_COUNT && err == MR_OK; state++) {
        uint32_t at = slots->states[state].first;
        for (; at != 0 && err == MR_OK; at = mri_slots_get(slots, at)->state_next) {
            err = mri_signal_table_enlist(table, at);
            err = err == MR_NOT_FOUND && state == MR_LEARNED ? MR_OK : err;
        }
    }
    return err == MR_OK ? MR_OK : MR_FULL;
}

mr_err mri_shared_state_fill(struct mri_shared_state *state, const struct mri_bus *bus,
    const struct mri_shared_settings *settings)
{
    const struct mri_bus_limits *limits = &settings->limits;
    memset(state->head, 0, state_bytes(&state->table.limits));
    mr_err err = fill_texts(&state->sources, &bus->sources);
    if (err == MR_OK) {
        err = fill_texts(&state->names, &bus->names);
    }
    if (err == MR_OK) {
        err = fill_table(&state->table, bus, settings->kept_for_ns);
    }
    fill_keys(&state->keys, &bus->keys);
    state->head[HEAD_EVENT_TIME] = (uint64_t)bus->event_time_unix_ns;
    state->head[HEAD_VALID_FOR] = (uint64_t)settings->valid_for_ns;
    state->head[HEAD_KEPT_FOR] = (uint64_t)settings->kept_for_ns;
    state->head[HEAD_SIGNALS_MAX] = limits->slots.signals_max;
    state->head[HEAD_SOURCES_MAX] = limits->slots.sources_max;
    state->head[HEAD_NAMES_MAX] = limits->names_max;
    state->head[HEAD_SYMBOLS_MAX] = limits->slots.symbols_max;
    if (err == MR_OK) {
        state->head[HEAD_MAGIC] = MAGIC;
    }
    return err;
}

mr_err mri_shared_state_put_instrument(
    struct mri_shared_state *state, const void *body, size_t body_bytes)
{
    uint64_t number = state->head[HEAD_INSTRUMENTS];
    if (number >= state->table.limits.symbols_max || body_bytes > MRI_SHARED_INSTRUMENT_BYTES) {
        return MR_FULL;
    }
    uint64_t *at = state->instruments + number * INSTRUMENT_WORDS;
    at[0] = body_bytes;
    memcpy(&at[1], body, body_bytes);
    state->head[HEAD_INSTRUMENTS] = number + 1;
    state->head[HEAD_PROVISIONAL] +=
        (((const struct mri_instrument *)body)->flags & MRI_IS_PROVISIONAL) != 0;
    return MR_OK;
}

/* ---- looking --------------------------------------------------------------------------------- */

uint32_t mri_shared_state_instrument_count(const struct mri_shared_state *state)
{
    uint64_t count = load(&state->head[HEAD_INSTRUMENTS]);
    return count <= state->table.limits.symbols_max ? (uint32_t)count : 0;
}

uint32_t mri_shared_state_provisional_count(const struct mri_shared_state *state)
{
    uint64_t count = load(&state->head[HEAD_PROVISIONAL]);
    return count <= state->table.limits.symbols_max ? (uint32_t)count : 0;
}

size_t mri_shared_state_instrument(const struct mri_shared_state *state, uint32_t number,
    uint64_t ret_body[MRI_SHARED_INSTRUMENT_BYTES / 8])
{
    if (number >= state->table.limits.symbols_max) {
        return 0;
    }
    const uint64_t *words = state->instruments + (size_t)number * INSTRUMENT_WORDS;
    uint64_t bytes = load(&words[0]);
    for (unsigned i = 0; i + 1 < INSTRUMENT_WORDS; i++) {
        ret_body[i] = load(&words[1 + i]);
    }
    return bytes <= MRI_SHARED_INSTRUMENT_BYTES ? (size_t)bytes : 0;
}

int64_t mri_shared_state_event_time_unix_ns(const struct mri_shared_state *state)
{
    return (int64_t)load(&state->head[HEAD_EVENT_TIME]);
}

int64_t mri_shared_state_valid_for_ns(const struct mri_shared_state *state)
{
    return (int64_t)load(&state->head[HEAD_VALID_FOR]);
}
