/* SPDX-License-Identifier: MIT */
/*
 * The power goes, or the process dies, at any call of the machine while a consumer works: whatever
 * survives, no event of the log is passed over, what was acked durably comes again only when the
 * consumer is told that it was set back, and acks with outputs are done once.
 */
#include <stdlib.h>
#include <string.h>

#include "log/consume/consumer.h"
#include "log/open/append.h"
#include "log/read/reader.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/os_faults.h"
#include "tests/lib/os_memory.h"

enum {
    FILE_BYTES = MRI_SEGMENT_BYTES_MIN,
    SEEDS = 16,
    LIVES = 4,
    INPUTS_MAX = 512,
    INPUT = MR_LOG_TYPE_FREE,
    OUTPUT,
};

/** What is known about each input, by the number in its body. */
static struct input {
    uint64_t seq;
    bool is_ack_asked;   /**< it may be acked */
    bool is_ack_durable; /**< it was said to be acked durably, and the consumer was not set back */
    unsigned outputs;    /**< in the log, in the end */
    bool is_there;
} inputs[INPUTS_MAX];

static struct {
    struct mri_prng prng;
    uint32_t input_count;
    bool is_with_outputs; /**< acks go into the log with outputs; else into the cursor */
    uint64_t seed;
    uint64_t k;
} story;

static uint32_t number_of(const mr_log_event *event)
{
    uint32_t number;
    assert_int_equal(event->body_bytes, sizeof(number));
    memcpy(&number, event->body, sizeof(number));
    assert_true(number < story.input_count);
    return number;
}

static mr_err append_inputs(mr_log *log)
{
    uint32_t numbers[4];
    mr_log_record records[4];
    size_t count = 1 + mri_prng_below(&story.prng, 4);
    for (size_t i = 0; i < count; i++) {
        numbers[i] = story.input_count++;
        assert_true(story.input_count < INPUTS_MAX);
        inputs[numbers[i]] = (struct input){0};
        records[i] = (mr_log_record){
            .body = &numbers[i], .body_bytes = sizeof(numbers[i]), .type = INPUT, .version = 1};
    }
    return mr_log_append(
        log, records, count, mri_prng_below(&story.prng, 2) == 0 ? MR_GROUP : MR_ASYNC, NULL);
}

/** Ack what was leased, with an output if it is an input and the story is so. */
static mr_err finish(mr_consumer *consumer, mr_log *log, const mr_log_event *event)
{
    mr_seq seq = event->seq;
    if (event->type == OUTPUT) {
        return mr_consumer_ack(consumer, seq, NULL);
    }
    uint32_t number = number_of(event);
    struct input *input = &inputs[number];
    input->seq = seq.n;
    input->is_ack_asked = true;
    mr_err err;
    if (story.is_with_outputs) {
        const mr_log_record output = {
            .body = &number, .body_bytes = sizeof(number), .type = OUTPUT, .version = 1};
        bool is_durable = mri_prng_below(&story.prng, 2) == 0;
        const mr_consumer_batch batch = {&seq, 1, &output, 1, is_durable ? MR_GROUP : MR_ASYNC};
        mr_log_ack ack = {0};
        err = mr_consumer_ack_with(consumer, log, &batch, &ack, NULL);
        input->is_ack_durable = err == MR_OK && ack.is_durable;
    } else {
        err = mr_consumer_ack(consumer, seq, NULL);
        input->is_ack_durable = err == MR_OK;
    }
    return err;
}

static void hear_rewound(uint64_t first)
{
    for (uint32_t i = 0; i < story.input_count; i++) {
        inputs[i].is_ack_durable = inputs[i].is_ack_durable && inputs[i].seq < first;
    }
}

/** Take some events, or all of them; MR_END there is none left. */
static mr_err work(mr_consumer *consumer, mr_log *log, unsigned count)
{
    mr_err err = MR_OK;
    for (unsigned i = 0; i < count && err == MR_OK; i++) {
        mr_log_event event;
        mr_delivery delivery;
        mr_problem problem;
        err = mr_consumer_next(consumer, &event, &delivery, &problem);
        if (err == MR_REWOUND) {
            hear_rewound(delivery.first.n);
            err = MR_OK;
            continue;
        }
        if (err != MR_OK) {
            if (err > MR_OK && err != MR_END) {
                fail_msg("%s", problem.text);
            }
            return err;
        }
        bool is_again = event.type == INPUT && inputs[number_of(&event)].is_ack_durable;
        if (is_again) {
            fail_msg("seed %llu, call %llu: event %llu comes again", (unsigned long long)story.seed,
                (unsigned long long)story.k, (unsigned long long)event.seq.n);
        }
        if (mri_prng_below(&story.prng, 8) > 0 || count > 100) {
            err = finish(consumer, log, &event);
        }
    }
    return err;
}

