/* SPDX-License-Identifier: MIT */
/*
 * Claims as workers see them, and what the pipeline does beside them, on a machine in memory.
 */
#include "api/claim.h"

#include <string.h>

#include "tests/lib/api_sample.h"
#include "tests/lib/cmocka_all.h"

#define MS ((int64_t)1000000)
#define S  (1000 * MS)

static struct mri_api_sample sample;
static mr_bus *desk; /* the first worker */
static mr_bus *other;
static mr_problem problem;
static mr_move_conflict conflict;
static int64_t played; /* minutes of the market */

static int set_up(void **fixture)
{
    (void)fixture;
    mri_api_sample_begin(&sample);
    desk = sample.bus;
    other = mri_api_sample_open(&sample);
    played = 1;
    problem.text[0] = '\0';
    conflict = (mr_move_conflict){0};
    return 0;
}

static int tear_down(void **fixture)
{
    (void)fixture;
    mr_bus_close(other);
    mri_api_sample_end(&sample);
    return 0;
}

static uint32_t emit(const char *source)
{
    const mr_emission emission = mri_api_sample_emission(&sample, 0, source);
    return mri_api_sample_emit(other, &emission).n;
}

/** One of a symbol without a price: the pipeline waits with it. */
static uint32_t emit_waiting(const char *source, int64_t valid_for_ns)
{
    mr_emission emission = mri_api_sample_emission(&sample, 1, source);
    emission.valid_for_ns = valid_for_ns;
    return mri_api_sample_emit(other, &emission).n;
}

static mr_claim_options by(const char *owner)
{
    return (mr_claim_options){
        .from = MR_GENERATED, .next = MR_EVALUATING, .owner = owner, .lease_ns = 60 * S};
}

static mr_claim claim_one(mr_bus *bus, const char *owner, uint32_t ordinal)
{
    mr_claim_options options = by(owner);
    mr_claim claim = {{0}, {0}, MR_GENERATED, MR_GENERATED, 0};
    options.ordinal.n = ordinal;
    mr_err err = mr_bus_claim(bus, &options, MR_ASYNC, &claim, &conflict, &problem);
    if (err != MR_OK) {
        fail_msg("claim: %s: %s", mr_err_name(err), problem.text);
    }
    assert_true(ordinal == 0 || claim.ordinal.n == ordinal);
    return claim;
}

static mr_err try_claim(mr_bus *bus, const char *owner, uint32_t ordinal, mr_claim *ret_claim)
{
    mr_claim_options options = by(owner);
    options.ordinal.n = ordinal;
    return mr_bus_claim(bus, &options, MR_ASYNC, ret_claim, &conflict, &problem);
}

static mr_move to(uint32_t ordinal, mr_state from, mr_state state)
{
    bool is_blocked = state == MR_BLOCKED;
    return (mr_move){.ordinal = {ordinal},
        .from = from,
        .to = state,
        .gate = is_blocked ? "external" : NULL,
        .reason = is_blocked ? "external" : NULL};
}

static mr_err move_by(mr_bus *bus, uint32_t ordinal, mr_state from, mr_state state)
{
    const mr_move move = to(ordinal, from, state);
    return mr_bus_move(bus, &move, 1, MR_ASYNC, &conflict, &problem);
}

static mr_state state_of(mr_bus *bus, uint32_t ordinal)
{
    mr_signal signal;
    assert_int_equal(mr_bus_follow(bus, NULL), MR_OK);
    assert_int_equal(mr_bus_get(bus, (mr_ordinal){ordinal}, &signal), MR_OK);
    return signal.state;
}

/** The machine's clock goes on. */
static void pass(int64_t duration_ns)
{
    const struct mri_os *os = &sample.story->machine.table;
    os->sleep_ns(os->context, duration_ns);
}

/** As when the process is killed: its locks go, nothing is logged. */
static void kill_worker(mr_bus *bus)
{
    mri_claim_leases_fini(&bus->claiming->watch.leases);
}

static uint64_t acts(uint32_t ordinal, enum mri_claim_act act)
{
    struct mri_story_query query = {.type = MRI_EVENT_SIGNAL_CLAIMED, .ordinal = ordinal};
    struct mri_event event;
    uint64_t count = 0;
    while (mri_story_find(sample.story, &query, &event)) {
        count += ((const struct mri_signal_claimed *)event.body)->act == act;
        query.after_seq = event.seq;
    }
    return count;
}

/* ---- workers among themselves ---------------------------------------------------------------- */

