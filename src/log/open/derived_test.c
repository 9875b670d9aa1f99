/* SPDX-License-Identifier: MIT */
/*
 * The area that is derived from the log: it keeps up with who derives, falls behind who does not,
 * and is whole again when it was made anew.
 */
#include "log/open/derived.h"

#include "log/hot/hot_tail.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/os_memory.h"

enum { AREA_BYTES = 4096, COUNT = 0, LEFT_TYPE = 999, FULL_TYPE = 998, STORES = 8 };

static struct mri_os_memory *memory;
static mr_log *log_handle;

/** A word that counts records, unless one says that it is to be left out, or that it is too much.
 */
static mr_err derive(const void *context, void *argument, struct mri_hot_journal *journal,
    const mr_log_record *records, size_t count, uint64_t first_seq)
{
    (void)context;
    (void)first_seq;
    if (argument != NULL && journal->is_behind) {
        return MR_AGAIN;
    }
    for (size_t i = 0; i < count; i++) {
        uint64_t *word = &journal->derived[COUNT];
        mri_hot_tail_set(journal, word, *word + 1);
        journal->is_left = journal->is_left || records[i].type == LEFT_TYPE;
        for (int k = 0; records[i].type == FULL_TYPE && k < STORES; k++) {
            mri_hot_tail_set(journal, word, *word);
        }
    }
    return MR_OK;
}

static const struct mri_hot_deriver deriver = {.stores_max = STORES, .derive = derive};
static const mr_log_options options = {.is_create = true, .segment_bytes = 1024 * 1024};

static mr_log *open_log(const struct mri_hot_deriver *with, size_t bytes)
{
    mr_log *opened = NULL;
    mr_problem problem = {""};
    const struct mri_log_opener opener = {
        .options = &options, .derived_bytes = bytes, .deriver = with};
    if (mri_log_open_with(mri_os_memory_table(memory), mri_alloc_system(), "/log", &opener, &opened,
            &problem) != MR_OK) {
        fail_msg("%s", problem.text);
    }
    return opened;
}

static int set_up(void **fixture)
{
    (void)fixture;
    memory = mri_os_memory_new((size_t)64 << 20);
    log_handle = open_log(&deriver, AREA_BYTES);
    return 0;
}

static int tear_down(void **fixture)
{
    (void)fixture;
    mr_log_close(log_handle);
    mri_os_memory_free(memory);
    return 0;
}

static mr_err append(mr_log *log, uint16_t type, void *argument)
{
    const mr_log_record record = {.type = type};
    return mri_log_append_derived(log, &record, 1, MR_ASYNC, argument, NULL);
}

static uint64_t counted(void)
{
    return mri_derived_of(log_handle).words[COUNT];
}

static bool is_behind(void)
{
    uint32_t version;
    mr_err err = mri_derived_look(log_handle, &version);
    assert_true(err == MR_OK || err == MR_AGAIN);
    assert_true(mri_derived_is_same(log_handle, version));
    return err == MR_AGAIN;
}

static void make_anew(uint64_t count)
{
    uint64_t *words;
    mr_seq last;
    assert_int_equal(mri_derived_hold(log_handle, &words, &last), MR_OK);
    assert_int_equal(last.n, mr_log_last(log_handle).n);
    words[COUNT] = count;
    mri_derived_let_go(log_handle, true);
}

static void it_keeps_up_with_who_derives(void **fixture)
{
    (void)fixture;
    int argument;
    for (uint64_t i = 1; i <= 10; i++) {
        assert_int_equal(append(log_handle, 300, i % 2 == 0 ? &argument : NULL), MR_OK);
        assert_int_equal(counted(), i);
        assert_false(is_behind());
    }
    /* The log's own records have nothing to be derived. */
    const mr_log_record own = {.type = 5};
    assert_int_equal(mri_log_append_own(log_handle, &own, 1, MR_ASYNC, NULL), MR_OK);
    assert_false(is_behind());
    assert_int_equal(counted(), 10);
}

static void what_is_left_out_leaves_it_behind(void **fixture)
{
    (void)fixture;
    int argument;
    assert_int_equal(append(log_handle, 300, NULL), MR_OK);
    assert_int_equal(append(log_handle, LEFT_TYPE, NULL), MR_OK);
    assert_int_equal(mr_log_last(log_handle).n, 2); /* it is in the log all the same */
    assert_int_equal(counted(), 1);
    assert_true(is_behind());
    assert_int_equal(append(log_handle, 300, &argument), MR_AGAIN);
    assert_int_equal(append(log_handle, 300, NULL), MR_OK); /* who does not ask is not refused */
    assert_true(is_behind());
    make_anew(3);
    assert_false(is_behind());
    assert_int_equal(append(log_handle, 300, &argument), MR_OK);
    assert_int_equal(counted(), 4);
}

static void what_does_not_fit_is_refused_and_put_back(void **fixture)
{
    (void)fixture;
    assert_int_equal(append(log_handle, FULL_TYPE, NULL), MR_ETOOLARGE);
    assert_int_equal(mr_log_last(log_handle).n, 0);
    assert_int_equal(counted(), 0);
    assert_false(is_behind());
}

static void an_area_that_was_not_filled_stays_behind(void **fixture)
{
    (void)fixture;
    uint64_t *words;
    mr_seq last;
    assert_int_equal(append(log_handle, 300, NULL), MR_OK);
    assert_int_equal(mri_derived_hold(log_handle, &words, &last), MR_OK);
    mri_derived_let_go(log_handle, false);
    assert_true(is_behind());
    make_anew(1);
    assert_false(is_behind());
}

/** Another process, which opens the log as everybody may. */
static void who_does_not_derive_leaves_it_behind(void **fixture)
{
    (void)fixture;
    uint64_t *words;
    mr_seq last;
    mr_log_close(log_handle);
    log_handle = open_log(NULL, 0);
    assert_null(mri_derived_of(log_handle).words);
    assert_int_equal(mri_derived_hold(log_handle, &words, &last), MR_NOT_FOUND);
    assert_int_equal(append(log_handle, 300, NULL), MR_OK);
    /* Its memory has no area, so who comes to derive does without one. */
    mr_log *other = open_log(&deriver, AREA_BYTES);
    assert_null(mri_derived_of(other).words);
    assert_int_equal(append(other, 300, NULL), MR_OK);
    mr_log_close(other);
    /* A memory that is made new begins behind. */
    mr_log_close(log_handle);
    log_handle = open_log(&deriver, AREA_BYTES);
    assert_true(is_behind());
    other = open_log(NULL, 0);
    assert_int_equal(append(other, 300, NULL), MR_OK); /* the same process derives for it */
    mr_log_close(other);
    assert_int_equal(mri_derived_look(NULL, &(uint32_t){0}), MR_EINVAL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(it_keeps_up_with_who_derives),
        TEST(what_is_left_out_leaves_it_behind),
        TEST(what_does_not_fit_is_refused_and_put_back),
        TEST(an_area_that_was_not_filled_stays_behind),
        TEST(who_does_not_derive_leaves_it_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
