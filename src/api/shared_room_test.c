/* SPDX-License-Identifier: MIT */
/*
 * How many signals the shared state has room for, how long it keeps what was learned, and what
 * becomes of a log whose attribute makes no sense.
 */
#include "base/prng.h"
#include "bus/shared_query.h"
#include "pipeline/shared_refresh.h"
#include "tests/lib/api_sample.h"
#include "tests/lib/cmocka_all.h"

enum { ROOM = 4096, EACH = 500, LARGEST = MR_BUS_BATCH_MAX, KEPT_S = 300 };

static struct mri_api_sample sample;

static void small(struct mri_config *config)
{
    config->limits_table_signals = ROOM;
    config->lifecycle_learned_kept = 0;
}

static void brief(struct mri_config *config)
{
    config->lifecycle_learned_kept = KEPT_S;
}

static int set_up_small(void **fixture)
{
    (void)fixture;
    mri_api_sample_begin_with(&sample, small);
    return 0;
}

static int set_up_brief(void **fixture)
{
    (void)fixture;
    mri_api_sample_begin_with(&sample, brief);
    return 0;
}

static int tear_down(void **fixture)
{
    (void)fixture;
    mri_api_sample_end(&sample);
    return 0;
}

/** Signals at the end of the log; returns the first one's ordinal. */
static uint32_t emit(size_t count)
{
    static mr_emission emissions[LARGEST];
    static mr_emitted results[LARGEST];
    mr_problem problem = {""};
    for (size_t i = 0; i < count; i++) {
        emissions[i] = mri_api_sample_emission(&sample, i % 2, i % 3 == 0 ? "bot" : "tob");
    }
    if (mr_bus_emit(sample.bus, emissions, count, MR_ASYNC, results, &problem) != MR_OK) {
        fail_msg("emit: %s", problem.text);
    }
    return results[0].ordinal.n;
}

/** The signals of some moves in another order: so they leave the table's arrays here and there. */
static void shuffle(mr_move *moves, size_t count)
{
    struct mri_prng prng;
    mri_prng_init(&prng, count);
    for (size_t i = count; i > 1; i--) {
        size_t other = mri_prng_below(&prng, i);
        mr_ordinal kept = moves[2 * other].ordinal;
        moves[2 * other].ordinal = moves[2 * other + 1].ordinal = moves[2 * (i - 1)].ordinal;
        moves[2 * (i - 1)].ordinal = moves[2 * (i - 1) + 1].ordinal = kept;
    }
}

static void learn(uint32_t first, size_t count)
{
    static mr_move moves[2 * LARGEST];
    mr_problem problem = {""};
    for (size_t i = 0; i < count; i++) {
        moves[2 * i] = (mr_move){.ordinal = {first + (uint32_t)i},
            .from = MR_GENERATED,
            .to = MR_BLOCKED,
            .gate = "external",
            .reason = "external"};
        moves[2 * i + 1] = moves[2 * i];
        moves[2 * i + 1].from = MR_BLOCKED;
        moves[2 * i + 1].to = MR_LEARNED;
        moves[2 * i + 1].gate = NULL;
    }
    if (count > EACH) {
        shuffle(moves, count);
    }
    for (size_t i = 0; i < 2 * count; i += LARGEST) {
        size_t few = 2 * count - i < LARGEST ? 2 * count - i : LARGEST;
        if (mr_bus_move(sample.bus, moves + i, few, MR_ASYNC, NULL, &problem) != MR_OK) {
            fail_msg("move: %s", problem.text);
        }
    }
}

/** The state, and a fold of the log by somebody who shares nothing. */
static void check(void)
{
    static struct mri_fold fold;
    struct mri_fold_options options = mri_story_fold_options(sample.story);
    mr_problem problem = {""};
    options.is_market_only = true;
    assert_int_equal(mri_fold_init(&fold, &options, &problem), MR_OK);
    if (mri_shared_state_compare(&sample.bus->state, &fold.bus, &problem) != MR_OK) {
        fail_msg("%s", problem.text);
    }
    mri_fold_fini(&fold);
}

static void assert_counts(uint64_t generated, uint64_t learned)
{
    uint64_t counts[MR_STATE_COUNT];
    assert_int_equal(mr_bus_counts(sample.bus, counts, NULL), MR_OK);
    assert_int_equal(counts[MR_GENERATED], generated);
    assert_int_equal(counts[MR_LEARNED], learned);
}