static void the_oldest_goes_to_the_first_and_nobody_else_has_it(void **fixture)
{
    (void)fixture;
    mr_claim claim;
    mr_claimant claimant;
    uint32_t first = emit("bot");
    uint32_t second = emit("bot");
    assert_int_equal(claim_one(desk, "desk", 0).ordinal.n, first);
    assert_int_equal(claim_one(other, "rival", 0).ordinal.n, second);
    assert_int_equal(try_claim(other, "rival", 0, &claim), MR_END);
    assert_int_equal(try_claim(other, "rival", first, &claim), MR_CONFLICT);
    assert_string_equal(conflict.owner, "desk");
    assert_int_equal(conflict.found, MR_GENERATED);
    assert_non_null(strstr(problem.text, "claimed by \"desk\""));
    assert_int_equal(try_claim(desk, "desk", first, &claim), MR_CONFLICT); /* twice */
    assert_string_equal(conflict.owner, "desk");
    assert_int_equal(state_of(other, first), MR_GENERATED); /* a claim is no move */
    assert_int_equal(mr_bus_claimant(other, (mr_ordinal){first}, &claimant), MR_OK);
    assert_string_equal(claimant.owner, "desk");
    assert_int_equal(claimant.next, MR_EVALUATING);
    assert_int_equal(claimant.seq.n, conflict.winner.n);
    assert_int_equal(mr_bus_claimant(other, (mr_ordinal){first + 9}, &claimant), MR_NOT_FOUND);
}

static void only_the_owner_moves_and_the_end_ends_the_claim(void **fixture)
{
    (void)fixture;
    mr_claimant claimant;
    uint32_t ordinal = emit("bot");
    mr_claim claim = claim_one(desk, "desk", ordinal);
    assert_int_equal(move_by(other, ordinal, MR_GENERATED, MR_EXPIRED), MR_CONFLICT);
    assert_string_equal(conflict.owner, "desk");
    assert_int_equal(conflict.winner.n, claim.seq.n);
    mr_move move = to(0, MR_GENERATED, MR_EVALUATING);
    assert_int_equal(mr_claim_move(desk, &claim, &move, MR_ASYNC, &conflict, &problem), MR_OK);
    assert_int_equal(move_by(other, ordinal, MR_EVALUATING, MR_APPROVED), MR_CONFLICT);
    assert_int_equal(move_by(desk, ordinal, MR_EVALUATING, MR_APPROVED), MR_OK); /* it is his */
    move = to(0, MR_APPROVED, MR_EXECUTING);
    assert_int_equal(mr_claim_move(desk, &claim, &move, MR_ASYNC, &conflict, &problem), MR_OK);
    assert_int_equal(mr_bus_claimant(desk, (mr_ordinal){ordinal}, &claimant), MR_OK);
    move = to(0, MR_EXECUTING, MR_EXECUTED);
    assert_int_equal(mr_claim_move(desk, &claim, &move, MR_ASYNC, &conflict, &problem), MR_OK);
    assert_int_equal(mr_bus_claimant(desk, (mr_ordinal){ordinal}, &claimant), MR_NOT_FOUND);
    assert_int_equal(
        mr_claim_move(desk, &claim, &move, MR_ASYNC, &conflict, &problem), MR_CONFLICT);
    assert_int_equal(mr_claim_renew(desk, &claim, S, &problem), MR_CONFLICT);
    assert_int_equal(mr_claim_release(desk, &claim, MR_ASYNC, &problem), MR_CONFLICT);
}

static void several_moves_at_once_are_all_the_owners_or_none(void **fixture)
{
    (void)fixture;
    uint32_t free = emit("bot");
    uint32_t ordinal = emit("bot");
    (void)claim_one(desk, "desk", ordinal);
    const mr_move moves[] = {to(free, MR_GENERATED, MR_EVALUATING),
        to(ordinal, MR_GENERATED, MR_EVALUATING), to(ordinal, MR_EVALUATING, MR_APPROVED)};
    assert_int_equal(mr_bus_move(other, moves, 3, MR_ASYNC, &conflict, &problem), MR_CONFLICT);
    assert_int_equal(conflict.ordinal.n, ordinal);
    assert_int_equal(state_of(other, free), MR_GENERATED);
    assert_int_equal(mr_bus_move(desk, moves, 3, MR_ASYNC, &conflict, &problem), MR_OK);
    assert_int_equal(state_of(other, ordinal), MR_APPROVED);
}

static void what_is_released_is_free(void **fixture)
{
    (void)fixture;
    mr_claim claim;
    uint32_t ordinal = emit("bot");
    mr_claim mine = claim_one(desk, "desk", ordinal);
    assert_int_equal(mr_claim_release(desk, &mine, MR_ASYNC, &problem), MR_OK);
    assert_int_equal(mr_claim_release(desk, &mine, MR_ASYNC, &problem), MR_CONFLICT);
    claim = claim_one(other, "rival", 0);
    assert_int_equal(claim.ordinal.n, ordinal);
    assert_int_equal(mr_claim_release(desk, &mine, MR_ASYNC, &problem), MR_CONFLICT);
    assert_non_null(strstr(problem.text, "rival"));
    assert_int_equal(acts(ordinal, MRI_CLAIM_RELEASED), 1);
}

