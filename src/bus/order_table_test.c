/* SPDX-License-Identifier: MIT */
/*
 * The table of orders outside: random reports against a model, ids, snapshots, timers.
 */
#include "bus/order_table.h"

#include <stdio.h>
#include <string.h>

#include "base/prng.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/environment.h"

enum {
    SIGNALS = 6,
    QUANTITY = 500,
    INSTRUMENT = 3,
    PRICE = 1000,
    FILLS_MAX = 4000,
    ATTEMPTS = MRI_ORDER_ATTEMPT_MAX + 1
};

#define LOG_NUMBER UINT64_C(0x123456789a)

static struct mri_order_table table;
static struct mri_prng prng;
static uint64_t seq;
static _Alignas(8) uint8_t bytes[4096];

/** What must be of an order, kept by other means. */
struct expected {
    enum mri_order_state state;
    uint64_t intent_seq;
    int64_t filled;
    int venue_id; /* 0: not said */
};

/** Each leg's orders; the newest is that of `attempt`. */
static struct {
    unsigned attempt;
    struct expected orders[ATTEMPTS];
} model[SIGNALS + 1][MRI_LEG_COUNT];

static struct expected *newest(uint32_t ordinal, unsigned leg)
{
    return &model[ordinal][leg].orders[model[ordinal][leg].attempt];
}

/** Every fill that was taken in. */
static struct mri_order_claim fills[FILLS_MAX];
static unsigned fill_count;

static bool is_known_fill(const struct mri_order_claim *claim)
{
    for (unsigned i = 0; i < fill_count; i++) {
        if (fills[i].ordinal == claim->ordinal && fills[i].leg == claim->leg &&
            fills[i].attempt == claim->attempt && fills[i].price == claim->price &&
            fills[i].quantity == claim->quantity) {
            return true;
        }
    }
    return false;
}

static int set_up(void **fixture)
{
    (void)fixture;
    mri_order_table_init(&table, mri_alloc_system());
    mri_prng_init(&prng, 77);
    memset(model, 0, sizeof(model));
    fill_count = 0;
    seq = 100;
    return 0;
}

static int tear_down(void **fixture)
{
    (void)fixture;
    mri_order_table_fini(&table);
    return 0;
}

static struct mri_event encode(const struct mri_draft *draft, uint32_t ordinal)
{
    mri_event_encode(draft, bytes);
    return (struct mri_event){.type = draft->type,
        .seq = seq,
        .ordinal = ordinal,
        .body = bytes,
        .body_bytes = (uint32_t)mri_event_body_bytes(draft)};
}

static struct mri_event intent_of(uint32_t ordinal, unsigned leg, enum mri_venue_mode mode)
{
    const struct mri_order_intent fixed = {.quantity = QUANTITY,
        .reference_price = PRICE,
        .instrument = INSTRUMENT,
        .side = MR_LONG,
        .leg = (uint8_t)leg,
        .venue_mode = (uint8_t)mode};
    return encode(&(struct mri_draft){.type = MRI_EVENT_ORDER_INTENT, .fixed = &fixed}, ordinal);
}

/** Take an intent in if it fits. */
static mr_err intend(uint32_t ordinal, unsigned leg)
{
    seq++;
    struct mri_event event = intent_of(ordinal, leg, MRI_VENUE_EXTERNAL);
    mr_err err = mri_order_table_fits(&table, &event);
    if (err == MR_OK) {
        assert_int_equal(mri_order_table_reserve(&table, 1), MR_OK);
        mri_order_table_take(&table, &event, (int64_t)seq);
    }
    return err;
}

static struct mri_event report_of(const struct mri_order_claim *claim, uint64_t intent_seq)
{
    const struct mri_order_report fixed = {.intent = intent_seq,
        .event_time_unix_ns = (int64_t)seq,
        .venue_time_unix_ns = claim->venue_time_unix_ns,
        .quantity = claim->quantity,
        .price = claim->price,
        .fee_e8 = claim->fee_e8,
        .instrument = claim->instrument,
        .side = claim->side,
        .leg = (uint8_t)claim->leg,
        .status = (uint8_t)claim->status};
    const struct mri_draft draft = {.type = MRI_EVENT_ORDER_REPORT,
        .fixed = &fixed,
        .texts = {[MRI_TEXT_order_report_venue_order_id] = claim->venue_order_id}};
    return encode(&draft, claim->ordinal);
}

