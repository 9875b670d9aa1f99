#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Candle files: every accepted form, and everything that can be wrong with one."""
import gzip
import os

import program
from program import FAULT, NO, OK, USAGE, BARS_HEADER, KLINES_HEADER, bars, klines, text_of

COUNT = 200


class FeedCase(program.Case):
    def feed(self, path, *words, name="log"):
        return program.call("run", "--dir", self.folder / name, "--feed", f"csv:{path}", *words)

    def summary(self, path, code=OK):
        """The JSON summary of a run on a file, in a directory of its own."""
        name = f"log-{len(list(self.folder.iterdir()))}"
        answer = self.assert_exit(self.feed(path, "--json", name=name), code)
        self.ok("verify", "--dir", self.folder / name)
        return answer.json, answer.err


class GoodFileTest(FeedCase):
    def setUp(self):
        super().setUp()
        self.rows = bars(COUNT)
        self.plain = self.write("BTCUSDT.csv", text_of(self.rows))
        self.digest = self.summary(self.plain)[0]["digest"]

    def assert_same(self, path):
        found, err = self.summary(path)
        self.assertEqual((found["candles"], found["quarantined"]), (COUNT, 0), err)
        self.assertEqual(found["digest"], self.digest)

    def test_the_same_bars_in_any_form_make_the_same_log(self):
        made = klines(self.rows)
        forms = {
            "crlf.csv": text_of(self.rows).replace("\n", "\r\n"),
            "bom.csv": "\ufeff" + text_of(self.rows),
            "bare.csv": text_of(self.rows, None),
            "quoted.csv": "".join(",".join(f'"{field}"' for field in line.split(",")) + "\n"
                                  for line in text_of(self.rows).splitlines()),
            "BTCUSDT-1m-2024-01.csv": text_of(made, KLINES_HEADER),
            "BTCUSDT.bare.csv": text_of(made, None),
            "BTCUSDT.us.csv": text_of(klines(self.rows, 1000), None),
            "BTCUSDT.us-head.csv": text_of(klines(self.rows, 1000), KLINES_HEADER),
        }
        for name, text in forms.items():
            with self.subTest(form=name):
                self.assert_same(self.write(name, text))
            with self.subTest(form=name, packed=True):
                self.assert_same(self.write_gzip(name + ".gz", text))

    def test_a_bar_file_begins_with_digits_and_names_its_symbol_whatever_it_is_called(self):
        self.assert_same(self.write("whatever.txt", text_of(self.rows)))

    def test_a_folder_of_monthly_files_is_read_as_one(self):
        self.write("months/BTCUSDT-2024-01.csv", text_of(klines(self.rows[:70]), None))
        self.write("months/BTCUSDT-2024-02.csv", text_of(klines(self.rows[70:150]), None))
        self.write_gzip("months/BTCUSDT-2024-03.csv.gz", text_of(klines(self.rows[150:]), None))
        self.write("months/README.txt", "not candles")
        self.assert_same(self.folder / "months")

    def test_symbols_are_merged_by_time_however_they_lie_in_files(self):
        other = bars(COUNT, "ETHUSDT", price=2500.0)
        mixed = sorted(self.rows + other)
        digests = {
            self.summary(self.write("two/a.csv", text_of(self.rows)).parent
                         if self.write("two/b.csv", text_of(other)) else None)[0]["digest"],
            self.summary(self.write("mixed.csv", text_of(mixed)))[0]["digest"],
            self.summary(self.write("behind.csv", text_of(self.rows + other)))[0]["digest"],
        }
        self.assertEqual(len(digests), 1)
        self.assertNotIn(self.digest, digests)


