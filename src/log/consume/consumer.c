/* SPDX-License-Identifier: MIT */
/*
 * What a consumer's handle does: lease the next event, ack it, give it back.
 *
 *             next                ack
 *   (new) ----------> LEASED ------------> acked: a bit of the window, then below the cursor
 *                     |    ^               ^
 *        nack, close, |    | next          | the record is durable
 *        owner died,  v    |               |
 *        lease ended  WAITING    ack_with  SETTLED: a record of the log acks it, or is its
 *                          the last nack            dead letter
 *
 * Invariants
 *  1. Every change is made in a turn: the file is locked, read anew, and written before the turn
 *     ends. So handles agree, and one that dies in the middle leaves what was before or after.
 *  2. A lease is written before its event is handed out.
 *  3. An event leaves the window only by an ack, a record that acks it, or a gap that is told. The
 *     window never moves over another one.
 *  4. Acks of events that are not leased to this handle change nothing.
 *
 * Not here: opening and closing (consumer_open.c), figures (consumer_stat.c), what ties the file to
 * the log (consumer_work.c).
 */
#include "log/consume/consumer.h"

#include <string.h>

#include "base/problem.h"
#include "base/text.h"
#include "log/consume/consumer_work.h"
#include "log/open/append.h"
#include "log/open/figures.h"
#include "millrace/log_admin.h"

static const int64_t delay_ms_max = (int64_t)366 * 24 * 3600 * 1000;

static mr_err say(const mr_consumer *consumer, mr_problem *problem, mr_err err)
{
    return err == MR_OK
               ? MR_OK
               : mri_problem(problem, err, "%s: %s", consumer->file.path, mr_err_text(err));
}

static int64_t now_ns(const mr_consumer *consumer)
{
    return consumer->os->boottime_ns(consumer->os->context);
}

/* ---- what is told before an event ------------------------------------------------------------ */

/** The consumer was set back since this handle last looked. */
static mr_err tell_rewind(mr_consumer *consumer, mr_delivery *delivery, mr_problem *problem)
{
    const struct mri_consumer_slot *slot = &consumer->file.slot;
    consumer->rewinds_told = slot->rewind_count;
    mri_consumer_source_close(&consumer->front); /* they may stand in what is not any more */
    mri_consumer_source_close(&consumer->back);
    mri_consumer_source_close(&consumer->scout);
    delivery->first.n = slot->rewind_seq;
    delivery->last.n = slot->rewind_until;
    return mri_problem(problem, MR_REWOUND,
        "%s: the events from %llu to %llu, which consumer \"%.*s\" was done with, are not in the "
        "log any more or are others",
        consumer->folder, (unsigned long long)slot->rewind_seq,
        (unsigned long long)slot->rewind_until, MR_CONSUMER_NAME_MAX, slot->rules.name);
}

static mr_err tell_gap(mr_consumer *consumer, mr_delivery *delivery, mr_problem *problem)
{
    const struct mri_consumer_slot *slot = &consumer->file.slot;
    consumer->telling_gap = slot->gap_last;
    delivery->first.n = slot->gap_first;
    delivery->last.n = slot->gap_last;
    return mri_problem(problem, MR_NOT_FOUND,
        "%s: the events from %llu to %llu were gone before consumer \"%.*s\" was done with them",
        consumer->folder, (unsigned long long)slot->gap_first, (unsigned long long)slot->gap_last,
        MR_CONSUMER_NAME_MAX, slot->rules.name);
}

/** The gap that the last call told was heard: whoever calls again has the answer. */
static mr_err note_told(mr_consumer *consumer, mr_problem *problem)
{
    uint64_t told = consumer->telling_gap;
    consumer->telling_gap = 0;
    if (told == 0 || told != consumer->file.slot.gap_last || consumer->file.slot.is_gap_told != 0) {
        return MR_OK;
    }
    consumer->file.slot.is_gap_told = 1;
    return mri_consumer_work_store(consumer, problem);
}