static bool is_in(enum mri_order_state state, const char *states)
{
    return strstr(states, mri_order_state_text(state)) != NULL;
}

/** What the rules of docs/EXECUTION.md say of a claim, written a second time. */
static enum mri_reason expect(const struct mri_order_claim *claim, int venue_id, bool *ret_repeated)
{
    *ret_repeated = false;
    if (claim->ordinal > SIGNALS || claim->attempt >= ATTEMPTS ||
        model[claim->ordinal][claim->leg].orders[claim->attempt].state == MRI_ORDER_NONE) {
        return MRI_REASON_ORDER_UNKNOWN;
    }
    const struct expected *order = &model[claim->ordinal][claim->leg].orders[claim->attempt];
    if (claim->instrument != INSTRUMENT && claim->instrument != UINT32_MAX) {
        return MRI_REASON_SYMBOL_DIFFERS;
    }
    if (claim->side == MR_SHORT) {
        return MRI_REASON_SIDE_DIFFERS;
    }
    bool is_filled = claim->status == MRI_REPORT_FILLED;
    if (order->venue_id != 0 && venue_id != 0 && order->venue_id != venue_id) {
        return MRI_REASON_VENUE_ORDER_DIFFERS;
    }
    enum mri_order_state state = order->state;
    static const char *const is_old_news[] = {
        [MRI_REPORT_SENT] = "sent accepted in_doubt filled rejected cancelled",
        [MRI_REPORT_ACCEPTED] = "accepted filled cancelled",
        [MRI_REPORT_FILLED] = "",
        [MRI_REPORT_REJECTED] = "rejected",
        [MRI_REPORT_CANCELLED] = "cancelled",
        [MRI_REPORT_UNKNOWN] = "in_doubt filled rejected cancelled"};
    if (is_in(state, is_old_news[claim->status])) {
        *ret_repeated = true;
        return MRI_REASON_NONE;
    }
    if (is_filled && is_known_fill(claim)) {
        *ret_repeated = true;
        return MRI_REASON_NONE;
    }
    if (is_filled && state == MRI_ORDER_FILLED) {
        return MRI_REASON_FILL_DIFFERS;
    }
    if (is_in(state, "filled rejected cancelled")) {
        return MRI_REASON_ORDER_OVER;
    }
    if (is_filled && claim->quantity > QUANTITY - order->filled) {
        return MRI_REASON_QUANTITY_DIFFERS;
    }
    return claim->status == MRI_REPORT_REJECTED && state == MRI_ORDER_ACCEPTED && order->filled == 0
               ? MRI_REASON_ORDER_STEP
               : MRI_REASON_NONE;
}

static struct mri_order_claim any_claim(int *ret_venue_id)
{
    static const char *const ids[] = {"", "v1", "v2"};
    *ret_venue_id = mri_prng_below(&prng, 8) == 0 ? 2 : (int)mri_prng_below(&prng, 2);
    bool is_odd = mri_prng_below(&prng, 20) == 0;
    struct mri_order_claim claim = {
        .ordinal = (uint32_t)mri_prng_below(&prng, SIGNALS + 2),
        .leg = (unsigned)mri_prng_below(&prng, MRI_LEG_COUNT),
        .status = (enum mri_report_status)mri_prng_below(&prng, 6),
        .instrument = is_odd                          ? 1
                      : mri_prng_below(&prng, 2) == 0 ? INSTRUMENT
                                                      : UINT32_MAX,
        .side = mri_prng_below(&prng, 20) == 0 ? MR_SHORT : MR_LONG,
        .venue_order_id = mri_slice_of(ids[*ret_venue_id]),
    };
    if (claim.status == MRI_REPORT_FILLED) {
        static const int64_t quantities[] = {
            QUANTITY, QUANTITY / 2, QUANTITY / 5, QUANTITY - 1, QUANTITY + 1};
        claim.quantity = quantities[mri_prng_below(&prng, MRI_COUNT_OF(quantities))];
        claim.price = PRICE + (int64_t)mri_prng_below(&prng, 2);
    }
    if (claim.ordinal != 0 && claim.ordinal <= SIGNALS) {
        unsigned attempt = model[claim.ordinal][claim.leg].attempt;
        claim.attempt = mri_prng_below(&prng, 10) == 0 ? attempt + 1 : attempt;
        if (mri_prng_below(&prng, 5) == 0) { /* what comes late */
            claim.attempt = (unsigned)mri_prng_below(&prng, attempt + 1);
        }
    }
    return claim;
}

