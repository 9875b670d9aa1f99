/* SPDX-License-Identifier: MIT */
/*
 * The scenes. A scene notes a promise only behind the call that made it, so at every moment the
 * world says what a power cut must leave.
 */
#include "tests/crash/power_scenes.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "log/hot/hot_shared.h"
#include "log/open/writer.h"
#include "tests/lib/cmocka_all.h"

enum { SMALL = 300, LARGE = 100000, FIRST_PROCESS = 4242 };

static const mr_log_options made = {.is_create = true, .segment_bytes = MRI_POWER_FILE_BYTES};

void mri_power_begin(struct mri_power_world *world, const char *scene, uint64_t seed)
{
    *world = (struct mri_power_world){.scene = scene,
        .seed = seed,
        .memory = mri_os_memory_new(2 * MRI_POWER_FILE_BYTES),
        .body_max = SMALL,
        .kept_first = 1};
    mri_os_faults_init(&world->machine, mri_os_memory_table(world->memory));
    mri_os_memory_set_garbage(world->memory, true);
    world->os = &world->machine.table;
    mri_prng_init(&world->prng, seed);
}

void mri_power_end(struct mri_power_world *world)
{
    assert_int_equal(mri_os_memory_open_count(world->memory), 0);
    mri_os_memory_free(world->memory);
}

mr_err mri_power_read(const struct mri_power_world *world, mr_log_reader *reader,
    uint64_t *ret_first, uint64_t *ret_last)
{
    uint64_t expected = 0;
    *ret_first = 0;
    *ret_last = 0;
    for (;;) {
        mr_log_event event;
        mr_log_gap gap;
        mr_err err = mr_log_reader_next(reader, &event, NULL);
        if (err != MR_OK) {
            return err;
        }
        bool is_right = event.type < MR_LOG_TYPE_FREE || mri_log_sample_is(&event, world->body_max);
        if (!is_right || (expected != 0 && event.seq.n != expected)) {
            return MR_EINTERNAL;
        }
        *ret_first = *ret_first == 0 ? event.seq.n : *ret_first;
        *ret_last = mr_log_event_gap(&event, &gap) ? gap.last.n : event.seq.n;
        expected = *ret_last + 1;
    }
}

/* ---- steps ----------------------------------------------------------------------------------- */

static mr_log *open_log(struct mri_power_world *world)
{
    mr_log *log = NULL;
    mr_err err = mri_log_open(world->os, mri_alloc_system(), "/log", &made, &log, &world->problem);
    if (err != MR_OK) {
        fail_msg("%s: %s", world->scene, world->problem.text);
    }
    return log;
}

/** What a reader of durable events sees must stay. */
static void look(struct mri_power_world *world)
{
    const mr_log_read_options options = {.is_durable = true, .is_copying = true};
    mr_log_reader *reader = NULL;
    uint64_t first;
    uint64_t last;
    assert_int_equal(
        mri_reader_open_with(world->os, mri_alloc_system(), "/log", &options, &reader, NULL),
        MR_OK);
    assert_int_equal(mri_power_read(world, reader, &first, &last), MR_END);
    world->seen_durable = last > world->seen_durable ? last : world->seen_durable;
    mr_log_reader_close(reader);
}

static void append(
    struct mri_power_world *world, mr_log *log, size_t count, mr_durability durability)
{
    mr_log_ack ack;
    assert_int_equal(mri_log_sample_append(log, count, world->body_max, durability, &ack), MR_OK);
    if (ack.is_durable) {
        world->durable = ack.last.n;
        look(world);
    }
}

static void sync_log(struct mri_power_world *world, mr_log *log)
{
    uint64_t last = mr_log_last(log).n;
    assert_int_equal(mr_log_sync(log), MR_OK);
    world->durable = last;
}

/** So many segments, all durable, not watched. */
static mr_log *fill(struct mri_power_world *world, size_t segments)
{
    world->is_watched = false;
    world->body_max = LARGE;
    mr_log *log = open_log(world);
    while (mri_log_sample_segment(log) < (segments - 1) * MRI_POWER_FILE_BYTES) {
        append(world, log, 4, MR_ASYNC);
    }
    append(world, log, 1, MR_GROUP);
    world->is_watched = true;
    return log;
}

static struct mri_segment_list list_of(struct mri_power_world *world)
{
    struct mri_segment_list list;
    assert_int_equal(mri_segment_list(world->os, mri_alloc_system(), "/log", &list), MR_OK);
    return list;
}

