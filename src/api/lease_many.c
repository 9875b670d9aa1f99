/* SPDX-License-Identifier: MIT */
/*
 * Many events of a consumer in one turn.
 *
 * Invariants
 *  1. As in log/consume/consumer.c: a turn reads the file anew, leases are written before anything
 *     is handed out, and nothing else than what was looked at leaves the window.
 *  2. Nothing but new events is treated here: before the first of them nothing is due again, and
 *     nothing is to be told.
 *  3. Events that are passed over at the cursor only move it, all that follow one another at once.
 *
 * When a process is killed in the middle, some of the leases are written: they are due at once, and
 * count as delivered.
 */
#include "api/lease_many.h"

#include "base/problem.h"
#include "log/consume/consumer_work.h"

struct turn {
    mr_consumer *consumer;
    const struct mri_lease_wish *wish;
    struct mri_lease_found found;
    struct mri_consumer_lease lease; /* that each event gets, but for its seq */
    uint64_t first_leased;           /* 0: none */
    uint64_t last_leased;
    uint64_t passed; /* the cursor is to move behind this one; 0: it stays */
    mr_log_token passed_token;
    bool is_moved; /* the window has changed */
};

/** Is there anything that mr_consumer_next() would say before an event? */
static bool has_news(const mr_consumer *consumer)
{
    const struct mri_consumer_slot *slot = &consumer->file.slot;
    return consumer->telling_gap != 0 || slot->rewind_count != consumer->rewinds_told ||
           (slot->gap_last != 0 && slot->is_gap_told == 0);
}

static bool is_owner_alive(void *context, uint16_t owner)
{
    return mri_consumer_file_is_alive(context, owner);
}

/** Where the cursor will be. */
static uint64_t cursor_of(const struct turn *turn)
{
    return turn->passed != 0 ? turn->passed + 1 : turn->consumer->file.slot.window.next;
}

/** Move the cursor over what was passed. */
static void settle(struct turn *turn)
{
    struct mri_consumer_slot *slot = &turn->consumer->file.slot;
    if (turn->passed != 0) {
        mri_consumer_window_skip(&slot->window, turn->passed + 1);
        slot->token = turn->passed_token.seq > slot->token.seq ? turn->passed_token : slot->token;
        turn->passed = 0;
    }
}

static void pass(struct turn *turn, uint64_t seq, const mr_log_token *token)
{
    turn->is_moved = true;
    if (seq == cursor_of(turn)) {
        turn->passed = seq;
        turn->passed_token = *token;
    } else {
        settle(turn);
        mri_consumer_slot_add(&turn->consumer->file.slot, seq, token);
    }
}

static void lease(struct turn *turn, uint64_t seq, const mr_log_token *token)
{
    struct mri_consumer_file *file = &turn->consumer->file;
    size_t index = seq % MRI_CONSUMER_WINDOW_SEQS;
    struct mri_consumer_lease *place = &file->image.leases.items[index];
    *place = turn->lease;
    place->seq = seq;
    mri_consumer_lease_seal(place, file->seed);
    turn->consumer->tokens[index] = *token;
    turn->first_leased = turn->first_leased == 0 ? seq : turn->first_leased;
    turn->last_leased = seq;
}

/** Read an event and be done with it, or lease it. */
static mr_err look(struct turn *turn, uint64_t seq, mr_problem *problem)
{
    mr_consumer *consumer = turn->consumer;
    mr_log_event event;
    uint64_t gone_last;
    bool is_wanted = false;
    mr_err err = mri_consumer_source_read(&consumer->front, seq, &event, &gone_last, problem);
    if (err != MR_OK) {
        return err;
    }
    bool is_own = event.type < MR_LOG_TYPE_FREE && consumer->file.slot.rules.has_log_records == 0;
    err = is_own ? MR_OK : turn->wish->judge(turn->wish->context, &event, &is_wanted);
    const mr_log_token token = mri_consumer_source_token(&consumer->front);
    if (err != MR_OK) {
        if (turn->found.leased == 0) { /* else it is the first of the next turn */
            lease(turn, seq, &token);
        }
        return err;
    }
    turn->found.looked++;
    if (is_wanted) {
        lease(turn, seq, &token);
        turn->found.leased++;
    } else {
        pass(turn, seq, &token);
    }
    return MR_OK;
}

static bool is_taken(mr_consumer *consumer, uint64_t seq)
{
    struct mri_consumer_file *file = &consumer->file;
    return mri_consumer_window_has(&file->slot.window, seq) ||
           mri_consumer_lease_find(&file->image.leases, seq) != NULL;
}

