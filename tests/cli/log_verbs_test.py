#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Looking after a log: the verbs of `millrace log`."""
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import unittest

import program
from program import FAULT, NO, USAGE


class WordsTest(program.LogCase):
    def verbs(self):
        listed = self.ok("log", "--help").out.split("verbs:\n")[1].split("\n\n")[0]
        return [line.split()[0] for line in listed.splitlines()]

    def test_a_name_that_no_consumer_can_have_is_refused(self):
        for name in ("No Name", "A", "a/b", "..", "x" * 65, "", "a\n"):
            answer = self.refused("log", "forget", f"--consumer={name}", "--dir", self.log)
            self.assert_says(answer, "--consumer: expected a name of 1 to ", "a-z, 0-9, _ and -")
        self.assert_says(self.assert_exit(program.call("log", "forget", "--consumer", "nobody", "--dir", self.log), NO),
                         'there is no consumer "nobody"')

    def test_the_verbs_are_listed_on_request_and_without_one_on_stderr(self):
        text = self.ok("log", "--help").out
        for way in (["log", "help"], ["log", "-h"], ["help", "log"]):
            self.assertEqual(self.ok(*way).out, text)
        answer = self.assert_exit(program.call("log"), USAGE)
        self.assertEqual((answer.out, answer.err), ("", text))
        self.assertIn("verify", self.verbs())

    def test_every_verb_explains_itself_in_each_of_the_three_ways(self):
        for verb in self.verbs():
            with self.subTest(verb=verb):
                answers = [self.ok(*way).out for way in (["log", verb, "--help"],
                                                         ["log", verb, "-h"], ["help", "log", verb])]
                self.assertEqual(answers, [answers[0]] * 3)
                self.assertIn(f"usage: millrace {'' if verb == 'verify' else 'log '}{verb}",
                              answers[0])

    def test_an_unknown_verb_is_refused_with_the_nearest_one(self):
        self.assert_says(self.refused("log", "verfy"), '"verfy"', "did you mean verify?")
        self.assert_says(self.refused("log", "xyzzyplugh"), "xyzzyplugh", "millrace help log")
        self.assert_says(self.refused("help", "log", "verfy"), "did you mean verify?")

    def test_log_verify_is_verify(self):
        self.assertEqual(self.ok("log", "verify", "--dir", self.log).out,
                         self.ok("verify", "--dir", self.log).out)
        self.assert_says(self.refused("log", "verify", "--jsn"), "--json")


BARS = {**program.SMALL, "synthetic__bars": 2500}


class SegmentsCase(program.Case):
    """A test with a copy of a finished run in three segments or more."""

    @classmethod
    def setUpClass(cls):
        cls.shared = pathlib.Path(tempfile.mkdtemp(prefix="millrace-test-"))
        cls.addClassCleanup(shutil.rmtree, cls.shared, ignore_errors=True)
        cls.made = program.small_log(cls.shared, **BARS)
        assert len(program.segments(cls.made)) >= 3

    def setUp(self):
        super().setUp()
        self.log = self.folder / "log"
        shutil.copytree(self.made, self.log)


class StatTest(SegmentsCase):
    def test_figures_are_those_of_the_log(self):
        figures = self.ok("log", "stat", "--json", "--dir", self.log).json
        verified = self.ok("verify", "--json", "--dir", self.log).json
        self.assertEqual(figures["last_seq"], verified["up_to_seq"])
        self.assertEqual(figures["record_bytes"], verified["bytes"])
        self.assertEqual(figures["segments"], len(program.segments(self.log)))
        self.assertEqual((figures["first_seq"], figures["gaps"], figures["removed_seq"]), (1, 0, 0))
        self.assertFalse(figures["writing"])
        self.assertGreater(figures["snapshots"], 0)
        text = self.ok("log", "stat", "--dir", self.log).out
        for word in (figures["uuid"], "writer     nobody", "features", figures["file_system"]):
            self.assertIn(word, text)

    def test_a_damaged_log_is_counted_up_to_the_damage(self):
        program.flip(program.segments(self.log)[0], 40_000)
        answer = self.assert_exit(program.call("log", "stat", "--json", "--dir", self.log), FAULT)
        self.assertTrue(answer.json["damaged"])
        self.assertLess(answer.json["last_seq"], 1000)
        self.assert_says(answer, "offset")

    def test_no_log_is_no_figures(self):
        for verb in (["stat"], ["flush"], ["repair", "--gap"], ["retain", "--keep-bytes", "1"]):
            self.assert_says(self.refused("log", *verb, "--dir", self.folder), "no log here")

    def test_a_warning_is_given_where_a_disk_needs_care(self):
        shm = pathlib.Path("/dev/shm")
        if not os.access(shm, os.W_OK):
            self.skipTest("no /dev/shm to write to")
        log = shm / f"millrace-test-{os.getpid()}"
        self.addCleanup(shutil.rmtree, log, ignore_errors=True)
        shutil.copytree(self.log, log)
        if self.ok("log", "stat", "--json", "--dir", log).json["file_system"] != "tmpfs":
            self.skipTest("/dev/shm is no tmpfs")
        self.assert_says(self.ok("log", "stat", "--dir", log), "WARNING", "power cut")


