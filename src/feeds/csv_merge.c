/* SPDX-License-Identifier: MIT */
/*
 * Merging candle files by time, one round for each bar time.
 *
 *   lane 0: problems .. bar t | problems .. bar t+1      round t: 1. problems of all lanes before
 *   lane 1: bar t, problem, bar t | ...                              their bars of t
 *   lane 2: (opens when its first time has come)                  2. bars of t by instrument
 *
 * Invariants
 *  1. Every open lane holds its next bar, its head; all problems before it wait in the lane's
 *     queue.
 *  2. A round takes every head of its time. A bar of a time that its instrument has had already,
 *     from another file, becomes a problem of its lane and waits for the lane's next bar.
 *  3. Problems are ready when their lane's next bar was taken. Those that never become ready come
 *     in a last round, lane by lane.
 *  4. Nothing is allocated per row: problems wait in a pool. A lane whose problems find no room
 *     there (1,024 bad rows without a bar between them) counts the rest and reports them as one.
 *
 * A file that is changed while it is read cannot break the order: bars that come too late or belong
 * to an instrument that the survey did not see become problems.
 */
#include "feeds/csv_merge.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"

enum {
    MERGE_MAGIC = 0x4d455247,
    POOL_COUNT = 4096,
    WAITING_MAX = 1024,
    ROW_TEXT_BYTES = 120,
    MORE_TEXT_BYTES = 40,
    NO_ENTRY = -1,
};

/** A problem that waits for the time of its lane's next bar. */
struct waiting {
    int32_t next; /* in its lane's queue, or in the list of free ones */
    uint16_t reason;
    uint16_t row_bytes;
    uint32_t instrument;
    uint64_t line;
    char row[ROW_TEXT_BYTES];
};

/** Problems that found no room: the first of them, and how many. */
struct more {
    uint64_t count;
    uint64_t line;
    enum mri_reason reason;
};

/** The state of a lane. */
struct running {
    struct mri_csv_file *file; /* NULL: not open */
    bool was_opened;
    bool has_head;
    struct mri_csv_finding head;
    int32_t first; /* of the queue of waiting problems */
    int32_t last;
    uint32_t count;
    uint32_t ready; /* of these, how many have their time */
    struct more more;
    struct more ready_more;
};

struct mri_csv_merge {
    uint32_t magic;
    const struct mri_os *os;
    const struct mri_alloc *alloc;
    struct mri_csv_merge_options options;
    mr_err end; /* MR_OK: goes on */
    struct running *running;
    uint32_t *schedule; /* lanes that have a bar, by the time of their first */
    uint32_t schedule_count;
    uint32_t schedule_at;
    uint32_t *active; /* lanes of this round, in their order */
    uint32_t active_count;
    int64_t round_time_unix_ns;
    uint32_t problem_at; /* active lanes below have no ready problem left */
    uint32_t candle_at;  /* instruments below have been given */
    bool is_last_round;
    uint32_t last_round_at;          /* the next lane of the last round */
    struct mri_feed_candle *candles; /* of this round, by instrument */
    bool *has_candle;
    int64_t *last_times; /* of each instrument's newest bar */
    struct waiting *pool;
    int32_t free_entry;
    uint64_t done_bytes; /* of lanes that were read to their end */
    uint64_t total_bytes;
    char more_text[MORE_TEXT_BYTES];
};

static uint32_t instrument_of(const struct mri_csv_merge *merge, uint32_t spec)
{
    return spec == MRI_CSV_NO_SPEC ? MRI_CSV_NO_SPEC : merge->options.instruments[spec];
}

