/* SPDX-License-Identifier: MIT */
/*
 * The report against a second count, made from the records themselves.
 */
#include "pipeline/report.h"

#include <string.h>

#include "log/format/record.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/plain_config.h"
#include "tests/lib/story.h"

/** A second count, from the definitions. */
struct count {
    uint64_t events;
    uint64_t stored;    /* bytes of all events */
    uint64_t signal;    /* of records whose subject is a signal */
    uint64_t view;      /* of views with signals, their predictions and feedback */
    uint64_t idle_view; /* of other views, likewise */
    uint64_t by_type[512];
    uint64_t blocked[16];
    uint64_t views_with_signals[4096]; /* seqs */
    size_t view_count;
};

static bool has_signals(const struct count *count, uint64_t view_seq)
{
    for (size_t i = 0; i < count->view_count; i++) {
        if (count->views_with_signals[i] == view_seq) {
            return true;
        }
    }
    return false;
}

static void count_view_bytes(
    struct count *count, const struct mri_event *event, uint64_t view_seq, uint32_t bytes)
{
    if (event->type == MRI_EVENT_VIEW && ((const struct mri_view *)event->body)->signal_count > 0) {
        assert_true(count->view_count < 4096);
        count->views_with_signals[count->view_count++] = view_seq;
    }
    *(has_signals(count, view_seq) ? &count->view : &count->idle_view) += bytes;
}

static void count_event(struct count *count, const struct mri_event *event, uint32_t bytes)
{
    count->events++;
    count->stored += bytes;
    count->by_type[event->type]++;
    count->signal += event->ordinal != 0 ? bytes : 0;
    if (event->type == MRI_EVENT_SIGNAL_MOVED) {
        const struct mri_signal_moved *move = event->body;
        count->blocked[move->gate] += move->to == MR_BLOCKED;
    } else if (event->type == MRI_EVENT_VIEW) {
        count_view_bytes(count, event, event->seq, bytes);
    } else if (event->type == MRI_EVENT_PREDICTION) {
        const struct mri_prediction *prediction = event->body;
        count_view_bytes(count, event, mri_ref_seq(prediction->view, event->seq), bytes);
    } else if (event->type == MRI_EVENT_FEEDBACK) {
        const struct mri_feedback *feedback = event->body;
        count_view_bytes(count, event, mri_ref_seq(feedback->view, event->seq), bytes);
    }
}

static void count_log(struct mri_story *story, struct count *count)
{
    mr_log_reader *reader;
    mr_log_event record;
    struct mri_event event;
    memset(count, 0, sizeof(*count));
    assert_int_equal(
        mri_reader_open(&story->machine.table, mri_alloc_system(), MRI_STORY_FOLDER, &reader, NULL),
        MR_OK);
    while (mr_log_reader_next(reader, &record, NULL) == MR_OK) {
        if (record.type >= MR_LOG_TYPE_FREE) {
            assert_int_equal(mri_event_decode(&record, &event), MR_OK);
            count_event(count, &event, record.stored_bytes);
        }
    }
    mr_log_reader_close(reader);
}

/** A log with orders, gaps, rows left out and signals of every end. */
static struct mri_story *busy_story(void)
{
    struct mri_story *story = mri_story_begin(mri_plain_config, 2);
    int64_t price = MRI_STORY_PRICE;
    story->config.gates_coverage_min = 0.0;
    story->config.signals_valid_for = 120;
    mri_story_warm(story);
    for (int64_t minute = MRI_STORY_WARM_MINUTES + 1; minute < 480; minute++) {
        bool is_up = (minute - 1) / 30 % 2 == 0;
        price += is_up ? 1000 : -1000;
        if (minute % 50 == 0) {
            mri_script_add_problem(&story->script, 0, minute, MRI_REASON_ROW_TORN);
            continue; /* and the bar is missing */
        }
        mri_script_add_close(&story->script, 0, minute, price);
        mri_script_add_signal(&story->script, 0, minute, "oracle", is_up ? 0.9 : -0.9, 1);
        mri_script_add_signal(&story->script, 1, minute, "early", 0.5, 3); /* never a price */
    }
    mri_story_play(story);
    mri_story_end_feed(story);
    return story;
}

