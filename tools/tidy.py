#!/usr/bin/env python3
"""Fail when a file breaks a rule of style that a machine can see.

Usage: python3 tools/tidy.py [ROOT]      prints file:line: message; exits 1 if there was one.

Checks, over include/ src/ tests/ fuzz/ bench/ tools/ (what git tracks or would track):
- calls that are banned, and calls that belong to one file or one kind of layer;
- every function declared in a header has a contract with Returns and Threads;
- names: mr_ in include/, mri_<module>_ in src/; file names; the number of entries in the root;
- lengths of files and functions; the first lines of every C file;
- no code in comments, no open ends without an issue, no path of somebody's machine.

Not here: the order of layers (tools/check_layers.py), formatting (clang-format), what needs a
compiler (clang-tidy).
"""
import collections
import pathlib
import re
import subprocess
import sys

FOLDERS = ("include", "src", "tests", "fuzz", "bench", "tools")
SUFFIXES = (".c", ".h", ".cpp", ".py", ".sh", ".build", ".txt")
ROOT_ENTRIES_MAX = 26
FILE_LINES_MAX = 800
FUNCTION_LINES_MAX = 70
SPDX = "/* SPDX-License-Identifier: MIT */"
BANNED_NAME_PARTS = ("util", "common", "misc", "helper", "manager")
BANNED_CALLS = "strcpy strcat sprintf strtok atoi rand time localtime system alloca".split()
HEAP_CALLS = "malloc calloc realloc free".split()
HEAP_FILE = "src/base/alloc.c"
# Written in two pieces, so that this file does not find itself.
UNFINISHED = "FIX" + "ME"
LATER = "TO" + "DO"
MACHINE_PATHS = ["/" + name + "/" for name in ("work", "root", "home")]

# Headers whose functions are not all named after the file: what else they may begin with.
OTHER_MODULES = {
    "append.h": ["log"],
    "describe.h": ["names", "json"],
    "event_codec.h": ["event", "field", "ref"],
    "event_digest.h": ["ranks"],
    "exact_math.h": ["exp", "log", "sqrt", "sigmoid", "abs", "nan", "is_finite", "clamp"],
    "fact_line_fields.h": ["fact_line"],
    "horizon.h": ["timers"],
    "hot_shared.h": ["hot"],
    "instruments.h": ["symbol"],
    "json_read.h": ["json"],
    "ou_cell.h": ["ou"],
    "reading.h": ["found"],
    "seal.h": ["sealer"],
    "source.h": ["vote"],
    "vocabulary.h": ["word", "side", "source", "gate", "horizon"],
    "writer.h": ["append", "commit"],
}
SECTIONS = "Returns|Owner|Threads|Cost|Source"


def is_test(path):
    return path.stem.endswith("_test")


def listed(root):
    """Every file that git tracks or would track; without git every file that is not built."""
    if (root / ".git").exists():
        run = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
            cwd=root, capture_output=True, check=True)
        names = [name for name in run.stdout.decode().split("\0") if name]
        paths = [pathlib.PurePosixPath(name) for name in names if (root / name).is_file()]
    else:
        paths = [pathlib.PurePosixPath(path.relative_to(root).as_posix())
                 for path in root.rglob("*") if path.is_file()]
        paths = [path for path in paths
                 if not path.parts[0].startswith("build") and "__pycache__" not in path.parts]
    return sorted(paths)


def split(text):
    """C text -> (code, comments): each as long as the text, the other's characters blanked.

    String and character literals are blanked in both, their quotes kept in the code.
    """
    code, comments = list(text), [c if c == "\n" else " " for c in text]
    pattern = re.compile(
        r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.DOTALL)
    for match in pattern.finditer(text):
        begin, end = match.span()
        is_comment = text[begin] == "/"
        for i in range(begin if is_comment else begin + 1, end if is_comment else end - 1):
            if text[i] != "\n":
                code[i] = " "
                if is_comment:
                    comments[i] = text[i]
    return "".join(code), "".join(comments)


def without_preprocessor(code):
    """Blank directives with their continuation lines, and what only C++ sees."""
    lines, in_directive, in_cpp = code.split("\n"), False, False
    for i, line in enumerate(lines):
        is_directive = in_directive or line.lstrip().startswith("#")
        in_cpp = in_cpp or line.lstrip().startswith("#ifdef __cplusplus")
        if is_directive or in_cpp:
            lines[i] = " " * len(line)
        if line.lstrip().startswith("#endif"):
            in_cpp = False
        in_directive = is_directive and line.rstrip().endswith("\\")
    return "\n".join(lines)