static void a_lease_that_is_over_returns_the_signal(void **fixture)
{
    (void)fixture;
    mr_claim claim;
    uint32_t ordinal = emit("bot");
    mr_claim mine = claim_one(desk, "desk", ordinal);
    pass(59 * S);
    assert_int_equal(try_claim(other, "rival", 0, &claim), MR_END);
    assert_int_equal(mr_claim_renew(desk, &mine, 60 * S, &problem), MR_OK);
    pass(59 * S);
    assert_int_equal(try_claim(other, "rival", 0, &claim), MR_END);
    pass(2 * S);
    assert_int_equal(mr_claim_renew(desk, &mine, 60 * S, &problem), MR_CONFLICT);
    assert_int_equal(claim_one(other, "rival", 0).ordinal.n, ordinal);
    const mr_move move = to(0, MR_GENERATED, MR_EVALUATING);
    assert_int_equal(mr_claim_move(desk, &mine, &move, MR_ASYNC, &conflict, &problem), MR_CONFLICT);
    assert_string_equal(conflict.owner, "rival");
    assert_int_equal(acts(ordinal, MRI_CLAIM_LEASE_OVER), 1);
}

static void a_lost_claim_moves_nothing_also_when_nobody_has_taken_it_since(void **fixture)
{
    (void)fixture;
    mr_claim claim;
    uint32_t ordinal = emit("bot");
    mr_claim mine = claim_one(desk, "desk", ordinal);
    uint32_t blocker = emit("bot");
    pass(61 * S);
    (void)claim_one(other, "rival", blocker); /* ends the other one on its way */
    const mr_move move = to(0, MR_GENERATED, MR_EVALUATING);
    assert_int_equal(mr_claim_move(desk, &mine, &move, MR_ASYNC, &conflict, &problem), MR_CONFLICT);
    assert_string_equal(conflict.owner, "");
    assert_non_null(strstr(problem.text, "has ended"));
    assert_int_equal(try_claim(other, "rival", 0, &claim), MR_OK);
    assert_int_equal(claim.ordinal.n, ordinal);
}

static void a_lease_that_is_over_counts_though_nobody_has_noticed(void **fixture)
{
    (void)fixture;
    const mr_move move = to(0, MR_GENERATED, MR_EVALUATING);
    for (unsigned i = 0; i < 4; i++) {
        uint32_t ordinal = emit("bot");
        mr_claim mine = claim_one(desk, "desk", ordinal);
        pass(60 * S);
        problem.text[0] = '\0';
        mr_err err =
            i == 0   ? mr_claim_move(desk, &mine, &move, MR_ASYNC, &conflict, &problem)
            : i == 1 ? mr_claim_release(desk, &mine, MR_ASYNC, &problem)
            : i == 2 ? mr_claim_renew(desk, &mine, S, &problem)
                     : move_by(desk, ordinal, MR_GENERATED, MR_EVALUATING); /* it is told once */
        assert_int_equal(err, MR_CONFLICT);
        assert_non_null(strstr(problem.text, "is generated: the claim of event "));
        assert_non_null(strstr(problem.text, "its lease is over"));
        assert_int_equal(acts(ordinal, MRI_CLAIM_LEASE_OVER), 1);
        assert_int_equal(acts(ordinal, MRI_CLAIM_RELEASED), 0);
        assert_int_equal(move_by(desk, ordinal, MR_GENERATED, MR_EVALUATING), MR_OK);
        mr_claim next = claim_one(desk, "desk", emit("bot")); /* may have the same place */
        assert_int_equal(mr_claim_release(desk, &mine, MR_ASYNC, &problem), MR_CONFLICT);
        assert_int_equal(mr_claim_release(desk, &next, MR_ASYNC, &problem), MR_OK);
        assert_int_equal(move_by(desk, next.ordinal.n, MR_GENERATED, MR_EXPIRED), MR_OK);
    }
}

static void a_dead_workers_claims_come_back_at_once(void **fixture)
{
    (void)fixture;
    uint32_t first = emit("bot");
    uint32_t second = emit("bot");
    mr_claim mine = claim_one(desk, "desk", first);
    (void)claim_one(desk, "desk", second);
    const mr_move move = to(0, MR_GENERATED, MR_EVALUATING);
    assert_int_equal(mr_claim_move(desk, &mine, &move, MR_ASYNC, &conflict, &problem), MR_OK);
    kill_worker(desk);
    pass(S); /* the memory machine has nothing to wait for a process with */
    assert_int_equal(claim_one(other, "rival", 0).ordinal.n, second);
    mr_claim claim;
    mr_claim_options options = by("rival");
    options.from = MR_EVALUATING;
    options.next = MR_APPROVED;
    assert_int_equal(mr_bus_claim(other, &options, MR_ASYNC, &claim, &conflict, &problem), MR_OK);
    assert_int_equal(claim.ordinal.n, first);
    assert_int_equal(acts(first, MRI_CLAIM_OWNER_LOST), 1);
    assert_int_equal(acts(second, MRI_CLAIM_OWNER_LOST), 1);
}

