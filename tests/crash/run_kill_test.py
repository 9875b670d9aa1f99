#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""kill -9 at random moments: a run goes on to the digest of one that was never interrupted, and
an id that `emit` printed is in the log. Others read, tail and ask all the while, and are killed, too.

usage: run_kill_test.py BINARY        SEED=n repeats a run, KILLS=n changes how often
"""
import json
import os
import pathlib
import random
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "cli"))
import program  # noqa: E402
from program import OK  # noqa: E402

SEED = int(os.environ.get("SEED", random.SystemRandom().randrange(1 << 32)))
KILLS = int(os.environ.get("KILLS", 50))
MARKET = {"synthetic__symbols": 4, "synthetic__bars": 4000, "log__segment": 4,
          "log__snapshot_events": 20000}
EMIT_KILLS = 8
BESIDE_KILLS = 6


class RunKillTest(program.Case):
    def setUp(self):
        super().setUp()
        print(f"SEED={SEED} KILLS={KILLS}", flush=True)
        self.random = random.Random(SEED)

    def begin(self, log, *words):
        return ["run", "--json", "--dir", log, "--config", self.config, *words]

    def kill_at(self, words, moment_s):
        """Start, kill after a while; did it end by itself before?"""
        process = self.start(*words)
        try:
            process.wait(timeout=moment_s)
        except program.subprocess.TimeoutExpired:
            process.kill()
        answer = program.finish(process, words)
        self.assertIn(answer.code, (OK, -9), str(answer))
        return answer.code == OK

    def finish_and_compare(self, log, whole, story):
        found = self.ok(*self.begin(log)).json
        self.assertEqual(found["digest"], whole["digest"], story)
        self.assertEqual(found["signals"], whole["signals"], story)
        self.assertEqual(found["ledger"], whole["ledger"], story)
        self.assertEqual(found["learning"], whole["learning"], story)
        verified = self.ok("verify", "--json", "--dir", log).json
        self.assertEqual((verified["digest"], verified["torn_end"]), (whole["digest"], False), story)
        self.assertTrue(self.ok("replay", "--check", "--json", "--dir", log).json["identical"], story)

    def test_a_run_killed_at_any_moment_goes_on_to_the_digest_of_an_uninterrupted_one(self):
        self.config = self.write_config(**MARKET)
        started = time.monotonic()
        whole = self.ok(*self.begin(self.folder / "whole")).json
        whole_s = time.monotonic() - started
        log, kills, chain, stories = self.folder / "log-0", 0, 0, []
        while kills < KILLS:
            # Chains of several kills take slices of the run; a fresh start may be hit anywhere.
            share = self.random.choice((0.05, 0.3, 1.0))
            moment_s = self.random.uniform(0.0, share * whole_s)
            is_ended = self.kill_at(self.begin(log), moment_s)
            stories.append(f"{moment_s:.4f}s{' ended' if is_ended else ''}")
            kills += not is_ended
            if is_ended or self.random.random() < 0.2 or kills == KILLS:
                self.finish_and_compare(log, whole, f"SEED={SEED}: {log.name}: {stories}")
                chain, stories = chain + 1, []
                log = self.folder / f"log-{chain}"
        print(f"{kills} kills in {chain} logs", flush=True)

    def test_a_paced_run_is_killed_in_the_middle_of_its_log(self):
        """As above, but certain to hit a log that holds something."""
        self.config = self.write_config(**{**MARKET, "synthetic__bars": 1000})
        whole = self.ok(*self.begin(self.folder / "whole")).json
        log = self.folder / "log"
        for _ in range(4):
            process = self.start(*self.begin(log, "--speed", "60000"))
            wanted = self.random.randrange(1, 120)
            seen = self.candles(log)
            program.wait_until(lambda: self.candles(log) >= min(seen + wanted, 3600), "bars", process)
            process.kill()
            self.assertEqual(program.finish(process).code, -9)
        self.finish_and_compare(log, whole, f"SEED={SEED}")

    def start_tail(self, log, seen):
        """A tail that writes what it sees to a file."""
        words = ("tail", "--follow", "--json", "--count", "50", "--dir", log)
        return self.start(*words, stdout=seen)

    def end_tail(self, tail):
        """Kill it; it must not have ended by itself."""
        tail.kill()
        self.assertEqual(tail.wait(), -9, tail.stderr.read())

    def test_a_run_is_killed_while_others_read_and_ask(self):
        """A tail, `log stat` and `query` beside it, and the tail is killed, too: none disturbs the
        run, and every event that a tail has shown is in the log."""
        self.config = self.write_config(**{**MARKET, "synthetic__bars": 1000})
        whole = self.ok(*self.begin(self.folder / "whole")).json
        log, asked, tails = self.folder / "log", 0, 0
        with open(self.folder / "seen", "a+b", buffering=0) as seen:
            for _ in range(BESIDE_KILLS):
                process = self.start(*self.begin(log, "--speed", "10000"))
                before = self.candles(log)
                wanted = min(before + self.random.randrange(20, 200), 3000)
                program.wait_until(lambda: self.candles(log) > before, "a bar", process)
                tail = self.start_tail(log, seen)
                while self.candles(log) < wanted:
                    self.assertIsNone(process.poll())
                    for words in (("log", "stat", "--json"), ("query", "--json", "--limit", "50")):
                        answer = program.call(*words, "--dir", log)
                        self.assertIn(answer.code, (OK, program.NO), str(answer))
                        asked += 1
                    if self.random.random() < 0.2:
                        self.end_tail(tail)
                        seen.write(b"\n")  # behind a line that was cut
                        tail, tails = self.start_tail(log, seen), tails + 1
                process.kill()
                self.assertEqual(program.finish(process).code, -9)
                self.end_tail(tail)
                seen.write(b"\n")
            print(f"{BESIDE_KILLS} kills, {tails} of tails, {asked} questions", flush=True)
            self.finish_and_compare(log, whole, f"SEED={SEED}")
            events = {self.name(event) for event in self.ok(
                "tail", "--count", "1000000", "--json", "--dir", log).json_lines}
            seen.seek(0)
            shown = [self.name(json.loads(line)) for line in seen.read().split(b"\n")
                     if line.endswith(b"}")]
        self.assertGreater(len(shown), 50)
        self.assertEqual([one for one in shown if one not in events][:3], [], f"SEED={SEED}")

    @staticmethod
    def name(event):
        """What names an event; the id of a signal that began before a tail did is not shown."""
        return event["seq"], event["event"], event["logged"]

    @staticmethod
    def candles(log):
        answer = program.call("status", "--json", "--dir", log)
        return answer.json.get("summary", {"candles": 0})["candles"]  # no log yet: an error

    def test_every_id_that_emit_printed_before_it_was_killed_is_in_the_log(self):
        self.config = self.write_config(**{**MARKET, "synthetic__bars": 300})
        log = self.folder / "log"
        self.ok(*self.begin(log))
        line = b'{"symbol":"SIM01USD","side":"long","source":"bot","confidence":0.5}\n'
        acknowledged = []
        for i in range(EMIT_KILLS):
            durability = "async" if i % 2 else "group"
            process = self.start("emit", "--dir", log, "--durability", durability,
                                 stdin=program.subprocess.PIPE)
            os.set_blocking(process.stdout.fileno(), False)
            printed, pending, wanted = b"", b"", self.random.randrange(64, 2000)
            os.set_blocking(process.stdin.fileno(), False)
            while printed.count(b"\n") < wanted:
                self.assertIsNone(process.poll())
                try:
                    pending = pending or line * 64
                    pending = pending[os.write(process.stdin.fileno(), pending):]
                except BlockingIOError:
                    pass
                printed += process.stdout.read() or b""
            process.kill()
            process.wait()
            printed += process.stdout.read() or b""
            acknowledged += printed.decode().splitlines()
        found = self.ok("query", "--json", "--source", "bot", "--limit", "1000000", "--dir", log)
        known = {one["id"] for one in found.json_lines}
        missing = [ident for ident in acknowledged if ident not in known]
        self.assertEqual(missing[:5], [], f"SEED={SEED}: {len(missing)} of {len(acknowledged)}")
        self.assertGreater(len(acknowledged), 64 * EMIT_KILLS)
        self.ok("verify", "--dir", log)
        self.ok(*self.begin(log))
        self.ok("replay", "--check", "--dir", log)


if __name__ == "__main__":
    program.main()