/* ---- making, opening ------------------------------------------------------------------------- */

static void create(struct mri_power_world *world)
{
    mr_log_close(open_log(world));
}

static void create_in_folder(struct mri_power_world *world)
{
    assert_int_equal(world->os->make_folder(world->os->context, "/log"), MR_OK);
    mr_log_close(open_log(world));
}

static void create_with_attributes(struct mri_power_world *world)
{
    const mr_log_attribute attribute = {.key = "what", .value = "a log"};
    mr_log_options options = made;
    mr_log *log = NULL;
    options.attributes = &attribute;
    options.attribute_count = 1;
    assert_int_equal(
        mri_log_open(world->os, mri_alloc_system(), "/log", &options, &log, NULL), MR_OK);
    append(world, log, 1, MR_GROUP);
    mr_log_close(log);
}

static void open_again(struct mri_power_world *world)
{
    for (int i = 0; i < 3; i++) {
        mr_log *log = open_log(world);
        append(world, log, 2, MR_GROUP);
        mr_log_close(log);
    }
}

static void alone(struct mri_power_world *world)
{
    mr_log_options options = made;
    mr_log *log = NULL;
    options.is_alone = true;
    assert_int_equal(
        mri_log_open(world->os, mri_alloc_system(), "/log", &options, &log, NULL), MR_OK);
    append(world, log, 3, MR_GROUP);
    mr_log_close(log);
}

static void ring_in_folder(struct mri_power_world *world)
{
    mr_log_options options = made;
    mr_log *log = NULL;
    options.is_ring_in_folder = true;
    assert_int_equal(
        mri_log_open(world->os, mri_alloc_system(), "/log", &options, &log, NULL), MR_OK);
    append(world, log, 3, MR_GROUP);
    mr_log_close(log);
}

/* ---- appending ------------------------------------------------------------------------------- */

static void append_with(
    struct mri_power_world *world, size_t batches, size_t count, mr_durability durability)
{
    mr_log *log = open_log(world);
    for (size_t i = 0; i < batches; i++) {
        append(world, log, count, durability);
    }
    mr_log_close(log);
}

static void append_async(struct mri_power_world *world)
{
    append_with(world, 6, 1, MR_ASYNC);
}

static void append_group(struct mri_power_world *world)
{
    append_with(world, 6, 1, MR_GROUP);
}

static void append_interval(struct mri_power_world *world)
{
    append_with(world, 6, 2, MR_INTERVAL);
}

static void append_empty(struct mri_power_world *world)
{
    world->body_max = 0;
    append_with(world, 6, 3, MR_GROUP);
}

static void append_large(struct mri_power_world *world)
{
    world->body_max = LARGE;
    append_with(world, 4, 2, MR_GROUP);
}

static void append_batch(struct mri_power_world *world)
{
    append_with(world, 4, MRI_LOG_SAMPLE_BATCH_MAX, MR_GROUP);
}

static void append_mixed(struct mri_power_world *world)
{
    mr_log *log = open_log(world);
    for (int i = 0; i < 10; i++) {
        append(world, log, 1 + mri_prng_below(&world->prng, 5),
            mri_prng_below(&world->prng, 3) == 0 ? MR_GROUP : MR_ASYNC);
    }
    mr_log_close(log);
}

static void append_then_sync(struct mri_power_world *world)
{
    mr_log *log = open_log(world);
    for (int i = 0; i < 4; i++) {
        append(world, log, 3, MR_ASYNC);
        sync_log(world, log);
    }
    mr_log_close(log);
}

static void cut_and_go_on(struct mri_power_world *world)
{
    mr_log *log = open_log(world);
    append(world, log, 3, MR_GROUP);
    append(world, log, 20, MR_ASYNC);
    world->is_watched = false;
    mri_log_sample_end_process(world->memory, log);
    mri_os_memory_cut_power(world->memory, &world->prng);
    world->is_watched = true;
    log = open_log(world);
    append(world, log, 3, MR_GROUP);
    mr_log_close(log);
}

/* ---- segments -------------------------------------------------------------------------------- */

static void roll(struct mri_power_world *world)
{
    world->body_max = LARGE;
    append_with(world, 10, 4, MR_GROUP);
}

static void roll_async(struct mri_power_world *world)
{
    world->body_max = LARGE;
    append_with(world, 20, 4, MR_ASYNC);
}

