#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""I-15: times were compared as texts of six forms: one with zero microseconds hid those behind it, and
a host that was not in UTC was off by its zone."""
import json
import os
import pathlib
import re
import subprocess
import sys
import time
from unittest import mock

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import incident  # noqa: E402
import package  # noqa: E402
import program  # noqa: E402
from incident import LONG, millrace, module  # noqa: E402

ZONES = ("UTC", "America/Phoenix", "Asia/Tokyo", "Europe/Berlin")


class TimesWereComparedAsTextsTest(incident.BotCase):
    def test_a_whole_second_has_a_text_as_long_as_any(self):
        bus = self.open()
        texts = []
        for moment in (1795350813.0, 1795350813.5, 1795350813.000001, 1795350814.0):
            with mock.patch.object(module.time, "time", lambda: moment):
                signal = dict(LONG)
                bus.emit_signal(signal)
            texts.append(signal["timestamp"])
        self.assertEqual(texts, ["2026-11-22T12:33:33.000000Z", "2026-11-22T12:33:33.500000Z",
                                 "2026-11-22T12:33:33.000001Z", "2026-11-22T12:33:34.000000Z"])
        self.assertEqual(len({len(text) for text in texts}), 1)

    def test_nobody_behind_a_whole_second_is_hidden(self):
        bus = self.open()
        ids = [bus.emit_signal(dict(LONG)) for _ in range(30)]
        with millrace.Bus(self.log) as plain, plain.subscribe(
                "cursor", kind="signal.generated", start="beginning") as place:
            found = []
            while (event := place.take(0.1)) is not None:
                found.append(event["signal"]["id"])
                place.ack(event)
            page = plain.query("order by time asc", limit=10)
            rest = plain.query("order by time asc", limit=50, after=page[-1]["id"])
        self.assertEqual(found, ids)
        self.assertEqual([row["id"] for row in page + rest], ids)

    def test_times_of_the_caller_of_any_form_are_kept_and_never_compared(self):
        bus = self.open()
        forms = ["2025-12-15T20:20:08.120011Z", "2025-12-15T20:20:09.5", "2025-12-15T13:20:08-07:00",
                 1765830010.23, 1765830010, "yesterday"]
        ids = [bus.emit_signal({**LONG, "ts": form}) for form in forms]
        rows = bus.get_signals(since_ts=time.time() - 60)
        self.assertEqual([row["signal_id"] for row in rows], ids[::-1])
        self.assertEqual([row["signal"]["ts"] for row in rows], forms[::-1])
        since = bus.get_signal(ids[3])
        for form in (since["ts"], since["created_at"], since["created_at"].replace("Z", "+00:00")):
            self.assertEqual(len(bus.get_signals(since_ts=form)), 3)

    def test_the_zone_of_the_host_changes_no_answer(self):
        log = self.begin_market()
        signal_id = self.sql("SELECT signal_id FROM decisions LIMIT 1")[0]["signal_id"]
        for verb in (("query", "--limit", "5"), ("why", signal_id), ("status", "--json"),
                     ("sql", "SELECT event_time FROM signals LIMIT 3")):
            answers = {re.sub(r'"disk_free_bytes":\d+', "",  # of a disk that others write to
                              self.ok(*verb, "--dir", log, env={"TZ": zone}).out) for zone in ZONES}
            self.assertEqual(len(answers), 1, verb)

    def test_the_zone_of_the_host_moves_no_time_of_the_bus(self):
        code = ("import json, time; from millrace.compat.signal_bus import SignalBus; bus = SignalBus();"
                "one = {'symbol': 'BTCUSDT', 'direction': 'LONG'}; name = bus.emit_signal(one);"
                "row = bus.get_signal(name); print(json.dumps([row['ts'], row['created_at'], one['ts'],"
                " one['timestamp'], len(bus.get_signals(since_ts=time.time() - 60))]))")
        for number, zone in enumerate(ZONES):
            answer = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, env={
                **os.environ, "PYTHONPATH": package.path(), "TZ": zone})
            seconds, created, own, timestamp, found = json.loads(answer.stdout)
            self.assertLess(abs(seconds - time.time()), 60)
            self.assertLess(abs(own - seconds), 30)
            self.assertLess(abs(module._words.seconds(created) - seconds), 1e-3)
            self.assertLess(abs(module._words.seconds(timestamp) - own), 1e-3)
            self.assertEqual(found, number + 1)


if __name__ == "__main__":
    program.main()
