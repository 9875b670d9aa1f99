/* SPDX-License-Identifier: MIT */
/*
 * Questions that take longer than the table stays the same.
 */
#include <string.h>

#include "api/bus_api.h"
#include "base/prng.h"
#include "bus/shared_query.h"
#include "tests/lib/api_sample.h"
#include "tests/lib/cmocka_all.h"

enum { ROOM = 4096, COUNT = 12000, BATCH = 500, CHANGES = 120, LIMIT = 20000, FIRST = 12 };

static struct mri_api_sample sample;
static mr_bus *other;
static struct mri_prng prng;

/** Who looks at moments, and what happens between two of them. */
static struct watch {
    unsigned left;  /**< changes that are still to come */
    unsigned calls; /**< ends of parts; the first ones see a change each, later ones two of three */
    unsigned looks; /**< until the table cannot be looked at; 0: it always can */
    bool was_blocked[COUNT + CHANGES + 1];
} watch;

static void small(struct mri_config *config)
{
    config->limits_table_signals = ROOM;
}

static int set_up(void **fixture)
{
    (void)fixture;
    mri_api_sample_begin_with(&sample, small);
    other = mri_api_sample_open(&sample);
    mri_prng_init(&prng, 7);
    memset(&watch, 0, sizeof(watch));
    return 0;
}

static int tear_down(void **fixture)
{
    (void)fixture;
    mr_bus_close(other);
    mri_api_sample_end(&sample);
    return 0;
}

static void emit(uint32_t count)
{
    mr_emission emissions[BATCH];
    mr_problem problem = {""};
    for (uint32_t i = 0; i < count; i++) {
        emissions[i] = mri_api_sample_emission(&sample, i % 2, "bot");
    }
    if (mr_bus_emit(other, emissions, count, MR_ASYNC, NULL, &problem) != MR_OK) {
        fail_msg("emit: %s", problem.text);
    }
}

static void move(uint32_t ordinal, mr_state from, mr_state to)
{
    const mr_move change = {.ordinal = {ordinal},
        .from = from,
        .to = to,
        .gate = to == MR_BLOCKED ? "external" : NULL,
        .reason = "external"};
    mr_problem problem = {""};
    if (mr_bus_move(other, &change, 1, MR_ASYNC, NULL, &problem) != MR_OK) {
        fail_msg("move: %s", problem.text);
    }
}

/** Older signals, most of them learned and some that stray, and newer ones. */
static void fill(void)
{
    for (uint32_t first = 1; first <= COUNT; first += BATCH) {
        emit(BATCH);
        for (uint32_t ordinal = first; ordinal < first + BATCH; ordinal++) {
            bool is_learned = ordinal % (ordinal + ROOM < COUNT ? 16 : 2) != 0;
            if (is_learned || ordinal % 3 == 0) {
                move(ordinal, MR_GENERATED, MR_BLOCKED);
                watch.was_blocked[ordinal] = true;
            }
            if (is_learned) {
                move(ordinal, MR_BLOCKED, MR_LEARNED);
            }
        }
    }
}

static mr_err look(const void *context, uint32_t *ret_version)
{
    (void)context;
    if (watch.looks > 0 && --watch.looks == 0) {
        return MR_BUSY;
    }
    return mri_derived_look(sample.bus->log, ret_version);
}

/** Somebody emits, or moves one of any age: an old one strays less, and a new one takes its home.
 */
static bool is_same(const void *context, uint32_t version)
{
    (void)context;
    bool is_quiet = ++watch.calls == 1 || (watch.calls > FIRST && watch.calls % 3 == 0);
    if (watch.left > 0 && !is_quiet) {
        watch.left--;
        uint32_t ordinal = 1 + (uint32_t)mri_prng_below(&prng, COUNT);
        if (watch.left % 2 == 0 || watch.was_blocked[ordinal]) {
            emit(1);
        } else {
            watch.was_blocked[ordinal] = true;
            move(ordinal, MR_GENERATED, MR_BLOCKED);
        }
    }
    return mri_derived_is_same(sample.bus->log, version);
}

