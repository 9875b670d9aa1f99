/* SPDX-License-Identifier: MIT */
/*
 * The bodies of ACK and DEAD_LETTER.
 *
 * Invariants
 *  1. A record counts for the consumer whose id it has, not whose name: a consumer that was removed
 *     and made again is another one.
 *  2. The parts fill the body exactly, or it is none.
 *  3. A record that does not say why is, byte for byte, the one of version 1.
 */
#include "log/consume/consumer_record.h"

#include <string.h>

void mri_consumer_record_put(const struct mri_consumer_slot *slot, const mr_seq *seqs, size_t count,
    uint32_t deliveries, struct mri_consumer_body *ret_body)
{
    MRI_ASSERT(count >= 1 && count <= MRI_CONSUMER_WINDOW_SEQS);
    size_t name_bytes = 0;
    while (name_bytes < sizeof(slot->rules.name) && slot->rules.name[name_bytes] != '\0') {
        name_bytes++;
    }
    struct mri_consumer_ack head = {
        .count = (uint32_t)count,
        .name_bytes = (uint32_t)name_bytes,
        .deliveries = deliveries,
        .reason = deliveries == 0 ? MRI_CONSUMER_REASON_NONE : MRI_CONSUMER_REASON_MAX_DELIVER,
        .lowest_seq = UINT64_MAX,
    };
    memcpy(head.consumer_id, slot->id, sizeof(head.consumer_id));
    uint8_t *at = ret_body->bytes + sizeof(head);
    for (size_t i = 0; i < count; i++) {
        head.lowest_seq = seqs[i].n < head.lowest_seq ? seqs[i].n : head.lowest_seq;
        memcpy(at, &seqs[i].n, sizeof(seqs[i].n));
        at += sizeof(seqs[i].n);
    }
    memcpy(at, slot->rules.name, name_bytes);
    memcpy(ret_body->bytes, &head, sizeof(head));
    ret_body->count = (uint32_t)(at + name_bytes - ret_body->bytes);
    ret_body->version = MRI_RECORD_VERSION;
}

void mri_consumer_record_put_why(struct mri_consumer_body *body, struct mri_slice why)
{
    MRI_ASSERT(why.count <= MR_CONSUMER_REASON_MAX);
    if (why.count == 0) {
        return;
    }
    const uint16_t why_bytes = (uint16_t)why.count;
    memcpy(
        body->bytes + offsetof(struct mri_consumer_ack, why_bytes), &why_bytes, sizeof(why_bytes));
    memcpy(body->bytes + body->count, why.bytes, why.count);
    body->count += why_bytes;
    body->version = MRI_CONSUMER_RECORD_VERSION_WHY;
}

bool mri_consumer_record_read(const mr_log_event *event, struct mri_consumer_said *ret_said)
{
    struct mri_consumer_said said;
    bool is_letter = event->type == MRI_RECORD_DEAD_LETTER;
    bool is_with_why = is_letter && event->version == MRI_CONSUMER_RECORD_VERSION_WHY;
    if ((!is_letter && event->type != MRI_RECORD_ACK) ||
        (event->version != MRI_RECORD_VERSION && !is_with_why) || event->body == NULL ||
        event->body_bytes < sizeof(said.head)) {
        return false;
    }
    memcpy(&said.head, event->body, sizeof(said.head));
    uint64_t why_bytes = is_with_why ? said.head.why_bytes : 0;
    uint64_t bytes =
        sizeof(said.head) + 8 * (uint64_t)said.head.count + said.head.name_bytes + why_bytes;
    if (said.head.count < 1 || said.head.count > MRI_CONSUMER_WINDOW_SEQS ||
        said.head.name_bytes > MR_CONSUMER_NAME_MAX || why_bytes > MR_CONSUMER_REASON_MAX ||
        bytes != event->body_bytes) {
        return false;
    }
    said.seqs = (const uint8_t *)event->body + sizeof(said.head);
    said.name = (struct mri_slice){
        (const char *)said.seqs + 8 * (size_t)said.head.count, said.head.name_bytes};
    said.why = (struct mri_slice){said.name.bytes + said.name.count, (size_t)why_bytes};
    *ret_said = said;
    return true;
}

bool mri_consumer_record_get(const mr_log_event *event,
    const uint8_t consumer_id[MRI_CONSUMER_ID_BYTES], struct mri_consumer_said *ret_said)
{
    struct mri_consumer_said said;
    bool is_own = mri_consumer_record_read(event, &said) &&
                  memcmp(said.head.consumer_id, consumer_id, MRI_CONSUMER_ID_BYTES) == 0;
    if (is_own) {
        *ret_said = said;
    }
    return is_own;
}

uint64_t mri_consumer_record_seq(const struct mri_consumer_said *said, uint32_t index)
{
    uint64_t seq;
    memcpy(&seq, said->seqs + 8 * (size_t)index, sizeof(seq));
    return seq;
}