static void roll_between_lives(struct mri_power_world *world)
{
    mr_log_close(fill(world, 2));
    mr_log *log = open_log(world);
    append(world, log, 12, MR_ASYNC);
    append(world, log, 12, MR_GROUP);
    mr_log_close(log);
}

static void make_spares(struct mri_power_world *world, mr_log *log, unsigned count)
{
    struct mri_hot_tail *hot = &log->attachment->hot;
    (void)world;
    hot->is_writing_at_once = false;
    atomic_store(&hot->shared->spares_wanted, count);
    assert_int_equal(mri_hot_tail_make_spares(hot), MR_OK);
    hot->is_writing_at_once = true;
}

static void spare(struct mri_power_world *world)
{
    mr_log *log = open_log(world);
    append(world, log, 1, MR_GROUP);
    make_spares(world, log, 1);
    append(world, log, 1, MR_GROUP);
    mr_log_close(log);
}

static void spares_used(struct mri_power_world *world)
{
    world->body_max = LARGE;
    mr_log *log = open_log(world);
    make_spares(world, log, 3);
    for (int i = 0; i < 16; i++) {
        append(world, log, 4, i % 4 == 3 ? MR_GROUP : MR_ASYNC);
    }
    mr_log_close(log);
}

static void seal(struct mri_power_world *world)
{
    mr_log *log = open_log(world);
    for (int i = 0; i < 3; i++) {
        append(world, log, 4, MR_GROUP);
        mri_log_sample_seal(log);
    }
    append(world, log, 1, MR_GROUP);
    mr_log_close(log);
}

static void seal_many(struct mri_power_world *world)
{
    world->body_max = 20;
    world->is_watched = false;
    mr_log *log = open_log(world);
    for (int i = 0; i < 20; i++) {
        append(world, log, 60, MR_ASYNC);
    }
    world->is_watched = true;
    sync_log(world, log);
    append(world, log, 4, MR_GROUP);
    mr_log_close(log);
}

static void seal_trails(struct mri_power_world *world)
{
    mr_log *log = fill(world, 1);
    mri_log_sample_keep_unsealed(log, true);
    for (int i = 0; i < 12; i++) {
        append(world, log, 2, MR_GROUP);
    }
    mri_log_sample_keep_unsealed(log, false);
    mr_log_close(log);
}

/* ---- beside the log -------------------------------------------------------------------------- */

static void write_snapshot(struct mri_power_world *world, mr_log *log, size_t bytes)
{
    struct mri_buf payload;
    const struct mri_snapshot_place place = {
        .seq = mr_log_last(log).n, .chain_crc = mri_log_chain_crc(log)};
    mri_buf_init(&payload, mri_alloc_system(), MRI_POWER_PAYLOAD_BYTES);
    memset(mri_buf_grow(&payload, bytes), 'x', bytes);
    assert_int_equal(mri_snapshot_write(world->os, "/log", &place, &payload), MR_OK);
    world->snapshot_seq = place.seq;
    mri_buf_fini(&payload);
}

static void snapshots(struct mri_power_world *world, size_t count, size_t bytes)
{
    mr_log *log = open_log(world);
    for (size_t i = 0; i < count; i++) {
        append(world, log, 2, MR_GROUP);
        write_snapshot(world, log, bytes);
    }
    mr_log_close(log);
}

static void snapshot(struct mri_power_world *world)
{
    snapshots(world, 1, 5000);
}

static void snapshots_follow(struct mri_power_world *world)
{
    snapshots(world, 4, 700);
}

static void snapshot_large(struct mri_power_world *world)
{
    snapshots(world, 2, 200000);
}

static mr_consumer *open_consumer(
    struct mri_power_world *world, mr_log *log, mr_consumer_options options)
{
    const struct mri_consumer_at at = {world->os, mri_alloc_system(), "/log", "c"};
    mr_consumer *consumer = NULL;
    options.log = log;
    assert_int_equal(mri_consumer_open(&at, &options, &consumer, &world->problem), MR_OK);
    return consumer;
}

static void ack_some(
    struct mri_power_world *world, mr_consumer *consumer, unsigned count, bool is_durable)
{
    for (unsigned i = 0; i < count; i++) {
        mr_log_event event;
        mr_delivery delivery;
        assert_int_equal(mr_consumer_next(consumer, &event, &delivery, NULL), MR_OK);
        world->acked = event.seq.n;
        assert_int_equal(mr_consumer_ack(consumer, event.seq, NULL), MR_OK);
        world->acked_durable = is_durable ? event.seq.n : world->acked_durable;
    }
}

