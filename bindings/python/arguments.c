/* SPDX-License-Identifier: MIT */
/*
 * What arguments say that several methods have.
 */
#include "module.h"

#include "os/os.h"

mr_durability mrp_durability_of(int is_durable)
{
    return is_durable != 0 ? MR_GROUP : MR_INTERVAL;
}

int mrp_optional_number(PyObject *value, double *ret_number, bool *ret_is_given)
{
    *ret_is_given = value != Py_None;
    if (value != Py_None) {
        *ret_number = PyFloat_AsDouble(value);
    }
    return PyErr_Occurred() ? -1 : 0;
}

int mrp_read_timeout(PyObject *timeout, int64_t *ret_timeout_ms)
{
    *ret_timeout_ms = -1;
    if (timeout == NULL || timeout == Py_None) {
        return 0;
    }
    double seconds = PyFloat_AsDouble(timeout);
    if (PyErr_Occurred()) {
        return -1;
    }
    if (!(seconds >= 0.0 && seconds <= 1e9)) {
        (void)mrp_raise_error(MR_EINVAL, "timeout: expected seconds from 0 to 1e9, or None");
        return -1;
    }
    *ret_timeout_ms = (int64_t)(seconds * 1000.0);
    return 0;
}

/* So long a call may wait before the interpreter is asked whether a signal came. */
enum { SLICE_MS = 200 };

static int64_t boot_ms(void)
{
    const struct mri_os *os = mri_os_linux();
    return os->boottime_ns(os->context) / 1000000;
}

int64_t mrp_wait_until_ms(int64_t timeout_ms)
{
    return timeout_ms < 0 ? -1 : boot_ms() + timeout_ms;
}

int64_t mrp_wait_slice_ms(int64_t until_ms)
{
    int64_t left_ms = until_ms < 0 ? SLICE_MS : until_ms - boot_ms();
    return left_ms < 0 ? 0 : left_ms < SLICE_MS ? left_ms : SLICE_MS;
}

bool mrp_wait_is_over(int64_t until_ms)
{
    return until_ms >= 0 && boot_ms() >= until_ms;
}
