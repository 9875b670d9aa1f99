/* SPDX-License-Identifier: MIT */
/*
 * The feed of candle files: find the files, survey them, merge them (csv_merge.c).
 *
 * The survey reads every file once before the first item is given out, because the feed must say
 * then which instruments it has data for and what its identity is. It also tells when a file has to
 * be opened, and whether its rows are in order of time. A file where they are only so for each
 * symbol (files put together one after the other) gets a lane for each symbol.
 *
 * Invariants
 *  1. The identity depends on the first bar of each symbol and the symbols' order alone, not on how
 *     the bars are spread over files or where these lie.
 *  2. `instruments` keeps the order of the specs.
 */
#include "feeds/csv.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/problem.h"
#include "feeds/csv_merge.h"
#include "os/digest.h"

enum {
    CSV_MAGIC = 0x43535620,
    PATHS_BYTES_MAX = 64 * 1024 * 1024,
    FILES_MAX = 256 * 1024,
    LANES_MAX = 1024 * 1024,
};

/** What a file holds of one spec. */
struct holding {
    bool has_bar;
    struct mri_csv_row first;
    uint64_t first_line; /* of all its rows, good or bad; 0 = there is none */
    uint64_t last_line;
};

struct csv {
    uint32_t magic;
    const struct mri_os *os;
    const struct mri_alloc *alloc;
    struct mri_instrument_spec *specs; /* all that were asked for */
    uint32_t spec_count;
    struct mri_spelling *spellings;
    uint32_t spelling_count;
    struct mri_instrument_spec *instruments; /* those with data */
    uint32_t instrument_count;
    uint32_t *instrument_of_spec;
    struct mri_buf paths;     /* texts with their NUL */
    struct mri_buf path_list; /* of const char *: the texts in order of name */
    struct mri_buf lanes;     /* of struct mri_csv_lane */
    struct mri_csv_merge *merge;
};

/** A survey of all files under way. */
struct survey {
    struct csv *csv;
    struct holding *firsts;         /* of each spec, over all files */
    struct holding *holdings;       /* of each spec, in the file under survey */
    bool is_in_order;               /* the file's bars, whatever their symbol */
    int64_t last_time;              /* of the file's bars */
    uint64_t refused_count;         /* rows and files that are problems */
    enum mri_reason refused_reason; /* of the first of them */
    mr_problem refused_columns;     /* what is wrong with its columns; "": it is something else */
    uint64_t refused_line;
    const char *refused_path;
};

static bool ends_in(struct mri_slice name, const char *suffix)
{
    size_t bytes = strlen(suffix);
    return name.count >= bytes && memcmp(name.bytes + name.count - bytes, suffix, bytes) == 0;
}

/** The last part of a path. */
static struct mri_slice name_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return mri_slice_of(slash == NULL ? path : slash + 1);
}

/** Pipes and devices are not opened: that can block, and what they give cannot be read again. */
static mr_err refuse_irregular(const char *path, mr_problem *problem)
{
    return mri_problem(problem, MR_REFUSED,
        "%s: neither a file nor a folder, and a feed is read more than once", path);
}

static mr_err add_path(struct csv *csv, const char *path)
{
    mri_buf_put(&csv->paths, path, strlen(path) + 1);
    return csv->paths.err;
}

/** A folder being listed. */
struct listing {
    struct csv *csv;
    const char *folder;
    mr_problem *problem;
};

static mr_err list_one(void *argument, const char *name)
{
    const struct listing *listing = argument;
    const struct mri_os *os = listing->csv->os;
    struct mri_slice slice = mri_slice_of(name);
    if (name[0] == '.' || !(ends_in(slice, ".csv") || ends_in(slice, ".csv.gz"))) {
        return MR_OK;
    }
    char path[MRI_PATH_BYTES_MAX];
    struct mri_file_info info;
    mr_err err = mri_os_path(listing->folder, name, path);
    if (err == MR_OK) {
        err = os->info(os->context, path, &info);
    }
    if (err == MR_OK && !info.is_folder && !info.is_regular) {
        return refuse_irregular(path, listing->problem);
    }
    if (err == MR_OK && !info.is_folder) {
        err = add_path(listing->csv, path);
    }
    if (err != MR_OK) {
        (void)mri_problem(
            listing->problem, err, "%s/%s: %s", listing->folder, name, mr_err_text(err));
    }
    return err;
}