/** Put the row in `head` into the queue of its lane, as a problem. */
static void push_problem(struct mri_csv_merge *merge, struct running *lane, enum mri_reason reason)
{
    const struct mri_csv_finding *row = &lane->head;
    bool has_room = merge->free_entry != NO_ENTRY && lane->count - lane->ready < WAITING_MAX;
    if (lane->more.count > 0 || !has_room) {
        if (lane->more.count == 0) {
            lane->more = (struct more){.line = row->line, .reason = reason};
        }
        lane->more.count++;
        return;
    }
    int32_t index = merge->free_entry;
    struct waiting *entry = &merge->pool[index];
    merge->free_entry = entry->next;
    size_t bytes = row->text.count < ROW_TEXT_BYTES ? row->text.count : ROW_TEXT_BYTES;
    entry->next = NO_ENTRY;
    entry->reason = (uint16_t)reason;
    entry->row_bytes = (uint16_t)bytes;
    entry->instrument = instrument_of(merge, row->spec);
    entry->line = row->line;
    memcpy(entry->row, row->text.bytes, bytes);
    if (lane->count == 0) {
        lane->first = index;
    } else {
        merge->pool[lane->last].next = index;
    }
    lane->last = index;
    lane->count++;
}

/** The first problem of a lane's queue as an item. Its entry is free, and intact until the next
 * push. */
static void pop_problem(
    struct mri_csv_merge *merge, struct running *lane, struct mri_feed_item *item)
{
    MRI_ASSERT(lane->ready > 0 && lane->ready <= lane->count);
    int32_t index = lane->first;
    struct waiting *entry = &merge->pool[index];
    item->instrument = entry->instrument;
    item->problem.reason = entry->reason;
    item->problem.line = entry->line;
    item->problem.row = (struct mri_slice){.bytes = entry->row, .count = entry->row_bytes};
    lane->first = entry->next;
    lane->count--;
    lane->ready--;
    entry->next = merge->free_entry;
    merge->free_entry = index;
}

/** The rows of a lane that were only counted, as one item. */
static void pop_more(struct mri_csv_merge *merge, struct running *lane, struct mri_feed_item *item)
{
    (void)snprintf(merge->more_text, sizeof(merge->more_text), "%llu more rows",
        (unsigned long long)lane->ready_more.count);
    item->instrument = MRI_CSV_NO_SPEC;
    item->problem.reason = lane->ready_more.reason;
    item->problem.line = lane->ready_more.line;
    item->problem.row = mri_slice_of(merge->more_text);
    lane->ready_more = (struct more){0};
}

/** What waited has its time now. */
static void make_ready(struct running *lane)
{
    lane->ready = lane->count;
    if (lane->ready_more.count == 0) {
        lane->ready_more = lane->more;
    } else {
        lane->ready_more.count += lane->more.count;
    }
    lane->more = (struct more){0};
}

/** Read on to the lane's next bar; problems before it go into the queue. Closes at the end. */
static mr_err advance(struct mri_csv_merge *merge, uint32_t index)
{
    struct running *lane = &merge->running[index];
    lane->has_head = false;
    for (;;) {
        mr_err err = mri_csv_file_next(lane->file, &lane->head, NULL);
        if (err == MR_END) {
            mri_csv_file_close(lane->file);
            lane->file = NULL;
            merge->done_bytes += merge->options.lanes[index].bytes;
            return MR_OK;
        }
        if (err != MR_OK) {
            return err;
        }
        enum mri_reason reason = lane->head.reason;
        if (reason == MRI_REASON_NONE && instrument_of(merge, lane->head.spec) == MRI_CSV_NO_SPEC) {
            reason = MRI_REASON_ROW_UNKNOWN_SYMBOL;
        }
        if (reason == MRI_REASON_NONE && lane->head.row.time_unix_ns < merge->round_time_unix_ns) {
            reason = MRI_REASON_ROW_BACKWARDS;
        }
        if (reason == MRI_REASON_NONE) {
            lane->has_head = true;
            return MR_OK;
        }
        push_problem(merge, lane, reason);
    }
}

