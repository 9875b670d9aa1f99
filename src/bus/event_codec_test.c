/* SPDX-License-Identifier: MIT */
/*
 * Tests of events as bytes: every kind there and back, and everything that is not right refused.
 */
#include "bus/event_codec.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/cmocka_all.h"
#include "tests/lib/event_sample.h"

enum { ROUNDS = 400, BODY_MAX = 256 * 1024 };

static struct mri_event_sample sample;
static uint8_t *body;
static const struct mri_event_kind *kinds;
static size_t kind_count;

static int set_up(void **fixture)
{
    (void)fixture;
    kinds = mri_event_kinds(&kind_count);
    body = aligned_alloc(64, BODY_MAX);
    return body == NULL;
}

static int tear_down(void **fixture)
{
    (void)fixture;
    free(body);
    return 0;
}

static mr_err decode(const mr_log_event *record)
{
    struct mri_event event;
    return mri_event_decode(record, &event);
}

static void kinds_are_in_order_of_their_numbers_and_found_by_them(void **fixture)
{
    (void)fixture;
    for (size_t i = 0; i < kind_count; i++) {
        assert_true(i == 0 || kinds[i - 1].type < kinds[i].type);
        assert_true(kinds[i].type >= MR_LOG_TYPE_FREE);
        assert_ptr_equal(mri_event_kind(kinds[i].type), &kinds[i]);
        assert_true(kinds[i].text_count <= MRI_EVENT_TEXTS_MAX);
        assert_true(kinds[i].row_group_count <= MRI_EVENT_ROWS_MAX);
        for (size_t k = 0; k < i; k++) {
            assert_string_not_equal(kinds[i].name, kinds[k].name);
        }
    }
    size_t known = 0;
    for (unsigned type = 0; type < 65536; type++) {
        known += mri_event_kind((uint16_t)type) != NULL;
    }
    assert_int_equal(known, kind_count);
}

/* What the digest and reading in place rely on. */
static void descriptions_agree_with_the_structs(void **fixture)
{
    (void)fixture;
    for (size_t i = 0; i < kind_count; i++) {
        const struct mri_event_kind *kind = &kinds[i];
        size_t bytes = 0;
        for (unsigned f = 0; f < kind->field_count; f++) {
            assert_int_equal(bytes % mri_field_bytes(kind->fields[f].kind), 0);
            bytes += mri_field_bytes(kind->fields[f].kind);
        }
        assert_int_equal(bytes, kind->fixed_bytes);
        for (unsigned g = 0; g < kind->row_group_count; g++) {
            const struct mri_rows *rows = &kind->rows[g];
            size_t row_bytes = 0;
            for (unsigned f = 0; f < rows->field_count; f++) {
                assert_int_not_equal(rows->fields[f].kind, MRI_FIELD_ref); /* see the digest */
                assert_int_equal(row_bytes % mri_field_bytes(rows->fields[f].kind), 0);
                row_bytes += mri_field_bytes(rows->fields[f].kind);
            }
            assert_int_equal(row_bytes, rows->row_bytes);
            assert_true(row_bytes % 8 == 0 || g + 1 == kind->row_group_count);
            assert_true(rows->count_offset < kind->fixed_bytes);
        }
    }
    assert_int_equal(mri_event_kind(MRI_EVENT_CANDLE)->fixed_bytes, sizeof(struct mri_candle));
    assert_string_equal(mri_event_kind(417)->name, "candle");
}

