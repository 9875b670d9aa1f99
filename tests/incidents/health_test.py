#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""I-11: whoever was to mend the bot touched its files and wrote heartbeats, so that everything looked
alive. Here health is what was done, and who watches cannot do it."""
import hashlib
import os
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import incident  # noqa: E402
import program  # noqa: E402
from incident import LONG  # noqa: E402


def content(folder):
    """Every file of the log that is one, with its bytes."""
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(folder.rglob("*")) if path.is_file() and path.name not in ("lock", "ctl")}


class SelfHealingForgedTheEvidenceTest(incident.BotCase):
    def test_the_age_of_a_file_says_nothing(self):
        log = self.begin_market()

        def status():
            told = self.status()
            del told["disk_free_bytes"]  # of a disk that others write to
            return told

        before = status()
        for age in (0, 86400 * 30, -86400):
            for path in log.rglob("*"):
                os.utime(path, (time.time() - age, time.time() - age))
            self.assertEqual(status(), before)

    def test_a_heartbeat_is_no_progress(self):
        self.begin_market()
        before = self.sql("SELECT stage, done, last_time FROM health")
        bus = self.open()
        for _ in range(20):
            bus.emit_signal({"symbol": "HEARTBEAT", "direction": "NONE", "prob_win": 0.5,
                             "confidence": 0.0, "source": "healing_operator", "heartbeat": True},
                            source="healing_operator")
        self.assertEqual(self.sql("SELECT stage, done, last_time FROM health"), before)
        self.assertEqual(self.status()["observed"], 20)

    def test_who_watches_writes_nothing(self):
        log = self.begin_market()
        before = content(log)
        for verb in (("status",), ("query", "--limit", "5"), ("tail", "--count", "5"), ("weights",),
                     ("verify",), ("replay", "--check"), ("sql", "SELECT count(*) FROM events"),
                     ("log", "stat")):
            self.ok(*verb, "--dir", log)
        self.assertEqual(content(log), before)

    def test_a_run_that_was_killed_is_degraded_however_new_its_files_are(self):
        config = self.write_config(**{**program.SMALL, "synthetic__bars": 100000})
        self.log = self.folder / "log"
        run = self.start("run", "--dir", self.log, "--config", config, "--speed", "6000")
        program.wait_until(lambda: program.call(
            "status", "--dir", self.log).out.startswith("OK"), "bars", run)
        run.kill()
        run.wait()
        for path in self.log.rglob("*"):
            path.touch()
        told = self.status(program.NO)
        self.assertEqual(told["health"], "DEGRADED")
        self.assertIn("ended without saying so", told["why"])

    def test_nothing_known_is_unknown_and_not_well(self):
        self.open().emit_signal(dict(LONG))
        told = self.status(program.NO)
        self.assertEqual((told["health"], told["why"]), ("UNKNOWN", "no bar or quote has arrived yet"))


if __name__ == "__main__":
    program.main()
