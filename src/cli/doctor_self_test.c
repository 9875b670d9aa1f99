/* SPDX-License-Identifier: MIT */
/*
 * A signal of each way of ending goes through all its states, in a log of its own in the temporary
 * folder, which is gone afterwards: what a bot does in a day, done once by the same calls.
 */
#define _GNU_SOURCE
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

#include "bus/shared_state.h"
#include "cli/doctor.h"
#include "millrace/bus.h"
#include "pipeline/fold.h"

#define TABLE_SIGNALS "4096"

enum { WAYS = 3, STATES_MAX = 8, OPEN_FOLDERS = 8, SEGMENT_BYTES = 1 << 20 };

static const char symbol[] = "SELFTEST";

/** The states of one signal, from the first to the last. */
struct way {
    mr_state states[STATES_MAX];
    unsigned count;
};

static const struct way ways[WAYS] = {
    {{MR_GENERATED, MR_EVALUATING, MR_APPROVED, MR_EXECUTING, MR_EXECUTED, MR_LEARNED}, 6},
    {{MR_GENERATED, MR_EVALUATING, MR_BLOCKED, MR_LEARNED}, 4},
    {{MR_GENERATED, MR_EXPIRED, MR_LEARNED}, 3},
};

static mr_err go_step(mr_bus *bus, mr_ordinal ordinal, mr_state from, mr_state to, mr_problem *why)
{
    const mr_move move = {.ordinal = ordinal,
        .from = from,
        .to = to,
        .gate = to == MR_BLOCKED ? "external" : NULL,
        .reason = "external"};
    mr_signal found;
    mr_err err = mr_bus_move(bus, &move, 1, MR_GROUP, NULL, why);
    if (err == MR_OK) {
        err = mr_bus_get(bus, ordinal, &found);
    }
    if (err == MR_OK && found.state != to) {
        (void)snprintf(why->text, sizeof(why->text), "a signal that was moved to %s is %s",
            mr_state_text(to), mr_state_text(found.state));
        err = MR_EINTERNAL;
    }
    return err;
}

static mr_err go_way(mr_bus *bus, const struct way *way, mr_problem *why)
{
    const mr_emission emission = {
        .symbol = symbol, .source = "doctor", .side = MR_LONG, .confidence = 0.5};
    mr_emitted emitted;
    mr_err err = mr_bus_emit(bus, &emission, 1, MR_GROUP, &emitted, why);
    for (unsigned i = 1; i < way->count && err == MR_OK; i++) {
        err = go_step(bus, emitted.ordinal, way->states[i - 1], way->states[i], why);
    }
    return err;
}

/** A live log whose files are as small as they can be. */
static mr_err open_small(
    const struct mri_doctor *doctor, const char *folder, mr_bus **ret_bus, mr_problem *why)
{
    static const mr_log_attribute attributes[] = {{MRI_ATTRIBUTE_TIME, "live"},
        {MRI_ATTRIBUTE_MARKET, "real"}, {MRI_ATTRIBUTE_FEED, "none"},
        {MRI_ATTRIBUTE_TABLE_SIGNALS, TABLE_SIGNALS}};
    const mr_log_options options = {.is_create = true,
        .segment_bytes = SEGMENT_BYTES,
        .attributes = attributes,
        .attribute_count = MRI_COUNT_OF(attributes)};
    mr_log *made = NULL;
    mr_err err = mri_shared_state_open_log(
        doctor->cli->os, doctor->cli->alloc, folder, &options, &made, why);
    if (err == MR_OK) {
        err = mr_bus_open(folder, ret_bus, why);
    }
    mr_log_close(made); /* the bus has it open, too, and goes on */
    return err;
}

static mr_err go_all(const struct mri_doctor *doctor, const char *folder, mr_problem *why)
{
    mr_bus *bus = NULL;
    uint64_t counts[MR_STATE_COUNT];
    mr_err err = open_small(doctor, folder, &bus, why);
    if (err == MR_OK) {
        err = mr_bus_register(bus, symbol, why);
    }
    for (unsigned i = 0; i < WAYS && err == MR_OK; i++) {
        err = go_way(bus, &ways[i], why);
    }
    if (err == MR_OK) {
        err = mr_bus_counts(bus, counts, why);
    }
    if (err == MR_OK && counts[MR_LEARNED] != WAYS) {
        (void)snprintf(why->text, sizeof(why->text), "%d signals were learned, and it counts %llu",
            (int)WAYS, (unsigned long long)counts[MR_LEARNED]);
        err = MR_EINTERNAL;
    }
    mr_bus_close(bus);
    return err;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status;
    (void)type;
    (void)walk;
    return remove(path);
}

void mri_doctor_self_test(struct mri_doctor *doctor)
{
    static const char todo[] = "give it a writable TMPDIR and room in /dev/shm; if both are there, "
                               "this installation does not work here";
    const char *parent = getenv("TMPDIR");
    char folder[MRI_PATH_BYTES_MAX];
    mr_problem why = {""};
    int count = snprintf(folder, sizeof(folder), "%s/millrace-doctor-XXXXXX",
        parent == NULL || parent[0] == '\0' ? "/tmp" : parent);
    if (count >= (int)sizeof(folder) || mkdtemp(folder) == NULL) {
        mri_findings_add(&doctor->findings, MRI_FINDING_WARNING, "self-test", todo,
            "%s: no folder can be made there", folder);
        return;
    }
    mr_err err = go_all(doctor, folder, &why);
    int removed = nftw(folder, remove_entry, OPEN_FOLDERS, FTW_DEPTH | FTW_PHYS);
    if (err != MR_OK) {
        mri_findings_add(&doctor->findings, MRI_FINDING_FAULT, "self-test", todo, "%s",
            why.text[0] != '\0' ? why.text : mr_err_text(err));
    } else if (removed != 0) {
        mri_findings_add(&doctor->findings, MRI_FINDING_WARNING, "self-test", "remove it",
            "%s could not be removed", folder);
    } else {
        mri_findings_ok(&doctor->findings, "self-test",
            "%d signals went through all their states, each step durable", (int)WAYS);
    }
}
