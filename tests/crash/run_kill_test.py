#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""kill -9 at random moments: a run goes on to the digest of one that was never interrupted, and
an id that `emit` printed is in the log.

usage: run_kill_test.py BINARY        SEED=n repeats a run, KILLS=n changes how often
"""
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

    @staticmethod
    def candles(log):
        answer = program.call("status", "--json", "--dir", log)
        return answer.json["summary"]["candles"] if answer.stdout else 0

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
