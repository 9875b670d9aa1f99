/* SPDX-License-Identifier: MIT */
/*
 * Tests of the bus: what is appended, what is refused, and that a rebuilt table is the kept one.
 */
#include "bus/bus.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log/read/reader.h"
#include "tests/lib/bus_sample.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/event_sample.h"
#include "tests/lib/failing_alloc.h"
#include "tests/lib/os_faults.h"
#include "tests/lib/os_memory.h"

enum { FILE_BYTES = 1 << 20, BATCH_MAX = 40, SAVED_MAX = 1 << 24, MODEL_MAX = 20000 };

static const struct mri_bus_since all = {.seq = 0};
static struct mri_os_memory *memory;
static struct mri_os_faults machine;
static const struct mri_os *os;
static mr_log *log_handle;
static struct mri_bus bus;
static struct mri_batch batch;
static struct mri_prng prng;

/** The state of every signal, kept without the bus. */
static struct {
    uint8_t state[MODEL_MAX + 1];
    uint64_t moved_seq[MODEL_MAX + 1];
    struct mri_bus_sample_signal signals[MODEL_MAX + 1];
    uint32_t by_key[MRI_BUS_SAMPLE_SOURCES][MRI_BUS_SAMPLE_KEYS];
    uint32_t count;
    uint64_t foreign_moves;
} model;

static void open_log(void)
{
    const mr_log_options options = {.is_create = true, .segment_bytes = FILE_BYTES};
    assert_int_equal(
        mri_log_open(os, mri_alloc_system(), "/log", &options, &log_handle, NULL), MR_OK);
}

static int set_up(void **fixture)
{
    (void)fixture;
    memory = mri_os_memory_new(FILE_BYTES);
    mri_os_faults_init(&machine, mri_os_memory_table(memory));
    os = &machine.table;
    mri_prng_init(&prng, 1);
    memset(&model, 0, sizeof(model));
    open_log();
    mr_err err = mri_bus_init(&bus, mri_alloc_system(), &mri_bus_sample_limits, log_handle);
    if (err == MR_OK) {
        err = mri_batch_init(&batch, mri_alloc_system(), BATCH_MAX, 1 << 20);
    }
    return err == MR_OK ? 0 : 1;
}

static int tear_down(void **fixture)
{
    (void)fixture;
    mri_batch_fini(&batch);
    mri_bus_fini(&bus);
    mr_log_close(log_handle);
    log_handle = NULL;
    size_t open_count = mri_os_memory_open_count(memory);
    mri_os_memory_free(memory);
    return open_count == 0 ? 0 : 1;
}

static void save(const struct mri_bus *some, struct mri_buf *ret_saved)
{
    mri_buf_init(ret_saved, mri_alloc_system(), SAVED_MAX);
    mri_bus_save(some, &all, ret_saved);
    assert_int_equal(ret_saved->err, MR_OK);
}

static void expect_same_tables(const struct mri_bus *a, const struct mri_bus *b)
{
    struct mri_buf saved_a;
    struct mri_buf saved_b;
    save(a, &saved_a);
    save(b, &saved_b);
    assert_int_equal(saved_a.count, saved_b.count);
    assert_memory_equal(saved_a.bytes, saved_b.bytes, saved_a.count);
    mri_buf_fini(&saved_a);
    mri_buf_fini(&saved_b);
}

/** Fold the whole log into an empty bus. */
static void rebuild(struct mri_bus *ret_rebuilt)
{
    mr_log_reader *reader;
    mr_err err = MR_OK;
    assert_int_equal(
        mri_bus_init(ret_rebuilt, mri_alloc_system(), &mri_bus_sample_limits, NULL), MR_OK);
    assert_int_equal(mri_reader_open(os, mri_alloc_system(), "/log", &reader, NULL), MR_OK);
    while (err == MR_OK) {
        mr_log_event record;
        struct mri_event event;
        err = mr_log_reader_next(reader, &record, NULL);
        if (err == MR_OK) {
            assert_int_equal(mri_bus_fold(ret_rebuilt, &record, &event), MR_OK);
            assert_int_equal(event.seq, record.seq.n);
            assert_int_equal(event.type, record.type);
        }
    }
    assert_int_equal(err, MR_END);
    mr_log_reader_close(reader);
}

