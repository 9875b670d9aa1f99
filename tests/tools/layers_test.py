"""Tests of tools/check_layers.py: includes are read in every source file, also in those in C++."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

CHECK = pathlib.Path(__file__).resolve().parents[2] / "tools/check_layers.py"
LAYERS = "base:\nos: base\nlog: base os\n!system: os\n"
ROOMS = LAYERS + "bus: log\nlog/bytes:\nlog/read: bytes\nlog/keep: bytes\n"


def check(files):
    """Exit code and output of a check of a tree."""
    with tempfile.TemporaryDirectory() as root:
        for name, text in {"tools/layers.txt": LAYERS, **files}.items():
            path = pathlib.Path(root) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        done = subprocess.run([sys.executable, CHECK, root], stdout=subprocess.PIPE, check=False)
        return done.returncode, done.stdout.decode()


class LayersTest(unittest.TestCase):
    def assert_found(self, name, line, what):
        code, out = check({name: line + "\n"})
        self.assertEqual(code, 1, out)
        self.assertIn(f"{name}:1: {what}", out)

    def test_a_tree_in_order_passes(self):
        code, out = check({"src/log/a.c": '#include "log/b.h"\n#include <string.h>\n',
                           "src/log/b.h": '#include "base/c.h"\n#include "millrace/err.h"\n',
                           "src/os/d.cpp": '#include <unistd.h>\n#include "base/c.h"\n',
                           "src/base/c.h": "\n"})
        self.assertEqual(code, 0, out)
        self.assertIn("4 files", out)

    def test_what_lies_above_is_not_included_whatever_the_language(self):
        for ending in ("c", "h", "cpp"):
            self.assert_found(f"src/os/x.{ending}", '#include "log/y.h"', "os may not use log")

    def test_only_layers_that_may_know_the_system_include_its_headers(self):
        for ending in ("c", "h", "cpp"):
            self.assert_found(f"src/log/x.{ending}", "#include <unistd.h>",
                              "<unistd.h> is not pure")

    def test_an_include_names_its_layer(self):
        self.assert_found("src/os/x.cpp", '#include "../base/y.h"', '"../base/y.h": write')
        self.assert_found("src/os/x.cpp", '#include "y.h"', '"y.h": write')

    def test_rooms_of_a_layer_in_order_pass(self):
        code, out = check({"tools/layers.txt": ROOMS,
                           "src/bus/a.c": '#include "log/keep/d.h"\n',
                           "src/log/bytes/b.h": "\n",
                           "src/log/bytes/b_test.c": '#include "log/keep/d.h"\n',
                           "src/log/read/c.h": '#include "log/bytes/b.h"\n#include "log/read/x.h"\n',
                           "src/log/keep/d.h": '#include "log/bytes/b.h"\n#include "base/y.h"\n'})
        self.assertEqual(code, 0, out)
        self.assertIn("5 files", out)

    def test_a_room_includes_those_of_its_line(self):
        for name, line, what in (
                ("src/log/bytes/a.c", '#include "log/read/b.h"', "log/bytes may not use log/read"),
                ("src/log/keep/a.h", '#include "log/read/b.h"', "log/keep may not use log/read"),
                ("src/log/keep/a.c", '#include "log/b.h"', '"log/b.h": write the include as'),
                ("src/log/a.c", "", "log has rooms in tools/layers.txt, and this lies in none"),
                ("src/log/else/a.c", "", "log has rooms in tools/layers.txt, and this lies in none")):
            code, out = check({"tools/layers.txt": ROOMS, name: line + "\n"})
            self.assertEqual(code, 1, out)
            self.assertIn(f"{name}:1: {what}", out)

    def test_a_room_names_only_rooms_above_it(self):
        for lines in ("log/bytes: read\nlog/read:\n", "log/bytes: os\n", "bus/slots:\n"):
            code, _ = check({"tools/layers.txt": LAYERS + lines})
            self.assertEqual(code, 1, lines)

    def test_file_names_are_unique(self):
        code, out = check({"src/os/x.cpp": "\n", "src/base/x.cpp": "\n"})
        self.assertEqual(code, 1, out)
        self.assertIn("second file called x.cpp", out)


if __name__ == "__main__":
    unittest.main()
