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

#include "api/bus_loop.h"
#include "millrace/log_consumer.h"
#include "os/os.h"

enum { LATE_EACH = 8 }; /* one event in so many is looked at for being late */

/* So long iteration may take for what was leased at once, before less is. */
#define BATCH_NS ((int64_t)20000000)

static PyObject *subscription_type;

static const struct mrp_range day = {0.0, 86400.0, "seconds from 0 to 86400"};

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
    PyObject *given = NULL;
    int64_t most = MR_CONSUMER_IN_FLIGHT_MAX;
    int64_t timeout_ms;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "|OO:take_many", names, &given, &timeout) ||
        mrp_read_integer(given, "count", 1, MR_CONSUMER_IN_FLIGHT_MAX, &most) < 0 ||
        mrp_read_timeout(timeout, &timeout_ms) < 0) {
        return NULL;
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
    int64_t number = 0;
    if (seq == NULL || !mrp_is_integer(seq)) {
        return mrp_refuse_type(
            "event", "an event with its seq, or its seq", seq == NULL ? event : seq);
    }
    int result = mrp_read_integer(seq, "event", 1, INT64_MAX, &number);
    ret_seq->n = (uint64_t)number;
    return result;
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
    PyObject *list = mrp_read_list(events, "events", "a sequence of events");
    Py_ssize_t count = list == NULL ? -1 : PyList_Size(list);
    if (count > MR_CONSUMER_IN_FLIGHT_MAX) {
        PyErr_Format(mrp_error_kind(MR_REFUSED), "events: expected up to %d, found %zd",
            MR_CONSUMER_IN_FLIGHT_MAX, count);
        count = -1;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        if (read_seq(PyList_GetItem(list, i), &seqs[i]) < 0) {
            mrp_name_item("events:", (size_t)i, (size_t)count);
            count = -1;
        }
    }
    Py_XDECREF(list);
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
    PyObject *given[3] = {NULL};
    const char *reason;
    double delay = 0.0;
    mr_seq seq;
    if (!PyArg_ParseTupleAndKeywords(
            args, keywords, "O|OO:nack", names, &given[0], &given[1], &given[2])) {
        return NULL;
    }
    bool is_given = given[1] != NULL && given[1] != Py_None;
    if (read_seq(given[0], &seq) < 0 ||
        mrp_read_seconds(is_given ? given[1] : NULL, "delay", &day, &delay) < 0 ||
        mrp_read_text(given[2], "reason", &reason) < 0) {
        return NULL;
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
    bool is_within = mrp_is_within(bus); /* let go of in the middle of a call, by the interpreter */
    if (!is_within && mrp_enter(bus) < 0) {
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
    if (!is_within) {
        mrp_leave(bus);
    }
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
    if (!PySequence_Check(fields) || PyUnicode_Check(fields) || PyBytes_Check(fields)) {
        return mrp_refuse_type("fields", "a sequence of str", fields);
    }
    Py_ssize_t count = PySequence_Size(fields);
    self->field_count = 0;
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *item = PySequence_GetItem(fields, i);
        const char *name = NULL;
        if (item == NULL || mrp_need_text(item, "fields", &name) < 0) {
            Py_XDECREF(item);
            return -1;
        }
        int field = 0;
        while (field < EVENT_FIELDS && strcmp(name, event_field_texts[field]) != 0) {
            field++;
        }
        if (field == EVENT_FIELDS || self->field_count == EVENT_FIELDS) {
            (void)mrp_refuse("fields",
                "some of seq, kind, time_unix_ns, signal, from_state, to, gate, reason, "
                "deliveries, ordinal and id",
                item);
            Py_DECREF(item);
            return -1;
        }
        Py_DECREF(item);
        self->fields[self->field_count++] = (enum event_field)field;
    }
    return count < 0 ? -1 : 0;
}

static int prepare(Subscription *self, unsigned batch, PyObject *fields)
{
    self->batch = 1;
    self->batch_max = batch;
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
    int64_t seq = 0;
    int result = mrp_read_integer(number, "start", 1, INT64_MAX, &seq);
    options->start_seq.n = (uint64_t)seq;
    return result;
}

/** The delays of what is given back, in seconds. */
static int read_backoff(
    PyObject *delays, int64_t ret_ms[MR_CONSUMER_BACK_OFF_MAX], mr_subscribe_options *options)
{
    if (delays == NULL || delays == Py_None) {
        return 0;
    }
    if (!PySequence_Check(delays) || PyUnicode_Check(delays) || PyBytes_Check(delays)) {
        return mrp_refuse_type("backoff", "a sequence of numbers", delays);
    }
    Py_ssize_t count = PySequence_Size(delays);
    if (count > MR_CONSUMER_BACK_OFF_MAX) {
        PyErr_Format(mrp_error_kind(MR_REFUSED), "backoff: expected up to %d delays, found %zd",
            MR_CONSUMER_BACK_OFF_MAX, count);
        return -1;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *item = PySequence_GetItem(delays, i);
        double seconds = 0.0;
        int result = item == NULL ? -1 : mrp_read_seconds(item, "backoff", &day, &seconds);
        Py_XDECREF(item);
        if (result < 0) {
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
    if (mrp_is_integer(start)) {
        return read_start_number(start, options);
    }
    if (!PyUnicode_Check(start)) {
        return mrp_refuse_type("start",
            "end, beginning, the number of an event, or a time, an age or a moment as str", start);
    }
    const char *text;
    if (mrp_read_text(start, "start", &text) < 0) {
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

/** What subscribe() is given beside a filter: the numbers. */
struct numbers {
    int64_t batch;
    int64_t in_flight;
    int64_t deliver;
    double ack_wait;
};

/** The arguments of subscribe(), in their order. */
enum subscribe_name {
    NAME,
    KIND,
    SYMBOL,
    SOURCE,
    SIGNAL_NAME,
    STATE,
    START,
    IN_FLIGHT,
    DELIVER,
    ACK_WAIT,
    BACKOFF,
    BATCH,
    EVENT_KEYS,
    SUBSCRIBE_NAMES
};

static char *subscribe_names[] = {"name", "kind", "symbol", "source", "signal_name", "state",
    "start", "max_in_flight", "max_deliver", "ack_wait", "backoff", "batch", "fields", NULL};

static int read_subscribe(
    PyObject *const given[SUBSCRIBE_NAMES], mr_subscribe_options *options, struct numbers *numbers)
{
    mr_state state;
    return mrp_read_text(given[KIND], "kind", &options->kind) < 0 ||
                   mrp_read_text(given[SYMBOL], "symbol", &options->symbol) < 0 ||
                   mrp_read_text(given[SOURCE], "source", &options->source) < 0 ||
                   mrp_read_text(given[SIGNAL_NAME], "signal_name", &options->name) < 0 ||
                   mrp_read_text(given[STATE], "state", &options->state) < 0 ||
                   mrp_read_state(options->state, "state", &state) < 0 ||
                   read_start(given[START], options) < 0 ||
                   mrp_read_integer(given[IN_FLIGHT], "max_in_flight", 0, MR_CONSUMER_IN_FLIGHT_MAX,
                       &numbers->in_flight) < 0 ||
                   mrp_read_integer(
                       given[DELIVER], "max_deliver", 0, UINT32_MAX, &numbers->deliver) < 0 ||
                   mrp_read_seconds(given[ACK_WAIT], "ack_wait", &day, &numbers->ack_wait) < 0 ||
                   mrp_read_integer(
                       given[BATCH], "batch", 1, MR_CONSUMER_IN_FLIGHT_MAX, &numbers->batch) < 0
               ? -1
               : 0;
}

/** Options have other names here than in C. */
static PyObject *refuse_subscribe(mr_err err, const char *text)
{
    static const char wait[] = "ack_wait_ms: ";
    bool is_wait = err == MR_REFUSED && strncmp(text, wait, sizeof(wait) - 1) == 0;
    (void)mrp_raise_error(err, is_wait ? text + sizeof(wait) - 1 : text);
    if (is_wait) {
        mrp_name_argument("ack_wait: in milliseconds, ");
    } else if (err == MR_REFUSED && strncmp(text, "name:", 5) == 0) {
        mrp_name_argument("signal_"); /* the filter's: that of the subscription is one */
    }
    return NULL;
}

PyObject *mrp_bus_subscribe(Bus *self, PyObject *args, PyObject *keywords)
{
    PyObject *given[SUBSCRIBE_NAMES] = {NULL};
    const char *name;
    struct numbers numbers = {.batch = MR_CONSUMER_IN_FLIGHT_MAX};
    int64_t backoff_ms[MR_CONSUMER_BACK_OFF_MAX];
    mr_subscribe_options options = {0};
    mr_problem problem = {""};
    mr_err err;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "O|$OOOOOOOOOOOO:subscribe", subscribe_names,
            &given[NAME], &given[KIND], &given[SYMBOL], &given[SOURCE], &given[SIGNAL_NAME],
            &given[STATE], &given[START], &given[IN_FLIGHT], &given[DELIVER], &given[ACK_WAIT],
            &given[BACKOFF], &given[BATCH], &given[EVENT_KEYS]) ||
        mrp_read_consumer(given[NAME], "name", &name) < 0 ||
        read_subscribe(given, &options, &numbers) < 0 ||
        read_backoff(given[BACKOFF], backoff_ms, &options) < 0) {
        return NULL;
    }
    options.max_in_flight = (uint32_t)numbers.in_flight;
    options.max_deliver = (uint32_t)numbers.deliver;
    options.ack_wait_ms = (uint32_t)(numbers.ack_wait * 1000.0);
    Subscription *made = (Subscription *)mrp_new_object(subscription_type);
    if (made == NULL || prepare(made, (unsigned)numbers.batch, given[EVENT_KEYS]) < 0 ||
        mrp_enter(self) < 0) {
        Py_XDECREF(made);
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS err =
        mr_bus_subscribe(self->bus, name, &options, &made->subscription, &problem);
    Py_END_ALLOW_THREADS if (err == MR_OK)
    {
        made->bus = (Bus *)Py_NewRef((PyObject *)self);
        made->lease_ns = (int64_t)mri_bus_loop_ack_wait_ms(made->subscription) * (int64_t)1000000;
        made->next = self->subscriptions;
        self->subscriptions = made;
    }
    mrp_leave(self);
    if (err != MR_OK) {
        Py_DECREF(made);
        return refuse_subscribe(err, problem.text);
    }
    return (PyObject *)made;
}
