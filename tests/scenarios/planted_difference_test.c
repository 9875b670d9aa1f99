/* SPDX-License-Identifier: MIT */
/*
 * A replay finds what was not decided: logs are copied record by record through the log's own
 * interface, with one event changed, left out, added, or said to be of another engine.
 */
#include <stdio.h>
#include <string.h>

#include "tests/lib/cmocka_all.h"
#include "tests/lib/plain_config.h"
#include "tests/lib/story.h"

#define COPY_FOLDER "/copy"

enum { PRICE = MRI_STORY_PRICE, BATCH_MAX = 4096, BODIES_MAX = 4 << 20 };

/** What is done to a record on its way into the copy. */
struct change {
    uint16_t type;   /**< of the event that is changed */
    unsigned skip;   /**< so many of the type go by first */
    uint32_t offset; /**< of the byte that is flipped */
    uint8_t flip;
    bool is_left_out;
    uint64_t seq; /**< of the event that was changed */
};

struct copy {
    mr_log *log;
    mr_log_record records[BATCH_MAX];
    size_t count;
    uint8_t bodies[BODIES_MAX];
    size_t bytes;
};

static void open_copy(struct mri_story *story, mr_log_reader *reader, mr_log **ret_log)
{
    static const char *const keys[] = {MRI_ATTRIBUTE_TIME, MRI_ATTRIBUTE_MARKET, MRI_ATTRIBUTE_FEED,
        MRI_ATTRIBUTE_FEED_IDENTITY, MRI_ATTRIBUTE_FEED_SEED};
    mr_log_attribute attributes[MRI_COUNT_OF(keys)];
    for (size_t i = 0; i < MRI_COUNT_OF(keys); i++) {
        attributes[i] = (mr_log_attribute){keys[i], mr_log_reader_attribute(reader, keys[i])};
        assert_non_null(attributes[i].value);
    }
    const mr_log_options options = {.is_create = true,
        .segment_bytes = 4 << 20,
        .attributes = attributes,
        .attribute_count = MRI_COUNT_OF(keys)};
    assert_int_equal(mri_log_open(&story->machine.table, mri_alloc_system(), COPY_FOLDER, &options,
                         ret_log, &story->problem),
        MR_OK);
}

/** Is it of the kind to change, and decided, unless the kind is one of inputs? */
static bool is_wanted(const mr_log_event *record, const struct change *change)
{
    struct mri_event event;
    assert_int_equal(mri_event_decode(record, &event), MR_OK);
    bool is_emitted = event.type == MRI_EVENT_SIGNAL_GENERATED && mri_event_cause(&event) == 0;
    return event.type == change->type && !is_emitted && change->seq == 0;
}

static void add_record(struct copy *copy, const mr_log_event *event, struct change *change)
{
    assert_true(copy->count < BATCH_MAX && copy->bytes + event->body_bytes <= BODIES_MAX);
    uint8_t *body = copy->bodies + copy->bytes;
    bool is_changed = is_wanted(event, change) && change->skip-- == 0;
    memcpy(body, event->body, event->body_bytes);
    if (is_changed) {
        change->seq = event->seq.n;
        assert_true(change->offset < event->body_bytes);
        body[change->offset] ^= change->flip;
        if (change->is_left_out) {
            return;
        }
    }
    copy->bytes += event->body_bytes;
    copy->records[copy->count++] = (mr_log_record){.body = body,
        .body_bytes = event->body_bytes,
        .subject_id = event->subject_id,
        .subject_prev = event->subject_prev,
        .type = event->type,
        .version = event->version};
}

/** Copy the story's log, batch by batch, with a change. */
static void copy_log(struct mri_story *story, struct change *change)
{
    static struct copy copy;
    mr_log_reader *reader;
    mr_log_event event;
    assert_int_equal(
        mri_reader_open(&story->machine.table, mri_alloc_system(), MRI_STORY_FOLDER, &reader, NULL),
        MR_OK);
    open_copy(story, reader, &copy.log);
    copy.count = copy.bytes = 0;
    while (mr_log_reader_next(reader, &event, NULL) == MR_OK) {
        if (event.type < MR_LOG_TYPE_FREE) {
            continue;
        }
        add_record(&copy, &event, change);
        if (event.is_batch_end && copy.count > 0) {
            mr_log_ack ack;
            assert_int_equal(
                mr_log_append(copy.log, copy.records, copy.count, MR_ASYNC, &ack), MR_OK);
            copy.count = copy.bytes = 0;
        }
    }
    mr_log_close(copy.log);
    mr_log_reader_close(reader);
    assert_int_not_equal(change->seq, 0);
}

