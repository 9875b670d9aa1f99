/* SPDX-License-Identifier: MIT */
/*
 * Tests of the digest: it is of the decisions, not of when, where and in how many runs they were
 * made.
 */
#include "bus/event_digest.h"

#include <stdlib.h>
#include <string.h>

#include "log/open/append.h"
#include "log/read/reader.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/event_sample.h"
#include "tests/lib/failing_alloc.h"
#include "tests/lib/os_memory.h"

enum { EVENTS = 300, BODY_MAX = 64 * 1024 };

/** A covered event whose references are ranks: which covered event they name, 0 = none. */
struct story_event {
    uint16_t type;
    uint32_t body_bytes;
    uint8_t *body;
};

static struct story_event story[EVENTS];
static uint8_t *scratch;

static int make_story(void **fixture)
{
    (void)fixture;
    static struct mri_event_sample sample;
    struct mri_prng prng;
    size_t kind_count;
    const struct mri_event_kind *kinds = mri_event_kinds(&kind_count);
    mri_prng_init(&prng, 1);
    scratch = aligned_alloc(64, BODY_MAX);
    for (uint64_t i = 0; i < EVENTS; i++) {
        const struct mri_event_kind *kind = &kinds[mri_prng_below(&prng, kind_count)];
        while (!kind->is_covered) {
            kind = &kinds[mri_prng_below(&prng, kind_count)];
        }
        mri_event_sample_make(&sample, kind, i + 1, &prng);
        mr_log_event record = mri_event_sample_record(&sample.draft, i + 1, scratch);
        story[i] = (struct story_event){
            .type = kind->type, .body_bytes = record.body_bytes, .body = malloc(record.body_bytes)};
        memcpy(story[i].body, scratch, record.body_bytes);
    }
    return 0;
}

static int free_story(void **fixture)
{
    (void)fixture;
    for (int i = 0; i < EVENTS; i++) {
        free(story[i].body);
    }
    free(scratch);
    return 0;
}

/** Put references by seq, absolute or relative, in the place of ranks. */
static void put_refs(
    uint16_t type, uint8_t *body, uint64_t seq, const uint64_t *seq_of_rank, struct mri_prng *prng)
{
    const struct mri_event_kind *kind = mri_event_kind(type);
    size_t at = 0;
    for (unsigned f = 0; f < kind->field_count; f++) {
        if (kind->fields[f].kind == MRI_FIELD_ref) {
            uint64_t ref;
            memcpy(&ref, body + at, sizeof(ref));
            uint64_t target = seq_of_rank[ref];
            bool is_relative = target != 0 && mri_prng_below(prng, 2) == 0;
            ref = is_relative ? MRI_REF_RELATIVE | (seq - target) : target;
            memcpy(body + at, &ref, sizeof(ref));
        }
        at += mri_field_bytes(kind->fields[f].kind);
    }
}

/** How to tell the story. */
struct telling {
    uint64_t noise;         /* one in so many events is one that the digest leaves out; 0 = none */
    uint64_t segment_bytes; /* 0 = not through a log */
    uint64_t seed;
};

static void add_record(struct mri_event_digest *digest, mr_log *log, const mr_log_event *record)
{
    if (log == NULL) {
        assert_int_equal(mri_event_digest_add(digest, record), MR_OK);
        return;
    }
    const mr_log_record appended = {.body = record->body,
        .body_bytes = record->body_bytes,
        .type = record->type,
        .version = record->version};
    mr_log_ack ack;
    assert_int_equal(mr_log_append(log, &appended, 1, MR_ASYNC, &ack), MR_OK);
    assert_int_equal(ack.first.n, record->seq.n);
}

/** An event that the digest leaves out: a session, config, tick, alert, or one of the log's own. */
static mr_log_event noise_event(struct mri_prng *prng, uint64_t seq, bool has_log)
{
    static struct mri_event_sample sample;
    static const uint16_t types[] = {
        MRI_EVENT_SESSION, MRI_EVENT_CONFIG, MRI_EVENT_TICK, MRI_EVENT_ALERT};
    uint64_t which = mri_prng_below(prng, has_log ? 4 : 5);
    if (which == 4) {
        return (mr_log_event){.seq = {seq}, .type = 1, .version = 1};
    }
    mri_event_sample_make(&sample, mri_event_kind(types[which]), seq, prng);
    return mri_event_sample_record(&sample.draft, seq, scratch);
}

static void digest_log(struct mri_event_digest *digest, const struct mri_os *os)
{
    mr_log_reader *reader;
    mr_log_event record;
    assert_int_equal(mri_reader_open(os, mri_alloc_system(), "/log", &reader, NULL), MR_OK);
    mr_err err = mr_log_reader_next(reader, &record, NULL);
    while (err == MR_OK) {
        assert_int_equal(mri_event_digest_add(digest, &record), MR_OK);
        err = mr_log_reader_next(reader, &record, NULL);
    }
    assert_int_equal(err, MR_END);
    mr_log_reader_close(reader);
}

