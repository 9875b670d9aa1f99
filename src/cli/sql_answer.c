/* SPDX-License-Identifier: MIT */
/*
 * Printing answers.
 *
 *   table  aligned, numbers to the right, NULL as NULL, foreign text escaped, long text cut
 *   CSV    RFC 4180: CRLF, quotes where they are needed; NULL is empty, an empty text is ""
 *   JSON   an array with an object a line; integers are exact digits, NULL and infinities are null,
 *          a second column of the same name gets a number behind it
 *
 * Invariants
 *  1. At most a piece of rows is held.
 *  2. Nothing is printed before the first row is there, so that most failures are all there is.
 */
#include "cli/sql_answer.h"

#include <math.h>
#include <string.h>

#include "base/check.h"
#include "cli/fault_mark.h"
#include "cli/table.h"
#include "json/json_write.h"

enum { PIECE_ROWS = 1000, PIECE_BYTES = 256 * 1024, ANSWER_BYTES_MAX = 256 * 1024 * 1024 };

struct answer {
    const struct mri_cli *cli;
    struct mri_sql *sql;
    enum mri_sql_answer_mode mode;
    unsigned columns;
    uint64_t rows;
    unsigned held_rows; /**< in the table, not printed yet */
    struct mri_buf text;
    struct mri_buf names; /**< distinct ones, each with a NUL, for JSON */
    struct mri_table table;
};

/* ---- failing --------------------------------------------------------------------------------- */

/** The problem with its place in words, and the line of the query that has it. */
static enum mri_exit fail_at(const struct mri_cli *cli, enum mri_exit exit, struct mri_slice query,
    size_t place, const char *what)
{
    struct mri_fault_line line = mri_fault_mark_line(query, place);
    bool is_only = memchr(query.bytes, '\n', query.count) == NULL;
    if (is_only) {
        (void)mri_cli_fail(cli, exit, "character %zu: %s", line.character, what);
    } else {
        (void)mri_cli_fail(
            cli, exit, "line %zu, character %zu: %s", line.number, line.character, what);
    }
    mri_fault_mark_print(cli->alloc, line.text, line.place);
    return exit;
}

static enum mri_exit fail(const struct answer *answer, mr_err err, struct mri_slice query,
    const struct mri_sql_fault *fault)
{
    enum mri_exit code = err == MR_ELIMIT  ? MRI_EXIT_USAGE /* a limit that was given is reached */
                         : err == MR_AGAIN ? MRI_EXIT_FAULT
                                           : mri_cli_exit_of(err);
    const char *what = fault->problem.text[0] != '\0' ? fault->problem.text : mr_err_text(err);
    return fault->has_place && fault->place <= query.count && query.count > 0
               ? fail_at(answer->cli, code, query, fault->place, what)
               : mri_cli_fail(answer->cli, code, "%s", what);
}

/* ---- values ---------------------------------------------------------------------------------- */

static void put_hex(struct mri_buf *text, struct mri_slice blob)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < blob.count; i++) {
        unsigned char byte = (unsigned char)blob.bytes[i];
        const char pair[2] = {digits[byte >> 4], digits[byte & 15]};
        mri_buf_put(text, pair, 2);
    }
}

static void put_real(struct mri_buf *text, double value)
{
    struct mri_json_writer json;
    if (isinf(value)) {
        mri_buf_text(text, value > 0 ? "Inf" : "-Inf");
        return;
    }
    mri_json_write_begin(&json, text);
    mri_json_write_number(&json, value);
}

static void put_cell(struct answer *answer, const struct mri_sql_value *value)
{
    struct mri_table *table = &answer->table;
    switch (value->type) {
    case MRI_SQL_NULL:
        mri_table_cell(table, "NULL");
        break;
    case MRI_SQL_INTEGER:
        mri_table_cell(table, "%lld", (long long)value->integer);
        break;
    case MRI_SQL_REAL:
        mri_table_cell(table, "%.10g", value->real);
        break;
    case MRI_SQL_TEXT:
        mri_table_cell(
            table, "%.*s", (int)value->text.count, value->text.count == 0 ? "" : value->text.bytes);
        break;
    case MRI_SQL_BLOB:
        mri_table_cell(table, "blob of %zu bytes", value->text.count);
        break;
    }
}

static void put_csv_text(struct mri_buf *text, struct mri_slice value)
{
    bool is_plain = value.count > 0;
    for (size_t i = 0; i < value.count && is_plain; i++) {
        char c = value.bytes[i];
        is_plain = c != '"' && c != ',' && c != '\r' && c != '\n';
    }
    if (is_plain) {
        mri_buf_put(text, value.bytes, value.count);
        return;
    }
    mri_buf_text(text, "\"");
    for (size_t i = 0; i < value.count; i++) {
        mri_buf_put(text, value.bytes + i, 1);
        mri_buf_put(text, "\"", value.bytes[i] == '"');
    }
    mri_buf_text(text, "\"");
}

