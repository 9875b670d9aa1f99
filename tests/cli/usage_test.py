#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How the program is called: commands, options, directories, output that cannot be written."""
import fcntl
import json
import os
import pathlib
import signal
import struct
import subprocess
import termios
import unittest

import program
from program import FAULT, OK, USAGE

VERBS = ("run emit serve tail show why query sql status weights verify replay config version").split()
# How to call each verb that reads a log, so that it has something to say.
READERS = {
    "tail": [], "show": ["1"], "why": ["1"], "query": [], "sql": ["SELECT count(*) FROM signals"], "status": [], "weights": [],
    "verify": [], "replay": ["--check"],
}
WITH_DIR = [*READERS, "run", "emit", "serve"]


def words(verb):
    return [verb, *READERS.get(verb, [])]


class HelpTest(program.Case):
    def test_without_a_command_the_commands_are_listed_on_stderr(self):
        answer = self.assert_exit(program.call(), USAGE)
        self.assertEqual(answer.out, "")
        for verb in VERBS:
            self.assertRegex(answer.err, rf"(?m)^  {verb} ", verb)

    def test_help_lists_every_command_and_the_exit_codes(self):
        for way in (["help"], ["--help"], ["-h"], ["help", "--help"]):
            with self.subTest(way=way):
                answer = self.ok(*way)
                self.assertEqual(answer.err, "")
                for verb in VERBS:
                    self.assertRegex(answer.out, rf"(?m)^  {verb} ")
                self.assertIn("0 ok, 1 no or unhealthy, 2 usage or configuration, 3 fault",
                              answer.out)

    def test_every_command_explains_itself_in_each_of_the_three_ways(self):
        for verb in VERBS:
            with self.subTest(verb=verb):
                answers = [self.ok(*way).out
                           for way in ([verb, "--help"], [verb, "-h"], ["help", verb])]
                self.assertEqual(answers, [answers[0]] * 3)
                self.assertRegex(answers[0], rf"\Amillrace {verb}: ")
                self.assertIn(f"usage: millrace {verb}", answers[0])
                self.assertIn("--help", answers[0])

    def test_help_wins_over_what_else_is_wrong_with_the_options(self):
        self.ok("show", "--help")  # its argument is missing
        self.ok("run", "--feed", "nonsense", "--help")

    def test_version_is_told_in_text_and_json(self):
        answer = self.ok("version")
        self.assertRegex(answer.out, r"\Amillrace \d+\.\d+\.\d+ \(engine \d+, .*\)\n\Z")
        self.assertEqual(self.ok("--version").out, answer.out)
        self.assertLess({"version", "engine", "segment_format", "event_format"},
                        set(self.ok("version", "--json").json))


