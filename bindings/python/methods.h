/* SPDX-License-Identifier: MIT */
/**
 * What the Bus of Python does: the functions that its method table names.
 *
 * What each does for its caller, with its arguments and results, is said in the table of
 * module.c and in millrace/__init__.pyi; here is what C has to know.
 *
 * Caveats first
 * - The interpreter calls all of them, with its lock, from any thread: who asks the log enters the
 *   handle itself, and lets go of the interpreter's lock while the call of the library may wait.
 */
#ifndef MRP_METHODS_H
#define MRP_METHODS_H

#include "module.h"

/* ---- the handle: bus.c ----------------------------------------------------------------------- */

/**
 * Open a bus, or make a live log.
 *
 * Returns  a Bus; NULL and an exception.
 * Owner    the caller, by reference; it goes with mrp_bus_dealloc().
 * Threads  any, with the interpreter's lock.
 */
PyObject *mrp_bus_new(PyTypeObject *type, PyObject *args, PyObject *keywords);

/**
 * Bus.open(): the type called.
 *
 * Returns  a Bus; NULL and an exception.
 * Owner    the caller, by reference.
 * Threads  any, with the interpreter's lock.
 */
PyObject *mrp_bus_open(PyObject *type, PyObject *args, PyObject *keywords);

/**
 * Close a bus that nothing refers to any more.
 *
 * Returns  nothing.
 * Threads  any, with the interpreter's lock.
 */
void mrp_bus_dealloc(Bus *self);

/**
 * Close a bus with its subscriptions and executors; closed already, or another process's, is
 * nothing.
 *
 * Returns  None.
 * Threads  any, with the interpreter's lock.
 */
PyObject *mrp_bus_close(Bus *self, PyObject *unused);

/**
 * Begin a `with`, of any object.
 *
 * Returns  self.
 * Threads  any, with the interpreter's lock.
 */
PyObject *mrp_bus_enter(PyObject *self, PyObject *unused);

/**
 * End a `with`: close the bus.
 *
 * Returns  None.
 * Threads  any, with the interpreter's lock.
 */
PyObject *mrp_bus_exit(Bus *self, PyObject *args);

/**
 * Sleep until somebody appends.
 *
 * Returns  True; False: nobody did in time; NULL and an exception, also of a signal handler.
 * Threads  any, with the interpreter's lock.
 */
PyObject *mrp_bus_wait(Bus *self, PyObject *args, PyObject *keywords);

/* ---- into the log: emit.c, facts.c, observed.c ----------------------------------------------- */

/**
 * Emit one signal.
 *
 * Returns  its id; NULL and an exception.
 * Threads  any, with the interpreter's lock.
 */
PyObject *mrp_bus_emit(Bus *self, PyObject *const *args, Py_ssize_t count, PyObject *keyword_names);

/**
 * Emit a batch, all or none.
 *
 * Returns  a list of ids; NULL and an exception.
 * Threads  any, with the interpreter's lock.
 */
PyObject *mrp_bus_emit_many(Bus *self, PyObject *args, PyObject *keywords);

/**
 * Let go of the words that emitting has noted.
 *
 * Returns  nothing.
 * Threads  any, with the interpreter's lock.
 */
void mrp_forget_words(Bus *self);

/**
 * Register a symbol as provisional, unless the log knows it.
 *
 * Returns  None; NULL and an exception.
 * Threads  any, with the interpreter's lock.
 */
PyObject *mrp_bus_register(Bus *self, PyObject *symbol);

/**
 * Bring in a quote.
 *
 * Returns  True; False: the log had it already; NULL and an exception.
 * Threads  any, with the interpreter's lock.
 */
PyObject *mrp_bus_quote(Bus *self, PyObject *args, PyObject *keywords);

/**
 * Bring in a finished bar of one minute.
 *
 * Returns  True; False: the log had it already; NULL and an exception.
 * Threads  any, with the interpreter's lock.
 */
PyObject *mrp_bus_candle(Bus *self, PyObject *args, PyObject *keywords);

/**
 * Bring in a funding rate.
 *
 * Returns  True; False: the log had it already; NULL and an exception.
 * Threads  any, with the interpreter's lock.
 */
PyObject *mrp_bus_funding(Bus *self, PyObject *args, PyObject *keywords);

/**
 * Keep what is no signal, or a word about such an emission or a signal.
 *
 * Returns  the id that it has, or that it is about; NULL and an exception.
 * Threads  any, with the interpreter's lock.
 */
PyObject *mrp_bus_observe(Bus *self, PyObject *args, PyObject *keywords);

/* ---- what becomes of a signal: moves.c, claim.c ---------------------------------------------- */

/**
 * Move a signal.
 *
 * Returns  None; NULL and an exception.
 * Threads  any, with the interpreter's lock.
 */
PyObject *mrp_bus_move(Bus *self, PyObject *args, PyObject *keywords);

/**
 * Move many signals, all or none.
 *
 * Returns  None; NULL and an exception.
 * Threads  any, with the interpreter's lock.
 */
PyObject *mrp_bus_move_many(Bus *self, PyObject *args, PyObject *keywords);

/**
 * Move a signal by several steps, all or none.
 *
 * Returns  None; NULL and an exception.
 * Threads  any, with the interpreter's lock.
 */
PyObject *mrp_bus_advance(Bus *self, PyObject *args, PyObject *keywords);

/**
 * Keep what was learned from a signal.
 *
 * Returns  None; NULL and an exception.
 * Threads  any, with the interpreter's lock.
 */
PyObject *mrp_bus_feedback(Bus *self, PyObject *args, PyObject *keywords);