/** The kept tables must be those that the log says. */
static void expect_rebuilt_is_kept(void)
{
    struct mri_bus rebuilt;
    rebuild(&rebuilt);
    expect_same_tables(&rebuilt, &bus);
    mri_bus_fini(&rebuilt);
}

/** Draft some legal events; the model follows as if they were appended. */
static void draft_some(void)
{
    uint64_t wanted = 1 + mri_prng_below(&prng, BATCH_MAX - 1);
    mri_bus_begin(&bus, &batch);
    while (batch.count < wanted) {
        if (model.count == 0 || mri_prng_below(&prng, 4) == 0) {
            struct mri_bus_sample_signal *signal = &model.signals[++model.count];
            assert_int_equal(mri_bus_sample_emit(&batch, &prng, signal), MR_OK);
            model.state[model.count] = MR_GENERATED;
            model.moved_seq[model.count] = mri_batch_next_seq(&batch) - 1;
            uint32_t *keyed = &model.by_key[signal->source][signal->key];
            *keyed = signal->key != 0 && *keyed == 0 ? model.count : *keyed;
            continue;
        }
        uint32_t ordinal = 1 + (uint32_t)mri_prng_below(&prng, model.count);
        unsigned to = mri_bus_sample_next_state(&prng, model.state[ordinal]);
        if (to < MR_STATE_COUNT) {
            assert_int_equal(
                mri_bus_sample_move(&batch, &prng, ordinal, model.state[ordinal], to), MR_OK);
            struct mri_event event = mri_batch_event(&batch, batch.count - 1);
            model.foreign_moves += ((const struct mri_signal_moved *)event.body)->cause == 0;
            model.state[ordinal] = (uint8_t)to;
            model.moved_seq[ordinal] = event.seq;
        }
    }
}

static void expect_model(void)
{
    assert_int_equal(bus.slots.count, model.count);
    assert_int_equal(bus.foreign_moves, model.foreign_moves);
    int64_t newest = 0;
    for (uint32_t i = 1; i <= model.count; i++) {
        const struct mri_slot *slot = mri_slots_get(&bus.slots, i);
        const struct mri_bus_sample_signal *signal = &model.signals[i];
        char text[20];
        assert_int_equal(slot->state, model.state[i]);
        assert_int_equal(slot->moved_seq, model.moved_seq[i]);
        assert_int_equal(slot->symbol, signal->symbol);
        assert_int_equal(slot->side, signal->side);
        assert_true(slot->event_time_unix_ns == signal->event_time_unix_ns);
        assert_true(slot->source >= MRI_SOURCE_EXTERNAL_FIRST);
        (void)snprintf(text, sizeof(text), "source-%u", signal->source);
        assert_true(mri_slice_is(mri_intern_text(&bus.sources, slot->source), text));
        (void)snprintf(text, sizeof(text), "name-%u", signal->name);
        assert_true(mri_slice_is(mri_intern_text(&bus.names, slot->name), text));
        newest = signal->event_time_unix_ns > newest ? signal->event_time_unix_ns : newest;
    }
    assert_int_equal(bus.event_time_unix_ns, newest);
    for (unsigned source = 0; source < MRI_BUS_SAMPLE_SOURCES; source++) {
        for (unsigned n = 1; n < MRI_BUS_SAMPLE_KEYS; n++) {
            char source_text[20];
            char key_text[20];
            struct mri_key key;
            (void)snprintf(source_text, sizeof(source_text), "source-%u", source);
            (void)snprintf(key_text, sizeof(key_text), "key-%u", n);
            assert_int_equal(
                mri_key_of(&bus.hasher, mri_slice_of(source_text), mri_slice_of(key_text), &key),
                MR_OK);
            assert_int_equal(mri_keys_find(&bus.keys, &key), model.by_key[source][n]);
        }
    }
}

