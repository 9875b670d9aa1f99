#!/bin/sh
# Build the wheel of the Python package and install it into a virtual environment of the build.
# Usage: tools/python.sh BUILD PYTHON      nothing is fetched
set -eu
build=$(realpath "$1")
python=$2
root=$(realpath "$(dirname "$0")/..")
version=$("$build/millrace" --version | sed -n 's/^millrace \([^ ,]*\).*/\1/p')
stage=$build/python
rm -rf "$stage"
mkdir -p "$stage/millrace"
cp "$root/bindings/python/setup.py" "$stage"
cp -r "$root"/bindings/python/millrace/* "$stage/millrace"
cp "$build/bindings/python/_millrace.abi3.so" "$stage/millrace"
MILLRACE_VERSION=$version "$python" -m pip --disable-pip-version-check wheel --quiet --no-build-isolation \
    --no-index --no-deps --wheel-dir "$stage/dist" "$stage"
[ -x "$build/venv/bin/python" ] || "$python" -m venv --without-pip "$build/venv"
"$python" -m pip --disable-pip-version-check --python "$build/venv/bin/python" install --quiet --no-index \
    --no-deps --force-reinstall "$stage"/dist/*.whl
echo "$(ls "$stage"/dist/*.whl) is installed in $build/venv"