static void a_claim_that_does_not_stand_holds_no_mover_up(void **fixture)
{
    (void)fixture;
    uint32_t left = emit("bot");
    uint32_t late = emit("bot");
    uint32_t held = emit("bot");
    (void)claim_one(other, "gone", left);
    kill_worker(other);
    (void)claim_one(desk, "slow", late);
    mr_bus *third = mri_api_sample_open(&sample);
    assert_int_equal(move_by(third, late, MR_GENERATED, MR_EVALUATING), MR_CONFLICT);
    assert_string_equal(conflict.owner, "slow");
    pass(61 * S);
    (void)claim_one(desk, "quick", held);
    assert_int_equal(move_by(third, left, MR_GENERATED, MR_EVALUATING), MR_OK);
    assert_int_equal(move_by(third, late, MR_GENERATED, MR_EVALUATING), MR_OK);
    assert_int_equal(move_by(third, held, MR_GENERATED, MR_EVALUATING), MR_CONFLICT);
    assert_string_equal(conflict.owner, "quick");
    assert_int_equal(acts(late, MRI_CLAIM_LEASE_OVER), 1);
    mr_bus_close(third);
}

static void closing_the_handle_gives_everything_back(void **fixture)
{
    (void)fixture;
    mr_bus *third = mri_api_sample_open(&sample);
    uint32_t ordinal = emit("bot");
    (void)claim_one(third, "desk", ordinal);
    mr_bus_close(third);
    assert_int_equal(claim_one(other, "rival", 0).ordinal.n, ordinal);
    assert_int_equal(acts(ordinal, MRI_CLAIM_RELEASED), 1);
}

static void a_restart_of_the_machine_ends_all_claims(void **fixture)
{
    (void)fixture;
    uint32_t ordinal = emit("bot");
    (void)claim_one(desk, "desk", ordinal);
    desk->claiming->watch.leases.seed ^= 1; /* its leases are of another run of the machine */
    mr_claim mine = claim_one(desk, "desk", emit("bot"));
    (void)mine;
    pass(S);
    assert_int_equal(claim_one(other, "rival", ordinal).ordinal.n, ordinal);
}

static void a_worker_of_the_same_number_inherits_nothing(void **fixture)
{
    (void)fixture;
    static struct mri_claim_leases next; /* of the number; it judges nothing itself */
    mr_claim claim;
    uint32_t ordinal = emit("bot");
    (void)claim_one(desk, "desk", ordinal);
    kill_worker(desk);
    assert_int_equal(
        mri_claim_leases_init(&next, &sample.story->machine.table, MRI_STORY_FOLDER), MR_OK);
    assert_int_equal(mri_claim_leases_attach(&next, &problem), MR_OK);
    assert_int_equal(next.worker, 0);
    pass(S);
    assert_int_equal(try_claim(other, "rival", 0, &claim), MR_OK);
    assert_int_equal(claim.ordinal.n, ordinal);
    mri_claim_leases_fini(&next);
}

static void filters_and_order(void **fixture)
{
    (void)fixture;
    mr_claim claim;
    uint32_t a = emit("a");
    uint32_t b = emit("b");
    uint32_t waiting = emit_waiting("b", 0);
    mr_claim_options options = by("desk");
    options.source = "b";
    options.symbol = sample.symbols[1];
    assert_int_equal(mr_bus_claim(desk, &options, MR_ASYNC, &claim, NULL, &problem), MR_OK);
    assert_int_equal(claim.ordinal.n, waiting);
    options.symbol = NULL;
    assert_int_equal(mr_bus_claim(desk, &options, MR_ASYNC, &claim, NULL, &problem), MR_OK);
    assert_int_equal(claim.ordinal.n, b);
    assert_int_equal(mr_bus_claim(desk, &options, MR_ASYNC, &claim, NULL, &problem), MR_END);
    options.source = "nobody";
    assert_int_equal(mr_bus_claim(desk, &options, MR_ASYNC, &claim, NULL, &problem), MR_END);
    options.source = NULL;
    assert_int_equal(mr_bus_claim(desk, &options, MR_ASYNC, &claim, NULL, &problem), MR_OK);
    assert_int_equal(claim.ordinal.n, a);
}

static void so_many_claims_and_no_more(void **fixture)
{
    (void)fixture;
    mr_claim claim;
    uint32_t first = 0;
    for (unsigned i = 0; i <= MRI_CLAIM_EACH_MAX; i++) {
        uint32_t ordinal = emit("bot");
        first = first == 0 ? ordinal : first;
    }
    for (unsigned i = 0; i < MRI_CLAIM_EACH_MAX; i++) {
        (void)claim_one(desk, "desk", 0);
    }
    assert_int_equal(try_claim(desk, "desk", 0, &claim), MR_FULL);
    assert_non_null(strstr(problem.text, "1024"));
    assert_int_equal(move_by(desk, first + 7, MR_GENERATED, MR_EXPIRED), MR_OK);
    assert_int_equal(try_claim(desk, "desk", 0, &claim), MR_OK);
}

/* ---- bad input ------------------------------------------------------------------------------- */