static void the_kept_table_is_the_rebuilt_one_and_the_loaded_one(void **fixture)
{
    (void)fixture;
    for (int i = 0; i < 700; i++) {
        mr_log_ack ack;
        uint64_t first = bus.last_seq + 1;
        draft_some();
        assert_int_equal(mri_bus_append(&bus, &batch, MR_ASYNC, &ack, NULL), MR_OK);
        assert_int_equal(ack.first.n, first);
        assert_int_equal(bus.last_seq, ack.last.n);
        assert_int_equal(bus.last_seq, mr_log_last(log_handle).n);
        if (i % 100 == 0) {
            expect_model();
            expect_rebuilt_is_kept();
        }
    }
    expect_model();
    expect_rebuilt_is_kept();
    struct mri_bus loaded;
    struct mri_buf saved;
    struct mri_unpack unpack;
    save(&bus, &saved);
    assert_int_equal(
        mri_bus_init(&loaded, mri_alloc_system(), &mri_bus_sample_limits, log_handle), MR_OK);
    mri_unpack_init(&unpack, saved.bytes, saved.count);
    assert_int_equal(mri_bus_load(&loaded, &all, &unpack), MR_OK);
    assert_int_equal(mri_unpack_end(&unpack), MR_OK);
    expect_same_tables(&loaded, &bus);
    mri_bus_fini(&bus);
    bus = loaded; /* and it goes on like the kept one */
    for (int i = 0; i < 50; i++) {
        draft_some();
        assert_int_equal(mri_bus_append(&bus, &batch, MR_GROUP, NULL, NULL), MR_OK);
    }
    expect_model();
    expect_rebuilt_is_kept();
    mri_buf_fini(&saved);
}

static void a_record_names_its_signal_and_the_one_before_it(void **fixture)
{
    (void)fixture;
    uint64_t last_of[MODEL_MAX + 1] = {0};
    mr_log_reader *reader;
    mr_log_event record;
    for (int i = 0; i < 50; i++) {
        draft_some();
        assert_int_equal(mri_bus_append(&bus, &batch, MR_ASYNC, NULL, NULL), MR_OK);
    }
    assert_int_equal(mri_reader_open(os, mri_alloc_system(), "/log", &reader, NULL), MR_OK);
    while (mr_log_reader_next(reader, &record, NULL) == MR_OK) {
        assert_true(record.subject_id > 0 && record.subject_id <= model.count);
        assert_int_equal(record.subject_prev, last_of[record.subject_id]);
        last_of[record.subject_id] = record.seq.n;
    }
    for (uint32_t i = 1; i <= model.count; i++) {
        assert_int_equal(mri_slots_get(&bus.slots, i)->last_seq, last_of[i]);
    }
    mr_log_reader_close(reader);
}

/** Append must answer so, and leave log and tables as they were. */
static void expect_refused(mr_err expected, struct mri_bus_conflict *ret_conflict)
{
    struct mri_buf before;
    struct mri_buf after;
    uint64_t last = mr_log_last(log_handle).n;
    uint64_t writes = machine.calls[MRI_OS_CALL_WRITE_AT];
    save(&bus, &before);
    assert_int_equal(mri_bus_append(&bus, &batch, MR_GROUP, NULL, ret_conflict), expected);
    save(&bus, &after);
    assert_int_equal(mr_log_last(log_handle).n, last);
    assert_int_equal(machine.calls[MRI_OS_CALL_WRITE_AT], writes);
    assert_int_equal(before.count, after.count);
    assert_memory_equal(before.bytes, after.bytes, before.count);
    mri_buf_fini(&before);
    mri_buf_fini(&after);
}

static void add_generated(const char *source, const char *name)
{
    const struct mri_signal_generated fixed = {
        .event_time_unix_ns = 5, .side = MR_LONG, .regime = MRI_REGIME_ABSENT};
    struct mri_draft draft = {.type = MRI_EVENT_SIGNAL_GENERATED, .fixed = &fixed};
    draft.texts[MRI_TEXT_signal_generated_source] = mri_slice_of(source);
    draft.texts[MRI_TEXT_signal_generated_name] = mri_slice_of(name);
    assert_int_equal(mri_batch_add(&batch, &draft, batch.next_ordinal), MR_OK);
}

/** A signal in this state; there is one after some batches. */
static uint32_t in_state(unsigned state)
{
    for (;;) {
        for (uint32_t ordinal = 1; ordinal <= model.count; ordinal++) {
            if (model.state[ordinal] == state) {
                return ordinal;
            }
        }
        draft_some();
        assert_int_equal(mri_bus_append(&bus, &batch, MR_ASYNC, NULL, NULL), MR_OK);
    }
}

