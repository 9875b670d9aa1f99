/* SPDX-License-Identifier: MIT */
/*
 * Tests of the language of questions: what it means, against plain C; where a fault is; that what
 * is known of every match is true; and random texts.
 */
#include "bus/filter.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/prng.h"
#include "tests/lib/cmocka_all.h"

enum { NOW = 1000000, SLOTS = 300, TEXT = 2048, QUESTIONS = 3000 };

#define SECOND_NS ((int64_t)1000000000)

static struct mri_filter filter;
static struct mri_filter_fault fault;
static mr_problem problem;
static struct mri_prng prng;

static const char *const names[] = {"alpha", "beta", "gamma ray", "in", "d\"e"};

static mr_err find(
    const void *context, enum mri_name_kind kind, struct mri_slice name, uint32_t *ret_number)
{
    (void)context;
    (void)kind;
    for (uint32_t i = 0; i < MRI_COUNT_OF(names); i++) {
        if (mri_slice_is(name, names[i])) {
            *ret_number = i;
            return MR_OK;
        }
    }
    return MR_NOT_FOUND;
}

static const char *text_of(const void *context, enum mri_name_kind kind, uint32_t number)
{
    (void)context;
    (void)kind;
    return number < MRI_COUNT_OF(names) ? names[number] : NULL;
}

static const struct mri_filter_names lookup = {
    .find = find, .text = text_of, .now_unix_ns = NOW * SECOND_NS};

static mr_err parse(const char *text)
{
    problem.text[0] = '\0';
    fault = (struct mri_filter_fault){0};
    return mri_filter_parse(mri_slice_of(text), &lookup, &filter, &fault, &problem);
}

static struct mri_slot slots[SLOTS + 1];

static int set_up(void **fixture)
{
    (void)fixture;
    mri_prng_init(&prng, 99);
    for (uint32_t i = 1; i <= SLOTS; i++) {
        slots[i] = (struct mri_slot){
            .event_time_unix_ns = (int64_t)(NOW - mri_prng_below(&prng, 200)) * SECOND_NS,
            .generated_seq = i * 10,
            .last_seq = i * 10 + mri_prng_below(&prng, 5),
            .symbol = (uint32_t)mri_prng_below(&prng, 5),
            .source = (uint16_t)mri_prng_below(&prng, 5),
            .name = (uint16_t)mri_prng_below(&prng, 5),
            .state = (uint8_t)mri_prng_below(&prng, MR_STATE_COUNT),
            .side = (uint8_t)(mri_prng_below(&prng, 2) == 0 ? MR_LONG : MR_SHORT),
            .gate = (uint8_t)mri_prng_below(&prng, 3),
            .ended = MR_BLOCKED,
            .reason = (uint16_t)mri_prng_below(&prng, 3),
        };
    }
    return 0;
}

static uint32_t count_matches(void)
{
    uint32_t count = 0;
    for (uint32_t i = 1; i <= SLOTS; i++) {
        bool is_match = mri_filter_match(&filter, &slots[i], i);
        count += is_match;
        bool has_all = (filter.states >> slots[i].state & 1) != 0 &&
                       (filter.symbol == UINT32_MAX || filter.symbol == slots[i].symbol) &&
                       (filter.source == UINT32_MAX || filter.source == slots[i].source) &&
                       (filter.name == UINT32_MAX || filter.name == slots[i].name) &&
                       (filter.gate == UINT32_MAX || filter.gate == slots[i].gate);
        bool is_in_range = i >= filter.ordinals.low && i <= filter.ordinals.high &&
                           (int64_t)slots[i].generated_seq >= filter.seqs.low &&
                           (int64_t)slots[i].generated_seq <= filter.seqs.high;
        assert_true(!is_match || is_in_range);
        assert_true(!is_match || has_all); /* what it says of every match is true */
        assert_true(!filter.is_all || is_match == has_all);
    }
    return count;
}

