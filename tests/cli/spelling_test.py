#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Spellings of symbols: the configuration gives them, the log keeps them, every question takes them."""
import json

import program
from program import MINUTE_MS, START_MS

SPELLINGS = """
spellings:
  - spelling: PF_XBTUSD
    symbol: BTCUSDT
  - spelling: ETH.PERP
    symbol: ETHUSDT
"""


class SpellingCase(program.Case):
    def setUp(self):
        super().setUp()
        self.log = self.folder / "log"
        self.plain = program.configuration(log__segment=4)
        self.config = self.write("spelled.yaml", self.plain + SPELLINGS)

    def run_with(self, config=None):
        words = ["--config", config] if config else []
        return self.ok("run", "--dir", self.log, "--feed", "none", "--drain", *words)

    def emit(self, symbol, *words):
        return program.call("emit", "--dir", self.log, "--symbol", symbol, "--side", "long", "--source", "bot",
                            "--confidence", "0.7", *words)

    def feed(self, *facts):
        text = "".join(json.dumps(fact) + "\n" for fact in facts)
        return self.ok("feed", "--dir", self.log, stdin=text)

    def price(self, symbol="BTCUSDT"):
        self.feed({"kind": "candle", "symbol": symbol, "close_time": START_MS + MINUTE_MS, "open": 42000,
                   "high": 42001, "low": 41999, "close": 42000, "volume": 1})

    def symbols(self, question):
        rows = program.call("query", "--json", "--dir", self.log, question).json_lines
        return [row["symbol"] for row in rows]


