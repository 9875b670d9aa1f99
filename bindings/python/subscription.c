/* SPDX-License-Identifier: MIT */
/*
 * A durable place in the log: events leased, handed out as dicts, and acked.
 *
 * Invariants
 *  1. done[] and `held_seq` are what iteration handed out and has not acked; take() hands out what
 *     the caller acks.
 *  2. An event that was leased and not handed out is given back before it would be others'.
 */
#include "methods.h"

#include <string.h>

#include "millrace/log_consumer.h"
#include "os/os.h"

enum { LATE_EACH = 8 }; /* one event in so many is looked at for being late */

/* So long iteration may take for what was leased at once, before less is. */
#define BATCH_NS ((int64_t)20000000)

static PyObject *subscription_type;

/** Take the bus of a subscription for a call; -1 and an exception: either is closed. */
static int enter_subscription(Subscription *self)
{
    if (mrp_enter(self->bus) < 0) {
        return -1;
    }
    if (self->subscription == NULL) {
        mrp_leave(self->bus);
        PyErr_SetString(mrp_error_kind(MR_EINVAL), "this subscription is closed");
        return -1;
    }
    return 0;
}

static const char *const event_field_texts[EVENT_FIELDS] = {"seq", "kind", "time_unix_ns", "signal",
    "from_state", "to", "gate", "reason", "deliveries", "ordinal", "id"};
static PyObject *event_keys[EVENT_FIELDS];

int mrp_make_event_keys(void)
{
    return mrp_make_keys(event_field_texts, event_keys, EVENT_FIELDS);
}

/** One thing that an event says; NULL and an exception. */
static PyObject *event_value(
    const Subscription *self, const mr_bus_event *event, enum event_field field)
{
    switch (field) {
    case EVENT_SEQ:
        return PyLong_FromUnsignedLongLong(event->seq.n);
    case EVENT_KIND:
        return mrp_text_object(event->kind);
    case EVENT_TIME:
        return PyLong_FromLongLong(event->time_unix_ns);
    case EVENT_SIGNAL:
        return event->ordinal.n == 0 ? Py_NewRef(Py_None)
                                     : mrp_signal_of(self->bus, NULL, event->ordinal);
    case EVENT_FROM:
        return event->is_move ? mrp_state_text(event->from) : Py_NewRef(Py_None);
    case EVENT_TO:
        return event->is_move ? mrp_state_text(event->to) : Py_NewRef(Py_None);
    case EVENT_GATE:
        return mrp_text_object(event->gate);
    case EVENT_REASON:
        return mrp_text_object(event->reason);
    case EVENT_DELIVERIES:
        return PyLong_FromUnsignedLong(event->deliveries);
    case EVENT_ORDINAL:
        return event->ordinal.n == 0 ? Py_NewRef(Py_None)
                                     : PyLong_FromUnsignedLong(event->ordinal.n);
    case EVENT_ID:
        return event->ordinal.n == 0 ? Py_NewRef(Py_None) : mrp_id_of(self->bus, event->ordinal);
    default:
        return NULL;
    }
}

/** What was asked for, as a dict: a copy of one that has all the keys needs no room made. */
static PyObject *event_of(const Subscription *self, const mr_bus_event *event)
{
    PyObject *dict = PyDict_Copy(self->form);
    for (size_t i = 0; i < self->field_count && dict != NULL; i++) {
        PyObject *value = event_value(self, event, self->fields[i]);
        bool is_put =
            value == Py_None || /* it is there */
            (value != NULL && PyDict_SetItem(dict, event_keys[self->fields[i]], value) == 0);
        Py_XDECREF(value);
        if (!is_put) {
            Py_CLEAR(dict);
        }
    }
    return dict;
}

static int64_t now_ns(void)
{
    const struct mri_os *os = mri_os_linux();
    return os->boottime_ns(os->context);
}

/** Ack what iteration is done with, in the handle; all that can be is, also when one cannot. */
static mr_err flush(Subscription *self, mr_problem *problem)
{
    size_t count = self->done_count;
    self->done_count = 0;
    mr_err err = count == 0
                     ? MR_OK
                     : mr_subscription_ack_many(self->subscription, self->done, count, problem);
    if (err != MR_CONFLICT || count == 1) {
        return err;
    }
    err = MR_OK;
    for (size_t i = 0; i < count; i++) {
        mr_problem own = {""};
        mr_err one = mr_subscription_ack(self->subscription, self->done[i], &own);
        if (one != MR_OK && err == MR_OK) {
            err = one;
            *problem = own;
        }
    }
    return err;
}

