#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Configuration files: what is wrong is told completely, by file:line:column, and nothing is begun."""
import program
from program import FAULT


class ConfigTest(program.Case):
    def setUp(self):
        super().setUp()
        self.text = program.configuration()

    def line_of(self, text, part):
        return next(i for i, line in enumerate(text.splitlines(), 1) if part in line)

    def problems(self, text, count=None):
        """Every problem of a text; `run` refuses it too and makes no directory."""
        path = self.write("bad.yaml", text)
        log = self.folder / "log"
        answers = [self.refused("config", "--check", path), self.refused("config", "--print", path),
                   self.refused("run", "--dir", log, "--config", path)]
        self.assertFalse(log.exists())
        for answer in answers[1:]:
            self.assertEqual(answer.err.splitlines()[:-1], answers[0].err.splitlines()[:-1])
        *told, last = [line for line in answers[0].err.splitlines() if not line.startswith("  ")]
        for line in told:
            self.assertRegex(line, rf"\A{path}:\d+:\d+: ", answers[0].err)
        self.assertRegex(last, rf"\b{len(told)} problems?\b; nothing was changed")
        if count is not None:
            self.assertEqual(len(told), count, answers[0].err)
        return [line.removeprefix(f"{path}:") for line in told]

    def replaced(self, old, new):
        self.assertEqual(self.text.count(old), 1, old)
        return self.text.replace(old, new)

    def refused(self, *words, **options):
        answer = self.assert_exit(program.call(*words, **options), program.USAGE)
        self.assertEqual(answer.out, "")
        return answer

    def test_what_is_printed_is_valid_and_prints_itself(self):
        path = self.write("a.yaml", self.text)
        self.assert_says(self.ok("config", "--check", path), str(path), "complete and valid")
        self.assertEqual(self.ok("config", "--print", path).out, self.text)
        self.assert_says(self.ok("config", "--check"), "complete and valid")

    def test_values_survive_printing(self):
        text = program.configuration(venue__fee="7.25", synthetic__symbols=3, learn__tau="12.5")
        self.assertEqual(self.ok("config", "--print", self.write("a.yaml", text)).out, text)

    def test_each_kind_of_mistake_is_told_at_its_place_with_what_was_expected(self):
        cases = {
            "unknown key": ("  cooldown: 300", "  cooldown: 300\n  coldown: 1", ["coldown", "did you mean"]),
            "unknown section": ("venue:\n", "vanue:\n", ["vanue", "did you mean"]),
            "missing key": ("  cooldown: 300\n", "", ["cooldown", "missing"]),
            "key twice": ("  cooldown: 300", "  cooldown: 300\n  cooldown: 200", ["cooldown", "a second time"]),
            "text for a number": ("cooldown: 300", "cooldown: often", ["cooldown", "integer", "often"]),
            "trailing junk": ("cooldown: 300", "cooldown: 300s", ["cooldown", "integer", "300s"]),
            "a fraction for an integer": ("cooldown: 300", "cooldown: 1.5", ["cooldown", "integer"]),
            "too large": ("cooldown: 300", "cooldown: 86401", ["cooldown", "0 to 86400", "86401"]),
            "negative": ("cooldown: 300", "cooldown: -1", ["cooldown", "0 to 86400", "-1"]),
            "huge": ("cooldown: 300", "cooldown: " + "9" * 30, ["cooldown", "0 to 86400"]),
            "not a number": ("fee: 5", "fee: .nan", ["fee", "0 to 100"]),
            "infinite": ("fee: 5", "fee: .inf", ["fee", "0 to 100"]),
            "hexadecimal": ("cooldown: 300", "cooldown: 0x10", ["cooldown", "integer"]),
            "empty": ("cooldown: 300", "cooldown:", ["cooldown", "integer"]),
            "a list for a number": ("cooldown: 300", "cooldown: [300]", ["cooldown", "integer"]),
            "a word that is none": ("emit: on_change", "emit: sometimes", ["emit", "on_change", "every_bar"]),
            "a switch that is none": ("enabled: true", "enabled: yes", ["shadow.enabled", "false or true"]),
            "a book without places": ("places_max: 65536", "places_max: 0", ["shadow.places_max", "1 to"]),
            "an alias": ("cooldown: 300", "cooldown: *x", ["alias"]),
        }
        for what, (old, new, parts) in cases.items():
            with self.subTest(what):
                text = self.replaced(old, new)
                told = self.problems(text)
                self.assertTrue(any(all(part in line for part in parts) for line in told), told)

    def test_the_line_and_column_are_those_of_the_mistake(self):
        text = self.replaced("cooldown: 300", "cooldown: often")
        told, = self.problems(text, 1)
        line = self.line_of(text, "cooldown: often")
        self.assertTrue(told.startswith(f"{line}:13: "), told)

    def test_the_line_of_a_mistake_is_shown_with_a_caret_under_it(self):
        def shown(text):
            return self.refused("config", "--check", self.write("bad.yaml", text)).err.splitlines()[1:-1]

        self.assertEqual(shown(self.replaced("  cooldown: 300", "  cooldown: often   # really")),
                         ["    cooldown: often   # really", "              ^"])
        self.assertEqual(shown("\ufeff" + self.text.replace("sources:", "x: [1]\nsources:", 1)), ["  x: [1]", "  ^"])
        self.assertEqual(shown(self.replaced("  cooldown: 300", '  "日本": 1\n  cooldown: 300')),
                         ['    "日本": 1', "    ^"])
        missing = shown(self.replaced("  cooldown: 300\n", ""))
        self.assertEqual(missing, ["  gates:", "  ^"])

    def test_lines_and_columns_are_counted_as_editors_count_them(self):
        # libyaml takes more characters for the end of a line
        odd = "# a\u2028# b\u2029# c\u0085# d 日本\r# e\r\n"
        text = "\ufeff" + odd + self.replaced("cooldown: 300", "cooldown: often")
        told, = self.problems(text, 1)
        line = next(i for i, line in enumerate(text.split("\n"), 1) if "cooldown: often" in line)
        self.assertTrue(told.startswith(f"{line}:13: "), told)
        told, = self.problems(odd + self.text + '"日本\u2028e\u0301": 1\n"ä": [\n')[:1]
        self.assertTrue(told.startswith(f"{len((odd + self.text).split(chr(10)))}:8: "), told)
        for before in ("", "日本: ", "🚀é: "):
            text = odd + "{" + before + "%x: 1}\n"
            told = self.problems(text)[0]
            self.assertTrue(told.startswith(f"2:{2 + len(before)}: "), (text, told))

    def test_all_mistakes_are_told_in_one_run(self):
        text = self.text
        for old, new in (("cooldown: 300", "cooldown: x"), ("fee: 5", "fee: -1"),
                         ("kappa: 0.2", "kapa: 0.2"), ("emit: on_change", "emit: no"),
                         ("symbols: 8", "symbols: 8 8")):
            text = text.replace(old, new)
        told = self.problems(text)
        for part in ("cooldown", "fee", "kapa", "emit", "symbols"):
            self.assertTrue(any(part in line for line in told), (part, told))

    def test_a_second_document_an_empty_file_and_other_yaml_are_refused(self):
        for text in (self.text + "---\nsources:\n", "", "# nothing\n", "just a text\n", "- a\n- b\n",
                     "sources: [\n", "\tsources:\n", "a: &x 1\nb: *x\n",
                     self.text.replace("  cooldown", "\tcooldown")):
            with self.subTest(text=text[-30:]):
                self.problems(text)

    def test_a_file_that_is_not_text_is_refused_and_shown_escaped(self):
        for junk in (bytes(range(256)), b"\x00" * 100, b"\xff\xfe" + "a: 1".encode("utf-16-le"),
                     b"sources:\n  \x1b[31mred: 1\n", b"sources: \xc3\x28\n", b"\x7fELF" * 1000):
            with self.subTest(junk=junk[:10]):
                answer = self.refused("config", "--check", self.write("junk.yaml", junk))
                self.assert_says(answer, "junk.yaml:")
                self.assertNotIn(b"\x1b", answer.stderr)

    def test_mistakes_of_instruments_name_the_key(self):
        first = "    tick: 0.01\n"
        for new, part in (("    tick: -1\n", "tick"), ("", "tick"), ("    tick: x\n", "tick"),
                          ("    tick: 0.01\n    tack: 1\n", "tack")):
            with self.subTest(new=new):
                told = self.problems(self.text.replace(first, new, 1))
                self.assertTrue(any(part in line for line in told), told)
        twice = self.text.replace("symbol: ETHUSDT", "symbol: BTCUSDT")
        self.assertTrue(any("BTCUSDT" in line for line in self.problems(twice)))

    def test_many_mistakes_are_told_up_to_a_limit_and_the_rest_counted(self):
        text = self.text.replace("cooldown: 300", "cooldown: 300\n" + "".join(
            f"  nothing{i}: 1\n" for i in range(500)).rstrip())
        answer = self.refused("config", "--check", self.write("many.yaml", text))
        self.assertRegex(answer.err, r"and \d+ more problems")
        self.assertEqual(len(answer.err.splitlines()), 302)  # a hundred with line and caret

    def test_a_path_that_cannot_be_read_is_a_fault(self):
        for path in (self.folder / "none.yaml", self.folder):
            for words in (["config", "--check", path], ["run", "--dir", self.folder / "log",
                                                        "--config", path]):
                with self.subTest(words=words):
                    answer = self.assert_exit(program.call(*words), FAULT)
                    self.assertEqual(answer.err.count(str(path)), 1, str(answer))
        self.assertFalse((self.folder / "log").exists())

    def test_a_bad_configuration_touches_no_existing_log(self):
        log = program.small_log(self.folder)
        before = program.content(log)
        path = self.write("bad.yaml", self.replaced("cooldown: 300", "cooldown: x"))
        self.refused("run", "--dir", log, "--config", path)
        self.assertEqual(program.content(log), before)


if __name__ == "__main__":
    program.main()
