#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The main job: its summary, pace, interruption, continuation, and other processes beside it."""
import os
import pathlib
import pty
import re
import signal
import subprocess

import program
from program import FAULT, OK, USAGE

STATES = "generated evaluating approved executing executed blocked expired learned".split()
HORIZONS = "1m 5m 15m 30m 1h".split()


def count_bars(log):
    return program.call("status", "--json", "--dir", log).json["summary"]["candles"]


class SummaryTest(program.Case):
    def setUp(self):
        super().setUp()
        self.config = self.write_config(**program.SMALL)

    def run_small(self, name="log", *extra):
        return self.ok("run", "--dir", self.folder / name, "--config", self.config, *extra)

    def test_the_json_summary_has_every_promised_field(self):
        found = self.run_small("log", "--json").json
        whole = {
            "signals": ["generated"], "outcomes": ["resolved", "unresolved"], "orders": ["filled"],
            "feedback": ["events"], "log": ["events", "bytes"],
        }
        for section, keys in whole.items():
            for key in keys:
                self.assertIsInstance(found[section][key], int, f"{section}.{key}")
        fractions = {
            "ledger": ["gross", "fee", "slippage", "net"], "log": ["bytes_per_lifecycle"],
            "rate": ["events_per_s", "lifecycles_per_s", "candles_per_s"],
        }
        for section, keys in fractions.items():
            for key in keys:
                self.assertIsInstance(found[section][key], (int, float), f"{section}.{key}")
        self.assertIs(found["ledger"]["ok"], True)
        self.assertEqual(list(found["learning"]), HORIZONS)
        for horizon, score in found["learning"].items():
            self.assertIsInstance(score["n"], int, horizon)
            for member in ("skill_learned", "skill_static", "skill_static_platt"):
                self.assertIsInstance(score[member], (int, float), horizon)
        self.assertRegex(found["digest"], r"\A[0-9a-f]{64}\Z")

    def test_the_numbers_of_the_summary_agree_with_each_other(self):
        config = self.write_config(**{**program.SMALL, "synthetic__symbols": 4,
                                      "synthetic__bars": 3000})
        found = self.ok("run", "--json", "--dir", self.folder / "log", "--config", config).json
        signals = found["signals"]
        self.assertGreater(signals["generated"], 0)
        self.assertEqual(list(signals["by_state"]), STATES)
        self.assertEqual(sum(signals["by_state"].values()), signals["generated"])
        self.assertEqual(sum(signals["by_source"].values()), signals["generated"])
        self.assertEqual(signals["long"] + signals["short"], signals["generated"])
        self.assertEqual(sum(signals["blocked_by_gate"].values()) + found["orders"]["approved"],
                         signals["generated"])
        outcomes = found["outcomes"]
        self.assertEqual(outcomes["resolved"] + outcomes["excluded"] + outcomes["unresolved"],
                         signals["generated"] * len(HORIZONS))
        ledger = found["ledger"]
        self.assertGreater(found["orders"]["filled"], 0)
        self.assertAlmostEqual(ledger["gross"] - ledger["fee"] - ledger["slippage"], ledger["net"],
                               places=6)
        self.assertEqual(found["candles"], 4 * 3000)

    def test_the_summary_is_one_json_line_and_nothing_else(self):
        self.assertEqual(len(self.run_small("log", "--json").lines), 1)

    def test_the_text_says_that_the_market_is_simulated_and_what_to_try_next(self):
        answer = self.run_small()
        self.assertIn("SIMULATED", answer.out)
        self.assertIn("SIMULATED", answer.err)
        next_commands = answer.out.split("next:")[1].strip().splitlines()
        self.assertGreaterEqual(len(next_commands), 3)
        for line in next_commands:
            # It names a program that is there and a directory that is there.
            run = subprocess.run(line.split(), cwd=self.folder, capture_output=True,
                                 env=program.environment())
            self.assertEqual(run.returncode, OK, (line, run.stderr))

    def test_piped_progress_is_plain_lines(self):
        answer = self.run_small()
        self.assertNotIn(b"\x1b", answer.stderr + answer.stdout)
        self.assertNotIn(b"\r", answer.stderr + answer.stdout)
        self.assertRegex(answer.err, r"(?m)^ *\d+%  .*bars .*signals .*left$")

    def test_a_terminal_gets_a_bar_that_is_gone_at_the_end(self):
        try:
            main, side = pty.openpty()
        except OSError as error:
            self.skipTest(f"this machine has no pseudo-terminal: {error}")
        process = self.start("run", "--dir", self.folder / "log", "--config", self.config,
                             "--speed", "30000", stderr=side)
        os.close(side)
        seen = b""
        try:
            while chunk := os.read(main, 65536):
                seen += chunk
        except OSError:
            pass  # how a terminal tells that nobody writes any more
        os.close(main)
        self.assert_exit(program.finish(process), OK)
        self.assertIn(b"[##", seen)
        self.assertTrue(seen.endswith(b"\r\x1b[K"), seen[-200:])

    def test_pace_does_not_change_what_is_decided(self):
        digest = self.run_small("a", "--json").json["digest"]
        for speed in ("max", "1000000"):
            found = self.run_small(speed, "--json", "--speed", speed).json
            self.assertEqual(found["digest"], digest, speed)

    def test_a_pace_that_is_no_number_in_range_is_refused_and_nothing_made(self):
        for speed in ("0", "-1", "fast", "1.5", "", "1000000001", "99999999999999999999"):
            with self.subTest(speed=speed):
                log = self.folder / "log"
                answer = self.refused("run", "--dir", log, f"--speed={speed}")
                self.assert_says(answer, "--speed", "expected max", f'"{speed}"')
                self.assertFalse(log.exists())

    def test_a_feed_that_is_none_is_refused_and_nothing_made(self):
        for feed in ("synthetic:x", "synthetic:", "synthetic:-1", "synthetic:1.5", "synthetic",
                     "synthetic:99999999999999999999", "csv:", "csv", "", "http://x", "CSV:x"):
            with self.subTest(feed=feed):
                log = self.folder / "log"
                answer = self.refused("run", "--dir", log, f"--feed={feed}")
                self.assert_says(answer, "--feed", "expected", f'"{feed}"')
                self.assertFalse(log.exists())

    def test_the_seed_makes_the_market(self):
        digests = {self.run_small(f"seed{seed}", "--feed", f"synthetic:{seed}", "--json")
                   .json["digest"] for seed in (0, 1, 2, 9223372036854775807)}
        self.assertEqual(len(digests), 4)
        self.assertIn(self.run_small("again", "--json").json["digest"], digests)  # seed 1


