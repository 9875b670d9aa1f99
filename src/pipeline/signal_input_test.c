/* SPDX-License-Identifier: MIT */
/*
 * Signals from outside: what is good is drafted as it is, what is not is refused with its field.
 */
#include "pipeline/signal_input.h"

#include <math.h>
#include <string.h>

#include "base/prng.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/engine_sample.h"

enum { SYMBOLS = 2 };

static struct mri_engine_sample sample;
static struct mri_batch batch;
static struct mri_signal_input_context context;

static int set_up(void **fixture)
{
    (void)fixture;
    mri_engine_sample_init(&sample, SYMBOLS);
    context = (struct mri_signal_input_context){.instruments = &sample.market.instruments,
        .event_time_unix_ns = MRI_ENGINE_SAMPLE_T0_UNIX_NS,
        .valid_for_ns = 300};
    assert_int_equal(mri_batch_init(&batch, mri_alloc_system(), 4, 1 << 20), MR_OK);
    mri_batch_begin(&batch, 1, 1);
    return 0;
}

static int tear_down(void **fixture)
{
    (void)fixture;
    mri_batch_fini(&batch);
    mri_engine_sample_fini(&sample);
    return 0;
}

static struct mri_signal_input good(void)
{
    const struct mri_instrument_spec *spec = mri_instruments_get(&sample.market.instruments, 1);
    return (struct mri_signal_input){
        .symbol = mri_slice_of(spec->symbol),
        .source = mri_slice_of("bot"),
        .confidence = 0.5,
        .side = MR_SHORT,
    };
}

static void what_is_given_is_drafted(void **fixture)
{
    (void)fixture;
    struct mri_signal_input input = good();
    input.data = mri_slice_of("{\"a\":1}");
    input.key = mri_slice_of("k1");
    input.has_price = true;
    input.price = 12345;
    input.has_horizon = true;
    input.horizon = MR_HORIZON_15M;
    input.valid_for_ns = 2000000000;
    assert_int_equal(mri_signal_input_draft(&input, &context, &batch, NULL), MR_OK);
    struct mri_event event = mri_batch_event(&batch, 0);
    const struct mri_signal_generated *signal = event.body;
    assert_int_equal(signal->symbol, 1);
    assert_int_equal(signal->side, MR_SHORT);
    assert_int_equal(signal->price, 12345);
    assert_int_equal(signal->price_time_unix_ns, context.event_time_unix_ns);
    assert_int_equal(signal->horizon, MR_HORIZON_15M);
    assert_int_equal(signal->present, MRI_HAS_PRICE | MRI_HAS_HORIZON);
    assert_int_equal(signal->valid_for_ns, 2000000000);
    assert_true(mri_slice_is(mri_event_text(&event, MRI_TEXT_signal_generated_name), "bot"));
    assert_true(mri_slice_is(mri_event_text(&event, MRI_TEXT_signal_generated_data), "{\"a\":1}"));
}

static void what_is_not_given_is_absent(void **fixture)
{
    (void)fixture;
    const struct mri_signal_input input = good();
    assert_int_equal(mri_signal_input_draft(&input, &context, &batch, NULL), MR_OK);
    struct mri_event event = mri_batch_event(&batch, 0);
    const struct mri_signal_generated *signal = event.body;
    assert_int_equal(signal->present, 0);
    assert_int_equal(signal->valid_for_ns, context.valid_for_ns);
    assert_int_equal(signal->cause, 0);
    assert_int_equal(signal->regime, MRI_REGIME_ABSENT);
}

/** Refused, with the name of the field, and nothing drafted. */
static void refused(const struct mri_signal_input *input, const char *field)
{
    mr_problem problem = {""};
    assert_int_equal(mri_signal_input_draft(input, &context, &batch, &problem), MR_REFUSED);
    if (strncmp(problem.text, field, strlen(field)) != 0) {
        fail_msg("expected a word about %s, found: %s", field, problem.text);
    }
    assert_int_equal(batch.count, 0);
}

