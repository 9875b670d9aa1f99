/* SPDX-License-Identifier: MIT */
/*
 * Spares: when they are made and filled, who takes which, and what a failure or a death in between
 * leaves. The clock is the test's.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "log/hot/hot_shared.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/hot_sample.h"
#include "tests/lib/os_faults.h"

enum { SEGMENT = 4 * 1024 * 1024, RING = 1024 * 1024, BATCH = 20 };

#define MILLISECOND_NS ((int64_t)1000000)
#define SECOND_NS      (1000 * MILLISECOND_NS)

static struct mri_hot_sample sample;
static struct mri_hot_shared *shared;
static struct mri_os_faults faults;
static struct mri_hot_spare_demand demand;
static int64_t now_ns;

/** What happens at a write of zeros. */
static struct {
    void (*at_write)(void);
    bool is_within;            /**< it has been begun and makes calls of its own */
    struct mri_hot_spare *one; /**< that is being filled */
    pid_t child;
} scene;

static struct mri_hot_spare *filling_one(void)
{
    for (unsigned i = 0; i < MRI_HOT_SPARES_MAX; i++) {
        if (atomic_load(&shared->spares[i].state) == MRI_HOT_SPARE_FILLING) {
            return &shared->spares[i];
        }
    }
    return NULL;
}

static void before_call(void *context, enum mri_os_call kind)
{
    (void)context;
    if (kind == MRI_OS_CALL_WRITE_BULK && scene.at_write != NULL && !scene.is_within &&
        filling_one() != NULL) {
        scene.is_within = true;
        scene.one = filling_one();
        scene.at_write();
    }
}

static int set_up(void **fixture)
{
    (void)fixture;
    mri_hot_sample_begin(&sample, SEGMENT, RING); /* it has a spare */
    shared = sample.hot.shared;
    mri_os_faults_init(&faults, mri_os_linux());
    faults.before = before_call;
    sample.hot.options.os = &faults.table;
    scene.at_write = NULL;
    scene.is_within = false;
    demand = (struct mri_hot_spare_demand){0};
    now_ns = 1000 * SECOND_NS;
    return 0;
}

static int tear_down(void **fixture)
{
    (void)fixture;
    mri_hot_sample_end(&sample);
    return 0;
}

static unsigned count_spares(uint32_t state, bool is_filled)
{
    unsigned count = 0;
    for (unsigned i = 0; i < MRI_HOT_SPARES_MAX; i++) {
        const struct mri_hot_spare *spare = &shared->spares[i];
        count += atomic_load(&spare->state) == state &&
                 (atomic_load(&spare->is_filled) != 0) == is_filled;
    }
    return count;
}

static void expect_spares(unsigned thin, unsigned filled)
{
    assert_int_equal(count_spares(MRI_HOT_SPARE_READY, false), thin);
    assert_int_equal(count_spares(MRI_HOT_SPARE_READY, true), filled);
    assert_int_equal(count_spares(MRI_HOT_SPARE_FILLING, false), 0);
}

static void make_spares(unsigned count)
{
    atomic_store(&shared->spares_wanted, count);
    assert_int_equal(mri_hot_tail_make_spares(&sample.hot), MR_OK);
}

static mr_err keep_after(int64_t duration_ns)
{
    now_ns += duration_ns;
    return mri_hot_tail_keep_spares(&sample.hot, &demand, now_ns);
}

static mr_err append_some(struct mri_hot_tail *hot)
{
    const struct mri_hot_sample_body first = {
        0, (uint32_t)mri_hot_tail_derived(&sample.hot)[0] + 1};
    return mri_hot_sample_append(hot, &first, BATCH, MR_ASYNC, NULL);
}

static uint64_t newest_segment(void)
{
    return mri_hot_index_at(shared, atomic_load(&shared->tail));
}

/** Append up to the next segment, with so many syncs on the way. */
static void roll(unsigned syncs)
{
    uint64_t index = newest_segment();
    while (newest_segment() == index) {
        assert_int_equal(append_some(&sample.hot), MR_OK);
        if (syncs > 0) {
            syncs--;
            assert_int_equal(mri_hot_tail_commit(&sample.hot, atomic_load(&shared->tail)), MR_OK);
        }
    }
}

