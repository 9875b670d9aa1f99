/* SPDX-License-Identifier: MIT */
/*
 * millrace doctor: is all well with the installation and the log, and what is to be done?
 */
#include "base/check.h"
#include "cli/cli.h"
#include "cli/doctor.h"

enum { TEXT_BYTES_MAX = 4 * 1024 * 1024 };

static enum mri_exit print_findings(const struct mri_doctor *doctor)
{
    struct mri_buf text;
    mri_buf_init(&text, doctor->cli->alloc, TEXT_BYTES_MAX);
    if (doctor->cli->is_json) {
        mri_findings_json(&doctor->findings, &text);
    } else {
        mri_findings_print(&doctor->findings, &text);
    }
    enum mri_exit exit = mri_cli_print(doctor->cli, &text);
    mri_buf_fini(&text);
    bool has_fault = doctor->findings.by_level[MRI_FINDING_FAULT] > 0;
    return exit == MRI_EXIT_OK && has_fault ? MRI_EXIT_NO : exit;
}

static enum mri_exit cmd_doctor(struct mri_cli *cli)
{
    void *block;
    mr_err err = mri_alloc_array(cli->alloc, 1, sizeof(struct mri_doctor), &block);
    if (err != MR_OK) {
        return mri_cli_fail(cli, MRI_EXIT_FAULT, "%s", mr_err_text(err));
    }
    struct mri_doctor *doctor = block;
    doctor->cli = cli;
    doctor->folder = mri_cli_folder(cli);
    if (doctor->folder != NULL) {
        mri_doctor_folder_check(doctor);
        mri_doctor_log_check(doctor);
    }
    mri_doctor_machine_check(doctor);
    enum mri_exit exit = print_findings(doctor);
    mri_alloc_free(cli->alloc, block, sizeof(struct mri_doctor));
    return exit;
}

static const struct mri_option options[] = {MRI_OPTION_DIR, MRI_OPTION_JSON};

const struct mri_command mri_cmd_doctor = {
    .name = "doctor",
    .summary = "check installation, machine and log, and say what to do",
    .arguments = "",
    .about = "Of each check: ok, WARNING or FAULT, why, and what to do. Without a directory only "
             "program\n"
             "and machine are checked. It writes nothing, needs no right to write, and works "
             "beside those\n"
             "who use the log. Of the log it reads the two newest segments, its snapshots, and "
             "what comes\n"
             "behind them; `millrace verify` reads everything.\n"
             "Exit code 0: no fault, there may be warnings; 1: there is a fault.\n",
    .options = options,
    .option_count = MRI_COUNT_OF(options),
    .run = cmd_doctor,
};
