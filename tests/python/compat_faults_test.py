#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The drop-in signal bus when its log or its export is removed, torn, held or no file."""
import contextlib
import fcntl
import gc
import json
import logging
import os
import pathlib
import re
import shutil
import sys
import time
from unittest import mock

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from bot import LONG, BotCase, millrace, module, program  # noqa: E402
from millrace.compat.signal_bus import SignalBus  # noqa: E402


class LostLogTest(BotCase):
    def memory(self):
        """What this process has of logs in memory."""
        maps = pathlib.Path("/proc/self/maps").read_text()
        return set(re.findall(r"/dev/shm/millrace-[0-9a-f-]+", maps))

    def test_a_log_that_is_removed_or_renamed_is_opened_anew(self):
        logging.getLogger("millrace").setLevel(logging.NOTSET)
        logs = self.log.parent
        bus = self.open()
        for count, lose in enumerate((lambda: shutil.rmtree(logs), lambda: shutil.rmtree(self.log),
                                      lambda: logs.rename(self.folder / "logs.old")), 1):
            for base in (LONG, {}):
                lost = bus.emit_signal(dict(base))
            memory = self.memory()
            self.assertEqual(len(memory), 1)
            lose()
            with self.assertLogs(module.log, logging.WARNING) as told:
                kept = [bus.emit_signal(dict(LONG)), bus.emit_signal({})]
            self.assertNotEqual(self.memory(), memory)
            self.assertEqual(any(os.path.exists(path) for path in memory), count == 3)
            noticed = [text for text in told.output if "removed or renamed" in text]
            self.assertEqual(len(noticed), 1, told.output)
            self.assertRegex(noticed[0], " [24] emissions of this process")
            self.assertIsNone(bus.get_signal(lost))
            with contextlib.closing(SignalBus()) as other:
                self.assertEqual([row["signal_id"] for row in other.get_signals()], kept[::-1])
            self.assertTrue(bus.update_state(kept[0], "blocked", {"why": "x"}))
            self.assertEqual(bus.get_pipeline_health()["counters"]["reopened"], count)
        with millrace.Bus(str(self.folder / "logs.old/millrace")) as old:
            self.assertEqual(sum(old.counts().values()), 2)
        self.assertEqual([path for path in memory if os.path.exists(path)], [])
        for log in (self.folder / "logs.old/millrace", self.log):
            self.ok("verify", "--dir", log)

    def test_another_process_may_have_made_it_anew(self):
        bus = self.open()
        bus.emit_signal(dict(LONG))
        memory = self.memory()
        shutil.rmtree(self.log)
        other = self.in_child(lambda: SignalBus().emit_signal({**LONG, "n": 1}))
        self.assertEqual(bus.get_signal(other)["signal"]["n"], 1)
        own = bus.emit_signal(dict(LONG))
        self.assertEqual([row["signal_id"] for row in bus.get_signals()], [own, other])
        self.assertEqual([path for path in memory if os.path.exists(path)], [])


class ExportFaultTest(BotCase):
    def test_a_bus_that_is_dropped_leaves_nothing_open(self):
        def count():
            gc.collect()
            return len(os.listdir("/proc/self/fd"))
        SignalBus().emit_signal(dict(LONG))
        before = count()
        with mock.patch.object(module._millrace, "Bus"):  # which closes itself
            for _ in range(300):
                SignalBus()
        self.assertLessEqual(count(), before + 2)
        bus = SignalBus()
        bus.close()
        self.assertLessEqual(count(), before + 2)
        bus.emit_signal(dict(LONG))
        self.assertEqual(len(self.lines()), 2)

    def test_a_line_that_somebody_else_tore_swallows_no_other(self):
        one, other = self.open(), self.open()
        one.emit_signal(dict(LONG))
        other.emit_signal(dict(LONG))
        with self.export.open("a") as torn:
            torn.write('{"torn": ')
        ids = [one.emit_signal(dict(LONG)), other.emit_signal(dict(LONG))]
        lines = self.export.read_text().split("\n")
        self.assertEqual((lines[2], lines[-1], len(lines)), ('{"torn": ', "", 6))
        self.assertEqual([json.loads(line)["signal_id"] for line in lines[3:5]], ids)

    def test_who_writes_alone_does_not_look_at_its_own_lines_again(self):
        bus, other = self.open(), self.open()
        bus.emit_signal(dict(LONG))
        with mock.patch.object(module._export.os, "pread", wraps=os.pread) as looks:
            for _ in range(10):
                bus.emit_signal(dict(LONG))
            self.assertEqual(looks.call_count, 0)
            other.emit_signal(dict(LONG))
            bus.emit_signal(dict(LONG))
            self.assertEqual(looks.call_count, 2)
            with self.export.open("a") as torn:
                torn.write('{"torn": ')
            bus.emit_signal(dict(LONG))
            self.assertEqual(looks.call_count, 3)
        lines = self.export.read_text().split("\n")
        self.assertEqual((lines[13], lines[-1], len(lines)), ('{"torn": ', "", 16))

    def test_a_write_of_the_newline_alone_leaves_no_empty_line(self):
        bus = self.open()
        bus.emit_signal(dict(LONG))
        with self.export.open("a") as torn:
            torn.write("torn")
        write = os.write
        with mock.patch.object(module._export.os, "write", lambda fd, text: write(fd, text[:1]) * (text[:1] == b"\n")):
            bus.emit_signal(dict(LONG))
        bus.emit_signal(dict(LONG))
        self.assertNotIn("", self.export.read_text().split("\n")[:-1])

    def test_nobody_waits_without_end_for_the_export(self):
        logging.getLogger("millrace").setLevel(logging.NOTSET)
        bus = self.open()
        with self.export.open() as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            began = time.monotonic()
            with self.assertLogs(module.log, logging.ERROR) as told:
                ids = [bus.emit_signal(dict(LONG)) for _ in range(20)]
            self.assertLess(time.monotonic() - began, 5)
            self.assertIn("somebody else holds its lock", told.output[0])
        self.assertNotIn(None, ids)
        self.assertIsNotNone(bus.emit_signal(dict(LONG)))
        health = bus.get_pipeline_health()
        self.assertEqual((health["total_signals"], health["counters"]["export_failures"]), (21, 20))
        self.assertEqual(len(self.lines()), 1)

    def test_what_is_no_regular_file_is_no_export(self):
        logging.getLogger("millrace").setLevel(logging.NOTSET)
        self.export.parent.mkdir()
        os.mkfifo(self.export)
        with self.assertLogs(module.log, logging.ERROR) as told:
            bus = self.open()
            self.assertIsNotNone(bus.emit_signal(dict(LONG)))
        self.assertIn("is no regular file", told.output[0])
        self.assertEqual(bus.get_pipeline_health()["counters"]["export_failures"], 2)


if __name__ == "__main__":
    program.main()