class LimitTest(program.Case):
    def test_a_run_that_reaches_a_limit_names_it(self):
        log = self.folder / "log"
        settings = {**program.SMALL, "synthetic__bars": 3000}
        low = self.write_config("low.yaml", **settings, limits__signals_max=1000)
        answer = self.assert_exit(program.call("run", "--dir", log, "--config", low), USAGE)
        self.assertEqual(answer.out, "")
        self.assert_says(answer, str(log), "limits.signals_max")
        high = self.write_config("high.yaml", **settings)
        self.ok("run", "--dir", log, "--config", high)
        self.ok("replay", "--check", "--dir", log)


class ContinueTest(program.LogCase):
    def run_on(self, *words):
        return program.call("run", "--dir", self.log, *words)

    def test_a_finished_run_continued_changes_nothing_that_counts(self):
        before = self.digest()
        answer = self.assert_exit(self.run_on("--json"), OK)
        self.assert_says(answer, "resumed    behind event")
        self.assertEqual(answer.json["digest"], before)
        self.assertEqual(self.digest(), before)

    def test_another_feed_or_seed_is_refused_and_nothing_touched(self):
        bars = self.write("bars.csv", program.text_of(program.bars(5)))
        before = program.content(self.log)
        for feed in ("synthetic:2", "synthetic:0", f"csv:{bars}"):
            with self.subTest(feed=feed):
                answer = self.assert_exit(self.run_on("--feed", feed), USAGE)
                self.assert_says(answer, str(self.log), "feed")
                self.assertEqual(answer.out, "")
                self.assertEqual(program.content(self.log), before)

    def test_other_candles_are_refused_and_nothing_touched(self):
        first = self.write("a.csv", program.text_of(program.bars(50)))
        other = self.write("b.csv", program.text_of(program.bars(50, price=39000.0)))
        log = self.folder / "csv"
        self.ok("run", "--dir", log, "--feed", f"csv:{first}")
        before = program.content(log)
        answer = self.refused("run", "--dir", log, "--feed", f"csv:{other}")
        self.assert_says(answer, str(log))
        self.assertEqual(program.content(log), before)

    def test_candles_that_were_added_to_a_file_continue_it(self):
        rows = program.bars(400)
        path = self.write("a.csv", program.text_of(rows[:150]))
        log = self.folder / "csv"
        self.ok("run", "--dir", log, "--feed", f"csv:{path}")
        path.write_text(program.text_of(rows))
        found = self.ok("run", "--dir", log, "--feed", f"csv:{path}", "--json").json
        self.assertEqual(found["candles"], 400)
        self.ok("replay", "--check", "--dir", log)

    def test_a_csv_log_knows_its_feed_from_wherever_it_is_continued(self):
        rows = program.bars(400)
        path = self.write("here/a.csv", program.text_of(rows[:150]))
        log = self.folder / "csv"
        self.ok("run", "--dir", log, "--feed", "csv:a.csv", cwd=path.parent)
        self.assertIn(f"feed_path: {path.resolve()}\n", (log / "MANIFEST").read_text())
        path.write_text(program.text_of(rows))
        self.assertEqual(self.ok("run", "--dir", log, "--json", cwd="/").json["candles"], 400)

    def test_a_stopped_csv_run_says_a_command_that_continues_it(self):
        for name in ("a.csv", "\u00e4.csv"):
            with self.subTest(name=name):
                path = self.write(name, program.text_of(program.bars(3000)))
                log = self.folder / f"log-{name[0] == 'a'}"
                process = self.start("run", "--dir", log, "--feed", f"csv:{path}", "--speed", "60")
                program.wait_until(lambda: program.segments(log), "a log", process)
                process.send_signal(signal.SIGINT)
                answer = program.finish(process)
                said = re.search(r"`\S+ (run --dir .*)` continues", answer.err)
                self.assertIsNotNone(said, str(answer))
                self.ok(*said.group(1).split())

    def test_a_csv_log_whose_feed_is_gone_or_not_kept_asks_for_it(self):
        text = program.text_of(program.bars(50))
        for name in ("a.csv", "\u00e4.csv", "x" * 130 + ".csv"):
            with self.subTest(name=name):
                path = self.write(name, text)
                log = self.folder / f"log-{len(name)}-{name[0] == 'a'}"
                self.ok("run", "--dir", log, "--feed", f"csv:{path}")
                moved = path.rename(self.folder / "moved.csv")
                answer = self.refused("run", "--dir", log)
                self.assert_says(answer, str(log), "--feed csv:PATH", "RESUME=1 DATA=PATH")
                self.assertEqual(str(path) in answer.err, name == "a.csv")
                self.ok("run", "--dir", log, "--feed", f"csv:{moved}")

    def test_other_settings_of_the_simulated_market_are_named(self):
        before = program.content(self.log)
        for change in ({"synthetic__bars": 600}, {"synthetic__symbols": 3}):
            config = self.write_config(**{**program.SMALL, **change})
            answer = self.refused("run", "--dir", self.log, "--config", config)
            self.assert_says(answer, str(self.log), "synthetic.symbols", "synthetic.bars")
        self.assert_says(self.refused("run", "--dir", self.log, "--feed", "synthetic:2"),
                         "feed_seed is 1 there, 2 now")
        self.assertEqual(program.content(self.log), before)

    def test_a_missing_manifest_is_named_and_not_made_anew(self):
        (self.log / "MANIFEST").unlink()
        before = program.content(self.log)
        answer = self.assert_exit(self.run_on(), FAULT)
        self.assert_says(answer, str(self.log), "MANIFEST is missing")
        self.assertNotIn("damaged", answer.err)
        for words in (["status"], ["verify"], ["query"], ["replay", "--check"], ["tail"], ["log", "stat"],
                      ["emit", "--symbol", "SIM01USD", "--side", "long", "--source", "x"]):
            answer = self.assert_exit(program.call(*words, "--dir", self.log), FAULT)
            self.assert_says(answer, str(self.log), "MANIFEST is missing", "put it back from a copy")
            self.assertNotIn("no log here", answer.err)
        checks = program.call("doctor", "--json", "--dir", self.log).json["checks"]
        told = [one for one in checks if one["check"] == "log"][0]
        self.assertIn("MANIFEST is missing", told["what"])
        self.assertEqual(told["to_do"], "put the file MANIFEST back from a copy")
        self.assertEqual(program.content(self.log), before)

    def test_a_changed_configuration_is_an_event_and_the_same_one_is_not(self):
        def configs():
            return [line for line in self.ok("tail", "--count", "1000000", "--json", "--dir",
                                             self.log).json_lines if line["event"] == "config"]
        self.assertEqual(len(configs()), 1)
        self.assert_exit(self.run_on("--config", self.folder / "none.yaml"), program.FAULT)
        same = self.write_config("same.yaml", **program.SMALL)
        self.assert_exit(self.run_on("--config", same), OK)
        self.assertEqual(len(configs()), 1)
        changed = self.write_config("changed.yaml", **{**program.SMALL, "venue__fee": 7})
        self.assert_exit(self.run_on("--config", changed), OK)
        self.assertEqual(len(configs()), 2)
        self.assertIn("fee: 7", configs()[-1]["text"])
        self.assert_exit(self.run_on(), OK)  # goes on with the newest
        self.assertEqual(len(configs()), 2)
        self.ok("replay", "--check", "--dir", self.log)


