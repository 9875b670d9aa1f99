/* SPDX-License-Identifier: MIT */
/*
 * Replies. Keys and words are those of `millrace query --json` and `tail --json`.
 *
 * Invariants
 *  1. A reply for which there is no room leaves nothing behind.
 */
#include "socket/reply.h"

#include "base/utc.h"

static void put_text(struct mri_json_writer *json, const char *text)
{
    if (text == NULL) {
        mri_json_write_null(json);
    } else {
        mri_json_write_text(json, mri_slice_of(text));
    }
}

void mri_reply_text(struct mri_reply *reply, const char *key, const char *text)
{
    mri_json_write_key(&reply->json, key);
    put_text(&reply->json, text);
}

void mri_reply_count(struct mri_reply *reply, const char *key, uint64_t count)
{
    mri_json_write_key(&reply->json, key);
    mri_json_write_unsigned(&reply->json, count);
}

void mri_reply_bool(struct mri_reply *reply, const char *key, bool value)
{
    mri_json_write_key(&reply->json, key);
    mri_json_write_bool(&reply->json, value);
}

static void open_reply(
    struct mri_reply *reply, struct mri_buf *out, struct mri_slice id, bool is_ok)
{
    reply->begin = out->count;
    mri_json_write_begin(&reply->json, out);
    mri_json_write_object_open(&reply->json);
    mri_json_write_key(&reply->json, "id");
    mri_json_write_raw(&reply->json, id);
    mri_reply_bool(reply, "ok", is_ok);
}

void mri_reply_begin(struct mri_reply *reply, struct mri_buf *out, struct mri_slice id)
{
    open_reply(reply, out, id, true);
}

void mri_reply_begin_fault(struct mri_reply *reply, struct mri_buf *out, struct mri_slice id,
    const struct mri_request_fault *fault, uint64_t line)
{
    open_reply(reply, out, id, false);
    mri_reply_text(reply, "error", mr_err_name(fault->err));
    mri_reply_text(reply, "text",
        fault->problem.text[0] != '\0' ? fault->problem.text : mr_err_text(fault->err));
    if (fault->field[0] != '\0') {
        mri_reply_text(reply, "field", fault->field);
    }
    if (fault->byte >= 0) {
        mri_reply_count(reply, "byte", (uint64_t)fault->byte);
    }
    if (line != 0) {
        mri_reply_count(reply, "line", line);
    }
}

mr_err mri_reply_end(struct mri_reply *reply)
{
    struct mri_buf *out = reply->json.buf;
    mri_json_write_object_close(&reply->json);
    mri_buf_text(out, "\n");
    mr_err err = out->err;
    if (err != MR_OK) {
        out->count = reply->begin; /* invariant 1 */
        out->err = MR_OK;
    }
    return err;
}

void mri_reply_take_back(struct mri_reply *reply)
{
    struct mri_buf *out = reply->json.buf;
    out->count = reply->begin;
    out->err = MR_OK;
}

static void put_signal_id(struct mri_reply *reply, const char *key, const char *id)
{
    mri_json_write_key(&reply->json, key);
    put_text(&reply->json, id);
}

void mri_reply_signal(struct mri_reply *reply, const mr_signal *signal, const char *id)
{
    char time[MRI_UTC_BYTES];
    mri_json_write_object_open(&reply->json);
    put_signal_id(reply, "id", id);
    mri_reply_count(reply, "ordinal", signal->ordinal.n);
    mri_reply_text(reply, "time", mri_utc_format(signal->event_time_unix_ns, time));
    mri_reply_text(reply, "symbol", signal->symbol);
    mri_reply_text(reply, "side", signal->side == MR_LONG ? "long" : "short");
    mri_reply_text(reply, "source", signal->source);
    mri_reply_text(reply, "name", signal->name);
    mri_reply_text(reply, "state", mr_state_text(signal->state));
    mri_reply_text(
        reply, "ended", signal->ended == MR_GENERATED ? NULL : mr_state_text(signal->ended));
    mri_reply_text(reply, "gate", signal->gate);
    mri_reply_text(reply, "reason", signal->reason);
    mri_reply_count(reply, "seq", signal->generated.n);
    mri_reply_count(reply, "moved_seq", signal->moved.n);
    mri_reply_count(reply, "last_seq", signal->last.n);
    mri_json_write_object_close(&reply->json);
}

void mri_reply_event(struct mri_reply *reply, const mr_bus_event *event, const char *id)
{
    char time[MRI_UTC_BYTES];
    mri_json_write_object_open(&reply->json);
    mri_reply_count(reply, "seq", event->seq.n);
    mri_reply_text(reply, "event", event->kind);
    mri_reply_text(reply, "logged", mri_utc_format(event->time_unix_ns, time));
    mri_reply_count(reply, "deliveries", event->deliveries);
    if (event->ordinal.n != 0) {
        put_signal_id(reply, "signal_id", id);
        mri_reply_count(reply, "ordinal", event->ordinal.n);
    }
    if (event->is_move) {
        mri_reply_text(reply, "from", mr_state_text(event->from));
        mri_reply_text(reply, "to", mr_state_text(event->to));
        mri_reply_text(reply, "gate", event->gate);
        mri_reply_text(reply, "reason", event->reason);
    }
    mri_json_write_object_close(&reply->json);
}
