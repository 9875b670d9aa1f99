/* SPDX-License-Identifier: MIT */
/*
 * Engines under test. Failures of the sample itself end the process; what engines answer is
 * returned.
 */
#include "tests/lib/engine_sample.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

enum { BATCH_BYTES_MAX = 2 * 1024 * 1024, SAVED_BYTES_MAX = 256 * 1024 * 1024 };

struct mri_instrument_spec mri_engine_sample_spec(uint32_t number)
{
    struct mri_instrument_spec spec = {
        .venue = "paper",
        .quote_currency = "USDT",
        .price_decimals = 2,
        .quantity_decimals = 3,
        .tick = 1,
        .lot = 1,
        .quantity_min = 1,
        .notional_min_e8 = 500000000,
        .multiplier = 1,
    };
    (void)snprintf(spec.symbol, sizeof(spec.symbol), "S%uUSDT", number);
    (void)snprintf(spec.native_name, sizeof(spec.native_name), "S%u_USDT", number);
    return spec;
}

static void reserve_source_numbers(struct mri_intern *sources)
{
    for (unsigned i = 0; i < MRI_SOURCE_EXTERNAL_FIRST; i++) {
        char kept[20];
        uint32_t number;
        (void)snprintf(kept, sizeof(kept), "(kept %u)", i);
        bool is_named = i < MRI_SOURCE_INTERNAL_COUNT;
        const char *name = is_named ? mri_source_name((enum mri_source)i) : kept;
        MRI_ASSERT(mri_intern_add(sources, mri_slice_of(name), &number) == MR_OK && number == i);
    }
}

void mri_engine_sample_init(struct mri_engine_sample *sample, uint32_t symbol_count)
{
    const struct mri_alloc *alloc = mri_alloc_system();
    *sample = (struct mri_engine_sample){.next_ordinal = 1};
    MRI_ASSERT(mri_market_init(&sample->market, alloc, MRI_ENGINE_SAMPLE_SYMBOLS_MAX) == MR_OK);
    MRI_ASSERT(mri_intern_init(&sample->sources, alloc, MRI_ENGINE_SAMPLE_SOURCES_MAX) == MR_OK);
    MRI_ASSERT(mri_batch_init(&sample->input, alloc, 1, BATCH_BYTES_MAX) == MR_OK);
    MRI_ASSERT(mri_batch_init(
                   &sample->outputs, alloc, MRI_ENGINE_SAMPLE_BATCH_MAX, BATCH_BYTES_MAX) == MR_OK);
    reserve_source_numbers(&sample->sources);
    for (uint32_t i = 0; i < symbol_count; i++) {
        struct mri_instrument_spec spec = mri_engine_sample_spec(i);
        mri_batch_begin(&sample->input, 1, 1);
        MRI_ASSERT(mri_instrument_draft(&sample->input, &spec, i) == MR_OK);
        struct mri_event event = mri_batch_event(&sample->input, 0);
        MRI_ASSERT(mri_market_apply(&sample->market, &event) == MR_OK);
    }
}

void mri_engine_sample_fini(struct mri_engine_sample *sample)
{
    for (uint32_t i = 0; i < sample->count; i++) {
        free((void *)(uintptr_t)sample->events[i].body);
    }
    free(sample->events);
    mri_batch_fini(&sample->outputs);
    mri_batch_fini(&sample->input);
    mri_intern_fini(&sample->sources);
    mri_market_fini(&sample->market);
    *sample = (struct mri_engine_sample){0};
}

void mri_engine_sample_add(
    struct mri_engine_sample *sample, const struct mri_engine *engine, void *state)
{
    MRI_ASSERT(sample->member_count < MRI_ENGINE_SAMPLE_MEMBERS_MAX);
    sample->members[sample->member_count++] = (struct mri_engine_sample_member){engine, state};
}

/** Keep a copy of an event, read as from the log. */
static mr_err keep(struct mri_engine_sample *sample, const struct mri_event *event)
{
    if (sample->count == sample->capacity) {
        sample->capacity = sample->capacity == 0 ? 1024 : 2 * sample->capacity;
        sample->events = realloc(sample->events, sample->capacity * sizeof(*sample->events));
        MRI_ASSERT(sample->events != NULL);
    }
    MRI_ASSERT(event->seq == sample->count + 1);
    void *body = malloc(event->body_bytes);
    MRI_ASSERT(body != NULL);
    memcpy(body, event->body, event->body_bytes);
    struct mri_event *kept = &sample->events[sample->count++];
    *kept = *event;
    kept->body = body;
    const mr_log_event record = {.seq = {event->seq},
        .body = body,
        .body_bytes = event->body_bytes,
        .type = event->type,
        .version = event->version};
    struct mri_event decoded;
    return mri_event_decode(&record, &decoded);
}

