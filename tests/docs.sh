#!/bin/bash
# Help, man page, completion and README against the program itself.
set -u
cd "$(dirname "$0")/.." || exit 3
coexist=${COEXIST_BUILD:-build}/coexist
passed=0 failed=0
try() { # NAME COMMAND...
    local name=$1 out
    shift
    if out=$("$@" 2>&1); then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "docs: $name"
        head -n 8 <<<"$out" | sed 's/^/    /'
    fi
}

mapfile -t verbs < <("$coexist" --help | awk '/^Verbs:/ { on = 1; next } /^$/ { on = 0 }
    on { v = $1; if ($1 == "image") v = $1 " " $2; print v }')
try "help lists verbs" test "${#verbs[@]}" -ge 9
for v in "${verbs[@]}"; do
    read -ra words <<<"$v"
    try "coexist $v --help" bash -c '"$0" "$@" --help | grep -q "^usage: coexist"' "$coexist" "${words[@]}"
    try "man page has $v" grep -q "^\.SS $v\$" build/coexist.1
    while read -r option; do
        try "man page has $v $option" grep -q -- "${option//-/\\\\-}" build/coexist.1
    done < <("$coexist" "${words[@]}" --help | awk '/^Options:/ { on = 1; next } on { print $1 }')
done
try "man page is clean" bash -c '! LC_ALL=C.UTF-8 MANROFFSEQ= MANWIDTH=100 man --warnings -E UTF-8 -l -Tutf8 -Z build/coexist.1 2>&1 >/dev/null | grep .'
try "completion is bash" bash -n build/coexist.bash

# What a person gets for: coexist pl<Tab>, coexist image b<Tab>, coexist run --j<Tab>
complete_words() {
    # shellcheck disable=SC1091
    . build/coexist.bash
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
    _coexist
    printf '%s\n' "${COMPREPLY[@]}"
}
try "completes a verb" grep -qx plan <(complete_words coexist pl)
try "completes a second word" grep -qx build <(complete_words coexist image b)
try "completes an option" grep -qx -- --jobs <(complete_words coexist run --j)

try "README has the two commands" bash -c 'grep -q "^make demo" README.md && grep -q "^make check" README.md'
for picture in $(grep -oE '!\[[^]]*\]\([^)]+\)' README.md | sed 's/.*(//; s/)//'); do
    try "README's picture $picture" test -s "$picture"
done
while read -r code; do
    try "README explains exit code $code" grep -qE "^\| $code " README.md
done < <("$coexist" --help | awk '/^Exit codes:/ { on = 1; next } on { print $1 }')
for schema in matrices/schema/*.json reports/schema/*.json; do
    try "$schema says what each key is for" bash -c \
        '! jq -e "[.. | objects | .properties? // empty | to_entries[] | select(.value | has(\"description\") or has(\"\$ref\") | not)] | length > 0" "$0" >/dev/null' "$schema"
done

[ -z "${COEXIST_TALLY:-}" ] || echo "docs $passed $failed 0" >>"$COEXIST_TALLY"
echo "docs      $passed right, $failed wrong"
[ "$failed" -eq 0 ]
