/* SPDX-License-Identifier: MIT */
/*
 * The engine of evaluation: when it opens views and decides, what waits and expires, and that its
 * state is a function of the events.
 */
#include "evaluate/evaluate.h"

#include <string.h>

#include "tests/lib/cmocka_all.h"
#include "tests/lib/evaluate_sample.h"
#include "tests/lib/failing_alloc.h"

#define MINUTE MRI_ENGINE_SAMPLE_MINUTE_NS

enum { SYMBOLS = 3, EXT = MRI_SOURCE_EXTERNAL_FIRST };

static struct mri_evaluate_sample it;

static int set_up(void **fixture)
{
    (void)fixture;
    mri_evaluate_sample_init(&it);
    return 0;
}

static int tear_down(void **fixture)
{
    (void)fixture;
    mri_evaluate_sample_fini(&it);
    return 0;
}

/* ---- views ----------------------------------------------------------------------------------- */

static void step_views_open_every_so_many_bars_while_there_is_evidence(void **fixture)
{
    (void)fixture;
    mri_evaluate_sample_bars(&it, 7);
    assert_int_equal(mri_engine_sample_count(&it.log, MRI_EVENT_VIEW, 0), 0);
    it.evidence.terms[0] = (struct mri_row_term){.x = -0.5, .source = 3};
    it.evidence.term_count = 1;
    it.evidence.ready = 4;
    uint8_t wanted_30m = 0;
    for (unsigned i = 0; i < 60; i++) {
        uint32_t from = it.log.count;
        mri_evaluate_sample_bars(&it, 1);
        bool is_step = it.minute % mri_evaluate_sample_options.step_bars == 0;
        assert_int_equal(mri_engine_sample_count(&it.log, MRI_EVENT_VIEW, from), is_step);
        assert_int_equal(mri_engine_sample_count(&it.log, MRI_EVENT_PREDICTION, from), is_step);
        if (!is_step) {
            continue;
        }
        const struct mri_event *event = mri_evaluate_sample_newest(&it, MRI_EVENT_VIEW);
        const struct mri_view *view = event->body;
        unsigned count;
        const struct mri_row_term *terms = mri_event_rows(event, 0, &count);
        assert_int_equal(view->kind, MRI_VIEW_STEP);
        assert_int_equal(count, 1); /* a source without a vote has no term */
        assert_int_equal(terms->source, 3);
        assert_true(terms->x == -0.5);
        assert_int_equal(view->ready_count, 4);
        assert_int_equal(view->source_count, 5);
        assert_int_equal(view->signal_count, 0);
        wanted_30m = wanted_30m < 6 ? (uint8_t)(wanted_30m + 1) : 6;
        assert_int_equal(view->open_30m, wanted_30m);
        assert_int_equal(view->open_1m, 1);
    }
    assert_int_equal(wanted_30m, 6);
}

static void signals_of_a_bar_are_decided_on_its_step_view(void **fixture)
{
    (void)fixture;
    mri_evaluate_sample_bars(&it, MRI_EVALUATE_SAMPLE_WARM);
    while ((it.minute + 1) % mri_evaluate_sample_options.step_bars != 0) {
        mri_evaluate_sample_bars(&it, 1);
    }
    const struct mri_engine_sample_signal signal = mri_evaluate_sample_signal(&it, 0.5, MR_LONG);
    uint32_t ordinal = mri_evaluate_sample_put(&it, &signal);
    uint32_t from = it.log.count;
    mri_evaluate_sample_bars(&it, 1);
    assert_int_equal(mri_engine_sample_count(&it.log, MRI_EVENT_VIEW, from), 1);
    const struct mri_view *view = mri_evaluate_sample_newest(&it, MRI_EVENT_VIEW)->body;
    assert_int_equal(view->kind, MRI_VIEW_STEP);
    assert_int_equal(view->signal_count, 1);
    assert_true(mri_ref_seq(mri_evaluate_sample_heard(&it, ordinal).fixed->view,
                    mri_evaluate_sample_heard(&it, ordinal).seq) ==
                mri_evaluate_sample_newest(&it, MRI_EVENT_VIEW)->seq);
}

