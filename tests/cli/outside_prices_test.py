#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Prices from outside: `run --feed none`, `feed` with everything that can be wrong, `status`."""
import json
import signal
import time

import program
from program import FAULT, MINUTE_MS, NO, OK, START_MS, USAGE

NEVER = 4_102_444_700_000  # 2099


def quote(second=0, **changes):
    fields = {"kind": "quote", "symbol": "BTCUSDT", "time": START_MS + 1000 * second,
              "bid": 42000.1, "ask": 42000.2, **changes}
    return {key: value for key, value in fields.items() if value is not ...}


def candle(minute=1, price=42000, **changes):
    fields = {"kind": "candle", "symbol": "BTCUSDT", "close_time": START_MS + MINUTE_MS * minute,
              "open": price, "high": price + 5, "low": price - 5, "close": price + 1, "volume": 3.5,
              **changes}
    return {key: value for key, value in fields.items() if value is not ...}


def funding(second=0, **changes):
    fields = {"kind": "funding", "symbol": "BTCUSDT", "time": START_MS + 1000 * second,
              "rate": -0.00012, "interval": "8h", **changes}
    return {key: value for key, value in fields.items() if value is not ...}


def lines(*facts):
    return "".join((fact if isinstance(fact, str) else json.dumps(fact)) + "\n" for fact in facts)


class OutsideCase(program.Case):
    """A log without a feed in self.log, with the symbols of the built-in configuration."""

    def setUp(self):
        super().setUp()
        self.log = self.folder / "log"
        self.config = self.write_config(log__segment=4)
        self.ok("run", "--dir", self.log, "--feed", "none", "--config", self.config, "--drain")

    def feed(self, *facts, words=(), code=OK):
        return self.assert_exit(
            program.call("feed", "--dir", self.log, *words, stdin=lines(*facts)), code)

    def sql(self, question):
        return json.loads(self.ok("sql", "--json", "--dir", self.log, question).out)

    def count(self, table):
        return self.sql(f"select count(*) as n from {table}")[0]["n"]

    def emit(self, symbol="BTCUSDT", **changes):
        words = ["emit", "--dir", self.log, "--symbol", symbol, "--side", "long", "--source", "bot",
                 "--confidence", "0.7"]
        for key, value in changes.items():
            words += [f"--{key}", value]
        return self.ok(*words).out.strip()

    def drain(self):
        return self.ok("run", "--dir", self.log, "--drain", "--json").json


