# shellcheck shell=bash disable=SC2154  # sourced by run.sh
# kill -9 of the orchestrator in the middle: after the next command nothing is left, and the journal opens.
cat >"$work/killed.json" <<JSON
{ "format": "coexist-matrix/1", "name": "killed", "images": ["winelab"],
  "products": ["$PWD/build/samples/cedar/product.json"],
  "updates": ["$PWD/build/samples/cedar/cedar-content-2.json"],
  "product_sets": [{ "products": ["cedar"] }], "repetitions": 2,
  "steps": ["install", "verify", "apply", "took", "reboot", "verify"] }
JSON
"$coexist" --lab "$lab" --runs "$work/killed" run "$work/killed.json" >/dev/null 2>&1 &
orchestrator=$!
for _ in $(seq 600); do # up to 60 s for both machines to run
    [ "$(machines | wc -l)" -lt 2 ] || break
    kill -0 "$orchestrator" 2>/dev/null || break
    read -rt 0.1 <> <(:) || true
done
try "two machines run at a time" test "$(machines | wc -l)" -eq 2
kill -9 "$orchestrator"
wait "$orchestrator" 2>/dev/null
"$coexist" --lab "$lab" --runs "$work/killed" clean >/dev/null
try "clean after kill -9 works" test $? -eq 0
try "no machine is left" test -z "$(machines)"
try "no work folder is left" test -z "$(find "$lab/work" -mindepth 1 -type d 2>/dev/null)"
try "no temporary folder is left" test -z "$(roots)"
"$coexist" --lab "$lab" --runs "$work/killed" report "$(ls "$work/killed")" >"$work/killed.out" 2>&1
try "the journal opens and says not known" test $? -eq 4
"$coexist" --lab "$lab" --runs "$work/killed" clean --states >/dev/null
try "no state is left" test -z "$(find "$lab/states" -mindepth 1 -type d 2>/dev/null)"