class InterruptTest(program.LogCase):
    def interrupted(self, number, bars):
        """A run that was ended by a signal once it had so many bars."""
        log = self.folder / f"stopped-{int(number)}-{bars}"
        config = self.write_config(**program.SMALL)
        process = self.start("run", "--dir", log, "--config", config, "--speed", "3000", "--json")
        program.wait_until(lambda: (log / "MANIFEST").exists() and count_bars(log) >= bars,
                           f"{bars} bars", process)
        process.send_signal(number)
        return log, self.assert_exit(program.finish(process), OK)

    def test_a_run_that_was_stopped_leaves_a_sound_log_and_continues_to_the_same_digest(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            for bars in (0, 40, 400):
                with self.subTest(signal=number, bars=bars):
                    log, answer = self.interrupted(number, bars)
                    self.assertTrue(answer.json["interrupted"], str(answer))
                    self.assertLess(answer.json["candles"], 1000)
                    self.assert_says(answer, "stopped", f"run --dir {log}")
                    found = self.ok("verify", "--json", "--dir", log).json
                    self.assertEqual((found["ok"], found["recoveries"], found["torn_end"]),
                                     (True, 0, False))
                    self.ok("replay", "--check", "--dir", log)
                    resumed = self.ok("run", "--dir", log, "--json").json
                    self.assertEqual(resumed["digest"], self.digest())
                    self.assertFalse(resumed["interrupted"])

    def test_a_second_signal_ends_at_once_and_still_harms_nothing(self):
        log = self.folder / "twice"
        process = self.start("run", "--dir", log, "--config",
                             self.write_config(**program.SMALL), "--speed", "3000")
        program.wait_until(lambda: (log / "MANIFEST").exists() and count_bars(log) > 0, "a bar",
                           process)
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGINT)
        self.assertIn(program.finish(process).code, (OK, -signal.SIGINT))
        self.assertEqual(self.ok("run", "--dir", log, "--json").json["digest"], self.digest())


