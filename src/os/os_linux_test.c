/* SPDX-License-Identifier: MIT */
/*
 * Tests of the machine we run on: what each call of the table promises, on real files.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "os/os.h"
#include "os/shared_memory.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/temp_folder.h"

static char folder[MRI_TEMP_FOLDER_BYTES];
static const struct mri_os *os;

static int make_folder(void **fixture)
{
    (void)fixture;
    os = mri_os_linux();
    (void)mri_temp_folder_make(folder);
    return 0;
}

static int remove_folder(void **fixture)
{
    (void)fixture;
    mri_temp_folder_remove(folder);
    return 0;
}

static const char *in_folder(const char *name)
{
    static char path[MRI_PATH_BYTES_MAX];
    assert_int_equal(mri_os_path(folder, name, path), MR_OK);
    return path;
}

static int open_new(const char *name)
{
    int fd = -1;
    assert_int_equal(os->open(NULL, in_folder(name), MRI_OPEN_WRITE | MRI_OPEN_CREATE, &fd), MR_OK);
    return fd;
}

static void opening_follows_its_flags(void **fixture)
{
    (void)fixture;
    int fd = -1;
    assert_int_equal(os->open(NULL, in_folder("a"), MRI_OPEN_READ, &fd), MR_EPATH);
    assert_int_equal(os->open(NULL, in_folder("a"), MRI_OPEN_WRITE, &fd), MR_EPATH);
    assert_int_equal(fd, -1);
    os->close(NULL, open_new("a"));
    os->close(NULL, open_new("a"));
    os->close(NULL, open_new("b"));
    assert_int_equal(os->open(NULL, in_folder("b"), MRI_OPEN_READ, &fd), MR_OK);
    struct mri_io_piece piece = {"x", 1};
    assert_true(os->write_at(NULL, fd, &piece, 1, 0) < 0); /* for reading only */
    os->close(NULL, fd);
    assert_int_equal(os->open(NULL, in_folder("b/c"), MRI_OPEN_READ, &fd), MR_EPATH);
    assert_int_equal(os->open(NULL, folder, MRI_OPEN_WRITE, &fd), MR_EPATH);
}

/* A limit on the length of files cuts a write short, and refuses the rest of it. */
static void a_write_that_is_cut_short_is_not_taken_for_whole(void **fixture)
{
    (void)fixture;
    char bytes[2000] = {0};
    const struct mri_io_piece pieces[] = {{bytes, sizeof(bytes)}, {bytes, sizeof(bytes)}};
    struct rlimit kept;
    int fd = open_new("short");
    void (*before)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &kept), 0);
    struct rlimit limit = {.rlim_cur = 1000, .rlim_max = kept.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    mr_err one = os->write_at(NULL, fd, pieces, 1, 0);
    mr_err two = os->write_at(NULL, fd, pieces, 2, 0);
    assert_int_equal(os->write_bulk(NULL, fd, bytes, sizeof(bytes), 0), MR_ELIMIT);
    assert_int_equal(os->write_bulk(NULL, fd, bytes, sizeof(bytes), 4096), MR_ELIMIT);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &kept), 0);
    (void)signal(SIGXFSZ, before);
    assert_int_equal(one, MR_ELIMIT);
    assert_int_equal(two, MR_ELIMIT);
    os->close(NULL, fd);
}

/* And with no signal, which would end who has not heard of it. */
static void a_file_is_not_made_longer_than_the_process_may_have_it(void **fixture)
{
    (void)fixture;
    struct mri_shared_memory memory;
    struct rlimit kept;
    uint64_t bytes;
    int fd = open_new("long");
    assert_int_equal(os->allocate(NULL, fd, 3000), MR_OK);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &kept), 0);
    struct rlimit limit = {.rlim_cur = 1000, .rlim_max = kept.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    mr_err longer[] = {os->allocate(NULL, fd, 3001), os->truncate(NULL, fd, 3001),
        os->memory_create(NULL, in_folder("memory"), 4096, 4096, &memory)};
    mr_err shorter = os->truncate(NULL, fd, 2000);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &kept), 0);
    for (size_t i = 0; i < MRI_COUNT_OF(longer); i++) {
        assert_int_equal(longer[i], MR_ELIMIT);
    }
    assert_int_equal(shorter, MR_OK);
    assert_int_equal(os->size(NULL, fd, &bytes), MR_OK);
    assert_int_equal(bytes, 2000);
    os->close(NULL, fd);
    assert_int_equal(os->open(NULL, in_folder("memory"), MRI_OPEN_READ, &fd), MR_EPATH);
}

