/* SPDX-License-Identifier: MIT */
/*
 * Reading a configuration.
 *
 *   map of sections > map of keys > scalar
 *   routes          > list        > map of keys > scalar     (route_list.c)
 *   instruments     > list        > map of keys > scalar     (instrument_list.c)
 *   spellings       > list        > map of keys > scalar     (spelling_list.c)
 *
 * Invariants
 *  1. What keys there are is asked from the tables; no key is named here but `instruments`,
 *     `routes` and `spellings`.
 *  2. A text with a problem gives no configuration.
 *  3. Checks across the whole text (missing keys, mri_config_check()) run only when all of it could
 *     be read.
 *  4. A file of a user is complete. A logged text may be older than a setting: what it lacks has
 * the default, which is what the version that wrote it did.
 *
 * Not here: libyaml (reading.c), the form of numbers (scalar.c).
 */
#include "conf/yaml.h"

#include "base/problem.h"
#include "base/text.h"
#include "conf/instrument_list.h"
#include "conf/reading.h"
#include "conf/route_list.h"
#include "conf/scalar.h"
#include "conf/spelling_list.h"

static const struct mri_slice no_key = {NULL, 0};

/** A parse under way. */
struct parse {
    struct mri_reading reading;
    struct mri_config *config;
    struct mri_config defaults; /* for the lines that missing keys need */
    const struct mri_setting *settings;
    size_t count;
    struct mri_place sections[MRI_CONFIG_SETTING_COUNT]; /* by the section's first setting */
    bool are_keys_read[MRI_CONFIG_SETTING_COUNT];        /* likewise: it is a map */
    struct mri_place keys[MRI_CONFIG_SETTING_COUNT];
    struct mri_place instruments;
    struct mri_place routes;
    struct mri_place spellings;
    bool has_defaults; /* a setting that is missing has its default */
};

/* ---- finding keys ---------------------------------------------------------------------------- */

/** Behind the last setting of the section that begins with setting `first`. */
static size_t section_end(const struct parse *parse, size_t first)
{
    size_t end = first;
    while (end < parse->count &&
           strcmp(parse->settings[end].section, parse->settings[first].section) == 0) {
        end++;
    }
    return end;
}

/** The first setting of a section, or parse->count. */
static size_t find_section(const struct parse *parse, struct mri_slice name)
{
    size_t first = 0;
    while (first < parse->count && !mri_slice_is(name, parse->settings[first].section)) {
        first = section_end(parse, first);
    }
    return first;
}

/** A setting by its key among [first, end), or end. */
static size_t find_key(const struct parse *parse, struct mri_slice key, size_t first, size_t end)
{
    while (first < end && !mri_slice_is(key, parse->settings[first].key)) {
        first++;
    }
    return first;
}

static void refuse_section(struct parse *parse)
{
    const char *names[MRI_CONFIG_SETTING_COUNT + 3];
    size_t count = 0;
    size_t key = find_key(parse, parse->reading.text, 0, parse->count);
    if (key < parse->count) {
        mri_reading_problem(&parse->reading, parse->reading.place,
            "unknown section; %s is a key of section %s", parse->settings[key].key,
            parse->settings[key].section);
        return;
    }
    for (size_t i = 0; i < parse->count; i = section_end(parse, i)) {
        names[count++] = parse->settings[i].section;
    }
    names[count++] = MRI_ROUTE_LIST_KEY;
    names[count++] = MRI_INSTRUMENT_LIST_KEY;
    names[count++] = MRI_SPELLING_LIST_KEY;
    mri_reading_unknown(&parse->reading, "section", names, count);
}

/** The key exists elsewhere, exactly or, when this section has nothing near, nearly. */
static size_t find_elsewhere(
    const struct parse *parse, const char *const *names, size_t first, size_t end)
{
    struct mri_slice key = parse->reading.text;
    size_t exact = find_key(parse, key, 0, parse->count);
    if (exact < parse->count || mri_text_nearest(key, names + first, end - first) != NULL) {
        return exact;
    }
    return find_key(
        parse, mri_slice_of(mri_text_nearest(key, names, parse->count)), 0, parse->count);
}

static void refuse_key(struct parse *parse, size_t first)
{
    const char *names[MRI_CONFIG_SETTING_COUNT];
    size_t end = section_end(parse, first);
    for (size_t i = 0; i < parse->count; i++) {
        names[i] = parse->settings[i].key;
    }
    size_t elsewhere = find_elsewhere(parse, names, first, end);
    if (elsewhere < parse->count) {
        mri_reading_problem(&parse->reading, parse->reading.place,
            "unknown key; did you mean %s of section %s?", parse->settings[elsewhere].key,
            parse->settings[elsewhere].section);
    } else {
        mri_reading_unknown(&parse->reading, "key", names + first, end - first);
    }
}

