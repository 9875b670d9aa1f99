/* SPDX-License-Identifier: MIT */
/*
 * Checking histories of a log.
 *
 * Because each done append names its seqs, the order in which appends took effect is not searched
 * for: it is the order of the log. What is left to check is that this order agrees with time, and
 * that every conflict and every look fits somewhere between its call and its answer.
 *
 * Invariants
 *  1. A history is good only if there is one moment for each operation, within its time, so that
 *     all answers are right; of operations without an answer those count whose events are there.
 */
#include "tests/torture/history.h"

#include <string.h>

struct checking {
    const struct mri_history_op *ops;
    size_t op_count;
    const struct mri_history_event *events;
    size_t event_count;
    const struct mri_history_room *room;
    size_t place;
};

static bool is_append(const struct mri_history_op *op)
{
    return op->kind != MRI_HISTORY_LOOK;
}

/** The seq of an event in the log; 0 = it is not there. Done operations say where theirs are. */
static uint64_t find_event(const struct checking *checking, uint32_t process, uint32_t number)
{
    for (size_t i = checking->event_count; i > 0; i--) {
        if (checking->events[i - 1].process == process &&
            checking->events[i - 1].number == number) {
            return i;
        }
    }
    return 0;
}

static bool is_at(const struct checking *checking, const struct mri_history_op *op, uint64_t first)
{
    if (first == 0 || first + op->count - 1 > checking->event_count) {
        return false;
    }
    for (uint32_t i = 0; i < op->count; i++) {
        const struct mri_history_event *event = &checking->events[first - 1 + i];
        if (event->process != op->process || event->number != op->number + i) {
            return false;
        }
    }
    return true;
}

/** Note whose an operation's events are; each belongs to one only. */
static enum mri_history_fault claim(struct checking *checking, size_t index, uint64_t first)
{
    const struct mri_history_op *op = &checking->ops[index];
    for (uint32_t i = 0; i < op->count; i++) {
        if (checking->room->op_at[first - 1 + i] != 0) {
            return MRI_HISTORY_DOUBLED;
        }
        checking->room->op_at[first - 1 + i] = index + 1;
        checking->room->called_at[first - 1 + i] = op->called;
        checking->room->answered_at[first - 1 + i] = op->answered;
    }
    return MRI_HISTORY_GOOD;
}

/** Find the events of every operation that was done, and of those that nobody knows of. */
static enum mri_history_fault place_operations(struct checking *checking)
{
    for (size_t i = 0; i < checking->op_count; i++) {
        const struct mri_history_op *op = &checking->ops[i];
        enum mri_history_fault fault = MRI_HISTORY_GOOD;
        checking->place = i;
        if (!is_append(op) || op->answer == MRI_HISTORY_CONFLICT) {
            continue;
        }
        if (op->answer == MRI_HISTORY_DONE) {
            bool is_there = op->last == op->first + op->count - 1 && is_at(checking, op, op->first);
            fault = is_there ? claim(checking, i, op->first) : MRI_HISTORY_LOST;
        } else {
            uint64_t first = find_event(checking, op->process, op->number);
            if (first != 0) {
                fault = is_at(checking, op, first) ? claim(checking, i, first) : MRI_HISTORY_TORN;
            }
        }
        if (fault != MRI_HISTORY_GOOD) {
            return fault;
        }
    }
    return MRI_HISTORY_GOOD;
}

/** Every event is somebody's, and each process's are in its order. */
static enum mri_history_fault check_events(struct checking *checking)
{
    for (size_t i = 0; i < checking->event_count; i++) {
        const struct mri_history_event *event = &checking->events[i];
        checking->place = i;
        if (event->process == 0) {
            continue;
        }
        if (event->process > checking->room->process_max) {
            return MRI_HISTORY_TOO_LARGE;
        }
        uint32_t *newest = &checking->room->newest[event->process - 1];
        if (event->number == *newest && *newest != 0) {
            return MRI_HISTORY_DOUBLED;
        }
        if (event->number < *newest) {
            return checking->room->op_at[i] == 0 ? MRI_HISTORY_DOUBLED : MRI_HISTORY_REORDERED;
        }
        if (checking->room->op_at[i] == 0) {
            return MRI_HISTORY_INVENTED;
        }
        *newest = event->number;
    }
    return MRI_HISTORY_GOOD;
}

/**
 * Time: no event of an operation stands before one that had been answered when it was called. After
 * this, answered_at[i] is the earliest answer of the event i or a later one.
 */