/** What was handed out by iteration before is done. */
static void note_done(Subscription *self)
{
    if (self->held_seq != 0) {
        self->done[self->done_count++].n = self->held_seq;
        self->held_seq = 0;
    }
}

/** Events that were leased long ago are given back: soon they would be others'. */
static mr_err give_back_late(Subscription *self, mr_problem *problem)
{
    mr_err err = MR_OK;
    if (self->event_at == self->event_count || self->event_at % LATE_EACH != 0 ||
        now_ns() - self->leased_ns < self->lease_ns / 2) {
        return MR_OK;
    }
    while (self->event_at < self->event_count) {
        mr_seq seq = self->events[self->event_at++].seq;
        mr_err one = mr_subscription_nack(self->subscription, seq, 0,
            "not looked at: the events before it took too long", problem);
        err = one == MR_OK || one == MR_CONFLICT ? err : one;
    }
    self->batch = 1;
    return err;
}

/** Lease as many as are used up within some milliseconds: others of the name get the rest. */
static size_t choose_batch(Subscription *self)
{
    int64_t took_ns = now_ns() - self->leased_ns;
    bool is_used_up = self->event_count == self->batch;
    if (is_used_up && took_ns < BATCH_NS / 2) {
        self->batch = 2 * self->batch < self->batch_max ? 2 * self->batch : self->batch_max;
    } else if (took_ns > BATCH_NS && self->batch > 1) {
        self->batch /= 2;
    }
    return self->batch;
}

/** Get more, after what was done before; MR_AGAIN: there is nothing. May wait. */
static mr_err refill(Subscription *self, size_t batch, int64_t timeout_ms, mr_problem *problem)
{
    size_t count = 0;
    self->event_count = 0;
    self->event_at = 0;
    mr_err err = flush(self, problem);
    if (err == MR_OK) {
        err = mr_subscription_next_many(self->subscription, self->events, batch, &count, problem);
    }
    if (err == MR_END || err == MR_AGAIN) {
        mr_err waited = mr_subscription_wait(self->subscription, timeout_ms, problem);
        err = waited == MR_OK ? MR_BUSY : waited;
    }
    self->event_count = count;
    self->leased_ns = now_ns();
    return err;
}

/**
 * Have an event at hand: 1, and the bus is entered; 0 there is none in time, -1 and an exception.
 * A batch of 0 is iteration's: it is done with the one before, and leases as many as it may.
 */
static int have_event(Subscription *self, size_t batch, int64_t timeout_ms)
{
    mr_problem problem = {""};
    int64_t until_ms = mrp_wait_until_ms(timeout_ms);
    for (;;) {
        if (enter_subscription(self) < 0) {
            return -1;
        }
        if (batch == 0) {
            note_done(self);
        }
        mr_err err = give_back_late(self, &problem);
        if (err == MR_OK && self->event_at < self->event_count) {
            return 1;
        }
        if (err == MR_OK) {
            size_t room = batch == 0 ? choose_batch(self) : batch;
            Py_BEGIN_ALLOW_THREADS err = refill(self, room, mrp_wait_slice_ms(until_ms), &problem);
            Py_END_ALLOW_THREADS
        }
        if (err == MR_OK) {
            return 1;
        }
        mrp_leave(self->bus);
        if (PyErr_CheckSignals() < 0) {
            return -1;
        }
        if (err == MR_AGAIN && mrp_wait_is_over(until_ms)) {
            return 0;
        }
        if (err != MR_AGAIN && err != MR_BUSY) {
            (void)mrp_raise_error(err, problem.text);
            return -1;
        }
    }
}

/** The next event as a dict; None when there is none in time; NULL and an exception. */
static PyObject *take_event(Subscription *self, int64_t timeout_ms)
{
    int found = have_event(self, 1, timeout_ms);
    if (found <= 0) {
        return found < 0 ? NULL : Py_NewRef(Py_None);
    }
    PyObject *event = event_of(self, &self->events[self->event_at++]);
    mrp_leave(self->bus);
    return event;
}

static PyObject *subscription_take(Subscription *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"timeout", NULL};
    PyObject *timeout = NULL;
    int64_t timeout_ms;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "|O:take", names, &timeout) ||
        mrp_read_timeout(timeout, &timeout_ms) < 0) {
        return NULL;
    }
    return take_event(self, timeout_ms);
}