static void consume(struct mri_power_world *world, bool is_durable)
{
    mr_log *log = open_log(world);
    append(world, log, 12, MR_GROUP);
    mr_consumer *consumer =
        open_consumer(world, log, (mr_consumer_options){.is_durable_ack = is_durable});
    world->has_consumer = true;
    ack_some(world, consumer, 6, is_durable);
    mr_consumer_close(consumer);
    mr_log_close(log);
}

static void cursor(struct mri_power_world *world)
{
    consume(world, false);
}

static void cursor_durable(struct mri_power_world *world)
{
    consume(world, true);
}

static void cursor_over_rolls(struct mri_power_world *world)
{
    mr_log *log = fill(world, 2);
    mr_consumer *consumer =
        open_consumer(world, log, (mr_consumer_options){.is_durable_ack = true});
    world->has_consumer = true;
    ack_some(world, consumer, 10, true);
    append(world, log, 6, MR_GROUP);
    ack_some(world, consumer, 4, true);
    mr_consumer_close(consumer);
    mr_log_close(log);
}

static void cursor_removed(struct mri_power_world *world)
{
    const struct mri_consumer_at at = {world->os, mri_alloc_system(), "/log", "c"};
    mr_log *log = open_log(world);
    append(world, log, 3, MR_GROUP);
    mr_consumer_close(open_consumer(world, log, (mr_consumer_options){0}));
    assert_int_equal(mri_consumer_remove(&at, &world->problem), MR_OK);
    append(world, log, 1, MR_GROUP);
    mr_log_close(log);
}

static void retain_segments(struct mri_power_world *world)
{
    const mr_log_retain_options options = {
        .needed = {UINT64_MAX}, .keep_bytes = MRI_POWER_FILE_BYTES, .is_done = true};
    mr_log_retain_report report;
    mr_log_close(fill(world, 4));
    struct mri_segment_list list = list_of(world);
    world->kept_first = list.base_seqs[list.count - 1];
    mri_segment_list_fini(&list);
    assert_int_equal(
        mri_retain(world->os, mri_alloc_system(), "/log", &options, &report, NULL), MR_OK);
    assert_true(report.segments > 0);
    mr_log *log = open_log(world);
    append(world, log, 2, MR_GROUP);
    mr_log_close(log);
}

static void archive_first(struct mri_power_world *world, size_t count)
{
    struct mri_segment_list list = list_of(world);
    assert_true(list.count > count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(mri_archive_segment(world->os, mri_alloc_system(), "/log",
                             list.base_seqs[i], NULL, &world->problem),
            MR_OK);
    }
    mri_segment_list_fini(&list);
}

static void archive(struct mri_power_world *world)
{
    mr_log_close(fill(world, 2));
    archive_first(world, 1);
}

static void archive_beside_writer(struct mri_power_world *world)
{
    mr_log *log = fill(world, 3);
    archive_first(world, 2);
    append(world, log, 2, MR_GROUP);
    mr_log_close(log);
}

static void retain_archives(struct mri_power_world *world)
{
    world->is_watched = false;
    mr_log_close(fill(world, 3));
    archive_first(world, 2);
    world->is_watched = true;
    const mr_log_retain_options options = {
        .needed = {UINT64_MAX}, .keep_bytes = 1, .is_done = true};
    mr_log_retain_report report;
    struct mri_segment_list list = list_of(world);
    world->kept_first = list.base_seqs[list.count - 1];
    mri_segment_list_fini(&list);
    assert_int_equal(
        mri_retain(world->os, mri_alloc_system(), "/log", &options, &report, NULL), MR_OK);
}

/* ---- damage ---------------------------------------------------------------------------------- */

/** Durable damage in the first segment. */
static void damage(struct mri_power_world *world, uint64_t offset, size_t count)
{
    char name[MRI_SEGMENT_NAME_BYTES];
    char path[MRI_PATH_BYTES_MAX];
    size_t size;
    assert_int_equal(mri_os_path("/log", mri_segment_name(1, name), path), MR_OK);
    uint8_t *bytes = mri_os_memory_bytes(world->memory, path, &size);
    uint8_t *copy = malloc(size);
    assert_non_null(copy);
    memcpy(copy, bytes, size);
    memset(copy + offset, 0xa5, count);
    mri_os_memory_put(world->memory, path, copy, size);
    free(copy);
}

