#!/bin/bash
# Kills a real run at random moments, again and again, and resumes it after each: tests/e2e/kills.sh [N] [SEED].
# Not part of `make check`: every kill takes about half a minute. Needs the image (make image) in $COEXIST_E2E_LAB
# or lab/, which nothing else may be using.
#
# A first run goes undisturbed. Then runs of the same matrix are disturbed until N kills were made:
#   orchestrator  kill -9 of `coexist run`
#   power         kill -9 of everything at once: orchestrator, workers, QEMU, as a host that loses power
#   worker, qemu  kill -9 of one of them, then of the orchestrator a moment later; the lab's own failure that
#                 this may be recorded as uses up an attempt, so at most two of these hit one run
# and each is followed by `coexist run --resume`. Every run must come to the report of the undisturbed one, except
# for times and measured values (and, where a worker or QEMU was hit, the trace of the attempt); after every kill no
# machine, work folder or temporary folder may be left once `coexist clean` ran, and after every finished run no state.
set -u
cd "$(dirname "$0")/../.." || exit 3
wanted=${1:-50}
RANDOM=${2:-$$}
lab=${COEXIST_E2E_LAB:-lab}
work=$(mktemp -d "${TMPDIR:-/tmp}/coexist-e2e-XXXXXX")
cp build/coexist "$work/coexist" # whoever builds meanwhile does not disturb
coexist=$work/coexist
export TMPDIR=$work # temporary folders of ours, not of others
faults=0 kills=0 runs=0
declare -A by_kind=()
orchestrator=

finish() {
    [ -z "$orchestrator" ] || kill -9 "$orchestrator" 2>/dev/null
    "$coexist" --lab "$lab" --runs "$work/runs" clean --states >/dev/null 2>&1
    [ "$faults" -ne 0 ] || rm -rf "$work"
}
trap finish EXIT
trap 'echo "kills: stopped after $kills kills (${by_kind[*]@K}) in $runs runs, $faults faults"; exit 130' INT TERM

fault() {
    faults=$((faults + 1))
    echo "kills: FAULT after kill $kills: $*"
}
pause() { read -rt "$1" <> <(:) || true; } # SECONDS
machines() { pgrep -f "qemu-system-x86_64.*$(realpath "$lab")/" || true; }
roots() { find "$work" -mindepth 1 -maxdepth 1 -name 'coexist-*' | sort; }
children() { pgrep -P "$1" -f "coexist .*worker" || true; }

cat >"$work/matrix.json" <<JSON
{ "format": "coexist-matrix/1", "name": "kills", "images": ["winelab"],
  "products": ["$PWD/build/samples/birch/product.json", "$PWD/build/samples/cedar/product.json"],
  "updates": ["$PWD/build/samples/cedar/cedar-content-2.json"],
  "product_sets": [{ "products": ["cedar"], "updates": ["none", "cedar-content-2"] },
                   { "products": ["cedar", "birch"], "updates": ["cedar-content-2"] }],
  "steps": ["install", "verify", "detect", "apply", "took", "verify", "detect"] }
JSON

# What must be the same, whatever happened on the way. $1: report; $2: 1 when an attempt may have left its trace.
same() {
    jq -S --argjson hit "$2" '
        del(.run.id, .run.started, .run.ended, .run.resumed)
        | .cells |= map(del(.timeline[].begin_ms, .timeline[].ms)
            | .moments |= map(select((.text // "") | test("^(restored|clock):") | not) | del(.at_ms))
            | .metrics |= map({name, unit, source, process, product, before: (.before | length),
                               after: (.after | length), regression})
            | .evidence |= map(select(test("clock was not set") | not)) # an image with an older agent
            | .artifacts |= map({role, name, phase})
            | if $hit == 1 then del(.attempts, .earlier_attempts)
                | .evidence |= map(select(test("^attempt [0-9]+( on this host)?:") | not))
                | .summary |= sub("; passed on attempt [0-9]+"; "") else . end)' "$1"
}

# Nothing may be left of a run that nobody runs: states excepted, they are what it is resumed from.
check_clean() {
    "$coexist" --lab "$lab" --runs "$work/runs" clean >"$work/clean.out" 2>&1 || fault "clean: $(cat "$work/clean.out")"
    [ -z "$(machines)" ] || fault "a machine is left: $(machines)"
    local left
    left=$(find "$lab/work" -mindepth 1 -type d 2>/dev/null)
    [ -z "$left" ] || fault "a work folder is left: $left"
    [ -z "$(roots)" ] || fault "a temporary folder is left: $(roots)"
}

start() { # ARGUMENTS of run...
    "$coexist" --lab "$lab" --runs "$work/runs" run --jobs 2 "$@" >"$work/out" 2>>"$work/log" &
    orchestrator=$!
}

# One kill of a random kind. False when nothing of that kind was there to be hit.
hit() {
    local kind=$1 victims
    case $kind in
    orchestrator) victims=$orchestrator ;;
    power) victims="$orchestrator $(children "$orchestrator") $(machines)" ;;
    worker) victims=$(children "$orchestrator" | shuf -n 1 --random-source=<(yes "$RANDOM")) ;;
    qemu) victims=$(machines | shuf -n 1 --random-source=<(yes "$RANDOM")) ;;
    esac
    [ -n "${victims// /}" ] || return 1
    # shellcheck disable=SC2086
    kill -9 $victims 2>/dev/null || return 1
    if [ "$kind" = worker ] || [ "$kind" = qemu ]; then
        pause "0.$((RANDOM % 10))"
        kill -9 "$orchestrator" 2>/dev/null
    fi
    return 0
}

