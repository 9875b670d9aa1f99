/* SPDX-License-Identifier: MIT */
/*
 * millrace/bus.h for Python, on the limited API of 3.10: the module, and the Bus as a type.
 */
#include "methods.h"

#include <pthread.h>

#include "bus/vocabulary.h"

static PyMethodDef methods[] = {
    {"open", MRP_FUNCTION(mrp_bus_open), METH_VARARGS | METH_KEYWORDS | METH_CLASS,
        "open(dir, *, create=False, table_signals=0)\n\nBus(dir, ...) by name."},
    {"emit", MRP_FUNCTION(mrp_bus_emit), METH_FASTCALL | METH_KEYWORDS,
        "emit(symbol, side, source, confidence=None, *, name=None, price=None, horizon=None,\n"
        "     valid_for=None, external_id=None, key=None, account=None, data=None, "
        "durable=False)\n\n"
        "Emit one signal; returns its id. A key that the source has used before returns the id of\n"
        "then; MR_REFUSED: that one has another symbol, side or name. durable=True returns when a\n"
        "power cut cannot take it back any more."},
    {"emit_many", MRP_FUNCTION(mrp_bus_emit_many), METH_VARARGS | METH_KEYWORDS,
        "emit_many(signals, *, durable=False)\n\n"
        "Emit dicts with the arguments of emit() as one batch, all or none; returns their ids. Up "
        "to\n"
        "8192 at once, and as much as one batch may hold (MR_ETOOLARGE)."},
    {"quote", MRP_FUNCTION(mrp_bus_quote), METH_VARARGS | METH_KEYWORDS,
        "quote(symbol, bid, ask, *, time_unix_ns=0, bid_quantity=None, ask_quantity=None,\n"
        "      source=None, durable=False)\n\n"
        "Bring in a quote; False: the log had it already. Its middle is the price in force until\n"
        "a newer quote or close comes. time_unix_ns is the venue's; a live log takes it without."},
    {"candle", MRP_FUNCTION(mrp_bus_candle), METH_VARARGS | METH_KEYWORDS,
        "candle(symbol, close_time_unix_ns, open, high, low, close, volume, *, durable=False)\n\n"
        "Bring in a finished bar of one minute; False: the log had it already."},
    {"funding", MRP_FUNCTION(mrp_bus_funding), METH_VARARGS | METH_KEYWORDS,
        "funding(symbol, rate, *, time_unix_ns=0, interval=None, next_time_unix_ns=0,\n"
        "        source=None, durable=False)\n\n"
        "Bring in a funding rate (a share of the notional; interval in seconds); False: the log\n"
        "had it already."},
    {"move", MRP_FUNCTION(mrp_bus_move), METH_VARARGS | METH_KEYWORDS,
        "move(id, to, *, from_state=None, gate=None, reason=None, data=None, actor=None,\n"
        "     durable=False)\n\n"
        "Move a signal, if it is in from_state (None: where it is now). MR_CONFLICT: it is not, "
        "or\n"
        "somebody else has claimed it. data: a dict, or JSON; actor: external or operator."},
    {"move_many", MRP_FUNCTION(mrp_bus_move_many), METH_VARARGS | METH_KEYWORDS,
        "move_many(moves, *, durable=False)\n\n"
        "Move by dicts with the arguments of move() as one batch, all or none; up to 8192 at "
        "once.\n"
        "Without from_state a signal that is there twice goes on from where the one before takes "
        "it."},
    {"claim", MRP_FUNCTION(mrp_bus_claim), METH_VARARGS | METH_KEYWORDS,
        "claim(owner, to, *, state='generated', lease=60.0, id=None, symbol=None, source=None,\n"
        "      timeout=0, durable=False)\n\n"
        "Have the signal that is in its state longest, or the one of the id, for yourself: until\n"
        "the Claim is released, the signal has ended, the lease (seconds) is over, the Bus is\n"
        "closed or the process ends, nobody else moves it. None: nothing came within timeout\n"
        "seconds (None: wait for ever). MR_CONFLICT: the one of the id is in another state, or\n"
        "within timeout seconds nobody gave it back."},
    {"get", MRP_FUNCTION(mrp_bus_get), METH_VARARGS | METH_KEYWORDS,
        "get(id, *, as_of=None)\n\nA signal as a dict, by its id or ordinal; as of a moment, as "
        "query()."},
    {"moment", MRP_FUNCTION(mrp_bus_moment), METH_VARARGS | METH_KEYWORDS,
        "moment(as_of=None)\n\nWhat a moment is called, now or the one that as_of says: give it to "
        "query() and get() as as_of, so that several answers are of one moment."},
    {"query", MRP_FUNCTION(mrp_bus_query), METH_VARARGS | METH_KEYWORDS,
        "query(question='', *, limit=100, after=None, as_of=None)\n\n"
        "Signals as dicts, newest first unless it says order by time asc:\n"
        "query('state=blocked and gate=expected_value and age<2h'). A symbol, source or name that "
        "the log\n"
        "does not know, as of a source that has emitted nothing yet, is MR_REFUSED, not an empty "
        "list.\n"
        "after=ID: what comes behind that signal in the order of the question, whichever that is, "
        "and\n"
        "also when it does not match; also a page token of `millrace query`, of the moment that it "
        "names.\n"
        "as_of: the number of an event, a time "
        "('2025-05-04T15:34Z'), an age ('2h')\n"
        "or what moment() said: what the same question said then."},
    {"page", MRP_FUNCTION(mrp_bus_page), METH_VARARGS | METH_KEYWORDS,
        "page(question='', *, limit=100, after=None, as_of=None)\n\n"
        "query() as a dict: signals; scanned: how many were looked at; after: the id behind which\n"
        "the next page begins, None: there is none; moment: what the page is of. Give both to the\n"
        "next one, page(question, after=page['after'], as_of=page['moment']), and pages do not\n"
        "shift while signals come and move. A limit in the question is a page's. The first page "
        "that\n"
        "a Bus is asked for reads the log."},
    {"counts", MRP_FUNCTION(mrp_bus_counts), METH_NOARGS,
        "counts()\n\nHow many signals are in each state."},
    {"register", MRP_FUNCTION(mrp_bus_register), METH_O,
        "register(symbol)\n\nRegister a symbol as provisional, unless the log knows it."},
    {"observe", MRP_FUNCTION(mrp_bus_observe), METH_VARARGS | METH_KEYWORDS,
        "observe(*, symbol=None, source=None, data=None, about=None, to=None, durable=False)\n\n"
        "Keep what is no signal, or a word about such an emission or a signal; returns the id it\n"
        "has or is about. Nothing is decided on it, and no signal is moved. data: a dict, or a "
        "JSON\n"
        "object as str or bytes, with numbers of any size; up to 960 KiB. to: where its emitter "
        "has "
        "what it\n"
        "is about, which must be given with it; an emission begins as generated."},
    {"observed", MRP_FUNCTION(mrp_bus_observed), METH_VARARGS | METH_KEYWORDS,
        "observed(*, before=0, limit=1024)\n\n"
        "Emissions outside the lifecycle as dicts, newest first; before=NUMBER goes on."},
    {"observed_counts", MRP_FUNCTION(mrp_bus_observed_counts), METH_NOARGS,
        "observed_counts()\n\nEmissions outside the lifecycle by the state that they are said to "
        "be in."},
    {"observed_id", MRP_FUNCTION(mrp_bus_observed_id), METH_O,
        "observed_id(number)\n\nThe id of an emission outside the lifecycle."},
    {"history", MRP_FUNCTION(mrp_bus_history), METH_O,
        "history(id)\n\nThe events of a signal or an emission as dicts, in the order of the log."},
    {"sources", MRP_FUNCTION(mrp_bus_sources), METH_NOARGS,
        "sources()\n\n(source, signals, emissions outside the lifecycle) for each that has "
        "emitted; "
        "a source may\n"
        "come twice, and is '' for emissions outside the lifecycle without a usable one."},
    {"symbol", MRP_FUNCTION(mrp_bus_symbol), METH_O,
        "symbol(name)\n\nThe name that a symbol is registered by, from it or a spelling of it; or "
        "None."},
    {"symbols", MRP_FUNCTION(mrp_bus_symbols), METH_NOARGS,
        "symbols()\n\nHow many symbols are registered, and how many of them are provisional."},
    {"advance", MRP_FUNCTION(mrp_bus_advance), METH_VARARGS | METH_KEYWORDS,
        "advance(id, steps, *, durable=False)\n\n"
        "Move a signal by several steps (from, to, gate, reason, data), all or none."},
    {"orders", MRP_FUNCTION(mrp_bus_orders), METH_VARARGS | METH_KEYWORDS,
        "orders(name='executor')\n\n"
        "Take the orders of the log to a venue (execute.venue: external): an iterator of orders "
        "as\n"
        "dicts, first those that may live, then each new one when it is durable. One process "
        "does;\n"
        "MR_BUSY: another has them. name is its durable place in the log."},
    {"open_orders", MRP_FUNCTION(mrp_bus_open_orders), METH_NOARGS,
        "open_orders()\n\nThe orders that may live at the venue, oldest first, with their last "
        "known state."},
    {"order", MRP_FUNCTION(mrp_bus_order), METH_O,
        "order(id)\n\nAn order as a dict, by its client order id; also one that has ended."},
    {"order_report", MRP_FUNCTION(mrp_bus_order_report), METH_VARARGS | METH_KEYWORDS,
        "order_report(order, status, *, price=None, quantity=None, fee=None, time_unix_ns=0,\n"
        "             venue_order_id=None, symbol=None, side=None, executor=None, message=None,\n"
        "             durable=True)\n\n"
        "Say what has become of an order: sent, accepted, filled, rejected, cancelled or unknown.\n"
        "filled has the price, quantity, fee and time of one fill: of all that is left of the "
        "order,\n"
        "or a part; one that has ended with a part is executed with it.\n"
        "False: there was nothing new.\n"
        "MR_CONFLICT, MR_NOT_FOUND: it contradicts what is known, nothing has changed."},
    {"feedback", MRP_FUNCTION(mrp_bus_feedback), METH_VARARGS | METH_KEYWORDS,
        "feedback(id, source, judgement=None, *, return_bps=None, lesson=None, evidence=None,\n"
        "         durable=False)\n\n"
        "Keep what you have learned from a signal: win, loss or neutral, with its evidence. `why`\n"
        "shows it; what the run has learned is changed by outcomes alone."},
    {"health", MRP_FUNCTION(mrp_bus_health), METH_NOARGS,
        "health()\n\nHow the log is doing, as a dict: the numbers of `millrace status`."},
    {"wait", MRP_FUNCTION(mrp_bus_wait), METH_VARARGS | METH_KEYWORDS,
        "wait(timeout=None)\n\n"
        "Sleep until somebody appends; True if so, False after timeout seconds."},
    {"subscribe", MRP_FUNCTION(mrp_bus_subscribe), METH_VARARGS | METH_KEYWORDS,
        "subscribe(name, *, kind=None, symbol=None, source=None, signal_name=None, state=None,\n"
        "          start='end', max_in_flight=0, max_deliver=0, ack_wait=0.0, backoff=(),\n"
        "          batch=1024, fields=None)\n\n"
        "A durable place in the log: what anybody acked who used this name does not come again.\n"
        "start says where a new name begins (one that is known goes on): 'end', 'beginning', an\n"
        "int: with that event, or behind a moment as query(as_of=) has it: '2025-05-04T15:34Z',\n"
        "'2h', moment(). MR_NOT_FOUND: that part of the log was removed.\n"
        "max_in_flight, max_deliver, ack_wait and backoff are of a new name; of a known one they\n"
        "are as it was made, and others are MR_REFUSED. What does not pass the filter is acked "
        "for\n"
        "all who use the name: these have one filter.\n"
        "state='blocked': moves into it. What is given back waits backoff[0] seconds after its\n"
        "first delivery, and so on; the last of up to 8 repeats. Iteration leases up to `batch` "
        "at\n"
        "a time when they are used up within milliseconds. `fields` are the keys of each event,\n"
        "when not all are needed; `ordinal` and `id` of its signal may be among them. While it\n"
        "waits, other threads use a Bus of their own.\n\n"
        "Who emits because of an event has exactly one output of each, wherever kill -9 comes:\n"
        "emit(..., key=f\"{name}:{event['seq']}\"), then ack. An event that comes again finds its\n"
        "output there, and emits nothing. durable=True: nor does a power cut take it."},
    {"forget", MRP_FUNCTION(mrp_bus_forget), METH_O,
        "forget(name)\n\n"
        "Remove the durable place of a name that nobody subscribes with any more: the log holds\n"
        "nothing back for it, health() does not count it, and who subscribes with the name begins\n"
        "anew. MR_BUSY: a process has it open."},
    {"close", MRP_FUNCTION(mrp_bus_close), METH_NOARGS,
        "close()\n\nClose the handle; twice is once."},
    {"__enter__", MRP_FUNCTION(mrp_bus_enter), METH_NOARGS, NULL},
    {"__exit__", MRP_FUNCTION(mrp_bus_exit), METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef properties[] = {
    {"event_time_unix_ns", (getter)mrp_bus_event_time, NULL,
        "The log's event time as of the last call: a new signal's time.", NULL},
    {"is_live", (getter)mrp_bus_is_live, NULL,
        "Is the log's time that of the clock, and not of a feed?", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc,
        "Bus(dir, *, create=False, table_signals=0): the signal bus of a log's directory that\n"
        "`millrace run` has begun, or with create=True of a live log that is made when there is\n"
        "none, then with room for so many signals in the memory that processes share (a power\n"
        "of two; 0: 131072).\n\n"
        "Any number of threads and processes may use the same directory. After a fork the\n"
        "child opens its own."},
    {Py_tp_new, mrp_bus_new},
    {Py_tp_dealloc, mrp_bus_dealloc},
    {Py_tp_methods, methods},
    {Py_tp_getset, properties},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "millrace.Bus",
    .basicsize = sizeof(Bus),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = slots,
};

/** For the drop-in, which keeps the signals of every source. */
static PyObject *is_reserved_source(PyObject *module, PyObject *name)
{
    const char *text;
    (void)module;
    return mrp_need_text(name, "name", &text) < 0
               ? NULL
               : PyBool_FromLong(mri_source_is_reserved(mri_slice_of(text)));
}

static PyMethodDef functions[] = {
    {"is_reserved_source", MRP_FUNCTION(is_reserved_source), METH_O,
        "is_reserved_source(name) -> bool\n\nIs it the name of a source or an actor of the "
        "engine's,\n"
        "which emit() refuses?"},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "_millrace",
    .m_doc = "The signal bus of millrace.",
    .m_size = -1,
    .m_methods = functions,
};

PyMODINIT_FUNC PyInit__millrace(void); /* the interpreter looks for it by name */

PyMODINIT_FUNC PyInit__millrace(void)
{
    static bool are_forks_noted;
    if (!are_forks_noted && pthread_atfork(NULL, NULL, mrp_note_fork) != 0) {
        return PyErr_NoMemory();
    }
    are_forks_noted = true;
    PyObject *module = PyModule_Create(&definition);
    if (module == NULL) {
        return NULL;
    }
    if (mrp_make_signal_form() < 0 || mrp_make_event_keys() < 0 || mrp_make_emit_names() < 0) {
        Py_DECREF(module);
        return NULL;
    }
    PyObject *type = PyType_FromSpec(&spec);
    PyObject *subscription_type = mrp_make_subscription_type();
    PyObject *claim_type = mrp_make_claim_type();
    PyObject *orders_type = mrp_make_orders_type();
    if (type == NULL || subscription_type == NULL || claim_type == NULL || orders_type == NULL ||
        PyModule_AddObjectRef(module, "Orders", orders_type) < 0 ||
        PyModule_AddObjectRef(module, "Claim", claim_type) < 0 ||
        PyModule_AddObjectRef(module, "Subscription", subscription_type) < 0 ||
        mrp_add_errors(module) < 0 || PyModule_AddObjectRef(module, "Bus", type) < 0 ||
        PyModule_AddStringConstant(module, "__version__", MILLRACE_VERSION) < 0) {
        Py_XDECREF(type);
        Py_DECREF(module);
        return NULL;
    }
    return module;
}
