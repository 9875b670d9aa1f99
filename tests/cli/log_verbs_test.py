#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Looking after a log: the verbs of `millrace log`."""
import program
from program import USAGE


class WordsTest(program.LogCase):
    def verbs(self):
        listed = self.ok("log", "--help").out.split("verbs:\n")[1].split("\n\n")[0]
        return [line.split()[0] for line in listed.splitlines()]

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


if __name__ == "__main__":
    program.main()
