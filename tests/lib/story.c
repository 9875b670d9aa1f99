/* SPDX-License-Identifier: MIT */
/*
 * Stories. The node lives in the story, which does not move.
 */
#include "tests/lib/story.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "tests/lib/cmocka_all.h"

enum { FILE_BYTES_MAX = 64 << 20, STATE_BYTES_MAX = 64 << 20, WAVE_MINUTES = 30, STEP_MINUTES = 5 };

static const struct mri_os *machine_of(const struct mri_story *story)
{
    return &story->machine.table;
}

struct mri_story *mri_story_begin(mri_config_parser parse, uint32_t symbol_count)
{
    struct mri_story *story = calloc(1, sizeof(*story));
    MRI_ASSERT(story != NULL);
    story->memory = mri_os_memory_new(FILE_BYTES_MAX);
    story->parse = parse;
    story->time_mode = "simulated";
    mri_os_faults_init(&story->machine, mri_os_memory_table(story->memory));
    mri_config_init(&story->config, mri_alloc_system());
    story->config.log_segment = 4;
    mri_script_feed_init(&story->script, symbol_count);
    return story;
}

void mri_story_end(struct mri_story *story)
{
    mri_story_kill(story);
    mri_script_feed_fini(&story->script);
    mri_config_fini(&story->config);
    mri_os_memory_free(story->memory);
    free(story);
}

static void hear_problem(void *context, const struct mri_feed_item *item)
{
    struct mri_story *story = context;
    story->problems_heard += item->kind == MRI_FEED_PROBLEM;
}

mr_err mri_story_try_open(struct mri_story *story)
{
    const struct mri_node_options options = {
        .os = machine_of(story),
        .alloc = mri_alloc_system(),
        .folder = MRI_STORY_FOLDER,
        .config = &story->config,
        .parse = story->parse,
        .is_create = true,
        .time_mode = story->time_mode,
        .build = "test",
        .feed = story->has_no_feed ? NULL : &story->script.feed,
        .feed_kind = "script",
        .feed_seed = NULL,
        .is_stopping = story->is_stopping,
    };
    story->problem.text[0] = '\0';
    mr_err err = mri_node_open(&story->node, &options, &story->problem);
    story->is_open = err == MR_OK;
    if (err == MR_OK) {
        mri_script_feed_rewind(&story->script);
        mri_intake_init(&story->intake, &story->node, &story->script.feed,
            (struct mri_intake_listener){.context = story, .problem = hear_problem});
    }
    return err;
}

void mri_story_open(struct mri_story *story)
{
    mr_err err = mri_story_try_open(story);
    if (err != MR_OK) {
        fail_msg("open: %s: %s", mr_err_name(err), story->problem.text);
    }
}

mr_err mri_story_try_play(struct mri_story *story)
{
    mr_err err = MR_OK;
    story->intake.is_ended = false; /* the script may have grown */
    story->problem.text[0] = '\0';
    while (err == MR_OK) {
        err = mri_intake_step(&story->intake, &story->problem);
        if (err == MR_OK) {
            err = mri_node_maintain(&story->node);
        }
    }
    return err == MR_END ? MR_OK : err;
}

void mri_story_play(struct mri_story *story)
{
    mr_err err = mri_story_try_play(story);
    if (err != MR_OK) {
        fail_msg("play: %s: %s", mr_err_name(err), story->problem.text);
    }
}

void mri_story_end_feed(struct mri_story *story)
{
    assert_int_equal(mri_node_end_feed(&story->node), MR_OK);
}

void mri_story_close(struct mri_story *story)
{
    assert_int_equal(mri_node_end_session(&story->node), MR_OK);
    mri_story_kill(story);
}

void mri_story_kill(struct mri_story *story)
{
    if (story->is_open) {
        mri_node_close(&story->node);
    }
    story->is_open = false;
}

/** Half an hour up, half an hour down, a tenth of a percent a minute. */
static void script_waves(struct mri_story *story)
{
    int64_t price = MRI_STORY_PRICE;
    for (int64_t minute = 1; minute <= MRI_STORY_WARM_MINUTES; minute++) {
        bool is_up = (minute - 1) / WAVE_MINUTES % 2 == 0;
        price += is_up ? MRI_STORY_PRICE / 1000 : -MRI_STORY_PRICE / 1000;
        mri_script_add_close(&story->script, 0, minute, price);
        if (minute % STEP_MINUTES == 0) {
            bool is_next_up = minute / WAVE_MINUTES % 2 == 0;
            mri_script_add_signal(&story->script, 0, minute, "oracle", is_next_up ? 0.9 : -0.9, 1);
        }
    }
}

