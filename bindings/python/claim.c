/* SPDX-License-Identifier: MIT */
/*
 * A signal that one bus alone moves: claimed, moved, its lease renewed, and released.
 */
#include "methods.h"

#include "base/alloc.h"
#include "os/os.h"

typedef struct claim Claim;

struct claim {
    PyObject_HEAD Bus *bus;
    mr_claim claim;
    double lease; /* seconds, for renewal */
    bool is_over; /* released, ended, or lost */
};

static PyObject *claim_type;

/** In nanoseconds; NULL: it is as it was. -1 and an exception: it is no time, or too long. */
static int64_t lease_ns_of(PyObject *lease, double *seconds)
{
    static const struct mrp_range range = {0.001, 86400.0, "1 ms to 24 h, in seconds"};
    return mrp_read_seconds(lease, "lease", &range, seconds) < 0 ? -1 : (int64_t)(*seconds * 1e9);
}

/** A claim as an object; NULL and an exception. */
static PyObject *claim_of(Bus *self, const mr_claim *claim, double lease)
{
    Claim *made = (Claim *)mrp_new_object(claim_type);
    if (made != NULL) {
        made->bus = (Bus *)Py_NewRef((PyObject *)self);
        made->claim = *claim;
        made->lease = lease;
    }
    return (PyObject *)made;
}

/** A claim that is tried until a time. */
struct attempt {
    mr_claim_options options;
    mr_durability durability;
    int64_t until_ms;
    bool may_come; /* what could not be claimed will be free again: it is worth waiting for */
};

/** Claim, or wait for a slice of the time; what it says is what claiming was answered with. */
static mr_err claim_in_time(
    Bus *self, struct attempt *attempt, mr_claim *ret_claim, mr_problem *problem)
{
    const mr_claim_options *options = &attempt->options;
    int64_t timeout_ms = mrp_wait_slice_ms(attempt->until_ms);
    mr_move_conflict conflict = {0};
    mr_err err;
    Py_BEGIN_ALLOW_THREADS err =
        mr_bus_claim(self->bus, options, attempt->durability, ret_claim, &conflict, problem);
    bool is_held =
        err == MR_CONFLICT && conflict.owner[0] != '\0' && conflict.found == options->from;
    attempt->may_come = err == MR_END || is_held;
    if (attempt->may_come && timeout_ms != 0) {
        mr_err waited = mr_bus_claim_wait(self->bus, timeout_ms, problem);
        err = waited == MR_OK ? MR_AGAIN : waited == MR_AGAIN ? err : waited;
        attempt->may_come = waited == MR_OK || waited == MR_AGAIN;
    }
    Py_END_ALLOW_THREADS return err;
}

/** What claim() is given; *ret_name is borrowed. */
static int read_claim(PyObject *args, PyObject *keywords, struct attempt *ret_attempt,
    PyObject **ret_name, double *ret_lease)
{
    static char *names[] = {
        "owner", "to", "state", "lease", "id", "symbol", "source", "timeout", "durable", NULL};
    mr_claim_options *options = &ret_attempt->options;
    PyObject *given[9] = {NULL};
    const char *to;
    const char *state = "generated";
    int is_durable = 0;
    int64_t timeout_ms = 0;
    *ret_lease = 60.0;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "OO|$OOOOOOO:claim", names, &given[0],
            &given[1], &given[2], &given[3], &given[4], &given[5], &given[6], &given[7],
            &given[8]) ||
        mrp_need_text(given[0], "owner", &options->owner) < 0 ||
        mrp_need_text(given[1], "to", &to) < 0 ||
        (given[2] != NULL && mrp_need_text(given[2], "state", &state) < 0) ||
        mrp_read_text(given[5], "symbol", &options->symbol) < 0 ||
        mrp_read_text(given[6], "source", &options->source) < 0 ||
        mrp_read_bool(given[8], "durable", &is_durable) < 0 ||
        mrp_read_state(to, "to", &options->next) < 0 ||
        mrp_read_state(state, "state", &options->from) < 0 ||
        (given[7] != NULL && mrp_read_timeout(given[7], &timeout_ms) < 0)) {
        return -1;
    }
    options->lease_ns = lease_ns_of(given[3], ret_lease);
    ret_attempt->durability = mrp_durability_of(is_durable);
    ret_attempt->until_ms = mrp_wait_until_ms(timeout_ms);
    *ret_name = given[4] == Py_None ? NULL : given[4];
    return options->lease_ns < 0 ? -1 : 0;
}