static void what_is_not_as_it_must_be_is_refused_by_name(void **fixture)
{
    (void)fixture;
    static const char too_long[] =
        "01234567890123456789012345678901234567890123456789012345678901234";
    static const struct {
        mr_claim_options options;
        const char *field;
    } faults[] = {
        {{.from = MR_GENERATED, .next = MR_EVALUATING, .lease_ns = S}, "owner"},
        {{.from = MR_GENERATED, .next = MR_EVALUATING, .lease_ns = S, .owner = ""}, "owner"},
        {{.from = MR_GENERATED, .next = MR_EVALUATING, .lease_ns = S, .owner = too_long}, "owner"},
        {{.from = MR_GENERATED, .next = MR_EVALUATING, .lease_ns = S, .owner = "a\xff"}, "owner"},
        {{.from = MR_GENERATED, .next = MR_EVALUATING, .lease_ns = S, .owner = "a\nb"}, "owner"},
        {{.from = MR_GENERATED, .next = MR_EVALUATING, .lease_ns = 0, .owner = "a"}, "lease"},
        {{.from = MR_GENERATED, .next = MR_EVALUATING, .lease_ns = -S, .owner = "a"}, "lease"},
        {{.from = MR_GENERATED, .next = MR_EVALUATING, .lease_ns = INT64_MAX, .owner = "a"},
            "lease"},
        {{.from = MR_GENERATED, .next = MR_EXECUTED, .lease_ns = S, .owner = "a"}, "generated"},
        {{.from = MR_BLOCKED, .next = MR_LEARNED, .lease_ns = S, .owner = "a"}, "blocked"},
        {{.from = (mr_state)77, .next = MR_LEARNED, .lease_ns = S, .owner = "a"}, "?"},
        {{.from = MR_GENERATED, .next = MR_BLOCKED, .lease_ns = S, .owner = "a", .symbol = "NO"},
            "symbol"},
        {{.from = MR_GENERATED, .next = MR_BLOCKED, .lease_ns = S, .owner = "a", .source = ""},
            "source"},
        {{.from = MR_GENERATED,
             .next = MR_BLOCKED,
             .lease_ns = S,
             .owner = "a",
             .ordinal = {1},
             .symbol = "NO"},
            "symbol: expected none"},
        {{.from = MR_GENERATED,
             .next = MR_BLOCKED,
             .lease_ns = S,
             .owner = "a",
             .ordinal = {1},
             .source = "bot"},
            "source: expected none"},
    };
    uint32_t ordinal = emit("bot");
    mr_claim claim;
    for (size_t i = 0; i < MRI_COUNT_OF(faults); i++) {
        assert_int_equal(
            mr_bus_claim(desk, &faults[i].options, MR_ASYNC, &claim, NULL, &problem), MR_REFUSED);
        assert_non_null(strstr(problem.text, faults[i].field));
    }
    assert_int_equal(try_claim(desk, "desk", ordinal + 1, &claim), MR_NOT_FOUND);
    assert_int_equal(mr_bus_claim(NULL, NULL, MR_ASYNC, NULL, NULL, &problem), MR_EINVAL);
    claim = claim_one(desk, "desk", ordinal);
    assert_int_equal(mr_claim_renew(desk, &claim, 0, &problem), MR_REFUSED);
    assert_int_equal(mr_claim_renew(desk, &claim, -1, &problem), MR_REFUSED);
    mr_move move = to(ordinal, MR_GENERATED, MR_EVALUATING);
    move.actor = "evaluate";
    assert_int_equal(mr_claim_move(desk, &claim, &move, MR_ASYNC, NULL, &problem), MR_REFUSED);
    assert_non_null(strstr(problem.text, "actor"));
    move.actor = "nobody";
    assert_int_equal(mr_claim_move(desk, &claim, &move, MR_ASYNC, NULL, &problem), MR_REFUSED);
    move.actor = "operator";
    move.data = "\"\xff\"";
    assert_int_equal(mr_claim_move(desk, &claim, &move, MR_ASYNC, NULL, &problem), MR_REFUSED);
    assert_non_null(strstr(problem.text, "data"));
    move.data = "[]";
    assert_int_equal(mr_claim_move(desk, &claim, &move, MR_ASYNC, NULL, &problem), MR_REFUSED);
    assert_non_null(strstr(problem.text, "data: expected a JSON object"));
    move.data = "{\"why\":\"by hand\"}";
    assert_int_equal(mr_claim_move(desk, &claim, &move, MR_ASYNC, NULL, &problem), MR_OK);
}

static void what_an_actor_a_reason_and_data_say_is_in_the_log(void **fixture)
{
    (void)fixture;
    struct mri_event event;
    uint32_t ordinal = emit("bot");
    mr_move move = to(ordinal, MR_GENERATED, MR_BLOCKED);
    move.actor = "operator";
    move.reason = "operator";
    move.gate = "venue";
    move.data = "{\"ticket\":7}";
    assert_int_equal(mr_bus_move(other, &move, 1, MR_ASYNC, &conflict, &problem), MR_OK);
    const struct mri_story_query query = {.type = MRI_EVENT_SIGNAL_MOVED, .ordinal = ordinal};
    assert_true(mri_story_find(sample.story, &query, &event));
    const struct mri_signal_moved *body = event.body;
    assert_int_equal(body->actor, MRI_ACTOR_OPERATOR);
    assert_int_equal(body->reason, MRI_REASON_OPERATOR);
    assert_int_equal(body->gate, MRI_GATE_VENUE);
    assert_true(mri_slice_is(mri_event_text(&event, MRI_TEXT_signal_moved_data), "{\"ticket\":7}"));
}