class FlushTest(program.LogCase):
    def test_it_says_up_to_where_the_log_is_durable(self):
        last = self.ok("verify", "--json", "--dir", self.log).json["up_to_seq"]
        self.assertEqual(
            self.ok("log", "flush", "--json", "--dir", self.log).json, {"durable_seq": last})

    def test_a_writer_is_named_by_every_verb_that_would_change_the_log(self):
        config = self.write_config("endless.yaml", synthetic__bars=200_000, synthetic__symbols=2)
        log = self.folder / "busy"
        run = self.start("run", "--dir", log, "--config", config)
        program.wait_until(lambda: program.call("log", "stat", "--dir", log).code == 0,
                           "the log is made", run)
        self.assert_says(
            self.refused("log", "repair", "--gap", "--dir", log), f"process {run.pid}")
        self.ok("log", "flush", "--dir", log)
        self.assertIn(f"process {run.pid}", self.ok("log", "stat", "--dir", log).out)


class RepairTest(SegmentsCase):
    def damage(self, index=0, offset=60_000):
        program.flip(program.segments(self.log)[index], offset)

    def test_a_way_must_be_chosen(self):
        self.assert_says(self.refused("log", "repair", "--dir", self.log), "--restore", "--gap")
        self.refused("log", "repair", "--gap", "--restore", "x", "--dir", self.log)

    def test_a_sound_log_needs_none(self):
        before = program.content(self.log)
        self.assert_says(self.ok("log", "repair", "--gap", "--yes", "--dir", self.log),
                         "nothing is damaged")
        self.assertEqual(program.content(self.log), before)

    def test_looking_changes_nothing(self):
        self.damage()
        before = program.content(self.log)
        answer = self.assert_exit(
            program.call("log", "repair", "--gap", "--dir", self.log), NO)
        self.assert_says(answer, "1 damaged ranges", "would be replaced", "--yes")
        self.assertEqual(program.content(self.log), before)

    def test_a_copy_brings_back_the_very_log(self):
        sound = program.content(self.log)
        copy = self.folder / "copy"
        shutil.copytree(self.log, copy)
        self.damage()
        self.assert_exit(program.call("verify", "--dir", self.log), FAULT)
        answer = self.ok("log", "repair", "--restore", copy, "--yes", "--json", "--dir", self.log)
        self.assertEqual((answer.json["repaired"], len(answer.json["damages"])), (1, 1))
        after = program.content(self.log)
        kept = [name for name in after if ".damaged-" in name]
        self.assertEqual(len(kept), 1)
        del after[kept[0]]
        self.assertEqual(after, sound)
        self.ok("replay", "--check", "--dir", self.log)
        self.assertEqual(self.ok("log", "stat", "--json", "--dir", self.log).json["damaged_copies"], 1)

    def test_a_gap_without_a_snapshot_behind_is_warned_of_before_and_after(self):
        self.damage()
        look = self.assert_exit(program.call("log", "repair", "--gap", "--json", "--dir", self.log), NO)
        self.assertFalse(look.json["loses_state"])
        self.assertGreater(look.json["snapshot_behind"], look.json["damages"][0]["last_seq"])
        self.assert_says(program.call("log", "repair", "--gap", "--dir", self.log),
                         "goes on from a snapshot behind them")
        shutil.rmtree(self.log / "snap")
        look = self.assert_exit(program.call("log", "repair", "--gap", "--json", "--dir", self.log), NO)
        self.assertTrue(look.json["loses_state"])
        self.assertIsNone(look.json["snapshot_behind"])
        self.assert_says(program.call("log", "repair", "--gap", "--dir", self.log), "WARNING",
                         "no snapshot lies behind them", "--restore COPY")
        copy = program.call("log", "repair", "--restore", self.made, "--json", "--dir", self.log)
        self.assertFalse(copy.json["loses_state"])
        self.assert_says(self.ok("log", "repair", "--gap", "--yes", "--dir", self.log),
                         "no snapshot lies behind them", "put the whole log back")
        found = program.call("doctor", "--json", "--dir", self.log).json["checks"]
        state = [one for one in found if one["check"] == "state"][0]
        self.assertIn("given them up", state["what"])
        self.assertIn("put the whole log back", state["to_do"])
        self.assertNotIn("log repair", state["to_do"])

    def test_a_gap_lets_the_rest_be_verified_and_says_what_is_lost(self):
        self.damage()
        answer = self.ok("log", "repair", "--gap", "--yes", "--json", "--dir", self.log).json
        lost = answer["damages"][0]["last_seq"] - answer["damages"][0]["first_seq"] + 1
        verified = self.ok("verify", "--json", "--dir", self.log).json
        self.assertEqual((verified["gaps"], verified["lost_events"]), (1, lost))
        self.assertIsNone(verified["digest"])
        self.assert_says(self.ok("verify", "--dir", self.log), f"{lost} events in 1 gaps")
        self.ok("status", "--json", "--dir", self.log)  # from a snapshot behind the gap
        shutil.rmtree(self.log / "snap")
        self.assert_says(self.assert_exit(program.call("status", "--dir", self.log), FAULT),
                         "are lost", "given them up")
        emitted = program.call("emit", "--dir", self.log, "--symbol", "SIM01USD", "--side", "long",
                               "--source", "x", "--confidence", "0.5")
        self.assert_says(self.assert_exit(emitted, FAULT), "given them up", "no snapshot")
        self.assert_says(
            self.assert_exit(program.call("replay", "--check", "--dir", self.log), FAULT),
            "are lost")

    def test_a_copy_of_another_log_is_refused(self):
        other = program.small_log(self.folder, "other", synthetic__bars=300)
        self.damage()
        self.assert_says(
            self.refused("log", "repair", "--restore", other, "--yes", "--dir", self.log), "uuid")


    def test_a_log_whose_end_is_missing_is_not_identical_to_anything(self):
        self.ok("replay", "--check", "--dir", self.log)
        program.segments(self.log)[-1].unlink()
        for words in (["replay", "--check"], ["replay", "--check", "--json"], ["verify"]):
            answer = self.assert_exit(program.call(*words, "--dir", self.log), FAULT)
            self.assert_says(answer, "the end of the log is missing")
            self.assertNotIn("identical", answer.out)


