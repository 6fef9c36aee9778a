#!/bin/bash
# A short run of each fuzzer: tests/fuzz.sh SECONDS PROGRAM... Findings stay in build/fuzz/findings.
set -u
seconds=$1
shift
passed=0 failed=0
for prog in "$@"; do
    name=$(basename "$prog")
    work=build/fuzz/findings/$name
    mkdir -p "$work/corpus"
    seeds=()
    [ ! -d "tests/fuzz/seeds/$name" ] || seeds=("tests/fuzz/seeds/$name")
    log=$work/log
    if timeout $((seconds + 60)) "$prog" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 \
        -artifact_prefix="$work/" "$work/corpus" "${seeds[@]}" >"$log" 2>&1; then
        passed=$((passed + 1))
        echo "fuzz      $name ok: $(grep -oE 'Done [0-9]+ runs' "$log")"
    else
        failed=$((failed + 1))
        echo "fuzz      $name FAILED"
        grep -E 'ERROR|SUMMARY|runtime error|Test unit written' "$log" | head -n 8 | sed 's/^/    /'
    fi
done
[ -z "${COEXIST_TALLY:-}" ] || echo "fuzz $passed $failed 0" >>"$COEXIST_TALLY"
[ "$failed" -eq 0 ]
