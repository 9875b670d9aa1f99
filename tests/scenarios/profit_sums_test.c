/* SPDX-License-Identifier: MIT */
/*
 * Money: over many trades of a random market the books are the sum of the fills, computed here once
 * more from the fills alone.
 */
#include <stdlib.h>

#include "base/check.h"
#include "base/prng.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/lives.h"
#include "tests/lib/plain_config.h"

enum { PRICE = MRI_STORY_PRICE, MINUTES = 4000, SYMBOLS = 3, WAVE = 40, SIGNALS_MAX = 100000 };

/** Waves with noise; the oracle is right most of the time, so both sides win and lose. */
static struct mri_story *random_story(uint64_t seed)
{
    struct mri_story *story = mri_story_begin(mri_plain_config, SYMBOLS);
    struct mri_prng prng;
    int64_t prices[SYMBOLS] = {PRICE, PRICE / 3, PRICE * 7};
    mri_prng_init(&prng, seed);
    mri_story_make_brisk(story);
    story->config.gates_coverage_min = 0.0;
    for (int64_t minute = 1; minute <= MINUTES; minute++) {
        bool is_up = minute / WAVE % 2 == 0;
        for (uint32_t i = 0; i < SYMBOLS; i++) {
            int64_t unit = prices[i] / 2000;
            int64_t noise = (int64_t)mri_prng_below(&prng, (uint64_t)(4 * unit)) - 2 * unit;
            prices[i] += (is_up == (i != 1) ? unit : -unit) + noise;
            mri_script_add_close(&story->script, i, minute, prices[i]);
        }
        for (uint32_t i = 0; i < SYMBOLS && minute % 5 == 0; i++) {
            bool is_long = (is_up == (i != 1)) == (mri_prng_below(&prng, 5) != 0);
            mri_script_add_signal(&story->script, i, minute, "oracle", is_long ? 0.9 : -0.9, 2);
        }
    }
    return story;
}

struct account {
    int64_t cash_e8;
    int64_t gross_e8;
    int64_t fee_e8;
    int64_t slippage_e8;
    int64_t quantity;
};

struct sums {
    struct account *signals; /**< by ordinal */
    struct account all;      /**< of closed positions */
    int64_t net_e8;          /**< as position.closed says */
    unsigned fills;
    unsigned closes;
    unsigned wins;
    unsigned entries[2];
    unsigned exits[3];
};

/** Prices have 2 decimals, quantities 3, money 8. */
static int64_t value_e8(int64_t price, int64_t quantity)
{
    return price * quantity * 1000;
}

static void take_fill(struct sums *sums, const struct mri_event *event)
{
    const struct mri_order_filled *fill = event->body;
    struct account *account = &sums->signals[event->ordinal];
    int64_t sign = fill->side == MR_LONG ? -1 : 1; /* of money */
    int64_t value = value_e8(fill->price, fill->quantity);
    int64_t fee = (value / 1000000 * 500) + (value % 1000000 * 500 + 500000) / 1000000; /* 5 bps */
    assert_int_equal(fill->fee_e8, fee);
    assert_int_equal(
        fill->slippage_e8, -sign * (value - value_e8(fill->reference_price, fill->quantity)));
    assert_true(fill->slippage_e8 >= 0);
    account->cash_e8 += sign * value - fee;
    account->gross_e8 += sign * value_e8(fill->reference_price, fill->quantity);
    account->fee_e8 += fee;
    account->slippage_e8 += fill->slippage_e8;
    account->quantity -= sign * fill->quantity;
    sums->fills++;
    if (fill->leg == MRI_LEG_ENTRY) {
        sums->entries[fill->side == MR_SHORT]++;
    }
}

static void take_close(struct sums *sums, const struct mri_event *event)
{
    const struct mri_position_closed *closed = event->body;
    const struct account *account = &sums->signals[event->ordinal];
    bool is_up = closed->exit_price > closed->entry_price;
    assert_int_equal(account->quantity, 0);
    assert_int_equal(closed->net_e8, account->cash_e8);
    assert_int_equal(closed->gross_e8, account->gross_e8);
    assert_int_equal(closed->fee_e8, account->fee_e8);
    assert_int_equal(closed->slippage_e8, account->slippage_e8);
    assert_int_equal(closed->net_e8, closed->gross_e8 - closed->fee_e8 - closed->slippage_e8);
    if (closed->exit_price != closed->entry_price) { /* the sign of the money before fees */
        assert_int_equal(closed->net_e8 + closed->fee_e8 > 0, is_up == (closed->side == MR_LONG));
    }
    sums->all.cash_e8 += account->cash_e8;
    sums->all.gross_e8 += account->gross_e8;
    sums->all.fee_e8 += account->fee_e8;
    sums->all.slippage_e8 += account->slippage_e8;
    sums->net_e8 += closed->net_e8;
    sums->closes++;
    sums->wins += closed->net_e8 > 0;
    sums->exits[closed->reason - MRI_REASON_STOP]++;
}

static void visit(void *context, const struct mri_event *event)
{
    struct sums *sums = context;
    assert_true(event->ordinal < SIGNALS_MAX);
    if (event->type == MRI_EVENT_ORDER_FILLED) {
        take_fill(sums, event);
    } else if (event->type == MRI_EVENT_POSITION_CLOSED) {
        take_close(sums, event);
    }
}

static void check_books(uint64_t seed)
{
    struct mri_story *story = random_story(seed);
    struct sums sums = {.signals = calloc(SIGNALS_MAX, sizeof(struct account))};
    MRI_ASSERT(sums.signals != NULL);
    mri_story_open(story);
    mri_story_play(story);
    mri_story_walk(story, &(struct mri_story_walker){.context = &sums, .visit = visit});
    const struct mri_ledger *ledger = &story->node.fold.wiring.execute.ledger;
    print_message("seed %llu: %u closes, %u won, entries %u long %u short, exits %u stop %u target "
                  "%u time\n",
        (unsigned long long)seed, sums.closes, sums.wins, sums.entries[0], sums.entries[1],
        sums.exits[0], sums.exits[1], sums.exits[2]);
    assert_true(sums.closes > 50 && sums.wins > 5 && sums.closes - sums.wins > 5);
    assert_true(sums.entries[0] > 5 && sums.entries[1] > 5);
    assert_true(sums.exits[0] > 0 && sums.exits[1] > 0 && sums.exits[2] > 0);
    assert_int_equal(ledger->mismatches, 0);
    assert_int_equal(ledger->fills, sums.fills);
    assert_int_equal(ledger->closes, sums.closes);
    assert_int_equal(ledger->gross_e8, sums.all.gross_e8);
    assert_int_equal(ledger->fee_e8, sums.all.fee_e8);
    assert_int_equal(ledger->slippage_e8, sums.all.slippage_e8);
    assert_int_equal(ledger->net_e8, sums.all.cash_e8);
    assert_int_equal(ledger->net_e8, sums.net_e8);
    assert_int_equal(ledger->net_e8, ledger->gross_e8 - ledger->fee_e8 - ledger->slippage_e8);
    mri_story_end_feed(story);
    mri_story_close(story);
    mri_lives_check(story);
    mri_story_check_replay(story);
    free(sums.signals);
    mri_story_end(story);
}

static void the_books_are_the_sum_of_the_fills(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        check_books(seed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_books_are_the_sum_of_the_fills),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
