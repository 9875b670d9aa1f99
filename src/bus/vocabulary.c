/* SPDX-License-Identifier: MIT */
/*
 * The vocabularies as tables, made from the maps in the header.
 */
#include "bus/vocabulary.h"

#include "base/check.h"

#define WORD3(name, value, text)                 {value, text, NULL},
#define WORD_UNIT(name, value, text, unit)       {value, text, NULL},
#define WORD4(name, value, text, about)          {value, text, about},
#define WORD_HORIZON(name, value, text, seconds) {value, text, NULL},

static const struct mri_word side_words[] = {MR_SIDE_MAP(WORD3)};
static const struct mri_word state_words[] = {MR_STATE_MAP(WORD3)};
static const struct mri_word horizon_words[] = {MR_HORIZON_MAP(WORD_HORIZON)};
static const struct mri_word actor_words[] = {MRI_ACTOR_MAP(WORD3)};
static const struct mri_word gate_words[] = {MRI_GATE_MAP(WORD_UNIT)};
static const struct mri_word unit_words[] = {MRI_UNIT_MAP(WORD3)};
static const struct mri_word verdict_words[] = {MRI_VERDICT_MAP(WORD3)};
static const struct mri_word mode_words[] = {MRI_MODE_MAP(WORD3)};
static const struct mri_word venue_mode_words[] = {MRI_VENUE_MODE_MAP(WORD3)};
static const struct mri_word regime_words[] = {MRI_REGIME_MAP(WORD3)};
static const struct mri_word view_kind_words[] = {MRI_VIEW_KIND_MAP(WORD3)};
static const struct mri_word origin_words[] = {MRI_ORIGIN_MAP(WORD3)};
static const struct mri_word leg_words[] = {MRI_LEG_MAP(WORD3)};
static const struct mri_word order_type_words[] = {MRI_ORDER_TYPE_MAP(WORD3)};
static const struct mri_word report_status_words[] = {MRI_REPORT_STATUS_MAP(WORD3)};
static const struct mri_word outcome_status_words[] = {MRI_OUTCOME_STATUS_MAP(WORD3)};
static const struct mri_word feedback_status_words[] = {MRI_FEEDBACK_STATUS_MAP(WORD3)};
static const struct mri_word session_kind_words[] = {MRI_SESSION_KIND_MAP(WORD3)};
static const struct mri_word judgement_words[] = {MRI_JUDGEMENT_MAP(WORD3)};
static const struct mri_word claim_act_words[] = {MRI_CLAIM_ACT_MAP(WORD3)};
static const struct mri_word severity_words[] = {MRI_SEVERITY_MAP(WORD3)};
static const struct mri_word factor_words[] = {MRI_FACTOR_MAP(WORD3)};
static const struct mri_word internal_source_words[] = {MRI_SOURCE_MAP(WORD3)};
static const struct mri_word reason_words[] = {MRI_REASON_MAP(WORD4)};

#define TEXT3(name, value, text)        [value] = (text),
#define TEXT4(name, value, text, about) [value] = (text),

static const char *const side_texts[] = {MR_SIDE_MAP(TEXT3)};
static const char *const state_texts[] = {MR_STATE_MAP(TEXT3)};
static const char *const horizon_texts[] = {MR_HORIZON_MAP(TEXT4)};
static const char *const actor_texts[] = {MRI_ACTOR_MAP(TEXT3)};
static const char *const gate_texts[] = {MRI_GATE_MAP(TEXT4)};
static const char *const unit_texts[] = {MRI_UNIT_MAP(TEXT3)};
static const char *const verdict_texts[] = {MRI_VERDICT_MAP(TEXT3)};
static const char *const mode_texts[] = {MRI_MODE_MAP(TEXT3)};
static const char *const venue_mode_texts[] = {MRI_VENUE_MODE_MAP(TEXT3)};
static const char *const regime_texts[] = {MRI_REGIME_MAP(TEXT3)};
static const char *const view_kind_texts[] = {MRI_VIEW_KIND_MAP(TEXT3)};
static const char *const origin_texts[] = {MRI_ORIGIN_MAP(TEXT3)};
static const char *const leg_texts[] = {MRI_LEG_MAP(TEXT3)};
static const char *const order_type_texts[] = {MRI_ORDER_TYPE_MAP(TEXT3)};
static const char *const report_status_texts[] = {MRI_REPORT_STATUS_MAP(TEXT3)};
static const char *const outcome_status_texts[] = {MRI_OUTCOME_STATUS_MAP(TEXT3)};
static const char *const feedback_status_texts[] = {MRI_FEEDBACK_STATUS_MAP(TEXT3)};
static const char *const session_kind_texts[] = {MRI_SESSION_KIND_MAP(TEXT3)};
static const char *const judgement_texts[] = {MRI_JUDGEMENT_MAP(TEXT3)};
static const char *const claim_act_texts[] = {MRI_CLAIM_ACT_MAP(TEXT3)};
static const char *const severity_texts[] = {MRI_SEVERITY_MAP(TEXT3)};
static const char *const factor_texts[] = {MRI_FACTOR_MAP(TEXT3)};
static const char *const reason_texts[] = {MRI_REASON_MAP(TEXT4)};