static void an_illegal_move_writes_nothing(void **fixture)
{
    (void)fixture;
    for (unsigned from = 0; from < MR_STATE_COUNT; from++) {
        for (unsigned to = 0; to < MR_STATE_COUNT; to++) {
            uint32_t ordinal = in_state(from);
            mri_bus_begin(&bus, &batch);
            add_generated("a source that is new", "name-0"); /* must leave no trace either */
            assert_int_equal(mri_bus_sample_move(&batch, &prng, ordinal, from, to), MR_OK);
            bool is_legal = false;
            for (int i = 0; i < 100; i++) {
                is_legal = is_legal || mri_bus_sample_next_state(&prng, from) == to;
            }
            if (!is_legal) {
                expect_refused(MR_REFUSED, NULL);
            }
        }
    }
    mri_bus_begin(&bus, &batch); /* without a reason */
    const struct mri_signal_moved fixed = {
        .from = MR_GENERATED, .to = MR_EVALUATING, .actor = MRI_ACTOR_OPERATOR};
    const struct mri_draft draft = {.type = MRI_EVENT_SIGNAL_MOVED, .fixed = &fixed};
    assert_int_equal(mri_batch_add(&batch, &draft, 1), MR_OK);
    expect_refused(MR_REFUSED, NULL);
    expect_rebuilt_is_kept();
}

static void a_move_that_came_too_late_is_told_who_was_first(void **fixture)
{
    (void)fixture;
    struct mri_bus_sample_signal signal;
    struct mri_bus_conflict conflict = {0};
    mri_bus_begin(&bus, &batch);
    assert_int_equal(mri_bus_sample_emit(&batch, &prng, &signal), MR_OK);
    assert_int_equal(mri_bus_sample_emit(&batch, &prng, &signal), MR_OK);
    assert_int_equal(mri_bus_sample_move(&batch, &prng, 2, MR_GENERATED, MR_BLOCKED), MR_OK);
    assert_int_equal(mri_bus_append(&bus, &batch, MR_ASYNC, NULL, NULL), MR_OK);
    mri_bus_begin(&bus, &batch);
    assert_int_equal(mri_bus_sample_move(&batch, &prng, 1, MR_GENERATED, MR_EVALUATING), MR_OK);
    assert_int_equal(mri_bus_sample_move(&batch, &prng, 2, MR_GENERATED, MR_EVALUATING), MR_OK);
    expect_refused(MR_CONFLICT, &conflict);
    assert_int_equal(conflict.ordinal, 2);
    assert_int_equal(conflict.found, MR_BLOCKED);
    assert_int_equal(conflict.winner_seq, 3);
    expect_refused(MR_CONFLICT, NULL);
    assert_int_equal(mri_slots_get(&bus.slots, 1)->state, MR_GENERATED);
}

static void a_batch_is_judged_in_its_own_order(void **fixture)
{
    (void)fixture;
    struct mri_bus_sample_signal signal;
    mri_bus_begin(&bus, &batch); /* a whole life in one batch */
    assert_int_equal(mri_bus_sample_emit(&batch, &prng, &signal), MR_OK);
    assert_int_equal(mri_bus_sample_move(&batch, &prng, 1, MR_GENERATED, MR_EVALUATING), MR_OK);
    assert_int_equal(mri_bus_sample_move(&batch, &prng, 1, MR_EVALUATING, MR_BLOCKED), MR_OK);
    assert_int_equal(mri_bus_sample_move(&batch, &prng, 1, MR_BLOCKED, MR_LEARNED), MR_OK);
    assert_int_equal(mri_bus_append(&bus, &batch, MR_ASYNC, NULL, NULL), MR_OK);
    assert_int_equal(mri_slots_get(&bus.slots, 1)->state, MR_LEARNED);
    assert_int_equal(mri_slots_get(&bus.slots, 1)->ended, MR_BLOCKED);
    mri_bus_begin(&bus, &batch); /* moved twice from the same state */
    assert_int_equal(mri_bus_sample_emit(&batch, &prng, &signal), MR_OK);
    assert_int_equal(mri_bus_sample_move(&batch, &prng, 2, MR_GENERATED, MR_EVALUATING), MR_OK);
    assert_int_equal(mri_bus_sample_move(&batch, &prng, 2, MR_GENERATED, MR_BLOCKED), MR_OK);
    expect_refused(MR_REFUSED, NULL);
    mri_bus_begin(&bus, &batch); /* moved before it is born */
    assert_int_equal(mri_bus_sample_move(&batch, &prng, 2, MR_GENERATED, MR_EVALUATING), MR_OK);
    assert_int_equal(mri_bus_sample_emit(&batch, &prng, &signal), MR_OK);
    expect_refused(MR_REFUSED, NULL);
    mri_bus_begin(&bus, &batch); /* about a signal that does not exist */
    assert_int_equal(mri_bus_sample_move(&batch, &prng, 0, MR_GENERATED, MR_EVALUATING), MR_OK);
    expect_refused(MR_REFUSED, NULL);
    mri_bus_begin(&bus, &batch);
    const struct mri_tick tick = {.reason = MRI_REASON_TIME_PASSED};
    const struct mri_draft draft = {.type = MRI_EVENT_TICK, .fixed = &tick};
    assert_int_equal(mri_batch_add(&batch, &draft, 7), MR_OK);
    expect_refused(MR_REFUSED, NULL);
    mri_bus_begin(&bus, &batch);
    expect_refused(MR_EINVAL, NULL); /* nothing at all */
    expect_rebuilt_is_kept();
}

