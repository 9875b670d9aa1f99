/* SPDX-License-Identifier: MIT */
/*
 * millrace log VERB: looking after a log.
 *
 * The table of verbs. Each is a command of its own, with its options, its help and its --json; a
 * new one is a row here. Its struct says "log NAME" as its name, so that messages and help do.
 */
#include "base/check.h"
#include "cli/cli.h"
#include "cli/log_verbs.h"

static const struct mri_verb verbs[] = {
    {"archive", &mri_cmd_log_archive},
    {"stat", &mri_cmd_log_stat},
    {"verify", &mri_cmd_verify},
    {"flush", &mri_cmd_log_flush},
    {"retain", &mri_cmd_log_retain},
    {"repair", &mri_cmd_log_repair},
    {"forget", &mri_cmd_log_forget},
    {"seal", &mri_cmd_log_seal},
    {"prove", &mri_cmd_log_prove},
};

const struct mri_command mri_cmd_log = {
    .name = "log",
    .summary = "look after a log: figures, space, damage",
    .arguments = "VERB",
    .about = "",
    .verbs = verbs,
    .verb_count = MRI_COUNT_OF(verbs),
};
