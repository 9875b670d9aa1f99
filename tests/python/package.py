# SPDX-License-Identifier: MIT
"""The Python package of the build, for tests: the module that meson names beside the sources.

A test file is called with the program and the module; `package.load()` takes the module out of the
arguments, and processes that the test starts find the same package by `package.path()`.
"""
import atexit
import os
import pathlib
import shutil
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
VARIABLE = "MILLRACE_TEST_MODULE"

_folder = tempfile.mkdtemp(prefix="millrace-package-")
_owner = os.getpid()
atexit.register(lambda: os.getpid() == _owner and shutil.rmtree(_folder, ignore_errors=True))


def load():
    """Make the package importable; returns it, or None when no module was named."""
    if len(sys.argv) > 2 and sys.argv[2].endswith(".so"):
        os.environ[VARIABLE] = str(pathlib.Path(sys.argv.pop(2)).resolve())
    if VARIABLE not in os.environ:
        return None
    module = pathlib.Path(os.environ[VARIABLE])
    folder = pathlib.Path(_folder) / "millrace"
    if not folder.exists():
        folder.mkdir()
        for source in (ROOT / "bindings/python/millrace").iterdir():
            (folder / source.name).symlink_to(source)
        (folder / module.name).symlink_to(module)
        sys.path.insert(0, _folder)
    import millrace
    return millrace


def path():
    """Where the package lies, for PYTHONPATH."""
    return _folder
