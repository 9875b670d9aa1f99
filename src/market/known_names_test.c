/* SPDX-License-Identifier: MIT */
/*
 * Names of a log, as a question finds and lists them.
 */
#include "market/known_names.h"

#include "tests/lib/cmocka_all.h"

struct sample {
    struct mri_instruments instruments;
    struct mri_intern sources;
    struct mri_intern names;
    struct mri_known_names known;
};

static void add(struct mri_intern *table, const char *text)
{
    uint32_t number;
    assert_int_equal(mri_intern_add(table, mri_slice_of(text), &number), MR_OK);
}

static void add_symbol(struct mri_instruments *instruments, const char *symbol)
{
    struct mri_instrument_spec spec;
    assert_int_equal(mri_instrument_provisional(mri_slice_of(symbol), &spec, NULL), MR_OK);
    assert_int_equal(mri_instruments_restore(instruments, &spec), MR_OK);
}

static int make(void **fixture)
{
    static struct sample sample;
    sample = (struct sample){.known = {&sample.instruments, &sample.sources, &sample.names}};
    assert_int_equal(mri_instruments_init(&sample.instruments, mri_alloc_system(), 8), MR_OK);
    assert_int_equal(mri_intern_init(&sample.sources, mri_alloc_system(), 8), MR_OK);
    assert_int_equal(mri_intern_init(&sample.names, mri_alloc_system(), 8), MR_OK);
    add_symbol(&sample.instruments, "BTCUSDT");
    add_symbol(&sample.instruments, "ETHUSDT");
    add(&sample.sources, "rsi");
    add(&sample.sources, "\x01"
                         "7"); /* kept for a source of a later version */
    add(&sample.sources, "bot");
    add(&sample.names, "breakout");
    *fixture = &sample;
    return 0;
}

static int end(void **fixture)
{
    struct sample *sample = *fixture;
    mri_instruments_fini(&sample->instruments);
    mri_intern_fini(&sample->sources);
    mri_intern_fini(&sample->names);
    return 0;
}

static void a_name_is_found_in_the_table_of_its_kind_alone(void **fixture)
{
    const struct sample *sample = *fixture;
    const struct mri_filter_names names = mri_known_names_filter(&sample->known, 77);
    static const struct {
        enum mri_name_kind kind;
        const char *name;
        int64_t number; /* -1: there is none */
    } cases[] = {
        {MRI_NAME_SYMBOL, "BTCUSDT", 0},
        {MRI_NAME_SYMBOL, "ETHUSDT", 1},
        {MRI_NAME_SYMBOL, "rsi", -1},
        {MRI_NAME_SYMBOL, "breakout", -1},
        {MRI_NAME_SOURCE, "rsi", 0},
        {MRI_NAME_SOURCE, "bot", 2},
        {MRI_NAME_SOURCE, "breakout", -1},
        {MRI_NAME_SOURCE, "BTCUSDT", -1},
        {MRI_NAME_NAME, "breakout", 0},
        {MRI_NAME_NAME, "bot", -1},
        {MRI_NAME_NAME, "", -1},
    };
    assert_int_equal(names.now_unix_ns, 77);
    for (size_t i = 0; i < MRI_COUNT_OF(cases); i++) {
        uint32_t number = 99;
        mr_err err = names.find(names.context, cases[i].kind, mri_slice_of(cases[i].name), &number);
        assert_int_equal(err, cases[i].number < 0 ? MR_NOT_FOUND : MR_OK);
        assert_int_equal(number, cases[i].number < 0 ? 99 : cases[i].number);
    }
}

static void the_names_of_a_kind_end_where_its_table_ends(void **fixture)
{
    const struct sample *sample = *fixture;
    const struct mri_filter_names names = mri_known_names_filter(&sample->known, 0);
    assert_string_equal(names.text(names.context, MRI_NAME_SYMBOL, 0), "BTCUSDT");
    assert_string_equal(names.text(names.context, MRI_NAME_SYMBOL, 1), "ETHUSDT");
    assert_null(names.text(names.context, MRI_NAME_SYMBOL, 2));
    assert_string_equal(names.text(names.context, MRI_NAME_SOURCE, 2), "bot");
    assert_null(names.text(names.context, MRI_NAME_SOURCE, 3));
    assert_string_equal(names.text(names.context, MRI_NAME_NAME, 0), "breakout");
    assert_null(names.text(names.context, MRI_NAME_NAME, 1));
}

static void a_number_that_is_kept_for_later_is_nobodys(void **fixture)
{
    const struct sample *sample = *fixture;
    const struct mri_filter_names names = mri_known_names_filter(&sample->known, 0);
    char said[MRI_EXPECTED_NAME_BYTES];
    assert_string_equal(names.text(names.context, MRI_NAME_SOURCE, 1), "");
    assert_string_equal(
        mri_filter_names_expected(&names, MRI_NAME_SOURCE, mri_slice_of("qqqq"), said),
        "a source that is known here (rsi, bot)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_name_is_found_in_the_table_of_its_kind_alone, make, end),
        cmocka_unit_test_setup_teardown(the_names_of_a_kind_end_where_its_table_ends, make, end),
        cmocka_unit_test_setup_teardown(a_number_that_is_kept_for_later_is_nobodys, make, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