static const struct mri_shared_moments moments = {NULL, look, is_same};

static mr_err ask(uint32_t state, uint32_t limit, uint32_t beyond, bool is_in_parts,
    uint32_t *ordinals, struct mri_query_result *result)
{
    const struct mri_signal_table *table = &sample.bus->state.table;
    struct mri_query query = mri_query_all;
    query.state = state;
    query.limit = limit;
    query.beyond = beyond;
    mr_problem problem = {""};
    assert_int_equal(mri_bus_api_share(sample.bus, &problem), MR_OK);
    return is_in_parts ? mri_shared_query_run_in_parts(
                             table, sample.bus->alloc, &query, &moments, ordinals, result)
                       : mri_shared_query_run(table, sample.bus->alloc, &query, ordinals, result);
}

static void parts_of_a_quiet_table_are_the_whole(void **fixture)
{
    (void)fixture;
    static uint32_t whole[LIMIT];
    static uint32_t parts[LIMIT];
    static const uint32_t limits[] = {1, 7, 1000, LIMIT};
    static const uint32_t beyonds[] = {0, 1, 500, COUNT - ROOM + 1, COUNT - 5};
    fill();
    for (size_t l = 0; l < MRI_COUNT_OF(limits); l++) {
        for (size_t b = 0; b < MRI_COUNT_OF(beyonds); b++) {
            struct mri_query_result expected;
            struct mri_query_result found;
            for (uint32_t state = MR_GENERATED; state <= MR_BLOCKED; state++) {
                assert_int_equal(ask(state, limits[l], beyonds[b], false, whole, &expected), MR_OK);
                assert_int_equal(ask(state, limits[l], beyonds[b], true, parts, &found), MR_OK);
                assert_int_equal(found.count, expected.count);
                assert_memory_equal(parts, whole, found.count * sizeof(*parts));
            }
        }
    }
}

static void what_matches_all_the_time_is_found_while_others_write(void **fixture)
{
    (void)fixture;
    static uint32_t before[LIMIT];
    static uint32_t found[LIMIT];
    static bool is_found[COUNT + CHANGES + 1];
    struct mri_query_result expected;
    struct mri_query_result result;
    fill();
    assert_int_equal(ask(MR_GENERATED, LIMIT, 0, false, before, &expected), MR_OK);
    watch.left = CHANGES;
    assert_int_equal(ask(MR_GENERATED, LIMIT, 0, true, found, &result), MR_OK);
    assert_true(watch.left == 0); /* many parts, and changes between them */
    for (uint32_t i = 0; i < result.count; i++) {
        assert_true(i == 0 || found[i] < found[i - 1]); /* the newest first, none twice */
        is_found[found[i]] = true;
    }
    for (uint32_t i = 0; i < expected.count; i++) {
        assert_true(is_found[before[i]] || watch.was_blocked[before[i]]);
        is_found[before[i]] = false;
    }
    for (uint32_t ordinal = 1; ordinal <= COUNT; ordinal++) {
        assert_false(is_found[ordinal]); /* it was never generated in between */
    }
}

static void a_table_that_cannot_be_looked_at_is_left_to_the_log(void **fixture)
{
    (void)fixture;
    static uint32_t found[LIMIT];
    struct mri_query_result result;
    fill();
    for (unsigned looks = 1; looks <= 3; looks++) { /* the newest, a part, what is older */
        watch.looks = looks;
        assert_int_equal(ask(MR_GENERATED, LIMIT, 0, true, found, &result), MR_AGAIN);
    }
    watch.looks = 0;
    assert_int_equal(ask(MR_LEARNED, LIMIT, 0, true, found, &result), MR_AGAIN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(parts_of_a_quiet_table_are_the_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            what_matches_all_the_time_is_found_while_others_write, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            a_table_that_cannot_be_looked_at_is_left_to_the_log, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
