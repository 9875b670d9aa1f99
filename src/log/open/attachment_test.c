/* SPDX-License-Identifier: MIT */
/*
 * Tests of a log that several processes have open, on the real machine: who comes, who goes, who is
 * refused, and what becomes of the memory between them.
 */
#define _GNU_SOURCE
#include "log/open/attachment.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "log/meet/control.h"
#include "log/meet/presence.h"
#include "millrace/log_admin.h"
#include "millrace/log_read.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/fork_sample.h"
#include "tests/lib/log_sample.h"
#include "tests/lib/temp_folder.h"

enum { SEGMENT = 1024 * 1024, BODY_MAX = 300, BATCHES = 400, PATH = MRI_TEMP_FOLDER_BYTES + 64 };

static char folder[MRI_TEMP_FOLDER_BYTES];
static char path[PATH];
static mr_problem problem;

static int set_up(void **fixture)
{
    (void)fixture;
    (void)mri_temp_folder_make(folder);
    (void)snprintf(path, sizeof(path), "%s/log", folder);
    problem.text[0] = '\0';
    return 0;
}

static int tear_down(void **fixture)
{
    (void)fixture;
    mri_temp_folder_remove(folder);
    return 0;
}

static mr_log *open_log(void)
{
    mr_log *log = NULL;
    const mr_log_options options = {
        .is_create = true, .segment_bytes = SEGMENT, .sync_interval_ms = 5};
    mr_err err = mr_log_open(path, &options, &log, &problem);
    assert_string_equal(problem.text, "");
    assert_int_equal(err, MR_OK);
    return log;
}

static void append(mr_log *log, size_t count, mr_durability durability)
{
    assert_int_equal(mri_log_sample_append(log, count, BODY_MAX, durability, NULL), MR_OK);
}

