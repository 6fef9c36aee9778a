#!/bin/bash
# Runs the incident library and says what was caught: run.sh COEXIST LAB RUNS OUT. Exit 0 only when all is as the
# cases say. build.sh was run into OUT.
set -u
here=$(cd "$(dirname "$0")" && pwd)
coexist=$1 lab=$2 runs=$3 out=$4
reports=()
for matrix in "$out"/matrix-*.json; do
    said=$("$coexist" --lab "$lab" --runs "$runs" run --jobs "${COEXIST_JOBS:-2}" "$matrix" | tee -a /dev/stderr | grep -oE '[^ ]+/report\.json')
    [ -f "$said" ] || { echo "incidents: $matrix gave no report" >&2; exit 1; }
    reports+=("$said")
done
jq -rs -f "$here/confusion.jq" "$out/expected.json" "${reports[@]}" | tee "$out/confusion.txt"
[ "$(tail -n 1 "$out/confusion.txt")" = 'all as they should be' ]