/** Nothing that was acknowledged is lost, and the log goes on. */
static void expect_log_whole(void)
{
    struct mri_hot_sample_found found;
    assert_int_equal(append_some(&sample.hot), MR_OK);
    assert_int_equal(mri_hot_tail_write_behind(&sample.hot), MR_OK);
    assert_int_equal(mri_hot_sample_read(&sample, &found), MR_END);
    assert_int_equal(found.newest[0], mri_hot_tail_derived(&sample.hot)[0]);
    assert_int_equal(found.records, found.newest[0]);
}

/** Has the file of a spare its full length, all of it zero? */
static void expect_zeros(const struct mri_hot_spare *spare)
{
    const struct mri_os *os = mri_os_linux();
    char path[MRI_PATH_BYTES_MAX];
    const void *map;
    uint64_t bytes;
    int fd;
    assert_int_equal(mri_hot_spare_path(&sample.hot, spare->id, path), MR_OK);
    assert_int_equal(os->open(os->context, path, MRI_OPEN_READ, &fd), MR_OK);
    assert_int_equal(os->size(os->context, fd, &bytes), MR_OK);
    assert_int_equal(bytes, SEGMENT);
    assert_int_equal(os->map_read(os->context, fd, SEGMENT, &map), MR_OK);
    const uint64_t *words = map;
    uint64_t any = 0;
    for (size_t i = 0; i < SEGMENT / sizeof(*words); i++) {
        any |= words[i];
    }
    assert_int_equal(any, 0);
    os->unmap(os->context, map, SEGMENT);
    os->close(os->context, fd);
}

/* ---- making and filling ---------------------------------------------------------------------- */

static void a_spare_is_ready_as_soon_as_it_is_reserved(void **fixture)
{
    (void)fixture;
    mri_os_faults_arm(&faults, MRI_OS_CALL_ANY, 0, MR_EIO);
    make_spares(3);
    expect_spares(3, 0);
    assert_int_equal(faults.calls[MRI_OS_CALL_ALLOCATE], 2); /* one was there */
    assert_int_equal(faults.calls[MRI_OS_CALL_WRITE_BULK], 0);
    for (unsigned i = 0; i < 3; i++) {
        expect_zeros(&shared->spares[i]);
    }
    make_spares(3);
    expect_spares(3, 0);
    roll(0);
    expect_spares(2, 0);
    expect_log_whole();
}

static void the_keeper_fills_one_spare_after_the_other(void **fixture)
{
    (void)fixture;
    make_spares(2);
    assert_true(mri_hot_tail_has_spares_to_fill(&sample.hot));
    for (unsigned filled = 1; filled <= 2; filled++) {
        mri_os_faults_arm(&faults, MRI_OS_CALL_ANY, 0, MR_EIO);
        assert_int_equal(keep_after(0), MR_OK);
        expect_spares(2 - filled, filled);
        assert_int_equal(faults.calls[MRI_OS_CALL_WRITE_BULK], 4);
        assert_int_equal(faults.calls[MRI_OS_CALL_SYNC_DATA], 1);
    }
    expect_zeros(&shared->spares[0]);
    assert_false(mri_hot_tail_has_spares_to_fill(&sample.hot));
    mri_os_faults_arm(&faults, MRI_OS_CALL_ANY, 0, MR_EIO);
    assert_int_equal(keep_after(SECOND_NS), MR_OK);
    assert_int_equal(faults.calls[MRI_OS_CALL_WRITE_BULK], 0);
    roll(0);
    expect_log_whole();
}