class WordsTest(program.Case):
    def test_an_unknown_command_is_refused_with_the_nearest_one(self):
        for typed, meant in (("stauts", "status"), ("verfy", "verify"), ("repla", "replay")):
            with self.subTest(typed=typed):
                self.assert_says(self.refused(typed), f'"{typed}"', f"did you mean {meant}?")

    def test_an_unknown_command_like_no_other_points_to_help(self):
        self.assert_says(self.refused("xyzzyplugh"), "xyzzyplugh", "millrace help")
        self.assert_says(self.refused("help", "xyzzyplugh"), "xyzzyplugh")

    def test_an_unknown_option_is_refused_with_the_nearest_one(self):
        for words_, meant in ((["run", "--fed", "csv:x"], "--feed"), (["tail", "--folow"], "--follow"),
                              (["emit", "--confidense", "1"], "--confidence"),
                              (["query", "--stat", "x"], "--state")):
            with self.subTest(words=words_):
                answer = self.refused(*words_)
                self.assert_says(answer, words_[1], f"did you mean {meant}?", words_[0])

    def test_an_option_like_no_other_is_refused(self):
        for verb in VERBS:
            with self.subTest(verb=verb):
                self.assert_says(self.refused(verb, "--xyzzyplugh"), "unknown option --xyzzyplugh")

    def test_a_single_dash_is_told_from_two(self):
        self.assert_says(self.refused("status", "-dir", "x"), "-dir", "two dashes")

    def test_an_option_at_the_end_without_its_value_is_refused(self):
        for words_ in (["run", "--dir"], ["run", "--feed"], ["tail", "--count"], ["emit", "--side"]):
            with self.subTest(words=words_):
                self.assert_says(self.refused(*words_), words_[1], "needs a value")

    def test_an_option_is_not_taken_for_the_value_of_another(self):
        answer = self.assert_exit(program.call("run", "--dir", "--json", cwd=self.folder), USAGE)
        self.assert_says(answer, "--dir", "needs a value", "found --json")
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_a_value_that_begins_with_dashes_can_be_joined(self):
        answer = self.assert_exit(program.call("status", "--dir=--json", cwd=self.folder), FAULT)
        self.assert_says(answer, "--json: no such file or folder")

    def test_a_switch_with_a_value_and_an_option_given_twice_are_refused(self):
        self.assert_says(self.refused("status", "--json=yes"), "--json", "no value")
        self.assert_says(self.refused("status", "--dir", "a", "--dir", "b"), "--dir", "twice")
        self.assert_says(
            self.assert_exit(program.call("status", "--json", "--json"), USAGE), "--json", "twice")

    def test_a_missing_or_surplus_argument_is_refused_with_the_usage(self):
        for words_ in (["show"], ["why"], ["status", "extra"], ["why", "1", "2"], ["run", "dir"],
                       ["verify", "dir"], ["config", "--check", "a", "b"]):
            with self.subTest(words=words_):
                answer = self.refused(*words_)
                self.assert_says(answer, f"usage: millrace {words_[0]}")
                if len(words_) > 1:
                    self.assert_says(answer, f'unexpected argument "{words_[-1]}"')

    def test_replay_and_config_say_which_switch_they_want(self):
        self.assert_says(self.refused("replay", "--dir", "x"), "--check")
        self.assert_says(self.refused("config"), "--print", "--check")
        self.assert_says(self.refused("config", "--print", "--check"), "--print", "--check")

    def test_words_of_the_user_are_shown_escaped(self):
        for words_ in (["\x1b[31mred"], ["status", "--\x1b[31mred"], ["status", "--dir", "\x1b[31mred"],
                       ["run", "--dir", "x", "--feed", "\x1b[31mred"],
                       ["run", "--dir", "x", "--feed", "csv:\x1b[31mred"],
                       ["run", "--dir", "x", "--config", "\x1b[31mred"],
                       ["run", "--dir", "x", "--speed", "\x1b[31mred"],
                       ["config", "--check", "\x1b[31mred"]):
            with self.subTest(words=words_):
                answer = program.call(*words_, cwd=self.folder)
                self.assertIn(answer.code, (USAGE, FAULT), str(answer))
                self.assertNotIn(b"\x1b", answer.stdout + answer.stderr, str(answer))
                self.assertIn("red", answer.err, str(answer))


    def test_words_of_the_user_are_escaped_once(self):
        answer = program.call("status", "--dir", "x\x1b[31m\\y", cwd=self.folder)
        self.assert_says(answer, r" x\x1b[31m\x5cy: ")
        self.assert_says(self.refused("x\x1b[31m"), r'"x\x1b[31m"')


