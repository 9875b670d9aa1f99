/* SPDX-License-Identifier: MIT */
/*
 * Looking through signals, a block at a time: each condition takes out of a list of ordinals what
 * does not pass, without a branch a signal.
 *
 * Groups are a counting sort over (rank of the first text, rank of the second). Who only counts
 * needs no more than how many there are in each; ordinals are put in order when one is asked for.
 *
 * Invariants
 *  1. In a group, and without groups, ordinals come in order; each signal that passes comes once
 *     (with is_once, once a group).
 *  2. `position` counts the signals passed on, so sorted[position] is where it stands, whenever the
 *     sorting is done; with is_once nobody asks, since nothing else of a row is read.
 */
#include "sql/signal_scan.h"

#include <sqlite3.h>
#include <string.h>

/** How many the bus's own indexes are asked for before all signals are looked through. */
enum { FIND_FIRST = 256, BLOCKS_A_LOOK = 32 };

void mri_signal_scan_init(
    struct mri_signal_scan *scan, struct mri_signal_rows *rows, struct mri_guard *guard)
{
    scan->rows = rows;
    scan->guard = guard;
    scan->filter = (struct mri_signal_filter){
        .low = 1,
        .high = rows->count,
        .time_unix_ns = {.low = INT64_MIN, .high = INT64_MAX},
        .moved_seq = {.low = INT64_MIN, .high = INT64_MAX},
        .last_seq = {.low = INT64_MIN, .high = INT64_MAX},
    };
    scan->is_descending = false;
    scan->is_over = false;
    scan->blocks = 0;
    scan->batch_count = 0;
    scan->batch_at = 0;
    scan->grouping = (struct mri_signal_grouping){0};
    scan->counts = NULL;
    scan->sorted = NULL;
    memset(scan->codes_of_ranks, 0, sizeof(scan->codes_of_ranks));
}

void mri_signal_scan_fini(struct mri_signal_scan *scan)
{
    if (scan == NULL || scan->rows == NULL) {
        return;
    }
    for (unsigned code = 0; code < MRI_SIGNAL_CODE_COUNT; code++) {
        sqlite3_free(scan->filter.pass[code]);
    }
    for (unsigned i = 0; i < MRI_SIGNAL_GROUP_COLUMNS; i++) {
        sqlite3_free(scan->codes_of_ranks[i]);
    }
    sqlite3_free(scan->counts);
    sqlite3_free(scan->sorted);
    scan->rows = NULL;
}

uint8_t *mri_signal_scan_pass(struct mri_signal_scan *scan, enum mri_signal_code code)
{
    uint32_t count = scan->rows->words[code].count;
    if (scan->filter.pass[code] == NULL) {
        scan->filter.pass[code] = sqlite3_malloc64(count);
        if (scan->filter.pass[code] != NULL) {
            memset(scan->filter.pass[code], 1, count);
        }
    }
    return scan->filter.pass[code];
}

/* ---- filter ---------------------------------------------------------------------------------- */

/** Keep of a list what passes a code. */
static uint32_t keep_code(
    const uint16_t *codes, const uint8_t *pass, uint32_t *ordinals, uint32_t count)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t ordinal = ordinals[i];
        ordinals[kept] = ordinal;
        kept += pass[codes[ordinal]];
    }
    return kept;
}

/** The same for a run of ordinals: there is no list yet. */
static uint32_t take_code(
    const uint16_t *codes, const uint8_t *pass, uint32_t first, uint32_t count, uint32_t *ordinals)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        ordinals[kept] = first + i;
        kept += pass[codes[first + i]];
    }
    return kept;
}

static bool is_in(const struct mri_signal_range *range, int64_t number)
{
    return number >= range->low && number <= range->high;
}

static uint32_t keep_time(
    const struct mri_signal_range *range, const int64_t *times, uint32_t *ordinals, uint32_t count)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        int64_t time = times[ordinals[i]];
        ordinals[kept] = ordinals[i];
        kept += (time >= range->low) & (time <= range->high);
    }
    return kept;
}

/** Are its seqs what is asked for? One that was never moved has no moved_seq. */
static bool has_seqs(const struct mri_signal_filter *filter, const struct mri_signal_row *row)
{
    bool is_moved = row->moved_seq != row->generated_seq;
    return (!filter->moved_seq.is_asked ||
               (is_moved && is_in(&filter->moved_seq, (int64_t)row->moved_seq))) &&
           is_in(&filter->last_seq, (int64_t)row->last_seq);
}