class BesideTest(program.Case):
    """Other processes while a run holds the log."""

    def setUp(self):
        super().setUp()
        self.log = self.folder / "log"
        self.process = self.start(
            "run", "--dir", self.log, "--config",
            self.write_config(**{**program.SMALL, "synthetic__bars": 20000}), "--speed", "1800")
        program.wait_until(lambda: (self.log / "MANIFEST").exists() and count_bars(self.log) > 40,
                           "bars", self.process)

    def test_a_second_run_is_refused_with_the_process_id_of_the_first(self):
        pid = str(self.process.pid)
        for words in (["run"], ["run", "--feed", "synthetic:1"]):
            with self.subTest(words=words):
                answer = self.refused(*words, "--dir", self.log)
                self.assertRegex(answer.err, rf"\b{pid}\b")
                self.assert_says(answer, str(self.log))
        self.assertIsNone(self.process.poll())

    def test_who_only_emits_does_not_pass_for_the_one_who_runs(self):
        emit = self.start("emit", "--dir", self.log, stdin=subprocess.PIPE)
        line = '{"symbol":"SIM01USD","side":"long","source":"a","confidence":0.5}\n'
        emit.stdin.write(line.encode())
        emit.stdin.flush()
        self.assertNotEqual(emit.stdout.readline(), b"")  # it has the log open
        self.assertIn(f"yes, process {self.process.pid}", self.ok("status", "--dir", self.log).out)
        self.process.kill()
        self.process.wait()
        self.assertIn("running    no", program.call("status", "--dir", self.log).out)
        self.assert_exit(program.finish(emit), OK)

    def test_readers_work_beside_a_run_and_do_not_disturb_it(self):
        status = self.ok("status", "--dir", self.log)
        self.assertIn(f"yes, process {self.process.pid}", status.out)
        status = self.ok("status", "--json", "--dir", self.log)
        self.assertEqual(status.json["writer_process"], self.process.pid)
        for words in (["verify"], ["tail"], ["show", "1"], ["weights"], ["replay", "--check"]):
            with self.subTest(words=words):
                self.ok(*words, "--dir", self.log)
        program.wait_until(
            lambda: program.call("query", "--dir", self.log).code == OK, "a signal", self.process)
        signal_id = self.ok("query", "--json", "--dir", self.log).json["id"]
        self.ok("why", signal_id, "--dir", self.log)
        self.process.send_signal(signal.SIGINT)
        self.assert_exit(program.finish(self.process), OK)
        self.ok("replay", "--check", "--dir", self.log)

    def test_after_a_kill_nobody_holds_the_log(self):
        self.process.kill()
        self.process.wait()
        self.assertIn("running    no", program.call("status", "--dir", self.log).out)
        self.ok("emit", "--dir", self.log, "--symbol", "SIM01USD", "--side", "long", "--source", "a",
                "--confidence", "0.5")


