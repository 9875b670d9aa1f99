/* SPDX-License-Identifier: MIT */
/*
 * Live logs that programs begin, and provisional symbols, on a machine in memory.
 */
#include <stdio.h>
#include <string.h>

#include "api/bus_api.h"
#include "millrace/execution.h"
#include "pipeline/clock.h"
#include "tests/lib/api_sample.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/lives.h"
#include "tests/lib/plain_config.h"

#define SECOND_NS INT64_C(1000000000)

static struct mri_story *story;
static struct mri_os_faults *machine;

static int set_up(void **fixture)
{
    (void)fixture;
    story = mri_story_begin(mri_plain_config, 2);
    machine = &story->machine;
    machine->has_clock = true;
    machine->realtime_unix_ns = 1800000000 * SECOND_NS;
    machine->boottime_ns = 1000 * SECOND_NS;
    return 0;
}

static int tear_down(void **fixture)
{
    (void)fixture;
    mri_story_end(story);
    return 0;
}

static mr_bus *create(void)
{
    mr_bus *bus = NULL;
    mr_problem problem = {""};
    mr_err err = mri_bus_api_create(
        &machine->table, mri_alloc_system(), MRI_STORY_FOLDER, 0, &bus, &problem);
    if (err != MR_OK) {
        fail_msg("create: %s: %s", mr_err_name(err), problem.text);
    }
    return bus;
}

/** A live run without a feed. */
static void open_run(void)
{
    story->has_no_feed = true;
    story->time_mode = "live";
    mri_story_open(story);
}

static uint32_t emit(mr_bus *bus, const char *symbol)
{
    const mr_emission emission = {
        .symbol = symbol, .source = "bot", .side = MR_LONG, .lacks_confidence = true};
    return mri_api_sample_emit(bus, &emission).n;
}

static void a_log_is_made_once_and_then_opened(void **fixture)
{
    (void)fixture;
    mr_bus *bus = create();
    mr_problem problem;
    uint32_t provisional = 9;
    assert_int_equal(mr_bus_symbol_count(bus, &provisional), 0);
    assert_int_equal(provisional, 0);
    assert_string_equal(mr_log_attribute_get(bus->log, MRI_ATTRIBUTE_TIME), "live");
    assert_true(mr_bus_is_live(bus));
    assert_string_equal(mr_log_attribute_get(bus->log, MRI_ATTRIBUTE_MARKET), "real");
    char uuid[40];
    (void)snprintf(uuid, sizeof(uuid), "%s", mr_log_uuid(bus->log));
    mr_bus *other = create();
    assert_string_equal(mr_log_uuid(other->log), uuid);
    assert_int_equal(mr_bus_register(bus, "BTC-USDT", &problem), MR_OK);
    assert_int_equal(emit(bus, "BTCUSDT"), 1);
    assert_int_equal(emit(other, "btc/usdt"), 2);
    mr_bus_close(bus);
    mr_bus_close(other);
    bus = create();
    mr_signal signal;
    assert_int_equal(mr_bus_get(bus, (mr_ordinal){2}, &signal), MR_OK);
    assert_string_equal(signal.symbol, "BTC-USDT");
    mr_bus_close(bus);
}

static void a_folder_of_something_else_is_left_alone(void **fixture)
{
    (void)fixture;
    mr_bus *bus = NULL;
    mr_problem problem = {""};
    assert_int_equal(machine->table.make_folder(machine->table.context, MRI_STORY_FOLDER), MR_OK);
    mri_os_memory_put(story->memory, MRI_STORY_FOLDER "/letter", "hello", 5);
    assert_int_equal(mri_bus_api_create(
                         &machine->table, mri_alloc_system(), MRI_STORY_FOLDER, 0, &bus, &problem),
        MR_REFUSED);
    assert_non_null(strstr(problem.text, "it has letter"));
    assert_null(bus);
    assert_int_equal(
        mri_bus_api_create(&machine->table, mri_alloc_system(), NULL, 0, &bus, &problem),
        MR_EINVAL);
}

