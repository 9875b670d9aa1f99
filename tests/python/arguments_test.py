#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What is wrong with an argument is told in one way, for every argument of every function: another
type is a TypeError, a value that cannot be is MR_REFUSED, and the text begins with the argument."""
import ast
import decimal
import inspect
import json
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import bus_test  # noqa: E402  loads the package of the build
import package  # noqa: E402
import program  # noqa: E402

millrace = bus_test.millrace
STUBS = package.ROOT / "bindings/python/millrace/__init__.pyi"
HUGE = 2 ** 2000
FAR = 2 ** 70
NAN = float("nan")
INF = float("inf")
NOON_NS = 1_746_300_000_000_000_000
STATES = "generated, evaluating, approved, executing, executed, blocked, expired or learned"


class Index:
    """An integer that is no int, as numpy has them."""

    def __init__(self, number):
        self.number = number

    def __index__(self):
        return self.number


def types(*values):
    return [(value, TypeError) for value in values]


def refused(*values):
    return [(value, millrace.MR_REFUSED) for value in values]


# What no argument of a kind takes.
TEXT = types(5, b"x", [], True) + refused("\ud800", "a\0b")
NEEDED = TEXT + types(None)
NAME = NEEDED + refused("", "a\nb", "x" * 100_000)
WORD = TEXT + refused("nonsense", "", "x" * 100_000)
STATE = TEXT + refused("nonsense", "", "Approved ", "x" * 100_000)
BOOL = types("no", "", 0, 1, 0.0, None, [])
INTEGER = types(True, 1.5, "5", None, [], decimal.Decimal(1)) + refused(-1, FAR, -FAR, HUGE, Index(-1))
TIME = INTEGER
NUMBER = types(True, False, "1", b"1", [], 1j) + refused(HUGE, -HUGE)
PRICE = NUMBER + refused(NAN, INF, -INF, 0, 0.0, -1.0, 1e30)
SECONDS = NUMBER + refused(NAN, INF, -1.0, 1e12)
KEPT_DATA = types(5, [], True) + refused(
    "{", "[]", b"{", b"[1]", b"{}\0", "\ud800", "a\0b", {"a": NAN}, {"a": {"b": [1, INF]}}, {"a": FAR},
    {"a": HUGE}, {"a": "\ud800"}, {"\ud800": 1}, {"a\0b": 1}) + [
    ({1: 2}, TypeError), ({"a": object()}, TypeError), ({"a": {"b": {1, 2}}}, TypeError)]
DATA = KEPT_DATA + refused({"a": "y" * 70_000})
SIGNAL = types(None, True, 1.5, b"x", []) + refused(0, -1, 2 ** 32, 2 ** 40, FAR, -FAR, HUGE, "\ud800", "a\0b")
MOMENT = types(True, 1.5, b"x", []) + refused(-1, FAR, HUGE, "yesterday", "\ud800", "a\0b")
PLACE = NEEDED + refused("", "No Name", "x" * 1000)
TIMEOUT = SECONDS
EVENT = types(None, True, 1.5, "5", [], {}, {"seq": "1"}) + refused(0, -1, FAR, HUGE, {"seq": -1})
MANY = types(5, None, [5], ["x"]) + refused([{}] * 8193)


class ArgumentsCase(program.Case):
    """A live log without a run, and one with orders at a venue outside."""

    def setUp(self):
        super().setUp()
        self.bus = millrace.Bus(self.folder / "log", create=True)
        self.addCleanup(self.bus.close)
        self.bus.register("ONEUSD")
        self.name = self.bus.emit("ONEUSD", "long", "bot", 0.5)

    def outside(self):
        log = self.folder / "outside"
        self.ok("run", "--dir", log, "--feed", "none", "--config", self.write_config(log__segment=4), "--drain")
        bus = millrace.Bus(log)
        self.addCleanup(bus.close)
        return bus

    def trading(self):
        log = self.folder / "trading"
        config = self.write_config(execute__venue="external", execute__report_within=0, synthetic__symbols=8,
                                   lifecycle__stuck_after_executing=0, synthetic__bars=800, log__segment=4)
        self.ok("run", "--dir", log, "--feed", "synthetic:7", "--config", config)
        bus = millrace.Bus(log)
        self.addCleanup(bus.close)
        return bus

    def table(self):
        """Function: what it is called on, arguments that are good, and for each what is wrong."""
        bus, name = self.bus, self.name
        outside, trading = self.outside(), self.trading()
        order = trading.open_orders()[0]
        bus.observe(source="bot", data="{}")
        subscription = bus.subscribe("rows", start="beginning", batch=1)
        bus.emit_many([{"symbol": "ONEUSD", "side": "long", "source": "bot"}] * 3)
        seqs = [subscription.take(timeout=10)["seq"] for _ in range(3)]
        claim = bus.claim("desk", "evaluating", id=bus.emit("ONEUSD", "long", "claimed", 0.5))
        signal = {"symbol": "ONEUSD", "side": "long", "source": "bot"}
        emission = {
            "symbol": TEXT + refused("", "a b", "x" * 100_000, None),
            "side": TEXT + refused("up", "", "x" * 100_000, None),
            "source": TEXT + refused("", "a\nb", "momentum", "x" * 65, "x" * 100_000, None),
            "confidence": NUMBER + refused(1.5, -0.1, NAN, INF),
            "name": TEXT + refused("a\nb", "x" * 100_000), "price": PRICE,
            "horizon": WORD, "valid_for": SECONDS + refused(0, 0.5),
            "external_id": TEXT + refused("x" * 100_000), "key": TEXT + refused("x" * 100_000),
            "account": TEXT + refused("x" * 100_000), "data": DATA + refused('{"a": "%s"}' % ("y" * 70_000))}
        moving = {"id": SIGNAL, "to": STATE + types(None), "from_state": STATE, "gate": WORD, "reason": WORD,
                  "data": DATA, "actor": WORD}
        stating = {"timeout": TIMEOUT}
        asking = {"question": NEEDED + refused("state=nonsense", "x" * 100_000), "limit": INTEGER + refused(0),
                  "after": [row for row in SIGNAL if row[0] is not None], "as_of": MOMENT}
        moves = [{"id": name, "to": "evaluating", key: value} for key, rows in moving.items() for value, _ in rows]
        making = {"dir": types(5, None, True, []) + refused("\ud800", "a\0b", b"a\0b"), "create": BOOL,
                  "table_signals": INTEGER + refused(5, 2 ** 31)}
        made = {"dir": self.folder / "made", "create": True}
        return {
            "Bus": (millrace.Bus, made, making),
            "Bus.open": (millrace.Bus.open, made, making),
            "Bus.emit": (bus.emit, signal, {**emission, "durable": BOOL}),
            "Bus.emit_many": (bus.emit_many, {"signals": [signal]}, {
                "signals": MANY + [([signal, {**signal, key: value}], kind) for key, rows in emission.items()
                                   for value, kind in rows if value is not None],
                "durable": BOOL}),
            "Bus.quote": (outside.quote, {"symbol": "BTCUSDT", "bid": 42000.1, "ask": 42000.2, "time_unix_ns": NOON_NS}, {
                "symbol": NEEDED + refused("", "NOPE", "x" * 100_000), "bid": PRICE + types(None), "ask": PRICE + types(None),
                "time_unix_ns": TIME, "bid_quantity": NUMBER + refused(NAN, INF, -1.0),
                "ask_quantity": NUMBER + refused(NAN, INF, -1.0),
                "source": TEXT + refused("a\nb", "x" * 65, "x" * 100_000), "durable": BOOL}),
            "Bus.candle": (outside.candle, {
                "symbol": "BTCUSDT", "close_time_unix_ns": NOON_NS // 60_000_000_000 * 60_000_000_000,
                "open": 42000.0, "high": 42001.0, "low": 41999.0, "close": 42000.0, "volume": 1.0}, {
                "symbol": NEEDED + refused("", "NOPE", "x" * 100_000), "close_time_unix_ns": TIME + refused(7),
                **dict.fromkeys(("open", "high", "low", "close"), PRICE + types(None)),
                "volume": NUMBER + types(None) + refused(NAN, INF, -1.0), "durable": BOOL}),
            "Bus.funding": (outside.funding, {"symbol": "BTCUSDT", "rate": 0.0001, "time_unix_ns": NOON_NS + 10 ** 12}, {
                "symbol": NEEDED + refused("", "NOPE", "x" * 100_000), "rate": NUMBER + types(None) + refused(NAN, INF, 2.0),
                "time_unix_ns": TIME, "interval": SECONDS + refused(0), "next_time_unix_ns": TIME,
                "source": TEXT + refused("a\nb", "x" * 65, "x" * 100_000), "durable": BOOL}),
            "Bus.move": (bus.move, {"id": name, "to": "evaluating"}, {**moving, "durable": BOOL}),
            "Bus.move_many": (bus.move_many, {"moves": [{"id": name, "to": "approved"}]}, {
                "moves": MANY + [([{"id": name, "to": "approved", key: value}], kind) for key, rows in moving.items()
                                 for value, kind in rows], "durable": BOOL}),
            "Bus.claim": (bus.claim, {"owner": "desk", "to": "evaluating", "state": "generated", "timeout": 0}, {
                "owner": NAME, "to": STATE + types(None), "state": STATE + types(None),
                "lease": SECONDS + types(None) + refused(0, 1e6), "id": [row for row in SIGNAL if row[0] is not None],
                "symbol": TEXT, "source": TEXT + refused("a\nb", "x" * 100_000), "timeout": TIMEOUT, "durable": BOOL}),
            "Bus.get": (bus.get, {"id": name}, {"id": SIGNAL, "as_of": MOMENT}),
            "Bus.moment": (bus.moment, {}, {"as_of": MOMENT}),
            "Bus.query": (bus.query, {}, asking),
            "Bus.page": (bus.page, {}, asking),
            "Bus.counts": (bus.counts, {}, {}),
            "Bus.register": (bus.register, {"symbol": "TWOUSD"}, {"symbol": NEEDED + refused("", "a b", "x" * 100_000)}),
            "Bus.symbol": (bus.symbol, {"name": "ONEUSD"}, {"name": NEEDED}),
            "Bus.symbols": (bus.symbols, {}, {}),
            "Bus.sources": (bus.sources, {}, {}),
            "Bus.observe": (bus.observe, {"source": "bot", "data": "{}"}, {
                "symbol": TEXT, "source": TEXT, "about": types(True, 1.5, b"x", []) + refused(0, -1, FAR, HUGE, "\ud800", "a\0b"),
                "data": KEPT_DATA + refused({"a": "y" * 10 ** 6}, '{"a": "%s"}' % ("y" * 10 ** 6), "word", '{"a": 1} {}', '"a"',
                                            "{" * 300, '{"a":' * 300 + "1" + "}" * 299, '{"a": 1e}', '{"a": 1', ""),
                "to": STATE, "durable": BOOL}),
            "Bus.observed": (bus.observed, {}, {"before": INTEGER, "limit": INTEGER + refused(0)}),
            "Bus.observed_id": (bus.observed_id, {"number": bus.observed()[0]["number"]}, {
                "number": types(None, True, 1.5, b"x", []) + refused(0, -1, FAR, HUGE, "\ud800", "a\0b")}),
            "Bus.observed_counts": (bus.observed_counts, {}, {}),
            "Bus.history": (bus.history, {"id": name}, {"id": NEEDED}),
            "Bus.advance": (bus.advance, {"id": name, "steps": [("approved", "executing", None, None, None)]}, {
                "id": SIGNAL, "durable": BOOL, "steps": types(None, 5, (), "x", [5], [("a", "b")], [["a"]]) + refused([], [()] * 9) + [
                    ([tuple(value if at == place else one for at, one in enumerate(
                        ("approved", "executing", None, None, None)))], kind)
                    for place, rows in enumerate((STATE + types(None), STATE + types(None), WORD, WORD,
                                                  TEXT + refused("{")))
                    for value, kind in rows]}),
            "Bus.orders": (trading.orders, {"name": "executor"}, {"name": PLACE}),
            "Bus.open_orders": (trading.open_orders, {}, {}),
            "Bus.order": (trading.order, {"id": order["id"]}, {"id": NEEDED}),
            "Bus.order_report": (trading.order_report, {
                "order": order, "status": "filled", "price": order["reference_price"], "quantity": order["quantity"],
                "fee": 0.1, "time_unix_ns": NOON_NS}, {
                "order": types(None, 5, [], {}, {"id": 5}) + refused("\ud800", "a\0b"), "status": WORD + types(None),
                "price": PRICE, "quantity": NUMBER + refused(NAN, INF, 0, -1.0), "fee": NUMBER + refused(NAN, INF),
                "time_unix_ns": TIME, **dict.fromkeys(("venue_order_id", "executor", "message"),
                                                      TEXT + refused("a\nb", "x" * 100_000)),
                "symbol": TEXT, "side": WORD, "durable": BOOL}),
            "Bus.feedback": (bus.feedback, {"id": name, "source": "desk", "judgement": "win"}, {
                "id": SIGNAL, "source": NAME, "judgement": WORD, "return_bps": NUMBER + refused(NAN, INF),
                "lesson": TEXT + refused("x" * 100_000), "evidence": DATA, "durable": BOOL}),
            "Bus.health": (trading.health, {}, {}),
            "Bus.wait": (bus.wait, {"timeout": 0}, stating),
            "Bus.subscribe": (bus.subscribe, {"name": "another"}, {
                "name": PLACE, "kind": WORD, "symbol": TEXT + refused("NOPE", "x" * 100_000), "source": TEXT + refused("x" * 100_000),
                "signal_name": TEXT + refused("x" * 100_000), "state": STATE,
                "start": types(None, True, 1.5, b"x", []) + refused(0, -1, FAR, HUGE, "soon", "0", "\ud800", "a\0b", "9" * 100),
                "max_in_flight": INTEGER + refused(1025), "max_deliver": INTEGER + refused(2 ** 32),
                "ack_wait": SECONDS + types(None),
                "backoff": types(5, "5", ["5"], [True], [None], b"5") + refused([-1], [NAN], [HUGE], [1] * 9),
                "batch": INTEGER + refused(0, 1025),
                "fields": types(5, "seq", [5], [None]) + refused(["nonsense"], ["\ud800"], ["a\0b"], ["seq"] * 100)}),
            "Bus.forget": (bus.forget, {"name": "another"}, {"name": PLACE}),
            "Bus.close": (bus.close, {}, {}),
            "Subscription.take": (subscription.take, {"timeout": 0}, stating),
            "Subscription.take_many": (subscription.take_many, {"timeout": 0}, {
                "count": INTEGER + refused(0, 1025), **stating}),
            "Subscription.ack": (subscription.ack, {"event": seqs[0]}, {"event": EVENT}),
            "Subscription.ack_many": (subscription.ack_many, {"events": [seqs[1]]}, {
                "events": types(5, None) + refused([1] * 1025) + [([seqs[1], value], kind) for value, kind in EVENT]}),
            "Subscription.nack": (subscription.nack, {"event": seqs[2]}, {
                "event": EVENT, "delay": SECONDS + refused(90_000), "reason": TEXT + refused("a\nb", "x" * 201)}),
            "Subscription.close": (subscription.close, {}, {}),
            "Orders.take": (trading.orders("other").take, {"timeout": 0}, stating),
            "Orders.close": (trading.orders, None, {}),
            "Claim.move": (claim.move, {}, {key: rows for key, rows in {**moving, "to": STATE, "durable": BOOL}.items()
                                            if key not in ("id", "from_state")}),
            "Claim.renew": (claim.renew, {}, {"lease": SECONDS + refused(0, 1e6)}),
            "Claim.release": (claim.release, None, {}),
            "open": (millrace.open, {"dir": self.folder / "log"}, {
                "dir": types(5, 0, True, []) + refused("", b"", "\ud800", "a\0b", None)}),
            "claims": (millrace.claims, {"bus": bus, "owner": "desk", "to": "evaluating"}, {
                "bus": types(None, 5), "owner": [], "to": []}),
            "events": (millrace.events, {"subscription": subscription}, {"subscription": types(None, 5)}),
        }


def stubs():
    """Function: its arguments as the stubs have them, and how many of them have no name in a call."""
    found = {}

    def note(name, function):
        positional = [one.arg for one in function.args.posonlyargs + function.args.args + function.args.kwonlyargs]
        own = [one for one in positional if one not in ("self", "cls")]
        found[name] = (own, {one.arg for one in function.args.posonlyargs})

    for node in ast.parse(STUBS.read_text()).body:
        if isinstance(node, ast.FunctionDef):
            note(node.name, node)
        elif isinstance(node, ast.ClassDef):
            for one in node.body:
                if isinstance(one, ast.FunctionDef) and one.name == "__new__":
                    note(node.name, one)
                elif isinstance(one, ast.FunctionDef) and not one.name.startswith("_"):
                    note(f"{node.name}.{one.name}", one)
    return found


def public():
    """Every function that the package has, by what a program sees."""
    names = {"Bus"}
    for kind in (millrace.Bus, millrace.Subscription, millrace.Orders, millrace.Claim):
        names |= {f"{kind.__name__}.{name}" for name in vars(kind)
                  if not name.startswith("_") and callable(getattr(kind, name))}
    # `from millrace import *` leaves the open() of files alone.
    return names | {name for name in (*millrace.__all__, "open") if inspect.isroutine(getattr(millrace, name))}


class ArgumentsTest(ArgumentsCase):
    maxDiff = None

    def test_every_argument_has_rows_and_is_in_stubs_and_help(self):
        table, stub = self.table(), stubs()
        self.assertEqual(set(table), public())
        self.assertEqual(set(stub), public())
        for name, (_, _, rows) in table.items():
            self.assertEqual(sorted(rows), sorted(stub[name][0]), name)
        for name, (arguments, _) in stub.items():
            kind, _, method = name.rpartition(".")
            if not kind or name == "Bus.open":
                continue
            help_text = getattr(getattr(millrace, kind), method).__doc__
            signature = re.match(r"\w+\((.*?)\)\n\n", help_text, re.S).group(1)
            depth = re.sub(r"\([^()]*\)|'[^']*'", "", signature)
            told = [word.split("=")[0].strip() for word in depth.split(",")]
            self.assertEqual([word for word in told if word not in ("", "*")], arguments, name)

    def test_what_is_wrong_is_told_in_one_way(self):
        positional = {name: only for name, (_, only) in stubs().items()}
        table = self.table()
        before = self.bus.counts()
        for name, (call, good, rows) in table.items():
            for argument, values in rows.items():
                for value, kind in values:
                    with self.subTest(f"{name}({argument}={repr(value)[:60] if not isinstance(value, int) else hex(value)[:60]})"):
                        self.wrong(call, {**good, argument: value}, argument, kind, positional[name])
        self.assertEqual(self.bus.counts(), before)
        for name, (call, good, _) in table.items():
            if good is not None and name not in ("Bus.close", "Bus.open", "Subscription.close", "Bus.orders"):
                with self.subTest(f"{name} takes what is good"):
                    names = {key: good[key] for key in good if key not in positional[name]}
                    call(*(good[key] for key in good if key in positional[name]), **names)

    def test_texts_say_what_is_taken(self):
        bus = self.outside()
        bus.register("NEWUSD")
        signal = {"symbol": "ONEUSD", "side": "long", "source": "bot"}
        move = {"id": 1, "to": "evaluating"}
        wrong = [
            (lambda: bus.query("state=nonsense"),
             f"question: character 7: expected a state ({STATES}), found nonsense"),
            (lambda: self.bus.move(self.name, "nonsense"), f'to: expected {STATES}, found "nonsense"'),
            (lambda: self.bus.get(0), "id: expected the id of a signal, or its number, 1 to 4294967295, found 0"),
            (lambda: self.bus.get(HUGE), "id: expected the id of a signal, or its number, 1 to 4294967295, found an "
                                         "integer of 2001 bits"),
            (lambda: self.bus.emit("ONEUSD", "long", "bot", HUGE), "confidence: expected 0 to 1, found an integer of "
                                                                   "2001 bits"),
            (lambda: self.bus.emit("ONEUSD", "long", "bot", data={"a": {"b": [1, NAN]}}),
             "data['a']['b'][1]: expected a number of JSON, found nan"),
            (lambda: self.bus.emit("ONEUSD", "long", "\ud800"), "source: expected text without lone surrogates, found "
                                                                "'\\ud800'"),
            (lambda: bus.quote("BTCUSDT", 0, 1.0, time_unix_ns=NOON_NS), "bid: must be above zero, found 0"),
            (lambda: bus.quote("BTCUSDT", -1.5, 1.0, time_unix_ns=NOON_NS), "bid: must be above zero, found -1.5"),
            (lambda: bus.quote("BTCUSDT", 1.0, NAN, time_unix_ns=NOON_NS), "ask: expected a finite number, found nan"),
            (lambda: bus.quote("BTCUSDT", 1.0, INF, time_unix_ns=NOON_NS), "ask: expected a finite number, found inf"),
            (lambda: bus.quote("BTCUSDT", 1.0, 42000.123, time_unix_ns=NOON_NS),
             "ask: expected a number of up to 2 decimals, as BTCUSDT has them, found 42000.123"),
            (lambda: bus.quote("BTCUSDT", 1.0, 2.0, bid_quantity=-1, time_unix_ns=NOON_NS),
             "bid_quantity: must not be below zero, found -1"),
            (lambda: bus.emit_many([{"symbol": "BTCUSDT", "side": "up", "source": "bot"}]),
             "signal 1 of 1: side: expected long, buy, short or sell, found 'up'"),
            (lambda: self.bus.move_many([move, {**move, "form_state": "generated"}]),
             "move 2 of 2: unknown key 'form_state' (free data go into \"data\")"),
            (lambda: self.bus.move_many([{**move, 5: None}, move]),
             'move 1 of 2: unknown key 5 (free data go into "data")'),
            (lambda: self.bus.move_many([{**move, "durable": True}]),
             "move 1 of 1: unknown key 'durable' (free data go into \"data\")"),
            (lambda: self.bus.move_many([move, {"to": "evaluating"}]),
             "move 2 of 2: id is missing: expected the id of a signal, or its number"),
            (lambda: self.bus.move_many([{"id": 1}]), "move 1 of 1: to is missing: expected a state"),
            *((lambda call=call: call(), f"symbol: NEWUSD is provisional, without an instrument: no {kind} of it is taken")
              for kind, call in (("quote", lambda: bus.quote("NEWUSD", 1.5, 2.5, time_unix_ns=NOON_NS)),
                                 ("candle", lambda: bus.candle("NEWUSD", NOON_NS, 1.5, 1.5, 1.5, 1.5, 1.0)),
                                 ("funding", lambda: bus.funding("NEWUSD", 0.1, time_unix_ns=NOON_NS)))),
            (lambda: self.bus.emit("idempotency_key x", "long", "bot"),
             'symbol: expected a registered symbol, found "idempotency_key x"'),
            (lambda: self.bus.emit("ONEUSD", "long", "bot", key="idempotency_key\n"),
             'key: expected a text without control characters, found "idempotency_key\\x0a"'),
            (lambda: self.bus.emit_many([{**signal, "key": "k" * 257}] * 2),
             "signal 1 of 2: key: expected 1 to 256 bytes, found 257"),
            (lambda: self.bus.emit_many([{**signal, "source": "idempotency_key\n"}] * 2),
             'signal 1 of 2: source: expected a text without control characters, found "idempotency_key\\x0a"'),
        ]
        for call, text in wrong:
            with self.subTest(text):
                with self.assertRaises(millrace.MR_REFUSED) as caught:
                    call()
                self.assertEqual(str(caught.exception), text)
        for value in (0.5, 1, Index(1), decimal.Decimal("0.5")):  # what is no float, and a number
            self.bus.emit("ONEUSD", "long", "bot", value)
        self.assertEqual(len(self.bus.query(limit=Index(2))), 2)
        self.assertEqual(self.bus.get(Index(1))["id"], self.name)

    def test_what_there_is_none_of_is_named(self):
        bus, trading = self.bus, self.trading()
        far = 10 ** 9
        for name, text in ((far, "there is no signal 1000000000"), ("ONEUSD_1_0000000F", "there is no signal ONEUSD_1_0000000F")):
            for call, before in (
                    (lambda: bus.move(name, "expired"), ""),
                    (lambda: bus.move(name, "expired", from_state="generated", gate="expiry", reason="external"), ""),
                    (lambda: bus.move_many([{"id": 1, "to": "evaluating"}, {"id": name, "to": "expired"}]), "move 2 of 2: "),
                    (lambda: bus.get(name), ""), (lambda: bus.claim("desk", "evaluating", id=name), ""),
                    (lambda: bus.advance(name, [("generated", "evaluating", None, None, None)]), ""),
                    (lambda: bus.feedback(name, "desk", "win"), "")):
                self.says(millrace.MR_NOT_FOUND, before + text, call)
        self.says(millrace.MR_NOT_FOUND, "there was no signal 1000000000 then", lambda: bus.get(far, as_of=bus.moment()))
        self.says(millrace.MR_NOT_FOUND, "after: there is no signal 1000000000 to go on behind", lambda: bus.query(after=far))
        for call in (lambda: bus.observe(about=far), lambda: bus.observed_id(far)):
            self.says(millrace.MR_NOT_FOUND, "there is no emission 1000000000 outside the lifecycle", call)
        for call, field in ((lambda: bus.observe(about="ONEUSD_1_0000000F"), "about"), (lambda: bus.history("ONEUSD_1_0000000F"), "id")):
            self.says(millrace.MR_NOT_FOUND, f"{field}: there is no signal, and no emission outside the lifecycle, "
                                             "'ONEUSD_1_0000000F'", call)
        self.says(millrace.MR_NOT_FOUND, "there is no order ONEUSD", lambda: trading.order("ONEUSD"))
        claim = bus.claim("desk", "evaluating", id=self.name)
        claim.release()
        for call in (claim.release, claim.move, claim.renew):
            self.says(millrace.MR_CONFLICT, "the claim of signal 1 is over", call)
        for arguments in (("move", "1000000000", "--to", "expired"), ("why", "1000000000"), ("show", "1000000000"),
                          ("claim", "1000000000", "--owner", "desk", "--to", "evaluating")):
            answer = program.call(*arguments[:1], "--dir", self.folder / "log", *arguments[1:])
            self.assertIn("1000000000", answer.err, arguments)

    def says(self, kind, text, call):
        with self.assertRaises(kind) as caught:
            call()
        self.assertEqual(str(caught.exception), text)

    def test_what_is_observed_is_any_json_object(self):
        for data, kept in ((None, None), ({}, "{}"), ({"a": [1, None]}, {"a": [1, None]}), (b'{"a": 1}', '{"a": 1}'),
                           ({"a": "y" * 70_000}, {"a": "y" * 70_000}), ('{"a": %d}' % FAR, '{"a": %d}' % FAR),
                           ('{"a": 1e999}', '{"a": 1e999}'), (' {"a": "\u00e4"}\n', ' {"a": "\u00e4"}\n'),
                           ('{"a":' * 300 + "[]" + "}" * 300, '{"a":' * 300 + "[]" + "}" * 300)):
            with self.subTest(data=repr(data)[:60]):
                told = self.bus.history(self.bus.observe(source="bot", data=data))[0]["data"]
                self.assertEqual(json.loads(told) if isinstance(kept, dict) else told, kept)
        for given in ({}, {"source": "bot"}, {"about": None, "data": {}}):
            self.says(millrace.MR_REFUSED, "to: expected none without about: only what an observation is about is moved, and "
                                           "an emission begins as generated", lambda: self.bus.observe(to="blocked", **given))
        with self.assertRaises(millrace.MR_REFUSED) as caught:
            self.bus.observe(data="{")
        self.assertEqual(str(caught.exception), "data: no JSON, at byte 2: it ends too early")

    def wrong(self, call, arguments, argument, kind, positional):
        with self.assertRaises((millrace.MillraceError, TypeError)) as caught:
            call(*(arguments[key] for key in arguments if key in positional),
                 **{key: arguments[key] for key in arguments if key not in positional})
        text = str(caught.exception)
        self.assertIs(type(caught.exception), kind, text)
        self.assertRegex(text, rf"^((signal|move) \d+ of \d+: (\w+|expected)|{argument})( is missing)?(:|\[| a dict)")
        self.assertLess(len(text), 400, text)
        self.assertNotRegex(text, r"\d{40}")


if __name__ == "__main__":
    program.main()