/** Events from `seq` to `last` are gone: count those that were not acked as done, and tell it. */
static mr_err make_gap(
    mr_consumer *consumer, uint64_t seq, uint64_t last, mr_delivery *delivery, mr_problem *problem)
{
    struct mri_consumer_slot *slot = &consumer->file.slot;
    struct mri_consumer_window *window = &slot->window;
    uint64_t end = window->next + MRI_CONSUMER_WINDOW_SEQS - 1;
    bool is_at_cursor = seq == window->next;
    last = is_at_cursor || last < end ? last : end;
    slot->lost_events += last - seq + 1;
    for (uint64_t i = seq; i <= last && i <= end; i++) {
        slot->lost_events -= mri_consumer_window_has(window, i);
    }
    if (is_at_cursor) {
        mri_consumer_window_skip(window, last + 1);
    } else {
        for (uint64_t i = seq; i <= last; i++) {
            (void)mri_consumer_window_add(window, i); /* it is within the window */
        }
    }
    slot->gap_first = seq;
    slot->gap_last = last;
    slot->is_gap_told = 0;
    mr_err err = mri_consumer_work_store(consumer, problem);
    return err == MR_OK ? tell_gap(consumer, delivery, problem) : err;
}

/* ---- next ------------------------------------------------------------------------------------ */

/** Was an event with this lease delivered as often as it may be? */
static bool is_last(const mr_consumer *consumer, const struct mri_consumer_lease *lease)
{
    const struct mri_consumer_rules *rules = &consumer->file.slot.rules;
    return rules->max_deliver > 0 && lease->count >= rules->max_deliver;
}

/** Append a dead letter for an event that was delivered often enough. */
static mr_err give_up(
    mr_consumer *consumer, uint64_t seq, struct mri_slice why, mr_problem *problem)
{
    struct mri_consumer_file *file = &consumer->file;
    static const mr_consumer_batch alone = {.durability = MR_GROUP};
    const mr_seq seqs[] = {{seq}};
    uint32_t count = mri_consumer_lease_find(&file->image.leases, seq)->count;
    mri_consumer_record_put(&file->slot, seqs, 1, count, &consumer->body);
    mri_consumer_record_put_why(&consumer->body, why);
    mr_err err = mri_consumer_work_append(
        consumer, consumer->log, MRI_RECORD_DEAD_LETTER, &alone, NULL, problem);
    return err == MR_OK && !mri_consumer_window_has(&file->slot.window, seq)
               ? mri_problem(problem, MR_EINTERNAL, "the dead letter of event %llu is not found",
                     (unsigned long long)seq)
               : err;
}

/** The event is due again, and was delivered often enough: what comes next goes on behind it. */
static mr_err give_up_due(mr_consumer *consumer, const struct mri_consumer_lease *lease,
    mr_delivery *delivery, mr_problem *problem)
{
    if (consumer->log != NULL) {
        return give_up(consumer, lease->seq, (struct mri_slice){0}, problem);
    }
    delivery->count = lease->count;
    delivery->first.n = lease->seq;
    delivery->last.n = lease->seq;
    return mri_problem(problem, MR_REFUSED,
        "event %llu was delivered %u times to consumer \"%.*s\", and this handle has no log to "
        "write its dead letter to",
        (unsigned long long)lease->seq, lease->count, MR_CONSUMER_NAME_MAX,
        consumer->file.slot.rules.name);
}

/** Lease an event that was read, to this handle. */
static mr_err lease(mr_consumer *consumer, const mr_log_event *event, const mr_log_token *token,
    mr_delivery *delivery, mr_problem *problem)
{
    struct mri_consumer_file *file = &consumer->file;
    const struct mri_consumer_lease *before =
        mri_consumer_lease_find(&file->image.leases, event->seq.n);
    uint32_t count = before == NULL ? 0 : before->count;
    const struct mri_consumer_lease own = {
        .seq = event->seq.n,
        .until_ns = now_ns(consumer) + (int64_t)file->slot.rules.ack_wait_ms * 1000000,
        .count = count == UINT32_MAX ? count : count + 1,
        .owner = (uint16_t)file->owner,
        .state = MRI_CONSUMER_LEASED,
    };
    mr_err err = say(consumer, problem, mri_consumer_file_put_lease(file, &own));
    if (err == MR_OK && count > 0) {
        file->slot.redeliveries++;
        err = mri_consumer_work_store(consumer, problem);
    }
    consumer->tokens[event->seq.n % MRI_CONSUMER_WINDOW_SEQS] = *token;
    delivery->count = own.count;
    return err;
}