static void put_csv(struct answer *answer, const struct mri_sql_value *value)
{
    switch (value->type) {
    case MRI_SQL_NULL:
        break;
    case MRI_SQL_INTEGER:
        mri_buf_printf(&answer->text, "%lld", (long long)value->integer);
        break;
    case MRI_SQL_REAL:
        put_real(&answer->text, value->real);
        break;
    case MRI_SQL_TEXT:
        put_csv_text(&answer->text, value->text);
        break;
    case MRI_SQL_BLOB:
        put_hex(&answer->text, value->text);
        break;
    }
}

static void put_json(struct mri_json_writer *json, const struct mri_sql_value *value)
{
    switch (value->type) {
    case MRI_SQL_NULL:
        mri_json_write_null(json);
        break;
    case MRI_SQL_INTEGER:
        mri_json_write_integer(json, value->integer);
        break;
    case MRI_SQL_REAL:
        mri_json_write_number(json, value->real);
        break;
    case MRI_SQL_TEXT:
        mri_json_write_text(json, value->text);
        break;
    case MRI_SQL_BLOB: {
        struct mri_buf hex;
        mri_buf_init(&hex, json->buf->alloc, ANSWER_BYTES_MAX);
        put_hex(&hex, value->text);
        mri_json_write_text(json, (struct mri_slice){(const char *)hex.bytes, hex.count});
        mri_buf_fini(&hex);
        break;
    }
    }
}

/* ---- rows ------------------------------------------------------------------------------------ */

/** Is a name among those before it? */
static bool is_name_taken(const struct mri_buf *names, const char *name)
{
    for (size_t at = 0; at < names->count;) {
        const char *other = (const char *)names->bytes + at;
        if (strcmp(other, name) == 0) {
            return true;
        }
        at += strlen(other) + 1;
    }
    return false;
}

/** The names of the columns, made distinct: x, x_2. */
static void make_names(struct answer *answer)
{
    for (unsigned i = 0; i < answer->columns; i++) {
        const char *own = mri_sql_column_name(answer->sql, i);
        struct mri_buf name;
        mri_buf_init(&name, answer->cli->alloc, ANSWER_BYTES_MAX);
        mri_buf_text(&name, own);
        for (unsigned n = 2; is_name_taken(&answer->names, mri_buf_c_text(&name)); n++) {
            mri_buf_clear(&name);
            mri_buf_text(&name, own);
            mri_buf_printf(&name, "_%u", n);
        }
        mri_buf_text(&answer->names, mri_buf_c_text(&name));
        mri_buf_put(&answer->names, "", 1);
        if (name.err != MR_OK) {
            answer->names.err = name.err;
        }
        mri_buf_fini(&name);
    }
}

/** Numbers go to the right: as the columns are declared, else as the first row has them. */
static void make_table(struct answer *answer, bool has_row)
{
    char layout[MRI_SQL_COLUMNS_MAX + 1] = "";
    MRI_STATIC_ASSERT(
        (int)MRI_SQL_COLUMNS_MAX <= (int)MRI_TABLE_COLUMNS_MAX, "every answer is a table");
    MRI_ASSERT(answer->columns <= MRI_SQL_COLUMNS_MAX);
    for (unsigned i = 0; i < answer->columns; i++) {
        enum mri_sql_type type =
            has_row ? mri_sql_value(answer->sql, i).type : (enum mri_sql_type)MRI_SQL_NULL;
        bool is_number = type == MRI_SQL_INTEGER || type == MRI_SQL_REAL ||
                         (type == MRI_SQL_NULL && mri_sql_is_numeric(answer->sql, i));
        layout[i] = is_number ? 'r' : 'l';
    }
    mri_table_init(&answer->table, answer->cli->alloc, layout);
    for (unsigned i = 0; i < answer->columns; i++) {
        mri_table_cell(&answer->table, "%s", mri_sql_column_name(answer->sql, i));
    }
}

static void put_head(struct answer *answer, bool has_row)
{
    switch (answer->mode) {
    case MRI_SQL_ANSWER_TABLE:
        make_table(answer, has_row);
        break;
    case MRI_SQL_ANSWER_CSV:
        for (unsigned i = 0; i < answer->columns; i++) {
            mri_buf_text(&answer->text, i == 0 ? "" : ",");
            put_csv_text(&answer->text, mri_slice_of(mri_sql_column_name(answer->sql, i)));
        }
        mri_buf_text(&answer->text, "\r\n");
        break;
    case MRI_SQL_ANSWER_JSON:
        make_names(answer);
        mri_buf_text(&answer->text, "[");
        break;
    }
}

