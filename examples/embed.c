/* SPDX-License-Identifier: MIT */
/*
 * The event log from C: append two records, durably, and read them back.
 *
 *   cc embed.c $(pkg-config --cflags --libs millrace) -o embed && ./embed FOLDER
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <millrace/log.h>
#include <millrace/log_read.h>

enum { GREETING = MR_LOG_TYPE_FREE };

static int fail(const char *what, mr_err err, const mr_problem *problem)
{
    (void)fprintf(stderr, "%s: %s: %s\n", what, mr_err_name(err), problem->text);
    return 1;
}

int main(int argc, char **argv)
{
    const mr_log_options options = {.is_create = true};
    const mr_log_record records[] = {
        {.type = GREETING, .body = "hello", .body_bytes = 5},
        {.type = GREETING, .body = "again", .body_bytes = 5},
    };
    mr_problem problem = {""};
    mr_log *log;
    mr_log_reader *reader;
    mr_log_event event;
    if (argc != 2) {
        (void)fprintf(stderr, "usage: embed FOLDER\n");
        return 2;
    }
    mr_err err = mr_log_open(argv[1], &options, &log, &problem);
    if (err != MR_OK) {
        return fail("open", err, &problem);
    }
    mr_log_ack ack;
    err = mr_log_append(log, records, 2, MR_GROUP, &ack); /* both or none, and on the disk */
    mr_log_close(log);
    if (err != MR_OK) {
        return fail("append", err, &problem);
    }
    err = mr_log_reader_open(argv[1], &reader, &problem);
    if (err != MR_OK) {
        return fail("read", err, &problem);
    }
    while ((err = mr_log_reader_next(reader, &event, &problem)) == MR_OK) {
        if (event.type == GREETING) {
            (void)printf(
                "%" PRIu64 " %.*s\n", event.seq.n, (int)event.body_bytes, (const char *)event.body);
        }
    }
    mr_log_reader_close(reader);
    return err == MR_END ? 0 : fail("read", err, &problem);
}