/** What a process of its own answers. */
static int in_child(int (*run)(void))
{
    int status;
    (void)fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        _exit(run());
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static uint64_t read_all(const mr_log_read_options *options)
{
    mr_log_reader *reader;
    uint64_t last = 0;
    assert_int_equal(mr_log_reader_open_with(path, options, &reader, NULL), MR_OK);
    assert_int_equal(mri_log_sample_read(reader, BODY_MAX, &last), MR_END);
    mr_log_reader_close(reader);
    return last;
}

/** Append ten events behind those that are there, at once or not at all. */
static int append_ten(void)
{
    mr_log *log;
    if (mr_log_open(path, NULL, &log, NULL) != MR_OK) {
        return 1;
    }
    uint64_t before = mr_log_last(log).n;
    for (int i = 0; i < 10; i++) {
        if (mri_log_sample_append(log, 1, BODY_MAX, MR_ASYNC, NULL) != MR_OK) {
            return 2;
        }
    }
    bool is_right = mr_log_last(log).n == before + 10;
    mr_log_close(log);
    return is_right ? 0 : 3;
}

static void processes_come_append_and_go_while_another_stays(void **fixture)
{
    (void)fixture;
    mr_log *log = open_log();
    append(log, 3, MR_ASYNC);
    for (uint64_t n = 1; n <= 5; n++) {
        assert_int_equal(in_child(append_ten), 0);
        assert_int_equal(mr_log_last(log).n, 13 * n - 3 + 3);
        append(log, 3, MR_ASYNC);
        assert_int_equal(read_all(NULL), 13 * n + 3);
    }
    mr_log_close(log);
    assert_int_equal(read_all(NULL), 68);
}

static int expect_busy(void)
{
    mr_log *log;
    char text[32];
    (void)snprintf(text, sizeof(text), "process %d ", (int)getppid());
    mr_err err = mr_log_open(path, NULL, &log, &problem);
    return err == MR_BUSY && strstr(problem.text, text) != NULL ? 0 : 1;
}

static int expect_busy_alone(void)
{
    mr_log *log;
    const mr_log_options alone = {.is_alone = true};
    return mr_log_open(path, &alone, &log, &problem) == MR_BUSY ? 0 : 1;
}

static void who_is_in_alone_is_named_to_others(void **fixture)
{
    (void)fixture;
    const mr_log_options alone = {.is_create = true, .segment_bytes = SEGMENT, .is_alone = true};
    mr_log *log;
    assert_int_equal(mr_log_open(path, &alone, &log, NULL), MR_OK);
    assert_int_equal(in_child(expect_busy), 0);
    mr_log_close(log);
    log = open_log();
    assert_int_equal(in_child(expect_busy_alone), 0);
    assert_int_equal(in_child(append_ten), 0);
    mr_log_close(log);
}

static mr_log *parents_log;

static int use_parents_handle(void)
{
    const mr_log_record record = {.type = 300};
    if (mr_log_append(parents_log, &record, 1, MR_ASYNC, NULL) != MR_EINVAL ||
        mr_log_sync(parents_log) != MR_EINVAL) {
        return 1;
    }
    mr_log_close(parents_log); /* gives the child's memory back and touches nothing else */
    return append_ten();       /* the child opens its own */
}

static void a_child_has_no_part_in_its_parents_handles(void **fixture)
{
    (void)fixture;
    parents_log = open_log();
    append(parents_log, 5, MR_ASYNC);
    assert_int_equal(in_child(use_parents_handle), 0);
    append(parents_log, 5, MR_GROUP);
    assert_int_equal(mr_log_last(parents_log).n, 20);
    mr_log_close(parents_log);
    assert_int_equal(read_all(NULL), 20);
}

/** Killed with everything in memory, while a child of it lives on that never called exec. */
static int leave_by_kill(void)
{
    mr_log *log = open_log();
    append(log, 40, MR_ASYNC);
    if (fork() == 0) {
        (void)pause();
        _exit(0);
    }
    (void)kill(getpid(), SIGKILL);
    return 1;
}

static void a_killed_process_is_out_although_its_child_lives(void **fixture)
{
    (void)fixture;
    int status;
    (void)fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        (void)setpgid(0, 0);
        _exit(leave_by_kill());
    }
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    const mr_log_options alone = {.is_alone = true};
    const struct mri_os *os = mri_os_linux();
    mr_log *log = NULL;
    mr_err err = MR_BUSY;
    for (int i = 0; i < 10000 && err == MR_BUSY; i++) { /* until fork() has returned in it, too */
        err = mr_log_open(path, &alone, &log, NULL);
        os->sleep_ns(os->context, err == MR_BUSY ? 1000000 : 0);
    }
    (void)kill(-child, SIGKILL); /* the grandchild */
    assert_int_equal(err, MR_OK);
    assert_int_equal(mr_log_last(log).n, 40); /* what only memory had */
    mr_log_close(log);
}

static struct mri_control control_of_log(void)
{
    struct mri_control control;
    assert_int_equal(mri_control_read(mri_os_linux(), path, &control), MR_OK);
    return control;
}

static void the_last_one_leaves_no_memory_behind(void **fixture)
{
    (void)fixture;
    struct stat status;
    struct mri_control unused;
    for (int is_in_folder = 0; is_in_folder < 2; is_in_folder++) {
        char memory[MRI_PATH_BYTES_MAX];
        const mr_log_options options = {
            .is_create = true, .segment_bytes = SEGMENT, .is_ring_in_folder = is_in_folder == 1};
        mr_log *log;
        assert_int_equal(mr_log_open(path, &options, &log, NULL), MR_OK);
        const struct mri_control control = control_of_log();
        assert_int_equal(strchr(control.memory, '/') == NULL, is_in_folder);
        assert_int_equal(mri_control_path(&control, path, memory), MR_OK);
        assert_int_equal(stat(memory, &status), 0);
        assert_int_equal(status.st_mode & 07777, 0600);
        assert_int_equal(in_child(append_ten), 0);
        assert_int_equal(stat(memory, &status), 0);
        mr_log_close(log);
        assert_int_not_equal(stat(memory, &status), 0);
        assert_int_equal(mri_control_read(mri_os_linux(), path, &unused), MR_NOT_FOUND);
    }
}

