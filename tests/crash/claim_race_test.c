/* SPDX-License-Identifier: MIT */
/*
 * Eight processes that move and claim the same thousand signals, on this machine and its file
 * system: of those who race for a move one wins, and the others are told the state that is true; a
 * claimed signal is in the hands of one living process, also when owners are killed with kill -9.
 *
 * usage: claim_race_test        SEED=n repeats, MOVES=n and KILLS=n make it longer, TEST=pattern
 * runs some of it
 *
 * The histories are linearizable: each signal is an object with one value, its state. Moves take
 * effect in the order of the log, which must agree with the times of calls and answers; a conflict
 * names a state that the signal had at some moment between its call and its answer. In the end the
 * state that all share is that of a rebuild from the log.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/prng.h"
#include "bus/bus.h"
#include "bus/lifecycle.h"
#include "log/read/reader.h"
#include "market/instruments.h"
#include "millrace/bus.h"
#include "os/os.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/shared_sample.h"
#include "tests/lib/temp_folder.h"

enum { WORKERS = 8, SIGNALS = 1000, MOVES = 20000, KILLS = 40, DATA_BYTES = 24 };

#define S ((int64_t)1000000000)

/** One attempt to move. */
struct attempt {
    uint64_t called; /* moments, each given once */
    uint64_t answered;
    uint64_t winner_seq; /* of a conflict */
    uint32_t ordinal;
    int32_t err;
    uint8_t from;
    uint8_t to;
    uint8_t found;
};

/** What the workers share; outlives them. */
static struct ledger {
    _Atomic uint64_t moment;
    _Atomic uint32_t holder[SIGNALS + 1]; /* number of the process that has the signal; 0: nobody */
    _Atomic bool is_doomed[4096];         /* by number: it is being killed */
    _Atomic uint32_t claims;
    _Atomic uint32_t broken; /* two living processes had the same signal */
    _Atomic uint32_t faults; /* answers that there should not be */
} * ledger;

static struct attempt *attempts; /* WORKERS times `each` */
static uint32_t each;
static char folder[MRI_TEMP_FOLDER_BYTES];
static char log_path[MRI_PATH_BYTES_MAX];
static uint64_t seed;
static uint64_t counted[5]; /* for who adds up many runs */
static const char *const counted_names[5] = {"moves", "won", "lost", "claims", "kills"};

static unsigned from_environment(const char *name, unsigned otherwise)
{
    const char *text = getenv(name);
    return text == NULL ? otherwise : (unsigned)strtoul(text, NULL, 10);
}

static void *share(size_t bytes)
{
    void *block = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(block != MAP_FAILED);
    return block;
}

/* ---- the log --------------------------------------------------------------------------------- */

static const struct mri_bus_limits limits = {
    .slots = {.signals_max = SIGNALS, .symbols_max = 64, .sources_max = 96}, .names_max = 16};

/** A log with a symbol, a bar and the signals, as a run would leave it. */
static void make_log(void)
{
    static const struct mri_instrument_spec spec = {.symbol = "ONE",
        .venue = "v",
        .native_name = "ONE",
        .quote_currency = "Q",
        .tick = 1,
        .lot = 1,
        .quantity_min = 1,
        .multiplier = 1};
    const struct mri_candle candle = {.close_time_unix_ns = 1700000040 * S,
        .duration_ns = 60 * S,
        .open = 5,
        .high = 5,
        .low = 5,
        .close = 5};
    const mr_log_options options = {.is_create = true, .segment_bytes = 4 << 20};
    struct mri_batch batch;
    static struct mri_bus bus;
    mr_log *log;
    assert_int_equal(mr_log_open(log_path, &options, &log, NULL), MR_OK);
    assert_int_equal(mri_bus_init(&bus, mri_alloc_system(), &limits, log), MR_OK);
    assert_int_equal(mri_batch_init(&batch, mri_alloc_system(), SIGNALS + 2, 1 << 20), MR_OK);
    mri_bus_begin(&bus, &batch);
    mr_err err = mri_instrument_draft(&batch, &spec, 0);
    if (err == MR_OK) {
        err = mri_batch_add(
            &batch, &(struct mri_draft){.type = MRI_EVENT_CANDLE, .fixed = &candle}, 0);
    }
    for (unsigned i = 0; i < SIGNALS && err == MR_OK; i++) {
        if (batch.count == 100) {
            assert_int_equal(mri_bus_append(&bus, &batch, MR_ASYNC, NULL, NULL), MR_OK);
            mri_bus_begin(&bus, &batch);
        }
        const struct mri_signal_generated fixed = {.event_time_unix_ns = candle.close_time_unix_ns,
            .confidence = 0.5,
            .valid_for_ns = 60 * S,
            .side = MR_LONG,
            .regime = MRI_REGIME_ABSENT};
        err = mri_batch_add(&batch,
            &(struct mri_draft){.type = MRI_EVENT_SIGNAL_GENERATED,
                .fixed = &fixed,
                .texts = {mri_slice_of("bot"), mri_slice_of("bot")}},
            batch.next_ordinal);
    }
    assert_int_equal(err, MR_OK);
    assert_int_equal(mri_bus_append(&bus, &batch, MR_ASYNC, NULL, NULL), MR_OK);
    mri_batch_fini(&batch);
    mri_bus_fini(&bus);
    mr_log_close(log);
}

