/* SPDX-License-Identifier: MIT */
/*
 * Texts that are no configuration at all, or hardly one: what libyaml sees, and its limits.
 */
#include "conf/reading.h"

#include <stdlib.h>

#include "tests/lib/cmocka_all.h"
#include "tests/lib/yaml_sample.h"

/** Expect exactly these problems, one a line. */
static void assert_problems(const char *text, size_t count, const char *expected)
{
    struct mri_config config;
    struct mri_buf found;
    mri_buf_init(&found, mri_alloc_system(), 65536);
    assert_int_equal(mri_yaml_sample_parse(text, count, &config), MR_REFUSED);
    for (uint32_t i = 0; i < mri_yaml_sample_problems.count; i++) {
        mri_buf_printf(&found, "%s\n", mri_yaml_sample_problems.items[i].what.text);
    }
    assert_string_equal(mri_buf_c_text(&found), expected);
    mri_buf_fini(&found);
}

#define ASSERT_PROBLEMS(text, expected) assert_problems(text, sizeof(text) - 1, expected)

static void a_text_that_is_no_configuration_is_refused_as_a_whole(void **fixture)
{
    (void)fixture;
    ASSERT_PROBLEMS("", "t.yaml:1:1: expected a configuration, found nothing\n");
    ASSERT_PROBLEMS("# only words\n\n", "t.yaml:3:1: expected a configuration, found nothing\n");
    ASSERT_PROBLEMS("---\n", "t.yaml:2:1: expected a configuration, found nothing\n");
    ASSERT_PROBLEMS("12\n", "t.yaml:1:1: expected a map of sections, found \"12\"\n");
    ASSERT_PROBLEMS("- a\n- b\n", "t.yaml:1:1: expected a map of sections, found a list\n");
    ASSERT_PROBLEMS("''", "t.yaml:1:1: expected a map of sections, found the quoted text \"\"\n");
    ASSERT_PROBLEMS("*a", "t.yaml:1:1: aliases are not used here, found \"*a\"\n");
    ASSERT_PROBLEMS("gates: [[[[[[[[x",
        "t.yaml:1:8: gates: expected a map of keys, found a list\n"
        "t.yaml:1:15: gates: expected at most 8 maps and lists in one another\n");
    ASSERT_PROBLEMS("a: b\0c",
        "t.yaml:1:5: expected UTF-8 text without control characters, found 0x00: control "
        "characters are not allowed\n");
    ASSERT_PROBLEMS("\xff\xfe"
                    "a\0",
        "t.yaml:1:1: expected UTF-8 text without control characters, found 0xff: invalid leading "
        "UTF-8 octet\n");
}

static void a_second_document_is_refused(void **fixture)
{
    (void)fixture;
    struct mri_buf buf;
    struct mri_config config;
    (void)mri_yaml_sample_default(&buf);
    mri_buf_text(&buf, "---\na: 1\n");
    assert_int_equal(
        mri_yaml_sample_parse((const char *)buf.bytes, buf.count, &config), MR_REFUSED);
    assert_int_equal(mri_yaml_sample_problems.count, 1);
    assert_non_null(strstr(mri_yaml_sample_problems.items[0].what.text,
        ":1: expected one document, found the begin of a second"));
    mri_buf_fini(&buf);
}

static void a_document_may_have_its_marks(void **fixture)
{
    (void)fixture;
    struct mri_buf buf;
    struct mri_buf marked;
    struct mri_config config;
    const char *text = mri_yaml_sample_default(&buf);
    mri_buf_init(&marked, mri_alloc_system(), 65536);
    mri_buf_text(&marked, "\xef\xbb\xbf%YAML 1.1\n---\n");
    mri_buf_text(&marked, text);
    mri_buf_text(&marked, "...\n");
    mri_yaml_sample_assert_good(
        "marked", mri_yaml_sample_parse((const char *)marked.bytes, marked.count, &config));
    mri_config_fini(&config);
    mri_buf_fini(&marked);
    mri_buf_fini(&buf);
}

static void problems_beyond_the_maximum_are_counted(void **fixture)
{
    (void)fixture;
    struct mri_buf buf;
    struct mri_config config;
    (void)mri_yaml_sample_default(&buf);
    for (int i = 0; i < 250; i++) {
        mri_buf_printf(&buf, "unknown_%d: 1\n", i);
    }
    assert_int_equal(
        mri_yaml_sample_parse((const char *)buf.bytes, buf.count, &config), MR_REFUSED);
    assert_int_equal(mri_yaml_sample_problems.count, MRI_YAML_PROBLEMS_MAX);
    assert_int_equal(mri_yaml_sample_problems.left_out, 250 - MRI_YAML_PROBLEMS_MAX);
    assert_int_equal(mri_yaml_parse((struct mri_slice){(const char *)buf.bytes, buf.count}, "t",
                         mri_alloc_system(), &config, NULL),
        MR_REFUSED);
    mri_buf_fini(&buf);
}

static void a_text_that_is_too_long_is_not_read(void **fixture)
{
    (void)fixture;
    struct mri_buf buf;
    struct mri_config config;
    (void)mri_yaml_sample_default(&buf);
    char *padding = mri_buf_grow(&buf, MRI_CONFIG_TEXT_BYTES_MAX - buf.count);
    memset(padding, '\n', MRI_CONFIG_TEXT_BYTES_MAX - (size_t)(padding - (char *)buf.bytes));
    mri_yaml_sample_assert_good(
        "padded", mri_yaml_sample_parse((const char *)buf.bytes, buf.count, &config));
    mri_config_fini(&config);
    mri_buf_text(&buf, "\n");
    assert_problems((const char *)buf.bytes, buf.count, "t.yaml: expected at most 655360 bytes\n");
    mri_buf_fini(&buf);
}

static void deep_and_long_structures_end_quickly(void **fixture)
{
    (void)fixture;
    static const char *const units[] = {"[", "{", "- ", "? ", "a: {", "&a ", "!t ", "{a: [",
        "\n- - ", "'", "\"\\", "|\n ", "#", "a:\n ", "%", "---\n", "? [\n", ": ", ", ", "*a "};
    enum { TEXT_BYTES = 200000 };
    char *text = malloc(TEXT_BYTES);
    for (size_t i = 0; i < MRI_COUNT_OF(units); i++) {
        struct mri_config config;
        size_t count = 0;
        size_t unit = strlen(units[i]);
        while (count + unit <= TEXT_BYTES) {
            memcpy(text + count, units[i], unit);
            count += unit;
        }
        assert_int_equal(mri_yaml_sample_parse(text, count, &config), MR_REFUSED);
        assert_true(mri_yaml_sample_problems.count > 0);
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_that_is_no_configuration_is_refused_as_a_whole),
        cmocka_unit_test(a_second_document_is_refused),
        cmocka_unit_test(a_document_may_have_its_marks),
        cmocka_unit_test(problems_beyond_the_maximum_are_counted),
        cmocka_unit_test(a_text_that_is_too_long_is_not_read),
        cmocka_unit_test(deep_and_long_structures_end_quickly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