def is_function_head(text):
    """Is this what stands before a function's body?"""
    return "(" in text and "=" not in text and not re.match(
        r"\s*(typedef|struct|enum|union)\b[^()]*$", text)


def statements(code):
    """Top-level statements of C code: (begin, end, text without bodies, has a function's body)."""
    found, begin, depth, parens, text, is_function = [], None, 0, 0, [], False
    for i, c in enumerate(code):
        if begin is None:
            if c.isspace():
                continue
            begin, text, parens, is_function = i, [], 0, False
        if c == "{" and depth == 0 and re.match(r"\s*(namespace|extern)\b[^()]*$", "".join(text)):
            begin = None  # what is inside stands at the top level too
        elif c == "}" and depth == 0:
            begin = None
        elif c == "{":
            if depth == 0 and parens == 0:
                is_function = is_function_head("".join(text))
            depth += 1
        elif c == "}":
            depth -= 1
            if depth == 0 and is_function:
                found.append((begin, i + 1, "".join(text), True))
                begin = None
        elif depth == 0:
            parens += (c == "(") - (c == ")")
            if c == ";" and parens == 0:
                found.append((begin, i + 1, "".join(text), False))
                begin = None
            else:
                text.append(c)
    return found


def function_name(text):
    """The name that a statement declares as a function, or None."""
    text = re.sub(r"__attribute__\s*\(\((?:[^()]|\([^()]*\))*\)\)", " ", text)
    match = re.match(r"[\w\s*]*?(\w+)\s*\(", text)
    if match is None or re.match(r"\s*typedef\b", text) or "=" in text.split("(")[0]:
        return None
    name = match.group(1)
    return None if name.isupper() or name == "_Static_assert" else name


def line_of(text, index):
    return text.count("\n", 0, index) + 1


def comment_before(code, comments, index):
    """The contract that ends just before a statement, or ""."""
    end = len(comments[:index].rstrip())
    if code[end:index].strip():
        return ""
    begin = comments.rfind("/**", 0, end)
    contract = comments[begin:end] if begin >= 0 else ""
    return contract if contract.endswith("*/") and contract.count("*/") == 1 else ""