MRI_STATIC_ASSERT(MRI_COUNT_OF(internal_source_words) == MRI_SOURCE_INTERNAL_COUNT, "one list");

#define TABLE(id) {#id, id##_words, MRI_COUNT_OF(id##_words), id##_texts, MRI_COUNT_OF(id##_texts)},
static const struct mri_vocabulary vocabularies[] = {MRI_VOCABULARY_MAP(TABLE)};

const struct mri_vocabulary *mri_vocabulary(enum mri_vocabulary_id id)
{
    MRI_ASSERT(id < MRI_VOCABULARY_COUNT);
    return &vocabularies[id];
}

const char *mri_word_text(enum mri_vocabulary_id id, unsigned value)
{
    const struct mri_vocabulary *vocabulary = mri_vocabulary(id);
    return value < vocabulary->text_count ? vocabulary->texts[value] : NULL;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_same_word(struct mri_slice text, const char *word)
{
    size_t i = 0;
    while (i < text.count && word[i] != '\0' && lower(text.bytes[i]) == lower(word[i])) {
        i++;
    }
    return i == text.count && word[i] == '\0';
}

mr_err mri_word_parse(enum mri_vocabulary_id id, struct mri_slice text, unsigned *ret_value)
{
    const struct mri_vocabulary *vocabulary = mri_vocabulary(id);
    for (size_t i = 0; i < vocabulary->count; i++) {
        if (is_same_word(text, vocabulary->words[i].text)) {
            *ret_value = vocabulary->words[i].value;
            return MR_OK;
        }
    }
    return MR_REFUSED;
}

mr_err mri_side_parse(struct mri_slice text, mr_side *ret_side)
{
    static const struct {
        const char *word;
        mr_side side;
    } spellings[] = {
        {"LONG", MR_LONG},
        {"BUY", MR_LONG},
        {"STRONG_LONG", MR_LONG},
        {"STRONG_BUY", MR_LONG},
        {"SHORT", MR_SHORT},
        {"SELL", MR_SHORT},
        {"STRONG_SHORT", MR_SHORT},
        {"STRONG_SELL", MR_SHORT},
    };
    for (size_t i = 0; i < MRI_COUNT_OF(spellings); i++) {
        if (is_same_word(text, spellings[i].word)) {
            *ret_side = spellings[i].side;
            return MR_OK;
        }
    }
    return MR_REFUSED;
}

bool mri_source_is_internal(struct mri_slice name)
{
    for (size_t i = 0; i < MRI_COUNT_OF(internal_source_words); i++) {
        if (is_same_word(name, internal_source_words[i].text)) {
            return true;
        }
    }
    return false;
}

bool mri_source_is_reserved(struct mri_slice name)
{
    static const char *const ours[] = {"engine", "millrace", "run"};
    unsigned actor;
    for (size_t i = 0; i < MRI_COUNT_OF(ours); i++) {
        if (is_same_word(name, ours[i])) {
            return true;
        }
    }
    return mri_source_is_internal(name) ||
           (mri_word_parse(MRI_VOCABULARY_actor, name, &actor) == MR_OK &&
               actor != MRI_ACTOR_EXTERNAL);
}

const char *mri_source_name(enum mri_source source)
{
    MRI_ASSERT((unsigned)source < MRI_SOURCE_INTERNAL_COUNT);
    return internal_source_words[source].text;
}

enum mri_unit mri_gate_unit(enum mri_gate gate, enum mri_reason reason)
{
    static const enum mri_unit units[] = {
#define GATE_UNIT(name, value, text, unit) [value] = MRI_UNIT_##unit,
        MRI_GATE_MAP(GATE_UNIT)
#undef GATE_UNIT
    };
#define REASON_UNIT(of_gate, for_reason, unit)                                                     \
    if (gate == (of_gate) && reason == (for_reason)) {                                             \
        return MRI_UNIT_##unit;                                                                    \
    }
    MRI_REASON_UNIT_MAP(REASON_UNIT)
#undef REASON_UNIT
    return (size_t)gate < MRI_COUNT_OF(units) ? units[gate] : MRI_UNIT_NONE;
}

mr_err mri_horizon_parse(struct mri_slice text, mr_horizon *ret_horizon)
{
    for (unsigned i = 0; i < MRI_COUNT_OF(horizon_texts); i++) {
        if (mri_slice_is(text, horizon_texts[i])) {
            *ret_horizon = (mr_horizon)i;
            return MR_OK;
        }
    }
    return MR_REFUSED;
}

int64_t mri_horizon_ns(mr_horizon horizon)
{
    switch (horizon) {
#define HORIZON_CASE(name, index, text, seconds)                                                   \
    case name:                                                                                     \
        return (int64_t)(seconds)*1000000000;
        MR_HORIZON_MAP(HORIZON_CASE)
#undef HORIZON_CASE
    }
    return 0;
}
