/* SPDX-License-Identifier: MIT */
/*
 * Sleeping and waking, over every schedule of a few threads and with store buffers: whoever sleeps
 * when nothing moves any more has nothing to wait for. Time never passes here, so a sleep that only
 * its timeout would end is found.
 *
 *   reader     hot_view.c sleep_on()          writer     hot_tail.c mri_hot_wake()
 *   helper     hot_thread.c rest()            committer  hot_commit.c mri_hot_tail_commit(), lead()
 *
 * Each model has mutants, in which a step is left out: the explorer must find what they do.
 */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "tests/lib/cmocka_all.h"
#include "tests/model/explorer.h"

/** Words of the shared memory. */
enum {
    TAIL,
    TAIL_WORD,
    TAIL_BITS,
    REST,
    IDLE,
    WORK,
    DURABLE,
    LOCK,
    SYNC,
    SYNCED,
    GENERATION,
    TARGET,
};

/** Registers. */
enum { R0, R1, R2, R3, R4 };

enum { ALL = 9, STEPS_MAX = 48, CHANGES_MAX = 3 };

#define STEP(op, a, b, c, to)                                                                      \
    {                                                                                              \
        MRI_MODEL_##op, a, b, c, to                                                                \
    }
#define LOAD(a, b)      STEP(LOAD, a, b, 0, 0)
#define STORE(a, b, c)  STEP(STORE, a, b, c, 0)
#define SET(a, b, c)    STEP(SET, a, b, c, 0)
#define FENCE           STEP(FENCE, 0, 0, 0, 0)
#define ADD(a, c)       STEP(ADD, a, 0, c, 0)
#define OR(a, b)        STEP(OR, a, b, 0, 0)
#define CLEAR(a, b)     STEP(CLEAR, a, b, 0, 0)
#define SWAP(a, b)      STEP(SWAP, a, b, 0, 0)
#define RAISE(a, b)     STEP(RAISE, a, b, 0, 0)
#define TRY(a, b)       STEP(TRY, a, b, 0, 0)
#define LOCKED(a)       STEP(LOCK, a, 0, 0, 0)
#define AND(a, b, c)    STEP(AND, a, b, c, 0)
#define HIGH(a, b)      STEP(HIGH, a, b, 0, 0)
#define PACK(a, b)      STEP(PACK, a, b, 0, 0)
#define BIT(a, b, c)    STEP(BIT, a, b, c, 0)
#define LESS(a, b, to)  STEP(IF_LESS, a, b, 0, to)
#define ZERO(a, to)     STEP(IF_ZERO, a, 0, 0, to)
#define EQUAL(a, c, to) STEP(IF_EQUAL, a, 0, c, to)
#define GO(to)          STEP(GO, 0, 0, 0, to)
#define SLEEP(a, b, c)  STEP(SLEEP, a, b, c, 0)
#define WAKE(a, b, c)   STEP(WAKE, a, b, c, 0)
#define NOTHING         STEP(SET, 0, 0, 0, 0) /* r[0] = r[0] */

/** A reader sleeps until the tail has moved; R3: its bit; R4: the tail at which it is content. */
static const struct mri_model_step reader[STEPS_MAX] = {
    [0] = LOAD(R0, TAIL), /* reads everything up to here */
    [1] = LESS(R0, R4, 3),
    [2] = STEP(END, 0, 0, 0, 0),
    [3] = LOAD(R1, TAIL_WORD),
    [4] = OR(TAIL_BITS, R3),
    [5] = FENCE,
    [6] = LOAD(R2, TAIL),
    [7] = LESS(R0, R2, 0),
    [8] = NOTHING,
    [9] = SLEEP(TAIL_WORD, R1, R3),
    [10] = GO(0),
};

