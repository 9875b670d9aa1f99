/* SPDX-License-Identifier: MIT */
/*
 * Tests of the vocabularies: one text a code, one code a text.
 */
#include "bus/vocabulary.h"

#include <ctype.h>
#include <string.h>

#include "base/check.h"
#include "tests/lib/cmocka_all.h"

static void every_code_has_one_text_and_back(void **fixture)
{
    (void)fixture;
    for (unsigned id = 0; id < MRI_VOCABULARY_COUNT; id++) {
        const struct mri_vocabulary *vocabulary = mri_vocabulary((enum mri_vocabulary_id)id);
        assert_true(vocabulary->count > 0);
        for (size_t i = 0; i < vocabulary->count; i++) {
            const struct mri_word *word = &vocabulary->words[i];
            char upper[100] = {0};
            unsigned value = 777;
            assert_string_equal(mri_word_text((enum mri_vocabulary_id)id, word->value), word->text);
            for (size_t k = 0; word->text[k] != '\0'; k++) {
                upper[k] = (char)toupper((unsigned char)word->text[k]);
            }
            assert_int_equal(
                mri_word_parse((enum mri_vocabulary_id)id, mri_slice_of(word->text), &value),
                MR_OK);
            assert_int_equal(value, word->value);
            assert_int_equal(
                mri_word_parse((enum mri_vocabulary_id)id, mri_slice_of(upper), &value), MR_OK);
            assert_int_equal(value, word->value);
        }
    }
}

static void what_is_in_no_table_is_refused(void **fixture)
{
    (void)fixture;
    for (unsigned id = 0; id < MRI_VOCABULARY_COUNT; id++) {
        const struct mri_vocabulary *vocabulary = mri_vocabulary((enum mri_vocabulary_id)id);
        size_t known = 0;
        for (unsigned value = 0; value < 70000; value++) {
            known += mri_word_text((enum mri_vocabulary_id)id, value) != NULL;
        }
        assert_int_equal(known, vocabulary->count); /* no code twice */
        assert_null(mri_word_text((enum mri_vocabulary_id)id, UINT32_MAX));
        for (size_t i = 0; i < vocabulary->count; i++) {
            const char *text = vocabulary->words[i].text;
            char longer[100];
            unsigned value = 777;
            size_t count = strlen(text);
            memcpy(longer, text, count);
            longer[count] = 'x';
            assert_int_equal(mri_word_parse((enum mri_vocabulary_id)id,
                                 (struct mri_slice){longer, count + 1}, &value),
                MR_REFUSED);
            assert_int_equal(value, 777);
        }
    }
}

static void sides_are_read_as_bots_write_them(void **fixture)
{
    (void)fixture;
    static const struct {
        const char *text;
        mr_err err;
        mr_side side;
    } cases[] = {
        {"LONG", MR_OK, MR_LONG},
        {"long", MR_OK, MR_LONG},
        {"Buy", MR_OK, MR_LONG},
        {"STRONG_LONG", MR_OK, MR_LONG},
        {"strong_buy", MR_OK, MR_LONG},
        {"SHORT", MR_OK, MR_SHORT},
        {"sell", MR_OK, MR_SHORT},
        {"STRONG_SHORT", MR_OK, MR_SHORT},
        {"Strong_Sell", MR_OK, MR_SHORT},
        {"HOLD", MR_REFUSED, MR_LONG},
        {"NEUTRAL", MR_REFUSED, MR_LONG},
        {"", MR_REFUSED, MR_LONG},
        {"LON", MR_REFUSED, MR_LONG},
        {"LONGS", MR_REFUSED, MR_LONG},
        {"STRONG", MR_REFUSED, MR_LONG},
        {" LONG", MR_REFUSED, MR_LONG},
    };
    for (size_t i = 0; i < MRI_COUNT_OF(cases); i++) {
        mr_side side = (mr_side)77;
        assert_int_equal(mri_side_parse(mri_slice_of(cases[i].text), &side), cases[i].err);
        assert_int_equal(side, cases[i].err == MR_OK ? (int)cases[i].side : 77);
    }
}

