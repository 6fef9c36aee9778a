# shellcheck shell=bash disable=SC2154  # sourced by run.sh
# The demo matrix: the report must say what is known to be true of the sample updates.
demo_began=$SECONDS
"$coexist" --lab "$lab" --runs "$work/runs" run matrices/demo.json >"$work/demo.out" 2>"$work/demo.err"
demo_exit=$?
echo "e2e: demo matrix took $((SECONDS - demo_began)) s"
run=$(find "$work/runs" -mindepth 1 -maxdepth 1 | head -n 1)
report=$run/report.json

try "demo exits with hold" test "$demo_exit" -eq 1
try "demo says where the report is" grep -q "report.html" "$work/demo.out"
try "report.json is JSON" jq -e . "$report"
try "the gate holds" holds "$report" '.gate.decision == "hold" and (.gate.reasons | length > 0)'
for update in alder-content-2 birch-content-2 cedar-content-2; do
    try "$update ships" holds "$report" ".updates[] | select(.id == \"$update\") | .decision == \"ship\""
done
for update in alder-content-bad birch-engine-fp cedar-engine-slow; do
    try "$update is held" holds "$report" ".updates[] | select(.id == \"$update\") | .decision == \"hold\""
done
try "out-of-bounds update: boot loop, driver and vendor named" holds "$report" '
    [.cells[] | select(.factors.update == "alder-content-bad")] | length > 0 and all(
        .verdict == "update-regression" and .failure_class == "boot-loop" and
        .blame.product == "alder" and .blame.update == "alder-content-bad" and
        (.blame.module | ascii_downcase) == "alderflt.sys")'
try "pair-only update: passes alone" holds "$report" '
    .cells[] | select(.factors.update == "birch-engine-fp" and .factors.products == ["birch"]) |
    .verdict == "pass"'
try "pair-only update: interaction of the two" holds "$report" '
    .cells[] | select(.factors.update == "birch-engine-fp" and (.factors.products | length) == 2) |
    .verdict == "interaction-fault" and .blame.product == "birch" and .blame.with == "cedar"'
try "slow update: flagged with its size" holds "$report" '
    [.cells[] | select(.factors.update == "cedar-engine-slow")] | length > 0 and all(
        .failure_class == "slower" and ([.metrics[] | select(.regression and .change_percent > 30)] | length > 0))'
try "good cells pass" holds "$report" '
    [.cells[] | select(.factors.update | IN("alder-content-2", "birch-content-2", "cedar-content-2"))] |
    length == 3 and all(.verdict == "pass")'
try "metrics before and after, with units" holds "$report" '
    [.cells[] | select(.verdict == "pass")] | all(
        (.metrics | all(.unit | length > 0)) and
        ([.metrics[] | select(.before.n >= 1 and .after.n >= 1)] | length > 10))'
try "the stand-in's limits are said" holds "$report" '.limits | length > 0'
try "HTML needs nothing but itself" bash -c '! grep -qE "(src|href)=\"https?:" "$0"' "$run/report.html"
try "JUnit is well-formed" xmllint --noout "$run/junit.xml"
try "a screenshot for every cell" holds "$report" '.cells | all([.artifacts[] | select(.role == "screenshot")] | length > 0)'
try "the crash left a dump" holds "$report" '
    .cells[] | select(.factors.update == "alder-content-bad") | [.artifacts[] | select(.role == "minidump")] | length > 0'
try "cells go on from the image's state at ready, and are measured after a boot of their own" holds "$report" '
    (.cells | map(.moments[] | select(.text | startswith("restored: the image'"'"'s state at ready, ready-"))) | length > 0) and
    all(.cells[].metrics[]; .name != "first-boot") and any(.cells[].metrics[]; .name == "boot" and .before.n == 1)'
jq -S . "$report" >"$work/first.json"
rm -f "$run"/report.* "$run/junit.xml"
"$coexist" --lab "$lab" --runs "$work/runs" report "$(basename "$run")" >/dev/null 2>&1
try "report from the journal alone says the same" test $? -eq 1
try "and is the same" diff "$work/first.json" <(jq -S . "$report")
try "nothing is left running" test -z "$(machines)"