static void an_event_that_could_not_be_read_back_is_not_written(void **fixture)
{
    (void)fixture;
    static struct mri_event_sample sample;
    size_t kind_count;
    const struct mri_event_kind *kinds = mri_event_kinds(&kind_count);
    for (size_t i = 0; i < kind_count; i++) {
        const struct mri_event_kind *kind = &kinds[i];
        size_t at = 0;
        mri_bus_begin(&bus, &batch);
        mri_event_sample_make(&sample, kind, 1, &prng);
        bool is_spoilt = false;
        for (unsigned f = 0; f < kind->field_count; f++) {
            unsigned bytes = mri_field_bytes(kind->fields[f].kind);
            bool is_picky = kind->fields[f].kind == MRI_FIELD_number ||
                            kind->fields[f].kind == MRI_FIELD_ref ||
                            kind->fields[f].kind == MRI_FIELD_reason;
            if (is_picky) {
                memset(sample.fixed + at, 0xff, bytes);
                is_spoilt = true;
            }
            at += bytes;
        }
        uint32_t ordinal = kind->type == MRI_EVENT_SIGNAL_GENERATED ? 1 : 0;
        if (is_spoilt) {
            assert_int_equal(mri_batch_add(&batch, &sample.draft, ordinal), MR_OK);
            expect_refused(MR_EINVAL, NULL);
        }
    }
    mri_bus_begin(&bus, &batch);
    add_generated("bad\xff", "name");
    expect_refused(MR_EINVAL, NULL);
}

static void limits_are_found_before_anything_is_written(void **fixture)
{
    (void)fixture;
    char text[80];
    for (int i = 0; i < MRI_BUS_SAMPLE_NAMES; i++) {
        (void)snprintf(text, sizeof(text), "name %d", i);
        mri_bus_begin(&bus, &batch);
        add_generated("one", text);
        assert_int_equal(mri_bus_append(&bus, &batch, MR_ASYNC, NULL, NULL), MR_OK);
    }
    mri_bus_begin(&bus, &batch);
    add_generated("two", "one name too many");
    expect_refused(MR_FULL, NULL);
    for (int i = 1; i < MRI_BUS_SAMPLE_SOURCES + 1; i++) {
        (void)snprintf(text, sizeof(text), "source %d", i);
        mri_bus_begin(&bus, &batch);
        add_generated(text, "name 0");
        assert_int_equal(mri_bus_append(&bus, &batch, MR_ASYNC, NULL, NULL), MR_OK);
    }
    mri_bus_begin(&bus, &batch);
    add_generated("one source too many", "name 0");
    expect_refused(MR_FULL, NULL);
    mri_bus_begin(&bus, &batch);
    add_generated("", "name 0");
    expect_refused(MR_REFUSED, NULL);
    mri_bus_begin(&bus, &batch);
    memset(text, 'x', sizeof(text));
    text[MRI_INTERN_BYTES_MAX + 1] = '\0';
    add_generated("one", text);
    expect_refused(MR_REFUSED, NULL);
    mri_bus_begin(&bus, &batch); /* a symbol beyond the limit */
    const struct mri_signal_generated fixed = {
        .symbol = MRI_BUS_SAMPLE_SYMBOLS, .side = MR_LONG, .regime = MRI_REGIME_ABSENT};
    struct mri_draft draft = {.type = MRI_EVENT_SIGNAL_GENERATED, .fixed = &fixed};
    draft.texts[0] = mri_slice_of("one");
    draft.texts[1] = mri_slice_of("name 0");
    assert_int_equal(mri_batch_add(&batch, &draft, batch.next_ordinal), MR_OK);
    expect_refused(MR_REFUSED, NULL);
    bus.slots.limits.signals_max = bus.slots.count;
    mri_bus_begin(&bus, &batch);
    add_generated("one", "name 0");
    expect_refused(MR_FULL, NULL);
    bus.slots.limits.signals_max = mri_bus_sample_limits.slots.signals_max;
    expect_rebuilt_is_kept();
}