static void a_signal_from_outside_is_a_term_until_its_time_is_over(void **fixture)
{
    (void)fixture;
    mri_evaluate_sample_bars(&it, MRI_EVALUATE_SAMPLE_WARM);
    struct mri_engine_sample_signal signal = mri_evaluate_sample_signal(&it, 0.5, MR_SHORT);
    signal.valid_for_ns = 2 * MINUTE;
    assert_int_equal(mri_engine_sample_emit(&it.log, &signal), MR_OK);
    uint32_t ordinal = it.log.next_ordinal - 1;
    struct mri_engine_sample_signal probe = mri_evaluate_sample_signal(&it, 0.25, MR_LONG);
    probe.source = "probe";
    for (unsigned i = 1; i <= 3; i++) {
        mri_evaluate_sample_bars(&it, 1);
        probe.time_unix_ns = it.log.market.event_time_unix_ns;
        assert_int_equal(mri_engine_sample_emit(&it.log, &probe), MR_OK);
        unsigned count;
        const struct mri_row_term *terms =
            mri_event_rows(mri_evaluate_sample_newest(&it, MRI_EVENT_VIEW), 0, &count);
        assert_int_equal(count, i <= 2 ? 2 : 1);
        if (i <= 2) {
            assert_true(terms[0].x == -0.5 && terms[0].ordinal == ordinal);
            assert_int_equal(terms[0].source, EXT);
            assert_int_equal(terms[0].origin, MRI_ORIGIN_EXTERNAL);
        }
        assert_int_equal(terms[count - 1].source, EXT + 1);
    }
}

/* ---- waiting, expiring, others --------------------------------------------------------------- */

static void a_signal_of_a_symbol_without_a_price_waits_for_its_first_bar(void **fixture)
{
    (void)fixture;
    mri_evaluate_sample_bars(&it, 3);
    struct mri_engine_sample_signal signal = mri_evaluate_sample_signal(&it, 0.5, MR_LONG);
    signal.symbol = 1;
    assert_int_equal(mri_engine_sample_emit(&it.log, &signal), MR_OK);
    uint32_t ordinal = it.log.next_ordinal - 1;
    mri_evaluate_sample_bars(&it, 1);
    assert_null(mri_evaluate_sample_heard(&it, ordinal).fixed);
    const struct mri_candle bar = mri_engine_sample_bar(1, it.minute, 500);
    assert_int_equal(mri_engine_sample_candle(&it.log, &bar), MR_OK);
    assert_non_null(mri_evaluate_sample_heard(&it, ordinal).fixed);
    assert_int_equal(it.evaluate.undecided.count, 0);
}

static void an_undecided_signal_expires_only_after_its_time_limit(void **fixture)
{
    (void)fixture;
    mri_evaluate_sample_bars(&it, 3);
    struct mri_engine_sample_signal signal = mri_evaluate_sample_signal(&it, 0.5, MR_LONG);
    signal.symbol = 1;
    signal.valid_for_ns = 2 * MINUTE;
    assert_int_equal(mri_engine_sample_emit(&it.log, &signal), MR_OK);
    uint32_t from = it.log.count;
    int64_t limit = signal.time_unix_ns + signal.valid_for_ns;
    assert_int_equal(mri_engine_sample_tick(&it.log, limit, MRI_REASON_TIME_PASSED), MR_OK);
    assert_int_equal(mri_engine_sample_count(&it.log, MRI_EVENT_SIGNAL_MOVED, from), 0);
    assert_int_equal(mri_engine_sample_tick(&it.log, limit + 1, MRI_REASON_TIME_PASSED), MR_OK);
    assert_int_equal(mri_engine_sample_count(&it.log, MRI_EVENT_SIGNAL_MOVED, from), 1);
    const struct mri_signal_moved *move =
        mri_evaluate_sample_newest(&it, MRI_EVENT_SIGNAL_MOVED)->body;
    assert_int_equal(move->from, MR_GENERATED);
    assert_int_equal(move->to, MR_EXPIRED);
    assert_int_equal(move->actor, MRI_ACTOR_TIMER);
    assert_int_equal(move->gate, MRI_GATE_EXPIRY);
    assert_int_equal(move->reason, MRI_REASON_VALID_FOR_ELAPSED);
    assert_int_equal(it.evaluate.undecided.count, 0);
}

