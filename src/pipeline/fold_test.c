/* SPDX-License-Identifier: MIT */
/*
 * Folding a log: with and without snapshots, with limits that grow, up to damage.
 */
#include "pipeline/fold.h"

#include <stdio.h>
#include <string.h>

#include "log/open/snapshot.h"
#include "pipeline/fold_snapshot.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/plain_config.h"
#include "tests/lib/story.h"

enum { STATE_BYTES_MAX = 64 << 20, BARS = 400 };

static const struct mri_bus_since all = {.seq = 0};

/** A log of two sessions with everything in it but trades, and a snapshot at each session's end. */
static struct mri_story *told_story(void)
{
    struct mri_story *story = mri_story_begin(mri_plain_config, 2);
    mri_story_warm(story);
    for (int64_t minute = MRI_STORY_WARM_MINUTES + 1; minute < BARS; minute++) {
        mri_script_add_close(&story->script, 0, minute, MRI_STORY_PRICE + 500 * (minute % 7));
        mri_script_add_signal(&story->script, 1, minute, "early", 0.5, 30);
    }
    mri_story_play(story);
    mri_story_close(story);
    return story;
}

static void newest_snapshots(struct mri_story *story, struct mri_snapshot_list *ret_list)
{
    assert_int_equal(mri_snapshot_list(&story->machine.table, MRI_STORY_FOLDER, ret_list), MR_OK);
    assert_true(ret_list->count >= 2);
}

static const char *snapshot_path(uint64_t seq, char path[static MRI_PATH_BYTES_MAX])
{
    (void)snprintf(path, MRI_PATH_BYTES_MAX, "%s/snap/%016llx.snap", MRI_STORY_FOLDER,
        (unsigned long long)seq);
    return path;
}

static void a_snapshot_and_the_rest_give_what_the_whole_log_gives(void **state)
{
    (void)state;
    struct mri_story *story = told_story();
    struct mri_snapshot_list list;
    newest_snapshots(story, &list);
    assert_int_equal(list.seqs[0] + 1, mri_story_last_seq(story)); /* the session's end follows */
    assert_int_equal(mri_story_check_snapshot(story), list.seqs[0]);
    mri_story_emit(story,
        &(struct mri_story_emission){.symbol = 0, .source = "late", .confidence = 0.5, .count = 3});
    assert_int_equal(mri_story_check_snapshot(story), list.seqs[0]); /* and what came behind it */
    mri_story_end(story);
}

static void a_damaged_snapshot_is_left_aside(void **state)
{
    (void)state;
    struct mri_story *story = told_story();
    struct mri_snapshot_list list;
    char path[MRI_PATH_BYTES_MAX];
    size_t count;
    newest_snapshots(story, &list);
    uint8_t *bytes = mri_os_memory_bytes(story->memory, snapshot_path(list.seqs[0], path), &count);
    assert_non_null(bytes);
    bytes[count / 2] ^= 1;
    assert_int_equal(mri_story_check_snapshot(story), list.seqs[1]);
    bytes = mri_os_memory_bytes(story->memory, snapshot_path(list.seqs[1], path), &count);
    bytes[count - 1] ^= 1;
    assert_int_equal(mri_story_check_snapshot(story), 0);
    mri_story_end(story);
}

/** Write a snapshot again under its own name, changed. */
static void rewrite(struct mri_story *story, uint64_t seq, const struct mri_snapshot_place *place,
    struct mri_buf *payload)
{
    char path[MRI_PATH_BYTES_MAX];
    const struct mri_os *os = &story->machine.table;
    assert_int_equal(os->remove(os->context, snapshot_path(seq, path)), MR_OK);
    assert_int_equal(mri_snapshot_write(os, MRI_STORY_FOLDER, place, payload), MR_OK);
}

static void a_snapshot_of_another_log_is_left_aside(void **state)
{
    (void)state;
    struct mri_story *story = told_story();
    struct mri_snapshot_list list;
    struct mri_snapshot_place place;
    struct mri_buf payload;
    newest_snapshots(story, &list);
    mri_buf_init(&payload, mri_alloc_system(), STATE_BYTES_MAX);
    assert_int_equal(
        mri_snapshot_read(&story->machine.table, MRI_STORY_FOLDER, list.seqs[0], &place, &payload),
        MR_OK);
    place.chain_crc ^= 1; /* taken behind another record of that number */
    rewrite(story, list.seqs[0], &place, &payload);
    assert_int_equal(mri_story_check_snapshot(story), list.seqs[1]);
    mri_buf_fini(&payload);
    mri_story_end(story);
}

