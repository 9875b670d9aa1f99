/* SPDX-License-Identifier: MIT */
/*
 * Tests of the timers for signals that do not move on.
 */
#include "pipeline/stuck.h"

#include "tests/lib/cmocka_all.h"

#define S ((int64_t)1000000000)

static struct mri_market market;
static struct mri_stuck stuck;
static uint64_t seq;
static const struct mri_stuck_options options = {
    .after_ns = {[MR_GENERATED] = 10 * S, [MR_EVALUATING] = 5 * S, [MR_BLOCKED] = 0}};

static int set_up(void **fixture)
{
    (void)fixture;
    market = (struct mri_market){.event_time_unix_ns = 1000 * S};
    mri_stuck_init(&stuck, mri_alloc_system(), &market, &options);
    seq = 0;
    return 0;
}

static int tear_down(void **fixture)
{
    (void)fixture;
    mri_stuck_fini(&stuck);
    return 0;
}

static uint64_t apply(uint16_t type, const void *body, uint32_t ordinal)
{
    const struct mri_event event = {.type = type, .seq = ++seq, .ordinal = ordinal, .body = body};
    assert_int_equal(mri_stuck_engine.apply(&stuck, &event), MR_OK);
    return seq;
}

static void pass(int64_t duration_ns)
{
    static const struct mri_tick tick;
    market.event_time_unix_ns += duration_ns;
    (void)apply(MRI_EVENT_TICK, &tick, 0);
}

static void be_born(uint32_t ordinal)
{
    static const struct mri_signal_generated body;
    (void)apply(MRI_EVENT_SIGNAL_GENERATED, &body, ordinal);
}

static void move(uint32_t ordinal, mr_state to)
{
    const struct mri_signal_moved body = {.to = (uint8_t)to};
    (void)apply(MRI_EVENT_SIGNAL_MOVED, &body, ordinal);
}

static void tell(uint32_t ordinal, uint64_t about)
{
    const struct mri_alert body = {.about = about, .reason = MRI_REASON_STUCK};
    (void)apply(MRI_EVENT_ALERT, &body, ordinal);
}

static uint32_t next(void)
{
    const struct mri_stuck_life *life;
    return mri_stuck_next(&stuck, &life);
}

struct seen {
    uint32_t ordinals[8];
    uint32_t count;
};

static void see(void *context, uint32_t ordinal, const struct mri_stuck_life *life)
{
    struct seen *seen = context;
    assert_non_null(life);
    seen->ordinals[seen->count++] = ordinal;
}

static uint32_t visit(struct seen *seen, uint32_t most)
{
    const struct mri_stuck_visitor visitor = {.context = seen, .visit = see};
    uint32_t count;
    *seen = (struct seen){.count = 0};
    assert_int_equal(mri_stuck_visit(&stuck, most, &visitor, &count), MR_OK);
    return count;
}

static void a_step_of_time_has_its_turn_before_anybody_is_stuck(void **fixture)
{
    (void)fixture;
    be_born(1);
    pass(9 * S);
    assert_int_equal(next(), 0);
    pass(1 * S); /* the limit */
    assert_int_equal(next(), 0);
    pass(1 * S);
    assert_int_equal(next(), 1);
    be_born(2);
    pass(1000 * S); /* a gap: what it brings may still end the signal */
    assert_int_equal(next(), 1);
    move(2, MR_LEARNED);
    tell(1, 1);
    pass(1 * S);
    assert_int_equal(next(), 0);
}

static void it_is_told_once_and_a_move_begins_anew(void **fixture)
{
    (void)fixture;
    struct seen seen;
    be_born(7);
    be_born(3);
    pass(11 * S);
    pass(1 * S);
    assert_int_equal(next(), 3);
    assert_int_equal(visit(&seen, 8), 2);
    assert_int_equal(seen.ordinals[0], 3);
    assert_int_equal(seen.ordinals[1], 7);
    tell(3, 99); /* of a state that it is not in any more */
    assert_int_equal(next(), 3);
    tell(3, 2);
    assert_int_equal(next(), 7);
    tell(7, 1);
    assert_int_equal(next(), 0);
    assert_int_equal(visit(&seen, 1), 2); /* told ones are stuck all the same */
    assert_int_equal(seen.count, 1);
    move(3, MR_EVALUATING);
    assert_int_equal(visit(&seen, 8), 1);
    assert_int_equal(seen.ordinals[0], 7);
    pass(6 * S);
    pass(1 * S);
    assert_int_equal(next(), 3);
    move(3, MR_BLOCKED); /* has no limit */
    move(7, MR_LEARNED);
    pass(1000 * S);
    pass(1 * S);
    assert_int_equal(visit(&seen, 8), 0);
    move(3, MR_LEARNED);
    assert_int_equal(stuck.lives.count, 0);
    assert_int_equal(stuck.told.count, 0);
}

static void an_older_move_does_not_undo_a_later_one(void **fixture)
{
    (void)fixture;
    be_born(1);
    const struct mri_signal_moved later = {.to = MR_BLOCKED};
    const struct mri_event early = {
        .type = MRI_EVENT_SIGNAL_MOVED, .seq = 50, .ordinal = 1, .body = &later};
    assert_int_equal(mri_stuck_engine.apply(&stuck, &early), MR_OK);
    move(1, MR_EVALUATING);
    pass(100 * S);
    pass(1 * S);
    assert_int_equal(next(), 0);
}

static void other_limits_count_at_once(void **fixture)
{
    (void)fixture;
    struct mri_stuck_options other = options;
    be_born(1);
    pass(6 * S);
    pass(1 * S);
    assert_int_equal(next(), 0);
    other.after_ns[MR_GENERATED] = 5 * S;
    mri_stuck_configure(&stuck, &other);
    assert_int_equal(next(), 1);
    other.after_ns[MR_GENERATED] = 0;
    mri_stuck_configure(&stuck, &other);
    assert_int_equal(next(), 0);
}

static void a_snapshot_keeps_who_was_told(void **fixture)
{
    (void)fixture;
    struct mri_stuck loaded;
    struct mri_buf buf;
    struct mri_unpack unpack;
    struct seen seen;
    be_born(1);
    be_born(2);
    pass(20 * S);
    pass(1 * S);
    tell(1, 1);
    mri_buf_init(&buf, mri_alloc_system(), 65536);
    mri_stuck_engine.save(&stuck, &buf);
    mri_stuck_init(&loaded, mri_alloc_system(), &market, &options);
    mri_unpack_init(&unpack, buf.bytes, buf.count);
    assert_int_equal(mri_stuck_engine.load(&loaded, &unpack), MR_OK);
    assert_int_equal(mri_unpack_end(&unpack), MR_OK);
    mri_stuck_fini(&stuck);
    stuck = loaded;
    assert_int_equal(next(), 2);
    assert_int_equal(visit(&seen, 8), 2);
    mri_buf_fini(&buf);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_step_of_time_has_its_turn_before_anybody_is_stuck),
        TEST(it_is_told_once_and_a_move_begins_anew),
        TEST(an_older_move_does_not_undo_a_later_one),
        TEST(other_limits_count_at_once),
        TEST(a_snapshot_keeps_who_was_told),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