mr_err mri_engine_sample_fold(struct mri_engine_sample *sample, const struct mri_event *event)
{
    mr_err err = mri_market_apply(&sample->market, event);
    for (unsigned i = 0; i < sample->member_count && err == MR_OK; i++) {
        const struct mri_engine_sample_member *member = &sample->members[i];
        err = member->engine->apply == NULL ? MR_OK : member->engine->apply(member->state, event);
    }
    return err;
}

static mr_err take_in(struct mri_engine_sample *sample, const struct mri_event *event)
{
    uint32_t number;
    mr_err err = keep(sample, event);
    if (err == MR_OK && event->type == MRI_EVENT_SIGNAL_GENERATED) {
        err = mri_intern_add(
            &sample->sources, mri_event_text(event, MRI_TEXT_signal_generated_source), &number);
        sample->next_ordinal = event->ordinal + 1;
    }
    return err == MR_OK ? mri_engine_sample_fold(sample, event) : err;
}

static mr_err decide_member(struct mri_engine_sample *sample,
    const struct mri_engine_sample_member *member, const struct mri_event *input)
{
    mr_err decided;
    do {
        uint32_t taken = sample->outputs.count;
        decided = member->engine->decide(member->state, input, &sample->outputs);
        if (decided != MR_OK && decided != MR_AGAIN) {
            return decided;
        }
        for (; taken < sample->outputs.count; taken++) {
            struct mri_event output = mri_batch_event(&sample->outputs, taken);
            mr_err err = take_in(sample, &output);
            if (err != MR_OK) {
                return err;
            }
        }
    } while (decided == MR_AGAIN);
    return MR_OK;
}

mr_err mri_engine_sample_put(
    struct mri_engine_sample *sample, const struct mri_draft *draft, uint32_t ordinal)
{
    mri_batch_begin(&sample->input, sample->count + 1, sample->next_ordinal);
    bool is_new = draft->type == MRI_EVENT_SIGNAL_GENERATED;
    MRI_ASSERT(
        mri_batch_add(&sample->input, draft, is_new ? sample->next_ordinal : ordinal) == MR_OK);
    struct mri_event event = mri_batch_event(&sample->input, 0);
    return take_in(sample, &event);
}

mr_err mri_engine_sample_take(
    struct mri_engine_sample *sample, const struct mri_draft *draft, uint32_t ordinal)
{
    mr_err err = mri_engine_sample_put(sample, draft, ordinal);
    struct mri_event input = mri_batch_event(&sample->input, 0);
    mri_batch_begin(&sample->outputs, sample->count + 1, sample->next_ordinal);
    for (unsigned i = 0; i < sample->member_count && err == MR_OK; i++) {
        err = decide_member(sample, &sample->members[i], &input);
    }
    sample->is_cut = sample->outputs.is_cut;
    return err;
}

struct mri_candle mri_engine_sample_bar(uint32_t symbol, int64_t minute, int64_t price)
{
    return (struct mri_candle){
        .close_time_unix_ns = MRI_ENGINE_SAMPLE_T0_UNIX_NS + minute * MRI_ENGINE_SAMPLE_MINUTE_NS,
        .duration_ns = MRI_ENGINE_SAMPLE_MINUTE_NS,
        .open = price,
        .high = price,
        .low = price,
        .close = price,
        .volume = 1.0,
        .symbol = symbol,
        .instrument = symbol,
    };
}

mr_err mri_engine_sample_candle(struct mri_engine_sample *sample, const struct mri_candle *candle)
{
    return mri_engine_sample_take(
        sample, &(struct mri_draft){.type = MRI_EVENT_CANDLE, .fixed = candle}, 0);
}

mr_err mri_engine_sample_quote(struct mri_engine_sample *sample, uint32_t symbol,
    int64_t time_unix_ns, int64_t bid, int64_t ask)
{
    const struct mri_quote quote = {.event_time_unix_ns = time_unix_ns,
        .bid = bid,
        .ask = ask,
        .symbol = symbol,
        .instrument = symbol};
    return mri_engine_sample_take(
        sample, &(struct mri_draft){.type = MRI_EVENT_QUOTE, .fixed = &quote}, 0);
}

mr_err mri_engine_sample_tick(
    struct mri_engine_sample *sample, int64_t time_unix_ns, enum mri_reason reason)
{
    const struct mri_tick tick = {.event_time_unix_ns = time_unix_ns, .reason = (uint16_t)reason};
    return mri_engine_sample_take(
        sample, &(struct mri_draft){.type = MRI_EVENT_TICK, .fixed = &tick}, 0);
}