static int set_up(void **fixture)
{
    (void)fixture;
    seed = from_environment("SEED", (unsigned)time(NULL));
    (void)printf("SEED=%llu\n", (unsigned long long)seed);
    (void)fflush(stdout);
    (void)mri_temp_folder_make(folder);
    assert_int_equal(mri_os_path(folder, "log", log_path), MR_OK);
    ledger = share(sizeof(*ledger));
    make_log();
    return 0;
}

static int tear_down(void **fixture)
{
    (void)fixture;
    (void)munmap(ledger, sizeof(*ledger));
    mri_temp_folder_remove(folder);
    return 0;
}

static mr_bus *open_bus(void)
{
    mr_bus *bus = NULL;
    mr_problem problem = {""};
    mr_err err = mr_bus_open(log_path, &bus, &problem);
    if (err != MR_OK) {
        (void)fprintf(stderr, "open: %s: %s\n", mr_err_name(err), problem.text);
        _exit(9);
    }
    return bus;
}

static uint64_t moment(void)
{
    return atomic_fetch_add(&ledger->moment, 1) + 1;
}

/* ---- moves ----------------------------------------------------------------------------------- */

/** A state that the lifecycle allows, or as often one that is wrong by now. */
static mr_state successor(struct mri_prng *prng, mr_state from)
{
    mr_state to;
    do {
        to = (mr_state)mri_prng_below(prng, MR_STATE_COUNT);
    } while (!mri_lifecycle_allows(from, to));
    return to;
}

static void try_moves(unsigned worker)
{
    struct mri_prng prng;
    mr_state known[SIGNALS + 1] = {MR_GENERATED};
    mr_bus *bus = open_bus();
    mri_prng_init(&prng, seed * 100 + worker);
    for (uint32_t i = 0; i < each; i++) {
        struct attempt *attempt = &attempts[worker * each + i];
        uint32_t ordinal = 1 + (uint32_t)mri_prng_below(&prng, SIGNALS);
        mr_state from = known[ordinal] == MR_LEARNED ? MR_BLOCKED : known[ordinal];
        mr_state to = successor(&prng, from);
        mr_move_conflict conflict = {0};
        char data[DATA_BYTES];
        (void)snprintf(data, sizeof(data), "{\"n\":%u}", worker * each + i);
        bool is_gated = to == MR_BLOCKED || to == MR_EXPIRED;
        const mr_move move = {.ordinal = {ordinal},
            .from = from,
            .to = to,
            .gate = is_gated ? "external" : NULL,
            .reason = "external",
            .data = data};
        *attempt = (struct attempt){
            .ordinal = ordinal, .from = (uint8_t)from, .to = (uint8_t)to, .called = moment()};
        mr_err err = mr_bus_move(bus, &move, 1, MR_ASYNC, &conflict, NULL);
        attempt->answered = moment();
        attempt->err = err;
        attempt->found = (uint8_t)conflict.found;
        attempt->winner_seq = conflict.winner.n;
        known[ordinal] = err == MR_OK ? to : err == MR_CONFLICT ? conflict.found : from;
        atomic_fetch_add(&ledger->faults, err != MR_OK && err != MR_CONFLICT);
    }
    mr_bus_close(bus);
}

