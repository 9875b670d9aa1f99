/* SPDX-License-Identifier: MIT */
/*
 * What others have learned from signals, beside a run on a machine in memory.
 */
#include "millrace/execution.h"

#include <string.h>

#include "tests/lib/api_sample.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/plain_config.h"

static struct mri_story *story;
static mr_bus *bus;
static mr_problem problem;

static int set_up(void **fixture)
{
    (void)fixture;
    int64_t minute = MRI_STORY_WARM_MINUTES;
    story = mri_story_begin(mri_plain_config, 2);
    mri_story_warm(story);
    (void)mri_story_trade(story, &minute);
    assert_int_equal(mri_bus_api_open(&story->machine.table, mri_alloc_system(), MRI_STORY_FOLDER,
                         &bus, &problem),
        MR_OK);
    return 0;
}

static int tear_down(void **fixture)
{
    (void)fixture;
    mr_bus_close(bus);
    mri_story_end(story);
    return 0;
}

static void finish(void)
{
    mr_bus_close(bus);
    bus = NULL;
    mri_story_close(story);
    mri_story_check_replay(story);
}

/** Feedback with all there can be. */
static mr_feedback whole(void)
{
    return (mr_feedback){.ordinal = {1},
        .judgement = "loss",
        .source = "desk",
        .lesson = "against the trend",
        .evidence = "{\"n\":3}",
        .has_return = true,
        .return_bps = -12.5};
}

static void expect(mr_err wanted, const mr_feedback *feedback, const char *text)
{
    problem.text[0] = '\0';
    mr_err err = mr_bus_feedback(bus, feedback, MR_GROUP, &problem);
    if (err != wanted || strstr(problem.text, text) == NULL) {
        fail_msg("expected %s \"%s\", found %s: %s", mr_err_name(wanted), text, mr_err_name(err),
            problem.text);
    }
}

static void feedback_is_kept_and_changes_nothing_that_was_learned(void **fixture)
{
    (void)fixture;
    struct mri_event event;
    uint64_t lessons = story->node.fold.wiring.learn.learned_count;
    const mr_feedback feedback = whole();
    expect(MR_OK, &feedback, "");
    assert_int_equal(mri_node_take_foreign(&story->node), MR_OK);
    assert_true(mri_story_find(story,
        &(struct mri_story_query){.type = MRI_EVENT_SIGNAL_ANNOTATED, .ordinal = 1}, &event));
    const struct mri_signal_annotated *body = event.body;
    assert_int_equal(body->judgement, MRI_JUDGEMENT_LOSS);
    assert_true(body->return_bps == -12.5);
    assert_true(mri_slice_is(
        mri_event_text(&event, MRI_TEXT_signal_annotated_lesson), "against the trend"));
    assert_int_equal(lessons, story->node.fold.wiring.learn.learned_count);
    finish();
}

static void what_cannot_be_is_named_and_nothing_is_written(void **fixture)
{
    (void)fixture;
    struct {
        mr_feedback given;
        const char *text;
    } wrong[24];
    unsigned n = 0;
#define WRONG(member, value, said)                                                                 \
    wrong[n].given = whole();                                                                      \
    wrong[n].given.member = (value);                                                               \
    wrong[n++].text = (said)
    WRONG(judgement, "great", "judgement: ");
    WRONG(source, NULL, "source: ");
    WRONG(source, "", "source: ");
    WRONG(return_bps, 0.0 / 0.0, "return_bps: ");
    WRONG(source, "Momentum", "source: ");
    WRONG(source, "learn", "source: ");
    WRONG(source, "none", "source: ");
    WRONG(source, "engine", "source: ");
    WRONG(source, "millrace", "source: ");
    WRONG(source, "Run", "source: ");
    WRONG(source, "  ", "source: ");
    WRONG(return_bps, 1e300, "return_bps: ");
    WRONG(return_bps, -1.0001e7, "return_bps: ");
    WRONG(return_bps, 1.0 / 0.0, "return_bps: ");
    WRONG(evidence, "\xff", "evidence: ");
    WRONG(evidence, "[]", "evidence: expected a JSON object");
    WRONG(evidence, "null", "evidence: expected a JSON object");
    WRONG(evidence, "5", "evidence: expected a JSON object");
    WRONG(evidence, "{", "evidence: expected a JSON object");
#undef WRONG
    wrong[n].given = (mr_feedback){.ordinal = {1}, .source = "desk", .judgement = "none"};
    wrong[n++].text = "this says nothing";
    wrong[n].given = (mr_feedback){.ordinal = {1}, .source = "desk", .lesson = "", .evidence = ""};
    wrong[n++].text = "this says nothing";
    uint64_t before = mri_story_last_seq(story);
    for (unsigned i = 0; i < n; i++) {
        expect(MR_REFUSED, &wrong[i].given, wrong[i].text);
    }
    mr_feedback nobody = whole();
    nobody.ordinal.n = 999999;
    expect(MR_NOT_FOUND, &nobody, "999999");
    assert_int_equal(mri_story_last_seq(story), before);
    const mr_feedback little[] = {{.ordinal = {1}, .source = "external", .lesson = "x"},
        {.ordinal = {1}, .source = "operator", .has_return = true, .return_bps = -1e7},
        {.ordinal = {1}, .source = "desk", .evidence = " {} "}};
    for (unsigned i = 0; i < 3; i++) {
        expect(MR_OK, &little[i], "");
    }
    finish();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(feedback_is_kept_and_changes_nothing_that_was_learned),
        TEST(what_cannot_be_is_named_and_nothing_is_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
