/* SPDX-License-Identifier: MIT */
/**
 * The program: its commands, its exit codes, and what every command gets.
 */
#ifndef MRI_CLI_CLI_H
#define MRI_CLI_CLI_H

#include <stdio.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "cli/options.h"
#include "os/os.h"

/** What the program answers with. */
enum mri_exit {
    MRI_EXIT_OK = 0,
    MRI_EXIT_NO = 1,    /**< the answer is no, or something is unhealthy */
    MRI_EXIT_USAGE = 2, /**< the command line, the configuration or its input is wrong */
    MRI_EXIT_FAULT = 3, /**< a path that cannot be read, an I/O error, a damaged log */
};

struct mri_cli {
    const char *program; /**< how it was called, for commands to copy */
    const struct mri_os *os;
    const struct mri_alloc *alloc;
    const struct mri_options *options; /**< of the command line */
    bool is_json;
};

struct mri_verb;

/** A command. */
struct mri_command {
    const char *name;
    const char *summary;   /**< one line for the list of commands */
    const char *arguments; /**< after the options: "ID", "" */
    const char *about;     /**< paragraphs for --help */
    const struct mri_option *options;
    size_t option_count;
    unsigned arguments_min;
    unsigned arguments_max;
    bool needs_folder;  /**< --dir or MILLRACE_DIR must name a directory */
    bool is_json_lines; /**< --json answers one object a line, of which a failure is the last */
    enum mri_exit (*run)(struct mri_cli *cli);
    const struct mri_verb *verbs; /**< of a command that is only a family: `millrace log VERB` */
    size_t verb_count;            /**< then nothing else of it is used but name and summary */
};

/** One of a family of commands. */
struct mri_verb {
    const char *name; /**< as it is called behind the family's name */
    const struct mri_command *command;
};

extern const struct mri_command mri_cmd_run;
extern const struct mri_command mri_cmd_emit;
extern const struct mri_command mri_cmd_feed;
extern const struct mri_command mri_cmd_serve;
extern const struct mri_command mri_cmd_move;
extern const struct mri_command mri_cmd_claim;
extern const struct mri_command mri_cmd_orders;
extern const struct mri_command mri_cmd_report;
extern const struct mri_command mri_cmd_tail;
extern const struct mri_command mri_cmd_show;
extern const struct mri_command mri_cmd_why;
extern const struct mri_command mri_cmd_query;
extern const struct mri_command mri_cmd_sql;
extern const struct mri_command mri_cmd_status;
extern const struct mri_command mri_cmd_top;
extern const struct mri_command mri_cmd_doctor;
extern const struct mri_command mri_cmd_weights;
extern const struct mri_command mri_cmd_verify;
extern const struct mri_command mri_cmd_replay;
extern const struct mri_command mri_cmd_log;
extern const struct mri_command mri_cmd_config;
extern const struct mri_command mri_cmd_version;

/**
 * Say on stderr why a command cannot go on (printf), escaped. With --json, say it on stdout too:
 * {"error":{"exit":3,"text":"..."}}; once, and not behind an answer that is one object.
 *
 * Returns  exit, so that a failing line can end in `return mri_cli_fail(...)`.
 * Threads  one.
 */
__attribute__((format(printf, 3, 4))) enum mri_exit mri_cli_fail(
    const struct mri_cli *cli, enum mri_exit exit, const char *format, ...);

/**
 * Say why a command that writes to the log of --dir cannot go on: mri_cli_fail() with the problem,
 * or with the fault's own text when the problem is empty. A user who may read the log and not write
 * to it is told so, and what to do.
 *
 * @param problem  what was said of err; it is changed
 *
 * Returns  mri_cli_exit_of(err).
 * Threads  one.
 * Cost     of MR_EACCESS opens the log.
 */
enum mri_exit mri_cli_fail_to_write(const struct mri_cli *cli, mr_err err, mr_problem *problem);

/**
 * Are there segments of a log in a folder, and no MANIFEST? That is a damaged log, and no folder
 * without one: nobody is to begin a new one there.
 *
 * Returns  true, and it was printed; false.
 * Threads  one.
 * Cost     reads the MANIFEST.
 */
bool mri_cli_has_lost_manifest(const struct mri_cli *cli, const char *folder);

/**
 * The answer on stdout said already why the command, or this line of its input, fails: what
 * mri_cli_fail() adds goes to stderr only.
 *
 * Returns  nothing.
 * Threads  one.
 */
void mri_cli_is_told(void);

/**
 * A command that answers lines of its input begins with the next one: with --json its failure is
 * said on stdout, too.
 *
 * Returns  nothing.
 * Threads  one.
 */
void mri_cli_next_line(void);

/**
 * The exit code for a fault or condition that ends a command.
 *
 * Returns  MRI_EXIT_USAGE for wrong input (MR_EINVAL, MR_REFUSED, MR_NOT_FOUND, MR_BUSY, MR_FULL),
 *          else MRI_EXIT_FAULT.
 * Threads  any.
 */
enum mri_exit mri_cli_exit_of(mr_err err);

/**
 * Can lines come from standard input, or is it a folder? Tells the latter.
 *
 * Returns  MRI_EXIT_OK; MRI_EXIT_FAULT.
 * Threads  one.
 */
enum mri_exit mri_cli_check_stdin(const struct mri_cli *cli);

/**
 * Print bytes to stdout; a closed pipe is no error, any other failure is.
 *
 * Returns  MRI_EXIT_OK; MRI_EXIT_FAULT stdout cannot be written.
 * Threads  one.
 */
enum mri_exit mri_cli_print(const struct mri_cli *cli, const struct mri_buf *text);

/**
 * The directory of the log: --dir, else MILLRACE_DIR.
 *
 * Returns  its path; NULL when neither is given.
 * Threads  one.
 */
const char *mri_cli_folder(const struct mri_cli *cli);

/** The option that every command with a directory has. */
#define MRI_OPTION_DIR                                                                             \
    {                                                                                              \
        "dir", "DIR", "directory of the log; default: the variable MILLRACE_DIR"                   \
    }
/** The option that every command with a machine-readable answer has. */
#define MRI_OPTION_JSON                                                                            \
    {                                                                                              \
        "json", NULL, "answer as JSON"                                                             \
    }

#endif