static void a_filled_spare_is_taken_first_wherever_it_stands(void **fixture)
{
    (void)fixture;
    for (unsigned filled = 0; filled < 2; filled++) {
        make_spares(2);
        struct mri_hot_spare *spare = NULL;
        for (unsigned i = 0, seen = 0; i < MRI_HOT_SPARES_MAX; i++) {
            if (atomic_load(&shared->spares[i].state) == MRI_HOT_SPARE_READY) {
                atomic_store(&shared->spares[i].is_filled, seen == filled);
                spare = seen++ == filled ? &shared->spares[i] : spare;
            }
        }
        assert_non_null(spare);
        uint32_t id = spare->id;
        roll(0);
        const struct mri_hot_segment *segment =
            mri_hot_segment_of(&sample.hot, atomic_load(&shared->tail));
        assert_int_equal(segment->spare_id, id);
    }
    expect_log_whole();
}

static void spares_of_a_thin_log_and_of_one_that_has_no_threads_are_not_filled(void **fixture)
{
    (void)fixture;
    sample.hot.options.is_thin = true;
    assert_false(mri_hot_tail_has_spares_to_fill(&sample.hot));
    assert_int_equal(keep_after(0), MR_OK);
    expect_spares(1, 0);
    sample.hot.options.is_thin = false;
    sample.hot.is_writing_at_once = true;
    assert_false(mri_hot_tail_has_spares_to_fill(&sample.hot));
    assert_int_equal(keep_after(0), MR_OK);
    make_spares(4); /* one is enough for it */
    expect_spares(1, 0);
    sample.hot.is_writing_at_once = false;
    atomic_store(&shared->is_closed, 1); /* the folder belongs to another memory */
    assert_false(mri_hot_tail_has_spares_to_fill(&sample.hot));
    make_spares(4);
    assert_int_equal(keep_after(0), MR_OK);
    expect_spares(1, 0);
    atomic_store(&shared->is_closed, 0);
    assert_true(mri_hot_tail_has_spares_to_fill(&sample.hot));
    expect_log_whole();
}

/* ---- what comes in between ------------------------------------------------------------------- */

static void roll_now(void)
{
    roll(0);
}

static void a_roll_never_takes_the_spare_that_is_being_filled(void **fixture)
{
    (void)fixture;
    make_spares(2);
    scene.at_write = roll_now;
    assert_int_equal(keep_after(0), MR_OK);
    assert_true(scene.is_within);
    const struct mri_hot_segment *segment =
        mri_hot_segment_of(&sample.hot, atomic_load(&shared->tail));
    assert_true(segment->spare_id != scene.one->id);
    assert_int_equal(atomic_load(&scene.one->state), MRI_HOT_SPARE_READY);
    assert_int_equal(atomic_load(&scene.one->is_filled), 0); /* the log went on: broken off */
    assert_int_equal(keep_after(2 * SECOND_NS), MR_OK);
    assert_int_equal(atomic_load(&scene.one->is_filled), 1);
    expect_log_whole();
}

/** In another process: append until the segment is left, which waits for a spare. */
static void start_roll(void)
{
    const struct mri_os *os = mri_os_linux();
    scene.child = fork();
    if (scene.child == 0) {
        struct mri_hot_tail other;
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* a failed test leaves nobody behind */
        uint64_t index = newest_segment();
        mr_err err = mri_hot_tail_attach(&other, &sample.options);
        while (err == MR_OK && newest_segment() == index) {
            err = append_some(&other);
        }
        _exit(err == MR_OK ? 0 : 1);
    }
    assert_true(scene.child > 0);
    while (atomic_load(&shared->is_spare_needed) == 0 &&
           waitpid(scene.child, NULL, WNOHANG) != scene.child) {
        os->sleep_ns(os->context, MILLISECOND_NS);
    }
    assert_int_equal(mri_hot_tail_make_spares(&sample.hot), MR_OK); /* as any keeper, meanwhile */
}