/** How many memories of the log there are. */
static unsigned count_memories(void)
{
    mr_log *log = open_log();
    char prefix[32];
    unsigned count = 0;
    (void)snprintf(prefix, sizeof(prefix), "millrace-%.8s-", mr_log_uuid(log));
    mr_log_close(log);
    const struct dirent *entry;
    DIR *memories = opendir("/dev/shm");
    assert_non_null(memories);
    while ((entry = readdir(memories)) != NULL) {
        count += strncmp(entry->d_name, prefix, strlen(prefix)) == 0;
    }
    (void)closedir(memories);
    return count;
}

/** What was made of the memory when its maker was killed. */
static enum { NAMED, EMPTY, UNFINISHED, FINISHED, STATES } killed_at;

static mr_err be_killed(void *context, const char *memory_path, size_t head_bytes,
    size_t ring_bytes, struct mri_shared_memory *memory)
{
    if (killed_at == EMPTY) {
        (void)open(memory_path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    }
    if (killed_at >= UNFINISHED && mri_os_linux()->memory_create(context, memory_path, head_bytes,
                                       ring_bytes, memory) != MR_OK) {
        _exit(1);
    }
    if (killed_at < FINISHED) {
        (void)kill(getpid(), SIGKILL);
    }
    return MR_OK;
}

static void a_maker_of_memory_that_is_killed_leaves_none_for_good(void **fixture)
{
    (void)fixture;
    mr_log *log = open_log();
    append(log, 10, MR_ASYNC);
    mr_log_close(log);
    for (killed_at = NAMED; killed_at < STATES; killed_at++) {
        for (int i = 0; i < 3; i++) {
            int status;
            (void)fflush(NULL);
            pid_t child = fork();
            if (child == 0) {
                struct mri_os os = *mri_os_linux();
                os.memory_create = be_killed;
                (void)mri_log_open(&os, mri_alloc_system(), path, NULL, &log, NULL);
                (void)kill(getpid(), SIGKILL);
            }
            assert_int_equal(waitpid(child, &status, 0), child);
            assert_true(WIFSIGNALED(status));
        }
        assert_int_equal(count_memories(), 0);
    }
    assert_int_equal(read_all(NULL), 10);
}

/* ---- may the page cache be believed? --------------------------------------------------------- */

static unsigned drops;
static bool is_drop_failing;
static bool is_memory_failing;

static mr_err count_drop(void *context, int fd)
{
    drops++;
    return is_drop_failing ? MR_EIO : mri_os_linux()->drop_cache(context, fd);
}

static mr_err make_no_memory(void *context, const char *memory_path, size_t head_bytes,
    size_t ring_bytes, struct mri_shared_memory *memory)
{
    return is_memory_failing ? MR_ENOSPC
                             : mri_os_linux()->memory_create(
                                   context, memory_path, head_bytes, ring_bytes, memory);
}

/** How often an open of the log has forgotten cached pages. */
static unsigned drops_of_open(mr_err expected, bool is_killed)
{
    int ends[2];
    unsigned found = 0;
    assert_int_equal(pipe(ends), 0);
    (void)fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        struct mri_os os = *mri_os_linux();
        os.drop_cache = count_drop;
        os.memory_create = make_no_memory;
        mr_log *log;
        mr_err err = mri_log_open(&os, mri_alloc_system(), path, NULL, &log, NULL);
        bool is_told = write(ends[1], &drops, sizeof(drops)) == (ssize_t)sizeof(drops);
        if (err != expected || !is_told) {
            _exit(1);
        }
        if (err == MR_OK && is_killed) {
            (void)kill(getpid(), SIGKILL);
        }
        if (err == MR_OK) {
            mr_log_close(log);
        }
        _exit(0);
    }
    int status;
    assert_int_equal(read(ends[0], &found, sizeof(found)), sizeof(found));
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(is_killed, WIFSIGNALED(status));
    assert_true(is_killed || WEXITSTATUS(status) == 0);
    (void)close(ends[0]);
    (void)close(ends[1]);
    return found;
}

