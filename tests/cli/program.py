# SPDX-License-Identifier: MIT
"""Running the program from tests: its binary, its output, directories to work in.

A test file ends with `program.main()`.  It takes the binary as its first argument or from the
variable MILLRACE; what follows is for unittest:

    python3 tests/cli/emit_test.py build/millrace -v EmitTest.test_name
"""
import gzip
import hashlib
import json
import os
import pathlib
import pwd
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest

OK, NO, USAGE, FAULT = range(4)
SKIPPED = 77  # what meson takes for "skipped"
NOBODY = "nobody"
MINUTE_MS = 60_000
START_MS = 1_704_067_200_000  # 2024-01-01T00:00Z

_given = None


def binary():
    """The program under test."""
    path = _given or os.environ.get("MILLRACE")
    if not path:
        sys.exit(f"usage: {sys.argv[0]} BINARY [UNITTEST ARGUMENTS], or set MILLRACE")
    return os.path.abspath(path)


def main():
    """Run the tests of the calling file with the binary of the first argument, if there is one."""
    global _given
    if len(sys.argv) > 1 and os.path.isfile(sys.argv[1]):
        _given = os.path.abspath(sys.argv.pop(1))  # tests may change their directory
    binary()
    # The test's own copy of this module (it is `__main__` only as a script) shares the choice.
    os.environ["MILLRACE"] = binary()
    test = unittest.main(module="__main__", exit=False, verbosity=1).result
    is_skipped = test.wasSuccessful() and test.testsRun > 0 and len(test.skipped) == test.testsRun
    for _, reason in test.skipped:
        print("skipped:", reason)
    sys.exit(SKIPPED if is_skipped else not test.wasSuccessful())


class Answer:
    """What a finished program left: its exit code, and its output as bytes and text."""

    def __init__(self, words, code, stdout, stderr):
        self.words, self.code = words, code
        self.stdout, self.stderr = stdout or b"", stderr or b""

    @property
    def out(self):
        return self.stdout.decode("utf-8")

    @property
    def err(self):
        return self.stderr.decode("utf-8")

    @property
    def lines(self):
        return self.out.splitlines()

    @property
    def json(self):
        """The last line of stdout, which `--json` promises to be an object."""
        return json.loads(self.lines[-1], parse_constant=refuse_constant)

    @property
    def json_lines(self):
        return [json.loads(line, parse_constant=refuse_constant) for line in self.lines]

    def __str__(self):
        return (f"millrace {' '.join(map(str, self.words))} -> {self.code}\n"
                f"stdout: {self.stdout[-3000:]!r}\nstderr: {self.stderr[-3000:]!r}")


def refuse_constant(name):
    raise ValueError(f"{name} is not JSON")


def environment(**changes):
    """The environment without what would change an answer, with changes; None takes out."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("MILLRACE")}
    for key, value in changes.items():
        env[key] = value
        if value is None:
            del env[key]
    return env


def _bytes(stdin):
    return stdin.encode("utf-8") if isinstance(stdin, str) else stdin


def start(*words, **options):
    """Start the program; the caller ends it.  env={...} adds variables."""
    env = environment(**options.pop("env", {}))
    options.setdefault("stdin", subprocess.DEVNULL)
    options.setdefault("stdout", subprocess.PIPE)
    options.setdefault("stderr", subprocess.PIPE)
    return subprocess.Popen([binary(), *map(str, words)], env=env, **options)


def finish(process, words=(), stdin=None, timeout=120):
    """Wait for a started program."""
    try:
        stdout, stderr = process.communicate(stdin, timeout=timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        stdout, stderr = process.communicate()
        raise AssertionError(f"it does not end: {Answer(words, 'killed', stdout, stderr)}")
    return Answer(words, process.returncode, stdout, stderr)


def call(*words, stdin=None, **options):
    """Run the program to its end."""
    if stdin is not None:
        options["stdin"] = subprocess.PIPE
    return finish(start(*words, **options), words, _bytes(stdin))


def become_nobody():
    """For preexec_fn: give root's rights up for good."""
    user = pwd.getpwnam(NOBODY)
    os.setgroups([])
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)


def wait_until(condition, what, process=None):
    """Wait for something that must happen; how long is not judged, a hang is."""
    for _ in range(6000):
        if condition():
            return
        if process is not None and process.poll() is not None:
            raise AssertionError(f"it ended before: {what}: {finish(process)}")
        time.sleep(0.01)
    raise AssertionError(f"it never happened: {what}")


def connect(path, server):
    """A connection with who serves there, as soon as it does: the path is there a little earlier."""
    peer = socket.socket(socket.AF_UNIX)
    peer.settimeout(60)

    def is_there():
        try:
            peer.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            return False
        return True

    wait_until(is_there, "the server", server)
    return peer


def steady(text):
    """What a screen says, but for the room of a disk that others use, too."""
    return re.sub(r'[0-9.]+ [GM]B free|"disk_free_bytes": ?\d+', "", text)


def is_root():
    return os.geteuid() == 0


def configuration(**values):
    """The built-in configuration as text, with values of keys replaced: synthetic__bars=300."""
    answer = call("config", "--print")
    lines, section, left = [], "", dict(values)
    for line in answer.out.splitlines():
        if line and line[0].isalpha():
            section = line.split(":")[0]
        key = f"{section}__{line.strip().split(':')[0]}"
        if line.startswith("  ") and key in left:
            line = f"{line.split(':')[0]}: {left.pop(key)}"
        lines.append(line)
    assert not left, f"no such settings: {left}"
    return "\n".join(lines) + "\n"


