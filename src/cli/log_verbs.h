/* SPDX-License-Identifier: MIT */
/**
 * The verbs of `millrace log`; cmd_log.c has their table.
 */
#ifndef MRI_CLI_LOG_VERBS_H
#define MRI_CLI_LOG_VERBS_H

#include "cli/cli.h"

#endif