/** As a copy is: the same files in a folder of another inode. */
static void move_to_another_folder(void)
{
    char from[PATH + 256];
    char to[PATH + 256];
    const struct dirent *entry;
    (void)snprintf(to, sizeof(to), "%s/other", folder);
    assert_int_equal(mkdir(to, 0700), 0);
    DIR *files = opendir(path);
    assert_non_null(files);
    while ((entry = readdir(files)) != NULL) {
        (void)snprintf(from, sizeof(from), "%s/%s", path, entry->d_name);
        (void)snprintf(to, sizeof(to), "%s/other/%s", folder, entry->d_name);
        assert_true(entry->d_name[0] == '.' || rename(from, to) == 0);
    }
    (void)closedir(files);
    (void)snprintf(path, sizeof(path), "%s/other", folder);
}

static void cached_pages_are_believed_only_behind_a_close_without_fault(void **fixture)
{
    (void)fixture;
    mr_log *log = open_log();
    append(log, 10, MR_ASYNC);
    mr_log_close(log);
    assert_int_equal(drops_of_open(MR_OK, false), 0);
    assert_int_equal(drops_of_open(MR_OK, true), 0); /* leaves its memory, and no mark */
    is_drop_failing = true;
    assert_int_equal(drops_of_open(MR_EIO, false), 1);
    is_drop_failing = false;
    assert_int_equal(drops_of_open(MR_OK, false), 1);
    assert_int_equal(drops_of_open(MR_OK, false), 0);
    mr_seq last;
    assert_int_equal(mr_log_flush(path, &last, NULL), MR_OK); /* takes the mark away */
    assert_int_equal(drops_of_open(MR_OK, false), 1);
    assert_int_equal(drops_of_open(MR_OK, false), 0);
    is_memory_failing = true;
    assert_int_equal(drops_of_open(MR_ENOSPC, false), 0); /* takes the mark away, and fails */
    is_memory_failing = false;
    assert_int_equal(drops_of_open(MR_OK, false), 1);
    assert_int_equal(drops_of_open(MR_OK, false), 0);
    move_to_another_folder();
    assert_int_equal(drops_of_open(MR_OK, false), 1); /* a copy: not on the disk yet, maybe */
}

/* ---- a place that was lost ------------------------------------------------------------------- */