static PyObject *subscription_take_many(Subscription *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"count", "timeout", NULL};
    PyObject *timeout = NULL;
    Py_ssize_t most = MR_CONSUMER_IN_FLIGHT_MAX;
    int64_t timeout_ms;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "|nO:take_many", names, &most, &timeout) ||
        mrp_read_timeout(timeout, &timeout_ms) < 0) {
        return NULL;
    }
    if (most < 1 || most > MR_CONSUMER_IN_FLIGHT_MAX) {
        return mrp_raise_error(MR_EINVAL, "count: expected 1 to 1024");
    }
    PyObject *list = PyList_New(0);
    int found = list == NULL ? -1 : have_event(self, (size_t)most, timeout_ms);
    if (found > 0) {
        while (list != NULL && self->event_at < self->event_count && PyList_Size(list) < most) {
            PyObject *event = event_of(self, &self->events[self->event_at++]);
            if (event == NULL || PyList_Append(list, event) < 0) {
                Py_CLEAR(list);
            }
            Py_XDECREF(event);
        }
        mrp_leave(self->bus);
    }
    if (found < 0) {
        Py_CLEAR(list);
    }
    return list;
}

/** The number of an event: as it is, or of the dict. */
static int read_seq(PyObject *event, mr_seq *ret_seq)
{
    PyObject *seq = PyDict_Check(event) ? PyDict_GetItemString(event, "seq") : event;
    if (seq == NULL || !PyLong_Check(seq)) {
        PyErr_SetString(PyExc_TypeError, "expected an event, or its seq");
        return -1;
    }
    ret_seq->n = PyLong_AsUnsignedLongLong(seq);
    return PyErr_Occurred() ? -1 : 0;
}

static PyObject *subscription_ack(Subscription *self, PyObject *event)
{
    mr_seq seq;
    mr_problem problem = {""};
    if (read_seq(event, &seq) < 0 || enter_subscription(self) < 0) {
        return NULL;
    }
    self->held_seq = self->held_seq == seq.n ? 0 : self->held_seq;
    mr_err err = flush(self, &problem);
    if (err == MR_OK) {
        err = mr_subscription_ack(self->subscription, seq, &problem);
    }
    mrp_leave(self->bus);
    if (err != MR_OK) {
        return mrp_raise_error(err, problem.text);
    }
    Py_RETURN_NONE;
}

/** The numbers of many; how many there are, -1 and an exception. */
static Py_ssize_t read_seqs(PyObject *events, mr_seq seqs[MR_CONSUMER_IN_FLIGHT_MAX])
{
    Py_ssize_t count = PySequence_Size(events);
    if (count > MR_CONSUMER_IN_FLIGHT_MAX) {
        (void)mrp_raise_error(MR_EINVAL, "events: expected up to 1024");
        return -1;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *event = PySequence_GetItem(events, i);
        int result = event == NULL ? -1 : read_seq(event, &seqs[i]);
        Py_XDECREF(event);
        if (result < 0) {
            return -1;
        }
    }
    return count;
}

static PyObject *subscription_ack_many(Subscription *self, PyObject *events)
{
    mr_seq seqs[MR_CONSUMER_IN_FLIGHT_MAX];
    mr_problem problem = {""};
    Py_ssize_t count = read_seqs(events, seqs);
    if (count < 0 || enter_subscription(self) < 0) {
        return NULL;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        self->held_seq = self->held_seq == seqs[i].n ? 0 : self->held_seq;
    }
    mr_err err = flush(self, &problem);
    if (err == MR_OK && count > 0) {
        err = mr_subscription_ack_many(self->subscription, seqs, (size_t)count, &problem);
    }
    mrp_leave(self->bus);
    if (err != MR_OK) {
        return mrp_raise_error(err, problem.text);
    }
    Py_RETURN_NONE;
}

static PyObject *subscription_nack(Subscription *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"event", "delay", "reason", NULL};
    mr_problem problem = {""};
    const char *reason = NULL;
    PyObject *event;
    PyObject *given = Py_None;
    double delay = 0.0;
    bool is_given = false;
    mr_seq seq;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "O|Oz:nack", names, &event, &given, &reason) ||
        read_seq(event, &seq) < 0 || mrp_optional_number(given, &delay, &is_given) < 0) {
        return NULL;
    }
    if (is_given && !(delay >= 0.0 && delay <= 86400.0)) {
        return mrp_raise_error(MR_EINVAL, "delay: expected seconds from 0 to 86400");
    }
    if (enter_subscription(self) < 0) {
        return NULL;
    }
    mr_err err = flush(self, &problem);
    if (err == MR_OK) {
        int64_t delay_ms = is_given ? (int64_t)(delay * 1000.0) : -1;
        err = mr_subscription_nack(self->subscription, seq, delay_ms, reason, &problem);
    }
    mrp_leave(self->bus);
    if (err != MR_OK) {
        return mrp_raise_error(err, problem.text);
    }
    self->held_seq = self->held_seq == seq.n ? 0 : self->held_seq;
    Py_RETURN_NONE;
}

