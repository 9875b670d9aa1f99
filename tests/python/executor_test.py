#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Orders at a venue outside, from Python: the example's executor is killed at random moments while a
run trades, and no order is sent twice, none is forgotten; what is refused; health and feedback."""
import decimal
import json
import os
import pathlib
import random
import signal
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import bus_test  # noqa: E402  loads the package of the build
import package  # noqa: E402
import program  # noqa: E402

millrace = bus_test.millrace
EXAMPLES = package.ROOT / "examples"
BARS = int(os.environ.get("BARS", "1000"))  # that are traded while executors are killed
SEED = int(os.environ.get("SEED", "0")) or random.randrange(1, 10**6)
ENDS = ("filled", "rejected", "cancelled")


class ExternalCase(program.Case):
    def setUp(self):
        super().setUp()
        self.log = self.folder / "log"
        self.config = self.write_config(
            execute__venue="external", execute__report_within=0, lifecycle__stuck_after_executing=0,
            synthetic__symbols=8, synthetic__bars=self.bars, log__segment=4)
        self.environment = {**os.environ, "PYTHONPATH": package.path()}

    def begin(self):
        """A log that has been traded in up to its first orders, which nobody has taken."""
        self.ok("run", "--dir", self.log, "--feed", "synthetic:7", "--config", self.config)
        self.bus = millrace.Bus(self.log)
        self.addCleanup(self.bus.close)

    def python(self, *words, **options):
        process = subprocess.Popen([sys.executable, *map(str, words)], env=self.environment,
                                   text=True, **options)

        def end():
            process.kill()
            process.wait()
            for stream in (process.stdout, process.stderr):
                if stream is not None:
                    stream.close()
        self.addCleanup(end)
        return process


class ExchangeTest(program.Case):
    def book(self, seed, parts, count=200):
        """What becomes of so many orders once all is over: (quantity, [filled], end) each."""
        sys.path.insert(0, str(EXAMPLES))
        self.addCleanup(sys.path.remove, str(EXAMPLES))
        import fake_exchange
        exchange = fake_exchange.Exchange(seed, parts)
        made = []
        for number in range(count):
            request = {"client_id": str(number), "side": "buy", "price": 100.0,
                       "quantity": (number + 1) / 1000}
            exchange.order(request)
            order = exchange.orders[str(number)]
            for fill in order["fills"]:
                fill["due"] = 0
            told = exchange.query(request)
            self.assertEqual(len({fill["time_unix_ns"] for fill in told["fills"]}), len(told["fills"]))
            self.assertEqual(exchange.query(request), told)
            made.append((request["quantity"], [fill["quantity"] for fill in told["fills"]], told["state"]))
        return made

    def test_parts_add_up_and_depend_on_the_seed_alone(self):
        made = self.book(7, 4)
        self.assertEqual(self.book(7, 4), made)
        self.assertNotEqual(self.book(8, 4), made)
        self.assertEqual({len(parts) for _, parts, end in made if end == "filled"}, {1, 2, 3, 4})
        self.assertEqual({end for _, _, end in made}, {"filled", "rejected", "cancelled"})
        for quantity, parts, end in made:
            self.assertTrue(all(part > 0 for part in parts))
            if end == "filled":
                self.assertAlmostEqual(sum(parts), quantity, 9)
            elif end == "cancelled":
                self.assertTrue(0 < sum(parts) < quantity)
            else:
                self.assertEqual(parts, [])

    def test_without_parts_orders_are_filled_whole(self):
        for quantity, parts, end in self.book(7, 1):
            self.assertEqual(parts, [quantity] if end == "filled" else [])


class KillTest(ExternalCase):
    bars = BARS
    parts = 1

    def setUp(self):
        super().setUp()
        self.random = random.Random(SEED)
        self.exchange = self.python(EXAMPLES / "fake_exchange.py", "--seed", SEED, "--parts", self.parts,
                                    stdout=subprocess.PIPE)
        self.port = int(self.exchange.stdout.readline())

    def ask_exchange(self):
        with socket.create_connection(("127.0.0.1", self.port), timeout=60) as connection:
            connection.sendall(b'{"op":"stats"}\n')
            return json.loads(connection.makefile("rb").readline())

    def start_executor(self):
        return self.python(EXAMPLES / "executor.py", "--dir", self.log, "--port", self.port,
                           stderr=subprocess.PIPE)

    def start_run(self):
        return self.start("run", "--dir", self.log, "--feed", "synthetic:7", "--config", self.config,
                          "--speed", "20000", "--json")

    def orders(self):
        return {order["order_id"]: order for order in program.call(
            "orders", "--all", "--json", "--dir", self.log).json["orders"]}

    def kill_again_and_again(self, run):
        """Executors, one after the other; how many were killed while the run was trading."""
        kills = 0
        while run.poll() is None:
            executor = self.start_executor()
            try:
                executor.wait(self.random.uniform(0.1, 0.7))
                self.fail(f"the executor ended: {executor.stderr.read()}")
            except subprocess.TimeoutExpired:
                executor.send_signal(signal.SIGKILL)
            executor.wait()
            kills += 1
            if kills == 3:  # the run, too
                run.send_signal(signal.SIGKILL)
                run.wait()
                run = self.start_run()
        self.assert_exit(program.finish(run), program.OK)
        return kills

    def settle(self):
        """Until every order has ended: reports are decided on by runs, which may place exits."""
        executor = self.start_executor()

        def is_settled():
            self.ok("run", "--dir", self.log, "--feed", "synthetic:7", "--config", self.config)
            status = program.call("status", "--json", "--dir", self.log).json
            return (status["open_orders"] == 0 and status["pending_inputs"] == 0 and
                    status["executor_process"] == executor.pid)  # else it may have nothing to do yet
        program.wait_until(is_settled, "every order to end", executor)
        executor.terminate()
        self.assertEqual(executor.wait(), 0)
        self.assertEqual(executor.stderr.read(), "")  # nothing was disputed

    def test_an_executor_without_a_log_says_so(self):
        executor = self.python(EXAMPLES / "executor.py", "--dir", self.folder / "nothing", "--port", self.port,
                               stderr=subprocess.PIPE)
        said = executor.communicate(timeout=60)[1]
        self.assertEqual(executor.returncode, 1)
        self.assertRegex(said, "^executor: .*nothing: ")
        self.assertNotIn("Traceback", said)

    def test_killed_at_any_moment_no_order_is_sent_twice_and_every_one_ends(self):
        print(f"SEED={SEED}")
        run = self.start_run()
        program.wait_until(lambda: (self.log / "run").exists() and program.call(
            "status", "--dir", self.log).code != program.FAULT, "the run to begin", run)
        kills = self.kill_again_and_again(run)
        self.settle()
        book = self.ask_exchange()
        orders = self.orders()
        self.assertEqual(book["duplicates"], 0, "an order was sent twice")
        self.assertLessEqual(set(orders), set(book["orders"]))  # which has earlier attempts, too
        print(f"{kills} executors were killed, {len(book['orders'])} orders")
        self.assertGreater(kills, 0)
        self.assertGreater(len(book["orders"]), 5)
        attempts = {row["client_order_id"]: row["attempt"] for row in json.loads(self.ok(
            "sql", "--json", "--dir", self.log,
            "select client_order_id, attempt from orders where kind = 'order.intent'").out)}
        self.assertLessEqual(set(book["orders"]), set(attempts))
        for name, order in orders.items():
            self.assertEqual(attempts[name], order["attempt"], name)
        newest = {}
        for row in json.loads(self.ok("sql", "--json", "--dir", self.log,
                                      "select seq, kind, leg, ordinal from orders order by seq").out):
            newest.setdefault((row["ordinal"], row["leg"]), []).append(row["kind"])
        for kinds in newest.values():
            self.assertEqual(kinds.count("order.intent"),
                             sum(kinds.count("order." + end) for end in ENDS), kinds)
            if self.parts == 1:
                self.assertLessEqual(kinds.count("order.filled"), 1, kinds)
        filled = sum(kinds.count("order.filled") for kinds in newest.values())
        self.assertEqual(filled, sum(bool(order["fills"]) for order in book["orders"].values()))
        for name, order in orders.items():
            self.assertIn(order["state"], ENDS, order)
            at_venue = book["orders"][name]
            self.assertEqual(order["state"], at_venue["state"], order)
            self.assertAlmostEqual(float(order["filled_quantity"]),
                                   sum(fill["quantity"] for fill in at_venue["fills"]), 9)
        most = max(len(order["fills"]) for order in book["orders"].values())
        self.assertTrue(most == 1 if self.parts == 1 else most > 1)
        status = program.call("status", "--json", "--dir", self.log).json
        self.assertTrue(status["summary"]["ledger"]["ok"])
        self.assertEqual(status["order_disputes"], 0)
        self.assertIn("identical", self.ok("replay", "--check", "--dir", self.log).out)


class PartsKillTest(KillTest):
    """The same where the exchange fills in parts."""
    bars = BARS
    parts = 3


class ReportTest(ExternalCase):
    bars = 800

    def setUp(self):
        super().setUp()
        self.begin()
        self.order = self.bus.open_orders()[0]

    def fill(self, order=None, **changes):
        order = order or self.order
        return self.bus.order_report(order, "filled", **{
            "price": order["reference_price"], "quantity": order["quantity"], "fee": 0.1,
            "time_unix_ns": 1_746_300_000_000_000_000, **changes})

    def test_an_order_has_all_that_an_executor_needs(self):
        self.assertEqual((self.order["state"], self.order["leg"], self.order["type"],
                          self.order["attempt"], self.order["venue_order_id"]),
                         ("intent", "entry", "market", 1, None))
        self.assertGreater(self.order["quantity"], 0)
        self.assertEqual(self.bus.order(self.order["id"]), self.order)
        self.assertEqual(self.bus.get(self.order["signal"])["state"], "executing")
        self.assertRaises(millrace.MR_NOT_FOUND, self.bus.order, "m00")
        self.assertRaises(TypeError, self.bus.order, 5)
        listed = program.call("orders", "--json", "--dir", self.log).json
        self.assertEqual([order["order_id"] for order in listed["orders"]],
                         [order["id"] for order in self.bus.open_orders()])

    def test_a_report_is_taken_once(self):
        self.assertIs(self.bus.order_report(self.order["id"], "sent", executor="me"), True)
        self.assertIs(self.bus.order_report(self.order, "sent", executor="me"), False)
        self.assertIs(self.fill(venue_order_id="7", side="LONG" if self.order["side"] == "buy"
                                else "SHORT", symbol=self.order["symbol"]), True)
        self.assertIs(self.fill(venue_order_id="7"), False)
        self.assertEqual(self.bus.order(self.order["id"])["venue_order_id"], "7")
        self.ok("run", "--dir", self.log, "--feed", "synthetic:7", "--config", self.config)
        self.assertIn(self.bus.get(self.order["signal"])["state"], ("executed", "learned"))
        story = self.ok("why", self.order["signal"], "--dir", self.log).out
        self.assertIn("reported    entry order filled", story)
        self.assertIn("reported    entry order sent by me", story)
        self.assertIn("identical", self.ok("replay", "--check", "--dir", self.log).out)

    def test_parts_add_up_and_what_ends_with_a_part_is_executed_with_it(self):
        step = self.order["quantity"] / 4
        part = json.loads(self.ok("orders", "--json", "--dir", self.log).out)["orders"][0]
        self.assertEqual(float(part["filled_quantity"]), 0)
        price = self.order["reference_price"]
        parts = [{"quantity": round(step, 2), "price": price, "time_unix_ns": 1_746_300_000_000_000_001},
                 {"quantity": round(step, 2), "price": price, "time_unix_ns": 1_746_300_000_000_000_002}]
        for number, changes in enumerate(parts, 1):
            self.assertIs(self.fill(**changes), True)
            self.assertIs(self.fill(**changes), False)
            order = self.bus.order(self.order["id"])
            self.assertEqual(order["state"], "accepted")
            self.assertAlmostEqual(order["filled_quantity"], number * parts[0]["quantity"])
            self.assertIn(order, self.bus.open_orders())
        self.assertRaisesRegex(millrace.MR_CONFLICT, "quantity_differs", self.fill)
        self.assert_says(self.ok("orders", "--dir", self.log), " of ")
        with millrace.Bus(self.log) as other, other.orders() as orders:  # another executor goes on
            found = orders.take(timeout=0)
            while found["id"] != self.order["id"]:
                found = orders.take(timeout=0)
            self.assertEqual(found["filled_quantity"], order["filled_quantity"])
            self.assertIs(other.order_report(found, "cancelled"), True)
        self.ok("run", "--dir", self.log, "--feed", "synthetic:7", "--config", self.config)
        self.assertIn(self.bus.get(self.order["signal"])["state"], ("executed", "learned"))
        rows = json.loads(self.ok(
            "sql", "--json", "--dir", self.log, "select kind, quantity, fee from orders where leg = 'entry' "
            f"and ordinal = {self.order['ordinal']} and kind = 'order.filled'").out)
        self.assertEqual(len(rows), 1)
        self.assertAlmostEqual(float(rows[0]["quantity"]), order["filled_quantity"])
        self.assertAlmostEqual(float(rows[0]["fee"]), 0.2)
        self.assert_says(self.ok("why", self.order["signal"], "--dir", self.log),
                         "reported    entry order filled, ")
        self.assertIn("identical", self.ok("replay", "--check", "--dir", self.log).out)

    def test_what_contradicts_is_refused_and_counted(self):
        wrong = [({"quantity": self.order["quantity"] * 2}, "quantity_differs"),
                 ({"symbol": "SIM99USD"}, "symbol_differs"),
                 ({"side": "sell" if self.order["side"] == "buy" else "buy"}, "side_differs")]
        for changes, reason in wrong:
            with self.subTest(reason=reason):
                self.assertRaisesRegex(millrace.MR_CONFLICT, reason, self.fill, **changes)
        self.assertRaisesRegex(millrace.MR_NOT_FOUND, "order_unknown",
                               self.bus.order_report, "nobody's", "sent")
        self.assertRaisesRegex(millrace.MR_NOT_FOUND, "order_unknown: filled", self.bus.order_report,
                               "nobody's", "filled", price=1.0, quantity=1.0, fee=0.0, time_unix_ns=5)
        self.assertRaisesRegex(millrace.MR_NOT_FOUND, "order_unknown: filled", self.bus.order_report,
                               "nobody's", "filled", price=1.0, quantity=1.0, fee=0.0)  # the same: counted once
        for time_unix_ns, text in ((0, "time_unix_ns: it is missing"), (5, "time_unix_ns: expected one from")):
            self.assertRaisesRegex(millrace.MR_REFUSED, f"^{text}", self.fill, time_unix_ns=time_unix_ns)
        self.bus.order_report(self.order, "rejected")
        self.assertRaisesRegex(millrace.MR_CONFLICT, "order_over", self.fill)
        health = self.bus.health()
        self.assertEqual((health["order_disputes"], health["order_reports"]), (6, 1))
        self.assertEqual(program.call("status", "--json", "--dir", self.log).json["order_disputes"], 6)

    def test_a_field_that_cannot_be_is_named(self):
        wrong = [({"price": -1.0}, "price"), ({"price": float("nan")}, "price"),
                 ({"price": None}, "price: it is missing; filled needs"),
                 ({"quantity": None}, "quantity: it is missing; filled needs"), ({"quantity": 0}, "quantity"), ({"fee": None}, "fee: it is missing"),
                 ({"price": 1e-9}, "price"), ({"quantity": 1e-9}, "quantity"),
                 ({"quantity": 0.1234567}, "quantity"),
                 ({"time_unix_ns": time.time_ns() + 120 * 10**9}, "more than a minute after"),
                 ({"time_unix_ns": 4_000_000_000 * 10**9}, "more than a minute after"),
                 ({"time_unix_ns": 1_000_000_000_000_000_000}, "a day before its order, of"),
                 ({"time_unix_ns": 0}, "time"), ({"venue_order_id": "x" * 65}, "venue_order_id"),
                 ({"side": "up"}, "side"), ({"executor": "a\tb"}, "executor")]
        for changes, field in wrong:
            with self.subTest(changes=changes):
                self.assertRaisesRegex(millrace.MR_REFUSED, field, self.fill, **changes)
        self.assertRaisesRegex(millrace.MR_REFUSED, "status",
                               self.bus.order_report, self.order, "partial")
        self.assertRaises(TypeError, self.bus.order_report, 7, "sent")
        self.assertRaises(TypeError, self.fill, price="1")
        self.assertEqual(self.bus.health()["order_disputes"], 0)

    def test_one_process_takes_the_orders_and_a_thread_that_waits_holds_nobody(self):
        count = len(self.bus.open_orders())
        with self.bus.orders() as orders:
            with millrace.Bus(self.log) as other:
                self.assertRaisesRegex(millrace.MR_BUSY, "takes the orders", other.orders)
                self.assertEqual(other.health()["executor_process"], os.getpid())
                taken = [orders.take(timeout=0)["id"] for _ in range(count)]
                self.assertEqual(taken, [order["id"] for order in other.open_orders()])
                self.assertIsNone(orders.take(timeout=0))
                seen = []
                thread = threading.Thread(target=lambda: seen.append(orders.take(timeout=1)))
                thread.start()
                for _ in range(3):
                    other.order_report(taken[0], "unknown")  # the interpreter is free
                other.order_report(taken[1], "rejected")
                self.assertEqual(other.health()["open_orders"], count - 1)
                self.assertTrue(thread.is_alive())
                thread.join()
                self.assertEqual(seen, [None])
        self.assertRaisesRegex(millrace.MR_EINVAL, "closed", orders.take)
        self.assertEqual(self.bus.health()["executor_process"], 0)
        self.assert_says(program.call("status", "--dir", self.log), "NONE IS ATTACHED")

    def test_a_bus_that_is_closed_closes_its_executor(self):
        orders = self.bus.orders("mine")
        self.assertIn("mine", self.bus.health()["consumers"])
        self.bus.close()
        self.assertRaises(millrace.MR_EINVAL, orders.take)
        orders.close()
        with millrace.Bus(self.log) as bus, bus.orders("mine"):
            pass

    def test_the_shell_settles_an_order_by_hand(self):
        answer = self.ok("report", "--dir", self.log, self.order["id"], "unknown", "--message",
                         "the exchange is down", "--json").json
        self.assertEqual((answer["state"], answer["repeated"]), ("in_doubt", False))
        listed = program.call("orders", "--dir", self.log)
        self.assert_says(listed, "in_doubt", self.order["id"], "nobody takes the orders")
        answer = program.call("report", "--dir", self.log, self.order["id"], "filled", "--price", "1",
                              "--quantity", "1e6", "--fee", "0", "--time", "2025-05-04T15:34:00Z")
        self.assert_says(self.assert_exit(answer, program.NO), "quantity_differs")
        self.assert_says(self.refused("report", "--dir", self.log, self.order["id"], "gone"), "status")
        self.assert_says(self.refused("report", "--dir", self.log, self.order["id"], "filled",
                                      "--time", "2025-05-04T15:34:00Z", "--price", "cheap"), "missing: --quantity, --fee; ")
        for field, value in (("quantity", "1e-9"), ("price", "1e-9"), ("price", "0x1p0"), ("fee", "0x0"),
                             ("time", "2099-01-01T00:00:00Z")):
            fill = {"price": "1", "quantity": "1", "fee": "0", "time": "2025-05-04T15:34:00Z", field: value}
            self.assert_says(self.refused("report", "--dir", self.log, self.order["id"], "filled", *[
                word for name, given in fill.items() for word in (f"--{name}", given)]), f"{field}: ")
        whole = {"price": "1", "quantity": "1", "fee": "0", "time": "2025-05-04T15:34:00Z"}
        for missing in whole:
            answer = self.refused("report", "--dir", self.log, self.order["id"], "filled", *[
                word for name, given in whole.items() if name != missing for word in (f"--{name}", given)])
            self.assert_says(answer, f"missing: --{missing}; filled needs --price, --quantity, --fee")
        for field in ("price", "quantity", "fee"):
            for status in ("sent", "accepted", "rejected", "cancelled", "unknown"):
                answer = self.refused("report", "--dir", self.log, self.order["id"], status, f"--{field}", "1")
                self.assert_says(answer, f"--{field}: only filled has one; {status} has no ")
            answer = self.refused("report", "--dir", self.log, self.order["id"], "filled", *[
                word for name, given in {**whole, field: "1x"}.items() for word in (f"--{name}", given)])
            self.assert_says(answer, f'--{field}: expected a number, found "1x"')
        usage = self.ok("report", "--help").out
        self.assertRegex(usage, r"filled +needs --price, --quantity, --fee and --time")
        self.assertRegex(usage, r"sent, accepted, rejected, cancelled, unknown\n +need nothing more")
        answer = program.call("report", "--dir", self.log, "nothing", "sent")
        self.assert_says(self.assert_exit(answer, program.NO), "order_unknown")
        answer = program.call("report", "--dir", self.log, self.order["id"], "sent", "--symbol", "A\nB")
        self.assert_says(self.assert_exit(answer, program.NO), r"sent A\x0aB of")
        for words in (("tail", "--count", "1"), ("why", self.order["signal"])):  # escaped once
            self.assert_says(self.ok(*words, "--dir", self.log), r"sent A\x0aB of")
        self.ok("report", "--dir", self.log, self.order["id"], "cancelled", "--durable")
        self.assertEqual(self.bus.order(self.order["id"])["state"], "cancelled")


class LineTest(ExternalCase):
    bars = 800

    def setUp(self):
        super().setUp()
        self.begin()
        path = self.folder / "socket"
        server = self.start("serve", "--dir", self.log, "--socket", path)
        peer = program.connect(path, server)
        self.addCleanup(peer.close)
        self.lines = peer.makefile("rwb")
        self.addCleanup(self.lines.close)

    def ask(self, **request):
        self.lines.write(json.dumps(request).encode() + b"\n")
        self.lines.flush()
        return json.loads(self.lines.readline())

    def live(self, order):
        """What the verb `orders` says of an order; None: it does not live."""
        found = [one for one in self.ask(verb="orders")["orders"] if one["order"] == order["order"]]
        return found[0] if found else None

    def end_of(self, order):
        """How its signal ended, whether or not that was learned from."""
        signal = self.ask(verb="get", signal=order["signal"])["signal"]
        return signal["ended"] or signal["state"]

    def fill(self, order, quantity, price, number):
        return self.ask(verb="report", order=order["order"], status="filled", price=price, quantity=quantity,
                        fee=0.25, time=1_746_300_000_000_000_000 + number)

    def test_an_executor_in_any_language_takes_orders_and_reports_by_lines(self):
        ask = self.ask
        orders = ask(verb="orders")["orders"]
        self.assertEqual([order["order"] for order in orders],
                         [order["id"] for order in self.bus.open_orders()])
        order = orders[0]
        self.assertEqual(self.bus.health()["durable_seq"], self.bus.health()["last_seq"])
        sent = ask(verb="report", order=order["order"], status="sent", executor="js")
        self.assertEqual((sent["state"], sent["repeated"], sent["durability"]),
                         ("sent", False, "group"))
        fill = {"verb": "report", "order": order["order"], "status": "filled",
                "price": order["reference_price"], "quantity": order["quantity"], "fee": 0,
                "time": 1_746_300_000_000_000_000, "side": order["side"]}
        for field, value in (("quantity", 1e-9), ("quantity", 0.12345), ("price", 1e-9),
                             ("time", "2099-01-01T00:00:00Z")):
            refused = ask(**{**fill, field: value})
            self.assertEqual(refused["error"], "MR_REFUSED", refused)
            self.assertTrue(refused["text"].startswith(f"{field}: "), refused)
        self.assertEqual(ask(**fill)["state"], "filled")
        self.assertTrue(ask(**fill)["repeated"])
        self.assertEqual(ask(**{**fill, "price": 1})["error"], "MR_CONFLICT")
        self.assertEqual(len(ask(verb="orders")["orders"]), len(orders) - 1)

    def test_parts_of_different_prices_and_a_cancel_are_a_position_at_their_mean(self):
        order = self.ask(verb="orders")["orders"][0]
        price = order["reference_price"]
        parts = [(3.001, price), (5.25, round(price + 0.0707, 4))]
        self.assertEqual(self.ask(verb="report", order=order["order"], status="accepted")["state"], "accepted")
        done = 0
        for number, (quantity, at) in enumerate(parts):
            answer = self.fill(order, quantity, at, number)
            self.assertEqual((answer["state"], answer["repeated"]), ("accepted", False))
            self.assertTrue(self.fill(order, quantity, at, number)["repeated"])
            done += quantity
            self.assertAlmostEqual(self.live(order)["filled_quantity"], done, 9)
            self.assertEqual(self.live(order)["quantity"], order["quantity"])
        answer = self.ask(verb="report", order=order["order"], status="cancelled")
        self.assertEqual((answer["state"], answer["repeated"]), ("cancelled", False))
        self.assertIsNone(self.live(order))
        late = self.fill(order, 0.5, price, 7)  # what was cancelled is filled no more
        self.assertEqual(late["error"], "MR_CONFLICT")
        self.assertIn("order_over", late["text"])
        self.assertTrue(self.fill(order, *parts[0], 0)["repeated"])  # but a part that is known is no news
        self.assertIn("order_over", self.ask(verb="report", order=order["order"], status="rejected")["text"])
        before = program.call("status", "--json", "--dir", self.log).json["summary"]["positions"]["open"]
        self.ok("run", "--dir", self.log, "--feed", "synthetic:7", "--config", self.config)
        status = program.call("status", "--json", "--dir", self.log).json
        self.assertEqual(status["summary"]["positions"]["open"], before + 1)
        self.assertEqual(status["order_disputes"], 2)
        self.assertEqual(self.end_of(order), "executed")
        exact = [(decimal.Decimal(str(quantity)), decimal.Decimal(str(at))) for quantity, at in parts]
        whole = sum(quantity for quantity, at in exact)
        mean = (sum(quantity * at for quantity, at in exact) / whole).quantize(
            decimal.Decimal("0.0001"), decimal.ROUND_HALF_UP)
        for table, kind in (("orders", "order.filled"), ("positions", "position.opened")):
            rows = json.loads(self.ok(
                "sql", "--json", "--dir", self.log, f"select quantity, price from {table} where kind = '{kind}' "
                f"and signal_id = '{order['signal']}'").out, parse_float=decimal.Decimal)
            self.assertEqual([(decimal.Decimal(row["quantity"]), decimal.Decimal(row["price"])) for row in rows],
                             [(whole, mean)], table)
        self.assertIn("identical", self.ok("replay", "--check", "--dir", self.log).out)

    def test_reports_in_a_wrong_order_are_disputed_and_change_nothing(self):
        first, second = self.ask(verb="orders")["orders"][:2]
        whole, price = first["quantity"], first["reference_price"]
        self.assertEqual(self.fill(first, 4.0, price, 1)["state"], "accepted")  # nothing was sent before
        for quantity, number, reason in ((whole, 2, "quantity_differs"), (round(whole - 3.999, 3), 3, "quantity_differs")):
            answer = self.fill(first, quantity, price, number)
            self.assertEqual(answer["error"], "MR_CONFLICT", answer)
            self.assertIn(reason, answer["text"])
            self.assertEqual(self.live(first)["filled_quantity"], 4.0)
        sent = self.ask(verb="report", order=first["order"], status="sent")
        self.assertEqual((sent["state"], sent["repeated"]), ("accepted", True))  # it was passed
        self.assertEqual(self.fill(first, round(whole - 4.0, 3), price, 4)["state"], "filled")
        for status, reason in (("cancelled", "order_over"), ("rejected", "order_over")):
            answer = self.ask(verb="report", order=first["order"], status=status)
            self.assertEqual(answer["error"], "MR_CONFLICT", answer)
            self.assertIn(reason, answer["text"])
        self.assertIn("fill_differs", self.fill(first, 0.001, price, 9)["text"])
        self.assertEqual(self.ask(verb="report", order=second["order"], status="accepted")["state"], "accepted")
        rejected = self.ask(verb="report", order=second["order"], status="rejected")
        self.assertIn("order_step", rejected["text"])
        self.assertEqual(self.live(second)["state"], "accepted")
        self.assertEqual(self.ask(verb="report", order=second["order"], status="cancelled")["state"], "cancelled")
        self.ok("run", "--dir", self.log, "--feed", "synthetic:7", "--config", self.config)
        self.assertEqual(self.end_of(first), "executed")
        self.assertEqual(self.end_of(second), "blocked")
        self.assertEqual(program.call("status", "--json", "--dir", self.log).json["order_disputes"], 6)
        self.assertIn("identical", self.ok("replay", "--check", "--dir", self.log).out)


class HealthTest(ExternalCase):
    bars = 300

    def test_health_has_the_numbers_of_status(self):
        self.begin()
        health = self.bus.health()
        status = program.call("status", "--json", "--dir", self.log).json
        summary = status["summary"]
        self.assertEqual(health["state"], status["health"])
        self.assertEqual(health["why"], status["why"])
        self.assertEqual(health["states"], summary["signals"]["by_state"])
        self.assertEqual(health["states"], self.bus.counts())
        self.assertEqual(health["sources"], {
            name: count for name, count in summary["signals"]["by_source"].items() if count})
        self.assertEqual(health["open_positions"], summary["positions"]["open"])
        self.assertEqual(health["stuck_signals"], status["stuck_count"])
        self.assertEqual(health["open_orders"], status["open_orders"])
        self.assertEqual(health["pending_inputs"], status["pending_inputs"])
        self.assertEqual(health["venue"], "EXTERNAL")
        self.assertEqual(health["stages"]["bars"]["done"], summary["candles"])
        name = self.bus.emit("SIM01USD", "long", "me", 0.7)
        health = self.bus.health()  # follows
        self.assertEqual((health["states"]["generated"], health["sources"]["me"],
                          health["pending_inputs"]), (1, 1, 1))
        self.assertEqual(self.bus.get(name)["state"], "generated")

    def test_feedback_is_kept_with_its_evidence(self):
        self.begin()
        name = self.bus.emit("SIM01USD", "long", "me", 0.7)
        self.bus.feedback(name, "desk", "loss", return_bps=-12.5, lesson="against the trend",
                          evidence={"n": 3}, durable=True)
        self.bus.feedback(name, "desk", lesson="no more at night")
        for changes, field in [({"judgement": "great"}, "judgement"), ({"source": ""}, "source"),
                               ({"return_bps": float("inf")}, "return_bps"),
                               ({"return_bps": 1e300}, "return_bps"),
                               ({"source": "momentum"}, "source"), ({"source": "learn"}, "source"),
                               ({"evidence": b"[]"}, "^evidence: expected a JSON object"),
                               ({"evidence": "null"}, "^evidence: expected a JSON object"),
                               ({"evidence": b"5"}, "^evidence: expected a JSON object"),
                               ({"evidence": b"{x"}, "^evidence: no JSON, at byte 2"),
                               ({"evidence": {"x": "y" * 70000}}, "^evidence: expected up to"),
                               ({"lesson": "x" * 1025}, "lesson")]:
            with self.subTest(changes=changes):
                with self.assertRaisesRegex(millrace.MR_REFUSED, field):
                    self.bus.feedback(name, **{"source": "desk", "judgement": "win", **changes})
        self.assertRaisesRegex(TypeError, "^evidence: ", self.bus.feedback, name, "desk", evidence=[])
        self.assertRaisesRegex(millrace.MR_REFUSED, "^evidence: ", self.bus.feedback, name, "desk", evidence=b"{\0}")
        self.assertRaisesRegex(millrace.MR_REFUSED, "this says nothing", self.bus.feedback, name, "desk")
        self.assertRaises(millrace.MR_NOT_FOUND, self.bus.feedback, "nothing", "desk", "win")
        story = self.ok("why", name, "--dir", self.log).out
        self.assertIn('said by     desk: loss, -12.50 bps: "against the trend"', story)
        rows = json.loads(self.ok("sql", "--json", "--dir", self.log,
                                  "select judgement, return_bps, evidence from annotations").out)
        self.assertEqual([(row["judgement"], row["return_bps"], row["evidence"]) for row in rows],
                         [("loss", -12.5, '{"n":3}'), (None, None, None)])
        self.ok("run", "--dir", self.log, "--feed", "synthetic:7", "--config", self.config)
        self.assertIn("identical", self.ok("replay", "--check", "--dir", self.log).out)


if __name__ == "__main__":
    program.main()