static mr_err open_lane(struct mri_csv_merge *merge, uint32_t index)
{
    struct running *lane = &merge->running[index];
    lane->was_opened = true;
    mr_err err = mri_csv_file_open(
        merge->os, merge->alloc, &merge->options.lanes[index].file, &lane->file, NULL);
    return err == MR_OK ? advance(merge, index) : err;
}

/** Add a lane to the active ones, which stay in the order of lanes. */
static void activate(struct mri_csv_merge *merge, uint32_t index)
{
    uint32_t at = merge->active_count++;
    for (; at > 0 && merge->active[at - 1] > index; at--) {
        merge->active[at] = merge->active[at - 1];
    }
    merge->active[at] = index;
}

/** Forget active lanes that were read to their end. What waits in their queues comes last. */
static void drop_finished(struct mri_csv_merge *merge)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < merge->active_count; i++) {
        if (merge->running[merge->active[i]].has_head) {
            merge->active[kept++] = merge->active[i];
        }
    }
    merge->active_count = kept;
}

/** Open the lanes whose time has come; ret_time is that of the next bar, INT64_MAX: there is none.
 */
static mr_err open_due(struct mri_csv_merge *merge, int64_t *ret_time)
{
    int64_t time = INT64_MAX;
    for (uint32_t i = 0; i < merge->active_count; i++) {
        int64_t head = merge->running[merge->active[i]].head.row.time_unix_ns;
        time = head < time ? head : time;
    }
    while (merge->schedule_at < merge->schedule_count) {
        uint32_t index = merge->schedule[merge->schedule_at];
        if (merge->options.lanes[index].first_time_unix_ns > time) {
            break;
        }
        merge->schedule_at++;
        mr_err err = open_lane(merge, index);
        if (err != MR_OK) {
            return err;
        }
        const struct running *lane = &merge->running[index];
        if (lane->has_head) {
            activate(merge, index);
            time = lane->head.row.time_unix_ns < time ? lane->head.row.time_unix_ns : time;
        }
    }
    *ret_time = time;
    return MR_OK;
}

/** Take the lane's bars of this round. */
static mr_err take_heads(struct mri_csv_merge *merge, uint32_t index)
{
    struct running *lane = &merge->running[index];
    mr_err err = MR_OK;
    while (err == MR_OK && lane->has_head &&
           lane->head.row.time_unix_ns == merge->round_time_unix_ns) {
        uint32_t instrument = instrument_of(merge, lane->head.spec);
        MRI_ASSERT(instrument < merge->options.instrument_count);
        if (merge->last_times[instrument] < merge->round_time_unix_ns) {
            merge->last_times[instrument] = merge->round_time_unix_ns;
            merge->candles[instrument] = lane->head.row.candle;
            merge->has_candle[instrument] = true;
            make_ready(lane);
        } else {
            push_problem(merge, lane, MRI_REASON_ROW_DUPLICATE);
        }
        err = advance(merge, index);
    }
    return err;
}

/** The round after all bars: what still waits, lane by lane. */
static mr_err begin_last_round(struct mri_csv_merge *merge)
{
    if (merge->last_round_at == merge->options.lane_count) {
        return MR_END;
    }
    uint32_t index = merge->last_round_at++;
    merge->is_last_round = true;
    merge->round_time_unix_ns = INT64_MAX;
    merge->active[0] = index;
    merge->active_count = 1;
    struct running *lane = &merge->running[index];
    mr_err err = lane->was_opened ? MR_OK : open_lane(merge, index);
    make_ready(lane);
    return err;
}

static mr_err begin_round(struct mri_csv_merge *merge)
{
    merge->problem_at = 0;
    merge->candle_at = 0;
    if (!merge->is_last_round) {
        drop_finished(merge);
    }
    bool has_bars = merge->active_count > 0 || merge->schedule_at < merge->schedule_count;
    if (merge->is_last_round || !has_bars) {
        return begin_last_round(merge);
    }
    int64_t time;
    mr_err err = open_due(merge, &time);
    if (err != MR_OK || time == INT64_MAX) {
        return err; /* no bar where there were some: the file was changed */
    }
    merge->round_time_unix_ns = time;
    for (uint32_t i = 0; i < merge->active_count && err == MR_OK; i++) {
        err = take_heads(merge, merge->active[i]);
    }
    return err;
}