void mrp_close_subscription(Subscription *self)
{
    mr_problem problem = {""};
    if (self->subscription != NULL) {
        (void)flush(self, &problem); /* what could not be acked comes again */
        mr_subscription_close(self->subscription);
        self->subscription = NULL;
        self->event_count = 0;
        self->event_at = 0;
    }
}

static PyObject *subscription_close(Subscription *self, PyObject *unused)
{
    (void)unused;
    Bus *bus = self->bus;
    if (bus->bus == NULL || bus->forks != mrp_forks()) {
        Py_RETURN_NONE; /* closed with it, or another process's */
    }
    if (mrp_enter(bus) < 0) {
        PyErr_Clear();
        Py_RETURN_NONE;
    }
    for (Subscription **link = &bus->subscriptions; *link != NULL; link = &(*link)->next) {
        if (*link == self) {
            *link = self->next;
            break;
        }
    }
    mrp_close_subscription(self);
    mrp_leave(bus);
    Py_RETURN_NONE;
}

static void subscription_dealloc(Subscription *self)
{
    if (self->bus != NULL) {
        Py_XDECREF(subscription_close(self, NULL));
        Py_DECREF(self->bus);
    }
    PyMem_Free(self->events);
    PyMem_Free(self->done);
    Py_XDECREF(self->form);
    mrp_free_object((PyObject *)self);
}

/** What was handed out before is done when the next one is asked for. */
static PyObject *subscription_next(Subscription *self)
{
    if (have_event(self, 0, -1) <= 0) {
        return NULL;
    }
    const mr_bus_event *own = &self->events[self->event_at];
    PyObject *event = event_of(self, own);
    if (event != NULL) {
        self->held_seq = own->seq.n;
        self->event_at++;
    }
    mrp_leave(self->bus);
    return event;
}

static PyObject *subscription_exit(Subscription *self, PyObject *args)
{
    (void)args;
    return subscription_close(self, NULL);
}