/* ---- settings -------------------------------------------------------------------------------- */

/** What a setting may be, in words; valid until the next call. */
static const char *range_of(struct parse *parse, const struct mri_setting *setting)
{
    struct mri_buf *phrase = &parse->reading.phrase;
    mri_buf_clear(phrase);
    mri_config_put_range(setting, phrase);
    return mri_buf_c_text(phrase);
}

static const char *nearest_choice(const struct mri_setting *setting, struct mri_slice text)
{
    const char *names[MRI_CONFIG_SETTING_COUNT];
    size_t count = 0;
    for (size_t i = 0; i < setting->choice_count && count < MRI_COUNT_OF(names); i++) {
        names[count++] = setting->choices[i].text;
    }
    return mri_text_nearest(text, names, count);
}

static void refuse_value(struct parse *parse, const struct mri_setting *setting)
{
    const struct mri_reading *reading = &parse->reading;
    struct mri_found found = mri_reading_found(reading);
    const char *nearest = nearest_choice(setting, reading->text);
    if (nearest == NULL) {
        mri_reading_problem(&parse->reading, reading->place, "expected %s, found %s",
            range_of(parse, setting), found.text);
    } else {
        mri_reading_problem(&parse->reading, reading->place,
            "expected %s, found %s; did you mean %s?", range_of(parse, setting), found.text,
            nearest);
    }
}

static mr_err parse_choice(
    const struct mri_setting *setting, struct mri_slice text, int64_t *ret_value)
{
    for (size_t i = 0; i < setting->choice_count; i++) {
        if (mri_slice_is(text, setting->choices[i].text)) {
            *ret_value = setting->choices[i].value;
            return MR_OK;
        }
    }
    return MR_REFUSED;
}

static bool is_in_range(const struct mri_setting *setting, double number)
{
    return number >= setting->low && number <= setting->high;
}

/** Read the scalar it stands on into the member of a setting. */
static mr_err store(struct parse *parse, const struct mri_setting *setting)
{
    const struct mri_reading *reading = &parse->reading;
    char *member = (char *)parse->config + setting->offset;
    int64_t integer;
    double number;
    mr_err err = MR_REFUSED; /* of a number in quotes, which make it a text */
    if (setting->kind == MRI_SETTING_NUMBER) {
        if (!reading->is_quoted) {
            err = mri_scalar_number(reading->text, &number);
        }
        if (err == MR_OK && !is_in_range(setting, number)) {
            err = MR_ERANGE;
        }
        if (err == MR_OK) {
            memcpy(member, &number, sizeof(number));
        }
        return err;
    }
    if (setting->kind == MRI_SETTING_CHOICE) {
        err = parse_choice(setting, reading->text, &integer);
    } else if (!reading->is_quoted) {
        err = mri_scalar_integer(reading->text, &integer);
        if (err == MR_OK && !is_in_range(setting, (double)integer)) {
            err = MR_ERANGE;
        }
    }
    if (err == MR_OK) {
        memcpy(member, &integer, sizeof(integer));
    }
    return err;
}

static void read_setting(struct parse *parse, const struct mri_setting *setting)
{
    struct mri_reading *reading = &parse->reading;
    if (reading->node != MRI_NODE_SCALAR) {
        (void)mri_reading_expect(reading, MRI_NODE_SCALAR, range_of(parse, setting));
        return;
    }
    mr_err err = store(parse, setting);
    if (err == MR_ENOMEM) {
        reading->err = err;
    } else if (err != MR_OK) {
        refuse_value(parse, setting);
    }
}

/* ---- sections -------------------------------------------------------------------------------- */

/** Read a section. One that comes twice was said already; its keys are then not blamed as well. */
static void read_section(struct parse *parse, size_t first)
{
    struct mri_reading *reading = &parse->reading;
    struct mri_place here[MRI_CONFIG_SETTING_COUNT] = {{0, 0}};
    size_t end = section_end(parse, first);
    if (!mri_reading_expect(reading, MRI_NODE_MAP, "a map of keys")) {
        return;
    }
    parse->are_keys_read[first] = true;
    while (mri_reading_next_key(reading, parse->settings[first].section)) {
        size_t index = find_key(parse, reading->text, first, end);
        bool is_wanted = index < end && !mri_reading_is_again(reading, here[index]);
        if (index == end) {
            refuse_key(parse, first);
        }
        if (is_wanted) {
            here[index] = reading->place;
            parse->keys[index] = reading->place;
        }
        (void)mri_reading_next(reading); /* its value; an end shows in the next turn */
        if (is_wanted) {
            read_setting(parse, &parse->settings[index]);
        } else {
            mri_reading_skip(reading);
        }
    }
}