static void every_field_is_checked(void **fixture)
{
    (void)fixture;
    static char long_text[70000];
    memset(long_text, 'x', sizeof(long_text) - 1);
    struct mri_slice long_slice = {long_text, 65};
    struct mri_slice longer_slice = {long_text, 257};
    struct mri_slice longest_slice = {long_text, 65537};
    struct mri_slice bad_utf8 = {"\xff", 1};
    struct mri_slice control = {"a\nb", 3};
    struct mri_signal_input input;
#define WITH(assignment, field)                                                                    \
    input = good();                                                                                \
    input.assignment;                                                                              \
    refused(&input, field)
    WITH(symbol = (struct mri_slice){0}, "symbol is missing");
    WITH(symbol = mri_slice_of("NOPE"), "symbol: ");
    WITH(source = (struct mri_slice){0}, "source is missing");
    WITH(source = mri_slice_of(""), "source: ");
    static const char *const sources[] = {
        "momentum", "engine", "Millrace", "operator", "run", "execute", " ", "   ", "a\tb"};
    for (size_t i = 0; i < MRI_COUNT_OF(sources); i++) {
        WITH(source = mri_slice_of(sources[i]), "source: ");
    }
    WITH(source = long_slice, "source: ");
    WITH(source = bad_utf8, "source: ");
    WITH(source = control, "source: ");
    WITH(name = long_slice, "name: ");
    WITH(external_id = longer_slice, "external_id: ");
    WITH(key = longer_slice, "idempotency_key: ");
    WITH(account = control, "account: ");
    WITH(data = longest_slice, "data: ");
    WITH(data = bad_utf8, "data: ");
    WITH(side = (mr_side)0, "side: ");
    WITH(side = (mr_side)3, "side: ");
    WITH(confidence = -0.01, "confidence: ");
    WITH(confidence = 1.01, "confidence: ");
    WITH(confidence = (double)NAN, "confidence: ");
    WITH(has_price = true, "price: ");
    WITH(valid_for_ns = 999999999, "valid_for: ");
    WITH(valid_for_ns = 86400000000001, "valid_for: ");
#undef WITH
    input = good();
    input.has_horizon = true;
    input.horizon = (mr_horizon)MR_HORIZON_COUNT;
    refused(&input, "horizon: ");
}

/** Many signals, each drafted with a memo and without one. */
static void what_is_noted_changes_no_byte(void **fixture)
{
    (void)fixture;
    static const char *const words[] = {
        "a", "bot", "a source with a longer name, of 48 bytes, say"};
    static const char *const texts[] = {NULL, "{}", "{\"why\": \"sixteen\"}", "{\"\xc3\xa9\": 1}"};
    enum { SIGNALS = 2000 };
    struct mri_batch plain;
    struct mri_signal_memo memo = {.symbol_bytes = 0};
    struct mri_signal_input_context noting = context;
    struct mri_prng prng;
    noting.memo = &memo;
    mri_prng_init(&prng, 1);
    assert_int_equal(mri_batch_init(&plain, mri_alloc_system(), 4, 1 << 20), MR_OK);
    for (unsigned i = 0; i < SIGNALS; i++) {
        struct mri_signal_input input = good();
        const char *data = texts[mri_prng_below(&prng, MRI_COUNT_OF(texts))];
        uint64_t which = mri_prng_below(&prng, 64);
        input.source = mri_slice_of(words[mri_prng_below(&prng, MRI_COUNT_OF(words))]);
        if (mri_prng_below(&prng, 3) == 0) {
            input.name = mri_slice_of(words[mri_prng_below(&prng, MRI_COUNT_OF(words))]);
        }
        if (data != NULL) {
            input.data = mri_slice_of(data);
        }
        if (which == 0) {
            input.key = mri_slice_of("k");
        } else if (which == 1) {
            input.account = mri_slice_of("main");
        }
        input.has_price = which % 2 != 0;
        input.price = input.has_price ? (int64_t)i + 1 : 0;
        input.has_horizon = which % 4 == 3;
        input.horizon = MR_HORIZON_5M;
        mri_batch_begin(&batch, 1, 1);
        mri_batch_begin(&plain, 1, 1);
        assert_int_equal(mri_signal_input_draft(&input, &noting, &batch, NULL), MR_OK);
        assert_int_equal(mri_signal_input_draft(&input, &context, &plain, NULL), MR_OK);
        assert_int_equal(batch.bodies.count, plain.bodies.count);
        assert_int_equal(batch.items[0].bytes, plain.items[0].bytes);
        assert_memory_equal(batch.bodies.bytes, plain.bodies.bytes, plain.bodies.count);
    }
    mri_batch_fini(&plain);
}

/** What is refused of a signal is refused behind one of the same words, too. */
static void what_is_noted_hides_no_fault(void **fixture)
{
    (void)fixture;
    struct mri_signal_memo memo = {.symbol_bytes = 0};
    struct mri_signal_input input = good();
    mr_problem problem = {""};
    context.memo = &memo;
    assert_int_equal(mri_signal_input_draft(&input, &context, &batch, &problem), MR_OK);
    input.data = mri_slice_of("{\"a\": \"sixteen bytes\xff\"}");
    assert_int_equal(mri_signal_input_draft(&input, &context, &batch, &problem), MR_REFUSED);
    assert_non_null(strstr(problem.text, "data"));
    input = good();
    input.confidence = 1.5;
    assert_int_equal(mri_signal_input_draft(&input, &context, &batch, &problem), MR_REFUSED);
    assert_non_null(strstr(problem.text, "confidence"));
    input = good();
    input.key = mri_slice_of("");
    assert_int_equal(mri_signal_input_draft(&input, &context, &batch, &problem), MR_REFUSED);
    assert_non_null(strstr(problem.text, "idempotency_key"));
    assert_int_equal(batch.count, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_is_given_is_drafted),
        TEST(what_is_not_given_is_absent),
        TEST(every_field_is_checked),
        TEST(what_is_noted_changes_no_byte),
        TEST(what_is_noted_hides_no_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