static void tell(const struct telling *telling, char text[static MRI_DIGEST_TEXT_BYTES])
{
    struct mri_event_digest digest;
    struct mri_prng prng;
    uint64_t seq_of_rank[EVENTS + 1] = {0};
    uint64_t seq = 0;
    struct mri_os_memory *memory = NULL;
    mr_log *log = NULL;
    mri_prng_init(&prng, telling->seed);
    assert_int_equal(mri_event_digest_init(&digest, mri_alloc_system()), MR_OK);
    if (telling->segment_bytes != 0) {
        const mr_log_options options = {.is_create = true, .segment_bytes = telling->segment_bytes};
        memory = mri_os_memory_new(telling->segment_bytes);
        assert_int_equal(mri_log_open(mri_os_memory_table(memory), mri_alloc_system(), "/log",
                             &options, &log, NULL),
            MR_OK);
    }
    for (uint64_t i = 0; i < EVENTS; i++) {
        while (telling->noise != 0 && mri_prng_below(&prng, telling->noise) == 0) {
            mr_log_event noise = noise_event(&prng, ++seq, log != NULL);
            add_record(&digest, log, &noise);
        }
        mr_log_event record = {.seq = {++seq},
            .body = scratch,
            .body_bytes = story[i].body_bytes,
            .type = story[i].type,
            .version = MRI_EVENT_VERSION};
        memcpy(scratch, story[i].body, story[i].body_bytes);
        put_refs(story[i].type, scratch, seq, seq_of_rank, &prng);
        seq_of_rank[i + 1] = seq;
        add_record(&digest, log, &record);
    }
    if (log != NULL) {
        mr_log_close(log);
        digest_log(&digest, mri_os_memory_table(memory));
        mri_os_memory_free(memory);
    }
    (void)mri_digest_text(&digest.digest, text);
    mri_event_digest_fini(&digest);
}

/** The story's references as ranks, so that every telling starts from the same. */
static void use_ranks(void)
{
    for (uint64_t i = 0; i < EVENTS; i++) {
        const struct mri_event_kind *kind = mri_event_kind(story[i].type);
        size_t at = 0;
        for (unsigned f = 0; f < kind->field_count; f++) {
            if (kind->fields[f].kind == MRI_FIELD_ref) {
                uint64_t ref;
                memcpy(&ref, story[i].body + at, sizeof(ref));
                ref = mri_ref_seq(ref, i + 1); /* without noise a rank is a seq */
                memcpy(story[i].body + at, &ref, sizeof(ref));
            }
            at += mri_field_bytes(kind->fields[f].kind);
        }
    }
}

static void neither_noise_nor_segments_nor_the_form_of_references_change_it(void **fixture)
{
    (void)fixture;
    char plain[MRI_DIGEST_TEXT_BYTES];
    use_ranks();
    tell(&(struct telling){.seed = 1}, plain);
    for (uint64_t round = 0; round < 24; round++) {
        char text[MRI_DIGEST_TEXT_BYTES];
        const struct telling telling = {
            .noise = round % 4 == 0 ? 0 : 1 + round % 4,
            .segment_bytes = round % 3 == 0 ? 0 : (uint64_t)1 << (19 + round % 3),
            .seed = round,
        };
        tell(&telling, text);
        assert_string_equal(text, plain);
    }
}

static void every_changed_byte_of_a_covered_body_changes_it(void **fixture)
{
    (void)fixture;
    char plain[MRI_DIGEST_TEXT_BYTES];
    struct mri_prng prng;
    mri_prng_init(&prng, 9);
    use_ranks();
    tell(&(struct telling){.seed = 1}, plain);
    unsigned tried = 0;
    for (int round = 0; round < 3000; round++) {
        struct story_event *event = &story[mri_prng_below(&prng, EVENTS)];
        size_t at = mri_prng_below(&prng, event->body_bytes);
        uint8_t kept = event->body[at];
        event->body[at] ^= (uint8_t)(1u << mri_prng_below(&prng, 8));
        const mr_log_event record = {.seq = {UINT32_MAX},
            .body = event->body,
            .body_bytes = event->body_bytes,
            .type = event->type,
            .version = MRI_EVENT_VERSION};
        struct mri_event decoded;
        bool is_ref_bit = false;
        const struct mri_event_kind *kind = mri_event_kind(event->type);
        size_t offset = 0;
        for (unsigned f = 0; f < kind->field_count; f++) {
            size_t bytes = mri_field_bytes(kind->fields[f].kind);
            is_ref_bit = is_ref_bit || (kind->fields[f].kind == MRI_FIELD_ref && at >= offset &&
                                           at < offset + bytes);
            offset += bytes;
        }
        if (!is_ref_bit && mri_event_decode(&record, &decoded) == MR_OK && tried < 60) {
            char text[MRI_DIGEST_TEXT_BYTES];
            tell(&(struct telling){.seed = 1}, text);
            assert_string_not_equal(text, plain);
            tried++;
        }
        event->body[at] = kept;
    }
    assert_int_equal(tried, 60);
}

