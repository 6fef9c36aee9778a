# shellcheck shell=bash disable=SC2154  # sourced by run.sh
# Two cells with a common beginning. The orchestrator is killed once the state between them exists, the resumed run
# is interrupted, and resumed again: every cell comes to its verdict, what was done is not done again, nothing is
# left behind.
cat >"$work/resume.json" <<JSON
{ "format": "coexist-matrix/1", "name": "resume", "images": ["winelab"],
  "products": ["$PWD/build/samples/cedar/product.json"],
  "updates": ["$PWD/build/samples/cedar/cedar-content-2.json"],
  "product_sets": [{ "products": ["cedar"], "updates": ["none", "cedar-content-2"] }],
  "steps": ["install", "verify", "apply", "took", "verify"] }
JSON
resumed() { "$coexist" --lab "$lab" --runs "$work/resume" "$@"; }
whole_states() { find "$lab/states" -mindepth 3 -maxdepth 3 -path '*-resume-*/state.json' 2>/dev/null; }
# until_so SECONDS COMMAND...: looks ten times a second; gives up when the program in $orchestrator has ended
until_so() {
    local tries=$(($1 * 10))
    shift
    for _ in $(seq "$tries"); do
        "$@" && return 0
        kill -0 "$orchestrator" 2>/dev/null || return 1
        read -rt 0.1 <> <(:) || true
    done
    return 1
}

"$coexist" --lab "$lab" --runs "$work/resume" run --json "$work/resume.json" >"$work/resume-1.events" 2>/dev/null &
orchestrator=$!
try "a state is kept where the cells part" until_so 180 eval 'test -n "$(whole_states)"'
id=$(ls "$work/resume")
resumed run --resume "$id" >"$work/resume-busy.out" 2>&1
try "a living run is not resumed" test $? -eq 2
try "and says why" grep -q "still running" "$work/resume-busy.out"
kill -9 "$orchestrator"
wait "$orchestrator" 2>/dev/null
resumed clean >"$work/resume-clean.out"
try "clean tells of the kept states" grep -q "states of 1 interrupted run kept" "$work/resume-clean.out"
try "clean leaves no machine" test -z "$(machines)"
try "and no work folder" test -z "$(find "$lab/work" -mindepth 1 -type d 2>/dev/null)"
try "the state is still there" test -n "$(whole_states)"

"$coexist" --lab "$lab" --runs "$work/resume" run --json --resume "$id" >"$work/resume-2.events" 2>/dev/null &
orchestrator=$!
try "the cells go on" until_so 120 grep -q '"event":"step-started"' "$work/resume-2.events"
kill -INT "$orchestrator"
wait "$orchestrator"
try "an interrupted run is not known" test $? -eq 4
try "its last event says so" jq -es 'last | .event == "run-ended" and .outcome == "interrupted"' "$work/resume-2.events"
try "an interrupt leaves no machine" test -z "$(machines)"

resumed run --json --resume "$id" >"$work/resume-3.events" 2>"$work/resume-3.err"
try "the resumed run ships" test $? -eq 0
report=$work/resume/$id/report.json
try "all cells pass at their first attempt" holds "$report" \
    '(.cells | length) == 2 and all(.cells[]; .verdict == "pass" and .complete and .attempts == 1)'
try "both have the whole timeline" holds "$report" \
    'all(.cells[]; [.timeline[].step] | index(["provision", "boot", "install", "verify"]) == 0)'
try "the report says when it was resumed" holds "$report" '(.run.resumed | length) == 2'
try "what was shared was executed once" bash -c \
    'jq -es "map(select(.event == \"step-started\" and .kind == \"install\")) | length == 1" "$@"' _ \
    "$work"/resume-[123].events
try "every event is as documented" bash -c 'jq -es "all(.[]; (.event | IN(\"run-started\", \"cell-started\",
        \"step-started\", \"cell-finished\", \"waiting\", \"run-ended\")) and (.at | fromdate) and (.ms | type == \"number\"))
    and (map(select(.counts)) | length > 5 and all(.[].counts; .cells == 2 and .done + .running <= 2))" "$@"' _ \
    "$work"/resume-[23].events
try "no state is left" test -z "$(find "$lab/states" -mindepth 1 -type d 2>/dev/null)"
try "nor a machine" test -z "$(machines)"
try "nor a work folder" test -z "$(find "$lab/work" -mindepth 1 -type d 2>/dev/null)"
try "nor a temporary folder" test -z "$(roots)"
resumed run --resume "$id" >/dev/null 2>"$work/resume-4.err"
try "a finished run is reported again" test $? -eq 0
try "and said to be finished" grep -q "finished already" "$work/resume-4.err"
resumed run --resume no-such-run >/dev/null 2>&1
try "an unknown run is bad input" test $? -eq 2
