#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A small exchange on a loopback port, for trying an executor: it is slow, refuses, and loses answers.

    python3 examples/fake_exchange.py --port 0 --seed 7      prints the port it listens on

A line of JSON in, one out:

    {"op": "order", "client_id": ..., "symbol": ..., "side": "buy", "quantity": 0.5, "price": 100.0}
    {"op": "query", "client_id": ...}
    {"op": "stats"}

Like a real one it knows an order by its client id, and takes no second one of the same. Of every ten
orders about one is refused, and one is taken and filled while its answer never leaves.
"""
import argparse
import json
import random
import selectors
import socket
import time


class Exchange:
    """The book: what was ordered, and what has become of it."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.orders = {}
        self.duplicates = 0

    def order(self, request):
        """Take an order; None: the answer is lost on its way."""
        client_id = request["client_id"]
        if client_id in self.orders:
            self.duplicates += 1
            return {"error": "duplicate client_id"}
        luck = self.random.random()
        number = f"X{len(self.orders) + 1}"
        worse = 1.0002 if request["side"] == "buy" else 0.9998
        price = request["price"] * worse
        self.orders[client_id] = {
            "venue_order_id": number, "symbol": request["symbol"], "side": request["side"],
            "quantity": request["quantity"], "price": price,
            "fee": price * request["quantity"] * 0.0005,
            "rejected": luck < 0.1, "due": time.monotonic() + self.random.uniform(0.0, 0.05)}
        return None if luck > 0.9 else self.query(request)

    def query(self, request):
        order = self.orders.get(request["client_id"])
        if order is None:
            return {"state": "unknown"}
        answer = {"venue_order_id": order["venue_order_id"], "state": "open"}
        if order["rejected"]:
            answer.update(state="rejected", message="margin is insufficient")
        elif time.monotonic() >= order["due"]:
            order.setdefault("time_unix_ns", time.time_ns())
            answer.update(state="filled", **{key: order[key] for key in (
                "price", "quantity", "fee", "time_unix_ns")})
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
    options = parser.parse_args()
    listener = socket.create_server(("127.0.0.1", options.port))
    print(listener.getsockname()[1], flush=True)
    try:
        serve(listener, Exchange(options.seed))
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
