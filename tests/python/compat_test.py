#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The drop-in signal bus: its contract point by point."""
import collections
import datetime
import decimal
import enum
import json
import logging
import pathlib
import sys
import time
from unittest import mock

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from bot import FORK, ID, LONG, BotCase, millrace, module, program  # noqa: E402
from millrace.compat.signal_bus import SignalBus, SignalState  # noqa: E402


class EmitTest(BotCase):
    def test_any_dict_gets_an_id_and_comes_back(self):
        bus = self.open()
        dicts = [dict(LONG), {**LONG, "direction": "SHORT"}, {"symbol": "SOLUSDT", "side": "buy"},
                 {"symbol": "ETHUSDT", "direction": "HOLD"},
                 {"symbol": "ETHUSDT", "direction": "DATA_OUTAGE"}, {"symbol": "ETHUSDT"},
                 {"direction": "LONG"}, {}, {"event": "MAX_DRAWDOWN_KILL_SWITCH", "drawdown_pct": 5},
                 {"symbol": None, "direction": None}, {"symbol": 5, "direction": 7},
                 {"symbol": "not a name", "direction": "LONG"},
                 {"symbol": "x" * 33, "direction": "LONG"},
                 {"symbol": "Bitcoin é", "direction": "LONG"},
                 {"symbol": "\ud800", "direction": "LONG"}, {"symbol": "A\0B", "direction": "LONG"},
                 {**LONG, "confidence": "0.5"}, {**LONG, "confidence": 7},
                 {**LONG, "confidence": None}, {**LONG, "confidence": True},
                 {**LONG, "ts": "2025-12-15T20:20:08.120011Z"}, {**LONG, "deep": {"a": [1, {"b": 2}]}},
                 collections.OrderedDict(LONG)]
        ids = [bus.emit_signal(dict(one), source="bot") for one in dicts]
        self.assertEqual(len(set(ids)), len(dicts))
        for signal_id, one in zip(ids, dicts):
            with self.subTest(signal=str(one)):
                self.assertRegex(signal_id, ID)
                record = bus.get_signal(signal_id)
                kept = {key: record["signal"][key] for key in one}
                half = {"__repr__": "'\\ud800'", "__type__": "str"}
                self.assertEqual(kept, {key: half if value == "\ud800" else value
                                        for key, value in one.items()})
                self.assertEqual((record["state"], record["source"]), ("generated", "bot"))
                word = str(one.get("symbol"))
                is_name = one.get("symbol") is not None and module.SYMBOL.match(word)
                self.assertEqual(signal_id.split("_")[0], word if is_name else "UNKNOWN")
        self.assertEqual([row["signal_id"] for row in bus.get_signals()], ids[::-1])
        self.assertEqual([line["signal_id"] for line in self.lines()], ids)

    def test_times_are_added_and_never_overwritten(self):
        bus = self.open()
        signal = dict(LONG)
        before = time.time()
        record = bus.get_signal(bus.emit_signal(signal))
        self.assertTrue(before <= signal["ts"] <= time.time())
        self.assertRegex(signal["timestamp"], r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z\Z")
        self.assertEqual(record["signal"], signal)
        self.assertEqual(record["source"], "unknown")
        self.assertAlmostEqual(record["ts"], signal["ts"], delta=5)
        mine = {**LONG, "ts": "2025-12-15T20:20:08Z", "timestamp": "later"}
        self.assertEqual(bus.get_signal(bus.emit_signal(dict(mine)))["signal"], mine)

    def test_numbers_of_any_size_and_values_of_any_depth_are_kept(self):
        deep = {}
        for _ in range(200):
            deep = {"a": [deep]}
        bus = self.open()
        for value in (10 ** 20, 10 ** 1000, deep):
            for base in (LONG, {}):
                signal_id = bus.emit_signal({**base, "value": value})
                self.assertEqual(bus.get_signal(signal_id)["signal"]["value"], value)

    def test_what_has_no_form_in_json_is_kept_as_a_marked_repr(self):
        class Colour(enum.Enum):
            RED = 1

        class Scalar:  # as those of numpy: no float, no int
            def __repr__(self):
                return "np.int64(7)"

        class Rude:
            def __repr__(self):
                raise OSError("no")

        circle = {"name": "circle"}
        circle["self"] = circle
        deep = []
        for _ in range(5000):
            deep = [deep]
        values = {"time": datetime.datetime(2025, 1, 2), "price": decimal.Decimal("1.10"),
                  "colour": Colour.RED, "set": {1}, "bytes": b"\xff", "nan": float("nan"),
                  "infinite": float("-inf"), "scalar": Scalar(), "rude": Rude(), "circle": circle,
                  "deep": deep, "huge": 10 ** 5000, "surrogate": "\ud800"}
        bus = self.open()
        for name, value in values.items():
            for wrapped in ({name: value}, {name: [value]}, {(1, 2): value}, {1: {None: value}}):
                with self.subTest(name=name, wrapped=list(wrapped)[0]):
                    for base in (LONG, {}):
                        signal_id = bus.emit_signal({**base, **wrapped})
                        self.assertIsNotNone(signal_id)
                        self.assertTrue(bus.update_state(signal_id, "blocked", wrapped, value))
                        self.assertIsNotNone(bus.get_signal(signal_id))
        self.assertEqual(bus.get_pipeline_health()["counters"]["failed"], 0)

        def kept(value):
            return bus.get_signal(bus.emit_signal({"x": value}))["signal"]["x"]
        self.assertEqual(kept(values["price"]),
                         {"__repr__": "Decimal('1.10')", "__type__": "decimal.Decimal"})
        self.assertEqual(kept(values["nan"]), {"__repr__": "nan", "__type__": "float"})
        self.assertEqual(kept(values["bytes"]), {"__repr__": "b'\\xff'", "__type__": "bytes"})
        self.assertEqual(kept(values["scalar"])["__repr__"], "np.int64(7)")
        self.assertIn("Colour.RED", kept(values["colour"])["__repr__"])
        self.assertEqual(kept(circle)["name"], "circle")
        self.assertIn("__repr__", kept(circle)["self"])
        self.assertEqual(kept({1: "a", (2, 3): "b", None: "c"}),
                         {"1": "a", "(2, 3)": "b", "null": "c"})
        self.lines()

    def test_what_is_no_dict_is_a_failure_that_is_counted_and_told(self):
        bus = self.open()
        logging.getLogger("millrace").setLevel(logging.NOTSET)
        for wrong in (None, 5, "text", ["a"], object()):
            with self.assertLogs("millrace.compat.signal_bus", logging.ERROR):
                self.assertIsNone(bus.emit_signal(wrong))
        self.assertEqual(bus.get_pipeline_health()["counters"]["failed"], 5)
        self.assertEqual(bus.get_pipeline_health()["total_signals"], 0)

    def test_large_dicts_are_kept_up_to_a_limit(self):
        bus = self.open()
        for base in (LONG, {}):
            for size in (60_000, 70_000, 900_000):
                signal = {**base, "text": "x" * size}
                signal_id = bus.emit_signal(dict(signal))
                self.assertEqual(bus.get_signal(signal_id)["signal"]["text"], signal["text"])
                self.assertTrue(bus.update_state(signal_id, "blocked", {"note": "y" * size}))
                record = self.open().get_signal(signal_id)
                self.assertEqual((record["state"], record["note"]), ("blocked", "y" * size))
                self.assertEqual(record["signal"]["text"], signal["text"])
            self.assertIsNone(bus.emit_signal({**base, "text": "x" * 1_000_000}))
        total = bus.get_pipeline_health()
        self.assertEqual((total["total_signals"], total["counters"]["failed"]), (6, 2))

    def test_reports_of_a_refusal_are_no_signals(self):
        bus = self.open()
        signal_id = bus.emit_signal({**LONG, "event": "WHALE_CONFLICT", "blocked": True},
                                    source="intelligence_gate")
        self.assertTrue(signal_id.startswith("BTCUSDT_"))
        health = bus.get_pipeline_health()
        self.assertEqual((health["observed"], health["total_signals"]), (1, 1))
        self.assertEqual(bus.get_signal(signal_id)["state"], "generated")

    def test_sources_keep_their_names(self):
        bus = self.open()
        names = ["bot", "momentum", "RSI", "engine", "Millrace", "operator", "run", " ", "", "x" * 100, "a\nb", "é", 5, None, "a\"'b"]
        for base in (LONG, {}):
            for name in names:
                record = bus.get_signal(bus.emit_signal(dict(base), source=name))
                self.assertEqual(record["source"], str(name))
        found = bus.get_signals(source="momentum")
        self.assertEqual([row["source"] for row in found], ["momentum"] * 2)
        health = bus.get_pipeline_health()
        self.assertEqual(health["source_counts"]["momentum"], 2)
        self.assertEqual(health["observed"], len(names))  # those without symbol and side, and no other
        for name in ("RSI", "engine", "run"):
            self.assertEqual([row["source"] for row in bus.get_signals(source=name)], [name] * 2)
        self.assertEqual(len(bus.get_signals(source="a\"'b")), 2)
        self.assertEqual(bus.get_signals(source="nobody"), [])

    def test_symbols_beyond_the_limit_are_kept_outside(self):
        bus = self.open()
        ids = [bus.emit_signal({**LONG, "symbol": f"S{number}"}) for number in range(70)]
        self.assertEqual(len(set(ids)), 70)
        health = bus.get_pipeline_health()
        self.assertEqual((health["symbols"], health["provisional_symbols"]), (64, 64))
        self.assertEqual((health["observed"], health["total_signals"]), (6, 70))
        self.assertEqual(bus.get_signals(limit=1)[0]["signal"]["symbol"], "S69")

    def test_the_program_shows_what_was_emitted(self):
        bus = self.open()
        signal_id = bus.emit_signal(dict(LONG), source="bot")
        outside = bus.emit_signal({"event": "PAUSE"})
        status = program.call("status", "--dir", self.log)
        self.assertEqual(status.code, program.NO)  # without a price nothing can be judged
        for words in ("1 of them provisional", "BTCUSDT", "1 emissions without symbol or side"):
            self.assertIn(words, status.out)
        told = program.call("status", "--json", "--dir", self.log).json
        self.assertEqual((told["provisional_symbols"], told["observed"]), (1, 1))
        self.assertIn("from bot/bot", program.call("why", signal_id, "--dir", self.log).out)
        answer = program.call("why", outside, "--dir", self.log)
        self.assertEqual(answer.code, program.NO)
        self.assertIn("is no signal", answer.err)
        self.assertEqual(program.call("verify", "--dir", self.log).code, program.OK)
        more = program.call("emit", "--symbol", "BTCUSDT", "--side", "short", "--source", "shell",
                            "--confidence", "0.5", "--dir", self.log)
        self.assertEqual(more.code, program.OK)
        record = bus.get_signal(more.out.strip())
        self.assertEqual((record["source"], record["signal"]["direction"]), ("shell", "SHORT"))


class MoveTest(BotCase):
    def test_a_state_or_its_word_moves_a_signal(self):
        bus = self.open()
        signal_id = bus.emit_signal(dict(LONG))
        self.assertIs(bus.update_state(signal_id, SignalState.EVALUATING), True)
        self.assertIs(bus.update_state(signal_id, "approved", {"approved_by": "gate"}), True)
        self.assertIs(bus.update_state(signal_id, SignalState("blocked"), metadata={"a": 1},
                                       reason="kill switch"), True)
        record = bus.get_signal(signal_id)
        self.assertEqual((record["state"], record["approved_by"], record["a"], record["last_reason"]),
                         ("blocked", "gate", 1, "kill switch"))
        self.assertEqual(record["state"], SignalState.BLOCKED)
        self.assertLess(abs(record["last_state_change"] - time.time()), 60)
        self.assertNotIn("inferred", record)

    def test_unknown_ids_are_false(self):
        bus = self.open()
        own = bus.emit_signal({})
        for wrong in ("", "nothing", "BTCUSDT_1_00000001", "UNKNOWN_1_80000001", own[:-1] + "9",
                      "UNKNOWN_1795695559385_80000009", None, 5):
            self.assertIs(bus.update_state(wrong, SignalState.BLOCKED), False)
            self.assertIsNone(bus.get_signal(wrong))
        known = bus.emit_signal({"symbol": "BTCUSDT", "side": "BUY"})
        for number in 1, "1", "01":  # the bus finds signals by number, a bot does not
            self.assertIs(bus.update_state(number, "blocked"), False)
            self.assertIsNone(bus.get_signal(number))
        self.assertEqual(bus.get_signal(known)["state"], "generated")
        self.assertEqual(bus.get_pipeline_health()["counters"]["failed"], 0)

    def test_missing_steps_are_filled_in_and_marked(self):
        roads = {"evaluating": [], "approved": ["evaluating"],
                 "executing": ["evaluating", "approved"],
                 "executed": ["evaluating", "approved", "executing"], "blocked": [], "expired": [],
                 "learned": ["expired"]}
        bus = self.open()
        for target, between in roads.items():
            signal_id = bus.emit_signal(dict(LONG))
            self.assertTrue(bus.update_state(signal_id, target, reason="said"))
            moves = [event for event in bus._handle().history(signal_id)
                     if event["kind"] == "signal.moved"]
            self.assertEqual([move["to"] for move in moves], [*between, target])
            for move in moves[:-1]:
                self.assertEqual((move["reason"], json.loads(move["data"])),
                                 ("inferred", {"inferred": True}))
            self.assertEqual(bus.get_signal(signal_id)["state"], target)
            self.assertEqual(bus.get_signal(signal_id).get("inferred", False), bool(between))

    def test_a_blocked_signal_says_who_and_why(self):
        bus = self.open()
        said, silent = bus.emit_signal(dict(LONG)), bus.emit_signal(dict(LONG))
        bus.update_state(said, "blocked", {"blocker_component": "FeeGate",
                                           "blocker_reason": "edge 0.04% < cost 0.17%"})
        bus.update_state(silent, "blocked")
        with millrace.Bus(self.log) as plain:
            self.assertEqual([(plain.get(one)["gate"], plain.get(one)["reason"])
                              for one in (said, silent)],
                             [("external", "external"), ("external", "unstated")])
        self.assertIn("FeeGate", program.call("why", said, "--dir", self.log, "--json").out)

    def test_what_expires_with_an_order_alive_is_blocked(self):
        bus = self.open()
        signal_id = bus.emit_signal(dict(LONG))
        bus.update_state(signal_id, SignalState.EXECUTING)
        self.assertTrue(bus.update_state(signal_id, SignalState.EXPIRED, {"age": 7200}, "old"))
        record = bus.get_signal(signal_id)
        self.assertEqual((record["state"], record["age"], record["last_reason"]),
                         ("blocked", 7200, "old"))
        self.assertTrue(record["inferred"])
        with millrace.Bus(self.log) as plain:
            self.assertEqual(plain.get(signal_id)["reason"], "legacy_expired")

    def test_nothing_goes_back_but_what_was_said_is_kept(self):
        bus = self.open()
        for end, others in (("learned", ("generated", "blocked", "executed")),
                            ("blocked", ("generated", "approved", "executed", "expired")),
                            ("executed", ("executing", "expired")), ("expired", ("approved",))):
            signal_id = bus.emit_signal(dict(LONG))
            bus.update_state(signal_id, end)
            for number, other in enumerate(others):
                self.assertIs(bus.update_state(signal_id, other, {f"try{number}": other}), False)
            record = self.open().get_signal(signal_id)
            self.assertEqual(record["state"], end)
            for number, other in enumerate(others):
                self.assertEqual(record[f"try{number}"], other)
        self.assertEqual(bus.get_pipeline_health()["counters"]["refused_moves"], 10)

    def test_the_same_state_again_adds_metadata(self):
        bus = self.open()
        signal_id = bus.emit_signal(dict(LONG))
        for number in range(3):
            self.assertIs(bus.update_state(signal_id, "blocked", {"n": number, str(number): 1}), True)
        record = bus.get_signal(signal_id)
        self.assertEqual((record["n"], record["0"], record["2"]), (2, 1, 1))

    def test_outside_the_lifecycle_any_move_is_taken(self):
        bus = self.open()
        signal_id = bus.emit_signal({"event": "KILL"})
        for state in ("learned", "generated", "blocked", "executing", "expired"):
            self.assertIs(bus.update_state(signal_id, state, {state: 1}, reason=state), True)
            self.assertEqual(bus.get_signal(signal_id)["state"], state)
        record = self.open().get_signal(signal_id)
        self.assertEqual((record["state"], record["learned"], record["last_reason"]),
                         ("expired", 1, "expired"))

    def test_metadata_cannot_overwrite_what_the_bus_says(self):
        rude = {"state": "learned", "ts": 0, "signal_id": "x", "source": "me", "signal": None,
                "created_at": 0, "last_state_change": 0, "last_reason": "no", "metadata": 5,
                "mine": 1}
        bus = self.open()
        for base in (LONG, {}):
            signal_id = bus.emit_signal(dict(base), source="bot")
            before = bus.get_signal(signal_id)
            bus.update_state(signal_id, "blocked", dict(rude), "told")
            record = bus.get_signals(limit=1)[0]
            for key in ("ts", "source", "signal", "created_at"):
                self.assertEqual(record[key], before[key])
            self.assertEqual((record["state"], record["signal_id"], record["last_reason"],
                              record["mine"]), ("blocked", signal_id, "told", 1))
            self.assertGreater(record["last_state_change"], 1e9)
            self.assertEqual(record["metadata"], rude)

    def test_of_those_who_move_one_signal_everybody_is_heard(self):
        bus = self.open()
        signal_id = bus.emit_signal(dict(LONG))

        def push(number):
            own = SignalBus()
            return [own.update_state(signal_id, state, {f"by{number}": state})
                    for state in ("evaluating", "approved", "executing", "executed")]
        context = FORK
        children = [context.Process(target=push, args=(number,)) for number in range(4)]
        for child in children:
            child.start()
        for child in children:
            child.join()
            self.assertEqual(child.exitcode, 0)
        record = bus.get_signal(signal_id)
        self.assertEqual(record["state"], "executed")
        for number in range(4):
            self.assertEqual(record[f"by{number}"], "executed")


class ReadTest(BotCase):
    def test_signals_are_filtered_and_newest_first(self):
        bus = self.open()
        ids = []
        for number in range(40):
            symbol = ("BTCUSDT", "ETHUSDT")[number % 2]
            direction = ("LONG", "HOLD", "SHORT")[number % 3]
            ids.append(bus.emit_signal({"symbol": symbol, "direction": direction, "n": number},
                                       source=f"bot{number % 4}"))
        for signal_id in ids[::5]:
            bus.update_state(signal_id, "blocked")

        def numbers(**filters):
            return [row["signal"]["n"] for row in bus.get_signals(**filters)]
        everything = list(range(39, -1, -1))
        self.assertEqual(numbers(), everything)
        self.assertEqual(numbers(state=None, symbol=None, source=None, since_ts=None, limit=None),
                         everything)
        self.assertEqual(numbers(limit=7), everything[:7])
        self.assertEqual(numbers(limit=0), [])
        self.assertEqual(numbers(symbol="btc-usdt"), [n for n in everything if n % 2 == 0])
        self.assertEqual(numbers(symbol="BTCUSDT"), [n for n in everything if n % 2 == 0])
        self.assertEqual(numbers(source="bot1"), [n for n in everything if n % 4 == 1])
        self.assertEqual(numbers(state=SignalState.BLOCKED), [n for n in everything if n % 5 == 0])
        self.assertEqual(numbers(state="blocked", source="bot0", limit=1), [20])
        self.assertEqual(bus.get_signals_by_state(SignalState.BLOCKED), ids[::5][::-1])
        self.assertRaises(ValueError, bus.get_signals, state="nonsense")
        middle = bus.get_signal(ids[20])
        self.assertEqual(numbers(since_ts=middle["ts"]), everything[:20])
        self.assertEqual(numbers(since_ts=middle["created_at"]), everything[:20])
        self.assertEqual(numbers(since_ts=time.time() + 60), [])

    def test_answers_are_fresh(self):
        bus = self.open()
        for base in (LONG, {}):
            signal_id = bus.emit_signal({**base, "inner": {"a": 1}})
            for read in (lambda: bus.get_signal(signal_id), lambda: bus.get_signals(limit=1)[0]):
                spoiled = read()
                spoiled["signal"]["inner"]["a"] = 2
                spoiled["state"] = "spoiled"
                self.assertEqual(read()["signal"]["inner"], {"a": 1})
                self.assertEqual(read()["state"], "generated")
        health = bus.get_pipeline_health()
        health["state_counts"].clear()
        health["status"] = "mine"
        self.assertEqual(len(bus.get_pipeline_health()["state_counts"]), 8)
        self.assertNotIn("status", bus.get_pipeline_health())

    def test_health_counts_and_only_who_waits_is_stuck(self):
        bus = self.open()
        for state in module.STATES:
            signal_id = bus.emit_signal(dict(LONG), source="bot")
            if state != "generated":
                bus.update_state(signal_id, state)
        bus.emit_signal({"event": "x"}, source="gate")
        health = bus.get_pipeline_health()
        self.assertEqual(health["total_signals"], 9)
        self.assertEqual(health["state_counts"],
                         {state: 2 if state == "generated" else 1 for state in module.STATES})
        self.assertEqual(health["source_counts"], {"bot": 8, "gate": 1})
        self.assertEqual((health["stuck_signals"], health["stuck_count"]), ([], 0))
        with mock.patch.object(module, "STUCK_AFTER_S", -1):
            health = bus.get_pipeline_health()
        self.assertEqual(sorted(row["state"] for row in health["stuck_signals"]),
                         ["approved", "evaluating", "executing", "generated"])
        self.assertEqual(health["stuck_count"], 4)
        for row in health["stuck_signals"]:
            self.assertEqual(set(row), {"signal_id", "state", "stuck_for_seconds"})

    def test_events_are_replayed_out_of_the_log(self):
        bus = self.open()
        first = bus.emit_signal(dict(LONG), source="bot")
        second = bus.emit_signal({"event": "x"})
        bus.update_state(first, "approved", {"a": 1}, "good")
        bus.update_state(second, "learned")
        bus.update_state(first, "generated")  # refused: nothing has changed
        self.export.unlink()
        told = bus.replay_events()
        self.assertEqual([(row["event_type"], row["signal_id"], row.get("new_state")) for row in told],
                         [("signal_generated", first, None), ("signal_generated", second, None),
                          ("state_change", first, "evaluating"), ("state_change", first, "approved"),
                          ("state_change", second, "learned")])
        self.assertEqual((told[3]["metadata"], told[3]["reason"], told[3]["old_state"]),
                         ({"a": 1}, "good", "evaluating"))
        self.assertEqual(bus.replay_events(since_ts=told[4]["ts"]), told[4:])
        self.assertEqual(bus.replay_events(since_ts=time.time() + 60), [])


class ArgumentsTest(BotCase):
    """What the class before took is taken; what is wrong is told by the argument's name."""

    def test_filters_take_what_compares_and_slices(self):
        class Index:
            def __index__(self):
                return 2

        bus = self.open()
        ids = [bus.emit_signal(dict(LONG)) for _ in range(5)] + [bus.emit_signal({})]
        newest = ids[::-1]

        def found(**filters):
            return [row["signal_id"] for row in bus.get_signals(**filters)]
        for limit, count in ((2 ** 70, 6), (sys.maxsize, 6), (Index(), 2), (True, 1), (0, 0), (3, 3)):
            self.assertEqual(found(limit=limit), newest[:count], limit)
        for since in (0, -1.5, True, -2 ** 2000, float("-inf"), decimal.Decimal("1.5"),
                      "12.5", "2020-01-01", datetime.datetime(2020, 1, 1)):
            self.assertEqual(found(since_ts=since), newest, since)
            self.assertEqual(len(bus.replay_events(since_ts=since)), 6)
        for since in (2 ** 2000, float("inf"), "2099-01-01T00:00Z"):
            self.assertEqual(found(since_ts=since), [])
        for nobody in ("\ud800", "a\0b", "", 5, "x" * 100_000):
            self.assertEqual(found(symbol=nobody), [], nobody)

    def test_an_id_that_can_be_none_is_unknown(self):
        bus = self.open()
        bus.emit_signal(dict(LONG))
        bus.emit_signal({})
        for name in ("\ud800", "a\0b", "", 5, None, "x" * 100_000, "X_1_80000000", "X_1_ffffffff",
                     "X_1_" + "f" * 5000, "X_1_0"):
            self.assertIsNone(bus.get_signal(name), name)
            self.assertIs(bus.update_state(name, "blocked"), False)
        self.assertEqual(bus.get_pipeline_health()["counters"]["failed"], 0)

    def test_what_is_no_dict_is_not_kept(self):
        bus = self.open()
        taken = bus.emit_signal(collections.UserDict(LONG))
        self.assertEqual(bus.get_signal(taken)["signal"]["symbol"], LONG["symbol"])
        for count, wrong in enumerate(([], None, 5, "abc", [("symbol", "BTCUSDT")], (), {1}), 1):
            with self.assertLogs(module.log, logging.ERROR) as told:
                self.assertIsNone(bus.emit_signal(wrong))
            self.assertIn("TypeError: signal: expected a dict, found <class", told.output[0])
            self.assertEqual(bus.get_pipeline_health()["counters"]["failed"], count)
        self.assertEqual(len(bus.get_signals()), 1)

    def test_what_is_wrong_is_told_by_name(self):
        bus = self.open()
        signal_id = bus.emit_signal(dict(LONG))
        states = " ".join(module.STATES)
        for call in (bus.get_signals, bus.replay_events):
            for wrong in ([], object(), datetime.date(2020, 1, 1), b"5"):
                with self.assertRaisesRegex(TypeError, "^since_ts: expected seconds .*, found <class"):
                    call(since_ts=wrong)
            for wrong in ("soon", "", "x" * 1000):
                with self.assertRaisesRegex(ValueError, "^since_ts: expected seconds .*, found '.{0,80}$"):
                    call(since_ts=wrong)
            for wrong in (float("nan"), "nan", decimal.Decimal("nan")):
                with self.assertRaisesRegex(ValueError, "^since_ts: expected seconds .*, found nan$"):
                    call(since_ts=wrong)
        for wrong in ("5", 5.0, []):
            with self.assertRaisesRegex(TypeError, "^limit: expected int or None, found <class"):
                bus.get_signals(limit=wrong)
        for wrong in ("nonsense", 5, [], "x" * 1000, "\ud800"):
            with self.assertRaisesRegex(ValueError, f"^state: expected one of {states}, found .{{1,70}}$"):
                bus.get_signals(state=wrong)
            with self.assertRaisesRegex(ValueError, "^state: "):
                bus.get_signals_by_state(wrong)
            with self.assertLogs(module.log, logging.ERROR) as told:
                self.assertIs(bus.update_state(signal_id, wrong), False)
            self.assertIn("ValueError: new_state: expected one of", told.output[0])
        for wrong, kind in ((5, "TypeError"), ("abc", "ValueError"), ([1], "TypeError")):
            with self.assertLogs(module.log, logging.ERROR) as told:
                self.assertIs(bus.update_state(signal_id, "blocked", wrong), False)
            self.assertIn(f"{kind}: metadata: expected a dict, found", told.output[0])
        self.assertIs(bus.update_state(signal_id, "blocked", [("why", 1)]), True)
        self.assertEqual(bus.get_signal(signal_id)["why"], 1)
        for name in ("event_log_path", "directory"):
            for wrong, kind in ((5, TypeError), ([1], TypeError), ("a\0b", ValueError), ("\ud800", ValueError)):
                with self.assertRaisesRegex(kind, f"^{name}: expected "):
                    SignalBus(**{name: wrong})


if __name__ == "__main__":
    program.main()
