/* SPDX-License-Identifier: MIT */
/*
 * Tests of claims in the bus: random claims, moves and ends against a model, and that a rebuilt
 * table and one from a snapshot are the kept one.
 */
#include <string.h>

#include "bus/bus.h"
#include "bus/lifecycle.h"
#include "log/read/reader.h"
#include "tests/lib/bus_sample.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/os_memory.h"

enum { FILE_BYTES = 1 << 20, SIGNALS = 60, STEPS = 4000 };

static const struct mri_bus_since all = {.seq = 0};
static struct mri_os_memory *memory;
static mr_log *log_handle;
static struct mri_bus bus;
static struct mri_batch batch;
static struct mri_prng prng;

/** What must be, kept without the bus. */
static struct {
    uint8_t state;
    bool is_outside; /* in others' hands */
    uint64_t claim_seq;
} model[SIGNALS + 1];

static int set_up(void **fixture)
{
    (void)fixture;
    const mr_log_options options = {.is_create = true, .segment_bytes = FILE_BYTES};
    memory = mri_os_memory_new(FILE_BYTES);
    mri_prng_init(&prng, 5);
    memset(model, 0, sizeof(model));
    mr_err err = mri_log_open(
        mri_os_memory_table(memory), mri_alloc_system(), "/log", &options, &log_handle, NULL);
    if (err == MR_OK) {
        err = mri_bus_init(&bus, mri_alloc_system(), &mri_bus_sample_limits, log_handle);
    }
    if (err == MR_OK) {
        err = mri_batch_init(&batch, mri_alloc_system(), 64, 1 << 20);
    }
    mri_bus_begin(&bus, &batch);
    for (unsigned i = 0; i < SIGNALS && err == MR_OK; i++) {
        struct mri_bus_sample_signal signal;
        err = mri_bus_sample_emit(&batch, &prng, &signal);
    }
    err = err == MR_OK ? mri_bus_append(&bus, &batch, MR_ASYNC, NULL, NULL) : err;
    return err == MR_OK ? 0 : 1;
}

static int tear_down(void **fixture)
{
    (void)fixture;
    mri_batch_fini(&batch);
    mri_bus_fini(&bus);
    mr_log_close(log_handle);
    mri_os_memory_free(memory);
    return 0;
}

static void draft_claim(uint32_t ordinal, const struct mri_signal_claimed *body, const char *owner)
{
    struct mri_signal_claimed fixed = *body;
    fixed.signal = mri_slots_get(&bus.slots, ordinal)->generated_seq;
    const struct mri_draft draft = {.type = MRI_EVENT_SIGNAL_CLAIMED,
        .fixed = &fixed,
        .texts = {owner == NULL ? (struct mri_slice){0} : mri_slice_of(owner)}};
    assert_int_equal(mri_batch_add(&batch, &draft, ordinal), MR_OK);
}

static void draft_move(uint32_t ordinal, unsigned from, unsigned to, uint64_t evidence_seq)
{
    const struct mri_signal_moved fixed = {
        .cause = 0,
        .signal = mri_slots_get(&bus.slots, ordinal)->generated_seq,
        .evidence = evidence_seq,
        .from = (uint8_t)from,
        .to = (uint8_t)to,
        .actor = MRI_ACTOR_EXTERNAL,
        .gate = to == MR_BLOCKED || to == MR_EXPIRED ? MRI_GATE_EXTERNAL : MRI_GATE_NONE,
        .reason = MRI_REASON_EXTERNAL,
    };
    const struct mri_draft draft = {.type = MRI_EVENT_SIGNAL_MOVED, .fixed = &fixed};
    assert_int_equal(mri_batch_add(&batch, &draft, ordinal), MR_OK);
}

static mr_err append(struct mri_bus_conflict *ret_conflict)
{
    return mri_bus_append(&bus, &batch, MR_ASYNC, NULL, ret_conflict);
}

static const struct mri_signal_claimed plain = {
    .lease_ns = 1, .place = 3, .from = MR_GENERATED, .next = MR_BLOCKED};

static void step_claim(uint32_t ordinal)
{
    struct mri_bus_conflict conflict = {0};
    unsigned from = (unsigned)mri_prng_below(&prng, MR_LEARNED);
    unsigned next = mri_bus_sample_next_state(&prng, from);
    struct mri_signal_claimed body = plain;
    body.from = (uint8_t)from;
    body.next = (uint8_t)next;
    mri_bus_begin(&bus, &batch);
    uint64_t seq = mri_batch_next_seq(&batch);
    draft_claim(ordinal, &body, "desk");
    bool may = model[ordinal].is_outside || model[ordinal].state == MR_GENERATED;
    mr_err expected = model[ordinal].state != from || model[ordinal].claim_seq != 0 ? MR_CONFLICT
                      : may                                                         ? MR_OK
                                                                                    : MR_REFUSED;
    assert_int_equal(append(&conflict), expected);
    if (expected == MR_OK) {
        model[ordinal].claim_seq = seq;
        model[ordinal].is_outside = true;
    }
    if (expected == MR_CONFLICT) {
        assert_int_equal(conflict.found, model[ordinal].state);
        assert_int_equal(conflict.is_claimed, model[ordinal].claim_seq != 0);
    }
}