static void the_report_is_what_the_records_say(void **state)
{
    (void)state;
    struct mri_story *story = busy_story();
    const struct mri_report *report = &story->node.fold.wiring.report;
    static struct count count;
    count_log(story, &count);
    assert_int_equal(report->events, count.events);
    assert_int_equal(report->signals, count.by_type[MRI_EVENT_SIGNAL_GENERATED]);
    assert_int_equal(report->signals_by_side[0] + report->signals_by_side[1], report->signals);
    assert_int_equal(report->candles, count.by_type[MRI_EVENT_CANDLE]);
    assert_int_equal(report->gaps, count.by_type[MRI_EVENT_MARKET_GAP]);
    assert_int_equal(report->missing_bars, 3);
    assert_int_equal(report->quarantined, 3);
    assert_int_equal(report->quarantined_by_reason[MRI_REASON_ROW_TORN], 3);
    assert_int_equal(report->views, count.by_type[MRI_EVENT_VIEW]);
    assert_int_equal(report->feedback, count.by_type[MRI_EVENT_FEEDBACK]);
    assert_int_equal(report->decisions, count.by_type[MRI_EVENT_DECISION]);
    assert_int_equal(report->closed, count.by_type[MRI_EVENT_POSITION_CLOSED]);
    assert_int_equal(report->opened, count.by_type[MRI_EVENT_POSITION_OPENED]);
    assert_true(report->closed > 0);
    uint64_t shadows = 0;
    for (unsigned gate = 0; gate < MRI_REPORT_GATES; gate++) {
        shadows += report->shadows[gate].closed + report->shadows[gate].unresolved;
    }
    assert_int_equal(shadows, count.by_type[MRI_EVENT_SHADOW_CLOSED]);
    assert_true(report->shadows[MRI_GATE_NONE].closed >= report->closed);
    assert_int_equal(report->sessions, 2);
    assert_int_equal(report->configs, 2);
    for (unsigned gate = 0; gate < MRI_REPORT_GATES; gate++) {
        assert_int_equal(report->blocked_by_gate[gate], count.blocked[gate]);
    }
    uint64_t fills = 0;
    for (unsigned leg = 0; leg < MRI_LEG_COUNT; leg++) {
        fills += report->fills_by_leg[leg];
    }
    assert_int_equal(fills, count.by_type[MRI_EVENT_ORDER_FILLED]);
    const struct mri_report_outcomes outcomes = mri_report_all_outcomes(report);
    assert_int_equal(outcomes.resolved + outcomes.excluded + outcomes.unresolved,
        count.by_type[MRI_EVENT_OUTCOME]);
    assert_true(outcomes.resolved > 0 && outcomes.unresolved > 0);
    assert_int_equal(count.by_type[MRI_EVENT_OUTCOME], 5 * report->signals);
    mri_story_end(story);
}

static void every_byte_is_in_exactly_one_class(void **state)
{
    (void)state;
    struct mri_story *story = busy_story();
    const struct mri_report_bytes *bytes = &story->node.fold.wiring.report.bytes;
    static struct count count;
    count_log(story, &count);
    assert_int_equal(bytes->signal, count.signal);
    assert_int_equal(bytes->view, count.view);
    assert_int_equal(bytes->idle_view, count.idle_view);
    assert_true(bytes->view > 0 && bytes->idle_view > 0 && bytes->market > 0 && bytes->other > 0);
    assert_int_equal(bytes->signal + bytes->view + bytes->idle_view + bytes->market + bytes->other,
        count.stored);
    double expected =
        (double)(count.signal + count.view) / (double)count.by_type[MRI_EVENT_SIGNAL_GENERATED];
    assert_true(mri_report_bytes_per_lifecycle(&story->node.fold.wiring.report) == expected);
    mri_story_end(story);
}

static void a_log_without_signals_has_no_lifecycles(void **state)
{
    (void)state;
    struct mri_story *story = mri_story_begin(mri_plain_config, 1);
    mri_story_open(story);
    mri_script_add_close(&story->script, 0, 1, MRI_STORY_PRICE);
    mri_story_play(story);
    assert_true(mri_report_bytes_per_lifecycle(&story->node.fold.wiring.report) == 0.0);
    mri_story_end(story);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_report_is_what_the_records_say),
        cmocka_unit_test(every_byte_is_in_exactly_one_class),
        cmocka_unit_test(a_log_without_signals_has_no_lifecycles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
