/* SPDX-License-Identifier: MIT */
/*
 * Checking signals from outside.
 */
#include "pipeline/signal_input.h"

#include <string.h>

#include "base/problem.h"
#include "base/text.h"

enum {
    TEXT_BYTES_MAX = 64,       /* of source and name */
    LONG_TEXT_BYTES_MAX = 256, /* of ids, keys, accounts */
    DATA_BYTES_MAX = 65536,
    FOUND_BYTES_MAX = 60,
};

#define SECOND_NS    ((int64_t)1000000000)
#define VALID_MAX_NS (86400 * SECOND_NS)

mr_err mri_signal_input_refuse(
    mr_problem *reterr_problem, const char *field, const char *expected, struct mri_slice found)
{
    if (found.bytes == NULL) {
        return mri_problem(
            reterr_problem, MR_REFUSED, "%s is missing: expected %s", field, expected);
    }
    return mri_problem(reterr_problem, MR_REFUSED, "%s: expected %s, found \"%.*s\"", field,
        expected, (int)(found.count < FOUND_BYTES_MAX ? found.count : FOUND_BYTES_MAX),
        found.bytes);
}

mr_err mri_signal_input_check_blank(
    struct mri_slice text, const char *field, mr_problem *reterr_problem)
{
    return mri_text_is_blank(text) ? mri_signal_input_refuse(reterr_problem, field,
                                         "a name that is not only spaces", text)
                                   : MR_OK;
}

/** A text that is UTF-8 without control characters, within a length. */
static mr_err check_text(
    struct mri_slice text, const char *field, size_t bytes_max, mr_problem *problem)
{
    if (text.bytes == NULL) {
        return MR_OK;
    }
    if (text.count > 0 && text.count <= bytes_max && mri_text_is_plain(text)) {
        return MR_OK;
    }
    if (!mri_text_is_utf8(text)) {
        return mri_signal_input_refuse(problem, field, "valid UTF-8", text);
    }
    if (mri_text_has_control(text)) {
        return mri_signal_input_refuse(problem, field, "a text without control characters", text);
    }
    if (text.count == 0 || text.count > bytes_max) {
        return mri_problem(problem, MR_REFUSED, "%s: expected 1 to %zu bytes, found %zu", field,
            bytes_max, text.count);
    }
    return MR_OK;
}

/** Source and name. */
static mr_err check_names(const struct mri_signal_input *input, mr_problem *problem)
{
    if (input->source.bytes == NULL) {
        return mri_signal_input_refuse(problem, "source", "who emits it", input->source);
    }
    mr_err err = check_text(input->source, "source", TEXT_BYTES_MAX, problem);
    if (err == MR_OK) {
        err = check_text(input->name, "name", TEXT_BYTES_MAX, problem);
    }
    if (err == MR_OK) {
        err = mri_signal_input_check_blank(input->source, "source", problem);
    }
    return err == MR_OK && mri_source_is_reserved(input->source)
               ? mri_signal_input_refuse(problem, "source",
                     "another name than that of a built-in source, of the engine (engine, "
                     "millrace, run) or of an actor",
                     input->source)
               : err;
}

mr_err mri_signal_input_check_key(
    struct mri_slice key, const char *name, mr_problem *reterr_problem)
{
    return check_text(key, name, LONG_TEXT_BYTES_MAX, reterr_problem);
}

/** What is another one's in every signal. */
static mr_err check_texts(const struct mri_signal_input *input, mr_problem *problem)
{
    mr_err err = check_text(input->external_id, "external_id", LONG_TEXT_BYTES_MAX, problem);
    if (err == MR_OK) {
        err = mri_signal_input_check_key(input->key, "idempotency_key", problem);
    }
    if (err == MR_OK) {
        err = check_text(input->account, "account", LONG_TEXT_BYTES_MAX, problem);
    }
    if (err == MR_OK && input->data.bytes != NULL) {
        err = check_text(input->data, "data", DATA_BYTES_MAX, problem);
        bool is_object = err != MR_OK || mri_text_is_braced(input->data);
        return is_object ? err
                         : mri_signal_input_refuse(problem, "data", "a JSON object", input->data);
    }
    return err;
}

mr_err mri_signal_input_symbol(const struct mri_instruments *instruments, struct mri_slice symbol,
    uint32_t *ret_number, mr_problem *reterr_problem)
{
    bool is_known =
        symbol.bytes != NULL && mri_instruments_find(instruments, symbol, ret_number) == MR_OK;
    return is_known
               ? MR_OK
               : mri_signal_input_refuse(reterr_problem, "symbol", "a registered symbol", symbol);
}