static void every_kind_is_decoded_as_it_was_encoded(void **fixture)
{
    (void)fixture;
    struct mri_prng prng;
    mri_prng_init(&prng, 1);
    for (size_t i = 0; i < kind_count * ROUNDS; i++) {
        const struct mri_event_kind *kind = &kinds[i % kind_count];
        uint64_t seq = 1 + (mri_prng_next(&prng) >> (1 + mri_prng_below(&prng, 63)));
        mri_event_sample_make(&sample, kind, seq, &prng);
        mr_log_event record = mri_event_sample_record(&sample.draft, seq, body);
        record.subject_id = 5;
        record.subject_prev = 6;
        record.time_unix_ns = 7;
        record.stored_bytes = 8;
        record.chain_crc = 9;
        struct mri_event event;
        assert_int_equal(mri_event_decode(&record, &event), MR_OK);
        assert_true(event.seq == seq && event.ordinal == 5 && event.ordinal_prev == 6 &&
                    event.wall_unix_ns == 7 && event.stored_bytes == 8 && event.chain_crc == 9 &&
                    event.type == kind->type && event.is_batch_end &&
                    event.body_bytes == record.body_bytes);
        assert_memory_equal(event.body, sample.fixed, kind->fixed_bytes);
        for (unsigned g = 0; g < kind->row_group_count; g++) {
            unsigned count;
            const void *rows = mri_event_rows(&event, g, &count);
            assert_int_equal(count, sample.fixed[kind->rows[g].count_offset]);
            assert_int_equal((uintptr_t)rows % (kind->rows[g].row_bytes % 8 == 0 ? 8 : 4), 0);
            assert_memory_equal(rows, sample.rows[g], (size_t)count * kind->rows[g].row_bytes);
        }
        for (unsigned t = 0; t < kind->text_count; t++) {
            assert_true(mri_slice_equal(mri_event_text(&event, t), sample.draft.texts[t]));
        }
    }
}

