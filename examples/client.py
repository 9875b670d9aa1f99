#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Signals through `millrace serve`, from plain Python:  client.py DIR/socket SYMBOL"""
import json
import socket
import sys


class Client:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.lines = self.socket.makefile("rwb")
        self.count = 0

    def ask(self, verb, **fields):
        self.count += 1
        self.lines.write(json.dumps({"id": self.count, "verb": verb, **fields}).encode() + b"\n")
        self.lines.flush()
        reply = json.loads(self.lines.readline() or '{"error": "closed", "text": "no reply"}')
        if not reply.get("ok"):
            raise RuntimeError(f"{reply['error']}: {reply['text']}")
        return reply


if len(sys.argv) != 3:
    print("usage: client.py DIR/socket SYMBOL", file=sys.stderr)
    sys.exit(2)
bus = Client(sys.argv[1])
bus.ask("hello", version=1)
bus.ask("subscribe", subscription="example-py", kind="signal.generated", source="client-py")
emitted = bus.ask("emit", symbol=sys.argv[2], side="long", source="client-py", confidence=0.7,
                  data={"why": "an example"})
print("emitted", emitted["signals"][0]["id"], emitted["durability"])
event = bus.ask("next", subscription="example-py", timeout_ms=60000)["event"]
print("event", event["event"], event["signal_id"])
bus.ask("ack", subscription="example-py", seq=event["seq"])
print("state", bus.ask("get", signal=event["signal_id"])["signal"]["state"])
bus.ask("quit")
