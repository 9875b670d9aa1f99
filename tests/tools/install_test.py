#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What is installed is enough to build against: headers, library, pkg-config; nothing else is
exported.

usage: install_test.py BUILD
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(sys.argv.pop(1)).resolve()


class InstallTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="millrace-test-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.call("meson", "install", "-C", BUILD, "--no-rebuild", "--destdir", self.folder / "root")
        (self.config,) = (self.folder / "root").rglob("millrace.pc")

    def call(self, *words, **options):
        done = subprocess.run([str(word) for word in words], capture_output=True, text=True,
                              check=False, **options)
        self.assertEqual(done.returncode, 0, f"{words}\n{done.stdout}{done.stderr}")
        return done.stdout

    def flags(self):
        env = {**os.environ, "PKG_CONFIG_PATH": str(self.config.parent),
               "PKG_CONFIG_SYSROOT_DIR": str(self.folder / "root")}
        return self.call("pkg-config", "--cflags", "--libs", "millrace", env=env).split()

    def test_a_program_is_built_and_runs(self):
        program = self.folder / "embed"
        self.call("cc", "-std=c17", "-Wall", "-Wextra", "-Werror", ROOT / "examples/embed.c",
                  *self.flags(), "-o", program)
        (library,) = (self.folder / "root").rglob("libmillrace.so")
        env = {**os.environ, "LD_LIBRARY_PATH": str(library.parent)}
        out = self.call(program, self.folder / "log", env=env)
        self.assertEqual(out, "1 hello\n2 again\n")
        self.assertEqual(self.call(program, self.folder / "log", env=env).splitlines()[-1], "4 again")

    def test_every_header_is_there_and_compiles_alone(self):
        for header in (ROOT / "include/millrace").glob("*.h"):
            with self.subTest(header=header.name):
                source = self.folder / "one.c"
                source.write_text(f"#include <millrace/{header.name}>\nint x;\n")
                for compiler in (["cc", "-std=c17"], ["c++", "-std=c++17", "-x", "c++"]):
                    self.call(*compiler, "-Wall", "-Wextra", "-Werror", "-c", source, "-o",
                              self.folder / "one.o", *self.flags()[:1])

    def test_only_public_names_are_exported(self):
        (library,) = (self.folder / "root").rglob("libmillrace.so")
        names = [line.split()[-1] for line in
                 self.call("nm", "--dynamic", "--defined-only", library).splitlines()]
        self.assertGreater(len(names), 50)
        self.assertEqual([name for name in names if not name.startswith("mr_")], [])


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]])