static void check_counts(void)
{
    uint32_t live = 0;
    uint32_t in_doubt = 0;
    for (uint32_t ordinal = 1; ordinal <= SIGNALS; ordinal++) {
        for (unsigned leg = 0; leg < MRI_LEG_COUNT; leg++) {
            live += mri_order_is_live(newest(ordinal, leg)->state);
            in_doubt += newest(ordinal, leg)->state == MRI_ORDER_IN_DOUBT;
        }
    }
    assert_int_equal(table.live_count, live);
    assert_int_equal(table.in_doubt_count, in_doubt);
}

/** What has become of each order of a leg. */
static void check_orders(uint32_t ordinal, unsigned leg)
{
    for (unsigned attempt = 0; attempt < ATTEMPTS; attempt++) {
        const struct expected *expected = &model[ordinal][leg].orders[attempt];
        const struct mri_table_order *order =
            mri_order_table_attempt(&table, ordinal, leg, attempt);
        int64_t fee_e8;
        if (expected->state == MRI_ORDER_NONE) {
            assert_null(order);
            return;
        }
        assert_non_null(order);
        assert_int_equal(order->attempt, attempt);
        assert_int_equal(order->state, expected->state);
        assert_int_equal(order->intent_seq, expected->intent_seq);
        assert_int_equal(mri_order_table_filled(&table, order, &fee_e8), expected->filled);
    }
}

static void step_intent(void)
{
    uint32_t ordinal = 1 + (uint32_t)mri_prng_below(&prng, SIGNALS);
    unsigned leg = (unsigned)mri_prng_below(&prng, MRI_LEG_COUNT);
    enum mri_order_state state = newest(ordinal, leg)->state;
    bool is_again = state == MRI_ORDER_REJECTED || state == MRI_ORDER_CANCELLED;
    bool is_next = state == MRI_ORDER_NONE || (leg != MRI_LEG_ENTRY && is_again);
    assert_int_equal(intend(ordinal, leg), is_next ? MR_OK : MR_REFUSED);
    if (is_next) {
        model[ordinal][leg].attempt += is_again;
        *newest(ordinal, leg) = (struct expected){.state = MRI_ORDER_INTENT, .intent_seq = seq};
    }
    check_orders(ordinal, leg);
}

static void step_report(void)
{
    int venue_id;
    bool is_repeated;
    bool must_repeat;
    struct mri_order_claim claim = any_claim(&venue_id);
    enum mri_reason wanted = expect(&claim, venue_id, &must_repeat);
    assert_int_equal(mri_order_table_check(&table, &claim, &is_repeated), wanted);
    assert_int_equal(is_repeated, must_repeat);
    if (wanted != MRI_REASON_NONE || is_repeated || claim.instrument != INSTRUMENT) {
        return;
    }
    seq++;
    struct expected *order = newest(claim.ordinal, claim.leg);
    assert_int_equal(claim.attempt, model[claim.ordinal][claim.leg].attempt);
    struct mri_event event = report_of(&claim, order->intent_seq);
    assert_int_equal(mri_order_table_fits(&table, &event), MR_OK);
    assert_int_equal(mri_order_table_reserve_parts(&table, 1), MR_OK);
    mri_order_table_take(&table, &event, (int64_t)seq);
    assert_int_equal(mri_order_table_fits(&table, &event), MR_REFUSED); /* never a second time */
    order->state = mri_order_state_reported(claim.status);
    if (venue_id != 0) {
        order->venue_id = venue_id;
    }
    if (claim.status == MRI_REPORT_FILLED) {
        order->filled += claim.quantity;
        assert_true(fill_count < FILLS_MAX);
        fills[fill_count++] = claim;
        order->state = order->filled == QUANTITY ? MRI_ORDER_FILLED : MRI_ORDER_ACCEPTED;
    }
    check_orders(claim.ordinal, claim.leg);
}