static void print_event(
    const struct mri_wiring *wiring, const struct mri_event *event, struct mri_buf *buf)
{
    (void)wiring;
    mri_buf_printf(buf, "%s", mri_event_kind(event->type)->name);
    for (uint32_t i = 0; i < event->body_bytes; i++) {
        mri_buf_printf(buf, " %02x", ((const uint8_t *)event->body)[i]);
    }
}

static mr_err replay_copy(struct mri_story *story, struct mri_replay_result *ret_result)
{
    struct mri_fold_options options = mri_story_fold_options(story);
    options.folder = COPY_FOLDER;
    return mri_replay_check(&options, print_event, ret_result, &story->problem);
}

/** A story with decisions, trades, outcomes, feedback. */
static struct mri_story *traded_story(void)
{
    struct mri_story *story = mri_story_begin(mri_plain_config, 1);
    int64_t minute = MRI_STORY_WARM_MINUTES;
    mri_story_warm(story);
    (void)mri_story_trade(story, &minute);
    for (unsigned i = 0; i < 100; i++) {
        mri_script_add_close(&story->script, 0, ++minute, PRICE + 100 * (i % 9));
    }
    mri_story_play(story);
    mri_story_end_feed(story);
    mri_story_close(story);
    return story;
}

static void an_unchanged_copy_is_identical(void **state)
{
    (void)state;
    struct mri_story *story = traded_story();
    struct change change = {.type = MRI_EVENT_CANDLE};
    struct mri_replay_result result;
    copy_log(story, &change);
    assert_int_equal(replay_copy(story, &result), MR_OK);
    assert_true(result.is_identical);
    assert_true(result.outputs > 1000);
    assert_int_equal(result.not_checked, 0);
    assert_int_equal(result.undecided, 0);
    mri_replay_fini(&result);
    mri_story_check_replay(story);
    mri_story_end(story);
}

/** Plant one difference; the replay must name that event and show both sides. */
static void check_found(struct change change)
{
    struct mri_story *story = traded_story();
    struct mri_replay_result result;
    copy_log(story, &change);
    mr_err err = replay_copy(story, &result);
    if (err != MR_OK) {
        fail_msg("%s at %llu: %s: %s", mri_event_kind(change.type)->name,
            (unsigned long long)change.seq, mr_err_name(err), story->problem.text);
    }
    assert_false(result.is_identical);
    assert_int_equal(result.difference_seq, change.seq);
    assert_true(result.difference_cause < change.seq);
    const char *logged = mri_buf_c_text(&result.logged);
    const char *replayed = mri_buf_c_text(&result.replayed);
    const char *name = mri_event_kind(change.type)->name;
    assert_memory_equal(logged, name, strlen(name));
    assert_memory_equal(replayed, name, strlen(name));
    assert_int_equal(strlen(logged), strlen(replayed));
    unsigned differences = 0;
    for (size_t i = 0; logged[i] != '\0'; i++) {
        differences += logged[i] != replayed[i];
    }
    assert_int_equal(differences, 1); /* one bit of one byte is one digit */
    mri_replay_fini(&result);
    mri_story_end(story);
}

