/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes the reader of configurations: no text may crash it, a refused text has at least one
 * problem, and an accepted one means what it prints.
 */
#include <stddef.h>
#include <stdint.h>

#include "conf/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static struct mri_slice printed(const struct mri_config *config, struct mri_buf *buf)
{
    mri_buf_init(buf, mri_alloc_system(), MRI_CONFIG_TEXT_BYTES_MAX);
    mri_config_print(config, buf);
    MRI_ASSERT(buf->err == MR_OK);
    return (struct mri_slice){(const char *)buf->bytes, buf->count};
}

static void check_round_trip(const struct mri_config *config)
{
    struct mri_buf first;
    struct mri_buf second;
    struct mri_config again;
    struct mri_slice text = printed(config, &first);
    mr_err err = mri_yaml_config(text, mri_alloc_system(), &again);
    MRI_ASSERT(err == MR_OK);
    MRI_ASSERT(mri_slice_equal(text, printed(&again, &second)));
    mri_config_fini(&again);
    mri_buf_fini(&second);
    mri_buf_fini(&first);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    static struct mri_yaml_problems problems;
    struct mri_config config;
    struct mri_slice text = {(const char *)bytes, count};
    mr_err err = mri_yaml_parse(text, "fuzz", mri_alloc_system(), &config, &problems);
    if (err == MR_OK) {
        MRI_ASSERT(problems.count == 0);
        check_round_trip(&config);
        mri_config_fini(&config);
    } else {
        MRI_ASSERT(err == MR_REFUSED && problems.count > 0);
    }
    return 0;
}