/** A move of the log, and whose it is. */
struct logged {
    uint64_t seq;
    uint32_t attempt;
    uint32_t next; /* of the same signal, + 1; 0: it is the newest */
};

static struct logged *logged;
static uint32_t logged_count;
static uint32_t newest[SIGNALS + 1]; /* index + 1 */

/** Read the moves of the log, each with its attempt; the bus's own fold checks that they chain. */
static void read_moves(void)
{
    static struct mri_bus bus;
    mr_log_reader *reader;
    mr_log_event record;
    assert_int_equal(mri_bus_init(&bus, mri_alloc_system(), &limits, NULL), MR_OK);
    assert_int_equal(mr_log_reader_open(log_path, &reader, NULL), MR_OK);
    memset(newest, 0, sizeof(newest));
    logged_count = 0;
    while (mr_log_reader_next(reader, &record, NULL) == MR_OK) {
        struct mri_event event;
        assert_int_equal(mri_bus_fold(&bus, &record, &event), MR_OK);
        if (event.type != MRI_EVENT_SIGNAL_MOVED) {
            continue;
        }
        struct mri_slice data = mri_event_text(&event, MRI_TEXT_signal_moved_data);
        char text[DATA_BYTES] = "";
        assert_true(data.count > 0 && data.count < sizeof(text));
        memcpy(text, data.bytes, data.count);
        const struct logged move = {
            .seq = record.seq.n, .attempt = (uint32_t)strtoul(text + strlen("{\"n\":"), NULL, 10)};
        assert_true(move.attempt < WORKERS * each);
        const struct attempt *attempt = &attempts[move.attempt];
        assert_int_equal(attempt->ordinal, event.ordinal);
        assert_int_equal(attempt->err, MR_OK);
        if (newest[event.ordinal] != 0) {
            logged[newest[event.ordinal] - 1].next = logged_count + 1;
        }
        logged[logged_count++] = move;
        newest[event.ordinal] = logged_count;
    }
    mr_log_reader_close(reader);
    mri_bus_fini(&bus);
}

/** Where a move stands in the log: index; logged_count: it is not there. */
static uint32_t find_move(uint64_t seq)
{
    uint32_t low = 0;
    uint32_t high = logged_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (logged[middle].seq < seq) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < logged_count && logged[low].seq == seq ? low : logged_count;
}

/** A conflict must have been true at some moment between its call and its answer. */
static void check_conflict(const struct attempt *attempt)
{
    uint32_t at = find_move(attempt->winner_seq);
    assert_int_not_equal(attempt->found, attempt->from);
    assert_true(at < logged_count);
    const struct attempt *winner = &attempts[logged[at].attempt];
    assert_int_equal(winner->ordinal, attempt->ordinal);
    assert_int_equal(winner->to, attempt->found);
    assert_true(winner->called < attempt->answered);
    if (logged[at].next != 0) {
        assert_true(attempts[logged[logged[at].next - 1].attempt].answered > attempt->called);
    }
}

static void check_history(void)
{
    uint64_t newest_call = 0;
    uint32_t done = 0;
    uint32_t conflicts = 0;
    static uint8_t from_seen[SIGNALS + 1][MR_STATE_COUNT];
    memset(from_seen, 0, sizeof(from_seen));
    for (uint32_t i = 0; i < logged_count; i++) { /* the order of the log agrees with time */
        const struct attempt *attempt = &attempts[logged[i].attempt];
        assert_true(attempt->answered > newest_call);
        newest_call = attempt->called > newest_call ? attempt->called : newest_call;
        assert_int_equal(from_seen[attempt->ordinal][attempt->from]++, 0); /* one winner each */
    }
    for (uint32_t i = 0; i < WORKERS * each; i++) {
        const struct attempt *attempt = &attempts[i];
        done += attempt->err == MR_OK;
        if (attempt->err == MR_CONFLICT) {
            conflicts++;
            check_conflict(attempt);
        }
    }
    assert_int_equal(done, logged_count);
    assert_int_equal(done + conflicts, WORKERS * each);
    assert_true(done > SIGNALS && conflicts > done);
    (void)printf("%u moves won, %u lost\n", done, conflicts);
    counted[0] += (uint64_t)done + conflicts;
    counted[1] += done;
    counted[2] += conflicts;
}

