/* SPDX-License-Identifier: MIT */
/*
 * Orders at a venue outside: handed to who takes them there, asked for, and reported on.
 */
#include "methods.h"

static PyObject *orders_type;

/** A text, or None when it is empty. */
static const char *text_or_none(const char *text)
{
    return text[0] == '\0' ? NULL : text;
}

static PyObject *order_of(const Bus *self, const mr_order *order)
{
    PyObject *id = mrp_id_of(self, order->ordinal);
    if (id == NULL) {
        return NULL;
    }
    return Py_BuildValue(
        "{s:s,s:s,s:N,s:I,s:s,s:s,s:s,s:s,s:s,s:s,s:d,s:d,s:d,s:I,s:z,s:O,s:L,s:L,s:K,s:K}", "id",
        order->id, "state", order->state, "signal", id, "ordinal", order->ordinal.n, "symbol",
        order->symbol, "venue", order->venue, "native_name", order->native_name, "leg", order->leg,
        "type", order->type, "side", order->side == MR_SHORT ? "sell" : "buy", "quantity",
        order->quantity, "filled_quantity", order->filled_quantity, "reference_price",
        order->reference_price, "attempt", order->attempt, "venue_order_id",
        text_or_none(order->venue_order_id), "stuck", order->is_stuck ? Py_True : Py_False,
        "intent_time_unix_ns", (long long)order->intent_time_unix_ns, "reported_time_unix_ns",
        (long long)order->reported_time_unix_ns, "intent_seq", (unsigned long long)order->intent.n,
        "report_seq", (unsigned long long)order->report.n);
}

static PyObject *orders_list(const Bus *self, const mr_order *orders, uint32_t count)
{
    PyObject *list = PyList_New(0);
    for (uint32_t i = 0; list != NULL && i < count; i++) {
        PyObject *order = order_of(self, &orders[i]);
        if (order == NULL || PyList_Append(list, order) < 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(order);
    }
    return list;
}

PyObject *mrp_bus_open_orders(Bus *self, PyObject *unused)
{
    mr_problem problem = {""};
    mr_order *orders = NULL;
    uint32_t count = 0;
    uint32_t room = 0;
    mr_err err;
    (void)unused;
    if (mrp_enter(self) < 0) {
        return NULL;
    }
    do { /* others may add some while we look */
        room = count + 16;
        mr_order *larger = PyMem_Realloc(orders, room * sizeof(*orders));
        if (larger == NULL) {
            PyMem_Free(orders);
            mrp_leave(self);
            return PyErr_NoMemory();
        }
        orders = larger;
        Py_BEGIN_ALLOW_THREADS err = mr_bus_open_orders(self->bus, orders, room, &count, &problem);
        Py_END_ALLOW_THREADS
    } while (err == MR_OK && count > room);
    PyObject *list =
        err == MR_OK ? orders_list(self, orders, count) : mrp_raise_error(err, problem.text);
    mrp_leave(self);
    PyMem_Free(orders);
    return list;
}

PyObject *mrp_bus_order(Bus *self, PyObject *name)
{
    const char *text;
    mr_problem problem = {""};
    mr_order order;
    mr_err err;
    if (mrp_need_text(name, "id", &text) < 0 || mrp_enter(self) < 0) {
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS err = mr_bus_order(self->bus, text, &order, &problem);
    Py_END_ALLOW_THREADS PyObject *result =
        err == MR_OK ? order_of(self, &order) : mrp_raise_error(err, problem.text);
    mrp_leave(self);
    return result;
}

/** The client order id: as it is, or of the dict. */
static const char *order_id_of(PyObject *order)
{
    PyObject *id = PyDict_Check(order) ? PyDict_GetItemString(order, "id") : order;
    const char *text = NULL;
    if (id == NULL || !PyUnicode_Check(id)) {
        (void)mrp_refuse_type("order", "an order, or its client order id", id == NULL ? order : id);
        return NULL;
    }
    return mrp_read_text(id, "order", &text) < 0 ? NULL : text;
}

PyObject *mrp_bus_order_report(Bus *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"order", "status", "price", "quantity", "fee", "time_unix_ns",
        "venue_order_id", "symbol", "side", "executor", "message", "durable", NULL};
    PyObject *given[12] = {NULL};
    int is_durable = 1;
    bool is_repeated = false;
    mr_order_report report = {0};
    mr_problem problem = {""};
    mr_err err;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "OO|$OOOOOOOOOO:order_report", names,
            &given[0], &given[1], &given[2], &given[3], &given[4], &given[5], &given[6], &given[7],
            &given[8], &given[9], &given[10], &given[11]) ||
        mrp_need_text(given[1], names[1], &report.status) < 0 ||
        mrp_optional_number(given[2], names[2], &report.price, &report.has_price) < 0 ||
        mrp_optional_number(given[3], names[3], &report.quantity, &report.has_quantity) < 0 ||
        mrp_optional_number(given[4], names[4], &report.fee, &report.has_fee) < 0 ||
        mrp_read_time(given[5], names[5], &report.time_unix_ns) < 0 ||
        mrp_read_text(given[6], names[6], &report.venue_order_id) < 0 ||
        mrp_read_text(given[7], names[7], &report.symbol) < 0 ||
        mrp_read_text(given[8], names[8], &report.side) < 0 ||
        mrp_read_text(given[9], names[9], &report.executor) < 0 ||
        mrp_read_text(given[10], names[10], &report.message) < 0 ||
        mrp_read_bool(given[11], names[11], &is_durable) < 0) {
        return NULL;
    }
    report.id = order_id_of(given[0]);
    if (report.id == NULL || mrp_enter(self) < 0) {
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS err = mr_bus_order_report(
        self->bus, &report, mrp_durability_of(is_durable), &is_repeated, &problem);
    Py_END_ALLOW_THREADS mrp_leave(self);
    return err == MR_OK ? PyBool_FromLong(!is_repeated) : mrp_raise_timed(err, &problem);
}