static bool take_problem(struct mri_csv_merge *merge, struct mri_feed_item *item)
{
    for (; merge->problem_at < merge->active_count; merge->problem_at++) {
        uint32_t index = merge->active[merge->problem_at];
        struct running *lane = &merge->running[index];
        if (lane->ready == 0 && lane->ready_more.count == 0) {
            continue;
        }
        *item = (struct mri_feed_item){
            .kind = MRI_FEED_PROBLEM, .time_unix_ns = merge->round_time_unix_ns};
        item->problem.place = merge->options.lanes[index].file.name;
        if (lane->ready > 0) {
            pop_problem(merge, lane, item);
        } else {
            pop_more(merge, lane, item);
        }
        return true;
    }
    return false;
}

static bool take_candle(struct mri_csv_merge *merge, struct mri_feed_item *item)
{
    for (; merge->candle_at < merge->options.instrument_count; merge->candle_at++) {
        uint32_t instrument = merge->candle_at;
        if (merge->has_candle[instrument]) {
            merge->has_candle[instrument] = false;
            *item = (struct mri_feed_item){
                .kind = MRI_FEED_CANDLE,
                .time_unix_ns = merge->round_time_unix_ns,
                .instrument = instrument,
                .candle = merge->candles[instrument],
            };
            return true;
        }
    }
    return false;
}

mr_err mri_csv_merge_next(struct mri_csv_merge *merge, struct mri_feed_item *ret_item)
{
    MRI_ASSERT(merge->magic == MERGE_MAGIC);
    while (merge->end == MR_OK) {
        if (take_problem(merge, ret_item) || take_candle(merge, ret_item)) {
            return MR_OK;
        }
        merge->end = begin_round(merge);
    }
    return merge->end;
}

double mri_csv_merge_progress(const struct mri_csv_merge *merge)
{
    MRI_ASSERT(merge->magic == MERGE_MAGIC);
    uint64_t done = merge->done_bytes;
    for (uint32_t i = 0; i < merge->active_count; i++) {
        const struct mri_csv_file *file = merge->running[merge->active[i]].file;
        done += file == NULL ? 0 : mri_csv_file_progress(file).read_bytes;
    }
    bool is_done = merge->end != MR_OK || done >= merge->total_bytes;
    return is_done ? 1.0 : (double)done / (double)merge->total_bytes;
}

struct scheduled {
    int64_t time;
    uint32_t lane;
};

static int compare_scheduled(const void *left, const void *right)
{
    const struct scheduled *a = left;
    const struct scheduled *b = right;
    if (a->time != b->time) {
        return a->time < b->time ? -1 : 1;
    }
    return a->lane < b->lane ? -1 : a->lane > b->lane;
}

/** Order the lanes that have a bar by the time of their first. */
static mr_err make_schedule(struct mri_csv_merge *merge)
{
    void *block;
    size_t bytes = merge->options.lane_count * sizeof(struct scheduled);
    mr_err err =
        mri_alloc_array(merge->alloc, merge->options.lane_count, sizeof(struct scheduled), &block);
    if (err != MR_OK) {
        return err;
    }
    struct scheduled *order = block;
    for (uint32_t i = 0; i < merge->options.lane_count; i++) {
        const struct mri_csv_lane *lane = &merge->options.lanes[i];
        merge->total_bytes += lane->bytes;
        if (lane->first_time_unix_ns != INT64_MAX) {
            order[merge->schedule_count++] =
                (struct scheduled){.time = lane->first_time_unix_ns, .lane = i};
        }
    }
    qsort(order, merge->schedule_count, sizeof(order[0]), compare_scheduled);
    for (uint32_t i = 0; i < merge->schedule_count; i++) {
        merge->schedule[i] = order[i].lane;
    }
    mri_alloc_free(merge->alloc, order, bytes);
    return MR_OK;
}