static void limits_out_of_range_make_no_bus(void **fixture)
{
    (void)fixture;
    struct mri_bus other;
    struct mri_bus_limits limits = mri_bus_sample_limits;
    limits.names_max = 0;
    assert_int_equal(mri_bus_init(&other, mri_alloc_system(), &limits, NULL), MR_EINVAL);
    limits.names_max = 65536;
    assert_int_equal(mri_bus_init(&other, mri_alloc_system(), &limits, NULL), MR_EINVAL);
    limits = mri_bus_sample_limits;
    limits.slots.sources_max = MRI_SOURCE_EXTERNAL_FIRST;
    assert_int_equal(mri_bus_init(&other, mri_alloc_system(), &limits, NULL), MR_EINVAL);
    limits = mri_bus_sample_limits;
    limits.names_max = 65535; /* the most */
    assert_int_equal(mri_bus_init(&other, mri_alloc_system(), &limits, NULL), MR_OK);
    mri_bus_fini(&other);
    mri_bus_fini(&other);
    mri_bus_fini(NULL);
}

/* Whatever call of the machine fails while batches are appended: the tables are those of the log.
 */
static void after_a_fault_the_tables_are_still_those_of_the_log(void **fixture)
{
    (void)fixture;
    for (uint64_t k = 1; k < 14; k++) {
        for (int is_short = 0; is_short < 2; is_short++) {
            assert_int_equal(tear_down(NULL), 0);
            assert_int_equal(set_up(NULL), 0);
            mri_prng_init(&prng, k);
            mri_os_faults_arm(&machine, MRI_OS_CALL_ANY, k, MR_EIO);
            machine.is_short_write = is_short == 1;
            mr_err err = MR_OK;
            while (err == MR_OK) {
                uint64_t before = bus.last_seq;
                draft_some();
                err = mri_bus_append(
                    &bus, &batch, mri_prng_below(&prng, 2) == 0 ? MR_GROUP : MR_ASYNC, NULL, NULL);
                bool is_there = err == MR_OK || err == MR_EUNKNOWN;
                assert_int_equal(bus.last_seq, before + (is_there ? batch.count : 0));
                assert_int_equal(bus.last_seq, mr_log_last(log_handle).n);
            }
            assert_true(err == MR_EIO || err == MR_EUNKNOWN);
            mri_os_faults_arm(&machine, MRI_OS_CALL_ANY, 0, MR_EIO);
            expect_rebuilt_is_kept();
        }
    }
}

static void each_failed_allocation_is_an_answer_and_not_an_abort(void **fixture)
{
    (void)fixture;
    mr_err err = MR_ENOMEM;
    for (unsigned failing = 1; err == MR_ENOMEM; failing++) {
        struct failing_alloc heap;
        assert_int_equal(tear_down(NULL), 0);
        assert_int_equal(set_up(NULL), 0);
        mri_bus_fini(&bus);
        failing_alloc_init(&heap, failing);
        err = mri_bus_init(&bus, &heap.alloc, &mri_bus_sample_limits, log_handle);
        for (int i = 0; i < 300 && err == MR_OK; i++) {
            draft_some();
            err = mri_bus_append(&bus, &batch, MR_ASYNC, NULL, NULL);
        }
        assert_true(err == MR_OK || err == MR_ENOMEM);
        if (bus.alloc != NULL) {
            assert_int_equal(bus.last_seq, mr_log_last(log_handle).n);
            expect_rebuilt_is_kept();
        }
        mri_bus_fini(&bus);
        assert_int_equal(heap.live_bytes, 0);
    }
}