static void who_waits_for_a_spare_breaks_filling_off(void **fixture)
{
    (void)fixture;
    int status;
    scene.at_write = start_roll;
    mri_os_faults_arm(&faults, MRI_OS_CALL_ANY, 0, MR_EIO);
    assert_int_equal(keep_after(0), MR_OK);
    assert_true(scene.is_within);
    assert_int_equal(faults.calls[MRI_OS_CALL_WRITE_BULK], 1); /* of four */
    assert_int_equal(waitpid(scene.child, &status, 0), scene.child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_int_equal(atomic_load(&shared->is_spare_needed), 0);
    assert_int_equal(newest_segment(), 1);
    expect_log_whole();
}

static void who_waited_and_was_killed_keeps_nobody_from_filling_for_long(void **fixture)
{
    (void)fixture;
    make_spares(2);
    atomic_store(&shared->is_spare_needed, 1);
    assert_int_equal(keep_after(0), MR_OK);
    assert_int_equal(keep_after(0), MR_OK);
    expect_spares(2, 0); /* he may be alive, and about to take one */
    roll(0);
    assert_int_equal(keep_after(2 * SECOND_NS), MR_OK);
    assert_int_equal(count_spares(MRI_HOT_SPARE_READY, true), 1);
}

static void who_leaves_breaks_filling_off(void **fixture)
{
    (void)fixture;
    atomic_store(&sample.hot.is_leaving, true);
    assert_int_equal(keep_after(0), MR_OK);
    expect_spares(1, 0);
    atomic_store(&sample.hot.is_leaving, false);
    assert_int_equal(keep_after(0), MR_OK);
    expect_spares(0, 1);
}

static void die(void)
{
    (void)kill(getpid(), SIGKILL);
}

static void a_spare_that_was_left_half_filled_is_ready_for_the_next_one(void **fixture)
{
    (void)fixture;
    int status;
    pid_t child = fork();
    if (child == 0) {
        struct mri_hot_tail other;
        struct mri_hot_options options = sample.options;
        options.os = &faults.table;
        scene.at_write = die;
        if (mri_hot_tail_attach(&other, &options) == MR_OK) {
            (void)mri_hot_tail_keep_spares(&other, &demand, now_ns);
        }
        _exit(0);
    }
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    const struct mri_hot_spare *left = filling_one();
    assert_non_null(left);
    uint64_t orphans = atomic_load(&shared->orphans);
    make_spares(1); /* no other is made for it */
    expect_spares(1, 0);
    assert_int_equal(atomic_load(&shared->orphans), orphans + 1);
    assert_int_equal(keep_after(0), MR_OK);
    assert_int_equal(atomic_load(&left->is_filled), 1);
    roll(0);
    assert_int_equal(
        mri_hot_segment_of(&sample.hot, atomic_load(&shared->tail))->spare_id, left->id);
    expect_log_whole();
}

/* ---- how many, and when ---------------------------------------------------------------------- */

static void a_log_that_streams_is_not_held_up_by_filling(void **fixture)
{
    (void)fixture;
    assert_int_equal(keep_after(0), MR_OK);
    roll(0);
    assert_int_equal(keep_after(0), MR_OK); /* one segment is no stream */
    expect_spares(1, 1);
    for (int i = 0; i < 5; i++) {
        roll(3);
        assert_int_equal(keep_after(999 * MILLISECOND_NS), MR_OK);
        assert_true(demand.is_streaming);
        assert_int_equal(count_spares(MRI_HOT_SPARE_READY, true), 0);
    }
    assert_int_equal(keep_after(999 * MILLISECOND_NS), MR_OK);
    assert_int_equal(count_spares(MRI_HOT_SPARE_READY, true), 0);
    unsigned thin = count_spares(MRI_HOT_SPARE_READY, false);
    assert_int_equal(thin, MRI_HOT_SPARES_WANTED);
    assert_int_equal(
        keep_after(MILLISECOND_NS), MR_OK); /* a second without a segment: it is over */
    expect_spares(thin - 1, 1);
    expect_log_whole();
}

static void segments_whose_appenders_wait_for_syncs_are_filled_however_fast_they_follow(
    void **fixture)
{
    (void)fixture;
    const unsigned enough = SEGMENT / (128 * 1024);
    assert_int_equal(keep_after(0), MR_OK);
    for (int i = 0; i < 3; i++) {
        roll(enough);
        assert_int_equal(keep_after(10 * MILLISECOND_NS), MR_OK);
        assert_false(demand.is_streaming);
        assert_int_equal(count_spares(MRI_HOT_SPARE_READY, true), 1);
    }
    roll(enough);
    roll(enough - 1); /* two since the last look, with one sync too few: that is a stream */
    assert_int_equal(keep_after(10 * MILLISECOND_NS), MR_OK);
    assert_true(demand.is_streaming);
    roll(0); /* and slow ones are none */
    assert_int_equal(keep_after(SECOND_NS), MR_OK);
    assert_false(demand.is_streaming);
    expect_log_whole();
}

static void rolls_make_more_wanted_and_one_is_enough_ten_seconds_later(void **fixture)
{
    (void)fixture;
    assert_int_equal(keep_after(0), MR_OK);
    atomic_store(&shared->spares_wanted, 1);
    for (unsigned i = 1; i <= 6; i++) {
        roll(0);
        unsigned wanted = i + 1 < MRI_HOT_SPARES_WANTED ? i + 1 : MRI_HOT_SPARES_WANTED;
        assert_int_equal(atomic_load(&shared->spares_wanted), wanted);
        assert_int_equal(keep_after(MILLISECOND_NS), MR_OK);
        unsigned filled = count_spares(MRI_HOT_SPARE_READY, true);
        assert_int_equal(count_spares(MRI_HOT_SPARE_READY, false) + filled, wanted);
    }
    assert_int_equal(keep_after(10 * SECOND_NS), MR_OK);
    assert_int_equal(atomic_load(&shared->spares_wanted), MRI_HOT_SPARES_WANTED);
    assert_int_equal(keep_after(1), MR_OK);
    assert_int_equal(atomic_load(&shared->spares_wanted), 1);
    expect_log_whole();
}

static void a_spare_is_made_when_half_of_the_segment_is_used(void **fixture)
{
    (void)fixture;
    roll(0); /* takes the one there was */
    atomic_store(&shared->spares_wanted, 1);
    assert_int_equal(keep_after(0), MR_OK);
    expect_spares(0, 0);
    while (atomic_load(&shared->tail) % SEGMENT <= SEGMENT / 2) {
        assert_int_equal(append_some(&sample.hot), MR_OK);
    }
    assert_int_equal(keep_after(0), MR_OK);
    expect_spares(0, 1);
}

/* ---- failures -------------------------------------------------------------------------------- */

static void a_full_disk_is_asked_again_later(void **fixture)
{
    (void)fixture;
    roll(0);
    assert_int_equal(append_some(&sample.hot), MR_OK);
    atomic_store(&shared->spares_wanted, 2);
    faults.is_sticky = true;
    mri_os_faults_arm(&faults, MRI_OS_CALL_ALLOCATE, 1, MR_ENOSPC);
    assert_int_equal(keep_after(0), MR_ENOSPC);
    expect_spares(0, 0);
    assert_int_equal(faults.calls[MRI_OS_CALL_REMOVE], 1); /* no half of one is left */
    assert_int_equal(keep_after(99 * MILLISECOND_NS), MR_OK);
    assert_int_equal(faults.calls[MRI_OS_CALL_ALLOCATE], 1);
    assert_int_equal(append_some(&sample.hot), MR_OK); /* there is room in the segment */
    assert_int_equal(keep_after(MILLISECOND_NS), MR_ENOSPC);
    assert_int_equal(faults.calls[MRI_OS_CALL_ALLOCATE], 2);
    mr_err err = MR_OK;
    while (err == MR_OK) {
        err = append_some(&sample.hot);
    }
    assert_int_equal(err, MR_ENOSPC); /* the segment is full; the append was refused whole */
    mri_os_faults_arm(&faults, MRI_OS_CALL_ANY, 0, MR_EIO);
    assert_int_equal(keep_after(100 * MILLISECOND_NS), MR_OK);
    assert_int_equal(count_spares(MRI_HOT_SPARE_READY, false), 1);
    assert_int_equal(count_spares(MRI_HOT_SPARE_READY, true), 1);
    expect_log_whole();
}

/** Where so many more segments have room than there are: how many are begun before MR_ENOSPC? */
static uint64_t segments_until_full(unsigned room)
{
    mr_err err = MR_OK;
    uint64_t first = newest_segment();
    faults.is_sticky = true;
    mri_os_faults_arm(&faults, MRI_OS_CALL_ALLOCATE, room + 1, MR_ENOSPC);
    while (err == MR_OK) {
        err = append_some(&sample.hot);
    }
    assert_int_equal(err, MR_ENOSPC);
    assert_int_equal(faults.calls[MRI_OS_CALL_REMOVE], faults.fired); /* no half of one is left */
    expect_spares(0, 0);
    return newest_segment() - first;
}

static void the_disk_is_full_when_no_segment_has_room_and_not_before(void **fixture)
{
    for (unsigned room = 1; room <= 6; room++) { /* the more segments, the more spares at once */
        assert_int_equal(segments_until_full(room), room + 1); /* a spare was there */
        mri_os_faults_arm(&faults, MRI_OS_CALL_ALLOCATE, 2, MR_ENOSPC);
        roll(0); /* one more, and that is enough for one */
        faults.is_sticky = false;
        mri_os_faults_arm(&faults, MRI_OS_CALL_ANY, 0, MR_EIO);
        expect_log_whole();
        (void)tear_down(fixture);
        (void)set_up(fixture);
    }
}

static void a_spare_that_cannot_be_filled_stays_ready_and_is_tried_again_later(void **fixture)
{
    (void)fixture;
    static const enum mri_os_call kinds[] = {
        MRI_OS_CALL_OPEN, MRI_OS_CALL_WRITE_BULK, MRI_OS_CALL_SYNC_DATA, MRI_OS_CALL_DROP_CACHE};
    for (size_t i = 0; i < MRI_COUNT_OF(kinds); i++) {
        mri_os_faults_arm(&faults, kinds[i], 1, MR_EIO);
        assert_int_equal(keep_after(100 * MILLISECOND_NS), MR_EIO);
        expect_spares(1, 0);
        assert_int_equal(faults.calls[MRI_OS_CALL_OPEN],
            faults.calls[MRI_OS_CALL_CLOSE] + (kinds[i] == MRI_OS_CALL_OPEN));
        assert_int_equal(keep_after(99 * MILLISECOND_NS), MR_OK);
        expect_spares(1, 0);
        assert_int_equal(append_some(&sample.hot), MR_OK); /* it is no fault of the log */
    }
    assert_int_equal(keep_after(MILLISECOND_NS), MR_OK);
    expect_spares(0, 1);
    assert_false(mri_hot_tail_counters(&sample.hot).is_poisoned);
    roll(0);
    expect_log_whole();
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_spare_is_ready_as_soon_as_it_is_reserved),
        TEST(the_keeper_fills_one_spare_after_the_other),
        TEST(a_filled_spare_is_taken_first_wherever_it_stands),
        TEST(spares_of_a_thin_log_and_of_one_that_has_no_threads_are_not_filled),
        TEST(a_roll_never_takes_the_spare_that_is_being_filled),
        TEST(who_waits_for_a_spare_breaks_filling_off),
        TEST(who_waited_and_was_killed_keeps_nobody_from_filling_for_long),
        TEST(who_leaves_breaks_filling_off),
        TEST(a_spare_that_was_left_half_filled_is_ready_for_the_next_one),
        TEST(a_log_that_streams_is_not_held_up_by_filling),
        TEST(segments_whose_appenders_wait_for_syncs_are_filled_however_fast_they_follow),
        TEST(rolls_make_more_wanted_and_one_is_enough_ten_seconds_later),
        TEST(a_spare_is_made_when_half_of_the_segment_is_used),
        TEST(a_full_disk_is_asked_again_later),
        TEST(the_disk_is_full_when_no_segment_has_room_and_not_before),
        TEST(a_spare_that_cannot_be_filled_stays_ready_and_is_tried_again_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