static void a_reference_to_another_event_changes_it(void **fixture)
{
    (void)fixture;
    struct mri_event_digest digest;
    char texts[3][MRI_DIGEST_TEXT_BYTES];
    for (uint64_t winner = 1; winner <= 3; winner++) {
        assert_int_equal(mri_event_digest_init(&digest, mri_alloc_system()), MR_OK);
        struct mri_candle candle = {.volume = 1.0};
        const struct mri_draft candle_draft = {.type = MRI_EVENT_CANDLE, .fixed = &candle};
        for (uint64_t seq = 1; seq <= 3; seq++) {
            mr_log_event record = mri_event_sample_record(&candle_draft, seq, scratch);
            assert_int_equal(mri_event_digest_add(&digest, &record), MR_OK);
        }
        const struct mri_superseded superseded = {.cause = 1, .winner = winner};
        const struct mri_draft draft = {.type = MRI_EVENT_SUPERSEDED, .fixed = &superseded};
        mr_log_event record = mri_event_sample_record(&draft, 4, scratch);
        assert_int_equal(mri_event_digest_add(&digest, &record), MR_OK);
        (void)mri_digest_text(&digest.digest, texts[winner - 1]);
        mri_event_digest_fini(&digest);
    }
    assert_string_not_equal(texts[0], texts[1]);
    assert_string_not_equal(texts[1], texts[2]);
    assert_string_not_equal(texts[0], texts[2]);
}

static void a_rank_is_the_number_of_covered_events_up_to_a_seq(void **fixture)
{
    (void)fixture;
    struct mri_ranks ranks;
    struct mri_prng prng;
    static uint64_t covered[5001];
    mri_prng_init(&prng, 3);
    mri_ranks_init(&ranks, mri_alloc_system());
    for (uint64_t seq = 1; seq <= 5000; seq++) {
        bool is_covered = mri_prng_below(&prng, 3) != 0;
        covered[seq] = covered[seq - 1] + is_covered;
        uint16_t type =
            is_covered ? MRI_EVENT_CANDLE : (uint16_t)(seq % 2 == 0 ? MRI_EVENT_TICK : 2);
        assert_int_equal(mri_ranks_add(&ranks, seq, type), MR_OK);
    }
    for (uint64_t seq = 0; seq <= 5000; seq++) {
        assert_int_equal(mri_ranks_of(&ranks, seq), covered[seq]);
    }
    mri_ranks_fini(&ranks);
    mri_ranks_fini(&ranks);
    mri_ranks_fini(NULL);
}

static void what_does_not_decode_is_not_digested(void **fixture)
{
    (void)fixture;
    struct mri_event_digest digest;
    assert_int_equal(mri_event_digest_init(&digest, mri_alloc_system()), MR_OK);
    mr_log_event record = {.seq = {1}, .type = MRI_EVENT_CANDLE, .version = MRI_EVENT_VERSION};
    assert_int_equal(mri_event_digest_add(&digest, &record), MR_ECORRUPT);
    record = (mr_log_event){.seq = {2}, .type = 511, .version = MRI_EVENT_VERSION};
    assert_int_equal(mri_event_digest_add(&digest, &record), MR_EVERSION);
    mri_event_digest_fini(&digest);
    mri_event_digest_fini(NULL);
    struct failing_alloc heap;
    failing_alloc_init(&heap, 1);
    assert_int_equal(mri_event_digest_init(&digest, &heap.alloc), MR_OK);
    record = (mr_log_event){.seq = {1}, .type = 2};
    assert_int_equal(mri_event_digest_add(&digest, &record), MR_ENOMEM);
    mri_event_digest_fini(&digest);
    assert_int_equal(heap.live_bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(neither_noise_nor_segments_nor_the_form_of_references_change_it),
        cmocka_unit_test(every_changed_byte_of_a_covered_body_changes_it),
        cmocka_unit_test(a_reference_to_another_event_changes_it),
        cmocka_unit_test(a_rank_is_the_number_of_covered_events_up_to_a_seq),
        cmocka_unit_test(what_does_not_decode_is_not_digested),
    };
    return cmocka_run_group_tests(tests, make_story, free_story);
}
