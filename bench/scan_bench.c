/* SPDX-License-Identifier: MIT */
/*
 * Reading a log with all checks (head and body checksum, sequence, chain, padding), page cache
 * warm, beside the checksum of the same files alone.
 *
 * usage: scan_bench DIRECTORY     (of a log)
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "bench/harness.h"
#include "millrace/log_read.h"

static uint64_t scan(const char *folder, uint64_t *ret_bytes)
{
    mr_log_reader *reader;
    mr_problem problem = {""};
    mr_log_event event;
    uint64_t events = 0;
    mr_err err;
    mri_harness_must(mr_log_reader_open(folder, &reader, &problem), problem.text);
    *ret_bytes = 0;
    while ((err = mr_log_reader_next(reader, &event, &problem)) == MR_OK) {
        events++;
        *ret_bytes += event.stored_bytes;
    }
    mri_harness_must(err == MR_END ? MR_OK : (int)err, problem.text);
    mr_log_reader_close(reader);
    return events;
}

/** CRC32C over every segment, as far as it was written. */
static uint32_t checksum(const char *folder)
{
    uint32_t crc = 0;
    DIR *directory = opendir(folder);
    mri_harness_must(directory == NULL ? MR_EPATH : MR_OK, folder);
    for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
        char path[4096];
        struct stat status;
        if (strncmp(entry->d_name, "seg-", 4) != 0) {
            continue;
        }
        (void)snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        int fd = open(path, O_RDONLY);
        mri_harness_must(fd < 0 || fstat(fd, &status) != 0 ? MR_EIO : MR_OK, path);
        void *map = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_SHARED, fd, 0);
        mri_harness_must(map == MAP_FAILED ? MR_EIO : MR_OK, path);
        crc = mri_crc32c(crc, map, (size_t)status.st_size);
        (void)munmap(map, (size_t)status.st_size); /* a scratch map */
        (void)close(fd);
    }
    (void)closedir(directory);
    return crc;
}

int main(int argc, char **argv)
{
    uint64_t bytes;
    if (argc != 2) {
        (void)fputs("usage: scan_bench DIRECTORY\n", stderr);
        return 2;
    }
    (void)scan(argv[1], &bytes); /* warm */
    int64_t start = mri_harness_ns();
    uint64_t events = scan(argv[1], &bytes);
    double scanned = (double)(mri_harness_ns() - start);
    start = mri_harness_ns();
    volatile uint32_t crc = checksum(argv[1]);
    (void)crc;
    double summed = (double)(mri_harness_ns() - start);
    mri_harness_result("scan_per_s", (double)events / scanned * 1e9);
    mri_harness_result("scan_floor_per_s", (double)events / summed * 1e9);
    mri_harness_result("scan_bytes_per_event", (double)bytes / (double)events);
    return 0;
}
