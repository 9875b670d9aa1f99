/* SPDX-License-Identifier: MIT */
/*
 * Telling what became of an event.
 *
 *   1 ........ | first ....... GAP a..b ....... newest |
 *     removed                     lost                  not come yet
 */
#include "bus/missing_event.h"

#include <stdio.h>

#include "base/problem.h"
#include "millrace/log_admin.h"

mr_err mri_missing_event_removed(const char *what, uint64_t first_seq, mr_problem *reterr_problem)
{
    return mri_problem(reterr_problem, MR_NOT_FOUND,
        "%s was removed: the log is kept from event %llu on", what, (unsigned long long)first_seq);
}

/** The first event that there is, or that a GAP stands for; 1 in an empty log. */
static mr_err find_first(mr_log_reader *reader, uint64_t *ret_seq, mr_problem *problem)
{
    mr_log_event record;
    mr_err err = mr_log_reader_seek_time(reader, 0, problem);
    if (err == MR_OK) {
        err = mr_log_reader_next(reader, &record, problem);
    }
    *ret_seq = err == MR_OK ? record.seq.n : 1;
    return err == MR_END ? MR_OK : err;
}

/** The newest event, or the last that a GAP stands for; 0 in an empty log. */
static mr_err find_newest(mr_log_reader *reader, uint64_t *ret_seq, mr_problem *problem)
{
    mr_log_event record;
    mr_log_gap gap;
    mr_err err = mr_log_reader_seek_end(reader, problem);
    if (err == MR_OK) {
        err = mr_log_reader_previous(reader, &record, problem);
    }
    *ret_seq = err != MR_OK ? 0 : mr_log_event_gap(&record, &gap) ? gap.last.n : record.seq.n;
    return err == MR_END ? MR_OK : err;
}

/** The reader stands where the event would be. */
static mr_err tell_place(mr_log_reader *reader, uint64_t seq, mr_problem *problem)
{
    mr_log_event record;
    mr_log_gap gap;
    mr_err err = mr_log_reader_next(reader, &record, problem);
    if (err != MR_OK) {
        return err;
    }
    if (mr_log_event_gap(&record, &gap)) {
        return mri_problem(problem, MR_NOT_FOUND,
            "event %llu is lost: a repair has given up events %llu to %llu",
            (unsigned long long)seq, (unsigned long long)gap.first.n,
            (unsigned long long)gap.last.n);
    }
    return mri_problem(problem, MR_NOT_FOUND,
        "event %llu is of the log's own (kind %u), none of the bus", (unsigned long long)seq,
        (unsigned)record.type);
}

mr_err mri_missing_event_tell(mr_log_reader *reader, uint64_t seq, mr_problem *reterr_problem)
{
    mr_problem own = {""};
    mr_problem *problem = reterr_problem == NULL ? &own : reterr_problem;
    char what[40];
    uint64_t first = 1;
    uint64_t newest = 0;
    mr_err err = mr_log_reader_seek(reader, (mr_seq){seq}, problem);
    if (err == MR_OK) {
        err = tell_place(reader, seq, problem);
    }
    if (err != MR_END && (err != MR_NOT_FOUND || problem->text[0] != '\0')) {
        return err;
    }
    err = find_first(reader, &first, problem);
    if (err == MR_OK) {
        err = find_newest(reader, &newest, problem);
    }
    if (err != MR_OK) {
        return err;
    }
    (void)snprintf(what, sizeof(what), "event %llu", (unsigned long long)seq);
    return seq > 0 && seq < first ? mri_missing_event_removed(what, first, problem)
                                  : mri_problem(problem, MR_NOT_FOUND, "no %s: the newest is %llu",
                                        what, (unsigned long long)newest);
}
