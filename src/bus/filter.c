/* SPDX-License-Identifier: MIT */
/*
 * Reading the language of questions: one function for each rule of its grammar, which leaves steps
 * for a stack behind. filter_match.c goes through them.
 *
 * Invariants
 *  1. The steps leave one result on the stack, which never holds more than MRI_FILTER_DEPTH_MAX
 * + 2.
 *  2. What a rule says that every match has (struct known) is true of every match: it may say less.
 */
#include "bus/filter.h"

#include <stdio.h>
#include <string.h>

#include "base/ident.h"
#include "base/problem.h"
#include "base/text.h"
#include "base/utc.h"
#include "bus/filter_step.h"
#include "bus/lifecycle.h"

#define ALL_STATES ((1U << MR_STATE_COUNT) - 1)

enum field_kind { KIND_WORD, KIND_NAME, KIND_NUMBER, KIND_TIME, KIND_AGE, KIND_ID };

#define TEXT_OF(id, text, kind) text,
static const char *const field_texts[MRI_FILTER_FIELD_COUNT] = {MRI_FILTER_FIELD_MAP(TEXT_OF)};
#undef TEXT_OF

#define KIND_OF(id, text, kind) kind,
static const enum field_kind field_kinds[MRI_FILTER_FIELD_COUNT] = {MRI_FILTER_FIELD_MAP(KIND_OF)};
#undef KIND_OF

static const char *const operator_texts[] = {"=", "!=", "<", "<=", ">", ">=", "in", "not in"};

/* ---- words ----------------------------------------------------------------------------------- */

enum token_kind { TOKEN_END, TOKEN_WORD, TOKEN_TEXT, TOKEN_SIGN };

enum { TOKEN_BYTES_MAX = 256, FOUND_BYTES_MAX = 60 };

struct token {
    enum token_kind kind;
    size_t offset;
    size_t end;
    struct mri_slice text;          /**< of a word or a sign, in the question */
    char unquoted[TOKEN_BYTES_MAX]; /**< of a text */
    size_t unquoted_count;
};

/** What every match has, as far as a rule says. */
struct known {
    uint32_t symbol;
    uint32_t source;
    uint32_t name;
    uint32_t gate;
    uint32_t states;
    bool is_all; /**< and what has that, whatever its ordinal and seq, matches */
    struct mri_filter_range ordinals;
    struct mri_filter_range seqs;
};

struct parser {
    struct mri_slice text;
    const struct mri_filter_names *names;
    struct mri_filter *filter;
    mr_problem *problem;
    struct token token; /**< the next one */
    size_t fault_offset;
    unsigned depth;
};

static mr_err fail_at(struct parser *parser, size_t offset, mr_err err)
{
    parser->fault_offset = offset;
    return err;
}

/** How much of a token is shown: no part of a character. */
static int shown_bytes(const char *found, size_t count)
{
    if (count > FOUND_BYTES_MAX) {
        count = FOUND_BYTES_MAX;
        while (count > 0 && ((unsigned char)found[count] & 0xc0) == 0x80) {
            count--;
        }
    }
    return (int)count;
}