static void put_json_row(struct answer *answer)
{
    struct mri_json_writer json;
    const char *name = (const char *)answer->names.bytes;
    mri_buf_text(&answer->text, answer->rows == 0 ? "\n" : ",\n");
    mri_json_write_begin(&json, &answer->text);
    mri_json_write_object_open(&json);
    for (unsigned i = 0; i < answer->columns && answer->names.err == MR_OK; i++) {
        const struct mri_sql_value value = mri_sql_value(answer->sql, i);
        mri_json_write_key(&json, name);
        put_json(&json, &value);
        name += strlen(name) + 1;
    }
    mri_json_write_object_close(&json);
}

static void put_row(struct answer *answer)
{
    if (answer->mode == MRI_SQL_ANSWER_JSON) {
        put_json_row(answer);
        return;
    }
    bool is_csv = answer->mode == MRI_SQL_ANSWER_CSV;
    for (unsigned i = 0; i < answer->columns; i++) {
        const struct mri_sql_value value = mri_sql_value(answer->sql, i);
        if (is_csv) {
            mri_buf_text(&answer->text, i == 0 ? "" : ",");
            put_csv(answer, &value);
        } else {
            put_cell(answer, &value);
        }
    }
    if (is_csv) {
        mri_buf_text(&answer->text, "\r\n");
    } else {
        answer->held_rows++;
    }
}

/** Print what is held, if it is enough or the last. */
static enum mri_exit print_held(struct answer *answer, bool is_last)
{
    bool is_table = answer->mode == MRI_SQL_ANSWER_TABLE;
    if (!is_last && answer->held_rows < PIECE_ROWS && answer->text.count < PIECE_BYTES) {
        return MRI_EXIT_OK;
    }
    if (is_table) {
        mri_table_keep_widths(&answer->table);
        mri_table_print(&answer->table, 0, &answer->text);
        mri_table_clear(&answer->table);
        answer->held_rows = 0;
    } else if (is_last && answer->mode == MRI_SQL_ANSWER_JSON) {
        mri_buf_text(&answer->text, answer->rows == 0 ? "]\n" : "\n]\n");
    }
    if (answer->names.err != MR_OK) {
        answer->text.err = answer->names.err;
    }
    enum mri_exit exit = mri_cli_print(answer->cli, &answer->text);
    mri_buf_clear(&answer->text);
    return exit;
}

static enum mri_exit print_rows(struct answer *answer, struct mri_slice query)
{
    struct mri_sql_fault fault = {.has_place = false};
    enum mri_exit exit = MRI_EXIT_OK;
    mr_err err = mri_sql_step(answer->sql, &fault);
    if (err == MR_OK || err == MR_END) {
        put_head(answer, err == MR_OK);
    }
    while (err == MR_OK && exit == MRI_EXIT_OK && ferror(stdout) == 0) {
        put_row(answer);
        answer->rows++;
        exit = print_held(answer, false);
        if (exit == MRI_EXIT_OK) {
            err = mri_sql_step(answer->sql, &fault);
        }
    }
    if (err == MR_END && exit == MRI_EXIT_OK) {
        exit = print_held(answer, true);
    }
    if (err != MR_OK && err != MR_END) {
        if (answer->rows > 0 && answer->mode == MRI_SQL_ANSWER_TABLE) {
            (void)print_held(answer, true); /* what was found; the failure is the answer */
        }
        exit = fail(answer, err, query, &fault);
    }
    return exit;
}

enum mri_exit mri_sql_answer_print(const struct mri_cli *cli, struct mri_sql *sql,
    struct mri_slice query, enum mri_sql_answer_mode mode)
{
    struct answer answer = {.cli = cli, .sql = sql, .mode = mode};
    struct mri_sql_fault fault;
    mr_err err = mri_sql_ask(sql, query, &fault);
    if (err != MR_OK) {
        return fail(&answer, err, query, &fault);
    }
    answer.columns = mri_sql_column_count(sql);
    mri_buf_init(&answer.text, cli->alloc, ANSWER_BYTES_MAX);
    mri_buf_init(&answer.names, cli->alloc, ANSWER_BYTES_MAX);
    enum mri_exit exit = print_rows(&answer, query);
    if (exit == MRI_EXIT_OK && mode == MRI_SQL_ANSWER_TABLE) {
        (void)fprintf(
            stderr, "%llu row%s\n", (unsigned long long)answer.rows, answer.rows == 1 ? "" : "s");
    }
    mri_sql_forget(sql);
    if (answer.table.columns > 0) {
        mri_table_fini(&answer.table);
    }
    mri_buf_fini(&answer.names);
    mri_buf_fini(&answer.text);
    return exit;
}