static uint32_t keep_seqs(const struct mri_signal_scan *scan, uint32_t *ordinals, uint32_t count)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct mri_signal_row row;
        ordinals[kept] = ordinals[i];
        kept += mri_signal_rows_get(scan->rows, ordinals[i], &row) && has_seqs(&scan->filter, &row);
    }
    return kept;
}

/** What passes of a run of ordinals. */
static mr_err select_run(struct mri_signal_scan *scan, uint32_t first, uint32_t count)
{
    const struct mri_signal_filter *filter = &scan->filter;
    bool is_listed = false;
    uint32_t kept = count;
    for (unsigned code = 0; code < MRI_SIGNAL_CODE_COUNT; code++) {
        if (filter->pass[code] == NULL) {
            continue;
        }
        const uint16_t *codes;
        mr_err err = mri_signal_rows_codes(scan->rows, (enum mri_signal_code)code, &codes);
        if (err != MR_OK) {
            return err;
        }
        kept = is_listed ? keep_code(codes, filter->pass[code], scan->batch, kept)
                         : take_code(codes, filter->pass[code], first, kept, scan->batch);
        is_listed = true;
    }
    for (uint32_t i = 0; i < count && !is_listed; i++) {
        scan->batch[i] = first + i;
    }
    if (filter->time_unix_ns.is_asked) {
        const int64_t *times;
        mr_err err = mri_signal_rows_times(scan->rows, &times);
        if (err != MR_OK) {
            return err;
        }
        kept = keep_time(&filter->time_unix_ns, times, scan->batch, kept);
    }
    if (filter->moved_seq.is_asked || filter->last_seq.is_asked) {
        kept = keep_seqs(scan, scan->batch, kept);
    }
    scan->batch_count = kept;
    return MR_OK;
}

static bool is_passing(const struct mri_signal_scan *scan, uint32_t ordinal)
{
    const struct mri_signal_filter *filter = &scan->filter;
    struct mri_signal_row row;
    if (ordinal < filter->low || ordinal > filter->high ||
        !mri_signal_rows_get(scan->rows, ordinal, &row)) {
        return false;
    }
    for (unsigned code = 0; code < MRI_SIGNAL_CODE_COUNT; code++) {
        if (filter->pass[code] != NULL && filter->pass[code][row.codes[code]] == 0) {
            return false;
        }
    }
    return is_in(&filter->time_unix_ns, row.event_time_unix_ns) && has_seqs(filter, &row);
}

/** The only code that passes; MRI_SIGNAL_ANY: there is none such. */
static uint32_t only_code(const struct mri_signal_scan *scan, enum mri_signal_code code)
{
    const uint8_t *pass = scan->filter.pass[code];
    uint32_t count = pass == NULL ? 0 : scan->rows->words[code].count;
    const uint8_t *found = count == 0 ? NULL : memchr(pass, 1, count);
    if (found == NULL || found == pass) {
        return MRI_SIGNAL_ANY;
    }
    size_t behind = count - (size_t)(found + 1 - pass);
    return memchr(found + 1, 1, behind) == NULL ? (uint32_t)(found - pass) : MRI_SIGNAL_ANY;
}

/** Can nothing pass? */
static bool is_impossible(const struct mri_signal_scan *scan)
{
    const struct mri_signal_filter *filter = &scan->filter;
    bool is_none = filter->low > filter->high ||
                   filter->time_unix_ns.low > filter->time_unix_ns.high ||
                   filter->moved_seq.low > filter->moved_seq.high ||
                   filter->last_seq.low > filter->last_seq.high;
    for (unsigned code = 0; code < MRI_SIGNAL_CODE_COUNT && !is_none; code++) {
        is_none = filter->pass[code] != NULL &&
                  memchr(filter->pass[code], 1, scan->rows->words[code].count) == NULL;
    }
    return is_none;
}

/* ---- in order of creation -------------------------------------------------------------------- */

