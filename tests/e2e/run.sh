#!/bin/bash
# End to end on real machines: the demo matrix and its report, the same with everything renamed and reordered,
# an orchestrator that is killed in the middle, a run that is resumed, repair drills, one on two hosts that are lost in
# the middle, real faults, and known incidents. Arguments: the parts to run, by default the first six
# (demo renamed killed resume drills hosts; faults incidents install). make check-e2e PARTS="..." runs others.
set -u
cd "$(dirname "$0")/../.." || exit 3
# shellcheck disable=SC2034  # both for the parts
coexist=$PWD/build/coexist
# shellcheck disable=SC2034
lab=${COEXIST_E2E_LAB:-lab}
work=$(mktemp -d "${TMPDIR:-/tmp}/coexist-e2e-XXXXXX")
at_end=() # what the parts have to end, however we end
finish() {
    local end
    for end in "${at_end[@]}"; do
        "$end"
    done
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM HUP
# Temporary folders and machines of ours are told from those of other runs on this host.
export TMPDIR=$work/tmp
mkdir "$TMPDIR"
passed=0 failed=0 skipped=0

try() { # NAME COMMAND...: the command's success is the check
    local name=$1 out
    shift
    if out=$("$@" 2>&1); then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "e2e: $name"
        head -n 15 <<<"$out" | sed 's/^/    /'
    fi
}
# holds REPORT JQ-EXPRESSION: true about the report; shows the cells otherwise
holds() {
    jq -e "$2" "$1" >/dev/null && return
    echo "not so: $2"
    jq -c '.cells[] | [.id, .verdict, .failure_class, .blame]' "$1"
    return 1
}
roots() { find "$TMPDIR" -maxdepth 1 -name 'coexist-*' | sort; }
machines() { pgrep -f "qemu-system-x86_64.*$TMPDIR/coexist-" || true; }

for part in "${@:-demo renamed killed resume drills hosts}"; do
    for name in $part; do
        # shellcheck disable=SC1090  # the parts named in the head of this file
        . "tests/e2e/$name.sh"
    done
done

[ -z "${COEXIST_TALLY:-}" ] || echo "e2e $passed $failed $skipped" >>"$COEXIST_TALLY"
echo "e2e       $passed passed, $failed failed"
[ "$failed" -eq 0 ]