class MakeTest(program.Case):
    """Which directory `make run` takes: tools/run.sh with a program that prints its words."""

    SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "tools" / "run.sh"

    def setUp(self):
        super().setUp()
        self.runs = self.folder / "run"
        self.write("build/millrace", "#!/bin/sh\necho \"$@\"\n").chmod(0o755)

    def choose(self, **variables):
        answer = subprocess.run([self.SCRIPT], capture_output=True, text=True, env=program.environment(
            BUILD=str(self.folder / "build"), RUNS=str(self.runs), **variables))
        return answer.returncode, answer.stdout.strip(), answer.stderr

    def assert_dir(self, name, **variables):
        self.assertEqual(self.choose(**variables)[:2], (OK, f"run --dir {self.runs / name}"))

    def test_only_folders_of_four_digits_are_runs(self):
        self.assert_dir("0001")
        for name in ("0001", "0002", "0002.bak", "0009-old", "12345", "003", "x0004"):
            (self.runs / name).mkdir()
        self.write("run/0007", "a file")
        self.assert_dir("0003")
        self.assert_dir("0002", RESUME="1")

    def test_without_a_run_there_is_nothing_to_resume(self):
        (self.runs / "0001.bak").mkdir(parents=True)
        code, out, err = self.choose(RESUME="1")
        self.assertEqual((code, out), (USAGE, ""))
        self.assertIn("no run", err)

    def test_resume_is_one_or_empty(self):
        (self.runs / "0001").mkdir(parents=True)
        self.assert_dir("0002", RESUME="")
        for value in ("0", "yes", "11", "run/0001"):
            code, out, err = self.choose(RESUME=value)
            self.assertEqual((code, out), (USAGE, ""), value)
            self.assertIn(f'"{value}"', err)


if __name__ == "__main__":
    program.main()