static void a_record_that_contradicts_the_tables_is_damage(void **fixture)
{
    (void)fixture;
    struct mri_event event;
    mr_log_event record = {.seq = {2}, .type = 1};
    assert_int_equal(mri_bus_fold(&bus, &record, &event), MR_ECORRUPT); /* a gap */
    record.seq.n = 1;
    assert_int_equal(mri_bus_fold(&bus, &record, &event), MR_OK); /* the log's own */
    assert_int_equal(event.type, 1);
    assert_int_equal(mri_bus_fold(&bus, &record, &event), MR_ECORRUPT); /* twice */
    const struct mri_signal_moved moved = {.from = MR_GENERATED,
        .to = MR_EVALUATING,
        .actor = MRI_ACTOR_OPERATOR,
        .reason = MRI_REASON_OPERATOR};
    _Alignas(64) uint8_t body[200];
    const struct mri_draft draft = {.type = MRI_EVENT_SIGNAL_MOVED, .fixed = &moved};
    record = mri_event_sample_record(&draft, 2, body);
    record.subject_id = 1; /* nobody was born yet */
    assert_int_equal(mri_bus_fold(&bus, &record, &event), MR_ECORRUPT);
    record.type = 511;
    assert_int_equal(mri_bus_fold(&bus, &record, &event), MR_EVERSION);
    assert_int_equal(bus.last_seq, 1);
}

static void a_damaged_snapshot_is_refused_or_harmless(void **fixture)
{
    (void)fixture;
    for (int i = 0; i < 2; i++) {
        draft_some();
        assert_int_equal(mri_bus_append(&bus, &batch, MR_ASYNC, NULL, NULL), MR_OK);
    }
    struct mri_buf saved;
    save(&bus, &saved);
    for (size_t round = 0; round < 3000; round++) {
        struct mri_bus loaded;
        struct mri_unpack unpack;
        size_t count = round < saved.count ? round : saved.count;
        size_t at = mri_prng_below(&prng, saved.count);
        uint8_t kept = saved.bytes[at];
        saved.bytes[at] = (uint8_t)(round < saved.count ? kept : mri_prng_next(&prng));
        assert_int_equal(
            mri_bus_init(&loaded, mri_alloc_system(), &mri_bus_sample_limits, NULL), MR_OK);
        mri_unpack_init(&unpack, saved.bytes, count);
        mr_err err = mri_bus_load(&loaded, &all, &unpack);
        assert_true(err == MR_OK || err == MR_ECORRUPT);
        assert_true(count == saved.count || err == MR_ECORRUPT);
        for (uint32_t i = 1; err == MR_OK && i <= loaded.slots.count; i++) {
            const struct mri_slot *slot = mri_slots_get(&loaded.slots, i);
            (void)mri_intern_text(&loaded.sources, slot->source); /* asserts its bounds */
            (void)mri_intern_text(&loaded.names, slot->name);
        }
        mri_bus_fini(&loaded);
        saved.bytes[at] = kept;
    }
    mri_buf_fini(&saved);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(the_kept_table_is_the_rebuilt_one_and_the_loaded_one),
        TEST(a_record_names_its_signal_and_the_one_before_it),
        TEST(an_illegal_move_writes_nothing),
        TEST(a_move_that_came_too_late_is_told_who_was_first),
        TEST(a_batch_is_judged_in_its_own_order),
        TEST(an_event_that_could_not_be_read_back_is_not_written),
        TEST(limits_are_found_before_anything_is_written),
        TEST(limits_out_of_range_make_no_bus),
        TEST(after_a_fault_the_tables_are_still_those_of_the_log),
        TEST(each_failed_allocation_is_an_answer_and_not_an_abort),
        TEST(a_record_that_contradicts_the_tables_is_damage),
        TEST(a_damaged_snapshot_is_refused_or_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
