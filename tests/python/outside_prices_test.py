#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Prices from outside in Python: every field, and a bot, a feed and a run that work together."""
import json
import signal

import bus_test  # noqa: E402  loads the package of the build
import program
from program import MINUTE_MS, START_MS

millrace = bus_test.millrace
NS = 1_000_000


def close_ns(minute):
    return (START_MS + MINUTE_MS * minute) * NS


class OutsideCase(program.Case):
    def setUp(self):
        super().setUp()
        self.log = self.folder / "log"
        self.config = self.write_config(log__segment=4)
        self.ok("run", "--dir", self.log, "--feed", "none", "--config", self.config, "--drain")

    def sql(self, question):
        return json.loads(self.ok("sql", "--json", "--dir", self.log, question).out)


class FactsTest(OutsideCase):
    def setUp(self):
        super().setUp()
        self.bus = millrace.Bus(self.log)
        self.addCleanup(self.bus.close)

    def candle(self, minute=1, price=42000.0, **changes):
        fields = {"symbol": "BTCUSDT", "close_time_unix_ns": close_ns(minute), "open": price,
                  "high": price + 5, "low": price - 5, "close": price + 1, "volume": 2.5, **changes}
        return self.bus.candle(**fields)

    def quote(self, minute=1, **changes):
        return self.bus.quote(**{"symbol": "BTCUSDT", "bid": 42000.1, "ask": 42000.2,
                                 "time_unix_ns": close_ns(minute), **changes})

    def test_a_spelling_is_its_symbol(self):
        text = self.config.read_text() + "\nspellings:\n  - spelling: PF_XBTUSD\n    symbol: BTCUSDT\n"
        spelled = self.write("spelled.yaml", text)
        self.bus.close()
        self.ok("run", "--dir", self.log, "--feed", "none", "--config", spelled, "--drain")
        with millrace.Bus(self.log) as self.bus:
            self.candle(1, symbol="PF_XBTUSD")
            self.quote(2, symbol="pf-xbtusd")
            self.bus.funding("PF_XBTUSD", 0.0001, time_unix_ns=close_ns(3))
            name = self.bus.emit("PF_XBTUSD", "long", "bot", 0.5)
            self.assertEqual([one["id"] for one in self.bus.query("symbol=PF_XBTUSD")], [name])
        for table in ("prices", "quotes", "funding"):
            self.assertEqual(self.sql(f"SELECT symbol FROM {table}"), [{"symbol": "BTCUSDT"}])

    def test_what_is_brought_in_is_in_the_log_once(self):
        self.assertIs(self.candle(1), True)
        self.assertIs(self.candle(1), False)
        self.assertIs(self.quote(2, symbol="eth-usdt", bid=2200, ask=2200.01, ask_quantity=3,
                                 source="ws", durable=True), True)
        self.assertIs(self.bus.funding("BTCUSDT", -0.0001, time_unix_ns=close_ns(3), interval=28800,
                                       next_time_unix_ns=close_ns(480), source="ws"), True)
        self.assertEqual(self.bus.event_time_unix_ns, close_ns(3))
        self.assertEqual(self.sql("select symbol, ask, bid_quantity, ask_quantity, source from quotes"),
                         [{"symbol": "ETHUSDT", "ask": 2200.01, "bid_quantity": None,
                           "ask_quantity": 3, "source": "ws"}])
        self.assertEqual(self.sql("select rate, interval_ns from funding"),
                         [{"rate": -0.0001, "interval_ns": 28800 * 10**9}])
        self.assertEqual(self.sql("select close, volume from prices"), [{"close": 42001, "volume": 2.5}])

    def test_each_wrong_field_is_refused_by_name_and_nothing_is_written(self):
        nan, infinite = float("nan"), float("inf")
        wrong = [
            (self.quote, {"bid": nan}, "bid"), (self.quote, {"ask": infinite}, "ask"),
            (self.quote, {"bid": 0}, "bid"), (self.quote, {"bid": 42000.3}, "bid"),
            (self.quote, {"ask": 42000.201}, "ask"), (self.quote, {"symbol": "NOPE"}, "symbol"),
            (self.quote, {"bid_quantity": -1.0}, "bid_quantity"), (self.quote, {"time_unix_ns": 0}, "time"),
            (self.quote, {"time_unix_ns": 2**62}, "time"), (self.quote, {"source": "x" * 65}, "source"),
            (self.quote, {"source": ""}, "source: expected a name that is not only spaces"),
            (self.quote, {"source": " "}, "source: expected a name that is not only spaces"),
            (self.candle, {"open": -1.0}, "open"), (self.candle, {"high": 1.0}, "high"),
            (self.candle, {"volume": nan}, "volume"), (self.candle, {"close_time_unix_ns": 7}, "time"),
        ]
        before = self.bus.event_time_unix_ns
        for call, changes, field in wrong:
            with self.subTest(changes=changes):
                self.assertRaisesRegex(millrace.MR_REFUSED, field, call, **changes)
        self.assertRaisesRegex(millrace.MR_REFUSED, "rate", self.bus.funding, "BTCUSDT", 2.0,
                               time_unix_ns=close_ns(1))
        self.assertRaisesRegex(millrace.MR_REFUSED, "interval", self.bus.funding, "BTCUSDT", 0.0,
                               time_unix_ns=close_ns(1), interval=0)
        self.assertRaises(TypeError, self.quote, bid="1")
        self.assertRaises(TypeError, self.quote, bid_quantity="1")
        self.assertRaises(TypeError, self.candle, close_time_unix_ns=1.5)
        self.assertEqual(self.bus.event_time_unix_ns, before)
        self.assertEqual(self.sql("select count(*) as n from quotes")[0]["n"], 0)

    def test_a_closed_handle_says_so(self):
        self.bus.close()
        for call in (self.candle, self.quote, lambda: self.bus.funding("BTCUSDT", 0.0)):
            self.assertRaisesRegex(millrace.MR_EINVAL, "closed", call)