PyObject *mrp_bus_claim(Bus *self, PyObject *args, PyObject *keywords)
{
    double lease;
    PyObject *name;
    struct mrp_named named;
    struct attempt attempt = {.may_come = false};
    mr_claim_options *options = &attempt.options;
    mr_problem problem = {""};
    if (read_claim(args, keywords, &attempt, &name, &lease) < 0 ||
        (name != NULL && mrp_read_signal(name, "id", &named) < 0)) {
        return NULL;
    }
    for (;;) {
        mr_claim claim;
        mr_err err = MR_NOT_FOUND;
        if (mrp_enter(self) < 0) {
            return NULL;
        }
        bool is_found = name == NULL ||
                        (mrp_follow(self) == 0 && mrp_find(self, &named, &options->ordinal) == 0);
        if (is_found) {
            err = claim_in_time(self, &attempt, &claim, &problem);
        }
        mrp_leave(self);
        if (!is_found || (err != MR_OK && PyErr_CheckSignals() < 0)) {
            return NULL;
        }
        if (err == MR_OK) {
            return claim_of(self, &claim, lease);
        }
        bool is_over = mrp_wait_is_over(attempt.until_ms);
        if (err == MR_END && is_over) {
            Py_RETURN_NONE;
        }
        if (!attempt.may_come || (err == MR_CONFLICT && is_over)) {
            return mrp_raise_error(err, problem.text);
        }
    }
}

/** Take the bus of a claim for a call; -1 and an exception. */
static int enter_claim(Claim *self)
{
    if (mrp_enter(self->bus) < 0) {
        return -1;
    }
    if (self->is_over) {
        mrp_leave(self->bus);
        PyErr_Format(mrp_error_kind(MR_CONFLICT), "the claim of signal %lu is over",
            (unsigned long)self->claim.ordinal.n);
        return -1;
    }
    return 0;
}

/** The state that the claimed signal is in: while the claim stands, only its bus moves it. */
static mr_err state_of(const Claim *self, mr_state *ret_state, mr_problem *problem)
{
    mr_signal signal;
    mr_err err = mr_bus_follow(self->bus->bus, problem);
    if (err == MR_OK) {
        err = mr_bus_get(self->bus->bus, self->claim.ordinal, &signal);
    }
    if (err == MR_OK) {
        *ret_state = signal.state;
    }
    return err;
}

/** Has the log this very claim in force? */
static bool is_in_force(const Claim *self)
{
    mr_claimant claimant;
    return mr_bus_claimant(self->bus->bus, self->claim.ordinal, &claimant) == MR_OK &&
           claimant.seq.n == self->claim.seq.n;
}

static PyObject *claim_move(Claim *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"to", "gate", "reason", "data", "actor", "durable", NULL};
    PyObject *given[6] = {NULL};
    const char *to;
    mr_move move = {0};
    mr_problem problem = {""};
    struct mri_buf texts;
    int is_durable = 0;
    mr_err err;
    move.to = self->claim.next;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "|O$OOOOO:move", names, &given[0], &given[1],
            &given[2], &given[3], &given[4], &given[5]) ||
        mrp_read_text(given[0], "to", &to) < 0 || mrp_read_text(given[1], "gate", &move.gate) < 0 ||
        mrp_read_text(given[2], "reason", &move.reason) < 0 ||
        mrp_read_text(given[4], "actor", &move.actor) < 0 ||
        mrp_read_bool(given[5], "durable", &is_durable) < 0 ||
        mrp_read_state(to, "to", &move.to) < 0) {
        return NULL;
    }
    mri_buf_init(&texts, mri_alloc_system(), MRP_DATA_BYTES_MAX + 4096);
    if (mrp_read_one_data(given[3], "data", &texts, &move.data) < 0 || enter_claim(self) < 0) {
        mri_buf_fini(&texts);
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS err = state_of(self, &move.from, &problem);
    if (err == MR_OK) {
        err = mr_claim_move(
            self->bus->bus, &self->claim, &move, mrp_durability_of(is_durable), NULL, &problem);
    }
    if (err == MR_OK || err == MR_CONFLICT) {
        self->is_over = !is_in_force(self);
    }
    Py_END_ALLOW_THREADS mrp_leave(self->bus);
    mri_buf_fini(&texts);
    if (err != MR_OK) {
        return mrp_raise_error(err, problem.text);
    }
    Py_RETURN_NONE;
}

static PyObject *claim_renew(Claim *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"lease", NULL};
    PyObject *given = NULL;
    double lease = self->lease;
    mr_problem problem = {""};
    mr_err err;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "|O:renew", names, &given)) {
        return NULL;
    }
    int64_t lease_ns = lease_ns_of(given == Py_None ? NULL : given, &lease);
    if (lease_ns < 0 || enter_claim(self) < 0) {
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS err = mr_claim_renew(self->bus->bus, &self->claim, lease_ns, &problem);
    Py_END_ALLOW_THREADS self->is_over = err == MR_CONFLICT;
    mrp_leave(self->bus);
    if (err != MR_OK) {
        return mrp_raise_error(err, problem.text);
    }
    Py_RETURN_NONE;
}

