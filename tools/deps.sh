#!/bin/sh
# Install what is missing, by apt, and say what it is for.
# Usage: tools/deps.sh build|test|python|check|bench      bench: the stores that benchmarks compare with
#        tools/deps.sh missing build|test|python|check|bench      only say it
set -eu

packages_build='
gcc:C_compiler
g++:C++_compiler_for_the_JSON_reader
meson:build_system
ninja-build:runs_the_build
pkg-config:finds_libraries
libssl-dev:SHA-256_for_digests_and_keys
zlib1g-dev:gzip_candle_files
libzstd-dev:archived_segments_of_the_log
libyaml-dev:configuration_files
libsimdjson-dev:reads_JSON
libsqlite3-dev:SQL_over_a_log
libedit-dev:the_prompt_of_millrace_sql
libutf8proc-dev:columns_of_text_on_a_terminal
'
packages_test='
libcmocka-dev:unit_tests
python3:tests_of_the_program_and_the_documents
python3-dev:headers_for_the_Python_package
nodejs:runs_the_example_client_in_JavaScript
'
packages_python='
python3-dev:Python_package
python3-pip:Python_package
python3-setuptools:Python_package
python3-wheel:Python_package
python3-venv:Python_package
'
packages_check='
clang:second_compiler,_sanitizers,_fuzzers
clang-format:source_format
clang-tidy:static_analysis
libclang-rt-14-dev:sanitizer_runtime
git:lists_the_tracked_files
'
packages_bench='
libsqlite3-dev:compared_in_benchmarks:_SQLite
librocksdb-dev:compared_in_benchmarks:_RocksDB
liblmdb-dev:compared_in_benchmarks:_LMDB
redis-server:compared_in_benchmarks:_Redis
postgresql-15:compared_in_benchmarks:_PostgreSQL
libpq-dev:compared_in_benchmarks:_client_of_PostgreSQL
nats-server:compared_in_benchmarks:_NATS_JetStream
'

is_asked=
if [ "${1:-}" = missing ]; then
    is_asked=yes
    shift
fi
case "${1:-}" in
build) wanted="$packages_build" ;;
test) wanted="$packages_build $packages_test" ;;
python) wanted="$packages_build $packages_python" ;;
check) wanted="$packages_build $packages_test $packages_check" ;;
bench) wanted="$packages_bench" ;;
*)
    echo "usage: tools/deps.sh [missing] build|test|python|check|bench" >&2
    exit 2
    ;;
esac

missing=
for entry in $wanted; do
    package=${entry%%:*}
    state=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
    if [ "$state" != installed ]; then
        echo "missing: $package ($(echo "${entry#*:}" | tr _ ' '))"
        missing="$missing $package"
    fi
done
[ -n "$missing" ] && [ -z "$is_asked" ] || exit 0

as_root=
if [ "$(id -u)" != 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "these packages need root or sudo to be installed:$missing" >&2
        exit 1
    fi
    as_root=sudo
fi
echo "installing:$missing"
$as_root apt-get update -qq
# shellcheck disable=SC2086 # one word a package
DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq --no-install-recommends $missing >/dev/null
