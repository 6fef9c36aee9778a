#!/bin/bash
# Runs test programs and counts: tests/run.sh NAME PROGRAM...; COEXIST_TEST_JOBS at a time, by default one.
# Each program is a Check runner ("NN%: Checks: N, Failures: F, Errors: E"); one without such a line counts as one
# test by its exit code. Appends "NAME passed failed skipped" to $COEXIST_TALLY when that is set.
set -u
# shellcheck source=tests/slots.sh
. "$(dirname "$0")/slots.sh"
suite=$1
shift
logs=${COEXIST_TEST_LOGS:-build/test-logs}
mkdir -p "$logs"
passed=0 failed=0 skipped=0
log_of() { # PROGRAM: programs of one name lie in different folders
    echo "$logs/$suite-$(basename "$(dirname "$1")")-$(basename "$1").log"
}
# The groups that timeout makes, too: in the moment after its fork it would leave its child behind.
end_jobs() {
    local job
    for job in $(jobs -p); do
        kill -- "-$job" 2>/dev/null
        kill "$job" 2>/dev/null
    done
    wait
}
run_one() { # PROGRAM, beside us: its exit code and seconds go into the log's .rc
    local began=$SECONDS rc log
    log=$(log_of "$1")
    trap 'end_jobs; exit 143' TERM
    timeout --kill-after=10 "${COEXIST_TEST_TIMEOUT:-900}" "$1" >"$log" 2>&1 </dev/null &
    wait $!
    rc=$?
    echo "$rc $((SECONDS - began))" >"$log.rc"
}
trap 'trap - INT TERM HUP; kill $(jobs -p) 2>/dev/null; wait; exit 130' INT TERM HUP
jobs=${COEXIST_TEST_JOBS:-1}
for prog in "$@"; do
    rm -f "$(log_of "$prog").rc"
done
[ "$jobs" -le 1 ] || in_slots "$jobs" run_one "$@"
for prog in "$@"; do
    name=$(basename "$prog")
    log=$(log_of "$prog")
    if [ "$jobs" -le 1 ]; then
        in_slots 1 run_one "$prog" # and told as soon as it is done
    fi
    rc=none took=0
    [ ! -f "$log.rc" ] || read -r rc took <"$log.rc"
    rm -f "$log.rc"
    read -r checks bad < <(awk 'match($0, /Checks: [0-9]+, Failures: [0-9]+, Errors: [0-9]+/) {
            split(substr($0, RSTART, RLENGTH), a, /[^0-9]+/); n += a[2]; f += a[3] + a[4] }
        END { print n + 0, f + 0 }' "$log")
    skips=$(grep -c '^SKIP:' "$log")
    if [ "$checks" -eq 0 ]; then
        checks=1
        [ "$rc" = 0 ] && bad=0 || bad=1
    elif [ "$rc" != 0 ] && [ "$bad" -eq 0 ]; then
        bad=1
        checks=$((checks + 1))
    fi
    passed=$((passed + checks - bad - skips))
    failed=$((failed + bad))
    skipped=$((skipped + skips))
    state=ok
    [ "$bad" -eq 0 ] || state=FAILED
    printf '%-9s %-30s %-7s %4d checks %3d s\n' "$suite" "$name" "$state" "$checks" "$took"
    grep '^SKIP:' "$log" | sed 's/^/    /'
    if [ "$bad" -ne 0 ]; then
        [ "$rc" != none ] || echo "    it was ended before it told its exit code"
        [ "$rc" != 124 ] || echo "    timed out after ${COEXIST_TEST_TIMEOUT:-900} s"
        grep -vE '^(SKIP:|[0-9]+%: )' "$log" | tail -n 25 | sed 's/^/    /'
    fi
done
[ -z "${COEXIST_TALLY:-}" ] || echo "$suite $passed $failed $skipped" >>"$COEXIST_TALLY"
[ "$failed" -eq 0 ]