static void random_reports_are_judged_by_the_rules(void **fixture)
{
    uint64_t steps = mri_environment_number("ORDER_STEPS", 30000);
    for (uint64_t i = 0; i < steps; i++) {
        if (mri_prng_below(&prng, 400) == 0) {
            (void)tear_down(fixture);
            mri_order_table_init(&table, mri_alloc_system());
            memset(model, 0, sizeof(model));
            fill_count = 0;
        } else if (mri_prng_below(&prng, 6) == 0) {
            step_intent();
        } else {
            step_report();
        }
        check_counts();
    }
}

/** What a version that took no parts has saved is read, and what has none is saved like that. */
static void a_table_without_parts_is_saved_as_ever(void **fixture)
{
    (void)fixture;
    struct mri_buf saved;
    uint64_t intents;
    assert_int_equal(intend(1, MRI_LEG_ENTRY), MR_OK);
    struct mri_order_claim claim = {.ordinal = 1,
        .status = MRI_REPORT_FILLED,
        .instrument = INSTRUMENT,
        .side = MR_LONG,
        .quantity = QUANTITY,
        .price = PRICE};
    seq++;
    struct mri_event event = report_of(&claim, seq - 1);
    mri_order_table_take(&table, &event, (int64_t)seq); /* a fill of the whole needs no room */
    mri_buf_init(&saved, mri_alloc_system(), 1 << 20);
    mri_order_table_save(&table, &saved);
    memcpy(&intents, saved.bytes, sizeof(intents));
    assert_int_equal(intents, 1);
    assert_int_equal(saved.count, 4 * 8 + 4 + 16 + sizeof(struct mri_table_order));
    mri_buf_fini(&saved);
}

static void orders_on_paper_are_none_of_it(void **fixture)
{
    (void)fixture;
    struct mri_event event = intent_of(1, MRI_LEG_ENTRY, MRI_VENUE_PAPER);
    assert_false(mri_order_table_is_outside(&event));
    assert_int_equal(mri_order_table_fits(&table, &event), MR_OK);
    mri_order_table_take(&table, &event, 1);
    assert_int_equal(table.queue.count, 0);
}

static void an_id_is_read_back_and_belongs_to_one_log_and_order(void **fixture)
{
    (void)fixture;
    for (unsigned i = 0; i < 2000; i++) {
        char id[MRI_ORDER_ID_BYTES];
        uint32_t wanted = 1 + (uint32_t)mri_prng_below(&prng, (1u << 28) - 1);
        unsigned wanted_leg = (unsigned)mri_prng_below(&prng, MRI_LEG_COUNT);
        unsigned wanted_attempt = (unsigned)mri_prng_below(&prng, MRI_ORDER_ATTEMPT_MAX + 1);
        uint32_t ordinal;
        unsigned leg;
        unsigned attempt;
        (void)mri_order_table_id(LOG_NUMBER, wanted, wanted_leg, wanted_attempt, id);
        struct mri_slice text = mri_slice_of(id);
        assert_int_equal(text.count, 18);
        assert_int_equal(strspn(id, "0123456789abcdefghjkmnpqrstvwxyz"), 18);
        assert_int_equal(
            mri_order_table_parse_id(LOG_NUMBER, text, &ordinal, &leg, &attempt), MR_OK);
        assert_int_equal(ordinal, wanted);
        assert_int_equal(leg, wanted_leg);
        assert_int_equal(attempt, wanted_attempt);
        assert_int_equal(
            mri_order_table_parse_id(LOG_NUMBER + 1, text, &ordinal, &leg, &attempt), MR_NOT_FOUND);
        id[mri_prng_below(&prng, 18)] = "U!ilo "[mri_prng_below(&prng, 6)];
        assert_int_equal(
            mri_order_table_parse_id(LOG_NUMBER, text, &ordinal, &leg, &attempt), MR_NOT_FOUND);
    }
    uint32_t ordinal;
    unsigned leg;
    unsigned attempt;
    assert_int_equal(
        mri_order_table_parse_id(LOG_NUMBER, mri_slice_of(""), &ordinal, &leg, &attempt),
        MR_NOT_FOUND);
}

