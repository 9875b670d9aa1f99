/* SPDX-License-Identifier: MIT */
/*
 * The handle: a bus of millrace/bus.h, opened, closed, and taken for each call.
 *
 * Invariants
 *  1. A handle is used by one thread at a time: `lock` is held during every call of the library,
 *     and the interpreter is let go of while a call may wait. A call that does not wait may do
 *     without the lock while nobody has entered: with the interpreter's, nobody can. Who has
 *     entered, and does so again (a __del__ that the interpreter runs when it makes an object), is
 *     refused; to close is done when it leaves.
 *  2. A handle is of no use in a child of fork(): every call is refused there, and what the parent
 *     has is left alone.
 */
#include "methods.h"

enum { TABLE_SIGNALS_MIN = 4096, TABLE_SIGNALS_MAX = 134217728 };

/* Counts forks: in a child it is another number than when the handle was made. */
static volatile unsigned long forks;

void mrp_note_fork(void)
{
    forks++;
}

unsigned long mrp_forks(void)
{
    return forks;
}

int mrp_enter(Bus *self)
{
    if (self->bus != NULL && self->forks != forks) {
        PyErr_SetString(
            mrp_error_kind(MR_EINVAL), "this bus was opened before a fork; open one in the child");
        return -1;
    }
    if (mrp_is_within(self)) {
        PyErr_SetString(mrp_error_kind(MR_BUSY),
            "this thread is in the middle of a call of this bus: a finalizer can close it, and no "
            "more");
        return -1;
    }
    if (PyThread_acquire_lock(self->lock, NOWAIT_LOCK) == 0) {
        Py_BEGIN_ALLOW_THREADS PyThread_acquire_lock(self->lock, WAIT_LOCK);
        Py_END_ALLOW_THREADS
    }
    if (self->bus == NULL) {
        PyThread_release_lock(self->lock);
        PyErr_SetString(mrp_error_kind(MR_EINVAL), "this bus is closed");
        return -1;
    }
    self->is_entered = true;
    self->entered_by = PyThread_get_thread_ident();
    return 0;
}

bool mrp_is_within(const Bus *self)
{
    return self->is_entered && self->entered_by == PyThread_get_thread_ident();
}

bool mrp_is_free(const Bus *self)
{
    return !self->is_entered && self->bus != NULL && self->forks == forks;
}

/** Close it, entered: it is left, and nothing of it is used any more. */
static void close_and_leave(Bus *self)
{
    mr_bus *bus = self->bus;
    Subscription *subscriptions = self->subscriptions;
    Orders *orders = self->orders;
    self->bus = NULL;
    self->subscriptions = NULL;
    self->orders = NULL;
    self->is_to_close = false;
    self->is_entered = false;
    PyThread_release_lock(self->lock);
    for (; orders != NULL; orders = orders->next) {
        mr_executor_close(orders->executor);
        orders->executor = NULL;
    }
    for (; subscriptions != NULL; subscriptions = subscriptions->next) {
        mrp_close_subscription(subscriptions);
    }
    Py_BEGIN_ALLOW_THREADS mr_bus_close(bus);
    Py_END_ALLOW_THREADS
}

void mrp_leave(Bus *self)
{
    if (self->is_to_close) {
        close_and_leave(self);
        return;
    }
    self->is_entered = false;
    PyThread_release_lock(self->lock);
}

int mrp_follow(Bus *self)
{
    mr_problem problem = {""};
    mr_err err;
    Py_BEGIN_ALLOW_THREADS err = mr_bus_follow(self->bus, &problem);
    Py_END_ALLOW_THREADS return err == MR_OK ? 0 : (mrp_raise_error(err, problem.text), -1);
}

/** The folder as bytes; -1 and an exception. */
static int read_dir(PyObject *dir, PyObject **ret_path)
{
    PyObject *path = PyOS_FSPath(dir);
    if (path == NULL) {
        if (PyErr_ExceptionMatches(PyExc_TypeError)) {
            PyErr_Clear();
            return mrp_refuse_type("dir", "str, bytes or os.PathLike", dir);
        }
        return -1;
    }
    int is_good = PyUnicode_FSConverter(path, ret_path);
    if (is_good == 0 && PyErr_ExceptionMatches(PyExc_ValueError)) { /* no bytes of it, or a NUL */
        PyErr_Clear();
        (void)mrp_refuse("dir", "what can be the name of a folder", path);
    }
    Py_DECREF(path);
    return is_good == 0 ? -1 : 0;
}

