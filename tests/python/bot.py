# SPDX-License-Identifier: MIT
"""What tests of the drop-in begin with: a bot in a folder of its own, and processes beside it."""
import json
import logging
import multiprocessing
import os
import pathlib
import re
import sys
from unittest import mock

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/cli"), str(ROOT / "tests/python")]
import package  # noqa: E402
import program  # noqa: E402

millrace = package.load()
from millrace.compat import signal_bus as module  # noqa: E402

ID = re.compile(r"[A-Za-z0-9._/-]+_\d{13}_[0-9a-f]{8}\Z")
LONG = {"symbol": "BTCUSDT", "direction": "LONG", "confidence": 0.6}
QUICK = "interval"  # where a test emits a lot: a sync for each is measured elsewhere
FORK = multiprocessing.get_context("fork")


class BotCase(program.Case):
    """A bot in a folder of its own, which is the working directory."""

    def setUp(self):
        super().setUp()
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(self.folder)
        patch = mock.patch.dict(os.environ)
        patch.start()
        self.addCleanup(patch.stop)
        for name in ("MILLRACE_DIR", "REPL_HOME"):
            os.environ.pop(name, None)
        os.environ["MILLRACE_DURABILITY"] = QUICK
        module._only = None
        self.addCleanup(setattr, module, "_only", None)
        self.log = self.folder / "logs/millrace"
        self.export = self.folder / "logs/signal_bus.jsonl"
        logging.getLogger("millrace").setLevel(logging.CRITICAL)
        self.addCleanup(logging.getLogger("millrace").setLevel, logging.NOTSET)

    def open(self, **options):
        bus = module.SignalBus(**options)
        self.addCleanup(bus.close)
        return bus

    def lines(self):
        """The export, which must be JSON objects line by line."""
        return [json.loads(line) for line in self.export.read_text().splitlines()]

    def children(self, work, count):
        """Processes that share the folder; each calls work(number)."""
        made = [FORK.Process(target=work, args=(number,)) for number in range(count)]
        for child in made:
            child.start()
        return made

    def end(self, children):
        for child in children:
            child.join()
            self.assertEqual(child.exitcode, 0)

    def in_child(self, work, *args):
        """Call it in a child of fork(); its answer."""
        here, there = FORK.Pipe(False)

        def tell():
            there.send(work(*args))
        child = FORK.Process(target=tell)
        child.start()
        there.close()
        answer = here.recv()
        self.end([child])
        return answer