/** Read the value of the section's key that it stands on. */
static void read_root_key(struct parse *parse)
{
    struct mri_reading *reading = &parse->reading;
    bool is_instruments = mri_slice_is(reading->text, MRI_INSTRUMENT_LIST_KEY);
    bool is_routes = mri_slice_is(reading->text, MRI_ROUTE_LIST_KEY);
    bool is_spellings = mri_slice_is(reading->text, MRI_SPELLING_LIST_KEY);
    size_t first = find_section(parse, reading->text);
    if (!is_instruments && !is_routes && !is_spellings && first == parse->count) {
        refuse_section(parse);
        (void)mri_reading_next(reading); /* its value; an end shows in the next turn */
        mri_reading_skip(reading);
        return;
    }
    struct mri_place *seen = is_instruments ? &parse->instruments
                             : is_routes    ? &parse->routes
                             : is_spellings ? &parse->spellings
                                            : &parse->sections[first];
    if (!mri_reading_is_again(reading, *seen)) {
        *seen = reading->place;
    }
    (void)mri_reading_next(reading); /* as above */
    if (is_instruments) {
        mri_instrument_list_read(reading, parse->config);
    } else if (is_routes) {
        mri_route_list_read(reading, parse->config);
    } else if (is_spellings) {
        mri_spelling_list_read(reading, parse->config);
    } else {
        read_section(parse, first);
    }
}

/* ---- what is missing ------------------------------------------------------------------------- */

/** "KEY: DEFAULT" of the settings [first, end) as the inside of a YAML map. */
static const char *defaults_of(struct parse *parse, size_t first, size_t end)
{
    struct mri_buf *phrase = &parse->reading.phrase;
    mri_buf_clear(phrase);
    for (size_t i = first; i < end; i++) {
        mri_buf_printf(phrase, "%s%s: ", i == first ? "" : ", ", parse->settings[i].key);
        mri_config_put_value(&parse->defaults, &parse->settings[i], phrase);
    }
    return mri_buf_c_text(phrase);
}

static void check_section(struct parse *parse, size_t first, struct mri_place end_of_text)
{
    struct mri_reading *reading = &parse->reading;
    const char *section = parse->settings[first].section;
    size_t end = section_end(parse, first);
    if (parse->sections[first].line == 0) {
        mri_reading_label(reading, section, no_key);
        mri_reading_problem(reading, end_of_text, "missing section; add \"%s: {%s}\"", section,
            defaults_of(parse, first, end));
        return;
    }
    for (size_t i = first; i < end && parse->are_keys_read[first]; i++) {
        if (parse->keys[i].line == 0) {
            mri_reading_label(reading, section, mri_slice_of(parse->settings[i].key));
            mri_reading_problem(reading, parse->sections[first], "missing key; add \"%s\"",
                defaults_of(parse, i, i + 1));
        }
    }
}

static void check_missing(struct parse *parse, struct mri_place end_of_text)
{
    for (size_t i = 0; i < parse->count && !parse->has_defaults; i = section_end(parse, i)) {
        check_section(parse, i, end_of_text);
    }
    if (parse->routes.line == 0 && !parse->has_defaults) {
        mri_reading_label(&parse->reading, MRI_ROUTE_LIST_KEY, no_key);
        mri_reading_problem(&parse->reading, end_of_text,
            "missing section; add \"" MRI_ROUTE_LIST_KEY ": []\", or a list of them");
    }
    if (parse->instruments.line == 0) {
        mri_reading_label(&parse->reading, MRI_INSTRUMENT_LIST_KEY, no_key);
        mri_reading_problem(&parse->reading, end_of_text,
            "missing section; add \"" MRI_INSTRUMENT_LIST_KEY ": []\", or a list of them");
    }
}

/** Where the key stands that a check's text begins with: "log.segment: ...". */
static struct mri_place place_of_check(const struct parse *parse, const mr_problem *checked)
{
    for (size_t i = 0; i < parse->count; i++) {
        size_t section = strlen(parse->settings[i].section);
        size_t key = strlen(parse->settings[i].key);
        if (strncmp(checked->text, parse->settings[i].section, section) == 0 &&
            checked->text[section] == '.' &&
            strncmp(checked->text + section + 1, parse->settings[i].key, key) == 0 &&
            checked->text[section + 1 + key] == ':') {
            return parse->keys[i];
        }
    }
    return (struct mri_place){1, 1};
}