/** Go on behind an ordinal. */
static void go_behind(struct mri_signal_scan *scan, uint32_t ordinal)
{
    const struct mri_signal_filter *filter = &scan->filter;
    if (scan->is_descending) {
        scan->is_over = ordinal <= filter->low;
        scan->next = ordinal - 1 < filter->high ? ordinal - 1 : filter->high;
    } else {
        scan->is_over = ordinal >= filter->high;
        scan->next = ordinal + 1 > filter->low ? ordinal + 1 : filter->low;
    }
}

/** Ask the bus's indexes first: for a few of a state, symbol or source nothing else is read. */
static mr_err find_first(struct mri_signal_scan *scan)
{
    struct mri_signal_find find = {
        .state = only_code(scan, MRI_SIGNAL_CODE_state),
        .symbol = only_code(scan, MRI_SIGNAL_CODE_symbol),
        .source = only_code(scan, MRI_SIGNAL_CODE_source),
        .is_ascending = !scan->is_descending,
    };
    uint32_t wanted = scan->filter.limit == 0 ? FIND_FIRST : scan->filter.limit;
    wanted += scan->filter.offset < MRI_SIGNAL_BATCH ? scan->filter.offset : MRI_SIGNAL_BATCH;
    if (find.state == MRI_SIGNAL_ANY && find.symbol == MRI_SIGNAL_ANY &&
        find.source == MRI_SIGNAL_ANY) {
        return MR_OK;
    }
    uint32_t most = mri_signal_rows_most(scan->rows, &find);
    wanted = wanted < MRI_SIGNAL_BATCH ? wanted : MRI_SIGNAL_BATCH;
    find.limit = wanted < most ? wanted : most;
    uint32_t count = 0;
    bool is_cut = false;
    mr_err err = find.limit == 0
                     ? MR_OK
                     : mri_signal_rows_find(scan->rows, &find, scan->batch, &count, &is_cut);
    if (err != MR_OK) {
        return err;
    }
    if (count > 0) {
        go_behind(scan, scan->batch[count - 1]);
    }
    scan->is_over |= !is_cut;
    for (uint32_t i = 0; i < count; i++) {
        scan->batch[scan->batch_count] = scan->batch[i];
        scan->batch_count += is_passing(scan, scan->batch[i]);
    }
    return MR_OK;
}

static void reverse(uint32_t *ordinals, uint32_t count)
{
    for (uint32_t i = 0; i < count / 2; i++) {
        uint32_t other = ordinals[count - 1 - i];
        ordinals[count - 1 - i] = ordinals[i];
        ordinals[i] = other;
    }
}

/** Look at the next block. */
static mr_err look_on(struct mri_signal_scan *scan)
{
    const struct mri_signal_filter *filter = &scan->filter;
    uint32_t left = scan->is_descending ? scan->next - filter->low : filter->high - scan->next;
    uint32_t count = left < MRI_SIGNAL_BATCH ? left + 1 : MRI_SIGNAL_BATCH;
    uint32_t first = scan->is_descending ? scan->next - (count - 1) : scan->next;
    if (scan->blocks++ % BLOCKS_A_LOOK == 0 && mri_guard_is_over(scan->guard)) {
        return MR_AGAIN;
    }
    mr_err err = select_run(scan, first, count);
    if (err == MR_OK) {
        go_behind(scan, scan->is_descending ? first : first + count - 1);
    }
    if (scan->is_descending) {
        reverse(scan->batch, scan->batch_count);
    }
    return err;
}

static mr_err fill(struct mri_signal_scan *scan)
{
    scan->batch_at = 0;
    scan->batch_count = 0;
    while (scan->batch_count == 0 && !scan->is_over) {
        mr_err err = look_on(scan);
        if (err != MR_OK) {
            return err;
        }
    }
    return MR_OK;
}

/** Does every ordinal between low and high pass? */
static bool is_run(const struct mri_signal_filter *filter)
{
    bool is_all =
        !filter->time_unix_ns.is_asked && !filter->moved_seq.is_asked && !filter->last_seq.is_asked;
    for (unsigned code = 0; code < MRI_SIGNAL_CODE_COUNT; code++) {
        is_all &= filter->pass[code] == NULL;
    }
    return is_all;
}

/** Leave the first ones out without looking at them, when each is a row. */
static void jump(struct mri_signal_scan *scan)
{
    struct mri_signal_filter *filter = &scan->filter;
    if (filter->offset == 0 || filter->low > filter->high || !is_run(filter)) {
        return;
    }
    if (filter->offset > filter->high - filter->low) {
        filter->low = filter->high + 1;
    } else if (scan->is_descending) {
        filter->high -= filter->offset;
    } else {
        filter->low += filter->offset;
    }
    filter->offset = 0;
}

