#!/bin/bash
# A short run of each fuzzer, as many at a time as there are processors: tests/fuzz.sh SECONDS PROGRAM... Findings stay
# in build/fuzz/findings.
set -u
cd "$(dirname "$0")/.." || exit 3
# shellcheck source=tests/slots.sh
. tests/slots.sh
seconds=$1
shift
work_of() { # PROGRAM
    echo "build/fuzz/findings/$(basename "$1")"
}
fuzz() { # PROGRAM: its exit code goes into the folder
    local work name=${1##*/} seeds=()
    work=$(work_of "$1")
    mkdir -p "$work/corpus"
    [ ! -d "tests/fuzz/seeds/$name" ] || seeds=("tests/fuzz/seeds/$name")
    timeout $((seconds + 60)) "$1" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 \
        -artifact_prefix="$work/" "$work/corpus" "${seeds[@]}" >"$work/log" 2>&1
    echo $? >"$work/rc"
}
trap 'trap - INT TERM HUP; kill $(jobs -p) 2>/dev/null; wait; exit 130' INT TERM HUP
passed=0 failed=0
for prog in "$@"; do
    rm -f "$(work_of "$prog")/rc"
done
in_slots "$(nproc)" fuzz "$@"
for prog in "$@"; do
    name=$(basename "$prog")
    work=$(work_of "$prog")
    if [ "$(cat "$work/rc" 2>/dev/null)" = 0 ]; then
        passed=$((passed + 1))
        echo "fuzz      $name ok: $(grep -oE 'Done [0-9]+ runs' "$work/log")"
    else
        failed=$((failed + 1))
        echo "fuzz      $name FAILED"
        grep -E 'ERROR|SUMMARY|runtime error|Test unit written' "$work/log" | head -n 8 | sed 's/^/    /'
    fi
done
[ -z "${COEXIST_TALLY:-}" ] || echo "fuzz $passed $failed 0" >>"$COEXIST_TALLY"
[ "$failed" -eq 0 ]