void mri_story_make_brisk(struct mri_story *story)
{
    story->config.gates_cooldown = 0;
    story->config.learn_kappa = 1.0;
    story->config.learn_sd_global = 5.0;
    story->config.learn_ev_noise = 0.01;
}

void mri_story_warm(struct mri_story *story)
{
    double equity = story->config.execute_equity;
    int64_t cooldown = story->config.gates_cooldown;
    story->config.execute_equity = 1.0; /* too small for any order */
    mri_story_make_brisk(story);
    mri_story_open(story);
    script_waves(story);
    mri_story_play(story);
    assert_int_equal(mri_story_count(story, MRI_EVENT_ORDER_INTENT, 0), 0);
    mri_story_close(story);
    story->config.execute_equity = equity;
    story->config.gates_cooldown = cooldown;
    mri_story_open(story);
}

uint32_t mri_story_trade(struct mri_story *story, int64_t *minute)
{
    const struct mri_position *position = &story->node.fold.wiring.execute.positions[0];
    const int64_t last = *minute + WAVE_MINUTES;
    assert_int_equal(position->ordinal, 0);
    while (position->ordinal == 0 && *minute < last) {
        ++*minute;
        int64_t price = mri_market_symbol(&story->node.fold.wiring.market, 0)->candle.close;
        mri_script_add_close(&story->script, 0, *minute, price);
        mri_script_add_signal(
            &story->script, 0, *minute, "oracle", *minute % 2 == 0 ? 0.9 : -0.9, 1);
        mri_story_play(story);
    }
    assert_int_not_equal(position->ordinal, 0);
    return position->ordinal;
}

/* ---- questions ------------------------------------------------------------------------------- */

static mr_log_reader *open_reader(const struct mri_story *story)
{
    mr_log_reader *reader;
    mr_err err =
        mri_reader_open(machine_of(story), mri_alloc_system(), MRI_STORY_FOLDER, &reader, NULL);
    assert_int_equal(err, MR_OK);
    return reader;
}

/** Count what matches; the first match is kept in the story. */
static uint64_t scan(struct mri_story *story, const struct mri_story_query *query, bool is_first,
    struct mri_event *ret_event)
{
    mr_log_reader *reader = open_reader(story);
    mr_log_event record;
    uint64_t count = 0;
    while ((!is_first || count == 0) && mr_log_reader_next(reader, &record, NULL) == MR_OK) {
        bool is_match = record.type == query->type && record.seq.n > query->after_seq &&
                        (query->ordinal == 0 || record.subject_id == query->ordinal);
        if (!is_match) {
            continue;
        }
        count++;
        if (is_first) {
            assert_int_equal(mri_event_decode(&record, ret_event), MR_OK);
            assert_true(record.body_bytes <= sizeof(story->body));
            memcpy(story->body, record.body, record.body_bytes);
            ret_event->body = story->body;
        }
    }
    mr_log_reader_close(reader);
    return count;
}

bool mri_story_find(
    struct mri_story *story, const struct mri_story_query *query, struct mri_event *ret_event)
{
    return scan(story, query, true, ret_event) > 0;
}

uint64_t mri_story_count(struct mri_story *story, uint16_t type, uint32_t ordinal)
{
    const struct mri_story_query query = {.type = type, .ordinal = ordinal};
    return scan(story, &query, false, NULL);
}

void mri_story_walk(const struct mri_story *story, const struct mri_story_walker *walker)
{
    mr_log_reader *reader = open_reader(story);
    mr_log_event record;
    mr_err err;
    while ((err = mr_log_reader_next(reader, &record, NULL)) == MR_OK) {
        struct mri_event event;
        if (record.type >= MR_LOG_TYPE_FREE) {
            assert_int_equal(mri_event_decode(&record, &event), MR_OK);
            walker->visit(walker->context, &event);
        }
    }
    assert_int_equal(err, MR_END);
    mr_log_reader_close(reader);
}

uint64_t mri_story_last_seq(struct mri_story *story)
{
    mr_log_reader *reader = open_reader(story);
    mr_log_event record;
    uint64_t seq = 0;
    while (mr_log_reader_next(reader, &record, NULL) == MR_OK) {
        seq = record.seq.n;
    }
    mr_log_reader_close(reader);
    return seq;
}

const struct mri_slot *mri_story_slot(const struct mri_story *story, uint32_t ordinal)
{
    const struct mri_slot *slot = mri_slots_get(&story->node.fold.bus.slots, ordinal);
    assert_non_null(slot);
    return slot;
}

uint32_t mri_story_newest_of(const struct mri_story *story, const char *source)
{
    const struct mri_bus *bus = &story->node.fold.bus;
    for (uint32_t ordinal = bus->slots.count; ordinal > 0; ordinal--) {
        const struct mri_slot *slot = mri_slots_get(&bus->slots, ordinal);
        if (mri_slice_is(mri_intern_text(&bus->sources, slot->source), source)) {
            return ordinal;
        }
    }
    return 0;
}