static void the_wall_clock_is_its_time_and_never_goes_back(void **fixture)
{
    (void)fixture;
    mr_bus *bus = create();
    mr_signal signals[3];
    assert_int_equal(mr_bus_register(bus, "BTCUSDT", NULL), MR_OK);
    static const int64_t steps[3] = {0, -3600, 7200};
    int64_t begin = machine->realtime_unix_ns;
    for (unsigned i = 0; i < 3; i++) {
        machine->realtime_unix_ns += steps[i] * SECOND_NS;
        assert_int_equal(mr_bus_get(bus, (mr_ordinal){emit(bus, "BTCUSDT")}, &signals[i]), MR_OK);
    }
    assert_int_equal(signals[0].event_time_unix_ns, begin);
    assert_int_equal(signals[1].event_time_unix_ns, begin);
    assert_int_equal(signals[2].event_time_unix_ns, begin + 3600 * SECOND_NS);
    mr_bus_close(bus);
}

static void no_event_gets_the_time_of_a_clock_that_cannot_be_right(void **fixture)
{
    (void)fixture;
    static const char says[] = "the machine's clock says ";
    const mr_emission emission = {
        .symbol = "BTCUSDT", .source = "bot", .side = MR_LONG, .lacks_confidence = true};
    const mr_observation observation = {.symbol = "BTCUSDT", .source = "bot"};
    const mr_quote quotes[2] = {{.symbol = "BTCUSDT", .source = "ws", .bid = 1.0, .ask = 1.0},
        {.symbol = "BTCUSDT", .source = "ws", .bid = 1.0, .ask = 1.0}};
    const mr_feedback feedback = {.ordinal = {1}, .source = "bot", .judgement = "win"};
    int64_t right = machine->realtime_unix_ns;
    mr_bus *bus = create();
    mr_problem problem;
    assert_int_equal(mr_bus_register(bus, "BTCUSDT", NULL), MR_OK);
    const int64_t wrong[2] = {-3600 * SECOND_NS, MRI_CLOCK_BEYOND_UNIX_NS};
    for (unsigned i = 0; i < 2; i++) { /* the log has no time yet, and then it has one */
        uint64_t last = mr_log_last(bus->log).n;
        machine->realtime_unix_ns = wrong[i];
        assert_int_equal(mr_bus_emit(bus, &emission, 1, MR_ASYNC, NULL, &problem), MR_REFUSED);
        assert_ptr_equal(strstr(problem.text, says), problem.text);
        assert_int_equal(mr_bus_observe(bus, &observation, MR_ASYNC, NULL, &problem), MR_REFUSED);
        assert_ptr_equal(strstr(problem.text, says), problem.text);
        assert_int_equal(mr_bus_quote(bus, quotes, 2, MR_ASYNC, NULL, &problem), MR_REFUSED);
        assert_non_null(strstr(problem.text, "provisional")); /* by whatever clock */
        assert_int_equal(mr_bus_feedback(bus, &feedback, MR_ASYNC, &problem),
            i == 0 ? MR_NOT_FOUND : MR_REFUSED);
        assert_int_equal(mr_log_last(bus->log).n, last);
        machine->realtime_unix_ns = right;
        (void)emit(bus, "BTCUSDT");
    }
    machine->realtime_unix_ns = wrong[0]; /* it has a time, which is kept */
    mr_signal signal;
    assert_int_equal(mr_bus_get(bus, (mr_ordinal){emit(bus, "BTCUSDT")}, &signal), MR_OK);
    assert_int_equal(signal.event_time_unix_ns, right);
    mr_bus_close(bus);
}

/** Of a symbol that a run has registered: prices are asked for the clock last. */
static void a_fact_without_a_time_is_refused_under_a_wrong_clock(void **fixture)
{
    (void)fixture;
    const struct mri_instrument_spec *spec = &story->script.instruments[0];
    assert_int_equal(mri_config_add_instrument(&story->config, spec), MR_OK);
    mr_bus_close(create());
    open_run();
    mri_story_close(story);
    const mr_quote quote = {.symbol = spec->symbol, .source = "ws", .bid = 1.0, .ask = 2.0};
    const mr_funding funding = {
        .symbol = spec->symbol, .source = "rest", .rate = 0.0001, .interval_ns = 3600 * SECOND_NS};
    int64_t right = machine->realtime_unix_ns;
    const int64_t wrong[2] = {-3600 * SECOND_NS, MRI_CLOCK_BEYOND_UNIX_NS};
    mr_bus *bus = create();
    for (unsigned i = 0; i < 2; i++) {
        mr_problem problem = {""};
        uint64_t last = mr_log_last(bus->log).n;
        machine->realtime_unix_ns = wrong[i];
        assert_int_equal(mr_bus_quote(bus, &quote, 1, MR_ASYNC, NULL, &problem), MR_REFUSED);
        assert_non_null(strstr(problem.text, "the machine's clock says "));
        problem.text[0] = '\0';
        assert_int_equal(mr_bus_funding(bus, &funding, 1, MR_ASYNC, NULL, &problem), MR_REFUSED);
        assert_non_null(strstr(problem.text, "the machine's clock says "));
        assert_int_equal(mr_log_last(bus->log).n, last);
    }
    machine->realtime_unix_ns = right;
    assert_int_equal(mr_bus_quote(bus, &quote, 1, MR_ASYNC, NULL, NULL), MR_OK);
    assert_int_equal(mr_bus_funding(bus, &funding, 1, MR_ASYNC, NULL, NULL), MR_OK);
    mr_bus_close(bus);
}

