#!/bin/bash
# Static analysis: tests/static.sh COMPILER-FLAGS... cppcheck over everything, clang-tidy's bug finders over the
# code that runs on the host; FULL=1 lets its analyzer follow four times as many ways through a function, its default.
# cppcheck 2.10 does not know __attribute__((cleanup)) (it sees leaks) nor statement expressions (it loses the syntax
# tree); clang's analyzer, which does, looks for leaks instead.
set -u
cd "$(dirname "$0")/.." || exit 3
mapfile -t sources < <(git ls-files --cached --others --exclude-standard \
    'orchestrator/*.c' ':(glob)images/*.c' 'reports/*.c' 'agents/proto/*.c' 'agents/common/*.c')
includes=()
for flag in "$@"; do
    case $flag in -I* | -D*) includes+=("$flag") ;; esac
done
passed=0 failed=0
mkdir -p build
if cppcheck --quiet --std=c11 -j"$(nproc)" --enable=warning,performance,portability --inline-suppr \
    --suppress=missingIncludeSystem --suppress=internalAstError --suppress=resourceLeak --suppress=normalCheckLevelMaxBranches --error-exitcode=1 \
    -Iorchestrator -Iagents -I. "${sources[@]}" 2>build/cppcheck.log; then
    passed=$((passed + 1))
else
    failed=$((failed + 1))
    echo "cppcheck:"
    head -n 30 build/cppcheck.log
fi
checks='-*,clang-analyzer-*,bugprone-*,-bugprone-easily-swappable-parameters,-bugprone-reserved-identifier'
checks+=',-bugprone-sizeof-expression,-bugprone-not-null-terminated-result,-bugprone-narrowing-conversions,-bugprone-branch-clone,-bugprone-assignment-in-if-condition'
checks+=',-clang-analyzer-security.insecureAPI.DeprecatedOrUnsafeBufferHandling'
depth=(-Xclang -analyzer-config -Xclang max-nodes=56000)
[ -z "${FULL:-}" ] || depth=()
printf '%s\0' "${sources[@]}" | xargs -0 -P"$(nproc)" -I{} clang-tidy --quiet --checks="$checks" {} -- \
    -std=c17 "${includes[@]}" "${depth[@]}" >build/clang-tidy.log 2>/dev/null
if grep -qE 'warning:|error:' build/clang-tidy.log; then
    failed=$((failed + 1))
    echo "clang-tidy:"
    grep -E 'warning:|error:' build/clang-tidy.log | sort -u | head -n 40
else
    passed=$((passed + 1))
fi
[ -z "${COEXIST_TALLY:-}" ] || echo "static $passed $failed 0" >>"$COEXIST_TALLY"
echo "static    $passed clean, $failed with findings"
[ "$failed" -eq 0 ]