bool mri_story_gate(struct mri_story *story, uint32_t ordinal, enum mri_gate gate,
    struct mri_row_gate_number *ret_number, struct mri_row_gate_code *ret_code)
{
    struct mri_event event;
    unsigned count;
    const struct mri_story_query query = {.type = MRI_EVENT_DECISION, .ordinal = ordinal};
    if (!mri_story_find(story, &query, &event)) {
        return false;
    }
    const struct mri_row_gate_number *numbers = mri_event_rows(&event, 0, &count);
    const struct mri_row_gate_code *codes = mri_event_rows(&event, 3, &count);
    for (unsigned i = 0; i < count; i++) {
        if (codes[i].gate == gate) {
            *ret_number = numbers[i];
            *ret_code = codes[i];
            return true;
        }
    }
    return false;
}

const char *mri_story_digest(struct mri_story *story, char text[static MRI_DIGEST_TEXT_BYTES])
{
    struct mri_event_digest digest;
    mr_log_reader *reader = open_reader(story);
    mr_log_event record;
    assert_int_equal(mri_event_digest_init(&digest, mri_alloc_system()), MR_OK);
    while (mr_log_reader_next(reader, &record, NULL) == MR_OK) {
        assert_int_equal(mri_event_digest_add(&digest, &record), MR_OK);
    }
    (void)mri_digest_text(&digest.digest, text);
    mri_event_digest_fini(&digest);
    mr_log_reader_close(reader);
    return text;
}

struct mri_fold_options mri_story_fold_options(const struct mri_story *story)
{
    return (struct mri_fold_options){.os = machine_of(story),
        .alloc = mri_alloc_system(),
        .folder = MRI_STORY_FOLDER,
        .parse = story->parse,
        .is_from_start = true};
}

static void print_kind(
    const struct mri_wiring *wiring, const struct mri_event *event, struct mri_buf *buf)
{
    (void)wiring;
    mri_buf_printf(buf, "%s of signal %u", mri_event_kind(event->type)->name, event->ordinal);
}

void mri_story_check_replay(struct mri_story *story)
{
    struct mri_replay_result result;
    const struct mri_fold_options options = mri_story_fold_options(story);
    mr_err err = mri_replay_check(&options, print_kind, &result, &story->problem);
    if (err != MR_OK) {
        fail_msg("replay: %s: %s", mr_err_name(err), story->problem.text);
    }
    if (!result.is_identical) {
        fail_msg("replay differs at event %llu, decided on event %llu: logged \"%s\", replayed "
                 "\"%s\"",
            (unsigned long long)result.difference_seq, (unsigned long long)result.difference_cause,
            mri_buf_c_text(&result.logged), mri_buf_c_text(&result.replayed));
    }
    assert_true(result.inputs > 0);
    assert_true(result.outputs > 0);
    mri_replay_fini(&result);
}

/* ---- other processes ------------------------------------------------------------------------- */

/** A fold that owns the log, as `emit` has it. */
static void open_outside(struct mri_story *story, struct mri_fold *fold, mr_log **ret_log)
{
    struct mri_fold_options options = mri_story_fold_options(story);
    options.config = &story->config; /* for its limits */
    mr_err err = mri_log_open(
        machine_of(story), mri_alloc_system(), MRI_STORY_FOLDER, NULL, ret_log, &story->problem);
    assert_int_equal(err, MR_OK);
    err = mri_fold_init(fold, &options, &story->problem);
    if (err != MR_OK) {
        fail_msg("fold: %s: %s", mr_err_name(err), story->problem.text);
    }
    fold->bus.log = *ret_log;
}

void mri_story_append(struct mri_story *story, const struct mri_story_outsider *outsider)
{
    static struct mri_fold fold;
    struct mri_batch batch;
    mr_log *log;
    assert_false(story->is_open);
    open_outside(story, &fold, &log);
    assert_int_equal(mri_batch_init(&batch, mri_alloc_system(), 64, 65536), MR_OK);
    mri_bus_begin(&fold.bus, &batch);
    outsider->draft(outsider->context, &fold.bus, &batch);
    assert_int_equal(mri_bus_append(&fold.bus, &batch, MR_ASYNC, NULL, NULL), MR_OK);
    mri_batch_fini(&batch);
    mri_fold_fini(&fold);
    mr_log_close(log);
}