/**
 * Have a signal for one alone.
 *
 * Returns  a Claim; None: there was nothing in time; NULL and an exception.
 * Owner    the claim refers to its bus.
 * Threads  any, with the interpreter's lock.
 */
PyObject *mrp_bus_claim(Bus *self, PyObject *args, PyObject *keywords);

/* ---- questions: questions.c, observed.c, health.c -------------------------------------------- */

/**
 * A signal, as of now or of a moment.
 *
 * Returns  a dict; NULL and an exception.
 * Threads  any, with the interpreter's lock.
 */
PyObject *mrp_bus_get(Bus *self, PyObject *args, PyObject *keywords);

/**
 * What a moment is called.
 *
 * Returns  a str; NULL and an exception.
 * Threads  any, with the interpreter's lock.
 */
PyObject *mrp_bus_moment(Bus *self, PyObject *args, PyObject *keywords);

/**
 * The signals that a question is about, newest first.
 *
 * Returns  a list of dicts; NULL and an exception.
 * Threads  any, with the interpreter's lock.
 */
PyObject *mrp_bus_query(Bus *self, PyObject *args, PyObject *keywords);

/**
 * The same with how many were looked at, where the next page begins, and the moment it is of.
 *
 * Returns  a dict; NULL and an exception.
 * Threads  any, with the interpreter's lock.
 */
PyObject *mrp_bus_page(Bus *self, PyObject *args, PyObject *keywords);

/**
 * How many signals are in each state.
 *
 * Returns  a dict; NULL and an exception.
 * Threads  any, with the interpreter's lock.
 */
PyObject *mrp_bus_counts(Bus *self, PyObject *unused);

/**
 * The events of a signal or an emission, in the order of the log.
 *
 * Returns  a list of dicts; NULL and an exception.
 * Threads  any, with the interpreter's lock.
 */
PyObject *mrp_bus_history(Bus *self, PyObject *name);

/**
 * How much each source has emitted.
 *
 * Returns  a list of tuples; NULL and an exception.
 * Threads  any, with the interpreter's lock.
 */
PyObject *mrp_bus_sources(Bus *self, PyObject *unused);

/**
 * Bus.symbol(): the name that a symbol is registered by.
 *
 * Returns  a text, or None; NULL and an exception.
 * Threads  one at a time per handle, and the interpreter's lock.
 */
PyObject *mrp_bus_symbol(Bus *self, PyObject *name);

/**
 * How many symbols are registered, and how many of them are provisional.
 *
 * Returns  a tuple; NULL and an exception.
 * Threads  any, with the interpreter's lock.
 */
PyObject *mrp_bus_symbols(Bus *self, PyObject *unused);

/**
 * The log's event time as of the last call.
 *
 * Returns  nanoseconds; NULL and an exception.
 * Threads  any, with the interpreter's lock.
 */
PyObject *mrp_bus_event_time(Bus *self, void *unused);

/**
 * Is the log's time that of the clock?
 *
 * Returns  True or False; NULL and an exception.
 * Threads  any, with the interpreter's lock.
 */
PyObject *mrp_bus_is_live(Bus *self, void *unused);

/**
 * Emissions outside the lifecycle, newest first.
 *
 * Returns  a list of dicts; NULL and an exception.
 * Threads  any, with the interpreter's lock.
 */
PyObject *mrp_bus_observed(Bus *self, PyObject *args, PyObject *keywords);

/**
 * Emissions outside the lifecycle by the state that they are said to be in.
 *
 * Returns  a dict; NULL and an exception.
 * Threads  any, with the interpreter's lock.
 */
PyObject *mrp_bus_observed_counts(Bus *self, PyObject *unused);

/**
 * The id of an emission outside the lifecycle.
 *
 * Returns  a str; NULL and an exception.
 * Threads  any, with the interpreter's lock.
 */
PyObject *mrp_bus_observed_id(Bus *self, PyObject *number);

/**
 * How the log is doing.
 *
 * Returns  a dict; NULL and an exception.
 * Threads  any, with the interpreter's lock.
 */
PyObject *mrp_bus_health(Bus *self, PyObject *unused);

/**
 * Remove a consumer by its name.
 *
 * Returns  None; NULL and an exception.
 * Threads  any, with the interpreter's lock.
 */
PyObject *mrp_bus_forget(Bus *self, PyObject *name);

/* ---- what goes on: subscription.c, orders.c -------------------------------------------------- */

/**
 * A durable place in the log.
 *
 * Returns  a Subscription; NULL and an exception.
 * Owner    it refers to the bus, which closes it when it is closed itself.
 * Threads  any, with the interpreter's lock.
 */
PyObject *mrp_bus_subscribe(Bus *self, PyObject *args, PyObject *keywords);

/**
 * The orders of the log, for who takes them to a venue.
 *
 * Returns  an Orders; NULL and an exception.
 * Owner    it refers to the bus, which closes it when it is closed itself.
 * Threads  any, with the interpreter's lock.
 */
PyObject *mrp_bus_orders(Bus *self, PyObject *args, PyObject *keywords);

/**
 * The orders that may live at the venue, oldest first.
 *
 * Returns  a list of dicts; NULL and an exception.
 * Threads  any, with the interpreter's lock.
 */
PyObject *mrp_bus_open_orders(Bus *self, PyObject *unused);

/**
 * An order by its client order id.
 *
 * Returns  a dict; NULL and an exception.
 * Threads  any, with the interpreter's lock.
 */
PyObject *mrp_bus_order(Bus *self, PyObject *name);

/**
 * Say what has become of an order.
 *
 * Returns  True; False: there was nothing new; NULL and an exception.
 * Threads  any, with the interpreter's lock.
 */
PyObject *mrp_bus_order_report(Bus *self, PyObject *args, PyObject *keywords);

#endif
