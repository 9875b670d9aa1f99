/* SPDX-License-Identifier: MIT */
/*
 * Facts of the market into the log: quotes, candles and funding rates.
 */
#include "methods.h"

/** True: it was taken; False: the log had it already. */
static PyObject *fact_result(mr_err err, size_t repeated, const mr_problem *problem)
{
    return err == MR_OK ? PyBool_FromLong(repeated == 0) : mrp_raise_error(err, problem->text);
}

PyObject *mrp_bus_quote(Bus *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"symbol", "bid", "ask", "time_unix_ns", "bid_quantity", "ask_quantity",
        "source", "durable", NULL};
    mr_quote quote = {0};
    long long time = 0;
    PyObject *bid_quantity = Py_None;
    PyObject *ask_quantity = Py_None;
    int is_durable = 0;
    size_t repeated = 0;
    mr_problem problem = {""};
    mr_err err;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "sdd|$LOOzp:quote", names, &quote.symbol,
            &quote.bid, &quote.ask, &time, &bid_quantity, &ask_quantity, &quote.source,
            &is_durable) ||
        mrp_optional_number(bid_quantity, &quote.bid_quantity, &quote.has_bid_quantity) < 0 ||
        mrp_optional_number(ask_quantity, &quote.ask_quantity, &quote.has_ask_quantity) < 0) {
        return NULL;
    }
    quote.time_unix_ns = time;
    if (mrp_enter(self) < 0) {
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS err =
        mr_bus_quote(self->bus, &quote, 1, mrp_durability_of(is_durable), &repeated, &problem);
    Py_END_ALLOW_THREADS mrp_leave(self);
    return fact_result(err, repeated, &problem);
}

PyObject *mrp_bus_candle(Bus *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {
        "symbol", "close_time_unix_ns", "open", "high", "low", "close", "volume", "durable", NULL};
    mr_candle candle = {0};
    long long time = 0;
    int is_durable = 0;
    size_t repeated = 0;
    mr_problem problem = {""};
    mr_err err;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "sLddddd|$p:candle", names, &candle.symbol,
            &time, &candle.open, &candle.high, &candle.low, &candle.close, &candle.volume,
            &is_durable)) {
        return NULL;
    }
    candle.close_time_unix_ns = time;
    if (mrp_enter(self) < 0) {
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS err =
        mr_bus_candle(self->bus, &candle, 1, mrp_durability_of(is_durable), &repeated, &problem);
    Py_END_ALLOW_THREADS mrp_leave(self);
    return fact_result(err, repeated, &problem);
}

PyObject *mrp_bus_funding(Bus *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"symbol", "rate", "time_unix_ns", "interval", "next_time_unix_ns",
        "source", "durable", NULL};
    mr_funding funding = {0};
    long long time = 0;
    long long next_time = 0;
    PyObject *interval = Py_None;
    double seconds = 0.0;
    bool has_interval;
    int is_durable = 0;
    size_t repeated = 0;
    mr_problem problem = {""};
    mr_err err;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "sd|$LOLzp:funding", names, &funding.symbol,
            &funding.rate, &time, &interval, &next_time, &funding.source, &is_durable) ||
        mrp_optional_number(interval, &seconds, &has_interval) < 0) {
        return NULL;
    }
    if (has_interval && !(seconds >= 1.0 && seconds <= 7.0 * 86400.0)) {
        return mrp_raise_error(MR_REFUSED, "interval: expected 1 to 604800 seconds");
    }
    funding.time_unix_ns = time;
    funding.next_time_unix_ns = next_time;
    funding.interval_ns = (int64_t)(seconds * 1e9);
    if (mrp_enter(self) < 0) {
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS err =
        mr_bus_funding(self->bus, &funding, 1, mrp_durability_of(is_durable), &repeated, &problem);
    Py_END_ALLOW_THREADS mrp_leave(self);
    return fact_result(err, repeated, &problem);
}
