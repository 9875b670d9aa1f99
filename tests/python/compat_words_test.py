#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The drop-in signal bus: what is said of a signal, by its bot and by others, comes back as it was said."""
import datetime
import enum
import json
import logging
import os
import pathlib
import random
import shutil
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from bot import LONG, ROOT, BotCase, millrace, module, program  # noqa: E402


class SaidTest(BotCase):
    def test_what_is_large_is_told_again_as_what_is_small(self):
        bus = self.open()
        large = "x" * 100_000
        for base in (LONG, {}):
            signal_id = bus.emit_signal({**base, "text": large}, source="x" * 65)
            self.assertTrue(bus.update_state(signal_id, "evaluating", {"note": large}))
            self.assertTrue(bus.update_state(signal_id, "blocked", reason=large))
            self.assertEqual(bus.get_signal(signal_id)["last_reason"], large)
            told = [event for event in bus.replay_events() if event["signal_id"] == signal_id]
            self.assertEqual((told[0]["signal"]["text"], told[0]["source"]), (large, "x" * 65))
            self.assertEqual([(event["new_state"], event["metadata"]) for event in told[1:]],
                             [("evaluating", {"note": large}), ("blocked", {})])
            self.assertEqual(told[2]["reason"], large)

    def test_beside_a_run_nothing_that_was_emitted_since_is_missing(self):
        bus = self.open()
        bus.emit_signal(dict(LONG))
        run = self.start("run", "--dir", self.log)
        program.wait_until(lambda: "running    yes" in program.call("status", "--dir", self.log).out,
                           "the run to begin", run)
        for base in (LONG, {}) * 8:  # the run gives the log its time, once a second
            since = time.time()
            signal_id = bus.emit_signal(dict(base))
            self.assertEqual([row["signal_id"] for row in bus.get_signals(since_ts=since)], [signal_id])
            self.assertGreaterEqual(bus.get_signal(signal_id)["ts"], since)
            self.assertEqual([event["signal_id"] for event in bus.replay_events(since_ts=since)
                              if event["event_type"] == "signal_generated"], [signal_id])
            time.sleep(0.07)

    def test_words_on_the_state_it_is_in_are_told(self):
        bus = self.open()
        for base in (LONG, {}):
            signal_id = bus.emit_signal(dict(base))
            self.assertTrue(bus.update_state(signal_id, "blocked", {"a": 1}, "first"))
            self.assertTrue(bus.update_state(signal_id, "blocked", {"b": 2}, "second"))
            record = bus.get_signal(signal_id)
            self.assertEqual((record["a"], record["b"], record["last_reason"]), (1, 2, "second"))
            told = [event for event in bus.replay_events() if event["signal_id"] == signal_id][-1]
            self.assertEqual((told["old_state"], told["new_state"], told["metadata"], told["reason"]),
                             ("blocked", "blocked", {"b": 2}, "second"))

    def test_sources_are_found_by_what_their_bots_call_them(self):
        bus = self.open()
        names = ("x" * 65, "y" * 65, "", " ", "a\nb", "a\nc", "unnamed", "momentum", "bot:momentum", "bot")
        for base in (LONG, {}):
            for name in names:
                bus.emit_signal(dict(base), source=name)
        for name in names:
            self.assertEqual([row["source"] for row in bus.get_signals(source=name)], [name] * 2)
        self.assertEqual(len(bus.get_signals(source="", limit=1)), 1)
        self.assertEqual(bus.get_signals(source="z" * 65), [])

    def test_no_symbol_is_no_symbol_of_that_name(self):
        bus = self.open()
        for symbol in ({}, {"symbol": None}):
            bus.emit_signal(symbol)
        self.assertEqual(bus.get_signals(symbol="None"), [])
        named = bus.emit_signal({"symbol": "None"})
        self.assertEqual([row["signal_id"] for row in bus.get_signals(symbol="none")], [named])