/* ---- beside the pipeline --------------------------------------------------------------------- */

/** Bars up to a minute, and what others have done. */
static void run_to(int64_t minute)
{
    struct mri_story *story = sample.story;
    if (!story->is_open) {
        mri_story_open(story);
    }
    while (played < minute) {
        mri_script_add_close(&story->script, 0, ++played, MRI_STORY_PRICE);
    }
    mri_story_play(story);
    assert_int_equal(mri_node_take_foreign(&story->node), MR_OK);
}

static void check_replay(void)
{
    mri_story_close(sample.story);
    mri_story_check_replay(sample.story);
}

static void the_pipeline_leaves_what_is_claimed_and_takes_what_returns(void **fixture)
{
    (void)fixture;
    uint32_t ordinal = emit("bot");
    uint32_t free = emit("bot");
    mr_claim claim = claim_one(desk, "desk", ordinal);
    run_to(3);
    assert_int_equal(state_of(desk, ordinal), MR_GENERATED);
    assert_int_equal(state_of(desk, free), MR_BLOCKED); /* decided on */
    assert_int_equal(mri_story_count(sample.story, MRI_EVENT_DECISION, ordinal), 0);
    assert_int_equal(mr_claim_release(desk, &claim, MR_ASYNC, &problem), MR_OK);
    assert_int_equal(mri_node_take_foreign(&sample.story->node), MR_OK);
    assert_int_equal(mri_story_count(sample.story, MRI_EVENT_DECISION, ordinal), 1);
    assert_int_equal(state_of(desk, ordinal), MR_BLOCKED);
    check_replay();
}

static void a_claim_that_overtakes_a_decision_wins(void **fixture)
{
    (void)fixture;
    uint32_t ordinal = emit("bot"); /* before: the node decides on it, then meets the claim */
    mr_claim claim = claim_one(desk, "desk", ordinal);
    mri_story_open(sample.story);
    assert_int_equal(mri_story_count(sample.story, MRI_EVENT_SUPERSEDED, 0), 1);
    assert_int_equal(state_of(desk, ordinal), MR_GENERATED);
    const mr_move move = to(0, MR_GENERATED, MR_BLOCKED);
    assert_int_equal(mr_claim_move(desk, &claim, &move, MR_ASYNC, &conflict, &problem), MR_OK);
    run_to(4);
    assert_int_equal(state_of(desk, ordinal), MR_BLOCKED);
    assert_int_equal(mri_story_count(sample.story, MRI_EVENT_DECISION, ordinal), 0);
    check_replay();
}

static void claims_and_moves_in_any_order_before_a_decision(void **fixture)
{
    (void)fixture;
    enum { SIGNALS = 6 };
    uint32_t ordinals[SIGNALS];
    mr_claim claims[SIGNALS];
    for (unsigned i = 0; i < SIGNALS; i++) {
        ordinals[i] = emit("bot");
    }
    for (unsigned i = 0; i < SIGNALS; i++) {
        claims[i] = claim_one(desk, "desk", ordinals[i]);
    }
    mr_move move = to(0, MR_GENERATED, MR_EVALUATING);
    mr_err err = mr_claim_release(desk, &claims[1], MR_ASYNC, &problem);
    if (err == MR_OK) { /* 2: claimed twice; 3: moved; 4: moved twice; 5: moved and released */
        err = mr_claim_release(desk, &claims[2], MR_ASYNC, &problem);
    }
    claims[2] = claim_one(other, "rival", ordinals[2]);
    for (unsigned i = 3; i < SIGNALS && err == MR_OK; i++) {
        err = mr_claim_move(desk, &claims[i], &move, MR_ASYNC, &conflict, &problem);
    }
    assert_int_equal(err, MR_OK);
    move = to(0, MR_EVALUATING, MR_APPROVED);
    assert_int_equal(mr_claim_move(desk, &claims[4], &move, MR_ASYNC, &conflict, &problem), MR_OK);
    assert_int_equal(mr_claim_release(desk, &claims[5], MR_ASYNC, &problem), MR_OK);
    mri_story_open(sample.story);
    static const mr_state expected[SIGNALS] = {
        MR_GENERATED, MR_BLOCKED, MR_GENERATED, MR_EVALUATING, MR_APPROVED, MR_EVALUATING};
    for (unsigned i = 0; i < SIGNALS; i++) {
        assert_int_equal(state_of(desk, ordinals[i]), expected[i]);
    }
    run_to(12); /* the five minutes that they wait are over */
    static const mr_state then[SIGNALS] = {
        MR_GENERATED, MR_BLOCKED, MR_GENERATED, MR_EVALUATING, MR_APPROVED, MR_EXPIRED};
    for (unsigned i = 0; i < SIGNALS; i++) {
        assert_int_equal(state_of(desk, ordinals[i]), then[i]);
    }
    assert_int_equal(mr_claim_release(desk, &claims[0], MR_ASYNC, &problem), MR_OK);
    assert_int_equal(mr_claim_release(desk, &claims[4], MR_ASYNC, &problem), MR_OK);
    assert_int_equal(mri_node_take_foreign(&sample.story->node), MR_OK);
    assert_int_equal(state_of(desk, ordinals[0]), MR_EXPIRED);
    assert_int_equal(state_of(desk, ordinals[4]), MR_EXPIRED);
    mri_story_end_feed(sample.story);
    assert_int_equal(state_of(desk, ordinals[3]), MR_EVALUATING); /* claimed: its owner's */
    check_replay();
}