class TogetherTest(OutsideCase):
    def wait_for(self, bus, condition, what, process):
        def look():
            bus.wait(0.05)
            return condition()
        program.wait_until(look, what, process)

    def test_a_bot_a_feed_and_a_run_work_together(self):
        run = self.start("run", "--dir", self.log, "--json")
        feed = self.start("feed", "--dir", self.log, stdin=program.subprocess.PIPE)

        def send(minute):
            price = 42000 + 20 * minute
            feed.stdin.write(json.dumps({
                "kind": "candle", "symbol": "BTC-USDT", "close_time": START_MS + MINUTE_MS * minute,
                "open": price, "high": price, "low": price, "close": price, "volume": 1}).encode() + b"\n")
            feed.stdin.flush()

        send(1)
        with millrace.Bus(self.log) as bus:
            self.wait_for(bus, lambda: bus.event_time_unix_ns == close_ns(1), "the first bar", feed)
            name = bus.emit("BTCUSDT", "long", "bot", 0.7)
            for minute in range(2, 65):
                send(minute)
            self.wait_for(bus, lambda: bus.get(name)["state"] == "learned", "every horizon", run)
        found = self.sql(f"select horizon, status, price from outcomes where signal_id = '{name}'")
        self.assertEqual([(row["status"], row["price"]) for row in found],
                         [("resolved", 42000 + 20 * (1 + minute)) for minute in (1, 5, 15, 30, 60)])
        feed.stdin.close()
        feed.stdin = None
        self.assert_exit(program.finish(feed), program.OK)
        run.send_signal(signal.SIGINT)
        answer = self.assert_exit(program.finish(run), program.OK)
        self.assertEqual(answer.json["candles"], 64)
        self.assertIn("identical", self.ok("replay", "--check", "--dir", self.log).out)


if __name__ == "__main__":
    program.main()