static void put_alert(uint32_t ordinal, uint64_t about)
{
    seq++;
    const struct mri_alert fixed = {.about = about, .reason = MRI_REASON_ORDER_STUCK};
    struct mri_event event =
        encode(&(struct mri_draft){.type = MRI_EVENT_ALERT, .fixed = &fixed}, ordinal);
    mri_order_table_take(&table, &event, (int64_t)seq);
}

static void an_order_is_stuck_until_it_is_told_and_again_after_a_report(void **fixture)
{
    (void)fixture;
    uint32_t ordinal;
    unsigned leg;
    assert_int_equal(intend(2, MRI_LEG_ENTRY), MR_OK);
    int64_t since = (int64_t)seq;
    uint64_t intent_seq = seq;
    assert_null(mri_order_table_stuck(&table, since, &ordinal, &leg));
    assert_non_null(mri_order_table_stuck(&table, since + 1, &ordinal, &leg));
    assert_int_equal(ordinal, 2);
    assert_int_equal(leg, MRI_LEG_ENTRY);
    put_alert(2, intent_seq - 1); /* about something else */
    assert_int_equal(table.told_count, 0);
    put_alert(2, intent_seq);
    assert_int_equal(table.told_count, 1);
    assert_null(mri_order_table_stuck(&table, INT64_MAX, &ordinal, &leg));
    seq += 50;
    struct mri_order_claim claim = {
        .ordinal = 2, .status = MRI_REPORT_UNKNOWN, .instrument = INSTRUMENT, .side = MR_LONG};
    struct mri_event event = report_of(&claim, intent_seq);
    mri_order_table_take(&table, &event, (int64_t)seq);
    assert_int_equal(table.told_count, 0);
    assert_null(mri_order_table_stuck(&table, (int64_t)seq, &ordinal, &leg));
    assert_non_null(mri_order_table_stuck(&table, (int64_t)seq + 1, &ordinal, &leg));
    seq++;
    claim.status = MRI_REPORT_CANCELLED;
    event = report_of(&claim, intent_seq);
    mri_order_table_take(&table, &event, (int64_t)seq);
    assert_null(mri_order_table_stuck(&table, INT64_MAX, &ordinal, &leg));
    assert_int_equal(table.live_count, 0);
}

static uint64_t dispute(unsigned number, const char *message)
{
    static const struct mri_order_disputed fixed = {.status = MRI_REPORT_FILLED};
    char id[24];
    (void)snprintf(id, sizeof(id), "m%u", number);
    const struct mri_draft draft = {.type = MRI_EVENT_ORDER_DISPUTED,
        .fixed = &fixed,
        .texts = {[MRI_TEXT_order_disputed_order_id] = mri_slice_of(id),
            [MRI_TEXT_order_disputed_message] = mri_slice_of(message)}};
    seq++;
    const struct mri_event event = encode(&draft, 0);
    mri_order_table_take(&table, &event, (int64_t)seq);
    return mri_order_table_dispute_hash(mri_slice_of(id), MRI_REPORT_FILLED, mri_slice_of(message));
}

