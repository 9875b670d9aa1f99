/* SPDX-License-Identifier: MIT */
/*
 * Random events. Nothing here knows a kind by name: what is allowed follows from the descriptions.
 */
#include "tests/lib/event_sample.h"

#include <string.h>

#include "base/exact_math.h"

static double any_number(struct mri_prng *prng)
{
    for (;;) {
        uint64_t bits = mri_prng_next(prng);
        double number;
        memcpy(&number, &bits, sizeof(number));
        if (mri_is_finite(number)) {
            return mri_prng_below(prng, 4) == 0 ? 0.0 : number;
        }
    }
}

static uint64_t any_ref(struct mri_prng *prng, uint64_t seq)
{
    uint64_t target = mri_prng_below(prng, seq); /* 0 = absent */
    bool is_relative = target != 0 && mri_prng_below(prng, 2) == 0;
    return is_relative ? MRI_REF_RELATIVE | (seq - target) : target;
}

static uint64_t any_word(enum mri_vocabulary_id id, struct mri_prng *prng)
{
    const struct mri_vocabulary *vocabulary = mri_vocabulary(id);
    return vocabulary->words[mri_prng_below(prng, vocabulary->count)].value;
}

static uint64_t any_value(enum mri_field_kind kind, struct mri_prng *prng, uint64_t seq)
{
    switch (kind) {
#define WORD_CASE(id)                                                                              \
    case MRI_FIELD_##id:                                                                           \
        return any_word(MRI_VOCABULARY_##id, prng);
        MRI_VOCABULARY_MAP(WORD_CASE)
#undef WORD_CASE
    case MRI_FIELD_reason8:
        return any_word(MRI_VOCABULARY_reason, prng);
    case MRI_FIELD_ref:
        return any_ref(prng, seq);
    case MRI_FIELD_number: {
        double number = any_number(prng);
        uint64_t bits;
        memcpy(&bits, &number, sizeof(bits));
        return bits;
    }
    case MRI_FIELD_pad8:
    case MRI_FIELD_pad16:
    case MRI_FIELD_pad32:
        return 0;
    default:
        return mri_prng_next(prng);
    }
}

static void fill(const struct mri_field *fields, unsigned count, uint8_t *at, struct mri_prng *prng,
    uint64_t seq)
{
    for (unsigned i = 0; i < count; i++) {
        uint64_t value = any_value(fields[i].kind, prng, seq);
        memcpy(at, &value, mri_field_bytes(fields[i].kind)); /* little-endian: the low bytes */
        at += mri_field_bytes(fields[i].kind);
    }
}

static struct mri_slice any_text(char *text, struct mri_prng *prng)
{
    static const char *const pieces[] = {
        "a", "Z", " ", "\xc3\xa4", "\xe2\x82\xac", "0", "\xf0\x9f\x98\x80", "\n", "\\", "\""};
    size_t count = 0;
    uint64_t limit = mri_prng_below(prng, 3) == 0 ? 0 : mri_prng_below(prng, 60);
    for (uint64_t i = 0; i < limit; i++) {
        const char *piece = pieces[mri_prng_below(prng, MRI_COUNT_OF(pieces))];
        memcpy(text + count, piece, strlen(piece));
        count += strlen(piece);
    }
    return (struct mri_slice){text, count};
}

void mri_event_sample_make(struct mri_event_sample *ret_sample, const struct mri_event_kind *kind,
    uint64_t seq, struct mri_prng *prng)
{
    struct mri_event_sample *sample = ret_sample;
    MRI_ASSERT(kind->fixed_bytes <= sizeof(sample->fixed));
    sample->draft = (struct mri_draft){.type = kind->type, .fixed = sample->fixed};
    fill(kind->fields, kind->field_count, sample->fixed, prng, seq);
    for (unsigned i = 0; i < kind->row_group_count; i++) { /* groups may share a count */
        bool is_many = mri_prng_below(prng, 20) == 0;
        sample->fixed[kind->rows[i].count_offset] =
            (uint8_t)mri_prng_below(prng, is_many ? 256 : 5);
    }
    for (unsigned i = 0; i < kind->row_group_count; i++) {
        const struct mri_rows *rows = &kind->rows[i];
        unsigned count = sample->fixed[rows->count_offset];
        MRI_ASSERT((size_t)count * rows->row_bytes <= sizeof(sample->rows[i]));
        for (unsigned k = 0; k < count; k++) {
            fill(rows->fields, rows->field_count, sample->rows[i] + (size_t)k * rows->row_bytes,
                prng, seq);
        }
        sample->draft.rows[i] = sample->rows[i];
    }
    for (unsigned i = 0; i < kind->text_count; i++) {
        sample->draft.texts[i] = any_text(sample->texts[i], prng);
    }
}

mr_log_event mri_event_sample_record(const struct mri_draft *draft, uint64_t seq, void *body)
{
    mri_event_encode(draft, body);
    return (mr_log_event){
        .seq = {seq},
        .body = body,
        .body_bytes = (uint32_t)mri_event_body_bytes(draft),
        .type = draft->type,
        .version = MRI_EVENT_VERSION,
        .is_batch_end = true,
    };
}
