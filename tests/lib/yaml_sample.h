/* SPDX-License-Identifier: MIT */
/**
 * Configurations for tests, and what was found wrong in them.
 */
#ifndef TESTS_LIB_YAML_SAMPLE_H
#define TESTS_LIB_YAML_SAMPLE_H

#include "conf/yaml.h"

/** Of the latest parse: 50 KiB, not on the stack of every test. */
extern struct mri_yaml_problems mri_yaml_sample_problems;

/** Parse a text, called t.yaml. */
mr_err mri_yaml_sample_parse(const char *text, size_t count, struct mri_config *config);

/** The built-in configuration as text; buf owns it. */
const char *mri_yaml_sample_default(struct mri_buf *buf);

/** Fail with everything that was found in the text. */
void mri_yaml_sample_fail(const char *text);

/** The same, unless that is nothing. */
void mri_yaml_sample_assert_good(const char *text, mr_err err);

#endif
