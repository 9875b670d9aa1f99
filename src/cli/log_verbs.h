/* SPDX-License-Identifier: MIT */
/**
 * The verbs of `millrace log`; cmd_log.c has their table.
 */
#ifndef MRI_CLI_LOG_VERBS_H
#define MRI_CLI_LOG_VERBS_H

#include "cli/cli.h"

extern const struct mri_command mri_cmd_log_archive;

extern const struct mri_command mri_cmd_log_stat;
extern const struct mri_command mri_cmd_log_flush;
extern const struct mri_command mri_cmd_log_retain;
extern const struct mri_command mri_cmd_log_repair;
extern const struct mri_command mri_cmd_log_forget;
extern const struct mri_command mri_cmd_log_seal;
extern const struct mri_command mri_cmd_log_prove;

#endif