class BadRowTest(FeedCase):
    """A bad row is named with file, line and reason, counted, and left out; the rest goes on."""

    def check(self, bad, reason, about, line=51, used=COUNT, name="BTCUSDT.csv"):
        rows = bars(COUNT)
        rows[49:49] = [bad]
        path = self.write(name, text_of(rows))
        found, err = self.summary(path)
        self.assertEqual((found["candles"], found["quarantined"]), (used, 1), err)
        told = [text for text in err.splitlines() if "left out" in text]
        self.assertEqual(len(told), 1, err)
        self.assertTrue(told[0].startswith(f"{name}:{line}: left out ({reason}): {about}"), told[0])
        return told[0]

    def row(self, **changes):
        """A good row for the place of the bad one, with changes."""
        columns = dict(zip(BARS_HEADER.split(","), bars(COUNT)[49].split(",")), **changes)
        return ",".join(columns.values())

    def test_each_kind_of_bad_row_has_its_own_reason(self):
        number = "not a number, or it does not fit the instrument"
        cases = {
            "text for a price": (self.row(open="abc"), "row_number", number),
            "not-a-number": (self.row(open="nan"), "row_number", number),
            "capital NaN": (self.row(close="NaN"), "row_number", number),
            "infinity": (self.row(high="inf"), "row_number", number),
            "not-a-number volume": (self.row(volume="nan"), "row_number", number),
            "empty price": (self.row(low=""), "row_number", number),
            "huge price": (self.row(open="9" * 40), "row_number", number),
            "negative price": (self.row(low="-1"), "row_not_positive", "a price that is zero"),
            "price of zero": (self.row(low="0"), "row_not_positive", "a price that is zero"),
            "negative volume": (self.row(volume="-5"), "row_not_positive", ""),
            "high below low": (self.row(high="1"), "row_inconsistent", "high and low"),
            "column too few": (self.row().rsplit(",", 1)[0], "row_columns", "wrong number"),
            "column too many": (self.row() + ",1", "row_columns", "wrong number"),
            "no columns": ("hello", "row_columns", "wrong number"),
            "unknown symbol": (self.row(symbol="NOPEUSDT"), "row_unknown_symbol", "a symbol that"),
            "between minutes": (self.row(ts_ms="1704070140001"), "row_time", "a time outside"),
            "time in seconds": (self.row(ts_ms="1704070140"), "row_time", "a time outside"),
            "negative time": (self.row(ts_ms="-60000"), "row_time", "a time outside"),
            "going backwards": (bars(COUNT)[3], "row_backwards", "its time lies before"),
            "second bar of a time": (bars(COUNT)[48], "row_duplicate", "a second bar"),
            "overlong": ("1" * 70000, "row_text", "a line that is too long"),
            "a zero byte": (self.row(open="1\0"), "row_number", number),
        }
        for what, (row, reason, about) in cases.items():
            with self.subTest(what):
                self.check(row, reason, about)

    def test_what_a_bad_row_holds_is_shown_escaped_and_short(self):
        told = self.check("\x1b[31m" + "x" * 500, "row_columns", "")
        self.assertNotIn("\x1b", told)
        self.assertLess(len(told), 400)
        log = next(self.folder.glob("log-*"))
        answer = self.ok("tail", "--count", "100000", "--dir", log)
        self.assertIn("x1b[31m", answer.out.replace("u001b", "x1b"))
        self.assertNotIn(b"\x1b", answer.stdout)

    def test_a_last_line_without_its_end_is_torn_and_not_used(self):
        text = text_of(bars(COUNT))
        for cut in (1, 5, 20):
            with self.subTest(cut=cut):
                found, err = self.summary(self.write("BTCUSDT.csv", text[:-cut]))
                self.assertEqual((found["candles"], found["quarantined"]), (COUNT - 1, 1), err)
                self.assertIn(f"BTCUSDT.csv:{COUNT + 1}: left out (row_torn): the last line has no end", err)

    def test_a_kline_that_does_not_close_at_its_minutes_end_is_left_out(self):
        rows = klines(bars(COUNT))
        rows[10] = rows[10].replace(rows[10].split(",")[6], "1704067860000")
        found, err = self.summary(self.write("BTCUSDT-1m.csv", text_of(rows, None)))
        self.assertEqual((found["candles"], found["quarantined"]), (COUNT - 1, 1), err)
        self.assertIn("BTCUSDT-1m.csv:11: left out (row_time)", err)

    def test_a_missing_bar_is_a_gap_and_told(self):
        rows = bars(COUNT)
        del rows[50:55]
        found, _ = self.summary(self.write("BTCUSDT.csv", text_of(rows)))
        self.assertEqual((found["candles"], found["gaps"]), (COUNT - 5, 1))

    def test_many_bad_rows_are_counted_and_only_the_first_are_shown(self):
        rows = [row for good in bars(COUNT) for row in (good, "bad,row")]
        path = self.write("BTCUSDT.csv", text_of(rows))
        found, err = self.summary(path)
        self.assertEqual((found["candles"], found["quarantined"]), (COUNT, COUNT))
        self.assertEqual(err.count("left out (row_columns)"), 20)
        self.assertIn("only counted", err)
        text = self.assert_exit(self.feed(path, name="text"), OK).out
        self.assertRegex(text, rf"(?m)^left out +{COUNT} rows: row_columns {COUNT}$")

    def test_left_out_rows_survive_a_continuation_exactly_once(self):
        rows = bars(COUNT)
        rows.insert(30, "bad,row")
        rows.append("worse,row")
        path = self.write("BTCUSDT.csv", text_of(rows))
        first = self.assert_exit(self.feed(path, "--json"), OK).json
        again = self.assert_exit(self.feed(path, "--json"), OK).json
        self.assertEqual((first["quarantined"], first["digest"]), (2, first["digest"]))
        self.assertEqual((again["quarantined"], again["digest"]), (2, first["digest"]))