static void a_snapshot_behind_the_end_of_the_log_says_that_the_end_is_missing(void **state)
{
    (void)state;
    struct mri_story *story = told_story();
    struct mri_snapshot_list list;
    struct mri_snapshot_place place;
    struct mri_buf payload;
    newest_snapshots(story, &list);
    mri_buf_init(&payload, mri_alloc_system(), STATE_BYTES_MAX);
    assert_int_equal(
        mri_snapshot_read(&story->machine.table, MRI_STORY_FOLDER, list.seqs[0], &place, &payload),
        MR_OK);
    place.seq += 1000; /* it was durable: no power cut can have taken what it was behind */
    assert_int_equal(
        mri_snapshot_write(&story->machine.table, MRI_STORY_FOLDER, &place, &payload), MR_OK);
    assert_int_equal(
        mri_story_check_snapshot(story), list.seqs[0]); /* what is there is still true */
    mri_buf_fini(&payload);
    static struct mri_fold fold;
    const struct mri_fold_options options = mri_story_fold_options(story);
    assert_int_equal(mri_fold_init(&fold, &options, &story->problem), MR_OK);
    assert_int_equal(fold.damage, MR_ECORRUPT);
    assert_non_null(strstr(fold.damage_problem.text, "the end of the log is missing"));
    mri_fold_fini(&fold);
    assert_int_equal(mri_story_try_open(story), MR_ECORRUPT);
    mri_story_end(story);
}

static void a_snapshot_of_another_engine_version_is_left_aside(void **state)
{
    (void)state;
    struct mri_story *story = told_story();
    struct mri_snapshot_list list;
    struct mri_snapshot_place place;
    struct mri_buf payload;
    struct mri_buf tables;
    static struct mri_fold fold;
    struct mri_fold_options options = mri_story_fold_options(story);
    newest_snapshots(story, &list);
    mri_buf_init(&payload, mri_alloc_system(), STATE_BYTES_MAX);
    mri_buf_init(&tables, mri_alloc_system(), STATE_BYTES_MAX);
    assert_int_equal(
        mri_snapshot_read(&story->machine.table, MRI_STORY_FOLDER, list.seqs[0], &place, &payload),
        MR_OK);
    options.config = &story->config;
    assert_int_equal(mri_fold_init(&fold, &options, NULL), MR_OK);
    mri_bus_save(&fold.bus, &all, &tables);
    mri_fold_fini(&fold);
    uint32_t version;
    size_t at = 6 * sizeof(uint64_t) + tables.count; /* behind the fold's head and the tables */
    memcpy(&version, payload.bytes + at, sizeof(version));
    assert_int_equal(version, MRI_ENGINE_VERSION);
    version++;
    memcpy(payload.bytes + at, &version, sizeof(version));
    rewrite(story, list.seqs[0], &place, &payload);
    assert_int_equal(mri_story_check_snapshot(story), list.seqs[1]);
    mri_buf_fini(&payload);
    mri_buf_fini(&tables);
    mri_story_end(story);
}

/** A session more, with few signals; says what its snapshot's chain is. */
static struct mri_snapshot_chain session_more(struct mri_story *story, int64_t *minute)
{
    struct mri_snapshot_chain chain;
    struct mri_snapshot_list list;
    mri_story_open(story);
    story->node.fold.whole_bytes_max = 0;
    for (int i = 0; i < 3; i++, ++*minute) {
        mri_script_add_close(&story->script, 0, *minute, MRI_STORY_PRICE + 100 * (*minute % 9));
        mri_script_add_signal(&story->script, 1, *minute, "later", 0.5, 2);
    }
    mri_story_play(story);
    mri_story_close(story);
    newest_snapshots(story, &list);
    assert_int_equal(
        mri_snapshot_chain_of(&story->machine.table, MRI_STORY_FOLDER, list.seqs[0], &chain),
        MR_OK);
    return chain;
}