/** Is this no event for this consumer? Then it is done with. */
static bool is_passed_over(const mr_consumer *consumer, const mr_log_event *event)
{
    return event->type < MR_LOG_TYPE_FREE && consumer->file.slot.rules.has_log_records == 0;
}

/**
 * The window is used up by acks that may not be durable: sync the log, by its handle if there is
 * one, else from outside if nobody writes. MR_AGAIN: somebody does, what he appends next tells.
 */
static mr_err make_room(mr_consumer *consumer, mr_problem *problem)
{
    struct mri_consumer_file *file = &consumer->file;
    uint64_t known = mri_consumer_source_durable(&consumer->front);
    mr_seq last = {0};
    mr_err err = MR_OK;
    if (consumer->log != NULL) {
        err = mr_log_sync(consumer->log);
        last = mr_log_last(consumer->log);
    } else {
        err = mri_figures_flush(consumer->os, consumer->alloc, consumer->folder, &last, problem);
    }
    if (err < MR_OK) {
        return mri_problem(problem, err, "%s: %s", consumer->folder, mr_err_text(err));
    }
    known = err == MR_OK && last.n > known ? last.n : known;
    consumer->durable_seq = known > consumer->durable_seq ? known : consumer->durable_seq;
    return mri_consumer_lease_fold(&file->image.leases, &file->slot, consumer->durable_seq)
               ? mri_consumer_work_store(consumer, problem)
               : MR_AGAIN;
}

/** One look at what there is; MR_BUSY: something was done with, look again. */
static mr_err step(mr_consumer *consumer, const struct mri_consumer_pick *pick, mr_log_event *event,
    mr_delivery *delivery, mr_problem *problem)
{
    struct mri_consumer_slot *slot = &consumer->file.slot;
    bool is_again = pick->due != 0;
    uint64_t seq = is_again ? pick->due : pick->fresh;
    uint64_t gone_last = 0;
    if (seq == 0) {
        mr_err err = pick->settled > 0 ? make_room(consumer, problem) : MR_AGAIN;
        return err == MR_OK ? MR_BUSY : err;
    }
    if (pick->in_flight >= slot->rules.max_in_flight) {
        return MR_AGAIN;
    }
    if (is_again) {
        const struct mri_consumer_lease *due =
            mri_consumer_lease_find(&consumer->file.image.leases, seq);
        if (is_last(consumer, due)) {
            mr_err err = give_up_due(consumer, due, delivery, problem);
            return err == MR_OK ? MR_BUSY : err;
        }
    }
    struct mri_consumer_source *source = is_again ? &consumer->back : &consumer->front;
    mr_err err = mri_consumer_source_read(source, seq, event, &gone_last, problem);
    if (err == MR_NOT_FOUND) {
        return make_gap(consumer, seq, gone_last, delivery, problem);
    }
    if (err == MR_END && pick->waiting > 0) {
        return MR_AGAIN;
    }
    if (err != MR_OK) {
        return err;
    }
    const mr_log_token token = mri_consumer_source_token(source);
    if (is_passed_over(consumer, event)) {
        mri_consumer_slot_add(slot, seq, &token);
        return MR_BUSY;
    }
    return lease(consumer, event, &token, delivery, problem);
}

static bool is_owner_alive(void *context, uint16_t owner)
{
    return mri_consumer_file_is_alive(context, owner);
}