class AnyDictTest(BotCase):
    def test_half_a_pair_of_surrogates_keeps_a_signal_a_signal(self):
        class Odd:
            def __repr__(self):
                return "odd \ud800"

        bus = self.open()
        for more in ({"note": "bad \ud800"}, {"note": Odd()}, {"bad \ud800": 1}, {"note": ["\udfff"]},
                     {"note": "\U0001f600"}):
            signal_id = bus.emit_signal({**LONG, **more}, source="s \ud800")
            self.assertTrue(bus.update_state(signal_id, "blocked", more, "why \ud800"))
        records = bus.get_signals(source="s \ud800")[::-1]
        self.assertEqual(bus.get_pipeline_health()["observed"], 0)
        self.assertEqual([record["signal"].get("note") for record in records],
                         [{"__repr__": "'bad \\ud800'", "__type__": "str"},
                          {"__repr__": "odd \\ud800", "__type__": records[1]["note"]["__type__"]}, None,
                          [{"__repr__": "'\\udfff'", "__type__": "str"}], "\U0001f600"])
        self.assertEqual(records[2]["signal"]["bad \\ud800"], 1)
        self.assertEqual(records[0]["last_reason"]["__repr__"], "'why \\ud800'")

    def test_dicts_and_values_that_raise_are_kept(self):
        class Rude(dict):
            def items(self):
                raise OSError("no")

            def __contains__(self, key):
                raise OSError("no")

            get = __contains__

        class Mute:
            def __str__(self):
                raise OSError("no")
            __repr__ = __float__ = __str__

        bus = self.open()
        kept = [bus.emit_signal(one) for one in (
            {10 ** 5000: 1}, Rude(LONG), {**LONG, "inner": Rude(a=1)}, {"symbol": Mute(), "direction": "LONG"},
            {**LONG, "direction": Mute()}, {**LONG, "confidence": Mute()})]
        self.assertNotIn(None, kept)
        self.assertEqual(list(bus.get_signal(kept[0])["signal"])[0], hex(10 ** 5000))
        rude = bus.get_signal(kept[1])["signal"]
        self.assertEqual((rude["symbol"], rude["__type__"].split(".")[-1]), ("BTCUSDT", "Rude"))
        self.assertEqual(bus.get_signal(kept[2])["signal"]["inner"]["a"], 1)
        self.assertEqual(bus.get_pipeline_health()["observed"], 3)
        self.assertEqual(len(bus.replay_events()), 6)

    def test_times_are_told_as_a_datetime_tells_them(self):
        def told(seconds):
            moment = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
            return moment.isoformat(timespec="microseconds")[:26] + "Z"

        draw = random.Random(7)
        times = [0.0, 0, 1e-6, 5e-7, 1.5e-6, -1e-6, -0.5, -86400.25, 1765829999.9999995, 1765829999.9999997, 1765830000, 2 ** 31, 253402300799.0]
        times += [draw.uniform(0, 4e9) for _ in range(2000)] + [1765830000 + draw.uniform(0, 3) for _ in range(2000)]
        times += [1765830000 + at / 2e6 for at in range(2000)]
        for seconds in times:
            self.assertEqual(module._words.iso(seconds), told(seconds), seconds)

    def test_a_symbol_may_be_a_word_of_an_enumeration(self):
        class Symbol(str, enum.Enum):
            BTC = "BTCUSDT"

        bus = self.open()
        signal_id = bus.emit_signal({**LONG, "symbol": Symbol.BTC})
        self.assertEqual(bus.get_signal(signal_id)["signal"]["symbol"], "BTCUSDT")
        self.assertTrue(signal_id.startswith("BTCUSDT_"))


class ImportTest(BotCase):
    def test_import_of_everything_leaves_open_alone(self):
        names = {}
        exec("from millrace import *", names)  # as in a bot's own file
        self.assertNotIn("open", names)
        self.assertIn("Bus", names)

    def test_a_package_without_its_compiled_module_says_so(self):
        (self.folder / "millrace").mkdir()
        for source in (ROOT / "bindings/python/millrace").glob("*.py"):
            shutil.copy(source, self.folder / "millrace")
        for name in "millrace", "millrace.compat.signal_bus":
            answer = subprocess.run([sys.executable, "-c", f"import {name}"], capture_output=True, text=True,
                                    check=False, env={**os.environ, "PYTHONPATH": str(self.folder)})
            self.assertIn("the compiled module _millrace is missing; `make python`", answer.stderr)
            self.assertNotIn("circular", answer.stderr)


class OthersTest(BotCase):
    def test_a_claimed_signal_is_not_moved_and_what_was_said_is_kept(self):
        logging.getLogger("millrace").setLevel(logging.NOTSET)
        bus = self.open()
        signal_id = bus.emit_signal(dict(LONG))
        with millrace.Bus(self.log) as worker:
            claim = worker.claim("worker-1", "evaluating", id=signal_id)
            with self.assertLogs(module.log, logging.WARNING) as told:
                self.assertIs(bus.update_state(signal_id, "blocked", {"a": 1}, "said"), False)
            self.assertIn('claimed by "worker-1"', told.output[0])
            counters = bus.get_pipeline_health()["counters"]
            self.assertEqual((counters["refused_moves"], counters["failed"]), (1, 0))
            record = bus.get_signal(signal_id)
            self.assertEqual((record["state"], record["a"]), ("generated", 1))
            claim.release()
        self.assertIs(bus.update_state(signal_id, "blocked"), True)

    def test_data_of_others_take_no_record_over(self):
        bus = self.open()
        envelopes = ({"signal": {"x": 1}, "source": "fake"}, {"source": ["l"]}, {"signal": 5},
                     {"signal": {"symbol": "ETH", "direction": "LONG", "ts": 1, "timestamp": ""}},
                     {"signal": {**LONG, "ts": 1, "timestamp": ""}}, {"symbol": "ETH", "direction": 1})
        with millrace.Bus(self.log) as other:
            other.register("BTC")
            for data in envelopes:
                signal_id = other.emit("BTC", "short", "native", 0.4, data=data)
                for to, more in (("evaluating", {"signal": {"hijack": 1}, "state": "x"}),
                                 ("approved", {"metadata": [1], "source": "y"})):
                    other.move(signal_id, to, data=more)
                other.observe(about=signal_id, data=json.dumps({"signal": {**LONG, "ts": 1, "timestamp": ""}}))
                record = bus.get_signal(signal_id)
                self.assertEqual((record["state"], record["source"]), ("approved", "native"))
                self.assertEqual([record["signal"][key] for key in ("symbol", "direction", "confidence")],
                                 ["BTC", "SHORT", 0.4])
                self.assertNotIn("hijack", record["signal"])
                self.assertNotIn("metadata", record)
                told = [event for event in bus.replay_events() if event["signal_id"] == signal_id]
                self.assertEqual((told[0]["source"], told[0]["signal"]), ("native", record["signal"]))
                self.assertEqual(len(told), 3)
            outside = other.observe(symbol="QQ", source="native",
                                    data=json.dumps({"signal": {"x": 1}, "source": "z"}))
        record = bus.get_signal(outside)
        self.assertEqual((record["source"], record["signal"]["symbol"]), ("native", "QQ"))
        self.assertEqual(bus.get_signals(source="fake"), [])


if __name__ == "__main__":
    program.main()
