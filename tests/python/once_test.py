#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A consumer that emits what came of an event, with the event's number as key, and is killed with
kill -9 at random moments: each event has one output, not two and not none."""
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/cli"), str(ROOT / "tests/python")]
import package  # noqa: E402
import program  # noqa: E402

millrace = package.load()
KILLS, EACH, SEED = 20, 300, 20261126

CONSUMER = """
import sys, millrace
folder, name, way = sys.argv[1:]
with millrace.Bus(folder) as bus, bus.subscribe(
        name, kind="signal.generated", source="input", start="beginning",
        batch=1 if way == "single" else 1024) as events:
    def work(event):
        bus.emit(event["signal"]["symbol"], "short", "output", 0.5,
                 key=f"{name}:{event['seq']}", data={"of": event["seq"]})
    print("up", flush=True)
    if way == "taken":
        while True:
            event = events.take()
            work(event)
            events.ack(event)
    for event in events:
        work(event)
"""


class OnceTest(program.LogCase):
    def setUp(self):
        super().setUp()
        self.bus = millrace.Bus(self.log)
        self.addCleanup(self.bus.close)
        self.random = random.Random(SEED)
        self.inputs = []

    def consumer(self, name, way):
        child = subprocess.Popen([sys.executable, "-c", CONSUMER, str(self.log), name, way],
                                 env={**os.environ, "PYTHONPATH": package.path()},
                                 stdout=subprocess.PIPE, text=True)
        self.addCleanup(child.stdout.close)
        self.addCleanup(child.wait)
        self.addCleanup(child.kill)
        self.assertEqual(child.stdout.readline(), "up\n")
        return child

    def emit(self):
        self.inputs += self.bus.emit_many([{"symbol": "SIM01USD", "side": "long",
                                            "source": "input", "confidence": 0.5}] * EACH)

    def output_count(self):
        return dict(row[:2] for row in self.bus.sources()).get("output", 0)

    def outputs(self):
        is_known = "output" in {source for source, *_ in self.bus.sources()}
        return self.bus.query("source=output", limit=10**6) if is_known else []

    def done(self):
        """Which inputs have an output, one entry for each output."""
        found = []
        for row in self.outputs():
            data = json.loads(self.bus.history(row["id"])[0]["data"])
            found.append(data["of"])
        return sorted(found)

    def kill_often(self, way):
        killed_in_work = 0
        for _ in range(KILLS):
            before = self.output_count()
            child = self.consumer("worker", way)
            self.emit()
            wanted = before + self.random.randrange(EACH)
            deadline = time.monotonic() + 120
            while self.output_count() < wanted and time.monotonic() < deadline:
                pass
            child.send_signal(signal.SIGKILL)
            child.wait()
            killed_in_work += before < self.output_count() < len(self.inputs)
        child = self.consumer("worker", way)
        expected = sorted(self.bus.get(name)["generated_seq"] for name in self.inputs)
        deadline = time.monotonic() + 120
        while self.output_count() < len(expected) and time.monotonic() < deadline:
            self.bus.wait(1)
        time.sleep(0.2)  # what comes twice would come now
        child.kill()
        self.assertEqual(self.done(), expected)
        self.assertGreater(killed_in_work, 0)

    def test_each_event_has_one_output_whenever_its_consumer_is_killed(self):
        self.kill_often("iterated")

    def test_also_when_each_event_is_acked_by_itself(self):
        self.kill_often("taken")

    def test_what_was_emitted_and_not_acked_comes_again_and_is_not_emitted_twice(self):
        self.emit()
        options = {"kind": "signal.generated", "source": "input", "start": "beginning"}
        for deliveries in (1, 2):
            with self.bus.subscribe("once", **options) as events:
                event = events.take()
                self.assertEqual(event["deliveries"], deliveries)
                self.bus.emit("SIM01USD", "short", "output", 0.5, key=f"once:{event['seq']}",
                              data={"of": event["seq"]})
        self.assertEqual(self.done(), [event["seq"]])


if __name__ == "__main__":
    program.main()
