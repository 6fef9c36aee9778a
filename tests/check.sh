#!/bin/bash
# All of `make check`: every part runs even when an earlier one failed; the last line has the counts.
set -u
cd "$(dirname "$0")/.." || exit 3
COEXIST_TALLY=$(mktemp)
export COEXIST_TALLY
trap 'rm -f "$COEXIST_TALLY"' EXIT
jobs=-j$(nproc)
began=$SECONDS

# part NAME COMMAND...: a part that fails without having counted anything counts as one failure.
part() {
    local name=$1 before=$SECONDS lines
    shift
    lines=$(wc -l <"$COEXIST_TALLY")
    echo "== $name"
    if "$@"; then
        [ "$(wc -l <"$COEXIST_TALLY")" -gt "$lines" ] || echo "$name 1 0 0" >>"$COEXIST_TALLY"
    elif [ "$(wc -l <"$COEXIST_TALLY")" -eq "$lines" ]; then
        echo "$name 0 1 0" >>"$COEXIST_TALLY"
    fi
    echo "== $name: $((SECONDS - before)) s"
}

part rules tests/house-rules.sh
part build make "$jobs" --no-print-directory all tests incident-updates rehearsal
part nothing-to-do bash -c '! make all tests | grep -E "^  (CC|LD|AR|TEST)"'
part clang make "$jobs" --no-print-directory check-clang
part unit make --no-print-directory check-unit
part sim make --no-print-directory check-sim
part golden make --no-print-directory check-golden
part docs make --no-print-directory check-docs
part sanitizers make "$jobs" --no-print-directory check-san
part fuzz make "$jobs" --no-print-directory check-fuzz
part static make --no-print-directory check-static
part image make --no-print-directory image
part contract make --no-print-directory check-contract
part e2e make --no-print-directory check-e2e

awk -v t=$((SECONDS - began)) '{ p += $2; f += $3; s += $4; if ($3) bad = bad " " $1 }
    END { if (bad) print "failed in:" bad
          print "make check took " int(t / 60) " min " t % 60 " s"
          print p + 0 " passed, " f + 0 " failed, " s + 0 " skipped"; exit f > 0 }' "$COEXIST_TALLY"