static mr_err check_numbers(const struct mri_signal_input *input, mr_problem *problem)
{
    if (input->side != MR_LONG && input->side != MR_SHORT) {
        return mri_problem(problem, MR_REFUSED, "side: expected long or short");
    }
    if (!(input->confidence >= 0.0 && input->confidence <= 1.0)) { /* NaN neither */
        return mri_problem(problem, MR_REFUSED, "confidence: expected a number from 0 to 1");
    }
    if (input->lacks_confidence && input->confidence != 0.0) {
        return mri_problem(problem, MR_REFUSED, "confidence: given, and said to be absent");
    }
    if (input->has_price && input->price <= 0) {
        return mri_problem(problem, MR_REFUSED,
            "price: expected a number above zero in the decimals of the instrument");
    }
    if (input->has_horizon && (unsigned)input->horizon >= MR_HORIZON_COUNT) {
        return mri_problem(problem, MR_REFUSED, "horizon: expected 1m, 5m, 15m, 30m or 1h");
    }
    if (input->valid_for_ns != 0 &&
        (input->valid_for_ns < SECOND_NS || input->valid_for_ns > VALID_MAX_NS)) {
        return mri_problem(problem, MR_REFUSED, "valid_for: expected a time from 1s to 24h");
    }
    return MR_OK;
}

static bool is_noted(struct mri_slice text, const char *noted, uint32_t noted_bytes)
{
    return text.count == noted_bytes &&
           (noted_bytes == 0 || memcmp(text.bytes, noted, noted_bytes) == 0);
}

bool mri_signal_input_is_noted(
    const struct mri_signal_memo *memo, const struct mri_signal_input *input)
{
    bool is_empty_name = input->name.bytes != NULL && input->name.count == 0; /* is refused */
    return memo->symbol_bytes != 0 && !is_empty_name &&
           is_noted(input->symbol, memo->symbol, memo->symbol_bytes) &&
           is_noted(input->source, memo->source, memo->source_bytes) &&
           is_noted(input->name, memo->name, memo->name_bytes);
}

static uint32_t note(char *noted, size_t bytes_max, struct mri_slice text)
{
    MRI_ASSERT(text.count <= bytes_max);
    if (text.count > 0) {
        memcpy(noted, text.bytes, text.count);
    }
    return (uint32_t)text.count;
}

/** The draft of a signal; a text that was not given is empty. */
static struct mri_draft draft_of(
    const struct mri_signal_input *input, const struct mri_signal_generated *fixed)
{
    return (struct mri_draft){
        .type = MRI_EVENT_SIGNAL_GENERATED,
        .fixed = fixed,
        .texts = {[MRI_TEXT_signal_generated_source] = input->source,
            [MRI_TEXT_signal_generated_name] =
                input->name.bytes == NULL ? input->source : input->name,
            [MRI_TEXT_signal_generated_external_id] = input->external_id,
            [MRI_TEXT_signal_generated_idempotency_key] = input->key,
            [MRI_TEXT_signal_generated_account] = input->account,
            [MRI_TEXT_signal_generated_data] = input->data},
    };
}

enum {
    NO_OTHERS_BYTES = 3 * 2 + 4, /* lengths of external_id, key, account and data */
};

/** What the body of a signal of these words says behind its fixed part. */
static void note_body(struct mri_signal_memo *memo, const struct mri_signal_input *input)
{
    static const struct mri_signal_generated fixed;
    uint8_t body[sizeof(fixed) + sizeof(memo->words) + NO_OTHERS_BYTES];
    const struct mri_signal_input words = {.source = input->source, .name = input->name};
    const struct mri_draft draft = draft_of(&words, &fixed);
    size_t bytes = mri_event_body_bytes(&draft);
    MRI_ASSERT(bytes <= sizeof(body));
    mri_event_encode(&draft, body);
    memo->words_bytes = (uint32_t)(bytes - sizeof(fixed) - NO_OTHERS_BYTES);
    memcpy(memo->words, body + sizeof(fixed), memo->words_bytes);
}

/** Words that were found good. A symbol may be spelled longer than any is registered. */
static void take_note(
    struct mri_signal_memo *memo, const struct mri_signal_input *input, uint32_t number)
{
    memo->source_known = 0;
    memo->name_known = 0;
    if (input->symbol.count > sizeof(memo->symbol)) {
        memo->symbol_bytes = 0;
        return;
    }
    memo->symbol_bytes = note(memo->symbol, sizeof(memo->symbol), input->symbol);
    memo->source_bytes = note(memo->source, sizeof(memo->source), input->source);
    memo->name_bytes = note(memo->name, sizeof(memo->name), input->name);
    memo->number = number;
    note_body(memo, input);
}