static void damage_snapshot(struct mri_story *story, uint64_t seq)
{
    char path[MRI_PATH_BYTES_MAX];
    size_t count;
    uint8_t *bytes = mri_os_memory_bytes(story->memory, snapshot_path(seq, path), &count);
    assert_non_null(bytes);
    bytes[count - 1] ^= 1;
}

/** What changed is enough; what builds on a damaged one is left aside, and another chain opens. */
static void snapshots_of_what_has_changed_give_what_the_whole_log_gives(void **state)
{
    (void)state;
    struct mri_story *story = told_story();
    struct mri_fold_options options = mri_story_fold_options(story);
    struct mri_snapshot_chain chain = {.count = 0};
    struct mri_snapshot_chain before;
    int64_t minute = BARS;
    uint32_t longest = 0;
    uint64_t needed;
    options.config = &story->config;
    do { /* until there are a chain and the beginning of another */
        before = chain;
        chain = session_more(story, &minute);
        longest = chain.count > longest ? chain.count : longest;
        assert_int_equal(mri_story_check_snapshot(story), chain.seqs[chain.count - 1]);
        assert_true(minute < BARS + 500);
    } while (longest < 2 || chain.count > 1);
    assert_true(before.added_bytes >= before.whole_bytes || before.count == MRI_SNAPSHOT_CHAIN_MAX);
    assert_int_equal(mri_fold_snapshot_needed(&options, &needed, NULL), MR_OK);
    assert_true(needed <= before.seqs[before.count - 1]); /* for the chain before it */
    assert_true(needed > before.seqs[0] && needed > BARS);
    chain = session_more(story, &minute);
    assert_int_equal(chain.count, 2);
    assert_int_equal(mri_story_check_snapshot(story), chain.seqs[1]);
    damage_snapshot(story, chain.seqs[0]);
    assert_int_equal(mri_story_check_snapshot(story), before.seqs[before.count - 1]);
    damage_snapshot(story, before.seqs[before.count - 1]);
    assert_int_equal(mri_story_check_snapshot(story), before.seqs[before.count - 2]);
    chain = session_more(story, &minute); /* goes on from there */
    assert_int_equal(mri_story_check_snapshot(story), chain.seqs[chain.count - 1]);
    mri_story_check_replay(story);
    mri_story_end(story);
}

static void a_snapshot_with_other_limits_is_left_aside(void **state)
{
    (void)state;
    struct mri_story *story = told_story();
    story->config.limits_symbols_max++;
    assert_int_equal(mri_story_check_snapshot(story), 0);
    mri_story_end(story);
}

/** A log with more sources than the built-in limits allow; its configuration allows them. */
static struct mri_story *crowded_story(void)
{
    static char names[150][16];
    struct mri_story *story = mri_story_begin(mri_plain_config, 1);
    story->config.limits_sources_max = 300;
    mri_script_add_close(&story->script, 0, 1, MRI_STORY_PRICE);
    for (int i = 0; i < 150; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "source-%d", i);
        mri_script_add_signal(&story->script, 0, 1, names[i], 0.5, 1);
    }
    return story;
}

static void limits_grow_to_those_of_the_log(void **state)
{
    (void)state;
    struct mri_story *story = crowded_story();
    static struct mri_fold fold;
    struct mri_fold_options options;
    mri_story_open(story);
    mri_story_play(story);
    mri_story_close(story);
    options = mri_story_fold_options(story);
    assert_int_equal(mri_fold_init(&fold, &options, &story->problem), MR_OK);
    assert_int_equal(fold.bus.slots.count, 150);
    assert_int_equal(fold.wiring.limits.sources_max, 300);
    mri_fold_fini(&fold);
    mri_story_check_replay(story);
    mri_story_end(story);
}