static void a_provisional_symbol_has_a_name_and_nothing_else(void **fixture)
{
    (void)fixture;
    mr_bus *bus = create();
    mr_problem problem = {""};
    uint32_t provisional;
    assert_int_equal(mr_bus_register(bus, "NEW_USDT", &problem), MR_OK);
    assert_int_equal(mr_bus_register(bus, "NEWUSDT", &problem), MR_OK); /* the same one */
    const mr_quote quote = {.symbol = "NEWUSDT", .bid = 1.0, .ask = 1.0};
    assert_int_equal(mr_bus_quote(bus, &quote, 1, MR_ASYNC, NULL, &problem), MR_REFUSED);
    assert_non_null(strstr(problem.text, "provisional"));
    assert_int_equal(mr_bus_symbol_count(bus, &provisional), 1);
    assert_int_equal(provisional, 1);
    mr_emission priced = {.symbol = "NEWUSDT",
        .source = "bot",
        .side = MR_SHORT,
        .confidence = 0.5,
        .has_price = true,
        .price = 0.25};
    assert_int_equal(mr_bus_emit(bus, &priced, 1, MR_ASYNC, NULL, &problem), MR_REFUSED);
    assert_non_null(strstr(problem.text, "price: NEWUSDT is provisional"));
    static const char *const wrong[] = {
        "", "a b", "-", "\xc3\xa9", "012345678901234567890123456789012"};
    for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_int_equal(mr_bus_register(bus, wrong[i], &problem), MR_REFUSED);
        assert_non_null(strstr(problem.text, "symbol: expected 1 to 32"));
    }
    assert_int_equal(mr_bus_register(bus, NULL, &problem), MR_EINVAL);
    assert_int_equal(mr_bus_symbol_count(bus, NULL), 1);
    mr_bus_close(bus);
}

static void there_is_room_for_so_many_symbols(void **fixture)
{
    (void)fixture;
    mr_bus *bus = create();
    mr_problem problem = {""};
    char name[16];
    for (unsigned i = 0; i < 64; i++) {
        (void)snprintf(name, sizeof(name), "S%u", i);
        assert_int_equal(mr_bus_register(bus, name, &problem), MR_OK);
    }
    assert_int_equal(mr_bus_register(bus, "S64", &problem), MR_FULL);
    assert_non_null(strstr(problem.text, "limits.symbols_max"));
    assert_int_equal(mr_bus_register(bus, "S63", &problem), MR_OK);
    mr_bus_close(bus);
}

static void an_absent_confidence_is_not_zero(void **fixture)
{
    (void)fixture;
    mr_bus *bus = create();
    mr_bus_record record;
    mr_problem problem = {""};
    assert_int_equal(mr_bus_register(bus, "BTCUSDT", &problem), MR_OK);
    mr_emission emission = {.symbol = "BTCUSDT", .source = "bot", .side = MR_LONG};
    mr_signal signal;
    for (unsigned lacks = 0; lacks < 2; lacks++) {
        emission.lacks_confidence = lacks == 1;
        mr_ordinal ordinal = mri_api_sample_emit(bus, &emission);
        assert_int_equal(mr_bus_get(bus, ordinal, &signal), MR_OK);
        assert_int_equal(mr_bus_read(bus, signal.generated, &record, &problem), MR_OK);
        assert_int_equal(record.lacks_confidence, lacks == 1);
    }
    emission.confidence = 0.5;
    assert_int_equal(mr_bus_emit(bus, &emission, 1, MR_ASYNC, NULL, &problem), MR_REFUSED);
    assert_non_null(strstr(problem.text, "confidence: given, and said to be absent"));
    mr_bus_close(bus);
}