static pid_t start(void (*work)(unsigned number), unsigned number)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        work(number);
        _exit(0);
    }
    return child;
}

static void check_state(mr_bus *bus)
{
    static struct mri_fold fold;
    mri_shared_sample_check(bus, log_path, &fold);
    mri_fold_fini(&fold);
}

static void of_those_who_race_for_a_move_one_wins(void **fixture)
{
    (void)fixture;
    pid_t children[WORKERS];
    pid_t keeper = mri_shared_sample_begin_keeper(log_path);
    each = from_environment("MOVES", MOVES) / WORKERS;
    size_t bytes = (size_t)WORKERS * each * sizeof(*attempts);
    attempts = share(bytes);
    logged = calloc((size_t)WORKERS * each, sizeof(*logged));
    assert_non_null(logged);
    for (unsigned i = 0; i < WORKERS; i++) {
        children[i] = start(try_moves, i);
    }
    for (unsigned i = 0; i < WORKERS; i++) {
        int status;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    assert_int_equal(ledger->faults, 0);
    read_moves();
    check_history();
    mr_bus *bus = open_bus();
    check_state(bus);
    mr_bus_close(bus);
    mri_shared_sample_end_keeper(keeper);
    free(logged);
    (void)munmap(attempts, bytes);
}

/* ---- claims ---------------------------------------------------------------------------------- */

/** Nobody who lives has it but us. */
static void take_hold(unsigned number, uint32_t ordinal)
{
    uint32_t before = atomic_exchange(&ledger->holder[ordinal], number);
    bool is_alive = before != 0 && before != number && !atomic_load(&ledger->is_doomed[before]);
    atomic_fetch_add(&ledger->broken, is_alive);
    atomic_fetch_add(&ledger->claims, 1);
}

static bool let_go(unsigned number, uint32_t ordinal)
{
    uint32_t expected = number;
    bool is_ours = atomic_compare_exchange_strong(&ledger->holder[ordinal], &expected, 0);
    atomic_fetch_add(&ledger->broken, !is_ours);
    return is_ours;
}

static mr_err move_on(mr_bus *bus, const mr_claim *claim, mr_state from, mr_state to)
{
    bool is_gated = to == MR_BLOCKED;
    const mr_move move = {
        .from = from, .to = to, .gate = is_gated ? "external" : NULL, .reason = "external"};
    return mr_claim_move(bus, claim, &move, MR_ASYNC, NULL, NULL);
}

/** Work on a signal: some are given back, the others moved to their end. */
static mr_err work_on(mr_bus *bus, struct mri_prng *prng, unsigned number, const mr_claim *claim)
{
    uint32_t ordinal = claim->ordinal.n;
    take_hold(number, ordinal);
    const struct timespec pause = {0, (long)mri_prng_below(prng, 2000000)};
    (void)nanosleep(&pause, NULL); /* so that it is killed with something in its hands */
    mr_err err = MR_OK;
    if (claim->from == MR_GENERATED) {
        if (mri_prng_below(prng, 3) == 0) {
            (void)let_go(number, ordinal);
            return mr_claim_release(bus, claim, MR_ASYNC, NULL);
        }
        err = move_on(bus, claim, MR_GENERATED, MR_EVALUATING);
    }
    if (err == MR_OK) {
        (void)let_go(number, ordinal);
        err = move_on(bus, claim, MR_EVALUATING, MR_BLOCKED);
    }
    return err;
}

static void claim_signals(unsigned number)
{
    struct mri_prng prng;
    mr_bus *bus = open_bus();
    char owner[32];
    (void)snprintf(owner, sizeof(owner), "worker %u", number);
    mri_prng_init(&prng, seed * 1000 + number);
    for (;;) {
        mr_claim claim;
        uint64_t counts[MR_STATE_COUNT];
        mr_claim_options options = {
            .from = MR_EVALUATING, .next = MR_BLOCKED, .owner = owner, .lease_ns = 3600 * S};
        mr_err err = mr_bus_claim(bus, &options, MR_ASYNC, &claim, NULL, NULL);
        if (err == MR_END) {
            options.from = MR_GENERATED;
            options.next = MR_EVALUATING;
            err = mr_bus_claim(bus, &options, MR_ASYNC, &claim, NULL, NULL);
        }
        if (err == MR_OK) {
            err = work_on(bus, &prng, number, &claim);
            atomic_fetch_add(&ledger->faults, err != MR_OK);
            continue;
        }
        atomic_fetch_add(&ledger->faults, err != MR_END);
        atomic_fetch_add(&ledger->faults, mr_bus_counts(bus, counts, NULL) != MR_OK);
        if (counts[MR_BLOCKED] == SIGNALS) {
            break;
        }
        (void)mr_bus_claim_wait(bus, -1, NULL); /* a wake that is lost hangs here */
    }
    mr_bus_close(bus);
}

/** A worker that has a signal in its hands, if one shows soon; else any. */
static unsigned pick_victim(struct mri_prng *prng, const unsigned numbers[WORKERS])
{
    for (unsigned look = 0; look < 200; look++) {
        uint32_t first = (uint32_t)mri_prng_below(prng, SIGNALS);
        for (uint32_t i = 0; i < SIGNALS; i++) {
            uint32_t holder = atomic_load(&ledger->holder[1 + (first + i) % SIGNALS]);
            for (unsigned k = 0; k < WORKERS && holder != 0; k++) {
                if (numbers[k] == holder) {
                    return k;
                }
            }
        }
        const struct timespec pause = {0, 100000};
        (void)nanosleep(&pause, NULL);
    }
    return (unsigned)mri_prng_below(prng, WORKERS);
}

/** Kill one at random, and start another. */
static void kill_one(struct mri_prng *prng, pid_t children[WORKERS], unsigned numbers[WORKERS],
    unsigned *newest_number)
{
    int status;
    const struct timespec pause = {0, (long)mri_prng_below(prng, 2000000)};
    (void)nanosleep(&pause, NULL);
    unsigned i = pick_victim(prng, numbers);
    atomic_store(&ledger->is_doomed[numbers[i]], true);
    (void)kill(children[i], SIGKILL);
    assert_int_equal(waitpid(children[i], &status, 0), children[i]);
    numbers[i] = ++*newest_number;
    children[i] = start(claim_signals, numbers[i]);
}

static uint64_t count_acts(enum mri_claim_act act)
{
    mr_log_reader *reader;
    mr_log_event record;
    uint64_t count = 0;
    assert_int_equal(mr_log_reader_open(log_path, &reader, NULL), MR_OK);
    while (mr_log_reader_next(reader, &record, NULL) == MR_OK) {
        struct mri_event event;
        bool is_claim =
            record.type == MRI_EVENT_SIGNAL_CLAIMED && mri_event_decode(&record, &event) == MR_OK;
        count += is_claim && ((const struct mri_signal_claimed *)event.body)->act == act;
    }
    mr_log_reader_close(reader);
    return count;
}

static void a_claimed_signal_has_one_living_owner(void **fixture)
{
    (void)fixture;
    pid_t children[WORKERS];
    unsigned numbers[WORKERS];
    unsigned newest_number = 0;
    struct mri_prng prng;
    pid_t keeper = mri_shared_sample_begin_keeper(log_path);
    mri_prng_init(&prng, seed);
    for (unsigned i = 0; i < WORKERS; i++) {
        numbers[i] = ++newest_number;
        children[i] = start(claim_signals, numbers[i]);
    }
    unsigned kills = from_environment("KILLS", KILLS);
    for (unsigned i = 0; i < kills && newest_number + 1 < MRI_COUNT_OF(ledger->is_doomed); i++) {
        kill_one(&prng, children, numbers, &newest_number);
    }
    for (unsigned i = 0; i < WORKERS; i++) {
        int status;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    assert_int_equal(ledger->broken, 0);
    assert_int_equal(ledger->faults, 0);
    uint64_t counts[MR_STATE_COUNT];
    mr_bus *bus = open_bus();
    check_state(bus);
    assert_int_equal(mr_bus_counts(bus, counts, NULL), MR_OK);
    assert_int_equal(counts[MR_BLOCKED], SIGNALS); /* nothing was lost */
    mr_bus_close(bus);
    mri_shared_sample_end_keeper(keeper);
    assert_int_equal(count_acts(MRI_CLAIM_LEASE_OVER), 0);
    uint64_t lost = count_acts(MRI_CLAIM_OWNER_LOST);
    assert_true(lost > 0 || kills < KILLS);
    (void)printf("%u claims, %llu given back by death, %u kills\n", ledger->claims,
        (unsigned long long)lost, kills);
    counted[3] += ledger->claims;
    counted[4] += newest_number - WORKERS;
}

/* ---- waking ---------------------------------------------------------------------------------- */

/** Claim everything there is, say so, and do nothing more. */
static void hoard(unsigned number)
{
    mr_bus *bus = open_bus();
    mr_claim claim;
    const mr_claim_options options = {
        .from = MR_GENERATED, .next = MR_BLOCKED, .owner = "hoarder", .lease_ns = 3600 * S};
    (void)number;
    while (mr_bus_claim(bus, &options, MR_ASYNC, &claim, NULL, NULL) == MR_OK) {
        atomic_fetch_add(&ledger->claims, 1);
    }
    atomic_store(&ledger->is_doomed[1], true);
    for (;;) {
        (void)pause();
    }
}

static void who_waits_is_woken_by_a_death(void **fixture)
{
    (void)fixture;
    mr_claim claim;
    mr_problem problem = {""};
    const mr_claim_options options = {
        .from = MR_GENERATED, .next = MR_BLOCKED, .owner = "heir", .lease_ns = 3600 * S};
    pid_t child = start(hoard, 1);
    while (!atomic_load(&ledger->is_doomed[1])) {
        const struct timespec pause = {0, 1000000};
        (void)nanosleep(&pause, NULL);
    }
    assert_int_equal(ledger->claims, SIGNALS);
    mr_bus *bus = open_bus();
    assert_int_equal(mr_bus_claim(bus, &options, MR_ASYNC, &claim, NULL, &problem), MR_END);
    assert_int_equal(kill(child, SIGKILL), 0);
    mr_err err = mr_bus_claim(bus, &options, MR_ASYNC, &claim, NULL, &problem);
    while (err == MR_END) { /* nobody else appends: without the death's wake it hangs */
        assert_int_equal(mr_bus_claim_wait(bus, -1, &problem), MR_OK);
        err = mr_bus_claim(bus, &options, MR_ASYNC, &claim, NULL, &problem);
    }
    assert_int_equal(err, MR_OK);
    assert_int_equal(waitpid(child, NULL, 0), child);
    mr_bus_close(bus);
}

static void who_waits_is_woken_by_the_end_of_a_lease(void **fixture)
{
    (void)fixture;
    mr_claim claim;
    mr_problem problem = {""};
    mr_claim_options options = {
        .from = MR_GENERATED, .next = MR_BLOCKED, .owner = "heir", .lease_ns = 30000000};
    mr_bus *owner = open_bus();
    mr_bus *bus = open_bus();
    options.ordinal.n = 5;
    assert_int_equal(mr_bus_claim(owner, &options, MR_ASYNC, &claim, NULL, &problem), MR_OK);
    mr_err err = mr_bus_claim(bus, &options, MR_ASYNC, &claim, NULL, &problem);
    while (err == MR_CONFLICT) {
        assert_int_equal(mr_bus_claim_wait(bus, -1, &problem), MR_OK);
        err = mr_bus_claim(bus, &options, MR_ASYNC, &claim, NULL, &problem);
    }
    assert_int_equal(err, MR_OK);
    assert_int_equal(count_acts(MRI_CLAIM_LEASE_OVER), 1);
    mr_bus_close(bus);
    mr_bus_close(owner);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(of_those_who_race_for_a_move_one_wins),
        TEST(a_claimed_signal_has_one_living_owner),
        TEST(who_waits_is_woken_by_a_death),
        TEST(who_waits_is_woken_by_the_end_of_a_lease),
    };
#undef TEST
    if (getenv("TEST") != NULL) {
        cmocka_set_test_filter(getenv("TEST"));
    }
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    (void)printf("counts:");
    for (size_t i = 0; i < MRI_COUNT_OF(counted); i++) {
        (void)printf(" %s=%llu", counted_names[i], (unsigned long long)counted[i]);
    }
    (void)printf("\n");
    return failed;
}