static void what_waits_at_the_end_of_the_feed_expires(void **fixture)
{
    (void)fixture;
    mri_evaluate_sample_bars(&it, 3);
    struct mri_engine_sample_signal signal = mri_evaluate_sample_signal(&it, 0.5, MR_LONG);
    signal.symbol = 1;
    assert_int_equal(mri_engine_sample_emit(&it.log, &signal), MR_OK);
    assert_int_equal(
        mri_engine_sample_tick(&it.log, signal.time_unix_ns, MRI_REASON_FEED_ENDED), MR_OK);
    const struct mri_signal_moved *move =
        mri_evaluate_sample_newest(&it, MRI_EVENT_SIGNAL_MOVED)->body;
    assert_int_equal(move->to, MR_EXPIRED);
    assert_int_equal(move->reason, MRI_REASON_FEED_ENDED);
    assert_int_equal(it.evaluate.undecided.count, 0);
}

static void a_signal_that_another_process_moved_is_left_to_it(void **fixture)
{
    (void)fixture;
    mri_evaluate_sample_bars(&it, MRI_EVALUATE_SAMPLE_WARM);
    const struct mri_engine_sample_signal signal = mri_evaluate_sample_signal(&it, 0.5, MR_LONG);
    uint32_t ordinal = mri_evaluate_sample_put(&it, &signal);
    const struct mri_signal_moved foreign = {.signal = it.log.count,
        .from = MR_GENERATED,
        .to = MR_EVALUATING,
        .actor = MRI_ACTOR_EXTERNAL,
        .reason = MRI_REASON_EXTERNAL};
    mri_evaluate_sample_fact(&it, MRI_EVENT_SIGNAL_MOVED, &foreign, ordinal);
    mri_evaluate_sample_bars(&it, 1);
    assert_null(mri_evaluate_sample_heard(&it, ordinal).fixed);
    assert_int_equal(it.evaluate.undecided.count, 0);
}

static unsigned tick_until_nothing_is_left(void)
{
    unsigned ticks = 0;
    while (it.log.is_cut) {
        assert_int_equal(mri_engine_sample_tick(
                             &it.log, it.log.market.event_time_unix_ns, MRI_REASON_TIME_PASSED),
            MR_OK);
        ticks++;
        assert_true(ticks < 10);
    }
    return ticks;
}

static void what_does_not_fit_a_batch_is_decided_at_the_next_ticks(void **fixture)
{
    (void)fixture;
    enum { SIGNALS = 2000, WAITING = 4000 };
    mri_evaluate_sample_bars(&it, 3);
    struct mri_engine_sample_signal signal = mri_evaluate_sample_signal(&it, 0.5, MR_LONG);
    for (unsigned i = 0; i < SIGNALS; i++) {
        (void)mri_evaluate_sample_put(&it, &signal);
    }
    mri_evaluate_sample_bars(&it, 1);
    assert_true(tick_until_nothing_is_left() > 0);
    assert_int_equal(mri_engine_sample_count(&it.log, MRI_EVENT_DECISION, 0), SIGNALS);
    for (uint32_t ordinal = 1; ordinal <= SIGNALS; ordinal += 97) {
        assert_non_null(mri_evaluate_sample_heard(&it, ordinal).fixed); /* once */
    }
    signal.symbol = 2; /* without a price: they wait until they expire */
    for (unsigned i = 0; i < WAITING; i++) {
        (void)mri_evaluate_sample_put(&it, &signal);
    }
    uint32_t from = it.log.count;
    mri_evaluate_sample_bars(&it, 6);
    assert_int_equal(it.evaluate.undecided.count, 0);
    assert_int_equal(mri_engine_sample_count(&it.log, MRI_EVENT_SIGNAL_MOVED, from), WAITING);
}