/** As daemons do: close what is not known; the number then is another file's. */
static void lose_lock_file(void)
{
    char link[64];
    char target[PATH + 8];
    for (int fd = 3; fd < 256; fd++) {
        (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        ssize_t count = readlink(link, target, sizeof(target) - 1);
        target[count > 0 ? count : 0] = '\0';
        const char *name = strrchr(target, '/');
        if (name != NULL && strcmp(name, "/" MRI_PRESENCE_NAME) == 0) {
            int other = open("/dev/null", O_RDWR | O_CLOEXEC);
            assert_true(other >= 0 && dup3(other, fd, O_CLOEXEC) == fd && close(other) == 0);
            return;
        }
    }
    fail();
}

/** Open anew, wait for the other one to leave, and go on. */
static int go_on_beside_one_that_leaves(const int *ends)
{
    mr_log *log;
    struct mri_control before;
    struct mri_control after;
    char byte = 0;
    const mr_log_options options = {.segment_bytes = SEGMENT};
    if (mr_log_open(path, &options, &log, NULL) != MR_OK ||
        mri_log_sample_append(log, 10, BODY_MAX, MR_GROUP, NULL) != MR_OK ||
        mri_control_read(mri_os_linux(), path, &before) != MR_OK) {
        return 1;
    }
    if (write(ends[1], &byte, 1) != 1 || read(ends[2], &byte, 1) != 1) {
        return 2;
    }
    for (int i = 0; i < BATCHES; i++) { /* several segments, whose files were waiting */
        if (mri_log_sample_append(log, MRI_LOG_SAMPLE_BATCH_MAX, BODY_MAX, MR_GROUP, NULL) !=
            MR_OK) {
            return 3;
        }
    }
    bool is_same = mri_control_read(mri_os_linux(), path, &after) == MR_OK &&
                   before.generation == after.generation;
    mr_log_close(log);
    return is_same ? 0 : 4;
}

static void who_has_lost_his_place_takes_nothing_from_others_when_he_leaves(void **fixture)
{
    (void)fixture;
    int ends[4];
    char byte = 0;
    int status;
    mr_log *log = open_log();
    append(log, 10, MR_ASYNC);
    lose_lock_file();
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(pipe(ends + 2), 0);
    (void)fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        _exit(go_on_beside_one_that_leaves(ends));
    }
    assert_int_equal(read(ends[0], &byte, 1), 1);
    assert_int_equal(mri_log_sample_append(log, 1, BODY_MAX, MR_ASYNC, NULL), MR_EPOISONED);
    mr_log_close(log);
    assert_int_equal(write(ends[3], &byte, 1), 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    for (int i = 0; i < 4; i++) {
        (void)close(ends[i]);
    }
    assert_int_equal(read_all(NULL), 20 + MRI_LOG_SAMPLE_BATCH_MAX * BATCHES);
}

static int expect_container(void)
{
    mr_log *log;
    mr_err err = mr_log_open(path, NULL, &log, &problem);
    return err == MR_BUSY && strstr(problem.text, "another container") != NULL ? 0 : 1;
}

static void memory_that_is_not_here_is_that_of_another_container(void **fixture)
{
    (void)fixture;
    char away[MRI_PATH_BYTES_MAX];
    mr_log *log = open_log();
    const struct mri_control control = control_of_log();
    (void)snprintf(away, sizeof(away), "%s-away", control.memory);
    assert_int_equal(rename(control.memory, away), 0);
    assert_int_equal(in_child(expect_container), 0);
    assert_int_equal(rename(away, control.memory), 0);
    assert_int_equal(in_child(append_ten), 0);
    mr_log_close(log);
}

/** The folder as it is at the moment, beside itself. */
static int copy_log(void)
{
    char copy[PATH + 8];
    (void)snprintf(copy, sizeof(copy), "%s-copy", path);
    (void)execlp("cp", "cp", "-r", path, copy, (char *)NULL);
    return 1;
}

static void a_copy_of_an_open_log_has_no_part_in_its_memory(void **fixture)
{
    (void)fixture;
    mr_log *log = open_log();
    mr_log *copy;
    append(log, 20, MR_GROUP);
    assert_int_equal(in_child(copy_log), 0);
    append(log, 20, MR_ASYNC);
    size_t length = strlen(path);
    (void)snprintf(path + length, sizeof(path) - length, "-copy");
    assert_int_equal(mr_log_open(path, NULL, &copy, &problem), MR_OK);
    assert_int_equal(mr_log_last(copy).n, 20);
    append(copy, 5, MR_GROUP);
    mr_log_close(copy);
    path[length] = '\0';
    append(log, 5, MR_GROUP);
    assert_int_equal(mr_log_last(log).n, 45);
    mr_log_close(log);
    assert_int_equal(read_all(NULL), 45);
}

static int open_and_tell(void)
{
    mr_log *log;
    mr_err err = mr_log_open(path, NULL, &log, &problem);
    if (err == MR_OK) {
        mr_log_close(log);
    }
    return (int)-err;
}

static void a_damaged_ctl_is_an_error_for_who_comes_and_nothing_when_all_are_gone(void **fixture)
{
    (void)fixture;
    char control[PATH + 8];
    (void)snprintf(control, sizeof(control), "%s/" MRI_CONTROL_NAME, path);
    mr_log *log = open_log();
    append(log, 10, MR_ASYNC);
    for (long bit = 0; bit < 8 * (long)sizeof(struct mri_control); bit += 5) {
        FILE *file = fopen(control, "r+b");
        assert_non_null(file);
        int byte = fseek(file, bit / 8, SEEK_SET) == 0 ? fgetc(file) : EOF;
        assert_int_not_equal(byte, EOF);
        assert_int_equal(fseek(file, bit / 8, SEEK_SET), 0);
        assert_int_not_equal(fputc(byte ^ (1 << bit % 8), file), EOF);
        assert_int_equal(fclose(file), 0);
        int answer = in_child(open_and_tell);
        assert_true(answer == -MR_ECORRUPT || answer == -MR_EVERSION);
        file = fopen(control, "r+b");
        assert_int_equal(fseek(file, bit / 8, SEEK_SET), 0);
        assert_int_not_equal(fputc(byte, file), EOF);
        assert_int_equal(fclose(file), 0);
    }
    assert_int_equal(in_child(open_and_tell), 0);
    mr_log_close(log);
    FILE *file = fopen(control, "wb");
    assert_non_null(file);
    assert_int_not_equal(fputs("nonsense", file), EOF);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(in_child(open_and_tell), 0);
    assert_int_equal(read_all(NULL), 10);
}

static void what_is_synced_by_the_timer_becomes_durable_by_itself(void **fixture)
{
    (void)fixture;
    mr_log *log = open_log();
    const struct mri_os *os = mri_os_linux();
    mr_log_ack ack;
    assert_int_equal(mri_log_sample_append(log, 4, BODY_MAX, MR_INTERVAL, &ack), MR_OK);
    assert_int_equal(ack.durability, MR_INTERVAL);
    assert_false(ack.is_durable);
    for (int i = 0; i < 10000 && mr_log_durable(log).n < 4; i++) {
        os->sleep_ns(os->context, 1000000);
    }
    assert_int_equal(mr_log_durable(log).n, 4);
    mr_log_close(log);
}

static void a_durable_reader_is_given_what_no_power_cut_can_take(void **fixture)
{
    (void)fixture;
    static const mr_log_read_options durable = {.is_durable = true};
    mr_log_reader *reader;
    mr_log_event event;
    uint64_t last = 0;
    mr_log *log = open_log();
    append(log, 7, MR_GROUP);
    assert_int_equal(mr_log_reader_open_with(path, &durable, &reader, NULL), MR_OK);
    for (int round = 0; round < 50; round++) {
        append(log, 3, MR_ASYNC);
        mr_err err;
        while ((err = mr_log_reader_next(reader, &event, NULL)) == MR_OK) {
            last = event.seq.n;
            assert_true(last <= mr_log_durable(log).n);
        }
        assert_int_equal(err, MR_END);
    }
    assert_true(last >= 7);
    assert_int_equal(mr_log_sync(log), MR_OK);
    assert_int_equal(mr_log_reader_wait(reader, 10000), MR_OK);
    assert_int_equal(mri_log_sample_read(reader, BODY_MAX, &last), MR_END);
    assert_int_equal(last, 157);
    mr_log_reader_close(reader);
    mr_log_close(log);
    assert_int_equal(read_all(&durable), 157); /* nobody appends: the reader syncs */
}

static void a_sleeper_for_a_subject_is_woken_by_it(void **fixture)
{
    (void)fixture;
    mr_log *log = open_log();
    mr_log_reader *reader;
    mr_log_event event;
    const uint32_t wanted[] = {1001};
    const mr_log_record other = {.type = 300, .subject_id = 1}; /* another bit */
    const mr_log_record own = {.type = 300, .subject_id = 1001};
    assert_int_equal(mr_log_append(log, &own, 1, MR_ASYNC, NULL), MR_OK);
    assert_int_equal(mr_log_reader_open(path, &reader, NULL), MR_OK);
    assert_int_equal(mr_log_reader_next(reader, &event, NULL), MR_OK);
    assert_int_equal(mr_log_reader_next(reader, &event, NULL), MR_END);
    assert_int_equal(mr_log_reader_wait_for(reader, NULL, 0, 1), MR_EINVAL);
    assert_int_equal(mr_log_reader_wait_for(reader, wanted, 1, 1), MR_AGAIN);
    (void)fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        mr_log *its = open_log();
        (void)usleep(20000);
        mr_err err = mr_log_append(its, &other, 1, MR_ASYNC, NULL);
        (void)usleep(20000);
        err = err == MR_OK ? mr_log_append(its, &own, 1, MR_ASYNC, NULL) : err;
        mr_log_close(its);
        _exit(err == MR_OK ? 0 : 1);
    }
    unsigned found = 0;
    while (found < 2 && mr_log_reader_wait_for(reader, wanted, 1, 60000) == MR_OK) {
        while (mr_log_reader_next(reader, &event, NULL) == MR_OK) {
            found++;
        }
    }
    assert_int_equal(found, 2);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    mr_log_reader_close(reader);
    mr_log_close(log);
}