static void repair_with_gap(struct mri_power_world *world)
{
    mr_log_repair_report report;
    const mr_log_repair_options options = {.is_done = true};
    mr_log_close(fill(world, 3));
    damage(world, 300000, 5000);
    world->is_damaged = true;
    assert_int_equal(
        mri_repair(world->os, mri_alloc_system(), "/log", &options, &report, NULL), MR_OK);
    assert_int_equal(report.repaired, 1);
}

static void repair_beside_archive(struct mri_power_world *world)
{
    mr_log_repair_report report;
    const mr_log_repair_options options = {.is_done = true};
    world->is_watched = false;
    mr_log_close(fill(world, 3));
    struct mri_segment_list list = list_of(world);
    assert_int_equal(mri_archive_segment(world->os, mri_alloc_system(), "/log", list.base_seqs[1],
                         NULL, &world->problem),
        MR_OK);
    mri_segment_list_fini(&list);
    damage(world, 300000, 5000);
    world->is_damaged = true;
    world->is_watched = true;
    assert_int_equal(
        mri_repair(world->os, mri_alloc_system(), "/log", &options, &report, NULL), MR_OK);
    assert_int_equal(report.repaired, 1);
}

static void repair_newest(struct mri_power_world *world)
{
    mr_log_repair_report report;
    const mr_log_repair_options options = {.is_done = true};
    world->is_watched = false;
    mr_log *log = open_log(world);
    for (int i = 0; i < 30; i++) {
        append(world, log, 3, MR_GROUP);
    }
    mr_log_close(log);
    damage(world, MRI_SEGMENT_PAGE_BYTES + 2000, 700);
    world->is_damaged = true;
    world->is_watched = true;
    assert_int_equal(
        mri_repair(world->os, mri_alloc_system(), "/log", &options, &report, NULL), MR_OK);
    assert_int_equal(report.repaired, 1);
}

static void repair_head(struct mri_power_world *world)
{
    world->is_watched = false;
    mr_log *log = open_log(world);
    append(world, log, 3, MR_GROUP);
    mr_log_close(log);
    damage(world, 16, 8);
    world->is_watched = true;
    log = open_log(world);
    append(world, log, 3, MR_GROUP);
    mr_log_close(log);
}

/* ---- several processes ----------------------------------------------------------------------- */

static mr_log *open_as(struct mri_power_world *world, uint32_t process_id)
{
    mri_os_memory_set_process(world->memory, process_id);
    return open_log(world);
}

static void two_processes(struct mri_power_world *world)
{
    mr_log *first = open_as(world, FIRST_PROCESS);
    append(world, first, 2, MR_ASYNC);
    mr_log *second = open_as(world, FIRST_PROCESS + 1);
    append(world, second, 2, MR_GROUP);
    append(world, first, 2, MR_GROUP);
    mr_log_close(first);
    append(world, second, 2, MR_GROUP);
    mr_log_close(second);
}

static void two_processes_roll(struct mri_power_world *world)
{
    world->body_max = LARGE;
    mr_log *first = open_as(world, FIRST_PROCESS);
    mr_log *second = open_as(world, FIRST_PROCESS + 1);
    for (int i = 0; i < 10; i++) {
        append(world, i % 2 == 0 ? first : second, 4, i % 3 == 2 ? MR_GROUP : MR_ASYNC);
    }
    mr_log_close(second);
    mr_log_close(first);
}

/** Appended, but written by nobody: it is in the ring alone. */
static void leave_in_ring(struct mri_power_world *world, size_t body_max, size_t batches)
{
    world->body_max = body_max;
    mr_log *log = open_log(world);
    append(world, log, 2, MR_GROUP);
    make_spares(world, log, 2);
    log->attachment->hot.is_writing_at_once = false;
    for (size_t i = 0; i < batches; i++) {
        append(world, log, 3, MR_ASYNC);
    }
    uint64_t last = mr_log_last(log).n;
    mri_log_sample_end_process(world->memory, log);
    log = open_log(world);
    assert_int_equal(mr_log_last(log).n, last);
    world->durable = last; /* the open has written it and synced */
    append(world, log, 2, MR_GROUP);
    mr_log_close(log);
}