/* ---- the state ------------------------------------------------------------------------------- */

static void put_mode(struct mri_engine_sample *log, enum mri_mode mode)
{
    const struct mri_mode_changed change = {.to = (uint8_t)mode, .actor = MRI_ACTOR_OPERATOR};
    assert_int_equal(mri_engine_sample_put(log,
                         &(struct mri_draft){.type = MRI_EVENT_MODE_CHANGED, .fixed = &change}, 0),
        MR_OK);
}

/** A stretch of market with evidence, signals of two sources, approvals, a priceless symbol and a
 * mode. */
static void busy_market(void)
{
    it.evidence.terms[0] = (struct mri_row_term){.x = 0.25, .source = 2};
    it.evidence.term_count = 1;
    mri_evaluate_sample_bars(&it, MRI_EVALUATE_SAMPLE_WARM);
    mri_evaluate_sample_teach(&it, EXT, MR_HORIZON_30M, 2.0);
    (void)mri_evaluate_sample_emit(&it, 0.8, MR_LONG);
    struct mri_engine_sample_signal waiting = mri_evaluate_sample_signal(&it, 0.5, MR_SHORT);
    waiting.symbol = 2;
    waiting.source = "other";
    assert_int_equal(mri_engine_sample_emit(&it.log, &waiting), MR_OK);
    mri_evaluate_sample_bars(&it, 2);
    put_mode(&it.log, MRI_MODE_CLOSE_ONLY);
}

static void a_snapshot_is_the_fold_of_the_log_and_goes_on_alike(void **fixture)
{
    (void)fixture;
    static struct mri_engine_sample other;
    static struct mri_evaluate loaded;
    static struct mri_evaluate folded;
    busy_market();
    assert_int_equal(mri_engine_sample_continue(&other, &it.log), MR_OK);
    mri_evaluate_sample_engine(&it, &other, &loaded);
    assert_int_equal(mri_engine_sample_move(&mri_evaluate_engine, &it.evaluate, &loaded), MR_OK);
    mri_engine_sample_add(&other, &mri_evaluate_engine, &loaded);
    for (unsigned i = 0; i < 20; i++) {
        struct mri_engine_sample_signal signal =
            mri_evaluate_sample_signal(&it, 0.5 + 0.01 * i, MR_LONG);
        mri_evaluate_sample_bars(&it, 1);
        const struct mri_candle bar =
            mri_engine_sample_bar(0, it.minute, it.minute % 2 == 0 ? 10000 : 10010);
        assert_int_equal(mri_engine_sample_candle(&other, &bar), MR_OK);
        signal.time_unix_ns = it.log.market.event_time_unix_ns;
        assert_int_equal(mri_engine_sample_emit(&it.log, &signal), MR_OK);
        assert_int_equal(mri_engine_sample_emit(&other, &signal), MR_OK);
        if (i % 10 == 5) {
            put_mode(&it.log, i < 10 ? MRI_MODE_RUN : MRI_MODE_CLOSE_ONLY);
            put_mode(&other, i < 10 ? MRI_MODE_RUN : MRI_MODE_CLOSE_ONLY);
        }
    }
    assert_true(mri_engine_sample_is_same(&it.log, 0, &other, 0));

    static struct mri_engine_sample fresh;
    mri_engine_sample_init(&fresh, SYMBOLS);
    mri_evaluate_sample_engine(&it, &fresh, &folded);
    mri_engine_sample_add(&fresh, &mri_evaluate_engine, &folded);
    for (uint32_t i = 0; i < it.log.count; i++) {
        const struct mri_event *event = &it.log.events[i];
        uint32_t number;
        if (event->type == MRI_EVENT_SIGNAL_GENERATED) { /* the bus numbers sources first */
            assert_int_equal(mri_intern_add(&fresh.sources,
                                 mri_event_text(event, MRI_TEXT_signal_generated_source), &number),
                MR_OK);
        }
        assert_int_equal(mri_engine_sample_fold(&fresh, event), MR_OK);
    }
    struct mri_buf a;
    struct mri_buf b;
    mri_buf_init(&a, mri_alloc_system(), 1 << 26);
    mri_buf_init(&b, mri_alloc_system(), 1 << 26);
    mri_evaluate_engine.save(&folded, &a);
    mri_evaluate_engine.save(&loaded, &b);
    assert_int_equal(a.count, b.count);
    assert_memory_equal(a.bytes, b.bytes, a.count);
    mri_buf_fini(&a);
    mri_buf_fini(&b);
    mri_evaluate_fini(&folded);
    mri_evaluate_fini(&loaded);
    mri_engine_sample_fini(&fresh);
    mri_engine_sample_fini(&other);
}

