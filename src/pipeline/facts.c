/* SPDX-License-Identifier: MIT */
/*
 * Appending facts from outside.
 *
 * Invariants
 *  1. A batch is appended only behind the very events that it was checked against: when others came
 *     first, theirs are taken in and all is checked and drafted anew.
 */
#include "pipeline/facts.h"

#include <string.h>

#include "base/problem.h"

enum { BODIES_BYTES_MAX = 16 * 1024 * 1024 };

static bool is_attribute(const mr_log *log, const char *key, const char *value)
{
    const char *found = mr_log_attribute_get(log, key);
    return found != NULL && strcmp(found, value) == 0;
}

mr_err mri_facts_check_log(const mr_log *log, const char *folder, mr_problem *reterr_problem)
{
    const char *feed = mr_log_attribute_get(log, MRI_ATTRIBUTE_FEED);
    if (feed == NULL || strcmp(feed, "none") == 0) {
        return MR_OK;
    }
    return mri_problem(reterr_problem, MR_REFUSED,
        "%s has a feed of its own (%s), which alone brings its prices; a log for prices from "
        "outside "
        "is made by `millrace run --feed none`",
        folder, feed);
}

mr_err mri_facts_init(struct mri_facts *facts, const struct mri_os *os,
    const struct mri_alloc *alloc, struct mri_fold *fold)
{
    *facts = (struct mri_facts){.os = os, .fold = fold};
    mri_outside_clock_init(&facts->clock, os, fold->options.folder,
        mr_log_attribute_get(fold->bus.log, MRI_ATTRIBUTE_TIME));
    mr_err err = mri_fact_desk_init(&facts->desk, alloc, &fold->wiring.market,
        is_attribute(fold->bus.log, MRI_ATTRIBUTE_TIME, "live"));
    if (err == MR_OK) {
        err = mri_batch_init(&facts->batch, alloc, 2 * MRI_FACT_BATCH_MAX, BODIES_BYTES_MAX);
    }
    if (err != MR_OK) {
        mri_facts_fini(facts);
    }
    return err;
}

void mri_facts_fini(struct mri_facts *facts)
{
    if (facts != NULL) {
        mri_fact_desk_fini(&facts->desk);
        mri_batch_fini(&facts->batch);
        *facts = (struct mri_facts){0};
    }
}

static mr_err follow(struct mri_fold *fold, mr_problem *problem)
{
    mr_err err = mri_fold_follow(fold, problem);
    return err == MR_OK && fold->damage != MR_OK
               ? mri_problem_pass(problem, fold->damage, fold->damage_problem.text)
               : err;
}

static mr_err draft_all(struct mri_facts *facts, const struct mri_fact_input *inputs, size_t count,
    struct mri_facts_answer *answer, mr_problem *problem)
{
    const struct mri_os *os = facts->os;
    int64_t now = mri_outside_clock_now(&facts->clock, facts->fold->bus.event_time_unix_ns);
    *answer = (struct mri_facts_answer){0};
    mr_err err = mri_outside_clock_check(&facts->clock, now, problem);
    if (err == MR_OK) {
        err = mri_fact_desk_begin(&facts->desk, now, os->realtime_unix_ns(os->context));
    }
    mri_bus_begin(&facts->fold->bus, &facts->batch);
    for (size_t i = 0; i < count && err == MR_OK; i++) {
        struct mri_fact_answer one;
        err = mri_fact_desk_draft(&facts->desk, &inputs[i], &facts->batch, &one, problem);
        answer->repeated += one.is_repeated;
        answer->index = i;
        answer->reason = one.reason;
    }
    return err;
}

mr_err mri_facts_append(struct mri_facts *facts, const struct mri_fact_input *inputs, size_t count,
    mr_durability durability, struct mri_facts_answer *ret_answer, mr_problem *reterr_problem)
{
    mr_err err = MR_AGAIN;
    while (err == MR_AGAIN) {
        err = follow(facts->fold, reterr_problem);
        if (err == MR_OK) {
            err = draft_all(facts, inputs, count, ret_answer, reterr_problem);
        }
        if (err == MR_OK && facts->batch.count > 0) {
            err = mri_bus_append(&facts->fold->bus, &facts->batch, durability, NULL, NULL);
        }
    }
    return err;
}