static void check_whole(struct parse *parse)
{
    mr_problem checked;
    if (mri_config_check(parse->config, &checked) != MR_OK) {
        parse->reading.label[0] = '\0';
        mri_reading_problem(&parse->reading, place_of_check(parse, &checked), "%s", checked.text);
    }
}

/* ---- the text -------------------------------------------------------------------------------- */

static void read_text(struct parse *parse)
{
    struct mri_reading *reading = &parse->reading;
    bool is_map = mri_reading_begin(reading) != MRI_NODE_NONE &&
                  mri_reading_expect(reading, MRI_NODE_MAP, "a map of sections");
    while (is_map && mri_reading_next_key(reading, "")) {
        read_root_key(parse);
    }
    struct mri_place end = mri_reading_finish(reading);
    if (is_map && !reading->is_stopped) {
        check_missing(parse, end);
        mri_spelling_list_check(reading, parse->config, parse->spellings);
    }
    if (reading->problem_count == 0 && reading->err == MR_OK) {
        check_whole(parse);
    }
}

static mr_err parse_text(struct parse *parse, struct mri_slice text)
{
    struct mri_reading *reading = &parse->reading;
    if (text.count > MRI_CONFIG_TEXT_BYTES_MAX) {
        mri_reading_problem(reading, (struct mri_place){0, 0}, "expected at most %d bytes",
            MRI_CONFIG_TEXT_BYTES_MAX);
    } else {
        read_text(parse);
    }
    if (reading->err != MR_OK) {
        return reading->err;
    }
    return reading->problem_count == 0 ? MR_OK : MR_REFUSED;
}

/** How a text is read. */
struct kind_of_text {
    const char *name;
    bool has_defaults;
    struct mri_yaml_problems *problems; /* NULL, or where to list them */
};

static mr_err parse_kind(struct mri_slice text, const struct kind_of_text *kind,
    const struct mri_alloc *alloc, struct mri_config *ret_config)
{
    struct mri_config config;
    struct parse parse = {.config = &config, .has_defaults = kind->has_defaults};
    mri_config_init(&config, alloc);
    mri_config_init(&parse.defaults, alloc);
    parse.settings = mri_config_settings(&parse.count);
    mr_err err = mri_reading_init(&parse.reading, text, kind->name, alloc, kind->problems);
    if (err == MR_OK) {
        err = parse_text(&parse, text);
    }
    mri_reading_fini(&parse.reading);
    if (err != MR_OK) {
        mri_config_fini(&config);
        return err;
    }
    *ret_config = config;
    return MR_OK;
}

mr_err mri_yaml_parse(struct mri_slice text, const char *name, const struct mri_alloc *alloc,
    struct mri_config *ret_config, struct mri_yaml_problems *ret_problems)
{
    if (ret_problems != NULL) {
        ret_problems->count = 0;
        ret_problems->left_out = 0;
    }
    const struct kind_of_text kind = {.name = name, .problems = ret_problems};
    return parse_kind(text, &kind, alloc, ret_config);
}

/** The only problem of a file that could not be read. */
static mr_err refuse_file(
    struct mri_yaml_problems *problems, const char *path, mr_err err, const char *what)
{
    if (problems != NULL) {
        problems->count = 1;
        problems->left_out = 0;
        problems->items[0].line = 0;
        problems->items[0].column = 0;
        (void)mri_problem(&problems->items[0].what, err, "%s: %s", path, what);
    }
    return err;
}

mr_err mri_yaml_read_file(const struct mri_os *os, const char *path, struct mri_buf *text,
    struct mri_config *ret_config, struct mri_yaml_problems *ret_problems)
{
    size_t count;
    mri_buf_clear(text);
    void *bytes = mri_buf_grow(text, MRI_CONFIG_TEXT_BYTES_MAX);
    mri_buf_clear(text);
    if (bytes == NULL) {
        return refuse_file(ret_problems, path, MR_ENOMEM, mr_err_text(MR_ENOMEM));
    }
    mr_err err = mri_os_read_named_file(os, path, bytes, MRI_CONFIG_TEXT_BYTES_MAX, &count);
    if (err == MR_OK) {
        text->count = count;
        err = mri_yaml_parse(
            (struct mri_slice){bytes, count}, path, text->alloc, ret_config, ret_problems);
    } else if (err == MR_ERANGE) {
        err = refuse_file(ret_problems, path, MR_REFUSED, "longer than a configuration may be");
    } else {
        err = refuse_file(ret_problems, path, err, mr_err_text(err));
    }
    return err;
}

mr_err mri_yaml_config(
    struct mri_slice text, const struct mri_alloc *alloc, struct mri_config *ret_config)
{
    const struct kind_of_text kind = {.name = "config", .has_defaults = true};
    return parse_kind(text, &kind, alloc, ret_config);
}
