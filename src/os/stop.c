/* SPDX-License-Identifier: MIT */
/*
 * Signals. The flag is the one changing global of the layers below cli: a signal handler has no
 * context to carry it in.
 */
#define _GNU_SOURCE
#include "os/stop.h"

#include <signal.h>
#include <stddef.h>

static volatile sig_atomic_t is_wished;

static void on_signal(int number)
{
    is_wished = 1;
    (void)signal(number, SIG_DFL); /* the second one ends the process */
}

void mri_stop_install(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    (void)sigemptyset(&action.sa_mask); /* none of these can fail for these signals */
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
}

void mri_stop_ignore_writes(void)
{
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN);
}

bool mri_stop_is_wished(void)
{
    return is_wished != 0;
}

void mri_stop_forget(void)
{
    is_wished = 0;
    mri_stop_install();
}
