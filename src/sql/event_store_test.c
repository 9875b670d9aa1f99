/* SPDX-License-Identifier: MIT */
/*
 * Events that are kept: the same as in the log, all of them or none.
 */
#include "sql/event_store.h"

#include <string.h>

#include "log/read/reader.h"
#include "tests/lib/bus_sample.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/sql_twin.h"

enum { BATCHES = 30, BATCH_MAX = 40 };

static struct mri_sql_twin twin;
static struct mri_event_tables tables;
static mr_log_reader *reader;
static mr_log_reader *other; /**< what it reads is kept until its next event */
static struct mri_guard guard;

static int set_up(void **fixture)
{
    (void)fixture;
    struct mri_prng prng;
    struct mri_bus_sample_signal signal;
    mr_log_ack ack;
    mri_prng_init(&prng, 3);
    mri_sql_twin_begin(&twin, BATCH_MAX);
    for (int i = 0; i < BATCHES; i++) {
        uint32_t known = twin.bus.slots.count;
        mri_bus_begin(&twin.bus, &twin.batch);
        while (twin.batch.count < BATCH_MAX / 2) {
            assert_int_equal(mri_bus_sample_emit(&twin.batch, &prng, &signal), MR_OK);
        }
        for (uint32_t ordinal = 1 + (uint32_t)i; ordinal <= known && twin.batch.count < BATCH_MAX;
             ordinal += 13) {
            unsigned from = mri_slots_get(&twin.bus.slots, ordinal)->state;
            unsigned to = mri_bus_sample_next_state(&prng, from);
            if (to < MR_STATE_COUNT) {
                assert_int_equal(mri_bus_sample_move(&twin.batch, &prng, ordinal, from, to), MR_OK);
            }
        }
        assert_int_equal(mri_bus_append(&twin.bus, &twin.batch, MR_ASYNC, &ack, NULL), MR_OK);
    }
    mri_sql_twin_open(&twin);
    guard = (struct mri_guard){.os = &twin.machine.table, .deadline_ns = INT64_MAX};
    assert_int_equal(mri_event_columns_init(&tables, mri_alloc_system()), MR_OK);
    const struct mri_os *os = &twin.machine.table;
    assert_int_equal(mri_reader_open(os, mri_alloc_system(), "/log", &reader, NULL), MR_OK);
    assert_int_equal(mri_reader_open(os, mri_alloc_system(), "/log", &other, NULL), MR_OK);
    return 0;
}

static int tear_down(void **fixture)
{
    (void)fixture;
    mr_log_reader_close(reader);
    mr_log_reader_close(other);
    mri_event_columns_fini(&tables);
    return mri_sql_twin_end(&twin);
}

static struct mri_event_store_source source_of(const char *name, size_t bytes_max)
{
    struct mri_event_store_source source = {
        .alloc = mri_alloc_system(),
        .reader = reader,
        .guard = &guard,
        .first_seq = 1,
        .last_seq = twin.bus.last_seq,
        .ordinal_max = twin.bus.slots.count,
        .bytes_max = bytes_max,
    };
    for (unsigned i = 0; i < tables.count; i++) {
        if (strcmp(tables.tables[i].name, name) == 0) {
            source.table = &tables.tables[i];
        }
    }
    assert_non_null(source.table);
    return source;
}

static void what_is_kept_is_what_the_log_has(void **fixture)
{
    (void)fixture;
    struct mri_event_store store = {.alloc = NULL};
    struct mri_event_store_source source = source_of("moves", SIZE_MAX);
    mr_log_event record;
    mr_log_event kept = {.seq = {0}};
    unsigned moves = 0;
    assert_int_equal(mri_event_store_fill(&store, &source), MR_OK);
    assert_int_equal(store.state, MRI_EVENT_STORE_FULL);
    assert_int_equal(mr_log_reader_seek(other, (mr_seq){1}, NULL), MR_OK);
    while (mr_log_reader_next(other, &record, NULL) == MR_OK) {
        bool is_move = record.type == MRI_EVENT_SIGNAL_MOVED;
        assert_int_equal(mri_event_store_get(&store, record.seq.n, &kept), is_move);
        if (is_move) {
            moves++;
            assert_int_equal(kept.subject_id, record.subject_id);
            assert_int_equal(kept.subject_prev, record.subject_prev);
            assert_int_equal(kept.time_unix_ns, record.time_unix_ns);
            assert_int_equal(kept.stored_bytes, record.stored_bytes);
            assert_int_equal(kept.body_bytes, record.body_bytes);
            assert_memory_equal(kept.body, record.body, record.body_bytes);
        }
    }
    assert_true(moves > 100);
    unsigned chained = 0;
    for (uint32_t ordinal = 0; ordinal <= twin.bus.slots.count + 1; ordinal++) {
        uint64_t seq = UINT64_MAX;
        uint32_t place = mri_event_store_newest(&store, ordinal);
        while (place != 0) {
            uint64_t behind = seq;
            place = mri_event_store_before(&store, place, &seq);
            assert_true(seq < behind && mri_event_store_get(&store, seq, &kept));
            assert_int_equal(kept.subject_id, ordinal);
            chained++;
        }
    }
    assert_int_equal(chained, moves);
    mri_event_store_clear(&store);
}

static void what_does_not_fit_is_not_kept_in_part(void **fixture)
{
    (void)fixture;
    static const size_t bytes[] = {0, 100, 4000, 60000, 100000};
    for (size_t i = 0; i < MRI_COUNT_OF(bytes); i++) {
        struct mri_event_store store = {.walked = UINT32_MAX};
        struct mri_event_store_source source = source_of("events", bytes[i]);
        assert_true(mri_event_store_is_due(&store, twin.bus.last_seq));
        assert_int_equal(mri_event_store_fill(&store, &source), MR_OK);
        assert_int_equal(store.state, MRI_EVENT_STORE_TOO_LARGE);
        assert_int_equal(store.bytes, 0);
        assert_false(mri_event_store_is_due(&store, twin.bus.last_seq)); /* nor tried again */
        mri_event_store_clear(&store);
    }
}

static void a_few_lookups_do_not_read_the_log(void **fixture)
{
    (void)fixture;
    struct mri_event_store store = {.walked = 10 * MRI_EVENT_STORE_SEEK};
    assert_false(mri_event_store_is_due(&store, 0));
    store.walked = 100 * MRI_EVENT_STORE_SEEK;
    assert_true(mri_event_store_is_due(&store, 1000));
    assert_false(mri_event_store_is_due(&store, 2000000)); /* so many more of a large one */
}

static bool is_stopped(void *context)
{
    (void)context;
    return true;
}

static void reading_ends_when_the_query_does(void **fixture)
{
    (void)fixture;
    struct mri_event_store store = {.alloc = NULL};
    struct mri_event_store_source source = source_of("events", SIZE_MAX);
    struct mri_guard over = {
        .os = &twin.machine.table, .deadline_ns = INT64_MAX, .is_stopped = is_stopped};
    source.guard = &over;
    assert_int_equal(mri_event_store_fill(&store, &source), MR_AGAIN);
    assert_int_equal(store.state, MRI_EVENT_STORE_EMPTY);
    assert_int_equal(store.bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_kept_is_what_the_log_has),
        cmocka_unit_test(what_does_not_fit_is_not_kept_in_part),
        cmocka_unit_test(a_few_lookups_do_not_read_the_log),
        cmocka_unit_test(reading_ends_when_the_query_does),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