/** A writer appends R4 times, and wakes one reader himself; R2 is 0. */
static const struct mri_model_step writer[STEPS_MAX] = {
    [0] = ZERO(R4, 29),
    [1] = SET(R4, R4, 255),
    [2] = LOCKED(LOCK),
    [3] = LOAD(R0, TAIL),
    [4] = STORE(TAIL, R0, 1),
    [5] = STORE(LOCK, R2, 0),
    [6] = FENCE,
    [7] = LOAD(R0, TAIL_BITS),
    [8] = AND(R0, R0, 3),
    [9] = ZERO(R0, 21),
    [10] = CLEAR(TAIL_BITS, R0),
    [11] = ADD(TAIL_WORD, 1),
    [12] = SET(R1, R0, 0),
    [13] = WAKE(TAIL_WORD, R1, 1),
    [14] = ZERO(R1, 21),
    [15] = OR(REST, R0), /* there may be more than this one: a helper wakes them */
    [16] = SET(R1, R2, 0),
    [17] = SWAP(IDLE, R1),
    [18] = ADD(WORK, 1),
    [19] = SET(R1, R2, 1),
    [20] = WAKE(WORK, R1, 1),
    [21] = LOAD(R0, IDLE),
    [22] = ZERO(R0, 0),
    [23] = SET(R1, R2, 0),
    [24] = SWAP(IDLE, R1),
    [25] = ADD(WORK, 1),
    [26] = SET(R1, R2, 1),
    [27] = WAKE(WORK, R1, ALL),
    [28] = GO(0),
    [29] = STEP(END, 0, 0, 0, 0),
};

/** A helper makes everything durable, and rests; its short rests end by themselves; R4 is 0. */
static const struct mri_model_step helper[STEPS_MAX] = {
    [0] = SET(R0, R4, 0),
    [1] = SWAP(REST, R0),
    [2] = ZERO(R0, 4),
    [3] = WAKE(TAIL_WORD, R0, ALL),
    [4] = LOAD(R1, TAIL),
    [5] = RAISE(DURABLE, R1),
    [6] = LOAD(R2, WORK),
    [7] = LOAD(R0, DURABLE),
    [8] = LOAD(R1, TAIL),
    [9] = LESS(R0, R1, 0),
    [10] = ADD(IDLE, 1),
    [11] = FENCE,
    [12] = LOAD(R1, TAIL),
    [13] = LESS(R0, R1, 0),
    [14] = LOAD(R0, REST),
    [15] = ZERO(R0, 17),
    [16] = GO(0),
    [17] = SET(R3, R4, 1),
    [18] = NOTHING,
    [19] = SLEEP(WORK, R2, R3),
    [20] = GO(0),
};

/** Somebody appends and waits until it is durable (R4), doing the sync if nobody else does. */
static const struct mri_model_step committer[STEPS_MAX] = {
    [0] = LOCKED(LOCK),
    [1] = LOAD(R0, TAIL),
    [2] = STORE(TAIL, R0, 1),
    [3] = SET(R4, R0, 1),
    [4] = ADD(LOCK, 255),
    [5] = LOAD(R0, SYNCED),
    [6] = LOAD(R1, DURABLE),
    [7] = LESS(R1, R4, 9),
    [8] = STEP(END, 0, 0, 0, 0),
    [9] = TRY(SYNC, R1),
    [10] = EQUAL(R1, 1, 21),
    [11] = LOAD(R1, TARGET), /* with the generation in the same word */
    [12] = AND(R2, R1, 15),
    [13] = HIGH(R3, R1),
    [14] = LESS(R2, R4, 17),
    [15] = BIT(R3, R3, 0),
    [16] = GO(18),
    [17] = BIT(R3, R3, 1),
    [18] = SLEEP(SYNCED, R0, R3),
    [19] = GO(5),
    [21] = LOAD(R3, GENERATION), /* leads */
    [22] = LOAD(R1, DURABLE),
    [23] = LESS(R1, R4, 25),
    [24] = GO(32),
    [25] = LOAD(R1, TAIL),
    [26] = SET(R2, R3, 1),
    [27] = PACK(R2, R1),
    [28] = STORE(TARGET, R2, 0),
    [29] = FENCE,
    [30] = STORE(GENERATION, R3, 1),
    [31] = RAISE(DURABLE, R1),
    [32] = ADD(SYNC, 255),
    [33] = ADD(SYNCED, 1),
    [34] = BIT(R1, R3, 2),
    [35] = WAKE(SYNCED, R1, 1), /* the next leader */
    [36] = BIT(R1, R3, 1),
    [37] = WAKE(SYNCED, R1, ALL),
    [38] = GO(5),
    [40] = LOAD(R3, GENERATION), /* only a mutant comes here */
    [41] = LOAD(R1, TARGET),
    [42] = AND(R2, R1, 15),
    [43] = GO(14),
};

