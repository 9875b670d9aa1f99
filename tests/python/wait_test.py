#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Waits of the Python package: they hear signals and what comes again, and a task that is cancelled gives
back what comes meanwhile."""
import asyncio
import pathlib
import signal
import sys

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent),
                str(pathlib.Path(__file__).resolve().parents[1] / "cli")]
import package  # noqa: E402
import program  # noqa: E402

millrace = package.load()
LONG_S = 600  # nobody waits so long: whatever ends it, it is not this


class Interrupt(Exception):
    pass


class WaitTest(program.Case):
    def setUp(self):
        super().setUp()
        self.bus = millrace.Bus(self.folder / "log", create=True)
        self.addCleanup(self.bus.close)
        self.bus.register("ONEUSDT")

    def emit(self, source="bot"):
        return self.bus.emit("ONEUSDT", "long", source, 0.5)

    def subscribe(self, name, **options):
        made = self.bus.subscribe(name, kind="signal.generated", start="beginning", **options)
        self.addCleanup(made.close)
        return made

    def test_a_signal_ends_every_wait(self):
        def interrupt(number, frame):
            raise Interrupt
        self.addCleanup(signal.signal, signal.SIGALRM, signal.signal(signal.SIGALRM, interrupt))
        subscription = self.subscribe("s")
        for wait in (subscription.take, lambda: subscription.take(LONG_S), lambda: next(iter(subscription)),
                     self.bus.wait, lambda: self.bus.claim("o", "evaluating", timeout=None)):
            signal.setitimer(signal.ITIMER_REAL, 0.1)
            self.assertRaises(Interrupt, wait)
        self.emit()
        self.assertEqual(subscription.take(LONG_S)["deliveries"], 1)  # and nothing was lost by it

    def test_what_comes_again_ends_a_wait(self):
        subscription = self.subscribe("again", ack_wait=1)
        self.emit()
        event = subscription.take(LONG_S)
        again = subscription.take(LONG_S)  # its lease is over
        self.assertEqual((again["seq"], again["deliveries"]), (event["seq"], 2))
        subscription.nack(again, delay=0.2)
        self.assertEqual(subscription.take(LONG_S)["deliveries"], 3)

    def test_a_cancelled_task_gives_back_what_comes_meanwhile(self):
        async def cancel(iteration):
            async def follow():
                async for _ in iteration:
                    self.fail("nothing was there yet")
            task = asyncio.ensure_future(follow())
            await asyncio.sleep(0.1)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        for make, take in (
                (lambda: millrace.claims(self.bus, "worker", "evaluating", source="claimed"),
                 lambda other: other.claim("other", "evaluating", source="claimed", timeout=LONG_S)),
                (lambda: millrace.events(self.subscribe("cancelled")),
                 lambda other: other.subscribe("cancelled", kind="signal.generated",
                                              start="beginning").take(LONG_S))):
            with millrace.Bus(self.folder / "log") as other:
                loop = asyncio.new_event_loop()
                loop.run_until_complete(cancel(make()))
                other.emit("ONEUSDT", "long", "claimed", 0.5)
                loop.run_until_complete(asyncio.sleep(1))  # what the thread took comes back by now
                self.assertIsNotNone(take(other))
                loop.run_until_complete(loop.shutdown_default_executor())
                loop.close()

    def test_data_must_be_json_and_sizes_possible(self):
        name = self.emit()
        for data in ("{", "nonsense", b"{}x", '{"a": NaN}', "\x1b", ""):
            with self.subTest(data=data):
                self.assertRaisesRegex(millrace.MR_REFUSED, "data: ", self.bus.emit, "ONEUSDT", "long", "bot", 0.5,
                                       data=data)
                self.assertRaisesRegex(millrace.MR_REFUSED, "data: ", self.bus.move, name, "evaluating", data=data)
        self.assertEqual(self.bus.get(name)["state"], "generated")
        self.bus.move(name, "evaluating", data='{"why": [1, "x"]}')
        for size in (-1, 1000, 2**28, 2**33):
            self.assertRaises(millrace.MR_REFUSED, millrace.Bus, self.folder / "other", create=True,
                              table_signals=size)


if __name__ == "__main__":
    program.main()