class RetainTest(SegmentsCase):
    def test_what_other_verbs_call_damaged_repair_finds_and_gives_back(self):
        copy = self.folder / "copy"
        shutil.copytree(self.log, copy)
        names = [path.name for path in program.segments(copy)]
        newest = copy / names[-1]

        def lose_first():
            (self.log / names[0]).unlink()

        def link_second():
            (self.log / names[1]).unlink()
            (self.log / names[1]).symlink_to(copy / names[1])

        def lose_newest():
            (self.log / names[-1]).unlink()

        def cut_newest():
            (self.log / names[-1]).write_bytes(newest.read_bytes()[:5000])

        for damage in (lose_first, link_second, lose_newest, cut_newest):
            with self.subTest(damage=damage.__name__):
                damage()
                for words in (["log", "stat"], ["verify"], ["log", "flush"]):
                    self.assert_exit(program.call(*words, "--dir", self.log), FAULT)
                self.assert_exit(program.call("log", "repair", "--gap", "--dir", self.log), NO)
                answer = self.ok("log", "repair", "--restore", copy, "--yes", "--json", "--dir",
                                 self.log)
                self.assertEqual(answer.json["repaired"], len(answer.json["damages"]))
                for name in names:
                    self.assertFalse((self.log / name).is_symlink())
                    self.assertEqual((self.log / name).read_bytes(), (copy / name).read_bytes())
                self.assert_says(self.ok("log", "repair", "--gap", "--dir", self.log),
                                 "nothing is damaged")
                self.ok("verify", "--dir", self.log)
                self.ok("log", "stat", "--dir", self.log)

    def test_a_limit_must_be_given(self):
        self.assert_says(self.refused("log", "retain", "--dir", self.log), "--keep-bytes")
        self.assert_says(self.refused("log", "retain", "--before", "soon", "--dir", self.log), "soon")

    def test_a_dry_run_changes_nothing(self):
        before = program.content(self.log)
        answer = self.ok("log", "retain", "--keep-bytes", "1", "--dry-run", "--json", "--dir", self.log)
        self.assertGreater(answer.json["segments"], 0)
        self.assertFalse(answer.json["done"])
        self.assertEqual(program.content(self.log), before)

    @unittest.skipUnless(program.is_root(), "only root becomes another user")
    def test_snapshots_that_may_not_be_read_are_no_missing_ones(self):
        shutil.copy(program.binary(), self.folder / "program")
        for path in (self.folder, self.folder / "program", self.log, *self.log.rglob("*")):
            path.chmod(0o755 if path.is_dir() or path.name == "program" else 0o644)

        def refused():
            answer = subprocess.run(
                [self.folder / "program", "log", "retain", "--keep-bytes", "1", "--dir", self.log],
                env=program.environment(), preexec_fn=program.become_nobody, capture_output=True,
                text=True, check=False, cwd="/", timeout=120)
            self.assertEqual(answer.returncode, FAULT, answer)
            self.assertIn("snap: permission denied", answer.stderr)

        for path in (self.log / "snap").iterdir():
            path.chmod(0o600)
        refused()
        (self.log / "snap").chmod(0o700)
        refused()

    def test_without_a_snapshot_nothing_goes(self):
        shutil.rmtree(self.log / "snap")
        self.assert_says(
            self.refused("log", "retain", "--keep-bytes", "1", "--dir", self.log), "snapshot")

    def test_what_is_kept_still_answers_and_what_needs_more_says_so(self):
        def status():
            told = self.ok("status", "--json", "--dir", self.log).json
            del told["disk_free_bytes"]  # of a disk that others write to
            return told

        before = status()
        newest = program.call("query", "--json", "--limit", "1", "--dir", self.log).json_lines[0]
        answer = self.ok("log", "retain", "--keep-bytes", "1", "--json", "--dir", self.log).json
        first = answer["first_seq"]
        self.assertGreater(first, 1)
        self.assertEqual(len(program.segments(self.log)) + answer["segments"],
                         len(program.segments(self.made)))
        self.assertEqual(status(), before)
        verified = self.ok("verify", "--json", "--dir", self.log).json
        self.assertEqual((verified["from_seq"], verified["digest"]), (first, None))
        self.assert_says(self.ok("verify", "--dir", self.log), f"from event {first}")
        self.assert_says(
            self.refused("replay", "--check", "--dir", self.log), f"kept from event {first}")
        self.assert_says(self.assert_exit(program.call("show", "1", "--dir", self.log), NO),
                         "was removed", f"from event {first}")
        self.assert_says(self.assert_exit(program.call("why", "1", "--dir", self.log), NO),
                         f"from event {first}")
        self.ok("show", str(first), "--dir", self.log)
        self.assertEqual(self.ok("log", "stat", "--json", "--dir", self.log).json["removed_seq"],
                         first - 1)
        self.assertTrue(newest)

    def test_a_log_without_its_beginning_is_run_on(self):
        config = self.write_config("more.yaml", **BARS)
        self.ok("log", "retain", "--keep-bytes", "1", "--dir", self.log)
        before = self.ok("log", "stat", "--json", "--dir", self.log).json["last_seq"]
        self.ok("run", "--dir", self.log, "--config", config)
        after = self.ok("log", "stat", "--json", "--dir", self.log).json
        self.assertGreaterEqual(after["last_seq"], before)
        self.ok("verify", "--dir", self.log)

    def test_a_log_whose_configuration_was_removed_goes_on_with_it(self):
        own = self.write_config("own.yaml", log__segment=4, log__snapshot_events=20000,
                                gates__ev_z=0, venue__fee=1, synthetic__symbols=2,
                                synthetic__bars=4000, limits__signals_max=17000000,
                                limits__symbols_max=20, limits__sources_max=48,
                                limits__names_max=512)
        log = self.folder / "own"
        run = self.start("run", "--dir", log, "--config", own, "--feed", "synthetic:5", "--json")
        program.wait_until(lambda: len(program.segments(log)) > 2, "three segments", run)
        run.send_signal(signal.SIGINT)
        self.assert_exit(program.finish(run), program.OK)
        self.ok("log", "retain", "--keep-events", "1000", "--dir", log)
        self.assertEqual(self.configurations(log), 0)
        self.ok("run", "--dir", log, "--json")  # the same market as well: synthetic.bars is kept
        self.assertEqual(self.configurations(log), 0)  # a new one would have been logged
        more = self.write("more.yaml", own.read_text().replace("signals_max: 17000000",
                                                               "signals_max: 18000000"))
        self.ok("run", "--dir", log, "--config", more)
        self.ok("log", "retain", "--keep-events", "1000", "--dir", log)
        shutil.rmtree(log / "snap")
        before = self.ok("verify", "--json", "--dir", log).json["up_to_seq"]
        self.assert_says(self.refused("run", "--dir", log), "beginning was removed", "snapshot")
        self.assertEqual(self.ok("verify", "--json", "--dir", log).json["up_to_seq"], before)

    def configurations(self, log):
        """How many configurations are among the events that are kept."""
        answer = program.call("tail", "--count", "1000000000", "--json", "--dir", log)
        return sum(event["event"] == "config" for event in answer.json_lines)

    def test_the_last_snapshots_loss_is_told(self):
        self.ok("log", "retain", "--keep-bytes", "1", "--dir", self.log)
        shutil.rmtree(self.log / "snap")
        self.assert_says(self.refused("status", "--dir", self.log), "kept from event", "snapshot")


if __name__ == "__main__":
    program.main()
