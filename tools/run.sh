#!/bin/sh
# What `make run` does: choose a directory under $RUNS, then run the program.
set -eu

newest=$(ls -1d "$RUNS"/[0-9]* 2>/dev/null | sort | tail -n 1)
if [ "${RESUME:-}" = 1 ]; then
    if [ -z "$newest" ]; then
        echo "make run RESUME=1: there is no run in $RUNS yet" >&2
        exit 2
    fi
    dir=$newest
else
    number=$(basename "${newest:-0000}" | sed 's/^0*//')
    dir=$RUNS/$(printf '%04d' $((${number:-0} + 1)))
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