static void the_newest_disputes_are_known_also_after_a_snapshot(void **fixture)
{
    (void)fixture;
    struct mri_buf saved;
    struct mri_order_table loaded;
    struct mri_unpack unpack;
    mri_buf_init(&saved, mri_alloc_system(), 1 << 20);
    mri_order_table_save(&table, &saved);
    size_t bytes_before = saved.count;
    uint64_t first = dispute(0, "quantity");
    assert_true(mri_order_table_knows_dispute(&table, first));
    mri_buf_clear(&saved);
    mri_order_table_save(&table, &saved);
    assert_int_equal(saved.count, bytes_before); /* one alone is saved as ever */
    uint64_t second = dispute(0, "side");
    assert_true(mri_order_table_knows_dispute(&table, first));
    mri_buf_clear(&saved);
    mri_order_table_save(&table, &saved);
    mri_order_table_init(&loaded, mri_alloc_system());
    mri_unpack_init(&unpack, saved.bytes, saved.count);
    assert_int_equal(mri_order_table_load(&loaded, &unpack), MR_OK);
    assert_int_equal(mri_unpack_end(&unpack), MR_OK);
    assert_true(mri_order_table_knows_dispute(&loaded, first));
    assert_true(mri_order_table_knows_dispute(&loaded, second));
    assert_int_equal(loaded.disputes, 2);
    assert_int_equal(loaded.intents, table.intents);
    mri_order_table_fini(&loaded);
    for (unsigned i = 1; i < MRI_ORDER_DISPUTES_KNOWN; i++) {
        (void)dispute(i, "quantity");
    }
    assert_false(mri_order_table_knows_dispute(&table, first)); /* what is known is bounded */
    assert_true(mri_order_table_knows_dispute(&table, second));
    mri_buf_fini(&saved);
}

static void a_snapshot_gives_the_same_table_and_damage_is_found(void **fixture)
{
    (void)fixture;
    struct mri_buf saved;
    struct mri_buf again;
    struct mri_order_table loaded;
    struct mri_unpack unpack;
    for (unsigned i = 0; i < 600; i++) {
        if (i % 3 == 0) {
            step_intent();
        } else {
            step_report();
        }
    }
    mri_buf_init(&saved, mri_alloc_system(), 1 << 20);
    mri_buf_init(&again, mri_alloc_system(), 1 << 20);
    assert_true(table.part_count > 0);
    assert_true(table.earlier_count > 0);
    mri_order_table_save(&table, &saved);
    mri_order_table_init(&loaded, mri_alloc_system());
    mri_unpack_init(&unpack, saved.bytes, saved.count);
    assert_int_equal(mri_order_table_load(&loaded, &unpack), MR_OK);
    assert_int_equal(mri_unpack_end(&unpack), MR_OK);
    mri_order_table_save(&loaded, &again);
    assert_int_equal(saved.count, again.count);
    assert_memory_equal(saved.bytes, again.bytes, saved.count);
    assert_int_equal(loaded.live_count, table.live_count);
    assert_int_equal(loaded.in_doubt_count, table.in_doubt_count);
    mri_order_table_fini(&loaded);
    saved.bytes[saved.count - sizeof(struct mri_table_order) +
                offsetof(struct mri_table_order, state)] = MRI_ORDER_SENT;
    mri_order_table_init(&loaded, mri_alloc_system());
    mri_unpack_init(&unpack, saved.bytes, saved.count);
    assert_int_equal(
        mri_order_table_load(&loaded, &unpack), MR_ECORRUPT); /* an earlier one lives */
    mri_order_table_fini(&loaded);
    for (size_t cut = 0; cut < saved.count; cut += 7) {
        mri_order_table_init(&loaded, mri_alloc_system());
        mri_unpack_init(&unpack, saved.bytes, cut);
        assert_int_equal(mri_order_table_load(&loaded, &unpack), MR_ECORRUPT);
        mri_order_table_fini(&loaded);
    }
    mri_buf_fini(&saved);
    mri_buf_fini(&again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(random_reports_are_judged_by_the_rules, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_table_without_parts_is_saved_as_ever, set_up, tear_down),
        cmocka_unit_test_setup_teardown(orders_on_paper_are_none_of_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            an_id_is_read_back_and_belongs_to_one_log_and_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            an_order_is_stuck_until_it_is_told_and_again_after_a_report, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            the_newest_disputes_are_known_also_after_a_snapshot, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            a_snapshot_gives_the_same_table_and_damage_is_found, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
