# SPDX-License-Identifier: MIT
"""A program on a terminal of a test: its keys, its size, and what stands on its screen.

The screen knows the few sequences that `millrace top` writes and fails on any other, on a row that
is longer than the screen, and on a newline behind the last row, which would scroll.
"""
import fcntl
import os
import pty
import re
import select
import struct
import termios
import unicodedata

import program

SEQUENCE = re.compile(rb"\x1b\[(\??)([0-9;]*)([A-Za-z])")
ENTERED, LEFT = b"\x1b[?1049h", b"\x1b[?1049l"


class Screen:
    def __init__(self, columns, rows):
        self.resize(columns, rows)
        self.is_alternate = self.is_cursor_hidden = False
        self.has_wrap = True
        self.colours = self.wipes = self.pictures = 0

    def resize(self, columns, rows):
        self.columns, self.rows = columns, rows
        self.cells = [[" "] * columns for _ in range(rows)]
        self.x = self.y = 0

    @property
    def lines(self):
        return ["".join(row).rstrip() for row in self.cells]

    @property
    def text(self):
        return "\n".join(self.lines)

    def feed(self, data):
        """Take bytes; what is left over is the beginning of something longer."""
        at = 0
        while at < len(data):
            if data[at:at + 1] == b"\x1b":
                match = SEQUENCE.match(data, at)
                if match is None:
                    if len(data) - at < 12:
                        return data[at:]
                    raise AssertionError(f"not a sequence: {data[at:at + 20]!r}")
                self._do(*match.groups())
                at = match.end()
            elif data[at] < 0x20:
                self._control(data[at])
                at += 1
            else:
                end = at
                while end < len(data) and data[end] >= 0x20:
                    end += 1
                run = data[at:end]
                cut = len(run)
                while True:
                    try:
                        text = run[:cut].decode("utf-8")
                        break
                    except UnicodeDecodeError:
                        cut -= 1
                        if len(run) - cut > 3:
                            raise
                if cut < len(run) and end < len(data):
                    raise AssertionError(f"not UTF-8: {run!r}")
                for character in text:
                    self._put(character)
                at += cut
                if cut < len(run):
                    return data[at:]
        return b""

    def _put(self, character):
        if not self.is_alternate:
            return  # what is printed before and after scrolls as it always does
        width = self.width_of(character)
        if self.x + width > self.columns:
            raise AssertionError(f"row {self.y} is longer than {self.columns}:\n{self.text}")
        if width == 0:
            self.cells[self.y][self.x - 1] += character
            return
        self.cells[self.y][self.x:self.x + width] = [character] + [""] * (width - 1)
        self.x += width

    @staticmethod
    def width_of(text):
        return sum(0 if unicodedata.combining(one) else 2 if unicodedata.east_asian_width(one) in "WF" else 1
                   for one in text)

    def _control(self, byte):
        if not self.is_alternate:
            return
        if byte == 0x0d:
            self.x = 0
        elif byte == 0x0a:
            if self.y + 1 >= self.rows:
                raise AssertionError(f"it scrolls:\n{self.text}")
            self.y += 1
        else:
            raise AssertionError(f"control character {byte:#x}")

    def _do(self, mark, numbers, letter):
        what = (mark + numbers + letter).decode()
        if what == "H":
            self.x = self.y = 0
            self.pictures += 1
        elif what == "K":
            self.cells[self.y][self.x:] = [" "] * (self.columns - self.x)
        elif what in ("J", "2J"):
            self.wipes += what == "2J"
            first = 0 if what == "2J" else self.y + 1
            for y in range(first, self.rows):
                self.cells[y] = [" "] * self.columns
            if what == "J":
                self.cells[self.y][self.x:] = [" "] * (self.columns - self.x)
        elif what in ("?1049h", "?1049l"):
            self.is_alternate = letter == b"h"
        elif what in ("?25h", "?25l"):
            self.is_cursor_hidden = letter == b"l"
        elif what in ("?7h", "?7l"):
            self.has_wrap = letter == b"h"
        elif letter == b"m":
            self.colours += numbers != b"0"
        else:
            raise AssertionError(f"unknown sequence {what!r}")


class Terminal:
    """The program with a terminal as its standard streams, which is its controlling one, too."""

    def __init__(self, case, *words, columns=80, rows=24, env=None, stderr=None):
        self.master, self.slave = pty.openpty()
        self.screen = Screen(columns, rows)
        self.raw, self._rest = b"", b""
        self._set_size(columns, rows)
        self.before = termios.tcgetattr(self.slave)
        variables = {"TERM": "xterm", "NO_COLOR": None, **(env or {})}
        variables = {key: value for key, value in variables.items()
                     if value is not None or key in os.environ}
        slave = self.slave

        def take_over():
            os.setsid()
            fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
        self.process = program.start(*words, stdin=self.slave, stdout=self.slave,
                                     stderr=stderr or self.slave, preexec_fn=take_over,
                                     env=variables)
        case.addCleanup(self.close)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for fd in (self.master, self.slave):
            if fd >= 0:
                os.close(fd)
        self.master = self.slave = -1

    def _set_size(self, columns, rows):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def resize(self, columns, rows):
        self.read(0.05)
        self.screen.resize(columns, rows)
        self._set_size(columns, rows)  # the kernel sends SIGWINCH

    def read(self, seconds=0.01):
        while select.select([self.master], [], [], seconds)[0]:
            data = os.read(self.master, 65536)
            self.raw += data
            self._rest = self.screen.feed(self._rest + data)
            seconds = 0

    def wait_for(self, condition, what):
        """Read until the screen shows something."""
        for _ in range(6000):
            self.read()
            if condition(self.screen):
                return
            if self.process.poll() is not None:
                self.read()
                if condition(self.screen):
                    return
                raise AssertionError(f"it ended before {what}:\n{self.raw[-2000:]!r}")
        raise AssertionError(f"it never showed {what}:\n{self.screen.text}")

    def wait_for_text(self, *parts):
        self.wait_for(lambda screen: all(part in screen.text for part in parts), parts)

    def press(self, keys):
        os.write(self.master, keys.encode())

    def send(self, number):
        self.process.send_signal(number)

    def end(self):
        """Its exit code, when it has ended by itself."""
        for _ in range(6000):
            self.read()
            if self.process.poll() is not None:
                self.read(0.05)
                return self.process.returncode
        raise AssertionError(f"it does not end:\n{self.screen.text}")

    def state(self):
        """Is it stopped (T), asleep (S)?"""
        with open(f"/proc/{self.process.pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0]

    def wait_for_state(self, state):
        program.wait_until(lambda: self.state() == state, f"state {state}")

    def assert_restored(self, case):
        case.assertEqual(termios.tcgetattr(self.slave), self.before)
        case.assertFalse(self.screen.is_alternate)
        case.assertFalse(self.screen.is_cursor_hidden)
        case.assertTrue(self.screen.has_wrap)
