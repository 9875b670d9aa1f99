/* SPDX-License-Identifier: MIT */
/*
 * Tests of routes as text.
 */
#include "bus/route.h"

#include <string.h>

#include "base/check.h"
#include "tests/lib/cmocka_all.h"

static void what_is_written_is_read(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "internal", "advisory", "external:desk", "external:external:", "external:B\xc3\xb6rse 1"};
    for (size_t i = 0; i < MRI_COUNT_OF(texts); i++) {
        struct mri_route route = {.worker = "left over"};
        char text[MRI_ROUTE_TEXT_BYTES];
        assert_int_equal(mri_route_parse(mri_slice_of(texts[i]), &route), MR_OK);
        assert_string_equal(mri_route_format(&route, text), texts[i]);
        assert_int_equal(route.worker[0] != '\0', route.kind == MRI_ROUTE_EXTERNAL);
    }
    char text[MRI_ROUTE_TEXT_BYTES];
    assert_string_equal(mri_route_format(NULL, text), "internal");
}

static void what_is_no_route_is_refused(void **state)
{
    (void)state;
    char longest[9 + 65 + 1];
    static const char *const texts[] = {"", "Internal", "internal ", "external",
        "external:", "advisory:desk", "external:a\nb", "external:\xff", "extern:desk"};
    for (size_t i = 0; i < MRI_COUNT_OF(texts); i++) {
        struct mri_route route = {.kind = MRI_ROUTE_INTERNAL};
        assert_int_equal(mri_route_parse(mri_slice_of(texts[i]), &route), MR_REFUSED);
    }
    memset(longest, 'x', sizeof(longest));
    memcpy(longest, "external:", 9);
    struct mri_route route = {.kind = MRI_ROUTE_INTERNAL};
    assert_int_equal(mri_route_parse((struct mri_slice){longest, 9 + 65}, &route), MR_REFUSED);
    assert_int_equal(mri_route_parse((struct mri_slice){longest, 9 + 64}, &route), MR_OK);
    assert_int_equal(strlen(route.worker), 64);
}

static void a_source_without_a_route_has_none(void **state)
{
    (void)state;
    static const struct mri_route items[] = {
        {.source = "a", .kind = MRI_ROUTE_ADVISORY},
        {.source = "ab", .worker = "desk", .kind = MRI_ROUTE_EXTERNAL},
    };
    const struct mri_routes routes = {items, 2};
    assert_ptr_equal(mri_routes_find(&routes, mri_slice_of("a")), &items[0]);
    assert_ptr_equal(mri_routes_find(&routes, mri_slice_of("ab")), &items[1]);
    assert_null(mri_routes_find(&routes, mri_slice_of("abc")));
    assert_null(mri_routes_find(&routes, mri_slice_of("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(what_is_no_route_is_refused),
        cmocka_unit_test(a_source_without_a_route_has_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