static void the_run_ends_what_a_dead_worker_has_claimed(void **fixture)
{
    (void)fixture;
    uint32_t ordinal = emit("bot");
    (void)claim_one(desk, "desk", ordinal);
    run_to(3);
    kill_worker(desk);
    pass(S);
    assert_int_equal(mri_node_take_foreign(&sample.story->node), MR_OK);
    assert_int_equal(acts(ordinal, MRI_CLAIM_OWNER_LOST), 1);
    assert_int_equal(mri_story_count(sample.story, MRI_EVENT_DECISION, ordinal), 1);
    check_replay();
}

static void the_next_run_ends_what_has_died_meanwhile(void **fixture)
{
    (void)fixture;
    uint32_t ordinal = emit("bot");
    (void)claim_one(desk, "desk", ordinal);
    kill_worker(desk);
    mri_story_open(sample.story);
    assert_int_equal(acts(ordinal, MRI_CLAIM_OWNER_LOST), 1);
    assert_int_equal(mri_story_count(sample.story, MRI_EVENT_DECISION, ordinal), 1);
    check_replay();
}

static void a_snapshot_keeps_claims(void **fixture)
{
    (void)fixture;
    uint32_t ordinal = emit("bot");
    uint32_t moved = emit("bot");
    mr_claim claim = claim_one(desk, "desk", ordinal);
    assert_int_equal(move_by(other, moved, MR_GENERATED, MR_EVALUATING), MR_OK);
    run_to(3);
    mri_story_close(sample.story); /* writes one */
    mr_bus *late = mri_api_sample_open(&sample);
    assert_int_equal(move_by(late, ordinal, MR_GENERATED, MR_EXPIRED), MR_CONFLICT);
    assert_true(late->fold.snapshot_seq != 0);
    assert_string_equal(conflict.owner, "desk");
    mr_bus_close(late);
    run_to(12);
    assert_int_equal(state_of(desk, ordinal), MR_GENERATED);
    assert_int_equal(state_of(desk, moved), MR_EXPIRED); /* its time limit was kept, too */
    assert_int_equal(mr_claim_release(desk, &claim, MR_ASYNC, &problem), MR_OK);
    assert_int_equal(mri_node_take_foreign(&sample.story->node), MR_OK);
    assert_int_equal(state_of(desk, ordinal), MR_EXPIRED);
    check_replay();
}

/* ---- routes ---------------------------------------------------------------------------------- */

static void route(const char *source, const char *text)
{
    struct mri_route made = {.kind = MRI_ROUTE_INTERNAL};
    memcpy(made.source, source, strlen(source));
    assert_int_equal(mri_route_parse(mri_slice_of(text), &made), MR_OK);
    assert_int_equal(mri_config_add_route(&sample.story->config, &made), MR_OK);
}

static void what_is_routed_to_a_worker_is_his_alone(void **fixture)
{
    (void)fixture;
    mr_claim claim;
    route("bot", "external:desk");
    run_to(2);
    uint32_t ordinal = emit("bot");
    uint32_t left = emit("bot");
    uint32_t ours = emit("internal one");
    assert_int_equal(mri_node_take_foreign(&sample.story->node), MR_OK);
    assert_int_equal(state_of(desk, ordinal), MR_GENERATED);
    assert_int_equal(state_of(desk, ours), MR_BLOCKED);
    assert_int_equal(try_claim(other, "rival", 0, &claim), MR_END);
    assert_int_equal(try_claim(other, "rival", ordinal, &claim), MR_REFUSED);
    assert_non_null(strstr(problem.text, "routed to the worker \"desk\""));
    claim = claim_one(desk, "desk", 0);
    assert_int_equal(claim.ordinal.n, ordinal);
    const mr_move move = to(0, MR_GENERATED, MR_EVALUATING);
    assert_int_equal(mr_claim_move(desk, &claim, &move, MR_ASYNC, &conflict, &problem), MR_OK);
    assert_int_equal(mr_claim_release(desk, &claim, MR_ASYNC, &problem), MR_OK);
    run_to(10);
    assert_int_equal(state_of(desk, left), MR_EXPIRED);
    assert_int_equal(state_of(desk, ordinal), MR_EXPIRED);
    assert_int_equal(mri_story_count(sample.story, MRI_EVENT_DECISION, ordinal), 0);
    run_to(80);
    assert_int_equal(state_of(desk, ordinal), MR_LEARNED);
    check_replay();
}

