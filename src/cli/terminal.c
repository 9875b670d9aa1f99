/* SPDX-License-Identifier: MIT */
/*
 * The terminal by ANSI sequences: no other file knows them, but for the colours of a line.
 *
 *   before --enter--> alternate screen, no cursor, no line wrap, keys at once --leave--> before
 *
 * Invariants
 *  1. What is restored is written down before anything is changed, and restored once.
 *  2. Handlers of signals call what is safe there: write, tcsetattr, sigaction, raise.
 *  3. A signal that comes between two waits is seen by the next: its handler leaves a byte in a
 *     pipe that every wait looks at.
 */
#define _GNU_SOURCE
#include "cli/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#define ENTER_TEXT "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J"
#define LEAVE_TEXT "\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l"

enum { PICTURE_BYTES_MAX = 4 * 1024 * 1024 };

static const int quit_signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
static const int fatal_signals[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL};

enum { QUITS = sizeof(quit_signals) / sizeof(quit_signals[0]) };
enum { FATALS = sizeof(fatal_signals) / sizeof(fatal_signals[0]) };

/* Handlers of signals have no context: what they need stands here. */
static struct termios before;
static int wake_fds[2] = {-1, -1}; /* a byte for each signal */
static volatile sig_atomic_t is_entered;
static volatile sig_atomic_t is_quit_wished;
static volatile sig_atomic_t is_stop_wished;
static volatile sig_atomic_t is_resized;

const char *mri_terminal_obstacle(void)
{
    const char *kind = getenv("TERM");
    if (isatty(STDOUT_FILENO) != 1) {
        return "standard output is no terminal";
    }
    if (isatty(STDIN_FILENO) != 1) {
        return "standard input is no terminal, so no key would be heard";
    }
    bool is_dumb = kind == NULL || kind[0] == '\0' || strcmp(kind, "dumb") == 0;
    return is_dumb ? "the variable TERM names no terminal that can move its cursor" : NULL;
}

bool mri_terminal_has_colours(void)
{
    const char *wish = getenv("NO_COLOR");
    return wish == NULL || wish[0] == '\0';
}

struct mri_terminal_size mri_terminal_size(void)
{
    struct winsize size = {0};
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) {
        return (struct mri_terminal_size){.columns = 80, .rows = 24};
    }
    return (struct mri_terminal_size){.columns = size.ws_col, .rows = size.ws_row};
}

/** Write all of it; a terminal that takes no more for now is waited for. */
static bool put(const void *bytes, size_t count)
{
    const char *at = bytes;
    while (count > 0) {
        ssize_t done = write(STDOUT_FILENO, at, count);
        if (done < 0 && errno == EAGAIN) {
            struct pollfd poller = {.fd = STDOUT_FILENO, .events = POLLOUT};
            (void)poll(&poller, 1, 100);
            continue;
        }
        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done <= 0) {
            return false;
        }
        at += done;
        count -= (size_t)done;
    }
    return true;
}

/* ---- signals --------------------------------------------------------------------------------- */

static void restore(void)
{
    if (is_entered != 0) {
        is_entered = 0;
        (void)put(LEAVE_TEXT, sizeof(LEAVE_TEXT) - 1); /* if it is gone there is nothing to do */
        (void)tcsetattr(STDIN_FILENO, TCSANOW, &before);
    }
}

static bool set_keys(void)
{
    struct termios keys = before;
    keys.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    keys.c_iflag &= ~(tcflag_t)(IXON);
    keys.c_cc[VMIN] = 1;
    keys.c_cc[VTIME] = 0;
    return tcsetattr(STDIN_FILENO, TCSAFLUSH, &keys) == 0;
}

static void wake(void)
{
    int kept = errno;
    ssize_t done = write(wake_fds[1], "", 1); /* a full pipe wakes as well */
    (void)done;
    errno = kept;
}

static void on_quit(int number)
{
    (void)number;
    is_quit_wished = 1;
    wake();
}

static void on_size(int number)
{
    (void)number;
    is_resized = 1;
    wake();
}

static void on_stop(int number)
{
    (void)number;
    is_stop_wished = 1;
    wake();
}

/** The process ends: give the terminal back first. */
static void on_fatal(int number)
{
    restore();
    (void)signal(number, SIG_DFL);
    (void)raise(number);
}

static void catch_signal(int number, void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    (void)sigemptyset(&action.sa_mask); /* none of these can fail for these signals */
    (void)sigaction(number, &action, NULL);
}

static void catch_signals(void)
{
    for (size_t i = 0; i < QUITS; i++) {
        catch_signal(quit_signals[i], on_quit);
    }
    for (size_t i = 0; i < FATALS; i++) {
        catch_signal(fatal_signals[i], on_fatal);
    }
    catch_signal(SIGWINCH, on_size);
    catch_signal(SIGCONT, on_size);
    catch_signal(SIGTSTP, on_stop);
}

