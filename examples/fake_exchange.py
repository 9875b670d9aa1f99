#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A small exchange on a loopback port, for trying an executor: it is slow, refuses, and loses answers.

    python3 examples/fake_exchange.py --port 0 --seed 7      prints the port it listens on
    python3 examples/fake_exchange.py --parts 4              fills an order in up to four parts

A line of JSON in, one out:

    {"op": "order", "client_id": ..., "symbol": ..., "side": "buy", "quantity": 0.5, "price": 100.0}
    {"op": "query", "client_id": ...}
    {"op": "stats"}

Like a real one it knows an order by its client id, and takes no second one of the same. Of every ten
orders about one is refused, and one is taken and filled while its answer never leaves. An answer
about an order has its fills so far. With --parts, of ten orders that are filled in parts about one
ends as cancelled before its last part. What becomes of the n-th order depends on the seed alone.
"""
import argparse
import decimal
import json
import random
import selectors
import socket
import time


def split(quantity, count, luck):
    """A quantity in up to so many parts, of whole units of its last decimal, which add up to it."""
    whole = decimal.Decimal(repr(quantity))
    unit = decimal.Decimal(1).scaleb(whole.as_tuple().exponent)
    units = int(whole / unit)
    cuts = sorted({luck.randrange(1, units) for _ in range(count - 1)}) if units > 1 else []
    return [float((end - begin) * unit) for begin, end in zip([0, *cuts], [*cuts, units])]


class Exchange:
    """The book: what was ordered, and what has become of it."""

    def __init__(self, seed, parts=1):
        self.seed, self.parts = seed, parts
        self.orders = {}
        self.duplicates = 0

    def order(self, request):
        """Take an order; None: the answer is lost on its way."""
        client_id = request["client_id"]
        if client_id in self.orders:
            self.duplicates += 1
            return {"error": "duplicate client_id"}
        number = len(self.orders) + 1
        luck = random.Random(f"{self.seed} {number}")
        chance = luck.random()
        worse = 1.0002 if request["side"] == "buy" else 0.9998
        price = request["price"] * worse
        quantities = split(request["quantity"], luck.randint(1, self.parts), luck)
        is_cut = len(quantities) > 1 and luck.random() < 0.1
        due = time.monotonic()
        fills = []
        for quantity in quantities[:-1] if is_cut else quantities:
            due += luck.uniform(0.0, 0.05)
            fills.append({"due": due, "price": price, "quantity": quantity,
                          "fee": price * quantity * 0.0005})
        self.orders[client_id] = {
            "venue_order_id": f"X{number}", "fills": fills, "end": "cancelled" if is_cut else "filled",
            "is_rejected": chance < 0.1}
        return None if chance > 0.9 else self.query(request)

    def query(self, request):
        order = self.orders.get(request["client_id"])
        if order is None:
            return {"state": "unknown"}
        answer = {"venue_order_id": order["venue_order_id"], "state": "open", "fills": []}
        if order["is_rejected"]:
            answer.update(state="rejected", message="margin is insufficient")
            return answer
        newest = 0  # no two fills have the same time
        for fill in order["fills"]:
            if time.monotonic() < fill["due"]:
                break
            newest = fill.setdefault("time_unix_ns", max(time.time_ns(), newest + 1))
            answer["fills"].append({key: fill[key] for key in ("price", "quantity", "fee", "time_unix_ns")})
        if len(answer["fills"]) == len(order["fills"]):
            answer["state"] = order["end"]
        return answer

    def stats(self, _request):
        return {"duplicates": self.duplicates, "orders": {
            client_id: self.query({"client_id": client_id}) for client_id in self.orders}}

    def answer(self, line):
        request = json.loads(line)
        operations = {"order": self.order, "query": self.query, "stats": self.stats}
        return operations[request["op"]](request)


def serve(listener, exchange):
    """One thread: what an old connection has sent is taken before a younger one is listened to."""
    selector = selectors.DefaultSelector()
    selector.register(listener, selectors.EVENT_READ)
    peers = {}  # connection -> what it has sent of a line, in the order of their coming
    while True:
        ready = {key.fileobj for key, _ in selector.select()}
        for peer in [peer for peer in peers if peer in ready]:
            try:
                data = peer.recv(65536)
            except OSError:
                data = b""
            peers[peer] += data
            *lines, peers[peer] = peers[peer].split(b"\n")
            for line in lines:
                answer = exchange.answer(line)
                if answer is not None:
                    try:
                        peer.sendall(json.dumps(answer).encode() + b"\n")
                    except OSError:
                        pass  # it has gone; its order stays
            if not data:
                selector.unregister(peer)
                del peers[peer]
                peer.close()
        if listener in ready:
            peer, _ = listener.accept()
            peers[peer] = b""
            selector.register(peer, selectors.EVENT_READ)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--parts", type=int, default=1, help="fill an order in up to so many parts")
    options = parser.parse_args()
    if options.parts < 1:
        parser.error("--parts: at least 1")
    listener = socket.create_server(("127.0.0.1", options.port))
    print(listener.getsockname()[1], flush=True)
    try:
        serve(listener, Exchange(options.seed, options.parts))
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