/** Look until something is to be said; in a turn. */
static mr_err find_next(
    mr_consumer *consumer, mr_log_event *event, mr_delivery *delivery, mr_problem *problem)
{
    struct mri_consumer_file *file = &consumer->file;
    const struct mri_consumer_census census = {is_owner_alive, file};
    uint64_t generation = file->slot.generation;
    struct mri_consumer_window before = file->slot.window;
    struct mri_consumer_pick pick;
    int64_t now = now_ns(consumer);
    mr_err err;
    do {
        pick = mri_consumer_lease_pick(&file->image.leases, &file->slot.window, now, &census);
        err = step(consumer, &pick, event, delivery, problem);
    } while (err == MR_BUSY);
    delivery->wait_ns = pick.next_ns == INT64_MAX ? -1 : pick.next_ns - now;
    bool is_moved = memcmp(&before, &file->slot.window, sizeof(before)) != 0;
    if (is_moved && file->slot.generation == generation && err >= MR_OK) {
        mr_err stored = mri_consumer_work_store(consumer, problem); /* what was passed over */
        err = stored == MR_OK ? err : stored;
    }
    return err;
}

mr_err mr_consumer_next(mr_consumer *consumer, mr_log_event *ret_event, mr_delivery *ret_delivery,
    mr_problem *reterr_problem)
{
    if (consumer == NULL || ret_event == NULL || ret_delivery == NULL) {
        return MR_EINVAL;
    }
    MRI_ASSERT(consumer->magic == MRI_CONSUMER_MAGIC);
    mr_delivery delivery = {.wait_ns = -1};
    mr_err err = mri_consumer_work_begin(consumer, reterr_problem);
    if (err != MR_OK) {
        return err;
    }
    const struct mri_consumer_slot *slot = &consumer->file.slot;
    err = note_told(consumer, reterr_problem);
    if (err == MR_OK && slot->rewind_count != consumer->rewinds_told) {
        err = tell_rewind(consumer, &delivery, reterr_problem);
    } else if (err == MR_OK && slot->gap_last != 0 && slot->is_gap_told == 0) {
        err = tell_gap(consumer, &delivery, reterr_problem);
    } else if (err == MR_OK) {
        err = find_next(consumer, ret_event, &delivery, reterr_problem);
    }
    *ret_delivery = delivery;
    return mri_consumer_work_end(consumer, err);
}

/* ---- ack ------------------------------------------------------------------------------------- */

static mr_err sync_file(mr_consumer *consumer, mr_problem *problem)
{
    return mri_consumer_file_sync(&consumer->file) == MR_OK
               ? MR_OK
               : mri_problem(problem, MR_EUNKNOWN, "%s: a sync failed", consumer->file.path);
}

/** Are all of them leased to this handle? */
static mr_err check_leased(
    mr_consumer *consumer, const mr_seq *seqs, size_t count, mr_problem *problem)
{
    struct mri_consumer_lease *unused;
    mr_err err = MR_OK;
    for (size_t i = 0; i < count && err == MR_OK; i++) {
        err = mri_consumer_work_leased(consumer, seqs[i].n, &unused, problem);
    }
    return err;
}

mr_err mr_consumer_ack_many(
    mr_consumer *consumer, const mr_seq *seqs, size_t count, mr_problem *reterr_problem)
{
    if (consumer == NULL || seqs == NULL || count == 0 || count > MR_CONSUMER_IN_FLIGHT_MAX) {
        return mri_problem(
            reterr_problem, MR_EINVAL, "what is to be acked is missing, or too many");
    }
    MRI_ASSERT(consumer->magic == MRI_CONSUMER_MAGIC);
    mr_err err = mri_consumer_work_begin(consumer, reterr_problem);
    if (err != MR_OK) {
        return err;
    }
    err = check_leased(consumer, seqs, count, reterr_problem);
    for (size_t i = 0; i < count && err == MR_OK; i++) {
        mri_consumer_slot_add(&consumer->file.slot, seqs[i].n,
            &consumer->tokens[seqs[i].n % MRI_CONSUMER_WINDOW_SEQS]);
    }
    if (err == MR_OK) {
        err = mri_consumer_work_store(consumer, reterr_problem);
    }
    if (err == MR_OK && consumer->is_durable_ack) {
        err = sync_file(consumer, reterr_problem);
    }
    return mri_consumer_work_end(consumer, err);
}

