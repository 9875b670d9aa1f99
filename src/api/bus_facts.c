/* SPDX-License-Identifier: MIT */
/*
 * Bringing in quotes, bars and funding.
 *
 * Invariants
 *  1. What a program gives as doubles is exactly a price of the instrument, or refused: nothing is
 *     rounded to another price.
 */
#include <string.h>

#include "api/bus_api.h"
#include "api/fact_batch.h"
#include "base/exact_math.h"
#include "base/fixed.h"
#include "base/problem.h"

static struct mri_slice slice_of(const char *text)
{
    return text == NULL ? (struct mri_slice){0} : mri_slice_of(text);
}

/** A number of a program, and where it goes. */
struct number {
    const char *field;
    double value;
    int64_t *place;
    bool is_quantity;
    bool is_given;
};

/** Say why a number is none: what would be one, and what was found. */
static mr_err refuse_number(const struct mri_instrument_spec *spec, const struct number *number,
    enum mri_reason reason, mr_problem *problem)
{
    unsigned decimals = number->is_quantity ? spec->quantity_decimals : spec->price_decimals;
    char most[MRI_FIXED_TEXT_BYTES];
    if (!mri_is_finite(number->value)) {
        return mri_problem(problem, MR_REFUSED, "%s: expected a finite number, found %f",
            number->field, number->value);
    }
    switch (reason) {
    case MRI_REASON_ROW_NOT_POSITIVE:
        return mri_problem(problem, MR_REFUSED, "%s: must %s zero, found %.15g", number->field,
            number->is_quantity ? "not be below" : "be above", number->value);
    case MRI_REASON_ROW_OFF_TICK:
        return mri_problem(problem, MR_REFUSED,
            "%s: expected a number of up to %u decimals, as %s has them, found %.15g",
            number->field, decimals, spec->symbol, number->value);
    default:
        return mri_problem(problem, MR_REFUSED, "%s: expected a number up to %s, found %.15g",
            number->field, mri_fixed_format(INT64_MAX, decimals, most), number->value);
    }
}

static mr_err read_numbers(const struct mri_instrument_spec *spec, const struct number *numbers,
    size_t count, mr_problem *problem)
{
    for (size_t i = 0; i < count; i++) {
        const struct number *number = &numbers[i];
        if (!number->is_given) {
            continue;
        }
        enum mri_reason reason = number->is_quantity
                                     ? mri_fact_desk_quantity(spec, number->value, number->place)
                                     : mri_fact_desk_price(spec, number->value, number->place);
        if (reason != MRI_REASON_NONE) {
            return refuse_number(spec, number, reason, problem);
        }
    }
    return MR_OK;
}

static mr_err read_symbol(const struct mr_bus *bus, const char *name, struct mri_fact_input *input,
    const struct mri_instrument_spec **ret_spec, mr_problem *problem)
{
    const struct mri_instruments *instruments = mri_fact_batch_instruments(bus);
    mr_err err = mri_signal_input_symbol(instruments, slice_of(name), &input->symbol, problem);
    if (err != MR_OK) {
        return err;
    }
    *ret_spec = mri_instruments_get(instruments, input->symbol);
    return mri_fact_desk_symbol(*ret_spec, input->type, problem);
}

static mr_err read_quote(
    const struct mr_bus *bus, const void *given, struct mri_fact_input *input, mr_problem *problem)
{
    const mr_quote *quote = given;
    const struct mri_instrument_spec *spec;
    *input = (struct mri_fact_input){.type = MRI_EVENT_QUOTE,
        .source = slice_of(quote->source),
        .time_unix_ns = quote->time_unix_ns};
    input->quote.has_bid_quantity = quote->has_bid_quantity;
    input->quote.has_ask_quantity = quote->has_ask_quantity;
    const struct number numbers[] = {
        {"bid", quote->bid, &input->quote.bid, false, true},
        {"ask", quote->ask, &input->quote.ask, false, true},
        {"bid_quantity", quote->bid_quantity, &input->quote.bid_quantity, true,
            quote->has_bid_quantity},
        {"ask_quantity", quote->ask_quantity, &input->quote.ask_quantity, true,
            quote->has_ask_quantity},
    };
    mr_err err = read_symbol(bus, quote->symbol, input, &spec, problem);
    return err == MR_OK ? read_numbers(spec, numbers, MRI_COUNT_OF(numbers), problem) : err;
}

static mr_err read_candle(
    const struct mr_bus *bus, const void *given, struct mri_fact_input *input, mr_problem *problem)
{
    const mr_candle *candle = given;
    const struct mri_instrument_spec *spec;
    *input = (struct mri_fact_input){
        .type = MRI_EVENT_CANDLE, .time_unix_ns = candle->close_time_unix_ns};
    input->candle.volume = candle->volume;
    const struct number numbers[] = {
        {"open", candle->open, &input->candle.open, false, true},
        {"high", candle->high, &input->candle.high, false, true},
        {"low", candle->low, &input->candle.low, false, true},
        {"close", candle->close, &input->candle.close, false, true},
    };
    mr_err err = read_symbol(bus, candle->symbol, input, &spec, problem);
    return err == MR_OK ? read_numbers(spec, numbers, MRI_COUNT_OF(numbers), problem) : err;
}