class SpellingTest(SpellingCase):
    def test_every_surface_takes_one_and_answers_with_the_symbol(self):
        self.run_with(self.config)
        self.price("pf-xbtusd")
        self.feed({"kind": "quote", "symbol": "PF_XBTUSD", "time": START_MS + MINUTE_MS + 1, "bid": 42000,
                   "ask": 42001})
        for symbol in ("PF_XBTUSD", "pfxbtusd", "BTC-USDT", "ETH.PERP"):
            self.assert_exit(self.emit(symbol), program.OK)
        self.assertEqual(self.symbols("symbol=PF_XBTUSD"), ["BTCUSDT"] * 3)
        self.assertEqual(self.symbols("symbol=eth.perp"), ["ETHUSDT"])
        rows = json.loads(self.ok("sql", "--json", "--dir", self.log, "select symbol, count(*) as n from signals "
                                  "group by symbol order by n").out)
        self.assertEqual(rows, [{"symbol": "ETHUSDT", "n": 1}, {"symbol": "BTCUSDT", "n": 3}])
        claimed = self.ok("claim", "--dir", self.log, "--owner", "w", "--to", "blocked", "--symbol", "ETH.PERP",
                          "--json", stdin="").json_lines[0]
        self.assertTrue(claimed["id"].startswith("ETHUSDT_"), claimed)
        self.assert_says(self.ok("weights", "--dir", self.log, "--symbol", "PF_XBTUSD"), "for BTCUSDT")
        self.assert_says(self.emit("PF_ETHUSD"), "expected a registered symbol")

    def bars(self, symbol, count=3, first=1):
        rows = "".join(f"{START_MS + (first + i) * MINUTE_MS},{symbol},42000,42001,41999,42000,1\n"
                       for i in range(count))
        return "ts_ms,symbol,open,high,low,close,volume\n" + rows

    def klines(self, count=3, first=1):
        return "".join(f"{START_MS + (first + i) * MINUTE_MS},42000,42001,41999,42000,1,"
                       f"{START_MS + (first + i + 1) * MINUTE_MS - 1},1,1,1,1,0\n" for i in range(count))

    def prices(self):
        return json.loads(self.ok("sql", "--json", "--dir", self.log, "select symbol, count(*) as n from prices "
                                  "group by symbol order by symbol").out)

    def test_files_of_candles_may_have_them_in_rows_and_names(self):
        folder = self.folder / "data"
        folder.mkdir()
        (folder / "bars.csv").write_text(self.bars("pf_xbtusd"))
        (folder / "BTC_USDT_late.csv").write_text(self.bars("BTCUSDT", 2, first=4))
        (folder / "ETH.PERP.csv").write_text(self.bars("ETH.PERP", 4))
        made = self.ok("run", "--dir", self.log, "--feed", f"csv:{folder}", "--config", self.config)
        self.assertEqual(self.prices(), [{"symbol": "BTCUSDT", "n": 5}, {"symbol": "ETHUSDT", "n": 4}])
        self.assertNotIn("quarantined", made.out)
        self.log = self.folder / "named"
        klines = self.folder / "klines"
        klines.mkdir()
        (klines / "PF_XBTUSD-1m-2024-01.csv").write_text(self.klines())
        self.ok("run", "--dir", self.log, "--feed", f"csv:{klines}", "--config", self.config)
        self.assertEqual(self.prices(), [{"symbol": "BTCUSDT", "n": 3}])
        plain = self.write("plain.yaml", self.plain)
        self.refused("run", "--dir", self.folder / "none", "--feed", f"csv:{klines}", "--config", plain)

    def test_rows_that_are_fed_may_have_them_in_every_format(self):
        self.run_with(self.config)
        for words, text in (
                ([], self.bars("PF_XBTUSD")),
                ([], "kind,symbol,close_time,open,high,low,close,volume\n"
                     f"candle,pf-xbtusd,{START_MS + 6 * MINUTE_MS},42000,42001,41999,42000,1\n"),
                (["--symbol", "ETH.PERP"], self.klines(first=8)),
                (["--symbol", "PF_XBTUSD"], json.dumps(
                    {"kind": "quote", "time": START_MS + 20 * MINUTE_MS, "bid": 42000, "ask": 42001}) + "\n"),
                ([], json.dumps({"kind": "funding", "symbol": "PF_XBTUSD", "time": START_MS + 20 * MINUTE_MS,
                                 "rate": 0.0001}) + "\n")):
            with self.subTest(words=words, text=text[:40]):
                self.assert_says(self.ok("feed", "--dir", self.log, *words, stdin=text), " taken, 0 refused")
        self.assertEqual(self.prices(), [{"symbol": "BTCUSDT", "n": 4}, {"symbol": "ETHUSDT", "n": 3}])
        for table in ("quotes", "funding"):
            rows = self.ok("sql", "--json", "--dir", self.log, f"select symbol from {table}").out
            self.assertEqual(json.loads(rows), [{"symbol": "BTCUSDT"}])

    def test_the_language_of_filters_takes_them_wherever_a_symbol_stands(self):
        self.run_with(self.config)
        self.price()
        for symbol in ("PF_XBTUSD", "ETHUSDT", "SOLUSDT"):
            self.assert_exit(self.emit(symbol), program.OK)
        for question, found in (
                ("symbol=pf_xbtusd", ["BTCUSDT"]),
                ("symbol in (PF-XBTUSD, ETH.PERP)", ["BTCUSDT", "ETHUSDT"]),
                ("symbol!=PF_XBTUSD", ["ETHUSDT", "SOLUSDT"]),
                ("not symbol=ETH.PERP and state=generated", ["BTCUSDT", "SOLUSDT"])):
            with self.subTest(question=question):
                self.assertEqual(sorted(self.symbols(question)), found)
        rows = self.ok("sql", "--json", "--dir", self.log,
                       "select symbol from signals where symbol = 'PF_XBTUSD'").out
        self.assertEqual(json.loads(rows), [])  # SQL knows the symbols as they are in the log

    def test_lines_of_the_socket_take_them(self):
        self.run_with(self.config)
        path = self.folder / "socket"
        server = self.start("serve", "--dir", self.log, "--socket", path)
        with program.connect(path, server) as peer:
            lines = peer.makefile("rwb")

            def ask(**request):
                lines.write(json.dumps(request).encode() + b"\n")
                lines.flush()
                answer = json.loads(lines.readline())
                self.assertTrue(answer.get("ok"), answer)
                return answer
            time = START_MS + MINUTE_MS
            ask(verb="candle", symbol="PF_XBTUSD", close_time=time, open=1, high=2, low=1, close=2, volume=1)
            ask(verb="quote", symbol="pf-xbtusd", time=time + 1, bid=2, ask=2.1)
            ask(verb="funding", symbol="PF_XBTUSD", time=time + 2, rate=0.0001)
            ask(verb="emit", symbol="ETH.PERP", side="long", source="bot", confidence=0.5)
            found = ask(verb="query", question="symbol=ETH.PERP")
            self.assertEqual([one["symbol"] for one in found["signals"]], ["ETHUSDT"])
        for table in ("prices", "quotes", "funding"):
            rows = self.ok("sql", "--json", "--dir", self.log, f"select symbol from {table}").out
            self.assertEqual(json.loads(rows), [{"symbol": "BTCUSDT"}])

    def test_they_are_of_the_log_and_need_the_configuration_no_more(self):
        self.run_with(self.config)
        self.config.unlink()
        self.price()
        self.assert_exit(self.emit("PF_XBTUSD"), program.OK)
        self.run_with()
        self.assert_exit(self.emit("PF_XBTUSD"), program.OK)
        self.assert_says(self.ok("replay", "--check", "--dir", self.log), "identical")

    def test_a_run_that_gives_others_ends_them(self):
        self.run_with(self.config)
        self.price()
        self.run_with(self.write("plain.yaml", self.plain))
        self.assertEqual(self.emit("PF_XBTUSD").code, program.USAGE)

    def test_a_symbol_of_the_same_name_is_refused_with_its_place(self):
        for name, says in (
                ("sol-usdt", "spellings[1]: \"sol-usdt\" is the symbol SOLUSDT, and cannot be a spelling of ETHUSDT"),
                ("pf_xbt_usd", "expected each spelling once, found \"pf_xbt_usd\" a second time"),
                ("ETH PERP", "spellings[1].spelling: expected 1 to 32 letters, digits")):
            config = self.write("bad.yaml", self.plain + SPELLINGS.replace("ETH.PERP", name))
            answer = program.call("run", "--dir", self.log, "--feed", "none", "--drain", "--config", config)
            self.assert_exit(answer, program.USAGE)
            self.assertRegex(answer.err, r"bad.yaml:\d+:\d+: ")
            self.assert_says(answer, says)
            self.assert_says(self.assert_exit(program.call("config", "--check", config), program.USAGE), says)
            self.ok("config", "--check", self.config)

    def test_of_a_symbol_that_there_is_not_all_are_told_and_nothing_is_left_behind(self):
        text = self.plain + SPELLINGS.replace("symbol: ETHUSDT", "symbol: NOPE") + (
            "  - spelling: GONE.PERP\n    symbol: GONE\n")
        config = self.write("bad.yaml", text)
        lines = [number for number, line in enumerate(text.splitlines(), 1) if "- spelling:" in line]
        for feed in ("--feed", "none", "--drain"), ("--feed", "synthetic:7"):
            new = self.folder / "new"
            answer = self.assert_exit(program.call("run", "--dir", new, *feed, "--config", config), program.USAGE)
            told = [line for line in answer.err.splitlines() if "bad.yaml:" in line]
            self.assertEqual(
                told[:2],
                [f'{config}:{lines[1]}:5: spellings[1]: NOPE, which "ETH.PERP" is to be a spelling of, is no symbol '
                 f"in {new}",
                 f'{config}:{lines[2]}:5: spellings[2]: GONE, which "GONE.PERP" is to be a spelling of, is no symbol '
                 f"in {new}"], answer)
            self.assertIn("bad.yaml: 2 problems; nothing was changed", told[2])
            self.assertFalse(new.exists())
        check = self.assert_exit(program.call("config", "--check", config), program.USAGE)
        self.assertEqual(check.err.splitlines()[:2], [line.replace(f"in {new}", f"in {config}") for line in told[:2]])
        self.assertIn("bad.yaml: 2 problems", check.err.splitlines()[2])
        new.mkdir()  # a log is begun in an empty directory, too
        answer = program.call("run", "--dir", new, "--feed", "none", "--drain", "--config", config)
        self.assert_exit(answer, program.USAGE)
        self.assertEqual(list(new.iterdir()), [])

    def test_one_that_the_log_has_for_another_is_refused_and_nothing_is_logged(self):
        self.run_with(self.config)
        before = self.ok("verify", "--json", "--dir", self.log).json["digest"]
        for changed, says in (
                (SPELLINGS.replace("symbol: ETHUSDT", "symbol: SOLUSDT"),
                 "spellings[1]: \"ETH.PERP\" is the symbol ETHUSDT in"),
                (SPELLINGS.replace("symbol: ETHUSDT", "symbol: NOPE").replace("ETH.PERP", "X"),
                 "spellings[1]: NOPE, which \"X\" is to be a spelling of, is no symbol in")):
            config = self.write("changed.yaml", self.plain + changed)
            answer = program.call("run", "--dir", self.log, "--feed", "none", "--drain", "--config", config)
            self.assert_says(self.assert_exit(answer, program.USAGE), says)
            self.assertRegex(answer.err, r"changed.yaml:\d+:5: spellings")
        self.assertEqual(self.ok("verify", "--json", "--dir", self.log).json["digest"], before)

    def test_a_printed_configuration_has_them(self):
        printed = self.ok("config", "--print", self.config).out
        self.assertIn("  - spelling: \"PF_XBTUSD\"\n    symbol: \"BTCUSDT\"\n", printed)
        self.assertEqual(self.ok("config", "--print", self.write("again.yaml", printed)).out, printed)
        self.assertNotIn("spellings", self.ok("config", "--print").out)


if __name__ == "__main__":
    program.main()