static int check_table(PyObject *table, int64_t signals)
{
    bool is_power = (signals & (signals - 1)) == 0;
    bool is_good = signals == 0 || (is_power && signals >= TABLE_SIGNALS_MIN);
    return is_good
               ? 0
               : mrp_refuse("table_signals", "a power of two from 4096 to 134217728, or 0", table);
}

PyObject *mrp_bus_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"dir", "create", "table_signals", NULL};
    PyObject *dir;
    PyObject *create = NULL;
    PyObject *table = NULL;
    PyObject *path = NULL;
    int is_create = 0;
    int64_t table_signals = 0;
    mr_problem problem = {""};
    mr_err err;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "O|$OO:Bus", names, &dir, &create, &table) ||
        mrp_read_bool(create, "create", &is_create) < 0 ||
        mrp_read_integer(table, "table_signals", 0, TABLE_SIGNALS_MAX, &table_signals) < 0 ||
        check_table(table, table_signals) < 0 || read_dir(dir, &path) < 0) {
        return NULL;
    }
    Bus *self = (Bus *)mrp_new_object((PyObject *)type);
    if (self == NULL) {
        Py_DECREF(path);
        return NULL;
    }
    self->lock = PyThread_allocate_lock();
    self->forks = forks;
    if (self->lock == NULL) {
        Py_DECREF(path);
        Py_DECREF(self);
        return PyErr_NoMemory();
    }
    const char *folder = PyBytes_AsString(path);
    Py_BEGIN_ALLOW_THREADS err =
        is_create ? mr_bus_create_sized(folder, (uint32_t)table_signals, &self->bus, &problem)
                  : mr_bus_open(folder, &self->bus, &problem);
    Py_END_ALLOW_THREADS self->folder = path;
    if (err != MR_OK) {
        self->bus = NULL;
        Py_DECREF(self);
        return mrp_raise_error(err, problem.text);
    }
    return (PyObject *)self;
}

PyObject *mrp_bus_open(PyObject *type, PyObject *args, PyObject *keywords)
{
    return PyObject_Call(type, args, keywords);
}

PyObject *mrp_bus_close(Bus *self, PyObject *unused)
{
    (void)unused;
    if (self->bus == NULL || self->forks != forks) {
        self->bus = NULL; /* in a child of fork() it is the parent's */
        Py_RETURN_NONE;
    }
    if (mrp_is_within(self)) {
        self->is_to_close = true;
        Py_RETURN_NONE;
    }
    if (mrp_enter(self) < 0) {
        PyErr_Clear();
        Py_RETURN_NONE;
    }
    close_and_leave(self);
    Py_RETURN_NONE;
}

void mrp_bus_dealloc(Bus *self)
{
    if (self->lock != NULL) {
        Py_XDECREF(mrp_bus_close(self, NULL));
        PyThread_free_lock(self->lock);
    }
    mrp_forget_words(self);
    Py_XDECREF(self->folder);
    mrp_free_object((PyObject *)self);
}

PyObject *mrp_bus_enter(PyObject *self, PyObject *unused)
{
    (void)unused;
    return Py_NewRef(self);
}

PyObject *mrp_bus_exit(Bus *self, PyObject *args)
{
    (void)args;
    return mrp_bus_close(self, NULL);
}

PyObject *mrp_bus_wait(Bus *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"timeout", NULL};
    PyObject *timeout = Py_None;
    mr_problem problem = {""};
    int64_t timeout_ms;
    mr_err err;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "|O:wait", names, &timeout)) {
        return NULL;
    }
    if (mrp_read_timeout(timeout, &timeout_ms) < 0) {
        return NULL;
    }
    int64_t until_ms = mrp_wait_until_ms(timeout_ms);
    do {
        if (mrp_enter(self) < 0) {
            return NULL;
        }
        Py_BEGIN_ALLOW_THREADS err = mr_bus_wait(self->bus, mrp_wait_slice_ms(until_ms), &problem);
        Py_END_ALLOW_THREADS mrp_leave(self);
        if ((err == MR_OK || err == MR_AGAIN) && PyErr_CheckSignals() < 0) {
            return NULL;
        }
    } while (err == MR_AGAIN && !mrp_wait_is_over(until_ms));
    if (err == MR_OK || err == MR_AGAIN) {
        return PyBool_FromLong(err == MR_OK);
    }
    return mrp_raise_error(err, problem.text);
}
