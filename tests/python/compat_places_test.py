#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The drop-in signal bus in threads, processes and places, its export, and what the parts of a bot do
with its answers."""
import collections
import json
import logging
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import threading
import time
from unittest import mock

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from bot import FORK, ID, LONG, QUICK, BotCase, millrace, module, package, program  # noqa: E402
from millrace.compat.signal_bus import SignalBus, SignalState, get_signal_bus  # noqa: E402


class ProcessTest(BotCase):
    def test_everything_comes_back_after_a_restart(self):
        bus = self.open()
        ids = [bus.emit_signal({**LONG, "n": 1}, source="bot"), bus.emit_signal({"n": 2})]
        for signal_id in ids:
            bus.update_state(signal_id, "blocked", {"blocker_component": "FeeGate"}, "fees")
        before = bus.get_signals()
        bus.close()
        code = ("import json; from millrace.compat.signal_bus import get_signal_bus;"
                "print(json.dumps(get_signal_bus().get_signals()))")
        answer = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True,
                                env={**os.environ, "PYTHONPATH": package.path()})
        self.assertEqual(json.loads(answer.stdout), before)
        self.assertEqual(bus.get_signals(), before)  # a closed one opens again

    def test_another_process_sees_it_at_once(self):
        bus = self.open()
        signal_id = bus.emit_signal(dict(LONG))
        self.assertEqual(self.in_child(lambda: SignalBus().get_signal(signal_id)["state"]),
                         "generated")
        self.assertTrue(self.in_child(lambda: SignalBus().update_state(signal_id, "blocked", {"a": 1})))
        self.assertEqual((bus.get_signal(signal_id)["state"], bus.get_signal(signal_id)["a"]),
                         ("blocked", 1))

    def test_eight_threads_and_four_processes_lose_nothing(self):
        each = 60
        bus = get_signal_bus()
        self.addCleanup(bus.close)

        def emit(process, thread, ids):
            for number in range(each):
                base = LONG if number % 2 == 0 else {}
                ids.append(get_signal_bus().emit_signal(
                    {**base, "at": [process, thread, number]}, source=f"p{process}"))

        def run(process):
            ids = [[] for _ in range(8)]
            threads = [threading.Thread(target=emit, args=(process, number, mine))
                       for number, mine in enumerate(ids)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            return [signal_id for mine in ids for signal_id in mine]
        context = FORK
        answers = []
        children = []
        for number in range(4):
            here, there = context.Pipe(False)

            def work(there=there, number=number):
                there.send(run(number))
            child = context.Process(target=work)
            child.start()
            there.close()
            children.append((child, here))
        answers.append(run(4))  # the parent goes on meanwhile
        for child, here in children:
            answers.append(here.recv())
            child.join()
            self.assertEqual(child.exitcode, 0)
        ids = [signal_id for answer in answers for signal_id in answer]
        self.assertEqual(len(set(ids)), 5 * 8 * each)
        self.assertNotIn(None, ids)
        self.assertEqual({line["signal_id"] for line in self.lines()}, set(ids))
        self.assertEqual(len(self.lines()), len(ids))
        found = bus.get_signals()
        self.assertEqual({row["signal_id"] for row in found}, set(ids))
        self.assertEqual(len({tuple(row["signal"]["at"]) for row in found}), len(ids))

    def test_a_child_of_fork_opens_its_own(self):
        bus = get_signal_bus()
        self.addCleanup(bus.close)
        first = bus.emit_signal(dict(LONG))
        stop = threading.Event()

        def load():
            while not stop.is_set():
                bus.emit_signal({"load": 1})
        threads = [threading.Thread(target=load) for _ in range(3)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(5):  # forks while others hold the locks
                answer = self.in_child(lambda: (get_signal_bus() is bus, bus.emit_signal(dict(LONG)),
                                                bus.update_state(first, "blocked"),
                                                len(bus.get_signals(limit=3))))
                self.assertEqual((answer[0], answer[2], answer[3]), (True, True, 3))
                self.assertIsNotNone(bus.get_signal(answer[1]))
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        self.lines()

    def test_four_processes_may_make_the_log_together(self):
        def make(barrier):
            barrier.wait()
            return SignalBus().emit_signal(dict(LONG))
        context = FORK
        for _ in range(3):
            barrier = context.Barrier(4)
            children = [context.Process(target=make, args=(barrier,)) for _ in range(4)]
            for child in children:
                child.start()
            for child in children:
                child.join()
                self.assertEqual(child.exitcode, 0)
            self.assertEqual(len(SignalBus().get_signals()), 4)
            shutil.rmtree(self.folder / "logs")

    def test_one_bus_a_process(self):
        found = []
        threads = [threading.Thread(target=lambda: found.append(get_signal_bus())) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.addCleanup(found[0].close)
        self.assertEqual(len({id(bus) for bus in found}), 1)
        self.assertIs(get_signal_bus(), found[0])


class RunTest(BotCase):
    """A run decides on what a bot has emitted, on the log that the bot has made."""

    def end_run(self, run):
        run.send_signal(signal.SIGINT)
        return self.assert_exit(program.finish(run), program.OK)

    def test_a_run_blocks_what_it_cannot_price_and_leaves_the_rest_to_the_bot(self):
        bus = self.open()
        first, outside = bus.emit_signal(dict(LONG)), bus.emit_signal({"event": "PAUSE"})
        moved = bus.emit_signal(dict(LONG))
        bus.update_state(moved, "executed", {"fill": 1})
        run = self.start("run", "--dir", self.log)
        program.wait_until(lambda: bus.get_signal(first)["state"] == "blocked", "a decision", run)
        beside = bus.emit_signal({**LONG, "symbol": "NEWUSDT"})
        program.wait_until(lambda: bus.get_signal(beside)["state"] == "blocked", "a decision", run)
        record = bus.get_signal(beside)
        self.assertEqual((record["blocker_component"], record["blocker_reason"]),
                         ("instrument", "provisional_symbol"))
        self.assertEqual(bus.get_signal(moved)["state"], "executed")
        self.assertEqual(bus.get_signal(outside)["state"], "generated")
        self.assertTrue(bus.update_state(beside, "learned", {"lesson": 1}))
        self.assertEqual(program.call("status", "--dir", self.log).code, program.NO)  # no price yet
        answer = self.end_run(run)
        self.assert_says(answer, f"directory  {self.log}", "feed       none", "stopped    by signal")
        run = self.start("run", "--dir", self.log)
        last = bus.emit_signal({**LONG, "symbol": "NEWUSDT"})
        waits = bus.emit_signal(dict(LONG))  # its instrument is registered by now: a price may come
        program.wait_until(lambda: bus.get_signal(last)["state"] == "blocked", "a decision", run)
        self.end_run(run)
        self.assertEqual(bus.get_signal(waits)["state"], "generated")
        self.assert_says(self.ok("replay", "--check", "--dir", self.log), "identical")
        self.ok("verify", "--dir", self.log)
        self.refused("run", "--dir", self.log, "--speed", "60")
        self.refused("run", "--dir", self.log, "--feed", "synthetic:1")

    def test_instruments_of_the_configuration_take_the_place_of_provisional_symbols(self):
        bus = self.open()
        early = bus.emit_signal({**LONG, "symbol": "BTC-USDT"})
        self.assertEqual(bus.get_pipeline_health()["provisional_symbols"], 1)
        run = self.start("run", "--dir", self.log)  # the built-in configuration knows it
        program.wait_until(lambda: bus.get_pipeline_health()["provisional_symbols"] == 0, "it", run)
        later = bus.emit_signal(dict(LONG))
        self.end_run(run)
        self.assertEqual(later.split("_")[0], "BTC-USDT")
        self.assertEqual(bus.get_signal(early)["state"], "blocked")
        self.assertEqual(self.open().get_signal(later)["signal"]["symbol"], "BTCUSDT")
        self.assert_says(self.ok("replay", "--check", "--dir", self.log), "identical")


class PlaceTest(BotCase):
    def test_the_folder_is_found_by_the_rule_of_bots(self):
        (self.folder / "deep/er").mkdir(parents=True)
        (self.folder / "home").mkdir()
        os.chdir(self.folder / "deep/er")
        self.assertEqual(module._root(), str(self.folder / "deep/er"))
        os.environ["REPL_HOME"] = str(self.folder / "home")
        self.assertEqual(module._root(), str(self.folder / "home"))
        (self.folder / ".replit").touch()
        self.assertEqual(module._root(), str(self.folder))
        bus = self.open()
        self.assertEqual(bus.directory, str(self.log))
        self.assertTrue(self.export.exists())
        os.chdir(self.folder / "home")  # it stays where it was
        bus.emit_signal(dict(LONG))
        self.assertEqual(len(self.lines()), 1)
        os.environ["MILLRACE_DIR"] = "elsewhere"
        self.assertEqual(self.open().directory, str(self.folder / "home/elsewhere"))
        self.assertEqual(len(self.open(directory=self.log).get_signals()), 1)

    def test_a_setting_that_is_none_is_told(self):
        os.environ["MILLRACE_DURABILITY"] = "maybe"
        self.assertRaisesRegex(ValueError, "MILLRACE_DURABILITY: expected group or interval", SignalBus)

    def test_emits_are_durable_by_default(self):
        for word, is_durable in ((None, True), ("group", True), (QUICK, False)):
            os.environ.pop("MILLRACE_DURABILITY", None)
            if word is not None:
                os.environ["MILLRACE_DURABILITY"] = word
            bus = self.open()
            with mock.patch.object(bus, "_handle") as handle:
                handle.return_value.emit.return_value = "x"
                bus._known.add("BTCUSDT")
                bus.emit_signal(dict(LONG))
                self.assertIs(handle.return_value.emit.call_args.kwargs["durable"], is_durable)

    def test_a_folder_of_something_else_is_refused(self):
        self.log.mkdir(parents=True)
        (self.log / "letter").touch()
        self.assertRaisesRegex(millrace.MR_REFUSED, "neither a log", SignalBus)

    def test_an_export_that_cannot_be_written_is_counted_and_the_signal_is_kept(self):
        self.log.parent.mkdir()
        blocked = self.folder / "file"
        blocked.touch()
        logging.getLogger("millrace").setLevel(logging.NOTSET)
        with self.assertLogs("millrace.compat.signal_bus", logging.ERROR) as told:
            bus = self.open(event_log_path=str(blocked / "signal_bus.jsonl"))
            ids = [bus.emit_signal(dict(LONG)) for _ in range(3)]
            self.assertTrue(bus.update_state(ids[0], "blocked"))
        self.assertIn("the log has it", told.output[0])
        self.assertEqual(len(set(ids)), 3)
        self.assertNotIn(None, ids)
        health = bus.get_pipeline_health()
        self.assertEqual((health["counters"]["export_failures"], health["total_signals"]), (5, 3))

    def test_moves_of_others_are_in_the_log_and_not_in_the_export(self):
        bus = self.open()
        signal_id = bus.emit_signal(dict(LONG))
        before = self.lines()
        self.assertEqual(len(before), 1)
        with millrace.Bus.open(str(self.log)) as other:
            other.move(signal_id, "blocked", gate="external", reason="external")
        self.assertEqual(bus.get_signal(signal_id)["state"], "blocked")
        self.assertEqual(self.lines(), before)
        self.assertEqual([event["event_type"] for event in bus.replay_events()],
                         ["signal_generated", "state_change"])

    def test_a_directory_that_cannot_be_written_is_told(self):
        logs = self.folder / "logs"
        logs.mkdir()
        logs.chmod(0o555)
        self.folder.chmod(0o755)
        writable = self.folder / "open"
        writable.mkdir()
        writable.chmod(0o777)

        def as_nobody():
            if os.geteuid() == 0:
                program.become_nobody()
            os.chdir(self.folder)
            try:
                SignalBus()
                refused = "nothing"
            except (OSError, millrace.MillraceError) as error:
                refused = str(error)
            os.environ["MILLRACE_DIR"] = str(writable / "log")
            bus = SignalBus()  # only the export is lost
            kept = bus.emit_signal(dict(LONG))
            return refused, kept, bus.get_pipeline_health()["counters"]["export_failures"]
        refused, kept, failures = self.in_child(as_nobody)
        self.assertIn(str(logs), refused)
        self.assertRegex(kept, ID)
        self.assertEqual(failures, 2)

    def test_a_log_that_is_lost_is_no_empty_log(self):
        bus = self.open()
        bus.emit_signal(dict(LONG))
        bus.close()
        for segment in self.log.glob("seg-*"):
            segment.unlink()
        self.assertRaises(millrace.MillraceError, bus.get_signals)
        self.assertRaises(millrace.MillraceError, bus.get_pipeline_health)
        self.assertIsNone(bus.emit_signal(dict(LONG)))
        self.assertFalse(bus.update_state("x", "blocked"))


class ExportTest(BotCase):
    def test_lines_are_those_of_a_bots_own_bus(self):
        bus = self.open()
        self.assertEqual(self.export.read_bytes(), b"")
        signal = {**LONG, "text": "é\n\"x\""}
        signal_id = bus.emit_signal(signal, source="alpha_signals_integration")
        bus.update_state(signal_id, SignalState.BLOCKED, {"blocker_component": "FeeGate"}, "fees")
        emitted, moved = self.lines()
        self.assertEqual(list(emitted), ["event_type", "event_id", "signal_id", "ts", "timestamp",
                                         "source", "signal", "state"])
        self.assertEqual((emitted["event_type"], emitted["signal_id"], emitted["state"]),
                         ("signal_generated", signal_id, "generated"))
        self.assertEqual((emitted["source"], emitted["signal"]),
                         ("alpha_signals_integration", signal))
        self.assertEqual(list(moved), ["event_type", "event_id", "signal_id", "old_state",
                                       "new_state", "ts", "timestamp", "reason", "metadata"])
        self.assertEqual((moved["old_state"], moved["new_state"], moved["reason"], moved["metadata"]),
                         ("generated", "blocked", "fees", {"blocker_component": "FeeGate"}))
        for line in (emitted, moved):
            self.assertRegex(line["event_id"], r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")
        self.assertTrue(self.export.read_bytes().isascii())

    def test_a_line_without_an_end_is_not_written_into(self):
        self.export.parent.mkdir()
        self.export.write_bytes(b'{"torn": ')
        bus = self.open()
        bus.emit_signal(dict(LONG))
        torn, whole = self.export.read_text().splitlines()
        self.assertEqual(torn, '{"torn": ')
        self.assertEqual(json.loads(whole)["state"], "generated")

    def test_who_moves_the_file_away_gets_a_new_one(self):
        bus = self.open()
        bus.emit_signal(dict(LONG))
        self.export.rename(self.export.with_suffix(".old"))
        with mock.patch.object(module._export, "LOOK_S", 0):
            bus.emit_signal(dict(LONG))
        self.assertEqual(len(self.lines()), 1)

    def test_a_full_disk_tears_one_line_and_no_other(self):
        bus = self.open()
        write = os.write
        left = [10]

        def full(fd, text):
            count = min(left[0], len(text))
            left[0] -= count
            if count == 0:
                raise OSError(28, "No space left on device")
            return write(fd, text[:count])
        with mock.patch.object(module._export.os, "write", full):
            torn = bus.emit_signal(dict(LONG))
        self.assertIsNotNone(bus.get_signal(torn))
        whole = bus.emit_signal(dict(LONG))
        lines = self.export.read_text().splitlines()
        self.assertEqual(len(lines[0]), 10)
        self.assertEqual(json.loads(lines[1])["signal_id"], whole)
        self.assertEqual(bus.get_pipeline_health()["counters"]["export_failures"], 1)


class CallersTest(BotCase):
    """What the parts of a bot do with the bus, each in a few lines."""

    def setUp(self):
        super().setUp()
        self.bus = get_signal_bus()
        self.addCleanup(self.bus.close)

    def transition(self, signal_id, to):
        """A state machine above the bus."""
        allowed = {"generated": {"evaluating", "expired"},
                   "evaluating": {"approved", "blocked", "expired"},
                   "approved": {"executing", "expired"}, "executing": {"executed", "expired"},
                   "executed": {"learned"}, "blocked": {"learned"}}
        record = self.bus.get_signal(signal_id)
        if record is None or to.value not in allowed.get(record["state"], ()):
            return False
        return self.bus.update_state(signal_id, to, metadata={"by": "machine"}, reason="transition")

    def auto_expire(self, max_age_seconds):
        now = time.time()
        count = 0
        for row in self.bus.get_signals():
            state = SignalState(row["state"])
            if state in (SignalState.EXPIRED, SignalState.LEARNED, SignalState.EXECUTED):
                continue
            if now - row["ts"] > max_age_seconds:
                count += self.transition(row["signal_id"], SignalState.EXPIRED)
        return count

    def test_the_loop_that_emits_and_drops_the_id(self):
        for direction in ("LONG", "SHORT", "HOLD", "DATA_OUTAGE"):
            record = {"ts": "2025-12-15T20:20:08.120011Z", "timestamp": "2025-12-15T20:20:08.120015Z",
                      "symbol": "BTCUSDT", "direction": direction, "alignment_score": 0.42,
                      "signals": {"ofi": 0.42, "ofi_signal": "LONG", "arb_opportunity": False},
                      "confidence": 0.21, "should_enter": True, "regime": "Stable"}
            self.assertTrue(self.bus.emit_signal(record, source="alpha_signals_integration"))
        self.assertEqual(self.bus.get_pipeline_health()["source_counts"],
                         {"alpha_signals_integration": 4})

    def test_the_kill_switch_without_symbol_and_side(self):
        signal_id = self.bus.emit_signal({"event": "MAX_DRAWDOWN_KILL_SWITCH", "drawdown_pct": 5.1},
                                         source="self_healing_learning_loop")
        self.assertTrue(signal_id.startswith("UNKNOWN_"))
        self.assertEqual(self.bus.get_signals(source="self_healing_learning_loop")[0]["signal_id"],
                         signal_id)

    def test_the_state_machine(self):
        signal_id = self.bus.emit_signal(dict(LONG))
        for to in (SignalState.EVALUATING, SignalState.APPROVED, SignalState.EXECUTING,
                   SignalState.EXECUTED, SignalState.LEARNED):
            self.assertTrue(self.transition(signal_id, to))
        self.assertFalse(self.transition(signal_id, SignalState.BLOCKED))
        self.assertFalse(self.transition("none", SignalState.BLOCKED))
        old, young = self.bus.emit_signal(dict(LONG)), self.bus.emit_signal({"event": "x"})
        self.assertEqual(self.auto_expire(7200), 0)
        self.assertEqual(self.auto_expire(-1), 2)
        self.assertEqual({self.bus.get_signal(one)["state"] for one in (old, young)}, {"expired"})
        self.assertEqual(self.auto_expire(-1), 0)

    def test_the_pipeline_monitor(self):
        for number in range(5):
            signal_id = self.bus.emit_signal(dict(LONG), source="bot")
            if number < 2:
                self.bus.update_state(signal_id, SignalState.BLOCKED)
        health = self.bus.get_pipeline_health()
        hour = self.bus.get_signals(since_ts=time.time() - 3600)
        health["status"] = "CRITICAL" if health["stuck_count"] > 10 else (
            "WARNING" if health["stuck_count"] > 0 or not hour else "HEALTHY")
        health["throughput"] = {"signals_per_hour": len(hour), "avg_per_minute": len(hour) / 60}
        self.assertEqual((health["status"], health["throughput"]["signals_per_hour"]), ("HEALTHY", 5))
        self.assertEqual(len(self.bus.get_signals(state=SignalState.BLOCKED)), 2)

    def test_the_decision_tracker_skips_evaluating(self):
        blocked, approved = self.bus.emit_signal(dict(LONG)), self.bus.emit_signal(dict(LONG))
        self.bus.update_state(blocked, SignalState.BLOCKED, metadata={
            "blocker_component": "FeeGate", "blocker_reason": "edge too small"},
            reason="FeeGate: edge too small")
        self.bus.update_state(approved, SignalState.APPROVED, metadata={"approved_by": "all"})
        self.assertEqual(self.bus.get_signal(blocked)["state"], "blocked")
        self.assertEqual(self.bus.get_signal(approved)["state"], "approved")
        self.assertEqual(self.bus.get_signal(approved)["approved_by"], "all")

    def test_the_learning_engine_and_the_report_read_the_top_level(self):
        for component in ("FeeGate", "FeeGate", "RiskGuard"):
            signal_id = self.bus.emit_signal(dict(LONG))
            self.bus.update_state(signal_id, SignalState.BLOCKED, metadata={
                "blocker_component": component, "blocker_reason": "because"})
        rows = self.bus.get_signals(state=None, since_ts=time.time() - 86400)
        blocked = collections.Counter(row.get("blocker_component", "Unknown") for row in rows
                                      if row["state"] == SignalState.BLOCKED.value)
        self.assertEqual(blocked, {"FeeGate": 2, "RiskGuard": 1})
        self.assertEqual({row["signal"]["symbol"] for row in rows}, {"BTCUSDT"})
        self.assertEqual(self.bus.get_signal(rows[0]["signal_id"]).get("blocker_reason"), "because")

    def test_healing_looks_for_what_is_stuck_and_may_rewrite_the_export(self):
        signal_id = self.bus.emit_signal(dict(LONG))
        lines = self.export.read_text()
        self.export.rename(self.export.with_suffix(".corrupted"))
        self.export.write_text(lines)
        self.assertEqual([(row["signal_id"], row["state"]) for row in self.bus.get_signals()],
                         [(signal_id, "generated")])
        with mock.patch.object(module._export, "LOOK_S", 0):
            self.bus.emit_signal(dict(LONG))
        self.assertEqual(len(self.lines()), 2)


if __name__ == "__main__":
    program.main()