/** Both clocks go on, and the run looks at them. */
static void pass(int64_t seconds)
{
    machine->realtime_unix_ns += seconds * SECOND_NS;
    machine->boottime_ns += seconds * SECOND_NS;
    assert_int_equal(mri_node_tick(&story->node), MR_OK);
}

static void a_log_whose_time_is_ahead_of_the_clock_is_degraded(void **fixture)
{
    (void)fixture;
    mr_bus_close(create());
    open_run();
    pass(0);
    mri_story_close(story);
    mr_bus *bus = create();
    mr_problem problem;
    mr_health health;
    assert_int_equal(mr_bus_register(bus, "BTCUSDT", NULL), MR_OK);
    (void)emit(bus, "BTCUSDT");
    machine->realtime_unix_ns -= 60 * SECOND_NS;
    assert_int_equal(mr_bus_health(bus, &health, &problem), MR_OK);
    assert_string_equal(health.state, "UNKNOWN");
    machine->realtime_unix_ns -= SECOND_NS;
    assert_int_equal(mr_bus_health(bus, &health, &problem), MR_OK);
    assert_string_equal(health.state, "DEGRADED");
    static const char why[] = "the log's time is ahead of the clock by 1m 01s: ";
    assert_memory_equal(health.why, why, sizeof(why) - 1);
    machine->realtime_unix_ns += 31 * INT64_C(86400) * SECOND_NS; /* being behind is nothing */
    assert_int_equal(mr_bus_health(bus, &health, &problem), MR_OK);
    assert_string_equal(health.state, "UNKNOWN");
    (void)emit(bus, "BTCUSDT");
    mr_bus_close(bus);
}

static void a_run_blocks_what_is_provisional_and_finds_no_price_for_it(void **fixture)
{
    (void)fixture;
    mr_bus *bus = create();
    mr_signal signal;
    struct mri_lives lives;
    assert_int_equal(mr_bus_register(bus, "NOBODY", NULL), MR_OK);
    assert_int_equal(emit(bus, "NOBODY"), 1);
    open_run();
    assert_int_equal(emit(bus, "NOBODY"), 2); /* beside it */
    assert_int_equal(mr_bus_register(bus, "LATER", NULL), MR_OK);
    assert_int_equal(emit(bus, "LATER"), 3);
    assert_int_equal(mri_node_take_foreign(&story->node), MR_OK);
    assert_int_equal(mr_bus_follow(bus, NULL), MR_OK);
    for (uint32_t ordinal = 1; ordinal <= 3; ordinal++) {
        assert_int_equal(mr_bus_get(bus, (mr_ordinal){ordinal}, &signal), MR_OK);
        assert_int_equal(signal.state, MR_BLOCKED);
        assert_string_equal(signal.gate, "instrument");
        assert_string_equal(signal.reason, "provisional_symbol");
    }
    for (unsigned minute = 0; minute <= 61; minute++) {
        pass(60);
    }
    mri_story_close(story);
    mr_bus_close(bus);
    mri_lives_read(&lives, story);
    mri_lives_check_ended(&lives);
    for (uint32_t ordinal = 1; ordinal <= 3; ordinal++) {
        const struct mri_life *life = mri_lives_get(&lives, ordinal);
        for (unsigned horizon = 0; horizon < MR_HORIZON_COUNT; horizon++) {
            assert_int_equal(life->statuses[horizon], MRI_OUTCOME_UNRESOLVED);
            assert_int_equal(life->outcome_reasons[horizon], MRI_REASON_NO_PRICE_SOURCE);
        }
    }
    mri_lives_fini(&lives);
    mri_story_check_replay(story);
}