/** Look at one event after the other; MR_OK: as many as were wished for, or the window is full. */
static mr_err walk(struct turn *turn, uint64_t from, uint32_t room, mr_problem *problem)
{
    const struct mri_lease_wish *wish = turn->wish;
    const struct mri_consumer_window *window = &turn->consumer->file.slot.window;
    mr_err err = MR_OK;
    for (uint64_t seq = from;
         err == MR_OK && turn->found.leased < room && turn->found.looked < wish->looks_max &&
         seq - cursor_of(turn) < MRI_CONSUMER_WINDOW_SEQS;
         seq++) {
        if (!is_taken(turn->consumer, seq)) {
            err = look(turn, seq, problem);
        } else if (seq == cursor_of(turn) && mri_consumer_window_has(window, seq)) {
            turn->passed = seq; /* by its own ack: the token is that of the one before */
        }
    }
    return err;
}

/** Write the leases from one place of the window to another; what lies between is as it was. */
static mr_err write_leases(struct mri_consumer_file *file, size_t first, size_t last)
{
    const struct mri_consumer_lease *items = file->image.leases.items;
    const struct mri_io_piece piece = {&items[first], (last - first + 1) * sizeof(*items)};
    return file->os->write_at(
        file->os->context, file->fd, &piece, 1, MRI_CONSUMER_LEASES_AT + first * sizeof(*items));
}

static mr_err put_leases(struct turn *turn)
{
    enum { LAST = MRI_CONSUMER_WINDOW_SEQS - 1 };
    struct mri_consumer_file *file = &turn->consumer->file;
    size_t first = turn->first_leased % MRI_CONSUMER_WINDOW_SEQS;
    size_t last = turn->last_leased % MRI_CONSUMER_WINDOW_SEQS;
    if (turn->first_leased == 0) {
        return MR_OK;
    }
    if (first <= last) {
        return write_leases(file, first, last);
    }
    mr_err err = write_leases(file, first, LAST);
    return err == MR_OK ? write_leases(file, 0, last) : err;
}

/** Write what the turn has changed. */
static mr_err finish(struct turn *turn, mr_problem *problem)
{
    struct mri_consumer_file *file = &turn->consumer->file;
    settle(turn);
    mr_err err = put_leases(turn);
    if (err != MR_OK) {
        return mri_problem(problem, err, "%s: %s", file->path, mr_err_text(err));
    }
    return turn->is_moved ? mri_consumer_work_store(turn->consumer, problem) : MR_OK;
}

/** What a walk that leased nothing has to say. */
static mr_err say(struct turn *turn, const struct mri_consumer_pick *pick, int64_t now, mr_err err)
{
    turn->found.wait_ns = pick->next_ns == INT64_MAX ? -1 : pick->next_ns - now;
    if (err == MR_NOT_FOUND) {
        return MR_BUSY;
    }
    if (err == MR_END) {
        return pick->waiting > 0 ? MR_AGAIN : MR_END;
    }
    turn->found.is_cut = err == MR_OK;
    return err == MR_OK ? MR_AGAIN : err;
}

static mr_err take_turn(struct turn *turn, mr_problem *problem)
{
    mr_consumer *consumer = turn->consumer;
    struct mri_consumer_file *file = &consumer->file;
    const struct mri_consumer_rules *rules = &file->slot.rules;
    const struct mri_consumer_census census = {is_owner_alive, file};
    int64_t now = consumer->os->boottime_ns(consumer->os->context);
    const struct mri_consumer_pick pick =
        mri_consumer_lease_pick(&file->image.leases, &file->slot.window, now, &census);
    if (has_news(consumer) || pick.due != 0 || pick.fresh == 0 ||
        pick.in_flight >= rules->max_in_flight) {
        return MR_BUSY;
    }
    uint32_t room = rules->max_in_flight - pick.in_flight;
    room = turn->wish->events_max < room ? turn->wish->events_max : room;
    turn->lease = (struct mri_consumer_lease){
        .until_ns = now + (int64_t)rules->ack_wait_ms * 1000000,
        .count = 1,
        .owner = (uint16_t)file->owner,
        .state = MRI_CONSUMER_LEASED,
    };
    mr_err err = walk(turn, pick.fresh, room, problem);
    mr_err written = finish(turn, problem);
    if (written != MR_OK) {
        return written;
    }
    return turn->found.leased > 0 ? MR_OK : say(turn, &pick, now, err);
}

mr_err mri_lease_many(mr_consumer *consumer, const struct mri_lease_wish *wish,
    struct mri_lease_found *ret_found, mr_problem *reterr_problem)
{
    struct turn turn = {.consumer = consumer, .wish = wish, .found = {.wait_ns = -1}};
    MRI_ASSERT(consumer->magic == MRI_CONSUMER_MAGIC);
    mr_err err = mri_consumer_work_begin(consumer, reterr_problem);
    if (err == MR_OK) {
        err = mri_consumer_work_end(consumer, take_turn(&turn, reterr_problem));
    }
    *ret_found = turn.found;
    return err;
}