class SignalTest(program.LogCase):
    def test_a_verb_that_does_not_work_in_steps_ends_at_the_first_signal(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(signal=number):
                process = self.start("tail", "--count", "1000000", "--dir", self.log)
                program.wait_until(lambda: waiting_bytes(process.stdout) >= 65536,
                                   "a pipe that is full", process)
                process.send_signal(number)
                process.wait(timeout=60)  # nobody reads: it waits for somebody
                self.assertEqual(process.returncode, -number)


def waiting_bytes(stream):
    """How much is in a pipe."""
    return struct.unpack("i", fcntl.ioctl(stream, termios.FIONREAD, b"\0" * 4))[0]


class JsonFailureTest(program.LogCase):
    """With --json stdout says the outcome, also when there is no answer."""

    VERBS = [*map(words, READERS), ["run"], ["log", "stat"], ["log", "flush"], ["log", "archive"],
             ["log", "retain", "--keep-bytes", "1"], ["log", "repair"]]

    def assert_says_as_json(self, answer, code):
        self.assert_exit(answer, code)
        self.assertEqual(len(answer.lines), 1, str(answer))
        error = answer.json["error"]
        self.assertEqual(error["exit"], code, str(answer))
        self.assertIn(f": {error['text']}\n", answer.err)
        return answer

    def test_every_verb_says_why_a_log_is_refused(self):
        no_log = self.folder / "file"
        no_log.write_bytes(b"no log")
        for verb in self.VERBS:
            with self.subTest(verb=verb):
                answer = program.call(*verb, "--json", "--dir", no_log)
                self.assertIn(answer.code, (USAGE, FAULT))
                self.assert_says_as_json(answer, answer.code)
                self.assertNotIn("error", program.call(*verb, "--dir", no_log).out)

    def test_every_verb_says_which_option_is_wrong(self):
        for verb in self.VERBS:
            for wrong in (["--bogus"], ["--dir"], ["--dir="], ["--json=yes"]):
                with self.subTest(verb=verb, wrong=wrong):
                    self.assert_says_as_json(program.call(*verb, "--json", *wrong), USAGE)

    def test_what_a_damaged_log_cannot_say_is_said_as_json(self):
        program.flip(program.segments(self.log)[0], 40_000)
        for verb in (["verify"], ["log", "flush"], ["log", "retain", "--keep-bytes", "1"]):
            with self.subTest(verb=verb):
                answer = program.call(*verb, "--json", "--dir", self.log)
                self.assert_says_as_json(answer, answer.code or FAULT)
        stat = self.assert_exit(program.call("log", "stat", "--json", "--dir", self.log), FAULT)
        self.assertEqual((len(stat.lines), stat.json["damaged"]), (1, True))
        tail = self.assert_exit(program.call("query", "--json", "--dir", self.log), FAULT)
        self.assertIn("damage", tail.json["error"]["text"])  # the line behind those of the answer

    def test_a_verdict_that_is_no_is_said_as_json(self):
        seq, link = self.ok("log", "seal", "--dir", self.log).out.split()
        heads = self.write("heads", f"{seq} {'0' * 64}\n")
        verify = ["verify", "--json", "--heads", heads]
        self.assert_says_as_json(program.call(*verify, "--dir", self.log), program.NO)
        self.assert_says_as_json(program.call("show", "99999999", "--json", "--dir", self.log),
                                 program.NO)
        self.assert_says_as_json(
            program.call("query", "--after", "9999999", "--json", "--dir", self.log), program.NO)
        proof = self.write("proof.json", self.ok("log", "prove", "7", "--dir", self.log).out)
        self.assert_says_as_json(program.call(*verify, "--proof", proof), program.NO)
        answer = self.ok("verify", "--json", "--proof", proof).json
        self.assertEqual((answer["ok"], answer["seq"], answer["head_given"]), (True, 7, False))
        self.write("heads", f"{answer['head_seq']} {answer['head_link']}\n")
        self.assertTrue(self.ok(*verify, "--proof", proof).json["head_given"])
        self.assertEqual(self.ok(*verify, "--dir", self.log).json["level"], 3)


class DirectoryTest(program.Case):
    def test_a_command_that_needs_a_directory_says_how_to_name_one(self):
        for verb in WITH_DIR:
            for extra, env in ([], {}), ([], {"MILLRACE_DIR": ""}), (["--dir="], {}):
                with self.subTest(verb=verb, extra=extra, env=env):
                    answer = self.refused(*words(verb), *extra, env=env, cwd=self.folder)
                    self.assert_says(answer, "--dir", "MILLRACE_DIR")
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_the_variable_names_the_directory_and_the_option_wins(self):
        log = program.small_log(self.folder)
        self.ok("status", env={"MILLRACE_DIR": str(log)})
        self.ok("status", "--dir", log, env={"MILLRACE_DIR": str(self.folder / "none")})

    def test_a_directory_that_does_not_exist_is_named_and_not_made(self):
        for verb in [*READERS, "emit", "serve"]:
            with self.subTest(verb=verb):
                path = self.folder / "none"
                answer = program.call(*words(verb), "--dir", path, stdin="")
                self.assert_exit(answer, FAULT)
                self.assert_says(answer, str(path), "no such file or folder")
                self.assertFalse(path.exists())

    def test_a_directory_without_a_log_is_named_and_left_alone(self):
        path = self.folder / "empty"
        path.mkdir()
        for verb in [*READERS, "emit", "serve"]:
            with self.subTest(verb=verb):
                answer = self.refused(*words(verb), "--dir", path, stdin="")
                self.assert_says(answer, str(path))
                self.assertRegex(answer.err, "no log|not a log|no such|holds no", str(answer))
                self.assertEqual(list(path.iterdir()), [])

    def test_run_begins_a_log_in_an_empty_directory(self):
        path = self.folder / "empty"
        path.mkdir()
        self.ok("run", "--dir", path, "--config", self.write_config(**program.SMALL))
        self.ok("verify", "--dir", path)

    def test_run_begins_no_log_among_other_files(self):
        path = self.folder / "photos"
        path.mkdir()
        (path / "a.jpg").write_bytes(b"photo")
        self.assert_says(self.refused("run", "--dir", path), str(path), "a.jpg", "neither a log")
        self.assertEqual([file.name for file in path.iterdir()], ["a.jpg"])

    def test_run_begins_a_log_where_a_crash_came_before_there_was_one(self):
        self.write("new/lock", "     12345\n")
        self.write("new/MANIFEST.tmp", "millrace-log: 1\n")
        config = self.write_config(**program.SMALL)
        self.ok("run", "--dir", self.folder / "new", "--config", config)
        self.ok("verify", "--dir", self.folder / "new")

    def test_run_makes_the_directory_but_not_its_parents(self):
        path = self.folder / "a" / "b"
        answer = program.call("run", "--dir", path)
        self.assertIn(answer.code, (USAGE, FAULT), str(answer))
        self.assert_says(answer, str(path))
        self.assertFalse((self.folder / "a").exists())

    def test_a_directory_of_other_files_is_not_taken_for_a_log(self):
        path = self.folder / "photos"
        path.mkdir()
        (path / "a.jpg").write_bytes(b"photo")
        for verb in [*READERS, "emit", "serve"]:
            with self.subTest(verb=verb):
                self.assert_says(self.refused(*words(verb), "--dir", path, stdin=""), str(path))
        self.assertEqual([file.name for file in path.iterdir()], ["a.jpg"])

    def test_a_file_instead_of_a_directory_is_a_fault_that_names_it(self):
        path = self.write("file", "not a log\n")
        for verb in WITH_DIR:
            with self.subTest(verb=verb):
                answer = program.call(*words(verb), "--dir", path, stdin="")
                self.assertIn(answer.code, (USAGE, FAULT), str(answer))
                self.assertEqual(answer.out, "")
                self.assert_says(answer, str(path))
                self.assertEqual(path.read_text(), "not a log\n")

    @unittest.skipUnless(program.is_root(), "needs root, to become somebody without rights")
    def test_a_directory_that_may_not_be_read_is_a_fault_that_names_it(self):
        log = program.small_log(self.folder)
        self.folder.chmod(0o755)  # the log itself is its owner's alone
        binary = self.folder / "millrace"
        binary.write_bytes(pathlib.Path(program.binary()).read_bytes())
        binary.chmod(0o755)
        for verb in WITH_DIR:
            with self.subTest(verb=verb):
                run = subprocess.run(
                    [binary, *words(verb), "--dir", log], stdin=subprocess.DEVNULL, cwd="/",
                    capture_output=True, preexec_fn=program.become_nobody)
                answer = program.Answer(words(verb), run.returncode, run.stdout, run.stderr)
                self.assert_exit(answer, FAULT)
                self.assertEqual(answer.out, "")
                self.assert_says(answer, str(log), "permission denied")

    @unittest.skipUnless(program.is_root(), "needs root, to become somebody without rights")
    def test_a_directory_that_may_not_be_written_is_a_fault_that_names_it(self):
        self.folder.chmod(0o755)
        binary = self.folder / "millrace"
        binary.write_bytes(pathlib.Path(program.binary()).read_bytes())
        binary.chmod(0o755)
        run = subprocess.run([binary, "run", "--dir", self.folder / "new"], cwd="/",
                             stdin=subprocess.DEVNULL, capture_output=True,
                             preexec_fn=program.become_nobody)
        answer = program.Answer(["run"], run.returncode, run.stdout, run.stderr)
        self.assert_exit(answer, FAULT)
        self.assert_says(answer, str(self.folder / "new"), "permission denied")


class OutputTest(program.LogCase):
    CALLS = [["help"], ["run", "--help"], ["version"], ["version", "--json"], ["config", "--print"],
             ["config", "--check"]]

    def calls(self):
        for verb in READERS:
            for extra in ([], ["--json"]):
                yield [*words(verb), *extra, "--dir", self.log]
        yield from self.CALLS

    def test_a_full_disk_under_stdout_is_a_fault_and_never_silent(self):
        for words_ in self.calls():
            with self.subTest(words=words_), open("/dev/full", "wb") as full:
                answer = program.call(*words_, stdout=full)
                self.assert_exit(answer, FAULT)
                self.assert_says(answer, "standard output", "No space left on device")

    def test_a_closed_stdout_is_a_fault_and_never_silent(self):
        for words_ in self.calls():
            with self.subTest(words=words_):
                run = subprocess.run(["sh", "-c", '"$@" >&-', "sh", program.binary(),
                                      *map(str, words_)], capture_output=True,
                                     stdin=subprocess.DEVNULL, env=program.environment())
                self.assertEqual((run.returncode, run.stdout), (FAULT, b""), run.stderr)
                self.assertIn(b"standard output", run.stderr)

    def test_a_reader_that_has_seen_enough_is_no_fault(self):
        for words_ in [["tail", "--count", "10000", "--dir", self.log], ["config", "--print"],
                       ["query", "--limit", "100000", "--dir", self.log],
                       ["run", "--help"], ["status", "--dir", self.log]]:
            with self.subTest(words=words_):
                run = subprocess.run(
                    ["bash", "-c", '"$@" | head -n 1; exit ${PIPESTATUS[0]}', "bash",
                     program.binary(), *map(str, words_)], capture_output=True,
                    stdin=subprocess.DEVNULL, env=program.environment())
                self.assertEqual((run.returncode, run.stdout.count(b"\n")), (OK, 1), run.stderr)

    def test_a_run_whose_summary_cannot_be_written_still_leaves_a_whole_log(self):
        config = self.write_config(**program.SMALL)
        for extra in ([], ["--json"]):
            log = self.folder / f"new{len(extra)}"
            with open("/dev/full", "wb") as full:
                answer = program.call("run", "--dir", log, "--config", config, *extra, stdout=full)
            self.assert_exit(answer, FAULT)
            self.assert_says(answer, "standard output", "No space left on device")
            self.assertEqual(self.digest(log), self.digest())

    def test_what_a_run_prints_with_closed_streams_never_gets_into_its_files(self):
        config = self.write_config(**program.SMALL)
        for streams in ("<&- >&-", "<&- >&- 2>&-"):
            with self.subTest(closed=streams):
                log = self.folder / f"new{len(streams)}"
                run = subprocess.run(["sh", "-c", f'"$@" {streams}', "sh", program.binary(), "run",
                                      "--dir", log, "--config", config],
                                     env=program.environment(), stderr=subprocess.PIPE)
                self.assertEqual(run.returncode, FAULT, run.stderr)
                self.assertRegex((log / "lock").read_bytes(), rb"\A *\d+ *\n\Z")
                self.assertEqual(self.digest(log), self.digest())

    def test_every_json_answer_is_json(self):
        for words_ in self.calls():
            if "--json" in words_:
                with self.subTest(words=words_):
                    answer = self.ok(*words_)
                    found = json.loads(answer.out) if words_[0] == "sql" else answer.json_lines
                    self.assertTrue(all(isinstance(one, dict) for one in found))

    def test_reading_changes_nothing(self):
        before = program.content(self.log)
        for words_ in self.calls():
            self.ok(*words_)
        self.assertEqual(program.content(self.log), before)

    def test_a_log_may_be_read_where_nothing_may_be_written(self):
        os.chmod(self.log, 0o500)
        self.ok("status", "--dir", self.log)


if __name__ == "__main__":
    program.main()
