/* SPDX-License-Identifier: MIT */
/*
 * Starting and ending servers of the benchmarks.
 */
#define _GNU_SOURCE
#include "bench/server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/harness.h"
#include "millrace/err.h"

#define CONNECT_NS 20000000000
#define STOP_NS    20000000000

/** In the child: become the program. */
static void become(const char *folder, const char *const *arguments, uid_t user, pid_t parent)
{
    char path[4096];
    (void)snprintf(path, sizeof(path), "%s/server.log", folder);
    int log = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    const struct passwd *entry = user == 0 ? NULL : getpwuid(user);
    bool is_good = log >= 0 && dup2(log, STDOUT_FILENO) >= 0 && dup2(log, STDERR_FILENO) >= 0;
    if (entry != NULL) { /* the change of user clears the signal, so that comes first */
        is_good = is_good && setgid(entry->pw_gid) == 0 && setuid(user) == 0;
    }
    is_good = is_good && prctl(PR_SET_PDEATHSIG, SIGINT) == 0 && getppid() == parent;
    if (is_good && chdir(folder) == 0) {
        (void)execv(arguments[0], (char *const *)arguments);
    }
    _exit(127);
}

void mri_server_start(
    struct mri_server *server, const char *folder, const char *const *arguments, uid_t user)
{
    pid_t parent = getpid();
    (void)fflush(stdout);
    server->process = fork();
    if (server->process == 0) {
        become(folder, arguments, user, parent);
    }
    mri_harness_must(server->process < 0 ? MR_ELIMIT : MR_OK, arguments[0]);
}

void mri_server_run(const char *folder, const char *const *arguments, uid_t user)
{
    struct mri_server server;
    int status;
    mri_server_start(&server, folder, arguments, user);
    bool is_good = waitpid(server.process, &status, 0) == server.process && status == 0;
    if (!is_good) {
        (void)fprintf(
            stderr, "%s failed: see server.log, or can its user enter %s?\n", arguments[0], folder);
        exit(1);
    }
}

static int try_connect(const char *path, int port)
{
    int fd = socket(path != NULL ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int result;
    if (path != NULL) {
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
        result = connect(fd, (const struct sockaddr *)&address, sizeof(address));
    } else {
        const int yes = 1;
        const struct sockaddr_in address = {.sin_family = AF_INET,
            .sin_port = htons((uint16_t)port),
            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes)); /* only slower else */
        result = connect(fd, (const struct sockaddr *)&address, sizeof(address));
    }
    if (result != 0) {
        (void)close(fd); /* not connected */
        return -1;
    }
    return fd;
}

int mri_server_connect(const char *path, int port)
{
    int64_t give_up = mri_harness_ns() + CONNECT_NS;
    int fd;
    while ((fd = try_connect(path, port)) < 0 && mri_harness_ns() < give_up) {
        const struct timespec step = {.tv_nsec = 5000000};
        (void)nanosleep(&step, NULL);
    }
    mri_harness_must(fd < 0 ? MR_EIO : MR_OK, "connect to the server");
    return fd;
}

int mri_server_free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t bytes = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool is_good = bind(fd, (const struct sockaddr *)&address, bytes) == 0 &&
                   getsockname(fd, (struct sockaddr *)&address, &bytes) == 0;
    mri_harness_must(is_good ? MR_OK : MR_EIO, "port");
    (void)close(fd); /* it was only asked */
    return ntohs(address.sin_port);
}

void mri_server_send(int fd, const void *bytes, size_t count)
{
    const char *at = bytes;
    while (count > 0) {
        ssize_t sent = send(fd, at, count, MSG_NOSIGNAL);
        mri_harness_must(sent <= 0 ? MR_EIO : MR_OK, "send to the server");
        at += sent;
        count -= (size_t)sent;
    }
}

void mri_server_stop(struct mri_server *server)
{
    if (server->process > 0) {
        (void)kill(server->process, SIGINT);
        (void)mri_harness_reap(server->process, mri_harness_ns() + STOP_NS);
        server->process = 0;
    }
}