static void step_end(uint32_t ordinal)
{
    bool is_right = mri_prng_below(&prng, 4) != 0;
    struct mri_signal_claimed body = {
        .claim = is_right && model[ordinal].claim_seq != 0 ? model[ordinal].claim_seq : 1,
        .act = (uint8_t)(MRI_CLAIM_RELEASED + mri_prng_below(&prng, 3)),
        .from = model[ordinal].state,
    };
    mri_bus_begin(&bus, &batch);
    draft_claim(ordinal, &body, "desk");
    bool is_good = body.claim == model[ordinal].claim_seq;
    assert_int_equal(append(NULL), is_good ? MR_OK : MR_CONFLICT);
    if (is_good) {
        model[ordinal].claim_seq = 0;
        model[ordinal].is_outside = model[ordinal].state != MR_GENERATED;
    }
}

static void step_move(uint32_t ordinal)
{
    struct mri_bus_conflict conflict = {0};
    unsigned from = model[ordinal].state;
    if (from == MR_LEARNED) {
        return;
    }
    unsigned to = mri_bus_sample_next_state(&prng, from);
    bool is_owner = mri_prng_below(&prng, 2) == 0;
    mri_bus_begin(&bus, &batch);
    draft_move(ordinal, from, to, is_owner ? model[ordinal].claim_seq : 0);
    bool is_good = is_owner || model[ordinal].claim_seq == 0;
    assert_int_equal(append(&conflict), is_good ? MR_OK : MR_CONFLICT);
    if (!is_good) {
        assert_int_equal(conflict.winner_seq, model[ordinal].claim_seq);
        assert_true(conflict.is_claimed);
        return;
    }
    bool is_over = mri_lifecycle_is_over((mr_state)to);
    model[ordinal].state = (uint8_t)to;
    model[ordinal].is_outside = !is_over;
    model[ordinal].claim_seq = is_over ? 0 : model[ordinal].claim_seq;
}

static void check_tables(void)
{
    uint32_t open_count = 0;
    for (uint32_t i = 1; i <= SIGNALS; i++) {
        assert_int_equal(mri_slots_get(&bus.slots, i)->state, model[i].state);
        assert_int_equal(mri_claims_seq(&bus.claims, i), model[i].claim_seq);
        assert_int_equal(mri_claims_find(&bus.claims, i) != NULL, model[i].is_outside);
        open_count += model[i].claim_seq != 0;
    }
    assert_int_equal(bus.claims.open_count, open_count);
}

static void expect_same(const struct mri_bus *a, const struct mri_bus *b)
{
    struct mri_buf bufs[2];
    for (int i = 0; i < 2; i++) {
        mri_buf_init(&bufs[i], mri_alloc_system(), 1 << 22);
        mri_bus_save(i == 0 ? a : b, &all, &bufs[i]);
    }
    assert_int_equal(bufs[0].count, bufs[1].count);
    assert_memory_equal(bufs[0].bytes, bufs[1].bytes, bufs[0].count);
    mri_buf_fini(&bufs[0]);
    mri_buf_fini(&bufs[1]);
}

static void check_rebuilt(void)
{
    struct mri_bus rebuilt;
    struct mri_bus loaded;
    struct mri_buf buf;
    struct mri_unpack unpack;
    mr_log_reader *reader;
    mr_log_event record;
    struct mri_event event;
    assert_int_equal(
        mri_bus_init(&rebuilt, mri_alloc_system(), &mri_bus_sample_limits, NULL), MR_OK);
    assert_int_equal(
        mri_reader_open(mri_os_memory_table(memory), mri_alloc_system(), "/log", &reader, NULL),
        MR_OK);
    while (mr_log_reader_next(reader, &record, NULL) == MR_OK) {
        assert_int_equal(mri_bus_fold(&rebuilt, &record, &event), MR_OK);
    }
    mr_log_reader_close(reader);
    expect_same(&bus, &rebuilt);
    mri_buf_init(&buf, mri_alloc_system(), 1 << 22);
    mri_bus_save(&bus, &all, &buf);
    mri_unpack_init(&unpack, buf.bytes, buf.count);
    assert_int_equal(
        mri_bus_init(&loaded, mri_alloc_system(), &mri_bus_sample_limits, NULL), MR_OK);
    assert_int_equal(mri_bus_load(&loaded, &all, &unpack), MR_OK);
    assert_int_equal(mri_unpack_end(&unpack), MR_OK);
    assert_int_equal(loaded.claims.open_count, bus.claims.open_count);
    expect_same(&bus, &loaded);
    mri_buf_fini(&buf);
    mri_bus_fini(&loaded);
    mri_bus_fini(&rebuilt);
}