/** Source, name and symbol. */
static mr_err check_words(const struct mri_signal_input *input,
    const struct mri_signal_input_context *context, uint32_t *ret_symbol, mr_problem *problem)
{
    mr_err err = check_names(input, problem);
    if (err == MR_OK) {
        err = mri_signal_input_symbol(context->instruments, input->symbol, ret_symbol, problem);
    }
    if (err == MR_OK && context->memo != NULL) {
        take_note(context->memo, input, *ret_symbol);
    }
    return err;
}

/** A text that is short enough, behind its length. */
static uint8_t *put_text(uint8_t *at, struct mri_slice text)
{
    uint16_t count = (uint16_t)text.count;
    memcpy(at, &count, sizeof(count));
    at += sizeof(count);
    if (count > 0) {
        memcpy(at, text.bytes, count);
    }
    return at + count;
}

/** The body out of what is noted of the one before, as mri_event_encode() would make it. */
static mr_err add_as_noted(const struct mri_signal_memo *memo,
    const struct mri_signal_generated *fixed, const struct mri_signal_input *input,
    struct mri_batch *batch)
{
    uint32_t data_bytes = (uint32_t)input->data.count;
    size_t bytes = sizeof(*fixed) + memo->words_bytes + NO_OTHERS_BYTES + input->external_id.count +
                   input->key.count + input->account.count + input->data.count;
    void *body;
    mr_err err =
        mri_batch_place(batch, MRI_EVENT_SIGNAL_GENERATED, bytes, batch->next_ordinal, &body);
    if (err != MR_OK) {
        return err;
    }
    uint8_t *at = body;
    memcpy(at, fixed, sizeof(*fixed));
    at += sizeof(*fixed);
    memcpy(at, memo->words, memo->words_bytes);
    at = put_text(at + memo->words_bytes, input->external_id);
    at = put_text(at, input->key);
    at = put_text(at, input->account);
    memcpy(at, &data_bytes, sizeof(data_bytes));
    if (data_bytes > 0) {
        memcpy(at + sizeof(data_bytes), input->data.bytes, data_bytes);
    }
    return MR_OK;
}

/** What is left when the words and texts are good. */
static mr_err finish(const struct mri_signal_input *input,
    const struct mri_signal_input_context *context, struct mri_signal_generated *fixed,
    mr_problem *problem)
{
    if (input->has_price &&
        mri_instruments_get(context->instruments, fixed->symbol)->is_provisional != 0) {
        return mri_problem(problem, MR_REFUSED,
            "price: %.*s is provisional, nobody knows its decimals", (int)input->symbol.count,
            input->symbol.bytes);
    }
    fixed->instrument = fixed->symbol;
    if (input->has_price) {
        fixed->present |= MRI_HAS_PRICE;
        fixed->price = input->price;
        fixed->price_time_unix_ns = context->event_time_unix_ns;
    }
    if (input->lacks_confidence) {
        fixed->present |= MRI_LACKS_CONFIDENCE;
    }
    if (input->has_horizon) {
        fixed->present |= MRI_HAS_HORIZON;
        fixed->horizon = (uint8_t)input->horizon;
    }
    return check_numbers(input, problem);
}

mr_err mri_signal_input_draft(const struct mri_signal_input *input,
    const struct mri_signal_input_context *context, struct mri_batch *batch,
    mr_problem *reterr_problem)
{
    struct mri_signal_generated fixed = {
        .event_time_unix_ns = context->event_time_unix_ns,
        .confidence = input->confidence,
        .valid_for_ns = input->valid_for_ns == 0 ? context->valid_for_ns : input->valid_for_ns,
        .side = (uint8_t)input->side,
        .regime = MRI_REGIME_ABSENT,
    };
    struct mri_signal_memo *memo = context->memo;
    bool is_noted = memo != NULL && mri_signal_input_is_noted(memo, input);
    mr_err err = is_noted ? MR_OK : check_words(input, context, &fixed.symbol, reterr_problem);
    if (is_noted) {
        fixed.symbol = memo->number;
    }
    if (err == MR_OK) {
        err = check_texts(input, reterr_problem);
    }
    if (err == MR_OK) {
        err = finish(input, context, &fixed, reterr_problem);
    }
    if (err == MR_OK && is_noted) {
        return add_as_noted(memo, &fixed, input, batch);
    }
    if (err != MR_OK) {
        return err;
    }
    const struct mri_draft draft = draft_of(input, &fixed);
    return mri_batch_add(batch, &draft, batch->next_ordinal);
}