class FeedTest(OutsideCase):
    def test_every_field_is_kept_as_it_was_given(self):
        self.feed(quote(5, bid_quantity=1.5, source="ws"), candle(1), funding(70, next_time=START_MS + 8 * 3_600_000))
        kept = self.sql("select * from quotes")[0]
        self.assertEqual((kept["symbol"], kept["bid"], kept["ask"], kept["bid_quantity"],
                          kept["ask_quantity"], kept["source"]),
                         ("BTCUSDT", 42000.1, 42000.2, 1.5, None, "ws"))
        self.assertEqual(kept["event_time_unix_ns"], (START_MS + 5000) * 1_000_000)
        kept = self.sql("select * from prices")[0]
        self.assertEqual([kept[key] for key in ("open", "high", "low", "close", "volume")],
                         [42000, 42005, 41995, 42001, 3.5])
        kept = self.sql("select * from funding")[0]
        self.assertEqual((kept["rate"], kept["interval_ns"]), (-0.00012, 8 * 3600 * 10**9))
        self.assertEqual(kept["next_time_unix_ns"], (START_MS + 8 * 3_600_000) * 1_000_000)

    def test_each_wrong_line_is_named_with_its_number_and_reason_and_the_others_go_on(self):
        wrong = [
            (quote(bid=42000.2, ask=42000.1), "row_crossed", "bid"),
            (quote(bid=0), "row_not_positive", "bid"), (quote(ask=-1), "row_not_positive", "ask"),
            (quote(bid="x"), "row_number", "bid"), (quote(bid="NaN"), "row_number", "bid"),
            (quote(bid=42000.001), "row_off_tick", "bid"), (quote(bid=1e300), "row_number", "bid"),
            (quote(bid=...), "row_field", "bid"), (quote(ask=None), "row_field", "ask"),
            (quote(bid_quantity=-1), "row_not_positive", "bid_quantity"),
            (quote(ask_quantity="inf"), "row_number", "ask_quantity"),
            (quote(symbol="NOPE"), "row_unknown_symbol", "symbol"),
            (quote(symbol=...), "row_field", "symbol"), (quote(kind="trade"), "row_field", "kind"),
            (quote(kind=...), "row_field", "kind"), (quote(time=...), "row_time", "time"),
            (quote(time="noon"), "row_time", "seconds, milliseconds, microseconds or nanoseconds since 1970"),
            (quote(time=NEVER), "row_future", "time"), (quote(time="yesterday"), "row_time", "time"),
            (quote(time=5), "row_time", "time"), (quote(source="x" * 65), "row_text", "source"),
            (quote(source=""), "row_text", 'source: expected a name that is not only spaces, found ""'),
            (funding(source=" "), "row_text", 'source: expected a name that is not only spaces, found " "'),
            (quote(source="a\u0007"), "row_text", "source"), (quote(volume=1), "row_field", "volume"),
            (quote(bid=[1]), "row_field", "bid"), (quote(bidd=1), "row_field", "bidd"),
            (candle(high=41000), "row_inconsistent", "high"),
            (candle(low=42003), "row_inconsistent", "low"),
            (candle(open=0), "row_not_positive", "open"), (candle(close="1e"), "row_number", "close"),
            (candle(volume=-1), "row_not_positive", "volume"), (candle(volume=...), "row_field", "volume"),
            (candle(volume="nan"), "row_number", "volume"), (candle(volume=1e300), "row_number", "volume"),
            (candle(volume="1e16"), "row_number", "volume"), (candle(high=1e300), "row_number", "high"),
            (candle(close_time=START_MS + 1), "row_time", "close_time"),
            (candle(close_time=...), "row_field", "close_time"),
            (candle(open_time=START_MS), "row_field", "close_time"),
            (candle(source="x"), "row_field", "source"),
            (funding(rate=1.5), "row_number", "rate"), (funding(rate="x"), "row_number", "rate"),
            (funding(rate=...), "row_field", "rate"), (funding(interval="8"), "row_time", "interval"),
            (funding(interval="9d"), "row_time", "interval"), (funding(interval="0h"), "row_time", "interval"),
            (funding(interval="8H"), "row_time", "interval"),
            (funding(next_time=START_MS - 1), "row_time", "next_time"),
            ("{", "row_field", "JSON"), ("[]", "row_field", "JSON"), ('{"a":1} x', "row_field", ""),
            ('{"bid":1,"bid":2}', "row_field", ""), ("x" * 70000, "row_text", "bytes long"),
        ]
        facts = [quote(0, ask=42000.3)]
        for fact, _, _ in wrong:
            facts.append(fact)
        facts.append(quote(1))
        answer = self.feed(*facts, code=NO)
        told = answer.err.splitlines()
        self.assertEqual(len(told), len(wrong) + 1, answer)
        for number, ((fact, reason, field), line) in enumerate(zip(wrong, told), start=2):
            with self.subTest(fact=str(fact)[:100]):
                self.assertTrue(line.startswith(f"stdin:{number}: refused ({reason}): "), line)
                self.assertIn(field, line)
        self.assertEqual(told[-1], f"2 taken, {len(wrong)} refused, 0 known already")
        self.assertEqual(self.count("quotes"), 2)
        self.assertEqual(self.count("prices") + self.count("funding"), 0)
        kept = self.sql("select line, reason from quarantined order by line")
        self.assertEqual([(row["line"], row["reason"]) for row in kept],
                         [(number, reason) for number, (_, reason, _) in enumerate(wrong, start=2)])

    def test_what_the_log_has_is_known_and_what_contradicts_it_is_refused(self):
        facts = [candle(1), candle(2), quote(125), funding(130)]
        self.feed(*facts)
        self.assert_says(self.feed(*facts[1:]), "0 taken, 0 refused, 3 known already")
        answer = self.feed(candle(2, 41000), candle(1), quote(124), funding(129), funding(130, rate=0.5), code=NO)
        self.assert_says(answer, "stdin:1: refused (row_duplicate)", "stdin:2: refused (row_backwards)",
                         "stdin:3: refused (row_backwards)", "stdin:4: refused (row_backwards)",
                         "stdin:5: refused (row_duplicate): time: the log has other funding of the same time",
                         "0 taken, 5 refused")

    def test_of_several_rates_of_one_time_the_first_is_kept_and_told(self):
        answer = self.feed(funding(10), funding(10), funding(10, rate=0.25), funding(11, rate=0.25), code=NO)
        self.assert_says(answer, "stdin:3: refused (row_duplicate)", "2 taken, 1 refused, 1 known already")
        self.assertEqual([row["rate"] for row in self.sql("select rate from funding order by seq")], [-0.00012, 0.25])

    def test_an_unknown_symbol_for_all_lines_is_refused_whatever_they_are(self):
        for stdin in ("", lines(quote(0)), lines(quote(0, symbol=...))):
            answer = self.refused("feed", "--dir", self.log, "--symbol", "BTCUST", stdin=stdin)
            self.assert_says(answer, "--symbol: expected a symbol that is known here (BTCUSDT, ",
                             'found "BTCUST"')
        self.assertEqual(self.count("quotes") + self.count("quarantined"), 0)

    def test_a_source_for_all_lines_that_names_nobody_is_refused_before_a_line_is_read(self):
        for source in ("", "  "):
            answer = self.refused("feed", "--dir", self.log, "--source", source, stdin=lines(quote(0)))
            self.assert_says(answer, f'--source: expected a name that is not only spaces, found "{source}"')
        self.assertEqual(self.count("quotes"), 0)

    def test_symbols_are_spelled_as_venues_spell_them(self):
        self.feed(quote(0, symbol="BTC-USDT"), quote(1, symbol="btc_usdt"), quote(2, symbol="BTC/USDT"))
        self.assertEqual(self.sql("select distinct symbol from quotes"), [{"symbol": "BTCUSDT"}])

    def test_times_are_read_in_every_unit(self):
        for second, value in enumerate([START_MS // 1000, f"{START_MS + 1000}", START_MS * 1000 + 2_000_000,
                                        START_MS * 1_000_000 + 3_000_000_000,
                                        "2024-01-01T00:00:04.000Z"]):
            self.feed(quote(time=value))
            newest = self.sql("select max(event_time_unix_ns) as t from quotes")[0]["t"]
            self.assertEqual(newest, (START_MS + 1000 * second) * 1_000_000, value)

    def test_lines_of_white_space_say_nothing(self):
        answer = self.ok("feed", "--dir", self.log, stdin="\n \t\n" + lines(quote(70)) + "   \r\n\t")
        self.assert_says(answer, "1 taken, 0 refused")

    def test_csv_with_named_columns(self):
        text = ("kind,symbol,time,bid,ask,close_time,open,high,low,close,volume\n"
                f"quote,BTCUSDT,{START_MS},42000.1,42000.2,,,,,,\n"
                f"candle,BTCUSDT,,,,{START_MS + MINUTE_MS},1,2,1,2,3\n"
                "quote,BTCUSDT,1\n")
        path = self.write("facts.csv", text)
        answer = self.assert_exit(program.call("feed", "--dir", self.log, path), NO)
        self.assert_says(answer, f"{path}:4: refused (row_columns)", "2 taken, 1 refused")
        self.assertEqual((self.count("quotes"), self.count("prices")), (1, 1))
        self.refused("feed", "--dir", self.log, stdin="kind,symbol,bidd\n")
        self.refused("feed", "--dir", self.log, stdin="kind,kind\n")
        path = self.write("quotes.csv", f"time,bid,ask\n{START_MS + 70000},2200.5,2200.6\n")
        self.ok("feed", "--dir", self.log, "--kind", "quote", "--symbol", "ETHUSDT", "--source",
                "file", path)
        self.assertEqual(self.sql("select symbol, source from quotes order by seq desc limit 1"),
                         [{"symbol": "ETHUSDT", "source": "file"}])

    def test_csv_may_be_quoted(self):
        text = ('"kind","symbol","time","bid","ask","source"\r\n'
                f'"quote","BTCUSDT","{START_MS}","42000.1","42000.2","a ""real"" venue, the first"\r\n'
                f'"quote",BTCUSDT,{START_MS + 1000},"42000.1",42000.2,""\r\n'
                f'quote,BTCUSDT,{START_MS + 2000},42000.1,42000.2,5" wide\r\n')
        path = self.write("quoted.csv", b"\xef\xbb\xbf" + text.encode())
        self.assert_says(self.ok("feed", "--dir", self.log, path), "3 taken, 0 refused")
        self.assertEqual([row["source"] for row in self.sql("select source from quotes order by seq")],
                         ['a "real" venue, the first', None, '5" wide'])

    def test_wrong_quotes_in_csv_are_told_with_line_and_character(self):
        rows = [('quote,BTCUSDT,{},42000.1,42000.2,"a', 45, "the quote is not closed in this line"),
                ('b"', None, "expected 6 columns as in the header, found 1"),
                ('quote,"BTCUSDT",{},"42000.1" ,42000.2,', 40, "behind a closing quote"),
                ('quote,"BTCUSDT"x,{},42000.1,42000.2,', 16, "behind a closing quote")]
        text = "kind,symbol,time,bid,ask,source\n" + "".join(
            row.format(START_MS) + "\n" for row, _, _ in rows) + f"quote,BTCUSDT,{START_MS},42000.1,42000.2,\n"
        answer = self.assert_exit(program.call("feed", "--dir", self.log, stdin=text), NO)
        for number, (_, character, why) in enumerate(rows, 2):
            place = "" if character is None else f"character {character}: "
            self.assertIn(f"stdin:{number}: refused (row_columns): {place}{why}", answer.err)
        self.assert_says(answer, "1 taken, 4 refused")
        self.assert_says(self.refused("feed", "--dir", self.log, stdin='kind,"symbol\n'),
                         "stdin:1: the header: character 6: the quote is not closed")

    def test_a_quoted_candle_file_is_one(self):
        rows = "".join(f'"{START_MS + MINUTE_MS * i}","BTCUSDT",42000,42001,41999,42000,"2"\n' for i in range(2))
        header = '"ts_ms","symbol","open","high","low","close","volume"\n'
        bad = f'{START_MS},"BTCUSDT"x,1,1,1,1,1\n'
        answer = self.assert_exit(program.call("feed", "--dir", self.log, stdin=header + rows + bad), NO)
        self.assert_says(answer, "stdin:4: refused (row_columns): character 24: behind a closing quote", "2 taken, 1 refused")
        self.assertEqual(self.count("prices"), 2)

    def test_a_kind_that_is_none_is_refused_before_a_line_is_read(self):
        for kind in ("bogus", "", "Quote"):
            answer = self.refused("feed", "--dir", self.log, "--kind", kind, stdin="")
            self.assert_says(answer, f'--kind: expected quote, candle or funding, found "{kind}"')
        self.ok("feed", "--dir", self.log, "--kind", "funding", stdin="")

    def test_candle_files_are_those_that_run_reads(self):
        rows = program.bars(30)
        self.ok("feed", "--dir", self.log, self.write("bars.csv", program.text_of(rows)))
        self.assertEqual(self.count("prices"), 30)
        rows = program.bars(10, first_ms=START_MS + 30 * MINUTE_MS)
        path = self.write_gzip("k.csv.gz", program.text_of(program.klines(rows), program.KLINES_HEADER))
        answer = self.assert_exit(program.call("feed", "--dir", self.log, path), NO)
        self.assert_says(answer, "row_unknown_symbol")
        self.ok("feed", "--dir", self.log, "--symbol", "BTCUSDT", path)
        self.assertEqual(self.count("prices"), 40)

    def test_bars_that_are_missing_are_a_gap_in_the_log(self):
        self.feed(candle(1), candle(5))
        self.assertEqual(self.sql("select missing_bars from market_gap"), [{"missing_bars": 3}])

    def test_a_followed_file_is_read_as_it_grows_line_by_line(self):
        path = self.write("grows.jsonl", lines(quote(0)) + '{"kind":"quote","symbol":"BTC')
        process = self.start("feed", "--dir", self.log, "--follow", path)
        program.wait_until(lambda: self.count("quotes") == 1, "the first line", process)
        with open(path, "a") as file:
            file.write(f'USDT","time":{START_MS + 1000},"bid":1,"ask":2}}\n')
        program.wait_until(lambda: self.count("quotes") == 2, "the rest of the line", process)
        path.write_text(lines(quote(2)))
        program.wait_until(lambda: self.count("quotes") == 3, "the file begun anew", process)
        process.send_signal(signal.SIGINT)
        answer = program.finish(process)
        self.assert_exit(answer, OK)
        self.assert_says(answer, "3 taken, 0 refused")
        self.refused("feed", "--dir", self.log, "--follow")
        self.assert_exit(program.call("feed", "--dir", self.log, "--follow", self.folder / "no"), FAULT)

    def test_usage_and_logs_that_take_none(self):
        self.refused("feed", "--dir", self.log, "--durability", "never", stdin="")
        self.assert_exit(program.call("feed", "--dir", self.folder / "nothing", stdin=""), FAULT)
        self.assert_exit(program.call("feed", "--dir", self.log, self.folder / "no.jsonl"), FAULT)
        for words in ((), ("--follow",)):
            self.assert_says(self.assert_exit(program.call("feed", "--dir", self.log, *words, self.folder), FAULT),
                             f"{self.folder}: it is a folder; give a file")
        fed = program.small_log(self.folder, "fed")
        answer = self.refused("feed", "--dir", fed, stdin=lines(quote()))
        self.assert_says(answer, "feed of its own (synthetic)", "run --feed none")
        answer = self.feed(quote(), words=["--json", "--durability", "group"])
        self.assertEqual(answer.json, {"taken": 1, "refused": 0, "known": 0})
        self.assertEqual(self.feed().err, "0 taken, 0 refused, 0 known already\n")