static int compare_paths(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

/** Sort the paths by name, once all are there and no longer move. */
static mr_err order_paths(struct csv *csv)
{
    const char *path;
    for (size_t i = 0; i < csv->paths.count; i += strlen(path) + 1) {
        path = (const char *)csv->paths.bytes + i;
        mri_buf_put(&csv->path_list, &path, sizeof(path));
    }
    if (csv->path_list.count > 0 && csv->path_list.err == MR_OK) {
        qsort(
            csv->path_list.bytes, csv->path_list.count / sizeof(path), sizeof(path), compare_paths);
    }
    return csv->path_list.err;
}

static mr_err find_files(struct csv *csv, const char *path, mr_problem *problem)
{
    const struct mri_os *os = csv->os;
    struct mri_file_info info;
    mr_err err = os->info(os->context, path, &info);
    if (err != MR_OK) {
        return mri_problem(problem, err, "%s: %s", path, mr_err_text(err));
    }
    if (!info.is_folder && !info.is_regular) {
        return refuse_irregular(path, problem);
    }
    if (info.is_folder) {
        struct listing listing = {.csv = csv, .folder = path, .problem = problem};
        (void)mri_problem(problem, MR_EIO, "%s: cannot be listed", path); /* unless a file says */
        err = os->list(os->context, path, &listing, list_one);
    } else {
        err = add_path(csv, path);
    }
    if (err == MR_OK) {
        err = order_paths(csv);
    }
    if (err == MR_OK && csv->paths.count == 0) {
        err = mri_problem(problem, MR_REFUSED, "%s: no *.csv or *.csv.gz in this folder", path);
    }
    return err;
}

/** Note one row of the file under survey. */
static void note(struct survey *survey, const struct mri_csv_finding *finding, const char *path)
{
    bool is_bar = finding->reason == MRI_REASON_NONE;
    if (!is_bar && survey->refused_count++ == 0) {
        survey->refused_reason = finding->reason;
        survey->refused_line = finding->line;
        survey->refused_path = path;
        if (finding->reason == MRI_REASON_ROW_COLUMNS) {
            mri_csv_row_explain(finding->text, finding->format, &survey->refused_columns);
        }
    }
    if (finding->spec == MRI_CSV_NO_SPEC) {
        return;
    }
    struct holding *holding = &survey->holdings[finding->spec];
    holding->first_line = holding->first_line == 0 ? finding->line : holding->first_line;
    holding->last_line = finding->line;
    if (is_bar) {
        int64_t time = finding->row.time_unix_ns;
        survey->is_in_order = survey->is_in_order && time >= survey->last_time;
        survey->last_time = time;
        if (!holding->has_bar) {
            holding->has_bar = true;
            holding->first = finding->row;
        }
    }
}

/** Add what the file holds to what all hold; the earliest first bar of a spec counts. */
static int64_t merge_holdings(struct survey *survey)
{
    int64_t first_time = INT64_MAX;
    for (uint32_t i = 0; i < survey->csv->spec_count; i++) {
        const struct holding *holding = &survey->holdings[i];
        struct holding *first = &survey->firsts[i];
        if (!holding->has_bar) {
            continue;
        }
        int64_t time = holding->first.time_unix_ns;
        first_time = time < first_time ? time : first_time;
        if (!first->has_bar || time < first->first.time_unix_ns) {
            *first = *holding;
        }
    }
    return first_time;
}

/** A lane for the whole file; or, when only the rows of each symbol are in order, one for each. */
static void add_lanes(struct survey *survey, struct mri_csv_lane *lane)
{
    struct mri_buf *lanes = &survey->csv->lanes;
    lane->first_time_unix_ns = merge_holdings(survey);
    if (survey->is_in_order) {
        mri_buf_put(lanes, lane, sizeof(*lane));
        return;
    }
    lane->file.is_first = true;
    for (uint32_t i = 0; i < survey->csv->spec_count; i++) {
        const struct holding *holding = &survey->holdings[i];
        if (holding->first_line != 0) {
            lane->file.only = i;
            lane->file.first_line = holding->first_line;
            lane->file.last_line = holding->last_line;
            lane->first_time_unix_ns = holding->has_bar ? holding->first.time_unix_ns : INT64_MAX;
            mri_buf_put(lanes, lane, sizeof(*lane));
            lane->file.is_first = false;
        }
    }
}

static mr_err survey_file(struct survey *survey, const char *path, mr_problem *problem)
{
    struct csv *csv = survey->csv;
    struct mri_csv_lane lane = {
        .file = {.path = path,
            .name = name_of(path),
            .specs = csv->specs,
            .spec_count = csv->spec_count,
            .spellings = csv->spellings,
            .spelling_count = csv->spelling_count,
            .only = MRI_CSV_NO_SPEC},
    };
    memset(survey->holdings, 0, csv->spec_count * sizeof(survey->holdings[0]));
    survey->is_in_order = true;
    survey->last_time = INT64_MIN;
    struct mri_csv_file *file;
    mr_err err = mri_csv_file_open(csv->os, csv->alloc, &lane.file, &file, problem);
    if (err != MR_OK) {
        return err;
    }
    struct mri_csv_finding finding;
    while ((err = mri_csv_file_next(file, &finding, problem)) == MR_OK) {
        note(survey, &finding, path);
    }
    lane.bytes = mri_csv_file_progress(file).total_bytes;
    mri_csv_file_close(file);
    if (err != MR_END) {
        return err;
    }
    add_lanes(survey, &lane);
    return csv->lanes.err;
}

static const char *about_reason(enum mri_reason reason)
{
    const struct mri_vocabulary *reasons = mri_vocabulary(MRI_VOCABULARY_reason);
    for (size_t i = 0; i < reasons->count; i++) {
        if (reasons->words[i].value == reason) {
            return reasons->words[i].about;
        }
    }
    return "?";
}

/** Nothing is usable: say so, and what stood in the way first. */
static mr_err refuse(const struct survey *survey, const char *path, mr_problem *problem)
{
    if (survey->refused_line == 0) {
        return mri_problem(problem, MR_REFUSED, "%s: not one usable bar: %s",
            survey->refused_path == NULL ? path : survey->refused_path,
            about_reason(survey->refused_reason));
    }
    bool is_columns = survey->refused_columns.text[0] != '\0';
    return mri_problem(problem, MR_REFUSED,
        "%s: not one usable bar among %llu problems, the first: %s, line %llu: %s", path,
        (unsigned long long)survey->refused_count, survey->refused_path,
        (unsigned long long)survey->refused_line,
        is_columns ? survey->refused_columns.text : about_reason(survey->refused_reason));
}

/** Keep the instruments that have data. */
static mr_err choose_instruments(struct survey *survey, const char *path, mr_problem *problem)
{
    struct csv *csv = survey->csv;
    for (uint32_t i = 0; i < csv->spec_count; i++) {
        bool has_bar = survey->firsts[i].has_bar;
        csv->instrument_of_spec[i] = has_bar ? csv->instrument_count : MRI_CSV_NO_SPEC;
        if (has_bar) {
            csv->instruments[csv->instrument_count++] = csv->specs[i];
        }
    }
    if (csv->instrument_count > 0) {
        return MR_OK;
    }
    return refuse(survey, path, problem);
}

static void add_integer(struct mri_digest *digest, int64_t value)
{
    uint8_t bytes[8];
    for (unsigned i = 0; i < 8; i++) {
        bytes[i] = (uint8_t)((uint64_t)value >> (8 * i));
    }
    mri_digest_add(digest, bytes, sizeof(bytes));
}

/** SHA-256 over "csv" and each symbol's name with its NUL, first close time and prices (LE). */
static mr_err make_identity(const struct survey *survey, char text[static MRI_DIGEST_TEXT_BYTES])
{
    struct mri_digest digest;
    mr_err err = mri_digest_init(&digest);
    if (err != MR_OK) {
        return err;
    }
    mri_digest_add(&digest, "csv", 3);
    for (uint32_t i = 0; i < survey->csv->spec_count; i++) {
        const struct mri_csv_row *row = &survey->firsts[i].first;
        if (survey->firsts[i].has_bar) {
            const char *symbol = survey->csv->specs[i].symbol;
            mri_digest_add(&digest, symbol, strlen(symbol) + 1);
            add_integer(&digest, row->time_unix_ns);
            add_integer(&digest, row->candle.open);
            add_integer(&digest, row->candle.high);
            add_integer(&digest, row->candle.low);
            add_integer(&digest, row->candle.close);
        }
    }
    (void)mri_digest_text(&digest, text); /* returns text */
    mri_digest_fini(&digest);
    return MR_OK;
}

/** Read all files once; then everything but the merge itself is known. */
static mr_err make_survey(
    struct csv *csv, const char *path, char *ret_identity, mr_problem *problem)
{
    struct survey survey = {.csv = csv};
    void *block;
    size_t holding_bytes = 2 * (size_t)csv->spec_count * sizeof(struct holding);
    mr_err err = mri_alloc_array(csv->alloc, holding_bytes, 1, &block);
    if (err != MR_OK) {
        return err;
    }
    survey.firsts = block;
    survey.holdings = survey.firsts + csv->spec_count;
    size_t file_count = csv->path_list.count / sizeof(const char *);
    for (size_t i = 0; i < file_count && err == MR_OK; i++) {
        const char *file_path;
        memcpy(&file_path, csv->path_list.bytes + i * sizeof(file_path), sizeof(file_path));
        err = survey_file(&survey, file_path, problem);
    }
    if (err == MR_OK) {
        err = choose_instruments(&survey, path, problem);
    }
    if (err == MR_OK) {
        err = make_identity(&survey, ret_identity);
    }
    mri_alloc_free(csv->alloc, block, holding_bytes);
    return err;
}

static mr_err start_merge(struct csv *csv)
{
    struct mri_csv_merge_options options = {
        .lanes = (const struct mri_csv_lane *)(const void *)csv->lanes.bytes,
        .lane_count = (uint32_t)(csv->lanes.count / sizeof(struct mri_csv_lane)),
        .instruments = csv->instrument_of_spec,
        .instrument_count = csv->instrument_count,
    };
    return mri_csv_merge_open(csv->os, csv->alloc, &options, &csv->merge);
}

static mr_err csv_next(void *state, struct mri_feed_item *ret_item)
{
    struct csv *csv = state;
    MRI_ASSERT(csv->magic == CSV_MAGIC);
    return mri_csv_merge_next(csv->merge, ret_item);
}

static double csv_progress(const void *state)
{
    const struct csv *csv = state;
    return mri_csv_merge_progress(csv->merge);
}

static void csv_close(void *state)
{
    struct csv *csv = state;
    if (csv == NULL) {
        return;
    }
    MRI_ASSERT(csv->magic == CSV_MAGIC);
    mri_csv_merge_close(csv->merge);
    mri_buf_fini(&csv->lanes);
    mri_buf_fini(&csv->path_list);
    mri_buf_fini(&csv->paths);
    mri_alloc_free(csv->alloc, csv->instrument_of_spec, csv->spec_count * sizeof(uint32_t));
    mri_alloc_free(csv->alloc, csv->instruments, csv->spec_count * sizeof(csv->instruments[0]));
    mri_alloc_free(csv->alloc, csv->specs, csv->spec_count * sizeof(csv->specs[0]));
    mri_alloc_free(csv->alloc, csv->spellings, csv->spelling_count * sizeof(csv->spellings[0]));
    csv->magic = 0;
    mri_alloc_free(csv->alloc, csv, sizeof(*csv));
}

static mr_err get_memory(struct csv *csv, const struct mri_csv_options *options)
{
    size_t spec_bytes = sizeof(struct mri_instrument_spec);
    void *specs = NULL;
    void *instruments = NULL;
    void *numbers = NULL;
    void *spellings = NULL;
    mr_err err = mri_alloc_array(csv->alloc, options->spec_count, spec_bytes, &specs);
    csv->specs = specs;
    if (err == MR_OK) {
        memcpy(csv->specs, options->specs, options->spec_count * spec_bytes);
        err = mri_alloc_array(csv->alloc, options->spec_count, spec_bytes, &instruments);
        csv->instruments = instruments;
    }
    if (err == MR_OK) {
        err = mri_alloc_array(csv->alloc, options->spec_count, sizeof(uint32_t), &numbers);
        csv->instrument_of_spec = numbers;
    }
    if (err == MR_OK && options->spelling_count > 0) {
        size_t bytes = options->spelling_count * sizeof(csv->spellings[0]);
        err = mri_alloc_array(
            csv->alloc, options->spelling_count, sizeof(csv->spellings[0]), &spellings);
        if (err == MR_OK) {
            csv->spellings = spellings;
            csv->spelling_count = options->spelling_count;
            memcpy(csv->spellings, options->spellings, bytes);
        }
    }
    return err;
}

/** Faults that carry no text of their own get it here. */
static mr_err explain(mr_err err, const char *path, mr_problem *problem)
{
    if (err == MR_ENOMEM) {
        return mri_problem(problem, err, "%s: %s", path, mr_err_text(err));
    }
    return err == MR_FULL ? mri_problem(problem, MR_ELIMIT, "%s: too many files", path) : err;
}

mr_err mri_csv_open(const struct mri_os *os, const struct mri_alloc *alloc,
    const struct mri_csv_options *options, struct mri_feed *ret_feed, mr_problem *reterr_problem)
{
    if (options->spec_count == 0 || options->path == NULL) {
        return mri_problem(reterr_problem, MR_EINVAL, "no path or no instrument given");
    }
    struct mri_feed feed = {.next = csv_next, .progress = csv_progress, .close = csv_close};
    void *block;
    mr_err err = mri_alloc_array(alloc, 1, sizeof(struct csv), &block);
    if (err != MR_OK) {
        return mri_problem(reterr_problem, err, "%s", mr_err_text(err));
    }
    struct csv *csv = block;
    csv->magic = CSV_MAGIC;
    csv->os = os;
    csv->alloc = alloc;
    csv->spec_count = options->spec_count;
    mri_buf_init(&csv->paths, alloc, PATHS_BYTES_MAX);
    mri_buf_init(&csv->path_list, alloc, FILES_MAX * sizeof(const char *));
    mri_buf_init(&csv->lanes, alloc, LANES_MAX * sizeof(struct mri_csv_lane));
    err = get_memory(csv, options);
    if (err == MR_OK) {
        err = find_files(csv, options->path, reterr_problem);
    }
    if (err == MR_OK) {
        err = make_survey(csv, options->path, feed.identity, reterr_problem);
    }
    if (err == MR_OK) {
        err = start_merge(csv);
    }
    if (err != MR_OK) {
        csv_close(csv);
        return explain(err, options->path, reterr_problem);
    }
    feed.state = csv;
    feed.instruments = csv->instruments;
    feed.instrument_count = csv->instrument_count;
    *ret_feed = feed;
    return MR_OK;
}
