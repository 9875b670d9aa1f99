/* SPDX-License-Identifier: MIT */
/*
 * Records of the log's own in words.
 *
 * Not here: SEAL, ROLL, which are no events; their names in SQL are the same (sql/event_value.c).
 */
#include "cli/own_record.h"

#include "base/text.h"
#include "cli/describe.h"
#include "log/consume/consumer_record.h"
#include "sql/event_value.h"

static const char *name_of(const struct mri_event *event)
{
    const char *name = mri_event_value_kind(event->type);
    return name == NULL ? "log.record" : name;
}

struct mri_event mri_own_record_event(const mr_log_event *record)
{
    return (struct mri_event){.seq = record->seq.n,
        .wall_unix_ns = record->time_unix_ns,
        .body = record->body,
        .body_bytes = record->body_bytes,
        .type = record->type,
        .version = record->version};
}

/** What a consumer says in it; false: it is no record of a consumer. */
static bool read_said(const struct mri_event *event, struct mri_consumer_said *ret_said)
{
    const mr_log_event record = {.body = event->body,
        .body_bytes = event->body_bytes,
        .type = event->type,
        .version = event->version};
    return mri_consumer_record_read(&record, ret_said);
}

static const char *reason_of(const struct mri_consumer_ack *head)
{
    return head->reason == MRI_CONSUMER_REASON_MAX_DELIVER
               ? "it was delivered as often as it may be"
               : "unknown";
}

void mri_own_record_line(const struct mri_event *event, struct mri_buf *text)
{
    struct mri_consumer_said said;
    mri_buf_text(text, name_of(event));
    if (!read_said(event, &said)) {
        return;
    }
    mri_buf_text(text, "  consumer=");
    mri_text_quote(text, said.name);
    if (event->type == MRI_RECORD_DEAD_LETTER) {
        mri_buf_printf(text, " event=%llu deliveries=%u reason=\"%s\"",
            (unsigned long long)said.head.lowest_seq, (unsigned)said.head.deliveries,
            reason_of(&said.head));
        if (said.why.count > 0) {
            mri_buf_text(text, " nack_reason=");
            mri_text_quote(text, said.why);
        }
    } else {
        mri_buf_printf(text, " events=%u first=%llu", (unsigned)said.head.count,
            (unsigned long long)said.head.lowest_seq);
    }
}

void mri_own_record_json(const struct mri_event *event, struct mri_json_writer *json)
{
    struct mri_consumer_said said;
    mri_json_put_text(json, "event", name_of(event));
    mri_json_put_time(json, "logged", event->wall_unix_ns);
    if (!read_said(event, &said)) {
        return;
    }
    mri_json_write_key(json, "consumer");
    mri_json_write_text(json, said.name);
    if (event->type == MRI_RECORD_DEAD_LETTER) {
        mri_json_put_count(json, "of", said.head.lowest_seq);
        mri_json_put_count(json, "deliveries", said.head.deliveries);
        mri_json_put_text(json, "reason", reason_of(&said.head));
        if (said.why.count > 0) {
            mri_json_write_key(json, "nack_reason");
            mri_json_write_text(json, said.why);
        }
        return;
    }
    mri_json_write_key(json, "of");
    mri_json_write_array_open(json);
    for (uint32_t i = 0; i < said.head.count; i++) {
        mri_json_write_unsigned(json, mri_consumer_record_seq(&said, i));
    }
    mri_json_write_array_close(json);
}