static void limits_grow_though_no_engine_has_come_to_the_configuration(void **state)
{
    (void)state;
    struct mri_story *story = mri_story_begin(mri_plain_config, 1);
    static struct mri_fold fold;
    static char names[150][16];
    struct mri_fold_options options = mri_story_fold_options(story);
    mri_script_add_close(&story->script, 0, 1, MRI_STORY_PRICE);
    mri_story_open(story);
    mri_story_play(story);
    mri_story_close(story);
    story->config.limits_sources_max = 300;
    mri_story_open(story);
    mri_story_close(story); /* a configuration, and nothing that was decided behind it */
    for (int i = 0; i < 150; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "source-%d", i);
        mri_story_emit(
            story, &(struct mri_story_emission){.source = names[i], .confidence = 0.5, .count = 1});
    }
    assert_int_equal(mri_fold_init(&fold, &options, &story->problem), MR_OK);
    assert_int_equal(fold.bus.slots.count, 150);
    mri_fold_fini(&fold);
    mri_story_end(story);
}

static void limits_grow_for_a_symbol_that_only_the_configuration_knows(void **state)
{
    (void)state;
    struct mri_story *story = mri_story_begin(mri_plain_config, 1);
    static struct mri_fold fold;
    struct mri_fold_options options = mri_story_fold_options(story);
    mri_script_add_close(&story->script, 0, 1, MRI_STORY_PRICE);
    mri_story_open(story);
    mri_story_play(story);
    mri_story_close(story);
    story->config.limits_symbols_max = 100;
    mri_story_open(story);
    mri_story_close(story);
    mri_story_emit(story, &(struct mri_story_emission){
                              .symbol = 90, .source = "late", .confidence = 0.5, .count = 1});
    assert_int_equal(mri_fold_init(&fold, &options, &story->problem), MR_OK);
    assert_int_equal(fold.damage, MR_OK);
    assert_int_equal(fold.bus.slots.count, 1);
    mri_fold_fini(&fold);
    mri_story_end(story);
}

static void a_configuration_that_is_too_small_for_the_log_is_refused(void **state)
{
    (void)state;
    struct mri_story *story = crowded_story();
    mri_story_open(story);
    mri_story_play(story);
    mri_story_close(story);
    uint64_t last_seq = mri_story_last_seq(story);
    story->config.limits_sources_max = 100;
    assert_int_equal(mri_story_try_open(story), MR_FULL);
    assert_non_null(strstr(story->problem.text, "limits."));
    assert_int_equal(mri_story_last_seq(story), last_seq);
    mri_story_end(story);
}

static void what_lies_before_damage_is_taken_in(void **state)
{
    (void)state;
    struct mri_story *story = told_story();
    static struct mri_fold fold;
    const struct mri_fold_options options = mri_story_fold_options(story);
    mr_log_reader *reader;
    mr_log_event record;
    const char *name; /* the reader's */
    char path[MRI_PATH_BYTES_MAX];
    size_t count;
    uint64_t half = mri_story_last_seq(story) / 2;
    assert_int_equal(
        mri_reader_open(&story->machine.table, mri_alloc_system(), MRI_STORY_FOLDER, &reader, NULL),
        MR_OK);
    assert_int_equal(mr_log_reader_seek(reader, (mr_seq){half}, NULL), MR_OK);
    uint64_t offset = mri_reader_place(reader, &name);
    (void)snprintf(path, sizeof(path), "%s/%s", MRI_STORY_FOLDER, name);
    assert_int_equal(mr_log_reader_next(reader, &record, NULL), MR_OK);
    mri_os_memory_bytes(story->memory, path, &count)[offset + 64] ^= 1; /* its body */
    mr_log_reader_close(reader);
    assert_int_equal(mri_fold_init(&fold, &options, &story->problem), MR_OK);
    assert_int_equal(fold.damage, MR_ECORRUPT);
    assert_non_null(strstr(fold.damage_problem.text, path));
    assert_true(fold.bus.last_seq < half && fold.bus.last_seq + 200 > half); /* whole batches */
    assert_true(fold.wiring.report.candles > 0);
    mri_fold_fini(&fold);
    assert_int_equal(mri_story_try_open(story), MR_ECORRUPT);
    mri_story_end(story);
}

static void draft_nonsense(void *context, const struct mri_bus *bus, struct mri_batch *batch)
{
    const struct mri_superseded *body = context;
    (void)bus;
    const struct mri_draft draft = {.type = MRI_EVENT_SUPERSEDED, .fixed = body};
    assert_int_equal(mri_batch_add(batch, &draft, 0), MR_OK);
}

