#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""An executor: it takes the orders of a log to an exchange, and reports what becomes of them.

    python3 examples/fake_exchange.py --port 4000
    python3 examples/executor.py --dir run/1 --port 4000

The run has `execute.venue: external` in its configuration. This process may be killed at any moment:
no order is sent twice, and none is forgotten.

- "sent" is reported, durably, before an order leaves. So one that is handed out as "intent" has
  never left, and one in any other state may be at the exchange: it is asked for there, by its id.
- The id is the same whenever an order is handed out, and the exchange takes each id once. So one
  that the exchange does not know can be sent.
- An answer that does not come says nothing: the order is "unknown" until the exchange has told.
- Fills are reported as the exchange lists them, all of them each time: one that is known already is
  taken once, so nothing need be remembered of which were.
"""
import argparse
import json
import signal
import socket
import sys

import millrace

TIMEOUT = 0.2  # seconds that the exchange has for an answer


class Exchange:
    """The exchange, over one connection at a time."""

    def __init__(self, port):
        self.port = port
        self.file = None

    def ask(self, **request):
        """The answer; None when none came in time."""
        try:
            if self.file is None:
                connection = socket.create_connection(("127.0.0.1", self.port), timeout=TIMEOUT)
                self.file = connection.makefile("rwb")
                connection.close()  # the file keeps it open
            self.file.write(json.dumps(request).encode() + b"\n")
            self.file.flush()
            line = self.file.readline()
        except OSError:
            line = b""
        if not line.endswith(b"\n"):
            self.file = None  # what comes late must not be taken for the next answer
            return None
        return json.loads(line)


class Executor:
    def __init__(self, bus, exchange):
        self.bus, self.exchange = bus, exchange
        self.open = {}  # client order id -> the order, from "sent" until it has ended

    def report(self, order, status, **fields):
        """True unless nothing was new. What is disputed stands in the log: somebody must look."""
        try:
            return self.bus.order_report(order, status, executor="example", **fields)
        except (millrace.MR_CONFLICT, millrace.MR_NOT_FOUND) as error:
            print(f"disputed: {error}", file=sys.stderr, flush=True)
            return False

    def take(self, order):
        """A new order, or one that was open when this process came."""
        self.open[order["id"]] = order
        if order["state"] == "intent":
            self.report(order, "sent")
            self.send(order)
        else:
            self.look(order)

    def send(self, order):
        self.see(order, self.exchange.ask(
            op="order", client_id=order["id"], symbol=order["native_name"], side=order["side"],
            quantity=order["quantity"], price=order["reference_price"]))

    def look(self, order):
        """Ask the exchange what has become of an order."""
        answer = self.exchange.ask(op="query", client_id=order["id"])
        if answer is not None and answer["state"] == "unknown":
            self.send(order)  # it was reported as sent, and this process's like died before it was
        else:
            self.see(order, answer)

    def see(self, order, answer):
        """Report what the exchange has said, if it is more than was known."""
        if answer is None:
            self.report(order, "unknown", message="no answer in time")
            return
        fills = answer.get("fills", [])
        for fill in fills:
            self.report(order, "filled", **fill, venue_order_id=answer["venue_order_id"])
        if answer.get("state") == "open" and not fills:
            self.report(order, "accepted", venue_order_id=answer["venue_order_id"])
        elif answer.get("state") == "filled":
            del self.open[order["id"]]
        elif answer.get("state") == "cancelled":  # with the parts it has
            self.report(order, "cancelled", venue_order_id=answer["venue_order_id"])
            del self.open[order["id"]]
        elif answer.get("state") == "rejected":
            self.report(order, "rejected", venue_order_id=answer["venue_order_id"],
                        message=answer["message"])
            del self.open[order["id"]]

    def run(self):
        with self.bus.orders("executor") as orders:
            while True:
                order = orders.take(timeout=0.02)
                if order is not None:
                    self.take(order)
                for waiting in list(self.open.values()):
                    self.look(waiting)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--dir", required=True, help="the directory of the run")
    parser.add_argument("--port", type=int, required=True, help="of the exchange")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with millrace.Bus(options.dir) as bus:
        Executor(bus, Exchange(options.port)).run()


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        pass
    except millrace.MillraceError as refused:  # it says what is wrong: no log there, another executor, ...
        sys.exit(f"executor: {refused}")
