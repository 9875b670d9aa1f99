/* SPDX-License-Identifier: MIT */
/*
 * Configurations for tests, of the built-in one and of texts.
 */
#include "tests/lib/yaml_sample.h"

#include "tests/lib/cmocka_all.h"

struct mri_yaml_problems mri_yaml_sample_problems;

mr_err mri_yaml_sample_parse(const char *text, size_t count, struct mri_config *config)
{
    return mri_yaml_parse((struct mri_slice){text, count}, "t.yaml", mri_alloc_system(), config,
        &mri_yaml_sample_problems);
}

const char *mri_yaml_sample_default(struct mri_buf *buf)
{
    struct mri_config config;
    mri_buf_init(buf, mri_alloc_system(), 2 * MRI_CONFIG_TEXT_BYTES_MAX);
    assert_int_equal(mri_config_default(&config, mri_alloc_system()), MR_OK);
    mri_config_print(&config, buf);
    mri_config_fini(&config);
    return mri_buf_c_text(buf);
}

void mri_yaml_sample_fail(const char *text)
{
    const struct mri_yaml_problems *problems = &mri_yaml_sample_problems;
    for (uint32_t i = 0; i < problems->count; i++) {
        print_error("%s\n", problems->items[i].what.text);
    }
    fail_msg("%u problems in: %.200s", problems->count, text);
}

void mri_yaml_sample_assert_good(const char *text, mr_err err)
{
    if (err != MR_OK || mri_yaml_sample_problems.count != 0) {
        mri_yaml_sample_fail(text);
    }
}