class RunTest(OutsideCase):
    def test_a_run_without_a_feed_says_what_it_lives_on_and_what_it_cannot(self):
        answer = self.ok("run", "--dir", self.log, "--drain")
        self.assert_says(answer, "prices come from other processes")
        none = self.write("none.yaml", program.configuration().split("instruments:")[0] + "instruments: []\n")
        self.assert_says(self.refused("run", "--dir", self.folder / "x", "--feed", "none", "--config", none,
                                      "--drain"), "instruments")
        self.assert_says(self.refused("run", "--dir", self.folder / "x", "--feed", "none", "--time", "x"),
                         "live or simulated")
        self.assert_says(self.refused("run", "--dir", self.folder / "x", "--drain"), "--feed none")
        fed = program.small_log(self.folder, "fed")
        self.assert_says(self.refused("run", "--dir", fed, "--feed", "none"), "belongs to a feed")
        self.refused("run", "--dir", self.log, "--feed", "synthetic:1")

    def test_signals_wait_for_time_and_are_priced_by_what_comes(self):
        self.assert_exit(program.call("emit", "--dir", self.log, "--symbol", "BTCUSDT", "--side", "long",
                                      "--source", "bot", "--confidence", "0.7"), USAGE)
        self.feed(candle(1), quote(61, symbol="ETHUSDT", bid=2200, ask=2201))
        ids = [self.emit(symbol) for symbol in ("BTCUSDT", "ETHUSDT", "SOLUSDT")]
        facts = []
        for minute in range(2, 70):
            facts += [candle(minute, 42000 + 10 * minute),
                      quote(60 * minute + 1, symbol="ETHUSDT", bid=2200 + minute, ask=2201 + minute)]
        self.feed(*facts)
        summary = self.drain()
        self.assertEqual((summary["candles"], summary["quotes"]), (69, 69))
        for ident, expected in zip(ids, ("resolved", "resolved", "unresolved")):
            found = self.sql(f"select status, reason from outcomes where signal_id = '{ident}'")
            self.assertEqual([row["status"] for row in found], [expected] * 5)
            self.assertEqual({row["reason"] for row in found},
                             {None if expected == "resolved" else "no_price_source"})
        # Five minutes behind 00:01:01 a quote of 00:06:01 is in force.
        found = self.sql(f"select price from outcomes where signal_id = '{ids[1]}' and horizon = '5m'")
        self.assertEqual(found[0]["price"], 2206.5)
        self.assertIn("identical", self.ok("replay", "--check", "--dir", self.log).out)

    def test_the_same_facts_give_the_same_digest(self):
        facts = [candle(minute, 42000 + (minute * 7919) % 900) for minute in range(1, 300)]
        facts.insert(120, quote(60 * 120 + 3))
        digests = set()
        for name in ("one", "two"):
            log = self.folder / name
            self.ok("run", "--dir", log, "--feed", "none", "--config", self.config, "--drain")
            self.ok("feed", "--dir", log, stdin=lines(*facts))
            digests.add(self.ok("run", "--dir", log, "--drain", "--json").json["digest"])
            self.assertIn("identical", self.ok("replay", "--check", "--dir", log).out)
        self.assertEqual(len(digests), 1)

    def test_a_live_log_keeps_the_clocks_time(self):
        log = self.folder / "live"
        self.ok("run", "--dir", log, "--feed", "none", "--time", "live", "--config", self.config,
                "--drain")
        self.assert_says(self.refused("run", "--dir", log, "--feed", "none", "--time", "simulated", "--drain"),
                         "was begun with --time live")
        self.ok("run", "--dir", log, "--time", "live", "--drain")
        now = time.time_ns()
        self.ok("feed", "--dir", log, stdin=lines(
            quote(time=now - 10**9), quote(symbol="ETHUSDT", time=...),
            candle(close_time=now // (60 * 10**9) * 60 * 10**9)))
        answer = self.assert_exit(program.call("feed", "--dir", log, stdin=lines(
            quote(time=now + 3600 * 10**9), quote(time=now - 3600 * 10**9))), NO)
        self.assert_says(answer, "stdin:1: refused (row_future)")
        self.assertRegex(answer.err, r"stdin:2: refused \(row_(backwards|late)\)")
        self.ok("run", "--dir", log, "--drain")
        self.assertIn("identical", self.ok("replay", "--check", "--dir", log).out)


class StatusTest(OutsideCase):
    def sources(self):
        status = program.call("status", "--json", "--dir", self.log).json
        return {row["symbol"]: row for row in status["price_sources"]}

    def test_a_symbol_without_a_price_source_is_shown(self):
        self.assertEqual({row["state"] for row in self.sources().values()}, {"none"})
        self.feed(candle(1), quote(61, symbol="ETHUSDT", bid=2200, ask=2201))
        self.drain()
        sources = self.sources()
        self.assertEqual(sources["BTCUSDT"]["state"], "fresh")
        self.assertEqual(sources["BTCUSDT"]["candle_time"], "2024-01-01T00:01:00.000Z")
        self.assertEqual(sources["ETHUSDT"]["quote_time"], "2024-01-01T00:01:01.000Z")
        self.assertEqual(sources["SOLUSDT"],
                         {"symbol": "SOLUSDT", "state": "none", "price": None, "price_time": None,
                          "candle_time": None, "quote_time": None})
        self.feed(*[candle(minute) for minute in range(2, 8)])
        self.drain()
        self.assertEqual(self.sources()["ETHUSDT"]["state"], "stale")
        text = self.ok("status", "--dir", self.log).out
        self.assertIn("1 fresh, 1 stale (older than 120s)", text)
        self.assertIn("ETHUSDT: stale since 2024-01-01T00:01:01.000Z, 5m 59s behind", text)
        self.assertRegex(text, r"no candle or quote ever, outcomes are unresolved \(no_price_source\): SOLUSDT ")

    def test_what_was_fed_is_counted_before_anybody_has_run_with_it(self):
        before = program.call("status", "--json", "--dir", self.log)
        self.assertIsNone(before.json["market_time"])
        self.assertIn("market time not begun", program.call("status", "--dir", self.log).out)
        self.feed(quote(0), quote(5), funding(6), candle(1, symbol="ETHUSDT", price=2200))
        told = program.call("status", "--json", "--dir", self.log).json
        self.assertEqual((told["health"], told["pending_inputs"], told["pending_facts"]),
                         ("UNKNOWN", 4, 4))
        self.assertIn("nobody runs", told["why"])
        self.assertRegex(told["pending_facts_since"], r"^20\d\d-")
        sources = self.sources()
        self.assertEqual((sources["BTCUSDT"]["state"], sources["BTCUSDT"]["price"],
                          sources["BTCUSDT"]["quote_time"]),
                         ("fresh", 42000.15, "2024-01-01T00:00:05.000Z"))
        self.assertEqual(sources["ETHUSDT"]["price"], 2201)
        self.assertEqual(told["market_time"], "2024-01-01T00:01:00.000Z")
        text = self.assert_exit(program.call("status", "--dir", self.log), NO).out  # it cannot be judged
        self.assertIn("market time 2024-01-01T00:01:00.000Z", text)
        self.assertRegex(text, r"4 of them are bars, quotes and funding, since 20.*; nobody runs")
        self.assertIn("BTCUSDT: of 2024-01-01T00:00:05.000Z, 55s behind; last 42000.15", text)
        self.assertRegex(text, r"(?m)^ +bars .* 4$")
        found = program.call("doctor", "--json", "--dir", self.log).json["checks"]
        self.assertIn("14 without a price", [one["what"] for one in found if one["check"] == "symbols"][0])
        top = self.ok("top", "--json", "--dir", self.log).json
        self.assertIn("nobody runs", top["why"])
        self.drain()
        told = program.call("status", "--json", "--dir", self.log).json
        self.assertEqual((told["pending_facts"], told["pending_facts_since"], told["why"]),
                         (0, None, None))


if __name__ == "__main__":
    program.main()