/** Take the bus of an executor for a call; -1 and an exception: either is closed. */
static int enter_orders(Orders *self)
{
    if (mrp_enter(self->bus) < 0) {
        return -1;
    }
    if (self->executor == NULL) {
        mrp_leave(self->bus);
        PyErr_SetString(mrp_error_kind(MR_EINVAL), "this executor is closed");
        return -1;
    }
    return 0;
}

/** The next order as a dict; None when there is none in time; NULL and an exception. */
static PyObject *take_order(Orders *self, int64_t timeout_ms)
{
    int64_t until_ms = mrp_wait_until_ms(timeout_ms);
    mr_problem problem = {""};
    mr_order order;
    mr_err err;
    for (;;) {
        if (enter_orders(self) < 0) {
            return NULL;
        }
        Py_BEGIN_ALLOW_THREADS err = mr_executor_next(self->executor, &order, &problem);
        if (err == MR_END || err == MR_AGAIN) {
            mr_err waited = mr_executor_wait(self->executor, mrp_wait_slice_ms(until_ms), &problem);
            err = waited == MR_OK ? MR_BUSY : waited == MR_AGAIN ? MR_AGAIN : waited;
        }
        Py_END_ALLOW_THREADS PyObject *taken = err == MR_OK ? order_of(self->bus, &order) : NULL;
        self->held = err == MR_OK ? order : self->held;
        self->is_holding = err == MR_OK ? true : self->is_holding;
        mrp_leave(self->bus);
        if (err == MR_OK) {
            return taken;
        }
        if (PyErr_CheckSignals() < 0) {
            return NULL;
        }
        if (err == MR_AGAIN && mrp_wait_is_over(until_ms)) {
            Py_RETURN_NONE;
        }
        if (err != MR_AGAIN && err != MR_BUSY) {
            return mrp_raise_error(err, problem.text);
        }
    }
}