static void an_advisory_decision_moves_nothing(void **fixture)
{
    (void)fixture;
    struct mri_event event;
    route("bot", "advisory");
    run_to(2);
    uint32_t ordinal = emit("bot");
    uint32_t late = emit("bot");
    assert_int_equal(mri_node_take_foreign(&sample.story->node), MR_OK);
    const struct mri_story_query query = {.type = MRI_EVENT_DECISION, .ordinal = ordinal};
    assert_true(mri_story_find(sample.story, &query, &event));
    assert_int_equal(((const struct mri_decision *)event.body)->advisory, 1);
    assert_int_equal(mri_story_count(sample.story, MRI_EVENT_SIGNAL_MOVED, ordinal), 0);
    assert_int_equal(sample.story->node.fold.wiring.report.advisory, 2);
    mr_claim claim = claim_one(desk, "anybody", ordinal);
    const mr_move move = to(0, MR_GENERATED, MR_BLOCKED);
    assert_int_equal(mr_claim_move(desk, &claim, &move, MR_ASYNC, &conflict, &problem), MR_OK);
    run_to(10);
    assert_int_equal(state_of(desk, late), MR_EXPIRED);
    assert_int_equal(mri_story_count(sample.story, MRI_EVENT_DECISION, late), 1); /* once */
    check_replay();
}

/* ---- stuck ----------------------------------------------------------------------------------- */

static uint64_t alerts(uint32_t ordinal)
{
    return mri_story_count(sample.story, MRI_EVENT_ALERT, ordinal);
}

static void who_stays_too_long_is_alerted_once_for_each_state(void **fixture)
{
    (void)fixture;
    route("bot", "external:desk");
    run_to(2);
    mr_emission emission = mri_api_sample_emission(&sample, 0, "bot");
    emission.valid_for_ns = 86400 * S;
    uint32_t ordinal = mri_api_sample_emit(other, &emission).n;
    mr_claim claim = claim_one(desk, "desk", ordinal);
    for (int64_t minute = 6; minute <= 16; minute += 5) {
        run_to(minute);
    }
    assert_int_equal(alerts(ordinal), 0); /* 14 minutes */
    run_to(21);
    assert_int_equal(alerts(ordinal), 1);
    run_to(26);
    assert_int_equal(alerts(ordinal), 1);
    assert_int_equal(sample.story->node.fold.wiring.stuck.told.count, 1);
    mri_story_close(sample.story);
    run_to(31); /* told before the restart */
    assert_int_equal(alerts(ordinal), 1);
    const mr_move move = to(0, MR_GENERATED, MR_EVALUATING);
    assert_int_equal(mr_claim_move(desk, &claim, &move, MR_ASYNC, &conflict, &problem), MR_OK);
    run_to(36);
    assert_int_equal(sample.story->node.fold.wiring.stuck.told.count, 0); /* it moved: cleared */
    run_to(41);
    run_to(46);
    assert_int_equal(alerts(ordinal), 2); /* ten minutes in evaluating */
    check_replay();
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(the_oldest_goes_to_the_first_and_nobody_else_has_it),
        TEST(only_the_owner_moves_and_the_end_ends_the_claim),
        TEST(several_moves_at_once_are_all_the_owners_or_none),
        TEST(what_is_released_is_free),
        TEST(a_lease_that_is_over_returns_the_signal),
        TEST(a_lost_claim_moves_nothing_also_when_nobody_has_taken_it_since),
        TEST(a_lease_that_is_over_counts_though_nobody_has_noticed),
        TEST(a_dead_workers_claims_come_back_at_once),
        TEST(a_claim_that_does_not_stand_holds_no_mover_up),
        TEST(closing_the_handle_gives_everything_back),
        TEST(a_restart_of_the_machine_ends_all_claims),
        TEST(a_worker_of_the_same_number_inherits_nothing),
        TEST(filters_and_order),
        TEST(so_many_claims_and_no_more),
        TEST(what_is_not_as_it_must_be_is_refused_by_name),
        TEST(what_an_actor_a_reason_and_data_say_is_in_the_log),
        TEST(the_pipeline_leaves_what_is_claimed_and_takes_what_returns),
        TEST(a_claim_that_overtakes_a_decision_wins),
        TEST(claims_and_moves_in_any_order_before_a_decision),
        TEST(the_run_ends_what_a_dead_worker_has_claimed),
        TEST(the_next_run_ends_what_has_died_meanwhile),
        TEST(a_snapshot_keeps_claims),
        TEST(what_is_routed_to_a_worker_is_his_alone),
        TEST(an_advisory_decision_moves_nothing),
        TEST(who_stays_too_long_is_alerted_once_for_each_state),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