static void horizons_have_their_lengths(void **fixture)
{
    (void)fixture;
    assert_int_equal(mri_horizon_ns(MR_HORIZON_1M), INT64_C(60000000000));
    assert_int_equal(mri_horizon_ns(MR_HORIZON_5M), INT64_C(300000000000));
    assert_int_equal(mri_horizon_ns(MR_HORIZON_15M), INT64_C(900000000000));
    assert_int_equal(mri_horizon_ns(MR_HORIZON_30M), INT64_C(1800000000000));
    assert_int_equal(mri_horizon_ns(MR_HORIZON_1H), INT64_C(3600000000000));
    assert_int_equal(mri_horizon_ns((mr_horizon)99), 0);
    mr_horizon horizon = MR_HORIZON_1M;
    for (unsigned i = 0; i < MR_HORIZON_COUNT; i++) {
        const char *text = mri_word_text(MRI_VOCABULARY_horizon, i);
        assert_int_equal(mri_horizon_parse(mri_slice_of(text), &horizon), MR_OK);
        assert_int_equal(horizon, i);
    }
    static const char *const wrong[] = {"", "1M", "5M", "1H", "60m", "1", "m", "+1m", " 1m", "01m"};
    for (size_t i = 0; i < MRI_COUNT_OF(wrong); i++) {
        assert_int_equal(mri_horizon_parse(mri_slice_of(wrong[i]), &horizon), MR_REFUSED);
    }
    assert_int_equal(mri_vocabulary(MRI_VOCABULARY_horizon)->count, MR_HORIZON_COUNT);
    assert_int_equal(mri_vocabulary(MRI_VOCABULARY_state)->count, MR_STATE_COUNT);
}

static void every_gate_has_a_unit(void **fixture)
{
    (void)fixture;
    assert_int_equal(mri_gate_unit(MRI_GATE_EXPECTED_VALUE, MRI_REASON_NONE), MRI_UNIT_BPS);
    assert_int_equal(mri_gate_unit(MRI_GATE_STALE, MRI_REASON_NONE), MRI_UNIT_SECONDS);
    assert_int_equal(mri_gate_unit(MRI_GATE_NONE, MRI_REASON_NONE), MRI_UNIT_NONE);
    assert_int_equal(mri_gate_unit((enum mri_gate)99, MRI_REASON_NONE), MRI_UNIT_NONE);
    assert_int_equal(
        mri_gate_unit(MRI_GATE_POSITION_LIMIT, MRI_REASON_POSITIONS_FULL), MRI_UNIT_COUNT);
    assert_int_equal(
        mri_gate_unit(MRI_GATE_POSITION_LIMIT, MRI_REASON_EXPOSURE_FULL), MRI_UNIT_MONEY);
    assert_int_equal(mri_gate_unit(MRI_GATE_STALE, MRI_REASON_EXPOSURE_FULL), MRI_UNIT_SECONDS);
    const struct mri_vocabulary *gates = mri_vocabulary(MRI_VOCABULARY_gate);
    for (size_t i = 0; i < gates->count; i++) {
        enum mri_unit unit = mri_gate_unit((enum mri_gate)gates->words[i].value, MRI_REASON_NONE);
        assert_non_null(mri_word_text(MRI_VOCABULARY_unit, unit));
    }
}

static void the_names_of_our_own_sources_are_known_in_any_case(void **fixture)
{
    (void)fixture;
    for (unsigned i = 0; i < MRI_SOURCE_INTERNAL_COUNT; i++) {
        assert_true(mri_source_is_internal(mri_slice_of(mri_source_name((enum mri_source)i))));
    }
    assert_true(mri_source_is_internal(mri_slice_of("MOMENTUM")));
    assert_false(mri_source_is_internal(mri_slice_of("my_bot")));
    assert_false(mri_source_is_internal(mri_slice_of("")));
}

static void names_that_could_be_the_engines_are_reserved(void **fixture)
{
    (void)fixture;
    static const char *const reserved[] = {"engine", "Millrace", "RUN", "operator", "evaluate",
        "execute", "learn", "timer", "clock", "ledger", "none", "rsi", "Momentum"};
    static const char *const allowed[] = {
        "external", "", "my_bot", "engine2", "runner", "operators"};
    for (size_t i = 0; i < MRI_COUNT_OF(reserved); i++) {
        assert_true(mri_source_is_reserved(mri_slice_of(reserved[i])));
    }
    for (size_t i = 0; i < MRI_COUNT_OF(allowed); i++) {
        assert_false(mri_source_is_reserved(mri_slice_of(allowed[i])));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_has_one_text_and_back),
        cmocka_unit_test(what_is_in_no_table_is_refused),
        cmocka_unit_test(sides_are_read_as_bots_write_them),
        cmocka_unit_test(horizons_have_their_lengths),
        cmocka_unit_test(every_gate_has_a_unit),
        cmocka_unit_test(the_names_of_our_own_sources_are_known_in_any_case),
        cmocka_unit_test(names_that_could_be_the_engines_are_reserved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