static void a_small_state_keeps_the_newest(void **fixture)
{
    (void)fixture;
    const struct mri_signal_table *table = &sample.bus->state.table;
    assert_int_equal(table->limits.slots_max, ROOM);
    assert_int_equal(table->limits.symbols_max, MRI_SHARED_SYMBOLS_MIN);
    uint64_t folded = sample.bus->fold.bus.last_seq;
    for (uint32_t made = 0; made < 3 * ROOM; made += EACH) {
        learn(emit(EACH), EACH);
    }
    assert_true(sample.bus->has_state);
    assert_int_equal(sample.bus->fold.bus.last_seq, folded); /* nobody needed it */
    uint32_t made = mri_signal_table_newest(table);
    assert_int_equal(mri_signal_table_gone(table), made - mri_signal_table_room(&table->limits));
    assert_counts(0, made);
    check();
    mr_signal signal; /* the log knows it */
    assert_int_equal(mr_bus_get(sample.bus, (mr_ordinal){1}, &signal), MR_OK);
    assert_int_equal(signal.state, MR_LEARNED);
}

static void the_largest_batches_fit(void **fixture)
{
    (void)fixture;
    const struct mri_signal_table *table = &sample.bus->state.table;
    for (uint32_t made = 0; made < 3 * MRI_SHARED_SIGNALS_DEFAULT; made += LARGEST) {
        learn(emit(LARGEST), LARGEST);
    }
    assert_true(sample.bus->has_state);
    assert_true(mri_signal_table_gone(table) > MRI_SHARED_SIGNALS_DEFAULT);
    assert_int_equal(mri_signal_table_newest(table), 3 * MRI_SHARED_SIGNALS_DEFAULT);
    check();
}

static void what_has_no_room_is_kept_all_the_same(void **fixture)
{
    (void)fixture;
    uint32_t made = 0;
    for (; made < 2 * ROOM; made += EACH) {
        (void)emit(EACH);
    }
    assert_false(sample.bus->has_state);
    assert_counts(made, 0);
    for (uint32_t first = 1; first < made; first += EACH) {
        learn(first, EACH);
    }
    assert_counts(0, made);
    for (uint32_t more = 0; more < 2 * ROOM; more += EACH) { /* by then it is tried again */
        learn(emit(EACH), EACH);
    }
    assert_true(sample.bus->has_state);
    check();
}

static void what_was_learned_long_ago_leaves(void **fixture)
{
    (void)fixture;
    struct mri_story *story = sample.story;
    const struct mri_signal_table *table = &sample.bus->state.table;
    learn(emit(EACH), EACH);
    uint32_t stays = emit(1);
    assert_int_equal(mri_signal_table_gone(table), 0);
    mri_script_add_close(&story->script, 0, 2 + KEPT_S / 60, MRI_STORY_PRICE);
    mri_story_open(story);
    mri_story_play(story);
    mri_story_close(story);
    assert_int_equal(mr_bus_follow(sample.bus, NULL), MR_OK);
    uint32_t before = mri_signal_table_gone(table);
    (void)emit(EACH / 5);
    assert_int_equal(mri_signal_table_gone(table), before < EACH ? before + 2 * EACH / 5 : EACH);
    (void)emit(EACH);
    assert_int_equal(mri_signal_table_gone(table), EACH); /* and no other */
    struct mri_signal found;
    assert_int_equal(mri_signal_table_get(table, stays, &found), MR_OK);
    check();
    mr_signal signal;
    assert_int_equal(mr_bus_get(sample.bus, (mr_ordinal){3}, &signal), MR_OK);
    assert_int_equal(signal.state, MR_LEARNED);
}

static void a_size_that_is_none_is_refused(void **fixture)
{
    (void)fixture;
    static const char *const values[] = {"1000", "2048", "268435456", "", "-4096", "4096x"};
    for (size_t i = 0; i < MRI_COUNT_OF(values); i++) {
        const mr_log_attribute attribute = {MRI_ATTRIBUTE_TABLE_SIGNALS, values[i]};
        const mr_log_options options = {
            .is_create = true, .attributes = &attribute, .attribute_count = 1};
        mr_log *log = NULL;
        mr_problem problem = {""};
        assert_int_equal(mri_shared_state_open_log(&sample.story->machine.table, mri_alloc_system(),
                             "/elsewhere", &options, &log, &problem),
            MR_REFUSED);
        assert_string_equal(problem.text,
            "/elsewhere: table_signals of the log: expected a power of two from 4096 to "
            "134217728");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_small_state_keeps_the_newest, set_up_small, tear_down),
        cmocka_unit_test_setup_teardown(the_largest_batches_fit, set_up_brief, tear_down),
        cmocka_unit_test_setup_teardown(
            what_has_no_room_is_kept_all_the_same, set_up_small, tear_down),
        cmocka_unit_test_setup_teardown(what_was_learned_long_ago_leaves, set_up_brief, tear_down),
        cmocka_unit_test_setup_teardown(a_size_that_is_none_is_refused, set_up_small, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
