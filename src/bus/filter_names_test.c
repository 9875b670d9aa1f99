/* SPDX-License-Identifier: MIT */
/*
 * What is said to who names something that there is not.
 */
#include "bus/filter_names.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "tests/lib/cmocka_all.h"

enum { NAMES_MAX = 64, NAME_BYTES = 65 };

struct table {
    char names[NAMES_MAX][NAME_BYTES]; /* "": nobody's number */
    uint32_t count;
};

static const char *text(const void *context, enum mri_name_kind kind, uint32_t number)
{
    const struct table *table = context;
    (void)kind;
    return number < table->count ? table->names[number] : NULL;
}

static void fill(struct table *table, const char *const *names, uint32_t count)
{
    *table = (struct table){.count = count};
    for (uint32_t i = 0; i < count; i++) {
        (void)snprintf(table->names[i], NAME_BYTES, "%s", names[i]);
    }
}

static const char *expected(const struct table *table, enum mri_name_kind kind, const char *found)
{
    static char said[MRI_EXPECTED_NAME_BYTES];
    const struct mri_filter_names names = {.context = table, .text = text};
    return mri_filter_names_expected(&names, kind, mri_slice_of(found), said);
}

static void each_kind_is_called_by_its_name_and_none_is_said(void **fixture)
{
    (void)fixture;
    const struct table empty = {.count = 0};
    assert_string_equal(
        expected(&empty, MRI_NAME_SYMBOL, "x"), "a symbol that is known here (there is none yet)");
    assert_string_equal(
        expected(&empty, MRI_NAME_SOURCE, "x"), "a source that is known here (there is none yet)");
    assert_string_equal(
        expected(&empty, MRI_NAME_NAME, "x"), "a name that is known here (there is none yet)");
}

static void names_come_in_their_order_when_none_is_near(void **fixture)
{
    (void)fixture;
    static const char *const names[] = {"zeta", "alpha", "midway"};
    struct table table;
    fill(&table, names, MRI_COUNT_OF(names));
    assert_string_equal(expected(&table, MRI_NAME_SOURCE, "qqqqqqqq"),
        "a source that is known here (zeta, alpha, midway)");
}

static void the_one_that_was_meant_comes_first_and_once(void **fixture)
{
    (void)fixture;
    static const char *const names[] = {"rsi", "momentun", "momentum", "sma"};
    struct table table;
    fill(&table, names, MRI_COUNT_OF(names));
    assert_string_equal(expected(&table, MRI_NAME_SOURCE, "momentumm"),
        "a source that is known here (momentum, rsi, momentun, sma)");
    /* of equals the first */
    assert_string_equal(expected(&table, MRI_NAME_SOURCE, "momentu"),
        "a source that is known here (momentun, rsi, momentum, sma)");
}

static void numbers_of_nobody_are_neither_said_nor_counted_nor_meant(void **fixture)
{
    (void)fixture;
    static const char *const names[] = {"", "rsi", "", "x", ""};
    static const char *const none[] = {"", ""};
    struct table table;
    fill(&table, names, MRI_COUNT_OF(names));
    assert_string_equal(
        expected(&table, MRI_NAME_SOURCE, "q"), "a source that is known here (x, rsi)");
    fill(&table, none, MRI_COUNT_OF(none));
    assert_string_equal(
        expected(&table, MRI_NAME_SOURCE, "q"), "a source that is known here (there is none yet)");
}

static void those_without_room_are_counted_and_none_behind_them_is_said(void **fixture)
{
    (void)fixture;
    struct table table = {.count = NAMES_MAX};
    for (uint32_t i = 0; i + 1 < NAMES_MAX; i++) {
        (void)snprintf(table.names[i], NAME_BYTES, "%02u%.*s", i, 18, "------------------------");
    }
    memcpy(table.names[NAMES_MAX - 1], "z", 2); /* it would have room where the long one has not */
    const char *said = expected(&table, MRI_NAME_NAME, "qqqq");
    const char *end = strstr(said, " and ");
    unsigned more;
    unsigned shown = 0;
    assert_non_null(end);
    assert_int_equal(sscanf(end, " and %u more)", &more), 1);
    for (const char *at = said; at < end && (at = strstr(at, "---------")) != NULL; at += 18) {
        shown++;
    }
    assert_true(shown > 5);
    assert_int_equal(shown + more, NAMES_MAX);
    assert_null(strstr(said, "z"));
    assert_true(strlen(said) < MRI_EXPECTED_NAME_BYTES);
}

static void the_longest_names_leave_room_for_the_end(void **fixture)
{
    (void)fixture;
    struct table table = {.count = NAMES_MAX};
    for (uint32_t i = 0; i < NAMES_MAX; i++) {
        memset(table.names[i], 'a' + (int)(i % 26), NAME_BYTES - 1);
    }
    const char *said = expected(&table, MRI_NAME_SYMBOL, "?");
    assert_int_equal(strncmp(said, "a symbol that is known here (aaaa", 33), 0);
    assert_string_equal(said + strlen(said) - strlen(" more)"), " more)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_is_called_by_its_name_and_none_is_said),
        cmocka_unit_test(names_come_in_their_order_when_none_is_near),
        cmocka_unit_test(the_one_that_was_meant_comes_first_and_once),
        cmocka_unit_test(numbers_of_nobody_are_neither_said_nor_counted_nor_meant),
        cmocka_unit_test(those_without_room_are_counted_and_none_behind_them_is_said),
        cmocka_unit_test(the_longest_names_leave_room_for_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