/** The same for those that were found. */
static mr_err leave_out(struct mri_signal_scan *scan)
{
    mr_err err = MR_OK;
    uint32_t left = scan->filter.offset;
    while (err == MR_OK && left > 0 && scan->batch_count > 0) {
        uint32_t count = left < scan->batch_count ? left : scan->batch_count;
        left -= count;
        scan->batch_at = count;
        err = count == scan->batch_count ? fill(scan) : MR_OK;
    }
    return err;
}

static mr_err start(struct mri_signal_scan *scan)
{
    scan->next = scan->is_descending ? scan->filter.high : scan->filter.low;
    scan->is_over = is_impossible(scan);
    scan->batch_at = 0;
    scan->batch_count = 0;
    if (scan->is_over) {
        return MR_OK;
    }
    mr_err err = find_first(scan);
    return err == MR_OK && scan->batch_count == 0 ? fill(scan) : err;
}

/* ---- groups ---------------------------------------------------------------------------------- */

/** The ranks of a grouped column, turned when it is descending, and their codes. */
struct ranks {
    const uint16_t *codes; /**< by ordinal */
    uint32_t *places;      /**< by code */
    uint32_t count;
};

static mr_err make_ranks(struct mri_signal_scan *scan, unsigned column, struct ranks *ranks)
{
    enum mri_signal_code code = scan->grouping.codes[column];
    const struct mri_signal_words *words = &scan->rows->words[code];
    mr_err err = mri_signal_rows_codes(scan->rows, code, &ranks->codes);
    if (err != MR_OK) {
        return err;
    }
    ranks->places = sqlite3_malloc64(words->count * sizeof(uint32_t));
    scan->codes_of_ranks[column] = sqlite3_malloc64(words->count * sizeof(uint32_t));
    if (ranks->places == NULL || scan->codes_of_ranks[column] == NULL) {
        sqlite3_free(ranks->places);
        ranks->places = NULL;
        return MR_ENOMEM;
    }
    uint32_t highest = 0;
    for (uint32_t i = 0; i < words->count; i++) {
        highest = words->ranks[i] > highest ? words->ranks[i] : highest;
    }
    ranks->count = highest + 1;
    for (uint32_t i = words->count; i-- > 0;) { /* of several for NULL the first stays: 0 */
        bool is_turned = scan->grouping.is_descending[column];
        ranks->places[i] = is_turned ? highest - words->ranks[i] : words->ranks[i];
        scan->codes_of_ranks[column][ranks->places[i]] = i;
    }
    return MR_OK;
}

static inline uint32_t group_of(
    const struct mri_signal_scan *scan, const struct ranks *ranks, uint32_t ordinal)
{
    uint32_t group = ranks[0].places[ranks[0].codes[ordinal]];
    return scan->grouping.count == 1
               ? group
               : group * scan->radix + ranks[1].places[ranks[1].codes[ordinal]];
}

/** Ordinals into order: each group's counter runs from where it begins to where it ends. */
static mr_err sort_all(struct mri_signal_scan *scan, const struct ranks *ranks)
{
    uint32_t *at = sqlite3_malloc64(scan->group_count * sizeof(uint32_t));
    scan->sorted = sqlite3_malloc64((scan->total + 1) * sizeof(uint32_t));
    if (at == NULL || scan->sorted == NULL) {
        sqlite3_free(at);
        return MR_ENOMEM;
    }
    uint32_t begin = 0;
    for (uint32_t i = 0; i < scan->group_count; i++) {
        at[i] = begin;
        begin += scan->counts[i];
    }
    mr_err err = start(scan);
    while (err == MR_OK && scan->batch_count > 0) {
        for (uint32_t i = 0; i < scan->batch_count; i++) {
            scan->sorted[at[group_of(scan, ranks, scan->batch[i])]++] = scan->batch[i];
        }
        err = fill(scan);
    }
    sqlite3_free(at);
    return err;
}

