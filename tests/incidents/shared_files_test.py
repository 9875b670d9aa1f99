#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Incidents of files with several owners: rewritten as a whole, lost between two, read as empty, in
the wrong directory."""
import logging
import os
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import incident  # noqa: E402
import program  # noqa: E402
from incident import LONG, millrace, module  # noqa: E402


def bytes_of_system_calls():
    """What this process has read and written so far, by system calls."""
    fields = dict(line.split(": ") for line in pathlib.Path("/proc/self/io").read_text().splitlines())
    return int(fields["rchar"]) + int(fields["wchar"])


class EverySignalRewroteAFileTest(incident.BotCase):
    """I-12: the file of waiting signals was written anew for each, statistics were computed from the
    beginning: the more there was, the slower it became."""

    def test_the_cost_of_a_signal_does_not_grow_with_those_before(self):
        def cost(bus, count=300):
            before = bytes_of_system_calls()
            ids = [bus.emit_signal(dict(LONG)) for _ in range(count)]
            for signal_id in ids:
                bus.update_state(signal_id, "blocked", {"n": 1}, "why")
                bus.get_signal(signal_id)
            bus.get_signals(limit=10)
            return (bytes_of_system_calls() - before) / count
        bus = self.open()
        cost(bus)  # what is read once
        early = cost(bus)
        with millrace.Bus(self.log) as plain:
            for _ in range(10):
                plain.emit_many([{"symbol": "BTCUSDT", "side": "long", "source": "load",
                                  "confidence": 0.5}] * 4000, durable=True)  # nothing left to write
        bus.get_signals(limit=1)  # what others have done is taken in once
        late = cost(bus)
        self.assertLess(late, 3 * early + 2000)
        self.assertLess(late, 100_000)

    def test_a_table_that_is_full_refuses_and_says_so(self):
        log = self.begin_market(limits__signals_max=1000)
        line = '{"symbol":"SIM01USD","side":"long","source":"load","confidence":0.5}\n'
        answer = program.call("emit", "--dir", log, stdin=line * 1000)
        self.assert_exit(answer, program.NO)
        self.assert_says(answer, "limits.signals_max of the configuration is reached")
        emitted, refused = [int(word) for word in re.findall(r"\d+", answer.err.splitlines()[-1])][:2]
        self.assertEqual(emitted + refused, 1000)
        self.assertEqual(len(answer.lines), emitted)


class TwoProcessesOwnedTheSameStateTest(incident.BotCase):
    """I-13: two processes loaded the same file and each wrote its own copy back."""

    def test_what_several_processes_log_is_all_there(self):
        def work(number):
            bus = module.SignalBus()
            for count in range(100):
                signal_id = bus.emit_signal({**LONG, "by": number, "n": count})
                bus.update_state(signal_id, "evaluating", {"by": number})
        self.end(self.children(work, 4))
        rows = self.open().get_signals()
        self.assertEqual(sorted((row["signal"]["by"], row["signal"]["n"]) for row in rows),
                         [(number, count) for number in range(4) for count in range(100)])
        for row in rows:
            self.assertEqual((row["state"], row["by"]), ("evaluating", row["signal"]["by"]))

    def test_of_two_who_move_one_signal_one_wins_and_the_other_is_told(self):
        bus = self.open()
        signal_id = bus.emit_signal(dict(LONG))
        won = self.folder / "won"
        won.mkdir()

        def work(number):
            with millrace.Bus(self.log) as plain:
                try:
                    plain.move(signal_id, "blocked", from_state="generated", gate="external",
                               reason="external")
                    (won / str(number)).touch()
                except millrace.MR_CONFLICT:
                    pass
        self.end(self.children(work, 4))
        self.assertEqual(len(list(won.iterdir())), 1)

    def test_a_second_run_does_not_start(self):
        config = self.write_config(**{**program.SMALL, "synthetic__bars": 100000})
        log = self.folder / "log"
        first = self.start("run", "--dir", log, "--config", config, "--speed", "60")
        program.wait_until(lambda: (log / "run").exists() and program.call(
            "status", "--json", "--dir", log).code == program.OK, "a run", first)
        answer = self.refused("run", "--dir", log, "--config", config)
        self.assert_says(answer, f"process {first.pid} is running this log")
        first.kill()


class ReadFailureMeantNoPositionsTest(incident.BotCase):
    """I-17: when a file could not be read its default was an empty book, and trading went on."""

    def test_a_damaged_log_is_a_fault_for_every_question(self):
        log = self.begin_market()
        before = self.ok("status", "--json", "--dir", log).json["summary"]
        self.assertTrue(before["signals"])
        segment = min(log.glob("seg-*"))
        with open(segment, "r+b") as file:
            file.seek(200_000)
            file.write(b"\xff" * 64)
        for verb in (("status",), ("query",), ("sql", "SELECT count(*) FROM signals"), ("weights",),
                     ("verify",)):
            answer = program.call(*verb, "--dir", log)
            self.assertIn(answer.code, (program.FAULT,), str(answer))
            self.assertTrue(answer.err or answer.out)
        self.assert_exit(program.call("run", "--dir", log, "--config", self.config), program.FAULT)
        self.assertRaises(millrace.MillraceError, module.SignalBus)

    def test_a_log_whose_files_are_gone_is_not_empty(self):
        bus = self.open()
        bus.emit_signal(dict(LONG))
        bus.close()
        for segment in self.log.glob("seg-*"):
            segment.unlink()
        self.assertRaises(millrace.MillraceError, bus.get_signals)
        self.assertRaises(millrace.MillraceError, bus.get_pipeline_health)
        self.assert_exit(program.call("status", "--dir", self.log), program.FAULT)

    def test_positions_come_out_of_the_log_alone(self):
        log = self.begin_market()
        before = self.ok("status", "--json", "--dir", log).json
        del before["disk_free_bytes"]  # of a disk that others write to
        for path in log.glob("snap/*"):
            path.unlink()
        after = self.ok("status", "--json", "--dir", log).json
        del after["disk_free_bytes"]
        self.assertEqual(after, before)


class TheWrongDirectoryTest(incident.BotCase):
    """I-40: paths were relative, so that the bot wrote one tree and the screen showed another."""

    def test_the_directory_is_named_or_nothing_is_done(self):
        for verb in ("run", "status", "query", "emit", "tail"):
            self.assert_says(self.refused(verb), "MILLRACE_DIR")

    def test_the_bus_stays_where_it_was_opened_and_says_where(self):
        logging.getLogger("millrace").setLevel(logging.INFO)
        with self.assertLogs("millrace.compat.signal_bus", logging.INFO) as told:
            bus = self.open()
        self.assertIn(str(self.log), told.output[0])
        other = self.folder / "slot B"
        other.mkdir()
        os.chdir(other)
        signal_id = bus.emit_signal(dict(LONG))
        bus.close()
        self.assertIsNotNone(bus.get_signal(signal_id))
        self.assertEqual(list(other.iterdir()), [])
        self.assertEqual(len(self.export.read_text().splitlines()), 1)
        self.assertEqual(bus.get_pipeline_health()["directory"], str(self.log))

    def test_a_run_says_where_it_works_and_logs_can_be_told_apart(self):
        config = self.write_config(**program.SMALL)
        ids = set()
        for name in ("A", "B"):
            answer = self.ok("run", "--dir", self.folder / name, "--config", config)
            self.assert_says(answer, f"directory  {self.folder / name}")
            ids.add(self.ok("log", "stat", "--json", "--dir", self.folder / name).json["uuid"])
        self.assertEqual(len(ids), 2)

    def test_a_directory_of_something_else_is_refused(self):
        (self.folder / "docs").mkdir()
        (self.folder / "docs/plan.md").touch()
        self.assert_says(self.refused("run", "--dir", self.folder / "docs"), "plan.md")
        os.environ["MILLRACE_DIR"] = str(self.folder / "docs")
        self.assertRaisesRegex(millrace.MR_REFUSED, "plan.md", module.SignalBus)


if __name__ == "__main__":
    program.main()