/** Is this value of a field allowed? Written without the decoder's tables of kinds. */
static bool is_allowed(enum mri_field_kind kind, uint64_t value, uint64_t seq)
{
    switch (kind) {
#define WORD_CASE(id)                                                                              \
    case MRI_FIELD_##id:                                                                           \
        return mri_word_text(MRI_VOCABULARY_##id, (unsigned)value) != NULL;
        MRI_VOCABULARY_MAP(WORD_CASE)
#undef WORD_CASE
    case MRI_FIELD_reason8:
        return mri_word_text(MRI_VOCABULARY_reason, (unsigned)value) != NULL;
    case MRI_FIELD_pad8:
    case MRI_FIELD_pad16:
    case MRI_FIELD_pad32:
        return value == 0;
    case MRI_FIELD_ref:
        if (value >> 63 == 1) {
            uint64_t back = value & ~(UINT64_C(1) << 63);
            return back > 0 && back < seq;
        }
        return value < seq;
    case MRI_FIELD_number: {
        double number;
        memcpy(&number, &value, sizeof(number));
        return isfinite(number);
    }
    default:
        return true;
    }
}

/** Put random and extreme values into one field; decoding must say what is_allowed() says. */
static void try_field(
    const mr_log_event *record, enum mri_field_kind kind, uint8_t *at, struct mri_prng *prng)
{
    static const uint64_t extremes[] = {1, 2, 3, 7, 8, 9, 255, 256, 0x7ff0000000000000u,
        0xfff0000000000000u, 0x7ff8000000000000u, 0x7fefffffffffffffu, UINT64_C(1) << 63,
        (UINT64_C(1) << 63) + 1, UINT64_MAX};
    unsigned bytes = mri_field_bytes(kind);
    uint8_t kept[8];
    memcpy(kept, at, bytes);
    for (size_t i = 0; i < MRI_COUNT_OF(extremes) + 4; i++) {
        uint64_t value = i < MRI_COUNT_OF(extremes) ? extremes[i] : mri_prng_next(prng);
        value = i % 5 == 4 ? record->seq.n - 2 + i / 5 : value; /* around the own number */
        value &= bytes == 8 ? UINT64_MAX : (UINT64_C(1) << 8 * bytes) - 1;
        memcpy(at, &value, bytes);
        bool is_good = is_allowed(kind, value, record->seq.n);
        assert_int_equal(decode(record), is_good ? MR_OK : MR_ECORRUPT);
    }
    memcpy(at, kept, bytes);
}

static bool is_count(const struct mri_event_kind *kind, size_t offset)
{
    for (unsigned g = 0; g < kind->row_group_count; g++) {
        if (kind->rows[g].count_offset == offset) {
            return true;
        }
    }
    return false;
}

static void a_field_that_is_not_allowed_is_damage(void **fixture)
{
    (void)fixture;
    struct mri_prng prng;
    mri_prng_init(&prng, 2);
    for (size_t i = 0; i < kind_count * 10; i++) {
        const struct mri_event_kind *kind = &kinds[i % kind_count];
        uint64_t seq = 100 + i;
        mri_event_sample_make(&sample, kind, seq, &prng);
        mr_log_event record = mri_event_sample_record(&sample.draft, seq, body);
        size_t at = 0;
        for (unsigned f = 0; f < kind->field_count; f++) {
            if (!is_count(kind, at)) {
                try_field(&record, kind->fields[f].kind, body + at, &prng);
            }
            at += mri_field_bytes(kind->fields[f].kind);
        }
        for (unsigned g = 0; g < kind->row_group_count; g++) {
            const struct mri_rows *rows = &kind->rows[g];
            for (unsigned k = 0; k < body[rows->count_offset]; k++) {
                for (unsigned f = 0; f < rows->field_count; f++) {
                    if (k < 3) {
                        try_field(&record, rows->fields[f].kind, body + at, &prng);
                    }
                    at += mri_field_bytes(rows->fields[f].kind);
                }
            }
        }
        assert_int_equal(decode(&record), MR_OK); /* everything was put back */
    }
}

static void a_body_that_its_parts_do_not_fill_exactly_is_damage(void **fixture)
{
    (void)fixture;
    struct mri_prng prng;
    mri_prng_init(&prng, 3);
    for (size_t i = 0; i < kind_count * 20; i++) {
        const struct mri_event_kind *kind = &kinds[i % kind_count];
        mri_event_sample_make(&sample, kind, 50, &prng);
        mr_log_event record = mri_event_sample_record(&sample.draft, 50, body);
        uint32_t whole = record.body_bytes;
        uint8_t *exact = malloc(whole); /* reading past the end is seen by the sanitizer */
        assert_non_null(exact);
        memcpy(exact, body, whole);
        for (uint32_t bytes = 0; bytes < whole; bytes += 1 + whole / 500) {
            uint8_t *cut = malloc(bytes + 1);
            assert_non_null(cut);
            memcpy(cut, exact, bytes);
            record.body = cut;
            record.body_bytes = bytes;
            assert_int_equal(decode(&record), MR_ECORRUPT);
            free(cut);
        }
        body[whole] = 0;
        record.body = body;
        record.body_bytes = whole + 1;
        assert_int_equal(decode(&record), MR_ECORRUPT);
        free(exact);
    }
}

static void a_wrong_count_or_length_is_damage(void **fixture)
{
    (void)fixture;
    struct mri_prng prng;
    mri_prng_init(&prng, 4);
    for (size_t i = 0; i < kind_count * 40; i++) {
        const struct mri_event_kind *kind = &kinds[i % kind_count];
        mri_event_sample_make(&sample, kind, 50, &prng);
        mr_log_event record = mri_event_sample_record(&sample.draft, 50, body);
        for (unsigned g = 0; g < kind->row_group_count; g++) {
            uint8_t kept = body[kind->rows[g].count_offset];
            for (int other = 0; other < 256; other += 5) {
                body[kind->rows[g].count_offset] = (uint8_t)other;
                assert_true(
                    other == kept || kind->text_count > 0 || decode(&record) == MR_ECORRUPT);
            }
            body[kind->rows[g].count_offset] = kept;
        }
        size_t at = record.body_bytes; /* the last text's length, from behind */
        if (kind->text_count > 0) {
            const struct mri_text *text = &kind->texts[kind->text_count - 1];
            size_t length_bytes = text->is_long ? 4 : 2;
            at -= sample.draft.texts[kind->text_count - 1].count + length_bytes;
            uint32_t kept = (uint32_t)sample.draft.texts[kind->text_count - 1].count;
            for (int k = 0; k < 20; k++) {
                uint32_t other = k == 0   ? kept + 1
                                 : k == 1 ? kept - 1
                                          : (uint32_t)mri_prng_next(&prng);
                other &= text->is_long ? UINT32_MAX : UINT16_MAX;
                memcpy(body + at, &other, length_bytes);
                assert_int_equal(decode(&record), other == kept ? MR_OK : MR_ECORRUPT);
            }
        }
    }
}

static void a_text_that_is_not_utf8_is_damage(void **fixture)
{
    (void)fixture;
    struct mri_prng prng;
    mri_prng_init(&prng, 5);
    for (size_t i = 0; i < kind_count; i++) {
        for (unsigned t = 0; t < kinds[i].text_count; t++) {
            mri_event_sample_make(&sample, &kinds[i], 50, &prng);
            sample.draft.texts[t] = mri_slice_of("ab\xc3\x28 cd");
            mr_log_event record = mri_event_sample_record(&sample.draft, 50, body);
            assert_int_equal(decode(&record), MR_ECORRUPT);
        }
    }
}

static void unknown_types_and_versions_are_told_apart_from_damage(void **fixture)
{
    (void)fixture;
    mr_log_event record = {.seq = {1}, .body = body, .body_bytes = 0, .version = 1};
    for (unsigned type = 0; type < 65536; type++) {
        record.type = (uint16_t)type;
        mr_err expected = type < MR_LOG_TYPE_FREE                  ? MR_NOT_FOUND
                          : mri_event_kind((uint16_t)type) == NULL ? MR_EVERSION
                                                                   : MR_ECORRUPT;
        assert_int_equal(decode(&record), expected);
    }
    record.type = MRI_EVENT_CANDLE;
    record.version = 2;
    assert_int_equal(decode(&record), MR_EVERSION);
}

static void a_text_longer_than_its_length_field_cannot_be_drafted(void **fixture)
{
    (void)fixture;
    struct mri_prng prng;
    mri_prng_init(&prng, 6);
    mri_event_sample_make(&sample, mri_event_kind(MRI_EVENT_SIGNAL_GENERATED), 50, &prng);
    struct mri_draft draft = sample.draft;
    draft.texts[MRI_TEXT_signal_generated_name].count = UINT16_MAX;
    assert_int_not_equal(mri_event_body_bytes(&draft), SIZE_MAX);
    draft.texts[MRI_TEXT_signal_generated_name].count = UINT16_MAX + 1;
    assert_int_equal(mri_event_body_bytes(&draft), SIZE_MAX);
    draft.texts[MRI_TEXT_signal_generated_name].count = 1;
    draft.texts[MRI_TEXT_signal_generated_data].count = UINT16_MAX + 1; /* json is longer */
    assert_int_not_equal(mri_event_body_bytes(&draft), SIZE_MAX);
    draft.texts[MRI_TEXT_signal_generated_data].count = (size_t)UINT32_MAX + 1;
    assert_int_equal(mri_event_body_bytes(&draft), SIZE_MAX);
}

static void references_are_absolute_or_count_back(void **fixture)
{
    (void)fixture;
    assert_int_equal(mri_ref_seq(0, 100), 0);
    assert_int_equal(mri_ref_seq(42, 100), 42);
    assert_int_equal(mri_ref_seq(MRI_REF_RELATIVE | 3, 100), 97);
    struct mri_superseded superseded = {.cause = MRI_REF_RELATIVE | 4, .winner = 2};
    struct mri_event event = {.seq = 10, .body = &superseded, .type = MRI_EVENT_SUPERSEDED};
    assert_int_equal(mri_event_cause(&event), 6);
    superseded.cause = 0;
    assert_int_equal(mri_event_cause(&event), 0);
    struct mri_candle candle = {.close_time_unix_ns = 5};
    event = (struct mri_event){.seq = 10, .body = &candle, .type = MRI_EVENT_CANDLE};
    assert_int_equal(mri_event_cause(&event), 0); /* an input */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_are_in_order_of_their_numbers_and_found_by_them),
        cmocka_unit_test(descriptions_agree_with_the_structs),
        cmocka_unit_test(every_kind_is_decoded_as_it_was_encoded),
        cmocka_unit_test(a_field_that_is_not_allowed_is_damage),
        cmocka_unit_test(a_body_that_its_parts_do_not_fill_exactly_is_damage),
        cmocka_unit_test(a_wrong_count_or_length_is_damage),
        cmocka_unit_test(a_text_that_is_not_utf8_is_damage),
        cmocka_unit_test(unknown_types_and_versions_are_told_apart_from_damage),
        cmocka_unit_test(a_text_longer_than_its_length_field_cannot_be_drafted),
        cmocka_unit_test(references_are_absolute_or_count_back),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