static void claims_moves_and_ends_are_made_or_refused_as_the_model_says(void **fixture)
{
    (void)fixture;
    static void (*const steps[])(uint32_t ordinal) = {
        step_claim, step_claim, step_claim, step_end, step_move};
    for (unsigned i = 0; i < STEPS; i++) {
        uint32_t ordinal = 1 + (uint32_t)mri_prng_below(&prng, SIGNALS);
        steps[mri_prng_below(&prng, MRI_COUNT_OF(steps))](ordinal);
        if (i % 199 == 0) {
            check_tables();
        }
    }
    check_tables();
    check_rebuilt();
}

static void a_claim_that_is_not_well_formed_is_refused(void **fixture)
{
    (void)fixture;
    static const struct {
        struct mri_signal_claimed body;
        const char *owner;
        mr_err err;
    } faults[] = {
        {{.lease_ns = 1, .from = MR_GENERATED, .next = MR_BLOCKED}, NULL, MR_REFUSED},
        {{.lease_ns = 1, .from = MR_GENERATED, .next = MR_BLOCKED}, "a\n", MR_REFUSED},
        {{.lease_ns = 0, .from = MR_GENERATED, .next = MR_BLOCKED}, "a", MR_REFUSED},
        {{.lease_ns = -1, .from = MR_GENERATED, .next = MR_BLOCKED}, "a", MR_REFUSED},
        {{.lease_ns = 1, .from = MR_GENERATED, .next = MR_LEARNED}, "a", MR_REFUSED},
        {{.lease_ns = 1, .claim = 1, .from = MR_GENERATED, .next = MR_BLOCKED}, "a", MR_REFUSED},
        {{.act = MRI_CLAIM_RELEASED, .from = MR_GENERATED}, "a", MR_REFUSED},
        {{.act = MRI_CLAIM_RELEASED, .claim = 1, .lease_ns = 1}, "a", MR_REFUSED},
        {{.act = MRI_CLAIM_RELEASED, .claim = 1, .place = 1}, "a", MR_REFUSED},
        {{.act = 4, .claim = 1}, "a", MR_EINVAL},
        {{.lease_ns = 1, .from = 8, .next = MR_BLOCKED}, "a", MR_EINVAL},
        {{.lease_ns = 1, .from = MR_GENERATED, .next = 99}, "a", MR_EINVAL},
        {{.lease_ns = 1, .from = MR_GENERATED, .next = MR_BLOCKED}, "a\xff", MR_EINVAL},
    };
    uint64_t last_seq = bus.last_seq;
    for (size_t i = 0; i < MRI_COUNT_OF(faults); i++) {
        mri_bus_begin(&bus, &batch);
        draft_claim(1, &faults[i].body, faults[i].owner);
        assert_int_equal(append(NULL), faults[i].err);
    }
    assert_int_equal(bus.last_seq, last_seq);
}

static void a_batch_has_a_claim_of_a_signal_and_nothing_else_of_it(void **fixture)
{
    (void)fixture;
    mri_bus_begin(&bus, &batch);
    draft_claim(1, &plain, "desk");
    draft_claim(2, &plain, "desk");
    assert_int_equal(append(NULL), MR_OK);
    mri_bus_begin(&bus, &batch);
    draft_claim(3, &plain, "desk");
    draft_claim(3, &plain, "rival");
    assert_int_equal(append(NULL), MR_REFUSED);
    mri_bus_begin(&bus, &batch);
    draft_claim(3, &plain, "desk");
    draft_move(3, MR_GENERATED, MR_EVALUATING, 0);
    assert_int_equal(append(NULL), MR_REFUSED);
    mri_bus_begin(&bus, &batch);
    draft_move(3, MR_GENERATED, MR_EVALUATING, 0);
    draft_claim(3, &plain, "desk");
    assert_int_equal(append(NULL), MR_REFUSED);
    assert_int_equal(bus.claims.open_count, 2);
}

static void one_batch_of_moves_is_the_owners_as_a_whole(void **fixture)
{
    (void)fixture;
    mri_bus_begin(&bus, &batch);
    uint64_t seq = mri_batch_next_seq(&batch);
    draft_claim(1, &plain, "desk");
    assert_int_equal(append(NULL), MR_OK);
    mri_bus_begin(&bus, &batch);
    draft_move(1, MR_GENERATED, MR_EVALUATING, seq);
    draft_move(1, MR_EVALUATING, MR_APPROVED, 0); /* not his any more? it is claimed all the same */
    assert_int_equal(append(NULL), MR_CONFLICT);
    mri_bus_begin(&bus, &batch);
    draft_move(1, MR_GENERATED, MR_EVALUATING, seq);
    draft_move(1, MR_EVALUATING, MR_BLOCKED, seq);
    draft_move(1, MR_BLOCKED, MR_LEARNED, 0); /* the claim has ended with blocked */
    assert_int_equal(append(NULL), MR_OK);
    assert_int_equal(bus.claims.open_count, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(claims_moves_and_ends_are_made_or_refused_as_the_model_says),
        TEST(a_claim_that_is_not_well_formed_is_refused),
        TEST(a_batch_has_a_claim_of_a_signal_and_nothing_else_of_it),
        TEST(one_batch_of_moves_is_the_owners_as_a_whole),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