static PyObject *claim_release(Claim *self, PyObject *unused)
{
    mr_problem problem = {""};
    mr_err err;
    (void)unused;
    if (enter_claim(self) < 0) {
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS err = mr_claim_release(self->bus->bus, &self->claim, MR_ASYNC, &problem);
    Py_END_ALLOW_THREADS self->is_over = self->is_over || err == MR_OK || err == MR_CONFLICT;
    mrp_leave(self->bus);
    if (err != MR_OK) {
        return mrp_raise_error(err, problem.text);
    }
    Py_RETURN_NONE;
}

/** What is still claimed is given back; a claim that was lost is no fault of who leaves. */
static PyObject *claim_exit(Claim *self, PyObject *args)
{
    bool is_ours = !self->is_over && self->bus->bus != NULL && self->bus->forks == mrp_forks();
    (void)args;
    if (is_ours) {
        PyObject *released = claim_release(self, NULL);
        if (released == NULL && !PyErr_ExceptionMatches(mrp_error_kind(MR_CONFLICT))) {
            return NULL;
        }
        PyErr_Clear();
        Py_XDECREF(released);
    }
    Py_RETURN_NONE;
}

static PyObject *claim_signal(Claim *self, void *unused)
{
    (void)unused;
    if (mrp_enter(self->bus) < 0) {
        return NULL;
    }
    PyObject *signal =
        mrp_follow(self->bus) == 0 ? mrp_signal_of(self->bus, NULL, self->claim.ordinal) : NULL;
    mrp_leave(self->bus);
    return signal;
}

static PyObject *claim_id(Claim *self, void *unused)
{
    (void)unused;
    if (mrp_enter(self->bus) < 0) {
        return NULL;
    }
    PyObject *id = mrp_id_of(self->bus, self->claim.ordinal);
    mrp_leave(self->bus);
    return id;
}

static PyObject *claim_seq(Claim *self, void *unused)
{
    (void)unused;
    return PyLong_FromUnsignedLongLong(self->claim.seq.n);
}

static PyObject *claim_is_over(Claim *self, void *unused)
{
    (void)unused;
    return PyBool_FromLong(self->is_over);
}

static void claim_dealloc(Claim *self)
{
    Py_XDECREF(self->bus); /* the claim stands until its bus is closed */
    mrp_free_object((PyObject *)self);
}

static PyMethodDef claim_methods[] = {
    {"move", MRP_FUNCTION(claim_move), METH_VARARGS | METH_KEYWORDS,
        "move(to=None, *, gate=None, reason=None, data=None, actor=None, durable=False)\n\n"
        "Move the signal on, by default to what it was claimed for. To blocked, expired or\n"
        "executed ends the claim. MR_CONFLICT: the claim has ended, somebody else may have it."},
    {"renew", MRP_FUNCTION(claim_renew), METH_VARARGS | METH_KEYWORDS,
        "renew(lease=None)\n\nThe lease lasts from now on for so many seconds, by default as "
        "many as before."},
    {"release", MRP_FUNCTION(claim_release), METH_NOARGS,
        "release()\n\nGive the signal back: others may claim it, or the pipeline decides on it."},
    {"__enter__", MRP_FUNCTION(mrp_bus_enter), METH_NOARGS, NULL},
    {"__exit__", MRP_FUNCTION(claim_exit), METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef claim_properties[] = {
    {"signal", (getter)claim_signal, NULL, "The signal as it is now, as of Bus.get().", NULL},
    {"id", (getter)claim_id, NULL, "The signal's id.", NULL},
    {"seq", (getter)claim_seq, NULL, "The number of its signal.claimed in the log.", NULL},
    {"is_over", (getter)claim_is_over, NULL, "Has it ended, as far as this object was told?", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot claim_slots[] = {
    {Py_tp_doc, "A signal that only this Bus moves, of Bus.claim(). As a context manager it is\n"
                "released at the end, unless it was moved to its end."},
    {Py_tp_dealloc, claim_dealloc},
    {Py_tp_methods, claim_methods},
    {Py_tp_getset, claim_properties},
    {0, NULL},
};

static PyType_Spec claim_spec = {
    .name = "millrace.Claim",
    .basicsize = sizeof(Claim),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = claim_slots,
};

PyObject *mrp_make_claim_type(void)
{
    claim_type = PyType_FromSpec(&claim_spec);
    return claim_type;
}
