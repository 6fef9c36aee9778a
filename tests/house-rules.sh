#!/bin/bash
# The rules of the house, as greps. Prints every breach; ends with "N passed, N failed" of rules.
set -u
cd "$(dirname "$0")/.." || exit 3
tally=$(mktemp)
trap 'rm -f "$tally"' EXIT

# rule NAME: breaches are read from standard input, one a line.
rule() {
    local breaches
    breaches=$(cat)
    if [ -z "$breaches" ]; then
        echo hold >>"$tally"
        return
    fi
    echo broken >>"$tally"
    echo "rule broken: $1"
    head -n 12 <<<"$breaches" | sed 's/^/    /'
}

files() { git ls-files --cached --others --exclude-standard -- "$@"; }
mapfile -t sources < <(files '*.c' '*.h' | sort -u)
mapfile -t host_files < <(files 'orchestrator/*.[ch]' 'images/*.[ch]' 'reports/*.[ch]')
mapfile -t scripts < <(files '*.sh' .ci/run)
mapfile -t texts < <(files '*.md' '*.mk' Makefile)
# Code without comments and strings, so that prose is free to use any word: "FILE:LINE:code".
code() { awk 'FNR == 1 { c = 0 } { s = $0; gsub(/"([^"\\]|\\.)*"/, "\"\"", s)
        if (c) { if (match(s, /\*\//)) { s = substr(s, RSTART + 2); c = 0 } else next }
        while (match(s, /\/\*/)) { h = substr(s, 1, RSTART - 1); t = substr(s, RSTART + 2)
            if (match(t, /\*\//)) s = h substr(t, RSTART + 2); else { s = h; c = 1; break } }
        sub(/\/\/.*/, "", s); print FILENAME ":" FNR ":" s }' "$@"; }
host_code=$(code "${host_files[@]}")

grep -lE '#include <libvirt/' "${sources[@]}" | grep -vE '^orchestrator/vm/libvirt[a-z_]*\.[ch]$' |
    rule "libvirt's headers only in orchestrator/vm/libvirt*.c"
grep -lE '#include <libssh2' "${sources[@]}" | grep -vE '^(orchestrator/guest|tests/unit)/[a-z_]*ssh[a-z_]*\.[ch]$' |
    rule "libssh2's headers only in orchestrator/guest/ssh*.c and its test"
grep -lE '#include <guestfs' "${sources[@]}" | grep -v '^orchestrator/vm/disk' |
    rule "libguestfs only in orchestrator/vm/disk*.c"
grep -lE '#include <sqlite3' "${sources[@]}" | grep -vE '^(orchestrator/journal|tests)/' |
    rule "SQLite only in orchestrator/journal/"

grep -lE '#include <(tesseract|leptonica)/' "${sources[@]}" | grep -v '^orchestrator/evidence/' |
    rule "the OCR library's headers only in orchestrator/evidence/"
grep -lE '#include <(libisofs/|udfread/|wimlib\.h)' "${sources[@]}" | grep -vE '^(orchestrator/media|tests)/' |
    rule "the libraries that read and write CDs and WIMs only in orchestrator/media/"

# Dependencies point one way only. A room may include itself and the rooms named after it.
while read -r room allowed; do
    for f in $(files "$room/*.[ch]" | grep -E "^$room/[^/]+$"); do
        case $f in */fake*.[ch]) allow="$allowed sim" ;; *) allow=$allowed ;; esac
        grep -oE '#include "[a-z_]+/' "$f" | sed 's/#include "//; s,/$,,' | sort -u |
            while read -r used; do
                [[ " $allow ${room##*/} " == *" $used "* ]] || echo "$f includes from $used/"
            done
    done
done <<'ROOMS' | rule "dependencies point one way (see the table in tests/house-rules.sh)"
orchestrator/base
orchestrator/cover base
orchestrator/model base cover
orchestrator/plan base model cover
orchestrator/journal base
orchestrator/evidence base
orchestrator/media base
orchestrator/vm base
orchestrator/sim base vm
orchestrator/guest base proto
orchestrator/run base model plan journal vm guest images
orchestrator/analysis base model journal plan evidence
images base model media
orchestrator/install base vm guest evidence media images install
reports base model journal analysis evidence
orchestrator/cli base model cover plan journal vm media images install run analysis evidence reports cli
ROOMS

grep -E ':[0-9]+:.*\b(sprintf|vsprintf|strcpy|strcat|gets|atoi|atol|system|popen|tmpnam|mktemp|alloca)\(' <<<"$host_code" |
    rule "no unbounded or unchecked C functions"
grep -E ':[0-9]+:.*\b(sleep|usleep|nanosleep)\(' <<<"$host_code" |
    rule "no sleep as a signal: wait on the clock towards a deadline"
grep -E ':[0-9]+:extern ' <<<"$host_code" | grep -v '\[\];' |
    rule "no extern variables (embedded data by .incbin excepted)"
grep -E ':[0-9]+:static [a-z_ ]*[ *][a-z_]+( = [^(]*)?;' <<<"$host_code" | grep -vE ':static (const|.*\*const|volatile sig_atomic_t)' |
    rule "no mutable globals"
grep -nE '\b(TODO|FIXME|XXX|HACK)\b' "${sources[@]}" "${scripts[@]}" Makefile | grep -v 'tests/house-rules.sh' |
    rule "nothing left as a note to oneself"
grep -nE '[[:space:]]+$' "${sources[@]}" "${scripts[@]}" "${texts[@]}" | rule "no trailing white space"
awk 'length($0) > 120 { print FILENAME ":" FNR ": " length($0) " columns" }' "${sources[@]}" |
    rule "no line over 120 columns"
wc -l "${sources[@]}" | awk '$2 != "total" && $1 > 600 { print $2 ": " $1 " lines" }' |
    rule "no source file over 600 lines"
git grep -nIE '((^|[^a-z}])/work/|/root/\.|/home/[a-km-z]|deb\.debian\.org|registry\.npmjs)' -- ':!tests/house-rules.sh' | rule "no path of one machine, no registry host"
git grep -nIE 'BEGIN (OPENSSH|RSA|EC) PRIVATE KEY' -- ':!tests/house-rules.sh' | rule "no secrets"
for h in $(files 'orchestrator/*.h' 'images/*.h' 'reports/*.h' 'agents/*.h'); do
    head -n 3 "$h" | grep -q '/\*' || echo "$h does not say what it is for"
done | rule "every header begins by saying what it is for"
for t in $(files 'tests/*/test_*.c'); do
    # A contract's assertions stand in the suite that its backends share.
    suite=$(grep -oE 'include "([a-z]+/)*[a-z_]*contract\.h"' "$t" | sed 's/.*"\(.*\)\.h"/\1.c/')
    cat "$t" ${suite:+"tests/contract/$(basename "$suite")"} | grep -qE 'ck_assert|ck_abort' || echo "$t asserts nothing"
done | rule "every test asserts something"
if command -v shellcheck >/dev/null; then
    shellcheck -x -e SC1091,SC2016,SC2013 "${scripts[@]}" 2>&1 | grep -E '^In |SC[0-9]+' | rule "shell scripts pass shellcheck"
fi

passed=$(grep -c hold "$tally")
failed=$(grep -c broken "$tally")
[ -z "${COEXIST_TALLY:-}" ] || echo "rules $passed $failed 0" >>"$COEXIST_TALLY"
echo "rules     $passed hold, $failed broken"
[ "$failed" -eq 0 ]