#define ASSERT_MEANS(text, condition)                                                              \
    do {                                                                                           \
        uint32_t expected_count = 0;                                                               \
        for (uint32_t i = 1; i <= SLOTS; i++) {                                                    \
            const struct mri_slot *slot = &slots[i];                                               \
            (void)slot;                                                                            \
            expected_count += (condition) ? 1 : 0;                                                 \
        }                                                                                          \
        assert_int_equal(parse(text), MR_OK);                                                      \
        assert_int_equal(count_matches(), expected_count);                                         \
        for (uint32_t i = 1; i <= SLOTS; i++) {                                                    \
            const struct mri_slot *slot = &slots[i];                                               \
            (void)slot;                                                                            \
            assert_int_equal(mri_filter_match(&filter, slot, i), (condition) ? 1 : 0);             \
        }                                                                                          \
    } while (0)

static void a_question_means_what_it_says(void **fixture)
{
    (void)fixture;
    ASSERT_MEANS("", slot != NULL);
    ASSERT_MEANS("state=blocked", slot->state == MR_BLOCKED);
    ASSERT_MEANS("STATE = Blocked", slot->state == MR_BLOCKED);
    ASSERT_MEANS("state!=blocked", slot->state != MR_BLOCKED);
    ASSERT_MEANS(
        "state in (blocked, expired)", slot->state == MR_BLOCKED || slot->state == MR_EXPIRED);
    ASSERT_MEANS(
        "state not in (blocked,expired)", slot->state != MR_BLOCKED && slot->state != MR_EXPIRED);
    ASSERT_MEANS("side=BUY", slot->side == MR_LONG);
    ASSERT_MEANS("side=short or side=long", slot->side == MR_LONG || slot->side == MR_SHORT);
    ASSERT_MEANS("ended=blocked", slot->state == MR_LEARNED);
    ASSERT_MEANS("ended!=blocked", slot->state != MR_LEARNED);
    ASSERT_MEANS("symbol=beta and source='gamma ray'", slot->symbol == 1 && slot->source == 2);
    ASSERT_MEANS("name=\"in\"", slot->name == 3);
    ASSERT_MEANS("name = 'd\\\"e'", slot->name == 4);
    ASSERT_MEANS("gate=none and name=beta", slot->gate == 0 && slot->name == 1);
    ASSERT_MEANS("name=alpha and name=beta", slot->name == 5);
    ASSERT_MEANS("gate=none and state=blocked or state=expired and gate=none",
        slot->gate == 0 && (slot->state == MR_BLOCKED || slot->state == MR_EXPIRED));
    ASSERT_MEANS("gate=none and state=blocked or state=expired",
        (slot->gate == 0 && slot->state == MR_BLOCKED) || slot->state == MR_EXPIRED);
    ASSERT_MEANS("not symbol=beta", slot->symbol != 1);
    ASSERT_MEANS("not not symbol=beta", slot->symbol == 1);
    ASSERT_MEANS("not (symbol=beta or source=alpha)", slot->symbol != 1 && slot->source != 0);
    ASSERT_MEANS("symbol=beta or source=alpha and name=beta",
        slot->symbol == 1 || (slot->source == 0 && slot->name == 1));
    ASSERT_MEANS("(symbol=beta or source=alpha) and name=beta",
        (slot->symbol == 1 || slot->source == 0) && slot->name == 1);
    ASSERT_MEANS("ordinal>100 and ordinal<=200", i > 100 && i <= 200);
    ASSERT_MEANS("seq >= 1000", slot->generated_seq >= 1000);
    ASSERT_MEANS("last_seq<1000", slot->last_seq < 1000);
    ASSERT_MEANS("age<90s", slot->event_time_unix_ns > (NOW - 90) * SECOND_NS);
    ASSERT_MEANS("age>=2m", slot->event_time_unix_ns <= (NOW - 120) * SECOND_NS);
    ASSERT_MEANS("time<1970-01-12T13:46:00Z", slot->event_time_unix_ns < 999960 * SECOND_NS);
    ASSERT_MEANS("id=BTC_0_00000007", i == 7);
    ASSERT_MEANS("id in (BTC_0_00000007, ETH_1_00000009)", i == 7 || i == 9);
    ASSERT_MEANS("state=blocked order by time desc limit 10", slot->state == MR_BLOCKED);
}

