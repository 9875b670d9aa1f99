# SPDX-License-Identifier: MIT
"""A file of JSON lines that several threads and processes append to: whole lines, each one write.

A write that crosses a page shows in parts. Who looks whether the last line is whole, and who
writes, hold the file's lock. Nobody waits for it without end: somebody may have been stopped while
it held it.
"""
import fcntl
import os
import stat
import threading
import time
import weakref

LOOK_S = 0.1  # how long a file that was renamed may still be written to
WAIT_S = 1.0  # for the lock
BUSY_WAIT_S = 0.01  # for a lock that was waited for in vain before
PAUSE_S = 0.001


class Export:
    """The file is looked for now and then: who renames or removes it gets a new one."""

    def __init__(self, path):
        self.path = os.path.abspath(path)
        self._lock = threading.Lock()
        self._fd = -1
        self._closes = None  # with the object, at the latest
        self._key = None
        self._whole = None  # how large the file was when this object had written a whole line; None: it had not
        self._process_id = 0
        self._looked = 0.0
        self._wait_s = WAIT_S

    def after_fork(self):
        """The child opens the file itself."""
        self._lock = threading.Lock()

    def touch(self):
        """Make the file if there is none."""
        with self._lock:
            self._ready()

    def write(self, line):
        """Append a line, which ends in a newline; OSError: it is not there, or not whole."""
        end = None if self._lock.acquire(False) else time.monotonic() + self._wait_s
        if end is not None and not self._lock.acquire(timeout=self._wait_s):
            raise self._busy()
        try:
            self._ready()
            self._take_file(end)
            try:
                self._write(line)
            finally:
                fcntl.flock(self._fd, fcntl.LOCK_UN)
        finally:
            self._lock.release()

    def _take_file(self, end):
        """Get the file's lock; the time that is left is what other threads of the process took none of."""
        while True:
            try:
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                now = time.monotonic()
                end = now + self._wait_s if end is None else end
                if now >= end:
                    self._wait_s = BUSY_WAIT_S
                    raise self._busy() from None
                time.sleep(PAUSE_S)
            else:
                self._wait_s = WAIT_S
                return

    def _busy(self):
        return TimeoutError(f"{self.path}: somebody else holds its lock")

    def _write(self, line):
        size = os.lseek(self._fd, 0, os.SEEK_END)  # every write goes to the end, wherever that leaves us
        is_own = size == self._whole  # the last line is ours: whoever wrote since made the file longer
        self._whole = None
        is_torn = not is_own and size > 0 and os.pread(self._fd, 1, size - 1) != b"\n"  # by whomever
        text = b"\n" + line if is_torn else line
        written = os.write(self._fd, text)
        if written < len(text):  # a full disk, mostly
            written += os.write(self._fd, text[written:])
        if written < len(text):
            raise OSError(f"{self.path}: only a part of a line could be written")
        self._whole = size + written

    def close(self):
        with self._lock:
            self._close()

    def _close(self):
        if self._closes is not None:
            self._closes()
        self._closes = None
        self._fd = -1
        self._whole = None

    def _ready(self):
        now = time.monotonic()
        if self._fd >= 0 and self._process_id == os.getpid() and now - self._looked < LOOK_S:
            return
        self._looked = now
        try:
            found = os.stat(self.path)
            key = (found.st_dev, found.st_ino)
        except FileNotFoundError:
            key = None
        if self._fd >= 0 and key == self._key and self._process_id == os.getpid():
            return
        self._close()
        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
        fd = os.open(self.path, flags, 0o644)
        try:
            found = os.fstat(fd)
            if not stat.S_ISREG(found.st_mode):  # who reads a pipe may be gone, or slow
                raise OSError(f"{self.path}: is no regular file")
        except OSError:
            os.close(fd)
            raise
        self._fd = fd
        self._closes = weakref.finalize(self, os.close, fd)
        self._closes.atexit = False
        self._key = (found.st_dev, found.st_ino)
        self._process_id = os.getpid()
