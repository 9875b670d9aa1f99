#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Where a subscription from Python begins, and goes on."""
import json

import bus_test
import program

millrace = bus_test.millrace


class ReplayTest(program.LogCase):
    def setUp(self):
        super().setUp()
        self.bus = millrace.Bus(self.log)
        self.addCleanup(self.bus.close)

    def emit(self):
        return self.bus.emit("SIM01USD", "long", "bot", 0.5)

    def first(self, name, **options):
        with self.bus.subscribe(name, **options) as subscription:
            return subscription.take(timeout=0)

    def test_a_new_name_begins_with_an_event_or_behind_a_moment(self):
        first, second = self.emit(), self.emit()
        seqs = [self.bus.get(name)["generated_seq"] for name in (first, second)]
        moment = self.bus.moment()
        third = self.emit()
        self.assertEqual(self.first("with", start=seqs[0])["seq"], seqs[0])
        self.assertEqual(self.first("word", start=str(seqs[1]))["seq"], seqs[1])
        self.assertEqual(self.first("moment", start=moment)["signal"]["id"], third)
        self.assertEqual(self.first("all", start="beginning")["seq"], 1)
        begin = int(self.bus.moment("9999d").split(".")[1])
        self.assertEqual(self.first("age", start="9999d")["seq"], begin + 1)
        self.assertIsNone(self.first("end"))
        self.assertIsNone(self.first("next", start=self.bus.get(third)["last_seq"] + 1))
        times = {}  # what was known up to a market time is the same for both
        for row in self.bus.query("order by time asc", limit=5000):
            times.setdefault(row["event_time_unix_ns"], row)
        at = sorted(times)[len(times) // 2]
        text = bus_test.time.strftime("%Y-%m-%dT%H:%M:%SZ", bus_test.time.gmtime(at // 10**9))
        behind = int(self.bus.moment(text).split(".")[1])
        self.assertEqual(self.first("time", start=text)["seq"], behind + 1)

    def test_there_may_be_many_names(self):
        for number in range(300):
            self.bus.subscribe(f"name-{number}").close()
        self.assertEqual(len(self.bus.health()["consumers"]), 300)
        self.ok("log", "stat", "--dir", self.log)

    def test_a_name_that_is_known_goes_on_whatever_its_start(self):
        names = [self.emit(), self.emit()]
        start = self.bus.get(names[0])["generated_seq"]
        with self.bus.subscribe("known", kind="signal.generated", start=start) as known:
            known.ack(known.take())
        for other in ("end", "beginning", 1, "2h", 10**9, self.bus.moment()):
            event = self.first("known", kind="signal.generated", start=other)
            self.assertEqual(event["signal"]["id"], names[1], other)
        self.assertEqual(self.first("known", kind="signal.generated")["signal"]["id"], names[1])
        for name, value in (("max_deliver", 2 ** 32 + 1), ("max_deliver", -1), ("max_in_flight", 2 ** 32 + 2),
                            ("max_in_flight", 1025), ("batch", 2 ** 32 + 1)):
            with self.assertRaisesRegex(millrace.MR_REFUSED, f"{name}: expected"):
                self.bus.subscribe("wrong", **{name: value})
        with self.assertRaisesRegex(millrace.MR_REFUSED, "^max_deliver: .*was made with 0.*found 3"):
            self.bus.subscribe("known", start="beginning", max_deliver=3)
        with self.assertRaisesRegex(millrace.MR_REFUSED, "^ack_wait: .*was made with 30000.*found 3000"):
            self.bus.subscribe("known", ack_wait=3)

    def test_options_that_are_not_given_are_as_the_name_was_made(self):
        self.bus.subscribe("few", max_in_flight=3, max_deliver=2, ack_wait=5, backoff=[1]).close()
        self.bus.subscribe("few").close()
        self.bus.subscribe("few", max_in_flight=3, backoff=[1]).close()
        for name, value in (("max_in_flight", 1024), ("max_deliver", 3), ("ack_wait", 30), ("backoff", [2])):
            with self.assertRaisesRegex(millrace.MR_REFUSED, f"^{name}: .*\"few\" was made with"):
                self.bus.subscribe("few", **{name: value})

    def test_what_is_given_back_waits_as_the_list_says(self):
        with self.bus.subscribe("slow", kind="signal.generated", backoff=[0.2, 0]) as slow:
            self.emit()
            event = slow.take()
            began = bus_test.time.monotonic()
            slow.nack(event)
            self.assertIsNone(slow.take(timeout=0))
            for deliveries in (2, 3, 4):
                event = slow.take(timeout=30)
                self.assertEqual(event["deliveries"], deliveries)
                self.assertGreater(bus_test.time.monotonic() - began, 0.19)
                slow.nack(event)
            slow.nack(slow.take(), 3600)  # a delay that is given counts
            self.assertIsNone(slow.take(timeout=0))
            for wrong in (-1, 86401, float("nan")):
                self.assertRaises(millrace.MR_REFUSED, slow.nack, event, wrong)
        with self.assertRaisesRegex(millrace.MR_REFUSED, "^backoff: .*another list"):
            self.bus.subscribe("slow", kind="signal.generated", backoff=(1, 5, 30))
        with self.assertRaisesRegex(millrace.MR_REFUSED, "backoff: expected up to 8.*found 9"):
            self.bus.subscribe("new", backoff=[1] * 9)
        for wrong in (-1, 86401, float("nan")):
            with self.assertRaisesRegex(millrace.MR_REFUSED, "backoff: expected seconds"):
                self.bus.subscribe("new", backoff=[1, wrong])
        for wrong in (5, ["x"], {1, 2}):
            self.assertRaises(TypeError, self.bus.subscribe, "new", backoff=wrong)

    def test_what_is_no_start_is_told(self):
        self.first("known")
        for name in ("new", "known"):
            for start in (0, -1, 2**64, "0", "yesterday", "", "99999999999999999999999"):
                with self.assertRaisesRegex(millrace.MR_REFUSED, "^start: expected", msg=start):
                    self.bus.subscribe(name, start=start)
            for start in (1.5, True, None, b"end"):
                with self.assertRaisesRegex(TypeError, "^start: expected"):
                    self.bus.subscribe(name, start=start)
        with self.assertRaisesRegex(millrace.MR_REFUSED, "^start: the log ends with event"):
            self.bus.subscribe("new", start=10**9)
        with self.assertRaisesRegex(millrace.MR_REFUSED, "^start: "):
            self.bus.subscribe("new", start="2h\0")
        self.assertIsNone(self.first("new"))  # nothing was made

    def test_what_was_removed_is_refused(self):
        early = self.bus.moment()
        with self.bus.subscribe("old", start=1) as old:
            for event in iter(lambda: old.take(timeout=0), None):
                old.ack(event)
            line = json.dumps({"symbol": "SIM01USD", "side": "long", "source": "bulk",
                               "confidence": 0.5, "data": {"x": "y" * 2000}}) + "\n"
            self.ok("emit", "--dir", self.log, stdin=line * 4000)
            self.ok("run", "--dir", self.log)
            self.ok("run", "--dir", self.log)
            for events in iter(lambda: old.take_many(timeout=0), []):
                old.ack_many(events)
        self.ok("log", "retain", "--keep-events", "1", "--dir", self.log)
        first = self.first("all", start="beginning")["seq"]
        self.assertGreater(first, 5)
        with self.assertRaisesRegex(millrace.MR_NOT_FOUND,
                                    f"event 5 was removed, the log begins with event {first}"):
            self.bus.subscribe("new", start=5)
        with millrace.Bus(self.log) as fresh:
            for moment in (early, "2024-01-01T00:30Z"):
                with self.assertRaisesRegex(millrace.MR_NOT_FOUND, "event"):
                    fresh.subscribe("new", start=moment)
        self.assertEqual(self.first("new", start=first)["seq"], first)
        self.assertIsNone(self.first("old", start=1))  # it is not begun anew


if __name__ == "__main__":
    program.main()