static void order_and_limit_are_read(void **fixture)
{
    (void)fixture;
    assert_int_equal(parse("order by time asc limit 7"), MR_OK);
    assert_true(filter.is_oldest_first);
    assert_int_equal(filter.limit, 7);
    assert_int_equal(parse("limit 1000000"), MR_OK);
    assert_false(filter.is_oldest_first);
    assert_int_equal(parse("ORDER BY time"), MR_OK);
    assert_false(filter.is_oldest_first);
    assert_int_equal(filter.limit, 0);
}

static void the_shortest_way_is_known(void **fixture)
{
    (void)fixture;
    assert_int_equal(
        parse("symbol=beta and (state=blocked or state=expired) and source=alpha"), MR_OK);
    assert_int_equal(filter.symbol, 1);
    assert_int_equal(filter.source, 0);
    assert_int_equal(filter.states, 1 << MR_BLOCKED | 1 << MR_EXPIRED);
    assert_true(filter.is_all);
    assert_int_equal(parse("symbol=beta or symbol=alpha"), MR_OK);
    assert_int_equal(filter.symbol, UINT32_MAX);
    assert_false(filter.is_all);
    assert_int_equal(parse("gate=none and name=alpha"), MR_OK);
    assert_int_equal(filter.gate, 0);
    assert_int_equal(filter.name, 0);
    assert_true(filter.is_all);
    assert_int_equal(parse("gate=none and age<1h"), MR_OK);
    assert_int_equal(filter.gate, 0);
    assert_false(filter.is_all);
    assert_int_equal(parse("name=alpha and name=beta"), MR_OK); /* nothing matches */
    assert_false(filter.is_all);
    assert_int_equal(parse(""), MR_OK);
    assert_true(filter.is_all);
    assert_int_equal(parse("symbol=beta and name=alpha or symbol=beta and state!=learned"), MR_OK);
    assert_int_equal(filter.symbol, 1);
    assert_int_equal(parse("not (symbol=beta and state=blocked)"), MR_OK);
    assert_int_equal(filter.symbol, UINT32_MAX);
    assert_int_equal(filter.states, (1 << MR_STATE_COUNT) - 1);
}

