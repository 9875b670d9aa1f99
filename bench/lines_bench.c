/* SPDX-License-Identifier: MIT */
/*
 * Lines of JSON through `millrace emit`, of 200 and of 575 bytes: in seconds and in seconds of the
 * processor; beside reading and parsing the same lines and writing as many ids.
 *
 * usage: lines_bench MILLRACE FOLDER
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/ident.h"
#include "bench/harness.h"
#include "millrace/bus.h"
#include "os/line_reader.h"
#include "json/json_read.h"

enum { ROUNDS = 3, SIZES = 2, LINES = 500000, TABLE = 1 << 20, LINE_BYTES_MAX = 1 << 20 };

static const size_t sizes[SIZES] = {200, 575};
static char path[600];

static void stop(const char *what, const char *why)
{
    (void)fprintf(stderr, "lines_bench: %s: %s\n", what, why);
    exit(1);
}

static const char *path_of(const char *folder, const char *name)
{
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static void make_lines(const char *file, size_t bytes)
{
    char line[1024];
    FILE *out = fopen(file, "w");
    if (out == NULL) {
        stop("lines", file);
    }
    for (int i = 0; i < LINES; i++) {
        int count = snprintf(line, sizeof(line),
            "{\"symbol\":\"BTCUSDT\",\"side\":\"%s\",\"source\":\"my-bot\",\"confidence\":0.%02d,"
            "\"external_id\":\"x-%08d\",\"data\":{\"why\":\"",
            i % 2 == 0 ? "long" : "short", i % 100, i);
        memset(line + count, 'x', bytes - 4 - (size_t)count);
        memcpy(line + bytes - 4, "\"}}\n", 4);
        if (fwrite(line, 1, bytes, out) != bytes) {
            stop("lines", file);
        }
    }
    (void)fclose(out);
}

static void make_log(const char *folder)
{
    mr_bus *bus = NULL;
    mr_problem problem = {""};
    if (mr_bus_create_sized(folder, TABLE, &bus, &problem) != MR_OK ||
        mr_bus_register(bus, "BTCUSDT", &problem) != MR_OK) {
        stop(folder, problem.text);
    }
    mr_bus_close(bus);
}

static double seconds_of(const struct rusage *usage)
{
    return (double)(usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) +
           (double)(usage->ru_utime.tv_usec + usage->ru_stime.tv_usec) * 1e-6;
}

/** Lines a second through the program; the second one of the processor. */
static void emit(const char *program, const char *log, const char *lines, double ret_rates[2])
{
    int status;
    struct rusage usage;
    int64_t began = mri_harness_ns();
    pid_t child = fork();
    if (child == 0) {
        int in = open(lines, O_RDONLY | O_CLOEXEC);
        int out = open("/dev/null", O_WRONLY | O_CLOEXEC);
        (void)dup2(in, STDIN_FILENO);
        (void)dup2(out, STDOUT_FILENO);
        (void)dup2(out, STDERR_FILENO);
        (void)execl(program, program, "emit", "--dir", log, "--durability", "async", (char *)NULL);
        _exit(9);
    }
    if (wait4(child, &status, 0, &usage) != child || status != 0) {
        stop(program, "has failed");
    }
    ret_rates[0] = LINES * 1e9 / (double)(mri_harness_ns() - began);
    ret_rates[1] = LINES / seconds_of(&usage);
}

static mr_err pass(void *context, struct mri_slice key, const struct mri_json_value *value)
{
    (void)key;
    *(size_t *)context += value->raw.count;
    return MR_OK;
}

/** Lines a second that are read, parsed, and answered with an id; the second one as in emit(). */
static void run_floor(const char *lines, const char *out_path, double ret_rates[2])
{
    struct rusage before;
    struct rusage after;
    struct mri_line_reader *reader;
    struct mri_json_parser *parser;
    struct mri_line line;
    size_t sum = 0;
    char id[MRI_IDENT_BYTES];
    struct mri_ident ident = {.symbol = mri_slice_of("BTCUSDT"), .time_unix_ms = 1746372900000};
    const struct mri_line_source source = {.path = lines, .line_bytes_max = LINE_BYTES_MAX};
    FILE *out = fopen(out_path, "w");
    (void)getrusage(RUSAGE_SELF, &before);
    int64_t began = mri_harness_ns();
    if (out == NULL ||
        mri_line_reader_open(mri_os_linux(), mri_alloc_system(), &source, &reader, NULL) != MR_OK ||
        mri_json_parser_open(mri_alloc_system(), LINE_BYTES_MAX, &parser) != MR_OK) {
        stop("floor", lines);
    }
    while (mri_line_reader_next(reader, &line, NULL) == MR_OK) {
        if (mri_json_parse_object(parser, line.text, pass, &sum, NULL) != MR_OK) {
            stop("floor", "a line is bad");
        }
        ident.ordinal.n++;
        (void)fputs(mri_ident_format(&ident, id), out);
        (void)fputc('\n', out);
    }
    ret_rates[0] = LINES * 1e9 / (double)(mri_harness_ns() - began);
    (void)getrusage(RUSAGE_SELF, &after);
    ret_rates[1] = LINES / (seconds_of(&after) - seconds_of(&before));
    (void)fclose(out);
    mri_json_parser_close(parser);
    mri_line_reader_close(reader);
    if (sum == 0) {
        stop("floor", "nothing was read");
    }
}

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;
    return (left > right) - (left < right);
}

static void tell(size_t size, const char *what, double rates[ROUNDS])
{
    char name[64];
    qsort(rates, ROUNDS, sizeof(rates[0]), compare);
    (void)snprintf(name, sizeof(name), "lines_%zu_%s_per_s", size, what);
    mri_harness_result(name, rates[ROUNDS / 2]);
}

int main(int argc, char **argv)
{
    double rates[SIZES][4][ROUNDS];
    char lines[SIZES][600];
    char log[600];
    char out[600];
    if (argc != 3 || mkdir(argv[2], 0700) != 0) {
        stop("usage", "lines_bench MILLRACE FOLDER, which is made");
    }
    (void)snprintf(out, sizeof(out), "%s", path_of(argv[2], "ids"));
    for (int i = 0; i < SIZES; i++) {
        (void)snprintf(lines[i], sizeof(lines[i]), "%s", path_of(argv[2], i == 0 ? "a" : "b"));
        make_lines(lines[i], sizes[i]);
    }
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < SIZES; i++) {
            double found[2];
            char name[32];
            (void)snprintf(name, sizeof(name), "log-%d-%d", round, i);
            (void)snprintf(log, sizeof(log), "%s", path_of(argv[2], name));
            make_log(log);
            run_floor(lines[i], out, found);
            rates[i][2][round] = found[0];
            rates[i][3][round] = found[1];
            emit(argv[1], log, lines[i], found);
            rates[i][0][round] = found[0];
            rates[i][1][round] = found[1];
        }
    }
    for (int i = 0; i < SIZES; i++) {
        tell(sizes[i], "emit", rates[i][0]);
        tell(sizes[i], "processor", rates[i][1]);
        tell(sizes[i], "floor", rates[i][2]);
        tell(sizes[i], "floor_processor", rates[i][3]);
    }
    return 0;
}