static mr_err count_all(struct mri_signal_scan *scan, const struct ranks *ranks)
{
    mr_err err = start(scan);
    while (err == MR_OK && scan->batch_count > 0) {
        for (uint32_t i = 0; i < scan->batch_count; i++) {
            scan->counts[group_of(scan, ranks, scan->batch[i])]++;
        }
        scan->total += scan->batch_count;
        err = fill(scan);
    }
    return err;
}

/** Do it with the ranks of the grouped columns: count, or sort. */
static mr_err with_ranks(struct mri_signal_scan *scan,
    mr_err (*work)(struct mri_signal_scan *scan, const struct ranks *ranks))
{
    struct ranks ranks[MRI_SIGNAL_GROUP_COLUMNS] = {{0}};
    mr_err err = MR_OK;
    for (unsigned i = 0; i < scan->grouping.count && err == MR_OK; i++) {
        sqlite3_free(scan->codes_of_ranks[i]);
        scan->codes_of_ranks[i] = NULL;
        err = make_ranks(scan, i, &ranks[i]);
    }
    if (err == MR_OK && scan->counts == NULL) {
        scan->radix = scan->grouping.count == 1 ? 1 : ranks[1].count;
        scan->group_count = ranks[0].count * scan->radix;
        scan->counts = sqlite3_malloc64(scan->group_count * sizeof(uint32_t));
        if (scan->counts != NULL) {
            memset(scan->counts, 0, scan->group_count * sizeof(uint32_t));
        }
        err = scan->counts == NULL ? MR_ENOMEM : MR_OK;
    }
    if (err == MR_OK) {
        err = work(scan, ranks);
    }
    for (unsigned i = 0; i < MRI_SIGNAL_GROUP_COLUMNS; i++) {
        sqlite3_free(ranks[i].places);
    }
    return err;
}

/** Stand on the first signal of the next group that has one, from `group` on. */
static void enter_group(struct mri_signal_scan *scan)
{
    while (scan->group < scan->group_count && scan->counts[scan->group] == 0) {
        scan->group++;
    }
    scan->left = scan->group == scan->group_count ? 0
                 : scan->grouping.is_once         ? 1
                                                  : scan->counts[scan->group];
}

static void leave_group(struct mri_signal_scan *scan)
{
    scan->group++;
    enter_group(scan);
}

/* ---- both ------------------------------------------------------------------------------------ */

mr_err mri_signal_scan_begin(struct mri_signal_scan *scan)
{
    if (scan->grouping.count == 0) {
        jump(scan);
        mr_err err = start(scan);
        return err == MR_OK ? leave_out(scan) : err;
    }
    scan->is_descending = false;
    scan->total = 0;
    scan->position = 0;
    scan->group = 0;
    mr_err err = with_ranks(scan, count_all);
    if (err == MR_OK) {
        enter_group(scan);
    }
    return err;
}

mr_err mri_signal_scan_next(struct mri_signal_scan *scan)
{
    if (scan->grouping.count > 0) {
        scan->position++;
        if (--scan->left == 0) {
            leave_group(scan);
        }
        return MR_OK;
    }
    return ++scan->batch_at < scan->batch_count ? MR_OK : fill(scan);
}

bool mri_signal_scan_is_end(const struct mri_signal_scan *scan)
{
    return scan->grouping.count > 0 ? scan->left == 0 : scan->batch_at == scan->batch_count;
}

mr_err mri_signal_scan_ordinal(struct mri_signal_scan *scan, uint32_t *ret_ordinal)
{
    if (scan->grouping.count == 0) {
        *ret_ordinal = scan->batch[scan->batch_at];
        return MR_OK;
    }
    mr_err err = scan->sorted == NULL ? with_ranks(scan, sort_all) : MR_OK;
    if (err == MR_OK) {
        *ret_ordinal = scan->sorted[scan->position];
    }
    return err;
}

bool mri_signal_scan_group_code(
    const struct mri_signal_scan *scan, enum mri_signal_code code, uint32_t *ret_code)
{
    for (unsigned i = 0; i < scan->grouping.count; i++) {
        if (scan->grouping.codes[i] == code) {
            uint32_t rank = i == 0 && scan->grouping.count == 2 ? scan->group / scan->radix
                            : scan->grouping.count == 2         ? scan->group % scan->radix
                                                                : scan->group;
            *ret_code = scan->codes_of_ranks[i][rank];
            return true;
        }
    }
    return false;
}