static void a_fault_is_shown_where_it_is(void **fixture)
{
    (void)fixture;
    static const struct {
        const char *text;
        size_t character;
        const char *says;
    } cases[] = {
        {"stat=blocked", 1, "state?"},
        {"state=blokced", 7, "blocked?"},
        {"ended=learned", 7, "a state that a signal ends in (executed, blocked, expired)"},
        {"ended in (blocked, generated)", 20, "found generated"},
        {"ended=lerned", 7, "learned?"},
        {"state blocked", 7, "=, != or \"in\""},
        {"state<blocked", 6, "=, != or \"in\""},
        {"state=", 7, "found the end"},
        {"state=blocked and", 18, "found the end"},
        {"state=blocked symbol=beta", 15, "\"and\""},
        {"state=blocked)", 14, "\"and\""},
        {"(state=blocked", 15, "\"and\", \"or\" or )"},
        {"state in blocked", 10, "expected ("},
        {"state=nonsense", 7,
            "expected a state (generated, evaluating, approved, executing, executed, blocked, "
            "expired or learned), found nonsense"},
        {"state in (blocked expired)", 19, ", or )"},
        {"state in ()", 11, "a value for state"},
        {"state not blocked", 11, "\"in\""},
        {"symbol=DOGE", 8, "a symbol that is known"},
        {"name='gamma", 6, "does not end"},
        {"age<2parsecs", 5, "an age"},
        {"age<2H", 5, "an age"},
        {"ordinal>+1", 9, "a whole number"},
        {"ordinal>1.0", 9, "a whole number"},
        {"time>yesterday", 6, "a time"},
        {"ordinal>-1", 9, "a whole number"},
        {"ordinal>9999999999999999999", 9, "a whole number"},
        {"id=7", 4, "the id of a signal"},
        {"order time", 7, "\"by\""},
        {"order by price", 10, "\"time\""},
        {"limit 0", 7, "a limit from 1"},
        {"limit 1000001", 7, "a limit from 1"},
        {"limit 5 limit 6", 9, "the end"},
        {"name='\xc3\xa4\xc3\xb6' or state=x", 6, "a name that is known"},
        {"symbol='\xc3\xa4' or name='\xc3\xa4' or state=x", 8, "a symbol"},
        {"=", 1, "a field"},
        {"and", 1, "a field"},
    };
    for (size_t i = 0; i < MRI_COUNT_OF(cases); i++) {
        assert_int_equal(parse(cases[i].text), MR_REFUSED);
        assert_int_equal(fault.character, cases[i].character);
        if (strstr(problem.text, cases[i].says) == NULL) {
            fail_msg("%s: \"%s\" lacks \"%s\"", cases[i].text, problem.text, cases[i].says);
        }
    }
    assert_int_equal(parse("name='alpha' and name='\xc3\xa4'"), MR_REFUSED);
    assert_int_equal(fault.character, 23);
    assert_int_equal(fault.offset, 22);
}

static mr_err parse_buf(struct mri_buf *text)
{
    mri_buf_put(text, "", 1);
    assert_int_equal(text->err, MR_OK);
    mr_err err = parse((const char *)text->bytes);
    mri_buf_clear(text);
    return err;
}

static void what_is_too_much_is_refused(void **fixture)
{
    (void)fixture;
    struct mri_buf text;
    mri_buf_init(&text, mri_alloc_system(), 1 << 20);
    for (int i = 0; i < MRI_FILTER_DEPTH_MAX + 1; i++) {
        mri_buf_text(&text, "(");
    }
    mri_buf_text(&text, "state=blocked");
    assert_int_equal(parse_buf(&text), MR_ELIMIT);
    for (int i = 0; i < MRI_FILTER_NODES_MAX; i++) {
        mri_buf_text(&text, i == 0 ? "seq=1" : " or seq=1");
    }
    assert_int_equal(parse_buf(&text), MR_ELIMIT);
    mri_buf_text(&text, "seq in (1");
    for (int i = 0; i < MRI_FILTER_VALUES_MAX; i++) {
        mri_buf_text(&text, ",1");
    }
    mri_buf_text(&text, ")");
    assert_int_equal(parse_buf(&text), MR_ELIMIT);
    for (int too_many = 0; too_many < 2; too_many++) {
        for (int i = 0; i < MRI_FILTER_TEXT_BYTES_MAX + too_many; i++) {
            mri_buf_text(&text, " ");
        }
        assert_int_equal(parse_buf(&text), too_many == 0 ? MR_OK : MR_ELIMIT);
    }
    mri_buf_fini(&text);
}

/* ---- random questions, with their own meaning ------------------------------------------------ */

struct tree {
    int kind; /* 0 test, 1 and, 2 or, 3 not */
    int field;
    uint64_t value;
    const struct tree *left;
    const struct tree *right;
};

static struct tree trees[1000];
static int tree_count;

static const struct tree *any_tree(int depth)
{
    struct tree *tree = &trees[tree_count++];
    tree->kind = depth == 0 ? 0 : (int)mri_prng_below(&prng, 4);
    if (tree->kind == 0) {
        tree->field = (int)mri_prng_below(&prng, 4);
        tree->value = mri_prng_below(&prng, 3);
        return tree;
    }
    tree->left = any_tree(depth - 1);
    tree->right = tree->kind == 3 ? NULL : any_tree(depth - 1);
    return tree;
}