static void new_files_and_folders_belong_to_the_user_alone(void **fixture)
{
    (void)fixture;
    struct stat status;
    mode_t kept = umask(0);
    int fd = open_new("private");
    assert_int_equal(fstat(fd, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    os->close(NULL, fd);
    assert_int_equal(os->make_folder(NULL, in_folder("sub")), MR_OK);
    assert_int_equal(stat(in_folder("sub"), &status), 0);
    assert_int_equal(status.st_mode & 0777, 0700);
    assert_int_equal(os->make_folder(NULL, in_folder("sub")), MR_EXISTS);
    assert_int_equal(os->make_folder(NULL, in_folder("no/sub")), MR_EPATH);
    (void)umask(kept);
}

static void a_file_of_another_user_is_read_and_never_written(void **fixture)
{
    (void)fixture;
    int fd = open_new("theirs");
    os->close(NULL, fd);
    if (chown(in_folder("theirs"), 65534, 65534) != 0) {
        print_message("skipped: only root can give a file away\n");
        return;
    }
    assert_int_equal(os->open(NULL, in_folder("theirs"), MRI_OPEN_WRITE, &fd), MR_EACCESS);
    assert_int_equal(
        os->open(NULL, in_folder("theirs"), MRI_OPEN_WRITE | MRI_OPEN_CREATE, &fd), MR_EACCESS);
    assert_int_equal(os->open(NULL, in_folder("theirs"), 0, &fd), MR_OK);
    os->close(NULL, fd);
}

static void a_link_to_a_small_file_is_read_only_when_a_user_named_it(void **fixture)
{
    (void)fixture;
    char target[MRI_PATH_BYTES_MAX];
    char bytes[8];
    size_t count = 0;
    assert_int_equal(mri_os_path(folder, "small", target), MR_OK);
    assert_int_equal(mri_os_replace_file(os, folder, "small", "abc", 3), MR_OK);
    assert_int_equal(symlink(target, in_folder("named")), 0);
    const char *link = in_folder("named");
    assert_int_equal(mri_os_read_file(os, link, bytes, sizeof(bytes), &count), MR_EPATH);
    assert_int_equal(mri_os_read_named_file(os, link, bytes, sizeof(bytes), &count), MR_OK);
    assert_int_equal(count, 3);
    assert_memory_equal(bytes, "abc", 3);
}

static void a_symbolic_link_is_followed_only_when_asked(void **fixture)
{
    (void)fixture;
    int fd = -1;
    os->close(NULL, open_new("target"));
    char target[MRI_PATH_BYTES_MAX];
    assert_int_equal(mri_os_path(folder, "target", target), MR_OK);
    assert_int_equal(symlink(target, in_folder("link")), 0);
    assert_int_equal(os->open(NULL, in_folder("link"), MRI_OPEN_READ, &fd), MR_EPATH);
    assert_int_equal(
        os->open(NULL, in_folder("link"), MRI_OPEN_READ | MRI_OPEN_FOLLOW, &fd), MR_OK);
    os->close(NULL, fd);
}

static void only_a_user_names_pipes_and_nobody_waits_for_one_of_a_log(void **fixture)
{
    (void)fixture;
    int fd = -1;
    assert_int_equal(mkfifo(in_folder("pipe"), 0600), 0);
    assert_int_equal(os->open(NULL, in_folder("pipe"), MRI_OPEN_READ, &fd), MR_EPATH);
    assert_int_equal(
        os->open(NULL, in_folder("pipe"), MRI_OPEN_WRITE | MRI_OPEN_CREATE, &fd), MR_EPATH);
    assert_int_equal(os->open(NULL, folder, MRI_OPEN_READ, &fd), MR_EPATH);
    assert_int_equal(fd, -1);
    int writer = open(in_folder("pipe"), O_RDWR | O_CLOEXEC);
    assert_true(writer >= 0);
    assert_int_equal(
        os->open(NULL, in_folder("pipe"), MRI_OPEN_READ | MRI_OPEN_FOLLOW, &fd), MR_OK);
    os->close(NULL, fd);
    assert_int_equal(close(writer), 0);
}

static void what_was_written_in_pieces_is_read_back(void **fixture)
{
    (void)fixture;
    enum { BIG = 3000000 };
    char *big = malloc(BIG);
    char *again = malloc(BIG + 100);
    assert_true(big != NULL && again != NULL);
    for (int i = 0; i < BIG; i++) {
        big[i] = (char)(i * 7);
    }
    int fd = open_new("pieces");
    const struct mri_io_piece pieces[] = {{"ab", 2}, {NULL, 0}, {big, BIG}, {"", 0}, {"yz", 2}};
    assert_int_equal(os->write_at(NULL, fd, pieces, 5, 10), MR_OK);
    uint64_t size = 0;
    size_t count = 0;
    assert_int_equal(os->size(NULL, fd, &size), MR_OK);
    assert_int_equal(size, 10 + 4 + BIG);
    assert_int_equal(os->read_at(NULL, fd, again, BIG + 100, 8, &count), MR_OK);
    assert_int_equal(count, 2 + 4 + BIG);
    assert_memory_equal(again, "\0\0ab", 4);
    assert_memory_equal(again + 4, big, BIG);
    assert_memory_equal(again + 4 + BIG, "yz", 2);
    assert_int_equal(os->read_at(NULL, fd, again, 10, size + 5, &count), MR_OK);
    assert_int_equal(count, 0);
    struct mri_io_piece many[17] = {{"x", 1}};
    assert_int_equal(os->write_at(NULL, fd, many, 17, 0), MR_EINVAL);
    assert_int_equal(os->write_at(NULL, fd, many, 0, 0), MR_OK);
    os->close(NULL, fd);
    free(big);
    free(again);
}

static void a_stream_gives_what_is_there_and_then_zero(void **fixture)
{
    (void)fixture;
    int fd = open_new("stream");
    struct mri_io_piece piece = {"abcdef", 6};
    char text[10];
    size_t count = 99;
    assert_int_equal(os->write_at(NULL, fd, &piece, 1, 0), MR_OK);
    assert_int_equal(os->read(NULL, fd, text, 4, &count), MR_OK);
    assert_int_equal(count, 4);
    assert_int_equal(os->read(NULL, fd, text, 4, &count), MR_OK);
    assert_int_equal(count, 2);
    assert_memory_equal(text, "ef", 2);
    assert_int_equal(os->read(NULL, fd, text, 4, &count), MR_OK);
    assert_int_equal(count, 0);
    os->close(NULL, fd);
    assert_true(os->read(NULL, fd, text, 4, &count) < 0);
}

static void allocated_and_truncated_files_have_their_length_and_zeros(void **fixture)
{
    (void)fixture;
    int fd = open_new("space");
    uint64_t size = 0;
    char bytes[4096];
    static const char zeros[4096];
    size_t count;
    assert_int_equal(os->allocate(NULL, fd, 1 << 20), MR_OK);
    assert_int_equal(os->size(NULL, fd, &size), MR_OK);
    assert_int_equal(size, 1 << 20);
    assert_int_equal(os->read_at(NULL, fd, bytes, sizeof(bytes), 500000, &count), MR_OK);
    assert_memory_equal(bytes, zeros, sizeof(bytes));
    struct mri_io_piece piece = {"x", 1};
    assert_int_equal(os->write_at(NULL, fd, &piece, 1, 100), MR_OK);
    assert_int_equal(os->truncate(NULL, fd, 50), MR_OK);
    assert_int_equal(os->truncate(NULL, fd, 4096), MR_OK);
    assert_int_equal(os->read_at(NULL, fd, bytes, sizeof(bytes), 0, &count), MR_OK);
    assert_int_equal(count, sizeof(bytes));
    assert_memory_equal(bytes, zeros, sizeof(bytes));
    assert_int_equal(os->sync_data(NULL, fd), MR_OK);
    assert_int_equal(os->drop_cache(NULL, fd), MR_OK);
    os->close(NULL, fd);
    assert_true(os->sync_data(NULL, fd) < 0);
    assert_true(os->truncate(NULL, fd, 0) < 0);
    assert_true(os->allocate(NULL, fd, 10) < 0);
    assert_true(os->size(NULL, fd, &size) < 0);
    assert_true(os->drop_cache(NULL, fd) < 0);
}

static void more_space_than_there_is_is_refused(void **fixture)
{
    (void)fixture;
    int fd = open_new("too-big");
    mr_err err = os->allocate(NULL, fd, (uint64_t)1 << 55);
    assert_true(err == MR_ENOSPC || err == MR_ELIMIT); /* EFBIG on some file systems */
    os->close(NULL, fd);
}

static void a_map_shows_what_is_written_later(void **fixture)
{
    (void)fixture;
    int fd = open_new("mapped");
    const void *map = NULL;
    assert_int_equal(os->allocate(NULL, fd, 8192), MR_OK);
    assert_int_equal(os->map_read(NULL, fd, 8192, &map), MR_OK);
    assert_int_equal(((const char *)map)[5000], 0);
    struct mri_io_piece piece = {"hello", 5};
    assert_int_equal(os->write_at(NULL, fd, &piece, 1, 5000), MR_OK);
    assert_memory_equal((const char *)map + 5000, "hello", 5);
    os->close(NULL, fd);
    assert_memory_equal((const char *)map + 5000, "hello", 5); /* outlives the descriptor */
    os->unmap(NULL, map, 8192);
    assert_true(os->map_read(NULL, fd, 8192, &map) < 0);
}

static void locks_on_ranges_exclude_other_opens_only_where_they_meet(void **fixture)
{
    (void)fixture;
    const uint64_t far = (uint64_t)1 << 40; /* the file has no such bytes */
    bool is_locked = true;
    int first = open_new("ranges");
    int second = open_new("ranges");
    assert_int_equal(os->lock_range(NULL, first, far, 10, MRI_RANGE_EXCLUSIVE), MR_OK);
    assert_int_equal(os->lock_range(NULL, second, far + 9, 2, MRI_RANGE_EXCLUSIVE), MR_BUSY);
    assert_int_equal(os->lock_range(NULL, second, far + 10, 2, MRI_RANGE_EXCLUSIVE_WAIT), MR_OK);
    assert_int_equal(os->is_range_locked(NULL, second, far + 9, 1, &is_locked), MR_OK);
    assert_true(is_locked);
    assert_int_equal(os->is_range_locked(NULL, second, far + 10, 1, &is_locked), MR_OK);
    assert_false(is_locked); /* it is one's own */
    assert_int_equal(os->lock_range(NULL, first, far, 10, MRI_RANGE_FREE), MR_OK);
    assert_int_equal(os->is_range_locked(NULL, second, far, 10, &is_locked), MR_OK);
    assert_false(is_locked);
    assert_int_equal(os->is_range_locked(NULL, first, far, 100, &is_locked), MR_OK);
    assert_true(is_locked);
    os->close(NULL, second);
    assert_int_equal(os->is_range_locked(NULL, first, far, 100, &is_locked), MR_OK);
    assert_false(is_locked);
    os->close(NULL, first);
}

static void the_boot_id_is_the_same_until_the_machine_starts_again(void **fixture)
{
    (void)fixture;
    static const uint8_t none[MRI_BOOT_ID_BYTES];
    uint8_t first[MRI_BOOT_ID_BYTES];
    uint8_t second[MRI_BOOT_ID_BYTES];
    assert_int_equal(os->boot_id(NULL, first), MR_OK);
    assert_int_equal(os->boot_id(NULL, second), MR_OK);
    assert_memory_equal(first, second, sizeof(first));
    assert_memory_not_equal(first, none, sizeof(first));
}

static void a_lock_excludes_every_other_open_until_it_is_closed(void **fixture)
{
    (void)fixture;
    bool is_locked = true;
    int first = open_new("lock");
    int second = open_new("lock");
    int reader = -1;
    assert_int_equal(os->open(NULL, in_folder("lock"), MRI_OPEN_READ, &reader), MR_OK);
    assert_int_equal(os->is_range_locked(NULL, reader, 0, 1, &is_locked), MR_OK);
    assert_false(is_locked);
    assert_int_equal(os->lock_range(NULL, first, 0, 1, MRI_RANGE_EXCLUSIVE), MR_OK);
    assert_int_equal(
        os->lock_range(NULL, first, 0, 1, MRI_RANGE_EXCLUSIVE), MR_OK); /* it is ours */
    assert_int_equal(os->lock_range(NULL, second, 0, 1, MRI_RANGE_EXCLUSIVE), MR_BUSY);
    assert_int_equal(os->is_range_locked(NULL, reader, 0, 1, &is_locked), MR_OK);
    assert_true(is_locked);
    assert_int_equal(os->is_range_locked(NULL, first, 0, 1, &is_locked), MR_OK);
    assert_false(is_locked); /* not by somebody else */
    os->close(NULL, second); /* closing another descriptor of the file does not unlock */
    assert_int_equal(os->is_range_locked(NULL, reader, 0, 1, &is_locked), MR_OK);
    assert_true(is_locked);
    os->close(NULL, first);
    assert_int_equal(os->is_range_locked(NULL, reader, 0, 1, &is_locked), MR_OK);
    assert_false(is_locked);
    os->close(NULL, reader);
    assert_true(os->lock_range(NULL, reader, 0, 1, MRI_RANGE_EXCLUSIVE) < 0);
    assert_true(os->is_range_locked(NULL, reader, 0, 1, &is_locked) < 0);
}

static void the_lock_of_a_killed_process_is_free(void **fixture)
{
    (void)fixture;
    int ends[2];
    char byte;
    bool is_locked = false;
    int status;
    os->close(NULL, open_new("killed"));
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        int held = -1;
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        mr_err err = os->open(NULL, in_folder("killed"), MRI_OPEN_WRITE, &held);
        bool is_held =
            err == MR_OK && os->lock_range(NULL, held, 0, 1, MRI_RANGE_EXCLUSIVE) == MR_OK;
        ssize_t put = write(ends[1], is_held ? "1" : "0", 1);
        (void)put;
        (void)pause();
        _exit(0);
    }
    int fd = open_new("killed");
    assert_int_equal(read(ends[0], &byte, 1), 1);
    assert_int_equal(byte, '1');
    assert_int_equal(os->is_range_locked(NULL, fd, 0, 1, &is_locked), MR_OK);
    assert_true(is_locked);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(os->lock_range(NULL, fd, 0, 1, MRI_RANGE_EXCLUSIVE), MR_OK);
    os->close(NULL, fd);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

struct names {
    char text[1000];
    unsigned count;
    unsigned stop_after;
};

static mr_err note_name(void *argument, const char *name)
{
    struct names *names = argument;
    size_t used = strlen(names->text);
    (void)snprintf(names->text + used, sizeof(names->text) - used, "/%s/", name);
    return ++names->count == names->stop_after ? MR_ELIMIT : MR_OK;
}

static void a_folder_lists_its_names_without_the_dots(void **fixture)
{
    (void)fixture;
    char sub[MRI_PATH_BYTES_MAX];
    assert_int_equal(mri_os_path(folder, "listed", sub), MR_OK);
    assert_int_equal(os->make_folder(NULL, sub), MR_OK);
    struct names names = {.count = 0};
    assert_int_equal(os->list(NULL, sub, &names, note_name), MR_OK);
    assert_int_equal(names.count, 0);
    os->close(NULL, open_new("listed/one"));
    os->close(NULL, open_new("listed/.hidden"));
    os->close(NULL, open_new("listed/two"));
    assert_int_equal(os->list(NULL, sub, &names, note_name), MR_OK);
    assert_int_equal(names.count, 3);
    assert_non_null(strstr(names.text, "/one/"));
    assert_non_null(strstr(names.text, "/two/"));
    assert_non_null(strstr(names.text, "/.hidden/"));
    struct names first = {.stop_after = 1};
    assert_int_equal(os->list(NULL, sub, &first, note_name), MR_ELIMIT);
    assert_int_equal(first.count, 1);
    assert_int_equal(os->list(NULL, in_folder("nowhere"), &first, note_name), MR_EPATH);
}

static void renaming_replaces_and_removing_removes(void **fixture)
{
    (void)fixture;
    char from[MRI_PATH_BYTES_MAX];
    struct mri_file_info info;
    os->close(NULL, open_new("old"));
    os->close(NULL, open_new("new"));
    assert_int_equal(mri_os_path(folder, "old", from), MR_OK);
    assert_int_equal(os->rename(NULL, from, in_folder("new")), MR_OK);
    assert_int_equal(os->info(NULL, from, &info), MR_EPATH);
    assert_int_equal(os->info(NULL, in_folder("new"), &info), MR_OK);
    assert_int_equal(os->rename(NULL, from, in_folder("new")), MR_EPATH);
    assert_int_equal(os->remove(NULL, in_folder("new")), MR_OK);
    assert_int_equal(os->remove(NULL, in_folder("new")), MR_EPATH);
    assert_int_equal(os->sync_folder(NULL, folder), MR_OK);
    assert_int_equal(os->sync_folder(NULL, in_folder("nowhere")), MR_EPATH);
}

static void info_tells_a_folder_from_a_file(void **fixture)
{
    (void)fixture;
    struct mri_file_info info;
    assert_int_equal(os->info(NULL, folder, &info), MR_OK);
    assert_true(info.is_folder);
    assert_false(info.is_network);
    int fd = open_new("file");
    struct mri_io_piece piece = {"12345", 5};
    assert_int_equal(os->write_at(NULL, fd, &piece, 1, 0), MR_OK);
    os->close(NULL, fd);
    assert_int_equal(os->info(NULL, in_folder("file"), &info), MR_OK);
    assert_false(info.is_folder);
    assert_int_equal(info.bytes, 5);
}

static void a_watch_wakes_up_when_a_file_changes(void **fixture)
{
    (void)fixture;
    int watch = -1;
    int fd = open_new("watched");
    struct mri_io_piece piece = {"x", 1};
    assert_int_equal(os->watch(NULL, folder, &watch), MR_OK);
    assert_int_equal(os->wait_change(NULL, watch, 0), MR_AGAIN);
    assert_int_equal(os->wait_change(NULL, watch, 2000000), MR_AGAIN);
    assert_int_equal(os->write_at(NULL, fd, &piece, 1, 0), MR_OK);
    assert_int_equal(os->wait_change(NULL, watch, 1000000000), MR_OK);
    assert_int_equal(os->wait_change(NULL, watch, 0), MR_AGAIN); /* all of it was taken */
    os->close(NULL, open_new("watched-new"));
    assert_int_equal(os->wait_change(NULL, watch, -1), MR_OK);
    os->close(NULL, watch);
    os->close(NULL, fd);
    assert_int_equal(os->watch(NULL, in_folder("nowhere"), &watch), MR_EPATH);
}

static void clocks_move_forward_and_sleep_takes_time(void **fixture)
{
    (void)fixture;
    int64_t before = os->boottime_ns(NULL);
    os->sleep_ns(NULL, 3000000);
    assert_true(os->boottime_ns(NULL) - before >= 3000000);
    assert_true(os->realtime_unix_ns(NULL) > INT64_C(1600000000000000000));
    os->sleep_ns(NULL, -5); /* is over at once */
}

static void random_bytes_are_not_the_same_twice(void **fixture)
{
    (void)fixture;
    char first[1000] = {0};
    char second[1000] = {0};
    assert_int_equal(os->random_bytes(NULL, first, sizeof(first)), MR_OK);
    assert_int_equal(os->random_bytes(NULL, second, sizeof(second)), MR_OK);
    assert_memory_not_equal(first, second, sizeof(first));
    assert_memory_not_equal(first + 968, "\0\0\0\0\0\0\0\0", 8); /* to the end */
    assert_int_equal(os->random_bytes(NULL, first, 0), MR_OK);
    assert_int_equal(os->process_id(NULL), getpid());
}

static void on_alarm(int number)
{
    (void)number;
}

/* SIGALRM without SA_RESTART every 200 us: every call that can be interrupted is. */
static void interrupted_calls_are_repeated(void **fixture)
{
    (void)fixture;
    struct sigaction action = {.sa_handler = on_alarm};
    struct sigaction kept;
    assert_int_equal(sigaction(SIGALRM, &action, &kept), 0);
    (void)ualarm(200, 200);
    int fd = open_new("interrupted");
    char *bytes = calloc(1, 1 << 20);
    assert_non_null(bytes);
    struct mri_io_piece piece = {bytes, 1 << 20};
    for (int i = 0; i < 20; i++) {
        size_t count;
        assert_int_equal(os->allocate(NULL, fd, 1 << 22), MR_OK);
        assert_int_equal(os->write_at(NULL, fd, &piece, 1, (uint64_t)i << 18), MR_OK);
        assert_int_equal(os->sync_data(NULL, fd), MR_OK);
        assert_int_equal(os->read_at(NULL, fd, bytes, 1 << 20, 0, &count), MR_OK);
        assert_int_equal(os->truncate(NULL, fd, 0), MR_OK);
        assert_int_equal(os->sync_folder(NULL, folder), MR_OK);
    }
    (void)ualarm(0, 0);
    (void)sigaction(SIGALRM, &kept, NULL);
    os->close(NULL, fd);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opening_follows_its_flags),
        cmocka_unit_test(new_files_and_folders_belong_to_the_user_alone),
        cmocka_unit_test(a_symbolic_link_is_followed_only_when_asked),
        cmocka_unit_test(only_a_user_names_pipes_and_nobody_waits_for_one_of_a_log),
        cmocka_unit_test(a_file_of_another_user_is_read_and_never_written),
        cmocka_unit_test(a_link_to_a_small_file_is_read_only_when_a_user_named_it),
        cmocka_unit_test(a_write_that_is_cut_short_is_not_taken_for_whole),
        cmocka_unit_test(a_file_is_not_made_longer_than_the_process_may_have_it),
        cmocka_unit_test(what_was_written_in_pieces_is_read_back),
        cmocka_unit_test(a_stream_gives_what_is_there_and_then_zero),
        cmocka_unit_test(allocated_and_truncated_files_have_their_length_and_zeros),
        cmocka_unit_test(more_space_than_there_is_is_refused),
        cmocka_unit_test(a_map_shows_what_is_written_later),
        cmocka_unit_test(a_lock_excludes_every_other_open_until_it_is_closed),
        cmocka_unit_test(locks_on_ranges_exclude_other_opens_only_where_they_meet),
        cmocka_unit_test(the_boot_id_is_the_same_until_the_machine_starts_again),
        cmocka_unit_test(the_lock_of_a_killed_process_is_free),
        cmocka_unit_test(a_folder_lists_its_names_without_the_dots),
        cmocka_unit_test(renaming_replaces_and_removing_removes),
        cmocka_unit_test(info_tells_a_folder_from_a_file),
        cmocka_unit_test(a_watch_wakes_up_when_a_file_changes),
        cmocka_unit_test(clocks_move_forward_and_sleep_takes_time),
        cmocka_unit_test(random_bytes_are_not_the_same_twice),
        cmocka_unit_test(interrupted_calls_are_repeated),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