static void draft_move(void *context, const struct mri_bus *bus, struct mri_batch *batch)
{
    const struct mri_signal_moved *wish = context;
    uint32_t ordinal = (uint32_t)wish->signal;
    const struct mri_slot *slot = mri_slots_get(&bus->slots, ordinal);
    assert_non_null(slot);
    struct mri_signal_moved move = *wish;
    move.signal = mri_batch_ref(batch, slot->generated_seq);
    move.from = slot->state;
    const struct mri_draft draft = {.type = MRI_EVENT_SIGNAL_MOVED, .fixed = &move};
    assert_int_equal(mri_batch_add(batch, &draft, ordinal), MR_OK);
}

void mri_story_move(struct mri_story *story, uint32_t ordinal, mr_state to)
{
    struct mri_signal_moved wish = {.signal = ordinal, /* until it is drafted */
        .to = (uint8_t)to,
        .actor = MRI_ACTOR_EXTERNAL,
        .gate = MRI_GATE_EXTERNAL,
        .reason = MRI_REASON_EXTERNAL};
    mri_story_append(story, &(struct mri_story_outsider){.context = &wish, .draft = draft_move});
}

static void draft_emission(
    const struct mri_story_emission *emission, const struct mri_bus *bus, struct mri_batch *batch)
{
    const struct mri_signal_generated fixed = {
        .event_time_unix_ns = bus->event_time_unix_ns,
        .confidence = emission->confidence < 0.0 ? -emission->confidence : emission->confidence,
        .valid_for_ns = emission->valid_minutes * MRI_SCRIPT_MINUTE_NS,
        .symbol = emission->symbol,
        .instrument = emission->symbol,
        .side = emission->confidence < 0.0 ? MR_SHORT : MR_LONG,
        .regime = MRI_REGIME_ABSENT,
    };
    const struct mri_draft draft = {.type = MRI_EVENT_SIGNAL_GENERATED,
        .fixed = &fixed,
        .texts = {[MRI_TEXT_signal_generated_source] = mri_slice_of(emission->source),
            [MRI_TEXT_signal_generated_name] = mri_slice_of("said")}};
    assert_int_equal(mri_batch_add(batch, &draft, batch->next_ordinal), MR_OK);
}

void mri_story_emit(struct mri_story *story, const struct mri_story_emission *emission)
{
    assert_false(story->is_open);
    mri_story_emit_beside(story, emission);
}

void mri_story_emit_beside(struct mri_story *story, const struct mri_story_emission *emission)
{
    static struct mri_fold fold;
    struct mri_batch batch;
    mr_log *log;
    open_outside(story, &fold, &log);
    assert_int_equal(mri_batch_init(&batch, mri_alloc_system(), 64, 65536), MR_OK);
    for (uint32_t i = 0; i < emission->count;) {
        mri_bus_begin(&fold.bus, &batch);
        for (; i < emission->count && batch.count < 64; i++) {
            draft_emission(emission, &fold.bus, &batch);
        }
        assert_int_equal(mri_bus_append(&fold.bus, &batch, MR_ASYNC, NULL, NULL), MR_OK);
    }
    mri_batch_fini(&batch);
    mri_fold_fini(&fold);
    mr_log_close(log);
}

/** The state of bus and engines, as the bytes of a snapshot. Returns the one it started from, or 0.
 */
static uint64_t state_of(struct mri_story *story, bool is_from_start, struct mri_buf *bytes)
{
    static struct mri_fold fold;
    struct mri_fold_options options = mri_story_fold_options(story);
    options.is_from_start = is_from_start;
    options.config = &story->config;
    mr_err err = mri_fold_init(&fold, &options, &story->problem);
    if (err != MR_OK) {
        fail_msg("fold: %s: %s", mr_err_name(err), story->problem.text);
    }
    uint64_t snapshot_seq = fold.snapshot_seq;
    mri_bus_save(&fold.bus, &(struct mri_bus_since){.seq = 0}, bytes);
    mri_wiring_save(&fold.wiring, bytes);
    assert_int_equal(bytes->err, MR_OK);
    mri_fold_fini(&fold);
    return snapshot_seq;
}

uint64_t mri_story_check_snapshot(struct mri_story *story)
{
    struct mri_buf whole;
    struct mri_buf rest;
    mri_buf_init(&whole, mri_alloc_system(), STATE_BYTES_MAX);
    mri_buf_init(&rest, mri_alloc_system(), STATE_BYTES_MAX);
    assert_int_equal(state_of(story, true, &whole), 0);
    uint64_t snapshot_seq = state_of(story, false, &rest);
    assert_true(whole.count > 0);
    assert_int_equal(whole.count, rest.count);
    assert_memory_equal(whole.bytes, rest.bytes, whole.count);
    mri_buf_fini(&whole);
    mri_buf_fini(&rest);
    return snapshot_seq;
}