static void release_signals(void)
{
    for (size_t i = 0; i < QUITS; i++) {
        catch_signal(quit_signals[i], SIG_DFL);
    }
    for (size_t i = 0; i < FATALS; i++) {
        catch_signal(fatal_signals[i], SIG_DFL);
    }
    catch_signal(SIGWINCH, SIG_DFL);
    catch_signal(SIGCONT, SIG_DFL);
    catch_signal(SIGTSTP, SIG_DFL);
}

/** Ctrl-Z: the shell gets its terminal back until it lets us go on. */
static void stop_for_shell(void)
{
    is_stop_wished = 0;
    restore();
    (void)raise(SIGSTOP);
    is_entered = 1;
    is_resized = 1;
    (void)set_keys(); /* a terminal that is gone shows at the next write */
    (void)put(ENTER_TEXT, sizeof(ENTER_TEXT) - 1);
}

/* ---- coming and going ------------------------------------------------------------------------ */

mr_err mri_terminal_enter(void)
{
    static bool has_exit_handler;
    if (wake_fds[0] >= 0) {
        return MR_BUSY;
    }
    if (tcgetattr(STDIN_FILENO, &before) != 0) {
        return MR_EIO;
    }
    if (pipe2(wake_fds, O_CLOEXEC | O_NONBLOCK) != 0) {
        return MR_ELIMIT;
    }
    is_quit_wished = 0;
    is_stop_wished = 0;
    is_resized = 0;
    has_exit_handler = has_exit_handler || atexit(restore) == 0;
    catch_signals();
    is_entered = 1;
    if (!set_keys() || !put(ENTER_TEXT, sizeof(ENTER_TEXT) - 1)) {
        mri_terminal_leave();
        return MR_EIO;
    }
    return MR_OK;
}

void mri_terminal_leave(void)
{
    restore();
    if (wake_fds[0] >= 0) {
        release_signals();
        (void)close(wake_fds[0]);
        (void)close(wake_fds[1]);
        wake_fds[0] = -1;
        wake_fds[1] = -1;
    }
}

/* ---- waiting and showing --------------------------------------------------------------------- */

/** What signals have asked for. */
static bool take_signals(enum mri_terminal_event *ret_event)
{
    char bytes[64];
    while (read(wake_fds[0], bytes, sizeof(bytes)) > 0) {
    }
    if (is_quit_wished != 0) {
        *ret_event = MRI_TERMINAL_QUIT;
        return true;
    }
    if (is_stop_wished != 0) {
        stop_for_shell();
    }
    if (is_resized != 0) {
        is_resized = 0;
        *ret_event = MRI_TERMINAL_SIZE;
        return true;
    }
    return false;
}

static enum mri_terminal_event read_key(char *ret_key)
{
    ssize_t got = read(STDIN_FILENO, ret_key, 1);
    if (got == 1) {
        return MRI_TERMINAL_KEY;
    }
    return got < 0 && (errno == EINTR || errno == EAGAIN) ? MRI_TERMINAL_TIME : MRI_TERMINAL_QUIT;
}

enum mri_terminal_event mri_terminal_wait(int other_fd, int64_t timeout_ms, char *ret_key)
{
    enum mri_terminal_event event = MRI_TERMINAL_TIME;
    struct pollfd pollers[] = {
        {.fd = wake_fds[0], .events = POLLIN}, {.fd = STDIN_FILENO, .events = POLLIN},
        {.fd = other_fd, .events = POLLIN}, /* -1 is passed over */
    };
    int ready = poll(pollers, 3, timeout_ms < 0 ? -1 : (int)timeout_ms);
    if (take_signals(&event)) {
        return event;
    }
    if (ready <= 0) {
        return ready == 0 || errno == EINTR ? MRI_TERMINAL_TIME : MRI_TERMINAL_QUIT;
    }
    if (pollers[1].revents != 0) {
        return read_key(ret_key);
    }
    return pollers[2].revents != 0 ? MRI_TERMINAL_OTHER : MRI_TERMINAL_TIME;
}

/** Every row from its beginning, and what was behind its end wiped out; below the last one, too. */
static void compose(const struct mri_buf *lines, struct mri_buf *picture)
{
    size_t from = 0;
    mri_buf_text(picture, "\x1b[H");
    for (size_t i = 0; i <= lines->count; i++) {
        if (i == lines->count || lines->bytes[i] == '\n') {
            mri_buf_put(picture, lines->bytes + from, i - from);
            mri_buf_text(picture, "\x1b[K");
            mri_buf_text(picture, i + 1 < lines->count ? "\r\n" : "");
            from = i + 1;
        }
    }
    mri_buf_text(picture, "\x1b[J");
}

mr_err mri_terminal_show(const struct mri_buf *lines)
{
    struct mri_buf picture;
    if (lines->err != MR_OK) {
        return lines->err;
    }
    mri_buf_init(&picture, lines->alloc, PICTURE_BYTES_MAX);
    compose(lines, &picture);
    mr_err err = picture.err;
    if (err == MR_OK && !put(picture.bytes, picture.count)) {
        err = MR_EIO;
    }
    mri_buf_fini(&picture);
    return err;
}
