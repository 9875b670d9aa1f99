/* SPDX-License-Identifier: MIT */
/*
 * One candle file, row by row.
 *
 *   lines --> format from the first --> columns --> symbol --> numbers --> order in time --> bar
 *                 |                        |           |          |             |
 *                 \------------------------+-----------+----------+-------------+--> problem
 *
 * Invariants
 *  1. Every line is given as a bar or as a problem, but: empty lines, the header and its
 *     repetitions (files put together with cat), rows that `only` excludes, and rows of an unknown
 *     symbol after its first, which are counted and given as one problem at the end.
 *  2. Times of the bars of one symbol increase.
 *  3. What is given depends on the file's bytes and the options alone: reading again gives the
 *     same.
 *
 * A last line without an end is never used: it may be half of a row, with half of a number. Damaged
 * compressed data end the file early and are a problem of the file; what came before is used.
 */
#include "feeds/csv_file.h"

#include <stdio.h>

#include "base/check.h"
#include "base/intern.h"
#include "base/problem.h"
#include "base/text.h"

enum {
    FILE_MAGIC = 0x43535646,
    SPELLINGS_EXTRA = 256, /* beyond one of each spec and spelling */
    NOTE_BYTES = MRI_INTERN_BYTES_MAX + 64,
    HEADER_BYTES_MAX = 512,
};

/** How a symbol is spelled in the file, and whose it is. */
struct spelling {
    uint32_t spec;       /* MRI_CSV_NO_SPEC: unknown */
    bool is_reported;    /* the first row of an unknown one was given */
    uint64_t more_count; /* of an unknown one: rows after the first */
    uint64_t more_line;  /* where the first of these is */
};

struct mri_csv_file {
    uint32_t magic;
    const struct mri_alloc *alloc;
    struct mri_csv_file_options options;
    struct mri_line_reader *reader;
    enum mri_csv_format format;
    struct mri_intern spelling_texts;
    uint32_t spelling_count_max;
    struct spelling *spellings; /* by the number of their text */
    uint32_t last_spelling;     /* of the row before: most often the same again */
    int64_t *last_times;        /* of each spec; 0 = none yet */
    uint64_t row_count;         /* lines that are rows, whatever became of them */
    bool is_read;               /* the lines are at their end; what is left is to say so */
    bool is_damaged;            /* they ended before their time */
    bool is_closed;             /* that, or that the file is empty, was said */
    uint32_t closing;           /* spellings below this one have been closed */
    size_t header_bytes;        /* 0 = no header */
    char header[HEADER_BYTES_MAX];
    char note[NOTE_BYTES]; /* the text of the closing problem under way */
    mr_problem damage;
};

static uint32_t find_named(const struct mri_csv_file *file, struct mri_slice symbol)
{
    for (uint32_t i = 0; i < file->options.spec_count; i++) {
        if (mri_symbol_is_same(symbol, mri_slice_of(file->options.specs[i].symbol))) {
            return i;
        }
    }
    return MRI_CSV_NO_SPEC;
}

/** What is registered by a name goes before a spelling. */
static uint32_t find_spec(const struct mri_csv_file *file, struct mri_slice symbol)
{
    const struct mri_csv_file_options *options = &file->options;
    uint32_t spec = find_named(file, symbol);
    for (uint32_t i = 0; i < options->spelling_count && spec == MRI_CSV_NO_SPEC; i++) {
        if (mri_symbol_is_same(symbol, mri_slice_of(options->spellings[i].spelling))) {
            spec = find_named(file, mri_slice_of(options->spellings[i].symbol));
        }
    }
    return spec;
}

/** The spelling of a symbol; NULL when there is no room to keep it. */
static struct spelling *find_spelling(struct mri_csv_file *file, struct mri_slice symbol)
{
    struct mri_intern *texts = &file->spelling_texts;
    uint32_t number = file->last_spelling;
    bool is_same = number < texts->count && mri_slice_equal(mri_intern_text(texts, number), symbol);
    if (!is_same) {
        uint32_t before = texts->count;
        if (mri_intern_add(texts, symbol, &number) != MR_OK) {
            return NULL;
        }
        if (texts->count > before) {
            file->spellings[number].spec = find_spec(file, symbol);
        }
        file->last_spelling = number;
    }
    return &file->spellings[number];
}

/** The name of a file up to its first '-' or '.': BTCUSDT-1m-2024-01.csv is of BTCUSDT. */
static struct mri_slice symbol_of_name(struct mri_slice name)
{
    size_t count = 0;
    while (count < name.count && name.bytes[count] != '-' && name.bytes[count] != '.') {
        count++;
    }
    return (struct mri_slice){.bytes = name.bytes, .count = count};
}

/** Is it text? Most rows are ASCII, which is seen eight bytes at a time. */
static bool is_text(struct mri_slice text)
{
    uint64_t bits = 0;
    size_t i = 0;
    for (; i + sizeof(bits) <= text.count; i += sizeof(bits)) {
        uint64_t eight;
        memcpy(&eight, text.bytes + i, sizeof(eight));
        bits |= eight;
    }
    for (; i < text.count; i++) {
        bits |= (uint64_t)(unsigned char)text.bytes[i] << 56;
    }
    return (bits & UINT64_C(0x8080808080808080)) == 0 || mri_text_is_utf8(text);
}