/** "expected X, found Y", at the next token. */
static mr_err expected(struct parser *parser, const char *what)
{
    const struct token *token = &parser->token;
    if (token->kind == TOKEN_END) {
        (void)mri_problem(parser->problem, MR_REFUSED, "expected %s, found the end", what);
    } else {
        const char *found = parser->text.bytes + token->offset;
        (void)mri_problem(parser->problem, MR_REFUSED, "expected %s, found %.*s", what,
            shown_bytes(found, token->end - token->offset), found);
    }
    return fail_at(parser, token->offset, MR_REFUSED);
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_sign(char c)
{
    return c == '(' || c == ')' || c == ',' || c == '=' || c == '!' || c == '<' || c == '>';
}

static bool is_quote(char c)
{
    return c == '"' || c == '\'';
}

static mr_err read_text(struct parser *parser, struct token *token)
{
    const struct mri_slice text = parser->text;
    char quote = text.bytes[token->offset];
    size_t at = token->offset + 1;
    token->kind = TOKEN_TEXT;
    while (at < text.count && text.bytes[at] != quote) {
        at += text.bytes[at] == '\\';
        if (at >= text.count) {
            break;
        }
        if (token->unquoted_count == sizeof(token->unquoted)) {
            (void)mri_problem(parser->problem, MR_ELIMIT, "a text longer than %u bytes",
                (unsigned)TOKEN_BYTES_MAX);
            return fail_at(parser, token->offset, MR_ELIMIT);
        }
        token->unquoted[token->unquoted_count++] = text.bytes[at++];
    }
    if (at >= text.count) {
        (void)mri_problem(
            parser->problem, MR_REFUSED, "a text that does not end: %c is missing", quote);
        return fail_at(parser, token->offset, MR_REFUSED);
    }
    token->end = at + 1;
    token->text = (struct mri_slice){token->unquoted, token->unquoted_count};
    return MR_OK;
}

static mr_err next(struct parser *parser)
{
    const struct mri_slice text = parser->text;
    struct token *token = &parser->token;
    size_t at = token->end;
    while (at < text.count && is_space(text.bytes[at])) {
        at++;
    }
    token->kind = TOKEN_END;
    token->offset = token->end = at;
    token->unquoted_count = 0;
    if (at == text.count) {
        token->text = (struct mri_slice){text.bytes + at, 0};
        return MR_OK;
    }
    char c = text.bytes[at];
    if (is_quote(c)) {
        return read_text(parser, token);
    }
    if (is_sign(c)) {
        bool is_two =
            (c == '!' || c == '<' || c == '>') && at + 1 < text.count && text.bytes[at + 1] == '=';
        token->kind = TOKEN_SIGN;
        token->end = at + (is_two ? 2 : 1);
    } else {
        while (at < text.count && !is_space(text.bytes[at]) && !is_sign(text.bytes[at]) &&
               !is_quote(text.bytes[at])) {
            at++;
        }
        token->kind = TOKEN_WORD;
        token->end = at;
    }
    token->text = (struct mri_slice){text.bytes + token->offset, token->end - token->offset};
    return MR_OK;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_same_word(struct mri_slice text, const char *word)
{
    size_t count = strlen(word);
    bool is_same = text.count == count;
    for (size_t i = 0; is_same && i < count; i++) {
        is_same = lower(text.bytes[i]) == word[i];
    }
    return is_same;
}

/** Is a word of the language next? */
static bool is_next(const struct parser *parser, const char *word)
{
    return parser->token.kind == TOKEN_WORD && is_same_word(parser->token.text, word);
}

static bool is_next_sign(const struct parser *parser, const char *sign)
{
    return parser->token.kind == TOKEN_SIGN && mri_slice_is(parser->token.text, sign);
}

/* ---- steps ----------------------------------------------------------------------------------- */

static mr_err add_node(struct parser *parser, size_t offset, const struct mri_filter_node *node)
{
    struct mri_filter *filter = parser->filter;
    if (filter->node_count == MRI_FILTER_NODES_MAX) {
        (void)mri_problem(parser->problem, MR_ELIMIT, "more than %u comparisons and operators",
            (unsigned)MRI_FILTER_NODES_MAX);
        return fail_at(parser, offset, MR_ELIMIT);
    }
    filter->nodes[filter->node_count++] = *node;
    return MR_OK;
}

static mr_err add_value(struct parser *parser, int64_t value)
{
    struct mri_filter *filter = parser->filter;
    if (filter->value_count == MRI_FILTER_VALUES_MAX) {
        (void)mri_problem(
            parser->problem, MR_ELIMIT, "more than %u values", (unsigned)MRI_FILTER_VALUES_MAX);
        return fail_at(parser, parser->token.offset, MR_ELIMIT);
    }
    filter->values[filter->value_count++] = value;
    return MR_OK;
}

/* ---- values ---------------------------------------------------------------------------------- */

static mr_err expected_around(
    struct parser *parser, const char *before, const char *what, const char *after)
{
    char text[160];
    (void)snprintf(text, sizeof(text), "%s%s%s", before, what, after);
    return expected(parser, text);
}

/** Put all words behind a text: there are few. */
static void list_words(const struct mri_vocabulary *words, char *text, size_t bytes)
{
    size_t count = strlen(text);
    for (size_t i = 0; i < words->text_count && count < bytes; i++) {
        const char *before = i == 0 ? " (" : i + 1 < words->text_count ? ", " : " or ";
        int put = snprintf(text + count, bytes - count, "%s%s%s", before, words->texts[i],
            i + 1 < words->text_count ? "" : ")");
        count += put > 0 ? (size_t)put : 0;
    }
}

static mr_err read_word(struct parser *parser, enum mri_filter_field field, int64_t *ret_value)
{
    static const enum mri_vocabulary_id ids[MRI_FILTER_FIELD_COUNT] = {
        [MRI_FILTER_FIELD_STATE] = MRI_VOCABULARY_state,
        [MRI_FILTER_FIELD_ENDED] = MRI_VOCABULARY_state,
        [MRI_FILTER_FIELD_SIDE] = MRI_VOCABULARY_side,
        [MRI_FILTER_FIELD_GATE] = MRI_VOCABULARY_gate,
        [MRI_FILTER_FIELD_REASON] = MRI_VOCABULARY_reason,
    };
    unsigned value = 0;
    mr_side side;
    if (field == MRI_FILTER_FIELD_SIDE && mri_side_parse(parser->token.text, &side) == MR_OK) {
        *ret_value = side;
        return MR_OK;
    }
    if (field == MRI_FILTER_FIELD_ENDED &&
        mri_word_parse(ids[field], parser->token.text, &value) == MR_OK &&
        !mri_lifecycle_allows((mr_state)value, MR_LEARNED)) { /* it would match nothing */
        return expected(parser, "a state that a signal ends in (executed, blocked, expired)");
    }
    if (mri_word_parse(ids[field], parser->token.text, &value) != MR_OK) {
        const struct mri_vocabulary *words = mri_vocabulary(ids[field]);
        const char *near = mri_text_nearest(parser->token.text, words->texts, words->text_count);
        char what[160];
        (void)snprintf(
            what, sizeof(what), near == NULL ? "a %s" : "a %s (%s?)", field_texts[field], near);
        if (near == NULL && ids[field] == MRI_VOCABULARY_state) {
            list_words(words, what, sizeof(what));
        }
        return expected(parser, what);
    }
    *ret_value = value;
    return MR_OK;
}

static mr_err read_name(struct parser *parser, enum mri_filter_field field, int64_t *ret_value)
{
    const struct mri_filter_names *names = parser->names;
    const struct mri_slice text = parser->token.text;
    char what[MRI_EXPECTED_NAME_BYTES];
    uint32_t number = 0;
    enum mri_name_kind kind = field == MRI_FILTER_FIELD_SYMBOL   ? MRI_NAME_SYMBOL
                              : field == MRI_FILTER_FIELD_SOURCE ? MRI_NAME_SOURCE
                                                                 : MRI_NAME_NAME;
    if (names->find(names->context, kind, text, &number) != MR_OK) {
        return expected(parser, mri_filter_names_expected(names, kind, text, what));
    }
    *ret_value = number;
    return MR_OK;
}

static mr_err read_number(struct parser *parser, int64_t *ret_value)
{
    const struct mri_slice text = parser->token.text;
    int64_t value = 0;
    bool is_good = parser->token.kind == TOKEN_WORD && text.count > 0 && text.count <= 18;
    for (size_t i = 0; is_good && i < text.count; i++) {
        is_good = text.bytes[i] >= '0' && text.bytes[i] <= '9';
        value = value * 10 + (text.bytes[i] - '0');
    }
    *ret_value = value;
    return is_good ? MR_OK : expected(parser, "a whole number");
}

static mr_err read_id(struct parser *parser, int64_t *ret_value)
{
    struct mri_ident ident;
    if (mri_ident_parse(parser->token.text, &ident) != MR_OK) {
        return expected(parser, "the id of a signal");
    }
    *ret_value = (int64_t)ident.ordinal.n;
    return MR_OK;
}

/** Take the next token as a value of a field. */
static mr_err take_value(struct parser *parser, enum mri_filter_field field)
{
    int64_t value = 0;
    mr_err err = MR_OK;
    if (parser->token.kind != TOKEN_WORD && parser->token.kind != TOKEN_TEXT) {
        return expected_around(parser, "a value for ", field_texts[field], "");
    }
    switch (field_kinds[field]) {
    case KIND_WORD:
        err = read_word(parser, field, &value);
        break;
    case KIND_NAME:
        err = read_name(parser, field, &value);
        break;
    case KIND_NUMBER:
        err = read_number(parser, &value);
        break;
    case KIND_TIME:
        err = mri_utc_parse(parser->token.text, &value) == MR_OK
                  ? MR_OK
                  : expected(parser, "a time of 1970 to 2200 (2025-05-04T15:34Z)");
        break;
    case KIND_AGE: /* kept as the time that is so old */
        err = mri_utc_parse_duration(parser->token.text, &value) == MR_OK
                  ? MR_OK
                  : expected(parser, "an age (90s, 2h, 7d)");
        value = parser->names->now_unix_ns - value;
        break;
    case KIND_ID:
        err = read_id(parser, &value);
        break;
    }
    if (err == MR_OK) {
        err = add_value(parser, value);
    }
    return err == MR_OK ? next(parser) : err;
}

static mr_err take_list(struct parser *parser, enum mri_filter_field field)
{
    if (!is_next_sign(parser, "(")) {
        return expected(parser, "(");
    }
    mr_err err = next(parser);
    for (bool is_first = true; err == MR_OK && (is_first || is_next_sign(parser, ","));
         is_first = false) {
        err = is_first ? MR_OK : next(parser);
        err = err == MR_OK ? take_value(parser, field) : err;
    }
    if (err == MR_OK && !is_next_sign(parser, ")")) {
        return expected(parser, ", or )");
    }
    return err == MR_OK ? next(parser) : err;
}

/* ---- comparisons ----------------------------------------------------------------------------- */

static mr_err take_field(struct parser *parser, enum mri_filter_field *ret_field)
{
    for (unsigned i = 0; parser->token.kind == TOKEN_WORD && i < MRI_FILTER_FIELD_COUNT; i++) {
        if (is_same_word(parser->token.text, field_texts[i])) {
            *ret_field = (enum mri_filter_field)i;
            return next(parser);
        }
    }
    const char *near = parser->token.kind == TOKEN_WORD ? mri_text_nearest(parser->token.text,
                                                              field_texts, MRI_FILTER_FIELD_COUNT)
                                                        : NULL;
    return near == NULL
               ? expected(parser,
                     "a field (state, symbol, side, source, name, gate, reason, ended, time, "
                     "age, ordinal, seq, last_seq, id), \"not\" or (")
               : expected_around(parser, "a field (", near, "?)");
}

static mr_err take_operator(
    struct parser *parser, enum mri_filter_field field, enum mri_filter_op *ret_operator)
{
    bool is_ordered = field_kinds[field] == KIND_NUMBER || field_kinds[field] == KIND_TIME ||
                      field_kinds[field] == KIND_AGE;
    const char *what = is_ordered ? "= != < <= > >= or \"in\"" : "=, != or \"in\"";
    for (unsigned i = 0; i <= MRI_FILTER_OP_AT_LEAST && parser->token.kind == TOKEN_SIGN; i++) {
        if (mri_slice_is(parser->token.text, operator_texts[i]) &&
            (is_ordered || i <= MRI_FILTER_OP_OTHER)) {
            *ret_operator = (enum mri_filter_op)i;
            return next(parser);
        }
    }
    *ret_operator = MRI_FILTER_OP_IN;
    if (is_next(parser, "not")) {
        mr_err err = next(parser);
        *ret_operator = MRI_FILTER_OP_NOT_IN;
        if (err != MR_OK || !is_next(parser, "in")) {
            return err != MR_OK ? err : expected(parser, "\"in\"");
        }
    }
    return is_next(parser, "in") ? next(parser) : expected(parser, what);
}

/** An older signal has a smaller time and a greater age. */
static enum mri_filter_op turned(enum mri_filter_op operator)
{
    static const enum mri_filter_op others[] = {MRI_FILTER_OP_EQUAL, MRI_FILTER_OP_OTHER,
        MRI_FILTER_OP_MORE, MRI_FILTER_OP_AT_LEAST, MRI_FILTER_OP_LESS, MRI_FILTER_OP_AT_MOST,
        MRI_FILTER_OP_IN, MRI_FILTER_OP_NOT_IN};
    return others[operator];
}

static const struct known nothing_known = {UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX,
    ALL_STATES, false, {INT64_MIN, INT64_MAX}, {INT64_MIN, INT64_MAX}};

/** The number that a field has to have, if what is known can say so. */
static uint32_t *number_known(struct known *known, unsigned field)
{
    return field == MRI_FILTER_FIELD_SYMBOL   ? &known->symbol
           : field == MRI_FILTER_FIELD_SOURCE ? &known->source
           : field == MRI_FILTER_FIELD_NAME   ? &known->name
           : field == MRI_FILTER_FIELD_GATE   ? &known->gate
                                              : NULL;
}

/** The numbers that a comparison allows. Values are whole numbers of at most 18 digits. */
static struct mri_filter_range range_of(
    const struct mri_filter *filter, const struct mri_filter_node *node)
{
    struct mri_filter_range range = {INT64_MIN, INT64_MAX};
    const int64_t *values = filter->values + node->first;
    switch ((enum mri_filter_op)node->operator) {
    case MRI_FILTER_OP_EQUAL:
    case MRI_FILTER_OP_IN:
        range = (struct mri_filter_range){values[0], values[0]};
        for (unsigned i = 1; i < node->count; i++) {
            range.low = values[i] < range.low ? values[i] : range.low;
            range.high = values[i] > range.high ? values[i] : range.high;
        }
        break;
    case MRI_FILTER_OP_LESS:
        range.high = values[0] - 1;
        break;
    case MRI_FILTER_OP_AT_MOST:
        range.high = values[0];
        break;
    case MRI_FILTER_OP_MORE:
        range.low = values[0] + 1;
        break;
    case MRI_FILTER_OP_AT_LEAST:
        range.low = values[0];
        break;
    default: /* all but some: any */
        break;
    }
    return range;
}

static struct known known_of(const struct mri_filter *filter, const struct mri_filter_node *node)
{
    struct known known = nothing_known;
    uint32_t states = 0;
    bool is_one_of = node->operator== MRI_FILTER_OP_EQUAL || node->operator== MRI_FILTER_OP_IN;
    for (unsigned i = 0; i < node->count; i++) {
        states |= node->field == MRI_FILTER_FIELD_STATE ? 1U << filter->values[node->first + i] : 0;
    }
    uint32_t *number = number_known(&known, node->field);
    if (node->field == MRI_FILTER_FIELD_STATE) {
        known.states = is_one_of ? states : ALL_STATES & ~states;
        known.is_all = true;
    } else if (is_one_of && node->count == 1 && number != NULL) {
        *number = (uint32_t)filter->values[node->first];
        known.is_all = true;
    } else if (node->field == MRI_FILTER_FIELD_ORDINAL) {
        known.ordinals = range_of(filter, node);
    } else if (node->field == MRI_FILTER_FIELD_SEQ) {
        known.seqs = range_of(filter, node);
    }
    return known;
}

static mr_err take_comparison(struct parser *parser, struct known *ret_known)
{
    struct mri_filter *filter = parser->filter;
    size_t offset = parser->token.offset;
    enum mri_filter_field field = MRI_FILTER_FIELD_COUNT;
    enum mri_filter_op operator= MRI_FILTER_OP_EQUAL;
    struct mri_filter_node node = {
        .kind = MRI_FILTER_NODE_TEST, .first = (uint16_t)filter->value_count};
    mr_err err = take_field(parser, &field);
    if (err == MR_OK) {
        err = take_operator(parser, field, &operator);
    }
    if (err == MR_OK) {
        err = operator== MRI_FILTER_OP_IN || operator== MRI_FILTER_OP_NOT_IN
                  ? take_list(parser, field)
                  : take_value(parser, field);
    }
    if (err != MR_OK) {
        return err;
    }
    node.field = (uint8_t)(field == MRI_FILTER_FIELD_AGE ? MRI_FILTER_FIELD_TIME : field);
    node.field = (uint8_t)(field == MRI_FILTER_FIELD_ID ? MRI_FILTER_FIELD_ORDINAL : node.field);
    node.operator=(uint8_t)(field == MRI_FILTER_FIELD_AGE ? turned(operator) : operator);
    node.count = (uint16_t)(filter->value_count - node.first);
    *ret_known = known_of(filter, &node);
    return add_node(parser, offset, &node);
}

/* ---- conditions ------------------------------------------------------------------------------ */

static mr_err take_or(struct parser *parser, struct known *ret_known);

static mr_err enter(struct parser *parser)
{
    if (++parser->depth > MRI_FILTER_DEPTH_MAX) {
        (void)mri_problem(parser->problem, MR_ELIMIT, "nested deeper than %u levels",
            (unsigned)MRI_FILTER_DEPTH_MAX);
        return fail_at(parser, parser->token.offset, MR_ELIMIT);
    }
    return next(parser);
}

static mr_err take_not(struct parser *parser, struct known *ret_known)
{
    size_t offset = parser->token.offset;
    bool is_not = is_next(parser, "not");
    mr_err err;
    if (is_not) {
        err = enter(parser);
        err = err == MR_OK ? take_not(parser, ret_known) : err;
        *ret_known = nothing_known;
        parser->depth--;
        return err == MR_OK ? add_node(parser, offset,
                                  &(struct mri_filter_node){.kind = MRI_FILTER_NODE_NOT})
                            : err;
    }
    if (!is_next_sign(parser, "(")) {
        return take_comparison(parser, ret_known);
    }
    err = enter(parser);
    err = err == MR_OK ? take_or(parser, ret_known) : err;
    if (err == MR_OK && !is_next_sign(parser, ")")) {
        return expected(parser, "\"and\", \"or\" or )");
    }
    parser->depth--;
    return err == MR_OK ? next(parser) : err;
}

/** One of two numbers that a match has; they may contradict one another, and then none matches. */
static uint32_t number_of_both(uint32_t a, uint32_t b, bool *is_all)
{
    *is_all = *is_all && (a == UINT32_MAX || b == UINT32_MAX || a == b);
    return a == UINT32_MAX ? b : a;
}

static struct mri_filter_range range_of_both(struct mri_filter_range a, struct mri_filter_range b)
{
    return (struct mri_filter_range){
        a.low > b.low ? a.low : b.low, a.high < b.high ? a.high : b.high};
}

/** All between the two, too. */
static struct mri_filter_range range_of_either(struct mri_filter_range a, struct mri_filter_range b)
{
    return (struct mri_filter_range){
        a.low < b.low ? a.low : b.low, a.high > b.high ? a.high : b.high};
}

static struct known both(struct known a, struct known b)
{
    struct known known = {.states = a.states & b.states, .is_all = a.is_all && b.is_all};
    known.symbol = number_of_both(a.symbol, b.symbol, &known.is_all);
    known.source = number_of_both(a.source, b.source, &known.is_all);
    known.name = number_of_both(a.name, b.name, &known.is_all);
    known.gate = number_of_both(a.gate, b.gate, &known.is_all);
    known.ordinals = range_of_both(a.ordinals, b.ordinals);
    known.seqs = range_of_both(a.seqs, b.seqs);
    return known;
}

static uint32_t number_of_either(uint32_t a, uint32_t b, bool *is_all)
{
    *is_all = *is_all && a == b;
    return a == b ? a : UINT32_MAX;
}

static struct known either(struct known a, struct known b)
{
    struct known known = {.states = a.states | b.states, .is_all = a.is_all && b.is_all};
    known.symbol = number_of_either(a.symbol, b.symbol, &known.is_all);
    known.source = number_of_either(a.source, b.source, &known.is_all);
    known.name = number_of_either(a.name, b.name, &known.is_all);
    known.gate = number_of_either(a.gate, b.gate, &known.is_all);
    known.ordinals = range_of_either(a.ordinals, b.ordinals);
    known.seqs = range_of_either(a.seqs, b.seqs);
    return known;
}

static mr_err take_and(struct parser *parser, struct known *ret_known)
{
    mr_err err = take_not(parser, ret_known);
    while (err == MR_OK && is_next(parser, "and")) {
        size_t offset = parser->token.offset;
        struct known known = nothing_known;
        err = next(parser);
        err = err == MR_OK ? take_not(parser, &known) : err;
        err = err == MR_OK
                  ? add_node(parser, offset, &(struct mri_filter_node){.kind = MRI_FILTER_NODE_AND})
                  : err;
        *ret_known = both(*ret_known, known);
    }
    return err;
}

static mr_err take_or(struct parser *parser, struct known *ret_known)
{
    mr_err err = take_and(parser, ret_known);
    while (err == MR_OK && is_next(parser, "or")) {
        size_t offset = parser->token.offset;
        struct known known = nothing_known;
        err = next(parser);
        err = err == MR_OK ? take_and(parser, &known) : err;
        err = err == MR_OK
                  ? add_node(parser, offset, &(struct mri_filter_node){.kind = MRI_FILTER_NODE_OR})
                  : err;
        *ret_known = either(*ret_known, known);
    }
    return err;
}

/* ---- the question ---------------------------------------------------------------------------- */

static mr_err take_order(struct parser *parser)
{
    mr_err err = next(parser);
    if (err == MR_OK && !is_next(parser, "by")) {
        return expected(parser, "\"by\"");
    }
    err = err == MR_OK ? next(parser) : err;
    if (err == MR_OK && !is_next(parser, "time")) {
        return expected(parser, "\"time\"");
    }
    err = err == MR_OK ? next(parser) : err;
    if (err == MR_OK && (is_next(parser, "asc") || is_next(parser, "desc"))) {
        parser->filter->is_oldest_first = is_next(parser, "asc");
        err = next(parser);
    }
    return err;
}

static mr_err take_limit(struct parser *parser)
{
    int64_t limit = 0;
    mr_err err = next(parser);
    if (err == MR_OK) {
        err = read_number(parser, &limit);
    }
    if (err == MR_OK && (limit == 0 || limit > MRI_FILTER_LIMIT_MAX)) {
        return expected(parser, "a limit from 1 to 1000000");
    }
    parser->filter->limit = (uint32_t)limit;
    return err == MR_OK ? next(parser) : err;
}

static mr_err take_question(struct parser *parser)
{
    struct known known = nothing_known;
    known.is_all = true;
    mr_err err = next(parser);
    bool has_condition =
        parser->token.kind != TOKEN_END && !is_next(parser, "order") && !is_next(parser, "limit");
    if (err == MR_OK && has_condition) {
        err = take_or(parser, &known);
    }
    if (err == MR_OK && is_next(parser, "order")) {
        err = take_order(parser);
    }
    if (err == MR_OK && is_next(parser, "limit")) {
        err = take_limit(parser);
    }
    if (err == MR_OK && parser->token.kind != TOKEN_END) {
        return expected(parser, parser->filter->limit != 0 ? "the end"
                                : has_condition
                                    ? "\"and\", \"or\", \"order by\", \"limit\" or the end"
                                    : "\"limit\" or the end");
    }
    parser->filter->symbol = known.symbol;
    parser->filter->source = known.source;
    parser->filter->name = known.name;
    parser->filter->gate = known.gate;
    parser->filter->states = known.states;
    parser->filter->is_all = known.is_all;
    parser->filter->ordinals = known.ordinals;
    parser->filter->seqs = known.seqs;
    return err;
}

mr_err mri_filter_parse(struct mri_slice text, const struct mri_filter_names *names,
    struct mri_filter *ret_filter, struct mri_filter_fault *reterr_fault,
    mr_problem *reterr_problem)
{
    mr_problem problem = {""};
    struct parser parser = {
        .text = text, .names = names, .filter = ret_filter, .problem = &problem};
    ret_filter->node_count = ret_filter->value_count = ret_filter->limit = 0;
    ret_filter->is_oldest_first = false; /* and what is known, in the end */
    if (text.count > MRI_FILTER_TEXT_BYTES_MAX) {
        return mri_problem(reterr_problem, MR_ELIMIT, "a question of more than %u bytes",
            (unsigned)MRI_FILTER_TEXT_BYTES_MAX);
    }
    mr_err err = take_question(&parser);
    if (err == MR_OK) {
        return MR_OK;
    }
    size_t character = mri_text_characters((struct mri_slice){text.bytes, parser.fault_offset}) + 1;
    if (reterr_fault != NULL) {
        *reterr_fault = (struct mri_filter_fault){parser.fault_offset, character};
    }
    return mri_problem_behind(reterr_problem, err, problem.text, "character %zu: ", character);
}
