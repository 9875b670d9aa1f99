/* SPDX-License-Identifier: MIT */
/*
 * Parsing of the command line.
 */
#include "cli/options.h"

#include <string.h>

#include "base/check.h"
#include "base/fixed.h"
#include "base/problem.h"
#include "base/text.h"

enum { SHOWN_BYTES_MAX = 60 };

static size_t find(const struct mri_option *known, size_t count, struct mri_slice name)
{
    size_t i = 0;
    while (i < count && !mri_slice_is(name, known[i].name)) {
        i++;
    }
    return i;
}

/** No option has one in its name: a text that has one behind its dashes is none. */
static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/** The first line of a word, not too long for a problem that says more behind it. */
static int shown_bytes(struct mri_slice name)
{
    int bytes = 0;
    while ((size_t)bytes < name.count && bytes < SHOWN_BYTES_MAX && name.bytes[bytes] != '\n') {
        bytes++;
    }
    return bytes;
}

static mr_err refuse_unknown(
    const struct mri_option *known, size_t count, struct mri_slice name, mr_problem *problem)
{
    size_t word = 0;
    while (word < name.count && !is_blank(name.bytes[word])) {
        word++;
    }
    if (word < name.count) { /* a text of several words */
        return mri_problem(problem, MR_REFUSED,
            "unknown option --%.*s; a text that begins with -- stands behind -- itself",
            shown_bytes(name), name.bytes);
    }
    const char *names[MRI_OPTIONS_MAX + 1];
    for (size_t i = 0; i < count; i++) {
        names[i] = known[i].name;
    }
    names[count] = "help";
    const char *near = mri_text_nearest(name, names, count + 1);
    if (near == NULL) {
        return mri_problem(
            problem, MR_REFUSED, "unknown option --%.*s", (int)name.count, name.bytes);
    }
    return mri_problem(problem, MR_REFUSED, "unknown option --%.*s (did you mean --%s?)",
        (int)name.count, name.bytes, near);
}

/** Take one option word, and its value from the next word if it is not joined by '='. */
static mr_err take_option(struct mri_options *options, const char *word, const char *next,
    bool *ret_is_next_taken, mr_problem *problem)
{
    const char *equals = strchr(word, '=');
    struct mri_slice name = {word, equals != NULL ? (size_t)(equals - word) : strlen(word)};
    size_t at = find(options->known, options->known_count, name);
    *ret_is_next_taken = false;
    if (mri_slice_is(name, "help") && equals == NULL) {
        options->is_help = true;
        return MR_OK;
    }
    if (at == options->known_count) {
        return refuse_unknown(options->known, options->known_count, name, problem);
    }
    const struct mri_option *option = &options->known[at];
    if (options->values[at] != NULL) {
        return mri_problem(problem, MR_REFUSED, "option --%s is given twice", option->name);
    }
    if (option->value == NULL) {
        options->values[at] = "";
        return equals == NULL
                   ? MR_OK
                   : mri_problem(problem, MR_REFUSED, "option --%s takes no value", option->name);
    }
    if (equals == NULL && next == NULL) {
        return mri_problem(
            problem, MR_REFUSED, "option --%s needs a value: %s", option->name, option->value);
    }
    if (equals == NULL && strncmp(next, "--", 2) == 0) { /* a forgotten value, not a value */
        return mri_problem(problem, MR_REFUSED, "option --%s needs a value: %s, found %s",
            option->name, option->value, next);
    }
    options->values[at] = equals != NULL ? equals + 1 : next;
    *ret_is_next_taken = equals == NULL;
    return MR_OK;
}

mr_err mri_options_parse(const struct mri_option *known, size_t known_count, int argc, char **argv,
    struct mri_options *ret_options, mr_problem *reterr_problem)
{
    struct mri_options options = {.known = known, .known_count = known_count};
    bool is_over = false;
    MRI_ASSERT(known_count <= MRI_OPTIONS_MAX);
    for (int i = 0; i < argc; i++) {
        const char *word = argv[i];
        if (!is_over && strcmp(word, "--") == 0) {
            is_over = true;
            continue;
        }
        bool is_option = !is_over && word[0] == '-' && word[1] != '\0' &&
                         !(word[1] == '-' && is_blank(word[2])); /* "-- a comment of SQL" */
        if (is_option && strcmp(word, "-h") == 0) {
            options.is_help = true;
        } else if (is_option && word[1] != '-') {
            return mri_problem(reterr_problem, MR_REFUSED,
                "unknown option %s (options are written with two dashes)", word);
        } else if (is_option) {
            bool is_next_taken;
            mr_err err = take_option(&options, word + 2, i + 1 < argc ? argv[i + 1] : NULL,
                &is_next_taken, reterr_problem);
            if (err != MR_OK) {
                return err;
            }
            i += is_next_taken;
        } else if (options.argument_count == MRI_ARGUMENTS_MAX) {
            return mri_problem(reterr_problem, MR_REFUSED, "unexpected argument \"%s\"", word);
        } else {
            options.arguments[options.argument_count++] = word;
        }
    }
    *ret_options = options;
    return MR_OK;
}

const char *mri_options_get(const struct mri_options *options, const char *name)
{
    size_t at = find(options->known, options->known_count, mri_slice_of(name));
    MRI_ASSERT(at < options->known_count); /* a command asks only for options it declares */
    return options->values[at];
}

mr_err mri_options_number(const struct mri_options *options, const char *name, uint64_t low,
    uint64_t high, uint64_t *ret_number, mr_problem *reterr_problem)
{
    const char *text = mri_options_get(options, name);
    int64_t number;
    if (text == NULL) {
        return MR_NOT_FOUND;
    }
    mr_err err = mri_fixed_parse_count(mri_slice_of(text), &number);
    if (err != MR_OK || (uint64_t)number < low || (uint64_t)number > high) {
        return mri_problem(reterr_problem, MR_REFUSED,
            "--%s: expected a whole number from %llu to %llu, found \"%s\"", name,
            (unsigned long long)low, (unsigned long long)high, text);
    }
    *ret_number = (uint64_t)number;
    return MR_OK;
}