/** Is this the header, or the same header again? Learns the format from the first line. */
static bool is_header(struct mri_csv_file *file, const struct mri_line *line)
{
    if (file->format != MRI_CSV_UNDECIDED) {
        return file->header_bytes > 0 && line->text.count == file->header_bytes &&
               memcmp(line->text.bytes, file->header, file->header_bytes) == 0;
    }
    bool is_first_header;
    file->format = mri_csv_row_format(line->text, &is_first_header);
    if (is_first_header && line->text.count <= HEADER_BYTES_MAX) {
        file->header_bytes = line->text.count;
        memcpy(file->header, line->text.bytes, line->text.count);
    }
    return is_first_header;
}

/** Cut a line into columns, or say why not. */
static enum mri_reason check_line(struct mri_csv_file *file, const struct mri_line *line,
    struct mri_slice columns[static MRI_CSV_COLUMNS_MAX])
{
    if (line->is_torn) {
        return MRI_REASON_ROW_TORN;
    }
    bool is_known = file->format == MRI_CSV_BARS || file->format == MRI_CSV_KLINES;
    return is_known && mri_csv_row_split(line->text, file->format, columns, NULL)
               ? MRI_REASON_NONE
               : MRI_REASON_ROW_COLUMNS;
}

static enum mri_reason check_order(struct mri_csv_file *file, uint32_t spec, int64_t time_unix_ns)
{
    int64_t last = file->last_times[spec];
    if (time_unix_ns <= last) {
        return time_unix_ns == last ? MRI_REASON_ROW_DUPLICATE : MRI_REASON_ROW_BACKWARDS;
    }
    file->last_times[spec] = time_unix_ns;
    return MRI_REASON_NONE;
}

/** A row of a symbol that nobody knows: is it the one to report? The others are counted. */
static bool is_first_unknown(struct spelling *spelling, uint64_t line_number)
{
    if (spelling == NULL || !spelling->is_reported) {
        if (spelling != NULL) {
            spelling->is_reported = true;
        }
        return true;
    }
    if (spelling->more_count == 0) {
        spelling->more_line = line_number;
    }
    spelling->more_count++;
    return false;
}

/** Does a reader with these options give rows of this spec? */
static bool is_wanted(const struct mri_csv_file_options *options, uint32_t spec)
{
    return options->only == MRI_CSV_NO_SPEC || spec == options->only ||
           (spec == MRI_CSV_NO_SPEC && options->is_first);
}

/** Lies this line before or after all that is wanted? Behind the last such line reading ends. */
static bool is_skipped(struct mri_csv_file *file, uint64_t line_number)
{
    const struct mri_csv_file_options *options = &file->options;
    if (options->only == MRI_CSV_NO_SPEC || options->is_first) {
        return false;
    }
    file->is_read = line_number >= options->last_line;
    return line_number < options->first_line || line_number > options->last_line;
}

/** Fill in what a row is; false when it is not to be given. */
static bool examine(
    struct mri_csv_file *file, const struct mri_line *line, struct mri_csv_finding *finding)
{
    struct mri_slice columns[MRI_CSV_COLUMNS_MAX];
    bool is_bad_text = line->is_too_long || !is_text(line->text);
    if (line->text.count == 0 || (!is_bad_text && is_header(file, line))) {
        return false;
    }
    file->row_count++;
    if (is_skipped(file, line->number)) {
        return false;
    }
    enum mri_reason reason = is_bad_text ? MRI_REASON_ROW_TEXT : check_line(file, line, columns);
    bool is_named = file->format == MRI_CSV_KLINES || reason == MRI_REASON_NONE;
    struct mri_slice symbol = {0};
    struct spelling *spelling = NULL;
    uint32_t spec = MRI_CSV_NO_SPEC;
    if (is_named) {
        symbol = file->format == MRI_CSV_KLINES ? symbol_of_name(file->options.name)
                                                : mri_csv_row_symbol(columns);
        spelling = find_spelling(file, symbol);
        spec = spelling == NULL ? find_spec(file, symbol) : spelling->spec;
    }
    if (!is_wanted(&file->options, spec)) {
        return false;
    }
    if (reason == MRI_REASON_NONE && spec == MRI_CSV_NO_SPEC) {
        reason = MRI_REASON_ROW_UNKNOWN_SYMBOL;
        if (!is_first_unknown(spelling, line->number)) {
            return false;
        }
    }
    if (reason == MRI_REASON_NONE) {
        reason = mri_csv_row_parse(
            columns, file->format, file->options.specs[spec].price_decimals, &finding->row);
    }
    if (reason == MRI_REASON_NONE) {
        reason = check_order(file, spec, finding->row.time_unix_ns);
    }
    finding->reason = reason;
    finding->format = file->format;
    finding->spec = spec;
    finding->line = line->number;
    finding->text = line->text;
    return true;
}