mr_err mri_engine_sample_emit(
    struct mri_engine_sample *sample, const struct mri_engine_sample_signal *signal)
{
    const struct mri_signal_generated fixed = {
        .event_time_unix_ns = signal->time_unix_ns,
        .confidence = signal->confidence,
        .valid_for_ns = signal->valid_for_ns,
        .symbol = signal->symbol,
        .instrument = signal->symbol,
        .side = (uint8_t)signal->side,
        .horizon = (uint8_t)signal->horizon,
        .regime = MRI_REGIME_ABSENT,
        .present = signal->has_horizon ? MRI_HAS_HORIZON : 0,
    };
    const struct mri_draft draft = {
        .type = MRI_EVENT_SIGNAL_GENERATED,
        .fixed = &fixed,
        .texts = {[MRI_TEXT_signal_generated_source] = mri_slice_of(signal->source),
            [MRI_TEXT_signal_generated_name] = mri_slice_of("outside")},
    };
    return mri_engine_sample_take(sample, &draft, 0);
}

uint32_t mri_engine_sample_find(
    const struct mri_engine_sample *sample, uint16_t type, uint32_t from)
{
    while (from < sample->count && sample->events[from].type != type) {
        from++;
    }
    return from < sample->count ? from : sample->count;
}

uint32_t mri_engine_sample_count(
    const struct mri_engine_sample *sample, uint16_t type, uint32_t from)
{
    uint32_t count = 0;
    for (uint32_t i = from; i < sample->count; i++) {
        count += sample->events[i].type == type;
    }
    return count;
}

bool mri_engine_sample_is_same(const struct mri_engine_sample *a, uint32_t a_from,
    const struct mri_engine_sample *b, uint32_t b_from)
{
    for (uint32_t i = 0; a_from + i < a->count || b_from + i < b->count; i++) {
        bool is_both = a_from + i < a->count && b_from + i < b->count;
        const struct mri_event *left = is_both ? &a->events[a_from + i] : NULL;
        const struct mri_event *right = is_both ? &b->events[b_from + i] : NULL;
        bool is_same = is_both && left->type == right->type && left->ordinal == right->ordinal &&
                       left->body_bytes == right->body_bytes &&
                       memcmp(left->body, right->body, left->body_bytes) == 0;
        if (!is_same) {
            (void)fprintf(stderr, "events differ at %u: type %d and %d\n", i,
                is_both ? left->type : -1, is_both ? right->type : -1);
            return false;
        }
    }
    return true;
}

/** Are the same bytes saved by both? */
static mr_err compare_saved(
    const struct mri_engine *engine, const struct mri_buf *saved, const void *state)
{
    struct mri_buf again;
    mri_buf_init(&again, mri_alloc_system(), SAVED_BYTES_MAX);
    engine->save(state, &again);
    bool is_same = again.err == MR_OK && again.count == saved->count &&
                   memcmp(again.bytes, saved->bytes, saved->count) == 0;
    mri_buf_fini(&again);
    return is_same ? MR_OK : MR_EINTERNAL;
}

mr_err mri_engine_sample_move(
    const struct mri_engine *engine, const void *from_state, void *to_state)
{
    struct mri_buf saved;
    struct mri_unpack unpack;
    mri_buf_init(&saved, mri_alloc_system(), SAVED_BYTES_MAX);
    engine->save(from_state, &saved);
    mri_unpack_init(&unpack, saved.bytes, saved.count);
    mr_err err = saved.err == MR_OK ? engine->load(to_state, &unpack) : saved.err;
    if (err == MR_OK) {
        err = mri_unpack_end(&unpack);
    }
    if (err == MR_OK) {
        err = compare_saved(engine, &saved, to_state);
    }
    mri_buf_fini(&saved);
    return err;
}

static void save_market(const void *state, struct mri_buf *buf)
{
    mri_market_save(state, buf);
}

static mr_err load_market(void *state, struct mri_unpack *unpack)
{
    return mri_market_load(state, unpack);
}

mr_err mri_engine_sample_continue(
    struct mri_engine_sample *fresh, const struct mri_engine_sample *sample)
{
    const struct mri_engine market = {.name = "market", .save = save_market, .load = load_market};
    mri_engine_sample_init(fresh, 0);
    mr_err err = mri_engine_sample_move(&market, &sample->market, &fresh->market);
    for (uint32_t i = MRI_SOURCE_EXTERNAL_FIRST; i < sample->sources.count && err == MR_OK; i++) {
        uint32_t number;
        err = mri_intern_add(&fresh->sources, mri_intern_text(&sample->sources, i), &number);
    }
    for (uint32_t i = 0; i < sample->count && err == MR_OK; i++) {
        err = keep(fresh, &sample->events[i]);
    }
    fresh->next_ordinal = sample->next_ordinal;
    return err;
}