static void ring_drained(struct mri_power_world *world)
{
    leave_in_ring(world, SMALL, 5);
}

static void ring_drained_over_rolls(struct mri_power_world *world)
{
    leave_in_ring(world, LARGE, 12);
}

/* ---- faults ---------------------------------------------------------------------------------- */

static void poison_by(struct mri_power_world *world, enum mri_os_call kind)
{
    mr_log *log = open_log(world);
    append(world, log, 3, MR_GROUP);
    mri_os_faults_arm(&world->machine, kind, 1, MR_EIO);
    world->machine.is_sticky = true;
    assert_int_equal(mri_log_sample_append(log, 3, world->body_max, MR_GROUP, NULL), MR_EUNKNOWN);
    assert_int_equal(mri_log_sample_append(log, 1, world->body_max, MR_GROUP, NULL), MR_EPOISONED);
    mri_os_faults_arm(&world->machine, kind, 0, MR_EIO);
    world->machine.is_sticky = false;
    mr_log_close(log);
    log = open_log(world);
    append(world, log, 2, MR_GROUP);
    mr_log_close(log);
}

static void poison_by_sync(struct mri_power_world *world)
{
    poison_by(world, MRI_OS_CALL_SYNC_DATA);
}

static void poison_by_write(struct mri_power_world *world)
{
    poison_by(world, MRI_OS_CALL_WRITE_AT);
}

static void full_disk(struct mri_power_world *world)
{
    world->body_max = LARGE;
    mr_log *log = open_log(world);
    append(world, log, 4, MR_GROUP);
    mri_os_memory_set_space(world->memory, MRI_POWER_FILE_BYTES * 3 / 2);
    mr_err err = MR_OK;
    while (err == MR_OK) {
        mr_log_ack ack;
        err = mri_log_sample_append(log, 4, world->body_max, MR_GROUP, &ack);
        world->durable = err == MR_OK ? ack.last.n : world->durable;
    }
    assert_int_equal(err, MR_ENOSPC);
    mri_os_memory_set_space(world->memory, UINT64_MAX / 2);
    append(world, log, 4, MR_GROUP);
    mr_log_close(log);
}

/* ---- the table ------------------------------------------------------------------------------- */

static const struct mri_power_scene scenes[] = {
    {"create", create, false},
    {"create in a folder", create_in_folder, false},
    {"create with attributes", create_with_attributes, false},
    {"open again", open_again, false},
    {"alone", alone, false},
    {"ring in the folder", ring_in_folder, false},
    {"append async", append_async, false},
    {"append group", append_group, false},
    {"append interval", append_interval, false},
    {"append empty bodies", append_empty, false},
    {"append large bodies", append_large, false},
    {"append batches", append_batch, false},
    {"append mixed", append_mixed, true},
    {"append then sync", append_then_sync, false},
    {"cut and go on", cut_and_go_on, true},
    {"roll", roll, false},
    {"roll async", roll_async, false},
    {"roll between lives", roll_between_lives, false},
    {"spare", spare, false},
    {"spares used", spares_used, false},
    {"seal", seal, false},
    {"seal many", seal_many, false},
    {"seal trails", seal_trails, false},
    {"snapshot", snapshot, false},
    {"snapshots follow", snapshots_follow, false},
    {"snapshot large", snapshot_large, false},
    {"cursor", cursor, false},
    {"cursor durable", cursor_durable, false},
    {"cursor over rolls", cursor_over_rolls, false},
    {"cursor removed", cursor_removed, false},
    {"retain", retain_segments, false},
    {"retain archives", retain_archives, false},
    {"archive", archive, false},
    {"archive beside a writer", archive_beside_writer, false},
    {"repair with GAP", repair_with_gap, false},
    {"repair beside an archive", repair_beside_archive, false},
    {"repair newest", repair_newest, false},
    {"repair head", repair_head, false},
    {"two processes", two_processes, false},
    {"two processes roll", two_processes_roll, false},
    {"ring drained", ring_drained, false},
    {"ring drained over rolls", ring_drained_over_rolls, false},
    {"poison by sync", poison_by_sync, false},
    {"poison by write", poison_by_write, false},
    {"full disk", full_disk, false},
};

const struct mri_power_scene *mri_power_scenes(size_t *ret_count)
{
    *ret_count = MRI_COUNT_OF(scenes);
    return scenes;
}
