#!/bin/bash
# Makes the incident library's updates and matrices. Run by `make incidents`.
#
#   build.sh SAMPLES OUT [CASE...]     SAMPLES: build/samples; OUT: folder; without cases: all of cases/
#
# The programs they need lie in OUT already (rules.mk).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
samples=$(realpath "$1") out=$(realpath "$2")
shift 2
declare -A folder=([alder]='Alder Security' [birch]='Birch Labs' [cedar]='Cedar Software')
declare -A key=([alder]=Alder [birch]=Birch [cedar]=Cedar)
[ $# -gt 0 ] || set -- "$here"/cases/*.json

digest() { sha256sum "$1" | cut -d ' ' -f 1; }

# own CASE ID: an update made here, as JSON
own() {
    local case=$1 id=$2 product kind file command mode rollback settings
    product=$(jq -r '.update.product // ""' "$case") kind=$(jq -r .update.kind "$case")
    mode=$(jq -r '.update.apply // ""' "$case")
    rollback=null settings=${product:+${key[$product]}}
    case $kind in
    engine) file=$product-$(jq -r .update.deed "$case").dll ;;
    content) file=$product-$(jq -r .update.content "$case").content ;;
    os) file=$(jq -r .update.program "$case").exe ;;
    esac
    if [ "$kind" = os ]; then
        command="\"{files}\\$file\""
    else
        local tool="\"C:\\Program Files\\${folder[$product]}\\${product}ctl.exe\""
        command="$tool update \"{files}\\$file\""
        rollback=$(jq -n --arg c "$tool rollback" '{command: $c, timeout_s: 120}')
        case $mode in
        status) command="C:\\Windows\\System32\\cmd.exe /d /c if exist {files}\\$file $tool status" ;;
        reboot) command="C:\\Windows\\System32\\cmd.exe /d /c \"$command & exit 3010\"" ;;
        esac
    fi
    jq -n --arg id "$id" --arg title "$(jq -r .title "$case")" --arg kind "$kind" --arg product "$product" \
        --arg file "$file" --arg sha "$(digest "$out/$file")" --arg command "$command" \
        --arg key "HKLM\\Software\\$settings" --argjson rollback "$rollback" '
        {format: "coexist-update/1", id: $id, title: $title, kind: $kind, from: "1.0.0.0", to: "2.0.0.0",
         files: [{file: $file, sha256: $sha}], apply: {command: $command, timeout_s: 120}}
        + (if $kind == "os" then {took: {registry: [{key: "HKLM\\Software\\SampleOS", value: "Update", data: "2.0.0.0"}]}} else {product: $product, rollback: $rollback, took: {registry: [
            {key: $key, value: (if $kind == "engine" then "EngineVersion" else "ContentVersion" end),
             data: "2.0.0.0"}]}} end)' >"$out/$id.json"
}

# borrowed CASE ID USES: one of the sample vendors' own updates under the case's name
borrowed() {
    local dir=$samples/${3%/*}
    jq --arg id "$2" --arg dir "$dir" '.id = $id | .files[].file |= $dir + "/" + .' "$samples/$3.json" >"$out/$2.json"
}

rows=()
for case in "$@"; do
    [ -f "$case" ] || case=$here/cases/$case.json
    id=$(basename "$case" .json)
    uses=$(jq -r '.update.uses // ""' "$case")
    if [ -n "$uses" ]; then borrowed "$case" "$id" "$uses"; else own "$case" "$id"; fi
    rows+=("$(jq -c --arg id "$id" '{id: $id, matrix, sets, expect}' "$case")")
done
printf '%s\n' "${rows[@]}" | jq -s . >"$out/expected.json"

# Those that must be told from an interaction run on their own product alone, too.
rm -f "$out"/matrix-*.json
for matrix in $(jq -r '[.[].matrix] | unique[]' "$out/expected.json"); do
    workloads='[]'
    case $matrix in
    live) steps='["install", "verify", "apply", "took", "detect"]' ;;
    boot) steps='["install", "verify", "reboot", "verify", "apply", "took", "reboot", "verify"]' ;;
    removal) steps='["install", "verify", "apply", "took", "rollback", "uninstall"]' ;;
    speed)
        steps='["install", "verify", "measure", "apply", "took", "measure"]'
        workloads='[{"name": "copy-small", "repetitions": 5}, {"name": "archive", "repetitions": 7},
            {"name": "launch", "repetitions": 5}]'
        ;;
    esac
    jq --arg matrix "$matrix" --arg samples "$samples" --argjson steps "$steps" --argjson workloads "$workloads" '
        map(select(.matrix == $matrix)) as $cases |
        ([$cases[] | . as $c | .sets[] | {set: ., id: $c.id}] +
         [$cases[] | select(.expect.alone) | {set: [.expect.product], id: .id}]) as $pairs |
        {format: "coexist-matrix/1", name: ("incidents-" + $matrix), images: ["winelab"],
         products: ([$pairs[].set[]] | unique | map($samples + "/" + . + "/product.json")),
         updates: [$cases[].id + ".json"],
         product_sets: ($pairs | group_by(.set) | map({products: .[0].set, updates: (map(.id) | unique)})),
         steps: $steps, workloads: $workloads}' "$out/expected.json" >"$out/matrix-$matrix.json"
done