static mr_err read_funding(
    const struct mr_bus *bus, const void *given, struct mri_fact_input *input, mr_problem *problem)
{
    const mr_funding *funding = given;
    const struct mri_instrument_spec *spec;
    *input = (struct mri_fact_input){.type = MRI_EVENT_FUNDING,
        .source = slice_of(funding->source),
        .time_unix_ns = funding->time_unix_ns};
    input->funding.rate = funding->rate;
    input->funding.interval_ns = funding->interval_ns;
    input->funding.next_time_unix_ns = funding->next_time_unix_ns;
    return read_symbol(bus, funding->symbol, input, &spec, problem);
}

/** A kind of fact: its struct, and how it is read. */
struct kind {
    const char *name;
    size_t bytes;
    mr_err (*read)(const struct mr_bus *bus, const void *given, struct mri_fact_input *input,
        mr_problem *problem);
};

static mr_err tell_which(const struct kind *kind, mr_err err, const mr_problem *why, size_t index,
    size_t count, mr_problem *problem)
{
    const char *text = why->text[0] != '\0' ? why->text : mr_err_text(err);
    return count == 1 || err != MR_REFUSED
               ? mri_problem(problem, err, "%s", text)
               : mri_problem(problem, err, "%s %zu of %zu: %s", kind->name, index + 1, count, text);
}

/** What a program gives. */
struct given {
    const struct kind *kind;
    const void *facts;
    size_t count;
    mr_durability durability;
};

static mr_err take(
    struct mr_bus *bus, const struct given *given, size_t *ret_repeated, mr_problem *reterr_problem)
{
    const struct kind *kind = given->kind;
    size_t count = given->count;
    mr_problem why = {""};
    struct mri_facts_answer answer = {0};
    bool is_of_one = true; /* one of them is refused, and not all by the clock */
    void *block;
    if (bus == NULL || given->facts == NULL || count == 0 || count > MR_BUS_FACTS_MAX) {
        return mri_problem(
            reterr_problem, MR_EINVAL, "expected 1 to %d of %s", MR_BUS_FACTS_MAX, kind->name);
    }
    MRI_ASSERT(bus->magic == MRI_BUS_API_MAGIC);
    mr_err err = mri_fact_batch_begin(bus, &why);
    if (err != MR_OK) {
        return tell_which(kind, err, &why, 0, 1, reterr_problem);
    }
    err = mri_alloc_array(bus->alloc, count, sizeof(struct mri_fact_input), &block);
    if (err != MR_OK) {
        return mri_problem(reterr_problem, err, "%s", mr_err_text(err));
    }
    struct mri_fact_input *inputs = block;
    for (size_t i = 0; i < count && err == MR_OK; i++) {
        err = kind->read(bus, (const char *)given->facts + i * kind->bytes, &inputs[i], &why);
        answer.index = i;
    }
    if (err == MR_OK) {
        err = mri_fact_batch_append(bus, inputs, count, given->durability, &answer, &why);
        is_of_one = err != MR_REFUSED || answer.reason != MRI_REASON_NONE;
    }
    mri_alloc_free(bus->alloc, inputs, count * sizeof(*inputs));
    if (ret_repeated != NULL && (err == MR_OK || err == MR_EUNKNOWN)) {
        *ret_repeated = answer.repeated;
    }
    return err == MR_OK
               ? MR_OK
               : tell_which(kind, err, &why, answer.index, is_of_one ? count : 1, reterr_problem);
}

mr_err mr_bus_quote(mr_bus *bus, const mr_quote *quotes, size_t count, mr_durability durability,
    size_t *ret_repeated, mr_problem *reterr_problem)
{
    static const struct kind kind = {"quote", sizeof(mr_quote), read_quote};
    const struct given given = {&kind, quotes, count, durability};
    return take(bus, &given, ret_repeated, reterr_problem);
}

mr_err mr_bus_candle(mr_bus *bus, const mr_candle *candles, size_t count, mr_durability durability,
    size_t *ret_repeated, mr_problem *reterr_problem)
{
    static const struct kind kind = {"candle", sizeof(mr_candle), read_candle};
    const struct given given = {&kind, candles, count, durability};
    return take(bus, &given, ret_repeated, reterr_problem);
}

mr_err mr_bus_funding(mr_bus *bus, const mr_funding *fundings, size_t count,
    mr_durability durability, size_t *ret_repeated, mr_problem *reterr_problem)
{
    static const struct kind kind = {"funding", sizeof(mr_funding), read_funding};
    const struct given given = {&kind, fundings, count, durability};
    return take(bus, &given, ret_repeated, reterr_problem);
}