static void a_damaged_snapshot_is_refused(void **fixture)
{
    (void)fixture;
    struct mri_buf saved;
    struct mri_unpack unpack;
    busy_market();
    mri_buf_init(&saved, mri_alloc_system(), 1 << 26);
    mri_evaluate_engine.save(&it.evaluate, &saved);
    const size_t cuts[] = {0, 1, saved.count / 2, saved.count - 1};
    for (size_t i = 0; i < MRI_COUNT_OF(cuts); i++) {
        struct mri_evaluate loaded;
        mri_evaluate_sample_engine(&it, &it.log, &loaded);
        mri_unpack_init(&unpack, saved.bytes, cuts[i]);
        assert_int_equal(mri_evaluate_engine.load(&loaded, &unpack), MR_ECORRUPT);
        mri_evaluate_fini(&loaded);
    }
    mri_buf_fini(&saved);
}

static void an_engine_whose_gates_cannot_be_trusted_does_not_start(void **fixture)
{
    (void)fixture;
    struct mri_evaluate refused;
    struct mri_evaluate_options bad = mri_evaluate_sample_options;
    mr_problem problem = {0};
    bad.gates.stale_signal_s = 1e300; /* an age that nothing exceeds */
    assert_int_equal(mri_evaluate_init(&refused, mri_alloc_system(), &it.log.market,
                         &it.log.sources, &bad, &problem),
        MR_EINTERNAL);
    assert_non_null(strstr(problem.text, "stale"));
    assert_int_equal(mri_evaluate_configure(&it.evaluate, &bad, NULL), MR_EINTERNAL);
    assert_true(it.evaluate.options.gates.stale_signal_s ==
                mri_evaluate_sample_options.gates.stale_signal_s);
}

static void memory_that_is_missing_is_answered_and_nothing_is_kept(void **fixture)
{
    (void)fixture;
    mr_err err = MR_ENOMEM;
    for (unsigned failing = 1; err != MR_OK; failing++) {
        struct failing_alloc alloc;
        struct mri_evaluate engine;
        failing_alloc_init(&alloc, failing);
        err = mri_evaluate_init(&engine, &alloc.alloc, &it.log.market, &it.log.sources,
            &mri_evaluate_sample_options, NULL);
        assert_true(err == MR_OK || err == MR_ENOMEM);
        mri_evaluate_fini(&engine);
        assert_int_equal(alloc.live_bytes, 0);
        assert_true(failing < 20);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(step_views_open_every_so_many_bars_while_there_is_evidence),
        TEST(signals_of_a_bar_are_decided_on_its_step_view),
        TEST(a_signal_from_outside_is_a_term_until_its_time_is_over),
        TEST(a_signal_of_a_symbol_without_a_price_waits_for_its_first_bar),
        TEST(an_undecided_signal_expires_only_after_its_time_limit),
        TEST(what_waits_at_the_end_of_the_feed_expires),
        TEST(a_signal_that_another_process_moved_is_left_to_it),
        TEST(what_does_not_fit_a_batch_is_decided_at_the_next_ticks),
        TEST(a_snapshot_is_the_fold_of_the_log_and_goes_on_alike),
        TEST(a_damaged_snapshot_is_refused),
        TEST(an_engine_whose_gates_cannot_be_trusted_does_not_start),
        TEST(memory_that_is_missing_is_answered_and_nothing_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
