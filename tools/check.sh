#!/bin/sh
# The checks that need no build: format, layers, style, headers that stand alone.
set -u
failed=0

step() { # name, command...
    name=$1
    shift
    if output=$("$@" 2>&1); then
        echo "ok    $name"
    else
        echo "FAIL  $name"
        echo "$output" | head -n 40
        failed=$((failed + 1))
    fi
}

check_format() {
    git ls-files '*.c' '*.h' '*.cpp' | xargs clang-format --dry-run -Werror
}

# Public headers compile alone as C99 and as C++, the others as C17.
check_headers() {
    for header in include/millrace/*.h; do
        cc -std=c99 -Wall -Wextra -Wpedantic -Werror -Iinclude -fsyntax-only -x c "$header" || return 1
        c++ -std=c++17 -Wall -Wextra -Werror -Iinclude -fsyntax-only -x c++ "$header" || return 1
    done
    for header in $(git ls-files 'src/*.h'); do
        cc -std=c17 -Wall -Wextra -Werror -Iinclude -Isrc -fsyntax-only -x c "$header" || return 1
    done
}

step format check_format
step layers python3 tools/check_layers.py .
step style python3 tools/tidy.py .
step headers check_headers
exit "$failed"
