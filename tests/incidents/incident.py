# SPDX-License-Identifier: MIT
"""What tests of incidents share: a bot's folder with a drop-in bus, the program, other processes."""
import json
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "python"))
import bot  # noqa: E402
from bot import LONG, millrace, module, program  # noqa: E402,F401


class BotCase(bot.BotCase):
    """A bot, and a market that `run` has begun."""

    def begin_market(self, **values):
        """A log that `run` has begun, with prices, which the bot's bus uses, too."""
        log = program.small_log(self.folder, "market", **values)
        os.environ["MILLRACE_DIR"] = str(log)
        self.log = log
        self.config = self.folder / "market.yaml"
        return log

    def run_on(self, log=None):
        """The next run: it decides on what waits."""
        return self.ok("run", "--dir", log or self.log, "--config", self.config)

    def sql(self, query):
        answer = self.ok("sql", "--json", "--dir", self.log, query)
        return json.loads(answer.out)

    def status(self, code=program.OK):
        return self.assert_exit(program.call("status", "--json", "--dir", self.log), code).json
