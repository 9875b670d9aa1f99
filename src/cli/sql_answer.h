/* SPDX-License-Identifier: MIT */
/**
 * The answer to a query in SQL, as a table for people, as CSV or as JSON.
 */
#ifndef MRI_CLI_SQL_ANSWER_H
#define MRI_CLI_SQL_ANSWER_H

#include "cli/cli.h"
#include "sql/sql.h"

enum mri_sql_answer_mode { MRI_SQL_ANSWER_TABLE, MRI_SQL_ANSWER_CSV, MRI_SQL_ANSWER_JSON };

/**
 * Ask, and print rows as they come; of a table the first thousand decide how wide columns are.
 *
 * Returns  MRI_EXIT_OK; MRI_EXIT_USAGE the query is wrong, or its time or memory is over;
 *          MRI_EXIT_FAULT it was interrupted, or the log cannot be read. What went wrong was
 *          printed.
 * Threads  one.
 */
enum mri_exit mri_sql_answer_print(const struct mri_cli *cli, struct mri_sql *sql,
    struct mri_slice query, enum mri_sql_answer_mode mode);

#endif