/** An array of the merge: where its pointer is, for getting and freeing alike. */
struct array {
    void *place;
    size_t count;
    size_t item_bytes;
};

enum { ARRAY_COUNT = 7 };

static void list_arrays(struct mri_csv_merge *merge, struct array arrays[static ARRAY_COUNT])
{
    size_t lanes = merge->options.lane_count;
    size_t instruments = merge->options.instrument_count;
    const struct array list[ARRAY_COUNT] = {
        {&merge->running, lanes, sizeof(*merge->running)},
        {&merge->schedule, lanes, sizeof(*merge->schedule)},
        {&merge->active, lanes, sizeof(*merge->active)},
        {&merge->candles, instruments, sizeof(*merge->candles)},
        {&merge->has_candle, instruments, sizeof(*merge->has_candle)},
        {&merge->last_times, instruments, sizeof(*merge->last_times)},
        {&merge->pool, POOL_COUNT, sizeof(*merge->pool)},
    };
    memcpy(arrays, list, sizeof(list));
}

static mr_err get_arrays(struct mri_csv_merge *merge)
{
    struct array arrays[ARRAY_COUNT];
    list_arrays(merge, arrays);
    for (size_t i = 0; i < ARRAY_COUNT; i++) {
        void *block;
        mr_err err = mri_alloc_array(merge->alloc, arrays[i].count, arrays[i].item_bytes, &block);
        if (err != MR_OK) {
            return err;
        }
        memcpy(arrays[i].place, &block, sizeof(block)); /* all object pointers look alike */
    }
    for (int32_t i = 0; i < POOL_COUNT; i++) {
        merge->pool[i].next = i + 1 < POOL_COUNT ? i + 1 : NO_ENTRY;
    }
    return MR_OK;
}

mr_err mri_csv_merge_open(const struct mri_os *os, const struct mri_alloc *alloc,
    const struct mri_csv_merge_options *options, struct mri_csv_merge **ret_merge)
{
    MRI_ASSERT(options->lane_count > 0);
    MRI_ASSERT(options->instrument_count > 0);
    void *block;
    mr_err err = mri_alloc_array(alloc, 1, sizeof(struct mri_csv_merge), &block);
    if (err != MR_OK) {
        return err;
    }
    struct mri_csv_merge *merge = block;
    *merge = (struct mri_csv_merge){
        .magic = MERGE_MAGIC,
        .os = os,
        .alloc = alloc,
        .options = *options,
        .round_time_unix_ns = INT64_MIN,
    };
    err = get_arrays(merge);
    if (err == MR_OK) {
        err = make_schedule(merge);
    }
    if (err != MR_OK) {
        mri_csv_merge_close(merge);
        return err;
    }
    *ret_merge = merge;
    return MR_OK;
}

void mri_csv_merge_close(struct mri_csv_merge *merge)
{
    if (merge == NULL) {
        return;
    }
    MRI_ASSERT(merge->magic == MERGE_MAGIC);
    for (uint32_t i = 0; merge->running != NULL && i < merge->options.lane_count; i++) {
        mri_csv_file_close(merge->running[i].file);
    }
    struct array arrays[ARRAY_COUNT];
    list_arrays(merge, arrays);
    for (size_t i = 0; i < ARRAY_COUNT; i++) {
        void *block;
        memcpy(&block, arrays[i].place, sizeof(block));
        mri_alloc_free(merge->alloc, block, arrays[i].count * arrays[i].item_bytes);
    }
    merge->magic = 0;
    mri_alloc_free(merge->alloc, merge, sizeof(*merge));
}