static enum mri_history_fault check_time(struct checking *checking)
{
    uint64_t earliest = UINT64_MAX;
    for (size_t i = checking->event_count; i > 0; i--) {
        uint64_t answered = checking->room->answered_at[i - 1];
        checking->place = i - 1;
        if (checking->room->op_at[i - 1] != 0 && checking->room->called_at[i - 1] > earliest) {
            return MRI_HISTORY_AGAINST_TIME;
        }
        earliest = answered != 0 && answered < earliest ? answered : earliest;
        checking->room->answered_at[i - 1] = earliest;
    }
    uint64_t latest = 0;
    for (size_t i = 0; i < checking->event_count; i++) { /* called_at[i]: of it or one before */
        uint64_t called = checking->room->called_at[i];
        latest = called > latest ? called : latest;
        checking->room->called_at[i] = latest;
    }
    return MRI_HISTORY_GOOD;
}

/** The earliest moment at which `last` is known to be `seq` or more. */
static uint64_t surely_from(const struct checking *checking, uint64_t seq)
{
    return seq == 0                      ? 0
           : seq > checking->event_count ? UINT64_MAX
                                         : checking->room->answered_at[seq - 1];
}

/** The latest moment at which `last` is known to be below `seq`. */
static uint64_t not_before(const struct checking *checking, uint64_t seq)
{
    return seq == 0                      ? 0
           : seq > checking->event_count ? UINT64_MAX
                                         : checking->room->called_at[seq - 1];
}

static enum mri_history_fault check_after(
    const struct checking *checking, const struct mri_history_op *op)
{
    if (op->answer == MRI_HISTORY_DONE) {
        return op->first == op->expected + 1 ? MRI_HISTORY_GOOD : MRI_HISTORY_NOT_EXPECTED;
    }
    /* A conflict is false when `expected` had come before the call and stayed past the answer. */
    bool had_come = surely_from(checking, op->expected) < op->called;
    bool has_stayed = not_before(checking, op->expected + 1) > op->answered;
    return had_come && has_stayed ? MRI_HISTORY_FALSE_CONFLICT : MRI_HISTORY_GOOD;
}

static enum mri_history_fault check_answers(struct checking *checking)
{
    for (size_t i = 0; i < checking->op_count; i++) {
        const struct mri_history_op *op = &checking->ops[i];
        enum mri_history_fault fault = MRI_HISTORY_GOOD;
        checking->place = i;
        if (op->answer == MRI_HISTORY_NONE) {
            continue;
        }
        if (op->kind == MRI_HISTORY_APPEND_AFTER) {
            fault = check_after(checking, op);
        } else if (op->kind == MRI_HISTORY_LOOK) {
            bool is_old = surely_from(checking, op->last + 1) < op->called;
            bool is_early = not_before(checking, op->last) > op->answered;
            fault = is_old || is_early ? MRI_HISTORY_FALSE_LOOK : MRI_HISTORY_GOOD;
        }
        if (fault != MRI_HISTORY_GOOD) {
            return fault;
        }
    }
    return MRI_HISTORY_GOOD;
}

/** Of those that expected one seq at most one was done. */
static enum mri_history_fault check_winners(struct checking *checking)
{
    uint64_t *winner = checking->room->op_at; /* free from here on */
    memset(winner, 0, checking->room->event_max * sizeof(*winner));
    for (size_t i = 0; i < checking->op_count; i++) {
        const struct mri_history_op *op = &checking->ops[i];
        checking->place = i;
        if (op->kind != MRI_HISTORY_APPEND_AFTER || op->answer != MRI_HISTORY_DONE ||
            op->expected >= checking->room->event_max) {
            continue;
        }
        if (winner[op->expected] != 0) {
            return MRI_HISTORY_TWO_WINNERS;
        }
        winner[op->expected] = i + 1;
    }
    return MRI_HISTORY_GOOD;
}

enum mri_history_fault mri_history_check(const struct mri_history_op *ops, size_t op_count,
    const struct mri_history_event *events, size_t event_count, const struct mri_history_room *room,
    size_t *ret_place)
{
    struct checking checking = {.ops = ops,
        .op_count = op_count,
        .events = events,
        .event_count = event_count,
        .room = room};
    enum mri_history_fault (*const checks[])(struct checking *) = {
        check_winners, place_operations, check_events, check_time, check_answers};
    enum mri_history_fault fault =
        event_count > room->event_max ? MRI_HISTORY_TOO_LARGE : MRI_HISTORY_GOOD;
    for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]) && fault == MRI_HISTORY_GOOD; i++) {
        if (i == 1) {
            memset(room->op_at, 0, room->event_max * sizeof(*room->op_at));
            memset(room->answered_at, 0, room->event_max * sizeof(*room->answered_at));
            memset(room->called_at, 0, room->event_max * sizeof(*room->called_at));
            memset(room->newest, 0, room->process_max * sizeof(*room->newest));
        }
        fault = checks[i](&checking);
    }
    *ret_place = checking.place;
    return fault;
}

const char *mri_history_text(enum mri_history_fault fault)
{
    static const char *const texts[] = {"good", "lost", "invented", "doubled", "torn", "reordered",
        "against time", "not expected", "two winners", "false conflict", "false look", "too large"};
    return (size_t)fault < sizeof(texts) / sizeof(texts[0]) ? texts[fault] : "?";
}
