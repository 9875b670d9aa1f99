# SPDX-License-Identifier: MIT
"""A file of JSON lines that several threads and processes append to: whole lines, each one write.

A write that crosses a page shows in parts. Who looks whether the last line is whole, and who
writes, hold the file's lock.
"""
import fcntl
import os
import threading
import time

LOOK_S = 0.1  # how long a file that was renamed may still be written to


class Export:
    """The file is looked for now and then: who renames or removes it gets a new one."""

    def __init__(self, path):
        self.path = os.path.abspath(path)
        self._lock = threading.Lock()
        self._fd = -1
        self._key = None
        self._is_torn = False
        self._process_id = 0
        self._looked = 0.0

    def after_fork(self):
        """The child opens the file itself."""
        self._lock = threading.Lock()

    def touch(self):
        """Make the file if there is none."""
        with self._lock:
            self._ready()

    def write(self, line):
        """Append a line, which ends in a newline; OSError: it is not there, or not whole."""
        with self._lock:
            self._ready()
            fcntl.flock(self._fd, fcntl.LOCK_EX)
            try:
                self._write(line)
            finally:
                fcntl.flock(self._fd, fcntl.LOCK_UN)

    def _write(self, line):
        text = b"\n" + line if self._is_torn else line
        written = os.write(self._fd, text)
        self._is_torn = False
        if written < len(text):  # a full disk, mostly: the next line begins a new one
            self._is_torn = True
            written += os.write(self._fd, text[written:])
            self._is_torn = written < len(text)
        if self._is_torn:
            raise OSError(f"{self.path}: only a part of a line could be written")

    def close(self):
        with self._lock:
            self._close()

    def _close(self):
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = -1

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
        self._fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        self._process_id = os.getpid()
        fcntl.flock(self._fd, fcntl.LOCK_EX)
        try:
            found = os.fstat(self._fd)
            self._key = (found.st_dev, found.st_ino)
            # Somebody may have left a line without its end.
            self._is_torn = found.st_size > 0 and os.pread(self._fd, 1, found.st_size - 1) != b"\n"
        finally:
            fcntl.flock(self._fd, fcntl.LOCK_UN)