mr_err mr_consumer_ack(mr_consumer *consumer, mr_seq seq, mr_problem *reterr_problem)
{
    return mr_consumer_ack_many(consumer, &seq, 1, reterr_problem);
}

/** Is this batch one that can be? */
static mr_err check_batch(const mr_consumer *consumer, const mr_log *log,
    const mr_consumer_batch *batch, mr_problem *problem)
{
    const char *wrong = NULL;
    if (log == NULL) {
        wrong = "there is no log to append to";
    } else if (!mri_consumer_work_is_log(consumer, log)) {
        wrong = "the log to append to is not the one that the consumer reads";
    } else if (batch->seqs == NULL || batch->seq_count == 0 ||
               batch->seq_count > MR_CONSUMER_IN_FLIGHT_MAX) {
        wrong = "what is to be acked is missing, or too many";
    } else if (batch->record_count > MR_CONSUMER_OUTPUTS_MAX ||
               (batch->records == NULL && batch->record_count > 0)) {
        wrong = "the outputs are missing, or too many";
    } else if (batch->durability != MR_ASYNC && batch->durability != MR_GROUP) {
        wrong = "the durability is none";
    }
    for (size_t i = 0; wrong == NULL && i < batch->record_count; i++) {
        wrong = batch->records[i].type < MR_LOG_TYPE_FREE ? "an output has a type of the log's own"
                                                          : NULL;
    }
    return wrong == NULL ? MR_OK : mri_problem(problem, MR_EINVAL, "%s", wrong);
}

/** Is so much acked by records that may not be durable that the window could not move on? */
static bool is_sync_due(mr_consumer *consumer, const mr_consumer_batch *batch)
{
    const struct mri_consumer_file *file = &consumer->file;
    const struct mri_consumer_census census = {is_owner_alive, &consumer->file};
    const struct mri_consumer_window *window = &file->slot.window;
    uint32_t settled = mri_consumer_lease_pick(&file->image.leases, window, 0, &census).settled;
    uint64_t reach = batch->seqs[0].n - window->next;
    return settled + batch->seq_count > MRI_CONSUMER_SETTLED_MAX ||
           (settled > 0 && reach > MRI_CONSUMER_SETTLED_MAX);
}

mr_err mr_consumer_ack_with(mr_consumer *consumer, mr_log *log, const mr_consumer_batch *batch,
    mr_log_ack *ret_ack, mr_problem *reterr_problem)
{
    if (consumer == NULL || batch == NULL) {
        return mri_problem(reterr_problem, MR_EINVAL, "a consumer or a batch is missing");
    }
    MRI_ASSERT(consumer->magic == MRI_CONSUMER_MAGIC);
    mr_consumer_batch own = *batch;
    log = log == NULL ? consumer->log : log;
    mr_err err = check_batch(consumer, log, batch, reterr_problem);
    if (err != MR_OK) {
        return err;
    }
    err = mri_consumer_work_begin(consumer, reterr_problem);
    if (err != MR_OK) {
        return err;
    }
    err = check_leased(consumer, batch->seqs, batch->seq_count, reterr_problem);
    if (err == MR_OK) {
        bool is_due = consumer->is_durable_ack || is_sync_due(consumer, batch);
        own.durability = is_due ? MR_GROUP : own.durability;
        mri_consumer_record_put(
            &consumer->file.slot, batch->seqs, batch->seq_count, 0, &consumer->body);
        err =
            mri_consumer_work_append(consumer, log, MRI_RECORD_ACK, &own, ret_ack, reterr_problem);
    }
    return mri_consumer_work_end(consumer, err);
}

/* ---- leases ---------------------------------------------------------------------------------- */