/** What was handed out before is looked after when the next one is asked for. */
static int ack_held(Orders *self)
{
    mr_problem problem = {""};
    if (!self->is_holding) {
        return 0;
    }
    if (enter_orders(self) < 0) {
        return -1;
    }
    mr_err err = mr_executor_ack(self->executor, &self->held, &problem);
    mrp_leave(self->bus);
    self->is_holding = false;
    return err == MR_OK ? 0 : (mrp_raise_error(err, problem.text), -1);
}

static PyObject *orders_take(Orders *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"timeout", NULL};
    PyObject *timeout = NULL;
    int64_t timeout_ms;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "|O:take", names, &timeout) ||
        mrp_read_timeout(timeout, &timeout_ms) < 0 || ack_held(self) < 0) {
        return NULL;
    }
    return take_order(self, timeout_ms);
}

static PyObject *orders_next(Orders *self)
{
    return ack_held(self) < 0 ? NULL : take_order(self, -1);
}

static PyObject *orders_close(Orders *self, PyObject *unused)
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
    for (Orders **link = &bus->orders; *link != NULL; link = &(*link)->next) {
        if (*link == self) {
            *link = self->next;
            break;
        }
    }
    mr_executor_close(self->executor);
    self->executor = NULL;
    if (!is_within) {
        mrp_leave(bus);
    }
    Py_RETURN_NONE;
}

static void orders_dealloc(Orders *self)
{
    if (self->bus != NULL) {
        Py_XDECREF(orders_close(self, NULL));
        Py_DECREF(self->bus);
    }
    mrp_free_object((PyObject *)self);
}

static PyObject *orders_exit(Orders *self, PyObject *args)
{
    (void)args;
    return orders_close(self, NULL);
}

static PyMethodDef orders_methods[] = {
    {"take", MRP_FUNCTION(orders_take), METH_VARARGS | METH_KEYWORDS,
        "take(timeout=None)\n\n"
        "The next order as a dict; None after timeout seconds. The one before is looked after."},
    {"close", MRP_FUNCTION(orders_close), METH_NOARGS,
        "close()\n\nLet another process take the orders."},
    {"__enter__", MRP_FUNCTION(mrp_bus_enter), METH_NOARGS, NULL},
    {"__exit__", MRP_FUNCTION(orders_exit), METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot orders_slots[] = {
    {Py_tp_doc,
        "The orders of a log, of Bus.orders(): iteration hands out those that may live, then each\n"
        "new one, and waits for the next. Each is durable when it comes. Its id is the client\n"
        "order id to give to the venue; only one whose state is 'intent' was never sent."},
    {Py_tp_dealloc, orders_dealloc},
    {Py_tp_iter, PyObject_SelfIter},
    {Py_tp_iternext, orders_next},
    {Py_tp_methods, orders_methods},
    {0, NULL},
};

static PyType_Spec orders_spec = {
    .name = "millrace.Orders",
    .basicsize = sizeof(Orders),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = orders_slots,
};

PyObject *mrp_make_orders_type(void)
{
    orders_type = PyType_FromSpec(&orders_spec);
    return orders_type;
}

PyObject *mrp_bus_orders(Bus *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"name", NULL};
    PyObject *given = NULL;
    const char *name = "executor";
    mr_problem problem = {""};
    mr_err err;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "|O:orders", names, &given) ||
        (given != NULL && mrp_read_consumer(given, "name", &name) < 0)) {
        return NULL;
    }
    Orders *made = (Orders *)mrp_new_object(orders_type);
    if (made == NULL || mrp_enter(self) < 0) {
        Py_XDECREF(made);
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS err = mr_executor_open(self->bus, name, &made->executor, &problem);
    Py_END_ALLOW_THREADS if (err == MR_OK)
    {
        made->bus = (Bus *)Py_NewRef((PyObject *)self);
        made->next = self->orders;
        self->orders = made;
    }
    mrp_leave(self);
    if (err != MR_OK) {
        Py_DECREF(made);
        return mrp_raise_error(err, problem.text);
    }
    return (PyObject *)made;
}
