/* SPDX-License-Identifier: MIT */
/*
 * Makes a log that nobody has sealed, of events that take so many SEALs: batches of 1 and of 1,024
 * events take turns, so that a SEAL ends behind each.
 *
 *   unsealed_log FOLDER SEALS [TYPE]
 */
#include <stdio.h>
#include <stdlib.h>

#include "millrace/log.h"
#include "tests/lib/log_sample.h"

enum { BATCH_MAX = 1024 };

static void must(mr_err err, const char *what)
{
    if (err != MR_OK) {
        (void)fprintf(stderr, "%s: %s\n", what, mr_err_text(err));
        exit(3);
    }
}

int main(int count, char **arguments)
{
    static mr_log_record records[BATCH_MAX];
    const mr_log_options options = {.is_create = true, .is_thin = true};
    mr_log *log;
    if (count != 3 && count != 4) {
        (void)fprintf(stderr, "usage: unsealed_log FOLDER SEALS [TYPE]\n");
        return 2;
    }
    uint16_t type = count == 4 ? (uint16_t)strtoul(arguments[3], NULL, 10) : MR_LOG_TYPE_FREE;
    for (size_t i = 0; i < BATCH_MAX; i++) {
        records[i] = (mr_log_record){.type = type, .version = 1};
    }
    must(mr_log_open(arguments[1], &options, &log, NULL), "open");
    mri_log_sample_keep_unsealed(log, true);
    unsigned long seals = strtoul(arguments[2], NULL, 10);
    for (unsigned long i = 0; i < seals; i++) {
        must(mr_log_append(log, records, i % 2 == 0 ? 1 : BATCH_MAX, MR_ASYNC, NULL), "append");
    }
    must(mr_log_sync(log), "sync");
    mr_log_close(log);
    return 0;
}
