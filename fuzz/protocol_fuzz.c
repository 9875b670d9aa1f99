/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes the line protocol, with a bus behind it. Whatever comes, in whatever pieces: every line
 * that is not empty gets one reply, which is one line of JSON that begins with the id; and the next
 * request is answered as if nothing had been.
 *
 * Input: its first byte is the length of the pieces, the rest are the bytes as they come.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/check.h"
#include "socket/line_session.h"
#include "tests/lib/api_sample.h"
#include "tests/lib/plain_config.h"
#include "json/json_scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

enum {
    INPUT_BYTES_MAX = 64 * 1024,
    OUT_BYTES_MAX = 8 * 1024 * 1024,
    INPUTS_A_LOG = 1000,
    WALL_MINUTE = 1000000
};

static struct mri_api_sample sample;
static struct mri_service service;

/** A log that facts may be brought into, with one symbol and its first bar. */
static void begin_sample(void)
{
    struct mri_story *story = mri_story_begin(mri_plain_config, 1);
    const struct mri_instrument_spec *spec = &story->script.instruments[0];
    const mr_candle first = {.symbol = spec->symbol,
        .close_time_unix_ns = mri_script_time(1),
        .open = 100.0,
        .high = 100.0,
        .low = 100.0,
        .close = 100.0};
    mr_problem problem = {""};
    story->has_no_feed = true;
    story->machine.has_clock = true;
    story->machine.realtime_unix_ns = mri_script_time(WALL_MINUTE);
    mr_err err = mri_config_add_instrument(&story->config, spec);
    MRI_ASSERT(err == MR_OK);
    mri_story_open(story);
    mri_story_close(story);
    sample = (struct mri_api_sample){.story = story};
    sample.bus = mri_api_sample_open(&sample);
    err = mr_bus_candle(sample.bus, &first, 1, MR_ASYNC, NULL, &problem);
    MRI_ASSERT(err == MR_OK);
}

/** A log gets longer with what is emitted: now and then there is a new one. */
static void begin_log(void)
{
    static unsigned inputs;
    if (inputs % INPUTS_A_LOG == 0) {
        if (inputs > 0) {
            mri_service_fini(&service);
            mri_api_sample_end(&sample);
        }
        begin_sample();
        mr_err err = mri_service_init(
            &service, &sample.story->machine.table, mri_alloc_system(), sample.bus);
        MRI_ASSERT(err == MR_OK);
    }
    inputs++;
}

/** What was put is one line, and JSON. */
static void check_reply(struct mri_buf *out)
{
    static const char begin[] = "{\"id\":";
    struct mri_json_fault fault;
    const char *text = (const char *)out->bytes;
    MRI_ASSERT(out->count > sizeof(begin) && memcmp(text, begin, sizeof(begin) - 1) == 0);
    MRI_ASSERT(memchr(text, '\n', out->count) == text + out->count - 1);
    bool is_json = mri_json_scan_check((struct mri_slice){text, out->count}, &fault);
    MRI_ASSERT(is_json);
    mri_buf_clear(out);
}

static void take(struct mri_line_session *session, const struct mri_input_line *line)
{
    mri_line_session_take(session, line, MRI_LINE_SESSION_DO);
    for (int i = 0; i < 2 && session->waiting.is_waiting; i++) {
        MRI_ASSERT(session->out->count == 0);
        mri_line_session_resume(session, i == 1);
    }
    MRI_ASSERT(!session->waiting.is_waiting && !session->is_broken);
    check_reply(session->out);
    if (session->is_done) { /* the server would read no more */
        session->is_done = false;
    }
}

static void take_all(struct mri_line_session *session, struct mri_line_input *input)
{
    struct mri_input_line line;
    while (mri_line_input_next(input, &line)) {
        take(session, &line);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    static const char after[] = "{\"id\":\"after\",\"verb\":\"counts\"}";
    const struct mri_input_line last = {.text = {after, sizeof(after) - 1}, .number = 1};
    struct mri_line_input input;
    struct mri_line_session session;
    struct mri_buf out;
    if (count == 0 || count > INPUT_BYTES_MAX) {
        return 0;
    }
    begin_log();
    size_t piece = bytes[0] == 0 ? INPUT_BYTES_MAX : bytes[0];
    mri_buf_init(&out, mri_alloc_system(), OUT_BYTES_MAX);
    mri_line_input_init(&input, mri_alloc_system(), MRI_REQUEST_LINE_BYTES_MAX);
    mri_line_session_init(&session, &service, &out);
    for (size_t at = 1; at < count; at += piece) {
        mr_err err =
            mri_line_input_put(&input, bytes + at, count - at < piece ? count - at : piece);
        MRI_ASSERT(err == MR_OK);
        take_all(&session, &input);
    }
    uint64_t errors = session.counts.errors;
    take(&session, &last);
    MRI_ASSERT(session.counts.errors == errors);
    mri_line_session_fini(&session);
    MRI_ASSERT(service.subscriptions == 0 && service.claim_count == 0);
    mri_line_input_fini(&input);
    mri_buf_fini(&out);
    return 0;
}