def bars(count, symbol="BTCUSDT", first_ms=START_MS, price=40000.0):
    """Rows of a candle file: a price that swings, so that sources have something to say."""
    rows = []
    for i in range(count):
        before = price
        price += ((i * 7919) % 41 - 20) * price / 40000.0
        high, low = max(before, price) * 1.0002, min(before, price) * 0.9998
        rows.append(f"{first_ms + i * MINUTE_MS},{symbol},{before:.2f},{high:.2f},{low:.2f},"
                    f"{price:.2f},{10 + i % 7}")
    return rows


BARS_HEADER = "ts_ms,symbol,open,high,low,close,volume"
KLINES_HEADER = ("open_time,open,high,low,close,volume,close_time,quote_volume,count,"
                 "taker_buy_volume,taker_buy_quote_volume,ignore")


def klines(rows, unit=1):
    """Rows of the public dump from rows of `bars`; unit=1000 counts microseconds."""
    made = []
    for row in rows:
        time_ms, _, *prices = row.split(",")
        opened = int(time_ms) * unit
        closed = (int(time_ms) + MINUTE_MS) * unit - 1
        made.append(f"{opened},{','.join(prices)},{closed},1.0,7,1.0,1.0,0")
    return made


def text_of(rows, header=BARS_HEADER):
    return "\n".join(([header] if header else []) + rows) + "\n"


def remove(folder):
    """A folder with logs, and the memory that killed processes have left for them."""
    for control in pathlib.Path(folder).rglob("ctl"):
        name = control.read_bytes()[96:].split(b"\0")[0].decode()
        if name.startswith("/"):
            pathlib.Path(name).unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)


class Case(unittest.TestCase):
    """A test with a folder of its own."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="millrace-test-"))
        self.addCleanup(remove, self.folder)

    def tearDown(self):
        """Whatever the test has done: the table that processes share is what the log says."""
        super().tearDown()
        logs = [path.parent for path in self.folder.rglob("MANIFEST")]
        if "TABLE_CHECK" in os.environ and logs:
            checked = subprocess.run([os.environ["TABLE_CHECK"], *logs], capture_output=True, text=True, check=False)
            self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_bytes(text))
        return path

    def write_gzip(self, name, text):
        return self.write(name, gzip.compress(_bytes(text), mtime=0))

    def write_config(self, name="small.yaml", **values):
        return self.write(name, configuration(**values))

    def assert_exit(self, answer, code):
        self.assertEqual(answer.code, code, str(answer))
        return answer

    def ok(self, *words, **options):
        return self.assert_exit(call(*words, **options), OK)

    def refused(self, *words, **options):
        """Exit code 2, a reason on stderr, nothing on stdout."""
        answer = self.assert_exit(call(*words, **options), USAGE)
        self.assertEqual(answer.stdout, b"", str(answer))
        self.assertRegex(answer.err, r"\Amillrace", str(answer))
        return answer

    def assert_says(self, answer, *parts):
        for part in parts:
            self.assertIn(part, answer.out + answer.err, str(answer))
        return answer

    def start(self, *words, **options):
        """A started program that does not outlive the test."""
        process = start(*words, **options)

        def end():
            if process.poll() is None:
                process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout, process.stderr):
                if stream:
                    stream.close()
        self.addCleanup(end)
        return process


SMALL = {"synthetic__symbols": 2, "synthetic__bars": 500, "log__segment": 4,
         "learn__score_after": 0}


def small_log(folder, name="log", **values):
    """A finished run of a short simulated market; its directory."""
    config = pathlib.Path(folder) / f"{name}.yaml"
    config.write_text(configuration(**{**SMALL, **values}))
    answer = call("run", "--dir", pathlib.Path(folder) / name, "--config", config)
    assert answer.code == OK, str(answer)
    return pathlib.Path(folder) / name


class LogCase(Case):
    """A test with a copy of a finished small run in self.log."""

    @classmethod
    def setUpClass(cls):
        cls._shared = tempfile.mkdtemp(prefix="millrace-test-")
        cls.addClassCleanup(shutil.rmtree, cls._shared, ignore_errors=True)
        cls._log = small_log(cls._shared)

    def setUp(self):
        super().setUp()
        self.log = self.folder / "log"
        shutil.copytree(self._log, self.log)

    def digest(self, log=None):
        return self.ok("verify", "--json", "--dir", log or self.log).json["digest"]

    def query(self, *words):
        answer = call("query", "--json", "--dir", self.log, *words)
        self.assertIn(answer.code, (OK, NO), str(answer))
        return answer.json_lines

    def first_symbol(self):
        return self.query("--limit", "1")[0]["symbol"]


def segments(log):
    return sorted(pathlib.Path(log).glob("seg-*.log"))


def flip(path, offset):
    """Damage one byte."""
    with open(path, "r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 0x20]))


def content(folder):
    """Every file of a folder with the digest of its bytes, to see whether anything was touched.

    Not the lock and run, whose text is whoever last tried to write, nor ctl, which says where the
    memory is.
    """
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(pathlib.Path(folder).rglob("*")) if path.is_file() and path.name not in ("lock", "run", "ctl")}