static PyMethodDef subscription_methods[] = {
    {"take", MRP_FUNCTION(subscription_take), METH_VARARGS | METH_KEYWORDS,
        "take(timeout=None)\n\n"
        "The next event as a dict, to be acked or given back; None after timeout seconds."},
    {"take_many", MRP_FUNCTION(subscription_take_many), METH_VARARGS | METH_KEYWORDS,
        "take_many(count=1024, timeout=None)\n\n"
        "As many events as there are now, up to count, as a list, to be acked or given back.\n"
        "It waits for the first; an empty list after timeout seconds."},
    {"ack", MRP_FUNCTION(subscription_ack), METH_O,
        "ack(event)\n\nThe event is done: it does not come again."},
    {"ack_many", MRP_FUNCTION(subscription_ack_many), METH_O,
        "ack_many(events)\n\nAll of them are done, or none."},
    {"nack", MRP_FUNCTION(subscription_nack), METH_VARARGS | METH_KEYWORDS,
        "nack(event, delay=None, reason=None)\n\n"
        "Give the event back: it comes again after so many seconds; None: what\n"
        "subscribe(backoff=) says, at once without. After max_deliver times it is a dead letter,\n"
        "which says the reason, a text of up to 200 bytes."},
    {"close", MRP_FUNCTION(subscription_close), METH_NOARGS,
        "close()\n\nGive back what was not acked, and close."},
    {"__enter__", MRP_FUNCTION(mrp_bus_enter), METH_NOARGS, NULL},
    {"__exit__", MRP_FUNCTION(subscription_exit), METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot subscription_slots[] = {
    {Py_tp_doc,
        "A durable place in the log, of Bus.subscribe(). Iteration hands out event after\n"
        "event, waits for the next, and is done with one when the next is asked for. Who is\n"
        "fast is given some at a time: what was done is then acked with the last of them, so\n"
        "that after a kill some come again. subscribe(batch=1) acks each at once."},
    {Py_tp_dealloc, subscription_dealloc},
    {Py_tp_iter, PyObject_SelfIter},
    {Py_tp_iternext, subscription_next},
    {Py_tp_methods, subscription_methods},
    {0, NULL},
};

static PyType_Spec subscription_spec = {
    .name = "millrace.Subscription",
    .basicsize = sizeof(Subscription),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = subscription_slots,
};

PyObject *mrp_make_subscription_type(void)
{
    subscription_type = PyType_FromSpec(&subscription_spec);
    return subscription_type;
}

/** Which fields an event has: those that are named, in their order, or the usual ones. */
static int read_fields(Subscription *self, PyObject *fields)
{
    for (int i = 0; i < EVENT_USUAL; i++) {
        self->fields[i] = (enum event_field)i;
    }
    self->field_count = EVENT_USUAL;
    if (fields == NULL || fields == Py_None) {
        return 0;
    }
    Py_ssize_t count = PySequence_Size(fields);
    self->field_count = 0;
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *item = PySequence_GetItem(fields, i);
        const char *name =
            item != NULL && PyUnicode_Check(item) ? PyUnicode_AsUTF8AndSize(item, NULL) : NULL;
        int field = 0;
        while (
            name != NULL && field < EVENT_FIELDS && strcmp(name, event_field_texts[field]) != 0) {
            field++;
        }
        if (name == NULL || field == EVENT_FIELDS || self->field_count == EVENT_FIELDS) {
            PyErr_Format(mrp_error_kind(MR_REFUSED),
                "fields: expected some of seq, kind, time_unix_ns, signal, from_state, to, gate, "
                "reason, deliveries, ordinal and id, found %R",
                item);
            Py_XDECREF(item);
            return -1;
        }
        Py_DECREF(item);
        self->fields[self->field_count++] = (enum event_field)field;
    }
    return count < 0 ? -1 : 0;
}

static int prepare(Subscription *self, unsigned batch, uint32_t ack_wait_ms, PyObject *fields)
{
    self->batch = 1;
    self->batch_max = batch;
    self->lease_ns = (int64_t)(ack_wait_ms == 0 ? MR_CONSUMER_ACK_WAIT_MS : ack_wait_ms) * 1000000;
    self->events = PyMem_Malloc(MR_CONSUMER_IN_FLIGHT_MAX * sizeof(*self->events));
    self->done = PyMem_Malloc(MR_CONSUMER_IN_FLIGHT_MAX * sizeof(*self->done));
    if (self->events == NULL || self->done == NULL) {
        (void)PyErr_NoMemory();
        return -1;
    }
    if (read_fields(self, fields) < 0) {
        return -1;
    }
    self->form = PyDict_New();
    int result = self->form == NULL ? -1 : 0;
    for (size_t i = 0; i < self->field_count && result == 0; i++) {
        result = PyDict_SetItem(self->form, event_keys[self->fields[i]], Py_None);
    }
    return result;
}

static int read_start_number(PyObject *number, mr_subscribe_options *options)
{
    options->start_seq.n = PyLong_AsUnsignedLongLong(number);
    if (!PyErr_Occurred() && options->start_seq.n != 0) {
        return 0;
    }
    PyErr_Clear();
    PyErr_Format(mrp_error_kind(MR_REFUSED),
        "start: expected the number of an event, from 1, found %R", number);
    return -1;
}

/** The delays of what is given back, in seconds. */
static int read_backoff(
    PyObject *delays, int64_t ret_ms[MR_CONSUMER_BACK_OFF_MAX], mr_subscribe_options *options)
{
    if (delays == NULL || delays == Py_None) {
        return 0;
    }
    Py_ssize_t count = PySequence_Size(delays);
    if (count > MR_CONSUMER_BACK_OFF_MAX) {
        PyErr_Format(mrp_error_kind(MR_REFUSED), "backoff: expected up to %d delays, found %zd",
            MR_CONSUMER_BACK_OFF_MAX, count);
        return -1;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *item = PySequence_GetItem(delays, i);
        double seconds = item == NULL ? -1.0 : PyFloat_AsDouble(item);
        if (!PyErr_Occurred() && !(seconds >= 0.0 && seconds <= 86400.0)) {
            PyErr_Format(mrp_error_kind(MR_REFUSED),
                "backoff: expected seconds from 0 to 86400, found %R", item);
        }
        Py_XDECREF(item);
        if (PyErr_Occurred()) {
            return -1;
        }
        ret_ms[i] = (int64_t)(seconds * 1000.0);
    }
    options->backoff_ms = ret_ms;
    options->backoff_count = count < 0 ? 0 : (size_t)count;
    return count < 0 ? -1 : 0;
}

/** Where a new name begins: end, beginning, the number of an event, or behind a moment. */
static int read_start(PyObject *start, mr_subscribe_options *options)
{
    if (start == NULL) {
        return 0;
    }
    if (PyLong_Check(start) && !PyBool_Check(start)) {
        return read_start_number(start, options);
    }
    if (!PyUnicode_Check(start)) {
        PyErr_Format(PyExc_TypeError,
            "start: expected end, beginning, the number of an event, or a time, an age or a moment "
            "as str, found %R",
            (PyObject *)Py_TYPE(start));
        return -1;
    }
    Py_ssize_t bytes;
    const char *text = PyUnicode_AsUTF8AndSize(start, &bytes);
    if (text == NULL || strlen(text) != (size_t)bytes) {
        if (text != NULL) {
            PyErr_SetString(PyExc_ValueError, "start: embedded null character");
        }
        return -1;
    }
    if (text[0] != '\0' && text[strspn(text, "0123456789")] == '\0') { /* as the int is */
        PyObject *number = PyLong_FromString(text, NULL, 10);
        int result = number == NULL ? -1 : read_start_number(number, options);
        Py_XDECREF(number);
        return result;
    }
    options->is_from_beginning = strcmp(text, "beginning") == 0;
    options->start_after = options->is_from_beginning || strcmp(text, "end") == 0 ? NULL : text;
    return 0;
}

PyObject *mrp_bus_subscribe(Bus *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"name", "kind", "symbol", "source", "signal_name", "state", "start",
        "max_in_flight", "max_deliver", "ack_wait", "backoff", "batch", "fields", NULL};
    const char *name;
    PyObject *start = NULL;
    double ack_wait = 0.0;
    long long batch = MR_CONSUMER_IN_FLIGHT_MAX;
    long long in_flight = 0;
    long long deliver = 0;
    PyObject *fields = NULL;
    PyObject *backoff = NULL;
    int64_t backoff_ms[MR_CONSUMER_BACK_OFF_MAX];
    mr_subscribe_options options = {0};
    mr_problem problem = {""};
    mr_err err;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "s|$zzzzzOLLdOLO:subscribe", names, &name,
            &options.kind, &options.symbol, &options.source, &options.name, &options.state, &start,
            &in_flight, &deliver, &ack_wait, &backoff, &batch, &fields)) {
        return NULL;
    }
    if (read_start(start, &options) < 0 || read_backoff(backoff, backoff_ms, &options) < 0) {
        return NULL;
    }
    if (!(ack_wait >= 0.0 && ack_wait <= 86400.0)) {
        return mrp_raise_error(MR_REFUSED, "ack_wait: expected seconds from 0 to 86400");
    }
    if (batch < 1 || batch > MR_CONSUMER_IN_FLIGHT_MAX) {
        return mrp_raise_error(MR_REFUSED, "batch: expected 1 to 1024");
    }
    if (in_flight < 0 || in_flight > MR_CONSUMER_IN_FLIGHT_MAX) {
        return mrp_raise_error(MR_REFUSED, "max_in_flight: expected 0 to 1024");
    }
    if (deliver < 0 || deliver > UINT32_MAX) {
        return mrp_raise_error(MR_REFUSED, "max_deliver: expected 0 to 4294967295");
    }
    options.max_in_flight = (uint32_t)in_flight;
    options.max_deliver = (uint32_t)deliver;
    options.ack_wait_ms = (uint32_t)(ack_wait * 1000.0);
    Subscription *made = (Subscription *)mrp_new_object(subscription_type);
    if (made == NULL || prepare(made, (unsigned)batch, options.ack_wait_ms, fields) < 0 ||
        mrp_enter(self) < 0) {
        Py_XDECREF(made);
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS err =
        mr_bus_subscribe(self->bus, name, &options, &made->subscription, &problem);
    Py_END_ALLOW_THREADS if (err == MR_OK)
    {
        made->bus = (Bus *)Py_NewRef((PyObject *)self);
        made->next = self->subscriptions;
        self->subscriptions = made;
    }
    mrp_leave(self);
    if (err != MR_OK) {
        Py_DECREF(made);
        return mrp_raise_error(err, problem.text);
    }
    return (PyObject *)made;
}
