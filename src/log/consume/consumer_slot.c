/* SPDX-License-Identifier: MIT */
/*
 * The durable half of a consumer's file.
 *
 *   0        512       4096     4608      8192
 *   | slot 0 | zeros   | slot 1 | zeros   | leases ...
 *
 * Invariants
 *  1. A slot is written whole, always over the older of the two, with a generation one higher. So
 *     one that is torn, or a page that went bad, leaves the other.
 *  2. What is read is hostile until it was checked: numbers are in range, texts end, what is
 *     reserved is zero.
 */
#include "log/consume/consumer_slot.h"

#include <string.h>

#include "base/crc32c.h"
#include "base/problem.h"

bool mri_consumer_slot_is_name(const char *name)
{
    size_t count = 0;
    for (; name != NULL && name[count] != '\0'; count++) {
        char c = name[count];
        bool is_good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
        if (!is_good || count >= MR_CONSUMER_NAME_MAX) {
            return false;
        }
    }
    return count > 0;
}

mr_err mri_consumer_slot_rules(const char *name, const mr_consumer_options *options,
    struct mri_consumer_rules *ret_rules, mr_problem *problem)
{
    const char *wrong = NULL;
    bool is_seq = options->start == MR_CONSUMER_SEQ;
    if ((unsigned)options->start > MR_CONSUMER_SEQ) {
        wrong = "start";
    } else if (is_seq ? options->start_seq.n == 0 || options->start_seq.n > INT64_MAX
                      : options->start_seq.n != 0) {
        wrong = "start_seq";
    } else if ((unsigned)options->policy > MR_CONSUMER_DROP) {
        wrong = "policy";
    } else if (options->max_in_flight > MR_CONSUMER_IN_FLIGHT_MAX) {
        wrong = "max_in_flight";
    } else if (options->back_off_count > MR_CONSUMER_BACK_OFF_MAX) {
        wrong = "back_off_count";
    }
    if (wrong != NULL) {
        return mri_problem(problem, MR_EINVAL, "consumer \"%s\": %s is out of range", name, wrong);
    }
    struct mri_consumer_rules rules = {
        .start_seq = options->start_seq.n,
        .start = (uint8_t)options->start,
        .policy = (uint8_t)options->policy,
        .has_log_records = options->has_log_records,
        .back_off_count = (uint8_t)options->back_off_count,
        .max_in_flight =
            options->max_in_flight == 0 ? MR_CONSUMER_IN_FLIGHT_MAX : options->max_in_flight,
        .max_deliver = options->max_deliver,
        .ack_wait_ms = options->ack_wait_ms == 0 ? MR_CONSUMER_ACK_WAIT_MS : options->ack_wait_ms,
    };
    memcpy(rules.back_off_ms, options->back_off_ms,
        options->back_off_count * sizeof(options->back_off_ms[0]));
    memcpy(rules.name, name, strlen(name));
    *ret_rules = rules;
    return MR_OK;
}

mr_err mri_consumer_slot_compare(const struct mri_consumer_rules *made,
    const struct mri_consumer_rules *asked, mr_problem *problem)
{
    const char *other = NULL;
    if (made->start != asked->start || made->start_seq != asked->start_seq) {
        other = "another start";
    } else if (made->policy != asked->policy) {
        other = "another policy";
    } else if (made->max_in_flight != asked->max_in_flight) {
        other = "another max_in_flight";
    } else if (made->max_deliver != asked->max_deliver) {
        other = "another max_deliver";
    } else if (made->ack_wait_ms != asked->ack_wait_ms) {
        other = "another ack_wait_ms";
    } else if (made->has_log_records != asked->has_log_records) {
        other = "another has_log_records";
    } else if (made->back_off_count != asked->back_off_count ||
               memcmp(made->back_off_ms, asked->back_off_ms, sizeof(made->back_off_ms)) != 0) {
        other = "another back-off list";
    }
    return other == NULL ? MR_OK
                         : mri_problem(problem, MR_EINVAL,
                               "consumer \"%.*s\" was made with %s, which stays as it was",
                               MR_CONSUMER_NAME_MAX, made->name, other);
}

void mri_consumer_slot_seal(struct mri_consumer_slot *slot)
{
    slot->crc = mri_crc32c(0, slot, offsetof(struct mri_consumer_slot, crc));
}

static bool is_zero(const void *bytes, size_t count)
{
    unsigned sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum |= ((const uint8_t *)bytes)[i];
    }
    return sum == 0;
}

static bool are_rules_possible(const struct mri_consumer_rules *rules)
{
    char name[MR_CONSUMER_NAME_MAX + 1] = {0};
    memcpy(name, rules->name, sizeof(rules->name));
    size_t length = strlen(name);
    return mri_consumer_slot_is_name(name) &&
           is_zero(rules->name + length, sizeof(rules->name) - length) &&
           rules->start <= MR_CONSUMER_SEQ && rules->policy <= MR_CONSUMER_DROP &&
           rules->has_log_records <= 1 && rules->back_off_count <= MR_CONSUMER_BACK_OFF_MAX &&
           rules->max_in_flight >= 1 && rules->max_in_flight <= MR_CONSUMER_IN_FLIGHT_MAX &&
           rules->ack_wait_ms >= 1 && rules->start_seq <= INT64_MAX;
}

mr_err mri_consumer_slot_check(const struct mri_consumer_slot *slot)
{
    if (memcmp(slot->magic, MRI_CONSUMER_SLOT_MAGIC, sizeof(slot->magic)) != 0 ||
        slot->crc != mri_crc32c(0, slot, offsetof(struct mri_consumer_slot, crc))) {
        return MR_ECORRUPT;
    }
    if (slot->version != MRI_CONSUMER_SLOT_VERSION) {
        return MR_EVERSION;
    }
    bool is_possible = slot->window.next >= 1 && slot->window.next <= INT64_MAX &&
                       (slot->window.bits[0] & 1) == 0 && slot->token.seq <= INT64_MAX &&
                       slot->applied_seq <= INT64_MAX && slot->gap_first <= slot->gap_last &&
                       slot->gap_last <= INT64_MAX && slot->is_gap_told <= 1 &&
                       is_zero(slot->reserved, sizeof(slot->reserved)) &&
                       are_rules_possible(&slot->rules);
    return is_possible ? MR_OK : MR_ECORRUPT;
}

mr_err mri_consumer_slot_choose(
    const struct mri_consumer_slot *first, const struct mri_consumer_slot *second, int *ret_index)
{
    mr_err errs[2] = {mri_consumer_slot_check(first), mri_consumer_slot_check(second)};
    if (errs[0] == MR_EVERSION || errs[1] == MR_EVERSION) {
        return MR_EVERSION;
    }
    if (errs[0] != MR_OK && errs[1] != MR_OK) {
        return MR_ECORRUPT;
    }
    bool is_second =
        errs[0] != MR_OK || (errs[1] == MR_OK && second->generation > first->generation);
    *ret_index = is_second ? 1 : 0;
    return MR_OK;
}

void mri_consumer_slot_add(struct mri_consumer_slot *slot, uint64_t seq, const mr_log_token *token)
{
    bool is_within = mri_consumer_window_add(&slot->window, seq);
    MRI_ASSERT(is_within);
    if (token->seq > slot->token.seq) {
        slot->token = *token;
    }
}