/** Change a lease of this handle: from now on, for so long. */
static mr_err change(mr_consumer *consumer, const struct mri_consumer_lease *lease,
    enum mri_consumer_lease_state state, int64_t for_ns, mr_problem *problem)
{
    struct mri_consumer_lease changed = *lease;
    changed.state = (uint8_t)state;
    changed.until_ns = now_ns(consumer) + for_ns;
    return say(consumer, problem, mri_consumer_file_put_lease(&consumer->file, &changed));
}

static mr_err check_why(struct mri_slice why, mr_problem *problem)
{
    if (why.count > MR_CONSUMER_REASON_MAX) {
        return mri_problem(problem, MR_REFUSED, "reason: expected up to %d bytes, found %zu",
            MR_CONSUMER_REASON_MAX, why.count);
    }
    return mri_text_is_utf8(why) && !mri_text_has_control(why)
               ? MR_OK
               : mri_problem(
                     problem, MR_REFUSED, "reason: expected UTF-8 without control characters");
}

mr_err mr_consumer_nack(mr_consumer *consumer, mr_seq seq, int64_t delay_ms, const char *reason,
    mr_problem *reterr_problem)
{
    if (consumer == NULL || delay_ms > delay_ms_max) {
        return mri_problem(reterr_problem, MR_EINVAL, "a delay of more than a year");
    }
    MRI_ASSERT(consumer->magic == MRI_CONSUMER_MAGIC);
    const struct mri_slice why = reason == NULL ? (struct mri_slice){0} : mri_slice_of(reason);
    struct mri_consumer_lease *lease = NULL;
    mr_err err = check_why(why, reterr_problem);
    if (err == MR_OK) {
        err = mri_consumer_work_begin(consumer, reterr_problem);
    }
    if (err != MR_OK) {
        return err;
    }
    err = mri_consumer_work_leased(consumer, seq.n, &lease, reterr_problem);
    if (err == MR_OK && consumer->log != NULL && is_last(consumer, lease)) {
        err = give_up(consumer, seq.n, why, reterr_problem);
    } else if (err == MR_OK) {
        const struct mri_consumer_rules *rules = &consumer->file.slot.rules;
        int64_t delay_ns =
            delay_ms < 0 ? mri_consumer_lease_back_off(rules, lease->count) : delay_ms * 1000000;
        err = change(consumer, lease, MRI_CONSUMER_WAITING, delay_ns, reterr_problem);
    }
    return mri_consumer_work_end(consumer, err);
}

mr_err mr_consumer_extend(mr_consumer *consumer, mr_seq seq, mr_problem *reterr_problem)
{
    if (consumer == NULL) {
        return MR_EINVAL;
    }
    MRI_ASSERT(consumer->magic == MRI_CONSUMER_MAGIC);
    struct mri_consumer_lease *lease = NULL;
    mr_err err = mri_consumer_work_begin(consumer, reterr_problem);
    if (err != MR_OK) {
        return err;
    }
    err = mri_consumer_work_leased(consumer, seq.n, &lease, reterr_problem);
    if (err == MR_OK) {
        int64_t for_ns = (int64_t)consumer->file.slot.rules.ack_wait_ms * 1000000;
        err = change(consumer, lease, MRI_CONSUMER_LEASED, for_ns, reterr_problem);
    }
    return mri_consumer_work_end(consumer, err);
}

mr_err mr_consumer_sync(mr_consumer *consumer, mr_problem *reterr_problem)
{
    if (consumer == NULL) {
        return MR_EINVAL;
    }
    MRI_ASSERT(consumer->magic == MRI_CONSUMER_MAGIC);
    mr_err err = mri_consumer_work_begin(consumer, reterr_problem);
    if (err != MR_OK) {
        return err;
    }
    if (consumer->log != NULL) {
        err = make_room(consumer, reterr_problem);
        err = err == MR_AGAIN ? MR_OK : err;
    }
    if (err == MR_OK) { /* anew, so that a sync which failed before does not matter */
        err = mri_consumer_work_store(consumer, reterr_problem);
    }
    if (err == MR_OK) {
        err = sync_file(consumer, reterr_problem);
    }
    return mri_consumer_work_end(consumer, err);
}