static void a_decision_lost_against_no_move_is_a_contradiction(void **state)
{
    (void)state;
    struct mri_story *story = told_story();
    struct mri_story_query query = {.type = MRI_EVENT_CANDLE};
    struct mri_event candle;
    static struct mri_fold fold;
    const struct mri_fold_options options = mri_story_fold_options(story);
    assert_true(mri_story_find(story, &query, &candle));
    struct mri_superseded body = {.cause = mri_story_last_seq(story), .winner = candle.seq};
    mri_story_append(
        story, &(struct mri_story_outsider){.context = &body, .draft = draft_nonsense});
    assert_int_equal(mri_fold_init(&fold, &options, &story->problem), MR_ECORRUPT);
    assert_non_null(strstr(story->problem.text, "no move or claim of another process"));
    mri_story_end(story);
}

static mr_err refuse_every_text(
    struct mri_slice text, const struct mri_alloc *alloc, struct mri_config *ret_config)
{
    (void)text;
    (void)alloc;
    (void)ret_config;
    return MR_REFUSED;
}

static void a_configuration_that_this_version_does_not_take_is_no_damage(void **state)
{
    (void)state;
    struct mri_story *story = told_story();
    struct mri_story_query query = {.type = MRI_EVENT_CONFIG};
    struct mri_event config;
    static struct mri_fold fold;
    char place[64];
    struct mri_fold_options options = mri_story_fold_options(story);
    options.parse = refuse_every_text;
    assert_true(mri_story_find(story, &query, &config));
    assert_int_equal(mri_fold_init(&fold, &options, &story->problem), MR_EVERSION);
    (void)snprintf(place, sizeof(place), "event %llu (config)", (unsigned long long)config.seq);
    assert_non_null(strstr(story->problem.text, place));
    mri_story_end(story);
}

static void inputs_without_a_decision_are_handed_out_in_order(void **state)
{
    (void)state;
    struct mri_story *story = told_story();
    static struct mri_fold fold;
    struct mri_event event;
    struct mri_fold_options options = mri_story_fold_options(story);
    options.is_from_start = false;
    options.config = &story->config;
    mri_story_emit(
        story, &(struct mri_story_emission){.source = "late", .confidence = 0.5, .count = 3});
    assert_int_equal(mri_fold_init(&fold, &options, NULL), MR_OK);
    uint64_t seq = fold.applied_seq;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(mri_fold_next_input(&fold, &event, NULL), MR_OK);
        assert_int_equal(event.type, MRI_EVENT_SIGNAL_GENERATED);
        assert_int_equal(event.seq, seq + 1 + (uint64_t)i);
    }
    assert_int_equal(mri_fold_next_input(&fold, &event, NULL), MR_END);
    mri_fold_fini(&fold);
    mri_story_end(story);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_snapshot_and_the_rest_give_what_the_whole_log_gives),
        cmocka_unit_test(a_damaged_snapshot_is_left_aside),
        cmocka_unit_test(a_snapshot_of_another_log_is_left_aside),
        cmocka_unit_test(a_snapshot_behind_the_end_of_the_log_says_that_the_end_is_missing),
        cmocka_unit_test(a_snapshot_of_another_engine_version_is_left_aside),
        cmocka_unit_test(snapshots_of_what_has_changed_give_what_the_whole_log_gives),
        cmocka_unit_test(a_snapshot_with_other_limits_is_left_aside),
        cmocka_unit_test(limits_grow_to_those_of_the_log),
        cmocka_unit_test(limits_grow_though_no_engine_has_come_to_the_configuration),
        cmocka_unit_test(limits_grow_for_a_symbol_that_only_the_configuration_knows),
        cmocka_unit_test(a_configuration_that_is_too_small_for_the_log_is_refused),
        cmocka_unit_test(what_lies_before_damage_is_taken_in),
        cmocka_unit_test(a_decision_lost_against_no_move_is_a_contradiction),
        cmocka_unit_test(a_configuration_that_this_version_does_not_take_is_no_damage),
        cmocka_unit_test(inputs_without_a_decision_are_handed_out_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
