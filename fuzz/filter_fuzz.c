/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes the language of questions about signals. Whatever the text is: it is refused with its
 * place, or what it says of every match is true of every signal that matches.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/check.h"
#include "bus/filter.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

enum { SIGNALS = 32 };

static mr_err find(
    const void *context, enum mri_name_kind kind, struct mri_slice name, uint32_t *ret_number)
{
    (void)context;
    (void)kind;
    *ret_number = name.count > 0 ? (uint32_t)(name.bytes[0] % 4) : 0;
    return name.count > 0 ? MR_OK : MR_NOT_FOUND;
}

static const char *text_of(const void *context, enum mri_name_kind kind, uint32_t number)
{
    static const char *const names[] = {"alpha", "", "beta"};
    (void)context;
    (void)kind;
    return number < MRI_COUNT_OF(names) ? names[number] : NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    static struct mri_filter filter;
    static const struct mri_filter_names names = {
        .find = find, .text = text_of, .now_unix_ns = 1000000000000};
    const struct mri_slice text = {(const char *)bytes, count};
    struct mri_filter_fault fault = {0};
    mr_problem problem = {""};
    mr_err err = mri_filter_parse(text, &names, &filter, &fault, &problem);
    if (err != MR_OK) {
        bool is_placed = err == MR_ELIMIT || (fault.character > 0 && fault.character <= count + 1);
        MRI_ASSERT(fault.offset <= count && is_placed && problem.text[0] != '\0');
        return 0;
    }
    for (uint32_t i = 0; i < SIGNALS; i++) {
        const struct mri_slot slot = {.event_time_unix_ns = (int64_t)i * 60000000000,
            .generated_seq = i,
            .last_seq = 2 * i,
            .symbol = i % 4,
            .source = (uint16_t)(i / 4 % 4),
            .name = (uint16_t)(i / 2 % 4),
            .state = (uint8_t)(i % MR_STATE_COUNT),
            .side = (uint8_t)(1 + i % 2)};
        if (mri_filter_match(&filter, &slot, i)) {
            MRI_ASSERT(filter.symbol == UINT32_MAX || filter.symbol == slot.symbol);
            MRI_ASSERT(filter.source == UINT32_MAX || filter.source == slot.source);
            MRI_ASSERT((filter.states >> slot.state & 1) != 0);
        }
    }
    return 0;
}