/** Read to the end and arm; how many events there were. */
static unsigned read_and_arm(mr_log_reader *reader)
{
    mr_log_event event;
    unsigned found = 0;
    do {
        while (mr_log_reader_next(reader, &event, NULL) == MR_OK) {
            found++;
        }
    } while (mr_log_reader_poll_arm(reader, NULL) == MR_AGAIN);
    return found;
}

static void a_loop_over_poll_hears_of_every_event(void **fixture)
{
    (void)fixture;
    mr_log_reader *reader;
    mr_log_close(open_log());
    assert_int_equal(mr_log_reader_open(path, &reader, NULL), MR_OK);
    assert_int_equal(mr_log_reader_poll_arm(reader, NULL), MR_EINVAL);
    struct pollfd item = {.events = POLLIN};
    assert_int_equal(mr_log_reader_poll_fd(reader, &item.fd, NULL), MR_OK);
    unsigned found = 0;
    for (int life = 1; life <= 3; life++) { /* nobody has it open, then somebody, then nobody */
        found += read_and_arm(reader);
        pid_t child = fork();
        if (child == 0) {
            mr_log *log = open_log();
            for (int i = 0; i < 100; i++) {
                append(log, 2, i % 10 == 0 ? MR_GROUP : MR_ASYNC);
                (void)usleep(i % 7 == 0 ? 2000 : 0);
            }
            mr_log_close(log);
            _exit(0);
        }
        while (found < 200u * (unsigned)life) {
            assert_int_equal(poll(&item, 1, 60000), 1);
            found += read_and_arm(reader);
        }
        assert_int_equal(found, 200 * life);
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
    }
    mr_log_reader_close(reader);
}

int main(void)
{
    MRI_FORK_SAMPLE_SKIP_IF_UNSAFE();
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(processes_come_append_and_go_while_another_stays),
        TEST(who_is_in_alone_is_named_to_others),
        TEST(a_child_has_no_part_in_its_parents_handles),
        TEST(a_killed_process_is_out_although_its_child_lives),
        TEST(the_last_one_leaves_no_memory_behind),
        TEST(a_maker_of_memory_that_is_killed_leaves_none_for_good),
        TEST(cached_pages_are_believed_only_behind_a_close_without_fault),
        TEST(who_has_lost_his_place_takes_nothing_from_others_when_he_leaves),
        TEST(memory_that_is_not_here_is_that_of_another_container),
        TEST(a_copy_of_an_open_log_has_no_part_in_its_memory),
        TEST(a_damaged_ctl_is_an_error_for_who_comes_and_nothing_when_all_are_gone),
        TEST(what_is_synced_by_the_timer_becomes_durable_by_itself),
        TEST(a_durable_reader_is_given_what_no_power_cut_can_take),
        TEST(a_sleeper_for_a_subject_is_woken_by_it),
        TEST(a_loop_over_poll_hears_of_every_event),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