/** After the last line: what the file as a whole has to say. */
static mr_err close_next(struct mri_csv_file *file, struct mri_csv_finding *ret_finding)
{
    bool is_speaker = file->options.only == MRI_CSV_NO_SPEC || file->options.is_first;
    for (; is_speaker && file->closing < file->spelling_texts.count; file->closing++) {
        const struct spelling *spelling = &file->spellings[file->closing];
        if (spelling->more_count > 0) {
            struct mri_slice symbol = mri_intern_text(&file->spelling_texts, file->closing);
            (void)snprintf(file->note, sizeof(file->note), "%llu more rows of %.*s",
                (unsigned long long)spelling->more_count, (int)symbol.count, symbol.bytes);
            *ret_finding = (struct mri_csv_finding){.reason = MRI_REASON_ROW_UNKNOWN_SYMBOL,
                .spec = MRI_CSV_NO_SPEC,
                .line = spelling->more_line,
                .text = mri_slice_of(file->note)};
            file->closing++;
            return MR_OK;
        }
    }
    if (!is_speaker || file->is_closed) {
        return MR_END;
    }
    file->is_closed = true;
    if (!file->is_damaged && file->row_count > 0) {
        return MR_END;
    }
    *ret_finding = (struct mri_csv_finding){
        .reason = file->is_damaged ? MRI_REASON_FILE_DAMAGED : MRI_REASON_FILE_EMPTY,
        .spec = MRI_CSV_NO_SPEC,
        .text = mri_slice_of(file->is_damaged ? file->damage.text : ""),
    };
    return MR_OK;
}

mr_err mri_csv_file_next(
    struct mri_csv_file *file, struct mri_csv_finding *ret_finding, mr_problem *reterr_problem)
{
    MRI_ASSERT(file->magic == FILE_MAGIC);
    while (!file->is_read) {
        struct mri_line line;
        mr_err err = mri_line_reader_next(file->reader, &line, &file->damage);
        if (err == MR_OK && examine(file, &line, ret_finding)) {
            return MR_OK;
        }
        file->is_damaged = err == MR_ECORRUPT;
        file->is_read = file->is_read || err == MR_END || file->is_damaged;
        if (err < MR_OK && !file->is_damaged) {
            return mri_problem(
                reterr_problem, err, "%s: %s", file->options.path, file->damage.text);
        }
    }
    return close_next(file, ret_finding);
}

struct mri_line_progress mri_csv_file_progress(const struct mri_csv_file *file)
{
    MRI_ASSERT(file->magic == FILE_MAGIC);
    return mri_line_reader_progress(file->reader);
}

static mr_err get_memory(struct mri_csv_file *file)
{
    void *block;
    mr_err err =
        mri_alloc_array(file->alloc, file->spelling_count_max, sizeof(struct spelling), &block);
    if (err != MR_OK) {
        return err;
    }
    file->spellings = block;
    err = mri_alloc_array(file->alloc, file->options.spec_count, sizeof(int64_t), &block);
    if (err != MR_OK) {
        return err;
    }
    file->last_times = block;
    return mri_intern_init(&file->spelling_texts, file->alloc, file->spelling_count_max);
}

mr_err mri_csv_file_open(const struct mri_os *os, const struct mri_alloc *alloc,
    const struct mri_csv_file_options *options, struct mri_csv_file **ret_file,
    mr_problem *reterr_problem)
{
    void *block;
    mr_err err = mri_alloc_array(alloc, 1, sizeof(struct mri_csv_file), &block);
    if (err != MR_OK) {
        return mri_problem(reterr_problem, err, "%s", mr_err_text(err));
    }
    struct mri_csv_file *file = block;
    file->magic = FILE_MAGIC;
    file->alloc = alloc;
    file->options = *options;
    file->spelling_count_max = options->spec_count + options->spelling_count + SPELLINGS_EXTRA;
    err = get_memory(file);
    if (err != MR_OK) {
        mri_csv_file_close(file);
        return mri_problem(reterr_problem, err, "%s", mr_err_text(err));
    }
    struct mri_line_source source = {
        .path = options->path, .line_bytes_max = MRI_CSV_ROW_BYTES_MAX};
    err = mri_line_reader_open(os, alloc, &source, &file->reader, reterr_problem);
    if (err != MR_OK) {
        mri_csv_file_close(file);
        return err;
    }
    *ret_file = file;
    return MR_OK;
}

void mri_csv_file_close(struct mri_csv_file *file)
{
    if (file == NULL) {
        return;
    }
    MRI_ASSERT(file->magic == FILE_MAGIC);
    mri_line_reader_close(file->reader);
    mri_intern_fini(&file->spelling_texts);
    mri_alloc_free(file->alloc, file->last_times, file->options.spec_count * sizeof(int64_t));
    mri_alloc_free(
        file->alloc, file->spellings, file->spelling_count_max * sizeof(struct spelling));
    file->magic = 0;
    mri_alloc_free(file->alloc, file, sizeof(*file));
}