# Waits up to a random time of at most $1 tenths of a second; false when the run ended before.
live() {
    local tenths=$((1 + RANDOM % $1))
    for _ in $(seq "$tenths"); do
        kill -0 "$orchestrator" 2>/dev/null || return 1
        pause 0.1
    done
}

disturb() { # one run, from its start to its report
    local resume="" kind rc run_hits=0 window
    runs=$((runs + 1))
    while :; do
        if [ -z "$resume" ]; then start "$work/matrix.json"; else start --resume "$resume"; fi
        # Short lives hit the beginning again and again, long ones let the run get on.
        window=$((RANDOM % 3 == 0 ? 60 : 450))
        if [ "$kills" -lt "$wanted" ] && live "$window"; then
            kind=orchestrator
            case $((RANDOM % 4)) in
            0) kind=power ;;
            1) [ "$run_hits" -ge 2 ] || kind=worker ;;
            2) [ "$run_hits" -ge 2 ] || kind=qemu ;;
            esac
            if hit "$kind"; then
                kills=$((kills + 1))
                by_kind[$kind]=$((${by_kind[$kind]:-0} + 1))
                case $kind in worker | qemu) run_hits=$((run_hits + 1)) ;; esac
            else
                kill -9 "$orchestrator" 2>/dev/null && kills=$((kills + 1))
                by_kind[orchestrator]=$((${by_kind[orchestrator]:-0} + 1))
            fi
        fi
        wait "$orchestrator" 2>/dev/null
        rc=$?
        orchestrator=
        check_clean
        local newest
        newest=$(find "$work/runs" -mindepth 1 -maxdepth 1 -type d ! -name '.*' -printf '%T@ %f\n' | sort -n | tail -n 1 | cut -d' ' -f2)
        [ -n "$newest" ] && [ -f "$work/runs/$newest/journal.sqlite" ] && resume=$newest
        if [ "$rc" -eq 0 ]; then
            break
        elif [ "$rc" -ne 137 ]; then
            fault "run ended with $rc: $(tail -n 3 "$work/log")"
            [ "$faults" -lt 10 ] || exit 1
            break
        fi
    done
    [ -n "$resume" ] || return
    diff <(same "$work/reference.json" "$((run_hits > 0))") <(same "$work/runs/$resume/report.json" "$((run_hits > 0))") \
        >"$work/difference-$runs" || fault "run $resume reports otherwise: see $work/difference-$runs"
    [ -z "$(find "$lab/states" -mindepth 1 -type d 2>/dev/null)" ] || fault "states of $resume are left"
    rm -rf "$work/runs/$resume"
    echo "kills: run $runs done, $kills kills so far (${by_kind[*]@K}), $SECONDS s, $faults faults"
}

"$coexist" --lab "$lab" --runs "$work/runs" clean >/dev/null 2>&1
start "$work/matrix.json"
wait "$orchestrator"
rc=$?
orchestrator=
[ "$rc" -eq 0 ] || { fault "the undisturbed run ended with $rc: $(tail -n 3 "$work/log")"; exit 1; }
cp "$work"/runs/*/report.json "$work/reference.json"
rm -rf "$work/runs"
echo "kills: undisturbed run done after $SECONDS s"
while [ "$kills" -lt "$wanted" ]; do
    disturb
done
echo "kills: $kills kills (${by_kind[*]@K}) in $runs runs, $SECONDS s, $faults faults"
[ "$faults" -eq 0 ]
