#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The README is true: its blocks are executed as they stand, and their output compared.

usage: readme_test.py BINARY ROOT [MODULE]

A block that begins with ```console is run from top to bottom in a copy of what the commands need;
```console no-run is only read.  A line `$ command` is run by a shell that keeps its variables; the
lines below it are what it prints, where `...` stands for any text: alone on a line for any number
of lines.  Every command must succeed.

A block that begins with ```python is a program of its own, run in its turn in the same folder, if MODULE
(the package's extension module) is given; a block ```text right behind it is what it prints.
"""
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

FENCE = re.compile(r"^```(?P<kind>console|python)(?P<how>[^\n]*)\n(?P<body>.*?)^```\n"
                   r"(?:\n```text\n(?P<printed>.*?)^```$)?", re.M | re.S)
END = "readme-test-ended"


def commands_of(text, python=None):
    """[(command, expected output)] of the blocks that are to be run; `python` runs programs."""
    found = []
    for block in FENCE.finditer(text):
        if "no-run" in block["how"].split() or (block["kind"] == "python" and python is None):
            continue
        if block["kind"] == "python":
            found.append((f"{python} -c {shlex.quote(block['body'])}", (block["printed"] or "").splitlines()))
            continue
        for line in block["body"].splitlines():
            if line.startswith("$ "):
                found.append((line[2:], []))
            elif not found:
                sys.exit(f"readme_test: a block begins with output: {line}")
            else:
                found[-1][1].append(line)
    return found


def pattern_of(lines):
    """The expected output as a pattern of the whole output."""
    if not lines:
        return re.compile(r"(?s).*\Z")
    parts = []
    for line in lines:
        if line.strip() == "...":
            parts.append(r"(?:[^\n]*\n)*")
        else:
            parts.append(r"[^\n]*".join(re.escape(part.rstrip() if part is line else part)
                                        for part in line.split("...")) + r"[^\S\n]*\n")
    return re.compile("".join(parts) + r"\Z")


def first_difference(lines, output):
    """Where the expectation stops being met: its longest prefix that matches a beginning."""
    for count in range(len(lines), 0, -1):
        if re.match(pattern_of(lines[:count]).pattern.removesuffix(r"\Z"), output):
            return lines[count] if count < len(lines) else "the end"
    return lines[0]


def check_judge():
    """A comparison that accepts everything would prove nothing."""
    pattern = pattern_of(["a ... c", "...", "z"])
    assert pattern.match("a b c\nz\n") and pattern.match("a b c\n1\n2\nz\n")
    assert not pattern.match("a b d\nz\n") and not pattern.match("a b c\nz\nmore\n")
    blocks = "```console no-run\n$ x\n```\n```console\n$ y\n1\n```\n```python\nz\n```\n\n```text\n2\n```\n"
    assert commands_of(blocks) == [("y", ["1"])]
    assert commands_of(blocks, "p") == [("y", ["1"]), ("p -c 'z\n'", ["2"])]


def make_workplace(folder, binary, root):
    """The files that the commands need, and a build folder that is up to date."""
    shutil.copy(root / "Makefile", folder)
    shutil.copytree(root / "tools", folder / "tools")
    (folder / "build").mkdir()
    shutil.copy(binary, folder / "build" / "millrace")
    (folder / "build" / "build.ninja").write_text("rule none\n  command = true\n"
                                                  "build millrace: none\n")


def make_package(folder, module, root):
    """The Python package as `make python` installs it. Returns the command that runs a program with it."""
    package = folder / "package"
    shutil.copytree(root / "bindings/python/millrace", package / "millrace")
    shutil.copy(module, package / "millrace")
    return f"PYTHONPATH={shlex.quote(str(package))} {shlex.quote(sys.executable)}"


def run(shell, command):
    """One command in the open shell: (exit code, what it printed on both streams)."""
    shell.stdin.write(f"{{ {command}\n}} 2>&1 < /dev/null; echo \"{END} $?\"\n")
    shell.stdin.flush()
    output = []
    for line in shell.stdout:
        if match := re.search(rf"{END} (\d+)\n\Z", line):
            return int(match[1]), "".join(output) + line[:match.start()]
        output.append(line)
    sys.exit(f"readme_test: the shell ended in: {command}")


def main():
    binary, root = (pathlib.Path(word).resolve() for word in sys.argv[1:3])
    check_judge()
    env = {key: value for key, value in os.environ.items()
           if not key.startswith(("MILLRACE", "MAKE")) and key != "MFLAGS"}
    failed = 0
    with tempfile.TemporaryDirectory(prefix="millrace-test-") as name:
        folder = pathlib.Path(name)
        make_workplace(folder, binary, root)
        python = make_package(folder, sys.argv[3], root) if len(sys.argv) > 3 else None
        if python is None:
            print("skipped: the blocks in Python, this build has no module")
        commands = commands_of((root / "README.md").read_text(), python)
        if len(commands) < 5:
            sys.exit("readme_test: the README has hardly a command")
        with subprocess.Popen(["bash"], cwd=folder, env=env, text=True, stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE) as shell:
            for command, lines in commands:
                code, output = run(shell, command)
                is_good = code == 0 and pattern_of(lines).match(output)
                print("ok   " if is_good else "FAIL ", command)
                if not is_good:
                    failed += 1
                    print(f"exit code {code}; first line that differs: "
                          f"{first_difference(lines, output) if lines else '-'}\n{output[-4000:]}")
            shell.stdin.close()
    print(f"{len(commands) - failed} passed, {failed} failed")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
