/* SPDX-License-Identifier: MIT */
/*
 * Line by line: "section:", "  key: value", "  - symbol: value" and "    key: value"; comments and
 * empty lines are skipped.
 */
#include "tests/lib/plain_config.h"

#include <stdlib.h>
#include <string.h>

#include "base/fixed.h"

struct reading {
    struct mri_config *config;
    struct mri_slice section;
    struct mri_instrument_spec spec; /* under construction */
    bool has_spec;
    struct mri_route route; /* likewise */
};

static mr_err finish_spec(struct reading *reading)
{
    bool has_spec = reading->has_spec;
    reading->has_spec = false;
    return has_spec ? mri_config_add_instrument(reading->config, &reading->spec) : MR_OK;
}

static mr_err read_choice(
    const struct mri_setting *setting, struct mri_slice value, int64_t *ret_choice)
{
    for (size_t i = 0; i < setting->choice_count; i++) {
        if (mri_slice_is(value, setting->choices[i].text)) {
            *ret_choice = setting->choices[i].value;
            return MR_OK;
        }
    }
    return MR_REFUSED;
}

static mr_err read_setting(
    const struct reading *reading, struct mri_slice key, struct mri_slice value)
{
    size_t count;
    const struct mri_setting *settings = mri_config_settings(&count);
    for (size_t i = 0; i < count; i++) {
        if (!mri_slice_is(reading->section, settings[i].section) ||
            !mri_slice_is(key, settings[i].key)) {
            continue;
        }
        void *member = (char *)reading->config + settings[i].offset;
        if (settings[i].kind == MRI_SETTING_NUMBER) {
            *(double *)member = strtod(value.bytes, NULL); /* a line end follows */
            return MR_OK;
        }
        return settings[i].kind == MRI_SETTING_INTEGER ? mri_fixed_parse(value, 0, member)
                                                       : read_choice(&settings[i], value, member);
    }
    return MR_REFUSED;
}

static mr_err read_member(struct reading *reading, struct mri_slice key, struct mri_slice value)
{
    const struct mri_instrument_key *keys = mri_config_instrument_keys();
    struct mri_instrument_spec *spec = &reading->spec;
    for (size_t i = 0; i < MRI_INSTRUMENT_KEY_COUNT; i++) {
        char *member = (char *)spec + keys[i].offset;
        if (!mri_slice_is(key, keys[i].key)) {
            continue;
        }
        switch (keys[i].kind) {
        case MRI_INSTRUMENT_KEY_text:
            memcpy(member, value.bytes, value.count);
            return MR_OK;
        case MRI_INSTRUMENT_KEY_decimals:
            *(uint32_t *)member = (uint32_t)strtoul(value.bytes, NULL, 10);
            return MR_OK;
        case MRI_INSTRUMENT_KEY_price:
            return mri_fixed_parse(value, spec->price_decimals, (int64_t *)member);
        case MRI_INSTRUMENT_KEY_quantity:
            return mri_fixed_parse(value, spec->quantity_decimals, (int64_t *)member);
        case MRI_INSTRUMENT_KEY_money:
            return mri_fixed_parse(value, MRI_MONEY_DECIMALS, (int64_t *)member);
        case MRI_INSTRUMENT_KEY_integer:
            return mri_fixed_parse(value, 0, (int64_t *)member);
        }
    }
    return MR_REFUSED;
}

/** "- source: "NAME"" and "route: "TEXT"", with quotes and no escapes. */
static mr_err read_route(struct reading *reading, struct mri_slice key, struct mri_slice value)
{
    struct mri_slice text = {value.bytes + 1, value.count - 2};
    if (mri_slice_is(key, "source")) {
        reading->route = (struct mri_route){.kind = MRI_ROUTE_INTERNAL};
        memcpy(reading->route.source, text.bytes, text.count);
        return MR_OK;
    }
    mr_err err = mri_route_parse(text, &reading->route);
    return err == MR_OK ? mri_config_add_route(reading->config, &reading->route) : err;
}

static mr_err read_line(struct reading *reading, struct mri_slice line)
{
    const char *colon = memchr(line.bytes, ':', line.count);
    const char *start = line.bytes;
    if (line.count == 0 || memchr(line.bytes, '#', line.count) != NULL) {
        return MR_OK;
    }
    if (colon == NULL) {
        return MR_REFUSED;
    }
    while (*start == ' ' || *start == '-') {
        start++;
    }
    struct mri_slice key = {start, (size_t)(colon - start)};
    const char *after = colon + 1 < line.bytes + line.count ? colon + 2 : colon + 1;
    struct mri_slice value = {after, (size_t)(line.bytes + line.count - after)};
    bool is_new_spec = line.count > 4 && memcmp(line.bytes, "  - ", 4) == 0;
    if (start == line.bytes) {
        reading->section = key;
        return MR_OK;
    }
    if (mri_slice_is(reading->section, "routes")) {
        return read_route(reading, key, value);
    }
    if (is_new_spec) {
        mr_err err = finish_spec(reading);
        if (err != MR_OK) {
            return err;
        }
        reading->spec = (struct mri_instrument_spec){0};
        reading->has_spec = true;
    }
    return reading->has_spec ? read_member(reading, key, value) : read_setting(reading, key, value);
}

mr_err mri_plain_config(
    struct mri_slice text, const struct mri_alloc *alloc, struct mri_config *ret_config)
{
    struct reading reading = {.config = ret_config};
    mr_err err = MR_OK;
    const char *end = text.bytes + text.count;
    mri_config_init(ret_config, alloc);
    for (const char *at = text.bytes; at < end && err == MR_OK;) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        stop = stop == NULL ? end : stop;
        err = read_line(&reading, (struct mri_slice){at, (size_t)(stop - at)});
        at = stop + 1;
    }
    if (err == MR_OK) {
        err = finish_spec(&reading);
    }
    if (err != MR_OK) {
        mri_config_fini(ret_config);
    }
    return err;
}