class BadFileTest(FeedCase):
    def refuse(self, path, code, *parts):
        """The feed as a whole is unusable: it is named, and no directory is made."""
        answer = self.assert_exit(self.feed(path), code)
        self.assert_says(answer, *parts)
        self.assertEqual(answer.out, "")
        self.assertFalse((self.folder / "log").exists())

    def test_a_path_that_is_not_there_is_a_fault_that_names_it(self):
        for name in ("none.csv", "none/", "none/deeper"):
            with self.subTest(name):
                self.refuse(self.folder / name, FAULT, str(self.folder / name), "no such file")

    def test_a_pipe_or_a_device_is_refused_and_not_waited_for(self):
        pipe = self.folder / "pipes" / "BTCUSDT.csv"
        self.write("pipes/ETHUSDT.csv", text_of(bars(9, "ETHUSDT")))
        os.mkfifo(pipe)
        for path, named in ((pipe, pipe), (pipe.parent, pipe), ("/dev/zero", "/dev/zero"),
                            ("/dev/null", "/dev/null")):
            with self.subTest(path=path):
                self.refuse(path, USAGE, str(named), "neither a file nor a folder")

    def test_an_empty_folder_and_one_without_candles_are_refused(self):
        (self.folder / "empty").mkdir()
        self.refuse(self.folder / "empty", USAGE, str(self.folder / "empty"), "no *.csv")
        self.write("other/notes.txt", "x")
        self.refuse(self.folder / "other", USAGE, str(self.folder / "other"), "no *.csv")

    def test_a_file_without_one_usable_bar_is_refused_with_the_first_reason(self):
        self.refuse(self.write("empty.csv", ""), USAGE, "empty.csv", "not one usable bar",
                    "a file without a single bar")
        self.refuse(self.write("head.csv", BARS_HEADER + "\n"), USAGE, "head.csv", "not one usable")
        self.refuse(self.write("junk.csv", bytes(range(256)) * 100), USAGE, "junk.csv", "line 1")
        self.refuse(self.write("short.csv.gz", gzip.compress(text_of(bars(9)).encode())[:8]), USAGE,
                    "short.csv.gz", "ends early")
        self.refuse(self.write("unknown.csv", text_of(bars(9, "NOPEUSDT"))), USAGE, "unknown.csv",
                    "line 2", "a symbol that is not registered")
        self.refuse(self.write("other.csv", "time,open,high,low,close,volume\n1704067200000,1,1,1,1,1\n"), USAGE,
                    f"other.csv, line 1: expected {BARS_HEADER} or the 12 columns of klines", "found 6 columns")
        self.refuse(self.write("few.csv", BARS_HEADER + "\n1704067200000,BTCUSDT,1\n"), USAGE,
                    "few.csv, line 2: expected 7 columns, found 3")
        self.refuse(self.write("fake.csv.gz", b"this is not gzip\n"), USAGE, "fake.csv.gz")

    def test_an_empty_file_beside_a_good_one_is_told_and_the_good_one_is_used(self):
        self.write("two/BTCUSDT.csv", text_of(bars(COUNT)))
        self.write("two/ETHUSDT.csv", "")
        found, err = self.summary(self.folder / "two")
        self.assertEqual((found["candles"], found["quarantined"]), (COUNT, 1), err)
        self.assertIn("ETHUSDT.csv: left out (file_empty)", err)

    def test_a_truncated_gzip_is_used_up_to_its_end_and_the_exit_code_says_it(self):
        packed = gzip.compress(text_of(bars(COUNT)).encode())
        path = self.write("BTCUSDT.csv.gz", packed[:len(packed) // 2])
        found, err = self.summary(path, NO)
        self.assertGreater(found["candles"], 0)
        self.assertLess(found["candles"], COUNT)
        self.assertRegex(err, r"BTCUSDT\.csv\.gz(:\d+)?: left out \(file_damaged\): a compressed")

    def test_a_gzip_with_a_wrong_checksum_is_told(self):
        packed = bytearray(gzip.compress(text_of(bars(COUNT)).encode()))
        packed[-6] ^= 1
        found, err = self.summary(self.write("BTCUSDT.csv.gz", bytes(packed)), NO)
        self.assertIn("(file_damaged)", err)
        self.assertEqual(found["quarantined"], 1)

    def test_the_rest_of_a_folder_goes_on_beside_a_damaged_file(self):
        self.write("two/BTCUSDT.csv", text_of(bars(COUNT)))
        packed = gzip.compress(text_of(bars(COUNT, "ETHUSDT", price=2500.0)).encode())
        self.write("two/ETHUSDT.csv.gz", packed[:-20])
        found, err = self.summary(self.folder / "two", NO)
        self.assertGreaterEqual(found["candles"], COUNT, err)
        self.assertIn("ETHUSDT.csv.gz", err)


if __name__ == "__main__":
    program.main()
