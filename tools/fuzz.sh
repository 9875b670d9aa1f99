#!/bin/sh
# Fuzz every parser for some seconds each, on a copy of its corpus. Usage: tools/fuzz.sh SECONDS
# What crashes a target is kept in build-fuzz/ and printed; add it to fuzz/corpus/<target>/.
set -eu
seconds=$1
build=build-fuzz
if [ ! -f "$build/build.ninja" ]; then
    CC=clang CXX=clang++ meson setup "$build" -Dfuzz=true >/dev/null
fi
failed=0
for corpus in fuzz/corpus/*; do
    target=$(basename "$corpus")_fuzz
    ninja -C "$build" --quiet "fuzz/$target"
    grown=$build/corpus/$(basename "$corpus")
    mkdir -p "$grown"
    if "$build/fuzz/$target" -max_total_time="$seconds" -max_len=65536 -timeout=10 \
        -artifact_prefix="$build/$target-" "$grown" "$corpus" >"$build/$target.txt" 2>&1; then
        echo "ok    $target: $(sed -n 's/^Done //p' "$build/$target.txt")"
    else
        echo "FAIL  $target"
        tail -n 40 "$build/$target.txt"
        failed=$((failed + 1))
    fi
done
exit "$failed"
