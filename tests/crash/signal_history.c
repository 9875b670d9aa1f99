/* SPDX-License-Identifier: MIT */
/*
 * Checking histories of objects whose versions are in a known order.
 *
 * One walk through time. The floor of an object is the highest version that somebody was answered
 * of: who is called later may see that one, or a later one, and make only a later one.
 *
 * Invariants
 *  1. When an operation is called, it is put at the lowest version that it may have seen and that
 *     is not below the floor. To put it higher would only raise the floor of who comes later.
 *  2. Of two operations of which one was answered before the other was called the second is never
 *     put lower; and what is made is put above everything that was answered before.
 */
#include "tests/crash/signal_history.h"

#include <string.h>

static bool is_possible(const struct mri_seen *seen, const struct mri_signal_history_room *room)
{
    return seen->object < room->object_max && seen->low <= seen->high && seen->called != 0 &&
           seen->called <= room->moment_max && seen->answered <= room->moment_max &&
           (seen->answered == 0 || seen->answered > seen->called);
}

/** Chain the operations of each moment; the first one's index + 1 begins a chain. */
static enum mri_signal_history_fault chain(const struct mri_seen *seen, size_t count,
    const struct mri_signal_history_room *room, size_t *ret_place)
{
    memset(room->called, 0, (room->moment_max + 1) * sizeof(*room->called));
    memset(room->answered, 0, (room->moment_max + 1) * sizeof(*room->answered));
    memset(room->floor, 0, room->object_max * sizeof(*room->floor));
    for (size_t i = 0; i < count; i++) {
        if (!is_possible(&seen[i], room)) {
            *ret_place = i;
            return MRI_SIGNAL_HISTORY_IMPOSSIBLE;
        }
        room->next_called[i] = room->called[seen[i].called];
        room->called[seen[i].called] = (uint32_t)i + 1;
        if (seen[i].answered != 0) {
            room->next_answered[i] = room->answered[seen[i].answered];
            room->answered[seen[i].answered] = (uint32_t)i + 1;
        }
    }
    return MRI_SIGNAL_HISTORY_GOOD;
}

/** An operation is called: where does it stand? */
static enum mri_signal_history_fault put(
    const struct mri_seen *seen, uint32_t floor, uint32_t *ret_put)
{
    if (seen->is_made) {
        *ret_put = seen->high;
        return seen->low > floor ? MRI_SIGNAL_HISTORY_GOOD : MRI_SIGNAL_HISTORY_AGAINST_TIME;
    }
    *ret_put = seen->low > floor ? seen->low : floor;
    return *ret_put <= seen->high ? MRI_SIGNAL_HISTORY_GOOD : MRI_SIGNAL_HISTORY_STALE;
}

enum mri_signal_history_fault mri_signal_history_check(const struct mri_seen *seen, size_t count,
    const struct mri_signal_history_room *room, size_t *ret_place)
{
    enum mri_signal_history_fault fault = chain(seen, count, room, ret_place);
    for (uint64_t moment = 1; moment <= room->moment_max; moment++) {
        uint32_t at = fault == MRI_SIGNAL_HISTORY_GOOD ? room->called[moment] : 0;
        for (; at != 0 && fault == MRI_SIGNAL_HISTORY_GOOD; at = room->next_called[at - 1]) {
            *ret_place = at - 1;
            fault = put(&seen[at - 1], room->floor[seen[at - 1].object], &room->put[at - 1]);
        }
        if (fault != MRI_SIGNAL_HISTORY_GOOD) {
            return fault;
        }
        for (at = room->answered[moment]; at != 0; at = room->next_answered[at - 1]) {
            uint32_t *floor = &room->floor[seen[at - 1].object];
            *floor = room->put[at - 1] > *floor ? room->put[at - 1] : *floor;
        }
    }
    return fault;
}

const char *mri_signal_history_text(enum mri_signal_history_fault fault)
{
    static const char *const texts[] = {"good", "impossible", "against time", "stale"};
    return (size_t)fault < sizeof(texts) / sizeof(texts[0]) ? texts[fault] : "?";
}