static void a_run_that_knows_the_instrument_registers_it_under_the_same_number(void **fixture)
{
    (void)fixture;
    const struct mri_instrument_spec *spec = &story->script.instruments[0];
    char spelled[MRI_INSTRUMENT_TEXT_BYTES];
    uint32_t provisional;
    mr_bus *bus = create();
    mr_signal signal;
    (void)snprintf(spelled, sizeof(spelled), "%s", spec->symbol);
    for (char *at = spelled; *at != '\0'; at++) {
        *at = *at >= 'A' && *at <= 'Z' ? (char)(*at - 'A' + 'a') : *at;
    }
    assert_int_equal(mr_bus_register(bus, "NOBODY", NULL), MR_OK);
    assert_int_equal(mr_bus_register(bus, spelled, NULL), MR_OK);
    assert_int_equal(emit(bus, spec->symbol), 1);
    char id[MR_BUS_ID_BYTES];
    char again[MR_BUS_ID_BYTES];
    assert_int_equal(mr_bus_id(bus, (mr_ordinal){1}, id), MR_OK);
    assert_int_equal(mri_config_add_instrument(&story->config, spec), MR_OK);
    for (unsigned run = 0; run < 2; run++) { /* the second one finds it registered */
        open_run();
        assert_int_equal(mr_bus_follow(bus, NULL), MR_OK);
        assert_int_equal(mr_bus_symbol_count(bus, &provisional), 2);
        assert_int_equal(provisional, 1);
        mri_story_close(story);
    }
    assert_int_equal(mr_bus_id(bus, (mr_ordinal){1}, again), MR_OK);
    assert_string_equal(id, again); /* ids that were handed out stay good */
    assert_int_equal(mr_bus_get(bus, (mr_ordinal){1}, &signal), MR_OK);
    assert_int_equal(signal.state, MR_BLOCKED); /* it was decided on before */
    assert_int_equal(emit(bus, spec->symbol), 2);
    open_run();
    mri_story_close(story);
    assert_int_equal(mr_bus_follow(bus, NULL), MR_OK);
    assert_int_equal(mr_bus_get(bus, (mr_ordinal){2}, &signal), MR_OK);
    assert_int_equal(signal.state, MR_GENERATED); /* a price may come */
    mr_bus_close(bus);
    mri_story_check_replay(story);
}

/** Somebody registers symbols before each of the first appends of a run. */
static struct {
    mr_bus *bus;
    unsigned count;
    bool is_acting;
    int64_t (*realtime_unix_ns)(void *context);
} beside;

enum { BESIDE_MAX = 6 };

static int64_t realtime_beside(void *context)
{
    char name[16];
    if (!beside.is_acting && beside.count < BESIDE_MAX) {
        beside.is_acting = true;
        (void)snprintf(name, sizeof(name), "BESIDE%u", beside.count++);
        assert_int_equal(mr_bus_register(beside.bus, name, NULL), MR_OK);
        beside.is_acting = false;
    }
    return beside.realtime_unix_ns(context);
}

static void symbols_that_come_while_a_run_begins_keep_the_numbers_apart(void **fixture)
{
    (void)fixture;
    mr_bus_close(create());
    mr_problem problem;
    assert_int_equal(mri_bus_api_open(mri_os_memory_table(story->memory), mri_alloc_system(),
                         MRI_STORY_FOLDER, &beside.bus, &problem),
        MR_OK);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(
            mri_config_add_instrument(&story->config, &story->script.instruments[i]), MR_OK);
    }
    beside.realtime_unix_ns = machine->table.realtime_unix_ns;
    machine->table.realtime_unix_ns = realtime_beside;
    open_run();
    machine->table.realtime_unix_ns = beside.realtime_unix_ns;
    assert_int_equal(beside.count, BESIDE_MAX);
    mri_story_close(story);
    mr_bus *bus = create(); /* the log is read from its begin and agrees with itself */
    uint32_t provisional;
    assert_int_equal(mr_bus_symbol_count(bus, &provisional), BESIDE_MAX + 2);
    assert_int_equal(provisional, BESIDE_MAX);
    mr_bus_close(bus);
    mr_bus_close(beside.bus);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_log_is_made_once_and_then_opened),
        TEST(a_folder_of_something_else_is_left_alone),
        TEST(the_wall_clock_is_its_time_and_never_goes_back),
        TEST(no_event_gets_the_time_of_a_clock_that_cannot_be_right),
        TEST(a_fact_without_a_time_is_refused_under_a_wrong_clock),
        TEST(a_log_whose_time_is_ahead_of_the_clock_is_degraded),
        TEST(a_provisional_symbol_has_a_name_and_nothing_else),
        TEST(there_is_room_for_so_many_symbols),
        TEST(an_absent_confidence_is_not_zero),
        TEST(a_run_blocks_what_is_provisional_and_finds_no_price_for_it),
        TEST(symbols_that_come_while_a_run_begins_keep_the_numbers_apart),
        TEST(a_run_that_knows_the_instrument_registers_it_under_the_same_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
