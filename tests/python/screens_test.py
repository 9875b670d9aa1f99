#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the program's screens show of consumers, which the Python package makes."""
import json

import bus_test
import program

millrace = bus_test.millrace


class ScreensTest(program.LogCase):
    def setUp(self):
        super().setUp()
        self.bus = millrace.Bus(self.log)
        self.addCleanup(self.bus.close)

    def emit(self, count):
        self.bus.emit_many([{"symbol": "SIM01USD", "side": "long", "source": "bot",
                             "confidence": 0.5}] * count)

    def test_top_lists_consumers_with_their_lag_the_furthest_behind_first(self):
        slow = self.bus.subscribe("slow", kind="signal.generated")
        quick = self.bus.subscribe("quick", kind="signal.generated")
        self.emit(5)
        for _ in range(5):
            quick.ack(quick.take(5))
        found = self.ok("top", "--json", "--dir", self.log).json
        self.assertEqual({one["name"]: one["lag_events"] for one in found["consumers"]},
                         {"quick": 0, "slow": 5})
        self.assertEqual(found["log"]["processes"], 1)
        self.assertIsInstance(found["log"]["durable_seq"], int)
        lines = [line[50:] for line in self.ok("top", "--once", "--dir", self.log).lines]
        at = [i for i, line in enumerate(lines) if line.strip().startswith("consumer")][0]
        self.assertEqual([line.split()[0] for line in lines[at + 1:at + 3]], ["slow", "quick"])
        slow.close()
        quick.close()

    def test_doctor_knows_the_symbols_of_a_log_that_nobody_has_run(self):
        log = self.folder / "begun"
        with millrace.Bus(log, create=True) as bus:
            bus.register("BTCUSDT")
            bus.emit("BTCUSDT", "long", "bot", 0.5)
        answer = self.ok("doctor", "--json", "--dir", log)
        told = [one["what"] for one in answer.json["checks"] if one["check"] == "symbols"]
        self.assertEqual(told, ["1 symbols have signals and no price, BTCUSDT is one"])

    def test_doctor_warns_of_dead_letters(self):
        subscription = self.bus.subscribe("fails", kind="signal.generated", max_deliver=1)
        self.emit(1)
        event = subscription.take(5)
        for wrong, why in (("x" * 201, "up to 200 bytes, found 201"), ("a\nb", "control"), ("\x00", "")):
            with self.assertRaises(millrace.MR_REFUSED) as caught:
                subscription.nack(event, reason=wrong)
            self.assertIn(why, str(caught.exception))
        subscription.nack(event, reason='the "venue" is shut')
        self.assertIsNone(subscription.take(0.2))
        answer = self.ok("doctor", "--json", "--dir", self.log)
        dead = [one for one in answer.json["checks"] if one["check"] == "consumer"]
        self.assertEqual([one["level"] for one in dead], ["warning"])
        self.assertRegex(dead[0]["what"], 'fails has given up 1 events as dead letters; the last one is '
                                          r'event [0-9]+: "the \\"venue\\" is shut"')
        subscription.close()
        self.assert_the_letter_is_told()

    def test_a_consumer_is_forgotten_when_nobody_uses_it(self):
        def forget(*words):
            return program.call("log", "forget", "--dir", self.log, *words)

        slow = self.bus.subscribe("slow", kind="signal.generated", start="beginning")
        self.assert_says(self.assert_exit(forget("--consumer", "slow"), program.NO),
                         "would remove consumer slow, at event 1, ", "1 handles use it", "--yes does it")
        busy = self.assert_exit(forget("--consumer", "slow", "--yes"), program.USAGE)
        self.assert_says(busy, 'a process is attached to consumer "slow"')
        self.assertRaises(millrace.MR_BUSY, self.bus.forget, "slow")
        slow.close()
        self.assertIn("slow", self.bus.health()["consumers"])
        answer = self.ok("log", "forget", "--consumer", "slow", "--yes", "--json", "--dir", self.log).json
        self.assertEqual((answer["done"], answer["consumer"], answer["next_seq"], answer["damaged"]),
                         (True, "slow", 1, False))
        self.assertEqual(self.bus.health()["consumers"], {})
        self.assertEqual(self.ok("log", "stat", "--json", "--dir", self.log).json["consumers"], [])
        self.assert_says(self.assert_exit(forget("--consumer", "slow", "--yes"), program.NO),
                         'there is no consumer "slow"')
        self.assert_says(self.assert_exit(forget("--yes"), program.USAGE), "--consumer NAME")

    def test_the_log_holds_nothing_for_a_consumer_that_was_forgotten(self):
        (self.folder / "small").mkdir()
        log = program.small_log(self.folder / "small", synthetic__bars=3000)

        def removes():
            answer = self.ok("log", "retain", "--keep-events", "1", "--dry-run", "--json", "--dir", log).json
            return answer["segments"], answer["why_not_more"]
        segments, why = removes()
        self.assertGreater(segments, 0)
        with millrace.Bus(log) as bus:
            bus.subscribe("slow", start="beginning").close()
            self.assertEqual(removes()[0], 0)
            self.assertIn("slow", removes()[1])
            bus.forget("slow")
        self.assertEqual(removes(), (segments, why))

    def test_a_damaged_consumer_is_forgotten_too_and_python_forgets(self):
        self.bus.subscribe("one", start="beginning").close()
        self.bus.subscribe("two", start="beginning").close()
        path = self.log / "cur" / "one"
        path.write_bytes(bytes(path.stat().st_size))
        lags = self.bus.health()["consumers"]
        self.assertEqual((set(lags["two"]), set(lags["one"])), ({"events", "seconds"}, {"fault"}))
        stat = self.assert_exit(program.call("log", "stat", "--dir", self.log), program.FAULT)
        self.assertIn("consumer   two (hold)", stat.out)
        self.assertIn("`log forget --consumer one` removes it", stat.out)
        self.assertIn("cur/one", stat.err)
        stat = self.assert_exit(program.call("log", "stat", "--json", "--dir", self.log), program.FAULT).json
        self.assertEqual([(one["name"], "fault" in one) for one in stat["consumers"]],
                         [("one", True), ("two", False)])
        self.assert_says(self.assert_exit(program.call("log", "forget", "--consumer", "one", "--dir", self.log),
                                          program.NO), "which is damaged")
        retain = self.assert_exit(program.call("log", "retain", "--keep-events", "1", "--dir", self.log), program.FAULT)
        self.assert_says(retain, "cur/one", 'consumer "one"', "log forget --consumer one")
        self.ok("log", "forget", "--consumer", "one", "--yes", "--dir", self.log)
        self.assertEqual([name.name for name in (self.log / "cur").glob("[a-z]*")], ["two"])
        self.bus.forget("two")
        self.assertRaises(millrace.MR_NOT_FOUND, self.bus.forget, "two")
        self.assertRaises(millrace.MR_REFUSED, self.bus.forget, "No Name")
        self.assertRaises(millrace.MR_REFUSED, self.bus.forget, "a\0b")
        self.assertRaises(TypeError, self.bus.forget, 7)

    def assert_the_letter_is_told(self):
        """Which event it was, whose, how often it came, and why it was given up."""
        lines = [json.loads(line) for line in self.ok("tail", "--json", "--dir", self.log).lines]
        (letter,) = [line for line in lines if line["event"] == "log.dead_letter"]
        self.assertEqual((letter["consumer"], letter["deliveries"]), ("fails", 1))
        self.assertIn("as often as it may", letter["reason"])
        self.assertEqual(lines[letter["of"] - lines[0]["seq"]]["seq"], letter["of"])
        shown = self.ok("show", str(letter["seq"]), "--dir", self.log)
        self.assert_says(shown, "log.dead_letter", 'consumer="fails"', f"event={letter['of']}",
                         "deliveries=1", r'nack_reason="the \"venue\" is shut"')
        self.assertEqual(letter["nack_reason"], 'the "venue" is shut')
        row = self.ok("sql", "--json", "SELECT cause_seq, consumer, deliveries, nack_reason FROM events "
                      "WHERE kind = 'log.dead_letter'", "--dir", self.log)
        self.assertIn('the \\"venue\\" is shut', row.out)
        self.assert_says(row, str(letter["of"]), "fails")
        stat = self.ok("log", "stat", "--json", "--dir", self.log).json["consumers"][0]
        self.assertEqual(stat["last_dead_letter"],
                         {"seq": letter["seq"], "of": letter["of"], "deliveries": 1,
                          "nack_reason": 'the "venue" is shut'})
        self.assert_says(self.ok("log", "stat", "--dir", self.log),
                         f"the last dead letter: event {letter['of']}, delivered 1 times", "is shut")
        self.assertEqual(self.ok("show", str(letter["seq"]), "--json", "--dir", self.log).json, letter)


if __name__ == "__main__":
    program.main()
