"""Tests of tools/tidy.py: each rule finds what it is about, and nothing in a tree that is in order."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

TIDY = pathlib.Path(__file__).resolve().parents[2] / "tools/tidy.py"
SPDX = "/* SPDX-License-Identifier: MIT */\n"
HEAD = SPDX + "/*\n * A file.\n */\n"
HEADER = SPDX + "/**\n * A header.\n */\n"
CONTRACT = "/**\n * Do it.\n *\n * Returns  nothing.\n * Threads  any.\n */\n"
LAYERS = "base:\nos: base\nlog: base os\n!system: os conf\n"

# A tree in which nothing is to be found.
GOOD = {
    "README.md": "a readme\n",
    "tools/layers.txt": LAYERS,
    "include/millrace/thing.h": HEADER
    + "#ifdef __cplusplus\nextern \"C\" {\n#endif\n"
    + "#define MR_THING(x) \\\n    strcpy(x)\n"
    + "typedef void (*mr_call)(int free);\n"
    + "struct mr_thing {\n    void (*time)(void *context);\n};\n"
    + CONTRACT + "__attribute__((format(printf, 1, 2))) void mr_thing_do(\n    const char *f, ...);\n"
    + "#ifdef __cplusplus\n}\n#endif\n",
    "src/base/alloc.c": HEAD + "void *get(void)\n{\n    return malloc(1);\n}\n",
    "src/base/things.h": HEADER
    + CONTRACT + "static inline int mri_thing_one(void)\n{\n    return 1;\n}\n"
    + "extern const int mri_things_all;\n"
    + CONTRACT + "_Noreturn void mri_things_end(void);\n",
    "src/base/things.c": HEAD
    + "/* strcpy(a, b) is banned; so is time(). A list: malloc, free. */\n"
    + "static const char text[] = \"errno = rand();\";\n"
    + "int f(struct os *os)\n{\n    return os->time(os) + os->free(0) + untime(1) + text[0];\n}\n"
    + "/* See (a) and\n * if it is so, return what was there;\n */\n",
    "src/base/things_test.c": HEAD + "int g(void)\n{\n    return errno + malloc(1);\n}\n",
    "src/conf/yaml.c": HEAD + "#include <math.h>\nint h(void)\n{\n    return errno;\n}\n",
    "tools/x.py": "# " + "TO" + "DO(#12): later\n",
}


def body(lines):
    return "int f(void)\n{\n" + "    g();\n" * lines + "}\n"


# name -> (files to add or replace, what must be said)
CASES = {
    "banned call": ({"src/base/a.c": HEAD + "void f(void)\n{\n    strcpy(a, b);\n}\n"},
                    "src/base/a.c:7: strcpy is banned"),
    "banned call in a test": ({"src/base/a_test.c": HEAD + "int x = atoi(y);\n"},
                              "src/base/a_test.c:5: atoi is banned"),
    "plain assertion": ({"src/base/a.c": HEAD + "void f(void)\n{\n    assert(1);\n}\n"},
                        "src/base/a.c:7: assert: use MRI_ASSERT"),
    "heap": ({"src/log/a.c": HEAD + "void f(void)\n{\n    free(x);\n}\n"},
             "src/log/a.c:7: free: the heap is in src/base/alloc.c"),
    "errno in a pure layer": ({"src/log/a.c": HEAD + "int f(void)\n{\n    return errno;\n}\n"},
                              "src/log/a.c:7: errno: log gets mr_err from os/"),
    "libm in a pure layer": ({"src/log/a.c": HEAD + "#include <math.h>\n"},
                             "src/log/a.c:5: libm differs"),
    "only a head comment": ({"src/base/a.h": HEADER + "int mri_a_get(void);\n"},
                            "src/base/a.h:5: mri_a_get: no Returns and no Threads"),
    "no contract": (
        {"src/base/a.h": HEADER + CONTRACT + "struct a;\nint mri_a_get(void);\n"},
        "src/base/a.h:12: mri_a_get has no contract"),
    "no Threads": ({"src/base/a.h": HEADER + "/** Get.\n *\n * Returns  it.\n */\nint mri_a_get(void);\n"},
                   "mri_a_get: no Threads"),
    "no Returns in an inline function": (
        {"src/base/a.h": HEADER + "/** Get. Threads  any. */\nstatic inline int mri_a_get(void)\n{\n"
         "    return 1;\n}\n"}, "mri_a_get: no Returns"),
    "a section inside a line": (
        {"src/base/a.h": HEADER + "/**\n * Get.\n *\n * Returns  it or\n * not. Threads  any.\n */\n"
         "int mri_a_get(void);\n"}, "mri_a_get: Threads does not begin its line"),
    "no licence": ({"src/base/a.c": "/*\n * A file.\n */\n"}, "src/base/a.c:1: the first line is not"),
    "no head comment": ({"src/base/a.c": SPDX + "int x;\n"}, "src/base/a.c:2: no head comment"),
    "a long file": ({"src/base/a.c": HEAD + "\n" * 800}, "at most 800"),
    "a long function": ({"src/base/a.c": HEAD + "int x;\n" + body(68)}, "src/base/a.c:6: f has 71 lines"),
    "a long function in C++": (
        {"src/conf/a.cpp": HEAD + "namespace\n{\nint x;\n" + body(68) + "} // namespace\n"},
        "src/conf/a.cpp:8: f has 71 lines"),
    "unfinished": ({"src/base/a.c": HEAD + "/* FIX" "ME */\n"}, "finish it"),
    "later without an issue": ({"tools/a.py": "# TO" "DO: later\n"}, "without an issue"),
    "a statement in a comment": ({"src/base/a.c": HEAD + "/* x = y + 1; */\n"},
                                 "src/base/a.c:5: code in a comment"),
    "a call in a comment": ({"src/base/a.c": HEAD + "// close_it(fd, 1);\n"},
                            "src/base/a.c:5: code in a comment"),
    "a block in a comment": ({"src/base/a.c": HEAD + "/*\n * if (a > b) {\n *     x();\n * }\n */\n"},
                             "src/base/a.c:6: code in a comment"),
    "a name twice": ({"src/os/things.h": HEADER}, "a second file called things.h: src/base/things.h"),
    "a name that says nothing": ({"tests/lib/log_utils.c": HEAD}, "a name with 'util' in it"),
    "a folder that says nothing": ({"src/common/x.c": HEAD}, "a name with 'common' in it"),
    "a public name": ({"include/millrace/a.h": HEADER + CONTRACT + "int mri_a(void);\n"},
                      "mri_a: public names start with mr_"),
    "a shared name": ({"src/base/a.h": HEADER + CONTRACT + "int a_get(void);\n"},
                      "a_get: names of a.h start with mri_a_"),
    "another module's name": ({"src/base/a.h": HEADER + CONTRACT + "int mri_about(void);\n"},
                              "mri_about: names of a.h start with mri_a_"),
    "a full root": ({f"entry-{i}.md": "x\n" for i in range(25)}, "entries in the root; at most 26"),
    "somebody's machine": ({"tools/a.py": "x = '/ho" "me/me/x'\n"}, "is a path of somebody's machine"),
}


def run_on(files):
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            path = pathlib.Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return subprocess.run([sys.executable, TIDY, folder], capture_output=True, text=True,
                              check=False)


class TidyTest(unittest.TestCase):
    def test_nothing_is_found_in_a_tree_that_is_in_order(self):
        run = run_on(GOOD)
        self.assertEqual(run.stdout, f"tidy: {len(GOOD)} files\n")
        self.assertEqual(run.returncode, 0)

    def test_each_rule_finds_what_it_is_about_and_nothing_else(self):
        for name, (files, message) in CASES.items():
            with self.subTest(name):
                run = run_on({**GOOD, **files})
                self.assertEqual(run.returncode, 1, run.stdout + run.stderr)
                lines = run.stdout.splitlines()
                self.assertTrue(any(message in line for line in lines), run.stdout)
                places = {line.split(":")[0] for line in lines}
                self.assertEqual(len(places), 1, run.stdout)

    def test_what_is_built_is_not_looked_at(self):
        run = run_on({**GOOD, "build-x/src/a.c": "int x;\n", "build/src/b.c": "int y;\n"})
        self.assertEqual(run.returncode, 0, run.stdout)


if __name__ == "__main__":
    unittest.main()