static void put_tree(const struct tree *tree, struct mri_buf *text)
{
    static const char *const fields[] = {"symbol", "source", "state", "name"};
    static const char *const states[] = {"generated", "evaluating", "approved"};
    if (tree->kind == 0) {
        mri_buf_printf(text, "%s = '%s'", fields[tree->field],
            tree->field == 2 ? states[tree->value] : names[tree->value]);
        return;
    }
    mri_buf_text(text, tree->kind == 3 ? "not (" : "(");
    put_tree(tree->left, text);
    if (tree->kind != 3) {
        mri_buf_text(text, tree->kind == 1 ? " AND " : " or ");
        put_tree(tree->right, text);
    }
    mri_buf_text(text, ")");
}

static bool is_true_of(const struct tree *tree, const struct mri_slot *slot)
{
    switch (tree->kind) {
    case 0: {
        const uint64_t values[] = {slot->symbol, slot->source, slot->state, slot->name};
        return values[tree->field] == tree->value;
    }
    case 1:
        return is_true_of(tree->left, slot) && is_true_of(tree->right, slot);
    case 2:
        return is_true_of(tree->left, slot) || is_true_of(tree->right, slot);
    default:
        return !is_true_of(tree->left, slot);
    }
}

static void any_question_means_what_its_tree_says(void **fixture)
{
    (void)fixture;
    struct mri_buf text;
    mri_buf_init(&text, mri_alloc_system(), 1 << 20);
    for (int i = 0; i < QUESTIONS; i++) {
        tree_count = 0;
        const struct tree *tree = any_tree((int)mri_prng_below(&prng, 6));
        put_tree(tree, &text);
        assert_int_equal(parse_buf(&text), MR_OK);
        (void)count_matches();
        for (uint32_t k = 1; k <= SLOTS; k++) {
            assert_int_equal(mri_filter_match(&filter, &slots[k], k), is_true_of(tree, &slots[k]));
        }
    }
    mri_buf_fini(&text);
}

static void any_text_is_read_or_refused_with_its_place(void **fixture)
{
    (void)fixture;
    static const char *const pieces[] = {"state", "=", "!=", "<", "(", ")", "and", "or", "not",
        "in", ",", "blocked", "symbol", "beta", "'", "\"", "\\", " ", "age", "2h", "order", "by",
        "time", "limit", "10", "id", "BTC_0_00000007", "\xc3\xa4", "\xff", "\t", "!"};
    char text[TEXT];
    uint32_t good = 0;
    for (int i = 0; i < 20 * QUESTIONS; i++) {
        size_t count = 0;
        for (uint64_t k = mri_prng_below(&prng, 14); k > 0; k--) {
            const char *piece = pieces[mri_prng_below(&prng, MRI_COUNT_OF(pieces))];
            count += (size_t)snprintf(text + count, sizeof(text) - count, "%s ", piece);
        }
        text[count] = '\0';
        mr_err err = parse(text);
        assert_true(err == MR_OK || err == MR_REFUSED || err == MR_ELIMIT);
        assert_true(fault.offset <= count && fault.character <= count + 1);
        assert_int_equal(err == MR_OK, problem.text[0] == '\0');
        if (err == MR_OK) {
            (void)count_matches();
            good++;
        }
    }
    assert_true(good > 1000);
}

int main(void)
{
#define TEST(name) cmocka_unit_test(name)
    const struct CMUnitTest tests[] = {
        TEST(a_question_means_what_it_says),
        TEST(order_and_limit_are_read),
        TEST(the_shortest_way_is_known),
        TEST(a_fault_is_shown_where_it_is),
        TEST(what_is_too_much_is_refused),
        TEST(any_question_means_what_its_tree_says),
        TEST(any_text_is_read_or_refused_with_its_place),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