class Tidy:
    def __init__(self, root):
        self.root = root
        self.found = []
        layers = root / "tools/layers.txt"
        lines = layers.read_text().splitlines() if layers.exists() else []
        self.system = {name for line in lines if line.startswith("!system:")
                       for name in line.split()[1:]}

    def say(self, path, line, message):
        self.found.append((str(path), line, message))

    def run(self):
        paths = listed(self.root)
        self.check_root(paths)
        self.check_file_names([path for path in paths if path.parts[0] in FOLDERS])
        for path in paths:
            if path.parts[0] in FOLDERS and path.suffix in SUFFIXES:
                self.check_file(path)
        for path, line, message in sorted(self.found):
            print(f"{path}:{line}: {message}")
        if not self.found:
            print(f"tidy: {len(paths)} files")
        return 1 if self.found else 0

    def check_root(self, paths):
        entries = {path.parts[0] for path in paths}
        if len(entries) > ROOT_ENTRIES_MAX:
            self.say(".", 1, f"{len(entries)} entries in the root; at most {ROOT_ENTRIES_MAX}")

    def check_file_names(self, paths):
        by_name = collections.defaultdict(list)
        for path in paths:
            if path.parts[0] == "src" and path.name != "meson.build":
                by_name[path.name].append(path)
            words = {word for part in path.parts for word in re.split(r"[_.\-]", part.lower())}
            for bad in BANNED_NAME_PARTS:
                if bad in words or bad + "s" in words:
                    self.say(path, 1, f"a name with '{bad}' in it says nothing")
        for name, same in by_name.items():
            for path in same[1:]:
                self.say(path, 1, f"a second file called {name}: {same[0]}")

    def check_file(self, path):
        text = (self.root / path).read_text(encoding="utf-8")
        self.check_text(path, text)
        if path.suffix not in (".c", ".h", ".cpp"):
            return
        code, comments = split(text)
        self.check_head(path, text)
        self.check_comments(path, comments)
        if path.parts[0] == "src":
            self.check_calls(path, code, text)
        plain = without_preprocessor(code)
        self.check_functions(path, plain)
        if path.suffix == ".h" and path.parts[0] in ("include", "src"):
            self.check_contracts(path, plain, comments)

    def check_text(self, path, text):
        for number, line in enumerate(text.split("\n"), 1):
            if re.search(rf"\b{UNFINISHED}\b", line):
                self.say(path, number, f"{UNFINISHED}: finish it")
            if re.search(rf"\b{LATER}\b(?!\(#\d+\))", line):
                self.say(path, number, f"{LATER} without an issue: write {LATER}(#12)")
            for bad in MACHINE_PATHS:
                if bad in line:
                    self.say(path, number, f"{bad} is a path of somebody's machine")
        count = text.count("\n")
        if count > FILE_LINES_MAX:
            self.say(path, count, f"{count} lines; at most {FILE_LINES_MAX}")

    def check_head(self, path, text):
        lines = text.split("\n")
        if lines[0] != SPDX:
            self.say(path, 1, f"the first line is not {SPDX}")
        elif len(lines) < 2 or not lines[1].startswith("/*"):
            self.say(path, 2, "no head comment")

    def check_comments(self, path, comments):
        """Lines of comments that look like statements; a guess, so it leaves doubtful ones alone."""
        code_like = re.compile(
            r"(if|for|while|switch) \(.*\) ?\{$|return [\w>.()-]+;$|(else|do) ?\{$"
            r"|(break|continue);$|#\s*(include [<\"]|define \w|ifdef|ifndef|endif)"
            r"|[\w>.\[\]*-]+ [-+*/|&]?= [^.;]*;$"
            r"|(const |struct |static |unsigned |mr_err |int |size_t |void )[\w *]+[=(].*[;{]$"
            r"|[\w>.-]+\([^.]*\);$|\}$")
        for number, line in enumerate(comments.split("\n"), 1):
            content = re.sub(r"^\s*(/\*+|//+|\*(?!/))?\s*|\s*(\*+/)?\s*$", "", line)
            if content and code_like.match(content):
                self.say(path, number, "code in a comment: delete it")

    def check_calls(self, path, code, text):
        layer, is_system = path.parts[1], path.parts[1] in self.system
        call = r"(?<![\w.>])(?<!struct )(%s)\s*\("
        rules = [(call % "|".join(BANNED_CALLS), "{} is banned")]
        if not is_test(path):
            rules.append((call % "assert", "{}: use MRI_ASSERT"))
            if str(path) != HEAP_FILE:
                rules.append((call % "|".join(HEAP_CALLS), f"{{}}: the heap is in {HEAP_FILE}"))
            if not is_system:
                rules.append((r"(?<!\w)(errno)(?!\w)", f"{{}}: {layer} gets mr_err from os/"))
        for number, line in enumerate(code.split("\n"), 1):
            for pattern, message in rules:
                for match in re.finditer(pattern, line):
                    self.say(path, number, message.format(match.group(1)))
        for number, line in enumerate(text.split("\n"), 1):
            is_math = re.match(r"\s*#\s*include\s*<math\.h>", line)
            if is_math and not is_system and not is_test(path):
                self.say(path, number, "libm differs between machines: use base/exact_math")

    def check_functions(self, path, code):
        for begin, end, text, has_body in statements(code):
            count = code.count("\n", begin, end) + 1
            if has_body and count > FUNCTION_LINES_MAX:
                name = function_name(text) or "a function"
                self.say(path, line_of(code, begin),
                         f"{name} has {count} lines; at most {FUNCTION_LINES_MAX}")

    def check_contracts(self, path, code, comments):
        for begin, _, text, _ in statements(code):
            name = function_name(text)
            if name is None:
                continue
            line = line_of(code, begin)
            contract = comment_before(code, comments, begin)
            missing = [word for word in ("Returns", "Threads")
                       if not re.search(rf"\b{word}  \s*\S", contract)]
            buried = re.search(rf"^ \* .*\S +({SECTIONS})  +\S", contract, re.MULTILINE)
            if buried:
                self.say(path, line, f"{name}: {buried.group(1)} does not begin its line: "
                         "wrap what stands before it by hand")
            if not contract:
                self.say(path, line, f"{name} has no contract")
            elif missing:
                self.say(path, line, f"{name}: no {' and no '.join(missing)}")
            self.check_name(path, line, name)

    def check_name(self, path, line, name):
        if path.parts[0] == "include":
            if not name.startswith("mr_"):
                self.say(path, line, f"{name}: public names start with mr_")
            return
        module = path.stem
        modules = {module, module.rstrip("s"), module + "s", *OTHER_MODULES.get(path.name, [])}
        if not any(re.match(rf"mri_{re.escape(one)}(_|$)", name) for one in modules):
            self.say(path, line, f"{name}: names of {path.name} start with mri_{module}_")


if __name__ == "__main__":
    sys.exit(Tidy(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()).run())
