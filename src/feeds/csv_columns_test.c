/* SPDX-License-Identifier: MIT */
/*
 * Columns of CSV, against the examples of RFC 4180 and a second way to write them.
 */
#include "feeds/csv_columns.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/prng.h"
#include "tests/lib/cmocka_all.h"

enum { ITEMS_MAX = 4, TEXTS_BYTES_MAX = 4096 };

static struct mri_slice items[ITEMS_MAX];
static struct mri_buf texts;

static int set_up(void **state)
{
    (void)state;
    mri_buf_init(&texts, mri_alloc_system(), TEXTS_BYTES_MAX);
    assert_non_null(mri_buf_grow(&texts, TEXTS_BYTES_MAX));
    mri_buf_clear(&texts);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    mri_buf_fini(&texts);
    return 0;
}

static mr_err cut(const char *line, size_t *ret_count, mr_problem *problem)
{
    struct mri_csv_columns columns = {.items = items, .items_max = ITEMS_MAX, .texts = &texts};
    mri_buf_clear(&texts);
    mr_err err = mri_csv_columns_cut(&columns, mri_slice_of(line), problem);
    *ret_count = columns.count;
    return err;
}

static void quotes_enclose_commas_and_doubled_quotes(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        const char *expected[ITEMS_MAX];
    } cases[] = {
        {"", {""}},
        {"a", {"a"}},
        {",", {"", ""}},
        {"a,,b", {"a", "", "b"}},
        {"\"a\"", {"a"}},
        {"\"\"", {""}},
        {"\"\",\"\"", {"", ""}},
        {"\"a,b\",c", {"a,b", "c"}},
        {"a,\"b\"\"c\"", {"a", "b\"c"}},
        {"\"\"\"\"", {"\""}},
        {"\"\"\"a\"\"\",\"b\"", {"\"a\"", "b"}},
        {"a\"b,c\"", {"a\"b", "c\""}}, /* not at its beginning: a character like others */
        {" \"a\"", {" \"a\""}},
        {"\"a\",", {"a", ""}},
    };
    for (size_t i = 0; i < MRI_COUNT_OF(cases); i++) {
        size_t count;
        assert_int_equal(cut(cases[i].line, &count, NULL), MR_OK);
        for (size_t k = 0; k < count; k++) {
            assert_non_null(cases[i].expected[k]);
            assert_true(mri_slice_is(items[k], cases[i].expected[k]));
        }
        assert_true(count == ITEMS_MAX || cases[i].expected[count] == NULL);
    }
}

static void columns_beyond_the_room_are_counted(void **state)
{
    (void)state;
    size_t count;
    assert_int_equal(cut("1,\"2\",3,4,\"5,\"\"5\",6", &count, NULL), MR_OK);
    assert_int_equal(count, 6);
    assert_true(mri_slice_is(items[3], "4"));
}

static void what_is_quoted_wrongly_is_told_with_its_place_in_characters(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        const char *told;
        size_t count; /* of columns before */
    } cases[] = {
        {"\"", "character 1: the quote is not closed", 0},
        {"a,\"b", "character 3: the quote is not closed", 1},
        {"a,\"b\"\"", "character 3: the quote is not closed", 1},
        {"\xc3\xa4,\xc3\xb6,\"b,c", "character 5: the quote is not closed", 2},
        {"\"a\"b", "character 4: behind a closing quote", 0},
        {"\"a\" ,b", "character 4: behind a closing quote", 0},
        {"x,\"\xc3\xa4\"\xc3\xa4", "character 6: behind a closing quote", 1},
    };
    for (size_t i = 0; i < MRI_COUNT_OF(cases); i++) {
        size_t count;
        mr_problem problem = {""};
        assert_int_equal(cut(cases[i].line, &count, &problem), MR_REFUSED);
        assert_memory_equal(problem.text, cases[i].told, strlen(cases[i].told));
        assert_int_equal(count, cases[i].count);
    }
}

static void without_room_for_texts_a_doubled_quote_is_refused_and_others_are_not(void **state)
{
    (void)state;
    struct mri_csv_columns columns = {.items = items, .items_max = ITEMS_MAX};
    mr_problem problem = {""};
    assert_int_equal(mri_csv_columns_cut(&columns, mri_slice_of("\"a,b\",c"), NULL), MR_OK);
    assert_true(mri_slice_is(items[0], "a,b"));
    assert_int_equal(
        mri_csv_columns_cut(&columns, mri_slice_of("c,\"a\"\"b\""), &problem), MR_REFUSED);
    assert_non_null(strstr(problem.text, "character 3: "));
}

/** Quotes around a column, and each of its quotes twice. */
static size_t quote(char *at, const char *text)
{
    size_t count = 0;
    at[count++] = '"';
    for (; *text != '\0'; text++) {
        at[count++] = *text;
        if (*text == '"') {
            at[count++] = '"';
        }
    }
    at[count++] = '"';
    return count;
}

static void what_is_quoted_reads_as_it_was(void **state)
{
    (void)state;
    static const char letters[] = "a\",";
    struct mri_prng prng;
    mri_prng_init(&prng, 7);
    for (int round = 0; round < 2000; round++) {
        char written[ITEMS_MAX][8];
        char line[128];
        size_t bytes = 0;
        size_t count;
        for (size_t k = 0; k < ITEMS_MAX; k++) {
            size_t length = mri_prng_below(&prng, sizeof(written[k]));
            for (size_t i = 0; i < length; i++) {
                written[k][i] = letters[mri_prng_below(&prng, sizeof(letters) - 1)];
            }
            written[k][length] = '\0';
            bytes += k > 0 ? (size_t)snprintf(line + bytes, 2, ",") : 0;
            bytes += quote(line + bytes, written[k]);
        }
        line[bytes] = '\0';
        assert_int_equal(cut(line, &count, NULL), MR_OK);
        assert_int_equal(count, ITEMS_MAX);
        for (size_t k = 0; k < ITEMS_MAX; k++) {
            assert_true(mri_slice_is(items[k], written[k]));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quotes_enclose_commas_and_doubled_quotes),
        cmocka_unit_test(columns_beyond_the_room_are_counted),
        cmocka_unit_test(what_is_quoted_wrongly_is_told_with_its_place_in_characters),
        cmocka_unit_test(without_room_for_texts_a_doubled_quote_is_refused_and_others_are_not),
        cmocka_unit_test(what_is_quoted_reads_as_it_was),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