/* ---- what must never be ---------------------------------------------------------------------- */

static const struct mri_model *explored;

/** A reader sleeps though there is more, or a helper though there is work. */
static bool is_anybody_forgotten(const struct mri_model_state *state)
{
    bool is_work_left = false;
    bool has_helper = false;
    for (size_t i = 0; i < explored->thread_count; i++) {
        const struct mri_model_thread *thread = &state->threads[i];
        if (thread->sleeps_on == TAIL_WORD && thread->r[R0] < state->m[TAIL]) {
            return true;
        }
        has_helper = has_helper || thread->sleeps_on == WORK;
        is_work_left = state->m[DURABLE] < state->m[TAIL] || state->m[REST] != 0;
    }
    return has_helper && is_work_left;
}

/** A committer sleeps, and nobody syncs. */
static bool is_any_committer_asleep(const struct mri_model_state *state)
{
    for (size_t i = 0; i < explored->thread_count; i++) {
        if (state->threads[i].sleeps_on != MRI_MODEL_WORDS) {
            return true;
        }
    }
    return false;
}

/* ---- models and their mutants ---------------------------------------------------------------- */

/** Steps that a mutant has in place of ours. */
struct mutant {
    const char *name;
    const struct mri_model_step *program;
    struct {
        uint8_t at;
        struct mri_model_step step;
    } changes[CHANGES_MAX];
    size_t change_count;
};

static struct mri_model_found explore(const struct mri_model *model, const struct mutant *mutant)
{
    struct mri_model changed = *model;
    struct mri_model_step program[STEPS_MAX];
    if (mutant != NULL) {
        memcpy(program, mutant->program, sizeof(program));
        for (size_t i = 0; i < mutant->change_count; i++) {
            program[mutant->changes[i].at] = mutant->changes[i].step;
        }
    }
    for (size_t i = 0; i < model->thread_count; i++) {
        bool is_it = mutant != NULL && model->programs[i] == mutant->program;
        changed.programs[i] = is_it ? program : model->programs[i];
    }
    explored = &changed;
    struct mri_model_found found = mri_model_explore(&changed);
    print_message("%-44s %8llu states, %4llu ends, %llu wrong\n",
        mutant == NULL ? model->name : mutant->name, (unsigned long long)found.states,
        (unsigned long long)found.ends, (unsigned long long)found.wrong);
    return found;
}

/** Under both kinds of memory nobody is forgotten; and each mutant is found. */
static void check(struct mri_model model, const struct mutant *mutants, size_t count)
{
    for (int i = 0; i < 2; i++) {
        model.is_sequential = i == 0;
        struct mri_model_found found = explore(&model, NULL);
        assert_true(found.ends > 0);
        assert_int_equal(found.wrong, 0);
    }
    for (size_t i = 0; i < count; i++) {
        assert_true(explore(&model, &mutants[i]).wrong > 0);
    }
}

static void readers_are_not_forgotten(void **fixture)
{
    (void)fixture;
    static const struct mutant mutants[] = {
        {"  the writer without its fence", writer, {{6, NOTHING}}, 1},
        {"  the writer does not change the word", writer, {{11, NOTHING}}, 1},
        {"  the reader does not look again", reader, {{7, NOTHING}}, 1},
        {"  the reader notes its bit by a plain store", reader,
            {{4, STORE(TAIL_BITS, R3, 0)}, {5, NOTHING}}, 2},
        {"  the reader takes the word too late", reader, {{3, NOTHING}, {8, LOAD(R1, TAIL_WORD)}},
            2},
    };
    const struct mri_model model = {
        .name = "a reader, two writers",
        .programs = {reader, writer, writer},
        .first = {{0, 0, 0, 1, 2}, {0, 0, 0, 0, 1}, {0, 0, 0, 0, 1}},
        .thread_count = 3,
        .is_stuck_wrongly = is_anybody_forgotten,
    };
    check(model, mutants, MRI_COUNT_OF(mutants));
}