static mr_err open_both(const struct mri_os *os, mr_log **log, mr_consumer **consumer)
{
    const mr_log_options options = {.is_create = true, .segment_bytes = FILE_BYTES};
    const struct mri_consumer_at at = {os, mri_alloc_system(), "/log", "c"};
    mr_consumer_options how = {.is_durable_ack = !story.is_with_outputs};
    mr_problem problem = {""};
    mr_err err = mri_log_open(os, mri_alloc_system(), "/log", &options, log, &problem);
    how.log = *log;
    if (err == MR_OK) {
        err = mri_consumer_open(&at, &how, consumer, &problem);
    }
    if (err != MR_OK && err != MR_EIO) {
        fail_msg("seed %llu, call %llu: %s", (unsigned long long)story.seed,
            (unsigned long long)story.k, problem.text);
    }
    return err;
}

static void live(const struct mri_os *os)
{
    mr_log *log = NULL;
    mr_consumer *consumer = NULL;
    mr_err err = open_both(os, &log, &consumer);
    for (int i = 0; i < 6 && err >= MR_OK; i++) {
        err = append_inputs(log);
        if (err == MR_OK) {
            err = work(consumer, log, 1 + (unsigned)mri_prng_below(&story.prng, 6));
        }
    }
    mr_consumer_close(consumer);
    mr_log_close(log);
}

/** Which inputs and outputs does the log have in the end? */
static void read_all(const struct mri_os *os)
{
    mr_log_reader *reader;
    mr_log_event event;
    mr_err err = mri_reader_open(os, mri_alloc_system(), "/log", &reader, NULL);
    while (err == MR_OK) {
        err = mr_log_reader_next(reader, &event, NULL);
        if (err == MR_OK && event.type >= MR_LOG_TYPE_FREE) {
            struct input *input = &inputs[number_of(&event)];
            input->is_there = input->is_there || event.type == INPUT;
            input->outputs += event.type == OUTPUT;
        }
    }
    assert_int_equal(err, MR_END);
    mr_log_reader_close(reader);
}

static bool tell(uint64_t seed, uint64_t k)
{
    struct mri_os_faults machine;
    bool has_fired = false;
    story.seed = seed;
    story.k = k;
    story.input_count = 0;
    story.is_with_outputs = seed % 2 == 0;
    mri_prng_init(&story.prng, seed * 1000 + k);
    struct mri_os_memory *memory = mri_os_memory_new(FILE_BYTES);
    mri_os_faults_init(&machine, mri_os_memory_table(memory));
    machine.is_sticky = true;
    machine.is_short_write = mri_prng_below(&story.prng, 2) == 0;
    for (int life = 0; life < LIVES; life++) {
        mri_os_faults_arm(&machine, MRI_OS_CALL_ANY, k, MR_EIO);
        live(&machine.table);
        has_fired = has_fired || machine.fired > 0;
        if (mri_prng_below(&story.prng, 4) > 0) {
            mri_os_memory_cut_power(memory, &story.prng);
        } else {
            mri_os_memory_end_process(memory);
        }
    }
    const struct mri_os *os = mri_os_memory_table(memory);
    mr_log *log = NULL;
    mr_consumer *consumer = NULL;
    assert_int_equal(open_both(os, &log, &consumer), MR_OK);
    assert_int_equal(work(consumer, log, 10000), MR_END);
    mr_consumer_close(consumer);
    mr_log_close(log);
    read_all(os);
    for (uint32_t i = 0; i < story.input_count; i++) {
        const struct input *input = &inputs[i];
        bool is_done = story.is_with_outputs ? input->outputs == 1 : input->is_ack_asked;
        if (input->is_there && !is_done) {
            fail_msg("seed %llu, call %llu: input %u, event %llu: asked %d, %u outputs",
                (unsigned long long)seed, (unsigned long long)k, i, (unsigned long long)input->seq,
                input->is_ack_asked, input->outputs);
        }
        assert_true(input->outputs <= 1);
    }
    assert_int_equal(mri_os_memory_open_count(memory), 0);
    mri_os_memory_free(memory);
    return has_fired;
}

static void wherever_the_power_goes_nothing_is_passed_over_or_done_twice(void **fixture)
{
    (void)fixture;
    uint64_t stories = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        uint64_t k = 1;
        while (tell(seed, k)) {
            k++;
        }
        assert_true(k > 60);
        stories += k;
    }
    print_message("%llu stories\n", (unsigned long long)stories);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wherever_the_power_goes_nothing_is_passed_over_or_done_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
