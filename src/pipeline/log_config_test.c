/* SPDX-License-Identifier: MIT */
/*
 * The configuration a log goes on with: the newest of those that were logged, or none.
 */
#include "pipeline/log_config.h"

#include <string.h>

#include "tests/lib/cmocka_all.h"
#include "tests/lib/plain_config.h"
#include "tests/lib/story.h"

/** Is what is found the configuration given, printed? NULL: nothing is found. */
static void check_found(struct mri_story *story, const struct mri_config *expected)
{
    const struct mri_fold_options options = {
        .os = &story->machine.table,
        .alloc = mri_alloc_system(),
        .folder = MRI_STORY_FOLDER,
        .parse = story->parse,
    };
    struct mri_buf found;
    struct mri_buf text;
    mri_buf_init(&found, mri_alloc_system(), MRI_CONFIG_TEXT_BYTES_MAX);
    mri_buf_init(&text, mri_alloc_system(), MRI_CONFIG_TEXT_BYTES_MAX);
    if (expected != NULL) {
        mri_config_print(expected, &text);
    }
    for (int turn = 0; turn < 2; turn++) {
        mri_buf_text(&found, "what was there before");
        assert_int_equal(turn == 0 ? mri_log_config_kept(&options, &found, NULL)
                                   : mri_log_config(&options, &found, NULL),
            MR_OK);
        assert_int_equal(found.count, text.count);
        if (text.count > 0) {
            assert_memory_equal(found.bytes, text.bytes, text.count);
        }
    }
    mri_buf_fini(&found);
    mri_buf_fini(&text);
}

static void test_the_newest_one_is_found(void **state)
{
    (void)state;
    struct mri_story *story = mri_story_begin(mri_plain_config, 1);
    mri_story_open(story);
    mri_story_close(story);
    check_found(story, &story->config);
    story->config.execute_hold += 60;
    mri_story_open(story);
    mri_story_close(story);
    check_found(story, &story->config);
    mri_story_end(story);
}

static void test_a_log_without_one_has_none(void **state)
{
    (void)state;
    struct mri_story *story = mri_story_begin(mri_plain_config, 1);
    const mr_log_options options = {.is_create = true};
    mr_log *log;
    assert_int_equal(mri_log_open(&story->machine.table, mri_alloc_system(), MRI_STORY_FOLDER,
                         &options, &log, NULL),
        MR_OK);
    mr_log_close(log);
    check_found(story, NULL);
    mri_story_end(story);
}

static void test_where_no_log_is_there_is_none(void **state)
{
    (void)state;
    struct mri_story *story = mri_story_begin(mri_plain_config, 1);
    const struct mri_fold_options options = {
        .os = &story->machine.table,
        .alloc = mri_alloc_system(),
        .folder = MRI_STORY_FOLDER,
        .parse = story->parse,
    };
    struct mri_buf found;
    mr_problem problem = {""};
    mri_buf_init(&found, mri_alloc_system(), MRI_CONFIG_TEXT_BYTES_MAX);
    mr_err err = mri_log_config(&options, &found, &problem);
    assert_true(err == MR_NOT_FOUND || err == MR_EPATH);
    assert_string_not_equal(problem.text, "");
    assert_int_equal(found.count, 0);
    mri_buf_fini(&found);
    mri_story_end(story);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_newest_one_is_found),
        cmocka_unit_test(test_a_log_without_one_has_none),
        cmocka_unit_test(test_where_no_log_is_there_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