static void those_who_are_left_to_a_helper_are_not_forgotten(void **fixture)
{
    (void)fixture;
    static const struct mutant mutants[] = {
        {"  the writer does not say that some are left", writer, {{15, NOTHING}}, 1},
        {"  the helper does not look for them", helper, {{1, NOTHING}, {14, SET(R0, R4, 0)}}, 2},
        {"  the helper takes the word too late", helper, {{6, NOTHING}, {18, LOAD(R2, WORK)}}, 2},
    };
    const struct mri_model model = {
        .name = "two readers, a writer, a helper",
        .programs = {reader, reader, writer, helper},
        .first = {{0, 0, 0, 1, 1}, {0, 0, 0, 1, 1}, {0, 0, 0, 0, 1}, {0}},
        .thread_count = 4,
        .is_stuck_wrongly = is_anybody_forgotten,
    };
    check(model, mutants, MRI_COUNT_OF(mutants));
}

static void a_helper_does_not_sleep_over_work(void **fixture)
{
    (void)fixture;
    static const struct mutant mutants[] = {
        {"  the writer without its fence", writer, {{6, NOTHING}}, 1},
        {"  the writer does not change the word", writer, {{25, NOTHING}}, 1},
        {"  the helper does not look again", helper, {{13, NOTHING}}, 1},
        {"  the helper does not say that it is idle", helper, {{10, NOTHING}}, 1},
        {"  the helper says so by a plain store", helper, {{10, STORE(IDLE, R4, 1)}, {11, NOTHING}},
            2},
        {"  the helper takes the word too late", helper, {{6, NOTHING}, {18, LOAD(R2, WORK)}}, 2},
    };
    const struct mri_model model = {
        .name = "a helper, two writers",
        .programs = {helper, writer, writer},
        .first = {{0}, {0, 0, 0, 0, 2}, {0, 0, 0, 0, 1}},
        .thread_count = 3,
        .is_stuck_wrongly = is_anybody_forgotten,
    };
    check(model, mutants, MRI_COUNT_OF(mutants));
}

static void two_helpers_do_not_both_sleep_over_work(void **fixture)
{
    (void)fixture;
    const struct mri_model model = {
        .name = "two helpers, a writer",
        .programs = {helper, helper, writer},
        .first = {{0}, {0}, {0, 0, 0, 0, 2}},
        .thread_count = 3,
        .is_stuck_wrongly = is_anybody_forgotten,
    };
    check(model, NULL, 0);
}

static void committers_are_not_forgotten(void **fixture)
{
    (void)fixture;
    static const struct mutant mutants[] = {
        {"  synced does not change", committer, {{33, NOTHING}}, 1},
        {"  the next leader is not woken", committer, {{35, NOTHING}}, 1},
        {"  those who were synced are not woken", committer, {{37, NOTHING}}, 1},
        {"  synced is looked at too late", committer,
            {{5, NOTHING}, {11, LOAD(R0, SYNCED)}, {12, GO(17)}}, 3},
        {"  generation and target are read apart", committer, {{11, GO(40)}}, 1},
    };
    const struct mri_model model = {
        .name = "three committers",
        .programs = {committer, committer, committer},
        .thread_count = 3,
        .is_stuck_wrongly = is_any_committer_asleep,
    };
    check(model, mutants, MRI_COUNT_OF(mutants));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readers_are_not_forgotten),
        cmocka_unit_test(those_who_are_left_to_a_helper_are_not_forgotten),
        cmocka_unit_test(a_helper_does_not_sleep_over_work),
        cmocka_unit_test(two_helpers_do_not_both_sleep_over_work),
        cmocka_unit_test(committers_are_not_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