static void a_changed_body_of_any_kind_is_found(void **state)
{
    (void)state;
    check_found((struct change){.type = MRI_EVENT_SIGNAL_GENERATED,
        .skip = 100,
        .offset = offsetof(struct mri_signal_generated, confidence),
        .flip = 1});
    check_found((struct change){
        .type = MRI_EVENT_VIEW, .skip = 40, .offset = offsetof(struct mri_view, price), .flip = 1});
    check_found((struct change){.type = MRI_EVENT_PREDICTION,
        .skip = 40,
        .offset = sizeof(struct mri_prediction),
        .flip = 1});
    check_found((struct change){
        .type = MRI_EVENT_DECISION, .skip = 40, .offset = sizeof(struct mri_decision), .flip = 1});
    check_found((struct change){.type = MRI_EVENT_OUTCOME,
        .skip = 100,
        .offset = offsetof(struct mri_outcome, return_bps),
        .flip = 1});
    check_found((struct change){.type = MRI_EVENT_FEEDBACK,
        .skip = 100,
        .offset = offsetof(struct mri_feedback, platt_slope),
        .flip = 1});
    check_found((struct change){.type = MRI_EVENT_ORDER_INTENT,
        .offset = offsetof(struct mri_order_intent, quantity),
        .flip = 1});
    check_found((struct change){.type = MRI_EVENT_ORDER_FILLED,
        .offset = offsetof(struct mri_order_filled, price),
        .flip = 1});
    check_found((struct change){.type = MRI_EVENT_POSITION_CLOSED,
        .offset = offsetof(struct mri_position_closed, net_e8),
        .flip = 1});
    check_found((struct change){.type = MRI_EVENT_SIGNAL_MOVED,
        .skip = 100,
        .offset = offsetof(struct mri_signal_moved, evidence),
        .flip = 2});
}

static void an_event_that_cannot_be_read_is_named(void **state)
{
    (void)state;
    struct mri_story *story = traded_story();
    struct mri_replay_result result;
    char name[64];
    struct change change = {.type = MRI_EVENT_SIGNAL_MOVED,
        .skip = 100,
        .offset = offsetof(struct mri_signal_moved, to),
        .flip = 0x80}; /* there is no such state */
    copy_log(story, &change);
    assert_int_equal(replay_copy(story, &result), MR_ECORRUPT);
    (void)snprintf(name, sizeof(name), "event %llu", (unsigned long long)change.seq);
    assert_non_null(strstr(story->problem.text, name));
    mri_story_end(story);
}

static void a_changed_input_shows_in_the_first_output_that_it_changes(void **state)
{
    (void)state;
    struct mri_story *story = traded_story();
    struct mri_replay_result result;
    struct change change = {.type = MRI_EVENT_CANDLE,
        .skip = MRI_STORY_WARM_MINUTES - 1,
        .offset = offsetof(struct mri_candle, close),
        .flip = 2};
    copy_log(story, &change);
    assert_int_equal(replay_copy(story, &result), MR_OK);
    assert_false(result.is_identical);
    assert_true(result.difference_seq > change.seq);
    mri_replay_fini(&result);
    mri_story_end(story);
}

static void an_output_that_is_left_out_is_found_or_is_damage(void **state)
{
    (void)state;
    static const uint16_t types[] = {
        MRI_EVENT_PREDICTION, MRI_EVENT_DECISION, MRI_EVENT_OUTCOME, MRI_EVENT_FEEDBACK};
    for (size_t i = 0; i < MRI_COUNT_OF(types); i++) {
        struct mri_story *story = traded_story();
        struct mri_replay_result result;
        struct change change = {.type = types[i], .skip = 20, .is_left_out = true};
        copy_log(story, &change);
        mr_err err = replay_copy(story, &result);
        assert_true(err == MR_OK || err == MR_ECORRUPT);
        if (err == MR_OK) {
            assert_false(result.is_identical);
            mri_replay_fini(&result);
        } else {
            assert_true(story->problem.text[0] != '\0');
        }
        mri_story_end(story);
    }
}

static void what_another_engine_decided_is_applied_and_not_checked(void **state)
{
    (void)state;
    struct mri_story *story = traded_story();
    struct mri_replay_result result;
    struct change change = {.type = MRI_EVENT_SESSION, /* the first: the whole warm time */
        .offset = offsetof(struct mri_session, engine_version),
        .flip = 0x40};
    copy_log(story, &change);
    assert_int_equal(replay_copy(story, &result), MR_OK);
    assert_true(result.is_identical);
    assert_true(result.not_checked > 500);
    assert_true(result.outputs > 100); /* the sessions after it are its own */
    mri_replay_fini(&result);
    mri_story_end(story);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_unchanged_copy_is_identical),
        cmocka_unit_test(a_changed_body_of_any_kind_is_found),
        cmocka_unit_test(an_event_that_cannot_be_read_is_named),
        cmocka_unit_test(a_changed_input_shows_in_the_first_output_that_it_changes),
        cmocka_unit_test(an_output_that_is_left_out_is_found_or_is_damage),
        cmocka_unit_test(what_another_engine_decided_is_applied_and_not_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
