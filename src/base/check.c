/* SPDX-License-Identifier: MIT */
/*
 * What happens when an assertion fails: one line on stderr, then abort, so that a core dump shows
 * the place. The log is safe by construction: nothing is acknowledged before it is written.
 */
#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void mri_check_fail(const char *file, int line, const char *condition)
{
    (void)fprintf(stderr, "millrace: assertion failed at %s:%d: %s\n", file, line, condition);
    abort();
}
