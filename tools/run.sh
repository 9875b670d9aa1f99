#!/bin/sh
# What `make run` does: choose a directory under $RUNS, then run the program.
set -eu

case "${RESUME:-}" in
"" | 1) ;;
*)
    echo "make run: RESUME is 1 (continue the newest run) or empty, found \"$RESUME\"" >&2
    exit 2
    ;;
esac

# Runs are the folders named by four digits; what else lies there is somebody's own.
newest=
for dir in "$RUNS"/[0-9][0-9][0-9][0-9]; do
    if [ -d "$dir" ]; then
        newest=$dir
    fi
done
if [ "${RESUME:-}" = 1 ]; then
    if [ -z "$newest" ]; then
        echo "make run RESUME=1: there is no run in $RUNS yet" >&2
        exit 2
    fi
    dir=$newest
else
    number=$(basename "${newest:-0000}" | sed 's/^0*//')
    number=$((${number:-0} + 1))
    if [ "$number" -gt 9999 ]; then
        echo "make run: $newest is the last of four digits; name another folder with RUNS=" >&2
        exit 2
    fi
    dir=$RUNS/$(printf '%04d' "$number")
fi
mkdir -p "$RUNS"

set -- --dir "$dir" "$@"
if [ -n "${DATA:-}" ]; then
    set -- --feed "csv:$DATA" "$@"
elif [ -n "${SEED:-}" ]; then
    set -- --feed "synthetic:$SEED" "$@"
fi
if [ -n "${CONFIG:-}" ]; then
    set -- --config "$CONFIG" "$@"
fi
exec "$BUILD/millrace" run "$@"
